//! Several lives at once: each on a thread of its own, so that none meets another.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Hands every item to one of so many threads and waits for all of them.
pub fn each<T: Send>(items: impl Iterator<Item = T> + Send, threads: usize, live: impl Fn(T) + Sync) {
    let items = Mutex::new(items);
    let next = || items.lock().unwrap_or_else(PoisonError::into_inner).next();
    std::thread::scope(|scope| {
        // Two programs with few threads each shall not meet on the first processor.
        let first = std::process::id() as usize;
        for number in 0..threads.max(1) {
            let (live, next) = (&live, &next);
            scope.spawn(move || {
                stays_on_one_processor(first + number);
                while let Some(item) = next() {
                    live(item);
                }
            });
        }
    });
}

/// As many threads as the machine has processors.
pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// A life and its SQLite thread only ever wait for each other. On one processor they hand over; on two, each
/// handing over wakes a sleeping processor, which takes three times as long (measured on two).
fn stays_on_one_processor(number: usize) {
    let Ok(allowed) = sched_getaffinity(None) else { return };
    let processors: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|&at| allowed.is_set(at)).collect();
    let Some(&processor) = processors.get(number % processors.len().max(1)) else { return };
    let mut one = CpuSet::new();
    one.set(processor);
    if let Err(error) = sched_setaffinity(None, &one) {
        tracing::debug!(%error, "a thread of lives moves between processors, which is only slower");
    }
}

/// The machine's own clock, by which a run is measured; nothing inside of a life reads it.
#[allow(clippy::disallowed_methods, reason = "what a run costs is a matter of real time")]
pub fn now() -> Instant {
    Instant::now()
}
