//! Stubs that nobody knew of: a lost answer left them behind, and a press has shown where they stand.

use wilco_core::{Body, DeliveryKey, DeliveryOutcome, Envelope, MessageRef, Short, WorkerId, wording};
use wilco_store::changes::{MayCall, Probed};
use wilco_store::reads::InspectJob;

use crate::shared::Shared;

/// A press has shown where a stray stub stands: it is edited to point below, once it is known to be one.
pub(super) async fn adopt(shared: Shared, worker: WorkerId, short: Short, message: MessageRef) {
    let asker = wilco_store::changes::Asker::host();
    let query = InspectJob { asker, job: worker.to_string(), limit: wilco_core::desk::Limit::default() };
    let Ok(Ok(inspection)) = shared.store().read(query).await else { return };
    // Under the chat's old id as well: a chat that has moved takes the addresses of its messages along. Where chats
    // number their messages each for itself, a stray may be taken for known, and only stays as it is.
    let same = |one: &MessageRef| one.message == message.message && one.address.account == message.address.account;
    let known = inspection.contracts.iter().any(|contract| contract.message.as_ref().is_some_and(same));
    let open = inspection.contracts.iter().all(|contract| contract.message.is_none());
    if known || open {
        return;
    }
    let Some(adapter) = shared.adapter(&message.address.account) else { return };
    // It is a courtesy: where the platform wants silence, the next press tries again.
    let address = message.address.clone();
    let may = shared.store().read(MayCall { address: address.clone(), now: shared.now() }).await;
    if !matches!(may, Ok(true)) {
        return;
    }
    let job = wording::Job { kind: &inspection.job.kind, short: &short };
    let body: Body = wording::stray(job);
    let envelope = Envelope::plain(message.address.clone(), DeliveryKey::new("stray"), body);
    let outcome = crate::delivery::bounded(shared.clock(), adapter.edit(&message, &envelope)).await;
    match outcome {
        Ok(outcome) => {
            tracing::info!(worker_id = %worker, outcome = outcome.name(), "stray stub adopted");
            if let DeliveryOutcome::NotSurfaced(reason) = outcome {
                let heard = Probed { address, reason, now: shared.now() };
                if let Err(error) = shared.store().write(heard).await {
                    tracing::warn!(worker_id = %worker, %error, "what a platform asked for is not stored");
                }
            }
        }
        Err(cause) => tracing::warn!(worker_id = %worker, %cause, "stray stub could not be adopted"),
    }
}
