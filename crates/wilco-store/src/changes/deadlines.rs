//! The deadline watch: what is due is read in bounded batches, then judged one by one.

use std::time::Duration;

use async_trait::async_trait;
use wilco_core::contract::{ContractSignal, ContractState};
use wilco_core::journal::Event;
use wilco_core::worker::WorkerState;
use wilco_core::{ContractId, Timestamp, WorkerId, wording};

use super::contract;
use crate::engine::{Change, Tx, args};
use crate::error::StoreError;
use crate::journal;
use crate::rows::{WORKER_BY_ID, WorkerRow};

pub(super) const ACKS: &str =
    "SELECT id, worker FROM contracts WHERE ack_deadline <= $1 ORDER BY ack_deadline LIMIT $2";
pub(super) const PROGRESS: &str =
    "SELECT id, worker FROM contracts WHERE progress_deadline <= $1 ORDER BY progress_deadline LIMIT $2";
pub(super) const WORKERS: &str = "SELECT id FROM workers WHERE deadline <= $1 ORDER BY deadline LIMIT $2";
const ACK_OFF: &str = "UPDATE contracts SET ack_deadline = NULL WHERE id = $1";
const PROGRESS_OFF: &str = "UPDATE contracts SET progress_deadline = NULL WHERE id = $1";
pub(super) const STUB_NOW: &str = "UPDATE receipts SET due_at = $1 WHERE contract = $2 AND kind = 'stub' AND part = 0 \
                        AND state = 'pending' AND due_at > $1 AND (parked_until IS NULL OR parked_until <= $1)";
pub(super) const EXTEND_ACKS: &str =
    "UPDATE contracts SET ack_deadline = ack_deadline + $1 WHERE ack_deadline IS NOT NULL";
pub(super) const EXTEND_PROGRESS: &str =
    "UPDATE contracts SET progress_deadline = progress_deadline + $1 WHERE progress_deadline IS NOT NULL";
pub(super) const EXTEND_WORKERS: &str = "UPDATE workers SET deadline = deadline + $1, hard_deadline = hard_deadline + $1, \
                              alive_at = alive_at + $1 WHERE deadline IS NOT NULL";

/// How many rows of each kind one look judges; the next look follows at once when there are more.
pub(crate) const BATCH: i64 = 200;

/// A deadline that has passed and has to be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// Whose.
    pub worker: WorkerId,
    /// Which.
    pub kind: MissedKind,
}

/// Which deadline has passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MissedKind {
    /// The acknowledgement of a contract.
    Ack(ContractId),
    /// The progress of a contract.
    Progress(ContractId),
    /// A limit of the worker: the hard one, the one of silence, or the one of an open question.
    Worker,
}

/// Reads which deadlines have passed.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// The time by which they are judged.
    pub now: Timestamp,
}

#[async_trait]
impl Change for Deadlines {
    type Out = Vec<Missed>;

    fn name(&self) -> &'static str {
        "deadlines"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<Vec<Missed>, StoreError> {
        let mut missed = Vec::new();
        for row in tx.rows(ACKS, args![self.now, BATCH]).await? {
            let contract = ContractId::new(row.text("id")?);
            missed.push(Missed { worker: WorkerId::new(row.text("worker")?), kind: MissedKind::Ack(contract) });
        }
        for row in tx.rows(PROGRESS, args![self.now, BATCH]).await? {
            let contract = ContractId::new(row.text("id")?);
            missed.push(Missed { worker: WorkerId::new(row.text("worker")?), kind: MissedKind::Progress(contract) });
        }
        for row in tx.rows(WORKERS, args![self.now, BATCH]).await? {
            missed.push(Missed { worker: WorkerId::new(row.text("id")?), kind: MissedKind::Worker });
        }
        Ok(missed)
    }
}

/// Judges one passed deadline. The condition is checked again: what arrived meanwhile counts.
#[derive(Clone, Debug)]
pub struct DeadlineMissed {
    /// Which.
    pub missed: Missed,
    /// The time by which it is judged.
    pub now: Timestamp,
}

