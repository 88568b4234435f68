//! Progress edits: paced, one call per message, and never the last word.

use wilco_core::DeliveryOutcome;
use wilco_core::contract::ContractState;
use wilco_core::receipt::ReceiptKind::{Content, File, Question, Stub};
use wilco_core::receipt::Shape;
use wilco_core::worker::{EndKind, Ending};
use wilco_core::{Address, FileRef, NotSurfaced, Press, Scope};
use wilco_store::changes::{ResumeAccounts, Settled};

use crate::support::*;

async fn applied(w: &mut World, edit: &wilco_store::changes::EditClaim) {
    let message = edit.message.clone();
    w.end_edit(edit, DeliveryOutcome::Surfaced(message)).await;
}

proves!(m1_m6_the_newest_text_is_one_paced_edit_of_the_one_message, |w| {
    let job = w.running().await;
    w.record(&job, "one").await;
    w.record(&job, "two").await;
    let edit = w.start_edit(&job).await;
    assert_eq!(Some(&edit.message), w.contract(&job).await.message.as_ref());
    assert!(edit.envelope.body.text.contains("two") && edit.envelope.receipt.is_none());
    let row = w.contract_row(&job.contract).await;
    assert!(row.flag("edit_open").unwrap(), "stored before the call");
    assert_eq!(row.time("edit_until").unwrap(), w.now.plus(secs(15)));
    w.record(&job, "three").await;
    let busy = w.start_edits(&job).await;
    assert_eq!((busy.open.len(), busy.later), (0, Some(w.now.plus(secs(15)))), "one call at a time");
    applied(&mut w, &edit).await;
    let paced = w.start_edits(&job).await;
    assert_eq!((paced.open.len(), paced.later), (0, Some(w.now.plus(secs(3)))));
    w.pass(secs(3));
    let edit = w.start_edit(&job).await;
    applied(&mut w, &edit).await;
    w.pass(secs(3));
    assert!(w.start_edits(&job).await.open.is_empty(), "W14: the same text is no edit");
    let row = w.contract_row(&job.contract).await;
    assert!(!row.flag("edit_open").unwrap() && row.opt_time("edit_until").unwrap().is_none());
});

proves!(m6_a_chat_that_asks_for_silence_gets_it_for_progress_and_result, |w| {
    let job = w.running().await;
    w.record(&job, "one").await;
    let edit = w.start_edit(&job).await;
    w.done(&job, "the result").await;
    w.end_edit(&edit, NotSurfaced::RetryAfter { delay: secs(30), scope: Scope::Chat }).await;
    assert!(w.claim().await.is_empty(), "closing the window does not break the park");
    w.pass(secs(30));
    w.claim_one(Content).await;

    let job = w.running().await;
    w.record(&job, "one").await;
    let edit = w.start_edit(&job).await;
    w.report().await;
    let stub = w.claim_one(Stub).await;
    w.answer(&stub, NotSurfaced::RetryAfter { delay: secs(30), scope: Scope::Chat }).await;
    w.done(&job, "the result").await;
    applied(&mut w, &edit).await;
    assert!(w.claim().await.is_empty(), "nor when the result became due during the park");
});

fn wait(seconds: u64, scope: Scope) -> NotSurfaced {
    NotSurfaced::RetryAfter { delay: secs(seconds), scope }
}

proves!(r9_m6_a_message_that_asks_for_silence_gets_it_and_nothing_else_does, |w| {
    let (job, other) = (w.running().await, w.running().await);
    w.record(&job, "one").await;
    let edit = w.start_edit(&job).await;
    w.end_edit(&edit, wait(600, Scope::Message)).await;
    w.pass(secs(3));
    w.record(&job, "two").await;
    let later = w.start_edits(&job).await;
    assert_eq!((later.open.len(), later.later), (0, Some(w.now.plus(secs(597)))), "progress waits");
    w.record(&other, "one").await;
    let beside = w.start_edit(&other).await;
    applied(&mut w, &beside).await;
    w.pass(secs(597));
    let edit = w.start_edit(&job).await;
    assert!(edit.envelope.body.text.contains("two"));
    w.end_edit(&edit, wait(600, Scope::Message)).await;
    w.done(&job, "the result").await;
    w.done(&other, "the result").await;
    assert_eq!(w.claim_one(Content).await.target, Some(beside.message), "the chat is not silent");
    w.pass(secs(599));
    assert!(w.claim().await.is_empty(), "the result waits, too");
    w.pass(secs(1));
    assert_eq!(w.claim_one(Content).await.target, Some(edit.message), "and no longer than it was asked to");
});

