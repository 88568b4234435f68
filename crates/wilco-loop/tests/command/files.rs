//! What a command leaves in its folder.

use wilco_loop::kinds::CommandSpec;

use crate::stage::{Stage, lacks, mishap, script};

pub(crate) async fn the_output_folder_is_delivered_within_its_limits() {
    if lacks("truncate") {
        return;
    }
    let stage = Stage::new();
    let text = "cd $WILCO_OUT; for n in 01 02 03 04 05 06 07 08 09 10 11 12; do echo $n > $n.csv; done; \
                ln -s /etc/passwd 00-link; mkdir 00-folder; mkfifo 00-pipe; truncate -s 27000000 00-big.bin";
    let output = stage.run(script(text), "").await.unwrap();
    let names: Vec<String> = (1..=10).map(|number| format!("{number:02}.csv")).collect();
    assert_eq!(stage.files(), names);
    assert_eq!(stage.file("03.csv"), "03\n");
    for note in [
        "00-link was not delivered: it is no regular file.",
        "00-folder was not delivered: it is no regular file.",
        "00-pipe was not delivered: it is no regular file.",
        "00-big.bin was not delivered: it has 27.0 MB, and 25 MiB is the limit.",
        "2 more files were not delivered: 10 is the limit.",
    ] {
        assert!(output.text.contains(note), "{note}\n{}", output.text);
    }
}

pub(crate) async fn the_log_is_one_of_the_ten_files() {
    let stage = Stage::new();
    let text = "for n in 01 02 03 04 05 06 07 08 09 10; do echo $n > $WILCO_OUT/$n.csv; done; seq 1 100";
    let output = stage.run(script(text), "").await.unwrap();
    assert_eq!(stage.files().len(), 10);
    assert_eq!(stage.files()[8..], ["09.csv", "k7f2.log"]);
    let notes = "The last 40 of 100 lines, all in k7f2.log.\n1 more file was not delivered: 10 is the limit.";
    assert!(output.text.ends_with(notes), "{}", output.text);
}

pub(crate) async fn a_result_file_is_the_result() {
    let wanted = |text: &str| CommandSpec { result_file: Some("report.md".into()), ..script(text) };
    let stage = Stage::new();
    let output = stage.run(wanted("echo working; printf '# All \\033[31mgood\\033[0m' > report.md"), "").await.unwrap();
    assert_eq!(output.text, "# All good");
    assert_eq!(stage.files(), ["k7f2.log"], "the output is not in the result, so it is attached");

    let stage = Stage::new();
    let output =
        stage.run(wanted("echo fine > $WILCO_OUT/report.md; echo 1 > $WILCO_OUT/numbers.csv"), "").await.unwrap();
    assert_eq!(output.text, "fine\n");
    assert_eq!(stage.files(), ["numbers.csv"], "the result is not delivered a second time");
}

pub(crate) async fn a_missing_result_file_is_told() {
    let wanted = |text: &str| CommandSpec { result_file: Some("report.md".into()), ..script(text) };
    let output = Stage::new().run(wanted("echo finished"), "").await.unwrap();
    assert_eq!(output.text, "```\nfinished\n```\nreport.md was not written, so this is the end of the output.");
    let linked = Stage::new().run(wanted("ln -s /etc/passwd report.md"), "").await.unwrap();
    assert!(linked.text.contains("report.md was not written") && !linked.text.contains("root:"), "{}", linked.text);
}

pub(crate) async fn files_of_a_failed_job_are_delivered_too() {
    let stage = Stage::new();
    let cause = mishap(stage.run(script("echo half > $WILCO_OUT/half.csv; echo broken; exit 1"), "").await);
    assert_eq!((cause.code.as_str(), cause.text.as_str()), ("exit 1", "broken"));
    assert_eq!(stage.files(), ["half.csv", "k7f2.log"]);
}
