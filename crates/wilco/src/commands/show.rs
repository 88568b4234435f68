//! One job, one receipt or one follow-up, with everything about it.

use std::time::Duration;

use serde_json::Value;
use wilco_core::contract::ContractState;
use wilco_core::desk::{ContractView, FollowupInspection, Inspection, JobView, ReceiptView};
use wilco_core::journal::{Entry, Event};
use wilco_core::text::{bytes, duration, sanitise};
use wilco_core::wording::{one_line, scheduled_note};
use wilco_core::{Short, when};

use super::Counter;
use super::followups::next;
use crate::cli::{Column, Table, terminal_width};

/// A job: how it stands, what was promised where, its history, and its whole result.
pub(super) fn inspection(counter: &Counter, found: &Inspection) -> String {
    let mut text = head(counter, &found.job);
    for contract in &found.contracts {
        text.push_str(&promised(contract));
    }
    text.push_str("\nhistory\n");
    text.push_str(&history(&found.events));
    let Some(ending) = &found.ending else { return text };
    text.push_str(&format!("\nresult: {}", ending.kind.word().to_lowercase()));
    if !ending.detail.is_empty() {
        text.push_str(&format!(" ({})", one_line(&ending.detail)));
    }
    text.push('\n');
    if !ending.text.is_empty() {
        // A result may come from anywhere; a terminal must not obey it.
        text.push_str(&sanitise(&ending.text));
        text.push('\n');
    }
    for file in ending.whole.iter().chain(&ending.files) {
        text.push_str(&format!("file  {} ({})  {}\n", one_line(&file.name), bytes(file.size), file.path.display()));
    }
    text
}

fn head(counter: &Counter, job: &JobView) -> String {
    let end = job.ended.unwrap_or_else(|| counter.clock.now());
    let ran = job.started.map(|started| format!(" · {}", duration(end.since(started)))).unwrap_or_default();
    let mut text = format!("{} · {} · {}{ran}\n", job.short, job.kind, job.state.name());
    let mut line = |name: &str, what: &str| {
        if !what.is_empty() {
            text.push_str(&format!("{name:<9} {}\n", one_line(what)));
        }
    };
    line("asked", &format!("by {} in {}", job.by, job.address));
    if let Some(mark) = job.origin.scheduled() {
        for (n, note) in scheduled_note(mark, true).lines().enumerate() {
            line(if n == 0 { "came by" } else { "" }, note);
        }
    }
    line("input", &job.input);
    line("accepted", &job.created.rfc3339());
    line("started", &job.started.map(|at| at.rfc3339()).unwrap_or_default());
    line("ended", &job.ended.map(|at| at.rfc3339()).unwrap_or_default());
    line("progress", &job.progress);
    if let Some(cancel) = &job.cancel {
        line("cancel", &format!("by {}: {}", cancel.by, cancel.reason));
    }
    line("store id", job.id.as_str());
    text
}

fn promised(contract: &ContractView) -> String {
    let step = usize::try_from(contract.step).ok().and_then(|step| contract.route.step(step));
    let place = step.map_or_else(|| "no address left: on the operator's list".to_owned(), ToString::to_string);
    let mut text = format!("\ncontract {} · {} · {place}\n", contract.number, contract.state.name());
    let mut table = Table::new([
        Column::fixed("receipt"),
        Column::fixed("part"),
        Column::fixed("state"),
        Column::fixed("attempts"),
        Column::fixed("next"),
        Column::text("what happened"),
        Column::fixed("id"),
    ]);
    for receipt in &contract.receipts {
        let why = receipt.reason.as_deref().or(receipt.last_error.as_deref()).unwrap_or_default();
        table.row([
            receipt.kind.name(),
            &receipt.part.to_string(),
            receipt.state.name(),
            &receipt.attempts.to_string(),
            &receipt.next.map(|at| at.rfc3339()).unwrap_or_default(),
            why,
            receipt.id.as_str(),
        ]);
    }
    text.push_str(&table.render(terminal_width()));
    text
}

fn history(events: &[Entry]) -> String {
    let mut table =
        Table::new([Column::fixed("n"), Column::fixed("at"), Column::fixed("event"), Column::text("details")]);
    for entry in events {
        table.row([&entry.seq.to_string(), &entry.at.rfc3339(), entry.event.name(), details(&entry.event).as_str()]);
    }
    table.render(terminal_width())
}

