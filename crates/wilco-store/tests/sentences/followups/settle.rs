//! Settling: the end of the job is the end of its occurrence, and what that means for the follow-up.

use wilco_core::followup::{FollowupAct, Wanted};
use wilco_core::worker::{EndKind, Ending, WorkerState};
use wilco_core::{Place, wording};
use wilco_store::args;
use wilco_store::changes::Offered;

use super::support::*;
use crate::support::*;

const FOLLOWUPS: &str = "SELECT COUNT(*) AS n FROM followups";
const OCCURRENCES: &str = "SELECT COUNT(*) AS n FROM occurrences";

proves!(f22_a_job_that_is_done_is_a_success_and_a_one_shot_is_over, |w| {
    let short = w.ana_schedules(once(&w, minutes(30))).await;
    w.pass(minutes(30));
    let job = w.fired().await;
    assert_eq!(w.story(&short).await, ["+30m running"]);
    w.pass(minutes(3));
    w.done(&job, "fine").await;
    assert_eq!(w.story(&short).await, ["+30m success"]);
    assert_eq!(w.occurrences(&short).await[0].opt_time("settled_at").unwrap(), Some(w.now));
    let row = w.followup(&short).await;
    assert_eq!((row.text("state").unwrap(), row.opt_time("ended_at").unwrap()), ("ended".into(), Some(w.now)));
    assert_eq!((row.opt_text("reason").unwrap(), row.int("failures").unwrap()), (None, 0));
    assert!(w.notices().await.is_empty(), "its own message says it");
});

proves!(f11_every_other_end_of_a_job_is_a_failure_with_its_reason, |w| {
    let ends = [
        (Ending::bare(EndKind::Failed, "exit 2"), "failed: exit 2"),
        (Ending::bare(EndKind::Failed, ""), "failed"),
        (Ending::bare(EndKind::TimedOut, "no output for 5m"), "timed out: no output for 5m"),
    ];
    for (ending, words) in ends {
        let short = w.ana_schedules(once(&w, minutes(5))).await;
        w.pass(minutes(5));
        let job = w.fired().await;
        w.finish(&job, ending).await;
        let reason = format!("{} {words}", job.short);
        let story = w.story(&short).await;
        assert!(story.len() == 1 && story[0].ends_with(&format!(" failed: {reason}")), "{story:?}");
        assert_eq!(w.standing(&short).await, format!("ended: {reason}"));
        assert_eq!(w.followup(&short).await.int("failures").unwrap(), 1);
    }
    w.pass(minutes(600));
    assert!(w.claims().await.firings.is_empty(), "a failed one-shot does not stay due");
    assert!(w.notices().await.is_empty(), "the messages of the jobs say what happened");
});

proves!(f11_a_job_that_was_lost_with_its_process_failed, |w| {
    let short = w.ana_schedules(once(&w, minutes(30))).await;
    w.pass(minutes(30));
    let job = w.fired().await;
    w.recover("two", true).await;
    assert_eq!(w.worker_state(&job).await, WorkerState::Interrupted);
    let story = w.story(&short).await;
    assert!(story[0].starts_with(&format!("+30m failed: {} was interrupted: ", job.short)), "{story:?}");
    assert!(w.standing(&short).await.starts_with("ended: "));
});

proves!(f15_a_job_that_a_person_cancelled_cancels_its_occurrence_alone, |w| {
    let (again, single) = (w.ana_schedules(every(&w, 30)).await, w.ana_schedules(once(&w, minutes(60))).await);
    for short in [&again, &single] {
        w.pass(minutes(30));
        let mut firings = w.claims().await.firings;
        firings.retain(|firing| firing.short == *short);
        let job = w.fire(&firings[0]).await;
        w.begin().await;
        let cancelled = w.cancel("ana", thread_place("ana"), Some(job.short.as_str()), "wrong month").await;
        assert!(matches!(cancelled, Offered::Cancel(Ok(_))), "{cancelled:?}");
        w.finish(&job, Ending::bare(EndKind::Cancelled, "")).await;
        let story = w.story(short).await;
        assert!(
            story.iter().any(|line| line.ends_with(&format!(" cancelled: {} was cancelled", job.short))),
            "{story:?}"
        );
        assert_eq!(w.followup(short).await.int("failures").unwrap(), 0, "nobody failed");
    }
    assert_eq!(w.followup(&again).await.text("state").unwrap(), "pending", "it goes on");
    assert_eq!(w.followup(&single).await.text("state").unwrap(), "ended");
});

