//! The one shared loop of a process.
//!
//! It never awaits the database or the network: work is handed to tasks, and each tells its outcome
//! by an [`Event`]. What it holds in memory are handles; killing the process at any point changes
//! no promise.

mod adapters;
mod attempts;
mod ending;
mod followups;
mod keeping;
mod lane;
mod outbox;
mod questions;
mod running;
mod strays;
mod timers;
mod watch;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio_util::task::TaskTracker;
use wilco_core::{Timestamp, WorkerId};
use wilco_store::StoreError;
use wilco_store::changes::{BeginDue, RenewLeases, Run, STARTS};

use crate::event::Event;
use crate::firing::Rooms;
use crate::intake::{self, Taken};
use crate::notices;
use crate::shared::Shared;
pub(crate) use adapters::listen;
use followups::Followups;
use outbox::Outbox;
use running::{Running, StopReason};
use timers::{Timer, Timers};

/// The pause after the store did not take something, before it is asked again.
pub(crate) const STORE_PAUSE: Duration = Duration::from_secs(1);
/// How often the store is asked whether another process has changed it.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often the retention is applied.
const PRUNE_EVERY: Duration = Duration::from_secs(3_600);
/// How long running jobs may take to end after the process was asked to stop.
pub const DRAIN_LIMIT: Duration = Duration::from_secs(20);
/// How long after that they may take to stop, and the store to take their ends: the grace of a stubborn task and a
/// little. What the store has not taken by then, the next start tells as interrupted or runs again.
const STOP_LIMIT: Duration = Duration::from_secs(12);
/// How long the outbox may take after that.
const FLUSH_LIMIT: Duration = Duration::from_secs(5);
/// How long calls that are under way may take to be answered and settled at the very end. One that takes longer is
/// in doubt, as after a crash.
const CALLS_LIMIT: Duration = Duration::from_secs(16);
/// Both for somebody who has asked a second time.
const HURRIED_LIMIT: Duration = Duration::from_secs(1);
/// A turn that comes so much later than planned means that the process was suspended (requirement W21).
const SUSPENDED_AFTER: Duration = Duration::from_secs(5);

/// One piece of work of which at most one is under way; asked for again meanwhile, it is done again.
#[derive(Debug, Default)]
pub(crate) struct Flight {
    busy: bool,
    again: bool,
}

impl Flight {
    /// Whether it may start now; if not, it is noted.
    fn start(&mut self) -> bool {
        if self.busy {
            self.again = true;
            return false;
        }
        self.busy = true;
        true
    }

    /// It ended; answers whether it was asked for meanwhile.
    fn end(&mut self) -> bool {
        self.busy = false;
        std::mem::take(&mut self.again)
    }
}

/// How far the process is on its way to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Serving,
    /// No new work; what runs may end.
    Draining,
    /// What still ran was told to stop.
    Stopping,
    /// Nothing runs; the outbox has a moment to send what is due.
    Flushing,
}

/// The loop's state: handles and times, no facts.
pub(crate) struct ChannelLoop {
    shared: Shared,
    events: mpsc::UnboundedSender<Event>,
    woken: mpsc::UnboundedReceiver<Event>,
    tasks: TaskTracker,
    running: BTreeMap<WorkerId, Running>,
    timers: Timers,
    outbox: Outbox,
    followups: Followups,
    rooms: Rooms,
    /// Progress edits whose answer is not stored yet: a result may wait for it.
    edits_open: u32,
    beginning: Flight,
    /// The time by which queued jobs were last looked at.
    begun_at: Timestamp,
    /// Jobs that rest between two attempts, and until when: only a hint that their messages have something to show.
    resting: BTreeMap<WorkerId, Timestamp>,
    due_look: Flight,
    looking: Flight,
    signing_in: Flight,
    watching: bool,
    /// For how long the process was not running, as far as the stored deadlines do not know it yet.
    gap: Duration,
    extending: Flight,
    phase: Phase,
    /// Somebody does not want to wait for anybody's answer.
    hurried: bool,
    last_turn: Duration,
}

impl ChannelLoop {
    pub(crate) fn new(
        shared: Shared,
        events: mpsc::UnboundedSender<Event>,
        woken: mpsc::UnboundedReceiver<Event>,
        places: Arc<Semaphore>,
    ) -> Self {
        let last_turn = shared.clock().monotonic();
        Self {
            shared,
            events,
            woken,
            tasks: TaskTracker::new(),
            running: BTreeMap::new(),
            timers: Timers::default(),
            outbox: Outbox::default(),
            followups: Followups::default(),
            rooms: Rooms::beside(places),
            edits_open: 0,
            beginning: Flight::default(),
            begun_at: Timestamp(i64::MIN),
            resting: BTreeMap::new(),
            due_look: Flight::default(),
            looking: Flight::default(),
            signing_in: Flight::default(),
            watching: false,
            gap: Duration::ZERO,
            extending: Flight::default(),
            phase: Phase::Serving,
            hurried: false,
            last_turn,
        }
    }

