//! Claiming what is due. Which occurrence runs, which were missed and which one is next is decided and
//! stored here; the injection follows in a transaction of its own.

use async_trait::async_trait;
use wilco_core::followup::{
    self, DueNow, FollowupSettings, FollowupState, Late, Lateness, OccurrenceState, Settlement, Skip, Task,
};
use wilco_core::schedule::OCCURRENCE_LEASE;
use wilco_core::when::Zone;
use wilco_core::{Audience, FollowupId, InstanceId, OccurrenceId, Person, Place, Short, Timestamp, wording};

use super::act::insert;
use super::settle::{self, FollowupTold, Settling, Tell};
use super::{notice, pulse};
use crate::changes::Fresh;
use crate::crash;
use crate::engine::{Change, Tx, args};
use crate::error::StoreError;
use crate::rows::{FollowupRow, OCCURRENCE_BY_ID, OccurrenceRow, json};

pub(super) const DUE: &str = "SELECT id, followup FROM occurrences WHERE due_at <= $1 ORDER BY due_at, id LIMIT $2";
pub(super) const LATER: &str = "SELECT MIN(due) AS due FROM occurrences \
                                WHERE followup = $1 AND settled_at IS NULL AND due > $2 AND manual = 0";
pub(super) const STILL_RUNS: &str = "SELECT workers.short AS short FROM occurrences \
                                     JOIN workers ON workers.id = occurrences.worker \
                                     WHERE occurrences.followup = $1 AND occurrences.settled_at IS NULL \
                                     AND occurrences.id <> $2 LIMIT 1";
/// A closed gate is the only thing for which a one-shot is left out.
pub(super) const WAS_HELD: &str = "SELECT 1 AS one FROM occurrences WHERE followup = $1 AND state = 'skipped' LIMIT 1";
const WHOSE: &str = "SELECT short, account, channel, thread, person_id FROM followups WHERE id = $1";
const CLAIM: &str = "UPDATE occurrences SET state = 'running', due_at = NULL, lease_owner = $1, lease_until = $2, \
                     fence = fence + 1, late = $3 WHERE id = $4 AND state = 'scheduled' RETURNING fence";
const MISSED: &str = "INSERT INTO occurrences (id, followup, due, manual, state, reason, settled_at) \
                      VALUES ($1, $2, $3, 0, 'missed', $4, $5) ON CONFLICT (followup, due, manual) DO NOTHING";
pub(super) const LOST: &str = "SELECT id, followup FROM occurrences WHERE lease_owner IS NOT NULL \
                    AND ((lease_owner <> $1 AND $2 = 1) OR lease_until <= $3)";
const RELEASE: &str = "UPDATE occurrences SET state = 'scheduled', lease_owner = NULL, lease_until = NULL, \
                       due_at = CASE WHEN (SELECT state FROM followups WHERE followups.id = occurrences.followup) \
                       = 'paused' AND manual = 0 THEN NULL ELSE $1 END WHERE id = $2 AND worker IS NULL";
const ASIDE: &str = "UPDATE occurrences SET state = 'failed', reason = $1, settled_at = $2, due_at = NULL \
                     WHERE id = $3 AND settled_at IS NULL";
const REST: &str = "UPDATE followups SET state = 'paused', reason = $1 WHERE id = $2 AND ended_at IS NULL";

/// How many missed occurrences one claim keeps as rows before it lets others have the writer.
const MISSED_AT_ONCE: usize = 1_000;

/// Claims the occurrences whose time has come.
#[derive(Clone, Debug)]
pub struct ClaimOccurrences {
    /// Who claims.
    pub owner: InstanceId,
    /// The steady time.
    pub now: Timestamp,
    /// The wall clock.
    pub wall: Timestamp,
    /// How many at most.
    pub limit: u32,
    /// The policies that hold now.
    pub settings: FollowupSettings,
    /// Ids.
    pub fresh: Fresh,
}

/// An occurrence that fires now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Firing {
    /// Which.
    pub occurrence: OccurrenceId,
    /// Its fence: whoever holds an older one has lost it.
    pub fence: i64,
    /// The follow-up's short id.
    pub short: Short,
    /// What it does.
    pub task: Task,
    /// Where.
    pub place: Place,
    /// In whose name.
    pub person: Person,
    /// When it was due.
    pub due: Timestamp,
    /// Whether somebody made it run by hand.
    pub manual: bool,
    /// How late it is.
    pub late: Option<Late>,
    /// Attempts made before.
    pub attempts: u32,
    /// The zone of its times.
    pub zone: Zone,
    /// Why it was scheduled.
    pub purpose: String,
}

