use wilco_core::desk::{CancelView, JobView};
use wilco_core::job::Input;
use wilco_core::settings::KindSettings;
use wilco_core::wording::{Job, Shown};
use wilco_core::worker::WorkerState;
use wilco_core::{Address, BackendId, OccurrenceId, Short, Timestamp, WorkerId};

use super::{address, named};
use crate::engine::Row;
use crate::error::StoreError;

/// Every column but the ending, which may be a megabyte and is read only to be shown.
macro_rules! worker_columns {
    () => {
        "SELECT id, short, kind, input, rules, state, person_id, person_name, account, channel, thread, ahead, \
         reruns, created_at, started_at, ended_at, hard_deadline, alive_at, shown, cancel_by, \
         cancel_reason, cancel_at, attempt, due_at, retry_cause, backend, occurrence FROM workers "
    };
}
pub(crate) use worker_columns;

pub(crate) const WORKER_BY_ID: &str = concat!(worker_columns!(), "WHERE id = $1");

/// One row of `workers`.
#[derive(Clone, Debug)]
pub(crate) struct WorkerRow {
    pub(crate) id: WorkerId,
    pub(crate) short: Short,
    pub(crate) kind: String,
    pub(crate) input: Input,
    pub(crate) rules: KindSettings,
    pub(crate) state: WorkerState,
    pub(crate) person_id: String,
    pub(crate) person_name: String,
    pub(crate) address: Address,
    pub(crate) ahead: Option<u32>,
    pub(crate) reruns: u32,
    pub(crate) created: Timestamp,
    pub(crate) started: Option<Timestamp>,
    pub(crate) ended: Option<Timestamp>,
    pub(crate) hard_deadline: Option<Timestamp>,
    pub(crate) alive_at: Option<Timestamp>,
    pub(crate) shown: Shown,
    pub(crate) cancel: Option<CancelView>,
    /// The occurrence of a follow-up that this job settles when it ends.
    pub(crate) occurrence: Option<OccurrenceId>,
    /// How often it was started, without what crashes took back.
    pub(crate) attempt: u32,
    /// When its next attempt is due, while it rests.
    pub(crate) due_at: Option<Timestamp>,
    /// Why the attempt before failed.
    pub(crate) retry_cause: Option<String>,
    pub(crate) backend: Option<BackendId>,
}

impl WorkerRow {
    pub(crate) fn decode(row: &Row) -> Result<Self, StoreError> {
        let cancel = match row.opt_time("cancel_at")? {
            Some(at) => Some(CancelView { by: row.text("cancel_by")?, reason: row.text("cancel_reason")?, at }),
            None => None,
        };
        Ok(Self {
            id: WorkerId::new(row.text("id")?),
            short: Short::new(row.text("short")?),
            kind: row.text("kind")?,
            input: row.json("input")?,
            rules: row.json("rules")?,
            state: named(row, "state", WorkerState::from_name)?,
            person_id: row.text("person_id")?,
            person_name: row.text("person_name")?,
            address: address(row)?,
            ahead: row.opt_int("ahead")?.map(|ahead| u32::try_from(ahead).unwrap_or(u32::MAX)),
            reruns: row.count("reruns")?,
            created: row.time("created_at")?,
            started: row.opt_time("started_at")?,
            ended: row.opt_time("ended_at")?,
            hard_deadline: row.opt_time("hard_deadline")?,
            alive_at: row.opt_time("alive_at")?,
            shown: row.json("shown")?,
            cancel,
            occurrence: row.opt_text("occurrence")?.map(OccurrenceId::new),
            attempt: row.count("attempt")?,
            due_at: row.opt_time("due_at")?,
            retry_cause: row.opt_text("retry_cause")?,
            backend: row.opt_text("backend")?.map(BackendId::new),
        })
    }

    /// The job as messages speak of it.
    pub(crate) fn job(&self) -> Job<'_> {
        Job { kind: &self.kind, short: &self.short }
    }

    /// The job as lists show it.
    pub(crate) fn view(&self) -> JobView {
        JobView {
            id: self.id.clone(),
            short: self.short.clone(),
            kind: self.kind.clone(),
            state: self.state,
            input: self.input.text.clone(),
            by: self.person_name.clone(),
            address: self.address.clone(),
            created: self.created,
            started: self.started,
            ended: self.ended,
            progress: self.shown.summary(),
            cancel: self.cancel.clone(),
            origin: self.input.origin.clone(),
        }
    }

    /// When the deadline watch has to look at it next: the earliest limit that holds in its state.
    pub(crate) fn next_deadline(&self, now: Timestamp) -> Option<Timestamp> {
        match self.state {
            WorkerState::Running => {
                let silent = self.rules.inactivity.map(|limit| self.alive_at.unwrap_or(now).plus(limit));
                self.hard_deadline.into_iter().chain(silent).min()
            }
            WorkerState::WaitingForInput => Some(now.plus(self.rules.question)),
            // The limit of all attempts holds while it rests between two of them.
            WorkerState::Queued => self.due_at.and(self.hard_deadline),
            WorkerState::Cancelling
            | WorkerState::Done
            | WorkerState::Failed
            | WorkerState::Cancelled
            | WorkerState::TimedOut
            | WorkerState::Interrupted => None,
        }
    }
}