    /// Runs until the process has drained.
    pub(crate) async fn run(mut self) {
        let now = self.shared.now();
        self.timers.set(Timer::Look, now.plus(LOOK_EVERY));
        self.timers.set(Timer::Prune, now.plus(Duration::from_secs(60)));
        self.timers.set(Timer::Tick, now);
        self.timers.set(Timer::Pulse, now.plus(wilco_core::schedule::PULSE_EVERY));
        self.begin();
        self.poke_outbox();
        self.poke_followups();
        while !self.is_over() {
            let wake = self.timers.next().map(|at| self.shared.steady().monotonic_for(at));
            let sleep = self.shared.clock().sleep_until(wake.unwrap_or(self.last_turn + LOOK_EVERY));
            tokio::select! {
                biased;
                event = self.woken.recv() => match event {
                    Some(event) => {
                        self.notice_suspension();
                        self.on(event);
                    }
                    None => break,
                },
                () = sleep => self.notice_suspension(),
            }
            self.on_timers();
        }
        self.tasks.close();
        let limit = if self.hurried { HURRIED_LIMIT } else { CALLS_LIMIT };
        let clock = self.shared.clock();
        tokio::select! {
            biased;
            () = self.tasks.wait() => {}
            // What hangs now hangs at a platform or at the store. The next start takes it up as one in doubt.
            () = clock.sleep_until(clock.monotonic() + limit) => {
                tracing::warn!(left = self.tasks.len(), "stopping with work under way; the next start takes it up");
            }
        }
    }

    fn now(&self) -> Timestamp {
        self.shared.now()
    }

    /// Hands work to a task; its answer comes back as an event.
    fn hand<E>(&self, work: impl Future<Output = E> + Send + 'static, event: impl FnOnce(E) -> Event + Send + 'static)
    where
        E: Send + 'static,
    {
        let events = self.events.clone();
        self.tasks.spawn(async move {
            // After the loop has ended nobody is left to tell.
            drop(events.send(event(work.await)));
        });
    }

    fn on(&mut self, event: Event) {
        match event {
            Event::Offered { batch, reply } => {
                let draining = self.phase != Phase::Serving;
                self.hand(intake::take(self.shared.clone(), batch, draining, reply), Event::Taken);
            }
            Event::Taken(taken) => self.on_taken(taken),
            Event::Begun(runs) => self.on_begun(runs),
            Event::Dirty(worker) => self.on_dirty(&worker),
            Event::Ask { worker, number, ask, reply } => self.on_ask(&worker, number, ask, reply),
            Event::TaskEnded { worker, end, stamp } => self.on_task_ended(&worker, end, stamp),
            Event::EndReady { worker, ending } => self.on_end_ready(&worker, ending),
            Event::Written { worker, answer } => self.on_written(&worker, answer),
            Event::Claimed(claimed) => self.on_claimed(claimed),
            Event::Settled { worker, stub, answer } => self.on_settled(&worker, stub, answer),
            Event::Edited { claim, outcome } => self.on_edited(*claim, outcome),
            Event::Pictured { worker, windows } => self.on_pictured(&worker, windows),
            Event::EditNoted => {
                self.edits_open = self.edits_open.saturating_sub(1);
                self.poke_outbox();
            }
            Event::FollowupsClaimed(claimed) => self.on_followups_claimed(claimed),
            Event::FollowupFired(shot) => self.on_followup_fired(*shot),
            Event::NextDue(wake) => self.on_next_due(wake),
            Event::DeadlinesPassed(missed) => self.on_deadlines(missed),
            Event::Extended(extended) => self.on_extended(extended),
            Event::Judged { missed, answer } => self.on_judged(&missed, answer),
            Event::Looked(found) => self.on_looked(found),
            Event::SignedIn(opened) => self.on_signed_in(opened),
            Event::Pruned(pruned) => self.on_pruned(pruned),
            Event::Kept(kept) => {
                if let Err(error) = kept {
                    tracing::error!(%error, "housekeeping waits for the store");
                }
            }
            Event::Resumed(resumed) => self.on_resumed(resumed),
            Event::Settings(settings) => self.on_settings(settings),
            Event::Nudged { stop } => {
                if let Some(worker) = stop {
                    self.stop(&worker, StopReason::Cancel);
                }
                self.begin();
                self.poke_outbox();
            }
            Event::Drain => self.on_drain(),
            Event::DrainNow => self.hurry(),
        }
    }

    fn on_taken(&mut self, taken: Taken) {
        if taken.failed {
            self.timers.set(Timer::Outbox, self.now().plus(STORE_PAUSE));
        }
        for (worker, short) in taken.accepted.iter().chain(&taken.changed) {
            self.shared.notify(worker, short);
        }
        for worker in &taken.stop {
            self.stop(worker, StopReason::Cancel);
        }
        for (worker, number, choice) in taken.answers {
            self.answer(&worker, number, choice);
        }
        for (worker, short, message) in taken.strays {
            let shared = self.shared.clone();
            self.tasks.spawn(strays::adopt(shared, worker, short, message));
        }
        for worker in taken.ended {
            self.tasks.spawn(notices::of_job(self.shared.clone(), worker));
        }
        if !taken.followups.is_empty() {
            self.tasks.spawn(notices::of_changes(self.shared.clone(), taken.followups));
        }
        if !taken.accepted.is_empty() {
            self.begin();
        }
        self.poke_outbox();
    }

