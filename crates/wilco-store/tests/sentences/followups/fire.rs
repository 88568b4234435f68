//! The injection: job and occurrence know of each other in one commit, and whoever lost a claim injects nothing.

use wilco_core::followup::{FollowupAct, Origin, Settlement};
use wilco_core::job::Input;
use wilco_core::{Address, InstanceId, Person, Place, wording};
use wilco_store::changes::{Act, FiredHow, Offered};

use super::support::*;
use crate::support::*;

const WORKERS: &str = "SELECT COUNT(*) AS n FROM workers";
const EVENTS: &str = "SELECT COUNT(*) AS n FROM inbox WHERE event LIKE 'followup/%'";

proves!(f1_f4_the_job_and_its_occurrence_are_linked_in_one_step, |w| {
    let short = w.ana_schedules(once(&w, minutes(30))).await;
    w.pass(minutes(30));
    let firing = w.firing().await;
    w.pass(secs(1));
    let job = w.fire(&firing).await;
    let row = w.occurrences(&short).await.remove(0);
    assert_eq!((row.text("state").unwrap(), row.text("worker").unwrap()), ("running".into(), job.worker.to_string()));
    assert_eq!((row.opt_time("fired_at").unwrap(), row.int("attempts").unwrap()), (Some(w.wall()), 1));
    for column in ["lease_owner", "due_at", "settled_at", "last_error"] {
        assert!(row.opt_text(column).unwrap().is_none(), "{column}");
    }
    let worker = w.rows("SELECT * FROM workers WHERE kind = 'report'", vec![]).await.remove(0);
    assert_eq!(worker.text("occurrence").unwrap(), firing.occurrence.to_string());
    assert_eq!((worker.text("channel").unwrap(), worker.text("thread").unwrap()), ("ops".into(), "t1".into()));
    let Origin::Scheduled(mark) = worker.json::<Input>("input").unwrap().origin else { panic!("not marked") };
    assert_eq!((mark.followup, mark.due, mark.fired), (short.clone(), at(30), w.wall()));
    assert_eq!((mark.originator.as_str(), mark.reason.as_str()), ("ana", "/followup later"));
    assert_eq!(w.standing(&short).await, "pending", "it is over when its job is");
});

proves!(f19_whoever_lost_the_claim_injects_nothing, |w| {
    let short = w.ana_schedules(once(&w, minutes(30))).await;
    w.pass(minutes(30));
    let firing = w.firing().await;
    let mut stale = firing.clone();
    stale.fence -= 1;
    let new = w.scheduled_job(&stale, "report");
    assert_eq!(w.fires(&stale, start(new)).await.how, FiredHow::Superseded);
    w.owner = InstanceId::new("two");
    let new = w.scheduled_job(&firing, "report");
    assert_eq!(w.fires(&firing, start(new)).await.how, FiredHow::Superseded);
    assert!(w.kept_from(&firing, wilco_core::followup::Trouble::Busy).await.is_empty());
    assert_eq!((w.count_of(WORKERS).await, w.count_of(EVENTS).await), (0, 0));
    assert_eq!(w.story(&short).await, ["+30m running"], "and changes nothing of it");

    w.owner = InstanceId::new("one");
    w.fire(&firing).await;
    let new = w.scheduled_job(&firing, "report");
    assert_eq!(w.fires(&firing, start(new)).await.how, FiredHow::Superseded, "a claim serves once");
    assert_eq!(w.count_of(WORKERS).await, 1);
});

proves!(f20_what_was_called_off_after_the_claim_injects_nothing, |w| {
    let keyed = with_key("deploy", once(&w, minutes(30)));
    let (cancelled, replaced) = (w.ana_schedules(once(&w, minutes(30))).await, w.ana_schedules(keyed.clone()).await);
    w.pass(minutes(30));
    let firings = w.claims().await.firings;
    assert_eq!(firings.len(), 2);
    w.ana(&cancelled, FollowupAct::Cancel).await;
    w.ana_schedules(with_key("deploy", once(&w, minutes(30)))).await;
    for firing in &firings {
        let new = w.scheduled_job(firing, "report");
        let fired = w.fires(firing, start(new)).await;
        assert_eq!((fired.how, fired.told), (FiredHow::Superseded, vec![]));
    }
    assert_eq!(w.count_of(WORKERS).await, 0);
    assert_eq!(w.story(&cancelled).await, ["+30m cancelled: cancelled by ana"]);
    assert!(w.story(&replaced).await[0].starts_with("+30m cancelled: replaced by "));
});

proves!(f20_what_was_paused_after_the_claim_waits_and_fires_once_when_it_is_resumed, |w| {
    let short = w.ana_schedules(once(&w, minutes(30))).await;
    w.pass(minutes(30));
    let firing = w.firing().await;
    w.ana(&short, FollowupAct::Pause).await;
    let new = w.scheduled_job(&firing, "report");
    assert_eq!(w.fires(&firing, start(new)).await.how, FiredHow::Held);
    assert_eq!(w.count_of(WORKERS).await, 0);
    assert_eq!(w.story(&short).await, ["+30m scheduled without a time"]);
    w.pass(minutes(1));
    w.ana(&short, FollowupAct::Resume).await;
    w.runs().await;
    assert_eq!(w.story(&short).await, ["+30m success by hand"]);
    assert_eq!(w.count_of(WORKERS).await, 1);
});

