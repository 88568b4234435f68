//! Settling a claimed receipt from what its platform answered, in one transaction with its contract
//! and the journal (requirement R7).

use std::time::Duration;

use async_trait::async_trait;
use wilco_core::journal::Event;
use wilco_core::receipt::{self, Attempt, LookedUp, ReceiptKind, ReceiptState, Reconcile, Shape, Verdict};
use wilco_core::schedule::REASSERT_AFTER;
use wilco_core::worker::WorkerState;
use wilco_core::{Cause, DeliveryOutcome, InstanceId, MessageRef, NotSurfaced, ReceiptId, Scope, Timestamp};

use super::{Fresh, Platforms, claim, contract, verdict};
use crate::crash;
use crate::engine::{Change, Tx, args};
use crate::error::StoreError;
use crate::journal;
use crate::rows::{ContractRow, ReceiptRow, WORKER_BY_ID, WorkerRow};

const REASSERTED: &str =
    "UPDATE receipts SET reassert_at = $1, edit_open = 0, shape = $2, reassert_shape = $3 WHERE id = $4";
/// For how long the repetition of an edit is itself repeated while it is in doubt or refused for a while.
const REASSERT_FOR: Duration = Duration::from_secs(900);
const STRAY: &str = "UPDATE receipts SET message = $1 WHERE id = $2 AND message IS NULL AND state = 'failed'";

/// What was learnt about a claimed receipt.
#[derive(Clone, Debug)]
pub enum Resolution {
    /// The platform answered an attempt.
    Answered(Attempt, DeliveryOutcome),
    /// A create in doubt was looked up.
    LookedUp(LookedUp),
}

/// Settles one claimed receipt.
#[derive(Clone, Debug)]
pub struct Settle {
    /// Which.
    pub receipt: ReceiptId,
    /// The number that the claim returned.
    pub fence: i64,
    /// Who claimed it.
    pub owner: InstanceId,
    /// Whether it was the repetition of an edit.
    pub reassert: bool,
    /// What was learnt.
    pub resolution: Resolution,
    /// When.
    pub now: Timestamp,
    /// A factor from 0.8 to 1.2, drawn beforehand.
    pub jitter: f64,
    /// The measures of the accounts.
    pub platforms: Platforms,
    /// Receipt ids.
    pub fresh: Fresh,
}

/// What became of it: the typed answer of every attempt (requirement R10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// A person can see it.
    Surfaced,
    /// It is tried again.
    RetryScheduled {
        /// When; none while its account is paused.
        at: Option<Timestamp>,
        /// How many attempts were spent.
        attempts: u32,
    },
    /// Something else has to happen first: a new stub, another address, a plainer shape.
    Rerouted,
    /// It failed for good.
    FailedForGood(Cause),
    /// Somebody else holds it now; nothing was changed.
    Superseded,
}

#[async_trait]
impl Change for Settle {
    type Out = Settled;

    fn name(&self) -> &'static str {
        "settle"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<Settled, StoreError> {
        let Some(receipt) = claim::load(tx, &self.receipt).await? else {
            return Ok(Settled::Superseded);
        };
        if self.reassert {
            return self.reasserted(tx, &receipt).await;
        }
        if receipt.fence != self.fence || receipt.state != ReceiptState::Sending {
            // A stub that was posted after all is remembered, so that a press on it can be understood.
            if let Resolution::Answered(Attempt::Post, DeliveryOutcome::Surfaced(message)) = &self.resolution {
                tx.run(STRAY, args![crate::rows::json(message), &receipt.id]).await?;
            }
            return Ok(Settled::Superseded);
        }
        let contract = contract::load(tx, &receipt.contract).await?;
        let worker = match tx.row(WORKER_BY_ID, args![&receipt.worker]).await? {
            Some(row) => WorkerRow::decode(&row)?,
            None => return Err(StoreError::Constraint(format!("receipt {} has no worker", receipt.id))),
        };
        let verdict = self.verdict(&receipt, &contract);
        let mut events = vec![attempt_event(&receipt, &self.resolution)];
        log_attempt(tx, &receipt, &self.resolution);
        let mut case = verdict::Case {
            running: worker.state == WorkerState::Running,
            ended: worker.state.is_terminal(),
            terms: worker.rules.terms,
            worker: &receipt.worker,
            receipt: &receipt,
            contract,
            now: self.now,
            jitter: self.jitter,
            fresh: self.fresh.clone(),
            events: &mut events,
        };
        let settled = case.carry_out(tx, verdict).await?;
        let (mut contract, ended) = (case.contract, case.ended);
        contract::reconsider(tx, &mut contract, ended, self.now, &mut events).await?;
        journal::append(tx, &receipt.worker, self.now, &events).await?;
        crash::point("store.settle.applied");
        Ok(settled)
    }
}

