//! What every change does with contracts: open one, move one, and look at its receipts again.

use std::time::Duration;

use wilco_core::contract::{ContractSignal, ContractState};
use wilco_core::journal::Event;
use wilco_core::receipt::{self, InOrder, ReceiptKind, ReceiptState, Standing};
use wilco_core::{Address, Body, Cause, ContractId, Person, ReceiptId, Route, Timestamp, WorkerId};

use crate::engine::{Tx, args};
use crate::error::StoreError;
use crate::rows::{CONTRACT_BY_ID, CONTRACTS_OF_WORKER, ContractRow, RECEIPTS_OF_CONTRACT, ReceiptRow, json, newest};

const OPEN: &str = "INSERT INTO contracts (id, worker, number, state, person, route, step, account, channel, thread, \
                    ack_deadline, created_at) VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, $9, $10, $11)";
const MOVE: &str = "UPDATE contracts SET state = $1 WHERE id = $2";
const END: &str = "UPDATE contracts SET ack_deadline = NULL, progress_deadline = NULL WHERE id = $1";
const INSERT: &str = "INSERT INTO receipts (id, contract, worker, kind, part, generation, state, account, channel, \
                      thread, body, first_due, due_at, parked_until, attempts, fallbacks, created_at) \
                      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) \
                      ON CONFLICT (contract, kind, part, generation) DO NOTHING";
pub(super) const EXISTING: &str =
    "SELECT id FROM receipts WHERE contract = $1 AND kind = $2 AND part = $3 AND generation = $4";
const READY: &str = "UPDATE receipts SET state = 'pending', due_at = $1, parked_until = $2, \
                     first_due = COALESCE(first_due, $3) WHERE id = $4 AND state = 'waiting'";
/// The attempt that ends a receipt counts; one that only waited has made none.
const FAIL: &str = "UPDATE receipts SET attempts = attempts + CASE WHEN state = 'sending' THEN 1 ELSE 0 END, \
                    state = 'failed', reason = $1, due_at = NULL, lease_owner = NULL, lease_until = NULL, \
                    settled_at = $2, replaced = $3 WHERE id = $4 AND settled_at IS NULL";
pub(super) const WHEN: &str = "SELECT (SELECT COUNT(*) FROM paused_accounts WHERE account = $1) AS paused, \
                    (SELECT MAX(until) FROM parks WHERE account = $1 AND (channel = '' OR channel = $2)) AS until";

/// A contract to open.
pub(crate) struct NewContract<'a> {
    pub(crate) id: &'a ContractId,
    pub(crate) worker: &'a WorkerId,
    pub(crate) number: u32,
    pub(crate) person: &'a Person,
    pub(crate) route: Route,
    pub(crate) ack: Duration,
    pub(crate) stub: &'a ReceiptId,
    pub(crate) content: &'a ReceiptId,
}

/// Stores a contract with its stub, due now, and its content receipt, waiting.
pub(crate) async fn open(tx: &mut Tx<'_>, new: &NewContract<'_>, now: Timestamp) -> Result<(), StoreError> {
    let Some(address) = new.route.step(0).cloned() else {
        return Err(StoreError::Constraint("a route without any address".to_owned()));
    };
    tx.run(
        OPEN,
        args![
            new.id,
            new.worker,
            new.number,
            ContractState::Created.name(),
            json(new.person),
            json(&new.route),
            &address.account,
            &address.channel,
            address.thread.as_deref(),
            now.plus(new.ack),
            now
        ],
    )
    .await?;
    let place = At { contract: new.id, worker: new.worker, address: &address };
    insert(tx, &place, &Draft::pending(new.stub, ReceiptKind::Stub, 0), now).await?;
    insert(tx, &place, &Draft::waiting(new.content, ReceiptKind::Content, 0, None), now).await?;
    Ok(())
}

/// Whose receipt it is and where it goes.
pub(crate) struct At<'a> {
    pub(crate) contract: &'a ContractId,
    pub(crate) worker: &'a WorkerId,
    pub(crate) address: &'a Address,
}

