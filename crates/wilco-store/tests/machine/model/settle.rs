//! What follows from each outcome of a call.

use wilco_core::contract::ContractState;
use wilco_core::receipt::{ReceiptKind, ReceiptState};
use wilco_core::{Address, MessageRef, Scope};

use super::edits::OVERWRITTEN;
use super::order::{PROGRESS, Sign, is_fill, stub_part};
use super::{InHand, Model, Shape};
use crate::command::{Answer, Learnt, Said, Settled};
use crate::names::{Claim, Contract, HOUR, MINUTE, Ms, Receipt, SECOND};

/// How long after the fill the terminal edit is repeated, and for how long that is tried.
pub(super) const REASSERT_AFTER: Ms = 45 * SECOND;
const REASSERT_FOR: Ms = 15 * MINUTE;
const GIVE_UP: Ms = 72 * HOUR;

/// The wait after so many attempts; none when there shall be no further one (requirement R9).
fn wait(kind: ReceiptKind, attempts: u32, age: Ms) -> Option<Ms> {
    const STUB: [Ms; 7] = [500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000];
    const CONTENT: [Ms; 7] = [5_000, 30_000, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR];
    let at = attempts as usize - 1;
    let content = |at: usize| CONTENT.get(at).copied().unwrap_or(5 * HOUR);
    match kind {
        _ if age >= GIVE_UP => None,
        ReceiptKind::Stub => Some(STUB.get(at).copied().unwrap_or_else(|| content(at - STUB.len()))),
        ReceiptKind::Ping if attempts >= 3 => None,
        _ => Some(content(at)),
    }
}

impl Model {
    pub(super) fn settle(&mut self, claim: Claim, learnt: &Learnt) -> Answer {
        let hand = self.in_hand[&claim].clone();
        let Some(one) = self.receipts.get_mut(&claim.0) else { return Answer::Settled(Settled::Superseded) };
        let shown = MessageRef { address: hand.at.clone(), message: format!("{claim:?}") };
        if hand.reassert {
            if one.fence != claim.1 {
                return Answer::Settled(Settled::Superseded);
            }
            return Answer::Settled(self.reasserted(claim.0, learnt));
        }
        if one.fence != claim.1 || one.state != ReceiptState::Sending {
            // A message that was posted after all is remembered, so that a press on it can be understood.
            let posted = hand.edits.is_none() && matches!(learnt, Learnt::Said(Said::Shown | Said::Nameless));
            if posted && one.state == ReceiptState::Failed {
                let nameless = MessageRef { message: String::new(), ..shown.clone() };
                let stray = if *learnt == Learnt::Said(Said::Nameless) { nameless } else { shown };
                one.message.get_or_insert(stray);
            }
            return Answer::Settled(Settled::Superseded);
        }
        self.note(claim.0.of.0, "receipt_attempt");
        let settled = match learnt {
            Learnt::Said(said) => self.said(claim.0, &hand, said, shown),
            Learnt::Found => self.surfaced(claim.0, shown, false),
            Learnt::Absent => self.again(claim.0, 0, false, false),
            Learnt::CannotTell => self.next_generation(claim.0, false),
            Learnt::AskLater => self.said(claim.0, &hand, &Said::Ambiguous, shown),
            // It holds as if the create had heard it, and whether that was applied stays unknown.
            Learnt::Refused(said) => self.said(claim.0, &hand, said, shown),
        };
        self.reconsider(claim.0.of);
        Answer::Settled(settled)
    }

