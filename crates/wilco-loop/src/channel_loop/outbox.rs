//! What has to become visible: acknowledgements, questions, results, pings. Progress has its own way
//! and its own, smaller share of the calls, so that it can never hold these up.

use wilco_core::WorkerId;
use wilco_core::receipt::{Attempt, ReceiptKind};
use wilco_store::StoreError;
use wilco_store::changes::{ClaimDue, Claimed, Settled};
use wilco_store::reads::{NextDue, Wake};

use super::timers::Timer;
use super::{ChannelLoop, Flight, STORE_PAUSE};
use crate::delivery;
use crate::event::Event;

/// How many deliveries may be under way at once: more than all open jobs of a busy channel together
/// (a channel that hangs keeps each of its calls for 15 s), few enough for the sockets of a process.
const DELIVERIES: u32 = 256;
/// How many one claim takes, so that its transaction stays short.
const CLAIM: u32 = 64;

#[derive(Debug, Default)]
pub(crate) struct Outbox {
    claiming: Flight,
    in_flight: u32,
}

impl Outbox {
    pub(crate) fn is_idle(&self) -> bool {
        !self.claiming.busy && self.in_flight == 0
    }
}

impl ChannelLoop {
    /// Claims what is due, if there is room.
    pub(super) fn poke_outbox(&mut self) {
        let room = DELIVERIES.saturating_sub(self.outbox.in_flight);
        if room == 0 || !self.outbox.claiming.start() {
            return;
        }
        let store = self.shared.store().clone();
        let change = ClaimDue {
            owner: self.shared.owner(),
            now: self.now(),
            limit: room.min(CLAIM),
            platforms: self.shared.platforms(),
        };
        self.hand(async move { store.write(change).await }, Event::Claimed);
    }

    pub(super) fn on_claimed(&mut self, claimed: Result<Claimed, StoreError>) {
        let again = self.outbox.claiming.end();
        let Claimed { claims, more } = match claimed {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::error!(%error, "the outbox waits for the store");
                self.timers.set(Timer::Outbox, self.now().plus(STORE_PAUSE));
                return;
            }
        };
        for claim in claims {
            self.outbox.in_flight += 1;
            let worker = claim.worker.clone();
            let stub = claim.facts.kind == ReceiptKind::Stub && claim.attempt() == Attempt::Post;
            let shared = self.shared.clone();
            let short = claim.short.clone();
            self.hand(
                async move {
                    let answer = delivery::deliver(shared.clone(), claim).await;
                    shared.notify(&worker, &short);
                    (worker, answer)
                },
                move |(worker, answer)| Event::Settled { worker, stub, answer },
            );
        }
        if more || again {
            self.poke_outbox();
        } else {
            self.look_due();
        }
    }

    pub(super) fn on_settled(&mut self, worker: &WorkerId, stub: bool, answer: Result<Settled, StoreError>) {
        self.outbox.in_flight = self.outbox.in_flight.saturating_sub(1);
        match answer {
            Ok(Settled::Surfaced) if stub => self.edit_due(worker),
            Ok(
                Settled::Surfaced
                | Settled::RetryScheduled { .. }
                | Settled::Rerouted
                | Settled::FailedForGood(_)
                | Settled::Superseded,
            ) => {}
            Err(error) => {
                tracing::error!(worker_id = %worker, %error, "a delivery could not be settled; the next start takes it up as one in doubt");
            }
        }
        // What waited for this one may be due now.
        self.poke_outbox();
    }

    /// Asks when something is due next.
    pub(super) fn look_due(&mut self) {
        if self.due_look.start() {
            let store = self.shared.store().clone();
            self.hand(async move { store.read(NextDue).await }, Event::NextDue);
        }
    }

    pub(super) fn on_next_due(&mut self, wake: Result<Wake, StoreError>) {
        let again = self.due_look.end();
        match wake {
            Ok(wake) => {
                if let Some(at) = wake.outbox {
                    self.timers.set(Timer::Outbox, at);
                }
                if let Some(at) = wake.followup {
                    self.followup_due(at);
                }
                if let Some(at) = wake.claim {
                    self.timers.set(Timer::Followups, at);
                }
                // One that a look has seen already waits for a slot, and is begun as soon as there is one.
                if let Some(at) = wake.begin.filter(|at| *at > self.begun_at) {
                    self.timers.set(Timer::Begin, at);
                }
                // One that has passed already is being judged; the next tick looks at it again.
                if let Some(at) = wake.watch.filter(|at| *at > self.now()) {
                    self.timers.set(Timer::Tick, at);
                }
            }
            Err(error) => {
                tracing::debug!(%error, "the store did not say what is due next");
                self.timers.set(Timer::Outbox, self.now().plus(STORE_PAUSE));
            }
        }
        if again {
            self.look_due();
        }
    }
}
