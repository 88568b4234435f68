//! Why a time was refused, with two that would work.

use std::fmt;
use std::time::Duration;

use super::words::exact;
use super::{Bounds, UnknownZone};
use crate::text;

/// What every refusal tells besides its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Help {
    /// What is allowed.
    pub bounds: Bounds,
    /// Two time words that would have been accepted at that moment, in that zone.
    pub suggestions: [String; 2],
}

impl fmt::Display for Help {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [one, other] = &self.suggestions;
        write!(
            f,
            "times lie {} to {} ahead and repeat every {} or less often, for example `{one}` or `{other}`.",
            exact(self.bounds.min),
            exact(self.bounds.max),
            exact(self.bounds.min_every),
        )
    }
}

/// A time that was refused. Nothing was scheduled; the sentence says why, what is allowed, and two
/// times that would work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WhenError {
    /// The words are no time.
    #[error("Nothing was scheduled: {} {why}; {help}", named(given))]
    NotUnderstood {
        /// What was given, on one line and cut.
        given: String,
        /// The end of a sentence that begins with what was given.
        why: String,
        /// What would work.
        help: Box<Help>,
    },
    /// A moment that was named with its day has passed.
    #[error("Nothing was scheduled: {at} has passed; {help}")]
    Past {
        /// The moment, as [`super::moment`] words it.
        at: String,
        /// What would work.
        help: Box<Help>,
    },
    /// Nearer than the shortest delay.
    #[error("Nothing was scheduled: {} from now is too soon; {help}", text::duration(*.ahead))]
    TooSoon {
        /// How far ahead it would be.
        ahead: Duration,
        /// What would work.
        help: Box<Help>,
    },
    /// Further ahead than the longest delay, or an interval that is longer than that.
    #[error("Nothing was scheduled: {} is too far ahead; {help}", far(*.ahead))]
    TooFar {
        /// How far ahead it would be.
        ahead: Duration,
        /// What would work.
        help: Box<Help>,
    },
    /// It would repeat too often.
    #[error("Nothing was scheduled: repeating after {} is too often; {help}", exact(*.apart))]
    TooOften {
        /// The shortest time between two occurrences, on a day when no clock changes.
        apart: Duration,
        /// What would work.
        help: Box<Help>,
    },
    /// A cron rule for a day that never comes, such as 30 February.
    #[error("Nothing was scheduled: `cron {expression}` never matches; {help}")]
    Never {
        /// The five fields.
        expression: String,
        /// What would work.
        help: Box<Help>,
    },
    /// The words name a time zone that does not exist.
    #[error("Nothing was scheduled: {zone}; {help}")]
    UnknownZone {
        /// The name, and near ones.
        zone: UnknownZone,
        /// What would work.
        help: Box<Help>,
    },
}

impl WhenError {
    /// What is allowed, and what would work.
    pub fn help(&self) -> &Help {
        match self {
            Self::NotUnderstood { help, .. }
            | Self::Past { help, .. }
            | Self::TooSoon { help, .. }
            | Self::TooFar { help, .. }
            | Self::TooOften { help, .. }
            | Self::Never { help, .. }
            | Self::UnknownZone { help, .. } => help,
        }
    }
}

fn named(given: &str) -> String {
    if given.is_empty() { "the time".to_owned() } else { format!("`{given}`") }
}

/// Numbers of centuries help nobody.
fn far(ahead: Duration) -> String {
    const CENTURY: Duration = Duration::from_secs(36_525 * 86_400);
    if ahead >= CENTURY { "more than a century".to_owned() } else { text::duration(ahead) }
}
