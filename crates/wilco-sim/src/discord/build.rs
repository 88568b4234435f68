//! Building a world: guilds, roles, channels and persons.

use std::collections::BTreeMap;

use serde_json::json;

use super::gateway::Audience;
use super::ids::{Id, text};
use super::permissions;
use super::world::{Channel, Guild, Member, Overwrite, Role, User};
use super::{FakeDiscord, objects};

impl FakeDiscord {
    /// A person, who is in no guild yet.
    pub fn add_person(&self, name: &str) -> Id {
        self.with(|state, now| {
            let id = state.world.ids.next(now.wall);
            let user = User { id, name: name.to_owned(), bot: false, takes_direct_messages: true };
            state.world.users.insert(id, user);
            id
        })
    }

    /// A guild that the person owns and that the bot is in, with what a bot usually gets. It has no channel.
    pub fn add_guild(&self, name: &str, owner: Id) -> Id {
        let id = self.with(|state, now| {
            let id = state.world.ids.next(now.wall);
            let everyone = Role { id, name: "@everyone".to_owned(), permissions: permissions::EVERYONE };
            let member = Member { user: owner, roles: Vec::new(), joined: now.wall };
            let guild = Guild {
                id,
                name: name.to_owned(),
                owner,
                roles: BTreeMap::from([(id, everyone)]),
                members: BTreeMap::from([(owner, member)]),
            };
            state.world.guilds.insert(id, guild);
            id
        });
        self.invite_bot(id);
        id
    }

    /// The bot comes into a guild (again).
    pub fn invite_bot(&self, guild: Id) {
        self.with(|state, now| {
            let bot = state.world.bot;
            let Some(place) = state.world.guilds.get_mut(&guild) else { return };
            place.members.insert(bot, Member { user: bot, roles: Vec::new(), joined: now.wall });
            if let Some(place) = state.world.guilds.get(&guild) {
                let data = objects::whole_guild(&state.world, place);
                state.gateway.emit(&state.world, Audience::guilds(), "GUILD_CREATE", &data);
            }
        });
    }

    /// The bot is thrown out of a guild.
    pub fn kick_bot(&self, guild: Id) {
        self.with(|state, _| {
            let bot = state.world.bot;
            let Some(place) = state.world.guilds.get_mut(&guild) else { return };
            place.members.remove(&bot);
            let data = json!({"id": guild.to_string()});
            state.gateway.emit(&state.world, Audience::guilds(), "GUILD_DELETE", &data);
        });
    }

    /// A person comes into a guild.
    pub fn join(&self, guild: Id, person: Id) {
        self.with(|state, now| {
            let member = Member { user: person, roles: Vec::new(), joined: now.wall };
            if let Some(place) = state.world.guilds.get_mut(&guild) {
                place.members.insert(person, member.clone());
            }
            let mut data = objects::member(&state.world, &member);
            data["guild_id"] = text(guild);
            let audience = Audience { intents: super::intents::GUILD_MEMBERS, channel: None, words: false };
            state.gateway.emit(&state.world, audience, "GUILD_MEMBER_ADD", &data);
        });
    }

    /// A role that allows something in the whole guild.
    pub fn add_role(&self, guild: Id, name: &str, permissions: u64) -> Id {
        self.with(|state, now| {
            let id = state.world.ids.next(now.wall);
            if let Some(place) = state.world.guilds.get_mut(&guild) {
                place.roles.insert(id, Role { id, name: name.to_owned(), permissions });
            }
            id
        })
    }

    /// Gives a member a role. The member may be the bot.
    pub fn give_role(&self, guild: Id, user: Id, role: Id) {
        self.with(|state, _| {
            let place = state.world.guilds.get_mut(&guild);
            if let Some(member) = place.and_then(|place| place.members.get_mut(&user))
                && !member.roles.contains(&role)
            {
                member.roles.push(role);
            }
            let guild_now = state.world.guilds.get(&guild);
            let Some(member) = guild_now.and_then(|place| place.members.get(&user)) else { return };
            let mut data = objects::member(&state.world, member);
            data["guild_id"] = text(guild);
            let audience = Audience { intents: super::intents::GUILD_MEMBERS, channel: None, words: false };
            state.gateway.emit(&state.world, audience, "GUILD_MEMBER_UPDATE", &data);
        });
    }

    /// Sets what everybody may do in a guild.
    pub fn set_everyone(&self, guild: Id, permissions: u64) {
        self.with(|state, _| {
            let role = state.world.guilds.get_mut(&guild).and_then(|place| place.roles.get_mut(&guild));
            if let Some(role) = role {
                role.permissions = permissions;
            }
        });
    }

    /// A text channel.
    pub fn add_channel(&self, guild: Id, name: &str) -> Id {
        self.with(|state, now| {
            let id = state.world.ids.next(now.wall);
            let channel = Channel { id, guild: Some(guild), name: name.to_owned(), ..Channel::blank() };
            state.world.channels.insert(id, channel);
            state.tell_thread(id, "CHANNEL_CREATE");
            id
        })
    }

    /// Allows and denies something in one channel, for a member or a role (that of everybody has the
    /// guild's id). Takes the place of what was said of them there before.
    pub fn overwrite(&self, channel: Id, whom: Id, allow: u64, deny: u64) {
        self.with(|state, _| {
            let member = state.world.users.contains_key(&whom);
            if let Some(place) = state.world.channels.get_mut(&channel) {
                place.overwrites.retain(|one| one.id != whom);
                place.overwrites.push(Overwrite { id: whom, member, allow, deny });
            }
            state.tell_thread(channel, "CHANNEL_UPDATE");
        });
    }

    /// Takes permissions away from the bot in one channel.
    pub fn deny_bot(&self, channel: Id, deny: u64) {
        self.overwrite(channel, self.bot(), 0, deny);
    }

    /// Slow mode of a channel, in seconds.
    pub fn slow_mode(&self, channel: Id, seconds: u64) {
        self.with(|state, _| {
            if let Some(place) = state.world.channels.get_mut(&channel) {
                place.slow_mode = seconds;
            }
        });
    }

    /// Whether a person takes direct messages from the bot.
    pub fn takes_direct_messages(&self, person: Id, takes: bool) {
        self.with(|state, _| {
            if let Some(user) = state.world.users.get_mut(&person) {
                user.takes_direct_messages = takes;
            }
        });
    }

    /// The direct message of the bot with a person.
    pub fn direct(&self, person: Id) -> Id {
        self.with(|state, now| state.world.open_direct(person, now.wall))
    }

    /// A channel or thread by its name, such as `ops`.
    pub fn channel_named(&self, name: &str) -> Option<Id> {
        let state = self.state();
        state.world.channels.values().find(|channel| channel.name == name).map(|channel| channel.id)
    }

    /// A person by name.
    pub fn person_named(&self, name: &str) -> Option<Id> {
        let state = self.state();
        state.world.users.values().find(|user| user.name == name).map(|user| user.id)
    }
}
