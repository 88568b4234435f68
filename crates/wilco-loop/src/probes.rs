//! Asking platforms whether the addresses of follow-ups still stand. A platform that does not answer costs
//! only its own follow-ups a moment, and nobody else anything (requirement F14).
//!
//! What is kept here is a handle to what happens now, not a fact: who is being asked, and who did not answer.
//! Whom nobody may call, because a platform asked for silence or refused its account, is a fact of the store:
//! it is read before each probe, and written when a probe is told so.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{self, BoxFuture};
use tokio::sync::Semaphore;
use wilco_core::schedule::REQUEST_LIMIT;
use wilco_core::time::{Clock, Steady};
use wilco_core::{AccountId, Address, Cause, DeliveryOutcome, Messaging, NotSurfaced, Timestamp};
use wilco_store::Store;
use wilco_store::changes::{MayCall, Probed};

use crate::channel_loop::STORE_PAUSE;
use crate::shared::Shared;

/// How long a probe may take. Much less than other calls: no answer counts as "it stands", and what is due
/// waits for it.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);
/// How long an account that did not answer in time is not asked. After that one probe tries it.
const SILENCE: Duration = Duration::from_secs(30);
/// How many probes of one account may be under way; the others wait in line for as long as it answers.
const AT_ONCE: usize = 32;

/// A probe that several may wait for.
type Asked = future::Shared<BoxFuture<'static, Option<DeliveryOutcome>>>;

/// The probes of a process.
#[derive(Default)]
pub(crate) struct Probes(Mutex<BTreeMap<AccountId, Account>>);

struct Account {
    room: Arc<Semaphore>,
    /// Several follow-ups of one address share one call.
    asked: BTreeMap<Address, Asked>,
    /// Until when, by the monotonic clock, nobody asks.
    silent: Option<Duration>,
}

impl Default for Account {
    fn default() -> Self {
        Self { room: Arc::new(Semaphore::new(AT_ONCE)), asked: BTreeMap::new(), silent: None }
    }
}

impl Probes {
    /// What the platform says of an address; none when it does not answer in time, or did not just before,
    /// and when it may not be asked now.
    pub(crate) async fn ask(
        self: &Arc<Self>,
        shared: &Shared,
        adapter: &Arc<dyn Messaging>,
        address: &Address,
    ) -> Option<DeliveryOutcome> {
        let asked = self.join(shared, adapter, address)?;
        asked.await
    }

    fn join(self: &Arc<Self>, shared: &Shared, adapter: &Arc<dyn Messaging>, address: &Address) -> Option<Asked> {
        let now = shared.clock().monotonic();
        let mut accounts = self.lock();
        let account = accounts.entry(address.account.clone()).or_default();
        if let Some(asked) = account.asked.get(address) {
            return Some(asked.clone());
        }
        let tries = match account.silent {
            Some(until) if now < until => return None,
            Some(_) => {
                // Only this one tries; whoever comes meanwhile does not wait for it.
                account.silent = Some(now + SILENCE);
                true
            }
            None => false,
        };
        let call = Call {
            probes: Arc::downgrade(self),
            store: shared.store().clone(),
            clock: Arc::clone(shared.clock()),
            steady: *shared.steady(),
            adapter: Arc::clone(adapter),
            address: address.clone(),
            room: Arc::clone(&account.room),
            tries,
        };
        let asked = call.run().boxed().shared();
        account.asked.insert(address.clone(), asked.clone());
        Some(asked)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<AccountId, Account>> {
        // Nothing in here can be left half done by a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_silent(&self, account: &AccountId, now: Duration) -> bool {
        self.lock().get(account).and_then(|account| account.silent).is_some_and(|until| now < until)
    }

    fn silence(&self, account: &AccountId, until: Option<Duration>) {
        if let Some(account) = self.lock().get_mut(account) {
            account.silent = until;
        }
    }

    fn forget(&self, address: &Address) {
        if let Some(account) = self.lock().get_mut(&address.account) {
            account.asked.remove(address);
        }
    }
}

/// One probe.
struct Call {
    /// Those hold this call, and a call that held them would keep the store open when they are gone.
    probes: Weak<Probes>,
    store: Store,
    clock: Arc<dyn Clock>,
    steady: Steady,
    adapter: Arc<dyn Messaging>,
    address: Address,
    room: Arc<Semaphore>,
    /// Whether it finds out if an account that was silent answers again.
    tries: bool,
}

impl Call {
    async fn run(self) -> Option<DeliveryOutcome> {
        let outcome = self.answer().await;
        if let Some(probes) = self.probes.upgrade() {
            probes.forget(&self.address);
        }
        outcome
    }

