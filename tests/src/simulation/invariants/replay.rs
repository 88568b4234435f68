//! Invariant 11: whoever reads the journal from its first line arrives at the states that the rows say.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::Found;
use super::ground::Ground;
use super::lines::{Line, Says};
use crate::simulation::evidence::{ReceiptRow, WorkerRow};

/// What a history says in the end. Written from the meaning of the lines alone.
#[derive(Debug, Default)]
pub(super) struct Replayed<'a> {
    /// Where the worker stands; nothing before its first line.
    pub(super) worker: &'a str,
    /// Where each contract stands that has moved.
    pub(super) contracts: BTreeMap<&'a str, &'a str>,
    /// How many contracts were opened.
    pub(super) opened: usize,
    /// How each receipt settled last, by contract, kind and part.
    pub(super) receipts: BTreeMap<(&'a str, &'a str, i64), Outcome<'a>>,
    /// How many questions wait for an answer.
    waiting: usize,
}

/// How a receipt settled.
#[derive(Clone, Debug)]
pub(super) struct Outcome<'a> {
    status: &'a str,
    message: Option<Cow<'a, str>>,
    reason: Option<Cow<'a, str>>,
}

/// Reads a history from its first line to its last.
pub(super) fn replay<'a>(lines: &'a [Line<'a>]) -> Replayed<'a> {
    let mut now = Replayed::default();
    for line in lines {
        match &line.says {
            Says::Moved(moved) => {
                now.contracts.insert(moved.contract, moved.to);
            }
            Says::Settled(settled) => {
                let outcome = Outcome {
                    status: settled.status,
                    message: settled.message.clone(),
                    reason: settled.reason.clone(),
                };
                now.receipts.insert((settled.contract, settled.receipt, settled.part), outcome);
            }
            Says::Attempt(attempt) => {
                if attempt.outcome == "sent_again" {
                    now.receipts.remove(&(attempt.contract, attempt.receipt, attempt.part));
                }
            }
            Says::Cancel(_) => {
                // What has not begun is cancelled at once, and its end is the next line.
                if matches!(now.worker, "running" | "waiting_for_input") {
                    now.worker = "cancelling";
                }
            }
            Says::Completed(completed) => now.worker = completed.end,
            Says::Recovered(recovered) => {
                if recovered.rerun {
                    now.worker = "queued";
                    now.waiting = 0;
                }
            }
            Says::Step(_) => {}
            Says::Other => now.other(&line.row.event),
        }
    }
    now
}

impl Replayed<'_> {
    fn other(&mut self, event: &str) {
        match event {
            "accepted" => {
                self.worker = "queued";
                self.opened += 1;
            }
            "watched" => self.opened += 1,
            "started" => self.worker = "running",
            "question" => {
                self.waiting += 1;
                self.worker = "waiting_for_input";
            }
            "answered" => {
                self.waiting = self.waiting.saturating_sub(1);
                if self.waiting == 0 && self.worker == "waiting_for_input" {
                    self.worker = "running";
                }
            }
            "retrying" => {
                self.worker = "queued";
                self.waiting = 0;
            }
            _ => {}
        }
    }
}

/// Numbers without gaps, and the states of worker, contracts and receipts as the rows have them.
pub(super) fn the_journal_tells_the_same(ground: &Ground<'_>, found: &mut Found) {
    for worker in ground.workers.values().filter(|worker| worker.kept != 0) {
        let lines = ground.journal(&worker.id);
        let short = &worker.short;
        let numbered = lines.iter().zip(1..).all(|(line, seq)| line.row.seq == seq);
        if !numbered || i64::try_from(lines.len()).ok() != Some(worker.journal_seq) {
            found.add(11, format!("{short} has {} lines, and {} were counted", lines.len(), worker.journal_seq));
        }
        if lines.first().is_none_or(|first| first.row.event != "accepted") {
            found.add(11, format!("the history of {short} does not begin with its acceptance"));
        }
        let replayed = replay(lines);
        of_worker(worker, lines, &replayed, found);
        let contracts = ground.contracts_of.get(worker.id.as_str()).map(Vec::as_slice).unwrap_or_default();
        if contracts.len() != replayed.opened {
            found.add(11, format!("{short} has {} contracts, and its journal {}", contracts.len(), replayed.opened));
        }
        for contract in contracts {
            let state = replayed.contracts.get(contract.id.as_str()).copied().unwrap_or("created");
            if state != contract.state {
                found.add(11, format!("{} is {}, and its journal says {state}", contract.id, contract.state));
            }
            for receipt in newest(ground, &contract.id) {
                of_receipt(ground, receipt, &replayed, found);
            }
        }
    }
}

fn of_worker(worker: &WorkerRow, lines: &[Line<'_>], replayed: &Replayed<'_>, found: &mut Found) {
    // A question that is asked again after a restart is in the journal once.
    let asked_again = worker.state == "waiting_for_input" && replayed.worker == "running" && worker.reruns > 0;
    if replayed.worker != worker.state && !asked_again {
        found.add(11, format!("{} is {}, and its journal says {}", worker.short, worker.state, replayed.worker));
    }
    let end = lines.iter().rfind(|line| matches!(line.says, Says::Completed(_))).map(|line| line.row.at);
    if end != worker.ended_at {
        found.add(11, format!("{} ended at {:?}, and its journal says {end:?}", worker.short, worker.ended_at));
    }
}

/// The newest receipt of each kind and part; an older one was replaced by it.
fn newest<'a>(ground: &Ground<'a>, contract: &str) -> impl Iterator<Item = &'a ReceiptRow> {
    let mut newest: BTreeMap<(&str, i64), &'a ReceiptRow> = BTreeMap::new();
    for row in ground.receipts_of(contract) {
        newest.insert((row.kind.as_str(), row.part), *row);
    }
    newest.into_values()
}

fn of_receipt(ground: &Ground<'_>, row: &ReceiptRow, replayed: &Replayed<'_>, found: &mut Found) {
    let name = format!("{} {} of {}", row.kind, row.part, row.contract);
    let said = replayed.receipts.get(&(row.contract.as_str(), row.kind.as_str(), row.part));
    if !row.is_settled() {
        // An older generation may have settled before this one was made.
        if said.is_some() && row.generation == 0 {
            found.add(11, format!("{name} is {}, and its journal says {said:?}", row.state));
        }
        return;
    }
    let Some(said) = said else {
        return found.add(11, format!("{name} is {}, and its journal does not say so", row.state));
    };
    let message = ground.named.get(row.id.as_str()).map(String::as_str);
    let same_message = row.state != "surfaced" || said.message.as_deref() == message;
    let same_reason = row.state != "failed" || said.reason.as_deref() == row.reason.as_deref();
    if said.status != row.state || !same_message || !same_reason {
        found
            .add(11, format!("{name} is {} ({message:?}, {:?}), and its journal says {said:?}", row.state, row.reason));
    }
}
