//! Invariant 5: nothing that was committed is lost when a process dies, and nothing that was not committed is
//! acknowledged.

use std::collections::{BTreeMap, BTreeSet};

use wilco_sim::Logged;

use super::Found;
use super::ground::Ground;
use super::lines::Says;
use crate::simulation::evidence::{Death, print};

/// For so long an event of a platform is kept, in milliseconds.
const INBOX: i64 = 7 * 24 * 3_600_000;

/// Whatever the next process found of the one that died is there in the end, and has only gone on.
pub(super) fn what_is_committed_survives(ground: &Ground<'_>, found: &mut Found) {
    if ground.facts.deaths.is_empty() {
        return;
    }
    let rows = &ground.evidence.rows;
    let questions: BTreeMap<&str, &str> =
        rows.questions.iter().map(|row| (row.id.as_str(), row.state.as_str())).collect();
    let followups: BTreeMap<&str, &str> =
        rows.followups.iter().map(|row| (row.id.as_str(), row.state.as_str())).collect();
    let occurrences: BTreeMap<&str, &str> =
        rows.occurrences.iter().map(|row| (row.id.as_str(), row.state.as_str())).collect();
    let inbox: BTreeSet<(&str, &str)> =
        rows.inbox.iter().map(|row| (row.account.as_str(), row.event.as_str())).collect();
    for death in &ground.facts.deaths {
        let when = death.at;
        histories(ground, death, found);
        contracts(ground, death, found);
        receipts(ground, death, found);
        settled("question", &death.questions, &questions, &["answered", "expired"], when, found);
        let over = ["success", "failed", "failed_dropped", "missed", "skipped", "cancelled"];
        settled("occurrence", &death.occurrences, &occurrences, &over, when, found);
        settled("follow-up", &death.followups, &followups, &["ended", "cancelled"], when, found);
        let recent = when.0 + INBOX > ground.facts.settled.unwrap_or(ground.facts.calm).0;
        for (account, event) in death.inbox.iter().filter(|_| recent) {
            if !inbox.contains(&(account.as_str(), event.as_str())) {
                found.add(5, format!("event {event} of {account} was taken before {when} and is forgotten"));
            }
        }
    }
}

fn histories(ground: &Ground<'_>, death: &Death, found: &mut Found) {
    let when = death.at;
    for (worker, seq) in &death.workers {
        let Some(row) = ground.workers.get(worker.as_str()) else {
            found.add(5, format!("worker {worker} was accepted before {when} and is lost"));
            continue;
        };
        let stood = death.worker_states.get(worker).map(String::as_str).unwrap_or_default();
        let ended = matches!(stood, "done" | "failed" | "cancelled" | "timed_out" | "interrupted");
        if ended && row.state != stood {
            found.add(5, format!("{} was {stood} at {when} and is {}", row.short, row.state));
        }
        if row.kept == 0 {
            continue;
        }
        let lines = ground.journal(worker);
        let so_far = lines.iter().filter(|line| line.row.seq <= *seq);
        let (count, now) = so_far.fold((0, 0), |(count, so_far), line| {
            (count + 1, print(so_far, line.row.at, &line.row.event, &line.row.body))
        });
        if count != *seq || death.journals.get(worker).copied().unwrap_or(0) != now {
            found.add(5, format!("the first {seq} lines of {}'s journal are not those of {when}", row.short));
        }
    }
}

fn contracts(ground: &Ground<'_>, death: &Death, found: &mut Found) {
    let rank = |state: &str| match state {
        "created" => 0,
        "acked" => 1,
        // These two go back and forth.
        "progressing" | "sla_missed" => 2,
        "terminal_pending" => 3,
        "terminal_acked" | "terminal_failed" => 4,
        _ => -1,
    };
    for (contract, stood) in &death.contracts {
        let when = death.at;
        match ground.contracts.get(contract.as_str()) {
            None => found.add(5, format!("contract {contract} was stored before {when} and is lost")),
            Some(_) if ground.was_sent_again(contract) => {}
            Some(row) => {
                let closed = rank(stood) == 4 && row.state != *stood;
                if closed || rank(&row.state) < rank(stood) {
                    found.add(5, format!("contract {contract} was {stood} at {when} and is {}", row.state));
                }
            }
        }
    }
}

fn receipts(ground: &Ground<'_>, death: &Death, found: &mut Found) {
    for (receipt, stood) in &death.receipts {
        let when = death.at;
        match ground.receipts.get(receipt.as_str()) {
            None => found.add(5, format!("receipt {receipt} was stored before {when} and is lost")),
            Some(row) => {
                let again = stood == "failed" && ground.was_sent_again(&row.contract);
                if matches!(stood.as_str(), "surfaced" | "failed") && row.state != *stood && !again {
                    found.add(5, format!("receipt {receipt} was {stood} at {when} and is {}", row.state));
                }
            }
        }
    }
}

/// Everything that was there is there; what was over stays as it was.
fn settled(
    what: &str,
    then: &BTreeMap<String, String>,
    now: &BTreeMap<&str, &str>,
    over: &[&str],
    when: wilco_core::Timestamp,
    found: &mut Found,
) {
    for (id, stood) in then {
        match now.get(id.as_str()) {
            None => found.add(5, format!("{what} {id} was stored before {when} and is lost")),
            Some(state) if over.contains(&stood.as_str()) && state != stood => {
                found.add(5, format!("{what} {id} was {stood} at {when} and is {state}"));
            }
            Some(_) => {}
        }
    }
}

/// Whatever people were told is in the store, and was there before they were told.
pub(super) fn what_is_acknowledged_is_committed(ground: &Ground<'_>, found: &mut Found) {
    let inbox: BTreeSet<&str> = ground.evidence.rows.inbox.iter().map(|row| row.event.as_str()).collect();
    let end = ground.facts.settled.unwrap_or(ground.facts.calm);
    for entry in &ground.evidence.log {
        if let Logged::Answered { event, answer } = &entry.what
            && matches!(answer.as_str(), "stored" | "duplicate")
            && entry.at.0 + INBOX > end.0
            && !inbox.contains(event.as_str())
        {
            found.add(5, format!("event {event} was answered as {answer} and is not in the store"));
        }
    }
    for row in &ground.evidence.rows.inbox {
        if let Some(worker) = row.worker.as_deref().filter(|worker| !ground.workers.contains_key(worker)) {
            found.add(5, format!("event {} has started {worker}, which is not in the store", row.event));
        }
    }
    for (worker, messages) in &ground.messages_of {
        let Some(row) = ground.workers.get(worker) else {
            let ids: Vec<&str> = messages.iter().map(|message| message.id.as_str()).collect();
            found.add(5, format!("{ids:?} speak of {worker}, which is not in the store"));
            continue;
        };
        let first = ground.journal(worker).first().map(|line| ground.platform_time(line.row).0);
        let ended = ground.journal(worker).iter().find(|line| matches!(line.says, Says::Completed(_)));
        let ended = ended.map(|line| ground.platform_time(line.row).0);
        for message in messages {
            if first.is_some_and(|first| message.created() < first) {
                found.add(
                    5,
                    format!("{} was shown at {}, before {} was stored", message.id, message.created(), row.short),
                );
            }
            let Some(result) = message.versions.iter().find(|version| version.is_terminal()) else { continue };
            if ended.is_none_or(|ended| result.at < ended) {
                found.add(
                    5,
                    format!("{} shows the end of {} at {}, before it was stored", message.id, row.short, result.at),
                );
            }
        }
    }
}
