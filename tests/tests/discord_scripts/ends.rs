//! Every other end than done, and what its buttons do: the rows of *Message wording* from Failed to Interrupted.

use std::sync::Arc;

use insta::assert_snapshot;
use wilco_core::settings::Settings;
use wilco_core::worker::OnInterrupt;
use wilco_sim::discord::{Fault, LimitScope, Op, Rule};
use wilco_tests::{Agents, Answer, DiscordStage};

#[tokio::test]
async fn failed_shows_the_last_lines_and_its_buttons_run_it_again_and_show_the_details() {
    let stage = DiscordStage::new().await;
    let job = stage.runs("ana", "ops").await;
    stage.seconds(40).await;
    job.fails("exit 2", "table `orders` is missing");
    stage.shows("ops", "@ana failed").await;
    stage.presses("ana", "Details").await;
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | Failed · u6b3 · exit 2 after 40s

          table `orders` is missing
          [Run again] [Details]
    bot | ↳ @ana failed: report (u6b3)
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
    ");
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
    bot | ↳ @ana failed: report (u6b3)
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
    only ana sees | Accepted · p6j8 · it is shown here in a moment
    bot | Done · p6j8 · 20s

          It is there now.
          [Details]
    bot | ↳ @ana done: report (p6j8)
    ");
    stage.ends().await;
}

#[tokio::test]
async fn timed_out_names_the_limit() {
    let limit = |settings: &mut Settings| settings.defaults.terms.terminal_secs = 60;
    let stage = DiscordStage::builder().settings(limit).begin().await;
    let job = stage.runs("ana", "ops").await;
    stage.seconds(70).await;
    assert!(!job.is_alive());
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | Timed out · u6b3 · limit 1m
          [Run again] [Details]
    bot | ↳ @ana timed out: report (u6b3)
    ");
    stage.ends().await;
}

#[tokio::test]
async fn cancelled_by_a_slash_command() {
    let stage = DiscordStage::new().await;
    let job = stage.runs("ana", "ops").await;
    stage.seconds(5).await;
    job.step(3, 7, "counting");
    stage.seconds(5).await;
    job.becomes_deaf();
    assert_eq!(
        stage.typing("ana", "ops", "cancel", "job", "").await,
        [format!("{} · report · running · by ana", job.short)]
    );
    stage.slash("ana", "ops", "cancel", &[("job", job.short.as_str()), ("reason", "wrong branch")]).await;
    stage.seconds(4).await;
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | Cancelling · u6b3 · asked by ana
          reason: wrong branch
    only ana sees | Cancelling · u6b3 · asked by ana
                    reason: wrong branch
    ");
    stage.seconds(8).await;
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | Cancelled · u6b3 · stopped at step 3
          asked by ana
          reason: wrong branch
          [Run again] [Details]
    only ana sees | Cancelling · u6b3 · asked by ana
                    reason: wrong branch
    bot | ↳ @ana cancelled: report (u6b3)
    ");
    stage.ends().await;
}

