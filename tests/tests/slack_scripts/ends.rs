//! Every other end than done, and what its buttons do: the rows of *Message wording* from Failed to Interrupted.

use std::sync::Arc;

use insta::assert_snapshot;
use wilco_core::settings::Settings;
use wilco_core::worker::OnInterrupt;
use wilco_sim::slack::{Fault, Limited, Op, Rule};
use wilco_tests::{Agents, Answer, SlackStage};

#[tokio::test]
async fn failed_shows_the_last_lines_and_its_buttons_run_it_again_and_show_the_details() {
    let stage = SlackStage::new().await;
    let job = stage.runs("ana", "ops").await;
    stage.seconds(40).await;
    job.fails("exit 2", "table `orders` is missing");
    stage.shows("ops", "@ana failed").await;
    stage.presses("ana", "Details").await;
    stage.presses("ana", "Run again").await;
    let again = stage.taken().await;
    stage.seconds(20).await;
    again.ends("It is there now.");
    stage.shows("ops", "@ana done").await;
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | Failed · u6b3 · exit 2 after 40s

          table `orders` is missing
          [Run again] [Details]
    bot | @ana failed: report (u6b3)
    only ana sees | failed · report · u6b3 · 40s
                    `09:00` accepted from ana
                    `09:00` started
                    `09:00` stub attempt 1: surfaced
                    `09:00` acknowledged
                    `09:00` stub surfaced
                    `09:00` ended: failed (exit 2)
                    `09:00` result on its way
                    `09:00` content attempt 1: surfaced
                    `09:00` content surfaced
                    `09:00` result shown
                    `09:00` ping attempt 1: surfaced
                    `09:00` ping surfaced
                    [Run again]
    bot | Done · p6j8 · 20s

          It is there now.
          [Details]
    bot | @ana done: report (p6j8)
    ");
    stage.ends().await;
}

#[tokio::test]
async fn timed_out_names_the_limit() {
    let limit = |settings: &mut Settings| settings.defaults.terms.terminal_secs = 60;
    let stage = SlackStage::builder().settings(limit).begin().await;
    let job = stage.runs("ana", "ops").await;
    stage.seconds(70).await;
    assert!(!job.is_alive());
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | Timed out · u6b3 · limit 1m
          [Run again] [Details]
    bot | @ana timed out: report (u6b3)
    ");
    stage.ends().await;
}

#[tokio::test]
async fn interrupted_after_a_crash_says_when_and_can_be_run_again() {
    let mut stage = SlackStage::new().await;
    let lost = stage.runs("ana", "ops").await;
    stage.seconds(120).await;
    stage.crashes().await;
    drop(lost);
    stage.seconds(10).await;
    stage.start().await;
    stage.shows("ops", "@ana interrupted").await;
    stage.presses("ana", "Run again").await;
    let again = stage.taken().await;
    again.ends("This time.");
    stage.shows("ops", "This time.").await;
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | Interrupted · u6b3 · bot restarted at 09:02 UTC
          [Run again] [Details]
    bot | @ana interrupted: report (u6b3)
    bot | Done · p6j8 · 0s

          This time.
          [Details]
    ");
    stage.ends().await;
}

#[tokio::test]
async fn after_a_crash_the_same_message_is_edited_on_where_the_job_may_run_again() {
    let rerun = |settings: &mut Settings| settings.defaults.on_interrupt = OnInterrupt::Rerun;
    let mut stage = SlackStage::builder().settings(rerun).begin().await;
    let job = stage.runs("ana", "ops").await;
    job.step(2, 7, "before");
    stage.seconds(4).await;
    stage.crashes_and_restarts().await;
    let again = stage.taken().await;
    assert_eq!((again.short.as_str(), again.input.rerun), (job.short.as_str(), 1));
    again.step(3, 7, "after");
    stage.seconds(20).await;
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | Working · u6b3 · 1s · step 3/7
          ```
          after
          ```
          [Cancel]
    ");
    again.ends("All is well.");
    stage.shows("ops", "@ana done").await;
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | Done · u6b3 · 20s

          All is well.
          [Details]
    bot | @ana done: report (u6b3)
    ");
    stage.ends().await;
}

#[tokio::test]
async fn a_result_that_was_stored_before_a_crash_is_shown_once_after_it() {
    let mut stage = SlackStage::new().await;
    let job = stage.runs("ana", "ops").await;
    stage.seconds(30).await;
    let slow = Fault::RateLimited { millis: 5_000, how: Limited::Status };
    stage.fault(Rule::new(slow).on(Op::Update));
    job.ends("It was finished.");
    stage.moment().await;
    stage.crashes().await;
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | On it · report · u6b3
          [Cancel]
    ");
    stage.start().await;
    stage.seconds(40).await;
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | Done · u6b3 · 30s

          It was finished.
          [Details]
    bot | @ana done: report (u6b3)
    ");
    stage.ends().await;
}

#[tokio::test]
async fn an_acknowledgement_whose_answer_was_lost_is_found_again_after_a_crash() {
    let mut stage = SlackStage::new().await;
    stage.fault(Rule::new(Fault::Lost).on(Op::PostMessage));
    stage.slash("ana", "ops", "run report").await;
    let lost = stage.taken().await;
    stage.crashes().await;
    drop(lost);
    stage.start().await;
    stage.shows("ops", "Interrupted").await;
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | Interrupted · u6b3 · bot restarted at 09:00 UTC
          [Run again] [Details]
    ");
    stage.ends().await;
}

#[tokio::test]
async fn sign_in_needed_pauses_and_says_what_to_do() {
    let agents = Agents::of("claude");
    let stage = SlackStage::builder().worker("triage", Arc::new(agents.clone())).begin().await;
    agents.answers(Answer::fails("exit 1", "OAuth token has expired. · Please run /login"));
    stage.slash("ana", "ops", "run triage").await;
    stage.shows("ops", "Paused").await;
    stage.slash("dora", "ops", "run triage").await;
    assert_eq!(agents.calls(), 1);
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | Paused · u6b3 · sign in to claude again. Retries stopped

          After that whoever runs the bot opens the gate with `wilco gate open claude`. Where its credentials are watched it opens by itself. Until then no job calls it.
          [Run again] [Details]
    only dora sees | Not started: sign in to claude again, then whoever runs the bot opens the gate with `wilco gate open claude`. Give it again after that. Closed since 09:00 UTC by `u6b3`.
    ");
    stage.ends().await;
}
