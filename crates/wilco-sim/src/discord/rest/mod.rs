//! What each route does, once a request has passed everything that stands before it.

mod answers;
mod commands;
mod lookups;
mod messages;
mod reading;
mod threads;

use std::sync::Arc;

use serde_json::Value;

use super::error::{self, Refusal};
use super::ids::Id;
use super::permissions;
use super::routes::Op;
use super::state::{Moment, State};
use super::world::Channel;

pub(super) use messages::{Draft, mentions};

/// A file that came with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Upload {
    /// The number in `files[n]`.
    pub(super) number: Option<u64>,
    pub(super) name: String,
    pub(super) media: String,
    pub(super) bytes: Arc<[u8]>,
}

/// A request that was read.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) op: Op,
    /// The parts of the path that stand for names, in order.
    pub(super) names: Vec<String>,
    pub(super) query: Vec<(String, String)>,
    pub(super) body: Value,
    pub(super) files: Vec<Upload>,
}

impl Call {
    /// The id at a place of the path; 0, which nothing has, when it is none.
    pub(super) fn id(&self, at: usize) -> Id {
        self.names.get(at).and_then(|name| name.parse().ok()).unwrap_or(0)
    }

    /// A name at a place of the path.
    pub(super) fn name(&self, at: usize) -> &str {
        self.names.get(at).map_or("", String::as_str)
    }

    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.query(name).is_some_and(|value| value.eq_ignore_ascii_case("true") || value == "1")
    }
}

/// What a route answers when it works.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) body: Option<Value>,
    /// The message that it is about, for the log.
    pub(super) message: Option<Id>,
}

impl Reply {
    pub(super) fn nothing() -> Self {
        Self { body: None, message: None }
    }

    pub(super) fn json(body: Value) -> Self {
        Self { body: Some(body), message: None }
    }
}

pub(super) type Outcome = Result<Reply, Refusal>;

impl State {
    /// Does what a call asks for.
    pub(super) fn apply(&mut self, call: &Call, now: Moment) -> Outcome {
        match call.op {
            Op::GetGateway => Ok(Reply::json(self.gateway_address())),
            Op::GetGatewayBot => Ok(Reply::json(self.gateway_start(now))),
            Op::GetOwnUser => self.own_user(),
            Op::GetOwnGuilds => Ok(self.own_guilds()),
            Op::OpenDirect => self.open_direct(call, now),
            Op::GetUser => self.get_user(call),
            Op::GetApplication | Op::GetOauthApplication => Ok(self.application()),
            Op::GetEmojis => Ok(Reply::json(serde_json::json!({"items": []}))),
            Op::GetRegions => Ok(Reply::json(serde_json::json!([]))),
            Op::GetCommands | Op::GetGuildCommands => self.list_commands(call),
            Op::SetCommands | Op::SetGuildCommands => self.set_commands(call, now),
            Op::CreateCommand | Op::CreateGuildCommand => self.create_command(call, now),
            Op::GetCommand | Op::GetGuildCommand => self.get_command(call),
            Op::EditCommand | Op::EditGuildCommand => self.edit_command(call, now),
            Op::DeleteCommand | Op::DeleteGuildCommand => self.delete_command(call),
            Op::GetGuild => self.get_guild(call),
            Op::GetGuildChannels => self.guild_channels(call),
            Op::GetGuildRoles => self.guild_roles(call),
            Op::GetMembers => self.members(call),
            Op::GetMember => self.member(call),
            Op::GetActiveThreads => self.active_threads(call),
            Op::GetChannel => self.get_channel(call),
            Op::EditChannel => self.edit_channel(call, now),
            Op::DeleteChannel => self.delete_channel(call),
            Op::GetMessages => self.get_messages(call),
            Op::GetMessage => self.get_message(call),
            Op::CreateMessage => self.create_message(call, now),
            Op::EditMessage => self.edit_message(call, now),
            Op::DeleteMessage => self.delete_message(call, now),
            Op::React | Op::Unreact => self.react(call),
            Op::Type => self.typing(call, now),
            Op::ThreadFromMessage => self.thread_from_message(call, now),
            Op::CreateThread => self.create_thread(call, now),
            Op::JoinThread => self.join_thread(call),
            Op::Callback => self.callback(call, now),
            Op::FollowUp => self.follow_up(call, now),
            Op::GetOriginal | Op::GetFollowUp => self.get_answer(call, now),
            Op::EditOriginal | Op::EditFollowUp => self.edit_answer(call, now),
            Op::DeleteOriginal | Op::DeleteFollowUp => self.delete_answer(call, now),
        }
    }

    /// A channel that the bot sees and in which it may do what the bits say.
    pub(super) fn channel_for(&self, id: Id, needed: u64) -> Result<&Channel, Refusal> {
        let channel = self.world.channels.get(&id).ok_or(error::UNKNOWN_CHANNEL)?;
        let has = permissions::in_channel(&self.world, channel, self.world.bot);
        if has & permissions::VIEW_CHANNEL == 0 {
            return Err(error::MISSING_ACCESS.into());
        }
        if has & needed != needed {
            return Err(error::MISSING_PERMISSIONS.into());
        }
        Ok(channel)
    }

    /// A guild that the bot is in.
    pub(super) fn guild_for(&self, id: Id) -> Result<&super::world::Guild, Refusal> {
        let guild = self.world.guilds.get(&id).ok_or(error::UNKNOWN_GUILD)?;
        if guild.members.contains_key(&self.world.bot) { Ok(guild) } else { Err(error::UNKNOWN_GUILD.into()) }
    }
}
