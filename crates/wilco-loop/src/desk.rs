//! The desk: the one door for people who look or act, over store and loop, or over the store alone.

use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::sync::{broadcast, mpsc};
use wilco_core::access::{Grant, Role};
use wilco_core::command::{self, Command};
use wilco_core::desk::{
    AccountHealth, Caller, CancelResult, Desk, DeskError, FollowupDone, FollowupFilter, FollowupInspection,
    FollowupSet, FollowupView, FollowupWish, Health, Inspection, JobFilter, JobView, Limit, Notice, ReceiptFilter,
    ReceiptView,
};
use wilco_core::followup::FollowupAct;
use wilco_core::gate::ClosedGate;
use wilco_core::pairing::PairingCode;
use wilco_core::{Accepted, AccountId, BackendId, FileRef, Inbound, Inbox, Place, ReceiptId, What, wording};
use wilco_store::changes::{
    ChangeFollowup, FollowupUnresolved, Gates, Grants, OfferPairing, OpenGates, RequestCancel, RetryReceipt,
    RevokeGrant, ScheduleFollowup, Scheduling, Unresolved,
};
use wilco_store::reads::{HealthOf, InspectFollowup, InspectJob, LastDelivery, ListFollowups, ListJobs, ListReceipts};
use wilco_store::{Change, StoreError};

use crate::connections::Connections;
use crate::event::Event;
use crate::intake::asker_of;
use crate::intake::followups::{self, Unwanted};
use crate::notices;
use crate::shared::{Parts, Shared};

/// The desk of a running bot, or of a store beside one.
pub struct LoopDesk {
    shared: Shared,
    running: Option<Beside>,
}

/// What only a running bot has.
struct Beside {
    events: mpsc::UnboundedSender<Event>,
    connections: Arc<Connections>,
    inbox: Arc<dyn Inbox>,
}

impl LoopDesk {
    pub(crate) fn new(
        shared: Shared,
        events: mpsc::UnboundedSender<Event>,
        connections: Arc<Connections>,
        inbox: Arc<dyn Inbox>,
    ) -> Self {
        Self { shared, running: Some(Beside { events, connections, inbox }) }
    }

    /// A desk over the store alone, for the command line: it writes facts, and a bot that runs beside
    /// it notices them within a second.
    pub fn over_store(parts: Parts) -> Self {
        Self { shared: Shared::new(parts), running: None }
    }

    async fn read<C: Change>(&self, query: C) -> Result<C::Out, DeskError> {
        self.shared.store().read(query).await.map_err(store_error)
    }

    async fn write<C: Change>(&self, change: C) -> Result<C::Out, DeskError> {
        self.shared.store().write(change).await.map_err(store_error)
    }

    fn owners_only(&self, caller: &Caller, what: &str) -> Result<(), DeskError> {
        let has = asker_of(&self.shared, caller).role;
        if has < Some(Role::Owner) {
            return Err(DeskError::NotAllowed { what: what.to_owned(), needs: Role::Owner, has });
        }
        Ok(())
    }

    fn nudge(&self, stop: Option<wilco_core::WorkerId>) {
        if let Some(running) = &self.running {
            // A loop that has ended finds it at its next start.
            drop(running.events.send(Event::Nudged { stop }));
        }
    }
}

fn store_error(error: StoreError) -> DeskError {
    DeskError::Store(error.to_string())
}

fn unresolved(name: &str, unresolved: Unresolved, role: Option<Role>) -> DeskError {
    match unresolved {
        Unresolved::NotFound | Unresolved::NothingHere => DeskError::NotFound(name.to_owned()),
        Unresolved::Several(candidates) => DeskError::Ambiguous { name: name.to_owned(), candidates },
        Unresolved::NotAllowed(_) => {
            DeskError::NotAllowed { what: "to cancel a job of somebody else".to_owned(), needs: Role::Owner, has: role }
        }
    }
}

fn no_followup(name: &str, unresolved: FollowupUnresolved, role: Option<Role>) -> DeskError {
    match unresolved {
        FollowupUnresolved::NotFound => DeskError::NotFound(name.to_owned()),
        FollowupUnresolved::Several(candidates) => DeskError::AmbiguousFollowup { name: name.to_owned(), candidates },
        FollowupUnresolved::NotAllowed(_) => {
            let what = "to change a follow-up of somebody else".to_owned();
            DeskError::NotAllowed { what, needs: Role::Owner, has: role }
        }
    }
}

#[async_trait]
impl Desk for LoopDesk {
    async fn jobs(&self, caller: &Caller, filter: &JobFilter) -> Result<Vec<JobView>, DeskError> {
        let asker = asker_of(&self.shared, caller);
        self.read(ListJobs { asker, filter: filter.clone() }).await
    }

    async fn inspect(&self, caller: &Caller, job: &str, limit: Limit) -> Result<Inspection, DeskError> {
        let asker = asker_of(&self.shared, caller);
        let role = asker.role;
        let found = self.read(InspectJob { asker, job: job.to_owned(), limit }).await?;
        found.map_err(|reason| unresolved(job, reason, role))
    }

