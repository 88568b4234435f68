//! The configuration as a person meets it: files, variables and options in, settings or clear sentences out.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what went wrong by panicking; clippy does not see that helpers belong to tests"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use wilco::config::schema::Kind;
use wilco::config::{Config, EXAMPLE, Flags, Loader, LogFormat, Problems, changes, docs, schema};
use wilco_core::access::Role;
use wilco_core::classify::Service;
use wilco_core::followup::{FollowupSettings, MissedPolicy};
use wilco_core::settings::{BackendSettings, KindSettings, Notify, Settings};
use wilco_core::when::{Bounds, Zone};
use wilco_core::worker::OnInterrupt;

/// A working directory of its own, with an environment of its own.
struct Desk {
    folder: tempfile::TempDir,
    env: BTreeMap<String, String>,
    flags: Flags,
}

impl Desk {
    fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), env: BTreeMap::new(), flags: Flags::default() }
    }

    fn with(text: &str) -> Self {
        let desk = Self::empty();
        desk.write("bot.toml", text);
        desk
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    fn loader(&self) -> Loader {
        Loader::new(self.flags.clone(), self.env.clone(), self.folder.path())
    }

    fn load(&self) -> Result<Config, Problems> {
        self.loader().load()
    }

    /// Everything that is wrong, one line each.
    fn problems(&self) -> Vec<String> {
        match self.load() {
            Ok(_) => Vec::new(),
            Err(problems) => problems.0.iter().map(ToString::to_string).collect(),
        }
    }
}

fn load(text: &str) -> Config {
    Desk::with(text).load().unwrap_or_else(|problems| panic!("{problems}"))
}

fn shown<'a>(config: &'a Config, key: &str) -> (&'a str, String) {
    let found = config.effective.iter().find(|effective| effective.key == key);
    let found = found.unwrap_or_else(|| panic!("{key} is not shown"));
    (&found.value, found.source.to_string())
}

/// The example with everything that is switched off switched on.
fn example_switched_on() -> String {
    let on = |line: &str| match line.strip_prefix('#') {
        Some(rest) if !rest.is_empty() && !rest.starts_with(' ') => rest.to_owned(),
        _ => line.to_owned(),
    };
    EXAMPLE.lines().map(on).collect::<Vec<_>>().join("\n")
}

#[test]
fn g1_the_example_is_what_holds_without_a_file() {
    let config = Desk::empty().load().unwrap();
    assert_eq!(config.settings, Settings::default());
    assert_eq!(
        (config.store.url.as_str(), config.store.files.as_path()),
        ("sqlite:wilco.db", Path::new("wilco-files"))
    );
    assert!(config.web.enabled && config.web.bind.to_string() == "127.0.0.1:7733");
    assert_eq!(config.log.format, LogFormat::Auto);
    assert!(config.builtin.demo && config.builtin.echo && config.workers.is_empty());
    assert!(config.file.is_none() && config.warnings.is_empty());
    let copied = load(EXAMPLE);
    assert_eq!(changes(&config, &copied), (Vec::new(), Vec::new()), "a copy of the example changes nothing");
}

#[test]
fn g1_the_example_has_every_key_with_a_comment_that_says_its_range() {
    let config = load(&example_switched_on());
    for key in schema::TABLE {
        let name = key.path.rsplit('.').next().unwrap();
        let is_set = |line: &&str| line.trim_start_matches('#').starts_with(&format!("{name} = "));
        if key.path.contains("args[]") {
            let line = EXAMPLE.lines().find(|line| line.starts_with("#args = ")).unwrap();
            assert!(line.contains(&format!("{name} = ")), "{}", key.path);
            continue;
        }
        if key.path == "access" {
            assert!(EXAMPLE.contains("\n#[[access]]\n"));
            continue;
        }
        let before: Vec<&str> = EXAMPLE.lines().take_while(|line| !is_set(line)).collect();
        assert!(before.len() < EXAMPLE.lines().count(), "{} is missing", key.path);
        // Keys of workers repeat those of the defaults, so that every line of that name is looked at.
        let lines: Vec<&str> = EXAMPLE.lines().collect();
        let comments: Vec<&str> = lines.windows(2).filter(|pair| is_set(&pair[1])).map(|pair| pair[0]).collect();
        for comment in &comments {
            assert!(comment.starts_with("# "), "{}: {comment}", key.path);
        }
        let says = comments.iter().any(|comment| comment.contains(&key.kind.allowed()));
        let of_args = name == "args" && EXAMPLE.contains("at most 20 tables");
        assert!(says || of_args, "{}: {:?} in {comments:?}", key.path, key.kind.allowed());
    }
    let report = &config.workers["report"];
    assert_eq!(report.settings, KindSettings::default(), "the example of a worker shows the defaults");
    assert_eq!(config.settings.access.rules.len(), 1);
}

