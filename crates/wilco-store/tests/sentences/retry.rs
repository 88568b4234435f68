//! The operator's list, retention, and rows that cannot be read.

use wilco_core::contract::ContractState;
use wilco_core::desk::ReceiptView;
use wilco_core::receipt::ReceiptKind::{Content, File, Part, Ping, Stub};
use wilco_core::receipt::ReceiptState::{Failed, Pending, Surfaced, Waiting};
use wilco_core::settings::Retention;
use wilco_core::worker::{EndKind, Ending, WorkerState};
use wilco_core::{FileRef, NotSurfaced, ReceiptId};
use wilco_store::args;
use wilco_store::changes::{Offered, Prune, Pruned, RetryReceipt, Settled, WatchDone};

use crate::support::*;

async fn retry_receipt(w: &mut World, receipt: &ReceiptId) -> Option<Result<ReceiptView, String>> {
    w.engine.write(RetryReceipt { receipt: receipt.clone(), now: w.now, fresh: w.fresh() }).await.unwrap()
}

async fn of_kind(w: &World, job: &Job, kind: wilco_core::receipt::ReceiptKind, part: u32) -> ReceiptId {
    let receipts = w.contract(job).await.receipts;
    receipts.into_iter().filter(|one| one.kind == kind && one.part == part).max_by_key(|one| one.generation).unwrap().id
}

proves!(r3_a_failed_result_is_sent_again_into_the_message_that_stands, |w| {
    let job = w.running().await;
    w.done(&job, "the result").await;
    let fill = w.claim_one(Content).await;
    w.answer(&fill, NotSurfaced::Silent).await;
    w.pass(secs(60));
    let view = retry_receipt(&mut w, &job.content).await.unwrap().unwrap();
    assert_eq!((view.state, view.attempts, view.next), (Pending, 0, Some(w.now)));
    assert_eq!(w.contract_state(&job).await, ContractState::TerminalPending);
    let again = w.claim_one(Content).await;
    assert_eq!(again.target, fill.target, "no second message beside the one that says Working");
    w.surface(&again).await;
    assert_eq!(w.contract_state(&job).await, ContractState::TerminalAcked);
    let settled = retry_receipt(&mut w, &job.content).await.unwrap().unwrap_err();
    assert!(settled.contains("surfaced, not failed"), "{settled}");
    assert_eq!(retry_receipt(&mut w, &ReceiptId::new("0123456789")).await, None);
});

proves!(r3_a_failed_stub_comes_back_with_what_waited_for_it, |w| {
    let job = w.report().await;
    for _ in 0..2 {
        let claim = w.claim_one(Stub).await;
        w.answer(&claim, gone()).await;
    }
    w.begin().await;
    w.done(&job, "the result").await;
    assert_eq!(w.contract_state(&job).await, ContractState::TerminalFailed);
    let prefix = ReceiptId::new(&job.stub.as_str()[..26]);
    let view = retry_receipt(&mut w, &prefix).await.unwrap().unwrap();
    assert_eq!((view.id, view.state), (job.stub.clone(), Pending));
    assert_eq!(w.states(&job.contract).await, [(Stub, 0, 0, Pending), (Content, 0, 0, Waiting)]);
    let kinds: Vec<_> = w.surface_due().await.iter().map(|claim| claim.facts.kind).collect();
    assert_eq!(kinds, [Stub, Content]);
    assert_eq!(w.contract_state(&job).await, ContractState::TerminalAcked);
});

proves!(r3_a_result_whose_stub_failed_gets_a_new_one_and_the_old_leaves_the_list, |w| {
    let job = w.report().await;
    for _ in 0..2 {
        let claim = w.claim_one(Stub).await;
        w.answer(&claim, gone()).await;
    }
    w.begin().await;
    w.done(&job, "the result").await;
    retry_receipt(&mut w, &job.content).await.unwrap().unwrap();
    assert_eq!(w.states(&job.contract).await, [(Stub, 0, 0, Failed), (Stub, 0, 1, Pending), (Content, 0, 0, Waiting)]);
    let refused = retry_receipt(&mut w, &job.stub).await.unwrap().unwrap_err();
    assert!(refused.contains("replaced"), "{refused}");
    w.surface_due().await;
    assert_eq!(w.contract_state(&job).await, ContractState::TerminalAcked);
});

