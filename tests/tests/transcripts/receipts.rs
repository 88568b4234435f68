//! The durable record of every message that still has to become visible (R1 to R15).

use std::time::Duration;

use futures::StreamExt;
use insta::assert_snapshot;
use wilco_core::contract::ContractState;
use wilco_core::desk::{Caller, Desk, Notice};
use wilco_core::receipt::{ReceiptKind, ReceiptState};
use wilco_core::worker::WorkerState;
use wilco_core::{AccountId, EnvelopeKind, Scope};
use wilco_sim::{Fault, Profile, Rule, Verb};
use wilco_tests::{Actor, Stage, Where};

const OPS: Where<'static> = Where::Channel("ops");

fn sim() -> AccountId {
    AccountId::new("sim")
}

/// Two messages' worth of lines, numbered so that none can be lost or doubled unseen.
fn two_parts() -> String {
    (1..=120).map(|line| format!("line {line} of the report\n")).collect()
}

#[tokio::test(start_paused = true)]
async fn r1_the_whole_result_and_its_receipt_are_stored_before_anything_is_sent() {
    let mut stage = Stage::new().await;
    let job = stage.runs(&Actor::named("ana"), OPS).await;
    stage.seconds(2).await;
    stage.platform.offline(&sim(), true);
    let calls = stage.platform.log().len();
    job.ends("All is well.");
    stage.moment().await;
    assert!(stage.calls(Verb::Edit, EnvelopeKind::Content).iter().all(|call| call.outcome != "surfaced"));
    assert!(stage.platform.log().len() > calls, "it was tried");
    stage.crashes_and_restarts().await;
    let inspection = stage.inspect(job.short.as_str()).await;
    assert_eq!(inspection.job.state, WorkerState::Done);
    assert_eq!(inspection.ending.unwrap().text, "All is well.");
    assert_eq!(inspection.contracts[0].state, ContractState::TerminalPending);
    let content = stage.receipt(job.short.as_str(), ReceiptKind::Content).await;
    assert_eq!((content.state, content.reason), (ReceiptState::Pending, None));
    stage.platform.offline(&sim(), false);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn r4_a_receipt_tells_its_attempts_its_next_try_and_the_last_error() {
    let stage = Stage::new().await;
    let job = stage.runs(&Actor::named("ana"), OPS).await;
    stage.seconds(2).await;
    let short = job.short.as_str();
    let content = stage.receipt(short, ReceiptKind::Content).await;
    assert_eq!((content.state, content.attempts, content.next), (ReceiptState::Waiting, 0, None));
    stage.fault(Rule::new(Fault::Lost).kind(EnvelopeKind::Content).times(2));
    let began = stage.clock_now();
    job.ends("All is well.");
    stage.moment().await;
    let content = stage.receipt(short, ReceiptKind::Content).await;
    assert_eq!((content.state, content.attempts), (ReceiptState::Pending, 1));
    assert_eq!(content.last_error.as_deref(), Some("reset: the connection closed before the answer"));
    let wait = content.next.expect("it is tried again").since(began);
    assert!((Duration::from_secs(4)..=Duration::from_secs(6)).contains(&wait), "5 s ± 20 %: {wait:?}");
    stage.seconds(60).await;
    let content = stage.receipt(short, ReceiptKind::Content).await;
    assert_eq!((content.state, content.next, content.reason), (ReceiptState::Surfaced, None, None));
    assert!(content.settled.is_some() && content.message.is_some());
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn r6_a_receipt_that_cannot_be_read_is_set_aside_and_the_others_are_delivered() {
    let stage = Stage::new().await;
    let (ana, dora) = (Actor::named("ana"), Actor::named("dora"));
    let (broken, sound) = (stage.runs(&ana, OPS).await, stage.runs(&dora, OPS).await);
    stage.seconds(2).await;
    stage.platform.offline(&sim(), true);
    broken.ends("This row breaks.");
    sound.ends("This one is sound.");
    stage.moment().await;
    let broke = stage
        .tampers(
            "UPDATE receipts SET body = '{\"text\":' WHERE kind = 'content' AND worker = \
             (SELECT id FROM workers WHERE person_name = 'ana')",
        )
        .await;
    assert_eq!(broke, 1);
    stage.platform.offline(&sim(), false);
    stage.seconds(60).await;
    let list = stage.operators_list().await;
    assert!(list.starts_with(&format!("{} content 0: undecodable: ", broken.short)), "{list}");
    assert_eq!(list.lines().count(), 1, "{list}");
    assert_eq!(stage.contract(broken.short.as_str()).await, ContractState::TerminalFailed);
    assert_eq!(stage.contract(sound.short.as_str()).await, ContractState::TerminalAcked);
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | On it · report · u6b3
          [Cancel]
    dora | /run report
    bot | Done · p6j8 · 2s

          This one is sound.
          [Details]
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn r8_r9_a_result_is_tried_for_three_days_and_then_stands_on_the_operators_list() {
    let mut stage = Stage::new().await;
    let job = stage.runs(&Actor::named("ana"), OPS).await;
    stage.seconds(2).await;
    stage.fault(Rule::new(Fault::Dropped).kind(EnvelopeKind::Content).always());
    job.ends("All is well.");
    let short = job.short.to_string();
    stage.seconds(3_000).await;
    let tries = stage.call_seconds(Verb::Edit, EnvelopeKind::Content);
    let waits: Vec<i64> = tries.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(waits.len(), 5, "{waits:?}");
    for (wait, table) in waits.iter().zip([5, 30, 120, 600, 1_800]) {
        assert!((table * 8 / 10 - 1..=table * 12 / 10 + 1).contains(wait), "{wait} s, the table says {table}");
    }
    assert_eq!(stage.contract(&short).await, ContractState::TerminalPending);
    // Three days later, which the script does not sit through: the whole table is a test of the schedule.
    stage.tampers("UPDATE receipts SET first_due = first_due - 259200000 WHERE kind = 'content'").await;
    stage.seconds(9_000).await;
    assert_eq!(stage.contract(&short).await, ContractState::TerminalFailed);
    let list = stage.operators_list().await;
    assert!(list.contains("content 0: exhausted: gave up after"), "{list}");
    assert!(list.contains("not_taken"), "the last error is named: {list}");
    // The operator mends it and sends it again; nothing of it was lost in the meantime.
    stage.platform.calm();
    stage.crashes_and_restarts().await;
    stage.operator_retries().await;
    stage.seconds(5).await;
    assert_eq!(stage.contract(&short).await, ContractState::TerminalAcked);
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Done · u6b3 · 2s

          All is well.
          [Details]
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn r9_a_retry_after_moves_the_time_and_spends_no_attempt() {
    for scope in [Scope::Message, Scope::Chat, Scope::Route, Scope::Account, Scope::Ip] {
        let stage = Stage::new().await;
        let job = stage.runs(&Actor::named("ana"), OPS).await;
        stage.seconds(2).await;
        stage.fault(Rule::new(Fault::RetryAfter { millis: 40_000, scope }).kind(EnvelopeKind::Content).times(2));
        job.ends("All is well.");
        stage.seconds(100).await;
        // An ordinary attempt would have come after 5 s; the platform's own number decides.
        assert_eq!(stage.call_seconds(Verb::Edit, EnvelopeKind::Content), [2, 42, 82], "{scope:?}");
        assert_eq!(
            stage.attempts(job.short.as_str()).await,
            ["stub 1 surfaced", "content 1 retry_after", "content 1 retry_after", "content 1 surfaced"]
        );
        let attempts = stage.receipt(job.short.as_str(), ReceiptKind::Content).await.attempts;
        assert_eq!(attempts, 1, "the one that surfaced; waiting has spent none");
        stage.ends().await;
    }
}

#[tokio::test(start_paused = true)]
async fn r9_who_has_to_wait_is_the_scope_that_the_platform_named() {
    for (scope, other_channel, other_message) in
        [(Scope::Message, 2, 2), (Scope::Chat, 2, 32), (Scope::Account, 32, 32)]
    {
        let stage = Stage::new().await;
        let (ana, dora) = (Actor::named("ana"), Actor::named("dora"));
        let parked = stage.runs(&ana, OPS).await;
        let beside = stage.runs(&dora, OPS).await;
        let elsewhere = stage.runs(&dora, Where::Channel("other")).await;
        stage.seconds(2).await;
        stage.fault(Rule::new(Fault::RetryAfter { millis: 30_000, scope }).kind(EnvelopeKind::Content));
        parked.ends("parked");
        stage.moment().await;
        beside.ends("beside");
        elsewhere.ends("elsewhere");
        stage.seconds(40).await;
        let seen = |text: &str| (stage.message_with(text).shown().at.0 - wilco_tests::clock::BEGIN.0) / 1_000;
        assert_eq!(seen("parked"), 32, "{scope:?}");
        assert_eq!(seen("beside"), other_message, "{scope:?}");
        assert_eq!(seen("elsewhere"), other_channel, "{scope:?}");
        stage.ends().await;
    }
}

#[tokio::test(start_paused = true)]
async fn r11_r12_results_reach_channels_in_which_nobody_has_spoken_since_the_restart() {
    let mut stage = Stage::new().await;
    let (ana, dora) = (Actor::named("ana"), Actor::named("dora"));
    let one = stage.runs(&ana, OPS).await;
    let two = stage.runs(&dora, Where::Thread("other", "deploy")).await;
    stage.platform.offline(&sim(), true);
    one.ends("The first.");
    two.ends("The second.");
    stage.moment().await;
    stage.crashes_and_restarts().await;
    let mut notices = stage.desk().subscribe();
    stage.platform.offline(&sim(), false);
    stage.seconds(60).await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Done · u6b3 · 0s

          The first.
          [Details]
    ");
    assert_snapshot!(stage.sees(Where::Thread("other", "deploy")), @"
    dora | /run report
    bot | Done · p6j8 · 0s

          The second.
          [Details]
    ");
    // Whoever looks at the event stream is told of both.
    let mut told = std::collections::BTreeSet::new();
    while let Some(Some(notice)) = futures::FutureExt::now_or_never(notices.next()) {
        if let Notice::Job { short, .. } = notice {
            told.insert(short.to_string());
        }
    }
    assert_eq!(told, [one.short.to_string(), two.short.to_string()].into());
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn r13_settled_receipts_are_pruned_and_unsettled_ones_never() {
    let stage = Stage::builder()
        .settings(|settings| {
            settings.retention.bodies = Duration::from_secs(600);
            settings.retention.receipts = Duration::from_secs(1_800);
        })
        .begin()
        .await;
    let (ana, dora) = (Actor::named("ana"), Actor::named("dora"));
    let shown = stage.runs(&ana, OPS).await;
    let stuck = stage.runs(&dora, Where::Channel("stuck")).await;
    stage.seconds(2).await;
    stage.fault(Rule::new(Fault::Dropped).channel("stuck").always());
    shown.ends("Seen.");
    stuck.ends("Still to be seen.");
    stage.seconds(10).await;
    assert_eq!(stage.jobs().await.len(), 2);
    stage.seconds(4_000).await;
    let jobs = stage.jobs().await;
    assert_eq!(jobs.iter().map(|job| &job.short).collect::<Vec<_>>(), [&stuck.short]);
    assert_eq!(stage.inspect(stuck.short.as_str()).await.ending.unwrap().text, "Still to be seen.");
    let gone = stage.desk().inspect(&Caller::Host, shown.short.as_str(), Default::default()).await;
    assert!(gone.is_err(), "{gone:?}");
    stage.platform.calm();
    stage.settles().await;
    assert_snapshot!(stage.sees(Where::Channel("stuck")), @"
    dora | /run report
    bot | Done · p6j8 · 2s

          Still to be seen.
          [Details]
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn r14_an_address_that_is_gone_costs_no_time_and_no_attempts() {
    let stage = Stage::new().await;
    let job = stage.runs(&Actor::named("ana"), Where::Thread("ops", "deploy")).await;
    stage.seconds(2).await;
    stage.platform.remove(&stage.address(Where::Thread("ops", "deploy")));
    job.ends("All is well.");
    stage.moment().await;
    assert_eq!(
        stage.attempts(job.short.as_str()).await,
        ["stub 1 surfaced", "content 1 gone", "stub 1 surfaced", "content 1 surfaced"]
    );
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn r15_killed_at_every_call_of_a_job_the_result_becomes_visible_exactly_once() {
    use EnvelopeKind as K;
    let calls = [
        (Verb::Post, K::Stub, 0),
        (Verb::Edit, K::Progress, 0),
        (Verb::Edit, K::Content, 0),
        (Verb::Post, K::Stub, 1),
        (Verb::Edit, K::Part, 0),
        (Verb::Post, K::Stub, 2),
        (Verb::Edit, K::File, 0),
        (Verb::Post, K::Ping, 0),
    ];
    for profile in Profile::ALL {
        for (verb, kind, nth) in calls {
            for applied in [false, true] {
                let what = format!("{} {verb:?} {kind:?} {nth} applied {applied}", profile.name());
                let mut stage = Stage::builder().profile(profile).limits(|limits| limits.text = 2_000).begin().await;
                stage.fault(Rule::new(Fault::Hang { applied }).on(verb).kind(kind).after(nth));
                let job = stage.runs(&Actor::named("ana"), OPS).await;
                job.step(1, 2, "half");
                stage.seconds(20).await;
                if !stage.platform.faults_left().is_empty() {
                    job.writes("log.txt", "one\n");
                    job.ends(&two_parts());
                    stage.seconds(5).await;
                }
                assert!(stage.platform.faults_left().is_empty(), "{what}: the call was never made");
                stage.crashes_and_restarts().await;
                stage.settles().await;
                let id = stage.jobs().await[0].id.clone();
                let snapshot = stage.snapshot();
                assert_eq!(snapshot.visible_results(&id).len(), 1, "{what}\n{}", snapshot.whole_transcript());
                assert!(snapshot.count_visible(K::Part, &id) <= 1, "{what}");
                assert!(snapshot.count_visible(K::File, &id) <= 1, "{what}");
                // A message that was left behind is an empty place, and only where nothing could tell.
                let strays = snapshot.unfinished().len();
                let may = usize::from(applied && verb == Verb::Post && profile == Profile::TelegramLike);
                assert!(strays <= may, "{what}: {strays} strays\n{}", snapshot.whole_transcript());
                let state = stage.contract(job.short.as_str()).await;
                assert_eq!(state, ContractState::TerminalAcked, "{what}");
                stage.ends().await;
            }
        }
    }
}
