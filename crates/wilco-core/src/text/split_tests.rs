//! Tests of splitting, in a file of their own for length.

use proptest::prelude::*;

use super::*;

const UNITS: [Unit; 3] = [Unit::Chars, Unit::Utf16, Unit::Bytes];

fn parts(text: &str, limit: usize) -> Vec<String> {
    match split(text, limit, Unit::Chars, 20) {
        Split::Parts(parts) => parts,
        Split::TooLong => panic!("{text:?} does not fit"),
    }
}

fn without_space(text: &str) -> String {
    text.split_whitespace().collect()
}

#[test]
fn m9_text_that_fits_is_one_unchanged_part() {
    assert_eq!(parts(" a\n\nb \n", 10), [" a\n\nb \n"]);
    assert_eq!(parts("", 10), [""]);
    assert_eq!(parts("```\na", 20), ["```\na\n```"]);
}

#[test]
fn m9_boundaries_are_preferred_in_order() {
    let table: &[(&str, usize, &[&str])] = &[
        ("one two\n\nthree\nfour", 15, &["one two", "three\nfour"]),
        ("one two\nthree four", 12, &["one two", "three four"]),
        ("one two three", 9, &["one two", "three"]),
        ("abcdefghij", 4, &["abcd", "efgh", "ij"]),
        // A paragraph that would leave the part nearly empty does not count.
        ("a\n\nbcd efg hij", 10, &["a\n\nbcd efg", "hij"]),
        ("first line\n    indented", 14, &["first line", "    indented"]),
        ("a\u{301}b\u{301}c\u{301}", 3, &["a\u{301}", "b\u{301}", "c\u{301}"]),
    ];
    for (text, limit, expected) in table {
        assert_eq!(parts(text, *limit), *expected, "{text:?} to {limit}");
    }
}

#[test]
fn m9_code_blocks_stay_balanced() {
    let code = "intro\n```rust\nfn one() {}\nfn two() {}\nfn three() {}\n```\nend";
    let expected =
        ["intro\n```rust\nfn one() {}\n```", "```rust\nfn two() {}\n```", "```rust\nfn three() {}\n```\nend"];
    assert_eq!(parts(code, 33), expected);
    let tildes = "~~~~ text\n```\nline a\nline b\n```\nline c\n~~~~";
    let expected = ["~~~~ text\n```\nline a\n~~~~", "~~~~ text\nline b\n```\n~~~~", "~~~~ text\nline c\n~~~~"];
    assert_eq!(parts(tildes, 30), expected);
}

#[test]
fn m9_inline_backticks_do_not_become_a_fence() {
    assert_eq!(parts("aaaa bbbb cccc ``` dddd eeee", 17), ["aaaa bbbb", "cccc ``` dddd", "eeee"]);
}

#[test]
fn r16_what_needs_too_many_parts_is_too_long() {
    assert_eq!(split("one two three", 5, Unit::Chars, 2), Split::TooLong);
    assert_eq!(split("a", 5, Unit::Chars, 0), Split::TooLong);
    assert_eq!(split("a", 0, Unit::Chars, 3), Split::TooLong);
    assert_eq!(split(&" ".repeat(99), 5, Unit::Chars, 3), Split::Parts(vec![String::new()]));
}

#[test]
fn m9_a_grapheme_larger_than_a_part_is_replaced() {
    let pile = format!("a{}", "\u{301}".repeat(50));
    assert_eq!(parts(&format!("x{pile}y"), 10), ["x", "\u{FFFD}", "y"]);
    assert_eq!(split("😀", 3, Unit::Bytes, 3), Split::Parts(vec!["\u{FFFD}".into()]));
    assert_eq!(split("😀", 2, Unit::Bytes, 3), Split::TooLong);
}

