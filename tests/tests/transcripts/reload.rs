//! Settings that change while jobs run: the next contract and the next tick see them (G).

use std::time::Duration;

use insta::assert_snapshot;
use wilco_core::settings::{KindSettings, Notify, Settings};
use wilco_core::worker::WorkerState;
use wilco_tests::{Actor, Stage, Where};

const OPS: Where<'static> = Where::Channel("ops");

#[tokio::test(start_paused = true)]
async fn g1_the_defaults_are_five_seconds_to_acknowledge_45_to_progress_and_half_an_hour_to_end() {
    let terms = Settings::default().defaults.terms;
    assert_eq!((terms.ack_secs, terms.progress_secs, terms.terminal_secs), (5, 45, 1_800));
    assert_eq!(Settings::default().tick.0, Duration::from_secs(2));
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    stage.seconds(48).await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Working · u6b3 · 45s · no output for 45s
          [Cancel]
    ");
    stage.seconds(1_750).await;
    assert!(job.is_alive());
    stage.seconds(5).await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Timed out · u6b3 · limit 30m
          [Run again] [Details]
    bot | ↳ @ana timed out: report (u6b3)
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn g1_a_kind_has_deadlines_of_its_own() {
    let mut own = KindSettings::default();
    own.terms.progress_secs = 10;
    let stage = Stage::builder()
        .settings(|settings| {
            settings.kinds.insert("report".to_owned(), own);
        })
        .begin()
        .await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    stage.seconds(13).await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Working · u6b3 · 10s · no output for 10s
          [Cancel]
    ");
    job.ends("42");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn g3_a_reload_holds_for_the_next_job_and_leaves_the_running_one_its_terms() {
    let mut stage = Stage::new().await;
    let ana = Actor::named("ana");
    let old = stage.runs(&ana, OPS).await;
    stage.configures(|settings| settings.defaults.terms.terminal_secs = 30).await;
    let new = stage.runs(&ana, OPS).await;
    stage.seconds(35).await;
    assert!(old.is_alive() && !new.is_alive());
    let jobs = stage.jobs().await;
    let state = |short| jobs.iter().find(|job| job.short == short).map(|job| job.state);
    assert_eq!(state(new.short.clone()), Some(WorkerState::TimedOut));
    assert_eq!(state(old.short.clone()), Some(WorkerState::Running));
    old.ends("42");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn g3_a_shorter_tick_is_used_at_once_although_the_long_one_had_begun() {
    let mut stage = Stage::builder().settings(|settings| settings.tick.0 = Duration::from_secs(60)).begin().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    stage.configures(|settings| settings.tick.0 = Duration::from_secs(1)).await;
    stage.seconds(47).await;
    let shown = stage.sees(OPS);
    assert!(shown.contains("no output for"), "{shown}");
    job.ends("42");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn g3_more_room_starts_what_waits_without_another_word() {
    let mut stage = Stage::builder().settings(|settings| settings.quotas.person_running = 1).begin().await;
    let ana = Actor::named("ana");
    let one = stage.runs(&ana, OPS).await;
    stage.says(&ana, OPS, "/run report").await;
    assert_eq!(stage.puppets.waiting(), 0);
    stage.configures(|settings| settings.quotas.person_running = 2).await;
    let two = stage.puppets.next();
    one.ends("1");
    two.ends("2");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn notify_decides_who_is_called_at_the_end() {
    for (notify, done, failed) in
        [(Notify::Always, true, true), (Notify::Failure, false, true), (Notify::Never, false, false)]
    {
        let stage = Stage::builder().settings(|settings| settings.defaults.notify = notify).begin().await;
        let ana = Actor::named("ana");
        for (ends_well, called) in [(true, done), (false, failed)] {
            let job = stage.runs(&ana, OPS).await;
            stage.seconds(16).await;
            if ends_well {
                job.ends("42");
            } else {
                job.fails("exit 2", "no");
            }
            stage.moment().await;
            let ping = format!("report ({})", job.short);
            assert_eq!(stage.sees(OPS).contains(&ping), called, "{notify:?}\n{}", stage.sees(OPS));
        }
        stage.ends().await;
    }
}
