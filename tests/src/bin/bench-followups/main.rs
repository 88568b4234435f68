//! The benchmark of follow-ups: `just bench-followups`.
//!
//! It prints figures and judges nothing: what a wake-up costs that finds nothing due, with many follow-ups pending,
//! and how late those fire that are due. The store, the loop and the clock are the real ones, with FULL durability on
//! the disk that `TMPDIR` names; the platform is the scripted one in the same process and answers at once.
//!
//! `bench-followups 1000 100000` takes these numbers of pending follow-ups instead of 1,000, 100,000 and 1,000,000.

#![allow(clippy::print_stdout, reason = "a program speaks to its terminal")]

mod fill;
mod lateness;
mod stage;
mod wake;

use std::process::ExitCode;

use stage::Stage;

/// How many follow-ups are pending, days ahead.
const SIZES: [i64; 3] = [1_000, 100_000, 1_000_000];
/// How often the lateness is measured with each of the outer two.
const ROUNDS: usize = 5;

/// As many threads as the program itself has.
#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let given: Result<Vec<i64>, _> = std::env::args().skip(1).map(|word| word.parse()).collect();
    let sizes = match given {
        Ok(given) if given.is_empty() => SIZES.to_vec(),
        Ok(given) => given,
        Err(error) => {
            println!("numbers of pending follow-ups, please: {error}");
            return ExitCode::FAILURE;
        }
    };
    if cfg!(debug_assertions) {
        println!("this is a debug build: the figures mean little, use --release");
    }
    let mut stages = Vec::new();
    for pending in sizes {
        stages.push(Stage::with_pending(pending).await);
    }
    wake::measure(&stages).await;
    // The few and the many take turns, so that both meet the same machine.
    let outer = if stages.len() > 1 { vec![&stages[0], &stages[stages.len() - 1]] } else { stages.iter().collect() };
    lateness::measure(&outer, ROUNDS).await;
    ExitCode::SUCCESS
}
