//! Claiming and settling: every verdict of the rule, and who may settle what.

use wilco_core::contract::ContractState;
use wilco_core::journal::Event;
use wilco_core::receipt::ReceiptKind::{Content, Ping, Stub};
use wilco_core::receipt::ReceiptState::{Failed, Pending, Sending, Surfaced, Waiting};
use wilco_core::receipt::{LookedUp, Shape};
use wilco_core::schedule::GIVE_UP_AFTER;
use wilco_core::settings::Notify;
use wilco_core::{Address, Cause, DeliveryKey, DeliveryOutcome, MessageRef, NotSurfaced, Scope};
use wilco_store::changes::{Resolution, ResumeAccounts, Settled};

use crate::support::*;

proves!(d5_w19_the_stub_alone_acknowledges, |w| {
    let job = w.report().await;
    let claim = w.claim_one(Stub).await;
    assert_eq!(claim.target, None);
    assert_eq!(claim.envelope.key, DeliveryKey::from(&job.stub));
    assert_eq!(claim.envelope.receipt.as_ref(), Some(&job.stub));
    assert!(claim.envelope.body.text.contains(job.short.as_str()), "{}", claim.envelope.body.text);
    assert!(w.claim().await.is_empty(), "one claim holds it (R5)");
    let message = w.surface(&claim).await;
    let contract = w.contract(&job).await;
    assert_eq!(contract.state, ContractState::Acked);
    assert_eq!(contract.message, Some(message.clone()));
    assert_eq!(contract.acked, Some(w.now));
    assert_eq!(w.contract_row(&job.contract).await.opt_time("ack_deadline").unwrap(), None);
    let settled = Event::ReceiptSettled {
        contract: job.contract.clone(),
        receipt: Stub,
        part: 0,
        status: "surfaced".into(),
        message: Some(message.message),
        reason: None,
    };
    assert!(w.events(&job).await.contains(&settled));
});

proves!(r5_two_claimers_at_once_never_hold_one_row, |w| {
    let mut jobs = Vec::new();
    for _ in 0..6 {
        jobs.push(w.report().await);
    }
    let claim = |owner: &str| {
        let owner = wilco_core::InstanceId::new(owner);
        w.engine.write(wilco_store::changes::ClaimDue { owner, now: w.now, limit: 4, platforms: w.platforms() })
    };
    let (one, two) = futures::join!(claim("one"), claim("two"));
    let mut held: Vec<_> =
        one.unwrap().claims.into_iter().chain(two.unwrap().claims).map(|claim| claim.envelope.receipt).collect();
    assert_eq!(held.len(), jobs.len(), "each due row was claimed");
    held.sort();
    held.dedup();
    assert_eq!(held.len(), jobs.len(), "and none twice");
});

proves!(r9_r10_a_failed_attempt_is_scheduled_and_spends_one, |w| {
    let job = w.report().await;
    let claim = w.claim_one(Stub).await;
    let at = w.now.plus(std::time::Duration::from_millis(500));
    assert_eq!(w.answer(&claim, retry()).await, Settled::RetryScheduled { at: Some(at), attempts: 1 });
    let row = w.receipt(&job.stub).await;
    assert_eq!((state_of(&row), row.time("due_at").unwrap(), row.flag("doubt").unwrap()), (Pending, at, false));
    assert_eq!(row.opt_text("last_error").unwrap().as_deref(), Some("x: because"));
    assert!(w.claim().await.is_empty(), "not due yet");
    w.pass(secs(1));
    assert!(!w.claim_one(Stub).await.doubt);
    let attempt = w.events(&job).await.into_iter().find(|event| event.name() == "receipt_attempt");
    assert!(
        matches!(&attempt, Some(Event::ReceiptAttempt { n: 1, outcome, next, .. }) if outcome == "retry" && *next == Some(at)),
        "{attempt:?}"
    );
});

