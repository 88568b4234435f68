//! What is wrong with the connections to Slack.

use wilco_core::AccountId;
use wilco_slack::check::{self, LookError};
use wilco_slack::manifest::Wanted;
use wilco_slack::{COMMAND, Slack};

use super::report::{Report, Severity};
use crate::cli::Channel;
use crate::commands::platform::Look;
use crate::config::slack::SLACK;
use crate::config::{Config, SlackConfig};

/// Looks at every workspace that is connected.
pub(super) async fn look(report: &mut Report, config: &Config, channel: Option<&Channel>, owners: &[AccountId]) {
    let channel = match channel {
        Some(Channel::Slack(id)) => Some(id.as_str()),
        Some(Channel::Discord(_)) | None => None,
    };
    let off = config.slack_off();
    for section in &off {
        report.ok("slack", format!("switched off by {section}.enabled"));
    }
    if config.slack.is_empty() {
        if off.is_empty() {
            report.ok("slack", "not connected; `wilco setup slack` says how");
        }
        if channel.is_some() {
            let message = "Slack, whose channel it would be, is not connected";
            report.found("slack.channel", Severity::Unknown, message, "connect it first");
        }
        return;
    }
    let mut seen = Vec::new();
    for one in &config.slack {
        let wanted = config.slack_wishes(&one.account);
        let place = Place::of(one);
        match Look::slack(config, one).await {
            Ok(look) => {
                let answered = live(report, &look.platform, wanted, &place).await;
                if let Some(channel) = channel.filter(|_| answered) {
                    seen.push((Place::of(one), check::objection(&look.platform, channel).await));
                }
                look.close().await;
            }
            Err(error) => {
                report.found("slack", Severity::Error, place.says(&error.sentence), "run `wilco check`");
                continue;
            }
        }
        if config.settings.access.has_owner(&one.account) || owners.contains(&one.account) {
            report.ok("slack.owner", place.says("somebody can be owner"));
        } else {
            let fix = format!(
                "start the bot, run `wilco access pair` and say {COMMAND} pair with the code; or write an [[access]] rule"
            );
            report.found("slack.owner", Severity::Warning, place.says("nobody can be owner"), fix);
        }
    }
    if let Some(channel) = channel {
        spoken(report, channel, seen);
    }
}

/// Which of several connections a finding is about. The one without a name needs no word for itself.
struct Place {
    account: AccountId,
    /// The names of its variables.
    variables: (String, String),
    /// Where Slack's requests are taken, if they are.
    requests: Option<std::net::SocketAddr>,
}

impl Place {
    fn of(config: &SlackConfig) -> Self {
        let account = config.account.clone();
        let name = account.as_str().strip_prefix("slack:").map(str::to_owned);
        let variables = crate::config::slack::variables(name.as_deref());
        Self { account, variables, requests: crate::config::slack::address(config) }
    }

    fn says(&self, message: &str) -> String {
        if self.account.as_str() == SLACK { message.to_owned() } else { format!("{}: {message}", self.account) }
    }
}

