//! One text shortened to a limit, and the last lines of a long output.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::unit::{Unit, within_reach};

/// What stands for the part that was cut off.
const ELLIPSIS: &str = "…";

/// `text` shortened to at most `limit` of `unit`, ending in `…` if something was cut off (W15, M9).
///
/// The cut is between two grapheme clusters; a first one that is larger than the limit is dropped
/// whole. A limit that is too small for the ellipsis gives what fits without it.
#[must_use]
pub fn cut(text: &str, limit: usize, unit: Unit) -> Cow<'_, str> {
    if unit.fits(text, limit) {
        return Cow::Borrowed(text);
    }
    shorten(within_reach(text, limit), limit, |part| unit.len(part))
}

/// The last `n` lines of `text` that are not blank, in their order, each at most `max_width_per_line`
/// columns wide (East Asian wide characters and emoji take two) and cut like [`cut`].
#[must_use]
pub fn tail_lines(text: &str, n: usize, max_width_per_line: usize) -> Vec<String> {
    let mut lines: Vec<String> = text
        .rsplit('\n')
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
        .take(n)
        .map(|line| shorten(line, max_width_per_line, UnicodeWidthStr::width).into_owned())
        .collect();
    lines.reverse();
    lines
}

/// Shortens by any measure that adds up over grapheme clusters.
fn shorten(text: &str, limit: usize, measure: impl Fn(&str) -> usize) -> Cow<'_, str> {
    let mark = if measure(ELLIPSIS) <= limit { ELLIPSIS } else { "" };
    let room = limit - measure(mark).min(limit);
    let mut used = 0;
    // The end of what can stay if an ellipsis has to follow.
    let mut end = 0;
    for (start, grapheme) in text.grapheme_indices(true) {
        used += measure(grapheme);
        if used > limit {
            let kept = text.get(..end).unwrap_or_default().trim_end();
            return Cow::Owned(format!("{kept}{mark}"));
        }
        if used <= room {
            end = start + grapheme.len();
        }
    }
    Cow::Borrowed(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const UNITS: [Unit; 3] = [Unit::Chars, Unit::Utf16, Unit::Bytes];

    #[test]
    fn w15_text_is_cut_within_the_limit() {
        let table = [
            ("hello", 5, Unit::Chars, "hello"),
            ("hello", 4, Unit::Chars, "hel…"),
            ("hello world", 7, Unit::Chars, "hello…"),
            ("hello", 1, Unit::Chars, "…"),
            ("hello", 0, Unit::Chars, ""),
            ("hello", 4, Unit::Bytes, "h…"),
            ("hello", 2, Unit::Bytes, "he"),
            ("", 0, Unit::Bytes, ""),
            ("😀😀😀", 5, Unit::Utf16, "😀😀…"),
            ("😀😀😀", 4, Unit::Utf16, "😀…"),
            ("a\u{301}b\u{301}c", 4, Unit::Chars, "a\u{301}…"),
            ("👩‍🚀x", 3, Unit::Chars, "…"),
            ("🇩🇪🇫🇷", 3, Unit::Chars, "🇩🇪…"),
        ];
        for (text, limit, unit, expected) in table {
            assert_eq!(cut(text, limit, unit), expected, "{text:?} to {limit} {unit:?}");
        }
    }

    #[test]
    fn r16_the_last_lines_are_kept_in_order() {
        assert_eq!(tail_lines("one\ntwo\n\n  three \n\n", 2, 10), ["two", "  three"]);
        assert_eq!(tail_lines("a\nb", 5, 10), ["a", "b"]);
        assert_eq!(tail_lines("a\nb", 0, 10), Vec::<String>::new());
        assert_eq!(tail_lines(" \n\n", 3, 10), Vec::<String>::new());
        assert_eq!(tail_lines("a long line\n中文字", 2, 5), ["a lo…", "中文…"]);
    }

    proptest! {
        #[test]
        fn w15_a_cut_holds_its_limit_and_splits_no_grapheme(text in any::<String>(), limit in 0_usize..40) {
            for unit in UNITS {
                let short = cut(&text, limit, unit);
                prop_assert!(unit.len(&short) <= limit);
                if short != text {
                    let kept = short.strip_suffix(ELLIPSIS).unwrap_or(&short);
                    let ends_between = text.grapheme_indices(true).any(|(at, _)| {
                        let whole = &text[..at];
                        whole == kept || whole.trim_end() == kept
                    });
                    prop_assert!(ends_between, "{kept:?} of {text:?}");
                }
            }
        }

        #[test]
        fn tails_are_bounded(text in "(\\PC|\n){0,60}", n in 0_usize..5, width in 0_usize..20) {
            let lines = tail_lines(&text, n, width);
            prop_assert!(lines.len() <= n);
            for line in lines {
                prop_assert!(!line.contains('\n') && line.graphemes(true).map(str::width).sum::<usize>() <= width);
            }
        }
    }
}
