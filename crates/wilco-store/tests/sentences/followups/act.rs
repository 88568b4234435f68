//! What people do with a follow-up that exists, and who may.

use wilco_core::access::Role;
use wilco_core::desk::FollowupDone;
use wilco_core::followup::{FollowupAct, FollowupAct::*};
use wilco_core::worker::{EndKind, Ending};
use wilco_core::{Address, Person, Place, Press, Short};
use wilco_store::changes::{Act, Asker, FollowupUnresolved, Offered};

use super::support::*;
use crate::support::*;

fn unchanged(short: &Short, why: &str) -> FollowupDone {
    FollowupDone::Unchanged { short: short.clone(), why: why.to_owned() }
}

fn thread() -> Address {
    thread_place("ana").address
}

proves!(f16_a_cancel_ends_it_and_everything_of_it_that_has_not_fired, |w| {
    for wanted in [once(&w, minutes(30)), every(&w, 30)] {
        let short = w.ana_schedules(wanted).await;
        assert_eq!(w.ana(&short, Cancel).await, FollowupDone::Cancelled { short: short.clone() });
        assert_eq!(w.standing(&short).await, "cancelled: cancelled by ana");
        assert_eq!(w.story(&short).await, ["+30m cancelled: cancelled by ana"]);
        assert_eq!(w.occurrences(&short).await[0].opt_time("settled_at").unwrap(), Some(w.now));
    }
    w.pass(minutes(60));
    assert_eq!(w.claims().await, Default::default());
    assert!(w.notices().await.is_empty(), "who did it knows it");
});

proves!(f20_a_pause_takes_effect_at_once_and_a_one_shot_is_resumed_for_its_own_time, |w| {
    let short = w.ana_schedules(once(&w, minutes(30))).await;
    assert_eq!(w.ana(&short, Pause).await, FollowupDone::Paused { short: short.clone() });
    assert_eq!(w.standing(&short).await, "paused: paused by ana");
    assert_eq!(w.ana(&short, Pause).await, unchanged(&short, "it is paused already"));
    w.pass(minutes(10));
    let zone = wilco_core::when::Zone::UTC;
    assert_eq!(w.ana(&short, Resume).await, FollowupDone::Resumed { short: short.clone(), next: at(30), zone });
    assert_eq!((w.standing(&short).await, w.story(&short).await), ("pending".into(), vec!["+30m scheduled".into()]));
    assert_eq!(w.ana(&short, Resume).await, unchanged(&short, "it is not paused"));
    w.pass(minutes(20));
    assert_eq!(w.firing().await.due, at(30));
});

proves!(f20_a_one_shot_whose_time_passed_meanwhile_is_due_when_it_is_resumed, |w| {
    let short = w.ana_schedules(once(&w, minutes(30))).await;
    w.ana(&short, Pause).await;
    w.pass(minutes(45));
    let zone = wilco_core::when::Zone::UTC;
    assert_eq!(w.ana(&short, Resume).await, FollowupDone::Resumed { short: short.clone(), next: at(45), zone });
    assert_eq!(w.story(&short).await, ["+30m scheduled by hand at +45m"]);
    let firing = w.firing().await;
    assert_eq!((firing.due, firing.manual), (at(30), true), "whoever resumes it wants it now");
});

proves!(f20_no_policy_for_outages_keeps_a_resumed_one_from_firing, |w| {
    w.settings.followups.missed = wilco_core::followup::MissedPolicy::Notice;
    let short = w.ana_schedules(once(&w, minutes(30))).await;
    w.ana(&short, Pause).await;
    w.pass(minutes(60 * 72));
    w.ana(&short, Resume).await;
    assert_eq!(w.runs().await.short, short);
    assert!(w.notices().await.is_empty());
    assert_eq!(
        (w.story(&short).await, w.standing(&short).await),
        (vec!["+30m success by hand".into()], "ended".into())
    );
});

