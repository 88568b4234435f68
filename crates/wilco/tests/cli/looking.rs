//! Looking at jobs and receipts, and acting on them, beside a running bot and without one.

use serde_json::json;
use wilco_store::engine::{MIGRATIONS, Migration};
use wilco_store::{Options, Store};

use crate::home::{Home, Ran};

const WORKERS: &str = r#"
[workers.slow]
command = ["sh", "-c", "echo waiting; sleep 600"]

[workers.report]
command = ["sh", "-c", "echo counting; printf 'a,b\\n1,2\\n' > $WILCO_OUT/table.csv; printf 'first line\\n\\033[31mlast line\\n'"]
"#;

#[tokio::test]
async fn without_a_store_looking_says_so_and_creates_nothing() {
    let home = Home::new();
    for words in [
        &["jobs", "list"][..],
        &["jobs", "show", "k7f2"],
        &["jobs", "cancel", "k7f2"],
        &["receipts", "list"],
        &["receipts", "show", "0123456"],
        &["receipts", "retry", "0123456"],
        &["followups", "list"],
        &["followups", "show", "f3k9"],
        &["followups", "add", "in 2h", "look", "--like", "k7f2"],
        &["followups", "cancel", "f3k9"],
    ] {
        let ran: Ran = home.run(words).await;
        assert_eq!((ran.code, ran.out.as_str()), (69, ""), "{ran:?}");
        assert!(ran.err.contains("there is no store at wilco.db"), "{ran:?}");
    }
    assert!(home.files().is_empty(), "{:?}", home.files());
}

#[tokio::test]
async fn a_store_of_a_newer_wilco_is_refused_with_a_sentence_and_left_alone() {
    let home = Home::new();
    let newer = Migration { version: "9999", name: "later", sql: "CREATE TABLE later (id TEXT);" };
    let known: &'static [Migration] = Vec::leak(MIGRATIONS.iter().copied().chain([newer]).collect());
    let url = format!("sqlite:{}", home.path("wilco.db").display());
    Store::open_with(&url, Options::default(), known).await.unwrap().close().await;
    let before = std::fs::read(home.path("wilco.db")).unwrap();
    for words in [&["--web", "127.0.0.1:0"][..], &["jobs", "list"]] {
        let ran: Ran = home.run(words).await;
        assert_eq!((ran.code, ran.out.as_str()), (69, ""), "{ran:?}");
        assert!(ran.err.contains("written by a newer wilco") && ran.err.contains("9999"), "{ran:?}");
    }
    assert_eq!(std::fs::read(home.path("wilco.db")).unwrap(), before);
}

#[tokio::test]
async fn a5_lists_and_details_are_those_of_the_api_and_whole_results_are_shown() {
    let home = Home::with_config(WORKERS);
    assert_eq!(home.run(&["check"]).await.out, "ok: bot.toml\n");
    let mut bot = home.start_anywhere().await;
    let browser = bot.browser().await;
    let id = browser.run("report", "", "first").await;
    let shown = home.until_told(&id).await;

    let listed = home.run(&["jobs", "list", "--json"]).await.json();
    assert_eq!(listed, browser.get("workers?as=ana").await);
    let mut there = browser.get(&format!("workers/{id}?as=ana")).await;
    let file = shown["ending"]["files"].as_array().unwrap().iter().find(|file| file["name"] == "table.csv").unwrap();
    let path = file["path"].as_str().unwrap();
    assert_eq!(std::fs::read_to_string(path).unwrap(), "a,b\n1,2\n");
    // The API hides where files lie on this machine; the person at its shell may know.
    let mut here = shown.clone();
    for ending in [&mut here["ending"], &mut there["ending"]] {
        let ending = ending.as_object_mut().unwrap();
        for file in ending["files"].as_array_mut().unwrap() {
            file.as_object_mut().unwrap().remove("path");
        }
        if let Some(whole) = ending.get_mut("whole") {
            whole.as_object_mut().unwrap().remove("path");
        }
    }
    assert_eq!(here, there);

    let text = home.run(&["jobs", "show", &id]).await;
    assert_eq!(text.code, 0, "{text:?}");
    for part in [
        &format!("{id} · report · done"),
        "first line\n",
        "last line",
        "table.csv",
        path,
        "terminal_acked",
        "receipt_settled",
    ] {
        assert!(text.out.contains(part), "{part} is missing in {}", text.out);
    }
    assert!(!text.out.contains('\u{1b}'), "a terminal must not obey a result: {:?}", text.out);
    let table = home.run(&["jobs", "list"]).await.out;
    assert!(table.starts_with("ID ") && table.lines().nth(1).unwrap().starts_with(&id), "{table}");
    assert_eq!(home.run(&["jobs", "list", "--open"]).await.out, "no jobs\n");

    // The same without a bot.
    bot.signal(rustix::process::Signal::TERM);
    bot.says().await;
    assert_eq!(bot.ends().await, 0);
    assert_eq!(home.run(&["jobs", "list", "--json"]).await.json(), listed);
    assert_eq!(home.run(&["jobs", "show", &id, "--json"]).await.json(), shown);
}

