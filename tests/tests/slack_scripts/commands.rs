//! Every command of the table, below the one slash command and behind a mention, with its answer.

use insta::assert_snapshot;
use wilco_core::command::TABLE;
use wilco_core::desk::{Caller, Desk};
use wilco_tests::SlackStage;

/// Ids in place of which a name is shown.
fn with_names(stage: &SlackStage, seen: &str) -> String {
    ["eve", "bo", "ana", "cleo", "dora"].iter().fold(seen.to_owned(), |seen, name| {
        let id = stage.fake.person_named(name);
        id.map_or(seen.clone(), |id| seen.replace(&id, &format!("id of {name}")))
    })
}

#[tokio::test]
async fn every_command_of_the_table_is_answered_privately_by_command_and_by_mention() {
    for by_mention in [false, true] {
        let stage = SlackStage::new().await;
        let job = stage.runs("ana", "ops").await;
        for spec in TABLE {
            let text = match spec.verb {
                "run" => "run report all of it".to_owned(),
                "watch" => format!("watch {}", job.short),
                "followup" => "followup in 2h look".to_owned(),
                "stop" => "stop here".to_owned(),
                "pair" => "pair k7f2-m3p9-x4b6".to_owned(),
                verb => verb.to_owned(),
            };
            let notes = || stage.fake.snapshot().iter().filter(|one| one.only_for.as_deref() == Some("cleo")).count();
            let before = notes();
            if by_mention {
                stage.says("cleo", "general", &format!("@wilco {text}")).await;
            } else {
                stage.slash("cleo", "general", &text).await;
            }
            // A job that a mention starts shows itself.
            let shows_itself = by_mention && spec.verb == "run";
            assert_eq!(notes() > before, !shows_itself, "{text} (by mention: {by_mention})");
            stage.seconds(1).await;
        }
        job.ends("42");
        // The one that `run` has started is the only job there, so `cancel` has stopped it.
        assert!(!stage.taken().await.is_alive());
        stage.ends().await;
    }
}

