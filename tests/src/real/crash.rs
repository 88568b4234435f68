//! Stopping the process at a named moment.

use std::sync::atomic::{AtomicU32, Ordering};

use wilco_store::crash;

/// The environment variable that names the moment: a crash point and which of its passings, as in
/// `store.after_commit:2`.
pub const CRASH_AT: &str = "WILCO_CRASH_AT";

/// A crash point and which of its passings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crash {
    /// The name, as in [`wilco_store::crash::named`].
    pub point: String,
    /// Counted from 1.
    pub nth: u32,
}

impl std::fmt::Display for Crash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.point, self.nth)
    }
}

impl Crash {
    /// A passing of a point.
    pub fn at(point: &str, nth: u32) -> Self {
        Self { point: point.to_owned(), nth }
    }

    /// Reads `point:nth`.
    ///
    /// # Errors
    /// A sentence when there is no such point or no such passing.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (point, nth) = text.rsplit_once(':').ok_or_else(|| format!("{text:?} is not of the form point:nth"))?;
        if !crash::named().contains(&point) {
            return Err(format!("there is no crash point {point:?}"));
        }
        let nth = nth.parse().ok().filter(|nth| *nth > 0).ok_or_else(|| format!("{nth:?} is no passing"))?;
        Ok(Self { point: point.to_owned(), nth })
    }

    /// From now on the process kills itself there, as `kill -9` from outside would: nothing of it runs on, no
    /// destructor, no buffer is written.
    pub fn install(self) {
        let passed = AtomicU32::new(0);
        let first = crash::install(Box::new(move |point| {
            if point == self.point && passed.fetch_add(1, Ordering::SeqCst) + 1 == self.nth {
                let killed = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
                // Not one statement further, even if the signal takes a moment.
                while killed.is_ok() {
                    std::thread::park();
                }
                std::process::abort();
            }
        }));
        assert!(first, "a process crashes at one point at most");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_names_a_point_that_exists_and_a_passing() {
        assert_eq!(Crash::parse("store.after_commit:2"), Ok(Crash::at("store.after_commit", 2)));
        for wrong in ["store.after_commit", "store.nowhere:1", "store.after_commit:0", "store.after_commit:x", ""] {
            assert!(Crash::parse(wrong).is_err(), "{wrong}");
        }
    }
}
