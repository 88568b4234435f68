//! The calls that read and write what is registered.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use serenity::all::{ApplicationId, CommandId, GuildId};
use serenity::http::{LightMethod, Route};
use tracing::info;

use super::normal;
use super::sync::{CommandsError, Where, shown};
use crate::discord::Discord;
use crate::rest::{Answer, Call, Lane};
use crate::snowflake::Snowflake;

/// How long a rate limit is waited for in one call, before it is an error that a person sees.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many of the bot's guilds are looked through for commands that were left behind, when they hold globally.
const LOOKED_THROUGH: usize = 100;
/// Discord API, "JSON Error Codes": unknown application command.
const UNKNOWN_COMMAND: i64 = 10_063;

pub(super) async fn application(discord: &Discord) -> Result<ApplicationId, CommandsError> {
    #[derive(Deserialize)]
    struct Named {
        id: Snowflake,
    }
    if let Some(id) = discord.options.application {
        return Ok(ApplicationId::new(id));
    }
    let what = "asking for the application's id";
    let named: Named = read(what, get(discord, what, Route::Oauth2ApplicationCurrent, Vec::new()).await?)?;
    Ok(ApplicationId::new(named.id.0.max(1)))
}

pub(super) async fn guilds(discord: &Discord) -> Result<Vec<u64>, CommandsError> {
    #[derive(Deserialize)]
    struct Named {
        id: Snowflake,
    }
    let what = "asking for the bot's guilds";
    let limit = vec![("limit", (LOOKED_THROUGH + 1).to_string())];
    let all: Vec<Named> = read(what, get(discord, what, Route::UserMeGuilds, limit).await?)?;
    if all.len() > LOOKED_THROUGH {
        info!("discord: the bot is in many guilds; only those where it registered commands itself are looked through");
        return Ok(Vec::new());
    }
    Ok(all.into_iter().map(|guild| guild.id.0).collect())
}

pub(super) async fn registered(
    discord: &Discord,
    application: ApplicationId,
    place: Where,
) -> Result<Vec<Value>, CommandsError> {
    let what = format!("asking for the commands {place}");
    let body = get(discord, &what, route(application, place), Vec::new()).await?;
    read(&what, body)
}

pub(super) async fn overwrite(
    discord: &Discord,
    application: ApplicationId,
    place: Where,
    commands: &[Value],
) -> Result<(), CommandsError> {
    info!(%place, count = commands.len(), "discord: registering commands");
    let what = format!("registering the commands {place}");
    write(discord, what, LightMethod::Put, route(application, place), &commands).await
}

/// Registers one command, in the place of one of the same name if there is one (Discord API, "Create Global Application
/// Command").
pub(super) async fn create(
    discord: &Discord,
    application: ApplicationId,
    place: Where,
    command: &Value,
) -> Result<(), CommandsError> {
    let what = format!("registering {} {place}", shown(&normal::name(command)));
    write(discord, what, LightMethod::Post, route(application, place), command).await
}

/// Takes one command away; one that is gone already is as good.
pub(super) async fn remove(
    discord: &Discord,
    application_id: ApplicationId,
    place: Where,
    command: &Value,
) -> Result<(), CommandsError> {
    let what = format!("removing {} {place}", shown(&normal::name(command)));
    let id = command.get("id").and_then(Value::as_str).and_then(|id| id.parse().ok()).filter(|id| *id > 0);
    let Some(command_id) = id.map(CommandId::new) else {
        return Err(CommandsError::Unreachable { what, why: "Discord named no id of it".to_owned() });
    };
    let route = || match place {
        Where::Globally => Route::Command { application_id, command_id },
        Where::Guild(guild) => Route::GuildCommand { application_id, guild_id: GuildId::new(guild.max(1)), command_id },
    };
    let made = || Ok(Call::bare(LightMethod::Delete, route(), Lane::Normal));
    match patiently(discord, &what, made).await {
        Ok(_) | Err(CommandsError::Refused { code: Some(UNKNOWN_COMMAND), .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

async fn write(
    discord: &Discord,
    what: String,
    method: LightMethod,
    route: Route<'static>,
    body: &(impl serde::Serialize + ?Sized),
) -> Result<(), CommandsError> {
    let made = || {
        Call::json(method, route, &body, Lane::Normal)
            .map_err(|why| CommandsError::Unreachable { what: what.clone(), why: why.to_string() })
    };
    patiently(discord, &what, made).await.map(drop)
}

fn route(application_id: ApplicationId, place: Where) -> Route<'static> {
    match place {
        Where::Globally => Route::Commands { application_id },
        Where::Guild(guild) => Route::GuildCommands { application_id, guild_id: GuildId::new(guild.max(1)) },
    }
}

async fn get(
    discord: &Discord,
    what: &str,
    route: Route<'static>,
    params: Vec<(&'static str, String)>,
) -> Result<Vec<u8>, CommandsError> {
    patiently(discord, what, || Ok(Call::get(route, params.clone()))).await
}

fn read<T: serde::de::DeserializeOwned>(what: &str, body: Vec<u8>) -> Result<T, CommandsError> {
    serde_json::from_slice(&body).map_err(|why| CommandsError::Unreachable {
        what: what.to_owned(),
        why: format!("the answer does not read ({why})"),
    })
}

/// Makes a call that changes nothing, or the same thing again, until it is answered. A person waits for it at a
/// command line, so a rate limit is sat out here.
async fn patiently<'a>(
    discord: &Discord,
    what: &str,
    make: impl Fn() -> Result<Call<'a>, CommandsError>,
) -> Result<Vec<u8>, CommandsError> {
    let end = discord.clock.monotonic() + PATIENCE;
    loop {
        let (wait, why) = match discord.rest.call(make()?).await {
            Answer::Done { body, .. } => return Ok(body),
            Answer::Refused(refusal) if refusal.status == 429 || refusal.status >= 500 => {
                (refusal.retry_after.unwrap_or(Duration::from_secs(2)), refusal.message)
            }
            Answer::Refused(refusal) => {
                let hint = match refusal.status {
                    401 => "set DISCORD_BOT_TOKEN to a valid token",
                    403 => "invite the bot again with the scope applications.commands",
                    _ => "wilco doctor looks at the connection",
                };
                let code = refusal.code.map_or_else(|| refusal.status.to_string(), |code| code.to_string());
                let why = format!("{code} {}", refusal.message);
                return Err(CommandsError::Refused { what: what.to_owned(), code: refusal.code, why, hint });
            }
            Answer::Held { delay, .. } => (delay, "a rate limit".to_owned()),
            Answer::NotSent(cause) | Answer::Unknown(cause) => (Duration::from_secs(2), cause.to_string()),
        };
        let next = discord.clock.monotonic() + wait;
        if next > end {
            return Err(CommandsError::Unreachable { what: what.to_owned(), why });
        }
        discord.clock.sleep_until(next).await;
    }
}
