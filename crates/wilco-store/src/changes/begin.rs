//! Starting queued jobs as far as the limits allow.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use wilco_core::gate::ClosedGate;
use wilco_core::job::{Input, SAY};
use wilco_core::journal::Event;
use wilco_core::schedule::WORKER_LEASE;
use wilco_core::settings::{KindSettings, Settings};
use wilco_core::{BackendId, InstanceId, Short, Timestamp, WorkerId};

use super::finish::terminate;
use super::{Fresh, Platforms, aside, gate};
use crate::crash;
use crate::engine::{Change, Tx, args};
use crate::error::StoreError;
use crate::journal;
use crate::rows::{WorkerRow, worker_columns};

pub(super) const QUEUED: &str = concat!(
    worker_columns!(),
    "WHERE state = 'queued' AND (created_at > $1 OR (created_at = $1 AND id > $2)) \
     AND (due_at IS NULL OR due_at <= $3) ORDER BY created_at, id LIMIT $4"
);
pub(super) const RUNNING: &str = "SELECT kind, account, person_id, COUNT(*) AS running FROM workers \
                       WHERE ended_at IS NULL AND state IN ('running', 'cancelling') AND kind <> 'say' \
                       GROUP BY kind, account, person_id";
const START: &str = "UPDATE workers SET state = 'running', started_at = $1, owner = $2, lease_until = $3, \
                     hard_deadline = $4, deadline = $5, alive_at = $1, attempt = attempt + 1, due_at = NULL \
                     WHERE id = $6 AND state = 'queued'";
pub(super) const PROGRESS_ON: &str =
    "UPDATE contracts SET progress_deadline = $1 WHERE worker = $2 AND state IN ('acked', 'progressing', 'sla_missed')";

/// How many queued jobs one look reads at a time.
const PAGE: usize = 200;
/// How many jobs one transaction starts at the most; the loop asks again while there are more.
pub const STARTS: usize = 200;

/// Starts every queued job for which its person and its kind have a slot, oldest first. One that rests
/// is not looked at before its time, and one behind a closed gate is ended without calling anybody.
#[derive(Clone, Debug)]
pub struct BeginDue {
    /// Who starts them.
    pub owner: InstanceId,
    /// When.
    pub now: Timestamp,
    /// The limits that hold now.
    pub settings: Arc<Settings>,
    /// The measures of the accounts.
    pub platforms: Platforms,
}

/// A job that has to run now.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its id.
    pub worker: WorkerId,
    /// The id that people type.
    pub short: Short,
    /// The worker kind's name.
    pub kind: String,
    /// What was asked.
    pub input: Input,
    /// What holds for it.
    pub rules: KindSettings,
    /// Whether its message says that it waits.
    pub waited: bool,
    /// When it was accepted.
    pub created: Timestamp,
    /// Which attempt this is, from 1.
    pub attempt: u32,
}

#[async_trait]
impl Change for BeginDue {
    type Out = Vec<Run>;

    fn name(&self) -> &'static str {
        "begin"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<Vec<Run>, StoreError> {
        let (mut slots, mut gates) = (None, None);
        let mut started = Vec::new();
        let (mut last_at, mut last_id) = (Timestamp(i64::MIN), String::new());
        // Whoever has used up their slots must not hide those who wait behind them.
        while started.len() < STARTS {
            let queued = tx.rows(QUEUED, args![last_at, last_id.as_str(), self.now, PAGE]).await?;
            let Some(last) = queued.last() else { break };
            (last_at, last_id) = (last.time("created_at")?, last.text("id")?);
            let slots = match &mut slots {
                Some(slots) => slots,
                None => slots.insert(Slots::load(tx).await?),
            };
            let gates = match &mut gates {
                Some(gates) => gates,
                None => gates.insert(gate::all_closed(tx).await?),
            };
            for row in &queued {
                let worker = match WorkerRow::decode(row) {
                    Ok(worker) => worker,
                    // One bad row must not keep the others from starting.
                    Err(StoreError::Undecodable { what, why }) => {
                        aside::worker(tx, &WorkerId::new(row.text("id")?), &what, &why, self.now).await?;
                        continue;
                    }
                    Err(other) => return Err(other),
                };
                if let Some(gate) = shut(gates, worker.backend.as_ref()) {
                    let ending = gate::end(tx, &worker, &gate.backend, gate.reason, false).await?;
                    // A job ends once, so that its own id, drawn like any other, begins the ids of what its end needs.
                    let mut fresh = Fresh::behind(worker.id.as_str());
                    terminate(tx, worker, &ending, self.now, &self.platforms, &mut fresh).await?;
                } else if slots.take(&worker, &self.settings) {
                    started.push(self.start(tx, worker).await?);
                }
            }
            if queued.len() < PAGE {
                break;
            }
        }
        crash::point("store.begin.applied");
        Ok(started)
    }
}

