//! The sections of Slack: which workspaces are connected, and where their tokens come from.

use super::*;

const BOT: &str = "SLACK_BOT_TOKEN";
const APP: &str = "SLACK_APP_TOKEN";

/// What is connected, with the tokens.
fn connections(config: &Config) -> Vec<(&str, &str, &str)> {
    let one = |one: &'_ wilco::config::SlackConfig| {
        // Only the letters that a test has made up leave the secret.
        let leak = |text: &str| -> &'static str { Box::leak(text.to_owned().into_boxed_str()) };
        (
            leak(one.account.as_str()),
            leak(one.bot_token.expose()),
            leak(one.hears.app_token().map_or("", |token| token.expose())),
        )
    };
    config.slack.iter().map(one).collect()
}

#[test]
fn two_tokens_alone_connect_a_workspace_and_without_them_nothing_does() {
    assert!(Desk::empty().load().unwrap().slack.is_empty());
    let config = Desk::empty().env(BOT, "xoxb-1-hidden").env(APP, "xapp-1-hidden").load().unwrap();
    assert_eq!(connections(&config), [("slack", "xoxb-1-hidden", "xapp-1-hidden")]);
    let one = &config.slack[0];
    assert_eq!(
        (one.connect, one.join, one.assistant, one.api.as_str()),
        (false, false, false, "https://slack.com/api")
    );
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    assert_eq!(shown(&config, "slack.bot_token"), ("\"[secret]\"", format!("environment {BOT}")));
    assert!(!format!("{config:?}").contains("hidden"), "a token is in no debug output");
    let empty = Desk::empty().env(BOT, "").env(APP, "").load().unwrap();
    assert!(empty.slack.is_empty() && empty.warnings.is_empty(), "an empty variable is none");
}

#[test]
fn the_variables_of_another_program_are_no_obstacle() {
    for off in [Desk::with("[slack]\nenabled = false\n"), Desk::empty().env("WILCO_SLACK__ENABLED", "false")] {
        let off = off.env(BOT, "xoxp-of-another-program").env(APP, "x").load().unwrap();
        assert!(off.slack.is_empty() && off.slack_is_off(None));
    }
    let half = Desk::empty().env(BOT, "xoxp-of-another-program").load().unwrap();
    assert!(half.slack.is_empty());
    let said: Vec<String> = half.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].contains("SLACK_BOT_TOKEN is set and SLACK_APP_TOKEN is not, so Slack is not connected"),
        "{said:?}"
    );
    let half = Desk::empty().env(APP, "xapp-1").load().unwrap();
    assert!(half.warnings[0].what.contains("SLACK_APP_TOKEN is set and SLACK_BOT_TOKEN is not"));
}

#[test]
fn the_section_says_where_the_tokens_are_and_what_else_holds() {
    let text = "[slack]\nbot_token = '${B}'\napp_token = '${A}'\nconnect = true\njoin = true\nassistant = true\n\
                api = 'http://127.0.0.1:80/api/'\n";
    let desk = Desk::with(text).env("A", "xapp-1").env("B", "xoxb-1").env(BOT, "xoxb-not-mine");
    let config = desk.load().unwrap();
    assert_eq!(connections(&config), [("slack", "xoxb-1", "xapp-1")]);
    let one = &config.slack[0];
    assert_eq!((one.connect, one.join, one.assistant, one.api.as_str()), (true, true, true, "http://127.0.0.1:80/api"));
    assert_eq!(shown(&config, "slack.bot_token").0, "\"${B}\"");
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    // The section needs no key when the variables have their usual names, and one of them may stand in it.
    let usual = Desk::with("[slack]\napp_token = '${A}'\n").env("A", "xapp-2").env(BOT, "xoxb-2").load().unwrap();
    assert_eq!(connections(&usual), [("slack", "xoxb-2", "xapp-2")]);
    let last = desk.env("WILCO_SLACK__BOT_TOKEN", "xoxb-3").load().unwrap();
    assert_eq!(connections(&last), [("slack", "xoxb-3", "xapp-1")]);
    let (live, start) = changes(&Desk::empty().load().unwrap(), &last);
    assert!(live.is_empty() && start.contains(&"slack.bot_token".to_owned()), "{live:?} {start:?}");
}

