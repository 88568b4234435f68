//! What the platform holds: messages with all their versions, private notes, and the log.

use serde::{Deserialize, Serialize};
use wilco_core::{
    AccountId, Address, Button, DeliveryKey, EnvelopeKind, MessageRef, Person, ReceiptId, Timestamp, WorkerId,
};

use wilco_core::inbound::ReplyRow;

use crate::faults::{Fault, Verb};

/// Who wrote a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Author {
    /// The bot.
    Bot,
    /// A person.
    Person(Person),
}

/// A file as a person sees it under a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownFile {
    /// Its name.
    pub name: String,
    /// Its length in bytes, counted from the bytes that arrived.
    pub size: u64,
    /// FNV-1a, 64 bits, of the bytes, as 16 hexadecimal digits.
    pub hash: String,
}

/// What a message showed from one moment on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// The number of the log entry that made it.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// What the envelope was for; none for a person's message.
    pub kind: Option<EnvelopeKind>,
    /// The text, without the mention.
    pub text: String,
    /// Whether it is shown without markup.
    pub plain: bool,
    /// The buttons, in order.
    pub buttons: Vec<Button>,
    /// The one file.
    pub file: Option<ShownFile>,
    /// Who is mentioned before the text.
    pub mention: Option<Person>,
}

impl Version {
    /// Whether a person sees the same thing, whatever it is for.
    pub fn looks_like(&self, other: &Self) -> bool {
        self.text == other.text
            && self.plain == other.plain
            && self.buttons == other.buttons
            && self.file == other.file
            && self.mention == other.mention
    }

    /// Whether this is a result or a piece of one.
    pub fn is_terminal(&self) -> bool {
        match self.kind {
            Some(EnvelopeKind::Content | EnvelopeKind::Part | EnvelopeKind::File) => true,
            Some(EnvelopeKind::Stub | EnvelopeKind::Progress | EnvelopeKind::Question | EnvelopeKind::Ping) | None => {
                false
            }
        }
    }
}

/// One message of a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The platform's id.
    pub id: String,
    /// Where it stands.
    pub address: Address,
    /// Who wrote it.
    pub author: Author,
    /// The receipt of the create, when the bot named one.
    pub receipt: Option<ReceiptId>,
    /// The worker it speaks of.
    pub worker: Option<WorkerId>,
    /// The delivery key of the create.
    pub key: Option<DeliveryKey>,
    /// The message that it answers.
    pub reply_to: Option<MessageRef>,
    /// Whether it was removed.
    pub deleted: bool,
    /// Reactions under it, in order.
    pub reactions: Vec<String>,
    /// Everything it ever showed; never empty, the last one is what a person sees.
    pub versions: Vec<Version>,
}

impl Message {
    /// What it shows now.
    pub fn shown(&self) -> &Version {
        // Every constructor puts the first version in and nothing takes one out.
        &self.versions[self.versions.len() - 1]
    }

    /// How to name it in a call.
    pub fn reference(&self) -> MessageRef {
        MessageRef { address: self.address.clone(), message: self.id.clone() }
    }

    /// When it was created.
    pub fn created(&self) -> Timestamp {
        self.versions[0].at
    }

    /// How many times it was changed.
    pub fn edits(&self) -> usize {
        self.versions.len() - 1
    }

    /// Whether the bot wrote it and it still stands.
    pub fn is_visible_bot(&self) -> bool {
        self.author == Author::Bot && !self.deleted
    }
}

/// Something that only one person sees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// The number of the log entry that made it.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Where it appears.
    pub address: Address,
    /// The person's id.
    pub person: String,
    /// The person's name, when it is known.
    pub name: String,
    /// What it says.
    pub text: String,
    /// Its buttons.
    pub buttons: Vec<Button>,
    /// The entries of its list, each with buttons of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<ReplyRow>,
}

/// One numbered line of the log. Lines are never changed except that a call's own line is completed
/// before the call is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// From 1, without gaps.
    pub seq: u64,
    /// When, by the platform's clock.
    pub at: Timestamp,
    /// What happened.
    pub what: Logged,
}

/// A call of the bot, as the log keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// By which account.
    pub account: AccountId,
    /// What for.
    pub verb: Verb,
    /// Into which address.
    pub address: Address,
    /// The envelope's kind.
    pub kind: Option<EnvelopeKind>,
    /// The envelope's receipt.
    pub receipt: Option<ReceiptId>,
    /// The envelope's worker.
    pub worker: Option<WorkerId>,
    /// The envelope's delivery key.
    pub key: Option<DeliveryKey>,
    /// The message that an edit names.
    pub message: Option<String>,
    /// FNV-1a of the text, as 16 hexadecimal digits; empty when there is no text.
    pub digest: String,
    /// The scripted fault that met it.
    pub fault: Option<Fault>,
    /// The stable name of the outcome that a sound adapter draws from the answer; `hang` when
    /// there is none.
    pub outcome: String,
}

impl Entry {
    /// The call that this line tells of, when it is one.
    pub fn call(&self) -> Option<&Call> {
        if let Logged::Call(call) = &self.what { Some(call) } else { None }
    }
}

/// What a line of the log says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "logged", rename_all = "snake_case")]
pub enum Logged {
    /// The bot called. Its effects follow as lines of their own that name this line.
    Call(Box<Call>),
    /// A message was created.
    Posted {
        /// The call that did it.
        call: u64,
        /// The message.
        message: String,
        /// What it was for.
        kind: EnvelopeKind,
        /// The worker it speaks of.
        worker: Option<WorkerId>,
    },
    /// A create was recognised by its key; no second message appeared.
    Recognised {
        /// The call.
        call: u64,
        /// The earlier message.
        message: String,
    },
    /// A message was replaced.
    Edited {
        /// The call that did it.
        call: u64,
        /// The message.
        message: String,
        /// What it was for.
        kind: EnvelopeKind,
        /// The worker it speaks of.
        worker: Option<WorkerId>,
    },
    /// An edit that would have changed nothing.
    Unchanged {
        /// The call.
        call: u64,
        /// The message.
        message: String,
    },
    /// A late call found its message or its channel gone.
    Fizzled {
        /// The call.
        call: u64,
        /// Why.
        why: String,
    },
    /// A sign was given that leaves nothing behind.
    Signed {
        /// The call.
        call: u64,
        /// Its name.
        sign: String,
    },
    /// A private note appeared.
    Noted {
        /// The call, when it came by one.
        call: Option<u64>,
        /// The person's id.
        person: String,
    },
    /// A person wrote.
    Said {
        /// The message.
        message: String,
        /// The event that tells the bot.
        event: String,
    },
    /// A person pressed a button.
    Pressed {
        /// The message, when it still exists.
        message: Option<String>,
        /// The event that tells the bot.
        event: String,
    },
    /// The bot answered an event.
    Answered {
        /// The event.
        event: String,
        /// The name of the answer.
        answer: String,
    },
    /// A person removed a message.
    Deleted {
        /// The message.
        message: String,
    },
}
