//! What people read of a text, by a reader of mrkdwn that knows no more than Slack documents.

use proptest::prelude::*;

use super::*;

/// Takes the escapes and the invisible spaces away.
fn decoded(text: &str) -> String {
    text.replace(NOTHING, "").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// Whether a reader of mrkdwn finds a pair of this mark on a line: it opens at the edge of a word before something
/// visible, and closes behind something visible at the edge of a word.
fn has_pair(line: &str, mark: char) -> bool {
    let letters: Vec<char> = line.chars().collect();
    let space = |c: Option<&char>| c.is_none_or(|c| c.is_whitespace() || *c == NOTHING);
    let edge = |c: Option<&char>| c.is_none_or(|c| !c.is_alphanumeric());
    let beside = |at: usize| (at.checked_sub(1).and_then(|at| letters.get(at)), letters.get(at + 1));
    let marks: Vec<usize> = (0..letters.len()).filter(|&at| letters[at] == mark).collect();
    let opens = |at: usize| edge(beside(at).0) && !space(beside(at).1);
    let closes = |at: usize| !space(beside(at).0) && edge(beside(at).1);
    marks.iter().any(|&first| opens(first) && marks.iter().any(|&last| last > first + 1 && closes(last)))
}

#[test]
fn markup_is_written_as_slack_reads_it() {
    for (source, expected) in [
        ("plain", "plain"),
        ("**done** in 3s", "*done* in 3s"),
        ("_soon_", "_soon_"),
        ("`a < b && c`", "`a &lt; b &amp;&amp; c`"),
        ("[the log](https://x.org/a?b=1&c=2)", "<https://x.org/a?b=1&amp;c=2|the log>"),
        ("see https://x.org/a_b_c.", "see <https://x.org/a_b_c>."),
        ("(https://x.org)", "(<https://x.org>)"),
        ("https://x.org/a|b", "<https://x.org/a%7Cb>"),
        ("[a](javascript:alert(1))", "[a](javascript:alert(1))"),
        ("[x|y](https://x.org)", "<https://x.org|x|y>"),
        ("```rust\nlet a = 1 < 2;\n```", "```\nlet a = 1 &lt; 2;\n```"),
        ("```\nopen", "```\nopen\n```"),
        ("a**b**c", "a\u{200b}*b*\u{200b}c"),
        ("k7f2 · 2 * 3 * 4", "k7f2 · 2 * 3 * 4"),
        ("snake_case_name", "snake_case_name"),
        ("14:02:33", "14:02:33"),
    ] {
        assert_eq!(render(source), expected, "{source}");
    }
}

#[test]
fn text_is_no_markup() {
    for (source, expected) in [
        ("<@U1> <!channel> <#C1>", "&lt;@U1&gt; &lt;!channel&gt; &lt;#C1&gt;"),
        ("&lt;", "&amp;lt;"),
        ("> said", "\u{200b}&gt; said"),
        ("a > b", "a &gt; b"),
        ("*.rs and *.toml", "*\u{200b}.rs and *\u{200b}.toml"),
        ("~gone~", "~\u{200b}gone\u{200b}~"),
        (":smile:", ":\u{200b}smile:"),
    ] {
        assert_eq!(render(source), expected, "{source}");
    }
}

#[test]
fn a_fence_inside_of_code_does_not_end_it() {
    let shown = render("````\n```\nx\n````");
    assert_eq!(shown, "```\n`\u{200b}`\u{200b}`\nx\n```");
    assert_eq!(shown.matches("```").count(), 2);
}

proptest! {
    #[test]
    fn text_is_read_as_it_was_written(text in "([*_~`#&\\[\\]()!<>@|:/ \n-]|:smile:|&lt;|<@U1>|[a-z\\PC]){0,60}") {
        prop_assume!(!text.contains(NOTHING));
        prop_assert_eq!(decoded(&escaped(&text)), text.clone());
        prop_assert_eq!(decoded(&entities(&text)), text);
    }

    #[test]
    fn nothing_in_text_is_taken_for_a_mark(text in "([*_~`]|[ .,(&<>\n]|[a-z0-9]){0,40}") {
        let shown = escaped(&text);
        for line in shown.split('\n') {
            for mark in ['*', '_', '~', '`'] {
                prop_assert!(!has_pair(line, mark), "{mark} in {line:?}");
            }
            prop_assert!(!line.trim_start().starts_with("&gt;"), "{line:?}");
        }
    }

    #[test]
    fn no_mention_is_ever_made(text in "(`{1,4}|[*_~\\[\\]()!<>@|&\n ]|\n```(sh)?\n|<@U1>|<!here>|<!subteam\\^S1>|<#C2>|https://x.org|\\[a\\]\\(https://x.org\\)|[a-z]){0,60}") {
        let shown = render(&text);
        // Every `<` that is left begins a link of ours.
        for (at, _) in shown.match_indices('<') {
            let rest = &shown[at + 1..];
            prop_assert!(rest.starts_with("https://") || rest.starts_with("http://"), "{shown:?}");
            let end = rest.find(['<', '>']);
            prop_assert!(end.is_some_and(|end| rest[end..].starts_with('>')), "{shown:?}");
        }
        prop_assert_eq!(shown.matches('<').count(), shown.matches('>').count(), "{:?}", shown);
    }

    #[test]
    fn every_block_of_code_is_closed(text in "(`{1,5}|\n`{3,4}(sh)?\n|[*_ \n<]|[a-z\\PC]){0,60}") {
        let shown = render(&text);
        let fences = shown.split('\n').filter(|line| *line == "```").count();
        prop_assert!(fences % 2 == 0, "{shown:?}");
    }

    #[test]
    fn words_survive(words in proptest::collection::vec("[a-z]{1,8}", 1..20)) {
        let text = words.join(" ");
        prop_assert_eq!(render(&text), text.clone());
        prop_assert_eq!(unmarked(&text), text);
    }
}
