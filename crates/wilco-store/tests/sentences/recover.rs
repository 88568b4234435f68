//! What a starting instance finds.

use wilco_core::contract::ContractState;
use wilco_core::job::SAY;
use wilco_core::journal::Event;
use wilco_core::receipt::ReceiptKind::{Content, Ping, Stub};
use wilco_core::receipt::ReceiptState::{Pending, Sending};
use wilco_core::schedule::RECEIPT_LEASE;
use wilco_core::settings::KindSettings;
use wilco_core::worker::{OnInterrupt, WorkerState};
use wilco_core::{InstanceId, Place};
use wilco_store::changes::{Recovered, RenewLeases};

use crate::support::*;

proves!(u1_u4_lost_work_ends_interrupted_with_its_message, |w| {
    let job = w.running().await;
    let queued = w.report().await;
    let found = w.recover("two", true).await;
    assert_eq!((found.rerun, found.ended), (0, 1));
    let look = w.look(&job).await;
    assert_eq!(look.job.state, WorkerState::Interrupted);
    assert_eq!(look.contracts[0].state, ContractState::TerminalPending);
    assert!(w.events(&job).await.contains(&Event::Recovered { rerun: false }));
    assert_eq!(w.worker_state(&queued).await, WorkerState::Queued, "what had not started was not lost");
    let claims = w.surface_due().await;
    let fill = claims.iter().find(|claim| claim.facts.kind == Content).unwrap();
    assert!(fill.envelope.body.text.starts_with("Interrupted"), "{}", fill.envelope.body.text);
    assert_eq!(w.contract_state(&job).await, ContractState::TerminalAcked);
    assert_eq!(w.recover("three", true).await, Recovered::default());
    assert_eq!(w.contract_state(&job).await, ContractState::TerminalAcked, "U2");
});

proves!(u1_reruns_are_two_then_it_is_interrupted, |w| {
    w.rules = KindSettings { on_interrupt: OnInterrupt::Rerun, ..w.rules };
    let job = w.running().await;
    for rerun in 1..=2 {
        assert_eq!(w.recover(&format!("crash {rerun}"), true).await.rerun, 1);
        assert_eq!(w.worker_state(&job).await, WorkerState::Queued);
        let row = w.contract_row(&job.contract).await;
        assert_eq!(row.opt_time("progress_deadline").unwrap(), None);
        let run = w.begin().await.remove(0);
        assert_eq!(run.input.rerun, rerun);
    }
    assert_eq!(w.recover("crash 3", true).await.ended, 1);
    assert_eq!(w.worker_state(&job).await, WorkerState::Interrupted);
});

proves!(u1_what_only_says_something_is_said_again_however_often_its_process_dies, |w| {
    w.rules = KindSettings { on_interrupt: OnInterrupt::Report, ..w.rules };
    let job = w.ask_for(SAY, "ana", Place::public(ops())).await;
    for crash in 1..=5 {
        assert_eq!(w.begin().await.len(), 1, "it runs again after {} crashes", crash - 1);
        assert_eq!(w.recover(&format!("crash {crash}"), true).await.rerun, 1);
        assert_eq!(w.worker_state(&job).await, WorkerState::Queued);
    }
});

proves!(c7_a_cancelling_worker_is_cancelled_and_never_run_again, |w| {
    w.rules = KindSettings { on_interrupt: OnInterrupt::Rerun, ..w.rules };
    let job = w.running().await;
    w.cancel("ana", Place::public(ops()), Some(job.short.as_str()), "wrong month").await;
    assert_eq!(w.recover("two", true).await.ended, 1);
    let look = w.look(&job).await;
    assert_eq!(look.job.state, WorkerState::Cancelled);
    assert_eq!(look.job.cancel.unwrap().reason, "wrong month");
    let fill = w.claim_one(Content).await;
    assert!(fill.envelope.body.text.contains("wrong month"), "{}", fill.envelope.body.text);
    assert!(w.begin().await.is_empty());
});

proves!(u3_a_receipt_in_sending_is_in_doubt_whatever_it_was, |w| {
    w.report().await;
    w.claim_one(Stub).await;
    assert_eq!(w.recover("two", true).await.in_doubt, 1);
    let stub = w.claim_one(Stub).await;
    assert!(stub.doubt);
    w.surface(&stub).await;

    let job = w.running().await;
    w.pass(secs(20));
    w.done(&job, "x").await;
    let _lost = w.claim_one(Content).await;
    w.recover("three", true).await;
    let fill = w.claim().await.into_iter().find(|claim| claim.envelope.receipt.as_ref() == Some(&job.content)).unwrap();
    assert!(!fill.doubt && fill.facts.edit_open, "an edit is sent again and asserted");
    w.surface(&fill).await;
    assert!(w.receipt(&job.content).await.opt_time("reassert_at").unwrap().is_some());
    let pings = w.claim().await;
    assert!(pings.iter().any(|claim| claim.facts.kind == Ping));
    w.recover("four", true).await;
    assert!(w.claim().await.iter().filter(|claim| claim.facts.kind == Ping).all(|claim| claim.doubt));
});

proves!(u5_beside_living_instances_only_what_is_dead_is_touched, |w| {
    let job = w.running().await;
    let other = w.report().await;
    let stub = w.claim_one(Stub).await;
    w.recover("two", false).await;
    assert_eq!(w.worker_state(&job).await, WorkerState::Running);
    assert_eq!(state_of(&w.receipt(&other.stub).await), Sending);

    // The first instance goes on renewing its workers, but its one claim has run out.
    w.now = w.now.plus(RECEIPT_LEASE);
    w.engine.write(RenewLeases { owner: InstanceId::new("one"), now: w.now }).await.unwrap();
    assert_eq!(w.recover("two", false).await, Recovered { in_doubt: 1, ..Recovered::default() });
    assert_eq!(w.worker_state(&job).await, WorkerState::Running);
    assert_eq!(state_of(&w.receipt(&other.stub).await), Pending);
    let taken = w.taken(&stub);
    assert_eq!(w.answer(&stub, taken).await, wilco_store::changes::Settled::Superseded);

    w.pass(secs(15));
    assert_eq!(w.recover("two", false).await.ended, 1, "and now it is dead");
    assert_eq!(w.worker_state(&job).await, WorkerState::Interrupted);
});
