//! Building a world: workspaces, channels, people and groups.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::FakeSlack;
use super::ids::Id;
use super::world::{Channel, Group, Kind, Team, User};

/// The scopes that a new app has: what a bot needs for messages, threads, files, reactions and groups.
pub const SCOPES: &[&str] = &[
    "app_mentions:read",
    "assistant:write",
    "channels:history",
    "channels:read",
    "chat:write",
    "commands",
    "files:write",
    "groups:history",
    "groups:read",
    "im:history",
    "im:read",
    "im:write",
    "mpim:history",
    "mpim:read",
    "reactions:read",
    "reactions:write",
    "usergroups:read",
    "users:read",
];

/// The events that a new app is subscribed to.
const EVENTS: &[&str] = &[
    "app_mention",
    "channel_archive",
    "channel_deleted",
    "channel_left",
    "group_archive",
    "group_deleted",
    "group_left",
    "member_joined_channel",
    "message.channels",
    "message.groups",
    "message.im",
    "message.mpim",
    "reaction_added",
];

fn words(all: &[&str]) -> BTreeSet<String> {
    all.iter().map(|word| (*word).to_owned()).collect()
}

impl FakeSlack {
    /// A workspace with an app and its bot user `wilco`, the command `/wilco`, and no channel.
    pub fn add_team(&self, name: &str) -> Id {
        self.with(|state, _| {
            let ids = &mut state.world.ids;
            let (id, app, bot_user, bot) = (ids.next("T"), ids.next("A"), ids.next("U"), ids.next("B"));
            let (word, app_word, signing_secret) = (ids.word(), ids.word(), ids.word());
            let user = User {
                id: bot_user.clone(),
                team: id.clone(),
                name: "wilco".to_owned(),
                bot: true,
                deleted: false,
                zone: "Etc/UTC".to_owned(),
                admin: false,
                owner: false,
                guest: false,
            };
            state.world.users.insert(bot_user.clone(), user);
            let team = Team {
                id: id.clone(),
                name: name.to_owned(),
                domain: name.to_lowercase().replace(' ', "-"),
                token: format!("xoxb-{}", &word[..24]),
                app_token: format!("xapp-1-{app}-{}", &app_word[..24]),
                signing_secret,
                app,
                bot_user,
                bot,
                refused: None,
                socket_mode: true,
                interactivity: true,
                scopes: words(SCOPES),
                commands: words(&["/wilco"]),
                escapes_commands: false,
                shortcuts: BTreeMap::new(),
                global_shortcuts: BTreeMap::new(),
                events: words(EVENTS),
            };
            state.world.teams.insert(id.clone(), team);
            id
        })
    }

    /// The bot's token of a workspace (`xoxb-…`).
    pub fn token(&self, team: &str) -> String {
        self.state().world.teams.get(team).map(|team| team.token.clone()).unwrap_or_default()
    }

    /// The app's token of a workspace (`xapp-…`).
    pub fn app_token(&self, team: &str) -> String {
        self.state().world.teams.get(team).map(|team| team.app_token.clone()).unwrap_or_default()
    }

    /// The bot user of a workspace.
    pub fn bot(&self, team: &str) -> Id {
        self.state().world.teams.get(team).map(|team| team.bot_user.clone()).unwrap_or_default()
    }

    /// Changes a workspace and its app: scopes, subscriptions, commands, shortcuts.
    pub fn change_team(&self, team: &str, change: impl FnOnce(&mut Team)) {
        self.with(|state, _| state.world.teams.get_mut(team).map(change));
    }

    /// Refuses both tokens of a workspace from now on with an error such as `token_revoked`, or takes them again.
    /// Connections are told `link_disabled` and closed. Where another workspace has the same app, the app's token and
    /// its connections stay good for that one.
    pub fn refuse_tokens(&self, team: &str, error: Option<&str>) {
        self.change_team(team, |team| team.refused = error.map(str::to_owned));
    }

