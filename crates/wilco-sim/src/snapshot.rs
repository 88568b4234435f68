//! The channels at one moment, and what tests count in them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use wilco_core::{Address, EnvelopeKind, WorkerId};

use crate::message::{Message, Note};

/// Everything that can be seen, in the order in which it appeared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Messages of all channels, deleted ones included.
    pub messages: Vec<Message>,
    /// Private notes.
    pub notes: Vec<Note>,
}

impl Snapshot {
    /// The message with an id.
    pub fn message(&self, id: &str) -> Option<&Message> {
        self.messages.iter().find(|message| message.id == id)
    }

    /// The messages of one address, deleted ones included.
    pub fn at<'a>(&'a self, address: &'a Address) -> impl Iterator<Item = &'a Message> {
        self.messages.iter().filter(move |message| message.address == *address)
    }

    /// Every address where something was ever shown, in the order of first use.
    pub fn addresses(&self) -> Vec<&Address> {
        let mut seen = BTreeSet::new();
        self.messages.iter().map(|message| &message.address).filter(|address| seen.insert(*address)).collect()
    }

    /// The bot's messages about a worker that still stand.
    pub fn of_worker<'a>(&'a self, worker: &WorkerId) -> impl Iterator<Item = &'a Message> + use<'a> {
        let worker = worker.clone();
        self.messages.iter().filter(move |message| message.is_visible_bot() && message.worker.as_ref() == Some(&worker))
    }

    /// The messages that show a worker's result now: exactly one for each route that was promised.
    pub fn visible_results(&self, worker: &WorkerId) -> Vec<&Message> {
        self.of_worker(worker).filter(|message| message.shown().kind == Some(EnvelopeKind::Content)).collect()
    }

    /// How many messages about a worker are of a kind now.
    pub fn count_visible(&self, kind: EnvelopeKind, worker: &WorkerId) -> usize {
        self.of_worker(worker).filter(|message| message.shown().kind == Some(kind)).count()
    }

    /// Whether this message repeats an earlier one: a second result of the same worker at the same
    /// address, or a part or file that says the same again.
    pub fn repeats(&self, message: &Message) -> Option<&Message> {
        if !message.is_visible_bot() || !message.shown().is_terminal() {
            return None;
        }
        let worker = message.worker.as_ref()?;
        self.of_worker(worker).take_while(|earlier| earlier.id != message.id).find(|earlier| {
            let (one, two) = (earlier.shown(), message.shown());
            let both_results = one.kind == Some(EnvelopeKind::Content) && two.kind == Some(EnvelopeKind::Content);
            let same_piece = one.is_terminal() && one.text == two.text && one.file == two.file;
            earlier.address == message.address && (both_results || same_piece)
        })
    }

    /// Every repeated message with the one that it repeats, earlier one first.
    pub fn duplicates(&self) -> Vec<(&Message, &Message)> {
        self.messages.iter().filter_map(|message| self.repeats(message).map(|earlier| (earlier, message))).collect()
    }

    /// The bot's messages about any worker that a person still sees in a state that is not final: a
    /// stub, a progress text or an open question. Once everything has settled, only strays are left.
    pub fn unfinished(&self) -> Vec<&Message> {
        let open = |message: &&Message| match message.shown().kind {
            Some(EnvelopeKind::Stub | EnvelopeKind::Progress | EnvelopeKind::Question) => true,
            Some(EnvelopeKind::Content | EnvelopeKind::Part | EnvelopeKind::File | EnvelopeKind::Ping) | None => false,
        };
        self.messages
            .iter()
            .filter(|message| message.is_visible_bot() && message.worker.is_some())
            .filter(open)
            .collect()
    }

    /// Messages that were *created* with content in them. What may be doubled must carry none, so a
    /// sound bot leaves this empty.
    pub fn created_with_content(&self) -> Vec<&Message> {
        self.messages.iter().filter(|message| message.versions[0].is_terminal()).collect()
    }
}
