//! Lists of jobs.

use async_trait::async_trait;
use wilco_core::desk::{JobFilter, JobView};

use crate::changes::Asker;
use crate::changes::resolve::standing;
use crate::engine::{Change, Tx, args};
use crate::error::StoreError;
use crate::rows::{WorkerRow, worker_columns};

pub(super) const ALL: &str = concat!(worker_columns!(), "ORDER BY created_at DESC, id DESC LIMIT $1");
pub(super) const OPEN: &str =
    concat!(worker_columns!(), "WHERE ended_at IS NULL ORDER BY created_at DESC, id DESC LIMIT $1");
pub(super) const HERE: &str = concat!(
    worker_columns!(),
    "WHERE id IN (SELECT worker FROM contracts WHERE account = $1 AND channel = $2 \
     AND ($3 IS NULL OR thread = $3) ORDER BY created_at DESC LIMIT $4) ORDER BY created_at DESC, id DESC LIMIT $4"
);

/// Lists jobs that somebody may see, newest first.
#[derive(Clone, Debug)]
pub struct ListJobs {
    /// Who asks.
    pub asker: Asker,
    /// Which.
    pub filter: JobFilter,
}

#[async_trait]
impl Change for ListJobs {
    type Out = Vec<JobView>;

    fn name(&self) -> &'static str {
        "list_jobs"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<Vec<JobView>, StoreError> {
        let limit = self.filter.limit.get();
        let rows = match (&self.filter.address, self.filter.open_only) {
            (Some(here), _) => {
                tx.rows(HERE, args![&here.account, &here.channel, here.thread.as_deref(), limit]).await?
            }
            (None, true) => tx.rows(OPEN, args![limit]).await?,
            (None, false) => tx.rows(ALL, args![limit]).await?,
        };
        let mut jobs = Vec::new();
        for row in &rows {
            // One row that cannot be read must not hide the others.
            let worker = match WorkerRow::decode(row) {
                Ok(worker) => worker,
                Err(error) => {
                    tracing::warn!(%error, "a job is left out of the list");
                    continue;
                }
            };
            if self.filter.open_only && worker.state.is_terminal() {
                continue;
            }
            if standing(tx, &self.asker, &worker).await?.may_read() {
                jobs.push(worker.view());
            }
        }
        Ok(jobs)
    }
}
