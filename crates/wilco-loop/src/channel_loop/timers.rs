//! When the loop has to do something by itself. Each timer rings once; setting it again moves it earlier only.

use std::collections::{BTreeMap, BTreeSet};

use wilco_core::{Timestamp, WorkerId};

/// What rings.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    Outbox,
    Followups,
    Pulse,
    Begin,
    Tick,
    Look,
    Renew,
    Prune,
    Drain,
    Stop,
    Flush,
    Record(WorkerId),
    Edit(WorkerId),
    Lane(WorkerId),
}

#[derive(Debug, Default)]
pub(crate) struct Timers {
    by_time: BTreeSet<(Timestamp, Timer)>,
    by_timer: BTreeMap<Timer, Timestamp>,
}

impl Timers {
    /// Rings at a time, or earlier when it was set so before.
    pub(crate) fn set(&mut self, timer: Timer, at: Timestamp) {
        if let Some(&earlier) = self.by_timer.get(&timer) {
            if earlier <= at {
                return;
            }
            self.by_time.remove(&(earlier, timer.clone()));
        }
        self.by_time.insert((at, timer.clone()));
        self.by_timer.insert(timer, at);
    }

    /// Sets it only when it is not set.
    pub(crate) fn set_once(&mut self, timer: Timer, at: Timestamp) {
        if !self.by_timer.contains_key(&timer) {
            self.set(timer, at);
        }
    }

    /// The earliest time.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Takes the earliest timer whose time has come.
    pub(crate) fn pop(&mut self, now: Timestamp) -> Option<Timer> {
        if self.next()? > now {
            return None;
        }
        let (_, timer) = self.by_time.pop_first()?;
        self.by_timer.remove(&timer);
        Some(timer)
    }

    /// Forgets the timers of a worker that is gone.
    pub(crate) fn forget(&mut self, worker: &WorkerId) {
        for timer in [Timer::Record(worker.clone()), Timer::Edit(worker.clone()), Timer::Lane(worker.clone())] {
            if let Some(at) = self.by_timer.remove(&timer) {
                self.by_time.remove(&(at, timer));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_rings_once_and_the_earlier_wish_wins() {
        let mut timers = Timers::default();
        timers.set(Timer::Tick, Timestamp(10));
        timers.set(Timer::Tick, Timestamp(5));
        timers.set(Timer::Tick, Timestamp(20));
        timers.set(Timer::Look, Timestamp(7));
        assert_eq!(timers.next(), Some(Timestamp(5)));
        assert_eq!(timers.pop(Timestamp(4)), None);
        assert_eq!(timers.pop(Timestamp(30)), Some(Timer::Tick));
        assert_eq!(timers.pop(Timestamp(30)), Some(Timer::Look));
        assert_eq!(timers.pop(Timestamp(30)), None);
    }

    #[test]
    fn a_worker_that_is_gone_rings_no_more() {
        let mut timers = Timers::default();
        let worker = WorkerId::new("w");
        timers.set(Timer::Edit(worker.clone()), Timestamp(1));
        timers.forget(&worker);
        assert_eq!(timers.pop(Timestamp(9)), None);
    }
}
