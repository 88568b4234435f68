//! Every crash point with every outcome: one life in which everything happens is lived again and again,
//! and each time the process dies at another point with another answer of the platform beside it.

use wilco_core::{Address, Scope};
use wilco_sim::{Fault, Profile, Verb};

use super::doom::Passing;
use super::life::{Lived, run_traced};
use super::schedule::{
    Act, Beside, CallFault, Deaths, End, Faults, Kind, LateWords, Move, Plan, Schedule, Spot, Step, Who,
};

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

    /// Whether the process has died there and the call had that outcome. What goes wrong before a point can
    /// take it off the road, and not every outcome can befall every call.
    pub fn happened(&self, lived: &Lived) -> bool {
        let died = matches!(&lived.explicit.deaths, Deaths::Listed(list) if !list.is_empty());
        let spoilt = matches!(&lived.explicit.faults, Faults::Listed(list) if !list.is_empty());
        died && (spoilt || self.outcome == SURFACED)
    }
}

/// How much of the table is lived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breadth {
    /// Each point with each outcome beside one call, of another kind from outcome to outcome and from platform
    /// to platform.
    One,
    /// Each point with each outcome beside every kind of call that it is ever passed after, twice.
    Every,
}

/// The cells for one platform: at each point that the full life passes, each outcome of the call before and of
/// the call after.
pub fn cells(profile: Profile, breadth: Breadth) -> Vec<Cell> {
    let base = full_life(profile);
    let trace = run_traced(&base).trace;
    let mut cells = Vec::new();
    let turn = Profile::ALL.iter().position(|one| *one == profile).unwrap_or(0);
    for (row, point) in points(&trace).into_iter().enumerate() {
        let passings: Vec<&Passing> = trace.iter().filter(|passing| passing.point == point).collect();
        let kinds = by_call(&passings);
        for (number, (outcome, fault)) in outcomes().into_iter().enumerate() {
            for meets in [Meets::CallBefore, Meets::CallAfter] {
                // Without a fault both sides are the same life.
                if fault.is_none() && meets == Meets::CallAfter {
                    continue;
                }
                let fits = |kind: &&Vec<&Passing>| meets == Meets::CallAfter || befalls(fault.as_ref(), kind[0]);
                let mut fitting: Vec<&Vec<&Passing>> = kinds.iter().filter(fits).collect();
                if fitting.is_empty() {
                    // No edit stands right before this point; the one before that has to do.
                    fitting = kinds.iter().filter(|kind| kind[0].edit > 0).collect();
                }
                for passing in chosen(&fitting, turn + row + number, breadth) {
                    let schedule = with_death(&base, passing, &passings, fault.clone(), meets);
                    cells.push(Cell { point, outcome, meets, schedule });
                }
            }
        }
    }
    cells
}

/// The passings of a point by the call that was begun last before them, each kind of call by its first.
fn by_call<'a>(passings: &[&'a Passing]) -> Vec<Vec<&'a Passing>> {
    let mut kinds: Vec<Vec<&Passing>> = Vec::new();
    for passing in passings {
        match kinds.iter_mut().find(|kind| kind[0].call == passing.call) {
            Some(kind) => kind.push(passing),
            None => kinds.push(vec![passing]),
        }
    }
    kinds
}

/// Whether the call before a passing can have this outcome.
fn befalls(fault: Option<&Fault>, passing: &Passing) -> bool {
    match (fault, passing.call) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(Fault::NotEditable), Some((verb, _))) => verb == Verb::Edit,
        (Some(_), Some(_)) => true,
    }
}

/// The passings at which the process dies.
fn chosen<'a>(kinds: &[&Vec<&'a Passing>], turn: usize, breadth: Breadth) -> Vec<&'a Passing> {
    match breadth {
        Breadth::Every => kinds.iter().flat_map(|kind| [kind.first(), kind.get(1)]).flatten().copied().collect(),
        Breadth::One => {
            let Some(kind) = kinds.get(turn % kinds.len().max(1)) else { return Vec::new() };
            kind.get(turn / kinds.len() % kind.len()).copied().into_iter().collect()
        }
    }
}

