//! What is stored of a time that somebody asked for, and when it is due next.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Zone;
use super::cron::Cron;
use super::words::exact;
use crate::Timestamp;

/// When something is due: once or again and again. Stored as JSON.
///
/// Reading one back checks it: a rule that could never have been accepted does not decode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct Schedule {
    /// The zone whose local time the rule means, and in which people are shown its moments.
    pub zone: Zone,
    /// The rule.
    pub rule: Rule,
}

/// The rule of a [`Schedule`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Rule {
    /// One moment.
    Once {
        /// The moment.
        at: Timestamp,
    },
    /// The same real time between any two, whatever clocks do meanwhile.
    Every {
        /// The time between two, in whole seconds, at least one.
        #[serde(rename = "every_s", with = "seconds")]
        every: Duration,
        /// What is counted from; not an occurrence itself.
        from: Timestamp,
    },
    /// Local times of day on some days.
    Cron {
        /// Minute, hour, day of month, month, weekday, with one blank between them.
        expression: String,
        /// How people read it: `every weekday 9:00`, or the expression behind the word `cron`.
        words: String,
    },
}

impl Schedule {
    /// Whether there can be more than one occurrence.
    pub fn is_recurring(&self) -> bool {
        match self.rule {
            Rule::Once { .. } => false,
            Rule::Every { .. } | Rule::Cron { .. } => true,
        }
    }

    /// The first occurrence strictly after `after`; none when there is none any more: a single
    /// moment that has passed, or a cron rule without a match in the 50 years that follow. A cron
    /// rule knows the years 1 to 9998.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        match &self.rule {
            Rule::Once { at } => (*at > after).then_some(*at),
            Rule::Every { every, from } => next_multiple(*every, *from, after),
            Rule::Cron { expression, .. } => Cron::read(expression)?.next_after(after, self.zone),
        }
    }

    /// How people read the rule: `once`, `every 30m`, `every weekday 9:00`, `cron 0 9 * * 1-5`.
    pub fn words(&self) -> String {
        match &self.rule {
            Rule::Once { .. } => "once".to_owned(),
            Rule::Every { every, .. } => format!("every {}", exact(*every)),
            Rule::Cron { words, .. } => words.clone(),
        }
    }
}

/// The first of `from + every`, `from + 2 * every`, … after a moment, in constant time.
fn next_multiple(every: Duration, from: Timestamp, after: Timestamp) -> Option<Timestamp> {
    let step = i128::from(every.as_secs()) * 1_000;
    if step == 0 {
        return None;
    }
    let passed = (i128::from(after.0) - i128::from(from.0)).max(0);
    i64::try_from(i128::from(from.0) + (passed / step + 1) * step).ok().map(Timestamp)
}

/// A schedule as it comes out of JSON, before it is checked.
#[derive(Deserialize)]
struct Stored {
    zone: Zone,
    rule: Rule,
}

impl TryFrom<Stored> for Schedule {
    type Error = String;

    fn try_from(stored: Stored) -> Result<Self, String> {
        match &stored.rule {
            Rule::Once { .. } => {}
            Rule::Every { every, .. } => {
                if every.is_zero() {
                    return Err("an interval of 0 s".to_owned());
                }
            }
            Rule::Cron { expression, .. } => {
                Cron::read(expression).ok_or_else(|| format!("`{expression}` is no cron rule of five fields"))?;
            }
        }
        Ok(Self { zone: stored.zone, rule: stored.rule })
    }
}

/// A duration as a whole number of seconds.
mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(span.as_secs())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_secs)
    }
}