    /// Switches Socket Mode of a workspace's app on or off, for every workspace that has the app.
    pub fn socket_mode(&self, team: &str, on: bool) {
        self.with(|state, _| {
            let Some(app) = state.world.teams.get(team).map(|team| team.app.clone()) else { return };
            for having in state.world.teams.values_mut().filter(|one| one.app == app) {
                having.socket_mode = on;
            }
            if !on {
                state.disconnect_all(&app, super::Reason::LinkDisabled);
            }
        });
    }

    /// Whether a command or a button that nobody acknowledges in time comes again from now on, as events do.
    pub fn redeliver_commands(&self, again: bool) {
        self.with(|state, _| state.settings.redeliver_commands = again);
    }

    /// Installs the app of one workspace in another one, in place of its own: as on Slack, each has a bot user and a
    /// token of its own, while the app's id and its `xapp-` token are one. Its connections then carry what happens in
    /// any of the workspaces, whichever turn it is.
    pub fn share_app(&self, of: &str, with: &str) {
        self.with(|state, _| {
            let Some(shared) = state.world.teams.get(of).cloned() else { return };
            if let Some(team) = state.world.teams.get_mut(with) {
                let Team { id, name, domain, bot_user, bot, token, refused, .. } = team.clone();
                *team = Team { id, name, domain, bot_user, bot, token, refused, ..shared };
            }
        });
    }

    /// A person of a workspace, who is in no channel yet.
    pub fn add_person(&self, team: &str, name: &str) -> Id {
        self.with(|state, _| {
            let id = state.world.ids.next("U");
            let user = User {
                id: id.clone(),
                team: team.to_owned(),
                name: name.to_owned(),
                bot: false,
                deleted: false,
                zone: "Europe/Berlin".to_owned(),
                admin: false,
                owner: false,
                guest: false,
            };
            state.world.users.insert(id.clone(), user);
            id
        })
    }

    /// Changes a person: their zone, whether they are a guest, administrate, or were switched off.
    pub fn change_person(&self, person: &str, change: impl FnOnce(&mut User)) {
        self.with(|state, _| state.world.users.get_mut(person).map(change));
    }

    /// A channel with everybody of the workspace in it, the bot included.
    pub fn add_channel(&self, team: &str, name: &str) -> Id {
        self.add_place(team, name, Kind::Public)
    }

    /// A private channel with everybody of the workspace in it, the bot included.
    pub fn add_private_channel(&self, team: &str, name: &str) -> Id {
        self.add_place(team, name, Kind::Private)
    }

    /// A direct message of several people and the bot.
    pub fn add_group_message(&self, team: &str, people: &[&str]) -> Id {
        let id = self.add_place(team, &format!("mpdm-{}-1", people.join("--")), Kind::Group);
        self.with(|state, _| {
            let bot = state.world.teams.get(team).map(|team| team.bot_user.clone());
            if let Some(place) = state.world.channels.get_mut(&id) {
                place.members = words(people).into_iter().chain(bot).collect();
            }
        });
        id
    }

    fn add_place(&self, team: &str, name: &str, kind: Kind) -> Id {
        self.with(|state, now| {
            let id = state.world.ids.next("C");
            let members = state.world.users.values().filter(|user| user.team == team);
            let channel = Channel {
                id: id.clone(),
                team: team.to_owned(),
                shared: BTreeSet::new(),
                name: name.to_owned(),
                kind,
                members: members.map(|user| user.id.clone()).collect(),
                archived: false,
                refuses: None,
                created: now.wall,
            };
            state.world.channels.insert(id.clone(), channel);
            id
        })
    }

    /// A group of users.
    pub fn add_group(&self, team: &str, handle: &str, users: &[&str]) -> Id {
        self.with(|state, _| {
            let id = state.world.ids.next("S");
            let group = Group { id: id.clone(), team: team.to_owned(), handle: handle.to_owned(), users: words(users) };
            state.world.groups.insert(id.clone(), group);
            id
        })
    }

