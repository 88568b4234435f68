//! The machine room: transactions, the writer that commits many changes together, the readers
//! beside it, migrations.
//!
//! What is stored and why is not known here; that is in the changes, which are values handed to
//! [`Engine::write`] and [`Engine::read`].

mod change;
mod inline;
mod looking;
mod migrations;
mod place;
mod queue;
mod readers;
mod row;
mod tx;
mod writer;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sqlx::sqlite::SqliteConnection;
use tokio::sync::oneshot;

pub use change::Change;
pub use looking::Looked;
pub use migrations::{ALL as MIGRATIONS, Migration};
pub use tx::{Arg, Row, SqliteTx, Tx};

pub use crate::args;

use crate::error::StoreError;
use crate::lock::FileLock;
use inline::Inline;
use looking::Looking;
use place::Place;
use queue::{Command, Commands, ask, queue};
use readers::Readers;
use writer::Writer;

/// How an engine works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Who drives the connections.
    pub mode: Mode,
    /// Whether to be the one serving instance. The command line beside a running bot is not.
    pub instance_lock: bool,
    /// What a commit waits for.
    pub synchronous: Synchronous,
}

impl Default for Options {
    fn default() -> Self {
        Self { mode: Mode::Threads, instance_lock: false, synchronous: Synchronous::Full }
    }
}

/// Who drives the connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A writer task and a few reader tasks on the tokio runtime that opens the engine.
    Threads,
    /// The caller itself, to the end, inside a single poll: nothing else runs meanwhile and no
    /// virtual time passes. For simulations and transcripts.
    Inline,
}

/// What a commit waits for (`PRAGMA synchronous`). Only a power failure tells the levels apart; a
/// killed process loses nothing at any of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Synchronous {
    /// Until the disk has it.
    Full,
    /// Until the operating system has it; a power failure may drop the last commits.
    Normal,
    /// For nothing; a power failure may destroy the file. For tests.
    Off,
}

/// An open store. Cheap to clone; all clones are the same store.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    place: Place,
    commits: Arc<AtomicU64>,
    road: Road,
    /// A sign for people, not a fact: what the last write met.
    trouble: Mutex<Option<String>>,
}

enum Road {
    Threads {
        commands: Commands,
        readers: Arc<Readers>,
    },
    Inline(Inline),
    /// Reads, and nothing else.
    Looking(Looking),
}

impl Engine {
    /// Opens the store, creates it where there is none, and brings its tables up to date.
    ///
    /// # Errors
    /// [`StoreError::BadUrl`] for anything but `sqlite:<path>`, [`StoreError::Locked`] when another
    /// instance serves it, [`StoreError::Newer`] when a newer program has changed its tables.
    pub async fn open(url: &str, options: Options) -> Result<Self, StoreError> {
        Self::open_with(url, options, MIGRATIONS).await
    }

    /// As [`Engine::open`], with a list of migrations of one's own.
    ///
    /// # Errors
    /// As [`Engine::open`].
    pub async fn open_with(url: &str, options: Options, migrations: &'static [Migration]) -> Result<Self, StoreError> {
        let place = Place::from_url(url, options.synchronous)?;
        let commits = Arc::new(AtomicU64::new(0));
        let road = match options.mode {
            Mode::Inline => {
                let writer = futures::executor::block_on(start(&place, options, migrations, Arc::clone(&commits)))?;
                Road::Inline(Inline::new(place.clone(), writer))
            }
            Mode::Threads => {
                let writer = start(&place, options, migrations, Arc::clone(&commits)).await?;
                let (commands, waiting) = queue();
                tokio::spawn(writer.serve(waiting));
                Road::Threads { commands, readers: Arc::new(Readers::new(place.clone())) }
            }
        };
        Ok(Self(Arc::new(Inner { place, commits, road, trouble: Mutex::new(None) })))
    }

    /// Looks at a store without creating, locking or migrating it. What is open and up to date can be read.
    ///
    /// # Errors
    /// As [`Engine::open`], but for [`StoreError::Locked`]: a look is possible beside everybody.
    pub async fn look(url: &str) -> Result<Looked, StoreError> {
        Self::look_with(url, MIGRATIONS).await
    }

    /// As [`Engine::look`], with a list of migrations of one's own.
    ///
    /// # Errors
    /// As [`Engine::look`].
    pub async fn look_with(url: &str, migrations: &[Migration]) -> Result<Looked, StoreError> {
        looking::look(url, migrations).await
    }

    /// Makes a change and answers when it is durable. Changes are made in the order in which they
    /// were given; urgent ones ([`Change::is_urgent`]) before the others. A caller who leaves while it waits for the answer has still made the change.
    ///
    /// # Errors
    /// What the change itself answered, or why the store could not do it; either way nothing of the
    /// change is left.
    pub async fn write<C: Change>(&self, change: C) -> Result<C::Out, StoreError> {
        let answer = self.answer(change).await;
        let trouble = match &answer {
            Err(error) if error.is_transient() => Some(error.to_string()),
            // A change that was refused for its own sake says nothing about the store.
            Err(_) => return answer,
            Ok(_) => None,
        };
        *self.0.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
        answer
    }

