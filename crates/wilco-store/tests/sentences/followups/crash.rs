//! A process that stops inside of a sentence about follow-ups leaves all of it or nothing, and whatever
//! it had claimed fires once in the end.

use wilco_core::followup::{FollowupAct, Trouble};
use wilco_core::worker::{EndKind, Ending};
use wilco_core::{Cause, InstanceId};
use wilco_store::changes::{ChangeFollowup, DispatchFailed, Finish, FiredHow, Recover, Scheduling};
use wilco_store::engine::Mode;

use super::support::*;
use crate::crash::{stopped, watch};
use crate::support::*;

const WORKERS: &str = "SELECT COUNT(*) AS n FROM workers WHERE kind = 'report'";

#[tokio::test]
async fn f4_scheduling_claiming_injecting_and_settling_are_stored_as_a_whole_or_not_at_all() {
    watch();
    let (_folder, mut w) = World::open(Mode::Inline).await;
    let old = w.ana_schedules(with_key("deploy", every(&w, 20))).await;
    let request = w.request("ana", thread_place("ana"), with_key("deploy", every(&w, 30)));
    let Scheduling::Set(set) = stopped(&w, "store.schedule.applied", request).await else { panic!("not set") };
    let short = set.followup.short;
    assert_eq!(set.replaced, Some(old));
    w.pass(minutes(30));
    let claim = w.claim_due(9);
    let firing = stopped(&w, "store.fire.claimed", claim).await.firings.remove(0);
    assert_eq!(w.story(&short).await, ["+30m running", "+60m scheduled"]);
    let new = w.scheduled_job(&firing, "report");
    let worker = new.id.clone();
    let fire = w.fire_of(&firing, start(new));
    assert!(matches!(stopped(&w, "store.fire.injected", fire).await.how, FiredHow::Job { .. }));
    assert_eq!(w.count_of(WORKERS).await, 1);

    w.begin().await;
    let ending = Ending::bare(EndKind::Failed, "exit 2");
    let finish = Finish { worker, ending, gate: None, now: w.now, platforms: w.platforms(), fresh: w.fresh() };
    stopped(&w, "store.fire.settled", finish).await;
    assert!(w.story(&short).await[0].starts_with("+30m failed: "), "the job and its occurrence ended together");

    // A drop settles, pauses and tells in one step, too.
    w.pass(minutes(30));
    let firing = w.firing().await;
    let drop = DispatchFailed {
        occurrence: firing.occurrence,
        fence: firing.fence,
        owner: w.owner.clone(),
        trouble: Trouble::Gone(Cause::new("gone", "this thread was deleted")),
        now: w.now,
        wall: w.wall(),
        fresh: w.fresh(),
    };
    assert_eq!(stopped(&w, "store.fire.settled", drop).await.len(), 1);
    assert_eq!(w.notices().await.len(), 1);
    assert_eq!(w.standing(&short).await, "paused: this thread was deleted");
}

#[tokio::test]
async fn f19_whatever_a_dead_process_had_claimed_fires_once() {
    watch();
    let (_folder, mut w) = World::open(Mode::Inline).await;
    let short = w.ana_schedules(once(&w, minutes(30))).await;
    w.pass(minutes(30));
    let lost = w.firing().await;
    // It dies after the claim. Its successor stops once in the middle of taking over.
    w.owner = InstanceId::new("two");
    let recover = Recover {
        owner: w.owner.clone(),
        alone: true,
        now: w.now,
        wall: w.wall(),
        platforms: w.platforms(),
        fresh: w.fresh(),
    };
    assert_eq!(stopped(&w, "store.recover.applied", recover).await.released, 1);
    assert_eq!(w.story(&short).await, ["+30m scheduled"], "due since its own time");
    let firing = w.firing().await;
    assert_eq!((firing.fence, firing.attempts), (lost.fence + 1, 0), "no attempt is spent by a crash");
    // The dead one was only slow: its injection comes now, with the fence of the old claim.
    w.owner = InstanceId::new("one");
    let new = w.scheduled_job(&lost, "report");
    assert_eq!(w.fires(&lost, start(new)).await.how, FiredHow::Superseded);
    w.owner = InstanceId::new("two");
    let job = w.fire(&firing).await;
    // It dies after the injection: the job is lost with it, and the occurrence with the job.
    assert_eq!(w.recover("three", true).await.released, 0);
    w.begin().await;
    assert_eq!(w.recover("four", true).await.ended, 1);
    assert!(w.claims().await.firings.is_empty());
    assert_eq!(w.count_of(WORKERS).await, 1, "{} and no other", job.short);
    assert!(w.story(&short).await[0].starts_with(&format!("+30m failed: {} was interrupted", job.short)));
}

proves!(f20_what_is_released_after_it_was_paused_or_called_off_does_not_fire, |w| {
    let (paused, cancelled) = (w.ana_schedules(every(&w, 30)).await, w.ana_schedules(every(&w, 30)).await);
    w.pass(minutes(30));
    assert_eq!(w.claims().await.firings.len(), 2);
    w.ana(&paused, FollowupAct::Pause).await;
    w.ana(&cancelled, FollowupAct::Cancel).await;
    assert_eq!(w.recover("two", true).await.released, 1);
    assert_eq!(w.story(&paused).await, ["+30m scheduled without a time", "+60m scheduled without a time"]);
    assert!(w.claims().await.firings.is_empty());
    let called_off = ["+30m cancelled: cancelled by ana", "+60m cancelled: cancelled by ana"];
    assert_eq!(w.story(&cancelled).await, called_off);
});

proves!(f20_a_run_by_hand_of_a_paused_one_survives_a_crash, |w| {
    let short = w.ana_schedules(every(&w, 30)).await;
    w.ana(&short, FollowupAct::Pause).await;
    w.pass(minutes(5));
    w.ana(&short, FollowupAct::Run).await;
    assert!(w.firing().await.manual);
    assert_eq!(w.recover("two", true).await.released, 1);
    assert!(w.firing().await.manual, "it was wished for after the pause");
});

proves!(u5_a_living_instance_keeps_its_claim_as_long_as_its_lease, |w| {
    let short = w.ana_schedules(once(&w, minutes(30))).await;
    w.pass(minutes(30));
    let firing = w.firing().await;
    assert_eq!(w.recover("two", false).await.released, 0);
    w.now = w.now.plus(wilco_core::schedule::OCCURRENCE_LEASE);
    assert_eq!(w.recover("three", false).await.released, 1);
    assert_eq!(w.story(&short).await, ["+30m scheduled at +31m"]);
    w.owner = InstanceId::new("one");
    let new = w.scheduled_job(&firing, "report");
    assert_eq!(w.fires(&firing, start(new)).await.how, FiredHow::Superseded);
});

proves!(f10_an_act_given_twice_by_the_engine_acts_once, |w| {
    // Changes may be applied again after an undone batch; their ids were drawn before.
    let short = w.ana_schedules(every(&w, 30)).await;
    let asker = w.asker("ana", &thread_place("ana").address);
    let (now, wall, fresh) = (w.now, w.wall(), w.fresh());
    let run = ChangeFollowup { asker, name: short.to_string(), act: FollowupAct::Run, now, wall, fresh };
    let runs = wilco_core::desk::FollowupDone::Runs { short: short.clone() };
    assert_eq!(w.engine.write(run.clone()).await.unwrap(), Ok(runs));
    assert!(w.engine.write(run).await.unwrap().is_ok());
    assert_eq!(w.story(&short).await, ["+0m scheduled by hand", "+30m scheduled"]);
});
