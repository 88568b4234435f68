//! Following a job from further places.

use wilco_core::contract::ContractState;
use wilco_core::journal::Event;
use wilco_core::receipt::ReceiptKind::{Content, File, Stub};
use wilco_core::worker::{EndKind, Ending};
use wilco_core::{Address, FileRef, Place};
use wilco_store::changes::{Offered, Settled, Unresolved, WatchDone};

use crate::support::*;

fn there() -> Place {
    Place::public(Address::channel("other", "news"))
}

proves!(w3_x1_a_watch_adds_a_contract_and_a_second_one_lowers_nothing, |w| {
    let job = w.running().await;
    let (new, watched) = w.watch("ana", Place::public(dm("ana")), job.short.as_str()).await;
    let done = WatchDone { worker: job.worker.clone(), short: job.short.clone(), already: false };
    assert_eq!(watched, Offered::Watch(Ok(done.clone())));
    assert!(w.events(&job).await.contains(&Event::Watched { by: "ana".into(), address: dm("ana") }));
    let (_, again) = w.watch("ana", Place::public(dm("ana")), job.short.as_str()).await;
    assert_eq!(again, Offered::Watch(Ok(WatchDone { already: true, ..done })));
    w.surface_due().await;
    w.record(&job, "one").await;
    assert_eq!(w.start_edits(&job).await.open.len(), 2, "each shows the progress");
    w.pass(secs(15));
    w.done(&job, "the result").await;
    let shown = w.surface_due().await;
    assert_eq!(shown.iter().filter(|claim| claim.facts.kind == Content).count(), 2);
    let look = w.look(&job).await;
    assert_eq!(look.contracts.iter().map(|contract| contract.number).collect::<Vec<_>>(), [0, 1]);
    assert!(look.contracts.iter().all(|contract| contract.state == ContractState::TerminalAcked));
    assert_eq!(look.contracts[1].id, new.contract);
});

proves!(x1_a_place_in_which_the_result_stands_is_not_shown_it_again_when_a_file_had_to_go_elsewhere, |w| {
    let job = w.running().await;
    let file = FileRef { name: "a.csv".into(), path: "/results/a.csv".into(), size: 100 };
    w.finish(&job, Ending { files: vec![file], ..Ending::bare(EndKind::Done, "") }).await;
    for kind in [Stub, Content] {
        let claim = w.claim_one(kind).await;
        w.surface(&claim).await;
    }
    let file = w.claim_one(File).await;
    assert_eq!(w.answer(&file, gone()).await, Settled::Rerouted);
    w.surface_due().await;
    assert_eq!(w.contract(&job).await.step, 1, "the file is shown to her directly");
    let (_, watched) = w.watch("ana", Place::public(ops()), job.short.as_str()).await;
    assert!(matches!(watched, Offered::Watch(Ok(WatchDone { already: true, .. }))), "{watched:?}");
    assert_eq!(w.look(&job).await.contracts.len(), 1);
});

proves!(x1_a_watch_of_a_finished_job_shows_its_result_and_calls_nobody, |w| {
    let job = w.running().await;
    w.pass(secs(10));
    w.done(&job, "the result").await;
    w.surface_due().await;
    w.pass(secs(3_600));
    let (new, watched) = w.watch("ana", Place::public(dm("ana")), job.short.as_str()).await;
    assert!(matches!(watched, Offered::Watch(Ok(WatchDone { already: false, .. }))));
    let shown: Vec<_> = w.surface_due().await;
    assert_eq!(shown.iter().map(|claim| claim.facts.kind).collect::<Vec<_>>(), [Stub, Content], "it took 10 s only");
    assert!(shown[1].envelope.body.text.contains("the result") && shown[1].envelope.body.text.contains("10s"));
    let states: Vec<_> = w.look(&job).await.contracts.iter().map(|contract| contract.state).collect();
    assert_eq!(states, [ContractState::TerminalAcked, ContractState::TerminalAcked]);
    assert_eq!(w.contract_row(&new.contract).await.opt_time("ack_deadline").unwrap(), None);
});

proves!(x2_only_who_may_read_it_may_watch_it, |w| {
    let job = w.running().await;
    let (_, hidden) = w.watch("eve", there(), job.short.as_str()).await;
    assert_eq!(hidden, Offered::Watch(Err(Unresolved::NotFound)));
    let (_, unknown) = w.watch("ana", there(), "nothing").await;
    assert_eq!(unknown, Offered::Watch(Err(Unresolved::NotFound)));
    assert_eq!(w.look(&job).await.contracts.len(), 1);
});

proves!(x1_one_place_in_trouble_does_not_hold_up_the_other, |w| {
    let job = w.running().await;
    w.watch("ana", Place::public(dm("ana")), job.short.as_str()).await;
    w.surface_due().await;
    w.done(&job, "the result").await;
    for claim in w.claim().await {
        if claim.envelope.address == ops() {
            w.answer(&claim, wilco_core::NotSurfaced::Silent).await;
        } else {
            w.surface(&claim).await;
        }
    }
    let states: Vec<_> = w.look(&job).await.contracts.iter().map(|contract| contract.state).collect();
    assert_eq!(states, [ContractState::TerminalFailed, ContractState::TerminalAcked]);
    // A place whose message was lost does not count as shown there.
    w.run_sql("UPDATE receipts SET state = 'failed', reason = 'x' WHERE kind = 'stub' AND channel = 'ops'", vec![])
        .await;
    let (_, again) = w.watch("ana", Place::public(ops()), job.short.as_str()).await;
    assert!(matches!(again, Offered::Watch(Ok(WatchDone { already: false, .. }))));
    w.surface_due().await;
    assert_eq!(w.look(&job).await.contracts[2].state, ContractState::TerminalAcked);
});
