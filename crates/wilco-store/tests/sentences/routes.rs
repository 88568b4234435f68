//! Leaving an address: the way of a route, its end, two that meet, and a chat that moves.

use wilco_core::contract::ContractState;
use wilco_core::desk::ReceiptFilter;
use wilco_core::journal::Event;
use wilco_core::receipt::ReceiptKind::{Content, File, Ping, Stub};
use wilco_core::receipt::ReceiptState::{Failed, Pending, Surfaced, Waiting};
use wilco_core::{Address, NotSurfaced, ReceiptId, Scope};
use wilco_store::changes::{Asker, RetryReceipt, Settled};
use wilco_store::reads::ListReceipts;

use crate::support::*;

proves!(d12_a_moved_chat_is_rewritten_everywhere_and_messages_are_looked_for_there, |w| {
    let job = w.running().await;
    let waiting = w.report().await;
    let claim = w.claim_one(Stub).await;
    let to = Address::channel("sim", "ops-2");
    assert_eq!(w.answer(&claim, NotSurfaced::Moved(to.clone())).await, Settled::Rerouted);
    for job in [&job, &waiting] {
        assert_eq!(w.contract(job).await.route.steps(), [to.clone(), dm("ana")]);
        assert_eq!(w.contract_row(&job.contract).await.text("channel").unwrap(), "ops-2");
        assert_eq!(w.receipt(&job.content).await.text("channel").unwrap(), "ops-2");
    }
    let claim = w.claim_one(Stub).await;
    assert_eq!((claim.envelope.address.clone(), claim.facts.attempts), (to.clone(), 0));
    w.surface(&claim).await;
    // The running job's message had its id in the old chat; the fill asks the new one for it.
    w.done(&job, "x").await;
    let fill = w.claim_one(Content).await;
    assert_eq!(fill.target.as_ref().map(|message| &message.address), Some(&to));
    w.answer(&fill, deleted()).await;
    let stub = w.claim_one(Stub).await;
    assert_eq!(stub.envelope.address, to);
    w.surface(&stub).await;
    w.surface_due().await;
    assert_eq!(w.contract_state(&job).await, ContractState::TerminalAcked);
});

proves!(d10_d12_a_route_that_came_along_into_a_new_chat_and_meets_another_shows_the_result_once, |w| {
    let there = Address::channel("sim", "ops-2");
    let job = w.ask_for("report", "ana", wilco_core::Place::public(there.clone())).await;
    w.surface_due().await;
    w.begin().await;
    // She follows it under the chat's old id, where another job runs, too.
    let (watched, _) = w.watch("ana", wilco_core::Place::public(ops()), job.short.as_str()).await;
    let other = w.report().await;
    let claims = w.claim().await;
    assert_eq!(w.answer(of(&claims, &other), NotSurfaced::Moved(there.clone())).await, Settled::Rerouted);
    assert_eq!(state_of(&w.receipt(&watched.content).await), Surfaced, "it hangs on what stands there");
    // What the platform says to the call that was on its way changes nothing any more.
    let late = claims.iter().find(|claim| claim.envelope.receipt.as_ref() == Some(&watched.stub)).unwrap();
    assert_eq!(w.answer(late, NotSurfaced::Moved(there.clone())).await, Settled::Superseded);
    w.surface_due().await;
    w.done(&job, "the result").await;
    let fill = w.claim_one(Content).await;
    assert_eq!((fill.envelope.receipt.as_ref(), fill.envelope.address.clone()), (Some(&job.content), there));
    w.surface(&fill).await;
    let states: Vec<_> = w.look(&job).await.contracts.iter().map(|contract| contract.state).collect();
    assert_eq!(states, [ContractState::TerminalAcked, ContractState::TerminalAcked]);
});

