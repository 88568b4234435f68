//! Users, guilds, members, channels: what a bot asks to know where it is.

use serde_json::{Value, json};

use super::{Call, Outcome, Reply};
use crate::discord::error;
use crate::discord::gateway::intents;
use crate::discord::ids::{self, Id, text};
use crate::discord::objects;
use crate::discord::permissions;
use crate::discord::state::{Moment, State};

impl State {
    pub(super) fn own_user(&self) -> Outcome {
        let mut user = objects::user_of(&self.world, self.world.bot);
        user["mfa_enabled"] = json!(false);
        user["locale"] = json!("en-US");
        user["premium_type"] = json!(0);
        user["email"] = Value::Null;
        user["verified"] = json!(true);
        Ok(Reply::json(user))
    }

    pub(super) fn own_guilds(&self) -> Reply {
        let ours = self.world.guilds.values().filter(|guild| guild.members.contains_key(&self.world.bot));
        let all = ours.map(|guild| {
            let may = permissions::in_guild(guild, self.world.bot).to_string();
            json!({
                "id": guild.id.to_string(), "name": guild.name, "icon": null, "banner": null,
                "owner": guild.owner == self.world.bot, "permissions": may, "features": [],
            })
        });
        Reply::json(all.collect())
    }

    pub(super) fn open_direct(&mut self, call: &Call, now: Moment) -> Outcome {
        let person = ids::read(&call.body["recipient_id"]).unwrap_or(0);
        match self.world.users.get(&person) {
            None => return Err(error::UNKNOWN_USER.into()),
            Some(user) if user.bot => return Err(error::CANNOT_MESSAGE_USER.into()),
            Some(_) => {}
        }
        let channel = self.world.open_direct(person, now.wall);
        Ok(Reply::json(self.world.channels.get(&channel).map_or(Value::Null, |one| objects::channel(&self.world, one))))
    }

    pub(super) fn get_user(&self, call: &Call) -> Outcome {
        let user = self.world.users.get(&call.id(0)).ok_or(error::UNKNOWN_USER)?;
        Ok(Reply::json(objects::user(user)))
    }

    /// The bits that the portal's switches for privileged intents set.
    pub(in crate::discord) fn application_flags(&self) -> u64 {
        let granted = self.settings.privileged;
        let bit = |intent: u64, flag: u64| if granted & intent == 0 { 0 } else { flag };
        bit(intents::GUILD_PRESENCES, 1 << 13)
            | bit(intents::GUILD_MEMBERS, 1 << 15)
            | bit(intents::MESSAGE_CONTENT, 1 << 19)
    }

    pub(super) fn application(&self) -> Reply {
        let owner = self.world.guilds.values().next().map_or(self.world.bot, |guild| guild.owner);
        let name = self.world.name(self.world.bot);
        Reply::json(objects::application(&self.world, name, self.application_flags(), owner))
    }

    pub(super) fn get_guild(&self, call: &Call) -> Outcome {
        let mut guild = objects::guild(self.guild_for(call.id(0))?);
        if !call.flag("with_counts") {
            guild["approximate_member_count"] = Value::Null;
            guild["approximate_presence_count"] = Value::Null;
        }
        Ok(Reply::json(guild))
    }

    pub(super) fn guild_channels(&self, call: &Call) -> Outcome {
        let guild = self.guild_for(call.id(0))?.id;
        let here = self.world.channels.values().filter(|one| one.guild == Some(guild) && one.thread.is_none());
        Ok(Reply::json(here.map(|one| objects::channel(&self.world, one)).collect()))
    }

    pub(super) fn guild_roles(&self, call: &Call) -> Outcome {
        let guild = self.guild_for(call.id(0))?;
        Ok(Reply::json(guild.roles.values().map(|role| objects::role(guild, role)).collect()))
    }

    pub(super) fn members(&self, call: &Call) -> Outcome {
        let guild = self.guild_for(call.id(0))?;
        if self.settings.privileged & intents::GUILD_MEMBERS == 0 {
            return Err(error::MISSING_ACCESS.into());
        }
        let after: Id = call.query("after").and_then(|id| id.parse().ok()).unwrap_or(0);
        let limit: usize = call.query("limit").and_then(|limit| limit.parse().ok()).unwrap_or(1);
        let members = guild.members.range(after + 1..).take(limit);
        Ok(Reply::json(members.map(|(_, one)| objects::member(&self.world, one)).collect()))
    }

    pub(super) fn member(&self, call: &Call) -> Outcome {
        let guild = self.guild_for(call.id(0))?;
        if !self.world.users.contains_key(&call.id(1)) {
            return Err(error::UNKNOWN_USER.into());
        }
        let member = guild.members.get(&call.id(1)).ok_or(error::UNKNOWN_MEMBER)?;
        Ok(Reply::json(objects::member(&self.world, member)))
    }

    pub(super) fn active_threads(&self, call: &Call) -> Outcome {
        let guild = self.guild_for(call.id(0))?.id;
        let sees = |id: Id| self.channel_for(id, 0).is_ok();
        let open = |one: &&crate::discord::world::Channel| {
            one.guild == Some(guild) && one.thread.as_ref().is_some_and(|thread| !thread.archived) && sees(one.id)
        };
        let threads: Vec<_> = self.world.channels.values().filter(open).collect();
        let ours = threads
            .iter()
            .filter(|one| one.thread.as_ref().is_some_and(|thread| thread.members.contains(&self.world.bot)));
        Ok(Reply::json(json!({
            "threads": threads.iter().map(|one| objects::channel(&self.world, one)).collect::<Vec<_>>(),
            "members": ours.map(|one| objects::thread_member(one, self.world.bot)).collect::<Vec<_>>(),
            "has_more": false,
        })))
    }

    pub(super) fn get_channel(&self, call: &Call) -> Outcome {
        let channel = self.channel_for(call.id(0), 0)?;
        Ok(Reply::json(objects::channel(&self.world, channel)))
    }

    /// Where the gateway is.
    pub(super) fn gateway_address(&self) -> Value {
        json!({"url": self.base.replacen("http", "ws", 1)})
    }

    /// Where it is, and how many sessions may be started until when.
    pub(super) fn gateway_start(&mut self, now: Moment) -> Value {
        let (remaining, reset_after) = self.starts_left(now);
        json!({
            "url": self.base.replacen("http", "ws", 1), "shards": 1,
            "session_start_limit": {
                "total": self.settings.session_starts, "remaining": remaining,
                "reset_after": u64::try_from(reset_after.as_millis()).unwrap_or(u64::MAX), "max_concurrency": 1,
            },
        })
    }

    /// Who a message belongs to, as the gateway adds it.
    pub(super) fn with_place(&self, mut message: Value, channel: Id, author: Id) -> Value {
        if let Some(guild) = self.world.channels.get(&channel).and_then(|channel| channel.guild) {
            message["guild_id"] = text(guild);
            if let Some(member) = self.world.guilds.get(&guild).and_then(|guild| guild.members.get(&author)) {
                message["member"] = objects::bare_member(member);
            }
        }
        message
    }
}
