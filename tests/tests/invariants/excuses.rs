//! What an invariant excuses, and that it excuses no more: beside every excuse that holds stands one that is
//! almost the same and does not.

use std::time::Duration;

use wilco_core::{EnvelopeKind, Scope, Timestamp};
use wilco_sim::{Call, Fault, Logged, Verb};
use wilco_tests::clock::BEGIN;
use wilco_tests::simulation::evidence::Evidence;

use super::finds;
use super::tampered::{id_of, message, receipt, rich, with};
use super::tampered_world::{append, create_of, is_silent};

const WELL: &str = "All is well.";
const HOUR: i64 = 3_600_000;

/// Progress whose edit left before the result was shown lands on top of it when another process runs. When it left.
fn lands_late(all: &mut Evidence) -> Timestamp {
    let id = message(all, WELL).id.clone();
    let progress =
        |what: &Logged| matches!(what, Logged::Edited { message, kind: EnvelopeKind::Progress, .. } if *message == id);
    let at = all.log.iter().rposition(|entry| progress(&entry.what)).expect("it has shown progress");
    let landed = all.log[at].what.clone();
    let Logged::Edited { call, .. } = &landed else { unreachable!("it was looked for") };
    let left = all.log.iter().find(|entry| entry.seq == *call).expect("every effect names its call").at;
    all.log[at].what = Logged::Unchanged { call: *call, message: id };
    append(all, landed);
    let shown = message(all, WELL);
    let version = shown.versions.iter().find(|one| one.kind == Some(EnvelopeKind::Progress));
    let version = version.expect("it stood there").clone();
    shown.versions.push(version);
    left
}

fn soon(after: Timestamp) -> Timestamp {
    after.plus(Duration::from_millis(1))
}

#[tokio::test(start_paused = true)]
async fn r18_an_edit_that_outran_the_clock_is_excused_and_one_that_only_landed_late_is_not() {
    let sound = rich().await;
    let late = |change: fn(&mut Evidence, Timestamp)| {
        with(&sound, |all| {
            let left = lands_late(all);
            change(all, left);
        })
    };
    let words = "is surfaced, and";
    let excused = |evidence: &Evidence| is_silent(evidence, 1, words);
    let blamed = |evidence: &Evidence| finds(evidence, 1, words);
    blamed(&late(|_, _| {}));
    excused(&late(|all, left| all.facts.steps.push((soon(left), HOUR))));
    // Set back, the clock makes an edit younger, and nobody forgets it.
    blamed(&late(|all, left| all.facts.steps.push((soon(left), -HOUR))));
    // The next process was only the same one after a sleep.
    blamed(&late(|all, left| {
        all.facts.steps.push((soon(left), HOUR));
        all.facts.suspended = all.facts.away.clone();
    }));
    // Nor does a process begin where settings are read anew.
    blamed(&late(|all, left| {
        all.facts.steps.push((soon(left), HOUR));
        all.facts.away.iter_mut().for_each(|away| away.0 = away.1);
        all.facts.deaths.clear();
    }));
    // The process that made the edit had begun with the new time.
    blamed(&late(|all, _| {
        all.facts.steps.push((soon(BEGIN), HOUR));
        all.facts.away.insert(0, (soon(soon(BEGIN)), soon(soon(soon(BEGIN)))));
    }));
}

/// The result stands there and is recorded as failed: the platform has taken its edit without an answer to the first
/// call, and has closed the place when it was repeated.
fn closed(all: &mut Evidence, doubtful: Verb, of: &str) {
    let row = receipt(all, WELL, "content", 0);
    (row.state, row.reason) = ("failed".to_owned(), Some("the channel was deleted".to_owned()));
    let id = row.id.clone();
    let fits = |call: &Call| call.verb == Verb::Edit && call.receipt.as_ref().is_some_and(|one| one.as_str() == id);
    let call = all.log.iter().find_map(|entry| entry.call().filter(|call| fits(call)).cloned());
    let edit = call.expect("it was shown by an edit");
    let message = if of.is_empty() { edit.message.clone() } else { Some(of.to_owned()) };
    let lost = Call { verb: doubtful, outcome: "ambiguous".to_owned(), message, ..edit.clone() };
    append(all, Logged::Call(Box::new(lost)));
    append(all, Logged::Call(Box::new(Call { outcome: "gone".to_owned(), ..edit })));
}

