//! The contract: what wilco owes one route for one worker: acknowledge, keep visibly progressing, finish.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Where a contract stands. It only moves forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContractState {
    /// Stored; nobody has seen the stub yet.
    Created,
    /// A person sees that the job is accepted.
    Acked,
    /// The worker gives signs of life.
    Progressing,
    /// It has given none for too long, and the message says so.
    SlaMissed,
    /// The worker has ended and its result still has to become visible.
    TerminalPending,
    /// The whole result is visible.
    TerminalAcked,
    /// A part of the result could not become visible; the operator's list says why.
    TerminalFailed,
}

/// What can happen to a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContractSignal {
    /// The stub of part 0 became visible.
    StubSurfaced,
    /// The worker gave a sign of life.
    Progress,
    /// The progress deadline passed.
    ProgressMissed,
    /// The worker ended, in whatever way.
    WorkerEnded,
    /// Every content, part and file receipt is visible.
    AllSurfaced,
    /// A content, part or file receipt failed for good.
    ReceiptFailed,
    /// An operator sent a failed receipt again.
    ReceiptRetried,
}

impl ContractState {
    /// Every state, in order.
    pub const ALL: [Self; 7] = [
        Self::Created,
        Self::Acked,
        Self::Progressing,
        Self::SlaMissed,
        Self::TerminalPending,
        Self::TerminalAcked,
        Self::TerminalFailed,
    ];

    /// The stored name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Acked => "acked",
            Self::Progressing => "progressing",
            Self::SlaMissed => "sla_missed",
            Self::TerminalPending => "terminal_pending",
            Self::TerminalAcked => "terminal_acked",
            Self::TerminalFailed => "terminal_failed",
        }
    }

    /// The state with a stored name; an unknown name is none, never a default.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether the worker's end has not reached it yet.
    pub fn is_open(self) -> bool {
        match self {
            Self::Created | Self::Acked | Self::Progressing | Self::SlaMissed => true,
            Self::TerminalPending | Self::TerminalAcked | Self::TerminalFailed => false,
        }
    }

    /// The next state. An undefined signal answers *stay*.
    ///
    /// Only the stub acknowledges; a sign of life before that extends the deadline and stays. The one
    /// step back is an operator's: a failed contract whose receipt is sent again is pending again.
    #[must_use]
    pub fn step(self, signal: ContractSignal) -> Self {
        use ContractSignal as On;
        match (self, signal) {
            (Self::Created, On::StubSurfaced) => Self::Acked,
            (Self::Acked | Self::SlaMissed, On::Progress) => Self::Progressing,
            (Self::Acked | Self::Progressing, On::ProgressMissed) => Self::SlaMissed,
            (Self::Created | Self::Acked | Self::Progressing | Self::SlaMissed, On::WorkerEnded) => {
                Self::TerminalPending
            }
            (Self::TerminalPending, On::AllSurfaced) => Self::TerminalAcked,
            (Self::TerminalPending, On::ReceiptFailed) => Self::TerminalFailed,
            (Self::TerminalFailed, On::ReceiptRetried) => Self::TerminalPending,
            (
                state,
                On::StubSurfaced
                | On::Progress
                | On::ProgressMissed
                | On::WorkerEnded
                | On::AllSurfaced
                | On::ReceiptFailed
                | On::ReceiptRetried,
            ) => state,
        }
    }
}

/// The deadlines of a contract and of its worker, in whole seconds as the configuration names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Until the stub should be visible: 1 to 300 s.
    pub ack_secs: u32,
    /// Between two signs of life: 5 to 86,400 s.
    pub progress_secs: u32,
    /// The hard limit of the whole run: 5 to 604,800 s.
    pub terminal_secs: u32,
}

impl Default for Terms {
    fn default() -> Self {
        Self { ack_secs: 5, progress_secs: 45, terminal_secs: 1_800 }
    }
}

impl Terms {
    /// The acknowledgement deadline as a duration.
    pub fn ack(&self) -> Duration {
        Duration::from_secs(self.ack_secs.into())
    }

    /// The progress deadline as a duration.
    pub fn progress(&self) -> Duration {
        Duration::from_secs(self.progress_secs.into())
    }

    /// The hard limit as a duration.
    pub fn terminal(&self) -> Duration {
        Duration::from_secs(self.terminal_secs.into())
    }
}

#[cfg(test)]
mod tests {
    use super::ContractSignal as On;
    use super::ContractState as S;

    const SIGNALS: [On; 7] = [
        On::StubSurfaced,
        On::Progress,
        On::ProgressMissed,
        On::WorkerEnded,
        On::AllSurfaced,
        On::ReceiptFailed,
        On::ReceiptRetried,
    ];

    const MOVES: [(S, On, S); 12] = [
        (S::Created, On::StubSurfaced, S::Acked),
        (S::Created, On::WorkerEnded, S::TerminalPending),
        (S::Acked, On::Progress, S::Progressing),
        (S::Acked, On::ProgressMissed, S::SlaMissed),
        (S::Acked, On::WorkerEnded, S::TerminalPending),
        (S::Progressing, On::ProgressMissed, S::SlaMissed),
        (S::Progressing, On::WorkerEnded, S::TerminalPending),
        (S::SlaMissed, On::Progress, S::Progressing),
        (S::SlaMissed, On::WorkerEnded, S::TerminalPending),
        (S::TerminalPending, On::AllSurfaced, S::TerminalAcked),
        (S::TerminalPending, On::ReceiptFailed, S::TerminalFailed),
        (S::TerminalFailed, On::ReceiptRetried, S::TerminalPending),
    ];

    #[test]
    fn w1_the_whole_table_of_states_and_signals() {
        for state in S::ALL {
            for signal in SIGNALS {
                let expected =
                    MOVES.iter().find(|(from, on, _)| *from == state && *on == signal).map_or(state, |(_, _, to)| *to);
                assert_eq!(state.step(signal), expected, "{state:?} on {signal:?}");
            }
        }
    }

    #[test]
    fn w2_only_created_is_acknowledged() {
        for state in S::ALL.into_iter().filter(|&state| state != S::Created) {
            assert_eq!(state.step(On::StubSurfaced), state);
        }
    }

    #[test]
    fn w4_a_finished_contract_takes_no_ack_progress_or_timeout() {
        for state in [S::TerminalAcked, S::TerminalFailed] {
            for signal in [On::StubSurfaced, On::Progress, On::ProgressMissed, On::WorkerEnded, On::AllSurfaced] {
                assert_eq!(state.step(signal), state);
            }
        }
    }

    #[test]
    fn names_read_back() {
        for state in S::ALL {
            assert_eq!(S::from_name(state.name()), Some(state));
        }
        assert_eq!(S::from_name(""), None);
    }
}
