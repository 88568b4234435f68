//! What kept an occurrence from being injected: dropped at once, or after three more attempts.

use std::time::Duration;

use wilco_core::followup::{OccurrenceState, Trouble, Wanted};
use wilco_core::worker::{EndKind, Ending};
use wilco_core::{Cause, wording};

use super::support::*;
use crate::support::*;

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn thread_deleted() -> Trouble {
    Trouble::Gone(Cause::new("10003", "this thread was deleted"))
}

proves!(f4_f12_what_will_not_mend_drops_at_once_and_is_told, |w| {
    let not_allowed = "ana is not allowed any more: it needs role operator, and has no role";
    for (trouble, why) in [
        (thread_deleted(), "this thread was deleted"),
        (Trouble::AccountRemoved("sim".into()), "the account sim is not configured any more"),
        (Trouble::NotAllowed(not_allowed.into()), not_allowed),
    ] {
        let told_before = w.notices().await.len();
        let short = w.ana_schedules(once(&w, minutes(5))).await;
        w.pass(minutes(5));
        let firing = w.firing().await;
        let told = w.kept_from(&firing, trouble).await;
        assert_eq!(told.len(), 1);
        assert_eq!((&told[0].short, told[0].status), (&short, OccurrenceState::FailedDropped));
        assert_eq!((told[0].reason.as_deref(), &told[0].address), (Some(why), &thread_place("ana").address));
        let story = w.story(&short).await;
        assert!(story.len() == 1 && story[0].ends_with(&format!(" failed_dropped: {why}")), "{story:?}");
        let row = w.occurrences(&short).await.remove(0);
        assert_eq!((row.int("attempts").unwrap(), row.text("last_error").unwrap()), (1, why.to_owned()));
        assert_eq!(row.opt_time("fired_at").unwrap(), None);
        let notices = w.notices().await;
        assert_eq!(notices.len(), told_before + 1);
        assert_eq!(notices[told_before].0, wording::not_run(&short, why, &deploy()));
    }
});

proves!(f5_f6_three_retries_then_the_last_error_and_the_right_count, |w| {
    let short = w.ana_schedules(once(&w, minutes(30))).await;
    w.pass(minutes(30));
    let troubles = [Trouble::Busy, Trouble::Error("database is locked".into()), Trouble::Busy];
    for (spent, (trouble, wait)) in troubles.into_iter().zip([200, 400, 800]).enumerate() {
        let firing = w.firing().await;
        assert_eq!((firing.attempts as usize, firing.fence as usize), (spent, spent + 1));
        let error = trouble.words();
        assert!(w.kept_from(&firing, trouble).await.is_empty(), "nothing is settled yet");
        let row = w.occurrences(&short).await.remove(0);
        assert_eq!((row.text("state").unwrap(), row.text("last_error").unwrap()), ("scheduled".into(), error));
        assert_eq!(row.opt_time("due_at").unwrap(), Some(w.wall().plus(millis(wait))), "waiting is a stored time");
        assert_eq!(row.opt_text("lease_owner").unwrap(), None);
        w.pass(millis(wait - 1));
        assert!(w.claims().await.firings.is_empty());
        w.pass(millis(1));
    }
    let firing = w.firing().await;
    let told = w.kept_from(&firing, Trouble::Error("CHECK constraint failed: x".into())).await;
    let why = "CHECK constraint failed: x, after 4 attempts";
    assert_eq!(told[0].reason.as_deref(), Some(why));
    assert_eq!(w.story(&short).await, [format!("+30m failed_dropped: {why}")]);
    let row = w.occurrences(&short).await.remove(0);
    assert_eq!(
        (row.int("attempts").unwrap(), row.text("last_error").unwrap()),
        (4, "CHECK constraint failed: x".into())
    );
    assert_eq!(w.standing(&short).await, format!("ended: {why}"));
    assert_eq!(w.notices().await.len(), 1);
});

