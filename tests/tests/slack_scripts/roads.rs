//! The ways by which people reach the bot, and where they are refused.

use insta::assert_snapshot;
use wilco_core::Timestamp;
use wilco_sim::slack::{Reason, SocketFault};
use wilco_tests::SlackStage;

/// An hour after every script has begun.
const TEN: Timestamp = Timestamp(wilco_tests::clock::BEGIN.0 + 3_600_000);

/// A message without the id of its job, which is another one each time.
fn same(stage: &SlackStage, beginning: &str) -> (String, Vec<String>) {
    let message = stage.message(beginning);
    let short = message.job.clone().unwrap_or_default();
    (message.text.replace(&short, "k7f2"), message.buttons)
}

#[tokio::test]
async fn one_road_a_job_looks_the_same_whoever_or_whatever_started_it() {
    let stage = SlackStage::new().await;
    let mut seen = Vec::new();
    for road in ["slash", "mention", "button", "follow-up"] {
        match road {
            "slash" => stage.slash("ana", "ops", "run report").await,
            "mention" => stage.says("ana", "ops", "@wilco run report").await,
            "button" => stage.presses("ana", "Run again").await,
            _ => {
                stage.slash("ana", "ops", "followup at 10:00 /run report").await;
                stage.advance(TEN.since(stage.now())).await;
            }
        }
        let job = stage.taken().await;
        stage.shows("ops", &format!("On it · report · {}", job.short)).await;
        let stub = same(&stage, "On it");
        stage.seconds(20).await;
        job.fails("exit 2", "broken pipe");
        stage.shows("ops", &format!("@ana failed: report ({})", job.short)).await;
        stage.seconds(1).await;
        seen.push((stub, same(&stage, "Failed")));
    }
    let (stub, _) = &seen[0];
    let ended = |at: usize| seen[at].1.0.lines().skip(1).collect::<Vec<_>>().join("\n");
    for road in [1, 2] {
        assert_eq!((&seen[road].0, ended(road), &seen[road].1.1), (stub, ended(0), &seen[0].1.1), "road {road}");
    }
    let ((fired, buttons), (_, end_buttons)) = &seen[3];
    assert_eq!((buttons, end_buttons), (&stub.1, &seen[0].1.1), "by a follow-up");
    assert!(fired.starts_with(&stub.0), "{fired}");
    assert_eq!(stage.notified().len(), 4);
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | Failed · u6b3 · exit 2 after 20s

          broken pipe
          [Run again] [Details]
    bot | @ana failed: report (u6b3)
    ana | @wilco run report
    bot | Failed · p6j8 · exit 2 after 20s

          broken pipe
          [Run again] [Details]
    bot | @ana failed: report (p6j8)
    bot | Failed · c9t5 · exit 2 after 20s

          broken pipe
          [Run again] [Details]
    bot | @ana failed: report (c9t5)
    only ana sees | Today Mon 2 Mar 10:00 Etc/UTC (in 58m 57s) · f3q2
                    [Cancel]
    bot | Failed · m5q4 · exit 2 after 20s
          scheduled · f3q2 · Mon 2 Mar 2026 10:00 Etc/UTC · by ana

          broken pipe
          [Run again] [Details]
    bot | @ana failed: report (m5q4)
    ");
    stage.ends().await;
}

