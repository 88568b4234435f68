//! One life from its first moment to the judgement.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::executor::block_on;
use serde::{Deserialize, Serialize};
use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;
use wilco_core::{Clock, Timestamp};
use wilco_sim::{Fault, Logged};

use super::doom::Passing;
use super::evidence::{Evidence, Facts, Rows};
use super::hash::{self, Hash};
use super::invariants::{self, Violation};
use super::panics::Ear;
use super::schedule::{CallFault, Deaths, Faults, LateWords, Schedule};
use super::world::{ACCOUNTS, World, account};
use crate::logbook::Logbook;

/// How long a life may take to settle after the faults have stopped: the longest wait of the schedules,
/// moved by its jitter, and a minute.
const SETTLES_WITHIN: Duration = Duration::from_secs(6 * 3_600 + 60);
/// How often is looked whether everything has settled.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// What the jobs show and ask is for the people of their channels, and not for whoever reads the log.
const UNLOGGED: [&str; 4] = ["result of p", "had by ", " asks at ", " was told "];
/// How long is watched whether what has settled stays as it is.
const AFTERWARDS: Duration = Duration::from_secs(5);

/// What a life left behind.
#[derive(Debug)]
pub struct Lived {
    /// The hash of the platform's log and of every row of the store.
    pub hash: u64,
    /// What did not hold.
    pub violations: Vec<Violation>,
    /// The same life with everything that was left to chance written down.
    pub explicit: Schedule,
    /// The channels at the end, as people see them.
    pub transcript: String,
    /// What happened in it, for the sum of a long run.
    pub figures: Figures,
    /// Every passing of a crash point, when it was asked for.
    pub trace: Vec<Passing>,
    /// What was hashed, a line for each entry of the log and each row of the store, when it was asked for.
    pub story: String,
}

/// Counts of one life, or of many.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// Lives.
    pub lives: u64,
    /// Jobs that were accepted.
    pub jobs: u64,
    /// Results that were promised: one for each job and route.
    pub promises: u64,
    /// Promises that are kept: the result stands visible.
    pub kept: u64,
    /// Promises that ended on the operator's list, with a reason.
    pub recorded: u64,
    /// Calls to the platform.
    pub calls: u64,
    /// Calls that went wrong.
    pub faults: u64,
    /// Deaths of the process.
    pub deaths: u64,
    /// Occurrences of follow-ups that fired.
    pub fired: u64,
    /// Acknowledgements without content that nobody knows any more.
    pub strays: u64,
    /// How often what makes a life hard was met: a search that never met it would say nothing about it.
    pub met: BTreeMap<String, u64>,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lives, jobs, promises, kept, recorded, calls, faults, deaths, fired, strays, met: _ } = self;
        write!(
            f,
            "{lives} lives, {jobs} jobs, {promises} promises: {kept} kept, {recorded} recorded as failed; {calls} calls, \
             {faults} of them spoilt, {deaths} deaths, {fired} follow-ups fired, {strays} strays without content"
        )
    }
}

impl Figures {
    /// Adds another life's.
    pub fn add(&mut self, other: &Self) {
        self.lives += other.lives;
        self.jobs += other.jobs;
        self.promises += other.promises;
        self.kept += other.kept;
        self.recorded += other.recorded;
        self.calls += other.calls;
        self.faults += other.faults;
        self.deaths += other.deaths;
        self.fired += other.fired;
        self.strays += other.strays;
        for (what, count) in &other.met {
            *self.met.entry(what.clone()).or_default() += count;
        }
    }

    /// Everything that was met, in words.
    pub fn encounters(&self) -> String {
        let all: Vec<String> = self.met.iter().map(|(what, count)| format!("{what} {count}")).collect();
        all.join(", ")
    }

    /// How often something was met.
    pub fn met(&self, what: &str) -> u64 {
        self.met.get(what).copied().unwrap_or(0)
    }
}

/// Lives a schedule.
pub fn run(schedule: &Schedule) -> Lived {
    lived(schedule, false)
}

/// Lives a schedule and takes down every crash point that it passes.
pub fn run_traced(schedule: &Schedule) -> Lived {
    lived(schedule, true)
}