proves!(d12_a_message_that_was_on_its_way_when_its_chat_moved_is_looked_for_in_the_new_one, |w| {
    w.report().await;
    let job = w.report().await;
    let claims = w.claim().await;
    let to = Address::channel("sim", "ops-2");
    let stub = of(&claims, &job).clone();
    let heard = claims.iter().find(|claim| claim.worker != job.worker).unwrap();
    assert_eq!(w.answer(heard, NotSurfaced::Moved(to.clone())).await, Settled::Rerouted);
    // It was taken under the old id.
    w.surface(&stub).await;
    w.surface_due().await;
    w.begin().await;
    w.done(&job, "the result").await;
    let fill = w.claim_one(Content).await;
    assert_eq!(fill.target.as_ref().map(|message| &message.address), Some(&to));
    w.surface(&fill).await;
    assert_eq!(w.contract_state(&job).await, ContractState::TerminalAcked);
});

proves!(r9_d12_what_moves_into_a_chat_that_asked_for_silence_keeps_to_it, |w| {
    let there = Address::channel("sim", "ops-2");
    w.ask_for("report", "ana", wilco_core::Place::public(there.clone())).await;
    let parked = w.claim_one(Stub).await;
    w.answer(&parked, NotSurfaced::RetryAfter { delay: secs(20), scope: Scope::Chat }).await;
    w.report().await;
    w.report().await;
    let claims = w.claim().await;
    w.answer(&claims[1], retry()).await;
    w.answer(&claims[0], NotSurfaced::Moved(there)).await;
    w.pass(secs(19));
    assert!(w.claim().await.is_empty(), "neither the one that heard of it nor the one that was taken along");
    w.pass(secs(1));
    assert_eq!(w.claim().await.len(), 3);
});

proves!(d10_a_thread_whose_chat_moved_takes_nothing_of_its_neighbours_along, |w| {
    let place = |at: Address| wilco_core::Place { direct: Some(dm("ana")), ..wilco_core::Place::public(at) };
    let thread = w.ask_for("report", "ana", place(ops().in_thread("t1"))).await;
    let other = w.ask_for("report", "ana", place(ops().in_thread("t2"))).await;
    let channel = w.ask_for("report", "ana", place(ops())).await;
    let claim = w.claim().await.into_iter().find(|claim| claim.envelope.address == ops().in_thread("t1"));
    let new = Address::channel("sim", "ops-2");
    // The answer to a call into a thread names that thread.
    let claim = claim.expect("the stub of the thread is due");
    assert_eq!(w.answer(&claim, NotSurfaced::Moved(new.clone().in_thread("t1"))).await, Settled::Rerouted);
    for (job, at) in [(&thread, new.clone().in_thread("t1")), (&other, new.clone().in_thread("t2")), (&channel, new)] {
        assert_eq!(w.contract(job).await.route.steps(), [at, dm("ana")]);
    }
});

proves!(d12_a_chat_that_moved_to_itself_is_no_hot_loop, |w| {
    w.report().await;
    let claim = w.claim_one(Stub).await;
    let settled = w.answer(&claim, NotSurfaced::Moved(ops())).await;
    assert!(matches!(settled, Settled::RetryScheduled { at: Some(at), attempts: 1 } if at > w.now), "{settled:?}");
});

proves!(d12_a_ping_of_a_closed_contract_moves_with_its_chat, |w| {
    let job = w.running().await;
    w.pass(secs(16));
    w.done(&job, "x").await;
    let fill = w.claim_one(Content).await;
    w.surface(&fill).await;
    assert_eq!(w.contract_state(&job).await, ContractState::TerminalAcked);
    let ping = w.claim_one(Ping).await;
    let to = Address::channel("sim", "ops-2");
    assert_eq!(w.answer(&ping, NotSurfaced::Moved(to.clone())).await, Settled::Rerouted);
    // At the old address it would be told the same again, at once and without end.
    let ping = w.claim_one(Ping).await;
    assert_eq!(ping.envelope.address, to);
    assert_eq!(ping.envelope.reply_to.as_ref().map(|message| &message.address), Some(&to));
    w.surface(&ping).await;
});

