//! How far the events of a session have been handed in. An event counts only once it has been: a resumed session
//! goes on after the last one below which nothing is open, and what comes a second time the inbox knows.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Debug, Default)]
struct State {
    received: Option<u64>,
    /// Those that are not done, whether somebody holds their ticket or gave it up.
    open: BTreeSet<u64>,
    held: BTreeSet<u64>,
    /// Those that are done although an earlier one is open.
    done: BTreeSet<u64>,
}

impl State {
    fn handled(&self) -> Option<u64> {
        match self.open.first() {
            Some(first) => Some(first.saturating_sub(1)),
            None => self.received,
        }
    }
}

/// What has been received of a session, and what of it is not handed in yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress(Arc<Mutex<State>>);

impl Progress {
    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes an event. None for one that is done, or on its way since before a connection was lost: a resumed session
    /// begins at the first one that is open and brings those after it again.
    pub(crate) fn receive(&self, sequence: u64) -> Option<Ticket> {
        let new = self.with(|state| {
            state.received = state.received.max(Some(sequence));
            if state.done.contains(&sequence) || !state.held.insert(sequence) {
                return false;
            }
            state.open.insert(sequence);
            true
        });
        new.then(|| Ticket { progress: self.clone(), sequence })
    }

    /// The last event that was received: what a heartbeat tells.
    pub(crate) fn received(&self) -> Option<u64> {
        self.with(|state| state.received)
    }

    /// The last event below which nothing is open: where a resumed session goes on.
    pub(crate) fn handled(&self) -> Option<u64> {
        self.with(|state| state.handled())
    }
}

/// One event that is not handed in yet. Dropped before it is done, it is given up: the session goes on before it, and
/// it comes again.
#[derive(Debug)]
pub(crate) struct Ticket {
    progress: Progress,
    sequence: u64,
}

impl Ticket {
    /// The event is handed in, or nothing is to be done with it.
    pub(crate) fn done(self) {
        self.progress.with(|state| {
            state.open.remove(&self.sequence);
            state.done.insert(self.sequence);
            let handled = state.handled();
            state.done.retain(|sequence| Some(*sequence) > handled);
        });
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.progress.with(|state| state.held.remove(&self.sequence));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_goes_on_after_the_last_event_below_which_nothing_is_open() {
        let progress = Progress::default();
        assert_eq!((progress.received(), progress.handled()), (None, None));
        let [one, two, three] = [1, 2, 3].map(|sequence| progress.receive(sequence).unwrap());
        assert_eq!((progress.received(), progress.handled()), (Some(3), Some(0)));
        two.done();
        assert_eq!(progress.handled(), Some(0), "the first is still on its way");
        assert!(progress.receive(2).is_none(), "it comes again after a lost connection, and is done");
        one.done();
        assert_eq!(progress.handled(), Some(2));
        three.done();
        assert_eq!((progress.received(), progress.handled()), (Some(3), Some(3)));
    }

    #[test]
    fn an_event_that_comes_again_while_it_is_on_its_way_is_taken_once() {
        let progress = Progress::default();
        let first = progress.receive(7).unwrap();
        assert!(progress.receive(7).is_none());
        assert_eq!(progress.handled(), Some(6));
        first.done();
        assert_eq!(progress.handled(), Some(7));
    }

    #[test]
    fn an_event_that_was_given_up_comes_anew() {
        let progress = Progress::default();
        let (first, second) = (progress.receive(7).unwrap(), progress.receive(8).unwrap());
        drop(first);
        second.done();
        assert_eq!(progress.handled(), Some(6), "the session goes on before it");
        let again = progress.receive(7).unwrap();
        assert!(progress.receive(8).is_none());
        again.done();
        assert_eq!(progress.handled(), Some(8));
    }
}
