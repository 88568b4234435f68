//! What people say, a whole batch in one transaction, each event once.

use async_trait::async_trait;
use wilco_core::access::Grant;
use wilco_core::desk::{Caller, FollowupDone};
use wilco_core::followup::FollowupAct;
use wilco_core::gate::ClosedGate;
use wilco_core::pairing::{PairingDigest, Refusal};
use wilco_core::settings::Admission;
use wilco_core::{Person, Place, Press, Short, Timestamp};

use super::accept::{self, NewJob, Started};
use super::answer::{self, AnswerDone};
use super::cancel::{self, CancelDone};
use super::followup::{self, Acting, FollowupUnresolved, NewFollowup, Scheduling, SetZone, Stopped};
use super::resolve::{self, Asker, Unresolved};
use super::watch::{self, NewWatch, WatchDone};
use super::{Fresh, Platforms, gate, pairing};
use crate::crash;
use crate::engine::{Change, Tx, args};
use crate::error::StoreError;

pub(super) const ONCE: &str =
    "INSERT INTO inbox (account, event, received_at) VALUES ($1, $2, $3) ON CONFLICT (account, event) DO NOTHING";
const LINK: &str = "UPDATE inbox SET worker = $1 WHERE account = $2 AND event = $3";
pub(super) const LINKED: &str = "SELECT workers.short AS short FROM inbox JOIN workers ON workers.id = inbox.worker \
                      WHERE inbox.account = $1 AND inbox.event = $2";

/// What an event asks to be changed. Questions that only read never get here.
#[derive(Clone, Debug)]
pub enum Act {
    /// Start a job.
    Run(Box<NewJob>),
    /// Stop a job: the named one, or the only one here.
    Cancel {
        /// The name, if one was given.
        job: Option<String>,
        /// The reason as it will be shown.
        reason: String,
        /// Whether the pending follow-ups of the job's place are called off, too.
        followups: bool,
    },
    /// Schedule something.
    Schedule(Box<NewFollowup>),
    /// Do something with a follow-up.
    Followup {
        /// Which.
        name: String,
        /// What.
        act: FollowupAct,
    },
    /// Call off what is pending here.
    StopHere {
        /// The reason as it will be shown.
        reason: String,
    },
    /// Keep a time zone.
    SetZone(SetZone),
    /// Become owner by a code.
    Pair(PairingDigest),
    /// Follow a job here, too.
    Watch {
        /// Which.
        job: String,
        /// The ids of the new contract.
        new: NewWatch,
    },
    /// A press on *Cancel* or on an answer.
    Press {
        /// What it means.
        press: Press,
        /// The reason of a cancel as it will be shown.
        reason: String,
    },
}

/// One event.
#[derive(Clone, Debug)]
pub struct OfferItem {
    /// The platform's id of the event.
    pub event: String,
    /// Who, with their role.
    pub asker: Asker,
    /// Where.
    pub place: Place,
    /// What.
    pub act: Act,
}

/// What became of one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offered {
    /// It was stored before.
    Duplicate {
        /// The job that it started then.
        worker: Option<Short>,
    },
    /// A job was asked for.
    Run(Result<Started, Admission>),
    /// A job was asked for that would call a backend whose gate is closed.
    Gated(ClosedGate),
    /// A cancel was asked for.
    Cancel(Result<CancelDone, Unresolved>),
    /// A cancel was asked for that takes the follow-ups of the job's place along.
    CancelWith(CancelDone, Stopped),
    /// A watch was asked for.
    Watch(Result<WatchDone, Unresolved>),
    /// A question was answered.
    Answer(AnswerDone),
    /// Something was to be scheduled.
    Scheduled(Scheduling),
    /// A follow-up was to be changed.
    Changed(Result<FollowupDone, FollowupUnresolved>),
    /// What was pending here was called off.
    Stopped(Stopped),
    /// A time zone is kept.
    ZoneSet,
    /// A pairing code was given.
    Paired(Result<Grant, Refusal>),
}

/// Takes a batch of events.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The events, in order.
    pub items: Vec<OfferItem>,
    /// The steady time.
    pub now: Timestamp,
    /// The wall clock, by which everything that is scheduled goes.
    pub wall: Timestamp,
    /// The measures of the accounts.
    pub platforms: Platforms,
    /// Receipt ids.
    pub fresh: Fresh,
}

#[async_trait]
impl Change for Offer {
    type Out = Vec<Offered>;

    fn name(&self) -> &'static str {
        "offer"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<Vec<Offered>, StoreError> {
        let mut fresh = self.fresh.clone();
        let mut answers = Vec::with_capacity(self.items.len());
        for item in &self.items {
            answers.push(self.one(tx, item, &mut fresh).await?);
            // Only who speaks is seen: what a follow-up says for somebody tells nothing new of them.
            if let Some(person) = person(item) {
                followup::person_seen(tx, &item.place, person).await?;
            }
        }
        crash::point("store.offer.applied");
        Ok(answers)
    }
}

