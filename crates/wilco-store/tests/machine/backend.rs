//! How a store is opened. Everything else of this suite is the same for every database.

use tempfile::TempDir;
use wilco_store::engine::{Engine, Mode, Options, Synchronous};

/// An open store of a database that the suite can run on.
pub(crate) trait Backend: Sized {
    /// Opens a store with nothing in it.
    async fn open() -> Self;

    /// Opens the same store again after the death of the process that had it open: nothing is closed in
    /// order, and everything that was answered is still there.
    async fn reopen(self) -> Self;

    /// The store.
    fn engine(&self) -> &Engine;
}

/// SQLite, driven by the caller.
pub(crate) struct SqliteInline(Sqlite);

/// SQLite behind its writer task, as the bot uses it.
pub(crate) struct SqliteThreads(Sqlite);

struct Sqlite {
    engine: Engine,
    folder: TempDir,
}

impl Sqlite {
    async fn open(folder: TempDir, mode: Mode) -> Self {
        let url = format!("sqlite:{}", folder.path().join("wilco.db").display());
        // Only a power failure tells the levels of syncing apart.
        let options = Options { mode, instance_lock: false, synchronous: Synchronous::Off };
        let engine = Engine::open(&url, options).await.expect("the store opens");
        Self { engine, folder }
    }

    async fn new(mode: Mode) -> Self {
        Self::open(tempfile::tempdir().expect("there is room for a store"), mode).await
    }

    async fn reopen(self, mode: Mode) -> Self {
        let Self { engine, folder } = self;
        drop(engine);
        Self::open(folder, mode).await
    }
}

impl Backend for SqliteInline {
    async fn open() -> Self {
        Self(Sqlite::new(Mode::Inline).await)
    }

    async fn reopen(self) -> Self {
        Self(self.0.reopen(Mode::Inline).await)
    }

    fn engine(&self) -> &Engine {
        &self.0.engine
    }
}

impl Backend for SqliteThreads {
    async fn open() -> Self {
        Self(Sqlite::new(Mode::Threads).await)
    }

    async fn reopen(self) -> Self {
        Self(self.0.reopen(Mode::Threads).await)
    }

    fn engine(&self) -> &Engine {
        &self.0.engine
    }
}
