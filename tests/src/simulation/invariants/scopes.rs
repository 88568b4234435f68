//! Invariant 8: attempts, and calls into what has asked for silence, stay within their bounds.

use std::collections::BTreeMap;

use wilco_core::{Scope, Timestamp};
use wilco_sim::Verb;

use super::Found;
use super::ground::{Called, Ground};
use crate::simulation::evidence::ReceiptRow;

/// Two readings of one moment may differ by as much: each process counts its milliseconds from its own start.
pub(super) const READING: i64 = 2;
const HOUR: f64 = 3_600.0;
/// The waits after the attempts of a stub, in seconds; then those of content follow.
const STUB: [f64; 7] = [0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0];
/// The waits after the attempts of everything that carries content, in seconds; then five hours each.
const CONTENT: [f64; 7] = [5.0, 30.0, 120.0, 600.0, 1_800.0, 7_200.0, 18_000.0];
/// A wait may be shorter by as much.
const SHORTEST: f64 = 0.8;
/// A wait may be longer by as much.
const LONGEST: f64 = 1.2;
/// How long a probe may be on its way, in milliseconds: nobody waits longer for its answer.
const PROBE: i64 = 2_000;
/// The shortest wait between two attempts at content, in milliseconds.
const CONTENT_APART: i64 = 4_000;
/// A repetition that is itself refused is repeated for 15 minutes, each time after 36 s at the least.
const REPETITIONS: usize = 26;

/// No call goes into a scope before the time that the platform has named, none but a probe to an account that
/// was refused, and no receipt is tried more often or faster than its schedule says.
pub(super) fn calls_stay_within_their_bounds(ground: &Ground<'_>, found: &mut Found) {
    silences_are_kept(ground, found);
    refused_accounts_rest(ground, found);
    for row in &ground.evidence.rows.receipts {
        attempts_have_an_end(ground, row, found);
    }
}

/// What a platform has asked for.
struct Silence<'a> {
    asked: Called<'a>,
    until: i64,
    told: bool,
}

