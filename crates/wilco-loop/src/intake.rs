//! What people say becomes changes and private answers.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use wilco_core::access::Role;
use wilco_core::command::{self, Command};
use wilco_core::desk::{Caller, CancelResult, JobFilter, Limit};
use wilco_core::job::Input;
use wilco_core::settings::{Admission, KindSettings};
use wilco_core::wording;
use wilco_core::{Accepted, Inbound, MessageRef, Press, Reply, Short, What, WorkerId};
use wilco_store::StoreError;
use wilco_store::changes::{Act, AnswerDone, Asker, NewJob, NewWatch, Offer, OfferItem, Offered, Unresolved};
use wilco_store::reads::{HealthOf, InspectJob, ListJobs};

use crate::shared::Shared;
use crate::timeline;

/// What the loop has to do after a batch was stored.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// New jobs may be started.
    pub(crate) accepted: Vec<(WorkerId, Short)>,
    /// These were told to stop.
    pub(crate) stop: Vec<WorkerId>,
    /// These questions were answered.
    pub(crate) answers: Vec<(WorkerId, u32, u32)>,
    /// Anything else that concerns the outbox.
    pub(crate) changed: Vec<(WorkerId, Short)>,
    /// Presses on messages that may be strays: the worker and where the press was.
    pub(crate) strays: Vec<(WorkerId, Short, MessageRef)>,
    /// Whether nothing was stored, because the store did not take it.
    pub(crate) failed: bool,
}

/// One event on its way: to the store, or answered at once.
enum Prepared {
    Store(Box<OfferItem>),
    Done(Accepted),
    Read(Command),
}

/// Takes a batch: one transaction for everything that changes something, then the readings.
pub(crate) async fn take(
    shared: Shared,
    batch: Vec<Inbound>,
    draining: bool,
    reply: oneshot::Sender<Vec<Accepted>>,
) -> Taken {
    let mut taken = Taken::default();
    let mut prepared = Vec::with_capacity(batch.len());
    for inbound in &batch {
        prepared.push(prepare(&shared, inbound, draining).await);
    }
    let items: Vec<OfferItem> = prepared
        .iter()
        .filter_map(|one| match one {
            Prepared::Store(item) => Some(item.as_ref().clone()),
            Prepared::Done(_) | Prepared::Read(_) => None,
        })
        .collect();
    let stored = if items.is_empty() {
        Ok(Vec::new())
    } else {
        let offer = Offer { items, now: shared.now(), platforms: shared.platforms(), fresh: shared.fresh() };
        store_it(&shared, offer).await
    };
    taken.failed = stored.is_err();
    let mut stored = stored.map(Vec::into_iter);
    let mut answers = Vec::with_capacity(batch.len());
    for (inbound, prepared) in batch.iter().zip(prepared) {
        answers.push(match prepared {
            Prepared::Done(accepted) => accepted,
            Prepared::Read(command) => read(&shared, inbound, &command).await,
            Prepared::Store(_) => match &mut stored {
                Ok(stored) => match stored.next() {
                    Some(offered) => told(&shared, inbound, offered, &mut taken),
                    None => Accepted::Busy,
                },
                Err(error) => refused(error),
            },
        });
    }
    // An adapter that does not wait any more has said *heard* and reads the outcome from the channel.
    drop(reply.send(answers));
    taken
}

/// How long a batch waits for a store that another program keeps locked. The person has been told
/// *heard* long before; giving up sooner would refuse what only needs patience (requirement L2).
const PATIENCE: Duration = Duration::from_secs(60);

/// Stores a batch as soon as the store takes it. The change is the same at each attempt, so that a
/// batch that was stored after all is not stored twice.
async fn store_it(shared: &Shared, offer: Offer) -> Result<Vec<Offered>, StoreError> {
    let clock = shared.clock();
    let end = clock.monotonic() + PATIENCE;
    loop {
        match shared.store().write(offer.clone()).await {
            Err(StoreError::Busy(why)) if clock.monotonic() < end => {
                tracing::warn!(why, "what people said waits for a store that another program keeps locked");
                clock.sleep_until(clock.monotonic() + crate::channel_loop::STORE_PAUSE).await;
            }
            stored => return stored,
        }
    }
}

fn refused(error: &StoreError) -> Accepted {
    tracing::error!(%error, "nothing was accepted");
    match error {
        StoreError::Full(_) => Accepted::Refused(wording::not_stored("the disk that holds the store is full")),
        StoreError::Busy(_) | StoreError::Io(_) | StoreError::Closed => Accepted::Busy,
        StoreError::Newer { .. }
        | StoreError::Locked { .. }
        | StoreError::Undecodable { .. }
        | StoreError::Constraint(_)
        | StoreError::Refused(_)
        | StoreError::BadUrl(_) => Accepted::Refused(wording::not_stored("the store refused it, see the log")),
    }
}

