//! Contracts and the order of their receipts: what has to settle first, what can never arrive, and when a
//! contract closes.

use wilco_core::contract::ContractState;
use wilco_core::receipt::{ReceiptKind, ReceiptState};
use wilco_core::worker::WorkerState;
use wilco_core::{Address, MessageRef};

use super::{ContractRecord, Model, ReceiptRecord, Shape};
use crate::names::{Contract, Ms, Receipt, SECOND};

/// Until when the acknowledgement has to be visible, and how long a job may be silent after that.
pub(super) const ACK: Ms = 5 * SECOND;
pub(super) const PROGRESS: Ms = 45 * SECOND;

/// What can happen to a contract.
#[derive(Clone, Copy)]
pub(super) enum Sign {
    Stub,
    Life,
    Silence,
    End,
    AllShown,
    OneLost,
    SentAgain,
}

/// The moves of a contract; everything else stays (requirements W1, W2, W4).
fn moved(state: ContractState, sign: Sign) -> ContractState {
    use ContractState as C;
    match (sign, state) {
        (Sign::Stub, C::Created) => C::Acked,
        (Sign::Life, C::Acked | C::SlaMissed) => C::Progressing,
        (Sign::Silence, C::Acked | C::Progressing) => C::SlaMissed,
        (Sign::End, C::Created | C::Acked | C::Progressing | C::SlaMissed) => C::TerminalPending,
        (Sign::AllShown, C::TerminalPending) => C::TerminalAcked,
        (Sign::OneLost, C::TerminalPending) => C::TerminalFailed,
        (Sign::SentAgain, C::TerminalFailed) => C::TerminalPending,
        (_, stays) => stays,
    }
}

/// The part whose stub a receipt fills: questions, content and pings belong to the worker's own message.
pub(super) fn stub_part(receipt: Receipt) -> u32 {
    match receipt.kind {
        ReceiptKind::Question | ReceiptKind::Content | ReceiptKind::Ping => 0,
        ReceiptKind::Stub | ReceiptKind::Part | ReceiptKind::File => receipt.part,
    }
}

pub(super) fn is_fill(kind: ReceiptKind) -> bool {
    !matches!(kind, ReceiptKind::Stub | ReceiptKind::Ping)
}

pub(super) fn is_result(kind: ReceiptKind) -> bool {
    matches!(kind, ReceiptKind::Content | ReceiptKind::Part | ReceiptKind::File)
}

fn is_settled(state: ReceiptState) -> bool {
    matches!(state, ReceiptState::Surfaced | ReceiptState::Failed)
}

/// Whether one receipt has to settle before another may start: stub, question, content, parts, files, ping.
fn goes_before(first: Receipt, then: Receipt) -> bool {
    use ReceiptKind as K;
    match (first.kind, then.kind) {
        (K::Stub, K::Question) => first.part == 0,
        (K::Stub, K::Content | K::Part | K::File | K::Ping) => true,
        (K::Content, K::Part | K::File) | (K::Part, K::File) => true,
        // The ping of a question bears its number; number 0 announces the end.
        (K::Question, K::Ping) => first.part == then.part,
        (K::Content | K::Part | K::File, K::Ping) => then.part == 0,
        (one, other) => one == other && first.part < then.part,
    }
}

impl Model {
    /// When something for an address may leave, not before `from`: the silence that it asked for counts,
    /// and nothing is due on a paused account. Answers that silence, too.
    pub(super) fn may_leave(&self, at: &Address, from: Ms) -> (Option<Ms>, Option<Ms>) {
        let account = at.account.as_str().to_owned();
        let park = |channel: &str| self.parks.get(&(account.clone(), channel.to_owned())).copied();
        let parked = park("").max(park(&at.channel));
        let due = (!self.paused.contains(&account)).then(|| from.max(parked.unwrap_or(from)));
        (due, parked)
    }

