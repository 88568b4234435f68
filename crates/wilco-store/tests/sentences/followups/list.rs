//! What people see of follow-ups: which, in which order, and what became of each occurrence.

use wilco_core::access::Role;
use wilco_core::contract::ContractState;
use wilco_core::desk::{FollowupFilter, FollowupInspection, FollowupView, Limit};
use wilco_core::followup::{FollowupAct, FollowupState, OccurrenceState};
use wilco_core::{Address, Audience, Person, Place, Short};
use wilco_store::args;
use wilco_store::changes::{Asker, FollowupUnresolved};
use wilco_store::reads::{InspectFollowup, ListFollowups};

use super::support::*;
use crate::support::*;

async fn views(w: &World, asker: Asker, filter: FollowupFilter) -> Vec<FollowupView> {
    w.engine.read(ListFollowups { asker, filter }).await.unwrap()
}

async fn listed(w: &World, asker: Asker, filter: FollowupFilter) -> Vec<Short> {
    views(w, asker, filter).await.into_iter().map(|view| view.short).collect()
}

/// As `/followups` asks, from a place.
async fn from(w: &World, person: &str, here: &Address) -> Vec<Short> {
    let filter = FollowupFilter { address: Some(here.clone()), ..FollowupFilter::default() };
    listed(w, w.asker(person, here), filter).await
}

async fn inspect(w: &World, asker: Asker, name: &Short) -> Result<FollowupInspection, FollowupUnresolved> {
    let query = InspectFollowup { asker, name: name.to_string(), limit: Limit::default() };
    w.engine.read(query).await.unwrap()
}

fn attic() -> Address {
    Address::channel("sim", "attic")
}

proves!(f16_the_next_due_stands_first_and_what_has_no_time_last, |w| {
    let late = w.ana_schedules(once(&w, minutes(90))).await;
    let paused = w.ana_schedules(every(&w, 5)).await;
    let soon = w.ana_schedules(every(&w, 30)).await;
    let between = w.ana_schedules(once(&w, minutes(60))).await;
    w.ana(&paused, FollowupAct::Pause).await;
    let over = w.ana_schedules(once(&w, minutes(1))).await;
    w.ana(&over, FollowupAct::Cancel).await;
    let order = [soon.clone(), between, late, paused];
    assert_eq!(listed(&w, Asker::host(), FollowupFilter::default()).await, order);
    let all = FollowupFilter { all: true, ..FollowupFilter::default() };
    let all = listed(&w, Asker::host(), all).await;
    assert_eq!((&all[..4], all.len(), all.contains(&over)), (&order[..], 5, true));

    // One that runs, or waits for its next attempt, stands by what is due of it next.
    w.pass(minutes(30));
    let firing = w.firing().await;
    assert_eq!(firing.short, soon);
    let views = views(&w, Asker::host(), FollowupFilter::default()).await;
    assert_eq!((views[0].next, views[1].next), (Some(at(60)), Some(at(60))));
    assert_eq!(views.last().unwrap().next, None);
});

proves!(f16_a_place_lists_its_own_and_whoever_asks_sees_theirs_from_elsewhere, |w| {
    let anas = w.ana_schedules(once(&w, minutes(30))).await;
    let bens = w.scheduled("ben", Place::public(ops()), once(&w, minutes(40))).await.followup.short;
    let far = w.scheduled("ben", Place::public(attic()), once(&w, minutes(50))).await.followup.short;
    let private = Place { audience: Audience::Private, parent: None, ..thread_place("ben") };
    let hidden = w.scheduled("ben", private, once(&w, minutes(60))).await.followup.short;
    let thread = thread_place("ana").address;

    assert_eq!(from(&w, "ana", &ops()).await, [anas.clone(), bens.clone()], "the channel reads its public threads");
    assert_eq!(from(&w, "ana", &attic()).await, [anas.clone(), far.clone()], "and nothing of other people's elsewhere");
    let own = [anas.clone(), bens.clone(), far.clone(), hidden.clone()];
    assert_eq!(from(&w, "ben", &ops()).await, own);
    assert_eq!(from(&w, "ben", &dm("ben")).await, own[1..], "one's own everywhere");
    assert_eq!(from(&w, "cem", &dm("cem")).await, Vec::<Short>::new());
    assert_eq!(from(&w, "cem", &thread).await, [anas.clone(), hidden], "a thread lists its own alone");
    assert_eq!(from(&w, "cem", &ops().in_thread("t2")).await, Vec::<Short>::new());
    let other = Address::channel("other", "ops");
    assert_eq!(from(&w, "ana", &other).await, Vec::<Short>::new(), "the same name on another account");

    // Without a place everybody sees what they may: the host all of it, a person their own.
    assert_eq!(listed(&w, Asker::host(), FollowupFilter::default()).await.len(), 4);
    let ana = Asker::person("sim".into(), Person::new("ana", "ana"), None, Some(Role::Operator));
    assert_eq!(listed(&w, ana, FollowupFilter::default()).await, [anas]);
    let nobody = Asker::person("sim".into(), Person::new("ana", "ana"), Some(thread), None);
    assert!(listed(&w, nobody, FollowupFilter::default()).await.is_empty(), "a right that was taken away is gone");
});

proves!(f16_a_list_says_who_may_change_what_it_shows, |w| {
    let place = Place { direct: Some(dm("ana")), ..Place::public(ops()) };
    w.scheduled("ana", place, once(&w, minutes(30))).await;
    for (person, may) in [("ana", true), ("ben", false)] {
        let here = FollowupFilter { address: Some(ops()), ..FollowupFilter::default() };
        let view = views(&w, w.asker(person, &ops()), here).await.remove(0);
        assert_eq!(view.may_change, may, "{person}");
    }
});