proves!(r3_a_create_in_doubt_stays_in_doubt_until_it_is_looked_up, |w| {
    let job = w.report().await;
    let claim = w.claim_one(Stub).await;
    w.answer(&claim, ambiguous()).await;
    w.pass(secs(1));
    let claim = w.claim_one(Stub).await;
    assert!(claim.doubt);
    // The look-up fails, then a send is refused: the first attempt may still have been applied.
    let later = Resolution::LookedUp(LookedUp::Later(cause()));
    assert!(matches!(w.resolve(&claim, later).await, Settled::RetryScheduled { attempts: 2, .. }));
    w.pass(secs(1));
    let claim = w.claim_one(Stub).await;
    assert!(claim.doubt);
    w.answer(&claim, retry()).await;
    w.pass(secs(2));
    let claim = w.claim_one(Stub).await;
    assert!(claim.doubt);
    let message = MessageRef { address: ops(), message: "found".into() };
    let found = Resolution::LookedUp(LookedUp::Settle(message.clone()));
    assert_eq!(w.resolve(&claim, found).await, Settled::Surfaced);
    assert_eq!(w.contract(&job).await.message, Some(message));
});

proves!(r3_where_nothing_can_be_looked_up_the_next_generation_is_posted, |w| {
    w.limits.abilities.look_up = false;
    let job = w.report().await;
    let claim = w.claim_one(Stub).await;
    assert_eq!(w.answer(&claim, ambiguous()).await, Settled::Rerouted);
    assert_eq!(w.states(&job.contract).await, [(Stub, 0, 0, Failed), (Stub, 0, 1, Pending), (Content, 0, 0, Waiting)]);
    let old = w.receipt(&job.stub).await;
    assert!(old.text("reason").unwrap().starts_with("superseded"));
    let failed = wilco_core::desk::ReceiptFilter { state: Some(Failed), ..Default::default() };
    let list = wilco_store::reads::ListReceipts { asker: wilco_store::changes::Asker::host(), filter: failed };
    assert!(w.engine.read(list).await.unwrap().is_empty(), "it is no operator's business");
    w.pass(secs(1));
    let next = w.claim_one(Stub).await;
    assert_eq!(next.facts.attempts, 1, "attempts are carried on");
    assert_eq!(next.facts.first_due, claim.facts.first_due, "and so is the age");
    w.surface(&next).await;
    assert_eq!(w.contract_state(&job).await, ContractState::Acked);
});

proves!(r9_generations_are_given_up_after_three_days_like_anything_else, |w| {
    w.limits.abilities.look_up = false;
    let job = w.report().await;
    let begun = w.now;
    let reason = loop {
        assert!(w.now.since(begun) < GIVE_UP_AFTER * 2, "it never gives up");
        let claim = w.claim_one(Stub).await;
        if let Settled::FailedForGood(reason) = w.answer(&claim, ambiguous()).await {
            break reason;
        }
        let due = w.engine.read(wilco_store::reads::NextDue).await.unwrap().outbox.unwrap();
        assert!(due > w.now, "no attempt follows at once");
        w.now = due;
    };
    assert_eq!(reason.code, "exhausted");
    assert!(w.now.since(begun) >= GIVE_UP_AFTER);
    w.done(&job, "x").await;
    assert_eq!(w.contract_state(&job).await, ContractState::TerminalFailed);
});

proves!(m8_a_stub_without_a_usable_id_is_posted_again_once, |w| {
    let job = w.report().await;
    let nameless = || DeliveryOutcome::Surfaced(MessageRef { address: ops(), message: String::new() });
    let claim = w.claim_one(Stub).await;
    assert_eq!(w.answer(&claim, nameless()).await, Settled::Rerouted);
    w.pass(secs(1));
    let claim = w.claim_one(Stub).await;
    assert!(
        matches!(w.answer(&claim, nameless()).await, Settled::FailedForGood(cause) if cause.code == "no_message_id")
    );
    assert_eq!(w.contract_state(&job).await, ContractState::Created, "a stub never fails a contract (W19)");
    w.done(&job, "x").await;
    assert_eq!(w.contract_state(&job).await, ContractState::TerminalFailed);
    let reason = w.receipt(&job.content).await.text("reason").unwrap();
    assert!(reason.starts_with("no_stub"), "{reason}");
});

