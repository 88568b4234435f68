//! Behind a closed gate: nothing is called, everybody concerned is told once, and what waits runs when it opens.

use wilco_core::followup::{Late, MissedPolicy, OccurrenceState};
use wilco_core::job::Input;
use wilco_core::when::Zone;
use wilco_core::worker::WorkerState;
use wilco_core::{Person, Place, Short, Timestamp, wording};
use wilco_store::changes::{Fired, FiredHow, Firing, NewJob};

use super::support::*;
use crate::support::*;

const WHY: &str = "gate: ";

fn agent_job(w: &World, firing: &Firing) -> NewJob {
    NewJob { backend: Some(claude()), ..w.scheduled_job(firing, "agent") }
}

async fn fire_agent(w: &mut World, firing: &Firing) -> Fired {
    let new = agent_job(w, firing);
    w.fires(firing, start(new)).await
}

/// Lets what is due meet the closed gate.
async fn meets_it(w: &mut World) -> Fired {
    let firing = w.firing().await;
    let fired = fire_agent(w, &firing).await;
    assert_eq!(fired.how, FiredHow::Held);
    fired
}

async fn lines(w: &World, short: &Short) -> Vec<String> {
    let cut = |line: String| line.split(": gate: ").next().unwrap().to_owned();
    w.story(short).await.into_iter().map(cut).collect()
}

proves!(h9_a_one_shot_behind_a_closed_gate_is_skipped_and_waits_for_it, |w| {
    let short = w.ana_schedules(once(&w, minutes(30))).await;
    w.close_gate().await;
    w.pass(minutes(30));
    let jobs = w.count_of("SELECT COUNT(*) AS n FROM workers WHERE kind = 'agent'").await;
    let fired = meets_it(&mut w).await;
    assert_eq!(fired.told[0].status, OccurrenceState::Skipped);
    let reason = fired.told[0].reason.clone().unwrap();
    assert!(reason.starts_with(WHY) && reason.contains("`wilco gate open claude`"), "{reason}");
    assert_eq!(lines(&w, &short).await, ["+30m skipped", "+30m1ms scheduled without a time behind claude"]);
    assert_eq!(w.standing(&short).await, "pending");
    assert_eq!(w.count_of("SELECT COUNT(*) AS n FROM workers WHERE kind = 'agent'").await, jobs, "nothing was started");
    assert_eq!(w.engine.read(wilco_store::reads::NextDue).await.unwrap().followup, None, "and nobody looks each tick");
    w.pass(minutes(60));
    assert!(w.claims().await.firings.is_empty());

    // The person has signed in.
    w.opens_the_gate().await;
    assert_eq!(lines(&w, &short).await[1], "+30m1ms scheduled at +90m");
    let firing = w.firing().await;
    assert_eq!(firing.late.map(|late| late.by_ms), Some(60 * 60_000 - 1), "it says that it is late");
    let new = agent_job(&w, &firing);
    let job = w.fire_job(&firing, new).await;
    w.begin().await;
    w.done(&job, "fine").await;
    assert_eq!(lines(&w, &short).await, ["+30m skipped", "+30m1ms success"]);
    assert_eq!(w.standing(&short).await, "ended");
});

proves!(h9_what_waits_meets_the_same_gate_again_and_waits_on, |w| {
    let short = w.ana_schedules(once(&w, minutes(30))).await;
    w.close_gate().await;
    w.pass(minutes(30));
    meets_it(&mut w).await;
    w.opens_the_gate().await;
    w.close_gate().await;
    w.pass(secs(1));
    meets_it(&mut w).await;
    let lines = lines(&w, &short).await;
    assert_eq!(lines[..2], ["+30m skipped", "+30m1ms skipped"]);
    assert!(lines.len() == 3 && lines[2].ends_with(" scheduled without a time behind claude"), "{lines:?}");
    w.opens_the_gate().await;
    let firing = w.firing().await;
    assert_eq!(firing.short, short);
});

proves!(h9_a_recurring_one_goes_on_by_its_schedule, |w| {
    let short = w.ana_schedules(every(&w, 30)).await;
    w.close_gate().await;
    for _ in 0..2 {
        w.pass(minutes(30));
        meets_it(&mut w).await;
    }
    assert_eq!(lines(&w, &short).await, ["+30m skipped", "+60m skipped", "+90m scheduled"]);
    assert_eq!(w.followup(&short).await.int("failures").unwrap(), 0, "nobody failed");
    w.opens_the_gate().await;
    assert!(w.claims().await.firings.is_empty(), "what was skipped is not made up for");
    w.pass(minutes(30));
    let firing = w.firing().await;
    let new = agent_job(&w, &firing);
    w.fire_job(&firing, new).await;
});

