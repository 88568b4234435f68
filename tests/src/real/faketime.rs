//! A wall clock that is set while a process runs: Debian's `faketime`, preloaded into that process alone.
//!
//! Only the wall clock is false. The monotonic clock stays the machine's own, as it does when an administrator or a
//! time server sets a clock.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use wilco_core::{Clock, Timestamp};
use wilco_sim::clock::MachineClock;

use super::Home;

/// A clock that can be set.
pub struct FakeTime {
    library: PathBuf,
    folder: TempDir,
    clock: MachineClock,
}

impl FakeTime {
    /// A clock that goes right so far. Without `faketime` the test that needs it says so and passes; with `CI=true`
    /// it fails.
    ///
    /// # Panics
    /// With `CI=true`, when `faketime` is missing.
    #[allow(clippy::print_stderr, reason = "a skipped test says so in one line")]
    pub fn new() -> Option<Self> {
        let Some(library) = library() else {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "faketime is missing");
            eprintln!("skipped: needs faketime");
            return None;
        };
        let fake = Self { library, folder: tempfile::tempdir().expect("a folder"), clock: MachineClock::start() };
        fake.ahead_by(0);
        Some(fake)
    }

    /// The home whose programs go by this clock.
    pub fn of(&self, home: Home) -> Home {
        home.with("LD_PRELOAD", self.library.display().to_string())
            .with("DONT_FAKE_MONOTONIC", "1")
            .with("FAKETIME_NO_CACHE", "1")
            .with("FAKETIME_TIMESTAMP_FILE", self.file().display().to_string())
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("faketime")
    }

    /// Sets it: so many milliseconds ahead of the machine's clock, or behind it.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn ahead_by(&self, millis: i64) {
        // Put in its place whole, because it is read at every look at the clock.
        let new = self.folder.path().join("new");
        let sign = if millis < 0 { '-' } else { '+' };
        let (seconds, rest) = (millis.unsigned_abs() / 1_000, millis.unsigned_abs() % 1_000);
        std::fs::write(&new, format!("{sign}{seconds}.{rest:03}\n")).expect("the offset is written");
        std::fs::rename(new, self.file()).expect("the offset is in its place");
    }

    /// Sets it to a moment.
    pub fn set(&self, to: Timestamp) {
        self.ahead_by(to.0 - self.clock.now().0);
    }

    /// Sets it to so long before a moment.
    pub fn set_before(&self, moment: Timestamp, by: Duration) {
        self.set(moment.minus(by));
    }
}

/// Where distributions put it.
fn library() -> Option<PathBuf> {
    let folders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];
    let paths = folders.iter().map(|folder| Path::new(folder).join("faketime/libfaketimeMT.so.1"));
    paths.into_iter().find(|path| path.exists())
}
