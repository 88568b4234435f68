//! Follow-ups of agent and command jobs: their failed attempts, and what a closed gate means for them (H).

use std::sync::Arc;

use insta::assert_snapshot;
use wilco_core::desk::{Desk, FollowupDone, FollowupWish};
use wilco_core::followup::{FollowupAct, Task};
use wilco_core::{BackendId, Cause, job::Failure};
use wilco_tests::{Actor, Agents, Answer, Stage, Where};

const OPS: Where<'static> = Where::Channel("ops");

/// What Claude Code prints when its session has ended.
const EXPIRED: &str = "API Error: 401 {\"type\":\"error\",\"error\":{\"type\":\"authentication_error\",\"message\":\
                       \"OAuth token has expired.\"}} · Please run /login";

fn expired() -> Answer {
    Answer::fails("exit 1", EXPIRED)
}

async fn stage() -> (Stage, Agents) {
    let agents = Agents::of("claude");
    let stage = Stage::builder().worker("triage", Arc::new(agents.clone())).begin().await;
    (stage, agents)
}

/// An agent job, started directly.
fn triage(when: &str) -> FollowupWish {
    FollowupWish {
        when: when.to_owned(),
        text: "all".to_owned(),
        worker: Some("triage".to_owned()),
        ..FollowupWish::default()
    }
}

async fn opens(stage: &Stage) {
    let caller = wilco_core::desk::Caller::Host;
    stage.desk().open_gate(&caller, &BackendId::new("claude")).await.expect("the gate was closed");
    stage.moment().await;
}