fn lived(schedule: &Schedule, trace: bool) -> Lived {
    let ear = Ear::open();
    let logbook = Logbook::open();
    let live = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.expect("a runtime on this thread");
        runtime.block_on(live(schedule, trace, &logbook))
    };
    let result = std::panic::catch_unwind(AssertUnwindSafe(live));
    let panicked = ear.unplanned();
    let mut lived = match result {
        Ok(lived) => lived,
        Err(_) => Lived {
            hash: 0,
            violations: vec![Violation { invariant: 0, what: "the life ended in a panic".to_owned() }],
            explicit: schedule.clone(),
            transcript: String::new(),
            figures: Figures::default(),
            trace: Vec::new(),
            story: String::new(),
        },
    };
    lived.violations.extend(panicked.into_iter().map(|what| Violation { invariant: 0, what }));
    lived
}

async fn live(schedule: &Schedule, trace: bool, logbook: &Logbook) -> Lived {
    let mut world = World::new(schedule, trace);
    world.is_up().await;
    for step in &schedule.steps {
        world.reaches(Duration::from_millis(step.at)).await;
        world.acts(&step.act).await;
    }
    world.reaches(Duration::from_millis(schedule.calm_at)).await;
    let calm = world.calms().await;
    let settled = world.settles().await;
    world.pass(AFTERWARDS).await;
    judge(&world, calm, settled, logbook, trace).await
}

impl World {
    /// Time passes until a moment; what lasted for a while ends in between.
    async fn reaches(&mut self, at: Duration) {
        loop {
            let next = self.lasting.iter().map(|(until, _)| *until).min().filter(|until| *until <= at);
            self.until(next.unwrap_or(at)).await;
            match next {
                Some(_) => self.ends_lasting(false),
                None => return,
            }
        }
    }

    /// From here on nothing goes wrong, a process runs, and an operator has put right what can be put right.
    async fn calms(&mut self) -> Timestamp {
        self.weather.clears();
        self.grave.rests();
        self.reins.spare();
        self.ends_lasting(true);
        self.is_up().await;
        self.platform.calm();
        self.reloads();
        self.now()
    }

    async fn settles(&mut self) -> Option<Timestamp> {
        let end = self.clock.monotonic() + SETTLES_WITHIN;
        let mut reader = block_on(hash::open(&self.store_path()));
        let mut settled = None;
        while settled.is_none() && self.clock.monotonic() < end {
            self.pass(LOOK_EVERY).await;
            self.calls_off().await;
            let heard = (0..ACCOUNTS.len()).all(|number| self.platform.unanswered(&account(number)) == 0);
            if heard && self.platform.late_calls() == 0 && block_on(is_settled(&mut reader)) {
                settled = Some(self.now());
            }
        }
        drop(block_on(reader.close()));
        settled
    }
}

/// Whether nothing is open any more: no job, no receipt, no edit that will be repeated, no occurrence but those
/// that wait for a person: behind a closed gate, or paused.
async fn is_settled(reader: &mut SqliteConnection) -> bool {
    const OPEN: &str = "SELECT (SELECT COUNT(*) FROM workers WHERE ended_at IS NULL)
        + (SELECT COUNT(*) FROM receipts WHERE settled_at IS NULL OR reassert_at IS NOT NULL)
        + (SELECT COUNT(*) FROM occurrences JOIN followups ON followups.id = occurrences.followup
           WHERE occurrences.settled_at IS NULL AND occurrences.gate IS NULL AND followups.state <> 'paused')";
    let open: i64 = sqlx::query_scalar(OPEN).fetch_one(reader).await.expect("the store can be read");
    open == 0
}

