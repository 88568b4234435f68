//! What is due at a moment: which occurrence runs, which were missed, and which one is next.

use std::time::Duration;

use super::{FollowupSettings, MissedPolicy};
use crate::time::Timestamp;
use crate::when::Schedule;

/// Up to here a fire is on time and nothing is said; a busy machine is no outage.
pub const LATE_AFTER: Duration = Duration::from_secs(60);
/// How many missed occurrences one look keeps as rows; a long outage of a frequent one counts the rest.
pub const MISSED_ROWS: usize = 500;

/// How an occurrence stands to its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lateness {
    /// On time.
    Punctual,
    /// Late, and it runs all the same.
    Late(Duration),
    /// So late, or under such a policy, that it does not run any more.
    Missed(Duration),
}

/// How an occurrence that was due then stands now.
pub fn lateness(due: Timestamp, now: Timestamp, settings: &FollowupSettings) -> Lateness {
    let late = now.since(due);
    if late <= LATE_AFTER {
        return Lateness::Punctual;
    }
    match settings.missed {
        MissedPolicy::RunLate if late <= settings.missed_max_age => Lateness::Late(late),
        MissedPolicy::RunLate | MissedPolicy::Notice => Lateness::Missed(late),
    }
}

/// What is due of a recurring follow-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueNow {
    /// The due times that passed and are not run, oldest first; at most [`MISSED_ROWS`].
    pub missed: Vec<Timestamp>,
    /// Whether there were more of them than are listed.
    pub more: bool,
    /// The one that runs: always the last that has passed.
    pub fire: Option<Timestamp>,
    /// The next one, after now.
    pub next: Option<Timestamp>,
}

/// Decides about a recurring follow-up whose stored occurrence has come due. However many passed, at
/// most one runs, and the next one is never in the past (requirements F17, F18).
pub fn due_now(schedule: &Schedule, due: Timestamp, now: Timestamp, settings: &FollowupSettings) -> DueNow {
    let last = latest_due(schedule, due, now).unwrap_or(due);
    let fire = match lateness(last, now, settings) {
        Lateness::Punctual | Lateness::Late(_) => Some(last),
        Lateness::Missed(_) => None,
    };
    let (mut missed, mut more, mut at) = (Vec::new(), false, Some(due));
    while let Some(passed) = at.filter(|at| *at <= last) {
        if Some(passed) == fire {
            break;
        }
        if missed.len() == MISSED_ROWS {
            more = true;
            break;
        }
        missed.push(passed);
        at = schedule.next_after(passed);
    }
    // A clock that was stepped back must not bring back what was due already.
    DueNow { missed, more, fire, next: schedule.next_after(now.max(last)) }
}

/// The last due time after `after` and up to `now`. Looks back from now by doubling steps, so that a
/// year of five-minute occurrences costs no more than an hour of them.
pub fn latest_due(schedule: &Schedule, after: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let mut back = Duration::from_secs(60);
    let mut found = loop {
        let from = now.minus(back).max(after);
        match schedule.next_after(from) {
            Some(at) if at <= now => break at,
            Some(_) | None if from == after => return None,
            Some(_) | None => back = back.saturating_mul(2),
        }
    };
    while let Some(at) = schedule.next_after(found).filter(|at| *at <= now) {
        found = at;
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::when::{Rule, Zone};

    const MINUTE: i64 = 60_000;
    const START: Timestamp = Timestamp(1_795_000_000_000);

    fn every(minutes: u64) -> Schedule {
        Schedule { zone: Zone::UTC, rule: Rule::Every { every: Duration::from_secs(minutes * 60), from: START } }
    }

    fn at(minutes: i64) -> Timestamp {
        Timestamp(START.0 + minutes * MINUTE)
    }

    #[test]
    fn an_occurrence_on_time_fires_and_names_the_next() {
        let now = Timestamp(at(30).0 + 20);
        let due = due_now(&every(30), at(30), now, &FollowupSettings::default());
        assert_eq!(due, DueNow { missed: vec![], more: false, fire: Some(at(30)), next: Some(at(60)) });
    }

    #[test]
    fn f18_after_an_outage_one_runs_late_and_the_others_are_kept_as_missed() {
        let due = due_now(&every(30), at(30), at(125), &FollowupSettings::default());
        assert_eq!(due.missed, [at(30), at(60), at(90)]);
        assert_eq!((due.fire, due.next), (Some(at(120)), Some(at(150))));
    }

    #[test]
    fn f18_by_the_other_policy_or_past_the_age_none_runs() {
        let notice = FollowupSettings { missed: MissedPolicy::Notice, ..FollowupSettings::default() };
        let due = due_now(&every(30), at(30), at(65), &notice);
        assert_eq!((due.missed, due.fire, due.next), (vec![at(30), at(60)], None, Some(at(90))));
        let short = FollowupSettings { missed_max_age: Duration::from_secs(120), ..FollowupSettings::default() };
        assert_eq!(due_now(&every(30), at(30), at(65), &short).fire, None);
        assert_eq!(due_now(&every(30), at(30), at(61), &short).fire, Some(at(60)));
    }

    #[test]
    fn a_year_of_five_minutes_is_bounded() {
        let due = due_now(&every(5), at(5), at(525_602), &FollowupSettings::default());
        assert_eq!((due.missed.len(), due.more), (MISSED_ROWS, true));
        assert_eq!((due.fire, due.next), (Some(at(525_600)), Some(at(525_605))));
    }

    #[test]
    fn a_clock_that_was_stepped_back_repeats_nothing() {
        let due = due_now(&every(30), at(60), at(10), &FollowupSettings::default());
        assert_eq!((due.fire, due.next), (Some(at(60)), Some(at(90))), "the next is after the one that was due");
    }

    #[test]
    fn the_latest_due_time_is_found_from_both_ends() {
        assert_eq!(latest_due(&every(30), at(30), at(59)), None);
        assert_eq!(latest_due(&every(30), at(30), at(60)), Some(at(60)));
        assert_eq!(latest_due(&every(30), at(30), at(1_000)), Some(at(990)));
    }
}