proves!(f5_a_full_house_queues_what_is_due, |w| {
    w.settings.quotas.channel_open = 0;
    w.settings.quotas.person_queued = 0;
    w.settings.quotas.cooldown = minutes(60);
    let short = w.ana_schedules(once(&w, minutes(30))).await;
    w.pass(minutes(30));
    let firing = w.firing().await;
    let new = w.scheduled_job(&firing, "report");
    let job = w.fire_job(&firing, new).await;
    assert_eq!(w.begin().await.len(), 1);
    w.done(&job, "fine").await;
    assert_eq!(w.story(&short).await, ["+30m success"]);
});

proves!(f4_a_turn_that_starts_no_job_is_settled_at_once, |w| {
    let short = w.ana_schedules(once(&w, minutes(30))).await;
    let elsewhere = Place { direct: Some(dm("ana")), ..Place::public(Address::channel("sim", "attic")) };
    let other = w.scheduled("ana", elsewhere.clone(), once(&w, minutes(60))).await.followup.short;
    w.pass(minutes(30));
    let firing = w.firing().await;
    let cancels = Act::Followup { name: other.to_string(), act: FollowupAct::Cancel };
    let fired = w.fires(&firing, cancels).await;
    assert!(matches!(fired.how, FiredHow::Turn(Offered::Changed(Ok(_)))), "{fired:?}");
    assert_eq!((w.story(&short).await, w.standing(&short).await), (vec!["+30m success".into()], "ended".into()));
    assert_eq!(w.story(&other).await, ["+60m cancelled: cancelled by ana"]);
    let row = w.occurrences(&short).await.remove(0);
    assert_eq!((row.opt_time("fired_at").unwrap(), row.int("attempts").unwrap()), (Some(w.wall()), 1));
    assert!(w.notices().await.is_empty());
});

proves!(f11_a_turn_that_could_not_be_carried_out_failed_and_is_told, |w| {
    let short = w.ana_schedules(once(&w, minutes(5))).await;
    w.pass(minutes(5));
    let firing = w.firing().await;
    let in_vain = Act::Cancel { job: Some("k7f2".into()), reason: "late".into(), followups: false };
    let fired = w.fires(&firing, in_vain).await;
    let why = "there is no job that it could cancel";
    assert_eq!(fired.told[0].reason.as_deref(), Some(why));
    assert_eq!(w.story(&short).await, [format!("+5m failed: {why}")]);
    assert_eq!(w.standing(&short).await, format!("ended: {why}"), "it does not stay due");
    let (text, place) = w.notices().await.remove(0);
    assert_eq!(text, wording::not_run(&short, why, &deploy()));
    assert_eq!(place, "ops/t1");
});

proves!(f15_a_follow_up_that_calls_off_its_own_place_is_settled_once, |w| {
    let short = w.ana_schedules(once(&w, minutes(30))).await;
    w.pass(minutes(30));
    let firing = w.firing().await;
    w.fires(&firing, Act::StopHere { reason: "cleaning up".into() }).await;
    assert_eq!(w.story(&short).await, ["+30m cancelled: cleaning up"]);
    assert_eq!(w.standing(&short).await, "cancelled: cleaning up");
    assert!(w.notices().await.is_empty());
});

proves!(f4_a_chat_that_moved_takes_its_follow_up_along, |w| {
    let short = w.ana_schedules(every(&w, 30)).await;
    w.pass(minutes(30));
    let mut firing = w.firing().await;
    let to = Address::channel("sim", "ops-2");
    firing.place = Place { address: to.clone(), parent: None, ..thread_place("ana") };
    let job = w.fire(&firing).await;
    let row = w.followup(&short).await;
    assert_eq!((row.text("channel").unwrap(), row.opt_text("thread").unwrap()), ("ops-2".into(), None));
    assert_eq!(row.json::<Place>("place").unwrap(), firing.place);
    assert_eq!(w.look(&job).await.job.address, to);
    w.begin().await;
    w.done(&job, "fine").await;
    w.pass(minutes(30));
    assert_eq!(w.firing().await.place.address, to, "and fires there from now on");
});

proves!(two_of_one_follow_up_that_are_claimed_together_do_not_run_together, |w| {
    let short = w.ana_schedules(every(&w, 30)).await;
    w.pass(minutes(30));
    // Somebody makes it run by hand at the very moment at which it is due.
    w.ana(&short, FollowupAct::Run).await;
    let firings = w.claims().await.firings;
    assert_eq!(firings.len(), 2, "neither runs yet");
    let job = w.fire(&firings[0]).await;
    let new = w.scheduled_job(&firings[1], "report");
    let fired = w.fires(&firings[1], start(new)).await;
    assert_eq!(fired.how, FiredHow::Superseded);
    let skipped = Settlement::Skipped(wilco_core::followup::Skip::Overlap(job.short.clone()));
    assert_eq!(fired.told[0].reason, skipped.reason());
    assert_eq!(w.count_of(WORKERS).await, 1);
    let story = w.story(&short).await;
    assert_eq!(story.iter().filter(|line| line.contains(" running")).count(), 1, "{story:?}");
    assert_eq!(story.iter().filter(|line| line.contains(" skipped")).count(), 1, "{story:?}");
});

proves!(f1_a_fire_speaks_in_its_originators_name, |w| {
    let place = Place { direct: Some(dm("ben")), ..Place::public(ops()) };
    w.scheduled("ben", place, once(&w, minutes(5))).await;
    w.pass(minutes(5));
    let firing = w.firing().await;
    assert_eq!(firing.person, Person::new("ben", "ben"));
    let job = w.fire(&firing).await;
    let look = w.look(&job).await;
    assert_eq!(look.job.by, "ben");
    assert_eq!(look.contracts[0].route.steps(), [ops(), dm("ben")], "the way of its result is that of the place");
});
