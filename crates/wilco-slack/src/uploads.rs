//! Files on their way to Slack. One may take longer than a delivery has, so it is sent by a task of its own, and whoever
//! delivers it looks whether it is there yet.

use std::collections::HashMap;
use std::sync::Mutex;

use tokio::sync::{Semaphore, watch};
use wilco_core::NotSurfaced;

use crate::slack::locked;

/// How many uploads are remembered.
const KNOWN: usize = 256;
/// How many files are in memory at once.
const AT_ONCE: usize = 4;

/// What became of an upload: the id of its file, or why there is none; nothing while it is under way.
pub(crate) type Sent = Option<Result<String, NotSurfaced>>;

/// The uploads of one account, by name.
pub(crate) struct Uploads {
    known: Mutex<Known>,
    /// Held by each that has its bytes in memory.
    pub(crate) room: Semaphore,
}

#[derive(Default)]
struct Known {
    begun: u64,
    all: HashMap<String, (u64, watch::Receiver<Sent>)>,
}

impl Default for Uploads {
    fn default() -> Self {
        Self { known: Mutex::default(), room: Semaphore::new(AT_ONCE) }
    }
}

impl Uploads {
    /// What becomes of the upload of this name; and where there is none yet, the right to tell it. Whoever has that
    /// begins it.
    pub(crate) fn of(&self, name: &str) -> (watch::Receiver<Sent>, Option<watch::Sender<Sent>>) {
        let mut known = locked(&self.known);
        // One that failed for a while, after whoever began it had left, is begun anew: its delay was for them.
        let failed = |sent: &watch::Receiver<Sent>| {
            let passing = |why: &NotSurfaced| {
                matches!(why, NotSurfaced::Retry(_) | NotSurfaced::RetryAfter { .. } | NotSurfaced::Ambiguous(_))
            };
            sent.borrow().as_ref().is_some_and(|over| over.as_ref().is_err_and(passing))
        };
        if let Some((_, sent)) = known.all.get(name).filter(|(_, sent)| !failed(sent)) {
            return (sent.clone(), None);
        }
        if known.all.len() >= KNOWN {
            // The oldest, and of those that are over as long as there is one.
            let age = |(begun, sent): &(u64, watch::Receiver<Sent>)| (sent.borrow().is_none(), *begun);
            let oldest = known.all.iter().min_by_key(|(_, one)| age(one)).map(|(name, _)| name.clone());
            oldest.map(|name| known.all.remove(&name));
        }
        known.begun += 1;
        let (tell, sent) = watch::channel(None);
        let begun = known.begun;
        known.all.insert(name.to_owned(), (begun, sent.clone()));
        (sent, Some(tell))
    }

    /// Forgets an upload that failed, or that cannot be shown.
    pub(crate) fn forget(&self, name: &str) {
        locked(&self.known).all.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_for_a_while_is_begun_anew_and_what_cannot_be_is_told() {
        let cause = || wilco_core::Cause::new("x", "y");
        let uploads = Uploads::default();
        uploads.of("passing").1.unwrap().send_replace(Some(Err(NotSurfaced::Retry(cause()))));
        assert!(uploads.of("passing").1.is_some());
        uploads.of("lasting").1.unwrap().send_replace(Some(Err(NotSurfaced::Reshape(cause()))));
        assert!(uploads.of("lasting").1.is_none());
    }

    #[test]
    fn a_crowd_forgets_the_oldest_that_is_over() {
        let uploads = Uploads::default();
        let (_, under_way) = uploads.of("0");
        for n in 1..KNOWN {
            uploads.of(&n.to_string()).1.unwrap().send_replace(Some(Ok(format!("F{n}"))));
        }
        assert!(uploads.of("new").1.is_some());
        assert!(uploads.of("0").1.is_none() && uploads.of("2").1.is_none());
        assert!(under_way.is_some() && uploads.of("1").1.is_some(), "the oldest that is over makes room");
    }
}
