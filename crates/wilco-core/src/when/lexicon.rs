//! Single words of the grammar: numbers, units, weekdays, dates. All of them are in lower case here.

use chrono::{NaiveDate, NaiveTime, Weekday};

/// A day in seconds.
pub(super) const DAY: u64 = 86_400;

/// Days of the week: bit 0 is Sunday, as cron counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Days(u8);

impl Days {
    pub(super) const NONE: Self = Self(0);
    pub(super) const ALL: Self = Self(0b111_1111);
    pub(super) const WEEKDAYS: Self = Self(0b011_1110);
    pub(super) const WEEKEND: Self = Self(0b100_0001);

    fn one(day: Weekday) -> Self {
        Self(1 << day.num_days_from_sunday())
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn contains(self, day: u32) -> bool {
        self.0 >> day & 1 == 1
    }

    /// The weekday field of a cron rule.
    pub(super) fn field(self) -> String {
        match self {
            Self::ALL => "*".to_owned(),
            Self::WEEKDAYS => "1-5".to_owned(),
            _ => (0..7).filter(|day| self.contains(*day)).map(|day| day.to_string()).collect::<Vec<_>>().join(","),
        }
    }

    /// How people say it, Monday first: `day`, `weekday`, `mon,wed`.
    pub(super) fn words(self) -> String {
        const NAMES: [(u32, &str); 7] =
            [(1, "mon"), (2, "tue"), (3, "wed"), (4, "thu"), (5, "fri"), (6, "sat"), (0, "sun")];
        match self {
            Self::ALL => "day".to_owned(),
            Self::WEEKDAYS => "weekday".to_owned(),
            Self::WEEKEND => "weekend".to_owned(),
            _ => {
                NAMES.iter().filter(|(day, _)| self.contains(*day)).map(|(_, name)| *name).collect::<Vec<_>>().join(",")
            }
        }
    }
}

/// A whole number in digits alone; one that is too large is the largest there is.
pub(super) fn number(word: &str) -> Option<u64> {
    let is_number = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| word.parse().unwrap_or(u64::MAX))
}

/// A number of at least so many digits and at most two.
pub(super) fn two_digits(word: &str, least: usize) -> Option<u32> {
    if !(least..=2).contains(&word.len()) {
        return None;
    }
    number(word).and_then(|number| u32::try_from(number).ok())
}

/// The length of a unit in seconds.
pub(super) fn unit(word: &str) -> Option<u64> {
    match word {
        "s" | "sec" | "secs" | "second" | "seconds" => Some(1),
        "m" | "min" | "mins" | "minute" | "minutes" => Some(60),
        "h" | "hr" | "hrs" | "hour" | "hours" => Some(3_600),
        "d" | "day" | "days" => Some(DAY),
        "w" | "wk" | "wks" | "week" | "weeks" => Some(7 * DAY),
        _ => None,
    }
}

pub(super) fn weekday(word: &str) -> Option<Weekday> {
    match word {
        "mon" | "monday" => Some(Weekday::Mon),
        "tue" | "tues" | "tuesday" => Some(Weekday::Tue),
        "wed" | "wednesday" => Some(Weekday::Wed),
        "thu" | "thur" | "thurs" | "thursday" => Some(Weekday::Thu),
        "fri" | "friday" => Some(Weekday::Fri),
        "sat" | "saturday" => Some(Weekday::Sat),
        "sun" | "sunday" => Some(Weekday::Sun),
        _ => None,
    }
}

/// One weekday, or a range of them such as `mon-fri` and `sat-mon`.
pub(super) fn days_of(part: &str) -> Option<Days> {
    let Some((first, last)) = part.split_once('-') else { return weekday(part).map(Days::one) };
    let (mut day, last) = (weekday(first)?, weekday(last)?);
    let mut days = Days::one(day);
    while day != last {
        day = day.succ();
        days = days.and(Days::one(day));
    }
    Some(days)
}

/// `2026-12-01`: four, two and two digits.
pub(super) fn date(word: &str) -> Option<NaiveDate> {
    let is_date = word.len() == 10 && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if is_date { NaiveDate::parse_from_str(word, "%Y-%m-%d").ok() } else { None }
}

/// `2026-12-01t09:00`, with or without seconds.
pub(super) fn date_and_time(word: &str) -> Option<(NaiveDate, NaiveTime)> {
    let (day, time) = word.split_once('t')?;
    let mut parts = time.split(':');
    let hour = two_digits(parts.next()?, 2)?;
    let minute = two_digits(parts.next()?, 2)?;
    let second = parts.next().map_or(Some(0), |part| two_digits(part, 2))?;
    if parts.next().is_some() {
        return None;
    }
    Some((date(day)?, NaiveTime::from_hms_opt(hour, minute, second)?))
}
