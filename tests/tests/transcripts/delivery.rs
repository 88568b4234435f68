//! Who is told what and where: envelopes, routes, and what only a visible message may settle (D1 to D14).

use std::time::Duration;

use insta::assert_snapshot;
use wilco_core::contract::ContractState;
use wilco_core::receipt::ReceiptKind;
use wilco_core::{Address, EnvelopeKind, Scope};
use wilco_sim::{Fault, Rule, Verb};
use wilco_tests::logbook::Line;
use wilco_tests::{Actor, Logbook, Stage, Where};

const OPS: Where<'static> = Where::Channel("ops");
const THREAD: Where<'static> = Where::Thread("ops", "deploy");
const PRIVATE: Where<'static> = Where::PrivateThread("ops", "incident");

#[tokio::test(start_paused = true)]
async fn d2_d5_only_a_stub_that_a_person_sees_acknowledges() {
    let not_yet = [
        Fault::RetryAfter { millis: 2_000, scope: Scope::Chat },
        Fault::Dropped,
        Fault::ServerError { applied: false },
        Fault::Reshape,
        Fault::StopAccount,
    ];
    for fault in not_yet {
        let mut stage = Stage::new().await;
        stage.fault(Rule::new(fault.clone()).on(Verb::Post).always());
        let job = stage.runs(&Actor::named("ana"), OPS).await;
        stage.seconds(1).await;
        let contract = stage.inspect("report").await.contracts.remove(0);
        assert_eq!(contract.state, ContractState::Created, "{}", fault.name());
        assert_eq!(contract.acked, None, "{}", fault.name());
        stage.platform.calm();
        stage.configures(|_| {}).await;
        stage.seconds(10).await;
        // A create that was refused in every shape stands on the operator's list instead.
        let acked = if fault == Fault::Reshape { ContractState::Created } else { ContractState::Acked };
        assert_eq!(stage.contract("report").await, acked, "{}", fault.name());
        job.ends("All is well.");
        stage.ends().await;
    }
}

