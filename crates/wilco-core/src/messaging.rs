//! The seam to a platform: eight verbs. `tests/` holds the conformance suite that every adapter passes.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::address::Address;
use crate::envelope::Envelope;
use crate::ids::AccountId;
use crate::inbound::{Inbox, Reply};
use crate::outcome::{Cause, DeliveryOutcome, Found, MessageRef};
use crate::text::Unit;
use crate::time::Timestamp;

/// What a platform is able to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abilities {
    /// Messages can be edited.
    pub edit: bool,
    /// How long a repeated create under the same key is recognised; none when it never is.
    pub nonce_window: Option<Duration>,
    /// A message can be looked up by its key.
    pub look_up: bool,
    /// A file can be put into an existing message.
    pub files: bool,
    /// Messages can carry buttons.
    pub buttons: bool,
}

/// The measures of a platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How it counts text.
    pub unit: Unit,
    /// The longest text of one message, in that unit.
    pub text: usize,
    /// The largest file, in bytes.
    pub file: u64,
    /// The shortest pause between two edits of one message.
    pub edit_pace: Duration,
    /// What it can do.
    pub abilities: Abilities,
}

/// A short sign beside the conversation; never a promise, never a receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatusUpdate {
    /// The bot is thinking ("typing…"). It is given once, and nobody is left with it: where the platform does not end
    /// it by itself, the adapter ends it with the next message or edit there, and after ten seconds at the latest.
    Thinking,
    /// It is not any more.
    StopTyping,
    /// A tool began.
    ToolStarted {
        /// The tool's name.
        name: String,
    },
    /// A tool ended.
    ToolCompleted {
        /// The tool's name.
        name: String,
    },
    /// A branch of an agent began.
    BranchStarted {
        /// What it does.
        label: String,
    },
    /// A reaction under a message.
    React {
        /// Which message.
        message: MessageRef,
        /// Which reaction.
        emoji: String,
    },
    /// A note that only one person sees.
    Note {
        /// The person's platform id.
        person: String,
        /// What it says.
        reply: Reply,
    },
}

/// Why listening ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenEnd {
    /// It was asked to stop.
    Stopped,
    /// The connection failed; it is built again after a pause.
    Lost(Cause),
    /// It cannot work until a person changes something; sends may still work.
    NeedsPerson(Cause),
}

/// A platform's mouth and ears.
#[async_trait]
pub trait Messaging: Send + Sync {
    /// Which connection this is.
    fn account(&self) -> &AccountId;

    /// Its measures and abilities.
    fn limits(&self) -> &Limits;

    /// Hands every event to the inbox until it is stopped or cannot go on.
    async fn listen(&self, inbox: Arc<dyn Inbox>, stop: CancellationToken) -> ListenEnd;

    /// Creates a message.
    async fn post(&self, envelope: &Envelope) -> DeliveryOutcome;

    /// Replaces the whole content of a message: text, buttons and file.
    async fn edit(&self, message: &MessageRef, envelope: &Envelope) -> DeliveryOutcome;

    /// Looks for the message that an earlier [`Messaging::post`] of this envelope may have created.
    async fn find(&self, envelope: &Envelope, since: Timestamp) -> Found;

    /// Whether an address still takes messages; shows nothing.
    async fn probe(&self, address: &Address) -> DeliveryOutcome;

    /// Gives a sign.
    async fn status(&self, address: &Address, update: &StatusUpdate) -> DeliveryOutcome;

    /// How many messages this process has shown as plain text, because their markup was refused or did not fit. A
    /// message counts once, however often it was edited. An adapter that knows no markup shows none so.
    fn plain_messages(&self) -> u64 {
        0
    }
}
