//! Scheduling: what somebody asked for stands in rows, once, and within the limits.

use wilco_core::desk::FollowupSet;
use wilco_core::followup::{FollowupState, Task, Wanted};
use wilco_core::{Address, Person, Place, Short};
use wilco_store::args;
use wilco_store::changes::{Act, Offered, Scheduling};
use wilco_store::error::StoreError;

use super::support::*;
use crate::support::*;

const FOLLOWUPS: &str = "SELECT COUNT(*) AS n FROM followups";
const OCCURRENCES: &str = "SELECT COUNT(*) AS n FROM occurrences";

proves!(f1_f21_a_follow_up_and_its_first_occurrence_stand_as_they_were_asked_for, |w| {
    let task = Task::Command { worker: "report".into(), text: "all".into() };
    let wanted = Wanted { task: task.clone(), delete_after_run: true, ..with_key("deploy", once(&w, minutes(90))) };
    w.settings.followups.pause_after = 3;
    let set = w.scheduled("ana", thread_place("ana"), wanted.clone()).await;
    let row = w.followup(&set.followup.short).await;
    assert_eq!(row.json::<Task>("task").unwrap(), task);
    assert_eq!(row.json::<wilco_core::when::Schedule>("schedule").unwrap(), wanted.schedule);
    assert_eq!(row.json::<Person>("person").unwrap(), Person::new("ana", "ana"));
    assert_eq!(row.json::<Place>("place").unwrap(), thread_place("ana"), "it fires where it was asked for");
    let texts = ["kind", "state", "purpose", "dedupe", "person_id", "account", "channel", "thread"];
    let texts = texts.map(|column| row.text(column).unwrap());
    assert_eq!(texts, ["command", "pending", "/followup later", "deploy", "ana", "sim", "ops", "t1"]);
    let counts = ["recurring", "delete_after_run", "failures", "pause_after"];
    assert_eq!(counts.map(|column| row.int(column).unwrap()), [0, 1, 0, 3]);
    assert_eq!((row.time("created_at").unwrap(), row.opt_time("ended_at").unwrap()), (at(0), None));
    assert_eq!(w.story(&set.followup.short).await, ["+90m scheduled"]);

    let FollowupSet { followup, first, replaced, rolled } = set;
    assert_eq!((first, followup.next, replaced, rolled), (at(90), Some(at(90)), None, false));
    assert_eq!((followup.task, followup.state, followup.may_change), (task, FollowupState::Pending, true));
    assert_eq!((followup.key.as_deref(), followup.by.as_str()), (Some("deploy"), "ana"));
});

proves!(f1_what_somebody_types_is_scheduled_by_the_same_sentence, |w| {
    let new = w.new_followup(every(&w, 30));
    let item = w.item("ana", thread_place("ana"), Act::Schedule(Box::new(new)));
    let mut answers = w.offer(vec![item.clone(), item]).await;
    assert_eq!(answers.pop(), Some(Offered::Duplicate { worker: None }), "the same event schedules once");
    let Some(Offered::Scheduled(Scheduling::Set(set))) = answers.pop() else { panic!("not scheduled") };
    assert_eq!(w.followup(&set.followup.short).await.int("recurring").unwrap(), 1);
    assert_eq!(w.story(&set.followup.short).await, ["+30m scheduled"]);
    assert_eq!(w.count_of(FOLLOWUPS).await, 1);
});

proves!(f19_one_due_time_is_one_row_however_often_it_is_stored, |w| {
    let short = w.ana_schedules(once(&w, minutes(90))).await;
    let id = w.followup(&short).await.text("id").unwrap();
    let insert = "INSERT INTO occurrences (id, followup, due, manual, state) VALUES ($1, $2, $3, $4, 'scheduled')";
    let again = Sql(insert, args!["another", id.as_str(), at(90), false]);
    let refused = w.engine.write(again).await.map(|_| ()).unwrap_err();
    assert!(matches!(refused, StoreError::Constraint(_)), "{refused:?}");
    w.run_sql(insert, args!["by hand", id.as_str(), at(90), true]).await;
    w.run_sql(insert, args!["later", id.as_str(), at(91), false]).await;
    assert_eq!(w.count_of(OCCURRENCES).await, 3, "another due time, and a run by hand, are occurrences of their own");
});

