//! The promise, searched for holes by machine: random lives, every crash point with every outcome, and
//! the proof that a failure can be seen again. A test program of its own, so that nothing else runs
//! beside its threads.

mod determinism;
mod points;
mod random;

use std::sync::{Mutex, PoisonError};

/// Whether this is the run that decides; a run at a desk takes a tenth of the schedules and one platform of three.
fn decides() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

/// What several threads have found, as reports.
#[derive(Default)]
struct Broken(Mutex<Vec<String>>);

impl Broken {
    fn add(&self, report: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(report);
    }

    /// Ends the test with the first few reports, when there are any.
    fn judge(self) {
        let reports = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let shown = reports.iter().take(3).map(String::as_str).collect::<Vec<_>>().join("\n\n");
        assert!(reports.is_empty(), "{} lives broke the promise\n\n{shown}", reports.len());
    }
}
