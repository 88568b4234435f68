//! Gates: one per backend account, closed while nothing can succeed until a person acts.
//!
//! An agent job whose backend says "sign in again" would fail a thousand times in the same way. The
//! first failure of that kind closes the backend's gate; behind it nothing is started and nothing is
//! called until somebody has acted and the gate is opened (requirements H1 to H11).

use serde::{Deserialize, Serialize};

use crate::ids::{BackendId, Short};
use crate::job::Failure;
use crate::time::Timestamp;

/// What a person has to do before anything can succeed. Stored under the name that
/// [`GateReason::name`] gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateReason {
    /// Sign in again.
    SessionExpired,
    /// Top the account up, or raise its budget.
    NeedsCredit,
    /// Give it a key that it accepts.
    NeedsKey,
}

impl GateReason {
    /// Every reason, for tables and tests.
    pub const ALL: [Self; 3] = [Self::SessionExpired, Self::NeedsCredit, Self::NeedsKey];

    /// The stored name.
    pub fn name(self) -> &'static str {
        match self {
            Self::SessionExpired => "session_expired",
            Self::NeedsCredit => "needs_credit",
            Self::NeedsKey => "needs_key",
        }
    }

    /// The reason with a stored name; an unknown name is none, never a default.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }

    /// The reason for which a failure closes the gate; none for an ordinary failure.
    pub fn of(failure: &Failure) -> Option<Self> {
        match failure {
            Failure::SessionExpired => Some(Self::SessionExpired),
            Failure::NeedsCredit => Some(Self::NeedsCredit),
            Failure::NeedsKey => Some(Self::NeedsKey),
            Failure::Retryable(_) | Failure::Permanent(_) => None,
        }
    }
}

/// A gate that is closed. An open one is nothing at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClosedGate {
    /// Whose.
    pub backend: BackendId,
    /// What a person has to do.
    pub reason: GateReason,
    /// Since when.
    pub closed: Timestamp,
    /// The job that found out.
    pub job: Short,
}

/// Why a job was ended by a gate, kept with its ending.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Halt {
    /// Whose gate.
    pub backend: BackendId,
    /// What a person has to do.
    pub reason: GateReason,
    /// Whether the job had called the backend; otherwise it was never started, or not again.
    pub called: bool,
    /// Whether its person had been told before, so that this one only says that it did not run.
    #[serde(default)]
    pub told: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Cause;

    #[test]
    fn names_read_back_and_are_the_serialised_ones() {
        for reason in GateReason::ALL {
            assert_eq!(GateReason::from_name(reason.name()), Some(reason));
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.name());
        }
        assert_eq!(GateReason::from_name("closed"), None);
    }

    #[test]
    fn h11_every_failure_that_only_a_person_can_mend_has_its_reason_and_no_other_has_one() {
        let failures = [Failure::SessionExpired, Failure::NeedsCredit, Failure::NeedsKey];
        assert_eq!(failures.map(|failure| GateReason::of(&failure)), GateReason::ALL.map(Some));
        let cause = || Cause::new("401", "Unauthorized");
        for ordinary in [Failure::Retryable(cause()), Failure::Permanent(cause())] {
            assert_eq!(GateReason::of(&ordinary), None);
        }
    }
}