    pub(super) fn open_contract(&mut self, contract: Contract, route: Vec<Address>) {
        let at = route[0].clone();
        let record = ContractRecord {
            state: ContractState::Created,
            at,
            route,
            step: 0,
            message: None,
            acked: false,
            ack_deadline: Some(self.now + ACK),
            progress_deadline: None,
            picture: None,
            pictured: None,
            edit_open: false,
            edit_until: None,
            doubt: None,
            edits: 0,
        };
        self.contracts.insert(contract, record);
        let stub = Receipt { of: contract, kind: ReceiptKind::Stub, part: 0, generation: 0 };
        self.insert_waiting(stub);
        self.make_due(stub, self.now);
        self.insert_waiting(Receipt { kind: ReceiptKind::Content, ..stub });
    }

    pub(super) fn insert_waiting(&mut self, receipt: Receipt) {
        let record = ReceiptRecord {
            born: self.born(),
            state: ReceiptState::Waiting,
            at: self.contracts[&receipt.of].at.clone(),
            message: None,
            shape: Shape::Rich,
            reassert_shape: None,
            attempts: 0,
            fallbacks: 0,
            first_due: None,
            due: None,
            parked: None,
            doubt: false,
            edit_open: false,
            reassert: None,
            lease: None,
            fence: 0,
            replaced: false,
            forgotten: false,
            settled: None,
            created: self.now,
        };
        self.receipts.insert(receipt, record);
    }

    /// Pending, to leave not before a time.
    pub(super) fn make_due(&mut self, receipt: Receipt, from: Ms) {
        let (due, parked) = self.may_leave(&self.receipts[&receipt].at, from);
        let now = self.now;
        let one = self.receipt(receipt);
        (one.state, one.due, one.parked, one.lease) = (ReceiptState::Pending, due, parked, None);
        one.first_due = one.first_due.or(Some(now));
    }

    /// The next generation of a stub, waiting for its turn.
    pub(super) fn new_stub(&mut self, of: Contract, part: u32) {
        let newest = self.newest(of, ReceiptKind::Stub, part);
        let generation = newest.map_or(0, |stub| stub.generation + 1);
        self.insert_waiting(Receipt { of, kind: ReceiptKind::Stub, part, generation });
    }

    pub(super) fn sign(&mut self, contract: Contract, sign: Sign) {
        let one = self.contract(contract);
        let to = moved(one.state, sign);
        if to == one.state {
            return;
        }
        one.state = to;
        if !to.is_open() {
            (one.ack_deadline, one.progress_deadline) = (None, None);
        }
        self.note(contract.0, "contract_moved");
    }

    fn is_newest(&self, receipt: Receipt) -> bool {
        self.newest(receipt.of, receipt.kind, receipt.part) == Some(receipt)
    }

    /// Gives a receipt up, unless it has settled before; one that was only overtaken stands on no list.
    pub(super) fn lose(&mut self, receipt: Receipt, overtaken: bool) {
        let now = self.now;
        let one = self.receipt(receipt);
        if is_settled(one.state) {
            return;
        }
        one.attempts += u32::from(one.state == ReceiptState::Sending);
        (one.state, one.settled, one.replaced) = (ReceiptState::Failed, Some(now), overtaken);
        (one.due, one.lease) = (None, None);
        self.note(receipt.of.0, "receipt_settled");
    }

    /// Whether an open receipt can never arrive any more, and if so whether it was merely overtaken.
    fn can_never_go(&self, receipt: Receipt) -> Option<bool> {
        let state = self.receipts[&receipt].state;
        let ended = self.ended(receipt.of.0);
        let failed = |kind, part| {
            self.newest(receipt.of, kind, part).is_some_and(|one| self.receipts[&one].state == ReceiptState::Failed)
        };
        let waits = state == ReceiptState::Waiting;
        if is_settled(state) || state == ReceiptState::Sending {
            return None;
        }
        let asks = receipt.kind == ReceiptKind::Question || (receipt.kind == ReceiptKind::Ping && receipt.part > 0);
        if asks && ended {
            return Some(true);
        }
        match receipt.kind {
            ReceiptKind::Content | ReceiptKind::Part | ReceiptKind::File if waits && ended => {
                failed(ReceiptKind::Stub, stub_part(receipt)).then_some(false)
            }
            ReceiptKind::Question if waits => failed(ReceiptKind::Stub, 0).then_some(false),
            ReceiptKind::Ping if waits => {
                (failed(ReceiptKind::Stub, 0) || failed(ReceiptKind::Content, 0)).then_some(true)
            }
            _ => None,
        }
    }

