//! The days on which clocks change, zone by zone. Each expected moment is written down in UTC.

use super::super::moment;
use super::{at, cron, next, read, utc, zone};

/// Gaps: a fixed local time that is left out fires at the first moment after the gap.
#[test]
fn f17_a_time_in_a_gap_fires_at_the_first_moment_after_it() {
    let table: [(&str, &str, &str, [&str; 3]); 12] = [
        // 02:00 becomes 03:00 at 01:00 UTC.
        (
            "Europe/Berlin",
            "30 2 * * *",
            "2026-03-28 12:00",
            ["2026-03-29T01:00Z", "2026-03-30T00:30Z", "2026-03-31T00:30Z"],
        ),
        (
            "Europe/Berlin",
            "0 2 * * 0",
            "2026-03-28 12:00",
            ["2026-03-29T01:00Z", "2026-04-05T00:00Z", "2026-04-12T00:00Z"],
        ),
        // Both hours of the list meet at 03:00 and fire once.
        (
            "Europe/Berlin",
            "0 2,3 * * *",
            "2026-03-28 12:00",
            ["2026-03-29T01:00Z", "2026-03-30T00:00Z", "2026-03-30T01:00Z"],
        ),
        // Six times in the gap are one moment.
        (
            "Europe/Berlin",
            "*/10 2 * * *",
            "2026-03-28 12:00",
            ["2026-03-29T01:00Z", "2026-03-30T00:00Z", "2026-03-30T00:10Z"],
        ),
        (
            "Europe/Berlin",
            "0 */2 * * *",
            "2026-03-28 23:00",
            ["2026-03-29T01:00Z", "2026-03-29T02:00Z", "2026-03-29T04:00Z"],
        ),
        // 02:00 becomes 03:00 at 07:00 UTC.
        (
            "America/New_York",
            "15 2 * * *",
            "2026-03-07 12:00",
            ["2026-03-08T07:00Z", "2026-03-09T06:15Z", "2026-03-10T06:15Z"],
        ),
        // Half an hour: 02:00 becomes 02:30 at 15:30 UTC of the day before.
        (
            "Australia/Lord_Howe",
            "15 2 * * *",
            "2026-10-03 12:00",
            ["2026-10-03T15:30Z", "2026-10-04T15:15Z", "2026-10-05T15:15Z"],
        ),
        // Midnight itself is missing: 00:00 becomes 01:00 at 22:00 UTC.
        (
            "Asia/Beirut",
            "0 0 * * *",
            "2026-03-28 12:00",
            ["2026-03-28T22:00Z", "2026-03-29T21:00Z", "2026-03-30T21:00Z"],
        ),
        (
            "America/Sao_Paulo",
            "0 0 * * *",
            "2018-11-03 12:00",
            ["2018-11-04T03:00Z", "2018-11-05T02:00Z", "2018-11-06T02:00Z"],
        ),
        // After the fasting month, 02:00 becomes 03:00 at 02:00 UTC.
        (
            "Africa/Casablanca",
            "30 2 * * *",
            "2026-03-21 12:00",
            ["2026-03-22T02:00Z", "2026-03-23T01:30Z", "2026-03-24T01:30Z"],
        ),
        // A whole day is missing, 30 December 2011, a Friday: it fires when the next one begins.
        (
            "Pacific/Apia",
            "0 9 * * *",
            "2011-12-28 20:00",
            ["2011-12-29T19:00Z", "2011-12-30T10:00Z", "2011-12-30T19:00Z"],
        ),
        (
            "Pacific/Apia",
            "0 9 * * 5",
            "2011-12-28 20:00",
            ["2011-12-30T10:00Z", "2012-01-05T19:00Z", "2012-01-12T19:00Z"],
        ),
    ];
    for (name, expression, after, expected) in table {
        assert_eq!(next(&cron(expression, zone(name)), utc(after), 3), expected, "{name} {expression}");
    }
}

