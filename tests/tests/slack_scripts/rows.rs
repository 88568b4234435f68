//! From the acknowledgement to the end: the rows of *Message wording*.

use insta::assert_snapshot;
use wilco_core::EnvelopeKind;
use wilco_core::settings::Settings;
use wilco_sim::slack::{Fault, Limited, Op, Rule};
use wilco_tests::SlackStage;

#[tokio::test]
async fn ack_a_job_is_acknowledged_at_once_with_a_button_to_cancel_it() {
    let stage = SlackStage::new().await;
    let job = stage.runs("ana", "ops").await;
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | On it · report · u6b3
          [Cancel]
    ");
    job.ends("42");
    stage.ends().await;
}

#[tokio::test]
async fn queued_a_job_that_has_to_wait_says_how_many_are_before_it() {
    let one_at_a_time = |settings: &mut Settings| settings.quotas.person_running = 1;
    let stage = SlackStage::builder().settings(one_at_a_time).begin().await;
    let first = stage.runs("ana", "ops").await;
    for _ in 0..3 {
        stage.slash("ana", "ops", "run report").await;
        // A channel takes one message a second.
        stage.seconds(1).await;
    }
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | On it · report · u6b3
          [Cancel]
    only ana sees | Accepted · p6j8 · it is shown here in a moment
    bot | Queued · report · p6j8 · next
          [Cancel]
    only ana sees | Accepted · c9t5 · it is shown here in a moment
    bot | Queued · report · c9t5 · 1 ahead
          [Cancel]
    only ana sees | Accepted · g3q2 · it is shown here in a moment
    bot | Queued · report · g3q2 · 2 ahead
          [Cancel]
    ");
    first.ends("The first.");
    for result in ["The second.", "The third.", "The fourth."] {
        let next = stage.taken().await;
        next.ends(result);
        stage.shows("ops", result).await;
    }
    stage.ends().await;
}

#[tokio::test]
async fn progress_one_message_shows_the_step_and_the_last_five_lines() {
    let stage = SlackStage::new().await;
    let job = stage.runs("ana", "ops").await;
    job.step(3, 7, "collecting");
    for region in 1..=6 {
        job.says(&format!("region {region}: *fine* <!channel> `x` & more"));
    }
    stage.seconds(30).await;
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | Working · u6b3 · 1s · step 3/7
          ```
          region 2: *fine* <!channel> `x` & more
          region 3: *fine* <!channel> `x` & more
          region 4: *fine* <!channel> `x` & more
          region 5: *fine* <!channel> `x` & more
          region 6: *fine* <!channel> `x` & more
          ```
          [Cancel]
    ");
    job.ends("42");
    stage.ends().await;
}

#[tokio::test]
async fn quiet_worker_says_since_when_there_was_no_output() {
    let stage = SlackStage::new().await;
    let job = stage.runs("ana", "ops").await;
    job.step(1, 2, "half");
    stage.seconds(180).await;
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | Working · u6b3 · 46s · no output for 45s
          [Cancel]
    ");
    job.ends("42");
    stage.ends().await;
}

#[tokio::test]
async fn progress_follows_an_acknowledgement_that_came_late() {
    let stage = SlackStage::new().await;
    let slow = Fault::RateLimited { millis: 6_000, how: Limited::Status };
    stage.fault(Rule::new(slow).on(Op::PostMessage));
    let job = stage.runs("ana", "ops").await;
    job.says("spinning");
    stage.seconds(12).await;
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | Working · u6b3 · 6s
          ```
          spinning
          ```
          [Cancel]
    ");
    job.ends("42");
    stage.ends().await;
}

#[tokio::test]
async fn rate_limited_an_edit_is_dropped_and_nothing_is_said() {
    let stage = SlackStage::builder().limited().begin().await;
    let job = stage.runs("ana", "ops").await;
    let slow = Fault::RateLimited { millis: 20_000, how: Limited::Status };
    stage.fault(Rule::new(slow).on(Op::Update));
    for step in 1..=10 {
        job.step(step, 10, "counting");
        stage.seconds(2).await;
    }
    assert_eq!(stage.fake.rules_left(), 0, "it was told to be slow");
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | On it · report · u6b3
          [Cancel]
    ");
    let before = stage.calls(Op::Update, EnvelopeKind::Progress);
    assert_eq!(before, 1, "and it is");
    stage.seconds(15).await;
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | Working · u6b3 · 21s · step 10/10
          ```
          counting
          counting
          counting
          counting
          counting
          ```
          [Cancel]
    ");
    job.ends("42");
    stage.shows("ops", "@ana done").await;
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | Done · u6b3 · 35s

          42
          [Details]
    bot | @ana done: report (u6b3)
    ");
    stage.ends().await;
}

