//! Cron rules of five fields: which local times they mean, and which moments those are.
//!
//! croner reads the expression and knows which days match. The walk through time is here, because
//! croner 4.0 treats only a rule with one minute and one hour as a fixed time: it would leave
//! `0 2,3 * * *` out in spring and run it twice in autumn, it gives up on a gap of more than two
//! hours, and it searches to the year 5000 for a day that never comes.

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike};
use croner::parser::{CronParser, Seconds, Year};
use croner::{CronPattern, Weekday};

use super::Zone;
use super::local::{offset, resolve, wall};
use crate::Timestamp;

/// How far ahead a match is looked for. The rarest that exist, a fifth weekday of February, are 40 years apart.
const HORIZON_YEARS: i32 = 50;
/// Longer expressions are no rule that a person wrote.
const LONGEST: usize = 200;
const DAY_MINUTES: u32 = 24 * 60;
/// Two changes of one zone's clock are always further apart than this.
const BETWEEN_CHANGES_MS: i64 = 7 * 24 * 3_600_000;

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// A cron rule that was read.
pub(super) struct Cron {
    pattern: CronPattern,
    /// Bit n: minute n.
    minutes: u64,
    /// Bit n: hour n.
    hours: u32,
}

impl Cron {
    /// Reads an expression of exactly five fields; none when it is not one.
    pub(super) fn read(expression: &str) -> Option<Self> {
        if !is_sound(expression) {
            return None;
        }
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let pattern = parser.parse(expression).ok()?.pattern;
        let minutes = pattern.minutes.values().into_iter().fold(0, |bits, minute| bits | 1 << minute);
        let hours = pattern.hours.values().into_iter().fold(0, |bits, hour| bits | 1 << hour);
        Some(Self { pattern, minutes, hours })
    }

    /// The first occurrence strictly after a moment.
    pub(super) fn next_after(&self, after: Timestamp, zone: Zone) -> Option<Timestamp> {
        if self.follows_real_time() { self.next_real(after, zone) } else { self.next_fixed(after, zone) }
    }

    /// A rule that matches in every hour means an interval, and follows real time. Every other one
    /// means local times of day.
    fn follows_real_time(&self) -> bool {
        self.hours.count_ones() == 24
    }

    /// Local times of day: each fires once, at the first moment it has.
    ///
    /// [`resolve`] never decreases as local time grows, so the first local time that resolves to
    /// something later than `after` is the answer, and it is always later than the local time of `after`.
    fn next_fixed(&self, after: Timestamp, zone: Zone) -> Option<Timestamp> {
        let mut from = minute_of(wall(after, zone)?)?.checked_add_signed(TimeDelta::minutes(1))?;
        loop {
            let next = self.next_wall(from)?;
            let at = resolve(next, zone)?;
            if at > after {
                return Some(at);
            }
            from = next.checked_add_signed(TimeDelta::minutes(1))?;
        }
    }

    /// Every real moment at which the clock shows a matching minute, twice in an hour that occurs
    /// twice. Looks along stretches between two changes of the clock.
    fn next_real(&self, after: Timestamp, zone: Zone) -> Option<Timestamp> {
        let mut at = Timestamp(after.0.checked_add(1)?);
        loop {
            let ahead = offset(at, zone)?;
            let shown = wall(at, zone)?;
            let minute = minute_of(shown)?;
            let from = if minute == shown { minute } else { minute.checked_add_signed(TimeDelta::minutes(1))? };
            let next = self.next_wall(from)?;
            let candidate = Timestamp(next.and_utc().timestamp_millis() - ahead * 1_000);
            match first_change(at, candidate, ahead, zone)? {
                None => return Some(candidate),
                Some(change) => at = change,
            }
        }
    }

    /// The first matching local time that is not before `from`, a whole minute.
    fn next_wall(&self, from: NaiveDateTime) -> Option<NaiveDateTime> {
        let first = self.minute_from(0)?;
        let last_year = from.year() + HORIZON_YEARS;
        let mut date = from.date();
        if self.day_matches(date)
            && let Some(minute) = self.minute_from(from.hour() * 60 + from.minute())
        {
            return at_minute(date, minute);
        }
        loop {
            date = date.succ_opt()?;
            if date.year() > last_year {
                return None;
            }
            if !self.month_matches(date) {
                date = last_of_month(date)?;
            } else if self.day_matches(date) {
                return at_minute(date, first);
            }
        }
    }

    fn month_matches(&self, date: NaiveDate) -> bool {
        self.pattern.month_match(date.month()).unwrap_or(false)
    }

    fn day_matches(&self, date: NaiveDate) -> bool {
        let weekday = Weekday::from_days_from_sunday(date.weekday().num_days_from_sunday());
        self.month_matches(date)
            && self.pattern.day_match(date.year(), date.month(), date.day(), weekday).unwrap_or(false)
    }

