//! The sections `[slack]` and `[slack.<name>]`: which workspaces are connected, and with which tokens.

use std::path::Path;

use wilco_core::AccountId;
use wilco_core::access::Rule;
use wilco_slack::{Hears, Options, Requests, Secret, ids};

use super::SlackConfig;
use super::build::Values;
use super::forms;
use super::problem::{Origin, Problem};
use super::read::Layer;
use super::secrets::{self, Wanted};

/// The connection without a name, and what the accounts of the others begin with.
pub(crate) const SLACK: &str = "slack";

/// The two variables of a connection's tokens: `SLACK_BOT_TOKEN` and `SLACK_APP_TOKEN`, and for `[slack.ops]`
/// `SLACK_OPS_BOT_TOKEN` and `SLACK_OPS_APP_TOKEN`.
pub(crate) fn variables(name: Option<&str>) -> (String, String) {
    let prefix = match name {
        Some(name) => format!("SLACK_{}", name.replace('-', "_").to_uppercase()),
        None => "SLACK".to_owned(),
    };
    (format!("{prefix}_BOT_TOKEN"), format!("{prefix}_APP_TOKEN"))
}

/// The variable of what Slack signs its requests with: `SLACK_SIGNING_SECRET`, and for `[slack.ops]`
/// `SLACK_OPS_SIGNING_SECRET`.
pub(crate) fn signing_variable(name: Option<&str>) -> String {
    variables(name).0.replace("_BOT_TOKEN", "_SIGNING_SECRET")
}

/// The account of a connection.
pub(crate) fn account(name: Option<&str>) -> AccountId {
    match name {
        Some(name) => AccountId::new(format!("{SLACK}:{name}")),
        None => AccountId::new(SLACK),
    }
}

/// The section of a connection.
pub(crate) fn section(name: Option<&str>) -> String {
    match name {
        Some(name) => format!("{SLACK}.{name}"),
        None => SLACK.to_owned(),
    }
}

/// The connections, the one without a name first. A section without its tokens is a mistake; tokens without a section
/// connect.
pub(super) fn build(
    layer: &Layer,
    own: &Path,
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<Problem>,
) -> Vec<SlackConfig> {
    let unnamed = layer.slack.iter().map(|at| (None, at));
    let named = layer.slacks.iter().map(|(name, at)| (Some(name.as_str()), at));
    let mut all: Vec<SlackConfig> = Vec::new();
    for (name, at) in unnamed.chain(named).filter(|(name, _)| !is_off(layer, *name)) {
        let Some(one) = connection(layer, name, at, own, problems, warnings) else { continue };
        if let Some(other) = all.iter().find(|other| other.bot_token == one.bot_token) {
            let what = format!(
                "this is the bot token of {}, too: everything would be done twice; each workspace has a token of its own",
                other.account
            );
            problems.push(Problem::new(at.clone(), section(name), what));
            continue;
        }
        // Slack deals what an app hears over all of its sockets, whatever the workspace.
        let shared =
            |other: &&SlackConfig| one.hears.app_token().is_some() && other.hears.app_token() == one.hears.app_token();
        if let Some(other) = all.iter().find(shared) {
            let what = format!(
                "this is the app-level token of {}, too: Slack would bring each of the two a part of what is meant for the \
                 other; make an app of its own for each workspace (`wilco setup slack`)",
                other.account
            );
            problems.push(Problem::new(at.clone(), section(name), what));
            continue;
        }
        if let Some(other) = all.iter().find(|other| address(other).is_some() && address(other) == address(&one)) {
            let what = format!(
                "the requests of {} are taken at this address, too; each needs a port of its own",
                other.account
            );
            problems.push(Problem::new(at.clone(), section(name), what));
            continue;
        }
        all.push(one);
    }
    all
}

/// Where the requests of a connection are taken, if they are.
pub(crate) fn address(one: &SlackConfig) -> Option<std::net::SocketAddr> {
    match &one.hears {
        Hears::Requests(to) => Some(to.address),
        Hears::Sockets { .. } => None,
    }
}

