//! The engine without tasks: every call is driven to its end inside a single poll.
//!
//! SQLite works on a thread of its own. Under a paused clock, awaiting it would let the runtime
//! find itself idle and jump to the next timer; blocking this thread keeps the clock still.

use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::executor::block_on;
use sqlx::sqlite::SqliteConnection;

use super::change::Change;
use super::place::Place;
use super::queue::ask;
use super::readers::snapshot;
use super::writer::{Writer, close};
use crate::error::StoreError;

pub(super) struct Inline {
    place: Place,
    /// None when closed.
    open: Mutex<Option<Open>>,
}

struct Open {
    writer: Writer,
    reader: Option<SqliteConnection>,
}

impl Inline {
    pub(super) fn new(place: Place, writer: Writer) -> Self {
        Self { place, open: Mutex::new(Some(Open { writer, reader: None })) }
    }

    fn open(&self) -> MutexGuard<'_, Option<Open>> {
        // A crash point may have unwound through here; the next transaction begins by putting that right.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write<C: Change>(&self, change: C) -> Result<C::Out, StoreError> {
        let mut guard = self.open();
        let open = guard.as_mut().ok_or(StoreError::Closed)?;
        let (job, mut answer) = ask(change);
        block_on(open.writer.batch(job, None));
        answer.try_recv().unwrap_or(Err(StoreError::Closed))
    }

    pub(super) fn read<C: Change>(&self, query: &C) -> Result<C::Out, StoreError> {
        let mut guard = self.open();
        let open = guard.as_mut().ok_or(StoreError::Closed)?;
        block_on(async {
            let mut connection = match open.reader.take() {
                Some(connection) => connection,
                None => self.place.reader().await?,
            };
            let (answer, usable) = snapshot(&mut connection, query).await;
            if usable {
                open.reader = Some(connection);
            } else {
                close(connection).await;
            }
            answer
        })
    }

    pub(super) fn poll_changed(&self) -> Result<bool, StoreError> {
        let mut guard = self.open();
        let open = guard.as_mut().ok_or(StoreError::Closed)?;
        block_on(open.writer.poll_changed())
    }

    pub(super) fn close(&self) {
        let Some(open) = self.open().take() else { return };
        block_on(async {
            if let Some(reader) = open.reader {
                close(reader).await;
            }
            open.writer.close().await;
        });
    }
}
