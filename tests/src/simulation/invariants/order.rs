//! Invariant 9: what belongs together appears in its order, and an address that is parked or broken holds up
//! nobody else.

use std::collections::BTreeMap;

use wilco_core::Timestamp;
use wilco_sim::Verb;

use super::Found;
use super::ground::{Called, Ground, Showing};
use crate::simulation::evidence::{ContractRow, ReceiptRow};

/// Within so many milliseconds an acknowledgement leaves.
const AT_ONCE: i64 = 1_000;

/// Within a contract the places of all parts appear before the first of them is filled, each part after the
/// one before it, files after parts, and the call for attention last.
pub(super) fn order_holds_within_a_contract(ground: &Ground<'_>, found: &mut Found) {
    for contract in &ground.evidence.rows.contracts {
        // What an operator sends again comes when it is sent.
        if ground.was_sent_again(&contract.id) {
            continue;
        }
        let mut first: BTreeMap<(&str, i64), Showing<'_>> = BTreeMap::new();
        // A create whose place another has taken may land late, as a stray; nothing is to come there.
        let given_up = |receipt: &ReceiptRow| receipt.kind == "stub" && receipt.replaced != 0;
        for receipt in ground.receipts_of(&contract.id).iter().filter(|receipt| !given_up(receipt)) {
            for showing in ground.showings_of(&receipt.id) {
                let earliest = first.entry((&receipt.kind, receipt.part)).or_insert(*showing);
                if showing.seq < earliest.seq {
                    *earliest = *showing;
                }
            }
        }
        of_contract(contract, &first, found);
    }
}

fn of_contract(contract: &ContractRow, first: &BTreeMap<(&str, i64), Showing<'_>>, found: &mut Found) {
    let mut fills: Vec<(&(&str, i64), &Showing<'_>)> =
        first.iter().filter(|((kind, _), _)| matches!(*kind, "content" | "part" | "file")).collect();
    // Content is part 0; parts and files share one count, and files come after parts.
    fills.sort_by_key(|((kind, part), _)| if *kind == "content" { 0 } else { *part });
    for pair in fills.windows(2) {
        let ((earlier, one), (later, two)) = (pair[0], pair[1]);
        if two.seq < one.seq {
            found.add(
                9,
                format!(
                    "{later:?} of {} appeared in entry {}, before {earlier:?} in {}",
                    contract.id, two.seq, one.seq
                ),
            );
        }
    }
    let Some((_, begun)) = fills.first() else { return };
    for ((kind, part), stub) in first.iter().filter(|((kind, _), _)| *kind == "stub") {
        if stub.seq > begun.seq {
            found.add(
                9,
                format!(
                    "{kind} {part} of {} appeared in entry {}, after content in {}",
                    contract.id, stub.seq, begun.seq
                ),
            );
        }
    }
    let last = fills.iter().map(|(_, showing)| showing.seq).max().unwrap_or(0);
    if let Some(ping) = first.get(&("ping", 0)).filter(|ping| ping.seq < last) {
        found.add(9, format!("the ping of {} came in entry {}, before all was shown in {last}", contract.id, ping.seq));
    }
    for ((kind, number), ping) in first.iter().filter(|((kind, part), _)| *kind == "ping" && *part > 0) {
        if first.get(&("question", *number)).is_none_or(|question| question.seq > ping.seq) {
            found.add(9, format!("{kind} {number} of {} calls for a question that nobody has seen", contract.id));
        }
    }
}

/// A promise at an address where nothing is wrong leaves at once, whatever happens at others.
pub(super) fn nobody_waits_for_a_parked_address(ground: &Ground<'_>, found: &mut Found) {
    // What is stored and what the platform shows cannot be compared to a second where the wall clock was stepped.
    if !ground.facts.steps.is_empty() {
        return;
    }
    let troubles = Troubles::of(ground);
    for contract in &ground.evidence.rows.contracts {
        let from = Timestamp(contract.created_at);
        let until = Timestamp(contract.created_at + AT_ONCE);
        let Some(stub) = ground.receipts_of(&contract.id).iter().find(|one| one.kind == "stub" && one.part == 0) else {
            found.add(9, format!("{} has no stub", contract.id));
            continue;
        };
        let calls = ground.calls_of(&stub.id);
        let first = calls.iter().find(|called| matches!(called.call.verb, Verb::Post | Verb::Find));
        if first.is_some_and(|first| first.at <= until) {
            continue;
        }
        let unwell = ground.facts.away_within(from, until)
            || ground.facts.died_within(from, until)
            || ground.facts.settled.is_some_and(|settled| settled < until)
            || troubles.at(contract, stub, from, until);
        if !unwell {
            let at = first.map(|first| first.at);
            found.add(9, format!("{} was accepted at {from} and its stub left at {at:?}", contract.id));
        }
    }
}

/// Everything that went wrong with a call, by account.
struct Troubles<'a> {
    calls: BTreeMap<&'a str, Vec<Called<'a>>>,
    facts: &'a crate::simulation::evidence::Facts,
}

impl<'a> Troubles<'a> {
    fn of(ground: &Ground<'a>) -> Self {
        let mut calls: BTreeMap<&str, Vec<Called<'a>>> = BTreeMap::new();
        for called in &ground.calls {
            let well =
                called.call.fault.is_none() && matches!(called.outcome(), "surfaced" | "silent" | "absent" | "here");
            if !well {
                calls.entry(called.call.address.account.as_str()).or_default().push(*called);
            }
        }
        Self { calls, facts: ground.facts }
    }

    /// Whether the address of a contract, or its whole account, was in trouble in a span: told to wait, refused,
    /// or cut off.
    fn at(&self, contract: &ContractRow, stub: &ReceiptRow, from: Timestamp, until: Timestamp) -> bool {
        let stopped =
            self.facts.stopped.iter().any(|(account, begun, ended)| {
                account.as_str() == contract.account && *begun <= until && *ended >= from
            });
        if stopped {
            return true;
        }
        let route: Vec<wilco_core::Address> = serde_json::from_str(&contract.route).unwrap_or_default();
        let first = route.first().map_or(stub.channel.as_str(), |address| address.channel.as_str());
        let calls = self.calls.get(contract.account.as_str()).map(Vec::as_slice).unwrap_or_default();
        // A chat that has moved is one chat under two names.
        let mut names = vec![first, stub.channel.as_str()];
        // And it may have moved more than once: each round follows one move.
        for _ in &self.facts.moves {
            for (from, to) in &self.facts.moves {
                if names.contains(&from.channel.as_str()) || names.contains(&to.channel.as_str()) {
                    names.extend([from.channel.as_str(), to.channel.as_str()]);
                }
            }
        }
        calls.iter().filter(|called| called.at <= until).any(|called| {
            let here = names.contains(&called.call.address.channel.as_str());
            let silent = called.asked_to_wait().is_some_and(|(millis, scope)| {
                let wide = matches!(scope, wilco_core::Scope::Account | wilco_core::Scope::Ip);
                (wide || here) && called.at.0.saturating_add(millis) >= from.0
            });
            // A refused account rests until a process begins after that, or its settings are read anew.
            let after = Timestamp(called.at.0 + 1);
            let refused = called.outcome() == "stop_account" && !self.facts.restarted_within(after, from);
            silent || refused || (here && called.at >= from)
        })
    }
}
