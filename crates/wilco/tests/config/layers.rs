//! Which layer wins, and what is said of each key.

use super::*;

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
    let desk = Desk::with(&example_switched_on())
        .env("DISCORD_BOT_TOKEN", "a.b.c")
        .env("SLACK_BOT_TOKEN", "xoxb-1")
        .env("SLACK_APP_TOKEN", "xapp-1")
        .env("SLACK_SIGNING_SECRET", "0123456789abcdef0123456789abcdef")
        .env("SLACK_OPS_BOT_TOKEN", "xoxb-2")
        .env("SLACK_OPS_APP_TOKEN", "xapp-2");
    let config = desk.load().unwrap_or_else(|problems| panic!("{problems}"));
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
