//! Claiming what is due: pending → sending, under a lease and a fence (requirements R5, R6).

use wilco_core::MessageRef;
use wilco_core::receipt::{ReceiptKind, ReceiptState};
use wilco_core::worker::WorkerState;

use super::edits::CALL;
use super::order::{is_fill, stub_part};
use super::settle::REASSERT_AFTER;
use super::{InHand, Model};
use crate::command::{Answer, Taken};
use crate::names::{Claim, Contract, MINUTE, Ms, Receipt};

/// How long a claimed receipt belongs to its claimer.
const LEASE: Ms = MINUTE;

impl Model {
    pub(super) fn claim(&mut self) -> Answer {
        let mut due: Vec<(bool, Ms, u64, Receipt)> = Vec::new();
        for (name, one) in &self.receipts {
            due.extend(one.due.filter(|at| *at <= self.now).map(|at| (false, at, one.born, *name)));
            due.extend(one.reassert.filter(|at| *at <= self.now).map(|at| (true, at, one.born, *name)));
        }
        due.sort_unstable();
        let mut taken: Vec<Taken> =
            due.into_iter().filter_map(|(reassert, _, _, receipt)| self.take(receipt, reassert)).collect();
        taken.sort_by_key(|one| one.claim);
        Answer::Taken(taken)
    }

    fn take(&mut self, receipt: Receipt, reassert: bool) -> Option<Taken> {
        let (now, of) = (self.now, receipt.of);
        if reassert {
            // Silence that was asked for holds for a repetition; what is paused is looked at again a while later.
            let until = self.may_leave(self.receipts[&receipt].stands_at(), now).0.unwrap_or(now + REASSERT_AFTER);
            if until > now {
                let one = self.receipt(receipt);
                (one.reassert, one.fence) = (Some(until), one.fence + 1);
                return None;
            }
        }
        let question = receipt.kind == ReceiptKind::Question;
        let waits = self.jobs[&of.0].state == WorkerState::WaitingForInput && self.is_open(of.0, receipt.part);
        if question && !waits {
            // Nobody has to answer it any more, and showing it would hide what came after it.
            if reassert {
                self.receipt(receipt).reassert = None;
            } else {
                self.lose(receipt, true);
                self.reconsider(of);
            }
            return None;
        }
        let calls = receipt.kind == ReceiptKind::Ping && receipt.part > 0;
        if calls && !(waits && self.question_is_shown(of, receipt.part)) {
            // It would call somebody to a question that is answered or that nobody can see.
            self.lose(receipt, true);
            self.reconsider(of);
            return None;
        }
        let edits = if reassert { self.receipts[&receipt].message.clone() } else { self.message_to_fill(receipt) };
        if is_fill(receipt.kind) && edits.is_none() {
            // Its stub was lost since it became due.
            let one = self.receipt(receipt);
            (one.state, one.due) = (ReceiptState::Waiting, None);
            return None;
        }
        let busy = self.contracts[&of].edit_until.filter(|until| *until > now);
        if let Some(until) = busy.filter(|_| edits.is_some() && stub_part(receipt) == 0) {
            let one = self.receipt(receipt);
            if reassert {
                one.reassert = Some(until);
                one.fence += 1;
            } else {
                one.due = Some(until);
            }
            return None;
        }
        if reassert && !question && self.receipts[&receipt].forgotten {
            // Its text is not kept any more, so that it cannot be repeated.
            self.receipt(receipt).reassert = None;
            return None;
        }
        let one = self.receipt(receipt);
        one.fence += 1;
        if reassert {
            one.reassert = Some(now + LEASE);
        } else {
            (one.state, one.due, one.lease) = (ReceiptState::Sending, None, Some(now + LEASE));
            one.message.clone_from(&edits);
        }
        let (claim, at, doubt) = (Claim(receipt, one.fence), one.at.clone(), one.doubt);
        if question {
            let one = self.contract(of);
            one.doubt = if one.edit_open { Some(now) } else { one.doubt };
            (one.edit_open, one.edit_until) = (true, Some(now + CALL));
        }
        self.in_hand.insert(claim, InHand { at: at.clone(), edits: edits.clone(), reassert, doubt });
        Some(Taken { claim, at, edits: edits.map(|message| message.message), doubt, reassert })
    }

    fn question_is_shown(&self, of: Contract, question: u32) -> bool {
        let newest = self.newest(of, ReceiptKind::Question, question);
        newest.is_some_and(|one| self.receipts[&one].state == ReceiptState::Surfaced)
    }

    /// The message that a fill edits: that of the newest stub of its part.
    fn message_to_fill(&self, receipt: Receipt) -> Option<MessageRef> {
        if !is_fill(receipt.kind) {
            return None;
        }
        if stub_part(receipt) == 0 {
            return self.message_of(receipt.of);
        }
        let stub = &self.receipts[&self.newest(receipt.of, ReceiptKind::Stub, receipt.part)?];
        stub.message.clone().filter(|_| stub.state == ReceiptState::Surfaced)
    }
}