proves!(r9_the_silence_of_a_message_outlives_a_crash, |w| {
    w.rules.on_interrupt = wilco_core::worker::OnInterrupt::Rerun;
    let job = w.running().await;
    w.record(&job, "one").await;
    let edit = w.start_edit(&job).await;
    w.end_edit(&edit, wait(600, Scope::Message)).await;
    w.recover("two", true).await;
    w.begin().await;
    w.record(&job, "again").await;
    assert!(w.start_edits(&job).await.open.is_empty());
    w.done(&job, "the result").await;
    w.recover("three", true).await;
    w.pass(secs(599));
    assert!(w.claim().await.is_empty());
    w.pass(secs(1));
    w.claim_one(Content).await;
});

proves!(r9_a_short_silence_of_a_message_is_over_when_it_is_over, |w| {
    let job = w.running().await;
    w.record(&job, "one").await;
    let edit = w.start_edit(&job).await;
    // The result first waits for the time limit of the edit, then only as long as the answer says.
    w.done(&job, "the result").await;
    assert!(w.claim().await.is_empty());
    w.end_edit(&edit, wait(2, Scope::Message)).await;
    assert!(w.claim().await.is_empty());
    assert_eq!(w.engine.read(wilco_store::reads::NextDue).await.unwrap().outbox, Some(w.now.plus(secs(2))));
    w.pass(secs(2));
    w.claim_one(Content).await;
});

proves!(r9_the_result_waits_as_long_as_the_question_in_its_message_was_told_to, |w| {
    let job = w.running().await;
    w.ask(&job).await;
    let question = w.claim_one(Question).await;
    w.answer(&question, wait(600, Scope::Message)).await;
    w.finish(&job, Ending::bare(EndKind::TimedOut, "nobody answered")).await;
    w.recover("two", true).await;
    w.pass(secs(599));
    assert!(w.claim().await.is_empty(), "the same message, whoever edits it");
    w.pass(secs(1));
    w.claim_one(Content).await;
});

proves!(r9_progress_waits_as_long_as_the_repeated_question_was_told_to, |w| {
    let job = w.running().await;
    let question_id = w.ask(&job).await;
    let question = w.claim_one(Question).await;
    w.answer(&question, ambiguous()).await;
    w.pass(secs(5));
    w.surface_due().await;
    w.pass(secs(45));
    let again = w.claim_one(Question).await;
    assert!(again.reassert);
    w.answer(&again, wait(600, Scope::Message)).await;
    w.press("ana", ops(), Press::Answer { question: question_id, choice: 0 }).await;
    let later = w.start_edits(&job).await;
    assert_eq!((later.open.len(), later.later), (0, Some(w.now.plus(secs(600)))));
});

proves!(r9_what_an_edit_says_of_its_account_is_kept_when_its_message_was_replaced_meanwhile, |w| {
    let job = w.running().await;
    w.record(&job, "one").await;
    let edit = w.start_edit(&job).await;
    w.done(&job, "the result").await;
    w.pass(secs(15));
    let fill = w.claim_one(Content).await;
    w.answer(&fill, deleted()).await;
    w.end_edit(&edit, wait(600, Scope::Account)).await;
    assert!(w.claim().await.is_empty(), "the new stub waits");
    w.pass(secs(600));
    w.claim_one(Stub).await;
});