/// What a claim found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaimedOccurrences {
    /// What fires.
    pub firings: Vec<Firing>,
    /// What was settled without firing.
    pub told: Vec<FollowupTold>,
    /// Whether there may be more.
    pub more: bool,
}

#[async_trait]
impl Change for ClaimOccurrences {
    type Out = ClaimedOccurrences;

    fn name(&self) -> &'static str {
        "claim_occurrences"
    }

    fn is_urgent(&self) -> bool {
        true
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<ClaimedOccurrences, StoreError> {
        let mut fresh = self.fresh.clone();
        let mut claimed = ClaimedOccurrences::default();
        // A claim that nobody has given up in its time is given up here; its fence keeps the old holder out.
        release_lost(tx, &self.owner, false, self.now, self.wall).await?;
        let mut missed = 0;
        let due = tx.rows(DUE, args![self.wall, self.limit]).await?;
        claimed.more = due.len() >= self.limit as usize;
        for row in &due {
            let id = OccurrenceId::new(row.text("id")?);
            let (part, told) = (tx.begin_part().await?, claimed.told.len());
            let mut settling = Settling { now: self.now, fresh: &mut fresh, told: &mut claimed.told };
            match self.one(tx, &id, &mut missed, &mut settling).await {
                Ok(firing) => {
                    tx.keep_part().await?;
                    claimed.firings.extend(firing);
                }
                Err(error) if error.is_transient() => return Err(error),
                // One bad row must not keep the others from firing, now and at every further look.
                Err(error) => {
                    tx.undo_part(part).await?;
                    claimed.told.truncate(told);
                    self.set_aside(tx, &id, &FollowupId::new(row.text("followup")?), error, &mut fresh).await?;
                }
            }
            if missed > MISSED_AT_ONCE {
                claimed.more = true;
                break;
            }
        }
        crash::point("store.fire.claimed");
        Ok(claimed)
    }
}

impl ClaimOccurrences {
    async fn one(
        &self,
        tx: &mut Tx<'_>,
        id: &OccurrenceId,
        missed: &mut usize,
        settling: &mut Settling<'_>,
    ) -> Result<Option<Firing>, StoreError> {
        match settle::load(tx, id).await? {
            Some((followup, occurrence)) => self.decide(tx, followup, occurrence, missed, settling).await,
            None => Ok(None),
        }
    }

    /// An occurrence about which nothing can be decided is over, and its follow-up rests. Only columns are
    /// used here that need no decoding.
    async fn set_aside(
        &self,
        tx: &mut Tx<'_>,
        id: &OccurrenceId,
        followup: &FollowupId,
        error: StoreError,
        fresh: &mut Fresh,
    ) -> Result<(), StoreError> {
        let reason = match error {
            StoreError::Undecodable { what, why } => format!("its record cannot be read ({what}: {why})"),
            StoreError::Constraint(why) | StoreError::Refused(why) => format!("it could not be decided ({why})"),
            other @ (StoreError::Full(_)
            | StoreError::Busy(_)
            | StoreError::Io(_)
            | StoreError::Gone(_)
            | StoreError::Newer { .. }
            | StoreError::Locked { .. }
            | StoreError::BadUrl(_)
            | StoreError::Closed) => return Err(other),
        };
        tracing::error!(occurrence = %id, reason, "follow-up is set aside");
        tx.run(ASIDE, args![reason.as_str(), self.now, id]).await?;
        tx.run(REST, args![reason.as_str(), followup]).await?;
        let Some(row) = tx.row(WHOSE, args![followup]).await? else { return Ok(()) };
        let (short, address) = (Short::new(row.text("short")?), crate::rows::address(&row)?);
        // Nothing is known of who reads along there, so the place has no further address.
        let place = Place { address, audience: Audience::Private, parent: None, direct: None, guild: None };
        let person = Person::new(row.text("person_id")?, row.text("person_id")?);
        let text = wording::set_aside(&short, &reason);
        notice::tell_at(tx, &short, &place, &person, text, self.now, fresh).await
    }

