//! What people read when a follow-up fires or does not: the marks of its jobs, and the notices.

use super::followups::{given_reason, short_text};
use super::*;
use crate::followup::{LATE_AFTER, Late, MISSED_ROWS, Scheduled, Task};
use crate::when::{self, Zone};

/// The lines that mark a job as a follow-up's: late first, because it explains the rest.
pub fn scheduled_note(scheduled: &Scheduled, now_reading: bool) -> String {
    let mut lines = Vec::new();
    if let Some(late) = scheduled.late.filter(|_| now_reading) {
        lines.push(late_by(late, scheduled.zone));
    }
    let how = if scheduled.manual { "run by hand" } else { "scheduled" };
    let due = when::moment(scheduled.due, scheduled.zone);
    let (fired, by) = (fired(scheduled), harmless(&scheduled.originator));
    lines.push(format!("{how} · {} · {due}{fired} · by {by}", scheduled.followup));
    lines.extend(purpose(scheduled));
    lines.join("\n")
}

/// The lines below the first words of a reminder. They are short, because its text is what matters.
pub fn reminder_note(scheduled: &Scheduled) -> String {
    let mut lines = Vec::new();
    if let Some(late) = scheduled.late {
        lines.push(late_by(late, scheduled.zone));
    }
    let due = when::brief(scheduled.due, scheduled.fired, scheduled.zone);
    let how = if scheduled.manual { " · run by hand" } else { "" };
    lines.push(format!("for {due}{how}{}", fired(scheduled)));
    lines.extend(purpose(scheduled));
    lines.join("\n")
}

/// When it fired, where that is another time than the one it was due at.
fn fired(scheduled: &Scheduled) -> String {
    if scheduled.late.is_none() && !scheduled.manual {
        return String::new();
    }
    let told = |at| (scheduled.zone.day(at), scheduled.zone.clock(at));
    let (due, (day, clock)) = (told(scheduled.due), told(scheduled.fired));
    if due == (day.clone(), clock.clone()) {
        String::new()
    } else if due.0 == day {
        format!(" · fired {clock}")
    } else {
        format!(" · fired {day} {clock}")
    }
}

/// Why it was scheduled, when a reason was given.
fn purpose(scheduled: &Scheduled) -> Option<String> {
    given_reason(&scheduled.reason).map(|reason| format!("purpose: {}", harmless(reason)))
}

/// How late, and why when that is known. One that comes at its time after others were missed is not late
/// itself.
pub fn late_by(late: Late, zone: Zone) -> String {
    let (by, why) = (Duration::from_millis(late.by_ms), offline(late, zone));
    let others = earlier(late);
    if by <= LATE_AFTER && late.missed > 0 {
        return format!("{others}{why}");
    }
    let others = if others.is_empty() { others } else { format!(" · {others}") };
    format!("Late by {}{why}{others}", text::duration(by))
}

/// Since when and until when the bot was offline, in brackets; with the days when there are several.
fn offline(late: Late, zone: Zone) -> String {
    let Some((from, to)) = late.offline else { return String::new() };
    let (first, last) = (zone.day(from), zone.day(to));
    let (from, to) = (zone.clock(from), zone.clock(to));
    if first == last {
        format!(" (bot was offline {from}–{to})")
    } else {
        format!(" (bot was offline {first} {from} – {last} {to})")
    }
}

/// How many were missed before it. Of a long outage not every one is counted.
fn earlier(late: Late) -> String {
    match usize::try_from(late.missed).unwrap_or(usize::MAX) {
        0 => String::new(),
        1 => "1 earlier one missed".to_owned(),
        count if count >= MISSED_ROWS => format!("{MISSED_ROWS} or more earlier ones missed"),
        count => format!("{count} earlier ones missed"),
    }
}

/// It was given up.
pub fn not_run(followup: &Short, why: &str, task: &Task) -> String {
    format!("Follow-up {followup} not run: {}. It was: {}", ended(why), short_text(task))
}

/// Its time passed.
pub fn missed(followup: &Short, due: Timestamp, zone: Zone, late: Late, task: &Task) -> String {
    let (by, why) = (text::duration(Duration::from_millis(late.by_ms)), offline(late, zone));
    let others = if late.missed == 0 { String::new() } else { format!(" · {}", earlier(late)) };
    let due = when::moment(due, zone);
    format!("Follow-up {followup} missed by {by}: it was due {due}{why}{others}. It was: {}", short_text(task))
}

/// Nothing could be decided about it.
pub fn set_aside(followup: &Short, why: &str) -> String {
    format!("Follow-up {followup} paused: {}. Whoever runs the bot finds more in its log.", ended(why))
}

/// It waits for a gate.
pub fn held(followup: &Short, why: &str, task: &Task) -> String {
    format!("Follow-up {followup} waits: {}. It was: {}", ended(why), short_text(task))
}

/// It failed so often in a row, or in such a way, that it rests.
pub fn paused(followup: &Short, failures: u32, why: &str, task: &Task) -> String {
    let (why, was) = (ended(why), short_text(task));
    let times =
        if failures > 1 { format!("it failed {failures} times in a row, the last time: ") } else { String::new() };
    format!("Follow-up {followup} paused: {times}{why}. The list of follow-ups has Resume. It was: {was}")
}

