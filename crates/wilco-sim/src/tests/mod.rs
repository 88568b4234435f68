//! The crate's tests. Whatever can run over both transports does.

mod faults;
mod people;
mod rules;
mod transcript;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use wilco_core::{
    AccountId, Address, Body, Clock, DeliveryKey, DeliveryOutcome, Envelope, EnvelopeKind, MessageRef, Messaging,
    Person, WorkerId,
};

use crate::clock::HandClock;
use crate::{Platform, Profile, Remote, Scripted, server};

/// A platform, its clock, and an adapter that speaks to it.
struct World {
    clock: Arc<HandClock>,
    platform: Platform,
    adapter: Arc<dyn Messaging>,
    transport: &'static str,
}

const TRANSPORTS: [&str; 2] = ["in process", "http"];
impl World {
    async fn new(transport: &'static str, profile: Profile) -> Self {
        let clock = HandClock::new();
        let platform = Platform::new(profile, Arc::clone(&clock) as Arc<dyn Clock>);
        let adapter: Arc<dyn Messaging> = if transport == "http" {
            let address = server::spawn(platform.clone()).await.unwrap();
            Arc::new(Remote::new(&format!("http://{address}"), "sim", profile.limits(), clock.clone()).unwrap())
        } else {
            Arc::new(Scripted::new(&platform, "sim"))
        };
        Self { clock, platform, adapter, transport }
    }

    async fn post(&self, kind: EnvelopeKind, key: &str, text: &str) -> DeliveryOutcome {
        self.adapter.post(&envelope(kind, key, text)).await
    }

    async fn posted(&self, kind: EnvelopeKind, key: &str, text: &str) -> MessageRef {
        surfaced(self.post(kind, key, text).await)
    }

    fn texts(&self) -> Vec<String> {
        self.platform.snapshot().messages.iter().map(|message| message.shown().text.clone()).collect()
    }
}

fn surfaced(outcome: DeliveryOutcome) -> MessageRef {
    match outcome {
        DeliveryOutcome::Surfaced(message) => message,
        DeliveryOutcome::NotSurfaced(reason) => panic!("{reason:?}"),
    }
}

fn code(outcome: &DeliveryOutcome) -> &str {
    outcome.cause().map(|cause| cause.code.as_str()).unwrap_or_default()
}

fn account() -> AccountId {
    AccountId::new("sim")
}

fn ops() -> Address {
    Address::channel("sim", "ops")
}

fn ana() -> Person {
    Person::new("u1", "ana")
}

fn worker() -> WorkerId {
    WorkerId::new("w1")
}

fn envelope(kind: EnvelopeKind, key: &str, text: &str) -> Envelope {
    Envelope {
        address: ops(),
        kind,
        body: Body::text(text),
        receipt: None,
        worker: Some(worker()),
        key: DeliveryKey::new(key),
        reply_to: None,
    }
}