proves!(r3_parts_and_files_come_back_one_by_one, |w| {
    let job = w.running().await;
    let files = vec![FileRef { name: "a.csv".into(), path: "/a.csv".into(), size: 10 }];
    w.finish(&job, Ending { text: "one line of text\n".repeat(150), files, ..Ending::bare(EndKind::Done, "") }).await;
    let mut failed = 0;
    loop {
        let claims = w.claim().await;
        if claims.is_empty() {
            break;
        }
        for claim in claims {
            match claim.facts.kind {
                Part | File => {
                    failed += 1;
                    w.answer(&claim, NotSurfaced::Silent).await;
                }
                _ => {
                    w.surface(&claim).await;
                }
            }
        }
    }
    assert_eq!(failed, 2);
    for (kind, part) in [(Part, 1), (File, 2)] {
        assert_eq!(w.contract_state(&job).await, ContractState::TerminalFailed);
        let id = of_kind(&w, &job, kind, part).await;
        retry_receipt(&mut w, &id).await.unwrap().unwrap();
        let claim = w.claim_one(kind).await;
        // Its place was deleted meanwhile: it is made again once.
        w.answer(&claim, deleted()).await;
        w.surface_due().await;
    }
    assert_eq!(w.contract_state(&job).await, ContractState::TerminalAcked);
});

proves!(r3_what_is_sent_again_goes_where_the_job_is_shown_now, |w| {
    let job = w.ask_for("report", "ana", thread_place("ana")).await;
    w.surface_due().await;
    w.begin().await;
    let file = |name: &str| FileRef { name: name.into(), path: format!("/{name}").into(), size: 9 };
    w.finish(&job, Ending { files: vec![file("a"), file("b")], ..Ending::bare(EndKind::Done, "") }).await;
    let first = loop {
        let claim = w.claim().await.remove(0);
        if claim.facts.kind == File {
            break claim;
        }
        w.surface(&claim).await;
    };
    w.answer(&first, NotSurfaced::Silent).await;
    let second = w.claim_one(File).await;
    assert_eq!(w.answer(&second, gone()).await, Settled::Rerouted);
    w.surface_due().await;
    assert_eq!(w.contract(&job).await.step, 1);

    assert!(retry_receipt(&mut w, first.envelope.receipt.as_ref().unwrap()).await.unwrap().is_ok());
    // The thread is gone, and so is the place that was held for the file there.
    let stub = w.claim_one(Stub).await;
    assert_eq!(stub.envelope.address, ops());
    let message = w.surface(&stub).await;
    let again = w.claim_one(File).await;
    assert_eq!((again.envelope.address.clone(), again.target.clone()), (ops(), Some(message)));
    w.surface(&again).await;
    assert_eq!(w.contract_state(&job).await, ContractState::TerminalAcked);
});

proves!(r13_retention_empties_then_removes_what_has_settled_and_nothing_else, |w| {
    let settled = w.running().await;
    w.finish(&settled, Ending { text: "private".into(), ..Ending::bare(EndKind::Failed, "exit 2") }).await;
    w.surface_due().await;
    let open = w.running().await;
    w.done(&open, "private").await;
    let fill = w.claim_one(Content).await;
    w.answer(&fill, NotSurfaced::RetryAfter { delay: secs(5_000), scope: wilco_core::Scope::Message }).await;
    let running = w.running().await;
    let retention = Retention { bodies: secs(100), receipts: secs(1_000) };
    assert_eq!(w.engine.write(Prune { now: w.now.plus(secs(99)), retention }).await.unwrap(), Pruned::default());

    w.pass(secs(200));
    let pruned = w.engine.write(Prune { now: w.now, retention }).await.unwrap();
    assert_eq!((pruned.emptied, pruned.dropped, pruned.more), (vec![settled.worker.clone()], 0, false));
    let look = w.look(&settled).await;
    assert_eq!((look.job.input.as_str(), look.job.by.as_str(), look.events.len()), ("", "", 0));
    assert_eq!(look.ending, Some(Ending::bare(EndKind::Failed, "")), "how it ended stays known");
    assert_eq!(look.job.state, WorkerState::Failed);
    assert_eq!(w.look(&open).await.ending.unwrap().text, "private", "an unsettled receipt keeps everything");
    let (_, watched) = w.watch("ana", wilco_core::Place::public(dm("ana")), settled.short.as_str()).await;
    assert!(matches!(watched, Offered::Watch(Ok(WatchDone { .. }))));
    assert!(w.surface_due().await.iter().any(|claim| claim.envelope.body.text.starts_with("Failed")));

    w.pass(secs(2_000));
    let pruned = w.engine.write(Prune { now: w.now, retention }).await.unwrap();
    assert_eq!(pruned.dropped, 1);
    for table in ["workers", "contracts"] {
        let count = match table {
            "workers" => w.rows("SELECT id FROM workers", vec![]).await.len(),
            _ => w.rows("SELECT id FROM contracts", vec![]).await.len(),
        };
        assert_eq!(count, 2, "{table}: {} and {} stay", open.short, running.short);
    }
    w.pass(secs(5_000));
    w.surface_due().await;
    assert_eq!(w.contract_state(&open).await, ContractState::TerminalAcked);
});

