//! The jobs that run in this process: handles to their tasks, nothing that a restart would miss.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use wilco_core::job::{Ask, Host, NoAnswer};
use wilco_core::settings::KindSettings;
use wilco_core::worker::{EndKind, Ending, OnInterrupt};
use wilco_core::{Address, ContractId, DeliveryOutcome, Short, Timestamp, WorkerId};
use wilco_store::StoreError;
use wilco_store::changes::{Asked, EditClaim, Run};

use super::attempts::{self, Attempt, Follows};
use super::ending;
use super::lane::{self, Lane, Write};
use super::questions::{AnswerTo, Questions};
use super::timers::Timer;
use super::{ChannelLoop, Phase, STORE_PAUSE};
use crate::event::{Answer, Event};
use crate::host::{LoopHost, Mailbox};
use crate::supervisor::{Task, TaskEnd};
use crate::{delivery, notices};

/// How often a picture is stored at the most (requirement J1).
const RECORD_EVERY: Duration = Duration::from_secs(3);

/// Why a job was told to stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StopReason {
    /// A person wants it; who and why is stored.
    Cancel,
    /// A limit, in words.
    TimedOut(String),
    /// The process stops.
    Drain,
}

/// One running job.
pub(crate) struct Running {
    pub(super) short: Short,
    pub(super) kind: String,
    pub(super) rules: KindSettings,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) lane: Lane,
    stop: CancellationToken,
    stopping: Option<StopReason>,
    ended: bool,
    attempt: Attempt,
    /// Whether a follow-up has started it, so that its end is the follow-up's affair, too.
    scheduled: bool,
    questions: Questions,
    last_record: Option<Timestamp>,
    /// The contracts for which it was shown that it works.
    signed: BTreeSet<ContractId>,
    /// Whether the last write was not taken, so that an outage is told once.
    store_fails: bool,
}

impl Running {
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.is_some() || self.ended
    }

    pub(super) fn attempt(&self) -> &Attempt {
        &self.attempt
    }

    /// Its task is gone: nothing more is shown of it and nothing more is judged.
    pub(super) fn has_ended(&mut self) {
        self.ended = true;
    }

    /// Whether nothing of it moves until somebody presses a button.
    pub(super) fn waits_for_a_person(&self) -> bool {
        !self.ended && self.questions.is_waiting()
    }
}

impl ChannelLoop {
    /// Starts the task of a job that the store has begun.
    pub(super) fn start(&mut self, run: Run) {
        self.resting.remove(&run.worker);
        let worker = self.shared.kinds().get(&run.kind);
        let backend = worker.as_ref().and_then(|worker| worker.backend()).cloned();
        let watched = backend.as_ref().and_then(|id| self.shared.settings().credentials(id).cloned());
        let mailbox = Arc::new(Mailbox::default());
        let stop = CancellationToken::new();
        let host: Arc<dyn Host> = Arc::new(LoopHost {
            worker: run.worker.clone(),
            mailbox: Arc::clone(&mailbox),
            events: self.events.clone(),
            questions: AtomicU32::new(0),
        });
        let running = Running {
            short: run.short.clone(),
            kind: run.kind.clone(),
            rules: run.rules,
            mailbox,
            lane: Lane::default(),
            stop: stop.clone(),
            stopping: None,
            ended: false,
            attempt: Attempt { number: run.attempt, backend },
            scheduled: run.input.origin.scheduled().is_some(),
            questions: Questions::default(),
            last_record: None,
            signed: BTreeSet::new(),
            store_fails: false,
        };
        self.shared.notify(&run.worker, &run.short);
        let id = run.worker.clone();
        self.running.insert(id.clone(), running);
        self.timers.set_once(Timer::Renew, self.now().plus(wilco_core::schedule::RENEW_EVERY));
        let Some(worker) = worker else {
            let words = format!("the worker `{}` is not configured any more", run.kind);
            self.finish(&id, Ending { text: words, ..Ending::bare(EndKind::Failed, "not configured") });
            return;
        };
        let task = Task {
            id: run.worker,
            short: run.short,
            folder: self.shared.folder(&id),
            worker,
            input: run.input,
            host,
            stop: stop.clone(),
            clock: Arc::clone(self.shared.clock()),
        };
        let shared = self.shared.clone();
        let work = async move {
            // Before the first call, so that whoever signs in while it runs is noticed.
            let stamp = tokio::select! {
                biased;
                () = stop.cancelled() => None,
                stamp = shared.looks().stamp(shared.clock(), watched) => stamp,
            };
            (task.run().await, stamp)
        };
        self.hand(work, {
            let worker = id.clone();
            move |(end, stamp)| Event::TaskEnded { worker, end, stamp }
        });
        if run.waited {
            self.want_edit(&id);
        }
    }

