//! A change of the store as a value.

use async_trait::async_trait;

use super::tx::Tx;
use crate::error::StoreError;

/// One transaction, as a value: it can wait in a queue, share a commit with others, and run again.
///
/// The body may run more than once when a commit fails, so it draws no ids and reads no clock: both
/// are fields that were drawn before. It must not call the engine, which would wait for itself.
/// A query is the same thing, given to [`Engine::read`](super::Engine::read).
#[async_trait]
pub trait Change: Send + Sync + 'static {
    /// What the caller gets when it is committed.
    type Out: Send + 'static;

    /// Its name, for the log.
    fn name(&self) -> &'static str;

    /// Whether it goes before what waits for the writer: what has a time of its own that people watch.
    /// Changes keep their order among those that answer the same.
    fn is_urgent(&self) -> bool {
        false
    }

    /// Loads rows, decides and saves. On an error everything this change did is undone; other
    /// changes that share the commit are not touched by it.
    async fn apply(&self, tx: &mut Tx<'_>) -> Result<Self::Out, StoreError>;
}
