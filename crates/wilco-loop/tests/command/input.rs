//! What a command gets: arguments, environment, limits, answers.

use wilco_core::job::{NoAnswer, Progress};
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

pub(crate) async fn limits_hold_without_being_configured() {
    // The hard limits, which a command cannot lift again; the system's own may be lower still.
    let text = "ulimit -Hc; ulimit -Hn; ulimit -Hf";
    let output = Stage::new().run(script(text), "").await.unwrap();
    let lines: Vec<&str> = output.text.lines().collect();
    let number = |at: usize| lines[at].parse::<u64>().unwrap();
    assert_eq!(lines[1], "0", "no core dumps");
    assert!((1..=1_024).contains(&number(2)), "open files: {}", lines[2]);
    // `sh` counts files in blocks of 512 bytes, some shells in 1,024.
    assert!([1 << 21, 1 << 20].contains(&number(3)), "file size: {}", lines[3]);
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

pub(crate) async fn the_documented_example_does_what_it_says() {
    let page = include_str!("../../../../docs/workers.md");
    let (_, from) = page.split_once("```sh\n").unwrap();
    let (text, _) = from.split_once("```").unwrap();
    let run = async |answer: usize| {
        let stage = Stage::answering([Ok(answer)]);
        let path = stage.folder().join("report.sh");
        std::fs::write(&path, text).unwrap();
        // Through `sh`, because a file that was just written may still be busy when tests start others beside it.
        let spec = CommandSpec {
            args: vec![ArgSpec { pattern: Some("\\d{4}-\\d{2}".into()), ..ArgSpec::new("month") }],
            ..CommandSpec::new("report", ["sh", path.to_str().unwrap()])
        };
        let output = stage.run(spec, "2026-11").await.unwrap();
        (output.text, stage)
    };
    let (published, mut stage) = run(0).await;
    assert_eq!(published, "```\n3 regions of 2026-11 are published.\n```");
    assert_eq!(stage.file("report-2026-11.csv").lines().count(), 3);
    assert_eq!(stage.asked()[0].choices, ["Publish", "Leave it"]);
    let partial = Progress::Partial("3 regions were read, nothing was published.".into());
    assert!(stage.shown().contains(&partial));
    let (left, stage) = run(1).await;
    assert_eq!((left.as_str(), stage.files().len()), ("```\nNothing was published.\n```", 0));
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