proves!(m6_r9_a_paused_account_gets_no_progress_until_it_works_again, |w| {
    let (job, other) = (w.running().await, w.running().await);
    w.record(&job, "one").await;
    let edit = w.start_edit(&job).await;
    w.end_edit(&edit, NotSurfaced::StopAccount(cause())).await;
    w.pass(secs(60));
    for job in [&job, &other] {
        w.record(job, "two").await;
        let windows = w.start_edits(job).await;
        assert_eq!((windows.open.len(), windows.later), (0, None), "only a person can say when that is over");
    }
    w.engine.write(ResumeAccounts { now: w.now }).await.unwrap();
    for job in [&job, &other] {
        assert!(w.start_edit(job).await.envelope.body.text.contains("two"));
    }
});

proves!(r18_the_fill_waits_for_an_edit_under_way_and_is_woken_by_its_end, |w| {
    let job = w.running().await;
    w.record(&job, "one").await;
    let edit = w.start_edit(&job).await;
    w.done(&job, "the result").await;
    assert!(w.claim().await.is_empty());
    w.pass(secs(2));
    applied(&mut w, &edit).await;
    let fill = w.claim_one(Content).await;
    w.surface(&fill).await;
    assert_eq!(w.receipt(&job.content).await.opt_time("reassert_at").unwrap(), None, "nothing is in doubt");
    assert!(w.start_edits(&job).await.open.is_empty(), "no edit after the terminal commit");
    assert_eq!(w.contract_state(&job).await, ContractState::TerminalAcked);
});

proves!(r18_after_the_time_limit_the_fill_goes_and_is_asserted_again, |w| {
    let job = w.running().await;
    w.record(&job, "one").await;
    let edit = w.start_edit(&job).await;
    w.done(&job, "the result").await;
    w.pass(secs(15));
    let fill = w.claim_one(Content).await;
    // The edit is answered while the fill is under way: which of them landed last is not known.
    w.pass(secs(1));
    applied(&mut w, &edit).await;
    w.surface(&fill).await;
    assert_eq!(w.contract_state(&job).await, ContractState::TerminalAcked, "the contract closes at the fill");
    w.pass(secs(44));
    assert!(w.claim().await.is_empty());
    w.pass(secs(1));
    let again = w.claim_one(Content).await;
    assert!(again.reassert && again.target == Some(edit.message.clone()));
    assert!(again.envelope.body.text.contains("the result"));
    w.surface(&again).await;
    w.pass(secs(3_600));
    assert!(w.claim().await.is_empty(), "once");
});

proves!(r18_an_edit_in_doubt_sets_the_reassert_and_a_crash_keeps_it, |w| {
    let job = w.running().await;
    w.record(&job, "one").await;
    let edit = w.start_edit(&job).await;
    w.end_edit(&edit, ambiguous()).await;
    assert!(w.contract_row(&job.contract).await.flag("edit_open").unwrap());
    w.done(&job, "the result").await;
    let fill = w.claim_one(Content).await;
    w.surface(&fill).await;
    w.recover("two", true).await;
    w.pass(secs(45));
    let again = w.claim_one(Content).await;
    assert!(again.reassert);
    // The repetition itself is lost in a crash: it is due again after its lease.
    w.recover("three", true).await;
    assert!(w.claim().await.is_empty());
    w.pass(secs(60));
    let again = w.claim_one(Content).await;
    assert!(again.reassert);
    // While it is in doubt or refused for a while, it is repeated, but not for ever.
    let mut rounds = 0;
    let mut claim = again;
    loop {
        rounds += 1;
        assert!(rounds < 50);
        w.answer(&claim, ambiguous()).await;
        let Some(due) = w.engine.read(wilco_store::reads::NextDue).await.unwrap().outbox else { break };
        w.now = due;
        claim = w.claim_one(Content).await;
        assert!(claim.reassert);
    }
    assert!(rounds > 5);
    assert_eq!(w.contract_state(&job).await, ContractState::TerminalAcked);
});

