//! Code fences of Markdown: lines of three or more backticks or tildes around a block of code.

use std::borrow::Cow;

/// The opening of a code block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fence<'a> {
    /// Backticks or tildes, three or more.
    pub(super) marker: &'a str,
    /// What follows on the same line, as `rust`. A space before it is kept: it may be all that
    /// separates it from the marker.
    pub(super) info: &'a str,
}

impl<'a> Fence<'a> {
    /// The fence that is open after `line`, if `open` was before it.
    ///
    /// As CommonMark has it, but any indentation is allowed: fences stand in lists, and chat
    /// platforms do not look at the indentation. Markers longer than `max_marker` are ordinary text.
    pub(super) fn after(open: Option<Self>, line: &'a str, max_marker: usize) -> Option<Self> {
        let line = line.trim();
        let Some(first) = line.chars().next().filter(|c| matches!(c, '`' | '~')) else {
            return open;
        };
        // A marker is ASCII, so that its bytes are its characters.
        let len = line.bytes().take_while(|b| char::from(*b) == first).count();
        if len < 3 || len > max_marker {
            return open;
        }
        let (marker, info) = line.split_at_checked(len).unwrap_or((line, ""));
        match open {
            Some(fence) if fence.marker.starts_with(first) && len >= fence.marker.len() && info.is_empty() => None,
            Some(fence) => Some(fence),
            // A backtick behind the marker means code within a line.
            None if first == '`' && info.contains('`') => None,
            None => Some(Self { marker, info }),
        }
    }

    /// The fence that is open at the end of `text`.
    pub(super) fn open_at_end(text: &'a str, max_marker: usize) -> Option<Self> {
        text.split('\n').fold(None, |open, line| Self::after(open, line, max_marker))
    }
}

/// Whether `line`, or a beginning of it, could be taken for a fence.
pub(super) fn looks_like_fence(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("```") || line.starts_with("~~~")
}

/// `text` with a code block that is open at its end closed on a line of its own.
#[must_use]
pub fn close_fences(text: &str) -> Cow<'_, str> {
    match Fence::open_at_end(text, usize::MAX) {
        None => Cow::Borrowed(text),
        Some(fence) if text.ends_with('\n') => Cow::Owned(format!("{text}{}", fence.marker)),
        Some(fence) => Cow::Owned(format!("{text}\n{}", fence.marker)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn m9_open_fences_are_closed() {
        let table = [
            ("", ""),
            ("text", "text"),
            ("```rust\nfn", "```rust\nfn\n```"),
            ("```\na\n", "```\na\n```"),
            ("```\na\n```", "```\na\n```"),
            ("~~~~\na\n~~~", "~~~~\na\n~~~\n~~~~"),
            ("```\n~~~\n", "```\n~~~\n```"),
            ("```\n``` x", "```\n``` x\n```"),
            ("- item\n    ```sh\n    ls", "- item\n    ```sh\n    ls\n```"),
            ("```one line```", "```one line```"),
            ("`` two", "`` two"),
        ];
        for (text, expected) in table {
            assert_eq!(close_fences(text), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn m9_closing_is_enough(text in "([`~]{1,5}|[a-z \n\\PC]){0,20}") {
            let closed = close_fences(&text);
            prop_assert_eq!(Fence::open_at_end(&closed, usize::MAX), None);
            prop_assert!(closed.starts_with(&text));
        }
    }
}