proves!(f5_a_success_stops_the_retries_early, |w| {
    let short = w.ana_schedules(once(&w, minutes(30))).await;
    w.pass(minutes(30));
    for wait in [200, 400] {
        let firing = w.firing().await;
        w.kept_from(&firing, Trouble::Busy).await;
        w.pass(millis(wait));
    }
    let job = w.fired().await;
    w.done(&job, "fine").await;
    assert_eq!(w.story(&short).await, ["+30m success"]);
    let row = w.occurrences(&short).await.remove(0);
    assert_eq!((row.int("attempts").unwrap(), row.opt_text("last_error").unwrap()), (3, None));
});

proves!(f11_what_was_refused_failed_and_is_not_tried_again, |w| {
    let short = w.ana_schedules(once(&w, minutes(30))).await;
    w.pass(minutes(30));
    let firing = w.firing().await;
    let told = w.kept_from(&firing, Trouble::Refused("There is no worker `reprot`".into())).await;
    assert_eq!(told[0].status, OccurrenceState::Failed);
    assert_eq!(w.story(&short).await, ["+30m failed: There is no worker `reprot`"]);
    assert_eq!(w.notices().await.len(), 1);
});

proves!(f8_a_dropped_one_shot_never_fires_again, |w| {
    let short = w.ana_schedules(once(&w, minutes(30))).await;
    w.pass(minutes(30));
    let firing = w.firing().await;
    w.kept_from(&firing, thread_deleted()).await;
    let row = w.followup(&short).await;
    assert_eq!((row.text("state").unwrap(), row.opt_time("ended_at").unwrap()), ("ended".into(), Some(w.now)));
    for owner in ["two", "three"] {
        assert_eq!(w.occurrences(&short).await[0].opt_time("due_at").unwrap(), None);
        assert!(w.claims().await.firings.is_empty());
        w.is_offline(owner, minutes(5)).await;
        w.wall_ahead -= 60 * 60_000;
    }
    for act in wilco_core::followup::FollowupAct::ALL {
        let done = w.ana(&short, act).await;
        assert!(matches!(done, wilco_core::desk::FollowupDone::Unchanged { .. }), "{act:?}: {done:?}");
    }
    assert!(w.claims().await.firings.is_empty());
});

proves!(f9_a_dropped_one_shot_goes_with_its_rows_when_that_was_asked_for, |w| {
    let short = w.ana_schedules(Wanted { delete_after_run: true, ..once(&w, minutes(30)) }).await;
    w.pass(minutes(30));
    let firing = w.firing().await;
    let told = w.kept_from(&firing, thread_deleted()).await;
    assert_eq!((told.len(), told[0].status), (1, OccurrenceState::FailedDropped));
    for table in ["SELECT COUNT(*) AS n FROM followups", "SELECT COUNT(*) AS n FROM occurrences"] {
        assert_eq!(w.count_of(table).await, 0);
    }
    let (text, _) = w.notices().await.remove(0);
    let why = "this thread was deleted";
    assert_eq!(text, wording::not_run(&short, why, &deploy()), "it is told all the same");
    assert!(w.claims().await.firings.is_empty());
});

proves!(f4_a_recurring_one_whose_place_is_gone_rests_at_once, |w| {
    for trouble in [thread_deleted(), Trouble::AccountRemoved("sim".into()), Trouble::NotAllowed("no role".into())] {
        let told_before = w.notices().await.len();
        let short = w.ana_schedules(every(&w, 30)).await;
        w.pass(minutes(30));
        let firing = w.firing().await;
        let why = trouble.words();
        w.kept_from(&firing, trouble).await;
        assert_eq!(w.standing(&short).await, format!("paused: {why}"));
        let story = w.story(&short).await;
        assert!(
            story[0].ends_with(&format!(" failed_dropped: {why}")) && story[1].ends_with(" without a time"),
            "{story:?}"
        );
        let notices = w.notices().await;
        assert_eq!(notices.len(), told_before + 1, "one notice says both");
        assert_eq!(notices[told_before].0, wording::paused(&short, 1, &why, &deploy()));
    }
});

