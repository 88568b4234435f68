//! The machine's clock, for the program that runs in a process of its own, and the one that tests move by hand.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::watch;
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

/// Time that only a test moves, so that a platform's rules of time and real sockets go together: a paused runtime
/// would jump over every wait for a socket.
#[derive(Debug)]
pub struct HandClock {
    passed: watch::Sender<Duration>,
    /// The wall clock, in milliseconds since the epoch, when no time has passed. It can be set.
    begun: AtomicI64,
    step: Duration,
}

impl HandClock {
    /// When it begins where nobody says otherwise: 2025-06-15T15:06:40Z, a Sunday.
    pub const BEGIN: Timestamp = Timestamp(1_750_000_000_000);

    /// A clock that stands at [`HandClock::BEGIN`].
    pub fn new() -> Arc<Self> {
        Self::at(Self::BEGIN)
    }

    /// A clock that stands at this time.
    pub fn at(begin: Timestamp) -> Arc<Self> {
        Self::stepping(begin, Duration::ZERO)
    }

    /// A clock that moves by `step` whenever its monotonic time is read: for a script of more calls than a second of
    /// the platform takes.
    pub fn stepping(begin: Timestamp, step: Duration) -> Arc<Self> {
        Arc::new(Self { passed: watch::Sender::new(Duration::ZERO), begun: AtomicI64::new(begin.0), step })
    }

    /// Lets time pass, on both clocks. Whoever waits for a time up to then wakes.
    pub fn advance(&self, by: Duration) {
        self.passed.send_modify(|passed| *passed += by);
    }

    /// Sets the wall clock by so many milliseconds, as an administrator or a time server does. No time passes.
    pub fn step_wall(&self, millis: i64) {
        self.begun.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.begun.load(Ordering::SeqCst)).plus(*self.passed.borrow())
    }

    fn monotonic(&self) -> Duration {
        if !self.step.is_zero() {
            self.advance(self.step);
        }
        *self.passed.borrow()
    }

    fn sleep_until(&self, at: Duration) -> BoxFuture<'static, ()> {
        let mut passed = self.passed.subscribe();
        async move {
            if passed.wait_for(|passed| *passed >= at).await.is_err() {
                // Nobody moves the time any more.
                futures::future::pending::<()>().await;
            }
        }
        .boxed()
    }
}

/// Lets everything run that can run without time passing: a word goes so many times through the system's sockets and
/// back, and whatever else is ready on this runtime has its turn meanwhile. What hands work to other threads may take
/// longer; a script that waits for something looks for it, again and again.
///
/// # Errors
/// When this machine has no socket left.
pub async fn sockets_run(turns: u32) -> io::Result<()> {
    // A pair without addresses: scripts call this so often that there would be no ports left for a while.
    let (mut near, mut far) = UnixStream::pair()?;
    let mut word = [0; 1];
    for _ in 0..turns {
        near.write_all(&[1]).await?;
        far.read_exact(&mut word).await?;
        far.write_all(&word).await?;
        near.read_exact(&mut word).await?;
        tokio::task::yield_now().await;
    }
    Ok(())
}
