//! Pairing: how a platform gets its first owner. The program shows a code to whoever sits at it, and whoever gives
//! that code on a platform is the owner there.
//!
//! A code is short enough to be typed, so it is guarded: it lives for a quarter of an hour, works once, and a few wrong
//! tries are all that anybody has. Only its digest is stored, and nothing prints the code but the terminal.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::ids::Short;
use crate::time::Timestamp;

/// How long a code can be given.
pub const LIVES: Duration = Duration::from_secs(15 * 60);
/// How many wrong tries one person has within [`WITHIN`].
pub const TRIES: u32 = 5;
/// The time for which a wrong try counts against its person.
pub const WITHIN: Duration = Duration::from_secs(60 * 60);
/// After so many wrong tries of all people together a new code is needed.
pub const TRIES_OF_ALL: u32 = 20;
/// How many letters a code has. Letters and digits alternate, so these are 45 bits: six pairs of 23 × 8.
pub const LENGTH: usize = 12;
/// What is typed beyond this is no code.
const LONGEST: usize = 64;

/// A one-time code. It shows itself to nobody: `Debug` hides it, and only [`PairingCode::shown`] spells it out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PairingCode(String);

impl PairingCode {
    /// The code that a number spells, in the letters of the short ids.
    pub fn spelled(number: u128) -> Self {
        Self(Short::spelled(number, LENGTH).as_str().to_owned())
    }

    /// A code as a person typed it: capitals, dashes and spaces do not matter.
    pub fn typed(text: &str) -> Self {
        let letters = text.chars().filter(|letter| !letter.is_whitespace() && *letter != '-');
        Self(letters.take(LONGEST).flat_map(char::to_lowercase).collect())
    }

    /// The code for the person at the terminal, in groups of four.
    pub fn shown(&self) -> String {
        let letters: Vec<char> = self.0.chars().collect();
        letters.chunks(4).map(String::from_iter).collect::<Vec<_>>().join("-")
    }

