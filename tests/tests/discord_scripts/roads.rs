//! The ways by which people reach the bot, and where they are refused.

use insta::assert_snapshot;
use wilco_sim::discord::{Fault, LimitScope, Op, Rule, permissions};
use wilco_tests::DiscordStage;

/// A message without the id of its job, which is another one each time.
fn same(stage: &DiscordStage, beginning: &str) -> (String, Vec<String>) {
    let message = stage.message(beginning);
    let short = message.job.clone().unwrap_or_default();
    (message.text.replace(&short, "k7f2"), message.buttons)
}

#[tokio::test]
async fn one_road_a_job_looks_the_same_whoever_or_whatever_started_it() {
    let stage = DiscordStage::new().await;
    let mut seen = Vec::new();
    for road in ["slash", "mention", "button", "follow-up"] {
        match road {
            "slash" => stage.slash("ana", "ops", "run", &[("worker", "report")]).await,
            "mention" => stage.says("ana", "ops", "@wilco /run report").await,
            "button" => stage.presses("ana", "Run again").await,
            _ => {
                stage.slash("ana", "ops", "followup", &[("when", "in 10m"), ("text", "/run report")]).await;
                stage.seconds(600).await;
            }
        }
        let job = stage.taken().await;
        let stub = same(&stage, "On it");
        stage.seconds(20).await;
        job.fails("exit 2", "broken pipe");
        stage.shows("ops", &format!("@ana failed: report ({})", job.short)).await;
        seen.push((stub, same(&stage, "Failed")));
    }
    let (stub, end) = &seen[0];
    assert_eq!(seen[1], seen[0], "by a mention");
    assert_eq!(seen[2], seen[0], "by a button");
    let ((fired, buttons), (ended, end_buttons)) = &seen[3];
    assert_eq!((buttons, end_buttons), (&stub.1, &end.1), "by a follow-up");
    assert!(fired.starts_with(&stub.0) && ended.starts_with(end.0.lines().next().unwrap_or_default()));
    assert_eq!(stage.notified().len(), 4);
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | Failed · u6b3 · exit 2 after 20s

          broken pipe
          [Run again] [Details]
    bot | ↳ @ana failed: report (u6b3)
    ana | @wilco /run report
    bot | Failed · p6j8 · exit 2 after 20s

          broken pipe
          [Run again] [Details]
    bot | ↳ @ana failed: report (p6j8)
    only ana sees | Accepted · c9t5 · it is shown here in a moment
    bot | Failed · c9t5 · exit 2 after 20s

          broken pipe
          [Run again] [Details]
    bot | ↳ @ana failed: report (c9t5)
    only ana sees | Today Mon 2 Mar 09:11 UTC (in 10m) · f3q2
                    [Cancel]
    bot | Failed · m5q4 · exit 2 after 20s
          scheduled · f3q2 · Mon 2 Mar 2026 09:11 UTC · by ana

          broken pipe
          [Run again] [Details]
    bot | ↳ @ana failed: report (m5q4)
    ");
    stage.ends().await;
}

