//! Scheduling from the command line, and looking at what is scheduled, beside a running bot and without one.

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::home::{Home, Ran, until};

const CONFIG: &str = r#"
timezone = "Europe/Berlin"

[builtin]
demo = true
echo = true

[workers.slow]
command = ["sh", "-c", "echo waiting; sleep 600"]

[followups]
min = "1s"
"#;
/// Ana in the channel of the page.
const ANA: [&str; 6] = ["--person", "ana", "--account", "web", "--channel", "general"];

async fn add(home: &Home, words: &[&str]) -> Ran {
    home.run(&[&["followups", "add"], words].concat()).await
}

/// Schedules something for Ana and answers its id.
async fn set(home: &Home, words: &[&str]) -> String {
    let added = add(home, &[words, &ANA, &["--json"]].concat()).await;
    assert_eq!(added.code, 0, "{added:?}");
    added.json()["followup"]["short"].as_str().unwrap().to_owned()
}

/// A store that a bot has made and left.
async fn left_alone() -> Home {
    let home = Home::with_config(CONFIG);
    let mut bot = home.start_anywhere().await;
    bot.signal(Signal::TERM);
    bot.says().await;
    assert_eq!(bot.ends().await, 0);
    home
}

/// Waits until the newest occurrence is in a state.
async fn until_occurrence(home: &Home, id: &str, state: &str) -> Value {
    until(&format!("an occurrence of {id} as {state}"), async || {
        let shown = home.run(&["followups", "show", id, "--json"]).await.json();
        (shown["occurrences"][0]["state"] == state).then_some(shown)
    })
    .await
}

