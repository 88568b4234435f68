//! Markdown made plain, for a platform that has refused the markup.

use std::collections::BTreeMap;
use std::ops::Range;

use super::fence::Fence;

/// `text` without its Markdown: the words stay, the marks around them go (M10).
///
/// Fence lines, heading marks, the marks of inline code, and pairs of `*`, `_` and `~~` on one line
/// are removed, a backslash before punctuation too; `[text](url)` and `![text](url)` become
/// `text (url)`. Code stays as it is. A mark without a partner is text, as in `2 * 3`, `snake_case`
/// or `*.rs`.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut open = None;
    let mut first = true;
    for line in text.split('\n') {
        let after = Fence::after(open, line, usize::MAX);
        // A line that changes whether a fence is open is the fence itself.
        if after.is_some() == open.is_some() {
            if !first {
                result.push('\n');
            }
            first = false;
            if open.is_some() {
                result.push_str(line);
            } else {
                push_plain(&mut result, without_heading_mark(line));
            }
        }
        open = after;
    }
    result
}

/// A stretch of a line, in bytes, and what it becomes.
type Edit = (Range<usize>, &'static str);

/// Appends one line from outside code blocks.
fn push_plain(result: &mut String, line: &str) {
    let mut edits = Editor { line, edits: Vec::new(), open: BTreeMap::new(), brackets: Vec::new() }.run();
    edits.sort_by_key(|(range, _)| range.start);
    let mut from = 0;
    for (range, replacement) in edits {
        result.push_str(line.get(from..range.start).unwrap_or_default());
        result.push_str(replacement);
        from = range.end;
    }
    result.push_str(line.get(from..).unwrap_or_default());
}

/// A line without the `#` to `######` that make it a heading.
fn without_heading_mark(line: &str) -> &str {
    let words = line.trim_start_matches('#');
    match (line.len() - words.len(), words.strip_prefix(' ')) {
        (1..=6, Some(words)) => words.trim_start(),
        _ => line,
    }
}

/// Goes once through a line and notes what to take out.
struct Editor<'a> {
    line: &'a str,
    edits: Vec<Edit>,
    /// Per kind and length of an emphasis mark, the last one that may open.
    open: BTreeMap<(u8, usize), Range<usize>>,
    /// Opening brackets that have no partner yet.
    brackets: Vec<Range<usize>>,
}

impl Editor<'_> {
    fn run(mut self) -> Vec<Edit> {
        let code = code_spans(self.line);
        let mut at = 0;
        // Every mark is one ASCII byte, and no other character contains such a byte.
        while let Some(byte) = self.byte(at) {
            at = match byte {
                b'\\' if self.byte(at + 1).is_some_and(|b| b.is_ascii_punctuation()) => {
                    self.edits.push((at..at + 1, ""));
                    at + 2
                }
                b'`' => {
                    let run = self.run_at(at);
                    match code.get(&at) {
                        Some(closing) => {
                            self.edits.push((run, ""));
                            self.edits.push((closing.clone(), ""));
                            closing.end
                        }
                        None => run.end,
                    }
                }
                b'[' => {
                    let image = at > 0 && self.byte(at - 1) == Some(b'!');
                    self.brackets.push(at - usize::from(image)..at + 1);
                    at + 1
                }
                b']' => self.close_bracket(at),
                b'*' | b'_' | b'~' => self.emphasis(byte, self.run_at(at)),
                _ => at + 1,
            };
        }
        self.edits
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.line.as_bytes().get(at).copied()
    }

    /// The run of equal bytes that begins at `at`.
    fn run_at(&self, at: usize) -> Range<usize> {
        let rest = self.line.as_bytes().get(at..).unwrap_or_default();
        let len = rest.iter().take_while(|b| rest.first() == Some(b)).count();
        at..at + len
    }

    /// A link, if an address follows. It is passed over, so that its underscores survive.
    fn close_bracket(&mut self, at: usize) -> usize {
        let opening = self.brackets.pop();
        let (Some(opening), Some(address)) = (opening, self.line.get(at + 1..).and_then(address_len)) else {
            return at + 1;
        };
        self.edits.push((opening, ""));
        self.edits.push((at..at + 1, " "));
        at + 1 + address
    }

    /// A mark that may open, close, or be ordinary text. Returns where it ends.
    fn emphasis(&mut self, kind: u8, run: Range<usize>) -> usize {
        let end = run.end;
        let key = (kind, run.len());
        // One tilde is a home directory or "about"; more than three of anything are a line.
        if run.len() > 3 || (kind == b'~' && run.len() != 2) {
            return end;
        }
        let before = self.line.get(..run.start).and_then(|text| text.chars().next_back());
        let behind = self.line.get(run.end..).and_then(|text| text.chars().next());
        let is_text = |c: Option<char>| c.is_some_and(|c| !c.is_whitespace());
        let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let within_word = kind == b'_' && is_word(before) && is_word(behind);
        if within_word {
            return end;
        }
        if is_text(before)
            && let Some(opening) = self.open.remove(&key)
        {
            self.edits.push((opening, ""));
            self.edits.push((run, ""));
        } else if is_text(behind) {
            self.open.insert(key, run);
        }
        end
    }
}

