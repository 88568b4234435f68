//! Signs beside the conversation: that the bot is thinking, and reactions.
//!
//! Slack shows the former under a thread of an assistant alone (`assistant.threads.setStatus`). It ends it with the
//! next message of the bot there, or after two minutes. wilco promises ten seconds, so it ends it itself, and also with
//! an edit.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tracing::{debug, warn};
use wilco_core::{Address, Cause, MessageRef, NotSurfaced};

use crate::outcome::{Called, lacks_a_right, settle};
use crate::rest::{Call, Lane, Method};
use crate::slack::{Slack, locked};

/// How long the sign stands at most.
const THINKING: Duration = Duration::from_secs(10);
/// What stands behind the app's name.
const WORDS: &str = "is thinking…";

/// The threads with the sign, each with a number that tells one sign from the next.
#[derive(Default)]
pub(crate) struct Thinking {
    last: u64,
    shown: HashMap<(String, String), u64>,
}

impl Thinking {
    fn begin(&mut self, channel: &str, thread: &str) -> u64 {
        self.last += 1;
        self.shown.insert((channel.to_owned(), thread.to_owned()), self.last);
        self.last
    }

    /// Ends the sign of a thread, where it is this one or any will do; answers whether there was one.
    fn end(&mut self, channel: &str, thread: &str, number: Option<u64>) -> bool {
        let key = (channel.to_owned(), thread.to_owned());
        let is_it = self.shown.get(&key).is_some_and(|shown| number.is_none_or(|number| *shown == number));
        is_it && self.shown.remove(&key).is_some()
    }
}

impl Slack {
    /// Shows that the bot is thinking, where the app can. Slack shows it to nobody elsewhere, and nothing is lost.
    pub(crate) async fn think(&self, address: &Address) -> Result<(), NotSurfaced> {
        let (channel, thread) = self.place(address)?;
        let Some(thread) = thread.filter(|_| self.signs()) else { return Ok(()) };
        let number = locked(&self.mouth.thinking).begin(channel, thread);
        // Beforehand: whoever asked for the sign may stop waiting for the answer, and Slack show it all the same.
        self.end_later(channel, thread, number);
        self.set_status(channel, thread, WORDS).await
    }

    /// Takes the sign away where it stands. `gone` says that Slack has done so itself.
    pub(crate) async fn stop_thinking(&self, address: &Address, gone: bool) {
        let Ok((channel, Some(thread))) = self.place(address) else { return };
        if !locked(&self.mouth.thinking).end(channel, thread, None) || gone {
            return;
        }
        if let Err(reason) = self.set_status(channel, thread, "").await {
            debug!(account = %self.options.account, outcome = reason.name(), "slack: a sign was not taken away");
        }
    }

    fn signs(&self) -> bool {
        self.options.assistant && !self.mouth.no_status.load(Ordering::Relaxed)
    }

    fn end_later(&self, channel: &str, thread: &str, number: u64) {
        let Some(slack) = self.shared() else { return };
        let over = self.clock.sleep_until(self.clock.monotonic() + THINKING);
        let (channel, thread) = (channel.to_owned(), thread.to_owned());
        let weak = std::sync::Arc::downgrade(&slack);
        tokio::spawn(async move {
            over.await;
            let Some(slack) = weak.upgrade() else { return };
            if locked(&slack.mouth.thinking).end(&channel, &thread, Some(number))
                && let Err(reason) = slack.set_status(&channel, &thread, "").await
            {
                debug!(account = %slack.options.account, outcome = reason.name(), "slack: a sign was not taken away");
            }
        });
    }

    async fn set_status(&self, channel: &str, thread: &str, words: &str) -> Result<(), NotSurfaced> {
        let call = Call::new(Method::SetStatus, Lane::Progress)
            .with("channel_id", channel)
            .with("thread_ts", thread)
            .with("status", words);
        let answer = self.rest.call(call).await;
        if lacks_a_right(&answer) {
            if !self.mouth.no_status.swap(true, Ordering::Relaxed) {
                warn!(account = %self.options.account,
                    "slack: this app may not show what it is doing; without `assistant = true` it is not tried again");
            }
            return Ok(());
        }
        settle(answer, Called { lane: Lane::Progress, ..Called::LIGHT }).map(drop)
    }

    /// Puts a reaction under a message.
    pub(crate) async fn react(&self, shown: &MessageRef, emoji: &str) -> Result<MessageRef, NotSurfaced> {
        let (channel, _) = self.place(&shown.address)?;
        let unknown = || NotSurfaced::Bug(Cause::new("unknown_emoji", "Slack has no name for this reaction"));
        let call = Call::new(Method::React, Lane::Normal)
            .with("channel", channel)
            .with("timestamp", shown.message.as_str())
            .with("name", emoji_name(emoji).ok_or_else(unknown)?);
        let answer = self.rest.call(call).await;
        if answer.code() != Some("already_reacted") {
            settle(answer, Called::LIGHT)?;
        }
        Ok(shown.clone())
    }
}

/// Slack's name of an emoji. It takes names alone, and people write the sign.
fn emoji_name(emoji: &str) -> Option<&str> {
    let name = emoji.trim().trim_matches(':');
    Some(match name.trim_end_matches('\u{fe0f}') {
        "👀" => "eyes",
        "✅" => "white_check_mark",
        "❌" => "x",
        "⚠" => "warning",
        "⏳" => "hourglass_flowing_sand",
        "👍" => "+1",
        "👎" => "-1",
        "🎉" => "tada",
        "🛑" => "octagonal_sign",
        "❓" => "question",
        "❤" => "heart",
        _ if !name.is_empty() && name.bytes().all(is_of_a_name) => name,
        _ => return None,
    })
}

fn is_of_a_name(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-' | b'+')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sign_does_not_end_the_next() {
        let mut thinking = Thinking::default();
        let first = thinking.begin("C1", "1.2");
        let second = thinking.begin("C1", "1.2");
        assert!(!thinking.end("C1", "1.2", Some(first)));
        assert!(thinking.end("C1", "1.2", Some(second)));
        assert!(!thinking.end("C1", "1.2", None));
        thinking.begin("C1", "1.2");
        assert!(!thinking.end("C2", "1.2", None) && thinking.end("C1", "1.2", None));
    }

    #[test]
    fn a_sign_has_a_name() {
        for (sign, name) in [("👍", "+1"), ("⚠️", "warning"), (":eyes:", "eyes"), ("party_blob", "party_blob")] {
            assert_eq!(emoji_name(sign), Some(name), "{sign}");
        }
        for odd in ["", "::", "🦑", "Not A Name", "a/b"] {
            assert_eq!(emoji_name(odd), None, "{odd}");
        }
    }
}