    fn said(&mut self, receipt: Receipt, hand: &InHand, said: &Said, shown: MessageRef) -> Settled {
        let (now, of, kind) = (self.now, receipt.of, receipt.kind);
        let (edit, stub) = (hand.edits.is_some(), kind == ReceiptKind::Stub);
        let one = self.receipts[&receipt].clone();
        // Whatever the platform said ends the question's edit; only one in doubt goes on.
        let in_doubt = *said == Said::Ambiguous;
        let reassert = edit && self.may_still_land(receipt);
        if kind == ReceiptKind::Question && !matches!(said, Said::Shown) {
            self.edit_ended(of, in_doubt);
        }
        let again = |model: &mut Self, doubt| {
            let age = now - one.first_due.unwrap_or(one.created);
            match wait(kind, one.attempts + 1, age) {
                Some(delay) => model.again(receipt, delay, true, doubt),
                None => model.failed(receipt, "exhausted"),
            }
        };
        match said {
            Said::Shown => self.surfaced(receipt, hand.edits.clone().unwrap_or(shown), reassert),
            // A stub without a usable id cannot be edited: the next generation, once (requirement M8).
            Said::Nameless if stub && receipt.generation == 0 => self.next_generation(receipt, false),
            Said::Nameless if stub => self.failed(receipt, "no_message_id"),
            Said::Nameless => {
                let nameless = MessageRef { message: String::new(), ..hand.edits.clone().unwrap_or(shown) };
                self.surfaced(receipt, nameless, reassert)
            }
            Said::Silent => self.failed(receipt, "bug"),
            Said::RetryAfter(delay, scope) => {
                self.park_scope(&one.at, *scope, now + delay);
                if kind == ReceiptKind::Question && *scope == Scope::Message {
                    self.rest_message(of, now + delay);
                }
                let (due, parked) = self.may_leave(&one.at, now + delay);
                let until = parked.map_or(now + delay, |parked| parked.max(now + delay));
                self.put_back(receipt, due, Some(until));
                Settled::Again { at: due, attempts: one.attempts }
            }
            Said::Retry => again(self, false),
            // Where nothing can tell whether the stub exists, waiting helps nobody.
            Said::Ambiguous if stub && one.at.account.as_str() != "sim" => self.next_generation(receipt, false),
            Said::Ambiguous => again(self, true),
            Said::Fallback if kind == ReceiptKind::Ping || one.fallbacks > 0 => self.failed(receipt, "deleted"),
            Said::Fallback => self.replace(receipt),
            Said::Reshape => match one.shape {
                Shape::Rich => self.reshape(receipt, Shape::Plain),
                Shape::Plain => self.reshape(receipt, Shape::Excerpt),
                Shape::Excerpt => self.failed(receipt, "x"),
            },
            Said::Moved(n) => {
                self.chat_moved(&one.at, &format!("moved-{n}"), of);
                // What stands where it stood would be told the same again at once: that costs an attempt.
                if self.receipts[&receipt].at == one.at { again(self, false) } else { self.follow(receipt) }
            }
            Said::MovedHere => again(self, false),
            Said::Gone if kind == ReceiptKind::Ping => self.failed(receipt, "x"),
            Said::Gone => self.next_address(receipt),
            Said::StopAccount => {
                self.pause_account(&one.at);
                let (due, parked) = self.may_leave(&one.at, now);
                self.put_back(receipt, due, parked);
                Settled::Again { at: due, attempts: one.attempts }
            }
            // The message stands there already and would say "Working" for ever.
            Said::Bug if edit && one.shape != Shape::Excerpt => self.reshape(receipt, Shape::Excerpt),
            Said::Bug => self.failed(receipt, "x"),
        }
    }

    /// Whether an edit of the message may land later than this one (requirement R18).
    fn may_still_land(&self, receipt: Receipt) -> bool {
        let contract = &self.contracts[&receipt.of];
        let in_doubt = contract.doubt.is_some_and(|at| self.now - at < REASSERT_AFTER);
        // The window that is open is a question's own.
        let open = contract.edit_open && receipt.kind != ReceiptKind::Question;
        self.receipts[&receipt].edit_open || (stub_part(receipt) == 0 && (open || in_doubt))
    }

    fn edit_ended(&mut self, contract: Contract, in_doubt: bool) {
        let now = self.now;
        let one = self.contract(contract);
        (one.edit_open, one.edit_until) = (in_doubt, None);
        if in_doubt {
            one.doubt = Some(now);
        }
    }

    fn put_back(&mut self, receipt: Receipt, due: Option<Ms>, parked: Option<Ms>) {
        let one = self.receipt(receipt);
        (one.state, one.due, one.parked, one.lease) = (ReceiptState::Pending, due, parked, None);
    }