#[tokio::test]
async fn f16_without_a_bot_follow_ups_are_set_listed_shown_and_changed() {
    let home = left_alone().await;
    assert_eq!(home.run(&["followups", "list"]).await.out, "no follow-ups\n");
    let added =
        add(&home, &[&["every weekday 9:00", "/run echo good morning", "--key", "morning"][..], &ANA].concat()).await;
    assert_eq!(added.code, 0, "{added:?}");
    assert!(added.out.starts_with("Every weekday 9:00 · next "), "{added:?}");
    assert!(added.out.contains(" 09:00 Europe/Berlin (in "), "{added:?}");
    assert!(added.out.contains("\nfor Ana in web general\n"), "{added:?}");
    assert!(
        added.out.ends_with("No bot runs on this store now. It is stored, and fires while one runs.\n"),
        "{added:?}"
    );

    let listed = home.run(&["followups", "list", "--json"]).await.json();
    let view = &listed["followups"][0];
    assert_eq!(view["task"], json!({ "kind": "turn", "text": "/run echo good morning" }));
    assert_eq!((&view["by"], &view["key"], &view["state"]), (&json!("Ana"), &json!("morning"), &json!("pending")));
    assert_eq!(view["schedule"]["zone"], "Europe/Berlin");
    let id = view["short"].as_str().unwrap();
    let table = home.run(&["followups", "list"]).await.out;
    let row = table.lines().nth(1).unwrap();
    assert!(table.starts_with("ID ") && row.starts_with(id), "{table}");
    for cell in
        ["pending", " 09:00 Europe/Berlin (in ", "every weekday 9:00", "/run echo good morning", "Ana", "web general"]
    {
        assert!(row.contains(cell), "{cell} is missing in {table}");
    }

    let act = async |act: &str| home.run(&["followups", act, id]).await;
    let paused = act("pause").await;
    assert_eq!((paused.code, paused.out), (0, format!("Paused · {id} · it does not fire until it is resumed\n")));
    let again = act("pause").await;
    assert_eq!((again.code, again.out), (1, format!("Unchanged · {id} · it is paused already\n")));
    let shown = home.run(&["followups", "show", id]).await.out;
    assert!(
        shown.starts_with(&format!("{id} · paused · every weekday 9:00\nwhy       paused by the host\n")),
        "{shown}"
    );
    let resumed = act("resume").await;
    assert!(resumed.code == 0 && resumed.out.starts_with(&format!("Resumed · {id} · next ")), "{resumed:?}");
    assert!(resumed.out.contains("No bot runs on this store now"), "{resumed:?}");

    let replaced = add(&home, &[&["in 2h", "look", "--key", "morning"][..], &ANA].concat()).await;
    assert!(replaced.out.contains(&format!("\nReplaces {id}, which does not fire any more.\n")), "{replaced:?}");
    let listed = home.run(&["followups", "list", "--json"]).await.json();
    assert_eq!(listed["followups"].as_array().unwrap().len(), 1, "{listed}");
    let all = home.run(&["followups", "list", "--all", "--json"]).await.json();
    assert_eq!(all["followups"].as_array().unwrap().len(), 2, "{all}");
    let several = home.run(&["followups", "show", "f"]).await;
    assert_eq!(several.code, 1, "{several:?}");
    assert!(several.err.contains("`f` fits several follow-ups; give more of the id:\n  f"), "{several:?}");
    let several = home.run(&["followups", "show", "f", "--json"]).await;
    assert!(several.err.contains(r#""code":"ambiguous""#), "{several:?}");
    let cancelled = home.run(&["followups", "cancel", id]).await;
    assert_eq!((cancelled.code, cancelled.out), (1, format!("Unchanged · {id} · it was cancelled before\n")));
    let shown = home.run(&["followups", "show", id, "--json"]).await.json();
    assert_eq!(shown["occurrences"][0]["state"], "cancelled", "{shown}");
    assert!(shown["occurrences"][0]["reason"].as_str().unwrap().starts_with("replaced by "), "{shown}");
}

#[tokio::test]
async fn f1_the_reason_of_a_follow_up_is_shown_with_it_and_with_its_job() {
    let home = left_alone().await;
    let id = set(&home, &["in 30d", "/run echo at last", "--reason", "the numbers of the year"]).await;
    let shown = home.run(&["followups", "show", &id]).await.out;
    assert!(shown.contains("\npurpose   the numbers of the year\n"), "{shown}");
    let plain = set(&home, &["in 30d", "look"]).await;
    let shown = home.run(&["followups", "show", &plain, "--json"]).await.json();
    assert_eq!(shown["followup"]["purpose"], "/followup in 30d", "the words with which it was scheduled");

    assert_eq!(home.run(&["followups", "run", &id]).await.code, 0);
    let _bot = home.start_anywhere().await;
    until_occurrence(&home, &id, "success").await;
    let job = home.only_job().await;
    let text = home.run(&["jobs", "show", job["short"].as_str().unwrap()]).await.out;
    assert!(text.contains("\n          purpose: the numbers of the year\n"), "{text}");
    assert!(text.contains(" · fired "), "{text}");
}

#[tokio::test]
async fn f9_what_comes_again_is_not_forgotten_after_it_has_run() {
    let home = left_alone().await;
    let refused = add(&home, &[&["every 1h", "look", "--delete-after-run"][..], &ANA].concat()).await;
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.err.contains("`delete_after_run` is for what runs once"), "{refused:?}");
    assert_eq!(home.run(&["followups", "list"]).await.out, "no follow-ups\n");
}

#[tokio::test]
async fn f10_what_was_set_and_run_without_a_bot_fires_once_as_soon_as_there_is_one() {
    let home = left_alone().await;
    let id = set(&home, &["in 30d", "/run echo at last"]).await;
    let runs = home.run(&["followups", "run", &id]).await;
    assert_eq!(runs.code, 0, "{runs:?}");
    assert_eq!(runs.out, format!("Runs now · {id}\nNo bot runs on this store now; it fires while one runs.\n"));
    assert_eq!(home.run(&["jobs", "list"]).await.out, "no jobs\n");

    let _bot = home.start_anywhere().await;
    let shown = until_occurrence(&home, &id, "success").await;
    assert_eq!(shown["followup"]["state"], "ended", "{shown}");
    let job = home.only_job().await;
    assert_eq!((&job["kind"], &job["input"]), (&json!("echo"), &json!("at last")));
    assert_eq!(job["origin"]["by"], "scheduled", "{job}");
    assert_eq!(shown["occurrences"].as_array().unwrap().len(), 1, "{shown}");
    assert_eq!(shown["occurrences"][0]["job"], job["short"]);
    let text = home.run(&["jobs", "show", job["short"].as_str().unwrap()]).await.out;
    assert!(text.contains(&format!("\ncame by   run by hand · {id} · ")) && text.contains(" · by Ana\n"), "{text}");
    let text = home.run(&["followups", "show", &id]).await.out;
    for part in ["ended · once", "by hand", "success", job["short"].as_str().unwrap()] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
}

#[tokio::test]
async fn f1_beside_a_running_bot_a_follow_up_of_the_command_line_fires_in_its_place_at_its_time() {
    let home = Home::with_config(CONFIG);
    let bot = home.start_anywhere().await;
    let browser = bot.browser().await;
    let id = set(&home, &["in 1s", "check the deploy", "--thread", "deploys"]).await;
    let shown = until_occurrence(&home, &id, "success").await;
    assert_eq!(shown["followup"]["address"], json!({ "account": "web", "channel": "general", "thread": "deploys" }));
    until("the reminder in its thread", async || {
        let messages = browser.get("messages?as=ana&channel=general&thread=deploys").await.to_string();
        messages.contains("check the deploy").then_some(())
    })
    .await;

    // What the command line and the API tell is the same.
    let later = set(&home, &["tomorrow 9:00 Asia/Tokyo", "/run demo", "--reason", "the release"]).await;
    let listed = home.run(&["followups", "list", "--json"]).await.json();
    assert_eq!(listed, browser.get("followups?as=ana").await);
    let shown = home.run(&["followups", "show", &later, "--json"]).await.json();
    assert_eq!(shown, browser.get(&format!("followups/{later}?as=ana")).await);
    assert_eq!(shown["followup"]["schedule"]["zone"], "Asia/Tokyo");
    let cancelled = home.run(&["followups", "cancel", &later, "--json"]).await;
    assert_eq!((cancelled.code, cancelled.json()), (0, json!({ "result": "cancelled", "short": later })));
}

#[tokio::test]
async fn d10_like_a_job_means_its_person_its_place_and_its_ways_on() {
    let home = Home::with_config(CONFIG);
    let bot = home.start_anywhere().await;
    let job = bot.browser().await.run("echo", "hello", "first").await;
    let first = home.until_told(&job).await;
    let added = add(&home, &["in 30d", "/run echo once more", "--like", &job, "--json"]).await;
    assert_eq!(added.code, 0, "{added:?}");
    let set = added.json();
    assert_eq!((&set["followup"]["by"], &set["followup"]["address"]), (&json!("Ana"), &first["job"]["address"]));
    let id = set["followup"]["short"].as_str().unwrap();
    assert_eq!(home.run(&["followups", "run", id]).await.out, format!("Runs now · {id}\n"));
    let shown = until_occurrence(&home, id, "success").await;
    let second = home.until_told(shown["occurrences"][0]["job"].as_str().unwrap()).await;
    assert_eq!(second["contracts"][0]["route"], first["contracts"][0]["route"], "{second}");
    assert_eq!(first["contracts"][0]["route"].as_array().unwrap().len(), 2, "the channel, then the direct message");

    let absent = add(&home, &["in 30d", "x", "--like", "z9z9"]).await;
    assert_eq!((absent.code, absent.err.as_str()), (1, "wilco: there is no job or receipt `z9z9`\n"));
}

#[tokio::test]
async fn what_cannot_be_scheduled_is_said_and_nothing_is_stored() {
    let home = left_alone().await;
    let place = |person: &'static str, account: &'static str, channel: &'static str| {
        ["--person", person, "--account", account, "--channel", channel]
    };
    let cases = [
        ("in 2h", "look", place("ana", "slack:ops", "general"), "no connection is called `slack:ops`; there is web"),
        ("in 2h", "look", place("eve", "web", "general"), "there is nobody `eve` on web; there are ana, bo"),
        ("in 2h", "look", place("ana", "web", "dm-bo"), "`ana` sees no such channel on web; there are general"),
        ("in 2h", "look", place("bo", "web", "general"), "to schedule follow-ups needs role operator; you have viewer"),
        ("in 2y", "look", place("ana", "web", "general"), "for example"),
        ("soon", "look", place("ana", "web", "general"), "for example"),
        ("every 1m", "look", place("ana", "web", "general"), "repeating after 1m is too often"),
        ("in 2h", "/run sloww", place("ana", "web", "general"), "slow"),
        ("in 2h", "/timezone UTC", place("ana", "web", "general"), "/timezone cannot be given by a follow-up"),
        ("in 2h", " ", place("ana", "web", "general"), "say what shall happen then"),
    ];
    for (when, text, place, sentence) in cases {
        let refused = add(&home, &[&[when, text][..], &place].concat()).await;
        assert_eq!((refused.code, refused.out.as_str()), (1, ""), "{refused:?}");
        assert!(refused.err.starts_with("wilco: ") && refused.err.contains(sentence), "{sentence}: {refused:?}");
    }
    assert_eq!(home.run(&["followups", "list", "--all"]).await.out, "no follow-ups\n");

    let refused = add(&home, &[&["soon", "look", "--json"][..], &ANA].concat()).await;
    let error: Value = serde_json::from_str(&refused.err).unwrap();
    assert_eq!((refused.code, &error["error"]["code"]), (1, &json!("refused")), "{refused:?}");
    for verb in ["show", "cancel", "run", "pause", "resume"] {
        let absent = home.run(&["followups", verb, "z9z9"]).await;
        assert_eq!((absent.code, absent.err.as_str()), (1, "wilco: there is no follow-up `z9z9`\n"), "{verb}");
        let absent = home.run(&["followups", verb, "z9z9", "--json"]).await;
        assert!(absent.err.contains("\"not_found\""), "{absent:?}");
    }
    assert_eq!(home.run(&["followups", "list", "--limit", "0"]).await.code, 2);
    assert_eq!(home.run(&["followups", "show", "z9z9", "--limit", "-1"]).await.code, 2);
}