fn asker(shared: &Shared, inbound: &Inbound) -> Asker {
    let address = &inbound.place.address;
    let role = shared.role(&inbound.account, &inbound.person, &address.channel);
    Asker::person(inbound.account.clone(), inbound.person.clone(), Some(address.clone()), role)
}

async fn prepare(shared: &Shared, inbound: &Inbound, draining: bool) -> Prepared {
    let asker = asker(shared, inbound);
    let act = match &inbound.what {
        What::Said(_) => return Prepared::Done(Accepted::Answered(wording::no_agent())),
        What::Command(command) => {
            if let Some(refusal) = needs(command.spec().needs, asker.role, command.spec().verb) {
                return Prepared::Done(Accepted::Refused(refusal));
            }
            match command {
                Command::Run { worker, text } => match new_job(shared, inbound, worker, text, draining) {
                    Ok(job) => Act::Run(Box::new(job)),
                    Err(refusal) => return Prepared::Done(Accepted::Refused(refusal)),
                },
                Command::Cancel { job, reason } => {
                    Act::Cancel { job: job.clone(), reason: command::cancel_reason(reason.as_deref()) }
                }
                Command::Watch { job } => Act::Watch { job: job.clone(), new: new_watch(shared) },
                reading @ (Command::Jobs | Command::Status { .. } | Command::Whoami | Command::Help) => {
                    return Prepared::Read(reading.clone());
                }
            }
        }
        What::Press { press, .. } => match press {
            Press::CancelStub { .. } | Press::Cancel { .. } | Press::Answer { .. } => {
                if let Some(refusal) = needs(Some(Role::Viewer), asker.role, "this button") {
                    return Prepared::Done(Accepted::Refused(refusal));
                }
                Act::Press { press: press.clone(), reason: command::cancel_reason(None) }
            }
            Press::Details { id } => {
                if let Some(refusal) = needs(Some(Role::Viewer), asker.role, "status") {
                    return Prepared::Done(Accepted::Refused(refusal));
                }
                return Prepared::Read(Command::Status { job: Some(id.clone()) });
            }
            Press::RunAgain { id } => match run_again(shared, inbound, &asker, id, draining).await {
                Ok(job) => Act::Run(Box::new(job)),
                Err(refusal) => return Prepared::Done(Accepted::Refused(refusal)),
            },
        },
    };
    Prepared::Store(Box::new(OfferItem { event: inbound.event.clone(), asker, place: inbound.place.clone(), act }))
}

fn needs(needs: Option<Role>, has: Option<Role>, what: &str) -> Option<Reply> {
    let needs = needs?;
    (has < Some(needs)).then(|| wording::not_allowed(what, needs, has))
}

fn new_job(shared: &Shared, inbound: &Inbound, kind: &str, text: &str, draining: bool) -> Result<NewJob, Reply> {
    if draining {
        return Err(wording::draining());
    }
    let Some(worker) = shared.kinds().get(kind) else {
        let nearest = shared.kinds().nearest(kind);
        return Err(wording::unknown_worker(kind, nearest.as_deref(), &shared.kinds().names()));
    };
    let input = Input { text: text.to_owned(), person: inbound.person.clone(), rerun: 0 };
    worker.check(&input).map_err(|why| wording::bad_input(kind, &why))?;
    let (now, dice, settings) = (shared.now(), shared.dice(), shared.settings());
    let backend = worker.backend().cloned();
    // What a person has typed is repeated only where that is what the kind is about: an agent's attempt.
    let retry = backend.as_ref().map(|_| settings.retry_for(kind));
    Ok(NewJob {
        id: dice.worker(now),
        shorts: dice.shorts(),
        contract: dice.contract(now),
        stub: dice.receipt(now),
        content: dice.receipt(now),
        kind: kind.to_owned(),
        input,
        rules: KindSettings { retry, ..settings.kind(kind) },
        quotas: settings.quotas,
        backend,
    })
}

fn new_watch(shared: &Shared) -> NewWatch {
    let (now, dice) = (shared.now(), shared.dice());
    NewWatch { contract: dice.contract(now), stub: dice.receipt(now), content: dice.receipt(now) }
}

