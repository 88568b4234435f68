//! Follow-ups: what shall happen later, in the place where it was asked for. One follow-up has one or
//! many occurrences; each occurrence fires at most once, and what became of it is kept.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::Short;
use crate::outcome::Cause;
use crate::schedule::INJECTION_WAITS;
use crate::time::Timestamp;
use crate::when::{Bounds, Schedule, Zone};

mod due;
mod states;

pub use due::{DueNow, LATE_AFTER, Lateness, MISSED_ROWS, due_now, lateness, latest_due};
pub use states::{FollowupState, OccurrenceSignal, OccurrenceState};

/// What a follow-up does when it is due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Task {
    /// Says something in its originator's name, as if it were typed there at that time.
    Turn {
        /// What is said; a command when it begins with a slash.
        text: String,
    },
    /// Starts a worker that needs no account; failures are tried again (`[retry]`).
    Command {
        /// The worker kind's name.
        worker: String,
        /// Its input.
        text: String,
    },
    /// Starts a worker that depends on a backend's account; it respects that backend's gate.
    Agent {
        /// The worker kind's name.
        worker: String,
        /// Its input.
        text: String,
    },
}

impl Task {
    /// The stored name of the kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Turn { .. } => "turn",
            Self::Command { .. } => "command",
            Self::Agent { .. } => "agent",
        }
    }

    /// The text that is said or handed to the worker.
    pub fn text(&self) -> &str {
        match self {
            Self::Turn { text } | Self::Command { text, .. } | Self::Agent { text, .. } => text,
        }
    }

    /// The worker kind that it starts by itself.
    pub fn worker(&self) -> Option<&str> {
        match self {
            Self::Turn { .. } => None,
            Self::Command { worker, .. } | Self::Agent { worker, .. } => Some(worker),
        }
    }

    /// The task as a person would have typed it.
    pub fn as_typed(&self) -> String {
        match self {
            Self::Turn { text } => text.clone(),
            Self::Command { worker, text } | Self::Agent { worker, text } => {
                format!("/run {worker} {text}").trim_end().to_owned()
            }
        }
    }
}

/// How a job came to be. A synthetic turn is marked as one wherever it is shown (requirement F1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Origin {
    /// A person asked for it there and then.
    #[default]
    Person,
    /// A follow-up was due.
    Scheduled(Scheduled),
    /// wilco itself has something to tell about a follow-up.
    Notice {
        /// Which follow-up.
        followup: Short,
    },
}

impl Origin {
    /// Whether a person asked for it there and then.
    pub fn is_person(&self) -> bool {
        matches!(self, Self::Person)
    }

    /// The mark of a job that a follow-up started.
    pub fn scheduled(&self) -> Option<&Scheduled> {
        match self {
            Self::Scheduled(scheduled) => Some(scheduled),
            Self::Person | Self::Notice { .. } => None,
        }
    }
}

/// The mark of a job that a follow-up started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scheduled {
    /// Which follow-up.
    pub followup: Short,
    /// When it was due.
    pub due: Timestamp,
    /// When it fired.
    pub fired: Timestamp,
    /// The zone in which its times are told.
    pub zone: Zone,
    /// The name of who scheduled it.
    pub originator: String,
    /// Why: the words with which it was scheduled, unless the originator gave a reason.
    pub reason: String,
    /// Whether somebody made it run by hand instead of waiting for its time.
    #[serde(default)]
    pub manual: bool,
    /// How late it is, when it is late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late: Option<Late>,
}

/// How late something fired, and why when that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Late {
    /// In milliseconds after it was due.
    pub by_ms: u64,
    /// Since when and until when the bot was offline, when that explains it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offline: Option<(Timestamp, Timestamp)>,
    /// How many earlier occurrences were missed before it.
    #[serde(default)]
    pub missed: u32,
}

/// What becomes of an occurrence whose time passed while the bot was down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissedPolicy {
    /// It runs late and says how late.
    #[default]
    RunLate,
    /// It does not run; the person is told that it was missed.
    Notice,
}

