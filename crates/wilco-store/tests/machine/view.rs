//! What can be seen of a store after a command. The model says how it has to look, the store how it
//! does, and what differs is told line by line.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use wilco_core::Address;
use wilco_core::contract::ContractState;
use wilco_core::followup::{FollowupState, OccurrenceState};
use wilco_core::question::QuestionState;
use wilco_core::receipt::ReceiptState;
use wilco_core::worker::{EndKind, WorkerState};

use crate::command::Answer;
use crate::names::{Contract, Job, Ms, Occurrence, Receipt};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JobView {
    pub(crate) state: WorkerState,
    pub(crate) attempt: u32,
    pub(crate) reruns: u32,
    /// When its next attempt is due, while it rests.
    pub(crate) due: Option<Ms>,
    /// When the deadline watch looks at it.
    pub(crate) deadline: Option<Ms>,
    /// How it ended, with the first line of its result.
    pub(crate) ending: Option<(EndKind, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ContractView {
    pub(crate) state: ContractState,
    pub(crate) at: Address,
    pub(crate) message: Option<String>,
    pub(crate) ack_deadline: Option<Ms>,
    pub(crate) progress_deadline: Option<Ms>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReceiptView {
    pub(crate) state: ReceiptState,
    pub(crate) at: Address,
    pub(crate) message: Option<String>,
    pub(crate) attempts: u32,
    pub(crate) due: Option<Ms>,
    /// When its edit is repeated because an earlier one may still land on top of it.
    pub(crate) reassert: Option<Ms>,
    /// Another one took its place, so that it stands on no list.
    pub(crate) replaced: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FollowupView {
    pub(crate) state: FollowupState,
    pub(crate) failures: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OccurrenceView {
    pub(crate) state: OccurrenceState,
    pub(crate) due: Option<Ms>,
    pub(crate) attempts: u32,
    pub(crate) job: Option<Job>,
    pub(crate) gate: bool,
}

/// Everything that is compared after a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) answer: Answer,
    pub(crate) jobs: BTreeMap<Job, JobView>,
    pub(crate) contracts: BTreeMap<Contract, ContractView>,
    pub(crate) receipts: BTreeMap<Receipt, ReceiptView>,
    pub(crate) questions: BTreeMap<(Job, u32), QuestionState>,
    pub(crate) followups: BTreeMap<u32, FollowupView>,
    pub(crate) occurrences: BTreeMap<Occurrence, OccurrenceView>,
    pub(crate) paused: BTreeSet<String>,
    pub(crate) gate_closed: bool,
    /// The names of what the command added to the journal of a job, sorted: their order within one
    /// command is no promise.
    pub(crate) journal: BTreeMap<Job, Vec<String>>,
}

impl View {
    /// What differs, one line for each; nothing when both say the same.
    pub(crate) fn differs_from(&self, stored: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.answer != stored.answer {
            lines.push(line("the answer", Some(&self.answer), Some(&stored.answer)));
        }
        compare("", &self.jobs, &stored.jobs, &mut lines);
        compare("contract ", &self.contracts, &stored.contracts, &mut lines);
        compare("receipt ", &self.receipts, &stored.receipts, &mut lines);
        compare("question ", &self.questions, &stored.questions, &mut lines);
        compare("follow-up ", &self.followups, &stored.followups, &mut lines);
        compare("occurrence ", &self.occurrences, &stored.occurrences, &mut lines);
        compare("new in the journal of ", &self.journal, &stored.journal, &mut lines);
        if self.paused != stored.paused {
            lines.push(line("paused accounts", Some(&self.paused), Some(&stored.paused)));
        }
        if self.gate_closed != stored.gate_closed {
            lines.push(line("the gate is closed", Some(&self.gate_closed), Some(&stored.gate_closed)));
        }
        lines
    }
}

fn compare<K: Ord + Debug, V: PartialEq + Debug>(
    what: &str,
    model: &BTreeMap<K, V>,
    stored: &BTreeMap<K, V>,
    lines: &mut Vec<String>,
) {
    let keys: BTreeSet<&K> = model.keys().chain(stored.keys()).collect();
    for key in keys {
        let (expected, found) = (model.get(key), stored.get(key));
        if expected != found {
            lines.push(line(&format!("{what}{key:?}"), expected, found));
        }
    }
}

fn line<V: Debug>(what: &str, model: Option<&V>, stored: Option<&V>) -> String {
    let side = |side: Option<&V>| side.map_or_else(|| "nothing".to_owned(), |value| format!("{value:?}"));
    format!("  {what}\n      model: {}\n      store: {}", side(model), side(stored))
}
