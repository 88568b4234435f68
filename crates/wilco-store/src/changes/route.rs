//! Leaving an address: the route's next one takes over, or a chat has moved.

use wilco_core::journal::Event;
use wilco_core::receipt::{ReceiptKind, ReceiptState};
use wilco_core::{Address, Cause, Timestamp};

use super::contract;
use super::settle::Settled;
use super::verdict::Case;
use crate::engine::{Tx, args};
use crate::error::StoreError;
use crate::rows::{ContractRow, ReceiptRow, json, newest};

const STEP: &str = "UPDATE contracts SET step = $1, account = $2, channel = $3, thread = $4, message = NULL, \
                    edit_open = 0, edit_until = NULL, shown_print = NULL WHERE id = $5";
const READDRESS: &str = "UPDATE receipts SET account = $1, channel = $2, thread = $3, message = NULL, doubt = 0, \
                         first_attempt = NULL WHERE contract = $4 AND settled_at IS NULL";
const REST: &str = "UPDATE receipts SET state = 'waiting', due_at = NULL, lease_owner = NULL, lease_until = NULL, \
                    last_error = $1 WHERE id = $2";
const AGAIN: &str = "UPDATE receipts SET state = 'pending', due_at = $1, last_error = $2, lease_owner = NULL, \
                     lease_until = NULL WHERE id = $3";
const TWIN: &str = "SELECT * FROM contracts WHERE worker = $1 AND id <> $2 AND account = $3 AND channel = $4 \
                    AND COALESCE(thread, '') = COALESCE($5, '') LIMIT 1";
const MERGE: &str = "UPDATE receipts SET state = 'surfaced', reason = 'merged', settled_at = $1, due_at = NULL, \
                     lease_owner = NULL, lease_until = NULL WHERE contract = $2 AND settled_at IS NULL";
const MOVED_CONTRACTS: &str = "SELECT * FROM contracts WHERE account = $1 AND channel = $2 \
                               AND state NOT IN ('terminal_acked', 'terminal_failed')";
const MOVE_CONTRACT: &str = "UPDATE contracts SET route = $1, channel = $2, thread = $3 WHERE id = $4";
const MOVE_RECEIPTS: &str =
    "UPDATE receipts SET channel = $1 WHERE account = $2 AND channel = $3 AND settled_at IS NULL";

/// Takes the route's next address: every receipt that is not settled goes there, and every place that
/// still has to be filled gets a stub there.
pub(crate) async fn next_address(tx: &mut Tx<'_>, case: &mut Case<'_>, cause: &Cause) -> Result<Settled, StoreError> {
    let Some(to) = case.contract.next_address().cloned() else {
        contract::fail(tx, case.receipt, cause, case.now, case.events).await?;
        return Ok(Settled::FailedForGood(cause.clone()));
    };
    let from = case.contract.address.clone();
    tracing::warn!(worker_id = %case.worker, from = %from, to = %to, reason = %cause, "address left");
    case.events.push(Event::RouteStep {
        contract: case.contract.id.clone(),
        from,
        to: to.clone(),
        reason: cause.to_string(),
    });
    let before = contract::receipts(tx, &case.contract.id).await?;
    let step = case.contract.step + 1;
    tx.run(STEP, args![step, &to.account, &to.channel, to.thread.as_deref(), &case.contract.id]).await?;
    tx.run(READDRESS, args![&to.account, &to.channel, to.thread.as_deref(), &case.contract.id]).await?;
    case.contract = contract::load(tx, &case.contract.id).await?;
    if merge(tx, case).await? {
        return Ok(Settled::Surfaced);
    }
    let due = contract::due(tx, &to, case.now).await?;
    for one in &before {
        restart(tx, case, one, &before, due, cause).await?;
    }
    Ok(Settled::Rerouted)
}

/// What one receipt does at the new address.
async fn restart(
    tx: &mut Tx<'_>,
    case: &mut Case<'_>,
    one: &ReceiptRow,
    all: &[ReceiptRow],
    due: Option<Timestamp>,
    cause: &Cause,
) -> Result<(), StoreError> {
    let newest_stub = one.kind == ReceiptKind::Stub
        && newest(all, ReceiptKind::Stub, one.part).is_some_and(|newest| newest.id == one.id);
    match (one.kind, one.state) {
        (ReceiptKind::Stub, ReceiptState::Pending | ReceiptState::Sending) => {
            tx.run(AGAIN, args![due, cause.to_string(), &one.id]).await?;
        }
        // A stub that stands at the old address holds a place that still has to be filled here.
        (ReceiptKind::Stub, ReceiptState::Surfaced) if newest_stub && still_needed(one.part, all) => {
            case.new_stub(tx, one.part, one).await?;
        }
        (ReceiptKind::Stub, ReceiptState::Waiting | ReceiptState::Surfaced | ReceiptState::Failed) => {}
        (
            ReceiptKind::Content | ReceiptKind::Part | ReceiptKind::File | ReceiptKind::Question | ReceiptKind::Ping,
            ReceiptState::Pending | ReceiptState::Sending,
        ) => {
            tx.run(REST, args![cause.to_string(), &one.id]).await?;
        }
        (
            ReceiptKind::Content | ReceiptKind::Part | ReceiptKind::File | ReceiptKind::Question | ReceiptKind::Ping,
            ReceiptState::Waiting | ReceiptState::Surfaced | ReceiptState::Failed,
        ) => {}
    }
    Ok(())
}

fn still_needed(part: u32, all: &[ReceiptRow]) -> bool {
    all.iter().any(|one| {
        one.kind != ReceiptKind::Stub
            && one.kind != ReceiptKind::Ping
            && one.stub_part() == part
            && !one.state.is_settled()
    })
}

/// Two routes that come to the same address: the second has nothing to add there.
async fn merge(tx: &mut Tx<'_>, case: &mut Case<'_>) -> Result<bool, StoreError> {
    let address = &case.contract.address;
    let twin = tx
        .row(TWIN, args![case.worker, &case.contract.id, &address.account, &address.channel, address.thread.as_deref()])
        .await?;
    let Some(twin) = twin else {
        return Ok(false);
    };
    let twin = ContractRow::decode(&twin)?;
    tx.run(MERGE, args![case.now, &case.contract.id]).await?;
    tracing::info!(worker_id = %case.worker, into = %twin.id, "contract merged with one at the same address");
    Ok(true)
}

/// Rewrites a chat that got a new id, in every open contract and receipt, in this transaction.
pub(crate) async fn rewrite(tx: &mut Tx<'_>, from: &Address, to: &Address, now: Timestamp) -> Result<(), StoreError> {
    let rows = tx.rows(MOVED_CONTRACTS, args![&from.account, &from.channel]).await?;
    for row in &rows {
        let contract = ContractRow::decode(row)?;
        let target = Address { thread: to.thread.clone().or_else(|| contract.address.thread.clone()), ..to.clone() };
        let route = contract.route.moved(&contract.address, &target);
        tx.run(MOVE_CONTRACT, args![json(&route), &target.channel, target.thread.as_deref(), &contract.id]).await?;
    }
    tx.run(MOVE_RECEIPTS, args![&to.channel, &from.account, &from.channel]).await?;
    tracing::info!(from = %from, to = %to, at = now.0, "chat moved");
    Ok(())
}