proves!(r18_a_repetition_that_is_refused_in_its_shape_is_repeated_plainer, |w| {
    for (refusal, shapes) in [
        (NotSurfaced::Reshape(cause()), vec![Shape::Plain, Shape::Excerpt]),
        (NotSurfaced::Bug(cause()), vec![Shape::Excerpt]),
    ] {
        let job = w.running().await;
        w.record(&job, "one").await;
        let edit = w.start_edit(&job).await;
        w.end_edit(&edit, ambiguous()).await;
        w.done(&job, "the result").await;
        let fill = w.claim_one(Content).await;
        w.surface(&fill).await;
        w.pass(secs(45));
        let mut again = w.claim_one(Content).await;
        for shape in shapes {
            assert!(again.reassert);
            assert!(matches!(w.answer(&again, refusal.clone()).await, Settled::RetryScheduled { .. }));
            again = w.claim_one(Content).await;
            assert_eq!((again.reassert, again.facts.shape), (true, shape));
            assert_eq!(w.receipt(&job.content).await.text("shape").unwrap(), "rich", "what stands there is no plainer");
        }
        // Nothing is plainer than that, and what was accepted first is what stands there.
        assert_eq!(w.answer(&again, refusal.clone()).await, Settled::Surfaced);
        let row = w.receipt(&job.content).await;
        assert_eq!((row.text("shape").unwrap().as_str(), row.opt_text("reassert_shape").unwrap()), ("rich", None));
        assert_eq!(w.contract_state(&job).await, ContractState::TerminalAcked);
        w.pass(secs(3_600));
        assert!(w.claim().await.is_empty());
    }
});

proves!(r18_a_repetition_that_is_accepted_plainer_is_what_stands_there, |w| {
    let job = w.running().await;
    w.record(&job, "one").await;
    let edit = w.start_edit(&job).await;
    w.end_edit(&edit, ambiguous()).await;
    w.done(&job, "the result").await;
    let fill = w.claim_one(Content).await;
    w.surface(&fill).await;
    w.pass(secs(45));
    let again = w.claim_one(Content).await;
    w.answer(&again, NotSurfaced::Reshape(cause())).await;
    // A wait in between changes nothing about the shape.
    let again = w.claim_one(Content).await;
    w.answer(&again, NotSurfaced::RetryAfter { delay: secs(10), scope: Scope::Message }).await;
    w.pass(secs(10));
    let again = w.claim_one(Content).await;
    assert_eq!((again.reassert, again.facts.shape), (true, Shape::Plain));
    w.surface(&again).await;
    let row = w.receipt(&job.content).await;
    assert_eq!((row.text("shape").unwrap().as_str(), row.opt_text("reassert_shape").unwrap()), ("plain", None));
});

proves!(r9_r18_the_repetition_waits_as_long_as_its_account_was_told_to, |w| {
    let job = w.running().await;
    w.record(&job, "one").await;
    let edit = w.start_edit(&job).await;
    w.end_edit(&edit, ambiguous()).await;
    w.done(&job, "the result").await;
    let fill = w.claim_one(Content).await;
    w.surface(&fill).await;
    w.pass(secs(40));
    w.report().await;
    let stub = w.claim_one(Stub).await;
    w.answer(&stub, NotSurfaced::RetryAfter { delay: secs(60), scope: Scope::Account }).await;
    // The repetition was due after 45 s; the account is silent until 100 s.
    w.pass(secs(59));
    assert!(w.claim().await.is_empty(), "a repetition may not break the silence");
    w.pass(secs(1));
    let claims = w.claim().await;
    assert!(claims.iter().any(|claim| claim.reassert) && claims.iter().any(|claim| !claim.reassert));
});

