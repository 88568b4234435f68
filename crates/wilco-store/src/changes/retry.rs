//! The operator's list: sending a failed receipt again.

use async_trait::async_trait;
use wilco_core::contract::ContractSignal;
use wilco_core::desk::ReceiptView;
use wilco_core::receipt::{ReceiptKind, ReceiptState};
use wilco_core::{ReceiptId, Timestamp};

use super::contract::{self, At, Draft, OVERTAKEN, SUPERSEDED};
use super::{Fresh, claim};
use crate::engine::{Change, Tx, args};
use crate::error::StoreError;
use crate::journal;
use crate::rows::{ReceiptRow, WORKER_BY_ID, WorkerRow, newest};

const AGAIN: &str = "UPDATE receipts SET state = 'waiting', reason = NULL, settled_at = NULL, attempts = 0, \
                     fallbacks = 0, first_due = NULL, first_attempt = NULL, shape = 'rich', parked_until = NULL, \
                     due_at = NULL WHERE id = $1 AND state = 'failed'";
const FORGET: &str = "UPDATE contracts SET message = NULL WHERE id = $1";

/// Moves a failed receipt back to pending, with the stub that it needs. The only way out of `failed`.
#[derive(Clone, Debug)]
pub struct RetryReceipt {
    /// Which; a unique beginning of the id is enough.
    pub receipt: ReceiptId,
    /// When.
    pub now: Timestamp,
    /// Receipt ids.
    pub fresh: Fresh,
}

const BY_PREFIX: &str = "SELECT id FROM receipts WHERE id >= $1 AND id < $2 ORDER BY id LIMIT 2";

#[async_trait]
impl Change for RetryReceipt {
    /// The receipt as it stands now; an error sentence when it is not failed; none when it is unknown.
    type Out = Option<Result<ReceiptView, String>>;

    fn name(&self) -> &'static str {
        "retry"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<Self::Out, StoreError> {
        let Some(receipt) = self.find(tx).await? else {
            return Ok(None);
        };
        let Some(row) = tx.row(WORKER_BY_ID, args![&receipt.worker]).await? else {
            return Ok(None);
        };
        let worker = WorkerRow::decode(&row)?;
        if receipt.state != ReceiptState::Failed {
            let state = receipt.state.name();
            return Ok(Some(Err(format!(
                "receipt {} is {state}, not failed: there is nothing to send again",
                receipt.id
            ))));
        }
        let reason = receipt.reason.clone().unwrap_or_default();
        if reason.starts_with(SUPERSEDED) || reason.starts_with(OVERTAKEN) {
            return Ok(Some(Err(format!(
                "receipt {} was replaced by another ({reason}): there is nothing to send again",
                receipt.id
            ))));
        }
        let mut contract = contract::load(tx, &receipt.contract).await?;
        let all = contract::receipts(tx, &contract.id).await?;
        let mut fresh = self.fresh.clone();
        let mut events = Vec::new();
        tx.run(AGAIN, args![&receipt.id]).await?;
        if receipt.kind.is_fill() {
            // A fill needs a living stub: the old message was lost, deleted or never made.
            let part = receipt.stub_part();
            let generation = newest(&all, ReceiptKind::Stub, part).map_or(0, |stub| stub.generation + 1);
            let placeholder = wilco_core::Body::text("On its way");
            let id = fresh.receipt();
            let draft = Draft {
                generation,
                body: (part > 0).then_some(&placeholder),
                ..Draft::pending(&id, ReceiptKind::Stub, part)
            };
            contract::insert(tx, &At::of(&contract), &draft, self.now).await?;
            if part == 0 {
                tx.run(FORGET, args![&contract.id]).await?;
                contract.message = None;
            }
        }
        contract::step(tx, &mut contract, ContractSignal::ReceiptRetried, &mut events).await?;
        contract::reconsider(tx, &mut contract, worker.state.is_terminal(), self.now, &mut events).await?;
        journal::append(tx, &receipt.worker, self.now, &events).await?;
        let view = claim::load(tx, &receipt.id).await?.map(|receipt| receipt.view(&worker.short));
        Ok(view.map(Ok))
    }
}

impl RetryReceipt {
    async fn find(&self, tx: &mut Tx<'_>) -> Result<Option<ReceiptRow>, StoreError> {
        if let Some(receipt) = claim::load(tx, &self.receipt).await? {
            return Ok(Some(receipt));
        }
        let prefix = self.receipt.as_str();
        if prefix.len() < 6 || !prefix.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(None);
        }
        let rows = tx.rows(BY_PREFIX, args![prefix, format!("{prefix}g")]).await?;
        match rows.as_slice() {
            [only] => claim::load(tx, &ReceiptId::new(only.text("id")?)).await,
            _ => Ok(None),
        }
    }
}