    async fn decide(
        &self,
        tx: &mut Tx<'_>,
        mut followup: FollowupRow,
        occurrence: OccurrenceRow,
        missed: &mut usize,
        settling: &mut Settling<'_>,
    ) -> Result<Option<Firing>, StoreError> {
        match followup.state {
            FollowupState::Pending => {}
            FollowupState::Paused if occurrence.manual => {}
            FollowupState::Paused => {
                tx.run(settle::HOLD, args![&followup.id]).await?;
                return Ok(None);
            }
            FollowupState::Ended | FollowupState::Cancelled => {
                let over = Settlement::Cancelled("its follow-up is over".to_owned());
                settle::settle(tx, &mut followup, &occurrence, &over, Tell::Elsewhere, false, settling).await?;
                return Ok(None);
            }
        }
        // An attempt that failed, or a wish for now, needs no further judgement of its time.
        let due = if occurrence.attempts > 0 || occurrence.manual {
            Some((occurrence, None))
        } else if followup.schedule.is_recurring() {
            self.recurring(tx, &mut followup, occurrence, missed, settling).await?
        } else {
            self.one_shot(tx, &mut followup, occurrence, settling).await?
        };
        let Some((occurrence, late)) = due else { return Ok(None) };
        if let Some(row) = tx.row(STILL_RUNS, args![&followup.id, &occurrence.id]).await? {
            let overlap = Settlement::Skipped(Skip::Overlap(Short::new(row.text("short")?)));
            settle::settle(tx, &mut followup, &occurrence, &overlap, Tell::Elsewhere, false, settling).await?;
            return Ok(None);
        }
        self.claim(tx, followup, occurrence, late).await
    }

