//! An injection that does not work inside of a healthy store is tried three times more; a store that
//! cannot write costs no attempt; a full queue queues; and nobody waits for somebody else (F5, F6, F14).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use insta::assert_snapshot;
use wilco_core::command::Command;
use wilco_core::followup::OccurrenceState;
use wilco_core::{AccountId, Inbound, What};
use wilco_sim::{Fault, Rule, Verb};
use wilco_tests::disk::SmallDisk;
use wilco_tests::{Actor, Logbook, Stage, Where};

const DEPLOY: Where<'_> = Where::Thread("ops", "deploy");
const OPS: Where<'_> = Where::Channel("ops");
/// The database refuses every job of the scripted kind, as a constraint does that nobody has thought of.
const REFUSE: &str = "CREATE TRIGGER refuse BEFORE INSERT ON workers WHEN NEW.kind = 'report' \
                      BEGIN SELECT RAISE(ABORT, 'made to fail'); END";
const ALLOW: &str = "DROP TRIGGER refuse";

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

#[tokio::test(start_paused = true)]
async fn f5_f6_a_failure_that_lasts_is_tried_after_200_400_and_800_ms_and_dropped_with_its_error() {
    let log = Logbook::open();
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let id = stage.schedules(&ana, DEPLOY, "/followup in 1m /run report").await;
    stage.tampers(REFUSE).await;
    let due = stage.due(&id).await;
    let mut seen = Vec::new();
    for after in [0, 190, 210, 590, 610, 1_390, 1_410] {
        stage.until(due.plus(millis(after + 5))).await;
        let row = stage.followup(&id).await.occurrences.remove(0);
        let next = row.next.map(|at| at.since(due).as_millis());
        seen.push(format!("{after} ms: {} after {} attempts, next at {next:?} ms", row.state.name(), row.attempts));
        if after < 1_410 {
            assert_eq!(row.last_error.as_deref(), Some("made to fail"));
        }
    }
    assert_snapshot!(seen.join("\n"), @"
    0 ms: scheduled after 1 attempts, next at Some(200) ms
    190 ms: scheduled after 1 attempts, next at Some(200) ms
    210 ms: scheduled after 2 attempts, next at Some(600) ms
    590 ms: scheduled after 2 attempts, next at Some(600) ms
    610 ms: scheduled after 3 attempts, next at Some(1400) ms
    1390 ms: scheduled after 3 attempts, next at Some(1400) ms
    1410 ms: failed_dropped after 4 attempts, next at None ms
    ");
    assert_snapshot!(stage.rows(&id).await, @"
    ended: made to fail, after 4 attempts
    09:01:00 failed_dropped · made to fail, after 4 attempts · attempts 4 · last error: made to fail
    ");
    assert_eq!(log.said("injection is tried again").len(), 3);
    assert_eq!(log.said("follow-up dropped").len(), 1);
    // Whatever kept it is gone, and it stays dropped.
    stage.tampers(ALLOW).await;
    stage.seconds(120).await;
    assert_eq!(stage.puppets.waiting(), 0);
    assert_snapshot!(stage.sees(DEPLOY), @"
    ana | /followup in 1m /run report
    only ana sees | Today Mon 2 Mar 09:01 UTC (in 1m) · f6b3
                    [Cancel]
    bot | Notice · f6b3

          Follow-up f6b3 not run: made to fail, after 4 attempts. It was: /run report
          [Details]
    bot | ↳ @ana notice: follow-up (f6b3)
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f5_a_success_ends_the_tries() {
    for (refused, attempts) in [(1, 2), (250, 3), (700, 4)] {
        let stage = Stage::new().await;
        let ana = Actor::named("ana");
        let id = stage.schedules(&ana, DEPLOY, "/followup in 1m /run report").await;
        stage.tampers(REFUSE).await;
        let due = stage.due(&id).await;
        stage.until(due.plus(millis(refused))).await;
        stage.tampers(ALLOW).await;
        stage.until(due.plus(millis(3_000))).await;
        let run = stage.puppets.next();
        let mark = stage.mark(run.short.as_str()).await;
        assert_eq!((mark.due, mark.late), (due, None));
        assert!(mark.fired > due.plus(millis(refused)));
        run.ends("42");
        stage.moment().await;
        let row = stage.followup(&id).await.occurrences.remove(0);
        assert_eq!((row.state, row.attempts, row.last_error), (OccurrenceState::Success, attempts, None));
        stage.seconds(60).await;
        assert_eq!(stage.puppets.waiting(), 0, "it ran once");
        stage.ends().await;
    }
}

#[tokio::test(start_paused = true)]
async fn f5_a_restart_between_two_tries_goes_on_counting() {
    let mut stage = Stage::new().await;
    let ana = Actor::named("ana");
    let id = stage.schedules(&ana, DEPLOY, "/followup in 1m /run report").await;
    stage.tampers(REFUSE).await;
    stage.until(stage.due(&id).await.plus(millis(300))).await;
    assert_eq!(stage.followup(&id).await.occurrences[0].attempts, 2);
    stage.crashes_and_restarts().await;
    stage.seconds(5).await;
    assert_snapshot!(stage.rows(&id).await, @"
    ended: made to fail, after 4 attempts
    09:01:00 failed_dropped · made to fail, after 4 attempts · attempts 4 · last error: made to fail
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f5_too_much_under_way_is_a_reason_to_try_again_and_none_to_give_up() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let id = stage.schedules(&ana, DEPLOY, "/followup in 1m look").await;
    // Its platform takes its time over the probe, and answers into a moment in which everybody speaks.
    stage.fault(Rule::new(Fault::Hang { applied: false }).on(Verb::Probe));
    stage.until(stage.due(&id).await.plus(millis(1_990))).await;
    let (inbox, calm) = (stage.bot().inbox(), Arc::new(AtomicBool::new(false)));
    let storm: Vec<_> = (0..1_100)
        .map(|speaker| {
            let (inbox, calm, ana) = (Arc::clone(&inbox), Arc::clone(&calm), ana.clone());
            tokio::spawn(async move {
                for said in 0.. {
                    if calm.load(Ordering::SeqCst) {
                        break;
                    }
                    let inbound = Inbound {
                        account: AccountId::new("sim"),
                        event: format!("storm-{speaker}-{said}"),
                        place: ana.at(OPS),
                        person: ana.0.clone(),
                        what: What::Command(Command::Whoami),
                        at: wilco_tests::clock::BEGIN,
                    };
                    drop(inbox.offer(vec![inbound]).await);
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    tokio::time::advance(millis(20)).await;
    // No time passes while somebody speaks, so this ends as soon as the occurrence has had its turn.
    let busy = loop {
        let row = stage.followup(&id).await.occurrences.remove(0);
        if row.attempts > 0 {
            break row;
        }
        tokio::task::yield_now().await;
    };
    calm.store(true, Ordering::SeqCst);
    for speaker in storm {
        speaker.await.expect("nobody broke down");
    }
    assert_eq!((busy.state, busy.attempts), (OccurrenceState::Scheduled, 1));
    assert_eq!(busy.last_error.as_deref(), Some("too many messages were under way"));
    stage.seconds(5).await;
    assert_snapshot!(stage.rows(&id).await, @"
    ended
    09:01:00 success · attempts 2 · fired 09:01:02 · p6j8 · terminal_acked
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f14_one_that_is_tried_again_delays_no_other() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let mut others = Vec::new();
    for number in 0..6 {
        stage.schedules(&ana, OPS, &format!("/followup at 9:05 /run report {number}")).await;
        others.push(stage.schedules(&ana, DEPLOY, &format!("/followup at 9:05 reminder {number}")).await);
    }
    stage.tampers(REFUSE).await;
    let due = stage.due(&others[0]).await;
    stage.until(due.plus(millis(10))).await;
    for number in 0..6 {
        let shown = stage.shown_at(&format!("reminder {number}"));
        assert!(shown.len() == 1 && shown[0].since(due) <= millis(5), "{number}: due {due}, shown {shown:?}");
    }
    stage.seconds(5).await;
    let dropped = stage.shown_at(" not run: made to fail, after 4 attempts");
    assert_eq!(dropped.len(), 6);
    assert!(dropped.iter().all(|at| at.since(due) >= millis(1_400) && at.since(due) <= millis(1_450)), "{dropped:?}");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f14_an_address_that_does_not_answer_delays_no_other() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(stage.schedules(&ana, OPS, &format!("/followup at 9:05 slow {number}")).await);
    }
    stage.schedules(&ana, Where::Channel("random"), "/followup at 9:05 quick").await;
    stage.fault(Rule::new(Fault::Hang { applied: false }).on(Verb::Probe).channel("ops").times(5));
    let due = stage.due(&ids[0]).await;
    stage.until(due.plus(millis(10))).await;
    assert_eq!(stage.shown_at("quick").len(), 1, "{}", stage.sees_all());
    stage.seconds(20).await;
    let slow = stage.shown_at("slow");
    assert_eq!(slow.len(), 5);
    assert!(slow.iter().all(|at| at.since(due) <= millis(2_010)), "side by side, not one after the other: {slow:?}");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f5_a_store_that_cannot_write_costs_no_attempt_and_the_lateness_is_told() {
    let Some(disk) = SmallDisk::mount(4) else { return };
    let log = Logbook::open();
    let stage = Stage::builder().on(disk.path()).begin().await;
    let ana = Actor::named("ana");
    let once = stage.schedules(&ana, DEPLOY, "/followup in 1m check the deploy").await;
    let again = stage.schedules(&ana, OPS, "/followup every 5m look").await;
    disk.fill();
    log.clear();
    stage.seconds(330).await;
    assert!(stage.shown_at("Reminder").is_empty(), "nothing that is not stored has happened");
    let told = log.loud().iter().filter(|line| line.message.contains("follow-up")).count();
    assert_eq!(told, 1, "o3: an outage is told once: {:#?}", log.loud());
    disk.free();
    stage.seconds(5).await;
    assert_snapshot!(stage.rows(&once).await, @"
    ended
    09:01:00 success · attempts 1 · fired 09:05:31 · late by 4m 31s, 0 missed · c9t5 · terminal_acked
    ");
    assert_snapshot!(stage.rows(&again).await, @"
    pending
    09:05:00 success · attempts 1 · fired 09:05:31 · g3q2 · terminal_acked
    09:10:00 scheduled · next 09:10:00
    ");
    assert_snapshot!(stage.sees_all(), @"
    # ops / deploy
    ana | /followup in 1m check the deploy
    only ana sees | Today Mon 2 Mar 09:01 UTC (in 1m) · f6b3
                    [Cancel]
    bot | Reminder · f6b3 · from ana
          Late by 4m 31s
          for Mon 2 Mar 09:01 UTC · fired 09:05

          check the deploy
          [Details]
    bot | ↳ @ana reminder (f6b3)

    # ops
    ana | /followup every 5m look
    only ana sees | Every 5m · next Today Mon 2 Mar 09:05 UTC (in 5m) · f6j8
                    [Cancel]
    bot | Reminder · f6j8 · from ana
          for Mon 2 Mar 09:05 UTC

          look
          [Details]
    bot | ↳ @ana reminder (f6j8)
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f5_a_store_that_fails_between_claim_and_injection_costs_no_attempt_either() {
    let Some(disk) = SmallDisk::mount(4) else { return };
    let log = Logbook::open();
    let stage = Stage::builder().on(disk.path()).begin().await;
    let ana = Actor::named("ana");
    let id = stage.schedules(&ana, DEPLOY, "/followup in 1m check the deploy").await;
    stage.fault(Rule::new(Fault::Hang { applied: false }).on(Verb::Probe));
    stage.until(stage.due(&id).await.plus(millis(1_000))).await;
    assert_eq!(stage.followup(&id).await.occurrences[0].state, OccurrenceState::Running);
    disk.fill();
    log.clear();
    stage.seconds(180).await;
    assert_eq!(log.said("a follow-up waits for the store").len(), 1, "o3: an outage is told once");
    disk.free();
    stage.seconds(5).await;
    assert_snapshot!(stage.rows(&id).await, @"
    ended
    09:01:00 success · attempts 1 · fired 09:04:01 · p6r2 · terminal_acked
    ");
    assert_snapshot!(stage.sees(DEPLOY), @"
    ana | /followup in 1m check the deploy
    only ana sees | Today Mon 2 Mar 09:01 UTC (in 1m) · f6b3
                    [Cancel]
    bot | Reminder · f6b3 · from ana
          Late by 3m 01s
          for Mon 2 Mar 09:01 UTC · fired 09:04

          check the deploy
          [Details]
    bot | ↳ @ana reminder (f6b3)
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f5_a_full_queue_queues_a_follow_up_and_a_reminder_waits_for_no_slot() {
    let stage = Stage::builder()
        .settings(|settings| {
            settings.quotas.person_running = 1;
            settings.quotas.person_queued = 1;
            settings.quotas.channel_open = 3;
        })
        .begin()
        .await;
    let ana = Actor::named("ana");
    let job = stage.schedules(&ana, DEPLOY, "/followup in 1m /run report later").await;
    stage.schedules(&ana, DEPLOY, "/followup in 1m look").await;
    let running = stage.runs(&ana, DEPLOY).await;
    stage.says(&ana, DEPLOY, "/run report queued").await;
    let refused = stage.asks(&ana, DEPLOY, "/run report refused").await;
    assert!(refused.starts_with("Not started: 1 of your jobs are waiting already"), "{refused}");
    stage.seconds(65).await;
    assert_snapshot!(stage.sees(DEPLOY), @"
    ana | /followup in 1m /run report later
    only ana sees | Today Mon 2 Mar 09:01 UTC (in 1m) · f6b3
                    [Cancel]
    ana | /followup in 1m look
    only ana sees | Today Mon 2 Mar 09:01 UTC (in 1m) · f6j8
                    [Cancel]
    ana | /run report
    bot | Working · c9t5 · 45s · no output for 45s
          [Cancel]
    ana | /run report queued
    bot | Queued · report · g3q2 · next
          [Cancel]
    ana | /run report refused
    only ana sees | Not started: 1 of your jobs are waiting already. /jobs shows them; cancel one or wait.
    bot | Queued · report · s3e5 · 1 ahead
          scheduled · f6b3 · Mon 2 Mar 2026 09:01 UTC · by ana
          [Cancel]
    bot | Reminder · f6j8 · from ana
          for Mon 2 Mar 09:01 UTC

          look
          [Details]
    bot | ↳ @ana reminder (f6j8)
    ");
    running.ends("first");
    stage.seconds(1).await;
    stage.puppets.next().ends("second");
    stage.seconds(1).await;
    let third = stage.puppets.next();
    assert_eq!(third.input.text, "later");
    third.ends("third");
    stage.seconds(30).await;
    assert_snapshot!(stage.rows(&job).await, @"
    ended
    09:01:00 success · attempts 1 · fired 09:01:00 · s3e5 · terminal_acked
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f5_several_at_the_same_moment_are_not_refused_for_coming_too_soon() {
    let stage = Stage::builder().settings(|settings| settings.quotas.cooldown = Duration::from_secs(1)).begin().await;
    let ana = Actor::named("ana");
    let mut ids = Vec::new();
    for number in 1..=4 {
        ids.push(stage.schedules(&ana, DEPLOY, &format!("/followup at 9:05 /run report {number}")).await);
        stage.seconds(1).await;
    }
    stage.until(stage.due(&ids[0]).await.plus(Duration::from_secs(1))).await;
    for _ in 0..4 {
        stage.puppets.next().ends("42");
        stage.seconds(2).await;
    }
    for id in ids {
        let row = stage.followup(&id).await.occurrences.remove(0);
        assert_eq!((row.state, row.attempts), (OccurrenceState::Success, 1));
    }
    stage.ends().await;
}
