//! Whether an address still takes messages, and what the bot may do there. Nothing is shown.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serenity::http::Route;
use serenity::model::id::{ChannelId, GuildId, UserId};
use wilco_core::{Address, Cause, NotSurfaced};

use crate::discord::Discord;
use crate::message;
use crate::outcome::{Called, settle};
use crate::payload::{Channel, ChannelKind, Guild, Member};
use crate::permissions::Permissions;
use crate::rest::Call;
use crate::snowflake::Snowflake;

/// Without it the history of a channel looks empty, and a message cannot be looked up in it.
const READ_HISTORY: Permissions = Permissions(1 << 16);
/// Whoever has it writes in locked threads, too.
const MANAGE_THREADS: Permissions = Permissions(1 << 34);

/// A channel as the bot meets it.
pub(crate) struct Rights {
    /// What it is.
    pub(crate) kind: ChannelKind,
    /// What the bot may do in it; in a direct message there is nothing to allow.
    pub(crate) permissions: Option<Permissions>,
    /// Whether it is a thread that only moderators write in.
    locked: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Thread {
    thread_metadata: Option<ThreadState>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ThreadState {
    locked: bool,
}

impl Discord {
    /// What the bot may do in a channel, from the channel, the guild's roles and its own membership.
    pub(crate) async fn rights(&self, channel: ChannelId) -> Result<Rights, NotSurfaced> {
        let body = self.read(Route::Channel { channel_id: channel }).await?;
        let found: Channel = parsed(&body)?;
        let locked = parsed::<Thread>(&body)?.thread_metadata.is_some_and(|state| state.locked);
        let kind = found.kind();
        let Some(guild) = found.guild_id.and_then(|id| message::number(&id.to_string())) else {
            return Ok(Rights { kind, permissions: None, locked });
        };
        let me = self.own_id().await?;
        let user = message::number(&me.to_string()).map(UserId::from).ok_or_else(no_id)?;
        let guild_id = GuildId::from(guild);
        let around = async {
            // A thread has no overwrites of its own.
            match found.parent_id.and_then(|id| message::number(&id.to_string())) {
                Some(parent) if kind.is_thread() => {
                    let body = self.read(Route::Channel { channel_id: ChannelId::from(parent) }).await?;
                    parsed::<Channel>(&body).map(|parent| parent.permission_overwrites)
                }
                Some(_) | None => Ok(found.permission_overwrites.clone()),
            }
        };
        let (guild, member, overwrites) = futures::join!(
            self.read(Route::Guild { guild_id }),
            self.read(Route::GuildMember { guild_id, user_id: user }),
            around
        );
        let (guild, member): (Guild, Member) = (parsed(&guild?)?, parsed(&member?)?);
        let everyone = Snowflake(guild_id.get());
        let base = if guild.owner_id == me {
            Permissions::ADMINISTRATOR
        } else {
            let of_member = |id: Snowflake| id == everyone || member.roles.contains(&id);
            let roles = guild.roles.iter().filter(|role| of_member(role.id));
            roles.fold(Permissions::default(), |all, role| all | role.permissions)
        };
        let permissions = Permissions::in_channel(base, everyone, &member.roles, Some(me), &overwrites?);
        Ok(Rights { kind, permissions: Some(permissions), locked })
    }

    /// Whether an address takes messages.
    pub(crate) async fn takes_messages(&self, address: &Address) -> Result<(), NotSurfaced> {
        let rights = self.rights(self.channel(address)?).await?;
        rights.objection().map_or(Ok(()), |cause| Err(NotSurfaced::Gone(cause)))
    }

    /// Whether what stands in a channel can be read.
    pub(crate) async fn reads_history(&self, channel: ChannelId) -> Result<bool, NotSurfaced> {
        let allowed = self.rights(channel).await?.permissions;
        Ok(allowed.is_none_or(|allowed| allowed.has(Permissions::ADMINISTRATOR) || allowed.has(READ_HISTORY)))
    }

    async fn read(&self, route: Route<'_>) -> Result<Vec<u8>, NotSurfaced> {
        settle(self.rest.call(Call::get(route, Vec::new())).await, Called::LIGHT)
    }
}

impl Rights {
    /// Why the bot cannot speak there.
    fn objection(&self) -> Option<Cause> {
        match self.kind {
            ChannelKind::Forum | ChannelKind::Other => {
                return Some(Cause::new("no_messages", "this kind of channel takes no messages"));
            }
            ChannelKind::Text
            | ChannelKind::Direct
            | ChannelKind::Group
            | ChannelKind::PublicThread
            | ChannelKind::PrivateThread => {}
        }
        let permissions = self.permissions?;
        let missing = permissions.missing_to_speak(self.kind);
        if !missing.is_empty() {
            return Some(Cause::new(
                "missing_permission",
                format!("the bot may not speak here: {}", missing.join(", ")),
            ));
        }
        let moderates = permissions.has(Permissions::ADMINISTRATOR) || permissions.has(MANAGE_THREADS);
        (self.locked && !moderates).then(|| Cause::new("thread_locked", "only moderators write in this thread"))
    }
}

fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, NotSurfaced> {
    serde_json::from_slice(body).map_err(|error| NotSurfaced::Retry(Cause::new("unreadable_answer", error.to_string())))
}

fn no_id() -> NotSurfaced {
    NotSurfaced::Retry(Cause::new("unreadable_answer", "Discord names no id of this bot"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights(kind: ChannelKind, permissions: Permissions, locked: bool) -> Rights {
        Rights { kind, permissions: Some(permissions), locked }
    }

    fn code(rights: &Rights) -> Option<String> {
        rights.objection().map(|cause| cause.code)
    }

    #[test]
    fn a_channel_is_objected_to_for_what_is_missing() {
        let (see, say) = (Permissions::VIEW_CHANNEL, Permissions::SEND_MESSAGES);
        let threads = Permissions::SEND_IN_THREADS;
        assert_eq!(code(&rights(ChannelKind::Text, see | say, false)), None);
        let silent = rights(ChannelKind::Text, see, false).objection().unwrap();
        assert!(silent.text.contains("Send Messages"), "{silent}");
        assert_eq!(code(&rights(ChannelKind::PublicThread, see | say, false)).as_deref(), Some("missing_permission"));
        assert_eq!(code(&rights(ChannelKind::PublicThread, see | threads, false)), None);
        assert_eq!(code(&rights(ChannelKind::PublicThread, see | threads, true)).as_deref(), Some("thread_locked"));
        assert_eq!(code(&rights(ChannelKind::PublicThread, see | threads | MANAGE_THREADS, true)), None);
        assert_eq!(code(&rights(ChannelKind::Forum, see | say, false)).as_deref(), Some("no_messages"));
        assert_eq!(code(&Rights { kind: ChannelKind::Direct, permissions: None, locked: false }), None);
    }
}
