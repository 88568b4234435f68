//! Claiming what is due: pending → sending, under a lease and a fence.

use async_trait::async_trait;
use wilco_core::journal::Event;
use wilco_core::plan;
use wilco_core::receipt::{Attempt, Facts, ReceiptKind, ReceiptState};
use wilco_core::schedule::{REASSERT_AFTER, RECEIPT_LEASE, REQUEST_LIMIT};
use wilco_core::wording;
use wilco_core::worker::WorkerState;
use wilco_core::{
    Body, Cause, DeliveryKey, Envelope, EnvelopeKind, InstanceId, MessageRef, Short, Timestamp, WorkerId,
};

use super::ask::QuestionRow;
use super::contract::{self, OVERTAKEN};
use super::{Platforms, aside};
use crate::crash;
use crate::engine::{Change, Row, Tx, args};
use crate::error::StoreError;
use crate::journal;
use crate::rows::{ContractRow, RECEIPT_BY_ID, ReceiptRow, WORKER_BY_ID, WorkerRow, newest};

pub(super) const DUE: &str = "SELECT * FROM receipts WHERE due_at <= $1 ORDER BY due_at, id LIMIT $2";
pub(super) const REASSERT: &str = "SELECT * FROM receipts WHERE reassert_at <= $1 ORDER BY reassert_at, id LIMIT $2";
const TAKE: &str = "UPDATE receipts SET state = 'sending', due_at = NULL, lease_owner = $1, lease_until = $2, \
                    fence = fence + 1, first_attempt = COALESCE(first_attempt, $3), message = $4 \
                    WHERE id = $5 AND state = 'pending'";
const HOLD: &str = "UPDATE receipts SET reassert_at = $1, fence = fence + 1 WHERE id = $2 AND reassert_at IS NOT NULL";
const OPEN_EDIT: &str = "UPDATE contracts SET doubt_at = CASE WHEN edit_open = 1 THEN $1 ELSE doubt_at END, \
                         edit_open = 1, edit_until = $2 WHERE id = $3";
const WAIT: &str = "UPDATE receipts SET state = 'waiting', due_at = NULL WHERE id = $1";
const POSTPONE: &str = "UPDATE receipts SET due_at = $1 WHERE id = $2";
const BROKEN: &str = "UPDATE receipts SET state = 'failed', reason = $1, due_at = NULL, lease_owner = NULL, \
                      lease_until = NULL, settled_at = $2 WHERE id = $3 AND settled_at IS NULL";
const NO_REASSERT: &str = "UPDATE receipts SET reassert_at = NULL, reassert_shape = NULL WHERE id = $1";

/// Claims at most `limit` receipts whose time has come.
#[derive(Clone, Debug)]
pub struct ClaimDue {
    /// Who claims.
    pub owner: InstanceId,
    /// When.
    pub now: Timestamp,
    /// How many at the most: 1 to 256.
    pub limit: u32,
    /// The measures of the accounts.
    pub platforms: Platforms,
}

/// One claimed receipt, with the message that has to become visible.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The message; its receipt is set.
    pub envelope: Envelope,
    /// Which worker.
    pub worker: WorkerId,
    /// The id that people type.
    pub short: Short,
    /// What the rule has to know.
    pub facts: Facts,
    /// Whether it is a create or an edit, and of what.
    pub target: Option<MessageRef>,
    /// A create that may have been applied before.
    pub doubt: bool,
    /// The repetition of an edit that has surfaced already.
    pub reassert: bool,
    /// Settling with another number than this changes nothing.
    pub fence: i64,
}

impl Claim {
    /// A create or an edit.
    pub fn attempt(&self) -> Attempt {
        if self.target.is_some() { Attempt::Edit } else { Attempt::Post }
    }
}

/// What a claim found.
#[derive(Clone, Debug, Default)]
pub struct Claimed {
    /// What has to be sent, oldest due first.
    pub claims: Vec<Claim>,
    /// Whether there may be more.
    pub more: bool,
}

#[async_trait]
impl Change for ClaimDue {
    type Out = Claimed;

