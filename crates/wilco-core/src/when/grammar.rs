//! The words of a time, read without a clock: the longest beginning of a text that is one.

use std::time::Duration;

use chrono::{NaiveDate, NaiveTime, Timelike, Weekday};

use super::cron::{Cron, looks_like_a_field};
use super::lexicon::{DAY, Days, date, date_and_time, days_of, number, two_digits, unit, weekday};
use super::zone::REGIONS;
use super::{UnknownZone, Zone};
use crate::text;

/// More words than this are never part of a time.
const MOST_WORDS: usize = 64;
const CRON_FIELDS: usize = 5;

/// What was said, before anybody knows what time it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Spoken {
    /// `in 2h30m`
    In(Duration),
    /// `in 2 days at 9:00`
    DaysAhead(u64, NaiveTime),
    /// `at 17:00`
    Clock(NaiveTime),
    /// `today 17:00`
    Today(NaiveTime),
    /// `tomorrow 9:00`
    Tomorrow(NaiveTime),
    /// `friday 9:00`, `next friday 9:00`
    On { weekday: Weekday, next: bool, time: NaiveTime },
    /// `2026-12-01 09:00`
    Date(NaiveDate, NaiveTime),
    /// `every 30m`
    Every(Duration),
    /// `every weekday 9:00`
    Days { days: Days, time: NaiveTime },
    /// `cron 0 9 * * 1-5`
    Cron(String),
}

/// A time that was read from the beginning of a text.
pub(super) struct Reading {
    pub(super) spoken: Spoken,
    /// The zone behind it, when one was named.
    pub(super) zone: Option<Result<Zone, UnknownZone>>,
    /// Where its words end and the rest begins, in bytes.
    pub(super) end: usize,
}

/// Reads the longest beginning that is a time, with the zone behind it.
pub(super) fn read(text: &str) -> Option<Reading> {
    let words = Words::of(text);
    let (spoken, mut next) = words.spoken()?;
    let zone = words.raw.get(next).copied().and_then(zone_word);
    if zone.is_some() {
        next += 1;
    }
    Some(Reading { spoken, zone, end: words.end_of(next.checked_sub(1)?)? })
}

/// A word that names a zone: a known name with a slash, `UTC` or `GMT`. One that is a slip of the
/// finger away from such a name counts, too: to take it for text would silently mean another zone.
fn zone_word(word: &str) -> Option<Result<Zone, UnknownZone>> {
    let lower = word.to_ascii_lowercase();
    if !word.contains('/') && lower != "utc" && lower != "gmt" {
        return None;
    }
    if let Some(zone) = Zone::find(word) {
        return Some(Ok(zone));
    }
    let region = REGIONS.iter().find(|region| lower.starts_with(*region))?;
    let unknown = Zone::parse(word).err()?;
    // The region does not count, or every word behind `America/` would be near something.
    let place = |name: &str| name.split_once('/').map(|(_, place)| place.to_ascii_lowercase());
    let near: Vec<String> = unknown.nearest.iter().filter_map(|name| place(name)).collect();
    text::nearest(lower.strip_prefix(region)?, near.iter().map(String::as_str))?;
    Some(Err(unknown))
}

/// The first words of a text. Every reader takes the place of a word and gives what it read, with
/// the place behind it.
pub(super) struct Words<'a> {
    /// As they stand in the text.
    raw: Vec<&'a str>,
    /// In lower case.
    pub(super) lower: Vec<String>,
    /// Where each ends in the text.
    ends: Vec<usize>,
}

