//! What people see of follow-ups, and what they can ask for.

use serde::{Deserialize, Serialize};

use super::Limit;
use crate::address::Address;
use crate::contract::ContractState;
use crate::followup::{FollowupState, Late, OccurrenceState, Task};
use crate::ids::{BackendId, FollowupId, Short};
use crate::time::Timestamp;
use crate::when::{Schedule, Zone};

/// One follow-up in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowupView {
    /// The store's id.
    pub id: FollowupId,
    /// The id that people type.
    pub short: Short,
    /// What it does.
    pub task: Task,
    /// Where it stands.
    pub state: FollowupState,
    /// Why it stands so, when somebody or something changed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When, as it is stored: local rule and zone.
    pub schedule: Schedule,
    /// When, as people read it, such as `every weekday 9:00`.
    pub rule: String,
    /// The next due time; none while it is paused or over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Timestamp>,
    /// The backend whose gate it waits for; it is due as soon as that is opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<BackendId>,
    /// Why it was scheduled: the reason that was given, else the words with which it was typed.
    #[serde(default)]
    pub purpose: String,
    /// The name of who scheduled it.
    pub by: String,
    /// Where it was scheduled, and where it fires.
    pub address: Address,
    /// The key under which a later one replaces it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// How many occurrences failed in a row.
    pub failures: u32,
    /// Whether its rows are removed after it has run or was dropped.
    pub delete_after_run: bool,
    /// When it was scheduled.
    pub created: Timestamp,
    /// The last occurrence whose time has come, whatever became of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<OccurrenceView>,
    /// Whether whoever asked may call it off, pause it or make it run.
    pub may_change: bool,
}

/// One occurrence of a follow-up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OccurrenceView {
    /// When it was due.
    pub due: Timestamp,
    /// Where it stands.
    pub state: OccurrenceState,
    /// Why it stands so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether somebody made it run by hand.
    pub manual: bool,
    /// Attempts to inject it.
    pub attempts: u32,
    /// What kept the last attempt from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// When the next attempt is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Timestamp>,
    /// When it was injected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fired: Option<Timestamp>,
    /// How late it was, when it was late.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub late: Option<Late>,
    /// When it was settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled: Option<Timestamp>,
    /// The job that it started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<Short>,
    /// What became of that job's promise in the channel; apart from how the job ended (requirement F22).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery: Option<ContractState>,
}

/// Everything about one follow-up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowupInspection {
    /// The follow-up.
    pub followup: FollowupView,
    /// Its newest occurrences, newest first.
    pub occurrences: Vec<OccurrenceView>,
}

/// Which follow-ups to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FollowupFilter {
    /// Only those of this place (with this thread, when it names one), and the caller's own.
    pub address: Option<Address>,
    /// Those that are over, too.
    pub all: bool,
    /// At most so many, the next due first.
    pub limit: Limit,
}

/// A follow-up that somebody wants, as they said it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowupWish {
    /// The time, as `wilco_core::when` reads it.
    pub when: String,
    /// What is said then, or the worker's input.
    #[serde(default)]
    pub text: String,
    /// The worker kind to start directly; without it the text is said as a turn.
    #[serde(default)]
    pub worker: Option<String>,
    /// Why; the words of the time when absent.
    #[serde(default)]
    pub reason: Option<String>,
    /// A later one of the same person with the same key takes its place.
    #[serde(default)]
    pub key: Option<String>,
    /// Remove its rows after it has run or was dropped.
    #[serde(default)]
    pub delete_after_run: bool,
}

/// A follow-up that was scheduled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowupSet {
    /// The follow-up.
    pub followup: FollowupView,
    /// Its first occurrence.
    pub first: Timestamp,
    /// The one whose place it takes, when it has a key that was in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaced: Option<Short>,
    /// Whether a bare clock time had passed today, so that its next occurrence is meant.
    #[serde(default)]
    pub rolled: bool,
}

/// What an act on a follow-up did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum FollowupDone {
    /// It is called off; nothing of it fires any more.
    Cancelled {
        /// Which.
        short: Short,
    },
    /// It keeps its schedule and does not fire.
    Paused {
        /// Which.
        short: Short,
    },
    /// It goes on.
    Resumed {
        /// Which.
        short: Short,
        /// When it is due next.
        next: Timestamp,
        /// The zone of its times.
        zone: Zone,
    },
    /// It goes on as soon as the gate opens behind which it waits.
    Waits {
        /// Which.
        short: Short,
        /// Whose gate.
        gate: BackendId,
    },
    /// It fires as soon as the loop gets to it.
    Runs {
        /// Which.
        short: Short,
    },
    /// Nothing was changed; the sentence says why.
    Unchanged {
        /// Which.
        short: Short,
        /// Why.
        why: String,
    },
}

impl FollowupDone {
    /// Which follow-up it was about.
    pub fn short(&self) -> &Short {
        match self {
            Self::Cancelled { short }
            | Self::Paused { short }
            | Self::Resumed { short, .. }
            | Self::Waits { short, .. }
            | Self::Runs { short }
            | Self::Unchanged { short, .. } => short,
        }
    }
}