#[test]
fn g4_the_documented_table_is_the_one_that_is_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let page = docs::page();
    if std::env::var_os("WILCO_WRITE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(stored == page, "docs/configuration.md is out of date; run this test with WILCO_WRITE_DOCS=1");
    for key in schema::TABLE {
        let name = key.path.rsplit('.').next().unwrap();
        let applies = if key.reload { "| at once |" } else { "| restart |" };
        let row = |line: &str| line.starts_with(&format!("| `{name}` |")) && line.contains(applies);
        assert!(page.lines().any(row), "{}", key.path);
    }
}

#[test]
fn later_layers_win() {
    let mut desk = Desk::with("[store]\nurl = 'sqlite:file.db'\n[quotas]\nperson_running = 3\nperson_queued = 4\n")
        .env("WILCO_STORE__URL", "sqlite:env.db")
        .env("DATABASE_URL", "sqlite:database-url.db")
        .env("WILCO_QUOTAS__PERSON_QUEUED", "5")
        .env("WILCO_DEFAULTS__WORKER_CONTRACT__ACK_SECS", "7")
        .env("WILCO_BUILTIN__ECHO", "false");
    let config = desk.load().unwrap();
    assert_eq!(config.store.url, "sqlite:env.db");
    assert_eq!(config.settings.quotas.person_running, 3);
    assert_eq!(config.settings.quotas.person_queued, 5);
    assert_eq!(config.settings.defaults.terms.ack_secs, 7);
    assert!(config.builtin.demo && !config.builtin.echo);
    assert_eq!(shown(&config, "quotas.person_running"), ("3", "bot.toml:4:18".to_owned()));
    assert_eq!(shown(&config, "quotas.person_queued").1, "environment WILCO_QUOTAS__PERSON_QUEUED");
    assert_eq!(shown(&config, "quotas.channel_open"), ("20", "default".to_owned()));

    desk.flags = Flags { store: Some("sqlite:flag.db".into()), web: Some("[::1]:0".into()), ..Flags::default() };
    let config = desk.load().unwrap();
    assert_eq!(config.store.url, "sqlite:flag.db");
    assert_eq!(config.web.bind.to_string(), "[::1]:0");
    assert_eq!(shown(&config, "web.bind").1, "--web");
}

#[test]
fn database_url_is_used_where_nothing_of_wilcos_own_says_more() {
    let config = Desk::with("[store]\nurl = 'sqlite:file.db'\n").env("DATABASE_URL", "sqlite:other.db").load().unwrap();
    assert_eq!(config.store.url, "sqlite:other.db");
    let desk = Desk::empty().env("DATABASE_URL", "postgres://bot:hunter2@db/x");
    let problems = desk.problems();
    assert!(problems[0].starts_with("environment DATABASE_URL: store.url: "), "{problems:?}");
    assert!(
        problems[0].contains("PostgreSQL is not in this version; unset it, or use --store sqlite:wilco.db")
            && !problems[0].contains("hunter2")
    );
    assert!(desk.env("WILCO_STORE__URL", "sqlite:own.db").load().is_ok(), "another program's variable is no obstacle");
}

