//! Where a follow-up and each of its occurrences stand.

use serde::{Deserialize, Serialize};

/// Where a follow-up stands. Stored under the name that [`FollowupState::name`] gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FollowupState {
    /// It has an occurrence ahead of it, or one under way.
    Pending,
    /// It keeps its schedule and does not fire.
    Paused,
    /// It has had its last occurrence.
    Ended,
    /// A person called it off.
    Cancelled,
}

impl FollowupState {
    /// Every state, for tables and tests.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Paused, Self::Ended, Self::Cancelled];

    /// The stored name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Paused => "paused",
            Self::Ended => "ended",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state with a stored name; an unknown name is none, never a default.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether it can still fire, now or after it was resumed.
    pub fn is_open(self) -> bool {
        match self {
            Self::Pending | Self::Paused => true,
            Self::Ended | Self::Cancelled => false,
        }
    }
}

/// Where one occurrence stands. Stored under the name that [`OccurrenceState::name`] gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OccurrenceState {
    /// Its time has not come, or it waits for its next attempt.
    Scheduled,
    /// It was claimed, or its job runs.
    Running,
    /// What it asked for was done.
    Success,
    /// What it asked for was not done, or its job did not end well.
    Failed,
    /// It could not be injected, and never will be.
    FailedDropped,
    /// Its time passed and it did not run.
    Missed,
    /// It was left out: the one before still ran, or a gate was closed.
    Skipped,
    /// A person called it off.
    Cancelled,
}

/// What can happen to an occurrence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OccurrenceSignal {
    /// An instance took it.
    Claimed,
    /// It waits again: for its next attempt, or because its claimer is gone.
    Released,
    /// It was settled in this state.
    Settled(OccurrenceState),
}

impl OccurrenceState {
    /// Every state, for tables and tests.
    pub const ALL: [Self; 8] = [
        Self::Scheduled,
        Self::Running,
        Self::Success,
        Self::Failed,
        Self::FailedDropped,
        Self::Missed,
        Self::Skipped,
        Self::Cancelled,
    ];

    /// The stored name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Running => "running",
            Self::Success => "success",
            Self::Failed => "failed",
            Self::FailedDropped => "failed_dropped",
            Self::Missed => "missed",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state with a stored name; an unknown name is none, never a default.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether nothing can happen to it any more.
    pub fn is_settled(self) -> bool {
        match self {
            Self::Scheduled | Self::Running => false,
            Self::Success | Self::Failed | Self::FailedDropped | Self::Missed | Self::Skipped | Self::Cancelled => true,
        }
    }

    /// The next state. An undefined signal answers *stay*.
    ///
    /// What was not claimed can only be missed, skipped or cancelled: nothing succeeds or fails that
    /// was never tried. What is settled stays so, on every later tick and restart (requirement F8).
    #[must_use]
    pub fn step(self, signal: OccurrenceSignal) -> Self {
        use OccurrenceSignal as On;
        match (self, signal) {
            (Self::Scheduled, On::Claimed) => Self::Running,
            (Self::Running, On::Released) => Self::Scheduled,
            (Self::Scheduled, On::Settled(to @ (Self::Missed | Self::Skipped | Self::Cancelled))) => to,
            (Self::Running, On::Settled(to)) if to.is_settled() => to,
            (state, On::Claimed | On::Released | On::Settled(_)) => state,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::OccurrenceState as S;
    use super::*;

    #[test]
    fn f7_the_stored_names_are_the_serialised_ones_and_read_back() {
        for state in S::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.name());
            assert_eq!(S::from_name(state.name()), Some(state));
        }
        assert_ne!(S::Failed.name(), S::FailedDropped.name());
        assert_eq!(S::FailedDropped.name(), "failed_dropped");
        for state in FollowupState::ALL {
            assert_eq!(FollowupState::from_name(state.name()), Some(state));
        }
        assert_eq!(S::from_name("dropped"), None);
    }

    #[test]
    fn the_whole_table_of_occurrences_and_signals() {
        use OccurrenceSignal as On;
        let mut moves = vec![(S::Scheduled, On::Claimed, S::Running), (S::Running, On::Released, S::Scheduled)];
        for to in [S::Missed, S::Skipped, S::Cancelled] {
            moves.push((S::Scheduled, On::Settled(to), to));
        }
        for to in S::ALL.into_iter().filter(|state| state.is_settled()) {
            moves.push((S::Running, On::Settled(to), to));
        }
        let signals = [On::Claimed, On::Released].into_iter().chain(S::ALL.map(On::Settled));
        for signal in signals {
            for state in S::ALL {
                let expected =
                    moves.iter().find(|(from, on, _)| *from == state && *on == signal).map_or(state, |(_, _, to)| *to);
                assert_eq!(state.step(signal), expected, "{state:?} on {signal:?}");
            }
        }
    }

    #[test]
    fn f8_what_is_settled_never_fires_again() {
        for state in S::ALL.into_iter().filter(|state| state.is_settled()) {
            assert_eq!(state.step(OccurrenceSignal::Claimed), state);
            assert_eq!(state.step(OccurrenceSignal::Released), state);
        }
    }
}