/// What has to be silent.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Quiet<'a> {
    Account(&'a str),
    Chat(&'a str, &'a str),
    Receipt(&'a str),
    Message(&'a str),
}

impl<'a> Quiet<'a> {
    /// What a call disturbs.
    fn disturbed(called: Called<'a>) -> Vec<Self> {
        let call = called.call;
        let account = call.address.account.as_str();
        let mut all = vec![Self::Account(account), Self::Chat(account, &call.address.channel)];
        all.extend(call.receipt.as_ref().map(|receipt| Self::Receipt(receipt.as_str())));
        all.extend(call.message.as_deref().map(Self::Message));
        all
    }

    /// What a call was told to leave alone.
    fn named(called: Called<'a>, scope: Scope) -> Option<Self> {
        let call = called.call;
        let account = call.address.account.as_str();
        match scope {
            Scope::Account | Scope::Ip => Some(Self::Account(account)),
            Scope::Chat | Scope::Route => Some(Self::Chat(account, &call.address.channel)),
            Scope::Message => {
                let receipt = call.receipt.as_ref().map(|receipt| Self::Receipt(receipt.as_str()));
                receipt.or(call.message.as_deref().map(Self::Message))
            }
        }
    }
}

fn silences_are_kept(ground: &Ground<'_>, found: &mut Found) {
    let mut silences: BTreeMap<Quiet<'_>, Silence<'_>> = BTreeMap::new();
    for called in ground.calls.iter().copied() {
        for quiet in Quiet::disturbed(called) {
            let Some(silence) = silences.get_mut(&quiet) else { continue };
            // A probe that a platform heard late had left before anybody was told.
            let slowed = |(from, to): &(Timestamp, Timestamp)| *from <= called.at && called.at.0 <= to.0 + READING;
            let slow = called.call.verb == Verb::Probe && ground.facts.slowed.iter().any(slowed);
            let left = called.at.0 - if slow { PROBE } else { 0 };
            let early = left > silence.asked.at.0 && called.at.0 + READING < silence.until;
            if early && !silence.told && !forgotten(ground, silence.asked.at, called.at) {
                silence.told = true;
                let (asked, verb) = (silence.asked.at, silence.asked.call.verb.name());
                found.add(
                    8,
                    format!(
                        "{} to {} (entry {}) at {}: a {verb} (entry {}) was told at {asked} to wait until {}",
                        called.call.verb.name(),
                        called.call.address,
                        called.seq,
                        called.at,
                        silence.asked.seq,
                        Timestamp(silence.until)
                    ),
                );
            }
        }
        if let Some((millis, scope)) = called.asked_to_wait()
            && let Some(quiet) = Quiet::named(called, scope)
        {
            let until = called.at.0.saturating_add(millis);
            if silences.get(&quiet).is_none_or(|earlier| earlier.until < until) {
                silences.insert(quiet, Silence { asked: called, until, told: false });
            }
        }
    }
}

/// Whether the answer never reached the store, or a step of the wall clock has moved what is stored.
fn forgotten(ground: &Ground<'_>, asked: Timestamp, now: Timestamp) -> bool {
    let facts = ground.facts;
    let soon = Timestamp(asked.0 + READING);
    let stepped = facts.steps.iter().any(|(at, _)| *at <= now && facts.resumed_within(*at, now));
    facts.died_within(asked, soon) || facts.away_within(asked, soon) || stepped
}

fn refused_accounts_rest(ground: &Ground<'_>, found: &mut Found) {
    let mut refused: BTreeMap<&str, Called<'_>> = BTreeMap::new();
    for called in ground.calls.iter().copied() {
        let account = called.call.address.account.as_str();
        if let Some(earlier) = refused.get(account).copied()
            && called.at > earlier.at
        {
            if ground.facts.resumed_within(earlier.at, called.at) || forgotten(ground, earlier.at, called.at) {
                refused.remove(account);
            } else if called.call.verb != Verb::Probe {
                let (verb, kind) = (called.call.verb.name(), called.call.kind);
                found.add(8, format!(
                    "{verb} of {kind:?} to {account} (entry {}) at {}, whose credentials were refused at {} (entry {})",
                    called.seq, called.at, earlier.at, earlier.seq
                ));
                refused.remove(account);
            }
        }
        if called.outcome() == "stop_account" {
            refused.entry(account).or_insert(called);
        }
    }
}

/// A receipt is tried as often as its schedule allows, each remedy is used as often as there is one, and two
/// attempts at content keep their distance.
fn attempts_have_an_end(ground: &Ground<'_>, row: &ReceiptRow, found: &mut Found) {
    let calls: Vec<Called<'_>> = ground.calls_of(&row.id).iter().copied().filter(Called::is_delivery).collect();
    let name = || format!("{} {} of {}", row.kind, row.part, row.contract);
    let again = ground.sent_again.get(row.contract.as_str()).copied().unwrap_or(0);
    let (rounds, deaths) = (1 + again, ground.facts.deaths.len());
    // A step back of the wall clock makes a receipt younger than it is.
    let most = most_attempts(&row.kind) + 20 * ground.facts.steps.len();
    if usize::try_from(row.attempts).is_ok_and(|attempts| attempts > most) {
        found.add(8, format!("{} has {} attempts; its schedule has {most}", name(), row.attempts));
    }
    let count = |outcomes: &[&str]| calls.iter().filter(|called| outcomes.contains(&called.outcome())).count();
    let route: Vec<wilco_core::Address> = ground
        .contracts
        .get(row.contract.as_str())
        .map_or(Vec::new(), |one| serde_json::from_str(&one.route).unwrap_or_default());
    let bounds = [
        (&["retry", "ambiguous", "hang"][..], rounds * most + REPETITIONS),
        (&["surfaced"][..], rounds + REPETITIONS),
        (&["fallback"][..], 2 * rounds),
        (&["reshape"][..], 3 * rounds),
        (&["bug"][..], 2 * rounds),
        (&["silent"][..], rounds),
        (&["gone"][..], route.len().max(1) * rounds),
        (&["moved"][..], 10 * rounds),
        (&["stop_account"][..], 1 + ground.facts.away.len() + REPETITIONS),
    ];
    for (outcomes, bound) in bounds {
        let calls = count(outcomes);
        if calls > bound + deaths {
            found.add(
                8,
                format!("{} was called for {calls} times with the outcome {outcomes:?}; {bound} have a use", name()),
            );
        }
    }
    if !row.is_terminal() || again > 0 {
        return;
    }
    for pair in calls.windows(2) {
        let (one, two) = (pair[0], pair[1]);
        let spent = matches!(one.outcome(), "retry" | "ambiguous" | "hang");
        let apart = two.at.0 - one.at.0;
        if spent
            && apart + READING < CONTENT_APART
            && !ground.facts.away_within(one.at, two.at)
            && !ground.facts.died_within(one.at, two.at)
        {
            found.add(8, format!("{} was tried again after {apart} ms (entries {} and {})", name(), one.seq, two.seq));
        }
    }
}

/// The longest wait after so many attempts, in milliseconds: none before the first.
pub(super) fn wait_after(attempts: usize, stub: bool) -> i64 {
    let first: &[f64] = if stub { &STUB } else { &[] };
    let mut waits = first.iter().chain(&CONTENT).copied();
    let Some(last) = attempts.checked_sub(1) else { return 0 };
    let wait = waits.nth(last).unwrap_or(5.0 * HOUR);
    (wait * LONGEST * 1_000.0) as i64
}

/// How many attempts fit into three days when every wait is as short as it may be.
fn most_attempts(kind: &str) -> usize {
    if kind == "ping" {
        return 3;
    }
    let first: &[f64] = if kind == "stub" { &STUB } else { &[] };
    let mut waits = first.iter().chain(&CONTENT).copied().chain(std::iter::repeat(5.0 * HOUR));
    let (mut age, mut attempts) = (0.0, 1);
    while age < 72.0 * HOUR {
        age += waits.next().unwrap_or(5.0 * HOUR) * SHORTEST;
        attempts += 1;
    }
    attempts
}
