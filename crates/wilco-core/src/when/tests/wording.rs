//! The sentences that people read.

use std::time::Duration;

use super::super::{Zone, describe, moment};
use super::{at, read, zone};

#[test]
fn f2_a_confirmation_says_local_time_zone_and_distance() {
    let berlin = zone("Europe/Berlin");
    let now = at(berlin, "2026-11-20 17:40");
    let table = [
        ("2026-11-20 19:50", "Today Fri 20 Nov 19:50 Europe/Berlin (in 2h 10m)"),
        ("2026-11-21 09:00", "Tomorrow Sat 21 Nov 09:00 Europe/Berlin (in 15h 20m)"),
        ("2026-11-22 00:00", "Sun 22 Nov 2026 00:00 Europe/Berlin (in 1d 6h)"),
        ("2026-12-01 20:00", "Tue 1 Dec 2026 20:00 Europe/Berlin (in 11d 2h)"),
        ("2026-11-20 17:40", "Today Fri 20 Nov 17:40 Europe/Berlin (now)"),
        ("2026-11-20 17:00", "Today Fri 20 Nov 17:00 Europe/Berlin (40m ago)"),
        ("2026-11-19 17:40", "Thu 19 Nov 2026 17:40 Europe/Berlin (1d ago)"),
    ];
    for (wall, expected) in table {
        assert_eq!(describe(at(berlin, wall), now, berlin), expected);
    }
    let odd = at(berlin, "2026-11-20 19:50").plus(Duration::from_millis(7_250));
    assert_eq!(describe(odd, now, berlin), "Today Fri 20 Nov 19:50:07 Europe/Berlin (in 2h 10m)");
    assert_eq!(describe(now, now, zone("Asia/Tokyo")), "Today Sat 21 Nov 01:40 Asia/Tokyo (now)");
    assert_eq!(moment(now, berlin), "Fri 20 Nov 2026 17:40 Europe/Berlin");
    assert_eq!(berlin.clock(now), "17:40");
}

#[test]
fn f17_a_local_time_that_occurs_twice_is_shown_with_its_offset() {
    let berlin = zone("Europe/Berlin");
    let first = at(berlin, "2026-10-25 02:30");
    assert_eq!(moment(first, berlin), "Sun 25 Oct 2026 02:30 +02:00 Europe/Berlin");
    let second = first.plus(Duration::from_secs(3_600));
    assert_eq!(moment(second, berlin), "Sun 25 Oct 2026 02:30 +01:00 Europe/Berlin");
    assert_eq!(moment(second.plus(Duration::from_secs(1_800)), berlin), "Sun 25 Oct 2026 03:00 Europe/Berlin");
}

