//! Chance comes in: one seeded generator draws every id and every jitter.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, RngCore, SeedableRng};

use crate::ids::{ContractId, QuestionId, ReceiptId, Short, WorkerId};
use crate::pairing::PairingCode;
use crate::time::Timestamp;

/// The one generator of a process. The same seed draws the same ids in the same order.
///
/// It has a stream for each use, so that a further id somewhere inside changes neither the ids that
/// people type nor any waiting time.
#[derive(Debug)]
pub struct Dice {
    ids: Mutex<StdRng>,
    words: Mutex<StdRng>,
    waits: Mutex<StdRng>,
}

/// How many digits the candidates of [`Dice::shorts`] have: most jobs get four, and a store that
/// holds tens of thousands of them still finds a free one.
const SHORT_LENGTHS: [usize; 8] = [4, 4, 4, 5, 5, 6, 8, 12];

impl Dice {
    /// A generator with a fixed seed, for tests and simulations.
    pub fn seeded(seed: u64) -> Self {
        let mut first = StdRng::seed_from_u64(seed);
        let mut stream = || Mutex::new(StdRng::seed_from_u64(first.next_u64()));
        Self { ids: stream(), words: stream(), waits: stream() }
    }

    /// A generator seeded by the operating system.
    #[allow(clippy::disallowed_methods, reason = "this is the one real generator that everything else is given")]
    pub fn from_os() -> Self {
        let stream = || Mutex::new(StdRng::from_os_rng());
        Self { ids: stream(), words: stream(), waits: stream() }
    }

    /// A UUID version 7 as 32 hexadecimal digits: sorts by time, random otherwise.
    pub fn uuid(&self, now: Timestamp) -> String {
        let mut random = [0_u8; 10];
        with(&self.ids, |rng| rng.fill_bytes(&mut random));
        let millis = u64::try_from(now.0).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid().simple().to_string()
    }

    /// A new worker id.
    pub fn worker(&self, now: Timestamp) -> WorkerId {
        WorkerId::new(self.uuid(now))
    }

    /// A new contract id.
    pub fn contract(&self, now: Timestamp) -> ContractId {
        ContractId::new(self.uuid(now))
    }

    /// A new receipt id.
    pub fn receipt(&self, now: Timestamp) -> ReceiptId {
        ReceiptId::new(self.uuid(now))
    }

    /// A new question id.
    pub fn question(&self, now: Timestamp) -> QuestionId {
        QuestionId::new(self.uuid(now))
    }

    /// Candidates for a short id, shortest first. The store takes the first that is free, so the
    /// drawing stays outside of the transaction and a replay meets the same candidates.
    pub fn shorts(&self) -> Vec<Short> {
        with(&self.words, |rng| {
            SHORT_LENGTHS
                .iter()
                .map(|&length| {
                    let word: String = (0..length)
                        .map(|at| {
                            let alphabet = Short::alphabet_at(at);
                            char::from(alphabet[rng.random_range(0..alphabet.len())])
                        })
                        .collect();
                    Short::new(word)
                })
                .collect()
        })
    }

    /// Candidates for the short id of a follow-up, as [`Dice::shorts`].
    pub fn followup_shorts(&self) -> Vec<Short> {
        self.shorts().iter().map(Short::of_followup).collect()
    }

    /// The delay moved by up to ±20 %, so that many waiting receipts do not return in one burst.
    pub fn jitter(&self, delay: Duration) -> Duration {
        delay.mul_f64(with(&self.waits, |rng| rng.random_range(0.8..=1.2)))
    }

    /// A code that makes its first giver an owner.
    pub fn pairing_code(&self) -> PairingCode {
        PairingCode::spelled(with(&self.ids, |rng| rng.random::<u128>()))
    }

    /// 128 bits as 32 hexadecimal digits, for a login link.
    pub fn token(&self) -> String {
        format!("{:032x}", with(&self.ids, |rng| rng.random::<u128>()))
    }
}

fn with<T>(stream: &Mutex<StdRng>, draw: impl FnOnce(&mut StdRng) -> T) -> T {
    // A panic while drawing leaves a usable generator behind, so a poisoned lock is no reason to stop.
    draw(&mut stream.lock().unwrap_or_else(PoisonError::into_inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_ids() {
        let (one, two) = (Dice::seeded(7), Dice::seeded(7));
        assert_eq!(one.uuid(Timestamp(5)), two.uuid(Timestamp(5)));
        assert_eq!(one.shorts(), two.shorts());
    }

    #[test]
    fn ids_sort_by_time_and_shorts_look_like_shorts() {
        let dice = Dice::seeded(1);
        assert!(dice.uuid(Timestamp(1_000)) < dice.uuid(Timestamp(2_000)));
        assert_eq!(dice.uuid(Timestamp(1_000)).len(), 32);
        assert!(dice.shorts().iter().all(|short| Short::looks_like(short.as_str())));
    }

    #[test]
    fn jitter_stays_within_a_fifth() {
        let dice = Dice::seeded(3);
        for _ in 0..1_000 {
            let moved = dice.jitter(Duration::from_secs(100));
            assert!(moved >= Duration::from_secs(80) && moved <= Duration::from_secs(120), "{moved:?}");
        }
    }
}