impl BeginDue {
    async fn start(&self, tx: &mut Tx<'_>, worker: WorkerRow) -> Result<Run, StoreError> {
        // The limit of the first attempt is that of all: a job does not get longer by failing.
        let first = worker.hard_deadline.filter(|_| worker.attempt > 0);
        let hard = first.unwrap_or_else(|| self.now.plus(worker.rules.terms.terminal()));
        let silent = worker.rules.inactivity.map(|limit| self.now.plus(limit));
        let deadline = silent.map_or(hard, |silent| silent.min(hard));
        let lease = self.now.plus(WORKER_LEASE);
        tx.run(START, args![self.now, &self.owner, lease, hard, deadline, &worker.id]).await?;
        tx.run(PROGRESS_ON, args![self.now.plus(worker.rules.terms.progress()), &worker.id]).await?;
        let event = Event::Started { kind: worker.kind.clone(), rerun: worker.reruns };
        journal::append(tx, &worker.id, self.now, &[event]).await?;
        let told =
            (worker.id.clone(), worker.short.clone(), worker.kind.clone(), worker.address.clone(), worker.reruns);
        tx.tell(move || {
            let (id, short, kind, address, rerun) = told;
            tracing::info!(worker_id = %id, %short, kind, channel = %address, rerun, "started");
        });
        Ok(Run {
            waited: worker.ahead.is_some() || worker.attempt > 0,
            attempt: worker.attempt.saturating_add(1),
            created: worker.created,
            input: Input { rerun: worker.reruns, ..worker.input },
            worker: worker.id,
            short: worker.short,
            kind: worker.kind,
            rules: worker.rules,
        })
    }
}

/// The closed gate that a job stands behind.
fn shut<'a>(gates: &'a [ClosedGate], backend: Option<&BackendId>) -> Option<&'a ClosedGate> {
    gates.iter().find(|gate| backend == Some(&gate.backend))
}

/// Who holds how many slots.
struct Slots {
    by_person: BTreeMap<(String, String), u32>,
    by_kind: BTreeMap<String, u32>,
}

impl Slots {
    async fn load(tx: &mut Tx<'_>) -> Result<Self, StoreError> {
        let mut slots = Self { by_person: BTreeMap::new(), by_kind: BTreeMap::new() };
        for row in tx.rows(RUNNING, args![]).await? {
            let running = row.count("running")?;
            *slots.by_person.entry((row.text("account")?, row.text("person_id")?)).or_default() += running;
            *slots.by_kind.entry(row.text("kind")?).or_default() += running;
        }
        Ok(slots)
    }

    fn take(&mut self, worker: &WorkerRow, settings: &Settings) -> bool {
        if worker.kind == SAY {
            return true;
        }
        let person = (worker.address.account.to_string(), worker.person_id.clone());
        let person = self.by_person.entry(person).or_default();
        let kind = self.by_kind.entry(worker.kind.clone()).or_default();
        if *person >= settings.quotas.person_running || *kind >= settings.kind(&worker.kind).max_running {
            return false;
        }
        *person += 1;
        *kind += 1;
        true
    }
}
