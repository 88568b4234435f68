//! Messages on their way to the inbox: one after the other within a channel, in the order in which they came, and no
//! channel behind another. A message comes more than once (as *message*, as *app_mention*, again when an
//! acknowledgement was lost, and from history) and is taken once.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio_util::sync::CancellationToken;
use tracing::error;
use wilco_core::Inbox;

use super::{Envelope, OneWaits};
use crate::payload::Written;
use crate::slack::{Slack, locked};

/// How many messages are known by their ids. The inbox knows all; this spares it, and keeps an answer from being given
/// twice.
const KNOWN: usize = 4_096;

/// A message that is to be handed in.
pub(crate) struct Work {
    pub(crate) written: Written,
    /// As it came, to be kept.
    pub(crate) envelope: Envelope,
    pub(crate) doing: Doing,
    pub(crate) one: OneWaits,
}

/// What waits in each channel. A channel without anything has no entry.
#[derive(Default)]
pub(crate) struct Lanes(Mutex<HashMap<String, VecDeque<Work>>>);

impl Lanes {
    /// Puts a message behind those of its channel.
    pub(crate) fn push(&self, slack: &Arc<Slack>, inbox: &Arc<dyn Inbox>, channel: String, work: Work) {
        {
            let mut lanes = locked(&self.0);
            if let Some(lane) = lanes.get_mut(&channel) {
                lane.push_back(work);
                return;
            }
            lanes.insert(channel.clone(), VecDeque::from([work]));
        }
        let (slack, inbox) = (Arc::clone(slack), Arc::clone(inbox));
        let tasks = slack.ears.tasks.clone();
        tasks.spawn(async move {
            while let Some(work) = slack.ears.lanes.next(&channel) {
                let (slack, inbox) = (Arc::clone(&slack), Arc::clone(&inbox));
                // A task of its own: whatever happens to one message, the next has its turn.
                let taken = tokio::spawn(async move { slack.take_message(&inbox, work).await });
                if let Err(why) = taken.await {
                    error!(%why, "slack: handing a message in failed");
                }
            }
        });
    }

    fn next(&self, channel: &str) -> Option<Work> {
        let mut lanes = locked(&self.0);
        let next = lanes.get_mut(channel).and_then(VecDeque::pop_front);
        if next.is_none() {
            lanes.remove(channel);
        }
        next
    }
}

/// The messages that came last, and whether each is done with.
#[derive(Default)]
pub(crate) struct Recent(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    all: HashMap<String, Fate>,
    order: VecDeque<String>,
}

/// Whether a message comes for the first time.
pub(crate) enum Begun {
    /// It does.
    Now(Doing),
    /// It came before; what became of it.
    Before(Fate),
}

/// What becomes of a message.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fate {
    over: CancellationToken,
    given_up: Arc<AtomicBool>,
    /// Its row on the shelf holds words that are still to be said.
    owes_words: Arc<AtomicBool>,
}

impl Fate {
    /// Resolves when that is known: true when it is done with, false when it was given up, as if it had never come.
    pub(crate) async fn known(&self) -> bool {
        self.over.cancelled().await;
        !self.given_up.load(Ordering::SeqCst)
    }

    /// Whether its row belongs to whoever says its last words.
    pub(crate) fn owes_words(&self) -> bool {
        self.owes_words.load(Ordering::SeqCst)
    }

    fn is_over(&self) -> bool {
        self.over.is_cancelled()
    }
}

/// A message that is being done. Dropped before it is done with, it counts as one that never came.
pub(crate) struct Doing {
    known: Arc<Mutex<Known>>,
    id: String,
    fate: Fate,
}

impl Recent {
    /// Notes a message.
    pub(crate) fn begin(&self, id: &str) -> Begun {
        let mut known = locked(&self.0);
        if let Some(fate) = known.all.get(id) {
            return Begun::Before(fate.clone());
        }
        let fate = Fate::default();
        known.all.insert(id.to_owned(), fate.clone());
        known.order.push_back(id.to_owned());
        if known.order.len() > KNOWN
            && let Some(oldest) = known.order.pop_front()
        {
            known.all.remove(&oldest);
        }
        Begun::Now(Doing { known: Arc::clone(&self.0), id: id.to_owned(), fate })
    }
}

impl Doing {
    /// What becomes of it.
    pub(crate) fn fate(&self) -> Fate {
        self.fate.clone()
    }

    /// Its row on the shelf stays until its words are said, also once it is done with.
    pub(crate) fn owe_words(&self) {
        self.fate.owes_words.store(true, Ordering::SeqCst);
    }

    /// It is done with.
    pub(crate) fn finish(self) {
        self.fate.over.cancel();
    }
}

impl Drop for Doing {
    fn drop(&mut self) {
        if !self.fate.is_over() {
            let mut known = locked(&self.known);
            known.all.remove(&self.id);
            // Else its old place would forget it when it has come anew.
            known.order.retain(|id| *id != self.id);
            drop(known);
            self.fate.given_up.store(true, Ordering::SeqCst);
            self.fate.over.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_message_is_taken_once_and_again_only_when_it_was_given_up() {
        let recent = Recent::default();
        let Begun::Now(first) = recent.begin("C1:1.0") else { panic!("it is new") };
        let Begun::Before(fate) = recent.begin("C1:1.0") else { panic!("it is known") };
        assert!(!fate.is_over());
        first.finish();
        assert!(fate.known().await);
        assert!(matches!(recent.begin("C1:1.0"), Begun::Before(fate) if fate.is_over()));
        let Begun::Now(second) = recent.begin("C1:2.0") else { panic!("it is new") };
        let fate = second.fate();
        drop(second);
        assert!(!fate.known().await, "whoever waits for it learns that it was given up");
        assert!(matches!(recent.begin("C1:2.0"), Begun::Now(_)), "it comes anew");
    }

    #[test]
    fn what_was_given_up_and_comes_anew_is_as_young_as_it_is() {
        let recent = Recent::default();
        drop(recent.begin("C1:1.0"));
        for at in 1..KNOWN {
            let Begun::Now(doing) = recent.begin(&at.to_string()) else { panic!("{at} is new") };
            doing.finish();
        }
        let Begun::Now(again) = recent.begin("C1:1.0") else { panic!("it comes anew") };
        again.finish();
        let Begun::Now(one_more) = recent.begin("last") else { panic!("it is new") };
        one_more.finish();
        assert!(matches!(recent.begin("C1:1.0"), Begun::Before(_)));
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let recent = Recent::default();
        for at in 0..=KNOWN {
            let Begun::Now(doing) = recent.begin(&at.to_string()) else { panic!("{at} is new") };
            doing.finish();
        }
        assert!(matches!(recent.begin("0"), Begun::Now(_)));
        assert!(matches!(recent.begin(&KNOWN.to_string()), Begun::Before(_)));
    }
}
