//! When: the words people use for a time, and the moments they mean (F2, F17).
//!
//! Everything here is a pure function of the words, the moment at which they were said, and a time
//! zone. Nothing reads a clock, and the zone of the host is never looked at. `docs/time.md` is the
//! grammar as people use it.
//!
//! [`split`] takes the time off the front of a text by grammar alone; [`parse`] turns it into a
//! [`Schedule`], or says in one sentence why not and names two times that would work.
//! [`Schedule::next_after`] is the only thing that decides when something is due.
//!
//! Two rules for the days on which clocks change:
//!
//! - A rule with fixed local times (`every weekday 9:00`, `cron 0 9,17 * * *`, a single moment):
//!   a time that is left out fires at the first moment after the gap, one that occurs twice fires
//!   the first time.
//! - A rule that matches in every hour (`cron */30 * * * *`) and an interval (`every 30m`) follow
//!   real time: an hour that occurs twice has its occurrences twice, one that is left out has none.

mod cron;
mod error;
mod grammar;
mod lexicon;
mod local;
mod meaning;
mod puzzle;
mod schedule;
mod words;
mod zone;

#[cfg(test)]
mod tests;

use std::time::Duration;

pub use error::{Help, WhenError};
pub use meaning::parse;
pub use schedule::{Rule, Schedule};
pub use words::{brief, describe, moment};
pub use zone::{UnknownZone, Zone};

use crate::Timestamp;

/// How far ahead a time may lie and how often one may repeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The shortest delay of a single moment. Recurring ones have [`Bounds::min_every`] instead.
    pub min: Duration,
    /// The longest delay of a single moment, and the longest interval.
    pub max: Duration,
    /// The shortest time between two occurrences.
    pub min_every: Duration,
}

impl Default for Bounds {
    /// 60 seconds to 365 days, and every 5 minutes.
    fn default() -> Self {
        Self {
            min: Duration::from_secs(60),
            max: Duration::from_secs(365 * 86_400),
            min_every: Duration::from_secs(300),
        }
    }
}

/// A time that was understood and lies within the bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct When {
    /// What is to be stored.
    pub schedule: Schedule,
    /// The first occurrence after now.
    pub first: Timestamp,
    /// A bare clock time such as `at 17:00` had passed today, so tomorrow's is meant. The reply says so.
    pub rolled: bool,
}

/// Splits `in 2h check the deploy` into the time words and the rest, without a clock and without a zone.
///
/// The time is the longest beginning that is one, with the IANA zone directly behind it. The rest is
/// as it was typed, without the blanks around it. None when the text does not begin with a time:
/// [`parse`] of the whole text then says why.
pub fn split(text: &str) -> Option<(&str, &str)> {
    let text = text.trim();
    let reading = grammar::read(text)?;
    let (time, rest) = text.split_at_checked(reading.end)?;
    Some((time, rest.trim_start()))
}
