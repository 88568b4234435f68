//! What Discord says of the bot when it is asked: for whoever sets it up, and for whoever looks what is wrong.
//!
//! Every question is one that changes nothing. None is asked twice: a person waits for the answer.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serenity::http::Route;
use serenity::model::id::ChannelId;

use crate::discord::Discord;
use crate::payload::User;
use crate::permissions::Permissions;
use crate::rest::{Answer, Call};
use crate::snowflake::Snowflake;

/// What the bot has to be allowed in a server, with the names of its settings (Discord API, "Permissions"). Nothing
/// else is asked for.
pub const PERMISSIONS: [(u64, &str); 5] = [
    (Permissions::VIEW_CHANNEL.0, "View Channel"),
    (Permissions::SEND_MESSAGES.0, "Send Messages"),
    (1 << 15, "Attach Files"),
    (1 << 16, "Read Message History"),
    (Permissions::SEND_IN_THREADS.0, "Send Messages in Threads"),
];

/// The intent *message content* is granted, for any number of servers or for fewer than 100 (Discord API, "Application
/// Flags", `GATEWAY_MESSAGE_CONTENT` and `GATEWAY_MESSAGE_CONTENT_LIMITED`).
const MESSAGE_CONTENT: u64 = 1 << 18 | 1 << 19;
/// The most servers that are named in one answer (Discord API, "Get Current User Guilds").
const GUILDS: usize = 200;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookError {
    /// The token is not one that Discord knows.
    #[error("Discord does not accept the token")]
    Token,
    /// Discord does not let the bot see that.
    #[error("Discord refused {what}: {why}")]
    Refused {
        /// What was asked.
        what: &'static str,
        /// Discord's words.
        why: String,
    },
    /// There was no answer, or none that can be read: nothing can be said.
    #[error("{what} did not work: {why}")]
    Unreachable {
        /// What was asked.
        what: &'static str,
        /// What went wrong.
        why: String,
    },
}

/// Something with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its id.
    pub id: u64,
    /// What people call it.
    pub name: String,
}

/// The application behind the bot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// Its id.
    pub id: u64,
    /// What people call it.
    pub name: String,
    /// Whether it was granted the privileged intent *message content*.
    pub message_content: bool,
}

/// The link by which somebody who governs a server adds the bot to it, with the scopes and the permissions that it
/// needs and no others.
pub fn invite(application: u64) -> String {
    let bits = PERMISSIONS.iter().fold(0, |all, (bit, _)| all | bit);
    format!(
        "https://discord.com/oauth2/authorize?client_id={application}&scope=bot%20applications.commands&permissions={bits}"
    )
}

/// Whose token it is.
///
/// # Errors
/// [`LookError`].
pub async fn bot(discord: &Discord) -> Result<Named, LookError> {
    let user: User = get(discord, "asking whose token it is", Route::UserMe, Vec::new()).await?;
    Ok(Named { id: user.id.0, name: user.username })
}

/// The application that the token belongs to.
///
/// # Errors
/// [`LookError`].
pub async fn application(discord: &Discord) -> Result<Application, LookError> {
    #[derive(Deserialize)]
    struct Found {
        id: Snowflake,
        #[serde(default)]
        name: String,
        #[serde(default)]
        flags: u64,
    }
    let what = "asking for the application";
    let found: Found = get(discord, what, Route::Oauth2ApplicationCurrent, Vec::new()).await?;
    Ok(Application { id: found.id.0, name: found.name, message_content: found.flags & MESSAGE_CONTENT != 0 })
}

/// The servers that the bot is in, at most 200 of them.
///
/// # Errors
/// [`LookError`].
pub async fn guilds(discord: &Discord) -> Result<Vec<Named>, LookError> {
    #[derive(Deserialize)]
    struct Found {
        id: Snowflake,
        #[serde(default)]
        name: String,
    }
    let limit = vec![("limit", GUILDS.to_string())];
    let found: Vec<Found> = get(discord, "asking for the bot's servers", Route::UserMeGuilds, limit).await?;
    Ok(found.into_iter().map(|one| Named { id: one.id.0, name: one.name }).collect())
}

/// The names of the permissions that the bot lacks in a channel.
///
/// # Errors
/// [`LookError`]; a channel that the bot does not see is [`LookError::Refused`].
pub async fn missing(discord: &Discord, channel: u64) -> Result<Vec<&'static str>, LookError> {
    let what = "looking at the channel";
    if channel == 0 {
        return Err(LookError::Refused { what, why: "0 is the id of no channel".to_owned() });
    }
    let rights = discord.rights(ChannelId::new(channel)).await.map_err(|reason| {
        let cause = reason.cause().map_or_else(|| reason.name().to_owned(), ToString::to_string);
        match reason {
            wilco_core::NotSurfaced::StopAccount(_) => LookError::Token,
            wilco_core::NotSurfaced::Gone(_)
            | wilco_core::NotSurfaced::Fallback(_)
            | wilco_core::NotSurfaced::Moved(_)
            | wilco_core::NotSurfaced::Bug(_) => LookError::Refused { what, why: cause },
            wilco_core::NotSurfaced::Silent
            | wilco_core::NotSurfaced::RetryAfter { .. }
            | wilco_core::NotSurfaced::Retry(_)
            | wilco_core::NotSurfaced::Ambiguous(_)
            | wilco_core::NotSurfaced::Reshape(_) => LookError::Unreachable { what, why: cause },
        }
    })?;
    // A direct message has no permissions.
    let Some(may) = rights.permissions else { return Ok(Vec::new()) };
    let unused = |bit: u64| rights.kind.is_thread() && bit == Permissions::SEND_MESSAGES.0;
    let lacks = |(bit, _): &&(u64, &str)| !unused(*bit) && !may.has(Permissions(*bit));
    Ok(PERMISSIONS.iter().filter(lacks).map(|(_, name)| *name).collect())
}

async fn get<T: DeserializeOwned>(
    discord: &Discord,
    what: &'static str,
    route: Route<'_>,
    params: Vec<(&'static str, String)>,
) -> Result<T, LookError> {
    let unreachable = |why: String| LookError::Unreachable { what, why };
    match discord.rest.call(Call::get(route, params)).await {
        Answer::Done { body, .. } => serde_json::from_slice(&body).map_err(|error| unreachable(error.to_string())),
        Answer::Refused(refusal) if refusal.status == 401 => Err(LookError::Token),
        Answer::Refused(refusal) => {
            let code = refusal.code.map_or_else(|| refusal.status.to_string(), |code| code.to_string());
            let why = format!("{code} {}", refusal.message);
            // What is not in Discord's shape was said by something in between.
            let passes = refusal.status == 429 || refusal.status >= 500 || !refusal.json || refusal.is_of_the_machine();
            Err(if passes { unreachable(why) } else { LookError::Refused { what, why } })
        }
        Answer::Held { .. } => Err(unreachable("a rate limit is used up; try again in a moment".to_owned())),
        Answer::NotSent(cause) | Answer::Unknown(cause) => Err(unreachable(cause.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_invitation_asks_for_what_is_used_and_nothing_else() {
        let bits: u64 = 0x40_0001_8c00;
        assert_eq!(
            invite(5),
            format!(
                "https://discord.com/oauth2/authorize?client_id=5&scope=bot%20applications.commands&permissions={bits}"
            )
        );
        assert!(!PERMISSIONS.iter().any(|(bit, _)| *bit == Permissions::ADMINISTRATOR.0));
    }
}