#[tokio::test]
async fn done_and_ping_the_result_is_an_edit_and_one_ping_tells_whoever_asked() {
    let stage = SlackStage::new().await;
    let job = stage.runs("ana", "ops").await;
    stage.seconds(252).await;
    job.ends("All is well.");
    stage.shows("ops", "@ana done").await;
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | Done · u6b3 · 4m 12s

          All is well.
          [Details]
    bot | @ana done: report (u6b3)
    ");
    assert_eq!(stage.notified(), ["ana: @ana done: report (u6b3)"]);
    stage.ends().await;
}

#[tokio::test]
async fn done_soon_needs_no_ping() {
    let stage = SlackStage::new().await;
    let job = stage.runs("ana", "ops").await;
    stage.seconds(4).await;
    job.ends("All is well.");
    stage.shows("ops", "All is well.").await;
    stage.seconds(60).await;
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | Done · u6b3 · 4s

          All is well.
          [Details]
    ");
    assert!(stage.notified().is_empty());
    stage.ends().await;
}

#[tokio::test]
async fn done_a_long_result_shows_its_head_and_is_attached_whole() {
    let stage = SlackStage::new().await;
    let job = stage.runs("ana", "ops").await;
    stage.seconds(30).await;
    job.ends(&"A line of the report.\n".repeat(1_000));
    stage.shows("ops", "(file ").await;
    stage.shows("ops", "@ana done").await;
    assert_snapshot!(folded(&stage.sees("ops")), @"
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | Done · u6b3 · 30s

          A line of the report. (112 times)

          report-u6b3.md attached (22 KB)
          [Details]
    bot | File · u6b3 · report-u6b3.md (22 KB)
          (file report-u6b3.md, 22 KB)
    bot | @ana done: report (u6b3)
    ");
    stage.ends().await;
}

#[tokio::test]
async fn done_a_result_that_is_a_little_too_long_is_shown_in_parts() {
    let stage = SlackStage::new().await;
    let job = stage.runs("ana", "ops").await;
    stage.seconds(30).await;
    job.ends(&"A line of the report.\n".repeat(300));
    stage.shows("ops", "@ana done").await;
    assert_snapshot!(folded(&stage.sees("ops")), @"
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | Done · u6b3 · 30s

          A line of the report. (115 times)
          [Details]
    bot | Part 2 of 3 · u6b3

          A line of the report. (115 times)
    bot | Part 3 of 3 · u6b3

          A line of the report. (70 times)
    bot | @ana done: report (u6b3)
    ");
    stage.ends().await;
}

#[tokio::test]
async fn done_a_file_that_the_job_wrote_is_attached_in_a_message_of_its_own() {
    let stage = SlackStage::new().await;
    let job = stage.runs("ana", "ops").await;
    job.writes("report.csv", "a,b\n".repeat(500));
    stage.seconds(20).await;
    job.ends("See the table.");
    stage.shows("ops", "@ana done").await;
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | Done · u6b3 · 20s

          See the table.
          [Details]
    bot | File · u6b3 · report.csv (2 KB)
          (file report.csv, 2 KB)
    bot | @ana done: report (u6b3)
    ");
    stage.ends().await;
}

#[tokio::test]
async fn where_the_app_may_send_no_files_their_message_says_where_they_are_kept_instead() {
    let stage = SlackStage::new().await;
    stage.fake.change_team(&stage.team, |team| {
        team.scopes.remove("files:write");
    });
    let job = stage.runs("ana", "ops").await;
    job.writes("report.csv", "a,b\n".repeat(500));
    stage.seconds(20).await;
    job.ends("See the table.");
    stage.shows("ops", "@ana done").await;
    let seen = stage.sees("ops");
    assert_eq!(seen.matches("report.csv (2 KB) was refused here. It is kept: ").count(), 1, "{seen}");
    assert!(!seen.contains("(file "), "{seen}");
    stage.ends().await;
}

/// A channel in which a line that comes many times is written once.
fn folded(transcript: &str) -> String {
    let mut lines: Vec<(&str, usize)> = Vec::new();
    for line in transcript.lines() {
        match lines.last_mut() {
            Some((last, count)) if *last == line => *count += 1,
            Some(_) | None => lines.push((line, 1)),
        }
    }
    let written = lines.iter().map(|(line, count)| match count {
        1 => (*line).to_owned(),
        _ => format!("{line} ({count} times)"),
    });
    written.collect::<Vec<_>>().join("\n")
}
