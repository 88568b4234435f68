//! Taking events in: each once, and what it promises stands in the same commit.

use wilco_core::contract::ContractState;
use wilco_core::journal::Event;
use wilco_core::receipt::ReceiptKind::{Content, Stub};
use wilco_core::receipt::ReceiptState::{Pending, Waiting};
use wilco_core::settings::Admission;
use wilco_core::worker::WorkerState;
use wilco_core::{Address, Place};
use wilco_store::changes::Offered;

use crate::support::*;

proves!(r1_an_accepted_job_has_a_stub_due_and_a_content_receipt_waiting, |w| {
    let job = w.report().await;
    let look = w.look(&job).await;
    assert_eq!(look.job.state, WorkerState::Queued);
    assert_eq!(look.job.short, job.short);
    assert_eq!(look.contracts.len(), 1);
    assert_eq!(look.contracts[0].state, ContractState::Created);
    assert_eq!(look.contracts[0].route.steps(), [ops(), dm("ana")]);
    assert_eq!(w.states(&job.contract).await, [(Stub, 0, 0, Pending), (Content, 0, 0, Waiting)]);
    assert_eq!(w.receipt(&job.stub).await.time("due_at").unwrap(), w.now);
    assert!(matches!(&look.events[0].event, Event::Accepted { kind, .. } if kind == "report"));
    let deadline = w.contract_row(&job.contract).await.time("ack_deadline").unwrap();
    assert_eq!(deadline, w.now.plus(w.rules.terms.ack()));
});

proves!(m13_d14_the_same_event_is_one_job_in_one_batch_and_later, |w| {
    let first = {
        let new = w.new_job("report", "ana");
        w.item("ana", Place::public(ops()), start(new))
    };
    let mut again = first.clone();
    again.act = start(w.new_job("report", "ana"));
    let mut answers = w.offer(vec![first, again.clone()]).await;
    let Offered::Run(Ok(started)) = answers.remove(0) else { panic!("the first is accepted") };
    let duplicate = Offered::Duplicate { worker: Some(started.short) };
    assert_eq!(answers, std::slice::from_ref(&duplicate));
    w.pass(secs(60));
    again.act = start(w.new_job("report", "ana"));
    assert_eq!(w.offer(vec![again.clone()]).await, [duplicate]);
    assert_eq!(w.rows("SELECT id FROM workers", vec![]).await.len(), 1);

    // The same id on another account is another event.
    again.place = Place::public(Address::channel("other", "ops"));
    again.asker = w.asker("ana", &again.place.address);
    again.act = start(w.new_job("report", "ana"));
    assert!(matches!(w.offer(vec![again]).await[0], Offered::Run(Ok(_))));
});

proves!(m13_a_refused_event_given_again_is_a_duplicate_without_a_job, |w| {
    w.settings.quotas.channel_open = 0;
    let item = {
        let new = w.new_job("report", "ana");
        w.item("ana", Place::public(ops()), start(new))
    };
    let refused = w.offer(vec![item.clone()]).await;
    assert_eq!(refused, [Offered::Run(Err(Admission::ChannelFull { limit: 0 }))]);
    assert_eq!(w.offer(vec![item]).await, [Offered::Duplicate { worker: None }]);
    assert_eq!(w.rows("SELECT id FROM workers", vec![]).await.len(), 0);
});

proves!(j1_quotas_refuse_and_queue_with_the_number_of_those_before, |w| {
    w.settings.quotas.person_running = 1;
    w.settings.quotas.person_queued = 2;
    w.settings.quotas.channel_open = 4;
    assert_eq!(w.report().await.ahead, None);
    let second = w.report().await;
    assert_eq!(second.ahead, Some(1), "one is queued already, because none has started");
    assert!(w.events(&second).await.contains(&Event::Queued { ahead: 1 }));
    let new = w.new_job("report", "ana");
    let full = w.one("ana", Place::public(ops()), start(new)).await;
    assert_eq!(full, Offered::Run(Err(Admission::PersonFull { limit: 2 })));
    // Somebody else still fits, until the channel is full.
    for _ in 0..2 {
        w.ask_for("report", "ben", Place::public(ops())).await;
    }
    let new = w.new_job("report", "cem");
    let full = w.one("cem", Place::public(ops()), start(new)).await;
    assert_eq!(full, Offered::Run(Err(Admission::ChannelFull { limit: 4 })));

    w.settings.quotas.cooldown = secs(10);
    w.pass(secs(4));
    let new = w.new_job("report", "ben");
    let soon = w.one("ben", Place::public(dm("ben")), start(new)).await;
    assert_eq!(soon, Offered::Run(Err(Admission::TooSoon { wait: secs(6) })));
});

proves!(short_ids_are_unique_even_when_the_same_candidates_are_drawn, |w| {
    let first = w.report().await;
    let mut new = w.new_job("report", "ana");
    let free = new.shorts[0].clone();
    new.shorts.insert(0, first.short.clone());
    match w.one("ana", Place::public(ops()), start(new)).await {
        Offered::Run(Ok(started)) => assert_eq!(started.short, free),
        other => panic!("{other:?}"),
    }
});

proves!(d9_a_place_of_an_account_that_is_not_connected_is_accepted_and_waits, |w| {
    let job = w.ask_for("report", "ana", Place::public(Address::channel("nowhere", "x"))).await;
    let claim = w.claim_one(Stub).await;
    assert_eq!(claim.envelope.address, Address::channel("nowhere", "x"));
    assert!(claim.envelope.body.buttons.is_empty(), "an unknown platform gets the smallest measures");
    w.answer(&claim, retry()).await;
    assert_eq!(w.contract_state(&job).await, ContractState::Created);
});

proves!(r2_begin_starts_oldest_first_as_far_as_the_slots_go, |w| {
    w.settings.quotas.person_running = 2;
    w.settings.quotas.channel_open = 50;
    let mut jobs = Vec::new();
    for _ in 0..3 {
        jobs.push(w.report().await);
        w.pass(secs(1));
    }
    jobs.push(w.ask_for("report", "ben", Place::public(ops())).await);
    let started: Vec<_> = w.begin().await.into_iter().map(|run| run.worker).collect();
    assert_eq!(started, [jobs[0].worker.clone(), jobs[1].worker.clone(), jobs[3].worker.clone()]);
    assert!(w.begin().await.is_empty());
    w.done(&jobs[0], "x").await;
    let next = w.begin().await;
    assert_eq!(next.len(), 1);
    assert_eq!(next[0].worker, jobs[2].worker);
    assert!(next[0].waited);

    // A kind has slots of its own, whoever asks.
    w.settings.kinds.insert("slow".into(), wilco_core::settings::KindSettings { max_running: 1, ..w.rules });
    w.ask_for("slow", "cem", Place::public(ops())).await;
    w.ask_for("slow", "dan", Place::public(ops())).await;
    assert_eq!(w.begin().await.len(), 1);
});
