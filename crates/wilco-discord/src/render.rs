//! The small Markdown of wilco's messages as Discord's, which is another one.
//!
//! Read are fences, inline code, `**bold**`, `_emphasis_`, `[name](https://…)` and bare links; everything else is text
//! and stays text, because whatever Discord would take for markup or for a mention gets a backslash. Code stays as it
//! is. A mention that were read all the same notifies nobody: every call says so (`allowed_mentions`).

use wilco_core::text::plain;

#[cfg(test)]
mod tests;

/// Between an `@` and a word that would notify everybody, and between backticks that would end a block.
const NOTHING: char = '\u{200b}';

/// A text for Discord. `as_it_stands` is one that may have no markup and no link: it is shown after markup or a link
/// was refused.
pub(crate) fn render(text: &str, as_it_stands: bool) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    if as_it_stands {
        for (at, line) in text.split('\n').enumerate() {
            if at > 0 {
                out.push('\n');
            }
            escape(line, true, Links::Broken, &mut out);
        }
        return out;
    }
    let mut fence = None;
    // Nothing but line breaks since the fence opened. Discord takes such a block for none, and its end for a beginning.
    let mut blank = false;
    for (at, line) in text.split('\n').enumerate() {
        if at > 0 {
            out.push('\n');
        }
        match (fence, fence_of(line)) {
            (None, Some((length, info))) if !info.contains('`') => {
                (fence, blank) = (Some(length), true);
                out.push_str("```");
                out.push_str(info);
            }
            (Some(open), Some((length, ""))) if length >= open => {
                fence = None;
                if blank {
                    out.push(NOTHING);
                    out.push('\n');
                }
                out.push_str("```");
            }
            (Some(_), _) => {
                blank &= line.is_empty();
                code(line, &mut out);
            }
            (None, _) => inline(line, &mut out),
        }
    }
    if fence.is_some() {
        // Discord shows an open fence as text.
        if blank {
            out.push('\n');
            out.push(NOTHING);
        }
        out.push_str("\n```");
    }
    out
}

/// The same text without markup and without escapes, for a message that would be too long with them. Nothing is lost
/// but its looks.
pub(crate) fn unmarked(text: &str, as_it_stands: bool) -> String {
    let text = if as_it_stands { text.to_owned() } else { plain(text) };
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(letter) = rest.chars().next() {
        out.push(letter);
        rest = rest.get(letter.len_utf8()..).unwrap_or_default();
        if letter == '@' && is_everybody(rest) {
            out.push(NOTHING);
        }
    }
    out
}

/// The length of a line's run of backticks and what follows it, when the line is a fence.
fn fence_of(line: &str) -> Option<(usize, &str)> {
    let trimmed = line.trim();
    let info = trimmed.trim_start_matches('`');
    let length = trimmed.len() - info.len();
    let is_info = info.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'+' | b'-'));
    (length >= 3 && is_info).then_some((length, info))
}

/// A line of a code block. Three backticks would end it, so a run of so many gets something between each two.
fn code(line: &str, out: &mut String) {
    let mut rest = line;
    while let Some(at) = rest.find("```") {
        let (before, run) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(before);
        rest = run.trim_start_matches('`');
        for nth in 0..run.len() - rest.len() {
            if nth > 0 {
                out.push(NOTHING);
            }
            out.push('`');
        }
    }
    out.push_str(rest);
}

/// What becomes of bare links.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Links {
    /// They stay links.
    Kept,
    /// They are text that can be read and copied, and no link.
    Broken,
}

/// A line of text with the small markup in it.
fn inline(line: &str, out: &mut String) {
    let mut rest = line;
    let mut text_from = line;
    let mut begins = true;
    let mut before = ' ';
    while let Some(letter) = rest.chars().next() {
        if let Some((markup, length)) = span(rest, before) {
            let text = text_from.get(..text_from.len() - rest.len()).unwrap_or_default();
            escape(text, begins, Links::Kept, out);
            out.push_str(&markup);
            let (passed, behind) = rest.split_at_checked(length).unwrap_or((rest, ""));
            before = passed.chars().next_back().unwrap_or(' ');
            (rest, text_from, begins) = (behind, behind, false);
            continue;
        }
        before = letter;
        // A link is passed over whole, so that nothing inside of it is taken for markup.
        let step = link_length(rest).unwrap_or(letter.len_utf8());
        rest = rest.get(step..).unwrap_or_default();
    }
    escape(text_from, begins, Links::Kept, out);
}

