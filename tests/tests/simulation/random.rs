//! Random schedules. The seeds of this test are always the same, so that a change that breaks the promise
//! fails on its own account; new ground is covered by the long runs of `docs/promise.md`.

use std::sync::Mutex;

use wilco_tests::simulation::{Figures, Schedule, commit, crew, report, run};

use crate::{Broken, decides};

/// What every search has to meet in so many lives, or it would say nothing about it.
const HARD: [&str; 43] = [
    "job cancelled",
    "job timed_out",
    "job interrupted",
    "job failed",
    "job done",
    "call retry_after of Message",
    "call retry_after of Chat",
    "call retry_after of Route",
    "call retry_after of Account",
    "call hang",
    "call hang_applied",
    "call dropped",
    "call lost",
    "call late_apply",
    "call server_error",
    "call server_error_applied",
    "call half_answer",
    "call gone",
    "call not_editable",
    "call moved",
    "call reshape",
    "call stop_account",
    "call bug",
    "part shown",
    "file shown",
    "question shown",
    "ping shown",
    "place followed",
    "place shared by two routes",
    "question answered",
    "address left",
    "chat moved",
    "clock stepped",
    "account stopped",
    "commit torn",
    "late word of a dead process",
    "follow-up success",
    "follow-up failed",
    "follow-up failed_dropped",
    "follow-up missed",
    "follow-up skipped",
    "follow-up cancelled",
    "message deleted",
];

#[test]
#[allow(clippy::print_stdout, reason = "the figures of a run are part of its result")]
fn r15_random_schedules_lose_nothing_and_double_nothing() {
    let seeds = if decides() { 10_000 } else { 1_000 };
    let (sum, broken) = (Mutex::new(Figures::default()), Broken::default());
    let begun = crew::now();
    crew::each(0..seeds, crew::threads(), |seed| {
        let schedule = Schedule::random(seed);
        let lived = run(&schedule);
        if !lived.violations.is_empty() {
            broken.add(report(&format!("seed {seed}"), &schedule, &lived));
        }
        sum.lock().expect("no thread has failed").add(&lived.figures);
    });
    let sum = sum.into_inner().expect("no thread has failed");
    println!("seeds 0..{seeds} at commit {} in {:.0} s: {sum}", commit(), begun.elapsed().as_secs_f64());
    println!("met: {}", sum.encounters());
    broken.judge();
    // A simulation in which nothing happens would never fail.
    assert_eq!(sum.lives, seeds);
    assert!(sum.kept > 2 * seeds, "too few results were promised and kept: {sum}");
    assert!(sum.deaths > seeds / 2 && sum.faults > seeds, "too little went wrong: {sum}");
    assert!(sum.fired > seeds / 10, "too few follow-ups fired: {sum}");
    let missed: Vec<&&str> = HARD.iter().filter(|what| sum.met(what) == 0).collect();
    assert!(missed.is_empty(), "none of {seeds} lives met {missed:?}, only {}", sum.encounters());
}
