//! Invariant 4: a follow-up fires at most once for each due time, or says why it did not; one that was called
//! off never fires.

use std::collections::BTreeMap;

use serde::Deserialize;
use wilco_core::followup::Origin;

use super::Found;
use super::ground::Ground;
use crate::simulation::evidence::{FollowupRow, OccurrenceRow, WorkerRow};

/// How a worker came to be, as its input says.
#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    origin: Origin,
}

/// Each due time has at most one job, one event and one mark in the channels; what did not run says why.
pub(super) fn a_due_time_fires_once(ground: &Ground<'_>, found: &mut Found) {
    let rows = &ground.evidence.rows;
    let mut jobs: BTreeMap<&str, Vec<&WorkerRow>> = BTreeMap::new();
    for worker in &rows.workers {
        if let Some(occurrence) = &worker.occurrence {
            jobs.entry(occurrence).or_default().push(worker);
        }
    }
    let followups: BTreeMap<&str, &FollowupRow> = rows.followups.iter().map(|row| (row.id.as_str(), row)).collect();
    let taken: BTreeMap<&str, Option<&str>> =
        rows.inbox.iter().map(|row| (row.event.as_str(), row.worker.as_deref())).collect();
    for occurrence in &rows.occurrences {
        let jobs = jobs.get(occurrence.id.as_str()).map(Vec::as_slice).unwrap_or_default();
        let Some(followup) = followups.get(occurrence.followup.as_str()) else {
            found.add(4, format!("occurrence {} is of no follow-up", occurrence.id));
            continue;
        };
        one(ground, followup, occurrence, jobs, found);
        let event = format!("followup/{}", occurrence.id);
        let fired = occurrence.fired_at.is_some();
        let linked = taken.get(event.as_str()).copied();
        if fired != linked.is_some() || linked.flatten() != occurrence.worker.as_deref() {
            let id = &occurrence.id;
            found.add(4, format!("occurrence {id} is of job {:?}, and the inbox says {linked:?}", occurrence.worker));
        }
    }
    marks(ground, &followups, found);
}

fn one(ground: &Ground<'_>, followup: &FollowupRow, row: &OccurrenceRow, jobs: &[&WorkerRow], found: &mut Found) {
    let name = format!("{} of {}, due {}", row.id, followup.short, row.due);
    if jobs.len() > 1 {
        let shorts: Vec<&str> = jobs.iter().map(|job| job.short.as_str()).collect();
        found.add(4, format!("{name} has fired {} times: {shorts:?}", jobs.len()));
    }
    if jobs.first().map(|job| job.id.as_str()) != row.worker.as_deref() {
        let job = jobs.first().map(|job| &job.short);
        found.add(4, format!("{name} names the job {:?}, and it is {job:?} that names it", row.worker));
    }
    let fired = row.fired_at.is_some() || !jobs.is_empty();
    let silent = row.reason.as_deref().unwrap_or_default().is_empty();
    match row.state.as_str() {
        "failed_dropped" | "missed" if fired => found.add(4, format!("{name} is {} and has fired", row.state)),
        "failed_dropped" | "missed" | "failed" | "skipped" | "cancelled" if silent && followup.kept != 0 => {
            found.add(4, format!("{name} is {} and does not say why", row.state));
        }
        // What was called off after it had fired was called off as a job.
        "cancelled" if jobs.iter().any(|job| job.state != "cancelled") => {
            found.add(4, format!("{name} is cancelled and its job is not"));
        }
        "success" if jobs.iter().any(|job| job.state != "done") => {
            found.add(4, format!("{name} is a success and its job is not done"));
        }
        "success" if !fired => found.add(4, format!("{name} is a success and never fired")),
        _ => {}
    }
    if followup.state == "cancelled" {
        // Two processes with a step of the wall clock between them count differently.
        let slack: i64 = ground.facts.steps.iter().map(|(_, by)| by.abs()).sum();
        let ended = followup.ended_at.unwrap_or(i64::MAX);
        if jobs.iter().any(|job| job.created_at > ended + slack) {
            found.add(4, format!("{name} has fired after {} was called off", followup.short));
        }
        if !fired && !matches!(row.state.as_str(), "cancelled" | "missed" | "skipped" | "failed" | "failed_dropped") {
            found.add(4, format!("{name} is {} and {} was called off", row.state, followup.short));
        }
    }
}

/// What the jobs themselves say they are of, and what people read of that.
fn marks(ground: &Ground<'_>, followups: &BTreeMap<&str, &FollowupRow>, found: &mut Found) {
    let kept: BTreeMap<&str, &FollowupRow> = followups.values().map(|row| (row.short.as_str(), *row)).collect();
    let mut fired: BTreeMap<(String, i64, bool), &str> = BTreeMap::new();
    for worker in ground.evidence.rows.workers.iter().filter(|row| row.kept != 0) {
        // Most jobs are asked for by a person, and the word stands in no other input.
        if worker.occurrence.is_none() && !worker.input.contains("\"origin\"") {
            continue;
        }
        let Ok(Asked { origin }) = serde_json::from_str(&worker.input) else {
            found.add(4, format!("the input of {} cannot be read", worker.short));
            continue;
        };
        let Some(mark) = origin.scheduled() else {
            if let Some(occurrence) = &worker.occurrence {
                found.add(4, format!("{} is of occurrence {occurrence} and does not say so", worker.short));
            }
            continue;
        };
        if worker.occurrence.is_none() {
            found.add(4, format!("{} says that it is of {} and is of no occurrence", worker.short, mark.followup));
        }
        let key = (mark.followup.to_string(), mark.due.0, mark.manual);
        if let Some(earlier) = fired.insert(key, &worker.short) {
            found.add(4, format!("{earlier} and {} are both of {} due {}", worker.short, mark.followup, mark.due));
        }
        let early = !mark.manual && mark.fired < mark.due;
        if early && ground.facts.steps.is_empty() {
            found.add(4, format!("{} fired at {}, before {}", worker.short, mark.fired, mark.due));
        }
        // A follow-up whose rows are removed after its run leaves only the mark.
        let gone = !kept.contains_key(mark.followup.as_str());
        let known = worker
            .occurrence
            .as_deref()
            .is_some_and(|id| ground.evidence.rows.occurrences.iter().any(|one| one.id == id));
        if known == gone {
            found.add(4, format!("{} is of {}, of which there is only one half", worker.short, mark.followup));
        }
        shown(ground, worker, mark.followup.as_str(), found);
    }
}

/// Whoever reads the result of a follow-up's job reads whose it is (F1).
fn shown(ground: &Ground<'_>, worker: &WorkerRow, followup: &str, found: &mut Found) {
    let messages = ground.messages_of.get(worker.id.as_str()).map(Vec::as_slice).unwrap_or_default();
    let results = messages.iter().filter(|one| one.is_visible_bot());
    let mut results = results.filter(|one| one.shown().kind == Some(wilco_core::EnvelopeKind::Content));
    if let Some(result) = results.find(|one| !one.shown().text.contains(followup)) {
        found.add(4, format!("{} does not say that it is of {followup}: {:?}", result.id, result.shown().text));
    }
}
