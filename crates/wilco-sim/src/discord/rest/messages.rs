//! Messages: writing, changing, removing, reacting.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Call, Outcome, Reply, Upload};
use crate::discord::error::{self, Refusal};
use crate::discord::gateway::{Audience, intents, may_read};
use crate::discord::ids::{self, Id};
use crate::discord::objects;
use crate::discord::permissions;
use crate::discord::rules;
use crate::discord::state::{Moment, State};
use crate::discord::world::{Attachment, Channel, Message, Version, World};

/// The largest file, in bytes, for a guild without boosts.
const FILE: usize = 10 << 20;
/// What a sender may set of a message's flags: no previews, no sound, the newer components.
const SENDER_FLAGS: u64 = 1 << 2 | 1 << 12 | 1 << 15;

/// A message that is about to appear.
pub(in crate::discord) struct Draft {
    pub(in crate::discord) channel: Id,
    pub(in crate::discord) author: Id,
    pub(in crate::discord) kind: u64,
    pub(in crate::discord) nonce: Option<Value>,
    pub(in crate::discord) reference: Option<Id>,
    pub(in crate::discord) only_for: Option<Id>,
    pub(in crate::discord) loading: bool,
    pub(in crate::discord) interaction: Option<Id>,
    pub(in crate::discord) version: Version,
}

impl State {
    pub(super) fn create_message(&mut self, call: &Call, now: Moment) -> Outcome {
        let id = call.id(0);
        let reference = self.may_write(id, call)?;
        let body = &call.body;
        rules::message(body, &call.files)?;
        let nonce = body.get("nonce").filter(|nonce| !nonce.is_null()).cloned();
        if let Some(nonce) = &nonce
            && body["enforce_nonce"] == true
            && let Some(earlier) = self.by_nonce(nonce, now)
        {
            let earlier = self.world.messages.get(&earlier).filter(|message| message.stands());
            // Seen with a copy that somebody had deleted: the create is refused instead of repeated.
            let earlier = earlier.ok_or(error::UNKNOWN_MESSAGE)?;
            let reply = self.show(earlier.id);
            return Ok(reply);
        }
        if self.world.channels[&id].slow_mode > 0 {
            self.keep_slow_mode(id, now)?;
        }
        let mut version = self.first_version(body, &call.files, now, id)?;
        let allowed = &body["allowed_mentions"];
        if allowed.is_null() || allowed["replied_user"] == true {
            version.mentions.extend(self.world.pinged_by_reply(reference, self.world.bot, &version.mentions));
        }
        self.bring_back(id, now);
        let kind = if reference.is_some() { 19 } else { 0 };
        let draft = Draft {
            channel: id,
            author: self.world.bot,
            kind,
            nonce: nonce.clone(),
            reference,
            only_for: None,
            loading: false,
            interaction: None,
            version,
        };
        let message = self.put(draft, now);
        if let Some(nonce) = nonce {
            self.nonces.push((nonce.to_string(), message, now.monotonic));
        }
        Ok(self.show(message))
    }

    fn by_nonce(&mut self, nonce: &Value, now: Moment) -> Option<Id> {
        let window = self.settings.nonce_window;
        self.nonces.retain(|(_, _, at)| now.monotonic.saturating_sub(*at) < window);
        let nonce = nonce.to_string();
        self.nonces.iter().find(|(one, _, _)| *one == nonce).map(|(_, message, _)| *message)
    }

    /// Whether the bot may write here what it wants to write; the message that it answers.
    fn may_write(&self, id: Id, call: &Call) -> Result<Option<Id>, Refusal> {
        let channel = self.channel_for(id, 0)?;
        let has = permissions::in_channel(&self.world, channel, self.world.bot);
        let needed = match channel.thread {
            Some(_) => permissions::SEND_MESSAGES_IN_THREADS,
            None => permissions::SEND_MESSAGES,
        };
        let files = if call.files.is_empty() { 0 } else { permissions::ATTACH_FILES };
        if has & (needed | files) != needed | files {
            return Err(error::MISSING_PERMISSIONS.into());
        }
        let locked = channel.thread.as_ref().is_some_and(|thread| thread.locked);
        if locked && has & permissions::MANAGE_THREADS == 0 {
            return Err(error::THREAD_LOCKED.into());
        }
        let refuses = |id: &Id| self.world.users.get(id).is_some_and(|user| !user.takes_direct_messages);
        if channel.guild.is_none() && channel.recipients.iter().any(refuses) {
            return Err(error::CANNOT_MESSAGE_USER.into());
        }
        self.answered(channel, &call.body["message_reference"], has)
    }

