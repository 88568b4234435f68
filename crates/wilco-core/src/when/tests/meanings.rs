//! What words mean at a moment.

use super::super::{Rule, Zone, moment};
use super::{at, read, zone};
use crate::Timestamp;

/// A Friday.
const NOW: &str = "2026-11-20 17:40";

fn berlin() -> (Timestamp, Zone) {
    let zone = zone("Europe/Berlin");
    (at(zone, NOW), zone)
}

#[test]
fn f2_each_form_means_the_moment_that_a_person_expects() {
    let (now, zone) = berlin();
    let table = [
        ("in 90m", "Fri 20 Nov 2026 19:10", false),
        ("in 2h30m", "Fri 20 Nov 2026 20:10", false),
        ("in 2 hours", "Fri 20 Nov 2026 19:40", false),
        ("in an hour", "Fri 20 Nov 2026 18:40", false),
        ("in 1d", "Sat 21 Nov 2026 17:40", false),
        ("in 1w", "Fri 27 Nov 2026 17:40", false),
        ("in 60s", "Fri 20 Nov 2026 17:41", false),
        ("in 365d", "Sat 20 Nov 2027 17:40", false),
        ("in 2 days at 9:00", "Sun 22 Nov 2026 09:00", false),
        ("in 1 week at 9", "Fri 27 Nov 2026 09:00", false),
        ("at 18:00", "Fri 20 Nov 2026 18:00", false),
        ("18:00", "Fri 20 Nov 2026 18:00", false),
        ("at 6pm", "Fri 20 Nov 2026 18:00", false),
        ("6:30pm", "Fri 20 Nov 2026 18:30", false),
        ("at 17:00", "Sat 21 Nov 2026 17:00", true),
        ("at 17:40", "Sat 21 Nov 2026 17:40", true),
        ("at 9", "Sat 21 Nov 2026 09:00", true),
        ("12am", "Sat 21 Nov 2026 00:00", true),
        ("12pm", "Sat 21 Nov 2026 12:00", true),
        ("at 18:00:30", "Fri 20 Nov 2026 18:00:30", false),
        ("today 18:00", "Fri 20 Nov 2026 18:00", false),
        ("tomorrow 9:00", "Sat 21 Nov 2026 09:00", false),
        ("tomorrow at 9", "Sat 21 Nov 2026 09:00", false),
        ("at 9 tomorrow", "Sat 21 Nov 2026 09:00", false),
        ("mon 9:00", "Mon 23 Nov 2026 09:00", false),
        ("Monday at 9:00", "Mon 23 Nov 2026 09:00", false),
        ("thursday 9:00", "Thu 26 Nov 2026 09:00", false),
        ("friday 18:00", "Fri 20 Nov 2026 18:00", false),
        ("friday 9:00", "Fri 27 Nov 2026 09:00", false),
        ("next friday 18:00", "Fri 27 Nov 2026 18:00", false),
        ("next monday 9:00", "Mon 23 Nov 2026 09:00", false),
        ("at 18:00 on friday", "Fri 20 Nov 2026 18:00", false),
        ("9:00 mon", "Mon 23 Nov 2026 09:00", false),
        ("at 9:00 fri", "Fri 27 Nov 2026 09:00", false),
        ("2026-12-01 09:00", "Tue 1 Dec 2026 09:00", false),
        ("2026-12-01T09:00", "Tue 1 Dec 2026 09:00", false),
        ("on 2026-12-01 at 9am", "Tue 1 Dec 2026 09:00", false),
        ("  AT   18:00  ", "Fri 20 Nov 2026 18:00", false),
    ];
    for (words, expected, rolled) in table {
        let when = read(words, now, zone).unwrap_or_else(|error| panic!("{words}: {error}"));
        assert_eq!(moment(when.first, zone), format!("{expected} Europe/Berlin"), "{words}");
        assert_eq!(when.rolled, rolled, "{words}");
        assert_eq!(when.schedule.rule, Rule::Once { at: when.first }, "{words}");
        assert_eq!(when.schedule.words(), "once");
        assert!(!when.schedule.is_recurring());
        assert_eq!(when.schedule.next_after(now), Some(when.first));
        assert_eq!(when.schedule.next_after(when.first), None);
    }
}

