//! Threads: beginning, joining, putting away, locking, deleting.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Call, Draft, Outcome, Reply};
use crate::discord::error::{self, Refusal};
use crate::discord::gateway::Audience;
use crate::discord::ids::Id;
use crate::discord::objects;
use crate::discord::permissions;
use crate::discord::state::{Moment, State};
use crate::discord::world::{Channel, Thread, Version};

impl State {
    pub(super) fn thread_from_message(&mut self, call: &Call, now: Moment) -> Outcome {
        let (channel, message) = (call.id(0), call.id(1));
        self.standing_message(channel, message)?;
        let parent = self.channel_for(channel, permissions::CREATE_PUBLIC_THREADS)?;
        if parent.thread.is_some() || parent.guild.is_none() {
            return Err(error::WRONG_CHANNEL_TYPE.into());
        }
        // A thread under a message has the message's id.
        if self.world.channels.contains_key(&message) {
            return Err(error::HAS_A_THREAD.into());
        }
        let id = self.begin_thread(message, channel, &call.body, self.world.bot, false, now)?;
        self.tell_message(message, "MESSAGE_UPDATE");
        Ok(self.show_channel(id))
    }

    pub(super) fn create_thread(&mut self, call: &Call, now: Moment) -> Outcome {
        let private = call.body["type"].as_u64().unwrap_or(12) == 12;
        let needed = if private { permissions::CREATE_PRIVATE_THREADS } else { permissions::CREATE_PUBLIC_THREADS };
        let parent = self.channel_for(call.id(0), needed)?;
        if parent.thread.is_some() || parent.guild.is_none() {
            return Err(error::WRONG_CHANNEL_TYPE.into());
        }
        let (id, name) = (self.world.ids.next(now.wall), call.body["name"].as_str().unwrap_or_default().to_owned());
        let id = self.begin_thread(id, call.id(0), &call.body, self.world.bot, private, now)?;
        if !private {
            let version = Version {
                at: now.wall,
                content: name,
                components: Vec::new(),
                embeds: Vec::new(),
                attachments: Vec::new(),
                flags: 0,
                kind: None,
                mentions: Vec::new(),
                everyone: false,
            };
            let draft = Draft {
                channel: call.id(0),
                author: self.world.bot,
                kind: 18,
                nonce: None,
                reference: None,
                only_for: None,
                loading: false,
                interaction: None,
                version,
            };
            self.put(draft, now);
        }
        Ok(self.show_channel(id))
    }

    /// Puts a thread into the world and tells the sessions.
    pub(in crate::discord) fn begin_thread(
        &mut self,
        id: Id,
        parent: Id,
        body: &Value,
        owner: Id,
        private: bool,
        now: Moment,
    ) -> Result<Id, Refusal> {
        let minutes = body["auto_archive_duration"].as_u64().unwrap_or(4_320);
        if ![60, 1_440, 4_320, 10_080].contains(&minutes) {
            let sentence = "Value must be one of (60, 1440, 4320, 10080).".to_owned();
            return Err(Refusal::form(&[("auto_archive_duration".to_owned(), "BASE_TYPE_CHOICES", sentence)]));
        }
        let thread = Thread {
            owner,
            private,
            archived: false,
            locked: false,
            changed: now.wall,
            minutes,
            members: BTreeSet::from([owner]),
        };
        let channel = Channel {
            id,
            guild: self.world.channels.get(&parent).and_then(|channel| channel.guild),
            name: body["name"].as_str().unwrap_or_default().to_owned(),
            parent: Some(parent),
            slow_mode: body["rate_limit_per_user"].as_u64().unwrap_or(0),
            thread: Some(thread),
            ..Channel::blank()
        };
        self.world.channels.insert(id, channel);
        let mut data = self.world.channels.get(&id).map_or(Value::Null, |one| objects::channel(&self.world, one));
        data["newly_created"] = json!(true);
        let audience = Audience { channel: Some(id), ..Audience::guilds() };
        self.gateway.emit(&self.world, audience, "THREAD_CREATE", &data);
        Ok(id)
    }

    pub(super) fn show_channel(&self, id: Id) -> Reply {
        Reply::json(self.world.channels.get(&id).map_or(Value::Null, |one| objects::channel(&self.world, one)))
    }

