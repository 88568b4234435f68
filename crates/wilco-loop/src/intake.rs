//! What people say becomes changes and private answers.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use wilco_core::access::Role;
use wilco_core::command::{self, Command};
use wilco_core::desk::{Caller, FollowupWish, JobFilter, Limit};
use wilco_core::followup::Origin;
use wilco_core::job::Input;
use wilco_core::settings::KindSettings;
use wilco_core::wording;
use wilco_core::{Accepted, Inbound, MessageRef, Person, Press, Reply, Short, What, WorkerId};
use wilco_store::StoreError;
use wilco_store::changes::{Act, Asker, NewJob, NewWatch, Offer, OfferItem, Offered};
use wilco_store::reads::{HealthOf, InspectJob, ListJobs};

use crate::notices;
use crate::shared::Shared;
use crate::timeline;

pub(crate) mod followups;
mod told;

use followups::Unwanted;
use told::unresolved_reply;
pub(crate) use told::{told, words_of};

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
    /// These have ended without a task of this process.
    pub(crate) ended: Vec<WorkerId>,
    /// These follow-ups were scheduled, called off or otherwise changed.
    pub(crate) followups: Vec<notices::Changed>,
    /// Presses on messages that may be strays: the worker and where the press was.
    pub(crate) strays: Vec<(WorkerId, Short, MessageRef)>,
    /// Whether nothing was stored, because the store did not take it.
    pub(crate) failed: bool,
}

/// One event on its way: to the store, or answered at once.
pub(crate) enum Prepared {
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
        prepared.push(prepare(&shared, inbound, draining, &Origin::Person).await);
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
        let (now, wall) = (shared.now(), shared.clock().now());
        let offer = Offer { items, now, wall, platforms: shared.platforms(), fresh: shared.fresh() };
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
                    Some(offered) => {
                        let cancelled = told::cancelled(&offered).cloned();
                        let accepted = told(&shared, inbound, offered, &mut taken);
                        match cancelled {
                            Some(worker) => told::with_stop_here(&shared, inbound, &worker, accepted).await,
                            None => accepted,
                        }
                    }
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
        // It does not pass by itself, so whoever asked is told instead of being left to wait.
        StoreError::Io(_) => Accepted::Refused(wording::not_stored("the store cannot be written")),
        StoreError::Gone(_) => Accepted::Refused(wording::not_stored("the store's file is gone")),
        StoreError::Busy(_) | StoreError::Closed => Accepted::Busy,
        StoreError::Newer { .. }
        | StoreError::Locked { .. }
        | StoreError::Undecodable { .. }
        | StoreError::Constraint(_)
        | StoreError::Refused(_)
        | StoreError::BadUrl(_) => Accepted::Refused(wording::not_stored("the store refused it, see the log")),
    }
}

pub(crate) fn asker(shared: &Shared, inbound: &Inbound) -> Asker {
    let address = &inbound.place.address;
    let role = shared.role_at(&inbound.account, &inbound.person, &inbound.place);
    Asker::person(inbound.account.clone(), inbound.person.clone(), Some(address.clone()), role)
}

/// Understands one event. What a follow-up says takes the same road; `origin` marks what comes of it.
pub(crate) async fn prepare(shared: &Shared, inbound: &Inbound, draining: bool, origin: &Origin) -> Prepared {
    let asker = asker(shared, inbound);
    let job = |kind: &str, text: &str| match draining {
        true => Err(wording::draining()),
        false => new_job(shared, inbound, kind, text, origin),
    };
    let act = match &inbound.what {
        What::Said(_) => return Prepared::Done(Accepted::Answered(wording::no_agent())),
        What::Command(command) => {
            if let Some(refusal) = needs(command.spec().needs, asker.role, command.spec().verb) {
                return Prepared::Done(Accepted::Refused(refusal));
            }
            match command {
                Command::Run { worker, text } => match job(worker, text) {
                    Ok(job) => Act::Run(Box::new(job)),
                    Err(refusal) => return Prepared::Done(Accepted::Refused(refusal)),
                },
                Command::Cancel { job, reason, followups } => Act::Cancel {
                    job: job.clone(),
                    reason: command::cancel_reason(reason.as_deref()),
                    followups: *followups,
                },
                Command::Followup { when, text, key } => {
                    let (when, text, key) = (when.clone(), text.clone(), key.clone());
                    let wish = FollowupWish { when, text, key, ..FollowupWish::default() };
                    match followups::wanted(shared, &inbound.account, &inbound.person, &inbound.place, &wish).await {
                        Ok(new) => Act::Schedule(Box::new(new)),
                        Err(Unwanted::Refused(refusal)) => return Prepared::Done(Accepted::Refused(refusal)),
                        Err(Unwanted::Store(error)) => return Prepared::Done(refused(&error)),
                    }
                }
                Command::Stop => Act::StopHere { reason: stopped_by(&asker) },
                Command::Timezone { zone: Some(zone), here } => {
                    let (person, place) = (&inbound.person, &inbound.place);
                    match followups::zone_to_set(&inbound.account, person, asker.role, place, zone, *here) {
                        Ok(set) => Act::SetZone(set),
                        Err(refusal) => return Prepared::Done(Accepted::Refused(refusal)),
                    }
                }
                Command::Pair { code } => match may_pair(&inbound.person, asker.role) {
                    Ok(()) => Act::Pair(code.digest()),
                    Err(refusal) => return Prepared::Done(Accepted::Refused(refusal)),
                },
                Command::Watch { job } => Act::Watch { job: job.clone(), new: new_watch(shared) },
                reading @ (Command::Jobs
                | Command::Status { .. }
                | Command::Followups { .. }
                | Command::Timezone { zone: None, .. }
                | Command::Whoami
                | Command::Help) => {
                    return Prepared::Read(reading.clone());
                }
            }
        }
        What::Press { press, .. } => match press {
            Press::CancelStub { .. } | Press::Cancel { .. } | Press::Answer { .. } | Press::Followup { .. } => {
                if let Some(refusal) = needs(Some(Role::Viewer), asker.role, "this button") {
                    return Prepared::Done(Accepted::Refused(refusal));
                }
                Act::Press { press: press.clone(), reason: command::cancel_reason(None) }
            }
            Press::StopHere => {
                if let Some(refusal) = needs(Some(Role::Viewer), asker.role, "this button") {
                    return Prepared::Done(Accepted::Refused(refusal));
                }
                Act::StopHere { reason: stopped_by(&asker) }
            }
            Press::Details { id } => {
                if let Some(refusal) = needs(Some(Role::Viewer), asker.role, "status") {
                    return Prepared::Done(Accepted::Refused(refusal));
                }
                return Prepared::Read(Command::Status { job: Some(id.clone()) });
            }
            Press::RunAgain { id } => {
                let again = run_again(shared, &asker, id).await;
                match again.and_then(|(kind, input)| job(&kind, &input)) {
                    Ok(job) => Act::Run(Box::new(job)),
                    Err(refusal) => return Prepared::Done(Accepted::Refused(refusal)),
                }
            }
        },
    };
    Prepared::Store(Box::new(OfferItem { event: inbound.event.clone(), asker, place: inbound.place.clone(), act }))
}

