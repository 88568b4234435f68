//! What stands around the ears in their tests: a shelf in memory, a clock, an inbox, and a Discord of a few lines.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use wilco_core::Shelf;
use wilco_core::shelf::ShelfError;

/// A shelf in memory that can be told to refuse.
#[derive(Default)]
pub(crate) struct MemoryShelf {
    pub(crate) rows: Mutex<BTreeMap<String, String>>,
    refuses: AtomicBool,
}

impl MemoryShelf {
    pub(crate) fn fail(&self, refuses: bool) {
        self.refuses.store(refuses, Ordering::SeqCst);
    }

    fn open(&self) -> Result<(), ShelfError> {
        if self.refuses.load(Ordering::SeqCst) { Err(ShelfError("the disk is full".to_owned())) } else { Ok(()) }
    }
}

#[async_trait]
impl Shelf for MemoryShelf {
    async fn get(&self, key: &str) -> Result<Option<String>, ShelfError> {
        self.open()?;
        Ok(self.rows.lock().unwrap().get(key).cloned())
    }

    async fn put(&self, key: &str, value: &str) -> Result<(), ShelfError> {
        self.open()?;
        self.rows.lock().unwrap().insert(key.to_owned(), value.to_owned());
        Ok(())
    }

    async fn put_new(&self, key: &str, value: &str) -> Result<bool, ShelfError> {
        self.open()?;
        let mut rows = self.rows.lock().unwrap();
        let new = !rows.contains_key(key);
        if new {
            rows.insert(key.to_owned(), value.to_owned());
        }
        Ok(new)
    }

    async fn remove(&self, key: &str) -> Result<(), ShelfError> {
        self.open()?;
        self.rows.lock().unwrap().remove(key);
        Ok(())
    }

    async fn scan(&self, prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<(String, String)>, ShelfError> {
        self.open()?;
        let rows = self.rows.lock().unwrap();
        let fits = |key: &str| key.starts_with(prefix) && after.is_none_or(|after| key > after);
        let found = rows.iter().filter(|(key, _)| fits(key)).take(limit as usize);
        Ok(found.map(|(key, value)| (key.clone(), value.clone())).collect())
    }
}
