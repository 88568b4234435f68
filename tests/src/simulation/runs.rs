//! When the tasks of jobs ran, as the world saw them: the store and the channels do not tell.

use std::sync::{Arc, Mutex, PoisonError};

use wilco_core::{Clock, Timestamp, WorkerId};

use super::evidence::Run;
use crate::clock::{BEGIN, VirtualClock};

/// Every run of every job, over all processes.
#[derive(Clone, Default)]
pub(super) struct Runs(Arc<Mutex<Vec<Run>>>);

impl Runs {
    fn with<T>(&self, change: impl FnOnce(&mut Vec<Run>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A task of a job begins. It ends when what is returned is dropped, however it comes to that.
    pub(super) fn begins(&self, worker: &WorkerId, clock: &VirtualClock) -> Running {
        let at = self.with(|runs| {
            let number = 1 + runs.iter().filter(|run| run.worker == worker.as_str()).count();
            runs.push(Run { worker: worker.to_string(), number, from: now(clock), until: None });
            runs.len() - 1
        });
        Running { runs: self.clone(), at, clock: clock.clone() }
    }

    /// The process is gone, and every task with it.
    pub(super) fn all_end(&self, clock: &VirtualClock) {
        let now = now(clock);
        self.with(|runs| {
            for run in runs.iter_mut().filter(|run| run.until.is_none()) {
                run.until = Some(now);
            }
        });
    }

    /// All of them, in the order in which they began.
    pub(super) fn all(&self) -> Vec<Run> {
        self.with(|runs| runs.clone())
    }
}

fn now(clock: &VirtualClock) -> Timestamp {
    BEGIN.plus(clock.monotonic())
}

/// One task while it runs.
pub(super) struct Running {
    runs: Runs,
    at: usize,
    clock: VirtualClock,
}

impl Running {
    /// Which run of its job it is, from 1.
    pub(super) fn number(&self) -> usize {
        self.runs.with(|runs| runs[self.at].number)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let now = now(&self.clock);
        self.runs.with(|runs| {
            runs[self.at].until.get_or_insert(now);
        });
    }
}