fn needs(needs: Option<Role>, has: Option<Role>, what: &str) -> Option<Reply> {
    let needs = needs?;
    (has < Some(needs)).then(|| wording::not_allowed(what, needs, has))
}

/// Whom a code can make owner.
fn may_pair(person: &Person, role: Option<Role>) -> Result<(), Reply> {
    match role {
        _ if person.outsider => Err(wording::pairing_outsider()),
        Some(Role::Owner) => Err(wording::paired_already()),
        Some(Role::Viewer | Role::Operator) | None => Ok(()),
    }
}

fn stopped_by(asker: &Asker) -> String {
    format!("stopped here by {}", wording::one_line(asker.name()))
}

pub(crate) fn new_job(
    shared: &Shared,
    inbound: &Inbound,
    kind: &str,
    text: &str,
    origin: &Origin,
) -> Result<NewJob, Reply> {
    let kinds = shared.kinds();
    let Some(worker) = (if origin.is_person() { kinds.offered(kind) } else { kinds.get(kind) }) else {
        let nearest = shared.kinds().nearest(kind);
        return Err(wording::unknown_worker(kind, nearest.as_deref(), &shared.kinds().names()));
    };
    let input = Input { origin: origin.clone(), ..Input::new(text, inbound.person.clone()) };
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

/// The kind and the input of a job that somebody wants to run again, in their own name.
async fn run_again(shared: &Shared, asker: &Asker, id: &str) -> Result<(String, String), Reply> {
    if let Some(refusal) = needs(Some(Role::Operator), asker.role, "run") {
        return Err(refusal);
    }
    let query = InspectJob { asker: asker.clone(), job: id.to_owned(), limit: Limit::default() };
    match shared.store().read(query).await {
        Ok(Ok(inspection)) => Ok((inspection.job.kind, inspection.job.input)),
        Ok(Err(unresolved)) => Err(unresolved_reply(&unresolved, id, "status", asker.role)),
        Err(error) => {
            tracing::error!(%error, "a job could not be looked up");
            Err(wording::not_stored("the store did not answer"))
        }
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

pub(crate) async fn reading(
    shared: &Shared,
    inbound: &Inbound,
    command: &Command,
    asker: &Asker,
) -> Result<Accepted, StoreError> {
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
            let plain: Vec<(String, u64)> =
                shared.adapters().map(|one| (one.account().to_string(), one.plain_messages())).collect();
            let (running, queued, undelivered) = (health.running, health.queued, health.undelivered);
            Accepted::Answered(wording::health(running, queued, undelivered, oldest, &paused, &plain))
        }
        Command::Followups { page } => followups::list(shared, inbound, asker, *page).await?,
        Command::Timezone { .. } => {
            let (account, person, place) = (&inbound.account, &inbound.person, &inbound.place);
            let (zone, from) = followups::zone_of(shared, account, person, place).await?;
            Accepted::Answered(wording::timezone(zone, from, shared.clock().now()))
        }
        Command::Whoami => Accepted::Answered(wording::whoami(&inbound.person, inbound.account.as_str(), asker.role)),
        Command::Help
        | Command::Run { .. }
        | Command::Cancel { .. }
        | Command::Watch { .. }
        | Command::Followup { .. }
        | Command::Pair { .. }
        | Command::Stop => Accepted::Answered(wording::help(&shared.kinds().about())),
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
        Caller::Person { account, person, address, guild } => {
            let channel = address.as_ref().map(|address| address.channel.as_str()).unwrap_or_default();
            let role = shared.role(account, person, channel, guild.as_deref());
            Asker::person(account.clone(), person.clone(), address.clone(), role)
        }
    }
}
