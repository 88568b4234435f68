//! Readers beside the writer: each read sees one snapshot, of committed data only.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt as _;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::Semaphore;

use super::change::Change;
use super::place::Place;
use super::tx::Tx;
use super::writer::{close, panicked};
use crate::error::StoreError;

/// How many reads run at the same time.
const READERS: u32 = 4;

/// The connections that read. They are opened when first needed.
pub(super) struct Readers {
    place: Place,
    idle: Mutex<Vec<SqliteConnection>>,
    free: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(place: Place) -> Self {
        Self { place, idle: Mutex::new(Vec::new()), free: Arc::new(Semaphore::new(READERS as usize)) }
    }

    /// Runs a query in a task of its own, which goes on when the caller leaves: a connection is
    /// never put back in the middle of a transaction.
    pub(super) async fn read<C: Change>(self: &Arc<Self>, query: C) -> Result<C::Out, StoreError> {
        let turn = Arc::clone(&self.free).acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let readers = Arc::clone(self);
        let task = tokio::spawn(async move {
            let mut connection = match readers.take() {
                Some(connection) => connection,
                None => readers.place.reader().await?,
            };
            let (answer, usable) = snapshot(&mut connection, &query).await;
            if usable {
                readers.put(connection);
            } else {
                close(connection).await;
            }
            drop(turn);
            answer
        });
        task.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Waits for the reads under way, refuses further ones and closes the connections.
    pub(super) async fn close(&self) {
        // A failure means that somebody else has closed them already.
        let turns = self.free.acquire_many(READERS).await;
        self.free.close();
        drop(turns);
        while let Some(connection) = self.take() {
            close(connection).await;
        }
    }

    fn take(&self) -> Option<SqliteConnection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn put(&self, connection: SqliteConnection) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
    }
}

/// Runs a query in a read transaction; answers also whether the connection may be used again.
pub(super) async fn snapshot<C: Change>(
    connection: &mut SqliteConnection,
    query: &C,
) -> (Result<C::Out, StoreError>, bool) {
    if let Err(error) = execute(connection, "BEGIN DEFERRED").await {
        return (Err(error), false);
    }
    let mut tx = Tx::sqlite(connection);
    let ended = AssertUnwindSafe(query.apply(&mut tx)).catch_unwind().await;
    let spoiled = tx.spoiled();
    // Nothing was written, so committing and rolling back are the same.
    let usable = execute(connection, "COMMIT").await.is_ok();
    match (ended, spoiled) {
        (Err(_), _) => (Err(panicked(query.name())), false),
        (Ok(_), Some(error)) => (Err(error), false),
        (Ok(answer), None) => (answer, usable),
    }
}

async fn execute(connection: &mut SqliteConnection, sql: &'static str) -> Result<(), StoreError> {
    let done = sqlx::query(sql).execute(connection).await;
    done.map(|_| ()).map_err(|error| StoreError::from_sqlite(&error, Some("reading")))
}
