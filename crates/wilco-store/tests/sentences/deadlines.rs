//! Deadlines, signs of life, and questions.

use std::time::Duration;

use wilco_core::contract::ContractState;
use wilco_core::job::Ask;
use wilco_core::journal::Event;
use wilco_core::receipt::ReceiptKind::{Content, Ping, Question, Stub};
use wilco_core::receipt::ReceiptState::{Failed, Pending, Surfaced};
use wilco_core::settings::KindSettings;
use wilco_core::worker::{EndKind, Ending, OnInterrupt, WorkerState};
use wilco_core::{NotSurfaced, Press, Scope, Timestamp};
use wilco_store::args;
use wilco_store::changes::{AnswerDone, AskQuestion, Asked, ExtendDeadlines, Offered};

use crate::support::*;

async fn ask(w: &mut World, job: &Job, number: u32, text: &str) -> Asked {
    let ask = Ask { text: text.into(), choices: vec!["yes".into(), "no".into()] };
    let change = AskQuestion {
        worker: job.worker.clone(),
        question: w.dice.question(w.now),
        number,
        ask,
        now: w.now,
        fresh: w.fresh(),
    };
    w.engine.write(change).await.unwrap()
}

async fn question_id(w: &World, job: &Job, number: u32) -> String {
    let sql = "SELECT id FROM questions WHERE worker = $1 AND number = $2";
    w.rows(sql, wilco_store::args![&job.worker, number]).await[0].text("id").unwrap()
}

async fn press(w: &mut World, job: &Job, number: u32, person: &str, choice: u32) -> AnswerDone {
    let question = question_id(w, job, number).await;
    match w.press(person, ops(), Press::Answer { question, choice }).await {
        Offered::Answer(done) => done,
        other => panic!("{other:?}"),
    }
}

async fn deadline(w: &World, job: &Job) -> Option<Timestamp> {
    let sql = "SELECT deadline FROM workers WHERE id = $1";
    w.rows(sql, wilco_store::args![&job.worker]).await[0].opt_time("deadline").unwrap()
}

async fn progress_deadline(w: &World, job: &Job) -> Option<Timestamp> {
    w.contract_row(&job.contract).await.opt_time("progress_deadline").unwrap()
}

async fn due(w: &World) -> Vec<wilco_store::changes::Missed> {
    w.engine.read(wilco_store::changes::Deadlines { now: w.now }).await.unwrap()
}

proves!(w5_what_is_due_is_read_in_batches_and_what_is_judged_is_not_read_again, |w| {
    let (one, two) = (w.report().await, w.report().await);
    assert!(due(&w).await.is_empty(), "nothing is due before its time");
    w.pass(secs(6));
    let missed = due(&w).await;
    assert_eq!(missed.iter().map(|missed| &missed.worker).collect::<Vec<_>>(), [&one.worker, &two.worker]);
    w.judge().await;
    assert!(due(&w).await.is_empty(), "each contract's deadline was its own and is cleared");
});

proves!(w6_a_missed_acknowledgement_makes_the_stub_due_once, |w| {
    let job = w.report().await;
    // Four failed attempts put the next one behind the deadline.
    for _ in 0..4 {
        let claim = w.claim_one(Stub).await;
        w.answer(&claim, retry()).await;
        w.now = w.engine.read(wilco_store::reads::NextDue).await.unwrap().outbox.unwrap().min(START.plus(secs(5)));
    }
    assert!(w.claim().await.is_empty());
    assert!(w.judge().await.is_empty());
    assert_eq!(w.count(&job, "ack_missed").await, 1);
    let claim = w.claim_one(Stub).await;
    w.judge().await;
    assert_eq!(w.count(&job, "ack_missed").await, 1, "journalled once");
    assert_eq!(w.states(&job.contract).await.len(), 2, "no second message");
    w.surface(&claim).await;
    assert_eq!(w.contract_state(&job).await, ContractState::Acked);
});

proves!(w6_a_stub_in_flight_is_left_alone, |w| {
    let job = w.report().await;
    let claim = w.claim_one(Stub).await;
    w.pass(secs(6));
    w.judge().await;
    assert!(w.claim().await.is_empty());
    assert_eq!(w.count(&job, "ack_missed").await, 1);
    w.surface(&claim).await;
    assert_eq!(w.contract_state(&job).await, ContractState::Acked);
});

