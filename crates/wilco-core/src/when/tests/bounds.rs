//! What is too soon, too far and too often.

use std::time::Duration;

use super::super::{Bounds, WhenError, parse};
use super::{at, read, suggestions_work, utc, zone};
use crate::Timestamp;

#[test]
fn f2_a_delay_outside_the_bounds_is_refused_and_never_clamped() {
    let berlin = zone("Europe/Berlin");
    let now = at(berlin, "2026-11-20 17:40");
    assert_eq!(read("in 60s", now, berlin).unwrap().first, Timestamp(now.0 + 60_000));
    assert!(matches!(read("in 59s", now, berlin), Err(WhenError::TooSoon { .. })));
    assert!(matches!(read("at 17:41", Timestamp(now.0 + 1), berlin), Err(WhenError::TooSoon { .. })));
    assert_eq!(read("at 17:41", now, berlin).unwrap().first, Timestamp(now.0 + 60_000));
    assert!(read("in 8760h", now, berlin).is_ok());
    assert!(matches!(read("in 8760h1s", now, berlin), Err(WhenError::TooFar { .. })));
    assert!(matches!(read("9999-12-31 23:59", now, berlin), Err(WhenError::TooFar { .. })));
    assert!(read("every 5m", now, berlin).is_ok());
    assert!(matches!(read("every 299s", now, berlin), Err(WhenError::TooOften { .. })));
    // The shortest delay is no business of what repeats.
    assert_eq!(read("every day 17:41", Timestamp(now.0 + 50_000), berlin).unwrap().first, Timestamp(now.0 + 60_000));
}

#[test]
fn f2_a_cron_rule_is_measured_by_its_occurrences() {
    let now = utc("2026-11-20 17:40");
    let refused = [
        ("* * * * *", 1),
        ("*/4 * * * *", 4),
        // Minute 56 and the next hour's minute 0.
        ("*/7 * * * *", 4),
        ("0,1 9 * * *", 1),
        ("0,59 9,10 * * *", 1),
        ("* 9 29 2 *", 1),
        // Over midnight, every day and on two neighbouring days of a year.
        ("0,57 0,23 * * *", 3),
        ("0,58 0,23 * * 1,2", 2),
        ("0,58 0,23 29 2 *", 0),
        ("0,58 0,23 1,29 2,3 *", 2),
    ];
    for (expression, minutes) in refused {
        let read = read(&format!("cron {expression}"), now, super::Zone::UTC);
        if minutes == 0 {
            assert!(read.is_ok(), "{expression}: its days are never neighbours");
            continue;
        }
        let error = read.unwrap_err();
        assert!(
            matches!(error, WhenError::TooOften { apart, .. } if apart == Duration::from_secs(60 * minutes)),
            "{expression}: {error}"
        );
    }
    for expression in ["*/5 * * * *", "0 * * * *", "0,5 9 * * *", "0,55 0,23 * * *", "0,58 0,23 1 * *"] {
        assert!(read(&format!("cron {expression}"), now, super::Zone::UTC).is_ok(), "{expression}");
    }
}

#[test]
fn f2_other_bounds_hold_as_they_are_set_and_suggestions_keep_to_them() {
    let berlin = zone("Europe/Berlin");
    let now = at(berlin, "2026-11-20 17:40");
    let seconds = Duration::from_secs;
    let day = 86_400;
    let sets = [
        Bounds { min: seconds(3 * day), max: seconds(4 * day), min_every: seconds(2 * day) },
        Bounds { min: seconds(1), max: seconds(90), min_every: seconds(90) },
        Bounds { min: seconds(7_200), max: seconds(7_201), min_every: seconds(7_201) },
        Bounds { min: Duration::ZERO, max: seconds(3 * 365 * day), min_every: Duration::ZERO },
        Bounds { min: seconds(60), max: seconds(365 * day), min_every: seconds(7 * day) },
    ];
    let words = ["in 5", "in 1s", "in 1000w", "every 0s", "today 9:00", "cron * * * * *", "cron 0 9 30 2 *", "x", ""];
    for bounds in sets {
        for words in words {
            if let Err(error) = parse(words, now, berlin, &bounds) {
                suggestions_work(&error, now, berlin, &bounds);
            }
        }
        assert!(parse("every 0s", now, berlin, &bounds).is_err(), "an interval of nothing is none");
    }
    let weekly = sets[4];
    assert!(parse("every mon 9:00", now, berlin, &weekly).is_ok());
    assert!(parse("cron 0 9 1 * *", now, berlin, &weekly).is_ok());
    let error = parse("every mon,thu 9:00", now, berlin, &weekly).unwrap_err();
    assert!(matches!(error, WhenError::TooOften { apart, .. } if apart == seconds(3 * day)), "{error}");
}
