//! One delivery: reconcile what is in doubt, call the platform within the time limit, settle.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use wilco_core::receipt::{self, Attempt, LookedUp, ReceiptKind, Reconcile};
use wilco_core::schedule::REQUEST_LIMIT;
use wilco_core::{Address, Cause, Clock, DeliveryOutcome, Found, Messaging, NotSurfaced, StatusUpdate, WorkerId};
use wilco_store::StoreError;
use wilco_store::changes::{Claim, EditClaim, Resolution, Settle, Settled};

use crate::probes;
use crate::shared::Shared;

/// Delivers one claimed receipt and settles it.
pub(crate) async fn deliver(shared: Shared, claim: Claim) -> Result<Settled, StoreError> {
    let resolution = match shared.adapter(&claim.envelope.address.account) {
        Some(adapter) => attempt(&shared, adapter, &claim).await,
        None => Resolution::Answered(
            claim.attempt(),
            NotSurfaced::StopAccount(Cause::new("not_connected", "no account of this name is configured")).into(),
        ),
    };
    wilco_store::crash::point("loop.outbox.answered");
    settle(&shared, &claim, resolution).await
}

async fn attempt(shared: &Shared, adapter: &Arc<dyn Messaging>, claim: &Claim) -> Resolution {
    let clock = shared.clock();
    if claim.attempt() == Attempt::Post && claim.doubt {
        match receipt::reconcile(&claim.facts, shared.now()) {
            Reconcile::SameKey => {}
            // A ping carries no content: where it cannot be looked up, it is simply sent again.
            Reconcile::NextGeneration if claim.facts.kind == ReceiptKind::Ping => {}
            Reconcile::NextGeneration => {
                let cause = Cause::new("in_doubt", "nobody can tell whether the stub exists");
                return Resolution::LookedUp(LookedUp::NextGeneration(cause));
            }
            Reconcile::LookUp => {
                let since = claim.facts.first_attempt.unwrap_or(claim.facts.first_due);
                let found = bounded(clock, adapter.find(&claim.envelope, since)).await;
                let found = found.unwrap_or_else(Found::Unknown);
                match receipt::looked_up(&claim.facts, found) {
                    LookedUp::SendNow => {}
                    known @ (LookedUp::Settle(_)
                    | LookedUp::NextGeneration(_)
                    | LookedUp::Later(_)
                    | LookedUp::Refused(_)) => {
                        return Resolution::LookedUp(known);
                    }
                }
            }
        }
    }
    wilco_store::crash::point("loop.outbox.before_call");
    let outcome = match &claim.target {
        Some(message) => bounded(clock, adapter.edit(message, &claim.envelope)).await,
        None => bounded(clock, adapter.post(&claim.envelope)).await,
    };
    Resolution::Answered(claim.attempt(), outcome.unwrap_or_else(ambiguous))
}

/// Sends a progress edit. Its outcome is told to the store by the loop, in the worker's order.
pub(crate) async fn edit(shared: &Shared, claim: &EditClaim) -> DeliveryOutcome {
    let Some(adapter) = shared.adapter(&claim.message.address.account) else {
        return NotSurfaced::Retry(Cause::new("not_connected", "no account of this name is configured")).into();
    };
    wilco_store::crash::point("loop.progress.before_edit");
    let outcome = bounded(shared.clock(), adapter.edit(&claim.message, &claim.envelope)).await;
    wilco_store::crash::point("loop.progress.answered");
    outcome.unwrap_or_else(ambiguous)
}

fn ambiguous(cause: Cause) -> DeliveryOutcome {
    NotSurfaced::Ambiguous(cause).into()
}

/// How long a sign may take. Nobody waits for it but a process that stops.
const SIGN_LIMIT: Duration = Duration::from_secs(2);

/// Shows that a job works, beside the conversation. It promises nothing and is given once: whether it was seen is
/// nobody's business. Only what the platform asks of every call is kept.
pub(crate) async fn sign(shared: Shared, worker: WorkerId, address: Address) {
    let Some(adapter) = shared.adapter(&address.account) else { return };
    let outcome = within(SIGN_LIMIT, shared.clock(), adapter.status(&address, &StatusUpdate::Thinking)).await;
    let outcome = outcome.unwrap_or_else(|cause| NotSurfaced::Retry(cause).into());
    tracing::debug!(worker_id = %worker, channel = %address, outcome = outcome.name(), "sign");
    if let DeliveryOutcome::NotSurfaced(reason) = &outcome {
        probes::keep(shared.store(), shared.clock(), &address, reason, shared.now()).await;
    }
}

/// A call within the request limit. One that takes longer, or whose adapter panics, may have been applied.
pub(crate) async fn bounded<T>(clock: &Arc<dyn Clock>, call: impl Future<Output = T>) -> Result<T, Cause> {
    within(REQUEST_LIMIT, clock, call).await
}

async fn within<T>(time: Duration, clock: &Arc<dyn Clock>, call: impl Future<Output = T>) -> Result<T, Cause> {
    let limit = clock.sleep_until(clock.monotonic() + time);
    tokio::select! {
        biased;
        answer = std::panic::AssertUnwindSafe(call).catch_unwind() => {
            answer.map_err(|_| Cause::new("adapter_panicked", "the adapter broke down inside of the call"))
        }
        () = limit => Err(Cause::new("timeout", format!("no answer within {} s", time.as_secs()))),
    }
}

/// Settles until the store has taken it: the platform's answer must not be forgotten.
async fn settle(shared: &Shared, claim: &Claim, resolution: Resolution) -> Result<Settled, StoreError> {
    let Some(receipt) = claim.envelope.receipt.clone() else {
        return Ok(Settled::Superseded);
    };
    let jitter = shared.dice().jitter(Duration::from_secs(1)).as_secs_f64();
    let mut change = Settle {
        receipt,
        fence: claim.fence,
        owner: shared.owner(),
        reassert: claim.reassert,
        resolution,
        now: shared.now(),
        jitter,
        platforms: shared.platforms(),
        fresh: shared.fresh(),
    };
    loop {
        match shared.store().write(change.clone()).await {
            Err(error) if error.is_transient() => {
                tracing::error!(receipt_id = %change.receipt, worker_id = %claim.worker, %error, "settling waits for the store");
                let clock = shared.clock();
                clock.sleep_until(clock.monotonic() + crate::channel_loop::STORE_PAUSE).await;
                change.now = shared.now();
            }
            settled => return settled,
        }
    }
}
