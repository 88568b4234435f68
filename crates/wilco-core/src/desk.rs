//! The one door for people who look or act: the page, the command line, chat commands, the API.

use async_trait::async_trait;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};

use crate::access::{Grant, Role};
use crate::address::{Address, Place, Route};
use crate::contract::ContractState;
use crate::envelope::FileRef;
use crate::followup::{FollowupAct, OccurrenceState, Origin};
use crate::gate::ClosedGate;
use crate::ids::{AccountId, BackendId, ContractId, ReceiptId, Short, WorkerId};
use crate::inbound::{Person, Reply};
use crate::journal::Entry;
use crate::outcome::MessageRef;
use crate::pairing::PairingCode;
use crate::receipt::{ReceiptKind, ReceiptState};
use crate::time::Timestamp;
use crate::worker::{Ending, WorkerState};

mod followups;

pub use followups::{
    FollowupDone, FollowupFilter, FollowupInspection, FollowupSet, FollowupView, FollowupWish, OccurrenceView,
};

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "a caller lives as long as one question; a box would only be in the way")]
pub enum Caller {
    /// Whoever sits at the machine's own shell: may do everything.
    Host,
    /// A person on a platform, speaking from a place.
    Person {
        /// The connection.
        account: AccountId,
        /// Who.
        person: Person,
        /// Where, when they speak from somewhere.
        address: Option<Address>,
        /// The guild or workspace around that, as [`Place::guild`]: rules may ask for it.
        guild: Option<String>,
    },
}

/// One job in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobView {
    /// The store's id.
    pub id: WorkerId,
    /// The id that people type.
    pub short: Short,
    /// The worker kind's name.
    pub kind: String,
    /// Where it stands.
    pub state: WorkerState,
    /// What was asked.
    pub input: String,
    /// The name of who asked.
    pub by: String,
    /// Where it was asked.
    pub address: Address,
    /// When it was accepted.
    pub created: Timestamp,
    /// When it last started.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// The newest progress, one line.
    pub progress: String,
    /// Who asked to cancel it and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancel: Option<CancelView>,
    /// How it came to be, when no person asked for it there and then.
    #[serde(default, skip_serializing_if = "Origin::is_person")]
    pub origin: Origin,
}

/// A stored cancel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelView {
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// One receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptView {
    /// The store's id.
    pub id: ReceiptId,
    /// The job.
    pub short: Short,
    /// The contract.
    pub contract: ContractId,
    /// What it promises.
    pub kind: ReceiptKind,
    /// Which part.
    pub part: u32,
    /// Which generation.
    pub generation: u32,
    /// Where it stands.
    pub state: ReceiptState,
    /// Where it goes.
    pub address: Address,
    /// The platform's message, once it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Attempts spent.
    pub attempts: u32,
    /// When the next attempt is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Timestamp>,
    /// What the platform last said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// Why it failed for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was made.
    pub created: Timestamp,
    /// When it settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled: Option<Timestamp>,
}

/// One contract of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContractView {
    /// The store's id.
    pub id: ContractId,
    /// 0 where it was asked; one more for every watch.
    pub number: u32,
    /// Where it stands.
    pub state: ContractState,
    /// The addresses that it may use.
    pub route: Route,
    /// Which of them it uses now, from 0.
    pub step: u32,
    /// The worker's message there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageRef>,
    /// When it was acknowledged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acked: Option<Timestamp>,
    /// Its receipts, oldest first.
    pub receipts: Vec<ReceiptView>,
}

/// Everything about one job: the one projection behind `/status`, the API, the page and `wilco jobs show`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspection {
    /// The job.
    pub job: JobView,
    /// Its contracts.
    pub contracts: Vec<ContractView>,
    /// The newest entries of its journal, oldest first.
    pub events: Vec<Entry>,
    /// How it ended, with the whole result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ending: Option<Ending>,
}

/// Which jobs to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// Only those shown in this channel (with this thread, when it names one).
    pub address: Option<Address>,
    /// Only those that have not ended.
    pub open_only: bool,
    /// At most so many, newest first.
    pub limit: Limit,
}

/// A checked `limit`: 1 to 5,000, 200 when absent (requirements A2, J4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(u32);

impl Limit {
    /// The most that one answer holds.
    pub const CAP: u32 = 5_000;

