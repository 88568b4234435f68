use proptest::prelude::*;
use wilco_core::Body;
use wilco_core::text::{Split, Unit, split};

use super::*;
use crate::discord::TEXT;
use crate::message::content;

fn check(table: &[(&str, &str)]) {
    for (text, expected) in table {
        assert_eq!(render(text, false), *expected, "{text:?}");
    }
}

#[test]
fn m10_the_small_markdown_becomes_discords() {
    check(&[
        ("", ""),
        ("Done · report · k7f2", "Done · report · k7f2"),
        ("**bold** and _slanted_ and `code`", "**bold** and *slanted* and `code`"),
        ("**a_b** _c*d_", "**a\\_b** *c\\*d*"),
        ("[the report](https://x.org/a_b)", "[the report](<https://x.org/a_b>)"),
        ("see https://x.org/a_b*c now", "see https://x.org/a_b*c now"),
        ("```rust\nlet *x* = <@1>;\n```\n*y*", "```rust\nlet *x* = <@1>;\n```\n\\*y\\*"),
        ("````\n```\n````", "```\n`\u{200b}`\u{200b}`\n```"),
        ("``````\n`````\n``````", "```\n`\u{200b}`\u{200b}`\u{200b}`\u{200b}`\n```"),
        ("```\nopen", "```\nopen\n```"),
        ("```\n```\n<@1>", "```\n\u{200b}\n```\n\\<@1>"),
        ("```sh\n\n```", "```sh\n\n\u{200b}\n```"),
        ("```", "```\n\u{200b}\n```"),
    ]);
}

#[test]
fn m10_what_discord_would_take_for_markup_is_text() {
    check(&[
        ("2 * 3 * 4", "2 \\* 3 \\* 4"),
        ("snake_case_name __init__", "snake\\_case\\_name \\_\\_init\\_\\_"),
        ("~~gone~~ ||hidden||", "\\~\\~gone\\~\\~ \\|\\|hidden\\|\\|"),
        ("# title\n  ## two\n#1 is not", "\\# title\n  \\## two\n\\#1 is not"),
        ("-# small\n- item\na -# b", "\\-# small\n- item\na -# b"),
        ("> quote\n>>> all\na > b", "\\> quote\n\\>>> all\na > b"),
        ("C:\\dir \\*", "C:\\\\dir \\\\\\*"),
        ("[x](javascript:1) [y](https://)", "\\[x](javascript:1) \\[y](https://)"),
        ("[a](https://x.org <b>)", "\\[a](https://x.org \\<b>)"),
        ("**", "\\*\\*"),
        ("``", "\\`\\`"),
        ("<t:0:R> <:pepe:12> </run:3> <id:home>", "\\<t:0:R> \\<:pepe:12> \\</run:3> \\<id:home>"),
    ]);
}

#[test]
fn no_mention_is_read_outside_of_code() {
    check(&[
        ("<@1> <@!1> <@&2> <#3>", "\\<@1> \\<@!1> \\<@&2> \\<#3>"),
        ("@everyone and @here", "@\u{200b}everyone and @\u{200b}here"),
        ("**@everyone**", "**@\u{200b}everyone**"),
        ("[@here](https://x.org)", "[@\u{200b}here](<https://x.org>)"),
        ("ana@example.org", "ana@example.org"),
    ]);
}

#[test]
fn plain_text_has_no_markup_and_no_link() {
    for (text, expected) in [
        ("**a** `b`", "\\*\\*a\\*\\* \\`b\\`"),
        ("```\n# x\n```", "\\`\\`\\`\n\\# x\n\\`\\`\\`"),
        ("at https://x.org/a_b, http://y", "at https[:]//x.org/a\\_b, http[:]//y"),
        ("https://https://x", "https[:]//https[:]//x"),
        ("@everyone", "@\u{200b}everyone"),
    ] {
        assert_eq!(render(text, true), expected, "{text:?}");
    }
}

#[test]
fn a_text_without_its_markup_says_the_same() {
    assert_eq!(unmarked("**bold** `a*b` @here", false), "bold a*b @\u{200b}here");
    assert_eq!(unmarked("**as it stands**", true), "**as it stands**");
}

/// Takes backslashes away as Discord does.
fn read(shown: &str) -> String {
    let mut out = String::new();
    let mut letters = shown.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if letters.peek().is_some_and(char::is_ascii_punctuation) => out.extend(letters.next()),
            NOTHING => {}
            other => out.push(other),
        }
    }
    out
}

/// The end of a block of code that opens at the start of a text, as Discord reads one: a language on its line if there is
/// one, then at least one character that is no line break, then the next three backticks.
fn block_end(text: &str) -> Option<usize> {
    let end_from = |from: usize| {
        let body = text.get(from..)?;
        let skipped = body.len() - body.trim_start_matches('\n').len();
        let first = body.get(skipped..)?.chars().next()?;
        let inner = from + skipped + first.len_utf8();
        Some(inner + text.get(inner..)?.find("```")? + 3)
    };
    let opened = text.strip_prefix("```")?;
    let language = opened.split_once('\n').map(|(language, _)| language).filter(|language| {
        !language.is_empty() && language.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+-.#".contains(&byte))
    });
    language.and_then(|language| end_from(3 + language.len() + 1)).or_else(|| end_from(3))
}

/// The end of inline code that opens at the start of a text, as Discord reads it: the next run of as many backticks.
fn inline_end(text: &str) -> Option<usize> {
    let run = text.len() - text.trim_start_matches('`').len();
    let mut at = run;
    while let Some(next) = text.get(at..)?.find('`').map(|found| at + found) {
        let length = text.len() - next - text[next..].trim_start_matches('`').len();
        if length == run {
            return Some(next + length);
        }
        at = next + length;
    }
    None
}

