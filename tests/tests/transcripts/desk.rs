//! Looking and acting by the desk, which is behind the page, the API and the command line (A).

use insta::assert_snapshot;
use wilco_core::contract::ContractState;
use wilco_core::desk::{Caller, CancelResult, Desk, DeskError, JobFilter, Limit, Notice, ReceiptFilter};
use wilco_core::receipt::{ReceiptKind, ReceiptState};
use wilco_core::worker::WorkerState;
use wilco_core::{AccountId, Cause, Scope};
use wilco_sim::{Fault, Rule, Verb};
use wilco_tests::{Actor, Stage, Where};

const OPS: Where<'static> = Where::Channel("ops");

fn caller(actor: &Actor) -> Caller {
    actor.calls_from(OPS)
}

#[tokio::test(start_paused = true)]
async fn a1_events_are_json_objects_and_not_strings_of_json() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    let seen = serde_json::to_value(stage.inspect(job.short.as_str()).await).expect("it serialises");
    let first = &seen["events"][0];
    assert_eq!((first["event"].as_str(), first["seq"].as_i64()), (Some("accepted"), Some(1)));
    assert_eq!(first["address"]["channel"], "ops");
    assert!(seen["events"].as_array().expect("a list").iter().all(|event| event["event"].is_string()));
    job.ends("42");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a2_a_limit_shows_the_newest_and_one_below_one_is_refused() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    for line in 0..300 {
        job.says(&format!("line {line}"));
        stage.seconds(4).await;
    }
    let short = job.short.as_str();
    let all = stage.desk().inspect(&Caller::Host, short, Limit::new(5_000).unwrap()).await.unwrap().events;
    assert!(all.len() > 300);
    let newest = stage.desk().inspect(&Caller::Host, short, Limit::new(3).unwrap()).await.unwrap().events;
    assert_eq!(newest, all[all.len() - 3..]);
    let default = stage.desk().inspect(&Caller::Host, short, Limit::default()).await.unwrap().events;
    assert_eq!(default, all[all.len() - 200..]);
    assert!(matches!(Limit::new(0), Err(DeskError::BadInput(_))));
    job.ends("42");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a3_j9_the_timeline_of_a_running_job_goes_on_after_a_restart() {
    let mut stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    stage.seconds(4).await;
    job.step(1, 2, "collecting");
    stage.moment().await;
    let before = stage.inspect(job.short.as_str()).await;
    assert_eq!((before.job.state, before.job.progress.as_str()), (WorkerState::Running, "step 1/2 · collecting"));
    assert!(before.ending.is_none());
    stage.crashes_and_restarts().await;
    let after = stage.inspect(job.short.as_str()).await;
    assert_eq!(after.events[..before.events.len()], before.events);
    assert_snapshot!(stage.journal(job.short.as_str()).await[before.events.len()..].join("\n"), @"
    recovered
    completed
    contract_moved
    receipt_attempt
    receipt_settled
    contract_moved
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a4_a_receipt_shows_its_attempts_its_last_error_and_its_next_try() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    stage.seconds(1).await;
    stage.fault(Rule::new(Fault::Dropped).on(Verb::Edit).times(2));
    job.ends("42");
    stage.seconds(10).await;
    let contract = stage.inspect(job.short.as_str()).await.contracts.remove(0);
    assert_eq!(contract.state, ContractState::TerminalPending);
    let content = contract.receipts.iter().find(|receipt| receipt.kind == ReceiptKind::Content).expect("it is there");
    assert_eq!((content.state, content.attempts), (ReceiptState::Pending, 2));
    let wait = content.next.expect("it is tried again").since(content.created).as_secs();
    assert!((20..=60).contains(&wait), "30 s after the second attempt, give or take a fifth: {wait} s");
    assert!(content.last_error.as_deref().is_some_and(|error| !error.is_empty()));
    let filter = ReceiptFilter { state: Some(ReceiptState::Pending), limit: Limit::default() };
    let listed = stage.desk().receipts(&caller(&ana), &filter).await.unwrap();
    assert_eq!(listed.iter().map(|receipt| &receipt.id).collect::<Vec<_>>(), [&content.id]);
    stage.seconds(60).await;
    assert_eq!(stage.inspect(job.short.as_str()).await.contracts[0].state, ContractState::TerminalAcked);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a5_the_list_and_the_cancel_agree_in_every_state() {
    let stage = Stage::builder().settings(|settings| settings.quotas.person_running = 2).begin().await;
    let ana = Actor::named("ana");
    let (running, stubborn) = (stage.runs(&ana, OPS).await, stage.runs(&ana, OPS).await);
    stage.says(&ana, OPS, "/run report").await;
    stubborn.becomes_deaf();
    let listed =
        stage.desk().jobs(&caller(&ana), &JobFilter { open_only: true, ..JobFilter::default() }).await.unwrap();
    assert_eq!(listed.len(), 3);
    for job in &listed {
        let result = stage.desk().cancel(&caller(&ana), job.short.as_str(), None).await.unwrap();
        let as_listed = if job.state == WorkerState::Queued {
            matches!(result, CancelResult::Cancelled { .. })
        } else {
            job.state == WorkerState::Running && matches!(result, CancelResult::Cancelling { .. })
        };
        assert!(as_listed, "{}: {result:?}", job.state.name());
    }
    stage.moment().await;
    assert!(!running.is_alive());
    let states: Vec<_> = stage.jobs().await.iter().map(|job| job.state).collect();
    assert_eq!(states, [WorkerState::Cancelled, WorkerState::Cancelling, WorkerState::Cancelled]);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a6_health_shows_the_real_connection_the_last_delivery_and_what_waits() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let account = AccountId::new("sim");
    let job = stage.runs(&ana, OPS).await;
    stage.seconds(1).await;
    let health = stage.desk().health().await.unwrap();
    assert_eq!((health.running, health.queued, health.undelivered, health.failed), (1, 0, 0, 0));
    let connection = health.accounts.iter().find(|one| one.account == account).expect("it is configured");
    assert!(connection.connected && connection.paused.is_none());
    assert!(connection.last_delivery.is_some());
    // The platform goes away: the connection is down, and what cannot leave is counted.
    stage.platform.offline(&account, true);
    job.ends("42");
    stage.seconds(30).await;
    let health = stage.desk().health().await.unwrap();
    let connection = health.accounts.iter().find(|one| one.account == account).expect("it is configured");
    assert!(!connection.connected);
    assert_eq!(health.undelivered, 1);
    assert!(health.oldest.is_some());
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | On it · report · u6b3
          [Cancel]
    ");
    stage.platform.offline(&account, false);
    stage.seconds(70).await;
    let health = stage.desk().health().await.unwrap();
    assert!(health.accounts.iter().any(|one| one.account == account && one.connected));
    assert_eq!(health.undelivered, 0);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a6_messages_that_were_shown_as_plain_text_are_told() {
    let stage = Stage::new().await;
    let (ana, account) = (Actor::named("ana"), AccountId::new("sim"));
    let of = |health: wilco_core::desk::Health| health.accounts.into_iter().find(|one| one.account == account);
    assert!(!stage.asks(&ana, OPS, "/status").await.contains("plain"));
    assert_eq!(of(stage.desk().health().await.unwrap()).map(|one| one.plain), Some(0));
    for _ in 0..2 {
        let job = stage.runs(&ana, OPS).await;
        stage.seconds(1).await;
        stage.fault(Rule::new(Fault::Reshape).on(Verb::Edit).times(1));
        job.ends("**42**");
        stage.seconds(60).await;
    }
    let found = of(stage.desk().health().await.unwrap()).expect("it is configured");
    assert_eq!(found.plain, 2);
    assert_eq!(serde_json::to_value(found).unwrap()["plain"], 2, "the API shows it");
    assert_snapshot!(stage.asks(&ana, OPS, "/status").await, @"
    Running 0 · queued 0 · waiting to be delivered 0
    Plain · sim · 2 messages were shown as plain text since the bot was started
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a6_an_account_that_needs_a_person_says_so_in_the_status() {
    let mut stage = Stage::new().await;
    let ana = Actor::named("ana");
    let account = AccountId::new("sim");
    let job = stage.runs(&ana, OPS).await;
    stage.seconds(1).await;
    stage.fault(Rule::new(Fault::StopAccount).on(Verb::Edit));
    job.ends("42");
    stage.seconds(3_600).await;
    let paused = stage.desk().health().await.unwrap().accounts.into_iter().find(|one| one.account == account);
    assert!(paused.is_some_and(|one| one.paused.is_some()));
    assert_snapshot!(stage.asks(&ana, OPS, "/status").await, @"
    Running 0 · queued 0 · waiting to be delivered 1 · oldest 1h
    Paused · sim · scripted: the fault script says so
    ");
    // Somebody has put the credentials right: what waited leaves, and no attempt was spent.
    stage.configures(|_| {}).await;
    stage.seconds(1).await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Done · u6b3 · 1s

          42
          [Details]
    ana | /status
    only ana sees | Running 0 · queued 0 · waiting to be delivered 1 · oldest 1h
                    Paused · sim · scripted: the fault script says so
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn m6_r9_progress_rests_while_its_account_is_paused_and_goes_on_when_it_works_again() {
    let mut stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    stage.seconds(1).await;
    stage.fault(Rule::new(Fault::StopAccount).on(Verb::Edit));
    job.step(1, 3, "load");
    stage.seconds(20).await;
    let edits = |stage: &Stage| {
        stage.platform.log().iter().filter_map(|entry| entry.call()).filter(|call| call.verb == Verb::Edit).count()
    };
    assert_eq!(edits(&stage), 1, "the one that was refused");
    job.step(2, 3, "sort");
    stage.seconds(20).await;
    job.step(3, 3, "count");
    stage.seconds(20).await;
    assert_eq!(edits(&stage), 1);
    // Somebody has put the credentials right; the job itself has nothing new to say.
    stage.configures(|_| {}).await;
    stage.seconds(1).await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Working · u6b3 · 1m 01s · step 3/3
          ```
          load
          sort
          count
          ```
          [Cancel]
    ");
    job.ends("42");
    stage.seconds(5).await;
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a5_a_job_is_started_by_the_desk_once_for_each_event() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let (who, place) = (caller(&ana), ana.at(OPS));
    let started = stage.desk().run(&who, &place, "api-1", "report", "last week").await.unwrap();
    stage.moment().await;
    assert_eq!(stage.puppets.next().input.text, "last week");
    let twice = stage.desk().run(&who, &place, "api-1", "report", "last week").await.unwrap();
    assert_eq!(twice.id, started.id, "the same request is answered as it was the first time");
    let unknown = stage.desk().run(&who, &place, "api-2", "reprot", "").await.expect_err("there is no such worker");
    assert_snapshot!(unknown, @"There is no worker `reprot`, nothing was started. Did you mean `report`? Workers: report.");
    let bo = stage.desk().run(&caller(&Actor::named("bo")), &place, "api-3", "report", "").await.expect_err("a viewer");
    assert_snapshot!(bo, @"Not allowed: run needs role operator. You: viewer");
    assert!(matches!(
        stage.desk().run(&Caller::Host, &place, "api-4", "report", "").await,
        Err(DeskError::BadInput(_))
    ));
    assert_eq!(stage.jobs().await.len(), 1);
    let done = stage.desk().cancel(&who, started.short.as_str(), None).await;
    assert!(done.is_ok());
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a4_whoever_subscribes_is_told_of_every_step() {
    use futures::StreamExt;
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let mut notices = stage.desk().subscribe();
    let mut told = |short: &wilco_core::Short| {
        let mut count = 0;
        while let Some(Some(notice)) = futures::FutureExt::now_or_never(notices.next()) {
            assert!(matches!(&notice, Notice::Job { short: told, .. } if told == short), "{notice:?}");
            count += 1;
        }
        count
    };
    let job = stage.runs(&ana, OPS).await;
    assert!(told(&job.short) >= 2, "accepted, and its stub");
    stage.seconds(4).await;
    assert_eq!(told(&job.short), 0);
    job.says("collecting");
    stage.seconds(4).await;
    assert!(told(&job.short) >= 1, "progress");
    job.ends("42");
    stage.moment().await;
    assert!(told(&job.short) >= 2, "the end, and its result");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a4_a_rate_limit_shows_when_it_ends_and_spends_no_attempt() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    stage.seconds(1).await;
    stage.fault(Rule::new(Fault::RetryAfter { millis: 90_000, scope: Scope::Chat }).on(Verb::Edit));
    job.ends("42");
    stage.seconds(10).await;
    let contract = stage.inspect(job.short.as_str()).await.contracts.remove(0);
    let content = contract.receipts.iter().find(|receipt| receipt.kind == ReceiptKind::Content).expect("it is there");
    assert_eq!((content.state, content.attempts), (ReceiptState::Pending, 0));
    let wait = content.next.expect("it is tried again").since(content.created).as_secs();
    assert_eq!(wait, 91);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a6_a_stopped_listener_is_no_lost_result() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let account = AccountId::new("sim");
    let job = stage.runs(&ana, OPS).await;
    stage.seconds(1).await;
    stage.platform.stop_account(&account, Some(Cause::new("401", "the token was revoked")));
    job.ends("42");
    stage.seconds(400).await;
    assert_eq!(stage.inspect(job.short.as_str()).await.job.state, WorkerState::Done);
    stage.platform.stop_account(&account, None);
    // A person's renewal of the token is a change of the configuration.
    let mut stage = stage;
    stage.configures(|_| {}).await;
    stage.seconds(1).await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Done · u6b3 · 1s

          42
          [Details]
    ");
    stage.ends().await;
}