    /// Checks a wish: zero and less is refused, too much is clamped.
    pub fn new(wish: i64) -> Result<Self, DeskError> {
        if wish < 1 {
            return Err(DeskError::BadInput(format!(
                "limit is {wish}; it has to be from 1 to {} (200 when absent)",
                Self::CAP
            )));
        }
        Ok(Self(u32::try_from(wish).unwrap_or(Self::CAP).min(Self::CAP)))
    }

    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(200)
    }
}

/// What a caller can be told when something does not work. Every one leaves everything as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeskError {
    /// No such thing, or none that the caller may see.
    #[error("there is no job, follow-up or receipt `{0}` that you can see")]
    NotFound(String),
    /// Several jobs fit.
    #[error("`{name}` fits several jobs: {}", shorts(candidates))]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// What fits.
        candidates: Vec<JobView>,
    },
    /// Several follow-ups fit.
    #[error("`{name}` fits several follow-ups: {}", ids(candidates))]
    AmbiguousFollowup {
        /// What was asked for.
        name: String,
        /// What fits.
        candidates: Vec<Short>,
    },
    /// The caller's role does not allow it.
    #[error("not allowed: {what} needs role {}; you have {}", needs.name(), has.map_or("none", Role::name))]
    NotAllowed {
        /// What was wanted.
        what: String,
        /// The role that it needs.
        needs: Role,
        /// The role that the caller has.
        has: Option<Role>,
    },
    /// The input is out of its range or form.
    #[error("{0}")]
    BadInput(String),
    /// Refused with a reply for the person.
    #[error("{}", .0.text)]
    Refused(Reply),
    /// The store did not answer.
    #[error("the store did not take it: {0}")]
    Store(String),
}

fn shorts(jobs: &[JobView]) -> String {
    jobs.iter().map(|job| job.short.to_string()).collect::<Vec<_>>().join(", ")
}

fn ids(shorts: &[Short]) -> String {
    shorts.iter().map(Short::to_string).collect::<Vec<_>>().join(", ")
}

/// What a cancel did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum CancelResult {
    /// Stored; the job ends as soon as it was seen to stop.
    Cancelling {
        /// Which job.
        short: Short,
        /// Who asked, as recorded.
        by: String,
        /// The reason, as recorded.
        reason: String,
    },
    /// It had not started and is cancelled.
    Cancelled {
        /// Which job.
        short: Short,
        /// The reason, as recorded.
        reason: String,
    },
    /// Somebody asked before; theirs stands.
    AlreadyCancelling {
        /// Which job.
        short: Short,
        /// Who asked first.
        by: String,
        /// Their reason.
        reason: String,
    },
    /// It had ended before.
    AlreadyCompleted {
        /// Which job.
        short: Short,
        /// How it stands.
        state: WorkerState,
    },
}

impl CancelResult {
    /// Which job it was about.
    pub fn short(&self) -> &Short {
        match self {
            Self::Cancelling { short, .. }
            | Self::Cancelled { short, .. }
            | Self::AlreadyCancelling { short, .. }
            | Self::AlreadyCompleted { short, .. } => short,
        }
    }
}

/// How the bot is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Jobs that hold a slot.
    pub running: u32,
    /// Jobs that wait for one.
    pub queued: u32,
    /// Receipts that still have to become visible.
    pub undelivered: u32,
    /// Since when the oldest of them is due.
    pub oldest: Option<Timestamp>,
    /// Receipts on the operator's list.
    pub failed: u32,
    /// When the next follow-up is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_followup: Option<Timestamp>,
    /// Why the store takes no changes, while it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<String>,
    /// The connections.
    pub accounts: Vec<AccountHealth>,
    /// The backends behind which nothing is started until a person has acted.
    #[serde(default)]
    pub gates: Vec<ClosedGate>,
}

/// How one connection is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountHealth {
    /// Which.
    pub account: AccountId,
    /// Whether it listens.
    pub connected: bool,
    /// Why it is paused, when it is.
    pub paused: Option<String>,
    /// When it last surfaced something.
    pub last_delivery: Option<Timestamp>,
    /// How many messages it has shown as plain text since the bot was started, because their markup was refused or did
    /// not fit. Not known to whoever looks from beside the bot.
    #[serde(default)]
    pub plain: u64,
}

/// Which receipts to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReceiptFilter {
    /// Only those in this state.
    pub state: Option<ReceiptState>,
    /// At most so many, newest first.
    pub limit: Limit,
}

