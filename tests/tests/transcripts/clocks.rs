//! Time that does strange things, and a process that stops in good order: nobody is timed out for it (W20, W21, drain).

use std::time::Duration;

use insta::assert_snapshot;
use wilco_core::settings::KindSettings;
use wilco_core::worker::{OnInterrupt, WorkerState};
use wilco_tests::{Actor, Stage, Where};

const OPS: Where<'static> = Where::Channel("ops");
const HOUR: i64 = 3_600_000;

async fn impatient() -> Stage {
    Stage::builder()
        .settings(|settings| {
            settings.defaults.terms.terminal_secs = 600;
            settings.defaults.inactivity = Some(Duration::from_secs(120));
        })
        .begin()
        .await
}

#[tokio::test(start_paused = true)]
async fn w21_a_process_that_was_suspended_for_hours_times_nobody_out() {
    let stage = impatient().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    job.step(1, 3, "collecting");
    stage.seconds(30).await;
    stage.suspended_for(Duration::from_secs(5 * 3_600)).await;
    stage.seconds(10).await;
    assert!(job.is_alive());
    assert_eq!(stage.jobs().await[0].state, WorkerState::Running);
    assert!(!stage.journal(job.short.as_str()).await.contains(&"timed_out"));
    job.step(2, 3, "counting");
    stage.seconds(60).await;
    job.ends("42");
    stage.moment().await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Done · u6b3 · 5h 01m

          42
          [Details]
    bot | ↳ @ana done: report (u6b3)
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn w21_after_a_suspension_the_limits_still_hold() {
    let stage = impatient().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    stage.suspended_for(Duration::from_secs(3_600)).await;
    stage.seconds(110).await;
    assert!(job.is_alive(), "110 s of 120 s of silence have been seen");
    stage.seconds(20).await;
    assert_eq!(stage.jobs().await[0].state, WorkerState::TimedOut);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn w21_a_wall_clock_that_steps_back_and_forth_moves_no_deadline() {
    for step in [HOUR, -HOUR, 24 * HOUR, -24 * HOUR] {
        let stage = impatient().await;
        let ana = Actor::named("ana");
        let job = stage.runs(&ana, OPS).await;
        stage.seconds(10).await;
        stage.clock().step_wall(step);
        stage.seconds(30).await;
        assert!(job.is_alive(), "stepped by {step} ms");
        job.step(1, 2, "collecting");
        stage.seconds(30).await;
        let shown = stage.sees(OPS);
        assert!(shown.contains("step 1/2"), "progress is still shown after a step of {step} ms:\n{shown}");
        stage.seconds(100).await;
        assert_eq!(stage.jobs().await[0].state, WorkerState::TimedOut, "the limits hold after {step} ms");
        assert!(stage.sees(OPS).contains("no sign of life for 2m"), "{}", stage.sees(OPS));
        stage.ends().await;
    }
}

#[tokio::test(start_paused = true)]
async fn w20_waiting_for_a_person_costs_the_job_neither_time_nor_quiet_notes() {
    let stage = impatient().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    stage.seconds(5).await;
    let mut answer = job.asks("Overwrite the old report?", &["Yes", "No"]);
    stage.moment().await;
    stage.seconds(2 * 3_600).await;
    assert!(job.is_alive());
    assert!(!stage.journal(job.short.as_str()).await.contains(&"timed_out"));
    stage.presses(&ana, "Yes").await;
    assert_eq!(answer.try_recv().expect("the answer has arrived"), Ok(0));
    stage.seconds(110).await;
    assert!(job.is_alive(), "the limit of silence begins anew with the answer");
    job.step(1, 1, "writing");
    stage.seconds(5).await;
    job.ends("42");
    stage.moment().await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Done · u6b3 · 2h 02m

          42
          [Details]
    bot | ↳ @ana question: report (u6b3)
    only ana sees | Answered · u6b3 · Yes
    bot | ↳ @ana done: report (u6b3)
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn w12_w20_a_question_that_nobody_answers_has_a_limit_of_its_own() {
    let hour = Duration::from_secs(3_600);
    assert_eq!(KindSettings::default().question, 24 * hour);
    let stage = Stage::builder().settings(|settings| settings.defaults.question = hour).begin().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    let answer = job.asks("Overwrite the old report?", &["Yes", "No"]);
    stage.seconds(3_605).await;
    assert!(answer.await.expect("the job was told").is_err());
    assert_eq!(stage.jobs().await[0].state, WorkerState::TimedOut);
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Timed out · u6b3 · no answer for 1h
          [Run again] [Details]
    bot | ↳ @ana question: report (u6b3)
    bot | ↳ @ana timed out: report (u6b3)
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn w18_a_drain_takes_no_new_work_waits_for_what_runs_and_reports_what_it_had_to_stop() {
    let mut stage = Stage::new().await;
    let ana = Actor::named("ana");
    let (quick, slow) = (stage.runs(&ana, OPS).await, stage.runs(&ana, OPS).await);
    slow.step(3, 7, "counting");
    stage.seconds(5).await;
    stage.bot().begin_drain();
    stage.says(&ana, OPS, "/run report").await;
    assert_eq!(stage.puppets.waiting(), 0);
    stage.seconds(10).await;
    quick.ends("Just in time.");
    stage.drains().await;
    assert!(!slow.is_alive());
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Done · u6b3 · 15s

          Just in time.
          [Details]
    ana | /run report
    bot | Interrupted · p6j8 · bot stopped at 09:00 UTC
          [Run again] [Details]
    ana | /run report
    only ana sees | Not accepted: the bot is about to restart. Nothing was started; give it again in a moment.
    bot | ↳ @ana done: report (u6b3)
    bot | ↳ @ana interrupted: report (p6j8)
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn u1_a_drain_leaves_a_job_that_may_run_again_to_the_next_start() {
    let rerun = KindSettings { on_interrupt: OnInterrupt::Rerun, ..KindSettings::default() };
    let mut stage = Stage::builder()
        .settings(|settings| {
            settings.kinds.insert("report".to_owned(), rerun);
        })
        .begin()
        .await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    job.step(3, 7, "counting");
    stage.seconds(5).await;
    stage.drains().await;
    assert!(!job.is_alive());
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Working · u6b3 · 0s · step 3/7
          ```
          counting
          ```
          [Cancel]
    ");
    stage.start().await;
    let again = stage.puppets.next();
    assert_eq!((again.short.clone(), again.input.rerun), (job.short.clone(), 1));
    again.ends("42");
    stage.moment().await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Done · u6b3 · 0s

          42
          [Details]
    bot | ↳ @ana done: report (u6b3)
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn w18_a_second_signal_stops_what_runs_at_once() {
    let mut stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    stage.seconds(2).await;
    stage.bot().begin_drain();
    stage.seconds(1).await;
    assert!(job.is_alive());
    stage.bot().stop_now();
    stage.moment().await;
    assert!(!job.is_alive());
    stage.drains().await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Interrupted · u6b3 · bot stopped at 09:00 UTC
          [Run again] [Details]
    ");
    stage.ends().await;
}
