//! The one writer: many waiting changes, one commit.
//!
//! Every change of a batch runs inside a savepoint, so that its own error undoes it alone. Callers
//! are answered only after `COMMIT` has returned: some errors of SQLite (a full disk above all) undo
//! the whole transaction, released savepoints included, and a failing `COMMIT` always does. Then the
//! connection is opened anew and every member runs again alone, once. A change can do that because
//! its ids and times were drawn before.
//!
//! Nothing here is ever aborted or raced against a timeout: a statement that was sent runs anyway,
//! and the connection would be left in the middle of a transaction.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::FutureExt as _;
use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;

use super::place::{FileId, Place};
use super::queue::{Command, Job, Queue};
use super::tx::Tx;
use crate::crash;
use crate::error::StoreError;
use crate::lock::FileLock;

/// How many changes share a commit at most: bounds how long the first of them waits.
const MAX_BATCH: usize = 256;

/// How many ordinary changes share a commit with urgent ones at most.
const BESIDE_URGENT: usize = 16;

/// How a change ended inside its savepoint.
enum Step {
    Kept,
    /// Its own error; it alone is undone.
    Undone(StoreError),
    /// The transaction may be gone.
    Spoiled(StoreError),
    /// It panicked; what it had sent may still be running.
    Panicked,
}

/// What becomes of a member when its batch is spoiled.
enum Member {
    Again(Box<dyn Job>),
    /// Not run again, because it brought the batch down by panicking.
    Panicked(Box<dyn Job>),
}

/// The connection that writes, and what it has to know.
pub(super) struct Writer {
    place: Place,
    /// None after it broke and could not be opened anew; the next transaction tries again.
    connection: Option<SqliteConnection>,
    /// The file that was opened.
    file: Option<FileId>,
    /// `PRAGMA data_version` as last polled on this connection.
    seen: Option<i64>,
    commits: Arc<AtomicU64>,
    /// Whether nothing was committed since the last failure: an outage is told once (requirement O3).
    failing: bool,
    /// Held for as long as anything may still be written.
    _lock: Option<FileLock>,
}

impl Writer {
    pub(super) fn new(
        place: Place,
        connection: SqliteConnection,
        commits: Arc<AtomicU64>,
        lock: Option<FileLock>,
    ) -> Self {
        let file = place.file();
        Self { place, connection: Some(connection), file, seen: None, commits, failing: false, _lock: lock }
    }

    /// Serves the queue until it is closed and empty.
    pub(super) async fn serve(mut self, mut queue: Queue) {
        let mut closing = Vec::new();
        while let Some(command) = queue.next().await {
            match command {
                Command::Run(job) => self.batch(job, Some(&mut queue)).await,
                // The asker may have left; the next poll then says the same again or less, never more.
                Command::PollChanged(reply) => drop(reply.send(self.poll_changed().await)),
                Command::Close(reply) => {
                    // Nothing new comes in; what already waits is still served.
                    queue.refuse_more();
                    closing.push(reply);
                }
            }
        }
        self.close().await;
        for reply in closing {
            if reply.send(()).is_err() {
                tracing::debug!("who closed the store did not wait for it");
            }
        }
    }

