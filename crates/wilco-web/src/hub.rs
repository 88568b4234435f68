//! What open pages are told while they are open.

use std::sync::Arc;

use tokio::sync::broadcast;
use wilco_core::Address;

use crate::message::Message;
use crate::notes::Note;

/// How many events a page may be behind before it is told to load everything again.
const BACKLOG: usize = 256;

/// Something that open pages want to know.
#[derive(Clone, Debug)]
pub(crate) enum Live {
    /// A message is new or has changed.
    Message(Arc<Message>),
    /// A private note is new or has changed.
    Note(Arc<Note>),
    /// The bot is thinking there, or is not any more.
    Typing { address: Address, on: bool },
}

/// Everybody who looks. Telling never waits: a page that does not keep up loses events and is told so.
pub(crate) struct Hub(broadcast::Sender<Live>);

impl Hub {
    pub(crate) fn new() -> Self {
        Self(broadcast::Sender::new(BACKLOG))
    }

    pub(crate) fn tell(&self, live: Live) {
        // With no page open there is nobody to tell; the next one loads what is stored.
        if self.0.receiver_count() > 0 && self.0.send(live).is_err() {
            tracing::trace!("web: the last page was closed meanwhile");
        }
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Live> {
        self.0.subscribe()
    }
}
