//! Messages: post, change, delete, whisper.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Call, Done, Reply, objects};
use crate::slack::blocks;
use crate::slack::error::Refusal;
use crate::slack::ids::{Id, Ts};
use crate::slack::markup;
use crate::slack::state::{Moment, State};
use crate::slack::world::{Channel, Message, Team, Version, World};

/// The longest `markdown_text`, in characters.
const LONGEST_MARKDOWN: usize = 12_000;
/// How long a status stands where neither a message nor another status follows.
const STATUS: Duration = Duration::from_mins(2);

/// What a call would show.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    pub(super) text: Option<String>,
    pub(super) blocks: Option<Vec<Value>>,
}

/// A message before it has a name.
#[derive(Clone, Debug)]
pub(in crate::slack) struct Draft {
    pub(in crate::slack) channel: Id,
    pub(in crate::slack) author: Id,
    pub(in crate::slack) integration: Option<String>,
    pub(in crate::slack) thread: Option<Ts>,
    pub(in crate::slack) broadcast: bool,
    pub(in crate::slack) only_for: Option<Id>,
    pub(in crate::slack) text: String,
    pub(in crate::slack) blocks: Vec<Value>,
    pub(in crate::slack) files: Vec<Id>,
    pub(in crate::slack) metadata: Option<Value>,
    pub(in crate::slack) client_msg_id: Option<String>,
    /// Whether bare `@name` counts as naming somebody.
    pub(in crate::slack) links_names: bool,
    pub(in crate::slack) unfurls: bool,
}

impl Draft {
    /// An ordinary message with a text.
    pub(in crate::slack) fn new(channel: &str, author: &str, text: &str) -> Self {
        Self {
            channel: channel.to_owned(),
            author: author.to_owned(),
            integration: None,
            thread: None,
            broadcast: false,
            only_for: None,
            text: text.to_owned(),
            blocks: Vec::new(),
            files: Vec::new(),
            metadata: None,
            client_msg_id: None,
            links_names: false,
            unfurls: false,
        }
    }
}

impl State {
    /// Reads and measures what a call would show.
    pub(super) fn content(&mut self, call: &Call) -> Result<Content, Refusal> {
        let markdown = call.args.get("markdown_text").and_then(Value::as_str);
        let text = call.args.get("text").and_then(Value::as_str);
        let blocks = call.list("blocks").cloned();
        if let Some(markdown) = markdown {
            if text.is_some_and(|text| !text.is_empty()) || blocks.as_ref().is_some_and(|all| !all.is_empty()) {
                return Err("markdown_text_conflict".into());
            }
            if markdown.chars().count() > LONGEST_MARKDOWN {
                return Err("msg_too_long".into());
            }
            return Ok(Content { text: Some(markdown.to_owned()), blocks: Some(Vec::new()) });
        }
        if text.is_some_and(|text| text.chars().count() > self.settings.longest_text) {
            return Err("msg_too_long".into());
        }
        if blocks.as_ref().is_some_and(|all| blocks::length(all) > blocks::LONGEST_WHOLE) {
            return Err("msg_blocks_too_long".into());
        }
        let blocks = blocks.map(|mut all| {
            blocks::complete(&mut all, || self.world.ids.word());
            markup::keep_blocks(&mut all);
            all
        });
        let links = call.text("parse") != "none" && call.flag("mrkdwn") != Some(false);
        Ok(Content { text: text.map(|text| markup::kept(text, links)), blocks })
    }

