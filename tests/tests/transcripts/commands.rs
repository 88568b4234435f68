//! Every command of the table as a person meets it, mistakes included.

use std::sync::Arc;

use insta::assert_snapshot;
use wilco_core::command::TABLE;
use wilco_loop::kinds::{Echo, Say};
use wilco_tests::{Actor, Stage, Where};

const OPS: Where<'static> = Where::Channel("ops");

async fn stage() -> Stage {
    Stage::builder().worker("echo", Arc::new(Echo)).worker("say", Arc::new(Say)).begin().await
}

#[tokio::test(start_paused = true)]
async fn run_starts_a_job_and_hands_its_text_over_whole() {
    let stage = stage().await;
    let ana = Actor::named("ana");
    stage.says(&ana, OPS, "/run report last week,  'all regions'").await;
    let job = stage.puppets.next();
    assert_eq!((job.input.text.as_str(), job.input.person.id.as_str()), ("last week,  'all regions'", "id-ana"));
    job.ends("42");
    stage.says(&ana, OPS, "/run echo two words").await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report last week,  'all regions'
    bot | Done · u6b3 · 0s

          42
          [Details]
    ana | /run echo two words
    bot | Done · p6j8 · 0s

          two words
          [Details]
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn run_names_the_nearest_worker_and_starts_nothing() {
    let stage = stage().await;
    let ana = Actor::named("ana");
    stage.says(&ana, OPS, "/run reprot now").await;
    stage.says(&ana, OPS, "/run deploy-everything").await;
    stage.says(&ana, OPS, "/run").await;
    stage.says(&ana, OPS, "/run echo").await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run reprot now
    only ana sees | There is no worker `reprot`, nothing was started. Did you mean `report`? Workers: echo, report, say.
    ana | /run deploy-everything
    only ana sees | There is no worker `deploy-everything`, nothing was started. Workers: echo, report, say.
    ana | /run
    only ana sees | Not understood, nothing was started. It goes like this: `/run <worker> [text]`
    ana | /run echo
    only ana sees | Not started · echo: echo needs a text to give back, such as `/run echo hello`
    ");
    assert_eq!(stage.jobs().await.len(), 0);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a_word_that_is_no_command_gets_its_neighbour_and_talk_gets_an_answer() {
    let stage = stage().await;
    let ana = Actor::named("ana");
    stage.says(&ana, OPS, "/rum report").await;
    stage.says(&ana, OPS, "/\u{202e}explode `now`").await;
    stage.says(&ana, OPS, "/watch").await;
    stage.says(&ana, OPS, "run the report, please").await;
    assert_snapshot!(stage.sees(OPS).replace('\u{202e}', "<rlo>"), @"
    ana | /rum report
    only ana sees | There is no command `rum`. Did you mean /run? /help lists the commands.
    ana | /<rlo>explode `now`
    only ana sees | There is no command `explode`. /help lists the commands.
    ana | /watch
    only ana sees | Not understood, nothing was started. It goes like this: `/watch <job>`
    ana | run the report, please
    only ana sees | Nothing was started: this bot runs jobs and does not chat. /help lists what it runs and the commands.
    ");
    assert_eq!(stage.jobs().await.len(), 0);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn jobs_lists_what_runs_and_ran_here_with_buttons_that_work() {
    let stage = stage().await;
    let (ana, dora) = (Actor::named("ana"), Actor::named("dora"));
    stage.says(&ana, OPS, "/jobs").await;
    stage.says(&ana, OPS, "/run echo hello").await;
    let job = stage.runs(&dora, OPS).await;
    stage.runs(&ana, Where::Channel("elsewhere")).await.ends("not here");
    stage.seconds(65).await;
    stage.says(&dora, OPS, "/jobs").await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /jobs
    only ana sees | No jobs here yet. /run starts one, /help lists what there is to run.
    ana | /run echo hello
    bot | Done · u6b3 · 0s

          hello
          [Details]
    dora | /run report
    bot | Working · p6j8 · 45s · no output for 45s
          [Cancel]
    dora | /jobs
    only dora sees | `p6j8` report · running · 1m 05s · by dora
                     `u6b3` echo · done · 0s · by ana
                     [Cancel p6j8] [Details p6j8] [Details u6b3]
    ");
    stage.presses_in_note(&dora, OPS, &format!("Cancel {}", job.short)).await;
    assert!(!job.is_alive());
    assert_snapshot!(stage.note(&dora).text, @"
    Cancelling · p6j8 · asked by dora
    reason: no reason given
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn jobs_in_a_thread_lists_the_thread_and_in_its_channel_both() {
    let stage = stage().await;
    let ana = Actor::named("ana");
    let thread = Where::Thread("ops", "t1");
    stage.says(&ana, thread, "/run echo in the thread").await;
    stage.says(&ana, OPS, "/run echo in the channel").await;
    assert_snapshot!(stage.asks(&ana, thread, "/jobs").await, @"`u6b3` echo · done · 0s · by ana");
    assert_snapshot!(stage.asks(&ana, OPS, "/jobs").await, @"
    `p6j8` echo · done · 0s · by ana
    `u6b3` echo · done · 0s · by ana
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn status_shows_a_timeline_and_without_an_id_how_the_bot_is() {
    let stage = stage().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    stage.seconds(4).await;
    job.step(1, 2, "collecting");
    stage.seconds(4).await;
    stage.says(&ana, OPS, &format!("/status {}", job.short)).await;
    stage.says(&ana, OPS, "/status").await;
    job.ends("42");
    stage.moment().await;
    stage.presses(&ana, "Details").await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Done · u6b3 · 8s

          42
          [Details]
    ana | /status u6b3
    only ana sees | running · report · u6b3 · 8s
                    `09:00` accepted from ana
                    `09:00` started
                    `09:00` stub attempt 1: surfaced
                    `09:00` acknowledged
                    `09:00` stub surfaced
                    `09:00` progress: step 1/2 · collecting
                    `09:00` progressing
                    [Cancel]
    ana | /status
    only ana sees | Running 1 · queued 0 · waiting to be delivered 0
    only ana sees | done · report · u6b3 · 8s
                    `09:00` accepted from ana
                    `09:00` started
                    `09:00` stub attempt 1: surfaced
                    `09:00` acknowledged
                    `09:00` stub surfaced
                    `09:00` progress: step 1/2 · collecting
                    `09:00` progressing
                    `09:00` ended: done
                    `09:00` result on its way
                    `09:00` content attempt 1: surfaced
                    `09:00` content surfaced
                    `09:00` result shown
                    [Run again]
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn an_id_may_be_shortened_a_kind_may_stand_for_its_only_job_and_several_are_offered() {
    let stage = stage().await;
    let ana = Actor::named("ana");
    let one = stage.runs(&ana, OPS).await;
    let prefix = &one.short.as_str()[..2];
    assert!(stage.asks(&ana, OPS, &format!("/status {prefix}")).await.contains(one.short.as_str()));
    assert!(
        stage.asks(&ana, OPS, &format!("/status `{}`", one.short.as_str().to_uppercase())).await.contains("running")
    );
    assert!(stage.asks(&ana, OPS, "/status report").await.contains(one.short.as_str()));
    let other = stage.runs(&ana, OPS).await;
    stage.says(&ana, OPS, "/cancel report").await;
    assert!(one.is_alive() && other.is_alive(), "nothing is guessed");
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | On it · report · u6b3
          [Cancel]
    ana | /status u6
    only ana sees | running · report · u6b3 · 0s
                    `09:00` accepted from ana
                    `09:00` started
                    `09:00` stub attempt 1: surfaced
                    `09:00` acknowledged
                    `09:00` stub surfaced
                    [Cancel]
    ana | /status `U6B3`
    only ana sees | running · report · u6b3 · 0s
                    `09:00` accepted from ana
                    `09:00` started
                    `09:00` stub attempt 1: surfaced
                    `09:00` acknowledged
                    `09:00` stub surfaced
                    [Cancel]
    ana | /status report
    only ana sees | running · report · u6b3 · 0s
                    `09:00` accepted from ana
                    `09:00` started
                    `09:00` stub attempt 1: surfaced
                    `09:00` acknowledged
                    `09:00` stub surfaced
                    [Cancel]
    ana | /run report
    bot | On it · report · p6j8
          [Cancel]
    ana | /cancel report
    only ana sees | Which one? 2 jobs fit: `p6j8`, `u6b3`. Nothing was changed.
                    [p6j8 · report] [u6b3 · report]
    ");
    stage.presses_in_note(&ana, OPS, &format!("{} · report", other.short)).await;
    assert!(one.is_alive() && !other.is_alive());
    stage.says(&ana, OPS, "/status zzzz").await;
    assert_snapshot!(stage.note(&ana).text, @"There is no job `zzzz` here. /jobs lists those that you can see.");
    one.ends("42");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn cancel_without_an_id_means_the_only_job_of_the_thread() {
    let stage = stage().await;
    let ana = Actor::named("ana");
    let thread = Where::Thread("ops", "t1");
    let outside = stage.runs(&ana, OPS).await;
    assert_snapshot!(stage.asks(&ana, thread, "/cancel").await, @"No job runs here, so there is nothing to cancel. /jobs lists the recent ones.");
    let inside = stage.runs(&ana, thread).await;
    stage.says(&ana, thread, "/cancel").await;
    stage.seconds(1).await;
    assert!(outside.is_alive() && !inside.is_alive());
    assert_snapshot!(stage.sees(thread), @"
    ana | /cancel
    only ana sees | No job runs here, so there is nothing to cancel. /jobs lists the recent ones.
    ana | /run report
    bot | Cancelled · p6j8
          asked by ana
          [Run again] [Details]
    ana | /cancel
    only ana sees | Cancelling · p6j8 · asked by ana
                    reason: no reason given
    ");
    outside.ends("42");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn cancel_without_an_id_offers_what_runs_here_when_there_are_several() {
    let stage = stage().await;
    let ana = Actor::named("ana");
    let (one, other) = (stage.runs(&ana, OPS).await, stage.runs(&ana, OPS).await);
    stage.says(&ana, OPS, "/cancel").await;
    assert!(one.is_alive() && other.is_alive());
    let offered: Vec<String> = stage.note(&ana).buttons.iter().map(|button| button.label.clone()).collect();
    assert_eq!(offered, [format!("{} · report", other.short), format!("{} · report", one.short)]);
    stage.presses_in_note(&ana, OPS, &offered[1]).await;
    assert!(!one.is_alive() && other.is_alive());
    other.ends("42");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn whoami_tells_each_person_what_they_may_do() {
    let stage = stage().await;
    for name in ["ana", "bo", "cleo", "stranger"] {
        stage.says(&Actor::named(name), OPS, "/whoami").await;
    }
    assert_snapshot!(stage.sees(OPS), @"
    ana | /whoami
    only ana sees | ana · id `id-ana` on sim · role operator
                    You may start jobs, and cancel your own.
    bo | /whoami
    only bo sees | bo · id `id-bo` on sim · role viewer
                   You may read the jobs of the channels that you are in.
    cleo | /whoami
    only cleo sees | cleo · id `id-cleo` on sim · role owner
                     You may start, read and cancel every job.
    stranger | /whoami
    only stranger sees | stranger · id `id-stranger` on sim · role none
                         You may nothing until an access rule names you; ask the bot's owner.
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn help_lists_every_command_and_every_worker() {
    let stage = stage().await;
    let help = stage.asks(&Actor::named("stranger"), OPS, "/help").await;
    for spec in TABLE {
        assert!(help.contains(&spec.usage()), "{}", spec.verb);
    }
    assert_snapshot!(help, @"
    `/run <worker> [text]` start a job here
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
    `/run echo` gives back the text after it
    `/run report` does what the script says
    `/run say` says the text after it, as a reminder or a notice
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a_finished_job_is_run_again_by_its_button_in_the_name_of_who_pressed() {
    let stage = stage().await;
    let (ana, dora) = (Actor::named("ana"), Actor::named("dora"));
    stage.says(&ana, OPS, "/run report last week").await;
    stage.puppets.next().fails("exit 2", "table `orders` is missing");
    stage.moment().await;
    stage.presses(&dora, "Run again").await;
    let again = stage.puppets.next();
    assert_eq!((again.input.text.as_str(), again.input.person.name.as_str()), ("last week", "dora"));
    again.ends("42");
    stage.moment().await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report last week
    bot | Failed · u6b3 · exit 2

          table `orders` is missing
          [Run again] [Details]
    bot | Done · p6j8 · 0s

          42
          [Details]
    ");
    stage.ends().await;
}