    /// Why the last write was not taken, while none has been taken since.
    pub fn trouble(&self) -> Option<String> {
        self.0.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn answer<C: Change>(&self, change: C) -> Result<C::Out, StoreError> {
        match &self.0.road {
            Road::Threads { commands, .. } => {
                let (job, answer) = ask(change);
                commands.enqueue(Command::Run(job)).await?;
                answer.await.unwrap_or(Err(StoreError::Closed))
            }
            Road::Inline(inline) => inline.write(change),
            Road::Looking(_) => Err(StoreError::Refused("the store was opened to look at it only".to_owned())),
        }
    }

    /// Runs a query on a snapshot of what is committed. SQLite refuses it to write.
    ///
    /// # Errors
    /// What the query itself answered, or why the store could not do it.
    pub async fn read<C: Change>(&self, query: C) -> Result<C::Out, StoreError> {
        match &self.0.road {
            Road::Threads { readers, .. } => readers.read(query).await,
            Road::Inline(inline) => inline.read(&query),
            Road::Looking(looking) => looking.readers.read(query).await,
        }
    }

    /// Whether somebody else, such as the command line, has committed to the store since the last
    /// call. The commits of this engine do not count. May say yes once too often after the store had
    /// to be opened anew, never once too seldom.
    ///
    /// # Errors
    /// Why the store could not be asked.
    pub async fn poll_changed(&self) -> Result<bool, StoreError> {
        match &self.0.road {
            Road::Threads { commands, .. } => {
                let (reply, answer) = oneshot::channel();
                commands.enqueue(Command::PollChanged(reply)).await?;
                answer.await.unwrap_or(Err(StoreError::Closed))
            }
            Road::Inline(inline) => inline.poll_changed(),
            // Whoever looks reads anew each time.
            Road::Looking(_) => Ok(true),
        }
    }

    /// Makes every change that already waits, then closes the store for all clones and gives the
    /// instance lock back. Later calls answer [`StoreError::Closed`].
    pub async fn close(self) {
        match &self.0.road {
            Road::Threads { commands, readers } => {
                // The readers first: the last connection to close folds the log into the database.
                readers.close().await;
                let (reply, closed) = oneshot::channel();
                if commands.enqueue(Command::Close(reply)).await.is_ok() && closed.await.is_err() {
                    tracing::debug!("the writer had ended before it was asked to");
                }
            }
            Road::Inline(inline) => inline.close(),
            Road::Looking(looking) => looking.close().await,
        }
    }

    /// How many commits this engine has made; many changes share one.
    pub fn commits(&self) -> u64 {
        self.0.commits.load(Ordering::Relaxed)
    }

    /// The database file.
    pub fn path(&self) -> &Path {
        self.0.place.path()
    }
}

/// Opens the writing connection. Whatever another process does at the same moment, only one of them
/// creates and migrates: SQLite takes no lock round that by itself.
async fn start(
    place: &Place,
    options: Options,
    migrations: &[Migration],
    commits: Arc<AtomicU64>,
) -> Result<Writer, StoreError> {
    let instance = if options.instance_lock { Some(FileLock::instance(place.path())?) } else { None };
    let starting_up = match FileLock::try_start_up(place.path())? {
        Some(lock) => lock,
        None => {
            tracing::info!("another process is opening the store; waiting for it");
            wait_for_start_up(place, options.mode).await?
        }
    };
    place.create()?;
    let mut connection = place.writer().await?;
    migrations::check(&mut connection, migrations).await?;
    use_wal(&mut connection).await?;
    migrations::apply(&mut connection, migrations).await?;
    let mut writer = Writer::new(place.clone(), connection, commits, instance);
    // The first look sets the mark from which commits of others count.
    writer.poll_changed().await?;
    drop(starting_up);
    Ok(writer)
}

async fn wait_for_start_up(place: &Place, mode: Mode) -> Result<FileLock, StoreError> {
    match mode {
        Mode::Inline => FileLock::start_up(place.path()),
        Mode::Threads => {
            let path = place.path().to_owned();
            let waiting = tokio::task::spawn_blocking(move || FileLock::start_up(&path));
            waiting.await.unwrap_or(Err(StoreError::Closed))
        }
    }
}

async fn use_wal(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let doing = Some("turning the write-ahead log on");
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode = WAL")
        .fetch_one(connection)
        .await
        .map_err(|error| StoreError::from_sqlite(&error, doing))?;
    if mode == "wal" {
        return Ok(());
    }
    Err(StoreError::Io(format!(
        "this file system allows no write-ahead log (SQLite stays at `{mode}`); use a local disk"
    )))
}
