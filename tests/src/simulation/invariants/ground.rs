//! The evidence under the keys by which the invariants look things up.

use std::collections::BTreeMap;

use wilco_core::{Address, DeliveryKey, EnvelopeKind, MessageRef, ReceiptId, Timestamp};
use wilco_sim::{Call, Entry, Fault, Logged, Message, Verb};

use super::Found;
use super::lines::{Line, Says, Step, says};
use crate::simulation::evidence::{ContractRow, Evidence, Facts, JournalRow, ReceiptRow, WorkerRow};

/// One call of the bot.
#[derive(Clone, Copy, Debug)]
pub struct Called<'a> {
    /// Its number in the log.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// The call.
    pub call: &'a Call,
}

impl Called<'_> {
    /// The outcome that a sound adapter draws from the answer.
    pub fn outcome(&self) -> &str {
        &self.call.outcome
    }

    /// Whether nobody could know if it was applied: the bot's own limit, or a doubtful answer.
    pub fn is_doubtful(&self) -> bool {
        matches!(self.outcome(), "ambiguous" | "hang")
    }

    /// Whether it is a create or an edit.
    pub fn is_delivery(&self) -> bool {
        matches!(self.call.verb, Verb::Post | Verb::Edit)
    }

    /// The delay that the platform named, whatever the call was for.
    pub fn asked_to_wait(&self) -> Option<(i64, wilco_core::Scope)> {
        match &self.call.fault {
            Some(Fault::RetryAfter { millis, scope }) => Some((i64::try_from(*millis).unwrap_or(i64::MAX), *scope)),
            Some(
                Fault::Hang { .. }
                | Fault::Dropped
                | Fault::Lost
                | Fault::LateApply { .. }
                | Fault::ServerError { .. }
                | Fault::HalfAnswer
                | Fault::Gone
                | Fault::NotEditable
                | Fault::Moved { .. }
                | Fault::Reshape
                | Fault::StopAccount
                | Fault::Bug,
            )
            | None => None,
        }
    }
}

/// A moment at which a call put something before people's eyes.
#[derive(Clone, Copy, Debug)]
pub struct Showing<'a> {
    /// The number of the effect in the log.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// The message.
    pub message: &'a str,
    /// The call behind it.
    pub call: &'a Call,
}

/// Everything, by its keys. Built once for all invariants.
pub struct Ground<'a> {
    /// What there is.
    pub evidence: &'a Evidence,
    /// The driver's facts.
    pub facts: &'a Facts,
    /// Workers by id.
    pub workers: BTreeMap<&'a str, &'a WorkerRow>,
    /// Contracts by id.
    pub contracts: BTreeMap<&'a str, &'a ContractRow>,
    /// Contracts by worker, in their order.
    pub contracts_of: BTreeMap<&'a str, Vec<&'a ContractRow>>,
    /// Receipts by id.
    pub receipts: BTreeMap<&'a str, &'a ReceiptRow>,
    /// Receipts by contract; of one kind and part the newest generation comes last.
    pub receipts_of: BTreeMap<&'a str, Vec<&'a ReceiptRow>>,
    /// The messages that receipts name, by receipt.
    pub named: BTreeMap<&'a str, String>,
    /// Histories by worker.
    pub journal_of: BTreeMap<&'a str, Vec<Line<'a>>>,
    /// Messages by id.
    pub messages: BTreeMap<&'a str, &'a Message>,
    /// The bot's messages by worker, deleted ones included.
    pub messages_of: BTreeMap<&'a str, Vec<&'a Message>>,
    /// Calls in order.
    pub calls: Vec<Called<'a>>,
    /// Calls by receipt; look-ups by the receipt whose key they name.
    pub calls_of: BTreeMap<&'a str, Vec<Called<'a>>>,
    /// What calls put before people's eyes, by receipt.
    pub showings_of: BTreeMap<&'a str, Vec<Showing<'a>>>,
    /// The receipt whose result or piece of one a message shows last.
    pub filled_by: BTreeMap<&'a str, &'a str>,
    /// The addresses that contracts have left, with the reason.
    pub left: BTreeMap<&'a str, Vec<Step<'a>>>,
    /// Contracts of which an operator has sent something again.
    pub sent_again: BTreeMap<&'a str, usize>,
}

impl<'a> Ground<'a> {
    /// Sorts the evidence. A line of the journal that cannot be read is no history.
    pub(super) fn of(evidence: &'a Evidence, found: &mut Found) -> Self {
        let rows = &evidence.rows;
        let mut ground = Self {
            evidence,
            facts: &evidence.facts,
            workers: rows.workers.iter().map(|row| (row.id.as_str(), row)).collect(),
            contracts: rows.contracts.iter().map(|row| (row.id.as_str(), row)).collect(),
            contracts_of: grouped(&rows.contracts, |row| &row.worker),
            receipts: rows.receipts.iter().map(|row| (row.id.as_str(), row)).collect(),
            receipts_of: grouped(&rows.receipts, |row| &row.contract),
            named: BTreeMap::new(),
            journal_of: BTreeMap::new(),
            messages: evidence.snapshot.messages.iter().map(|one| (one.id.as_str(), one)).collect(),
            messages_of: BTreeMap::new(),
            calls: Vec::new(),
            calls_of: BTreeMap::new(),
            showings_of: BTreeMap::new(),
            filled_by: BTreeMap::new(),
            left: BTreeMap::new(),
            sent_again: BTreeMap::new(),
        };
        for row in &rows.receipts {
            if let Some(message) = row.message.as_deref().and_then(message_id) {
                ground.named.insert(&row.id, message);
            }
        }
        for message in &evidence.snapshot.messages {
            if let (wilco_sim::Author::Bot, Some(worker)) = (&message.author, &message.worker) {
                ground.messages_of.entry(worker.as_str()).or_default().push(message);
            }
        }
        ground.read_journal(found);
        ground.read_log();
        ground
    }

