//! Everything that can wake the loop, in one closed type.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use wilco_core::job::{Ask, NoAnswer};
use wilco_core::settings::Settings;
use wilco_core::{Accepted, Inbound, Timestamp, WorkerId};
use wilco_store::StoreError;
use wilco_store::changes::{Asked, Claimed, ClaimedOccurrences, EditClaim, Missed, Pruned, Run, Settled, Windows};
use wilco_store::reads::Wake;

use crate::firing::Shot;
use crate::intake::Taken;
use crate::supervisor::TaskEnd;

/// What woke the loop.
pub(crate) enum Event {
    /// An adapter offers what people said.
    Offered { batch: Vec<Inbound>, reply: oneshot::Sender<Vec<Accepted>> },
    /// The store has taken a batch, or has refused it.
    Taken(Taken),
    /// Queued jobs were started.
    Begun(Result<Vec<Run>, StoreError>),
    /// A running job has something new in its mailbox.
    Dirty(WorkerId),
    /// A running job asks a person.
    Ask { worker: WorkerId, number: u32, ask: Ask, reply: oneshot::Sender<Result<usize, NoAnswer>> },
    /// A task was seen to end. `stamp` is how its backend's credentials looked when it began.
    TaskEnded { worker: WorkerId, end: TaskEnd, stamp: Option<String> },
    /// The end of a job has everything that it brings along.
    EndReady { worker: WorkerId, ending: Box<wilco_core::worker::Ending> },
    /// The store has answered the write of a worker that was in flight.
    Written { worker: WorkerId, answer: Result<Answer, StoreError> },
    /// Due receipts were claimed.
    Claimed(Result<Claimed, StoreError>),
    /// A receipt was settled.
    Settled { worker: WorkerId, stub: bool, answer: Result<Settled, StoreError> },
    /// A progress edit was answered by its platform.
    Edited { claim: Box<EditClaim>, outcome: wilco_core::DeliveryOutcome },
    /// Which edits of a job that rests between two attempts may leave.
    Pictured { worker: WorkerId, windows: Result<Windows, StoreError> },
    /// The answer to a progress edit of a job that has ended is stored.
    EditNoted,
    /// Due follow-ups were claimed.
    FollowupsClaimed(Result<ClaimedOccurrences, StoreError>),
    /// A claimed follow-up was injected, or could not be.
    FollowupFired(Box<Shot>),
    /// When something is due next.
    NextDue(Result<Wake, StoreError>),
    /// Which deadlines have passed.
    DeadlinesPassed(Result<Vec<Missed>, StoreError>),
    /// Every deadline was moved by a gap in which the process was not running.
    Extended(Result<Duration, StoreError>),
    /// A deadline was judged that belongs to no task of this process.
    Judged { missed: Missed, answer: Result<Option<String>, StoreError> },
    /// Whether another process has changed the store, and what it wants stopped.
    Looked(Result<Option<Vec<WorkerId>>, StoreError>),
    /// Whether somebody has signed in to a backend, so that its gate was opened.
    SignedIn(Result<bool, StoreError>),
    /// A pass of the retention is over.
    Pruned(Result<Pruned, StoreError>),
    /// A piece of housekeeping was done, such as a renewed lease.
    Kept(Result<(), StoreError>),
    /// What waited for a person may be tried again.
    Resumed(Result<(), StoreError>),
    /// The configuration has changed.
    Settings(Arc<Settings>),
    /// Somebody has changed the store from within this process, by the desk.
    Nudged { stop: Option<WorkerId> },
    /// The process shall stop: no new work, a bounded wait for what runs.
    Drain,
    /// The bounded wait is over.
    DrainNow,
}

/// What the store answered to a worker's write.
pub(crate) enum Answer {
    Recorded,
    Asked(Asked),
    Windows(Windows),
    EditEnded,
    Judged(Option<String>),
    Finished,
    /// When the next attempt is due; none when there is none any more.
    Resting(Option<Timestamp>),
}
