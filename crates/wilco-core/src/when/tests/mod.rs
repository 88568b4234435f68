//! Tests of the time grammar and of the days on which clocks change.

mod bounds;
mod clocks;
mod grammar;
mod meanings;
mod oracle;
mod properties;
mod wording;

use chrono::{NaiveDateTime, TimeZone};

use super::{Bounds, Rule, Schedule, When, WhenError, Zone, parse};
use crate::Timestamp;

fn zone(name: &str) -> Zone {
    Zone::parse(name).unwrap()
}

/// The first moment at which the clock of a zone shows this.
fn at(zone: Zone, wall: &str) -> Timestamp {
    let wall = NaiveDateTime::parse_from_str(&format!("{wall}:00"), "%Y-%m-%d %H:%M:%S").unwrap();
    Timestamp(zone.tz().from_local_datetime(&wall).earliest().unwrap().timestamp_millis())
}

fn utc(wall: &str) -> Timestamp {
    at(Zone::UTC, wall)
}

fn cron(expression: &str, zone: Zone) -> Schedule {
    Schedule { zone, rule: Rule::Cron { expression: expression.to_owned(), words: format!("cron {expression}") } }
}

/// The next occurrences, as RFC 3339 in UTC without seconds.
fn next(schedule: &Schedule, after: Timestamp, count: usize) -> Vec<String> {
    let mut after = after;
    (0..count)
        .map(|_| {
            after = schedule.next_after(after).unwrap();
            after.rfc3339().replace(":00.000Z", "Z")
        })
        .collect()
}

/// Parses with the usual bounds.
fn read(words: &str, now: Timestamp, zone: Zone) -> Result<When, WhenError> {
    parse(words, now, zone, &Bounds::default())
}

/// Both suggestions of a refusal are accepted.
fn suggestions_work(error: &WhenError, now: Timestamp, zone: Zone, bounds: &Bounds) {
    let [one, other] = &error.help().suggestions;
    assert_ne!(one, other);
    for words in [one, other] {
        assert!(parse(words, now, zone, bounds).is_ok(), "`{words}` was suggested by: {error}");
    }
}