    /// Tells a job to stop. The first reason stands.
    pub(super) fn stop(&mut self, worker: &WorkerId, reason: StopReason) {
        let Some(running) = self.running.get_mut(worker) else { return };
        if running.stopping.is_some() {
            return;
        }
        running.stopping = Some(reason);
        running.stop.cancel();
        running.questions.stop();
        self.want_edit(worker);
    }

    pub(super) fn on_dirty(&mut self, worker: &WorkerId) {
        let now = self.now();
        let Some(running) = self.running.get(worker) else { return };
        match running.last_record.map(|last| last.plus(RECORD_EVERY)) {
            Some(at) if at > now => self.timers.set(Timer::Record(worker.clone()), at),
            Some(_) | None => self.record(worker),
        }
    }

    pub(super) fn record(&mut self, worker: &WorkerId) {
        let now = self.now();
        let Some(running) = self.running.get_mut(worker) else { return };
        running.last_record = Some(now);
        running.lane.push(Write::Record);
        self.drive(worker);
    }

    pub(super) fn on_ask(&mut self, worker: &WorkerId, number: u32, ask: Ask, reply: AnswerTo) {
        let question = self.shared.dice().question(self.now());
        let refused = match self.running.get_mut(worker) {
            Some(running) if !running.is_stopping() => {
                running.questions.ask(number, reply);
                running.lane.push(Write::Ask { number, question, ask });
                None
            }
            Some(_) | None => Some(reply),
        };
        match refused {
            Some(reply) => drop(reply.send(Err(NoAnswer::Stopped))),
            None => self.drive(worker),
        }
    }

    /// A person has answered.
    pub(super) fn answer(&mut self, worker: &WorkerId, number: u32, choice: u32) {
        if let Some(running) = self.running.get_mut(worker) {
            running.questions.answer(number, choice);
        }
        self.want_edit(worker);
    }

    pub(super) fn on_task_ended(&mut self, worker: &WorkerId, end: TaskEnd, stamp: Option<String>) {
        wilco_store::crash::point("loop.task.ended");
        let Some(running) = self.running.get(worker) else { return };
        let reason = running.stopping.clone();
        if reason == Some(StopReason::Drain)
            && running.rules.on_interrupt == OnInterrupt::Rerun
            && !ending::is_result(&end)
        {
            // It stays as it is: the next start finds it without an owner and runs it again.
            self.forget(worker);
            return;
        }
        match attempts::follows(&self.shared, worker, running, end, reason, stamp) {
            Follows::End(ending) => self.finish(worker, ending),
            Follows::Halt(gate) => self.halt(worker, gate),
            Follows::Again { cause, rest, of } => self.retry(worker, cause, rest, of),
        }
    }

    fn finish(&mut self, worker: &WorkerId, ending: Ending) {
        let Some(running) = self.running.get_mut(worker) else { return };
        running.ended = true;
        if running.mailbox.is_dirty() {
            running.lane.push(Write::Record);
        }
        self.drive(worker);
        // Its files are looked at and written once, however often the store has to be asked.
        let running = self
            .running
            .get(worker)
            .map(|running| (running.short.clone(), running.kind.clone(), Arc::clone(&running.mailbox)));
        let Some((short, kind, mailbox)) = running else { return };
        let (shared, id) = (self.shared.clone(), worker.clone());
        self.hand(async move { ending::complete(&shared, &id, &short, &kind, &mailbox, ending) }, {
            let worker = worker.clone();
            move |ending| Event::EndReady { worker, ending: Box::new(ending) }
        });
    }

