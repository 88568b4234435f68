//! Gates: closed in the transaction that ends the job which found out, told once, opened by hand.

use wilco_core::gate::{GateReason, Halt};
use wilco_core::receipt::ReceiptKind::{Content, Ping};
use wilco_core::settings::{KindSettings, RetryPolicy};
use wilco_core::worker::WorkerState;
use wilco_core::{BackendId, Place};
use wilco_store::changes::{Claim, Offered};
use wilco_store::reads::HealthOf;

use crate::support::*;

fn agents(w: &mut World) {
    w.rules = KindSettings { retry: Some(RetryPolicy::default()), ..w.rules };
    w.backend = Some(BackendId::new("claude"));
}

fn public(person: &str) -> Place {
    Place { direct: Some(dm(person)), ..Place::public(ops()) }
}

/// What the terminal message of a job says first.
fn header(claims: &[Claim], job: &Job) -> String {
    let fill = claims.iter().find(|claim| claim.envelope.receipt.as_ref() == Some(&job.content)).unwrap();
    fill.envelope.body.text.lines().next().unwrap().replace(job.short.as_str(), "ID")
}

proves!(h8_the_gate_closes_with_the_job_that_found_out, |w| {
    agents(&mut w);
    let job = w.running().await;
    assert_eq!(w.halt(&job, GateReason::SessionExpired, Some("stamp")).await, Some(WorkerState::Failed));
    let gates = w.gates().await;
    let (gate, stamp) = &gates[0];
    assert_eq!((gate.backend.as_str(), gate.reason, gate.closed), ("claude", GateReason::SessionExpired, w.now));
    assert_eq!((gate.job.clone(), stamp.as_deref(), gates.len()), (job.short.clone(), Some("stamp"), 1));
    assert_eq!(w.engine.read(HealthOf).await.unwrap().gates, std::slice::from_ref(gate));
    let halt = w.look(&job).await.ending.unwrap().halt;
    let expected =
        Halt { backend: BackendId::new("claude"), reason: GateReason::SessionExpired, called: true, told: false };
    assert_eq!(halt, Some(expected));
});

proves!(h10_each_person_is_told_once_what_to_do_and_called_once, |w| {
    agents(&mut w);
    let (first, second) = (w.running().await, w.running().await);
    let other = w.ask_for("report", "bo", public("bo")).await;
    w.surface_due().await;
    w.begin().await;
    w.pass(secs(20));
    for job in [&first, &second, &other] {
        w.halt(job, GateReason::SessionExpired, None).await;
    }
    let claims = w.surface_due().await;
    assert_eq!(header(&claims, &first), "Paused · ID · sign in to claude again. Retries stopped");
    assert_eq!(header(&claims, &second), "Paused · ID · claude is paused. Retries stopped");
    assert_eq!(header(&claims, &other), "Paused · ID · sign in to claude again. Retries stopped");
    let mut pings: Vec<&str> = claims
        .iter()
        .filter(|claim| claim.facts.kind == Ping)
        .map(|claim| claim.envelope.body.mention.as_ref().unwrap().id.as_str())
        .collect();
    pings.sort_unstable();
    assert_eq!(pings, ["ana", "bo"], "each once, in whatever order they are due");
    assert_eq!(w.gates().await[0].0.job, first.short, "the first one closed it");
});

proves!(h8_what_waits_behind_a_closed_gate_ends_without_a_call, |w| {
    agents(&mut w);
    w.settings.quotas.person_running = 1;
    let job = w.running().await;
    let waiting = w.report().await;
    w.backend = None;
    let plain = w.ask_for("report", "bo", public("bo")).await;
    w.surface_due().await;
    w.halt(&job, GateReason::NeedsCredit, None).await;
    let runs = w.begin().await;
    assert_eq!(
        runs.iter().map(|run| &run.worker).collect::<Vec<_>>(),
        [&plain.worker],
        "another account, another gate"
    );
    assert_eq!(w.worker_state(&waiting).await, WorkerState::Failed);
    let ending = w.look(&waiting).await.ending.unwrap();
    assert!(!ending.halt.unwrap().called);
    assert_eq!(w.count(&waiting, "started").await, 0);
    let claims = w.surface_due().await;
    assert_eq!(header(&claims, &job), "Paused · ID · claude has no credit left, top it up. Retries stopped");
    assert_eq!(header(&claims, &waiting), "Paused · ID · claude is paused. It was not called");
});

