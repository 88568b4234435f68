//! What was due while nobody could fire it: it runs late and says so, or is told as missed.

use std::time::Duration;

use wilco_core::followup::{Late, MISSED_ROWS, MissedPolicy, OccurrenceState};
use wilco_core::when::{Rule, Schedule, Zone};
use wilco_core::wording;
use wilco_store::changes::{Pulse, Risen};

use super::support::*;
use crate::support::*;

const OFFLINE: &str = "its time passed while the bot was offline";

fn late(by: Duration, offline: Option<(i64, i64)>, missed: u32) -> Option<Late> {
    let offline = offline.map(|(from, to)| (at(from), at(to)));
    Some(Late { by_ms: u64::try_from(by.as_millis()).unwrap(), offline, missed })
}

proves!(f18_a_one_shot_runs_late_and_says_how_late_and_why, |w| {
    let short = w.ana_schedules(once(&w, minutes(30))).await;
    w.pass(minutes(10));
    w.is_offline("two", minutes(60)).await;
    let firing = w.firing().await;
    assert_eq!((firing.due, firing.late), (at(30), late(minutes(40), Some((10, 70)), 0)));
    let stored = w.occurrences(&short).await[0].json::<Late>("late").unwrap();
    assert_eq!(Some(stored), firing.late);
    let job = w.fire(&firing).await;
    w.begin().await;
    w.done(&job, "fine").await;
    assert_eq!(w.story(&short).await, ["+30m success"]);
    assert!(w.notices().await.is_empty(), "the job itself says that it is late");
});

proves!(f18_a_minute_is_no_outage, |w| {
    w.ana_schedules(once(&w, minutes(30))).await;
    w.pass(minutes(31));
    assert_eq!(w.runs().await.late, None);
    w.ana_schedules(once(&w, minutes(30))).await;
    w.pass(minutes(31) + Duration::from_millis(1));
    let by = minutes(1) + Duration::from_millis(1);
    assert_eq!(w.firing().await.late, late(by, None, 0), "and what was late for another reason names none");
});

proves!(f18_only_an_outage_that_covers_the_due_time_explains_it, |w| {
    w.is_offline("two", minutes(10)).await;
    w.ana_schedules(once(&w, minutes(30))).await;
    w.pass(minutes(35));
    assert_eq!(w.runs().await.late, late(minutes(5), None, 0));
    // The window begins with the last sign of life and ends with the start.
    w.ana_schedules(once(&w, minutes(5))).await;
    w.engine.write(Pulse { wall: at(46) }).await.unwrap();
    w.engine.write(Pulse { wall: at(49) }).await.unwrap();
    w.pass(minutes(20));
    w.engine.write(Risen { wall: at(65) }).await.unwrap();
    w.engine.write(Pulse { wall: at(66) }).await.unwrap();
    assert_eq!(w.firing().await.late, late(minutes(15), Some((49, 65)), 0));
});

proves!(f18_a_one_shot_that_is_too_old_is_missed_and_told, |w| {
    w.settings.followups.missed_max_age = minutes(60);
    let short = w.ana_schedules(once(&w, minutes(30))).await;
    let young = w.ana_schedules(once(&w, minutes(31))).await;
    w.is_offline("two", minutes(91)).await;
    let claimed = w.claims().await;
    let fires: Vec<_> = claimed.firings.iter().map(|firing| &firing.short).collect();
    assert_eq!(fires, [&young], "an hour is not too old, a minute more is");
    assert_eq!(w.story(&short).await, [format!("+30m missed: {OFFLINE}")]);
    assert_eq!(w.standing(&short).await, format!("ended: {OFFLINE}"));
    assert_eq!((claimed.told.len(), claimed.told[0].status), (1, OccurrenceState::Missed));
    let (text, place) = w.notices().await.remove(0);
    assert_eq!(place, "ops/t1", "in the thread where it was asked for");
    let late = late(minutes(61), Some((0, 91)), 0).unwrap();
    assert_eq!(text, wording::missed(&short, at(30), Zone::UTC, late, &deploy()));
    assert_eq!(w.claims().await, Default::default(), "it is told once");
});

proves!(f18_by_the_other_policy_nothing_runs_late, |w| {
    w.settings.followups.missed = MissedPolicy::Notice;
    let single = w.ana_schedules(once(&w, minutes(30))).await;
    let again = w.ana_schedules(every(&w, 30)).await;
    w.is_offline("two", minutes(125)).await;
    let claimed = w.claims().await;
    assert!(claimed.firings.is_empty());
    assert_eq!(w.story(&single).await, [format!("+30m missed: {OFFLINE}")]);
    let mut story: Vec<_> = [30, 60, 90, 120].map(|due| format!("+{due}m missed: {OFFLINE}")).to_vec();
    story.push("+150m scheduled".into());
    assert_eq!(w.story(&again).await, story);
    assert_eq!((w.standing(&single).await, w.standing(&again).await), (format!("ended: {OFFLINE}"), "pending".into()));
    let told = w.notices().await;
    assert_eq!(told.len(), 2, "one notice for each follow-up, not for each occurrence");
    let (text, _) = told.iter().find(|(text, _)| text.contains(again.as_str())).unwrap();
    let late = late(minutes(5), Some((0, 125)), 3).unwrap();
    assert_eq!(*text, wording::missed(&again, at(120), Zone::UTC, late, &deploy()));
    w.pass(minutes(25));
    assert_eq!(w.firing().await.due, at(150), "and what comes next runs in time");
});

