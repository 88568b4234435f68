//! The worker: one run of a long job, and its state machine.

use serde::{Deserialize, Serialize};

use crate::envelope::FileRef;
use crate::gate::Halt;

/// Where a worker stands. Stored under the name that [`WorkerState::name`] gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkerState {
    /// Accepted, not started.
    Queued,
    /// Running.
    Running,
    /// Waits for a person: no progress deadline, no running slot.
    WaitingForInput,
    /// A cancel is stored and the task has not been seen to stop yet.
    Cancelling,
    /// Ended with its result.
    Done,
    /// Ended with a failure.
    Failed,
    /// Ended by a person.
    Cancelled,
    /// Ended by a time limit.
    TimedOut,
    /// Lost in a crash or a shutdown.
    Interrupted,
}

/// How a worker ended: one closed kind, carried from the worker to the person (requirement W13).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndKind {
    /// With its result.
    Done,
    /// With a failure.
    Failed,
    /// By a person.
    Cancelled,
    /// By a time limit.
    TimedOut,
    /// By a crash or a shutdown.
    Interrupted,
}

/// What can happen to a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WorkerSignal {
    /// A slot is free and the task starts.
    Begin,
    /// It asks a person.
    Ask,
    /// A person answered.
    Answered,
    /// A person wants it to stop.
    CancelRequested,
    /// The task was seen to end in this way.
    Ended(EndKind),
    /// It was lost in a crash and its kind says to run it again.
    Requeue,
    /// An attempt failed, and the next one is due at a stored time.
    Retry,
}

impl WorkerState {
    /// Every state, for tables and tests.
    pub const ALL: [Self; 9] = [
        Self::Queued,
        Self::Running,
        Self::WaitingForInput,
        Self::Cancelling,
        Self::Done,
        Self::Failed,
        Self::Cancelled,
        Self::TimedOut,
        Self::Interrupted,
    ];

    /// The stored name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::WaitingForInput => "waiting_for_input",
            Self::Cancelling => "cancelling",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::TimedOut => "timed_out",
            Self::Interrupted => "interrupted",
        }
    }

    /// The state with a stored name; an unknown name is none, never a default.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// How it ended, if it has.
    pub fn ended(self) -> Option<EndKind> {
        match self {
            Self::Queued | Self::Running | Self::WaitingForInput | Self::Cancelling => None,
            Self::Done => Some(EndKind::Done),
            Self::Failed => Some(EndKind::Failed),
            Self::Cancelled => Some(EndKind::Cancelled),
            Self::TimedOut => Some(EndKind::TimedOut),
            Self::Interrupted => Some(EndKind::Interrupted),
        }
    }

    /// Whether it has ended for good.
    pub fn is_terminal(self) -> bool {
        self.ended().is_some()
    }

    /// The next state. An undefined signal answers *stay*.
    ///
    /// In `Cancelling` a result that was already finished stands; a task that was seen to stop, or
    /// that is gone with its process, is `Cancelled` and is never run again (requirements C1, C7).
    #[must_use]
    pub fn step(self, signal: WorkerSignal) -> Self {
        use WorkerSignal as On;
        match (self, signal) {
            (Self::Queued, On::Begin) => Self::Running,
            (Self::Queued, On::CancelRequested) => Self::Cancelled,
            (Self::Running, On::Ask) => Self::WaitingForInput,
            (Self::WaitingForInput, On::Answered) => Self::Running,
            (Self::Running | Self::WaitingForInput, On::CancelRequested) => Self::Cancelling,
            (Self::Running | Self::WaitingForInput, On::Requeue | On::Retry) => Self::Queued,
            (Self::Queued | Self::Running | Self::WaitingForInput, On::Ended(kind)) => kind.state(),
            (Self::Cancelling, On::Ended(kind)) => match kind {
                EndKind::Done | EndKind::Failed => kind.state(),
                EndKind::Cancelled | EndKind::TimedOut | EndKind::Interrupted => Self::Cancelled,
            },
            (
                state,
                On::Begin | On::Ask | On::Answered | On::CancelRequested | On::Ended(_) | On::Requeue | On::Retry,
            ) => state,
        }
    }
}

impl EndKind {
    /// Every kind, for tables and tests.
    pub const ALL: [Self; 5] = [Self::Done, Self::Failed, Self::Cancelled, Self::TimedOut, Self::Interrupted];

    /// The state that a worker is in after it ended in this way.
    pub fn state(self) -> WorkerState {
        match self {
            Self::Done => WorkerState::Done,
            Self::Failed => WorkerState::Failed,
            Self::Cancelled => WorkerState::Cancelled,
            Self::TimedOut => WorkerState::TimedOut,
            Self::Interrupted => WorkerState::Interrupted,
        }
    }

    /// The first word of the message that people see.
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "Done",
            Self::Failed => "Failed",
            Self::Cancelled => "Cancelled",
            Self::TimedOut => "Timed out",
            Self::Interrupted => "Interrupted",
        }
    }
}

/// The whole end of a worker, stored in the transaction that makes it terminal (requirement R1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// How it ended.
    pub kind: EndKind,
    /// The short reason after the state, such as `exit 2` or `limit 30m`; may be empty.
    #[serde(default)]
    pub detail: String,
    /// The result, partial result or last lines: at most 1 MiB.
    #[serde(default)]
    pub text: String,
    /// The files to deliver.
    #[serde(default)]
    pub files: Vec<FileRef>,
    /// The whole text as a file, for platforms on which it does not fit three messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole: Option<FileRef>,
    /// How often it was started, when that was more than once for its failures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// The gate that ended it, when one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub halt: Option<Halt>,
}