#[tokio::test(start_paused = true)]
async fn d6_a_result_that_did_not_surface_is_counted_and_tried_again() {
    let stage = Stage::new().await;
    let job = stage.runs(&Actor::named("ana"), OPS).await;
    stage.seconds(2).await;
    stage.fault(Rule::new(Fault::Dropped).on(Verb::Edit).times(2));
    job.ends("All is well.");
    stage.moment().await;
    let short = job.short.as_str();
    let content = stage.receipt(short, ReceiptKind::Content).await;
    assert_eq!((content.state.name(), content.attempts), ("pending", 1));
    assert_eq!(content.last_error.as_deref(), Some("not_taken: the platform did not take the call"));
    stage.seconds(60).await;
    assert_eq!(
        stage.attempts(short).await,
        ["stub 1 surfaced", "content 1 retry", "content 2 retry", "content 3 surfaced"]
    );
    assert_eq!(stage.contract(short).await, ContractState::TerminalAcked);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn d7_every_message_says_whose_it_is_and_its_receipt_is_settled_without_the_worker() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    job.writes("log.txt", "one\n");
    job.step(1, 2, "half");
    stage.seconds(20).await;
    let answer = job.asks("Go on?", &["Yes", "No"]);
    stage.moment().await;
    stage.presses(&ana, "Yes").await;
    assert_eq!(answer.await.unwrap(), Ok(0));
    job.ends(&"one line of text\n".repeat(150));
    stage.seconds(5).await;
    let id = stage.inspect(job.short.as_str()).await.job.id;
    let log = stage.platform.log();
    let mut kinds = std::collections::BTreeSet::new();
    for call in log.iter().filter_map(|entry| entry.call()).filter(|call| call.verb != Verb::Status) {
        let kind = call.kind.expect("posts and edits say what they are for");
        kinds.insert(format!("{kind:?}"));
        assert_eq!(call.worker.as_ref(), Some(&id), "{kind:?}");
        assert_eq!(call.receipt.is_some(), kind != EnvelopeKind::Progress, "{kind:?}");
        assert!(call.key.is_some(), "{kind:?}");
    }
    assert_eq!(kinds.len(), 7, "every kind was sent: {kinds:?}");
    for one in stage.receipts(job.short.as_str()).await {
        assert_eq!(one.state.name(), "surfaced", "{} {}: {:?}", one.kind.name(), one.part, one.reason);
    }
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn d8_a_plain_answer_has_no_receipt_and_settles_nothing() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    stage.says(&ana, OPS, "/whoami").await;
    stage.says(&ana, OPS, "good morning").await;
    stage.says(&ana, OPS, "/run reprot").await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /whoami
    only ana sees | ana · id `id-ana` on sim · role operator
                    You may start jobs, and cancel your own.
    ana | good morning
    only ana sees | Nothing was started: this bot runs jobs and does not chat. /help lists what it runs and the commands.
    ana | /run reprot
    only ana sees | There is no worker `reprot`, nothing was started. Did you mean `report`? Workers: report.
    ");
    assert!(stage.jobs().await.is_empty());
    assert_eq!(stage.created(), 0);
    assert!(stage.peeks("SELECT id FROM receipts").await.is_empty());
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn d9_the_target_is_pinned_when_the_job_is_accepted() {
    let stage = Stage::new().await;
    let (ana, dora) = (Actor::named("ana"), Actor::named("dora"));
    let here = stage.runs(&ana, THREAD).await;
    let there = stage.runs(&dora, Where::Channel("other")).await;
    // Both go on talking somewhere else before the results are there.
    stage.says(&ana, Where::Channel("random"), "/whoami").await;
    stage.says(&dora, OPS, "/jobs").await;
    there.ends("From the other channel.");
    here.ends("From the thread.");
    stage.seconds(1).await;
    assert_snapshot!(stage.sees(THREAD), @"
    ana | /run report
    bot | Done · u6b3 · 0s

          From the thread.
          [Details]
    ");
    assert_snapshot!(stage.sees(Where::Channel("other")), @"
    dora | /run report
    bot | Done · p6j8 · 0s

          From the other channel.
          [Details]
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn d10_r14_a_deleted_thread_hands_over_to_its_channel_then_to_the_person_then_to_the_operator() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, THREAD).await;
    job.step(3, 7, "collecting");
    stage.seconds(20).await;
    // Deleted while the job runs: nothing is said until there is something to say.
    stage.platform.remove(&stage.address(THREAD));
    job.ends("All is well.");
    stage.moment().await;
    assert_snapshot!(stage.sees(OPS), @"
    bot | Done · u6b3 · 20s

          All is well.
          [Details]
    bot | ↳ @ana done: report (u6b3)
    ");
    assert_snapshot!(stage.sees(THREAD), @"
    ana | /run report
    bot | Working · u6b3 · 0s · step 3/7
          ```
          collecting
          ```
          [Cancel]
    ");
    // The next job finds its thread and the channel gone before it is acknowledged.
    let second = stage.runs(&ana, Where::Thread("ops", "second")).await;
    stage.platform.remove(&stage.address(OPS));
    second.ends("Read this in private.");
    stage.moment().await;
    assert_snapshot!(stage.sees(Where::Direct), @"
    bot | Done · p6j8 · 0s

          Read this in private.
          [Details]
    ");
    // The third one finds nothing at all.
    stage.platform.reopen(&stage.address(OPS));
    let third = stage.runs(&ana, Where::Thread("ops", "third")).await;
    stage.platform.remove(&stage.address(OPS));
    stage.platform.remove(&stage.address(Where::Direct));
    third.ends("Nobody can read this.");
    stage.moment().await;
    assert_snapshot!(stage.operators_list().await, @"
    c9t5 stub 0: deleted: there is no such channel
    c9t5 content 0: no_stub: deleted: there is no such channel
    ");
    assert_eq!(stage.contract(third.short.as_str()).await, ContractState::TerminalFailed);
    assert_eq!(stage.inspect(third.short.as_str()).await.ending.unwrap().text, "Nobody can read this.");
    let steps = stage.route_steps(third.short.as_str()).await;
    assert_snapshot!(steps.join("\n"), @"
    sim ops thread third → sim ops (deleted: there is no such channel)
    sim ops → sim dm-id-ana (deleted: there is no such channel)
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn d10_the_result_of_a_private_thread_never_reaches_its_channel() {
    let stage = Stage::new().await;
    let job = stage.runs(&Actor::named("ana"), PRIVATE).await;
    stage.platform.archive(&stage.address(PRIVATE));
    job.ends("The secret.");
    stage.seconds(1).await;
    assert_eq!(stage.sees(OPS), "");
    assert_snapshot!(stage.sees(Where::Direct), @"
    bot | Done · u6b3 · 0s

          The secret.
          [Details]
    ");
    // Where the person cannot be reached either, the operator has it, and the channel still does not.
    let second = stage.runs(&Actor::named("ana"), Where::PrivateThread("ops", "other")).await;
    stage.platform.archive(&stage.address(Where::PrivateThread("ops", "other")));
    stage.platform.remove(&stage.address(Where::Direct));
    second.ends("Another secret.");
    stage.seconds(1).await;
    assert_eq!(stage.sees(OPS), "");
    assert_snapshot!(stage.operators_list().await, @"
    p6j8 stub 0: deleted: there is no such channel
    p6j8 content 0: no_stub: deleted: there is no such channel
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn d10_r3_what_stands_on_the_operators_list_is_sent_again_only_by_the_operator() {
    let mut stage = Stage::new().await;
    let job = stage.runs(&Actor::named("ana"), Where::Direct).await;
    stage.platform.remove(&stage.address(Where::Direct));
    job.ends("All is well.");
    stage.seconds(1).await;
    assert_snapshot!(stage.operators_list().await, @"u6b3 content 0: deleted: there is no such channel");
    stage.platform.reopen(&stage.address(Where::Direct));
    // Neither time nor a restart nor a reload moves it.
    stage.seconds(3_600).await;
    stage.crashes_and_restarts().await;
    stage.configures(|_| {}).await;
    stage.seconds(3_600).await;
    assert_eq!(stage.contract(job.short.as_str()).await, ContractState::TerminalFailed);
    stage.operator_retries().await;
    stage.seconds(1).await;
    assert_snapshot!(stage.sees(Where::Direct), @"
    ana | /run report
    bot | Done · u6b3 · 0s

          All is well.
          [Details]
    ");
    assert_eq!(stage.contract(job.short.as_str()).await, ContractState::TerminalAcked);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn d11_whatever_does_not_surface_is_logged_with_its_channel_and_its_job() {
    let log = Logbook::open();
    let stage = Stage::new().await;
    for kind in [EnvelopeKind::Stub, EnvelopeKind::Progress, EnvelopeKind::Content, EnvelopeKind::Ping] {
        stage.fault(Rule::new(Fault::Dropped).kind(kind));
    }
    let job = stage.runs(&Actor::named("ana"), OPS).await;
    stage.seconds(2).await;
    job.step(1, 2, "half");
    stage.seconds(20).await;
    job.ends("All is well.");
    stage.seconds(20).await;
    let worker = stage.jobs().await[0].id.to_string();
    let refused = |line: &&Line| line.field("outcome") == "retry";
    let lines = log.lines();
    let told: Vec<&Line> = lines.iter().filter(refused).collect();
    let what: Vec<(&str, &str)> = told.iter().map(|line| (line.message.as_str(), line.field("kind"))).collect();
    assert_eq!(what, [("delivery", "stub"), ("progress edit", ""), ("delivery", "content"), ("delivery", "ping")]);
    for line in told {
        assert_eq!((line.field("worker_id"), line.field("channel")), (worker.as_str(), "sim ops"), "{}", line.whole());
    }
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn d12_a_moved_chat_is_followed_and_the_message_appears_there_once() {
    let mut stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    job.step(1, 2, "half");
    stage.seconds(4).await;
    let new = Where::Channel("ops-new");
    stage.platform.move_chat(&stage.address(OPS), &stage.address(new));
    job.step(2, 2, "nearly");
    stage.seconds(20).await;
    job.ends("All is well.");
    stage.seconds(1).await;
    assert_snapshot!(stage.sees(new), @"
    bot | Done · u6b3 · 24s

          All is well.
          [Details]
    bot | ↳ @ana done: report (u6b3)
    ");
    let steps = stage.route_steps(job.short.as_str()).await;
    assert_snapshot!(steps.join("\n"), @"sim ops → sim ops-new (moved: the chat has a new id: sim ops-new)");
    // A job that was given in the old chat and has not been acknowledged follows, too, after a restart as well.
    stage.fault(Rule::new(Fault::Hang { applied: false }).on(Verb::Post));
    let second = stage.runs(&ana, OPS).await;
    second.ends("The second.");
    stage.moment().await;
    stage.crashes_and_restarts().await;
    stage.seconds(5).await;
    assert_snapshot!(stage.sees(new), @"
    bot | Done · u6b3 · 24s

          All is well.
          [Details]
    bot | ↳ @ana done: report (u6b3)
    bot | Done · p6j8 · 0s

          The second.
          [Details]
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn d14_two_ways_that_lead_to_one_place_show_the_result_there_once() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, THREAD).await;
    stage.says(&ana, OPS, &format!("/watch {}", job.short)).await;
    // The thread's edit has to be tried again; by then the watcher's channel shows the result.
    stage.fault(Rule::new(Fault::Dropped).on(Verb::Edit).kind(EnvelopeKind::Content).times(1));
    job.ends("All is well.");
    stage.advance(Duration::from_millis(100)).await;
    stage.platform.remove(&stage.address(THREAD));
    stage.seconds(30).await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /watch u6b3
    only ana sees | Watching · u6b3 · its progress and result appear here, too
    bot | Done · u6b3 · 0s

          All is well.
          [Details]
    ");
    assert_eq!(stage.sees(Where::Direct), "");
    let contracts = stage.inspect(job.short.as_str()).await.contracts;
    assert_eq!(contracts[0].state, ContractState::TerminalAcked);
    assert!(contracts[0].receipts.iter().any(|one| one.reason.as_deref() == Some("merged")));
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn d14_a_way_that_finds_its_next_place_taken_goes_past_it_while_nothing_is_shown_there() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, THREAD).await;
    stage.says(&ana, OPS, &format!("/watch {}", job.short)).await;
    stage.platform.remove(&stage.address(THREAD));
    job.ends("All is well.");
    stage.seconds(5).await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /watch u6b3
    only ana sees | Watching · u6b3 · its progress and result appear here, too
    bot | Done · u6b3 · 0s

          All is well.
          [Details]
    ");
    assert_snapshot!(stage.sees(Where::Direct), @"
    bot | Done · u6b3 · 0s

          All is well.
          [Details]
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn d12_m3_a_press_under_the_old_id_of_a_chat_that_moved_is_no_press_on_a_stray() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    stage.runs(&ana, THREAD).await;
    let (message, cancel) = stage.button("Cancel");
    let other = stage.runs(&ana, OPS).await;
    stage.platform.move_chat(&stage.address(OPS), &Address::channel("sim", "ops-2"));
    // One of them hears of it, and takes the other's message along.
    other.ends("Elsewhere.");
    stage.seconds(5).await;
    stage.presses_late(&ana, THREAD, Some(&message), &cancel).await;
    stage.seconds(5).await;
    assert_snapshot!(stage.sees(THREAD), @"
    ana | /run report
    bot | On it · report · u6b3
          [Cancel]
    only ana sees | Cancelling · u6b3 · asked by ana
                    reason: no reason given
    ");
    stage.ends().await;
}