proves!(h10_each_person_is_told_once_for_each_closing, |w| {
    let anas = w.ana_schedules(once(&w, minutes(30))).await;
    w.ana_schedules(once(&w, minutes(31))).await;
    let bens = w.scheduled("ben", thread_place("ben"), once(&w, minutes(32))).await.followup.short;
    w.close_gate().await;
    let gate_line = wording::gate_line(&w.engine.read(wilco_store::changes::Gates).await.unwrap()[0].0);
    w.pass(minutes(30));
    for told in [1, 1, 2] {
        meets_it(&mut w).await;
        assert_eq!(w.notices().await.len(), told);
        w.pass(minutes(1));
    }
    let notices = w.notices().await;
    let held = |short| (wording::held(short, &gate_line, &deploy()), "ops/t1".to_owned());
    assert_eq!(notices, [held(&anas), held(&bens)]);
    // Closed anew, it is told anew.
    w.opens_the_gate().await;
    w.close_gate().await;
    for firing in w.claims().await.firings {
        fire_agent(&mut w, &firing).await;
    }
    assert_eq!(w.notices().await.len(), 4);
});

proves!(h9_a_gate_that_closes_between_injection_and_start_is_no_failure, |w| {
    let (single, again) = (w.ana_schedules(once(&w, minutes(30))).await, w.ana_schedules(every(&w, 30)).await);
    w.pass(minutes(30));
    let mut jobs = Vec::new();
    for firing in w.claims().await.firings {
        let new = agent_job(&w, &firing);
        jobs.push(w.fire_job(&firing, new).await);
    }
    w.run_sql(
        "INSERT INTO gates (backend, reason, closed_at, job) VALUES ('claude', 'session_expired', $1, 'k7f2')",
        wilco_store::args![w.now],
    )
    .await;
    assert!(w.begin().await.is_empty(), "nothing is called");
    for job in &jobs {
        assert_eq!(w.worker_state(job).await, WorkerState::Failed);
    }
    assert_eq!(lines(&w, &single).await, ["+30m skipped", "+30m1ms scheduled without a time behind claude"]);
    assert_eq!(lines(&w, &again).await, ["+30m skipped", "+60m scheduled"]);
    assert!(w.notices().await.is_empty(), "the first job's own message says what to do");
    w.opens_the_gate().await;
    let firing = w.firing().await;
    assert_eq!(firing.short, single);
    let new = agent_job(&w, &firing);
    let job = w.fire_job(&firing, new).await;
    w.begin().await;
    w.done(&job, "fine").await;
    assert_eq!(w.standing(&single).await, "ended");
});

proves!(h1_the_job_that_found_out_has_failed, |w| {
    let short = w.ana_schedules(once(&w, minutes(30))).await;
    w.pass(minutes(30));
    let firing = w.firing().await;
    let new = agent_job(&w, &firing);
    let job = w.fire_job(&firing, new).await;
    w.begin().await;
    let halted = w.halt(&job, wilco_core::gate::GateReason::SessionExpired, None).await;
    assert_eq!(halted, Some(WorkerState::Failed));
    let story = w.story(&short).await;
    assert!(story[0].starts_with(&format!("+30m failed: {} failed: ", job.short)), "{story:?}");
    assert_eq!(story.len(), 1, "it called out, and is not made again by itself");
    assert!(w.notices().await.is_empty(), "its own message is the one notice");
});

proves!(h5_a_command_goes_past_a_closed_gate, |w| {
    let short = w.ana_schedules(once(&w, minutes(30))).await;
    w.close_gate().await;
    w.pass(minutes(30));
    let job = w.fired().await;
    w.done(&job, "fine").await;
    assert_eq!(w.story(&short).await, ["+30m success"]);
});

proves!(h9_a_wait_for_a_gate_is_no_missed_time, |w| {
    // Nothing runs late by this policy after an outage; a gate is none, and its person has acted.
    w.settings.followups.missed = MissedPolicy::Notice;
    let short = w.ana_schedules(once(&w, minutes(30))).await;
    w.close_gate().await;
    w.pass(minutes(30));
    meets_it(&mut w).await;
    w.pass(minutes(600));
    w.opens_the_gate().await;
    let firing = w.firing().await;
    assert_eq!(firing.short, short);
    assert!(firing.late.is_some());
});