proves!(f20_what_a_recurring_one_missed_while_it_was_paused_is_a_skipped_row, |w| {
    let short = w.ana_schedules(every(&w, 30)).await;
    w.ana(&short, Pause).await;
    w.pass(minutes(100));
    let zone = wilco_core::when::Zone::UTC;
    assert_eq!(w.ana(&short, Resume).await, FollowupDone::Resumed { short: short.clone(), next: at(120), zone });
    assert_eq!(w.story(&short).await, ["+30m skipped: paused at its time", "+120m scheduled"]);
    assert!(w.claims().await.firings.is_empty(), "nothing fires at once");
    w.pass(minutes(20));
    assert_eq!(w.firing().await.due, at(120));
});

proves!(f20_a_recurring_one_that_is_resumed_in_time_skips_nothing, |w| {
    let short = w.ana_schedules(every(&w, 30)).await;
    w.ana(&short, Pause).await;
    w.pass(minutes(10));
    w.ana(&short, Resume).await;
    assert_eq!(w.story(&short).await, ["+30m scheduled"]);
});

proves!(f20_a_pause_while_its_job_runs_lets_the_job_run, |w| {
    let (single, again) = (w.ana_schedules(once(&w, minutes(30))).await, w.ana_schedules(every(&w, 30)).await);
    w.pass(minutes(30));
    let firings = w.claims().await.firings;
    let mut jobs = Vec::new();
    for firing in &firings {
        jobs.push(w.fire(firing).await);
    }
    w.begin().await;
    for short in [&single, &again] {
        w.ana(short, Pause).await;
    }
    for job in &jobs {
        w.done(job, "fine").await;
    }
    assert_eq!((w.story(&single).await, w.standing(&single).await), (vec!["+30m success".into()], "ended".into()));
    assert_eq!(w.story(&again).await, ["+30m success", "+60m scheduled without a time"]);
    assert_eq!(w.standing(&again).await, "paused: paused by ana");
    w.pass(minutes(5));
    w.ana(&again, Resume).await;
    assert_eq!(w.story(&again).await, ["+30m success", "+60m scheduled"]);
});

proves!(f10_run_now_of_a_one_shot_takes_the_place_of_its_time, |w| {
    let short = w.ana_schedules(once(&w, minutes(30))).await;
    w.pass(minutes(10));
    assert_eq!(w.ana(&short, Run).await, FollowupDone::Runs { short: short.clone() });
    assert_eq!(w.story(&short).await, ["+30m scheduled by hand at +10m"]);
    let firing = w.firing().await;
    assert!(firing.manual && firing.late.is_none() && firing.due == at(30));
    let job = w.fire(&firing).await;
    w.begin().await;
    w.done(&job, "fine").await;
    assert_eq!(
        (w.story(&short).await, w.standing(&short).await),
        (vec!["+30m success by hand".into()], "ended".into())
    );
    w.pass(minutes(20));
    assert!(w.claims().await.firings.is_empty(), "its own time does not fire it again");
});

proves!(f10_run_now_of_a_paused_one_shot_fires_it, |w| {
    let short = w.ana_schedules(once(&w, minutes(30))).await;
    w.ana(&short, Pause).await;
    w.ana(&short, Run).await;
    let job = w.fired().await;
    w.done(&job, "fine").await;
    assert_eq!(w.standing(&short).await, "ended");
});

proves!(f10_run_now_of_a_recurring_one_fires_beside_its_schedule, |w| {
    let short = w.ana_schedules(every(&w, 30)).await;
    w.pass(minutes(10));
    assert_eq!(w.ana(&short, Run).await, FollowupDone::Runs { short: short.clone() });
    assert_eq!(w.story(&short).await, ["+10m scheduled by hand", "+30m scheduled"]);
    let job = w.fired().await;
    assert_eq!(w.story(&short).await, ["+10m running by hand", "+30m scheduled"], "no further one is stored for it");
    w.finish(&job, Ending::bare(EndKind::Failed, "exit 2")).await;
    assert_eq!(w.story(&short).await[0], format!("+10m failed by hand: {} failed: exit 2", job.short));
    assert_eq!(w.followup(&short).await.int("failures").unwrap(), 1, "settled like any other");
    w.pass(minutes(20));
    assert_eq!(w.firing().await.due, at(30));
});