    /// Runs a change and those that join it from the queue, commits them together and answers all.
    pub(super) async fn batch(&mut self, first: Box<dyn Job>, mut queue: Option<&mut Queue>) {
        if let Err(error) = self.begin().await {
            first.answer(Err(error.clone()));
            // This is found out at once, for each of them anew: the file may be back.
            if matches!(error, StoreError::Gone(_)) {
                return;
            }
            // Those who wait would each wait as long for the same answer.
            while let Some(job) = joining(&mut queue, true).await {
                job.answer(Err(error.clone()));
            }
            return;
        }
        let mut done = Vec::new();
        let mut spoiled = None;
        let mut next = Some(first);
        // A batch with an urgent change is committed soon, and takes a few of the others along, so that
        // neither waits for ever behind the other.
        let (mut hurried, mut ordinary) = (false, 0);
        while let Some(mut job) = next {
            if job.is_urgent() {
                hurried = true;
            } else {
                ordinary += 1;
            }
            match self.step(job.as_mut()).await {
                Step::Kept => done.push((job, Ok(()))),
                Step::Undone(error) => done.push((job, Err(error))),
                Step::Spoiled(error) => {
                    spoiled = Some((error, Some(Member::Again(job))));
                    break;
                }
                Step::Panicked => {
                    spoiled = Some((panicked(job.name()), Some(Member::Panicked(job))));
                    break;
                }
            }
            let room = !hurried || ordinary < BESIDE_URGENT;
            next = if done.len() < MAX_BATCH { joining(&mut queue, room).await } else { None };
        }
        if spoiled.is_none() {
            spoiled = self.commit().await.err().map(|error| (error, None));
        }
        match spoiled {
            None => done.into_iter().for_each(|(job, verdict)| job.answer(verdict)),
            Some((error, last)) => {
                // A refusal may rest on what an earlier member did, so every member runs again.
                let members = done.into_iter().map(|(job, _)| Member::Again(job)).chain(last);
                self.one_by_one(members.collect(), &error).await;
            }
        }
    }

    async fn one_by_one(&mut self, members: Vec<Member>, error: &StoreError) {
        let count = members.len();
        if self.again(error) {
            tracing::debug!(%error, members = count, "a group of changes was undone again");
        } else {
            tracing::warn!(%error, members = count, "a group of changes was undone; each is tried again alone");
        }
        self.reopen().await;
        for member in members {
            match member {
                Member::Again(mut job) => {
                    let verdict = self.alone(job.as_mut()).await;
                    job.answer(verdict);
                }
                Member::Panicked(job) => {
                    let error = panicked(job.name());
                    job.answer(Err(error));
                }
            }
        }
    }

    /// Whether this failure was told already: a full, locked or unwritable store fails every change until it is mended.
    fn again(&mut self, error: &StoreError) -> bool {
        matches!(error, StoreError::Full(_) | StoreError::Busy(_) | StoreError::Io(_))
            && std::mem::replace(&mut self.failing, true)
    }

    async fn alone(&mut self, job: &mut dyn Job) -> Result<(), StoreError> {
        self.begin().await?;
        let (verdict, spoiled) = match self.step(job).await {
            Step::Kept => (Ok(()), self.commit().await.err()),
            Step::Undone(error) => (Err(error), self.commit().await.err()),
            Step::Spoiled(error) => (Ok(()), Some(error)),
            Step::Panicked => (Ok(()), Some(panicked(job.name()))),
        };
        match spoiled {
            None => verdict,
            Some(error) => {
                if self.again(&error) {
                    tracing::debug!(change = job.name(), %error, "a change was not made");
                } else {
                    tracing::error!(change = job.name(), %error, "a change was not made");
                }
                self.reopen().await;
                Err(error)
            }
        }
    }

    async fn begin(&mut self) -> Result<(), StoreError> {
        crash::point("store.before_begin");
        // Without touching the connection: it is the only hold on a file that may be put back.
        if let Err(error) = self.place.still_names(self.file) {
            if !std::mem::replace(&mut self.failing, true) {
                tracing::error!(%error, "nothing is stored");
            }
            return Err(error);
        }
        match self.execute("BEGIN IMMEDIATE", "beginning").await {
            Ok(()) => Ok(()),
            // Another process holds the database, and waiting for it was all that could be done.
            Err(error @ StoreError::Busy(_)) => Err(error),
            Err(error) => {
                tracing::warn!(%error, "the store is opened anew");
                self.reopen().await;
                self.execute("BEGIN IMMEDIATE", "beginning").await
            }
        }
    }

    async fn commit(&mut self) -> Result<(), StoreError> {
        crash::point("store.before_commit");
        self.execute("COMMIT", "committing").await?;
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.failing = false;
        crash::point("store.after_commit");
        Ok(())
    }

