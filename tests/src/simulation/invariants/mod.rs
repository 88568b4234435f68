//! The twelve invariants of the promise, each judged from what people could see and what the tables hold,
//! never from what the bot counts of itself. Where the bot has a rule, the check has one of its own.

mod cancels;
mod contracts;
mod creates;
mod durability;
mod events;
mod followups;
mod ground;
mod last_word;
mod lines;
mod liveness;
mod order;
mod pauses;
mod replay;
mod results;
mod routes;
mod scopes;
mod secrets;
mod texts;

use std::fmt;

pub use ground::Ground;

use super::evidence::Evidence;

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Which of the twelve, from 1.
    pub invariant: u8,
    /// What was found, in words that name the rows and messages.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invariant {}: {}", self.invariant, self.what)
    }
}

/// What the invariants have found so far.
#[derive(Debug, Default)]
pub(crate) struct Found(Vec<Violation>);

impl Found {
    fn add(&mut self, invariant: u8, what: impl Into<String>) {
        self.0.push(Violation { invariant, what: what.into() });
    }
}

/// What is to be said of what a schedule left behind.
#[derive(Debug)]
pub struct Judgement {
    /// What did not hold; empty when everything that was promised holds.
    pub violations: Vec<Violation>,
    /// How many acknowledgements without content stand there that nobody at wilco knows of.
    pub strays: usize,
}

/// Judges what a schedule left behind: what did not hold.
pub fn check(evidence: &Evidence) -> Vec<Violation> {
    judge(evidence).violations
}

/// Judges what a schedule left behind.
pub fn judge(evidence: &Evidence) -> Judgement {
    let mut found = Found::default();
    let ground = Ground::of(evidence, &mut found);
    results::one_visible_end_or_one_recorded_failure(&ground, &mut found);
    contracts::contracts_only_move_forward(&ground, &mut found);
    last_word::the_end_has_the_last_word(&ground, &mut found);
    followups::a_due_time_fires_once(&ground, &mut found);
    durability::what_is_committed_survives(&ground, &mut found);
    durability::what_is_acknowledged_is_committed(&ground, &mut found);
    events::one_event_starts_one_job(&ground, &mut found);
    cancels::a_cancel_is_one_decision(&ground, &mut found);
    cancels::what_runs_has_not_ended(&ground, &mut found);
    pauses::a_stopped_account_spends_nothing(&ground, &mut found);
    scopes::calls_stay_within_their_bounds(&ground, &mut found);
    creates::nothing_is_sent_blind(&ground, &mut found);
    order::order_holds_within_a_contract(&ground, &mut found);
    order::nobody_waits_for_a_parked_address(&ground, &mut found);
    liveness::everything_settles(&ground, &mut found);
    replay::the_journal_tells_the_same(&ground, &mut found);
    secrets::no_secret_leaks(&ground, &mut found);
    routes::nothing_leaves_its_route(&ground, &mut found);
    let strays = last_word::strays(&ground);
    Judgement { violations: found.0, strays }
}
