//! Commands, buttons and shortcuts: what a person did, and what became of it.

use std::time::Duration;

use serde_json::{Value, json};

use super::api::{Draft, message_object};
use super::ids::{Id, Ts};
use super::state::{Moment, State};
use super::world::Kind;

/// What a person did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// A slash command.
    Command,
    /// A button.
    Press,
    /// A shortcut of a message's menu.
    Shortcut,
    /// A shortcut that belongs to no message.
    Global,
}

/// One of them, from the moment on which a person did it.
#[derive(Clone, Debug)]
pub struct Interaction {
    /// Its trigger id, which stays the same when it comes again.
    pub id: Id,
    /// What it is.
    pub act: Act,
    /// The workspace.
    pub team: Id,
    /// Where; empty for a shortcut that belongs to no message.
    pub channel: Id,
    /// Who.
    pub person: Id,
    /// The command as it was typed, or the button's words.
    pub said: String,
    /// When, by the monotonic clock.
    pub at: Duration,
    /// How long until it was acknowledged.
    pub took: Option<Duration>,
    /// Whether the person was told that it failed.
    pub failed: bool,
    /// The path of its `response_url`; empty where it has none.
    pub path: String,
    /// How often that was used.
    pub uses: u32,
    /// The message that it came from.
    pub source: Option<Ts>,
    /// The thread of that message.
    pub thread: Option<Ts>,
    /// When it was shown to the person, as a place among messages.
    pub shown: Ts,
}

/// What is needed to begin one.
pub(super) struct Begun<'a> {
    pub(super) act: Act,
    pub(super) team: &'a str,
    pub(super) channel: &'a str,
    pub(super) person: &'a str,
    pub(super) said: String,
    pub(super) source: Option<Ts>,
}

impl State {
    /// Begins an interaction: its trigger and its `response_url`. The caller sends the envelope.
    pub(super) fn begin(&mut self, begun: Begun<'_>, now: Moment) -> Interaction {
        let id = format!("{}.{}", now.wall.0, self.world.ids.word());
        let path = match begun.act {
            Act::Command => format!("/commands/{}/{}", begun.team, self.world.ids.word()),
            Act::Press | Act::Shortcut => format!("/actions/{}/{}", begun.team, self.world.ids.word()),
            Act::Global => String::new(),
        };
        let thread = begun.source.and_then(|ts| self.world.messages.get(&ts)).and_then(|message| message.thread);
        let one = Interaction {
            id: id.clone(),
            act: begun.act,
            team: begun.team.to_owned(),
            channel: begun.channel.to_owned(),
            person: begun.person.to_owned(),
            said: begun.said,
            at: now.monotonic,
            took: None,
            failed: false,
            path,
            uses: 0,
            source: begun.source,
            thread,
            shown: self.world.ids.ts(now.wall),
        };
        self.interactions.insert(id, one.clone());
        one
    }

    /// The payload of a slash command.
    pub(super) fn command_payload(&self, one: &Interaction, command: &str, text: &str) -> Value {
        let (domain, app) =
            self.world.teams.get(&one.team).map(|team| (team.domain.clone(), team.app.clone())).unwrap_or_default();
        json!({
            "token": "verification", "team_id": one.team, "team_domain": domain, "channel_id": one.channel,
            "channel_name": self.place_name(&one.channel), "user_id": one.person, "user_name": self.world.name(&one.person),
            "command": command, "text": text, "api_app_id": app, "is_enterprise_install": "false",
            "response_url": format!("{}{}", self.base, one.path), "trigger_id": one.id,
        })
    }

    /// The name of a conversation in payloads, where Slack does not give away that of a private one.
    fn place_name(&self, channel: &str) -> &str {
        match self.world.channels.get(channel).map(|place| place.kind) {
            Some(Kind::Direct) => "directmessage",
            Some(Kind::Private) => "privategroup",
            Some(Kind::Public | Kind::Group) | None => self.world.channel_name(channel),
        }
    }

