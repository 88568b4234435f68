//! How long something is tried that does not work: a session that does not come back, and a connection that only a person
//! can mend.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use wilco_core::Cause;

use super::connection::Reached;

/// After so many requests in a row to bring a session back that had no answer, it counts as lost.
const UNANSWERED: u32 = 3;
/// After so many connections in a row that could not be made, the address that was named for the session is left.
const UNREACHED: u32 = 5;
/// The first pause after Discord refused a session for a reason that a person has to mend; it doubles.
const FIRST: Duration = Duration::from_secs(5 * 60);
/// The longest: 96 tries a day, fewer than the day's starts, and whoever has mended it does not wait for long.
const LONGEST: Duration = Duration::from_secs(15 * 60);

fn with<S, T>(state: &Mutex<S>, act: impl FnOnce(&mut S) -> T) -> T {
    act(&mut state.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The tries to bring a session back, in a row.
#[derive(Debug, Default)]
pub(crate) struct Resumes(Mutex<Tries>);

#[derive(Debug, Default)]
struct Tries {
    unanswered: u32,
    unreached: u32,
}

impl Resumes {
    /// The session is there: the count begins anew.
    pub(crate) fn succeeded(&self) {
        with(&self.0, |tries| *tries = Tries::default());
    }

    /// A connection that was to bring the session back has ended. Whether the session is to be given up: a network that
    /// is down says nothing about it, and Discord keeps its events meanwhile.
    pub(crate) fn ended(&self, reached: Reached) -> bool {
        with(&self.0, |tries| {
            match reached {
                Reached::Session => *tries = Tries::default(),
                Reached::Asked => tries.unanswered += 1,
                Reached::Nobody => tries.unreached += 1,
            }
            let given_up = tries.unanswered >= UNANSWERED;
            if given_up {
                *tries = Tries::default();
            }
            given_up
        })
    }

    /// Whether the address that was named for the session is still tried.
    pub(crate) fn reachable(&self) -> bool {
        with(&self.0, |tries| tries.unreached < UNREACHED)
    }
}

/// What Discord has refused, and until when it is not asked again. A new process asks at once, because whoever starts it
/// may have mended the cause; the stored budget bounds that.
#[derive(Debug, Default)]
pub(crate) struct Refused(Mutex<Option<Held>>);

#[derive(Debug)]
struct Held {
    cause: Cause,
    pause: Duration,
    until: Duration,
}

impl Refused {
    /// Discord has refused a session at this moment of the steady clock.
    pub(crate) fn again(&self, cause: Cause, now: Duration) {
        with(&self.0, |held| {
            let pause = held.as_ref().map_or(FIRST, |held| (held.pause * 2).min(LONGEST));
            *held = Some(Held { cause, pause, until: now + pause });
        });
    }

    /// A session is there.
    pub(crate) fn mended(&self) {
        with(&self.0, |held| *held = None);
    }

    /// Why no session is begun now; none when one may be.
    pub(crate) fn holds(&self, now: Duration) -> Option<Cause> {
        with(&self.0, |held| held.as_ref().filter(|held| now < held.until).map(|held| held.cause.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_that_is_down_does_not_cost_the_session() {
        let resumes = Resumes::default();
        for _ in 0..4 {
            assert!(!resumes.ended(Reached::Nobody));
        }
        assert!(resumes.reachable());
        assert!(!resumes.ended(Reached::Nobody));
        assert!(!resumes.reachable(), "the common address is tried then");
        resumes.succeeded();
        assert!(resumes.reachable());
    }

    #[test]
    fn a_session_that_discord_does_not_answer_for_is_given_up() {
        let resumes = Resumes::default();
        assert!(!resumes.ended(Reached::Asked));
        assert!(!resumes.ended(Reached::Nobody), "what did not reach Discord does not count");
        assert!(!resumes.ended(Reached::Asked));
        assert!(resumes.ended(Reached::Asked));
        assert!(!resumes.ended(Reached::Asked), "the next session has its own count");
    }

    #[test]
    fn what_only_a_person_mends_takes_fewer_starts_than_a_day_has() {
        let (refused, mut now, mut starts) = (Refused::default(), Duration::ZERO, 0);
        while now < Duration::from_secs(86_400) {
            if refused.holds(now).is_none() {
                starts += 1;
                refused.again(Cause::new("4014", "an intent"), now);
            }
            // As often as the loop looks.
            now += Duration::from_secs(300);
        }
        assert!((90..100).contains(&starts), "{starts}");
        assert!(starts < super::super::DAILY);
        refused.mended();
        assert_eq!(refused.holds(now), None);
    }
}
