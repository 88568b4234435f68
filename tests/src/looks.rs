//! What scripts look at beside the transcript: single messages, the calls of the bot, the attempts of a receipt.

use async_trait::async_trait;
use wilco_core::contract::ContractState;
use wilco_core::desk::{Caller, Desk, ReceiptFilter, ReceiptView};
use wilco_core::journal::Event;
use wilco_core::receipt::{ReceiptKind, ReceiptState};
use wilco_core::{Address, EnvelopeKind};
use wilco_sim::{Call, Logged, Message, Verb};
use wilco_store::engine::{Arg, Row, Tx};
use wilco_store::{Change, StoreError};

use crate::cast::{Actor, Where};
use crate::stage::Stage;

impl Stage {
    /// The address of a place as Ana knows it.
    pub fn address(&self, place: Where<'_>) -> Address {
        Actor::named("ana").at(place).address
    }

    /// Every address where something was ever shown, under a heading of its own.
    pub fn sees_all(&self) -> String {
        self.snapshot().whole_transcript()
    }

    /// The newest message of the bot that stands and whose text begins so.
    ///
    /// # Panics
    /// When there is none.
    pub fn message(&self, beginning: &str) -> Message {
        let snapshot = self.snapshot();
        let found =
            snapshot.messages.iter().rev().find(|one| one.is_visible_bot() && one.shown().text.starts_with(beginning));
        found.unwrap_or_else(|| panic!("no message begins with {beginning}\n{}", self.sees_all())).clone()
    }

    /// The newest message of the bot that stands and whose text holds these words.
    ///
    /// # Panics
    /// When there is none.
    pub fn message_with(&self, words: &str) -> Message {
        let snapshot = self.snapshot();
        let found = snapshot.messages.iter().rev().find(|one| one.is_visible_bot() && one.shown().text.contains(words));
        found.unwrap_or_else(|| panic!("no message says {words}\n{}", self.sees_all())).clone()
    }

    /// The time as the platform's and the bot's wall clock show it.
    pub fn clock_now(&self) -> wilco_core::Timestamp {
        wilco_core::Clock::now(self.clock())
    }

    /// A person removes that message.
    pub fn deletes(&self, beginning: &str) {
        self.platform.delete(&self.message(beginning).id).expect("the message stands");
    }

    /// How many messages the bot has created so far, those that were removed included.
    pub fn created(&self) -> usize {
        self.platform.log().iter().filter(|entry| matches!(entry.what, Logged::Posted { .. })).count()
    }

    /// The calls of the bot so far, as verb, kind and outcome.
    pub fn calls(&self, verb: Verb, kind: EnvelopeKind) -> Vec<Call> {
        let log = self.platform.log();
        let calls = log.iter().filter_map(|entry| entry.call());
        calls.filter(|call| call.verb == verb && call.kind == Some(kind)).cloned().collect()
    }

    /// When the bot made these calls, in whole seconds since the script began.
    pub fn call_seconds(&self, verb: Verb, kind: EnvelopeKind) -> Vec<i64> {
        let log = self.platform.log();
        let fits = |call: &&Call| call.verb == verb && call.kind == Some(kind);
        let calls = log.iter().filter(|entry| entry.call().as_ref().is_some_and(fits));
        calls.map(|entry| (entry.at.0 - crate::clock::BEGIN.0) / 1_000).collect()
    }

    /// The attempts that a job's journal holds: kind, number, outcome.
    pub async fn attempts(&self, job: &str) -> Vec<String> {
        let attempt = |event: &Event| {
            let Event::ReceiptAttempt { receipt, part, n, outcome, .. } = event else { return None };
            let part = if *part == 0 { String::new() } else { format!(" [{part}]") };
            Some(format!("{}{part} {n} {outcome}", receipt.name()))
        };
        self.inspect(job).await.events.iter().filter_map(|entry| attempt(&entry.event)).collect()
    }

    /// The route steps that a job's journal holds: from, to and why.
    pub async fn route_steps(&self, job: &str) -> Vec<String> {
        let step = |event: &Event| {
            let Event::RouteStep { from, to, reason, .. } = event else { return None };
            Some(format!("{from} → {to} ({reason})"))
        };
        self.inspect(job).await.events.iter().filter_map(|entry| step(&entry.event)).collect()
    }

    /// The state of a job's first contract.
    pub async fn contract(&self, job: &str) -> ContractState {
        self.inspect(job).await.contracts[0].state
    }

    /// All receipts of a job's contracts.
    pub async fn receipts(&self, job: &str) -> Vec<ReceiptView> {
        self.inspect(job).await.contracts.into_iter().flat_map(|contract| contract.receipts).collect()
    }

    /// The newest receipt of a kind.
    ///
    /// # Panics
    /// When there is none.
    pub async fn receipt(&self, job: &str, kind: ReceiptKind) -> ReceiptView {
        let all = self.receipts(job).await;
        all.into_iter().filter(|one| one.kind == kind).max_by_key(|one| one.generation).expect("there is one")
    }

    /// The operator's list, a line each.
    pub async fn operators_list(&self) -> String {
        let line = |one: ReceiptView| {
            format!("{} {} {}: {}\n", one.short, one.kind.name(), one.part, one.reason.unwrap_or_default())
        };
        self.failed_receipts().await.into_iter().map(line).collect()
    }

    /// The operator sends everything on the list again (`wilco receipts retry`).
    pub async fn operator_retries(&self) {
        let filter = ReceiptFilter { state: Some(ReceiptState::Failed), ..ReceiptFilter::default() };
        let mut failed = self.desk().receipts(&Caller::Host, &filter).await.expect("the store answers");
        failed.reverse();
        for receipt in failed {
            self.desk().retry(&Caller::Host, &receipt.id).await.expect("it can be sent again");
        }
        self.moment().await;
    }

    /// Changes the database behind the product's back, as a broken disk or an older version does.
    pub async fn tampers(&self, sql: &'static str) -> u64 {
        self.store().write(Tamper(sql)).await.expect("the statement runs")
    }

    /// Reads rows behind the product's back.
    pub async fn peeks(&self, sql: &'static str) -> Vec<Row> {
        self.store().read(Peek(sql)).await.expect("the statement runs")
    }
}

struct Tamper(&'static str);

#[async_trait]
impl Change for Tamper {
    type Out = u64;

    fn name(&self) -> &'static str {
        "tamper"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<u64, StoreError> {
        tx.run(self.0, Vec::<Arg>::new()).await
    }
}

struct Peek(&'static str);

#[async_trait]
impl Change for Peek {
    type Out = Vec<Row>;

    fn name(&self) -> &'static str {
        "peek"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<Vec<Row>, StoreError> {
        tx.rows(self.0, Vec::<Arg>::new()).await
    }
}
