//! Invariant 1: every accepted worker ends, for each contract, with exactly one visible terminal message or
//! with one recorded permanent failure and its reason; never both, never neither.

use std::collections::BTreeMap;

use wilco_core::{Address, EnvelopeKind};
use wilco_sim::Message;

use super::ground::Ground;
use super::{Found, texts};
use crate::simulation::evidence::{ContractRow, ReceiptRow, WorkerRow};

const HOUR: i64 = 3_600_000;
/// How long wilco keeps trying.
const THREE_DAYS: i64 = 72 * HOUR;

/// Every accepted worker ends with exactly one visible result or one recorded failure, for each contract.
pub(super) fn one_visible_end_or_one_recorded_failure(ground: &Ground<'_>, found: &mut Found) {
    for worker in &ground.evidence.rows.workers {
        let contracts = ground.contracts_of.get(worker.id.as_str()).map(Vec::as_slice).unwrap_or_default();
        if contracts.is_empty() {
            found.add(1, format!("worker {} was accepted and nothing is owed for it", worker.short));
        }
        for contract in contracts {
            of_contract(ground, worker, contract, found);
        }
        nothing_else_is_visible(ground, worker, found);
        texts::the_whole_result_is_shown_in_order(ground, worker, contracts, found);
    }
    seen_once(ground, found);
}

/// What holds of any channel, whoever asked for what: nothing stands there twice, and what may be doubled,
/// a create, carries no content.
fn seen_once(ground: &Ground<'_>, found: &mut Found) {
    let snapshot = &ground.evidence.snapshot;
    for (earlier, later) in snapshot.duplicates() {
        // Two routes of one job may bring the same file to one place, one of them as the last piece of a result
        // that it has shown elsewhere.
        let routes = [earlier, later].map(|one| {
            let filled = ground.filled_by.get(one.id.as_str())?;
            Some(ground.receipts.get(filled)?.contract.as_str())
        });
        if later.shown().kind == Some(EnvelopeKind::File)
            && let [Some(one), Some(other)] = routes
            && one != other
        {
            continue;
        }
        if left_in_doubt(ground, earlier) || left_in_doubt(ground, later) {
            continue;
        }
        found.add(1, format!("{} repeats {} in {}: {:?}", later.id, earlier.id, later.address, later.shown().text));
    }
    for message in snapshot.created_with_content() {
        found.add(1, format!("{} was created with content in it: {:?}", message.id, message.versions[0].text));
    }
}

fn of_contract(ground: &Ground<'_>, worker: &WorkerRow, contract: &ContractRow, found: &mut Found) {
    let name = format!("{} contract {}", worker.short, contract.number);
    if !ground.receipts_of(&contract.id).iter().any(|one| one.kind == "stub" && one.part == 0) {
        found.add(1, format!("{name} has no acknowledgement"));
    }
    let terminal: Vec<&ReceiptRow> = ground.terminal(&contract.id).collect();
    if !terminal.iter().any(|one| one.kind == "content") {
        return found.add(1, format!("{name} has no content receipt"));
    }
    for receipt in &terminal {
        let what = format!("{name}, {} {}", receipt.kind, receipt.part);
        match receipt.state.as_str() {
            "surfaced" if receipt.message.is_none() => merged(ground, worker, contract, receipt, &what, found),
            "surfaced" => texts::the_message_shows_what_is_stored(ground, worker, receipt, &what, found),
            "failed" => recorded(ground, contract, receipt, &what, found),
            // Whether what is open may still be open is invariant 10; here it is neither of the two ends.
            _ if ground.facts.settled.is_some() => {
                found.add(1, format!("{what} is {}: neither visible nor failed for good", receipt.state));
            }
            _ => {}
        }
    }
    let failed = terminal.iter().any(|one| one.state == "failed");
    let shown = terminal.iter().all(|one| one.state == "surfaced");
    match contract.state.as_str() {
        "terminal_acked" if !shown => found.add(1, format!("{name} is closed as shown and not all of it is")),
        "terminal_failed" if !failed => found.add(1, format!("{name} is closed as failed and no receipt says why")),
        "terminal_acked" | "terminal_failed" => {}
        state if ground.facts.settled.is_some() => found.add(1, format!("{name} is {state} in the end")),
        _ => {}
    }
}

