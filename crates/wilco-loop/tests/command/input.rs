//! What a command gets: arguments, environment, limits, answers.

use wilco_core::job::NoAnswer;
use wilco_loop::kinds::command::ENV_DEFAULT;
use wilco_loop::kinds::{ArgSpec, CommandSpec};
use wilco_loop::launcher::Rlimits;

use crate::stage::{Stage, cause, script};

pub(crate) async fn no_shell_ever_sees_an_argument() {
    let stage = Stage::new();
    let rest = || vec![ArgSpec { rest: true, optional: true, ..ArgSpec::new("text") }];
    let spec = CommandSpec { args: rest(), ..CommandSpec::new("show", ["printf", "<%s>\n"]) };
    let typed = "'; touch pwned' $(touch pwned) `id` '&& x | y > z' --help";
    let output = stage.run(spec, typed).await.unwrap();
    // `printf` takes `--` after its format as one more value: it is there, before everything a person gave.
    assert_eq!(
        output.text,
        "```\n<-->\n<; touch pwned>\n<$(touch>\n<pwned)>\n<'''id'''>\n<&& x | y > z>\n<--help>\n```"
            .replace("'''id'''", "`id`")
    );
    assert!(!stage.folder().join("pwned").exists());

    let bare = CommandSpec { args: rest(), ..CommandSpec::new("show", ["printf", "<%s>"]) };
    assert_eq!(Stage::new().run(bare, "").await.unwrap().text, "```\n<>\n```", "no values, no separator");
    let refused = CommandSpec { separator: None, args: rest(), ..CommandSpec::new("show", ["printf", "<%s>"]) };
    assert_eq!(cause(Stage::new().run(refused, "--help").await).code, "argument");
}

pub(crate) async fn the_environment_is_clean() {
    let stage = Stage::new();
    // Of what this test itself was given, one variable is let through on purpose.
    let plain = |text: &str| text.chars().all(|letter| letter.is_ascii_alphanumeric() || "_./-".contains(letter));
    let (name, value) = std::env::vars()
        .find(|(name, value)| !ENV_DEFAULT.contains(&name.as_str()) && plain(name) && plain(value))
        .expect("a test is started with some variable of its own");
    let spec = CommandSpec {
        env_allow: vec![name.clone(), "NOT_SET_ANYWHERE".into()],
        env_set: [("REGION".to_owned(), "north".to_owned())].into(),
        ..CommandSpec::new("env", ["env"])
    };
    let output = stage.run(spec, "").await.unwrap();
    let mut names: Vec<&str> = output.text.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    names.retain(|name| !["HOME", "LANG", "TZ"].contains(name));
    names.sort_unstable();
    let mut expected = vec!["PATH", "REGION", "WILCO_JOB", "WILCO_OUT", name.as_str()];
    expected.sort_unstable();
    assert_eq!(names, expected);
    assert!(output.text.contains(&format!("{name}={value}\n")));
    assert!(output.text.contains("WILCO_JOB=k7f2\n"));
    assert!(output.text.contains(&format!("WILCO_OUT={}/out\n", stage.folder().display())));
}

pub(crate) async fn limits_and_no_new_privileges_reach_the_command() {
    let text = "ulimit -c; ulimit -n; grep NoNewPrivs /proc/self/status; pwd; head -c 20000 /dev/zero > big; echo $?";
    let limits = Rlimits { file_size: Some(10_240), open_files: Some(40) };
    let stage = Stage::new();
    let output = stage.run(CommandSpec { limits, ..script(text) }, "").await.unwrap();
    let lines: Vec<&str> = output.text.lines().collect();
    let folder = stage.folder().display().to_string();
    // 153 is 128 + 25, SIGXFSZ: the file would have been larger than it may be.
    assert_eq!(lines[1..6], ["0", "40", "NoNewPrivs:\t1", folder.as_str(), "153"]);
}

pub(crate) async fn without_questions_stdin_is_empty() {
    let spec = CommandSpec { asks: false, ..script("cat; echo read to the end") };
    assert_eq!(Stage::new().run(spec, "").await.unwrap().text, "```\nread to the end\n```");
    let spec = CommandSpec { asks: false, ..script("echo '::ask Go on? | Yes'; sleep 600") };
    let cause = cause(Stage::new().run(spec, "").await);
    assert!(cause.code == "question" && cause.text.contains("`asks = false`"), "{cause}");
}

pub(crate) async fn an_answer_comes_back_on_stdin() {
    let stage = Stage::answering([Ok(1)]);
    let output = stage
        .run(script("echo '::ask Which one? | North side | South'; read -r answer; echo \"got $answer\""), "")
        .await;
    assert_eq!(output.unwrap().text, "```\ngot South\n```");
    let asked = stage.asked();
    assert_eq!(
        (asked[0].text.as_str(), asked[0].choices.as_slice()),
        ("Which one?", &["North side".to_owned(), "South".to_owned()][..])
    );
}

pub(crate) async fn questions_wait_for_one_another() {
    let stage = Stage::answering([Ok(0), Ok(1)]);
    let text = "echo '::ask First? | a | b'; echo '::ask Second? | c | d'; read -r one; read -r two; echo $one $two";
    assert_eq!(stage.run(script(text), "").await.unwrap().text, "```\na d\n```");
    assert_eq!(stage.asked().iter().map(|ask| ask.text.as_str()).collect::<Vec<_>>(), ["First?", "Second?"]);
}

pub(crate) async fn a_broken_or_refused_question_ends_the_job() {
    let broken = cause(Stage::new().run(script("echo '::ask Really?'; read -r answer"), "").await);
    assert!(broken.code == "question" && broken.text.contains("`Really?`"), "{broken}");
    let stage = Stage::answering([Err(NoAnswer::Refused("nobody may be asked here".into()))]);
    let refused = cause(stage.run(script("echo '::ask Really? | Yes'; read -r answer"), "").await);
    assert_eq!(refused.text, "nobody may be asked here");

    // A command that does not wait for its answer has a result all the same.
    let hasty = Stage::new().run(script("echo '::ask Really? | Yes'; echo done"), "").await;
    assert_eq!(hasty.unwrap().text, "```\ndone\n```");
}