    fn name(&self) -> &'static str {
        "claim"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<Claimed, StoreError> {
        let limit = i64::from(self.limit);
        let mut rows = tx.rows(DUE, args![self.now, limit]).await?;
        let more = rows.len() as i64 == limit;
        let due = rows.len();
        if !more {
            rows.extend(tx.rows(REASSERT, args![self.now, limit - due as i64]).await?);
        }
        let mut claims = Vec::with_capacity(rows.len());
        for (at, row) in rows.iter().enumerate() {
            let reassert = at >= due;
            match self.one(tx, row, reassert).await {
                Ok(claim) => claims.extend(claim),
                // One bad row is set aside loudly; the others are still claimed (requirement R6).
                Err(StoreError::Undecodable { what, why }) => self.quarantine(tx, row, &what, &why).await?,
                Err(other) => return Err(other),
            }
        }
        crash::point("store.claim.taken");
        Ok(Claimed { claims, more })
    }
}

impl ClaimDue {
    async fn quarantine(&self, tx: &mut Tx<'_>, row: &Row, what: &str, why: &str) -> Result<(), StoreError> {
        let id = row.text("id")?;
        let cause = Cause::new("undecodable", format!("{what}: {why}"));
        tracing::error!(receipt_id = id, reason = %cause, "receipt cannot be read and is set aside");
        if tx.run(BROKEN, args![cause.to_string(), self.now, id.as_str()]).await? == 0 {
            // It was visible already and was only to be repeated: what people saw stays true.
            tx.run(NO_REASSERT, args![id.as_str()]).await?;
            return Ok(());
        }
        let worker = WorkerId::new(row.text("worker")?);
        let contract = wilco_core::ContractId::new(row.text("contract")?);
        let kind = ReceiptKind::from_name(&row.text("kind")?).unwrap_or(ReceiptKind::Content);
        let mut events = vec![Event::ReceiptSettled {
            contract: contract.clone(),
            receipt: kind,
            part: row.count("part")?,
            status: "failed".to_owned(),
            message: None,
            reason: Some(cause.to_string()),
        }];
        match contract::load(tx, &contract).await {
            Ok(mut contract) => {
                let ended = !contract.state.is_open();
                contract::reconsider(tx, &mut contract, ended, self.now, &mut events).await?;
            }
            // The contract itself is unreadable: nothing of it can ever be sent.
            Err(StoreError::Undecodable { .. }) => {
                aside::contract(tx, &contract, &cause, self.now, &mut events).await?;
            }
            Err(other) => return Err(other),
        }
        journal::append(tx, &worker, self.now, &events).await
    }

