//! Cancelling: stored first, carried out afterwards.

use async_trait::async_trait;
use wilco_core::desk::CancelResult;
use wilco_core::journal::Event;
use wilco_core::worker::{EndKind, Ending, WorkerSignal, WorkerState};
use wilco_core::{Address, DeliveryKey, Timestamp, WorkerId};

use super::finish::terminate;
use super::resolve::{self, Asker, Unresolved};
use super::{Fresh, Platforms};
use crate::engine::{Change, Tx, args};
use crate::error::StoreError;
use crate::journal;
use crate::rows::{WorkerRow, worker_columns};

const STORE: &str = "UPDATE workers SET state = 'cancelling', cancel_by = $1, cancel_reason = $2, cancel_at = $3, \
                     deadline = NULL WHERE id = $4 AND state = $5";
const STORE_QUEUED: &str = "UPDATE workers SET cancel_by = $1, cancel_reason = $2, cancel_at = $3 WHERE id = $4";
const BY_RECEIPT: &str = concat!(worker_columns!(), "WHERE id = (SELECT worker FROM receipts WHERE receipts.id = $1)");
const PLACE: &str = "SELECT account, channel, thread FROM workers WHERE id = $1";
const PROGRESS_OFF: &str = "UPDATE contracts SET progress_deadline = NULL WHERE worker = $1";

/// Which job a cancel means.
pub(crate) enum Target<'a> {
    Named(&'a str),
    Here(&'a Address),
    Stub(&'a DeliveryKey),
}

/// A cancel and the worker that it concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CancelDone {
    /// Which worker.
    pub worker: WorkerId,
    /// What was done.
    pub result: CancelResult,
}

/// A cancel from the command line or the API.
#[derive(Clone, Debug)]
pub struct RequestCancel {
    /// Who.
    pub asker: Asker,
    /// Which job.
    pub job: String,
    /// The reason as it will be shown.
    pub reason: String,
    /// When.
    pub now: Timestamp,
    /// The measures of the accounts.
    pub platforms: Platforms,
    /// Receipt ids.
    pub fresh: Fresh,
}

#[async_trait]
impl Change for RequestCancel {
    type Out = Result<CancelDone, Unresolved>;

    fn name(&self) -> &'static str {
        "cancel"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<Self::Out, StoreError> {
        let mut fresh = self.fresh.clone();
        let target = Target::Named(&self.job);
        cancel(tx, &self.asker, target, &self.reason, self.now, &self.platforms, &mut fresh).await
    }
}

pub(crate) async fn cancel(
    tx: &mut Tx<'_>,
    asker: &Asker,
    target: Target<'_>,
    reason: &str,
    now: Timestamp,
    platforms: &Platforms,
    fresh: &mut Fresh,
) -> Result<Result<CancelDone, Unresolved>, StoreError> {
    let found = match target {
        Target::Named(name) => resolve::resolve(tx, asker, name).await?,
        Target::Here(address) => resolve::only_here(tx, asker, address).await?,
        Target::Stub(key) => by_stub(tx, asker, key).await?,
    };
    let worker = match found {
        Ok(worker) => worker,
        Err(unresolved) => return Ok(Err(unresolved)),
    };
    if !resolve::standing(tx, asker, &worker).await?.may_cancel() {
        return Ok(Err(Unresolved::NotAllowed(worker.short)));
    }
    let id = worker.id.clone();
    let result = store(tx, worker, asker.name(), reason, now, platforms, fresh).await?;
    Ok(Ok(CancelDone { worker: id, result }))
}

/// Where a job was asked for.
pub(super) async fn place_of(tx: &mut Tx<'_>, worker: &WorkerId) -> Result<Option<Address>, StoreError> {
    let row = tx.row(PLACE, args![worker]).await?;
    row.map(|row| crate::rows::address(&row)).transpose()
}

async fn by_stub(
    tx: &mut Tx<'_>,
    asker: &Asker,
    key: &DeliveryKey,
) -> Result<Result<WorkerRow, Unresolved>, StoreError> {
    let Some(receipt) = key.receipt() else {
        return Ok(Err(Unresolved::NotFound));
    };
    let Some(row) = tx.row(BY_RECEIPT, args![&receipt]).await? else {
        return Ok(Err(Unresolved::NotFound));
    };
    let worker = WorkerRow::decode(&row)?;
    let visible = resolve::standing(tx, asker, &worker).await?.may_read();
    Ok(if visible { Ok(worker) } else { Err(Unresolved::NotFound) })
}

async fn store(
    tx: &mut Tx<'_>,
    mut worker: WorkerRow,
    by: &str,
    reason: &str,
    now: Timestamp,
    platforms: &Platforms,
    fresh: &mut Fresh,
) -> Result<CancelResult, StoreError> {
    let short = worker.short.clone();
    if let (WorkerState::Cancelling, Some(earlier)) = (worker.state, &worker.cancel) {
        let (by, reason) = (earlier.by.clone(), earlier.reason.clone());
        return Ok(CancelResult::AlreadyCancelling { short, by, reason });
    }
    let next = worker.state.step(WorkerSignal::CancelRequested);
    if next == worker.state {
        return Ok(CancelResult::AlreadyCompleted { short, state: worker.state });
    }
    let requested = Event::CancelRequested { by: by.to_owned(), reason: reason.to_owned() };
    if next == WorkerState::Cancelling {
        if tx.run(STORE, args![by, reason, now, &worker.id, worker.state.name()]).await? == 0 {
            return Ok(CancelResult::AlreadyCompleted { short, state: worker.state });
        }
        tx.run(PROGRESS_OFF, args![&worker.id]).await?;
        journal::append(tx, &worker.id, now, &[requested]).await?;
        // The reason is a person's words and stands in the journal; the log names only the step.
        let (id, name, address) = (worker.id.clone(), short.clone(), worker.address.clone());
        tx.tell(move || tracing::info!(worker_id = %id, short = %name, channel = %address, "cancel stored"));
        return Ok(CancelResult::Cancelling { short, by: by.to_owned(), reason: reason.to_owned() });
    }
    // A job that has not started has nothing to be observed: it is cancelled here and now.
    tx.run(STORE_QUEUED, args![by, reason, now, &worker.id]).await?;
    journal::append(tx, &worker.id, now, &[requested]).await?;
    worker.cancel = Some(wilco_core::desk::CancelView { by: by.to_owned(), reason: reason.to_owned(), at: now });
    terminate(tx, worker, &Ending::bare(EndKind::Cancelled, ""), now, platforms, fresh).await?;
    Ok(CancelResult::Cancelled { short, reason: reason.to_owned() })
}