    /// Puts a message where people see it, and tells whoever listens.
    pub(in crate::slack) fn put(&mut self, draft: Draft, now: Moment) -> Ts {
        let ts = self.world.ids.ts(now.wall);
        let mut version = Version {
            at: now.wall,
            text: draft.text,
            blocks: draft.blocks,
            files: draft.files,
            metadata: draft.metadata,
            kind: None,
            marked: false,
        };
        version.kind = (self.settings.kind_of)(&version.words()).or_else(|| (self.settings.kind_of)(&version.text));
        let (notified, everyone) = mentions(&self.world, &version.words(), draft.links_names);
        let message = Message {
            ts,
            channel: draft.channel.clone(),
            thread: draft.thread,
            broadcast: draft.broadcast,
            author: draft.author.clone(),
            integration: draft.integration,
            client_msg_id: draft.client_msg_id,
            deleted: None,
            reactions: Vec::new(),
            only_for: draft.only_for,
            notified,
            everyone,
            unfurls: draft.unfurls,
            versions: vec![version],
        };
        if message.only_for.is_none()
            && self.world.team_of_bot(&draft.author).is_some()
            && let Some(root) = draft.thread
        {
            // What the bot says takes "is thinking…" away.
            self.world.statuses.remove(&(draft.channel.clone(), root));
        }
        let private = message.only_for.is_some();
        self.world.messages.insert(ts, message);
        if !private {
            self.tell_message(ts, now);
        }
        ts
    }

    /// The thread that a call names. Slack does not refuse an answer to a message that was deleted: it stands in the channel
    /// then, and names no thread (slack-go/slack, issue 1571).
    fn thread(&mut self, call: &Call, channel: &Channel, at: &str) -> Result<Option<Ts>, Refusal> {
        let Some(named) = call.ts("thread_ts") else { return Ok(None) };
        let root = self.world.messages.get(&named).filter(|message| message.channel == channel.id);
        let root = root.ok_or("cannot_reply_to_message")?;
        // A deleted message leaves its thread only while an answer stands there.
        let gone = !root.stands() && self.world.replies(&channel.id, named).next().is_none();
        if root.only_for.is_some() {
            return Err("cannot_reply_to_message".into());
        }
        if gone {
            return Ok(None);
        }
        let (found, reply) = (root.thread.unwrap_or(named), root.is_reply());
        if reply {
            self.deviates(at, true, "thread_ts names an answer, not the message above the thread".to_owned());
        }
        Ok(Some(found))
    }

    pub(super) fn post(&mut self, call: &Call, now: Moment) -> Done {
        let (team, channel) = self.writable(call, now)?;
        let content = self.content(call)?;
        let (text, blocks) = (content.text.unwrap_or_default(), content.blocks.unwrap_or_default());
        let attached = call.list("attachments").is_some_and(|all| !all.is_empty());
        if text.is_empty() && blocks.is_empty() && !attached {
            return Err("no_text".into());
        }
        let thread = self.thread(call, &channel, "chat.postMessage")?;
        let draft = Draft {
            thread,
            broadcast: thread.is_some() && call.flag("reply_broadcast") == Some(true),
            blocks,
            metadata: call.args.get("metadata").filter(|value| value["event_type"].is_string()).cloned(),
            links_names: call.flag("link_names") == Some(true) || call.text("parse") == "full",
            // Media unfurl unless it is forbidden, and links only when it is allowed.
            unfurls: call.flag("unfurl_links") == Some(true) || call.flag("unfurl_media") != Some(false),
            ..Draft::new(&channel.id, &team.bot_user, &text)
        };
        let ts = self.put(draft, now);
        let message = self.message_object(ts);
        let body = json!({"ok": true, "channel": channel.id, "ts": ts, "message": message});
        Ok(Reply { body, message: Some(ts), channel: Some(channel.id) })
    }

    /// A message as it travels in answers, metadata and all.
    pub(super) fn message_object(&self, ts: Ts) -> Value {
        let message = self.world.messages.get(&ts);
        message.map_or(Value::Null, |message| objects::message(&self.world, &self.base, message, true))
    }

    /// The bot's own standing message that a call names.
    fn own(&self, team: &Team, channel: &Channel, ts: Option<Ts>, otherwise: &str) -> Result<Message, Refusal> {
        let found = ts.and_then(|ts| self.world.messages.get(&ts));
        let found = found.filter(|one| one.channel == channel.id && one.stands() && one.only_for.is_none());
        let found = found.ok_or("message_not_found")?;
        if found.author == team.bot_user { Ok(found.clone()) } else { Err(otherwise.into()) }
    }