    async fn one(&self, tx: &mut Tx<'_>, row: &Row, reassert: bool) -> Result<Option<Claim>, StoreError> {
        let mut receipt = ReceiptRow::decode(row)?;
        receipt.shape = receipt.reassert_shape.filter(|_| reassert).unwrap_or(receipt.shape);
        let contract = contract::load(tx, &receipt.contract).await?;
        let worker = match tx.row(WORKER_BY_ID, args![&receipt.worker]).await? {
            Some(row) => WorkerRow::decode(&row)?,
            None => return Err(StoreError::Constraint(format!("receipt {} has no worker", receipt.id))),
        };
        if reassert {
            // A scope that asked for silence means the repetition, too.
            let due = contract::due(tx, receipt.stands_at(), self.now).await?;
            let until = due.at.unwrap_or_else(|| self.now.plus(REASSERT_AFTER));
            if until > self.now {
                tx.run(HOLD, args![until, &receipt.id]).await?;
                return Ok(None);
            }
        }
        let question = match receipt.kind {
            ReceiptKind::Question => match QuestionRow::by_number(tx, &worker.id, receipt.part).await? {
                Some(question) if worker.state == WorkerState::WaitingForInput && question.is_open() => Some(question),
                // Nobody has to answer it any more, and showing it would hide what came after it.
                Some(_) | None => {
                    self.overtaken(tx, &receipt, contract, &worker, reassert).await?;
                    return Ok(None);
                }
            },
            ReceiptKind::Stub | ReceiptKind::Content | ReceiptKind::Part | ReceiptKind::File | ReceiptKind::Ping => {
                None
            }
        };
        if receipt.kind == ReceiptKind::Ping && receipt.part > 0 && !asks(tx, &receipt, &worker).await? {
            self.overtaken(tx, &receipt, contract, &worker, reassert).await?;
            return Ok(None);
        }
        let target = self.target(tx, &receipt, &contract, reassert).await?;
        if receipt.kind.is_fill() && target.is_none() {
            // Its stub was lost since it became due; it takes its turn again after the new one.
            tx.run(WAIT, args![&receipt.id]).await?;
            return Ok(None);
        }
        // At most one call is in flight per message: an edit under way, or its time limit, comes first.
        if let Some(until) = contract.edit_until.filter(|until| *until > self.now)
            && target.is_some()
            && receipt.part_of_main()
        {
            let postpone = if reassert { HOLD } else { POSTPONE };
            tx.run(postpone, args![until, &receipt.id]).await?;
            return Ok(None);
        }
        let body = self.body(tx, &receipt, &contract, &worker, question).await?;
        if reassert {
            tx.run(HOLD, args![self.now.plus(RECEIPT_LEASE), &receipt.id]).await?;
        } else {
            let lease = self.now.plus(RECEIPT_LEASE);
            let message = target.as_ref().map(crate::rows::json);
            tx.run(TAKE, args![&self.owner, lease, self.now, message, &receipt.id]).await?;
        }
        if receipt.kind == ReceiptKind::Question {
            tx.run(OPEN_EDIT, args![self.now, self.now.plus(REQUEST_LIMIT), &contract.id]).await?;
        }
        let facts = facts(&receipt, &contract, &self.platforms, self.now);
        let reply_to = if receipt.kind == ReceiptKind::Ping { contract.message.clone() } else { None };
        Ok(Some(Claim {
            envelope: Envelope {
                address: receipt.address.clone(),
                kind: envelope_kind(receipt.kind),
                body,
                receipt: Some(receipt.id.clone()),
                worker: Some(receipt.worker.clone()),
                key: DeliveryKey::from(&receipt.id),
                reply_to,
            },
            worker: receipt.worker,
            short: worker.short,
            facts,
            target,
            doubt: receipt.doubt,
            reassert,
            fence: receipt.fence + 1,
        }))
    }

    /// The message that a fill edits: that of the newest stub of its part.
    async fn target(
        &self,
        tx: &mut Tx<'_>,
        receipt: &ReceiptRow,
        contract: &ContractRow,
        reassert: bool,
    ) -> Result<Option<MessageRef>, StoreError> {
        if reassert {
            return Ok(receipt.message.clone());
        }
        if !receipt.kind.is_fill() {
            return Ok(None);
        }
        if receipt.part_of_main() {
            return Ok(contract.message.clone());
        }
        let all = contract::receipts(tx, &contract.id).await?;
        Ok(newest(&all, ReceiptKind::Stub, receipt.stub_part())
            .filter(|stub| stub.state == ReceiptState::Surfaced)
            .and_then(|stub| stub.message.clone()))
    }

    async fn body(
        &self,
        tx: &mut Tx<'_>,
        receipt: &ReceiptRow,
        contract: &ContractRow,
        worker: &WorkerRow,
        question: Option<QuestionRow>,
    ) -> Result<Body, StoreError> {
        let limits = self.platforms.limits(&receipt.address.account);
        let mut body = match (receipt.kind, &receipt.body) {
            (_, Some(body)) => body.clone(),
            (ReceiptKind::Question, None) => {
                let Some(question) = question else {
                    return Err(StoreError::Undecodable { what: "question".into(), why: "it is not stored".into() });
                };
                let key = main_key(tx, contract).await?;
                wording::question(worker.job(), question.id.as_str(), &question.text, &question.choices, &key)
            }
            (ReceiptKind::Stub, None) => {
                let ahead = worker.ahead.filter(|_| worker.state == WorkerState::Queued);
                wording::stub(worker.job(), &DeliveryKey::from(&receipt.id), ahead, &worker.input.origin)
            }
            (ReceiptKind::Content | ReceiptKind::Part | ReceiptKind::File | ReceiptKind::Ping, None) => {
                return Err(StoreError::Undecodable { what: "body".into(), why: "a result without a body".into() });
            }
        };
        body = plan::reshape(&body, receipt.shape, limits, &worker.short);
        if !limits.abilities.buttons {
            body.buttons.clear();
        }
        Ok(body)
    }