proves!(f3_the_same_key_of_the_same_person_replaces_and_says_so, |w| {
    let old = w.ana_schedules(with_key("deploy", once(&w, minutes(60)))).await;
    let bens = w.scheduled("ben", thread_place("ben"), with_key("deploy", once(&w, minutes(60)))).await;
    assert_eq!(bens.replaced, None, "a key is one person's own");
    let other = w.ana_schedules(with_key("backup", once(&w, minutes(60)))).await;
    let keyless = w.ana_schedules(once(&w, minutes(60))).await;

    let new = w.scheduled("ana", thread_place("ana"), with_key("deploy", once(&w, minutes(90)))).await;
    assert_eq!(new.replaced, Some(old.clone()));
    let reason = format!("replaced by {}", new.followup.short);
    assert_eq!(w.standing(&old).await, format!("cancelled: {reason}"));
    assert_eq!(w.story(&old).await, [format!("+60m cancelled: {reason}")]);
    for stays in [&bens.followup.short, &other, &keyless, &new.followup.short] {
        assert_eq!(w.standing(stays).await, "pending");
    }
    w.pass(minutes(60));
    let mut fired: Vec<_> = w.claims().await.firings.into_iter().map(|firing| firing.short).collect();
    fired.sort();
    let mut expected = vec![bens.followup.short, other, keyless];
    expected.sort();
    assert_eq!(fired, expected, "what was replaced does not fire");
});

proves!(f4_a_follow_up_fires_with_the_roles_that_its_originator_has_now, |w| {
    let short = w.ana_schedules(once(&w, minutes(60))).await;
    let over = w.ana_schedules(once(&w, minutes(60))).await;
    w.ana(&over, wilco_core::followup::FollowupAct::Cancel).await;
    let bens = w.scheduled("ben", thread_place("ben"), once(&w, minutes(90))).await.followup.short;
    // She says something somewhere, and her platform tells who she is now.
    let ana = Person { roles: vec!["ops".into()], moderator: true, ..Person::new("ana", "Ana M.") };
    let attic = Place::public(Address::channel("sim", "attic"));
    let mut item = w.item("ana", attic, Act::StopHere { reason: "x".into() });
    item.asker = wilco_store::changes::Asker::person("sim".into(), ana.clone(), None, None);
    w.offer(vec![item]).await;
    let stored = Person { moderator: false, ..ana };
    assert_eq!(w.followup(&short).await.json::<Person>("person").unwrap(), stored, "what she moderates is not kept");
    assert_eq!(w.followup(&over).await.json::<Person>("person").unwrap(), Person::new("ana", "ana"));
    assert_eq!(w.followup(&bens).await.json::<Person>("person").unwrap(), Person::new("ben", "ben"));
    w.pass(minutes(60));
    assert_eq!(w.firing().await.person, stored);
});

proves!(f3_a_key_is_free_again_when_its_follow_up_is_over, |w| {
    let first = w.ana_schedules(with_key("deploy", once(&w, minutes(5)))).await;
    w.pass(minutes(5));
    let job = w.fired().await;
    w.done(&job, "fine").await;
    assert_eq!(w.standing(&first).await, "ended");
    let second = w.scheduled("ana", thread_place("ana"), with_key("deploy", once(&w, minutes(5)))).await;
    assert_eq!(second.replaced, None);
    assert_eq!(w.standing(&first).await, "ended", "what is over is not called off");
});

proves!(f3_a_key_of_another_account_is_another_key, |w| {
    let here = w.ana_schedules(with_key("deploy", once(&w, minutes(60)))).await;
    let there = Place::public(Address::channel("other", "ops"));
    let there = w.scheduled("ana", there, with_key("deploy", once(&w, minutes(60)))).await;
    assert_eq!(there.replaced, None);
    assert_eq!(w.standing(&here).await, "pending");
});

proves!(the_limit_counts_what_is_open_of_that_person_and_a_replacement_fits, |w| {
    w.settings.followups.per_person = 2;
    let one = w.ana_schedules(once(&w, minutes(5))).await;
    let two = w.ana_schedules(with_key("deploy", once(&w, minutes(60)))).await;
    let third = once(&w, minutes(60));
    assert_eq!(w.schedules("ana", thread_place("ana"), third.clone()).await, Scheduling::TooMany { limit: 2 });
    assert!(matches!(w.schedules("ben", thread_place("ben"), third.clone()).await, Scheduling::Set(_)));
    let replaces = w.scheduled("ana", thread_place("ana"), with_key("deploy", third.clone())).await;
    assert_eq!(replaces.replaced, Some(two));

    w.ana(&one, wilco_core::followup::FollowupAct::Pause).await;
    let full = w.schedules("ana", thread_place("ana"), third.clone()).await;
    assert_eq!(full, Scheduling::TooMany { limit: 2 }, "a paused one is open, too");
    w.ana(&one, wilco_core::followup::FollowupAct::Cancel).await;
    assert!(matches!(w.schedules("ana", thread_place("ana"), third).await, Scheduling::Set(_)));
});

