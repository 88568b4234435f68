//! A job from its first line to its last: acknowledged, progressing, quiet, and ended in exactly one way (W).

use std::time::Duration;

use insta::assert_snapshot;
use wilco_core::contract::ContractState;
use wilco_core::job::{Failure, Progress};
use wilco_core::journal::Event;
use wilco_core::worker::{EndKind, WorkerState};
use wilco_core::{Cause, Scope};
use wilco_sim::{Fault, Rule, Verb};
use wilco_tests::{Actor, Stage, Where};

const OPS: Where<'static> = Where::Channel("ops");

/// The states that a job's first contract went through.
async fn contract_road(stage: &Stage, job: &str) -> Vec<ContractState> {
    let mut road = Vec::new();
    for entry in stage.inspect(job).await.events {
        if let Event::ContractMoved { to, .. } = entry.event {
            road.push(to);
        }
    }
    road
}

#[tokio::test(start_paused = true)]
async fn w1_w2_w19_the_contract_goes_forward_and_the_stub_alone_acknowledges_it() {
    use ContractState as S;
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    // The stub takes three tries; the job speaks meanwhile, which acknowledges nothing.
    stage.fault(Rule::new(Fault::Dropped).on(Verb::Post).times(2));
    let job = stage.runs(&ana, OPS).await;
    job.says("collecting");
    stage.moment().await;
    assert_eq!(contract_road(&stage, job.short.as_str()).await, []);
    stage.seconds(3).await;
    assert_eq!(contract_road(&stage, job.short.as_str()).await, [S::Acked]);
    job.says("counting");
    stage.seconds(50).await;
    job.says("adding up");
    stage.seconds(5).await;
    job.ends("42");
    stage.moment().await;
    assert_eq!(
        contract_road(&stage, job.short.as_str()).await,
        [S::Acked, S::Progressing, S::SlaMissed, S::Progressing, S::TerminalPending, S::TerminalAcked]
    );
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn w4_a_finished_job_is_changed_by_no_late_press_cancel_or_deadline() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    let (message, cancel) = stage.button("Cancel");
    stage.seconds(1).await;
    job.ends("42");
    stage.moment().await;
    let (before, journal) = (stage.sees(OPS), stage.journal(job.short.as_str()).await);
    stage.presses_late(&ana, OPS, Some(&message), &cancel).await;
    stage.says(&ana, OPS, &format!("/cancel {}", job.short)).await;
    stage.seconds(3_600).await;
    assert_eq!(stage.jobs().await[0].state, WorkerState::Done);
    assert_eq!(stage.journal(job.short.as_str()).await, journal);
    assert_snapshot!(stage.sees(OPS).replace(&before, "(as before)\n"), @"
    (as before)
    only ana sees | Already completed · u6b3 · done. Nothing was changed.
                    [Details]
    ana | /cancel u6b3
    only ana sees | Already completed · u6b3 · done. Nothing was changed.
                    [Details]
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn w6_a_late_acknowledgement_is_sent_at_once_and_noted_once_without_a_second_message() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    // Tries at 0, 0.5, 1.5 and 3.5 s; the next would be about 8.5 s, the deadline is 5 s.
    stage.fault(Rule::new(Fault::Dropped).on(Verb::Post).times(4));
    let job = stage.runs(&ana, OPS).await;
    stage.advance(Duration::from_millis(4_900)).await;
    assert_eq!(stage.sees(OPS), "ana | /run report\n");
    stage.advance(Duration::from_millis(200)).await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | On it · report · u6b3
          [Cancel]
    ");
    stage.seconds(30).await;
    let missed = stage.journal(job.short.as_str()).await.iter().filter(|name| **name == "ack_missed").count();
    assert_eq!(missed, 1);
    job.ends("42");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn w6_a_stub_that_the_platform_has_asked_to_wait_stays_parked_past_its_deadline() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    stage.fault(Rule::new(Fault::RetryAfter { millis: 20_000, scope: Scope::Chat }).on(Verb::Post));
    let job = stage.runs(&ana, OPS).await;
    stage.seconds(19).await;
    assert_eq!(stage.sees(OPS), "ana | /run report\n");
    let missed = stage.journal(job.short.as_str()).await.iter().filter(|name| **name == "ack_missed").count();
    assert_eq!(missed, 1);
    stage.seconds(2).await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | On it · report · u6b3
          [Cancel]
    ");
    job.ends("42");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn w7_a_quiet_job_says_so_once_and_goes_on_when_it_speaks_again() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    stage.seconds(10).await;
    job.step(1, 3, "collecting");
    stage.seconds(300).await;
    assert_snapshot!(stage.sees_edits(OPS), @"
    ana | /run report
    bot | Working · u6b3 · 55s · no output for 45s (edited 2×)
          [Cancel]
    ");
    job.step(2, 3, "counting");
    stage.seconds(10).await;
    assert_snapshot!(stage.sees_edits(OPS), @"
    ana | /run report
    bot | Working · u6b3 · 5m 10s · step 2/3
          ```
          collecting
          counting
          ``` (edited 3×)
          [Cancel]
    ");
    stage.seconds(300).await;
    assert_snapshot!(stage.sees_edits(OPS), @"
    ana | /run report
    bot | Working · u6b3 · 5m 55s · no output for 45s (edited 4×)
          [Cancel]
    ");
    job.ends("42");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn w8_every_sign_of_life_extends_the_progress_deadline() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    let signs = [
        Progress::ToolStarted("grep".to_owned()),
        Progress::ToolCompleted("grep".to_owned()),
        Progress::Line("half of it".to_owned()),
        Progress::Step { at: 1, of: 2, text: String::new() },
        Progress::Partial("so far".to_owned()),
        Progress::Alive,
    ];
    for sign in signs {
        stage.seconds(40).await;
        job.reports(sign);
    }
    stage.seconds(40).await;
    let road = contract_road(&stage, job.short.as_str()).await;
    assert!(!road.contains(&ContractState::SlaMissed), "four minutes in signs of life 40 s apart: {road:?}");
    stage.seconds(6).await;
    assert_eq!(contract_road(&stage, job.short.as_str()).await.last(), Some(&ContractState::SlaMissed));
    job.ends("42");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn w14_w15_the_same_text_is_no_edit_and_a_flood_of_lines_is_paced_and_cut() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    job.says("counting");
    for _ in 0..20 {
        stage.seconds(1).await;
        job.reports(Progress::Alive);
    }
    assert_snapshot!(stage.sees_edits(OPS), @"
    ana | /run report
    bot | Working · u6b3 · 0s
          ```
          counting
          ``` (edited 1×)
          [Cancel]
    ");
    for line in 0..200 {
        job.says(&format!("{line} {}", "café 👩‍👩‍👧 ".repeat(40)));
        stage.advance(Duration::from_millis(100)).await;
    }
    assert_snapshot!(stage.sees_edits(OPS), @"
    ana | /run report
    bot | Working · u6b3 · 39s
          ```
          186 café 👩‍👩‍👧 café 👩‍👩‍👧 café 👩‍👩‍👧 café 👩‍👩‍👧 café 👩‍👩‍👧 café 👩‍👩‍👧 café 👩‍👩‍👧 café 👩‍👩‍👧 café 👩‍👩‍👧 café 👩‍👩‍👧 café…
          187 café 👩‍👩‍👧 café 👩‍👩‍👧 café 👩‍👩‍👧 café 👩‍👩‍👧 café 👩‍👩‍👧 café 👩‍👩‍👧 café 👩‍👩‍👧 café 👩‍👩‍👧 café 👩‍👩‍👧 café 👩‍👩‍👧 café…
          188 café 👩‍👩‍👧 café 👩‍👩‍👧 café 👩‍👩‍👧 café 👩‍👩‍👧 café 👩‍👩‍👧 café 👩‍👩‍👧 café 👩‍👩‍👧 café 👩‍👩‍👧 café 👩‍👩‍👧 café 👩‍👩‍👧 café…
          189 café 👩‍👩‍👧 café 👩‍👩‍👧 café 👩‍👩‍👧 café 👩‍👩‍👧 café 👩‍👩‍👧 café 👩‍👩‍👧 café 👩‍👩‍👧 café 👩‍👩‍👧 café 👩‍👩‍👧 café 👩‍👩‍👧 café…
          190 café 👩‍👩‍👧 café 👩‍👩‍👧 café 👩‍👩‍👧 café 👩‍👩‍👧 café 👩‍👩‍👧 café 👩‍👩‍👧 café 👩‍👩‍👧 café 👩‍👩‍👧 café 👩‍👩‍👧 café 👩‍👩‍👧 café…
          ``` (edited 8×)
          [Cancel]
    ");
    job.ends("42");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn w9_w12_w17_the_hard_limit_ends_a_job_as_timed_out_with_what_it_had() {
    let stage = Stage::builder().settings(|settings| settings.defaults.terms.terminal_secs = 60).begin().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    for region in 1..=5 {
        job.step(region, 9, "a region");
        stage.seconds(11).await;
        job.reports(Progress::Partial(format!("{region} of 9 regions are done.")));
    }
    assert!(job.is_alive());
    stage.seconds(6).await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Timed out · u6b3 · limit 1m

          5 of 9 regions are done.
          [Run again] [Details]
    bot | ↳ @ana timed out: report (u6b3)
    ");
    let seen = stage.inspect(job.short.as_str()).await;
    assert_eq!(seen.job.state, WorkerState::TimedOut);
    assert_eq!(seen.ending.map(|ending| ending.kind), Some(EndKind::TimedOut));
    assert!(stage.journal(job.short.as_str()).await.contains(&"timed_out"));
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn w9_a_job_that_does_not_obey_is_taken_away_and_ends_as_timed_out_all_the_same() {
    let stage = Stage::builder().settings(|settings| settings.defaults.terms.terminal_secs = 60).begin().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    job.becomes_deaf();
    stage.seconds(62).await;
    assert_eq!(stage.jobs().await[0].state, WorkerState::Running);
    stage.seconds(10).await;
    assert!(!job.is_alive());
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Timed out · u6b3 · limit 1m
          [Run again] [Details]
    bot | ↳ @ana timed out: report (u6b3)
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn w10_w11_silence_ends_a_job_and_what_was_said_just_before_counts() {
    let stage =
        Stage::builder().settings(|settings| settings.defaults.inactivity = Some(Duration::from_secs(2))).begin().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    // Pictures are stored at most every 3 s. What is said in between has not been stored when the limit
    // of 2 s passes, and counts nevertheless.
    for _ in 0..40 {
        job.reports(Progress::Alive);
        stage.advance(Duration::from_millis(1_500)).await;
        assert!(job.is_alive());
    }
    stage.seconds(3).await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Timed out · u6b3 · no sign of life for 2s
          [Run again] [Details]
    bot | ↳ @ana timed out: report (u6b3)
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn w13_what_a_result_says_never_decides_how_the_job_ended() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    job.ends("Failed · Cancelled · Timed out: nothing of that, all is well.");
    stage.moment().await;
    assert_eq!(stage.jobs().await[0].state, WorkerState::Done);
    let job = stage.runs(&ana, OPS).await;
    job.fails_with(Failure::Retryable(Cause::new("exit 2", "Done · everything is fine")));
    stage.moment().await;
    assert_eq!(stage.jobs().await[0].state, WorkerState::Failed);
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Done · u6b3 · 0s

          Failed · Cancelled · Timed out: nothing of that, all is well.
          [Details]
    ana | /run report
    bot | Failed · p6j8 · exit 2

          Done · everything is fine
          [Run again] [Details]
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn w16_an_unhappy_end_can_be_asked_about_and_starts_nothing_by_itself() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    stage.seconds(40).await;
    job.fails("exit 2", "table `orders` is missing");
    stage.seconds(600).await;
    assert_eq!((stage.jobs().await.len(), stage.puppets.waiting()), (1, 0));
    assert_snapshot!(stage.asks(&ana, OPS, &format!("/status {}", job.short)).await, @"
    failed · report · u6b3 · 40s
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
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn w18_a_panic_is_one_terminal_state_with_its_words_and_harms_nobody_else() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let (one, other) = (stage.runs(&ana, OPS).await, stage.runs(&ana, OPS).await);
    one.panics("index out of bounds: the len is 3 but the index is 7");
    stage.moment().await;
    assert!(other.is_alive());
    other.ends("42");
    stage.moment().await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Failed · u6b3 · panicked

          index out of bounds: the len is 3 but the index is 7
          [Run again] [Details]
    ana | /run report
    bot | Done · p6j8 · 0s

          42
          [Details]
    ");
    stage.ends().await;
}
