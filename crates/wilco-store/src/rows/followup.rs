use wilco_core::desk::{FollowupView, OccurrenceView};
use wilco_core::followup::{FollowupState, Late, OccurrenceState, Task};
use wilco_core::when::Schedule;
use wilco_core::{FollowupId, OccurrenceId, Person, Place, Short, Timestamp, WorkerId};

use super::named;
use crate::engine::Row;
use crate::error::StoreError;

macro_rules! followup_columns {
    () => {
        "SELECT id, short, task, schedule, state, reason, purpose, dedupe, delete_after_run, pause_after, \
         failures, person, place, created_at FROM followups "
    };
}
pub(crate) use followup_columns;

pub(crate) const FOLLOWUP_BY_ID: &str = concat!(followup_columns!(), "WHERE id = $1");

/// One row of `followups`.
#[derive(Clone, Debug)]
pub(crate) struct FollowupRow {
    pub(crate) id: FollowupId,
    pub(crate) short: Short,
    pub(crate) task: Task,
    pub(crate) schedule: Schedule,
    pub(crate) state: FollowupState,
    pub(crate) reason: Option<String>,
    pub(crate) purpose: String,
    pub(crate) key: Option<String>,
    pub(crate) delete_after_run: bool,
    pub(crate) pause_after: u32,
    pub(crate) failures: u32,
    pub(crate) person: Person,
    pub(crate) place: Place,
    pub(crate) created: Timestamp,
}

impl FollowupRow {
    pub(crate) fn decode(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: FollowupId::new(row.text("id")?),
            short: Short::new(row.text("short")?),
            task: row.json("task")?,
            schedule: row.json("schedule")?,
            state: named(row, "state", FollowupState::from_name)?,
            reason: row.opt_text("reason")?,
            purpose: row.text("purpose")?,
            key: row.opt_text("dedupe")?,
            delete_after_run: row.flag("delete_after_run")?,
            pause_after: row.count("pause_after")?,
            failures: row.count("failures")?,
            person: row.json("person")?,
            place: row.json("place")?,
            created: row.time("created_at")?,
        })
    }

    /// The follow-up as lists show it.
    pub(crate) fn view(&self, next: Option<Timestamp>, last: Option<OccurrenceView>, may_change: bool) -> FollowupView {
        FollowupView {
            id: self.id.clone(),
            short: self.short.clone(),
            task: self.task.clone(),
            state: self.state,
            reason: self.reason.clone(),
            schedule: self.schedule.clone(),
            rule: self.schedule.words(),
            next,
            gate: None,
            purpose: self.purpose.clone(),
            by: self.person.name.clone(),
            address: self.place.address.clone(),
            key: self.key.clone(),
            failures: self.failures,
            delete_after_run: self.delete_after_run,
            created: self.created,
            last,
            may_change,
        }
    }
}

macro_rules! occurrence_columns {
    () => {
        "SELECT id, followup, due, manual, state, due_at, reason, attempts, last_error, fired_at, late, \
         worker, settled_at FROM occurrences "
    };
}
pub(crate) use occurrence_columns;

pub(crate) const OCCURRENCE_BY_ID: &str = concat!(occurrence_columns!(), "WHERE id = $1");

/// One row of `occurrences`.
#[derive(Clone, Debug)]
pub(crate) struct OccurrenceRow {
    pub(crate) id: OccurrenceId,
    pub(crate) followup: FollowupId,
    pub(crate) due: Timestamp,
    pub(crate) manual: bool,
    pub(crate) state: OccurrenceState,
    pub(crate) due_at: Option<Timestamp>,
    pub(crate) reason: Option<String>,
    pub(crate) attempts: u32,
    pub(crate) last_error: Option<String>,
    pub(crate) fired: Option<Timestamp>,
    pub(crate) late: Option<Late>,
    pub(crate) worker: Option<WorkerId>,
    pub(crate) settled: Option<Timestamp>,
}

impl OccurrenceRow {
    pub(crate) fn decode(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: OccurrenceId::new(row.text("id")?),
            followup: FollowupId::new(row.text("followup")?),
            due: row.time("due")?,
            manual: row.flag("manual")?,
            state: named(row, "state", OccurrenceState::from_name)?,
            due_at: row.opt_time("due_at")?,
            reason: row.opt_text("reason")?,
            attempts: row.count("attempts")?,
            last_error: row.opt_text("last_error")?,
            fired: row.opt_time("fired_at")?,
            late: row.opt_json("late")?,
            worker: row.opt_text("worker")?.map(WorkerId::new),
            settled: row.opt_time("settled_at")?,
        })
    }
}
