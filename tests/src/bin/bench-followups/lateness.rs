//! How late those fire that are due: 1,000 reminders within two seconds, of which a tenth is refused at first.

use std::collections::BTreeMap;
use std::time::Duration;

use wilco_core::{AccountId, Clock, EnvelopeKind, Shelf, Timestamp};
use wilco_loop::StoreShelf;
use wilco_store::Synchronous;
use wilco_tests::real::figures::{median, percentile};
use wilco_tests::real::wait;

use crate::fill::{ACCOUNT, Fill, Outcome, Outcomes};
use crate::stage::{Scene, Stage};

const DUE: i64 = 1_000;
/// The milliseconds between two due times: together two seconds.
const STEP: i64 = 2;
/// One in so many is refused at first.
const REFUSED: i64 = 10;
/// How long after the start of the bot the first is due, so that nothing of the start is measured.
const LEAD: Duration = Duration::from_secs(3);
/// Nothing here takes longer, except on a machine that does something else.
const LIMIT: Duration = Duration::from_secs(60);
/// How often the store's own commit is measured beside it.
const COMMIT_EVERY: Duration = Duration::from_millis(20);
const COMMITS_ALONE: usize = 200;

const COLUMNS: [&str; 10] =
    ["fired min", "p50", "p99", "max", "seen p50", "p99", "commit p50", "p99", "meanwhile p50", "p99"];

pub(crate) async fn measure(stages: &[&Stage], rounds: usize) {
    println!(
        "\n{DUE} reminders due within {} s, one in {REFUSED} refused one to four times, in ms\n\
         fired: from its due time to the moment that is stored with its job, of those that are not refused\n\
         seen: from its due time to the reminder that everybody reads, of the same\n\
         commit: of one small change, before anything is due; meanwhile: the same while all of them are due",
        DUE * STEP / 1_000
    );
    println!("{:>10} {:>6} {}", "pending", "round", COLUMNS.map(|name| format!("{name:>14}")).concat());
    let mut all: BTreeMap<i64, Vec<[f64; 10]>> = BTreeMap::new();
    for round in 1..=rounds {
        for stage in stages {
            let figures = one(stage, round).await;
            line(stage.pending, &round.to_string(), &figures);
            all.entry(stage.pending).or_default().push(figures);
        }
    }
    let mut medians = Vec::new();
    for stage in stages {
        let rounds = &all[&stage.pending];
        let middle: [f64; 10] =
            std::array::from_fn(|at| median(&mut rounds.iter().map(|figures| figures[at]).collect::<Vec<_>>()));
        line(stage.pending, "median", &middle);
        medians.push(middle);
    }
    for (stage, middle) in stages.iter().zip(&medians) {
        println!(
            "{:>10} p99 beyond the commit's own p99: {:.0} ms alone, {:.0} ms meanwhile (aim: under 100)",
            stage.pending,
            middle[2] - middle[7],
            middle[2] - middle[9]
        );
    }
    if let [few, .., many] = medians.as_slice() {
        println!(
            "many to few: p50 {:.2}, p99 {:.2} (aim: the same)",
            many[1] / few[1].max(1.0),
            many[2] / few[2].max(1.0)
        );
    }
}

fn line(pending: i64, round: &str, figures: &[f64; 10]) {
    println!("{pending:>10} {round:>6} {}", figures.map(|figure| format!("{figure:>14.1}")).concat());
}

