//! `wilco setup slack`: the app as a manifest and a link, then its tokens, then the way to the first owner.

use std::path::Path;

use serde_json::{Value, json};
use wilco_slack::check::{self, Bot, LookError};
use wilco_slack::manifest::{self, Wanted};
use wilco_slack::{COMMAND, Hears, Options, Secret, Slack};

use super::{Kept, Written, add_section, ask, file, with_section};
use crate::cli::SlackSetup;
use crate::commands::platform::Look;
use crate::config::slack::{account, section, signing_variable, variables};
use crate::config::{Config, Loader, SlackConfig};
use crate::exit::{Ended, Exit};
use crate::out;

/// Where the apps of a person are.
const APPS: &str = "https://api.slack.com/apps";

/// Answers `wilco setup slack`.
pub(super) async fn setup(config: &Config, loader: &Loader, wanted: &SlackSetup, json: bool) -> anyhow::Result<Exit> {
    let desk = Desk::new(config, loader, wanted)?;
    if wanted.manifest {
        out::answer(&manifest::file(&desk.manifest()?))?;
        return Ok(Exit::Fine);
    }
    if config.slack_is_off(desk.name) {
        return desk.switched_off(json);
    }
    if wanted.requests.is_some() && !desk.takes_requests() {
        return desk.no_tokens(json);
    }
    let Some((connection, asked)) = desk.connection()? else { return desk.no_tokens(json) };
    let look = Look::slack(config, &connection).await?;
    let found = Found::ask(&look.platform, desk.wishes()).await;
    look.close().await;
    let found = found.map_err(|error| desk.explained(&error))?;
    let written = if wanted.write { Some(desk.write(asked.then_some(&connection))?) } else { None };
    if json {
        out::json(&desk.json(&found, written.as_ref()))?;
    } else {
        out::answer(&desk.words(&found, written.as_ref(), asked))?;
    }
    Ok(Exit::Fine)
}

/// What was asked for, and with which configuration.
struct Desk<'a> {
    config: &'a Config,
    loader: &'a Loader,
    wanted: &'a SlackSetup,
    /// The name of the section below `[slack]`.
    name: Option<&'a str>,
    /// The variables of the two tokens.
    variables: (String, String),
}

impl<'a> Desk<'a> {
    fn new(config: &'a Config, loader: &'a Loader, wanted: &'a SlackSetup) -> Result<Self, Ended> {
        let name = wanted.account.as_deref();
        if let Some(name) = name.filter(|name| !crate::config::is_name(name)) {
            let sentence = format!(
                "`{name}` cannot be the name of a connection: it takes 1 to 32 of a-z, 0-9, - and _, beginning with a \
                 letter; nothing was changed"
            );
            return Err(Ended::new(Exit::Usage, sentence).coded("bad_input"));
        }
        Ok(Self { config, loader, wanted, name, variables: variables(name) })
    }