/// The numbers of follow-ups that a person can set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FollowupSettings {
    /// How far ahead and how often.
    pub bounds: Bounds,
    /// What becomes of what was missed.
    pub missed: MissedPolicy,
    /// How late something may still run; older ones are reported as missed.
    pub missed_max_age: Duration,
    /// After how many failures in a row a recurring follow-up is paused.
    pub pause_after: u32,
    /// How many pending follow-ups one person may have.
    pub per_person: u32,
    /// The zone of people and channels that have none of their own.
    pub timezone: Zone,
}

impl Default for FollowupSettings {
    fn default() -> Self {
        Self {
            bounds: Bounds::default(),
            missed: MissedPolicy::RunLate,
            missed_max_age: Duration::from_secs(24 * 3_600),
            pause_after: 5,
            per_person: 100,
            timezone: Zone::UTC,
        }
    }
}

/// A follow-up that somebody wants, as it was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// What it does.
    pub task: Task,
    /// When.
    pub schedule: Schedule,
    /// Its first occurrence.
    pub first: Timestamp,
    /// The words with which it was scheduled, or the reason that was given.
    pub reason: String,
    /// A later follow-up of the same person with the same key takes its place (requirement F3).
    pub key: Option<String>,
    /// Whether its rows are removed after it has run or was dropped; for one-shots.
    pub delete_after_run: bool,
}

/// What kept an occurrence from being injected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The address does not take messages any more, as its platform says.
    Gone(Cause),
    /// No account of that name is configured any more.
    AccountRemoved(String),
    /// Its originator may not do this any more; the sentence says what it needs.
    NotAllowed(String),
    /// The turn was understood and refused, such as a worker that does not exist.
    Refused(String),
    /// Too much is under way at this moment.
    Busy,
    /// The store is healthy and did not take this one.
    Error(String),
}

impl Trouble {
    /// What happened, in words for people and rows.
    pub fn words(&self) -> String {
        match self {
            Self::Gone(cause) => cause.text.clone(),
            Self::AccountRemoved(account) => format!("the account {account} is not configured any more"),
            Self::NotAllowed(why) | Self::Refused(why) | Self::Error(why) => why.clone(),
            Self::Busy => "too many messages were under way".to_owned(),
        }
    }
}

/// What is done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is given up, as `failed_dropped`.
    Drop {
        /// Why, with the number of attempts when there was more than one.
        why: String,
        /// Whether the next occurrence would fare the same: an address or a right does not come back by itself.
        for_good: bool,
    },
    /// It is over, as `failed`: another attempt would be refused in the same way.
    Fail(String),
    /// It is tried again after so long.
    Again(Duration),
}

/// The rule: only what will not mend by itself drops at once; everything else inside of a healthy
/// store is tried three times more (requirements F4 to F6). `attempts` counts this one, from 1.
pub fn judge(trouble: &Trouble, attempts: u32) -> Verdict {
    let transient = |error: &str| {
        let spent = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
        match INJECTION_WAITS.get(spent) {
            Some(&wait) => Verdict::Again(wait),
            None => Verdict::Drop { why: format!("{error}, after {attempts} attempts"), for_good: false },
        }
    };
    match trouble {
        Trouble::Gone(_) | Trouble::AccountRemoved(_) | Trouble::NotAllowed(_) => {
            Verdict::Drop { why: trouble.words(), for_good: true }
        }
        Trouble::Refused(why) => Verdict::Fail(why.clone()),
        Trouble::Busy | Trouble::Error(_) => transient(&trouble.words()),
    }
}

/// How an occurrence is settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// What it asked for was done.
    Success,
    /// What it asked for was not done, or its job did not end well.
    Failed(String),
    /// It could not be injected, and never will be.
    FailedDropped(String),
    /// Its time passed and it did not run.
    Missed(String),
    /// It was left out.
    Skipped(Skip),
    /// A person called it off.
    Cancelled(String),
}

/// Why an occurrence was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Skip {
    /// The one before still runs, as this job.
    Overlap(Short),
    /// The backend's gate is closed; the sentence says what opens it.
    Gate(String),
    /// Its follow-up was paused at its time.
    Paused,
}

