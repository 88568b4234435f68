//! What people say to wilco, and what wilco answers at once.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::address::Place;
use crate::command::Command;
use crate::envelope::{Button, Press};
use crate::ids::{AccountId, Short};
use crate::outcome::MessageRef;
use crate::time::Timestamp;

/// A person as a platform knows them. Rules name the id, never the name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The platform's stable id.
    pub id: String,
    /// What people read; may change at any time.
    pub name: String,
    /// The platform's role or group ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// Whether the platform says that this person moderates the channel.
    #[serde(default)]
    pub moderator: bool,
    /// Whether the person is anonymous or from outside, and so may not run anything.
    #[serde(default)]
    pub outsider: bool,
    /// The IANA time zone that the platform knows of this person, where it tells one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

impl Person {
    /// A person with an id and a name and nothing else.
    pub fn new(id: impl Into<String>, name: impl Into<String>) -> Self {
        Self { id: id.into(), name: name.into(), roles: Vec::new(), moderator: false, outsider: false, zone: None }
    }
}

/// What a person did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Gave a command.
    Command(Command),
    /// Said something that is no command.
    Said(String),
    /// Pressed a button.
    Press {
        /// What the button means.
        press: Press,
        /// The message under which it stands, where the platform says so.
        message: Option<MessageRef>,
    },
}

/// One event of a platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inbound {
    /// The connection it came by.
    pub account: AccountId,
    /// The platform's id of the event: a second event with the same id is the same event.
    pub event: String,
    /// Where it happened.
    pub place: Place,
    /// Who did it.
    pub person: Person,
    /// What was done.
    pub what: What,
    /// When the platform says it happened.
    pub at: Timestamp,
}

/// A private answer: only the person who spoke sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The text, in the same small Markdown as a message body.
    pub text: String,
    /// Buttons, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<Button>,
    /// Lines below the text, each with buttons of its own: the entries of a list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<ReplyRow>,
}

/// One entry of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyRow {
    /// The line.
    pub text: String,
    /// Its buttons, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<Button>,
}

impl Reply {
    /// A reply of text alone.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// The same with buttons under it.
    #[must_use]
    pub fn with_buttons(mut self, buttons: Vec<Button>) -> Self {
        self.buttons = buttons;
        self
    }
}

/// What became of one offered event.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Accepted {
    /// It is stored; the work it asked for goes on by itself.
    Stored {
        /// The job that it started or concerns, when there is one.
        worker: Option<Short>,
        /// What to say privately, when there is something to say.
        reply: Option<Reply>,
    },
    /// The same event was stored before; nothing happens again.
    Duplicate {
        /// The job that it started then.
        worker: Option<Short>,
    },
    /// The store cannot take it now; the platform may deliver it again.
    Busy,
    /// It will not be done, and the reply says why and what to do.
    Refused(Reply),
    /// It asked for something to be shown; nothing was promised.
    Answered(Reply),
}

/// Where adapters hand events in. One call is one transaction.
#[async_trait]
pub trait Inbox: Send + Sync {
    /// Takes a batch. The answers stand in the order of the batch, one for each.
    async fn offer(&self, batch: Vec<Inbound>) -> Vec<Accepted>;
}
