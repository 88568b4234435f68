//! Invariant 6: a cancel is one decision. Whoever is told that a job is being cancelled is told so before it
//! has ended; whoever comes too late is told that it has; and the job ends in one way.

use std::collections::BTreeMap;

use wilco_core::Timestamp;
use wilco_core::wording;
use wilco_sim::{Logged, Note};

use super::Found;
use super::ground::Ground;
use super::lines::{Cancel, Line, Says};
use crate::simulation::evidence::{JournalRow, WorkerRow};

/// Two readings of one moment may differ by as much, in milliseconds.
const READING: i64 = 2;

/// The history of one job, as far as a cancel goes.
struct Course<'a> {
    worker: &'a WorkerRow,
    cancels: Vec<(&'a JournalRow, &'a Cancel<'a>)>,
    ends: Vec<(&'a JournalRow, &'a str)>,
}

/// Each job has at most one stored cancel and one end, the two agree, and every confirmation agrees with them.
pub(super) fn a_cancel_is_one_decision(ground: &Ground<'_>, found: &mut Found) {
    let mut courses = BTreeMap::new();
    for (id, lines) in &ground.journal_of {
        let Some(worker) = ground.workers.get(id).filter(|worker| worker.kept != 0) else { continue };
        let course = course(worker, lines);
        of_job(&course, lines, found);
        courses.insert(worker.short.as_str(), course);
    }
    for entry in &ground.evidence.log {
        if let Logged::Answered { answer, .. } = &entry.what
            && let Some(note) = note_after(ground, entry.seq)
        {
            told(ground, &courses, answer, note, found);
        }
    }
}

fn course<'a>(worker: &'a WorkerRow, lines: &'a [Line<'a>]) -> Course<'a> {
    let (mut cancels, mut ends) = (Vec::new(), Vec::new());
    for line in lines {
        match &line.says {
            Says::Cancel(cancel) => cancels.push((line.row, cancel)),
            Says::Completed(completed) => ends.push((line.row, completed.end)),
            Says::Moved(_) | Says::Settled(_) | Says::Attempt(_) | Says::Step(_) | Says::Recovered(_) | Says::Other => {
            }
        }
    }
    Course { worker, cancels, ends }
}

fn of_job(course: &Course<'_>, lines: &[Line<'_>], found: &mut Found) {
    let worker = course.worker;
    let short = &worker.short;
    if course.cancels.len() > 1 || course.ends.len() > 1 {
        found.add(
            6,
            format!("{short} was cancelled {} times and ended {} times", course.cancels.len(), course.ends.len()),
        );
    }
    let ended = course.ends.first().copied();
    if worker.has_ended() != ended.is_some() || ended.is_some_and(|(_, end)| end != worker.state) {
        let end = ended.map(|(_, end)| end);
        found.add(6, format!("{short} is {} and its journal says that it ended as {end:?}", worker.state));
    }
    match course.cancels.first() {
        Some((row, cancel)) => {
            if worker.cancel_by.as_deref() != Some(&cancel.by)
                || worker.cancel_reason.as_deref() != Some(&cancel.reason)
            {
                let stored = (&worker.cancel_by, &worker.cancel_reason);
                found.add(
                    6,
                    format!("{short} was cancelled by {} ({}) and is stored as {stored:?}", cancel.by, cancel.reason),
                );
            }
            if ended.is_some_and(|(end, _)| end.seq < row.seq) {
                found.add(6, format!("{short} was cancelled after it had ended"));
            }
            // A result that was finished stands; a limit or a crash that came later explains nothing.
            if worker.has_ended() && !matches!(worker.state.as_str(), "cancelled" | "done" | "failed") {
                found.add(6, format!("{short} was cancelled and is {}", worker.state));
            }
            let again = lines.iter().find(|line| line.row.seq > row.seq && line.row.event == "started");
            if again.is_some() {
                found.add(6, format!("{short} was started after it had been cancelled"));
            }
        }
        None if worker.state == "cancelled" || worker.state == "cancelling" || worker.cancel_at.is_some() => {
            found.add(6, format!("{short} is {} and nobody has asked for that", worker.state));
        }
        None => {}
    }
    if let Some((end, _)) = ended
        && let Some(late) = lines.iter().find(|line| line.row.seq > end.seq && moves_a_job(&line.row.event))
    {
        found.add(
            6,
            format!("{short} ended in line {} and goes on with {} in line {}", end.seq, late.row.event, late.row.seq),
        );
    }
}

