//! Scheduling: a follow-up with its first occurrence, in the place where it was asked for.

use async_trait::async_trait;
use wilco_core::desk::{FollowupSet, FollowupView};
use wilco_core::followup::{FollowupState, Wanted};
use wilco_core::{AccountId, FollowupId, OccurrenceId, Person, Place, Short, Timestamp};

use super::settle;
use crate::changes::accept::TAKEN;
use crate::changes::offer::ONCE;
use crate::crash;
use crate::engine::{Change, Tx, args};
use crate::error::StoreError;
use crate::rows::{FOLLOWUP_BY_ID, FollowupRow, json};

/// Counts no further than the limit, so that it costs the same however many there are.
pub(super) const COUNT: &str = "SELECT COUNT(*) AS pending FROM (SELECT 1 FROM followups \
                                WHERE account = $1 AND person_id = $2 AND ended_at IS NULL LIMIT $3) AS counted";
pub(super) const SAME_KEY: &str = super::resolve::BY_KEY;
const INSERT: &str = "INSERT INTO followups (id, short, task, kind, schedule, recurring, state, purpose, \
                      dedupe, delete_after_run, pause_after, person, person_id, account, channel, thread, place, \
                      guild, created_at) VALUES ($1, $2, $3, $4, $5, $6, 'pending', $7, $8, $9, $10, $11, $12, $13, \
                      $14, $15, $16, $17, $18)";
pub(super) const INSERT_OCCURRENCE: &str = "INSERT INTO occurrences (id, followup, due, manual, state, due_at) \
                                            VALUES ($1, $2, $3, $4, 'scheduled', $5) \
                                            ON CONFLICT (followup, due, manual) DO NOTHING";
/// A platform's roles are those of one guild, so what was seen in one says nothing of another.
pub(super) const SEEN: &str = "UPDATE followups SET person = $1 WHERE account = $2 AND person_id = $3 \
                               AND ended_at IS NULL AND person <> $1 AND COALESCE(guild, '') = $4";
const LINK: &str = "UPDATE inbox SET followup = $1 WHERE account = $2 AND event = $3";
const LINKED: &str = "SELECT followup FROM inbox WHERE account = $1 AND event = $2";
const FIRST_DUE: &str = "SELECT MIN(due) AS first FROM occurrences WHERE followup = $1";

/// A follow-up to store, with every id drawn beforehand.
#[derive(Clone, Debug)]
pub struct NewFollowup {
    /// Its id.
    pub id: FollowupId,
    /// The id of its first occurrence.
    pub occurrence: OccurrenceId,
    /// Candidates for the short id; the first free one is taken.
    pub shorts: Vec<Short>,
    /// What is wanted.
    pub wanted: Wanted,
    /// After how many failures in a row it is paused; it keeps what held when it was scheduled.
    pub pause_after: u32,
    /// How many pending ones its person may have.
    pub per_person: u32,
    /// Whether a bare clock time had passed, for the confirmation.
    pub rolled: bool,
}

/// What became of a wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scheduling {
    /// It is stored.
    Set(Box<FollowupSet>),
    /// The person has as many as they may have.
    TooMany {
        /// The limit.
        limit: u32,
    },
    /// The same request was given before, and scheduled nothing.
    GivenBefore,
}

/// Schedules something from the command line or the API.
#[derive(Clone, Debug)]
pub struct ScheduleFollowup {
    /// The connection by which the request came.
    pub account: AccountId,
    /// What makes a repetition of the request recognisable.
    pub event: String,
    /// In whose name.
    pub person: Person,
    /// Where.
    pub place: Place,
    /// What.
    pub new: NewFollowup,
    /// The steady time.
    pub now: Timestamp,
    /// The wall clock.
    pub wall: Timestamp,
}

#[async_trait]
impl Change for ScheduleFollowup {
    type Out = Scheduling;

    fn name(&self) -> &'static str {
        "schedule"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<Scheduling, StoreError> {
        if tx.run(ONCE, args![&self.account, self.event.as_str(), self.now]).await? == 0 {
            return self.again(tx).await;
        }
        let done = schedule(tx, &self.person, &self.place, &self.new, self.now, self.wall).await?;
        if let Scheduling::Set(set) = &done {
            tx.run(LINK, args![&set.followup.id, &self.account, self.event.as_str()]).await?;
        }
        Ok(done)
    }
}

