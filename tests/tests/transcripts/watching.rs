//! Following a job from a further place: a contract of its own, with its own stub, progress and result (X).

use insta::assert_snapshot;
use wilco_core::contract::ContractState;
use wilco_sim::{Fault, Rule, Verb};
use wilco_tests::{Actor, Stage, Where};

const OPS: Where<'static> = Where::Channel("ops");
const WAR_ROOM: Where<'static> = Where::Channel("war-room");

#[tokio::test(start_paused = true)]
async fn x1_a_watched_job_is_shown_in_both_places_from_stub_to_result() {
    let stage = Stage::new().await;
    let (ana, cleo) = (Actor::named("ana"), Actor::named("cleo"));
    let job = stage.runs(&ana, OPS).await;
    stage.seconds(4).await;
    job.step(1, 3, "collecting");
    stage.seconds(4).await;
    stage.says(&cleo, WAR_ROOM, &format!("/watch {}", job.short)).await;
    stage.seconds(1).await;
    assert_snapshot!(stage.sees(WAR_ROOM), @"
    cleo | /watch u6b3
    only cleo sees | Watching · u6b3 · its progress and result appear here, too
    bot | Working · u6b3 · 8s · step 1/3
          ```
          collecting
          ```
          [Cancel]
    ");
    job.step(2, 3, "counting");
    stage.seconds(10).await;
    job.ends("42");
    stage.moment().await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Done · u6b3 · 19s

          42
          [Details]
    bot | ↳ @ana done: report (u6b3)
    ");
    assert_snapshot!(stage.sees(WAR_ROOM), @"
    cleo | /watch u6b3
    only cleo sees | Watching · u6b3 · its progress and result appear here, too
    bot | Done · u6b3 · 19s

          42
          [Details]
    bot | ↳ @cleo done: report (u6b3)
    ");
    let contracts = stage.inspect(job.short.as_str()).await.contracts;
    let seen: Vec<_> = contracts.iter().map(|contract| (contract.number, contract.state)).collect();
    assert_eq!(seen, [(0, ContractState::TerminalAcked), (1, ContractState::TerminalAcked)]);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn x1_watching_a_finished_job_shows_its_result_there() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    stage.seconds(4).await;
    job.ends("42");
    stage.seconds(60).await;
    stage.says(&ana, WAR_ROOM, &format!("/watch {}", job.short)).await;
    stage.seconds(1).await;
    assert_snapshot!(stage.sees(WAR_ROOM), @"
    ana | /watch u6b3
    only ana sees | Watching · u6b3 · its progress and result appear here, too
    bot | Done · u6b3 · 4s

          42
          [Details]
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn x1_a_watch_and_an_end_in_the_same_moment_lose_no_result() {
    for watch_first in [true, false] {
        let stage = Stage::new().await;
        let ana = Actor::named("ana");
        let job = stage.runs(&ana, OPS).await;
        stage.seconds(4).await;
        let line = format!("/watch {}", job.short);
        if !watch_first {
            job.ends("42");
        }
        stage.platform.say(&ana.0, &ana.at(WAR_ROOM), &line).expect("one can write there");
        if watch_first {
            job.ends("42");
        }
        stage.seconds(1).await;
        let shown = stage.sees(WAR_ROOM);
        assert!(shown.contains("Done · ") && shown.contains("42"), "{shown}");
        stage.ends().await;
    }
}

#[tokio::test(start_paused = true)]
async fn x1_watching_twice_or_where_it_was_asked_adds_nothing() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    stage.says(&ana, OPS, &format!("/watch {}", job.short)).await;
    stage.says(&ana, WAR_ROOM, &format!("/watch {}", job.short)).await;
    stage.says(&ana, WAR_ROOM, &format!("/watch {}", job.short)).await;
    assert_eq!(stage.inspect(job.short.as_str()).await.contracts.len(), 2);
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | On it · report · u6b3
          [Cancel]
    ana | /watch u6b3
    only ana sees | u6b3 is shown here already.
    ");
    assert_snapshot!(stage.sees(WAR_ROOM), @"
    ana | /watch u6b3
    only ana sees | Watching · u6b3 · its progress and result appear here, too
    bot | On it · report · u6b3
          [Cancel]
    ana | /watch u6b3
    only ana sees | u6b3 is shown here already.
    ");
    job.ends("42");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn x1_a_watch_that_cannot_be_delivered_leaves_the_first_place_alone() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    let (there, direct) = (ana.at(WAR_ROOM).address, ana.at(Where::Direct).address);
    stage.says(&ana, WAR_ROOM, "hello").await;
    stage.fault(Rule::new(Fault::Gone).on(Verb::Post).channel("war-room").always());
    stage.fault(Rule::new(Fault::Gone).on(Verb::Post).channel(&direct.channel).always());
    stage.says(&ana, WAR_ROOM, &format!("/watch {}", job.short)).await;
    stage.seconds(5).await;
    job.ends("42");
    stage.seconds(5).await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Done · u6b3 · 5s

          42
          [Details]
    ");
    let failed = stage.failed_receipts().await;
    assert!(!failed.is_empty() && failed.iter().all(|receipt| receipt.address != ana.at(OPS).address), "{failed:?}");
    assert!(stage.snapshot().at(&there).all(|message| message.worker.is_none()));
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn x1_a_job_that_asks_asks_in_every_place_and_one_answer_settles_all() {
    let stage = Stage::new().await;
    let (ana, cleo) = (Actor::named("ana"), Actor::named("cleo"));
    let job = stage.runs(&ana, OPS).await;
    stage.says(&cleo, WAR_ROOM, &format!("/watch {}", job.short)).await;
    let mut answer = job.asks("Overwrite the old report?", &["Yes", "No"]);
    stage.seconds(1).await;
    assert_snapshot!(stage.sees(WAR_ROOM), @"
    cleo | /watch u6b3
    only cleo sees | Watching · u6b3 · its progress and result appear here, too
    bot | Waiting for you · u6b3
          Overwrite the old report?
          [Yes] [No] [Cancel]
    bot | ↳ @cleo question: report (u6b3)
    ");
    stage.presses(&cleo, "Yes").await;
    assert_eq!(answer.try_recv().expect("the answer has arrived"), Ok(0));
    stage.seconds(4).await;
    let (ops, war_room) = (stage.sees(OPS), stage.sees(WAR_ROOM));
    assert!(!ops.contains("Waiting for you") && !war_room.contains("Waiting for you"), "{ops}{war_room}");
    job.ends("42");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn x1_whoever_watches_a_job_that_waits_for_an_answer_sees_the_question() {
    let stage = Stage::new().await;
    let (ana, cleo) = (Actor::named("ana"), Actor::named("cleo"));
    let job = stage.runs(&ana, OPS).await;
    let _answer = job.asks("Overwrite the old report?", &["Yes", "No"]);
    stage.seconds(30).await;
    stage.says(&cleo, WAR_ROOM, &format!("/watch {}", job.short)).await;
    stage.seconds(1).await;
    assert_snapshot!(stage.sees(WAR_ROOM), @"
    cleo | /watch u6b3
    only cleo sees | Watching · u6b3 · its progress and result appear here, too
    bot | Waiting for you · u6b3
          Overwrite the old report?
          [Yes] [No] [Cancel]
    ");
    stage.presses(&cleo, "Yes").await;
    job.ends("42");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn x2_only_who_may_read_a_job_may_watch_it_and_its_starter_sees_who_does() {
    let stage = Stage::new().await;
    let (ana, bo, dora) = (Actor::named("ana"), Actor::named("bo"), Actor::named("dora"));
    let job = stage.runs(&ana, OPS).await;
    // Dora asks from a channel in which it is not shown.
    assert_snapshot!(stage.asks(&dora, WAR_ROOM, &format!("/watch {}", job.short)).await, @"There is no job `u6b3` here. /jobs lists those that you can see.");
    // Bo may read it where it is shown, and follows it into his own direct messages from there.
    stage.says(&bo, Where::Thread("ops", "t1"), &format!("/watch {}", job.short)).await;
    assert_snapshot!(stage.sees(Where::Thread("ops", "t1")), @"
    bo | /watch u6b3
    only bo sees | Watching · u6b3 · its progress and result appear here, too
    bot | On it · report · u6b3
          [Cancel]
    ");
    assert_snapshot!(stage.asks(&ana, OPS, &format!("/status {}", job.short)).await, @"
    running · report · u6b3 · 0s
    `09:00` accepted from ana
    `09:00` started
    `09:00` stub attempt 1: surfaced
    `09:00` acknowledged
    `09:00` stub surfaced
    `09:00` bo watches it in sim ops thread t1
    `09:00` stub attempt 1: surfaced
    `09:00` acknowledged
    `09:00` stub surfaced
    ");
    job.ends("42");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn x1_a_watch_survives_a_crash() {
    let mut stage = Stage::new().await;
    let (ana, cleo) = (Actor::named("ana"), Actor::named("cleo"));
    let job = stage.runs(&ana, OPS).await;
    stage.says(&cleo, WAR_ROOM, &format!("/watch {}", job.short)).await;
    stage.seconds(1).await;
    stage.crashes_and_restarts().await;
    stage.seconds(1).await;
    assert_snapshot!(stage.sees(WAR_ROOM), @"
    cleo | /watch u6b3
    only cleo sees | Watching · u6b3 · its progress and result appear here, too
    bot | Interrupted · u6b3 · bot restarted at 09:00 UTC
          [Run again] [Details]
    ");
    stage.ends().await;
}
