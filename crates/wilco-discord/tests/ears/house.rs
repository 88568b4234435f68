//! What the ears get from the house: an inbox and a desk, each in memory.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::stream::{BoxStream, StreamExt};
use tokio::sync::{Notify, watch};
use wilco_core::access::{Grant, Role};
use wilco_core::desk::{
    Caller, CancelResult, Desk, DeskError, FollowupDone, FollowupFilter, FollowupInspection, FollowupSet, FollowupView,
    FollowupWish, Health, Inspection, JobFilter, JobView, Limit, Notice, ReceiptFilter, ReceiptView,
};
use wilco_core::followup::FollowupAct;
use wilco_core::gate::ClosedGate;
use wilco_core::pairing::PairingCode;
use wilco_core::{Accepted, AccountId, BackendId, FileRef, Inbound, Inbox, Place, ReceiptId};

/// An inbox that takes every event once, as the store does, and can be slow.
pub(crate) struct Memory {
    taken: Mutex<Vec<Inbound>>,
    offered: Mutex<Vec<String>>,
    answers: Mutex<VecDeque<Accepted>>,
    open: watch::Sender<bool>,
    changed: Notify,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            taken: Mutex::default(),
            offered: Mutex::default(),
            answers: Mutex::default(),
            open: watch::channel(true).0,
            changed: Notify::new(),
        }
    }
}

impl Memory {
    /// Everything that was taken, in order.
    pub(crate) fn taken(&self) -> Vec<Inbound> {
        self.taken.lock().unwrap().clone()
    }

    /// The ids of everything that was ever offered, repetitions included.
    pub(crate) fn offered(&self) -> Vec<String> {
        self.offered.lock().unwrap().clone()
    }

    /// What the next event is answered.
    pub(crate) fn answer(&self, accepted: Accepted) {
        self.answers.lock().unwrap().push_back(accepted);
    }

    /// Lets the store answer, or not.
    pub(crate) fn open(&self, open: bool) {
        self.open.send_replace(open);
    }

    /// Resolves when something of it holds.
    pub(crate) async fn until(&self, holds: impl Fn(&Self) -> bool) {
        loop {
            let change = self.changed.notified();
            tokio::pin!(change);
            change.as_mut().enable();
            if holds(self) {
                return;
            }
            change.await;
        }
    }
}

#[async_trait]
impl Inbox for Memory {
    async fn offer(&self, batch: Vec<Inbound>) -> Vec<Accepted> {
        self.offered.lock().unwrap().extend(batch.iter().map(|one| one.event.clone()));
        self.changed.notify_waiters();
        let mut open = self.open.subscribe();
        open.wait_for(|open| *open).await.unwrap();
        let mut answers = Vec::new();
        for one in batch {
            let mut taken = self.taken.lock().unwrap();
            if taken.iter().any(|other| other.event == one.event) {
                answers.push(Accepted::Duplicate { worker: Some("k7f2".into()) });
                continue;
            }
            taken.push(one);
            let stored = Accepted::Stored { worker: Some("k7f2".into()), reply: None };
            answers.push(self.answers.lock().unwrap().pop_front().unwrap_or(stored));
        }
        self.changed.notify_waiters();
        answers
    }
}

/// Lists for what is offered while somebody types.
#[derive(Default)]
pub(crate) struct Lists {
    pub(crate) jobs: Vec<JobView>,
    pub(crate) callers: Mutex<Vec<Caller>>,
    pub(crate) hangs: AtomicBool,
    /// What the rules let everybody do.
    pub(crate) role: Mutex<Option<Role>>,
}

impl Lists {
    pub(crate) fn of(jobs: Vec<JobView>) -> Arc<Self> {
        Arc::new(Self { jobs, role: Mutex::new(Some(Role::Viewer)), ..Self::default() })
    }
}

fn no<T>() -> Result<T, DeskError> {
    Err(DeskError::Store("this desk has lists alone".to_owned()))
}

#[async_trait]
impl Desk for Lists {
    async fn jobs(&self, caller: &Caller, filter: &JobFilter) -> Result<Vec<JobView>, DeskError> {
        self.callers.lock().unwrap().push(caller.clone());
        if self.hangs.load(Ordering::SeqCst) {
            futures::future::pending::<()>().await;
        }
        let open = |job: &&JobView| !filter.open_only || !job.state.is_terminal();
        Ok(self.jobs.iter().filter(open).cloned().collect())
    }
    async fn inspect(&self, _: &Caller, _: &str, _: Limit) -> Result<Inspection, DeskError> {
        no()
    }
    async fn run(&self, _: &Caller, _: &Place, _: &str, _: &str, _: &str) -> Result<JobView, DeskError> {
        no()
    }
    async fn cancel(&self, _: &Caller, _: &str, _: Option<&str>) -> Result<CancelResult, DeskError> {
        no()
    }
    async fn followups(&self, _: &Caller, _: &FollowupFilter) -> Result<Vec<FollowupView>, DeskError> {
        Ok(Vec::new())
    }
    async fn followup(&self, _: &Caller, _: &str, _: Limit) -> Result<FollowupInspection, DeskError> {
        no()
    }
    async fn schedule(&self, _: &Caller, _: &Place, _: &str, _: &FollowupWish) -> Result<FollowupSet, DeskError> {
        no()
    }
    async fn change(&self, _: &Caller, _: &str, _: FollowupAct) -> Result<FollowupDone, DeskError> {
        no()
    }
    async fn receipts(&self, _: &Caller, _: &ReceiptFilter) -> Result<Vec<ReceiptView>, DeskError> {
        no()
    }
    async fn retry(&self, _: &Caller, _: &ReceiptId) -> Result<ReceiptView, DeskError> {
        no()
    }
    async fn file(&self, _: &Caller, _: &str, _: usize) -> Result<FileRef, DeskError> {
        no()
    }
    async fn health(&self) -> Result<Health, DeskError> {
        no()
    }
    async fn gates(&self) -> Result<Vec<ClosedGate>, DeskError> {
        no()
    }
    async fn open_gate(&self, _: &Caller, _: &BackendId) -> Result<ClosedGate, DeskError> {
        no()
    }
    async fn grants(&self, _: &Caller) -> Result<Vec<Grant>, DeskError> {
        no()
    }
    async fn revoke(&self, _: &Caller, _: &AccountId, _: &str) -> Result<Grant, DeskError> {
        no()
    }
    async fn offer_pairing(&self, _: &Caller) -> Result<PairingCode, DeskError> {
        no()
    }
    fn role(&self, _: &Caller) -> Option<Role> {
        *self.role.lock().unwrap()
    }
    fn kinds(&self) -> Vec<(String, String)> {
        [("report", "writes the report"), ("demo", "shows what there is"), ("redeploy", "the whole site")]
            .map(|(name, about)| (name.to_owned(), about.to_owned()))
            .to_vec()
    }
    fn subscribe(&self) -> BoxStream<'static, Notice> {
        futures::stream::empty().boxed()
    }
}
