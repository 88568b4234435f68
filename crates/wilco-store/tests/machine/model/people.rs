//! What people do with jobs that exist.

use wilco_core::question::QuestionState;
use wilco_core::receipt::{ReceiptKind, ReceiptState};
use wilco_core::worker::{EndKind, WorkerState};

use super::jobs::{next_deadline, route};
use super::order::{Sign, is_fill, is_result, stub_part};
use super::{Ending, Model, Shape};
use crate::command::{Answer, Stopped};
use crate::names::{By, Contract, Job, Ms, Receipt, Spot, Who};

impl Model {
    /// A further contract with a route of its own; watching a finished job shows its result (X1).
    pub(super) fn watch(&mut self, job: Job, by: By, spot: Spot) -> Answer {
        let Some(state) = self.jobs.get(&job).filter(|_| by != By::Stranger) else { return Answer::Is("not found") };
        let (route, ended) = (route(spot, state.who), state.state.is_terminal());
        let alive = |contract: &Contract| {
            let stub = self.newest(*contract, ReceiptKind::Stub, 0).expect("every contract has one");
            self.receipts[&stub].state != ReceiptState::Failed
        };
        // One whose last file had to go elsewhere has left its result here.
        let stands = |contract: &Contract| {
            let content = self.newest(*contract, ReceiptKind::Content, 0).expect("every contract has one");
            let content = &self.receipts[&content];
            let message = content.message.as_ref().filter(|_| content.state == ReceiptState::Surfaced);
            message.is_some_and(|message| message.address == route[0])
        };
        let here = |contract: &Contract| alive(contract) && self.contracts[contract].at == route[0];
        if self.contracts_of(job).iter().any(|contract| here(contract) || stands(contract)) {
            return Answer::Is("shown already");
        }
        let number = self.contracts_of(job).iter().map(|contract| contract.1 + 1).max().unwrap_or(0);
        let contract = Contract(job, number);
        self.open_contract(contract, route);
        self.note(job, "watched");
        if ended {
            self.sign(contract, Sign::End);
            self.show_end(contract);
            self.reconsider(contract);
        } else {
            let open = self.questions.iter().filter(|((of, _), one)| *of == job && one.state == QuestionState::Open);
            for part in open.map(|((_, number), _)| *number).collect::<Vec<_>>() {
                self.insert_waiting(Receipt { of: contract, kind: ReceiptKind::Question, part, generation: 0 });
            }
        }
        Answer::Is("watches")
    }

    /// Stored first, carried out when the job is seen to stop (requirements C1, C3); one that has not begun
    /// is cancelled at once.
    pub(super) fn cancel(&mut self, name: Job, by: By, followups: bool) -> Answer {
        let Some(job) = self.jobs.get_mut(&name).filter(|_| by != By::Stranger) else {
            return Answer::Is("not found");
        };
        let (who, at) = (job.who, job.at.clone());
        let asker = if by == By::Host { "the host" } else { who.name() };
        let done = match job.state {
            WorkerState::Queued => {
                job.cancelled_by = Some(asker);
                self.note(name, "cancel_requested");
                self.terminate(name, Ending::bare(EndKind::Cancelled));
                "cancelled"
            }
            WorkerState::Running | WorkerState::WaitingForInput => {
                (job.state, job.deadline, job.cancelled_by) = (WorkerState::Cancelling, None, Some(asker));
                self.nothing_is_due(name);
                self.note(name, "cancel_requested");
                "cancelling"
            }
            WorkerState::Cancelling if job.cancelled_by == Some("the host") => "the host was faster",
            WorkerState::Cancelling => "the starter was faster",
            ended => {
                return if followups { self.cancelled_with("completed", who, &at) } else { Answer::Completed(ended) };
            }
        };
        if followups { self.cancelled_with(done, who, &at) } else { Answer::Is(done) }
    }

    fn cancelled_with(&mut self, done: &'static str, who: Who, at: &wilco_core::Address) -> Answer {
        Answer::CancelledWith(done, Stopped { running: Vec::new(), ..self.stop(who, at) })
    }

    pub(super) fn stop_here(&mut self, who: Who, spot: Spot) -> Answer {
        let at = route(spot, who)[0].clone();
        let stopped = self.stop(who, &at);
        Answer::Stopped(stopped)
    }