    fn surfaced(&mut self, receipt: Receipt, message: MessageRef, reassert: bool) -> Settled {
        let (now, of, runs) = (self.now, receipt.of, self.runs(receipt.of));
        let one = self.receipt(receipt);
        // A chat that moved while this was on its way.
        let moved = message.address.channel != one.at.channel;
        let message = if moved { MessageRef { address: one.at.clone(), ..message } } else { message };
        (one.state, one.settled, one.lease) = (ReceiptState::Surfaced, Some(now), None);
        (one.doubt, one.edit_open) = (false, false);
        one.attempts += 1;
        one.message = Some(message.clone());
        one.reassert = reassert.then_some(now + REASSERT_AFTER);
        let contract = self.contract(of);
        match receipt.kind {
            ReceiptKind::Stub if receipt.part == 0 => {
                (contract.message, contract.acked, contract.ack_deadline) = (Some(message), true, None);
                contract.pictured = Some(now);
                contract.progress_deadline = runs.then_some(now + PROGRESS);
                self.sign(of, Sign::Stub);
            }
            ReceiptKind::Content | ReceiptKind::Question => {
                (contract.picture, contract.pictured) = (Some(OVERWRITTEN.to_owned()), Some(now));
                (contract.edit_open, contract.edit_until) = (false, None);
            }
            _ => {}
        }
        self.note(of.0, "receipt_settled");
        Settled::Surfaced
    }

    fn failed(&mut self, receipt: Receipt, code: &str) -> Settled {
        self.lose(receipt, false);
        Settled::Failed(code.to_owned())
    }

    fn again(&mut self, receipt: Receipt, delay: Ms, spent: bool, doubt: bool) -> Settled {
        let (due, parked) = self.may_leave(&self.receipts[&receipt].at, self.now + delay);
        let one = self.receipt(receipt);
        one.attempts += u32::from(spent);
        if is_fill(receipt.kind) {
            // An edit in doubt may land later: whatever is shown there next is asserted once more.
            (one.doubt, one.edit_open) = (false, one.edit_open || doubt);
        } else {
            one.doubt = doubt || (one.doubt && spent);
        }
        let attempts = one.attempts;
        self.put_back(receipt, due, parked);
        Settled::Again { at: due, attempts }
    }

    /// A stray stub holds no content: the next one is posted. A ping may simply repeat.
    fn next_generation(&mut self, receipt: Receipt, replaced: bool) -> Settled {
        let (now, of) = (self.now, receipt.of);
        let old = self.receipts[&receipt].clone();
        let first_due = old.first_due.unwrap_or(old.created);
        let Some(delay) = wait(receipt.kind, old.attempts + 1, now - first_due) else {
            return self.failed(receipt, "exhausted");
        };
        if receipt.kind != ReceiptKind::Stub {
            self.receipt(receipt).doubt = false;
            return self.again(receipt, delay, true, false);
        }
        let one = self.receipt(receipt);
        (one.state, one.replaced, one.settled, one.lease) = (ReceiptState::Failed, true, Some(now), None);
        self.new_stub(of, receipt.part);
        let new = self.newest(of, ReceiptKind::Stub, receipt.part).expect("just inserted");
        let one = self.receipt(new);
        (one.attempts, one.fallbacks) = (old.attempts + 1, old.fallbacks + u32::from(replaced));
        one.first_due = Some(first_due);
        self.make_due(new, now + delay);
        Settled::Rerouted
    }

    /// The message is lost but its address works: a new stub, then the fill again, once.
    fn replace(&mut self, receipt: Receipt) -> Settled {
        if receipt.kind == ReceiptKind::Stub {
            return self.next_generation(receipt, true);
        }
        if stub_part(receipt) == 0 {
            self.forget_message(receipt.of);
            self.contract(receipt.of).picture = None;
        }
        let one = self.receipt(receipt);
        (one.state, one.due, one.lease, one.message) = (ReceiptState::Waiting, None, None, None);
        one.fallbacks += 1;
        self.new_stub(receipt.of, stub_part(receipt));
        Settled::Rerouted
    }

    fn reshape(&mut self, receipt: Receipt, shape: Shape) -> Settled {
        let (due, parked) = self.may_leave(&self.receipts[&receipt].at, self.now);
        self.put_back(receipt, due, parked);
        self.receipt(receipt).shape = shape;
        Settled::Rerouted
    }

