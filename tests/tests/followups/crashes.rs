//! A process that dies, wherever it dies, neither repeats a follow-up nor loses one (F8, F19).

use std::time::Duration;

use insta::assert_snapshot;
use wilco_core::followup::OccurrenceState;
use wilco_core::worker::WorkerState;
use wilco_sim::{Fault, Rule, Verb};
use wilco_tests::{Actor, Stage, Where};

const DEPLOY: Where<'_> = Where::Thread("ops", "deploy");

#[tokio::test(start_paused = true)]
async fn f8_f19_a_crash_at_any_moment_round_the_due_time_leaves_exactly_one() {
    for offset in 0..=30 {
        let mut stage = Stage::new().await;
        let ana = Actor::named("ana");
        let reminder = stage.schedules(&ana, DEPLOY, "/followup in 1m look").await;
        let job = stage.schedules(&ana, DEPLOY, "/followup in 1m /run report").await;
        let due = stage.due(&reminder).await;
        stage.until(due.plus(Duration::from_millis(offset)).minus(Duration::from_millis(2))).await;
        stage.crashes_and_restarts().await;
        stage.seconds(90).await;
        assert_eq!(stage.shown_at("Reminder").len(), 1, "{offset} ms\n{}", stage.sees_all());
        let jobs = stage.jobs().await;
        let runs: Vec<_> = jobs.iter().filter(|job| job.kind == "report").collect();
        assert_eq!(runs.len(), 1, "{offset} ms\n{}", stage.sees_all());
        if runs[0].state == WorkerState::Running {
            // It fired after the crash; fired before, it was interrupted by it.
            stage.puppets.next();
            stage.says(&ana, DEPLOY, &format!("/cancel {}", runs[0].short)).await;
        }
        stage.seconds(90).await;
        for id in [&reminder, &job] {
            let rows = stage.followup(id).await.occurrences;
            assert_eq!(rows.len(), 1, "{offset} ms: {rows:?}");
            assert!(rows[0].state.is_settled() && rows[0].attempts == 1, "{offset} ms: {rows:?}");
        }
        stage.ends().await;
    }
}

#[tokio::test(start_paused = true)]
async fn f19_what_a_dead_process_had_claimed_fires_in_the_next_one_and_once() {
    let mut stage = Stage::new().await;
    let ana = Actor::named("ana");
    let id = stage.schedules(&ana, DEPLOY, "/followup in 1m look").await;
    stage.fault(Rule::new(Fault::Hang { applied: false }).on(Verb::Probe));
    stage.until(stage.due(&id).await.plus(Duration::from_secs(1))).await;
    assert_eq!(stage.followup(&id).await.occurrences[0].state, OccurrenceState::Running);
    stage.crashes_and_restarts().await;
    stage.seconds(5).await;
    assert_snapshot!(stage.rows(&id).await, @"
    ended
    09:01:00 success · attempts 1 · fired 09:01:01 · p6j8 · terminal_acked
    ");
    assert_snapshot!(stage.sees(DEPLOY), @"
    ana | /followup in 1m look
    only ana sees | Today Mon 2 Mar 09:01 UTC (in 1m) · f6b3
                    [Cancel]
    bot | Reminder · f6b3 · from ana
          for Mon 2 Mar 09:01 UTC

          look
          [Details]
    bot | ↳ @ana reminder (f6b3)
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f19_what_was_injected_and_not_yet_shown_is_shown_by_the_next_process_and_fires_no_more() {
    for fault in [Fault::Hang { applied: false }, Fault::Hang { applied: true }, Fault::Lost] {
        let mut stage = Stage::new().await;
        let ana = Actor::named("ana");
        let id = stage.schedules(&ana, DEPLOY, "/followup in 1m look").await;
        stage.fault(Rule::new(fault.clone()).on(Verb::Post));
        stage.until(stage.due(&id).await.plus(Duration::from_millis(100))).await;
        stage.crashes_and_restarts().await;
        stage.seconds(90).await;
        assert_eq!(stage.shown_at("Reminder").len(), 1, "{fault:?}\n{}", stage.sees_all());
        assert_eq!(stage.jobs().await.len(), 1);
        stage.ends().await;
    }
}

#[tokio::test(start_paused = true)]
async fn f8_a_restart_over_and_over_brings_nothing_back() {
    let mut stage = Stage::new().await;
    let ana = Actor::named("ana");
    let id = stage.schedules(&ana, DEPLOY, "/followup in 1m look").await;
    stage.seconds(65).await;
    let rows = stage.rows(&id).await;
    for _ in 0..5 {
        stage.crashes_and_restarts().await;
        stage.seconds(65).await;
    }
    assert_eq!(stage.rows(&id).await, rows);
    assert_eq!(stage.shown_at("Reminder").len(), 1, "{}", stage.sees_all());
    stage.ends().await;
}
