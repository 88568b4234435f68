//! One outbound message.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::followup::FollowupAct;
use crate::ids::{DeliveryKey, ReceiptId, WorkerId};
use crate::inbound::Person;
use crate::outcome::MessageRef;

/// What a message is for. Decides its lane: everything but progress goes before progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnvelopeKind {
    /// The acknowledgement, or the empty place of a part or a file.
    Stub,
    /// An edit that shows how far the work is.
    Progress,
    /// The result, or its first part.
    Content,
    /// A further part of a long result.
    Part,
    /// A file.
    File,
    /// A question with its buttons.
    Question,
    /// A short message that notifies, because edits do not.
    Ping,
}

/// What a button does. The payload that travels is only a verb and an id; the state is in the store.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "press", rename_all = "snake_case")]
pub enum Press {
    /// Cancel the job whose stub carried this delivery key.
    CancelStub {
        /// The key of the stub receipt.
        key: DeliveryKey,
    },
    /// Cancel the job with this short id.
    Cancel {
        /// A short id.
        id: String,
    },
    /// Show a job's timeline.
    Details {
        /// A short id.
        id: String,
    },
    /// Start the same job with the same input again.
    RunAgain {
        /// A short id.
        id: String,
    },
    /// Answer a question.
    Answer {
        /// The question's id.
        question: String,
        /// The position of the choice, from 0.
        choice: u32,
    },
    /// Do something with a follow-up.
    Followup {
        /// What.
        act: FollowupAct,
        /// Its short id.
        id: String,
    },
    /// Call off what is pending in the place where the button stands.
    StopHere,
}

impl Press {
    /// The payload that fits every platform: at most 64 bytes (Telegram Bot API, `callback_data`).
    pub fn encode(&self) -> String {
        match self {
            Self::CancelStub { key } => format!("x:{key}"),
            Self::Cancel { id } => format!("c:{id}"),
            Self::Details { id } => format!("d:{id}"),
            Self::RunAgain { id } => format!("r:{id}"),
            Self::Answer { question, choice } => format!("a:{choice}:{question}"),
            Self::Followup { act, id } => format!("f:{}:{id}", act.name()),
            Self::StopHere => "s:here".to_owned(),
        }
    }

    /// Reads a payload back; anything that wilco did not write is none.
    pub fn decode(payload: &str) -> Option<Self> {
        let (verb, rest) = payload.split_once(':')?;
        let id = || (!rest.is_empty() && rest.len() <= 40).then(|| rest.to_owned());
        match verb {
            "x" => Some(Self::CancelStub { key: DeliveryKey::new(id()?) }),
            "c" => Some(Self::Cancel { id: id()? }),
            "d" => Some(Self::Details { id: id()? }),
            "r" => Some(Self::RunAgain { id: id()? }),
            "a" => {
                let (choice, question) = rest.split_once(':')?;
                Some(Self::Answer { question: question.to_owned(), choice: choice.parse().ok()? })
            }
            "f" => {
                let (act, id) = rest.split_once(':')?;
                let id = (!id.is_empty() && id.len() <= 40).then(|| id.to_owned())?;
                Some(Self::Followup { act: FollowupAct::from_name(act)?, id })
            }
            "s" => (rest == "here").then_some(Self::StopHere),
            _ => None,
        }
    }
}

/// A button under a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    /// What a person reads; at most 40 characters.
    pub label: String,
    /// What a press means.
    pub press: Press,
}

impl Button {
    /// A button from its label and its meaning.
    pub fn new(label: impl Into<String>, press: Press) -> Self {
        Self { label: label.into(), press }
    }
}

/// A file on this machine's disk that becomes visible in a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRef {
    /// The name that people see; no folder in it.
    pub name: String,
    /// Where the bytes are.
    pub path: PathBuf,
    /// Its length in bytes.
    pub size: u64,
}

/// What a message shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// The text, already sanitised, in the small part of Markdown that every adapter renders
    /// (paragraphs, emphasis, code, links). With `plain` set it is shown as it stands.
    pub text: String,
    /// No markup at all: set after the platform refused it once.
    #[serde(default)]
    pub plain: bool,
    /// The buttons, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<Button>,
    /// The file that this message carries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FileRef>,
    /// The only person whom this message may notify; the adapter puts the mention before the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mention: Option<Person>,
}

impl Body {
    /// A body of text alone.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// The same with buttons.
    #[must_use]
    pub fn with_buttons(mut self, buttons: Vec<Button>) -> Self {
        self.buttons = buttons;
        self
    }
}

/// One outbound message with everything that the platform and the outbox need to know of it. Its
/// target is pinned here: nothing that is said later can redirect it (requirement D9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Where it goes.
    pub address: Address,
    /// What it is for.
    pub kind: EnvelopeKind,
    /// What it shows.
    pub body: Body,
    /// The receipt that its outcome settles; a plain response has none and settles nothing.
    pub receipt: Option<ReceiptId>,
    /// The worker it speaks of.
    pub worker: Option<WorkerId>,
    /// What makes a repetition of this create recognisable.
    pub key: DeliveryKey,
    /// The message that it answers or links to.
    pub reply_to: Option<MessageRef>,
}

impl Envelope {
    /// A plain response: no receipt, settles nothing (requirement D8).
    pub fn plain(address: Address, key: DeliveryKey, body: Body) -> Self {
        Self { address, kind: EnvelopeKind::Stub, body, receipt: None, worker: None, key, reply_to: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ReceiptId;

    #[test]
    fn every_payload_fits_64_bytes_and_reads_back() {
        let id = "0123456789abcdef0123456789abcdef";
        let all = [
            Press::CancelStub { key: DeliveryKey::from(&ReceiptId::new(id)) },
            Press::Cancel { id: "k7f2".into() },
            Press::Details { id: "k7f2".into() },
            Press::RunAgain { id: "k7f2".into() },
            Press::Answer { question: id.into(), choice: 11 },
            Press::Followup { act: FollowupAct::Resume, id: "f3k9".into() },
            Press::StopHere,
        ];
        for press in all {
            let payload = press.encode();
            assert!(payload.len() <= 64, "{payload}");
            assert_eq!(Press::decode(&payload), Some(press));
        }
    }

    #[test]
    fn foreign_payloads_are_none() {
        for payload in ["", "x", "z:1", "a:1", "a:x:q", "c:", "f:run:", "f:erase:f3k9", "s:there", &"c:".repeat(80)] {
            assert_eq!(Press::decode(payload), None, "{payload}");
        }
    }

    #[test]
    fn d8_a_plain_response_has_no_receipt() {
        let envelope = Envelope::plain(Address::channel("sim", "ops"), DeliveryKey::new("k"), Body::text("hello"));
        assert_eq!(envelope.receipt, None);
        assert_eq!(envelope.worker, None);
    }
}
