//! Cancelling, asking and following up by every way that there is: the slash command, a mention inside a thread, where
//! Slack has no commands, a button, and the menu of a message.

use insta::assert_snapshot;
use wilco_core::followup::FollowupState;
use wilco_sim::slack::{Fault, Limited, Op, Rule};
use wilco_tests::SlackStage;

#[tokio::test]
async fn cancelled_by_the_slash_command() {
    let stage = SlackStage::new().await;
    let job = stage.runs("ana", "ops").await;
    stage.seconds(5).await;
    job.step(3, 7, "counting");
    stage.seconds(5).await;
    job.becomes_deaf();
    stage.slash("ana", "ops", &format!("cancel {} wrong branch", job.short)).await;
    stage.seconds(4).await;
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | Cancelling · u6b3 · asked by ana
          reason: wrong branch
    only ana sees | Cancelling · u6b3 · asked by ana
                    reason: wrong branch
    ");
    stage.seconds(8).await;
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | Cancelled · u6b3 · stopped at step 3
          asked by ana
          reason: wrong branch
          [Run again] [Details]
    only ana sees | Cancelling · u6b3 · asked by ana
                    reason: wrong branch
    bot | @ana cancelled: report (u6b3)
    ");
    stage.ends().await;
}

#[tokio::test]
async fn cancelled_by_a_mention_inside_the_thread_without_an_id() {
    let stage = SlackStage::new().await;
    stage.thread("ana", "ops", "The deploy is due").await;
    stage.says("ana", "The deploy is due", "@wilco run report").await;
    let job = stage.taken().await;
    // Another one elsewhere is not meant.
    let other = stage.runs("ana", "ops").await;
    stage.seconds(20).await;
    stage.says("ana", "The deploy is due", "@wilco cancel").await;
    stage.shows("ops", "Cancelled ·").await;
    stage.shows("ops", "@ana cancelled").await;
    assert!(!job.is_alive() && other.is_alive());
    assert_snapshot!(stage.sees("ops"), @"
    ana | The deploy is due
      ana | @wilco run report
      bot | Cancelled · u6b3 · after 20s
            asked by ana
            [Run again] [Details]
      ana | @wilco cancel
      only ana sees | Cancelling · u6b3 · asked by ana
                      reason: no reason given
      bot | @ana cancelled: report (u6b3)
    only ana sees | Accepted · p6j8 · it is shown here in a moment
    bot | On it · report · p6j8
          [Cancel]
    ");
    other.ends("42");
    stage.ends().await;
}

#[tokio::test]
async fn cancelled_by_the_button() {
    let stage = SlackStage::new().await;
    let job = stage.runs("ana", "ops").await;
    stage.seconds(20).await;
    stage.presses("ana", "Cancel").await;
    stage.shows("ops", "@ana cancelled").await;
    assert!(!job.is_alive());
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | Cancelled · u6b3 · after 20s
          asked by ana
          [Run again] [Details]
    only ana sees | Cancelling · u6b3 · asked by ana
                    reason: no reason given
    bot | @ana cancelled: report (u6b3)
    ");
    stage.ends().await;
}

#[tokio::test]
async fn cancelled_by_the_button_inside_a_thread() {
    let stage = SlackStage::new().await;
    stage.thread("ana", "ops", "The deploy is due").await;
    stage.says("ana", "The deploy is due", "@wilco run report").await;
    let job = stage.taken().await;
    stage.seconds(20).await;
    stage.presses("ana", "Cancel").await;
    stage.shows("ops", "@ana cancelled").await;
    assert!(!job.is_alive());
    assert_snapshot!(stage.sees("ops"), @"
    ana | The deploy is due
      ana | @wilco run report
      bot | Cancelled · u6b3 · after 20s
            asked by ana
            [Run again] [Details]
      only ana sees | Cancelling · u6b3 · asked by ana
                      reason: no reason given
      bot | @ana cancelled: report (u6b3)
    ");
    stage.ends().await;
}

#[tokio::test]
async fn cancelled_by_the_menu_of_its_message() {
    let stage = SlackStage::new().await;
    let job = stage.runs("ana", "ops").await;
    stage.seconds(20).await;
    stage.menu("ana", "On it", "Cancel this job").await;
    stage.shows("ops", "@ana cancelled").await;
    assert!(!job.is_alive());
    stage.menu("ana", "Cancelled", "Cancel this job").await;
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | Cancelled · u6b3 · after 20s
          asked by ana
          [Run again] [Details]
    only ana sees | Cancelling · u6b3 · asked by ana
                    reason: no reason given
    bot | @ana cancelled: report (u6b3)
    only ana sees | Already completed · u6b3 · cancelled. Nothing was changed.
                    [Details]
    ");
    stage.ends().await;
}

#[tokio::test]
async fn the_menu_of_a_message_that_is_no_jobs_says_so() {
    let stage = SlackStage::new().await;
    let said = stage.thread("bo", "ops", "Good morning").await;
    let asked = stage.fake.shortcut(&stage.fake.person_named("ana").unwrap(), said, "Cancel this job");
    let asked = asked.expect("the menu has it");
    stage.until("an answer", |stage| stage.fake.interaction(&asked).is_some_and(|one| one.took.is_some())).await;
    stage.moment().await;
    assert_snapshot!(stage.sees("ops"), @"
    bo | Good morning
    only ana sees | That message shows no job of this bot. Nothing was changed; /wilco jobs lists the recent ones.
    ");
    stage.ends().await;
}

#[tokio::test]
async fn a_follow_up_is_set_by_the_slash_command_and_called_off_by_its_button() {
    let stage = SlackStage::new().await;
    stage.slash("ana", "ops", "timezone Europe/Berlin").await;
    stage.slash("ana", "ops", "followup tomorrow 9:00 check the deploy").await;
    stage.presses("ana", "Cancel").await;
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Europe/Berlin · now Mon 2 Mar 2026 10:00 Europe/Berlin · yours from now on. What is scheduled already keeps its zone.
    only ana sees | Tomorrow Tue 3 Mar 09:00 Europe/Berlin (in 23h) · f6b3
                    [Cancel]
    only ana sees | Cancelled · f6b3 · it does not fire any more
    ");
    assert_eq!(stage.followups().await.len(), 0);
    stage.ends().await;
}

#[tokio::test]
async fn a_follow_up_is_set_by_a_mention_inside_a_thread_and_fires_there() {
    let stage = SlackStage::new().await;
    stage.thread("ana", "ops", "The deploy is due").await;
    stage.says("ana", "The deploy is due", "@wilco followup in 10m check the deploy").await;
    stage.seconds(600).await;
    stage.shows("ops", "@ana reminder").await;
    assert_snapshot!(stage.sees("ops"), @"
    ana | The deploy is due
      ana | @wilco followup in 10m check the deploy
      only ana sees | Today Mon 2 Mar 09:10 Etc/UTC (in 10m) · f6b3
                      [Cancel]
      bot | Reminder · f6b3 · from ana
            for Mon 2 Mar 09:10 Etc/UTC

            check the deploy
            [Details]
      bot | @ana reminder (f6b3)
    ");
    assert_eq!(stage.notified().len(), 1);
    stage.ends().await;
}

#[tokio::test]
async fn stop_here_in_a_thread_calls_off_what_is_scheduled_there_and_offers_what_runs() {
    let stage = SlackStage::new().await;
    stage.thread("ana", "ops", "The deploy is due").await;
    stage.slash("ana", "ops", "followup in 2h look at the channel").await;
    stage.says("ana", "The deploy is due", "@wilco followup in 2h check the deploy").await;
    stage.says("ana", "The deploy is due", "@wilco run report").await;
    let job = stage.taken().await;
    stage.says("ana", "The deploy is due", "@wilco stop here").await;
    assert_snapshot!(stage.sees("ops"), @"
    ana | The deploy is due
      ana | @wilco followup in 2h check the deploy
      only ana sees | Today Mon 2 Mar 11:00 Etc/UTC (in 2h) · f6j8
                      [Cancel]
      ana | @wilco run report
      bot | On it · report · c9t5
            [Cancel]
      ana | @wilco stop here
      only ana sees | Stopped here · 1 follow-up called off: f6j8
                      These jobs still run here:
                      `c9t5` report · running · by ana
                      [Cancel]
    only ana sees | Today Mon 2 Mar 11:00 Etc/UTC (in 2h) · f6b3
                    [Cancel]
    ");
    let pending = stage.followups().await.into_iter().filter(|one| one.state == FollowupState::Pending).count();
    assert_eq!(pending, 1, "that of the channel stays");
    job.ends("42");
    stage.ends().await;
}

#[tokio::test]
async fn a_question_is_answered_by_a_press_and_pings_whoever_asked() {
    let stage = SlackStage::new().await;
    let job = stage.runs("ana", "ops").await;
    stage.seconds(20).await;
    let answer = job.asks("Overwrite the old *report*?", &["Yes", "No"]);
    stage.shows("ops", "@ana question").await;
    // What keeps the stars from being marks is seen by nobody.
    assert_snapshot!(stage.sees("ops").replace('\u{200b}', ""), @"
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | Waiting for you · u6b3
          Overwrite the old *report*?
          [Yes] [No] [Cancel]
    bot | @ana question: report (u6b3)
    ");
    stage.presses("bo", "Yes").await;
    stage.presses("ana", "No").await;
    assert_eq!(answer.await.expect("the job was told"), Ok(1));
    stage.seconds(4).await;
    job.ends("Kept the old one.");
    stage.shows("ops", "@ana done").await;
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | Done · u6b3 · 24s

          Kept the old one.
          [Details]
    bot | @ana question: report (u6b3)
    only bo sees | Not allowed: u6b3 takes an answer from who started it, a moderator or role owner. You: viewer
    only ana sees | Answered · u6b3 · No
    bot | @ana done: report (u6b3)
    ");
    assert_eq!(stage.notified().len(), 2);
    stage.ends().await;
}

#[tokio::test]
async fn a_late_answer_to_a_question_is_told_that_its_job_has_ended() {
    let stage = SlackStage::new().await;
    let job = stage.runs("ana", "ops").await;
    let answer = job.asks("Go on?", &["Yes", "No"]);
    stage.shows("ops", "Waiting for you").await;
    // The end is stored and cannot be shown yet, so that the buttons still stand.
    let slow = Fault::RateLimited { millis: 5_000, how: Limited::Status };
    stage.fault(Rule::new(slow).on(Op::Update));
    job.fails("exit 2", "broken pipe");
    stage.moment().await;
    drop(answer);
    stage.presses("ana", "Yes").await;
    stage.seconds(10).await;
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | Failed · u6b3 · exit 2

          broken pipe
          [Run again] [Details]
    only ana sees | This question expired at 09:00 UTC: u6b3 has ended. Nothing was changed.
                    [Ask again]
    ");
    stage.presses("ana", "Ask again").await;
    stage.taken().await.ends("42");
    stage.ends().await;
}
