//! An attempt of a job failed and the next one is due later. Until then it is queued like any other
//! job that has not begun, so that a crash, a cancel and a full house need no rule of their own.

use std::time::Duration;

use async_trait::async_trait;
use wilco_core::journal::Event;
use wilco_core::worker::{EndKind, Ending, WorkerSignal, WorkerState};
use wilco_core::{Cause, Timestamp, WorkerId, wording};

use super::finish::terminate;
use super::{Fresh, Platforms};
use crate::crash;
use crate::engine::{Change, Tx, args};
use crate::error::StoreError;
use crate::journal;
use crate::rows::{WORKER_BY_ID, WorkerRow};

/// The hard limit counts from the first start over all attempts, and is watched during the rest, too.
/// What the failed attempt showed is no progress of the next one.
const REST: &str = "UPDATE workers SET state = 'queued', owner = NULL, lease_until = NULL, ahead = NULL, \
                    shown = '{}', deadline = hard_deadline, due_at = $1, retry_cause = $2 WHERE id = $3 AND state = $4";
const PROGRESS_OFF: &str = "UPDATE contracts SET progress_deadline = NULL WHERE worker = $1";

/// Lets a job rest before its next attempt.
#[derive(Clone, Debug)]
pub struct RetryLater {
    /// Which.
    pub worker: WorkerId,
    /// Why this attempt failed.
    pub cause: Cause,
    /// How long it rests; the caller has moved it by the jitter.
    pub rest: Duration,
    /// How many attempts there are at the most.
    pub of: u32,
    /// When.
    pub now: Timestamp,
    /// The measures of the accounts.
    pub platforms: Platforms,
    /// Receipt ids.
    pub fresh: Fresh,
}

#[async_trait]
impl Change for RetryLater {
    /// When the next attempt is due; none when there is none, because the job was cancelled or has ended.
    type Out = Option<Timestamp>;

    fn name(&self) -> &'static str {
        "retry_later"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<Option<Timestamp>, StoreError> {
        let Some(row) = tx.row(WORKER_BY_ID, args![&self.worker]).await? else {
            return Ok(None);
        };
        let worker = WorkerRow::decode(&row)?;
        if worker.state.step(WorkerSignal::Retry) != WorkerState::Queued || worker.state == WorkerState::Queued {
            // A stored cancel came before the next attempt could: nothing runs any more, so it is cancelled.
            let mut fresh = self.fresh.clone();
            let ending = Ending::bare(EndKind::Cancelled, "");
            if worker.state == WorkerState::Cancelling {
                terminate(tx, worker, &ending, self.now, &self.platforms, &mut fresh).await?;
            }
            return Ok(None);
        }
        let (at, attempt) = (self.now.plus(self.rest), worker.attempt.saturating_add(1));
        let cause = wording::one_line(&self.cause.to_string());
        tx.run(REST, args![at, cause.as_str(), &worker.id, worker.state.name()]).await?;
        tx.run(PROGRESS_OFF, args![&worker.id]).await?;
        let event = Event::Retrying { attempt, of: self.of, cause, at };
        journal::append(tx, &worker.id, self.now, &[event]).await?;
        crash::point("store.retry.applied");
        let told = (worker.id.clone(), worker.short.clone(), worker.address.clone(), self.cause.code.clone());
        let (of, rest) = (self.of, self.rest);
        tx.tell(move || {
            let (id, short, address, code) = told;
            let rest_ms = u64::try_from(rest.as_millis()).unwrap_or(u64::MAX);
            tracing::info!(worker_id = %id, %short, channel = %address, attempt, of, code, rest_ms, "attempt failed");
        });
        Ok(Some(at))
    }
}