/// No job is said to have ended while its task is there, and none is begun after its cancel was stored.
pub(super) fn what_runs_has_not_ended(ground: &Ground<'_>, found: &mut Found) {
    for run in &ground.facts.runs {
        let Some(worker) = ground.workers.get(run.worker.as_str()) else { continue };
        let name = format!("run {} of {}", run.number, worker.short);
        for line in ground.journal(&run.worker) {
            let (least, most) = ground.platform_time(line.row);
            match &line.says {
                Says::Completed(completed) => {
                    let after = run.from.0 + READING < least.0;
                    let before = run.until.is_none_or(|until| most.0 + READING < until.0);
                    if after && before {
                        let (end, until) = (completed.end, run.until);
                        found.add(6, format!("{name} was there until {until:?}, and was called {end} at {most}"));
                    }
                }
                Says::Cancel(_) if most.0 + READING < run.from.0 => {
                    found.add(6, format!("{name} began at {}, and its cancel was stored at {most}", run.from));
                }
                Says::Cancel(_)
                | Says::Moved(_)
                | Says::Settled(_)
                | Says::Attempt(_)
                | Says::Step(_)
                | Says::Recovered(_)
                | Says::Other => {}
            }
        }
    }
}

/// Whether a line tells of the job itself, and not of what is shown of it.
fn moves_a_job(event: &str) -> bool {
    matches!(
        event,
        "queued"
            | "started"
            | "status"
            | "question"
            | "answered"
            | "cancel_requested"
            | "timed_out"
            | "retrying"
            | "recovered"
    )
}

/// The private note that an answer brought along: the platform shows it at once.
fn note_after<'a>(ground: &Ground<'a>, seq: u64) -> Option<&'a Note> {
    let notes = &ground.evidence.snapshot.notes;
    let at = notes.binary_search_by_key(&(seq + 1), |note| note.seq).ok()?;
    notes.get(at)
}

/// Holds one confirmation against what is stored.
fn told(ground: &Ground<'_>, courses: &BTreeMap<&str, Course<'_>>, answer: &str, note: &Note, found: &mut Found) {
    let mut lines = note.text.lines();
    let mut words = lines.next().unwrap_or_default().split(" · ");
    let (Some(head), Some(short)) = (words.next(), words.next()) else { return };
    let rest = words.next().unwrap_or_default();
    let reason = lines.find_map(|line| line.strip_prefix("reason: "));
    let course = || courses.get(short);
    let at_once = rest.starts_with("it was not running");
    match head {
        "Cancelling" | "Cancelled" if head == "Cancelling" || at_once => {
            let Some(Course { worker, cancels, ends }) = course() else { return nobody(note, found) };
            let Some((row, cancel)) = cancels.first() else {
                return found.add(6, format!("{:?} was told, and no cancel of {short} is stored", note.text));
            };
            if answer != "stored" {
                found.add(6, format!("{:?} was told as {answer}", note.text));
            }
            if reason != Some(&wording::harmless(&cancel.reason)) {
                found.add(6, format!("{:?} was told, and the stored reason is {:?}", note.text, cancel.reason));
            }
            if ends.first().is_some_and(|(end, _)| end.seq < row.seq) {
                found.add(6, format!("{:?} was told of a job that had ended", note.text));
            }
            if at_once && worker.state != "cancelled" {
                found.add(6, format!("{:?} was told, and it is {}", note.text, worker.state));
            }
            if ground.platform_time(row).0 > note.at {
                found.add(6, format!("{:?} was told at {}, before it was stored", note.text, note.at));
            }
        }
        "Already cancelling" => {
            let Some(Course { cancels, ends, .. }) = course() else { return nobody(note, found) };
            if answer == "stored" || cancels.is_empty() {
                found.add(6, format!("{:?} was told as {answer}, with {} cancels stored", note.text, cancels.len()));
            }
            if ends.first().is_some_and(|(row, _)| ground.platform_time(row).1 < note.at) {
                found.add(6, format!("{:?} was told at {}, and it had ended before", note.text, note.at));
            }
        }
        "Already completed" => {
            let Some(Course { worker, ends, .. }) = course() else { return nobody(note, found) };
            let over: Option<Timestamp> = ends.first().map(|(row, _)| ground.platform_time(row).0);
            if answer == "stored" || over.is_none_or(|over| over > note.at) {
                found.add(6, format!("{:?} was told as {answer} at {}, and it ended at {over:?}", note.text, note.at));
            }
            let state = rest.split('.').next().unwrap_or_default().replace(' ', "_");
            if state != worker.state {
                found.add(6, format!("{:?} was told, and {short} is {}", note.text, worker.state));
            }
        }
        _ => {}
    }
}

fn nobody(note: &Note, found: &mut Found) {
    found.add(6, format!("{:?} was told, and there is no such job", note.text));
}