proves!(w7_silence_shows_the_quiet_note_once_until_progress_resumes, |w| {
    let job = w.running().await;
    w.pass(secs(46));
    assert!(w.judge().await.is_empty());
    assert_eq!(w.contract_state(&job).await, ContractState::SlaMissed);
    let edit = w.start_edit(&job).await;
    assert!(edit.envelope.body.text.contains("no output for 46s"), "{}", edit.envelope.body.text);
    let message = edit.message.clone();
    w.end_edit(&edit, wilco_core::DeliveryOutcome::Surfaced(message)).await;
    w.pass(secs(600));
    w.judge().await;
    assert_eq!(w.count(&job, "contract_moved").await, 2, "created → acked → sla_missed");
    assert!(w.start_edits(&job).await.open.is_empty(), "not repeated");
    assert!(w.record(&job, "one").await);
    assert_eq!(w.contract_state(&job).await, ContractState::Progressing);
    assert_eq!(progress_deadline(&w, &job).await, Some(w.now.plus(secs(45))));
    w.pass(secs(46));
    w.judge().await;
    assert_eq!(w.contract_state(&job).await, ContractState::SlaMissed);
});

proves!(w8_progress_that_arrives_before_the_judgement_counts, |w| {
    let job = w.running().await;
    w.pass(secs(46));
    let missed = w.engine.read(wilco_store::changes::Deadlines { now: w.now }).await.unwrap();
    assert_eq!(missed.len(), 1);
    w.record(&job, "just in time").await;
    let change = wilco_store::changes::DeadlineMissed { missed: missed[0].clone(), now: w.now };
    assert_eq!(w.engine.write(change).await.unwrap(), None);
    assert_eq!(w.contract_state(&job).await, ContractState::Progressing);
    assert_eq!(progress_deadline(&w, &job).await, Some(w.now.plus(secs(45))));
});

proves!(w2_progress_before_the_acknowledgement_stays_created, |w| {
    let job = w.report().await;
    w.begin().await;
    assert!(w.record(&job, "one").await);
    assert_eq!(w.contract_state(&job).await, ContractState::Created);
    assert_eq!(progress_deadline(&w, &job).await, None, "nothing is visible that could look stuck");
    w.surface_due().await;
    assert_eq!(progress_deadline(&w, &job).await, Some(w.now.plus(secs(45))));
});

proves!(w9_the_hard_limit_is_told_to_whoever_stops_the_job, |w| {
    let job = w.running().await;
    w.record(&job, "one").await;
    w.pass(secs(1_800));
    assert_eq!(w.judge().await, [(job.worker.clone(), "limit 30m".to_owned())]);
    assert_eq!(w.worker_state(&job).await, WorkerState::Running, "it ends when it was seen to stop");
    assert_eq!(w.finish(&job, Ending::bare(EndKind::TimedOut, "limit 30m")).await, Some(WorkerState::TimedOut));
    assert!(w.judge().await.is_empty());
});

proves!(w10_silence_has_a_limit_that_every_sign_of_life_moves, |w| {
    w.rules.inactivity = Some(secs(100));
    let job = w.running().await;
    assert_eq!(deadline(&w, &job).await, Some(w.now.plus(secs(100))));
    w.pass(secs(90));
    w.record(&job, "one").await;
    assert_eq!(deadline(&w, &job).await, Some(w.now.plus(secs(100))));
    w.pass(secs(90));
    assert!(w.judge().await.is_empty());
    w.pass(secs(10));
    assert_eq!(w.judge().await, [(job.worker, "no sign of life for 1m 40s".to_owned())]);
});

proves!(w21_a_gap_moves_every_deadline, |w| {
    w.rules.inactivity = Some(secs(100));
    let waiting = w.report().await;
    w.surface_due().await;
    let job = {
        w.begin().await;
        waiting
    };
    let unseen = w.report().await;
    let before = (deadline(&w, &job).await.unwrap(), progress_deadline(&w, &job).await.unwrap());
    w.pass(secs(7_200));
    w.engine.write(ExtendDeadlines { by: secs(7_200) }).await.unwrap();
    assert!(w.judge().await.is_empty());
    assert_eq!(w.count(&unseen, "ack_missed").await, 0);
    let after = (deadline(&w, &job).await.unwrap(), progress_deadline(&w, &job).await.unwrap());
    assert_eq!(after, (before.0.plus(secs(7_200)), before.1.plus(secs(7_200))));
    w.pass(secs(101));
    assert_eq!(w.judge().await.len(), 1, "and then they hold again");
});