impl Settle {
    fn verdict(&self, receipt: &ReceiptRow, contract: &ContractRow) -> Verdict {
        let facts = claim::facts(receipt, contract, &self.platforms, self.now);
        let verdict = match &self.resolution {
            Resolution::Answered(attempt, outcome) => receipt::judge(&facts, *attempt, outcome.clone(), self.now),
            Resolution::LookedUp(looked_up) => match looked_up {
                LookedUp::Settle(message) => Verdict::Surfaced { message: message.clone(), reassert: false },
                LookedUp::NextGeneration(cause) => Verdict::NextGeneration { cause: cause.clone() },
                LookedUp::Later(cause) => {
                    receipt::judge(&facts, Attempt::Post, NotSurfaced::Ambiguous(cause.clone()).into(), self.now)
                }
                LookedUp::Refused(reason) => receipt::judge(&facts, Attempt::Post, reason.clone().into(), self.now),
                // The caller sends then, and settles with what the platform answers.
                LookedUp::SendNow => Verdict::Again {
                    delay: Duration::ZERO,
                    spent: false,
                    doubt: false,
                    cause: Cause::new("absent", "the look-up did not find it"),
                },
            },
        };
        match verdict {
            // A stub without a usable id cannot be edited: the next generation, once (requirement M8).
            Verdict::Surfaced { message, .. } if receipt.kind == ReceiptKind::Stub && message.message.is_empty() => {
                let cause = Cause::new("no_message_id", "the platform named no message");
                if receipt.generation == 0 { Verdict::NextGeneration { cause } } else { Verdict::Fail { cause } }
            }
            // Where nothing can tell whether the stub exists, waiting for the next attempt helps nobody.
            Verdict::Again { doubt: true, cause, .. }
                if receipt.kind == ReceiptKind::Stub
                    && receipt::reconcile(&facts, self.now) == Reconcile::NextGeneration =>
            {
                Verdict::NextGeneration { cause }
            }
            other @ (Verdict::Surfaced { .. }
            | Verdict::Again { .. }
            | Verdict::Park { .. }
            | Verdict::NextGeneration { .. }
            | Verdict::Replace { .. }
            | Verdict::Plainer { .. }
            | Verdict::Moved { .. }
            | Verdict::NextAddress { .. }
            | Verdict::PauseAccount { .. }
            | Verdict::Fail { .. }) => other,
        }
    }

