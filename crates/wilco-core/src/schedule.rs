//! When a failed attempt is made again, and when wilco stops trying.

use std::time::Duration;

use crate::receipt::ReceiptKind;

/// Attempts of a stub come fast at first, because a person waits for the acknowledgement.
const STUB_MILLIS: [u64; 7] = [500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000];
/// Attempts of everything that carries content.
const CONTENT_SECS: [u64; 7] = [5, 30, 120, 600, 1_800, 7_200, 18_000];
/// After the table, one attempt every five hours.
const CONTENT_TAIL: Duration = Duration::from_secs(18_000);
/// How long wilco keeps trying, counted from when the receipt first became due.
pub const GIVE_UP_AFTER: Duration = Duration::from_secs(72 * 3_600);
/// How often a ping is tried: it carries no content and a weaker promise.
const PING_TRIES: u32 = 3;

/// The waits before the second, third and fourth attempt to inject a follow-up.
pub const INJECTION_WAITS: [Duration; 3] =
    [Duration::from_millis(200), Duration::from_millis(400), Duration::from_millis(800)];
/// How long a claimed occurrence belongs to its claimer: the probe of its address takes at most
/// [`REQUEST_LIMIT`], the injection a commit.
pub const OCCURRENCE_LEASE: Duration = Duration::from_secs(60);

/// How long a claimed receipt belongs to its claimer: four times the request limit.
pub const RECEIPT_LEASE: Duration = Duration::from_secs(60);
/// How often a living bot says so in the store: the start of an outage is known to this much.
pub const PULSE_EVERY: Duration = Duration::from_secs(30);
/// How long a worker belongs to an instance without a renewal.
pub const WORKER_LEASE: Duration = Duration::from_secs(15);
/// How often leases are renewed.
pub const RENEW_EVERY: Duration = Duration::from_secs(5);
/// The total bound of one call to a platform.
pub const REQUEST_LIMIT: Duration = Duration::from_secs(15);
/// How long after the fill the terminal edit is repeated when a progress edit may still be on its way.
pub const REASSERT_AFTER: Duration = Duration::from_secs(45);
/// How long an adapter waits for the store before it sends *heard* alone.
pub const HEARD_AFTER: Duration = Duration::from_secs(2);

/// The wait before the next attempt, or none when there shall be no further one.
///
/// `spent` counts the attempts made so far, from 1; `age` is the time since the receipt first became
/// due. The caller adds the jitter.
pub fn next_attempt(kind: ReceiptKind, spent: u32, age: Duration) -> Option<Duration> {
    if age >= GIVE_UP_AFTER {
        return None;
    }
    let index = usize::try_from(spent.saturating_sub(1)).unwrap_or(usize::MAX);
    match kind {
        ReceiptKind::Stub => Some(match STUB_MILLIS.get(index) {
            Some(&millis) => Duration::from_millis(millis),
            None => content(index - STUB_MILLIS.len()),
        }),
        ReceiptKind::Content | ReceiptKind::Part | ReceiptKind::File | ReceiptKind::Question => Some(content(index)),
        ReceiptKind::Ping => (spent < PING_TRIES).then(|| content(index)),
    }
}

fn content(index: usize) -> Duration {
    CONTENT_SECS.get(index).map_or(CONTENT_TAIL, |&secs| Duration::from_secs(secs))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn waits(kind: ReceiptKind) -> Vec<Duration> {
        let mut age = Duration::ZERO;
        let mut all = Vec::new();
        while let Some(wait) = next_attempt(kind, u32::try_from(all.len()).unwrap() + 1, age) {
            age += wait;
            all.push(wait);
        }
        all
    }

    #[test]
    fn r9_terminals_are_tried_for_three_days() {
        let waits = waits(ReceiptKind::Content);
        let total: Duration = waits.iter().sum();
        assert!(total >= GIVE_UP_AFTER && total <= GIVE_UP_AFTER + CONTENT_TAIL, "{total:?}");
        assert_eq!(waits[0], Duration::from_secs(5));
        assert_eq!(*waits.last().unwrap(), CONTENT_TAIL);
        assert!(waits.windows(2).all(|pair| pair[0] <= pair[1]), "waits only grow");
    }

    #[test]
    fn r9_a_stub_comes_fast_then_as_content() {
        let waits = waits(ReceiptKind::Stub);
        assert_eq!(waits[0], Duration::from_millis(500));
        assert_eq!(waits[6], Duration::from_secs(60));
        assert_eq!(waits[7], Duration::from_secs(5));
    }

    #[test]
    fn a_ping_is_tried_three_times() {
        assert_eq!(waits(ReceiptKind::Ping).len(), 2, "two waits between three tries");
    }

    fn kind() -> impl Strategy<Value = ReceiptKind> {
        proptest::sample::select(ReceiptKind::ALL.to_vec())
    }

    proptest! {
        #[test]
        fn r9_every_wait_is_bounded_and_every_receipt_is_given_up_at_last(
            kind in kind(), spent in 0_u32..10_000, age_secs in 0_u64..500_000,
        ) {
            let age = Duration::from_secs(age_secs);
            match next_attempt(kind, spent, age) {
                Some(wait) => {
                    prop_assert!(age < GIVE_UP_AFTER, "nothing is tried after three days");
                    prop_assert!(wait >= Duration::from_millis(500) && wait <= CONTENT_TAIL, "{:?}", wait);
                }
                None => prop_assert!(age >= GIVE_UP_AFTER || kind == ReceiptKind::Ping),
            }
        }

        #[test]
        fn r9_jitter_and_late_wakes_change_neither_the_order_nor_the_bound(
            seed in any::<u64>(), late_secs in 0_u64..3_600,
        ) {
            let dice = crate::random::Dice::seeded(seed);
            let (mut age, mut tries) = (Duration::ZERO, 1);
            while let Some(wait) = next_attempt(ReceiptKind::Content, tries, age) {
                let moved = dice.jitter(wait);
                prop_assert!(moved >= wait.mul_f64(0.8) && moved <= wait.mul_f64(1.2));
                age += moved + Duration::from_secs(late_secs);
                tries += 1;
                prop_assert!(tries < 40, "no storm of attempts in three days");
            }
            prop_assert!(tries > 15, "an outage of a night is no reason to give up: {} tries", tries);
        }
    }

    #[test]
    fn no_number_of_attempts_panics() {
        for kind in ReceiptKind::ALL {
            for spent in [0, 1, 100, u32::MAX] {
                assert!(next_attempt(kind, spent, GIVE_UP_AFTER).is_none());
                let _wait: Option<Duration> = next_attempt(kind, spent, Duration::ZERO);
            }
        }
    }
}