fn connection(
    layer: &Layer,
    name: Option<&str>,
    at: &Origin,
    own: &Path,
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<Problem>,
) -> Option<SlackConfig> {
    let section = section(name);
    let values = Values::of(layer, &section);
    let (bot_variable, app_variable) = variables(name);
    let bot = Wanted {
        section: &section,
        key: "bot_token",
        file_key: "bot_token_file",
        variable: &bot_variable,
        called: "bot token (xoxb-…)",
        check: forms::check_slack_bot,
    };
    let app = Wanted {
        section: &section,
        key: "app_token",
        file_key: "app_token_file",
        variable: &app_variable,
        called: "app-level token (xapp-…)",
        check: forms::check_slack_app,
    };
    let signing_variable = signing_variable(name);
    let signing = Wanted {
        section: &section,
        key: "signing_secret",
        file_key: "signing_secret_file",
        variable: &signing_variable,
        called: "signing secret",
        check: forms::check_slack_signing,
    };
    // Both are looked at, so that somebody who has neither is told of both.
    let bot = bot.token(&values, at, own, problems, warnings);
    let hears = match values.text("requests").map(|text| forms::listen(&text)) {
        None => app.token(&values, at, own, problems, warnings).map(|token| Hears::Sockets { app_token: token.into() }),
        Some(address) => {
            let secret = signing.token(&values, at, own, problems, warnings);
            // What is no address was said where it was read.
            secret
                .zip(address.ok())
                .map(|(secret, address)| Hears::Requests(Requests { address, signing_secret: secret.into() }))
        }
    };
    Some(SlackConfig {
        account: account(name),
        bot_token: Secret::new(bot?),
        hears: hears?,
        connect: values.flag("connect", false),
        join: values.flag("join", false),
        assistant: values.flag("assistant", false),
        api: secrets::api(&values, &section, Options::API, warnings),
    })
}

/// Whether a section keeps its connection unconnected.
pub(super) fn is_off(layer: &Layer, name: Option<&str>) -> bool {
    !Values::of(layer, &section(name)).flag("enabled", true)
}

/// The sections that keep their connection unconnected.
pub(super) fn off(layer: &Layer) -> Vec<String> {
    let named = layer.slacks.keys().map(|name| Some(name.as_str()));
    std::iter::once(None).chain(named).filter(|name| is_off(layer, *name)).map(section).collect()
}

/// What in a rule for Slack is none of Slack's ids: the field, and a sentence. Whoever writes a name there would wait in
/// vain for the rule to match.
pub(super) fn odd_ids(rule: &Rule) -> Vec<(&'static str, String)> {
    let Some(account) = rule.account.as_deref() else { return Vec::new() };
    if AccountId::new(account).platform() != SLACK {
        return Vec::new();
    }
    let mut odd = Vec::new();
    let mut look = |field, value: &Option<String>, fits: fn(&str) -> bool, hint: &str| {
        if value.as_deref().is_some_and(|id| !fits(id)) {
            odd.push((field, format!("this is no id of Slack's: {hint}, all in capitals and digits")));
        }
    };
    look("user", &rule.user, ids::is_person, "a person's begins with U or W (profile, ⋮, Copy member ID)");
    look("role", &rule.role, ids::is_group, "a user group's begins with S (it stands at the end of its address)");
    look("channel", &rule.channel, ids::is_channel, "a channel's begins with C or G, a direct message's with D");
    look(
        "guild",
        &rule.guild,
        ids::is_team,
        "a workspace's begins with T (`wilco doctor` names it; an Enterprise Grid's, with E, is none)",
    );
    odd
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_makes_the_account_the_section_and_the_variables() {
        assert_eq!((account(None).as_str(), section(None).as_str()), ("slack", "slack"));
        assert_eq!((account(Some("ops-2")).as_str(), section(Some("ops-2")).as_str()), ("slack:ops-2", "slack.ops-2"));
        assert_eq!(variables(None), ("SLACK_BOT_TOKEN".to_owned(), "SLACK_APP_TOKEN".to_owned()));
        let named = ("SLACK_OPS_2_BOT_TOKEN".to_owned(), "SLACK_OPS_2_APP_TOKEN".to_owned());
        assert_eq!(variables(Some("ops-2")), named);
        assert_eq!(signing_variable(None), "SLACK_SIGNING_SECRET");
        assert_eq!(signing_variable(Some("ops-2")), "SLACK_OPS_2_SIGNING_SECRET");
    }
}
