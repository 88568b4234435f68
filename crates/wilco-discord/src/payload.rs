//! What Discord sends, as far as it is looked at. Anything else is ignored: a new field or a new kind of something
//! must not make a whole event unreadable.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::permissions::Permissions;
use crate::snowflake::Snowflake;

/// A user (Discord API, "User Object").
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct User {
    pub(crate) id: Snowflake,
    pub(crate) username: String,
    pub(crate) global_name: Option<String>,
    pub(crate) bot: bool,
    pub(crate) system: bool,
}

/// A guild's member (Discord API, "Guild Member Object").
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Member {
    pub(crate) user: Option<User>,
    pub(crate) nick: Option<String>,
    pub(crate) roles: Vec<Snowflake>,
    /// What they may do in the channel of an interaction, overwrites included.
    pub(crate) permissions: Option<Permissions>,
    /// Has not passed the guild's membership screening.
    pub(crate) pending: bool,
    pub(crate) flags: u64,
}

/// What a channel is (Discord API, "Channel Types").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChannelKind {
    /// A text or announcement channel, or the chat of a voice or stage channel: takes messages.
    Text,
    /// A direct message with one person.
    Direct,
    /// A direct message with several.
    Group,
    /// A thread that everybody in its channel can read.
    PublicThread,
    /// A thread of named people.
    PrivateThread,
    /// A forum or media channel: takes posts, which are threads, and no messages.
    Forum,
    /// A category, a directory, or something new.
    Other,
}

impl ChannelKind {
    pub(crate) fn of(number: u64) -> Self {
        match number {
            0 | 2 | 5 | 13 => Self::Text,
            1 => Self::Direct,
            3 => Self::Group,
            10 | 11 => Self::PublicThread,
            12 => Self::PrivateThread,
            15 | 16 => Self::Forum,
            _ => Self::Other,
        }
    }

    pub(crate) fn is_thread(self) -> bool {
        match self {
            Self::PublicThread | Self::PrivateThread => true,
            Self::Text | Self::Direct | Self::Group | Self::Forum | Self::Other => false,
        }
    }
}

/// What a channel allows and denies to a role or a member (Discord API, "Overwrite Object").
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Overwrite {
    pub(crate) id: Snowflake,
    /// 0 is a role, 1 a member.
    #[serde(rename = "type")]
    pub(crate) kind: u64,
    pub(crate) allow: Permissions,
    pub(crate) deny: Permissions,
}

/// A channel or thread (Discord API, "Channel Object").
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Channel {
    pub(crate) id: Snowflake,
    #[serde(rename = "type")]
    pub(crate) number: u64,
    pub(crate) guild_id: Option<Snowflake>,
    pub(crate) parent_id: Option<Snowflake>,
    /// The newest message, as it was when this was told; it may have been deleted since.
    pub(crate) last_message_id: Option<Snowflake>,
    pub(crate) permission_overwrites: Vec<Overwrite>,
}

impl Channel {
    pub(crate) fn kind(&self) -> ChannelKind {
        ChannelKind::of(self.number)
    }
}

/// A role (Discord API, "Role Object").
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Role {
    pub(crate) id: Snowflake,
    pub(crate) permissions: Permissions,
    pub(crate) tags: Option<RoleTags>,
}

/// Whose role it is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RoleTags {
    /// The bot for which Discord made it.
    pub(crate) bot_id: Option<Snowflake>,
}

/// A guild as it comes with `GUILD_CREATE`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Guild {
    pub(crate) id: Snowflake,
    pub(crate) owner_id: Snowflake,
    pub(crate) roles: Vec<Role>,
    pub(crate) channels: Vec<Channel>,
    pub(crate) threads: Vec<Channel>,
    pub(crate) members: Vec<Member>,
    pub(crate) unavailable: bool,
}

/// A message (Discord API, "Message Object").
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Message {
    pub(crate) id: Snowflake,
    pub(crate) channel_id: Snowflake,
    /// Only on the gateway.
    pub(crate) guild_id: Option<Snowflake>,
    pub(crate) author: User,
    /// Only on the gateway, and not for webhooks.
    pub(crate) member: Option<Member>,
    pub(crate) content: String,
    pub(crate) mentions: Vec<User>,
    pub(crate) mention_roles: Vec<Snowflake>,
    #[serde(rename = "type")]
    pub(crate) kind: u64,
    pub(crate) webhook_id: Option<Snowflake>,
    pub(crate) referenced_message: Option<Box<Message>>,
    pub(crate) components: Vec<Value>,
    pub(crate) flags: u64,
}

impl Message {
    /// Only one person sees it (Discord API, "Message Flags", `EPHEMERAL`).
    pub(crate) fn is_ephemeral(&self) -> bool {
        self.flags & (1 << 6) != 0
    }
}

/// `READY`: a session has begun.
#[derive(Deserialize)]
pub(crate) struct Ready {
    pub(crate) user: User,
    pub(crate) session_id: String,
    pub(crate) resume_gateway_url: String,
    #[serde(default)]
    pub(crate) guilds: Vec<Guild>,
    pub(crate) application: Application,
}

/// An application, in part.
#[derive(Deserialize)]
pub(crate) struct Application {
    pub(crate) id: Snowflake,
}

/// An interaction (Discord API, "Interaction Object"). It has no `Debug`: it holds a token.
#[derive(Deserialize)]
pub(crate) struct Interaction {
    pub(crate) id: Snowflake,
    pub(crate) application_id: Snowflake,
    pub(crate) token: String,
    #[serde(rename = "type")]
    pub(crate) kind: u64,
    #[serde(default)]
    pub(crate) data: Option<Data>,
    #[serde(default)]
    pub(crate) guild_id: Option<Snowflake>,
    #[serde(default)]
    pub(crate) channel: Option<Channel>,
    #[serde(default)]
    pub(crate) channel_id: Option<Snowflake>,
    #[serde(default)]
    pub(crate) member: Option<Member>,
    #[serde(default)]
    pub(crate) user: Option<User>,
    #[serde(default)]
    pub(crate) message: Option<Message>,
    #[serde(default)]
    pub(crate) app_permissions: Option<Permissions>,
}

/// What an interaction is about; which fields are there depends on its kind.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Data {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) kind: u64,
    pub(crate) options: Vec<Given>,
    pub(crate) custom_id: String,
    pub(crate) target_id: Option<Snowflake>,
    pub(crate) resolved: Resolved,
}

/// One option that was given.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Given {
    pub(crate) name: String,
    pub(crate) value: Value,
    pub(crate) focused: bool,
}

/// What the ids of an interaction stand for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Resolved {
    pub(crate) messages: BTreeMap<String, Message>,
}
