//! What people do with a follow-up that exists: cancel, run now, pause, resume.

use async_trait::async_trait;
use wilco_core::desk::FollowupDone;
use wilco_core::followup::{FollowupAct, FollowupState, OccurrenceState, Settlement, Skip};
use wilco_core::{BackendId, OccurrenceId, Short, Timestamp};

use super::resolve::{self, FollowupUnresolved};
use super::schedule::INSERT_OCCURRENCE;
use super::settle::{self, Settling, Tell};
use crate::changes::{Asker, Fresh};
use crate::engine::{Change, Tx, args};
use crate::error::StoreError;
use crate::rows::{FollowupRow, OccurrenceRow, occurrence_columns};

pub(super) const OPEN_OCCURRENCES: &str =
    concat!(occurrence_columns!(), "WHERE followup = $1 AND settled_at IS NULL ORDER BY due LIMIT 50");
const GO_ON: &str =
    "UPDATE followups SET state = 'pending', reason = NULL, failures = 0 WHERE id = $1 AND state = 'paused'";
const DUE: &str = "UPDATE occurrences SET due_at = $1 WHERE id = $2 AND state = 'scheduled' AND gate IS NULL";
const PASSED: &str = "UPDATE occurrences SET due_at = $1, manual = 1 \
                      WHERE id = $2 AND state = 'scheduled' AND gate IS NULL";
const BY_HAND: &str =
    "UPDATE occurrences SET due_at = $1, manual = 1, gate = NULL WHERE id = $2 AND state = 'scheduled'";
const WAITS_FOR: &str = "SELECT gate FROM occurrences WHERE followup = $1 AND settled_at IS NULL AND gate IS NOT NULL";
const SHORT_OF: &str = "SELECT short FROM workers WHERE id = $1";

/// An act from the command line, the API or a button.
#[derive(Clone, Debug)]
pub struct ChangeFollowup {
    /// Who.
    pub asker: Asker,
    /// Which follow-up.
    pub name: String,
    /// What.
    pub act: FollowupAct,
    /// The steady time.
    pub now: Timestamp,
    /// The wall clock.
    pub wall: Timestamp,
    /// Ids.
    pub fresh: Fresh,
}

#[async_trait]
impl Change for ChangeFollowup {
    type Out = Result<FollowupDone, FollowupUnresolved>;

    fn name(&self) -> &'static str {
        "change_followup"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<Self::Out, StoreError> {
        let mut fresh = self.fresh.clone();
        let mut acting = Acting { now: self.now, wall: self.wall, fresh: &mut fresh };
        act(tx, &self.asker, &self.name, self.act, &mut acting).await
    }
}

/// What an act needs besides.
pub(crate) struct Acting<'a> {
    pub(crate) now: Timestamp,
    pub(crate) wall: Timestamp,
    pub(crate) fresh: &'a mut Fresh,
}

pub(crate) async fn act(
    tx: &mut Tx<'_>,
    asker: &Asker,
    name: &str,
    act: FollowupAct,
    acting: &mut Acting<'_>,
) -> Result<Result<FollowupDone, FollowupUnresolved>, StoreError> {
    let mut followup = match resolve::resolve(tx, asker, name).await? {
        Ok(followup) => followup,
        Err(unresolved) => return Ok(Err(unresolved)),
    };
    if !resolve::standing(asker, &followup).may_cancel() {
        return Ok(Err(FollowupUnresolved::NotAllowed(followup.short)));
    }
    let unchanged = |followup: &FollowupRow, why: &str| FollowupDone::Unchanged {
        short: followup.short.clone(),
        why: why.to_owned(),
    };
    if !followup.state.is_open() {
        let why = match followup.state {
            FollowupState::Cancelled => "it was cancelled before",
            FollowupState::Ended | FollowupState::Pending | FollowupState::Paused => "it has had its last occurrence",
        };
        return Ok(Ok(unchanged(&followup, why)));
    }
    let short = followup.short.clone();
    Ok(Ok(match act {
        FollowupAct::Cancel => {
            let reason = format!("cancelled by {}", asker.name());
            settle::call_off(tx, &mut followup, &reason, acting.now).await?;
            FollowupDone::Cancelled { short }
        }
        FollowupAct::Pause if followup.state == FollowupState::Paused => unchanged(&followup, "it is paused already"),
        FollowupAct::Pause => {
            settle::pause(tx, &mut followup, &format!("paused by {}", asker.name())).await?;
            FollowupDone::Paused { short }
        }
        FollowupAct::Resume if followup.state == FollowupState::Pending => unchanged(&followup, "it is not paused"),
        FollowupAct::Resume => resume(tx, &mut followup, acting).await?,
        FollowupAct::Run => match run(tx, &followup, acting).await? {
            Ok(()) => FollowupDone::Runs { short },
            Err(why) => FollowupDone::Unchanged { short, why },
        },
    }))
}

async fn open_occurrences(tx: &mut Tx<'_>, followup: &FollowupRow) -> Result<Vec<OccurrenceRow>, StoreError> {
    tx.rows(OPEN_OCCURRENCES, args![&followup.id]).await?.iter().map(OccurrenceRow::decode).collect()
}

