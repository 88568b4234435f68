//! Waiting for real processes: for a condition, within a bound, never for a time alone.

use std::time::Duration;

use wilco_core::Clock;
use wilco_sim::clock::MachineClock;

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Lets real time pass: between two looks at a condition, or up to the moment of a kill.
#[allow(clippy::disallowed_methods, reason = "other processes live in real time, which no test can move")]
pub async fn pause(by: Duration) {
    tokio::time::sleep(by).await;
}

/// Looks until there is something, or until the limit has passed.
pub async fn for_some<T>(limit: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let clock = MachineClock::start();
    loop {
        let found = look().await;
        if found.is_some() || clock.monotonic() > limit {
            return found;
        }
        pause(LOOK).await;
    }
}