/// Bytes of the `(url)` at the start of `text`. Parentheses in it must be balanced. A bracket ends
/// the search, so that a line of nothing but beginnings is not searched again and again.
fn address_len(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            b'[' | b']' | b' ' | b'\t' => return None,
            _ => {}
        }
        if depth == 0 {
            // Neither something other than a parenthesis, nor an empty pair, is an address.
            return (byte == b')' && at > 1).then_some(at + 1);
        }
    }
    None
}

/// The closing run for each run of backticks that opens inline code, by the place of the opening one:
/// the next run of the same length.
fn code_spans(line: &str) -> BTreeMap<usize, Range<usize>> {
    let mut spans = BTreeMap::new();
    let mut next: BTreeMap<usize, Range<usize>> = BTreeMap::new();
    let bytes = line.as_bytes();
    let mut end = bytes.len();
    // From the right, so that the next run of a length is simply the last one seen.
    while let Some(last) = bytes.get(..end).and_then(|b| b.iter().rposition(|b| *b == b'`')) {
        let len = bytes.iter().take(last + 1).rev().take_while(|b| **b == b'`').count();
        let run = last + 1 - len..last + 1;
        end = run.start;
        if let Some(closing) = next.insert(len, run.clone()) {
            spans.insert(run.start, closing);
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn m10_markup_becomes_plain_text() {
        let table = [
            ("", ""),
            ("**bold** and *it* and __b__ and _i_", "bold and it and b and i"),
            ("***both*** ~~gone~~", "both gone"),
            ("`code *kept*` and ``a`b``", "code *kept* and a`b"),
            ("[text](https://x.org/a_b_c)", "text (https://x.org/a_b_c)"),
            ("![alt](u) [**b**](v_(w))", "alt (u) b (v_(w))"),
            ("# Title\n## Two", "Title\nTwo"),
            ("#hashtag #1", "#hashtag #1"),
            ("a\n```rust\nlet *x = `y`;\n```\nb", "a\nlet *x = `y`;\nb"),
            ("~~~\nopen", "open"),
            (r"\*literal\* \\ C:\dir", r"*literal* \ C:\dir"),
        ];
        for (text, expected) in table {
            assert_eq!(plain(text), expected, "{text:?}");
        }
    }

    #[test]
    fn m10_what_is_not_markup_stays() {
        for text in [
            "2 * 3 * 4",
            "snake_case_name",
            "*.rs",
            "* item\n- item\n+ item",
            "***",
            "~/a and ~/b",
            "[ ] todo",
            "a[0](",
            "[x]()",
            "[x](y z)",
            "tick ` alone",
            "\\",
            "> quote",
        ] {
            assert_eq!(plain(text), text);
        }
    }

    proptest! {
        #[test]
        fn m10_plain_is_total_and_adds_at_most_the_spaces_of_links(text in "([*_~`#\\[\\]()!\\\\ \n]|[a-z\\PC]){0,60}") {
            let result = plain(&text);
            prop_assert!(result.chars().count() <= text.chars().count());
        }
    }
}