#[test]
fn the_first_file_that_exists_is_the_only_one() {
    let number = |desk: &Desk| desk.load().unwrap().settings.quotas.person_running;
    let mut desk = Desk::empty();
    let home = desk.folder.path().join("home");
    desk = desk.env("HOME", home.to_str().unwrap());
    assert_eq!(number(&desk), 2);
    desk.write("home/.config/wilco/bot.toml", "[quotas]\nperson_running = 11\nperson_queued = 99");
    assert_eq!(number(&desk), 11);
    desk.write("bot.toml", "[quotas]\nperson_running = 12");
    assert_eq!(number(&desk), 12);
    assert_eq!(desk.load().unwrap().settings.quotas.person_queued, 10, "files are not mixed");
    desk.write("named.toml", "[quotas]\nperson_running = 13");
    desk = desk.env("WILCO_CONFIG", "named.toml");
    assert_eq!(number(&desk), 13);
    desk.write("flag.toml", "[quotas]\nperson_running = 14");
    desk.flags.config = Some(PathBuf::from("flag.toml"));
    assert_eq!(number(&desk), 14);
    desk.flags.config = Some(PathBuf::from("absent.toml"));
    assert_eq!(desk.problems(), ["--config: absent.toml: there is no such file"]);
}

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
        ("[[access]]\ngrant = 'owner'", "access[1]: a rule without user, role or channel would match nobody"),
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

#[test]
fn a_worker_is_read_with_everything_it_has() {
    let desk = Desk::with(
        "[workers.nightly-report]\ncommand = ['./report.sh', '--key', '${KEY}']\nargs = [{ name = 'branch', pattern = '[a-z]+', \
         max = 80 }, { name = 'note', optional = true, rest = true }]\nenv = ['LANG']\ncwd = 'work'\nseparator = false\n\
         result_file = 'out.md'\nabout = 'the report'\nack_secs = 9\ninactivity = '2m'\nquestion = '1h'\n\
         on_interrupt = 'rerun'\nnotify = 'failure'\nmax_running = 1\n[defaults]\nmax_running = 7\n\
         [defaults.worker_contract]\nterminal_secs = 60\n[workers.echo]\nmax_running = 3\n[workers.plain]\ncommand = ['ls']\n",
    )
    .env("KEY", "from-the-environment")
    .env("WILCO_WORKERS__NIGHTLY_REPORT__PROGRESS_SECS", "50")
    .env("WILCO_WORKERS__ADDED__COMMAND", "['true', 'a b']");
    let config = desk.load().unwrap_or_else(|problems| panic!("{problems}"));
    let report = &config.workers["nightly-report"];
    let own = desk.folder.path();
    let program = own.join("report.sh").to_str().unwrap().to_owned();
    assert_eq!(report.command, [program, "--key".into(), "from-the-environment".into()]);
    assert_eq!(report.cwd.as_deref(), Some(own.join("work").as_path()));
    assert_eq!((report.args[0].name.as_str(), report.args[0].max, report.args[0].rest), ("branch", 80, false));
    assert_eq!((report.args[1].pattern.as_str(), report.args[1].max), (".+", 200));
    assert!(report.args[1].optional && report.args[1].rest && !report.separator);
    assert_eq!((report.result_file.as_deref(), report.about.as_str()), (Some("out.md"), "the report"));
    let settings = config.settings.kind("nightly-report");
    assert_eq!(settings, report.settings);
    assert_eq!((settings.terms.ack_secs, settings.terms.progress_secs, settings.terms.terminal_secs), (9, 50, 60));
    assert_eq!((settings.inactivity, settings.question), (Some(Duration::from_secs(120)), Duration::from_secs(3_600)));
    assert_eq!((settings.on_interrupt, settings.notify), (OnInterrupt::Rerun, Notify::Failure));
    assert_eq!((settings.max_running, config.settings.kind("plain").max_running), (1, 7));
    assert_eq!(config.settings.kind("echo").max_running, 3, "a built-in kind may be tuned");
    assert_eq!(config.workers["added"].command, ["true", "a b"]);
    assert_eq!(config.workers["plain"].about, "runs ls");
    assert!(!config.workers.contains_key("echo") && !config.builtin.echo && !config.builtin.demo);
}

