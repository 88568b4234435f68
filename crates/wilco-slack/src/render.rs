//! The small Markdown of wilco's messages as Slack's mrkdwn, which is another one.
//!
//! Read are fences, inline code, `**bold**`, `_emphasis_`, `[name](https://…)` and bare links; everything else is text
//! and stays text. Slack knows three escapes alone, `&amp;`, `&lt;` and `&gt;` (Slack, "Formatting text"): with them
//! no text can hold a mention, a channel or a link. Marks of emphasis have no escape. Slack takes them for marks only
//! at the edge of a word and beside something visible, so whatever could be one gets an invisible space on the side of
//! the word.
//!
//! Texts go out as *verbatim*: Slack then makes no links and mentions of its own.

use wilco_core::text::plain;

#[cfg(test)]
mod tests;

/// A space without width: no mark of emphasis holds beside one.
pub(crate) const NOTHING: char = '\u{200b}';

/// A text as mrkdwn.
pub(crate) fn render(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    let mut fence = None;
    for (at, line) in text.split('\n').enumerate() {
        if at > 0 {
            out.push('\n');
        }
        match (fence, fence_of(line)) {
            (None, Some((length, info))) if !info.contains('`') => {
                fence = Some(length);
                // Slack knows no language of a block and would show its name as the first line.
                out.push_str("```");
            }
            (Some(open), Some((length, ""))) if length >= open => {
                fence = None;
                out.push_str("```");
            }
            (Some(_), _) => code(line, &mut out),
            (None, _) => inline(line, &mut out),
        }
    }
    if fence.is_some() {
        out.push_str("\n```");
    }
    out
}

/// The same text without markup, as it stands: for a text object that knows no markup and needs no escapes.
pub(crate) fn unmarked(text: &str) -> String {
    plain(text)
}

/// A text in which Slack sees nothing but text: the three escapes, and no marks.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for (at, line) in text.split('\n').enumerate() {
        if at > 0 {
            out.push('\n');
        }
        escape(line, Edge { before: None, after: None }, &mut out);
    }
    out
}

/// The three escapes alone.
pub(crate) fn entities(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    text.chars().for_each(|letter| entity(letter, &mut out));
    out
}

fn entity(letter: char, out: &mut String) {
    match letter {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        _ => out.push(letter),
    }
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
    let mut run = 0;
    let is_long = line.contains("```");
    for letter in line.chars() {
        run = if letter == '`' { run + 1 } else { 0 };
        if is_long && run > 1 {
            out.push(NOTHING);
        }
        entity(letter, out);
    }
}

/// A line of text with the small markup in it.
fn inline(line: &str, out: &mut String) {
    let mut rest = line;
    let mut text_from = line;
    let mut before = None;
    while let Some(letter) = rest.chars().next() {
        let Some((markup, length)) = span(rest, before) else {
            before = Some(letter);
            rest = rest.get(letter.len_utf8()..).unwrap_or_default();
            continue;
        };
        let (passed, behind) = rest.split_at_checked(length).unwrap_or((rest, ""));
        let text = text_from.get(..text_from.len() - rest.len()).unwrap_or_default();
        let start = line.len() - text_from.len();
        let edge = Edge { before: line.get(..start).and_then(|line| line.chars().next_back()), after: Some(letter) };
        escape(text, edge, out);
        // A mark holds only at the edge of a word.
        if before.is_some_and(char::is_alphanumeric) {
            out.push(NOTHING);
        }
        out.push_str(&markup);
        if behind.chars().next().is_some_and(char::is_alphanumeric) {
            out.push(NOTHING);
        }
        before = passed.chars().next_back();
        (rest, text_from) = (behind, behind);
    }
    let start = line.len() - text_from.len();
    escape(text_from, Edge { before: line.get(..start).and_then(|line| line.chars().next_back()), after: None }, out);
}