proves!(r9_r18_the_repetition_waits_as_long_as_the_chat_to_which_its_message_moved_was_told_to, |w| {
    let job = w.running().await;
    w.record(&job, "one").await;
    let edit = w.start_edit(&job).await;
    w.end_edit(&edit, ambiguous()).await;
    let file = FileRef { name: "a.csv".into(), path: "/results/a.csv".into(), size: 100 };
    w.finish(&job, Ending { files: vec![file], ..Ending::bare(EndKind::Done, "the result") }).await;
    for kind in [Stub, Content] {
        let claim = w.claim_one(kind).await;
        w.surface(&claim).await;
    }
    // Its file is still on its way when the chat moves, which another job hears of.
    w.claim_one(File).await;
    let to = Address::channel("sim", "ops-2");
    w.report().await;
    let stub = w.claim_one(Stub).await;
    w.answer(&stub, NotSurfaced::Moved(to.clone())).await;
    let stub = w.claim_one(Stub).await;
    w.answer(&stub, NotSurfaced::RetryAfter { delay: secs(60), scope: Scope::Chat }).await;
    w.pass(secs(59));
    assert!(w.claim().await.is_empty(), "a repetition may not break the silence of the new chat");
    w.pass(secs(1));
    let claims = w.claim().await;
    let again = claims.iter().find(|claim| claim.reassert).unwrap();
    assert_eq!(again.target.as_ref().map(|message| &message.address), Some(&to));
});

proves!(r18_a_doubt_counts_anew_from_the_start_of_a_process_whose_clock_was_set, |w| {
    let job = w.running().await;
    w.record(&job, "one").await;
    let edit = w.start_edit(&job).await;
    w.end_edit(&edit, ambiguous()).await;
    // The wall clock is set an hour forward, and the next process takes its time from there.
    w.pass(secs(3_600));
    w.recover("two", true).await;
    let fill = w.claim_one(Content).await;
    w.surface(&fill).await;
    w.surface_due().await;
    w.pass(secs(45));
    assert!(w.claim_one(Content).await.reassert);
});

proves!(r18_an_edit_that_was_open_in_a_crash_counts_as_in_doubt, |w| {
    let job = w.running().await;
    w.record(&job, "one").await;
    w.start_edit(&job).await;
    w.recover("two", true).await;
    let fill = w.claim_one(Content).await;
    assert!(fill.envelope.body.text.starts_with("Interrupted"), "{}", fill.envelope.body.text);
    w.surface(&fill).await;
    w.pass(secs(45));
    assert!(w.claim_one(Content).await.reassert);
});

proves!(r18_an_ambiguous_fill_is_sent_again_and_asserted, |w| {
    let job = w.running().await;
    w.done(&job, "the result").await;
    let fill = w.claim_one(Content).await;
    w.answer(&fill, ambiguous()).await;
    w.pass(secs(5));
    let fill = w.claim_one(Content).await;
    assert!(!fill.doubt, "an edit is not looked up");
    w.surface(&fill).await;
    w.pass(secs(45));
    let again = w.claim_one(Content).await;
    assert!(again.reassert);
    assert_eq!(w.contract_state(&job).await, ContractState::TerminalAcked);
});

proves!(m3_a_deleted_progress_message_is_replaced_at_the_end_and_not_before, |w| {
    let job = w.running().await;
    w.record(&job, "one").await;
    let edit = w.start_edit(&job).await;
    w.end_edit(&edit, deleted()).await;
    assert!(w.claim().await.is_empty());
    w.done(&job, "x").await;
    let fill = w.claim_one(Content).await;
    w.answer(&fill, deleted()).await;
    let kinds: Vec<_> = w.surface_due().await.iter().map(|claim| claim.facts.kind).collect();
    assert_eq!(kinds, [Stub, Content]);
});

proves!(m5_the_message_survives_a_restart_and_a_late_answer_of_another_one_changes_nothing, |w| {
    w.rules.on_interrupt = wilco_core::worker::OnInterrupt::Rerun;
    let job = w.running().await;
    w.record(&job, "one").await;
    let edit = w.start_edit(&job).await;
    w.recover("two", true).await;
    w.begin().await;
    let again = w.start_edit(&job).await;
    assert_eq!(again.message, edit.message);
    let mut other = edit.clone();
    other.message.message = "another".into();
    w.end_edit(&other, ambiguous()).await;
    assert!(w.contract_row(&job.contract).await.opt_time("edit_until").unwrap().is_some());
});
