//! The chance of a kill test: a seed that its failure prints draws the same moments again.

use std::time::Duration;

use wilco_core::random::Dice;
use wilco_core::{Timestamp, text};
use wilco_sim::Draw;

/// The environment variable that gives the seed of an earlier run.
pub const SEED: &str = "WILCO_KILL_SEED";

/// The seed of this run: the one that [`SEED`] gives, or a new one.
///
/// # Panics
/// When the variable is set and is no number.
pub fn seed_of_this_run() -> u64 {
    match std::env::var(SEED) {
        Ok(seed) => seed.parse().unwrap_or_else(|_| panic!("{SEED} is no number: {seed}")),
        Err(_) => text::fingerprint(&Dice::from_os().uuid(Timestamp(0))) % 1_000_000,
    }
}

/// The next moment of a kill, counted from the start of the process: most fall into the first moments,
/// where the start, the recovery and most jobs are; one in six is late enough for progress edits.
pub fn moment(draw: &mut Draw) -> Duration {
    let millis = match draw.below(6) {
        0 => 700 + draw.below(3_800),
        _ => 20 + draw.below(900),
    };
    Duration::from_millis(millis)
}
