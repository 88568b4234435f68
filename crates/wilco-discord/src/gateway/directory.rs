//! What is known of guilds, channels and roles: who reads along somewhere, and what the bot may do there. It is a
//! view that the gateway keeps fresh, never a fact that a promise rests on: what is not known counts as narrower.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tracing::debug;

use crate::payload::{Channel, ChannelKind, Guild, Member, Role};
use crate::permissions::Permissions;
use crate::snowflake::Snowflake;

#[derive(Debug, Default)]
struct Known {
    owner: Snowflake,
    roles: BTreeMap<Snowflake, Permissions>,
    /// The bot's own roles there.
    own: Vec<Snowflake>,
    /// The role that Discord made for the bot; people pick it in mentions by mistake.
    managed: Option<Snowflake>,
}

/// All guilds of one session.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    me: Snowflake,
    guilds: BTreeMap<Snowflake, Known>,
    channels: BTreeMap<Snowflake, Channel>,
}

/// A channel as far as it matters for what is said there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    /// The channel or thread itself.
    pub(crate) id: Snowflake,
    pub(crate) kind: ChannelKind,
    pub(crate) guild: Option<Snowflake>,
    /// The channel around a thread.
    pub(crate) parent: Option<Snowflake>,
    /// Whether that one takes messages itself, which a forum does not.
    pub(crate) parent_takes: bool,
    /// Whether everybody in the guild can read it.
    pub(crate) open: bool,
}

#[derive(Deserialize)]
struct OfGuild<T> {
    guild_id: Snowflake,
    #[serde(flatten)]
    rest: T,
}

#[derive(Deserialize)]
struct RoleChange {
    role: Role,
}

#[derive(Deserialize)]
struct RoleGone {
    role_id: Snowflake,
}

#[derive(Deserialize)]
struct Threads {
    #[serde(default)]
    threads: Vec<Channel>,
}

impl Directory {
    /// An empty one for a session that begins.
    pub(crate) fn of(me: Snowflake) -> Self {
        Self { me, ..Self::default() }
    }

    /// The bot's own user id.
    pub(crate) fn me(&self) -> Snowflake {
        self.me
    }

    /// Whether a guild has been announced.
    pub(crate) fn knows(&self, guild: Snowflake) -> bool {
        self.guilds.contains_key(&guild)
    }

    /// Takes an event in; whether it was one of those that say something about guilds.
    pub(crate) fn apply(&mut self, name: &str, data: &Value) -> bool {
        match name {
            "GUILD_CREATE" => read(data, name, |guild: Guild| self.guild(guild)),
            "GUILD_UPDATE" => read(data, name, |guild: Guild| {
                if let Some(known) = self.guilds.get_mut(&guild.id) {
                    known.owner = guild.owner_id;
                    known.take_roles(&guild.roles, self.me);
                }
            }),
            "GUILD_DELETE" => read(data, name, |guild: Guild| {
                // An outage says so; the bot is still in it.
                if !guild.unavailable {
                    self.guilds.remove(&guild.id);
                    self.channels.retain(|_, channel| channel.guild_id != Some(guild.id));
                }
            }),
            "GUILD_ROLE_CREATE" | "GUILD_ROLE_UPDATE" => read(data, name, |change: OfGuild<RoleChange>| {
                if let Some(known) = self.guilds.get_mut(&change.guild_id) {
                    known.roles.insert(change.rest.role.id, change.rest.role.permissions);
                }
            }),
            "GUILD_ROLE_DELETE" => read(data, name, |gone: OfGuild<RoleGone>| {
                if let Some(known) = self.guilds.get_mut(&gone.guild_id) {
                    known.roles.remove(&gone.rest.role_id);
                }
            }),
            "GUILD_MEMBER_UPDATE" => read(data, name, |member: OfGuild<Member>| {
                let own = member.rest.user.as_ref().is_some_and(|user| user.id == self.me);
                if let Some(known) = self.guilds.get_mut(&member.guild_id).filter(|_| own) {
                    known.own = member.rest.roles;
                }
            }),
            "CHANNEL_CREATE" | "CHANNEL_UPDATE" | "THREAD_CREATE" | "THREAD_UPDATE" => {
                read(data, name, |channel: Channel| self.learn(channel))
            }
            "CHANNEL_DELETE" | "THREAD_DELETE" => read(data, name, |channel: Channel| {
                self.channels.remove(&channel.id);
            }),
            "THREAD_LIST_SYNC" => read(data, name, |list: OfGuild<Threads>| {
                for thread in list.rest.threads {
                    self.learn(Channel { guild_id: Some(list.guild_id), ..thread });
                }
            }),
            _ => return false,
        }
        true
    }

