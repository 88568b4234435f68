//! The small drawer that an adapter may keep across restarts.

use async_trait::async_trait;

/// The store could not do it; nothing was changed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the store did not take it: {0}")]
pub struct ShelfError(pub String);

/// Keys and values of one account: a poll offset, an IDENTIFY budget, the messages of the web chat.
/// The only storage that an adapter sees. Each call is one transaction.
#[async_trait]
pub trait Shelf: Send + Sync {
    /// The value under a key.
    async fn get(&self, key: &str) -> Result<Option<String>, ShelfError>;

    /// Sets a value, replacing an earlier one.
    async fn put(&self, key: &str, value: &str) -> Result<(), ShelfError>;

    /// Sets a value only where there is none; answers whether it did.
    async fn put_new(&self, key: &str, value: &str) -> Result<bool, ShelfError>;

    /// Removes a key; one that is absent is fine.
    async fn remove(&self, key: &str) -> Result<(), ShelfError>;

    /// At most `limit` entries whose key begins with `prefix`, in the order of their keys, those
    /// after `after` only.
    async fn scan(&self, prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<(String, String)>, ShelfError>;
}
