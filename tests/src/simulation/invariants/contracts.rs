//! Invariant 2: the state of a contract only moves forward.

use std::collections::BTreeMap;

use super::Found;
use super::ground::Ground;
use super::lines::Says;

/// The steps that exist, from and to.
const STEPS: [(&str, &str); 11] = [
    ("created", "acked"),
    ("created", "terminal_pending"),
    ("acked", "progressing"),
    ("acked", "sla_missed"),
    ("acked", "terminal_pending"),
    ("progressing", "sla_missed"),
    ("progressing", "terminal_pending"),
    ("sla_missed", "progressing"),
    ("sla_missed", "terminal_pending"),
    ("terminal_pending", "terminal_acked"),
    ("terminal_pending", "terminal_failed"),
];

/// From `created` on each step of a contract is one that exists, begins where the last one ended, and leads
/// to the state that is stored. Only an operator takes one back, by sending a failed receipt again.
pub(super) fn contracts_only_move_forward(ground: &Ground<'_>, found: &mut Found) {
    for (worker, lines) in &ground.journal_of {
        let mut states: BTreeMap<&str, &str> = BTreeMap::new();
        let mut asked: BTreeMap<&str, bool> = BTreeMap::new();
        for line in lines {
            let moved = match &line.says {
                Says::Moved(moved) => moved,
                Says::Attempt(attempt) => {
                    if attempt.outcome == "sent_again" {
                        asked.insert(attempt.contract, true);
                    }
                    continue;
                }
                Says::Settled(_)
                | Says::Step(_)
                | Says::Cancel(_)
                | Says::Completed(_)
                | Says::Recovered(_)
                | Says::Other => continue,
            };
            let stood = states.get(moved.contract).copied().unwrap_or("created");
            let step = (moved.from, moved.to);
            let taken_back =
                step == ("terminal_failed", "terminal_pending") && asked.insert(moved.contract, false) == Some(true);
            if moved.from != stood || !(STEPS.contains(&step) || taken_back) {
                let seq = line.row.seq;
                found.add(2, format!("{} of {worker} was {stood} and went {step:?} in line {seq}", moved.contract));
            }
            states.insert(moved.contract, moved.to);
        }
        for contract in ground.contracts_of.get(worker).map(Vec::as_slice).unwrap_or_default() {
            let last = states.get(contract.id.as_str()).copied().unwrap_or("created");
            if contract.state != last {
                found.add(2, format!("{} is {} and its last step led to {last}", contract.id, contract.state));
            }
        }
    }
}
