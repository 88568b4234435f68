//! What a bot asks of the platform. In process these are plain values; over HTTP they are the bodies.

use serde::{Deserialize, Serialize};
use wilco_core::{
    Address, Button, Cause, DeliveryKey, Envelope, EnvelopeKind, FileRef, MessageRef, Person, ReceiptId, Reply,
    StatusUpdate, Timestamp, WorkerId,
};

use crate::faults::Verb;
use crate::message::ShownFile;

/// A message to create or to put in the place of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// Where it goes.
    pub address: Address,
    /// What it is for.
    pub kind: EnvelopeKind,
    /// The text.
    pub text: String,
    /// Whether it is shown without markup.
    pub plain: bool,
    /// The buttons.
    pub buttons: Vec<Button>,
    /// The file, already read.
    pub file: Option<ShownFile>,
    /// Who is mentioned before the text.
    pub mention: Option<Person>,
    /// The receipt that this settles.
    pub receipt: Option<ReceiptId>,
    /// The worker it speaks of.
    pub worker: Option<WorkerId>,
    /// What makes a repetition of the create recognisable.
    pub key: DeliveryKey,
    /// The message that it answers.
    pub reply_to: Option<MessageRef>,
}

impl Draft {
    /// Turns an envelope into what travels. A file is read here, on the bot's side, as an upload does.
    ///
    /// # Errors
    /// A cause when the file cannot be read or is not as long as the envelope says; nothing was sent.
    pub fn of(envelope: &Envelope) -> Result<Self, Cause> {
        let body = &envelope.body;
        Ok(Self {
            address: envelope.address.clone(),
            kind: envelope.kind,
            text: body.text.clone(),
            plain: body.plain,
            buttons: body.buttons.clone(),
            file: body.file.as_ref().map(upload).transpose()?,
            mention: body.mention.clone(),
            receipt: envelope.receipt.clone(),
            worker: envelope.worker.clone(),
            key: envelope.key.clone(),
            reply_to: envelope.reply_to.clone(),
        })
    }

    /// The text as a person reads it, with the mention before it.
    pub fn visible_text(&self) -> String {
        match &self.mention {
            Some(person) => format!("@{} {}", person.name, self.text),
            None => self.text.clone(),
        }
    }
}

fn upload(file: &FileRef) -> Result<ShownFile, Cause> {
    // Read at once and without a thread, so that a simulated run stays in one order.
    let bytes = std::fs::read(&file.path)
        .map_err(|error| Cause::new("file_unreadable", format!("{} could not be read: {error}", file.name)))?;
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if size != file.size {
        return Err(Cause::new("file_size", format!("{} has {size} bytes, not {}", file.name, file.size)));
    }
    Ok(ShownFile { name: file.name.clone(), size, hash: digest(&bytes) })
}

/// FNV-1a, 64 bits, as 16 hexadecimal digits: enough to tell contents apart in a test.
pub(crate) fn digest(bytes: &[u8]) -> String {
    let hash = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}

/// A sign beside the conversation, as it travels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "sign", rename_all = "snake_case")]
pub enum Sign {
    /// "typing…"
    Thinking,
    /// Not any more.
    StopTyping,
    /// A tool began.
    ToolStarted {
        /// Its name.
        name: String,
    },
    /// A tool ended.
    ToolCompleted {
        /// Its name.
        name: String,
    },
    /// A branch began.
    BranchStarted {
        /// What it does.
        label: String,
    },
    /// A reaction.
    React {
        /// Under which message.
        message: MessageRef,
        /// Which one.
        emoji: String,
    },
    /// A note for one person.
    Note {
        /// The person's id.
        person: String,
        /// What it says.
        reply: Reply,
    },
}

impl Sign {
    /// Its stable name in the log.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Thinking => "thinking",
            Self::StopTyping => "stop_typing",
            Self::ToolStarted { .. } => "tool_started",
            Self::ToolCompleted { .. } => "tool_completed",
            Self::BranchStarted { .. } => "branch_started",
            Self::React { .. } => "react",
            Self::Note { .. } => "note",
        }
    }
}

impl From<&StatusUpdate> for Sign {
    fn from(update: &StatusUpdate) -> Self {
        match update {
            StatusUpdate::Thinking => Self::Thinking,
            StatusUpdate::StopTyping => Self::StopTyping,
            StatusUpdate::ToolStarted { name } => Self::ToolStarted { name: name.clone() },
            StatusUpdate::ToolCompleted { name } => Self::ToolCompleted { name: name.clone() },
            StatusUpdate::BranchStarted { label } => Self::BranchStarted { label: label.clone() },
            StatusUpdate::React { message, emoji } => Self::React { message: message.clone(), emoji: emoji.clone() },
            StatusUpdate::Note { person, reply } => Self::Note { person: person.clone(), reply: reply.clone() },
        }
    }
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "snake_case")]
pub enum Request {
    /// Create a message.
    Post {
        /// What it shows.
        draft: Draft,
    },
    /// Replace a message: text, buttons and file.
    Edit {
        /// Which one.
        message: MessageRef,
        /// What it shows from now on.
        draft: Draft,
    },
    /// Look for a message by its key.
    Find {
        /// Where.
        address: Address,
        /// The key.
        key: DeliveryKey,
        /// Not older than this.
        since: Timestamp,
    },
    /// Does this address take messages?
    Probe {
        /// Which one.
        address: Address,
    },
    /// Give a sign.
    Status {
        /// Where.
        address: Address,
        /// Which one.
        sign: Sign,
    },
}

impl Request {
    /// Its verb.
    pub fn verb(&self) -> Verb {
        match self {
            Self::Post { .. } => Verb::Post,
            Self::Edit { .. } => Verb::Edit,
            Self::Find { .. } => Verb::Find,
            Self::Probe { .. } => Verb::Probe,
            Self::Status { .. } => Verb::Status,
        }
    }

    /// The address it goes to; for an edit, where the message stands.
    pub fn address(&self) -> &Address {
        match self {
            Self::Post { draft } => &draft.address,
            Self::Edit { message, .. } => &message.address,
            Self::Find { address, .. } | Self::Probe { address } | Self::Status { address, .. } => address,
        }
    }

    /// What it wants to show, when it shows something.
    pub fn draft(&self) -> Option<&Draft> {
        match self {
            Self::Post { draft } | Self::Edit { draft, .. } => Some(draft),
            Self::Find { .. } | Self::Probe { .. } | Self::Status { .. } => None,
        }
    }
}
