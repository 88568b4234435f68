//! The end of a job: its result, what has to be shown of it, and what it means for its follow-up.

use wilco_core::followup::OccurrenceState as State;
use wilco_core::question::QuestionState;
use wilco_core::receipt::ReceiptKind;
use wilco_core::worker::{EndKind, WorkerState};

use super::order::Sign;
use super::{Ending, Model};
use crate::command::Answer;
use crate::names::{Contract, Job, Kind, Ms, Receipt, SECOND};

/// Work that was over so quickly needs no notification.
const PING_AFTER: Ms = 15 * SECOND;

impl Ending {
    pub(super) fn bare(kind: EndKind) -> Self {
        Self { kind, text: String::new(), parts: 0, files: 0, told: false, gated: false }
    }
}

impl Model {
    pub(super) fn finish(&mut self, job: Job, ending: Ending) -> Answer {
        if !self.jobs.contains_key(&job) {
            return Answer::State(None);
        }
        self.terminate(job, ending);
        Answer::State(Some(self.jobs[&job].state))
    }

    /// Ends a job once and for all; the first end stands (requirements W18, C2). After a stored cancel only
    /// a result that was already finished stands.
    pub(super) fn terminate(&mut self, name: Job, mut ending: Ending) {
        let now = self.now;
        let job = self.job(name);
        if job.state.is_terminal() {
            return;
        }
        let finished = matches!(ending.kind, EndKind::Done | EndKind::Failed);
        if job.state == WorkerState::Cancelling && !finished {
            ending.kind = EndKind::Cancelled;
        }
        (job.state, job.ended, job.ending) = (ending.kind.state(), Some(now), Some(ending.clone()));
        (job.deadline, job.hard, job.due, job.lease) = (None, None, None, None);
        for ((of, _), question) in &mut self.questions {
            if *of == name && question.state == QuestionState::Open {
                (question.state, question.settled) = (QuestionState::Expired, Some(now));
            }
        }
        if ending.kind == EndKind::TimedOut {
            self.note(name, "timed_out");
        }
        self.note(name, "completed");
        for contract in self.contracts_of(name) {
            self.sign(contract, Sign::End);
            self.show_end(contract);
            self.reconsider(contract);
        }
        self.settle_occurrence_of(name, &ending);
    }

    /// Every piece of the result gets a receipt, and what has no message yet a stub (R1, R16, R17).
    pub(super) fn show_end(&mut self, of: Contract) {
        let content = Receipt { of, kind: ReceiptKind::Content, part: 0, generation: 0 };
        if self.receipts[&content].settled.is_some() {
            // Merged with another contract at the same address, which shows all of it.
            return;
        }
        let job = &self.jobs[&of.0];
        let ending = job.ending.clone().expect("it has ended");
        let took = job.ended.unwrap_or(self.now) - job.created;
        let unhappy = !matches!(ending.kind, EndKind::Done | EndKind::Cancelled);
        let wanted = !ending.told && (job.kind != Kind::Agent || unhappy);
        let pings = wanted && (took > PING_AFTER || !job.by_person);
        let parts = (1..=ending.parts).map(|part| (ReceiptKind::Part, part));
        let files = (1..=ending.files).map(|file| (ReceiptKind::File, ending.parts + file));
        for (kind, part) in parts.chain(files) {
            for kind in [ReceiptKind::Stub, kind] {
                self.insert_waiting(Receipt { of, kind, part, generation: 0 });
            }
        }
        if pings {
            self.insert_waiting(Receipt { of, kind: ReceiptKind::Ping, part: 0, generation: 0 });
        }
    }

    /// The job of an occurrence settles it when it ends (requirement F22).
    fn settle_occurrence_of(&mut self, name: Job, ending: &Ending) {
        let Some(occurrence) = self.jobs[&name].occurrence.filter(|id| self.occurrences.contains_key(id)) else {
            return;
        };
        let mut told = Vec::new();
        if ending.gated && self.gate.is_some() {
            self.behind_gate(occurrence, &mut told);
            return;
        }
        let state = match ending.kind {
            EndKind::Done => State::Success,
            EndKind::Cancelled => State::Cancelled,
            EndKind::Failed | EndKind::TimedOut | EndKind::Interrupted => State::Failed,
        };
        self.settle_occurrence(occurrence, state, false, false, &mut told);
    }
}
