//! The rules of time against a plain count: every minute round a change of the clock is looked at, by
//! the zone's distance from UTC alone.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, NaiveDateTime, TimeDelta, Timelike};
use proptest::prelude::*;

use super::super::local::wall;
use super::{Zone, cron, utc, zone};
use crate::Timestamp;

/// Changes of the clock: forward, back, by half an hour, over midnight, by a day, by 44 min 30 s.
const CHANGES: [(&str, &str); 20] = [
    ("Europe/Berlin", "2026-03-29 01:00"),
    ("Europe/Berlin", "2026-10-25 01:00"),
    ("America/New_York", "2026-03-08 07:00"),
    ("America/New_York", "2026-11-01 06:00"),
    ("Australia/Lord_Howe", "2026-04-04 15:00"),
    ("Australia/Lord_Howe", "2026-10-03 15:30"),
    ("America/Sao_Paulo", "2018-11-04 03:00"),
    ("America/Sao_Paulo", "2018-02-18 02:00"),
    ("Africa/Casablanca", "2026-02-15 02:00"),
    ("Africa/Casablanca", "2026-03-22 02:00"),
    ("Pacific/Apia", "2011-12-30 10:00"),
    ("Asia/Beirut", "2026-03-28 22:00"),
    ("Asia/Beirut", "2026-10-24 21:00"),
    ("America/St_Johns", "2011-03-13 03:31"),
    ("America/St_Johns", "2010-11-07 02:31"),
    ("America/Havana", "2026-11-01 05:00"),
    ("Antarctica/Troll", "2026-03-29 01:00"),
    ("Africa/Monrovia", "1972-01-07 00:44"),
    ("Asia/Kolkata", "2026-03-29 01:00"),
    ("Asia/Tokyo", "2026-10-25 01:00"),
];

const DAY: i64 = 86_400_000;

/// What the clock shows at every minute from two days before a moment to two days after it.
fn walls(around: Timestamp, zone: Zone) -> Vec<(Timestamp, NaiveDateTime)> {
    // Liberia was 44 minutes and 30 seconds behind UTC.
    let step = if zone.name() == "Africa/Monrovia" { 30_000 } else { 60_000 };
    (-2 * DAY / step..2 * DAY / step)
        .map(|count| Timestamp(around.0 + count * step))
        .map(|at| (at, wall(at, zone).unwrap()))
        .collect()
}

/// The days on which a rule with these weekdays (bit 0 is Sunday) may fire.
fn day_fits(wall: NaiveDateTime, weekdays: u8) -> bool {
    weekdays >> wall.weekday().num_days_from_sunday() & 1 == 1
}

/// Every wanted local time once, at its first moment, or at the first one behind the gap it is in.
fn fixed(walls: &[(Timestamp, NaiveDateTime)], times: &BTreeSet<(u32, u32)>, weekdays: u8) -> BTreeSet<Timestamp> {
    let mut first: BTreeMap<NaiveDateTime, Timestamp> = BTreeMap::new();
    for (at, wall) in walls {
        first.entry(*wall).or_insert(*at);
    }
    let (mut date, last) = (walls[0].1.date(), walls[walls.len() - 1].1.date());
    let mut found = BTreeSet::new();
    while date <= last {
        for (hour, minute) in times {
            let wanted = date.and_hms_opt(*hour, *minute, 0).unwrap();
            if day_fits(wanted, weekdays)
                && let Some(at) = first.range(wanted..).next().map(|(_, at)| *at)
            {
                found.insert(at);
            }
        }
        date = date.succ_opt().unwrap();
    }
    found
}

/// Every moment at which the clock shows a wanted minute.
fn real(walls: &[(Timestamp, NaiveDateTime)], minutes: &BTreeSet<u32>, weekdays: u8) -> BTreeSet<Timestamp> {
    let fits =
        |wall: &NaiveDateTime| wall.second() == 0 && minutes.contains(&wall.minute()) && day_fits(*wall, weekdays);
    walls.iter().filter(|(_, wall)| fits(wall)).map(|(at, _)| *at).collect()
}

fn list<T: ToString>(values: impl IntoIterator<Item = T>) -> String {
    values.into_iter().map(|value| value.to_string()).collect::<Vec<_>>().join(",")
}

proptest! {
    #[test]
    fn f17_every_occurrence_round_a_change_is_where_a_plain_count_finds_it(
        change in prop::sample::select(&CHANGES[..]),
        minutes in prop::collection::btree_set(0_u32..60, 1..4),
        // Nearly all hours are tried as well as a few.
        hours in prop_oneof![
            prop::collection::btree_set(0_u32..24, 1..5),
            prop::sample::subsequence((0..24).collect::<Vec<u32>>(), 20..24).prop_map(BTreeSet::from_iter),
            Just((0..24).collect::<BTreeSet<_>>()),
        ],
        weekdays in prop_oneof![Just(0b111_1111_u8), 1_u8..0b111_1111],
    ) {
        let (zone, change) = (zone(change.0), utc(change.1));
        let walls = walls(change, zone);
        let expected = if hours.len() == 24 {
            real(&walls, &minutes, weekdays)
        } else {
            let times = hours.iter().flat_map(|hour| minutes.iter().map(|minute| (*hour, *minute))).collect();
            fixed(&walls, &times, weekdays)
        };
        let days = list((0..7_u8).filter(|day| weekdays >> day & 1 == 1));
        let schedule = cron(&format!("{} {} * * {days}", list(&minutes), list(&hours)), zone);

        // The window's own edges are cut off: the count does not see what lies beyond them.
        let (from, to) = (Timestamp(change.0 - DAY), Timestamp(change.0 + DAY));
        let mut found = BTreeSet::new();
        let mut at = from;
        while let Some(next) = schedule.next_after(at).filter(|next| *next < to) {
            prop_assert!(next > at);
            found.insert(next);
            at = next;
        }
        let expected: BTreeSet<_> = expected.into_iter().filter(|at| *at > from && *at < to).collect();
        prop_assert_eq!(&found, &expected);

        // Wherever one asks from, the answer is the first one behind it.
        for (asked, _) in walls.iter().step_by(97).filter(|(at, _)| *at > from && *at < to) {
            let next = expected.range(Timestamp(asked.0 + 1)..).next();
            prop_assert_eq!(schedule.next_after(*asked).filter(|next| *next < to), next.copied());
        }
    }
}

#[test]
fn f17_the_changes_that_are_tested_are_changes() {
    for (name, change) in CHANGES {
        let (zone, at) = (zone(name), utc(change));
        let ahead = |at: Timestamp| {
            wall(at, zone).unwrap() - chrono::DateTime::from_timestamp_millis(at.0).unwrap().naive_utc()
        };
        let moved = ahead(Timestamp(at.0 + 60_000)) - ahead(Timestamp(at.0 - 60_000));
        assert_eq!(moved == TimeDelta::zero(), ["Asia/Kolkata", "Asia/Tokyo"].contains(&name), "{name} {change}");
    }
}
