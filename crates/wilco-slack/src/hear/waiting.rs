//! How much is on its way.

use std::sync::Arc;

use tokio::sync::watch;

/// A count that can be waited for.
#[derive(Clone, Debug)]
pub(crate) struct Waiting(Arc<watch::Sender<usize>>);

impl Default for Waiting {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }
}

impl Waiting {
    /// Counts one until it is dropped.
    pub(crate) fn one_more(&self) -> OneWaits {
        self.0.send_modify(|count| *count += 1);
        OneWaits(self.clone())
    }

    /// The same, where there are fewer than so many.
    pub(crate) fn one_below(&self, most: usize) -> Option<OneWaits> {
        let has_room = self.0.send_if_modified(|count| {
            let room = *count < most;
            *count += usize::from(room);
            room
        });
        has_room.then(|| OneWaits(self.clone()))
    }

    /// Whether there is none.
    pub(crate) fn is_none(&self) -> bool {
        *self.0.borrow() == 0
    }

    /// Resolves when there is none.
    pub(crate) async fn until_none(&self) {
        // Only a dropped sender could be an error, and this holds it.
        self.0.subscribe().wait_for(|count| *count == 0).await.map(drop).unwrap_or_default();
    }

    /// Resolves when there are fewer than so many.
    pub(crate) async fn until_below(&self, most: usize) {
        self.0.subscribe().wait_for(|count| *count < most).await.map(drop).unwrap_or_default();
    }
}

/// One that is on its way.
#[derive(Debug)]
pub(crate) struct OneWaits(Waiting);

impl Drop for OneWaits {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_count_is_bounded_and_comes_back() {
        let waiting = Waiting::default();
        let (one, two) = (waiting.one_below(2).unwrap(), waiting.one_below(2).unwrap());
        assert!(waiting.one_below(2).is_none() && !waiting.is_none());
        drop(one);
        waiting.until_below(2).await;
        let three = waiting.one_below(2);
        assert!(three.is_some());
        drop((two, three));
        waiting.until_none().await;
        assert!(waiting.is_none());
    }
}
