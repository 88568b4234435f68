//! Invariant 3: the result has the last word in every message that wilco knows, and no progress edit starts
//! after the end was committed.

use std::collections::{BTreeMap, BTreeSet};

use wilco_core::EnvelopeKind;
use wilco_sim::Message;

use super::Found;
use super::ground::Ground;
use super::lines::Says;
use crate::simulation::evidence::ReceiptRow;

/// No message that wilco knows ends with anything but a result, strays hold nothing of one, and nothing is
/// shown of the progress of what has ended.
pub(super) fn the_end_has_the_last_word(ground: &Ground<'_>, found: &mut Found) {
    let known = known(ground);
    for (worker, messages) in &ground.messages_of {
        let Some(row) = ground.workers.get(worker).filter(|row| row.has_ended()) else { continue };
        for message in messages.iter().filter(|message| message.is_visible_bot()) {
            match known.get(message.id.as_str()) {
                Some(contract) if open(message) && ground.facts.settled.is_some() => {
                    if !excused(ground, contract, message) {
                        let text = &message.shown().text;
                        found.add(3, format!("{} of {} says {text:?} in the end", message.id, row.short));
                    }
                }
                Some(_) => {}
                None => stray(message, found),
            }
        }
    }
    no_progress_after_the_end(ground, found);
}

/// How many acknowledgements stand in the channels that nobody at wilco knows of: their creates were
/// answered by nothing that could be kept.
pub(super) fn strays(ground: &Ground<'_>) -> usize {
    let known = known(ground);
    let all = ground.messages_of.values().flatten();
    all.filter(|message| message.is_visible_bot() && open(message) && !known.contains_key(message.id.as_str())).count()
}

/// The messages whose ids wilco holds in its hands, with the contract that they are of. The id of a stub that
/// failed is only kept to understand a press on it.
fn known<'a>(ground: &'a Ground<'_>) -> BTreeMap<&'a str, &'a str> {
    let mut known = BTreeMap::new();
    for (receipt, message) in &ground.named {
        if let Some(row) = ground.receipts.get(receipt).filter(|row| row.state != "failed") {
            known.insert(message.as_str(), row.contract.as_str());
        }
    }
    let contracts = ground.contracts.values().filter_map(|row| Some((row, row.message.as_deref()?)));
    for (row, message) in contracts {
        // The same text as in the receipt of its stub, so that the id need not be kept a second time.
        let id = super::ground::message_id(message);
        if let Some((id, _)) = id.and_then(|id| ground.messages.get_key_value(id.as_str())) {
            known.insert(id, row.id.as_str());
        }
    }
    known
}

/// Whether a person still sees a state that is not final.
fn open(message: &Message) -> bool {
    match message.shown().kind {
        Some(EnvelopeKind::Stub | EnvelopeKind::Progress | EnvelopeKind::Question) => true,
        Some(EnvelopeKind::Content | EnvelopeKind::Part | EnvelopeKind::File | EnvelopeKind::Ping) | None => false,
    }
}

/// Why nobody could have given this message its end: its address was given up, the platform said that it
/// cannot be edited, the clock was set under an edit, or the failure of what it should show is recorded.
fn excused(ground: &Ground<'_>, contract: &str, message: &Message) -> bool {
    if ground.has_left(contract, &message.address) {
        return true;
    }
    let refused = ground.is_out_of_reach(&message.id) || ground.outran_the_clock(&message.id);
    let part = message.receipt.as_ref().and_then(|id| ground.receipts.get(id.as_str())).map_or(0, |stub| stub.part);
    let fills = |one: &ReceiptRow| if one.kind == "content" { 0 } else { one.part };
    let recorded = ground.terminal(contract).any(|one| one.state == "failed" && fills(one) == part);
    refused || recorded
}

/// A message of which wilco knows nothing may stand there, as long as nothing of a result was ever in it.
fn stray(message: &Message, found: &mut Found) {
    if message.versions.iter().any(wilco_sim::Version::is_terminal) {
        found.add(3, format!("nobody knows of {}, and it has shown a result: {:?}", message.id, message.shown().text));
    }
    if message.shown().kind == Some(EnvelopeKind::Question) {
        found.add(3, format!("nobody knows of {}, and it asks: {:?}", message.id, message.shown().text));
    }
}

fn no_progress_after_the_end(ground: &Ground<'_>, found: &mut Found) {
    let mut ends = BTreeMap::new();
    for (worker, lines) in &ground.journal_of {
        for line in lines.iter().filter(|line| matches!(line.says, Says::Completed(_))) {
            // Within one millisecond the log does not say what came first.
            ends.insert(*worker, ground.platform_time(line.row).1);
        }
    }
    let mut told = BTreeSet::new();
    for called in ground.calls.iter().filter(|called| called.call.kind == Some(EnvelopeKind::Progress)) {
        let Some(worker) = called.call.worker.as_ref() else { continue };
        let late = ends.get(worker.as_str()).is_some_and(|end| called.at > *end);
        if late && told.insert(worker.as_str()) {
            let end = ends[worker.as_str()];
            found.add(3, format!("progress of {worker} was edited at {}, and it had ended at {end}", called.at));
        }
    }
}
