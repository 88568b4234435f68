//! Invariant 12: what is told in a place stays in it. Nothing of a contract appears outside of its route, and
//! nothing of one that began where not everybody reads appears where everybody does.

use wilco_core::Address;
use wilco_sim::{Author, Message};

use super::Found;
use super::ground::Ground;
use crate::simulation::evidence::ContractRow;

/// Every message of the bot that a receipt has made stands at an address of its contract's route, or where the
/// chat of one has moved to.
pub(super) fn nothing_leaves_its_route(ground: &Ground<'_>, found: &mut Found) {
    for message in ground.evidence.snapshot.messages.iter().filter(|message| message.author == Author::Bot) {
        let receipt = message.receipt.as_ref().and_then(|id| ground.receipts.get(id.as_str()));
        let Some(contract) = receipt.and_then(|row| ground.contracts.get(row.contract.as_str())) else { continue };
        of_contract(ground, contract, message, found);
    }
}

fn of_contract(ground: &Ground<'_>, contract: &ContractRow, message: &Message, found: &mut Found) {
    let Ok(route) = serde_json::from_str::<Vec<Address>>(&contract.route) else {
        return found.add(12, format!("the route of {} cannot be read", contract.id));
    };
    let here = &message.address;
    // The route knows the new id of a chat; what it was told before stands under the old one.
    let belongs = |stop: &Address| is_or_became(ground, stop, here) || is_or_became(ground, here, stop);
    if !route.iter().any(belongs) {
        found.add(12, format!("{} of {} stands at {here}, and its route is {route:?}", message.id, contract.id));
    }
    let hidden = |address: &Address| ground.facts.hidden.iter().any(|one| is_or_became(ground, one, address));
    if route.first().is_some_and(hidden) && !hidden(here) {
        let began = &route[0];
        found.add(
            12,
            format!("{} of {} stands at {here} for all to read, and began at {began}", message.id, contract.id),
        );
    }
}

/// Whether an address is another one, or the one that its chat got when it moved, however often.
fn is_or_became(ground: &Ground<'_>, stop: &Address, here: &Address) -> bool {
    let mut reached = vec![stop.clone()];
    let mut at = 0;
    while let Some(address) = reached.get(at).cloned() {
        if address == *here {
            return true;
        }
        for (from, to) in &ground.facts.moves {
            if from.account != address.account || from.channel != address.channel {
                continue;
            }
            // A thread moves with its channel and stays a thread of its own.
            let renamed = to.thread.clone().filter(|_| from.thread == address.thread);
            let next = Address { thread: renamed.or_else(|| address.thread.clone()), ..to.clone() };
            if !reached.contains(&next) {
                reached.push(next);
            }
        }
        at += 1;
    }
    false
}