proves!(f15_a_job_that_was_cancelled_before_it_began_cancels_its_occurrence, |w| {
    let short = w.ana_schedules(once(&w, minutes(30))).await;
    w.pass(minutes(30));
    let firing = w.firing().await;
    let job = w.fire(&firing).await;
    w.cancel("ana", thread_place("ana"), Some(job.short.as_str()), "never mind").await;
    assert_eq!(w.worker_state(&job).await, WorkerState::Cancelled);
    assert_eq!(w.story(&short).await, [format!("+30m cancelled: {} was cancelled", job.short)]);
});

proves!(failures_in_a_row_are_counted_and_a_success_starts_anew, |w| {
    let short = w.ana_schedules(every(&w, 30)).await;
    for failures in 1..=4 {
        w.pass(minutes(30));
        w.fails_once().await;
        assert_eq!(w.followup(&short).await.int("failures").unwrap(), failures);
    }
    w.pass(minutes(30));
    let job = w.fired().await;
    w.done(&job, "fine").await;
    assert_eq!(w.followup(&short).await.int("failures").unwrap(), 0);
    assert_eq!(w.standing(&short).await, "pending");
});

proves!(after_so_many_failures_it_rests_and_its_owner_is_told_once, |w| {
    w.settings.followups.pause_after = 2;
    let short = w.ana_schedules(every(&w, 30)).await;
    // What holds later does not change what held when it was scheduled.
    w.settings.followups.pause_after = 9;
    w.pass(minutes(30));
    w.fails_once().await;
    assert!(w.notices().await.is_empty());
    w.pass(minutes(30));
    let job = w.fired().await;
    w.finish(&job, Ending::bare(EndKind::Failed, "exit 2")).await;
    let why = format!("{} failed: exit 2", job.short);
    assert_eq!(w.standing(&short).await, format!("paused: 2 failures in a row, the last one: {why}"));
    assert_eq!(w.story(&short).await[2], "+90m scheduled without a time");
    let notices = w.notices().await;
    assert_eq!(notices, [(wording::paused(&short, 2, &why, &deploy()), "ops/t1".to_owned())]);
    w.pass(minutes(300));
    assert!(w.claims().await.firings.is_empty());

    // Resumed, it starts anew; its next failure is the first one.
    w.ana(&short, FollowupAct::Resume).await;
    assert_eq!(w.followup(&short).await.int("failures").unwrap(), 0);
    w.pass(minutes(30));
    w.fails_once().await;
    assert_eq!((w.standing(&short).await, w.notices().await.len()), ("pending".into(), 1));
});

proves!(a_failed_run_by_hand_of_a_paused_one_is_no_further_notice, |w| {
    w.settings.followups.pause_after = 1;
    let short = w.ana_schedules(every(&w, 30)).await;
    w.pass(minutes(30));
    w.fails_once().await;
    assert_eq!(w.notices().await.len(), 1);
    w.ana(&short, FollowupAct::Run).await;
    w.fails_once().await;
    assert_eq!(w.notices().await.len(), 1, "its owner knows that it rests");
    assert!(w.standing(&short).await.starts_with("paused: "));
});

proves!(f5_a_job_that_rests_between_attempts_has_not_ended, |w| {
    let short = w.ana_schedules(every(&w, 30)).await;
    w.pass(minutes(30));
    let job = w.fired().await;
    assert!(w.rests(&job, minutes(45)).await.is_some());
    assert_eq!(w.story(&short).await, ["+30m running", "+60m scheduled"]);
    assert_eq!(w.followup(&short).await.int("failures").unwrap(), 0, "an attempt is no run");
    w.pass(minutes(30));
    assert!(w.claims().await.firings.is_empty());
    assert_eq!(w.story(&short).await[1], format!("+60m skipped: overlap: {} still ran", job.short));
    w.pass(minutes(15));
    assert_eq!(w.begin().await.len(), 1);
    w.done(&job, "fine").await;
    assert_eq!(w.story(&short).await[0], "+30m success");
});

