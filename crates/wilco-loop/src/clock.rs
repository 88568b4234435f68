//! The real clock: the only place of the product that reads the system's time and waits for it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures::future::BoxFuture;
use wilco_core::time::{Clock, Timestamp};

/// The system's clocks. Its monotonic time counts from the moment it was made.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// Starts to count. A process needs one; clones share the same start.
    #[allow(clippy::disallowed_methods, reason = "this is the one real clock that everything else is given")]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

#[allow(clippy::disallowed_methods, reason = "this is the one real clock that everything else is given")]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        // A wall clock before 1970 is a machine that has not been set yet; its moments count backwards.
        let millis = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |millis| -millis),
        };
        Timestamp(millis)
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    fn sleep_until(&self, at: Duration) -> BoxFuture<'static, ()> {
        // A moment beyond the range of the clock is never reached.
        match self.start.checked_add(at) {
            Some(moment) => Box::pin(tokio::time::sleep_until(moment.into())),
            None => Box::pin(futures::future::pending()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_monotonic_time_reaches_what_was_waited_for() {
        let clock = SystemClock::new();
        let goal = clock.monotonic() + Duration::from_millis(20);
        clock.sleep_until(goal).await;
        assert!(clock.monotonic() >= goal);
        assert!(clock.now() > Timestamp(1_600_000_000_000), "the machine's clock is set");
    }
}
