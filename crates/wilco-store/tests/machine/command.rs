//! The commands: everything that people, the loop, the platforms and time do to a store; and its answers.

use wilco_core::followup::{FollowupAct, OccurrenceState};
use wilco_core::worker::{EndKind, WorkerState};
use wilco_core::{Address, Scope};

use crate::names::{By, Claim, Contract, Edit, Firing, Job, Kind, Ms, Receipt, Spot, Who};

/// What a platform answers to one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Shown,
    /// Shown, and the platform named no message.
    Nameless,
    Silent,
    RetryAfter(Ms, Scope),
    Retry,
    Ambiguous,
    Fallback,
    Reshape,
    /// The chat has a new id.
    Moved(u32),
    /// The platform names the address that was used as the new one.
    MovedHere,
    Gone,
    StopAccount,
    Bug,
}

/// What was learnt about a claimed receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Learnt {
    /// The platform answered the call.
    Said(Said),
    /// A create in doubt was looked up and found.
    Found,
    /// It was looked up and is not there.
    Absent,
    /// It cannot be looked up, or not any more.
    CannotTell,
    /// The look-up failed.
    AskLater,
    /// The look-up was refused with what holds for every call there.
    Refused(Said),
}

/// What a follow-up says when it fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It starts a job.
    Start(Kind),
    /// It does something that is over at once.
    Done,
    /// It wants something that does not work.
    InVain,
}

/// What kept an occurrence from being injected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    Gone,
    NotAllowed,
    Refused,
    Busy,
}

/// When something is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Once { after: Ms },
    Every { every: Ms },
}

/// One thing that is done to a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    // People.
    Offer {
        n: u32,
        who: Who,
        spot: Spot,
        kind: Kind,
    },
    OfferAgain {
        n: u32,
    },
    Watch {
        job: Job,
        by: By,
        spot: Spot,
    },
    Cancel {
        job: Job,
        by: By,
        followups: bool,
    },
    StopHere {
        who: Who,
        spot: Spot,
    },
    Answer {
        job: Job,
        question: u32,
        by: By,
        choice: u32,
    },
    Schedule {
        n: u32,
        who: Who,
        spot: Spot,
        when: When,
        key: Option<u8>,
        delete: bool,
    },
    ScheduleAgain {
        n: u32,
    },
    Act {
        followup: u32,
        by: By,
        act: FollowupAct,
    },
    RetryReceipt {
        receipt: Receipt,
    },
    OpenGates {
        stamp: Option<u8>,
    },
    // The loop.
    Begin,
    Record {
        job: Job,
        line: u8,
    },
    Ask {
        job: Job,
        question: u32,
        text: u8,
    },
    Finish {
        job: Job,
        end: EndKind,
        long: bool,
        file: bool,
    },
    Halt {
        job: Job,
        stamp: u8,
    },
    RetryLater {
        job: Job,
        rest: Ms,
    },
    OpenEdits {
        job: Job,
    },
    CloseEdit {
        edit: Edit,
        said: Said,
    },
    Claim,
    Settle {
        claim: Claim,
        learnt: Learnt,
    },
    ResumeAccounts,
    Judge,
    Extend {
        by: Ms,
    },
    ClaimOccurrences,
    Fire {
        firing: Firing,
        turn: Turn,
    },
    DispatchFailed {
        firing: Firing,
        kept: Kept,
    },
    RenewLeases,
    Prune,
    /// The process dies, the store is opened again, and the next process takes over.
    Die,
    /// Another instance looks for what a dead one has left; this one goes on.
    Rescue,
    // Time.
    Pass {
        by: Ms,
    },
    StepWallClock {
        by: Ms,
    },
}

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    Surfaced,
    Again {
        at: Option<Ms>,
        attempts: u32,
    },
    Rerouted,
    /// It failed for good, with the code of the cause.
    Failed(String),
    Superseded,
}

/// A claimed receipt as the outbox gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) claim: Claim,
    pub(crate) at: Address,
    pub(crate) edits: Option<String>,
    pub(crate) doubt: bool,
    pub(crate) reassert: bool,
}

/// What was called off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stopped {
    pub(crate) followups: Vec<u32>,
    pub(crate) kept: usize,
    pub(crate) running: Vec<Job>,
}

/// Occurrences that were settled, with how.
pub(crate) type Told = Vec<(u32, OccurrenceState)>;

/// The typed answer of a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It has none.
    #[default]
    None,
    /// It is one of a few words.
    Is(&'static str),
    Accepted {
        ahead: Option<u32>,
    },
    Duplicate(Option<Job>),
    Begun(Vec<(Job, u32)>),
    Windows {
        open: Vec<(Contract, String)>,
        later: Option<Ms>,
    },
    Waits(u32),
    Answered(u32),
    Completed(WorkerState),
    Stopped(Stopped),
    CancelledWith(&'static str, Stopped),
    State(Option<WorkerState>),
    Due(Option<Ms>),
    Taken(Vec<Taken>),
    Settled(Settled),
    Count(u64),
    TimedOut(Vec<(Job, &'static str)>),
    Recovered {
        rerun: u32,
        ended: u32,
        in_doubt: u64,
        released: u64,
    },
    Scheduled {
        first: Ms,
        replaced: Option<u32>,
    },
    Resumed(Ms),
    /// What fires, each with whether it is late and how many attempts were made; and what was settled.
    Firings(Vec<(Firing, bool, u32)>, Told),
    Fired(&'static str, Told),
    Told(Told),
    Pruned {
        emptied: Vec<Job>,
        dropped: u32,
        followups: u64,
    },
}

impl Answer {
    /// The same with what was settled in a fixed order: several follow-ups have none among each other.
    pub(crate) fn in_order(mut self) -> Self {
        if let Self::Firings(_, told) | Self::Fired(_, told) | Self::Told(told) = &mut self {
            told.sort_by_key(|(followup, state)| (*followup, state.name()));
        }
        self
    }
}
