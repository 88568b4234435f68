//! What people do: write, press, delete, archive.

use serde_json::{Value, json};

use super::FakeDiscord;
use super::ids::{self, Id};
use super::interactions::Act;
use super::objects;
use super::permissions;
use super::rest::{Draft, mentions};
use super::state::State;
use super::world::{Version, buttons};
use crate::PersonError;

fn cannot<T>(why: impl Into<String>) -> Result<T, PersonError> {
    Err(PersonError(why.into()))
}

impl FakeDiscord {
    /// A person writes. Returns the message's id.
    ///
    /// # Errors
    /// When there is no such channel, or the person may not write there.
    pub fn say(&self, person: Id, channel: Id, content: &str) -> Result<Id, PersonError> {
        self.say_to(person, channel, content, None)
    }

    /// A person answers a message, and notifies whoever wrote it, as Discord's clients do unless told otherwise.
    ///
    /// # Errors
    /// As for [`FakeDiscord::say`].
    pub fn say_to(&self, person: Id, channel: Id, content: &str, to: Option<Id>) -> Result<Id, PersonError> {
        self.with(|state, now| {
            let Some(place) = state.world.channels.get(&channel) else { return cannot("there is no such channel") };
            let needed = match place.thread {
                Some(_) => permissions::SEND_MESSAGES_IN_THREADS,
                None => permissions::SEND_MESSAGES,
            };
            if permissions::in_channel(&state.world, place, person) & needed == 0 {
                return cannot("the person may not write there");
            }
            let everything = if to.is_some() { json!({"parse": ["users", "everyone"]}) } else { Value::Null };
            let (mut named, everyone) = mentions(&state.world, place, person, content, &everything);
            named.extend(state.world.pinged_by_reply(to, person, &named));
            if let Some(thread) = state.world.channels.get_mut(&channel).and_then(|place| place.thread.as_mut()) {
                thread.archived = false;
                thread.members.insert(person);
            }
            let version = Version {
                at: now.wall,
                content: content.to_owned(),
                components: Vec::new(),
                embeds: Vec::new(),
                attachments: Vec::new(),
                flags: 0,
                kind: None,
                mentions: named,
                everyone,
            };
            let draft = Draft {
                channel,
                author: person,
                kind: if to.is_some() { 19 } else { 0 },
                nonce: None,
                reference: to,
                only_for: None,
                loading: false,
                interaction: None,
                version,
            };
            Ok(state.put(draft, now))
        })
    }

    /// A person changes what they wrote.
    ///
    /// # Errors
    /// When the message is not theirs or does not stand.
    pub fn rewrite(&self, person: Id, message: Id, content: &str) -> Result<(), PersonError> {
        self.with(|state, now| {
            let Some(kept) = state.world.messages.get_mut(&message) else { return cannot("there is no such message") };
            if kept.author != person || !kept.stands() {
                return cannot("it is not the person's own message, or it was deleted");
            }
            let next = Version { at: now.wall, content: content.to_owned(), ..kept.shown().clone() };
            kept.versions.push(next);
            state.tell_message(message, "MESSAGE_UPDATE");
            Ok(())
        })
    }

    /// Somebody deletes a message, whoever wrote it.
    pub fn delete(&self, message: Id) {
        self.with(|state, now| state.remove(message, now));
    }

    /// A person puts a reaction under a message.
    pub fn react(&self, person: Id, message: Id, emoji: &str) {
        self.with(|state, _| state.set_reaction(message, emoji, person, true));
    }

    /// A person begins a thread under a message, or one of its own. Returns its id.
    ///
    /// # Errors
    /// When the channel cannot have threads.
    pub fn start_thread(
        &self,
        person: Id,
        channel: Id,
        under: Option<Id>,
        name: &str,
        private: bool,
    ) -> Result<Id, PersonError> {
        self.with(|state, now| {
            let id = under.unwrap_or_else(|| state.world.ids.next(now.wall));
            let body = json!({"name": name});
            let begun = state.begin_thread(id, channel, &body, person, private, now);
            begun.map_err(|refusal| PersonError(refusal.message))
        })
    }

    /// Somebody takes the bot into a private thread.
    pub fn add_to_thread(&self, thread: Id, user: Id) {
        self.with(|state, _| {
            let channel = state.world.channels.get_mut(&thread);
            if let Some(thread) = channel.and_then(|channel| channel.thread.as_mut()) {
                thread.members.insert(user);
            }
            state.tell_thread(thread, "THREAD_CREATE");
        });
    }

    /// Somebody puts a thread away, or takes it out again.
    pub fn archive(&self, thread: Id, archived: bool) {
        self.with(|state, now| state.change_thread(thread, &json!({"archived": archived}), now));
    }

    /// Somebody locks a thread, or unlocks it.
    pub fn lock(&self, thread: Id, locked: bool) {
        self.with(|state, now| state.change_thread(thread, &json!({"locked": locked}), now));
    }

    /// Somebody deletes a channel or thread with everything in it.
    pub fn delete_channel(&self, channel: Id) {
        self.with(|state, _| state.remove_channel(channel));
    }

