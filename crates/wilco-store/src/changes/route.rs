//! Leaving an address: the route's next one takes over, or a chat has moved.

use wilco_core::contract::{ContractSignal, ContractState};
use wilco_core::journal::Event;
use wilco_core::receipt::{ReceiptKind, ReceiptState};
use wilco_core::{Address, Cause, ContractId, MessageRef, Timestamp};

use super::contract::{self, Due};
use super::settle::Settled;
use super::verdict::{Case, PARK_CHAT};
use crate::engine::{Tx, args};
use crate::error::StoreError;
use crate::journal;
use crate::rows::{ContractRow, ReceiptRow, WORKER_BY_ID, WorkerRow, json, newest};

const STEP: &str = "UPDATE contracts SET step = $1, account = $2, channel = $3, thread = $4, message = NULL, \
                    edit_open = 0, edit_until = NULL, shown_print = NULL WHERE id = $5";
pub(super) const READDRESS: &str = "UPDATE receipts SET account = $1, channel = $2, thread = $3, message = NULL, doubt = 0, \
                         edit_open = 0, first_attempt = NULL, parked_until = NULL \
                         WHERE contract = $4 AND settled_at IS NULL";
const REST: &str = "UPDATE receipts SET state = 'waiting', due_at = NULL, lease_owner = NULL, lease_until = NULL, \
                    last_error = $1 WHERE id = $2";
const AGAIN: &str = "UPDATE receipts SET state = 'pending', due_at = $1, parked_until = $2, last_error = $3, \
                     lease_owner = NULL, lease_until = NULL WHERE id = $4";
pub(super) const MERGE: &str = "UPDATE receipts SET state = 'surfaced', reason = 'merged', settled_at = $1, due_at = NULL, \
                     lease_owner = NULL, lease_until = NULL WHERE contract = $2 AND settled_at IS NULL";
const ACKED_THERE: &str = "UPDATE contracts SET ack_deadline = NULL, acked_at = COALESCE(acked_at, $1) WHERE id = $2";
/// Of one that is closed a ping, or what came after the piece that failed, may still have to go.
pub(super) const MOVED_CONTRACTS: &str = "SELECT * FROM contracts WHERE account = $1 AND channel = $2 \
                               AND (state NOT IN ('terminal_acked', 'terminal_failed') OR id IN \
                               (SELECT contract FROM receipts WHERE account = $1 AND channel = $2 \
                               AND settled_at IS NULL))";
const MOVE_CONTRACT: &str =
    "UPDATE contracts SET route = $1, account = $2, channel = $3, thread = $4, message = $5 WHERE id = $6";
pub(super) const MOVE_RECEIPTS: &str = "UPDATE receipts SET account = $1, channel = $2, thread = $3 \
                             WHERE contract = $4 AND settled_at IS NULL";
const MOVE_MESSAGE: &str = "UPDATE receipts SET message = $1 WHERE id = $2";

