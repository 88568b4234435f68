//! Progress edits: which may leave, and what is stored while one may be on its way.

use wilco_core::contract::ContractState;
use wilco_core::question::QuestionState;
use wilco_core::receipt::{ReceiptKind, ReceiptState};
use wilco_core::worker::WorkerState;
use wilco_core::{Address, MessageRef, Scope};

use super::{EditInHand, Model};
use crate::command::{Answer, Said};
use crate::names::{Contract, Edit, Job, Kind, MINUTE, Ms, Receipt, SECOND};

/// The total bound of one call to a platform.
pub(super) const CALL: Ms = 15 * SECOND;
/// What stands in the place of a picture once a question or the result is shown.
pub(super) const OVERWRITTEN: &str = "question";

enum Window {
    Open(MessageRef, String),
    Later(Ms),
    Closed,
}

impl Model {
    pub(super) fn open_edits(&mut self, job: Job) -> Answer {
        let (mut open, mut later) = (Vec::new(), None);
        for contract in self.contracts_of(job) {
            match self.window(contract) {
                Window::Closed => {}
                Window::Later(at) => later = Some(later.map_or(at, |earlier: Ms| earlier.min(at))),
                Window::Open(message, picture) => {
                    let until = self.now + CALL;
                    let one = self.contract(contract);
                    (one.edit_open, one.edit_until) = (true, Some(until));
                    one.edits += 1;
                    let edit = Edit(contract, one.edits);
                    let before = one.picture.clone();
                    open.push((contract, message.message.clone()));
                    self.edits.insert(edit, EditInHand { message, picture, before });
                }
            }
        }
        Answer::Windows { open, later }
    }

    fn window(&self, contract: Contract) -> Window {
        let one = &self.contracts[&contract];
        let Some(message) = one.message.clone().filter(|_| one.state.is_open()) else { return Window::Closed };
        let mut receipts = self.receipts_of(contract).into_iter();
        if receipts.any(|one| one.kind == ReceiptKind::Question && self.receipts[&one].settled.is_none()) {
            return Window::Closed;
        }
        let Some(picture) = self.picture(contract).filter(|picture| one.picture.as_ref() != Some(picture)) else {
            return Window::Closed;
        };
        // At most one call is in flight per message.
        if let Some(until) = one.edit_until.filter(|until| *until > self.now) {
            return Window::Later(until);
        }
        // Only a person can say when a pause is over.
        if self.may_leave(&one.at, self.now).0.is_none() {
            return Window::Closed;
        }
        let at = self.earliest(contract);
        if at > self.now { Window::Later(at) } else { Window::Open(message, picture) }
    }

    /// Edits keep their pace (M6), but the first one after a text that is no longer true leaves at once.
    fn earliest(&self, contract: Contract) -> Ms {
        let one = &self.contracts[&contract];
        let job = &self.jobs[&contract.0];
        let account = one.at.account.as_str().to_owned();
        let park = |channel: &str| self.parks.get(&(account.clone(), channel.to_owned())).copied();
        let parked = park("").max(park(&one.at.channel));
        let stale = one.picture.as_deref().is_none_or(|picture| picture == OVERWRITTEN);
        let at = match one.pictured.filter(|_| !stale) {
            Some(last) => {
                let gap = match last - job.started.unwrap_or(job.created) {
                    age if age < MINUTE => 3 * SECOND,
                    age if age < 10 * MINUTE => 10 * SECOND,
                    _ => 30 * SECOND,
                };
                last + gap
            }
            None => self.now,
        };
        at.max(parked.unwrap_or(at))
    }

    /// What the message has to show now, if anything.
    fn picture(&self, contract: Contract) -> Option<String> {
        let (one, job) = (&self.contracts[&contract], &self.jobs[&contract.0]);
        // Only agents of these tests are tried again.
        let tried = (job.kind == Kind::Agent && job.attempt > 1).then_some(job.attempt);
        match job.state {
            WorkerState::Running if one.state == ContractState::SlaMissed => Some("quiet".to_owned()),
            WorkerState::Running => {
                // The acknowledgement stands until there is something to show beside it.
                let nothing_new = job.ahead.is_none() && job.shown.is_none() && job.attempt <= 1;
                let picture = format!("{tried:?} {:?}", job.shown);
                (one.picture.is_some() || !nothing_new).then_some(picture)
            }
            WorkerState::Queued if job.kind == Kind::Agent => job.due.map(|_| format!("attempt {}", job.attempt + 1)),
            WorkerState::Cancelling => Some("cancelling".to_owned()),
            _ => None,
        }
    }

    pub(super) fn close_edit(&mut self, edit: Edit, said: &Said) -> Answer {
        let hand = self.edits[&edit].clone();
        let contract = edit.0;
        let (now, at) = (self.now, &hand.message.address);
        match said {
            Said::RetryAfter(delay, scope) => self.park_scope(at, *scope, now + delay),
            Said::StopAccount => self.pause_account(at),
            _ => {}
        }
        // What concerns others was kept; the message of the contract is another one by now.
        if self.message_of(contract) != Some(hand.message.clone()) {
            return Answer::None;
        }
        let shown = !matches!(
            said,
            Said::RetryAfter(..) | Said::StopAccount | Said::Silent | Said::Retry | Said::Moved(_) | Said::MovedHere
        );
        let one = self.contract(contract);
        // Past its time limit something else may be under way: which of the two lands last is not known.
        let late = one.edit_until.is_none_or(|until| until <= now) && matches!(said, Said::Shown | Said::Nameless);
        let in_doubt = late || *said == Said::Ambiguous;
        (one.edit_open, one.edit_until, one.pictured) = (in_doubt, None, Some(now));
        one.picture = if shown { Some(hand.picture) } else { hand.before };
        if in_doubt {
            one.doubt = Some(now);
        }
        if let Said::RetryAfter(delay, Scope::Message) = said {
            self.rest_message(contract, now + delay);
        }
        self.wake(|receipt| {
            receipt.of == contract && matches!(receipt.kind, ReceiptKind::Content | ReceiptKind::Question)
        });
        Answer::None
    }

    /// What only waited for an edit need not wait any longer; a silence that was asked for still holds.
    pub(super) fn wake(&mut self, which: impl Fn(&Receipt) -> bool) {
        let now = self.now;
        for (_, one) in self.receipts.iter_mut().filter(|(name, _)| which(name)) {
            let at = one.parked.map_or(now, |parked| parked.max(now));
            if one.state == ReceiptState::Pending && one.attempts == 0 && one.due.is_some_and(|due| due > at) {
                one.due = Some(at);
            }
        }
    }

    /// A message asked for silence: no edit of any kind leaves for it until then, also after a death.
    pub(super) fn rest_message(&mut self, contract: Contract, until: Ms) {
        self.contract(contract).edit_until = Some(until);
    }

    pub(super) fn park_scope(&mut self, at: &Address, scope: Scope, until: Ms) {
        match scope {
            Scope::Message => {}
            Scope::Chat | Scope::Route => self.park(at, false, until),
            Scope::Account | Scope::Ip => self.park(at, true, until),
        }
    }

    /// Whether somebody still has to answer a question of a job.
    pub(super) fn is_open(&self, job: Job, question: u32) -> bool {
        self.questions.get(&(job, question)).is_some_and(|one| one.state == QuestionState::Open)
    }
}
