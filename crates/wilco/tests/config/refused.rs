//! What is refused, with a sentence that names its place.

use super::*;

#[test]
fn g2_what_is_out_of_range_is_refused_with_place_range_and_default() {
    let contract = |key: &str, value: &str| format!("[defaults.worker_contract]\n{key} = {value}\n");
    let ranges =
        [("ack_secs", 300, 5), ("progress_secs", 86_400, 45), ("terminal_secs", 604_800, 1_800), ("tick_secs", 60, 2)];
    for (key, most, default) in ranges {
        for value in ["0", "-1", &(most + 1).to_string(), "99999999999999999999999"] {
            let problems = Desk::with(&contract(key, value)).problems();
            let least = if key == "progress_secs" || key == "terminal_secs" { 5 } else { 1 };
            let start = format!("bot.toml:2:{}: defaults.worker_contract.{key}: ", key.len() + 4);
            let end = format!("is out of range; allowed: {least} to {most} seconds; default: {default}");
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert!(problems[0].starts_with(&start) && problems[0].ends_with(&end), "{}", problems[0]);
        }
        assert!(Desk::with(&contract(key, &most.to_string())).load().is_ok(), "{key} takes its largest value");
    }
}

#[test]
fn g2_every_number_and_duration_of_the_table_refuses_zero() {
    for key in schema::TABLE.iter().filter(|key| !key.path.contains('[')) {
        let zero = match key.kind {
            Kind::Number { .. } => "0",
            Kind::Span { .. } => "'0s'",
            Kind::Choice(_) | Kind::Flag | Kind::Auto | Kind::Text(_) | Kind::Texts { .. } | Kind::Tables { .. } => {
                continue;
            }
        };
        let path = key.path.replace("<name>", "report");
        let problems = Desk::with(&format!("workers.report.command = ['x']\n{path} = {zero}\n")).problems();
        assert_eq!(problems.len(), 1, "{path}: {problems:?}");
        assert!(problems[0].contains(&format!("allowed: {}", key.kind.allowed())), "{}", problems[0]);
        assert!(problems[0].contains("default: "), "{}", problems[0]);
    }
}