proves!(f16_a_limit_is_kept_and_the_next_due_are_in_it, |w| {
    let soon = w.ana_schedules(once(&w, minutes(5))).await;
    for minute in [40, 30, 20] {
        w.pass(secs(1));
        w.ana_schedules(once(&w, minutes(minute))).await;
    }
    let filter = FollowupFilter { limit: Limit::new(2).unwrap(), ..FollowupFilter::default() };
    let listed_of_host = listed(&w, Asker::host(), filter.clone()).await;
    assert_eq!((listed_of_host.len(), &listed_of_host[0]), (2, &soon));
    let here = FollowupFilter { address: Some(thread_place("ana").address), ..filter };
    let listed_here = listed(&w, w.asker("ana", &thread_place("ana").address), here).await;
    assert_eq!((listed_here.len(), &listed_here[0]), (2, &soon));
});

proves!(f22_what_a_job_did_and_what_was_shown_of_it_are_told_apart, |w| {
    let place = Place { direct: None, ..Place::public(ops()) };
    let short = w.scheduled("ana", place, every(&w, 30)).await.followup.short;
    for shown in [true, false] {
        w.pass(minutes(30));
        let job = w.fired().await;
        w.done(&job, "fine").await;
        let claims = w.claim().await;
        let stub = of(&claims, &job);
        match shown {
            true => {
                w.surface(stub).await;
                w.surface_due().await;
            }
            false => {
                w.answer(stub, gone()).await;
            }
        }
    }
    let ana = w.asker("ana", &ops());
    let found = inspect(&w, ana, &short).await.unwrap();
    let seen: Vec<_> = found.occurrences.iter().map(|one| (one.due, one.state, one.delivery)).collect();
    assert_eq!(
        seen,
        [
            (at(90), OccurrenceState::Scheduled, None),
            (at(60), OccurrenceState::Success, Some(ContractState::TerminalFailed)),
            (at(30), OccurrenceState::Success, Some(ContractState::TerminalAcked)),
        ],
        "newest first, and the delivery that failed is no success of its own"
    );
    let last = found.followup.last.unwrap();
    assert_eq!((last.due, last.job.is_some(), last.fired, last.attempts), (at(60), true, Some(at(60)), 1));
    assert_eq!((last.settled, last.next, last.reason, last.manual), (Some(START.plus(minutes(60))), None, None, false));
});

proves!(a4_an_inspection_shows_attempts_the_last_error_and_the_next_try, |w| {
    let short = w.ana_schedules(every(&w, 30)).await;
    w.pass(minutes(30));
    let firing = w.firing().await;
    w.kept_from(&firing, wilco_core::followup::Trouble::Busy).await;
    let found = inspect(&w, Asker::host(), &short).await.unwrap();
    let waiting = &found.occurrences[1];
    assert_eq!((waiting.due, waiting.state, waiting.attempts), (at(30), OccurrenceState::Scheduled, 1));
    assert_eq!(waiting.last_error.as_deref(), Some("too many messages were under way"));
    let next = w.wall().plus(std::time::Duration::from_millis(200));
    assert_eq!((waiting.next, found.followup.next), (Some(next), Some(next)));
    assert_eq!((found.followup.state, found.followup.failures), (FollowupState::Pending, 0));
});

proves!(a2_an_inspection_shows_so_many_occurrences_and_the_newest, |w| {
    let short = w.ana_schedules(every(&w, 30)).await;
    w.is_offline("two", minutes(305)).await;
    w.firing().await;
    let query = InspectFollowup { asker: Asker::host(), name: short.to_string(), limit: Limit::new(3).unwrap() };
    let found = w.engine.read(query).await.unwrap().unwrap();
    let dues: Vec<_> = found.occurrences.iter().map(|one| one.due).collect();
    assert_eq!(dues, [at(330), at(300), at(270)]);
    assert_eq!(found.occurrences[1].late.unwrap().missed, 9);
});

proves!(f16_whoever_may_not_see_one_is_told_that_there_is_none, |w| {
    let short = w.ana_schedules(with_key("deploy", once(&w, minutes(30)))).await;
    let thread = thread_place("ana").address;
    assert!(inspect(&w, w.asker("ben", &thread), &short).await.is_ok(), "a reader reads");
    let former = Asker::person("sim".into(), Person::new("ana", "ana"), Some(thread), None);
    for asker in [w.asker("ben", &attic()), former] {
        for name in [&short, &Short::new("deploy")] {
            assert_eq!(inspect(&w, asker.clone(), name).await, Err(FollowupUnresolved::NotFound));
        }
    }
});

proves!(f16_a_row_that_cannot_be_read_hides_no_other, |w| {
    let torn = w.ana_schedules(once(&w, minutes(30))).await;
    let sound = w.ana_schedules(every(&w, 30)).await;
    w.run_sql("UPDATE followups SET task = '{' WHERE short = $1", args![&torn]).await;
    assert_eq!(listed(&w, Asker::host(), FollowupFilter::default()).await, std::slice::from_ref(&sound));
    assert_eq!(from(&w, "ana", &thread_place("ana").address).await, std::slice::from_ref(&sound));
    w.pass(minutes(30));
    w.claims().await;
    w.run_sql("UPDATE occurrences SET late = '{' WHERE state = 'running'", vec![]).await;
    let found = inspect(&w, Asker::host(), &sound).await.unwrap();
    assert_eq!(found.occurrences.len(), 1, "an occurrence that cannot be read is left out");
    assert_eq!(found.followup.last, None);
    assert_eq!(listed(&w, Asker::host(), FollowupFilter::default()).await, [sound], "and hides neither its follow-up");
});
