//! A shelf in memory for tests of adapters: it outlives the adapter that a test ends, and refuses or
//! stalls on demand.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::watch;
use wilco_core::Shelf;
use wilco_core::shelf::ShelfError;

/// A shelf in memory.
#[derive(Default)]
pub struct MemoryShelf {
    rows: Mutex<BTreeMap<String, String>>,
    refuses: AtomicBool,
    stalls: watch::Sender<bool>,
    writes: AtomicUsize,
}

impl MemoryShelf {
    /// Whether it refuses whatever it is asked from now on, as a store with a full disk does.
    pub fn refuse(&self, refuses: bool) {
        self.refuses.store(refuses, Ordering::SeqCst);
    }

    /// Whether it answers nobody from now on, as a store does whose disk hangs. Whoever waits is answered when it goes on.
    pub fn stall(&self, stalls: bool) {
        self.stalls.send_replace(stalls);
    }

    /// Everything under a prefix, in the order of the keys.
    pub fn rows(&self, prefix: &str) -> Vec<(String, String)> {
        let rows = self.locked();
        let fitting = rows.iter().filter(|(key, _)| key.starts_with(prefix));
        fitting.map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    /// The keys under a prefix, in order.
    pub fn keys(&self, prefix: &str) -> Vec<String> {
        self.rows(prefix).into_iter().map(|(key, _)| key).collect()
    }

    /// How many rows were written since it began.
    pub fn writes(&self) -> usize {
        self.writes.load(Ordering::SeqCst)
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        // Nothing in here can be left half done by a panic.
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn open(&self) -> Result<MutexGuard<'_, BTreeMap<String, String>>, ShelfError> {
        // Only a dropped sender could be an error, and this holds it.
        self.stalls.subscribe().wait_for(|stalls| !stalls).await.map(drop).unwrap_or_default();
        if self.refuses.load(Ordering::SeqCst) {
            return Err(ShelfError("the disk is full".to_owned()));
        }
        Ok(self.locked())
    }
}

#[async_trait]
impl Shelf for MemoryShelf {
    async fn get(&self, key: &str) -> Result<Option<String>, ShelfError> {
        Ok(self.open().await?.get(key).cloned())
    }

    async fn put(&self, key: &str, value: &str) -> Result<(), ShelfError> {
        self.open().await?.insert(key.to_owned(), value.to_owned());
        self.writes.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    async fn put_new(&self, key: &str, value: &str) -> Result<bool, ShelfError> {
        let mut rows = self.open().await?;
        if rows.contains_key(key) {
            return Ok(false);
        }
        rows.insert(key.to_owned(), value.to_owned());
        self.writes.fetch_add(1, Ordering::SeqCst);
        Ok(true)
    }

    async fn remove(&self, key: &str) -> Result<(), ShelfError> {
        self.open().await?.remove(key);
        Ok(())
    }

    async fn scan(&self, prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<(String, String)>, ShelfError> {
        drop(self.open().await?);
        let rows = self.rows(prefix).into_iter().filter(|(key, _)| after.is_none_or(|after| key.as_str() > after));
        Ok(rows.take(limit as usize).collect())
    }
}
