//! `wilco setup discord`: what is still to be done until it is connected. It asks for nothing that it can find out.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;
use toml_edit::{DocumentMut, Item, Table, value};
use wilco_discord::check::{self, Application, LookError, Named, PERMISSIONS, invite};

use super::platform::Look;
use crate::cli::Setup;
use crate::config::{Config, Loader};
use crate::exit::{Ended, Exit};
use crate::out;

/// Where an application is made and its switches are.
const PORTAL: &str = "https://discord.com/developers/applications";
/// What is added to the file. The token itself is in no file.
const TOKEN: &str = "${DISCORD_BOT_TOKEN}";

/// Answers `wilco setup`.
pub(crate) async fn setup(config: &Config, loader: &Loader, wanted: Setup, json: bool) -> anyhow::Result<Exit> {
    let Setup::Discord { write } = wanted;
    if config.discord_is_off() {
        return switched_off(json);
    }
    if config.discord.is_none() {
        return no_token(json);
    }
    let look = Look::open(config).await?;
    let found = Found::ask(&look).await;
    look.close().await;
    let found = found.map_err(|error| explained(&error))?;
    let written = if write { Some(add_section(config, loader)?) } else { None };
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
    async fn ask(look: &Look) -> Result<Self, LookError> {
        Ok(Self {
            bot: check::bot(&look.discord).await?,
            application: check::application(&look.discord).await?,
            guilds: check::guilds(&look.discord).await?,
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
            Some(Written::Added(path)) => format!("Added the section [discord] to {}.", path.display()),
            Some(Written::There(path)) => {
                format!("{} has a section [discord] already; it was left as it is.", path.display())
            }
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
        let written = written.map(|written| match written {
            Written::Added(path) => json!({ "file": path, "added": true }),
            Written::There(path) => json!({ "file": path, "added": false }),
        });
        json!({ "connected": true, "bot": named(&self.bot),
                "application": { "id": self.application.id.to_string(), "name": self.application.name },
                "invite": invite(self.application.id), "guilds": self.guilds.iter().map(named).collect::<Vec<_>>(),
                "missing_intents": missing, "written": written })
    }
}

/// What became of the file.
enum Written {
    Added(PathBuf),
    There(PathBuf),
}

fn add_section(config: &Config, loader: &Loader) -> Result<Written, Ended> {
    let path = loader.resolve(&loader.file_to_write(config));
    let wrong = |what: String| {
        Ended::new(Exit::Failed, format!("{}: {what}; nothing was changed", path.display())).coded("not_written")
    };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(wrong(error.to_string())),
    };
    match with_section(&text).map_err(|error| wrong(error.to_string()))? {
        None => Ok(Written::There(path)),
        Some(new) => {
            replace(&path, &new).map_err(|error| wrong(error.to_string()))?;
            Ok(Written::Added(path))
        }
    }
}

/// The file with the section; none when it has one. Everything else in it stays letter for letter.
fn with_section(text: &str) -> Result<Option<String>, toml_edit::TomlError> {
    let mut document: DocumentMut = text.parse()?;
    if document.contains_key("discord") {
        return Ok(None);
    }
    let mut section = Table::new();
    section.insert("token", value(TOKEN));
    if !text.trim().is_empty() {
        section.decor_mut().set_prefix("\n");
    }
    document.insert("discord", Item::Table(section));
    Ok(Some(document.to_string()))
}

/// Puts the new text in the place of the old in one step, with the mode that the file had: a bot that reads it
/// meanwhile reads one or the other.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    // A link stays one: what it leads to is replaced.
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut name = path.clone().into_os_string();
    name.push(".new");
    let new = PathBuf::from(name);
    let written = (|| {
        let mut file = std::fs::File::create_new(&new)?;
        if let Ok(old) = std::fs::metadata(&path) {
            file.set_permissions(old.permissions())?;
        }
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&new, &path)
    })();
    if written.as_ref().is_err_and(|error| error.kind() != std::io::ErrorKind::AlreadyExists) {
        // Of what was begun here; the first error is the one that counts.
        drop(std::fs::remove_file(&new));
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_section_is_added_once_and_everything_else_stays() {
        let section = "[discord]\ntoken = \"${DISCORD_BOT_TOKEN}\"\n";
        assert_eq!(with_section("").unwrap().as_deref(), Some(section));
        let before = "# mine\ntimezone = 'Europe/Berlin'   # home\n\n[quotas]\nperson_running = 3\n";
        let after = with_section(before).unwrap().unwrap();
        assert_eq!(after, format!("{before}\n{section}"));
        assert_eq!(with_section(&after).unwrap(), None);
        assert_eq!(with_section("discord.token = 'x'\n").unwrap(), None);
        assert!(with_section("[quotas\n").is_err());
    }

    #[test]
    fn a_file_is_replaced_in_one_step_with_the_mode_that_it_had() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("deep/bot.toml");
        replace(&path, "a").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        replace(&path, "b").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "b");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let foreign = home.path().join("deep/bot.toml.new");
        std::fs::write(&foreign, "somebody else's").unwrap();
        assert!(replace(&path, "c").is_err());
        assert_eq!(std::fs::read_to_string(&foreign).unwrap(), "somebody else's");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "b");
    }
}