    /// Changes who is in a group of users.
    pub fn change_group(&self, group: &str, users: &[&str]) {
        self.with(|state, now| {
            let Some(kept) = state.world.groups.get_mut(group) else { return };
            let before = std::mem::replace(&mut kept.users, words(users));
            let kept = kept.clone();
            let event = json!({
                "type": "subteam_members_changed", "subteam_id": kept.id, "team_id": kept.team,
                "added_users": kept.users.difference(&before).collect::<Vec<_>>(),
                "removed_users": before.difference(&kept.users).collect::<Vec<_>>(),
            });
            state.tell_app(&kept.team, event, now);
        });
    }

    /// Tells the app that it was taken out of its workspace. Whether its tokens are good is said by
    /// [`refuse_tokens`](Self::refuse_tokens).
    pub fn tell_uninstalled(&self, team: &str) {
        self.with(|state, now| {
            state.tell_app(team, json!({"type": "app_uninstalled"}), now);
            let tokens = state.world.teams.get(team).map(|team| json!({"bot": [team.bot_user]}));
            state.tell_app(team, json!({"type": "tokens_revoked", "tokens": tokens}), now);
        });
    }

    /// Shares a channel with another workspace (Slack Connect).
    pub fn share(&self, channel: &str, team: &str) {
        self.with(|state, _| {
            if let Some(channel) = state.world.channels.get_mut(channel) {
                channel.shared.insert(team.to_owned());
            }
        });
    }

    /// Somebody comes into a channel: a person, the bot, or a person of a workspace that it is shared with.
    pub fn join(&self, channel: &str, user: &str) {
        self.with(|state, now| {
            let Some(place) = state.world.channels.get_mut(channel) else { return };
            place.members.insert(user.to_owned());
            let event = json!({"user": user, "team": place.team, "channel_type": "C"});
            state.tell_channel(&channel.to_owned(), "member_joined_channel", event, now);
        });
    }

    /// Somebody leaves a channel, or is put out of it.
    pub fn leave(&self, channel: &str, user: &str) {
        self.with(|state, now| {
            let event = json!({"actor_id": user});
            if state.world.team_of_bot(user).is_some() {
                state.tell_place(&channel.to_owned(), "left", event, now);
            }
            if let Some(place) = state.world.channels.get_mut(channel) {
                place.members.remove(user);
            }
        });
    }

    /// Puts a channel away, or brings it back.
    pub fn archive(&self, channel: &str, archived: bool) {
        self.with(|state, now| {
            let Some(place) = state.world.channels.get_mut(channel) else { return };
            place.archived = archived;
            if archived {
                state.tell_place(&channel.to_owned(), "archive", json!({}), now);
            }
        });
    }

    /// Deletes a channel. Its messages stay in the transcript's memory.
    pub fn delete_channel(&self, channel: &str) {
        self.with(|state, now| {
            state.tell_place(&channel.to_owned(), "deleted", json!({}), now);
            state.world.channels.remove(channel);
        });
    }

    /// Refuses what the bot would write in a channel with an error such as `restricted_action`, or no more.
    pub fn refuse_in(&self, channel: &str, error: Option<&str>) {
        self.with(|state, _| {
            if let Some(channel) = state.world.channels.get_mut(channel) {
                channel.refuses = error.map(str::to_owned);
            }
        });
    }

    /// A person of any workspace, by name.
    pub fn person_named(&self, name: &str) -> Option<Id> {
        let state = self.state();
        state.world.users.values().find(|user| user.name == name && !user.bot).map(|user| user.id.clone())
    }

    /// A channel of any workspace, by name.
    pub fn channel_named(&self, name: &str) -> Option<Id> {
        let state = self.state();
        let named = |one: &&Channel| one.name == name && one.kind != Kind::Direct;
        state.world.channels.values().find(named).map(|channel| channel.id.clone())
    }

    /// The direct messages of a person with the bot of their workspace, begun if there are none.
    pub fn direct(&self, person: &str) -> Option<Id> {
        self.with(|state, now| {
            let team = state.world.users.get(person)?.team.clone();
            state.world.open_direct(&team, person, now.wall)
        })
    }
}
