//! A job whose attempts fail: what people see of it, and that nothing but time brings the next one (F5, W20).

use insta::assert_snapshot;
use wilco_core::job::Failure;
use wilco_core::settings::RetryPolicy;
use wilco_core::worker::{OnInterrupt, WorkerState};
use wilco_core::{Cause, Timestamp};
use wilco_tests::{Actor, Agents, Answer, Logbook, Stage, Where};

const OPS: Where<'static> = Where::Channel("ops");

async fn stage() -> (Stage, Agents) {
    let agents = Agents::of("oracle");
    let stage = Stage::builder().worker("triage", std::sync::Arc::new(agents.clone())).begin().await;
    (stage, agents)
}

/// When the attempts after the first were due, and how long each rest was.
async fn rests(stage: &Stage, job: &str) -> Vec<(u32, u128)> {
    let mut before = Timestamp(0);
    let mut rests = Vec::new();
    for entry in stage.inspect(job).await.events {
        if let wilco_core::journal::Event::Retrying { attempt, at, .. } = entry.event {
            rests.push((attempt, at.since(entry.at).as_millis()));
            assert!(at > before, "the next one comes later");
            before = at;
        }
    }
    rests
}

#[tokio::test(start_paused = true)]
async fn f5_a_failed_attempt_is_made_again_and_the_message_says_when_and_why() {
    let (stage, agents) = stage().await;
    let ana = Actor::named("ana");
    agents.answers(Answer::fails("exit 2", "no network"));
    agents.answers(Answer::fails("exit 2", "no network"));
    agents.answers(Answer::ends("all is well"));
    stage.says(&ana, OPS, "/run triage").await;
    assert_eq!(agents.calls(), 1);
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run triage
    bot | Working · u6b3 · attempt 2 of 3 in 2s · exit 2: no network
          [Cancel]
    ");
    stage.seconds(3).await;
    assert_eq!(agents.calls(), 2);
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run triage
    bot | Working · u6b3 · attempt 3 of 3 in 3s · exit 2: no network
          [Cancel]
    ");
    stage.seconds(5).await;
    assert_eq!(agents.calls(), 3);
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run triage
    bot | Done · u6b3 · 0s

          all is well
          [Details]
    ");
    let short = stage.jobs().await[0].short.to_string();
    let rests = rests(&stage, &short).await;
    assert_eq!(rests.iter().map(|(attempt, _)| *attempt).collect::<Vec<_>>(), [2, 3]);
    assert!((800..=1_200).contains(&rests[0].1) && (3_200..=4_800).contains(&rests[1].1), "{rests:?}");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn h6_a_job_that_used_up_its_attempts_says_so_and_is_reported_once() {
    let log = Logbook::open();
    let (stage, agents) = stage().await;
    let ana = Actor::named("ana");
    for _ in 0..3 {
        agents.answers(Answer::fails("exit 2", "no network"));
    }
    stage.says(&ana, OPS, "/run triage").await;
    stage.seconds(3_600).await;
    assert_eq!(agents.calls(), 3);
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run triage
    bot | Failed · u6b3 · exit 2 after 3 attempts

          no network
          [Run again] [Details]
    ");
    let told = log.said("retries exhausted");
    assert_eq!((told.len(), told[0].field("attempts"), told[0].field("code")), (1, "3", "exit 2"));
    assert_eq!(log.said("attempt failed").len(), 2, "one line for each rest");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn h6_a_job_with_one_attempt_is_reported_and_one_that_gives_up_by_itself_is_not() {
    let log = Logbook::open();
    let (mut stage, agents) = stage().await;
    let ana = Actor::named("ana");
    agents.answers(Answer::fails("exit 2", "no network"));
    agents.answers(Answer::fails_with(Failure::Permanent(Cause::new("refused", "there is no such ticket"))));
    stage.says(&ana, OPS, "/run triage").await;
    stage.seconds(120).await;
    assert_eq!(agents.calls(), 2);
    assert!(log.said("retries exhausted").is_empty(), "a further attempt was left, and useless");
    stage.configures(|settings| settings.retry.attempts = 1).await;
    agents.answers(Answer::fails("exit 2", "no network"));
    stage.says(&ana, OPS, "/run triage").await;
    stage.seconds(120).await;
    assert_eq!(agents.calls(), 3);
    let told = log.said("retries exhausted");
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].field("attempts"), told[0].field("code")), ("1", "exit 2"));
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn h1_what_a_job_calls_permanent_is_not_made_again() {
    let (stage, agents) = stage().await;
    let ana = Actor::named("ana");
    agents.answers(Answer::fails_with(Failure::Permanent(Cause::new("refused", "there is no such ticket"))));
    stage.says(&ana, OPS, "/run triage").await;
    stage.seconds(120).await;
    assert_eq!(agents.calls(), 1);
    assert!(stage.sees(OPS).contains("refused"), "{}", stage.sees(OPS));
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f5_what_a_person_has_typed_and_needs_no_account_runs_once() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    job.fails_with(Failure::Retryable(Cause::new("exit 2", "no network")));
    stage.seconds(120).await;
    assert_eq!(stage.puppets.waiting(), 0);
    assert_eq!(stage.journal(job.short.as_str()).await.iter().filter(|event| **event == "started").count(), 1);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn c1_a_cancel_during_a_rest_ends_the_job_at_once() {
    let (stage, agents) = stage().await;
    let ana = Actor::named("ana");
    agents.answers(Answer::fails("exit 2", "no network"));
    stage.says(&ana, OPS, "/run triage").await;
    stage.presses(&ana, "Cancel").await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run triage
    bot | Cancelled · u6b3
          asked by ana
          [Run again] [Details]
    only ana sees | Cancelled · u6b3 · it was not running
                    reason: no reason given
    ");
    stage.seconds(120).await;
    assert_eq!(agents.calls(), 1);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn u1_a_crash_during_a_rest_and_a_drain_change_nothing_but_the_time() {
    let (mut stage, agents) = stage().await;
    let ana = Actor::named("ana");
    agents.answers(Answer::fails("exit 2", "no network"));
    agents.answers(Answer::fails("exit 2", "no network"));
    stage.says(&ana, OPS, "/run triage").await;
    stage.crashes_and_restarts().await;
    assert_eq!(agents.calls(), 1, "it rests");
    stage.seconds(2).await;
    assert_eq!(agents.calls(), 2);
    stage.drains().await;
    stage.seconds(60).await;
    assert_eq!(agents.calls(), 2, "nothing runs without a process");
    stage.start().await;
    assert_eq!(agents.calls(), 3, "its time has come long ago");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn u1_a_run_that_a_crash_took_back_spends_no_attempt() {
    let agents = Agents::of("oracle");
    let mut stage = Stage::builder()
        .worker("triage", std::sync::Arc::new(agents.clone()))
        .settings(|settings| settings.defaults.on_interrupt = OnInterrupt::Rerun)
        .begin()
        .await;
    let ana = Actor::named("ana");
    agents.answers(Answer::ends("lost").held());
    stage.says(&ana, OPS, "/run triage").await;
    for _ in 0..3 {
        agents.answers(Answer::fails("exit 2", "no network"));
    }
    stage.crashes_and_restarts().await;
    stage.seconds(120).await;
    assert_eq!(agents.calls(), 4, "the lost one and three attempts");
    assert!(stage.sees(OPS).contains("after 3 attempts"), "{}", stage.sees(OPS));
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn w20_the_hard_limit_is_that_of_all_attempts_together() {
    let agents = Agents::of("oracle");
    let slow = RetryPolicy { first: std::time::Duration::from_secs(600), ..RetryPolicy::default() };
    let slow = RetryPolicy { cap: std::time::Duration::from_secs(600), ..slow };
    let stage = Stage::builder()
        .worker("triage", std::sync::Arc::new(agents.clone()))
        .settings(|settings| {
            settings.retry = slow;
            settings.defaults.terms.terminal_secs = 60;
        })
        .begin()
        .await;
    let ana = Actor::named("ana");
    agents.answers(Answer::fails("exit 2", "no network"));
    stage.says(&ana, OPS, "/run triage").await;
    stage.seconds(62).await;
    assert_eq!(stage.jobs().await[0].state, WorkerState::TimedOut);
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run triage
    bot | Timed out · u6b3 · limit 1m
          [Run again] [Details]
    bot | ↳ @ana timed out: triage (u6b3)
    ");
    stage.seconds(900).await;
    assert_eq!(agents.calls(), 1);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn g3_a_changed_rule_of_retries_holds_for_the_next_job() {
    let (mut stage, agents) = stage().await;
    let ana = Actor::named("ana");
    agents.answers(Answer::fails("exit 2", "no network"));
    stage.says(&ana, OPS, "/run triage").await;
    stage.configures(|settings| settings.retry.attempts = 1).await;
    agents.answers(Answer::fails("exit 2", "no network"));
    stage.says(&ana, OPS, "/run triage").await;
    stage.seconds(60).await;
    let states: Vec<WorkerState> = stage.jobs().await.iter().map(|job| job.state).collect();
    assert_eq!(states, [WorkerState::Failed, WorkerState::Done], "the first one keeps its three attempts");
    stage.ends().await;
}
