//! What stands around the web chat in these tests: an inbox and a desk.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::stream::{BoxStream, StreamExt};
use tokio::sync::{Notify, broadcast};
use tokio_stream::wrappers::BroadcastStream;
use wilco_core::access::{Grant, Role};
use wilco_core::desk::{
    Caller, CancelResult, Desk, DeskError, FollowupDone, FollowupFilter, FollowupInspection, FollowupSet, FollowupView,
    FollowupWish, Health, Inspection, JobFilter, JobView, Limit, Notice, OccurrenceView, ReceiptFilter, ReceiptView,
};
use wilco_core::followup::{FollowupAct, FollowupState, OccurrenceState, Origin, Task};
use wilco_core::gate::{ClosedGate, GateReason};
use wilco_core::journal::{Entry, Event};
use wilco_core::pairing::PairingCode;
use wilco_core::receipt::{ReceiptKind, ReceiptState};
use wilco_core::when::{Rule, Schedule, Zone};
use wilco_core::worker::{EndKind, Ending, WorkerState};
use wilco_core::{
    Accepted, AccountId, Address, BackendId, FileRef, FollowupId, Inbound, Inbox, Place, ReceiptId, Reply, Short,
    Timestamp, WorkerId,
};

/// When every test begins.
pub(crate) const START: Timestamp = Timestamp(1_800_000_000_000);

/// An inbox that answers what it was told to, after it was let through.
pub(crate) struct ScriptedInbox {
    pub(crate) offered: Mutex<Vec<Inbound>>,
    pub(crate) answer: Mutex<Accepted>,
    pub(crate) stalled: AtomicBool,
    pub(crate) let_through: Notify,
    pub(crate) reached: Notify,
}

impl ScriptedInbox {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            offered: Mutex::default(),
            answer: Mutex::new(Accepted::Stored { worker: Some(Short::new("k7f2")), reply: None }),
            stalled: AtomicBool::new(false),
            let_through: Notify::new(),
            reached: Notify::new(),
        })
    }

    pub(crate) fn answers(&self, accepted: Accepted) {
        *self.answer.lock().unwrap() = accepted;
    }
}

#[async_trait]
impl Inbox for ScriptedInbox {
    async fn offer(&self, batch: Vec<Inbound>) -> Vec<Accepted> {
        self.reached.notify_one();
        if self.stalled.load(Ordering::SeqCst) {
            self.let_through.notified().await;
        }
        let answers = batch.iter().map(|_| self.answer.lock().unwrap().clone()).collect();
        self.offered.lock().unwrap().extend(batch);
        answers
    }
}

/// A desk with one job, whose answers can be replaced by an error.
pub(crate) struct OneJobDesk {
    pub(crate) fails: Mutex<Option<DeskError>>,
    pub(crate) health: Mutex<Health>,
    pub(crate) limits: Mutex<Vec<u32>>,
    pub(crate) callers: Mutex<Vec<Caller>>,
    pub(crate) files: Mutex<Vec<FileRef>>,
    pub(crate) notices: broadcast::Sender<Notice>,
    /// What was asked about follow-ups.
    pub(crate) filters: Mutex<Vec<FollowupFilter>>,
    pub(crate) wishes: Mutex<Vec<(Place, String, FollowupWish)>>,
    pub(crate) acts: Mutex<Vec<(String, FollowupAct)>>,
}

impl OneJobDesk {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            fails: Mutex::default(),
            health: Mutex::default(),
            limits: Mutex::default(),
            callers: Mutex::default(),
            files: Mutex::default(),
            notices: broadcast::Sender::new(16),
            filters: Mutex::default(),
            wishes: Mutex::default(),
            acts: Mutex::default(),
        })
    }

    pub(crate) fn fails_with(&self, error: DeskError) {
        *self.fails.lock().unwrap() = Some(error);
    }

    fn asked(&self, caller: &Caller, limit: Limit) -> Result<(), DeskError> {
        self.callers.lock().unwrap().push(caller.clone());
        self.limits.lock().unwrap().push(limit.get());
        self.fails.lock().unwrap().clone().map_or(Ok(()), Err)
    }
}

