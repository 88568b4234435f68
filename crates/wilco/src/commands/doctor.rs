//! `wilco doctor`: what is wrong, and what to do about it. Each check is made live, and none changes anything.

mod report;

use serde_json::json;
use wilco_core::desk::{Caller, Desk};
use wilco_core::text::duration;
use wilco_core::{AccountId, wording};
use wilco_discord::check::{self, invite};
use wilco_discord::commands::{CommandsError, diff};
use wilco_store::Looked;

use self::report::{RESET, Report, Severity};
use super::Counter;
use super::platform::Look;
use crate::bot::Extras;
use crate::config::{Config, DiscordConfig, Loader};
use crate::exit::Exit;
use crate::{out, wiring};

/// Answers `wilco doctor`.
pub(crate) async fn doctor(loader: &Loader, extras: Extras, channel: Option<u64>, json: bool) -> anyhow::Result<Exit> {
    let mut report = Report::default();
    if let Some(config) = configuration(&mut report, loader) {
        let owners = store(&mut report, &config, extras).await;
        match &config.discord {
            Some(discord) => platform(&mut report, &config, discord, channel, &owners).await,
            None if config.discord_is_off() => report.ok("discord", "switched off by discord.enabled"),
            None => report.ok("discord", "not connected; `wilco setup discord` says how"),
        }
        if channel.is_some() && config.discord.is_none() {
            report.found(
                "discord.channel",
                Severity::Unknown,
                "no platform is connected that has the channel",
                "connect one first",
            );
        }
    }
    if json {
        out::json(&json!({ "checks": report.0 }))?;
    } else {
        out::answer(&report.words())?;
    }
    Ok(report.exit())
}

fn configuration(report: &mut Report, loader: &Loader) -> Option<Config> {
    let config = match loader.load() {
        Ok(config) => config,
        Err(problems) => {
            for problem in problems.0 {
                let fix = "change it, and run `wilco check` until it says ok";
                report.found("config", Severity::Error, problem.what.clone(), fix).path =
                    Some(format!("{}: {}", problem.at, problem.key));
            }
            return None;
        }
    };
    for warning in &config.warnings {
        let fix = "change what stands there";
        report.found("config", Severity::Warning, warning.what.clone(), fix).path =
            Some(format!("{}: {}", warning.at, warning.key));
    }
    if config.warnings.is_empty() {
        let file = config
            .file
            .as_ref()
            .map_or_else(|| "no file; the defaults hold".to_owned(), |file| file.display().to_string());
        report.ok("config", file);
    }
    Some(config)
}

/// Looks at the store, and answers on which accounts somebody was made owner by a code.
async fn store(report: &mut Report, config: &Config, extras: Extras) -> Vec<AccountId> {
    let database = wiring::database(&config.store.url);
    let fix = "mend what it says, or name another store with --store";
    let opened = match wiring::look(&config.store.url).await {
        Ok(Looked::Ready(store)) => match Counter::over(store.clone(), config, extras, false) {
            Ok(counter) => Ok(counter),
            Err(error) => {
                store.close().await;
                Err(error)
            }
        },
        Ok(Looked::Absent) => {
            let message = "there is none yet: nothing was accepted here";
            let fix = "start `wilco`, which makes it; if there is one elsewhere, name it with --store";
            report.found("store", Severity::Warning, message, fix).path = Some(database.display().to_string());
            return Vec::new();
        }
        Ok(Looked::Older { found, known }) => {
            let found = found.map_or_else(|| "empty".to_owned(), |found| format!("of version {found}"));
            let message = format!("its tables are {found}, this wilco's of {known}; what is in it was not looked at");
            let fix = "start `wilco`, which brings it up to date; keep a copy before, because an older wilco cannot \
                       open it afterwards";
            report.found("store", Severity::Warning, message, fix).path = Some(database.display().to_string());
            return Vec::new();
        }
        Err(error) => Err(error.into()),
    };
    let counter = match opened {
        Ok(counter) => counter,
        Err(error) => {
            report.found("store", Severity::Error, format!("{error:#}"), fix).path =
                Some(database.display().to_string());
            return Vec::new();
        }
    };
    let (health, grants) = (counter.desk.health().await, counter.desk.grants(&Caller::Host).await);
    match health {
        Ok(health) => {
            let served = if wiring::is_served(&counter.database) { "a bot runs on it" } else { "no bot runs on it" };
            report.ok("store", format!("{}; {served}", database.display()));
            if health.failed > 0 {
                let (message, fix) =
                    (format!("{} could not be delivered", health.failed), "`wilco receipts list --failed` says why");
                report.found("store.failed", Severity::Warning, message, fix);
            }
            if let Some(oldest) = health.oldest {
                let age = counter.clock.now().since(oldest);
                if age > OVERDUE {
                    let message =
                        format!("{} wait to be delivered, the oldest for {}", health.undelivered, duration(age));
                    report.found(
                        "store.undelivered",
                        Severity::Warning,
                        message,
                        "`wilco receipts list` says what for",
                    );
                }
            }
            for account in &health.accounts {
                if let Some(why) = &account.paused {
                    let message = format!("{} is paused: {why}", account.account);
                    report.found("store.paused", Severity::Error, message, "mend that, then start the bot again");
                }
            }
            for gate in &health.gates {
                let message = format!("the gate of {} is closed: {}", gate.backend, gate.reason.name());
                report.found("store.gate", Severity::Warning, message, wording::gate_line_for_host(gate));
            }
        }
        Err(error) => {
            report.found("store", Severity::Error, error.to_string(), "mend what it says").path =
                Some(database.display().to_string());
        }
    }
    counter.close().await;
    grants.map(|grants| grants.into_iter().map(|grant| grant.account).collect()).unwrap_or_default()
}

