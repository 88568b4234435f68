//! Injecting a claimed occurrence: the turn or the job, and what becomes of the occurrence, in one
//! transaction. A process that dies before it has fired nothing; one that dies after it has fired once.

use async_trait::async_trait;
use wilco_core::followup::{
    FollowupState, OccurrenceSignal, OccurrenceState, Settlement, Skip, Trouble, Verdict, judge,
};
use wilco_core::{InstanceId, OccurrenceId, Short, Timestamp, WorkerId, wording};

use super::Scheduling;
use super::claim::STILL_RUNS;
use super::settle::{self, FollowupTold, Settling, Tell};
use crate::changes::{Act, AnswerDone, Fresh, Offer, OfferItem, Offered, Platforms, gate};
use crate::crash;
use crate::engine::{Change, Tx, args};
use crate::error::StoreError;
use crate::rows::{FollowupRow, OccurrenceRow, json};

const OWN: &str =
    "SELECT 1 AS one FROM occurrences WHERE id = $1 AND state = 'running' AND fence = $2 AND lease_owner = $3";
const OF_OCCURRENCE: &str = "UPDATE workers SET occurrence = $1 WHERE id = $2";
const INJECTED: &str = "UPDATE occurrences SET worker = $1, fired_at = $2, attempts = attempts + 1, last_error = NULL, \
                        lease_owner = NULL, lease_until = NULL WHERE id = $3 AND state = 'running'";
const FIRED: &str = "UPDATE occurrences SET fired_at = $1, attempts = attempts + 1, last_error = NULL WHERE id = $2";
const HELD: &str = "UPDATE occurrences SET state = 'scheduled', due_at = NULL, lease_owner = NULL, lease_until = NULL \
                    WHERE id = $1 AND state = 'running'";
const AGAIN: &str = "UPDATE occurrences SET state = 'scheduled', due_at = $1, attempts = attempts + 1, \
                     last_error = $2, lease_owner = NULL, lease_until = NULL WHERE id = $3 AND state = 'running'";
const SPENT: &str = "UPDATE occurrences SET attempts = attempts + 1, last_error = $1 WHERE id = $2";
const MOVE: &str = "UPDATE followups SET account = $1, channel = $2, thread = $3, place = $4 WHERE id = $5";

/// Injects one claimed occurrence and settles it as far as it is over.
#[derive(Clone, Debug)]
pub struct Fire {
    /// Which.
    pub occurrence: OccurrenceId,
    /// The fence of the claim.
    pub fence: i64,
    /// Whose claim it was.
    pub owner: InstanceId,
    /// What is offered in the originator's name; its event id names the occurrence.
    pub item: OfferItem,
    /// The steady time.
    pub now: Timestamp,
    /// The wall clock.
    pub wall: Timestamp,
    /// The measures of the accounts.
    pub platforms: Platforms,
    /// Ids.
    pub fresh: Fresh,
}

/// What became of an injection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fired {
    /// How it went.
    pub how: FiredHow,
    /// What was settled.
    pub told: Vec<FollowupTold>,
}

/// How an injection went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FiredHow {
    /// A job was started; its end settles the occurrence.
    Job {
        /// Its id.
        worker: WorkerId,
        /// The id that people type.
        short: Short,
    },
    /// The turn asked for no job; this is what became of it.
    Turn(Offered),
    /// Its follow-up was paused meanwhile, or a gate is closed; it waits.
    Held,
    /// It was called off, the claim was lost, or another one of its follow-up runs meanwhile; nothing was
    /// injected.
    Superseded,
}

#[async_trait]
impl Change for Fire {
    type Out = Fired;

    fn name(&self) -> &'static str {
        "fire"
    }

    fn is_urgent(&self) -> bool {
        true
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<Fired, StoreError> {
        let mut told = Vec::new();
        let mut fresh = self.fresh.clone();
        let Some((mut followup, occurrence)) = claimed(tx, &self.occurrence, self.fence, &self.owner).await? else {
            return Ok(Fired { how: FiredHow::Superseded, told });
        };
        if followup.state == FollowupState::Paused && !occurrence.manual {
            tx.run(HELD, args![&occurrence.id]).await?;
            return Ok(Fired { how: FiredHow::Held, told });
        }
        // Two that were claimed together, such as one that was due and one by hand, do not run together.
        if let Some(row) = tx.row(STILL_RUNS, args![&followup.id, &occurrence.id]).await? {
            let overlap = Settlement::Skipped(Skip::Overlap(Short::new(row.text("short")?)));
            let mut settling = Settling { now: self.now, fresh: &mut fresh, told: &mut told };
            settle::settle(tx, &mut followup, &occurrence, &overlap, Tell::Elsewhere, false, &mut settling).await?;
            return Ok(Fired { how: FiredHow::Superseded, told });
        }
        if self.item.place != followup.place {
            self.moved(tx, &mut followup).await?;
        }
        if let Act::Run(job) = &self.item.act
            && let Some(backend) = &job.backend
            && let Some(gate) = gate::closed(tx, backend).await?
        {
            let mut settling = Settling { now: self.now, fresh: &mut fresh, told: &mut told };
            settle::behind_gate(tx, &mut followup, &occurrence, &gate, &mut settling).await?;
            return Ok(Fired { how: FiredHow::Held, told });
        }
        let offer = Offer {
            items: Vec::new(),
            now: self.now,
            wall: self.wall,
            platforms: self.platforms.clone(),
            fresh: self.fresh.clone(),
        };
        let offered = offer.one(tx, &self.item, &mut fresh).await?;
        let how = if let Offered::Run(Ok(started)) = offered {
            tx.run(OF_OCCURRENCE, args![&occurrence.id, &started.worker]).await?;
            tx.run(INJECTED, args![&started.worker, self.wall, &occurrence.id]).await?;
            FiredHow::Job { worker: started.worker, short: started.short }
        } else {
            tx.run(FIRED, args![self.wall, &occurrence.id]).await?;
            let (with, tell) = match refused(&offered) {
                None => (Settlement::Success, Tell::Elsewhere),
                Some(why) => (Settlement::Failed(why), Tell::Notice),
            };
            let mut settling = Settling { now: self.now, fresh: &mut fresh, told: &mut told };
            settle::settle(tx, &mut followup, &occurrence, &with, tell, false, &mut settling).await?;
            FiredHow::Turn(offered)
        };
        crash::point("store.fire.injected");
        Ok(Fired { how, told })
    }
}