async fn one(stage: &Stage, round: usize) -> [f64; 10] {
    let store = stage.open(Synchronous::Full).await;
    let shelf = StoreShelf::new(store.clone(), AccountId::new(ACCOUNT));
    let scene = {
        let now = wilco_loop::clock::SystemClock::new().now();
        let first = now.plus(LEAD);
        let prefix = format!("r{round}x");
        let fill = Fill { prefix, from: 0, to: DUE, first, step: STEP, refused: REFUSED, now };
        store.write(fill).await.expect("the store takes it");
        stage.start(store).await
    };
    let alone = commits(&scene, &shelf, |count, _| count < COMMITS_ALONE, Duration::ZERO).await;
    let outcomes = Outcomes { prefix: format!("r{round}x") };
    let first = scene.store.read(Outcomes { prefix: outcomes.prefix.clone() }).await.expect("the store answers");
    let from = first.iter().map(|outcome| outcome.due).min().unwrap_or_default();
    assert!(scene.clock.now() < from, "the first is due before the measurement begins: the machine is too busy");
    wait::pause(from.since(scene.clock.now())).await;
    let to = from.plus(Duration::from_millis(DUE.unsigned_abs() * STEP.unsigned_abs()));
    let meanwhile = commits(&scene, &shelf, |_, now| now < to, COMMIT_EVERY).await;
    let ended = wait::for_some(LIMIT, async || {
        wait::pause(COMMIT_EVERY * 10).await;
        let now = scene.store.read(Outcomes { prefix: outcomes.prefix.clone() }).await.ok()?;
        now.iter().all(|one| !matches!(one.state.as_str(), "scheduled" | "running")).then_some(now)
    });
    let ended = ended.await.expect("everything comes to its end");
    as_it_should(&ended);
    let seen = wait::for_some(LIMIT, async || {
        wait::pause(COMMIT_EVERY * 10).await;
        seen(&scene, &ended)
    });
    let mut seen = seen.await.expect("everything is shown");
    scene.ends().await;
    let due = ended.iter().filter(|one| !one.refused);
    let mut late: Vec<f64> = due.filter_map(|one| Some(millis(one.fired?, one.due))).collect();
    late.sort_by(f64::total_cmp);
    seen.sort_by(f64::total_cmp);
    let of = |sorted: &[f64], percent| percentile(sorted, percent);
    [
        late.first().copied().unwrap_or_default(),
        of(&late, 50),
        of(&late, 99),
        of(&late, 100),
        of(&seen, 50),
        of(&seen, 99),
        of(&alone, 50),
        of(&alone, 99),
        of(&meanwhile, 50),
        of(&meanwhile, 99),
    ]
}

fn millis(to: Timestamp, from: Timestamp) -> f64 {
    // A negative one would be early, which has to be seen.
    (to.0 - from.0) as f64
}

/// Every one fired or was dropped after the attempts that it was to take.
fn as_it_should(ended: &[Outcome]) {
    assert_eq!(ended.len(), usize::try_from(DUE).unwrap_or(0));
    for one in ended {
        let (state, attempts) = (one.state.as_str(), one.attempts);
        let fits = match one.refused {
            false => state == "success" && attempts == 1,
            true => matches!((state, attempts), ("success", 2..=4) | ("failed_dropped", 4)),
        };
        assert!(fits, "{one:?}");
    }
}

/// How long after its due time each reminder could be read, as soon as all can.
fn seen(scene: &Scene, ended: &[Outcome]) -> Option<Vec<f64>> {
    let mut shown: BTreeMap<String, Timestamp> = BTreeMap::new();
    for message in scene.platform.snapshot().messages {
        let first = message.versions.iter().find(|version| version.kind == Some(EnvelopeKind::Content));
        if let (Some(thread), Some(version)) = (message.address.thread, first) {
            shown.entry(thread).or_insert(version.at);
        }
    }
    let due = ended.iter().filter(|one| !one.refused);
    due.map(|one| Some(millis(*shown.get(&one.thread)?, one.due))).collect()
}

/// How long one small change takes from call to answer, in milliseconds, shortest first; one after the other, with
/// a pause.
async fn commits(
    scene: &Scene,
    shelf: &StoreShelf,
    goes_on: impl Fn(usize, Timestamp) -> bool,
    pause: Duration,
) -> Vec<f64> {
    let mut times = Vec::new();
    while goes_on(times.len(), scene.clock.now()) {
        let start = scene.clock.monotonic();
        shelf.put("a key", &start.as_micros().to_string()).await.expect("the store takes it");
        times.push((scene.clock.monotonic() - start).as_secs_f64() * 1e3);
        if !pause.is_zero() {
            wait::pause(pause).await;
        }
    }
    times.sort_by(f64::total_cmp);
    times
}
