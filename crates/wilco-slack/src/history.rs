//! Looking a message up in the channel or thread where it may stand.

use std::time::Duration;

use serde_json::Value;
use tracing::warn;
use wilco_core::{Cause, Envelope, Found, MessageRef, NotSurfaced, Timestamp};

use crate::blocks;
use crate::outcome::{Called, lacks_a_right, settle};
use crate::rest::{Call, Lane, Method};
use crate::slack::Slack;
use crate::ts::Ts;
use crate::unthreaded::is_of_the_thread;

/// Messages of a page. Slack advises 200 at most; an app that is sold outside of its directory gets 15.
const PAGE: u32 = 200;
/// Pages of one look-up. In a channel where more was said since, the answer is that nobody knows.
const PAGES: usize = 10;
/// By so much this machine's clock may be ahead of Slack's.
pub(crate) const SKEW: Duration = Duration::from_secs(300);

impl Slack {
    /// The message that an earlier create of this envelope may have left, among those since shortly before `since`. Where
    /// its thread is not there any more it may stand in the channel, and is taken away.
    pub(crate) async fn look_up(&self, envelope: &Envelope, since: Timestamp) -> Result<Found, NotSurfaced> {
        let (channel, thread) = self.place(&envelope.address)?;
        let gone = match self.search(envelope, channel, thread, since).await {
            Err(gone) if is_of_the_thread(&gone) => gone,
            other => return other,
        };
        match self.search(envelope, channel, None, since).await? {
            Found::Here(message) => match self.take_back(envelope, &message.message).await {
                Ok(message) => Ok(Found::Here(message)),
                // It still stands there, or perhaps it does.
                Err(NotSurfaced::Ambiguous(cause)) => Ok(Found::Unknown(cause)),
                Err(reason) => Err(reason),
            },
            // What cannot be looked for is left where it may be, and has no content.
            Found::Absent | Found::Cannot => Err(gone),
            other @ (Found::Unknown(_) | Found::Refused(_)) => Ok(other),
        }
    }

    async fn search(
        &self,
        envelope: &Envelope,
        channel: &str,
        thread: Option<&str>,
        since: Timestamp,
    ) -> Result<Found, NotSurfaced> {
        let me = self.identity().await?;
        let method = if thread.is_some() { Method::Replies } else { Method::History };
        let first = Call::new(method, Lane::Normal)
            .with("channel", channel)
            .with_some("ts", thread)
            .with("oldest", Ts::of(since.minus(SKEW)).to_string())
            .with("inclusive", true)
            // Without it, Slack gives the kind of the metadata and keeps its content to itself.
            .with("include_all_metadata", true)
            .with("limit", PAGE);
        let mut call = first.clone();
        for _ in 0..PAGES {
            let answer = self.rest.call(call).await;
            if lacks_a_right(&answer) {
                // That does not pass by itself, so nothing is waited for: what may exist is left, and has no content.
                warn!(account = %self.options.account, channel = %envelope.address,
                    "slack: a message cannot be looked up without the scopes channels:history, groups:history, \
                     im:history and mpim:history; add them to the app and install it again");
                return Ok(Found::Cannot);
            }
            let body = settle(answer, Called::LIGHT)?;
            let Some(messages) = body.get("messages").and_then(Value::as_array) else {
                return Err(NotSurfaced::Retry(Cause::new("unreadable_answer", "Slack names no messages")));
            };
            if let Some(ts) = messages.iter().find_map(|message| {
                let is_it = me.wrote(message) && blocks::made_for(message, &envelope.key);
                message.get("ts").and_then(Value::as_str).filter(|_| is_it)
            }) {
                return Ok(Found::Here(MessageRef { address: envelope.address.clone(), message: ts.to_owned() }));
            }
            match next_cursor(&body) {
                Some(cursor) => call = first.clone().with("cursor", cursor),
                None if body.get("has_more").and_then(Value::as_bool) == Some(true) => break,
                None => return Ok(Found::Absent),
            }
        }
        Ok(Found::Unknown(Cause::new("history_too_long", format!("more than {PAGES} pages of messages since"))))
    }
}

/// Where the next page of a list begins; none after the last one.
pub(crate) fn next_cursor(body: &Value) -> Option<String> {
    let cursor = body.pointer("/response_metadata/next_cursor").and_then(Value::as_str);
    cursor.filter(|cursor| !cursor.is_empty()).map(str::to_owned)
}