proves!(d12_what_follows_a_failed_piece_moves_with_its_chat, |w| {
    let job = w.running().await;
    let file = wilco_core::FileRef { name: "a".into(), path: "/a".into(), size: 9 };
    let ending = wilco_core::worker::Ending {
        text: "x".into(),
        files: vec![file],
        ..wilco_core::worker::Ending::bare(wilco_core::worker::EndKind::Done, "")
    };
    w.finish(&job, ending).await;
    let stub = w.claim_one(Stub).await;
    w.surface(&stub).await;
    let fill = w.claim_one(Content).await;
    w.answer(&fill, NotSurfaced::Silent).await;
    assert_eq!(w.contract_state(&job).await, ContractState::TerminalFailed);
    let file = w.claim_one(File).await;
    let to = Address::channel("sim", "ops-2");
    assert_eq!(w.answer(&file, NotSurfaced::Moved(to.clone())).await, Settled::Rerouted);
    assert_eq!(w.claim_one(File).await.envelope.address, to);
});

proves!(d10_the_next_address_gets_the_stub_and_the_step_is_journalled, |w| {
    let job = w.ask_for("report", "ana", thread_place("ana")).await;
    w.surface_due().await;
    w.begin().await;
    w.done(&job, "the result").await;
    let fill = w.claim_one(Content).await;
    assert_eq!(w.answer(&fill, gone()).await, Settled::Rerouted);
    let step = Event::RouteStep {
        contract: job.contract.clone(),
        from: ops().in_thread("t1"),
        to: ops(),
        reason: "gone: the channel was deleted".into(),
    };
    assert!(w.events(&job).await.contains(&step));
    assert_eq!(w.contract(&job).await.step, 1);
    let stub = w.claim_one(Stub).await;
    assert_eq!(stub.envelope.address, ops());
    w.surface(&stub).await;
    let fill = w.claim_one(Content).await;
    assert_eq!(fill.envelope.address, ops());
    w.surface(&fill).await;
    assert_eq!(w.contract_state(&job).await, ContractState::TerminalAcked);
});

proves!(d10_r14_at_the_end_of_the_route_stub_and_content_stand_on_the_list, |w| {
    let job = w.report().await;
    let claim = w.claim_one(Stub).await;
    assert_eq!(w.answer(&claim, gone()).await, Settled::Rerouted);
    let claim = w.claim_one(Stub).await;
    assert_eq!((claim.envelope.address.clone(), claim.doubt), (dm("ana"), false));
    assert!(matches!(w.answer(&claim, gone()).await, Settled::FailedForGood(_)));
    assert_eq!(w.contract_state(&job).await, ContractState::Created);
    assert_eq!(state_of(&w.receipt(&job.content).await), Waiting);
    w.begin().await;
    w.done(&job, "the whole result").await;
    assert_eq!(w.contract_state(&job).await, ContractState::TerminalFailed);
    assert_eq!(w.look(&job).await.ending.unwrap().text, "the whole result");
    for id in [&job.stub, &job.content] {
        let row = w.receipt(id).await;
        assert_eq!(state_of(&row), Failed);
        assert!(row.text("reason").unwrap().contains("the channel was deleted"));
    }
});

proves!(d10_d14_two_routes_that_meet_show_the_result_once, |w| {
    let place = || wilco_core::Place { direct: Some(dm("ana")), ..wilco_core::Place::public(ops()) };
    let job = w.ask_for("report", "ana", place()).await;
    let dev = Address::channel("sim", "dev");
    let there = wilco_core::Place { direct: Some(dm("ana")), ..wilco_core::Place::public(dev) };
    let (watched, _) = w.watch("ana", there, job.short.as_str()).await;
    let claims = w.claim().await;
    w.answer(of(&claims, &job), gone()).await;
    let other = claims.iter().find(|claim| claim.envelope.receipt.as_ref() == Some(&watched.stub)).unwrap();
    assert_eq!(w.answer(other, gone()).await, Settled::Surfaced);
    let rows =
        w.rows("SELECT state, reason FROM receipts WHERE contract = $1", wilco_store::args![&watched.contract]).await;
    for row in &rows {
        assert_eq!((state_of(row), row.opt_text("reason").unwrap().as_deref()), (Surfaced, Some("merged")));
    }
    let claims = w.surface_due().await;
    assert_eq!(claims.len(), 1, "one stub in the direct message");
    w.begin().await;
    w.pass(secs(30));
    let ending = wilco_core::worker::Ending {
        text: "one line of text\n".repeat(200),
        ..wilco_core::worker::Ending::bare(wilco_core::worker::EndKind::Done, "")
    };
    w.finish(&job, ending).await;
    let mut shown: Vec<_> =
        w.surface_due().await.iter().map(|claim| (claim.facts.kind, claim.envelope.address.clone())).collect();
    shown.sort();
    let mut once = shown.clone();
    once.dedup();
    assert_eq!(shown.iter().filter(|(kind, _)| *kind == Content || *kind == Ping).count(), 2, "{shown:?}");
    let states: Vec<_> = w.look(&job).await.contracts.iter().map(|contract| contract.state).collect();
    assert_eq!(states, [ContractState::TerminalAcked, ContractState::TerminalAcked]);
    assert_eq!(w.states(&watched.contract).await.len(), 2, "nothing was added to the merged contract");
});

