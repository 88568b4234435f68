//! Where a time ends and the text begins, without a clock.

use super::super::split;

#[test]
fn f2_a_time_is_the_longest_beginning_that_is_one() {
    let table = [
        ("in 2h check the deploy", "in 2h", "check the deploy"),
        ("in 90m", "in 90m", ""),
        ("in 2h30m stretch", "in 2h30m", "stretch"),
        ("in 2h 30m stretch", "in 2h 30m", "stretch"),
        ("in 2 hours and 5 minutes go", "in 2 hours and 5 minutes", "go"),
        ("in 2 hours and then rest", "in 2 hours", "and then rest"),
        ("in an hour go", "in an hour", "go"),
        ("in 1w 2d go", "in 1w 2d", "go"),
        ("in 2h 30 people arrive", "in 2h", "30 people arrive"),
        ("in 2 days at 9:00 go", "in 2 days at 9:00", "go"),
        ("in 2h 17:00 is the train", "in 2h", "17:00 is the train"),
        ("IN 2H Go", "IN 2H", "Go"),
        ("at 17:00 call", "at 17:00", "call"),
        ("17:00 call", "17:00", "call"),
        ("at 9 call", "at 9", "call"),
        ("at 5pm call", "at 5pm", "call"),
        ("at 5 pm call", "at 5 pm", "call"),
        ("5:30PM call", "5:30PM", "call"),
        ("at 5 pmcall", "at 5", "pmcall"),
        ("today 17:00 x", "today 17:00", "x"),
        ("tomorrow 9:00 x", "tomorrow 9:00", "x"),
        ("tomorrow at 9 x", "tomorrow at 9", "x"),
        ("mon 9:00 x", "mon 9:00", "x"),
        ("on monday at 9:00 x", "on monday at 9:00", "x"),
        ("next friday 9:00 x", "next friday 9:00", "x"),
        ("at 9 tomorrow x", "at 9 tomorrow", "x"),
        ("at 9:00 on fri x", "at 9:00 on fri", "x"),
        ("at 9:00 friday drinks", "at 9:00 friday", "drinks"),
        ("9:00 mon standup", "9:00 mon", "standup"),
        ("9:00 Mon", "9:00 Mon", ""),
        ("at 9 thurs Europe/Berlin standup", "at 9 thurs Europe/Berlin", "standup"),
        ("at 9:00 sun lotion", "at 9:00 sun", "lotion"),
        ("at 9:00 put sun lotion on", "at 9:00", "put sun lotion on"),
        ("at 9:00 monthly report", "at 9:00", "monthly report"),
        ("at 9:00 tomorrow's news", "at 9:00", "tomorrow's news"),
        ("2026-12-01 09:00 x", "2026-12-01 09:00", "x"),
        ("2026-12-01T09:00 x", "2026-12-01T09:00", "x"),
        ("2026-12-01t09:00:30 x", "2026-12-01t09:00:30", "x"),
        ("every 30m x", "every 30m", "x"),
        ("every 2 hours x", "every 2 hours", "x"),
        ("every hour x", "every hour", "x"),
        ("every day 9:00 x", "every day 9:00", "x"),
        ("every 1 day at 9:00 x", "every 1 day at 9:00", "x"),
        ("every weekday at 9 x", "every weekday at 9", "x"),
        ("every weekend 10:00 x", "every weekend 10:00", "x"),
        ("every mon,wed,fri 9:00 x", "every mon,wed,fri 9:00", "x"),
        ("every mon, wed and fri 9:00 x", "every mon, wed and fri 9:00", "x"),
        ("every mon-wed 9:00 x", "every mon-wed 9:00", "x"),
        ("cron 0 9 * * 1-5 standup", "cron 0 9 * * 1-5", "standup"),
        ("cron 0 9 * JAN,jul MON standup", "cron 0 9 * JAN,jul MON", "standup"),
        ("cron 0 9 L * * books", "cron 0 9 L * *", "books"),
    ];
    for (text, time, rest) in table {
        assert_eq!(split(text), Some((time, rest)), "{text}");
    }
}

