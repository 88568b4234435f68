//! A running job asks a person.

use async_trait::async_trait;
use wilco_core::contract::ContractSignal;
use wilco_core::job::Ask;
use wilco_core::journal::Event;
use wilco_core::question::QuestionState;
use wilco_core::receipt::ReceiptKind;
use wilco_core::wording;
use wilco_core::worker::{WorkerSignal, WorkerState};
use wilco_core::{QuestionId, Timestamp, WorkerId};

use super::Fresh;
use super::contract::{self, At, Draft};
use crate::crash;
use crate::engine::{Change, Row, Tx, args};
use crate::error::StoreError;
use crate::journal;
use crate::rows::{WORKER_BY_ID, WorkerRow, json, named, newest};

pub(super) const EXISTING: &str = "SELECT * FROM questions WHERE worker = $1 AND number = $2";
const BY_ID: &str = "SELECT * FROM questions WHERE id = $1";
const INSERT: &str = "INSERT INTO questions (id, worker, number, text, choices, state, asked_at) \
                      VALUES ($1, $2, $3, $4, $5, 'open', $6)";
const WAIT: &str = "UPDATE workers SET state = $1, deadline = $2, alive_at = $3 WHERE id = $4";
const PROGRESS_OFF: &str = "UPDATE contracts SET progress_deadline = NULL WHERE worker = $1";

/// One row of `questions`.
#[derive(Clone, Debug)]
pub(crate) struct QuestionRow {
    pub(crate) id: QuestionId,
    pub(crate) worker: WorkerId,
    pub(crate) number: u32,
    pub(crate) text: String,
    pub(crate) choices: Vec<String>,
    pub(crate) state: QuestionState,
    pub(crate) answer: Option<u32>,
    pub(crate) answered_by: Option<String>,
    pub(crate) settled: Option<Timestamp>,
}

impl QuestionRow {
    pub(crate) fn decode(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: QuestionId::new(row.text("id")?),
            worker: WorkerId::new(row.text("worker")?),
            number: row.count("number")?,
            text: row.text("text")?,
            choices: row.json("choices")?,
            state: named(row, "state", QuestionState::from_name)?,
            answer: row.opt_int("answer")?.and_then(|answer| u32::try_from(answer).ok()),
            answered_by: row.opt_text("answered_by")?,
            settled: row.opt_time("settled_at")?,
        })
    }

    pub(crate) fn is_open(&self) -> bool {
        self.state == QuestionState::Open
    }

    pub(crate) async fn by_id(tx: &mut Tx<'_>, id: &QuestionId) -> Result<Option<Self>, StoreError> {
        tx.row(BY_ID, args![id]).await?.as_ref().map(Self::decode).transpose()
    }

    pub(crate) async fn by_number(tx: &mut Tx<'_>, worker: &WorkerId, number: u32) -> Result<Option<Self>, StoreError> {
        tx.row(EXISTING, args![worker, number]).await?.as_ref().map(Self::decode).transpose()
    }
}

/// Stores a question and makes its receipts due.
///
/// A job that is run again after a crash asks its questions again under the same numbers: one that
/// was answered is not asked twice, one that is open goes on waiting for the same press.
#[derive(Clone, Debug)]
pub struct AskQuestion {
    /// Who asks.
    pub worker: WorkerId,
    /// The question's id, drawn beforehand.
    pub question: QuestionId,
    /// Which question of this run, from 1.
    pub number: u32,
    /// What is asked.
    pub ask: Ask,
    /// When.
    pub now: Timestamp,
    /// Receipt ids.
    pub fresh: Fresh,
}

/// What became of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It waits for an answer, under this number.
    Waiting(u32),
    /// It was answered before the job was run again.
    Answered(u32),
    /// The job does not run any more.
    Stopped,
}

#[async_trait]
impl Change for AskQuestion {
    type Out = Asked;