    fn guild(&mut self, guild: Guild) {
        if guild.unavailable {
            return;
        }
        let own = guild.members.iter().find(|member| member.user.as_ref().is_some_and(|user| user.id == self.me));
        let mut known = Known {
            owner: guild.owner_id,
            own: own.map(|me| me.roles.clone()).unwrap_or_default(),
            ..Known::default()
        };
        known.take_roles(&guild.roles, self.me);
        self.guilds.insert(guild.id, known);
        for channel in guild.channels.into_iter().chain(guild.threads) {
            self.learn(Channel { guild_id: Some(guild.id), ..channel });
        }
    }

    /// Remembers a channel, such as one that was asked for because no event has told of it.
    pub(crate) fn learn(&mut self, channel: Channel) {
        self.channels.insert(channel.id, channel);
    }

    /// Whether a channel is known, and the one around it if it is a thread.
    pub(crate) fn has(&self, channel: Snowflake) -> bool {
        self.channels.get(&channel).is_some_and(|known| {
            !known.kind().is_thread() || known.parent_id.is_some_and(|parent| self.channels.contains_key(&parent))
        })
    }

    /// A channel that is known.
    pub(crate) fn spot(&self, channel: Snowflake) -> Option<Spot> {
        self.channels.get(&channel).map(|known| self.spot_of(known))
    }

    /// What is known of the channel that came with an interaction, which tells its kind and its parent itself.
    pub(crate) fn spot_of(&self, channel: &Channel) -> Spot {
        let kind = channel.kind();
        let known = self.channels.get(&channel.id);
        let guild = channel.guild_id.or_else(|| known.and_then(|known| known.guild_id));
        let parent = channel.parent_id.or_else(|| known.and_then(|known| known.parent_id));
        let parent = parent.filter(|_| kind.is_thread());
        let around = parent.and_then(|parent| self.channels.get(&parent));
        Spot {
            id: channel.id,
            kind,
            guild,
            parent,
            parent_takes: around.is_some_and(|around| around.kind() == ChannelKind::Text),
            open: match kind {
                ChannelKind::PrivateThread | ChannelKind::Direct | ChannelKind::Group => false,
                ChannelKind::PublicThread => around.is_some_and(|around| self.is_open(around, guild)),
                ChannelKind::Text | ChannelKind::Forum | ChannelKind::Other => {
                    known.is_some_and(|known| self.is_open(known, guild))
                }
            },
        }
    }

    fn is_open(&self, channel: &Channel, guild: Option<Snowflake>) -> bool {
        let Some((guild, known)) = guild.and_then(|guild| Some((guild, self.guilds.get(&guild)?))) else {
            return false;
        };
        let base = known.roles.get(&guild).copied().unwrap_or_default();
        let everybody = Permissions::in_channel(base, guild, &[], None, &channel.permission_overwrites);
        everybody.has(Permissions::VIEW_CHANNEL)
    }

    /// What somebody with these roles may do in a channel; none when guild or channel are not known.
    pub(crate) fn allowed(&self, spot: &Spot, user: Snowflake, roles: &[Snowflake]) -> Option<Permissions> {
        let guild = spot.guild?;
        let known = self.guilds.get(&guild)?;
        // A thread has no overwrites of its own: those of its channel count.
        let channel = self.channels.get(&spot.parent.unwrap_or(spot.id))?;
        if known.owner == user {
            return Some(Permissions::ADMINISTRATOR);
        }
        let of = |role: &Snowflake| known.roles.get(role).copied().unwrap_or_default();
        let base = roles.iter().map(of).fold(of(&guild), |all, one| all | one);
        Some(Permissions::in_channel(base, guild, roles, Some(user), &channel.permission_overwrites))
    }

