//! The program itself, started as a test harness starts it.

use std::io::{BufRead, BufReader};
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