#[test]
fn bad_input_gets_a_sentence_with_its_place() {
    let worker = |rest: &str| format!("[workers.r]\ncommand = ['x']\n{rest}\n");
    let table: &[(&str, &str)] = &[
        ("[web]\nbnid = '127.0.0.1:1'", "bot.toml:2:1: web.bnid: there is no such key; did you mean `bind`?"),
        ("[wbe]\nbind = 'x'", "bot.toml:1:2: wbe: there is no such key; did you mean `web`?"),
        (
            "[defaults]\nack_secs = 5",
            "bot.toml:2:1: defaults.ack_secs: there is no such key here; it belongs to [defaults.worker_contract]",
        ),
        ("zzz = 1", "bot.toml:1:1: zzz: there is no such key"),
        ("web = 1", "bot.toml:1:7: web: this is a section, not a whole number; write [web]"),
        (
            "[web]\nbind = '0.0.0.0:80'",
            "listening beyond this machine is not in this version; from another one, open a tunnel to the same port \
             with `ssh -L 7733:127.0.0.1:7733 <host>`",
        ),
        (
            "[web]\nenabled = 'yes'",
            "bot.toml:2:11: web.enabled: this is a text; it has to be true or false; allowed: true or false; default: true",
        ),
        (
            "[quotas]\nperson_running = '3'",
            "this is a text; it has to be a whole number without quotes; allowed: 1 to 10000; default: 2",
        ),
        ("[quotas]\nperson_running = 2.5", "this is a fraction"),
        (
            "[quotas]\ncooldown = 1",
            "this is a whole number; it has to be a duration in quotes, such as \"90s\"; allowed: 100ms to 1h, or \"off\"; default: \"1s\"",
        ),
        ("[quotas]\ncooldown = '1 day'", "\"1 day\" is no duration"),
        ("[quotas]\ncooldown = '2h'", "\"2h\" is out of range"),
        ("[defaults]\nquestion = 'off'", "\"off\" is no duration; allowed: 1s to 30d; default: \"24h\""),
        (
            "[log]\nformat = 'jsno'",
            "\"jsno\" is not one of the choices; allowed: \"auto\", \"human\" or \"json\"; default: \"auto\"; did you mean `json`?",
        ),
        ("[log]\nfilter = 'wilco=loud'", "allowed: directives of tracing"),
        ("[retention]\nbodies = '200d'\nreceipts = '100d'", "retention.receipts: the records cannot go before"),
        (
            "timezone = 'Europe/Berln'",
            "bot.toml:1:12: timezone: \"Europe/Berln\": there is no such time zone; perhaps `Europe/Berlin` is meant; \
             allowed: an IANA name, such as \"Europe/Berlin\"; default: \"UTC\"",
        ),
        ("timezone = 'PST'", "perhaps `America/Los_Angeles` or `America/Vancouver` is meant"),
        ("timezone = '+02:00'", "\"+02:00\": there is no such time zone; allowed: an IANA name"),
        ("timezone = 2", "this is a whole number; it has to be a text in quotes; allowed: an IANA name"),
        (
            "[retention]\nbodies = '1d'\ntimezone = 'Europe/Berlin'",
            "bot.toml:3:1: retention.timezone: there is no such key here; it stands at the top of the file",
        ),
        ("[followups]\nmin = '0s'", "\"0s\" is out of range; allowed: 1s to 30d; default: \"60s\""),
        ("[followups]\nmin = '2h'\nmax = '1h'", "bot.toml:3:7: followups.max: no time would be allowed; make"),
        ("[followups]\nmin_every = '2d'\nmax = '1d'", "make followups.max at least followups.min_every"),
        ("[followups]\nmissed = 'late'", "\"late\" is not one of the choices; allowed: \"run_late\" or \"notice\""),
        ("[followups]\npause_after = 0", "0 is out of range; allowed: 1 to 1000 failures; default: 5"),
        ("[followups]\nper_preson = 5", "there is no such key; did you mean `per_person`?"),
        ("[[access]]\ngrant = 'owner'", "access[1]: a rule without user, role, channel or guild would match nobody"),
        ("[discord]", "bot.toml:1:2: discord.token: there is no token; set the environment variable DISCORD_BOT_TOKEN"),
        ("[discord]\nmessage_content = true", "discord.token: there is no token"),
        (
            "[discord]\ntoken = '${DISCORD_BOT_TOKEN}'",
            "bot.toml:2:9: discord.token: the environment variable DISCORD_BOT_TOKEN is not set",
        ),
        (
            "[discord]\ntoken = 'Bot abc'",
            "discord.token: \"[secret]\": leave out the word before the token; allowed: a token",
        ),
        ("[discord]\ntoken = 'a'\nguild = 197038439483310086", "it has to be a text in quotes; allowed: an id: digits"),
        ("[discord]\ntoken = 'a'\ngiuld = '1'", "discord.giuld: there is no such key; did you mean `guild`?"),
        ("[discord]\ntoken_file = 'absent'", "discord.token_file: "),
        (
            "[slack]",
            "bot.toml:1:2: slack.bot_token: there is no bot token (xoxb-…); set the environment variable SLACK_BOT_TOKEN, \
             name a file with bot_token_file, or take the section away",
        ),
        ("[slack]\njoin = true", "slack.app_token: there is no app-level token (xapp-…); set the environment variable"),
        (
            "[slack.ops]",
            "slack.ops.bot_token: there is no bot token (xoxb-…); set the environment variable SLACK_OPS_BOT",
        ),
        (
            "[slack]\nbot_token = 'xapp-1-A2-3-b'",
            "bot.toml:2:13: slack.bot_token: \"[secret]\": this is the app-level token (xapp-…), but the bot token (xoxb-…) \
             belongs here: swap the two; allowed: a bot token",
        ),
        (
            "[slack]\napp_token = 'xoxb-1'",
            "slack.app_token: \"[secret]\": this is the bot token (xoxb-…), but the app-level",
        ),
        ("[slack]\nbot_token = 'xoxp-1'", "this is a user token (xoxp-…), with which wilco would write as a person"),
        ("[slack]\nbot_tokn = 'x'", "slack.bot_tokn: there is no such key; did you mean `bot_token`?"),
        ("[slack.ops]\nbot_tokn = 'x'", "slack.ops.bot_tokn: there is no such key; did you mean `bot_token`?"),
        ("[slack.Ops]\njoin = true", "slack.Ops: no connection to Slack can have this name; allowed: 1 to 32 of a-z"),
        ("slack = 1", "slack: this is a section, not a whole number; write [slack]"),
        ("[slack]\nbot_token_file = 'absent'\napp_token = 'xapp-1'", "slack.bot_token_file: "),
        (
            "[slack]\nbot_token = 'xoxb-1'\napp_token = 'xapp-1'\n[slack.ops]\nbot_token = 'xoxb-1'\napp_token = 'xapp-2'",
            "bot.toml:4:8: slack.ops: this is the bot token of slack, too: everything would be done twice",
        ),
        (
            "[slack]\nbot_token = 'xoxb-1'\napp_token = 'xapp-1'\n[slack.ops]\nbot_token = 'xoxb-2'\napp_token = 'xapp-1'",
            "bot.toml:4:8: slack.ops: this is the app-level token of slack, too: Slack would bring each of the two a part",
        ),
        (
            "[slack]\nrequests = '127.0.0.1:0'",
            "slack.requests: \"127.0.0.1:0\": whoever sends something there has to know",
        ),
        (
            "[slack]\nrequests = 'bot.example.com'",
            "it is no address with a port; allowed: an address and port of this machine",
        ),
        (
            "[slack]\nrequests = '127.0.0.1:3912'",
            "slack.signing_secret: there is no signing secret; set the environment variable SLACK_SIGNING_SECRET, name a file",
        ),
        (
            "[slack]\nsigning_secret = 'xoxb-1-2-abcdefghijkl'",
            "slack.signing_secret: \"[secret]\": a signing secret is a word of 32 digits and letters",
        ),
        (
            "[slack]\nbot_token = 'xoxb-1'\nrequests = '127.0.0.1:3912'\nsigning_secret = '0123456789abcdef'\n\
             [slack.ops]\nbot_token = 'xoxb-2'\nrequests = '127.0.0.1:3912'\nsigning_secret = 'fedcba9876543210'",
            "slack.ops: the requests of slack are taken at this address, too; each needs a port of its own",
        ),
        (
            "[[access]]\naccount = 'slack'\nuser = '@ana'\ngrant = 'owner'",
            "bot.toml:3:8: access[1].user: this is no id of Slack's: a person's begins with U or W",
        ),
        ("[[access]]\naccount = 'slack:ops'\nrole = 'ops'\ngrant = 'owner'", "a user group's begins with S"),
        (
            "[[access]]\naccount = 'slack'\nchannel = '#ops'\ngrant = 'owner'",
            "access[1].channel: this is no id of Slack's",
        ),
        ("[[access]]\naccount = 'slack'\nguild = 'harbour'\ngrant = 'owner'", "a workspace's begins with T"),
        (
            "[[access]]\naccount = 'slack'\nguild = 'E024BE7LD'\ngrant = 'owner'",
            "an Enterprise Grid's, with E, is none",
        ),
        ("[[access]]\nuser = '1'", "access[1]: a rule needs grant"),
        (
            "[[access]]\nuser = 1\ngrant = 'owner'",
            "bot.toml:2:8: access[1].user: this is a whole number; it has to be a text in quotes",
        ),
        ("[[access]]\nuser = '1'\ngrant = 'admin'", "access[1].grant: \"admin\" is not one of the choices"),
        ("[[access]]\nusr = '1'\ngrant = 'owner'", "access[1].usr: there is no such key; did you mean `user`?"),
        ("[workers.r]", "bot.toml:1:10: workers.r.command: a worker needs a command"),
        ("[workers.r]\ncommand = './x'", "this is a text; it has to be a list of texts"),
        ("[workers.r]\ncommand = []", "the list has 0 texts; allowed: 1 to 100 texts"),
        (
            "[workers.r]\ncommand = ['x', 1]",
            "bot.toml:2:17: workers.r.command: number 2 of the list: this is a whole number",
        ),
        ("[workers.r]\ncommand = ['']", "workers.r.command: a worker needs a command"),
        ("[workers.r]\nkind = 'agent'\ncommand = ['x']", "agent workers are not in this version"),
        ("[retry]\nattempts = 11", "11 is out of range; allowed: 1 to 10; default: 3"),
        ("[retry]\nfirst = '10ms'", "\"10ms\" is out of range; allowed: 100ms to 1h; default: \"1s\""),
        (
            "[retry]\nfirst = '2m'",
            "retry.cap: the longest rest cannot be shorter than the first; make cap at least first",
        ),
        (
            "[backends.claude]",
            "bot.toml:1:11: backends.claude.service: a backend needs service = \"claude\", \"codex\"",
        ),
        (
            "[backends.x]\nservice = 'claud'",
            "\"claud\" is not one of the choices; allowed: \"claude\", \"codex\" or \"http\"; did you mean `claude`?",
        ),
        ("[backends.'A B']\nservice = 'http'", "no backend can have this name"),
        (&worker("[workers.r.retry]\nattempts = 0"), "workers.r.retry.attempts: 0 is out of range; allowed: 1 to 10"),
        (&worker("[workers.r.retry]\ncap = '1s'\nfirst = '5s'"), "bot.toml:4:7: workers.r.retry.cap: the longest rest"),
        ("[workers.'R 1']\ncommand = ['x']", "no worker kind can have this name"),
        ("[workers.demo]\ncommand = ['x']", "`demo` is built in and has no command"),
        (&worker("ack_secs = 0"), "default: that of defaults.worker_contract.ack_secs, 5 unless set"),
        (&worker("comand = 1"), "workers.r.comand: there is no such key; did you mean `command`?"),
        (&worker("env = ['A=B']"), "number 1 of the list: \"A=B\": it is no name of a variable"),
        (&worker("result_file = '../x'"), "it may not name a folder"),
        (&worker("args = [{ pattern = 'a' }]"), "workers.r.args[1]: an argument needs a name"),
        (
            &worker("args = [{ name = 'a', pattern = '[' }]"),
            "workers.r.args[1].pattern: \"[\": it is no regular expression: unclosed",
        ),
        (
            &worker("args = [{ name = 'a', optional = true }, { name = 'b' }]"),
            "args[2]: it comes after one that may be left out",
        ),
        (
            &worker("args = [{ name = 'a', rest = true }, { name = 'b' }]"),
            "args[2]: only the last argument may take the rest",
        ),
        (&worker("args = [{ name = 'a' }, { name = 'a' }]"), "args[2]: another argument has this name"),
        (&worker("args = ['a']"), "number 1 of the list is a text; it has to be a table"),
        ("[store]\nurl = '${NOWHERE}'", "bot.toml:2:7: store.url: the environment variable NOWHERE is not set"),
        ("[store]\nurl = 'mysql:x'", "it does not begin with sqlite:"),
        ("[store\nurl = 1", "bot.toml:1:7: this is no TOML: "),
        ("[web]\nenabled = true\nenabled = true", "bot.toml:3:1: this is no TOML: duplicate key"),
        ("web = { \"é\" = 1, bnid = 2 }", "bot.toml:1:18: web.bnid"),
    ];
    for (text, expected) in table {
        let problems = Desk::with(text).problems();
        assert!(problems.iter().any(|problem| problem.contains(expected)), "{text:?} gave {problems:#?}");
    }
}

