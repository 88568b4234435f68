//! What people are told of what was stored, and what the loop has to do about it.

use wilco_core::access::Role;
use wilco_core::command::Command;
use wilco_core::desk::{CancelResult, FollowupDone, FollowupFilter, Limit};
use wilco_core::settings::Admission;
use wilco_core::when::Zone;
use wilco_core::{Accepted, Button, Inbound, Press, Reply, Short, What, WorkerId, wording};
use wilco_store::StoreError;
use wilco_store::changes::{AnswerDone, Offered, Scheduling, Unresolved};
use wilco_store::reads::{InspectJob, ListFollowups};

use super::{Taken, followups};
use crate::notices;
use crate::shared::Shared;

/// What a person is told of what was stored, and what the loop has to do about it.
pub(crate) fn told(shared: &Shared, inbound: &Inbound, offered: Offered, taken: &mut Taken) -> Accepted {
    let role = shared.role_at(&inbound.account, &inbound.person, &inbound.place);
    let stored = |worker: Option<Short>, reply: Option<Reply>| Accepted::Stored { worker, reply };
    match offered {
        Offered::Duplicate { worker } => Accepted::Duplicate { worker },
        Offered::Run(Ok(started)) => {
            taken.accepted.push((started.worker, started.short.clone()));
            stored(Some(started.short), None)
        }
        Offered::Run(Err(admission)) => Accepted::Refused(refusal(admission)),
        Offered::CancelWith(done, stopped) => {
            taken.followups.extend(notices::by_stop(&stopped));
            let cancelled = told(shared, inbound, Offered::Cancel(Ok(done)), taken);
            with_line(cancelled, &wording::and_followups(&stopped.cancelled))
        }
        Offered::Scheduled(Scheduling::Set(set)) => {
            taken.followups.extend(notices::by_schedule(&set));
            stored(None, Some(wording::followup_set(&set, shared.clock().now())))
        }
        Offered::Scheduled(Scheduling::TooMany { limit }) => Accepted::Refused(wording::followup_too_many(limit)),
        Offered::Scheduled(Scheduling::GivenBefore) => Accepted::Duplicate { worker: None },
        Offered::Changed(Ok(done @ FollowupDone::Unchanged { .. })) => {
            Accepted::Refused(wording::followup_done(&done, shared.clock().now()))
        }
        Offered::Changed(Ok(done)) => {
            taken.followups.extend(notices::by_act(&done));
            stored(None, Some(wording::followup_done(&done, shared.clock().now())))
        }
        Offered::Changed(Err(unresolved)) => {
            let name = match &inbound.what {
                What::Command(Command::Cancel { job: Some(job), .. }) => job.as_str(),
                What::Press { press: Press::Followup { id, .. }, .. } => id.as_str(),
                What::Command(_) | What::Press { .. } | What::Said(_) => "",
            };
            Accepted::Refused(followups::unresolved_reply(&unresolved, name, role))
        }
        Offered::Stopped(stopped) => {
            taken.followups.extend(notices::by_stop(&stopped));
            stored(None, Some(wording::stopped_here(&stopped.cancelled, stopped.kept, &stopped.running)))
        }
        Offered::ZoneSet => match &inbound.what {
            What::Command(Command::Timezone { zone: Some(name), here }) => {
                let zone = Zone::parse(name).unwrap_or(Zone::UTC);
                stored(None, Some(wording::timezone_set(zone, *here, shared.clock().now())))
            }
            What::Command(_) | What::Press { .. } | What::Said(_) => stored(None, None),
        },
        Offered::Paired(Ok(grant)) => {
            shared.grant(&grant);
            stored(None, Some(wording::paired(inbound.account.as_str())))
        }
        Offered::Paired(Err(refusal)) => Accepted::Refused(wording::not_paired(refusal, shared.now())),
        Offered::Gated(gate) => Accepted::Refused(wording::gate_closed(&gate)),
        Offered::Cancel(Ok(done)) => {
            let short = done.result.short().clone();
            match &done.result {
                CancelResult::Cancelling { .. } => taken.stop.push(done.worker.clone()),
                CancelResult::Cancelled { .. } => {
                    taken.changed.push((done.worker.clone(), short.clone()));
                    taken.ended.push(done.worker.clone());
                }
                CancelResult::AlreadyCancelling { .. } | CancelResult::AlreadyCompleted { .. } => {}
            }
            if let What::Press { press: Press::CancelStub { .. }, message: Some(message) } = &inbound.what {
                taken.strays.push((done.worker, short.clone(), message.clone()));
            }
            let reply = cancel_reply(&done.result);
            match &done.result {
                CancelResult::Cancelling { .. } | CancelResult::Cancelled { .. } => stored(Some(short), Some(reply)),
                // Nothing was changed, and no program may take the answer for a success (requirement C3).
                CancelResult::AlreadyCancelling { .. } | CancelResult::AlreadyCompleted { .. } => {
                    Accepted::Refused(reply)
                }
            }
        }
        Offered::Cancel(Err(unresolved)) => {
            let name = match &inbound.what {
                What::Command(Command::Cancel { job: Some(job), .. }) => job.as_str(),
                What::Press { press: Press::Cancel { id }, .. } => id.as_str(),
                // A stub's button carries no name that a person could read.
                What::Press { .. } if unresolved == Unresolved::NotFound => {
                    return Accepted::Refused(wording::unknown_button());
                }
                What::Command(_) | What::Press { .. } | What::Said(_) => "",
            };
            Accepted::Refused(unresolved_reply(&unresolved, name, "cancel", role))
        }
        Offered::Watch(Ok(done)) => {
            taken.changed.push((done.worker, done.short.clone()));
            let reply =
                if done.already { wording::watched_already(&done.short) } else { wording::watching(&done.short) };
            stored(Some(done.short), Some(reply))
        }
        Offered::Watch(Err(unresolved)) => {
            let name = match &inbound.what {
                What::Command(Command::Watch { job }) => job.as_str(),
                What::Command(_) | What::Press { .. } | What::Said(_) => "",
            };
            Accepted::Refused(unresolved_reply(&unresolved, name, "watch", role))
        }
        Offered::Answer(done) => match done {
            AnswerDone::Answered { worker, short, number, choice, text } => {
                taken.answers.push((worker, number, choice));
                stored(Some(short.clone()), Some(wording::answered(&short, &text)))
            }
            AnswerDone::Before { short, text, by } => Accepted::Refused(wording::answered_before(&short, &text, &by)),
            AnswerDone::Expired { short, at } => Accepted::Refused(wording::question_expired(&short, at)),
            AnswerDone::NotAllowed(short) => Accepted::Refused(wording::not_yours_to_answer(&short, role)),
            AnswerDone::NotFound => Accepted::Refused(wording::unknown_button()),
        },
    }
}