#[test]
fn f5_retries_are_read_and_a_kind_takes_what_it_leaves_out_from_all() {
    let config = load(
        "[retry]\nattempts = 5\nfactor = 2\n[workers.r]\ncommand = ['x']\n[workers.r.retry]\nfirst = '3s'\n\
         [workers.demo.retry]\nattempts = 1\n[workers.s]\ncommand = ['y']\n",
    );
    let policy = |name: &str| {
        let policy = config.settings.retry_for(name);
        (policy.attempts, policy.first.as_secs(), policy.factor, policy.cap.as_secs())
    };
    assert_eq!(policy("anything"), (5, 1, 2, 60));
    assert_eq!(policy("r"), (5, 3, 2, 60));
    assert_eq!((policy("s"), policy("demo")), ((5, 1, 2, 60), (1, 1, 2, 60)));
    assert_eq!(config.settings.kind("r").retry, None, "a command that a person has typed runs once");
    let desk = Desk::empty().env("WILCO_RETRY__CAP", "10s");
    assert_eq!(desk.load().unwrap().settings.retry.cap, Duration::from_secs(10));
}

#[test]
fn h9_backends_are_read_with_the_files_that_are_watched() {
    let desk = Desk::with(
        "[backends.claude]\nservice = 'claude'\ncredentials = 'secrets/claude.json'\n[backends.my-oracle]\n\
         service = 'http'\n",
    )
    .env("WILCO_BACKENDS__MY_ORACLE__CREDENTIALS", "/etc/oracle");
    let settings = desk.load().unwrap().settings;
    let own = desk.folder.path().join("secrets/claude.json");
    let claude = BackendSettings { service: Service::Claude, credentials: Some(own) };
    assert_eq!(settings.backends["claude"], claude);
    assert_eq!(settings.credentials(&"my-oracle".into()), Some(&PathBuf::from("/etc/oracle")));
    assert_eq!(settings.backend(&"my-oracle".into()).unwrap().service, Service::Http);
    let (live, restart) = changes(&load(""), &load("[backends.a]\nservice = 'codex'\n[retry]\nattempts = 2\n"));
    assert_eq!(live, ["backends.a.service", "retry.attempts"]);
    assert!(restart.is_empty());
}

#[test]
fn built_in_kinds_are_on_until_a_worker_is_configured() {
    let worker = "[workers.r]\ncommand = ['x']\n";
    let table = [
        (String::new(), true, true),
        ("[workers.demo]\nmax_running = 1\n".to_owned(), true, true),
        (worker.to_owned(), false, false),
        (format!("{worker}[builtin]\ndemo = true\n"), true, false),
        ("[builtin]\necho = false\n".to_owned(), true, false),
    ];
    for (text, demo, echo) in table {
        let builtin = load(&text).builtin;
        assert_eq!((builtin.demo, builtin.echo), (demo, echo), "{text}");
    }
}

#[test]
fn access_rules_are_read_from_the_file_and_from_a_variable() {
    let config = load("[[access]]\naccount = 'slack:ops'\nrole = 'r1'\nchannel = 'c'\ngrant = 'viewer'\n");
    let rule = &config.settings.access.rules[0];
    assert_eq!(
        (rule.account.as_deref(), rule.role.as_deref(), rule.grant),
        (Some("slack:ops"), Some("r1"), Role::Viewer)
    );
    let desk = Desk::empty().env("WILCO_ACCESS", "[{ user = '7', grant = 'owner' }]");
    assert_eq!(desk.load().unwrap().settings.access.rules[0].grant, Role::Owner);
}