proves!(f9_rows_are_removed_after_success_alone_when_that_was_asked_for, |w| {
    for (ending, left) in [
        (Ending::bare(EndKind::Done, ""), 0),
        (Ending::bare(EndKind::Failed, "exit 2"), 1),
        (Ending::bare(EndKind::TimedOut, "30m"), 2),
    ] {
        w.ana_schedules(Wanted { delete_after_run: true, ..once(&w, minutes(5)) }).await;
        w.pass(minutes(5));
        let job = w.fired().await;
        w.finish(&job, ending).await;
        assert_eq!((w.count_of(FOLLOWUPS).await, w.count_of(OCCURRENCES).await), (left, left));
        w.surface_due().await;
        assert_eq!(w.contract_state(&job).await.name(), "terminal_acked", "the job itself stays and is delivered");
    }
    let cancelled = w.ana_schedules(Wanted { delete_after_run: true, ..once(&w, minutes(5)) }).await;
    w.ana(&cancelled, FollowupAct::Cancel).await;
    assert_eq!(w.standing(&cancelled).await, "cancelled: cancelled by ana", "what was called off can be read");
});

proves!(f9_the_same_request_after_its_rows_are_gone_schedules_nothing_again, |w| {
    let request = w.request("ana", thread_place("ana"), Wanted { delete_after_run: true, ..once(&w, minutes(5)) });
    w.engine.write(request.clone()).await.unwrap();
    w.pass(minutes(5));
    let job = w.fired().await;
    w.done(&job, "fine").await;
    let again = w.engine.write(request).await.unwrap();
    assert_eq!(again, wilco_store::changes::Scheduling::GivenBefore);
    assert_eq!(w.count_of(FOLLOWUPS).await, 0);
});

proves!(f11_a_job_whose_row_cannot_be_read_settles_its_occurrence, |w| {
    let (single, again) = (w.ana_schedules(once(&w, minutes(30))).await, w.ana_schedules(every(&w, 30)).await);
    w.pass(minutes(30));
    for firing in w.claims().await.firings {
        w.fire(&firing).await;
    }
    assert_eq!(w.begin().await.len(), 2);
    w.run_sql("UPDATE workers SET rules = '{' WHERE kind = 'report'", args![]).await;
    assert_eq!(w.recover("two", true).await.ended, 2);
    assert_eq!(w.story(&single).await, ["+30m failed: its job cannot be read"]);
    assert_eq!(w.story(&again).await, ["+30m failed: its job cannot be read", "+60m scheduled"]);
    assert_eq!(w.standing(&single).await, "ended: its job cannot be read", "nothing of it is ahead");
    assert_eq!(w.standing(&again).await, "pending");
    for short in [&single, &again] {
        assert_eq!(w.followup(short).await.int("failures").unwrap(), 1);
    }
    w.pass(minutes(30));
    assert_eq!(w.firing().await.short, again);
});

proves!(f10_a_follow_up_that_was_called_off_while_its_job_ran_stays_called_off, |w| {
    let short = w.ana_schedules(every(&w, 30)).await;
    w.pass(minutes(30));
    let job = w.fired().await;
    w.ana(&short, FollowupAct::Cancel).await;
    assert_eq!(
        w.story(&short).await,
        ["+30m running", "+60m cancelled: cancelled by ana"],
        "a job has a Cancel of its own"
    );
    w.done(&job, "fine").await;
    assert_eq!(w.story(&short).await[0], "+30m success");
    assert_eq!(w.standing(&short).await, "cancelled: cancelled by ana");
});

proves!(f22_a_result_that_nobody_could_be_shown_does_not_change_what_the_job_did, |w| {
    let place = Place { direct: None, ..Place::public(ops()) };
    let set = w.scheduled("ana", place, once(&w, minutes(30))).await;
    w.pass(minutes(30));
    let job = w.fired().await;
    w.done(&job, "fine").await;
    let stub = w.claim_one(wilco_core::receipt::ReceiptKind::Stub).await;
    w.answer(&stub, gone()).await;
    assert_eq!(w.contract_state(&job).await.name(), "terminal_failed");
    assert_eq!(w.story(&set.followup.short).await, ["+30m success"]);
});