    /// The end of a job has everything that it brings along, and is stored as soon as the store takes it.
    pub(super) fn on_end_ready(&mut self, worker: &WorkerId, ending: Box<Ending>) {
        let Some(running) = self.running.get_mut(worker) else { return };
        running.lane.push(Write::Finish { ending, gate: None });
        self.drive(worker);
    }

    fn forget(&mut self, worker: &WorkerId) {
        self.running.remove(worker);
        self.timers.forget(worker);
    }

    /// Carries out the worker's next write, when none is under way.
    pub(super) fn drive(&mut self, worker: &WorkerId) {
        let Some(running) = self.running.get_mut(worker) else { return };
        let Some(write) = running.lane.start() else { return };
        let (short, mailbox) = (running.short.clone(), Arc::clone(&running.mailbox));
        let work = lane::perform(self.shared.clone(), worker.clone(), short, mailbox, write);
        let worker = worker.clone();
        self.hand(work, move |answer| Event::Written { worker, answer });
    }

    pub(super) fn on_written(&mut self, worker: &WorkerId, answer: Result<Answer, StoreError>) {
        let Some(running) = self.running.get_mut(worker) else { return };
        let write = running.lane.end();
        match answer {
            Ok(answer) => {
                running.store_fails = false;
                self.on_answer(worker, answer, write);
            }
            Err(error) => self.on_write_failed(worker, write, &error),
        }
        self.drive(worker);
    }

    fn on_answer(&mut self, worker: &WorkerId, answer: Answer, write: Option<Write>) {
        match answer {
            Answer::Recorded => self.want_edit(worker),
            Answer::Asked(asked) => {
                let number = match write {
                    Some(Write::Ask { number, .. }) => number,
                    Some(_) | None => 0,
                };
                self.on_asked(worker, number, asked);
            }
            Answer::Windows(windows) => {
                if let Some(at) = windows.later {
                    self.timers.set(Timer::Edit(worker.clone()), at);
                }
                for (contract, address) in windows.bare {
                    self.show_work(worker, contract, address);
                }
                for claim in windows.open {
                    self.send_edit(claim);
                }
            }
            Answer::EditEnded => {
                self.edits_open = self.edits_open.saturating_sub(1);
                self.poke_outbox();
            }
            Answer::Judged(detail) => self.on_lane_judged(worker, detail),
            Answer::Finished => {
                if self.running.get(worker).is_some_and(|running| running.scheduled) {
                    self.tasks.spawn(notices::of_job(self.shared.clone(), worker.clone()));
                }
                self.let_go(worker);
                self.begin();
                self.poke_outbox();
            }
            Answer::Resting(due) => {
                self.let_go(worker);
                self.on_resting(worker, due);
            }
        }
    }

    /// Nothing of it is held here any more; edits that were answered meanwhile are noted.
    fn let_go(&mut self, worker: &WorkerId) {
        let left = self.running.get_mut(worker).map(|running| running.lane.edits_left()).unwrap_or_default();
        self.forget(worker);
        for (claim, outcome) in left {
            self.end_late_edit(claim, outcome);
        }
    }

