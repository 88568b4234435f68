//! What comes again and again: at each of its times, never twice at once, and not for ever in vain
//! (F11, F17, overlap, five failures).

use std::time::Duration;

use insta::assert_snapshot;
use wilco_core::followup::FollowupState;
use wilco_tests::{Actor, Stage, Where};

const DEPLOY: Where<'_> = Where::Thread("ops", "deploy");

/// Lets the next run of a follow-up fail.
async fn fails(stage: &Stage, id: &str) {
    stage.until(stage.due(id).await.plus(Duration::from_secs(1))).await;
    stage.puppets.next().fails("exit 2", "the server is gone");
    stage.moment().await;
}

#[tokio::test(start_paused = true)]
async fn f17_every_five_minutes_it_comes_each_time() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let id = stage.schedules(&ana, DEPLOY, "/followup every 5m look").await;
    let first = stage.due(&id).await;
    stage.until(first.plus(Duration::from_secs(605))).await;
    assert_snapshot!(stage.rows(&id).await, @"
    pending
    09:05:00 success · attempts 1 · fired 09:05:00 · p6j8 · terminal_acked
    09:10:00 success · attempts 1 · fired 09:10:00 · c9t5 · terminal_acked
    09:15:00 success · attempts 1 · fired 09:15:00 · g3q2 · terminal_acked
    09:20:00 scheduled · next 09:20:00
    ");
    assert_snapshot!(stage.sees(DEPLOY), @"
    ana | /followup every 5m look
    only ana sees | Every 5m · next Today Mon 2 Mar 09:05 UTC (in 5m) · f6b3
                    [Cancel]
    bot | Reminder · f6b3 · from ana
          for Mon 2 Mar 09:05 UTC

          look
          [Details]
    bot | ↳ @ana reminder (f6b3)
    bot | Reminder · f6b3 · from ana
          for Mon 2 Mar 09:10 UTC

          look
          [Details]
    bot | ↳ @ana reminder (f6b3)
    bot | Reminder · f6b3 · from ana
          for Mon 2 Mar 09:15 UTC

          look
          [Details]
    bot | ↳ @ana reminder (f6b3)
    ");
    let shown = stage.shown_at("Reminder");
    for (at, due) in shown.iter().zip([0, 300, 600]) {
        let due = first.plus(Duration::from_secs(due));
        assert!(*at >= due && at.since(due) <= Duration::from_millis(5), "{at} for {due}");
    }
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn an_occurrence_is_left_out_and_recorded_while_the_one_before_still_runs() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let id = stage.schedules(&ana, DEPLOY, "/followup every 5m /run report").await;
    stage.seconds(301).await;
    let long = stage.puppets.next();
    stage.seconds(600).await;
    assert_eq!(stage.puppets.waiting(), 0);
    long.ends("At last.");
    stage.seconds(300).await;
    let next = stage.puppets.next();
    next.ends("Quick.");
    stage.moment().await;
    let rows = stage.rows(&id).await;
    assert_eq!(rows.matches(&format!("skipped · overlap: {} still ran", long.short)).count(), 2, "{rows}");
    assert_snapshot!(rows, @"
    pending
    09:05:00 success · attempts 1 · fired 09:05:00 · p6j8 · terminal_acked
    09:10:00 skipped · overlap: p6j8 still ran
    09:15:00 skipped · overlap: p6j8 still ran
    09:20:00 success · attempts 1 · fired 09:20:00 · c9t5 · terminal_acked
    09:25:00 scheduled · next 09:25:00
    ");
    assert_snapshot!(stage.sees(DEPLOY), @"
    ana | /followup every 5m /run report
    only ana sees | Every 5m · next Today Mon 2 Mar 09:05 UTC (in 5m) · f6b3
                    [Cancel]
    bot | Done · p6j8 · 10m 01s
          scheduled · f6b3 · Mon 2 Mar 2026 09:05 UTC · by ana

          At last.
          [Details]
    bot | ↳ @ana done: report (p6j8)
    bot | Done · c9t5 · 1s
          scheduled · f6b3 · Mon 2 Mar 2026 09:20 UTC · by ana

          Quick.
          [Details]
    bot | ↳ @ana done: report (c9t5)
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn after_five_failures_in_a_row_it_rests_its_owner_is_told_once_and_resume_goes_on() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let id = stage.schedules(&ana, DEPLOY, "/followup every 5m /run report").await;
    for _ in 0..5 {
        assert_eq!(stage.followup(&id).await.followup.state, FollowupState::Pending);
        fails(&stage, &id).await;
    }
    stage.seconds(900).await;
    assert_eq!(stage.puppets.waiting(), 0, "it rests");
    assert_eq!(stage.shown_at("Follow-up").len(), 1, "{}", stage.sees_all());
    assert_eq!(stage.followup(&id).await.followup.failures, 5);
    stage.says(&ana, DEPLOY, "/followups").await;
    stage.presses_in_row(&ana, DEPLOY, &id, "Resume").await;
    // It begins to count anew.
    fails(&stage, &id).await;
    assert_eq!(stage.followup(&id).await.followup.state, FollowupState::Pending);
    stage.until(stage.due(&id).await.plus(Duration::from_secs(1))).await;
    stage.puppets.next().ends("All is well.");
    stage.moment().await;
    assert_eq!(stage.followup(&id).await.followup.failures, 0);
    assert_snapshot!(stage.sees(DEPLOY), @"
    ana | /followup every 5m /run report
    only ana sees | Every 5m · next Today Mon 2 Mar 09:05 UTC (in 5m) · f6b3
                    [Cancel]
    bot | Failed · p6j8 · exit 2 after 1s
          scheduled · f6b3 · Mon 2 Mar 2026 09:05 UTC · by ana

          the server is gone
          [Run again] [Details]
    bot | ↳ @ana failed: report (p6j8)
    bot | Failed · c9t5 · exit 2 after 1s
          scheduled · f6b3 · Mon 2 Mar 2026 09:10 UTC · by ana

          the server is gone
          [Run again] [Details]
    bot | ↳ @ana failed: report (c9t5)
    bot | Failed · g3q2 · exit 2 after 1s
          scheduled · f6b3 · Mon 2 Mar 2026 09:15 UTC · by ana

          the server is gone
          [Run again] [Details]
    bot | ↳ @ana failed: report (g3q2)
    bot | Failed · m5q4 · exit 2 after 1s
          scheduled · f6b3 · Mon 2 Mar 2026 09:20 UTC · by ana

          the server is gone
          [Run again] [Details]
    bot | ↳ @ana failed: report (m5q4)
    bot | Failed · s3e5 · exit 2 after 1s
          scheduled · f6b3 · Mon 2 Mar 2026 09:25 UTC · by ana

          the server is gone
          [Run again] [Details]
    bot | Notice · f6b3

          Follow-up f6b3 paused: it failed 5 times in a row, the last time: s3e5 failed: exit 2. The list of follow-ups has Resume. It was: /run report
          [Details]
    bot | ↳ @ana failed: report (s3e5)
    bot | ↳ @ana notice: follow-up (f6b3)
    ana | /followups
    only ana sees | 1 follow-up
                    - `f6b3` · Paused · every 5m · /run report · by ana
                    - 5 failures in a row, the last one: s3e5 failed: exit 2
                      [Cancel] [Run now] [Resume]
    only ana sees | Resumed · f6b3 · next Today Mon 2 Mar 09:45 UTC (in 4m 59s)
    bot | Failed · w3c8 · exit 2 after 1s
          scheduled · f6b3 · Mon 2 Mar 2026 09:45 UTC · by ana

          the server is gone
          [Run again] [Details]
    bot | ↳ @ana failed: report (w3c8)
    bot | Done · t5w5 · 1s
          scheduled · f6b3 · Mon 2 Mar 2026 09:50 UTC · by ana

          All is well.
          [Details]
    bot | ↳ @ana done: report (t5w5)
    ");
    assert_snapshot!(stage.rows(&id).await, @"
    pending
    09:05:00 failed · p6j8 failed: exit 2 · attempts 1 · fired 09:05:00 · p6j8 · terminal_acked
    09:10:00 failed · c9t5 failed: exit 2 · attempts 1 · fired 09:10:00 · c9t5 · terminal_acked
    09:15:00 failed · g3q2 failed: exit 2 · attempts 1 · fired 09:15:00 · g3q2 · terminal_acked
    09:20:00 failed · m5q4 failed: exit 2 · attempts 1 · fired 09:20:00 · m5q4 · terminal_acked
    09:25:00 failed · s3e5 failed: exit 2 · attempts 1 · fired 09:25:00 · s3e5 · terminal_acked
    09:30:00 skipped · paused at its time
    09:45:00 failed · w3c8 failed: exit 2 · attempts 1 · fired 09:45:00 · w3c8 · terminal_acked
    09:50:00 success · attempts 1 · fired 09:50:00 · t5w5 · terminal_acked
    09:55:00 scheduled · next 09:55:00
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a_success_in_between_begins_to_count_anew() {
    let stage = Stage::builder().settings(|settings| settings.followups.pause_after = 2).begin().await;
    let ana = Actor::named("ana");
    let id = stage.schedules(&ana, DEPLOY, "/followup every 5m /run report").await;
    for _ in 0..3 {
        fails(&stage, &id).await;
        stage.until(stage.due(&id).await.plus(Duration::from_secs(1))).await;
        stage.puppets.next().ends("42");
        stage.moment().await;
    }
    assert_eq!(stage.followup(&id).await.followup.state, FollowupState::Pending);
    fails(&stage, &id).await;
    fails(&stage, &id).await;
    assert_eq!(stage.followup(&id).await.followup.state, FollowupState::Paused);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f11_a_one_shot_that_failed_is_over() {
    let mut stage = Stage::new().await;
    let ana = Actor::named("ana");
    let id = stage.schedules(&ana, DEPLOY, "/followup in 1m /run report").await;
    stage.seconds(61).await;
    stage.puppets.next().fails("exit 2", "the server is gone");
    stage.seconds(60).await;
    stage.crashes_and_restarts().await;
    stage.seconds(600).await;
    assert_eq!(stage.puppets.waiting(), 0);
    assert_snapshot!(stage.rows(&id).await, @"
    ended: p6j8 failed: exit 2
    09:01:00 failed · p6j8 failed: exit 2 · attempts 1 · fired 09:01:00 · p6j8 · terminal_acked
    ");
    assert_snapshot!(stage.sees(DEPLOY), @"
    ana | /followup in 1m /run report
    only ana sees | Today Mon 2 Mar 09:01 UTC (in 1m) · f6b3
                    [Cancel]
    bot | Failed · p6j8 · exit 2 after 1s
          scheduled · f6b3 · Mon 2 Mar 2026 09:01 UTC · by ana

          the server is gone
          [Run again] [Details]
    bot | ↳ @ana failed: report (p6j8)
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f11_a_job_that_was_lost_in_a_crash_settles_its_occurrence_as_failed() {
    let mut stage = Stage::new().await;
    let ana = Actor::named("ana");
    let id = stage.schedules(&ana, DEPLOY, "/followup every 5m /run report").await;
    stage.seconds(301).await;
    let lost = stage.puppets.next();
    stage.crashes_and_restarts().await;
    stage.seconds(300).await;
    let next = stage.puppets.next();
    assert_ne!(next.short, lost.short);
    next.ends("42");
    stage.moment().await;
    assert_snapshot!(stage.rows(&id).await, @"
    pending
    09:05:00 failed · p6j8 was interrupted: bot restarted at 09:05 UTC · attempts 1 · fired 09:05:00 · p6j8 · terminal_acked
    09:10:00 success · attempts 1 · fired 09:10:00 · c9t5 · terminal_acked
    09:15:00 scheduled · next 09:15:00
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a_person_may_have_so_many_pending_and_no_more() {
    let stage = Stage::builder().settings(|settings| settings.followups.per_person = 2).begin().await;
    let (ana, dora) = (Actor::named("ana"), Actor::named("dora"));
    let first = stage.schedules(&ana, DEPLOY, "/followup in 1m one").await;
    stage.schedules(&ana, DEPLOY, "/followup key=two in 10m two").await;
    assert_snapshot!(stage.asks(&ana, DEPLOY, "/followup in 10m three").await, @"Not scheduled: you have 2 pending follow-ups, which is the most. /followups lists them; cancel one first.");
    stage.schedules(&dora, DEPLOY, "/followup in 10m of Dora").await;
    stage.schedules(&ana, DEPLOY, "/followup key=two in 20m two, but later").await;
    stage.seconds(65).await;
    assert!(stage.rows(&first).await.starts_with("ended"));
    stage.schedules(&ana, DEPLOY, "/followup in 10m three").await;
    stage.ends().await;
}
