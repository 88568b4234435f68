//! A life drawn from a seed.

use wilco_core::Scope;
use wilco_sim::{Draw, Fault, Profile};

use super::schedule::{Act, Deaths, End, Faults, Kind, LateWords, Move, Plan, Schedule, Spot, Step, Table, Who};

/// The last step of a drawn life is done by then, in milliseconds.
const BUSY: u64 = 150_000;
/// The faults stop so long after the last step.
const STILL_WILD: u64 = 30_000;

impl Schedule {
    /// The life of a seed. The same seed draws the same life as long as this file stays as it is; a failure
    /// report therefore also names the commit.
    pub fn random(seed: u64) -> Self {
        // Neighbouring seeds shall have nothing in common.
        let mut draw = Draw::seeded(Draw::seeded(seed).bits());
        let profile = draw.one_of(&Profile::ALL).name().to_owned();
        let plans = (0..draw.between(1, 5)).map(|_| plan(&mut draw, &profile)).collect::<Vec<_>>();
        // What belongs together comes together: half of the lives are short and crowded.
        let busy = if draw.happens(500) { BUSY / 5 } else { BUSY };
        let steps = steps(&mut draw, plans.len(), busy);
        Self {
            seed,
            profile,
            steps,
            plans,
            faults: Faults::Drawn(weather(&mut draw)),
            deaths: deaths(&mut draw),
            late_words: LateWords::Drawn(500),
            calm_at: busy + STILL_WILD,
        }
    }
}

/// How often the process dies at a crash point, from never to every few points.
fn deaths(draw: &mut Draw) -> Deaths {
    let rate = *draw.one_of(&[0, 100, 300, 1_000, 5_000]);
    Deaths::Drawn(rate, usize::try_from(draw.between(1, 6)).unwrap_or(1))
}

/// From a clear day to a storm. Some days know one kind of trouble only, so that it is met often.
fn weather(draw: &mut Draw) -> Vec<(u16, Fault)> {
    let strength = *draw.one_of(&[0, 1, 3, 8]);
    let late = draw.between(100, 40_000);
    let pause = draw.between(200, 20_000);
    let all = [
        (6, Fault::Dropped),
        (6, Fault::Lost),
        (4, Fault::ServerError { applied: false }),
        (4, Fault::ServerError { applied: true }),
        (3, Fault::HalfAnswer),
        (4, Fault::Hang { applied: false }),
        (4, Fault::Hang { applied: true }),
        (5, Fault::LateApply { millis: late }),
        (3, Fault::RetryAfter { millis: pause, scope: Scope::Chat }),
        (1, Fault::RetryAfter { millis: pause, scope: Scope::Message }),
        (1, Fault::RetryAfter { millis: pause, scope: Scope::Route }),
        (1, Fault::RetryAfter { millis: pause, scope: Scope::Account }),
        (1, Fault::NotEditable),
        (1, Fault::Reshape),
    ];
    let mut rates: Vec<(u16, Fault)> = if draw.happens(300) {
        let (_, fault) = draw.one_of(&all);
        vec![(30 * strength, fault.clone())]
    } else {
        all.iter().map(|(rate, fault)| (rate * strength, fault.clone())).collect()
    };
    // What a person has to look at afterwards comes in few lives only.
    if draw.happens(150) {
        let hard = [
            Fault::Gone,
            Fault::Bug,
            Fault::StopAccount,
            Fault::Moved { to: wilco_core::Address::channel("sim", "elsewhere") },
            Fault::RetryAfter { millis: pause, scope: Scope::Ip },
        ];
        rates.push((*draw.one_of(&[5, 15, 40]), draw.one_of(&hard).clone()));
    }
    rates
}

fn plan(draw: &mut Draw, profile: &str) -> Plan {
    let mut moves: Vec<Move> = (0..draw.below(7)).map(|_| one_move(draw)).collect();
    if draw.happens(40) {
        moves.insert(0, Move::Deaf);
    }
    let limit = if profile == "discord" { 2_000 } else { 4_000 };
    let end = match draw.below(20) {
        0..=8 => End::Done(usize::try_from(draw.between(20, 400)).unwrap_or(20)),
        9..=12 => End::Done(usize::try_from(draw.between(limit, 4 * limit)).unwrap_or(20)),
        13 => End::Fails,
        14 | 15 => End::Shaky(u32::try_from(draw.between(1, 3)).unwrap_or(1)),
        16 => End::Expired,
        17 => End::Panics,
        18 => End::Never,
        _ => End::Done(20),
    };
    Plan { moves, end }
}

fn one_move(draw: &mut Draw) -> Move {
    match draw.below(12) {
        0..=2 => Move::Wait(draw.between(1, 4_000)),
        3 => Move::Wait(draw.between(4_000, 70_000)),
        4..=6 => Move::Line,
        7 => Move::Tool,
        8 => Move::Partial,
        9 | 10 => Move::File(draw.between(1, 3_000)),
        _ => Move::Ask,
    }
}