    fn answered(&self, channel: &Channel, reference: &Value, has: u64) -> Result<Option<Id>, Refusal> {
        let Some(wanted) = ids::read(&reference["message_id"]) else { return Ok(None) };
        if has & permissions::READ_MESSAGE_HISTORY == 0 {
            return Err(error::NO_HISTORY_TO_REPLY.into());
        }
        let found = self.world.messages.get(&wanted).filter(|one| one.channel == channel.id && one.stands());
        match found {
            Some(message) => Ok(Some(message.id)),
            None if reference["fail_if_not_exists"] == false => Ok(None),
            None => {
                let sentence = "Unknown message".to_owned();
                Err(Refusal::form(&[("message_reference".to_owned(), "REPLIES_UNKNOWN_MESSAGE", sentence)]))
            }
        }
    }

    fn keep_slow_mode(&mut self, id: Id, now: Moment) -> Result<(), Refusal> {
        let channel = &self.world.channels[&id];
        let has = permissions::in_channel(&self.world, channel, self.world.bot);
        if has & (permissions::MANAGE_MESSAGES | permissions::MANAGE_CHANNELS) != 0 {
            return Ok(());
        }
        let span = std::time::Duration::from_secs(channel.slow_mode);
        if let Some(last) = self.last_sent.get(&id)
            && now.monotonic < *last + span
        {
            let wait = *last + span - now.monotonic;
            let retry_after = u64::try_from(wait.as_millis()).ok();
            return Err(Refusal { retry_after, ..error::SLOW_MODE.refusal() });
        }
        self.last_sent.insert(id, now.monotonic);
        Ok(())
    }

    /// A message brings an archived thread back that is not locked.
    fn bring_back(&mut self, id: Id, now: Moment) {
        let Some(thread) = self.world.channels.get_mut(&id).and_then(|channel| channel.thread.as_mut()) else { return };
        thread.members.insert(self.world.bot);
        if std::mem::take(&mut thread.archived) {
            thread.changed = now.wall;
            self.tell_thread(id, "THREAD_UPDATE");
        }
    }

    /// Puts a message into its channel and tells the sessions. Returns its id.
    pub(in crate::discord) fn put(&mut self, draft: Draft, now: Moment) -> Id {
        let id = self.world.ids.next(now.wall);
        let message = Message {
            id,
            channel: draft.channel,
            author: draft.author,
            kind: draft.kind,
            nonce: draft.nonce,
            reference: draft.reference,
            deleted: None,
            reactions: Vec::new(),
            only_for: draft.only_for,
            loading: draft.loading,
            interaction: draft.interaction,
            versions: vec![draft.version],
        };
        if message.only_for.is_none()
            && let Some(channel) = self.world.channels.get_mut(&message.channel)
        {
            channel.last_message = Some(id);
        }
        self.world.messages.insert(id, message);
        self.typing.remove(&draft.channel);
        self.tell_message(id, "MESSAGE_CREATE");
        id
    }

    /// Tells the sessions of a message that everybody sees.
    pub(in crate::discord) fn tell_message(&mut self, id: Id, event: &str) {
        let Some(message) = self.world.messages.get(&id).filter(|message| message.only_for.is_none()) else { return };
        let direct = self.world.channels.get(&message.channel).is_none_or(|channel| channel.guild.is_none());
        let audience = Audience {
            intents: if direct { intents::DIRECT_MESSAGES } else { intents::GUILD_MESSAGES },
            channel: Some(message.channel),
            words: !may_read(&self.world, message),
        };
        let place = (message.channel, message.author);
        let data = self.with_place(objects::message(&self.world, &self.base, message), place.0, place.1);
        self.gateway.emit(&self.world, audience, event, &data);
    }