impl Ending {
    /// An end without text or files.
    pub fn bare(kind: EndKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            text: String::new(),
            files: Vec::new(),
            whole: None,
            attempts: None,
            halt: None,
        }
    }

    /// The first word of what people see: a job that a gate has ended is paused, not broken.
    pub fn word(&self) -> &'static str {
        if self.halt.is_some() { "Paused" } else { self.kind.word() }
    }
}

/// How often a worker is run again after crashes before it is reported as interrupted.
pub const MAX_RERUNS: u32 = 2;

/// What becomes of a worker whose process is gone (requirement U1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnInterrupt {
    /// Tell the person that it was interrupted.
    Report,
    /// Run it again, at most [`MAX_RERUNS`] times.
    Rerun,
}

/// The signal that recovery gives to a worker whose owner is dead.
pub fn recover(state: WorkerState, rule: OnInterrupt, reruns: u32) -> WorkerSignal {
    match (state, rule) {
        (WorkerState::Running | WorkerState::WaitingForInput, OnInterrupt::Rerun) if reruns < MAX_RERUNS => {
            WorkerSignal::Requeue
        }
        // The stored cancel decides in `Cancelling`; everything else that ran is interrupted.
        (
            WorkerState::Queued
            | WorkerState::Running
            | WorkerState::WaitingForInput
            | WorkerState::Cancelling
            | WorkerState::Done
            | WorkerState::Failed
            | WorkerState::Cancelled
            | WorkerState::TimedOut
            | WorkerState::Interrupted,
            OnInterrupt::Rerun | OnInterrupt::Report,
        ) => WorkerSignal::Ended(EndKind::Interrupted),
    }
}

#[cfg(test)]
mod tests {
    use super::WorkerState as S;
    use super::*;

    fn signals() -> Vec<WorkerSignal> {
        let mut all = vec![
            WorkerSignal::Begin,
            WorkerSignal::Ask,
            WorkerSignal::Answered,
            WorkerSignal::CancelRequested,
            WorkerSignal::Requeue,
            WorkerSignal::Retry,
        ];
        all.extend(EndKind::ALL.map(WorkerSignal::Ended));
        all
    }

    /// The moves that exist; every other pair of the whole table has to stay.
    fn moves() -> Vec<(S, WorkerSignal, S)> {
        use WorkerSignal as On;
        let mut moves = vec![
            (S::Queued, On::Begin, S::Running),
            (S::Queued, On::CancelRequested, S::Cancelled),
            (S::Running, On::Ask, S::WaitingForInput),
            (S::Running, On::CancelRequested, S::Cancelling),
            (S::Running, On::Requeue, S::Queued),
            (S::Running, On::Retry, S::Queued),
            (S::WaitingForInput, On::Answered, S::Running),
            (S::WaitingForInput, On::CancelRequested, S::Cancelling),
            (S::WaitingForInput, On::Requeue, S::Queued),
            (S::WaitingForInput, On::Retry, S::Queued),
            (S::Cancelling, On::Ended(EndKind::Done), S::Done),
            (S::Cancelling, On::Ended(EndKind::Failed), S::Failed),
            (S::Cancelling, On::Ended(EndKind::Cancelled), S::Cancelled),
            (S::Cancelling, On::Ended(EndKind::TimedOut), S::Cancelled),
            (S::Cancelling, On::Ended(EndKind::Interrupted), S::Cancelled),
        ];
        for state in [S::Queued, S::Running, S::WaitingForInput] {
            moves.extend(EndKind::ALL.map(|kind| (state, On::Ended(kind), kind.state())));
        }
        moves
    }

    #[test]
    fn w12_w18_the_whole_table_of_states_and_signals() {
        let moves = moves();
        for state in S::ALL {
            for signal in signals() {
                let expected =
                    moves.iter().find(|(from, on, _)| *from == state && *on == signal).map_or(state, |(_, _, to)| *to);
                assert_eq!(state.step(signal), expected, "{state:?} on {signal:?}");
            }
        }
    }

    #[test]
    fn w4_terminal_states_are_final() {
        for state in S::ALL.into_iter().filter(|state| state.is_terminal()) {
            for signal in signals() {
                assert_eq!(state.step(signal), state);
            }
        }
    }

    #[test]
    fn names_read_back_and_unknown_names_are_none() {
        for state in S::ALL {
            assert_eq!(S::from_name(state.name()), Some(state));
        }
        assert_eq!(S::from_name("finished"), None);
    }

    #[test]
    fn c7_a_cancelling_worker_is_never_run_again() {
        let signal = recover(S::Cancelling, OnInterrupt::Rerun, 0);
        assert_eq!(S::Cancelling.step(signal), S::Cancelled);
    }

    #[test]
    fn u1_reruns_are_bounded() {
        assert_eq!(recover(S::Running, OnInterrupt::Rerun, 1), WorkerSignal::Requeue);
        assert_eq!(recover(S::Running, OnInterrupt::Rerun, 2), WorkerSignal::Ended(EndKind::Interrupted));
        assert_eq!(recover(S::Running, OnInterrupt::Report, 0), WorkerSignal::Ended(EndKind::Interrupted));
    }
}
