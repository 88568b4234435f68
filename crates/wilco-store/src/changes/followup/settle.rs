//! Settling occurrences. One function does it, whoever asks: the tick, a run by hand, the end of a job,
//! a person (requirement F10).

use wilco_core::followup::{FollowupState, OccurrenceSignal, OccurrenceState, Settlement, Skip};
use wilco_core::gate::ClosedGate;
use wilco_core::worker::{EndKind, Ending};
use wilco_core::{Address, BackendId, FollowupId, OccurrenceId, Short, Timestamp, WorkerId, wording};

use super::notice;
use super::schedule::INSERT_OCCURRENCE;
use crate::changes::{Fresh, gate};
use crate::crash;
use crate::engine::{Tx, args};
use crate::error::StoreError;
use crate::rows::{FOLLOWUP_BY_ID, FollowupRow, OCCURRENCE_BY_ID, OccurrenceRow, WorkerRow};

const SETTLE: &str = "UPDATE occurrences SET state = $1, reason = $2, settled_at = $3, due_at = NULL, \
                      lease_owner = NULL, lease_until = NULL WHERE id = $4 AND settled_at IS NULL";
const COUNTED: &str = "UPDATE followups SET failures = $1 WHERE id = $2";
const PAUSE: &str = "UPDATE followups SET state = 'paused', reason = $1 WHERE id = $2 AND state = 'pending'";
const END: &str = "UPDATE followups SET state = $1, reason = $2, ended_at = $3 WHERE id = $4 AND ended_at IS NULL";
/// What is scheduled keeps its place and loses its time.
pub(super) const HOLD: &str =
    "UPDATE occurrences SET due_at = NULL WHERE followup = $1 AND settled_at IS NULL AND state = 'scheduled'";
pub(super) const OPEN: &str = "SELECT COUNT(*) AS open FROM occurrences WHERE followup = $1 AND settled_at IS NULL";
pub(super) const CALL_OFF: &str = "UPDATE occurrences SET state = 'cancelled', reason = $1, settled_at = $2, \
                                   due_at = NULL, gate = NULL, lease_owner = NULL, lease_until = NULL \
                                   WHERE followup = $3 AND settled_at IS NULL AND worker IS NULL";
const INSERT_HELD: &str = "INSERT INTO occurrences (id, followup, due, manual, state, gate) \
                           VALUES ($1, $2, $3, $4, 'scheduled', $5) ON CONFLICT (followup, due, manual) DO NOTHING";
pub(super) const OPENED: &str =
    "UPDATE occurrences SET gate = NULL, due_at = $1 WHERE gate = $2 AND settled_at IS NULL";
const FORGET: [&str; 2] = ["DELETE FROM occurrences WHERE followup = $1", "DELETE FROM followups WHERE id = $1"];
const OF_WORKER: &str = "SELECT occurrence FROM workers WHERE id = $1";
const UNREADABLE: &str = "UPDATE occurrences SET state = 'failed', reason = 'its job cannot be read', \
                          settled_at = $1 WHERE id = $2 AND settled_at IS NULL";
const UNREADABLE_COUNTS: &str = "UPDATE followups SET failures = failures + 1 \
                                 WHERE id = (SELECT followup FROM occurrences WHERE id = $1)";
const UNREADABLE_ENDS: &str = "UPDATE followups SET state = 'ended', reason = 'its job cannot be read', ended_at = $1 \
                               WHERE id = (SELECT followup FROM occurrences WHERE id = $2) AND ended_at IS NULL \
                               AND NOT EXISTS (SELECT 1 FROM occurrences WHERE occurrences.followup = followups.id \
                               AND occurrences.settled_at IS NULL)";

/// An occurrence that was settled, for whoever looks (requirement F12).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowupTold {
    /// Which follow-up.
    pub short: Short,
    /// Where it fires.
    pub address: Address,
    /// How it was settled.
    pub status: OccurrenceState,
    /// Why.
    pub reason: Option<String>,
}

/// How a settlement is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tell {
    /// The job's own message says it.
    Job,
    /// It is kept as a row; whoever settles it says what there is to say.
    Elsewhere,
    /// The originator is told in the place of the follow-up or along its route.
    Notice,
}

/// What every settlement needs.
pub(super) struct Settling<'a> {
    pub(super) now: Timestamp,
    pub(super) fresh: &'a mut Fresh,
    pub(super) told: &'a mut Vec<FollowupTold>,
}

