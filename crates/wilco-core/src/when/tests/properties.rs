//! What holds for every rule, every zone and every text.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{NaiveDate, NaiveDateTime, Timelike};
use chrono_tz::TZ_VARIANTS;
use proptest::prelude::*;

use super::super::local::{is_doubled, resolve, wall};
use super::super::words::exact;
use super::super::{Rule, Schedule, WhenError, describe, moment, split};
use super::{Bounds, Zone, cron, parse, read, suggestions_work};
use crate::Timestamp;

/// From 1972 on, when the last zone had whole minutes, to 2090.
fn moments() -> impl Strategy<Value = Timestamp> {
    (70_000_000_000_i64..3_786_912_000_000).prop_map(Timestamp)
}

fn zones() -> impl Strategy<Value = Zone> {
    prop::sample::select(&TZ_VARIANTS[..]).prop_map(|tz| Zone::parse(tz.name()).unwrap())
}

/// Words of the grammar and others, in any order.
fn soup() -> impl Strategy<Value = String> {
    let words = prop_oneof![
        prop::sample::select(
            &[
                "in",
                "at",
                "on",
                "every",
                "cron",
                "next",
                "today",
                "tomorrow",
                "mon",
                "friday",
                "day",
                "weekday",
                "and",
                "2h",
                "5",
                "30m",
                "1d",
                "9:00",
                "17:00",
                "5pm",
                "9",
                "am",
                "2026-12-01",
                "2026-12-01T09:00",
                "hour",
                "*",
                "*/5",
                "0",
                "1-5",
                "9,17",
                "L",
                "MON",
                "Asia/Tokyo",
                "Europe/Berln",
                "UTC",
                "berlin",
                "days",
                "weeks",
                "mon,wed",
                "99999999999999999999w",
                "2026-02-30",
                "an",
                "check",
            ][..]
        )
        .prop_map(str::to_owned),
        "[0-9]{1,3}[smhdw]?",
        "[0-9]{1,2}:[0-9]{2}",
        "\\PC{0,4}",
    ];
    let blank = prop::sample::select(&[" ", "  ", "\t", "\n", "\u{a0}"][..]);
    prop::collection::vec((words, blank), 0..9)
        .prop_map(|pieces| pieces.into_iter().map(|(word, blank)| word + blank).collect())
}

/// Expressions that are sometimes rules.
fn expressions() -> impl Strategy<Value = String> {
    let field = prop_oneof![
        Just("*".to_owned()),
        "[0-9]{1,2}",
        "[0-9]{1,2}-[0-9]{1,2}",
        "\\*/[0-9]{1,2}",
        "[0-9]{1,2},[0-9]{1,2}",
        "[*0-9,/LW#MONJAN+?@-]{0,5}",
    ];
    prop::collection::vec(field, 4..7).prop_map(|fields| fields.join(" "))
}