    /// A message as the answer of a call.
    pub(in crate::discord) fn show(&self, id: Id) -> Reply {
        let body = self.world.messages.get(&id).map(|one| objects::message(&self.world, &self.base, one));
        Reply { body, message: Some(id) }
    }

    /// What a new message shows.
    pub(in crate::discord) fn first_version(
        &mut self,
        body: &Value,
        files: &[Upload],
        now: Moment,
        channel: Id,
    ) -> Result<Version, Refusal> {
        let blank = Version {
            at: now.wall,
            content: String::new(),
            components: Vec::new(),
            embeds: Vec::new(),
            attachments: Vec::new(),
            flags: 0,
            kind: None,
            mentions: Vec::new(),
            everyone: false,
        };
        let version = self.next_version(&blank, body, files, now, channel)?;
        let nothing = version.content.trim().is_empty()
            && version.components.is_empty()
            && version.embeds.is_empty()
            && version.attachments.is_empty();
        if nothing { Err(error::EMPTY_MESSAGE.into()) } else { Ok(version) }
    }

    /// What a message shows after a change: what the body does not name stays.
    pub(in crate::discord) fn next_version(
        &mut self,
        before: &Version,
        body: &Value,
        files: &[Upload],
        now: Moment,
        channel: Id,
    ) -> Result<Version, Refusal> {
        if files.iter().any(|file| file.bytes.len() > FILE) {
            return Err(error::TOO_LARGE.into());
        }
        let mut next = Version { at: now.wall, ..before.clone() };
        if let Some(content) = body.get("content") {
            content.as_str().unwrap_or_default().clone_into(&mut next.content);
        }
        if let Some(rows) = body.get("components") {
            next.components = rows.as_array().cloned().unwrap_or_default();
        }
        if let Some(embeds) = body.get("embeds") {
            next.embeds = embeds.as_array().cloned().unwrap_or_default();
        }
        if let Some(flags) = body.get("flags").and_then(Value::as_u64) {
            next.flags = (next.flags & !SENDER_FLAGS) | (flags & SENDER_FLAGS);
        }
        next.attachments = self.next_files(&before.attachments, body, files, now)?;
        let place = self.world.channels.get(&channel);
        (next.mentions, next.everyone) = match place {
            Some(place) => mentions(&self.world, place, self.world.bot, &next.content, &body["allowed_mentions"]),
            None => (Vec::new(), false),
        };
        next.kind = (self.settings.kind_of)(&next.content);
        Ok(next)
    }

    /// The files after a change. Without a list the uploads are added to what is there; a list names
    /// everything that is there afterwards, earlier files by their id and uploads by their number.
    fn next_files(
        &mut self,
        before: &[Attachment],
        body: &Value,
        files: &[Upload],
        now: Moment,
    ) -> Result<Vec<Attachment>, Refusal> {
        let list = body.get("attachments").and_then(Value::as_array);
        let mut next: Vec<Attachment> = match list {
            None => before.to_vec(),
            Some(list) => {
                let named = |one: &Attachment| list.iter().any(|entry| ids::read(&entry["id"]) == Some(one.id));
                before.iter().filter(|one| named(one)).cloned().collect()
            }
        };
        for entry in list.into_iter().flatten() {
            let known = ids::read(&entry["id"]).is_some_and(|id| {
                before.iter().any(|one| one.id == id) || files.iter().any(|file| file.number == Some(id))
            });
            if !known {
                let sentence = format!("Attachment {} not found", entry["id"]);
                return Err(Refusal::form(&[("attachments".to_owned(), "ATTACHMENT_NOT_FOUND", sentence)]));
            }
        }
        for file in files {
            let entry = list.and_then(|list| list.iter().find(|entry| ids::read(&entry["id"]) == file.number));
            let word = |name: &str| entry.and_then(|entry| entry[name].as_str()).map(str::to_owned);
            next.push(Attachment {
                id: self.world.ids.next(now.wall),
                name: word("filename").unwrap_or_else(|| file.name.clone()),
                media: file.media.clone(),
                description: word("description"),
                bytes: file.bytes.clone(),
            });
        }
        if next.len() > 10 {
            let sentence = "Must be 10 or fewer in length.".to_owned();
            return Err(Refusal::form(&[("attachments".to_owned(), "BASE_TYPE_MAX_LENGTH", sentence)]));
        }
        Ok(next)
    }