    /// What the bot may do in a channel; none when that is not known.
    pub(crate) fn own(&self, spot: &Spot) -> Option<Permissions> {
        let roles = &self.guilds.get(&spot.guild?)?.own;
        self.allowed(spot, self.me, roles)
    }

    /// Channels and threads with a message that is younger than one, as their guild told it when the session began, the
    /// last spoken in first; those that the bot may read.
    pub(crate) fn spoken_in_since(&self, last: Snowflake) -> Vec<(Snowflake, Option<Snowflake>)> {
        let reads = |channel: &Channel| {
            let own = self.own(&self.spot_of(channel));
            own.is_some_and(|own| own.has(Permissions::VIEW_CHANNEL) && own.has(Permissions::READ_HISTORY))
        };
        let takes = |channel: &&Channel| match channel.kind() {
            ChannelKind::Text | ChannelKind::PublicThread | ChannelKind::PrivateThread => true,
            ChannelKind::Direct | ChannelKind::Group | ChannelKind::Forum | ChannelKind::Other => false,
        };
        let younger = |channel: &&Channel| channel.last_message_id.is_some_and(|newest| newest > last);
        let mut found: Vec<&Channel> =
            self.channels.values().filter(takes).filter(younger).filter(|channel| reads(channel)).collect();
        found.sort_by_key(|channel| std::cmp::Reverse(channel.last_message_id));
        found.into_iter().map(|channel| (channel.id, channel.guild_id)).collect()
    }

    /// Whether a role is the one that Discord made for the bot.
    pub(crate) fn is_own_role(&self, guild: Option<Snowflake>, role: Snowflake) -> bool {
        guild.and_then(|guild| self.guilds.get(&guild)).is_some_and(|known| known.managed == Some(role))
    }
}

impl Known {
    fn take_roles(&mut self, roles: &[Role], me: Snowflake) {
        self.roles = roles.iter().map(|role| (role.id, role.permissions)).collect();
        let own = |role: &&Role| role.tags.as_ref().is_some_and(|tags| tags.bot_id == Some(me));
        self.managed = roles.iter().find(own).map(|role| role.id);
    }
}