/// The span of markup that begins here, as Discord writes it, and its length in the source.
fn span(rest: &str, before: char) -> Option<(String, usize)> {
    let of = |mark: &str| {
        let inner = rest.strip_prefix(mark)?;
        let end = inner.find(mark)?;
        let inner = inner.get(..end).filter(|inner| !inner.is_empty())?;
        Some((inner, end + 2 * mark.len()))
    };
    let escaped = |inner: &str| {
        let mut text = String::new();
        escape(inner, false, Links::Kept, &mut text);
        text
    };
    match rest.chars().next()? {
        '`' => of("`").map(|(inner, length)| (format!("`{inner}`"), length)),
        '*' => {
            let (inner, length) = of("**").filter(|(inner, _)| !inner.contains('*'))?;
            Some((format!("**{}**", escaped(inner)), length))
        }
        '_' if !(before.is_alphanumeric() || before == '_') => {
            let (inner, length) = of("_")?;
            let behind = rest.get(length..).and_then(|behind| behind.chars().next()).unwrap_or(' ');
            let in_word = behind.is_alphanumeric() || behind == '_';
            let is_mark = !in_word && inner.trim() == inner;
            is_mark.then(|| (format!("*{}*", escaped(inner)), length))
        }
        '[' => {
            let inner = rest.strip_prefix('[')?;
            let end = inner.find(['[', ']'])?;
            let (name, behind) = inner.split_at_checked(end)?;
            let behind = behind.strip_prefix("](")?;
            let (target, _) = behind.split_once(')')?;
            let is_target = target.strip_prefix("https://").or_else(|| target.strip_prefix("http://"))?;
            if name.trim().is_empty()
                || is_target.is_empty()
                || target.contains(|c: char| c.is_whitespace() || "<>".contains(c))
            {
                return None;
            }
            // `[` name `](` target `)`
            Some((format!("[{}](<{target}>)", escaped(name)), name.len() + target.len() + 4))
        }
        _ => None,
    }
}

/// The length of the bare link at the start of a text.
fn link_length(rest: &str) -> Option<usize> {
    let scheme = ["https://", "http://"].into_iter().find(|scheme| rest.starts_with(scheme))?;
    let end = rest.find(|c: char| c.is_whitespace() || "<>\"'`".contains(c)).unwrap_or(rest.len());
    (end > scheme.len()).then_some(end)
}

/// Appends text in which Discord sees neither markup nor a mention. `begins` says that it stands at the start of a
/// line, where more is markup.
fn escape(text: &str, begins: bool, links: Links, out: &mut String) {
    let indent = text.len() - text.trim_start_matches(' ').len();
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let at = text.len() - rest.len();
        if let Some(length) = link_length(rest) {
            let passed = match links {
                Links::Kept => length,
                Links::Broken => rest.find("://").map_or(length, |colon| colon + "://".len()),
            };
            let (link, behind) = rest.split_at_checked(passed).unwrap_or((rest, ""));
            match links {
                Links::Kept => out.push_str(link),
                Links::Broken => out.push_str(&link.replace("://", "[:]//")),
            }
            rest = behind;
            continue;
        }
        rest = rest.get(letter.len_utf8()..).unwrap_or_default();
        let is_markup = match letter {
            // `<` begins every mention, timestamp and emoji of a server; `:` alone does nothing over the API.
            '\\' | '*' | '_' | '~' | '`' | '|' | '<' | '[' => true,
            '#' | '>' => begins && at == indent,
            '-' => begins && at == indent && rest.starts_with("# "),
            _ => false,
        };
        if is_markup {
            out.push('\\');
        }
        out.push(letter);
        if letter == '@' && is_everybody(rest) {
            out.push(NOTHING);
        }
    }
}

/// Whether an `@` before this text would speak to everybody.
fn is_everybody(rest: &str) -> bool {
    rest.starts_with("everyone") || rest.starts_with("here")
}