#[test]
fn f2_f18_what_holds_for_follow_ups_is_read_from_the_file_and_from_variables() {
    let desk = Desk::with(
        "timezone = 'Europe/Berlin'\n[followups]\nmin = '2m'\nmax = '30d'\nmin_every = '15m'\nmissed = 'notice'\n\
         missed_max_age = '2h'\npause_after = 3\nper_person = 7\n",
    );
    let read = desk.load().unwrap_or_else(|problems| panic!("{problems}")).settings.followups;
    let minutes = |count: u64| Duration::from_secs(count * 60);
    let expected = FollowupSettings {
        bounds: Bounds { min: minutes(2), max: minutes(30 * 24 * 60), min_every: minutes(15) },
        missed: MissedPolicy::Notice,
        missed_max_age: minutes(120),
        pause_after: 3,
        per_person: 7,
        timezone: Zone::parse("Europe/Berlin").unwrap(),
    };
    assert_eq!(read, expected);

    let desk = desk
        .env("WILCO_TIMEZONE", "asia/tokyo")
        .env("WILCO_FOLLOWUPS__MIN", "90s")
        .env("WILCO_FOLLOWUPS__MAX", "60d")
        .env("WILCO_FOLLOWUPS__MIN_EVERY", "10m")
        .env("WILCO_FOLLOWUPS__MISSED", "run_late")
        .env("WILCO_FOLLOWUPS__MISSED_MAX_AGE", "3h")
        .env("WILCO_FOLLOWUPS__PAUSE_AFTER", "4")
        .env("WILCO_FOLLOWUPS__PER_PERSON", "8");
    let config = desk.load().unwrap_or_else(|problems| panic!("{problems}"));
    let expected = FollowupSettings {
        bounds: Bounds { min: Duration::from_secs(90), max: minutes(60 * 24 * 60), min_every: minutes(10) },
        missed: MissedPolicy::RunLate,
        missed_max_age: minutes(180),
        pause_after: 4,
        per_person: 8,
        timezone: Zone::parse("Asia/Tokyo").unwrap(),
    };
    assert_eq!(config.settings.followups, expected);
    assert_eq!(shown(&config, "timezone").1, "environment WILCO_TIMEZONE");
    let bad = Desk::empty().env("WILCO_TIMEZONE", "Berlin").problems();
    assert!(
        bad[0].starts_with("environment WILCO_TIMEZONE: timezone: \"Berlin\": there is no such time zone"),
        "{bad:?}"
    );

    let (live, restart) = changes(&Desk::empty().load().unwrap(), &config);
    assert_eq!((live.len(), restart.len()), (7, 0), "all of them apply while wilco runs: {live:?}");
}

#[test]
fn secrets_are_masked_wherever_a_configuration_is_shown() {
    let literal = "xoxb-123456789012-canary";
    let desk = Desk::with(&format!("[workers.r]\ncommand = ['x', '{literal}', '${{KEY}}']\nabout = '{literal}'\n"))
        .env("KEY", "canary");
    let config = desk.load().unwrap();
    assert_eq!(shown(&config, "workers.r.command").0, "[\"x\", \"[secret]\", \"${KEY}\"]");
    assert!(!format!("{config:?}").replace(literal, "").contains("canary"), "{config:?}");
    let warnings: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].starts_with("bot.toml:2:17: workers.r.command: this looks like a secret"), "{warnings:?}");
    let bad =
        Desk::with(&format!("[log]\nformat = '{literal}'\n[store]\nurl = '{literal}'\n[web]\nbind = '{literal}'\n"));
    assert_eq!(bad.problems().len(), 3);
    assert!(!bad.problems().concat().contains("canary"), "{:?}", bad.problems());
}

#[test]
fn g4_changes_are_told_apart_by_whether_they_need_a_restart() {
    let old = load("[workers.a]\ncommand = ['x']\n[quotas]\nperson_running = 3\n");
    let new = load(
        "\n\n[quotas]\nperson_running = 3\n[store]\nurl = 'sqlite:other.db'\n[workers.b]\ncommand = ['x']\n[[access]]\nuser = '1'\ngrant = 'owner'\n",
    );
    let (live, restart) = changes(&old, &new);
    assert_eq!(live, ["access", "workers.a.command", "workers.b.command"], "what only moved is no change");
    assert_eq!(restart, ["store.url"]);
}