fn read<T: DeserializeOwned>(data: &Value, name: &str, act: impl FnOnce(T)) {
    match T::deserialize(data) {
        Ok(value) => act(value),
        Err(why) => debug!(name, %why, "discord: an event about guilds does not read and is left out"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn directory() -> Directory {
        let mut all = Directory::of(Snowflake(9));
        let guild = json!({
            "id": "1", "owner_id": "5",
            "roles": [
                { "id": "1", "permissions": "3072" },
                { "id": "2", "permissions": "8192" },
                { "id": "3", "permissions": "0", "tags": { "bot_id": "9" } },
            ],
            "members": [{ "user": { "id": "9" }, "roles": ["3"] }],
            "channels": [
                { "id": "10", "type": 0 },
                { "id": "11", "type": 0, "permission_overwrites": [
                    { "id": "1", "type": 0, "allow": "0", "deny": "1024" },
                    { "id": "3", "type": 0, "allow": "1024", "deny": "2048" },
                ]},
                { "id": "12", "type": 15 },
            ],
            "threads": [
                { "id": "20", "type": 11, "parent_id": "10" },
                { "id": "21", "type": 12, "parent_id": "10" },
                { "id": "22", "type": 11, "parent_id": "11" },
                { "id": "23", "type": 11, "parent_id": "12" },
            ],
        });
        assert!(all.apply("GUILD_CREATE", &guild));
        all
    }

    #[test]
    fn who_reads_along_follows_from_the_channel() {
        let all = directory();
        let open = |id| all.spot(Snowflake(id)).unwrap().open;
        assert!(open(10) && open(20), "a channel of everybody and its public thread");
        assert!(!open(11) && !open(22), "a channel that is hidden from everybody, and its thread");
        assert!(!open(21), "a private thread");
        let post = all.spot(Snowflake(23)).unwrap();
        assert!(post.open && !post.parent_takes, "a forum takes no messages itself");
        assert!(all.spot(Snowflake(20)).unwrap().parent_takes);
    }

    #[test]
    fn what_is_not_known_counts_as_narrow() {
        let mut all = Directory::of(Snowflake(9));
        all.learn(Channel { id: Snowflake(10), guild_id: Some(Snowflake(1)), ..Channel::default() });
        let spot = all.spot(Snowflake(10)).unwrap();
        assert!(!spot.open);
        assert_eq!(all.own(&spot), None);
        assert!(all.spot(Snowflake(99)).is_none());
    }

    #[test]
    fn the_bots_own_permissions_are_computed_and_change_with_events() {
        let mut all = directory();
        let missing = |all: &Directory, id| {
            let spot = all.spot(Snowflake(id)).unwrap();
            all.own(&spot).unwrap().missing_to_speak(spot.kind)
        };
        assert!(missing(&all, 10).is_empty());
        assert_eq!(missing(&all, 11), ["Send Messages"]);
        assert_eq!(missing(&all, 20), ["Send Messages in Threads"]);
        all.apply("GUILD_ROLE_UPDATE", &json!({ "guild_id": "1", "role": { "id": "3", "permissions": "8" } }));
        assert!(missing(&all, 11).is_empty(), "an administrator now");
        all.apply("GUILD_MEMBER_UPDATE", &json!({ "guild_id": "1", "user": { "id": "9" }, "roles": [] }));
        assert_eq!(missing(&all, 11), ["View Channel"]);
        all.apply("CHANNEL_UPDATE", &json!({ "id": "11", "type": 0, "guild_id": "1", "permission_overwrites": [] }));
        assert!(missing(&all, 11).is_empty());
        all.apply("GUILD_DELETE", &json!({ "id": "1", "unavailable": true }));
        assert!(all.knows(Snowflake(1)), "an outage");
        all.apply("GUILD_DELETE", &json!({ "id": "1" }));
        assert!(!all.knows(Snowflake(1)) && !all.has(Snowflake(10)));
    }

    #[test]
    fn channels_with_something_new_are_found_where_the_bot_may_read() {
        let mut all = directory();
        assert!(all.spoken_in_since(Snowflake(0)).is_empty(), "nothing was said anywhere");
        let learn = |all: &mut Directory, id, number, parent, last| {
            let (parent_id, last_message_id) = (parent, Some(Snowflake(last)));
            let guild_id = Some(Snowflake(1));
            let more =
                Channel { id: Snowflake(id), number, guild_id, parent_id, last_message_id, ..Channel::default() };
            all.learn(more);
        };
        learn(&mut all, 10, 0, None, 100);
        learn(&mut all, 20, 11, Some(Snowflake(10)), 300);
        learn(&mut all, 12, 15, None, 400);
        assert!(all.spoken_in_since(Snowflake(50)).is_empty(), "the bot may not read the history");
        let read = "68608";
        all.apply("GUILD_ROLE_UPDATE", &json!({ "guild_id": "1", "role": { "id": "1", "permissions": read } }));
        let found = |last| all.spoken_in_since(Snowflake(last)).into_iter().map(|(id, _)| id.0).collect::<Vec<_>>();
        assert_eq!(found(50), [20, 10], "the newest first, and no forum");
        assert_eq!(found(100), [20]);
        assert!(found(300).is_empty());
    }

    #[test]
    fn the_owner_and_the_roles_of_a_person_count() {
        let all = directory();
        let spot = all.spot(Snowflake(10)).unwrap();
        assert!(all.allowed(&spot, Snowflake(5), &[]).unwrap().moderates());
        assert!(all.allowed(&spot, Snowflake(6), &[Snowflake(2)]).unwrap().moderates());
        assert!(!all.allowed(&spot, Snowflake(6), &[]).unwrap().moderates());
        assert!(all.is_own_role(Some(Snowflake(1)), Snowflake(3)) && !all.is_own_role(None, Snowflake(3)));
    }

    #[test]
    fn other_events_are_not_its_business() {
        assert!(!Directory::default().apply("TYPING_START", &json!({})));
        assert!(
            Directory::default().apply("GUILD_CREATE", &json!({ "id": "not a number" })),
            "and a bad one is left out"
        );
    }
}
