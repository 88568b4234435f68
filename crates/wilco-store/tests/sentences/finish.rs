//! The end: one transaction, then every part in its order, each exactly once.

use wilco_core::contract::ContractState;
use wilco_core::journal::Event;
use wilco_core::receipt::ReceiptKind::{Content, File, Part, Ping, Stub};
use wilco_core::receipt::ReceiptState::{Failed, Pending, Surfaced, Waiting};
use wilco_core::settings::Notify;
use wilco_core::wording::Shown;
use wilco_core::worker::{EndKind, Ending, WorkerState};
use wilco_core::{Cause, FileRef, NotSurfaced, Scope};
use wilco_store::changes::{Record, Settled};

use crate::support::*;

fn long() -> Ending {
    Ending { text: "one line of text\n".repeat(200), ..Ending::bare(EndKind::Done, "") }
}

fn file(name: &str, size: u64) -> FileRef {
    FileRef { name: name.into(), path: format!("/results/{name}").into(), size }
}

proves!(r1_the_end_the_result_and_its_receipts_are_one_step, |w| {
    let job = w.running().await;
    w.done(&job, "the result").await;
    let look = w.look(&job).await;
    assert_eq!((look.job.state, look.job.ended), (WorkerState::Done, Some(w.now)));
    assert_eq!(look.ending.unwrap().text, "the result");
    assert_eq!(look.contracts[0].state, ContractState::TerminalPending);
    assert_eq!(w.states(&job.contract).await, [(Stub, 0, 0, Surfaced), (Content, 0, 0, Pending)]);
    let row = &w.rows("SELECT * FROM workers", vec![]).await[0];
    for column in ["owner", "lease_until", "deadline", "hard_deadline"] {
        assert!(row.opt_text(column).is_ok_and(|value| value.is_none()), "{column}");
    }
    let claim = w.claim_one(Content).await;
    assert_eq!(claim.target, look.contracts[0].message);
    assert!(claim.envelope.body.text.ends_with("the result"), "{}", claim.envelope.body.text);
    w.surface(&claim).await;
    assert_eq!(w.contract_state(&job).await, ContractState::TerminalAcked);
});

proves!(r2_w18_a_second_end_changes_nothing_and_adds_no_receipt, |w| {
    let job = w.running().await;
    w.done(&job, "first").await;
    let before = w.look(&job).await;
    w.pass(secs(5));
    let failed = Ending { text: "second".into(), ..Ending::bare(EndKind::Failed, "exit 2") };
    assert_eq!(w.finish(&job, failed).await, Some(WorkerState::Done));
    assert_eq!(w.look(&job).await, before);
});

proves!(r1_a_result_that_ends_before_its_stub_is_visible_waits_for_it, |w| {
    let job = w.report().await;
    w.begin().await;
    w.done(&job, "quick").await;
    assert_eq!(w.contract_state(&job).await, ContractState::TerminalPending);
    let stub = w.claim_one(Stub).await;
    w.surface(&stub).await;
    let fill = w.claim_one(Content).await;
    w.surface(&fill).await;
    assert_eq!(w.contract_state(&job).await, ContractState::TerminalAcked);
    assert_eq!(w.count(&job, "contract_moved").await, 2);
});

proves!(r16_parts_get_their_stubs_in_order_before_the_first_is_filled, |w| {
    let job = w.running().await;
    assert_eq!(w.finish(&job, long()).await, Some(WorkerState::Done));
    let shown: Vec<_> = w.surface_due().await.iter().map(|claim| (claim.facts.kind, claim.target.is_some())).collect();
    let expected = [(Stub, false), (Stub, false), (Content, true), (Part, true), (Part, true)];
    assert_eq!(shown, expected);
    let contract = w.contract(&job).await;
    assert_eq!(contract.state, ContractState::TerminalAcked);
    let order: Vec<_> = contract.receipts.iter().filter(|one| one.kind == Stub).map(|one| one.part).collect();
    assert_eq!(order, [0, 1, 2]);
    // Every part fills the message of its own stub.
    for part in [1, 2] {
        let of =
            |kind| contract.receipts.iter().find(|one| one.kind == kind && one.part == part).unwrap().message.clone();
        assert!(of(Part).is_some());
        assert_eq!(of(Part), of(Stub));
    }
});