proves!(d10_r14_what_a_merged_route_was_promised_stands_on_the_list_when_the_other_one_fails_there, |w| {
    let job = w.report().await;
    let dev =
        wilco_core::Place { direct: Some(dm("ana")), ..wilco_core::Place::public(Address::channel("sim", "dev")) };
    let (watched, _) = w.watch("ana", dev, job.short.as_str()).await;
    let claims = w.claim().await;
    w.answer(of(&claims, &job), gone()).await;
    let other = claims.iter().find(|claim| claim.envelope.receipt.as_ref() == Some(&watched.stub)).unwrap();
    w.answer(other, gone()).await;
    let merged = w.receipt(&watched.content).await;
    assert_eq!((state_of(&merged), merged.opt_text("reason").unwrap().as_deref()), (Surfaced, Some("merged")));
    let stub = w.claim_one(Stub).await;
    assert_eq!(stub.envelope.address, dm("ana"), "both promises hang on this one message");
    w.surface(&stub).await;
    w.begin().await;
    w.done(&job, "the whole result").await;
    let fill = w.claim_one(Content).await;
    assert!(matches!(w.answer(&fill, gone()).await, Settled::FailedForGood(_)));
    let filter = ReceiptFilter { state: Some(Failed), ..ReceiptFilter::default() };
    let list = w.engine.read(ListReceipts { asker: Asker::host(), filter }).await.unwrap();
    let [failed] = list.as_slice() else { panic!("one failure stands for both: {list:?}") };
    assert_eq!((&failed.id, failed.kind, &failed.address), (&job.content, Content, &dm("ana")));
    assert_eq!(w.look(&job).await.ending.unwrap().text, "the whole result");
    // Sending it again mends both: it goes to the address where they met.
    let change = RetryReceipt { receipt: job.content.clone(), now: w.now, fresh: w.fresh() };
    w.engine.write(change).await.unwrap().unwrap().unwrap();
    let fill = w.claim_one(Content).await;
    assert_eq!(fill.envelope.address, dm("ana"));
    w.surface(&fill).await;
    let states: Vec<_> = w.look(&job).await.contracts.iter().map(|contract| contract.state).collect();
    assert_eq!(states, [ContractState::TerminalAcked, ContractState::TerminalAcked]);
});

proves!(r14_where_two_routes_met_a_failed_question_is_not_sent_again, |w| {
    let job = w.running().await;
    let dev = wilco_core::Place::public(Address::channel("sim", "dev"));
    let (watched, _) = w.watch("ana", dev, job.short.as_str()).await;
    w.ask(&job).await;
    for claim in w.claim().await {
        if claim.envelope.receipt.as_ref() == Some(&watched.stub) {
            assert!(matches!(w.answer(&claim, NotSurfaced::Bug(cause())).await, Settled::FailedForGood(_)));
        } else {
            w.surface(&claim).await;
        }
    }
    w.done(&job, "the result").await;
    let fill = w.claim_one(Content).await;
    w.surface(&fill).await;
    w.surface_due().await;
    // Sent again, the result of the watch finds its chat moved to where the result is shown already.
    again(&mut w, &watched.content).await.unwrap();
    let stub = w.claim_one(Stub).await;
    w.answer(&stub, NotSurfaced::Moved(ops())).await;
    assert_eq!(state_of(&w.receipt(&watched.content).await), Surfaced);
    // Its question had failed there as well, and a place for it would stand beside the result for good.
    let sql = "SELECT id FROM receipts WHERE contract = $1 AND kind = 'question'";
    let question = w.rows(sql, wilco_store::args![&watched.contract]).await[0].text("id").unwrap();
    let before = w.states(&watched.contract).await;
    let refusal = again(&mut w, &ReceiptId::new(question)).await.unwrap_err();
    assert!(refusal.contains("by another message of this job"), "{refusal}");
    assert_eq!(w.states(&watched.contract).await, before);
    assert!(w.claim().await.is_empty());
});