/// The job that a cancel was stored for, when nothing was said about the follow-ups of its place.
pub(super) fn cancelled(offered: &Offered) -> Option<&WorkerId> {
    let Offered::Cancel(Ok(done)) = offered else { return None };
    match &done.result {
        CancelResult::Cancelling { .. } | CancelResult::Cancelled { .. } => Some(&done.worker),
        CancelResult::AlreadyCancelling { .. } | CancelResult::AlreadyCompleted { .. } => None,
    }
}

/// The confirmation of a cancel offers to call off what else is pending in the place of the job: the button
/// works where it stands, so it is shown to who speaks there and may change some of it (requirement F15).
pub(super) async fn with_stop_here(
    shared: &Shared,
    inbound: &Inbound,
    worker: &WorkerId,
    accepted: Accepted,
) -> Accepted {
    let Accepted::Stored { worker: short, reply: Some(mut reply) } = accepted else { return accepted };
    match stops_here(shared, inbound, worker).await {
        Ok(true) => reply.buttons.push(Button::new("And its follow-ups", Press::StopHere)),
        Ok(false) => {}
        // The cancel itself is stored, and `/stop here` does the same.
        Err(error) => tracing::debug!(%error, "the store did not say which follow-ups are pending"),
    }
    Accepted::Stored { worker: short, reply: Some(reply) }
}

async fn stops_here(shared: &Shared, inbound: &Inbound, worker: &WorkerId) -> Result<bool, StoreError> {
    let (asker, here) = (super::asker(shared, inbound), &inbound.place.address);
    let filter = FollowupFilter { address: Some(here.clone()), ..FollowupFilter::default() };
    let pending = shared.store().read(ListFollowups { asker: asker.clone(), filter }).await?;
    if !pending.iter().any(|one| one.may_change && one.address == *here) {
        return Ok(false);
    }
    let query = InspectJob { asker, job: worker.to_string(), limit: Limit::default() };
    Ok(shared.store().read(query).await?.is_ok_and(|inspection| inspection.job.address == *here))
}

fn refusal(admission: Admission) -> Reply {
    wording::not_admitted(admission).unwrap_or_else(wording::draining)
}

/// The same answer with a further line.
fn with_line(accepted: Accepted, line: &str) -> Accepted {
    let longer = |reply: Reply| Reply { text: format!("{}\n{line}", reply.text), ..reply };
    match accepted {
        Accepted::Stored { worker, reply } => Accepted::Stored { worker, reply: reply.map(longer) },
        Accepted::Refused(reply) => Accepted::Refused(longer(reply)),
        Accepted::Answered(reply) => Accepted::Answered(longer(reply)),
        other @ (Accepted::Duplicate { .. } | Accepted::Busy) => other,
    }
}

/// The words of an answer that nobody is there to get; an error when it was a refusal.
pub(crate) fn words_of(accepted: &Accepted) -> Result<String, String> {
    let words = |reply: &Reply| {
        let rows = reply.rows.iter().map(|row| row.text.as_str());
        std::iter::once(reply.text.as_str()).chain(rows).collect::<Vec<_>>().join("\n")
    };
    match accepted {
        Accepted::Answered(reply) => Ok(words(reply)),
        Accepted::Stored { reply, .. } => Ok(reply.as_ref().map(words).unwrap_or_default()),
        Accepted::Refused(reply) => Err(words(reply)),
        Accepted::Duplicate { .. } => Err("it was given before".to_owned()),
        Accepted::Busy => Err("the store was busy".to_owned()),
    }
}

fn cancel_reply(result: &CancelResult) -> Reply {
    match result {
        CancelResult::Cancelling { short, by, reason } => wording::cancel_stored(short, by, reason),
        CancelResult::Cancelled { short, reason } => wording::cancelled_at_once(short, reason),
        CancelResult::AlreadyCancelling { short, by, reason } => wording::already_cancelling(short, by, reason),
        CancelResult::AlreadyCompleted { short, state } => wording::already_completed(short, *state),
    }
}

pub(super) fn unresolved_reply(unresolved: &Unresolved, name: &str, verb: &str, role: Option<Role>) -> Reply {
    match unresolved {
        Unresolved::NotFound => wording::not_found(name),
        Unresolved::NothingHere => wording::nothing_to_cancel(),
        Unresolved::Several(candidates) => wording::which_one(candidates, verb),
        Unresolved::NotAllowed(short) => wording::not_yours(short, role),
    }
}