impl<'a> At<'a> {
    pub(crate) fn of(contract: &'a ContractRow) -> Self {
        Self { contract: &contract.id, worker: &contract.worker, address: &contract.address }
    }
}

/// A receipt to insert.
pub(crate) struct Draft<'a> {
    pub(crate) id: &'a ReceiptId,
    pub(crate) kind: ReceiptKind,
    pub(crate) part: u32,
    pub(crate) generation: u32,
    pub(crate) state: ReceiptState,
    pub(crate) body: Option<&'a Body>,
    /// Attempts that earlier generations spent, so that a new generation does not start over.
    pub(crate) attempts: u32,
    /// How many times earlier generations were replaced.
    pub(crate) fallbacks: u32,
    /// When the first generation became due: the limit of days counts from there, not from the newest one.
    pub(crate) first_due: Option<Timestamp>,
    /// Added to the due time.
    pub(crate) delay: Duration,
}

/// When something for an address may leave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Due {
    /// The time; none while its account is paused.
    pub(crate) at: Option<Timestamp>,
    /// Until when the address asked for silence, so that nothing makes it due earlier.
    pub(crate) parked: Option<Timestamp>,
}

impl<'a> Draft<'a> {
    pub(crate) fn pending(id: &'a ReceiptId, kind: ReceiptKind, part: u32) -> Self {
        Self {
            id,
            kind,
            part,
            generation: 0,
            state: ReceiptState::Pending,
            body: None,
            attempts: 0,
            fallbacks: 0,
            first_due: None,
            delay: Duration::ZERO,
        }
    }

    pub(crate) fn waiting(id: &'a ReceiptId, kind: ReceiptKind, part: u32, body: Option<&'a Body>) -> Self {
        Self { state: ReceiptState::Waiting, body, ..Self::pending(id, kind, part) }
    }
}

/// Inserts a receipt. One that exists is left as it is, and its id is returned (requirements R2, R3).
pub(crate) async fn insert(
    tx: &mut Tx<'_>,
    at: &At<'_>,
    draft: &Draft<'_>,
    now: Timestamp,
) -> Result<ReceiptId, StoreError> {
    let (first_due, due) = match draft.state {
        ReceiptState::Pending => {
            let from = now.plus(draft.delay);
            (Some(draft.first_due.unwrap_or(from)), due(tx, at.address, from).await?)
        }
        ReceiptState::Waiting | ReceiptState::Sending | ReceiptState::Surfaced | ReceiptState::Failed => {
            (draft.first_due, Due { at: None, parked: None })
        }
    };
    let inserted = tx
        .run(
            INSERT,
            args![
                draft.id,
                at.contract,
                at.worker,
                draft.kind.name(),
                draft.part,
                draft.generation,
                draft.state.name(),
                &at.address.account,
                &at.address.channel,
                at.address.thread.as_deref(),
                draft.body.map(json),
                first_due,
                due.at,
                due.parked,
                draft.attempts,
                draft.fallbacks,
                now
            ],
        )
        .await?;
    if inserted == 1 {
        return Ok(draft.id.clone());
    }
    match tx.row(EXISTING, args![at.contract, draft.kind.name(), draft.part, draft.generation]).await? {
        Some(row) => Ok(ReceiptId::new(row.text("id")?)),
        None => Err(StoreError::Constraint(format!("receipt {} was neither inserted nor found", draft.id))),
    }
}

/// When something for an address may leave, not before `from`.
pub(crate) async fn due(tx: &mut Tx<'_>, address: &Address, from: Timestamp) -> Result<Due, StoreError> {
    let Some(row) = tx.row(WHEN, args![&address.account, &address.channel]).await? else {
        return Ok(Due { at: Some(from), parked: None });
    };
    let parked = row.opt_time("until")?;
    let paused = row.int("paused")? > 0;
    let at = (!paused).then(|| parked.map_or(from, |until| until.max(from)));
    Ok(Due { at, parked })
}

pub(crate) async fn load(tx: &mut Tx<'_>, id: &ContractId) -> Result<ContractRow, StoreError> {
    match tx.row(CONTRACT_BY_ID, args![id]).await? {
        Some(row) => ContractRow::decode(&row),
        None => Err(StoreError::Constraint(format!("contract {id} is not stored"))),
    }
}

