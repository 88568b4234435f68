//! How a command ends, and what people see of it.

use wilco_core::job::Progress;
use wilco_loop::kinds::CommandSpec;

use crate::stage::{Stage, cause, mishap, script};

pub(crate) async fn exit_zero_shows_the_end_of_stdout() {
    let mut stage = Stage::new();
    let output = stage.run(script("echo one; echo; echo 'a ``` fence'; printf last"), "").await.unwrap();
    assert_eq!(output.text, "```\none\n\na ''' fence\nlast\n```");
    let line = |text: &str| Progress::Line(text.to_owned());
    assert_eq!(stage.shown(), [line("one"), line(""), line("a ``` fence"), line("last")]);
    assert_eq!(stage.files(), [] as [&str; 0], "everything is shown already");

    let silent = Stage::new().run(script("exit 0"), "").await.unwrap();
    assert_eq!(silent.text, "It finished without a word on stdout.");
}

pub(crate) async fn a_long_output_shows_its_end_and_attaches_the_log() {
    let stage = Stage::new();
    let output = stage.run(script("seq 1 100; echo warning >&2"), "").await.unwrap();
    let note = "\n100\n```\nThe last 40 of 100 lines, all in k7f2.log.";
    assert!(output.text.starts_with("```\n61\n") && output.text.ends_with(note), "{}", output.text);
    assert_eq!(stage.files(), ["k7f2.log"]);
    let log = stage.file("k7f2.log");
    assert_eq!(log.lines().count(), 101);
    assert!(log.starts_with("1\n2\n") && log.ends_with("100\nwarning\n"));

    // A line that only stderr had is not shown, so the log is there for it.
    let stage = Stage::new();
    assert_eq!(stage.run(script("echo fine; echo warning >&2"), "").await.unwrap().text, "```\nfine\n```");
    assert_eq!(stage.files(), ["k7f2.log"]);
}

pub(crate) async fn a_failure_is_its_exit_code_and_its_last_lines() {
    let stage = Stage::new();
    let cause = mishap(stage.run(script("seq 1 30; echo 'no such region' >&2; exit 2"), "").await);
    assert_eq!(cause.code, "exit 2");
    assert_eq!(cause.text.lines().count(), 15);
    assert!(cause.text.ends_with("30\nno such region"), "{}", cause.text);
    assert_eq!(stage.files(), ["k7f2.log"]);
    assert_eq!(mishap(Stage::new().run(script("exit 129"), "").await).code, "exit 129", "no signal");
}

pub(crate) async fn a_signal_is_named() {
    let cause = mishap(Stage::new().run(script("echo before; kill -9 $$"), "").await);
    assert_eq!((cause.code.as_str(), cause.text.as_str()), ("signal 9", "before"));
}

pub(crate) async fn a_program_that_is_not_there_is_a_sentence() {
    let missing = cause(Stage::new().run(CommandSpec::new("report", ["no-such-program-here"]), "").await);
    assert_eq!(missing.code, "cannot start");
    assert!(missing.text.contains("`no-such-program-here` was not found"), "{}", missing.text);

    let stage = Stage::new();
    let path = stage.folder().join("report.sh");
    std::fs::write(&path, "#!/bin/sh\n").unwrap();
    let denied = cause(stage.run(CommandSpec::new("report", [path.to_str().unwrap()]), "").await);
    assert!(denied.text.contains("may not be executed") && denied.text.contains("chmod +x"), "{}", denied.text);
}

pub(crate) async fn a_working_directory_that_is_not_there_is_a_sentence() {
    let spec = CommandSpec { cwd: Some("/no/such/folder".into()), ..script("pwd") };
    let cause = cause(Stage::new().run(spec, "").await);
    assert!(cause.text.contains("/no/such/folder") && cause.text.contains("`cwd`"), "{}", cause.text);

    let stage = Stage::new();
    let here = stage.run(CommandSpec { cwd: Some("/".into()), ..script("pwd") }, "").await.unwrap();
    assert_eq!(here.text, "```\n/\n```");
}

pub(crate) async fn directives_are_progress_and_not_output() {
    let mut stage = Stage::new();
    let text = "echo ::step 1/2 reading; echo ::tool git; echo plain; echo ::tool-done git; \
                echo ::partial half; echo ::step 2/2; echo ::unknown x";
    let output = stage.run(script(text), "").await.unwrap();
    assert_eq!(output.text, "```\nplain\n::unknown x\n```");
    let step = |at, text: &str| Progress::Step { at, of: 2, text: text.to_owned() };
    assert_eq!(
        stage.shown(),
        [
            step(1, "reading"),
            Progress::ToolStarted("git".into()),
            Progress::Line("plain".into()),
            Progress::ToolCompleted("git".into()),
            Progress::Partial("half".into()),
            step(2, ""),
            Progress::Line("::unknown x".into()),
        ]
    );
}

pub(crate) async fn a_line_of_nine_mebibytes_is_cut_and_the_job_goes_on() {
    let stage = Stage::new();
    let output = stage.run(script("head -c 9437184 /dev/zero | tr '\\0' x; echo; echo done"), "").await.unwrap();
    assert_eq!(output.text, "```\ndone\n```\nThe last of 2 lines, all in k7f2.log, where 1 line is cut at 16 KiB.");
    let log = stage.file("k7f2.log");
    assert_eq!(log.lines().count(), 2);
    assert!(log.len() < 17 << 10, "the log has {} bytes", log.len());
    assert!(log.contains("the rest of this line was dropped"));
}

pub(crate) async fn a_line_of_thirty_mebibytes_ends_the_job() {
    let stage = Stage::new();
    let endless = "echo first; head -c 31457280 /dev/zero | tr '\\0' x; echo; echo done";
    let cause = cause(stage.run(script(endless), "").await);
    assert_eq!(cause.code, "more than 10 MiB of output");
    assert!(cause.text.starts_with("first\nxxx") && !cause.text.contains("done"), "{}", cause.text);
    assert!(stage.file("k7f2.log").len() < 17 << 10);
}

pub(crate) async fn more_than_ten_mebibytes_end_the_job() {
    let stage = Stage::new();
    let cause = cause(stage.run(script("echo first; yes 'the same line again and again'"), "").await);
    assert_eq!(cause.code, "more than 10 MiB of output");
    assert!(cause.text.contains("\nthe same line again and again\n"));
    let size = stage.file("k7f2.log").len();
    assert!((10 << 20..(10 << 20) + 100).contains(&size), "the log has {size} bytes");
}

pub(crate) async fn stderr_is_progress_where_that_is_configured() {
    let mut quiet = Stage::new();
    quiet.run(script("echo compiling >&2"), "").await.unwrap();
    assert_eq!(quiet.shown(), []);
    let mut stage = Stage::new();
    let spec = CommandSpec { stderr_progress: true, ..script("echo compiling >&2; echo ::step 1/2 >&2") };
    let output = stage.run(spec, "").await.unwrap();
    assert_eq!(stage.shown(), [Progress::Line("compiling".into()), Progress::Line("::step 1/2".into())]);
    assert_eq!(output.text, "It finished without a word on stdout.", "the result is stdout's alone");
}
