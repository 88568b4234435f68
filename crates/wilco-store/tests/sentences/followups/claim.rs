//! Claiming: what is due by the wall clock, each occurrence by one claimer, and the next one stored first.

use wilco_core::followup::FollowupAct;
use wilco_core::schedule::OCCURRENCE_LEASE;
use wilco_core::when::{Rule, Schedule, Zone};
use wilco_core::{InstanceId, Timestamp, wording};
use wilco_store::args;

use super::support::*;
use crate::support::*;

proves!(f4_what_is_due_is_claimed_at_its_time_and_not_before, |w| {
    let short = w.ana_schedules(once(&w, minutes(60))).await;
    w.pass(minutes(60) - std::time::Duration::from_millis(1));
    assert_eq!(w.claims().await, Default::default(), "never early");
    w.pass(std::time::Duration::from_millis(1));
    let firing = w.firing().await;
    assert_eq!((&firing.short, firing.due, firing.fence, firing.attempts), (&short, at(60), 1, 0));
    assert_eq!((firing.late, firing.manual, firing.person.id.as_str()), (None, false, "ana"));
    assert_eq!((firing.place.clone(), firing.purpose.as_str()), (thread_place("ana"), "/followup later"));
    let row = w.occurrences(&short).await.remove(0);
    assert_eq!((row.text("state").unwrap(), row.text("lease_owner").unwrap()), ("running".into(), "one".into()));
    assert_eq!(row.time("lease_until").unwrap(), w.now.plus(OCCURRENCE_LEASE));
    assert_eq!(row.opt_time("due_at").unwrap(), None);
});

proves!(f4_due_is_by_the_wall_clock_and_leases_are_by_the_steady_time, |w| {
    let short = w.ana_schedules(once(&w, minutes(60))).await;
    w.wall_ahead += 60 * 60_000;
    assert_eq!(w.firing().await.short, short);
    let row = w.occurrences(&short).await.remove(0);
    assert_eq!(row.time("lease_until").unwrap(), START.plus(OCCURRENCE_LEASE));
});

proves!(f4_a_claim_takes_so_many_at_most_and_says_that_there_are_more, |w| {
    let mut expected = Vec::new();
    for minute in [5, 3, 4, 2, 1] {
        expected.push((minute, w.ana_schedules(once(&w, minutes(minute))).await));
    }
    expected.sort();
    w.pass(minutes(5));
    let mut fired = Vec::new();
    for (count, more) in [(2, true), (2, true), (1, false)] {
        let claimed = w.engine.write(w.claim_due(2)).await.unwrap();
        assert_eq!((claimed.firings.len(), claimed.more), (count, more));
        fired.extend(claimed.firings.into_iter().map(|firing| firing.short));
    }
    let expected: Vec<_> = expected.into_iter().map(|(_, short)| short).collect();
    assert_eq!(fired, expected, "oldest due first");
});

proves!(f19_two_claimers_never_both_get_one, |w| {
    for _ in 0..20 {
        w.ana_schedules(once(&w, minutes(5))).await;
    }
    w.pass(minutes(5));
    let (mut one, mut two) = (w.claim_due(15), w.claim_due(15));
    (one.owner, two.owner) = (InstanceId::new("one"), InstanceId::new("two"));
    let (one, two) = tokio::join!(w.engine.write(one), w.engine.write(two));
    let mut all: Vec<_> = one.unwrap().firings.into_iter().chain(two.unwrap().firings).collect();
    assert_eq!(all.len(), 20);
    all.sort_by(|one, other| one.occurrence.as_str().cmp(other.occurrence.as_str()));
    all.dedup_by(|one, other| one.occurrence == other.occurrence);
    assert_eq!(all.len(), 20, "each is claimed once");
    assert!(w.claims().await.firings.is_empty(), "and nothing is left");
});

proves!(f19_a_claim_that_ran_out_is_given_up_by_whoever_claims_next, |w| {
    let short = w.ana_schedules(once(&w, minutes(30))).await;
    w.pass(minutes(30));
    let lost = w.firing().await;
    w.pass(OCCURRENCE_LEASE - secs(1));
    assert!(w.claims().await.firings.is_empty(), "it may still be on its way");
    w.pass(secs(1));
    let firing = w.firing().await;
    assert_eq!((firing.occurrence.clone(), firing.fence), (lost.occurrence.clone(), lost.fence + 1));
    let new = w.scheduled_job(&lost, "report");
    assert_eq!(w.fires(&lost, start(new)).await.how, wilco_store::changes::FiredHow::Superseded);
    assert_eq!(w.count_of("SELECT COUNT(*) AS n FROM workers").await, 0);
    w.fire(&firing).await;
    w.pass(OCCURRENCE_LEASE);
    assert!(w.claims().await.firings.is_empty(), "what has fired holds no claim");
    assert_eq!(w.story(&short).await, ["+30m running"]);
});

