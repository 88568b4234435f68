//! The breaker of invalid requests. A machine that gets 10,000 answers of 401, 403 or 429 within ten minutes is shut
//! out (Discord API, "Invalid Request Limit"), and with it every bot on it. wilco stops long before.

use std::collections::VecDeque;
use std::time::Duration;

use super::super::Lane;

/// The span in which Discord counts.
const SPAN: Duration = Duration::from_secs(600);
/// From how many on only acknowledgements, answers and results are sent.
pub(super) const CAREFUL: usize = 500;
/// From how many on only results are sent.
pub(super) const STRICT: usize = 2_000;
/// More than this many are not remembered.
const MOST: usize = 10_000;

/// When invalid requests were answered, oldest first.
///
/// The count begins at zero with the process, on purpose. What a 401, 403 or 429 led to is stored with the receipts: the
/// account is paused, the address given up, the wait noted. A new process therefore does not ask again what the old one
/// was refused; what it adds is the handful of questions of a start, and the sessions that it begins are counted in the
/// store (`gateway/budget.rs`). Ten minutes hold few enough starts that a row of their sum would decide nothing.
#[derive(Default)]
pub(super) struct Breaker(VecDeque<Duration>);

impl Breaker {
    /// Counts one.
    pub(super) fn count(&mut self, now: Duration) {
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back(now);
    }

    /// Until when a lane is closed; none when it is open.
    pub(super) fn opens_at(&mut self, lane: Lane, now: Duration) -> Option<Duration> {
        while self.0.front().is_some_and(|&at| at + SPAN <= now) {
            self.0.pop_front();
        }
        let most = match lane {
            Lane::Progress | Lane::Normal => CAREFUL,
            Lane::Reserved => STRICT,
            Lane::Terminal => return None,
        };
        // It opens when so many have left the span that fewer than `most` remain.
        let last_to_leave = self.0.len().checked_sub(most)?;
        self.0.get(last_to_leave).map(|&at| at + SPAN)
    }
}
