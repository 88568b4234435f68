//! Evidence whose log of calls was tampered with: attempts that were not free, calls into silence, and an order
//! that nobody kept.

use std::time::Duration;

use wilco_core::{AccountId, EnvelopeKind, Scope, Timestamp};
use wilco_sim::{Call, Entry, Fault, Logged, Profile, Rule, Verb};
use wilco_tests::simulation::evidence::Evidence;
use wilco_tests::{Actor, Where};

use super::tampered::{rich, with};
use super::{OPS, Watched, finds, none};

/// A job that meets a refusal, a request to wait, and a dropped call, one after the other.
async fn refused_and_parked() -> Evidence {
    let mut watched = Watched::begin(Profile::DiscordLike).await;
    let job = watched.stage.runs(&Actor::named("ana"), OPS).await;
    watched.stage.seconds(2).await;
    watched.stage.fault(Rule::new(Fault::RetryAfter { millis: 9_000, scope: Scope::Chat }).kind(EnvelopeKind::Content));
    watched.stage.fault(Rule::new(Fault::Dropped).kind(EnvelopeKind::Content));
    job.ends("42");
    watched.stage.seconds(30).await;
    let second = watched.stage.runs(&Actor::named("ana"), OPS).await;
    watched.stage.seconds(2).await;
    watched.stage.fault(Rule::new(Fault::StopAccount).kind(EnvelopeKind::Content));
    second.ends("43");
    watched.stage.seconds(30).await;
    watched.dies_for(Duration::from_secs(1)).await;
    watched.ends_sound().await
}

/// The first call with this outcome, for a result.
fn call<'a>(evidence: &'a mut Evidence, outcome: &str) -> (&'a mut Entry, Call) {
    let fits = |entry: &&mut Entry| {
        entry.call().is_some_and(|call| call.outcome == outcome && call.kind == Some(EnvelopeKind::Content))
    };
    let entry = evidence.log.iter_mut().find(fits).expect("there is such a call");
    let call = entry.call().expect("it is a call").clone();
    (entry, call)
}

fn change(entry: &mut Entry, change: impl FnOnce(&mut Call)) {
    if let Logged::Call(call) = &mut entry.what {
        change(call);
    }
}

/// One more call, at the end of the log.
fn append(evidence: &mut Evidence, at: Timestamp, call: Call) {
    let seq = evidence.log.len() as u64 + 1;
    evidence.log.push(Entry { seq, at, what: Logged::Call(Box::new(call)) });
}

#[tokio::test(start_paused = true)]
async fn invariant_7_finds_attempts_that_a_refusal_has_cost() {
    let sound = refused_and_parked().await;
    none(&sound);
    let spent = with(&sound, |all| {
        for row in all.rows.receipts.iter_mut().filter(|row| row.kind == "content") {
            row.attempts += 2;
        }
    });
    finds(&spent, 7, "has spent 3 attempts");
    for outcome in ["stop_account", "retry_after"] {
        let counted = with(&sound, |all| {
            let journal = &mut all.rows.journal;
            let at = journal.iter().position(|row| row.body.contains(&format!("\"outcome\":\"{outcome}\""))).unwrap();
            let next = journal[at + 1..].iter_mut().find(|row| row.event == "receipt_attempt").unwrap();
            next.body = next.body.replace("\"n\":1", "\"n\":2");
        });
        finds(&counted, 7, "was free, and 2 came next");
    }
    let left = with(&sound, |all| {
        all.facts.stopped.push((AccountId::new("sim"), Timestamp(0), Timestamp(1)));
        all.rows.receipts[0].state = "pending".to_owned();
    });
    finds(&left, 7, "still wait");
}

#[tokio::test(start_paused = true)]
async fn invariant_8_finds_calls_into_silence() {
    let sound = refused_and_parked().await;
    let mut copy = sound.clone();
    let (entry, asked) = call(&mut copy, "retry_after");
    let at = entry.at;
    let again = with(&sound, |all| {
        let soon = at.plus(Duration::from_secs(1));
        let position = all.log.iter().position(|entry| entry.at > at && entry.call().is_some()).unwrap();
        all.log[position].at = soon;
        let sent = Call { fault: None, outcome: "surfaced".to_owned(), ..asked.clone() };
        all.log[position].what = Logged::Call(Box::new(sent));
    });
    finds(&again, 8, "was told at");
    let wide = with(&sound, |all| {
        change(call(all, "retry_after").0, |call| {
            call.fault = Some(Fault::RetryAfter { millis: 3_600_000, scope: Scope::Account });
        });
    });
    finds(&wide, 8, "to wait until");
    let probe = with(&sound, |all| {
        let probe = Call { verb: Verb::Probe, kind: None, receipt: None, message: None, ..asked.clone() };
        let told = Call { fault: Some(Fault::RetryAfter { millis: 60_000, scope: Scope::Chat }), ..probe };
        let end = all.log.last().expect("there is a log").at;
        append(all, end, told);
        append(
            all,
            end.plus(Duration::from_secs(1)),
            Call { fault: None, outcome: "surfaced".to_owned(), ..asked.clone() },
        );
    });
    finds(&probe, 8, "a probe");
    let refused = with(&sound, |all| {
        let (entry, stopped) = call(all, "stop_account");
        let at = entry.at.plus(Duration::from_secs(3));
        let next = all.log.iter().position(|entry| entry.at > at).unwrap();
        all.log[next].at = at;
        all.log[next].what = Logged::Call(Box::new(stopped));
    });
    finds(&refused, 8, "whose credentials were refused");
}

