//! Slack on the command line: the app and its tokens, looking what is wrong, and the greeting. What Slack would say comes
//! from the fake one.

use std::sync::Arc;

use serde_json::{Value, json};
use wilco::SystemClock;
use wilco_sim::slack::{FakeSlack, Fault, Op, Reason, Rule, Settings, SocketFault};

use crate::home::{Home, Ran, mode, within};

/// A Slack with one workspace.
struct Workspace {
    fake: FakeSlack,
    team: String,
    api: String,
}

impl Workspace {
    async fn new() -> Self {
        let fake = FakeSlack::new(Settings::default(), Arc::new(SystemClock::new()));
        let team = fake.add_team("Harbour");
        let api = fake.spawn().await.unwrap();
        Self { fake, team, api }
    }

    /// A folder whose bot speaks to this Slack with the tokens of the workspace.
    fn home(&self, more: &str) -> Home {
        let home = Home::with_config(&format!("[slack]\napi = '{}'\n{more}", self.api));
        home.env("SLACK_BOT_TOKEN", self.fake.token(&self.team)).env("SLACK_APP_TOKEN", self.fake.app_token(&self.team))
    }

    /// The app has these scopes and no others.
    fn scopes(&self, keep: impl Fn(&str) -> bool) {
        self.fake.change_team(&self.team, |team| team.scopes.retain(|scope| keep(scope)));
    }

    fn secrets(&self) -> [String; 2] {
        [self.fake.token(&self.team), self.fake.app_token(&self.team)]
    }

    /// Nothing was asked in a form that Slack does not know, and no answer holds a secret.
    fn all_is_well(&self, answers: &[&Ran]) {
        assert_eq!(self.fake.deviations(), []);
        for answer in answers {
            for secret in self.secrets() {
                assert!(!answer.out.contains(&secret) && !answer.err.contains(&secret), "{answer:?}");
            }
            assert!(!answer.out.contains("ticket=") && !answer.err.contains("ticket="), "{answer:?}");
        }
    }
}

/// The lines of a check.
fn lines<'a>(ran: &'a Ran, check: &str) -> Vec<&'a str> {
    let found: Vec<&str> = ran.out.lines().filter(|line| line.split_whitespace().nth(1) == Some(check)).collect();
    assert!(!found.is_empty(), "no {check} in {ran:?}");
    found
}

#[tokio::test]
async fn setup_prints_the_app_without_tokens_and_changes_nothing() {
    let home = Home::new();
    let ran = home.run(&["setup", "slack", "--write"]).await;
    assert_eq!((ran.code, ran.err.as_str()), (1, ""), "{ran:?}");
    for part in [
        "SLACK_BOT_TOKEN and SLACK_APP_TOKEN are not set",
        "https://api.slack.com/apps?new_app=1&manifest_json=%7B",
        "connections:write",
        "\"command\": \"/wilco\"",
        "\"socket_mode_enabled\": true",
    ] {
        assert!(ran.out.contains(part), "{part} is missing in {ran:?}");
    }
    let alone = home.run(&["setup", "slack", "--manifest"]).await;
    let json = home.run(&["setup", "slack", "--json"]).await;
    assert_eq!((alone.code, json.code, &json.json()["connected"]), (0, 1, &json!(false)));
    assert_eq!(alone.json(), json.json()["manifest"], "the file, and what programs read");
    assert!(ran.out.ends_with(&alone.out), "and what people read");
    let scopes = alone.json()["oauth_config"]["scopes"]["bot"].clone();
    assert!(scopes.as_array().unwrap().contains(&json!("chat:write")), "{scopes}");
    assert!(home.files().is_empty(), "{:?}", home.files());

    let half = Home::new().env("SLACK_BOT_TOKEN", "xoxb-1").run(&["setup", "slack"]).await;
    assert!(half.code == 1 && half.out.contains("SLACK_APP_TOKEN is not set"), "{half:?}");
    let named = Home::new().run(&["setup", "slack", "--account", "ops"]).await;
    assert!(
        named.out.contains("export SLACK_OPS_BOT_TOKEN=") && named.out.contains("--account ops --manifest"),
        "{named:?}"
    );
    let odd = Home::new().run(&["setup", "slack", "--account", "Two Words"]).await;
    assert!(odd.code == 2 && odd.err.contains("cannot be the name of a connection"), "{odd:?}");
}

