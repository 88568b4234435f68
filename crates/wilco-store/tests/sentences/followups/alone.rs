//! What is wrong with one follow-up stays with that one: the others fire, jobs end, and nothing waits for ever.

use wilco_core::Person;
use wilco_core::desk::FollowupDone;
use wilco_core::followup::{FollowupAct, MissedPolicy, Trouble};
use wilco_core::schedule::OCCURRENCE_LEASE;
use wilco_core::worker::{EndKind, Ending, WorkerState};
use wilco_store::args;
use wilco_store::changes::{Act, Asker, FollowupUnresolved, OfferItem, Scheduling};
use wilco_store::reads::NextDue;

use super::support::*;
use crate::support::*;

/// The database takes no notice any more, as a constraint does of which nobody has thought.
const NO_NOTICE: &str = "CREATE TRIGGER refuse BEFORE INSERT ON workers WHEN NEW.kind = 'say' \
                         BEGIN SELECT RAISE(ABORT, 'made to fail'); END";

proves!(f18_a_notice_that_cannot_be_stored_keeps_nobody_from_firing, |w| {
    w.settings.followups.missed = MissedPolicy::Notice;
    let missed = w.ana_schedules(once(&w, minutes(30))).await;
    w.is_offline("two", minutes(60)).await;
    let sound = w.scheduled("ben", thread_place("ben"), once(&w, minutes(1))).await.followup.short;
    w.pass(minutes(1));
    w.run_sql(NO_NOTICE, args![]).await;
    let firings = w.claims().await.firings;
    assert_eq!(firings.iter().map(|firing| &firing.short).collect::<Vec<_>>(), [&sound]);
    assert_eq!(w.standing(&missed).await, "ended: its time passed while the bot was offline");
});

proves!(an_occurrence_about_which_the_database_refuses_to_decide_is_set_aside_and_told, |w| {
    let bent = w.ana_schedules(every(&w, 30)).await;
    let sound = w.scheduled("ben", thread_place("ben"), once(&w, minutes(30))).await.followup.short;
    let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON occurrences BEGIN SELECT RAISE(ABORT, 'made to fail'); END";
    w.run_sql(refuse, args![]).await;
    w.pass(minutes(30));
    let firings = w.claims().await.firings;
    assert_eq!(firings.iter().map(|firing| &firing.short).collect::<Vec<_>>(), [&sound]);
    w.fire(&firings[0]).await;
    assert_eq!(w.standing(&bent).await, "paused: it could not be decided (made to fail)");
    assert_eq!(w.notices().await.len(), 1, "its owner is told");
    assert!(w.claims().await.firings.is_empty(), "it is not due for ever");
    w.run_sql("DROP TRIGGER refuse", args![]).await;
    w.ana(&bent, FollowupAct::Resume).await;
    w.pass(minutes(30));
    assert_eq!(w.firing().await.short, bent, "its schedule goes on");
});

proves!(w18_a_notice_that_cannot_be_stored_does_not_keep_a_job_from_ending, |w| {
    w.settings.followups.pause_after = 1;
    let short = w.ana_schedules(every(&w, 30)).await;
    w.pass(minutes(30));
    let job = w.fired().await;
    w.run_sql(NO_NOTICE, args![]).await;
    assert_eq!(w.finish(&job, Ending::bare(EndKind::Failed, "exit 2")).await, Some(WorkerState::Failed));
    assert!(w.standing(&short).await.starts_with("paused: "), "it is stored all the same");
});

proves!(f4_a_claim_that_nobody_gives_up_runs_out_and_the_loop_is_woken_for_it, |w| {
    let short = w.ana_schedules(once(&w, minutes(30))).await;
    w.pass(minutes(30));
    let lost = w.firing().await;
    let wake = w.engine.read(NextDue).await.unwrap();
    assert_eq!((wake.followup, wake.claim), (None, Some(w.now.plus(OCCURRENCE_LEASE))));
    assert!(w.claims().await.firings.is_empty(), "it is claimed");
    w.pass(OCCURRENCE_LEASE);
    let again = w.firing().await;
    assert_eq!((&again.short, again.fence), (&short, lost.fence + 1));
    let told = w.kept_from(&lost, Trouble::Busy).await;
    assert!(told.is_empty(), "whoever held it before has lost it");
    w.fire(&again).await;
});

