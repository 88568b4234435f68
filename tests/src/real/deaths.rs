//! When a process of the bot ended: what it had heard until then may never be answered by it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The end of the last process, by the clock of its platform.
#[derive(Debug, Default)]
pub struct Deaths(Mutex<Option<Duration>>);

impl Deaths {
    /// Notes that a process has ended by now.
    pub fn note(&self, now: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }

    /// Whether a process has ended since.
    pub fn any_since(&self, moment: Duration) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|ended| ended >= moment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_lives_has_not_ended_since_anything() {
        let deaths = Deaths::default();
        let at = Duration::from_secs;
        assert!(!deaths.any_since(at(0)));
        deaths.note(at(5));
        assert!(deaths.any_since(at(4)) && !deaths.any_since(at(6)));
    }
}
