//! How often a progress message may be edited: the rate that survives every platform's limits.

use std::time::Duration;

use crate::time::Timestamp;

/// The shortest pause between two edits of one message at an age of its worker.
///
/// 3 s at first, 10 s after a minute, 30 s after ten minutes (the rate that survives the limits of every platform): an
/// old job changes little, and every edit spends the chat's shared budget.
pub fn gap(age: Duration) -> Duration {
    let secs = match age.as_secs() {
        0..60 => 3,
        60..600 => 10,
        600.. => 30,
    };
    Duration::from_secs(secs)
}

/// When the next edit may leave: `last` is when the message was last edited or posted, `started` when
/// the worker began, `pace` the platform's own minimum, `parked` until when the chat asked for silence.
pub fn next_edit_at(last: Timestamp, started: Timestamp, pace: Duration, parked: Option<Timestamp>) -> Timestamp {
    let earliest = last.plus(gap(last.since(started)).max(pace));
    parked.map_or(earliest, |until| earliest.max(until))
}

/// Whether a text is worth an edit: it differs from what the message shows.
pub fn is_new(shown: Option<u64>, text: &str) -> bool {
    shown != Some(crate::text::fingerprint(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn m6_the_pace_widens_with_age() {
        assert_eq!(gap(Duration::ZERO), Duration::from_secs(3));
        assert_eq!(gap(Duration::from_secs(59)), Duration::from_secs(3));
        assert_eq!(gap(Duration::from_secs(60)), Duration::from_secs(10));
        assert_eq!(gap(Duration::from_secs(600)), Duration::from_secs(30));
    }

    #[test]
    fn m6_a_parked_chat_stops_progress() {
        let at = next_edit_at(Timestamp(0), Timestamp(0), Duration::ZERO, Some(Timestamp(60_000)));
        assert_eq!(at, Timestamp(60_000));
    }

    #[test]
    fn w14_the_same_text_is_no_edit() {
        let shown = Some(crate::text::fingerprint("step 1"));
        assert!(!is_new(shown, "step 1"));
        assert!(is_new(shown, "step 2"));
        assert!(is_new(None, "step 1"));
    }

    proptest! {
        #[test]
        fn m6_an_hour_of_constant_progress_stays_under_the_budget(
            pace_millis in 0_u64..5_000,
            start in 0_i64..1_000_000,
        ) {
            let started = Timestamp(start);
            let end = started.plus(Duration::from_secs(3_600));
            let (mut now, mut edits) = (started, 0);
            while now < end {
                let next = next_edit_at(now, started, Duration::from_millis(pace_millis), None);
                prop_assert!(next > now, "time moves on");
                now = next;
                edits += 1;
            }
            // 20 in the first minute, 54 in the next nine, 100 in the rest: what any platform allows.
            prop_assert!(edits <= 175, "{} edits", edits);
        }

        #[test]
        fn m6_never_sooner_than_the_platform_allows(
            last in 0_i64..10_000_000, age in 0_i64..10_000_000, pace in 0_u64..600_000, parked in proptest::option::of(0_i64..20_000_000),
        ) {
            let (last, started) = (Timestamp(last), Timestamp(last - age));
            let at = next_edit_at(last, started, Duration::from_millis(pace), parked.map(Timestamp));
            prop_assert!(at.since(last) >= Duration::from_millis(pace));
            prop_assert!(at.since(last) >= Duration::from_secs(3));
            prop_assert!(parked.is_none_or(|until| at >= Timestamp(until)));
        }
    }
}
