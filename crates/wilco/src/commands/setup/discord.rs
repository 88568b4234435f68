//! `wilco setup discord`: what is still to be done until it is connected. It asks for nothing that it can find out.

use serde_json::json;
use wilco_discord::Discord;
use wilco_discord::check::{self, Application, LookError, Named, PERMISSIONS, invite};

use super::{Written, add_section};
use crate::commands::platform::Look;
use crate::config::{Config, Loader};
use crate::exit::{Ended, Exit};
use crate::out;

/// Where an application is made and its switches are.
const PORTAL: &str = "https://discord.com/developers/applications";
/// What is added to the file. The token itself is in no file.
const TOKEN: &str = "${DISCORD_BOT_TOKEN}";

/// Answers `wilco setup discord`.
pub(super) async fn setup(config: &Config, loader: &Loader, write: bool, json: bool) -> anyhow::Result<Exit> {
    if config.discord_is_off() {
        return switched_off(json);
    }
    if config.discord.is_none() {
        return no_token(json);
    }
    let look = Look::discord(config).await?;
    let found = Found::ask(&look).await;
    look.close().await;
    let found = found.map_err(|error| explained(&error))?;
    let written = if write { Some(add_section(config, loader, &["discord"], &[("token", TOKEN)])?) } else { None };
    if json {
        out::json(&found.json(config, written.as_ref()))?;
    } else {
        out::answer(&found.words(config, written.as_ref()))?;
    }
    Ok(Exit::Fine)
}

/// Whoever has written that has meant it, so nothing is asked and nothing is changed.
fn switched_off(json: bool) -> anyhow::Result<Exit> {
    if json {
        out::json(&json!({ "connected": false, "enabled": false, "portal": PORTAL, "variable": "DISCORD_BOT_TOKEN" }))?;
    } else {
        out::answer(
            "Discord is not connected: it is switched off by `enabled = false` in the section [discord] (or \
             WILCO_DISCORD__ENABLED). Nothing was changed.\n\n\
             Take that away and run `wilco setup discord` again: it checks the token and prints the invitation.\n",
        )?;
    }
    Ok(Exit::Failed)
}

/// The steps that only a person can take.
fn no_token(json: bool) -> anyhow::Result<Exit> {
    if json {
        out::json(&json!({ "connected": false, "portal": PORTAL, "variable": "DISCORD_BOT_TOKEN" }))?;
    } else {
        out::answer(&format!(
            "Discord is not connected: there is no token. Nothing was changed.\n\n\
             1. Open {PORTAL} and make a New Application.\n\
             2. On its page Bot, press Reset Token and copy the token.\n\
             3. Put it into the environment, not into a file that others read:\n\
             \x20     export DISCORD_BOT_TOKEN=...\n\
             4. Run `wilco setup discord` again: it checks the token and prints the invitation.\n"
        ))?;
    }
    Ok(Exit::Failed)
}

fn explained(error: &LookError) -> Ended {
    let (exit, hint) = match error {
        LookError::Token => (
            Exit::Failed,
            format!("press Reset Token on the page Bot of {PORTAL} and set DISCORD_BOT_TOKEN to the new one"),
        ),
        LookError::Refused { .. } => (Exit::Failed, "`wilco doctor` looks further".to_owned()),
        LookError::Unreachable { .. } => (Exit::Usage, "nothing could be checked; try again in a moment".to_owned()),
    };
    Ended::new(exit, format!("{error}; {hint}. Nothing was changed")).coded("discord")
}

struct Found {
    bot: Named,
    application: Application,
    guilds: Vec<Named>,
}

impl Found {
    async fn ask(look: &Look<Discord>) -> Result<Self, LookError> {
        Ok(Self {
            bot: check::bot(&look.platform).await?,
            application: check::application(&look.platform).await?,
            guilds: check::guilds(&look.platform).await?,
        })
    }

    fn intent_is_missing(&self, config: &Config) -> bool {
        config.discord.as_ref().is_some_and(|discord| discord.message_content) && !self.application.message_content
    }

    fn words(&self, config: &Config, written: Option<&Written>) -> String {
        let mut text = format!("The token is fine: bot {} (application {})\n", self.bot.name, self.application.id);
        let mut line = |line: String| {
            text.push_str(&line);
            text.push('\n');
        };
        let names: Vec<&str> = PERMISSIONS.iter().map(|(_, name)| *name).collect();
        line(String::new());
        line("Invite it, as somebody who may manage the server:".to_owned());
        line(format!("  {}", invite(self.application.id)));
        line(format!("  It asks for {}, and for nothing else.", names.join(", ")));
        match self.guilds.as_slice() {
            [] => line("  It is in no server yet.".to_owned()),
            all => {
                let all: Vec<&str> = all.iter().map(|guild| guild.name.as_str()).collect();
                line(format!("  It is in {} now.", all.join(", ")));
            }
        }
        line(String::new());
        match (self.intent_is_missing(config), self.application.message_content) {
            (true, _) => line(format!(
                "Switch on Message Content Intent, because discord.message_content is set:\n  {PORTAL}/{}/bot, \
                 Privileged Gateway Intents",
                self.application.id
            )),
            (false, true) => {
                line("Message Content Intent is switched on in the portal; no other one is needed.".to_owned())
            }
            (false, false) => line(
                "No privileged intent is needed: commands, buttons and mentions work without one. To read replies to the \
                 bot\nthat do not mention it, set discord.message_content and run this again."
                    .to_owned(),
            ),
        }
        line(String::new());
        line(match written {
            Some(written) => written.words("discord"),
            None => {
                "Nothing was written. A file is not needed; `wilco setup discord --write` adds the section [discord]."
                    .to_owned()
            }
        });
        if config.discord.as_ref().is_some_and(|discord| discord.register_commands) {
            line("Then: `wilco` starts the bot and puts its commands into Discord's menu;".to_owned());
        } else {
            line("Then: `wilco commands sync` puts the commands into Discord's menu, because".to_owned());
            line("discord.register_commands is false, and `wilco` starts the bot;".to_owned());
        }
        line("`wilco access pair` makes a first owner, `wilco doctor` looks whether all is well.".to_owned());
        text
    }

    fn json(&self, config: &Config, written: Option<&Written>) -> serde_json::Value {
        let named = |one: &Named| json!({ "id": one.id.to_string(), "name": one.name });
        let missing: &[&str] = if self.intent_is_missing(config) { &["message_content"] } else { &[] };
        let written = written.map(Written::json);
        json!({ "connected": true, "bot": named(&self.bot),
                "application": { "id": self.application.id.to_string(), "name": self.application.name },
                "invite": invite(self.application.id), "guilds": self.guilds.iter().map(named).collect::<Vec<_>>(),
                "missing_intents": missing, "written": written })
    }
}