proptest! {
    #[test]
    fn f17_a_daily_time_is_kept_every_day_in_every_zone(
        zone in zones(), start in moments(), hour in 0_u32..24, minute in 0_u32..60,
    ) {
        let schedule = cron(&format!("{minute} {hour} * * *"), zone);
        let mut shown: BTreeSet<NaiveDateTime> = BTreeSet::new();
        let mut before = start;
        let mut last_date: Option<NaiveDate> = None;
        for _ in 0..40 {
            let at = schedule.next_after(before).unwrap();
            prop_assert!(at > before);
            let wall = wall(at, zone).unwrap();
            prop_assert!(shown.insert(wall), "{wall} fires twice in {zone}");
            if (wall.hour(), wall.minute(), wall.second()) != (hour, minute, 0) {
                // Not the wanted time, so the wanted one is in a gap that ends here: a moment earlier
                // the clock showed something before it.
                let earlier = super::super::local::wall(Timestamp(at.0 - 1), zone).unwrap();
                let wanted = [wall.date(), wall.date().pred_opt().unwrap()].map(|date| date.and_hms_opt(hour, minute, 0).unwrap());
                prop_assert!(wanted.iter().any(|wanted| earlier < *wanted && *wanted < wall), "{wall} in {zone}");
            }
            // No local day is left out, save one that the zone itself leaves out.
            if let Some(last) = last_date {
                let between = last.iter_days().skip(1).take_while(|day| *day < wall.date());
                for day in between {
                    let ends = [day.and_hms_opt(0, 0, 0), day.and_hms_opt(23, 59, 59)].map(|end| resolve(end.unwrap(), zone));
                    prop_assert_eq!(ends[0], ends[1], "{} is left out in {}", day, zone);
                }
            }
            last_date = Some(wall.date());
            before = at;
        }
    }

    #[test]
    fn f17_the_next_occurrence_is_never_in_the_past(
        zone in zones(), start in any::<i64>(), expression in expressions(), every in 0_u64..1_000_000, from in any::<i64>(),
    ) {
        let start = Timestamp(start);
        let every = Rule::Every { every: Duration::from_secs(every), from: Timestamp(from) };
        for schedule in [cron(&expression, zone), Schedule { zone, rule: every }] {
            let mut before = start;
            for _ in 0..3 {
                let Some(at) = schedule.next_after(before) else { break };
                prop_assert!(at > before);
                before = at;
            }
        }
    }

    #[test]
    fn f17_rules_that_are_accepted_keep_their_distance(expression in expressions(), zone in zones(), start in moments()) {
        if let Ok(when) = parse(&format!("cron {expression}"), start, Zone::UTC, &Bounds::default()) {
            let mut before = when.first;
            for _ in 0..50 {
                let Some(at) = when.schedule.next_after(before) else { break };
                prop_assert!(at.since(before) >= Bounds::default().min_every, "{expression}");
                before = at;
            }
            // The same rule is accepted or refused in every zone alike.
            let elsewhere = parse(&format!("cron {expression}"), start, zone, &Bounds::default());
            prop_assert!(elsewhere.is_ok());
        }
    }

    #[test]
    fn f2_nothing_that_is_typed_is_a_panic_and_every_suggestion_works(
        text in prop_oneof![soup(), "\\PC{0,40}", expressions().prop_map(|fields| format!("cron {fields}"))],
        zone in zones(), now in moments(),
    ) {
        match read(&text, now, zone) {
            Ok(when) => {
                prop_assert!(when.first > now);
                prop_assert_eq!(when.schedule.next_after(now), Some(when.first));
            }
            Err(error) => suggestions_work(&error, now, zone, &Bounds::default()),
        }
    }

    #[test]
    fn f2_no_moment_is_a_panic(text in soup(), zone in zones(), now in any::<i64>(), at in any::<i64>()) {
        let (now, at) = (Timestamp(now), Timestamp(at));
        if let Ok(when) = read(&text, now, zone) {
            prop_assert!(when.first > now);
        }
        prop_assert!(!describe(at, now, zone).is_empty() && !moment(at, zone).is_empty() && !zone.clock(at).is_empty());
        for edge in [i64::MIN, i64::MIN + 1, i64::MAX - 1, i64::MAX] {
            prop_assert!(!describe(Timestamp(edge), now, zone).is_empty());
            prop_assert!(read("tomorrow 9:00", Timestamp(edge), zone).is_err());
        }
    }

    #[test]
    fn f2_time_and_text_are_the_whole_text(text in soup()) {
        if let Some((time, rest)) = split(&text) {
            prop_assert!(text.trim().starts_with(time) && text.trim().ends_with(rest));
            let between = &text.trim()[time.len()..text.trim().len() - rest.len()];
            prop_assert!(between.chars().all(char::is_whitespace) && (rest.is_empty() || !between.is_empty()));
            prop_assert_eq!(rest.trim(), rest);
            // The time is one without the rest, too, and is understood.
            prop_assert_eq!(split(time), Some((time, "")));
            let understood = read(time, Timestamp(1_795_193_000_000), Zone::UTC);
            prop_assert!(!matches!(understood, Err(WhenError::NotUnderstood { .. })), "{time}");
        }
    }

    #[test]
    fn f2_a_moment_that_is_shown_can_be_typed(zone in zones(), now in moments(), minutes in 2_i64..525_000) {
        // Clocks that are whole minutes away from UTC show whole minutes.
        let now = Timestamp(now.0 - now.0 % 60_000);
        let at = Timestamp(now.0 + minutes * 60_000);
        let shown = wall(at, zone).unwrap();
        let words = format!("{} {zone}", shown.format("%Y-%m-%d %H:%M:%S"));
        let when = read(&words, now, Zone::UTC);
        if is_doubled(shown, zone) {
            prop_assert!(when.is_err() || when.unwrap().first <= at);
        } else {
            prop_assert_eq!(when.unwrap().first, at);
        }
    }

    #[test]
    fn f17_a_local_time_resolves_to_its_first_moment(zone in zones(), at in moments()) {
        let at = Timestamp(at.0 - at.0 % 1_000);
        let shown = wall(at, zone).unwrap();
        let first = resolve(shown, zone).unwrap();
        prop_assert!(first <= at);
        prop_assert_eq!(wall(first, zone), Some(shown));
        prop_assert!(first == at || is_doubled(shown, zone));
    }

    #[test]
    fn f2_an_interval_is_worded_as_it_can_be_typed(seconds in 300_u64..31_536_000) {
        let now = Timestamp(1_795_193_000_000);
        let when = read(&format!("every {}", exact(Duration::from_secs(seconds))), now, Zone::UTC).unwrap();
        prop_assert_eq!(when.schedule.rule, Rule::Every { every: Duration::from_secs(seconds), from: now });
        prop_assert_eq!(when.first, Timestamp(now.0 + i64::try_from(seconds).unwrap() * 1_000));
    }
}
