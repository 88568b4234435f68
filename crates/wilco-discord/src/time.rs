//! Waiting with an end.

use std::time::Duration;

use wilco_core::Clock;

/// What a future gives within a limit; none when it does not.
pub(crate) async fn within<T>(clock: &dyn Clock, limit: Duration, what: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        value = what => Some(value),
        () = clock.sleep_until(clock.monotonic() + limit) => None,
    }
}
