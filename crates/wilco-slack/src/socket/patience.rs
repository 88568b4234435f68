//! How long something is waited for that does not work: a further socket, and what only a person can mend.

use std::sync::Mutex;
use std::time::Duration;

use wilco_core::Cause;
use wilco_core::random::Dice;

use crate::slack::locked;

/// The first pause after a socket that could not be had; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(120);
/// The pause after Slack said that the app has too many sockets: those of a process that died go by themselves.
pub(super) const TOO_MANY: Duration = Duration::from_secs(60);
/// How long nothing is asked of Slack after a refusal that a person has to mend; it doubles.
const FIRST_HOLD: Duration = Duration::from_secs(4 * 60);
const LONGEST_HOLD: Duration = Duration::from_secs(14 * 60);

/// The tries for a further socket, in a row.
#[derive(Debug, Default)]
pub(super) struct Backoff(u32);

impl Backoff {
    /// A socket was there, and held: the count begins anew.
    pub(super) fn succeeded(&mut self) {
        self.0 = 0;
    }

    /// The pause after one more that could not be had. `at_least` is what Slack asked for.
    pub(super) fn failed(&mut self, at_least: Duration, dice: &Dice) -> Duration {
        let pause = FIRST_PAUSE.saturating_mul(1 << self.0.min(10)).min(LONGEST_PAUSE);
        self.0 = self.0.saturating_add(1);
        // Whatever Slack asked for is kept to the full.
        dice.jitter(pause).max(at_least)
    }
}

/// What Slack has refused, and until when it is not asked again. A new process asks at once, because whoever starts it
/// may have mended the cause.
#[derive(Debug, Default)]
pub(crate) struct Refused(Mutex<Option<Held>>);

#[derive(Debug)]
struct Held {
    cause: Cause,
    pause: Duration,
    until: Duration,
}

impl Refused {
    /// Slack has refused to be listened to at this moment of the steady clock.
    pub(super) fn again(&self, cause: Cause, now: Duration) {
        let mut held = locked(&self.0);
        let pause = held.as_ref().map_or(FIRST_HOLD, |held| (held.pause * 2).min(LONGEST_HOLD));
        *held = Some(Held { cause, pause, until: now + pause });
    }

    /// A socket is there.
    pub(crate) fn mended(&self) {
        *locked(&self.0) = None;
    }

    /// Why Slack is not asked now; none when it may be.
    pub(super) fn holds(&self, now: Duration) -> Option<Cause> {
        locked(&self.0).as_ref().filter(|held| now < held.until).map(|held| held.cause.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_differ_and_begin_anew_and_what_slack_asks_for_is_kept() {
        let (mut backoff, dice) = (Backoff::default(), Dice::seeded(1));
        let first = backoff.failed(Duration::ZERO, &dice);
        assert!(first >= Duration::from_millis(800) && first <= Duration::from_millis(1_200), "{first:?}");
        for _ in 0..20 {
            assert!(backoff.failed(Duration::ZERO, &dice) <= LONGEST_PAUSE * 6 / 5);
        }
        assert!(backoff.failed(Duration::ZERO, &dice) >= LONGEST_PAUSE * 4 / 5);
        assert_eq!(backoff.failed(Duration::from_secs(600), &dice), Duration::from_secs(600));
        backoff.succeeded();
        assert!(backoff.failed(Duration::ZERO, &dice) < Duration::from_secs(2));
    }

    #[test]
    fn what_only_a_person_mends_is_asked_a_few_times_an_hour() {
        let (refused, mut now, mut asked) = (Refused::default(), Duration::ZERO, 0);
        while now < Duration::from_secs(86_400) {
            if refused.holds(now).is_none() {
                asked += 1;
                refused.again(Cause::new("invalid_auth", "a token"), now);
            }
            // As often as the loop looks.
            now += Duration::from_secs(300);
        }
        assert!((90..110).contains(&asked), "{asked}");
        refused.mended();
        assert_eq!(refused.holds(now), None);
    }
}
