//! The mouth: how the loop makes messages visible on the page.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use tracing::warn;
use wilco_core::shelf::ShelfError;
use wilco_core::text::Unit;
use wilco_core::{
    Abilities, AccountId, Address, Cause, DeliveryOutcome, Envelope, Found, Inbox, Limits, ListenEnd, MessageRef,
    Messaging, NotSurfaced, StatusUpdate, Timestamp,
};

use crate::hub::Live;
use crate::message::Message;
use crate::web::Web;

/// The longest text of one message, in characters.
const TEXT: usize = 4_000;
/// The largest file, in bytes.
const FILE: u64 = 25 * 1024 * 1024;

/// A create is recognised by its key as long as the message is kept, so the window is merely long.
const WINDOW: Duration = Duration::from_secs(10 * 365 * 24 * 3_600);

pub(crate) fn limits() -> Limits {
    let abilities = Abilities { edit: true, nonce_window: Some(WINDOW), look_up: true, files: true, buttons: true };
    Limits { unit: Unit::Chars, text: TEXT, file: FILE, edit_pace: Duration::ZERO, abilities }
}

/// The store refused and says that nothing was changed.
fn refused(error: ShelfError) -> DeliveryOutcome {
    NotSurfaced::Retry(Cause::new("store", error.0)).into()
}

impl Web {
    /// Why an envelope cannot be shown, when that is certain before anything is tried.
    fn objection(&self, envelope: &Envelope) -> Option<NotSurfaced> {
        if !self.options.exists(&envelope.address) {
            return Some(NotSurfaced::Gone(Cause::new("unknown_channel", "nobody can read that channel")));
        }
        if !Unit::Chars.fits(&envelope.body.text, TEXT) {
            return Some(NotSurfaced::Reshape(Cause::new("too_long", format!("more than {TEXT} characters"))));
        }
        if envelope.body.file.as_ref().is_some_and(|file| file.size > FILE) {
            return Some(NotSurfaced::Reshape(Cause::new("file_too_large", format!("more than {FILE} bytes"))));
        }
        None
    }

    async fn react(&self, message: &MessageRef, emoji: &str) -> DeliveryOutcome {
        let changed = self.book.change(&message.message, |shown| {
            if !shown.reactions.iter().any(|known| known == emoji) {
                shown.reactions.push(emoji.to_owned());
            }
        });
        self.shown(changed.await)
    }

    /// The outcome of a change, which pages are told about.
    fn shown(&self, changed: Result<Option<Arc<Message>>, ShelfError>) -> DeliveryOutcome {
        match changed {
            Ok(Some(message)) => {
                let reference = message.reference();
                self.hub.tell(Live::Message(message));
                DeliveryOutcome::Surfaced(reference)
            }
            Ok(None) => {
                NotSurfaced::Fallback(Cause::new("unknown_message", "this message is not kept any more")).into()
            }
            Err(error) => refused(error),
        }
    }
}

#[async_trait]
impl Messaging for Web {
    fn account(&self) -> &AccountId {
        &self.options.account
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    async fn listen(&self, inbox: Arc<dyn Inbox>, stop: CancellationToken) -> ListenEnd {
        *self.inbox.write().unwrap_or_else(PoisonError::into_inner) = Some(inbox);
        stop.cancelled().await;
        *self.inbox.write().unwrap_or_else(PoisonError::into_inner) = None;
        ListenEnd::Stopped
    }

    async fn post(&self, envelope: &Envelope) -> DeliveryOutcome {
        if let Some(objection) = self.objection(envelope) {
            return objection.into();
        }
        let now = self.clock.now();
        let draft = Message {
            id: envelope.key.to_string(),
            rev: 1,
            order: 0,
            address: envelope.address.clone(),
            at: now,
            edited: None,
            author: None,
            kind: Some(envelope.kind),
            body: envelope.body.clone(),
            worker: envelope.worker.clone(),
            reply_to: envelope.reply_to.as_ref().map(|message| message.message.clone()),
            reactions: Vec::new(),
        };
        match self.book.create(draft, now).await {
            Ok((message, new)) => {
                let reference = message.reference();
                if new {
                    self.hub.tell(Live::Message(message));
                }
                DeliveryOutcome::Surfaced(reference)
            }
            Err(error) => refused(error),
        }
    }

    async fn edit(&self, message: &MessageRef, envelope: &Envelope) -> DeliveryOutcome {
        if let Some(objection) = self.objection(envelope) {
            return objection.into();
        }
        // Equal content is already what people see: success, and nothing moves (requirement M7).
        if let Some(known) = self.book.get(&message.message)
            && known.body == envelope.body
            && known.kind == Some(envelope.kind)
        {
            return DeliveryOutcome::Surfaced(known.reference());
        }
        let now = self.clock.now();
        let changed = self.book.change(&message.message, |shown| {
            shown.body = envelope.body.clone();
            shown.kind = Some(envelope.kind);
            shown.edited = Some(now);
            if envelope.worker.is_some() {
                shown.worker = envelope.worker.clone();
            }
        });
        self.shown(changed.await)
    }

    async fn find(&self, envelope: &Envelope, _since: Timestamp) -> Found {
        match self.book.look(envelope.key.as_str()).await {
            Ok(Some(message)) => {
                let reference = message.reference();
                // The page may have missed it when the call that stored it was cut off.
                self.hub.tell(Live::Message(message));
                Found::Here(reference)
            }
            Ok(None) => Found::Absent,
            Err(error) => Found::Unknown(Cause::new("store", error.0)),
        }
    }

    async fn probe(&self, address: &Address) -> DeliveryOutcome {
        if self.options.exists(address) {
            return NotSurfaced::Silent.into();
        }
        NotSurfaced::Gone(Cause::new("unknown_channel", "nobody can read that channel")).into()
    }

    async fn status(&self, address: &Address, update: &StatusUpdate) -> DeliveryOutcome {
        match update {
            StatusUpdate::Thinking => {
                self.hub.tell(Live::Typing { address: address.clone(), on: true });
                NotSurfaced::Silent.into()
            }
            StatusUpdate::StopTyping
            | StatusUpdate::ToolStarted { .. }
            | StatusUpdate::ToolCompleted { .. }
            | StatusUpdate::BranchStarted { .. } => {
                self.hub.tell(Live::Typing { address: address.clone(), on: false });
                NotSurfaced::Silent.into()
            }
            StatusUpdate::React { message, emoji } => self.react(message, emoji).await,
            StatusUpdate::Note { person, reply } => {
                if self.options.person(person).is_none() || self.options.spec(person, address).is_none() {
                    warn!(person, channel = address.channel, "web: a note for somebody who is not there");
                    return NotSurfaced::Gone(Cause::new("unknown_person", "nobody of that id reads that channel"))
                        .into();
                }
                let note = self.note(person, address, reply.clone());
                DeliveryOutcome::Surfaced(MessageRef { address: address.clone(), message: note.id.clone() })
            }
        }
    }
}