#[tokio::test]
async fn the_manifest_asks_for_what_the_configuration_uses() {
    let text = "[slack]\njoin = true\nassistant = true\n[[access]]\naccount = 'slack'\nrole = 'S1'\ngrant = 'owner'\n";
    let home = Home::with_config(text).env("SLACK_BOT_TOKEN", "xoxb-1").env("SLACK_APP_TOKEN", "xapp-1");
    let manifest = home.run(&["setup", "slack", "--manifest"]).await.json();
    let scopes = manifest["oauth_config"]["scopes"]["bot"].as_array().unwrap().clone();
    for scope in ["channels:join", "assistant:write", "usergroups:read"] {
        assert!(scopes.contains(&json!(scope)), "{scope}: {scopes:?}");
    }
}

#[tokio::test]
async fn an_app_that_is_told_by_requests_is_set_up_with_its_address() {
    let one = Workspace::new().await;
    let url = "https://bot.example.com/slack";
    let home = Home::new();
    let steps = home.run(&["setup", "slack", "--requests", url]).await;
    assert_eq!(steps.code, 1, "{steps:?}");
    for part in
        ["requests = \"127.0.0.1:3912\"", "export SLACK_SIGNING_SECRET=", "\"request_url\": \"https://bot.example"]
    {
        assert!(steps.out.contains(part), "{part}: {steps:?}");
    }
    assert!(!steps.out.contains("SLACK_APP_TOKEN"), "{steps:?}");
    let manifest = home.run(&["setup", "slack", "--manifest", "--requests", url]).await.json();
    one.fake.install(&one.team, &manifest).unwrap();
    let secret = one.fake.signing_secret(&one.team);
    let home = one.home("requests = '127.0.0.1:3912'\n").env("SLACK_SIGNING_SECRET", secret.clone());
    let ran = home.run(&["setup", "slack", "--manifest"]).await;
    assert!(ran.code == 2 && ran.err.contains("give it with --requests https://"), "{ran:?}");
    let asked = home.run(&["setup", "slack", "--ask"]).await;
    assert!(asked.code == 2 && asked.err.contains("SLACK_SIGNING_SECRET. Nothing was changed"), "{asked:?}");
    let fine = home.run(&["setup", "slack"]).await;
    assert!(fine.code == 0 && fine.out.contains("The tokens are fine"), "{fine:?}");
    let doctor = home.run(&["doctor"]).await;
    assert!(lines(&doctor, "slack.requests")[0].contains("taken at 127.0.0.1:3912"), "{doctor:?}");
    assert!(!doctor.out.contains("slack.app_token"), "{doctor:?}");
    one.all_is_well(&[&steps, &ran, &asked, &fine, &doctor]);
    assert!(!doctor.out.contains(&secret) && !fine.out.contains(&secret));
}

#[tokio::test]
async fn setup_says_that_it_is_switched_off_where_it_is() {
    let home = Home::with_config("[slack]\nenabled = false\n").env("SLACK_BOT_TOKEN", "x").env("SLACK_APP_TOKEN", "y");
    let ran = home.run(&["setup", "slack"]).await;
    assert!(ran.code == 1 && ran.out.contains("enabled = false"), "{ran:?}");
    let json = home.run(&["setup", "slack", "--json"]).await.json();
    assert_eq!((&json["connected"], &json["enabled"]), (&json!(false), &json!(false)));
    let doctor = home.run(&["doctor"]).await;
    assert!(lines(&doctor, "slack")[0].contains("switched off by slack.enabled"), "{doctor:?}");
    let named = Home::with_config("[slack.ops]\nenabled = false\n[slack.two]\nenabled = false\n");
    let doctor = named.run(&["doctor"]).await;
    let found = lines(&doctor, "slack");
    assert_eq!(found.len(), 2, "{doctor:?}");
    assert!(found[0].ends_with(" switched off by slack.ops.enabled"), "{doctor:?}");
    assert!(found[1].ends_with(" switched off by slack.two.enabled"), "{doctor:?}");
}