/// Something changed: look again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "about", rename_all = "snake_case")]
pub enum Notice {
    /// Something about a job.
    Job {
        /// Which job.
        worker: WorkerId,
        /// Its short id.
        short: Short,
    },
    /// An occurrence of a follow-up was settled (requirement F12).
    Followup {
        /// Which follow-up.
        short: Short,
        /// Where it fires.
        address: Address,
        /// How the occurrence was settled.
        status: OccurrenceState,
        /// Why.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

/// Reads and actions of people. Implemented over store and loop.
#[async_trait]
pub trait Desk: Send + Sync {
    /// Jobs that the caller may see, newest first.
    async fn jobs(&self, caller: &Caller, filter: &JobFilter) -> Result<Vec<JobView>, DeskError>;

    /// Everything about one job, with at most `limit` of its newest journal entries.
    async fn inspect(&self, caller: &Caller, job: &str, limit: Limit) -> Result<Inspection, DeskError>;

    /// Starts a job; `event` makes a repetition of the same request recognisable.
    async fn run(
        &self,
        caller: &Caller,
        place: &Place,
        event: &str,
        kind: &str,
        text: &str,
    ) -> Result<JobView, DeskError>;

    /// Asks a job to stop.
    async fn cancel(&self, caller: &Caller, job: &str, reason: Option<&str>) -> Result<CancelResult, DeskError>;

    /// Follow-ups that the caller may see, the next due first.
    async fn followups(&self, caller: &Caller, filter: &FollowupFilter) -> Result<Vec<FollowupView>, DeskError>;

    /// Everything about one follow-up, with at most `limit` of its newest occurrences.
    async fn followup(&self, caller: &Caller, id: &str, limit: Limit) -> Result<FollowupInspection, DeskError>;

    /// Schedules something in a person's name. `event` makes a repetition of the same request
    /// recognisable. The host names the person by speaking as them.
    async fn schedule(
        &self,
        caller: &Caller,
        place: &Place,
        event: &str,
        wish: &FollowupWish,
    ) -> Result<FollowupSet, DeskError>;

    /// Calls a follow-up off, pauses or resumes it, or makes it fire now.
    async fn change(&self, caller: &Caller, id: &str, act: FollowupAct) -> Result<FollowupDone, DeskError>;

    /// Receipts that the caller may see, newest first.
    async fn receipts(&self, caller: &Caller, filter: &ReceiptFilter) -> Result<Vec<ReceiptView>, DeskError>;

    /// Sends a failed receipt again. For owners and the host.
    async fn retry(&self, caller: &Caller, receipt: &ReceiptId) -> Result<ReceiptView, DeskError>;

    /// A file of a job's result, by its position.
    async fn file(&self, caller: &Caller, job: &str, index: usize) -> Result<FileRef, DeskError>;

    /// How the bot is.
    async fn health(&self) -> Result<Health, DeskError>;

    /// The gates that are closed, by the backend's name.
    async fn gates(&self) -> Result<Vec<ClosedGate>, DeskError>;

    /// Opens the gate of a backend, because a person has signed in, topped up or given a key. For
    /// owners and the host. Answers what was closed; one that is not closed is refused.
    async fn open_gate(&self, caller: &Caller, backend: &BackendId) -> Result<ClosedGate, DeskError>;

    /// The rights that people were given while the bot ran. For owners and the host.
    async fn grants(&self, caller: &Caller) -> Result<Vec<Grant>, DeskError>;

    /// Takes such a right away. For owners and the host. Answers what it was.
    async fn revoke(&self, caller: &Caller, account: &AccountId, person: &str) -> Result<Grant, DeskError>;

    /// Offers a code that makes whoever gives it with `/pair` an owner where they are; one that was offered before is
    /// not taken any more. For owners and the host.
    async fn offer_pairing(&self, caller: &Caller) -> Result<PairingCode, DeskError>;

    /// What the rules let the caller do where they speak; none for whoever may do nothing there.
    fn role(&self, caller: &Caller) -> Option<Role>;

    /// The worker kinds, with a line about each.
    fn kinds(&self) -> Vec<(String, String)>;

    /// What changes from now on. A slow reader loses old notices, never new ones.
    fn subscribe(&self) -> BoxStream<'static, Notice>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j4_a2_a_limit_of_zero_is_refused_and_a_large_one_is_clamped() {
        assert!(matches!(Limit::new(0), Err(DeskError::BadInput(_))));
        assert!(matches!(Limit::new(-5), Err(DeskError::BadInput(_))));
        assert_eq!(Limit::new(1).unwrap().get(), 1);
        assert_eq!(Limit::new(i64::MAX).unwrap().get(), 5_000);
        assert_eq!(Limit::default().get(), 200);
    }
}