proves!(f18_a_long_outage_is_taken_up_in_bounded_steps, |w| {
    let mut shorts = Vec::new();
    for _ in 0..4 {
        shorts.push(w.ana_schedules(every(&w, 5)).await);
    }
    w.is_offline("two", minutes(5 * 600)).await;
    let (mut fired, mut steps) = (Vec::new(), 0);
    loop {
        let claimed = w.claims().await;
        steps += 1;
        fired.extend(claimed.firings.into_iter().map(|firing| firing.short));
        if !claimed.more {
            break;
        }
    }
    assert_eq!((fired.len(), steps), (4, 2), "no commit holds the rows of all of them");
    fired.sort();
    shorts.sort();
    assert_eq!(fired, shorts);
});

proves!(f17_the_next_occurrence_is_stored_before_this_one_fires, |w| {
    let short = w.ana_schedules(every(&w, 30)).await;
    w.pass(minutes(30));
    let firing = w.firing().await;
    assert_eq!((firing.due, firing.late), (at(30), None));
    assert_eq!(w.story(&short).await, ["+30m running", "+60m scheduled"]);
    // Whatever becomes of the first one, the schedule goes on.
    let job = w.fire(&firing).await;
    w.begin().await;
    w.done(&job, "fine").await;
    w.pass(minutes(30));
    assert_eq!(w.firing().await.due, at(60));
    assert_eq!(w.story(&short).await, ["+30m success", "+60m running", "+90m scheduled"]);
});

proves!(f17_a_rule_without_a_further_time_ends_with_its_last_occurrence, |w| {
    // The end of the range of moments stands for the end of any schedule.
    let last = Timestamp(i64::MAX - 10);
    let mut wanted = every(&w, 30);
    wanted.schedule = Schedule { zone: Zone::UTC, rule: Rule::Every { every: minutes(30), from: last } };
    let short = w.ana_schedules(wanted).await;
    w.pass(minutes(30));
    let job = w.fired().await;
    assert_eq!(w.story(&short).await, ["+30m running"]);
    w.done(&job, "fine").await;
    assert_eq!(w.standing(&short).await, "ended");
});

proves!(the_next_occurrence_is_skipped_while_one_still_runs, |w| {
    let short = w.ana_schedules(every(&w, 30)).await;
    w.pass(minutes(30));
    let job = w.fired().await;
    w.pass(minutes(30));
    let claimed = w.claims().await;
    assert!(claimed.firings.is_empty());
    let reason = format!("overlap: {} still ran", job.short);
    let skipped = format!("+60m skipped: {reason}");
    assert_eq!(w.story(&short).await, ["+30m running", skipped.as_str(), "+90m scheduled"]);
    let told = &claimed.told[0];
    assert_eq!((&told.short, told.reason.as_deref()), (&short, Some(reason.as_str())));
    assert!(w.notices().await.is_empty(), "the job that runs is visible; the row says the rest");
    w.done(&job, "fine").await;
    w.pass(minutes(30));
    assert_eq!(w.firing().await.due, at(90), "and goes on when it is done");
});

proves!(f20_what_is_paused_is_not_due_and_not_claimed, |w| {
    let (single, again) = (w.ana_schedules(once(&w, minutes(30))).await, w.ana_schedules(every(&w, 30)).await);
    for short in [&single, &again] {
        w.ana(short, FollowupAct::Pause).await;
        assert_eq!(w.story(short).await, ["+30m scheduled without a time"]);
        assert_eq!(w.occurrences(short).await[0].opt_time("due_at").unwrap(), None);
    }
    w.pass(minutes(90));
    assert_eq!(w.claims().await, Default::default());
    assert_eq!(w.engine.read(wilco_store::reads::NextDue).await.unwrap().followup, None, "and nobody is woken for it");
});

proves!(f20_one_whose_follow_up_is_over_never_fires, |w| {
    // No sentence leaves such a row behind; an operator's hand may.
    let short = w.ana_schedules(once(&w, minutes(30))).await;
    w.run_sql("UPDATE followups SET state = 'cancelled', ended_at = $1", args![w.now]).await;
    w.pass(minutes(30));
    assert!(w.claims().await.firings.is_empty());
    assert_eq!(w.story(&short).await, ["+30m cancelled: its follow-up is over"]);
});

