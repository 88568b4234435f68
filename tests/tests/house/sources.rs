//! What every source file keeps to.

use super::{Source, files, none, rust};

/// The aim, and the bound.
const AIM: usize = 400;
const BOUND: usize = 600;

#[test]
fn no_source_file_is_longer_than_600_lines() {
    let mut long = Vec::new();
    let mut over_aim = 0;
    let pages = ["js", "css", "html"].into_iter().flat_map(|extension| files("crates", extension));
    for source in rust().into_iter().chain(pages) {
        let lines = source.text.lines().count();
        over_aim += usize::from(lines > AIM);
        if lines > BOUND {
            long.push(format!("{}: {lines} lines", source.path));
        }
    }
    println!("{over_aim} files have more than {AIM} lines");
    none("files to be divided:", &long);
}

/// The only files of the product that may read the machine's clock, wait, or draw real chance.
const REAL: [&str; 3] =
    ["crates/wilco-core/src/random.rs", "crates/wilco-loop/src/clock.rs", "crates/wilco-sim/src/clock.rs"];

#[test]
fn time_and_chance_are_real_in_three_files_of_the_product_only() {
    let lint = "clippy::disallowed_methods";
    let product: Vec<Source> = rust().into_iter().filter(Source::is_product).collect();
    let elsewhere: Vec<String> = product
        .iter()
        .filter(|source| !REAL.contains(&source.path.as_str()))
        .flat_map(|source| source.lines_with(lint))
        .collect();
    none("hand in a `Clock` or `Dice` instead:", &elsewhere);
    for path in REAL {
        let source = product.iter().find(|source| source.path == path);
        let used = source.is_some_and(|source| !source.lines_with(lint).is_empty());
        assert!(used, "{path} does not need its exception any more");
    }
}

#[test]
fn d4_the_lints_that_hold_the_promise_are_switched_off_nowhere() {
    let lints = [
        "clippy::wildcard_enum_match_arm",
        "clippy::let_underscore_must_use",
        "clippy::await_holding_lock",
        "clippy::disallowed_types",
        "unused_must_use",
        "unsafe_code",
    ];
    let mut off = Vec::new();
    for source in others() {
        for attribute in attributes(&source.text) {
            // A test names the one answer that it expects; every other one is its failure.
            if source.path.contains("/tests/") && attribute.contains("clippy::wildcard_enum_match_arm") {
                continue;
            }
            let lifts = attribute.contains("allow(") || attribute.contains("expect(") || attribute.contains("warn(");
            if lifts && lints.iter().any(|lint| attribute.contains(lint)) {
                off.push(format!("{}: {attribute}", source.path));
            }
        }
    }
    none("these stay on:", &off);
}

#[test]
fn every_exception_from_a_lint_says_why() {
    let mut silent = Vec::new();
    for source in others() {
        for attribute in attributes(&source.text) {
            if (attribute.contains("allow(") || attribute.contains("expect(")) && !attribute.contains("reason = \"") {
                silent.push(format!("{}: {attribute}", source.path));
            }
        }
    }
    none("exceptions without a reason:", &silent);
}

#[test]
fn nothing_is_left_unfinished_and_no_test_is_left_out() {
    let mut found = Vec::new();
    for source in others() {
        for what in ["todo!(", "unimplemented!(", "#[ignore", "FIXME", "XXX"] {
            found.extend(source.lines_with(what));
        }
    }
    none("unfinished:", &found);
}

#[test]
fn no_statement_is_put_together_from_texts() {
    let mut wrong = Vec::new();
    for source in files("crates/wilco-store/src", "rs") {
        for (name, argument) in calls(&source.text) {
            if ["format!", "concat(", ".join(", " + "].iter().any(|glue| argument.contains(glue)) {
                wrong.push(format!("{}: {name}{argument}", source.path));
            }
        }
        wrong.extend(source.lines_with("AssertSqlSafe"));
        // A script as it stands takes no arguments, which only a migration can do without.
        if !source.path.ends_with("/engine/migrations.rs") {
            wrong.extend(source.lines_with("raw_sql"));
        }
        for verb in ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH "] {
            wrong.extend(source.lines_with(&format!("format!(\"{verb}")));
        }
    }
    none("statements are constants with `$1`, `$2`, …:", &wrong);
    let all: usize = files("crates/wilco-store/src", "rs").iter().map(|source| calls(&source.text).count()).sum();
    assert!(all > 50, "only {all} statements were looked at");
}

/// Every call that sends a statement, with its first argument: the name, and the text from its
/// bracket to the comma or bracket that ends the argument.
fn calls(text: &str) -> impl Iterator<Item = (&'static str, &str)> {
    let names = ["query", "query_as", "query_scalar", "tx.run", "tx.row", "tx.rows"];
    names.into_iter().flat_map(move |name| {
        text.match_indices(name)
            .map(move |(at, _)| &text[at + name.len()..])
            .filter(|rest| rest.starts_with('('))
            .map(move |rest| (name, first_argument(rest)))
    })
}

fn first_argument(from_bracket: &str) -> &str {
    let mut depth = 0_u32;
    for (at, one) in from_bracket.char_indices() {
        match one {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 || (depth == 1 && one == ',') {
            return &from_bracket[..at];
        }
    }
    from_bracket
}

#[test]
fn t1_migrations_are_numbered_without_a_gap_and_are_portable() {
    let all = files("migrations", "sql");
    let mut wrong = Vec::new();
    for (at, source) in all.iter().enumerate() {
        let name = source.path.trim_start_matches("migrations/").trim_end_matches(".sql");
        let words = name.strip_prefix(&format!("{:04}_", at + 1)).unwrap_or_default();
        let plain = words.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if words.is_empty() || !plain {
            wrong.push(format!("{} should be {:04}_<lower_case_words>.sql", source.path, at + 1));
        }
        let sql: String = source.text.lines().map(|line| line.split("--").next().unwrap_or_default()).collect();
        let sql = sql.to_uppercase();
        for word in ["AUTOINCREMENT", "SERIAL", "ROWID", "STRICT", "DEFERRABLE", "TRIGGER", "VIEW", "REPLACE"] {
            if has_word(&sql, word) {
                wrong.push(format!("{} uses {word}, which not every database has", source.path));
            }
        }
    }
    none("migrations/README.md has the rules:", &wrong);
    assert!(!all.is_empty(), "there is no migration at all");
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|one: char| !one.is_ascii_alphanumeric() && one != '_').any(|one| one == word)
}

/// Every file but this one, which has to spell out what it looks for.
fn others() -> Vec<Source> {
    rust().into_iter().filter(|source| source.path != "tests/tests/house/sources.rs").collect()
}

/// The text of every attribute, those over several lines included.
fn attributes(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('#').filter_map(|(at, _)| {
        let bracket = text[at + 1..].trim_start_matches('!');
        bracket.starts_with('[').then(|| bracket.split_inclusive("]\n").next().unwrap_or(bracket).trim())
    })
}