    /// A press on an answer; the first one counts. While a question stood open, the hard limit rested.
    pub(super) fn answer(&mut self, name: Job, question: u32, by: By, choice: u32) -> Answer {
        let now = self.now;
        let Some(asked) = self.questions.get(&(name, question)).filter(|_| by != By::Stranger) else {
            return Answer::Is("not found");
        };
        match asked.state {
            QuestionState::Expired => return Answer::Is("expired"),
            QuestionState::Answered => return Answer::Is("answered before"),
            QuestionState::Open => {}
        }
        if self.jobs[&name].state == WorkerState::Cancelling {
            return Answer::Is("expired");
        }
        if choice > 1 {
            return Answer::Is("not found");
        }
        let rested = self.rested(name);
        let asked = self.questions.get_mut(&(name, question)).expect("it was found");
        (asked.state, asked.answer, asked.settled) = (QuestionState::Answered, choice, Some(now));
        self.note(name, "answered");
        let another = self.questions.iter().any(|((of, _), one)| *of == name && one.state == QuestionState::Open);
        let job = self.job(name);
        job.hard = job.hard.map(|hard| hard + rested);
        if !another && job.state == WorkerState::WaitingForInput {
            (job.state, job.alive) = (WorkerState::Running, Some(now));
            job.deadline = next_deadline(job, now);
            self.progress_is_due(name);
        }
        Answer::Answered(choice)
    }

    /// How long a question stood open since the last one was answered, as far as the job was waiting.
    fn rested(&self, name: Job) -> Ms {
        let mine = || self.questions.iter().filter(|((of, _), _)| *of == name).map(|(_, one)| one);
        let asked = mine().filter(|one| one.state == QuestionState::Open).map(|one| one.asked).min();
        let since = asked.max(mine().filter_map(|one| one.settled).max()).max(self.jobs[&name].started);
        if self.jobs[&name].state == WorkerState::WaitingForInput { self.now - since.unwrap_or(self.now) } else { 0 }
    }

    /// The only way out of `failed`: what failed and the stub that it needs go again (requirement R3).
    pub(super) fn retry_receipt(&mut self, receipt: Receipt) -> Answer {
        let Some(one) = self.receipts.get(&receipt) else { return Answer::Is("unknown") };
        if one.state != ReceiptState::Failed {
            return Answer::Is("not failed");
        }
        let of = receipt.of;
        let mut results = self.receipts_of(of);
        results.retain(|one| is_result(one.kind));
        results.retain(|one| *one == receipt || (receipt.kind == ReceiptKind::Stub && one.part == receipt.part));
        // The place of what is shown needs nobody to hold it.
        let shown = results.iter().any(|one| self.receipts[one].state == ReceiptState::Surfaced);
        results.retain(|one| self.receipts[one].state == ReceiptState::Failed);
        let newer = self.newest(of, receipt.kind, receipt.part) != Some(receipt);
        // What is past its retention has no text that could be sent.
        let forgotten = results.iter().any(|one| self.receipts[one].forgotten);
        // Nothing is made visible twice at one address.
        let (ping, here) = (receipt.kind == ReceiptKind::Ping, &self.contracts[&of].at);
        let stands = |(name, other): (&Receipt, &super::ReceiptRecord)| {
            let same = name.of.0 == of.0 && name.of != of && (name.kind, name.part) == (receipt.kind, receipt.part);
            same && match other.state {
                ReceiptState::Failed => false,
                ReceiptState::Surfaced => other.message.as_ref().is_some_and(|message| message.address == *here),
                _ => other.at == *here,
            }
        };
        let elsewhere = !ping && self.receipts.iter().any(stands);
        if one.replaced
            || newer
            || shown
            || elsewhere
            || forgotten
            || (receipt.kind == ReceiptKind::Ping && one.forgotten)
        {
            return Answer::Is("refused");
        }
        results.retain(|one| *one != receipt);
        // It goes where the job is shown now.
        let here = self.contracts[&of].at.clone();
        for again in std::iter::once(receipt).chain(results) {
            let one = self.receipt(again);
            one.at = here.clone();
            (one.state, one.settled, one.attempts, one.fallbacks) = (ReceiptState::Waiting, None, 0, 0);
            (one.first_due, one.parked, one.due, one.shape) = (None, None, None, Shape::Rich);
            self.note(of.0, "receipt_attempt");
        }
        if is_fill(receipt.kind) {
            self.stub_for(receipt);
        }
        self.sign(of, Sign::SentAgain);
        self.reconsider(of);
        Answer::Is("sent again")
    }

    /// A fill needs a living stub; the one that is lost makes room for another.
    fn stub_for(&mut self, fill: Receipt) {
        let (of, part) = (fill.of, stub_part(fill));
        let newest = self.newest(of, ReceiptKind::Stub, part);
        let stands = newest.is_some_and(|stub| match self.receipts[&stub].state {
            ReceiptState::Failed => false,
            ReceiptState::Surfaced if part == 0 => self.message_of(of).is_some(),
            ReceiptState::Surfaced => {
                let message = self.receipts[&stub].message.as_ref();
                message.is_some_and(|message| message.address == self.contracts[&of].at)
            }
            _ => true,
        });
        if stands {
            return;
        }
        if let Some(stub) = newest.filter(|stub| self.receipts[stub].state == ReceiptState::Failed) {
            self.receipt(stub).replaced = true;
        }
        self.new_stub(of, part);
        if part == 0 {
            self.forget_message(of);
        }
    }
}