/// The fields of an event under the names that the API and the documentation use (requirement O4).
fn details(event: &Event) -> String {
    let Ok(Value::Object(fields)) = serde_json::to_value(event) else { return String::new() };
    let shown = fields.iter().filter(|(name, _)| !matches!(name.as_str(), "event" | "contract")).map(
        |(name, value)| match value {
            Value::String(text) => format!("{name}={}", one_line(text)),
            Value::Object(inner) => {
                let parts: Vec<&str> = inner.values().filter_map(Value::as_str).collect();
                format!("{name}={}", parts.join(" "))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => format!("{name}={value}"),
        },
    );
    shown.collect::<Vec<_>>().join("  ")
}

/// A follow-up: how it stands, and what became of each of its times.
pub(super) fn followup(counter: &Counter, found: &FollowupInspection) -> String {
    let view = &found.followup;
    let mut text = format!("{} · {} · {}\n", view.short, view.state.name(), view.rule);
    let mut line = |name: &str, what: &str| {
        if !what.is_empty() {
            text.push_str(&format!("{name:<9} {}\n", one_line(what)));
        }
    };
    line("why", view.reason.as_deref().unwrap_or_default());
    line("next", &next(counter, view));
    line("what", &view.task.as_typed());
    line("purpose", &view.purpose);
    line("kind", view.task.kind());
    line("set", &format!("by {} in {}, {}", view.by, view.address, counter.ago(view.created)));
    line("zone", view.schedule.zone.name());
    line("key", view.key.as_deref().unwrap_or_default());
    if view.failures > 0 {
        line("failures", &format!("{} in a row", view.failures));
    }
    if view.delete_after_run {
        line("then", "forgotten once it has run or was dropped");
    }
    line("store id", view.id.as_str());
    text.push_str("\noccurrences\n");
    text.push_str(&occurrences(counter, found));
    text
}

fn occurrences(counter: &Counter, found: &FollowupInspection) -> String {
    let mut table = Table::new([
        Column::fixed("due"),
        Column::fixed("state"),
        Column::fixed("late"),
        Column::fixed("attempts"),
        Column::fixed("job"),
        Column::fixed("delivery"),
        Column::text("what happened"),
    ]);
    let zone = found.followup.schedule.zone;
    for one in &found.occurrences {
        let late = one.late.map(|late| duration(Duration::from_millis(late.by_ms))).unwrap_or_default();
        let due = when::moment(one.due, zone);
        let due = if one.manual { format!("{due}, by hand") } else { due };
        let waits = one.next.filter(|next| one.attempts > 0 && *next > counter.clock.now());
        let waits = waits.map(|next| format!("tried again {}", when::describe(next, counter.clock.now(), zone)));
        let happened: Vec<&str> =
            [one.reason.as_deref(), one.last_error.as_deref(), waits.as_deref()].into_iter().flatten().collect();
        table.row([
            due.as_str(),
            one.state.name(),
            &late,
            &one.attempts.to_string(),
            one.job.as_ref().map(Short::as_str).unwrap_or_default(),
            one.delivery.map(ContractState::name).unwrap_or_default(),
            &happened.join("; "),
        ]);
    }
    table.render(terminal_width())
}

/// One receipt.
pub(super) fn receipt(counter: &Counter, receipt: &ReceiptView) -> String {
    let mut text =
        format!("{} · {} · {} of {}\n", receipt.id, receipt.state.name(), receipt.kind.name(), receipt.short);
    let mut line = |name: &str, what: Option<String>| {
        if let Some(what) = what {
            text.push_str(&format!("{name:<11} {}\n", one_line(&what)));
        }
    };
    line("where", Some(receipt.address.to_string()));
    line("part", (receipt.part > 0).then(|| receipt.part.to_string()));
    line("generation", (receipt.generation > 0).then(|| receipt.generation.to_string()));
    line("message", receipt.message.clone());
    line("attempts", Some(receipt.attempts.to_string()));
    line("next", receipt.next.map(|at| at.rfc3339()));
    line("last error", receipt.last_error.clone());
    line("failed", receipt.reason.clone());
    line("made", Some(format!("{} ({})", receipt.created.rfc3339(), counter.ago(receipt.created))));
    line("settled", receipt.settled.map(|at| at.rfc3339()));
    line("contract", Some(receipt.contract.to_string()));
    text
}
