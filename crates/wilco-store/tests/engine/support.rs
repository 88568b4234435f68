//! A small table, and changes of it written as closures.

use std::marker::PhantomData;

use async_trait::async_trait;
use futures::future::BoxFuture;
use tempfile::TempDir;
use wilco_store::args;
use wilco_store::engine::{Change, Engine, Migration, Mode, Options, Synchronous, Tx};
use wilco_store::error::StoreError;

pub(crate) const NOTES: Migration = Migration {
    version: "0001",
    name: "notes",
    sql: "CREATE TABLE notes (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL);
          CREATE TABLE answers (to_key TEXT NOT NULL REFERENCES notes (key) DEFERRABLE INITIALLY DEFERRED);",
};

pub(crate) const THREADS: Options =
    Options { mode: Mode::Threads, instance_lock: false, synchronous: Synchronous::Full };
pub(crate) const INLINE: Options = Options { mode: Mode::Inline, instance_lock: false, synchronous: Synchronous::Off };

/// A store in a folder of its own, which vanishes with it.
pub(crate) struct Fixture {
    pub(crate) folder: TempDir,
    pub(crate) engine: Engine,
}

impl Fixture {
    pub(crate) async fn open(options: Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let engine = open(&folder, options).await.unwrap();
        Self { folder, engine }
    }
}

pub(crate) fn url(folder: &TempDir) -> String {
    format!("sqlite:{}", folder.path().join("w.db").display())
}

pub(crate) async fn open(folder: &TempDir, options: Options) -> Result<Engine, StoreError> {
    Engine::open_with(&url(folder), options, &[NOTES]).await
}

/// A change that is a closure.
pub(crate) struct Does<F, T>(F, PhantomData<fn() -> T>);

pub(crate) fn change<T, F>(body: F) -> Does<F, T>
where
    F: for<'a> Fn(&'a mut Tx<'_>) -> BoxFuture<'a, Result<T, StoreError>>,
{
    Does(body, PhantomData)
}

#[async_trait]
impl<T, F> Change for Does<F, T>
where
    T: Send + 'static,
    F: for<'a> Fn(&'a mut Tx<'_>) -> BoxFuture<'a, Result<T, StoreError>> + Send + Sync + 'static,
{
    type Out = T;

    fn name(&self) -> &'static str {
        "test"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<T, StoreError> {
        (self.0)(tx).await
    }
}

/// Inserts a note; a second one with the same key breaks the table's constraint.
pub(crate) struct Put(pub(crate) String);

impl Put {
    pub(crate) fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }
}

#[async_trait]
impl Change for Put {
    type Out = u64;

    fn name(&self) -> &'static str {
        "put"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<u64, StoreError> {
        insert(tx, &self.0, "value").await
    }
}

pub(crate) async fn insert(tx: &mut Tx<'_>, key: &str, value: &str) -> Result<u64, StoreError> {
    tx.run("INSERT INTO notes (key, value) VALUES ($1, $2)", args![key, value]).await
}

/// The keys of all notes in the order in which they were inserted.
pub(crate) struct Keys;

#[async_trait]
impl Change for Keys {
    type Out = Vec<String>;

    fn name(&self) -> &'static str {
        "keys"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<Vec<String>, StoreError> {
        let rows = tx.rows("SELECT key FROM notes ORDER BY rowid", args![]).await?;
        rows.iter().map(|row| row.text("key")).collect()
    }
}

impl Fixture {
    pub(crate) async fn keys(&self) -> Vec<String> {
        self.engine.read(Keys).await.unwrap()
    }
}