#[test]
fn each_workspace_is_an_account_of_its_own() {
    let text = "[slack.ops]\njoin = true\n[slack.two-b]\nbot_token = '${B}'\n[slack.three]\nenabled = false\n";
    let desk = Desk::with(text)
        .env("SLACK_OPS_BOT_TOKEN", "xoxb-1")
        .env("SLACK_OPS_APP_TOKEN", "xapp-1")
        .env("B", "xoxb-2")
        .env("SLACK_TWO_B_APP_TOKEN", "xapp-2")
        // Those of the connection without a name, which is not there: they may have been given to the others.
        .env(BOT, "xoxb-9")
        .env(APP, "xapp-9");
    let config = desk.load().unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(connections(&config), [("slack:ops", "xoxb-1", "xapp-1"), ("slack:two-b", "xoxb-2", "xapp-2")]);
    assert!(config.slack[0].join && !config.slack[1].join, "each has its own");
    assert!(config.slack_is_off(Some("three")) && !config.slack_is_off(Some("ops")));
    assert_eq!(config.slack_off(), ["slack.three"]);
    assert_eq!(shown(&config, "slack.ops.bot_token").1, "environment SLACK_OPS_BOT_TOKEN");

    let desk = desk.env("WILCO_SLACK__TWO_B__CONNECT", "true").env("WILCO_SLACK__OPS__API", "https://proxy/api");
    let config = desk.load().unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!((config.slack[0].api.as_str(), config.slack[1].connect), ("https://proxy/api", true));

    desk.write("bot.toml", &format!("[slack]\n{text}"));
    let variables = Desk::empty().env("WILCO_SLACK__OPS__JOIN", "true").env("SLACK_OPS_BOT_TOKEN", "xoxb-1");
    let variables = variables.env("SLACK_OPS_APP_TOKEN", "xapp-1").load().unwrap();
    assert_eq!(connections(&variables), [("slack:ops", "xoxb-1", "xapp-1")], "a name may be in variables alone");
    let named = || {
        let desk = Desk::empty().env("WILCO_SLACK__OPS__JOIN", "true").env(BOT, "xoxb-9").env(APP, "xapp-9");
        desk.env("SLACK_OPS_BOT_TOKEN", "xoxb-1").env("SLACK_OPS_APP_TOKEN", "xapp-1")
    };
    let alone = named().load().unwrap();
    assert_eq!(connections(&alone), [("slack:ops", "xoxb-1", "xapp-1")], "those without a name are not asked for");
    let both = named().env("WILCO_SLACK__JOIN", "true").load().unwrap();
    assert_eq!(connections(&both), [("slack", "xoxb-9", "xapp-9"), ("slack:ops", "xoxb-1", "xapp-1")]);
    for first in ["[slack]\n", "[slack]\njoin = true\n"] {
        desk.write("bot.toml", &format!("{first}{text}"));
        let accounts: Vec<String> = desk.load().unwrap().slack.iter().map(|one| one.account.to_string()).collect();
        assert_eq!(accounts, ["slack", "slack:ops", "slack:two-b"], "{first}");
    }
}

#[test]
fn a_token_in_the_file_itself_is_warned_about_and_shown_nowhere() {
    let config = load("[slack]\nbot_token = 'xoxb-canary-1'\napp_token = 'xapp-canary-1'\n");
    let warnings: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].starts_with("bot.toml:2:13: slack.bot_token: this looks like a secret"), "{warnings:?}");
    assert!(warnings[1].starts_with("bot.toml:3:13: slack.app_token: this looks like a secret"), "{warnings:?}");
    assert_eq!(shown(&config, "slack.app_token").0, "\"[secret]\"");
    assert!(!format!("{config:?} {warnings:?}").contains("canary"));
    let open = Desk::with("[slack]\napi = 'http://proxy/api'\n").env(BOT, "xoxb-1").env(APP, "xapp-1").load().unwrap();
    assert!(open.warnings.iter().any(|warning| warning.key == "slack.api"), "{:?}", open.warnings);
}