fn with_death(
    base: &Schedule,
    passing: &Passing,
    passings: &[&Passing],
    fault: Option<Fault>,
    meets: Meets,
) -> Schedule {
    let call = match (meets, &fault) {
        (Meets::CallBefore, Some(Fault::NotEditable)) => passing.edit,
        (Meets::CallBefore, _) => passing.calls,
        (Meets::CallAfter, _) => passing.calls + 1,
    };
    let fault = fault.map(|fault| CallFault { call, verb: Verb::Post, fault });
    let same = |other: &&&Passing| other.calls == passing.calls && other.number <= passing.number;
    let nth = passings.iter().filter(same).count() as u64;
    let torn = (passing.point == "store.before_commit" && passing.number.is_multiple_of(2)).then_some(500);
    let death = Beside { point: passing.point.to_owned(), calls: passing.calls, nth, torn, down: 1_000 };
    Schedule { faults: Faults::Listed(fault.into_iter().collect()), deaths: Deaths::Beside(death), ..base.clone() }
}

/// The points that a life has passed, both sides of each call among them, in the order in which they are met first.
pub fn points(trace: &[Passing]) -> Vec<&'static str> {
    let mut seen = Vec::new();
    for passing in trace {
        if !seen.contains(&passing.point) {
            seen.push(passing.point);
        }
    }
    seen
}

const SURFACED: &str = "surfaced";

/// Every answer that a platform can give, applied and not.
pub fn outcomes() -> Vec<(&'static str, Option<Fault>)> {
    let wait = |scope| Fault::RetryAfter { millis: 3_000, scope };
    let faults = [
        ("retry_after of a message", wait(Scope::Message)),
        ("retry_after of a chat", wait(Scope::Chat)),
        ("retry_after of a route", wait(Scope::Route)),
        ("retry_after of an account", wait(Scope::Account)),
        ("retry_after of an address", wait(Scope::Ip)),
        ("hang", Fault::Hang { applied: false }),
        ("hang, applied", Fault::Hang { applied: true }),
        ("dropped", Fault::Dropped),
        ("lost", Fault::Lost),
        ("applied late", Fault::LateApply { millis: 40_000 }),
        ("server error", Fault::ServerError { applied: false }),
        ("server error, applied", Fault::ServerError { applied: true }),
        ("half an answer", Fault::HalfAnswer),
        ("gone", Fault::Gone),
        ("not editable", Fault::NotEditable),
        ("moved", Fault::Moved { to: Address::channel("sim", "elsewhere") }),
        ("reshape", Fault::Reshape),
        ("account stopped", Fault::StopAccount),
        ("bug", Fault::Bug),
    ];
    let named = faults.into_iter().map(|(name, fault)| (name, Some(fault)));
    std::iter::once((SURFACED, None)).chain(named).collect()
}

/// A life in which everything that wilco promises happens once: progress, parts, files, a question, a watch, a
/// death and a job that is run again after it, a cancel of a running job and one that comes too late, a retry,
/// a reminder, a scheduled job.
pub fn full_life(profile: Profile) -> Schedule {
    let plans = vec![
        Plan {
            moves: vec![Move::Line, Move::Wait(3_500), Move::Tool, Move::File(700), Move::Wait(3_500), Move::Line],
            end: End::Done(2 * profile.limits().text),
        },
        Plan { moves: vec![Move::Wait(500), Move::Ask, Move::Line], end: End::Done(80) },
        Plan { moves: vec![Move::Partial, Move::Wait(60_000)], end: End::Done(80) },
        Plan { moves: vec![Move::Line], end: End::Shaky(1) },
    ];
    let step = |at, act| Step { at, act };
    let say = |at, who, spot, text: &str| step(at, Act::Say(who, spot, text.to_owned()));
    // A cancel names a job by its place among all, the newest first.
    let steps = vec![
        step(0, Act::Run(Who::Ana, Spot::Thread, Kind::Again, 0)),
        say(500, Who::Dora, Spot::Dev, "/followup in 10s look at the deploy"),
        say(600, Who::Dora, Spot::Dev, "/followup in 15s /run agent p3"),
        step(1_000, Act::Watch(Who::Cleo, Spot::Abroad, 0)),
        step(2_000, Act::Run(Who::Dora, Spot::Ops, Kind::Again, 1)),
        step(5_500, Act::Kill(700)),
        step(7_000, Act::Run(Who::Ana, Spot::Ops, Kind::Frail, 2)),
        step(9_000, Act::Answer(Who::Dora, 0)),
        step(13_000, Act::Cancel(Who::Cleo, Spot::Ops, 1, true)),
        step(13_500, Act::Cancel(Who::Cleo, Spot::Ops, 2, false)),
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
        calm_at: 30_000,
    }
}