proves!(r16_a_retry_resumes_at_the_first_part_that_is_not_visible, |w| {
    let job = w.running().await;
    w.finish(&job, long()).await;
    for kind in [Stub, Stub, Content] {
        let claim = w.claim_one(kind).await;
        w.surface(&claim).await;
    }
    let part = w.claim_one(Part).await;
    assert_eq!(w.answer(&part, retry()).await, Settled::RetryScheduled { at: Some(w.now.plus(secs(5))), attempts: 1 });
    assert_eq!(w.contract_state(&job).await, ContractState::TerminalPending);
    w.recover("two", true).await;
    w.pass(secs(5));
    let rest: Vec<_> = w.surface_due().await.iter().map(|claim| claim.facts.kind).collect();
    assert_eq!(rest, [Part, Part], "the first message is not sent again");
    assert_eq!(w.contract_state(&job).await, ContractState::TerminalAcked);
});

proves!(r16_d10_what_is_not_visible_yet_starts_again_at_the_next_address, |w| {
    let job = w.running().await;
    w.finish(&job, long()).await;
    for kind in [Stub, Stub, Content] {
        let claim = w.claim_one(kind).await;
        w.surface(&claim).await;
    }
    let part = w.claim_one(Part).await;
    assert_eq!(w.answer(&part, gone()).await, Settled::Rerouted);
    let claims = w.surface_due().await;
    assert!(claims.iter().all(|claim| claim.envelope.address == dm("ana")));
    let kinds: Vec<_> = claims.iter().map(|claim| claim.facts.kind).collect();
    assert_eq!(kinds, [Stub, Stub, Part, Part]);
    assert!(claims[0].envelope.body.text.starts_with("Part 2 of 3"), "{}", claims[0].envelope.body.text);
    assert_eq!(w.contract_state(&job).await, ContractState::TerminalAcked);
});

proves!(r17_a_file_is_a_stub_that_is_edited_and_a_refused_one_says_where_it_is, |w| {
    let job = w.running().await;
    let files = vec![file("a.csv", 100), file("huge.bin", 1 << 30)];
    w.finish(&job, Ending { text: "two files".into(), files, ..Ending::bare(EndKind::Done, "") }).await;
    let claims = w.surface_due().await;
    let kinds: Vec<_> = claims.iter().map(|claim| claim.facts.kind).collect();
    assert_eq!(kinds, [Stub, Stub, Content, File, File]);
    assert!(claims[..2].iter().all(|stub| stub.envelope.body.file.is_none()), "a create never carries the file");
    assert_eq!(claims[3].envelope.body.file.as_ref().map(|file| file.name.as_str()), Some("a.csv"));
    let refused = &claims[4].envelope.body;
    assert!(refused.file.is_none() && refused.text.contains("wilco jobs show"), "{}", refused.text);
    assert_eq!(w.contract_state(&job).await, ContractState::TerminalAcked);
});

proves!(r17_a_file_that_the_platform_refuses_becomes_an_excerpt, |w| {
    let job = w.running().await;
    let files = vec![file("a.csv", 100)];
    w.finish(&job, Ending { files, ..Ending::bare(EndKind::Done, "") }).await;
    for kind in [Stub, Content] {
        let claim = w.claim_one(kind).await;
        w.surface(&claim).await;
    }
    for _ in 0..2 {
        let claim = w.claim_one(File).await;
        w.answer(&claim, NotSurfaced::Reshape(cause())).await;
    }
    let claim = w.claim_one(File).await;
    assert!(claim.envelope.body.file.is_none() && claim.envelope.body.text.contains("wilco jobs show"));
    w.surface(&claim).await;
    assert_eq!(w.contract_state(&job).await, ContractState::TerminalAcked);
});

proves!(r17_r18_a_file_that_stands_is_not_replaced_by_less_when_its_repetition_is_refused, |w| {
    for refusal in [NotSurfaced::Reshape(cause()), NotSurfaced::Bug(cause())] {
        let job = w.running().await;
        w.finish(&job, Ending { files: vec![file("a.csv", 100)], ..Ending::bare(EndKind::Done, "") }).await;
        for kind in [Stub, Content] {
            let claim = w.claim_one(kind).await;
            w.surface(&claim).await;
        }
        let first = w.claim_one(File).await;
        w.answer(&first, ambiguous()).await;
        w.pass(secs(5));
        let second = w.claim_one(File).await;
        w.surface(&second).await;
        w.pass(secs(45));
        let again = w.claim_one(File).await;
        assert!(again.reassert && again.envelope.body.file.is_some());
        assert_eq!(w.answer(&again, refusal).await, Settled::Surfaced);
        w.pass(secs(3_600));
        assert!(w.claim().await.is_empty(), "nobody takes the file away again");
        assert_eq!(w.contract_state(&job).await, ContractState::TerminalAcked);
    }
});

