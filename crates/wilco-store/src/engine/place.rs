//! Where the SQLite database lies and how its connections are opened.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteSynchronous};

use super::Synchronous;
use crate::error::StoreError;

/// How long a statement waits for another process that holds the database.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The file and how durable a commit to it is.
#[derive(Clone, Debug)]
pub(super) struct Place {
    path: PathBuf,
    synchronous: Synchronous,
}

/// A file, whatever it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
}

impl Place {
    pub(super) fn from_url(url: &str, synchronous: Synchronous) -> Result<Self, StoreError> {
        let bad = |why: &str| Err(StoreError::BadUrl(why.to_owned()));
        let Some((scheme, rest)) = url.split_once(':') else {
            return bad("it does not begin with `sqlite:`");
        };
        if scheme == "postgres" || scheme == "postgresql" {
            return bad("this wilco stores in SQLite only, not in PostgreSQL");
        }
        if scheme != "sqlite" {
            // The text itself is not repeated: a mistyped address may hold a password.
            return bad("it does not begin with `sqlite:`");
        }
        let path = rest.strip_prefix("//").unwrap_or(rest);
        if path == ":memory:" || path.is_empty() {
            return bad("a store in memory would forget what it promised; name a file");
        }
        if path.starts_with("file:") || path.contains('?') || path.contains('\0') {
            return bad("it takes a plain path, without `file:`, `?` and parameters");
        }
        Ok(Self { path: PathBuf::from(path), synchronous })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes an empty file that only its owner may read; SQLite gives the log and the index beside
    /// it the same mode. An existing file is not even opened: closing the descriptor would drop the
    /// locks that another engine of this process holds through SQLite.
    pub(super) fn create(&self) -> Result<(), StoreError> {
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.path) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(error) if error.kind() == ErrorKind::StorageFull => Err(StoreError::Full(error.to_string())),
            Err(error) => Err(StoreError::Io(format!("creating {}: {error}", self.path.display()))),
        }
    }

    /// Which file the path names now; none when there is none or it cannot be looked at. The file is not opened.
    pub(super) fn file(&self) -> Option<FileId> {
        let metadata = std::fs::metadata(&self.path).ok()?;
        Some(FileId { device: metadata.dev(), inode: metadata.ino() })
    }

    /// Whether the path still names the file that was opened. An open file can be written when it has no name any
    /// more, or another one; whoever opens the path next finds nothing of that.
    pub(super) fn still_names(&self, opened: Option<FileId>) -> Result<(), StoreError> {
        if self.file() == opened { Ok(()) } else { Err(StoreError::Gone(self.path.display().to_string())) }
    }

    fn options(&self) -> SqliteConnectOptions {
        SqliteConnectOptions::new()
            .filename(&self.path)
            // A file that has vanished is an error, never an empty store.
            .create_if_missing(false)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .synchronous(match self.synchronous {
                Synchronous::Full => SqliteSynchronous::Full,
                Synchronous::Normal => SqliteSynchronous::Normal,
                Synchronous::Off => SqliteSynchronous::Off,
            })
            // What a rollback to a savepoint needs stays in memory, so a full disk cannot break it.
            .pragma("temp_store", "MEMORY")
            // After a burst the log file shrinks to this many bytes again.
            .pragma("journal_size_limit", "67108864")
            .statement_cache_capacity(256)
            .disable_statement_logging()
    }

    /// A connection that writes.
    pub(super) async fn writer(&self) -> Result<SqliteConnection, StoreError> {
        self.options().connect().await.map_err(|error| self.unopened(&error))
    }

    /// A connection that SQLite keeps from writing.
    pub(super) async fn reader(&self) -> Result<SqliteConnection, StoreError> {
        self.options().read_only(true).connect().await.map_err(|error| self.unopened(&error))
    }

    /// A connection that looks: it writes nothing, and SQLite may remove its own files when it is closed.
    pub(super) async fn looker(&self) -> Result<SqliteConnection, StoreError> {
        self.options().pragma("query_only", "ON").connect().await.map_err(|error| self.unopened(&error))
    }

    fn unopened(&self, error: &sqlx::Error) -> StoreError {
        StoreError::from_sqlite(error, Some(&format!("opening {}", self.path.display())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(url: &str) -> Result<PathBuf, StoreError> {
        Place::from_url(url, Synchronous::Full).map(|place| place.path)
    }

    #[test]
    fn an_address_names_a_file() {
        assert_eq!(path("sqlite:wilco.db").unwrap(), PathBuf::from("wilco.db"));
        assert_eq!(path("sqlite://wilco.db").unwrap(), PathBuf::from("wilco.db"));
        assert_eq!(path("sqlite:/var/lib/w.db").unwrap(), PathBuf::from("/var/lib/w.db"));
        assert_eq!(path("sqlite:///var/lib/w.db").unwrap(), PathBuf::from("/var/lib/w.db"));
    }

    #[test]
    fn other_addresses_are_refused_with_a_sentence_and_no_secret() {
        for url in [
            "wilco.db",
            "mysql://u:canary@host/db",
            "postgres://u:canary@host/db",
            "sqlite::memory:",
            "sqlite:",
            "sqlite:w.db?mode=memory&canary=1",
            "sqlite:file:w.db",
        ] {
            let refused = path(url).unwrap_err();
            assert!(matches!(refused, StoreError::BadUrl(_)), "{url}: {refused:?}");
            assert!(!refused.to_string().contains("canary"), "{refused}");
        }
    }
}
