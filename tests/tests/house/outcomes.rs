//! `docs/outcomes.md` says what `receipt::judge` does.

use std::collections::BTreeMap;
use std::time::Duration;

use wilco_core::receipt::{Attempt, Facts, ReceiptKind, Shape, Verdict, judge};
use wilco_core::schedule::GIVE_UP_AFTER;
use wilco_core::{Address, Cause, DeliveryOutcome, MessageRef, NotSurfaced, Scope, Timestamp};

use super::{none, read};

fn address() -> Address {
    Address { account: "web".into(), channel: "general".into(), thread: None }
}

/// One of each reason. A new one has to be added here: the match below does not compile without it.
fn reasons() -> Vec<NotSurfaced> {
    let cause = || Cause::new("code", "words");
    let all = vec![
        NotSurfaced::Silent,
        NotSurfaced::RetryAfter { delay: Duration::from_secs(3), scope: Scope::Chat },
        NotSurfaced::Retry(cause()),
        NotSurfaced::Ambiguous(cause()),
        NotSurfaced::Fallback(cause()),
        NotSurfaced::Reshape(cause()),
        NotSurfaced::Moved(address()),
        NotSurfaced::Gone(cause()),
        NotSurfaced::StopAccount(cause()),
        NotSurfaced::Bug(cause()),
    ];
    let at = |reason: &NotSurfaced| match reason {
        NotSurfaced::Silent => 0,
        NotSurfaced::RetryAfter { .. } => 1,
        NotSurfaced::Retry(_) => 2,
        NotSurfaced::Ambiguous(_) => 3,
        NotSurfaced::Fallback(_) => 4,
        NotSurfaced::Reshape(_) => 5,
        NotSurfaced::Moved(_) => 6,
        NotSurfaced::Gone(_) => 7,
        NotSurfaced::StopAccount(_) => 8,
        NotSurfaced::Bug(_) => 9,
    };
    assert!(all.iter().enumerate().all(|(position, reason)| at(reason) == position));
    all
}

fn outcomes() -> Vec<DeliveryOutcome> {
    let surfaced = DeliveryOutcome::Surfaced(MessageRef { address: address(), message: "1".into() });
    std::iter::once(surfaced).chain(reasons().into_iter().map(DeliveryOutcome::from)).collect()
}

/// What the page calls a verdict.
fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Surfaced { .. } => "settled",
        Verdict::Again { doubt: false, .. } => "again",
        Verdict::Again { doubt: true, .. } => "again, in doubt",
        Verdict::Park { .. } => "parked",
        Verdict::NextGeneration { .. } => "next generation",
        Verdict::Replace { .. } => "new stub",
        Verdict::Plainer { .. } => "plainer shape",
        Verdict::Moved { .. } => "address rewritten",
        Verdict::NextAddress { .. } => "next address",
        Verdict::PauseAccount { .. } => "account paused",
        Verdict::Fail { .. } => "failed",
    }
}

/// A receipt at its first attempt, or one whose every remedy is used up.
fn facts(kind: ReceiptKind, used_up: bool) -> Facts {
    Facts {
        kind,
        attempts: if used_up { 30 } else { 0 },
        first_due: Timestamp(0),
        shape: if used_up { Shape::Excerpt } else { Shape::Rich },
        fallbacks: u32::from(used_up),
        has_next_address: !used_up,
        edit_open: false,
        nonce_window: None,
        first_attempt: None,
        look_up: false,
    }
}

/// What the rule says for a stub, a fill and a ping; the kinds of fills have to agree.
fn row(outcome: &DeliveryOutcome, used_up: bool) -> Vec<&'static str> {
    let now = if used_up { Timestamp(0).plus(GIVE_UP_AFTER) } else { Timestamp(0) };
    let says = |kind, attempt| word(&judge(&facts(kind, used_up), attempt, outcome.clone(), now));
    let fill = says(ReceiptKind::Content, Attempt::Edit);
    for kind in ReceiptKind::ALL.into_iter().filter(|kind| kind.is_fill()) {
        assert_eq!(says(kind, Attempt::Edit), fill, "{kind:?} after {outcome:?}");
    }
    vec![says(ReceiptKind::Stub, Attempt::Post), fill, says(ReceiptKind::Ping, Attempt::Post)]
}

/// The tables of the page, in order: the row of each outcome by its name, without the name.
fn tables(page: &str) -> Vec<BTreeMap<String, Vec<String>>> {
    let mut tables = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        if line.starts_with("| outcome |") {
            tables.push(BTreeMap::new());
            inside = true;
        }
        inside &= line.starts_with('|');
        let mut cells = line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned());
        let name = cells.next().unwrap_or_default();
        if let (true, Some(table), Some(name)) = (inside, tables.last_mut(), name.strip_prefix('`')) {
            for name in name.trim_end_matches('`').split("`, `") {
                let before = table.insert(name.to_owned(), cells.clone().collect::<Vec<_>>());
                assert!(before.is_none(), "{name} stands twice in a table");
            }
        }
    }
    tables
}

#[test]
fn the_page_on_outcomes_says_what_the_rule_does() {
    let page = read("docs/outcomes.md");
    let tables = tables(&page);
    assert!(tables.len() >= 2, "the page has lost a table");
    let mut wrong = Vec::new();
    for outcome in outcomes() {
        for (table, used_up) in [(&tables[0], false), (&tables[1], true)] {
            let expected = row(&outcome, used_up);
            let written = table.get(outcome.name()).cloned().unwrap_or_default();
            // The first table has a column for people before those of the rule.
            let written: Vec<&str> = written.iter().skip(usize::from(!used_up)).map(String::as_str).collect();
            if written != expected {
                wrong.push(format!("`{}`, used up {used_up}: {written:?} should be {expected:?}", outcome.name()));
            }
        }
    }
    none("docs/outcomes.md is wrong:", &wrong);
}

#[test]
fn the_page_on_outcomes_explains_every_word_and_every_outcome_of_progress() {
    let page = read("docs/outcomes.md");
    let tables = tables(&page);
    let mut missing = Vec::new();
    for outcome in outcomes() {
        if !tables.get(2).is_some_and(|progress| progress.contains_key(outcome.name())) {
            missing.push(format!("progress: {}", outcome.name()));
        }
        for used_up in [false, true] {
            missing.extend(
                row(&outcome, used_up)
                    .into_iter()
                    .filter(|word| !page.contains(&format!("- **{word}**")))
                    .map(|word| format!("no explanation of `{word}`")),
            );
        }
    }
    missing.dedup();
    none("docs/outcomes.md lacks", &missing);
}
