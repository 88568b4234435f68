//! What every adapter promises, as one suite: given an adapter and a way to look at what its platform
//! shows, [`suite`] holds each promise against it. A new adapter adds a [`Subject`] and one test.

mod creates;
mod discord;
mod edits;
mod signs;
mod slack;
mod subjects;

use std::time::Duration;

use async_trait::async_trait;
use wilco_core::{
    Address, Body, Button, DeliveryKey, DeliveryOutcome, Envelope, EnvelopeKind, FileRef, Limits, MessageRef,
    Messaging, NotSurfaced, Press, WorkerId,
};

/// A message as a person sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The platform's id.
    pub(crate) id: String,
    /// The text.
    pub(crate) text: String,
    /// The labels of the buttons, in order.
    pub(crate) buttons: Vec<String>,
    /// The file's name and length.
    pub(crate) file: Option<(String, u64)>,
}

/// An adapter under test, with eyes on its platform.
#[async_trait]
pub(crate) trait Subject: Send + Sync {
    /// For failures.
    fn name(&self) -> &'static str;

    /// The adapter as it is connected now.
    fn adapter(&self) -> &dyn Messaging;

    /// A channel that takes messages.
    fn place(&self) -> Address;

    /// A channel of the same account that is gone, or that never was.
    fn nowhere(&self) -> Address;

    /// An id of the right form that no message has.
    fn nothing(&self) -> String {
        "999999999".to_owned()
    }

    /// Somebody who reads along in the channel.
    fn person(&self) -> String;

    /// What stands in an address, oldest first.
    async fn shown(&self, address: &Address) -> Vec<Seen>;

    /// Whether "typing…" stands in an address; none where nobody can tell.
    async fn typing(&self, address: &Address) -> Option<bool>;

    /// Lets the platform's time pass; false where it does not move by hand.
    fn passes(&self, time: Duration) -> bool;

    /// Ends the adapter and connects it anew, as a restart of the process does.
    async fn restarts(&mut self);
}

/// Holds every promise against one adapter.
pub(crate) async fn suite(subject: &mut dyn Subject) {
    declares(subject);
    creates::all(subject).await;
    edits::all(subject).await;
    signs::all(subject).await;
    survives(subject).await;
}

fn declares(subject: &dyn Subject) {
    let limits = subject.adapter().limits();
    assert!(limits.text >= 500, "{}: no message fits {} characters", subject.name(), limits.text);
    assert_eq!(subject.adapter().account(), &subject.place().account, "{}", subject.name());
    assert_eq!(subject.adapter().account(), &subject.nowhere().account, "{}", subject.name());
    let window = limits.abilities.nonce_window;
    assert!(window.is_none_or(|window| window > Duration::from_secs(30)), "{}: too short to rely on", subject.name());
}

/// What a person was shown stays theirs when the process behind it is another one (D2, D13).
async fn survives(subject: &mut dyn Subject) {
    let name = subject.name();
    let envelope = envelope(subject, "survives", Body::text("Before the restart."));
    let message = surfaced(name, subject.adapter().post(&envelope).await);
    subject.restarts().await;
    assert_eq!(seen(subject, &message).await.text, "Before the restart.", "{name}: a shown message is gone");
    let after = Envelope { body: Body::text("After it."), kind: EnvelopeKind::Content, ..envelope };
    assert_eq!(surfaced(name, subject.adapter().edit(&message, &after).await), message, "{name}");
    assert_eq!(seen(subject, &message).await.text, "After it.", "{name}");
}

// ---- what the checks share --------------------------------------------------------------------------

/// An envelope to the subject's channel under a key of its own.
fn envelope(subject: &dyn Subject, key: &str, body: Body) -> Envelope {
    Envelope {
        address: subject.place(),
        kind: EnvelopeKind::Stub,
        body,
        receipt: None,
        worker: Some(WorkerId::new("0193f0000000700080000000000000aa")),
        key: DeliveryKey::new(format!("conformance-{key}")),
        reply_to: None,
    }
}

fn button(label: &str) -> Button {
    Button::new(label, Press::Details { id: "k7f2".to_owned() })
}

/// A real file of a length on this machine's disk.
fn file(dir: &tempfile::TempDir, name: &str, size: u64) -> FileRef {
    let path = dir.path().join(name);
    let file = std::fs::File::create(&path).expect("the file is made");
    file.set_len(size).expect("it has that length");
    FileRef { name: name.to_owned(), path, size }
}

/// A text of exactly that length in the platform's own unit, with signs that are wide in some of them.
fn text_of(limits: &Limits, length: usize) -> String {
    let mut text = "🦀é".repeat(3);
    while limits.unit.len(&text) < length {
        text.push('x');
    }
    assert_eq!(limits.unit.len(&text), length);
    text
}

fn surfaced(name: &str, outcome: DeliveryOutcome) -> MessageRef {
    match outcome {
        DeliveryOutcome::Surfaced(message) => message,
        DeliveryOutcome::NotSurfaced(reason) => panic!("{name}: {reason:?}"),
    }
}

fn refused(name: &str, outcome: DeliveryOutcome) -> NotSurfaced {
    match outcome {
        DeliveryOutcome::Surfaced(message) => panic!("{name}: surfaced as {message:?}"),
        DeliveryOutcome::NotSurfaced(reason) => reason,
    }
}

async fn seen(subject: &dyn Subject, message: &MessageRef) -> Seen {
    let shown = subject.shown(&message.address).await;
    let name = subject.name();
    shown
        .into_iter()
        .find(|one| one.id == message.message)
        .unwrap_or_else(|| panic!("{name}: {message:?} is not shown"))
}

async fn count(subject: &dyn Subject) -> usize {
    subject.shown(&subject.place()).await.len()
}
