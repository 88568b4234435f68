//! What people do with follow-ups that exist: replace, run now, leave nothing behind (F3, F9, F10).

use insta::assert_snapshot;
use wilco_core::desk::{Caller, Desk, DeskError, FollowupWish, Limit};
use wilco_core::followup::{FollowupAct, MissedPolicy};
use wilco_tests::{Actor, Stage, Where};

const DEPLOY: Where<'_> = Where::Thread("ops", "deploy");
const OTHER: Where<'_> = Where::Thread("ops", "other");
const OPS: Where<'_> = Where::Channel("ops");
const RANDOM: Where<'_> = Where::Channel("random");

/// A person asks for the list of this thread and presses a button of one entry.
async fn presses_in_list(stage: &Stage, actor: &Actor, id: &str, label: &str) {
    stage.says(actor, DEPLOY, "/followups").await;
    stage.presses_in_row(actor, DEPLOY, id, label).await;
}

#[tokio::test(start_paused = true)]
async fn f3_the_same_key_replaces_and_says_so() {
    let stage = Stage::new().await;
    let (ana, dora) = (Actor::named("ana"), Actor::named("dora"));
    let first = stage.schedules(&ana, DEPLOY, "/followup key=deploy in 10m look early").await;
    let hers = stage.schedules(&dora, DEPLOY, "/followup key=deploy in 3m Dora looks").await;
    let second = stage.schedules(&ana, OPS, "/followup key=deploy in 5m look late").await;
    assert_snapshot!(stage.rows(&first).await, @"
    cancelled: replaced by f9t5
    09:10:00 cancelled · replaced by f9t5
    ");
    stage.seconds(1_000).await;
    assert_snapshot!(stage.sees_all(), @"
    # ops / deploy
    ana | /followup key=deploy in 10m look early
    only ana sees | Today Mon 2 Mar 09:10 UTC (in 10m) · f6b3
                    [Cancel]
    dora | /followup key=deploy in 3m Dora looks
    only dora sees | Today Mon 2 Mar 09:03 UTC (in 3m) · f6j8
                     [Cancel]
    bot | Reminder · f6j8 · from dora
          for Mon 2 Mar 09:03 UTC

          Dora looks
          [Details]
    bot | ↳ @dora reminder (f6j8)

    # ops
    ana | /followup key=deploy in 5m look late
    only ana sees | Today Mon 2 Mar 09:05 UTC (in 5m) · f9t5
                    Replaces f6b3, which does not fire any more.
                    [Cancel]
    bot | Reminder · f9t5 · from ana
          for Mon 2 Mar 09:05 UTC

          look late
          [Details]
    bot | ↳ @ana reminder (f9t5)
    ");
    assert!(stage.rows(&second).await.starts_with("ended"), "{}", stage.rows(&second).await);
    assert!(stage.rows(&hers).await.starts_with("ended"), "{}", stage.rows(&hers).await);
    // What has ended holds its key no longer.
    assert!(!stage.asks(&ana, DEPLOY, "/followup key=deploy in 5m once more").await.contains("Replaces"));
    stage.seconds(400).await;
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f9_a_follow_up_that_shall_leave_nothing_leaves_nothing_after_success_and_after_a_drop() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let wish = |text: &str| FollowupWish {
        when: "in 1m".to_owned(),
        text: text.to_owned(),
        delete_after_run: true,
        ..FollowupWish::default()
    };
    let done = stage.wishes(&ana, Where::Direct, wish("look")).await;
    let dropped = stage.wishes(&ana, DEPLOY, wish("look there")).await;
    let failed = stage.wishes(&ana, RANDOM, wish("/run report")).await;
    let by_hand = stage.wishes(&ana, OTHER, FollowupWish { when: "in 1h".to_owned(), ..wish("look now") }).await;
    stage.platform.remove(&stage.address(DEPLOY));
    stage.desk().change(&Caller::Host, &by_hand, FollowupAct::Run).await.expect("it runs");
    stage.seconds(61).await;
    stage.puppets.next().fails("exit 2", "the disk is full");
    stage.seconds(1).await;
    assert_snapshot!(stage.sees(OPS), @"
    bot | Notice · f6j8

          Follow-up f6j8 not run: there is no such channel. It was: look there
          [Details]
    bot | ↳ @ana notice: follow-up (f6j8)
    ");
    assert_eq!(stage.shown_at("Reminder").len(), 2, "{}", stage.sees_all());
    for id in [&done, &dropped, &by_hand] {
        let gone = stage.desk().followup(&Caller::Host, id, Limit::default()).await;
        assert!(matches!(gone, Err(DeskError::NotFound(_))), "{gone:?}");
        let again = stage.desk().change(&Caller::Host, id, FollowupAct::Run).await;
        assert!(matches!(again, Err(DeskError::NotFound(_))), "{again:?}");
    }
    assert_eq!(stage.peeks("SELECT id FROM occurrences").await.len(), 1, "one row is left, of the one that failed");
    assert_snapshot!(stage.rows(&failed).await, @"
    ended: s3e5 failed: exit 2
    09:01:00 failed · s3e5 failed: exit 2 · attempts 1 · fired 09:01:00 · s3e5 · terminal_acked
    ");
    stage.seconds(3_700).await;
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f10_run_by_hand_ends_in_the_same_rows_as_run_by_the_clock() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let by_clock = stage.schedules(&ana, DEPLOY, "/followup in 1m look").await;
    stage.seconds(70).await;
    let by_hand = stage.schedules(&ana, OTHER, "/followup in 10m look").await;
    stage.says(&ana, OTHER, "/followups").await;
    stage.presses_in_row(&ana, OTHER, &by_hand, "Run now").await;
    stage.seconds(1).await;
    assert_snapshot!(stage.sees(OTHER), @"
    ana | /followup in 10m look
    only ana sees | Today Mon 2 Mar 09:11:10 UTC (in 10m) · f9t5
                    [Cancel]
    ana | /followups
    only ana sees | 1 follow-up
                    - `f9t5` · Today Mon 2 Mar 09:11:10 UTC (in 10m) · look · by ana
                      [Cancel] [Run now] [Pause]
    only ana sees | Runs now · f9t5
    bot | Reminder · f9t5 · from ana
          for Mon 2 Mar 09:11:10 UTC · run by hand · fired 09:01

          look
          [Details]
    bot | ↳ @ana reminder (f9t5)
    ");
    let (clock, hand) = (stage.followup(&by_clock).await, stage.followup(&by_hand).await);
    assert_eq!((clock.followup.state, &clock.followup.reason), (hand.followup.state, &hand.followup.reason));
    let [clock, hand] = [&clock.occurrences[0], &hand.occurrences[0]];
    assert_eq!((clock.manual, hand.manual), (false, true));
    let settled = |one: &wilco_core::desk::OccurrenceView| {
        (one.state, one.reason.clone(), one.attempts, one.last_error.clone(), one.late, one.delivery, one.next)
    };
    assert_eq!(settled(clock), settled(hand));
    let told = stage.asks(&ana, OTHER, &format!("/cancel {by_hand}")).await;
    assert_snapshot!(told, @"Unchanged · f9t5 · it has had its last occurrence");
    stage.seconds(700).await;
    assert_eq!(stage.shown_at("Reminder").len(), 2, "it does not come again at its first time: {}", stage.sees_all());
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f10_a_recurring_one_runs_by_hand_beside_its_schedule_and_a_failure_counts_as_any() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let id = stage.schedules(&ana, DEPLOY, "/followup every 10m /run report").await;
    stage.seconds(60).await;
    presses_in_list(&stage, &ana, &id, "Run now").await;
    let run = stage.puppets.next();
    // A second press while it runs starts no second one.
    presses_in_list(&stage, &ana, &id, "Run now").await;
    assert_eq!(stage.puppets.waiting(), 0);
    run.fails("exit 2", "no");
    stage.seconds(545).await;
    stage.puppets.next().ends("42");
    stage.seconds(30).await;
    assert_snapshot!(stage.sees(DEPLOY), @"
    ana | /followup every 10m /run report
    only ana sees | Every 10m · next Today Mon 2 Mar 09:10 UTC (in 10m) · f6b3
                    [Cancel]
    ana | /followups
    only ana sees | 1 follow-up
                    - `f6b3` · Today Mon 2 Mar 09:10 UTC (in 9m) · every 10m · /run report · by ana
                      [Cancel] [Run now] [Pause]
    only ana sees | Runs now · f6b3
    bot | Failed · p6j8 · exit 2
          run by hand · f6b3 · Mon 2 Mar 2026 09:01 UTC · by ana

          no
          [Run again] [Details]
    ana | /followups
    only ana sees | 1 follow-up
                    - `f6b3` · Today Mon 2 Mar 09:10 UTC (in 9m) · every 10m · /run report · by ana
                      [Cancel] [Run now] [Pause]
    only ana sees | Unchanged · f6b3 · p6j8 of it still runs
    bot | ↳ @ana failed: report (p6j8)
    bot | Done · c9t5 · 5s
          scheduled · f6b3 · Mon 2 Mar 2026 09:10 UTC · by ana

          42
          [Details]
    bot | ↳ @ana done: report (c9t5)
    ");
    assert_snapshot!(stage.rows(&id).await, @"
    pending
    09:01:00 failed · by hand · p6j8 failed: exit 2 · attempts 1 · fired 09:01:00 · p6j8 · terminal_acked
    09:10:00 success · attempts 1 · fired 09:10:00 · c9t5 · terminal_acked
    09:20:00 scheduled · next 09:20:00
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f10_f20_what_is_paused_runs_by_hand_and_stays_paused() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let id = stage.schedules(&ana, DEPLOY, "/followup every 5m look").await;
    presses_in_list(&stage, &ana, &id, "Pause").await;
    stage.seconds(10).await;
    stage.desk().change(&ana.calls_from(DEPLOY), &id, FollowupAct::Run).await.expect("it runs");
    stage.seconds(900).await;
    assert_eq!(stage.shown_at("Reminder").len(), 1, "{}", stage.sees_all());
    assert_snapshot!(stage.rows(&id).await, @"
    paused: paused by ana
    09:00:10 success · by hand · attempts 1 · fired 09:00:10 · p6j8 · terminal_acked
    09:05:00 scheduled
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f3_a_key_is_one_short_line_and_a_text_has_an_end() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let long = stage.asks(&ana, DEPLOY, &format!("/followup key={} in 5m look", "k".repeat(65))).await;
    assert_snapshot!(long, @"Not scheduled: a key is one line of 1 to 64 characters.");
    let endless = stage.asks(&ana, DEPLOY, &format!("/followup in 5m {}", "look ".repeat(4_000))).await;
    assert_snapshot!(endless, @"Not scheduled: the text is longer than 16 KiB.");
    let wish = FollowupWish {
        when: "in 5m".to_owned(),
        text: "look".to_owned(),
        key: Some("two\nlines".to_owned()),
        ..FollowupWish::default()
    };
    let refused = stage.desk().schedule(&ana.calls_from(DEPLOY), &ana.at(DEPLOY), "wish", &wish).await;
    assert_snapshot!(refused.expect_err("it is refused"), @"Not scheduled: a key is one line of 1 to 64 characters.");
    assert!(stage.peeks("SELECT id FROM followups").await.is_empty());
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn m13_a_command_that_is_delivered_twice_schedules_once() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    stage.schedules(&ana, DEPLOY, "/followup in 5m look").await;
    assert!(stage.platform.redeliver_last(&wilco_core::AccountId::new("sim")));
    stage.seconds(1).await;
    assert_eq!(stage.peeks("SELECT id FROM followups").await.len(), 1);
    stage.seconds(310).await;
    assert_eq!(stage.shown_at("Reminder").len(), 1, "{}", stage.sees_all());
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f20_a_one_shot_that_is_resumed_after_its_time_fires_at_once_whatever_the_policy_for_outages() {
    for missed in [MissedPolicy::RunLate, MissedPolicy::Notice] {
        let stage = Stage::builder().settings(|settings| settings.followups.missed = missed).begin().await;
        let ana = Actor::named("ana");
        let id = stage.schedules(&ana, DEPLOY, "/followup in 1m look").await;
        stage.desk().change(&Caller::Host, &id, FollowupAct::Pause).await.unwrap();
        stage.seconds(600).await;
        assert!(stage.shown_at("Reminder").is_empty(), "it is paused");
        stage.desk().change(&Caller::Host, &id, FollowupAct::Resume).await.unwrap();
        stage.seconds(5).await;
        let rows = stage.rows(&id).await;
        insta::allow_duplicates! {
            assert_snapshot!(rows, @"
            ended
            09:01:00 success · by hand · attempts 1 · fired 09:10:00 · p6j8 · terminal_acked
            ");
        }
        stage.ends().await;
    }
}
