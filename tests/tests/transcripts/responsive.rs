//! The loop is never held up: not by a slow store, a slow channel, a slow job or a slow platform (L).

use insta::assert_snapshot;
use wilco_core::Scope;
use wilco_core::worker::WorkerState;
use wilco_sim::{Fault, Rule, Verb};
use wilco_tests::{Actor, Logbook, Stage, Where};

const OPS: Where<'static> = Where::Channel("ops");

#[tokio::test(start_paused = true)]
async fn l5_a_channel_whose_calls_hang_delays_no_other() {
    let stage = Stage::builder().settings(|settings| settings.quotas.person_running = 50).begin().await;
    let ana = Actor::named("ana");
    stage.fault(Rule::new(Fault::Hang { applied: false }).channel("tar-pit").always());
    let mut pit = Vec::new();
    for _ in 0..10 {
        pit.push(stage.runs(&ana, Where::Channel("tar-pit")).await);
    }
    let job = stage.runs(&ana, OPS).await;
    assert!(stage.sees(OPS).contains("On it · report"), "acknowledged in the same moment");
    stage.seconds(1).await;
    job.ends("42");
    stage.moment().await;
    assert!(stage.sees(OPS).contains("Done · "), "and its result shown");
    for job in &pit {
        job.ends("42");
    }
    stage.seconds(30).await;
    assert!(!stage.sees(Where::Channel("tar-pit")).contains("bot |"));
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn l5_a_channel_that_has_to_wait_parks_nobody_else() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    stage.fault(Rule::new(Fault::RetryAfter { millis: 600_000, scope: Scope::Chat }).channel("busy"));
    let slow = stage.runs(&ana, Where::Channel("busy")).await;
    let job = stage.runs(&ana, OPS).await;
    slow.ends("1");
    job.ends("2");
    stage.seconds(1).await;
    assert_snapshot!(stage.snapshot().whole_transcript(), @"
    # busy
    ana | /run report

    # ops
    ana | /run report
    bot | Done · p6j8 · 0s

          2
          [Details]
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn l3_a_jobs_signs_and_its_end_are_stored_in_their_order() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    stage.seconds(4).await;
    for step in 1..=9 {
        job.step(step, 9, &format!("step {step}"));
    }
    job.ends("42");
    stage.moment().await;
    let names = stage.journal(job.short.as_str()).await;
    let (status, completed) = (
        names.iter().rposition(|name| *name == "status").expect("the last picture is stored"),
        names.iter().position(|name| *name == "completed").expect("the end is stored"),
    );
    assert!(status < completed, "{names:?}");
    assert_eq!(stage.inspect(job.short.as_str()).await.job.progress, "step 9/9 · step 9");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn l6_a_call_that_is_never_answered_is_given_up_after_its_limit_and_made_again() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    stage.seconds(1).await;
    stage.fault(Rule::new(Fault::Hang { applied: false }).on(Verb::Edit));
    job.ends("42");
    stage.seconds(14).await;
    assert!(stage.sees(OPS).contains("On it · "));
    stage.seconds(10).await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Done · u6b3 · 1s

          42
          [Details]
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn l6_a_job_that_blocks_its_own_task_keeps_nobody_waiting() {
    let stage = Stage::new().await;
    let (ana, dora) = (Actor::named("ana"), Actor::named("dora"));
    let deaf = stage.runs(&ana, OPS).await;
    deaf.becomes_deaf();
    stage.says(&ana, OPS, &format!("/cancel {}", deaf.short)).await;
    let job = stage.runs(&dora, OPS).await;
    job.ends("42");
    stage.moment().await;
    let states: Vec<_> = stage.jobs().await.iter().map(|job| job.state).collect();
    assert_eq!(states, [WorkerState::Done, WorkerState::Cancelling]);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn l7_a_connection_that_breaks_down_is_told_as_broken_and_built_up_again() {
    let log = Logbook::open();
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let account = "sim".into();
    log.clear();
    stage.platform.offline(&account, true);
    stage.seconds(60).await;
    let told = log.said("connection lost, trying again");
    assert!((4..=7).contains(&told.len()), "the pauses double: {}", told.len());
    assert!(told.iter().all(|line| line.level == tracing::Level::WARN && line.field("account") == "sim"));
    stage.platform.offline(&account, false);
    stage.seconds(70).await;
    stage.runs(&ana, OPS).await.ends("42");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn l2_an_event_that_comes_again_is_taken_once() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    for _ in 0..5 {
        assert!(stage.platform.redeliver_last(&"sim".into()));
        stage.moment().await;
    }
    assert_eq!((stage.jobs().await.len(), stage.puppets.waiting()), (1, 0));
    job.ends("42");
    stage.ends().await;
}
