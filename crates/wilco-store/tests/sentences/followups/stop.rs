//! `/stop here`, and a cancel that takes the follow-ups of its place along.

use wilco_core::access::Role;
use wilco_core::followup::FollowupAct;
use wilco_core::{Address, Audience, Person, Place, Press, Short};
use wilco_store::args;
use wilco_store::changes::{Act, Asker, OfferItem, Offered, Stopped};

use super::support::*;
use crate::support::*;

fn place(person: &str, channel: &str, thread: Option<&str>) -> Place {
    let around = Address::channel("sim", channel);
    match thread {
        Some(thread) => {
            Place { address: around.clone().in_thread(thread), parent: Some(around), ..thread_place(person) }
        }
        None => Place { direct: Some(dm(person)), ..Place::public(around) },
    }
}

async fn stop(w: &mut World, person: &str, place: Place) -> Stopped {
    match w.one(person, place, Act::StopHere { reason: "stopped here".into() }).await {
        Offered::Stopped(stopped) => stopped,
        other => panic!("not stopped: {other:?}"),
    }
}

fn sorted(mut shorts: Vec<Short>) -> Vec<Short> {
    shorts.sort();
    shorts
}

proves!(f15_exactly_this_thread_is_stopped, |w| {
    let mut here = Vec::new();
    for wanted in [once(&w, minutes(30)), every(&w, 30)] {
        here.push(w.ana_schedules(wanted).await);
    }
    let paused = w.ana_schedules(every(&w, 30)).await;
    w.ana(&paused, FollowupAct::Pause).await;
    here.push(paused);
    let mut elsewhere = Vec::new();
    for place in [place("ana", "ops", None), place("ana", "ops", Some("t2")), place("ana", "attic", Some("t1"))] {
        elsewhere.push(w.scheduled("ana", place, once(&w, minutes(30))).await.followup.short);
    }
    let over = w.ana_schedules(once(&w, minutes(30))).await;
    w.ana(&over, FollowupAct::Cancel).await;

    let stopped = stop(&mut w, "ana", thread_place("ana")).await;
    assert_eq!(sorted(stopped.cancelled), sorted(here.clone()));
    assert_eq!((stopped.kept, stopped.running), (0, vec![]));
    for short in &here {
        assert_eq!(w.standing(short).await, "cancelled: stopped here");
        assert_eq!(w.story(short).await, ["+30m cancelled: stopped here"]);
    }
    assert_eq!(w.standing(&over).await, "cancelled: cancelled by ana");
    w.pass(minutes(30));
    let fired = w.claims().await.firings.into_iter().map(|firing| firing.short).collect();
    assert_eq!(sorted(fired), sorted(elsewhere), "none of this thread fires");
});

proves!(f15_the_channel_itself_is_a_place_without_its_threads, |w| {
    let inside = w.ana_schedules(once(&w, minutes(30))).await;
    let channel = w.scheduled("ana", place("ana", "ops", None), once(&w, minutes(30))).await.followup.short;
    assert_eq!(stop(&mut w, "ana", place("ana", "ops", None)).await.cancelled, [channel]);
    assert_eq!(w.standing(&inside).await, "pending");
});

proves!(f15_what_is_other_peoples_is_kept_and_counted, |w| {
    let anas = w.ana_schedules(once(&w, minutes(30))).await;
    for person in ["ben", "cem"] {
        w.scheduled(person, thread_place(person), once(&w, minutes(30))).await;
    }
    let stopped = stop(&mut w, "ana", thread_place("ana")).await;
    assert_eq!((stopped.cancelled, stopped.kept), (vec![anas], 2));
    w.pass(minutes(30));
    assert_eq!(w.claims().await.firings.len(), 2);
});

proves!(f15_a_moderator_and_an_owner_stop_everything_there, |w| {
    for (moderator, role) in [(true, Role::Viewer), (false, Role::Owner)] {
        for person in ["ana", "ben"] {
            w.scheduled(person, thread_place(person), once(&w, minutes(30))).await;
        }
        let person = Person { moderator, ..Person::new("mod", "mod") };
        let place = thread_place("mod");
        let asker = Asker::person("sim".into(), person, Some(place.address.clone()), Some(role));
        let act = Act::StopHere { reason: "stopped here".into() };
        let item = OfferItem { event: w.event(), asker, place, act };
        let Some(Offered::Stopped(stopped)) = w.offer(vec![item]).await.pop() else { panic!("not stopped") };
        assert_eq!((stopped.cancelled.len(), stopped.kept), (2, 0));
    }
});