proves!(w20_a_question_rests_the_progress_deadline_and_the_answer_resumes_it, |w| {
    let job = w.running().await;
    w.pass(secs(10));
    assert_eq!(ask(&mut w, &job, 1, "Go on?").await, Asked::Waiting(1));
    assert_eq!(w.worker_state(&job).await, WorkerState::WaitingForInput);
    assert_eq!(progress_deadline(&w, &job).await, None);
    assert_eq!(deadline(&w, &job).await, Some(w.now.plus(w.rules.question)));
    assert_eq!(w.settings.quotas.person_running, 20);
    let shown = w.surface_due().await;
    assert_eq!(shown.iter().map(|claim| claim.facts.kind).collect::<Vec<_>>(), [Question, Ping]);
    assert_eq!(shown[0].target, w.contract(&job).await.message, "an edit of the worker's own message");
    assert!(shown[0].envelope.body.buttons.iter().any(|button| button.label == "yes"));
    assert!(w.start_edits(&job).await.open.is_empty(), "nothing overwrites it while it waits");

    w.pass(secs(3_000));
    assert!(w.judge().await.is_empty(), "a person's time is not the job's");
    let AnswerDone::Answered { number: 1, choice: 1, text, .. } = press(&mut w, &job, 1, "ana", 1).await else {
        panic!("answered")
    };
    assert_eq!(text, "no");
    assert_eq!(w.worker_state(&job).await, WorkerState::Running);
    assert_eq!(progress_deadline(&w, &job).await, Some(w.now.plus(secs(45))));
    assert_eq!(deadline(&w, &job).await, Some(START.plus(secs(1_800 + 3_000))), "the hard limit moved by the wait");
    assert!(!w.start_edit(&job).await.envelope.body.text.contains("Waiting"));
    // The first press counts.
    assert_eq!(
        press(&mut w, &job, 1, "ana", 0).await,
        AnswerDone::Before { short: job.short.clone(), text: "no".into(), by: "ana".into() }
    );
    assert_eq!(w.count(&job, "answered").await, 1);
});

proves!(w8_a_question_is_a_sign_of_life, |w| {
    let job = w.running().await;
    w.pass(secs(46));
    w.judge().await;
    assert_eq!(w.contract_state(&job).await, ContractState::SlaMissed);
    ask(&mut w, &job, 1, "Go on?").await;
    assert_eq!(w.contract_state(&job).await, ContractState::Progressing);
});

proves!(c3_who_may_not_see_a_job_may_not_answer_it, |w| {
    let job = w.running().await;
    ask(&mut w, &job, 1, "Go on?").await;
    let id = question_id(&w, &job, 1).await;
    let elsewhere = wilco_core::Address::channel("sim", "dev");
    let answer = w.press("eve", elsewhere, Press::Answer { question: id.clone(), choice: 0 }).await;
    assert_eq!(answer, Offered::Answer(AnswerDone::NotFound));
    assert_eq!(press(&mut w, &job, 1, "eve", 0).await, AnswerDone::NotAllowed(job.short.clone()));
    assert_eq!(press(&mut w, &job, 1, "ana", 9).await, AnswerDone::NotFound, "no such choice");
    let answer = w.press("ana", ops(), Press::Answer { question: "nothing".into(), choice: 0 }).await;
    assert_eq!(answer, Offered::Answer(AnswerDone::NotFound));
    assert_eq!(w.worker_state(&job).await, WorkerState::WaitingForInput);
});

proves!(w12_a_question_that_nobody_answers_times_out_and_expires, |w| {
    let job = w.running().await;
    ask(&mut w, &job, 1, "Go on?").await;
    w.surface_due().await;
    w.now = w.now.plus(w.rules.question);
    assert_eq!(w.judge().await, [(job.worker.clone(), "no answer for 1d".to_owned())]);
    w.finish(&job, Ending::bare(EndKind::TimedOut, "no answer for 1d")).await;
    let expired = AnswerDone::Expired { short: job.short.clone(), at: w.now };
    assert_eq!(press(&mut w, &job, 1, "ana", 0).await, expired);
});

/// The hard limit of a job, counted from now.
async fn limit_in(w: &World, job: &Job) -> Duration {
    let rows = w.rows("SELECT hard_deadline FROM workers WHERE id = $1", args![&job.worker]).await;
    rows[0].time("hard_deadline").unwrap().since(w.now)
}