    /// What is stored instead of it.
    pub fn digest(&self) -> PairingDigest {
        let hash = Sha256::new().chain_update(b"wilco pairing\0").chain_update(&self.0).finalize();
        PairingDigest(hash.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

impl fmt::Debug for PairingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PairingCode(…)")
    }
}

/// The SHA-256 digest of a code, in hexadecimal digits.
#[derive(Clone, Debug)]
pub struct PairingDigest(String);

impl PairingDigest {
    /// A digest as it was stored.
    pub fn stored(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text to store.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether both are of the same code. It takes equally long wherever they differ.
    pub fn is(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

/// A code that was offered.
#[derive(Clone, Debug)]
pub struct Offered {
    /// Which.
    pub digest: PairingDigest,
    /// From when on it is not taken any more.
    pub expires: Timestamp,
    /// Wrong tries since it was offered, of all people together.
    pub wrong: u32,
    /// Whether somebody has given it.
    pub used: bool,
}

/// Why a code was not taken. Each leaves everybody's rights as they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No code is offered.
    NoCode,
    /// It is not the code.
    Wrong {
        /// How many tries this person has left before they have to wait, or before the code is spent.
        left: u32,
    },
    /// It was the code until it expired.
    Expired,
    /// It was the code until somebody gave it.
    Used,
    /// This person has given too many wrong ones; what they give now is not looked at.
    Wait {
        /// When they may try again.
        until: Timestamp,
    },
    /// All together have given too many wrong ones; this code is not taken any more.
    Spent,
}

impl Refusal {
    /// Whether it counts as a wrong try.
    pub fn counts(self) -> bool {
        match self {
            Self::Wrong { .. } => true,
            Self::NoCode | Self::Expired | Self::Used | Self::Wait { .. } | Self::Spent => false,
        }
    }
}

/// What follows when a person gives a code. `tries` are the times of their wrong tries, the oldest first; those older
/// than [`WITHIN`] do not count.
///
/// # Errors
/// Why the code is not taken.
pub fn judge(
    offered: Option<&Offered>,
    tries: &[Timestamp],
    given: &PairingDigest,
    now: Timestamp,
) -> Result<(), Refusal> {
    let Some(offered) = offered else { return Err(Refusal::NoCode) };
    let counted: Vec<Timestamp> = tries.iter().copied().filter(|at| at.plus(WITHIN) > now).collect();
    let mine = u32::try_from(counted.len()).unwrap_or(u32::MAX);
    if mine >= TRIES {
        // The one whose end leaves room for a further try.
        let oldest = counted.len() - TRIES as usize;
        let until = counted.get(oldest).map_or(now, |at| at.plus(WITHIN));
        return Err(Refusal::Wait { until });
    }
    if offered.wrong >= TRIES_OF_ALL {
        return Err(Refusal::Spent);
    }
    if !offered.digest.is(given) {
        let left = (TRIES - mine - 1).min(TRIES_OF_ALL - offered.wrong - 1);
        return Err(Refusal::Wrong { left });
    }
    match (offered.used, now >= offered.expires) {
        (true, _) => Err(Refusal::Used),
        (false, true) => Err(Refusal::Expired),
        (false, false) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(10_000_000);

    fn code() -> PairingCode {
        PairingCode::spelled(123_456_789_012_345)
    }

    fn offered() -> Offered {
        Offered { digest: code().digest(), expires: NOW.plus(LIVES), wrong: 0, used: false }
    }

    fn minutes(ago: u64) -> Timestamp {
        Timestamp(NOW.0 - i64::try_from(ago).unwrap() * 60_000)
    }

    #[test]
    fn a_code_can_be_typed_as_people_type_and_has_more_than_forty_bits() {
        let shown = code().shown();
        assert_eq!((shown.len(), shown.matches('-').count()), (14, 2), "{shown}");
        for typed in [shown.clone(), shown.to_uppercase(), shown.replace('-', " "), shown.replace('-', "")] {
            assert_eq!(PairingCode::typed(&typed), code(), "{typed}");
        }
        let bits: f64 = (0..LENGTH).map(|at| (Short::alphabet_at(at).len() as f64).log2()).sum();
        assert!(bits > 40.0, "{bits}");
        assert_eq!(PairingCode::typed(&"x".repeat(10_000)).shown().chars().filter(|one| *one == 'x').count(), LONGEST);
    }

    #[test]
    fn a_code_hides_itself_and_its_digest_is_another_for_each() {
        assert_eq!(format!("{:?}", code()), "PairingCode(…)");
        let digest = code().digest();
        assert_eq!(digest.as_str().len(), 64);
        assert!(digest.is(&PairingDigest::stored(digest.as_str())));
        assert!(!digest.is(&PairingCode::spelled(1).digest()));
        assert!(!digest.is(&PairingDigest::stored("")), "a shorter one is another one");
    }

    #[test]
    fn the_code_is_taken_until_it_expires_or_was_given() {
        let (good, now) = (code().digest(), NOW);
        assert_eq!(judge(Some(&offered()), &[], &good, now), Ok(()));
        assert_eq!(judge(None, &[], &good, now), Err(Refusal::NoCode));
        let last = Timestamp(offered().expires.0 - 1);
        assert_eq!(judge(Some(&offered()), &[], &good, last), Ok(()));
        assert_eq!(judge(Some(&offered()), &[], &good, offered().expires), Err(Refusal::Expired));
        let used = Offered { used: true, ..offered() };
        assert_eq!(judge(Some(&used), &[], &good, now), Err(Refusal::Used));
        assert_eq!(judge(Some(&used), &[], &good, offered().expires), Err(Refusal::Used), "who was first is said");
    }

    #[test]
    fn whoever_guesses_learns_nothing_but_how_many_tries_are_left() {
        let bad = PairingCode::typed("wrong").digest();
        for offered in [offered(), Offered { used: true, ..offered() }, Offered { expires: NOW, ..offered() }] {
            assert_eq!(judge(Some(&offered), &[], &bad, NOW), Err(Refusal::Wrong { left: 4 }));
        }
        let nearly = Offered { wrong: TRIES_OF_ALL - 1, ..offered() };
        assert_eq!(judge(Some(&nearly), &[], &bad, NOW), Err(Refusal::Wrong { left: 0 }));
    }

    #[test]
    fn five_wrong_tries_within_an_hour_are_all_and_then_the_right_code_waits_too() {
        let good = code().digest();
        let four: Vec<_> = (1..=4).rev().map(minutes).collect();
        assert_eq!(judge(Some(&offered()), &four, &good, NOW), Ok(()));
        let five: Vec<_> = (1..=5).rev().map(minutes).collect();
        let until = minutes(5).plus(WITHIN);
        assert_eq!(judge(Some(&offered()), &five, &good, NOW), Err(Refusal::Wait { until }));
        let aged = Offered { expires: until.plus(LIVES), ..offered() };
        assert_eq!(judge(Some(&aged), &five, &good, until), Ok(()), "the oldest has aged");
        let six: Vec<_> = (1..=6).rev().map(minutes).collect();
        assert_eq!(
            judge(Some(&offered()), &six, &good, NOW),
            Err(Refusal::Wait { until }),
            "the sixth oldest is no more"
        );
    }

    #[test]
    fn twenty_wrong_tries_of_all_spend_the_code() {
        let spent = Offered { wrong: TRIES_OF_ALL, ..offered() };
        assert_eq!(judge(Some(&spent), &[], &code().digest(), NOW), Err(Refusal::Spent));
        assert!(Refusal::Wrong { left: 0 }.counts());
        for free in [Refusal::NoCode, Refusal::Expired, Refusal::Used, Refusal::Wait { until: NOW }, Refusal::Spent] {
            assert!(!free.counts(), "{free:?}");
        }
    }
}
