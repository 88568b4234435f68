//! The chance of a kill test: a seed that its failure prints draws the same moments again.

use std::time::Duration;

use wilco_core::random::Dice;
use wilco_core::{Timestamp, text};

/// The environment variable that gives the seed of an earlier run.
pub const SEED: &str = "WILCO_KILL_SEED";

/// SplitMix64: the same sequence with every toolchain, so that a seed in a failure report stays good.
#[derive(Clone, Debug)]
pub struct Draw(u64);

impl Draw {
    /// Draws from a seed.
    pub fn seeded(seed: u64) -> Self {
        Self(seed)
    }

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

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to, but not including, `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// The next moment of a kill, counted from the start of the process: most fall into the first moments,
    /// where the start, the recovery and most jobs are; one in six is late enough for progress edits.
    pub fn moment(&mut self) -> Duration {
        let millis = match self.below(6) {
            0 => 700 + self.below(3_800),
            _ => 20 + self.below(900),
        };
        Duration::from_millis(millis)
    }
}
