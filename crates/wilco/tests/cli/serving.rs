//! From the greeting to the end.

use std::path::Path;

use rustix::process::Signal;

use crate::home::{Home, Ran, mode, until};

/// A worker that runs until it is stopped, and one that is done as soon as a file is there.
const WORKERS: &str = r#"
[workers.slow]
command = ["sh", "-c", "echo waiting; sleep 600"]

[workers.patient]
command = ["sh", "-c", "while [ ! -e go ]; do sleep 0.05; done; echo all is well"]
cwd = "."
"#;

#[tokio::test]
async fn the_first_five_minutes_need_no_configuration_and_begin_with_three_lines() {
    let home = Home::new().env("RUST_LOG", "trace");
    let mut bot = home.start(&[]).await;
    assert_eq!(
        bot.greeting[0],
        format!("wilco {}   store ./wilco.db   workers: demo, echo", env!("CARGO_PKG_VERSION"))
    );
    assert!(bot.greeting[1].starts_with("open  http://127.0.0.1:"), "{:?}", bot.greeting);
    assert!((7733..=7783).contains(&bot.port()), "{:?}", bot.greeting);
    assert_eq!(bot.greeting[2], "discord, slack, telegram: not connected");
    assert_eq!(bot.token().len(), 32, "128 bits");

    let browser = bot.browser().await;
    assert_eq!(browser.kinds().await, ["demo", "echo", "say"]);
    let id = browser.run("echo", "a word", "first").await;
    home.until_state(&id, "done").await;
    assert_eq!(mode(&home.path("wilco.db")), 0o600);
    assert_eq!(mode(&home.path("wilco-files")), 0o700);

    bot.signal(Signal::TERM);
    assert_eq!(bot.says().await, "no jobs running; stopping");
    let token = bot.token().to_owned();
    assert_eq!(bot.ends().await, 0);
    let log = home.log();
    assert!(log.contains("the page is open"), "{log}");
    assert!(!log.contains(&token), "the login link is in the log");
}

#[tokio::test]
async fn a_store_that_was_open_to_others_is_closed_at_the_start() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    let (database, files) = (home.path("wilco.db"), home.path("wilco-files"));
    std::fs::write(&database, "").unwrap();
    std::fs::create_dir(&files).unwrap();
    std::fs::set_permissions(&database, std::fs::Permissions::from_mode(0o644)).unwrap();
    std::fs::set_permissions(&files, std::fs::Permissions::from_mode(0o755)).unwrap();

    let bot = home.start(&[]).await;
    let browser = bot.browser().await;
    let id = browser.run("echo", "a word", "first").await;
    home.until_state(&id, "done").await;
    let jobs: Vec<_> = std::fs::read_dir(&files).unwrap().map(|entry| mode(&entry.unwrap().path())).collect();
    assert_eq!((mode(&database), mode(&files), jobs), (0o600, 0o700, vec![0o700]));
    assert_eq!(mode(&home.path("wilco.db-wal")), 0o600);

    bot.signal(Signal::TERM);
    assert_eq!(bot.ends().await, 0);
}

#[tokio::test]
async fn a_taken_port_is_followed_by_the_next_free_one_which_is_printed() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let home = Home::new();
    let bot = home.start(&["--web", &format!("127.0.0.1:{port}")]).await;
    assert!(bot.port() > port && bot.port() <= port + 50, "{port}: {:?}", bot.greeting);
    assert_eq!(bot.browser().await.kinds().await, ["demo", "echo", "say"]);
}

#[tokio::test]
async fn a_second_instance_ends_with_75_and_leaves_the_first_alone() {
    let home = Home::new();
    let bot = home.start_anywhere().await;
    let second = home.run(&["--web", "127.0.0.1:0"]).await;
    assert_eq!((second.code, second.out.as_str()), (75, ""), "{second:?}");
    assert!(second.err.contains(&format!("process {}", bot.pid())), "{second:?}");
    assert!(second.err.contains("Nothing was changed"), "{second:?}");
    assert_eq!(bot.browser().await.kinds().await, ["demo", "echo", "say"]);
}

#[tokio::test]
async fn a_stop_waits_for_what_runs_and_takes_nothing_new() {
    let home = Home::with_config(WORKERS);
    let mut bot = home.start_anywhere().await;
    let browser = bot.browser().await;
    let id = browser.run("patient", "", "first").await;
    home.until_state(&id, "running").await;
    bot.signal(Signal::TERM);
    assert_eq!(bot.says().await, "1 job running; waiting up to 20s, press again to stop now");
    let refused = browser.refused("patient", "", "second").await;
    assert!(!refused.is_empty(), "a refusal has a sentence");
    home.write("go", "");
    assert_eq!(bot.ends().await, 0);
    assert_eq!(home.only_job().await["state"], "done");
    let _next = home.start_anywhere().await;
    let shown = home.until_told(&id).await;
    assert!(shown["ending"]["text"].as_str().unwrap().contains("all is well"), "{shown}");
}

