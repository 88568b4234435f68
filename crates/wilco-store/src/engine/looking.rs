//! A look at a store that changes nothing: for whoever wants to know how it is before anything is done to it.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use sqlx::sqlite::SqliteConnection;

use super::migrations::{self, Migration};
use super::place::Place;
use super::readers::Readers;
use super::writer::close;
use super::{Engine, Inner, Road, Synchronous};
use crate::error::StoreError;

/// What a look finds.
pub enum Looked {
    /// There is no file at that path. None was made.
    Absent,
    /// An older program has written it. It would be migrated if it were opened; it was left as it is.
    Older {
        /// The newest migration that was made in it; none in an empty file.
        found: Option<String>,
        /// The newest one that this program knows.
        known: String,
    },
    /// It is up to date. This engine reads, and refuses every change.
    Ready(Engine),
}

/// The connection that stays open as long as somebody looks, and the others that read. It could write, so that SQLite
/// tidies its files up when it is closed last, and is kept from writing by itself.
pub(super) struct Looking {
    pub(super) readers: Arc<Readers>,
    first: Mutex<Option<SqliteConnection>>,
}

impl Looking {
    pub(super) async fn close(&self) {
        self.readers.close().await;
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(first) = first {
            close(first).await;
        }
    }
}

pub(super) async fn look(url: &str, known: &[Migration]) -> Result<Looked, StoreError> {
    let place = Place::from_url(url, Synchronous::Full)?;
    match place.path().try_exists() {
        Ok(true) => {}
        Ok(false) => return Ok(Looked::Absent),
        Err(error) => return Err(StoreError::Io(format!("looking at {}: {error}", place.path().display()))),
    }
    let mut first = place.looker().await?;
    let made = match migrations::check(&mut first, known).await {
        Ok(made) => made,
        Err(error) => {
            close(first).await;
            return Err(error);
        }
    };
    if !known.iter().all(|migration| made.iter().any(|version| version == migration.version)) {
        close(first).await;
        let newest = known.last().map_or_else(|| "none".to_owned(), |last| last.version.to_owned());
        return Ok(Looked::Older { found: made.into_iter().max(), known: newest });
    }
    let readers = Arc::new(Readers::new(place.clone()));
    let road = Road::Looking(Looking { readers, first: Mutex::new(Some(first)) });
    let inner = Inner { place, commits: Arc::new(AtomicU64::new(0)), road, trouble: Mutex::new(None) };
    Ok(Looked::Ready(Engine(Arc::new(inner))))
}