proves!(r9_a_retry_after_of_a_chat_parks_the_chat_and_spends_nothing, |w| {
    let one = w.report().await;
    let two = w.report().await;
    let elsewhere = w.ask_for("report", "ana", wilco_core::Place::public(Address::channel("sim", "dev"))).await;
    w.pass(secs(1));
    let claims = w.claim().await;
    assert_eq!(claims.len(), 3);
    // The second one comes back to be due, so that the park has something to move.
    w.answer(of(&claims, &two), retry()).await;
    let wait = NotSurfaced::RetryAfter { delay: secs(60), scope: Scope::Chat };
    let until = w.now.plus(secs(60));
    assert_eq!(w.answer(of(&claims, &one), wait).await, Settled::RetryScheduled { at: Some(until), attempts: 0 });
    w.surface(of(&claims, &elsewhere)).await;
    for job in [&one, &two] {
        assert_eq!(w.receipt(&job.stub).await.time("due_at").unwrap(), until);
    }
    // What is asked for during the park is due after it, and a missed acknowledgement changes nothing.
    let late = w.report().await;
    assert_eq!(w.receipt(&late.stub).await.time("due_at").unwrap(), until);
    w.pass(secs(10));
    w.judge().await;
    assert_eq!(w.count(&late, "ack_missed").await, 1);
    for job in [&one, &two, &late] {
        assert_eq!(w.receipt(&job.stub).await.time("due_at").unwrap(), until, "W6: not while it is parked");
    }
    // A crash does not shorten it either.
    w.recover("two", true).await;
    assert!(w.claim().await.is_empty());
    w.now = until;
    assert_eq!(w.claim().await.len(), 3);
    assert_eq!(w.contract_state(&elsewhere).await, ContractState::Acked);
});

proves!(r9_a_retry_after_of_a_message_parks_it_alone_and_of_an_account_all, |w| {
    let one = w.report().await;
    let claim = w.claim_one(Stub).await;
    w.answer(&claim, NotSurfaced::RetryAfter { delay: secs(60), scope: Scope::Message }).await;
    let two = w.report().await;
    assert_eq!(w.receipt(&two.stub).await.time("due_at").unwrap(), w.now);
    let claim = w.claim_one(Stub).await;
    w.answer(&claim, NotSurfaced::RetryAfter { delay: secs(90), scope: Scope::Ip }).await;
    let until = w.now.plus(secs(90));
    let other = w.ask_for("report", "ana", wilco_core::Place::public(Address::channel("sim", "dev"))).await;
    let foreign = w.ask_for("report", "ana", wilco_core::Place::public(Address::channel("other", "dev"))).await;
    for job in [&one, &two, &other] {
        assert_eq!(w.receipt(&job.stub).await.time("due_at").unwrap(), until);
        assert_eq!(w.receipt(&job.stub).await.count("attempts").unwrap(), 0);
    }
    assert_eq!(w.claim_one(Stub).await.envelope.receipt, Some(foreign.stub));
    w.now = until;
    assert_eq!(w.claim().await.len(), 3);
});

proves!(m3_a_deleted_message_is_replaced_once_then_failed_deleted, |w| {
    let job = w.running().await;
    w.done(&job, "the result").await;
    let fill = w.claim_one(Content).await;
    assert_eq!(w.answer(&fill, deleted()).await, Settled::Rerouted);
    assert_eq!(
        w.states(&job.contract).await,
        [(Stub, 0, 0, Surfaced), (Stub, 0, 1, Pending), (Content, 0, 0, Waiting)]
    );
    let stub = w.claim_one(Stub).await;
    let second = w.surface(&stub).await;
    let fill = w.claim_one(Content).await;
    assert_eq!(fill.target, Some(second));
    let deleted_again = w.answer(&fill, deleted()).await;
    assert!(matches!(&deleted_again, Settled::FailedForGood(cause) if cause.code == "deleted"), "{deleted_again:?}");
    assert_eq!(w.contract_state(&job).await, ContractState::TerminalFailed);
    assert!(w.claim().await.is_empty());
});