fn steps(draw: &mut Draw, plans: usize, busy: u64) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for _ in 0..draw.between(3, 16) {
        let at = draw.below(busy);
        let act = act(draw, plans);
        if draw.happens(60) {
            let again = if draw.happens(500) { Act::Redeliver } else { Act::Overtaken(draw.between(1, 5_000)) };
            steps.push(Step { at, act });
            steps.push(Step { at: at + draw.below(2), act: again });
        } else {
            steps.push(Step { at, act });
        }
    }
    let first = Step { at: 0, act: runs(draw, plans) };
    steps.push(first);
    if draw.happens(100) {
        steps.extend(called_off(draw, plans, busy));
    }
    steps.sort_by_key(|step| step.at);
    steps
}

/// A follow-up that is called off, or replaced, while the answer whether its address still stands is waited for.
fn called_off(draw: &mut Draw, plans: usize, busy: u64) -> [Step; 3] {
    let who = *draw.one_of(&[Who::Ana, Who::Dora, Who::Cleo]);
    let spot = *draw.one_of(&Spot::ALL);
    let at = draw.below(busy);
    let due = at + 10_000;
    let asked = format!("/followup key=deploy in 10s /run work p{}", number(draw, plans));
    let off = *draw.one_of(&["/stop here", "/followup key=deploy in 2m look at the deploy"]);
    [
        Step { at, act: Act::Say(who, spot, asked) },
        Step { at: due - draw.between(1, 2_000), act: Act::SlowProbes(draw.between(5_000, 20_000)) },
        Step { at: due + draw.between(500, 12_000), act: Act::Say(who, spot, off.to_owned()) },
    ]
}

fn runs(draw: &mut Draw, plans: usize) -> Act {
    let who = *draw.one_of(&[Who::Ana, Who::Ana, Who::Dora, Who::Cleo]);
    let spot = *draw.one_of(&Spot::ALL);
    let kind = *draw.one_of(&Kind::ALL);
    Act::Run(who, spot, kind, number(draw, plans))
}

fn act(draw: &mut Draw, plans: usize) -> Act {
    let who = *draw.one_of(&Who::ALL);
    let spot = *draw.one_of(&Spot::ALL);
    match draw.below(100) {
        0..=27 => runs(draw, plans),
        28..=35 => Act::Press(who, number(draw, 50)),
        36..=39 => Act::Answer(who, number(draw, 8)),
        40..=44 => Act::PressNote(who, number(draw, 10)),
        45..=52 => Act::Cancel(who, spot, number(draw, 8), draw.happens(300)),
        53..=60 => Act::Watch(who, spot, number(draw, 8)),
        61..=72 => Act::Say(who, spot, followup(draw, plans)),
        73..=75 => Act::Say(who, spot, phrase(draw)),
        76 | 77 => Act::Status(who, spot, number(draw, 8)),
        78..=81 => Act::Delete(number(draw, 30)),
        82 | 83 => Act::Archive(spot, draw.happens(700).then(|| draw.between(1_000, 60_000))),
        84 => Act::Move(spot),
        85 => Act::Revoke(draw.between(1_000, 60_000)),
        86 | 87 => Act::Offline(draw.between(1_000, 60_000)),
        88 | 89 => Act::Clock(clock_step(draw)),
        90 => Act::Sleep(draw.between(1_000, 120_000)),
        91..=94 => Act::Kill(draw.between(1, 60_000)),
        95 => Act::Drain(draw.between(1, 60_000)),
        96 => Act::Reload,
        97 => Act::Refuse(*draw.one_of(&Table::ALL), draw.between(1_000, 30_000)),
        _ => Act::Mend,
    }
}

fn followup(draw: &mut Draw, plans: usize) -> String {
    let kind = draw.one_of(&Kind::ALL).name();
    let text = if draw.happens(500) {
        format!("/run {kind} p{}", number(draw, plans))
    } else {
        (*draw.one_of(&["look at the deploy", "ask *Dora* again", "/jobs"])).to_owned()
    };
    let key = if draw.happens(200) { "key=deploy " } else { "" };
    let when = *draw.one_of(&["in 10s", "in 30s", "in 1m", "in 90s", "in 2m", "every 1m", "every hour"]);
    format!("/followup {key}{when} {text}")
}

fn phrase(draw: &mut Draw) -> String {
    (*draw.one_of(&["/jobs", "/followups", "/stop here", "/whoami", "hello there", "/help", "/cancel"])).to_owned()
}

fn clock_step(draw: &mut Draw) -> i64 {
    let by = *draw.one_of(&[500_i64, 30_000, 3_600_000]);
    if draw.happens(500) { by } else { -by }
}

fn number(draw: &mut Draw, end: usize) -> usize {
    usize::try_from(draw.below(u64::try_from(end).unwrap_or(1))).unwrap_or(0)
}