/// Doubled times: a fixed local time fires the first time only.
#[test]
fn f17_a_doubled_time_fires_once() {
    let table: [(&str, &str, &str, [&str; 3]); 8] = [
        // 03:00 becomes 02:00 at 01:00 UTC.
        (
            "Europe/Berlin",
            "30 2 * * *",
            "2026-10-24 12:00",
            ["2026-10-25T00:30Z", "2026-10-26T01:30Z", "2026-10-27T01:30Z"],
        ),
        (
            "Europe/Berlin",
            "0,30 2,3 * * *",
            "2026-10-25 00:00",
            ["2026-10-25T00:30Z", "2026-10-25T02:00Z", "2026-10-25T02:30Z"],
        ),
        // Asked for in the second of the two hours.
        (
            "Europe/Berlin",
            "45 2 * * *",
            "2026-10-25 01:15",
            ["2026-10-26T01:45Z", "2026-10-27T01:45Z", "2026-10-28T01:45Z"],
        ),
        // 02:00 becomes 01:00 at 06:00 UTC.
        (
            "America/New_York",
            "30 1 * * *",
            "2026-10-31 12:00",
            ["2026-11-01T05:30Z", "2026-11-02T06:30Z", "2026-11-03T06:30Z"],
        ),
        // 02:00 becomes 01:30 at 15:00 UTC of the day before.
        (
            "Australia/Lord_Howe",
            "45 1 * * *",
            "2026-04-04 12:00",
            ["2026-04-04T14:45Z", "2026-04-05T15:15Z", "2026-04-06T15:15Z"],
        ),
        // The day goes back over midnight: 00:00 becomes 23:00 of the day before.
        (
            "America/Sao_Paulo",
            "30 23 * * *",
            "2018-02-17 12:00",
            ["2018-02-18T01:30Z", "2018-02-19T02:30Z", "2018-02-20T02:30Z"],
        ),
        // One minute past midnight, 00:01 becomes 23:01: midnight is over before it comes again.
        (
            "America/St_Johns",
            "0 0 * * *",
            "2010-11-06 12:00",
            ["2010-11-07T02:30Z", "2010-11-08T03:30Z", "2010-11-09T03:30Z"],
        ),
        (
            "Asia/Beirut",
            "30 23 * * *",
            "2026-10-24 12:00",
            ["2026-10-24T20:30Z", "2026-10-25T21:30Z", "2026-10-26T21:30Z"],
        ),
    ];
    for (name, expression, after, expected) in table {
        assert_eq!(next(&cron(expression, zone(name)), utc(after), 3), expected, "{name} {expression}");
    }
}

/// Rules that match in every hour follow real time through both changes.
#[test]
fn f17_a_rule_for_every_hour_follows_real_time() {
    let table: [(&str, &str, &str, [&str; 4]); 7] = [
        (
            "Europe/Berlin",
            "*/30 * * * *",
            "2026-03-29 00:00",
            ["2026-03-29T00:30Z", "2026-03-29T01:00Z", "2026-03-29T01:30Z", "2026-03-29T02:00Z"],
        ),
        (
            "Europe/Berlin",
            "*/30 * * * *",
            "2026-10-25 00:00",
            ["2026-10-25T00:30Z", "2026-10-25T01:00Z", "2026-10-25T01:30Z", "2026-10-25T02:00Z"],
        ),
        (
            "America/New_York",
            "0 * * * *",
            "2026-11-01 04:30",
            ["2026-11-01T05:00Z", "2026-11-01T06:00Z", "2026-11-01T07:00Z", "2026-11-01T08:00Z"],
        ),
        // The clock shows 01:45 twice, half an hour apart.
        (
            "Australia/Lord_Howe",
            "15,45 * * * *",
            "2026-04-04 14:20",
            ["2026-04-04T14:45Z", "2026-04-04T15:15Z", "2026-04-04T15:45Z", "2026-04-04T16:15Z"],
        ),
        // The clock never shows 02:15.
        (
            "Australia/Lord_Howe",
            "15,45 * * * *",
            "2026-10-03 15:00",
            ["2026-10-03T15:15Z", "2026-10-03T15:45Z", "2026-10-03T16:15Z", "2026-10-03T16:45Z"],
        ),
        // The last hour of Saturday comes twice, and belongs to Saturday both times.
        (
            "America/Sao_Paulo",
            "0 0-23 * * 6",
            "2018-02-18 00:30",
            ["2018-02-18T01:00Z", "2018-02-18T02:00Z", "2018-02-24T03:00Z", "2018-02-24T04:00Z"],
        ),
        // No Friday at all in that week.
        (
            "Pacific/Apia",
            "0 * * * 5",
            "2011-12-29 12:00",
            ["2012-01-05T10:00Z", "2012-01-05T11:00Z", "2012-01-05T12:00Z", "2012-01-05T13:00Z"],
        ),
    ];
    for (name, expression, after, expected) in table {
        assert_eq!(next(&cron(expression, zone(name)), utc(after), 4), expected, "{name} {expression}");
    }
}

#[test]
fn f17_zones_without_changes_and_with_odd_offsets_are_plain() {
    let table = [
        ("Asia/Tokyo", "2026-11-20T00:00Z"),
        ("Asia/Kolkata", "2026-11-20T03:30Z"),
        ("Asia/Kathmandu", "2026-11-20T03:15Z"),
        ("America/St_Johns", "2026-11-20T12:30Z"),
        ("Pacific/Kiritimati", "2026-11-20T19:00Z"),
        ("UTC", "2026-11-20T09:00Z"),
    ];
    for (name, expected) in table {
        assert_eq!(next(&cron("0 9 * * *", zone(name)), utc("2026-11-19 20:00"), 1), [expected], "{name}");
    }
}

