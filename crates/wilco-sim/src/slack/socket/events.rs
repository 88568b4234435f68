//! Events: what an app is told of, as far as it is subscribed and its bot is there.

use serde_json::{Value, json};

use super::Carries;
use crate::slack::api::{mentions, message_object, version_object};
use crate::slack::ids::{Id, Ts};
use crate::slack::state::{Moment, State};
use crate::slack::world::{Channel, Kind, Team, Version};

impl State {
    /// The workspaces whose app hears what happens in a channel, with what stands in its subscriptions.
    fn hearers(&self, channel: &Channel, event: &str) -> Vec<Team> {
        let here = |team: &&Team| {
            (channel.team == team.id || channel.shared.contains(&team.id))
                && channel.members.contains(&team.bot_user)
                && team.refused.is_none()
                && team.events.contains(event)
        };
        self.world.teams.values().filter(here).cloned().collect()
    }

    /// Wraps an event and sends it.
    fn emit(&mut self, team: &Team, channel: Option<&Channel>, event: Value, now: Moment) {
        let id = self.world.ids.next("Ev");
        let payload = json!({
            "token": "verification", "team_id": team.id, "context_team_id": team.id, "context_enterprise_id": null,
            "api_app_id": team.app, "event": event, "type": "event_callback", "event_id": id,
            "event_time": now.wall.0 / 1_000, "is_ext_shared_channel": channel.is_some_and(|one| !one.shared.is_empty()),
            "event_context": format!("4-{id}"),
            "authorizations": [{
                "enterprise_id": null, "team_id": team.id, "user_id": team.bot_user, "is_bot": true,
                "is_enterprise_install": false,
            }],
        });
        self.deliver(&team.id, Carries::Event, payload, None, now);
    }

    /// Tells an app something that belongs to no conversation, if it is subscribed to it.
    pub(in crate::slack) fn tell_app(&mut self, team: &str, event: Value, now: Moment) {
        let name = event["type"].as_str().unwrap_or_default();
        let hears = |team: &&Team| team.refused.is_none() && team.events.contains(name);
        if let Some(team) = self.world.teams.get(team).filter(hears).cloned() {
            self.emit(&team, None, event, now);
        }
    }

    fn tell_in(&mut self, channel: &Id, name: &str, event: &Value, now: Moment) {
        let Some(place) = self.world.channels.get(channel).cloned() else { return };
        for team in self.hearers(&place, name) {
            self.emit(&team, Some(&place), event.clone(), now);
        }
    }

    fn message_event(&self, ts: Ts) -> Option<(Channel, Value)> {
        let message = self.world.messages.get(&ts)?;
        let channel = self.world.channels.get(&message.channel)?;
        let mut event = message_object(&self.world, &self.base, message, true);
        event["channel"] = json!(channel.id);
        event["channel_type"] = json!(channel.kind.word());
        event["event_ts"] = json!(ts);
        Some((channel.clone(), event))
    }

    /// A message came. An app that is named hears of it twice, when it is subscribed to both.
    pub(in crate::slack) fn tell_message(&mut self, ts: Ts, now: Moment) {
        let Some((channel, event)) = self.message_event(ts) else { return };
        let name = format!("message.{}", channel.kind.plural());
        self.tell_in(&channel.id, &name, &event, now);
        let (named, _) = self
            .world
            .messages
            .get(&ts)
            .map_or((Vec::new(), false), |message| mentions(&self.world, &message.shown().words(), false));
        let author = event["user"].as_str().unwrap_or_default().to_owned();
        for team in self.hearers(&channel, "app_mention") {
            // In direct messages Slack sends no mention. Of those of several people reports differ: to some apps the message
            // alone came, so that is what comes here.
            let direct = matches!(channel.kind, Kind::Direct | Kind::Group);
            if named.contains(&team.bot_user) && author != team.bot_user && !direct {
                let mut mention = event.clone();
                mention["type"] = json!("app_mention");
                if let Some(object) = mention.as_object_mut() {
                    object.remove("channel_type");
                }
                self.emit(&team, Some(&channel), mention, now);
            }
        }
    }

    /// A message changed: the event has a name of its own, and holds the message as it is and as it was.
    pub(in crate::slack) fn tell_changed(&mut self, ts: Ts, before: &Version, now: Moment) {
        let Some(message) = self.world.messages.get(&ts) else { return };
        let previous = version_object(&self.world, &self.base, message, before, true);
        let message = message_object(&self.world, &self.base, message, true);
        self.tell_hidden(
            ts,
            json!({"subtype": "message_changed", "message": message, "previous_message": previous}),
            now,
        );
    }

    /// A message was deleted. Where answers stand under it, it is a change into a stone.
    pub(in crate::slack) fn tell_deleted(&mut self, ts: Ts, now: Moment) {
        let Some(message) = self.world.messages.get(&ts) else { return };
        let previous = version_object(&self.world, &self.base, message, message.shown(), true);
        let event = if self.world.replies(&message.channel, ts).next().is_some() {
            let stone = message_object(&self.world, &self.base, message, true);
            json!({"subtype": "message_changed", "message": stone, "previous_message": previous})
        } else {
            json!({"subtype": "message_deleted", "deleted_ts": ts, "previous_message": previous})
        };
        self.tell_hidden(ts, event, now);
    }

    fn tell_hidden(&mut self, ts: Ts, mut event: Value, now: Moment) {
        let Some(message) = self.world.messages.get(&ts) else { return };
        let Some(channel) = self.world.channels.get(&message.channel).cloned() else { return };
        let at = self.world.ids.ts(now.wall);
        let common = [
            ("type", json!("message")),
            ("hidden", json!(true)),
            ("channel", json!(channel.id)),
            ("channel_type", json!(channel.kind.word())),
            ("ts", json!(at)),
            ("event_ts", json!(at)),
        ];
        for (name, value) in common {
            event[name] = value;
        }
        self.tell_in(&channel.id, &format!("message.{}", channel.kind.plural()), &event, now);
    }

    /// A reaction was added.
    pub(in crate::slack) fn tell_reaction(&mut self, ts: Ts, name: &str, by: &str, now: Moment) {
        let Some(message) = self.world.messages.get(&ts).cloned() else { return };
        let at = self.world.ids.ts(now.wall);
        let event = json!({
            "type": "reaction_added", "user": by, "reaction": name, "item_user": message.author, "event_ts": at,
            "item": {"type": "message", "channel": message.channel, "ts": ts},
        });
        self.tell_in(&message.channel, "reaction_added", &event, now);
    }

    /// Something happened to a channel: `archive`, `deleted` or `left`. Of private channels Slack says `group`.
    pub(in crate::slack) fn tell_place(&mut self, channel: &Id, what: &str, event: Value, now: Moment) {
        let private = self.world.channels.get(channel).is_some_and(|place| place.kind == Kind::Private);
        let name = format!("{}_{what}", if private { "group" } else { "channel" });
        self.tell_channel(channel, &name, event, now);
    }

    /// An event of a channel by its full name, such as `member_joined_channel`.
    pub(in crate::slack) fn tell_channel(&mut self, channel: &Id, name: &str, mut event: Value, now: Moment) {
        event["type"] = json!(name);
        event["channel"] = json!(channel);
        event["event_ts"] = json!(self.world.ids.ts(now.wall));
        self.tell_in(channel, name, &event, now);
    }
}
