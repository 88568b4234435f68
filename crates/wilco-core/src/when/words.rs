//! Moments and intervals, worded for people.

use std::time::Duration;

use chrono::{Datelike, NaiveDateTime, Timelike};

use super::Zone;
use super::local::{is_doubled, moment_in};
use crate::{Timestamp, text};

/// A moment as every confirmation and list shows it, with local time, zone and distance:
/// `Today Fri 20 Nov 17:00 Europe/Berlin (in 2h 10m)`, `Tomorrow Sat 21 Nov 09:00 …`,
/// `Tue 1 Dec 2026 09:00 …`.
///
/// Seconds are shown when they are not zero. A local time that occurs twice is followed by its
/// distance from UTC, as `02:30 +01:00`.
pub fn describe(at: Timestamp, now: Timestamp, zone: Zone) -> String {
    let distance = if at > now {
        // Rounded up to a second: what was set for two hours is not an hour and 59 minutes away because
        // storing it took a moment.
        format!("in {}", text::duration(whole_seconds(at.since(now))))
    } else if at == now {
        "now".to_owned()
    } else {
        format!("{} ago", text::duration(now.since(at)))
    };
    let (Some(there), Some(here)) = (moment_in(at, zone), moment_in(now, zone)) else {
        return format!("{} ({distance})", moment(at, zone));
    };
    let wall = there.naive_local();
    let today = here.date_naive();
    let day = if wall.date() == today {
        format!("Today {}", wall.format("%a %-d %b"))
    } else if today.succ_opt() == Some(wall.date()) {
        format!("Tomorrow {}", wall.format("%a %-d %b"))
    } else {
        date_with_year(wall)
    };
    format!("{day} {} {zone} ({distance})", clock(at, wall, zone))
}

fn whole_seconds(span: Duration) -> Duration {
    Duration::from_secs(span.as_secs() + u64::from(span.subsec_nanos() > 0))
}

/// A moment without its distance: `Tue 1 Dec 2026 09:00 Europe/Berlin`.
pub fn moment(at: Timestamp, zone: Zone) -> String {
    match moment_in(at, zone) {
        Some(there) => {
            let wall = there.naive_local();
            format!("{} {} {zone}", date_with_year(wall), clock(at, wall, zone))
        }
        None => at.rfc3339(),
    }
}

/// A moment as briefly as it stays clear beside another one, with its zone: `Tue 1 Dec 09:00 Europe/Berlin`.
/// The year is told only when that of `beside` is another one.
pub fn brief(at: Timestamp, beside: Timestamp, zone: Zone) -> String {
    match (moment_in(at, zone), moment_in(beside, zone)) {
        (Some(there), Some(here)) if there.year() == here.year() => {
            let wall = there.naive_local();
            format!("{} {} {zone}", wall.format("%a %-d %b"), clock(at, wall, zone))
        }
        _ => moment(at, zone),
    }
}

fn date_with_year(wall: NaiveDateTime) -> String {
    format!("{} {:04}", wall.format("%a %-d %b"), wall.year())
}

fn clock(at: Timestamp, wall: NaiveDateTime, zone: Zone) -> String {
    let form = if wall.second() == 0 { "%H:%M" } else { "%H:%M:%S" };
    let mut shown = wall.format(form).to_string();
    if is_doubled(wall, zone)
        && let Some(there) = moment_in(at, zone)
    {
        shown.push_str(&there.format(" %:z").to_string());
    }
    shown
}

/// An interval with nothing left out, in the form in which it can be typed: `30m`, `2h30m`, `1d`.
/// Below a second it is `0s`.
pub(super) fn exact(span: Duration) -> String {
    let mut rest = span.as_secs();
    let mut words = String::new();
    for (unit, seconds) in [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)] {
        if rest >= seconds {
            words.push_str(&format!("{}{unit}", rest / seconds));
            rest %= seconds;
        }
    }
    if words.is_empty() { "0s".to_owned() } else { words }
}