impl Offer {
    pub(super) async fn one(
        &self,
        tx: &mut Tx<'_>,
        item: &OfferItem,
        fresh: &mut Fresh,
    ) -> Result<Offered, StoreError> {
        let account = &item.place.address.account;
        if tx.run(ONCE, args![account, item.event.as_str(), self.now]).await? == 0 {
            let row = tx.row(LINKED, args![account, item.event.as_str()]).await?;
            let worker = row.map(|row| row.text("short").map(Short::new)).transpose()?;
            return Ok(Offered::Duplicate { worker });
        }
        match &item.act {
            Act::Run(job) => {
                let person = person(item).cloned().unwrap_or_else(|| Person::new("host", "the host"));
                if let Some(backend) = &job.backend
                    && let Some(closed) = gate::closed(tx, backend).await?
                {
                    // The answer says what to do, so nobody has to be told of it again.
                    gate::tell_once(tx, backend, account, &person.id).await?;
                    return Ok(Offered::Gated(closed));
                }
                let started = accept::accept(tx, job, &item.place, &person, self.now).await?;
                if let Ok(started) = &started {
                    tx.run(LINK, args![&started.worker, account, item.event.as_str()]).await?;
                }
                Ok(Offered::Run(started))
            }
            Act::Cancel { job, reason, followups } => {
                self.cancel(tx, item, job.as_deref(), reason, *followups, fresh).await
            }
            Act::Schedule(new) => {
                let Some(person) = person(item) else {
                    return Err(StoreError::Refused("a follow-up needs a person".to_owned()));
                };
                let done = followup::schedule(tx, person, &item.place, new, self.now, self.wall).await?;
                Ok(Offered::Scheduled(done))
            }
            Act::Followup { name, act } => Ok(Offered::Changed(self.change(tx, item, name, *act, fresh).await?)),
            Act::StopHere { reason } => {
                let here = &item.place.address;
                let mut stopped = followup::stop_here(tx, &item.asker, here, reason, self.now).await?;
                stopped.running = resolve::open_here(tx, &item.asker, here).await?;
                Ok(Offered::Stopped(stopped))
            }
            Act::SetZone(set) => {
                followup::set_zone(tx, set).await?;
                Ok(Offered::ZoneSet)
            }
            Act::Pair(given) => {
                let Some(person) = person(item) else {
                    return Err(StoreError::Refused("a pairing code is given by a person".to_owned()));
                };
                Ok(Offered::Paired(pairing::pair(tx, account, person, &item.event, given, self.now).await?))
            }
            Act::Watch { job, new } => {
                let done =
                    watch::watch(tx, &item.asker, job, &item.place, new, self.now, &self.platforms, fresh).await?;
                Ok(Offered::Watch(done))
            }
            Act::Press { press, reason } => self.press(tx, item, press, reason, fresh).await,
        }
    }

    async fn press(
        &self,
        tx: &mut Tx<'_>,
        item: &OfferItem,
        press: &Press,
        reason: &str,
        fresh: &mut Fresh,
    ) -> Result<Offered, StoreError> {
        let target = match press {
            Press::Followup { act, id } => {
                return Ok(Offered::Changed(self.change(tx, item, id, *act, fresh).await?));
            }
            Press::StopHere => {
                let here = &item.place.address;
                let stopped = followup::stop_here(tx, &item.asker, here, reason, self.now).await?;
                return Ok(Offered::Stopped(stopped));
            }
            Press::CancelStub { key } => cancel::Target::Stub(key),
            Press::Cancel { id } => cancel::Target::Named(id),
            Press::Answer { question, choice } => {
                return Ok(Offered::Answer(answer::answer(tx, &item.asker, question, *choice, self.now).await?));
            }
            // These two are a reading and a new job; whoever prepares the item never sends them here.
            Press::Details { .. } | Press::RunAgain { .. } => return Ok(Offered::Cancel(Err(Unresolved::NotFound))),
        };
        let done = cancel::cancel(tx, &item.asker, target, reason, self.now, &self.platforms, fresh).await?;
        Ok(Offered::Cancel(done))
    }
    /// A word that names no job may name a follow-up: people cancel either with the same command.
    async fn cancel(
        &self,
        tx: &mut Tx<'_>,
        item: &OfferItem,
        job: Option<&str>,
        reason: &str,
        followups: bool,
        fresh: &mut Fresh,
    ) -> Result<Offered, StoreError> {
        let target = match job {
            Some(name) => cancel::Target::Named(name),
            None => cancel::Target::Here(&item.place.address),
        };
        let done = cancel::cancel(tx, &item.asker, target, reason, self.now, &self.platforms, fresh).await?;
        match (done, job) {
            (Err(Unresolved::NotFound), Some(name)) => {
                let changed = self.change(tx, item, name, FollowupAct::Cancel, fresh).await?;
                Ok(match changed {
                    Err(FollowupUnresolved::NotFound) => Offered::Cancel(Err(Unresolved::NotFound)),
                    found => Offered::Changed(found),
                })
            }
            (Ok(done), _) if followups => {
                let reason = format!("{} was cancelled with its follow-ups", done.result.short());
                let place = cancel::place_of(tx, &done.worker).await?;
                let stopped = match place {
                    Some(place) => followup::stop_here(tx, &item.asker, &place, &reason, self.now).await?,
                    None => Stopped::default(),
                };
                Ok(Offered::CancelWith(done, stopped))
            }
            (done, _) => Ok(Offered::Cancel(done)),
        }
    }

    async fn change(
        &self,
        tx: &mut Tx<'_>,
        item: &OfferItem,
        name: &str,
        act: FollowupAct,
        fresh: &mut Fresh,
    ) -> Result<Result<FollowupDone, FollowupUnresolved>, StoreError> {
        let mut acting = Acting { now: self.now, wall: self.wall, fresh };
        followup::act(tx, &item.asker, name, act, &mut acting).await
    }
}

fn person(item: &OfferItem) -> Option<&Person> {
    match &item.asker.caller {
        Caller::Person { person, .. } => Some(person),
        Caller::Host => None,
    }
}