proves!(h9_a_job_that_rests_goes_on_when_the_gate_is_open_in_time, |w| {
    agents(&mut w);
    let (resting, finder) = (w.running().await, w.running().await);
    w.rests(&resting, secs(10)).await.unwrap();
    w.halt(&finder, GateReason::SessionExpired, None).await;
    w.pass(secs(5));
    assert!(w.begin().await.is_empty());
    assert_eq!(w.worker_state(&resting).await, WorkerState::Queued, "it is not its time yet");
    assert_eq!(w.open_gates(Some("claude"), None).await.len(), 1);
    w.pass(secs(5));
    assert_eq!(w.begin().await[0].worker, resting.worker);
});

proves!(h9_a_job_whose_time_comes_behind_a_closed_gate_ends, |w| {
    agents(&mut w);
    let (resting, finder) = (w.running().await, w.running().await);
    w.rests(&resting, secs(10)).await.unwrap();
    w.halt(&finder, GateReason::SessionExpired, None).await;
    w.pass(secs(10));
    assert!(w.begin().await.is_empty());
    assert_eq!(w.worker_state(&resting).await, WorkerState::Failed);
});

proves!(h8_a_new_job_is_refused_while_its_gate_is_closed, |w| {
    agents(&mut w);
    let job = w.running().await;
    w.halt(&job, GateReason::SessionExpired, None).await;
    let act = start(w.new_job("report", "ana"));
    let refused = w.one("ana", public("ana"), act).await;
    assert!(matches!(&refused, Offered::Gated(gate) if gate.job == job.short), "{refused:?}");
    let rows = w.rows("SELECT id FROM workers", Vec::new()).await;
    assert_eq!(rows.len(), 1, "nothing was started");
    w.open_gates(None, None).await;
    assert_eq!(w.report().await.ahead, None);
});

proves!(h10_after_an_opening_everybody_is_told_anew, |w| {
    agents(&mut w);
    for _ in 0..2 {
        let job = w.running().await;
        w.halt(&job, GateReason::NeedsKey, None).await;
        let claims = w.surface_due().await;
        assert_eq!(header(&claims, &job), "Paused · ID · claude needs a valid key. Retries stopped");
        assert_eq!(w.open_gates(Some("claude"), None).await.len(), 1);
        assert_eq!(w.open_gates(Some("claude"), None).await, [], "it is open");
    }
    assert!(w.gates().await.is_empty());
});

proves!(h9_changed_credentials_open_only_the_closing_that_they_belong_to, |w| {
    agents(&mut w);
    let job = w.running().await;
    w.halt(&job, GateReason::SessionExpired, Some("new")).await;
    assert!(w.open_gates(Some("claude"), Some("old")).await.is_empty());
    assert!(w.open_gates(Some("codex"), None).await.is_empty());
    assert_eq!(w.open_gates(Some("claude"), Some("new")).await.len(), 1);
});

proves!(c2_a_job_that_had_ended_before_closes_the_gate_and_keeps_its_end, |w| {
    agents(&mut w);
    let job = w.running().await;
    w.done(&job, "42").await;
    assert_eq!(w.halt(&job, GateReason::SessionExpired, None).await, Some(WorkerState::Done));
    assert_eq!(w.gates().await.len(), 1);
    let fill = w.claim_one(Content).await;
    assert!(fill.envelope.body.text.starts_with("Done"), "{}", fill.envelope.body.text);
    assert!(w.rows("SELECT backend FROM gate_notices", Vec::new()).await.is_empty(), "nobody has read of it");
});