/// Takes the route's next address: every receipt that is not settled goes there, and every place that
/// still has to be filled gets a stub there.
pub(crate) async fn next_address(tx: &mut Tx<'_>, case: &mut Case<'_>, cause: &Cause) -> Result<Settled, StoreError> {
    let Some(to) = case.contract.next_address().cloned() else {
        contract::fail(tx, case.receipt, cause, case.now, case.events).await?;
        return Ok(Settled::FailedForGood(cause.clone()));
    };
    let from = case.contract.address.clone();
    let told = (case.worker.clone(), from.clone(), to.clone(), cause.clone());
    tx.tell(move || {
        let (worker, from, to, cause) = told;
        tracing::warn!(worker_id = %worker, %from, %to, reason = %cause, "address left");
    });
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
    match twin(tx, &case.contract).await? {
        // What stands there already stays, and where this route ends there is nobody else to wait for.
        Some(twin) if twin.shown || case.contract.next_address().is_none() => {
            merge(tx, &mut case.contract, &twin.id, case.now, case.events).await?;
            return Ok(Settled::Surfaced);
        }
        // The other one may still lose this address, and would take this promise with it.
        Some(_) => {
            let cause = Cause::new("taken", "another route of this job stands there");
            return Box::pin(next_address(tx, case, &cause)).await;
        }
        None => {}
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
    due: Due,
    cause: &Cause,
) -> Result<(), StoreError> {
    let newest_stub = one.kind == ReceiptKind::Stub
        && newest(all, ReceiptKind::Stub, one.part).is_some_and(|newest| newest.id == one.id);
    match (one.kind, one.state) {
        (ReceiptKind::Stub, ReceiptState::Pending | ReceiptState::Sending) => {
            tx.run(AGAIN, args![due.at, due.parked, cause.to_string(), &one.id]).await?;
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

/// Two routes at the same address: the second has nothing to add there.
pub(crate) async fn merge(
    tx: &mut Tx<'_>,
    contract: &mut ContractRow,
    twin: &ContractId,
    now: Timestamp,
    events: &mut Vec<Event>,
) -> Result<(), StoreError> {
    let settled = contract::receipts(tx, &contract.id).await?.into_iter().filter(|one| !one.state.is_settled());
    events.extend(settled.map(|one| Event::ReceiptSettled {
        contract: one.contract,
        receipt: one.kind,
        part: one.part,
        status: "surfaced".to_owned(),
        message: None,
        reason: Some("merged".to_owned()),
    }));
    tx.run(MERGE, args![now, &contract.id]).await?;
    tx.run(ACKED_THERE, args![now, &contract.id]).await?;
    contract::step(tx, contract, ContractSignal::StubSurfaced, events).await?;
    let (worker, into) = (contract.worker.clone(), twin.to_string());
    tx.tell(move || tracing::info!(worker_id = %worker, into, "contract merged with one at the same address"));
    Ok(())
}

/// Another contract of the same worker at the same address.
pub(crate) struct Twin {
    pub(crate) id: ContractId,
    /// Whether its result stands there.
    pub(crate) shown: bool,
}

/// A contract of the same worker that stands at this address and can still show the result there: one
/// whose messages could not arrive would take the result with it.
pub(crate) async fn twin(tx: &mut Tx<'_>, own: &ContractRow) -> Result<Option<Twin>, StoreError> {
    for other in contract::of_worker(tx, &own.worker).await? {
        if other.id == own.id || other.address != own.address || other.state == ContractState::TerminalFailed {
            continue;
        }
        let receipts = contract::receipts(tx, &other.id).await?;
        if newest(&receipts, ReceiptKind::Stub, 0).is_none_or(|stub| stub.state == ReceiptState::Failed) {
            continue;
        }
        let Some(content) = newest(&receipts, ReceiptKind::Content, 0) else { continue };
        let shown = content.message.as_ref().is_some_and(|message| message.address == own.address);
        // One that came here with a last file has shown its result elsewhere.
        if shown || !content.state.is_settled() {
            return Ok(Some(Twin { shown: shown && content.state == ReceiptState::Surfaced, id: other.id }));
        }
    }
    Ok(None)
}

/// Why an address is left for the new one of its chat.
pub(crate) fn moved_to(to: &Address) -> Cause {
    Cause::new("moved", format!("the chat has a new id: {to}"))
}

/// Rewrites a chat that got a new id, in every contract of which something is open, in this transaction.
/// The step of the contract that heard of it is told by whoever calls this; all others are journalled here.
pub(crate) async fn rewrite(
    tx: &mut Tx<'_>,
    heard: &ContractId,
    from: &Address,
    to: &Address,
    now: Timestamp,
) -> Result<(), StoreError> {
    let rows = tx.rows(MOVED_CONTRACTS, args![&from.account, &from.channel]).await?;
    let mut along = Vec::new();
    for row in &rows {
        // One that cannot be read is set aside elsewhere; it must not keep the others from moving.
        let Ok(contract) = ContractRow::decode(row) else { continue };
        let moved = |old: &Address| {
            let inside = old.account == from.account && old.channel == from.channel;
            // The answer names the thread that was called for; every other thread stays itself in the new chat.
            let renamed = to.thread.clone().filter(|_| old.thread == from.thread);
            let thread = renamed.or_else(|| old.thread.clone());
            if inside { Address { thread, ..to.clone() } } else { old.clone() }
        };
        let address = moved(&contract.address);
        if contract.id != *heard && address != contract.address {
            let step = Event::RouteStep {
                contract: contract.id.clone(),
                from: contract.address.clone(),
                to: address.clone(),
                reason: moved_to(to).to_string(),
            };
            journal::append(tx, &contract.worker, now, &[step]).await?;
            along.push(contract.id.clone());
        }
        let steps = contract.route.steps().to_vec();
        let route = steps.iter().fold(contract.route, |route, step| route.moved(step, &moved(step)));
        let message = contract.message.map(|one| MessageRef { address: moved(&one.address), ..one });
        let thread = address.thread.as_deref();
        let args =
            args![json(&route), &address.account, &address.channel, thread, message.as_ref().map(json), &contract.id];
        tx.run(MOVE_CONTRACT, args).await?;
        tx.run(MOVE_RECEIPTS, args![&address.account, &address.channel, thread, &contract.id]).await?;
        // A message that is still to be edited is looked for in the new chat; the old id there may be
        // unknown, which the platform then says.
        for one in contract::receipts(tx, &contract.id).await? {
            let Some(message) = one.message else { continue };
            let address = moved(&message.address);
            if address != message.address {
                tx.run(MOVE_MESSAGE, args![json(&MessageRef { address, ..message }), &one.id]).await?;
            }
        }
    }
    for id in &along {
        meet(tx, id, now).await?;
    }
    // The new chat may have asked for silence before.
    if let Some(until) = contract::due(tx, to, now).await?.parked {
        tx.run(PARK_CHAT, args![until, &to.account, &to.channel]).await?;
    }
    let (old, new) = (from.clone(), to.clone());
    tx.tell(move || tracing::info!(from = %old, to = %new, at = now.0, "chat moved"));
    Ok(())
}

/// What came along into a new chat may find another route of its job there: somebody has followed the job in that chat
/// under one of its two ids, and it is shown there once.
async fn meet(tx: &mut Tx<'_>, id: &ContractId, now: Timestamp) -> Result<(), StoreError> {
    let mut contract = contract::load(tx, id).await?;
    let open = contract::receipts(tx, id).await?.iter().any(|one| !one.state.is_settled());
    let Some(twin) = twin(tx, &contract)
        .await?
        .filter(|_| open && !matches!(contract.state, ContractState::TerminalAcked | ContractState::TerminalFailed))
    else {
        return Ok(());
    };
    let Some(row) = tx.row(WORKER_BY_ID, args![&contract.worker]).await? else { return Ok(()) };
    let ended = WorkerRow::decode(&row)?.state.is_terminal();
    let mut events = Vec::new();
    merge(tx, &mut contract, &twin.id, now, &mut events).await?;
    contract::reconsider(tx, &mut contract, ended, now, &mut events).await?;
    journal::append(tx, &contract.worker, now, &events).await
}
