//! What was due while the bot was down: late and saying so, or missed and told, and never silently
//! left out (F18).

use std::time::Duration;

use insta::assert_snapshot;
use wilco_core::followup::{MissedPolicy, OccurrenceState};
use wilco_tests::{Actor, Stage, Where};

const DEPLOY: Where<'_> = Where::Thread("ops", "deploy");
/// Where two come at the same moment, each has a thread of its own: nothing says which is shown first.
const OTHER: Where<'_> = Where::Thread("ops", "other");
const THIRD: Where<'_> = Where::Thread("ops", "third");

fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

/// The process is gone for so long.
async fn is_down_for(stage: &mut Stage, time: Duration) {
    stage.crashes().await;
    stage.advance(time).await;
    stage.start().await;
}

#[tokio::test(start_paused = true)]
async fn f18_after_an_outage_a_recurring_one_runs_once_and_the_others_are_kept_as_missed() {
    let mut stage = Stage::new().await;
    let ana = Actor::named("ana");
    let id = stage.schedules(&ana, DEPLOY, "/followup every 5m look").await;
    stage.seconds(8 * 60).await;
    is_down_for(&mut stage, minutes(19)).await;
    stage.seconds(5 * 60 + 5).await;
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
          Late by 2m (bot was offline 09:08–09:27) · 3 earlier ones missed
          for Mon 2 Mar 09:25 UTC · fired 09:27

          look
          [Details]
    bot | ↳ @ana reminder (f6b3)
    bot | Reminder · f6b3 · from ana
          for Mon 2 Mar 09:30 UTC

          look
          [Details]
    bot | ↳ @ana reminder (f6b3)
    ");
    assert_snapshot!(stage.rows(&id).await, @"
    pending
    09:05:00 success · attempts 1 · fired 09:05:00 · p6j8 · terminal_acked
    09:10:00 missed · its time passed while the bot was offline
    09:15:00 missed · its time passed while the bot was offline
    09:20:00 missed · its time passed while the bot was offline
    09:25:00 success · attempts 1 · fired 09:27:00 · late by 2m, 3 missed · c9t5 · terminal_acked
    09:30:00 success · attempts 1 · fired 09:30:00 · g3q2 · terminal_acked
    09:35:00 scheduled · next 09:35:00
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f18_one_that_is_on_time_again_says_what_was_missed_and_not_that_it_is_late() {
    let mut stage = Stage::new().await;
    let ana = Actor::named("ana");
    let id = stage.schedules(&ana, DEPLOY, "/followup every 5m look").await;
    stage.seconds(8 * 60).await;
    is_down_for(&mut stage, minutes(17)).await;
    stage.seconds(5).await;
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
          3 earlier ones missed (bot was offline 09:08–09:25)
          for Mon 2 Mar 09:25 UTC

          look
          [Details]
    bot | ↳ @ana reminder (f6b3)
    ");
    assert_snapshot!(stage.rows(&id).await, @"
    pending
    09:05:00 success · attempts 1 · fired 09:05:00 · p6j8 · terminal_acked
    09:10:00 missed · its time passed while the bot was offline
    09:15:00 missed · its time passed while the bot was offline
    09:20:00 missed · its time passed while the bot was offline
    09:25:00 success · attempts 1 · fired 09:25:00 · late by 0s, 3 missed · c9t5 · terminal_acked
    09:30:00 scheduled · next 09:30:00
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f18_a_one_shot_runs_late_and_says_how_late_and_why() {
    let mut stage = Stage::new().await;
    let ana = Actor::named("ana");
    let reminder = stage.schedules(&ana, DEPLOY, "/followup in 5m check the deploy").await;
    let job = stage.schedules(&ana, OTHER, "/followup in 5m /run report").await;
    stage.seconds(2 * 60).await;
    is_down_for(&mut stage, minutes(15)).await;
    stage.seconds(5).await;
    stage.puppets.next().ends("All is well.");
    stage.seconds(30).await;
    assert_snapshot!(stage.sees_all(), @"
    # ops / deploy
    ana | /followup in 5m check the deploy
    only ana sees | Today Mon 2 Mar 09:05 UTC (in 5m) · f6b3
                    [Cancel]
    bot | Reminder · f6b3 · from ana
          Late by 12m (bot was offline 09:02–09:17)
          for Mon 2 Mar 09:05 UTC · fired 09:17

          check the deploy
          [Details]
    bot | ↳ @ana reminder (f6b3)

    # ops / other
    ana | /followup in 5m /run report
    only ana sees | Today Mon 2 Mar 09:05 UTC (in 5m) · f6j8
                    [Cancel]
    bot | Done · g3q2 · 5s
          Late by 12m (bot was offline 09:02–09:17)
          scheduled · f6j8 · Mon 2 Mar 2026 09:05 UTC · fired 09:17 · by ana

          All is well.
          [Details]
    bot | ↳ @ana done: report (g3q2)
    ");
    for id in [reminder, job] {
        let row = stage.followup(&id).await.occurrences.remove(0);
        let late = row.late.expect("it is late");
        assert_eq!((late.by_ms / 60_000, late.missed), (12, 0));
        assert!(late.offline.is_some());
    }
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f18_within_a_minute_nobody_calls_it_late() {
    let mut stage = Stage::new().await;
    let ana = Actor::named("ana");
    let id = stage.schedules(&ana, DEPLOY, "/followup in 5m check the deploy").await;
    stage.seconds(290).await;
    is_down_for(&mut stage, Duration::from_secs(60)).await;
    stage.seconds(5).await;
    assert!(!stage.sees(DEPLOY).contains("Late"), "{}", stage.sees(DEPLOY));
    assert_eq!(stage.followup(&id).await.occurrences[0].late, None);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f18_by_the_other_policy_what_was_missed_is_told_and_not_run() {
    let mut stage =
        Stage::builder().settings(|settings| settings.followups.missed = MissedPolicy::Notice).begin().await;
    let ana = Actor::named("ana");
    let once = stage.schedules(&ana, DEPLOY, "/followup in 5m /run report").await;
    let again = stage.schedules(&ana, OTHER, "/followup every 5m look").await;
    stage.seconds(2 * 60).await;
    is_down_for(&mut stage, minutes(15)).await;
    stage.seconds(4 * 60).await;
    assert_eq!(stage.puppets.waiting(), 0);
    assert_snapshot!(stage.sees_all(), @"
    # ops / deploy
    ana | /followup in 5m /run report
    only ana sees | Today Mon 2 Mar 09:05 UTC (in 5m) · f6b3
                    [Cancel]
    bot | Notice · f6b3

          Follow-up f6b3 missed by 12m: it was due Mon 2 Mar 2026 09:05 UTC (bot was offline 09:02–09:17). It was: /run report
          [Details]
    bot | ↳ @ana notice: follow-up (f6b3)

    # ops / other
    ana | /followup every 5m look
    only ana sees | Every 5m · next Today Mon 2 Mar 09:05 UTC (in 5m) · f6j8
                    [Cancel]
    bot | Notice · f6j8

          Follow-up f6j8 missed by 2m: it was due Mon 2 Mar 2026 09:15 UTC (bot was offline 09:02–09:17) · 2 earlier ones missed. It was: look
          [Details]
    bot | ↳ @ana notice: follow-up (f6j8)
    bot | Reminder · f6j8 · from ana
          for Mon 2 Mar 09:20 UTC

          look
          [Details]
    bot | ↳ @ana reminder (f6j8)
    ");
    assert_snapshot!(stage.rows(&once).await, @"
    ended: its time passed while the bot was offline
    09:05:00 missed · its time passed while the bot was offline
    ");
    assert_snapshot!(stage.rows(&again).await, @"
    pending
    09:05:00 missed · its time passed while the bot was offline
    09:10:00 missed · its time passed while the bot was offline
    09:15:00 missed · its time passed while the bot was offline
    09:20:00 success · attempts 1 · fired 09:20:00 · c9t5 · terminal_acked
    09:25:00 scheduled · next 09:25:00
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f18_what_is_older_than_the_age_that_is_set_is_told_and_not_run() {
    let mut stage = Stage::builder().settings(|settings| settings.followups.missed_max_age = minutes(30)).begin().await;
    let ana = Actor::named("ana");
    let old = stage.schedules(&ana, DEPLOY, "/followup in 5m too old").await;
    let young = stage.schedules(&ana, OTHER, "/followup in 20m young enough").await;
    let daily = stage.schedules(&ana, THIRD, "/followup every day 9:05 every day").await;
    stage.seconds(60).await;
    is_down_for(&mut stage, minutes(40)).await;
    stage.seconds(30).await;
    assert_snapshot!(stage.sees_all(), @"
    # ops / deploy
    ana | /followup in 5m too old
    only ana sees | Today Mon 2 Mar 09:05 UTC (in 5m) · f6b3
                    [Cancel]
    bot | Notice · f6b3

          Follow-up f6b3 missed by 36m: it was due Mon 2 Mar 2026 09:05 UTC (bot was offline 09:01–09:41). It was: too old
          [Details]
    bot | ↳ @ana notice: follow-up (f6b3)

    # ops / other
    ana | /followup in 20m young enough
    only ana sees | Today Mon 2 Mar 09:20 UTC (in 20m) · f6j8
                    [Cancel]
    bot | Reminder · f6j8 · from ana
          Late by 21m (bot was offline 09:01–09:41)
          for Mon 2 Mar 09:20 UTC · fired 09:41

          young enough
          [Details]
    bot | ↳ @ana reminder (f6j8)

    # ops / third
    ana | /followup every day 9:05 every day
    only ana sees | Every day 9:05 · next Today Mon 2 Mar 09:05 UTC (in 5m) · f9t5
                    [Cancel]
    bot | Notice · f9t5

          Follow-up f9t5 missed by 36m: it was due Mon 2 Mar 2026 09:05 UTC (bot was offline 09:01–09:41). It was: every day
          [Details]
    bot | ↳ @ana notice: follow-up (f9t5)
    ");
    let state = async |id: &str| stage.followup(id).await.occurrences.last().expect("it has one").state;
    assert_eq!(state(&old).await, OccurrenceState::Missed);
    assert_eq!(state(&young).await, OccurrenceState::Success);
    assert_eq!(state(&daily).await, OccurrenceState::Missed);
    assert!(stage.followup(&daily).await.followup.next.is_some(), "the next day's stays");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f18_days_of_an_outage_are_rows_up_to_a_limit_and_one_run() {
    let mut stage = Stage::new().await;
    let ana = Actor::named("ana");
    let id = stage.schedules(&ana, DEPLOY, "/followup every 5m look").await;
    stage.seconds(60).await;
    is_down_for(&mut stage, minutes(3 * 24 * 60)).await;
    stage.seconds(30).await;
    let rows = stage.peeks("SELECT state, COUNT(*) AS rows FROM occurrences GROUP BY state ORDER BY state").await;
    let rows: Vec<_> = rows.iter().map(|row| (row.text("state").unwrap(), row.int("rows").unwrap())).collect();
    let expected = [("missed", 500), ("scheduled", 1), ("success", 1)];
    assert_eq!(rows, expected.map(|(state, count)| (state.to_owned(), count)));
    assert_snapshot!(stage.sees(DEPLOY), @"
    ana | /followup every 5m look
    only ana sees | Every 5m · next Today Mon 2 Mar 09:05 UTC (in 5m) · f6b3
                    [Cancel]
    bot | Reminder · f6b3 · from ana
          Late by 1m (bot was offline Mon 2 Mar 09:01 – Thu 5 Mar 09:01) · 500 or more earlier ones missed
          for Thu 5 Mar 09:00 UTC · fired 09:01

          look
          [Details]
    bot | ↳ @ana reminder (f6b3)
    ");
    assert!(stage.due(&id).await > stage.clock_now(), "the next one is never in the past");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f18_a_machine_that_slept_over_the_time_runs_it_late() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let once = stage.schedules(&ana, DEPLOY, "/followup in 5m check the deploy").await;
    let again = stage.schedules(&ana, OTHER, "/followup every 5m look").await;
    stage.seconds(60).await;
    stage.suspended_for(minutes(17)).await;
    stage.seconds(5).await;
    assert_snapshot!(stage.sees_all(), @"
    # ops / deploy
    ana | /followup in 5m check the deploy
    only ana sees | Today Mon 2 Mar 09:05 UTC (in 5m) · f6b3
                    [Cancel]
    bot | Reminder · f6b3 · from ana
          Late by 13m
          for Mon 2 Mar 09:05 UTC · fired 09:18

          check the deploy
          [Details]
    bot | ↳ @ana reminder (f6b3)

    # ops / other
    ana | /followup every 5m look
    only ana sees | Every 5m · next Today Mon 2 Mar 09:05 UTC (in 5m) · f6j8
                    [Cancel]
    bot | Reminder · f6j8 · from ana
          Late by 3m · 2 earlier ones missed
          for Mon 2 Mar 09:15 UTC · fired 09:18

          look
          [Details]
    bot | ↳ @ana reminder (f6j8)
    ");
    assert_snapshot!(stage.rows(&once).await, @"
    ended
    09:05:00 success · attempts 1 · fired 09:18:00 · late by 13m, 0 missed · c9t5 · terminal_acked
    ");
    assert_snapshot!(stage.rows(&again).await, @"
    pending
    09:05:00 missed · its time passed before it could run
    09:10:00 missed · its time passed before it could run
    09:15:00 success · attempts 1 · fired 09:18:00 · late by 3m, 2 missed · g3q2 · terminal_acked
    09:20:00 scheduled · next 09:20:00
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f18_a_process_that_drains_leaves_what_falls_due_to_the_next_one() {
    let mut stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, DEPLOY).await;
    let id = stage.schedules(&ana, DEPLOY, "/followup in 1m look").await;
    stage.until(stage.due(&id).await.minus(Duration::from_secs(5))).await;
    stage.bot().begin_drain();
    stage.seconds(10).await;
    assert!(stage.shown_at("Reminder").is_empty(), "it takes no new work");
    job.ends("42");
    stage.drains().await;
    stage.start().await;
    stage.seconds(1).await;
    assert_eq!(stage.shown_at("Reminder").len(), 1, "{}", stage.sees_all());
    stage.ends().await;
}
