//! The platform's adapter without a wire: everything happens in the call, in one order.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use wilco_core::{
    Accepted, AccountId, Address, Cause, DeliveryOutcome, Envelope, Found, Inbox, Limits, ListenEnd, MessageRef,
    Messaging, NotSurfaced, Reply, StatusUpdate, Timestamp,
};

use crate::answer::{self, Answer, Doubt};
use crate::ears::{self, BATCH, Line};
use crate::faults::Verb;
use crate::platform::{Event, Platform};
use crate::request::{Draft, Request};

/// `Messaging` over a [`Platform`] in the same process: no thread, no socket, and no waiting except
/// through the platform's clock. Several may speak to one platform, one for each account.
#[derive(Clone, Debug)]
pub struct Scripted {
    platform: Platform,
    account: AccountId,
    limits: Limits,
    request_limit: Option<Duration>,
}

impl Scripted {
    /// An adapter for one account with the platform's own measures. A call that hangs never returns,
    /// so the caller's own limit has to fire.
    pub fn new(platform: &Platform, account: impl Into<AccountId>) -> Self {
        Self { platform: platform.clone(), account: account.into(), limits: *platform.limits(), request_limit: None }
    }

    /// The same with measures that differ from the platform's, as when an adapter believes less.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The same with a time limit of its own, as an HTTP client has one: a call that hangs is then
    /// ambiguous after that long on the platform's clock.
    #[must_use]
    pub fn with_request_limit(mut self, limit: Duration) -> Self {
        self.request_limit = Some(limit);
        self
    }

    /// The platform it speaks to.
    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    async fn call(&self, request: Request) -> Result<Answer, Doubt> {
        if request.address().account != self.account {
            return Ok(Answer::Malformed(foreign(&self.account, request.address())));
        }
        match self.platform.call(request).received() {
            Some(received) => received,
            None => self.held().await,
        }
    }

    async fn held(&self) -> Result<Answer, Doubt> {
        let clock = self.platform.clock();
        match self.request_limit {
            Some(limit) => clock.sleep_until(clock.monotonic() + limit).await,
            None => futures::future::pending().await,
        }
        Err(Doubt::Unclear(Cause::new("timeout", "no answer within the request limit")))
    }
}

/// Why an address of another account is refused before anything is sent.
pub(crate) fn foreign(account: &AccountId, address: &Address) -> Cause {
    Cause::new("foreign_address", format!("{address} does not belong to {account}"))
}

#[async_trait]
impl Messaging for Scripted {
    fn account(&self) -> &AccountId {
        &self.account
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    async fn listen(&self, inbox: Arc<dyn Inbox>, stop: CancellationToken) -> ListenEnd {
        ears::listen(self, &self.account, self.platform.clock().as_ref(), &inbox, &stop).await
    }

    async fn post(&self, envelope: &Envelope) -> DeliveryOutcome {
        match Draft::of(envelope) {
            Ok(draft) => answer::outcome(Verb::Post, self.call(Request::Post { draft }).await),
            Err(cause) => NotSurfaced::Bug(cause).into(),
        }
    }

    async fn edit(&self, message: &MessageRef, envelope: &Envelope) -> DeliveryOutcome {
        match Draft::of(envelope) {
            Ok(draft) => {
                answer::outcome(Verb::Edit, self.call(Request::Edit { message: message.clone(), draft }).await)
            }
            Err(cause) => NotSurfaced::Bug(cause).into(),
        }
    }

    async fn find(&self, envelope: &Envelope, since: Timestamp) -> Found {
        let request = Request::Find { address: envelope.address.clone(), key: envelope.key.clone(), since };
        answer::found(self.call(request).await)
    }

    async fn probe(&self, address: &Address) -> DeliveryOutcome {
        answer::outcome(Verb::Probe, self.call(Request::Probe { address: address.clone() }).await)
    }

    async fn status(&self, address: &Address, update: &StatusUpdate) -> DeliveryOutcome {
        let request = Request::Status { address: address.clone(), sign: update.into() };
        answer::outcome(Verb::Status, self.call(request).await)
    }

    fn plain_messages(&self) -> u64 {
        self.platform.plain_messages(&self.account)
    }
}

#[async_trait]
impl Line for Scripted {
    async fn open(&self) -> Result<(), ListenEnd> {
        self.platform.open_session(&self.account);
        Ok(())
    }

    async fn next(&self) -> Result<Vec<Event>, ListenEnd> {
        self.platform.next_events(&self.account, BATCH).await
    }

    async fn answer(&self, event: &Event, accepted: &Accepted) -> Result<(), ListenEnd> {
        self.platform.answer_event(event, accepted);
        Ok(())
    }

    async fn note(&self, event: &Event, reply: &Reply) -> Result<(), ListenEnd> {
        self.platform.note_event(event, reply);
        Ok(())
    }
}