/// The contracts of a worker. One that cannot be read is left out, so that it does not hold up the
/// others; [`super::aside`] gives it up when the worker ends.
pub(crate) async fn of_worker(tx: &mut Tx<'_>, worker: &WorkerId) -> Result<Vec<ContractRow>, StoreError> {
    let mut contracts = Vec::new();
    for row in tx.rows(CONTRACTS_OF_WORKER, args![worker]).await? {
        match ContractRow::decode(&row) {
            Ok(contract) => contracts.push(contract),
            Err(StoreError::Undecodable { what, why }) => {
                tracing::error!(worker_id = %worker, what, why, "a contract cannot be read and is left out");
            }
            Err(other) => return Err(other),
        }
    }
    Ok(contracts)
}

/// The receipts of a contract, also those of which only the columns that decide can be read.
pub(crate) async fn receipts(tx: &mut Tx<'_>, contract: &ContractId) -> Result<Vec<ReceiptRow>, StoreError> {
    tx.rows(RECEIPTS_OF_CONTRACT, args![contract]).await?.iter().map(ReceiptRow::decode_what_can_be).collect()
}

/// Moves a contract by the rule, and notes it in the journal when it moved.
pub(crate) async fn step(
    tx: &mut Tx<'_>,
    contract: &mut ContractRow,
    signal: ContractSignal,
    events: &mut Vec<Event>,
) -> Result<bool, StoreError> {
    let (from, to) = (contract.state, contract.state.step(signal));
    if from == to {
        return Ok(false);
    }
    tx.run(MOVE, args![to.name(), &contract.id]).await?;
    if !to.is_open() {
        tx.run(END, args![&contract.id]).await?;
    }
    contract.state = to;
    events.push(Event::ContractMoved { contract: contract.id.clone(), from, to });
    Ok(true)
}

/// Gives a receipt up. It stands on the operator's list with its reason.
pub(crate) async fn fail(
    tx: &mut Tx<'_>,
    receipt: &ReceiptRow,
    cause: &Cause,
    now: Timestamp,
    events: &mut Vec<Event>,
) -> Result<(), StoreError> {
    if tx.run(FAIL, args![cause.to_string(), now, cause.code == OVERTAKEN, &receipt.id]).await? == 0 {
        return Ok(());
    }
    if receipt.kind.is_terminal() {
        let attempt = receipt.attempts + u32::from(receipt.state == ReceiptState::Sending);
        let told = (receipt.id.clone(), receipt.worker.clone(), receipt.address.clone(), cause.clone());
        tx.tell(move || {
            let (id, worker, address, cause) = told;
            tracing::warn!(
                receipt_id = %id, worker_id = %worker, channel = %address, attempt, reason = %cause, "receipt failed"
            );
        });
    }
    events.push(Event::ReceiptSettled {
        contract: receipt.contract.clone(),
        receipt: receipt.kind,
        part: receipt.part,
        status: "failed".to_owned(),
        message: None,
        reason: Some(cause.to_string()),
    });
    Ok(())
}

/// Why a receipt that only waited is settled without being sent; such rows are no operator's business.
pub(crate) const OVERTAKEN: &str = "overtaken";
/// Why an older generation is settled.
pub(crate) const SUPERSEDED: &str = "superseded";