#[test]
fn f2_a_refusal_says_why_what_is_allowed_and_what_would_work() {
    let berlin = zone("Europe/Berlin");
    let now = at(berlin, "2026-11-20 17:40");
    let allowed = "times lie 1m to 365d ahead and repeat every 5m or less often";
    let table = [
        ("in 5", "`in 5` has a number without a unit", ["in 5m", "in 5h"]),
        ("in 5 check it", "`in 5 check it` has a number without a unit", ["in 5m", "in 5h"]),
        ("5", "`5` has a number without a unit", ["in 5m", "at 5:00"]),
        ("in soon", "`in soon` is no length of time in minutes, hours, days or weeks", ["in 2h", "tomorrow 9:00"]),
        ("in 45s", "45s from now is too soon", ["in 1m", "in 5m"]),
        ("in 0m", "0s from now is too soon", ["in 1m", "in 5m"]),
        ("in 400d", "400d is too far ahead", ["in 365d", "in 30d"]),
        ("in 99999999999999999999w", "more than a century is too far ahead", ["in 365d", "in 30d"]),
        ("2028-01-01 9:00", "406d 15h is too far ahead", ["in 365d", "in 30d"]),
        ("every 400d", "400d is too far ahead", ["in 365d", "in 30d"]),
        ("tomorrow", "`tomorrow` has no time of day", ["tomorrow 9:00", "tomorrow 17:00"]),
        ("monday check", "`monday check` has no time of day", ["monday 9:00", "monday 17:00"]),
        ("2026-12-01", "`2026-12-01` has no time of day", ["2026-12-01 09:00", "2026-12-01 17:00"]),
        ("2026-02-30 9:00", "`2026-02-30 9:00` is no date of the calendar", ["in 2h", "tomorrow 9:00"]),
        ("today 9:00", "Fri 20 Nov 2026 09:00 Europe/Berlin has passed", ["tomorrow 9:00", "in 2h"]),
        ("2025-12-01 9:00", "Mon 1 Dec 2025 09:00 Europe/Berlin has passed", ["2026-12-01 09:00", "tomorrow 9:00"]),
        ("2026-01-05T09:00", "Mon 5 Jan 2026 09:00 Europe/Berlin has passed", ["2027-01-05 09:00", "in 2h"]),
        ("0000-01-01 9:00", "0000-01-01 has passed", ["2027-01-01 09:00", "tomorrow 9:00"]),
        ("every 1m", "repeating after 1m is too often", ["every 5m", "every hour"]),
        ("every 0s", "repeating after 0s is too often", ["every 5m", "every hour"]),
        ("cron * * * * *", "repeating after 1m is too often", ["every 5m", "every hour"]),
        ("every day", "`every day` has no time of day", ["every day 9:00", "every day 17:00"]),
        ("every mon,wed", "`every mon,wed` has no time of day", ["every mon,wed 9:00", "every mon,wed 17:00"]),
        (
            "every 2 days at 9:00",
            "`every 2 days at 9:00` has both an interval and a time of day",
            ["every day 9:00", "every mon,thu 9:00"],
        ),
        ("every moon", "`every moon` is not a repeating time", ["every weekday 9:00", "every 30m"]),
        ("cron 0 9 30 2 *", "`cron 0 9 30 2 *` never matches", ["cron 0 9 * * 1-5", "every weekday 9:00"]),
        (
            "cron 0 0 9 * * 1-5",
            "`cron 0 0 9 * * 1-5` is not a cron rule of exactly five fields (minute, hour, day of month, month, \
             weekday; no seconds)",
            ["cron 0 9 * * 1-5", "every weekday 9:00"],
        ),
        ("at 25:00", "`at 25:00` has no time of day from 0:00 to 23:59", ["at 9:00", "at 17:00"]),
        ("", "the time is empty", ["in 2h", "tomorrow 9:00"]),
        ("soon `now`\n\u{1b}[31m", "`soon 'now'` does not begin with a time", ["in 2h", "tomorrow 9:00"]),
        ("in 2h check it", "`in 2h check it` goes on behind its time", ["in 2h", "tomorrow 9:00"]),
        (
            "at 17:00 Europe/Berln",
            "there is no time zone `Europe/Berln`, perhaps `Europe/Berlin` is meant",
            ["at 17:00 Europe/Berlin", "in 2h"],
        ),
        (
            "at 17:00 pst",
            "there is no time zone `pst`, perhaps `America/Los_Angeles` or `America/Vancouver` is meant",
            ["at 17:00 America/Los_Angeles", "at 17:00 America/Vancouver"],
        ),
        (
            "at 17:00 xqzxqz",
            "there is no time zone `xqzxqz`, names are such as `Europe/Berlin` or `America/New_York`",
            ["in 2h", "tomorrow 9:00"],
        ),
    ];
    for (words, why, [one, other]) in table {
        let error = read(words, now, berlin).unwrap_err();
        let expected = format!("Nothing was scheduled: {why}; {allowed}, for example `{one}` or `{other}`.");
        assert_eq!(error.to_string(), expected);
        super::suggestions_work(&error, now, berlin, &super::Bounds::default());
    }
    let endless = read(&"x".repeat(10_000), now, Zone::UTC).unwrap_err();
    assert!(endless.to_string().chars().count() < 300);
}
