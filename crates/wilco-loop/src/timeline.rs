//! A job's journal in lines that people read. A projection: nothing here is stored.

use wilco_core::desk::Inspection;
use wilco_core::journal::{Entry, Event};
use wilco_core::wording::{contract_words, harmless, one_line, scheduled_note};

/// How many of the newest lines `/status` shows.
const SHOWN: usize = 15;

/// The mark of a job that a follow-up started (requirement F1), then the newest lines of its timeline, oldest
/// first.
pub(crate) fn lines(inspection: &Inspection) -> Vec<String> {
    let skip = inspection.events.len().saturating_sub(SHOWN);
    let mark = inspection.job.origin.scheduled().map(|scheduled| scheduled_note(scheduled, true));
    mark.into_iter().chain(inspection.events.iter().skip(skip).map(line)).collect()
}

fn line(entry: &Entry) -> String {
    format!("`{}` {}", &entry.at.clock_time()[..5.min(entry.at.clock_time().len())], words(&entry.event))
}

fn words(event: &Event) -> String {
    let because =
        |cause: &Option<String>| cause.as_ref().map(|cause| format!(" ({})", one_line(cause))).unwrap_or_default();
    match event {
        Event::Accepted { by, .. } => format!("accepted from {}", harmless(by)),
        Event::Queued { ahead } => format!("queued, {ahead} ahead"),
        Event::Started { rerun: 0, .. } => "started".to_owned(),
        Event::Started { rerun, .. } => format!("started again, rerun {rerun}"),
        Event::Status { text } => format!("progress: {}", one_line(text)),
        Event::ToolStarted { tool } => format!("tool started: {tool}"),
        Event::ToolCompleted { tool } => format!("tool completed: {tool}"),
        Event::Permission { text } => format!("asked for permission: {}", one_line(text)),
        Event::Question { text, .. } => format!("asked: {}", one_line(text)),
        Event::Answered { choice, by } => format!("{} answered: {}", harmless(by), one_line(choice)),
        Event::AckMissed { .. } => "acknowledgement late".to_owned(),
        Event::ContractMoved { to, .. } => contract_words(*to).to_owned(),
        Event::ReceiptAttempt { receipt, n, outcome, cause, .. } => {
            format!("{} attempt {n}: {outcome}{}", receipt.name(), because(cause))
        }
        Event::ReceiptSettled { receipt, status, reason, .. } => {
            format!("{} {status}{}", receipt.name(), because(reason))
        }
        Event::RouteStep { to, reason, .. } => format!("goes to {to} ({})", one_line(reason)),
        Event::CancelRequested { by, reason } => format!("{} asked to cancel: {}", harmless(by), harmless(reason)),
        Event::Watched { by, address } => format!("{} watches it in {address}", harmless(by)),
        Event::TimedOut { limit } => format!("timed out: {limit}"),
        Event::Retrying { attempt, of, cause, at } => {
            format!("attempt {attempt} of {of} at {} ({})", at.clock_time(), one_line(cause))
        }
        Event::Recovered { rerun: true } => "lost with its process, runs again".to_owned(),
        Event::Recovered { rerun: false } => "lost with its process".to_owned(),
        Event::Completed { end, detail, .. } if detail.is_empty() => format!("ended: {}", end.word().to_lowercase()),
        Event::Completed { end, detail, .. } => format!("ended: {} ({detail})", end.word().to_lowercase()),
    }
}
