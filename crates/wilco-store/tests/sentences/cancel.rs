//! The cancel matrix: who, which, when, and what is told.

use wilco_core::access::Role;
use wilco_core::contract::ContractState;
use wilco_core::desk::CancelResult;
use wilco_core::journal::Event;
use wilco_core::receipt::ReceiptKind::Content;
use wilco_core::worker::{EndKind, Ending, WorkerState};
use wilco_core::{Address, DeliveryKey, Person, Place, Press};
use wilco_store::changes::{Asker, CancelDone, Offered, RequestCancel, Unresolved};

use crate::support::*;

fn here() -> Place {
    Place::public(ops())
}

fn result(offered: Offered) -> CancelResult {
    match offered {
        Offered::Cancel(Ok(CancelDone { result, .. })) => result,
        other => panic!("{other:?}"),
    }
}

async fn host_cancels(w: &mut World, job: &str) -> Result<CancelDone, Unresolved> {
    let change = RequestCancel {
        asker: Asker::host(),
        job: job.into(),
        reason: "from the shell".into(),
        now: w.now,
        platforms: w.platforms(),
        fresh: w.fresh(),
    };
    w.engine.write(change).await.unwrap()
}

proves!(c1_c4_c8_c9_a_stored_cancel_ends_when_the_task_was_seen_to_stop, |w| {
    let job = w.running().await;
    let short = job.short.clone();
    let cancelling = result(w.cancel("ana", here(), Some(short.as_str()), "wrong month").await);
    let (by, reason) = ("ana".to_owned(), "wrong month".to_owned());
    assert_eq!(cancelling, CancelResult::Cancelling { short: short.clone(), by: by.clone(), reason: reason.clone() });
    assert_eq!(w.worker_state(&job).await, WorkerState::Cancelling);
    assert_eq!(w.engine.read(wilco_store::reads::Stopping).await.unwrap(), std::slice::from_ref(&job.worker));
    assert_eq!(w.count(&job, "completed").await, 0);
    // No deadline interferes any more.
    w.pass(secs(7_200));
    assert!(w.judge().await.is_empty());
    let again = result(w.cancel("ana", here(), Some(short.as_str()), "another").await);
    assert_eq!(again, CancelResult::AlreadyCancelling { short, by: by.clone(), reason: reason.clone() });
    assert_eq!(w.finish(&job, Ending::bare(EndKind::Cancelled, "")).await, Some(WorkerState::Cancelled));
    let look = w.look(&job).await;
    assert_eq!(look.job.state, WorkerState::Cancelled);
    assert!(w.events(&job).await.contains(&Event::CancelRequested { by, reason }));
    let fill = w.claim_one(Content).await;
    assert!(fill.envelope.body.text.contains("wrong month") && fill.envelope.body.text.contains("asked by ana"));
    w.surface(&fill).await;
    assert_eq!(w.contract_state(&job).await, ContractState::TerminalAcked);
});

proves!(c1_c2_a_result_that_was_finished_stands_and_a_limit_does_not, |w| {
    for (seen, stands) in [
        (EndKind::Done, WorkerState::Done),
        (EndKind::Failed, WorkerState::Failed),
        (EndKind::TimedOut, WorkerState::Cancelled),
        (EndKind::Interrupted, WorkerState::Cancelled),
        (EndKind::Cancelled, WorkerState::Cancelled),
    ] {
        let job = w.running().await;
        w.cancel("ana", here(), Some(job.short.as_str()), "x").await;
        assert_eq!(w.finish(&job, Ending::bare(seen, "limit 30m")).await, Some(stands), "{seen:?}");
        assert_eq!(w.count(&job, "completed").await, 1);
        assert_eq!(w.count(&job, "timed_out").await, 0, "the cancel explains the end");
        let fill = w.claim_one(Content).await;
        let real = fill.envelope.body.text.contains("this is its real result");
        assert_eq!(real, stands != WorkerState::Cancelled, "{}", fill.envelope.body.text);
        w.surface_due().await;
        let taken = w.taken(&fill);
        w.answer(&fill, taken).await;
        w.surface_due().await;
    }
});

proves!(c3_a_finished_job_an_unknown_one_and_a_queued_one, |w| {
    let job = w.running().await;
    w.done(&job, "x").await;
    let before = w.look(&job).await;
    let done = result(w.cancel("ana", here(), Some(job.short.as_str()), "x").await);
    assert_eq!(done, CancelResult::AlreadyCompleted { short: job.short.clone(), state: WorkerState::Done });
    assert_eq!(w.look(&job).await, before);
    let unknown = w.cancel("ana", here(), Some("nothing"), "x").await;
    assert_eq!(unknown, Offered::Cancel(Err(Unresolved::NotFound)));

    let queued = w.report().await;
    let cancelled = result(w.cancel("ana", here(), Some(queued.short.as_str()), "never mind").await);
    assert_eq!(cancelled, CancelResult::Cancelled { short: queued.short.clone(), reason: "never mind".into() });
    assert_eq!(w.worker_state(&queued).await, WorkerState::Cancelled);
    assert!(w.begin().await.is_empty());
    w.surface_due().await;
    assert_eq!(w.contract_state(&queued).await, ContractState::TerminalAcked, "C9: it still gets its message");
});