/// Looks at one workspace, and answers whether its bot token is good.
async fn live(report: &mut Report, slack: &Slack, wanted: Wanted, place: &Place) -> bool {
    let page = check::settings_page(slack);
    match check::socket(slack).await {
        Ok(()) if let Some(address) = &place.requests => {
            let message = format!(
                "its requests are taken at {address}; whether they arrive is said by the page Event Subscriptions of {page}"
            );
            report.ok("slack.requests", place.says(&message));
        }
        Ok(()) => report.ok("slack.app_token", place.says("Slack opens sockets for it: Socket Mode is on")),
        Err(error) => failed(report, "slack.app_token", &error, place, &page),
    }
    let bot = match check::bot(slack).await {
        Ok(bot) => bot,
        Err(error) => {
            failed(report, "slack.bot_token", &error, place, &page);
            // Every other answer would be the same one.
            return false;
        }
    };
    let who = format!("bot {} ({}) in the workspace {} ({})", bot.name, bot.id, bot.team_name, bot.team);
    report.ok("slack.bot_token", place.says(&who));
    if let Err(error) = check::one_app(slack, &bot).await {
        failed(report, "slack.app_token", &error, place, &page);
    }
    let again = format!(
        "put the manifest (`wilco setup slack --manifest`) into the page App Manifest of {page}, and install the app again"
    );
    let missing = bot.missing(wanted);
    for scope in &missing {
        let severity = if scope.name == "chat:write" { Severity::Error } else { Severity::Warning };
        let message = format!("{} is missing: {}", scope.name, scope.without);
        report.found("slack.scopes", severity, place.says(&message), again.clone());
    }
    let unused = bot.unused(wanted);
    // Slack shows an app's settings to configuration tokens of people alone, not to the bot.
    let unseen = format!(
        "what else the app's manifest says a bot cannot see: compare `wilco setup slack --manifest` with the page App \
         Manifest of {page}"
    );
    match &bot.scopes {
        None => {
            let message = "Slack did not say which scopes the bot token has";
            report.found("slack.scopes", Severity::Unknown, place.says(message), "try again in a moment");
        }
        Some(_) if !missing.is_empty() => {}
        Some(_) if unused.is_empty() => {
            report.ok("slack.scopes", place.says(&format!("all that are needed, and no others; {unseen}")));
        }
        Some(_) => {
            let message = format!("all that are needed; nothing here uses {}; {unseen}", unused.join(", "));
            report.ok("slack.scopes", place.says(&message));
        }
    }
    true
}

/// What the workspaces said of a channel. It belongs to one of them, so the others need not know it.
fn spoken(report: &mut Report, channel: &str, seen: Vec<(Place, Result<Option<String>, LookError>)>) {
    let known = seen.iter().any(|(_, said)| said.is_ok());
    for (place, said) in seen {
        match said {
            Ok(None) => report.ok("slack.channel", place.says(&format!("{channel}: the bot may speak there"))),
            Ok(Some(why)) => {
                let message = place.says(&format!("in {channel} the bot cannot speak: {why}"));
                let fix = "say `/invite @` with the bot's name there, or let an admin change the channel";
                report.found("slack.channel", Severity::Error, message, fix);
            }
            Err(_) if known => {}
            Err(error) => {
                let fix = "check the id, and that the bot is in the channel if it is private";
                let message = place.says(&error.to_string());
                report.found("slack.channel", severity(&error), message, fix);
            }
        }
    }
}

fn severity(error: &LookError) -> Severity {
    match error {
        LookError::BotToken(_)
        | LookError::AppToken(_)
        | LookError::TwoApps { .. }
        | LookError::NoSocket(_)
        | LookError::Scope { .. }
        | LookError::Refused { .. } => Severity::Error,
        LookError::Unreachable { .. } => Severity::Unknown,
    }
}

fn failed(report: &mut Report, check_id: &'static str, error: &LookError, place: &Place, page: &str) {
    let (bot, app) = &place.variables;
    let fix = match error {
        LookError::BotToken(_) => {
            format!("copy the Bot User OAuth Token from the page Install App of {page} and set {bot} to it")
        }
        LookError::AppToken(_) | LookError::Scope { .. } => format!(
            "make an app-level token with {} on the page Basic Information of {page} and set {app} to it",
            wilco_slack::manifest::APP_SCOPE
        ),
        LookError::TwoApps { bot: of, .. } => format!(
            "take both tokens from one app: https://api.slack.com/apps/{of} is that of {bot}; its app-level token is on the \
             page Basic Information, and belongs into {app}"
        ),
        LookError::NoSocket(_) => format!("switch Socket Mode on, on the page of that name of {page}"),
        LookError::Refused { .. } => "run `wilco setup slack`".to_owned(),
        LookError::Unreachable { .. } => "look at the network and at slack-status.com, then try again".to_owned(),
    };
    report.found(check_id, severity(error), place.says(&error.to_string()), fix);
}
