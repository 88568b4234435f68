//! Every command of the table, used as a slash command, with its answer.

use insta::assert_snapshot;
use wilco_core::command::TABLE;
use wilco_core::desk::{Caller, Desk};
use wilco_tests::DiscordStage;

#[tokio::test]
async fn every_command_of_the_table_is_offered_and_answered() {
    let stage = DiscordStage::new().await;
    let job = stage.runs("ana", "ops").await;
    let short = job.short.to_string();
    for spec in TABLE {
        let options: &[(&str, &str)] = match spec.verb {
            "run" => &[("worker", "report"), ("text", "all of it")],
            "watch" => &[("job", &short)],
            "followup" => &[("when", "in 2h"), ("text", "look")],
            "pair" => &[("code", "k7f2-m3p9-x4b6")],
            _ => &[],
        };
        let notes = || stage.fake.snapshot().iter().filter(|one| one.only_for.as_deref() == Some("cleo")).count();
        let before = notes();
        stage.slash("cleo", "general", spec.verb, options).await;
        assert!(notes() > before, "/{} was not answered privately", spec.verb);
    }
    job.ends("42");
    // The one that /run has started is the only job there, so /cancel has stopped it.
    assert!(!stage.taken().await.is_alive());
    stage.ends().await;
}

#[tokio::test]
async fn help_lists_the_commands_and_what_there_is_to_run() {
    let stage = DiscordStage::new().await;
    stage.slash("bo", "ops", "help", &[]).await;
    assert_snapshot!(stage.sees("ops"), @"
    only bo sees | `/run <worker> [text]` start a job here
                   `/jobs` running and recent jobs here
                   `/status [job]` one job's timeline, or how the bot is
                   `/cancel [job] [and its follow-ups] [reason]` stop a job; without an id the only one here
                   `/watch <job>` follow a job of another channel here, too
                   `/followup <when> <text>` say or run something here later (also /remind)
                   `/followups [page]` what is scheduled here, and yours elsewhere
                   `/stop here` call off what is scheduled here
                   `/timezone [here] [zone]` show or set your time zone, or this channel's
                   `/pair <code>` become owner, with the code that the terminal shows
                   `/whoami` who you are to wilco and what you may do
                   `/help` these commands

                   Workers:
                   `/run report` does what the script says
    ");
    stage.ends().await;
}

#[tokio::test]
async fn whoami_says_who_one_is_and_what_one_may_do() {
    let stage = DiscordStage::builder().stranger("eve").begin().await;
    for name in ["eve", "bo", "ana", "cleo"] {
        stage.slash(name, "ops", "whoami", &[]).await;
    }
    let mut seen = stage.sees("ops");
    for name in ["eve", "bo", "ana", "cleo"] {
        seen = seen.replace(&stage.person(name).to_string(), &format!("id of {name}"));
    }
    assert_snapshot!(seen, @"
    only eve sees | eve · id `id of eve` on discord · role none
                    You may nothing until an access rule names you; ask the bot's owner.
    only bo sees | bo · id `id of bo` on discord · role viewer
                   You may read the jobs of the channels that you are in.
    only ana sees | ana · id `id of ana` on discord · role operator
                    You may start jobs, and cancel your own.
    only cleo sees | cleo · id `id of cleo` on discord · role owner
                     You may start, read and cancel every job.
    ");
    stage.ends().await;
}

#[tokio::test]
async fn jobs_and_status_list_what_runs_and_show_one_jobs_timeline() {
    let stage = DiscordStage::new().await;
    stage.slash("ana", "ops", "jobs", &[]).await;
    let first = stage.runs("ana", "ops").await;
    let second = stage.runs("dora", "ops").await;
    stage.seconds(65).await;
    first.ends("42");
    stage.shows("ops", "@ana done").await;
    stage.slash("bo", "ops", "jobs", &[]).await;
    stage.slash("bo", "ops", "status", &[]).await;
    let offered = stage.typing("bo", "ops", "status", "job", "").await;
    assert_eq!(offered.len(), 2, "{offered:?}");
    stage.slash("bo", "ops", "status", &[("job", second.short.as_str())]).await;
    stage.presses("bo", &format!("Details {}", first.short)).await;
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | No jobs here yet. /run starts one, /help lists what there is to run.
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | Done · u6b3 · 1m 05s

          42
          [Details]
    only dora sees | Accepted · p6j8 · it is shown here in a moment
    bot | Working · p6j8 · 45s · no output for 45s
          [Cancel]
    bot | ↳ @ana done: report (u6b3)
    only bo sees | `p6j8` report · running · 1m 05s · by dora
                   `u6b3` report · done · 1m 05s · by ana
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
    only bo sees | done · report · u6b3 · 1m 05s
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
    let stage = DiscordStage::new().await;
    let job = stage.runs("ana", "ops").await;
    stage.slash("cleo", "general", "watch", &[("job", job.short.as_str())]).await;
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
    bot | ↳ @ana done: report (u6b3)

    # general
    only cleo sees | Watching · u6b3 · its progress and result appear here, too
    bot | Done · u6b3 · 20s

          42
          [Details]
    bot | ↳ @cleo done: report (u6b3)
    ");
    stage.ends().await;
}

#[tokio::test]
async fn timezone_shows_and_sets_ones_own_and_the_channels() {
    let stage = DiscordStage::new().await;
    stage.slash("ana", "ops", "timezone", &[]).await;
    stage.slash("ana", "ops", "timezone", &[("zone", "Europe/Berlin")]).await;
    stage.slash("cleo", "ops", "timezone", &[("zone", "Asia/Tokyo"), ("here", "true")]).await;
    stage.slash("dora", "ops", "timezone", &[]).await;
    stage.slash("ana", "ops", "timezone", &[("zone", "Europe/Berln")]).await;
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | UTC · now Mon 2 Mar 2026 09:00 UTC · the bot's; `/timezone Europe/Berlin` sets yours
    only ana sees | Europe/Berlin · now Mon 2 Mar 2026 10:00 Europe/Berlin · yours from now on. What is scheduled already keeps its zone.
    only cleo sees | Asia/Tokyo · now Mon 2 Mar 2026 18:00 Asia/Tokyo · this channel's, for who has none of their own from now on. What is scheduled already keeps its zone.
    only dora sees | Asia/Tokyo · now Mon 2 Mar 2026 18:00 Asia/Tokyo · this channel's
    only ana sees | Nothing was changed: there is no time zone `Europe/Berln`, perhaps `Europe/Berlin` is meant.
    ");
    stage.ends().await;
}

#[tokio::test]
async fn pair_makes_whoever_gives_the_code_owner() {
    let stage = DiscordStage::builder().stranger("eve").begin().await;
    stage.slash("eve", "ops", "run", &[("worker", "report")]).await;
    let code = stage.desk().offer_pairing(&Caller::Host).await.expect("a code is offered");
    stage.slash("eve", "ops", "pair", &[("code", "aaaa-bbbb-cccc")]).await;
    stage.slash("eve", "ops", "pair", &[("code", code.shown().as_str())]).await;
    stage.slash("bo", "ops", "pair", &[("code", code.shown().as_str())]).await;
    let job = stage.runs("eve", "ops").await;
    job.ends("42");
    stage.shows("ops", "42").await;
    assert_snapshot!(stage.sees("ops"), @"
    only eve sees | Not allowed: run needs role operator. You: no role
    only eve sees | Not paired: that is not the code. Nothing was changed. You have 4 tries left.
    only eve sees | Paired · you are owner on discord now, also after a restart. `wilco access revoke` undoes it; /help lists what you can do.
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
    let stage = DiscordStage::new().await;
    stage.slash("ana", "ops", "run", &[("worker", "reprot")]).await;
    stage.slash("ana", "ops", "status", &[("job", "zzzz")]).await;
    stage.slash("ana", "ops", "cancel", &[]).await;
    stage.slash("ana", "ops", "followup", &[("when", "soon"), ("text", "look")]).await;
    stage.slash("ana", "ops", "followup", &[("when", "at 8:00"), ("text", "look")]).await;
    assert_snapshot!(stage.sees("ops"), @"
    only ana sees | There is no worker `reprot`, nothing was started. Did you mean `report`? Workers: report.
    only ana sees | There is no job `zzzz` here. /jobs lists those that you can see.
    only ana sees | No job runs here, so there is nothing to cancel. /jobs lists the recent ones.
    only ana sees | Nothing was scheduled: `soon` does not begin with a time; times lie 1m to 365d ahead and repeat every 5m or less often, for example `in 2h` or `tomorrow 9:00`.
    only ana sees | Tomorrow Tue 3 Mar 08:00 UTC (in 23h) · f6b3
                    That time has passed today, so its next occurrence is meant.
                    [Cancel]
    ");
    stage.ends().await;
}
