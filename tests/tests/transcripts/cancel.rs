//! Cancelling: stored first, confirmed truthfully, ended in exactly one way (C).

use std::sync::Arc;

use insta::assert_snapshot;
use wilco_core::desk::{Caller, CancelResult, Desk, DeskError};
use wilco_core::journal::Event;
use wilco_core::settings::KindSettings;
use wilco_core::worker::{OnInterrupt, WorkerState};
use wilco_loop::kinds::Echo;
use wilco_sim::{Fault, Rule, Verb};
use wilco_tests::{Actor, Stage, Where};

const OPS: Where<'static> = Where::Channel("ops");

/// How often a journal entry stands in a job's history.
async fn count(stage: &Stage, job: &str, name: &str) -> usize {
    stage.journal(job).await.iter().filter(|entry| **entry == name).count()
}

#[tokio::test(start_paused = true)]
async fn c1_c9_a_cancel_is_stored_shown_as_cancelling_and_confirmed_only_after_the_stop_was_seen() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    stage.seconds(5).await;
    job.step(3, 7, "counting");
    stage.seconds(5).await;
    job.becomes_deaf();
    stage.says(&ana, OPS, &format!("/cancel {} wrong branch", job.short)).await;
    stage.seconds(4).await;
    assert_eq!(stage.jobs().await[0].state, WorkerState::Cancelling);
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Cancelling · u6b3 · asked by ana
          reason: wrong branch
    ana | /cancel u6b3 wrong branch
    only ana sees | Cancelling · u6b3 · asked by ana
                    reason: wrong branch
    ");
    stage.seconds(8).await;
    assert_eq!(stage.jobs().await[0].state, WorkerState::Cancelled);
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Cancelled · u6b3 · stopped at step 3
          asked by ana
          reason: wrong branch
          [Run again] [Details]
    ana | /cancel u6b3 wrong branch
    only ana sees | Cancelling · u6b3 · asked by ana
                    reason: wrong branch
    bot | ↳ @ana cancelled: report (u6b3)
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn c1_c2_a_result_that_was_finished_stands_and_the_confirmation_says_so() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    stage.seconds(20).await;
    // The job ends by itself although it was told to stop: what it had is not thrown away.
    job.becomes_deaf();
    stage.says(&ana, OPS, &format!("/cancel {}", job.short)).await;
    stage.seconds(2).await;
    job.ends("42");
    stage.moment().await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Done · u6b3 · 22s
          ana asked to cancel it, but it had ended already; this is its real result

          42
          [Details]
    ana | /cancel u6b3
    only ana sees | Cancelling · u6b3 · asked by ana
                    reason: no reason given
    bot | ↳ @ana done: report (u6b3)
    ");
    assert_eq!(stage.jobs().await[0].state, WorkerState::Done);
    assert_eq!(count(&stage, job.short.as_str(), "completed").await, 1);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn c2_a_cancel_and_an_end_at_the_same_moment_give_one_terminal_event() {
    for cancel_first in [true, false] {
        let stage = Stage::new().await;
        let ana = Actor::named("ana");
        let job = stage.runs(&ana, OPS).await;
        stage.seconds(2).await;
        let line = format!("/cancel {}", job.short);
        if cancel_first {
            stage.platform.say(&ana.0, &ana.at(OPS), &line).expect("one can write there");
            job.ends("42");
        } else {
            job.ends("42");
            stage.platform.say(&ana.0, &ana.at(OPS), &line).expect("one can write there");
        }
        stage.moment().await;
        assert_eq!(count(&stage, job.short.as_str(), "completed").await, 1);
        let shown = stage.sees(OPS);
        assert_eq!(stage.jobs().await[0].state, WorkerState::Done, "the result was there and stands\n{shown}");
        assert!(shown.contains("Done · u6b3") && shown.contains("42"), "{shown}");
        stage.ends().await;
    }
}

