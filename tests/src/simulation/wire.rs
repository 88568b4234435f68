//! The adapter of one simulated process: the scripted platform, behind a wire on which anything may happen.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use futures::poll;
use tokio_util::sync::CancellationToken;
use wilco_core::{
    AccountId, Address, Clock, DeliveryOutcome, Envelope, EnvelopeKind, Found, Inbox, Limits, ListenEnd, MessageRef,
    Messaging, ReceiptId, StatusUpdate, Timestamp,
};
use wilco_sim::{Draw, Fault, Platform, Rule, Scripted, Verb};

use super::doom;
use super::late::Echo;
use super::schedule::{CallFault, Faults};
use crate::clock::VirtualClock;

/// What goes wrong with calls, whichever process makes them.
#[derive(Clone)]
pub(super) struct Weather(Arc<Mutex<Sky>>);

struct Sky {
    faults: Faults,
    draw: Draw,
    calls: u64,
    taken: Vec<CallFault>,
    /// Until when the question whether an address still stands is answered late.
    slow_probes: Duration,
}

impl Weather {
    pub(super) fn new(faults: Faults, draw: Draw) -> Self {
        Self(Arc::new(Mutex::new(Sky { faults, draw, calls: 0, taken: Vec::new(), slow_probes: Duration::ZERO })))
    }

    fn with<T>(&self, change: impl FnOnce(&mut Sky) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on nothing goes wrong.
    pub(super) fn clears(&self) {
        self.with(|sky| sky.faults = Faults::Listed(Vec::new()));
    }

    /// What went wrong so far.
    pub(super) fn taken(&self) -> Vec<CallFault> {
        self.with(|sky| sky.taken.clone())
    }

    /// Until then, whoever asks whether an address still stands waits for the answer.
    pub(super) fn slows_probes(&self, until: Duration) {
        self.with(|sky| sky.slow_probes = sky.slow_probes.max(until));
    }

    fn slow_probes(&self) -> Duration {
        self.with(|sky| sky.slow_probes)
    }

    /// The number of a call that begins, from 1.
    fn number(&self) -> u64 {
        self.with(|sky| {
            sky.calls += 1;
            sky.calls
        })
    }

    fn meets(&self, call: u64, verb: Verb) -> Option<Fault> {
        self.with(|sky| {
            let fault = match &sky.faults {
                Faults::Drawn(rates) => {
                    let mut dice = sky.draw.below(1_000);
                    let hit = rates.iter().find(|(rate, _)| {
                        let rate = u64::from(*rate);
                        let hit = dice < rate;
                        dice = dice.saturating_sub(rate);
                        hit
                    });
                    hit.map(|(_, fault)| fault.clone())
                }
                Faults::Listed(list) => list.iter().find(|one| one.call == call).map(|one| one.fault.clone()),
            }?;
            sky.taken.push(CallFault { call, verb, fault: fault.clone() });
            Some(fault)
        })
    }

    /// What was meant for this call could not happen to it.
    fn withdraws(&self, call: u64) {
        self.with(|sky| sky.taken.retain(|one| one.call != call));
    }
}

/// The adapter of one process. After its process has died, no call of it leaves any more.
pub(super) struct Wire {
    pub(super) inner: Scripted,
    pub(super) cut: CancellationToken,
    pub(super) weather: Weather,
    pub(super) echo: Arc<Echo>,
    pub(super) clock: VirtualClock,
}

/// What a call is about.
struct About<'a> {
    verb: Verb,
    address: &'a Address,
    message: Option<&'a MessageRef>,
    receipt: Option<&'a ReceiptId>,
    kind: Option<EnvelopeKind>,
}

impl<'a> About<'a> {
    fn new(verb: Verb, address: &'a Address) -> Self {
        Self { verb, address, message: None, receipt: None, kind: None }
    }
}

impl Wire {
    fn platform(&self) -> &Platform {
        self.inner.platform()
    }

    async fn alive(&self) {
        if self.cut.is_cancelled() {
            std::future::pending::<()>().await;
        }
    }

    async fn call<T>(&self, about: About<'_>, call: impl Future<Output = T>) -> T {
        let About { verb, address, message, receipt, kind } = about;
        self.alive().await;
        doom::pass("call.before");
        self.alive().await;
        doom::call_begins(verb, kind);
        let number = self.weather.number();
        if let Some(receipt) = receipt {
            self.echo.speaks(number, verb, receipt, self.clock.now()).await;
            self.alive().await;
        }
        if let Some(fault) = self.weather.meets(number, verb)
            && !self.happens(fault, verb, address, message)
        {
            self.weather.withdraws(number);
        }
        // The platform decides at once what becomes of a call, however late its answer comes.
        let mut call = pin!(call);
        let first = poll!(call.as_mut());
        if !self.platform().faults_left().is_empty() {
            self.weather.withdraws(number);
            self.platform().calm();
        }
        let answer = match first {
            Poll::Ready(answer) => answer,
            Poll::Pending => call.await,
        };
        doom::pass("call.after");
        self.alive().await;
        answer
    }

    /// A fault befalls the call that begins now; some of them befall the world. Answers whether it can.
    fn happens(&self, fault: Fault, verb: Verb, address: &Address, message: Option<&MessageRef>) -> bool {
        match fault {
            // A chat that has moved stays moved.
            Fault::Moved { .. } => {
                let to = Address { channel: format!("{}-moved", address.channel), ..address.clone() };
                self.platform().move_chat(address, &to);
                true
            }
            // A place that is gone stays gone.
            Fault::Gone => {
                self.platform().remove(address);
                true
            }
            // A message that cannot be edited any more is one that somebody has removed.
            Fault::NotEditable => message.is_some_and(|message| self.platform().delete(&message.message).is_ok()),
            Fault::RetryAfter { .. }
            | Fault::Hang { .. }
            | Fault::Dropped
            | Fault::Lost
            | Fault::LateApply { .. }
            | Fault::ServerError { .. }
            | Fault::HalfAnswer
            | Fault::Reshape
            | Fault::StopAccount
            | Fault::Bug => {
                self.platform().fault(Rule::new(fault).on(verb));
                true
            }
        }
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
        let (receipt, kind) = (envelope.receipt.as_ref(), Some(envelope.kind));
        let about = About { receipt, kind, ..About::new(Verb::Post, &envelope.address) };
        self.call(about, self.inner.post(envelope)).await
    }

    async fn edit(&self, message: &MessageRef, envelope: &Envelope) -> DeliveryOutcome {
        let (receipt, kind) = (envelope.receipt.as_ref(), Some(envelope.kind));
        let about = About { message: Some(message), receipt, kind, ..About::new(Verb::Edit, &message.address) };
        self.call(about, self.inner.edit(message, envelope)).await
    }

    async fn find(&self, envelope: &Envelope, since: Timestamp) -> Found {
        self.call(About::new(Verb::Find, &envelope.address), self.inner.find(envelope, since)).await
    }

    async fn probe(&self, address: &Address) -> DeliveryOutcome {
        let answered = async {
            self.clock.sleep_until(self.weather.slow_probes()).await;
            self.inner.probe(address).await
        };
        self.call(About::new(Verb::Probe, address), answered).await
    }

    async fn status(&self, address: &Address, update: &StatusUpdate) -> DeliveryOutcome {
        self.call(About::new(Verb::Status, address), self.inner.status(address, update)).await
    }
}
