//! The journal has one writer: this function. Rows are only ever added.

use wilco_core::journal::Event;
use wilco_core::{Timestamp, WorkerId};

use crate::engine::{Tx, args};
use crate::error::StoreError;
use crate::rows::json;

const NEXT: &str = "UPDATE workers SET journal_seq = journal_seq + $1 WHERE id = $2 RETURNING journal_seq";
const ADD: &str = "INSERT INTO journal (worker, seq, at, event, body) VALUES ($1, $2, $3, $4, $5)";

/// Appends events of one worker, in order. Their numbers have no gaps, so that events of the same
/// millisecond keep their order (requirement J3).
pub(crate) async fn append(
    tx: &mut Tx<'_>,
    worker: &WorkerId,
    at: Timestamp,
    events: &[Event],
) -> Result<(), StoreError> {
    if events.is_empty() {
        return Ok(());
    }
    let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
    let Some(row) = tx.row(NEXT, args![count, worker]).await? else {
        return Err(StoreError::Constraint(format!("the journal names worker {worker}, which is not stored")));
    };
    let last = row.int("journal_seq")?;
    for (seq, event) in (last - count + 1..).zip(events) {
        tx.run(ADD, args![worker, seq, at, event.name(), json(event)]).await?;
        tracing::debug!(worker_id = %worker, seq, event = event.name(), "journal");
    }
    Ok(())
}
