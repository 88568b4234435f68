//! Every crash point with every outcome: one life in which everything happens is lived again and again,
//! and each time the process dies at another point with another answer of the platform beside it.

use wilco_core::{Address, Scope};
use wilco_sim::{Fault, Profile, Verb};

use super::doom::Passing;
use super::life::run_traced;
use super::schedule::{
    Act, Beside, CallFault, Deaths, End, Faults, Kind, LateWords, Move, Plan, Schedule, Spot, Step, Who,
};

/// At how many passings of each point the process dies, spread over all of them.
const PASSINGS: usize = 2;

/// One cell of the table.
#[derive(Clone, Debug)]
pub struct Cell {
    /// The crash point.
    pub point: &'static str,
    /// The outcome's name; `surfaced` where nothing goes wrong.
    pub outcome: &'static str,
    /// Which call it meets.
    pub meets: Meets,
    /// The life.
    pub schedule: Schedule,
}

/// Which call an outcome meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meets {
    /// The last one before the death.
    CallBefore,
    /// The first one after it.
    CallAfter,
}

impl Cell {
    /// What it is, for a report.
    pub fn name(&self) -> String {
        let call = match self.meets {
            Meets::CallBefore => "the call before",
            Meets::CallAfter => "the call after",
        };
        format!("{} with {} for {call} on {}", self.point, self.outcome, self.schedule.profile)
    }
}

/// Every cell for one platform: at the first and the last passing of every point that the full life passes,
/// each outcome of the call before and of the call after.
pub fn cells(profile: Profile) -> Vec<Cell> {
    let base = full_life(profile);
    let trace = run_traced(&base).trace;
    let mut cells = Vec::new();
    for point in points(&trace) {
        let passings: Vec<&Passing> = trace.iter().filter(|passing| passing.point == point).collect();
        for passing in spread(&passings) {
            for (outcome, fault) in outcomes() {
                for meets in [Meets::CallBefore, Meets::CallAfter] {
                    let call = match meets {
                        Meets::CallBefore => passing.calls,
                        Meets::CallAfter => passing.calls + 1,
                    };
                    // Without a fault both sides are the same life, and before the first call there is none.
                    if (fault.is_none() && meets == Meets::CallAfter) || (fault.is_some() && call == 0) {
                        continue;
                    }
                    let fault = fault.clone().map(|fault| CallFault { call, verb: Verb::Post, fault });
                    let same = |other: &&&Passing| other.calls == passing.calls && other.number <= passing.number;
                    let nth = passings.iter().filter(same).count() as u64;
                    let torn = (point == "store.before_commit" && passing.number % 2 == 0).then_some(500);
                    let death = Beside { point: point.to_owned(), calls: passing.calls, nth, torn, down: 1_000 };
                    let schedule = Schedule {
                        faults: Faults::Listed(fault.into_iter().collect()),
                        deaths: Deaths::Beside(death),
                        ..base.clone()
                    };
                    cells.push(Cell { point, outcome, meets, schedule });
                }
            }
        }
    }
    cells
}

/// The points that a trace passes, in the order in which they are met first.
fn points(trace: &[Passing]) -> Vec<&'static str> {
    let mut seen = Vec::new();
    for passing in trace {
        if !seen.contains(&passing.point) {
            seen.push(passing.point);
        }
    }
    seen
}

/// The crash points that the full life of a platform passes: every named one, and both sides of each call.
pub fn passed(profile: Profile) -> Vec<&'static str> {
    points(&run_traced(&full_life(profile)).trace)
}

/// The first, the last, and some in between.
fn spread<'a>(all: &[&'a Passing]) -> Vec<&'a Passing> {
    let last = all.len().saturating_sub(1);
    let mut chosen: Vec<usize> = (0..PASSINGS).map(|nth| nth * last / (PASSINGS - 1)).collect();
    chosen.dedup();
    chosen.into_iter().filter_map(|at| all.get(at).copied()).collect()
}

/// Every answer that a platform can give, applied and not.
pub fn outcomes() -> Vec<(&'static str, Option<Fault>)> {
    let faults = [
        Fault::RetryAfter { millis: 3_000, scope: Scope::Chat },
        Fault::RetryAfter { millis: 3_000, scope: Scope::Account },
        Fault::RetryAfter { millis: 3_000, scope: Scope::Ip },
        Fault::Hang { applied: false },
        Fault::Hang { applied: true },
        Fault::Dropped,
        Fault::Lost,
        Fault::LateApply { millis: 40_000 },
        Fault::ServerError { applied: false },
        Fault::ServerError { applied: true },
        Fault::HalfAnswer,
        Fault::Gone,
        Fault::NotEditable,
        Fault::Moved { to: Address::channel("sim", "elsewhere") },
        Fault::Reshape,
        Fault::StopAccount,
        Fault::Bug,
    ];
    let named = faults.into_iter().map(|fault| (fault.name(), Some(fault)));
    std::iter::once(("surfaced", None)).chain(named).collect()
}

/// A life in which everything that wilco promises happens once: progress, parts, files, a question, a
/// watch, a cancel, a retry, a death and its recovery, a reminder, a scheduled job.
pub fn full_life(profile: Profile) -> Schedule {
    let plans = vec![
        Plan {
            moves: vec![Move::Line, Move::Wait(3_500), Move::Tool, Move::File(700), Move::Wait(3_500), Move::Line],
            end: End::Done(9_000),
        },
        Plan { moves: vec![Move::Wait(500), Move::Ask, Move::Line], end: End::Done(80) },
        Plan { moves: vec![Move::Partial, Move::Wait(60_000)], end: End::Done(80) },
        Plan { moves: vec![Move::Line], end: End::Shaky(1) },
    ];
    let step = |at, act| Step { at, act };
    let say = |at, who, spot, text: &str| step(at, Act::Say(who, spot, text.to_owned()));
    let steps = vec![
        step(0, Act::Run(Who::Ana, Spot::Thread, Kind::Work, 0)),
        say(500, Who::Dora, Spot::Dev, "/followup in 10s look at the deploy"),
        say(600, Who::Dora, Spot::Dev, "/followup in 15s /run agent p3"),
        step(1_000, Act::Watch(Who::Cleo, Spot::Abroad, 0)),
        step(2_000, Act::Run(Who::Ana, Spot::Ops, Kind::Again, 1)),
        step(2_500, Act::Run(Who::Ana, Spot::Ops, Kind::Frail, 2)),
        step(5_500, Act::Kill(700)),
        step(9_000, Act::Answer(Who::Ana, 0)),
        step(20_000, Act::Cancel(Who::Cleo, Spot::Ops, 1, true)),
        step(21_000, Act::Cancel(Who::Cleo, Spot::Ops, 2, false)),
        step(24_000, Act::Redeliver),
    ];
    Schedule {
        seed: 1,
        profile: profile.name().to_owned(),
        steps,
        plans,
        faults: Faults::Listed(Vec::new()),
        deaths: Deaths::Listed(Vec::new()),
        late_words: LateWords::Listed(Vec::new()),
        calm_at: 60_000,
    }
}