/// Settles one occurrence and does what follows for its follow-up. Answers whether it did; one that is
/// settled already stays as it is.
///
/// `for_good` says that what failed will fail again, so that a recurring follow-up is paused at once.
pub(super) async fn settle(
    tx: &mut Tx<'_>,
    followup: &mut FollowupRow,
    occurrence: &OccurrenceRow,
    with: &Settlement,
    tell: Tell,
    for_good: bool,
    settling: &mut Settling<'_>,
) -> Result<bool, StoreError> {
    let state = occurrence.state.step(OccurrenceSignal::Settled(with.state()));
    if state != with.state() || occurrence.state.is_settled() {
        return Ok(false);
    }
    let reason = with.reason();
    if tx.run(SETTLE, args![state.name(), reason.as_deref(), settling.now, &occurrence.id]).await? == 0 {
        return Ok(false);
    }
    settling.told.push(FollowupTold {
        short: followup.short.clone(),
        address: followup.place.address.clone(),
        status: state,
        reason: reason.clone(),
    });
    log(tx, followup, occurrence, state, reason.clone());
    let failures = with.counts(followup.failures);
    if failures != followup.failures {
        tx.run(COUNTED, args![failures, &followup.id]).await?;
        followup.failures = failures;
    }
    let why = reason.unwrap_or_default();
    let failed = matches!(with, Settlement::Failed(_) | Settlement::FailedDropped(_));
    let rests = failed
        && followup.schedule.is_recurring()
        && followup.state == FollowupState::Pending
        && (for_good || failures >= followup.pause_after);
    if rests {
        let reason = if for_good { why.clone() } else { format!("{failures} failures in a row, the last one: {why}") };
        pause(tx, followup, &reason).await?;
        let text = wording::paused(&followup.short, failures, &why, &followup.task);
        notice::tell(tx, followup, text, settling.now, settling.fresh).await?;
    } else if tell == Tell::Notice && failed {
        let text = wording::not_run(&followup.short, &why, &followup.task);
        notice::tell(tx, followup, text, settling.now, settling.fresh).await?;
    }
    end_if_over(tx, followup, occurrence, with, settling).await?;
    crash::point("store.fire.settled");
    Ok(true)
}

fn log(
    tx: &mut Tx<'_>,
    followup: &FollowupRow,
    occurrence: &OccurrenceRow,
    state: OccurrenceState,
    reason: Option<String>,
) {
    let (short, id, address) = (followup.short.clone(), occurrence.id.clone(), followup.place.address.clone());
    tx.tell(move || {
        let (status, reason) = (state.name(), reason.unwrap_or_default());
        if state == OccurrenceState::FailedDropped {
            tracing::warn!(followup_id = %short, occurrence = %id, channel = %address, status, reason, "follow-up dropped");
        } else {
            tracing::info!(followup_id = %short, occurrence = %id, channel = %address, status, reason, "follow-up settled");
        }
    });
}

/// A closed gate: the occurrence is skipped without calling out, and its originator told once for each
/// closing. A recurring follow-up goes on by its schedule; a one-shot keeps waiting, and is due as soon as
/// the gate opens (requirement H9).
pub(super) async fn behind_gate(
    tx: &mut Tx<'_>,
    followup: &mut FollowupRow,
    occurrence: &OccurrenceRow,
    closed: &ClosedGate,
    settling: &mut Settling<'_>,
) -> Result<(), StoreError> {
    let why = wording::gate_line(closed);
    if !followup.schedule.is_recurring() {
        let waits = settling.fresh.occurrence();
        // It stays as late as it is, however often the gate is closed again; a fire key needs a time of its own.
        let due = Timestamp(occurrence.due.0.saturating_add(1));
        tx.run(INSERT_HELD, args![&waits, &followup.id, due, occurrence.manual, &closed.backend]).await?;
    }
    let skipped = Settlement::Skipped(Skip::Gate(why.clone()));
    settle(tx, followup, occurrence, &skipped, Tell::Elsewhere, false, settling).await?;
    let address = &followup.place.address;
    if gate::tell_once(tx, &closed.backend, &address.account, &followup.person.id).await? {
        let text = wording::held(&followup.short, &why, &followup.task);
        notice::tell(tx, followup, text, settling.now, settling.fresh).await?;
    }
    Ok(())
}

/// The gate has opened: what waited for it is due.
pub(crate) async fn gate_opened(tx: &mut Tx<'_>, backend: &BackendId, wall: Timestamp) -> Result<(), StoreError> {
    tx.run(OPENED, args![wall, backend]).await?;
    Ok(())
}

/// A follow-up without any occurrence ahead of it is over; what was called off meanwhile stays so. One
/// whose schedule goes on is never over: it gets the next occurrence here, should it have lost it.
async fn end_if_over(
    tx: &mut Tx<'_>,
    followup: &mut FollowupRow,
    occurrence: &OccurrenceRow,
    with: &Settlement,
    settling: &mut Settling<'_>,
) -> Result<(), StoreError> {
    if !followup.state.is_open() {
        return Ok(());
    }
    let open = match tx.row(OPEN, args![&followup.id]).await? {
        Some(row) => row.count("open")?,
        None => 0,
    };
    if open > 0 {
        return Ok(());
    }
    let after = settling.now.max(occurrence.due);
    let next = if followup.schedule.is_recurring() { followup.schedule.next_after(after) } else { None };
    if let Some(next) = next {
        let due_at = (followup.state == FollowupState::Pending).then_some(next);
        tx.run(INSERT_OCCURRENCE, args![&settling.fresh.occurrence(), &followup.id, next, false, due_at]).await?;
        return Ok(());
    }
    if followup.delete_after_run && matches!(with, Settlement::Success | Settlement::FailedDropped(_)) {
        for sql in FORGET {
            tx.run(sql, args![&followup.id]).await?;
        }
        followup.state = FollowupState::Ended;
        return Ok(());
    }
    end(tx, followup, FollowupState::Ended, with.reason(), settling.now).await
}

