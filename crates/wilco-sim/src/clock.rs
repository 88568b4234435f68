//! The machine's clock, for the program that runs in a process of its own. Tests hand in their own.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures::FutureExt;
use futures::future::BoxFuture;
use wilco_core::{Clock, Timestamp};

/// Real time. The only place of this crate that reads it.
#[derive(Clone, Copy, Debug)]
pub struct MachineClock {
    started: Instant,
}

impl MachineClock {
    /// A clock whose monotonic time begins now.
    #[allow(clippy::disallowed_methods, reason = "this is the real clock that every other place is handed")]
    pub fn start() -> Self {
        Self { started: Instant::now() }
    }
}

impl Clock for MachineClock {
    #[allow(clippy::disallowed_methods, reason = "this is the real clock that every other place is handed")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }

    #[allow(clippy::disallowed_methods, reason = "this is the real clock that every other place is handed")]
    fn sleep_until(&self, at: Duration) -> BoxFuture<'static, ()> {
        let wait = at.saturating_sub(self.monotonic());
        async move { tokio::time::sleep(wait).await }.boxed()
    }
}