#[tokio::test(start_paused = true)]
async fn h1_h6_a_scheduled_agent_job_stops_at_the_first_401_and_tells_its_owner_once() {
    let (stage, agents) = stage().await;
    let ana = Actor::named("ana");
    agents.answers(expired());
    let id = stage.wishes(&ana, OPS, triage("every 5m")).await;
    assert_eq!(stage.followup(&id).await.followup.task, Task::Agent { worker: "triage".into(), text: "all".into() });
    stage.seconds(1_300).await;
    assert_eq!(agents.calls(), 1, "no second attempt, and no call of a later occurrence");
    assert_snapshot!(stage.sees(OPS), @"
    bot | Paused · p6j8 · sign in to claude again. Retries stopped
          scheduled · f6b3 · Mon 2 Mar 2026 09:05 UTC · by ana

          After that whoever runs the bot opens the gate with `wilco gate open claude`. Where its credentials are watched it opens by itself. Until then no job calls it.
          [Run again] [Details]
    bot | ↳ @ana paused: triage (p6j8)
    ");
    assert_snapshot!(stage.rows(&id).await, @"
    pending
    09:05:00 failed · p6j8 failed: sign in to claude again. Retries stopped · attempts 1 · fired 09:05:00 · p6j8 · terminal_acked
    09:10:00 skipped · gate: sign in to claude again, then whoever runs the bot opens the gate with `wilco gate open claude`
    09:15:00 skipped · gate: sign in to claude again, then whoever runs the bot opens the gate with `wilco gate open claude`
    09:20:00 skipped · gate: sign in to claude again, then whoever runs the bot opens the gate with `wilco gate open claude`
    09:25:00 scheduled · next 09:25:00
    ");
    opens(&stage).await;
    stage.seconds(300).await;
    assert_eq!(agents.calls(), 2, "it goes on with its schedule");
    assert_snapshot!(stage.rows(&id).await, @"
    pending
    09:05:00 failed · p6j8 failed: sign in to claude again. Retries stopped · attempts 1 · fired 09:05:00 · p6j8 · terminal_acked
    09:10:00 skipped · gate: sign in to claude again, then whoever runs the bot opens the gate with `wilco gate open claude`
    09:15:00 skipped · gate: sign in to claude again, then whoever runs the bot opens the gate with `wilco gate open claude`
    09:20:00 skipped · gate: sign in to claude again, then whoever runs the bot opens the gate with `wilco gate open claude`
    09:25:00 success · attempts 1 · fired 09:25:00 · s3e5 · terminal_acked
    09:30:00 scheduled · next 09:30:00
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn h9_a_one_shot_behind_a_closed_gate_is_skipped_and_runs_when_the_gate_opens() {
    let (stage, agents) = stage().await;
    let (ana, dora) = (Actor::named("ana"), Actor::named("dora"));
    let id = stage.wishes(&ana, OPS, triage("in 5m")).await;
    let turn = stage.schedules(&ana, OPS, "/followup in 6m /run triage more").await;
    agents.answers(expired());
    stage.says(&dora, OPS, "/run triage").await;
    stage.seconds(600).await;
    assert_eq!(agents.calls(), 1, "nothing is called behind the gate");
    assert_snapshot!(stage.rows(&id).await, @"
    pending
    09:05:00 skipped · gate: sign in to claude again, then whoever runs the bot opens the gate with `wilco gate open claude`
    09:05:00 scheduled
    ");
    assert_snapshot!(stage.rows(&turn).await, @"
    pending
    09:06:00 skipped · gate: sign in to claude again, then whoever runs the bot opens the gate with `wilco gate open claude`
    09:06:00 scheduled
    ");
    opens(&stage).await;
    stage.seconds(60).await;
    assert_eq!(agents.calls(), 3);
    assert_snapshot!(stage.sees(OPS), @"
    ana | /followup in 6m /run triage more
    only ana sees | Today Mon 2 Mar 09:06 UTC (in 6m) · f6j8
                    [Cancel]
    dora | /run triage
    bot | Paused · c9t5 · sign in to claude again. Retries stopped

          After that whoever runs the bot opens the gate with `wilco gate open claude`. Where its credentials are watched it opens by itself. Until then no job calls it.
          [Run again] [Details]
    bot | Notice · f6b3

          Follow-up f6b3 waits: sign in to claude again, then whoever runs the bot opens the gate with 'wilco gate open claude'. It was: /run triage all
          [Details]
    bot | ↳ @ana notice: follow-up (f6b3)
    bot | Done · w3c8 · 0s
          Late by 4m
          scheduled · f6j8 · Mon 2 Mar 2026 09:06 UTC · fired 09:10 · by ana

          42
          [Details]
    bot | Done · s3e5 · 0s
          Late by 5m
          scheduled · f6b3 · Mon 2 Mar 2026 09:05 UTC · fired 09:10 · by ana

          42
          [Details]
    bot | ↳ @ana done: triage (w3c8)
    bot | ↳ @ana done: triage (s3e5)
    ");
    assert_snapshot!(stage.rows(&id).await, @"
    ended
    09:05:00 skipped · gate: sign in to claude again, then whoever runs the bot opens the gate with `wilco gate open claude`
    09:05:00 success · attempts 1 · fired 09:10:00 · late by 5m, 0 missed · s3e5 · terminal_acked
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn h9_a_one_shot_that_waits_for_a_gate_survives_a_crash_and_a_pause() {
    let (mut stage, agents) = stage().await;
    let ana = Actor::named("ana");
    let id = stage.wishes(&ana, OPS, triage("in 5m")).await;
    agents.answers(expired());
    stage.says(&ana, OPS, "/run triage").await;
    stage.seconds(301).await;
    stage.crashes_and_restarts().await;
    stage.seconds(5).await;
    assert_eq!(agents.calls(), 1);
    let caller = wilco_core::desk::Caller::Host;
    stage.desk().change(&caller, &id, FollowupAct::Pause).await.unwrap();
    opens(&stage).await;
    stage.seconds(5).await;
    assert_eq!(agents.calls(), 1, "the gate is open, and it is paused");
    stage.desk().change(&caller, &id, FollowupAct::Resume).await.unwrap();
    stage.seconds(5).await;
    assert_eq!(agents.calls(), 2);
    assert_snapshot!(stage.rows(&id).await, @"
    ended
    09:05:00 skipped · gate: sign in to claude again, then whoever runs the bot opens the gate with `wilco gate open claude`
    09:05:00 success · by hand · attempts 1 · fired 09:05:11 · g3q2 · terminal_acked
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn h9_one_that_is_resumed_behind_a_closed_gate_says_that_it_waits() {
    let (stage, agents) = stage().await;
    let ana = Actor::named("ana");
    let id = stage.wishes(&ana, OPS, triage("in 1m")).await;
    agents.answers(expired());
    stage.says(&ana, OPS, "/run triage").await;
    stage.seconds(65).await;
    let caller = wilco_core::desk::Caller::Host;
    stage.desk().change(&caller, &id, FollowupAct::Pause).await.unwrap();
    let done = stage.desk().change(&caller, &id, FollowupAct::Resume).await.unwrap();
    let short = stage.followup(&id).await.followup.short;
    assert_eq!(done, FollowupDone::Waits { short, gate: BackendId::new("claude") });
    assert_eq!(agents.calls(), 1, "nothing is called behind a gate");
    opens(&stage).await;
    stage.seconds(5).await;
    assert_eq!(agents.calls(), 2);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn h3_h6_a_scheduled_agent_job_keeps_its_attempts_for_anything_else_and_reports_them_when_spent() {
    let (stage, agents) = stage().await;
    let ana = Actor::named("ana");
    for _ in 0..3 {
        agents.answers(Answer::fails("exit 1", "api.example.org: 401 Unauthorized"));
    }
    let id = stage.wishes(&ana, OPS, triage("in 1m")).await;
    stage.seconds(120).await;
    assert_eq!(agents.calls(), 3, "the whole budget");
    assert_snapshot!(stage.sees(OPS), @"
    bot | Failed · p6j8 · exit 1 after 3 attempts
          scheduled · f6b3 · Mon 2 Mar 2026 09:01 UTC · by ana

          api.example.org: 401 Unauthorized
          [Run again] [Details]
    bot | ↳ @ana failed: triage (p6j8)
    ");
    assert_snapshot!(stage.rows(&id).await, @"
    ended: p6j8 failed: exit 1
    09:01:00 failed · p6j8 failed: exit 1 · attempts 1 · fired 09:01:00 · p6j8 · terminal_acked
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn h5_a_scheduled_command_job_keeps_its_attempts_whatever_it_prints() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let wish = FollowupWish { when: "in 1m".to_owned(), worker: Some("report".to_owned()), ..FollowupWish::default() };
    let id = stage.wishes(&ana, OPS, wish).await;
    stage.seconds(61).await;
    for _ in 0..2 {
        let run = stage.puppets.next();
        run.says(EXPIRED);
        run.fails_with(Failure::Retryable(Cause::new("exit 1", EXPIRED)));
        stage.seconds(20).await;
    }
    stage.puppets.next().ends("The third attempt did it.");
    stage.seconds(60).await;
    assert!(stage.desk().gates().await.unwrap().is_empty(), "a command has no gate");
    assert_snapshot!(stage.sees(OPS), @"
    bot | Done · p6j8 · 15s
          scheduled · f6b3 · Mon 2 Mar 2026 09:01 UTC · by ana

          The third attempt did it.
          [Details]
    bot | ↳ @ana done: report (p6j8)
    ");
    assert_snapshot!(stage.rows(&id).await, @"
    ended
    09:01:00 success · attempts 1 · fired 09:01:00 · p6j8 · terminal_acked
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn h8_an_agent_job_that_was_queued_when_the_gate_closed_counts_as_skipped_and_waits_for_it() {
    let (stage, agents) = stage().await;
    let ana = Actor::named("ana");
    // Two jobs hold both of Ana's slots; the third one, a follow-up's, waits in the queue.
    agents.answers(expired().held());
    agents.answers(Answer::ends("done").held());
    stage.says(&ana, OPS, "/run triage one").await;
    stage.says(&ana, OPS, "/run triage two").await;
    let id = stage.wishes(&ana, OPS, triage("in 1m")).await;
    stage.seconds(90).await;
    assert_eq!(agents.calls(), 2);
    agents.let_go();
    stage.seconds(30).await;
    assert_eq!(agents.calls(), 2, "what was queued is not started behind the gate");
    assert_snapshot!(stage.rows(&id).await, @"
    pending
    09:01:00 skipped · gate: sign in to claude again, then whoever runs the bot opens the gate with `wilco gate open claude` · attempts 1 · fired 09:01:00 · g3q2 · terminal_acked
    09:01:00 scheduled
    ");
    opens(&stage).await;
    stage.seconds(30).await;
    assert_eq!(agents.calls(), 3);
    assert_snapshot!(stage.rows(&id).await, @"
    ended
    09:01:00 skipped · gate: sign in to claude again, then whoever runs the bot opens the gate with `wilco gate open claude` · attempts 1 · fired 09:01:00 · g3q2 · terminal_acked
    09:01:00 success · attempts 1 · fired 09:02:00 · m5q4 · terminal_acked
    ");
    stage.ends().await;
}