proves!(w20_while_any_of_several_questions_is_open_the_hard_limit_rests, |w| {
    let job = w.running().await;
    let left = limit_in(&w, &job).await;
    ask(&mut w, &job, 1, "First?").await;
    w.pass(secs(100));
    ask(&mut w, &job, 2, "Second?").await;
    w.pass(secs(100));
    press(&mut w, &job, 1, "ana", 0).await;
    assert_eq!(w.worker_state(&job).await, WorkerState::WaitingForInput);
    w.pass(secs(100));
    press(&mut w, &job, 2, "ana", 0).await;
    assert_eq!(w.worker_state(&job).await, WorkerState::Running);
    assert_eq!(limit_in(&w, &job).await, left, "the time that people took does not count");
    // One after the other counts once as well.
    ask(&mut w, &job, 3, "Third?").await;
    w.pass(secs(50));
    press(&mut w, &job, 3, "ana", 0).await;
    assert_eq!(limit_in(&w, &job).await, left);
});

proves!(w20_an_answer_to_a_job_that_does_not_wait_gives_it_no_time, |w| {
    w.rules = KindSettings { on_interrupt: OnInterrupt::Rerun, ..w.rules };
    let job = w.running().await;
    ask(&mut w, &job, 1, "Go on?").await;
    w.pass(secs(100));
    w.recover("two", true).await;
    w.begin().await;
    let left = limit_in(&w, &job).await;
    // The new run has not come to its question yet.
    press(&mut w, &job, 1, "ana", 0).await;
    assert_eq!(limit_in(&w, &job).await, left);
    assert_eq!(ask(&mut w, &job, 1, "Go on?").await, Asked::Answered(0));
});

proves!(w20_an_answer_during_a_rest_leaves_the_hard_limit_in_force, |w| {
    let job = w.running().await;
    ask(&mut w, &job, 1, "Go on?").await;
    assert!(w.rests(&job, secs(3_600)).await.is_some());
    press(&mut w, &job, 1, "ana", 0).await;
    w.pass(limit_in(&w, &job).await);
    let judged = w.judge().await;
    assert_eq!(judged.iter().map(|(worker, _)| worker).collect::<Vec<_>>(), [&job.worker], "{judged:?}");
});

proves!(r18_a_question_that_is_still_due_never_overwrites_the_result, |w| {
    let job = w.running().await;
    ask(&mut w, &job, 1, "Go on?").await;
    let question = w.claim_one(Question).await;
    w.answer(&question, retry()).await;
    w.done(&job, "the result").await;
    let states = w.states(&job.contract).await;
    assert!(states.contains(&(Question, 1, 0, Failed)), "{states:?}");
    w.pass(secs(3_600));
    let shown: Vec<_> = w.surface_due().await.iter().map(|claim| claim.facts.kind).collect();
    assert_eq!(shown, [Content]);
});

proves!(r18_a_question_in_flight_at_the_end_is_waited_for_and_not_repeated, |w| {
    let job = w.running().await;
    ask(&mut w, &job, 1, "Go on?").await;
    let question = w.claim_one(Question).await;
    w.done(&job, "the result").await;
    assert!(w.claim().await.is_empty(), "one call at a time on one message");
    assert!(!matches!(w.answer(&question, ambiguous()).await, wilco_store::changes::Settled::Surfaced));
    w.pass(secs(15));
    let fill = w.claim_one(Content).await;
    w.surface(&fill).await;
    assert!(w.receipt(&job.content).await.opt_time("reassert_at").unwrap().is_some(), "the late edit may land on top");
    w.pass(secs(45));
    let again = w.claim_one(Content).await;
    assert!(again.reassert);
    assert_eq!(w.contract_state(&job).await, ContractState::TerminalAcked);
});

proves!(w20_a_question_that_was_answered_elsewhere_is_not_shown_any_more, |w| {
    let job = w.running().await;
    ask(&mut w, &job, 1, "Go on?").await;
    let question = w.claim_one(Question).await;
    w.answer(&question, retry()).await;
    press(&mut w, &job, 1, "ana", 0).await;
    w.pass(secs(5));
    assert!(w.claim().await.iter().all(|claim| claim.facts.kind != Question));
    let states = w.states(&job.contract).await;
    assert!(states.contains(&(Question, 1, 0, Failed)), "{states:?}");
    w.record(&job, "on it again").await;
    assert_eq!(w.start_edits(&job).await.open.len(), 1, "progress goes on");
});