    pub(super) fn update(&mut self, call: &Call, now: Moment) -> Done {
        let (team, channel) = self.visible(call, "channel")?;
        if channel.archived {
            return Err("is_archived".into());
        }
        let message = self.own(&team, &channel, call.ts("ts"), "cant_update_message")?;
        let content = self.content(call)?;
        let files = call.list("file_ids").map(|all| all.iter().filter_map(|id| id.as_str().map(str::to_owned)));
        let files: Option<Vec<Id>> = files.map(Iterator::collect);
        if content.text.is_none()
            && content.blocks.is_none()
            && files.is_none()
            && !call.args.contains_key("attachments")
        {
            return Err("no_text".into());
        }
        if let Some(files) = &files {
            let known = |id: &Id| self.world.files.get(id).is_some_and(|file| file.complete && file.team == team.id);
            if !files.iter().all(known) {
                return Err("file_not_found".into());
            }
        }
        let mut next = message.shown().clone();
        next.at = now.wall;
        // With a text and no blocks the blocks go; without either they stay (Slack's reference, `chat.update`).
        next.marked = next.marked || content.blocks.is_none();
        next.blocks = match (&content.text, content.blocks) {
            (_, Some(blocks)) => blocks,
            (Some(_), None) => Vec::new(),
            (None, None) => next.blocks,
        };
        next.text = content.text.unwrap_or(next.text);
        next.files = files.unwrap_or(next.files);
        match call.args.get("metadata") {
            Some(metadata) if metadata["event_type"].is_string() => next.metadata = Some(metadata.clone()),
            Some(_) => next.metadata = None,
            None => {}
        }
        if next.text.is_empty() && next.blocks.is_empty() && next.files.is_empty() {
            return Err("no_text".into());
        }
        next.kind = (self.settings.kind_of)(&next.words()).or_else(|| (self.settings.kind_of)(&next.text));
        let text = next.text.clone();
        if let Some(kept) = self.world.messages.get_mut(&message.ts) {
            kept.versions.push(next);
        }
        self.tell_changed(message.ts, message.shown(), now);
        let body = json!({
            "ok": true, "channel": channel.id, "ts": message.ts, "text": text,
            "message": self.message_object(message.ts),
        });
        Ok(Reply { body, message: Some(message.ts), channel: Some(channel.id) })
    }

    pub(super) fn remove_own(&mut self, call: &Call, now: Moment) -> Done {
        let (team, channel) = self.visible(call, "channel")?;
        let message = self.own(&team, &channel, call.ts("ts"), "cant_delete_message")?;
        self.remove(message.ts, now);
        let body = json!({"ok": true, "channel": channel.id, "ts": message.ts});
        Ok(Reply { body, message: Some(message.ts), channel: Some(channel.id) })
    }

    /// Takes a message away.
    pub(in crate::slack) fn remove(&mut self, ts: Ts, now: Moment) {
        let Some(message) = self.world.messages.get_mut(&ts).filter(|message| message.stands()) else { return };
        message.deleted = Some(now.wall);
        // No app hears of what one person alone sees.
        if message.only_for.is_none() {
            self.tell_deleted(ts, now);
        }
    }

    pub(super) fn whisper(&mut self, call: &Call, now: Moment) -> Done {
        let (team, channel) = self.writable(call, now)?;
        let user = call.text("user").to_owned();
        if !channel.members.contains(&user) {
            return Err("user_not_in_channel".into());
        }
        let content = self.content(call)?;
        let (text, blocks) = (content.text.unwrap_or_default(), content.blocks.unwrap_or_default());
        if text.is_empty() && blocks.is_empty() {
            return Err("no_text".into());
        }
        let thread = self.thread(call, &channel, "chat.postEphemeral")?;
        let draft = Draft { thread, blocks, only_for: Some(user), ..Draft::new(&channel.id, &team.bot_user, &text) };
        let ts = self.put(draft, now);
        let body = json!({"ok": true, "message_ts": ts});
        Ok(Reply { body, message: Some(ts), channel: Some(channel.id) })
    }