proves!(f10_run_now_is_refused_while_one_runs_or_is_about_to, |w| {
    let short = w.ana_schedules(every(&w, 30)).await;
    w.ana(&short, Run).await;
    w.pass(secs(1));
    assert_eq!(w.ana(&short, Run).await, unchanged(&short, "it is about to run"), "a second press is no second run");
    let firing = w.firing().await;
    assert_eq!(w.ana(&short, Run).await, unchanged(&short, "it is about to run"));
    let job = w.fire(&firing).await;
    assert_eq!(w.ana(&short, Run).await, unchanged(&short, &format!("{} of it still runs", job.short)));
    w.begin().await;
    w.done(&job, "fine").await;
    w.pass(secs(1));
    assert_eq!(w.ana(&short, Run).await, FollowupDone::Runs { short: short.clone() });
    assert_eq!(w.occurrences(&short).await.len(), 3);
});

proves!(f8_what_is_over_stays_over_whatever_is_asked, |w| {
    let (ended, cancelled) =
        (w.ana_schedules(once(&w, minutes(5))).await, w.ana_schedules(once(&w, minutes(60))).await);
    w.pass(minutes(5));
    let job = w.fired().await;
    w.done(&job, "fine").await;
    w.ana(&cancelled, Cancel).await;
    for act in FollowupAct::ALL {
        assert_eq!(w.ana(&ended, act).await, unchanged(&ended, "it has had its last occurrence"), "{act:?}");
        assert_eq!(w.ana(&cancelled, act).await, unchanged(&cancelled, "it was cancelled before"), "{act:?}");
    }
    assert_eq!(w.story(&ended).await, ["+5m success"]);
    assert_eq!(w.story(&cancelled).await, ["+60m cancelled: cancelled by ana"]);
});

proves!(f16_its_owner_a_moderator_there_an_owner_of_the_bot_and_the_host_may, |w| {
    let person = |id: &str, moderator| Person { moderator, ..Person::new(id, id) };
    let asks = |person, here: Option<Address>, role| Asker::person("sim".into(), person, here, role);
    let operator = Some(Role::Operator);
    for asker in [
        asks(person("ana", false), Some(Address::channel("sim", "attic")), operator),
        asks(person("mod", true), Some(thread()), Some(Role::Viewer)),
        asks(person("boss", false), None, Some(Role::Owner)),
        Asker::host(),
    ] {
        let name = asker.name().to_owned();
        let short = w.ana_schedules(once(&w, minutes(30))).await;
        for act in [Pause, Resume, Run, Cancel] {
            let done = w.acts(asker.clone(), short.as_str(), act).await.unwrap();
            assert!(!matches!(done, FollowupDone::Unchanged { .. }), "{name} {act:?}: {done:?}");
        }
        assert_eq!(w.standing(&short).await, format!("cancelled: cancelled by {name}"));
    }
});

proves!(f16_who_reads_along_may_not_and_who_does_not_is_told_that_there_is_none, |w| {
    let short = w.ana_schedules(once(&w, minutes(30))).await;
    let reader = w.asker("ben", &thread());
    let elsewhere = w.asker("ben", &Address::channel("sim", "attic"));
    let other_account = w.asker("ana", &Address::channel("other", "ops"));
    let nobody = Asker::person("sim".into(), Person::new("ana", "ana"), Some(thread()), None);
    let moderator = Person { moderator: true, ..Person::new("mod", "mod") };
    let attic = Some(Address::channel("sim", "attic"));
    let moderates_elsewhere = Asker::person("sim".into(), moderator, attic, Some(Role::Operator));
    for act in FollowupAct::ALL {
        let done = w.acts(reader.clone(), short.as_str(), act).await;
        assert_eq!(done, Err(FollowupUnresolved::NotAllowed(short.clone())), "{act:?}");
        for asker in [&elsewhere, &other_account, &nobody, &moderates_elsewhere] {
            let done = w.acts(asker.clone(), short.as_str(), act).await;
            assert_eq!(done, Err(FollowupUnresolved::NotFound), "{act:?}");
        }
        assert_eq!(w.acts(reader.clone(), "f9z9z9", act).await, Err(FollowupUnresolved::NotFound));
    }
    assert_eq!((w.standing(&short).await, w.story(&short).await), ("pending".into(), vec!["+30m scheduled".into()]));
});