    /// Looks at the receipts of a contract again: what can never arrive fails, what may go becomes due, and
    /// when the result has settled the contract closes (requirement W19).
    pub(super) fn reconsider(&mut self, contract: Contract) {
        let ended = self.ended(contract.0);
        while let Some((receipt, overtaken)) =
            self.receipts_of(contract).into_iter().find_map(|one| Some((one, self.can_never_go(one)?)))
        {
            self.lose(receipt, overtaken);
        }
        let open: Vec<Receipt> = self
            .receipts_of(contract)
            .into_iter()
            .filter(|one| self.is_newest(*one) && !is_settled(self.receipts[one].state))
            .collect();
        let ready = open.iter().filter(|one| {
            // The content receipt exists from the start, but there is nothing to show before the end.
            let shows = one.kind != ReceiptKind::Content || ended;
            let first = open.iter().all(|other| !goes_before(*other, **one));
            shows && first && self.receipts[*one].state == ReceiptState::Waiting
        });
        for receipt in ready.copied().collect::<Vec<_>>() {
            // An edit of the same message that may be under way is waited for.
            let until =
                self.contracts[&contract].edit_until.filter(|_| is_fill(receipt.kind) && stub_part(receipt) == 0);
            self.make_due(receipt, self.now.max(until.unwrap_or(self.now)));
        }
        if !ended {
            return;
        }
        let mut results = self.receipts_of(contract);
        results.retain(|one| is_result(one.kind) && self.is_newest(*one));
        let all = |state| results.iter().filter(|one| self.receipts[*one].state == state).count();
        let (shown, lost) = (all(ReceiptState::Surfaced), all(ReceiptState::Failed));
        if lost > 0 {
            self.sign(contract, Sign::OneLost);
        } else if shown == results.len() && shown > 0 {
            self.sign(contract, Sign::AllShown);
        }
    }

    /// Keeps a channel, or a whole account, silent until a time.
    pub(super) fn park(&mut self, at: &Address, whole_account: bool, until: Ms) {
        let account = at.account.as_str().to_owned();
        let channel = if whole_account { String::new() } else { at.channel.clone() };
        let park = self.parks.entry((account, channel)).or_insert(until);
        *park = until.max(*park);
        self.hush(at, whole_account, until);
    }

    /// What is due there leaves no earlier, also when it is hurried.
    pub(super) fn hush(&mut self, at: &Address, whole_account: bool, until: Ms) {
        for one in self.receipts.values_mut() {
            let inside = one.at.account == at.account && (whole_account || one.at.channel == at.channel);
            if inside && one.due.is_some() {
                (one.due, one.parked) = (one.due.max(Some(until)), one.parked.max(Some(until)));
            }
        }
    }

    /// Pauses an account until a person acts: nothing of it is due.
    pub(super) fn pause_account(&mut self, at: &Address) {
        self.paused.insert(at.account.as_str().to_owned());
        for one in self.receipts.values_mut().filter(|one| one.at.account == at.account) {
            one.due = None;
        }
    }

    /// The worker's message is lost: another one has to be posted before anything can be shown in it.
    pub(super) fn forget_message(&mut self, contract: Contract) {
        let one = self.contract(contract);
        (one.message, one.edit_open, one.edit_until) = (None, false, None);
    }

    pub(super) fn message_of(&self, contract: Contract) -> Option<MessageRef> {
        self.contracts[&contract].message.clone()
    }

    pub(super) fn runs(&self, contract: Contract) -> bool {
        self.jobs[&contract.0].state == WorkerState::Running
    }
}