    pub(super) fn permalink(&mut self, call: &Call) -> Done {
        let (team, channel) = self.visible(call, "channel")?;
        let ts = call.ts("message_ts").filter(|ts| {
            self.world.messages.get(ts).is_some_and(|one| one.channel == channel.id && one.only_for.is_none())
        });
        let ts = ts.ok_or("message_not_found")?;
        let name = ts.to_string().replace('.', "");
        let link = format!("https://{}.slack.com/archives/{}/p{name}", team.domain, channel.id);
        let body = json!({"ok": true, "channel": channel.id, "permalink": link});
        Ok(Reply { body, message: Some(ts), channel: Some(channel.id) })
    }

    pub(super) fn reaction(&mut self, call: &Call, add: bool) -> Done {
        let (team, channel) = self.visible(call, "channel")?;
        let ts = call.ts("timestamp").ok_or("bad_timestamp")?;
        let name = call.text("name").trim_matches(':').to_owned();
        if !name.bytes().all(|one| one.is_ascii_alphanumeric() || b"_-+'".contains(&one)) || name.is_empty() {
            return Err("invalid_name".into());
        }
        let known = self.world.messages.get(&ts).is_some_and(|one| one.channel == channel.id && one.stands());
        if !known {
            return Err("message_not_found".into());
        }
        if !self.set_reaction(ts, &name, &team.bot_user, add) {
            return Err(if add { "already_reacted" } else { "no_reaction" }.into());
        }
        Ok(Reply { body: json!({"ok": true}), message: Some(ts), channel: Some(channel.id) })
    }

    /// Adds or takes a reaction; whether that changed anything.
    pub(in crate::slack) fn set_reaction(&mut self, ts: Ts, name: &str, user: &str, add: bool) -> bool {
        let Some(message) = self.world.messages.get_mut(&ts) else { return false };
        let at = message.reactions.iter().position(|(one, _)| one == name);
        match (at, add) {
            (Some(at), true) => message.reactions[at].1.insert(user.to_owned()),
            (None, true) => {
                message.reactions.push((name.to_owned(), BTreeSet::from([user.to_owned()])));
                true
            }
            (Some(at), false) => {
                let gone = message.reactions[at].1.remove(user);
                message.reactions.retain(|(_, users)| !users.is_empty());
                gone
            }
            (None, false) => false,
        }
    }

    pub(super) fn set_status(&mut self, call: &Call, now: Moment) -> Done {
        let (_, channel) = self.visible(call, "channel_id")?;
        let root = call.ts("thread_ts").ok_or("thread_not_found")?;
        if self.world.messages.get(&root).is_none_or(|one| one.channel != channel.id) {
            return Err("thread_not_found".into());
        }
        let key = (channel.id.clone(), root);
        self.status_ends.insert(key.clone(), now.monotonic + STATUS);
        match call.text("status") {
            "" => self.world.statuses.remove(&key),
            status => self.world.statuses.insert(key, status.to_owned()),
        };
        Ok(Reply { body: json!({"ok": true}), message: Some(root), channel: Some(channel.id) })
    }
}

/// Whom a text names, and whether it names everybody. Bare `@name` counts only where names are linked.
pub(in crate::slack) fn mentions(world: &World, text: &str, links_names: bool) -> (Vec<Id>, bool) {
    let mut named: Vec<Id> = Vec::new();
    let mut everyone = false;
    for piece in text.split('<').skip(1) {
        let inside = piece.split('>').next().unwrap_or_default();
        let id = inside.strip_prefix('@').map(|rest| rest.split('|').next().unwrap_or_default().to_owned());
        if let Some(id) = id.filter(|id| world.users.contains_key(id) && !named.contains(id)) {
            named.push(id);
        }
        everyone |= ["!here", "!channel", "!everyone"].iter().any(|word| inside.starts_with(word));
        if let Some(group) = inside.strip_prefix("!subteam^").map(|rest| rest.split('|').next().unwrap_or_default()) {
            named.extend(world.groups.get(group).into_iter().flat_map(|group| group.users.iter().cloned()));
        }
    }
    if links_names {
        everyone |= ["@here", "@channel", "@everyone"].iter().any(|word| text.contains(word));
        let by_name = world.users.values().filter(|user| text.contains(&format!("@{}", user.name)));
        named.extend(by_name.map(|user| user.id.clone()));
    }
    (named, everyone)
}
