//! What each section holds.

use super::*;

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
    let config = load("[[access]]\naccount = 'slack:ops'\nrole = 'S1'\nchannel = 'C1'\ngrant = 'viewer'\n");
    let rule = &config.settings.access.rules[0];
    assert_eq!(
        (rule.account.as_deref(), rule.role.as_deref(), rule.grant),
        (Some("slack:ops"), Some("S1"), Role::Viewer)
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