#[test]
fn r16_a_head_ends_at_a_line_and_closes_its_fence() {
    assert_eq!(head("one\ntwo\nthree", 9, Unit::Chars), "one\ntwo");
    assert_eq!(head("```sh\nls\npwd\nwhoami\n```", 20, Unit::Chars), "```sh\nls\npwd\n```");
    assert_eq!(head("one two three", 9, Unit::Chars), "one two");
    assert_eq!(head("short", 9, Unit::Chars), "short");
    assert_eq!(head("text", 0, Unit::Chars), "");
    assert_eq!(head(&format!("\n{}deep", " ".repeat(50)), 9, Unit::Chars), "deep");
    assert_eq!(head(&" ".repeat(50), 9, Unit::Chars), "");
}

/// Lines of prose and code, fences well and badly formed, and odd characters.
fn messy() -> impl Strategy<Value = String> {
    let lines = prop_oneof![
        4 => "[a-z ]{0,30}",
        2 => "[`~]{3,5}( ?[a-z~]{0,4})?",
        1 => "[ ]{0,4}```[a-z]{0,3}",
        1 => "[a-z` ~]{0,20}",
        1 => "\\PC{0,12}",
        1 => "(😀|👩‍🚀|e\u{301}|🇩🇪| \u{308}|\r|\t){0,8}",
        1 => any::<String>(),
    ];
    prop::collection::vec(lines, 0..14).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn m9_parts_hold_every_promise(text in messy(), limit in 0_usize..120, max_parts in 0_usize..40) {
        for unit in UNITS {
            let Split::Parts(parts) = split(&text, limit, unit, max_parts) else { continue };
            prop_assert!((1..=max_parts).contains(&parts.len()));
            for part in &parts {
                prop_assert!(unit.len(part) <= limit, "{part:?} is over {limit}");
                let open = Fence::open_at_end(part, (limit / 4).saturating_sub(1));
                prop_assert_eq!(open, None, "{:?} at {}", part, limit);
            }
            let start = head(&text, limit, unit);
            prop_assert!(unit.len(&start) <= limit);
            prop_assert_eq!(Fence::open_at_end(&start, (limit / 4).saturating_sub(1)), None);
        }
    }

    #[test]
    fn m9_nothing_but_white_space_is_lost(text in messy(), limit in 50_usize..120) {
        for unit in UNITS {
            let splitter = Splitter::new(limit, unit);
            let pieces = splitter.pieces(&text, usize::MAX).expect("no limit on the parts");
            let bodies: String = pieces.iter().map(|piece| piece.body.as_ref()).collect();
            // Clusters of more than a dozen characters do not occur here, so none is replaced.
            prop_assert_eq!(without_space(&bodies), without_space(&text));
            // No body starts within a grapheme cluster of the text, but for line ends.
            let starts: Vec<usize> = text.grapheme_indices(true).map(|(at, _)| at).collect();
            let mut at = 0;
            for piece in &pieces {
                at += text[at..].find(piece.body.as_ref()).expect("in order");
                prop_assert!(starts.contains(&at) || text[..at].ends_with('\r'), "{at} of {text:?}");
                at += piece.body.len();
            }
        }
    }

    #[test]
    fn m9_code_stays_code_and_prose_stays_prose(
        blocks in prop::collection::vec((any::<bool>(), prop::collection::vec("[a-z]{1,9}", 1..9)), 1..6),
        limit in 40_usize..90,
    ) {
        // Code is marked by a leading digit, prose by none.
        let mut text = String::new();
        for (code, lines) in &blocks {
            let line = |line: &String| if *code { format!("1{line}\n") } else { format!("{line}\n") };
            let lines: String = lines.iter().map(line).collect();
            text += &if *code { format!("```rust\n{lines}```\n") } else { format!("{lines}\n") };
        }
        let mut seen = String::new();
        for part in parts(&text, limit) {
            let mut inside = false;
            for line in part.lines() {
                match line {
                    "```rust" => { prop_assert!(!inside); inside = true; }
                    "```" => { prop_assert!(inside); inside = false; }
                    line => {
                        prop_assert!(line.is_empty() || line.starts_with('1') == inside, "{line:?} in {part:?}");
                        seen += line;
                    }
                }
            }
            prop_assert!(!inside);
        }
        let said: String = text.lines().filter(|line| !line.starts_with('`')).collect();
        prop_assert_eq!(seen, said);
    }
}
