//! The mouth: how the loop makes messages visible on Discord.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;
use serenity::http::{LightMethod, Route};
use serenity::model::id::{ChannelId, MessageId};
use tokio_util::sync::CancellationToken;
use tracing::warn;
use wilco_core::text::fingerprint;
use wilco_core::{
    AccountId, Address, Cause, DeliveryOutcome, Envelope, Found, Inbox, Limits, ListenEnd, MessageRef, Messaging,
    NotSurfaced, Reply, Scope, StatusUpdate, Timestamp,
};

use crate::direct::NoDirect;
use crate::discord::Discord;
use crate::interactions::{Shown, bodies};
use crate::message::{self, Content, called};
use crate::outcome::{Act, Called, settle};
use crate::rest::{Answer, Call, Kind, Lane};
use crate::snowflake::Snowflake;

/// A minute of the clock, in milliseconds: within one, the same note to the same person is one message. Discord
/// recognises a nonce for longer.
const NOTE_SPAN: i64 = 60_000;

impl Discord {
    /// The channel of an address that belongs to this account.
    pub(crate) fn channel(&self, address: &Address) -> Result<ChannelId, NotSurfaced> {
        if address.account != self.options.account {
            return Err(NotSurfaced::Gone(Cause::new("another_account", "this address belongs to another account")));
        }
        let unknown = || NotSurfaced::Gone(Cause::new("unknown_channel", "this is no id of a Discord channel"));
        message::channel(address).ok_or_else(unknown)
    }

    /// A message has surfaced: it counts when its markup had to go.
    fn note_plain(&self, shown: &MessageRef, envelope: &Envelope, content: &Content) {
        if !content.unmarked && !envelope.body.plain {
            return;
        }
        let Some(count) = message::number(&shown.message).and_then(|id| self.plain().shown(id)) else { return };
        warn!(account = %self.options.account, count, too_long = content.unmarked,
            "discord: a message is shown as plain text");
    }

    async fn create(&self, envelope: &Envelope) -> Result<MessageRef, NotSurfaced> {
        let channel = self.channel(&envelope.address)?;
        let content = message::content(&envelope.body)?;
        let text = content.text.as_str();
        let files = message::upload(envelope.body.file.as_ref()).await?;
        let called = called(envelope, Act::Create);
        let reference = message::reference(envelope);
        let is_reply = reference.is_some();
        let mut answer = self.rest.call(message::create(envelope, channel, text, files.clone(), reference)?).await;
        // Refused for what it answers, so surely not created: the same without a reference.
        if is_reply && refuses_reference(&answer) {
            answer = self.rest.call(message::create(envelope, channel, text, files, None)?).await;
        }
        let shown = named(&envelope.address, &settle(answer, called)?)?;
        self.note_plain(&shown, envelope, &content);
        Ok(shown)
    }

    async fn replace(&self, shown: &MessageRef, envelope: &Envelope) -> Result<MessageRef, NotSurfaced> {
        let channel = self.channel(&shown.address)?;
        let message = message_id(shown)?;
        let content = message::content(&envelope.body)?;
        let files = message::upload(envelope.body.file.as_ref()).await?;
        let call = message::edit(envelope, channel, message, &content.text, files)?;
        settle(self.rest.call(call).await, called(envelope, Act::Edit))?;
        self.note_plain(shown, envelope, &content);
        Ok(shown.clone())
    }

    async fn react(&self, shown: &MessageRef, emoji: &str) -> Result<MessageRef, NotSurfaced> {
        let channel = self.channel(&shown.address)?;
        let emoji = percent(emoji);
        let route =
            Route::ChannelMessageReactionMe { channel_id: channel, message_id: message_id(shown)?, reaction: &emoji };
        settle(self.rest.call(Call::bare(LightMethod::Put, route, Lane::Normal)).await, Called::LIGHT)?;
        Ok(shown.clone())
    }

    async fn type_in(&self, address: &Address) -> Result<(), NotSurfaced> {
        let route = Route::ChannelTyping { channel_id: self.channel(address)? };
        let called = Called { lane: Lane::Progress, ..Called::LIGHT };
        match settle(self.rest.call(Call::bare(LightMethod::Post, route, Lane::Progress)).await, called) {
            Ok(_) => Ok(()),
            // The limit of this route is that of typing alone: no message has to wait for it.
            Err(NotSurfaced::RetryAfter { scope: Scope::Route, .. }) => {
                Err(NotSurfaced::Retry(Cause::new("held", "the rate limit of typing")))
            }
            Err(other) => Err(other),
        }
    }