    async fn claim(
        &self,
        tx: &mut Tx<'_>,
        followup: FollowupRow,
        occurrence: OccurrenceRow,
        late: Option<Late>,
    ) -> Result<Option<Firing>, StoreError> {
        let late = late.or(occurrence.late);
        let lease = self.now.plus(OCCURRENCE_LEASE);
        let row = tx.row(CLAIM, args![&self.owner, lease, late.as_ref().map(json), &occurrence.id]).await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Firing {
            occurrence: occurrence.id,
            fence: row.int("fence")?,
            short: followup.short,
            task: followup.task,
            place: followup.place,
            person: followup.person,
            due: occurrence.due,
            manual: occurrence.manual,
            late,
            attempts: occurrence.attempts,
            zone: followup.schedule.zone,
            purpose: followup.purpose,
        }))
    }

    async fn one_shot(
        &self,
        tx: &mut Tx<'_>,
        followup: &mut FollowupRow,
        occurrence: OccurrenceRow,
        settling: &mut Settling<'_>,
    ) -> Result<Option<(OccurrenceRow, Option<Late>)>, StoreError> {
        Ok(match followup::lateness(occurrence.due, self.wall, &self.settings) {
            Lateness::Punctual => Some((occurrence, None)),
            Lateness::Late(_) => {
                let late = self.late(tx, occurrence.due, 0).await?;
                Some((occurrence, Some(late)))
            }
            Lateness::Missed(by) => {
                let late = self.late(tx, occurrence.due, 0).await?;
                // It waited for a person, not through an outage: the age limits that, the policy does not.
                if by <= self.settings.missed_max_age && tx.row(WAS_HELD, args![&followup.id]).await?.is_some() {
                    return Ok(Some((occurrence, Some(late))));
                }
                self.miss(tx, followup, &occurrence, late, settling).await?;
                self.tell_missed(tx, followup, occurrence.due, late, settling).await?;
                None
            }
        })
    }

    /// A recurring follow-up: the next occurrence is stored before this one is touched, so that the
    /// schedule goes on whatever becomes of it.
    async fn recurring(
        &self,
        tx: &mut Tx<'_>,
        followup: &mut FollowupRow,
        occurrence: OccurrenceRow,
        missed: &mut usize,
        settling: &mut Settling<'_>,
    ) -> Result<Option<(OccurrenceRow, Option<Late>)>, StoreError> {
        let due = self.due_now(tx, followup, &occurrence).await?;
        if let Some(next) = due.next {
            insert(tx, &settling.fresh.occurrence(), followup, next, false).await?;
        }
        let fires = match due.fire {
            Some(at) if at != occurrence.due => {
                insert(tx, &settling.fresh.occurrence(), followup, at, false).await?;
                self.at(tx, followup, at).await?
            }
            Some(_) => Some(occurrence.clone()),
            None => None,
        };
        *missed += due.missed.len();
        let count = u32::try_from(due.missed.len()).unwrap_or(u32::MAX);
        let last = due.fire.or(due.missed.last().copied()).unwrap_or(occurrence.due);
        let late = self.late(tx, last, if due.fire.is_some() { count } else { count.saturating_sub(1) }).await?;
        for (at, missed) in due.missed.iter().enumerate() {
            if *missed == occurrence.due {
                self.miss(tx, followup, &occurrence, late, settling).await?;
            } else {
                let cut = due.more && at + 1 == due.missed.len();
                let reason = if cut { format!("{}; so were further ones", why(late)) } else { why(late) };
                let id = settling.fresh.occurrence();
                tx.run(MISSED, args![&id, &followup.id, *missed, reason, self.now]).await?;
            }
        }
        let Some(fires) = fires else {
            if !due.missed.is_empty() {
                self.tell_missed(tx, followup, last, late, settling).await?;
            }
            return Ok(None);
        };
        let punctual = followup::lateness(fires.due, self.wall, &self.settings) == Lateness::Punctual;
        Ok(Some((fires, (!punctual || count > 0).then_some(late))))
    }

    /// What is due of it. When a later occurrence is stored already, because a process died after it had
    /// stored it, only this one is judged; the later one has its own turn.
    async fn due_now(
        &self,
        tx: &mut Tx<'_>,
        followup: &FollowupRow,
        occurrence: &OccurrenceRow,
    ) -> Result<DueNow, StoreError> {
        let later = match tx.row(LATER, args![&followup.id, occurrence.due]).await? {
            Some(row) => row.opt_time("due")?,
            None => None,
        };
        let Some(later) = later else {
            return Ok(followup::due_now(&followup.schedule, occurrence.due, self.wall, &self.settings));
        };
        let passed = later <= self.wall;
        let missed = matches!(followup::lateness(occurrence.due, self.wall, &self.settings), Lateness::Missed(_));
        Ok(if passed || missed {
            DueNow { missed: vec![occurrence.due], more: false, fire: None, next: None }
        } else {
            DueNow { missed: Vec::new(), more: false, fire: Some(occurrence.due), next: None }
        })
    }

    /// The stored occurrence of a due time, as long as it waits.
    async fn at(
        &self,
        tx: &mut Tx<'_>,
        followup: &FollowupRow,
        due: Timestamp,
    ) -> Result<Option<OccurrenceRow>, StoreError> {
        const AT: &str = "SELECT id FROM occurrences WHERE followup = $1 AND due = $2 AND manual = 0";
        let Some(row) = tx.row(AT, args![&followup.id, due]).await? else { return Ok(None) };
        let row = tx.row(OCCURRENCE_BY_ID, args![row.text("id")?]).await?;
        let occurrence = row.map(|row| OccurrenceRow::decode(&row)).transpose()?;
        Ok(occurrence.filter(|one| one.state == OccurrenceState::Scheduled))
    }

    async fn late(&self, tx: &mut Tx<'_>, due: Timestamp, missed: u32) -> Result<Late, StoreError> {
        let by_ms = u64::try_from(self.wall.since(due).as_millis()).unwrap_or(u64::MAX);
        Ok(Late { by_ms, offline: pulse::outage_at(tx, due).await?, missed })
    }

    async fn miss(
        &self,
        tx: &mut Tx<'_>,
        followup: &mut FollowupRow,
        occurrence: &OccurrenceRow,
        late: Late,
        settling: &mut Settling<'_>,
    ) -> Result<(), StoreError> {
        let missed = Settlement::Missed(why(late));
        settle::settle(tx, followup, occurrence, &missed, Tell::Elsewhere, false, settling).await?;
        Ok(())
    }

    async fn tell_missed(
        &self,
        tx: &mut Tx<'_>,
        followup: &FollowupRow,
        due: Timestamp,
        late: Late,
        settling: &mut Settling<'_>,
    ) -> Result<(), StoreError> {
        let text = wording::missed(&followup.short, due, followup.schedule.zone, late, &followup.task);
        notice::tell(tx, followup, text, settling.now, settling.fresh).await
    }
}

fn why(late: Late) -> String {
    match late.offline {
        Some(_) => "its time passed while the bot was offline".to_owned(),
        None => "its time passed before it could run".to_owned(),
    }
}

/// Gives back what a dead instance had claimed and not injected. It was not fired: the injection and
/// the end of the claim are one transaction.
pub(crate) async fn release_lost(
    tx: &mut Tx<'_>,
    owner: &InstanceId,
    alone: bool,
    now: Timestamp,
    wall: Timestamp,
) -> Result<u64, StoreError> {
    let mut released = 0;
    for row in tx.rows(LOST, args![owner, alone, now]).await? {
        released += tx.run(RELEASE, args![wall, row.text("id")?]).await?;
    }
    Ok(released)
}