    async fn run(
        &self,
        caller: &Caller,
        place: &Place,
        event: &str,
        kind: &str,
        text: &str,
    ) -> Result<JobView, DeskError> {
        let Some(running) = &self.running else {
            return Err(DeskError::BadInput("jobs are started by a running bot: start `wilco` first".to_owned()));
        };
        let Caller::Person { account, person, .. } = caller else {
            return Err(DeskError::BadInput("a job needs a person and a place on a platform".to_owned()));
        };
        let inbound = Inbound {
            account: account.clone(),
            event: event.to_owned(),
            place: place.clone(),
            person: person.clone(),
            what: What::Command(Command::Run { worker: kind.to_owned(), text: text.to_owned() }),
            at: self.shared.now(),
        };
        let accepted = running.inbox.offer(vec![inbound]).await.pop();
        match accepted {
            // The same request given again is answered as it was the first time, so that a client may try again.
            Some(Accepted::Stored { worker: Some(short), .. } | Accepted::Duplicate { worker: Some(short) }) => {
                Ok(self.inspect(&Caller::Host, short.as_str(), Limit::default()).await?.job)
            }
            Some(Accepted::Duplicate { worker: None }) => {
                Err(DeskError::BadInput(format!("the event `{event}` was given before and started no job")))
            }
            Some(Accepted::Refused(reply) | Accepted::Answered(reply)) => Err(DeskError::Refused(reply)),
            Some(Accepted::Stored { worker: None, .. } | Accepted::Busy) | None => Err(DeskError::Store(
                "it did not answer, and nothing was started; give it again in a moment".to_owned(),
            )),
        }
    }

    async fn cancel(&self, caller: &Caller, job: &str, reason: Option<&str>) -> Result<CancelResult, DeskError> {
        let asker = asker_of(&self.shared, caller);
        let role = asker.role;
        let change = RequestCancel {
            asker,
            job: job.to_owned(),
            reason: command::cancel_reason(reason),
            now: self.shared.now(),
            platforms: self.shared.platforms(),
            fresh: self.shared.fresh(),
        };
        match self.write(change).await? {
            Ok(done) => {
                let cancelling = matches!(done.result, CancelResult::Cancelling { .. });
                self.nudge(cancelling.then(|| done.worker.clone()));
                if matches!(done.result, CancelResult::Cancelled { .. }) {
                    notices::of_job(self.shared.clone(), done.worker.clone()).await;
                }
                self.shared.notify(&done.worker, done.result.short());
                Ok(done.result)
            }
            Err(reason) => Err(unresolved(job, reason, role)),
        }
    }

    async fn followups(&self, caller: &Caller, filter: &FollowupFilter) -> Result<Vec<FollowupView>, DeskError> {
        let asker = asker_of(&self.shared, caller);
        self.read(ListFollowups { asker, filter: filter.clone() }).await
    }

    async fn followup(&self, caller: &Caller, id: &str, limit: Limit) -> Result<FollowupInspection, DeskError> {
        let asker = asker_of(&self.shared, caller);
        let role = asker.role;
        let found = self.read(InspectFollowup { asker, name: id.to_owned(), limit }).await?;
        found.map_err(|reason| no_followup(id, reason, role))
    }

    async fn schedule(
        &self,
        caller: &Caller,
        place: &Place,
        event: &str,
        wish: &FollowupWish,
    ) -> Result<FollowupSet, DeskError> {
        let Caller::Person { account, person, .. } = caller else {
            return Err(DeskError::BadInput("a follow-up needs a person and a place on a platform".to_owned()));
        };
        if self.running.is_none() {
            // Nobody keeps them up to date here.
            self.shared.read_grants().await.map_err(store_error)?;
        }
        let has = self.shared.role_at(account, person, place);
        if has < Some(Role::Operator) {
            let what = "to schedule follow-ups".to_owned();
            return Err(DeskError::NotAllowed { what, needs: Role::Operator, has });
        }
        let new = match followups::wanted(&self.shared, account, person, place, wish).await {
            Ok(new) => new,
            Err(Unwanted::Refused(reply)) => return Err(DeskError::Refused(reply)),
            Err(Unwanted::Store(error)) => return Err(store_error(error)),
        };
        let change = ScheduleFollowup {
            account: account.clone(),
            event: event.to_owned(),
            person: person.clone(),
            place: place.clone(),
            new,
            now: self.shared.now(),
            wall: self.shared.clock().now(),
        };
        match self.write(change).await? {
            Scheduling::Set(set) => {
                self.nudge(None);
                notices::of_changes(self.shared.clone(), notices::by_schedule(&set)).await;
                Ok(*set)
            }
            Scheduling::TooMany { limit } => Err(DeskError::Refused(wording::followup_too_many(limit))),
            Scheduling::GivenBefore => {
                Err(DeskError::BadInput(format!("the event `{event}` was given before and scheduled nothing")))
            }
        }
    }