impl<'a> Words<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let (mut raw, mut lower, mut ends) = (Vec::new(), Vec::new(), Vec::new());
        let mut end = 0;
        for piece in text.split_inclusive(char::is_whitespace) {
            let word = piece.trim_end();
            if !word.is_empty() {
                raw.push(word);
                lower.push(word.to_ascii_lowercase());
                ends.push(end + word.len());
            }
            end += piece.len();
            if raw.len() == MOST_WORDS {
                break;
            }
        }
        Self { raw, lower, ends }
    }

    pub(super) fn get(&self, at: usize) -> Option<&str> {
        self.lower.get(at).map(String::as_str)
    }

    fn is(&self, at: usize, wanted: &str) -> bool {
        self.get(at) == Some(wanted)
    }

    /// The place behind an optional word.
    fn skip(&self, at: usize, optional: &str) -> usize {
        if self.is(at, optional) { at + 1 } else { at }
    }

    fn end_of(&self, at: usize) -> Option<usize> {
        self.ends.get(at).copied()
    }

    fn spoken(&self) -> Option<(Spoken, usize)> {
        match self.get(0)? {
            "in" => self.ahead(1),
            "every" => self.every(1),
            "cron" => self.cron(1),
            _ => self.day_then_clock().or_else(|| self.clock_then_day()),
        }
    }

    /// Behind `in`: `2h30m`, `an hour`, `2 days at 9:00`.
    fn ahead(&self, at: usize) -> Option<(Spoken, usize)> {
        if self.is(at, "a") || self.is(at, "an") {
            let seconds = unit(self.get(at + 1)?)?;
            return Some((Spoken::In(Duration::from_secs(seconds)), at + 2));
        }
        let (seconds, in_days, next) = self.span(at)?;
        match self.clock(next).filter(|_| in_days) {
            Some((time, next)) => Some((Spoken::DaysAhead(seconds / DAY, time), next)),
            None => Some((Spoken::In(Duration::from_secs(seconds)), next)),
        }
    }

    /// Behind `every`: `30m`, `hour`, `day 9:00`, `mon,wed 9:00`.
    fn every(&self, at: usize) -> Option<(Spoken, usize)> {
        if let Some((days, next)) = self.days(at) {
            let (time, next) = self.clock(next)?;
            // A cron rule, which this becomes, has no seconds.
            return (time.second() == 0).then_some((Spoken::Days { days, time }, next));
        }
        if let Some(seconds) = self.get(at).and_then(unit).filter(|seconds| *seconds < DAY) {
            return Some((Spoken::Every(Duration::from_secs(seconds)), at + 1));
        }
        let (seconds, in_days, next) = self.span(at)?;
        match self.clock(next).filter(|_| in_days) {
            None => Some((Spoken::Every(Duration::from_secs(seconds)), next)),
            Some((time, next)) if seconds == DAY && time.second() == 0 => {
                Some((Spoken::Days { days: Days::ALL, time }, next))
            }
            // "every 2 days at 9:00" is neither an interval nor a cron rule, and is not half understood.
            Some(_) => None,
        }
    }

    /// Behind `cron`: five fields, and no sixth.
    fn cron(&self, at: usize) -> Option<(Spoken, usize)> {
        let fields = self.raw.get(at..at + CRON_FIELDS)?;
        if self.get(at + CRON_FIELDS).is_some_and(looks_like_a_field) {
            return None;
        }
        let expression = fields.join(" ");
        Cron::read(&expression)?;
        Some((Spoken::Cron(expression), at + CRON_FIELDS))
    }

    /// `tomorrow 9:00`, `next friday at 9`, `2026-12-01T09:00`.
    fn day_then_clock(&self) -> Option<(Spoken, usize)> {
        if let Some((date, time)) = self.get(0).and_then(date_and_time) {
            return Some((Spoken::Date(date, time), 1));
        }
        let (day, next) = self.day(0)?;
        let (time, next) = self.clock(next)?;
        Some((day.at(time), next))
    }

    /// `17:00`, `at 9 tomorrow`, `at 17:00 on friday`, `9:00 mon`. A weekday behind a clock time is never
    /// text: `9:00 mon standup` would silently mean another day.
    fn clock_then_day(&self) -> Option<(Spoken, usize)> {
        let (time, next) = self.clock(0)?;
        match self.day(next) {
            Some((day, next)) => Some((day.at(time), next)),
            None => Some((Spoken::Clock(time), next)),
        }
    }

    /// `today`, `tomorrow`, `mon`, `next monday`, `2026-12-01`.
    pub(super) fn day(&self, at: usize) -> Option<(Day, usize)> {
        match self.get(at)? {
            "today" => return Some((Day::Today, at + 1)),
            "tomorrow" => return Some((Day::Tomorrow, at + 1)),
            "next" => return Some((Day::On { weekday: weekday(self.get(at + 1)?)?, next: true }, at + 2)),
            _ => {}
        }
        let at = self.skip(at, "on");
        let word = self.get(at)?;
        match weekday(word) {
            Some(weekday) => Some((Day::On { weekday, next: false }, at + 1)),
            None => Some((Day::Date(date(word)?), at + 1)),
        }
    }

    /// The days of `every`: `day`, `weekday`, `mon`, `mon,wed,fri`, `mon-wed, fri and sun`.
    pub(super) fn days(&self, mut at: usize) -> Option<(Days, usize)> {
        let whole = match self.get(at)? {
            "day" => Some(Days::ALL),
            "weekday" => Some(Days::WEEKDAYS),
            "weekend" => Some(Days::WEEKEND),
            _ => None,
        };
        if let Some(days) = whole {
            return Some((days, at + 1));
        }
        let mut days = Days::NONE;
        loop {
            let word = self.get(at)?;
            for part in word.split(',').filter(|part| !part.is_empty()) {
                days = days.and(days_of(part)?);
            }
            at += 1;
            let goes_on = word.ends_with(',') || self.get(at).is_some_and(|next| next.starts_with(','));
            if self.is(at, "and") {
                at += 1;
            } else if !goes_on {
                // A lone comma is no day.
                return (days != Days::NONE).then_some((days, at));
            }
        }
    }

    /// A time of day: `17:00`, `5pm`, `5:30 pm`, and with `at` a bare hour.
    pub(super) fn clock(&self, at: usize) -> Option<(NaiveTime, usize)> {
        let word_at = self.skip(at, "at");
        let word = self.get(word_at)?;
        let (digits, mut half) = match (word.strip_suffix("am"), word.strip_suffix("pm")) {
            (Some(digits), _) => (digits, Some(Half::Am)),
            (_, Some(digits)) => (digits, Some(Half::Pm)),
            (None, None) => (word, None),
        };
        let mut next = word_at + 1;
        if half.is_none() {
            half = match self.get(next) {
                Some("am") => Some(Half::Am),
                Some("pm") => Some(Half::Pm),
                _ => None,
            };
            next += usize::from(half.is_some());
        }
        let mut parts = digits.split(':');
        let hour = two_digits(parts.next()?, 1)?;
        let minute = parts.next().map(|part| two_digits(part, 2));
        let second = parts.next().map(|part| two_digits(part, 2));
        if parts.next().is_some() || (minute.is_none() && half.is_none() && word_at == at) {
            return None;
        }
        let hour = match half {
            None => hour,
            Some(_) if !(1..=12).contains(&hour) => return None,
            Some(Half::Am) => hour % 12,
            Some(Half::Pm) => hour % 12 + 12,
        };
        let time = NaiveTime::from_hms_opt(hour, minute.unwrap_or(Some(0))?, second.unwrap_or(Some(0))?)?;
        Some((time, next))
    }

    /// A length of time in seconds, such as `2h30m` or `2 hours and 5 minutes`, and whether it was
    /// said in days or weeks alone.
    pub(super) fn span(&self, mut at: usize) -> Option<(u64, bool, usize)> {
        let (mut total, mut in_days, mut next) = (0_u64, true, None);
        while let Some((seconds, days, behind)) = self.part_of_span(at) {
            total = total.saturating_add(seconds);
            in_days &= days;
            next = Some(behind);
            at = self.skip(behind, "and");
        }
        Some((total, in_days, next?))
    }

    fn part_of_span(&self, at: usize) -> Option<(u64, bool, usize)> {
        let word = self.get(at)?;
        if let Some(count) = number(word) {
            let unit = unit(self.get(at + 1)?)?;
            return Some((count.saturating_mul(unit), unit >= DAY, at + 2));
        }
        let (mut total, mut in_days, mut rest) = (0_u64, true, word);
        while !rest.is_empty() {
            let letters = rest.find(|c: char| !c.is_ascii_digit())?;
            let (count, behind) = rest.split_at(letters);
            let digits = behind.find(|c: char| c.is_ascii_digit()).unwrap_or(behind.len());
            let (name, behind) = behind.split_at(digits);
            let unit = unit(name)?;
            total = total.saturating_add(number(count)?.saturating_mul(unit));
            in_days &= unit >= DAY;
            rest = behind;
        }
        Some((total, in_days, at + 1))
    }
}

/// A day that a clock time belongs to.
pub(super) enum Day {
    Today,
    Tomorrow,
    On { weekday: Weekday, next: bool },
    Date(NaiveDate),
}

impl Day {
    fn at(self, time: NaiveTime) -> Spoken {
        match self {
            Self::Today => Spoken::Today(time),
            Self::Tomorrow => Spoken::Tomorrow(time),
            Self::On { weekday, next } => Spoken::On { weekday, next, time },
            Self::Date(date) => Spoken::Date(date, time),
        }
    }
}

/// The half of the day behind a time.
#[derive(Clone, Copy)]
enum Half {
    Am,
    Pm,
}
