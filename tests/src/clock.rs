//! Time that stands still until the script moves it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use wilco_core::{Clock, Timestamp};

/// When every script begins: 2026-03-02T09:00:00Z, a Monday.
pub const BEGIN: Timestamp = Timestamp(1_772_442_000_000);

/// A clock over tokio's paused time, which jumps to the next sleeper when nothing is left to do.
#[derive(Clone, Debug)]
pub struct VirtualClock {
    start: tokio::time::Instant,
    wall_offset: Arc<AtomicI64>,
    /// A process that crashed waits for nothing any more.
    cut: CancellationToken,
}

impl VirtualClock {
    /// Begins at [`BEGIN`]. Needs a runtime whose time is paused.
    #[allow(clippy::disallowed_methods, reason = "this clock is what the tests are given instead")]
    pub fn start() -> Self {
        Self {
            start: tokio::time::Instant::now(),
            wall_offset: Arc::new(AtomicI64::new(0)),
            cut: CancellationToken::new(),
        }
    }

    /// Steps the wall clock alone, as an administrator or a time server does.
    pub fn step_wall(&self, millis: i64) {
        self.wall_offset.fetch_add(millis, Ordering::SeqCst);
    }

    /// The clock of one process on this stage: after its token is cancelled, nobody who waits by it wakes.
    pub fn of_process(&self, cut: CancellationToken) -> Self {
        Self { cut, ..self.clone() }
    }

    /// Whether the process whose clock this is has died.
    pub fn is_cut(&self) -> bool {
        self.cut.is_cancelled()
    }
}

#[allow(clippy::disallowed_methods, reason = "this clock is what the tests are given instead")]
impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        let offset = self.wall_offset.load(Ordering::SeqCst);
        Timestamp(BEGIN.plus(self.monotonic()).0 + offset)
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    fn sleep_until(&self, at: Duration) -> BoxFuture<'static, ()> {
        let (moment, cut) = (self.start + at, self.cut.clone());
        Box::pin(async move {
            tokio::select! {
                biased;
                () = cut.cancelled() => std::future::pending().await,
                () = tokio::time::sleep_until(moment) => {}
            }
        })
    }
}
