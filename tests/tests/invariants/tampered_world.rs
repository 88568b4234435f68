//! Evidence in which what the driver knows, or what the platform was called for, was tampered with.

use wilco_core::{Address, EnvelopeKind};
use wilco_sim::{Call, Entry, Logged, Verb};
use wilco_tests::clock::BEGIN;
use wilco_tests::simulation::evidence::{Evidence, InboxRow, Run};
use wilco_tests::simulation::invariants::check;

use super::finds;
use super::tampered::{contract, id_of, message, rich, with};

const WELL: &str = "All is well.";

/// Holds that nothing is found in such words.
#[track_caller]
pub(super) fn is_silent(evidence: &Evidence, invariant: u8, words: &str) {
    let found = check(evidence);
    assert!(found.iter().all(|one| one.invariant != invariant || !one.what.contains(words)), "{found:?}");
}

/// Adds lines to the log as the platform would.
pub(super) fn append(all: &mut Evidence, what: Logged) -> u64 {
    let seq = all.log.len() as u64 + 1;
    all.log.push(Entry { seq, at: all.facts.calm, what });
    seq
}

/// The create of the message that shows these words.
pub(super) fn create_of(all: &mut Evidence, words: &str) -> Call {
    let id = message(all, words).id.clone();
    let made = |entry: &&Entry| matches!(&entry.what, Logged::Posted { message, .. } if *message == id);
    let posted = all.log.iter().find(made).expect("somebody has created it");
    let Logged::Posted { call, .. } = &posted.what else { unreachable!("it was looked for") };
    let line = all.log.iter().find(|entry| entry.seq == *call).expect("every effect names its call");
    line.call().expect("a line of a call").clone()
}

fn creates_again(all: &mut Evidence, create: &Call) {
    let call = append(all, Logged::Call(Box::new(create.clone())));
    let (kind, worker) = (create.kind.expect("a create has a kind"), create.worker.clone());
    append(all, Logged::Posted { call, message: "m999".to_owned(), kind, worker });
}

#[tokio::test(start_paused = true)]
async fn invariant_1_finds_a_contract_without_its_acknowledgement() {
    let sound = rich().await;
    let without = with(&sound, |all| {
        let id = contract(all, WELL).id.clone();
        all.rows.receipts.retain(|row| row.contract != id || row.kind != "stub");
    });
    finds(&without, 1, "has no acknowledgement");
}

#[tokio::test(start_paused = true)]
async fn invariant_5_finds_a_job_that_no_event_has_started_and_one_that_two_have() {
    let sound = rich().await;
    let unlinked = with(&sound, |all| {
        let id = id_of(all, WELL);
        all.rows.inbox.retain(|row| row.worker.as_deref() != Some(&id));
    });
    finds(&unlinked, 5, "no event has started it");
    let twice = with(&sound, |all| {
        let id = id_of(all, WELL);
        let row = all.rows.inbox.iter().find(|row| row.worker.as_deref() == Some(&id)).expect("its event").clone();
        all.rows.inbox.push(InboxRow { event: "another".to_owned(), ..row });
    });
    finds(&twice, 5, "is the job of 2 events");
}

#[tokio::test(start_paused = true)]
async fn invariant_6_finds_a_task_that_outlives_the_end_of_its_job_or_begins_after_its_cancel() {
    let sound = rich().await;
    let run = |worker: String, from, until| Run { worker, number: 1, from, until };
    let ended = with(&sound, |all| {
        let id = id_of(all, WELL);
        all.facts.runs.push(run(id, BEGIN, None));
    });
    finds(&ended, 6, "was called done");
    let again = with(&sound, |all| {
        let cancelled = all.rows.workers.iter().find(|row| row.state == "cancelled").expect("one was cancelled");
        let (id, late) = (cancelled.id.clone(), all.facts.calm);
        all.facts.runs.push(run(id, late, Some(late)));
    });
    finds(&again, 6, "its cancel was stored");
}

#[tokio::test(start_paused = true)]
async fn invariant_8_finds_a_create_that_nobody_has_looked_for_before_it_was_repeated() {
    let sound = rich().await;
    let blind = with(&sound, |all| {
        let create = create_of(all, WELL);
        creates_again(all, &create);
    });
    finds(&blind, 8, "for which nobody had looked");
    let seen = with(&sound, |all| {
        let create = create_of(all, WELL);
        append(all, Logged::Call(Box::new(Call { verb: Verb::Find, ..create.clone() })));
        creates_again(all, &create);
    });
    is_silent(&seen, 8, "for which nobody had looked");
    let ping = with(&sound, |all| {
        let create = Call { kind: Some(EnvelopeKind::Ping), ..create_of(all, WELL) };
        all.facts.limits.abilities.look_up = false;
        creates_again(all, &create);
    });
    is_silent(&ping, 8, "for which nobody had looked");
}

#[tokio::test(start_paused = true)]
async fn d10_invariant_12_finds_what_stands_outside_of_its_route_or_where_more_people_read() {
    let sound = rich().await;
    let elsewhere = |all: &mut Evidence| message(all, WELL).address.channel = "elsewhere".to_owned();
    finds(&with(&sound, elsewhere), 12, "and its route is");
    let moved = with(&sound, |all| {
        let from = message(all, WELL).address.clone();
        all.facts.moves.push((from, Address::channel("sim", "elsewhere")));
        elsewhere(all);
    });
    is_silent(&moved, 12, "and its route is");
    let wider = with(&sound, |all| {
        let began = message(all, WELL).address.clone();
        let route = vec![began.clone(), Address::channel("sim", "elsewhere")];
        let stub = message(all, WELL).receipt.as_ref().expect("the bot's message has a receipt").to_string();
        let of = all.rows.receipts.iter().find(|row| row.id == stub).expect("which is stored").contract.clone();
        let own = all.rows.contracts.iter_mut().find(|row| row.id == of).expect("and has a contract");
        own.route = serde_json::to_string(&route).unwrap();
        elsewhere(all);
        all.facts.hidden.push(began);
    });
    is_silent(&wider, 12, "and its route is");
    finds(&wider, 12, "for all to read");
}

#[tokio::test(start_paused = true)]
async fn invariant_12_finds_what_only_a_channel_may_read_in_the_log() {
    let mut sound = rich().await;
    sound.facts.unlogged.push(WELL.to_owned());
    is_silent(&sound, 12, "only a channel may read");
    finds(&with(&sound, |all| all.facts.lines.push(format!("it said {WELL}"))), 12, "only a channel may read");
}