/// A reason without the full stop that the sentence around it adds.
fn ended(why: &str) -> String {
    harmless(why).trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000;

    /// Due on Monday 2 March 2026 at 09:05 in Berlin, in minutes from there.
    fn at(minutes: u64) -> Timestamp {
        Timestamp(1_772_438_700_000).plus(Duration::from_millis(minutes * MINUTE))
    }

    fn scheduled() -> Scheduled {
        Scheduled {
            followup: Short::new("f3k9"),
            due: at(0),
            fired: at(0),
            zone: Zone::parse("Europe/Berlin").unwrap(),
            originator: "ana".to_owned(),
            reason: as_scheduled("tomorrow 9:05"),
            manual: false,
            late: None,
        }
    }

    fn late(minutes: u64) -> Option<Late> {
        Some(Late { by_ms: minutes * MINUTE, offline: None, missed: 0 })
    }

    #[test]
    fn f1_a_punctual_job_names_its_follow_up_its_time_and_who_scheduled_it() {
        let scheduled = scheduled();
        let line = "scheduled · f3k9 · Mon 2 Mar 2026 09:05 Europe/Berlin · by ana";
        assert_eq!(scheduled_note(&scheduled, true), line);
        assert_eq!(reminder_note(&scheduled), "for Mon 2 Mar 09:05 Europe/Berlin");
    }

    #[test]
    fn f1_a_reason_that_was_given_is_shown_and_is_no_markup() {
        let scheduled = Scheduled { reason: "the *weekly* numbers".to_owned(), ..scheduled() };
        let purpose = "\npurpose: the ∗weekly∗ numbers";
        assert!(scheduled_note(&scheduled, true).ends_with(purpose), "{}", scheduled_note(&scheduled, true));
        assert!(reminder_note(&scheduled).ends_with(purpose), "{}", reminder_note(&scheduled));
    }

    #[test]
    fn f1_what_fires_at_another_time_than_its_own_says_when_it_fired() {
        let by_hand = Scheduled { manual: true, fired: at(15), ..scheduled() };
        let line = "run by hand · f3k9 · Mon 2 Mar 2026 09:05 Europe/Berlin · fired 09:20 · by ana";
        assert_eq!(scheduled_note(&by_hand, true), line);
        assert_eq!(reminder_note(&by_hand), "for Mon 2 Mar 09:05 Europe/Berlin · run by hand · fired 09:20");
        let late_one = Scheduled { late: late(15), fired: at(15), ..scheduled() };
        assert_eq!(
            scheduled_note(&late_one, true),
            "Late by 15m\nscheduled · f3k9 · Mon 2 Mar 2026 09:05 Europe/Berlin · fired 09:20 · by ana"
        );
        let next_day = Scheduled { late: late(1_000), fired: at(1_000), ..scheduled() };
        let note = reminder_note(&next_day);
        assert_eq!(note, "Late by 16h 40m\nfor Mon 2 Mar 09:05 Europe/Berlin · fired Tue 3 Mar 01:45");
        let at_once = Scheduled { manual: true, ..scheduled() };
        assert_eq!(reminder_note(&at_once), "for Mon 2 Mar 09:05 Europe/Berlin · run by hand", "the same minute");
    }

    #[test]
    fn f1_a_reminder_of_another_year_names_the_year() {
        let early = Scheduled { manual: true, due: at(60 * 24 * 320), ..scheduled() };
        let note = reminder_note(&early);
        assert_eq!(note, "for Sat 16 Jan 2027 09:05 Europe/Berlin · run by hand · fired Mon 2 Mar 09:05");
    }

    #[test]
    fn a_name_is_no_markup_wherever_it_is_shown() {
        let originator = "**@ana** [x](https://example.org) `_".to_owned();
        let shown = "∗∗@ana∗∗ [x] (https://example.org) '＿";
        let by = |note: &str| note.contains(shown) && text::plain(note) == note;
        let mark = Scheduled { originator: originator.clone(), ..scheduled() };
        assert!(by(&scheduled_note(&mark, true)), "{}", scheduled_note(&mark, true));
        let (short, key) = (Short::new("k7f2"), DeliveryKey::new("c"));
        let (job, say) = (Job { kind: "report", short: &short }, Job { kind: SAY, short: &short });
        let reminder = stub(say, &key, None, &Origin::Scheduled(mark)).text;
        assert!(by(&reminder), "{reminder}");
        assert!(by(&cancelling(job, &originator, NO_REASON).text));
        assert!(cancel_stored(&short, &originator, "x").text.contains(shown));
        assert!(already_cancelling(&short, &originator, "x").text.contains(shown));
        assert!(answered_before(&short, "yes", &originator).text.contains(shown));
        for kind in [EndKind::Cancelled, EndKind::Done] {
            let (ending, origin) = (Ending::bare(kind, ""), Origin::Person);
            let cancel = Some((originator.as_str(), "x"));
            let elapsed = Duration::ZERO;
            let note = cancel_note(&EndFacts { job, elapsed, ending: &ending, cancel, step: None, origin: &origin });
            assert!(by(&note.unwrap()), "{kind:?}");
        }
    }
}
