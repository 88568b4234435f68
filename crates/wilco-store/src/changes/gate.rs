//! Gates: closed by the job that found out, opened by whoever has acted.

use async_trait::async_trait;
use wilco_core::gate::{ClosedGate, GateReason, Halt};
use wilco_core::worker::{EndKind, Ending};
use wilco_core::{AccountId, BackendId, Short, Timestamp, wording};

use super::followup;
use crate::engine::{Change, Row, Tx, args};
use crate::error::StoreError;
use crate::rows::{WorkerRow, named};

const CLOSE: &str = "INSERT INTO gates (backend, reason, closed_at, job, stamp) VALUES ($1, $2, $3, $4, $5) \
                     ON CONFLICT (backend) DO NOTHING";
pub(super) const ONE: &str = "SELECT backend, reason, closed_at, job FROM gates WHERE backend = $1";
const ALL: &str = "SELECT backend, reason, closed_at, job, stamp FROM gates ORDER BY backend";
const TELL: &str = "INSERT INTO gate_notices (backend, account, person_id) VALUES ($1, $2, $3) \
                    ON CONFLICT (backend, account, person_id) DO NOTHING";
const OPEN: &str = "DELETE FROM gates WHERE backend = $1";
const FORGET: &str = "DELETE FROM gate_notices WHERE backend = $1";

/// What a job found out about its backend, for [`Finish`](super::Finish).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseGate {
    /// Whose gate.
    pub backend: BackendId,
    /// What a person has to do.
    pub reason: GateReason,
    /// How the file with the credentials looked when the attempt began; none when none is watched.
    pub stamp: Option<String>,
}

impl CloseGate {
    /// Closes the gate, unless it is closed already, and says how the job that found out ends.
    pub(crate) async fn close(
        &self,
        tx: &mut Tx<'_>,
        worker: &WorkerRow,
        now: Timestamp,
    ) -> Result<Ending, StoreError> {
        let reason = self.reason.name();
        if tx.run(CLOSE, args![&self.backend, reason, now, &worker.short, self.stamp.as_deref()]).await? > 0 {
            let (backend, id, short) = (self.backend.clone(), worker.id.clone(), worker.short.clone());
            tx.tell(move || tracing::warn!(%backend, reason, worker_id = %id, %short, "gate closed"));
        }
        if worker.state.is_terminal() {
            // It has ended before, so nothing of this is shown and nobody has been told.
            return Ok(Ending::bare(EndKind::Failed, ""));
        }
        end(tx, worker, &self.backend, self.reason, true).await
    }
}

/// How a job ends that its backend's gate has ended. Its person is told once what to do.
pub(crate) async fn end(
    tx: &mut Tx<'_>,
    worker: &WorkerRow,
    backend: &BackendId,
    reason: GateReason,
    called: bool,
) -> Result<Ending, StoreError> {
    let told = !tell_once(tx, backend, &worker.address.account, &worker.person_id).await?;
    let halt = Halt { backend: backend.clone(), reason, called, told };
    let (detail, text) = (wording::halted(&halt), wording::halt_text(&halt));
    Ok(Ending { text, halt: Some(halt), ..Ending::bare(EndKind::Failed, detail) })
}

/// The gate of a backend, when it is closed.
pub(crate) async fn closed(tx: &mut Tx<'_>, backend: &BackendId) -> Result<Option<ClosedGate>, StoreError> {
    tx.row(ONE, args![backend]).await?.as_ref().map(decode).transpose()
}

/// Every closed gate.
pub(crate) async fn all_closed(tx: &mut Tx<'_>) -> Result<Vec<ClosedGate>, StoreError> {
    tx.rows(ALL, args![]).await?.iter().map(decode).collect()
}

/// Notes that a person is told what to do; answers whether that is the first time since the gate closed.
pub(crate) async fn tell_once(
    tx: &mut Tx<'_>,
    backend: &BackendId,
    account: &AccountId,
    person: &str,
) -> Result<bool, StoreError> {
    Ok(tx.run(TELL, args![backend, account, person]).await? > 0)
}

fn decode(row: &Row) -> Result<ClosedGate, StoreError> {
    Ok(ClosedGate {
        backend: BackendId::new(row.text("backend")?),
        reason: named(row, "reason", GateReason::from_name)?,
        closed: row.time("closed_at")?,
        job: Short::new(row.text("job")?),
    })
}

/// Which gates are closed.
#[derive(Clone, Copy, Debug)]
pub struct Gates;

#[async_trait]
impl Change for Gates {
    /// Each with its stamp, by the backend's name.
    type Out = Vec<(ClosedGate, Option<String>)>;

    fn name(&self) -> &'static str {
        "gates"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<Self::Out, StoreError> {
        tx.rows(ALL, args![]).await?.iter().map(|row| Ok((decode(row)?, row.opt_text("stamp")?))).collect()
    }
}

/// Opens gates: what was told is forgotten, so that the next closing is told again.
#[derive(Clone, Debug)]
pub struct OpenGates {
    /// Whose; all of them when none is named.
    pub backend: Option<BackendId>,
    /// Only when it still has this stamp: somebody may have closed it anew meanwhile.
    pub stamp: Option<String>,
    /// Why, for the log.
    pub because: &'static str,
    /// The wall clock: what waited for the gate is due now.
    pub wall: Timestamp,
}

#[async_trait]
impl Change for OpenGates {
    /// What was closed.
    type Out = Vec<ClosedGate>;

    fn name(&self) -> &'static str {
        "open_gates"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<Vec<ClosedGate>, StoreError> {
        let mut opened = Vec::new();
        for row in tx.rows(ALL, args![]).await? {
            let gate = decode(&row)?;
            let named = self.backend.as_ref().is_none_or(|backend| *backend == gate.backend);
            let same = self.stamp.is_none() || self.stamp == row.opt_text("stamp")?;
            if !named || !same {
                continue;
            }
            tx.run(OPEN, args![&gate.backend]).await?;
            tx.run(FORGET, args![&gate.backend]).await?;
            followup::gate_opened(tx, &gate.backend, self.wall).await?;
            let (backend, because) = (gate.backend.clone(), self.because);
            tx.tell(move || tracing::info!(%backend, because, "gate opened"));
            opened.push(gate);
        }
        Ok(opened)
    }
}