/// A receipt without a message of its own: another contract has shown the result at the same address.
fn merged(
    ground: &Ground<'_>,
    worker: &WorkerRow,
    contract: &ContractRow,
    receipt: &ReceiptRow,
    what: &str,
    found: &mut Found,
) {
    if receipt.reason.as_deref() != Some("merged") {
        return found.add(1, format!("{what} is surfaced and names no message"));
    }
    if !worker.has_ended() {
        return;
    }
    let here = contract.address();
    let messages = ground.messages_of.get(worker.id.as_str()).map(Vec::as_slice).unwrap_or_default();
    let shown = messages.iter().any(|message| ever_content(message) && same_chat(ground, worker, &here, message));
    let others = ground.contracts_of.get(worker.id.as_str()).map(Vec::as_slice).unwrap_or_default();
    let stood_here = |other: &&&ContractRow| {
        other.id != contract.id && (other.address() == here || ground.has_left(&other.id, &here))
    };
    let recorded = others
        .iter()
        .filter(stood_here)
        .any(|other| ground.newest(&other.id, "content", 0).is_some_and(|content| content.state == "failed"));
    if !shown && !recorded && ground.facts.settled.is_some() {
        found.add(1, format!("{what} was left to another contract at {here}, and no result is shown there"));
    }
}

/// Whether a call for this receipt may have filled this message, and nobody learnt of it.
fn filled_unheard(ground: &Ground<'_>, receipt: &ReceiptRow, message: &Message) -> bool {
    let of_it = |called: &&super::ground::Called<'_>| called.call.message.as_deref() == Some(message.id.as_str());
    ground.calls_of(&receipt.id).iter().filter(of_it).any(|called| ground.was_lost(called))
}

/// Whether what stands in a message was put there by an edit whose answer was lost, at an address that its contract has
/// left before it could ask again: nobody knows of it. Somebody may come to follow the job there later.
fn left_in_doubt(ground: &Ground<'_>, message: &Message) -> bool {
    let receipt = ground.filled_by.get(message.id.as_str()).and_then(|id| ground.receipts.get(id));
    receipt.is_some_and(|receipt| {
        let named = ground.named.get(receipt.id.as_str()).map(String::as_str);
        ground.has_left(&receipt.contract, &message.address)
            && named != Some(&message.id)
            && filled_unheard(ground, receipt, message)
    })
}

fn ever_content(message: &Message) -> bool {
    message.versions.iter().any(|version| version.kind == Some(EnvelopeKind::Content))
}

/// Whether a message stands at an address, or where the chat of that address has moved to or from.
fn same_chat(ground: &Ground<'_>, worker: &WorkerRow, here: &Address, message: &Message) -> bool {
    if message.address == *here {
        return true;
    }
    let contracts = ground.contracts_of.get(worker.id.as_str()).map(Vec::as_slice).unwrap_or_default();
    let mut steps = contracts.iter().filter_map(|one| ground.left.get(one.id.as_str())).flatten();
    steps.any(|step| {
        let both = [&step.from, &step.to].map(|address| (&address.account, &address.channel));
        let (one, two) = ((&here.account, &here.channel), (&message.address.account, &message.address.channel));
        step.reason.starts_with("moved") && both.contains(&one) && both.contains(&two)
    })
}