impl Fire {
    /// The platform gave the chat a new id; the follow-up fires there from now on.
    async fn moved(&self, tx: &mut Tx<'_>, followup: &mut FollowupRow) -> Result<(), StoreError> {
        let place = &self.item.place;
        let to = &place.address;
        tx.run(MOVE, args![&to.account, &to.channel, to.thread.as_deref(), json(place), &followup.id]).await?;
        followup.place = place.clone();
        Ok(())
    }
}

/// Loads an occurrence that this claim still holds.
async fn claimed(
    tx: &mut Tx<'_>,
    occurrence: &OccurrenceId,
    fence: i64,
    owner: &InstanceId,
) -> Result<Option<(FollowupRow, OccurrenceRow)>, StoreError> {
    if tx.row(OWN, args![occurrence, fence, owner]).await?.is_none() {
        return Ok(None);
    }
    settle::load(tx, occurrence).await
}

/// Why a turn that started no job did nothing, in words; none when it did what it said.
fn refused(offered: &Offered) -> Option<String> {
    match offered {
        Offered::Run(Ok(_))
        | Offered::Duplicate { .. }
        | Offered::Cancel(Ok(_))
        | Offered::CancelWith(..)
        | Offered::Watch(Ok(_))
        | Offered::Changed(Ok(_))
        | Offered::Stopped(_)
        | Offered::ZoneSet
        | Offered::Paired(Ok(_))
        | Offered::Scheduled(Scheduling::Set(_))
        | Offered::Answer(AnswerDone::Answered { .. }) => None,
        Offered::Paired(Err(_)) => Some("a follow-up cannot pair".to_owned()),
        Offered::Run(Err(admission)) => wording::not_admitted(*admission).map(|reply| reply.text),
        Offered::Gated(gate) => Some(wording::gate_line(gate)),
        Offered::Cancel(Err(_)) => Some("there is no job that it could cancel".to_owned()),
        Offered::Watch(Err(_)) => Some("there is no job that it could watch".to_owned()),
        Offered::Changed(Err(_)) => Some("there is no follow-up that it could change".to_owned()),
        Offered::Scheduled(Scheduling::TooMany { .. } | Scheduling::GivenBefore) => {
            Some("its originator has too many follow-ups".to_owned())
        }
        Offered::Answer(
            AnswerDone::Before { .. } | AnswerDone::Expired { .. } | AnswerDone::NotAllowed(_) | AnswerDone::NotFound,
        ) => Some("there is no question that it could answer".to_owned()),
    }
}

/// Tells the store that an injection did not work inside of a healthy store, and why.
#[derive(Clone, Debug)]
pub struct DispatchFailed {
    /// Which.
    pub occurrence: OccurrenceId,
    /// The fence of the claim.
    pub fence: i64,
    /// Whose claim it was.
    pub owner: InstanceId,
    /// What kept it.
    pub trouble: Trouble,
    /// The steady time.
    pub now: Timestamp,
    /// The wall clock.
    pub wall: Timestamp,
    /// Ids.
    pub fresh: Fresh,
}

#[async_trait]
impl Change for DispatchFailed {
    /// What was settled; nothing when it is tried again.
    type Out = Vec<FollowupTold>;

    fn name(&self) -> &'static str {
        "dispatch_failed"
    }

    fn is_urgent(&self) -> bool {
        true
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<Vec<FollowupTold>, StoreError> {
        let mut told = Vec::new();
        let Some((mut followup, occurrence)) = claimed(tx, &self.occurrence, self.fence, &self.owner).await? else {
            return Ok(told);
        };
        let attempts = occurrence.attempts.saturating_add(1);
        let (with, for_good) = match judge(&self.trouble, attempts) {
            Verdict::Again(wait) => {
                debug_assert_eq!(occurrence.state.step(OccurrenceSignal::Released), OccurrenceState::Scheduled);
                let error = self.trouble.words();
                tx.run(AGAIN, args![self.wall.plus(wait), error.as_str(), &occurrence.id]).await?;
                let (short, id) = (followup.short.clone(), occurrence.id.clone());
                tx.tell(move || {
                    let wait_ms = wait.as_millis() as u64;
                    tracing::info!(followup_id = %short, occurrence = %id, attempt = attempts, wait_ms, error, "injection is tried again");
                });
                return Ok(told);
            }
            Verdict::Drop { why, for_good } => (Settlement::FailedDropped(why), for_good),
            Verdict::Fail(why) => (Settlement::Failed(why), false),
        };
        tx.run(SPENT, args![self.trouble.words(), &occurrence.id]).await?;
        let mut fresh = self.fresh.clone();
        let mut settling = Settling { now: self.now, fresh: &mut fresh, told: &mut told };
        settle::settle(tx, &mut followup, &occurrence, &with, Tell::Notice, for_good, &mut settling).await?;
        Ok(told)
    }
}
