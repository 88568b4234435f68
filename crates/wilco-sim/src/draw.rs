//! Seeded chance that stays the same for ever.

/// SplitMix64 (Steele, Lea, Flood 2014): a few lines that give the same sequence with every toolchain
/// and every version of every library, so that a seed in a failure report stays good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw(u64);

impl Draw {
    /// The sequence of a seed.
    pub fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to but not including `end`; 0 when `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.bits() % end.max(1)
    }

    /// A number between the two, both included; the first when they are the wrong way round.
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most.saturating_sub(least) + 1)
    }

    /// Whether something happens that does so in so many of a thousand cases.
    pub fn happens(&mut self, per_mille: u64) -> bool {
        self.below(1_000) < per_mille
    }

    /// One of these.
    ///
    /// # Panics
    /// When there are none: whoever draws has something to draw from.
    pub fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        let at = usize::try_from(self.below(all.len() as u64)).unwrap_or(0);
        &all[at]
    }

    /// A sequence of its own that begins here, so that more draws in one place do not reshuffle another.
    #[must_use]
    pub fn branch(&mut self) -> Self {
        Self(self.bits())
    }
}

/// FNV-1a, 64 bits.
pub(crate) fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_sequence_as_the_published_generator() {
        // The first values of SplitMix64 for the seed 1234567, as its reference implementation gives them.
        let mut draw = Draw::seeded(1_234_567);
        assert_eq!(draw.bits(), 6_457_827_717_110_365_317);
        assert_eq!(draw.bits(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn ranges_are_kept() {
        let mut draw = Draw::seeded(3);
        for _ in 0..1_000 {
            assert!(draw.below(7) < 7);
            assert!((5..=9).contains(&draw.between(5, 9)));
            assert_eq!((draw.between(4, 4), draw.below(0)), (4, 0));
        }
        assert!(!draw.happens(0) && draw.happens(1_000));
    }
}