/// The span of markup that begins here, as Slack writes it, and its length in the source.
fn span(rest: &str, before: Option<char>) -> Option<(String, usize)> {
    let of = |mark: &str| {
        let inner = rest.strip_prefix(mark)?;
        let end = inner.find(mark)?;
        let inner = inner.get(..end).filter(|inner| !inner.trim().is_empty())?;
        Some((inner, end + 2 * mark.len()))
    };
    // Inside of a span its own mark would end it.
    let inside = |inner: &str, mark: char| {
        let mut text = String::new();
        escape(inner, Edge { before: Some(mark), after: Some(mark) }, &mut text);
        text
    };
    match rest.chars().next()? {
        '`' => of("`").map(|(inner, length)| (format!("`{}`", entities(inner)), length)),
        '*' => {
            let (inner, length) = of("**").filter(|(inner, _)| !inner.contains('*') && inner.trim() == *inner)?;
            Some((format!("*{}*", inside(inner, '*')), length))
        }
        '_' if !before.is_some_and(|before| before.is_alphanumeric() || before == '_') => {
            let (inner, length) = of("_")?;
            let behind = rest.get(length..).and_then(|behind| behind.chars().next());
            let in_word = behind.is_some_and(|behind| behind.is_alphanumeric() || behind == '_');
            let is_mark = !in_word && inner.trim() == inner;
            is_mark.then(|| (format!("_{}_", inside(inner, '_')), length))
        }
        '[' => {
            let inner = rest.strip_prefix('[')?;
            let end = inner.find(['[', ']'])?;
            let (name, behind) = inner.split_at_checked(end)?;
            let (target, _) = behind.strip_prefix("](")?.split_once(')')?;
            if name.trim().is_empty() || link_length(target) != Some(target.len()) {
                return None;
            }
            // `[` name `](` target `)`
            Some((format!("<{}|{}>", address(target), entities(name)), name.len() + target.len() + 4))
        }
        'h' if !before.is_some_and(char::is_alphanumeric) => {
            let length = link_length(rest)?;
            // The mark that ends a sentence is not part of its link.
            let link = rest.get(..length)?.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '*', '_', '~']);
            (link_length(link)? == link.len()).then(|| (format!("<{}>", address(link)), link.len()))
        }
        _ => None,
    }
}

/// The length of the bare link at the start of a text.
fn link_length(rest: &str) -> Option<usize> {
    let scheme = ["https://", "http://"].into_iter().find(|scheme| rest.starts_with(scheme))?;
    let end = rest.find(|c: char| c.is_whitespace() || c == NOTHING || "<>\"'`".contains(c)).unwrap_or(rest.len());
    (end > scheme.len()).then_some(end)
}

/// An address as it stands between `<` and `>`, where a bar would begin its name.
fn address(link: &str) -> String {
    entities(&link.replace('|', "%7C"))
}

/// What stands beside a text on its line.
#[derive(Clone, Copy)]
struct Edge {
    before: Option<char>,
    after: Option<char>,
}

/// Appends a part of a line in which Slack sees neither markup nor a mention.
fn escape(text: &str, edge: Edge, out: &mut String) {
    let indent = text.len() - text.trim_start().len();
    let mut before = edge.before;
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let after = letters.peek().map(|&(_, after)| after).or(edge.after);
        match letter {
            '*' | '_' | '~' | '`' => {
                let in_word = |side: Option<char>| side.is_some_and(char::is_alphanumeric);
                let is_free = |side: Option<char>| side.is_none_or(|side| side.is_whitespace() || side == NOTHING);
                // Within a word it is no mark, and neither is it between spaces. A backtick is one anywhere.
                let harmless =
                    (in_word(before) && in_word(after) && letter != '`') || (is_free(before) && is_free(after));
                if !harmless && !is_free(before) {
                    out.push(NOTHING);
                }
                out.push(letter);
                if !harmless && !is_free(after) {
                    out.push(NOTHING);
                }
            }
            // At the start of a line it is a quotation, also where it is escaped.
            '>' if at == indent && edge.before.is_none() => {
                out.push(NOTHING);
                out.push_str("&gt;");
            }
            // `:name:` is an emoji.
            ':' if names_an_emoji(text.get(at + 1..).unwrap_or_default()) => {
                out.push(':');
                out.push(NOTHING);
            }
            _ => entity(letter, out),
        }
        before = Some(letter);
    }
}

/// Whether what follows a colon ends with another one as the name of an emoji does.
fn names_an_emoji(rest: &str) -> bool {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+' | '\'');
    let name = rest.split(|c: char| !is_name(c)).next().unwrap_or_default();
    let ends = rest.get(name.len()..).is_some_and(|behind| behind.starts_with(':'));
    // Hours and minutes are none.
    ends && !name.is_empty() && (name.len() > 2 || name.bytes().any(|byte| !byte.is_ascii_digit()))
}