proves!(u1_a_rerun_asks_under_the_same_number_and_shows_an_open_question_again, |w| {
    w.rules = KindSettings { on_interrupt: OnInterrupt::Rerun, ..w.rules };
    let job = w.running().await;
    ask(&mut w, &job, 1, "First?").await;
    w.surface_due().await;
    press(&mut w, &job, 1, "ana", 1).await;
    ask(&mut w, &job, 2, "Second?").await;
    w.surface_due().await;
    assert_eq!(w.recover("two", true).await.rerun, 1);
    assert_eq!(w.begin().await[0].input.rerun, 1);
    // Progress of the second run overwrites the question.
    let edit = w.start_edit(&job).await;
    let message = edit.message.clone();
    w.end_edit(&edit, wilco_core::DeliveryOutcome::Surfaced(message)).await;

    assert_eq!(ask(&mut w, &job, 1, "First?").await, Asked::Answered(1), "not asked twice");
    assert_eq!(ask(&mut w, &job, 2, "Second?").await, Asked::Waiting(2));
    let shown: Vec<_> = w.surface_due().await.iter().map(|claim| claim.facts.kind).collect();
    assert_eq!(shown, [Question], "shown again, without a second ping");
    assert_eq!(w.count(&job, "question").await, 2);
    let AnswerDone::Answered { number: 2, .. } = press(&mut w, &job, 2, "ana", 0).await else { panic!("answered") };
    // A run that asks something else takes the next free number.
    assert_eq!(ask(&mut w, &job, 2, "Third?").await, Asked::Waiting(3));
    let states = w.states(&job.contract).await;
    assert!(states.contains(&(Question, 3, 0, Pending)) && states.contains(&(Question, 2, 1, Surfaced)), "{states:?}");
});

proves!(c1_a_job_that_is_being_stopped_asks_and_answers_nothing, |w| {
    let job = w.running().await;
    ask(&mut w, &job, 1, "Go on?").await;
    let place = wilco_core::Place::public(ops());
    w.cancel("ana", place, Some(job.short.as_str()), "enough").await;
    assert_eq!(ask(&mut w, &job, 2, "And now?").await, Asked::Stopped);
    assert!(matches!(press(&mut w, &job, 1, "ana", 0).await, AnswerDone::Expired { .. }));
    assert_eq!(w.worker_state(&job).await, WorkerState::Cancelling);
    assert_eq!(w.count(&job, "answered").await, 0);
    w.surface_due().await;
    assert!(w.events(&job).await.iter().all(|event| !matches!(event, Event::Answered { .. })));
    assert!(w.start_edit(&job).await.envelope.body.text.starts_with("Cancelling"));
});

proves!(r18_a_question_over_an_edit_in_doubt_is_asserted_while_it_is_open, |w| {
    let job = w.running().await;
    w.record(&job, "one").await;
    let edit = w.start_edit(&job).await;
    w.end_edit(&edit, ambiguous()).await;
    ask(&mut w, &job, 1, "Go on?").await;
    w.surface_due().await;
    w.pass(secs(45));
    let again = w.claim_one(Question).await;
    assert!(again.reassert, "nothing else would bring the buttons back");
    w.surface(&again).await;
    w.pass(secs(600));
    assert!(w.claim().await.is_empty());

    press(&mut w, &job, 1, "ana", 0).await;
    w.record(&job, "two").await;
    let edit = w.start_edit(&job).await;
    w.end_edit(&edit, ambiguous()).await;
    ask(&mut w, &job, 2, "Really?").await;
    w.surface_due().await;
    press(&mut w, &job, 2, "ana", 0).await;
    w.pass(secs(45));
    assert!(w.claim().await.is_empty(), "an answered question is not repeated");
});

proves!(r9_w6_a_stub_is_not_hurried_into_a_silence_that_was_asked_for_while_it_was_due_later, |w| {
    let job = w.report().await;
    let limit = w.contract_row(&job.contract).await.opt_time("ack_deadline").unwrap().unwrap();
    loop {
        let claim = w.claim_one(Stub).await;
        w.answer(&claim, retry()).await;
        let due = w.receipt(&job.stub).await.opt_time("due_at").unwrap().unwrap();
        if due > limit.plus(secs(2)) {
            break;
        }
        w.now = due;
    }
    w.report().await;
    let other = w.claim_one(Stub).await;
    let delay = limit.since(w.now) + secs(1);
    w.answer(&other, NotSurfaced::RetryAfter { delay, scope: Scope::Chat }).await;
    w.now = limit;
    w.judge().await;
    assert!(w.claim().await.is_empty(), "the deadline is no reason to break the silence");
    w.pass(secs(1));
    assert_eq!(w.claim_one(Stub).await.envelope.receipt, other.envelope.receipt);
});