proves!(r13_a_text_past_its_retention_is_not_sent_again, |w| {
    let job = w.running().await;
    w.done(&job, "private").await;
    let fill = w.claim_one(Content).await;
    w.answer(&fill, NotSurfaced::Silent).await;
    w.pass(secs(200));
    let retention = Retention { bodies: secs(100), receipts: secs(1_000) };
    w.engine.write(Prune { now: w.now, retention }).await.unwrap();
    let refused = retry_receipt(&mut w, &job.content).await.unwrap().unwrap_err();
    assert!(refused.contains("retention"), "{refused}");
    assert_eq!(state_of(&w.receipt(&job.content).await), Failed);
});

proves!(r13_a_text_past_its_retention_does_not_come_back_with_its_stub, |w| {
    let job = w.report().await;
    let stub = w.claim_one(Stub).await;
    w.answer(&stub, NotSurfaced::Silent).await;
    w.begin().await;
    w.done(&job, "private").await;
    assert_eq!(state_of(&w.receipt(&job.content).await), Failed);
    w.pass(secs(200));
    let retention = Retention { bodies: secs(100), receipts: secs(1_000) };
    w.engine.write(Prune { now: w.now, retention }).await.unwrap();
    let refused = retry_receipt(&mut w, &job.stub).await.unwrap().unwrap_err();
    assert!(refused.contains("retention"), "{refused}");
    assert_eq!(state_of(&w.receipt(&job.stub).await), Failed, "and a stub alone would promise something");
});

proves!(r13_a_ping_past_its_retention_is_not_sent_again, |w| {
    let job = w.running().await;
    w.pass(secs(16));
    w.done(&job, "private").await;
    let fill = w.claim_one(Content).await;
    w.surface(&fill).await;
    let ping = w.claim_one(Ping).await;
    w.answer(&ping, NotSurfaced::Silent).await;
    w.pass(secs(200));
    let retention = Retention { bodies: secs(100), receipts: secs(1_000) };
    w.engine.write(Prune { now: w.now, retention }).await.unwrap();
    let ping = ping.envelope.receipt.unwrap();
    let refused = retry_receipt(&mut w, &ping).await.unwrap().unwrap_err();
    assert!(refused.contains("retention"), "{refused}");
});

async fn break_shape(w: &World, id: &ReceiptId) {
    w.run_sql("PRAGMA ignore_check_constraints = ON", vec![]).await;
    w.run_sql("UPDATE receipts SET shape = 'round' WHERE id = $1", args![id]).await;
    w.run_sql("PRAGMA ignore_check_constraints = OFF", vec![]).await;
}

