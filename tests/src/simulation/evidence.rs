//! What a schedule left behind: the platform's log and channels, the store's tables, and what the driver
//! of the schedule did and saw. The invariants are judged from this and from nothing else.

mod death;
mod rows;

pub use death::{Death, HeldClaim, print};
pub use rows::{
    ContractRow, FollowupRow, GateNoticeRow, GateRow, GrantRow, InboxRow, JournalRow, Kept, OccurrenceRow, PairingRow,
    PairingTryRow, ParkRow, PausedRow, PulseRow, QuestionRow, ReceiptRow, Rows, ShelfRow, WorkerRow, ZoneRow,
};

use wilco_core::settings::Settings;
use wilco_core::{AccountId, Address, Limits, Timestamp};
use wilco_sim::{Entry, Profile, Snapshot};

/// What a schedule left behind, gathered when it has ended.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// Every call of the bot and everything that happened on the platform, in order, from 1 without gaps.
    pub log: Vec<Entry>,
    /// The channels as people see them.
    pub snapshot: Snapshot,
    /// The tables.
    pub rows: Rows,
    /// What the driver knows.
    pub facts: Facts,
}

/// One run of a job, as the job itself knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Of which job.
    pub worker: String,
    /// Which run of it, from 1.
    pub number: usize,
    /// When its task began.
    pub from: Timestamp,
    /// When its task was gone; none while it is there.
    pub until: Option<Timestamp>,
}

/// What the driver did and saw. All times are those of the platform's clock, which is never stepped.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Which platform it was.
    pub profile: Profile,
    /// The measures that the adapters worked by.
    pub limits: Limits,
    /// The settings that held last.
    pub settings: Settings,
    /// Moments in which no process ran, or the process was suspended: from and to, in order. A reload of the
    /// settings, which lets paused accounts try again, is one that ends when it begins.
    pub away: Vec<(Timestamp, Timestamp)>,
    /// Those of them in which the process was there, and only saw no time pass.
    pub suspended: Vec<(Timestamp, Timestamp)>,
    /// When the question whether an address still stands was answered late: from and to.
    pub slowed: Vec<(Timestamp, Timestamp)>,
    /// Steps of the wall clock: when, and by how many milliseconds.
    pub steps: Vec<(Timestamp, i64)>,
    /// When faults had stopped for good and a process ran.
    pub calm: Timestamp,
    /// When everything had settled, repetitions of terminal edits included; none when it never did within the
    /// driver's own bound.
    pub settled: Option<Timestamp>,
    /// What was committed at each process death, oldest first.
    pub deaths: Vec<Death>,
    /// Everything that the processes logged, one line each.
    pub lines: Vec<String>,
    /// Texts that may appear nowhere.
    pub canaries: Vec<String>,
    /// Accounts whose credentials were refused or that were cut off: which, from and to.
    pub stopped: Vec<(AccountId, Timestamp, Timestamp)>,
    /// When the tasks of the jobs ran, in the order in which they began; none when nobody took it down.
    pub runs: Vec<Run>,
    /// The chats that got another id: from and to.
    pub moves: Vec<(Address, Address)>,
    /// Addresses that not everybody reads.
    pub hidden: Vec<Address>,
    /// Texts that people read and that may stand in no line of the log.
    pub unlogged: Vec<String>,
}

impl Facts {
    /// Facts of a schedule in which nothing happened to the process or its clock.
    pub fn quiet(profile: Profile, settings: Settings, calm: Timestamp, settled: Option<Timestamp>) -> Self {
        Self {
            profile,
            limits: profile.limits(),
            settings,
            away: Vec::new(),
            suspended: Vec::new(),
            slowed: Vec::new(),
            steps: Vec::new(),
            calm,
            settled,
            deaths: Vec::new(),
            lines: Vec::new(),
            canaries: Vec::new(),
            stopped: Vec::new(),
            runs: Vec::new(),
            moves: Vec::new(),
            hidden: Vec::new(),
            unlogged: Vec::new(),
        }
    }

    /// When a process began that was not there before: a reload of the settings is an absence without a death and
    /// without length, and one that was only suspended kept the time.
    pub fn starts(&self) -> Vec<Timestamp> {
        let fresh = |away: &&(Timestamp, Timestamp)| {
            !self.suspended.contains(away) && (away.0 < away.1 || self.died_within(away.0, away.1))
        };
        self.away.iter().filter(fresh).map(|away| away.1).collect()
    }

    /// Whether a process surely began or read its settings anew in a span, its two ends included: one that was
    /// only suspended goes on as it was.
    pub fn restarted_within(&self, from: Timestamp, to: Timestamp) -> bool {
        let mut back = self.away.iter().filter(|(_, back)| (from..=to).contains(back));
        back.any(|(gone, back)| gone == back || self.died_within(*gone, *back))
    }

    /// Whether a process began, went on or read its settings anew in a span, its two ends included.
    pub fn resumed_within(&self, from: Timestamp, to: Timestamp) -> bool {
        self.away.iter().any(|(_, back)| (from..=to).contains(back))
    }

    /// Whether no process ran at some moment of a span. At the end of an absence one runs again.
    pub fn away_within(&self, from: Timestamp, to: Timestamp) -> bool {
        self.away.iter().any(|(gone, back)| *gone <= to && *back > from)
    }

    /// Whether a process died in a span, its two ends included.
    pub fn died_within(&self, from: Timestamp, to: Timestamp) -> bool {
        self.deaths.iter().any(|death| (from..=to).contains(&death.at))
    }
}
