//! Accepting a job: the promise begins when this commits.

use wilco_core::job::{Input, SAY};
use wilco_core::journal::Event;
use wilco_core::settings::{Admission, KindSettings, Load, Quotas, admit};
use wilco_core::{BackendId, ContractId, Person, Place, ReceiptId, Route, Short, Timestamp, WorkerId};

use super::contract::{self, NewContract};
use crate::engine::{Tx, args};
use crate::error::StoreError;
use crate::journal;
use crate::rows::json;

/// A job that rests between two attempts waits for its time, not for a slot; one that only says something
/// ([`SAY`]) needs none, so that many notices at once keep nobody from asking.
pub(super) const LOAD: &str = "SELECT \
    (SELECT COUNT(*) FROM workers WHERE ended_at IS NULL AND account = $1 AND person_id = $2 \
        AND state IN ('running', 'cancelling') AND kind <> 'say') AS person_running, \
    (SELECT COUNT(*) FROM workers WHERE ended_at IS NULL AND account = $1 AND person_id = $2 \
        AND state = 'queued' AND due_at IS NULL AND kind <> 'say') AS person_queued, \
    (SELECT COUNT(*) FROM workers WHERE ended_at IS NULL AND account = $1 AND channel = $3) AS channel_open, \
    (SELECT MAX(created_at) FROM workers WHERE account = $1 AND person_id = $2) AS last_at";
pub(super) const KIND_LOAD: &str = "SELECT \
    COALESCE(SUM(CASE WHEN state IN ('running', 'cancelling') THEN 1 ELSE 0 END), 0) AS running, \
    COALESCE(SUM(CASE WHEN state = 'queued' AND due_at IS NULL THEN 1 ELSE 0 END), 0) AS queued \
    FROM workers WHERE ended_at IS NULL AND kind = $1";
/// A person types the id of a job or that of a follow-up after the same `/cancel`.
pub(super) const TAKEN: &str = "SELECT 1 AS one FROM workers WHERE short = $1 \
                                UNION ALL SELECT 1 AS one FROM followups WHERE short = $1";
const INSERT: &str = "INSERT INTO workers (id, short, kind, input, rules, state, person_id, person_name, account, \
    channel, thread, ahead, created_at, backend) \
    VALUES ($1, $2, $3, $4, $5, 'queued', $6, $7, $8, $9, $10, $11, $12, $13)";

/// A job to accept, with every id drawn beforehand.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// The worker's id.
    pub id: WorkerId,
    /// Candidates for the short id; the first free one is taken.
    pub shorts: Vec<Short>,
    /// The contract of the place where it was asked.
    pub contract: ContractId,
    /// Its stub.
    pub stub: ReceiptId,
    /// Its content receipt.
    pub content: ReceiptId,
    /// The worker kind's name.
    pub kind: String,
    /// What was asked.
    pub input: Input,
    /// What holds for it from now on.
    pub rules: KindSettings,
    /// How much may be asked for.
    pub quotas: Quotas,
    /// The account whose gate it respects.
    pub backend: Option<BackendId>,
}

/// A job that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    /// Its id.
    pub worker: WorkerId,
    /// The id that people type.
    pub short: Short,
    /// How many stand before it, when it has to wait.
    pub ahead: Option<u32>,
}

pub(crate) async fn accept(
    tx: &mut Tx<'_>,
    job: &NewJob,
    place: &Place,
    person: &Person,
    now: Timestamp,
) -> Result<Result<Started, Admission>, StoreError> {
    let ahead = match admission(tx, job, place, person, now).await? {
        Ok(ahead) => ahead,
        Err(refused) => return Ok(Err(refused)),
    };
    let short = free_short(tx, &job.shorts).await?;
    let address = &place.address;
    tx.run(
        INSERT,
        args![
            &job.id,
            &short,
            job.kind.as_str(),
            json(&job.input),
            json(&job.rules),
            person.id.as_str(),
            person.name.as_str(),
            &address.account,
            &address.channel,
            address.thread.as_deref(),
            ahead,
            now,
            job.backend.as_ref()
        ],
    )
    .await?;
    contract::open(
        tx,
        &NewContract {
            id: &job.contract,
            worker: &job.id,
            number: 0,
            person,
            route: Route::from_place(place),
            ack: job.rules.terms.ack(),
            stub: &job.stub,
            content: &job.content,
        },
        now,
    )
    .await?;
    let mut events = vec![Event::Accepted {
        kind: job.kind.clone(),
        input: job.input.text.clone(),
        by: person.name.clone(),
        address: address.clone(),
        scheduled: job.input.origin.scheduled().cloned(),
    }];
    if let Some(ahead) = ahead {
        events.push(Event::Queued { ahead });
    }
    journal::append(tx, &job.id, now, &events).await?;
    let (id, kind, at, name) = (job.id.clone(), job.kind.clone(), address.clone(), short.clone());
    tx.tell(move || tracing::info!(worker_id = %id, short = %name, kind, channel = %at, "accepted"));
    Ok(Ok(Started { worker: job.id.clone(), short, ahead }))
}

/// Behind how many others the job waits, if it waits and is taken.
async fn admission(
    tx: &mut Tx<'_>,
    job: &NewJob,
    place: &Place,
    person: &Person,
    now: Timestamp,
) -> Result<Result<Option<u32>, Admission>, StoreError> {
    // What only says something needs no slot, and so waits for none; nothing has to be counted for it.
    if job.kind == SAY && !job.input.origin.is_person() {
        return Ok(Ok(None));
    }
    let load = load(tx, job, place, person, now).await?;
    Ok(match admit(&load, &job.quotas, job.rules.max_running) {
        Admission::Starts => Ok(None),
        Admission::Waits { ahead } => Ok(Some(ahead)),
        // What a follow-up asks for was admitted when it was scheduled: a full queue queues it.
        Admission::TooSoon { .. } | Admission::PersonFull { .. } | Admission::ChannelFull { .. }
            if !job.input.origin.is_person() =>
        {
            Ok(Some(load.person_queued))
        }
        refused @ (Admission::TooSoon { .. } | Admission::PersonFull { .. } | Admission::ChannelFull { .. }) => {
            Err(refused)
        }
    })
}

async fn load(
    tx: &mut Tx<'_>,
    job: &NewJob,
    place: &Place,
    person: &Person,
    now: Timestamp,
) -> Result<Load, StoreError> {
    let mut load = Load::default();
    let address = &place.address;
    if let Some(row) = tx.row(LOAD, args![&address.account, person.id.as_str(), &address.channel]).await? {
        load.person_running = row.count("person_running")?;
        load.person_queued = row.count("person_queued")?;
        load.channel_open = row.count("channel_open")?;
        load.since_last = row.opt_time("last_at")?.map(|last| now.since(last));
    }
    if let Some(row) = tx.row(KIND_LOAD, args![job.kind.as_str()]).await? {
        load.kind_running = row.count("running")?;
        load.kind_queued = row.count("queued")?;
    }
    Ok(load)
}

async fn free_short(tx: &mut Tx<'_>, candidates: &[Short]) -> Result<Short, StoreError> {
    for short in candidates {
        if tx.row(TAKEN, args![short]).await?.is_none() {
            return Ok(short.clone());
        }
    }
    Err(StoreError::Busy("every drawn short id is taken; ask again".to_owned()))
}