#[tokio::test]
async fn a_mention_in_a_thread_is_answered_in_the_thread() {
    let stage = SlackStage::new().await;
    stage.thread("bo", "ops", "The deploy is due").await;
    stage.says("ana", "The deploy is due", "@wilco run report all of it").await;
    let job = stage.taken().await;
    assert_eq!(job.input.text, "all of it");
    stage.seconds(20).await;
    job.ends("42");
    stage.shows("ops", "@ana done").await;
    stage.says("ana", "The deploy is due", "@wilco jobs").await;
    stage.says("ana", "The deploy is due", "@wilco how are you?").await;
    stage.says("ana", "The deploy is due", "nobody is meant").await;
    assert_snapshot!(stage.fake.whole_transcript(), @"
    # ops
    bo | The deploy is due
      ana | @wilco run report all of it
      bot | Done · u6b3 · 20s

            42
            [Details]
      bot | @ana done: report (u6b3)
      ana | @wilco jobs
      only ana sees | `u6b3` report · done · 20s · by ana
                      [Details u6b3]
      ana | @wilco how are you?
      only ana sees | Nothing was started: this bot runs jobs and does not chat. @wilco help lists what it runs and the commands.
      ana | nobody is meant
    ");
    stage.ends().await;
}

#[tokio::test]
async fn what_people_type_in_other_ways_is_understood_as_well() {
    let stage = SlackStage::new().await;
    for text in ["@wilco: run report", "@wilco /run report", "hey @wilco run report", "run report @wilco", "@wilco"] {
        stage.says("ana", "ops", text).await;
        while stage.puppets.waiting() > 0 {
            stage.taken().await.ends("42");
            stage.moment().await;
        }
        stage.seconds(2).await;
    }
    assert_snapshot!(stage.sees("ops"), @"
    ana | @wilco: run report
    bot | Done · u6b3 · 0s

          42
          [Details]
    ana | @wilco /run report
    bot | Done · p6j8 · 0s

          42
          [Details]
    ana | hey @wilco run report
    only ana sees | Nothing was started: this bot runs jobs and does not chat. /wilco help lists what it runs and the commands.
    ana | run report @wilco
    bot | Done · c9t5 · 0s

          42
          [Details]
    ana | @wilco
    only ana sees | `/wilco run <worker> [text]` start a job here
                    `/wilco jobs` running and recent jobs here
                    `/wilco status [job]` one job's timeline, or how the bot is
                    `/wilco cancel [job] [and its follow-ups] [reason]` stop a job; without an id the only one here
                    `/wilco watch <job>` follow a job of another channel here, too
                    `/wilco followup <when> <text>` say or run something here later (also /wilco remind)
                    `/wilco followups [page]` what is scheduled here, and yours elsewhere
                    `/wilco stop here` call off what is scheduled here
                    `/wilco timezone [here] [zone]` show or set your time zone, or this channel's
                    `/wilco pair <code>` become owner, with the code that the terminal shows
                    `/wilco whoami` who you are to wilco and what you may do
                    `/wilco help` these commands

                    Workers:
                    `/wilco run report` does what the script says
    ");
    stage.ends().await;
}

#[tokio::test]
async fn a_connection_that_is_replaced_or_lost_costs_nobody_anything() {
    let stage = SlackStage::new().await;
    for (number, fault) in [
        SocketFault::Disconnect { reason: Reason::RefreshRequested },
        SocketFault::Disconnect { reason: Reason::Warning },
        SocketFault::Drop,
        SocketFault::Close { code: 1_001 },
        SocketFault::Noise,
        SocketFault::Deaf,
    ]
    .into_iter()
    .enumerate()
    {
        stage.fake.socket_now(&fault);
        let ana = stage.fake.person_named("ana").expect("she is there");
        let ops = stage.fake.channel_named("ops").expect("the channel is there");
        stage.fake.say(&ana, &ops, &format!("@wilco run report number {number}")).expect("one can write there");
        // A connection that is deaf is noticed by its silence, and Slack brings an event again after a minute.
        stage.seconds(120).await;
        let job = stage.taken().await;
        assert_eq!((job.input.text.clone(), stage.puppets.waiting()), (format!("number {number}"), 0), "{fault:?}");
        job.ends("42");
        stage.seconds(2).await;
        assert!(stage.fake.listening() > 0, "{fault:?}");
    }
    stage.ends().await;
}

#[tokio::test]
async fn a_direct_message_is_answered_there() {
    let stage = SlackStage::new().await;
    stage.says("ana", "@ana", "run report").await;
    let job = stage.taken().await;
    stage.seconds(20).await;
    job.ends("Between us.");
    stage.shows("@ana", "@ana done").await;
    stage.seconds(1).await;
    stage.says("ana", "@ana", "/whoaim").await;
    stage.seconds(1).await;
    stage.says("ana", "@ana", "whoaim").await;
    stage.seconds(1).await;
    stage.slash("ana", "@ana", "jobs").await;
    assert_snapshot!(stage.fake.whole_transcript(), @"
    # @ana
    ana | run report
    bot | Done · u6b3 · 20s

          Between us.
          [Details]
    bot | @ana done: report (u6b3)
    ana | /whoaim
    bot | There is no command `whoaim`. Did you mean /wilco whoami? /wilco help lists the commands.
    ana | whoaim
    bot | Nothing was started: this bot runs jobs and does not chat. /wilco help lists what it runs and the commands.
    only ana sees | `u6b3` report · done · 20s · by ana
                    [Details u6b3]
    ");
    stage.ends().await;
}

#[tokio::test]
async fn no_permission_is_said_privately_and_nothing_is_started() {
    let stage = SlackStage::builder().stranger("eve").begin().await;
    stage.slash("bo", "ops", "run report").await;
    stage.slash("eve", "ops", "run report").await;
    stage.says("bo", "ops", "@wilco run report").await;
    let job = stage.runs("ana", "ops").await;
    stage.shows("ops", "On it").await;
    stage.presses("bo", "Cancel").await;
    assert!(job.is_alive());
    assert_eq!(stage.puppets.waiting(), 0);
    assert_snapshot!(stage.sees("ops"), @"
    only bo sees | Not allowed: run needs role operator. You: viewer
    only eve sees | Not allowed: run needs role operator. You: no role
    bo | @wilco run report
    only bo sees | Not allowed: run needs role operator. You: viewer
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
    let stage = SlackStage::new().await;
    let ops = stage.fake.channel_named("ops").expect("the channel is there");
    stage.fake.leave(&ops, &stage.fake.bot(&stage.team));
    stage.moment().await;
    stage.slash("ana", "ops", "run report").await;
    stage.slash("ana", "ops", "whoami").await;
    assert_eq!((stage.puppets.waiting(), stage.jobs().await.len()), (0, 0));
    let ana = stage.fake.person_named("ana").unwrap_or_default();
    assert_snapshot!(stage.fake.whole_transcript().replace(&ana, "id of ana"), @"
    # ops
    only ana sees | Not accepted: the bot could show nothing here, because the bot is not in this channel. Nothing was started. Type `/invite @wilco` here and give it again.
    only ana sees | ana · id `id of ana` on slack · role operator
                    You may start jobs, and cancel your own.
    ");
    stage.ends().await;
}

#[tokio::test]
async fn a_result_whose_channel_was_archived_goes_to_whoever_asked() {
    let stage = SlackStage::new().await;
    let ops = stage.fake.channel_named("ops").expect("the channel is there");
    let job = stage.runs("ana", "ops").await;
    stage.seconds(20).await;
    stage.fake.archive(&ops, true);
    job.ends("All is well.");
    stage.shows("@ana", "@ana done").await;
    assert_snapshot!(stage.fake.whole_transcript(), @"
    # ops
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | On it · report · u6b3
          [Cancel]

    # @ana
    bot | Done · u6b3 · 20s

          All is well.
          [Details]
    bot | @ana done: report (u6b3)
    ");
    stage.ends().await;
}

#[tokio::test]
async fn a_result_whose_message_was_deleted_is_shown_anew_once() {
    let stage = SlackStage::new().await;
    let job = stage.runs("ana", "ops").await;
    stage.seconds(20).await;
    let stub = stage.fake.snapshot().into_iter().find(|one| one.text.starts_with("On it")).expect("it stands there");
    stage.fake.delete(stub.ts);
    job.ends("All is well.");
    stage.shows("ops", "@ana done").await;
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | — deleted —
    bot | Done · u6b3 · 20s

          All is well.
          [Details]
    bot | @ana done: report (u6b3)
    ");
    stage.ends().await;
}