/// The same job with the same input, in the name of whoever pressed.
async fn run_again(
    shared: &Shared,
    inbound: &Inbound,
    asker: &Asker,
    id: &str,
    draining: bool,
) -> Result<NewJob, Reply> {
    if let Some(refusal) = needs(Some(Role::Operator), asker.role, "run") {
        return Err(refusal);
    }
    let query = InspectJob { asker: asker.clone(), job: id.to_owned(), limit: Limit::default() };
    match shared.store().read(query).await {
        Ok(Ok(inspection)) => new_job(shared, inbound, &inspection.job.kind, &inspection.job.input, draining),
        Ok(Err(unresolved)) => Err(unresolved_reply(&unresolved, id, "status", asker.role)),
        Err(error) => {
            tracing::error!(%error, "a job could not be looked up");
            Err(wording::not_stored("the store did not answer"))
        }
    }
}

/// What a person is told of what was stored, and what the loop has to do about it.
fn told(shared: &Shared, inbound: &Inbound, offered: Offered, taken: &mut Taken) -> Accepted {
    let role = shared.role(&inbound.account, &inbound.person, &inbound.place.address.channel);
    let stored = |worker: Option<Short>, reply: Option<Reply>| Accepted::Stored { worker, reply };
    match offered {
        Offered::Duplicate { worker } => Accepted::Duplicate { worker },
        Offered::Run(Ok(started)) => {
            taken.accepted.push((started.worker, started.short.clone()));
            stored(Some(started.short), None)
        }
        Offered::Run(Err(admission)) => Accepted::Refused(refusal(admission)),
        Offered::Gated(gate) => Accepted::Refused(wording::gate_closed(&gate)),
        Offered::Cancel(Ok(done)) => {
            let short = short_of(&done.result).clone();
            match &done.result {
                CancelResult::Cancelling { .. } => taken.stop.push(done.worker.clone()),
                CancelResult::Cancelled { .. } => taken.changed.push((done.worker.clone(), short.clone())),
                CancelResult::AlreadyCancelling { .. } | CancelResult::AlreadyCompleted { .. } => {}
            }
            if let What::Press { press: Press::CancelStub { .. }, message: Some(message) } = &inbound.what {
                taken.strays.push((done.worker, short.clone(), message.clone()));
            }
            let reply = cancel_reply(&done.result);
            match &done.result {
                CancelResult::Cancelling { .. } | CancelResult::Cancelled { .. } => stored(Some(short), Some(reply)),
                // Nothing was changed, and no program may take the answer for a success (requirement C3).
                CancelResult::AlreadyCancelling { .. } | CancelResult::AlreadyCompleted { .. } => {
                    Accepted::Refused(reply)
                }
            }
        }
        Offered::Cancel(Err(unresolved)) => {
            let name = match &inbound.what {
                What::Command(Command::Cancel { job: Some(job), .. }) => job.as_str(),
                What::Press { press: Press::Cancel { id }, .. } => id.as_str(),
                // A stub's button carries no name that a person could read.
                What::Press { .. } if unresolved == Unresolved::NotFound => {
                    return Accepted::Refused(wording::unknown_button());
                }
                What::Command(_) | What::Press { .. } | What::Said(_) => "",
            };
            Accepted::Refused(unresolved_reply(&unresolved, name, "cancel", role))
        }
        Offered::Watch(Ok(done)) => {
            taken.changed.push((done.worker, done.short.clone()));
            let reply =
                if done.already { wording::watched_already(&done.short) } else { wording::watching(&done.short) };
            stored(Some(done.short), Some(reply))
        }
        Offered::Watch(Err(unresolved)) => {
            let name = match &inbound.what {
                What::Command(Command::Watch { job }) => job.as_str(),
                What::Command(_) | What::Press { .. } | What::Said(_) => "",
            };
            Accepted::Refused(unresolved_reply(&unresolved, name, "watch", role))
        }
        Offered::Answer(done) => match done {
            AnswerDone::Answered { worker, short, number, choice, text } => {
                taken.answers.push((worker, number, choice));
                stored(Some(short.clone()), Some(wording::answered(&short, &text)))
            }
            AnswerDone::Before { short, text, by } => Accepted::Refused(wording::answered_before(&short, &text, &by)),
            AnswerDone::Expired { short, at } => Accepted::Refused(wording::question_expired(&short, at)),
            AnswerDone::NotAllowed(short) => Accepted::Refused(wording::not_yours_to_answer(&short, role)),
            AnswerDone::NotFound => Accepted::Refused(wording::unknown_button()),
        },
    }
}

fn refusal(admission: Admission) -> Reply {
    wording::not_admitted(admission).unwrap_or_else(wording::draining)
}

pub(crate) fn short_of(result: &CancelResult) -> &Short {
    match result {
        CancelResult::Cancelling { short, .. }
        | CancelResult::Cancelled { short, .. }
        | CancelResult::AlreadyCancelling { short, .. }
        | CancelResult::AlreadyCompleted { short, .. } => short,
    }
}

