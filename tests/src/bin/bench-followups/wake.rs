//! What a wake-up costs that finds nothing due, and what waiting costs.

use std::future::Future;
use std::time::Duration;

use wilco_core::followup::FollowupSettings;
use wilco_core::random::Dice;
use wilco_core::{Clock, InstanceId};
use wilco_loop::clock::SystemClock;
use wilco_store::changes::{ClaimOccurrences, Fresh};
use wilco_store::reads::NextDue;
use wilco_store::{StoreError, Synchronous};
use wilco_tests::real::figures::{percentile, processor};
use wilco_tests::real::wait;

use crate::stage::Stage;

/// How often each is asked.
const TIMES: usize = 5_000;
/// The first ones read the file.
const WARM: usize = 200;
const IDLE: Duration = Duration::from_secs(10);

pub(crate) async fn measure(stages: &[Stage]) {
    println!("\na wake-up that finds nothing due, {TIMES} times, in microseconds; idle is over {} s", IDLE.as_secs());
    println!("{:>10} {:>17} {:>17} {:>22}", "pending", "next due p50  p99", "claim p50  p99", "idle, of one processor");
    let mut first = None;
    for stage in stages {
        let figures = of(stage).await;
        let base = *first.get_or_insert(figures);
        let [next50, next99, claim50, claim99, idle] = figures;
        println!("{:>10} {next50:>9.0} {next99:>7.0} {claim50:>9.0} {claim99:>7.0} {idle:>20.2} %", stage.pending);
        let ratio = |at: usize| figures[at] / base[at].max(1.0);
        println!("{:>10} {:>9.2} {:>7.2} {:>9.2} {:>7.2}", "ratio", ratio(0), ratio(1), ratio(2), ratio(3));
    }
}

async fn of(stage: &Stage) -> [f64; 5] {
    let store = stage.open(Synchronous::Full).await;
    let (clock, dice) = (SystemClock::new(), Dice::from_os());
    let next = times(&clock, async || store.read(NextDue).await.map(drop)).await;
    let claim = times(&clock, async || {
        let now = clock.now();
        let change = ClaimOccurrences {
            owner: InstanceId::new("bench"),
            now,
            wall: now,
            limit: 64,
            settings: FollowupSettings::default(),
            fresh: Fresh::new(&dice.uuid(now)),
        };
        let claimed = store.write(change).await?;
        assert!(claimed.firings.is_empty() && claimed.told.is_empty(), "nothing is due yet");
        Ok(())
    })
    .await;
    let scene = stage.start(store).await;
    // The start itself is not measured.
    wait::pause(Duration::from_secs(1)).await;
    let before = processor(std::process::id());
    wait::pause(IDLE).await;
    let idle = (processor(std::process::id()) - before) / IDLE.as_secs_f64() * 100.0;
    scene.ends().await;
    [percentile(&next, 50), percentile(&next, 99), percentile(&claim, 50), percentile(&claim, 99), idle]
}

/// How long each of many takes, in microseconds, shortest first.
async fn times<F: Future<Output = Result<(), StoreError>>>(clock: &SystemClock, once: impl Fn() -> F) -> Vec<f64> {
    let mut times = Vec::with_capacity(TIMES);
    for at in 0..WARM + TIMES {
        let start = clock.monotonic();
        once().await.expect("the store answers");
        if at >= WARM {
            times.push((clock.monotonic() - start).as_secs_f64() * 1e6);
        }
    }
    times.sort_by(f64::total_cmp);
    times
}