    /// The chat has a new id: everything open that named the old one names the new one, and each contract that
    /// was taken along tells it; the one that heard of it does so itself.
    fn chat_moved(&mut self, from: &Address, channel: &str, heard: Contract) {
        let mut along = Vec::new();
        let there = |at: &Address| {
            let inside = at.account == from.account && at.channel == from.channel;
            if inside { Address { channel: channel.to_owned(), ..at.clone() } } else { at.clone() }
        };
        for (name, contract) in &mut self.contracts {
            let closed = matches!(contract.state, ContractState::TerminalAcked | ContractState::TerminalFailed);
            // Of one that is closed a ping, or what came after the piece that failed, may still have to go.
            let mut rest = self.receipts.iter().filter(|(receipt, one)| receipt.of == *name && one.settled.is_none());
            if (closed && rest.next().is_none()) || there(&contract.at) == contract.at {
                continue;
            }
            along.extend(Some(*name).filter(|name| *name != heard));
            contract.at = there(&contract.at);
            contract.route.iter_mut().for_each(|step| *step = there(step));
            if let Some(message) = &mut contract.message {
                message.address = there(&message.address);
            }
            for (_, one) in self.receipts.iter_mut().filter(|(receipt, _)| receipt.of == *name) {
                if one.settled.is_none() {
                    one.at = contract.at.clone();
                }
                if let Some(message) = &mut one.message {
                    message.address = there(&message.address);
                }
            }
        }
        along.iter().for_each(|contract| self.note(contract.0, "route_step"));
        // Somebody may have followed a job there, under the other id of the chat.
        for contract in along {
            let state = self.contracts[&contract].state;
            let closed = matches!(state, ContractState::TerminalAcked | ContractState::TerminalFailed);
            let open = self.receipts_of(contract).iter().any(|one| self.receipts[one].settled.is_none());
            if open && !closed && self.beside(contract).is_some() {
                self.merged(contract);
                self.reconsider(contract);
            }
        }
        // The new chat may have asked for silence before.
        let to = Address { channel: channel.to_owned(), ..from.clone() };
        if let Some(until) = self.may_leave(&to, self.now).1 {
            self.hush(&to, false, until);
        }
    }

    /// It leaves for the new id of its chat, and nothing is spent.
    fn follow(&mut self, receipt: Receipt) -> Settled {
        let (due, parked) = self.may_leave(&self.receipts[&receipt].at, self.now);
        self.put_back(receipt, due, parked);
        self.note(receipt.of.0, "route_step");
        if self.beside(receipt.of).is_some() {
            return self.merged(receipt.of);
        }
        Settled::Rerouted
    }

    /// The address is gone: the route's next one takes over with everything that is not settled (R14, D10).
    fn next_address(&mut self, receipt: Receipt) -> Settled {
        let of = receipt.of;
        let contract = self.contract(of);
        let Some(to) = contract.route.get(contract.step + 1).cloned() else { return self.failed(receipt, "x") };
        contract.step += 1;
        contract.at = to.clone();
        contract.picture = None;
        self.forget_message(of);
        self.note(of.0, "route_step");
        let before: Vec<Receipt> = self.receipts_of(of);
        let open: Vec<Receipt> = before.iter().filter(|one| self.receipts[*one].settled.is_none()).copied().collect();
        for one in &open {
            let one = self.receipt(*one);
            (one.at, one.message, one.parked) = (to.clone(), None, None);
            (one.doubt, one.edit_open) = (false, false);
        }
        let is_last = self.contracts[&of].route.len() == self.contracts[&of].step + 1;
        match self.beside(of) {
            Some(shown) if shown || is_last => return self.merged(of),
            // The other one may still lose this address, and would take this promise with it.
            Some(_) => return self.next_address(receipt),
            None => {}
        }
        for one in before {
            let state = self.receipts[&one].state;
            let leaves = matches!(state, ReceiptState::Pending | ReceiptState::Sending);
            if one.kind == ReceiptKind::Stub && leaves {
                let (due, parked) = self.may_leave(&to, self.now);
                self.put_back(one, due, parked);
            } else if leaves {
                let one = self.receipt(one);
                (one.state, one.due, one.lease) = (ReceiptState::Waiting, None, None);
            }
            // A stub that stands at the old address holds a place that still has to be filled here.
            let newest = self.newest(of, ReceiptKind::Stub, one.part) == Some(one);
            let needed = open.iter().any(|fill| is_fill(fill.kind) && stub_part(*fill) == one.part);
            if one.kind == ReceiptKind::Stub && state == ReceiptState::Surfaced && newest && needed {
                self.new_stub(of, one.part);
            }
        }
        Settled::Rerouted
    }