proves!(f15_what_nobody_there_may_see_is_not_counted, |w| {
    let private = Place { audience: Audience::Private, parent: None, ..thread_place("ben") };
    w.scheduled("ben", private, once(&w, minutes(30))).await;
    let former = Asker::person("sim".into(), Person::new("ana", "ana"), Some(thread_place("ana").address), None);
    let act = Act::StopHere { reason: "x".into() };
    let item = OfferItem { event: w.event(), asker: former, place: thread_place("ana"), act };
    assert_eq!(w.offer(vec![item]).await, [Offered::Stopped(Stopped::default())]);
    let stopped = stop(&mut w, "ana", place("ana", "ops", Some("t2"))).await;
    assert_eq!((stopped.cancelled.len(), stopped.kept), (0, 0));
});

proves!(f15_jobs_go_on_and_are_offered_with_their_cancel, |w| {
    let short = w.ana_schedules(every(&w, 30)).await;
    w.pass(minutes(30));
    let job = w.fired().await;
    let stopped = stop(&mut w, "ana", thread_place("ana")).await;
    assert_eq!(stopped.cancelled, std::slice::from_ref(&short));
    let running: Vec<_> = stopped.running.iter().map(|job| &job.short).collect();
    assert_eq!(running, [&job.short]);
    assert_eq!(w.story(&short).await, ["+30m running", "+60m cancelled: stopped here"]);
    w.done(&job, "fine").await;
    assert_eq!(w.story(&short).await[0], "+30m success");
});

proves!(f15_the_button_does_the_same, |w| {
    let short = w.ana_schedules(once(&w, minutes(30))).await;
    let pressed = w.press("ana", thread_place("ana").address, Press::StopHere).await;
    let Offered::Stopped(stopped) = pressed else { panic!("not stopped: {pressed:?}") };
    assert_eq!(stopped.cancelled, std::slice::from_ref(&short));
    assert_eq!(w.standing(&short).await, "cancelled: pressed");
});

proves!(f15_a_cancel_with_its_follow_ups_stops_the_place_of_the_job, |w| {
    let job = w.ask_for("report", "ana", thread_place("ana")).await;
    w.begin().await;
    let here = w.ana_schedules(once(&w, minutes(30))).await;
    let bens = w.scheduled("ben", thread_place("ben"), once(&w, minutes(30))).await.followup.short;
    let elsewhere = w.scheduled("ana", place("ana", "attic", None), once(&w, minutes(30))).await.followup.short;
    let act = Act::Cancel { job: Some(job.short.to_string()), reason: "wrong month".into(), followups: true };
    // It is said elsewhere: what counts is where the job is.
    let Offered::CancelWith(done, stopped) = w.one("ana", place("ana", "attic", None), act).await else {
        panic!("not cancelled")
    };
    assert_eq!((done.result.short(), &stopped.cancelled), (&job.short, &vec![here.clone()]));
    assert_eq!(w.standing(&here).await, format!("cancelled: {} was cancelled with its follow-ups", job.short));
    assert_eq!((w.standing(&bens).await, w.standing(&elsewhere).await), ("pending".into(), "pending".into()));
});

proves!(f15_a_cancel_that_finds_no_job_stops_nothing, |w| {
    let short = w.ana_schedules(once(&w, minutes(30))).await;
    let act = Act::Cancel { job: Some("k7f2".into()), reason: "x".into(), followups: true };
    assert!(matches!(w.one("ana", thread_place("ana"), act).await, Offered::Cancel(Err(_))));
    assert_eq!(w.standing(&short).await, "pending");
});

proves!(f15_a_row_that_cannot_be_read_keeps_no_other_from_being_stopped, |w| {
    let torn = w.ana_schedules(once(&w, minutes(30))).await;
    let sound = w.ana_schedules(once(&w, minutes(30))).await;
    w.run_sql("UPDATE followups SET task = '{' WHERE short = $1", args![&torn]).await;
    assert_eq!(stop(&mut w, "ana", thread_place("ana")).await.cancelled, [sound]);
});
