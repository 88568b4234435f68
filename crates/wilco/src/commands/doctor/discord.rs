//! What is wrong with the connection to Discord.

use wilco_core::AccountId;
use wilco_discord::Discord;
use wilco_discord::check::{self, invite};
use wilco_discord::commands::{CommandsError, diff};

use super::report::{RESET, Report, Severity};
use crate::cli::Channel;
use crate::commands::platform::Look;
use crate::config::{Config, DiscordConfig};
use crate::wiring;

/// Looks at Discord, where it is connected.
pub(super) async fn look(report: &mut Report, config: &Config, channel: Option<&Channel>, owners: &[AccountId]) {
    let channel = match channel {
        Some(Channel::Discord(id)) => Some(*id),
        Some(Channel::Slack(_)) | None => None,
    };
    match &config.discord {
        Some(discord) => platform(report, config, discord, channel, owners).await,
        None if config.discord_is_off() => report.ok("discord", "switched off by discord.enabled"),
        None => report.ok("discord", "not connected; `wilco setup discord` says how"),
    }
    if channel.is_some() && config.discord.is_none() {
        let message = "Discord, whose channel it would be, is not connected";
        report.found("discord.channel", Severity::Unknown, message, "connect it first");
    }
}

async fn platform(
    report: &mut Report,
    config: &Config,
    discord: &DiscordConfig,
    channel: Option<u64>,
    owners: &[AccountId],
) {
    let look = match Look::discord(config).await {
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

async fn live(report: &mut Report, wanted: &DiscordConfig, look: &Look<Discord>, channel: Option<u64>) {
    match check::bot(&look.platform).await {
        Ok(bot) => report.ok("discord.token", format!("bot {} ({})", bot.name, bot.id)),
        Err(error) => {
            report.look("discord.token", &error, "run `wilco setup discord`");
            // Every other answer would be the same one.
            return;
        }
    }
    let application = match check::application(&look.platform).await {
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
    match diff(&look.platform).await {
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

async fn guilds(report: &mut Report, wanted: &DiscordConfig, look: &Look<Discord>, application: Option<u64>) {
    let link = application.map_or_else(|| "run `wilco setup discord`".to_owned(), |id| format!("open {}", invite(id)));
    match check::guilds(&look.platform).await {
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

async fn permissions(report: &mut Report, look: &Look<Discord>, channel: u64) {
    match check::missing(&look.platform, channel).await {
        Ok(missing) if missing.is_empty() => report.ok("discord.channel", format!("{channel}: nothing is missing")),
        Ok(missing) => {
            let message = format!("in {channel} the bot lacks {}", missing.join(", "));
            let fix = "allow it in the channel's permissions, or in those of the bot's role";
            report.found("discord.channel", Severity::Error, message, fix);
        }
        Err(error) => report.look("discord.channel", &error, "check the id, and that the bot may view the channel"),
    }
}
