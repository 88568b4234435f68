//! What a person calls off or holds does not fire, from that moment on (F15, F20).

use std::time::Duration;

use insta::assert_snapshot;
use wilco_core::desk::{Caller, Desk};
use wilco_core::followup::{FollowupAct, OccurrenceState};
use wilco_sim::{Fault, Rule, Verb};
use wilco_tests::{Actor, Stage, Where};

const DEPLOY: Where<'_> = Where::Thread("ops", "deploy");
const OTHER: Where<'_> = Where::Thread("ops", "other");
const OPS: Where<'_> = Where::Channel("ops");

/// A person asks for the list of this thread and presses a button of one entry.
async fn presses_in_list(stage: &Stage, actor: &Actor, id: &str, label: &str) {
    stage.says(actor, DEPLOY, "/followups").await;
    stage.presses_in_row(actor, DEPLOY, id, label).await;
}

#[tokio::test(start_paused = true)]
async fn f15_stop_here_calls_off_this_threads_alone_and_offers_its_jobs() {
    let stage = Stage::new().await;
    let [ana, dora] = ["ana", "dora"].map(Actor::named);
    let job = stage.runs(&ana, DEPLOY).await;
    let theirs = stage.runs(&dora, DEPLOY).await;
    let mine = stage.schedules(&ana, DEPLOY, "/followup in 5m mine").await;
    let again = stage.schedules(&ana, DEPLOY, "/followup every 5m mine, again and again").await;
    let hers = stage.schedules(&dora, DEPLOY, "/followup in 5m Dora's").await;
    let other = stage.schedules(&ana, OTHER, "/followup in 5m elsewhere").await;
    let channel = stage.schedules(&ana, OPS, "/followup in 5m in the channel").await;
    stage.says(&ana, DEPLOY, "/stop here").await;
    stage.presses_in_row(&ana, DEPLOY, job.short.as_str(), "Cancel").await;
    stage.says(&ana, DEPLOY, "/stop here").await;
    stage.seconds(400).await;
    assert!(!job.is_alive() && theirs.is_alive());
    assert_snapshot!(stage.sees_all(), @"
    # ops / deploy
    ana | /run report
    bot | Cancelled · u6b3
          asked by ana
          [Run again] [Details]
    dora | /run report
    bot | Working · p6j8 · 45s · no output for 45s
          [Cancel]
    ana | /followup in 5m mine
    only ana sees | Today Mon 2 Mar 09:05 UTC (in 5m) · f9t5
                    [Cancel]
    ana | /followup every 5m mine, again and again
    only ana sees | Every 5m · next Today Mon 2 Mar 09:05 UTC (in 5m) · f3q2
                    [Cancel]
    dora | /followup in 5m Dora's
    only dora sees | Today Mon 2 Mar 09:05 UTC (in 5m) · f5q4
                     [Cancel]
    ana | /stop here
    only ana sees | Stopped here · 2 follow-ups called off: f9t5, f3q2
                    1 follow-up of somebody else stays; who scheduled it, a moderator or an owner can cancel it.
                    These jobs still run here:
                    - `u6b3` report · running · by ana
                      [Cancel]
    only ana sees | Cancelling · u6b3 · asked by ana
                    reason: no reason given
    ana | /stop here
    only ana sees | No follow-up of yours was pending here, so none was called off.
                    1 follow-up of somebody else stays; who scheduled it, a moderator or an owner can cancel it.
    bot | Reminder · f5q4 · from dora
          for Mon 2 Mar 09:05 UTC

          Dora's
          [Details]
    bot | ↳ @dora reminder (f5q4)

    # ops / other
    ana | /followup in 5m elsewhere
    only ana sees | Today Mon 2 Mar 09:05 UTC (in 5m) · f3e5
                    [Cancel]
    bot | Reminder · f3e5 · from ana
          for Mon 2 Mar 09:05 UTC

          elsewhere
          [Details]
    bot | ↳ @ana reminder (f3e5)

    # ops
    ana | /followup in 5m in the channel
    only ana sees | Today Mon 2 Mar 09:05 UTC (in 5m) · f3c8
                    [Cancel]
    bot | Reminder · f3c8 · from ana
          for Mon 2 Mar 09:05 UTC

          in the channel
          [Details]
    bot | ↳ @ana reminder (f3c8)
    ");
    for id in [mine, again] {
        let rows = stage.rows(&id).await;
        assert!(rows.starts_with("cancelled: stopped here by ana\n"), "{rows}");
        assert!(rows.ends_with(" cancelled · stopped here by ana"), "{rows}");
    }
    for id in [hers, other, channel] {
        assert!(stage.rows(&id).await.contains(" success · "), "{}", stage.rows(&id).await);
    }
    theirs.ends("42");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f15_a_job_is_cancelled_and_its_threads_follow_ups_with_it() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, DEPLOY).await;
    let id = stage.schedules(&ana, DEPLOY, "/followup in 5m look").await;
    let other = stage.schedules(&ana, OTHER, "/followup in 5m look elsewhere").await;
    stage.says(&ana, DEPLOY, &format!("/cancel {} and its follow-ups the release is off", job.short)).await;
    stage.seconds(400).await;
    assert_snapshot!(stage.sees(DEPLOY), @"
    ana | /run report
    bot | Cancelled · u6b3
          asked by ana
          reason: the release is off
          [Run again] [Details]
    ana | /followup in 5m look
    only ana sees | Today Mon 2 Mar 09:05 UTC (in 5m) · f6j8
                    [Cancel]
    ana | /cancel u6b3 and its follow-ups the release is off
    only ana sees | Cancelling · u6b3 · asked by ana
                    reason: the release is off
                    and its follow-ups: f6j8
    ");
    assert_snapshot!(stage.rows(&id).await, @"
    cancelled: u6b3 was cancelled with its follow-ups
    09:05:00 cancelled · u6b3 was cancelled with its follow-ups
    ");
    assert!(stage.rows(&other).await.contains(" success · "), "{}", stage.rows(&other).await);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f20_pause_resume_and_cancel_take_effect_at_once() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let once = stage.schedules(&ana, DEPLOY, "/followup in 5m once").await;
    let again = stage.schedules(&ana, DEPLOY, "/followup every 5m again").await;
    let never = stage.schedules(&ana, DEPLOY, "/followup in 5m never").await;
    let due = stage.due(&again).await;
    // A second before it would have fired.
    stage.until(due.minus(Duration::from_secs(1))).await;
    presses_in_list(&stage, &ana, &once, "Pause").await;
    presses_in_list(&stage, &ana, &again, "Pause").await;
    presses_in_list(&stage, &ana, &never, "Cancel").await;
    stage.seconds(360).await;
    assert!(stage.shown_at("Reminder").is_empty(), "{}", stage.sees_all());
    presses_in_list(&stage, &ana, &once, "Resume").await;
    presses_in_list(&stage, &ana, &again, "Resume").await;
    stage.seconds(300).await;
    assert_snapshot!(stage.sees(DEPLOY), @"
    ana | /followup in 5m once
    only ana sees | Today Mon 2 Mar 09:05 UTC (in 5m) · f6b3
                    [Cancel]
    ana | /followup every 5m again
    only ana sees | Every 5m · next Today Mon 2 Mar 09:05 UTC (in 5m) · f6j8
                    [Cancel]
    ana | /followup in 5m never
    only ana sees | Today Mon 2 Mar 09:05 UTC (in 5m) · f9t5
                    [Cancel]
    ana | /followups
    only ana sees | 3 follow-ups
                    - `f6b3` · Today Mon 2 Mar 09:05 UTC (in 1s) · once · by ana
                      [Cancel] [Run now] [Pause]
                    - `f6j8` · Today Mon 2 Mar 09:05 UTC (in 1s) · every 5m · again · by ana
                      [Cancel] [Run now] [Pause]
                    - `f9t5` · Today Mon 2 Mar 09:05 UTC (in 2s) · never · by ana
                      [Cancel] [Run now] [Pause]
    only ana sees | Paused · f6b3 · it does not fire until it is resumed
                    [Resume]
    ana | /followups
    only ana sees | 3 follow-ups
                    - `f6j8` · Today Mon 2 Mar 09:05 UTC (in 1s) · every 5m · again · by ana
                      [Cancel] [Run now] [Pause]
                    - `f9t5` · Today Mon 2 Mar 09:05 UTC (in 1s) · never · by ana
                      [Cancel] [Run now] [Pause]
                    - `f6b3` · Paused · once · by ana
                    - paused by ana
                      [Cancel] [Run now] [Resume]
    only ana sees | Paused · f6j8 · it does not fire until it is resumed
                    [Resume]
    ana | /followups
    only ana sees | 3 follow-ups
                    - `f9t5` · Today Mon 2 Mar 09:05 UTC (in 1s) · never · by ana
                      [Cancel] [Run now] [Pause]
                    - `f6b3` · Paused · once · by ana
                    - paused by ana
                      [Cancel] [Run now] [Resume]
                    - `f6j8` · Paused · every 5m · again · by ana
                    - paused by ana
                      [Cancel] [Run now] [Resume]
    only ana sees | Cancelled · f9t5 · it does not fire any more
    ana | /followups
    only ana sees | 2 follow-ups
                    - `f6b3` · Paused · once · by ana
                    - paused by ana
                      [Cancel] [Run now] [Resume]
                    - `f6j8` · Paused · every 5m · again · by ana
                    - paused by ana
                      [Cancel] [Run now] [Resume]
    only ana sees | Resumed · f6b3 · fires now
    bot | Reminder · f6b3 · from ana
          Late by 5m 59s
          for Mon 2 Mar 09:05 UTC · run by hand · fired 09:10

          once
          [Details]
    bot | ↳ @ana reminder (f6b3)
    ana | /followups
    only ana sees | 1 follow-up
                    - `f6j8` · Paused · every 5m · again · by ana
                    - paused by ana
                      [Cancel] [Run now] [Resume]
    only ana sees | Resumed · f6j8 · next Today Mon 2 Mar 09:15 UTC (in 4m 01s)
    bot | Reminder · f6j8 · from ana
          for Mon 2 Mar 09:15 UTC

          again
          [Details]
    bot | ↳ @ana reminder (f6j8)
    ");
    assert_snapshot!(stage.rows(&once).await, @"
    ended
    09:05:00 success · by hand · attempts 1 · fired 09:10:59 · g3q2 · terminal_acked
    ");
    assert_snapshot!(stage.rows(&again).await, @"
    pending
    09:05:00 skipped · paused at its time
    09:15:00 success · attempts 1 · fired 09:15:00 · m5q4 · terminal_acked
    09:20:00 scheduled · next 09:20:00
    ");
    assert_snapshot!(stage.rows(&never).await, @"
    cancelled: cancelled by ana
    09:05:00 cancelled · cancelled by ana
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f20_an_occurrence_that_is_under_way_is_called_off_or_held_in_the_last_moment() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    // The platform does not answer whether these addresses stand, so both are claimed and not fired.
    stage.fault(Rule::new(Fault::Hang { applied: false }).on(Verb::Probe).times(2));
    let cancelled = stage.schedules(&ana, DEPLOY, "/followup in 1m cancelled").await;
    let paused = stage.schedules(&ana, OTHER, "/followup in 1m paused").await;
    stage.until(stage.due(&paused).await.plus(Duration::from_secs(1))).await;
    for id in [&cancelled, &paused] {
        assert_eq!(stage.followup(id).await.occurrences[0].state, OccurrenceState::Running);
    }
    stage.says(&ana, DEPLOY, &format!("/cancel {cancelled}")).await;
    stage.desk().change(&Caller::Host, &paused, FollowupAct::Pause).await.expect("it is paused");
    stage.seconds(60).await;
    assert!(stage.shown_at("Reminder").is_empty(), "{}", stage.sees_all());
    assert_snapshot!(stage.rows(&cancelled).await, @"
    cancelled: cancelled by ana
    09:01:00 cancelled · cancelled by ana
    ");
    assert_snapshot!(stage.rows(&paused).await, @"
    paused: paused by the host
    09:01:00 scheduled
    ");
    stage.desk().change(&Caller::Host, &paused, FollowupAct::Resume).await.expect("it goes on");
    stage.seconds(60).await;
    assert_snapshot!(stage.sees(OTHER), @"
    ana | /followup in 1m paused
    only ana sees | Today Mon 2 Mar 09:01 UTC (in 1m) · f6j8
                    [Cancel]
    bot | Reminder · f6j8 · from ana
          Late by 1m 01s
          for Mon 2 Mar 09:01 UTC · run by hand · fired 09:02

          paused
          [Details]
    bot | ↳ @ana reminder (f6j8)
    ");
    assert_snapshot!(stage.rows(&paused).await, @"
    ended
    09:01:00 success · by hand · attempts 1 · fired 09:02:01 · m5q4 · terminal_acked
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f20_what_the_command_line_changes_beside_a_running_bot_holds_within_a_second() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let id = stage.schedules(&ana, DEPLOY, "/followup in 1m look").await;
    let other = stage.schedules(&ana, DEPLOY, "/followup in 50m look now").await;
    let beside = stage.desk_beside().await;
    beside.change(&Caller::Host, &id, FollowupAct::Cancel).await.expect("it is called off");
    beside.change(&Caller::Host, &other, FollowupAct::Run).await.expect("it runs");
    let asked = stage.clock_now();
    stage.seconds(2).await;
    let shown = stage.shown_at("Reminder");
    assert!(shown.len() == 1 && shown[0].since(asked) <= Duration::from_millis(1_010), "{shown:?} {asked}");
    stage.seconds(120).await;
    assert_snapshot!(stage.rows(&id).await, @"
    cancelled: cancelled by the host
    09:01:00 cancelled · cancelled by the host
    ");
    assert_snapshot!(stage.rows(&other).await, @"
    ended
    09:50:00 success · by hand · attempts 1 · fired 09:00:01 · c9t5 · terminal_acked
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f20_what_is_so_already_is_told_and_changes_nothing() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let id = stage.schedules(&ana, DEPLOY, "/followup every 5m look").await;
    let mut told = Vec::new();
    for act in [FollowupAct::Resume, FollowupAct::Pause, FollowupAct::Pause, FollowupAct::Cancel, FollowupAct::Cancel] {
        let done = stage.desk().change(&ana.calls_from(DEPLOY), &id, act).await.expect("the store answers");
        told.push(wilco_core::wording::followup_done(&done, stage.clock_now()).text);
    }
    assert_snapshot!(told.join("\n"), @"
    Unchanged · f6b3 · it is not paused
    Paused · f6b3 · it does not fire until it is resumed
    Unchanged · f6b3 · it is paused already
    Cancelled · f6b3 · it does not fire any more
    Unchanged · f6b3 · it was cancelled before
    ");
    stage.seconds(400).await;
    assert!(stage.shown_at("Reminder").is_empty(), "{}", stage.sees_all());
    stage.ends().await;
}