#[tokio::test(start_paused = true)]
async fn f14_what_stands_in_a_closed_place_is_excused_only_after_a_doubt_about_its_own_message() {
    let sound = rich().await;
    let words = "and recorded as failed";
    is_silent(&with(&sound, |all| closed(all, Verb::Edit, "")), 1, words);
    finds(&with(&sound, |all| closed(all, Verb::Edit, "m999")), 1, words);
    // A doubt that nobody had at the end: the last answer was no refusal.
    let opened = with(&sound, |all| {
        closed(all, Verb::Edit, "");
        all.log.pop();
    });
    finds(&opened, 1, words);
}

#[tokio::test(start_paused = true)]
async fn a_stub_that_comes_after_the_result_is_excused_only_when_another_took_its_place() {
    let sound = rich().await;
    let late = |state: &'static str, replaced: i64| {
        with(&sound, |all| {
            let create = create_of(all, WELL);
            let stub = create.receipt.as_ref().expect("a stub has a receipt").to_string();
            let row = all.rows.receipts.iter_mut().find(|row| row.id == stub).expect("which is stored");
            (row.state, row.replaced) = (state.to_owned(), replaced);
            let id = message(all, WELL).id.clone();
            let posted = |what: &Logged| matches!(what, Logged::Posted { message, .. } if *message == id);
            let at = all.log.iter().position(|entry| posted(&entry.what)).expect("somebody has created it");
            let effect = all.log[at].what.clone();
            let Logged::Posted { call, .. } = effect else { unreachable!("it was looked for") };
            all.log[at].what = Logged::Fizzled { call, why: "it was late".to_owned() };
            let call = append(all, Logged::Call(Box::new(create.clone())));
            let (kind, worker) = (create.kind.expect("a create has a kind"), create.worker);
            append(all, Logged::Posted { call, message: "m999".to_owned(), kind, worker });
        })
    };
    let words = "after content in";
    finds(&late("surfaced", 0), 9, words);
    finds(&late("failed", 0), 9, words);
    is_silent(&late("failed", 1), 9, words);
}

#[tokio::test(start_paused = true)]
async fn r9_a_probe_that_a_slow_platform_heard_late_is_excused_and_every_other_one_is_not() {
    let sound = rich().await;
    // A chat that asks for a minute of silence, and one more question about it after so many seconds.
    let asked = |verb: Verb, seconds: u64, slow: bool| {
        with(&sound, |all| {
            let told = all.log.last().expect("there is a log").at;
            let silence = Fault::RetryAfter { millis: 60_000, scope: Scope::Chat };
            let probe = Call { verb: Verb::Probe, kind: None, receipt: None, message: None, ..create_of(all, WELL) };
            let refused = Call { fault: Some(silence), outcome: "retry_after".to_owned(), ..probe.clone() };
            append(all, Logged::Call(Box::new(refused)));
            all.log.last_mut().expect("it was added").at = told;
            append(all, Logged::Call(Box::new(Call { verb, fault: None, ..probe })));
            all.log.last_mut().expect("it was added").at = told.plus(Duration::from_secs(seconds));
            if slow {
                all.facts.slowed.push((told, told.plus(Duration::from_secs(10))));
            }
        })
    };
    let words = "was told at";
    is_silent(&asked(Verb::Probe, 1, true), 8, words);
    finds(&asked(Verb::Probe, 1, false), 8, words);
    finds(&asked(Verb::Find, 1, true), 8, words);
    finds(&asked(Verb::Probe, 5, true), 8, words);
}

#[tokio::test(start_paused = true)]
async fn the_evidence_of_these_excuses_is_sound_before_it_is_tampered_with() {
    let mut sound = rich().await;
    super::none(&sound);
    assert!(!id_of(&mut sound, WELL).is_empty());
}