#[tokio::test]
async fn tokens_that_were_swapped_are_told_apart_before_anything_is_sent() {
    let one = Workspace::new().await;
    let home = Home::with_config(&format!("[slack]\napi = '{}'\n", one.api))
        .env("SLACK_BOT_TOKEN", one.fake.app_token(&one.team))
        .env("SLACK_APP_TOKEN", one.fake.token(&one.team));
    for words in [&["setup", "slack"][..], &["check"], &["run"]] {
        let ran = home.run(words).await;
        assert_eq!(ran.code, 78, "{ran:?}");
        for part in ["environment SLACK_BOT_TOKEN: slack.bot_token: ", "slack.app_token: ", "swap the two"] {
            assert!(ran.err.contains(part), "{part} is missing in {ran:?}");
        }
        one.all_is_well(&[&ran]);
    }
    assert!(one.fake.log().is_empty(), "nothing was asked");
    let named = Home::new().env("SLACK_OPS_BOT_TOKEN", "xapp-1").env("SLACK_OPS_APP_TOKEN", "xapp-1");
    let ran = named.run(&["setup", "slack", "--account", "ops"]).await;
    assert!(ran.code == 78 && ran.err.contains("SLACK_OPS_BOT_TOKEN: ") && ran.err.contains("swap the two"), "{ran:?}");
}