proves!(r8_one_failed_part_fails_the_contract_and_the_others_still_arrive, |w| {
    let job = w.running().await;
    w.finish(&job, long()).await;
    for kind in [Stub, Stub, Content] {
        let claim = w.claim_one(kind).await;
        w.surface(&claim).await;
    }
    let part = w.claim_one(Part).await;
    w.answer(&part, NotSurfaced::Silent).await;
    assert_eq!(w.contract_state(&job).await, ContractState::TerminalFailed);
    let last = w.claim_one(Part).await;
    w.surface(&last).await;
    assert_eq!(w.contract_state(&job).await, ContractState::TerminalFailed);
});

proves!(ux_a_ping_follows_work_of_more_than_15_seconds_by_the_notify_rule, |w| {
    let cases = [
        (Notify::Always, 20, EndKind::Done, true),
        (Notify::Always, 15, EndKind::Done, false),
        (Notify::Failure, 20, EndKind::Done, false),
        (Notify::Failure, 20, EndKind::Failed, true),
        (Notify::Failure, 20, EndKind::TimedOut, true),
        (Notify::Never, 20, EndKind::Failed, false),
    ];
    for (notify, took, kind, pings) in cases {
        w.rules.notify = notify;
        let job = w.running().await;
        w.pass(secs(took));
        w.finish(&job, Ending::bare(kind, "")).await;
        let fill = w.claim_one(Content).await;
        let message = w.surface(&fill).await;
        let claims = w.surface_due().await;
        assert_eq!(claims.len(), usize::from(pings), "{notify:?} {took} {kind:?}");
        for ping in claims {
            assert_eq!((ping.facts.kind, ping.envelope.reply_to.as_ref()), (Ping, Some(&message)));
            assert_eq!(ping.envelope.body.mention.as_ref().map(|person| person.id.as_str()), Some("ana"));
        }
        assert_eq!(w.contract_state(&job).await, ContractState::TerminalAcked);
    }
});

proves!(w19_a_ping_waits_for_the_result_and_is_dropped_when_that_fails, |w| {
    let job = w.running().await;
    w.pass(secs(20));
    w.done(&job, "x").await;
    let fill = w.claim_one(Content).await;
    assert_eq!(w.states(&job.contract).await[2], (Ping, 0, 0, Waiting));
    w.answer(&fill, NotSurfaced::Silent).await;
    assert_eq!(w.states(&job.contract).await[2], (Ping, 0, 0, Failed));
    assert!(w.claim().await.is_empty());

    let job = w.running().await;
    w.pass(secs(20));
    w.done(&job, "x").await;
    let fill = w.claim_one(Content).await;
    w.surface(&fill).await;
    let ping = w.claim_one(Ping).await;
    w.answer(&ping, NotSurfaced::Gone(Cause::new("x", "y"))).await;
    assert_eq!(w.contract_state(&job).await, ContractState::TerminalAcked, "a ping fails no contract");
});

proves!(w17_a_timed_out_job_delivers_what_it_had, |w| {
    let job = w.running().await;
    let shown = Shown { partial: Some("half of it".into()), step: Some((2, 4)), ..Shown::default() };
    let change = Record { worker: job.worker.clone(), shown, events: Vec::new(), now: w.now };
    assert!(w.engine.write(change).await.unwrap());
    assert_eq!(w.finish(&job, Ending::bare(EndKind::TimedOut, "limit 30m")).await, Some(WorkerState::TimedOut));
    let fill = w.claim_one(Content).await;
    assert!(fill.envelope.body.text.contains("half of it"), "{}", fill.envelope.body.text);
    let events = w.events(&job).await;
    assert!(events.contains(&Event::TimedOut { limit: "limit 30m".into() }));
    assert!(
        matches!(&events[events.len() - 2], Event::ContractMoved { to: ContractState::TerminalPending, .. })
            || matches!(events.last(), Some(Event::ContractMoved { to: ContractState::TerminalPending, .. }))
    );
});

proves!(r9_a_result_that_ends_during_a_park_is_due_after_it, |w| {
    let job = w.running().await;
    w.report().await;
    let claim = w.claim_one(Stub).await;
    w.answer(&claim, NotSurfaced::RetryAfter { delay: secs(60), scope: Scope::Chat }).await;
    w.record(&job, "one").await;
    // A progress edit that was under way ends; that must not bring the result forward.
    w.done(&job, "x").await;
    w.pass(secs(10));
    assert!(w.claim().await.is_empty());
    w.pass(secs(50));
    assert_eq!(w.claim().await.len(), 2);
});

proves!(w18_a_job_that_does_not_exist_cannot_end, |w| {
    let mut job = w.report().await;
    job.worker = wilco_core::WorkerId::new("nobody");
    assert_eq!(w.finish(&job, Ending::bare(EndKind::Done, "")).await, None);
    assert!(!w.record(&job, "x").await);
});