proves!(m3_a_create_that_was_deleted_is_made_again_once, |w| {
    let job = w.report().await;
    let claim = w.claim_one(Stub).await;
    assert_eq!(w.answer(&claim, deleted()).await, Settled::Rerouted);
    w.pass(secs(1));
    let claim = w.claim_one(Stub).await;
    assert!(matches!(w.answer(&claim, deleted()).await, Settled::FailedForGood(cause) if cause.code == "deleted"));
    assert_eq!(w.contract_state(&job).await, ContractState::Created);
});

proves!(m10_a_refused_shape_is_plainer_at_once_and_then_given_up, |w| {
    let job = w.running().await;
    w.done(&job, "a **bold** result").await;
    let reshape = || NotSurfaced::Reshape(Cause::new("bad_markup", "can't parse"));
    let claim = w.claim_one(Content).await;
    assert_eq!(claim.facts.shape, Shape::Rich);
    assert_eq!(w.answer(&claim, reshape()).await, Settled::Rerouted);
    let claim = w.claim_one(Content).await;
    assert_eq!(claim.facts.shape, Shape::Plain);
    assert!(claim.envelope.body.plain && !claim.envelope.body.text.contains("**"));
    w.answer(&claim, reshape()).await;
    let claim = w.claim_one(Content).await;
    assert_eq!((claim.facts.shape, claim.facts.attempts), (Shape::Excerpt, 0));
    assert!(matches!(w.answer(&claim, reshape()).await, Settled::FailedForGood(_)));
    assert_eq!(w.contract_state(&job).await, ContractState::TerminalFailed);
});

proves!(d12_a_stopped_account_pauses_everything_and_resumes_without_a_spent_attempt, |w| {
    let one = w.report().await;
    let two = w.report().await;
    let claims = w.claim().await;
    w.answer(&claims[1], retry()).await;
    let stop = NotSurfaced::StopAccount(Cause::new("401", "invalid token"));
    assert_eq!(w.answer(&claims[0], stop).await, Settled::RetryScheduled { at: None, attempts: 0 });
    let three = w.report().await;
    w.pass(secs(3_600));
    w.judge().await;
    assert!(w.claim().await.is_empty());
    assert_eq!(w.engine.read(wilco_store::reads::NextDue).await.unwrap().outbox, None);
    let health = w.engine.read(wilco_store::reads::HealthOf).await.unwrap();
    assert_eq!(health.accounts[0].paused.as_deref(), Some("401: invalid token"));
    assert_eq!(w.engine.write(ResumeAccounts { now: w.now }).await.unwrap(), 1);
    let claims = w.surface_due().await;
    assert_eq!(claims.len(), 3);
    for job in [&one, &two, &three] {
        assert_eq!(w.contract_state(job).await, ContractState::Acked);
    }
});

proves!(r9_d12_a_message_that_was_told_to_wait_waits_also_when_its_account_is_resumed, |w| {
    w.report().await;
    let first = w.claim_one(Stub).await;
    w.answer(&first, NotSurfaced::RetryAfter { delay: secs(20), scope: Scope::Message }).await;
    w.report().await;
    let second = w.claim_one(Stub).await;
    w.answer(&second, NotSurfaced::StopAccount(cause())).await;
    w.pass(secs(5));
    w.engine.write(ResumeAccounts { now: w.now }).await.unwrap();
    assert_eq!(w.claim_one(Stub).await.envelope.receipt, second.envelope.receipt);
    w.pass(secs(14));
    assert!(w.claim().await.is_empty());
    w.pass(secs(1));
    assert_eq!(w.claim_one(Stub).await.envelope.receipt, first.envelope.receipt);
});

proves!(d12_a_claim_of_a_paused_account_that_was_lost_stays_paused, |w| {
    w.report().await;
    w.report().await;
    let claims = w.claim().await;
    w.answer(&claims[0], NotSurfaced::StopAccount(cause())).await;
    assert_eq!(w.recover("two", true).await.in_doubt, 1);
    assert!(w.claim().await.is_empty());
    w.engine.write(ResumeAccounts { now: w.now }).await.unwrap();
    assert_eq!(w.claim().await.len(), 2);
});