    /// A person uses a slash command, with options by name. Values are texts, numbers or booleans.
    /// Returns the interaction's id.
    ///
    /// # Errors
    /// When no such command is registered here, an option does not fit, or the person may use none.
    pub fn slash(&self, person: Id, channel: Id, command: &str, options: &[(&str, Value)]) -> Result<Id, PersonError> {
        self.with(|state, now| {
            let (command, guild) = state.usable(person, channel, command, 1)?;
            let mut filled = Vec::new();
            for (name, value) in options {
                let Some(option) = option_of(&command, name) else {
                    return cannot(format!("the command has no option `{name}`"));
                };
                filled.push(json!({"name": name, "type": option["type"], "value": value}));
            }
            for option in command["options"].as_array().into_iter().flatten().filter(|one| one["required"] == true) {
                if !filled.iter().any(|one| one["name"] == option["name"]) {
                    return cannot(format!("the option {} is required", option["name"]));
                }
            }
            let data = command_data(&command, guild, filled);
            Ok(state.interact(Act::Command, person, channel, None, &data, now))
        })
    }

    /// A person types in an option that gives suggestions. Returns the interaction's id; what the bot
    /// suggests is in [`FakeDiscord::interaction`].
    ///
    /// # Errors
    /// When the command or option does not exist or gives no suggestions.
    pub fn type_in(
        &self,
        person: Id,
        channel: Id,
        command: &str,
        option: &str,
        typed: &str,
    ) -> Result<Id, PersonError> {
        self.with(|state, now| {
            let (command, guild) = state.usable(person, channel, command, 1)?;
            let Some(asked) = option_of(&command, option).filter(|one| one["autocomplete"] == true) else {
                return cannot(format!("the option `{option}` gives no suggestions"));
            };
            let focused = json!({"name": option, "type": asked["type"], "value": typed, "focused": true});
            let data = command_data(&command, guild, vec![focused]);
            Ok(state.interact(Act::Autocomplete, person, channel, None, &data, now))
        })
    }

    /// A person uses a command of a message's menu.
    ///
    /// # Errors
    /// When no such command is registered here, or the message does not stand.
    pub fn message_command(&self, person: Id, message: Id, command: &str) -> Result<Id, PersonError> {
        self.with(|state, now| {
            let Some(target) = state.world.messages.get(&message).filter(|one| one.stands()) else {
                return cannot("there is no such message");
            };
            let channel = target.channel;
            let shown = objects::message(&state.world, &state.base, target);
            let (command, guild) = state.usable(person, channel, command, 3)?;
            let mut data = command_data(&command, guild, Vec::new());
            data["target_id"] = ids::text(message);
            data["resolved"] = json!({"messages": {message.to_string(): shown}});
            Ok(state.interact(Act::Command, person, channel, Some(message), &data, now))
        })
    }

    /// A person presses a button, named by its label or its custom id.
    ///
    /// # Errors
    /// When the message shows no such button to that person.
    pub fn press(&self, person: Id, message: Id, button: &str) -> Result<Id, PersonError> {
        self.with(|state, now| {
            let Some(target) = state.world.messages.get(&message).filter(|one| one.stands()) else {
                return cannot("there is no such message");
            };
            if target.only_for.is_some_and(|only| only != person) {
                return cannot("the person does not see that message");
            }
            let rows = target.shown().components.clone();
            let found = buttons(&rows).find(|one| one["label"] == button || one["custom_id"] == button);
            let Some(found) = found else { return cannot(format!("there is no button `{button}`")) };
            if found["disabled"] == true {
                return cannot(format!("the button `{button}` is disabled"));
            }
            let data = json!({"component_type": 2, "custom_id": found["custom_id"], "id": 2});
            let channel = target.channel;
            Ok(state.interact(Act::Press, person, channel, Some(message), &data, now))
        })
    }
}

fn option_of<'a>(command: &'a Value, name: &str) -> Option<&'a Value> {
    command["options"].as_array()?.iter().find(|option| option["name"] == name)
}

fn command_data(command: &Value, guild: Option<Id>, options: Vec<Value>) -> Value {
    let mut data = json!({"id": command["id"], "name": command["name"], "type": command["type"]});
    if !options.is_empty() {
        data["options"] = Value::Array(options);
    }
    if let Some(guild) = guild {
        data["guild_id"] = ids::text(guild);
    }
    data
}

impl State {
    /// The command of this name that a person can use in a channel, and its guild when it is of one.
    fn usable(&self, person: Id, channel: Id, name: &str, kind: u64) -> Result<(Value, Option<Id>), PersonError> {
        let Some(place) = self.world.channels.get(&channel) else { return cannot("there is no such channel") };
        let has = permissions::in_channel(&self.world, place, person);
        if has & permissions::USE_APPLICATION_COMMANDS == 0 {
            return cannot("the person may not use commands there");
        }
        for scope in [place.guild, None] {
            let all = self.commands.get(&scope).into_iter().flatten().map(|(_, command)| command);
            if let Some(found) = all.into_iter().find(|one| one["name"] == name && one["type"] == kind) {
                return Ok((found.clone(), scope));
            }
        }
        cannot(format!("there is no command `{name}` here"))
    }
}
