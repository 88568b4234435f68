//! A sign of life of a running job.

use async_trait::async_trait;
use wilco_core::contract::ContractSignal;
use wilco_core::journal::Event;
use wilco_core::wording::Shown;
use wilco_core::worker::WorkerState;
use wilco_core::{Timestamp, WorkerId};

use super::contract;
use crate::crash;
use crate::engine::{Change, Tx, args};
use crate::error::StoreError;
use crate::journal;
use crate::rows::{WORKER_BY_ID, WorkerRow, json};

const ALIVE: &str = "UPDATE workers SET shown = $1, alive_at = $2, deadline = $3 WHERE id = $4";
const EXTEND: &str = "UPDATE contracts SET progress_deadline = $1 WHERE id = $2";

/// Stores what a job shows and that it lives. Extends the progress deadline of every contract
/// (requirement W8) and the inactivity limit (W10); the newest picture replaces the one before.
#[derive(Clone, Debug)]
pub struct Record {
    /// Which.
    pub worker: WorkerId,
    /// The picture as it is now.
    pub shown: Shown,
    /// What the journal keeps: a status, tools that began or ended.
    pub events: Vec<Event>,
    /// When.
    pub now: Timestamp,
}

#[async_trait]
impl Change for Record {
    /// Whether the worker was still there to record anything of.
    type Out = bool;

    fn name(&self) -> &'static str {
        "record"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        let Some(row) = tx.row(WORKER_BY_ID, args![&self.worker]).await? else {
            return Ok(false);
        };
        let mut worker = WorkerRow::decode(&row)?;
        let open = match worker.state {
            WorkerState::Running => true,
            WorkerState::WaitingForInput | WorkerState::Cancelling => false,
            WorkerState::Queued
            | WorkerState::Done
            | WorkerState::Failed
            | WorkerState::Cancelled
            | WorkerState::TimedOut
            | WorkerState::Interrupted => return Ok(false),
        };
        worker.alive_at = Some(self.now);
        let mut events = self.events.clone();
        if open {
            let deadline = worker.next_deadline(self.now);
            tx.run(ALIVE, args![json(&self.shown), self.now, deadline, &self.worker]).await?;
            let until = self.now.plus(worker.rules.terms.progress());
            for mut contract in contract::of_worker(tx, &self.worker).await? {
                contract::step(tx, &mut contract, ContractSignal::Progress, &mut events).await?;
                // Before the acknowledgement there is nothing that could look stuck.
                if contract.state.is_open() && contract.acked.is_some() {
                    tx.run(EXTEND, args![until, &contract.id]).await?;
                }
            }
        } else {
            const SHOWN: &str = "UPDATE workers SET shown = $1, alive_at = $2 WHERE id = $3";
            tx.run(SHOWN, args![json(&self.shown), self.now, &self.worker]).await?;
        }
        journal::append(tx, &self.worker, self.now, &events).await?;
        crash::point("store.record.applied");
        Ok(true)
    }
}
