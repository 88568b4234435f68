//! Following a job from a further place: one more contract.

use wilco_core::contract::ContractSignal;
use wilco_core::desk::Caller;
use wilco_core::journal::Event;
use wilco_core::receipt::{ReceiptKind, ReceiptState};
use wilco_core::worker::Ending;
use wilco_core::{ContractId, Place, ReceiptId, Route, Short, Timestamp, WorkerId};

use super::contract::{self, Draft, NewContract};
use super::finish;
use super::resolve::{self, Asker, Unresolved};
use super::{Fresh, Platforms};
use crate::engine::{Tx, args};
use crate::error::StoreError;
use crate::journal;
use crate::rows::newest;

const ENDING: &str = "SELECT ending FROM workers WHERE id = $1";
const OPEN_QUESTIONS: &str = "SELECT number FROM questions WHERE worker = $1 AND state = 'open' ORDER BY number";

/// The ids of a further contract, drawn beforehand.
#[derive(Clone, Debug)]
pub struct NewWatch {
    /// The contract.
    pub contract: ContractId,
    /// Its stub.
    pub stub: ReceiptId,
    /// Its content receipt.
    pub content: ReceiptId,
}

/// A watch that was stored, or one that was there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchDone {
    /// Which worker.
    pub worker: WorkerId,
    /// The id that people type.
    pub short: Short,
    /// Whether it is shown here already, so that nothing was added.
    pub already: bool,
}

#[expect(clippy::too_many_arguments, reason = "a sentence of the store: each is a word of it")]
pub(crate) async fn watch(
    tx: &mut Tx<'_>,
    asker: &Asker,
    job: &str,
    place: &Place,
    new: &NewWatch,
    now: Timestamp,
    platforms: &Platforms,
    fresh: &mut Fresh,
) -> Result<Result<WatchDone, Unresolved>, StoreError> {
    let worker = match resolve::resolve(tx, asker, job).await? {
        Ok(worker) => worker,
        Err(unresolved) => return Ok(Err(unresolved)),
    };
    let existing = contract::of_worker(tx, &worker.id).await?;
    let done = |already| WatchDone { worker: worker.id.clone(), short: worker.short.clone(), already };
    for contract in &existing {
        let receipts = contract::receipts(tx, &contract.id).await?;
        // A contract whose messages could not arrive does not count as shown here. One whose last file had to go elsewhere
        // has left its result here.
        let alive = newest(&receipts, ReceiptKind::Stub, 0).is_some_and(|stub| stub.state != ReceiptState::Failed);
        let content = newest(&receipts, ReceiptKind::Content, 0).filter(|one| one.state == ReceiptState::Surfaced);
        let stands = content.and_then(|one| one.message.as_ref()).is_some_and(|one| one.address == place.address);
        if stands || (alive && contract.address == place.address) {
            return Ok(Ok(done(true)));
        }
    }
    let person = match &asker.caller {
        Caller::Person { person, .. } => person.clone(),
        Caller::Host => wilco_core::Person::new("host", "the host"),
    };
    let number = existing.iter().map(|contract| contract.number + 1).max().unwrap_or(0);
    let opened = NewContract {
        id: &new.contract,
        worker: &worker.id,
        number,
        person: &person,
        route: Route::from_place(place),
        ack: worker.rules.terms.ack(),
        stub: &new.stub,
        content: &new.content,
    };
    contract::open(tx, &opened, now).await?;
    let mut events = vec![Event::Watched { by: person.name.clone(), address: place.address.clone() }];
    if worker.ended.is_some() {
        let mut contract = contract::load(tx, &new.contract).await?;
        contract::step(tx, &mut contract, ContractSignal::WorkerEnded, &mut events).await?;
        let ending: Option<Ending> = match tx.row(ENDING, args![&worker.id]).await? {
            Some(row) => row.opt_json("ending")?,
            None => None,
        };
        if let Some(ending) = ending {
            finish::show_end(tx, &worker, &mut contract, &ending, now, platforms, fresh).await?;
        }
        contract::reconsider(tx, &mut contract, true, now, &mut events).await?;
    } else {
        // What the job waits for is shown to whoever comes later, too; nobody is called for it again.
        for row in tx.rows(OPEN_QUESTIONS, args![&worker.id]).await? {
            let at = contract::At { contract: &new.contract, worker: &worker.id, address: &place.address };
            let id = fresh.receipt();
            let draft = Draft::waiting(&id, ReceiptKind::Question, row.count("number")?, None);
            contract::insert(tx, &at, &draft, now).await?;
        }
    }
    journal::append(tx, &worker.id, now, &events).await?;
    Ok(Ok(done(false)))
}