    fn read_journal(&mut self, found: &mut Found) {
        for row in &self.evidence.rows.journal {
            let says = match says(row) {
                Ok(says) => says,
                Err(error) => {
                    found.add(11, format!("line {} of {} cannot be read: {error}", row.seq, row.worker));
                    continue;
                }
            };
            match &says {
                Says::Step(step) => self.left.entry(step.contract).or_default().push(step.clone()),
                Says::Attempt(attempt) if attempt.outcome == "sent_again" => {
                    *self.sent_again.entry(attempt.contract).or_default() += 1;
                }
                Says::Moved(_)
                | Says::Settled(_)
                | Says::Attempt(_)
                | Says::Cancel(_)
                | Says::Completed(_)
                | Says::Recovered(_)
                | Says::Other => {}
            }
            self.journal_of.entry(row.worker.as_str()).or_default().push(Line { row, says });
        }
    }

    fn read_log(&mut self) {
        let keys: BTreeMap<DeliveryKey, &str> =
            self.receipts.keys().map(|id| (DeliveryKey::from(&ReceiptId::new(*id)), *id)).collect();
        let log = &self.evidence.log;
        for entry in log {
            let (call, message) = match &entry.what {
                Logged::Call(call) => {
                    let called = Called { seq: entry.seq, at: entry.at, call };
                    self.calls.push(called);
                    let by_key = || call.key.as_ref().and_then(|key| keys.get(key).copied());
                    let of = match &call.receipt {
                        Some(receipt) => self.receipts.get_key_value(receipt.as_str()).map(|(id, _)| *id),
                        None if call.verb == Verb::Find => by_key(),
                        None => None,
                    };
                    if let Some(receipt) = of {
                        self.calls_of.entry(receipt).or_default().push(called);
                    }
                    continue;
                }
                Logged::Posted { call, message, .. }
                | Logged::Recognised { call, message }
                | Logged::Edited { call, message, .. }
                | Logged::Unchanged { call, message } => (*call, message.as_str()),
                Logged::Fizzled { .. }
                | Logged::Signed { .. }
                | Logged::Noted { .. }
                | Logged::Said { .. }
                | Logged::Pressed { .. }
                | Logged::Answered { .. }
                | Logged::Deleted { .. } => continue,
            };
            let Some(call) = call_at(log, call) else { continue };
            let Some(receipt) = call.receipt.as_ref() else { continue };
            let Some((receipt, row)) = self.receipts.get_key_value(receipt.as_str()) else { continue };
            if row.is_terminal() {
                self.filled_by.insert(message, receipt);
            }
            let showing = Showing { seq: entry.seq, at: entry.at, message, call };
            self.showings_of.entry(receipt).or_default().push(showing);
        }
    }

    /// The receipts of a contract.
    pub fn receipts_of(&self, contract: &str) -> &[&'a ReceiptRow] {
        self.receipts_of.get(contract).map(Vec::as_slice).unwrap_or_default()
    }

