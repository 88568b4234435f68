//! Results that take more than one message, and who has the last word (R16 to R18).

use insta::{allow_duplicates, assert_snapshot};
use wilco_core::EnvelopeKind;
use wilco_core::contract::ContractState;
use wilco_sim::{Fault, Rule, Verb};
use wilco_tests::{Actor, Stage, Where};

const OPS: Where<'static> = Where::Channel("ops");

/// Two messages' worth of lines, numbered so that none can be lost or doubled unseen.
fn two_parts() -> String {
    (1..=120).map(|line| format!("line {line} of the report\n")).collect()
}

#[tokio::test(start_paused = true)]
async fn r16_a_result_in_parts_resumes_at_the_first_part_that_nobody_has_seen() {
    let mut stage = Stage::new().await;
    let job = stage.runs(&Actor::named("ana"), OPS).await;
    stage.seconds(2).await;
    stage.fault(Rule::new(Fault::Dropped).kind(EnvelopeKind::Part));
    job.ends(&two_parts());
    stage.moment().await;
    assert!(stage.message("Done").shown().text.contains("line 1 of"));
    assert_eq!(stage.message("Part 2 of 2").shown().text, "Part 2 of 2 · u6b3 · on its way");
    stage.crashes_and_restarts().await;
    stage.seconds(10).await;
    assert_eq!(stage.calls(Verb::Edit, EnvelopeKind::Content).len(), 1, "part 1 was not touched again");
    assert_eq!(stage.calls(Verb::Edit, EnvelopeKind::Part).len(), 2);
    let whole = format!("{}\n{}", stage.message("Done").shown().text, stage.message("Part 2 of 2").shown().text);
    let lines: Vec<&str> = whole.lines().filter(|line| line.starts_with("line ")).collect();
    assert_eq!(lines, two_parts().lines().collect::<Vec<_>>(), "every line once and in order");
    assert_eq!(stage.contract(job.short.as_str()).await, ContractState::TerminalAcked);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn r16_the_contract_is_open_until_the_last_part_is_visible() {
    let stage = Stage::new().await;
    let job = stage.runs(&Actor::named("ana"), OPS).await;
    stage.seconds(2).await;
    stage.fault(Rule::new(Fault::Dropped).kind(EnvelopeKind::Part));
    job.ends(&two_parts());
    stage.seconds(1).await;
    assert_eq!(stage.contract(job.short.as_str()).await, ContractState::TerminalPending);
    stage.seconds(10).await;
    assert_eq!(stage.contract(job.short.as_str()).await, ContractState::TerminalAcked);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn r17_a_file_fills_a_stub_and_where_it_is_refused_its_place_says_where_it_is_kept() {
    let stage = Stage::new().await;
    let job = stage.runs(&Actor::named("ana"), OPS).await;
    job.writes("report.pdf", vec![7; 38 * 1_024]);
    job.writes("huge.bin", vec![0; 11 << 20]);
    stage.seconds(2).await;
    stage.fault(Rule::new(Fault::Reshape).kind(EnvelopeKind::File).times(2));
    job.ends("Two files.");
    stage.seconds(10).await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Done · u6b3 · 2s

          Two files.
          [Details]
    bot | File · u6b3 · report.pdf (39 KB) was refused here. It is kept: wilco jobs show u6b3
    bot | File · u6b3 · huge.bin (11.5 MB) was refused here. It is kept: `wilco jobs show u6b3`
    ");
    assert!(stage.snapshot().messages.iter().all(|one| one.versions[0].file.is_none()), "no create carries a file");
    assert_eq!(stage.contract(job.short.as_str()).await, ContractState::TerminalAcked);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn r17_a_result_too_long_for_three_messages_is_its_head_and_a_file() {
    for files in [true, false] {
        let stage = Stage::builder().limits(|limits| limits.abilities.files = files).begin().await;
        let job = stage.runs(&Actor::named("ana"), OPS).await;
        stage.seconds(2).await;
        let whole: String = (1..=2_000).map(|line| format!("line {line} of the report\n")).collect();
        job.ends(&whole);
        stage.seconds(5).await;
        let done = stage.message("Done").shown().clone();
        assert!(done.text.contains("line 1 of the report"));
        let last = done.text.lines().last().unwrap();
        if files {
            assert_eq!(last, "report-u6b3.md attached (47 KB)");
            let file = stage.message("File").shown().file.clone().expect("the file is there");
            assert_eq!((file.name.as_str(), file.size), ("report-u6b3.md", whole.trim_end().len() as u64));
        } else {
            assert_eq!(last, "whole text: `wilco jobs show u6b3`");
        }
        assert_eq!(stage.inspect("u6b3").await.ending.unwrap().text, whole);
        stage.ends().await;
    }
}

#[tokio::test(start_paused = true)]
async fn r18_a_late_progress_edit_does_not_have_the_last_word_not_even_across_a_restart() {
    for restarts in [false, true] {
        let mut stage = Stage::new().await;
        let job = stage.runs(&Actor::named("ana"), OPS).await;
        stage.seconds(5).await;
        stage.fault(Rule::new(Fault::LateApply { millis: 20_000 }).kind(EnvelopeKind::Progress));
        job.step(1, 2, "half");
        stage.seconds(2).await;
        job.ends("All is well.");
        stage.seconds(1).await;
        allow_duplicates! {
            assert_snapshot!(stage.sees(OPS), @"
            ana | /run report
            bot | Done · u6b3 · 7s

                  All is well.
                  [Details]
            ");
        }
        assert_eq!(stage.contract(job.short.as_str()).await, ContractState::TerminalAcked, "closed at the fill");
        if restarts {
            stage.crashes().await;
        }
        stage.seconds(20).await;
        // The late edit has landed on top of the result.
        allow_duplicates! {
            assert_snapshot!(stage.sees(OPS), @"
            ana | /run report
            bot | Working · u6b3 · 5s · step 1/2
                  ```
                  half
                  ```
                  [Cancel]
            ");
        }
        if restarts {
            stage.start().await;
        }
        stage.seconds(30).await;
        allow_duplicates! {
            assert_snapshot!(stage.sees(OPS), @"
            ana | /run report
            bot | Done · u6b3 · 7s

                  All is well.
                  [Details]
            ");
        }
        assert_eq!(stage.calls(Verb::Edit, EnvelopeKind::Content).len(), 2, "the result and one repetition");
        stage.seconds(600).await;
        assert_eq!(stage.calls(Verb::Edit, EnvelopeKind::Content).len(), 2);
        stage.ends().await;
    }
}

#[tokio::test(start_paused = true)]
async fn r18_the_repetition_is_made_even_when_the_first_one_fails_or_the_process_dies_in_it() {
    let mut stage = Stage::new().await;
    let job = stage.runs(&Actor::named("ana"), OPS).await;
    stage.seconds(5).await;
    stage.fault(Rule::new(Fault::LateApply { millis: 30_000 }).kind(EnvelopeKind::Progress));
    job.step(1, 2, "half");
    stage.seconds(2).await;
    job.ends("All is well.");
    stage.seconds(1).await;
    stage.fault(Rule::new(Fault::Dropped).kind(EnvelopeKind::Content));
    stage.fault(Rule::new(Fault::Hang { applied: false }).kind(EnvelopeKind::Content));
    stage.seconds(95).await;
    assert!(stage.message("Working").is_visible_bot(), "still on top");
    assert!(stage.platform.faults_left().is_empty(), "both repetitions met their fault");
    stage.crashes_and_restarts().await;
    stage.seconds(120).await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Done · u6b3 · 7s

          All is well.
          [Details]
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn r18_an_edit_in_flight_is_waited_for_and_the_result_is_the_last_call() {
    let stage = Stage::new().await;
    let job = stage.runs(&Actor::named("ana"), OPS).await;
    stage.seconds(5).await;
    stage.fault(Rule::new(Fault::Hang { applied: true }).kind(EnvelopeKind::Progress));
    job.step(1, 2, "half");
    stage.seconds(1).await;
    job.ends("All is well.");
    stage.seconds(10).await;
    assert_eq!(stage.calls(Verb::Edit, EnvelopeKind::Content).len(), 0, "one call in flight per message");
    stage.seconds(10).await;
    assert_eq!(stage.call_seconds(Verb::Edit, EnvelopeKind::Content), [20], "at the edit's own time limit");
    stage.ends().await;
}