#[tokio::test]
async fn a_mention_in_a_thread_is_answered_in_the_thread() {
    let stage = DiscordStage::new().await;
    stage.thread("ana", "ops", "deploy", false).await;
    stage.says("ana", "deploy", "@wilco /run report all of it").await;
    let job = stage.taken().await;
    assert_eq!(job.input.text, "all of it");
    stage.seconds(20).await;
    job.ends("42");
    stage.shows("deploy", "@ana done").await;
    stage.says("ana", "deploy", "@wilco /jobs").await;
    stage.says("ana", "deploy", "@wilco how are you?").await;
    assert_snapshot!(stage.fake.whole_transcript(), @"
    # ops / deploy
    ana | @wilco /run report all of it
    bot | Done · u6b3 · 20s

          42
          [Details]
    bot | ↳ @ana done: report (u6b3)
    ana | @wilco /jobs
    ana | @wilco how are you?

    # @ana
    bot | `u6b3` report · done · 20s · by ana
          [Details u6b3]
    bot | Nothing was started: this bot runs jobs and does not chat. /help lists what it runs and the commands.
    ");
    stage.ends().await;
}

#[tokio::test]
async fn a_direct_message_is_answered_there() {
    let stage = DiscordStage::new().await;
    stage.says("ana", "@ana", "/run report").await;
    let job = stage.taken().await;
    stage.seconds(20).await;
    job.ends("Between us.");
    stage.shows("@ana", "@ana done").await;
    stage.says("ana", "@ana", "/whoaim").await;
    stage.slash("ana", "@ana", "jobs", &[]).await;
    assert_snapshot!(stage.fake.whole_transcript(), @"
    # @ana
    ana | /run report
    bot | Done · u6b3 · 20s

          Between us.
          [Details]
    bot | ↳ @ana done: report (u6b3)
    ana | /whoaim
    bot | There is no command `whoaim`. Did you mean /whoami? /help lists the commands.
    only ana sees | `u6b3` report · done · 20s · by ana
                    [Details u6b3]
    ");
    stage.ends().await;
}

#[tokio::test]
async fn a_question_is_answered_by_a_press_and_pings_whoever_asked() {
    let stage = DiscordStage::new().await;
    let job = stage.runs("ana", "ops").await;
    stage.seconds(20).await;
    let answer = job.asks("Overwrite the old *report*?", &["Yes", "No"]);
    stage.shows("ops", "Waiting for you").await;
    assert_snapshot!(stage.sees("ops"), @r"
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | Waiting for you · u6b3
          Overwrite the old \*report\*?
          [Yes] [No] [Cancel]
    bot | ↳ @ana question: report (u6b3)
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
    bot | ↳ @ana question: report (u6b3)
    only bo sees | Not allowed: u6b3 takes an answer from who started it, a moderator or role owner. You: viewer
    only ana sees | Answered · u6b3 · No
    bot | ↳ @ana done: report (u6b3)
    ");
    assert_eq!(stage.notified().len(), 2);
    stage.ends().await;
}

#[tokio::test]
async fn a_late_answer_to_a_question_is_told_that_its_job_has_ended() {
    let stage = DiscordStage::new().await;
    let job = stage.runs("ana", "ops").await;
    let answer = job.asks("Go on?", &["Yes", "No"]);
    stage.shows("ops", "Waiting for you").await;
    // The end is stored and cannot be shown yet, so that the buttons still stand.
    let slow = Fault::RateLimited { millis: 5_000, scope: LimitScope::User };
    stage.fault(Rule::new(slow).on(Op::EditMessage));
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
    bot | ↳ @ana question: report (u6b3)
    only ana sees | This question expired at 09:00 UTC: u6b3 has ended. Nothing was changed.
                    [Ask again]
    ");
    stage.presses("ana", "Ask again").await;
    stage.taken().await.ends("42");
    stage.ends().await;
}

#[tokio::test]
async fn a_ping_that_finds_its_thread_deleted_after_the_result_was_shown_is_given_up() {
    let stage = DiscordStage::new().await;
    let thread = stage.thread("ana", "ops", "deploy", false).await;
    let job = stage.runs("ana", "deploy").await;
    stage.seconds(20).await;
    let slow = Fault::RateLimited { millis: 5_000, scope: LimitScope::User };
    stage.fault(Rule::new(slow).on(Op::CreateMessage));
    job.ends("All is well.");
    stage.shows("deploy", "All is well.").await;
    stage.fake.delete_channel(thread);
    stage.seconds(60).await;
    assert_snapshot!(stage.fake.whole_transcript(), @"
    # ops / deploy (deleted)
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | Done · u6b3 · 20s

          All is well.
          [Details]
    ");
    stage.ends_open().await;
}

#[tokio::test]
async fn whoever_takes_no_direct_messages_is_pointed_to_the_slash() {
    let stage = DiscordStage::new().await;
    stage.fake.takes_direct_messages(stage.person("ana"), false);
    stage.says("ana", "ops", "@wilco /jobs").await;
    stage.shows("ops", "There is an answer for you").await;
    assert_snapshot!(stage.fake.whole_transcript(), @"
    # ops
    ana | @wilco /jobs
    bot | ↳ There is an answer for you, but you take no direct messages from this bot. Give the command with a slash: only you see what it answers.
    ");
    stage.ends().await;
}

#[tokio::test]
async fn no_permission_is_said_privately_and_nothing_is_started() {
    let stage = DiscordStage::builder().stranger("eve").begin().await;
    stage.slash("bo", "ops", "run", &[("worker", "report")]).await;
    stage.slash("eve", "ops", "run", &[("worker", "report")]).await;
    let job = stage.runs("ana", "ops").await;
    stage.presses("bo", "Cancel").await;
    assert!(job.is_alive());
    assert_eq!(stage.puppets.waiting(), 0);
    assert_snapshot!(stage.sees("ops"), @"
    only bo sees | Not allowed: run needs role operator. You: viewer
    only eve sees | Not allowed: run needs role operator. You: no role
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | On it · report · u6b3
          [Cancel]
    only bo sees | Not allowed: u6b3 can be cancelled by who started it, a moderator or role owner. You: viewer
    ");
    job.ends("42");
    stage.ends().await;
}

#[tokio::test]
async fn where_the_bot_may_not_speak_a_job_is_refused_with_what_is_missing() {
    let stage = DiscordStage::new().await;
    let ops = stage.channel("ops");
    stage.fake.deny_bot(ops, permissions::SEND_MESSAGES);
    stage.moment().await;
    stage.slash("ana", "ops", "run", &[("worker", "report")]).await;
    stage.says("ana", "ops", "@wilco /run report").await;
    stage.fake.deny_bot(ops, permissions::SEND_MESSAGES | permissions::VIEW_CHANNEL);
    stage.moment().await;
    stage.slash("ana", "ops", "run", &[("worker", "report")]).await;
    stage.slash("ana", "ops", "whoami", &[]).await;
    assert_eq!((stage.puppets.waiting(), stage.jobs().await.len()), (0, 0));
    let seen = stage.fake.whole_transcript().replace(&stage.person("ana").to_string(), "id of ana");
    assert_snapshot!(seen, @"
    # ops
    only ana sees | Not accepted: the bot could show nothing in that channel, because it lacks the permission “Send Messages”. Nothing was started; ask whoever manages the channel to grant it, or give the command elsewhere.
    ana | @wilco /run report
    only ana sees | Not accepted: the bot could show nothing in that channel, because it lacks the permissions “View Channel” and “Send Messages”. Nothing was started; ask whoever manages the channel to grant them, or give the command elsewhere.
    only ana sees | ana · id `id of ana` on discord · role operator
                    You may start jobs, and cancel your own.

    # @ana
    bot | Not accepted: the bot could show nothing in that channel, because it lacks the permission “Send Messages”. Nothing was started; ask whoever manages the channel to grant it, or give the command elsewhere.
    ");
    stage.ends().await;
}

#[tokio::test]
async fn a_result_whose_thread_was_deleted_is_shown_in_the_channel_and_the_ping_answers_it() {
    let stage = DiscordStage::new().await;
    let thread = stage.thread("ana", "ops", "deploy", false).await;
    let job = stage.runs("ana", "deploy").await;
    stage.seconds(20).await;
    stage.fake.delete_channel(thread);
    job.ends("All is well.");
    stage.seconds(5).await;
    assert_snapshot!(stage.fake.whole_transcript(), @"
    # ops / deploy (deleted)
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | On it · report · u6b3
          [Cancel]

    # ops
    bot | Done · u6b3 · 21s

          All is well.
          [Details]
    bot | ↳ @ana done: report (u6b3)
    ");
    stage.ends().await;
}
