//! A stage's adapter and its clock behind a wire that a crash cuts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use wilco_core::{
    AccountId, Address, Clock, DeliveryOutcome, Envelope, Found, Inbox, Limits, ListenEnd, MessageRef, Messaging,
    StatusUpdate, Timestamp,
};

/// The adapter of one process. After the process has crashed, no call of it leaves any more.
pub(crate) struct Wire {
    pub(crate) inner: Arc<dyn Messaging>,
    pub(crate) cut: CancellationToken,
    /// How many creates still name no message in their answer.
    pub(crate) nameless: Arc<AtomicU32>,
}

impl Wire {
    async fn alive(&self) {
        if self.cut.is_cancelled() {
            std::future::pending::<()>().await;
        }
    }

    /// A call of a process that crashes meanwhile is never answered to it.
    async fn call<T>(&self, call: impl Future<Output = T>) -> T {
        self.alive().await;
        let answer = call.await;
        self.alive().await;
        answer
    }
}

#[async_trait]
impl Messaging for Wire {
    fn account(&self) -> &AccountId {
        self.inner.account()
    }
    fn limits(&self) -> &Limits {
        self.inner.limits()
    }
    async fn listen(&self, inbox: Arc<dyn Inbox>, stop: CancellationToken) -> ListenEnd {
        tokio::select! {
            biased;
            () = self.cut.cancelled() => std::future::pending().await,
            end = self.inner.listen(inbox, stop) => end,
        }
    }
    async fn post(&self, envelope: &Envelope) -> DeliveryOutcome {
        let outcome = self.call(self.inner.post(envelope)).await;
        let fewer = |left: u32| left.checked_sub(1);
        match outcome {
            DeliveryOutcome::Surfaced(message)
                if self.nameless.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fewer).is_ok() =>
            {
                DeliveryOutcome::Surfaced(MessageRef { message: String::new(), ..message })
            }
            other @ (DeliveryOutcome::Surfaced(_) | DeliveryOutcome::NotSurfaced(_)) => other,
        }
    }
    async fn edit(&self, message: &MessageRef, envelope: &Envelope) -> DeliveryOutcome {
        self.call(self.inner.edit(message, envelope)).await
    }
    async fn find(&self, envelope: &Envelope, since: Timestamp) -> Found {
        self.call(self.inner.find(envelope, since)).await
    }
    async fn probe(&self, address: &Address) -> DeliveryOutcome {
        self.call(self.inner.probe(address)).await
    }
    async fn status(&self, address: &Address, update: &StatusUpdate) -> DeliveryOutcome {
        self.call(self.inner.status(address, update)).await
    }
    fn plain_messages(&self) -> u64 {
        self.inner.plain_messages()
    }
}

/// The clock of one process. After the process has crashed, nobody who waits by it wakes.
pub(crate) struct CutClock {
    pub(crate) inner: Arc<dyn Clock>,
    pub(crate) cut: CancellationToken,
}

impl Clock for CutClock {
    fn now(&self) -> Timestamp {
        self.inner.now()
    }

    fn monotonic(&self) -> Duration {
        self.inner.monotonic()
    }

    fn sleep_until(&self, at: Duration) -> BoxFuture<'static, ()> {
        let (sleep, cut) = (self.inner.sleep_until(at), self.cut.clone());
        Box::pin(async move {
            tokio::select! {
                biased;
                () = cut.cancelled() => std::future::pending().await,
                () = sleep => {}
            }
        })
    }
}