#[async_trait]
impl Change for DeadlineMissed {
    /// For a worker's limit, the words that explain the time-out; the caller stops the task and then
    /// finishes it. None when there is nothing to do any more, and for the other kinds.
    type Out = Option<String>;

    fn name(&self) -> &'static str {
        "deadline_missed"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<Option<String>, StoreError> {
        let mut events = Vec::new();
        let answer = match &self.missed.kind {
            MissedKind::Ack(contract) => {
                let contract = contract::load(tx, contract).await?;
                if contract.ack_deadline.is_none_or(|deadline| deadline > self.now) {
                    return Ok(None);
                }
                tx.run(ACK_OFF, args![&contract.id]).await?;
                if contract.state == ContractState::Created {
                    tx.run(STUB_NOW, args![self.now, &contract.id]).await?;
                    let (worker, address) = (contract.worker.clone(), contract.address.clone());
                    tx.tell(move || tracing::warn!(worker_id = %worker, channel = %address, "acknowledgement is late"));
                    events.push(Event::AckMissed { contract: contract.id });
                }
                None
            }
            MissedKind::Progress(contract) => {
                let mut contract = contract::load(tx, contract).await?;
                if contract.progress_deadline.is_none_or(|deadline| deadline > self.now) {
                    return Ok(None);
                }
                tx.run(PROGRESS_OFF, args![&contract.id]).await?;
                contract::step(tx, &mut contract, ContractSignal::ProgressMissed, &mut events).await?;
                None
            }
            MissedKind::Worker => return self.worker(tx).await,
        };
        journal::append(tx, &self.missed.worker, self.now, &events).await?;
        Ok(answer)
    }
}

impl DeadlineMissed {
    async fn worker(&self, tx: &mut Tx<'_>) -> Result<Option<String>, StoreError> {
        let Some(row) = tx.row(WORKER_BY_ID, args![&self.missed.worker]).await? else {
            return Ok(None);
        };
        let worker = WorkerRow::decode(&row)?;
        Ok(match worker.state {
            WorkerState::Running => {
                let hard = worker.hard_deadline.is_some_and(|deadline| deadline <= self.now);
                let silent = worker
                    .rules
                    .inactivity
                    .filter(|limit| worker.alive_at.is_some_and(|alive| alive.plus(*limit) <= self.now));
                match (hard, silent) {
                    (true, _) => Some(wording::limit(worker.rules.terms.terminal())),
                    (false, Some(limit)) => Some(wording::silence(limit)),
                    (false, None) => None,
                }
            }
            WorkerState::WaitingForInput => {
                const DEADLINE: &str = "SELECT deadline FROM workers WHERE id = $1";
                let deadline = match tx.row(DEADLINE, args![&worker.id]).await? {
                    Some(row) => row.opt_time("deadline")?,
                    None => None,
                };
                deadline.filter(|at| *at <= self.now).map(|_| wording::unanswered(worker.rules.question))
            }
            // The limit holds while it rests between two attempts, too.
            WorkerState::Queued => worker
                .hard_deadline
                .filter(|at| *at <= self.now && worker.due_at.is_some())
                .map(|_| wording::limit(worker.rules.terms.terminal())),
            WorkerState::Cancelling
            | WorkerState::Done
            | WorkerState::Failed
            | WorkerState::Cancelled
            | WorkerState::TimedOut
            | WorkerState::Interrupted => None,
        })
    }
}

/// Moves every deadline by the time that the process was not running (requirement W21).
#[derive(Clone, Copy, Debug)]
pub struct ExtendDeadlines {
    /// How long that was.
    pub by: Duration,
}

#[async_trait]
impl Change for ExtendDeadlines {
    type Out = ();

    fn name(&self) -> &'static str {
        "extend_deadlines"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let by = i64::try_from(self.by.as_millis()).unwrap_or(i64::MAX / 4);
        for sql in [EXTEND_ACKS, EXTEND_PROGRESS, EXTEND_WORKERS] {
            tx.run(sql, args![by]).await?;
        }
        Ok(())
    }
}
