//! Telling whoever looks what became of follow-ups, where the store's answer does not say it (requirement F12).
//! A notice says "look again", so one that cannot be made is no loss: what it is about is stored.

use wilco_core::desk::{FollowupDone, FollowupInspection, FollowupSet, Limit};
use wilco_core::followup::OccurrenceState;
use wilco_core::{Short, WorkerId};
use wilco_store::StoreError;
use wilco_store::changes::{Asker, FollowupTold, Stopped};
use wilco_store::reads::{InspectFollowup, InspectJob};

use crate::shared::Shared;

/// A follow-up that somebody changed, and what its next occurrence has become by that.
pub(crate) type Changed = (Short, OccurrenceState);

/// What an act changed; nothing when it changed nothing.
pub(crate) fn by_act(done: &FollowupDone) -> Option<Changed> {
    match done {
        FollowupDone::Cancelled { short } => Some((short.clone(), OccurrenceState::Cancelled)),
        FollowupDone::Paused { short }
        | FollowupDone::Resumed { short, .. }
        | FollowupDone::Waits { short, .. }
        | FollowupDone::Runs { short } => Some((short.clone(), OccurrenceState::Scheduled)),
        FollowupDone::Unchanged { .. } => None,
    }
}

/// What is new, and what it takes the place of.
pub(crate) fn by_schedule(set: &FollowupSet) -> Vec<Changed> {
    let replaced = set.replaced.iter().map(|short| (short.clone(), OccurrenceState::Cancelled));
    replaced.chain([(set.followup.short.clone(), OccurrenceState::Scheduled)]).collect()
}

/// What was called off in a place.
pub(crate) fn by_stop(stopped: &Stopped) -> Vec<Changed> {
    stopped.cancelled.iter().map(|short| (short.clone(), OccurrenceState::Cancelled)).collect()
}

/// Tells of each follow-up that somebody changed.
pub(crate) async fn of_changes(shared: Shared, changes: Vec<Changed>) {
    for (short, status) in changes {
        match inspect(&shared, &short).await {
            Ok(Some(FollowupInspection { followup, .. })) => {
                let told = FollowupTold { short, address: followup.address, status, reason: followup.reason };
                shared.notify_followup(&told);
            }
            Ok(None) => {}
            Err(error) => tracing::debug!(followup_id = %short, %error, "nobody is told of a follow-up"),
        }
    }
}

/// Tells what the end of a job means for the follow-up that has started it, if one has.
pub(crate) async fn of_job(shared: Shared, worker: WorkerId) {
    let query = InspectJob { asker: Asker::host(), job: worker.to_string(), limit: Limit::default() };
    let job = match shared.store().read(query).await {
        Ok(Ok(inspection)) => inspection.job,
        Ok(Err(_)) => return,
        Err(error) => {
            tracing::debug!(worker_id = %worker, %error, "nobody is told what a job means for its follow-up");
            return;
        }
    };
    let Some(mark) = job.origin.scheduled() else { return };
    let short = mark.followup.clone();
    let told = match inspect(&shared, &short).await {
        Ok(Some(FollowupInspection { followup, occurrences })) => {
            let Some(one) = occurrences.into_iter().find(|one| one.job.as_ref() == Some(&job.short)) else { return };
            FollowupTold { short, address: followup.address, status: one.state, reason: one.reason }
        }
        // Its rows are removed after a success, and after a drop, which has no job.
        Ok(None) => FollowupTold { short, address: job.address, status: OccurrenceState::Success, reason: None },
        Err(error) => {
            tracing::debug!(followup_id = %short, %error, "nobody is told of a follow-up");
            return;
        }
    };
    shared.notify_followup(&told);
}

async fn inspect(shared: &Shared, short: &Short) -> Result<Option<FollowupInspection>, StoreError> {
    let query = InspectFollowup { asker: Asker::host(), name: short.to_string(), limit: Limit::default() };
    Ok(shared.store().read(query).await?.ok())
}