    pub(super) fn edit_message(&mut self, call: &Call, now: Moment) -> Outcome {
        let (channel, id) = (call.id(0), call.id(1));
        let message = self.standing_message(channel, id)?;
        if message.author != self.world.bot {
            return Err(error::NOT_THE_AUTHOR.into());
        }
        if message.kind == 18 {
            return Err(error::SYSTEM_MESSAGE.into());
        }
        if self.world.channels[&channel].thread.as_ref().is_some_and(|thread| thread.archived) {
            return Err(error::THREAD_ARCHIVED.into());
        }
        rules::message(&call.body, &call.files)?;
        self.change(id, call, now)?;
        Ok(self.show(id))
    }

    /// Gives a message its next version.
    pub(in crate::discord) fn change(&mut self, id: Id, call: &Call, now: Moment) -> Result<(), Refusal> {
        self.change_to(id, &call.body, &call.files, now)
    }

    /// The same from a body and files.
    pub(in crate::discord) fn change_to(
        &mut self,
        id: Id,
        body: &Value,
        files: &[Upload],
        now: Moment,
    ) -> Result<(), Refusal> {
        let message = self.world.messages.get(&id).ok_or(error::UNKNOWN_MESSAGE)?;
        let (before, channel) = (message.shown().clone(), message.channel);
        let next = self.next_version(&before, body, files, now, channel)?;
        let nothing = next.content.trim().is_empty()
            && next.components.is_empty()
            && next.embeds.is_empty()
            && next.attachments.is_empty();
        if nothing {
            return Err(error::EMPTY_MESSAGE.into());
        }
        if let Some(message) = self.world.messages.get_mut(&id) {
            message.loading = false;
            message.versions.push(next);
        }
        self.tell_message(id, "MESSAGE_UPDATE");
        Ok(())
    }

    /// A message that stands in a channel which the bot sees.
    pub(in crate::discord) fn standing_message(&self, channel: Id, id: Id) -> Result<&Message, Refusal> {
        let channel = self.channel_for(channel, 0)?.id;
        let found = self.world.messages.get(&id).filter(|one| one.channel == channel && one.stands());
        Ok(found.filter(|one| one.only_for.is_none()).ok_or(error::UNKNOWN_MESSAGE)?)
    }

    pub(super) fn delete_message(&mut self, call: &Call, now: Moment) -> Outcome {
        let (channel, id) = (call.id(0), call.id(1));
        let own = self.standing_message(channel, id)?.author == self.world.bot;
        if !own {
            self.channel_for(channel, permissions::MANAGE_MESSAGES)?;
        }
        self.remove(id, now);
        Ok(Reply { message: Some(id), ..Reply::nothing() })
    }

    /// Removes a message and tells the sessions.
    pub(in crate::discord) fn remove(&mut self, id: Id, now: Moment) {
        let Some(message) = self.world.messages.get_mut(&id) else { return };
        message.deleted = Some(now.wall);
        let (channel, public) = (message.channel, message.only_for.is_none());
        if !public {
            return;
        }
        let mut data = json!({"id": id.to_string(), "channel_id": channel.to_string()});
        let guild = self.world.channels.get(&channel).and_then(|channel| channel.guild);
        if let Some(guild) = guild {
            data["guild_id"] = ids::text(guild);
        }
        let wanted = if guild.is_some() { intents::GUILD_MESSAGES } else { intents::DIRECT_MESSAGES };
        let audience = Audience { intents: wanted, channel: Some(channel), words: false };
        self.gateway.emit(&self.world, audience, "MESSAGE_DELETE", &data);
    }