    /// What the payloads of buttons and shortcuts have in common.
    fn interactive(&self, one: &Interaction, kind: &str) -> Value {
        let team = self.world.teams.get(&one.team);
        let user = self.world.users.get(&one.person);
        let home = user.map_or(&one.team, |user| &user.team);
        json!({
            "type": kind, "token": "verification", "trigger_id": one.id,
            "team": {"id": one.team, "domain": team.map(|team| &team.domain)}, "enterprise": null,
            "is_enterprise_install": false, "api_app_id": team.map(|team| &team.app),
            "user": {
                "id": one.person, "username": self.world.name(&one.person), "name": self.world.name(&one.person),
                "team_id": home,
            },
        })
    }

    /// The same of what belongs to a message: where it stands, and how to answer. What one person alone sees is not
    /// told again.
    fn of_message(&self, one: &Interaction, kind: &str) -> Value {
        let mut payload = self.interactive(one, kind);
        payload["channel"] = json!({"id": one.channel, "name": self.place_name(&one.channel)});
        payload["response_url"] = json!(format!("{}{}", self.base, one.path));
        let message = one.source.and_then(|ts| self.world.messages.get(&ts));
        if let Some(message) = message.filter(|message| message.only_for.is_none()) {
            payload["message"] = message_object(&self.world, &self.base, message, false);
        }
        payload
    }

    /// The payload of a pressed button.
    pub(super) fn press_payload(&self, one: &Interaction, button: &Value, block: &str, at: Ts) -> Value {
        let mut payload = self.of_message(one, "block_actions");
        let message = one.source.and_then(|ts| self.world.messages.get(&ts));
        let hidden = message.is_some_and(|message| message.only_for.is_some());
        let mut container = json!({
            "type": "message", "message_ts": one.source, "channel_id": one.channel, "is_ephemeral": hidden,
        });
        if let Some(thread) = one.thread {
            container["thread_ts"] = json!(thread);
        }
        payload["container"] = container;
        payload["state"] = json!({"values": {}});
        let mut action = json!({
            "type": "button", "action_id": button["action_id"], "block_id": block, "text": button["text"],
            "action_ts": at,
        });
        if let Some(value) = button["value"].as_str() {
            action["value"] = json!(value);
        }
        if let Some(style) = button["style"].as_str() {
            action["style"] = json!(style);
        }
        payload["actions"] = json!([action]);
        payload
    }

    /// The payload of a message shortcut.
    pub(super) fn shortcut_payload(&self, one: &Interaction, callback: &str, at: Ts) -> Value {
        let mut payload = self.of_message(one, "message_action");
        payload["callback_id"] = json!(callback);
        payload["action_ts"] = json!(at);
        payload["message_ts"] = json!(one.source);
        payload
    }

    /// The payload of a shortcut that belongs to no message: neither channel nor `response_url`.
    pub(super) fn global_payload(&self, one: &Interaction, callback: &str, at: Ts) -> Value {
        let mut payload = self.interactive(one, "shortcut");
        payload["callback_id"] = json!(callback);
        payload["action_ts"] = json!(at);
        payload
    }

    /// An acknowledgement came; what it carries is shown.
    pub(super) fn acknowledged(&mut self, id: &str, answer: &Value, now: Moment) {
        let Some(one) = self.interactions.get_mut(id) else { return };
        if one.took.is_none() && !one.failed {
            one.took = Some(now.monotonic.saturating_sub(one.at));
        }
        let one = one.clone();
        let (text, blocks) = (answer["text"].as_str().unwrap_or_default(), answer["blocks"].as_array());
        if one.act != Act::Command || (text.is_empty() && blocks.is_none()) {
            return;
        }
        let bot = self.world.teams.get(&one.team).map(|team| team.bot_user.clone()).unwrap_or_default();
        let only_for = (answer["response_type"] != "in_channel").then_some(one.person);
        let blocks = blocks.cloned().unwrap_or_default();
        self.put(Draft { only_for, blocks, ..Draft::new(&one.channel, &bot, text) }, now);
    }

    /// Nobody acknowledged it: the person is told.
    pub(super) fn nobody_answered(&mut self, id: &str) {
        if let Some(one) = self.interactions.get_mut(id).filter(|one| one.took.is_none()) {
            one.failed = true;
        }
    }
}