    async fn change(&self, caller: &Caller, id: &str, act: FollowupAct) -> Result<FollowupDone, DeskError> {
        let asker = asker_of(&self.shared, caller);
        let role = asker.role;
        let change = ChangeFollowup {
            asker,
            name: id.to_owned(),
            act,
            now: self.shared.now(),
            wall: self.shared.clock().now(),
            fresh: self.shared.fresh(),
        };
        let done = self.write(change).await?.map_err(|reason| no_followup(id, reason, role))?;
        self.nudge(None);
        notices::of_changes(self.shared.clone(), notices::by_act(&done).into_iter().collect()).await;
        Ok(done)
    }

    async fn receipts(&self, caller: &Caller, filter: &ReceiptFilter) -> Result<Vec<ReceiptView>, DeskError> {
        let asker = asker_of(&self.shared, caller);
        self.read(ListReceipts { asker, filter: filter.clone() }).await
    }

    async fn retry(&self, caller: &Caller, receipt: &ReceiptId) -> Result<ReceiptView, DeskError> {
        self.owners_only(caller, "to send a receipt again")?;
        let change = RetryReceipt { receipt: receipt.clone(), now: self.shared.now(), fresh: self.shared.fresh() };
        match self.write(change).await? {
            Some(Ok(view)) => {
                self.nudge(None);
                Ok(view)
            }
            Some(Err(why)) => Err(DeskError::BadInput(why)),
            None => Err(DeskError::NotFound(receipt.to_string())),
        }
    }

    async fn file(&self, caller: &Caller, job: &str, index: usize) -> Result<FileRef, DeskError> {
        let inspection = self.inspect(caller, job, Limit::default()).await?;
        let ending = inspection.ending.ok_or_else(|| DeskError::NotFound(format!("{job}: it has not ended")))?;
        let mut files = ending.files.into_iter().chain(ending.whole);
        files.nth(index).ok_or_else(|| DeskError::NotFound(format!("{job}: file {index}")))
    }

    async fn health(&self) -> Result<Health, DeskError> {
        let mut health = self.read(HealthOf).await?;
        health.store = self.shared.store().trouble();
        let Some(running) = &self.running else { return Ok(health) };
        for adapter in self.shared.adapters() {
            let account = adapter.account().clone();
            let connected = running.connections.is_up(&account);
            let last_delivery = self.read(LastDelivery { account: account.clone() }).await?;
            let known = health.accounts.iter().find(|known| known.account == account);
            let paused = known.and_then(|known| known.paused.clone());
            let plain = adapter.plain_messages();
            let found = AccountHealth { account, connected, paused, last_delivery, plain };
            match health.accounts.iter_mut().find(|known| known.account == found.account) {
                Some(known) => *known = found,
                None => health.accounts.push(found),
            }
        }
        Ok(health)
    }

    async fn gates(&self) -> Result<Vec<ClosedGate>, DeskError> {
        Ok(self.read(Gates).await?.into_iter().map(|(gate, _)| gate).collect())
    }

    async fn open_gate(&self, caller: &Caller, backend: &BackendId) -> Result<ClosedGate, DeskError> {
        self.owners_only(caller, "to open a gate")?;
        let (because, wall) = ("an owner opened it", self.shared.clock().now());
        let change = OpenGates { backend: Some(backend.clone()), stamp: None, because, wall };
        match self.write(change).await?.pop() {
            Some(gate) => {
                self.nudge(None);
                Ok(gate)
            }
            None => Err(DeskError::BadInput(wording::gate_not_closed(backend, &self.gates().await?))),
        }
    }

    async fn grants(&self, caller: &Caller) -> Result<Vec<Grant>, DeskError> {
        self.owners_only(caller, "to see who was made owner")?;
        self.read(Grants).await
    }

    async fn revoke(&self, caller: &Caller, account: &AccountId, person: &str) -> Result<Grant, DeskError> {
        self.owners_only(caller, "to revoke a right")?;
        let change = RevokeGrant { account: account.clone(), person: person.to_owned() };
        let revoked = self.write(change).await?;
        self.shared.read_grants().await.map_err(store_error)?;
        revoked.ok_or_else(|| DeskError::BadInput(wording::nothing_to_revoke(account.as_str(), person)))
    }

    async fn offer_pairing(&self, caller: &Caller) -> Result<PairingCode, DeskError> {
        self.owners_only(caller, "to make another owner")?;
        let code = self.shared.dice().pairing_code();
        self.write(OfferPairing { digest: code.digest(), now: self.shared.now() }).await?;
        Ok(code)
    }

    fn role(&self, caller: &Caller) -> Option<Role> {
        asker_of(&self.shared, caller).role
    }

    fn kinds(&self) -> Vec<(String, String)> {
        self.shared.kinds().about()
    }

    fn subscribe(&self) -> BoxStream<'static, Notice> {
        let receiver = self.shared.subscribe();
        futures::stream::unfold(receiver, |mut receiver| async move {
            loop {
                match receiver.recv().await {
                    Ok(notice) => return Some((notice, receiver)),
                    // What was missed is seen at the next notice: a notice only says "look again".
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return None,
                }
            }
        })
        .boxed()
    }
}
