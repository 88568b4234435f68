//! What happens later: fired, listed, late, dropped.

use insta::assert_snapshot;
use wilco_tests::SlackStage;

#[tokio::test]
async fn follow_up_fired_as_a_command_runs_as_if_it_were_given_then() {
    let stage = SlackStage::new().await;
    stage.slash("ana", "ops", "followup in 10m /run report all").await;
    stage.slash("ana", "ops", "followup in 20m /wilco run report all").await;
    for (wait, result) in [(600, "The first."), (590, "The second.")] {
        stage.seconds(wait).await;
        let job = stage.taken().await;
        assert_eq!(job.input.text, "all");
        stage.seconds(10).await;
        job.ends(result);
        stage.shows("ops", result).await;
    }
    stage.seconds(2).await;
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Today Mon 2 Mar 09:10 Etc/UTC (in 10m) · f6b3
                    [Cancel]
    only ana sees | Today Mon 2 Mar 09:20 Etc/UTC (in 20m) · f6j8
                    [Cancel]
    bot | Done · c9t5 · 10s
          scheduled · f6b3 · Mon 2 Mar 2026 09:10 Etc/UTC · by ana

          The first.
          [Details]
    bot | @ana done: report (c9t5)
    bot | Done · g3q2 · 10s
          scheduled · f6j8 · Mon 2 Mar 2026 09:20 Etc/UTC · by ana

          The second.
          [Details]
    bot | @ana done: report (g3q2)
    ");
    stage.ends().await;
}

#[tokio::test]
async fn follow_ups_are_listed_each_with_its_buttons() {
    let stage = SlackStage::new().await;
    stage.slash("ana", "ops", "followup in 2h check the deploy").await;
    stage.slash("ana", "ops", "followup every weekday 9:00 /run report").await;
    stage.slash("ana", "ops", "followups").await;
    // Each line has its own buttons under it.
    stage.presses_nth("ana", "Pause", 1).await;
    stage.slash("ana", "ops", "followups").await;
    stage.presses("ana", "Resume").await;
    stage.presses_nth("ana", "Run now", 0).await;
    stage.shows("ops", "@ana reminder").await;
    stage.presses_nth("ana", "Cancel", 1).await;
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Today Mon 2 Mar 11:00 Etc/UTC (in 2h) · f6b3
                    [Cancel]
    only ana sees | Every weekday 9:00 · next Tomorrow Tue 3 Mar 09:00 Etc/UTC (in 1d) · f6j8
                    [Cancel]
    only ana sees | 2 follow-ups
                    `f6b3` · Today Mon 2 Mar 11:00 Etc/UTC (in 2h) · check the deploy · by ana
                    `f6j8` · Tomorrow Tue 3 Mar 09:00 Etc/UTC (in 1d) · every weekday 9:00 · /wilco run report · by ana
                    [Cancel] [Run now] [Pause] [Cancel] [Run now] [Pause]
    only ana sees | Paused · f6j8 · it does not fire until it is resumed
                    [Resume]
    only ana sees | 2 follow-ups
                    `f6b3` · Today Mon 2 Mar 11:00 Etc/UTC (in 2h) · check the deploy · by ana
                    `f6j8` · Paused · every weekday 9:00 · /wilco run report · by ana
                    paused by ana
                    [Cancel] [Run now] [Pause] [Cancel] [Run now] [Resume]
    only ana sees | Resumed · f6j8 · next Tomorrow Tue 3 Mar 09:00 Etc/UTC (in 1d)
    only ana sees | Runs now · f6b3
    bot | Reminder · f6b3 · from ana
          for Mon 2 Mar 11:00 Etc/UTC · run by hand · fired 09:00

          check the deploy
          [Details]
    bot | @ana reminder (f6b3)
    only ana sees | Cancelled · f6j8 · it does not fire any more
    ");
    stage.ends().await;
}

