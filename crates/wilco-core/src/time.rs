//! Time comes in: nothing in wilco reads a clock except through [`Clock`].

use std::fmt;
use std::time::Duration;

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

/// A moment in milliseconds since 1970-01-01T00:00:00Z, as every table stores it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// This moment plus a duration; saturates at the end of the range.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(millis(by)))
    }

    /// This moment minus a duration; saturates at the start of the range.
    #[must_use]
    pub fn minus(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(millis(by)))
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The moment in UTC for people and for JSON: RFC 3339 with milliseconds.
    pub fn rfc3339(self) -> String {
        chrono::DateTime::from_timestamp_millis(self.0)
            .map(|moment| moment.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
            .unwrap_or_else(|| format!("{} ms", self.0))
    }

    /// Hour and minute in UTC, such as `14:02 UTC`, for short notes.
    pub fn clock_time(self) -> String {
        chrono::DateTime::from_timestamp_millis(self.0)
            .map(|moment| moment.format("%H:%M UTC").to_string())
            .unwrap_or_else(|| format!("{} ms", self.0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// The only source of time. The real one lives in `wilco-loop`; tests hold one that they move by hand.
pub trait Clock: Send + Sync + 'static {
    /// The wall clock. It may step in either direction at any moment.
    fn now(&self) -> Timestamp;

    /// Time since some fixed moment of this process; never steps back.
    fn monotonic(&self) -> Duration;

    /// Resolves when [`Clock::monotonic`] has reached `at`: the only way to wait.
    fn sleep_until(&self, at: Duration) -> BoxFuture<'static, ()>;
}

/// Wall time as this process has counted it since it started.
///
/// Stored deadlines are judged by this time, not by the wall clock: a wall clock that is stepped by
/// an hour moves no deadline (requirement W21). A restart takes the wall clock as it is then.
#[derive(Clone, Copy, Debug)]
pub struct Steady {
    wall_at_start: Timestamp,
    monotonic_at_start: Duration,
}

impl Steady {
    /// Begins to count from the clock's present wall time.
    pub fn start(clock: &dyn Clock) -> Self {
        Self { wall_at_start: clock.now(), monotonic_at_start: clock.monotonic() }
    }

    /// The steady time that belongs to a monotonic reading.
    pub fn at(&self, monotonic: Duration) -> Timestamp {
        self.wall_at_start.plus(monotonic.saturating_sub(self.monotonic_at_start))
    }

    /// The steady time now.
    pub fn now(&self, clock: &dyn Clock) -> Timestamp {
        self.at(clock.monotonic())
    }

    /// The monotonic reading at which a steady time is reached; the past maps to the start.
    pub fn monotonic_for(&self, at: Timestamp) -> Duration {
        self.monotonic_at_start + at.since(self.wall_at_start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_and_never_runs_backwards() {
        let moment = Timestamp(1_000);
        assert_eq!(moment.plus(Duration::from_secs(2)), Timestamp(3_000));
        assert_eq!(moment.since(Timestamp(5_000)), Duration::ZERO);
        assert_eq!(Timestamp(i64::MAX).plus(Duration::MAX), Timestamp(i64::MAX));
        assert_eq!(Timestamp(i64::MIN).minus(Duration::MAX), Timestamp(i64::MIN));
    }

    #[test]
    fn people_read_utc() {
        assert_eq!(Timestamp(0).rfc3339(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Timestamp(50_520_000).clock_time(), "14:02 UTC");
    }
}
