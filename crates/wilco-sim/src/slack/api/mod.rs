//! What each method does, once its arguments were read and its token is known to be good.

mod files;
mod lookups;
mod messages;
mod objects;
mod respond;

use serde_json::{Map, Value, json};

pub(super) use messages::{Draft, mentions};
pub(super) use objects::{message as message_object, version as version_object};

use super::error::Refusal;
use super::ids::{Id, Ts};
use super::methods::Op;
use super::state::{Moment, State};
use super::world::{Channel, Kind, Team};

/// A call as it takes effect.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) op: Op,
    /// The workspace; empty for the addresses that need no token.
    pub(super) team: Id,
    pub(super) args: Map<String, Value>,
    /// The path, for the addresses.
    pub(super) path: String,
    /// The bytes, for uploads.
    pub(super) body: Vec<u8>,
}

impl Call {
    /// A text argument; empty when it is not there.
    pub(super) fn text(&self, name: &str) -> &str {
        self.args.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// A time stamp; none when it is not there.
    pub(super) fn ts(&self, name: &str) -> Option<Ts> {
        Ts::read(self.text(name))
    }

    /// A switch; none when it is not there.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.args.get(name).and_then(Value::as_bool)
    }

    /// A list; none when it is not there.
    pub(super) fn list(&self, name: &str) -> Option<&Vec<Value>> {
        self.args.get(name).and_then(Value::as_array)
    }

    /// A number.
    pub(super) fn number(&self, name: &str, otherwise: usize) -> usize {
        self.args.get(name).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok()).unwrap_or(otherwise)
    }
}

/// What came of a call.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) body: Value,
    pub(super) message: Option<Ts>,
    pub(super) channel: Option<Id>,
}

impl From<Value> for Reply {
    fn from(body: Value) -> Self {
        Self { body, message: None, channel: None }
    }
}

pub(super) type Done = Result<Reply, Refusal>;

impl State {
    /// Does what a call says.
    pub(super) fn apply(&mut self, call: &Call, now: Moment) -> Done {
        match call.op {
            Op::AuthTest => self.auth_test(call),
            Op::ConnectionsOpen => self.open_connection(call, now),
            Op::PostMessage => self.post(call, now),
            Op::Update => self.update(call, now),
            Op::Delete => self.remove_own(call, now),
            Op::PostEphemeral => self.whisper(call, now),
            Op::GetPermalink => self.permalink(call),
            Op::History => self.history(call),
            Op::Replies => self.replies(call),
            Op::Info => self.info(call),
            Op::OpenConversation => self.open_conversation(call, now),
            Op::List => self.list(call),
            Op::Members => self.members(call),
            Op::OwnConversations => self.own_conversations(call),
            Op::Join => self.join_channel(call),
            Op::UserInfo => self.user_info(call),
            Op::BotInfo => self.bot_info(call),
            Op::Groups => self.groups(call),
            Op::GroupUsers => self.group_users(call),
            Op::GetUploadUrl => self.begin_upload(call, now),
            Op::CompleteUpload => self.complete_upload(call, now),
            Op::SetStatus => self.set_status(call, now),
            Op::AddReaction => self.reaction(call, true),
            Op::RemoveReaction => self.reaction(call, false),
            Op::Upload => self.upload(call),
            Op::Respond => self.respond(call, now),
        }
    }

    /// The workspace of a call.
    pub(super) fn team_of(&self, call: &Call) -> Result<Team, Refusal> {
        self.world.teams.get(&call.team).cloned().ok_or_else(|| "invalid_auth".into())
    }

    /// The channel that a call names, as far as its bot can see it.
    pub(super) fn visible(&self, call: &Call, name: &str) -> Result<(Team, Channel), Refusal> {
        let team = self.team_of(call)?;
        let channel = self.world.channels.get(call.text(name)).filter(|channel| self.world.reaches(&team, channel));
        let channel = channel.cloned().ok_or("channel_not_found")?;
        Ok((team, channel))
    }

    /// The channel where the bot would write: a person's id stands for the direct messages with them.
    pub(super) fn writable(&mut self, call: &Call, now: Moment) -> Result<(Team, Channel), Refusal> {
        let named = call.text("channel").to_owned();
        let team = self.team_of(call)?;
        let id = if self.world.users.contains_key(&named) {
            self.world.open_direct(&team.id, &named, now.wall).ok_or("channel_not_found")?
        } else {
            named
        };
        let channel = self.world.channels.get(&id).filter(|channel| self.world.reaches(&team, channel));
        let channel = channel.cloned().ok_or("channel_not_found")?;
        if channel.archived {
            return Err("is_archived".into());
        }
        let may_anywhere = channel.kind == Kind::Public && team.scopes.contains("chat:write.public");
        if !channel.members.contains(&team.bot_user) && !may_anywhere {
            return Err("not_in_channel".into());
        }
        if let Some(error) = &channel.refuses {
            return Err(Refusal::new(error));
        }
        Ok((team, channel))
    }

    fn auth_test(&mut self, call: &Call) -> Done {
        let team = self.team_of(call)?;
        Ok(json!({
            "ok": true, "url": format!("https://{}.slack.com/", team.domain), "team": team.name,
            "user": self.world.name(&team.bot_user), "team_id": team.id, "user_id": team.bot_user, "bot_id": team.bot,
            "is_enterprise_install": false,
        })
        .into())
    }

    fn open_connection(&mut self, call: &Call, now: Moment) -> Done {
        let team = self.team_of(call)?;
        if !team.socket_mode {
            return Err("link_disabled".into());
        }
        let ticket = self.world.ids.word();
        self.socket.give(ticket.clone(), team.app.clone(), now.monotonic);
        let base = self.base.replacen("http", "ws", 1);
        Ok(json!({"ok": true, "url": format!("{base}/link/?ticket={ticket}&app_id={}", team.app)}).into())
    }
}
