//! The program itself, started as a test harness starts it.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use wilco_core::{AccountId, Person};
use wilco_sim::{Control, place};

#[test]
fn the_program_says_where_it_listens_and_ends_with_its_parents_pipe() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_scripted-platform"))
        .args(["--profile", "slack", "--until-eof"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening ").unwrap().to_owned();

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let control = Control::new(&format!("http://{address}")).unwrap();
        let (ana, account) = (Person::new("u1", "ana"), AccountId::new("sim"));
        let event = control.say(&ana, &place::public(&account, "ops", &ana), "hello").await.unwrap();
        assert_eq!(event, Some("e1".to_owned()));
        assert_eq!(control.snapshot().await.unwrap().whole_transcript(), "# ops\nana | hello\n");
    });

    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_wrong_argument_is_a_sentence_and_exit_code_2() {
    let output = Command::new(env!("CARGO_BIN_EXE_scripted-platform")).arg("--prot").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("unknown argument"));
}

#[test]
fn the_fake_slack_says_what_a_bot_and_a_person_need_and_ends_with_its_parents_pipe() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_wilco-sim"))
        .args(["slack", "--until-eof"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut lines = Vec::new();
    // The line by which one looks is the last one.
    while lines.last().is_none_or(|line: &String| !line.starts_with("a look")) {
        let mut line = String::new();
        assert!(out.read_line(&mut line).unwrap() > 0, "{lines:?}");
        lines.push(line.trim_end().to_owned());
    }
    let after = |word: &str| {
        let found = lines.iter().find_map(|line| line.trim_start().strip_prefix(word)).unwrap();
        found.trim().to_owned()
    };
    let base = after("listening ");
    assert_eq!(after("api = "), format!("\"{base}/api/\""));
    let tokens = after("tokens ");
    let (bot, app) = tokens.split_once(" · ").unwrap();
    assert!(bot.starts_with("xoxb-") && app.starts_with("xapp-"), "{tokens}");
    assert!(after("wilco ").contains(&format!("SLACK_BOT_TOKEN={bot} SLACK_APP_TOKEN={app} ")));

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = reqwest::Client::new();
        let text = async |request: reqwest::RequestBuilder| request.send().await.unwrap().text().await.unwrap();
        let known = text(client.post(format!("{base}/api/auth.test")).bearer_auth(bot)).await;
        assert!(known.contains("\"ok\":true"), "{known}");
        let opened = text(client.post(format!("{base}/api/apps.connections.open")).bearer_auth(app)).await;
        assert!(opened.contains(&base.replacen("http", "ws", 1)), "{opened}");
        // What the printed line for a person says, word for word.
        let said = lines.iter().find(|line| line.contains("@wilco")).unwrap();
        let order = said.split('\'').nth(3).unwrap().to_owned();
        let control = client.post(format!("{base}/control")).header("content-type", "application/json");
        let done = text(control.body(order)).await;
        assert!(done.starts_with("{\"id\""), "{done}");
        let seen = text(client.get(format!("{base}/control/transcript"))).await;
        assert_eq!(seen, "# general\nana | @wilco help\n");
        // The app is replaced by that of a manifest as the printed line does it.
        let install = lines.iter().find(|line| line.contains(r#"\"order\":\"install\""#)).unwrap();
        let body = &install[install.find("-d \"").unwrap() + 4..install.len() - 1];
        let (before, after) = body.split_once("$(wilco setup slack --manifest)").unwrap();
        let manifest =
            r#"{"display_information": {"name": "wilco"}, "features": {"bot_user": {"display_name": "wilco"}}}"#;
        let order = format!("{before}{manifest}{after}").replace("\\\"", "\"");
        let control = client.post(format!("{base}/control")).header("content-type", "application/json");
        assert_eq!(text(control.body(order)).await, "{}");
    });

    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
}

#[test]
fn the_program_knows_its_platforms_and_says_so() {
    let run = |args: &[&str]| Command::new(env!("CARGO_BIN_EXE_wilco-sim")).args(args).output().unwrap();
    let output = run(&["slack", "--prot"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("known are --port and --until-eof"));
    let output = run(&["telegraph"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("discord") && said.contains("slack"), "{said}");
}
