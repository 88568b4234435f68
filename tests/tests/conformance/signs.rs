//! Signs beside the conversation, and listening.

use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use wilco_core::{Accepted, Body, Inbound, Inbox, ListenEnd, MessageRef, NotSurfaced, Reply, StatusUpdate};

use super::{Subject, envelope, refused, surfaced};

pub(super) async fn all(subject: &mut dyn Subject) {
    gives_every_sign(subject).await;
    stops_listening_when_asked(subject).await;
}

/// What a sign leaves behind. Exhaustive: a new sign does not compile until it is decided here (D4).
fn is_silent(update: &StatusUpdate) -> bool {
    match update {
        StatusUpdate::Thinking
        | StatusUpdate::StopTyping
        | StatusUpdate::ToolStarted { .. }
        | StatusUpdate::ToolCompleted { .. }
        | StatusUpdate::BranchStarted { .. } => true,
        StatusUpdate::React { .. } | StatusUpdate::Note { .. } => false,
    }
}

fn every_sign(subject: &dyn Subject, message: &MessageRef) -> Vec<StatusUpdate> {
    vec![
        StatusUpdate::StopTyping,
        StatusUpdate::ToolStarted { name: "grep".to_owned() },
        StatusUpdate::ToolCompleted { name: "grep".to_owned() },
        StatusUpdate::BranchStarted { label: "research".to_owned() },
        StatusUpdate::React { message: message.clone(), emoji: "👀".to_owned() },
        StatusUpdate::Note { person: subject.person(), reply: Reply::text("Only you see this.") },
        StatusUpdate::Thinking,
    ]
}

/// D3, M14: typing and tools are silent, stop the typing, and stand nowhere as a message.
async fn gives_every_sign(subject: &dyn Subject) {
    let name = subject.name();
    let place = subject.place();
    let message = surfaced(name, subject.adapter().post(&envelope(subject, "signs", Body::text("On it"))).await);
    let before = subject.shown(&place).await;
    for sign in every_sign(subject, &message) {
        assert_eq!(refused(name, subject.adapter().status(&place, &StatusUpdate::Thinking).await), NotSurfaced::Silent);
        assert_ne!(subject.typing(&place).await, Some(false), "{name}: nobody is seen typing");
        let outcome = subject.adapter().status(&place, &sign).await;
        if is_silent(&sign) {
            assert_eq!(refused(name, outcome), NotSurfaced::Silent, "{name}: {sign:?}");
            let typing = sign == StatusUpdate::Thinking;
            assert_ne!(subject.typing(&place).await, Some(!typing), "{name}: typing after {sign:?}");
        } else {
            surfaced(name, outcome);
        }
        assert_eq!(subject.shown(&place).await, before, "{name}: {sign:?} is no message");
    }
    // A message ends the typing, too.
    surfaced(name, subject.adapter().post(&envelope(subject, "signs-end", Body::text("Done"))).await);
    assert_ne!(subject.typing(&place).await, Some(true), "{name}: still typing after a message");
}

struct Nobody;

#[async_trait]
impl Inbox for Nobody {
    async fn offer(&self, batch: Vec<Inbound>) -> Vec<Accepted> {
        batch.into_iter().map(|_| Accepted::Duplicate { worker: None }).collect()
    }
}

/// Listening ends when it is asked to, and can be begun again.
async fn stops_listening_when_asked(subject: &dyn Subject) {
    for _ in 0..2 {
        let stop = CancellationToken::new();
        let listening = subject.adapter().listen(Arc::new(Nobody), stop.clone());
        let asking = async {
            tokio::task::yield_now().await;
            stop.cancel();
        };
        let (end, ()) = tokio::join!(listening, asking);
        assert_eq!(end, ListenEnd::Stopped, "{}", subject.name());
    }
}
