//! Everything about one job, for whoever may see it.

use async_trait::async_trait;
use wilco_core::desk::{ContractView, Inspection, Limit};
use wilco_core::job::Input;
use wilco_core::journal::{Entry, Event};
use wilco_core::worker::Ending;
use wilco_core::{Person, Short, WorkerId};

use crate::changes::resolve::{Unresolved, resolve};
use crate::changes::{Asker, contract};
use crate::engine::{Change, Row, Tx, args};
use crate::error::StoreError;
use crate::rows::{ContractRow, ReceiptRow};

const REQUESTER: &str = "SELECT input FROM workers WHERE id = $1";
const ENDING: &str = "SELECT ending FROM workers WHERE id = $1";
pub(super) const EVENTS: &str = "SELECT seq, at, event, body FROM journal WHERE worker = $1 ORDER BY seq DESC LIMIT $2";

/// Inspects a job by its id, its short id, a unique beginning of that, or the name of its kind.
#[derive(Clone, Debug)]
pub struct InspectJob {
    /// Who asks.
    pub asker: Asker,
    /// Which job.
    pub job: String,
    /// How many journal entries.
    pub limit: Limit,
}

#[async_trait]
impl Change for InspectJob {
    type Out = Result<Inspection, Unresolved>;

    fn name(&self) -> &'static str {
        "inspect"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<Self::Out, StoreError> {
        let worker = match resolve(tx, &self.asker, &self.job).await? {
            Ok(worker) => worker,
            Err(unresolved) => return Ok(Err(unresolved)),
        };
        let mut contracts = Vec::new();
        for contract in contract::of_worker(tx, &worker.id).await? {
            let receipts = contract::receipts(tx, &contract.id).await?;
            contracts.push(view(contract, &receipts, &worker.short));
        }
        let mut events = Vec::new();
        for row in tx.rows(EVENTS, args![&worker.id, self.limit.get()]).await? {
            events.extend(entry(&worker.id, &row)?);
        }
        events.reverse();
        let ending: Option<Ending> = match tx.row(ENDING, args![&worker.id]).await? {
            Some(row) => row.opt_json("ending")?,
            None => None,
        };
        Ok(Ok(Inspection { job: worker.view(), contracts, events, ending }))
    }
}

/// Who asked for a job, as they were known then. For the command line, which schedules in their name.
#[derive(Clone, Debug)]
pub struct Requester {
    /// Which job.
    pub worker: WorkerId,
}

#[async_trait]
impl Change for Requester {
    type Out = Option<Person>;

    fn name(&self) -> &'static str {
        "requester"
    }

    /// None where there is no such job, or its texts are not kept any more.
    async fn apply(&self, tx: &mut Tx<'_>) -> Result<Option<Person>, StoreError> {
        let Some(row) = tx.row(REQUESTER, args![&self.worker]).await? else { return Ok(None) };
        let input: Input = row.json("input")?;
        Ok(Some(input.person).filter(|person| !person.id.is_empty()))
    }
}

/// A row of the journal that cannot be read is left out with a warning, not shown blank (requirement J7).
fn entry(worker: &WorkerId, row: &Row) -> Result<Option<Entry>, StoreError> {
    let (seq, at) = (row.int("seq")?, row.time("at")?);
    match row.json::<Event>("body") {
        Ok(event) => Ok(Some(Entry { seq, at, event })),
        Err(error) => {
            tracing::warn!(worker_id = %worker, seq, %error, "a journal row is left out");
            Ok(None)
        }
    }
}

fn view(contract: ContractRow, receipts: &[ReceiptRow], short: &Short) -> ContractView {
    ContractView {
        id: contract.id,
        number: contract.number,
        state: contract.state,
        route: contract.route,
        step: contract.step,
        message: contract.message,
        acked: contract.acked,
        receipts: receipts.iter().map(|receipt| receipt.view(short)).collect(),
    }
}
