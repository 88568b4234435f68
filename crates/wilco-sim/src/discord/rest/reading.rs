//! Reading what was written.

use serde_json::Value;

use super::{Call, Outcome, Reply};
use crate::discord::error;
use crate::discord::gateway::{hide_words, intents, may_read};
use crate::discord::ids::Id;
use crate::discord::objects;
use crate::discord::permissions;
use crate::discord::state::State;
use crate::discord::world::Message;

impl State {
    /// A message as the bot may read it: words of others need the intent for message content here, too.
    fn readable(&self, message: &Message) -> Value {
        let mut result = objects::message(&self.world, &self.base, message);
        if self.settings.privileged & intents::MESSAGE_CONTENT == 0 && !may_read(&self.world, message) {
            hide_words(&mut result);
        }
        result
    }

    pub(super) fn get_message(&self, call: &Call) -> Outcome {
        let message = self.standing_message(call.id(0), call.id(1))?;
        self.channel_for(call.id(0), permissions::READ_MESSAGE_HISTORY)?;
        Ok(Reply { body: Some(self.readable(message)), message: Some(message.id) })
    }

    /// Newest first, as Discord lists them.
    pub(super) fn get_messages(&self, call: &Call) -> Outcome {
        let channel = self.channel_for(call.id(0), 0)?;
        let has = permissions::in_channel(&self.world, channel, self.world.bot);
        if has & permissions::READ_MESSAGE_HISTORY == 0 {
            return Ok(Reply::json(Value::Array(Vec::new())));
        }
        let id = |name: &str| call.query(name).and_then(|id| id.parse::<Id>().ok());
        if [id("around"), id("before"), id("after")].iter().flatten().count() > 1 {
            return Err(error::INVALID_FORM.into());
        }
        let limit: usize = call.query("limit").and_then(|limit| limit.parse().ok()).unwrap_or(50);
        let all: Vec<&Message> = self.world.standing(channel.id).collect();
        let mut chosen: Vec<&Message> = if let Some(after) = id("after") {
            all.into_iter().filter(|one| one.id > after).take(limit).collect()
        } else if let Some(around) = id("around") {
            let middle = all.partition_point(|one| one.id < around);
            let first = middle.saturating_sub(limit / 2);
            all.into_iter().skip(first).take(limit).collect()
        } else {
            let before = id("before").unwrap_or(Id::MAX);
            let older: Vec<&Message> = all.into_iter().filter(|one| one.id < before).collect();
            let first = older.len().saturating_sub(limit);
            older.into_iter().skip(first).collect()
        };
        chosen.reverse();
        Ok(Reply::json(chosen.into_iter().map(|one| self.readable(one)).collect()))
    }
}