/// Every result that stands in a channel is that of one receipt, and of one that did not fail.
fn nothing_else_is_visible(ground: &Ground<'_>, worker: &WorkerRow, found: &mut Found) {
    let messages = ground.messages_of.get(worker.id.as_str()).map(Vec::as_slice).unwrap_or_default();
    let mut contents: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for message in messages.iter().filter(|one| one.is_visible_bot() && one.shown().is_terminal()) {
        let Some(receipt) = ground.filled_by.get(message.id.as_str()).and_then(|id| ground.receipts.get(id)) else {
            found.add(1, format!("{} shows a result of {} that no receipt promises", message.id, worker.short));
            continue;
        };
        // At an address that was given up nothing can be changed any more; what stands there may have been
        // taken by the platform without anybody being told.
        if ground.has_left(&receipt.contract, &message.address) {
            continue;
        }
        // A platform that calls malformed what it has taken before is believed in what it says last. So is one
        // that has taken an edit whose answer was lost, and has closed the place when it is repeated.
        let calls = ground.calls_of(&receipt.id);
        let gone = calls.last().is_some_and(|last| last.outcome() == "gone");
        let closed = gone && filled_unheard(ground, receipt, message);
        let taken_back = closed || calls.iter().any(|called| called.outcome() == "bug");
        if receipt.state == "failed" && !taken_back {
            let reason = receipt.reason.as_deref().unwrap_or_default();
            found.add(1, format!("{} is visible as {} and recorded as failed: {reason}", receipt.id, message.id));
        }
        if receipt.kind == "content" {
            contents.entry(&receipt.contract).or_default().push(&message.id);
        }
        let named = ground.named.get(receipt.id.as_str());
        if receipt.state == "surfaced" && named.map(String::as_str) != Some(&message.id) {
            found.add(1, format!("{} shows what {} says is shown by {named:?}", message.id, receipt.id));
        }
    }
    for (contract, messages) in contents {
        if messages.len() > 1 {
            found.add(
                1,
                format!(
                    "the result of {} is visible {} times for {contract}: {messages:?}",
                    worker.short,
                    messages.len()
                ),
            );
        }
    }
}

/// A failure that is recorded has a reason, and one that the platform's log bears out.
fn recorded(ground: &Ground<'_>, contract: &ContractRow, receipt: &ReceiptRow, what: &str, found: &mut Found) {
    let reason = receipt.reason.as_deref().unwrap_or_default();
    if reason.is_empty() {
        return found.add(1, format!("{what} has failed without a reason"));
    }
    if receipt.replaced != 0 {
        return found.add(1, format!("{what} counts as replaced, and nothing has taken its place: {reason}"));
    }
    if reason.starts_with("no_stub: ") {
        let part = if receipt.kind == "content" { 0 } else { receipt.part };
        match ground.newest(&contract.id, "stub", part) {
            Some(stub) if stub.state == "failed" => why(ground, contract, stub, what, found),
            Some(stub) => found.add(1, format!("{what} failed for its stub, which is {}: {reason}", stub.state)),
            None => found.add(1, format!("{what} failed for a stub that it never had: {reason}")),
        }
        return;
    }
    why(ground, contract, receipt, what, found);
}

/// Holds a reason against what the platform has answered.
fn why(ground: &Ground<'_>, contract: &ContractRow, receipt: &ReceiptRow, what: &str, found: &mut Found) {
    let reason = receipt.reason.as_deref().unwrap_or_default();
    let family =
        ground.receipts_of(&contract.id).iter().filter(|one| one.kind == receipt.kind && one.part == receipt.part);
    let mut calls: Vec<_> = family
        .flat_map(|one| ground.calls_of(&one.id))
        .filter(|called| called.is_delivery() || called.outcome() == "gone")
        .collect();
    calls.sort_by_key(|called| called.seq);
    let count = |outcome: &str| calls.iter().filter(|called| called.outcome() == outcome).count();
    let last = calls.last().map_or("nothing", |called| called.outcome());
    let borne_out = match reason.split(':').next().unwrap_or_default() {
        // A step of the wall clock ages what is stored, and so may end it early or late.
        "exhausted" => {
            let steps: i64 = ground.facts.steps.iter().map(|(_, by)| by.abs()).sum();
            let age = receipt.settled_at.unwrap_or(0) - receipt.first_due.unwrap_or(i64::MAX);
            age + steps >= THREE_DAYS && !matches!(last, "surfaced" | "stop_account" | "retry_after" | "nothing")
        }
        // A platform may give an address up in the same word.
        "deleted" => count("fallback") >= 2 || (last == "gone" && is_last_address(contract)),
        "no_message_id" => count("surfaced") >= 2,
        "superseded" | "overtaken" | "undecodable" => false,
        _ => match last {
            // The end of the route: every address before it was left for a reason of its own.
            "gone" => is_last_address(contract),
            "bug" | "reshape" => true,
            _ => false,
        },
    };
    if !borne_out {
        found.add(
            1,
            format!("{what} has failed ({reason}), and the platform's last word was {last} ({} calls)", calls.len()),
        );
    }
}

fn is_last_address(contract: &ContractRow) -> bool {
    let route: Vec<Address> = serde_json::from_str(&contract.route).unwrap_or_default();
    usize::try_from(contract.step).is_ok_and(|step| step + 1 >= route.len())
}