#[test]
fn a_file_with_a_token_has_to_be_closed_to_others_and_to_hold_the_right_one() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::with("[slack]\nbot_token_file = 'bot'\napp_token_file = 'app'\n").env(BOT, "xoxb-not-this-one");
    let write = |name: &str, text: &str, mode: u32| {
        desk.write(name, text);
        std::fs::set_permissions(desk.folder.path().join(name), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    write("bot", " xoxb-file \n", 0o600);
    write("app", "xapp-file\n", 0o640);
    let problems = desk.problems();
    assert!(problems[0].contains("slack.app_token_file") && problems[0].contains("(mode 640)"), "{problems:?}");
    write("app", "xoxb-hidden\n", 0o600);
    let problems = desk.problems();
    assert!(problems[0].contains("swap the two") && !problems[0].contains("hidden"), "{problems:?}");
    write("app", "xapp-file\n", 0o600);
    let config = desk.load().unwrap();
    assert_eq!((connections(&config), config.warnings.len()), (vec![("slack", "xoxb-file", "xapp-file")], 0));
}

#[test]
fn rules_for_slack_name_ids_and_those_for_everybody_may_be_of_any_platform() {
    let config = load(
        "[[access]]\naccount = 'slack:ops'\nuser = 'W1'\nrole = 'S1'\nchannel = 'G1'\nguild = 'T1'\ngrant = 'viewer'\n\
         [[access]]\nuser = '7'\ngrant = 'owner'\n[[access]]\naccount = 'discord'\nrole = '7'\ngrant = 'owner'\n",
    );
    assert_eq!(config.settings.access.rules.len(), 3);
    let groups = |account: &str| config.slack_wishes(&account.into()).groups;
    assert!(groups("slack:ops") && !groups("slack"), "the scope for groups is wanted where a rule names one");
}

#[test]
fn requests_take_a_signing_secret_in_place_of_the_app_level_token() {
    let text = "[slack]\nrequests = '127.0.0.1:3912'\n[slack.ops]\nrequests = 'localhost:3913'\n";
    let desk = Desk::with(text)
        .env(BOT, "xoxb-1")
        .env("SLACK_SIGNING_SECRET", "0123456789abcdef0123456789abcdef")
        .env("SLACK_OPS_BOT_TOKEN", "xoxb-2")
        .env("SLACK_OPS_SIGNING_SECRET", "fedcba9876543210fedcba9876543210");
    let config = desk.load().unwrap();
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    let heard: Vec<String> = config
        .slack
        .iter()
        .map(|one| match &one.hears {
            wilco_slack::Hears::Requests(to) => {
                format!("{} {} {}", one.account, to.address, to.signing_secret.expose())
            }
            wilco_slack::Hears::Sockets { .. } => panic!("{} has sockets", one.account),
        })
        .collect();
    assert_eq!(
        heard,
        [
            "slack 127.0.0.1:3912 0123456789abcdef0123456789abcdef",
            "slack:ops 127.0.0.1:3913 fedcba9876543210fedcba9876543210"
        ]
    );
    assert!(!format!("{config:?}").contains("0123456789abcdef"), "the secret is in no debug output");
    // Where nothing says that requests are taken, the secret is another program's.
    let sockets = Desk::empty().env(BOT, "xoxb-1").env(APP, "xapp-1").env("SLACK_SIGNING_SECRET", "x").load().unwrap();
    assert_eq!(connections(&sockets), [("slack", "xoxb-1", "xapp-1")]);
    // The variable alone says so, too.
    let by_variable = Desk::empty()
        .env(BOT, "xoxb-1")
        .env("WILCO_SLACK__REQUESTS", "0.0.0.0:3912")
        .env("SLACK_SIGNING_SECRET", "0123456789abcdef0123456789abcdef")
        .load()
        .unwrap();
    assert_eq!(by_variable.slack.len(), 1);
}
