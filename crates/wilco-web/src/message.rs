//! One shown message: as it stands on the shelf, and as the page gets it.

use serde::{Deserialize, Serialize};
use wilco_core::{Address, Body, Button, EnvelopeKind, MessageRef, Person, Timestamp, WorkerId};

/// The record on the shelf. Fields may be added with a default, never removed: older rows have to load.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Message {
    /// The delivery key of what the bot posted, or `said-<event>` for a person's words.
    pub(crate) id: String,
    /// Grows with every change, so that a reader who gets two versions out of order keeps the newer one.
    pub(crate) rev: u64,
    /// Its place among all messages; strictly increasing even when the wall clock steps back.
    pub(crate) order: i64,
    pub(crate) address: Address,
    pub(crate) at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) edited: Option<Timestamp>,
    /// The person who said it; none when it was the bot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) author: Option<Person>,
    /// What the bot's message is for; none when a person said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<EnvelopeKind>,
    pub(crate) body: Body,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) worker: Option<WorkerId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reply_to: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) reactions: Vec<String>,
}

impl Message {
    /// How the platform interface names it.
    pub(crate) fn reference(&self) -> MessageRef {
        MessageRef { address: self.address.clone(), message: self.id.clone() }
    }

    /// What the page gets. The place of a file on this machine's disk is not part of it.
    pub(crate) fn view(&self) -> MessageView<'_> {
        MessageView {
            id: &self.id,
            rev: self.rev,
            order: self.order,
            channel: &self.address.channel,
            thread: self.address.thread.as_deref(),
            at: self.at,
            edited: self.edited,
            author: self.author.as_ref().map(PersonView::from),
            kind: self.kind,
            text: &self.body.text,
            plain: self.body.plain,
            buttons: button_views(&self.body.buttons),
            file: self.body.file.as_ref().map(|file| FileView { name: &file.name, size: file.size }),
            mention: self.body.mention.as_ref().map(PersonView::from),
            worker: self.worker.as_ref(),
            reply_to: self.reply_to.as_deref(),
            reactions: &self.reactions,
        }
    }
}

/// A message as JSON for the page.
#[derive(Debug, Serialize)]
pub(crate) struct MessageView<'a> {
    id: &'a str,
    rev: u64,
    order: i64,
    channel: &'a str,
    thread: Option<&'a str>,
    at: Timestamp,
    edited: Option<Timestamp>,
    author: Option<PersonView<'a>>,
    kind: Option<EnvelopeKind>,
    text: &'a str,
    plain: bool,
    buttons: Vec<ButtonView<'a>>,
    file: Option<FileView<'a>>,
    mention: Option<PersonView<'a>>,
    worker: Option<&'a WorkerId>,
    reply_to: Option<&'a str>,
    reactions: &'a [String],
}

/// The part of a person that others may see.
#[derive(Debug, Serialize)]
pub(crate) struct PersonView<'a> {
    id: &'a str,
    name: &'a str,
}

impl<'a> From<&'a Person> for PersonView<'a> {
    fn from(person: &'a Person) -> Self {
        Self { id: &person.id, name: &person.name }
    }
}

/// A button: what is read and what is sent back when it is pressed.
#[derive(Debug, Serialize)]
pub(crate) struct ButtonView<'a> {
    label: &'a str,
    payload: String,
}

pub(crate) fn button_views(buttons: &[Button]) -> Vec<ButtonView<'_>> {
    buttons.iter().map(|button| ButtonView { label: &button.label, payload: button.press.encode() }).collect()
}

#[derive(Debug, Serialize)]
struct FileView<'a> {
    name: &'a str,
    size: u64,
}