    fn on_write_failed(&mut self, worker: &WorkerId, write: Option<Write>, error: &StoreError) {
        let now = self.now();
        let Some(running) = self.running.get_mut(worker) else { return };
        // Said once for each outage, not at each attempt (requirement O3).
        if !std::mem::replace(&mut running.store_fails, true) {
            tracing::error!(worker_id = %worker, %error, "a write waits for the store");
        }
        match write {
            // The latest picture is in the mailbox and is stored with the next one.
            Some(Write::Record) => {
                running.lane.forget_judgements();
                self.timers.set(Timer::Record(worker.clone()), now.plus(STORE_PAUSE));
            }
            Some(Write::StartEdits) | Some(Write::Judge(_)) | None => {}
            Some(write @ (Write::Ask { .. } | Write::EndEdit { .. } | Write::Finish { .. } | Write::Retry { .. })) => {
                // A result, above all, is kept in memory until the store has it.
                if error.is_transient() {
                    running.lane.put_back(write);
                    self.timers.set(Timer::Lane(worker.clone()), now.plus(STORE_PAUSE));
                } else if let Write::Ask { number, .. } = write {
                    running.questions.refuse(number, error.to_string());
                } else if matches!(write, Write::EndEdit { .. }) {
                    self.edits_open = self.edits_open.saturating_sub(1);
                } else if matches!(write, Write::Finish { .. } | Write::Retry { .. }) {
                    tracing::error!(worker_id = %worker, %error, "the end of a job could not be stored; the next start reports it");
                    self.forget(worker);
                }
            }
        }
    }

    fn on_asked(&mut self, worker: &WorkerId, number: u32, asked: Asked) {
        if let Some(running) = self.running.get_mut(worker) {
            running.questions.taken(number, asked);
        }
        // A job that waits for a person holds no slot; somebody else's may start.
        self.begin();
        self.poke_outbox();
    }

    /// The picture has changed: show it as soon as the pace allows.
    pub(super) fn want_edit(&mut self, worker: &WorkerId) {
        let Some(running) = self.running.get_mut(worker) else { return };
        if running.ended {
            return;
        }
        running.lane.push(Write::StartEdits);
        self.drive(worker);
    }

    /// Nothing but the acknowledgement stands there yet: "typing…" says that the job works, once for each contract.
    /// Edits and the end of this worker come from its lane as well, so none has left before this.
    fn show_work(&mut self, worker: &WorkerId, contract: ContractId, address: Address) {
        let serving = self.phase == Phase::Serving;
        let Some(running) = self.running.get_mut(worker).filter(|running| serving && !running.is_stopping()) else {
            return;
        };
        if running.signed.insert(contract) {
            self.tasks.spawn(delivery::sign(self.shared.clone(), worker.clone(), address));
        }
    }

    /// The window is open; the call starts here, before any later write of this worker can be given to
    /// the store, so that no progress edit ever starts after the end was committed.
    pub(super) fn send_edit(&mut self, claim: EditClaim) {
        self.edits_open += 1;
        let shared = self.shared.clone();
        self.hand(
            async move {
                let outcome = delivery::edit(&shared, &claim).await;
                (claim, outcome)
            },
            |(claim, outcome)| Event::Edited { claim: Box::new(claim), outcome },
        );
    }

    pub(super) fn on_edited(&mut self, claim: EditClaim, outcome: DeliveryOutcome) {
        let worker = claim.worker.clone();
        tracing::debug!(worker_id = %worker, channel = %claim.message.address, outcome = outcome.name(), "progress edit");
        match self.running.get_mut(&worker) {
            Some(running) => {
                running.lane.push(Write::EndEdit { claim: Box::new(claim), outcome });
                self.drive(&worker);
            }
            // The job has ended meanwhile; its result waits for exactly this answer.
            None => self.end_late_edit(claim, outcome),
        }
    }

    /// Notes what became of an edit whose job has ended.
    fn end_late_edit(&self, claim: EditClaim, outcome: DeliveryOutcome) {
        let (store, now) = (self.shared.store().clone(), self.now());
        let change = wilco_store::changes::EndEdit { claim, outcome, now };
        let events = self.events.clone();
        self.tasks.spawn(async move {
            if let Err(error) = store.write(change).await {
                tracing::error!(%error, "a late edit could not be noted; its time limit is waited for");
            }
            drop(events.send(Event::EditNoted));
        });
    }
}