    fn name(&self) -> &'static str {
        "ask"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<Asked, StoreError> {
        let Some(row) = tx.row(WORKER_BY_ID, args![&self.worker]).await? else {
            return Ok(Asked::Stopped);
        };
        let mut worker = WorkerRow::decode(&row)?;
        match worker.state {
            WorkerState::Running | WorkerState::WaitingForInput => {}
            WorkerState::Queued
            | WorkerState::Cancelling
            | WorkerState::Done
            | WorkerState::Failed
            | WorkerState::Cancelled
            | WorkerState::TimedOut
            | WorkerState::Interrupted => return Ok(Asked::Stopped),
        }
        let mut number = self.number;
        while let Some(earlier) = QuestionRow::by_number(tx, &self.worker, number).await? {
            if earlier.text == self.ask.text && earlier.choices == self.ask.choices {
                match (earlier.state, earlier.answer) {
                    (QuestionState::Answered, Some(answer)) => return Ok(Asked::Answered(answer)),
                    (QuestionState::Open, _) => {
                        self.wait(tx, &mut worker).await?;
                        self.show(tx, &worker, number, Vec::new()).await?;
                        return Ok(Asked::Waiting(number));
                    }
                    (QuestionState::Answered | QuestionState::Expired, _) => {}
                }
            }
            // Another question stands under this number: the rerun asked something else this time.
            number += 1;
        }
        let ask = &self.ask;
        tx.run(INSERT, args![&self.question, &self.worker, number, ask.text.as_str(), json(&ask.choices), self.now])
            .await?;
        self.wait(tx, &mut worker).await?;
        let event = Event::Question { text: wording::one_line(&ask.text), choices: ask.choices.clone() };
        self.show(tx, &worker, number, vec![event]).await?;
        crash::point("store.ask.applied");
        Ok(Asked::Waiting(number))
    }
}

impl AskQuestion {
    /// Makes the question visible wherever the job is shown. One that was shown before the job was run
    /// again has been overwritten by progress since, so it is shown anew, without a second ping.
    async fn show(
        &self,
        tx: &mut Tx<'_>,
        worker: &WorkerRow,
        number: u32,
        mut events: Vec<Event>,
    ) -> Result<(), StoreError> {
        let mut fresh = self.fresh.clone();
        for mut contract in contract::of_worker(tx, &self.worker).await? {
            // A question is a sign of life like any other (requirement W8).
            contract::step(tx, &mut contract, ContractSignal::Progress, &mut events).await?;
            let all = contract::receipts(tx, &contract.id).await?;
            if newest(&all, ReceiptKind::Content, 0).is_some_and(|content| content.state.is_settled()) {
                // This contract was merged with another one at the same address.
                continue;
            }
            let at = At::of(&contract);
            let earlier = newest(&all, ReceiptKind::Question, number);
            if earlier.is_none_or(|earlier| earlier.state.is_settled()) {
                let id = fresh.receipt();
                let generation = earlier.map_or(0, |earlier| earlier.generation + 1);
                let draft = Draft { generation, ..Draft::waiting(&id, ReceiptKind::Question, number, None) };
                contract::insert(tx, &at, &draft, self.now).await?;
            }
            if earlier.is_none() {
                let ping = wording::question_ping(worker.job(), &contract.person);
                let id = fresh.receipt();
                let draft = Draft::waiting(&id, ReceiptKind::Ping, number, Some(&ping));
                contract::insert(tx, &at, &draft, self.now).await?;
            }
            contract::reconsider(tx, &mut contract, false, self.now, &mut events).await?;
        }
        journal::append(tx, &self.worker, self.now, &events).await
    }

    /// A person's time is not the job's: the progress deadline rests, and a limit of its own holds.
    async fn wait(&self, tx: &mut Tx<'_>, worker: &mut WorkerRow) -> Result<(), StoreError> {
        worker.state = worker.state.step(WorkerSignal::Ask);
        let deadline = worker.next_deadline(self.now);
        tx.run(WAIT, args![worker.state.name(), deadline, self.now, &self.worker]).await?;
        tx.run(PROGRESS_OFF, args![&self.worker]).await?;
        Ok(())
    }
}
