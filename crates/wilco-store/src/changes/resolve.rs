//! Which job somebody means, among those that they may see.

use wilco_core::access::{Role, Standing};
use wilco_core::desk::{Caller, JobView};
use wilco_core::{AccountId, Address, Person, Route, Short};

use crate::engine::{Tx, args};
use crate::error::StoreError;
use crate::rows::{WORKER_BY_ID, WorkerRow, worker_columns};

pub(super) const BY_SHORT: &str = concat!(worker_columns!(), "WHERE short = $1");
pub(super) const BY_PREFIX: &str =
    concat!(worker_columns!(), "WHERE short >= $1 AND short < $2 ORDER BY short LIMIT 200");
pub(super) const LAST_OF_KIND: &str = concat!(worker_columns!(), "WHERE kind = $1 ORDER BY created_at DESC LIMIT 20");
pub(super) const BY_KIND: &str =
    concat!(worker_columns!(), "WHERE ended_at IS NULL AND kind = $1 ORDER BY created_at DESC LIMIT 200");
pub(super) const HERE: &str = concat!(
    worker_columns!(),
    "WHERE ended_at IS NULL AND id IN (SELECT worker FROM contracts WHERE account = $1 AND channel = $2 \
     AND COALESCE(thread, '') = COALESCE($3, '')) ORDER BY created_at DESC LIMIT 200"
);
/// How many candidates are told.
const SHOWN: usize = 20;
pub(super) const SHOWN_IN: &str =
    "SELECT route, thread FROM contracts WHERE worker = $1 AND account = $2 AND channel = $3";

/// Somebody who asks, with the role that the rules give them now.
#[derive(Clone, Debug)]
pub struct Asker {
    /// Who and from where.
    pub caller: Caller,
    /// Their role.
    pub role: Option<Role>,
}

impl Asker {
    /// The person at the machine's own shell.
    pub fn host() -> Self {
        Self { caller: Caller::Host, role: Some(Role::Owner) }
    }

    /// A person on a platform, whose role was judged already, so that their guild is of no use any more.
    pub fn person(account: AccountId, person: Person, address: Option<Address>, role: Option<Role>) -> Self {
        Self { caller: Caller::Person { account, person, address, guild: None }, role }
    }

    /// The name that is recorded for what they do.
    pub fn name(&self) -> &str {
        match &self.caller {
            Caller::Host => "the host",
            Caller::Person { person, .. } => &person.name,
        }
    }
}

/// Why no single job was meant. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unresolved {
    /// None of that name that this person may see.
    NotFound,
    /// None runs here.
    NothingHere,
    /// Several.
    Several(Vec<JobView>),
    /// It may be read, but not changed.
    NotAllowed(Short),
}

/// What somebody is to one job.
pub(crate) async fn standing(tx: &mut Tx<'_>, asker: &Asker, worker: &WorkerRow) -> Result<Standing, StoreError> {
    let (account, person, address) = match &asker.caller {
        Caller::Host => return Ok(Standing::HOST),
        Caller::Person { account, person, address, guild: _ } => (account, person, address),
    };
    let starter = worker.address.account == *account && worker.person_id == person.id;
    let here = match address {
        Some(address) => is_shown(tx, worker, address).await?,
        None => false,
    };
    Ok(Standing { role: asker.role, starter, moderator: person.moderator && here, here })
}

/// Whether somebody who speaks from an address reads along where the job is shown.
async fn is_shown(tx: &mut Tx<'_>, worker: &WorkerRow, here: &Address) -> Result<bool, StoreError> {
    for row in tx.rows(SHOWN_IN, args![&worker.id, &here.account, &here.channel]).await? {
        // A row that cannot be read shows nothing to anybody; it is set aside where it is claimed.
        let Ok(route) = row.json::<Route>("route") else { continue };
        let shown = Address { thread: row.opt_text("thread")?, ..here.clone() };
        if route.is_read_from(&shown, here) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The job that a word means: its id in the store, a short id, a unique beginning of one, or the name of a kind: the one
/// that runs, or the last one when none does.
pub(crate) async fn resolve(
    tx: &mut Tx<'_>,
    asker: &Asker,
    name: &str,
) -> Result<Result<WorkerRow, Unresolved>, StoreError> {
    let name = name.trim().trim_matches('`').to_lowercase();
    if let Some(row) = tx.row(WORKER_BY_ID, args![&name]).await? {
        let worker = WorkerRow::decode(&row)?;
        let visible = standing(tx, asker, &worker).await?.may_read();
        return Ok(if visible { Ok(worker) } else { Err(Unresolved::NotFound) });
    }
    if let Some(row) = tx.row(BY_SHORT, args![&name]).await? {
        let worker = WorkerRow::decode(&row)?;
        if standing(tx, asker, &worker).await?.may_read() {
            return Ok(Ok(worker));
        }
    }
    let mut seen = Vec::new();
    if Short::looks_like(&name) {
        // The letter after the last one of the alphabet ends the range of everything with this beginning.
        let end = format!("{name}{{");
        let rows = tx.rows(BY_PREFIX, args![&name, end]).await?;
        seen.extend(visible(tx, asker, &rows).await?);
    }
    if seen.is_empty() {
        let rows = tx.rows(BY_KIND, args![&name]).await?;
        seen.extend(visible(tx, asker, &rows).await?);
    }
    if seen.is_empty() {
        // None runs: whoever asks for "the report" means the last one.
        let rows = tx.rows(LAST_OF_KIND, args![&name]).await?;
        seen.extend(visible(tx, asker, &rows).await?.into_iter().take(1));
    }
    Ok(one_of(seen, Unresolved::NotFound))
}

/// The only job that is open at an address.
pub(crate) async fn only_here(
    tx: &mut Tx<'_>,
    asker: &Asker,
    address: &Address,
) -> Result<Result<WorkerRow, Unresolved>, StoreError> {
    let rows = tx.rows(HERE, args![&address.account, &address.channel, address.thread.as_deref()]).await?;
    let seen = visible(tx, asker, &rows).await?;
    Ok(one_of(seen, Unresolved::NothingHere))
}

/// The jobs that are open at an address and that the asker may cancel.
pub(super) async fn open_here(tx: &mut Tx<'_>, asker: &Asker, address: &Address) -> Result<Vec<JobView>, StoreError> {
    let rows = tx.rows(HERE, args![&address.account, &address.channel, address.thread.as_deref()]).await?;
    let mut open = Vec::new();
    for worker in visible(tx, asker, &rows).await? {
        if open.len() < SHOWN && standing(tx, asker, &worker).await?.may_cancel() {
            open.push(worker.view());
        }
    }
    Ok(open)
}

async fn visible(tx: &mut Tx<'_>, asker: &Asker, rows: &[crate::engine::Row]) -> Result<Vec<WorkerRow>, StoreError> {
    let mut seen = Vec::new();
    for row in rows {
        let worker = WorkerRow::decode(row)?;
        if standing(tx, asker, &worker).await?.may_read() {
            seen.push(worker);
        }
    }
    Ok(seen)
}

fn one_of(mut seen: Vec<WorkerRow>, none: Unresolved) -> Result<WorkerRow, Unresolved> {
    match seen.len() {
        0 => Err(none),
        1 => Ok(seen.remove(0)),
        _ => Err(Unresolved::Several(seen.iter().take(SHOWN).map(WorkerRow::view).collect())),
    }
}
