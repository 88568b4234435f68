//! How much may be asked for at once: by a person, by a channel, of a kind.

use std::time::Duration;

use insta::assert_snapshot;
use wilco_core::settings::KindSettings;
use wilco_tests::{Actor, Stage, Where};

const OPS: Where<'static> = Where::Channel("ops");

#[tokio::test(start_paused = true)]
async fn a_third_job_of_a_person_waits_says_behind_how_many_and_starts_in_its_turn() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let (one, two) = (stage.runs(&ana, OPS).await, stage.runs(&ana, OPS).await);
    stage.says(&ana, OPS, "/run report third").await;
    stage.says(&ana, OPS, "/run report fourth").await;
    assert_eq!(stage.puppets.waiting(), 0);
    stage.seconds(10).await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | On it · report · u6b3
          [Cancel]
    ana | /run report
    bot | On it · report · p6j8
          [Cancel]
    ana | /run report third
    bot | Queued · report · c9t5 · next
          [Cancel]
    ana | /run report fourth
    bot | Queued · report · g3q2 · 1 ahead
          [Cancel]
    ");
    one.ends("1");
    stage.moment().await;
    let three = stage.puppets.next();
    assert_eq!(three.input.text, "third", "first come, first served");
    assert_eq!(stage.puppets.waiting(), 0);
    stage.seconds(5).await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Done · u6b3 · 10s

          1
          [Details]
    ana | /run report
    bot | On it · report · p6j8
          [Cancel]
    ana | /run report third
    bot | Working · c9t5 · 0s
          [Cancel]
    ana | /run report fourth
    bot | Queued · report · g3q2 · 1 ahead
          [Cancel]
    ");
    two.ends("2");
    three.ends("3");
    stage.moment().await;
    stage.puppets.next().ends("4");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn the_time_in_the_queue_is_no_running_time() {
    let stage = Stage::builder()
        .settings(|settings| {
            settings.quotas.person_running = 1;
            settings.defaults.terms.terminal_secs = 100;
        })
        .begin()
        .await;
    let ana = Actor::named("ana");
    let one = stage.runs(&ana, OPS).await;
    stage.says(&ana, OPS, "/run report").await;
    stage.seconds(95).await;
    one.ends("1");
    stage.moment().await;
    let two = stage.puppets.next();
    stage.seconds(95).await;
    assert!(two.is_alive());
    two.ends("2");
    stage.moment().await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Done · u6b3 · 1m 35s

          1
          [Details]
    ana | /run report
    bot | Done · p6j8 · 1m 35s

          2
          [Details]
    bot | ↳ @ana done: report (u6b3)
    bot | ↳ @ana done: report (p6j8)
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_person_may_have_waiting_has_an_end() {
    let stage = Stage::builder()
        .settings(|settings| {
            settings.quotas.person_running = 1;
            settings.quotas.person_queued = 2;
        })
        .begin()
        .await;
    let (ana, dora) = (Actor::named("ana"), Actor::named("dora"));
    let one = stage.runs(&ana, OPS).await;
    for _ in 0..3 {
        stage.says(&ana, OPS, "/run report").await;
    }
    assert_snapshot!(stage.note(&ana).text, @"Not started: 2 of your jobs are waiting already. /jobs shows them; cancel one or wait.");
    assert_eq!(stage.jobs().await.len(), 3);
    // It is her limit, nobody else's.
    stage.runs(&dora, OPS).await.ends("42");
    one.ends("1");
    for result in ["2", "3"] {
        stage.moment().await;
        stage.puppets.next().ends(result);
    }
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_channel_may_have_open_has_an_end() {
    let stage = Stage::builder().settings(|settings| settings.quotas.channel_open = 2).begin().await;
    let (ana, dora) = (Actor::named("ana"), Actor::named("dora"));
    let (one, two) = (stage.runs(&ana, OPS).await, stage.runs(&ana, OPS).await);
    stage.says(&dora, OPS, "/run report").await;
    assert_snapshot!(stage.note(&dora).text, @"Not started: 2 jobs are open in this channel. Wait for one to end, or ask elsewhere.");
    let elsewhere = stage.runs(&dora, Where::Channel("elsewhere")).await;
    one.ends("1");
    stage.moment().await;
    let three = stage.runs(&dora, OPS).await;
    for job in [&two, &three, &elsewhere] {
        job.ends("42");
    }
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a_kind_runs_no_more_at_once_than_it_may_whoever_asks() {
    let stage = Stage::builder()
        .settings(|settings| {
            settings.kinds.insert("report".to_owned(), KindSettings { max_running: 1, ..KindSettings::default() });
        })
        .begin()
        .await;
    let (ana, dora) = (Actor::named("ana"), Actor::named("dora"));
    let one = stage.runs(&ana, OPS).await;
    stage.says(&dora, OPS, "/run report").await;
    assert_eq!(stage.puppets.waiting(), 0);
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | On it · report · u6b3
          [Cancel]
    dora | /run report
    bot | Queued · report · p6j8 · next
          [Cancel]
    ");
    one.ends("1");
    stage.moment().await;
    stage.puppets.next().ends("2");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn two_jobs_in_one_breath_are_one_too_many() {
    let stage = Stage::builder().settings(|settings| settings.quotas.cooldown = Duration::from_secs(1)).begin().await;
    let ana = Actor::named("ana");
    let one = stage.runs(&ana, OPS).await;
    stage.advance(Duration::from_millis(399)).await;
    stage.says(&ana, OPS, "/run report").await;
    assert_snapshot!(stage.note(&ana).text, @"Not started: your last job was given a moment ago. Try again in 0.6 s.");
    stage.seconds(1).await;
    let two = stage.runs(&ana, OPS).await;
    one.ends("1");
    two.ends("2");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn w20_a_job_that_waits_for_a_person_gives_its_slot_away_and_takes_none_back() {
    let stage = Stage::builder().settings(|settings| settings.quotas.person_running = 1).begin().await;
    let ana = Actor::named("ana");
    let one = stage.runs(&ana, OPS).await;
    stage.says(&ana, OPS, "/run report").await;
    assert_eq!(stage.puppets.waiting(), 0);
    let _answer = one.asks("Go on?", &["Yes"]);
    stage.seconds(1).await;
    assert_eq!(stage.puppets.waiting(), 1, "the slot is free while a person thinks");
    let two = stage.puppets.next();
    stage.presses(&ana, "Yes").await;
    // Whoever was answered goes on at once: a person is not made to wait for their own answer.
    one.says("going on");
    two.ends("2");
    one.ends("1");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn the_queue_survives_a_crash_in_its_order() {
    let mut stage = Stage::builder().settings(|settings| settings.quotas.person_running = 1).begin().await;
    let ana = Actor::named("ana");
    let one = stage.runs(&ana, OPS).await;
    stage.says(&ana, OPS, "/run report second").await;
    stage.says(&ana, OPS, "/run report third").await;
    stage.crashes_and_restarts().await;
    drop(one);
    let two = stage.puppets.next();
    assert_eq!((two.input.text.as_str(), stage.puppets.waiting()), ("second", 0));
    two.ends("2");
    stage.moment().await;
    let three = stage.puppets.next();
    assert_eq!(three.input.text, "third");
    three.ends("3");
    stage.moment().await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Interrupted · u6b3 · bot restarted at 09:00 UTC
          [Run again] [Details]
    ana | /run report second
    bot | Done · p6j8 · 0s

          2
          [Details]
    ana | /run report third
    bot | Done · c9t5 · 0s

          3
          [Details]
    ");
    stage.ends().await;
}
