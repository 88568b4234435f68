//! The platform's adapter over HTTP, as sound as a real one has to be.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use wilco_core::schedule::REQUEST_LIMIT;
use wilco_core::{
    Accepted, AccountId, Address, Cause, Clock, DeliveryOutcome, Envelope, Found, Inbox, Limits, ListenEnd, MessageRef,
    Messaging, NotSurfaced, Reply, StatusUpdate, Timestamp,
};

use crate::answer::{self, Answer, Doubt, NOT_APPLIED, Wire};
use crate::ears::{self, Line};
use crate::faults::Verb;
use crate::platform::Event;
use crate::request::{Draft, Request};
use crate::scripted::foreign;
use crate::server::{Answered, Noted, Who};

/// How long a connection may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How long the server may hold a request for events, and how much longer the client waits for it.
const POLL: Duration = Duration::from_secs(10);
const POLL_SLACK: Duration = Duration::from_secs(5);

/// `Messaging` over a platform in another process.
#[derive(Clone)]
pub struct Remote {
    base: String,
    account: AccountId,
    limits: Limits,
    clock: Arc<dyn Clock>,
    client: reqwest::Client,
    request_limit: Duration,
}

impl Remote {
    /// An adapter for one account at `base_url`, such as `http://127.0.0.1:7700`. The clock only
    /// decides when a slow store is made known; requests have the HTTP client's own limits.
    ///
    /// # Errors
    /// A cause when the HTTP client cannot be built.
    pub fn new(
        base_url: &str,
        account: impl Into<AccountId>,
        limits: Limits,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Cause> {
        let client = client().map_err(|error| Cause::new("client", error.to_string()))?;
        let base = base_url.trim_end_matches('/').to_owned();
        Ok(Self { base, account: account.into(), limits, clock, client, request_limit: REQUEST_LIMIT })
    }

    /// The same with another bound for one call; 15 s by default.
    #[must_use]
    pub fn with_request_limit(mut self, limit: Duration) -> Self {
        self.request_limit = limit;
        self
    }

    async fn call(&self, request: Request) -> Result<Answer, Doubt> {
        if request.address().account != self.account {
            return Ok(Answer::Malformed(foreign(&self.account, request.address())));
        }
        let url = format!("{}/call/{}", self.base, request.verb().name());
        let sent = self.client.post(url).timeout(self.request_limit).json(&request).send().await;
        let response = match sent {
            Ok(response) => response,
            Err(error) => return answer::read(broken(error)),
        };
        let status = response.status().as_u16();
        let not_applied = response.headers().contains_key(NOT_APPLIED);
        match response.bytes().await {
            Ok(body) => answer::read(Wire::Http { status, not_applied, body: &body }),
            // The head arrived, so the request did, too: a broken body is never a broken connection.
            Err(error) if error.is_timeout() => answer::read(Wire::TimedOut),
            Err(error) => answer::read(Wire::Broken(error.without_url().to_string())),
        }
    }

    async fn tell<T: Serialize + Sync>(&self, path: &str, body: &T) -> Result<(), ListenEnd> {
        let url = format!("{}{path}", self.base);
        let sent = self.client.post(url).timeout(self.request_limit).json(body).send().await;
        sent.and_then(reqwest::Response::error_for_status).map(|_| ()).map_err(lost)
    }
}

pub(crate) fn client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder().connect_timeout(CONNECT_LIMIT).no_proxy().build()
}

/// A request that brought no head of an answer. Only a connection that was never made is certain.
fn broken(error: reqwest::Error) -> Wire<'static> {
    let (connect, timeout) = (error.is_connect(), error.is_timeout());
    let text = error.without_url().to_string();
    match (connect, timeout) {
        (true, _) => Wire::NoConnection(text),
        (false, true) => Wire::TimedOut,
        (false, false) => Wire::Broken(text),
    }
}

fn lost(error: reqwest::Error) -> ListenEnd {
    ListenEnd::Lost(Cause::new("connection", error.without_url().to_string()))
}

#[async_trait]
impl Messaging for Remote {
    fn account(&self) -> &AccountId {
        &self.account
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    async fn listen(&self, inbox: Arc<dyn Inbox>, stop: CancellationToken) -> ListenEnd {
        ears::listen(self, &self.account, self.clock.as_ref(), &inbox, &stop).await
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
}

#[async_trait]
impl Line for Remote {
    async fn open(&self) -> Result<(), ListenEnd> {
        self.tell("/session", &Who { account: self.account.clone() }).await
    }

    async fn next(&self) -> Result<Vec<Event>, ListenEnd> {
        loop {
            let request = self.client.get(format!("{}/events", self.base)).timeout(POLL + POLL_SLACK);
            let wait_ms = POLL.as_millis().to_string();
            let sent = request
                .query(&[("account", self.account.as_str()), ("wait_ms", &wait_ms)])
                .send()
                .await
                .map_err(lost)?;
            if sent.status() == reqwest::StatusCode::UNAUTHORIZED {
                return Err(ListenEnd::NeedsPerson(Cause::new("401", "the platform refuses the credentials")));
            }
            let events: Vec<Event> = sent.error_for_status().map_err(lost)?.json().await.map_err(lost)?;
            if !events.is_empty() {
                return Ok(events);
            }
        }
    }

    async fn answer(&self, event: &Event, accepted: &Accepted) -> Result<(), ListenEnd> {
        self.tell("/answer", &Answered { event: event.clone(), accepted: accepted.clone() }).await
    }

    async fn note(&self, event: &Event, reply: &Reply) -> Result<(), ListenEnd> {
        self.tell("/note", &Noted { event: event.clone(), reply: reply.clone() }).await
    }
}
