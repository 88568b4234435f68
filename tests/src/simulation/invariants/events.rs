//! Invariant 5: what a platform tells twice is taken once. One thing said starts one job at the most, and
//! every job that a person has asked for is the job of one event.

use std::collections::BTreeMap;

use serde::Deserialize;
use wilco_core::followup::Origin;

use super::Found;
use super::ground::Ground;

/// For so long an event of a platform is kept, in milliseconds.
const INBOX: i64 = 7 * 24 * 3_600_000;

/// How a worker came to be, as its input says.
#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    origin: Origin,
}

/// Each event is linked to one job at the most, and each job that neither a follow-up nor a notice has started
/// to exactly one event.
pub(super) fn one_event_starts_one_job(ground: &Ground<'_>, found: &mut Found) {
    let end = ground.facts.settled.unwrap_or(ground.facts.calm);
    let mut events: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for row in &ground.evidence.rows.inbox {
        if let Some(worker) = row.worker.as_deref() {
            events.entry(worker).or_default().push(&row.event);
        }
    }
    for worker in ground.evidence.rows.workers.iter().filter(|row| row.kept != 0) {
        let linked = events.get(worker.id.as_str()).map(Vec::as_slice).unwrap_or_default();
        if linked.len() > 1 {
            found.add(5, format!("{} is the job of {} events: {linked:?}", worker.short, linked.len()));
        }
        let asked = serde_json::from_str::<Asked>(&worker.input).is_ok_and(|asked| asked.origin.is_person());
        if asked && linked.is_empty() && worker.created_at + INBOX > end.0 {
            found.add(5, format!("{} was asked for by a person, and no event has started it", worker.short));
        }
    }
}