    /// A note that only one person reads: a direct message. Whoever has just given a command is answered through its
    /// interaction instead, which needs no direct message. The same words to the same person within the same minute of
    /// the clock are one message.
    async fn note(&self, person: &str, reply: &Reply) -> Result<MessageRef, NotSurfaced> {
        let unknown = || NotSurfaced::Gone(Cause::new("unknown_person", "this is no id of a Discord user"));
        let person = message::number(person).map(|id| Snowflake(id.get())).ok_or_else(unknown)?;
        let channel = self.direct(person).await.map_err(no_direct)?;
        let channel_id = ChannelId::new(channel.0.max(1));
        let address = Address::channel(self.options.account.clone(), channel.to_string());
        let words = fingerprint(&format!("{}{reply:?}", self.clock.now().0 / NOTE_SPAN));
        let mut first = None;
        for (at, mut body) in bodies(reply, &format!("{words:x}"), Shown::There).into_iter().enumerate() {
            body["nonce"] = Value::from(format!("{words:x}n{at}"));
            body["enforce_nonce"] = Value::from(true);
            let route = Route::ChannelMessages { channel_id };
            let call = Call::json(LightMethod::Post, route, &body, Lane::Normal)
                .map_err(|error| NotSurfaced::Bug(Cause::new("unwritable", error.to_string())))?;
            let called = Called { act: Act::Create, lane: Lane::Normal, plain: false };
            let shown = named(&address, &settle(self.rest.call(call.of_kind(Kind::Create)).await, called)?)?;
            first.get_or_insert(shown);
        }
        first.ok_or_else(|| NotSurfaced::Bug(Cause::new("empty_note", "there was nothing to say")))
    }
}

fn no_direct(why: NoDirect) -> NotSurfaced {
    match why {
        NoDirect::Refused { code } => {
            let code = code.map_or_else(|| "no_direct".to_owned(), |code| code.to_string());
            NotSurfaced::Gone(Cause::new(code, "Discord opens no direct message with this person"))
        }
        NoDirect::Later(Some(delay)) => NotSurfaced::RetryAfter { delay, scope: Scope::Chat },
        NoDirect::Later(None) => NotSurfaced::Retry(Cause::new("no_direct", "no direct message could be opened now")),
    }
}

#[derive(Deserialize)]
struct Named {
    id: String,
}

fn named(address: &Address, body: &[u8]) -> Result<MessageRef, NotSurfaced> {
    match serde_json::from_slice::<Named>(body) {
        Ok(named) => Ok(MessageRef { address: address.clone(), message: named.id }),
        Err(error) => Err(NotSurfaced::Ambiguous(Cause::new("unreadable_answer", error.to_string()))),
    }
}

fn message_id(shown: &MessageRef) -> Result<MessageId, NotSurfaced> {
    let unknown = || NotSurfaced::Fallback(Cause::new("unknown_message", "this is no id of a Discord message"));
    message::number(&shown.message).map(MessageId::from).ok_or_else(unknown)
}

/// Whether a create was refused for the message that it answers: without the right to read the history (160002), or
/// because a message of that kind takes no replies.
fn refuses_reference(answer: &Answer) -> bool {
    match answer {
        Answer::Refused(refusal) => {
            refusal.code == Some(160_002) || refusal.fields.iter().any(|field| field.starts_with("message_reference"))
        }
        Answer::Done { .. } | Answer::Held { .. } | Answer::NotSent(_) | Answer::Unknown(_) => false,
    }
}

/// Text as one segment of a path.
fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[async_trait]
impl Messaging for Discord {
    fn account(&self) -> &AccountId {
        &self.options.account
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    async fn listen(&self, inbox: Arc<dyn Inbox>, stop: CancellationToken) -> ListenEnd {
        crate::gateway::listen(self, inbox, stop).await
    }

    async fn post(&self, envelope: &Envelope) -> DeliveryOutcome {
        match self.create(envelope).await {
            Ok(message) => DeliveryOutcome::Surfaced(message),
            Err(reason) => reason.into(),
        }
    }

    async fn edit(&self, message: &MessageRef, envelope: &Envelope) -> DeliveryOutcome {
        match self.replace(message, envelope).await {
            Ok(message) => DeliveryOutcome::Surfaced(message),
            Err(reason) => reason.into(),
        }
    }

    async fn find(&self, envelope: &Envelope, since: Timestamp) -> Found {
        match self.look_up(envelope, since).await {
            Ok(found) => found,
            Err(reason) => Found::Refused(reason),
        }
    }

    async fn probe(&self, address: &Address) -> DeliveryOutcome {
        match self.takes_messages(address).await {
            Ok(()) => NotSurfaced::Silent.into(),
            Err(reason) => reason.into(),
        }
    }

    fn plain_messages(&self) -> u64 {
        self.plain().count
    }

    async fn status(&self, address: &Address, update: &StatusUpdate) -> DeliveryOutcome {
        match update {
            StatusUpdate::Thinking => match self.type_in(address).await {
                Ok(()) => NotSurfaced::Silent.into(),
                Err(reason) => reason.into(),
            },
            // Discord ends the typing by itself: after ten seconds, or with the next message.
            StatusUpdate::StopTyping
            | StatusUpdate::ToolStarted { .. }
            | StatusUpdate::ToolCompleted { .. }
            | StatusUpdate::BranchStarted { .. } => NotSurfaced::Silent.into(),
            StatusUpdate::React { message, emoji } => match self.react(message, emoji).await {
                Ok(message) => DeliveryOutcome::Surfaced(message),
                Err(reason) => reason.into(),
            },
            StatusUpdate::Note { person, reply } => match self.note(person, reply).await {
                Ok(message) => DeliveryOutcome::Surfaced(message),
                Err(reason) => reason.into(),
            },
        }
    }
}