    /// The repetition is a precaution: it is tried again while it is in doubt, and changes no promise.
    async fn reasserted(&self, tx: &mut Tx<'_>, receipt: &ReceiptRow) -> Result<Settled, StoreError> {
        if receipt.fence != self.fence {
            return Ok(Settled::Superseded);
        }
        let soon = REASSERT_AFTER.mul_f64(self.jitter);
        let repeated = ReceiptRow { shape: receipt.reassert_shape.unwrap_or(receipt.shape), ..receipt.clone() };
        let (mut stands, mut next) = (receipt.shape, repeated.shape);
        let (again, name) = match &self.resolution {
            Resolution::Answered(_, DeliveryOutcome::NotSurfaced(reason)) => (
                match reason {
                    NotSurfaced::RetryAfter { delay, scope } => {
                        verdict::park(tx, receipt.stands_at(), *scope, self.now.plus(*delay)).await?;
                        Some(*delay)
                    }
                    NotSurfaced::StopAccount(cause) => {
                        verdict::pause_account(tx, receipt.stands_at(), cause, self.now).await?;
                        Some(soon)
                    }
                    NotSurfaced::Retry(_) | NotSurfaced::Ambiguous(_) => Some(soon),
                    // What stands there now may be another edit, that of progress: the repetition is made as plain as
                    // it takes. In a part or a file nothing else was ever shown.
                    NotSurfaced::Reshape(_) | NotSurfaced::Bug(_)
                        if matches!(receipt.kind, ReceiptKind::Content | ReceiptKind::Question) =>
                    {
                        let contract = contract::load(tx, &receipt.contract).await?;
                        if let Verdict::Plainer { shape: plainer, .. } = self.verdict(&repeated, &contract) {
                            next = plainer;
                            Some(Duration::ZERO)
                        } else {
                            None
                        }
                    }
                    NotSurfaced::Silent
                    | NotSurfaced::Reshape(_)
                    | NotSurfaced::Bug(_)
                    | NotSurfaced::Fallback(_)
                    | NotSurfaced::Moved(_)
                    | NotSurfaced::Gone(_) => None,
                },
                reason.name(),
            ),
            Resolution::Answered(_, DeliveryOutcome::Surfaced(_)) | Resolution::LookedUp(_) => {
                stands = repeated.shape;
                (None, "surfaced")
            }
        };
        // An edit that was under way when the message was filled has landed long before this.
        let fresh = receipt.settled.is_some_and(|at| self.now.since(at) < REASSERT_FOR);
        let at = again.filter(|_| fresh).map(|delay| self.now.plus(delay));
        let next = (at.is_some() && next != stands).then_some(next);
        tx.run(REASSERTED, args![at, stands.name(), next.map(Shape::name), &receipt.id]).await?;
        if receipt.kind == ReceiptKind::Question {
            // A repetition whose answer was lost may land on top of what comes next, as the first edit might have.
            let in_doubt = matches!(
                &self.resolution,
                Resolution::Answered(_, DeliveryOutcome::NotSurfaced(NotSurfaced::Ambiguous(_)))
            );
            tx.run(verdict::CLOSE_EDIT, args![in_doubt, self.now, &receipt.contract]).await?;
            // Progress goes on in this message as soon as somebody answers.
            if let Resolution::Answered(_, DeliveryOutcome::NotSurfaced(NotSurfaced::RetryAfter { delay, scope })) =
                &self.resolution
                && *scope == Scope::Message
            {
                verdict::rest_message(tx, &receipt.contract, self.now.plus(*delay)).await?;
            }
        }
        let event = Event::ReceiptAttempt {
            contract: receipt.contract.clone(),
            receipt: receipt.kind,
            part: receipt.part,
            n: receipt.attempts,
            outcome: format!("reasserted: {name}"),
            cause: None,
            next: at,
        };
        journal::append(tx, &receipt.worker, self.now, &[event]).await?;
        Ok(match at {
            Some(at) => Settled::RetryScheduled { at: Some(at), attempts: receipt.attempts },
            None => Settled::Surfaced,
        })
    }
}

fn attempt_event(receipt: &ReceiptRow, resolution: &Resolution) -> Event {
    let (outcome, cause) = describe(resolution);
    Event::ReceiptAttempt {
        contract: receipt.contract.clone(),
        receipt: receipt.kind,
        part: receipt.part,
        n: receipt.attempts + 1,
        outcome: outcome.to_owned(),
        cause,
        next: None,
    }
}

fn describe(resolution: &Resolution) -> (&'static str, Option<String>) {
    match resolution {
        Resolution::Answered(_, outcome) => {
            let delay = match outcome {
                DeliveryOutcome::NotSurfaced(NotSurfaced::RetryAfter { delay, .. }) => {
                    Some(format!("asked to wait {:.1} s", delay.as_secs_f64()))
                }
                DeliveryOutcome::Surfaced(_) | DeliveryOutcome::NotSurfaced(_) => None,
            };
            (outcome.name(), outcome.cause().map(Cause::to_string).or(delay))
        }
        Resolution::LookedUp(LookedUp::Settle(_)) => ("found", None),
        Resolution::LookedUp(LookedUp::SendNow) => ("absent", None),
        Resolution::LookedUp(LookedUp::NextGeneration(cause)) => ("cannot_look_up", Some(cause.to_string())),
        Resolution::LookedUp(LookedUp::Later(cause)) => ("look_up_failed", Some(cause.to_string())),
        Resolution::LookedUp(LookedUp::Refused(reason)) => ("look_up_refused", Some(reason.name().to_owned())),
    }
}

fn log_attempt(tx: &mut Tx<'_>, receipt: &ReceiptRow, resolution: &Resolution) {
    let (outcome, cause) = describe(resolution);
    let (id, worker, address) = (receipt.id.clone(), receipt.worker.clone(), receipt.address.clone());
    let (kind, part, attempt) = (receipt.kind.name(), receipt.part, receipt.attempts + 1);
    tx.tell(move || {
        tracing::info!(
            receipt_id = %id, worker_id = %worker, channel = %address, kind, part, attempt, outcome,
            cause = cause.as_deref(), "delivery"
        );
    });
}

/// The message that a surfaced verdict carries, for callers that have only the id.
pub(crate) fn message_id(message: &MessageRef) -> Option<String> {
    (!message.message.is_empty()).then(|| message.message.clone())
}