/// What waits longer than this waits for something that a person should look at.
const OVERDUE: std::time::Duration = std::time::Duration::from_secs(15 * 60);

async fn platform(
    report: &mut Report,
    config: &Config,
    discord: &DiscordConfig,
    channel: Option<u64>,
    owners: &[AccountId],
) {
    let look = match Look::open(config).await {
        Ok(look) => look,
        Err(error) => {
            report.found("discord", Severity::Error, error.sentence, "run `wilco check`");
            return;
        }
    };
    live(report, discord, &look, channel).await;
    look.close().await;
    let account = AccountId::new(wiring::DISCORD);
    if config.settings.access.has_owner(&account) || owners.contains(&account) {
        report.ok("discord.owner", "somebody can be owner");
    } else {
        let fix = "start the bot, run `wilco access pair` and say /pair with the code; or write an [[access]] rule";
        report.found("discord.owner", Severity::Warning, "nobody can be owner", fix);
    }
}

async fn live(report: &mut Report, wanted: &DiscordConfig, look: &Look, channel: Option<u64>) {
    match check::bot(&look.discord).await {
        Ok(bot) => report.ok("discord.token", format!("bot {} ({})", bot.name, bot.id)),
        Err(error) => {
            report.look("discord.token", &error, "run `wilco setup discord`");
            // Every other answer would be the same one.
            return;
        }
    }
    let application = match check::application(&look.discord).await {
        Ok(application) => {
            match wanted.application {
                Some(id) if id != application.id => {
                    let message =
                        format!("discord.application_id is {id}, but the token belongs to {}", application.id);
                    report.found("discord.application", Severity::Error, message, "leave discord.application_id out");
                }
                Some(_) | None => {
                    report.ok("discord.application", format!("{} ({})", application.name, application.id))
                }
            }
            Some(application)
        }
        Err(error) => {
            report.look("discord.application", &error, RESET);
            None
        }
    };
    if let Some(application) = &application {
        match (wanted.message_content, application.message_content) {
            (true, false) => {
                let fix = format!(
                    "switch on Message Content Intent at https://discord.com/developers/applications/{}/bot, or take \
                     discord.message_content away",
                    application.id
                );
                let message =
                    "discord.message_content is set, but the intent is not granted: Discord refuses the connection";
                report.found("discord.intents", Severity::Error, message, fix);
            }
            (true, true) => report.ok("discord.intents", "message content is granted"),
            (false, _) => report.ok("discord.intents", "no privileged one is needed"),
        }
    }
    guilds(report, wanted, look, application.map(|application| application.id)).await;
    if let Some(channel) = channel {
        permissions(report, look, channel).await;
    }
    match diff(&look.discord).await {
        Ok(difference) if difference.is_empty() => report.ok("discord.commands", difference.to_string()),
        Ok(difference) => {
            let message = difference.to_string().replace("\n  ", " ");
            let fix = if wanted.register_commands {
                "start the bot again, or `wilco commands sync`"
            } else {
                "`wilco commands sync`"
            };
            report.found("discord.commands", Severity::Warning, message, fix);
        }
        Err(CommandsError::Unreachable { what, why }) => {
            let message = format!("{what} did not work: {why}");
            report.found("discord.commands", Severity::Unknown, message, "try again in a moment");
        }
        Err(error @ (CommandsError::Refused { .. } | CommandsError::Shelf(_))) => {
            report.found("discord.commands", Severity::Error, error.to_string(), "`wilco commands diff` shows more");
        }
    }
}

async fn guilds(report: &mut Report, wanted: &DiscordConfig, look: &Look, application: Option<u64>) {
    let link = application.map_or_else(|| "run `wilco setup discord`".to_owned(), |id| format!("open {}", invite(id)));
    match check::guilds(&look.discord).await {
        Ok(guilds) => match wanted.guild {
            Some(id) if !guilds.iter().any(|guild| guild.id == id) => {
                let message = format!("the bot is not in the server {id} of discord.guild");
                report.found("discord.guilds", Severity::Error, message, link);
            }
            Some(_) | None if guilds.is_empty() => {
                report.found("discord.guilds", Severity::Warning, "the bot is in no server", link);
            }
            Some(_) | None => {
                let names: Vec<&str> = guilds.iter().take(5).map(|guild| guild.name.as_str()).collect();
                let more = guilds.len().saturating_sub(names.len());
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                report.ok("discord.guilds", format!("{}{more}", names.join(", ")));
            }
        },
        Err(error) => report.look("discord.guilds", &error, "run `wilco setup discord`"),
    }
}

async fn permissions(report: &mut Report, look: &Look, channel: u64) {
    match check::missing(&look.discord, channel).await {
        Ok(missing) if missing.is_empty() => report.ok("discord.channel", format!("{channel}: nothing is missing")),
        Ok(missing) => {
            let message = format!("in {channel} the bot lacks {}", missing.join(", "));
            let fix = "allow it in the channel's permissions, or in those of the bot's role";
            report.found("discord.channel", Severity::Error, message, fix);
        }
        Err(error) => report.look("discord.channel", &error, "check the id, and that the bot may view the channel"),
    }
}
