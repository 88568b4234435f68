//! What comes to a `response_url`: at most five times, within thirty minutes.

use std::time::Duration;

use serde_json::Value;

use super::messages::Content;
use super::{Call, Done, Draft, Reply};
use crate::slack::blocks;
use crate::slack::error::Refusal;
use crate::slack::ids::Ts;
use crate::slack::shape::Wrong;
use crate::slack::state::{Moment, State};

/// How long an address lives.
const LIVES: Duration = Duration::from_mins(30);
/// How often it can be used.
const USES: u32 = 5;

impl State {
    pub(super) fn respond(&mut self, call: &Call, now: Moment) -> Done {
        let known = self.interactions.values().find(|one| one.path == call.path);
        let asked = known.ok_or("expired_url")?.clone();
        if now.monotonic.saturating_sub(asked.at) > LIVES {
            return Err("expired_url".into());
        }
        if asked.uses >= USES {
            return Err("used_url".into());
        }
        let bot = self.world.teams.get(&asked.team).map(|team| team.bot_user.clone()).unwrap_or_default();
        let deletes = call.flag("delete_original") == Some(true);
        let replaces = call.flag("replace_original") == Some(true);
        let wrong = call.list("blocks").map(|all| blocks::judge(all)).unwrap_or_default();
        if wrong.iter().any(|one| one.refused) {
            let messages = wrong.iter().map(Wrong::line).collect();
            return Err(Refusal { messages, ..Refusal::new("invalid_blocks") });
        }
        let content = self.content(call)?;
        if let Some(one) = self.interactions.get_mut(&asked.id) {
            one.uses += 1;
        }
        if let Some(source) = asked.source.filter(|_| deletes || replaces) {
            if deletes {
                self.remove(source, now);
            } else {
                self.replace(source, content, now)?;
            }
            return Ok(Reply { body: Value::from("ok"), message: Some(source), channel: Some(asked.channel) });
        }
        let (text, blocks) = (content.text.unwrap_or_default(), content.blocks.unwrap_or_default());
        if text.is_empty() && blocks.is_empty() {
            return Err("no_text".into());
        }
        let only_for = (call.text("response_type") != "in_channel").then(|| asked.person.clone());
        // Without `thread_ts` it stands in the channel, also when the button stood in a thread (bolt-js #963, #2170).
        let thread = call.ts("thread_ts");
        let draft = Draft { thread, only_for, blocks, ..Draft::new(&asked.channel, &bot, &text) };
        let ts = self.put(draft, now);
        Ok(Reply { body: Value::from("ok"), message: Some(ts), channel: Some(asked.channel) })
    }

    /// Puts other content in the place of a message, which may be one that a single person sees.
    fn replace(&mut self, source: Ts, content: Content, now: Moment) -> Result<(), Refusal> {
        let message = self.world.messages.get_mut(&source).filter(|message| message.stands());
        let message = message.ok_or("message_not_found")?;
        let before = message.shown().clone();
        let mut next = before.clone();
        next.at = now.wall;
        next.blocks = content.blocks.unwrap_or_default();
        next.text = content.text.unwrap_or_default();
        if next.text.is_empty() && next.blocks.is_empty() {
            return Err("no_text".into());
        }
        next.marked = next.marked || next.blocks.is_empty();
        next.kind = (self.settings.kind_of)(&next.words());
        message.versions.push(next);
        if message.only_for.is_none() {
            self.tell_changed(source, &before, now);
        }
        Ok(())
    }
}