/// Closes a follow-up.
pub(super) async fn end(
    tx: &mut Tx<'_>,
    followup: &mut FollowupRow,
    state: FollowupState,
    reason: Option<String>,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.run(END, args![state.name(), reason.as_deref(), now, &followup.id]).await?;
    (followup.state, followup.reason) = (state, reason);
    Ok(())
}

/// Keeps a follow-up from firing; nothing of it is due any more.
pub(super) async fn pause(tx: &mut Tx<'_>, followup: &mut FollowupRow, reason: &str) -> Result<(), StoreError> {
    tx.run(PAUSE, args![reason, &followup.id]).await?;
    tx.run(HOLD, args![&followup.id]).await?;
    (followup.state, followup.reason) = (FollowupState::Paused, Some(reason.to_owned()));
    Ok(())
}

/// Calls a follow-up off with everything of it that has not become a job. A job that runs goes on: it
/// has a Cancel of its own.
pub(super) async fn call_off(
    tx: &mut Tx<'_>,
    followup: &mut FollowupRow,
    reason: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    call_off_by_id(tx, &followup.id, reason, now).await?;
    (followup.state, followup.reason) = (FollowupState::Cancelled, Some(reason.to_owned()));
    let (short, address, reason) = (followup.short.clone(), followup.place.address.clone(), reason.to_owned());
    tx.tell(move || tracing::info!(followup_id = %short, channel = %address, reason, "follow-up called off"));
    Ok(())
}

/// The same for one that perhaps cannot be read.
pub(super) async fn call_off_by_id(
    tx: &mut Tx<'_>,
    followup: &FollowupId,
    reason: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.run(CALL_OFF, args![reason, now, followup]).await?;
    tx.run(END, args![FollowupState::Cancelled.name(), reason, now, followup]).await?;
    Ok(())
}

/// Loads an occurrence with its follow-up.
pub(super) async fn load(
    tx: &mut Tx<'_>,
    occurrence: &OccurrenceId,
) -> Result<Option<(FollowupRow, OccurrenceRow)>, StoreError> {
    let Some(row) = tx.row(OCCURRENCE_BY_ID, args![occurrence]).await? else { return Ok(None) };
    let occurrence = OccurrenceRow::decode(&row)?;
    let Some(row) = tx.row(FOLLOWUP_BY_ID, args![&occurrence.followup]).await? else { return Ok(None) };
    Ok(Some((FollowupRow::decode(&row)?, occurrence)))
}

/// The job of an occurrence has ended, and settles it in the same transaction. How its message is
/// delivered is another matter, and is read from its contract (requirement F22).
pub(crate) async fn worker_ended(
    tx: &mut Tx<'_>,
    worker: &WorkerRow,
    ending: &Ending,
    now: Timestamp,
    fresh: &mut Fresh,
) -> Result<(), StoreError> {
    let Some(id) = &worker.occurrence else { return Ok(()) };
    let Some((mut followup, occurrence)) = load(tx, id).await? else { return Ok(()) };
    let why = |word: &str| match ending.detail.as_str() {
        "" => format!("{} {word}", worker.short),
        detail => format!("{} {word}: {detail}", worker.short),
    };
    let mut told = Vec::new();
    if let Some(halt) = ending.halt.as_ref().filter(|halt| !halt.called)
        && let Some(closed) = gate::closed(tx, &halt.backend).await?
    {
        let mut settling = Settling { now, fresh, told: &mut told };
        return behind_gate(tx, &mut followup, &occurrence, &closed, &mut settling).await;
    }
    let with = match ending.kind {
        EndKind::Done => Settlement::Success,
        EndKind::Failed => Settlement::Failed(why("failed")),
        EndKind::TimedOut => Settlement::Failed(why("timed out")),
        EndKind::Interrupted => Settlement::Failed(why("was interrupted")),
        EndKind::Cancelled => Settlement::Cancelled(why("was cancelled")),
    };
    let mut settling = Settling { now, fresh, told: &mut told };
    settle(tx, &mut followup, &occurrence, &with, Tell::Job, false, &mut settling).await?;
    Ok(())
}

/// The job of an occurrence was set aside, because its row cannot be read. Only columns are used that need
/// no decoding: the follow-up may be as unreadable as the job.
pub(crate) async fn worker_unreadable(tx: &mut Tx<'_>, worker: &WorkerId, now: Timestamp) -> Result<(), StoreError> {
    let Some(row) = tx.row(OF_WORKER, args![worker]).await? else { return Ok(()) };
    if let Some(occurrence) = row.opt_text("occurrence")?
        && tx.run(UNREADABLE, args![now, occurrence.as_str()]).await? > 0
    {
        tx.run(UNREADABLE_COUNTS, args![occurrence.as_str()]).await?;
        tx.run(UNREADABLE_ENDS, args![now, occurrence]).await?;
    }
    Ok(())
}