#[tokio::test(start_paused = true)]
async fn invariant_8_finds_storms() {
    let sound = refused_and_parked().await;
    let many = with(&sound, |all| {
        all.rows.receipts.iter_mut().find(|row| row.kind == "ping" || row.kind == "content").unwrap().attempts = 500;
    });
    finds(&many, 8, "its schedule has");
    let storm = with(&sound, |all| {
        let (_, dropped) = call(all, "retry");
        for second in 0..200 {
            append(all, Timestamp(all.facts.calm.0 + second * 60_000), dropped.clone());
        }
    });
    finds(&storm, 8, "have a use");
    let fast = with(&sound, |all| {
        let (_, dropped) = call(all, "retry");
        let end = all.facts.calm;
        append(all, end, dropped.clone());
        append(all, end.plus(Duration::from_millis(500)), dropped);
    });
    finds(&fast, 8, "was tried again after 500 ms");
}

/// What a line of the log has put before people's eyes, if it is of this worker.
fn effect(entry: &Entry, of: &str) -> Option<EnvelopeKind> {
    if let Logged::Posted { worker, kind, .. } | Logged::Edited { worker, kind, .. } = &entry.what {
        worker.as_ref().filter(|worker| worker.as_str() == of).map(|_| *kind)
    } else {
        None
    }
}

#[tokio::test(start_paused = true)]
async fn invariant_9_finds_what_comes_out_of_order() {
    let sound = rich().await;
    // The first effect of one kind is exchanged with the last of another: nothing else of the log changes.
    let exchange = |one: EnvelopeKind, two: EnvelopeKind, of: &str| {
        with(&sound, |all| {
            let ended = |ending: &Option<String>| ending.as_deref().is_some_and(|ending| ending.contains(of));
            let id = all.rows.workers.iter().find(|row| ended(&row.ending)).unwrap().id.clone();
            let effects: Vec<(usize, EnvelopeKind)> =
                (0..all.log.len()).filter_map(|at| Some((at, effect(&all.log[at], &id)?))).collect();
            let first = effects.iter().find(|(_, kind)| *kind == one).unwrap().0;
            let last = effects.iter().rfind(|(_, kind)| *kind == two).unwrap().0;
            let kept = all.log[first].what.clone();
            all.log[first].what = all.log[last].what.clone();
            all.log[last].what = kept;
        })
    };
    finds(&exchange(EnvelopeKind::Content, EnvelopeKind::Part, "line 1 of"), 9, "appeared in entry");
    finds(&exchange(EnvelopeKind::Content, EnvelopeKind::File, "All is well."), 9, "appeared in entry");
    finds(&exchange(EnvelopeKind::Stub, EnvelopeKind::Part, "line 1 of"), 9, "after content in");
    finds(&exchange(EnvelopeKind::File, EnvelopeKind::Ping, "All is well."), 9, "before all was shown");
    finds(&exchange(EnvelopeKind::Question, EnvelopeKind::Ping, "cancelled"), 9, "a question that nobody has seen");
}

#[tokio::test(start_paused = true)]
async fn invariant_9_finds_an_acknowledgement_that_had_to_wait_for_others() {
    let watched = Watched::begin(Profile::DiscordLike).await;
    let ana = Actor::named("ana");
    watched.stage.fault(Rule::new(Fault::RetryAfter { millis: 30_000, scope: Scope::Chat }).channel("ops"));
    let parked = watched.stage.runs(&ana, OPS).await;
    let free = watched.stage.runs(&ana, Where::Channel("war-room")).await;
    watched.stage.seconds(40).await;
    parked.ends("42");
    free.ends("43");
    let sound = watched.ends_sound().await;
    let late = |channel: &'static str| {
        with(&sound, |all| {
            let stub = |entry: &&mut Entry| {
                let call = entry.call();
                call.is_some_and(|call| call.address.channel == channel && call.kind == Some(EnvelopeKind::Stub))
            };
            let entry = all.log.iter_mut().find(stub).unwrap();
            entry.at = entry.at.plus(Duration::from_secs(2));
        })
    };
    finds(&late("war-room"), 9, "its stub left at");
    // What the platform itself has asked to wait is nobody's fault.
    let parked = with(&sound, |all| {
        let first = all.log.iter().find(|entry| entry.call().is_some()).unwrap().at;
        let waits = all.log.iter_mut().filter(|entry| {
            entry.call().is_some_and(|call| call.address.channel == "ops" && call.kind == Some(EnvelopeKind::Stub))
        });
        for entry in waits.skip(1) {
            entry.at = first.plus(Duration::from_secs(31));
        }
    });
    none(&parked);
}
