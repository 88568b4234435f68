//! A job whose attempts fail: it rests as a queued job, for a stored time.

use wilco_core::Place;
use wilco_core::journal::Event;
use wilco_core::receipt::ReceiptKind::Content;
use wilco_core::settings::{KindSettings, RetryPolicy};
use wilco_core::worker::{EndKind, Ending, OnInterrupt, WorkerState};
use wilco_store::args;
use wilco_store::changes::ExtendDeadlines;
use wilco_store::engine::{Engine, MIGRATIONS, Options};
use wilco_store::reads::NextDue;

use crate::support::*;

fn retried(w: &mut World) {
    w.rules = KindSettings { retry: Some(RetryPolicy::default()), ..w.rules };
}

async fn next_begin(w: &World) -> Option<wilco_core::Timestamp> {
    w.engine.read(NextDue).await.unwrap().begin
}

proves!(f5_a_job_that_rests_is_queued_and_starts_at_its_time_and_not_before, |w| {
    retried(&mut w);
    let job = w.running().await;
    assert_eq!(next_begin(&w).await, None);
    let due = w.rests(&job, secs(4)).await.unwrap();
    assert_eq!(due, w.now.plus(secs(4)));
    assert_eq!(w.worker_state(&job).await, WorkerState::Queued);
    assert_eq!(next_begin(&w).await, Some(due));
    let told = Event::Retrying { attempt: 2, of: 3, cause: "exit 2: no network".into(), at: due };
    assert_eq!(w.events(&job).await.last(), Some(&told));
    w.pass(secs(3));
    assert!(w.begin().await.is_empty(), "it rests");
    w.pass(secs(1));
    let runs = w.begin().await;
    assert_eq!((runs[0].worker.clone(), runs[0].attempt, runs[0].waited), (job.worker.clone(), 2, true));
    assert_eq!(next_begin(&w).await, None);
    w.done(&job, "42").await;
    assert_eq!(w.worker_state(&job).await, WorkerState::Done);
});

proves!(f14_a_job_that_rests_delays_nobody_and_takes_no_slot, |w| {
    retried(&mut w);
    w.settings.quotas.person_running = 1;
    let job = w.running().await;
    w.rests(&job, secs(60)).await.unwrap();
    let other = w.report().await;
    assert_eq!(other.ahead, None, "nobody stands before it");
    assert_eq!(w.begin().await[0].worker, other.worker);
    w.pass(secs(60));
    assert!(w.begin().await.is_empty(), "its time has come, and the slot is taken");
    assert_eq!(next_begin(&w).await, Some(w.now), "so it stays due");
    w.done(&other, "42").await;
    assert_eq!(w.begin().await[0].worker, job.worker);
});

proves!(f5_the_message_says_which_attempt_comes_when_and_why, |w| {
    retried(&mut w);
    let job = w.running().await;
    assert!(w.start_edits(&job).await.open.is_empty(), "nothing to show yet");
    w.rests(&job, secs(4)).await.unwrap();
    let edit = w.start_edit(&job).await;
    let text = &edit.envelope.body.text;
    assert_eq!(*text, format!("Working · {} · attempt 2 of 3 in 4s · exit 2: no network", job.short));
    let shown = wilco_core::DeliveryOutcome::Surfaced(edit.message.clone());
    w.end_edit(&edit, shown).await;
    w.pass(secs(4));
    assert!(w.start_edits(&job).await.open.is_empty(), "once for each rest");
    w.begin().await;
    w.pass(secs(1));
    let edit = w.start_edit(&job).await;
    assert_eq!(edit.envelope.body.text, format!("Working · {} · 1s · attempt 2 of 3", job.short));
});

proves!(c1_a_cancel_while_it_rests_cancels_at_once, |w| {
    retried(&mut w);
    let job = w.running().await;
    w.rests(&job, secs(60)).await.unwrap();
    w.cancel("ana", Place::public(ops()), Some(job.short.as_str()), "not needed").await;
    assert_eq!(w.worker_state(&job).await, WorkerState::Cancelled);
    assert_eq!(next_begin(&w).await, None);
    w.pass(secs(60));
    assert!(w.begin().await.is_empty());
    let fill = w.claim_one(Content).await;
    assert!(fill.envelope.body.text.starts_with("Cancelled"), "{}", fill.envelope.body.text);
});

proves!(c7_a_cancel_that_was_stored_before_the_rest_ends_the_job, |w| {
    retried(&mut w);
    let job = w.running().await;
    w.cancel("ana", Place::public(ops()), Some(job.short.as_str()), "not needed").await;
    assert_eq!(w.worker_state(&job).await, WorkerState::Cancelling);
    assert_eq!(w.rests(&job, secs(4)).await, None);
    assert_eq!(w.worker_state(&job).await, WorkerState::Cancelled);
    assert_eq!(w.rests(&job, secs(4)).await, None, "and stays so");
    assert_eq!(w.count(&job, "retrying").await, 0);
});