    /// Settles a question that nobody has to see any more.
    async fn overtaken(
        &self,
        tx: &mut Tx<'_>,
        receipt: &ReceiptRow,
        mut contract: ContractRow,
        worker: &WorkerRow,
        reassert: bool,
    ) -> Result<(), StoreError> {
        if reassert {
            tx.run(NO_REASSERT, args![&receipt.id]).await?;
            return Ok(());
        }
        let mut events = Vec::new();
        let cause = Cause::new(OVERTAKEN, "the question is not open any more");
        contract::fail(tx, receipt, &cause, self.now, &mut events).await?;
        contract::reconsider(tx, &mut contract, worker.state.is_terminal(), self.now, &mut events).await?;
        journal::append(tx, &receipt.worker, self.now, &events).await
    }
}

/// Whether the question that a ping calls for stands visible and waits for an answer.
async fn asks(tx: &mut Tx<'_>, ping: &ReceiptRow, worker: &WorkerRow) -> Result<bool, StoreError> {
    let question = QuestionRow::by_number(tx, &worker.id, ping.part).await?;
    if worker.state != WorkerState::WaitingForInput || !question.is_some_and(|question| question.is_open()) {
        return Ok(false);
    }
    let all = contract::receipts(tx, &ping.contract).await?;
    let shown = newest(&all, ReceiptKind::Question, ping.part);
    Ok(shown.is_some_and(|shown| shown.state == ReceiptState::Surfaced))
}

/// The key that the *Cancel* button of the worker's own message carries.
pub(crate) async fn main_key(tx: &mut Tx<'_>, contract: &ContractRow) -> Result<DeliveryKey, StoreError> {
    let all = contract::receipts(tx, &contract.id).await?;
    Ok(match newest(&all, ReceiptKind::Stub, 0) {
        Some(stub) => DeliveryKey::from(&stub.id),
        None => DeliveryKey::new(contract.id.as_str()),
    })
}

pub(crate) fn facts(receipt: &ReceiptRow, contract: &ContractRow, platforms: &Platforms, now: Timestamp) -> Facts {
    let limits = platforms.limits(&receipt.address.account);
    Facts {
        kind: receipt.kind,
        attempts: receipt.attempts,
        first_due: receipt.first_due.unwrap_or(receipt.created),
        shape: receipt.shape,
        fallbacks: receipt.fallbacks,
        has_next_address: contract.next_address().is_some(),
        edit_open: receipt.edit_open
            || match receipt.kind {
                // The window that is open is its own; an earlier edit counts while it is in doubt.
                ReceiptKind::Question => contract.in_doubt(now),
                ReceiptKind::Stub
                | ReceiptKind::Content
                | ReceiptKind::Part
                | ReceiptKind::File
                | ReceiptKind::Ping => receipt.part_of_main() && contract.edit_may_land(now),
            },
        nonce_window: limits.abilities.nonce_window,
        first_attempt: receipt.first_attempt,
        look_up: limits.abilities.look_up,
    }
}

/// Loads a receipt by its id.
pub(crate) async fn load(tx: &mut Tx<'_>, id: &wilco_core::ReceiptId) -> Result<Option<ReceiptRow>, StoreError> {
    tx.row(RECEIPT_BY_ID, args![id]).await?.as_ref().map(ReceiptRow::decode).transpose()
}

fn envelope_kind(kind: ReceiptKind) -> EnvelopeKind {
    match kind {
        ReceiptKind::Stub => EnvelopeKind::Stub,
        ReceiptKind::Content => EnvelopeKind::Content,
        ReceiptKind::Part => EnvelopeKind::Part,
        ReceiptKind::File => EnvelopeKind::File,
        ReceiptKind::Question => EnvelopeKind::Question,
        ReceiptKind::Ping => EnvelopeKind::Ping,
    }
}
