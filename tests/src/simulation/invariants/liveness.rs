//! Invariant 10: once faults have stopped, everything that is pending settles within the wait that was reached
//! and a minute; what was not tried before, within the minute.

use std::collections::BTreeMap;

use wilco_core::Timestamp;
use wilco_sim::Logged;

use super::Found;
use super::ground::Ground;
use super::lines::Says;
use crate::simulation::evidence::ReceiptRow;

/// The longest wait between two attempts, five hours, as long as its jitter may make it.
const LONGEST_WAIT: i64 = 5 * 3_600_000 * 12 / 10;
/// How long a call may hang.
const CALL: i64 = 15_000;
/// What is left for everything else.
const MINUTE: i64 = 60_000;

/// Everything has settled, in time, and nothing that people wait for is open.
pub(super) fn everything_settles(ground: &Ground<'_>, found: &mut Found) {
    let Some(settled) = ground.facts.settled else {
        found.add(10, format!("not everything had settled since faults stopped at {}", ground.facts.calm));
        return what_is_open(ground, found);
    };
    // A job takes as long as it takes, and what it has to say cannot settle before it has ended. What a
    // platform has asked for before it became calm is waited for.
    let worked = last_end(ground).max(ground.facts.calm.0);
    // What is stored comes later by as much as the wall clock was set back under it.
    let back: i64 = ground.facts.steps.iter().map(|(_, by)| (-by).max(0)).sum();
    let limit = worked.max(last_silence(ground)) + LONGEST_WAIT + MINUTE + back;
    if settled.0 > limit {
        found.add(10, format!("everything had settled at {settled}, and {} was the limit", Timestamp(limit)));
    }
    what_is_open(ground, found);
    promptly(ground, found);
}

/// When the last job ended, on the platform's clock.
fn last_end(ground: &Ground<'_>) -> i64 {
    let lines = ground.journal_of.values().flatten();
    let ends = lines.filter(|line| matches!(line.says, Says::Completed(_)));
    ends.map(|line| ground.platform_time(line.row).1.0).max().unwrap_or(i64::MIN)
}

/// Until when a platform has asked to wait.
fn last_silence(ground: &Ground<'_>) -> i64 {
    let asked = ground.calls.iter().filter_map(|called| Some(called.at.0.saturating_add(called.asked_to_wait()?.0)));
    asked.max().unwrap_or(i64::MIN)
}

fn what_is_open(ground: &Ground<'_>, found: &mut Found) {
    let rows = &ground.evidence.rows;
    for worker in rows.workers.iter().filter(|row| !row.has_ended()) {
        found.add(10, format!("{} is {}", worker.short, worker.state));
    }
    for receipt in &rows.receipts {
        if !receipt.is_settled() || receipt.reassert_at.is_some() {
            let (kind, part, due) = (&receipt.kind, receipt.part, receipt.due_at.or(receipt.reassert_at));
            found.add(10, format!("{kind} {part} of {} is {} and due {due:?}", receipt.contract, receipt.state));
        }
        // A shape for a repetition that never comes.
        if let (None, Some(shape)) = (receipt.reassert_at, &receipt.reassert_shape) {
            found.add(10, format!("{} is never repeated, and {shape} is how", receipt.id));
        }
    }
    for occurrence in rows.occurrences.iter().filter(|row| row.state == "running" && row.worker.is_none()) {
        found.add(10, format!("occurrence {} is claimed and has not fired", occurrence.id));
    }
    let paused = |id: &str| rows.followups.iter().any(|one| one.id == id && one.state == "paused");
    let closed = |backend: &str| rows.gates.iter().any(|gate| gate.backend == backend);
    for row in rows.occurrences.iter().filter(|row| row.settled_at.is_none() && row.due_at.is_none()) {
        let held = row.gate.as_deref().is_some_and(closed);
        if row.state == "scheduled" && !held && !paused(&row.followup) {
            found.add(10, format!("occurrence {} waits for nothing and nobody", row.id));
        }
    }
    let mut answered: BTreeMap<&str, bool> = BTreeMap::new();
    for entry in &ground.evidence.log {
        match &entry.what {
            Logged::Said { event, .. } | Logged::Pressed { event, .. } => {
                answered.entry(event).or_default();
            }
            Logged::Answered { event, answer } => *answered.entry(event).or_default() |= answer != "busy",
            Logged::Call(_)
            | Logged::Posted { .. }
            | Logged::Recognised { .. }
            | Logged::Edited { .. }
            | Logged::Unchanged { .. }
            | Logged::Fizzled { .. }
            | Logged::Signed { .. }
            | Logged::Noted { .. }
            | Logged::Deleted { .. } => {}
        }
    }
    for (event, _) in answered.into_iter().filter(|(_, answered)| !answered) {
        found.add(10, format!("event {event} has no answer"));
    }
}

/// What had failed before the faults stopped is tried again when its wait is over, and everything else without
/// one.
fn promptly(ground: &Ground<'_>, found: &mut Found) {
    if !ground.facts.steps.is_empty() {
        return;
    }
    let calm = ground.facts.calm;
    for contract in &ground.evidence.rows.contracts {
        let Some(worker) = ground.workers.get(contract.worker.as_str()) else { continue };
        let ready = worker.ended_at.unwrap_or(contract.created_at).max(contract.created_at);
        let asked = ground.calls.iter().filter(|called| called.call.address.account.as_str() == contract.account);
        let asked = asked.filter_map(|called| Some(called.at.0.saturating_add(called.asked_to_wait()?.0)));
        let limit = ready.max(calm.0).max(asked.max().unwrap_or(i64::MIN)) + reached(ground, &contract.id) + MINUTE;
        for receipt in ground.terminal(&contract.id) {
            if let Some(settled) = receipt.settled_at.filter(|settled| *settled > limit) {
                let name = format!("{} {} of {}", receipt.kind, receipt.part, worker.short);
                found.add(
                    10,
                    format!("{name} settled at {}, and {} was the limit", Timestamp(settled), Timestamp(limit)),
                );
            }
        }
    }
    due_times(ground, found);
}

/// The longest wait that a receipt of a contract had reached when the faults stopped, in milliseconds, and what a
/// call may take that hung then.
fn reached(ground: &Ground<'_>, contract: &str) -> i64 {
    let wait = |receipt: &&ReceiptRow| {
        // The last attempt is the one that succeeded, unless it was left to another route, or failed at an address that
        // was closed, which spends none.
        let succeeded = receipt.state == "surfaced" && receipt.reason.as_deref() != Some("merged");
        let failed = usize::try_from(receipt.attempts - i64::from(succeeded)).unwrap_or(0);
        super::scopes::wait_after(failed, receipt.kind == "stub")
    };
    let tried = ground.receipts_of(contract).iter().filter(|receipt| {
        ground.calls_of(&receipt.id).iter().any(|called| called.at <= ground.facts.calm) || receipt.generation > 0
    });
    tried.map(wait).max().map_or(0, |wait| wait + CALL)
}

/// What fell due in the calm fired within the minute.
fn due_times(ground: &Ground<'_>, found: &mut Found) {
    for row in &ground.evidence.rows.occurrences {
        let Some(fired) = row.fired_at.filter(|_| row.due >= ground.facts.calm.0) else { continue };
        if fired > row.due + MINUTE {
            found.add(10, format!("{} was due at {} and fired at {}", row.id, Timestamp(row.due), Timestamp(fired)));
        }
    }
}