    pub(super) fn react(&mut self, call: &Call) -> Outcome {
        let (channel, id) = (call.id(0), call.id(1));
        self.standing_message(channel, id)?;
        let emoji = call.name(2).to_owned();
        // An emoji of a guild is `name:id`; everything else has to be a symbol and not a word.
        if emoji.chars().all(|one| one.is_ascii_alphanumeric()) {
            return Err(error::UNKNOWN_EMOJI.into());
        }
        let add = call.op == crate::discord::routes::Op::React;
        if add {
            self.channel_for(channel, permissions::ADD_REACTIONS | permissions::READ_MESSAGE_HISTORY)?;
        }
        self.set_reaction(id, &emoji, self.world.bot, add);
        Ok(Reply { message: Some(id), ..Reply::nothing() })
    }

    /// Adds or takes a reaction and tells the sessions.
    pub(in crate::discord) fn set_reaction(&mut self, id: Id, emoji: &str, by: Id, add: bool) {
        let Some(message) = self.world.messages.get_mut(&id) else { return };
        let channel = message.channel;
        match message.reactions.iter_mut().find(|(one, _)| one == emoji) {
            Some((_, users)) if add => users.insert(by),
            Some((_, users)) => users.remove(&by),
            None if add => {
                message.reactions.push((emoji.to_owned(), BTreeSet::from([by])));
                true
            }
            None => false,
        };
        message.reactions.retain(|(_, users)| !users.is_empty());
        let mut data = json!({
            "user_id": by.to_string(), "channel_id": channel.to_string(), "message_id": id.to_string(),
            "emoji": objects::emoji(emoji), "burst": false, "type": 0,
        });
        let guild = self.world.channels.get(&channel).and_then(|channel| channel.guild);
        if let Some(guild) = guild {
            data["guild_id"] = ids::text(guild);
        }
        let wanted = if guild.is_some() { intents::GUILD_MESSAGE_REACTIONS } else { intents::DIRECT_MESSAGE_REACTIONS };
        let event = if add { "MESSAGE_REACTION_ADD" } else { "MESSAGE_REACTION_REMOVE" };
        self.gateway.emit(
            &self.world,
            Audience { intents: wanted, channel: Some(channel), words: false },
            event,
            &data,
        );
    }

    pub(super) fn typing(&mut self, call: &Call, now: Moment) -> Outcome {
        let channel = self.channel_for(call.id(0), 0)?;
        let needed = match channel.thread {
            Some(_) => permissions::SEND_MESSAGES_IN_THREADS,
            None => permissions::SEND_MESSAGES,
        };
        let id = self.channel_for(call.id(0), needed)?.id;
        self.typing.insert(id, now.monotonic + std::time::Duration::from_secs(10));
        Ok(Reply::nothing())
    }
}

/// Whom a text names, as far as the sender allows it, and whether it notifies everybody.
pub(in crate::discord) fn mentions(
    world: &World,
    channel: &Channel,
    author: Id,
    content: &str,
    allowed: &Value,
) -> (Vec<Id>, bool) {
    let parses = |what: &str| match allowed.get("parse").and_then(Value::as_array) {
        Some(list) => list.iter().any(|one| one == what),
        // Without the field everything is read; with the field and no list nothing is.
        None => allowed.is_null(),
    };
    let listed = |id: Id| {
        let users = allowed["users"].as_array();
        users.is_some_and(|users| users.iter().any(|one| ids::read(one) == Some(id)))
    };
    let mut found = Vec::new();
    for piece in content.split("<@").skip(1) {
        let Some((inside, _)) = piece.split_once('>') else { continue };
        let Ok(id) = inside.trim_start_matches('!').parse::<Id>() else { continue };
        if world.users.contains_key(&id) && (parses("users") || listed(id)) && !found.contains(&id) {
            found.push(id);
        }
    }
    let all = content.contains("@everyone") || content.contains("@here");
    let may = permissions::in_channel(world, channel, author) & permissions::MENTION_EVERYONE != 0;
    (found, all && may && parses("everyone"))
}
