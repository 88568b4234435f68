//! What follows when the task of a job has ended: its end, its next attempt, or a closed gate.

use std::time::Duration;

use wilco_core::classify;
use wilco_core::gate::GateReason;
use wilco_core::job::Failure;
use wilco_core::retry::{self, Next};
use wilco_core::worker::{EndKind, Ending};
use wilco_core::{BackendId, Cause, Short, Timestamp, WorkerId};
use wilco_store::StoreError;
use wilco_store::changes::{CloseGate, StartEdits, Windows};

use super::ending;
use super::lane::Write;
use super::running::{Running, StopReason};
use super::timers::Timer;
use super::{ChannelLoop, STORE_PAUSE};
use crate::event::Event;
use crate::shared::Shared;
use crate::supervisor::TaskEnd;

/// Which attempt of a job this is, and on whose account.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(super) number: u32,
    pub(super) backend: Option<BackendId>,
}

/// What follows from the end of a task.
pub(super) enum Follows {
    /// The job has ended.
    End(Ending),
    /// It has ended, and nothing on the same account can succeed until a person acts.
    Halt(CloseGate),
    /// It is started again after a rest.
    Again { cause: Cause, rest: Duration, of: u32 },
}

/// Decides it. This is the one place where the words of a failed job are read.
pub(super) fn follows(
    shared: &Shared,
    worker: &WorkerId,
    running: &Running,
    end: TaskEnd,
    reason: Option<StopReason>,
    stamp: Option<String>,
) -> Follows {
    let failure = match end {
        TaskEnd::Returned { result: Err(failure), told: false } => failure,
        other @ (TaskEnd::Returned { .. } | TaskEnd::Panicked(_) | TaskEnd::Aborted) => {
            return Follows::End(ending::of_task(other, reason, shared.now()));
        }
    };
    let Attempt { number, backend } = running.attempt();
    let failure = match backend {
        Some(id) => {
            let output = running.mailbox.partial().unwrap_or_default();
            classify::judge(shared.settings().backend(id).as_ref(), failure, &output)
        }
        // A job without a backend never halts, whatever it prints (requirement H5).
        None => failure,
    };
    if let (Some(backend), Some(reason)) = (backend, GateReason::of(&failure)) {
        let (short, attempt, reason_name) = (&running.short, *number, reason.name());
        tracing::debug!(worker_id = %worker, %short, attempt, %backend, reason = reason_name, "halt: a person has to act");
        return Follows::Halt(CloseGate { backend: backend.clone(), reason, stamp });
    }
    let policy = running.rules.retry.as_ref();
    match (retry::next(policy, *number, &failure), failure, policy) {
        (Next::Again(rest), Failure::Retryable(cause), Some(policy)) => {
            Follows::Again { cause, rest: shared.dice().jitter(rest), of: policy.attempts }
        }
        (Next::Again(_) | Next::GiveUp, failure, policy) => {
            let attempts = policy.map(|_| *number).filter(|attempts| *attempts > 1);
            if let (Failure::Retryable(cause), Some(_)) = (&failure, policy) {
                exhausted(worker, &running.short, *number, cause);
            }
            Follows::End(Ending { attempts, ..ending::failed(failure) })
        }
    }
}

/// The report of a job that was tried as often as it may be and could have been tried again (requirement H6).
fn exhausted(worker: &WorkerId, short: &Short, attempts: u32, cause: &Cause) {
    tracing::warn!(worker_id = %worker, %short, attempts, code = cause.code, "retries exhausted");
}

impl ChannelLoop {
    /// Closes the gate with the job that found out, before anything slow is done about its end (requirement H8).
    pub(super) fn halt(&mut self, worker: &WorkerId, gate: CloseGate) {
        let Some(running) = self.running.get_mut(worker) else { return };
        running.has_ended();
        let ending = Box::new(Ending::bare(EndKind::Failed, gate.reason.name()));
        running.lane.push(Write::Finish { ending, gate: Some(gate) });
        self.drive(worker);
    }

    /// Stores that a job rests before its next attempt.
    pub(super) fn retry(&mut self, worker: &WorkerId, cause: Cause, rest: Duration, of: u32) {
        let Some(running) = self.running.get_mut(worker) else { return };
        running.has_ended();
        running.lane.push(Write::Retry { cause, rest, of });
        self.drive(worker);
    }

    /// The rest is stored. From now on the job is one that has not begun, and nothing of it is held here but
    /// the hint that its message has something to show.
    pub(super) fn on_resting(&mut self, worker: &WorkerId, due: Option<Timestamp>) {
        if let Some(due) = due {
            let now = self.now();
            self.resting.retain(|_, due| *due > now);
            self.resting.insert(worker.clone(), due);
            self.want_picture(worker);
        }
        self.begin();
        self.look_due();
        self.poke_outbox();
    }

    /// Asks for the edits of a job that no task runs for.
    pub(super) fn want_picture(&self, worker: &WorkerId) {
        let store = self.shared.store().clone();
        let change = StartEdits { worker: worker.clone(), now: self.now(), platforms: self.shared.platforms() };
        let worker = worker.clone();
        self.hand(async move { store.write(change).await }, move |windows| Event::Pictured { worker, windows });
    }

    pub(super) fn on_pictured(&mut self, worker: &WorkerId, windows: Result<Windows, StoreError>) {
        match windows {
            Ok(windows) => {
                if let Some(at) = windows.later {
                    self.timers.set(Timer::Edit(worker.clone()), at);
                }
                for claim in windows.open {
                    self.send_edit(claim);
                }
            }
            Err(error) => {
                tracing::debug!(worker_id = %worker, %error, "a picture waits for the store");
                self.timers.set(Timer::Edit(worker.clone()), self.now().plus(STORE_PAUSE));
            }
        }
    }

    /// The time of an edit has come. A job that rests has no task, and its message is edited all the same.
    pub(super) fn edit_due(&mut self, worker: &WorkerId) {
        if self.running.contains_key(worker) {
            self.want_edit(worker);
        } else if self.resting.get(worker).is_some_and(|due| *due > self.now()) {
            self.want_picture(worker);
        }
    }
}