async fn judge(world: &World, calm: Timestamp, settled: Option<Timestamp>, logbook: &Logbook, trace: bool) -> Lived {
    let store = world.store_path();
    let (log, snapshot) = (world.platform.log(), world.platform.snapshot());
    let mut hash = Hash::new(trace);
    hash.log(&log);
    block_on(hash.store(&store, &world.scratch.path().display().to_string()));
    let facts = Facts {
        profile: world.schedule.profile(),
        limits: world.limits,
        settings: world.settings.clone(),
        away: world.away.clone(),
        suspended: world.suspended.clone(),
        slowed: world.slowed.clone(),
        steps: world.clock_steps.clone(),
        calm,
        settled,
        deaths: world.deaths.clone(),
        lines: logbook.lines().iter().map(crate::logbook::Line::whole).collect(),
        canaries: Vec::new(),
        stopped: world.stopped.clone(),
        runs: world.runs.all(),
        moves: world.platform.moves(),
        hidden: world.hidden(),
        unlogged: UNLOGGED.map(str::to_owned).to_vec(),
    };
    let rows = block_on(Rows::read(&store));
    let transcript = snapshot.whole_transcript();
    let evidence = Evidence { log, snapshot, rows, facts };
    let (faults, deaths) = (world.weather.taken(), world.reins.taken());
    let judgement = invariants::judge(&evidence);
    let mut explicit = world.schedule.clone();
    explicit.faults = Faults::Listed(faults);
    explicit.deaths = Deaths::Listed(deaths);
    explicit.late_words = LateWords::Listed(world.grave.taken());
    Lived {
        hash: hash.value(),
        figures: figures(&evidence, &explicit, judgement.strays),
        violations: judgement.violations,
        explicit,
        transcript,
        trace: world.reins.trace(),
        story: hash.story(),
    }
}

fn figures(evidence: &Evidence, explicit: &Schedule, strays: usize) -> Figures {
    let rows = &evidence.rows;
    let contracts = |state: &str| count(rows.contracts.iter().filter(|row| row.state == state));
    let faults = match &explicit.faults {
        Faults::Listed(list) => list.as_slice(),
        Faults::Drawn(_) => &[],
    };
    Figures {
        lives: 1,
        jobs: count(rows.workers.iter()),
        promises: count(rows.contracts.iter()),
        kept: contracts("terminal_acked"),
        recorded: contracts("terminal_failed"),
        calls: count(evidence.log.iter().filter(|entry| entry.call().is_some())),
        faults: count(faults.iter()),
        deaths: count(evidence.facts.deaths.iter()),
        fired: count(rows.workers.iter().filter(|row| row.occurrence.is_some())),
        strays: u64::try_from(strays).unwrap_or(u64::MAX),
        met: met(evidence, explicit, faults),
    }
}

fn met(evidence: &Evidence, explicit: &Schedule, faults: &[CallFault]) -> BTreeMap<String, u64> {
    let (rows, facts) = (&evidence.rows, &evidence.facts);
    let mut met = BTreeMap::new();
    let mut add = |what: String, count: u64| {
        if count > 0 {
            *met.entry(what).or_default() += count;
        }
    };
    rows.workers.iter().for_each(|row| add(format!("job {}", row.state), 1));
    for one in faults {
        let scope =
            if let Fault::RetryAfter { scope, .. } = &one.fault { format!(" of {scope:?}") } else { String::new() };
        add(format!("call {}{scope}", one.fault.name()), 1);
    }
    rows.occurrences.iter().for_each(|row| add(format!("follow-up {}", row.state), 1));
    let receipts = |kind: &str| count(rows.receipts.iter().filter(|row| row.kind == kind && row.state == "surfaced"));
    for kind in ["part", "file", "question", "ping"] {
        add(format!("{kind} shown"), receipts(kind));
    }
    let reasons = |word: &str| count(rows.receipts.iter().filter(|row| row.reason.as_deref() == Some(word)));
    add("place shared by two routes".to_owned(), reasons("merged"));
    add("place followed".to_owned(), count(rows.contracts.iter().filter(|row| row.number > 0)));
    add("question answered".to_owned(), count(rows.questions.iter().filter(|row| row.answer.is_some())));
    add("address left".to_owned(), count(rows.contracts.iter().filter(|row| row.step > 0)));
    let deleted = evidence.log.iter().filter(|entry| matches!(entry.what, Logged::Deleted { .. }));
    add("message deleted".to_owned(), count(deleted));
    add("chat moved".to_owned(), count(facts.moves.iter()));
    add("clock stepped".to_owned(), count(facts.steps.iter()));
    add("account stopped".to_owned(), count(facts.stopped.iter()));
    if let Deaths::Listed(deaths) = &explicit.deaths {
        add("commit torn".to_owned(), count(deaths.iter().filter(|death| death.torn.is_some())));
    }
    if let LateWords::Listed(words) = &explicit.late_words {
        add("late word of a dead process".to_owned(), count(words.iter()));
    }
    met
}

fn count<T>(items: impl Iterator<Item = T>) -> u64 {
    u64::try_from(items.count()).unwrap_or(u64::MAX)
}
