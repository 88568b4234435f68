//! What a configuration does to the program: refused with a place, checked, read again.

use rustix::process::Signal;
use serde_json::Value;

use crate::home::{Browser, Home, Ran, until};

const ONE: &str = "[workers.report]\ncommand = [\"echo\", \"one\"]\n";
const TWO: &str = "[workers.report]\ncommand = [\"echo\", \"two\"]\n[workers.night]\ncommand = [\"echo\", \"night\"]\n";

#[tokio::test]
async fn g2_a_bad_configuration_ends_with_78_and_names_line_key_and_range() {
    let home = Home::with_config("[defaults.worker_contract]\nack_secs = 0\nprogres_secs = 5\n");
    for words in [&[][..], &["run"], &["check"], &["jobs", "list"], &["receipts", "list"]] {
        let ran: Ran = home.run(words).await;
        assert_eq!((ran.code, ran.out.as_str()), (78, ""), "{ran:?}");
        for part in [
            "has 2 problems and is not used",
            "bot.toml:2:",
            "defaults.worker_contract.ack_secs",
            "1 to 300 seconds",
            "default: 5",
            "bot.toml:3:",
            "did you mean `progress_secs`?",
        ] {
            assert!(ran.err.contains(part), "{part} is missing in {ran:?}");
        }
    }
    assert_eq!(home.files(), ["bot.toml"], "nothing was created");
    let checked = home.run(&["check", "--json"]).await;
    assert_eq!((checked.code, &checked.json()["ok"]), (78, &Value::Bool(false)), "{checked:?}");
    assert_eq!(checked.json()["problems"].as_array().unwrap().len(), 2, "{checked:?}");
}

#[tokio::test]
async fn a_worker_that_cannot_be_made_is_found_by_the_check_and_at_the_start() {
    let home = Home::with_config("[workers.report]\ncommand = [\"true\"]\nenv = [\"WILCO_OUT\"]\n");
    for words in [&["check"][..], &["--web", "127.0.0.1:0"]] {
        let ran: Ran = home.run(words).await;
        assert_eq!((ran.code, ran.out.as_str()), (78, ""), "{ran:?}");
        assert!(ran.err.contains("workers.report") && ran.err.contains("WILCO_OUT"), "{ran:?}");
    }
    let filter = Home::new().env("RUST_LOG", "wilco=loud").run(&["--web", "127.0.0.1:0"]).await;
    assert!(filter.code == 78 && filter.err.contains("RUST_LOG"), "{filter:?}");
}

#[tokio::test]
async fn the_check_shows_every_value_with_its_source_and_no_secret() {
    let token = "xoxb-12345678901-abcdefghijklmnop";
    let text = format!("[workers.report]\ncommand = [\"./report.sh\", \"{token}\"]\n");
    let home = Home::with_config(&text).env("WILCO_WORKERS__REPORT__MAX_RUNNING", "2");
    let shown = home.run(&["check", "--show"]).await;
    assert_eq!((shown.code, shown.err.as_str()), (0, ""), "{shown:?}");
    let line = |key: &str| shown.out.lines().find(|line| line.starts_with(key)).unwrap().to_owned();
    assert!(line("store.url").contains("sqlite:wilco.db") && line("store.url").contains("default"), "{shown:?}");
    assert!(line("store.url").ends_with("restart") && line("quotas.cooldown").ends_with("at once"), "{shown:?}");
    assert!(line("workers.report.max_running").contains("environment WILCO_WORKERS__REPORT__MAX_RUNNING"), "{shown:?}");
    assert!(line("workers.report.command").contains("bot.toml:2:"), "{shown:?}");
    assert!(!shown.out.contains(token), "{shown:?}");
    let json = home.run(&["check", "--show", "--json"]).await;
    assert!(json.json()["effective"].as_array().unwrap().len() > 20 && !json.out.contains(token), "{json:?}");
    assert_eq!(home.files(), ["bot.toml"], "a check creates nothing");
}

/// Waits until the page offers these kinds.
async fn until_offered(browser: &Browser, kinds: &[&str]) {
    until(&format!("{kinds:?}"), async || (browser.kinds().await == kinds).then_some(())).await;
}

#[tokio::test]
async fn g3_a_changed_file_is_in_force_at_once_and_a_bad_one_changes_nothing() {
    let home = Home::with_config(ONE);
    let bot = home.start_anywhere().await;
    let browser = bot.browser().await;
    until_offered(&browser, &["report", "say"]).await;

    home.write("bot.toml", TWO);
    bot.signal(Signal::HUP);
    until_offered(&browser, &["night", "report", "say"]).await;
    let id = browser.run("report", "", "first").await;
    let shown = home.until_state(&id, "done").await;
    assert!(shown["ending"]["text"].as_str().unwrap().contains("two"), "{shown}");

    // Wrong for the reader, and wrong for whoever makes the workers: neither switches anything off.
    for (bad, said) in
        [("[workers.night\n", "no TOML"), ("[workers.x]\ncommand = [\"true\"]\nenv = [\"WILCO_OUT\"]\n", "WILCO_OUT")]
    {
        home.write("bot.toml", bad);
        bot.signal(Signal::HUP);
        until(said, async || home.log().contains(said).then_some(())).await;
        assert!(home.log().contains("stay in force"), "{}", home.log());
        assert_eq!(browser.kinds().await, ["night", "report", "say"]);
    }
    let id = browser.run("night", "", "second").await;
    home.until_state(&id, "done").await;

    // A hang-up without a change is no reason to stop either.
    home.write("bot.toml", ONE);
    bot.signal(Signal::HUP);
    until_offered(&browser, &["report", "say"]).await;
    assert!(browser.refused("night", "", "third").await.contains("night"));
}

#[tokio::test]
async fn g3_a_file_that_appears_later_is_found() {
    let home = Home::new();
    let bot = home.start_anywhere().await;
    let browser = bot.browser().await;
    until_offered(&browser, &["demo", "echo", "say"]).await;
    home.write("bot.toml", ONE);
    until_offered(&browser, &["report", "say"]).await;
}