#[tokio::test]
async fn a_second_signal_stops_what_still_runs() {
    let home = Home::with_config(WORKERS);
    let mut bot = home.start_anywhere().await;
    let browser = bot.browser().await;
    let one = browser.run("slow", "", "first").await;
    let two = browser.run("slow", "", "second").await;
    for id in [&one, &two] {
        home.until_state(id, "running").await;
    }
    bot.signal(Signal::INT);
    assert_eq!(bot.says().await, "2 jobs running; waiting up to 20s, press again to stop now");
    bot.signal(Signal::TERM);
    assert_eq!(bot.ends().await, 0);
    let ended = home.run(&["jobs", "list", "--json"]).await.json();
    for job in ended["workers"].as_array().unwrap() {
        assert_eq!(job["state"], "interrupted", "{ended}");
    }
    let _next = home.start_anywhere().await;
    for id in [&one, &two] {
        home.until_told(id).await;
    }
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_said_before_anything_is_served() {
    let home = Home::new().env("WILCO_STORE__FILES", "in-the-way/files");
    home.write("in-the-way", "a file");
    let refused = home.run(&["--web", "127.0.0.1:0"]).await;
    assert_eq!(refused.code, 69, "{refused:?}");
    assert!(refused.err.contains("store.files") && refused.out.is_empty(), "{refused:?}");

    let nowhere = home.run(&["--store", "sqlite:no/such/folder/w.db"]).await;
    assert_eq!(nowhere.code, 69, "{nowhere:?}");
    assert!(nowhere.err.contains("no/such/folder"), "{nowhere:?}");
}

#[tokio::test]
async fn help_and_version_are_answers_and_nonsense_is_not() {
    let home = Home::new();
    for (words, code, out, err) in [
        (&["--version"][..], 0, concat!("wilco ", env!("CARGO_PKG_VERSION")), ""),
        (&["--help"], 0, "75 another instance", ""),
        (&["jbos"], 2, "", "jobs"),
        (&["jobs", "list", "--limit", "0"], 2, "", "from 1 to 5000"),
    ] {
        let ran: Ran = home.run(words).await;
        assert_eq!(ran.code, code, "{ran:?}");
        assert!(ran.out.contains(out) && ran.err.contains(err), "{ran:?}");
    }
    assert!(home.files().is_empty(), "{:?}", home.files());
}

#[tokio::test]
async fn y1_a_worker_in_rust_of_under_50_lines_is_the_same_program() {
    let lines = include_str!("../../examples/own_worker.rs").lines().count();
    assert!(lines < 50, "the example has {lines} lines");
    // Cargo builds examples beside the program, unless somebody asks for one test binary only.
    let program = Path::new(env!("CARGO_BIN_EXE_wilco")).parent().unwrap().join("examples/own_worker");
    if !program.exists() {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{} is missing", program.display());
        println!("skipped: needs the example own_worker");
        return;
    }
    let home = Home::of_program(program);
    let bot = home.start_anywhere().await;
    assert!(bot.greeting[0].ends_with("workers: bake, demo, echo"), "{:?}", bot.greeting);
    let browser = bot.browser().await;
    assert!(browser.refused("bake", "many", "first").await.contains("a number from 1 to 99"));
    let id = browser.run("bake", "2", "second").await;
    // It asks first; cancelled while it waits, it ends.
    home.until_state(&id, "waiting_for_input").await;
    let cancelled = home.run(&["jobs", "cancel", &id, "--reason", "no flour"]).await;
    assert_eq!(cancelled.code, 0, "{cancelled:?}");
    let shown = home.until_state(&id, "cancelled").await;
    assert_eq!(shown["job"]["cancel"]["reason"], "no flour", "{shown}");
}

#[tokio::test]
async fn u4_a_killed_bot_tells_people_what_became_of_their_job_when_it_is_back() {
    let home = Home::with_config(WORKERS);
    let bot = home.start_anywhere().await;
    let id = bot.browser().await.run("slow", "", "first").await;
    home.until_state(&id, "running").await;
    bot.kill().await;

    // Looking works without a bot; a cancel is kept until one is there to carry it out.
    let cancelled = home.run(&["jobs", "cancel", &id, "--reason", "too late"]).await;
    assert_eq!(cancelled.code, 0, "{cancelled:?}");
    assert!(cancelled.out.starts_with(&format!("Cancelling · {id} · too late\n")), "{cancelled:?}");
    assert!(cancelled.out.contains("No bot runs on this store now"), "{cancelled:?}");
    assert_eq!(home.only_job().await["state"], "cancelling");

    let bot = home.start_anywhere().await;
    let browser = bot.browser().await;
    home.until_state(&id, "cancelled").await;
    let shown = until("the word in the channel", async || {
        let messages = browser.get("messages?as=ana&channel=general").await.to_string();
        messages.contains("Cancelled").then_some(messages)
    })
    .await;
    assert!(shown.contains("too late"), "{shown}");
}
