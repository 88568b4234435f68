//! The real program is killed, again and again, while people go on asking for jobs (requirement R15). What is
//! counted afterwards is what the platform shows: no result lost, none shown twice, no process left behind.
//!
//! `WILCO_KILL_SEED=<n>` draws the same moments and the same faults as an earlier run.

mod page;
mod platform;

use std::collections::BTreeMap;
use std::path::Path;

use wilco_tests::real::count::Tally;
use wilco_tests::real::{Crash, Draw};

/// The program that is killed.
fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_wilco-under-test"))
}

/// The platform that outlives it.
fn platform_program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_test-platform"))
}

/// Every named crash point at some of its passings.
fn every_point(passings: &[u32]) -> Vec<Crash> {
    let points = wilco_store::crash::named();
    points.iter().flat_map(|point| passings.iter().map(|nth| Crash::at(point, *nth))).collect()
}

/// The results of several runs, each with its name; fails with everything that is wrong in any of them.
#[track_caller]
#[allow(clippy::print_stdout, reason = "what was counted belongs to the output of the test")]
fn conclude(what: &str, seed: u64, runs: BTreeMap<String, Result<Tally, String>>) {
    let mut all = Tally::default();
    let mut wrong = Vec::new();
    for (name, run) in runs {
        match run {
            Ok(mut tally) => {
                wrong.extend(std::mem::take(&mut tally.wrong).into_iter().map(|one| format!("{name}: {one}")));
                all.add(tally);
            }
            Err(why) => wrong.push(format!("{name}: {why}")),
        }
    }
    println!("{what} (seed {seed}): {all}");
    assert!(wrong.is_empty(), "{what}: replay with {}={seed}\n{}", wilco_tests::real::draw::SEED, wrong.join("\n"));
    assert!(all.ends.get("Done").is_some_and(|done| *done > 0), "no job was ever finished: {all}");
}

/// A generator for one of several runs that share a seed.
fn draw_for(seed: u64, run: u64) -> Draw {
    Draw::seeded(seed.wrapping_mul(1_000).wrapping_add(run))
}