proves!(a_row_that_cannot_be_read_is_set_aside_and_the_others_fire, |w| {
    let torn = w.ana_schedules(every(&w, 30)).await;
    let bent = w.ana_schedules(every(&w, 30)).await;
    let sound = w.ana_schedules(once(&w, minutes(30))).await;
    w.run_sql("UPDATE followups SET task = '{' WHERE short = $1", args![&torn]).await;
    let of_bent = "UPDATE occurrences SET late = '{' WHERE followup = (SELECT id FROM followups WHERE short = $1)";
    w.run_sql(of_bent, args![&bent]).await;
    w.pass(minutes(30));
    assert_eq!(w.runs().await.short, sound);
    for short in [&torn, &bent] {
        let story = w.story(short).await;
        assert!(story.len() == 1 && story[0].starts_with("+30m failed: its record cannot be read ("), "{story:?}");
        let standing = w.standing(short).await;
        assert!(standing.starts_with("paused: its record cannot be read ("), "{standing}");
        let told = wording::set_aside(short, standing.strip_prefix("paused: ").unwrap());
        assert!(w.notices().await.contains(&(told, "ops/t1".to_owned())), "its originator hears of it there");
    }
    w.begin().await;
    assert!(w.claims().await.firings.is_empty(), "they are not due for ever");
    // What a person can still read goes on when they say so.
    w.ana(&bent, FollowupAct::Resume).await;
    w.pass(minutes(30));
    assert_eq!(w.firing().await.short, bent);
});

/// Lets three hours pass in steps of five minutes of the steady time, while somebody sets the wall clock
/// in the middle; answers what fired.
async fn three_hours(w: &mut World, step: i64) -> Vec<Timestamp> {
    let mut fired = Vec::new();
    for tick in 1..=36 {
        w.pass(minutes(5));
        if tick == 9 {
            w.wall_ahead += step * 60_000;
        }
        for firing in w.claims().await.firings {
            fired.push(firing.due);
            let job = w.fire(&firing).await;
            w.begin().await;
            w.done(&job, "fine").await;
        }
    }
    fired
}

proves!(a_wall_clock_set_back_an_hour_repeats_nothing_and_loses_nothing, |w| {
    let (again, single) = (w.ana_schedules(every(&w, 30)).await, w.ana_schedules(once(&w, minutes(40))).await);
    let mut fired = three_hours(&mut w, -60).await;
    fired.sort();
    assert_eq!(fired, [at(30), at(40), at(60), at(90), at(120)], "the wall clock reads +120m now");
    assert_eq!(w.story(&single).await, ["+40m success"]);
    let story = w.story(&again).await;
    assert_eq!(story, ["+30m success", "+60m success", "+90m success", "+120m success", "+150m scheduled"]);
});

proves!(a_wall_clock_set_forward_an_hour_repeats_nothing_and_loses_nothing, |w| {
    let (again, single) = (w.ana_schedules(every(&w, 30)).await, w.ana_schedules(once(&w, minutes(50))).await);
    let mut fired = three_hours(&mut w, 60).await;
    fired.sort();
    // At +45m it was suddenly +105m: two had passed, the last of them runs and the other one is told.
    assert_eq!(fired, [30, 50, 90, 120, 150, 180, 210, 240].map(at));
    assert_eq!(w.story(&single).await, ["+50m success"]);
    let story = w.story(&again).await;
    assert_eq!(story[..3], ["+30m success", "+60m missed: its time passed before it could run", "+90m success"]);
    assert!(story[3..8].iter().all(|line| line.ends_with(" success")), "{story:?}");
    assert_eq!(story[8], "+270m scheduled");
});

proves!(f5_what_waits_for_its_next_attempt_survives_a_clock_that_is_set, |w| {
    for ahead in [-60, 60] {
        w.wall_ahead = AHEAD;
        let short = w.ana_schedules(once(&w, minutes(5))).await;
        w.pass(minutes(5));
        let firing = w.firing().await;
        w.kept_from(&firing, wilco_core::followup::Trouble::Busy).await;
        w.wall_ahead += ahead * 60_000;
        w.pass(minutes(61));
        let job = w.fired().await;
        w.done(&job, "fine").await;
        assert_eq!(w.occurrences(&short).await.len(), 1);
        assert!(w.story(&short).await[0].ends_with(" success"));
    }
});