    /// Starts queued jobs as far as there are slots.
    fn begin(&mut self) {
        if self.phase != Phase::Serving || !self.beginning.start() {
            return;
        }
        let store = self.shared.store().clone();
        self.begun_at = self.now();
        let change = BeginDue {
            owner: self.shared.owner(),
            now: self.begun_at,
            settings: self.shared.settings(),
            platforms: self.shared.platforms(),
        };
        self.hand(async move { store.write(change).await }, Event::Begun);
    }

    fn on_begun(&mut self, runs: Result<Vec<Run>, StoreError>) {
        let again = self.beginning.end();
        match runs {
            Ok(runs) => {
                let more = runs.len() >= STARTS;
                for run in runs {
                    self.start(run);
                }
                if more || again {
                    self.begin();
                }
                self.look_due();
            }
            Err(error) => {
                tracing::error!(%error, "starting jobs waits for the store");
                self.timers.set(Timer::Begin, self.now().plus(STORE_PAUSE));
            }
        }
    }

    fn on_timers(&mut self) {
        let now = self.now();
        while let Some(timer) = self.timers.pop(now) {
            match timer {
                Timer::Outbox => self.poke_outbox(),
                Timer::Followups => self.poke_followups(),
                Timer::Pulse => self.pulse(),
                Timer::Begin => self.begin(),
                Timer::Tick => self.tick(),
                Timer::Look => {
                    self.timers.set(Timer::Look, now.plus(LOOK_EVERY));
                    self.notice_clock_step();
                    self.look();
                }
                Timer::Renew => {
                    if !self.running.is_empty() {
                        self.timers.set(Timer::Renew, now.plus(wilco_core::schedule::RENEW_EVERY));
                        let (store, owner) = (self.shared.store().clone(), self.shared.owner());
                        self.hand(async move { store.write(RenewLeases { owner, now }).await }, Event::Kept);
                    }
                }
                Timer::Prune => self.prune(),
                Timer::Drain => self.stop_everything(),
                Timer::Stop => self.give_up(),
                Timer::Flush => self.phase = Phase::Flushing,
                Timer::Record(worker) => self.record(&worker),
                Timer::Edit(worker) => self.edit_due(&worker),
                Timer::Lane(worker) => {
                    if let Some(running) = self.running.get_mut(&worker) {
                        running.lane.wake();
                    }
                    self.drive(&worker);
                }
            }
        }
    }

    fn on_drain(&mut self) {
        if self.phase == Phase::Serving {
            self.phase = Phase::Draining;
            tracing::info!(running = self.running.len(), "draining");
            self.timers.set(Timer::Drain, self.now().plus(DRAIN_LIMIT));
        }
    }

    /// The second request to stop: nothing but the jobs themselves is waited for.
    fn hurry(&mut self) {
        self.hurried = true;
        if self.running.is_empty() {
            self.timers.set(Timer::Flush, self.now().plus(HURRIED_LIMIT));
        }
        self.stop_everything();
    }

    /// Whose end is not stored by now: the store takes nothing. A process that waited for it would be killed.
    fn give_up(&mut self) {
        for (worker, running) in std::mem::take(&mut self.running) {
            let short = &running.short;
            tracing::error!(worker_id = %worker, %short, "stopping before its end could be stored; the next start takes it up");
            self.timers.forget(&worker);
        }
    }

    fn stop_everything(&mut self) {
        if matches!(self.phase, Phase::Stopping | Phase::Flushing) {
            return;
        }
        self.phase = Phase::Stopping;
        self.timers.set(Timer::Stop, self.now().plus(STOP_LIMIT));
        let workers: Vec<WorkerId> = self.running.keys().cloned().collect();
        for worker in workers {
            self.stop(&worker, StopReason::Drain);
        }
    }

    /// Whether the process may end: nothing runs, and what was due has been sent or had its moment.
    fn is_over(&mut self) -> bool {
        // A job that only waits for a person will not end by itself in the seconds that are left.
        if self.phase == Phase::Draining && self.running.values().all(Running::waits_for_a_person) {
            self.stop_everything();
        }
        if self.phase == Phase::Serving || !self.running.is_empty() {
            return false;
        }
        if self.phase != Phase::Flushing {
            let limit = if self.hurried { HURRIED_LIMIT } else { FLUSH_LIMIT };
            self.timers.set_once(Timer::Flush, self.now().plus(limit));
        }
        self.phase == Phase::Flushing || (self.outbox.is_idle() && self.followups.is_idle() && self.edits_open == 0)
    }
}