#[tokio::test(start_paused = true)]
async fn c3_a_finished_job_an_unknown_one_and_a_second_cancel_are_told_apart() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    job.ends("42");
    stage.moment().await;
    assert_snapshot!(stage.asks(&ana, OPS, &format!("/cancel {}", job.short)).await, @"Already completed · u6b3 · done. Nothing was changed.");
    assert_snapshot!(stage.asks(&ana, OPS, "/cancel zzzz").await, @"There is no job `zzzz` here. /jobs lists those that you can see.");
    let job = stage.runs(&ana, OPS).await;
    job.becomes_deaf();
    stage.says(&ana, OPS, &format!("/cancel {} wrong branch", job.short)).await;
    let cleo = Actor::named("cleo");
    assert_snapshot!(stage.asks(&cleo, OPS, &format!("/cancel {} another reason", job.short)).await, @"
    Already cancelling · p6j8 · asked by ana
    reason: wrong branch
    ");
    assert_eq!(count(&stage, job.short.as_str(), "cancel_requested").await, 1);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn c4_c5_confirmation_journal_list_and_result_show_the_same_reason() {
    for (given, recorded) in [
        ("   ", "no reason given"),
        ("  wrong   branch\t ", "wrong branch"),
        ("\u{202e}evil\u{1b}[31m red\u{7} ", "evil red"),
    ] {
        let stage = Stage::new().await;
        let ana = Actor::named("ana");
        let job = stage.runs(&ana, OPS).await;
        let short = job.short.as_str();
        let told = stage.asks(&ana, OPS, &format!("/cancel {short} {given}")).await;
        assert!(told.ends_with(&format!("\nreason: {recorded}")), "{told}");
        let seen = stage.inspect(short).await;
        assert_eq!(seen.job.cancel.expect("it is stored").reason, recorded);
        let asked = Event::CancelRequested { by: "ana".to_owned(), reason: recorded.to_owned() };
        assert!(seen.events.iter().any(|entry| entry.event == asked), "{:?}", seen.events);
        assert!(stage.sees(OPS).contains(recorded), "{}", stage.sees(OPS));
        stage.ends().await;
    }
}

#[tokio::test(start_paused = true)]
async fn c4_markup_in_a_reason_is_shown_as_words_and_not_obeyed() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    stage.says(&ana, OPS, &format!("/cancel {} **bold** ```code``` @everyone", job.short)).await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Cancelled · u6b3
          asked by ana
          reason: ∗∗bold∗∗ '''code''' @everyone
          [Run again] [Details]
    ana | /cancel u6b3 **bold** ```code``` @everyone
    only ana sees | Cancelling · u6b3 · asked by ana
                    reason: ∗∗bold∗∗ '''code''' @everyone
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn c6_the_answer_is_prompt_and_a_stubborn_job_is_gone_after_its_grace() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    job.becomes_deaf();
    stage.says(&ana, OPS, &format!("/cancel {}", job.short)).await;
    assert!(stage.note(&ana).text.starts_with("Cancelling · "), "answered in the same moment");
    stage.seconds(9).await;
    assert!(job.is_alive());
    stage.seconds(2).await;
    assert!(!job.is_alive());
    assert_eq!(stage.jobs().await[0].state, WorkerState::Cancelled);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn c7_a_cancel_that_a_crash_has_overtaken_is_carried_out_and_the_job_is_not_run_again() {
    let rerun = KindSettings { on_interrupt: OnInterrupt::Rerun, ..KindSettings::default() };
    let mut stage = Stage::builder()
        .settings(|settings| {
            settings.kinds.insert("report".to_owned(), rerun);
        })
        .begin()
        .await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    stage.seconds(5).await;
    job.becomes_deaf();
    stage.says(&ana, OPS, &format!("/cancel {} wrong branch", job.short)).await;
    stage.crashes_and_restarts().await;
    stage.seconds(1).await;
    assert_eq!(stage.puppets.waiting(), 0);
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Cancelled · u6b3 · after 5s
          asked by ana
          reason: wrong branch
          [Run again] [Details]
    ana | /cancel u6b3 wrong branch
    only ana sees | Cancelling · u6b3 · asked by ana
                    reason: wrong branch
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn c7_a_job_is_cancelled_by_the_host_while_the_bot_is_down() {
    let rerun = KindSettings { on_interrupt: OnInterrupt::Rerun, ..KindSettings::default() };
    let mut stage = Stage::builder()
        .settings(|settings| {
            settings.kinds.insert("report".to_owned(), rerun);
        })
        .begin()
        .await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    stage.seconds(5).await;
    stage.crashes().await;
    let beside = stage.desk_beside().await;
    let done = beside.cancel(&Caller::Host, job.short.as_str(), Some("not needed any more")).await;
    assert!(matches!(done, Ok(CancelResult::Cancelling { .. })), "{done:?}");
    drop(beside);
    stage.start().await;
    stage.seconds(1).await;
    assert_eq!(stage.puppets.waiting(), 0);
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Cancelled · u6b3 · after 5s
          asked by the host
          reason: not needed any more
          [Run again] [Details]
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn c7_a_cancel_by_another_process_reaches_the_running_bot_within_a_second() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    stage.seconds(5).await;
    let beside = stage.desk_beside().await;
    let done = beside.cancel(&Caller::Host, job.short.as_str(), None).await;
    assert!(matches!(done, Ok(CancelResult::Cancelling { .. })), "{done:?}");
    drop(beside);
    stage.seconds(2).await;
    assert!(!job.is_alive());
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Cancelled · u6b3 · after 5s
          asked by the host
          [Run again] [Details]
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn c8_cancelled_is_the_word_in_the_list_the_status_the_desk_and_the_channel() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    stage.seconds(5).await;
    stage.presses(&ana, "Cancel").await;
    stage.seconds(1).await;
    assert_eq!(stage.inspect(job.short.as_str()).await.job.state, WorkerState::Cancelled);
    assert_snapshot!(stage.asks(&ana, OPS, "/jobs").await, @"`u6b3` report · cancelled · 5s · by ana");
    assert_snapshot!(stage.asks(&ana, OPS, &format!("/status {}", job.short)).await, @"
    cancelled · report · u6b3 · 5s
    `09:00` accepted from ana
    `09:00` started
    `09:00` stub attempt 1: surfaced
    `09:00` acknowledged
    `09:00` stub surfaced
    `09:00` ana asked to cancel: no reason given
    `09:00` ended: cancelled
    `09:00` result on its way
    `09:00` content attempt 1: surfaced
    `09:00` content surfaced
    `09:00` result shown
    ");
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Cancelled · u6b3 · after 5s
          asked by ana
          [Run again] [Details]
    only ana sees | Cancelling · u6b3 · asked by ana
                    reason: no reason given
    ana | /jobs
    only ana sees | `u6b3` report · cancelled · 5s · by ana
                    [Details u6b3]
    ana | /status u6b3
    only ana sees | cancelled · report · u6b3 · 5s
                    `09:00` accepted from ana
                    `09:00` started
                    `09:00` stub attempt 1: surfaced
                    `09:00` acknowledged
                    `09:00` stub surfaced
                    `09:00` ana asked to cancel: no reason given
                    `09:00` ended: cancelled
                    `09:00` result on its way
                    `09:00` content attempt 1: surfaced
                    `09:00` content surfaced
                    `09:00` result shown
                    [Run again]
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn c9_a_job_that_waits_in_the_queue_is_cancelled_at_once_and_its_message_says_so() {
    let stage = Stage::builder().settings(|settings| settings.quotas.person_running = 1).begin().await;
    let ana = Actor::named("ana");
    let first = stage.runs(&ana, OPS).await;
    stage.says(&ana, OPS, "/run report").await;
    stage.presses(&ana, "Cancel").await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | On it · report · u6b3
          [Cancel]
    ana | /run report
    bot | Cancelled · p6j8
          asked by ana
          [Run again] [Details]
    only ana sees | Cancelled · p6j8 · it was not running
                    reason: no reason given
    ");
    first.ends("42");
    stage.moment().await;
    assert_eq!(stage.puppets.waiting(), 0, "the cancelled one never starts");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn c9_a_job_cancelled_before_its_stub_could_surface_still_ends_visibly() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    stage.fault(Rule::new(Fault::Dropped).on(Verb::Post).times(5));
    let job = stage.runs(&ana, OPS).await;
    stage.says(&ana, OPS, &format!("/cancel {}", job.short)).await;
    stage.seconds(60).await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    ana | /cancel u6b3
    only ana sees | Cancelling · u6b3 · asked by ana
                    reason: no reason given
    bot | Cancelled · u6b3
          asked by ana
          [Run again] [Details]
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn c3_the_desk_reports_the_same_as_the_chat() {
    let stage = Stage::builder().worker("echo", Arc::new(Echo)).begin().await;
    let ana = Actor::named("ana");
    stage.says(&ana, OPS, "/run echo hello").await;
    let short = stage.jobs().await[0].short.clone();
    let done = stage.desk().cancel(&Caller::Host, short.as_str(), None).await;
    assert_eq!(done, Ok(CancelResult::AlreadyCompleted { short, state: WorkerState::Done }));
    let unknown = stage.desk().cancel(&Caller::Host, "zzzz", None).await;
    assert_eq!(unknown, Err(DeskError::NotFound("zzzz".to_owned())));
    stage.ends().await;
}
