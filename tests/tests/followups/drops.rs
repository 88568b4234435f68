//! What will not mend by itself drops at once, for good, and is told; a platform that is down drops
//! nothing (F4, F7, F8, F12, F22).

use std::time::Duration;

use futures::{FutureExt, StreamExt};
use insta::assert_snapshot;
use tracing::Level;
use wilco_core::access::Role;
use wilco_core::contract::ContractState;
use wilco_core::desk::{Caller, Desk, FollowupDone, FollowupWish, Notice};
use wilco_core::followup::{FollowupAct, OccurrenceState};
use wilco_core::{AccountId, Address, Place, Scope};
use wilco_sim::{Fault, Rule, Verb};
use wilco_tests::{Actor, Logbook, Stage, Where};

const DEPLOY: Where<'_> = Where::Thread("ops", "deploy");
const OPS: Where<'_> = Where::Channel("ops");

/// How often the bot has asked whether an address stands.
fn probes(stage: &Stage) -> usize {
    stage.platform.log().iter().filter_map(|entry| entry.call()).filter(|call| call.verb == Verb::Probe).count()
}

#[tokio::test(start_paused = true)]
async fn f4_f12_a_deleted_thread_drops_at_once_and_is_told_along_the_route() {
    let log = Logbook::open();
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let id = stage.schedules(&ana, DEPLOY, "/followup in 5m check the deploy").await;
    stage.platform.remove(&stage.address(DEPLOY));
    let mut notices = stage.desk().subscribe();
    log.clear();
    let due = stage.due(&id).await;
    stage.until(due.plus(Duration::from_millis(20))).await;
    assert_snapshot!(stage.rows(&id).await, @"
    ended: there is no such channel
    09:05:00 failed_dropped · there is no such channel · attempts 1 · last error: there is no such channel
    ");
    assert_snapshot!(stage.sees(OPS), @"
    bot | Notice · f6b3

          Follow-up f6b3 not run: there is no such channel. It was: check the deploy
          [Details]
    bot | ↳ @ana notice: follow-up (f6b3)
    ");
    assert_eq!(probes(&stage), 1, "it is asked once and not again");

    let told: Vec<Notice> = std::iter::from_fn(|| notices.next().now_or_never().flatten()).collect();
    let about = told.iter().find_map(|notice| match notice {
        Notice::Followup { short, address, status, reason } => Some((short.as_str(), address, *status, reason)),
        Notice::Job { .. } => None,
    });
    let reason = Some("there is no such channel".to_owned());
    assert_eq!(about, Some((id.as_str(), &stage.address(DEPLOY), OccurrenceState::FailedDropped, &reason)));
    let dropped = log.said("follow-up dropped");
    assert_eq!(dropped.len(), 1, "each drop is one line");
    assert_eq!(
        (dropped[0].level, dropped[0].field("followup_id"), dropped[0].field("status"), dropped[0].field("reason")),
        (Level::WARN, id.as_str(), "failed_dropped", "there is no such channel")
    );
    assert!(!dropped[0].whole().contains("check the deploy"), "nobody's words: {}", dropped[0].whole());
    stage.seconds(60).await;
    assert_eq!(probes(&stage), 1);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f4_d10_where_the_channel_is_gone_as_well_its_person_is_told_directly() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    stage.schedules(&ana, DEPLOY, "/followup in 5m check the deploy").await;
    stage.platform.remove(&stage.address(OPS));
    stage.seconds(310).await;
    assert_snapshot!(stage.sees_as(&ana, Where::Direct), @"
    bot | Notice · f6b3

          Follow-up f6b3 not run: there is no such channel. It was: check the deploy
          [Details]
    bot | ↳ @ana notice: follow-up (f6b3)
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f4_what_comes_again_rests_when_its_thread_is_gone_and_is_told_of_once() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let id = stage.schedules(&ana, DEPLOY, "/followup every 5m check the deploy").await;
    stage.seconds(310).await;
    stage.platform.remove(&stage.address(DEPLOY));
    stage.seconds(1_200).await;
    assert_snapshot!(stage.sees(OPS), @"
    bot | Notice · f6b3

          Follow-up f6b3 paused: there is no such channel. The list of follow-ups has Resume. It was: check the deploy
          [Details]
    bot | ↳ @ana notice: follow-up (f6b3)
    ");
    assert_snapshot!(stage.rows(&id).await, @"
    paused: there is no such channel
    09:05:00 success · attempts 1 · fired 09:05:00 · p6j8 · terminal_acked
    09:10:00 failed_dropped · there is no such channel · attempts 1 · last error: there is no such channel
    09:15:00 scheduled
    ");
    assert_eq!(probes(&stage), 2, "one for the time it came, one for the time it was gone");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f12_what_can_be_told_nowhere_stands_on_the_operators_list() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let id = stage.schedules(&ana, DEPLOY, "/followup in 5m check the deploy").await;
    stage.platform.remove(&stage.address(OPS));
    stage.platform.remove(&stage.address(Where::Direct));
    stage.seconds(310).await;
    assert_snapshot!(stage.rows(&id).await, @"
    ended: there is no such channel
    09:05:00 failed_dropped · there is no such channel · attempts 1 · last error: there is no such channel
    ");
    assert_snapshot!(stage.operators_list().await, @"
    m9c9 content 0: no_stub: deleted: there is no such channel
    m9c9 stub 0: deleted: there is no such channel
    ");
    let notice = &stage.jobs().await[0];
    assert_eq!(stage.contract(notice.short.as_str()).await, ContractState::TerminalFailed);
    assert!(notice.input.contains(&id), "the list leads to what was to be told: {}", notice.input);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f4_a_right_that_was_taken_away_drops_and_pauses_what_comes_again() {
    let mut stage = Stage::new().await;
    let ana = Actor::named("ana");
    let once = stage.schedules(&ana, DEPLOY, "/followup in 5m once").await;
    let again = stage.schedules(&ana, OPS, "/followup every 5m /run report").await;
    stage
        .configures(|settings| {
            for rule in &mut settings.access.rules {
                if rule.user.as_deref() == Some("id-ana") {
                    rule.grant = Role::Viewer;
                }
            }
        })
        .await;
    stage.seconds(1_000).await;
    assert_eq!(stage.puppets.waiting(), 0, "nothing runs in her name");
    assert_snapshot!(stage.sees_all(), @"
    # ops / deploy
    ana | /followup in 5m once
    only ana sees | Today Mon 2 Mar 09:05 UTC (in 5m) · f6b3
                    [Cancel]
    bot | Notice · f6b3

          Follow-up f6b3 not run: ana may not do this any more (needs role operator, has role viewer). It was: once
          [Details]
    bot | ↳ @ana notice: follow-up (f6b3)

    # ops
    ana | /followup every 5m /run report
    only ana sees | Every 5m · next Today Mon 2 Mar 09:05 UTC (in 5m) · f6j8
                    [Cancel]
    bot | Notice · f6j8

          Follow-up f6j8 paused: ana may not do this any more (needs role operator, has role viewer). The list of follow-ups has Resume. It was: /run report
          [Details]
    bot | ↳ @ana notice: follow-up (f6j8)
    ");
    assert_snapshot!(stage.rows(&once).await, @"
    ended: ana may not do this any more (needs role operator, has role viewer)
    09:05:00 failed_dropped · ana may not do this any more (needs role operator, has role viewer) · attempts 1 · last error: ana may not do this any more (needs role operator, has role viewer)
    ");
    assert_snapshot!(stage.rows(&again).await, @"
    paused: ana may not do this any more (needs role operator, has role viewer)
    09:05:00 failed_dropped · ana may not do this any more (needs role operator, has role viewer) · attempts 1 · last error: ana may not do this any more (needs role operator, has role viewer)
    09:10:00 scheduled
    ");
    // The right comes back; what was dropped does not, and what was paused goes on when it is told to.
    stage
        .configures(|settings| {
            for rule in &mut settings.access.rules {
                if rule.user.as_deref() == Some("id-ana") {
                    rule.grant = Role::Operator;
                }
            }
        })
        .await;
    stage.says(&ana, OPS, "/followups").await;
    stage.presses_in_row(&ana, OPS, &again, "Resume").await;
    stage.seconds(300).await;
    stage.puppets.next().ends("42");
    stage.moment().await;
    assert_eq!(stage.shown_at("Reminder").len(), 0);
    assert!(stage.rows(&again).await.contains(" success · "), "{}", stage.rows(&again).await);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f4_who_is_no_user_any_more_is_not_spoken_for() {
    let mut stage = Stage::new().await;
    let ana = Actor::named("ana");
    let id = stage.schedules(&ana, DEPLOY, "/followup in 1m /run report").await;
    stage.configures(|settings| settings.access.rules.retain(|rule| rule.user.as_deref() != Some("id-ana"))).await;
    stage.seconds(70).await;
    assert_snapshot!(stage.rows(&id).await, @"
    ended: ana may not do this any more (needs role operator, has no role)
    09:01:00 failed_dropped · ana may not do this any more (needs role operator, has no role) · attempts 1 · last error: ana may not do this any more (needs role operator, has no role)
    ");
    assert_snapshot!(stage.sees(DEPLOY), @"
    ana | /followup in 1m /run report
    only ana sees | Today Mon 2 Mar 09:01 UTC (in 1m) · f6b3
                    [Cancel]
    bot | Notice · f6b3

          Follow-up f6b3 not run: ana may not do this any more (needs role operator, has no role). It was: /run report
          [Details]
    bot | ↳ @ana notice: follow-up (f6b3)
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f4_an_account_that_is_not_configured_any_more_drops_at_once() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    // No adapter of this process has this account, as after a restart without it.
    let place = Place::public(Address::channel("sim:old", "ops"));
    let caller = Caller::Person {
        account: AccountId::new("sim:old"),
        person: ana.0.clone(),
        address: Some(place.address.clone()),
        guild: None,
    };
    let wish = FollowupWish { when: "in 1m".to_owned(), text: "look".to_owned(), ..FollowupWish::default() };
    let set = stage.desk().schedule(&caller, &place, "wish", &wish).await.expect("it is scheduled");
    let due = set.first;
    stage.until(due.plus(Duration::from_millis(20))).await;
    assert_snapshot!(stage.rows(set.followup.short.as_str()).await, @"
    ended: the account sim:old is not configured any more
    09:01:00 failed_dropped · the account sim:old is not configured any more · attempts 1 · last error: the account sim:old is not configured any more
    ");
    // What is to be told about it waits for the account, and whoever looks at the bot sees why.
    let told = stage.asks(&ana, OPS, "/status").await;
    assert_snapshot!(told, @"
    Running 0 · queued 0 · waiting to be delivered 1 · oldest 0s
    Paused · sim:old · not_connected: no account of this name is configured
    ");
    stage.ends_with_running_jobs().await;
}

#[tokio::test(start_paused = true)]
async fn f4_a_platform_that_is_down_or_busy_drops_nothing_and_the_result_comes_later() {
    let probed = [
        Fault::Dropped,
        Fault::RetryAfter { millis: 90_000, scope: Scope::Chat },
        Fault::ServerError { applied: false },
        Fault::Hang { applied: false },
        Fault::StopAccount,
        Fault::Bug,
    ];
    for fault in probed {
        let mut stage = Stage::new().await;
        let ana = Actor::named("ana");
        let id = stage.schedules(&ana, DEPLOY, "/followup in 1m check the deploy").await;
        stage.fault(Rule::new(fault.clone()).on(Verb::Probe));
        stage.seconds(80).await;
        // What the platform asked for holds for the result, too; whatever a person has to repair is repaired.
        if fault == Fault::StopAccount {
            stage.configures(|_| {}).await;
        }
        stage.seconds(90).await;
        assert!(stage.sees(DEPLOY).contains("check the deploy\n"), "{fault:?}\n{}", stage.sees(DEPLOY));
        let row = &stage.followup(&id).await.occurrences[0];
        assert_eq!((row.state, row.attempts), (OccurrenceState::Success, 1), "{fault:?}");
        assert!(stage.platform.faults_left().is_empty(), "{fault:?} was met");
        stage.ends().await;
    }
}

#[tokio::test(start_paused = true)]
async fn f4_a_reminder_that_is_due_in_an_outage_is_shown_when_the_platform_is_back() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let id = stage.schedules(&ana, DEPLOY, "/followup in 1m check the deploy").await;
    let sim = AccountId::new("sim");
    stage.platform.offline(&sim, true);
    stage.seconds(300).await;
    assert_snapshot!(stage.rows(&id).await, @"
    ended
    09:01:00 success · attempts 1 · fired 09:01:00 · p6j8 · terminal_pending
    ");
    stage.platform.offline(&sim, false);
    stage.seconds(600).await;
    assert_snapshot!(stage.rows(&id).await, @"
    ended
    09:01:00 success · attempts 1 · fired 09:01:00 · p6j8 · terminal_acked
    ");
    assert_snapshot!(stage.sees(DEPLOY), @"
    ana | /followup in 1m check the deploy
    only ana sees | Today Mon 2 Mar 09:01 UTC (in 1m) · f6b3
                    [Cancel]
    bot | Reminder · f6b3 · from ana
          for Mon 2 Mar 09:01 UTC

          check the deploy
          [Details]
    bot | ↳ @ana reminder (f6b3)
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f7_dropped_and_failed_are_two_words_wherever_they_are_read() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let dropped = stage.schedules(&ana, DEPLOY, "/followup in 1m look").await;
    let failed = stage.schedules(&ana, OPS, "/followup in 1m /run report").await;
    stage.platform.remove(&stage.address(DEPLOY));
    stage.seconds(61).await;
    stage.puppets.next().fails("exit 2", "no");
    stage.moment().await;
    for (id, word) in [(&dropped, "failed_dropped"), (&failed, "failed")] {
        let json = serde_json::to_value(stage.followup(id).await).expect("it serialises");
        assert_eq!(json["occurrences"][0]["state"], word);
        assert_eq!(json["followup"]["last"]["state"], word);
    }
    let stored = stage.peeks("SELECT state FROM occurrences ORDER BY state").await;
    let stored: Vec<String> = stored.iter().map(|row| row.text("state").expect("a word")).collect();
    assert_eq!(stored, ["failed", "failed_dropped"]);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f8_a_dropped_one_shot_never_fires_again() {
    let mut stage = Stage::new().await;
    let ana = Actor::named("ana");
    let id = stage.schedules(&ana, DEPLOY, "/followup in 1m look").await;
    stage.platform.remove(&stage.address(DEPLOY));
    stage.seconds(70).await;
    let rows = stage.rows(&id).await;
    assert_snapshot!(rows, @"
    ended: there is no such channel
    09:01:00 failed_dropped · there is no such channel · attempts 1 · last error: there is no such channel
    ");
    // The thread is back, and nothing else that comes to pass brings it back, either.
    stage.platform.reopen(&stage.address(DEPLOY));
    stage.seconds(300).await;
    stage.crashes_and_restarts().await;
    stage.seconds(300).await;
    stage.drains().await;
    stage.seconds(3_600).await;
    stage.start().await;
    stage.clock().step_wall(-600_000);
    stage.seconds(700).await;
    for act in FollowupAct::ALL {
        let done = stage.desk().change(&Caller::Host, &id, act).await.expect("the store answers");
        let FollowupDone::Unchanged { why, .. } = done else { panic!("{act:?} did {done:?}") };
        assert_eq!(why, "it has had its last occurrence");
    }
    stage.says(&ana, DEPLOY, &format!("/cancel {id}")).await;
    stage.seconds(60).await;
    assert_eq!(stage.rows(&id).await, rows);
    assert_snapshot!(stage.sees(DEPLOY), @"
    ana | /followup in 1m look
    only ana sees | Today Mon 2 Mar 09:01 UTC (in 1m) · f6b3
                    [Cancel]
    ana | /cancel f6b3
    only ana sees | Unchanged · f6b3 · it has had its last occurrence
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f22_what_was_done_and_could_not_be_shown_is_told_apart() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let id = stage.schedules(&ana, DEPLOY, "/followup in 1m /run report").await;
    stage.seconds(61).await;
    let run = stage.puppets.next();
    for place in [DEPLOY, OPS, Where::Direct] {
        stage.platform.remove(&stage.address(place));
    }
    run.ends("All is well.");
    stage.seconds(60).await;
    assert_snapshot!(stage.rows(&id).await, @"
    ended
    09:01:00 success · attempts 1 · fired 09:01:00 · p6j8 · terminal_failed
    ");
    let row = &stage.followup(&id).await.occurrences[0];
    assert_eq!((row.state, row.delivery), (OccurrenceState::Success, Some(ContractState::TerminalFailed)));
    let json = serde_json::to_value(row).expect("it serialises");
    assert_eq!((json["state"].as_str(), json["delivery"].as_str()), (Some("success"), Some("terminal_failed")));
    assert_snapshot!(stage.operators_list().await, @"
    p6j8 stub 0: deleted: there is no such channel
    p6j8 content 0: no_stub: deleted: there is no such channel
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f22_what_is_still_on_its_way_is_not_called_delivered() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let id = stage.schedules(&ana, DEPLOY, "/followup in 1m /run report").await;
    stage.seconds(61).await;
    let run = stage.puppets.next();
    stage.fault(Rule::new(Fault::Dropped).on(Verb::Edit).always());
    run.ends("All is well.");
    stage.seconds(60).await;
    let row = stage.followup(&id).await.occurrences.remove(0);
    assert_eq!((row.state, row.delivery), (OccurrenceState::Success, Some(ContractState::TerminalPending)));
    stage.platform.calm();
    stage.seconds(300).await;
    let row = stage.followup(&id).await.occurrences.remove(0);
    assert_eq!((row.state, row.delivery), (OccurrenceState::Success, Some(ContractState::TerminalAcked)));
    stage.ends().await;
}