/// What Discord reads as text: without code, and without what a backslash makes harmless.
fn outside_code(shown: &str) -> String {
    let mut out = String::new();
    let mut rest = shown;
    while let Some(letter) = rest.chars().next() {
        let escaped = || rest.get(1..).and_then(|rest| rest.chars().next()).filter(char::is_ascii_punctuation);
        let passed = match letter {
            '`' => block_end(rest).or_else(|| inline_end(rest)),
            '\\' => escaped().map(|_| 2),
            _ => None,
        };
        match passed {
            Some(passed) => {
                out.push(' ');
                rest = &rest[passed..];
            }
            None => {
                out.push(letter);
                rest = &rest[letter.len_utf8()..];
            }
        }
    }
    out
}

fn mentions(shown: &str) -> bool {
    let text = outside_code(shown);
    ["<@", "<#", "@everyone", "@here"].into_iter().any(|mention| text.contains(mention))
}

#[test]
fn the_reader_of_these_tests_sees_a_mention_where_discord_does() {
    for seen in ["<@1>", "`a <@1>", "`a` <@1>", "```x``` @here", "\\\\<@1>", "```\n```\n<@1>", "``a` <@1>"] {
        assert!(mentions(seen), "{seen:?}");
    }
    for none in ["`<@1>`", "``a`<@1>``", "```\n<@1>\n```", "\\<@1>", "@\u{200b}here", "```rs\n@here\n```"] {
        assert!(!mentions(none), "{none:?}");
    }
}

/// Lines of words, code and fences, longer than one message.
fn long_text() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        6 => "(word[0-9]{1,4} |\\*\\*bold[0-9]\\*\\* |snake_case[0-9] |`code_[0-9]` |<@[0-9]> |@everyone |2 \\* 3 ){1,30}",
        1 => Just(String::new()),
        1 => Just("```rust".to_owned()),
        2 => Just("```".to_owned()),
        1 => "(a_b ){400,600}",
    ];
    prop::collection::vec(line, 20..120).prop_map(|lines| lines.join("\n"))
}

/// The words with a number in them, in order.
fn words(text: &str) -> Vec<String> {
    let plain: String = text.chars().filter(|letter| !"\\*`\u{200b}".contains(*letter)).collect();
    plain
        .split(|letter: char| !(letter.is_alphanumeric() || letter == '_'))
        .filter(|word| word.starts_with("word") || word.starts_with("snake") || word.starts_with("code"))
        .map(str::to_owned)
        .collect()
}

proptest! {
    #[test]
    fn plain_text_is_read_as_it_was_written(text in "([*_~`#\\[\\]()!\\\\<>@|:/ \n-]|https://|everyone|[a-z\\PC]){0,60}") {
        prop_assume!(!text.contains(NOTHING));
        prop_assert_eq!(read(&render(&text, true)).replace("[:]//", "://"), text.replace("[:]//", "://"));
    }

    #[test]
    fn no_mention_is_left_in_text_without_code(text in "([*_~#\\[\\]()!\\\\<>@|&\n]|@everyone|@here|<@1>|[a-z\\PC--`]){0,60}") {
        let shown = render(&text, false);
        prop_assert!(!shown.contains("@everyone") && !shown.contains("@here"), "{shown:?}");
        prop_assert!(!shown.replace("\\\\", "").replace("\\<", "").contains("<@"), "{shown:?}");
    }

    #[test]
    fn every_text_is_rendered(text in "([*_~`#\\[\\]()!\\\\<>@|&\n]|https://x.org|@everyone|<@1>|[a-z\\PC]){0,60}") {
        let shown = render(&text, false);
        prop_assert!(shown.split('\n').filter(|line| line.starts_with("```")).count() % 2 == 0, "{shown:?}");
        prop_assert!(unmarked(&text, false).chars().count() <= text.chars().count() * 2);
    }

    #[test]
    fn no_mention_is_left_outside_of_code_as_discord_reads_it(
        text in "(`{1,4}|[*_~#\\[\\]()!\\\\<>@|&\n ]|\n```(sh)?\n|@everyone|@here|<@1>|<#2>|https://x.org |[a-z]){0,60}"
    ) {
        let shown = render(&text, false);
        prop_assert!(!mentions(&shown), "{shown:?}");
        let plain = render(&text, true);
        prop_assert!(!mentions(&plain), "{plain:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn m9_every_part_of_a_long_text_fits_and_nothing_of_it_is_lost(text in long_text()) {
        let Split::Parts(parts) = split(&text, TEXT, Unit::Chars, 1_000) else { panic!("it can be split") };
        let mut shown = Vec::new();
        for part in &parts {
            let content = content(&Body::text(part.clone()));
            // Only what keeps @everyone from notifying makes a text longer that has lost its markup.
            let Ok(content) = content else {
                prop_assert!(part.contains("@everyone"), "{part:?}");
                continue;
            };
            prop_assert!(content.text.chars().count() <= TEXT);
            prop_assert!(content.unmarked || !mentions(&content.text), "{:?}", content.text);
            let fences = content.text.split('\n').filter(|line| line.starts_with("```")).count();
            prop_assert!(content.unmarked || fences % 2 == 0, "{:?}", content.text);
            prop_assert_eq!(words(part), words(&content.text));
            shown.extend(words(&content.text));
        }
        if shown.len() == parts.iter().map(|part| words(part).len()).sum::<usize>() {
            prop_assert_eq!(shown, words(&text));
        }
    }
}