impl Settlement {
    /// The state that it leads to.
    pub fn state(&self) -> OccurrenceState {
        match self {
            Self::Success => OccurrenceState::Success,
            Self::Failed(_) => OccurrenceState::Failed,
            Self::FailedDropped(_) => OccurrenceState::FailedDropped,
            Self::Missed(_) => OccurrenceState::Missed,
            Self::Skipped(_) => OccurrenceState::Skipped,
            Self::Cancelled(_) => OccurrenceState::Cancelled,
        }
    }

    /// Why, in words; nothing for a success.
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::Success => None,
            Self::Failed(why) | Self::FailedDropped(why) | Self::Missed(why) | Self::Cancelled(why) => {
                Some(why.clone())
            }
            Self::Skipped(Skip::Overlap(job)) => Some(format!("overlap: {job} still ran")),
            Self::Skipped(Skip::Gate(why)) => Some(format!("gate: {why}")),
            Self::Skipped(Skip::Paused) => Some("paused at its time".to_owned()),
        }
    }

    /// What it does to the count of failures in a row: one more, back to none, or nothing.
    pub fn counts(&self, failures: u32) -> u32 {
        match self {
            Self::Success => 0,
            Self::Failed(_) | Self::FailedDropped(_) => failures.saturating_add(1),
            Self::Missed(_) | Self::Skipped(_) | Self::Cancelled(_) => failures,
        }
    }
}

/// What a person wants done with a follow-up that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FollowupAct {
    /// Call it off.
    Cancel,
    /// Fire now, beside its schedule.
    Run,
    /// Keep it, and do not fire.
    Pause,
    /// Go on with the next occurrence.
    Resume,
}

impl FollowupAct {
    /// Every act, for tables and tests.
    pub const ALL: [Self; 4] = [Self::Cancel, Self::Run, Self::Pause, Self::Resume];

    /// The name in paths and commands.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Run => "run",
            Self::Pause => "pause",
            Self::Resume => "resume",
        }
    }

    /// The act with that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|act| act.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gone() -> Trouble {
        Trouble::Gone(Cause::new("thread_deleted", "this thread was deleted"))
    }

    #[test]
    fn f4_only_what_will_not_mend_drops_at_once() {
        for trouble in [gone(), Trouble::AccountRemoved("web".into()), Trouble::NotAllowed("run needs operator".into())]
        {
            assert!(matches!(judge(&trouble, 1), Verdict::Drop { for_good: true, .. }), "{trouble:?}");
        }
        for trouble in [Trouble::Busy, Trouble::Error("x".into())] {
            assert!(matches!(judge(&trouble, 1), Verdict::Again(_)), "{trouble:?}");
        }
    }

    #[test]
    fn f5_f6_three_retries_then_the_concrete_error_and_the_right_count() {
        let trouble = Trouble::Error("CHECK constraint failed: x".into());
        let waits: Vec<Verdict> = (1..=4).map(|attempt| judge(&trouble, attempt)).collect();
        let again = |millis| Verdict::Again(Duration::from_millis(millis));
        assert_eq!(waits[..3], [again(200), again(400), again(800)]);
        let why = "CHECK constraint failed: x, after 4 attempts".to_owned();
        assert_eq!(waits[3], Verdict::Drop { why, for_good: false });
        assert!(matches!(judge(&trouble, u32::MAX), Verdict::Drop { .. }));
    }

    #[test]
    fn f11_what_was_refused_fails_and_is_not_tried_again() {
        assert_eq!(judge(&Trouble::Refused("no worker".into()), 1), Verdict::Fail("no worker".into()));
    }

    #[test]
    fn only_failures_count_and_a_success_starts_anew() {
        assert_eq!(Settlement::Failed("x".into()).counts(4), 5);
        assert_eq!(Settlement::FailedDropped("x".into()).counts(4), 5);
        assert_eq!(Settlement::Success.counts(4), 0);
        assert_eq!(Settlement::Skipped(Skip::Gate("x".into())).counts(4), 4);
        assert_eq!(Settlement::Missed("x".into()).counts(4), 4);
        assert_eq!(Settlement::Cancelled("x".into()).counts(4), 4);
    }
}