pub(crate) fn job() -> JobView {
    JobView {
        id: WorkerId::new("0190".repeat(8)),
        short: Short::new("k7f2"),
        kind: "demo".into(),
        state: WorkerState::Done,
        input: String::new(),
        by: "Ana".into(),
        address: Address::channel("web", "general"),
        created: START,
        started: Some(START),
        ended: Some(START),
        progress: String::new(),
        cancel: None,
        origin: Origin::Person,
    }
}

pub(crate) fn gate() -> ClosedGate {
    let reason = GateReason::SessionExpired;
    ClosedGate { backend: "claude".into(), reason, closed: START, job: Short::new("k7f2") }
}

pub(crate) fn failed_receipt() -> ReceiptView {
    ReceiptView {
        id: ReceiptId::new("r1"),
        short: Short::new("k7f2"),
        contract: "c1".into(),
        kind: ReceiptKind::Content,
        part: 0,
        generation: 0,
        state: ReceiptState::Failed,
        address: Address::channel("web", "general"),
        message: None,
        attempts: 3,
        next: None,
        last_error: Some("timeout".into()),
        reason: Some("attempts used up".into()),
        created: START,
        settled: None,
    }
}

#[async_trait]
impl Desk for OneJobDesk {
    async fn jobs(&self, caller: &Caller, filter: &JobFilter) -> Result<Vec<JobView>, DeskError> {
        self.asked(caller, filter.limit)?;
        Ok(if filter.open_only { Vec::new() } else { vec![job()] })
    }

    async fn inspect(&self, caller: &Caller, _job: &str, limit: Limit) -> Result<Inspection, DeskError> {
        self.asked(caller, limit)?;
        let event = Event::Status { text: "step 3/7".into() };
        let files = self.files.lock().unwrap().clone();
        let ending = Ending { files, ..Ending::bare(EndKind::Done, "") };
        Ok(Inspection {
            job: job(),
            contracts: Vec::new(),
            events: vec![Entry { seq: 1, at: START, event }],
            ending: Some(ending),
        })
    }

    async fn run(&self, caller: &Caller, place: &Place, _: &str, kind: &str, text: &str) -> Result<JobView, DeskError> {
        self.asked(caller, Limit::default())?;
        Ok(JobView { kind: kind.to_owned(), input: text.to_owned(), address: place.address.clone(), ..job() })
    }

    async fn cancel(&self, caller: &Caller, _job: &str, reason: Option<&str>) -> Result<CancelResult, DeskError> {
        self.asked(caller, Limit::default())?;
        let reason = reason.unwrap_or("no reason given").to_owned();
        Ok(CancelResult::Cancelling { short: job().short, by: "Ana".into(), reason })
    }

    async fn followups(&self, caller: &Caller, filter: &FollowupFilter) -> Result<Vec<FollowupView>, DeskError> {
        self.asked(caller, filter.limit)?;
        self.filters.lock().unwrap().push(filter.clone());
        Ok(vec![followup()])
    }

    async fn followup(&self, caller: &Caller, _id: &str, limit: Limit) -> Result<FollowupInspection, DeskError> {
        self.asked(caller, limit)?;
        Ok(FollowupInspection { followup: followup(), occurrences: vec![occurrence()] })
    }

    async fn schedule(
        &self,
        caller: &Caller,
        place: &Place,
        event: &str,
        wish: &FollowupWish,
    ) -> Result<FollowupSet, DeskError> {
        self.asked(caller, Limit::default())?;
        self.wishes.lock().unwrap().push((place.clone(), event.to_owned(), wish.clone()));
        let task = Task::Turn { text: wish.text.clone() };
        let followup = FollowupView { task, address: place.address.clone(), ..followup() };
        Ok(FollowupSet { followup, first: START, replaced: None, rolled: false })
    }

    async fn change(&self, caller: &Caller, id: &str, act: FollowupAct) -> Result<FollowupDone, DeskError> {
        self.asked(caller, Limit::default())?;
        self.acts.lock().unwrap().push((id.to_owned(), act));
        let short = followup().short;
        Ok(match act {
            FollowupAct::Cancel => FollowupDone::Cancelled { short },
            FollowupAct::Run => FollowupDone::Runs { short },
            FollowupAct::Pause => FollowupDone::Paused { short },
            FollowupAct::Resume => FollowupDone::Resumed { short, next: START, zone: Zone::UTC },
        })
    }