fn cancel_reply(result: &CancelResult) -> Reply {
    match result {
        CancelResult::Cancelling { short, by, reason } => wording::cancel_stored(short, by, reason),
        CancelResult::Cancelled { short, reason } => wording::cancelled_at_once(short, reason),
        CancelResult::AlreadyCancelling { short, by, reason } => wording::already_cancelling(short, by, reason),
        CancelResult::AlreadyCompleted { short, state } => wording::already_completed(short, *state),
    }
}

fn unresolved_reply(unresolved: &Unresolved, name: &str, verb: &str, role: Option<Role>) -> Reply {
    match unresolved {
        Unresolved::NotFound => wording::not_found(name),
        Unresolved::NothingHere => wording::nothing_to_cancel(),
        Unresolved::Several(candidates) => wording::which_one(candidates, verb),
        Unresolved::NotAllowed(short) => wording::not_yours(short, role),
    }
}

/// How many jobs `/jobs` lists.
const LISTED: i64 = 8;

async fn read(shared: &Shared, inbound: &Inbound, command: &Command) -> Accepted {
    let asker = asker(shared, inbound);
    match reading(shared, inbound, command, &asker).await {
        Ok(accepted) => accepted,
        Err(error) => {
            tracing::error!(%error, "a reading failed");
            Accepted::Busy
        }
    }
}

async fn reading(shared: &Shared, inbound: &Inbound, command: &Command, asker: &Asker) -> Result<Accepted, StoreError> {
    let now = shared.now();
    Ok(match command {
        Command::Jobs => {
            let limit = Limit::new(LISTED).unwrap_or_default();
            let filter = JobFilter { address: Some(inbound.place.address.clone()), open_only: false, limit };
            let jobs = shared.store().read(ListJobs { asker: asker.clone(), filter }).await?;
            Accepted::Answered(wording::jobs(&jobs, now))
        }
        Command::Status { job: Some(job) } => {
            let query = InspectJob { asker: asker.clone(), job: job.clone(), limit: Limit::default() };
            match shared.store().read(query).await? {
                Ok(inspection) => {
                    let lines = timeline::lines(&inspection);
                    Accepted::Answered(wording::timeline(&inspection.job, &lines, now))
                }
                Err(unresolved) => Accepted::Refused(unresolved_reply(&unresolved, job, "status", asker.role)),
            }
        }
        Command::Status { job: None } => {
            let health = shared.store().read(HealthOf).await?;
            let paused: Vec<(String, String)> = health
                .accounts
                .iter()
                .map(|account| (account.account.to_string(), account.paused.clone().unwrap_or_default()))
                .collect();
            let gates = health.gates.iter().map(|gate| (gate.backend.to_string(), wording::gate_line(gate)));
            let paused: Vec<(String, String)> = shared
                .store()
                .trouble()
                .map(|why| ("store".to_owned(), why))
                .into_iter()
                .chain(paused)
                .chain(gates)
                .collect();
            let oldest = health.oldest.map(|since| now.since(since));
            Accepted::Answered(wording::health(health.running, health.queued, health.undelivered, oldest, &paused))
        }
        Command::Whoami => Accepted::Answered(wording::whoami(&inbound.person, inbound.account.as_str(), asker.role)),
        Command::Help | Command::Run { .. } | Command::Cancel { .. } | Command::Watch { .. } => {
            Accepted::Answered(wording::help(&shared.kinds().about()))
        }
    })
}

/// The door that adapters are given.
pub(crate) struct Door {
    pub(crate) events: tokio::sync::mpsc::UnboundedSender<crate::event::Event>,
    pub(crate) places: Arc<tokio::sync::Semaphore>,
}

/// How many batches may be under way at once; a further one is answered *busy* and comes again.
pub(crate) const BATCHES: usize = 1_024;

#[async_trait::async_trait]
impl wilco_core::Inbox for Door {
    async fn offer(&self, batch: Vec<Inbound>) -> Vec<Accepted> {
        let count = batch.len();
        let busy = || vec![Accepted::Busy; count];
        let Ok(_place) = self.places.try_acquire() else {
            return busy();
        };
        let (reply, answer) = oneshot::channel();
        if self.events.send(crate::event::Event::Offered { batch, reply }).is_err() {
            return busy();
        }
        answer.await.unwrap_or_else(|_| busy())
    }
}

/// A caller of the desk as the store knows them.
pub(crate) fn asker_of(shared: &Shared, caller: &Caller) -> Asker {
    match caller {
        Caller::Host => Asker::host(),
        Caller::Person { account, person, address } => {
            let channel = address.as_ref().map(|address| address.channel.as_str()).unwrap_or_default();
            let role = shared.role(account, person, channel);
            Asker::person(account.clone(), person.clone(), address.clone(), role)
        }
    }
}
