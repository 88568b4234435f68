//! A follow-up comes where it was asked for, and who reads along there, and nobody else, sees it (F16, F21).

use insta::assert_snapshot;
use wilco_core::desk::{Desk, FollowupFilter};
use wilco_tests::{Actor, Stage, Where};

const DEPLOY: Where<'_> = Where::Thread("ops", "deploy");
const OPS: Where<'_> = Where::Channel("ops");
const RANDOM: Where<'_> = Where::Channel("random");
const SECRET: Where<'_> = Where::PrivateThread("ops", "layoffs");

#[tokio::test(start_paused = true)]
async fn f21_a_reminder_comes_where_it_was_asked_for_and_nowhere_else() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    for (place, text) in [(OPS, "channel"), (DEPLOY, "thread"), (SECRET, "secret"), (Where::Direct, "direct")] {
        stage.schedules(&ana, place, &format!("/followup in 1m {text}")).await;
    }
    stage.seconds(90).await;
    assert_snapshot!(stage.sees_all(), @"
    # ops
    ana | /followup in 1m channel
    only ana sees | Today Mon 2 Mar 09:01 UTC (in 1m) · f6b3
                    [Cancel]
    bot | Reminder · f6b3 · from ana
          for Mon 2 Mar 09:01 UTC

          channel
          [Details]
    bot | ↳ @ana reminder (f6b3)

    # ops / deploy
    ana | /followup in 1m thread
    only ana sees | Today Mon 2 Mar 09:01 UTC (in 1m) · f6j8
                    [Cancel]
    bot | Reminder · f6j8 · from ana
          for Mon 2 Mar 09:01 UTC

          thread
          [Details]
    bot | ↳ @ana reminder (f6j8)

    # ops / layoffs
    ana | /followup in 1m secret
    only ana sees | Today Mon 2 Mar 09:01 UTC (in 1m) · f9t5
                    [Cancel]
    bot | Reminder · f9t5 · from ana
          for Mon 2 Mar 09:01 UTC

          secret
          [Details]
    bot | ↳ @ana reminder (f9t5)

    # dm-id-ana
    ana | /followup in 1m direct
    only ana sees | Today Mon 2 Mar 09:01 UTC (in 1m) · f3q2
                    [Cancel]
    bot | Reminder · f3q2 · from ana
          for Mon 2 Mar 09:01 UTC

          direct
          [Details]
    bot | ↳ @ana reminder (f3q2)
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f21_d10_what_a_private_thread_cannot_show_any_more_reaches_its_person_and_not_the_channel() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let id = stage.schedules(&ana, SECRET, "/followup in 1m /run report salaries").await;
    stage.seconds(61).await;
    let run = stage.puppets.next();
    stage.platform.remove(&stage.address(SECRET));
    run.ends("Everybody gets more.");
    stage.seconds(30).await;
    assert_snapshot!(stage.sees_as(&ana, Where::Direct), @"
    bot | Done · p6j8 · 1s
          scheduled · f6b3 · Mon 2 Mar 2026 09:01 UTC · by ana

          Everybody gets more.
          [Details]
    bot | ↳ @ana done: report (p6j8)
    ");
    assert!(!stage.sees(OPS).contains("salaries") && !stage.sees(OPS).contains("Everybody"), "{}", stage.sees(OPS));
    assert_snapshot!(stage.rows(&id).await, @"
    ended
    09:01:00 success · attempts 1 · fired 09:01:00 · p6j8 · terminal_acked
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f16_follow_ups_are_listed_where_they_are_and_to_whom_they_belong() {
    let stage = Stage::new().await;
    let [ana, bo, cleo, dora] = ["ana", "bo", "cleo", "dora"].map(Actor::named);
    stage.schedules(&ana, DEPLOY, "/followup in 10m look at the deploy").await;
    stage.schedules(&ana, DEPLOY, "/followup key=report every day 9:30 Europe/Berlin /run report all").await;
    stage.schedules(&dora, DEPLOY, "/followup in 5m water the plants").await;
    stage.schedules(&ana, SECRET, "/followup in 20m talk about money").await;
    stage.schedules(&ana, RANDOM, "/followup in 30m **bold** `code` [link](https://example.org)").await;

    stage.says(&ana, DEPLOY, "/followups").await;
    assert_snapshot!(stage.note(&ana).text, @"5 follow-ups");
    stage.says(&bo, DEPLOY, "/followups").await;
    stage.says(&dora, RANDOM, "/followups").await;
    stage.says(&cleo, SECRET, "/followups").await;
    stage.says(&dora, OPS, "/followups").await;
    stage.says(&dora, SECRET, "/followups").await;
    assert_snapshot!(stage.sees_all(), @"
    # ops / deploy
    ana | /followup in 10m look at the deploy
    only ana sees | Today Mon 2 Mar 09:10 UTC (in 10m) · f6b3
                    [Cancel]
    ana | /followup key=report every day 9:30 Europe/Berlin /run report all
    only ana sees | Every day 9:30 · next Tomorrow Tue 3 Mar 09:30 Europe/Berlin (in 23h 30m) · f6j8
                    [Cancel]
    dora | /followup in 5m water the plants
    only dora sees | Today Mon 2 Mar 09:05 UTC (in 5m) · f9t5
                     [Cancel]
    ana | /followups
    only ana sees | 5 follow-ups
                    - `f9t5` · Today Mon 2 Mar 09:05 UTC (in 5m) · water the plants · by dora
                    - `f6b3` · Today Mon 2 Mar 09:10 UTC (in 10m) · look at the deploy · by ana
                      [Cancel] [Run now] [Pause]
                    - `f3q2` · Today Mon 2 Mar 09:20 UTC (in 20m) · talk about money · by ana
                      [Cancel] [Run now] [Pause]
                    - `f5q4` · Today Mon 2 Mar 09:30 UTC (in 30m) · ∗∗bold∗∗ 'code' [link] (https://example.org) · by ana
                      [Cancel] [Run now] [Pause]
                    - `f6j8` · Tomorrow Tue 3 Mar 09:30 Europe/Berlin (in 23h 30m) · every day 9:30 · /run report all · by ana · key report
                      [Cancel] [Run now] [Pause]
    bo | /followups
    only bo sees | 3 follow-ups
                   - `f9t5` · Today Mon 2 Mar 09:05 UTC (in 5m) · water the plants · by dora
                   - `f6b3` · Today Mon 2 Mar 09:10 UTC (in 10m) · look at the deploy · by ana
                   - `f6j8` · Tomorrow Tue 3 Mar 09:30 Europe/Berlin (in 23h 30m) · every day 9:30 · /run report all · by ana · key report

    # ops / layoffs
    ana | /followup in 20m talk about money
    only ana sees | Today Mon 2 Mar 09:20 UTC (in 20m) · f3q2
                    [Cancel]
    cleo | /followups
    only cleo sees | 1 follow-up
                     - `f3q2` · Today Mon 2 Mar 09:20 UTC (in 20m) · talk about money · by ana
                       [Cancel] [Run now] [Pause]
    dora | /followups
    only dora sees | 2 follow-ups
                     - `f9t5` · Today Mon 2 Mar 09:05 UTC (in 5m) · water the plants · by dora
                       [Cancel] [Run now] [Pause]
                     - `f3q2` · Today Mon 2 Mar 09:20 UTC (in 20m) · talk about money · by ana

    # random
    ana | /followup in 30m **bold** `code` [link](https://example.org)
    only ana sees | Today Mon 2 Mar 09:30 UTC (in 30m) · f5q4
                    [Cancel]
    dora | /followups
    only dora sees | 2 follow-ups
                     - `f9t5` · Today Mon 2 Mar 09:05 UTC (in 5m) · water the plants · by dora
                       [Cancel] [Run now] [Pause]
                     - `f5q4` · Today Mon 2 Mar 09:30 UTC (in 30m) · ∗∗bold∗∗ 'code' [link] (https://example.org) · by ana

    # ops
    dora | /followups
    only dora sees | 3 follow-ups
                     - `f9t5` · Today Mon 2 Mar 09:05 UTC (in 5m) · water the plants · by dora
                       [Cancel] [Run now] [Pause]
                     - `f6b3` · Today Mon 2 Mar 09:10 UTC (in 10m) · look at the deploy · by ana
                     - `f6j8` · Tomorrow Tue 3 Mar 09:30 Europe/Berlin (in 23h 30m) · every day 9:30 · /run report all · by ana · key report
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f16_nobody_else_may_cancel_pause_or_run_it_and_elsewhere_it_does_not_exist() {
    let stage = Stage::new().await;
    let [ana, bo, dora] = ["ana", "bo", "dora"].map(Actor::named);
    let id = stage.schedules(&ana, DEPLOY, "/followup in 10m look").await;
    stage.says(&ana, DEPLOY, "/followups").await;
    let note = stage.note(&ana);
    let buttons = &note.rows[0].buttons;
    assert_eq!(buttons.iter().map(|button| button.label.as_str()).collect::<Vec<_>>(), ["Cancel", "Run now", "Pause"]);
    // A press arrives from whoever sends it, whether or not their client ever showed the button.
    for (actor, place) in [(&bo, DEPLOY), (&dora, DEPLOY), (&dora, RANDOM)] {
        for button in buttons {
            stage.presses_late(actor, place, None, &button.press).await;
        }
        stage.says(actor, place, &format!("/cancel {id}")).await;
    }
    assert_snapshot!(stage.sees(DEPLOY), @"
    ana | /followup in 10m look
    only ana sees | Today Mon 2 Mar 09:10 UTC (in 10m) · f6b3
                    [Cancel]
    ana | /followups
    only ana sees | 1 follow-up
                    - `f6b3` · Today Mon 2 Mar 09:10 UTC (in 10m) · look · by ana
                      [Cancel] [Run now] [Pause]
    only bo sees | Not allowed: f6b3 can be changed by who scheduled it, a moderator or role owner. You: viewer
    only bo sees | Not allowed: f6b3 can be changed by who scheduled it, a moderator or role owner. You: viewer
    only bo sees | Not allowed: f6b3 can be changed by who scheduled it, a moderator or role owner. You: viewer
    bo | /cancel f6b3
    only bo sees | Not allowed: f6b3 can be changed by who scheduled it, a moderator or role owner. You: viewer
    only dora sees | Not allowed: f6b3 can be changed by who scheduled it, a moderator or role owner. You: operator
    only dora sees | Not allowed: f6b3 can be changed by who scheduled it, a moderator or role owner. You: operator
    only dora sees | Not allowed: f6b3 can be changed by who scheduled it, a moderator or role owner. You: operator
    dora | /cancel f6b3
    only dora sees | Not allowed: f6b3 can be changed by who scheduled it, a moderator or role owner. You: operator
    ");
    assert_snapshot!(stage.sees(RANDOM), @"
    only dora sees | There is no follow-up `f6b3` here. /followups lists those that you can see.
    only dora sees | There is no follow-up `f6b3` here. /followups lists those that you can see.
    only dora sees | There is no follow-up `f6b3` here. /followups lists those that you can see.
    dora | /cancel f6b3
    only dora sees | There is no job `f6b3` here. /jobs lists those that you can see.
    ");
    let seen = stage.desk().followups(&dora.calls_from(RANDOM), &FollowupFilter::default()).await;
    assert_eq!(seen.expect("the store answers"), []);
    assert_snapshot!(stage.rows(&id).await, @"
    pending
    09:10:00 scheduled · next 09:10:00
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f16_its_owner_a_moderator_and_an_owner_of_the_bot_cancel_it_by_button_or_by_name() {
    let stage = Stage::new().await;
    let [ana, cleo, dora] = ["ana", "cleo", "dora"].map(Actor::named);
    let mut moderator = Actor::named("bo");
    moderator.0.moderator = true;
    let ids = [
        stage.schedules(&ana, DEPLOY, "/followup in 1m one").await,
        stage.schedules(&ana, DEPLOY, "/followup in 1m two").await,
        stage.schedules(&dora, DEPLOY, "/followup in 1m three").await,
        stage.schedules(&dora, DEPLOY, "/followup in 1m four").await,
    ];
    stage.presses_in_note(&ana, DEPLOY, "Cancel").await;
    stage.says(&ana, DEPLOY, &format!("/cancel {}", ids[0])).await;
    stage.says(&moderator, DEPLOY, &format!("/cancel {}", ids[2])).await;
    stage.says(&cleo, RANDOM, &format!("/cancel {}", ids[3])).await;
    stage.says(&ana, DEPLOY, &format!("/cancel {}", ids[3])).await;
    stage.seconds(300).await;
    assert_snapshot!(stage.sees_all(), @"
    # ops / deploy
    ana | /followup in 1m one
    only ana sees | Today Mon 2 Mar 09:01 UTC (in 1m) · f6b3
                    [Cancel]
    ana | /followup in 1m two
    only ana sees | Today Mon 2 Mar 09:01 UTC (in 1m) · f6j8
                    [Cancel]
    dora | /followup in 1m three
    only dora sees | Today Mon 2 Mar 09:01 UTC (in 1m) · f9t5
                     [Cancel]
    dora | /followup in 1m four
    only dora sees | Today Mon 2 Mar 09:01 UTC (in 1m) · f3q2
                     [Cancel]
    only ana sees | Cancelled · f6j8 · it does not fire any more
    ana | /cancel f6b3
    only ana sees | Cancelled · f6b3 · it does not fire any more
    bo | /cancel f9t5
    only bo sees | Cancelled · f9t5 · it does not fire any more
    ana | /cancel f3q2
    only ana sees | Not allowed: f3q2 can be changed by who scheduled it, a moderator or role owner. You: operator

    # random
    cleo | /cancel f3q2
    only cleo sees | Cancelled · f3q2 · it does not fire any more
    ");
    for (id, by) in ids.iter().zip(["ana", "ana", "bo", "cleo"]) {
        let rows = stage.rows(id).await;
        assert!(rows.starts_with(&format!("cancelled: cancelled by {by}\n")), "{rows}");
    }
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f16_a_long_list_shows_ten_on_a_page_and_every_page_can_be_asked_for() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    for hour in (1..=12).rev() {
        stage.schedules(&ana, OPS, &format!("/followup in {hour}h number {hour}")).await;
    }
    stage.says(&ana, OPS, "/followups").await;
    let note = stage.note(&ana);
    assert_snapshot!(note.text, @"12 follow-ups · page 1 of 2 · `/followups 2` shows the next");
    assert_eq!(note.rows.len(), 10);
    assert!(note.rows[0].text.contains("number 1 ") && note.rows[9].text.contains("number 10 "), "{:?}", note.rows);
    stage.says(&ana, OPS, "/followups 2").await;
    let note = stage.note(&ana);
    assert_snapshot!(note.text, @"12 follow-ups · page 2 of 2");
    assert!(note.rows[0].text.contains("number 11 ") && note.rows[1].text.contains("number 12 "), "{:?}", note.rows);
    assert!(note.rows.len() == 2 && note.rows.iter().all(|row| row.buttons.len() == 3), "{:?}", note.rows);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f21_a_chat_that_got_a_new_id_keeps_what_was_scheduled_in_it() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let once = stage.schedules(&ana, OPS, "/followup in 1m once").await;
    let again = stage.schedules(&ana, OPS, "/followup every 5m again").await;
    let supergroup = Where::Channel("ops-supergroup");
    stage.platform.move_chat(&stage.address(OPS), &stage.address(supergroup));
    stage.seconds(605).await;
    assert_snapshot!(stage.sees(supergroup), @"
    bot | Reminder · f6b3 · from ana
          for Mon 2 Mar 09:01 UTC

          once
          [Details]
    bot | ↳ @ana reminder (f6b3)
    bot | Reminder · f6j8 · from ana
          for Mon 2 Mar 09:05 UTC

          again
          [Details]
    bot | ↳ @ana reminder (f6j8)
    bot | Reminder · f6j8 · from ana
          for Mon 2 Mar 09:10 UTC

          again
          [Details]
    bot | ↳ @ana reminder (f6j8)
    ");
    for id in [&once, &again] {
        assert_eq!(stage.followup(id).await.followup.address, stage.address(supergroup));
    }
    stage.says(&ana, supergroup, "/stop here").await;
    assert!(stage.rows(&again).await.starts_with("cancelled: stopped here by ana"), "{}", stage.rows(&again).await);
    stage.ends().await;
}
