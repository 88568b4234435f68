//! Interactions: what a person did that the bot has to answer within 3 s and may answer for 15 minutes
//! (Discord's reference, "Receiving and Responding to Interactions").

use std::time::Duration;

use serde_json::{Value, json};

use super::error::{self, Refusal};
use super::gateway::Audience;
use super::ids::{Id, text};
use super::objects;
use super::permissions;
use super::rest::Call;
use super::state::{Moment, State};
use crate::draw::fnv;

/// How long the first answer may take.
pub const FIRST: Duration = Duration::from_secs(3);
/// How long the token lives.
pub const TOKEN: Duration = Duration::from_mins(15);

/// What a person did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// A command, from the text field or from a menu.
    Command,
    /// A press on a button.
    Press,
    /// Typing in an option that asks for suggestions.
    Autocomplete,
}

impl Act {
    /// Discord's number.
    pub(super) fn number(self) -> u64 {
        match self {
            Self::Command => 2,
            Self::Press => 3,
            Self::Autocomplete => 4,
        }
    }
}

/// One interaction and what became of it.
#[derive(Clone, Debug)]
pub struct Interaction {
    /// Its id.
    pub id: Id,
    /// Its token.
    pub token: String,
    /// What was done.
    pub act: Act,
    /// Where.
    pub channel: Id,
    /// By whom.
    pub person: Id,
    /// When, on the fake's monotonic clock.
    pub at: Duration,
    /// The number of the first answer's kind, once it came.
    pub answered: Option<u64>,
    /// How long the first answer took.
    pub took: Option<Duration>,
    /// The message of the first answer, or the one under whose button was pressed when it answers that.
    pub original: Option<Id>,
    /// The message under whose button was pressed.
    pub source: Option<Id>,
    /// The suggestions that were given.
    pub choices: Option<Value>,
    /// Its token died before its time: see [`FakeDiscord::expire`](super::FakeDiscord::expire).
    pub expired: bool,
}

impl Interaction {
    /// Whether nobody answered it in time.
    pub fn failed(&self, now: Duration) -> bool {
        self.answered.is_none() && now.saturating_sub(self.at) > FIRST
    }

    /// Whether its token works.
    pub fn lives(&self, now: Duration) -> bool {
        !self.expired && now.saturating_sub(self.at) <= TOKEN
    }
}

impl State {
    /// Makes an interaction and tells the sessions, which need no intent for it.
    pub(super) fn interact(
        &mut self,
        act: Act,
        person: Id,
        channel: Id,
        source: Option<Id>,
        data: &Value,
        now: Moment,
    ) -> Id {
        let id = self.world.ids.next(now.wall);
        let token = format!("aW50ZXJhY3Rpb246{:016x}{:016x}", fnv(&id.to_be_bytes()), fnv(&id.to_le_bytes()));
        let mut event = json!({
            "id": id.to_string(), "application_id": self.world.bot.to_string(), "type": act.number(),
            "token": token, "version": 1, "channel_id": channel.to_string(), "data": data, "locale": "en-US",
            "entitlements": [], "authorizing_integration_owners": {"0": "0"}, "context": 1,
            "app_permissions": permissions::EVERYONE.to_string(), "attachment_size_limit": 10 << 20,
        });
        if let Some(place) = self.world.channels.get(&channel) {
            let mut shown = objects::channel(&self.world, place);
            let user = objects::user_of(&self.world, person);
            shown["permissions"] = json!(permissions::in_channel(&self.world, place, person).to_string());
            event["channel"] = shown;
            event["app_permissions"] = json!(permissions::in_channel(&self.world, place, self.world.bot).to_string());
            match place.guild.and_then(|guild| self.world.guilds.get(&guild)) {
                Some(guild) => {
                    event["guild_id"] = text(guild.id);
                    event["guild"] = json!({"id": guild.id.to_string(), "locale": "en-US", "features": []});
                    event["guild_locale"] = json!("en-US");
                    event["authorizing_integration_owners"] = json!({"0": guild.id.to_string()});
                    event["context"] = json!(0);
                    if let Some(member) = guild.members.get(&person) {
                        let mut member = objects::member(&self.world, member);
                        let may = permissions::in_channel(&self.world, place, person);
                        member["permissions"] = json!(may.to_string());
                        event["member"] = member;
                    }
                }
                None => event["user"] = user,
            }
        }
        if let Some(message) = source.filter(|_| act == Act::Press).and_then(|id| self.world.messages.get(&id)) {
            event["message"] = objects::message(&self.world, &self.base, message);
        }
        let interaction = Interaction {
            id,
            token,
            act,
            channel,
            person,
            at: now.monotonic,
            answered: None,
            took: None,
            original: None,
            source: source.filter(|_| act == Act::Press),
            choices: None,
            expired: false,
        };
        self.interactions.insert(id, interaction);
        self.gateway.emit(&self.world, Audience::all(), "INTERACTION_CREATE", &event);
        id
    }

    /// The interaction that a first answer names, if it may still be given.
    pub(super) fn to_answer(&self, call: &Call, now: Moment) -> Result<Interaction, Refusal> {
        let found = self.interactions.get(&call.id(0)).filter(|one| one.token == call.name(1));
        let found = found.ok_or(error::UNKNOWN_INTERACTION)?;
        if found.answered.is_some() {
            return Err(error::ALREADY_ACKNOWLEDGED.into());
        }
        if found.failed(now.monotonic) {
            return Err(error::UNKNOWN_INTERACTION.into());
        }
        Ok(found.clone())
    }

    /// The interaction whose token a call names, if it lives.
    pub(super) fn by_token(&self, call: &Call, now: Moment) -> Result<Interaction, Refusal> {
        if call.id(0) != self.world.bot {
            return Err(error::UNKNOWN_WEBHOOK.into());
        }
        let found = self.interactions.values().find(|one| one.token == call.name(1));
        let found = found.ok_or(error::UNKNOWN_WEBHOOK)?;
        if !found.lives(now.monotonic) {
            return Err(error::INVALID_WEBHOOK_TOKEN.into());
        }
        if found.answered.is_none() {
            return Err(error::UNKNOWN_WEBHOOK.into());
        }
        Ok(found.clone())
    }
}