#[test]
fn f2_what_repeats_keeps_its_words_and_its_rule() {
    let (now, zone) = berlin();
    let table = [
        ("every 30m", "every 30m", None, "Fri 20 Nov 2026 18:10"),
        ("every 2 hours", "every 2h", None, "Fri 20 Nov 2026 19:40"),
        ("every hour", "every 1h", None, "Fri 20 Nov 2026 18:40"),
        ("every 90 minutes", "every 1h30m", None, "Fri 20 Nov 2026 19:10"),
        ("every 1w", "every 7d", None, "Fri 27 Nov 2026 17:40"),
        ("every day 9:00", "every day 9:00", Some("0 9 * * *"), "Sat 21 Nov 2026 09:00"),
        ("every 1 day at 9", "every day 9:00", Some("0 9 * * *"), "Sat 21 Nov 2026 09:00"),
        ("every weekday 9:00", "every weekday 9:00", Some("0 9 * * 1-5"), "Mon 23 Nov 2026 09:00"),
        ("every weekday at 5:45pm", "every weekday 17:45", Some("45 17 * * 1-5"), "Fri 20 Nov 2026 17:45"),
        ("every weekend 10:00", "every weekend 10:00", Some("0 10 * * 0,6"), "Sat 21 Nov 2026 10:00"),
        ("every mon 9:00", "every mon 9:00", Some("0 9 * * 1"), "Mon 23 Nov 2026 09:00"),
        ("every Friday, Monday and wed 9:05", "every mon,wed,fri 9:05", Some("5 9 * * 1,3,5"), "Mon 23 Nov 2026 09:05"),
        ("every sat-mon 9:00", "every mon,sat,sun 9:00", Some("0 9 * * 0,1,6"), "Sat 21 Nov 2026 09:00"),
        ("every mon-fri 9:00", "every weekday 9:00", Some("0 9 * * 1-5"), "Mon 23 Nov 2026 09:00"),
        ("cron 0 9 * * 1-5", "cron 0 9 * * 1-5", Some("0 9 * * 1-5"), "Mon 23 Nov 2026 09:00"),
        ("cron  0 9  * * mon", "cron 0 9 * * mon", Some("0 9 * * mon"), "Mon 23 Nov 2026 09:00"),
        ("cron */30 * * * *", "cron */30 * * * *", Some("*/30 * * * *"), "Fri 20 Nov 2026 18:00"),
        ("cron 0 9 29 2 *", "cron 0 9 29 2 *", Some("0 9 29 2 *"), "Tue 29 Feb 2028 09:00"),
        ("cron 0 9 L * *", "cron 0 9 L * *", Some("0 9 L * *"), "Mon 30 Nov 2026 09:00"),
        ("cron 0 9 * * MON#1", "cron 0 9 * * MON#1", Some("0 9 * * MON#1"), "Mon 7 Dec 2026 09:00"),
    ];
    for (typed, words, expression, first) in table {
        let when = read(typed, now, zone).unwrap_or_else(|error| panic!("{typed}: {error}"));
        assert_eq!(when.schedule.words(), words, "{typed}");
        assert_eq!(moment(when.first, zone), format!("{first} Europe/Berlin"), "{typed}");
        assert!(when.schedule.is_recurring() && !when.rolled, "{typed}");
        match (&when.schedule.rule, expression) {
            (Rule::Cron { expression, .. }, Some(expected)) => assert_eq!(expression, expected, "{typed}"),
            (Rule::Every { from, .. }, None) => assert_eq!(*from, now, "{typed}"),
            (rule, _) => panic!("{typed}: {rule:?}"),
        }
        // What is shown can be typed again.
        assert_eq!(read(&when.schedule.words(), now, zone).unwrap().schedule, when.schedule, "{typed}");
    }
}

#[test]
fn f17_words_that_name_a_zone_win_over_the_persons() {
    let (now, berlin) = berlin();
    let tokyo = zone("Asia/Tokyo");
    // It is 01:40 on Saturday in Tokyo.
    let when = read("at 17:00 Asia/Tokyo", now, berlin).unwrap();
    assert_eq!((when.schedule.zone, when.rolled), (tokyo, false));
    assert_eq!(moment(when.first, tokyo), "Sat 21 Nov 2026 17:00 Asia/Tokyo");
    let when = read("tomorrow 9:00 asia/tokyo", now, berlin).unwrap();
    assert_eq!(moment(when.first, tokyo), "Sun 22 Nov 2026 09:00 Asia/Tokyo");
    let when = read("every sat 1:45 Asia/Tokyo", now, berlin).unwrap();
    assert_eq!(moment(when.first, tokyo), "Sat 21 Nov 2026 01:45 Asia/Tokyo");
    assert_eq!(read("at 17:00 utc", now, berlin).unwrap().schedule.zone, Zone::UTC);
    // Where nothing but a zone can follow, names without a slash are taken, too.
    assert_eq!(read("at 17:00 Japan", now, berlin).unwrap().schedule.zone.name(), "Japan");
}