proves!(f6_a_recurring_one_that_was_dropped_for_a_passing_trouble_goes_on, |w| {
    let short = w.ana_schedules(every(&w, 30)).await;
    w.pass(minutes(30));
    for _ in 0..4 {
        let firing = w.firing().await;
        w.kept_from(&firing, Trouble::Busy).await;
        w.pass(secs(1));
    }
    let story = w.story(&short).await;
    assert_eq!(story, ["+30m failed_dropped: too many messages were under way, after 4 attempts", "+60m scheduled"]);
    assert_eq!((w.standing(&short).await, w.notices().await.len()), ("pending".into(), 1));
    assert_eq!(w.followup(&short).await.int("failures").unwrap(), 1);
    w.pass(minutes(30));
    let job = w.fired().await;
    w.finish(&job, Ending::bare(EndKind::Done, "")).await;
    assert_eq!(w.followup(&short).await.int("failures").unwrap(), 0);
});

proves!(f6_what_nobody_can_be_told_of_is_settled_all_the_same, |w| {
    let (single, again) = (w.ana_schedules(once(&w, minutes(30))).await, w.ana_schedules(every(&w, 30)).await);
    w.pass(minutes(30));
    // What refuses the fire may refuse the notice of it as well.
    let refuses = "CREATE TRIGGER no_jobs BEFORE INSERT ON workers BEGIN SELECT RAISE(ABORT, 'no jobs today'); END";
    w.run_sql(refuses, vec![]).await;
    for firing in w.claims().await.firings {
        let told = w.kept_from(&firing, thread_deleted()).await;
        assert_eq!((told.len(), told[0].status), (1, OccurrenceState::FailedDropped), "the log and the row say it");
    }
    w.run_sql("DROP TRIGGER no_jobs", vec![]).await;
    assert_eq!(w.story(&single).await, ["+30m failed_dropped: this thread was deleted"]);
    assert_eq!(w.standing(&single).await, "ended: this thread was deleted");
    assert_eq!(w.standing(&again).await, "paused: this thread was deleted");
    assert!(w.notices().await.is_empty());
    assert!(w.claims().await.firings.is_empty());
});

proves!(f14_one_that_is_tried_again_holds_up_nobody, |w| {
    let (stuck, free) = (w.ana_schedules(once(&w, minutes(30))).await, w.ana_schedules(once(&w, minutes(30))).await);
    w.pass(minutes(30));
    let firings = w.claims().await.firings;
    let of = |short: &wilco_core::Short| firings.iter().find(|firing| firing.short == *short).unwrap();
    w.kept_from(of(&stuck), Trouble::Busy).await;
    w.fire(of(&free)).await;
    assert!(w.story(&free).await[0].ends_with(" running"));
    let later = w.ana_schedules(once(&w, millis(150))).await;
    w.pass(millis(150));
    assert_eq!(w.firing().await.short, later, "whatever is due goes first, and alone");
});

proves!(f5_one_that_was_paused_while_it_waited_for_its_next_attempt_stays, |w| {
    let short = w.ana_schedules(once(&w, minutes(30))).await;
    w.pass(minutes(30));
    let firing = w.firing().await;
    w.ana(&short, wilco_core::followup::FollowupAct::Pause).await;
    w.kept_from(&firing, Trouble::Busy).await;
    w.pass(secs(1));
    assert!(w.claims().await.firings.is_empty());
    assert_eq!(w.story(&short).await, ["+30m scheduled without a time"]);
    w.ana(&short, wilco_core::followup::FollowupAct::Resume).await;
    assert_eq!(w.firing().await.attempts, 1, "the attempt that was spent stays spent");
});
