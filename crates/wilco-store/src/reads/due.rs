//! When something is due next, so that the loop can sleep until then.

use async_trait::async_trait;
use wilco_core::{Timestamp, WorkerId};

use crate::engine::{Change, Tx, args};
use crate::error::StoreError;

pub(super) const NEXT: &str = "SELECT \
    (SELECT MIN(due_at) FROM receipts WHERE due_at IS NOT NULL) AS receipt, \
    (SELECT MIN(reassert_at) FROM receipts WHERE reassert_at IS NOT NULL) AS reassert, \
    (SELECT MIN(ack_deadline) FROM contracts WHERE ack_deadline IS NOT NULL) AS ack, \
    (SELECT MIN(progress_deadline) FROM contracts WHERE progress_deadline IS NOT NULL) AS progress, \
    (SELECT MIN(deadline) FROM workers WHERE deadline IS NOT NULL) AS worker, \
    (SELECT MIN(due_at) FROM occurrences WHERE due_at IS NOT NULL) AS followup, \
    (SELECT MIN(due_at) FROM workers WHERE state = 'queued' AND due_at IS NOT NULL) AS attempt, \
    (SELECT MIN(lease_until) FROM occurrences WHERE lease_owner IS NOT NULL) AS claim";
pub(super) const STOPPING: &str = "SELECT id FROM workers WHERE state = 'cancelling' ORDER BY cancel_at";

/// Asks when something is due next.
#[derive(Clone, Copy, Debug)]
pub struct NextDue;

/// The earliest stored times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wake {
    /// When the outbox has something to send.
    pub outbox: Option<Timestamp>,
    /// When the deadline watch has something to judge.
    pub watch: Option<Timestamp>,
    /// When the next follow-up is due, by the wall clock.
    pub followup: Option<Timestamp>,
    /// When the claim of a follow-up that nobody has given up runs out.
    pub claim: Option<Timestamp>,
    /// When a job that rests has its next attempt. It stays in the past while the job waits for a slot.
    pub begin: Option<Timestamp>,
}

#[async_trait]
impl Change for NextDue {
    type Out = Wake;

    fn name(&self) -> &'static str {
        "next_due"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<Wake, StoreError> {
        let Some(row) = tx.row(NEXT, args![]).await? else {
            return Ok(Wake::default());
        };
        let earliest = |columns: &[&str]| -> Result<Option<Timestamp>, StoreError> {
            let mut earliest = None;
            for column in columns {
                let at = row.opt_time(column)?;
                earliest = match (earliest, at) {
                    (Some(one), Some(other)) => Some(std::cmp::min::<Timestamp>(one, other)),
                    (one, other) => one.or(other),
                };
            }
            Ok(earliest)
        };
        Ok(Wake {
            outbox: earliest(&["receipt", "reassert"])?,
            watch: earliest(&["ack", "progress", "worker"])?,
            followup: row.opt_time("followup")?,
            claim: row.opt_time("claim")?,
            begin: earliest(&["attempt"])?,
        })
    }
}

/// Which workers a stored cancel waits for: another process may have stored it.
#[derive(Clone, Copy, Debug)]
pub struct Stopping;

#[async_trait]
impl Change for Stopping {
    type Out = Vec<WorkerId>;

    fn name(&self) -> &'static str {
        "stopping"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<Vec<WorkerId>, StoreError> {
        tx.rows(STOPPING, args![]).await?.iter().map(|row| Ok(WorkerId::new(row.text("id")?))).collect()
    }
}