#[tokio::test]
async fn c1_c3_a_cancel_beside_a_running_bot_ends_the_job_and_a_second_one_is_no_success() {
    let home = Home::with_config(WORKERS);
    let bot = home.start_anywhere().await;
    let id = bot.browser().await.run("slow", "", "first").await;
    home.until_state(&id, "running").await;
    let cancelled = home.run(&["jobs", "cancel", &id, "--reason", "not needed any more", "--json"]).await;
    assert_eq!(cancelled.code, 0, "{cancelled:?}");
    assert_eq!(cancelled.json()["result"], "cancelling", "{cancelled:?}");
    let shown = home.until_state(&id, "cancelled").await;
    assert_eq!(shown["job"]["cancel"]["reason"], "not needed any more", "{shown}");

    let again = home.run(&["jobs", "cancel", &id]).await;
    assert_eq!((again.code, again.out), (1, format!("Already completed · {id} · cancelled. Nothing was changed.\n")));
    let again = home.run(&["jobs", "cancel", &id, "--json"]).await;
    assert_eq!((again.code, &again.json()["result"]), (1, &json!("already_completed")), "{again:?}");
}

#[tokio::test]
async fn what_is_not_there_or_not_clear_ends_with_1_and_a_sentence() {
    let home = Home::with_config(WORKERS);
    let bot = home.start_anywhere().await;
    let browser = bot.browser().await;
    let (one, two) = (browser.run("slow", "", "first").await, browser.run("slow", "", "second").await);
    for verb in ["show", "cancel"] {
        let absent = home.run(&["jobs", verb, "z9z9"]).await;
        assert_eq!((absent.code, absent.out.as_str()), (1, ""), "{absent:?}");
        assert_eq!(absent.err, "wilco: there is no job or receipt `z9z9`\n");
        let several = home.run(&["jobs", verb, "slow"]).await;
        assert_eq!(several.code, 1, "{several:?}");
        assert!(several.err.contains(&one) && several.err.contains(&two), "{several:?}");
    }
    for id in [&one, &two] {
        assert_eq!(home.run(&["jobs", "show", id, "--json"]).await.json()["job"]["cancel"], serde_json::Value::Null);
    }
}

#[tokio::test]
async fn receipts_are_listed_shown_and_only_failed_ones_sent_again() {
    let home = Home::with_config(WORKERS);
    let bot = home.start_anywhere().await;
    let id = bot.browser().await.run("report", "", "first").await;
    home.until_state(&id, "done").await;
    let listed = home.run(&["receipts", "list", "--json"]).await.json();
    let stub = listed["receipts"].as_array().unwrap().iter().find(|receipt| receipt["kind"] == "stub").unwrap();
    assert_eq!(stub["short"], id.as_str());
    let receipt = stub["id"].as_str().unwrap();
    assert_eq!(home.run(&["receipts", "show", receipt, "--json"]).await.json()["receipt"]["id"], receipt);
    // Ids begin with the time, so receipts of one moment share much of their beginning.
    let ids = listed["receipts"].as_array().unwrap().iter().map(|receipt| receipt["id"].as_str().unwrap());
    let others: Vec<&str> = ids.filter(|id| *id != receipt).collect();
    let unique = (6..=32).find(|&length| others.iter().all(|other| !other.starts_with(&receipt[..length]))).unwrap();
    let shown = home.run(&["receipts", "show", &receipt[..unique]]).await;
    assert!(shown.out.starts_with(&format!("{receipt} · surfaced · stub of {id}\n")), "{shown:?}");
    let several = home.run(&["receipts", "show", &receipt[..unique - 1]]).await;
    assert!(several.code == 1 && several.err.contains("fits several"), "{several:?}");

    let settled = home.run(&["receipts", "retry", receipt]).await;
    assert_eq!(settled.code, 1, "{settled:?}");
    assert!(settled.err.contains("is surfaced, not failed"), "{settled:?}");
    for verb in ["show", "retry"] {
        let absent = home.run(&["receipts", verb, "00000000000000000000000000000000"]).await;
        assert!(absent.code == 1 && absent.err.contains("there is no job or receipt"), "{absent:?}");
    }
    assert_eq!(home.run(&["receipts", "list", "--failed"]).await.out, "no receipts\n");
}

#[tokio::test]
async fn with_json_errors_are_json_too() {
    let home = Home::with_config(WORKERS);
    let told = async |words: &[&str]| {
        let ran: Ran = home.run(words).await;
        let error: serde_json::Value = serde_json::from_str(&ran.err).unwrap_or_else(|_| panic!("no JSON: {ran:?}"));
        let message = error["error"]["message"].as_str().unwrap().to_owned();
        assert_eq!(ran.out, "", "{words:?}");
        assert_eq!(ran.err.lines().count(), 1, "{words:?}");
        (ran.code, error["error"]["code"].as_str().unwrap().to_owned(), message)
    };
    let (code, word, message) = told(&["jobs", "list", "--json"]).await;
    assert_eq!((code, word.as_str()), (69, "unavailable"));
    assert!(message.contains("there is no store at wilco.db"), "{message}");
    let (code, word, message) = told(&["--json", "jobs", "lits"]).await;
    assert_eq!((code, word.as_str()), (2, "usage"));
    assert!(message.contains("'list'"), "{message}");
    assert_eq!(told(&["jobs", "list", "--limit", "0", "--json"]).await.0, 2);
    let (code, word, message) = told(&["jobs", "list", "--json", "--store", "postgres://bot:hunter2@db/x"]).await;
    assert_eq!((code, word.as_str()), (78, "config"));
    assert!(message.contains("use --store sqlite:wilco.db") && !message.contains("hunter2"), "{message}");

    let _bot = home.start_anywhere().await;
    let (code, word, message) = told(&["jobs", "show", "z9z9", "--json"]).await;
    assert_eq!((code, word.as_str(), message.as_str()), (1, "not_found", "there is no job or receipt `z9z9`"));
    let help = home.run(&["--json", "--help"]).await;
    assert!(help.code == 0 && help.err.is_empty() && help.out.contains("Exit codes"), "{help:?}");
}