/// Looks at all receipts of a contract again: what can no longer arrive fails, what may go now
/// becomes due, and when everything has settled the contract closes.
pub(crate) async fn reconsider(
    tx: &mut Tx<'_>,
    contract: &mut ContractRow,
    ended: bool,
    now: Timestamp,
    events: &mut Vec<Event>,
) -> Result<(), StoreError> {
    let mut all = receipts(tx, &contract.id).await?;
    loop {
        let doomed = all.iter().find_map(|one| doom(one, &all, ended).map(|cause| (one.clone(), cause)));
        let Some((one, cause)) = doomed else { break };
        fail(tx, &one, &cause, now, events).await?;
        for other in all.iter_mut().filter(|other| other.id == one.id) {
            other.state = ReceiptState::Failed;
            other.reason = Some(cause.to_string());
        }
    }
    let order: Vec<InOrder> = all.iter().map(ReceiptRow::in_order).collect();
    for at in receipt::ready(&order) {
        let one = &all[at];
        // The content receipt exists from the start, but there is nothing to show before the end.
        if one.kind == ReceiptKind::Content && !ended {
            continue;
        }
        // An edit of the same message that is still on its way is waited for, or its time limit is.
        let from = if one.kind.is_fill() && one.part_of_main() {
            contract.edit_until.map_or(now, |until| until.max(now))
        } else {
            now
        };
        let due = due(tx, &one.address, from).await?;
        tx.run(READY, args![due.at, due.parked, now, &one.id]).await?;
    }
    if ended {
        match receipt::standing(&order) {
            Standing::Open => {}
            Standing::AllSurfaced => {
                step(tx, contract, ContractSignal::AllSurfaced, events).await?;
            }
            Standing::OneFailed => {
                step(tx, contract, ContractSignal::ReceiptFailed, events).await?;
            }
        }
    }
    Ok(())
}

/// Why an open receipt can never go, if so.
fn doom(one: &ReceiptRow, all: &[ReceiptRow], ended: bool) -> Option<Cause> {
    if one.state.is_settled() {
        return None;
    }
    if let Some(why) = &one.unreadable {
        return Some(Cause::new("undecodable", why.clone()));
    }
    // A question that is due but not under way would overwrite the result that follows it.
    let overtaken = ended && one.state == ReceiptState::Pending;
    match one.kind {
        ReceiptKind::Question if overtaken => return Some(Cause::new(OVERTAKEN, "the job has ended")),
        ReceiptKind::Ping if overtaken && one.part > 0 => {
            return Some(Cause::new(OVERTAKEN, "there is nothing to announce"));
        }
        ReceiptKind::Stub
        | ReceiptKind::Content
        | ReceiptKind::Part
        | ReceiptKind::File
        | ReceiptKind::Question
        | ReceiptKind::Ping => {}
    }
    if one.state != ReceiptState::Waiting {
        return None;
    }
    let failed_stub = |part| newest(all, ReceiptKind::Stub, part).filter(|stub| stub.state == ReceiptState::Failed);
    match one.kind {
        ReceiptKind::Content | ReceiptKind::Part | ReceiptKind::File if ended => {
            let stub = failed_stub(one.stub_part())?;
            Some(Cause::new("no_stub", stub.reason.clone().unwrap_or_default()))
        }
        ReceiptKind::Question if ended => Some(Cause::new(OVERTAKEN, "the job has ended")),
        ReceiptKind::Question => {
            let stub = failed_stub(0)?;
            Some(Cause::new("no_stub", stub.reason.clone().unwrap_or_default()))
        }
        ReceiptKind::Ping => {
            let gone = newest(all, ReceiptKind::Stub, 0).is_some_and(|stub| stub.state == ReceiptState::Failed)
                || newest(all, ReceiptKind::Content, 0).is_some_and(|content| content.state == ReceiptState::Failed);
            // A ping about a question that the end has overtaken would call somebody for nothing.
            let late = ended && one.part > 0;
            (gone || late).then(|| Cause::new(OVERTAKEN, "there is nothing to announce"))
        }
        ReceiptKind::Stub | ReceiptKind::Content | ReceiptKind::Part | ReceiptKind::File => None,
    }
}

impl ReceiptRow {
    /// The part of the stub that this receipt fills: questions and content share the worker's message.
    pub(crate) fn stub_part(&self) -> u32 {
        match self.kind {
            ReceiptKind::Question | ReceiptKind::Content | ReceiptKind::Ping => 0,
            ReceiptKind::Stub | ReceiptKind::Part | ReceiptKind::File => self.part,
        }
    }

    /// Whether it is shown in the worker's own message.
    pub(crate) fn part_of_main(&self) -> bool {
        self.stub_part() == 0
    }
}
