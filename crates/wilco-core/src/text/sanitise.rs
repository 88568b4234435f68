//! Hostile text made harmless: no terminal control, no invisible or reordering characters.

use std::borrow::Cow;

use super::classes::{is_invisible, is_mark, is_pictographic, is_skin_tone};

/// Combining marks that one base character may carry. Living scripts need about four, and a pile of
/// hundreds paints over the lines above.
const MAX_MARKS: usize = 8;

/// `text` with nothing in it that acts on a screen instead of being read.
///
/// - ANSI escape sequences (CSI, OSC, DCS and the short ones) and the control characters C0, DEL and
///   C1 are removed, except `\n` and `\t`. An escape string that never ends loses its introducer
///   only, so that it cannot swallow the text behind it.
/// - `\r\n`, a lone `\r` (progress bars), and the line and paragraph separators become `\n`.
/// - Bidi controls, zero-width characters, tags, fillers and variation selectors are removed, except
///   where an emoji sequence needs them (joiner, presentation selector, keycap, flag tags).
/// - At most 8 combining marks stay on one base character.
///
/// Sanitising twice changes nothing more. Text that is already clean is borrowed.
#[must_use]
pub fn sanitise(text: &str) -> Cow<'_, str> {
    // Most output is printable ASCII, and this look at the bytes is much cheaper than the walk.
    if text.bytes().all(|b| matches!(b, b'\n' | b'\t' | b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::new();
    let mut reader = Reader { before: Before::Other, marks: 0 };
    // Everything before `copied` is in `clean` or was dropped; what is kept is copied in long runs.
    let (mut at, mut copied) = (0, 0);
    while let Some((c, rest)) = text.get(at..).and_then(|rest| Some((rest.chars().next()?, rest))) {
        let (len, replacement) = match reader.judge(c, rest) {
            Verdict::Keep(len) => {
                at += len;
                continue;
            }
            Verdict::Drop(len) => (len, ""),
            Verdict::Newline(len) => (len, "\n"),
        };
        clean.push_str(text.get(copied..at).unwrap_or_default());
        clean.push_str(replacement);
        at += len;
        copied = at;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    clean.push_str(text.get(copied..).unwrap_or_default());
    Cow::Owned(clean)
}

/// What happens to the next so many bytes.
enum Verdict {
    Keep(usize),
    Drop(usize),
    Newline(usize),
}

/// What the last kept character allows to follow it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    /// Nothing invisible.
    Other,
    /// A digit, `#` or `*`: a keycap may follow.
    KeycapBase,
    /// An emoji: a presentation selector or a joiner may follow.
    Emoji,
    /// The black flag: as `Emoji`, or the tags of a region.
    BlackFlag,
    /// An emoji that is complete but for a joiner to the next.
    Joinable,
}

/// What must be remembered from one character to the next.
///
/// A verdict depends on the characters kept so far and on those that follow and are then kept for
/// certain. That is why a second pass finds the same state at each of them, and drops nothing.
struct Reader {
    before: Before,
    marks: usize,
}

impl Reader {
    /// Judges `c`, the first character of `rest`.
    fn judge(&mut self, c: char, rest: &str) -> Verdict {
        let verdict = match c {
            '\r' if rest.starts_with("\r\n") => Verdict::Newline(2),
            '\r' | '\u{2028}' | '\u{2029}' => Verdict::Newline(c.len_utf8()),
            '\n' | '\t' => Verdict::Keep(1),
            '\u{1b}' | '\u{80}'..='\u{9f}' => return Verdict::Drop(sequence_len(c, rest)),
            c if c.is_control() => return Verdict::Drop(1),
            c if is_invisible(c) => return self.judge_invisible(c, rest),
            c if is_mark(c) => {
                if self.marks == MAX_MARKS {
                    return Verdict::Drop(c.len_utf8());
                }
                self.marks += 1;
                self.before = Before::Other;
                return Verdict::Keep(c.len_utf8());
            }
            c => Verdict::Keep(c.len_utf8()),
        };
        self.marks = 0;
        self.before = match c {
            '0'..='9' | '#' | '*' => Before::KeycapBase,
            '\u{1F3F4}' => Before::BlackFlag,
            c if is_skin_tone(c) && matches!(self.before, Before::Emoji | Before::Joinable) => Before::Joinable,
            c if is_pictographic(c) => Before::Emoji,
            _ => Before::Other,
        };
        verdict
    }

    /// Keeps an invisible character where it is part of an emoji sequence (UTS #51).
    fn judge_invisible(&mut self, c: char, rest: &str) -> Verdict {
        let next = rest.chars().nth(1);
        let on_emoji = matches!(self.before, Before::Emoji | Before::BlackFlag);
        let (keep, after) = match c {
            '\u{FE0E}' => (on_emoji, Before::Other),
            '\u{FE0F}' if on_emoji => (true, Before::Joinable),
            '\u{FE0F}' => {
                let keycap = self.before == Before::KeycapBase && next == Some('\u{20E3}');
                (keycap, Before::Other)
            }
            '\u{200D}' => {
                let joins = on_emoji || self.before == Before::Joinable;
                (joins && next.is_some_and(is_pictographic), Before::Other)
            }
            '\u{E0020}'..='\u{E007E}' if self.before == Before::BlackFlag => {
                if let Some(len) = region_len(rest) {
                    self.before = Before::Joinable;
                    return Verdict::Keep(len);
                }
                (false, Before::Other)
            }
            _ => (false, Before::Other),
        };
        self.before = after;
        if keep { Verdict::Keep(c.len_utf8()) } else { Verdict::Drop(c.len_utf8()) }
    }
}

/// Bytes of the region at the start of `rest` (as in the flag of Wales): three to six letters or
/// digits in tag characters, and the cancel tag. Anything else could carry hidden text.
fn region_len(rest: &str) -> Option<usize> {
    let is_letter = |c: &char| matches!(c, '\u{E0030}'..='\u{E0039}' | '\u{E0061}'..='\u{E007A}');
    let letters = rest.chars().take(7).take_while(is_letter).count();
    let ends = rest.chars().nth(letters) == Some('\u{E007F}');
    // Each tag character takes four bytes.
    (ends && (3..=6).contains(&letters)).then_some((letters + 1) * 4)
}

/// Bytes of the control sequence (ECMA-48) that `c`, the first character of `rest`, introduces.
fn sequence_len(c: char, rest: &str) -> usize {
    let own = c.len_utf8();
    let body = rest.get(own..).unwrap_or_default();
    match (c, body.bytes().next()) {
        ('\u{9b}', _) => own + csi_len(body),
        ('\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}', _) => own + string_len(body),
        ('\u{1b}', Some(b'[')) => own + 1 + csi_len(body.get(1..).unwrap_or_default()),
        ('\u{1b}', Some(b']' | b'P' | b'X' | b'^' | b'_')) => own + 1 + string_len(body.get(1..).unwrap_or_default()),
        ('\u{1b}', Some(b' '..=b'~')) => {
            let between = run(body.as_bytes(), |b| matches!(b, b' '..=b'/'));
            own + between + final_len(body, between, b'0')
        }
        _ => own,
    }
}

/// Bytes of the parameters and the final byte behind a control sequence introducer.
fn csi_len(body: &str) -> usize {
    let parameters = run(body.as_bytes(), |b| matches!(b, b'0'..=b'?'));
    let rest = body.as_bytes().get(parameters..).unwrap_or_default();
    let between = parameters + run(rest, |b| matches!(b, b' '..=b'/'));
    between + final_len(body, between, b'@')
}

/// Bytes of an escape string up to and with its terminator, or none if it has no terminator before
/// the next control character (which keeps the search linear, and what was printed visible).
fn string_len(body: &str) -> usize {
    let Some(end) = body.find(char::is_control) else {
        return 0;
    };
    let tail = body.get(end..).unwrap_or_default();
    ["\u{7}", "\u{9c}", "\u{1b}\\"]
        .iter()
        .find(|terminator| tail.starts_with(**terminator))
        .map_or(0, |terminator| end + terminator.len())
}

/// One if the byte at `at` may end a sequence, none otherwise.
fn final_len(body: &str, at: usize, lowest: u8) -> usize {
    let ends = body.as_bytes().get(at).is_some_and(|b| (lowest..=b'~').contains(b));
    usize::from(ends)
}

/// How many of the first bytes are of a class.
fn run(bytes: &[u8], class: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|b| class(**b)).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(table: &[(&str, &str)]) {
        for (text, expected) in table {
            assert_eq!(sanitise(text), *expected, "{text:?}");
        }
    }

    #[test]
    fn m9_terminal_sequences_vanish() {
        check(&[
            ("\x1b[1;31mred\x1b[0m", "red"),
            ("\u{9b}2Jclear", "clear"),
            ("\x1b]0;title\x07text", "text"),
            ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
            ("\x1bPq#0\u{9c}sixel", "sixel"),
            ("\x1b(Bset\x1b7\x1b8\x1bM", "set"),
            ("\x1b[31", ""),
            ("a\x1b[31\nb", "a\nb"),
            ("a\x1b", "a"),
            ("\x1b\x1b[1mx", "x"),
            ("\x1b[1é", "é"),
            ("bell\x07 back\x08 nul\0 del\x7f c1\u{85}", "bell back nul del c1"),
        ]);
    }

    #[test]
    fn m9_an_endless_escape_string_hides_nothing() {
        check(&[
            ("\x1b]0;all is lost", "0;all is lost"),
            ("\x1b]0;one\nline", "0;one\nline"),
            ("\x1b]\x1b]\x1b[mx", "x"),
        ]);
    }

    #[test]
    fn m9_newlines_are_normalised() {
        check(&[("a\r\nb\rc\n\rd", "a\nb\nc\n\nd"), ("a\u{2028}b\u{2029}c\td", "a\nb\nc\td")]);
    }

    #[test]
    fn m9_invisible_and_reordering_characters_vanish() {
        check(&[
            ("abc\u{202E}fed\u{2066}x\u{2069}", "abcfedx"),
            ("pass\u{200B}word\u{AD}\u{FEFF}\u{2060}\u{200F}", "password"),
            ("hidden\u{E0068}\u{E0069}\u{E007F}", "hidden"),
            ("a\u{FE0F}b\u{200D}c\u{3164}", "abc"),
            ("naïve café 中文 مرحبا", "naïve café 中文 مرحبا"),
        ]);
    }

    #[test]
    fn m9_emoji_sequences_stay_whole() {
        for text in ["👩‍🚀", "❤️", "🏳️‍🌈", "👩🏽‍❤️‍👨🏿", "1️⃣", "#️⃣", "🇩🇪", "🏴󠁧󠁢󠁷󠁬󠁳󠁿", "©︎", "☝🏽"]
        {
            assert!(matches!(sanitise(text), Cow::Borrowed(same) if same == text), "{text:?}");
        }
        check(&[
            ("👩\u{200D}", "👩"),
            ("👩\u{200D}x", "👩x"),
            ("❤\u{FE0F}\u{FE0F}", "❤\u{FE0F}"),
            ("1\u{FE0F}2", "12"),
            ("🏴\u{E0067}\u{E0062}x", "🏴x"),
            ("😀\u{E0067}\u{E0062}\u{E0073}\u{E0063}\u{E007F}", "😀"),
        ]);
    }

    #[test]
    fn m9_piles_of_marks_are_capped() {
        let pile = format!("a{}b\u{301}", "\u{301}".repeat(500));
        assert_eq!(sanitise(&pile), format!("a{}b\u{301}", "\u{301}".repeat(8)));
        // An invisible character in between does not start the count again.
        let sly = format!("a{}", "\u{301}\u{200B}".repeat(500));
        assert_eq!(sanitise(&sly), format!("a{}", "\u{301}".repeat(8)));
    }

    #[test]
    fn m9_clean_text_is_borrowed() {
        for text in ["", "plain\ttext\n", "schön 中文 👩‍🚀"] {
            assert!(matches!(sanitise(text), Cow::Borrowed(_)), "{text:?}");
        }
    }

    /// Text in which the characters that matter are frequent.
    pub(super) fn hostile() -> impl Strategy<Value = String> {
        let pieces = prop_oneof![
            any::<char>().prop_map(String::from),
            "[a-z0-9 #*\\[\\];\\\\m\n\r\t]{1,4}",
            prop::sample::select(vec![
                "\x1b",
                "\x1b[",
                "\x1b]",
                "\x07",
                "\u{9b}",
                "\u{9c}",
                "\u{200D}",
                "\u{FE0F}",
                "\u{FE0E}",
                "\u{20E3}",
                "\u{202E}",
                "\u{2066}",
                "👩",
                "🏽",
                "❤",
                "🏴",
                "\u{E0067}\u{E0062}\u{E0073}",
                "\u{E007F}",
                "\u{301}",
                "\u{301}\u{302}\u{303}\u{304}\u{305}",
                "🇩",
                "\u{200B}",
                "\u{2028}",
            ])
            .prop_map(String::from),
        ];
        prop::collection::vec(pieces, 0..40).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn m9_sanitised_text_is_harmless_and_stays_the_same(text in hostile()) {
            let clean = sanitise(&text);
            prop_assert_eq!(sanitise(&clean), clean.as_ref());
            let mut marks = 0;
            for c in clean.chars() {
                prop_assert!(!c.is_control() || c == '\n' || c == '\t', "{c:?}");
                prop_assert!(!matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}'), "{c:?}");
                let zero_width = ['\u{200B}', '\u{200C}', '\u{200E}', '\u{200F}', '\u{2028}'];
                prop_assert!(!zero_width.contains(&c), "{c:?}");
                marks = if is_mark(c) { marks + 1 } else { 0 };
                prop_assert!(marks <= MAX_MARKS);
            }
        }
    }
}