#[test]
fn f17_single_moments_follow_the_same_two_rules() {
    let table = [
        ("Europe/Berlin", "2026-03-28 12:00", "2026-03-29 02:30", "2026-03-29T01:00:00.000Z"),
        ("Europe/Berlin", "2026-03-28 12:00", "tomorrow 2:30", "2026-03-29T01:00:00.000Z"),
        ("Europe/Berlin", "2026-03-28 12:00", "at 2:30", "2026-03-29T01:00:00.000Z"),
        ("Europe/Berlin", "2026-03-28 12:00", "sun 2:30", "2026-03-29T01:00:00.000Z"),
        ("Europe/Berlin", "2026-10-24 12:00", "2026-10-25 02:30", "2026-10-25T00:30:00.000Z"),
        ("Australia/Lord_Howe", "2026-10-03 12:00", "tomorrow 2:10", "2026-10-03T15:30:00.000Z"),
        ("Asia/Beirut", "2026-03-28 12:00", "tomorrow 0:00", "2026-03-28T22:00:00.000Z"),
        ("Pacific/Apia", "2011-12-29 12:00", "tomorrow 9:00", "2011-12-30T10:00:00.000Z"),
        // A day is a day of the calendar with a time of day, and 24 hours without one.
        ("Europe/Berlin", "2026-10-24 12:00", "in 1 day at 12:00", "2026-10-25T11:00:00.000Z"),
        ("Europe/Berlin", "2026-10-24 12:00", "in 1 day", "2026-10-25T10:00:00.000Z"),
    ];
    for (name, now, words, expected) in table {
        let zone = zone(name);
        assert_eq!(read(words, at(zone, now), zone).unwrap().first.rfc3339(), expected, "{name} {words}");
    }
}

#[test]
fn f17_a_day_and_a_weekday_that_are_both_restricted_are_either_or() {
    let berlin = zone("Europe/Berlin");
    let days = |expression: &str, count: usize| {
        let mut after = at(berlin, "2026-11-01 00:00");
        let schedule = cron(expression, berlin);
        (0..count)
            .map(|_| {
                after = schedule.next_after(after).unwrap();
                moment(after, berlin).replace(" 2026 09:00 Europe/Berlin", "")
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(days("0 9 13 * 5", 5), ["Fri 6 Nov", "Fri 13 Nov", "Fri 20 Nov", "Fri 27 Nov", "Fri 4 Dec"]);
    assert_eq!(days("0 9 3 * 5", 5), ["Tue 3 Nov", "Fri 6 Nov", "Fri 13 Nov", "Fri 20 Nov", "Fri 27 Nov"]);
    // An asterisk restricts nothing, so the other field decides alone.
    assert_eq!(days("0 9 13 * *", 2), ["Fri 13 Nov", "Sun 13 Dec"]);
    assert_eq!(days("0 9 * * 5", 2), ["Fri 6 Nov", "Fri 13 Nov"]);
    // The month holds for both.
    assert_eq!(days("0 9 13 12 5", 4), ["Fri 4 Dec", "Fri 11 Dec", "Sun 13 Dec", "Fri 18 Dec"]);
    // 7 is Sunday, like 0, and a range may end there.
    assert_eq!(days("0 9 * * 6-7", 3), ["Sun 1 Nov", "Sat 7 Nov", "Sun 8 Nov"]);
    assert_eq!(days("0 9 * * fri-sun", 3), ["Sun 1 Nov", "Fri 6 Nov", "Sat 7 Nov"]);
}

#[test]
fn f17_rare_rules_are_found_and_impossible_ones_end() {
    let after = utc("2096-03-01 00:00");
    assert_eq!(next(&cron("0 9 29 2 *", super::Zone::UTC), after, 1), ["2104-02-29T09:00Z"]);
    let fifth = cron("0 9 * 2 SUN#5", super::Zone::UTC);
    assert_eq!(next(&fifth, utc("2080-01-01 00:00"), 2), ["2088-02-29T09:00Z", "2128-02-29T09:00Z"]);
    for expression in ["0 9 30 2 *", "* * 31 4,6,9,11 *"] {
        assert_eq!(cron(expression, zone("Africa/Casablanca")).next_after(after), None, "{expression}");
    }
    // A text that is no rule is due never, and not always.
    assert_eq!(cron("nonsense", super::Zone::UTC).next_after(after), None);
}