proves!(w20_the_hard_limit_counts_from_the_first_start_and_holds_during_a_rest, |w| {
    retried(&mut w);
    w.rules.terms.terminal_secs = 100;
    let job = w.running().await;
    w.pass(secs(50));
    w.rests(&job, secs(10)).await.unwrap();
    w.pass(secs(10));
    w.begin().await;
    w.pass(secs(39));
    assert!(w.judge().await.is_empty());
    w.rests(&job, secs(60)).await.unwrap();
    w.pass(secs(1));
    assert_eq!(w.judge().await, [(job.worker.clone(), "limit 1m 40s".to_owned())]);
    w.finish(&job, Ending::bare(EndKind::TimedOut, "limit 1m 40s")).await;
    assert!(w.judge().await.is_empty());
    assert_eq!(w.worker_state(&job).await, WorkerState::TimedOut);
});

proves!(w21_a_suspended_process_moves_the_limit_of_a_job_that_rests, |w| {
    retried(&mut w);
    w.rules.terms.terminal_secs = 100;
    let job = w.running().await;
    w.rests(&job, secs(10)).await.unwrap();
    w.pass(secs(1_000));
    w.engine.write(ExtendDeadlines { by: secs(1_000) }).await.unwrap();
    assert!(w.judge().await.is_empty());
    assert_eq!(w.begin().await[0].attempt, 2);
    assert!(w.judge().await.is_empty());
    w.pass(secs(100));
    assert_eq!(w.judge().await.len(), 1);
});

proves!(u1_a_crash_while_it_rests_loses_nothing_and_one_while_it_runs_spends_no_attempt, |w| {
    retried(&mut w);
    w.rules.on_interrupt = OnInterrupt::Rerun;
    let job = w.running().await;
    w.rests(&job, secs(4)).await.unwrap();
    let found = w.recover("two", true).await;
    assert_eq!((found.rerun, found.ended), (0, 0), "it is queued like any other");
    w.pass(secs(4));
    assert_eq!(w.begin().await[0].attempt, 2);
    assert_eq!(w.recover("three", true).await.rerun, 1);
    let run = w.begin().await.remove(0);
    assert_eq!((run.attempt, run.input.rerun), (2, 1));
});

proves!(f5_what_an_attempt_has_shown_is_no_progress_of_the_next, |w| {
    retried(&mut w);
    let job = w.running().await;
    assert!(w.record(&job, "half of it").await);
    w.rests(&job, secs(1)).await.unwrap();
    assert_eq!(w.look(&job).await.job.progress, "");
    let row = w.contract_row(&job.contract).await;
    assert_eq!(row.opt_time("progress_deadline").unwrap(), None, "a rest is not silence");
    w.pass(secs(1));
    w.begin().await;
    let row = w.contract_row(&job.contract).await;
    assert!(row.opt_time("progress_deadline").unwrap().is_some());
});

proves!(h6_a_job_that_failed_for_good_says_after_how_many_attempts, |w| {
    retried(&mut w);
    let job = w.running().await;
    let ending = Ending { attempts: Some(3), ..Ending::bare(EndKind::Failed, "exit 2") };
    w.finish(&job, ending).await;
    let fill = w.claim_one(Content).await;
    assert_eq!(fill.envelope.body.text, format!("Failed · {} · exit 2 after 3 attempts", job.short));
});

#[tokio::test]
async fn t2_a_job_that_an_older_wilco_has_accepted_starts_as_before() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("w.db").display());
    let old = Engine::open_with(&url, Options::default(), &MIGRATIONS[..1]).await.unwrap();
    let mut rules = serde_json::to_value(KindSettings::default()).unwrap();
    rules.as_object_mut().unwrap().remove("retry");
    let sql = "INSERT INTO workers (id, short, kind, input, rules, state, person_id, person_name, account, channel, \
               created_at) VALUES ('w', 'k7f2', 'report', $1, $2, 'queued', 'ana', 'Ana', 'sim', 'ops', 1)";
    let input = serde_json::json!({ "text": "", "person": { "id": "ana", "name": "Ana" } });
    old.write(Sql(sql, args![input.to_string(), rules.to_string()])).await.unwrap();
    old.close().await;
    let mut w = World::over(Engine::open(&url, Options::default()).await.unwrap(), 7);
    let run = w.begin().await.remove(0);
    assert_eq!((run.short.as_str(), run.attempt, run.waited, run.rules.retry), ("k7f2", 1, false, None));
}