    /// The newest receipt of a kind and part.
    pub fn newest(&self, contract: &str, kind: &str, part: i64) -> Option<&'a ReceiptRow> {
        self.receipts_of(contract).iter().rfind(|one| one.kind == kind && one.part == part).copied()
    }

    /// The newest receipts that carry the result or a piece of it.
    pub fn terminal(&self, contract: &str) -> impl Iterator<Item = &'a ReceiptRow> {
        let all = self.receipts_of(contract);
        let newest = all
            .iter()
            .enumerate()
            .filter(|(at, one)| all.get(at + 1).is_none_or(|next| next.kind != one.kind || next.part != one.part));
        newest.map(|(_, one)| *one).filter(|one| one.is_terminal())
    }

    /// The history of a worker.
    pub fn journal(&self, worker: &str) -> &[Line<'a>] {
        self.journal_of.get(worker).map(Vec::as_slice).unwrap_or_default()
    }

    /// The calls for a receipt.
    pub fn calls_of(&self, receipt: &str) -> &[Called<'a>] {
        self.calls_of.get(receipt).map(Vec::as_slice).unwrap_or_default()
    }

    /// What people saw of a receipt, in order.
    pub fn showings_of(&self, receipt: &str) -> &[Showing<'a>] {
        self.showings_of.get(receipt).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether nobody may have learnt what the platform said to a call: it was not heard, or the process died before it
    /// could be stored.
    pub fn was_lost(&self, called: &Called<'_>) -> bool {
        called.is_doubtful() || self.facts.died_within(called.at, Timestamp(called.at.0 + super::scopes::READING))
    }

    /// Whether the platform has refused an edit of this message that was not of progress, because it cannot
    /// be edited, or its place is not there any more. What stands in it then cannot be changed by anybody.
    pub fn is_out_of_reach(&self, message: &str) -> bool {
        self.calls.iter().any(|called| {
            called.call.message.as_deref() == Some(message)
                && called.call.verb == Verb::Edit
                && called.call.kind != Some(EnvelopeKind::Progress)
                && matches!(called.outcome(), "fallback" | "gone" | "moved")
        })
    }

    /// Whether the wall clock was set forward under the process that made the last edit of this message, and the
    /// edit landed when another one had begun with the new time: to that one, it had landed long ago.
    pub fn outran_the_clock(&self, message: &str) -> bool {
        let log = &self.evidence.log;
        let last = log.iter().rev().find_map(|entry| {
            let Logged::Edited { call, message: edited, .. } = &entry.what else { return None };
            (edited == message).then_some((entry.at, *call))
        });
        let Some((landed, call)) = last else { return false };
        let begun = log.iter().find(|entry| entry.seq == call).map_or(landed, |entry| entry.at);
        let starts = self.facts.starts();
        let own = starts.iter().filter(|start| **start <= begun).max().copied();
        let set = self.facts.steps.iter().filter(|(at, by)| *by > 0 && own.is_none_or(|own| own <= *at));
        let mut set = set.map(|(at, _)| *at);
        set.any(|set| starts.iter().any(|start| (set.max(begun)..=landed).contains(start)))
    }

    /// Whether a contract has given an address up, or its chat has another id now.
    pub fn has_left(&self, contract: &str, address: &Address) -> bool {
        let steps = self.left.get(contract).map(Vec::as_slice).unwrap_or_default();
        steps.iter().any(|step| {
            step.from == *address
                || (step.reason.starts_with("moved")
                    && step.from.account == address.account
                    && step.from.channel == address.channel)
        })
    }

    /// Whether an operator has sent something of a contract again.
    pub fn was_sent_again(&self, contract: &str) -> bool {
        self.sent_again.contains_key(contract)
    }

    /// The span in which a moment that stands in a row lies on the platform's clock.
    ///
    /// A process counts from the wall clock as it was when it began, so that a step of that clock moves what
    /// later processes write. Which process wrote a line of the journal is known from the deaths.
    pub fn platform_time(&self, line: &JournalRow) -> (Timestamp, Timestamp) {
        if self.facts.steps.is_empty() {
            return (Timestamp(line.at), Timestamp(line.at));
        }
        let known = |seq: Option<&i64>| seq.is_some_and(|seq| *seq >= line.seq);
        let died = self.facts.deaths.iter().position(|death| known(death.workers.get(&line.worker)));
        let ended = died.map(|at| self.facts.deaths[at].at);
        let before = died.unwrap_or(self.facts.deaths.len()).checked_sub(1);
        let began = before.map(|at| self.began_after(self.facts.deaths[at].at));
        let (least, most) = self.shift(began, ended);
        (Timestamp(line.at - most), Timestamp(line.at - least))
    }

    /// When the process began that followed a death.
    fn began_after(&self, death: Timestamp) -> Timestamp {
        let back = self.facts.away.iter().find(|(gone, back)| *gone <= death && *back >= death);
        back.map_or(death, |(_, back)| *back)
    }

    /// By how much, at the least and at the most, rows run ahead of the platform's clock that were written
    /// between two deaths: a further process without a death in between may have begun after any step.
    fn shift(&self, began: Option<Timestamp>, ended: Option<Timestamp>) -> (i64, i64) {
        let began = began.unwrap_or(Timestamp(i64::MIN));
        let mut sum = 0;
        for (at, by) in &self.facts.steps {
            if *at < began {
                sum += by;
            }
        }
        let (mut least, mut most) = (sum, sum);
        for (at, by) in &self.facts.steps {
            if *at >= began && ended.is_none_or(|ended| *at <= ended) {
                sum += by;
                least = least.min(sum);
                most = most.max(sum);
            }
        }
        (least, most)
    }
}

fn grouped<'a, T>(rows: &'a [T], key: impl Fn(&'a T) -> &'a String) -> BTreeMap<&'a str, Vec<&'a T>> {
    let mut groups: BTreeMap<&str, Vec<&T>> = BTreeMap::new();
    for row in rows {
        groups.entry(key(row).as_str()).or_default().push(row);
    }
    groups
}

fn call_at(log: &[Entry], seq: u64) -> Option<&Call> {
    let position = usize::try_from(seq).ok()?.checked_sub(1)?;
    log.get(position)?.call()
}

/// The id of a stored message; none when the platform named none.
pub(super) fn message_id(stored: &str) -> Option<String> {
    let message: MessageRef = serde_json::from_str(stored).ok()?;
    (!message.message.is_empty()).then_some(message.message)
}