proves!(d10_r14_what_somebody_follows_there_by_now_is_not_sent_again_to_the_same_address, |w| {
    let job = w.report().await;
    let stub = w.claim_one(Stub).await;
    assert!(matches!(w.answer(&stub, NotSurfaced::Bug(cause())).await, Settled::FailedForGood(_)));
    let (watched, _) = w.watch("dora", wilco_core::Place::public(ops()), job.short.as_str()).await;
    let words = "by another message of this job";
    assert!(again(&mut w, &job.stub).await.unwrap_err().contains(words), "the other one is about to stand there");
    w.surface_due().await;
    w.begin().await;
    w.pass(secs(30));
    w.done(&job, "the result").await;
    w.surface_due().await;
    assert_eq!(state_of(&w.receipt(&watched.content).await), Surfaced);
    let before = w.states(&job.contract).await;
    for id in [&job.stub, &job.content] {
        assert!(again(&mut w, id).await.unwrap_err().contains(words));
    }
    assert_eq!(w.states(&job.contract).await, before);
    w.pass(secs(3_600));
    assert!(w.claim().await.is_empty());
});

/// What the operator's list answers to sending this again.
async fn again(w: &mut World, receipt: &ReceiptId) -> Result<(), String> {
    let change = RetryReceipt { receipt: receipt.clone(), now: w.now, fresh: w.fresh() };
    w.engine.write(change).await.unwrap().expect("it is known").map(|_| ())
}

proves!(d10_a_route_does_not_merge_with_one_that_has_failed_there, |w| {
    let job = w.report().await;
    let dev =
        wilco_core::Place { direct: Some(dm("ana")), ..wilco_core::Place::public(Address::channel("sim", "dev")) };
    let (watched, _) = w.watch("ana", dev, job.short.as_str()).await;
    let claims = w.claim().await;
    let other = claims.iter().find(|claim| claim.envelope.receipt.as_ref() == Some(&watched.stub)).unwrap();
    w.answer(of(&claims, &job), gone()).await;
    let direct = w.claim_one(Stub).await;
    assert!(matches!(w.answer(&direct, gone()).await, Settled::FailedForGood(_)));
    assert_eq!(w.answer(other, gone()).await, Settled::Rerouted, "it tries for itself");
    assert_eq!(w.states(&watched.contract).await[0], (Stub, 0, 0, Pending));
});

proves!(r9_the_ping_of_a_closed_contract_moves_with_its_chat_and_does_not_go_round_in_circles, |w| {
    let job = w.running().await;
    w.pass(secs(30));
    w.done(&job, "the result").await;
    let fill = w.claim_one(Content).await;
    w.surface(&fill).await;
    assert_eq!(w.contract_state(&job).await, ContractState::TerminalAcked);
    let ping = w.claim_one(Ping).await;
    let to = Address::channel("sim", "ops-moved");
    assert_eq!(w.answer(&ping, NotSurfaced::Moved(to.clone())).await, Settled::Rerouted);
    let ping = w.claim_one(Ping).await;
    assert_eq!(ping.envelope.address, to);
    // A platform that sends it back and forth costs attempts, and those have waits and an end.
    let from = wilco_core::Address::channel("sim", "ops");
    w.answer(&ping, NotSurfaced::Moved(from)).await;
    let mut rounds = 0;
    while let Some(claim) = w.claim().await.into_iter().next() {
        rounds += 1;
        assert!(rounds < 5, "asked again and again in one moment");
        let here = claim.envelope.address.clone();
        w.answer(&claim, NotSurfaced::Moved(here)).await;
    }
});
