//! What happens later: set, listed, fired, late, dropped.

use insta::assert_snapshot;
use wilco_core::followup::FollowupState;
use wilco_tests::DiscordStage;

#[tokio::test]
async fn follow_up_set_by_a_slash_command_says_when_and_can_be_cancelled() {
    let stage = DiscordStage::new().await;
    stage.slash("ana", "ops", "timezone", &[("zone", "Europe/Berlin")]).await;
    stage.slash("ana", "ops", "followup", &[("when", "tomorrow 9:00"), ("text", "check the deploy")]).await;
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
async fn follow_up_fired_in_the_thread_where_it_was_asked_for() {
    let stage = DiscordStage::new().await;
    stage.thread("ana", "ops", "deploy", false).await;
    stage.slash("ana", "deploy", "followup", &[("when", "in 10m"), ("text", "check the deploy")]).await;
    stage.seconds(600).await;
    assert_snapshot!(stage.sees("deploy"), @"
    only ana sees | Today Mon 2 Mar 09:10 UTC (in 10m) · f6b3
                    [Cancel]
    bot | Reminder · f6b3 · from ana
          for Mon 2 Mar 09:10 UTC

          check the deploy
          [Details]
    bot | ↳ @ana reminder (f6b3)
    ");
    assert_eq!(stage.notified().len(), 1);
    stage.ends().await;
}

#[tokio::test]
async fn follow_up_fired_as_a_command_runs_as_if_it_were_given_then() {
    let stage = DiscordStage::new().await;
    stage.slash("ana", "ops", "remind", &[("when", "in 10m"), ("text", "/run report all")]).await;
    stage.seconds(600).await;
    let job = stage.taken().await;
    stage.seconds(10).await;
    job.ends("All is well.");
    stage.shows("ops", "@ana done").await;
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Today Mon 2 Mar 09:10 UTC (in 10m) · f6b3
                    [Cancel]
    bot | Done · p6j8 · 10s
          scheduled · f6b3 · Mon 2 Mar 2026 09:10 UTC · by ana

          All is well.
          [Details]
    bot | ↳ @ana done: report (p6j8)
    ");
    stage.ends().await;
}

#[tokio::test]
async fn follow_ups_are_listed_each_with_its_buttons() {
    let stage = DiscordStage::new().await;
    stage.slash("ana", "ops", "followup", &[("when", "in 2h"), ("text", "check the deploy")]).await;
    stage.slash("ana", "ops", "followup", &[("when", "every weekday 9:00"), ("text", "/run report")]).await;
    stage.slash("ana", "ops", "followups", &[]).await;
    let ids: Vec<String> = stage.followups().await.iter().map(|one| one.short.to_string()).collect();
    assert_eq!(ids.len(), 2);
    stage.presses("ana", &format!("Pause {}", ids[1])).await;
    stage.slash("ana", "ops", "followups", &[]).await;
    stage.presses("ana", &format!("Resume {}", ids[1])).await;
    stage.presses("ana", &format!("Run now {}", ids[0])).await;
    stage.shows("ops", "Reminder").await;
    stage.presses("ana", &format!("Cancel {}", ids[1])).await;
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Today Mon 2 Mar 11:00 UTC (in 2h) · f6b3
                    [Cancel]
    only ana sees | Every weekday 9:00 · next Tomorrow Tue 3 Mar 09:00 UTC (in 1d) · f6j8
                    [Cancel]
    only ana sees | 2 follow-ups
                    `f6b3` · Today Mon 2 Mar 11:00 UTC (in 2h) · check the deploy · by ana
                    `f6j8` · Tomorrow Tue 3 Mar 09:00 UTC (in 1d) · every weekday 9:00 · /run report · by ana
                    [Cancel f6b3] [Run now f6b3] [Pause f6b3] [Cancel f6j8] [Run now f6j8] [Pause f6j8]
    only ana sees | Paused · f6j8 · it does not fire until it is resumed
                    [Resume]
    only ana sees | 2 follow-ups
                    `f6b3` · Today Mon 2 Mar 11:00 UTC (in 2h) · check the deploy · by ana
                    `f6j8` · Paused · every weekday 9:00 · /run report · by ana
                    paused by ana
                    [Cancel f6b3] [Run now f6b3] [Pause f6b3] [Cancel f6j8] [Run now f6j8] [Resume f6j8]
    only ana sees | Resumed · f6j8 · next Tomorrow Tue 3 Mar 09:00 UTC (in 1d)
    only ana sees | Runs now · f6b3
    bot | Reminder · f6b3 · from ana
          for Mon 2 Mar 11:00 UTC · run by hand · fired 09:00

          check the deploy
          [Details]
    bot | ↳ @ana reminder (f6b3)
    only ana sees | Cancelled · f6j8 · it does not fire any more
    ");
    stage.ends().await;
}

#[tokio::test]
async fn stop_here_calls_off_what_is_scheduled_and_offers_what_runs() {
    let stage = DiscordStage::new().await;
    stage.slash("ana", "ops", "followup", &[("when", "in 2h"), ("text", "check the deploy")]).await;
    let job = stage.runs("ana", "ops").await;
    stage.slash("ana", "ops", "stop", &[]).await;
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Today Mon 2 Mar 11:00 UTC (in 2h) · f6b3
                    [Cancel]
    only ana sees | Accepted · p6j8 · it is shown here in a moment
    bot | On it · report · p6j8
          [Cancel]
    only ana sees | Stopped here · 1 follow-up called off: f6b3
                    These jobs still run here:
                    `p6j8` report · running · by ana
                    [Cancel p6j8]
    ");
    assert!(stage.followups().await.iter().all(|one| one.state != FollowupState::Pending));
    job.ends("42");
    stage.ends().await;
}

#[tokio::test]
async fn late_what_was_due_while_the_bot_was_offline_says_how_late_it_is() {
    let mut stage = DiscordStage::new().await;
    stage.slash("ana", "ops", "followup", &[("when", "in 5m"), ("text", "check the deploy")]).await;
    stage.seconds(120).await;
    stage.crashes().await;
    stage.seconds(900).await;
    stage.start().await;
    stage.shows("ops", "Late by").await;
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Today Mon 2 Mar 09:05 UTC (in 5m) · f6b3
                    [Cancel]
    bot | Reminder · f6b3 · from ana
          Late by 12m (bot was offline 09:02–09:17)
          for Mon 2 Mar 09:05 UTC · fired 09:17

          check the deploy
          [Details]
    bot | ↳ @ana reminder (f6b3)
    ");
    stage.ends().await;
}

#[tokio::test]
async fn follow_up_dropped_because_its_thread_was_deleted_is_told_in_the_channel() {
    let stage = DiscordStage::new().await;
    let thread = stage.thread("ana", "ops", "deploy", false).await;
    stage.slash("ana", "deploy", "followup", &[("when", "in 5m"), ("text", "check the deploy")]).await;
    stage.seconds(60).await;
    stage.fake.delete_channel(thread);
    stage.seconds(260).await;
    assert_snapshot!(stage.sees("ops"), @"
    bot | Notice · f6b3

          Follow-up f6b3 not run: this channel or thread was deleted. It was: check the deploy
          [Details]
    bot | ↳ @ana notice: follow-up (f6b3)
    ");
    stage.ends().await;
}

#[tokio::test]
async fn follow_up_dropped_in_a_private_thread_is_told_to_its_person_alone() {
    let stage = DiscordStage::new().await;
    let thread = stage.thread("ana", "ops", "secret", true).await;
    stage.fake.add_to_thread(thread, stage.fake.bot());
    stage.slash("ana", "secret", "followup", &[("when", "in 5m"), ("text", "check the deploy")]).await;
    stage.seconds(60).await;
    stage.fake.delete_channel(thread);
    stage.seconds(260).await;
    assert_eq!(stage.sees("ops"), "");
    assert_snapshot!(stage.sees("@ana"), @"
    bot | Notice · f6b3

          Follow-up f6b3 not run: this channel or thread was deleted. It was: check the deploy
          [Details]
    bot | ↳ @ana notice: follow-up (f6b3)
    ");
    stage.ends().await;
}