    async fn answer(&self) -> Option<DeliveryOutcome> {
        let account = &self.address.account;
        let line = self.clock.sleep_until(self.clock.monotonic() + REQUEST_LIMIT);
        let room = tokio::select! {
            biased;
            room = self.room.acquire() => room.ok()?,
            () = line => return None,
        };
        // Whoever stood in line behind calls that got no answer would get none either.
        if !self.tries && self.probes.upgrade()?.is_silent(account, self.clock.monotonic()) {
            return None;
        }
        if !self.may_call().await {
            return None;
        }
        let limit = self.clock.sleep_until(self.clock.monotonic() + ANSWER_LIMIT);
        let answer = tokio::select! {
            biased;
            answer = AssertUnwindSafe(self.adapter.probe(&self.address)).catch_unwind() => {
                self.silence(None);
                let broke = || NotSurfaced::Retry(Cause::new("adapter_panicked", "the adapter broke down inside of the call"));
                Some(answer.unwrap_or_else(|_| broke().into()))
            }
            () = limit => {
                self.silence(Some(self.clock.monotonic() + SILENCE));
                let limit_ms = ANSWER_LIMIT.as_millis() as u64;
                tracing::debug!(%account, channel = %self.address, limit_ms, "no answer to a probe; the account is not asked for a while");
                None
            }
        };
        if let Some(DeliveryOutcome::NotSurfaced(reason)) = &answer {
            self.keep(reason).await;
        }
        // The next one in line comes after what is known now.
        drop(room);
        answer
    }

    fn silence(&self, until: Option<Duration>) {
        if let Some(probes) = self.probes.upgrade() {
            probes.silence(&self.address.account, until);
        }
    }

    fn now(&self) -> Timestamp {
        self.steady.now(self.clock.as_ref())
    }

    /// A wait that the platform asked for and a refusal of the account hold for every call, this one included.
    async fn may_call(&self) -> bool {
        let may = self.store.read(MayCall { address: self.address.clone(), now: self.now() }).await;
        let channel = &self.address;
        match may {
            Ok(true) => true,
            Ok(false) => {
                tracing::debug!(%channel, "not probed: the platform asked for silence there, or its account is paused");
                false
            }
            Err(error) => {
                tracing::debug!(%channel, %error, "not probed: the store does not say whether it may be");
                false
            }
        }
    }

    /// What concerns other calls as well is stored before the next one in line is asked.
    async fn keep(&self, reason: &NotSurfaced) {
        keep(&self.store, &self.clock, &self.address, reason, self.now()).await;
    }
}

/// A wait that a platform asked for and a refusal of the account hold for every call: they are stored, whatever the
/// call was for. Any other answer to a probe or a sign changes nothing.
pub(crate) async fn keep(
    store: &Store,
    clock: &Arc<dyn Clock>,
    address: &Address,
    reason: &NotSurfaced,
    now: Timestamp,
) {
    if !matches!(reason, NotSurfaced::RetryAfter { .. } | NotSurfaced::StopAccount(_)) {
        return;
    }
    let change = Probed { address: address.clone(), reason: reason.clone(), now };
    let mut waited = false;
    while let Err(error) = store.write(change.clone()).await {
        // Said once for each outage, not at each attempt (requirement O3).
        if !std::mem::replace(&mut waited, true) {
            tracing::error!(channel = %address, %error, "what a platform asked for cannot be stored");
        }
        if !error.is_transient() {
            return;
        }
        clock.sleep_until(clock.monotonic() + STORE_PAUSE).await;
    }
}
