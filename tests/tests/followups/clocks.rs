//! A wall clock that is set, and a follow-up that is added while the loop sleeps: each comes at its
//! time, once (F17, F18, F19).

use std::time::Duration;

use insta::assert_snapshot;
use wilco_core::Timestamp;
use wilco_core::desk::{Desk, FollowupWish};
use wilco_tests::{Actor, Stage, Where};

const DEPLOY: Where<'_> = Where::Thread("ops", "deploy");
const HOUR: i64 = 3_600_000;
/// A stepped clock is looked at once a second.
const LOOK: Duration = Duration::from_millis(1_010);

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// When its message came, as the script counts the time: in seconds after it was scheduled.
fn shown(stage: &Stage, scheduled: Timestamp) -> Vec<u64> {
    stage.shown_at("Reminder").iter().map(|at| at.since(scheduled).as_secs()).collect()
}

#[tokio::test(start_paused = true)]
async fn f18_a_clock_set_an_hour_forward_over_the_time_loses_nothing_and_repeats_nothing() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let id = stage.schedules(&ana, DEPLOY, "/followup in 30m look").await;
    stage.seconds(600).await;
    stage.clock().step_wall(HOUR);
    stage.seconds(2).await;
    assert_eq!(stage.shown_at("Reminder").len(), 1, "it is seen within a second or so");
    stage.seconds(2_400).await;
    assert_eq!(stage.shown_at("Reminder").len(), 1, "{}", stage.sees_all());
    assert_snapshot!(stage.sees(DEPLOY), @"
    ana | /followup in 30m look
    only ana sees | Today Mon 2 Mar 09:30 UTC (in 30m) · f6b3
                    [Cancel]
    bot | Reminder · f6b3 · from ana
          Late by 40m
          for Mon 2 Mar 09:30 UTC · fired 10:10

          look
          [Details]
    bot | ↳ @ana reminder (f6b3)
    ");
    assert_snapshot!(stage.rows(&id).await, @"
    ended
    09:30:00 success · attempts 1 · fired 10:10:01 · late by 40m, 0 missed · p6j8 · terminal_acked
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f18_a_clock_set_an_hour_back_after_the_time_repeats_nothing() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let begun = stage.clock_now();
    stage.schedules(&ana, DEPLOY, "/followup in 5m look").await;
    stage.seconds(302).await;
    stage.clock().step_wall(-HOUR);
    stage.seconds(4_000).await;
    assert_eq!(shown(&stage, begun), [300]);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f18_a_clock_set_an_hour_back_before_the_time_waits_for_it_by_the_new_clock() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let begun = stage.clock_now();
    let id = stage.schedules(&ana, DEPLOY, "/followup in 5m look").await;
    let due = stage.due(&id).await;
    stage.seconds(298).await;
    stage.clock().step_wall(-HOUR);
    stage.until(due.minus(seconds(1))).await;
    assert_eq!(shown(&stage, begun), [] as [u64; 0], "it never comes early by the clock that people read");
    stage.seconds(60).await;
    assert_eq!(shown(&stage, begun), [3_900]);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f18_steps_forth_and_back_round_the_time_of_a_recurring_one_repeat_and_lose_nothing() {
    for first in [HOUR, -HOUR] {
        let stage = Stage::new().await;
        let ana = Actor::named("ana");
        let id = stage.schedules(&ana, DEPLOY, "/followup every 30m look").await;
        let due = stage.due(&id).await;
        // A second before its first time, and back a second after that moment.
        stage.until(due.minus(seconds(1))).await;
        stage.clock().step_wall(first);
        stage.seconds(2).await;
        stage.clock().step_wall(-first);
        stage.seconds(2 * 3_600).await;
        // By then each of its times up to now was run, or stands as missed, once.
        let now = stage.clock_now();
        let rows = stage.followup(&id).await.occurrences;
        let mut at = due;
        while at <= now {
            let found: Vec<_> = rows.iter().filter(|row| row.due == at).collect();
            assert!(found.len() == 1 && found[0].state.is_settled(), "first {first}, {at}: {found:?}");
            at = at.plus(seconds(1_800));
        }
        let fired = rows.iter().filter(|row| row.fired.is_some()).count();
        assert_eq!(stage.shown_at("Reminder").len(), fired, "{}", stage.sees_all());
        if first > 0 {
            assert_snapshot!(stage.rows(&id).await, @"
            pending
            09:30:00 missed · its time passed before it could run
            10:00:00 success · attempts 1 · fired 10:30:00 · late by 29m 59s, 1 missed · p6j8 · terminal_acked
            10:30:00 success · attempts 1 · fired 10:30:00 · c9t5 · terminal_acked
            11:00:00 success · attempts 1 · fired 11:00:00 · g3q2 · terminal_acked
            11:30:00 success · attempts 1 · fired 11:30:00 · m5q4 · terminal_acked
            12:00:00 scheduled · next 12:00:00
            ");
        } else {
            assert_snapshot!(stage.rows(&id).await, @"
            pending
            09:30:00 success · attempts 1 · fired 09:30:02 · p6j8 · terminal_acked
            10:00:00 success · attempts 1 · fired 10:00:00 · c9t5 · terminal_acked
            10:30:00 success · attempts 1 · fired 10:30:00 · g3q2 · terminal_acked
            11:00:00 success · attempts 1 · fired 11:00:00 · m5q4 · terminal_acked
            11:30:00 success · attempts 1 · fired 11:30:00 · s3e5 · terminal_acked
            12:00:00 scheduled · next 12:00:00
            ");
        }
        stage.ends().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_loop_that_sleeps_for_two_hours_is_woken_by_what_is_added_for_sooner() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let later = stage.schedules(&ana, DEPLOY, "/followup in 2h later").await;
    stage.seconds(10).await;
    let sooner = stage.schedules(&ana, DEPLOY, "/followup in 2m sooner").await;
    let beside = stage.desk_beside().await;
    let wish = |when: &str, text: &str| FollowupWish {
        when: when.to_owned(),
        text: text.to_owned(),
        ..FollowupWish::default()
    };
    let (caller, place) = (ana.calls_from(DEPLOY), ana.at(DEPLOY));
    let soonest = beside.schedule(&caller, &place, "cli-1", &wish("in 1m", "soonest")).await.expect("it is scheduled");
    // The same request again, as from a shell's history within the same run, schedules nothing more.
    let again = beside.schedule(&caller, &place, "cli-1", &wish("in 1m", "soonest")).await.expect("it is known");
    assert_eq!(again.followup.short, soonest.followup.short);
    let due = [stage.due(soonest.followup.short.as_str()).await, stage.due(&sooner).await, stage.due(&later).await];
    stage.seconds(2 * 3_600).await;
    for (text, due) in ["soonest", "sooner", "later"].into_iter().zip(due) {
        let shown = stage.shown_at(text);
        assert_eq!(shown.len(), 1, "{text}");
        assert!(shown[0] >= due && shown[0].since(due) <= Duration::from_millis(5), "{text}: {due}, {}", shown[0]);
    }
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn what_another_process_adds_for_the_next_moment_is_seen_within_a_second() {
    let stage = Stage::builder().settings(|settings| settings.followups.bounds.min = seconds(0)).begin().await;
    let ana = Actor::named("ana");
    stage.seconds(7).await;
    let beside = stage.desk_beside().await;
    let wish = FollowupWish { when: "in 1s".to_owned(), text: "look".to_owned(), ..FollowupWish::default() };
    let set = beside.schedule(&ana.calls_from(DEPLOY), &ana.at(DEPLOY), "cli-1", &wish).await.expect("it is scheduled");
    stage.seconds(5).await;
    let shown = stage.shown_at("Reminder");
    assert!(shown.len() == 1 && shown[0] >= set.first && shown[0].since(set.first) <= LOOK, "{} {shown:?}", set.first);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn never_early_whatever_the_fraction_of_the_second() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(stage.schedules(&ana, DEPLOY, "/followup in 1m look").await);
        stage.advance(Duration::from_millis(137)).await;
    }
    stage.seconds(90).await;
    for id in ids {
        let row = stage.followup(&id).await.occurrences.remove(0);
        let fired = row.fired.expect("it fired");
        assert!(fired >= row.due && fired.since(row.due) <= Duration::from_millis(5), "{} {fired}", row.due);
    }
    stage.ends().await;
}