    fn configured(&self) -> Option<&'a SlackConfig> {
        let account = account(self.name);
        self.config.slack.iter().find(|one| one.account == account)
    }

    /// What the app has to have, as far as the configuration says.
    fn wishes(&self) -> Wanted {
        self.config.slack_wishes(&account(self.name))
    }

    /// Whether Slack speaks to the app by requests in place of sockets.
    fn by_requests(&self) -> bool {
        self.takes_requests() || self.wanted.requests.is_some()
    }

    /// Whether the configuration says so already.
    fn takes_requests(&self) -> bool {
        self.configured().is_some_and(|one| matches!(one.hears, Hears::Requests(_)))
    }

    /// The app's manifest.
    fn manifest(&self) -> Result<Value, Ended> {
        let manifest = manifest::manifest(self.wishes());
        match &self.wanted.requests {
            Some(url) => Ok(manifest::by_requests(manifest, url)),
            None if self.by_requests() => {
                let sentence = format!(
                    "[{}] takes requests of Slack's, so the manifest has to name their address: give it with --requests \
                     https://…",
                    section(self.name)
                );
                Err(Ended::new(Exit::Usage, sentence).coded("bad_input"))
            }
            None => Ok(manifest),
        }
    }

    /// How this command is given again.
    fn again(&self, more: &str) -> String {
        let name = self.name.map(|name| format!(" --account {name}")).unwrap_or_default();
        format!("`wilco setup slack{name}{more}`")
    }

    /// The connection with its tokens, and whether they were asked for; none while there are none.
    fn connection(&self) -> anyhow::Result<Option<(SlackConfig, bool)>> {
        if self.wanted.ask {
            if self.by_requests() {
                let sentence = format!(
                    "--ask asks for the two tokens of an app with sockets; for one that takes requests set {} and {}. \
                     Nothing was changed",
                    self.variables.0,
                    signing_variable(self.name)
                );
                return Err(Ended::new(Exit::Usage, sentence).coded("bad_input").into());
            }
            return Ok(self.ask()?.map(|tokens| (self.with(tokens), true)));
        }
        if let Some(configured) = self.configured() {
            return Ok(Some((configured.clone(), false)));
        }
        // A workspace that no section names yet: its variables may be there already.
        let (bot, app) = (self.loader.variable(&self.variables.0), self.loader.variable(&self.variables.1));
        let (Some(bot), Some(app)) = (bot, app) else { return Ok(None) };
        for (variable, checked) in
            [(&self.variables.0, wilco_slack::bot_token(bot)), (&self.variables.1, wilco_slack::app_token(app))]
        {
            checked.map_err(|error| {
                Ended::new(Exit::Config, format!("environment {variable}: {error}. Nothing was changed"))
            })?;
        }
        Ok(Some((self.with((bot.to_owned(), app.to_owned())), false)))
    }

    fn with(&self, (bot, app): (String, String)) -> SlackConfig {
        let (bot_token, hears) = (Secret::new(bot), Hears::Sockets { app_token: Secret::new(app) });
        match self.configured() {
            Some(configured) => SlackConfig { bot_token, hears, ..configured.clone() },
            None => SlackConfig {
                account: account(self.name),
                bot_token,
                hears,
                connect: false,
                join: false,
                assistant: false,
                api: self.api(),
            },
        }
    }

    /// Where the Web API is, for a connection that no section names.
    fn api(&self) -> String {
        let variable = format!("WILCO_{}__API", section(self.name).replace('.', "__").replace('-', "_").to_uppercase());
        let api = self.loader.variable(&variable).unwrap_or(Options::API);
        api.trim_end_matches('/').to_owned()
    }

    fn ask(&self) -> Result<Option<(String, String)>, Ended> {
        let wrong = |error: std::io::Error| {
            Ended::new(Exit::Failed, format!("{error}. Nothing was changed")).coded("bad_token")
        };
        let bot = |token: &str| wilco_slack::bot_token(token).map_err(|error| error.to_string());
        let app = |token: &str| wilco_slack::app_token(token).map_err(|error| error.to_string());
        let Some(bot) = ask::secret("Bot User OAuth Token (xoxb-…)", bot).map_err(wrong)? else { return Ok(None) };
        let app = ask::secret("App-level token (xapp-…)", app).map_err(wrong)?;
        Ok(app.map(|app| (bot, app)))
    }

    /// Adds the section: with the names of the variables, or with the files of the tokens that were typed.
    fn write(&self, typed: Option<&SlackConfig>) -> Result<Written, Ended> {
        let names: Vec<&str> = std::iter::once("slack").chain(self.name).collect();
        let Some(typed) = typed else {
            let (bot, app) = (format!("${{{}}}", self.variables.0), format!("${{{}}}", self.variables.1));
            return add_section(self.config, self.loader, &names, &[("bot_token", &bot), ("app_token", &app)]);
        };
        let (bot, app) = (format!("{}.bot-token", names.join("-")), format!("{}.app-token", names.join("-")));
        let keys = [("bot_token_file", bot.as_str()), ("app_token_file", app.as_str())];
        let (path, text) = file(self.config, self.loader)?;
        let mut kept = Kept::default();
        // The files first: a bot that reads the section at once has to find them.
        if with_section(&text, &names, &keys).is_ok_and(|new| new.is_some()) {
            let folder = path.parent().unwrap_or(Path::new("."));
            let typed = [(&bot, Some(&typed.bot_token)), (&app, typed.hears.app_token())];
            for (name, token) in typed.into_iter().filter_map(|(name, token)| token.map(|token| (name, token))) {
                let path = folder.join(name);
                if let Err(error) = kept.keep(&path, token.expose()) {
                    let mut sentence = format!("{}: {error}; nothing was changed", path.display());
                    if error.kind() == std::io::ErrorKind::AlreadyExists {
                        let section = section(self.name);
                        sentence += &format!(". Move away what is there, or name the file in [{section}] yourself");
                    }
                    return Err(kept.undo(Ended::new(Exit::Failed, sentence).coded("not_written")));
                }
            }
        }
        add_section(self.config, self.loader, &names, &keys).map_err(|error| kept.undo(error))
    }

    /// Whoever has written that has meant it, so nothing is asked and nothing is changed.
    fn switched_off(&self, json: bool) -> anyhow::Result<Exit> {
        let section = section(self.name);
        if json {
            out::json(&json!({ "connected": false, "enabled": false, "account": account(self.name) }))?;
        } else {
            out::answer(&format!(
                "Slack is not connected: it is switched off by `enabled = false` in the section [{section}] (or by a \
                 variable). Nothing was changed.\n\nTake that away and run {} again: it checks the tokens.\n",
                self.again("")
            ))?;
        }
        Ok(Exit::Failed)
    }

    /// The steps that only a person can take.
    fn no_tokens(&self, json: bool) -> anyhow::Result<Exit> {
        let manifest = self.manifest()?;
        let link = manifest::link(&manifest);
        let (bot, app) = &self.variables;
        if json {
            let variables = if self.by_requests() {
                [bot.clone(), signing_variable(self.name)]
            } else {
                [bot.clone(), app.clone()]
            };
            out::json(&json!({ "connected": false, "account": account(self.name), "link": link, "manifest": manifest,
                               "variables": variables }))?;
            return Ok(Exit::Failed);
        }
        if self.by_requests() {
            out::answer(&self.steps_of_requests(&link, &manifest))?;
            return Ok(Exit::Failed);
        }
        let missing: Vec<&str> = [bot.as_str(), app.as_str()]
            .into_iter()
            .filter(|variable| self.loader.variable(variable).is_none())
            .collect();
        let missing = if missing.is_empty() || self.wanted.ask {
            "no tokens were given".to_owned()
        } else {
            format!("{} {} not set", missing.join(" and "), if missing.len() == 1 { "is" } else { "are" })
        };
        out::answer(&format!(
            "Slack is not connected: {missing}. Nothing was changed.\n\n\
             1. Open this link, choose the workspace and press Create. The app is made from the manifest below:\n\
             \x20     {link}\n\
             2. On its page Install App, press Install to Workspace, and copy the Bot User OAuth Token (xoxb-…).\n\
             3. On its page Basic Information, under App-Level Tokens, press Generate Token and Scopes, add the scope\n\
             \x20  {scope}, and copy that token (xapp-…).\n\
             4. Put both into the environment, not into a file that others read:\n\
             \x20     export {bot}=xoxb-...\n\
             \x20     export {app}=xapp-...\n\
             5. Run {again} again: it checks them. ({ask} asks for them instead and keeps them in files\n\
             \x20  that nobody else may read.)\n\n\
             An app that exists already takes the manifest on its page App Manifest; {file} prints it alone:\n\n{text}",
            scope = manifest::APP_SCOPE,
            again = self.again(""),
            ask = self.again(" --ask --write"),
            file = self.again(" --manifest"),
            text = manifest::file(&manifest),
        ))?;
        Ok(Exit::Failed)
    }

    /// The steps for an app to which Slack speaks by requests.
    fn steps_of_requests(&self, link: &str, manifest: &Value) -> String {
        format!(
            "Slack does not speak to this bot by requests yet. Nothing was changed.\n\n\
             1. Put these lines into the configuration file; the port is for whoever takes the requests at that address\n\
             \x20  with https and hands them on:\n\
             \x20     [{section}]\n\
             \x20     requests = \"127.0.0.1:3912\"\n\
             2. Open this link, choose the workspace and press Create. The app is made from the manifest below:\n\
             \x20     {link}\n\
             3. On its page Install App, press Install to Workspace, and copy the Bot User OAuth Token (xoxb-…). On its page\n\
             \x20  Basic Information, under App Credentials, copy the Signing Secret.\n\
             4. Put both into the environment, not into a file that others read:\n\
             \x20     export {bot}=xoxb-...\n\
             \x20     export {signing}=...\n\
             5. Start the bot with `wilco`. On the page Event Subscriptions press Retry until the address is verified.\n\n\
             {text}",
            section = section(self.name),
            bot = self.variables.0,
            signing = signing_variable(self.name),
            text = manifest::file(manifest),
        )
    }

    fn explained(&self, error: &LookError) -> Ended {
        let (bot, app) = &self.variables;
        let (exit, hint) = match error {
            LookError::BotToken(_) => (
                Exit::Failed,
                format!("copy it again from the page Install App of {APPS} and set {bot}, or install the app again"),
            ),
            LookError::AppToken(_) => {
                (Exit::Failed, format!("make a new one on the page Basic Information of {APPS} and set {app} to it"))
            }
            LookError::TwoApps { bot: of, .. } => (
                Exit::Failed,
                format!(
                    "take both tokens from one app: {APPS}/{of} is that of {bot}, and its app-level token belongs into {app}"
                ),
            ),
            LookError::NoSocket(_) => {
                (Exit::Failed, format!("switch Socket Mode on, on the page of that name of {APPS}"))
            }
            LookError::Scope { .. } => {
                let scope = manifest::APP_SCOPE;
                (Exit::Failed, format!("make an app-level token with {scope} and set {app} to it"))
            }
            LookError::Refused { .. } => (Exit::Failed, "`wilco doctor` looks further".to_owned()),
            LookError::Unreachable { .. } => {
                (Exit::Usage, "nothing could be checked; try again in a moment".to_owned())
            }
        };
        Ended::new(exit, format!("{error}; {hint}. Nothing was changed")).coded("slack")
    }

    fn words(&self, found: &Found, written: Option<&Written>, asked: bool) -> String {
        let bot = &found.bot;
        let mut lines = vec![
            format!(
                "The tokens are fine: bot {} ({}) in the workspace {} ({}), connected as {}.",
                bot.name,
                bot.id,
                bot.team_name,
                bot.team,
                account(self.name)
            ),
            String::new(),
        ];
        match (&bot.scopes, found.missing.as_slice()) {
            (None, _) => lines.push("Slack did not say which scopes the bot token has.".to_owned()),
            (Some(_), []) => lines.push("It has every scope that it needs.".to_owned()),
            (Some(_), missing) => {
                lines.push("These scopes are missing:".to_owned());
                lines.extend(missing.iter().map(|(name, without)| format!("  {name}: without it {without}")));
                lines.push(format!(
                    "Put the manifest ({}) into the page App Manifest of {} and install the app again.",
                    self.again(" --manifest"),
                    found.settings
                ));
            }
        }
        lines.push(String::new());
        let section = section(self.name);
        lines.push(match written {
            Some(there @ Written::There(_)) if asked => {
                format!("{} The tokens that were typed are not kept.", there.words(&section))
            }
            Some(written) => written.words(&section),
            None if asked => format!(
                "Nothing was written, and the tokens are not kept: set {} and {}, or give --write as well.",
                self.variables.0, self.variables.1
            ),
            None if self.configured().is_none() => {
                format!(
                    "Nothing was written. {} adds the section [{section}], which connects it.",
                    self.again(" --write")
                )
            }
            None => {
                format!(
                    "Nothing was written. A file is not needed; {} adds the section [{section}].",
                    self.again(" --write")
                )
            }
        });
        lines.push(format!(
            "Then: `wilco` starts the bot. In Slack, `/invite @{}` puts it into a channel; a direct message needs none.",
            bot.name
        ));
        lines.push(format!(
            "`wilco access pair` shows a code, and `{COMMAND} pair <code>` in Slack makes a first owner; `wilco doctor` \
             looks\nwhether all is well."
        ));
        lines.join("\n") + "\n"
    }

    fn json(&self, found: &Found, written: Option<&Written>) -> Value {
        let bot = &found.bot;
        let missing: Vec<&str> = found.missing.iter().map(|(name, _)| *name).collect();
        json!({ "connected": true, "account": account(self.name), "bot": { "id": bot.id, "name": bot.name },
                "workspace": { "id": bot.team, "name": bot.team_name }, "scopes": bot.scopes,
                "missing_scopes": missing, "link": self.manifest().ok().map(|manifest| manifest::link(&manifest)),
                "written": written.map(Written::json) })
    }
}

struct Found {
    bot: Bot,
    /// The scopes that are missing, with what does not work without each.
    missing: Vec<(&'static str, &'static str)>,
    /// Where the app is changed.
    settings: String,
}

impl Found {
    async fn ask(slack: &Slack, wishes: Wanted) -> Result<Self, LookError> {
        let bot = check::bot(slack).await?;
        check::socket(slack).await?;
        check::one_app(slack, &bot).await?;
        let missing = bot.missing(wishes).into_iter().map(|scope| (scope.name, scope.without)).collect();
        Ok(Self { bot, missing, settings: check::settings_page(slack) })
    }
}
