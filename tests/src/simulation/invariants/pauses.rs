//! Invariant 7: an account whose credentials are refused costs no receipt an attempt, and what waited for it
//! is delivered when it works again.

use std::collections::BTreeMap;

use wilco_sim::Verb;

use super::Found;
use super::ground::{Called, Ground};
use super::lines::Says;
use crate::simulation::evidence::ReceiptRow;

/// No attempt is spent on a refused account or a parked address, and nothing of it is left over.
pub(super) fn a_stopped_account_spends_nothing(ground: &Ground<'_>, found: &mut Found) {
    let mut families: BTreeMap<(&str, &str, i64), Vec<&ReceiptRow>> = BTreeMap::new();
    for row in &ground.evidence.rows.receipts {
        families.entry((&row.contract, &row.kind, row.part)).or_default().push(row);
    }
    for ((contract, kind, part), family) in families {
        let calls = family.iter().flat_map(|row| ground.calls_of(&row.id));
        let spending = calls.filter(|called| spends(called)).count();
        // A process that died between a call and its own note of it took the attempt with it or left one over.
        let most = spending + ground.facts.deaths.len();
        let attempts = family.iter().map(|row| row.attempts).max().unwrap_or(0);
        if usize::try_from(attempts).is_ok_and(|attempts| attempts > most) {
            found.add(7, format!("{kind} {part} of {contract} has spent {attempts} attempts, and {most} could count"));
        }
    }
    numbers_repeat(ground, found);
    if ground.facts.settled.is_some() {
        for (account, _, _) in &ground.facts.stopped {
            let rows = ground.evidence.rows.receipts.iter();
            let waiting = rows.filter(|row| row.account == account.as_str() && !row.is_settled()).count();
            if waiting > 0 {
                found.add(7, format!("{account} works again, and {waiting} of its receipts still wait"));
            }
        }
    }
}

/// Whether a call may cost an attempt.
fn spends(called: &Called<'_>) -> bool {
    match called.call.verb {
        Verb::Find => true,
        Verb::Post | Verb::Edit => !matches!(called.outcome(), "stop_account" | "retry_after"),
        Verb::Probe | Verb::Status => false,
    }
}

/// The attempt after one that spent nothing has the same number.
fn numbers_repeat(ground: &Ground<'_>, found: &mut Found) {
    for lines in ground.journal_of.values() {
        let mut free: BTreeMap<(&str, &str, i64), i64> = BTreeMap::new();
        for line in lines {
            let Says::Attempt(attempt) = &line.says else { continue };
            if attempt.outcome == "sent_again" || attempt.outcome.starts_with("reasserted") {
                continue;
            }
            let key = (attempt.contract, attempt.receipt, attempt.part);
            if let Some(n) = free.remove(&key)
                && attempt.n > n
            {
                let (contract, kind, part) = key;
                found.add(
                    7,
                    format!("attempt {n} of {kind} {part} of {contract} was free, and {} came next", attempt.n),
                );
            }
            if matches!(attempt.outcome.as_ref(), "stop_account" | "retry_after") {
                free.insert(key, attempt.n);
            }
        }
    }
}