    /// What another contract of the same job shows at this address is enough for this one, too.
    fn merged(&mut self, of: Contract) -> Settled {
        let now = self.now;
        for receipt in self.receipts_of(of) {
            let one = self.receipt(receipt);
            if one.settled.is_none() {
                (one.state, one.settled, one.due, one.lease) = (ReceiptState::Surfaced, Some(now), None, None);
                self.note(of.0, "receipt_settled");
            }
        }
        let contract = self.contract(of);
        (contract.ack_deadline, contract.acked) = (None, true);
        self.sign(of, Sign::Stub);
        Settled::Surfaced
    }

    /// Whether another contract of the same job stands at this address and shows its result there, already or
    /// still to come: the answer says which. One that came here with a last piece has shown it elsewhere.
    fn beside(&self, of: Contract) -> Option<bool> {
        let at = &self.contracts[&of].at;
        let others = self.contracts_of(of.0).into_iter().filter(|other| *other != of);
        let mut standing = others.filter(|other| {
            let stub = self.newest(*other, ReceiptKind::Stub, 0).expect("every contract has one");
            let contract = &self.contracts[other];
            let alive = self.receipts[&stub].state != ReceiptState::Failed;
            contract.at == *at && contract.state != ContractState::TerminalFailed && alive
        });
        standing.find_map(|other| {
            let content = &self.receipts[&self.newest(other, ReceiptKind::Content, 0).expect("every contract has one")];
            let here = content.message.as_ref().is_some_and(|message| message.address == *at);
            (here || content.settled.is_none()).then_some(here && content.state == ReceiptState::Surfaced)
        })
    }

    /// The repetition is a precaution: it is tried again for a while, and changes no promise.
    fn reasserted(&mut self, receipt: Receipt, learnt: &Learnt) -> Settled {
        let (now, at) = (self.now, self.receipts[&receipt].stands_at().clone());
        let (stands, again_shape) = (self.receipts[&receipt].shape, self.receipts[&receipt].reassert_shape);
        let repeated = again_shape.unwrap_or(stands);
        let mut next = repeated;
        let again = match learnt {
            Learnt::Said(Said::RetryAfter(delay, scope)) => {
                self.park_scope(&at, *scope, now + delay);
                Some(*delay)
            }
            Learnt::Said(Said::StopAccount) => {
                self.pause_account(&at);
                Some(REASSERT_AFTER)
            }
            Learnt::Said(Said::Retry | Said::Ambiguous) => Some(REASSERT_AFTER),
            // The progress may stand there: the repetition is made as plain as it takes.
            Learnt::Said(said @ (Said::Reshape | Said::Bug))
                if matches!(receipt.kind, ReceiptKind::Content | ReceiptKind::Question) =>
            {
                let plainer = match (said, repeated) {
                    (_, Shape::Excerpt) => None,
                    (Said::Reshape, Shape::Rich) => Some(Shape::Plain),
                    _ => Some(Shape::Excerpt),
                };
                next = plainer.unwrap_or(repeated);
                plainer.map(|_| 0)
            }
            _ => None,
        };
        let one = self.receipt(receipt);
        let recent = one.settled.is_some_and(|settled| now - settled < REASSERT_FOR);
        one.reassert = again.filter(|_| recent).map(|delay| now + delay);
        // What stands there has the shape in which it was accepted last.
        one.shape = if matches!(learnt, Learnt::Said(Said::Shown | Said::Nameless)) { repeated } else { stands };
        one.reassert_shape = one.reassert.and(Some(next)).filter(|next| *next != stands);
        one.edit_open = false;
        let (due, attempts) = (one.reassert, one.attempts);
        if receipt.kind == ReceiptKind::Question {
            // A repetition whose answer was lost may still land on top of what comes next.
            self.edit_ended(receipt.of, matches!(learnt, Learnt::Said(Said::Ambiguous)));
            // Progress goes on in the same message as soon as somebody answers.
            if let Learnt::Said(Said::RetryAfter(delay, Scope::Message)) = learnt {
                self.rest_message(receipt.of, now + delay);
            }
        }
        self.note(receipt.of.0, "receipt_attempt");
        match due {
            Some(at) => Settled::Again { at: Some(at), attempts },
            None => Settled::Surfaced,
        }
    }
}
