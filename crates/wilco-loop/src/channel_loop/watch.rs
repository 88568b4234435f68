//! The deadline watch. It sleeps until the next stored deadline, at most one tick.

use std::time::Duration;

use wilco_core::worker::{EndKind, Ending};
use wilco_store::StoreError;
use wilco_store::changes::{DeadlineMissed, Deadlines, ExtendDeadlines, Finish, Missed, MissedKind};

use super::lane::Write;
use super::running::StopReason;
use super::timers::Timer;
use super::{ChannelLoop, SUSPENDED_AFTER};
use crate::event::Event;
use crate::notices;

impl ChannelLoop {
    /// A process that was suspended, or a machine that slept, has let every deadline pass unseen. The
    /// gap is added to each before any is judged, so that nobody is timed out for it (requirement W21).
    pub(super) fn notice_suspension(&mut self) {
        let now = self.shared.clock().monotonic();
        let gap = now.saturating_sub(self.last_turn);
        self.last_turn = now;
        let planned = self.shared.settings().tick.0.max(super::LOOK_EVERY);
        if gap <= planned + SUSPENDED_AFTER {
            return;
        }
        tracing::warn!(
            gap_ms = gap.as_millis() as u64,
            "the process was not running; every deadline is moved by the gap"
        );
        self.gap += gap.saturating_sub(Duration::from_secs(1));
        self.extend();
    }

    /// Moves the deadlines by the gap. The writer keeps the order: this is stored before any judgement that follows.
    fn extend(&mut self) {
        if self.extending.start() {
            let (store, by) = (self.shared.store().clone(), self.gap);
            let extend = async move { store.write(ExtendDeadlines { by }).await.map(|()| by) };
            self.hand(extend, Event::Extended);
        }
    }

    pub(super) fn on_extended(&mut self, extended: Result<Duration, StoreError>) {
        let again = self.extending.end();
        match extended {
            Ok(by) => {
                self.gap = self.gap.saturating_sub(by);
                if again {
                    self.extend();
                }
            }
            // Until then nothing is judged; the next tick tries again.
            Err(error) => tracing::debug!(%error, "the gap waits for the store"),
        }
    }

    pub(super) fn tick(&mut self) {
        let now = self.now();
        self.timers.set(Timer::Tick, now.plus(self.shared.settings().tick.0));
        if !self.gap.is_zero() {
            self.extend();
            return;
        }
        if std::mem::replace(&mut self.watching, true) {
            return;
        }
        let store = self.shared.store().clone();
        self.hand(async move { store.read(Deadlines { now }).await }, Event::DeadlinesPassed);
    }

    pub(super) fn on_deadlines(&mut self, missed: Result<Vec<Missed>, StoreError>) {
        self.watching = false;
        let missed = match missed {
            Ok(missed) => missed,
            Err(error) => {
                tracing::debug!(%error, "the deadline watch waits for the store");
                return;
            }
        };
        for missed in missed {
            let now = self.now();
            let Some(running) = self.running.get_mut(&missed.worker) else {
                let store = self.shared.store().clone();
                let change = DeadlineMissed { missed: missed.clone(), now };
                self.hand(async move { store.write(change).await }, move |answer| Event::Judged { missed, answer });
                continue;
            };
            if missed.kind == MissedKind::Worker && running.is_stopping() {
                continue;
            }
            // What the job has said meanwhile counts first: the lane keeps this order.
            if running.mailbox.is_dirty() {
                running.lane.push(Write::Record);
            }
            running.lane.push(Write::Judge(missed.clone()));
            self.drive(&missed.worker);
        }
        self.look_due();
    }

    pub(super) fn on_judged(&mut self, missed: &Missed, answer: Result<Option<String>, StoreError>) {
        match answer {
            // A worker of no task in this process: nothing has to be stopped, it only has to be told.
            Ok(Some(detail)) => {
                let store = self.shared.store().clone();
                let change = Finish {
                    worker: missed.worker.clone(),
                    ending: Ending::bare(EndKind::TimedOut, detail),
                    gate: None,
                    now: self.now(),
                    platforms: self.shared.platforms(),
                    fresh: self.shared.fresh(),
                };
                let (shared, worker) = (self.shared.clone(), missed.worker.clone());
                let finish = async move {
                    store.write(change).await?;
                    notices::of_job(shared, worker).await;
                    Ok(())
                };
                self.hand(finish, Event::Kept);
            }
            Ok(None) => {}
            Err(error) => tracing::debug!(worker_id = %missed.worker, %error, "a deadline is judged later"),
        }
        self.poke_outbox();
        self.want_edit(&missed.worker);
    }

    /// A deadline of a running job was judged.
    pub(super) fn on_lane_judged(&mut self, worker: &wilco_core::WorkerId, detail: Option<String>) {
        if let Some(detail) = detail {
            self.stop(worker, StopReason::TimedOut(detail));
        }
        self.want_edit(worker);
        self.poke_outbox();
    }
}
