//! The operator's list, and the way of every message.

use async_trait::async_trait;
use wilco_core::Short;
use wilco_core::desk::{ReceiptFilter, ReceiptView};
use wilco_core::receipt::ReceiptState;

use crate::changes::Asker;
use crate::changes::resolve::standing;
use crate::engine::{Change, Tx, args};
use crate::error::StoreError;
use crate::rows::{ReceiptRow, WORKER_BY_ID, WorkerRow};

pub(super) const ALL: &str = "SELECT * FROM receipts ORDER BY created_at DESC, id DESC LIMIT $1";
pub(super) const FAILED: &str = "SELECT * FROM receipts WHERE state = 'failed' AND replaced = 0 \
     ORDER BY created_at DESC, id DESC LIMIT $1";
pub(super) const OPEN: &str =
    "SELECT * FROM receipts WHERE settled_at IS NULL AND state = $1 ORDER BY created_at DESC, id DESC LIMIT $2";
/// The bound is always true; it makes SQLite walk the index by age instead of sorting the whole table.
pub(super) const SURFACED: &str =
    "SELECT * FROM receipts WHERE state = 'surfaced' AND created_at > 0 ORDER BY created_at DESC, id DESC LIMIT $1";

/// Lists receipts of jobs that somebody may see, newest first. Those that were merely replaced by
/// another are not failures and are left out of the failed ones.
#[derive(Clone, Debug)]
pub struct ListReceipts {
    /// Who asks.
    pub asker: Asker,
    /// Which.
    pub filter: ReceiptFilter,
}

#[async_trait]
impl Change for ListReceipts {
    type Out = Vec<ReceiptView>;

    fn name(&self) -> &'static str {
        "list_receipts"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<Vec<ReceiptView>, StoreError> {
        let limit = self.filter.limit.get();
        let rows = match self.filter.state {
            None => tx.rows(ALL, args![limit]).await?,
            Some(ReceiptState::Failed) => tx.rows(FAILED, args![limit]).await?,
            Some(ReceiptState::Surfaced) => tx.rows(SURFACED, args![limit]).await?,
            Some(state @ (ReceiptState::Waiting | ReceiptState::Pending | ReceiptState::Sending)) => {
                tx.rows(OPEN, args![state.name(), limit]).await?
            }
        };
        let mut views = Vec::new();
        for row in &rows {
            let id = row.text("id")?;
            // One that was set aside because it cannot be read is what an operator has to see first of all.
            let receipt = match ReceiptRow::decode_what_can_be(row) {
                Ok(receipt) => receipt,
                Err(error) => {
                    tracing::warn!(receipt_id = id, %error, "a receipt is left out of the list");
                    continue;
                }
            };
            let Some(row) = tx.row(WORKER_BY_ID, args![&receipt.worker]).await? else { continue };
            match WorkerRow::decode(&row) {
                Ok(worker) => {
                    if standing(tx, &self.asker, &worker).await?.may_read() {
                        views.push(receipt.view(&worker.short));
                    }
                }
                // The receipt of an unreadable job is the operator's business most of all.
                Err(_) => views.push(receipt.view(&Short::new(row.text("short")?))),
            }
        }
        Ok(views)
    }
}