#[tokio::test]
async fn setup_finds_out_what_it_can_and_writes_only_when_asked() {
    let one = Workspace::new().await;
    let home = Home::new()
        .env("SLACK_BOT_TOKEN", one.fake.token(&one.team))
        .env("SLACK_APP_TOKEN", one.fake.app_token(&one.team))
        .env("WILCO_SLACK__API", one.api.clone());
    let ran = home.run(&["setup", "slack"]).await;
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    for part in [
        format!("bot wilco ({}) in the workspace Harbour ({}), connected as slack.", one.fake.bot(&one.team), one.team),
        "It has every scope that it needs.".to_owned(),
        "/invite @wilco".to_owned(),
        "/wilco pair <code>".to_owned(),
    ] {
        assert!(ran.out.contains(&part), "{part} is missing in {ran:?}");
    }
    assert!(home.files().is_empty(), "a look creates nothing: {:?}", home.files());

    home.write("bot.toml", "# mine\n[quotas]\nperson_running = 3 # three\n");
    let ran = home.run(&["setup", "slack", "--write"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let written = std::fs::read_to_string(home.path("bot.toml")).unwrap();
    let section = "[slack]\nbot_token = \"${SLACK_BOT_TOKEN}\"\napp_token = \"${SLACK_APP_TOKEN}\"\n";
    assert_eq!(written, format!("# mine\n[quotas]\nperson_running = 3 # three\n\n{section}"));
    let again = home.run(&["setup", "slack", "--write", "--json"]).await;
    assert_eq!(again.json()["written"]["added"], json!(false), "{again:?}");
    assert_eq!(home.run(&["check"]).await.code, 0);
    one.all_is_well(&[&ran, &again]);
}

#[tokio::test]
async fn a_further_workspace_has_a_name_and_variables_of_its_own() {
    let one = Workspace::new().await;
    let other = one.fake.add_team("Office");
    let home = one
        .home("")
        .env("SLACK_OPS_BOT_TOKEN", one.fake.token(&other))
        .env("SLACK_OPS_APP_TOKEN", one.fake.app_token(&other))
        .env("WILCO_SLACK__OPS__API", one.api.clone());
    let ran = home.run(&["setup", "slack", "--account", "ops", "--write"]).await;
    assert!(ran.code == 0 && ran.out.contains("the workspace Office"), "{ran:?}");
    let written = std::fs::read_to_string(home.path("bot.toml")).unwrap();
    let section = "[slack.ops]\nbot_token = \"${SLACK_OPS_BOT_TOKEN}\"\napp_token = \"${SLACK_OPS_APP_TOKEN}\"\n";
    assert!(written.ends_with(&format!("\n{section}")), "{written}");

    let harbour = one.fake.add_channel(&one.team, "quay");
    let doctor = home.run(&["doctor", "--channel", &harbour]).await;
    let bots = lines(&doctor, "slack.bot_token");
    assert!(bots[0].contains("Harbour") && bots[1].contains("slack:ops: ") && bots[1].contains("Office"), "{bots:?}");
    let channel = lines(&doctor, "slack.channel");
    assert_eq!(channel.len(), 1, "the workspace whose channel it is speaks for it: {channel:?}");
    assert!(channel[0].starts_with("ok "), "{channel:?}");
    let mut bot = home.start_anywhere().await;
    assert_eq!(bot.greeting[2], "slack, slack:ops: connecting; discord, telegram: not connected");
    assert!(bot.says().await.starts_with("nobody may do anything on slack, slack:ops yet; `wilco access pair`"));
    let code = home.run(&["access", "pair"]).await;
    assert!(code.code == 0 && code.out.contains("  /wilco pair ") && code.out.contains("(on Slack)"), "{code:?}");
    bot.kill().await;
    one.all_is_well(&[&ran, &doctor]);
}

#[tokio::test]
async fn tokens_that_are_typed_are_checked_at_once_and_kept_for_their_owner_alone() {
    let one = Workspace::new().await;
    let [bot, app] = one.secrets();
    // Those of the environment are old.
    let home = Home::new()
        .env("SLACK_BOT_TOKEN", "xoxb-0-old")
        .env("SLACK_APP_TOKEN", "xapp-0-old")
        .env("WILCO_SLACK__API", one.api.clone());
    let words = ["setup", "slack", "--ask", "--write"];
    let never = home.run_with(&words, &format!("{app}\n{app}\n{app}\n")).await;
    assert!(never.code == 1 && never.err.contains("swap the two") && home.files().is_empty(), "{never:?}");
    let nothing = home.run_with(&words, "\n").await;
    assert!(
        nothing.code == 1 && nothing.out.contains("no tokens were given") && home.files().is_empty(),
        "{nothing:?}"
    );
    // One that was swapped may be given again.
    let ran = home.run_with(&words, &format!("{app}\n  {bot} \n{app}\n")).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(home.files(), ["bot.toml", "slack.app-token", "slack.bot-token"]);
    assert_eq!((mode(&home.path("slack.bot-token")), mode(&home.path("slack.app-token"))), (0o600, 0o600));
    let text = std::fs::read_to_string(home.path("bot.toml")).unwrap();
    assert_eq!(text, "[slack]\nbot_token_file = \"slack.bot-token\"\napp_token_file = \"slack.app-token\"\n");
    let doctor = home.run(&["doctor"]).await;
    assert!(lines(&doctor, "slack.bot_token")[0].starts_with("ok "), "{doctor:?}");
    let again = home.run_with(&words, &format!("{bot}\n{app}\n")).await;
    assert!(again.code == 0 && again.out.contains("has a section [slack] already"), "{again:?}");
    assert!(again.out.contains("are not kept"), "{again:?}");
    // What lies in the place of a token's file stays, and the configuration too.
    home.write("bot.toml", "");
    home.write("slack.bot-token", "somebody else's");
    let taken = home.run_with(&words, &format!("{bot}\n{app}\n")).await;
    assert!(taken.code == 1 && taken.err.contains("slack.bot-token"), "{taken:?}");
    assert_eq!(std::fs::read_to_string(home.path("bot.toml")).unwrap(), "");
    one.all_is_well(&[&again, &taken, &never, &nothing, &ran, &doctor]);
}

#[tokio::test]
async fn tokens_that_are_typed_leave_nothing_behind_where_the_section_cannot_be_added() {
    let one = Workspace::new().await;
    let [bot, app] = one.secrets();
    let home = Home::new()
        .env("SLACK_BOT_TOKEN", "xoxb-0-old")
        .env("SLACK_APP_TOKEN", "xapp-0-old")
        .env("WILCO_SLACK__API", one.api.clone());
    let (words, typed) = (["setup", "slack", "--ask", "--write"], format!("{bot}\n{app}\n"));
    // The second of the two files is in the way.
    home.write("slack.app-token", "somebody else's");
    let taken = home.run_with(&words, &typed).await;
    assert!(taken.code == 1 && taken.err.contains("slack.app-token: "), "{taken:?}");
    assert!(taken.err.contains("nothing was changed. Move away what is there"), "{taken:?}");
    assert_eq!(home.files(), ["slack.app-token"], "no token is left behind");
    std::fs::remove_file(home.path("slack.app-token")).unwrap();
    // The configuration cannot be replaced.
    home.write("bot.toml.new", "somebody else's");
    let closed = home.run_with(&words, &typed).await;
    assert!(closed.code == 1 && closed.err.contains("nothing was changed"), "{closed:?}");
    assert_eq!(home.files(), ["bot.toml.new"], "no token is left behind");
    std::fs::remove_file(home.path("bot.toml.new")).unwrap();
    // A setup that was killed in between has left the first file.
    home.write("slack.bot-token", &format!("{bot}\n"));
    std::fs::set_permissions(home.path("slack.bot-token"), std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .unwrap();
    let ran = home.run_with(&words, &typed).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(home.files(), ["bot.toml", "slack.app-token", "slack.bot-token"]);
    one.all_is_well(&[&taken, &closed, &ran]);
}

#[tokio::test]
async fn a_missing_scope_is_named_with_what_does_not_work_without_it() {
    let one = Workspace::new().await;
    one.scopes(|scope| !matches!(scope, "files:write" | "app_mentions:read"));
    let home = one.home("");
    let ran = home.run(&["setup", "slack"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("files:write: without it files of results are not delivered"), "{ran:?}");
    let json = home.run(&["setup", "slack", "--json"]).await.json();
    assert_eq!(json["missing_scopes"], json!(["app_mentions:read", "files:write"]));
    let doctor = home.run(&["doctor"]).await;
    let found = lines(&doctor, "slack.scopes");
    assert!(
        found.len() == 2 && found[0].starts_with("warning ") && found[0].contains("app_mentions:read"),
        "{found:?}"
    );
    assert!(
        found[1].contains("files:write is missing")
            && found[1].contains("App Manifest of https://api.slack.com/apps/A")
    );
    one.scopes(|scope| scope != "chat:write");
    let doctor = home.run(&["doctor"]).await;
    assert!(
        lines(&doctor, "slack.scopes").iter().any(|line| line.starts_with("error ") && line.contains("chat:write"))
    );
    one.all_is_well(&[&ran, &doctor]);
}

#[tokio::test]
async fn tokens_of_two_apps_are_noticed_though_each_is_good() {
    let one = Workspace::new().await;
    let other = one.fake.add_team("Quay");
    let home = Home::with_config(&format!("[slack]\napi = '{}'\n", one.api))
        .env("SLACK_BOT_TOKEN", one.fake.token(&one.team))
        .env("SLACK_APP_TOKEN", one.fake.app_token(&other));
    let ran = home.run(&["setup", "slack"]).await;
    assert!(ran.code == 1 && ran.err.contains("take both tokens from one app"), "{ran:?}");
    assert!(ran.err.contains("SLACK_APP_TOKEN") && ran.err.contains("Nothing was changed"), "{ran:?}");
    let doctor = home.run(&["doctor"]).await;
    let found = lines(&doctor, "slack.app_token").into_iter().find(|line| line.starts_with("error "));
    assert!(found.is_some_and(|line| line.contains("take both tokens from one app")), "{doctor:?}");
    let fine = one.home("").run(&["setup", "slack"]).await;
    assert_eq!(fine.code, 0, "{fine:?}");
    one.all_is_well(&[&ran, &doctor, &fine]);
}

#[tokio::test]
async fn a_refused_token_is_told_from_a_slack_that_does_not_answer() {
    let one = Workspace::new().await;
    let home = one.home("");
    one.fake.refuse_tokens(&one.team, Some("token_revoked"));
    let ran = home.run(&["setup", "slack"]).await;
    assert!(ran.code == 1 && ran.err.contains("does not accept the bot token (token_revoked)"), "{ran:?}");
    assert!(ran.err.contains("SLACK_BOT_TOKEN") && ran.err.contains("Nothing was changed"), "{ran:?}");
    let doctor = home.run(&["doctor"]).await;
    for check in ["slack.bot_token", "slack.app_token"] {
        assert!(lines(&doctor, check)[0].starts_with("error "), "{doctor:?}");
    }
    one.fake.refuse_tokens(&one.team, None);
    one.fake.fault(Rule::new(Fault::Html { status: 503, applied: false }).always());
    let away = home.run(&["setup", "slack"]).await;
    assert!(away.code == 2 && away.err.contains("nothing could be checked"), "{away:?}");
    let doctor = home.run(&["doctor"]).await;
    assert!(lines(&doctor, "slack.bot_token")[0].starts_with("unknown "), "{doctor:?}");
    one.fake.calm();
    one.fake.socket_mode(&one.team, false);
    let off = home.run(&["setup", "slack"]).await;
    assert!(off.code == 1 && off.err.contains("switch Socket Mode on"), "{off:?}");
    let doctor = home.run(&["doctor"]).await;
    let line = lines(&doctor, "slack.app_token")[0];
    assert!(line.starts_with("error ") && line.contains("switch Socket Mode on"), "{line}");
    one.all_is_well(&[&ran, &away, &off, &doctor]);
}

#[tokio::test]
async fn the_doctor_says_of_each_check_what_is_wrong_and_what_to_do() {
    let one = Workspace::new().await;
    // The app is the one that the manifest makes.
    let manifest = one.home("").run(&["setup", "slack", "--manifest"]).await.json();
    let scopes = manifest["oauth_config"]["scopes"]["bot"].as_array().unwrap().clone();
    one.scopes(|scope| scopes.contains(&json!(scope)));
    let quay = one.fake.add_channel(&one.team, "quay");
    let home = one.home("[[access]]\naccount = 'slack'\nuser = 'U1'\ngrant = 'owner'\n");
    // The store is made by a first start.
    home.start_anywhere().await.kill().await;
    let fine = home.run(&["doctor", "--channel", &quay]).await;
    assert_eq!((fine.code, fine.err.as_str()), (0, ""), "{fine:?}");
    for check in ["slack.bot_token", "slack.app_token", "slack.scopes", "slack.channel", "slack.owner"] {
        assert!(lines(&fine, check)[0].starts_with("ok "), "{check}: {fine:?}");
    }
    let scopes = lines(&fine, "slack.scopes")[0];
    assert!(
        scopes.contains(" all that are needed, and no others; what else") && scopes.contains("--manifest"),
        "{scopes}"
    );

    one.fake.leave(&quay, &one.fake.bot(&one.team));
    home.write("bot.toml", &format!("[slack]\napi = '{}'\n", one.api));
    let ran = home.run(&["doctor", "--channel", &quay]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    for (check, severity, says) in [
        ("slack.channel", "error", "the bot is not in this channel"),
        ("slack.owner", "warning", "say /wilco pair with the code"),
    ] {
        let line = lines(&ran, check)[0];
        assert!(line.starts_with(severity) && line.contains(says) && line.contains("; fix: "), "{check}: {line}");
    }
    let unknown = home.run(&["doctor", "--channel", "C0NOWHERE", "--json"]).await;
    let checks = unknown.json()["checks"].as_array().unwrap().clone();
    let channel = checks.iter().find(|check| check["check_id"] == "slack.channel").unwrap();
    assert!(channel["severity"] == "error" && channel["fix"].is_string(), "{channel}");
    let name = home.run(&["doctor", "--channel", "general"]).await;
    assert!(name.code == 2 && name.err.contains("begins with C, G or D on Slack"), "{name:?}");
    let elsewhere = Home::new().run(&["doctor", "--channel", &quay]).await;
    assert!(lines(&elsewhere, "slack.channel")[0].starts_with("unknown "), "{elsewhere:?}");
    one.all_is_well(&[&fine, &ran, &unknown]);
    assert!(one.fake.calls(Op::PostMessage) == 0, "a look says nothing");
}

#[tokio::test]
async fn the_command_of_slack_is_kept_in_its_app() {
    let one = Workspace::new().await;
    let ran = one.home("").run(&["commands", "diff"]).await;
    assert!(ran.code == 2 && ran.err.contains("`wilco setup slack --manifest`"), "{ran:?}");
}

#[tokio::test]
async fn the_bot_starts_whatever_slack_says_and_logs_no_token() {
    let one = Workspace::new().await;
    one.fake.refuse_tokens(&one.team, Some("account_inactive"));
    let home = one.home("").env("RUST_LOG", "trace");
    let bot = home.start_anywhere().await;
    assert_eq!(bot.greeting[2], "slack: connecting; discord, telegram: not connected");
    let browser = bot.browser().await;
    let id = browser.run("echo", "a word", "first").await;
    home.until_state(&id, "done").await;
    bot.kill().await;
    let log = home.log();
    for secret in one.secrets() {
        assert!(!log.contains(&secret), "a token is in the log");
    }
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(line["level"].is_string(), "{line}");
    }
}

#[tokio::test]
async fn no_secret_of_slack_reaches_the_log_while_the_bot_works() {
    let one = Workspace::new().await;
    let fake = &one.fake;
    let (ana, ops) = (fake.add_person(&one.team, "ana"), fake.add_channel(&one.team, "ops"));
    fake.join(&ops, &ana);
    let home = one.home(&format!(
        "[[access]]\naccount = 'slack'\nuser = '{ana}'\ngrant = 'owner'\n\
         [workers.paper]\ncommand = ['sh', '-c', 'echo words > \"$WILCO_OUT/paper.txt\"']\n"
    ));
    let home = home.env("RUST_LOG", "trace");
    let bot = home.start_anywhere().await;
    within("two connections", fake.until(|fake| fake.listening() == 2)).await;

    // A command with its answer, a job with a file, a button with its answer, and connections in place of others.
    let asked = fake.slash(&ana, &ops, "/wilco", "run paper").unwrap();
    let offers = |fake: &FakeSlack| {
        let mut all = fake.snapshot().into_iter();
        all.find(|shown| shown.buttons.iter().any(|button| button.label == "Details")).map(|shown| shown.ts)
    };
    let has_file = |fake: &FakeSlack| fake.world().files.values().any(|file| file.complete);
    within("the result", fake.until(|fake| offers(fake).is_some() && has_file(fake))).await;
    let pressed = fake.press(&ana, offers(fake).unwrap(), "Details").unwrap();
    let used = |id: &str| fake.interaction(id).is_some_and(|one| one.uses > 0);
    within("its answer", fake.until(|_| used(&pressed))).await;
    fake.socket_now(&SocketFault::Disconnect { reason: Reason::RefreshRequested });
    within("new connections", fake.until(|fake| fake.socket_counts().connections >= 4 && fake.listening() == 2)).await;
    bot.kill().await;

    let tickets = fake.tickets();
    assert!(tickets.len() >= 4, "{}", tickets.len());
    let paths = [&asked, &pressed].map(|id| fake.interaction(id).unwrap().path);
    let uploads = fake.world().files.into_values().map(|file| file.ticket);
    let secrets = one.secrets().into_iter().chain(tickets).chain(paths).chain(uploads);
    let log = home.log();
    assert!(log.contains("slack"), "the log says what is done");
    for (at, secret) in secrets.enumerate() {
        assert!(secret.len() > 10, "secret {at} is none");
        assert!(!log.contains(&secret), "secret {at} is in the log");
    }
    one.all_is_well(&[]);
}