proves!(f18_what_waited_for_a_gate_longer_than_the_age_is_missed_and_told, |w| {
    let short = w.ana_schedules(once(&w, minutes(30))).await;
    w.close_gate().await;
    w.pass(minutes(30));
    meets_it(&mut w).await;
    w.pass(minutes(60 * 24 + 1));
    w.opens_the_gate().await;
    assert!(w.claims().await.firings.is_empty());
    assert_eq!(lines(&w, &short).await[1], "+30m1ms missed: its time passed before it could run");
    let (since, day) = (Timestamp(at(30).0 + 1), 24 * 60 * 60_000);
    let late = Late { by_ms: day + 59_999, offline: None, missed: 0 };
    assert_eq!(w.notices().await[1].0, wording::missed(&short, since, Zone::UTC, late, &deploy()));
});

proves!(f20_one_that_waits_for_a_gate_can_be_paused_run_and_called_off, |w| {
    use wilco_core::followup::FollowupAct::{Cancel, Pause, Resume, Run};
    let [paused, run, cancelled] = [
        w.ana_schedules(once(&w, minutes(30))).await,
        w.ana_schedules(once(&w, minutes(30))).await,
        w.ana_schedules(once(&w, minutes(30))).await,
    ];
    w.close_gate().await;
    w.pass(minutes(30));
    for firing in w.claims().await.firings {
        fire_agent(&mut w, &firing).await;
    }
    w.ana(&paused, Pause).await;
    let waits = wilco_core::desk::FollowupDone::Waits { short: paused.clone(), gate: claude() };
    assert_eq!(w.ana(&paused, Resume).await, waits, "it is resumed, and its gate is still closed");
    w.ana(&paused, Pause).await;
    w.ana(&cancelled, Cancel).await;
    // By hand it is tried now, and finds the gate closed.
    w.pass(minutes(1));
    w.ana(&run, Run).await;
    meets_it(&mut w).await;
    w.pass(minutes(1));
    w.opens_the_gate().await;
    let firing = w.firing().await;
    assert_eq!((&firing.short, firing.manual), (&run, true), "the paused one stays, the other one is gone");
    assert_eq!(lines(&w, &paused).await[1], "+30m1ms scheduled without a time");
    assert_eq!(lines(&w, &cancelled).await[1], "+30m1ms cancelled: cancelled by ana");
    w.ana(&paused, Resume).await;
    assert_eq!(w.firing().await.short, paused);
});

proves!(h9_a_list_says_which_gate_it_waits_for, |w| {
    let short = w.ana_schedules(once(&w, minutes(30))).await;
    w.close_gate().await;
    w.pass(minutes(30));
    meets_it(&mut w).await;
    let filter = wilco_core::desk::FollowupFilter::default();
    let list = wilco_store::reads::ListFollowups { asker: wilco_store::changes::Asker::host(), filter };
    let view = w.engine.read(list.clone()).await.unwrap().remove(0);
    assert_eq!((view.short, view.gate, view.next), (short, Some(claude()), None));
    w.opens_the_gate().await;
    let view = w.engine.read(list).await.unwrap().remove(0);
    assert_eq!((view.gate, view.next), (None, Some(w.wall())));
});

proves!(h10_a_notice_about_a_gate_is_a_message_like_any_other, |w| {
    let place = Place { direct: Some(dm("ana")), ..Place::public(ops()) };
    w.scheduled("ana", place, once(&w, minutes(30))).await;
    w.close_gate().await;
    w.surface_due().await;
    w.pass(minutes(30));
    meets_it(&mut w).await;
    let row = w.rows("SELECT * FROM workers WHERE kind = 'say'", vec![]).await.remove(0);
    assert_eq!(row.json::<Input>("input").unwrap().person, Person::new("ana", "ana"));
    assert_eq!((row.text("state").unwrap(), row.opt_text("occurrence").unwrap()), ("queued".into(), None));
    let receipts =
        w.rows("SELECT * FROM receipts WHERE worker = $1", wilco_store::args![row.text("id").unwrap()]).await;
    assert_eq!(receipts.len(), 2, "a stub that is due and a content receipt that waits");
});