#[test]
fn f2_a_zone_belongs_to_the_time_only_when_it_is_an_iana_name() {
    let table = [
        ("at 17:00 Asia/Tokyo call", "at 17:00 Asia/Tokyo", "call"),
        ("at 17:00 asia/tokyo call", "at 17:00 asia/tokyo", "call"),
        ("in 2h Asia/Tokyo office call", "in 2h Asia/Tokyo", "office call"),
        ("at 17:00 UTC call", "at 17:00 UTC", "call"),
        ("at 17:00 gmt call", "at 17:00 gmt", "call"),
        ("at 17:00 America/Argentina/Buenos_Aires", "at 17:00 America/Argentina/Buenos_Aires", ""),
        ("at 17:00 Etc/GMT+5 call", "at 17:00 Etc/GMT+5", "call"),
        ("every weekday 9:00 Europe/Berlin standup", "every weekday 9:00 Europe/Berlin", "standup"),
        ("cron 0 9 * * 1-5 Europe/Berlin standup", "cron 0 9 * * 1-5 Europe/Berlin", "standup"),
        ("at 17:00 Paris trip", "at 17:00", "Paris trip"),
        ("at 17:00 Japan trip", "at 17:00", "Japan trip"),
        ("at 17:00 CET trip", "at 17:00", "CET trip"),
        ("at 17:00 and/or later", "at 17:00", "and/or later"),
        ("at 17:00 Asia/Pacific call", "at 17:00", "Asia/Pacific call"),
        ("at 17:00 America/North call", "at 17:00", "America/North call"),
        ("at 17:00 https://example.org/Asia/Tokyo", "at 17:00", "https://example.org/Asia/Tokyo"),
        // Slips of the finger stay with the time, so that they are refused and never silently another zone.
        ("at 17:00 Europe/Berln call", "at 17:00 Europe/Berln", "call"),
        ("at 17:00 Asia/Tokio call", "at 17:00 Asia/Tokio", "call"),
        ("at 17:00 Asia/Berlin call", "at 17:00 Asia/Berlin", "call"),
    ];
    for (text, time, rest) in table {
        assert_eq!(split(text), Some((time, rest)), "{text}");
    }
}

#[test]
fn f2_the_text_survives_as_it_was_typed() {
    assert_eq!(split("  in 2h check   \"the  deploy\" \n now  "), Some(("in 2h", "check   \"the  deploy\" \n now")));
    assert_eq!(split("in\t2h\u{a0}30m\nfirst\n\n  second"), Some(("in\t2h\u{a0}30m", "first\n\n  second")));
    assert_eq!(split("at 17:00 ÄÖÜ ŉ 🎂 İstanbul"), Some(("at 17:00", "ÄÖÜ ŉ 🎂 İstanbul")));
    assert_eq!(split("every day 9:00 /run report  2026-11"), Some(("every day 9:00", "/run report  2026-11")));
}

#[test]
fn f2_what_does_not_begin_with_a_time_is_not_split() {
    let table = [
        "",
        "   ",
        "hello",
        "in",
        "in 5",
        "in 5 check",
        "in 5x",
        "in 2h30",
        "in h",
        "in 1.5h",
        "in -2h",
        "in two hours",
        "in 2 months",
        "9",
        "9 people",
        "24:00",
        "17:60",
        "9:5",
        "009:00",
        "13pm",
        "0am",
        "17:00pm",
        "at 17:00 pm",
        "at",
        "at noon",
        "at 24",
        "today",
        "tomorrow",
        "tomorrow 9",
        "monday",
        "next week 9:00",
        "next 9:00",
        "2026-12-01",
        "2026-12-01 check",
        "2026-02-30 9:00",
        "2026-13-01 9:00",
        "26-12-01 9:00",
        "2026-12-1 9:00",
        "2026-12-01T9",
        "2026-12-01T09:00Z",
        "every",
        "every day",
        "every week",
        "every weekday check",
        "every day 9:00:30",
        "every 2 days at 9:00",
        "every month 9:00",
        "every , 9:00",
        "every mon,foo 9:00",
        "every 30",
        "cron",
        "cron 0 9 * *",
        "cron 60 9 * * *",
        "cron 0 24 * * *",
        "cron 0 9 0 * *",
        "cron 0 9 * 13 *",
        "cron 0 9 * * 8",
        "cron 0 9 * * 5-1",
        "cron */0 9 * * *",
        "cron 0 MON * * *",
        "cron 0 9 1MON * *",
        "cron 0 9 * * MONTUE",
        "cron , 9 * * *",
        "cron 0 9,, * * *",
        "cron 0 9 * * +MON",
        "cron @daily",
        "cron 0 9 ? * MON",
        // Six fields, with seconds, must not be read as five and a text.
        "cron 0 0 9 * * 1-5",
        "cron 0 0 9 * * 1-5 standup",
        "cron 0 0 9 * * MON standup",
        "cron 0 0 9 * * * standup",
    ];
    for text in table {
        assert_eq!(split(text), None, "{text}");
    }
}
