//! How long a text is, as each platform sees it.

use serde::{Deserialize, Serialize};

/// What a platform counts when it says that a message may be so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Unicode scalar values (Discord).
    Chars,
    /// UTF-16 code units: characters beyond U+FFFF count twice (Telegram).
    Utf16,
    /// Bytes of the UTF-8 encoding.
    Bytes,
}

impl Unit {
    /// The length of `text` in this unit.
    #[must_use]
    pub fn len(&self, text: &str) -> usize {
        match self {
            Self::Chars => text.chars().count(),
            // Exactly the characters of four UTF-8 bytes need a surrogate pair.
            Self::Utf16 => text.chars().count() + text.bytes().filter(|b| *b >= 0xF0).count(),
            Self::Bytes => text.len(),
        }
    }

    /// Whether `text` is at most `limit` long, without counting a text that is far too long.
    #[must_use]
    pub fn fits(&self, text: &str, limit: usize) -> bool {
        // No unit counts more than the bytes, and none counts less than a quarter of them.
        text.len() <= limit || (text.len() <= window(limit) && self.len(text) <= limit)
    }
}

/// Bytes that can surely hold `limit` of any unit, and that are surely too long when more are filled.
pub(super) fn window(limit: usize) -> usize {
    limit.saturating_mul(4)
}

/// The beginning of `text` that matters when at most `limit` of it will be used.
///
/// If it is shorter than `text`, it is longer than `limit` in every unit. Working on it keeps the
/// cost of a cut independent of the length of the text.
pub(super) fn within_reach(text: &str, limit: usize) -> &str {
    let end = text.floor_char_boundary(window(limit).saturating_add(4));
    text.get(..end).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn m9_units_count_as_the_platforms_do() {
        let table = [
            ("", [0, 0, 0]),
            ("abc", [3, 3, 3]),
            ("é", [1, 1, 2]),
            ("中…", [2, 2, 6]),
            ("😀", [1, 2, 4]),
            ("👩‍🚀", [3, 5, 11]),
        ];
        for (text, expected) in table {
            let counted = [Unit::Chars, Unit::Utf16, Unit::Bytes].map(|unit| unit.len(text));
            assert_eq!(counted, expected, "{text:?}");
        }
    }

    #[test]
    fn units_are_written_in_lower_case() {
        assert_eq!(serde_json::json!(Unit::Utf16), "utf16");
        let read = serde_json::from_str::<Unit>(r#""chars""#);
        assert!(matches!(read, Ok(Unit::Chars)));
    }

    proptest! {
        #[test]
        fn m9_lengths_agree_with_the_standard_library(text in any::<String>(), limit in 0_usize..80) {
            prop_assert_eq!(Unit::Utf16.len(&text), text.encode_utf16().count());
            for unit in [Unit::Chars, Unit::Utf16, Unit::Bytes] {
                prop_assert_eq!(unit.fits(&text, limit), unit.len(&text) <= limit);
                let near = within_reach(&text, limit);
                prop_assert!(near.len() == text.len() || unit.len(near) > limit);
            }
        }
    }
}