proves!(f16_it_is_named_by_id_by_a_unique_beginning_or_by_its_key, |w| {
    let mut request = w.request("ana", thread_place("ana"), with_key("Deploy watch", once(&w, minutes(30))));
    request.new.shorts = vec![Short::new("f2a3")];
    w.engine.write(request).await.unwrap();
    let mut request = w.request("ana", thread_place("ana"), once(&w, minutes(30)));
    request.new.shorts = vec![Short::new("f2b3")];
    w.engine.write(request).await.unwrap();
    let (first, second) = (Short::new("f2a3"), Short::new("f2b3"));
    let id = w.followup(&first).await.text("id").unwrap();
    let ana = w.asker("ana", &thread());
    for name in ["f2a3", "F2A3", " `f2a3` ", "f2a", "Deploy watch", id.as_str()] {
        let done = w.acts(ana.clone(), name, Resume).await;
        assert_eq!(done, Ok(unchanged(&first, "it is not paused")), "{name}");
    }
    let several = w.acts(ana.clone(), "f2", Resume).await;
    assert_eq!(several, Err(FollowupUnresolved::Several(vec![first, second])));
    let ben = w.asker("ben", &thread());
    assert_eq!(w.acts(ben, "Deploy watch", Resume).await, Err(FollowupUnresolved::NotFound), "a key is one's own");
    let former = Asker::person("sim".into(), Person::new("ana", "ana"), Some(thread()), None);
    let done = w.acts(former, "Deploy watch", Resume).await;
    assert_eq!(done, Err(FollowupUnresolved::NotFound), "a right that was taken away is gone");
});

proves!(f16_what_one_may_not_see_hides_nothing_of_what_one_may, |w| {
    let mut request = w.request("ben", Place::direct(dm("ben")), once(&w, minutes(30)));
    request.new.shorts = vec![Short::new("f2a3")];
    w.engine.write(request).await.unwrap();
    let mine = w.ana_schedules(with_key("f2a3", once(&w, minutes(30)))).await;
    assert_eq!(w.acts(w.asker("ana", &thread()), "f2a3", Resume).await, Ok(unchanged(&mine, "it is not paused")));
});

proves!(f16_a_button_and_a_word_do_the_same, |w| {
    let short = w.ana_schedules(every(&w, 30)).await;
    let press = |act| Press::Followup { act, id: short.to_string() };
    let done = w.press("ana", thread(), press(Pause)).await;
    assert_eq!(done, Offered::Changed(Ok(FollowupDone::Paused { short: short.clone() })));
    let act = Act::Followup { name: short.to_string(), act: Run };
    let done = w.one("ana", thread_place("ana"), act).await;
    assert_eq!(done, Offered::Changed(Ok(FollowupDone::Runs { short: short.clone() })));
    let done = w.press("ben", thread(), press(Cancel)).await;
    assert_eq!(done, Offered::Changed(Err(FollowupUnresolved::NotAllowed(short.clone()))));
    // `/cancel` with the id of a follow-up means the follow-up.
    let done = w.cancel("ana", thread_place("ana"), Some(short.as_str()), "enough").await;
    assert_eq!(done, Offered::Changed(Ok(FollowupDone::Cancelled { short: short.clone() })));
    assert_eq!(w.standing(&short).await, "cancelled: cancelled by ana");
});

proves!(f11_a_one_shot_that_was_set_aside_is_over_when_it_has_no_further_time, |w| {
    let short = w.ana_schedules(once(&w, minutes(30))).await;
    w.run_sql("UPDATE occurrences SET late = '{'", vec![]).await;
    w.pass(minutes(30));
    assert!(w.claims().await.firings.is_empty());
    assert_eq!(w.ana(&short, Resume).await, unchanged(&short, "its schedule has no further time"));
    assert_eq!(w.followup(&short).await.text("state").unwrap(), "ended", "nothing stays open without a time");
});
