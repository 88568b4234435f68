//! A follow-up is set, listed, fires in its thread, and says so.

use insta::assert_snapshot;
use wilco_core::desk::{Caller, Desk, FollowupWish};
use wilco_core::followup::FollowupAct;
use wilco_tests::{Actor, Stage, Where};

const DEPLOY: Where<'_> = Where::Thread("ops", "deploy");

#[tokio::test(start_paused = true)]
async fn f1_f21_a_follow_up_speaks_in_the_thread_where_it_was_asked_for() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    stage.says(&ana, DEPLOY, "/followup in 2h check the deploy").await;
    stage.says(&ana, DEPLOY, "/followups").await;
    stage.seconds(2 * 3_600 + 1).await;
    assert_snapshot!(stage.sees(DEPLOY), @"
    ana | /followup in 2h check the deploy
    only ana sees | Today Mon 2 Mar 11:00 UTC (in 2h) · f6b3
                    [Cancel]
    ana | /followups
    only ana sees | 1 follow-up
                    - `f6b3` · Today Mon 2 Mar 11:00 UTC (in 2h) · check the deploy · by ana
                      [Cancel] [Run now] [Pause]
    bot | Reminder · f6b3 · from ana
          for Mon 2 Mar 11:00 UTC

          check the deploy
          [Details]
    bot | ↳ @ana reminder (f6b3)
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f1_a_scheduled_command_runs_as_if_it_were_typed_then() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    stage.says(&ana, DEPLOY, "/followup in 30m /run report all").await;
    stage.seconds(1_801).await;
    let run = stage.puppets.next();
    run.says("counting");
    stage.seconds(4).await;
    run.ends("All is well.");
    stage.seconds(60).await;
    stage.says(&ana, DEPLOY, "/followups").await;
    assert_snapshot!(stage.sees(DEPLOY), @"
    ana | /followup in 30m /run report all
    only ana sees | Today Mon 2 Mar 09:30 UTC (in 30m) · f6b3
                    [Cancel]
    bot | Done · p6j8 · 5s
          scheduled · f6b3 · Mon 2 Mar 2026 09:30 UTC · by ana

          All is well.
          [Details]
    bot | ↳ @ana done: report (p6j8)
    ana | /followups
    only ana sees | No follow-ups here. `/followup in 2h check the deploy` sets one, `/followup every weekday 9:00 /run report` one that comes again.
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f1_a_mark_has_the_reason_that_was_given_and_stands_above_the_timeline() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let wish = FollowupWish {
        when: "in 2h".to_owned(),
        text: "/run report all".to_owned(),
        reason: Some("for the *stand-up*".to_owned()),
        ..FollowupWish::default()
    };
    let id = stage.wishes(&ana, DEPLOY, wish).await;
    stage.says(&ana, DEPLOY, "/followups").await;
    let desk = stage.desk();
    desk.change(&Caller::Host, &id, FollowupAct::Run).await.expect("it runs now");
    stage.seconds(1).await;
    let run = stage.puppets.next();
    run.ends("All is well.");
    stage.seconds(2).await;
    stage.says(&ana, DEPLOY, &format!("/status {}", run.short)).await;
    assert_snapshot!(stage.sees(DEPLOY), @"
    ana | /followups
    only ana sees | 1 follow-up
                    - `f6b3` · Today Mon 2 Mar 11:00 UTC (in 2h) · /run report all · by ana
                    - purpose: for the ∗stand-up∗
                      [Cancel] [Run now] [Pause]
    bot | Done · p6j8 · 1s
          run by hand · f6b3 · Mon 2 Mar 2026 11:00 UTC · fired 09:00 · by ana
          purpose: for the ∗stand-up∗

          All is well.
          [Details]
    bot | ↳ @ana done: report (p6j8)
    ana | /status p6j8
    only ana sees | done · report · p6j8 · 1s
                    run by hand · f6b3 · Mon 2 Mar 2026 11:00 UTC · fired 09:00 · by ana
                    purpose: for the ∗stand-up∗
                    `09:00` accepted from ana
                    `09:00` started
                    `09:00` stub attempt 1: surfaced
                    `09:00` acknowledged
                    `09:00` stub surfaced
                    `09:00` ended: done
                    `09:00` result on its way
                    `09:00` content attempt 1: surfaced
                    `09:00` content surfaced
                    `09:00` result shown
                    `09:00` ping attempt 1: surfaced
                    `09:00` ping surfaced
                    [Run again]
    ");
    stage.ends().await;
}
