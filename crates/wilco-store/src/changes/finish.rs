//! The end of a worker. One function makes it terminal, whoever asks for it.

use async_trait::async_trait;
use wilco_core::contract::ContractSignal;
use wilco_core::journal::Event;
use wilco_core::plan::{Plan, plan};
use wilco_core::receipt::ReceiptKind;
use wilco_core::settings::{Notify, PING_AFTER};
use wilco_core::wording::{self, EndFacts};
use wilco_core::worker::{EndKind, Ending, WorkerSignal, WorkerState};
use wilco_core::{Timestamp, WorkerId};

use super::contract::{self, At, Draft};
use super::gate::CloseGate;
use super::{Fresh, Platforms, aside, followup};
use crate::crash;
use crate::engine::{Change, Tx, args};
use crate::error::StoreError;
use crate::journal;
use crate::rows::{ContractRow, WORKER_BY_ID, WorkerRow, json};

const END: &str = "UPDATE workers SET state = $1, ended_at = $2, ending = $3, owner = NULL, lease_until = NULL, \
                   deadline = NULL, hard_deadline = NULL, due_at = NULL WHERE id = $4 AND ended_at IS NULL";
pub(super) const EXPIRE: &str =
    "UPDATE questions SET state = 'expired', settled_at = $1 WHERE worker = $2 AND state = 'open'";
pub(super) const BODY: &str =
    "UPDATE receipts SET body = $1 WHERE contract = $2 AND kind = 'content' AND settled_at IS NULL";

/// Ends a worker with its whole result (requirement R1). One that has ended already is left alone.
#[derive(Clone, Debug)]
pub struct Finish {
    /// Which.
    pub worker: WorkerId,
    /// How; a stored cancel may change the kind. Not read when it closes a gate, which says how by itself.
    pub ending: Ending,
    /// What it found out about its backend: the gate closes in the same transaction (requirement H8).
    pub gate: Option<CloseGate>,
    /// When.
    pub now: Timestamp,
    /// The measures of the accounts.
    pub platforms: Platforms,
    /// Receipt ids.
    pub fresh: Fresh,
}

#[async_trait]
impl Change for Finish {
    /// How it stands afterwards; none when there is no such worker.
    type Out = Option<WorkerState>;

    fn name(&self) -> &'static str {
        "finish"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<Option<WorkerState>, StoreError> {
        let Some(row) = tx.row(WORKER_BY_ID, args![&self.worker]).await? else {
            return Ok(None);
        };
        let worker = match WorkerRow::decode(&row) {
            Ok(worker) => worker,
            Err(StoreError::Undecodable { what, why }) => {
                aside::worker(tx, &self.worker, &what, &why, self.now).await?;
                return Ok(Some(WorkerState::Failed));
            }
            Err(other) => return Err(other),
        };
        let mut fresh = self.fresh.clone();
        let ending = match &self.gate {
            Some(gate) => gate.close(tx, &worker, self.now).await?,
            None => self.ending.clone(),
        };
        terminate(tx, worker, &ending, self.now, &self.platforms, &mut fresh).await.map(Some)
    }
}

/// Makes a worker terminal: its state, its ending, every contract's receipts and the journal, together.
pub(crate) async fn terminate(
    tx: &mut Tx<'_>,
    mut worker: WorkerRow,
    ending: &Ending,
    now: Timestamp,
    platforms: &Platforms,
    fresh: &mut Fresh,
) -> Result<WorkerState, StoreError> {
    let state = worker.state.step(WorkerSignal::Ended(ending.kind));
    let Some(kind) = state.ended().filter(|_| !worker.state.is_terminal()) else {
        return Ok(worker.state);
    };
    let mut ending = ending.clone();
    if ending.kind != kind {
        // The stored cancel decided: a limit or a crash that came after it does not explain the end.
        ending = Ending { kind, detail: String::new(), halt: None, ..ending };
    }
    if ending.text.is_empty()
        && let Some(partial) = worker.shown.partial.take()
    {
        ending.text = partial;
    }
    tx.run(END, args![state.name(), now, json(&ending), &worker.id]).await?;
    tx.run(EXPIRE, args![now, &worker.id]).await?;
    worker.state = state;
    worker.ended = Some(now);

    let mut events = Vec::new();
    if kind == EndKind::TimedOut {
        events.push(Event::TimedOut { limit: ending.detail.clone() });
    }
    events.push(Event::Completed { end: kind, detail: ending.detail.clone(), summary: summary(&ending.text) });
    for mut contract in contract::of_worker(tx, &worker.id).await? {
        contract::step(tx, &mut contract, ContractSignal::WorkerEnded, &mut events).await?;
        show_end(tx, &worker, &mut contract, &ending, now, platforms, fresh).await?;
        contract::reconsider(tx, &mut contract, true, now, &mut events).await?;
    }
    aside::unreadable_contracts(tx, &worker.id, now, &mut events).await?;
    journal::append(tx, &worker.id, now, &events).await?;
    followup::worker_ended(tx, &worker, &ending, now, fresh).await?;
    crash::point("store.finish.applied");
    let (id, short, detail) = (worker.id.clone(), worker.short.clone(), ending.detail.clone());
    tx.tell(move || tracing::info!(worker_id = %id, %short, state = state.name(), detail, "ended"));
    Ok(state)
}

