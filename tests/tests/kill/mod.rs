//! The real program is killed, again and again, while people go on asking for jobs (requirement R15). What is
//! counted afterwards is what the platform shows: no result lost, none shown twice, no process left behind. The same
//! holds for what they have scheduled (requirements F8, F19).
//!
//! `WILCO_KILL_SEED=<n>` draws the same moments and the same faults as an earlier run.

mod adapters;
mod followups;
mod page;
mod platform;

use std::collections::BTreeMap;
use std::path::Path;

use wilco_sim::Draw;
use wilco_tests::real::count::Tally;
use wilco_tests::real::{Crash, Form};

/// The program that is killed.
fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_wilco-under-test"))
}

/// The platform that outlives it.
fn platform_program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_test-platform"))
}

/// The crash points that jobs pass; each suite of jobs has to come past every one of them.
const JOBS: [&str; 20] = [
    "store.before_begin",
    "store.after_apply",
    "store.before_commit",
    "store.after_commit",
    "store.offer.applied",
    "store.begin.applied",
    "store.record.applied",
    "store.ask.applied",
    "store.finish.applied",
    "store.claim.taken",
    "store.settle.applied",
    "store.edit.opened",
    "store.edit.closed",
    "store.recover.applied",
    "loop.task.started",
    "loop.task.ended",
    "loop.outbox.before_call",
    "loop.outbox.answered",
    "loop.progress.before_edit",
    "loop.progress.answered",
];

/// The one of them that a process passes once, when it takes over what a dead one has left.
const RECOVERY: &str = "store.recover.applied";

/// Everything that has to happen for every point of jobs to be passed three times by one process.
const SCENARIO: [Form; 13] = [
    Form::Long,
    Form::Long,
    Form::Long,
    Form::Asks,
    Form::Asks,
    Form::Asks,
    Form::Parts,
    Form::File,
    Form::Once,
    Form::Cancelled,
    Form::Spin,
    Form::Short,
    Form::Short,
];

/// Those that only follow-ups pass; the suite of follow-ups has to come past every one of them.
const FOLLOWUPS: [&str; 8] = [
    // Only what a follow-up starts directly is tried again.
    "store.retry.applied",
    "store.schedule.applied",
    "store.fire.claimed",
    "store.fire.injected",
    "store.fire.settled",
    "loop.fire.claimed",
    "loop.fire.probed",
    "loop.fire.injected",
];

/// A suite fails for a point of its list that no process comes past, so a point that is in a list is passed.
#[test]
fn r15_every_crash_point_is_on_the_list_of_a_suite_that_has_to_pass_it() {
    let mut listed: Vec<&str> = JOBS.into_iter().chain(FOLLOWUPS).collect();
    let mut named = wilco_store::crash::named().to_vec();
    listed.sort_unstable();
    named.sort_unstable();
    assert_eq!(listed, named);
}

/// Crash points, each at some of its passings.
fn every_passing(points: &[&str], passings: &[u32]) -> Vec<Crash> {
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
