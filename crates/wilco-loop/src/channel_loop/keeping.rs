//! What the loop does from time to time, whatever people do: it looks what others have changed, and tidies up.

use std::sync::Arc;
use std::time::Duration;

use wilco_core::WorkerId;
use wilco_core::settings::Settings;
use wilco_store::StoreError;
use wilco_store::changes::{OpenGates, Prune, Pruned, ResumeAccounts};
use wilco_store::reads::Stopping;

use super::running::StopReason;
use super::timers::Timer;
use super::{ChannelLoop, PRUNE_EVERY, STORE_PAUSE};
use crate::credentials;
use crate::event::Event;
use crate::shared::Shared;

impl ChannelLoop {
    /// Two looks side by side: a home folder that hangs must not keep a cancel from being noticed.
    pub(super) fn look(&mut self) {
        if self.looking.start() {
            self.hand(look(self.shared.clone()), Event::Looked);
        }
        if self.signing_in.start() {
            self.hand(credentials::reopen(self.shared.clone()), Event::SignedIn);
        }
    }

    pub(super) fn on_looked(&mut self, found: Result<Option<Vec<WorkerId>>, StoreError>) {
        self.looking.end();
        match found {
            Ok(Some(stopping)) => {
                for worker in stopping {
                    self.stop(&worker, StopReason::Cancel);
                }
                self.begin();
                self.poke_outbox();
            }
            Ok(None) => {}
            // The next look is a second away, and says so again only in the debug log.
            Err(error) => tracing::debug!(%error, "the store did not say whether it was changed"),
        }
    }

    pub(super) fn on_signed_in(&mut self, opened: Result<bool, StoreError>) {
        self.signing_in.end();
        match opened {
            Ok(true) => {
                self.begin();
                self.poke_outbox();
            }
            Ok(false) => {}
            // The next look is a second away, and says so again only in the debug log.
            Err(error) => tracing::debug!(%error, "the store did not say which gates are closed"),
        }
    }

    pub(super) fn prune(&mut self) {
        let now = self.now();
        self.timers.set(Timer::Prune, now.plus(PRUNE_EVERY));
        let store = self.shared.store().clone();
        let retention = self.shared.settings().retention;
        self.hand(async move { store.write(Prune { now, retention }).await }, Event::Pruned);
    }

    pub(super) fn on_pruned(&mut self, pruned: Result<Pruned, StoreError>) {
        match pruned {
            Ok(pruned) => {
                if pruned.more {
                    self.timers.set(Timer::Prune, self.now().plus(STORE_PAUSE));
                }
                for worker in pruned.emptied {
                    let folder = self.shared.folder(&worker);
                    self.tasks.spawn_blocking(move || {
                        if let Err(error) = std::fs::remove_dir_all(&folder)
                            && error.kind() != std::io::ErrorKind::NotFound
                        {
                            tracing::warn!(worker_id = %worker, %error, "a job's folder could not be removed");
                        }
                    });
                }
            }
            Err(error) => tracing::warn!(%error, "the retention waits for the store"),
        }
    }

    pub(super) fn on_settings(&mut self, settings: Arc<Settings>) {
        self.shared.set_settings(settings);
        let (store, now, wall) = (self.shared.store().clone(), self.now(), self.shared.clock().now());
        // A person has changed something, so what waited for a person is tried again.
        let resume = async move {
            store.write(ResumeAccounts { now }).await?;
            let because = "the configuration was read again";
            store.write(OpenGates { backend: None, stamp: None, because, wall }).await.map(drop)
        };
        self.hand(resume, Event::Resumed);
        self.timers.set(Timer::Outbox, now.plus(Duration::from_millis(100)));
        self.timers.set(Timer::Tick, now);
        self.begin();
    }

    /// Messages that could not be edited meanwhile show what is true now, also those of jobs that are silent.
    pub(super) fn on_resumed(&mut self, resumed: Result<(), StoreError>) {
        if let Err(error) = resumed {
            tracing::error!(%error, "what waited for a person waits for the store");
        }
        let running: Vec<WorkerId> = self.running.keys().cloned().collect();
        for worker in &running {
            self.want_edit(worker);
        }
        let now = self.now();
        for (worker, due) in &self.resting {
            if *due > now {
                self.want_picture(worker);
            }
        }
        self.poke_outbox();
    }
}

/// Whether another process has changed the store; if so, which jobs shall stop.
async fn look(shared: Shared) -> Result<Option<Vec<WorkerId>>, StoreError> {
    if !shared.store().poll_changed().await? {
        return Ok(None);
    }
    shared.read_grants().await?;
    shared.store().read(Stopping).await.map(Some)
}
