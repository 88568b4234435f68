//! How often a session may begin. Discord takes a token away that identifies 1,000 times in 24 hours (Discord API,
//! "Gateway", session start limit), so every start is stored before it is made, and a crash loop is slowed down.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tracing::error;
use wilco_core::shelf::ShelfError;
use wilco_core::{Shelf, Timestamp};

/// Where the starts are kept.
const KEY: &str = "gateway:starts";
/// How long a start counts.
const DAY: Duration = Duration::from_secs(24 * 3_600);
/// So many starts in 24 hours, and there is no further one: a fifth of what Discord allows.
pub(crate) const DAILY: usize = 200;
/// Within this time, more than [`FREE`] starts are slowed down.
const WINDOW: Duration = Duration::from_secs(600);
const FREE: usize = 5;
/// The first pause of a start that is one too many; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = WINDOW;
/// Discord takes one IDENTIFY in 5 s (Discord API, "Gateway", `max_concurrency`).
const APART: Duration = Duration::from_secs(5);

/// The moments of the last starts, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Starts(Vec<Timestamp>);

/// Whether a session may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Now.
    Now,
    /// Not before this moment.
    After(Timestamp),
    /// The day's starts are used up until this moment; that many do not come about by themselves.
    Spent(Timestamp),
}

impl Starts {
    /// The stored ones. A value that does not read stands for a crash loop: what cannot be counted is slowed down.
    pub(crate) async fn load(shelf: &dyn Shelf, now: Timestamp) -> Result<Self, ShelfError> {
        let Some(text) = shelf.get(KEY).await? else { return Ok(Self::default()) };
        Ok(serde_json::from_str(&text).unwrap_or_else(|why| {
            error!(%why, "discord: the stored session starts do not read; the next one is delayed");
            Self(vec![now; FREE])
        }))
    }

    /// Whether one more may be made. A start from the future, after the clock was set back, counts as one of now.
    pub(crate) fn verdict(&self, now: Timestamp) -> Verdict {
        let within = |age: Duration| self.0.iter().map(move |at| (*at).min(now)).filter(move |at| now.since(*at) < age);
        let today = within(DAY).count();
        if today >= DAILY {
            // Room comes when so many have grown old that fewer than the limit are left.
            let room = within(DAY).nth(today - DAILY).unwrap_or(now);
            return Verdict::Spent(room.plus(DAY));
        }
        let Some(last) = within(DAY).next_back() else { return Verdict::Now };
        let lately = within(WINDOW).count();
        let pause = match lately.checked_sub(FREE) {
            None => APART,
            Some(over) => FIRST_PAUSE.saturating_mul(1 << over.min(10)).min(LONGEST_PAUSE),
        };
        let due = last.plus(pause);
        if due <= now { Verdict::Now } else { Verdict::After(due) }
    }

    /// Stores that a session begins now. To be called before it does: a start that is not stored is not made.
    pub(crate) async fn spend(&mut self, shelf: &dyn Shelf, now: Timestamp) -> Result<(), ShelfError> {
        let mut next: Vec<Timestamp> = self.0.iter().map(|at| (*at).min(now)).collect();
        next.retain(|at| now.since(*at) < DAY);
        next.push(now);
        let next = Self(next);
        let text = serde_json::to_string(&next).map_err(|why| ShelfError(why.to_string()))?;
        shelf.put(KEY, &text).await?;
        *self = next;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilco_sim::MemoryShelf;

    fn at(seconds: u64) -> Timestamp {
        Timestamp(1_700_000_000_000).plus(Duration::from_secs(seconds))
    }

    #[test]
    fn a_crash_loop_is_slowed_down_and_then_stopped() {
        let mut starts = Starts::default();
        let mut now = at(0);
        let mut made = 0;
        // A process that begins a session as soon as it may, for a whole day.
        while now < at(86_400) {
            match starts.verdict(now) {
                Verdict::Now => {
                    starts.0.push(now);
                    made += 1;
                    now = now.plus(Duration::from_millis(10));
                }
                Verdict::After(then) => {
                    assert!(then > now);
                    now = then;
                }
                Verdict::Spent(until) => {
                    assert_eq!(made, DAILY);
                    assert!(until > now);
                    break;
                }
            }
        }
        assert!(made <= DAILY, "{made} sessions in a day");
    }

    #[test]
    fn five_starts_are_free_and_the_sixth_waits_longer_each_time() {
        let mut starts = Starts((0..5).map(|n| at(n * 5)).collect());
        assert_eq!(starts.verdict(at(21)), Verdict::After(at(20 + 30)));
        assert_eq!(starts.verdict(at(50)), Verdict::Now);
        starts.0.push(at(50));
        assert_eq!(starts.verdict(at(51)), Verdict::After(at(50 + 60)));
        starts.0.push(at(110));
        assert_eq!(starts.verdict(at(111)), Verdict::After(at(110 + 120)));
        assert_eq!(starts.verdict(at(1_000)), Verdict::Now, "after quiet minutes nothing waits");
    }

    #[test]
    fn two_starts_are_five_seconds_apart_and_a_clock_that_was_set_back_parks_none_for_long() {
        assert_eq!(Starts(vec![at(0)]).verdict(at(1)), Verdict::After(at(5)));
        let future = Starts(vec![at(1_000_000); 3]);
        assert_eq!(future.verdict(at(10)), Verdict::After(at(15)));
        let many = Starts(vec![at(1_000_000); 30]);
        assert_eq!(many.verdict(at(10)), Verdict::After(at(10).plus(LONGEST_PAUSE)));
    }

    #[test]
    fn a_spent_day_says_when_there_is_room_again() {
        let starts = Starts((0..DAILY as u64).map(|n| at(n * 100)).collect());
        assert_eq!(starts.verdict(at(30_000)), Verdict::Spent(at(86_400)));
        assert_eq!(starts.verdict(at(86_400)), Verdict::Now);
    }

    #[tokio::test]
    async fn a_start_survives_the_process_and_what_does_not_read_is_slowed_down() {
        let shelf = MemoryShelf::default();
        let mut starts = Starts::load(&shelf, at(0)).await.unwrap();
        starts.spend(&shelf, at(0)).await.unwrap();
        starts.spend(&shelf, at(90_000)).await.unwrap();
        let read = Starts::load(&shelf, at(90_001)).await.unwrap();
        assert_eq!(read, Starts(vec![at(90_000)]), "those of yesterday are forgotten");
        shelf.put(KEY, "{").await.unwrap();
        let broken = Starts::load(&shelf, at(0)).await.unwrap();
        assert_eq!(broken.verdict(at(0)), Verdict::After(at(30)));
    }

    #[tokio::test]
    async fn a_start_that_cannot_be_stored_is_not_made() {
        let shelf = MemoryShelf::default();
        shelf.refuse(true);
        let mut starts = Starts::default();
        assert!(starts.spend(&shelf, at(0)).await.is_err());
        assert_eq!(starts, Starts::default());
    }
}