    /// The first matching minute of a day that is not before minute `from`.
    fn minute_from(&self, from: u32) -> Option<u32> {
        let (hour, minute) = (from / 60, from % 60);
        let rest = self.minutes >> minute;
        if self.hours >> hour & 1 == 1 && rest != 0 {
            return Some(hour * 60 + minute + rest.trailing_zeros());
        }
        let later = self.hours >> hour >> 1;
        if later == 0 || self.minutes == 0 {
            return None;
        }
        Some((hour + 1 + later.trailing_zeros()) * 60 + self.minutes.trailing_zeros())
    }

    /// The shortest time in minutes between two occurrences, as far as it is under `wanted`
    /// minutes; none when all are that far apart. Days when clocks change are not counted.
    pub(super) fn nearer_than(&self, wanted: u32, from: NaiveDate) -> Option<u32> {
        let mut shortest = u32::MAX;
        let first = self.minute_from(0)?;
        let mut last = first;
        while let Some(next) = Some(last + 1).filter(|next| *next < DAY_MINUTES).and_then(|next| self.minute_from(next))
        {
            shortest = shortest.min(next - last);
            last = next;
        }
        // From the last one of a day to the first one of the next day that matches. Nine years
        // hold every neighbourhood of dates, 29 February included.
        let over_night = first + DAY_MINUTES - last;
        if over_night < shortest && over_night < wanted {
            let end = from.checked_add_days(Days::new(9 * 366))?;
            let mut before: Option<NaiveDate> = None;
            let mut date = from;
            while date < end && shortest > over_night {
                if self.day_matches(date) {
                    if let Some(before) = before {
                        let days = u32::try_from((date - before).num_days()).unwrap_or(u32::MAX);
                        shortest =
                            shortest.min(days.saturating_mul(DAY_MINUTES).saturating_add(first).saturating_sub(last));
                    }
                    before = Some(date);
                }
                date = date.succ_opt()?;
            }
        }
        (shortest < wanted).then_some(shortest)
    }
}

/// The first moment in `(from, to]` at which local time is no longer `ahead` seconds ahead of UTC.
/// None outside the known years, `Some(None)` when nothing changes.
fn first_change(from: Timestamp, to: Timestamp, ahead: i64, zone: Zone) -> Option<Option<Timestamp>> {
    let mut same = from.0;
    while same < to.0 {
        let probe = to.0.min(same.saturating_add(BETWEEN_CHANGES_MS));
        if offset(Timestamp(probe), zone)? == ahead {
            same = probe;
            continue;
        }
        let mut changed = probe;
        while changed - same > 1 {
            let middle = same + (changed - same) / 2;
            if offset(Timestamp(middle), zone)? == ahead { same = middle } else { changed = middle }
        }
        return Some(Some(Timestamp(changed)));
    }
    Some(None)
}

/// Whether these are five fields, names only where months and weekdays stand. croner itself would
/// take `0 MON * * *`, read `1MON` as 11, and let an empty list match nothing.
fn is_sound(expression: &str) -> bool {
    if expression.len() > LONGEST || !expression.is_ascii() || expression.split_ascii_whitespace().count() != 5 {
        return false;
    }
    expression.split_ascii_whitespace().enumerate().all(|(place, field)| {
        field.split(',').all(|part| !part.is_empty() && part.split(['-', '/', '#']).all(|word| is_item(place, word)))
    })
}

/// Whether a word can stand in a field: `*`, a number, a name, or a croner extension for days.
fn is_item(place: usize, word: &str) -> bool {
    let upper = word.to_ascii_uppercase();
    let is_number = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    let is_day = |word: &str| is_number(word) || DAYS.contains(&word);
    upper == "*"
        || is_number(&upper)
        || match place {
            2 => upper == "L" || upper == "LW" || upper.strip_suffix('W').is_some_and(is_number),
            3 => MONTHS.contains(&upper.as_str()),
            4 => is_day(&upper) || upper.strip_suffix('L').is_some_and(is_day),
            _ => false,
        }
}

/// Whether a word could be meant as one more field behind the five: seconds are not taken, and a
/// text is not cut out of the middle of a rule.
pub(super) fn looks_like_a_field(word: &str) -> bool {
    !word.is_empty() && word.split([',', '-', '/', '#']).all(|part| is_item(3, part) || is_item(4, part))
}

/// A local time without its seconds.
fn minute_of(wall: NaiveDateTime) -> Option<NaiveDateTime> {
    wall.with_second(0)?.with_nanosecond(0)
}

fn at_minute(date: NaiveDate, minute: u32) -> Option<NaiveDateTime> {
    Some(date.and_time(NaiveTime::from_hms_opt(minute / 60, minute % 60, 0)?))
}

fn last_of_month(date: NaiveDate) -> Option<NaiveDate> {
    date.with_day(u32::from(date.num_days_in_month()))
}