#[tokio::test]
async fn cancelled_by_a_slash_command_without_an_id_in_the_only_jobs_thread() {
    let stage = DiscordStage::new().await;
    stage.thread("ana", "ops", "deploy", false).await;
    let job = stage.runs("ana", "deploy").await;
    stage.seconds(20).await;
    stage.slash("ana", "deploy", "cancel", &[]).await;
    stage.shows("deploy", "Cancelled ·").await;
    assert!(!job.is_alive());
    assert_snapshot!(stage.sees("deploy"), @"
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | Cancelled · u6b3 · after 20s
          asked by ana
          [Run again] [Details]
    only ana sees | Cancelling · u6b3 · asked by ana
                    reason: no reason given
    bot | ↳ @ana cancelled: report (u6b3)
    ");
    stage.ends().await;
}

#[tokio::test]
async fn cancelled_by_the_button() {
    let stage = DiscordStage::new().await;
    let job = stage.runs("ana", "ops").await;
    stage.seconds(20).await;
    stage.presses("ana", "Cancel").await;
    stage.shows("ops", "Cancelled ·").await;
    assert!(!job.is_alive());
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | Cancelled · u6b3 · after 20s
          asked by ana
          [Run again] [Details]
    only ana sees | Cancelling · u6b3 · asked by ana
                    reason: no reason given
    bot | ↳ @ana cancelled: report (u6b3)
    ");
    stage.ends().await;
}

#[tokio::test]
async fn cancelled_by_the_menu_of_its_message() {
    let stage = DiscordStage::new().await;
    let job = stage.runs("ana", "ops").await;
    stage.seconds(20).await;
    stage.menu("ana", "On it", "Cancel this job").await;
    stage.shows("ops", "Cancelled ·").await;
    assert!(!job.is_alive());
    stage.menu("ana", "Cancelled", "Cancel this job").await;
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | Cancelled · u6b3 · after 20s
          asked by ana
          [Run again] [Details]
    only ana sees | Cancelling · u6b3 · asked by ana
                    reason: no reason given
    bot | ↳ @ana cancelled: report (u6b3)
    only ana sees | Already completed · u6b3 · cancelled. Nothing was changed.
                    [Details]
    ");
    stage.ends().await;
}

#[tokio::test]
async fn interrupted_after_a_crash_says_when_and_can_be_run_again() {
    let mut stage = DiscordStage::new().await;
    let lost = stage.runs("ana", "ops").await;
    stage.seconds(120).await;
    stage.crashes().await;
    drop(lost);
    stage.seconds(10).await;
    stage.start().await;
    stage.shows("ops", "@ana interrupted").await;
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | Interrupted · u6b3 · bot restarted at 09:02 UTC
          [Run again] [Details]
    bot | ↳ @ana interrupted: report (u6b3)
    ");
    stage.presses("ana", "Run again").await;
    let again = stage.taken().await;
    again.ends("This time.");
    stage.shows("ops", "This time.").await;
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | Interrupted · u6b3 · bot restarted at 09:02 UTC
          [Run again] [Details]
    bot | ↳ @ana interrupted: report (u6b3)
    only ana sees | Accepted · p6j8 · it is shown here in a moment
    bot | Done · p6j8 · 0s

          This time.
          [Details]
    ");
    stage.ends().await;
}

#[tokio::test]
async fn after_a_crash_the_same_message_is_edited_on_where_the_job_may_run_again() {
    let rerun = |settings: &mut Settings| settings.defaults.on_interrupt = OnInterrupt::Rerun;
    let mut stage = DiscordStage::builder().settings(rerun).begin().await;
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
    bot | Working · u6b3 · 2s · step 3/7
          ```
          after
          ```
          [Cancel]
    ");
    again.ends("All is well.");
    stage.shows("ops", "@ana done").await;
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | Done · u6b3 · 21s

          All is well.
          [Details]
    bot | ↳ @ana done: report (u6b3)
    ");
    stage.ends().await;
}

#[tokio::test]
async fn a_result_that_was_stored_before_a_crash_is_shown_once_after_it() {
    let mut stage = DiscordStage::new().await;
    let job = stage.runs("ana", "ops").await;
    stage.seconds(30).await;
    let slow = Fault::RateLimited { millis: 5_000, scope: LimitScope::Global };
    stage.fault(Rule::new(slow).on(Op::EditMessage));
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
    bot | ↳ @ana done: report (u6b3)
    ");
    stage.ends().await;
}

#[tokio::test]
async fn sign_in_needed_pauses_and_says_what_to_do() {
    let agents = Agents::of("claude");
    let stage = DiscordStage::builder().worker("triage", Arc::new(agents.clone())).begin().await;
    agents.answers(Answer::fails("exit 1", "OAuth token has expired. · Please run /login"));
    stage.slash("ana", "ops", "run", &[("worker", "triage")]).await;
    stage.shows("ops", "Paused").await;
    stage.slash("dora", "ops", "run", &[("worker", "triage")]).await;
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