proves!(c3_who_may_not_see_it_is_told_that_it_does_not_exist, |w| {
    let job = w.running().await;
    let short = job.short.as_str();
    let elsewhere = Place::public(Address::channel("sim", "dev"));
    let hidden = w.cancel("eve", elsewhere.clone(), Some(short), "x").await;
    assert_eq!(hidden, Offered::Cancel(Err(Unresolved::NotFound)));
    let seen = w.cancel("eve", here(), Some(short), "x").await;
    assert_eq!(seen, Offered::Cancel(Err(Unresolved::NotAllowed(job.short.clone()))));
    let mut nobody = w.item("ana", here(), cancel_act(short));
    nobody.asker.role = None;
    assert_eq!(
        w.offer(vec![nobody]).await,
        [Offered::Cancel(Err(Unresolved::NotFound))],
        "a right that was taken away"
    );
    assert_eq!(w.worker_state(&job).await, WorkerState::Running);
    // A moderator of the channel, an owner anywhere, and the starter anywhere may.
    let mut moderator = w.item("mod", here(), cancel_act(short));
    let mut person = Person::new("mod", "mod");
    person.moderator = true;
    moderator.asker = Asker::person("sim".into(), person, Some(ops()), Some(Role::Viewer));
    assert!(matches!(w.offer(vec![moderator]).await[0], Offered::Cancel(Ok(_))));
    let mut owner = w.item("root", elsewhere.clone(), cancel_act(short));
    owner.asker.role = Some(Role::Owner);
    assert!(matches!(w.offer(vec![owner]).await[0], Offered::Cancel(Ok(_))));
    assert!(matches!(w.cancel("ana", elsewhere, Some(short), "x").await, Offered::Cancel(Ok(_))));
});

fn cancel_act(job: &str) -> wilco_store::changes::Act {
    wilco_store::changes::Act::Cancel { job: Some(job.into()), reason: "x".into(), followups: false }
}

proves!(c3_a_name_may_be_a_beginning_a_kind_or_the_only_one_here, |w| {
    let nothing = w.cancel("ana", here(), None, "x").await;
    assert_eq!(nothing, Offered::Cancel(Err(Unresolved::NothingHere)));
    let mut new = w.new_job("report", "ana");
    new.shorts = vec!["k7f2".into()];
    w.one("ana", here(), start(new)).await;
    let only = result(w.cancel("ana", here(), None, "x").await);
    assert!(matches!(only, CancelResult::Cancelled { short, .. } if short.as_str() == "k7f2"));

    for (short, kind) in [("k7g3", "report"), ("m2n3", "report"), ("m2p4", "build")] {
        let mut new = w.new_job(kind, "ana");
        new.shorts = vec![short.into()];
        w.one("ana", here(), start(new)).await;
    }
    let shorts = |offered: Offered| match offered {
        Offered::Cancel(Err(Unresolved::Several(jobs))) => {
            let mut shorts: Vec<_> = jobs.iter().map(|job| job.short.to_string()).collect();
            shorts.sort();
            shorts
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(shorts(w.cancel("ana", here(), Some("k7"), "x").await), ["k7f2", "k7g3"]);
    assert_eq!(shorts(w.cancel("ana", here(), Some("m2"), "x").await), ["m2n3", "m2p4"]);
    assert_eq!(
        shorts(w.cancel("ana", here(), Some("report"), "x").await),
        ["k7g3", "m2n3"],
        "of a kind, those that run"
    );
    assert_eq!(shorts(w.cancel("ana", here(), None, "x").await), ["k7g3", "m2n3", "m2p4"]);
    let build = result(w.cancel("ana", here(), Some(" `BUILD` "), "x").await);
    assert!(matches!(build, CancelResult::Cancelled { short, .. } if short.as_str() == "m2p4"));
    let prefix = result(w.cancel("ana", here(), Some("m2n"), "x").await);
    assert!(matches!(prefix, CancelResult::Cancelled { short, .. } if short.as_str() == "m2n3"));
});

proves!(c1_a_press_under_any_stub_of_the_job_cancels_it, |w| {
    w.limits.abilities.look_up = false;
    let job = w.report().await;
    let stub = w.claim_one(wilco_core::receipt::ReceiptKind::Stub).await;
    w.answer(&stub, ambiguous()).await;
    w.begin().await;
    // The first generation may be in the channel: its button works all the same.
    let press = Press::CancelStub { key: DeliveryKey::from(&job.stub) };
    let pressed = w.press("ana", ops(), press).await;
    assert!(matches!(result(pressed), CancelResult::Cancelling { .. }));
    for foreign in ["hello", "f5lxx1zz5pnorynqglhzmsp33"] {
        let press = Press::CancelStub { key: DeliveryKey::new(foreign) };
        assert_eq!(w.press("ana", ops(), press).await, Offered::Cancel(Err(Unresolved::NotFound)));
    }
});

proves!(c7_the_shell_cancels_with_the_bot_down, |w| {
    let job = w.running().await;
    let done = host_cancels(&mut w, job.short.as_str()).await.unwrap();
    assert_eq!(done.worker, job.worker);
    assert!(matches!(done.result, CancelResult::Cancelling { by, .. } if by == "the host"));
    w.recover("two", true).await;
    assert_eq!(w.worker_state(&job).await, WorkerState::Cancelled);
    assert_eq!(host_cancels(&mut w, "zzz").await, Err(Unresolved::NotFound));
});