proves!(f17_a_recurring_one_keeps_its_schedule_when_it_is_resumed_beside_a_run_by_hand, |w| {
    let short = w.ana_schedules(every(&w, 30)).await;
    w.ana(&short, FollowupAct::Pause).await;
    w.pass(minutes(45));
    w.ana(&short, FollowupAct::Run).await;
    let FollowupDone::Resumed { next, .. } = w.ana(&short, FollowupAct::Resume).await else { panic!("not resumed") };
    assert_eq!(next, at(45), "what was wished for by hand comes first");
    let job = w.fired().await;
    w.done(&job, "42").await;
    assert_eq!(w.standing(&short).await, "pending");
    assert_eq!(w.story(&short).await, ["+30m skipped: paused at its time", "+45m success by hand", "+60m scheduled"]);
});

proves!(f17_a_recurring_one_that_lost_its_next_occurrence_gets_it_back, |w| {
    let short = w.ana_schedules(every(&w, 30)).await;
    w.pass(minutes(30));
    let job = w.fired().await;
    w.run_sql("DELETE FROM occurrences WHERE state = 'scheduled'", args![]).await;
    w.done(&job, "42").await;
    assert_eq!((w.standing(&short).await, w.story(&short).await.len()), ("pending".into(), 2));
    w.pass(minutes(30));
    assert_eq!(w.firing().await.due, at(60));
});

proves!(f4_it_fires_with_the_roles_that_its_originator_was_last_seen_with, |w| {
    let crew = Person { roles: vec!["crew".into()], moderator: true, ..Person::new("ana", "Ana") };
    let mut request = w.request("ana", thread_place("ana"), once(&w, minutes(30)));
    request.person = crew.clone();
    let Scheduling::Set(set) = w.engine.write(request).await.unwrap() else { panic!("not scheduled") };
    // Later Ana speaks somewhere else, and her platform says that she has left the crew.
    let left = Person { roles: Vec::new(), ..crew };
    let place = thread_place("ana");
    let asker = Asker::person("sim".into(), left, Some(ops()), None);
    let act = Act::StopHere { reason: "x".into() };
    let item = OfferItem { event: w.event(), asker, place: wilco_core::Place { address: dm("ana"), ..place }, act };
    w.offer(vec![item]).await;
    w.pass(minutes(30));
    let firing = w.firing().await;
    assert_eq!(firing.short, set.followup.short);
    assert_eq!((firing.person.roles.len(), firing.person.moderator), (0, false), "nor does it moderate");
});

proves!(f3_a_key_whose_follow_up_cannot_be_read_is_free_for_the_next_one, |w| {
    let torn = w.ana_schedules(with_key("deploy", once(&w, minutes(30)))).await;
    w.run_sql("UPDATE followups SET task = '{' WHERE short = $1", args![&torn]).await;
    let set = w.scheduled("ana", thread_place("ana"), with_key("deploy", once(&w, minutes(40)))).await;
    assert_eq!(set.replaced, Some(torn));
});

proves!(f16_a_beginning_that_fits_more_than_are_looked_at_names_none, |w| {
    let mine = w.ana_schedules(once(&w, minutes(30))).await;
    for number in 0..60 {
        w.scheduled(&format!("p{number}"), thread_place("ben"), once(&w, minutes(30))).await;
    }
    w.run_sql("UPDATE followups SET place = replace(place, '\"public\"', '\"private\"')", args![]).await;
    let ana = w.asker("ana", &dm("ana"));
    let answer = w.acts(ana.clone(), "f", FollowupAct::Cancel).await;
    assert!(matches!(answer, Err(FollowupUnresolved::Several(_) | FollowupUnresolved::NotFound)), "{answer:?}");
    assert!(w.acts(ana, mine.as_str(), FollowupAct::Cancel).await.is_ok());
});
