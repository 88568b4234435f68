//! The whole movement as one handle: recovery, the loop, the listeners, the desk.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wilco_core::settings::Settings;
use wilco_core::{AccountId, Inbox};
use wilco_store::StoreError;
use wilco_store::changes::{Recover, Recovered, ResumeAccounts, Risen};

use crate::channel_loop::{self, ChannelLoop};
use crate::connections::Connections;
use crate::desk::LoopDesk;
use crate::event::Event;
use crate::intake::{BATCHES, Door};
use crate::shared::{Parts, Shared};

/// How long the listeners may take to end; what they were told and the store has taken is answered by then.
const LISTENERS_LIMIT: Duration = Duration::from_secs(3);

/// A running bot. Dropping the handle does not stop it; [`Bot::drain`] does.
pub struct Bot {
    shared: Shared,
    events: mpsc::UnboundedSender<Event>,
    connections: Arc<Connections>,
    inbox: Arc<Door>,
    listening: CancellationToken,
    loop_task: JoinHandle<()>,
    in_order: Option<bool>,
    listeners: Vec<JoinHandle<()>>,
}

impl Bot {
    /// Recovers what an earlier process has left behind, then serves.
    ///
    /// `alone` says that the store's lock is held, so that every other instance is known to be dead.
    ///
    /// # Errors
    /// When the store cannot be recovered; nothing has been started then.
    pub async fn start(parts: Parts, alone: bool) -> Result<Self, StoreError> {
        let shared = Shared::new(parts);
        let recovered = recover(&shared, alone).await?;
        shared.read_grants().await?;
        if recovered != Recovered::default() {
            tracing::warn!(
                rerun = recovered.rerun,
                ended = recovered.ended,
                in_doubt = recovered.in_doubt,
                released = recovered.released,
                "took over what an earlier process had left"
            );
        }
        let (events, woken) = mpsc::unbounded_channel();
        let places = Arc::new(tokio::sync::Semaphore::new(BATCHES));
        let channel_loop = ChannelLoop::new(shared.clone(), events.clone(), woken, Arc::clone(&places));
        let loop_task = tokio::spawn(channel_loop.run());
        let inbox = Arc::new(Door { events: events.clone(), places });
        let connections = Arc::new(Connections::default());
        let listening = CancellationToken::new();
        let listeners = shared
            .adapters()
            .map(|adapter| {
                tokio::spawn(channel_loop::listen(
                    Arc::clone(adapter),
                    Arc::clone(&inbox) as Arc<dyn Inbox>,
                    Arc::clone(shared.clock()),
                    Arc::clone(&connections),
                    listening.clone(),
                ))
            })
            .collect();
        Ok(Self { shared, events, connections, inbox, listening, loop_task, in_order: None, listeners })
    }

    /// Whether somebody can be owner on a connection, by a configured rule or by pairing.
    pub fn has_owner(&self, account: &AccountId) -> bool {
        self.shared.has_owner(account)
    }

    /// The door for events that no adapter brings.
    pub fn inbox(&self) -> Arc<dyn Inbox> {
        Arc::clone(&self.inbox) as Arc<dyn Inbox>
    }

    /// The desk for people who look or act.
    pub fn desk(&self) -> Arc<LoopDesk> {
        Arc::new(LoopDesk::new(self.shared.clone(), self.events.clone(), Arc::clone(&self.connections), self.inbox()))
    }

    /// Replaces the settings: the next contract and the next tick see them.
    pub fn set_settings(&self, settings: Settings) {
        // A loop that has ended reads no settings any more.
        drop(self.events.send(Event::Settings(Arc::new(settings))));
    }

    /// Takes no new work and waits for what runs, at most [`channel_loop::DRAIN_LIMIT`], then stops it.
    /// Ends when everything that was due has been sent or had a few seconds for it.
    /// Answers whether the loop ended in order.
    pub async fn drain(self) -> bool {
        self.begin_drain();
        self.finish().await
    }

    /// As [`Bot::drain`], for callers that keep the handle to press a second time.
    pub fn begin_drain(&self) {
        drop(self.events.send(Event::Drain));
    }

    /// Stops what still runs at once; for the second Ctrl-C.
    pub fn stop_now(&self) {
        drop(self.events.send(Event::DrainNow));
    }

    /// Resolves when the loop has ended; answers whether it ended in order. May be asked again, and
    /// may be dropped while it waits.
    pub async fn ended(&mut self) -> bool {
        if let Some(in_order) = self.in_order {
            return in_order;
        }
        let in_order = match (&mut self.loop_task).await {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(%error, "the loop broke down; everything accepted is stored and goes on after a restart");
                false
            }
        };
        *self.in_order.insert(in_order)
    }

    /// Waits for the end of the loop and of the listeners; answers whether it ended in order.
    pub async fn finish(mut self) -> bool {
        let in_order = self.ended().await;
        self.listening.cancel();
        let clock = self.shared.clock();
        let limit = clock.monotonic() + LISTENERS_LIMIT;
        for mut listener in self.listeners {
            tokio::select! {
                biased;
                ended = &mut listener => if let Err(error) = ended {
                    tracing::error!(%error, "a listener broke down");
                },
                // It waits for the answer to what somebody said, and the store gives none. Its platform says it again.
                () = clock.sleep_until(limit) => listener.abort(),
            }
        }
        in_order
    }
}

async fn recover(shared: &Shared, alone: bool) -> Result<Recovered, StoreError> {
    let now = shared.now();
    let wall = shared.clock().now();
    shared.store().write(ResumeAccounts { now }).await?;
    shared.store().write(Risen { wall }).await?;
    let change =
        Recover { owner: shared.owner(), alone, now, wall, platforms: shared.platforms(), fresh: shared.fresh() };
    shared.store().write(change).await
}