/// Plans the messages of the end for one contract and inserts their receipts, all waiting for their turn.
pub(crate) async fn show_end(
    tx: &mut Tx<'_>,
    worker: &WorkerRow,
    contract: &mut ContractRow,
    ending: &Ending,
    now: Timestamp,
    platforms: &Platforms,
    fresh: &mut Fresh,
) -> Result<(), StoreError> {
    let facts = end_facts(worker, ending, now);
    let limits = platforms.limits(&contract.address.account);
    let Plan { content, parts, files } = plan(&facts, limits);
    if tx.run(BODY, args![json(&content), &contract.id]).await? == 0 {
        // Settled before the end: merged with another contract at the same address, which shows all of it.
        return Ok(());
    }

    let job = worker.job();
    let at = At::of(contract);
    let of = u32::try_from(parts.len() + 1).unwrap_or(u32::MAX);
    let mut place = 0;
    for body in &parts {
        place += 1;
        let stub = wording::part_stub(job, place, of);
        let id = fresh.receipt();
        contract::insert(tx, &at, &Draft::waiting(&id, ReceiptKind::Stub, place, Some(&stub)), now).await?;
        let id = fresh.receipt();
        contract::insert(tx, &at, &Draft::waiting(&id, ReceiptKind::Part, place, Some(body)), now).await?;
    }
    for file in &files {
        place += 1;
        let stub = wording::file_stub(job, &file.name);
        let id = fresh.receipt();
        contract::insert(tx, &at, &Draft::waiting(&id, ReceiptKind::Stub, place, Some(&stub)), now).await?;
        let deliverable = limits.abilities.files && file.size <= limits.file;
        let body = if deliverable { wording::file(job, file) } else { wording::file_refused(job, file) };
        let id = fresh.receipt();
        contract::insert(tx, &at, &Draft::waiting(&id, ReceiptKind::File, place, Some(&body)), now).await?;
    }
    if pings(worker, ending, now) {
        let body = wording::ping(job, &contract.person, ending, &worker.input.origin);
        let id = fresh.receipt();
        contract::insert(tx, &at, &Draft::waiting(&id, ReceiptKind::Ping, 0, Some(&body)), now).await?;
    }
    Ok(())
}

pub(crate) fn end_facts<'a>(worker: &'a WorkerRow, ending: &'a Ending, now: Timestamp) -> EndFacts<'a> {
    let ended = worker.ended.unwrap_or(now);
    EndFacts {
        job: worker.job(),
        elapsed: ended.since(worker.started.unwrap_or(worker.created)),
        ending,
        cancel: worker.cancel.as_ref().map(|cancel| (cancel.by.as_str(), cancel.reason.as_str())),
        step: worker.shown.step,
        origin: &worker.input.origin,
    }
}

fn pings(worker: &WorkerRow, ending: &Ending, now: Timestamp) -> bool {
    let kind = ending.kind;
    // Whoever was told once that a gate is closed needs no further call (requirement H10).
    if ending.halt.as_ref().is_some_and(|halt| halt.told) {
        return false;
    }
    let took = worker.ended.unwrap_or(now).since(worker.created);
    let wanted = match worker.rules.notify {
        Notify::Always => true,
        // Whoever cancelled a job knows that it ended.
        Notify::Failure => kind != EndKind::Done && kind != EndKind::Cancelled,
        Notify::Never => false,
    };
    // Nobody sits and waits for what was scheduled: it notifies however quickly it was done.
    wanted && (took > PING_AFTER || !worker.input.origin.is_person())
}

fn summary(text: &str) -> String {
    // A fence says nothing of what is inside of it.
    let says = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with("```");
    let first = text.lines().find(says).unwrap_or_default();
    wording::one_line(first)
}