/// The next due time comes from the schedule. What passed while it was paused is kept as skipped rows;
/// a one-shot whose time has passed fires at once.
async fn resume(
    tx: &mut Tx<'_>,
    followup: &mut FollowupRow,
    acting: &mut Acting<'_>,
) -> Result<FollowupDone, StoreError> {
    tx.run(GO_ON, args![&followup.id]).await?;
    (followup.state, followup.reason, followup.failures) = (FollowupState::Pending, None, 0);
    let open = open_occurrences(tx, followup).await?;
    let passed = |one: &OccurrenceRow| followup.schedule.is_recurring() && !one.manual && one.due <= acting.wall;
    let waiting = open.iter().filter(|one| one.state == OccurrenceState::Scheduled);
    let (skipped, waiting): (Vec<_>, Vec<_>) = waiting.partition(|one| passed(one));
    // What was wished for by hand stands beside the schedule, and is no part of it.
    let regular = waiting.iter().any(|one| !one.manual);
    let mut next = None;
    for occurrence in waiting {
        let at = occurrence.due.max(acting.wall);
        // Whoever resumes what has passed wants it now: no policy for outages has a say in it.
        let sql = if occurrence.due <= acting.wall { PASSED } else { DUE };
        tx.run(sql, args![at, &occurrence.id]).await?;
        next = Some(next.map_or(at, |next: Timestamp| next.min(at)));
    }
    if next.is_none() || (followup.schedule.is_recurring() && !regular) {
        let latest = open.iter().map(|one| one.due).fold(acting.wall, Timestamp::max);
        let added = add_next(tx, followup, latest, acting).await?;
        next = next.into_iter().chain(added).min();
    }
    for occurrence in skipped {
        let with = Settlement::Skipped(Skip::Paused);
        let mut told = Vec::new();
        let mut settling = Settling { now: acting.now, fresh: acting.fresh, told: &mut told };
        settle::settle(tx, followup, occurrence, &with, Tell::Elsewhere, false, &mut settling).await?;
    }
    if next.is_none() && open.is_empty() {
        // Its only occurrence was set aside, so that nothing would ever end it.
        let over = Some("its schedule has no further time".to_owned());
        settle::end(tx, followup, FollowupState::Ended, over, acting.now).await?;
    }
    let short = followup.short.clone();
    // A recurring one goes on with its next time instead of waiting for a gate.
    if !followup.schedule.is_recurring()
        && let Some(row) = tx.row(WAITS_FOR, args![&followup.id]).await?
    {
        return Ok(FollowupDone::Waits { short, gate: BackendId::new(row.text("gate")?) });
    }
    Ok(match next {
        Some(next) => FollowupDone::Resumed { short, next, zone: followup.schedule.zone },
        None => FollowupDone::Unchanged { short, why: "its schedule has no further time".to_owned() },
    })
}

async fn add_next(
    tx: &mut Tx<'_>,
    followup: &FollowupRow,
    after: Timestamp,
    acting: &mut Acting<'_>,
) -> Result<Option<Timestamp>, StoreError> {
    let Some(next) = followup.schedule.next_after(after) else { return Ok(None) };
    insert(tx, &acting.fresh.occurrence(), followup, next, false).await?;
    Ok(Some(next))
}

pub(super) async fn insert(
    tx: &mut Tx<'_>,
    id: &OccurrenceId,
    followup: &FollowupRow,
    due: Timestamp,
    manual: bool,
) -> Result<(), StoreError> {
    tx.run(INSERT_OCCURRENCE, args![id, &followup.id, due, manual, due]).await?;
    Ok(())
}

/// Fires beside the schedule: a one-shot now instead of later, a recurring one additionally. It takes
/// the same road as any occurrence from here on.
async fn run(
    tx: &mut Tx<'_>,
    followup: &FollowupRow,
    acting: &mut Acting<'_>,
) -> Result<Result<(), String>, StoreError> {
    let open = open_occurrences(tx, followup).await?;
    for occurrence in &open {
        if occurrence.state == OccurrenceState::Running {
            let job = match &occurrence.worker {
                Some(worker) => tx.row(SHORT_OF, args![worker]).await?.map(|row| row.text("short")).transpose()?,
                None => None,
            };
            return Ok(Err(match job.map(Short::new) {
                Some(job) => format!("{job} of it still runs"),
                None => "it is about to run".to_owned(),
            }));
        }
    }
    if !followup.schedule.is_recurring()
        && let Some(occurrence) = open.first()
    {
        tx.run(GO_ON, args![&followup.id]).await?;
        tx.run(BY_HAND, args![acting.wall, &occurrence.id]).await?;
        return Ok(Ok(()));
    }
    // A second press is no second run; one that a pause keeps waiting is what is wished for now.
    if let Some(by_hand) = open.iter().find(|one| one.manual) {
        if by_hand.due_at.is_some() {
            return Ok(Err("it is about to run".to_owned()));
        }
        tx.run(DUE, args![acting.wall, &by_hand.id]).await?;
        return Ok(Ok(()));
    }
    insert(tx, &acting.fresh.occurrence(), followup, acting.wall, true).await?;
    Ok(Ok(()))
}
