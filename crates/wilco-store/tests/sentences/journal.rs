//! The journal: one order, no gaps, and a fold over it gives what is stored.

use std::collections::BTreeMap;

use wilco_core::contract::ContractState;
use wilco_core::desk::{Inspection, Limit};
use wilco_core::journal::Event;
use wilco_core::receipt::{ReceiptKind, ReceiptState};
use wilco_core::worker::{EndKind, Ending};
use wilco_core::{ContractId, NotSurfaced, Place, Timestamp};
use wilco_store::args;
use wilco_store::changes::{Asker, Record};
use wilco_store::reads::InspectJob;

use crate::support::*;

/// What the journal alone says.
#[derive(Debug, Default)]
struct Folded {
    ended: Option<EndKind>,
    contracts: BTreeMap<ContractId, ContractState>,
    /// The last word about each receipt, and how often each of the two words was said.
    last: BTreeMap<(ContractId, ReceiptKind, u32), Option<String>>,
    surfaced: BTreeMap<(ContractId, ReceiptKind, u32), usize>,
}

fn fold(look: &Inspection) -> Folded {
    let mut folded = Folded::default();
    for entry in &look.events {
        match &entry.event {
            Event::ContractMoved { contract, from, to } => {
                let before = folded.contracts.insert(contract.clone(), *to).unwrap_or(ContractState::Created);
                assert_eq!(before, *from, "a move begins where the last one ended");
            }
            Event::ReceiptSettled { contract, receipt, part, status, .. } => {
                let key = (contract.clone(), *receipt, *part);
                if status == "surfaced" {
                    *folded.surfaced.entry(key.clone()).or_default() += 1;
                }
                folded.last.insert(key, Some(status.clone()));
            }
            Event::ReceiptAttempt { contract, receipt, part, outcome, .. } if outcome == "sent_again" => {
                folded.last.insert((contract.clone(), *receipt, *part), None);
            }
            Event::Completed { end, .. } => {
                assert_eq!(folded.ended.replace(*end), None, "it ends once (C2)");
            }
            _ => {}
        }
    }
    folded
}

/// Compares the fold with what is stored.
pub(crate) fn check(look: &Inspection) {
    let numbers: Vec<i64> = look.events.iter().map(|entry| entry.seq).collect();
    assert_eq!(numbers, (1..=numbers.len() as i64).collect::<Vec<_>>(), "J3: no gaps, one order");
    let folded = fold(look);
    assert_eq!(folded.ended, look.job.state.ended());
    for contract in &look.contracts {
        let state = folded.contracts.get(&contract.id).copied().unwrap_or(ContractState::Created);
        assert_eq!(state, contract.state);
        for receipt in &contract.receipts {
            let newer = |other: &&wilco_core::desk::ReceiptView| {
                other.kind == receipt.kind && other.part == receipt.part && other.generation > receipt.generation
            };
            if contract.receipts.iter().any(|other| newer(&other)) {
                continue;
            }
            let key = (contract.id.clone(), receipt.kind, receipt.part);
            if receipt.kind.is_terminal() || receipt.kind == ReceiptKind::Ping {
                let last = folded.last.get(&key).cloned().flatten();
                let stored = receipt.state.is_settled().then(|| receipt.state.name().to_owned());
                assert_eq!(last, stored, "{:?} {}", receipt.kind, receipt.part);
            }
            let same = contract.receipts.iter().filter(|one| one.kind == receipt.kind && one.part == receipt.part);
            let surfaced = same.filter(|one| one.state == ReceiptState::Surfaced).count();
            assert_eq!(
                folded.surfaced.get(&key).copied().unwrap_or(0),
                surfaced,
                "{:?} {}",
                receipt.kind,
                receipt.part
            );
        }
    }
}

proves!(j9_a_fold_over_the_journal_gives_the_stored_states, |w| {
    let job = w.running().await;
    w.watch("ana", Place::public(dm("ana")), job.short.as_str()).await;
    w.record(&job, "one").await;
    check(&w.look(&job).await);
    w.pass(secs(50));
    w.judge().await;
    w.surface_due().await;
    w.finish(&job, Ending { text: "one line of text\n".repeat(200), ..Ending::bare(EndKind::Failed, "exit 2") }).await;
    check(&w.look(&job).await);
    for round in 0..40 {
        w.pass(secs(5));
        for (at, claim) in w.claim().await.into_iter().enumerate() {
            let outcome: Option<NotSurfaced> = match (round * 7 + at) % 6 {
                0 => Some(retry()),
                1 if claim.target.is_some() => Some(deleted()),
                2 => Some(ambiguous()),
                3 if round < 6 => Some(gone()),
                _ => None,
            };
            match outcome {
                Some(reason) => drop(w.answer(&claim, reason).await),
                None => drop(w.surface(&claim).await),
            }
            check(&w.look(&job).await);
        }
    }
    assert!(w.look(&job).await.contracts.iter().all(|contract| !contract.state.is_open()));
});

proves!(j3_events_of_the_same_millisecond_keep_their_order, |w| {
    let job = w.running().await;
    let texts: Vec<String> = (0..30).map(|at| format!("line {at}")).collect();
    for pair in texts.chunks(2) {
        let events = pair.iter().map(|text| Event::Status { text: text.clone() }).collect();
        let change = Record { worker: job.worker.clone(), shown: Default::default(), events, now: w.now };
        assert!(w.engine.write(change).await.unwrap());
    }
    let seen: Vec<String> = w
        .events(&job)
        .await
        .into_iter()
        .filter_map(|event| if let Event::Status { text } = event { Some(text) } else { None })
        .collect();
    assert_eq!(seen, texts);
    check(&w.look(&job).await);
});

proves!(j4_a_limit_gives_the_newest_in_order, |w| {
    let job = w.running().await;
    for at in 0..10 {
        w.record(&job, &format!("line {at}")).await;
    }
    let all = w.look(&job).await.events;
    let limit = Limit::new(3).unwrap();
    let query = InspectJob { asker: Asker::host(), job: job.short.to_string(), limit };
    assert_eq!(w.engine.read(query).await.unwrap().unwrap().events, all[all.len() - 3..]);
    assert!(Limit::new(0).is_err());
});

proves!(j7_a_row_that_cannot_be_read_is_left_out_and_the_rest_is_shown, |w| {
    let job = w.running().await;
    let before = w.look(&job).await.events;
    w.run_sql("UPDATE journal SET body = '{' WHERE worker = $1 AND seq = 2", args![&job.worker]).await;
    let after = w.look(&job).await.events;
    assert_eq!(after.len(), before.len() - 1);
    assert!(after.iter().all(|entry| entry.seq != 2 && entry.at > Timestamp(0)));
});