#[tokio::test]
async fn late_what_was_due_while_the_bot_was_offline_says_how_late_it_is() {
    let mut stage = SlackStage::new().await;
    stage.slash("ana", "ops", "followup in 5m check the deploy").await;
    stage.seconds(120).await;
    stage.crashes().await;
    stage.seconds(900).await;
    stage.start().await;
    stage.shows("ops", "@ana reminder").await;
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Today Mon 2 Mar 09:05 Etc/UTC (in 5m) · f6b3
                    [Cancel]
    bot | Reminder · f6b3 · from ana
          Late by 12m (bot was offline 09:02–09:17)
          for Mon 2 Mar 09:05 Etc/UTC · fired 09:17

          check the deploy
          [Details]
    bot | @ana reminder (f6b3)
    ");
    stage.ends().await;
}

#[tokio::test]
async fn what_was_said_while_the_bot_was_offline_is_heard_when_it_is_back() {
    let mut stage = SlackStage::new().await;
    stage.thread("ana", "ops", "The deploy is due").await;
    stage.says("ana", "The deploy is due", "@wilco run report").await;
    stage.taken().await.ends("Before.");
    stage.shows("ops", "Before.").await;
    stage.seconds(5).await;
    stage.crashes().await;
    stage.says("ana", "The deploy is due", "@wilco run report again").await;
    // Slack tries three times within some minutes, and then no more.
    stage.seconds(900).await;
    stage.start().await;
    let job = stage.taken().await;
    assert_eq!(job.input.text, "again");
    job.ends("After.");
    stage.shows("ops", "After.").await;
    stage.seconds(2).await;
    assert_snapshot!(stage.sees("ops"), @"
    ana | The deploy is due
      ana | @wilco run report
      bot | Done · u6b3 · 0s

            Before.
            [Details]
      ana | @wilco run report again
      bot | Done · p6j8 · 0s

            After.
            [Details]
    ");
    stage.ends().await;
}

#[tokio::test]
async fn follow_up_dropped_because_its_channel_was_archived_is_told_to_its_person() {
    let stage = SlackStage::new().await;
    let ops = stage.fake.channel_named("ops").expect("the channel is there");
    stage.slash("ana", "ops", "followup in 5m check the deploy").await;
    stage.seconds(60).await;
    stage.fake.archive(&ops, true);
    stage.seconds(260).await;
    stage.shows("@ana", "notice").await;
    assert_snapshot!(stage.fake.whole_transcript(), @"
    # ops
    only ana sees | Today Mon 2 Mar 09:05 Etc/UTC (in 5m) · f6b3
                    [Cancel]

    # @ana
    bot | Notice · f6b3

          Follow-up f6b3 not run: this channel is archived. It was: check the deploy
          [Details]
    bot | @ana notice: follow-up (f6b3)
    ");
    stage.ends().await;
}

#[tokio::test]
async fn follow_up_dropped_because_its_thread_was_deleted_is_told_in_the_channel() {
    let stage = SlackStage::new().await;
    let root = stage.thread("ana", "ops", "The deploy is due").await;
    stage.says("ana", "The deploy is due", "@wilco followup in 5m check the deploy").await;
    stage.seconds(60).await;
    // Whoever deletes the whole thread deletes its answers first.
    for answer in stage.fake.snapshot().into_iter().filter(|one| one.thread == Some(root)) {
        stage.fake.delete(answer.ts);
    }
    stage.fake.delete(root);
    stage.seconds(260).await;
    // Slack shows in the channel what was meant for the thread, and it is taken away again.
    assert_snapshot!(stage.fake.whole_transcript(), @"
    # ops
    ana | — deleted —
      ana | — deleted —
      only ana sees | — deleted —
    bot | — deleted —
    bot | Notice · f6b3

          Follow-up f6b3 not run: this thread was deleted. It was: check the deploy
          [Details]
    bot | @ana notice: follow-up (f6b3)
    ");
    stage.ends().await;
}