#[tokio::test]
async fn help_lists_the_commands_and_what_there_is_to_run() {
    let stage = SlackStage::new().await;
    stage.slash("bo", "ops", "help").await;
    assert_snapshot!(stage.sees("ops"), @"
    only bo sees | `/wilco run <worker> [text]` start a job here
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
    stage.slash("bo", "general", "").await;
    assert_eq!(stage.sees("general"), stage.sees("ops"), "without a verb it is the same");
    stage.ends().await;
}

#[tokio::test]
async fn whoami_says_who_one_is_and_what_one_may_do() {
    let stage = SlackStage::builder().stranger("eve").begin().await;
    for name in ["eve", "bo", "ana", "cleo"] {
        stage.slash(name, "ops", "whoami").await;
    }
    assert_snapshot!(with_names(&stage, &stage.sees("ops")), @"
    only eve sees | eve · id `id of eve` on slack · role none
                    You may nothing until an access rule names you; ask the bot's owner.
    only bo sees | bo · id `id of bo` on slack · role viewer
                   You may read the jobs of the channels that you are in.
    only ana sees | ana · id `id of ana` on slack · role operator
                    You may start jobs, and cancel your own.
    only cleo sees | cleo · id `id of cleo` on slack · role owner
                     You may start, read and cancel every job.
    ");
    stage.ends().await;
}

#[tokio::test]
async fn jobs_and_status_list_what_runs_and_show_one_jobs_timeline() {
    let stage = SlackStage::new().await;
    stage.slash("ana", "ops", "jobs").await;
    let first = stage.runs("ana", "ops").await;
    stage.seconds(1).await;
    let second = stage.runs("dora", "ops").await;
    stage.seconds(65).await;
    first.ends("42");
    stage.shows("ops", "@ana done").await;
    stage.slash("bo", "ops", "jobs").await;
    stage.slash("bo", "ops", "status").await;
    stage.slash("bo", "ops", &format!("status {}", second.short)).await;
    stage.presses("bo", &format!("Details {}", first.short)).await;
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | No jobs here yet. /wilco run starts one, /wilco help lists what there is to run.
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | Done · u6b3 · 1m 06s

          42
          [Details]
    only dora sees | Accepted · p6j8 · it is shown here in a moment
    bot | Working · p6j8 · 45s · no output for 45s
          [Cancel]
    bot | @ana done: report (u6b3)
    only bo sees | `p6j8` report · running · 1m 05s · by dora
                   `u6b3` report · done · 1m 06s · by ana
                   [Cancel p6j8] [Details p6j8] [Details u6b3]
    only bo sees | Running 1 · queued 0 · waiting to be delivered 0
    only bo sees | running · report · p6j8 · 1m 05s
                   `09:00` accepted from dora
                   `09:00` started
                   `09:00` stub attempt 1: surfaced
                   `09:00` acknowledged
                   `09:00` stub surfaced
                   `09:00` quiet
                   [Cancel]
    only bo sees | done · report · u6b3 · 1m 06s
                   `09:00` accepted from ana
                   `09:00` started
                   `09:00` stub attempt 1: surfaced
                   `09:00` acknowledged
                   `09:00` stub surfaced
                   `09:00` quiet
                   `09:01` ended: done
                   `09:01` result on its way
                   `09:01` content attempt 1: surfaced
                   `09:01` content surfaced
                   `09:01` result shown
                   `09:01` ping attempt 1: surfaced
                   `09:01` ping surfaced
                   [Run again]
    ");
    second.ends("42");
    stage.ends().await;
}

#[tokio::test]
async fn watch_shows_a_job_of_another_channel_here_too() {
    let stage = SlackStage::new().await;
    let job = stage.runs("ana", "ops").await;
    stage.slash("cleo", "general", &format!("watch {}", job.short)).await;
    stage.seconds(20).await;
    job.ends("42");
    stage.shows("general", "@cleo done").await;
    stage.shows("ops", "@ana done").await;
    assert_snapshot!(stage.fake.whole_transcript(), @"
    # ops
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | Done · u6b3 · 20s

          42
          [Details]
    bot | @ana done: report (u6b3)

    # general
    only cleo sees | Watching · u6b3 · its progress and result appear here, too
    bot | Done · u6b3 · 20s

          42
          [Details]
    bot | @cleo done: report (u6b3)
    ");
    stage.ends().await;
}

#[tokio::test]
async fn timezone_shows_what_the_profile_says_and_sets_ones_own_and_the_channels() {
    let stage = SlackStage::new().await;
    let dora = stage.fake.person_named("dora").expect("she is there");
    stage.fake.change_person(&dora, |dora| "America/New_York".clone_into(&mut dora.zone));
    stage.slash("ana", "ops", "timezone").await;
    stage.slash("ana", "ops", "timezone Europe/Berlin").await;
    stage.slash("cleo", "ops", "timezone here Asia/Tokyo").await;
    stage.slash("dora", "ops", "timezone").await;
    stage.slash("ana", "ops", "timezone Europe/Berln").await;
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | Etc/UTC · now Mon 2 Mar 2026 09:00 Etc/UTC · from your profile
    only ana sees | Europe/Berlin · now Mon 2 Mar 2026 10:00 Europe/Berlin · yours from now on. What is scheduled already keeps its zone.
    only cleo sees | Asia/Tokyo · now Mon 2 Mar 2026 18:00 Asia/Tokyo · this channel's, for who has none of their own from now on. What is scheduled already keeps its zone.
    only dora sees | America/New_York · now Mon 2 Mar 2026 04:00 America/New_York · from your profile
    only ana sees | Nothing was changed: there is no time zone `Europe/Berln`, perhaps `Europe/Berlin` is meant.
    ");
    stage.ends().await;
}

#[tokio::test]
async fn pair_makes_whoever_gives_the_code_owner() {
    let stage = SlackStage::builder().stranger("eve").begin().await;
    stage.slash("eve", "ops", "run report").await;
    let code = stage.desk().offer_pairing(&Caller::Host).await.expect("a code is offered");
    stage.slash("eve", "ops", "pair aaaa-bbbb-cccc").await;
    stage.slash("eve", "ops", &format!("pair {}", code.shown())).await;
    stage.slash("bo", "ops", &format!("pair {}", code.shown())).await;
    let job = stage.runs("eve", "ops").await;
    job.ends("42");
    stage.shows("ops", "42").await;
    assert_snapshot!(stage.sees("ops"), @"
    only eve sees | Not allowed: run needs role operator. You: no role
    only eve sees | Not paired: that is not the code. Nothing was changed. You have 4 tries left.
    only eve sees | Paired · you are owner on slack now, also after a restart. `wilco access revoke` undoes it; /wilco help lists what you can do.
    only bo sees | Not paired: this code was used already; each works once. Nothing was changed. `wilco access pair` on the bot's machine shows a new one.
    only eve sees | Accepted · u6b3 · it is shown here in a moment
    bot | Done · u6b3 · 0s

          42
          [Details]
    ");
    stage.ends().await;
}

#[tokio::test]
async fn what_does_not_fit_says_so_and_changes_nothing() {
    let stage = SlackStage::new().await;
    for text in [
        "rum report",
        "run",
        "run reprot",
        "status zzzz",
        "cancel",
        "followup soon look",
        "followup at 8:00 look",
        "remind in 2h look",
        "timezone +02:00",
    ] {
        stage.slash("ana", "ops", text).await;
    }
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | There is no command `rum`. Did you mean /wilco run? /wilco help lists the commands.
    only ana sees | Not understood, nothing was started. It goes like this: `/wilco run <worker> [text]`
    only ana sees | There is no worker `reprot`, nothing was started. Did you mean `report`? Workers: report.
    only ana sees | There is no job `zzzz` here. /wilco jobs lists those that you can see.
    only ana sees | No job runs here, so there is nothing to cancel. /wilco jobs lists the recent ones.
    only ana sees | Nothing was scheduled: `soon look` does not begin with a time; times lie 1m to 365d ahead and repeat every 5m or less often, for example `in 2h` or `tomorrow 9:00`.
    only ana sees | Tomorrow Tue 3 Mar 08:00 Etc/UTC (in 23h) · f6b3
                    That time has passed today, so its next occurrence is meant.
                    [Cancel]
    only ana sees | Today Mon 2 Mar 11:00 Etc/UTC (in 2h) · f6j8
                    [Cancel]
    only ana sees | Nothing was changed: there is no time zone `+02:00`, names are such as `Europe/Berlin` or `America/New_York`.
    ");
    stage.ends().await;
}
