//! What is done about rows that cannot be read: they are set aside loudly, so that nothing waits for
//! them and everything around them goes on. Only columns are used here that need no decoding.

use wilco_core::contract::ContractState;
use wilco_core::journal::Event;
use wilco_core::receipt::ReceiptKind;
use wilco_core::worker::EndKind;
use wilco_core::{Cause, ContractId, Timestamp, WorkerId};

use super::followup;
use crate::engine::{Tx, args};
use crate::error::StoreError;
use crate::journal;
use crate::rows::{CONTRACTS_OF_WORKER, ContractRow};

const END: &str = "UPDATE workers SET state = 'failed', ended_at = $1, ending = $2, owner = NULL, lease_until = NULL, \
                   deadline = NULL, hard_deadline = NULL, due_at = NULL WHERE id = $3 AND ended_at IS NULL";
const EXPIRE: &str = "UPDATE questions SET state = 'expired', settled_at = $1 WHERE worker = $2 AND state = 'open'";
const OPEN: &str = "SELECT kind, part FROM receipts WHERE contract = $1 AND settled_at IS NULL";
const FAIL: &str = "UPDATE receipts SET state = 'failed', reason = $1, due_at = NULL, lease_owner = NULL, \
                    lease_until = NULL, settled_at = $2 WHERE contract = $3 AND settled_at IS NULL";
const STATE: &str = "SELECT state FROM contracts WHERE id = $1";
const CLOSE: &str = "UPDATE contracts SET state = 'terminal_failed', ack_deadline = NULL, progress_deadline = NULL \
                     WHERE id = $1";
const DETAIL: &str = "its record cannot be read";
const ENDING: &str = r#"{"kind":"failed","detail":"its record cannot be read"}"#;

/// Ends a worker whose row cannot be read. Everything that was owed for it stands on the operator's list.
pub(crate) async fn worker(
    tx: &mut Tx<'_>,
    worker: &WorkerId,
    what: &str,
    why: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let cause = Cause::new("undecodable", format!("{what}: {why}"));
    tracing::error!(worker_id = %worker, reason = %cause, "worker cannot be read and is set aside");
    if tx.run(END, args![now, ENDING, worker]).await? == 0 {
        return Ok(());
    }
    tx.run(EXPIRE, args![now, worker]).await?;
    followup::worker_unreadable(tx, worker, now).await?;
    let mut events = vec![Event::Completed { end: EndKind::Failed, detail: DETAIL.to_owned(), summary: String::new() }];
    for row in tx.rows(CONTRACTS_OF_WORKER, args![worker]).await? {
        contract(tx, &ContractId::new(row.text("id")?), &cause, now, &mut events).await?;
    }
    journal::append(tx, worker, now, &events).await
}

/// Gives up the contracts of an ended worker that cannot be read.
pub(crate) async fn unreadable_contracts(
    tx: &mut Tx<'_>,
    worker: &WorkerId,
    now: Timestamp,
    events: &mut Vec<Event>,
) -> Result<(), StoreError> {
    for row in tx.rows(CONTRACTS_OF_WORKER, args![worker]).await? {
        if let Err(StoreError::Undecodable { what, why }) = ContractRow::decode(&row) {
            let cause = Cause::new("undecodable", format!("{what}: {why}"));
            contract(tx, &ContractId::new(row.text("id")?), &cause, now, events).await?;
        }
    }
    Ok(())
}

/// Closes a contract that cannot be kept: everything open of it fails with the reason.
pub(crate) async fn contract(
    tx: &mut Tx<'_>,
    contract: &ContractId,
    cause: &Cause,
    now: Timestamp,
    events: &mut Vec<Event>,
) -> Result<(), StoreError> {
    for row in tx.rows(OPEN, args![contract]).await? {
        events.push(Event::ReceiptSettled {
            contract: contract.clone(),
            receipt: ReceiptKind::from_name(&row.text("kind")?).unwrap_or(ReceiptKind::Content),
            part: row.count("part")?,
            status: "failed".to_owned(),
            message: None,
            reason: Some(cause.to_string()),
        });
    }
    tx.run(FAIL, args![cause.to_string(), now, contract]).await?;
    let Some(row) = tx.row(STATE, args![contract]).await? else {
        return Ok(());
    };
    let from = ContractState::from_name(&row.text("state")?);
    match from {
        Some(ContractState::TerminalAcked | ContractState::TerminalFailed) => return Ok(()),
        Some(
            from @ (ContractState::Created
            | ContractState::Acked
            | ContractState::Progressing
            | ContractState::SlaMissed
            | ContractState::TerminalPending),
        ) => events.push(Event::ContractMoved { contract: contract.clone(), from, to: ContractState::TerminalFailed }),
        None => {}
    }
    tx.run(CLOSE, args![contract]).await?;
    Ok(())
}