proves!(f3_a_replacement_fits_a_limit_that_was_lowered_meanwhile, |w| {
    for key in ["deploy", "backup", "audit"] {
        w.ana_schedules(with_key(key, once(&w, minutes(60)))).await;
    }
    w.settings.followups.per_person = 1;
    let fourth = once(&w, minutes(60));
    assert_eq!(w.schedules("ana", thread_place("ana"), fourth).await, Scheduling::TooMany { limit: 1 });
    let again = with_key("backup", once(&w, minutes(90)));
    let replaced = w.scheduled("ana", thread_place("ana"), again).await.replaced;
    assert!(replaced.is_some(), "there are no more of them than before");
});

proves!(what_is_refused_stores_nothing, |w| {
    w.settings.followups.per_person = 0;
    let wanted = with_key("deploy", once(&w, minutes(5)));
    assert_eq!(w.schedules("ana", thread_place("ana"), wanted.clone()).await, Scheduling::TooMany { limit: 0 });
    let new = w.new_followup(wanted.clone());
    let typed = w.one("ana", thread_place("ana"), Act::Schedule(Box::new(new))).await;
    assert_eq!(typed, Offered::Scheduled(Scheduling::TooMany { limit: 0 }));
    assert_eq!((w.count_of(FOLLOWUPS).await, w.count_of(OCCURRENCES).await), (0, 0));

    w.settings.followups.per_person = 5;
    let kept = w.ana_schedules(wanted.clone()).await;
    let mut request = w.request("ana", thread_place("ana"), wanted);
    request.new.shorts = vec![kept.clone()];
    let refused = w.engine.write(request.clone()).await.unwrap_err();
    assert!(matches!(refused, StoreError::Busy(_)), "{refused:?}");
    assert_eq!(w.standing(&kept).await, "pending", "nothing was replaced by what is not stored");
    assert_eq!((w.count_of(FOLLOWUPS).await, w.count_of(OCCURRENCES).await), (1, 1));
    request.new.shorts = w.dice.followup_shorts();
    let stored = w.engine.write(request).await.unwrap();
    assert!(matches!(stored, Scheduling::Set(_)), "the same request may be given again: {stored:?}");
});

proves!(an_id_means_one_thing_among_jobs_and_follow_ups, |w| {
    let job = w.report().await;
    let first = w.ana_schedules(once(&w, minutes(5))).await;
    let free = Short::new("f2z9");
    let mut request = w.request("ana", thread_place("ana"), once(&w, minutes(5)));
    request.new.shorts = vec![job.short.clone(), first.clone(), free.clone()];
    let Scheduling::Set(set) = w.engine.write(request).await.unwrap() else { panic!("not scheduled") };
    assert_eq!(set.followup.short, free);

    let mut new = w.new_job("report", "ana");
    let unused = Short::new("q2z9");
    new.shorts = vec![first, free, job.short, unused.clone()];
    let Offered::Run(Ok(started)) = w.one("ana", thread_place("ana"), start(new)).await else { panic!("not started") };
    assert_eq!(started.short, unused, "a job does not take the id of a follow-up");
});

proves!(m13_the_same_request_given_again_is_answered_with_the_same_follow_up, |w| {
    let request = w.request("ana", thread_place("ana"), with_key("deploy", once(&w, minutes(60))));
    let Scheduling::Set(first) = w.engine.write(request.clone()).await.unwrap() else { panic!("not scheduled") };
    w.pass(secs(30));
    let mut again = request.clone();
    again.new = w.new_followup(once(&w, minutes(90)));
    let Scheduling::Set(second) = w.engine.write(again.clone()).await.unwrap() else { panic!("not answered") };
    assert_eq!(second, first);
    assert_eq!((w.count_of(FOLLOWUPS).await, w.count_of(OCCURRENCES).await), (1, 1));

    w.settings.followups.per_person = 1;
    let mut refused = w.request("ana", thread_place("ana"), once(&w, minutes(60)));
    assert_eq!(w.engine.write(refused.clone()).await.unwrap(), Scheduling::TooMany { limit: 1 });
    refused.new.per_person = 9;
    assert_eq!(w.engine.write(refused).await.unwrap(), Scheduling::GivenBefore);
    assert_eq!(w.count_of(FOLLOWUPS).await, 1);
});