#[test]
fn f17_intervals_count_real_time_in_constant_time() {
    let (now, zone) = berlin();
    let schedule = read("every 7m", now, zone).unwrap().schedule;
    let minutes = |count: i64| Timestamp(now.0 + count * 60_000);
    assert_eq!(schedule.next_after(minutes(-1_000_000)), Some(minutes(7)), "what it is counted from is no occurrence");
    assert_eq!(schedule.next_after(now), Some(minutes(7)));
    assert_eq!(schedule.next_after(Timestamp(minutes(7).0 - 1)), Some(minutes(7)));
    assert_eq!(schedule.next_after(minutes(7)), Some(minutes(14)));
    assert_eq!(schedule.next_after(minutes(7_000_000_000)), Some(minutes(7_000_000_007)));
    assert_eq!(schedule.next_after(Timestamp(i64::MAX)), None);
    assert_eq!(schedule.next_after(Timestamp(i64::MIN)), Some(minutes(7)));
}

#[test]
fn f17_a_schedule_is_stored_as_json_and_checked_when_it_is_read() {
    let (now, zone) = berlin();
    for words in ["in 90m", "every 30m", "every weekday 9:00", "cron */30 * * * *"] {
        let schedule = read(words, now, zone).unwrap().schedule;
        let json = serde_json::to_string(&schedule).unwrap();
        assert_eq!(serde_json::from_str::<super::Schedule>(&json).unwrap(), schedule, "{json}");
    }
    let every = read("every 30m", now, zone).unwrap().schedule;
    let json = format!(r#"{{"zone":"Europe/Berlin","rule":{{"kind":"every","every_s":1800,"from":{}}}}}"#, now.0);
    assert_eq!(serde_json::to_string(&every).unwrap(), json);
    for broken in [
        r#"{"zone":"Europe/Berlino","rule":{"kind":"once","at":1}}"#,
        r#"{"zone":"UTC","rule":{"kind":"every","every_s":0,"from":1}}"#,
        r#"{"zone":"UTC","rule":{"kind":"every","every_s":-1,"from":1}}"#,
        r#"{"zone":"UTC","rule":{"kind":"cron","expression":"0 9 * *","words":"x"}}"#,
        r#"{"zone":"UTC","rule":{"kind":"yearly"}}"#,
    ] {
        assert!(serde_json::from_str::<super::Schedule>(broken).is_err(), "{broken}");
    }
}

#[test]
fn f17_a_zone_is_found_by_its_name_and_proposed_by_its_city() {
    assert_eq!(zone(" europe/berlin ").name(), "Europe/Berlin");
    assert_eq!(zone("utc"), Zone::UTC);
    assert_eq!(Zone::UTC.to_string(), "UTC");
    assert_eq!(serde_json::to_string(&zone("asia/kolkata")).unwrap(), "\"Asia/Kolkata\"");
    assert_eq!(serde_json::from_str::<Zone>("\"Asia/Kolkata\"").unwrap(), zone("Asia/Kolkata"));
    let table: [(&str, &[&str]); 11] = [
        ("berlin", &["Europe/Berlin"]),
        ("Europe/Berln", &["Europe/Berlin"]),
        ("new york", &["America/New_York"]),
        ("America/New-York", &["America/New_York"]),
        ("Asia/Tokio", &["Asia/Tokyo"]),
        ("Germany/Berlin", &["Europe/Berlin"]),
        ("sydney", &["Australia/Sydney"]),
        ("pst", &["America/Los_Angeles", "America/Vancouver"]),
        ("CEST", &["Europe/Berlin", "Europe/Paris"]),
        ("", &[]),
        ("xqzxqzxqz", &[]),
    ];
    for (given, expected) in table {
        let nearest = Zone::parse(given).unwrap_err().nearest;
        assert!(nearest.starts_with(expected) && nearest.len() <= 2, "{given}: {nearest:?}");
        assert!(!expected.is_empty() || nearest.is_empty(), "{given}: {nearest:?}");
        assert!(nearest.iter().all(|name| Zone::parse(name).is_ok()));
    }
}
