//! How often a method may be called: by the minute and workspace, posts also by the second and channel.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::methods::{Method, Op, Tier};

/// The windows as they stand.
#[derive(Clone, Debug, Default)]
pub(super) struct Limits {
    /// Whether anything is refused.
    off: bool,
    /// Limits that a test set: calls and their span.
    pub(super) set: BTreeMap<Op, (usize, Duration)>,
    windows: BTreeMap<(Op, String, bool), VecDeque<Duration>>,
}

impl Limits {
    /// Windows that are empty, and whether they refuse nothing.
    pub(super) fn new(off: bool) -> Self {
        Self { off, ..Self::default() }
    }

    /// Takes a call, or says how long to wait.
    pub(super) fn take(&mut self, method: &Method, team: &str, channel: &str, now: Duration) -> Result<(), Duration> {
        if self.off && !self.set.contains_key(&method.op) {
            return Ok(());
        }
        let minute = Duration::from_mins(1);
        let mut windows = match (self.set.get(&method.op), method.tier) {
            (Some((calls, span)), Tier::Channel(_)) => vec![(*calls, *span, true)],
            (Some((calls, span)), Tier::Minute(_)) => vec![(*calls, *span, false)],
            (None, Tier::Minute(calls)) => vec![(calls, minute, false)],
            (None, Tier::Channel(calls)) => vec![(calls, minute, false), (1, Duration::from_secs(1), true)],
        };
        let key = |by_channel| (method.op, if by_channel { channel.to_owned() } else { team.to_owned() }, by_channel);
        for (calls, span, by_channel) in &windows {
            let window = self.windows.entry(key(*by_channel)).or_default();
            while window.front().is_some_and(|at| now.saturating_sub(*at) >= *span) {
                window.pop_front();
            }
            if window.len() >= *calls {
                let free = window.front().map_or(now, |first| *first + *span);
                return Err(free.saturating_sub(now).max(Duration::from_millis(1)));
            }
        }
        for (_, _, by_channel) in windows.drain(..) {
            self.windows.entry(key(by_channel)).or_default().push_back(now);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slack::methods::find;

    #[test]
    fn posts_are_counted_by_channel_and_second_and_others_by_workspace_and_minute() {
        let mut limits = Limits::default();
        let (post, list) = (find("chat.postMessage").unwrap(), find("conversations.list").unwrap());
        let at = Duration::from_millis;
        assert_eq!(limits.take(post, "T1", "C1", at(0)), Ok(()));
        assert_eq!(limits.take(post, "T1", "C1", at(400)), Err(at(600)));
        assert_eq!(limits.take(post, "T1", "C2", at(400)), Ok(()));
        assert_eq!(limits.take(post, "T1", "C1", at(1_000)), Ok(()));
        for call in 0..20 {
            assert_eq!(limits.take(list, "T1", "", at(call)), Ok(()));
        }
        assert_eq!(limits.take(list, "T1", "", at(1_000)), Err(at(59_000)));
        assert_eq!(limits.take(list, "T2", "", at(1_000)), Ok(()));
        limits.set.insert(Op::List, (1, Duration::from_secs(1)));
        assert!(limits.take(list, "T3", "", at(1_000)).is_ok() && limits.take(list, "T3", "", at(1_500)).is_err());
    }
}
