//! Looking a message up in the channel where it may stand.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use serenity::http::Route;
use serenity::model::id::ChannelId;
use tracing::warn;
use wilco_core::{Body, Cause, Envelope, Found, MessageRef, NotSurfaced, Timestamp};

use crate::components;
use crate::discord::Discord;
use crate::message;
use crate::outcome::{Called, settle};
use crate::rest::Call;
use crate::snowflake::Snowflake;

/// Messages of a page, the most that Discord gives ("Get Channel Messages", `limit`).
const PAGE: usize = 100;
/// Pages of one look-up. In a channel where more was said since, the answer is that nobody knows.
const PAGES: usize = 10;
/// By so much this machine's clock may be ahead of Discord's.
const SKEW: Duration = Duration::from_secs(300);

/// A message of the history, as far as it is looked at.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Seen {
    id: Snowflake,
    author: Author,
    content: String,
    components: Vec<Value>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Author {
    id: Snowflake,
}

impl Discord {
    /// The bot's own id, asked for once.
    pub(crate) async fn own_id(&self) -> Result<Snowflake, NotSurfaced> {
        let ask = async {
            let body = settle(self.rest.call(Call::get(Route::UserMe, Vec::new())).await, Called::LIGHT)?;
            serde_json::from_slice::<Author>(&body).map(|me| me.id).map_err(unreadable)
        };
        self.mouth.own_id.get_or_try_init(|| ask).await.copied()
    }

    /// The message that an earlier create of this envelope may have left, oldest first from shortly before `since`.
    pub(crate) async fn look_up(&self, envelope: &Envelope, since: Timestamp) -> Result<Found, NotSurfaced> {
        let channel = self.channel(&envelope.address)?;
        let me = self.own_id().await?;
        let mut after = Snowflake::before(since.minus(SKEW));
        for page in 0..PAGES {
            let seen = self.page(channel, after).await?;
            if let Some(seen) = seen.iter().find(|seen| seen.author.id == me && is_it(seen, envelope)) {
                let message = seen.id.to_string();
                return Ok(Found::Here(MessageRef { address: envelope.address.clone(), message }));
            }
            if seen.is_empty() && page == 0 {
                // Discord answers an empty history to whoever may not read it. That does not pass by itself, so
                // nothing is waited for: what may exist is left, and has no content.
                if !self.reads_history(channel).await? {
                    warn!(account = %self.options.account, channel = %envelope.address,
                        "discord: a message cannot be looked up without the permission Read Message History");
                    return Ok(Found::Cannot);
                }
            }
            match seen.iter().map(|seen| seen.id).max() {
                Some(last) if seen.len() >= PAGE => after = last,
                Some(_) | None => return Ok(Found::Absent),
            }
        }
        let cause = Cause::new("history_too_long", format!("more than {} messages since", PAGE * PAGES));
        Ok(Found::Unknown(cause))
    }

    async fn page(&self, channel: ChannelId, after: Snowflake) -> Result<Vec<Seen>, NotSurfaced> {
        let params = vec![("after", after.to_string()), ("limit", PAGE.to_string())];
        let call = Call::get(Route::ChannelMessages { channel_id: channel }, params);
        let body = settle(self.rest.call(call).await, Called::LIGHT)?;
        serde_json::from_slice(&body).map_err(unreadable)
    }
}

fn unreadable(error: serde_json::Error) -> NotSurfaced {
    NotSurfaced::Retry(Cause::new("unreadable_answer", error.to_string()))
}

/// Whether a message of ours is the one of this envelope: by the mark in its buttons, or, where it has none, by its
/// text, which names the job and the part.
fn is_it(seen: &Seen, envelope: &Envelope) -> bool {
    if components::made_for(&seen.components, &envelope.key) {
        return true;
    }
    envelope.body.buttons.is_empty() && seen.components.is_empty() && says(seen, &envelope.body)
}

fn says(seen: &Seen, body: &Body) -> bool {
    message::content(body).is_ok_and(|content| content.text.trim() == seen.content.trim())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wilco_core::{Address, Button, DeliveryKey, Press};

    use super::*;

    fn envelope(key: &str, buttons: Vec<Button>) -> Envelope {
        let body = Body::text("part 2 of 3 · k7f2").with_buttons(buttons);
        Envelope::plain(Address::channel("discord", "12"), DeliveryKey::new(key), body)
    }

    fn seen(value: Value) -> Seen {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_message_is_known_by_the_mark_in_its_buttons() {
        let cancel = vec![Button::new("Cancel", Press::Cancel { id: "k7f2".into() })];
        let rows = serde_json::to_value(components::rows(&cancel, &DeliveryKey::new("k1"))).unwrap();
        // Its text may be another one by now.
        let shown = seen(json!({"id": "9", "author": {"id": "1"}, "content": "Working", "components": rows}));
        assert!(is_it(&shown, &envelope("k1", cancel.clone())));
        assert!(!is_it(&shown, &envelope("k2", cancel)));
        assert!(!is_it(&shown, &envelope("k2", Vec::new())));
    }

    #[test]
    fn a_message_without_buttons_is_known_by_its_text() {
        let shown = seen(json!({"id": "9", "author": {"id": "1"}, "content": "part 2 of 3 · k7f2"}));
        assert!(is_it(&shown, &envelope("k1", Vec::new())));
        assert!(!is_it(&shown, &envelope("k1", vec![Button::new("Cancel", Press::StopHere)])));
        let other = seen(json!({"id": "9", "author": {"id": "1"}, "content": "part 3 of 3 · k7f2"}));
        assert!(!is_it(&other, &envelope("k1", Vec::new())));
    }
}