    async fn receipts(&self, caller: &Caller, filter: &ReceiptFilter) -> Result<Vec<ReceiptView>, DeskError> {
        self.asked(caller, filter.limit)?;
        Ok([failed_receipt()].into_iter().filter(|one| filter.state.is_none_or(|state| state == one.state)).collect())
    }

    async fn retry(&self, caller: &Caller, _receipt: &ReceiptId) -> Result<ReceiptView, DeskError> {
        self.asked(caller, Limit::default())?;
        let Caller::Person { person, .. } = caller else { unreachable!("the page never acts as the host") };
        if person.id != "ana" {
            return Err(DeskError::NotAllowed { what: "retry".into(), needs: Role::Owner, has: Some(Role::Viewer) });
        }
        Ok(ReceiptView { state: ReceiptState::Pending, ..failed_receipt() })
    }

    async fn file(&self, caller: &Caller, job: &str, index: usize) -> Result<FileRef, DeskError> {
        self.asked(caller, Limit::default())?;
        self.files.lock().unwrap().get(index).cloned().ok_or_else(|| DeskError::NotFound(job.to_owned()))
    }

    async fn health(&self) -> Result<Health, DeskError> {
        self.fails.lock().unwrap().clone().map_or(Ok(()), Err)?;
        Ok(self.health.lock().unwrap().clone())
    }

    async fn gates(&self) -> Result<Vec<ClosedGate>, DeskError> {
        self.fails.lock().unwrap().clone().map_or(Ok(()), Err)?;
        Ok(vec![gate()])
    }

    async fn grants(&self, caller: &Caller) -> Result<Vec<Grant>, DeskError> {
        self.asked(caller, Limit::default())?;
        Ok(Vec::new())
    }

    async fn revoke(&self, _caller: &Caller, _account: &AccountId, _person: &str) -> Result<Grant, DeskError> {
        unreachable!("the page revokes nothing")
    }

    async fn offer_pairing(&self, _caller: &Caller) -> Result<PairingCode, DeskError> {
        unreachable!("the page offers no code")
    }

    async fn open_gate(&self, caller: &Caller, backend: &BackendId) -> Result<ClosedGate, DeskError> {
        self.asked(caller, Limit::default())?;
        let Caller::Person { person, .. } = caller else { unreachable!("the page never acts as the host") };
        if person.id != "ana" {
            let has = Some(Role::Viewer);
            return Err(DeskError::NotAllowed { what: "to open a gate".into(), needs: Role::Owner, has });
        }
        if *backend != gate().backend {
            return Err(DeskError::BadInput(format!("the gate of `{backend}` is not closed, nothing was changed")));
        }
        Ok(gate())
    }

    fn role(&self, _: &Caller) -> Option<Role> {
        Some(Role::Owner)
    }

    fn kinds(&self) -> Vec<(String, String)> {
        vec![("demo".into(), "a 20-second job".into()), ("echo".into(), "says it back".into())]
    }

    fn subscribe(&self) -> BoxStream<'static, Notice> {
        BroadcastStream::new(self.notices.subscribe()).filter_map(|notice| async { notice.ok() }).boxed()
    }
}

/// One that was given up.
pub(crate) fn occurrence() -> OccurrenceView {
    OccurrenceView {
        due: START,
        state: OccurrenceState::FailedDropped,
        reason: Some("this thread was deleted".into()),
        manual: false,
        attempts: 1,
        last_error: None,
        next: None,
        fired: None,
        late: None,
        settled: Some(START),
        job: None,
        delivery: None,
    }
}

/// A follow-up of Ana's.
pub(crate) fn followup() -> FollowupView {
    FollowupView {
        id: FollowupId::new("follow-up-1"),
        short: Short::new("f3k9"),
        task: Task::Turn { text: "check the deploy".into() },
        state: FollowupState::Pending,
        reason: None,
        schedule: Schedule { zone: Zone::UTC, rule: Rule::Once { at: START } },
        rule: "once".into(),
        next: Some(START),
        gate: None,
        purpose: "/followup in 2h".into(),
        by: "Ana".into(),
        address: job().address,
        key: None,
        failures: 0,
        delete_after_run: false,
        created: START,
        last: None,
        may_change: true,
    }
}

pub(crate) fn refusal(text: &str) -> Accepted {
    Accepted::Refused(Reply::text(text))
}