    /// Tells the sessions how a thread or channel is now.
    pub(in crate::discord) fn tell_thread(&mut self, id: Id, event: &str) {
        let Some(channel) = self.world.channels.get(&id) else { return };
        let data = objects::channel(&self.world, channel);
        let audience = Audience { channel: Some(id), ..Audience::guilds() };
        self.gateway.emit(&self.world, audience, event, &data);
    }

    pub(super) fn join_thread(&mut self, call: &Call) -> Outcome {
        let id = self.channel_for(call.id(0), 0)?.id;
        let bot = self.world.bot;
        let channel = self.world.channels.get_mut(&id).ok_or(error::UNKNOWN_CHANNEL)?;
        let thread = channel.thread.as_mut().ok_or(error::WRONG_CHANNEL_TYPE)?;
        if thread.archived {
            return Err(error::THREAD_ARCHIVED.into());
        }
        thread.members.insert(bot);
        Ok(Reply::nothing())
    }

    pub(super) fn edit_channel(&mut self, call: &Call, now: Moment) -> Outcome {
        let channel = self.channel_for(call.id(0), 0)?;
        let id = channel.id;
        let thread = channel.thread.as_ref().ok_or(error::WRONG_CHANNEL_TYPE)?;
        let has = permissions::in_channel(&self.world, channel, self.world.bot);
        let manages = has & permissions::MANAGE_THREADS != 0;
        // Whoever began a thread may rename it and put it away; only who manages threads may lock it.
        if !manages && (thread.owner != self.world.bot || call.body.get("locked").is_some()) {
            return Err(error::MISSING_PERMISSIONS.into());
        }
        if thread.archived && call.body["archived"] != false {
            return Err(error::THREAD_ARCHIVED.into());
        }
        self.change_thread(id, &call.body, now);
        Ok(self.show_channel(id))
    }

    /// Renames, archives or locks a thread and tells the sessions.
    pub(in crate::discord) fn change_thread(&mut self, id: Id, body: &Value, now: Moment) {
        let Some(channel) = self.world.channels.get_mut(&id) else { return };
        if let Some(name) = body["name"].as_str() {
            name.clone_into(&mut channel.name);
        }
        if let Some(seconds) = body["rate_limit_per_user"].as_u64() {
            channel.slow_mode = seconds;
        }
        if let Some(thread) = &mut channel.thread {
            if let Some(archived) = body["archived"].as_bool() {
                thread.archived = archived;
                thread.changed = now.wall;
            }
            if let Some(locked) = body["locked"].as_bool() {
                thread.locked = locked;
            }
            if let Some(minutes) = body["auto_archive_duration"].as_u64() {
                thread.minutes = minutes;
            }
        }
        self.tell_thread(id, "THREAD_UPDATE");
    }

    pub(super) fn delete_channel(&mut self, call: &Call) -> Outcome {
        let channel = self.channel_for(call.id(0), 0)?;
        if channel.guild.is_none() {
            return Err(error::WRONG_CHANNEL_TYPE.into());
        }
        let needed = if channel.thread.is_some() { permissions::MANAGE_THREADS } else { permissions::MANAGE_CHANNELS };
        let id = self.channel_for(call.id(0), needed)?.id;
        let shown = self.show_channel(id);
        self.remove_channel(id);
        Ok(shown)
    }

    /// Deletes a channel or thread with everything in it and tells the sessions.
    pub(in crate::discord) fn remove_channel(&mut self, id: Id) {
        let below = self.world.channels.values().filter(|one| one.parent == Some(id)).map(|one| one.id);
        for thread in below.collect::<Vec<_>>() {
            self.remove_channel(thread);
        }
        let Some(channel) = self.world.channels.get(&id) else { return };
        let (name, is_thread) = (self.world.channel_name(id), channel.thread.is_some());
        let data = objects::channel(&self.world, channel);
        let event = if is_thread { "THREAD_DELETE" } else { "CHANNEL_DELETE" };
        self.gateway.emit(&self.world, Audience { channel: Some(id), ..Audience::guilds() }, event, &data);
        self.world.channels.remove(&id);
        self.world.gone.insert(id, format!("{name} (deleted)"));
    }
}
