//! The mouth: how the loop makes messages visible on Slack.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use wilco_core::{
    AccountId, Address, Cause, DeliveryOutcome, Envelope, Found, Inbox, Limits, ListenEnd, MessageRef, Messaging,
    NotSurfaced, StatusUpdate, Timestamp,
};

use crate::message::{self, Content, called};
use crate::outcome::{Act, refuses_metadata, settle};
use crate::rest::{Answer, Call, Lane, Method};
use crate::slack::Slack;
use crate::unthreaded::left_its_thread;

/// How long metadata is not sent again after it was refused.
const BARE: Duration = Duration::from_secs(60 * 60);

impl Slack {
    /// The channel and the thread of an address that belongs to this account.
    pub(crate) fn place<'a>(&self, address: &'a Address) -> Result<(&'a str, Option<&'a str>), NotSurfaced> {
        if address.account != self.options.account {
            return Err(NotSurfaced::Gone(Cause::new("another_account", "this address belongs to another account")));
        }
        message::place(address)
    }

    /// A message has surfaced: it counts when its markup had to go.
    fn note_plain(&self, shown: &MessageRef, envelope: &Envelope, content: &Content) {
        if !content.unmarked && !envelope.body.plain {
            return;
        }
        let Some(count) = self.mouth.shown_plain(&shown.message, &shown.address.channel) else { return };
        warn!(account = %self.options.account, count, too_long = content.unmarked,
            "slack: a message is shown as plain text");
    }

    async fn create(&self, envelope: &Envelope) -> Result<MessageRef, NotSurfaced> {
        let at = self.place(&envelope.address)?;
        let content = message::content(&envelope.body)?;
        // Before the message: a file that cannot be sent must not leave one without it.
        let file = self.file(envelope).await?;
        let called = called(envelope, Act::Create);
        let call = message::create(envelope, &content, at);
        let mut answer = self.send_marked(call.clone()).await;
        if answer.code() == Some("not_in_channel") && self.join(at.0).await {
            answer = self.send_marked(call).await;
        }
        let body = settle(answer, called)?;
        let Some(ts) = body.get("ts").and_then(Value::as_str) else {
            return Err(NotSurfaced::Ambiguous(Cause::new("unreadable_answer", "Slack names no message")));
        };
        let shown = if at.1.is_some() && left_its_thread(body.get("message")) {
            self.take_back(envelope, ts).await?
        } else {
            MessageRef { address: envelope.address.clone(), message: ts.to_owned() }
        };
        self.stop_thinking(&envelope.address, true).await;
        if let Some(file) = file {
            // A create takes no file. Where this fails the message stands there without it, until it is looked for.
            let call = message::edit(envelope, &content, at.0, ts, Some(&file));
            let doubt = |reason: NotSurfaced| {
                let cause = reason.cause().cloned();
                NotSurfaced::Ambiguous(cause.unwrap_or_else(|| Cause::new("file_not_shown", reason.name())))
            };
            settle(self.send_marked(call).await, called).map_err(doubt)?;
        }
        self.note_plain(&shown, envelope, &content);
        Ok(shown)
    }

    async fn replace(&self, shown: &MessageRef, envelope: &Envelope) -> Result<MessageRef, NotSurfaced> {
        let (channel, _) = self.place(&shown.address)?;
        let content = message::content(&envelope.body)?;
        let file = self.file(envelope).await?;
        let call = message::edit(envelope, &content, channel, &shown.message, file.as_deref());
        let outcome = settle(self.send_marked(call).await, called(envelope, Act::Edit));
        if let Err(reason) = outcome {
            if matches!(reason, NotSurfaced::Reshape(_)) {
                self.forget_file(envelope);
            }
            return Err(reason);
        }
        self.stop_thinking(&shown.address, false).await;
        self.note_plain(shown, envelope, &content);
        Ok(shown.clone())
    }

    /// Sends a create or an edit; where the workspace refuses its metadata, the same without it, and for some time what
    /// follows as well. The ids of its blocks hold the key, too.
    async fn send_marked(&self, call: Call) -> Answer {
        if self.mouth.is_bare(self.clock.monotonic()) {
            return self.rest.call(call.without("metadata")).await;
        }
        let answer = self.rest.call(call.clone()).await;
        if !refuses_metadata(&answer) {
            return answer;
        }
        warn!(account = %self.options.account, code = answer.code(),
            "slack: metadata is refused; messages go without it for an hour, and are found by the ids of their blocks");
        self.mouth.bare_until(self.clock.monotonic() + BARE);
        self.rest.call(call.without("metadata")).await
    }

    /// Becomes a member of a public channel, where that is wanted; answers whether it is one now.
    async fn join(&self, channel: &str) -> bool {
        if !self.options.join {
            return false;
        }
        let call = Call::new(Method::Join, Lane::Reserved).with("channel", channel);
        let joined = matches!(self.rest.call(call).await, Answer::Done(_));
        if joined {
            info!(account = %self.options.account, channel, "slack: the bot has joined a channel to speak there");
        }
        joined
    }
}

fn outcome(result: Result<MessageRef, NotSurfaced>) -> DeliveryOutcome {
    match result {
        Ok(message) => DeliveryOutcome::Surfaced(message),
        Err(reason) => reason.into(),
    }
}

fn silent(result: Result<(), NotSurfaced>) -> DeliveryOutcome {
    result.err().unwrap_or(NotSurfaced::Silent).into()
}

#[async_trait]
impl Messaging for Slack {
    fn account(&self) -> &AccountId {
        &self.options.account
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    async fn listen(&self, inbox: Arc<dyn Inbox>, stop: CancellationToken) -> ListenEnd {
        crate::socket::listen(self, inbox, stop).await
    }

    async fn post(&self, envelope: &Envelope) -> DeliveryOutcome {
        outcome(self.create(envelope).await)
    }

    async fn edit(&self, message: &MessageRef, envelope: &Envelope) -> DeliveryOutcome {
        outcome(self.replace(message, envelope).await)
    }

    async fn find(&self, envelope: &Envelope, since: Timestamp) -> Found {
        match self.look_up(envelope, since).await {
            // A create with a file is done when the edit that shows it is, and saying that again changes nothing.
            Ok(Found::Here(message)) if envelope.body.file.is_some() => match self.replace(&message, envelope).await {
                Ok(message) => Found::Here(message),
                Err(reason) => Found::Refused(reason),
            },
            Ok(found) => found,
            Err(reason) => Found::Refused(reason),
        }
    }

    async fn probe(&self, address: &Address) -> DeliveryOutcome {
        silent(self.takes_messages(address).await)
    }

    fn plain_messages(&self) -> u64 {
        self.mouth.plain_count()
    }

    async fn status(&self, address: &Address, update: &StatusUpdate) -> DeliveryOutcome {
        match update {
            StatusUpdate::Thinking => silent(self.think(address).await),
            StatusUpdate::StopTyping => {
                self.stop_thinking(address, false).await;
                NotSurfaced::Silent.into()
            }
            StatusUpdate::ToolStarted { .. }
            | StatusUpdate::ToolCompleted { .. }
            | StatusUpdate::BranchStarted { .. } => NotSurfaced::Silent.into(),
            StatusUpdate::React { message, emoji } => outcome(self.react(message, emoji).await),
            StatusUpdate::Note { person, reply } => outcome(self.note(address, person, reply).await),
        }
    }
}