impl ScheduleFollowup {
    async fn again(&self, tx: &mut Tx<'_>) -> Result<Scheduling, StoreError> {
        let row = tx.row(LINKED, args![&self.account, self.event.as_str()]).await?;
        let Some(id) = row.map(|row| row.opt_text("followup")).transpose()?.flatten() else {
            return Ok(Scheduling::GivenBefore);
        };
        let Some(row) = tx.row(FOLLOWUP_BY_ID, args![id.as_str()]).await? else {
            return Ok(Scheduling::GivenBefore);
        };
        let followup = FollowupRow::decode(&row)?;
        let first = match tx.row(FIRST_DUE, args![&followup.id]).await? {
            Some(row) => row.opt_time("first")?,
            None => None,
        };
        let first = first.unwrap_or(followup.created);
        let followup = followup.view(Some(first), None, true);
        Ok(Scheduling::Set(Box::new(FollowupSet { followup, first, replaced: None, rolled: false })))
    }
}

/// The originator as a follow-up speaks for them. Who moderates is a matter of the moment and the place,
/// and is nothing that somebody else may speak with later.
fn originator(person: &Person) -> Person {
    Person { moderator: false, ..person.clone() }
}

/// A platform has said who somebody is now: their follow-ups fire with these roles, not with those of the
/// day on which they were scheduled (requirement F4).
pub(crate) async fn person_seen(tx: &mut Tx<'_>, place: &Place, person: &Person) -> Result<(), StoreError> {
    let (account, guild) = (&place.address.account, place.guild.as_deref().unwrap_or_default());
    tx.run(SEEN, args![json(&originator(person)), account, person.id.as_str(), guild]).await?;
    Ok(())
}

pub(crate) async fn schedule(
    tx: &mut Tx<'_>,
    person: &Person,
    place: &Place,
    new: &NewFollowup,
    now: Timestamp,
    wall: Timestamp,
) -> Result<Scheduling, StoreError> {
    let (wanted, address) = (&new.wanted, &place.address);
    let short = free_short(tx, &new.shorts).await?;
    let mut replaced = None;
    if let Some(key) = &wanted.key
        && let Some(row) = tx.row(SAME_KEY, args![&address.account, person.id.as_str(), key.as_str()]).await?
    {
        // One that cannot be read makes room like any other.
        let reason = format!("replaced by {short}");
        settle::call_off_by_id(tx, &FollowupId::new(row.text("id")?), &reason, now).await?;
        replaced = Some(Short::new(row.text("short")?));
    }
    let pending = match tx.row(COUNT, args![&address.account, person.id.as_str(), new.per_person]).await? {
        Some(row) => row.count("pending")?,
        None => 0,
    };
    // One that was replaced has made room for this one.
    if pending >= new.per_person && replaced.is_none() {
        return Ok(Scheduling::TooMany { limit: new.per_person });
    }
    tx.run(
        INSERT,
        args![
            &new.id,
            &short,
            json(&wanted.task),
            wanted.task.kind(),
            json(&wanted.schedule),
            wanted.schedule.is_recurring(),
            wanted.reason.as_str(),
            wanted.key.as_deref(),
            wanted.delete_after_run,
            new.pause_after,
            json(&originator(person)),
            person.id.as_str(),
            &address.account,
            &address.channel,
            address.thread.as_deref(),
            json(place),
            place.guild.as_deref(),
            wall
        ],
    )
    .await?;
    tx.run(INSERT_OCCURRENCE, args![&new.occurrence, &new.id, wanted.first, false, wanted.first]).await?;
    crash::point("store.schedule.applied");
    let (name, at, kind) = (short.clone(), address.clone(), wanted.task.kind());
    tx.tell(move || tracing::info!(followup_id = %name, kind, channel = %at, "scheduled"));
    let followup = FollowupView {
        id: new.id.clone(),
        short,
        task: wanted.task.clone(),
        state: FollowupState::Pending,
        reason: None,
        schedule: wanted.schedule.clone(),
        rule: wanted.schedule.words(),
        next: Some(wanted.first),
        gate: None,
        purpose: wanted.reason.clone(),
        by: person.name.clone(),
        address: address.clone(),
        key: wanted.key.clone(),
        failures: 0,
        delete_after_run: wanted.delete_after_run,
        created: wall,
        last: None,
        may_change: true,
    };
    let set = FollowupSet { followup, first: wanted.first, replaced, rolled: new.rolled };
    Ok(Scheduling::Set(Box::new(set)))
}

/// The first candidate that neither a follow-up nor a job has.
async fn free_short(tx: &mut Tx<'_>, candidates: &[Short]) -> Result<Short, StoreError> {
    for short in candidates {
        if tx.row(TAKEN, args![short]).await?.is_none() {
            return Ok(short.clone());
        }
    }
    Err(StoreError::Busy("every drawn short id is taken; ask again".to_owned()))
}