#[test]
fn every_problem_of_every_layer_is_reported_at_once() {
    let mut desk = Desk::with(
        "[web]\nbnid = 1\n[quotas]\nperson_running = 0\n[workers.a]\nack_secs = 0\n[workers.b]\ncommand = ['${NO_A}', '${NO_B}']\n",
    )
    .env("WILCO_LOG__FORMAT", "loud")
    .env("WILCO_LOG__FROMAT", "json")
    .env("WILCO_ACCESS", "[{")
    .env("WILCO_QUOTAS__CHANNEL_OPEN", "many");
    desk.flags.web = Some("nowhere".into());
    let problems = desk.load().unwrap_err();
    let keys: Vec<&str> = problems.0.iter().map(|problem| problem.key.as_str()).collect();
    let expected = [
        "web.bnid",
        "quotas.person_running",
        "workers.a.ack_secs",
        "workers.b.command",
        "workers.b.command",
        "access",
        "log.format",
        "log.fromat",
        "quotas.channel_open",
        "web.bind",
        "workers.a.command",
    ];
    assert_eq!(keys, expected, "{problems}");
    assert!(problems.to_string().starts_with("the configuration has 11 problems and is not used\n  bot.toml:2:1: "));
}

#[test]
fn files_that_are_none_are_refused() {
    let desk = Desk::empty();
    std::fs::create_dir(desk.folder.path().join("bot.toml")).unwrap();
    assert_eq!(desk.problems(), ["bot.toml:1:1: bot.toml: this is no ordinary file"]);
    let desk = Desk::with(&format!("# {}", "x".repeat(1 << 20)));
    assert!(desk.problems()[0].contains("larger than 1 MiB"));
    let desk = Desk::empty();
    std::fs::write(desk.folder.path().join("bot.toml"), b"# a\n# \xff\n").unwrap();
    assert!(desk.problems()[0].contains("line 2 is no UTF-8"), "{:?}", desk.problems());
    assert!(Desk::with("\u{feff}[web]\nenabled = true\n").load().is_ok(), "a byte order mark is no mistake");
}
