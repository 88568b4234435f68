//! When a job that failed is started again, and when it has failed for good.
//!
//! Not to be confused with [`crate::schedule`], which is about messages: a job is work, and work that
//! a person asked for once is repeated only where a rule was stored with it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::job::Failure;

/// How often a job is started, and how long it rests in between. Stored with the job when it is
/// accepted, so that a changed configuration holds for the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// How often it is started at the most, the first time included: 1 to 10.
    pub attempts: u32,
    /// The rest after the first failure: 100 ms to 1 h.
    pub first: Duration,
    /// By how much each rest is longer than the one before: 1 to 10.
    pub factor: u32,
    /// The longest rest, before the jitter: 1 s to 1 h, and at least `first`.
    pub cap: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { attempts: 3, first: Duration::from_secs(1), factor: 4, cap: Duration::from_secs(60) }
    }
}

impl RetryPolicy {
    /// The rest after so many attempts, counted from 1. The caller moves it by up to ±20 %, so that
    /// jobs that failed together do not all come back together.
    pub fn rest(&self, attempt: u32) -> Duration {
        let grown = self.factor.checked_pow(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        self.first.checked_mul(grown).unwrap_or(self.cap).min(self.cap)
    }
}

/// What follows from a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It is started again after this rest, before jitter.
    Again(Duration),
    /// It has failed for good.
    GiveUp,
}

/// The rule. `attempt` counts the starts that were made, this one included.
///
/// Only [`Failure::Retryable`] is tried again. What only a person can mend ends the job at the first
/// attempt (requirement H1), and what the job itself calls permanent is believed.
pub fn next(policy: Option<&RetryPolicy>, attempt: u32, failure: &Failure) -> Next {
    match (policy, failure) {
        (Some(policy), Failure::Retryable(_)) if attempt < policy.attempts => Next::Again(policy.rest(attempt)),
        (
            Some(_) | None,
            Failure::Retryable(_)
            | Failure::Permanent(_)
            | Failure::SessionExpired
            | Failure::NeedsCredit
            | Failure::NeedsKey,
        ) => Next::GiveUp,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::outcome::Cause;

    fn failures() -> [Failure; 5] {
        let cause = || Cause::new("exit 2", "no network");
        [
            Failure::Retryable(cause()),
            Failure::Permanent(cause()),
            Failure::SessionExpired,
            Failure::NeedsCredit,
            Failure::NeedsKey,
        ]
    }

    #[test]
    fn f5_the_usual_rests_are_1_4_16_and_then_60_seconds() {
        let usual = RetryPolicy::default();
        let rests: Vec<u64> = (1..=5).map(|attempt| usual.rest(attempt).as_secs()).collect();
        assert_eq!(rests, [1, 4, 16, 60, 60]);
    }

    #[test]
    fn h1_only_a_retryable_failure_with_a_rule_and_attempts_left_is_tried_again() {
        let usual = RetryPolicy::default();
        for policy in [None, Some(&usual)] {
            for failure in failures() {
                for attempt in 1..=5 {
                    let again = matches!(failure, Failure::Retryable(_)) && policy.is_some() && attempt < 3;
                    let expected = if again { Next::Again(usual.rest(attempt)) } else { Next::GiveUp };
                    assert_eq!(next(policy, attempt, &failure), expected, "{policy:?} {failure:?} {attempt}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn f5_every_job_is_given_up_at_last_and_no_rest_is_longer_than_the_cap(
            attempts in 1_u32..=10, first in 100_u64..3_600_000, factor in 1_u32..=10, cap in 1_000_u64..3_600_000,
        ) {
            let policy = RetryPolicy {
                attempts, first: Duration::from_millis(first), factor, cap: Duration::from_millis(cap),
            };
            let failure = Failure::Retryable(Cause::new("x", ""));
            let mut made = 1;
            while let Next::Again(rest) = next(Some(&policy), made, &failure) {
                prop_assert!(rest <= policy.cap);
                made += 1;
            }
            prop_assert_eq!(made, attempts);
        }

        #[test]
        fn no_number_of_attempts_panics(attempt: u32, factor: u32, first in any::<u64>()) {
            let policy = RetryPolicy { factor, first: Duration::from_secs(first), ..RetryPolicy::default() };
            prop_assert!(policy.rest(attempt) <= policy.cap);
        }
    }
}