proves!(r6_a_row_that_cannot_be_read_fails_and_the_others_are_claimed, |w| {
    let broken = w.running().await;
    let sound = w.running().await;
    let shaped = w.report().await;
    break_shape(&w, &shaped.stub).await;
    w.done(&broken, "x").await;
    w.done(&sound, "y").await;
    w.run_sql("UPDATE receipts SET body = '{' WHERE id = $1", args![&broken.content]).await;
    let claim = w.claim_one(Content).await;
    assert_eq!(claim.envelope.receipt, Some(sound.content.clone()));
    for id in [&broken.content, &shaped.stub] {
        let row = w.receipt(id).await;
        assert_eq!(state_of(&row), Failed);
        assert!(row.text("reason").unwrap().starts_with("undecodable"), "{:?}", row.text("reason"));
    }
    assert_eq!(w.contract_state(&broken).await, ContractState::TerminalFailed);
    assert_eq!(w.contract_state(&shaped).await, ContractState::Created);
    w.surface(&claim).await;
    assert_eq!(w.contract_state(&sound).await, ContractState::TerminalAcked);
    let refused = retry_receipt(&mut w, &broken.content).await.unwrap().unwrap_err();
    assert!(refused.contains("cannot be read"), "{refused}");
});

proves!(r6_a_broken_row_does_not_keep_the_rest_of_its_contract_from_settling, |w| {
    let job = w.report().await;
    w.run_sql("UPDATE receipts SET message = '[' WHERE id = $1", args![&job.content]).await;
    let stub = w.claim_one(Stub).await;
    w.surface(&stub).await;
    assert_eq!(w.contract_state(&job).await, ContractState::Acked);
    assert_eq!(
        state_of(&w.receipt(&job.content).await),
        Failed,
        "a waiting one is never claimed, and found all the same"
    );
    w.begin().await;
    w.done(&job, "x").await;
    assert_eq!(w.contract_state(&job).await, ContractState::TerminalFailed);
});

proves!(r6_a_surfaced_row_that_breaks_stays_surfaced, |w| {
    let job = w.running().await;
    w.record(&job, "one").await;
    let edit = w.start_edit(&job).await;
    w.end_edit(&edit, ambiguous()).await;
    w.done(&job, "x").await;
    w.surface_due().await;
    w.run_sql("UPDATE receipts SET body = '{' WHERE id = $1", args![&job.content]).await;
    w.pass(secs(45));
    assert!(w.claim().await.is_empty());
    let row = w.receipt(&job.content).await;
    assert_eq!((state_of(&row), row.opt_time("reassert_at").unwrap()), (Surfaced, None));
    assert_eq!(w.contract_state(&job).await, ContractState::TerminalAcked);
});

proves!(r6_a_worker_or_contract_that_cannot_be_read_stops_nobody_else, |w| {
    let queued = w.report().await;
    let lost = w.running().await;
    let torn = w.report().await;
    w.begin().await;
    let sound = w.report().await;
    w.run_sql("UPDATE workers SET state = 'queued', owner = NULL, rules = '{' WHERE id = $1", args![&queued.worker])
        .await;
    w.run_sql("UPDATE workers SET input = '{' WHERE id = $1", args![&lost.worker]).await;
    w.run_sql("UPDATE contracts SET route = '{' WHERE id = $1", args![&torn.contract]).await;
    assert_eq!(w.begin().await.len(), 1, "{} starts", sound.short);
    let state = "SELECT state FROM workers WHERE id = $1";
    let failed = |rows: Vec<wilco_store::engine::Row>| rows[0].text("state").unwrap() == "failed";
    assert!(failed(w.rows(state, args![&queued.worker]).await));
    assert_eq!(w.recover("two", true).await.ended, 3);
    assert!(failed(w.rows(state, args![&lost.worker]).await));
    assert_eq!(w.worker_state(&torn).await, WorkerState::Interrupted);
    w.surface_due().await;
    for job in [&queued, &lost, &torn] {
        let open = w.rows("SELECT id FROM receipts WHERE worker = $1 AND settled_at IS NULL", args![&job.worker]).await;
        assert!(open.is_empty(), "nothing waits for ever");
        assert_eq!(w.contract_row(&job.contract).await.text("state").unwrap(), "terminal_failed");
    }
    assert_eq!(w.contract_state(&sound).await, ContractState::TerminalAcked);
});

proves!(r10_every_settle_answers_what_follows, |w| {
    let job = w.running().await;
    w.done(&job, "x").await;
    let claim = w.claim_one(Content).await;
    let at = w.now.plus(secs(5));
    assert_eq!(w.answer(&claim, retry()).await, Settled::RetryScheduled { at: Some(at), attempts: 1 });
    assert_eq!(w.answer(&claim, retry()).await, Settled::Superseded);
});