    /// Runs one change inside a savepoint.
    async fn step(&mut self, job: &mut dyn Job) -> Step {
        if let Err(error) = self.execute("SAVEPOINT s", "beginning a change").await {
            return Step::Spoiled(error);
        }
        let Some(connection) = self.connection.as_mut() else {
            return Step::Spoiled(StoreError::Io("the connection is gone".to_owned()));
        };
        let mut tx = Tx::sqlite(connection);
        let ended = AssertUnwindSafe(job.run(&mut tx)).catch_unwind().await;
        let spoiled = tx.spoiled();
        crash::point("store.after_apply");
        let own = match (ended, spoiled) {
            (Err(_), _) => return Step::Panicked,
            // Also when the change swallowed the error and went on.
            (Ok(_), Some(error)) => return Step::Spoiled(error),
            (Ok(Ok(())), None) => None,
            (Ok(Err(error)), None) => Some(error),
        };
        if own.is_some()
            && let Err(error) = self.execute("ROLLBACK TO s", "undoing a change").await
        {
            // Such as after `OR ROLLBACK`. The change's own error says more than this one.
            return Step::Spoiled(own.unwrap_or(error));
        }
        match (self.execute("RELEASE s", "ending a change").await, own) {
            (Err(error), own) => Step::Spoiled(own.unwrap_or(error)),
            (Ok(()), Some(error)) => Step::Undone(error),
            (Ok(()), None) => Step::Kept,
        }
    }

    /// Undoes whatever is open and takes a new connection.
    ///
    /// The new one is opened before the old one is closed: were there no connection for a moment,
    /// the next one would recover the log file, and with it a transaction whose commit had failed.
    async fn reopen(&mut self) {
        if let Err(error) = self.execute("ROLLBACK", "undoing").await {
            tracing::debug!(%error, "nothing was left to roll back");
        }
        // A new connection counts the commits of others from a new number, so none may be missed.
        self.seen = None;
        let fresh = self.place.writer().await;
        if let Some(old) = self.connection.take() {
            close(old).await;
        }
        match fresh {
            Ok(fresh) => self.connection = Some(fresh),
            Err(error) => tracing::error!(%error, "the store could not be opened anew; the next change tries again"),
        }
    }

    async fn execute(&mut self, sql: &'static str, doing: &str) -> Result<(), StoreError> {
        let connection = self.connected().await?;
        let done = sqlx::query(sql).execute(connection).await;
        done.map(|_| ()).map_err(|error| StoreError::from_sqlite(&error, Some(doing)))
    }

    async fn connected(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        if self.connection.is_none() {
            self.connection = Some(self.place.writer().await?);
        }
        self.connection.as_mut().ok_or(StoreError::Closed)
    }

    /// Whether another connection than this one has committed since the last call.
    pub(super) async fn poll_changed(&mut self) -> Result<bool, StoreError> {
        let connection = self.connected().await?;
        let version = sqlx::query_scalar::<_, i64>("PRAGMA data_version")
            .fetch_one(connection)
            .await
            .map_err(|error| StoreError::from_sqlite(&error, Some("looking for changes")))?;
        Ok(self.seen.replace(version) != Some(version))
    }

    pub(super) async fn close(mut self) {
        if let Some(connection) = self.connection.take() {
            close(connection).await;
        }
    }
}

async fn joining(queue: &mut Option<&mut Queue>, ordinary: bool) -> Option<Box<dyn Job>> {
    match queue {
        Some(queue) => queue.joining(ordinary).await,
        None => None,
    }
}

/// Closes a connection; one that is broken is gone anyway.
pub(super) async fn close(connection: SqliteConnection) {
    if let Err(error) = connection.close().await {
        tracing::debug!(%error, "a connection did not close cleanly");
    }
}

/// The panic's own text stays out of it: it may quote what the change was working on.
pub(super) fn panicked(name: &str) -> StoreError {
    StoreError::Io(format!("the change `{name}` panicked"))
}
