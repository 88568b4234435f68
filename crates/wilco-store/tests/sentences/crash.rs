//! A process that stops inside of a sentence leaves all of it or nothing (requirement R7).

use std::cell::Cell;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt as _;
use wilco_core::gate::GateReason;
use wilco_core::job::Ask;
use wilco_core::receipt::Attempt;
use wilco_core::worker::{EndKind, Ending};
use wilco_core::{DeliveryOutcome, InstanceId, Place};
use wilco_store::changes::{
    AskQuestion, BeginDue, ClaimDue, CloseGate, EndEdit, Finish, Offer, Record, Recover, Resolution, RetryLater,
    Settle, StartEdits,
};
use wilco_store::crash;
use wilco_store::engine::{Change, Mode};

use crate::support::*;

thread_local! {
    static DIES_AT: Cell<Option<&'static str>> = const { Cell::new(None) };
}

/// Everything that a step may change, as one text.
async fn dump(w: &World) -> String {
    let tables = [
        "SELECT group_concat(id || state || journal_seq || ifnull(owner, '') || shown, ';') AS whole FROM workers",
        "SELECT group_concat(id || state || edit_open || ifnull(edit_until, ''), ';') AS whole FROM contracts",
        "SELECT group_concat(id || state || fence || attempts || ifnull(due_at, ''), ';') AS whole FROM receipts",
        "SELECT group_concat(worker || seq || event, ';') AS whole FROM journal",
        "SELECT group_concat(event, ';') AS whole FROM inbox",
        "SELECT group_concat(id || state, ';') AS whole FROM questions",
        "SELECT group_concat(id || state || failures || ifnull(reason, ''), ';') AS whole FROM followups",
        "SELECT group_concat(id || state || fence || attempts || ifnull(due_at, '') || ifnull(worker, ''), ';') \
         AS whole FROM occurrences",
        "SELECT group_concat(backend || reason || job, ';') AS whole FROM gates",
        "SELECT group_concat(backend || account || person_id, ';') AS whole FROM gate_notices",
    ];
    let mut all = String::new();
    for sql in tables {
        all.push_str(&w.rows(sql, vec![]).await[0].opt_text("whole").unwrap().unwrap_or_default());
        all.push('\n');
    }
    all
}

/// From now on a process of this test binary can be stopped at a point.
pub(crate) fn watch() {
    // Whoever comes second finds the same handler at work.
    crash::install(Box::new(|name| assert_ne!(DIES_AT.get(), Some(name), "the test stops here")));
}

/// Stops the change at its point, looks that nothing is left of it, and makes it once more.
pub(crate) async fn stopped<C: Change + Clone>(w: &World, point: &'static str, change: C) -> C::Out {
    assert!(crash::named().contains(&point));
    let before = dump(w).await;
    DIES_AT.set(Some(point));
    let ended = AssertUnwindSafe(w.engine.write(change.clone())).catch_unwind().await;
    DIES_AT.set(None);
    assert!(!matches!(ended, Ok(Ok(_))), "{point} was not passed");
    assert_eq!(dump(w).await, before, "{point} left something behind");
    let answer = w.engine.write(change).await.unwrap();
    assert_ne!(dump(w).await, before, "{point}: the change was made afterwards");
    answer
}

#[tokio::test]
async fn r7_a_sentence_is_stored_as_a_whole_or_not_at_all() {
    watch();
    let (_folder, mut w) = World::open(Mode::Inline).await;
    let new = w.new_job("report", "ana");
    let mut job = Job {
        worker: new.id.clone(),
        short: new.shorts[0].clone(),
        contract: new.contract.clone(),
        stub: new.stub.clone(),
        content: new.content.clone(),
        ahead: None,
    };
    let items = vec![w.item("ana", Place::public(ops()), start(new))];
    let (now, platforms, owner) = (w.now, w.platforms(), w.owner.clone());
    stopped(&w, "store.offer.applied", Offer { items, now, wall: now, platforms: platforms.clone(), fresh: w.fresh() })
        .await;

    let claim = ClaimDue { owner: owner.clone(), now, limit: 9, platforms: platforms.clone() };
    let claim = stopped(&w, "store.claim.taken", claim).await.claims.remove(0);
    let message = w.message(&ops());
    let settle = Settle {
        receipt: job.stub.clone(),
        fence: claim.fence,
        owner: owner.clone(),
        reassert: false,
        resolution: Resolution::Answered(Attempt::Post, DeliveryOutcome::Surfaced(message.clone())),
        now,
        jitter: 1.0,
        platforms: platforms.clone(),
        fresh: w.fresh(),
    };
    stopped(&w, "store.settle.applied", settle).await;
    let settings = Arc::new(w.settings.clone());
    stopped(&w, "store.begin.applied", BeginDue { owner, now, settings, platforms: platforms.clone() }).await;

    let worker = job.worker.clone();
    let mut shown = wilco_core::wording::Shown::default();
    shown.take(&wilco_core::job::Progress::Line("one".into()));
    stopped(&w, "store.record.applied", Record { worker: worker.clone(), shown, events: Vec::new(), now }).await;
    let edits = StartEdits { worker: worker.clone(), now, platforms: platforms.clone() };
    let claim = stopped(&w, "store.edit.opened", edits).await.open.remove(0);
    let outcome = DeliveryOutcome::Surfaced(message);
    stopped(&w, "store.edit.closed", EndEdit { claim, outcome, now }).await;

    let ask = Ask { text: "Go on?".into(), choices: vec!["yes".into()] };
    let question = w.dice.question(now);
    let fresh = w.fresh();
    let change = AskQuestion { worker: worker.clone(), question, number: 1, ask, now, fresh };
    stopped(&w, "store.ask.applied", change).await;
    let ending = Ending { text: "the result".into(), ..Ending::bare(EndKind::Done, "") };
    let change = Finish { worker, ending, gate: None, now, platforms: platforms.clone(), fresh: w.fresh() };
    stopped(&w, "store.finish.applied", change).await;

    let (worker, fresh) = (w.running().await.worker, w.fresh());
    let (cause, rest) = (cause(), secs(4));
    let change = RetryLater { worker, cause, rest, of: 3, now, platforms: platforms.clone(), fresh };
    stopped(&w, "store.retry.applied", change).await;

    let (worker, fresh) = (w.running().await.worker, w.fresh());
    let gate = CloseGate { backend: "claude".into(), reason: GateReason::SessionExpired, stamp: None };
    let ending = Ending::bare(EndKind::Failed, "");
    let change = Finish { worker, ending, gate: Some(gate), now, platforms: platforms.clone(), fresh };
    stopped(&w, "store.finish.applied", change).await;

    job = w.running().await;
    let change = Recover { owner: InstanceId::new("two"), alone: true, now, wall: now, platforms, fresh: w.fresh() };
    stopped(&w, "store.recover.applied", change).await;
    assert_eq!(w.worker_state(&job).await, wilco_core::worker::WorkerState::Interrupted);
}