proves!(f18_a_recurring_one_runs_once_and_the_earlier_ones_are_rows, |w| {
    let short = w.ana_schedules(every(&w, 30)).await;
    w.is_offline("two", minutes(125)).await;
    let firing = w.firing().await;
    assert_eq!((firing.due, firing.late), (at(120), late(minutes(5), Some((0, 125)), 3)));
    let missed = |due| format!("+{due}m missed: {OFFLINE}");
    assert_eq!(
        w.story(&short).await,
        [missed(30), missed(60), missed(90), "+120m running".into(), "+150m scheduled".into()]
    );
    assert!(w.notices().await.is_empty(), "the one that runs says how many were missed");
    for row in &w.occurrences(&short).await[..3] {
        assert_eq!(row.opt_time("settled_at").unwrap(), Some(w.now));
    }
});

proves!(f18_the_last_one_may_be_in_time_and_still_says_what_was_missed, |w| {
    let short = w.ana_schedules(every(&w, 30)).await;
    w.is_offline("two", minutes(60)).await;
    let firing = w.firing().await;
    assert_eq!((firing.due, firing.late), (at(60), late(Duration::ZERO, Some((0, 60)), 1)));
    assert_eq!(w.story(&short).await.len(), 3);
});

proves!(f18_a_long_outage_of_a_frequent_one_keeps_bounded_rows_and_says_so, |w| {
    w.settings.followups.missed_max_age = Duration::MAX;
    let short = w.ana_schedules(every(&w, 5)).await;
    w.is_offline("two", minutes(5 * 2_000)).await;
    let firing = w.firing().await;
    assert_eq!(firing.due, at(10_000));
    let story = w.story(&short).await;
    assert_eq!(story.len(), MISSED_ROWS + 2, "the missed ones, the one that runs, the next one");
    assert_eq!(story[MISSED_ROWS - 1], format!("+2500m missed: {OFFLINE}; so were further ones"));
    assert_eq!(story[MISSED_ROWS..], ["+10000m running", "+10005m scheduled"]);
});

proves!(f17_a_local_time_of_a_zone_is_missed_and_resumed_in_that_zone, |w| {
    let zone = Zone::parse("Europe/Berlin").unwrap();
    let rule = Rule::Cron { expression: "30 2 * * *".into(), words: "every day 2:30".into() };
    let schedule = Schedule { zone, rule };
    // The night of 25 October 2026 has two half past twos; the day before is the first one due.
    let first = wilco_core::Timestamp(1_792_801_800_000);
    assert_eq!(schedule.next_after(first.minus(secs(1))), Some(first));
    w.wall_ahead += first.minus(minutes(60)).0 - w.wall().0;
    let wanted = wilco_core::followup::Wanted { schedule: schedule.clone(), first, ..every(&w, 30) };
    let short = w.ana_schedules(wanted).await;
    w.pass(minutes(60));
    let mut fired = Vec::new();
    for _ in 0..72 {
        for firing in w.claims().await.firings {
            fired.push(firing.due.rfc3339());
            let job = w.fire(&firing).await;
            w.begin().await;
            w.done(&job, "fine").await;
        }
        w.pass(minutes(60));
    }
    assert_eq!(fired, ["2026-10-24T00:30:00.000Z", "2026-10-25T00:30:00.000Z", "2026-10-26T01:30:00.000Z"]);
    assert_eq!(w.occurrences(&short).await.len(), 4);
});

proves!(f5_what_a_process_had_claimed_and_stored_the_next_one_of_is_judged_by_itself, |w| {
    // The process dies between the claim, which stored the next one, and the injection.
    let short = w.ana_schedules(every(&w, 30)).await;
    w.pass(minutes(30));
    w.firing().await;
    w.is_offline("two", minutes(10)).await;
    assert_eq!(w.story(&short).await, ["+30m scheduled at +40m", "+60m scheduled"]);
    let firing = w.firing().await;
    assert_eq!((firing.due, firing.late), (at(30), late(minutes(10), Some((30, 40)), 0)));
    assert_eq!(w.story(&short).await, ["+30m running", "+60m scheduled"], "no second one is stored");

    // Once more, and this time it is away until after the next one.
    w.is_offline("three", minutes(45)).await;
    let claimed = w.claims().await;
    assert_eq!(claimed.firings.iter().map(|firing| firing.due).collect::<Vec<_>>(), [at(60)]);
    // It had hardly started in between, so the two outages are one, and that one explains it.
    let missed = "+30m missed: its time passed while the bot was offline";
    assert_eq!(w.story(&short).await, [missed, "+60m running", "+90m scheduled"]);
    let notices = w.notices().await;
    let late = late(minutes(55), Some((30, 85)), 0).unwrap();
    let told = wording::missed(&short, at(30), Zone::UTC, late, &deploy());
    assert_eq!(notices, [(told, "ops/t1".to_owned())]);
});

proves!(f12_many_notices_at_once_keep_nobody_from_asking, |w| {
    w.settings.quotas.person_running = 1;
    w.settings.quotas.person_queued = 2;
    for _ in 0..4 {
        w.ana_schedules(once(&w, minutes(30))).await;
    }
    w.is_offline("two", minutes(60 * 48)).await;
    assert!(w.claims().await.firings.is_empty());
    assert_eq!(w.notices().await.len(), 4, "all of them were missed");
    assert_eq!(w.report().await.ahead, None, "what only says something needs no slot and waits for none");
    assert_eq!(w.begin().await.len(), 5);
    // While they are being said, they hold nobody up either.
    w.settings.quotas.person_running = 2;
    assert_eq!(w.report().await.ahead, None);
    assert_eq!(w.begin().await.len(), 1);
});
