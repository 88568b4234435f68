//! The operator's list: sending a failed receipt again.

use async_trait::async_trait;
use wilco_core::contract::ContractSignal;
use wilco_core::desk::ReceiptView;
use wilco_core::journal::Event;
use wilco_core::receipt::{ReceiptKind, ReceiptState};
use wilco_core::{ReceiptId, Timestamp};

use super::contract::{self, At, Draft, SUPERSEDED};
use super::{Fresh, claim};
use crate::engine::{Change, Tx, args};
use crate::error::StoreError;
use crate::journal;
use crate::rows::{ContractRow, RECEIPT_BY_ID, ReceiptRow, WORKER_BY_ID, WorkerRow, newest};

/// It goes where the job is shown now: where it failed may be an address that was left since.
const AGAIN: &str = "UPDATE receipts SET state = 'waiting', reason = NULL, settled_at = NULL, attempts = 0, \
                     fallbacks = 0, first_due = NULL, first_attempt = NULL, shape = 'rich', parked_until = NULL, \
                     due_at = NULL, account = $1, channel = $2, thread = $3 WHERE id = $4 AND state = 'failed'";
const FORGET: &str = "UPDATE contracts SET message = NULL, edit_open = 0, edit_until = NULL WHERE id = $1";
const REPLACED: &str = "UPDATE receipts SET reason = $1, replaced = 1 WHERE id = $2 AND state = 'failed'";

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

pub(super) const BY_PREFIX: &str = "SELECT id FROM receipts WHERE id >= $1 AND id < $2 ORDER BY id LIMIT 2";

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
        let mut contract = contract::load(tx, &receipt.contract).await?;
        let all = contract::receipts(tx, &contract.id).await?;
        if let Some(refusal) = refusal(&receipt, &all, worker.state.is_terminal()) {
            return Ok(Some(Err(refusal)));
        }
        if stands_there(tx, &receipt, &contract).await? {
            let id = &receipt.id;
            return Ok(Some(Err(format!(
                "what receipt {id} should show is shown there by another message of this job, or about to be: \
                 there is nothing to send again"
            ))));
        }
        let mut fresh = self.fresh.clone();
        let mut events = Vec::new();
        let here = contract.address.clone();
        let again = |id: &ReceiptId| args![&here.account, &here.channel, here.thread.as_deref(), id];
        tx.run(AGAIN, again(&receipt.id)).await?;
        events.push(requested(&receipt));
        if receipt.kind.is_fill() {
            self.stub_for(tx, &receipt, &mut contract, &all, &mut fresh).await?;
        }
        if receipt.kind == ReceiptKind::Stub {
            // A stub alone would promise something that nothing fulfils: what waited for it comes with it.
            for fill in all.iter().filter(|one| one.kind.is_terminal() && one.part == receipt.part) {
                if tx.run(AGAIN, again(&fill.id)).await? == 1 {
                    events.push(requested(fill));
                }
            }
        }
        contract::step(tx, &mut contract, ContractSignal::ReceiptRetried, &mut events).await?;
        contract::reconsider(tx, &mut contract, worker.state.is_terminal(), self.now, &mut events).await?;
        journal::append(tx, &receipt.worker, self.now, &events).await?;
        let view = claim::load(tx, &receipt.id).await?.map(|receipt| receipt.view(&worker.short));
        Ok(view.map(Ok))
    }
}

/// What the journal says about it; the attempts that follow are counted from one again.
fn requested(receipt: &ReceiptRow) -> Event {
    Event::ReceiptAttempt {
        contract: receipt.contract.clone(),
        receipt: receipt.kind,
        part: receipt.part,
        n: 1,
        outcome: "sent_again".to_owned(),
        cause: receipt.reason.clone(),
        next: None,
    }
}