proves!(r14_a_silent_answer_fails_at_once_and_a_bug_after_an_excerpt, |w| {
    let job = w.running().await;
    w.done(&job, "x").await;
    let claim = w.claim_one(Content).await;
    assert!(matches!(w.answer(&claim, NotSurfaced::Silent).await, Settled::FailedForGood(_)));
    assert_eq!(w.contract_state(&job).await, ContractState::TerminalFailed);

    let job = w.running().await;
    w.done(&job, "x").await;
    let claim = w.claim_one(Content).await;
    assert_eq!(w.answer(&claim, NotSurfaced::Bug(cause())).await, Settled::Rerouted);
    let excerpt = w.claim_one(Content).await;
    assert!(excerpt.envelope.body.plain && excerpt.envelope.body.text.contains("wilco jobs show"));
    assert!(matches!(w.answer(&excerpt, NotSurfaced::Bug(cause())).await, Settled::FailedForGood(_)));
    assert_eq!(w.contract_state(&job).await, ContractState::TerminalFailed);
});

proves!(r8_an_exhausted_content_receipt_fails_its_contract_in_the_same_step, |w| {
    let job = w.running().await;
    w.done(&job, "x").await;
    let mut attempts = 0;
    loop {
        let claim = w.claim_one(Content).await;
        attempts += 1;
        match w.answer(&claim, retry()).await {
            Settled::RetryScheduled { at: Some(at), attempts: spent } => {
                assert_eq!(spent, attempts);
                w.now = at;
            }
            Settled::FailedForGood(cause) => {
                assert_eq!(cause.code, "exhausted");
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(attempts > 15, "{attempts} attempts in three days");
    assert_eq!(w.contract_state(&job).await, ContractState::TerminalFailed);
});

proves!(r5_a_stale_settle_is_superseded_and_a_late_stub_is_kept_as_a_stray, |w| {
    w.limits.abilities.look_up = false;
    let job = w.report().await;
    let stale = w.claim_one(Stub).await;
    w.recover("two", true).await;
    let claim = w.claim_one(Stub).await;
    assert!(claim.doubt, "U3: never sent blind");
    let taken = w.taken(&stale);
    assert_eq!(w.answer(&stale, taken).await, Settled::Superseded);
    assert_eq!(state_of(&w.receipt(&job.stub).await), Sending, "the other holder's claim is untouched");
    let next = Resolution::LookedUp(LookedUp::NextGeneration(cause()));
    assert_eq!(w.resolve(&claim, next).await, Settled::Rerouted);
    let late = w.taken(&stale);
    assert_eq!(w.answer(&stale, late).await, Settled::Superseded);
    let row = w.receipt(&job.stub).await;
    assert!(row.opt_text("message").unwrap().is_some_and(|message| message.contains("\"m2\"")), "the stray is known");
    assert_eq!(w.contract_state(&job).await, ContractState::Created, "a stray acknowledges nothing");
});

proves!(r2_a_ping_in_doubt_where_nothing_can_be_looked_up_is_sent_a_bounded_number_of_times, |w| {
    w.limits.abilities.look_up = false;
    w.rules.notify = Notify::Always;
    let job = w.running().await;
    w.pass(secs(20));
    w.done(&job, "x").await;
    let fill = w.claim_one(Content).await;
    w.surface(&fill).await;
    let mut tries = 0;
    loop {
        let ping = w.claim_one(Ping).await;
        tries += 1;
        assert!(tries <= 3);
        let next = Resolution::LookedUp(LookedUp::NextGeneration(cause()));
        match w.resolve(&ping, next).await {
            Settled::RetryScheduled { at: Some(at), .. } => {
                assert!(at > w.now, "no hot loop");
                w.now = at;
            }
            Settled::FailedForGood(_) => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(w.contract_state(&job).await, ContractState::TerminalAcked, "a ping closes nothing (W19)");
});
