//! What people write, change and take away.

use super::FakeSlack;
use super::api::Draft;
use super::ids::Ts;
use super::markup::{self, Names};
use super::state::State;
use super::world::{Channel, File, Kind, Version};
use crate::PersonError;

pub(super) fn cannot<T>(why: impl Into<String>) -> Result<T, PersonError> {
    Err(PersonError(why.into()))
}

/// The channel, when the person is in it.
pub(super) fn place(state: &State, person: &str, channel: &str) -> Result<Channel, PersonError> {
    let Some(place) = state.world.channels.get(channel) else { return cannot("there is no such channel") };
    if !place.members.contains(person) {
        return cannot("the person is not in that channel");
    }
    Ok(place.clone())
}

impl FakeSlack {
    /// A person writes, as they type it: `@wilco` and `#general` become ids, addresses are marked, and `&`, `<` and `>`
    /// travel escaped. What is already as it travels stays as it is. Returns the message's name.
    ///
    /// # Errors
    /// When there is no such channel, the person is not in it, or it is archived.
    pub fn say(&self, person: &str, channel: &str, text: &str) -> Result<Ts, PersonError> {
        self.put_by(person, channel, None, text, |_| ())
    }

    /// A person answers in the thread under a message.
    ///
    /// # Errors
    /// As for [`FakeSlack::say`], and when there is no such message.
    pub fn reply(&self, person: &str, channel: &str, under: Ts, text: &str) -> Result<Ts, PersonError> {
        self.put_by(person, channel, Some(under), text, |_| ())
    }

    /// The same, and the answer is shown in the channel as well (`thread_broadcast`).
    ///
    /// # Errors
    /// As for [`FakeSlack::reply`].
    pub fn reply_to_channel(&self, person: &str, channel: &str, under: Ts, text: &str) -> Result<Ts, PersonError> {
        self.put_by(person, channel, Some(under), text, |draft| draft.broadcast = true)
    }

    /// A person puts a file into a channel, with words beside it (`file_share`).
    ///
    /// # Errors
    /// As for [`FakeSlack::say`].
    pub fn upload(&self, person: &str, channel: &str, text: &str, name: &str, bytes: &[u8]) -> Result<Ts, PersonError> {
        let file = self.with(|state, now| {
            let team = place(state, person, channel)?.team;
            let (id, ticket) = (state.world.ids.next("F"), state.world.ids.word());
            let (name, announced) = (name.to_owned(), bytes.len() as u64);
            let (title, bytes) = (name.clone(), Some(bytes.into()));
            let file =
                File { id: id.clone(), team, name, title, announced, bytes, complete: true, ticket, created: now.wall };
            state.world.files.insert(id.clone(), file);
            Ok(id)
        })?;
        self.put_by(person, channel, None, text, |draft| draft.files = vec![file])
    }

    /// An integration that is no app of ours writes, as incoming webhooks do (`bot_message`): no user stands behind it.
    ///
    /// # Errors
    /// When there is no such channel.
    pub fn say_as_integration(&self, channel: &str, name: &str, text: &str) -> Result<Ts, PersonError> {
        self.with(|state, now| {
            if !state.world.channels.contains_key(channel) {
                return cannot("there is no such channel");
            }
            let author = state.world.ids.next("B");
            let integration = Some(name.to_owned());
            Ok(state.put(Draft { integration, ..Draft::new(channel, &author, &markup::kept(text, true)) }, now))
        })
    }

    fn put_by(
        &self,
        person: &str,
        channel: &str,
        under: Option<Ts>,
        text: &str,
        more: impl FnOnce(&mut Draft),
    ) -> Result<Ts, PersonError> {
        self.with(|state, now| {
            let place = place(state, person, channel)?;
            if place.archived {
                return cannot("the channel is archived");
            }
            let root = match under {
                None => None,
                Some(ts) => match state.world.messages.get(&ts).filter(|one| one.channel == channel) {
                    Some(message) => Some(message.thread.unwrap_or(ts)),
                    None => return cannot("there is no such message"),
                },
            };
            let text = markup::typed(&state.world, &place, text, Names::Ids);
            let client_msg_id = Some(state.world.ids.uuid());
            let mut draft = Draft { thread: root, client_msg_id, ..Draft::new(channel, person, &text) };
            more(&mut draft);
            Ok(state.put(draft, now))
        })
    }

    /// A person changes what they wrote.
    ///
    /// # Errors
    /// When the message is not theirs or does not stand.
    pub fn rewrite(&self, person: &str, message: Ts, text: &str) -> Result<(), PersonError> {
        self.with(|state, now| {
            let Some(kept) = state.world.messages.get(&message) else { return cannot("there is no such message") };
            if kept.author != person || !kept.stands() {
                return cannot("it is not the person's own message, or it was deleted");
            }
            let (before, channel) = (kept.shown().clone(), kept.channel.clone());
            let place = place(state, person, &channel)?;
            let text = markup::typed(&state.world, &place, text, Names::Ids);
            if let Some(kept) = state.world.messages.get_mut(&message) {
                kept.versions.push(Version { at: now.wall, marked: true, text, ..before.clone() });
            }
            state.tell_changed(message, &before, now);
            Ok(())
        })
    }

    /// Somebody deletes a message, whoever wrote it.
    pub fn delete(&self, message: Ts) {
        self.with(|state, now| state.remove(message, now));
    }

    /// A person puts a reaction under a message, by the emoji's name.
    pub fn react(&self, person: &str, message: Ts, name: &str) {
        self.with(|state, now| {
            if state.set_reaction(message, name, person, true) {
                state.tell_reaction(message, name, person, now);
            }
        });
    }

    /// A person writes to the bot of their workspace alone.
    ///
    /// # Errors
    /// When there is no such person.
    pub fn whisper(&self, person: &str, text: &str) -> Result<Ts, PersonError> {
        match self.direct(person) {
            Some(channel) => self.say(person, &channel, text),
            None => cannot("there is no such person"),
        }
    }

    /// Whether a channel is a conversation of one person with the bot.
    pub fn is_direct(&self, channel: &str) -> bool {
        self.state().world.channels.get(channel).is_some_and(|one| one.kind == Kind::Direct)
    }
}
