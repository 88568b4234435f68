//! Rate limits: what Slack documents of each method, and what it says when one is used up (Slack, "Rate limits").
//!
//! Slack sends no figures beforehand: all there is are the documented tiers, which are lower bounds, and the wait of a
//! refusal. So what may be lost or can wait keeps below the tiers, and an acknowledgement or a result is tried up to
//! the moment at which Slack itself says no.
//!
//! Nothing in here waits and nothing reads a clock: the monotonic time is handed in, so that a wall clock that is set
//! parks nothing.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use wilco_core::Scope;

use super::{Lane, Method, Refusal};

/// The pause between two messages in one channel ("Posting messages").
const PACE: Duration = Duration::from_secs(1);
/// The span that the tiers are counted over.
const SPAN: Duration = Duration::from_secs(60);
/// The shortest wait that is answered.
const SHORTEST: Duration = Duration::from_millis(50);
/// The wait where a refusal names none. Slack always names one; a proxy need not.
pub(crate) const UNNAMED: Duration = Duration::from_secs(30);
/// So far ahead at most are the turns of those who wait for one channel.
const FURTHEST: Duration = Duration::from_secs(15);
/// From how many channels on those that say nothing any more are forgotten.
const MANY_CHANNELS: usize = 1_024;

/// A call that has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hold {
    pub(super) delay: Duration,
    /// What has to wait. `Message` means: only this call, others may pass.
    pub(super) scope: Scope,
}

/// What is known about the limits of one account.
#[derive(Default)]
pub(super) struct Limiter {
    /// When each method was called within the last minute, oldest first.
    calls: HashMap<Method, VecDeque<Duration>>,
    /// Until when Slack wants no call of a method.
    methods: HashMap<Method, Duration>,
    channels: HashMap<String, Channel>,
    /// Until when Slack wants no message in the whole workspace.
    workspace_until: Duration,
}

#[derive(Default)]
struct Channel {
    /// When the next message may be sent.
    free_at: Duration,
    /// The last turn that somebody who waits was given.
    turn: Duration,
    /// Slack said so.
    blocked_until: Duration,
}

impl Channel {
    fn matters(&self, now: Duration) -> bool {
        self.free_at.max(self.turn).max(self.blocked_until) > now
    }
}

/// How many calls of a tier a lane may use. The rest is kept for what is more urgent; `None` is bound by Slack's own
/// word alone.
fn share(lane: Lane, tier: usize) -> Option<usize> {
    match lane {
        Lane::Progress => Some(tier - tier / 3),
        Lane::Normal => Some(tier - tier / 6),
        Lane::Reserved | Lane::Terminal => None,
    }
}

/// What a refusal speaks of, as far as it can be said without knowing what else was refused.
pub(super) fn scope(method: Method, refusal: &Refusal) -> Scope {
    if refusal.is_of_the_workspace() {
        Scope::Account
    } else if method.is_paced_by_channel() {
        Scope::Chat
    } else {
        Scope::Route
    }
}

impl Limiter {
    /// The right to make a call now, or how long it has to wait.
    pub(super) fn ask(&mut self, method: Method, channel: Option<&str>, lane: Lane, now: Duration) -> Result<(), Hold> {
        let until = |at: Duration| at.saturating_sub(now).max(SHORTEST);
        if method.is_paced_by_channel() && self.workspace_until > now {
            return Err(Hold { delay: until(self.workspace_until), scope: Scope::Account });
        }
        if let Some(&at) = self.methods.get(&method).filter(|&&at| at > now) {
            return Err(Hold { delay: until(at), scope: Scope::Route });
        }
        let calls = self.calls.entry(method).or_default();
        while calls.front().is_some_and(|&at| at + SPAN <= now) {
            calls.pop_front();
        }
        if let Some(share) = share(lane, method.per_minute())
            && let Some(&leaves) = calls.len().checked_sub(share).and_then(|at| calls.get(at))
        {
            return Err(Hold { delay: until(leaves + SPAN), scope: Scope::Message });
        }
        if let Some(channel) = channel.filter(|_| method.is_paced_by_channel()) {
            self.turn(channel, now)?;
        }
        self.calls.entry(method).or_default().push_back(now);
        Ok(())
    }

    /// The right to post into a channel now. Those who have to wait get one turn after the other, so that they do not
    /// all come back for the same one.
    fn turn(&mut self, name: &str, now: Duration) -> Result<(), Hold> {
        if self.channels.len() > MANY_CHANNELS {
            self.channels.retain(|_, channel| channel.matters(now));
        }
        let channel = self.channels.entry(name.to_owned()).or_default();
        if channel.blocked_until > now {
            return Err(Hold { delay: (channel.blocked_until - now).max(SHORTEST), scope: Scope::Chat });
        }
        if channel.free_at > now {
            let next = channel.free_at.max(channel.turn + PACE);
            channel.turn = if next > now + FURTHEST { channel.free_at } else { next };
            return Err(Hold { delay: (channel.turn - now).max(SHORTEST), scope: Scope::Message });
        }
        channel.free_at = now + PACE;
        Ok(())
    }

    /// Gives the turn of a message back that surely does not stand in its channel.
    pub(super) fn unused(&mut self, method: Method, channel: Option<&str>, now: Duration) {
        if let Some(channel) =
            channel.filter(|_| method.is_paced_by_channel()).and_then(|name| self.channels.get_mut(name))
        {
            channel.free_at = channel.free_at.min(now);
        }
    }

    /// Learns from a refusal that speaks of a limit; answers what has to wait.
    ///
    /// Slack does not say whether a message was too much for its channel or for the workspace. One refused channel is
    /// taken for the former; when a second one is refused while the first still has to wait, it is the workspace.
    pub(super) fn refused(&mut self, method: Method, channel: Option<&str>, refusal: &Refusal, now: Duration) -> Scope {
        let until = now + refusal.retry_after.unwrap_or(UNNAMED);
        let Some(name) = channel.filter(|_| method.is_paced_by_channel()) else {
            let at = self.methods.entry(method).or_default();
            *at = until.max(*at);
            return Scope::Route;
        };
        let another = self.channels.iter().any(|(other, state)| other != name && state.blocked_until > now);
        if another || refusal.is_of_the_workspace() {
            self.workspace_until = self.workspace_until.max(until);
            return Scope::Account;
        }
        let state = self.channels.entry(name.to_owned()).or_default();
        state.blocked_until = state.blocked_until.max(until);
        Scope::Chat
    }
}