/// Why a failed receipt cannot be sent again, if so.
fn refusal(receipt: &ReceiptRow, all: &[ReceiptRow], ended: bool) -> Option<String> {
    let id = &receipt.id;
    let reason = receipt.reason.clone().unwrap_or_default();
    let replaced = receipt.replaced
        || newest(all, receipt.kind, receipt.part).is_some_and(|newest| newest.generation > receipt.generation);
    if replaced {
        return Some(format!("receipt {id} was replaced by another ({reason}): there is nothing to send again"));
    }
    if let Some(why) = &receipt.unreadable {
        return Some(format!("receipt {id} cannot be read ({why}): it was left as it is, and nothing can be sent"));
    }
    // With a stub goes again what waited for it; a question's text stands elsewhere, and a stub needs none.
    let waited_for_it =
        |one: &ReceiptRow| receipt.kind == ReceiptKind::Stub && one.kind.is_terminal() && one.part == receipt.part;
    if all.iter().any(|one| waited_for_it(one) && one.state == ReceiptState::Surfaced) {
        return Some(format!("receipt {id} held the place of what is shown by now: there is nothing to send again"));
    }
    let goes_again = |one: &&ReceiptRow| one.id == receipt.id || waited_for_it(one);
    let needs_text = |one: &ReceiptRow| one.kind.is_terminal() || one.kind == ReceiptKind::Ping;
    if ended && all.iter().filter(goes_again).any(|one| needs_text(one) && one.body.is_none()) {
        return Some(format!("receipt {id} is past its retention: its text is not kept any more"));
    }
    None
}

/// Whether another contract of the job shows the same piece at the address where this one would go, or is going to:
/// there it would be visible twice. Somebody may have asked to see the job there since this one failed.
async fn stands_there(tx: &mut Tx<'_>, receipt: &ReceiptRow, own: &ContractRow) -> Result<bool, StoreError> {
    if receipt.kind == ReceiptKind::Ping {
        return Ok(false);
    }
    for other in contract::of_worker(tx, &own.worker).await?.iter().filter(|other| other.id != own.id) {
        let receipts = contract::receipts(tx, &other.id).await?;
        let stands = |one: &ReceiptRow| match one.state {
            ReceiptState::Waiting | ReceiptState::Pending | ReceiptState::Sending => one.address == own.address,
            ReceiptState::Surfaced => one.message.as_ref().is_some_and(|message| message.address == own.address),
            ReceiptState::Failed => false,
        };
        if receipts.iter().any(|one| one.kind == receipt.kind && one.part == receipt.part && stands(one)) {
            return Ok(true);
        }
    }
    Ok(false)
}

impl RetryReceipt {
    /// A fill needs a living stub. One that stands is used again; where it was lost or never made, the
    /// next generation is posted, and the old one leaves the operator's list.
    async fn stub_for(
        &self,
        tx: &mut Tx<'_>,
        fill: &ReceiptRow,
        contract: &mut ContractRow,
        all: &[ReceiptRow],
        fresh: &mut Fresh,
    ) -> Result<(), StoreError> {
        let part = fill.stub_part();
        let stub = newest(all, ReceiptKind::Stub, part);
        let is_here = |stub: &ReceiptRow| stub.message.as_ref().is_some_and(|one| one.address == contract.address);
        let stands = match stub.map(|stub| stub.state) {
            Some(ReceiptState::Surfaced) if part == 0 => contract.message.is_some(),
            Some(ReceiptState::Surfaced) => stub.is_some_and(is_here),
            Some(ReceiptState::Waiting | ReceiptState::Pending | ReceiptState::Sending) => true,
            Some(ReceiptState::Failed) | None => false,
        };
        if stands {
            return Ok(());
        }
        if let Some(old) = stub {
            tx.run(REPLACED, args![format!("{SUPERSEDED}: sent again"), &old.id]).await?;
        }
        let placeholder = wilco_core::Body::text("On its way");
        let body = if part > 0 { stub.and_then(|old| old.body.as_ref()).or(Some(&placeholder)) } else { None };
        let id = fresh.receipt();
        let generation = stub.map_or(0, |old| old.generation + 1);
        let draft = Draft { generation, ..Draft::waiting(&id, ReceiptKind::Stub, part, body) };
        contract::insert(tx, &At::of(contract), &draft, self.now).await?;
        if part == 0 {
            tx.run(FORGET, args![&contract.id]).await?;
            contract.message = None;
            contract.edit_until = None;
        }
        Ok(())
    }

    async fn find(&self, tx: &mut Tx<'_>) -> Result<Option<ReceiptRow>, StoreError> {
        if let Some(row) = tx.row(RECEIPT_BY_ID, args![&self.receipt]).await? {
            return ReceiptRow::decode_what_can_be(&row).map(Some);
        }
        let prefix = self.receipt.as_str();
        if prefix.len() < 6 || !prefix.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(None);
        }
        let rows = tx.rows(BY_PREFIX, args![prefix, format!("{prefix}g")]).await?;
        match rows.as_slice() {
            [only] => match tx.row(RECEIPT_BY_ID, args![only.text("id")?]).await? {
                Some(row) => ReceiptRow::decode_what_can_be(&row).map(Some),
                None => Ok(None),
            },
            _ => Ok(None),
        }
    }
}
