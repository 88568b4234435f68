//! Rate limits: what Discord's headers say about who may speak, and when (Discord API, "Rate Limits").
//!
//! Nothing in here waits and nothing reads a clock: the monotonic time is handed in, so that a wall clock that is set
//! parks nothing. A header that cannot be read is as good as absent.

mod breaker;
mod headers;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tracing::error;
use wilco_core::Scope;

use self::breaker::Breaker;
use self::headers::Figures;
pub(super) use self::headers::{retry_after, scope};
use super::path::RouteKey;
use super::wire::Raw;
use super::{Answer, Lane, Refusal};

/// Which limit a 429 speaks of (header `X-RateLimit-Scope`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RateScope {
    /// This bot on this route.
    User,
    /// Everybody on this resource; does not count as an invalid request.
    Shared,
    /// Everything that this bot does.
    Global,
}

/// How many calls of a route may be under way before its first answer has said what its limit is.
const UNKNOWN_IN_FLIGHT: u32 = 8;
/// How long to wait for that first answer.
const UNKNOWN_PAUSE: Duration = Duration::from_millis(500);
/// The shortest wait that is answered: a reset is measured from when its answer came, not from when it was written.
const SHORTEST: Duration = Duration::from_millis(50);
/// The wait where a 429 names none.
const UNNAMED: Duration = Duration::from_secs(5);
/// How long a machine keeps silent after something before Discord has refused it (Cloudflare 1015, an HTML 403).
pub(crate) const IP_SILENCE: Duration = Duration::from_secs(600);
/// The calls of one second that Discord allows an ordinary bot over all routes; interactions are exempt.
const GLOBAL_PER_SECOND: u32 = 50;
/// The span in which they are counted, wherever it begins.
const SECOND: Duration = Duration::from_secs(1);
/// From how many buckets on those that say nothing any more are forgotten. Each token of an interaction has its own.
const MANY_BUCKETS: usize = 512;
/// A reset that comes this much later than the one known belongs to another window.
const SAME_WINDOW: Duration = Duration::from_secs(1);

/// A bucket: what Discord names it, or the route as long as it has no name, with the major parameter.
#[derive(Clone, PartialEq, Eq, Hash)]
struct BucketKey {
    bucket: String,
    major: String,
}

/// The right to make one call.
pub(super) struct Ticket {
    route: String,
    key: BucketKey,
}

/// A call that has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hold {
    pub(super) delay: Duration,
    /// What has to wait. `Message` means: only this call, others may pass.
    pub(super) scope: Scope,
}

#[derive(Default)]
struct Bucket {
    /// What its last window allows; none as long as nobody has said.
    window: Option<Window>,
    /// An answer came, so that a bucket without figures is one without a limit.
    answered: bool,
    in_flight: u32,
    /// A 429 said so.
    blocked_until: Duration,
}

struct Window {
    limit: u32,
    remaining: u32,
    reset_at: Duration,
}

/// What is known about the limits of one account.
#[derive(Default)]
pub(super) struct Limiter {
    /// Discord's name of the bucket that a route falls into.
    names: HashMap<String, String>,
    buckets: HashMap<BucketKey, Bucket>,
    breaker: Breaker,
    global_until: Duration,
    ip_until: Duration,
    second: Second,
}

/// When the calls of the last second were made, oldest first. The second slides: were it one that begins anew, the end
/// of one and the start of the next could hold twice as many between them.
#[derive(Default)]
struct Second(VecDeque<Duration>);

/// What a lane leaves to the more urgent ones, of a limit that is not tiny.
fn reserve(lane: Lane, limit: u32) -> u32 {
    match lane {
        Lane::Terminal | Lane::Reserved => 0,
        Lane::Normal if limit >= 3 => 1,
        Lane::Progress if limit >= 2 => limit.div_ceil(3),
        Lane::Normal | Lane::Progress => 0,
    }
}

impl Limiter {
    /// The right to make a call now, or how long it has to wait.
    pub(super) fn ask(&mut self, key: &RouteKey, lane: Lane, now: Duration) -> Result<Ticket, Hold> {
        let until = |at: Duration| at.saturating_sub(now).max(SHORTEST);
        if let Some(at) = self.breaker.opens_at(lane, now) {
            return Err(Hold { delay: until(at), scope: Scope::Message });
        }
        if self.ip_until > now {
            return Err(Hold { delay: until(self.ip_until), scope: Scope::Ip });
        }
        if !key.interaction && self.global_until > now {
            return Err(Hold { delay: until(self.global_until), scope: Scope::Account });
        }
        if !key.interaction
            && let Some(at) = self.second.full_until(lane, now)
        {
            return Err(Hold { delay: until(at), scope: Scope::Message });
        }
        let bucket = self.names.get(&key.route).unwrap_or(&key.route).clone();
        let bucket_key = BucketKey { bucket, major: key.major.clone() };
        if self.buckets.len() > MANY_BUCKETS {
            self.buckets.retain(|_, bucket| bucket.matters(now));
        }
        let bucket = self.buckets.entry(bucket_key.clone()).or_default();
        bucket.ask(lane, now)?;
        bucket.in_flight += 1;
        if !key.interaction {
            self.second.0.push_back(now);
        }
        Ok(Ticket { route: key.route.clone(), key: bucket_key })
    }

    /// Learns from an answer and gives the place back.
    pub(super) fn answered(&mut self, ticket: Ticket, raw: &Raw, answer: &Answer, now: Duration) {
        self.unanswered(&ticket);
        let figures = Figures::read(&raw.headers);
        let key = match &figures.bucket {
            Some(name) => {
                self.names.insert(ticket.route, name.clone());
                BucketKey { bucket: name.clone(), major: ticket.key.major }
            }
            None => ticket.key,
        };
        let blocked = match answer {
            Answer::Refused(refusal) => self.refused(refusal, now),
            Answer::Done { .. } | Answer::Held { .. } | Answer::NotSent(_) | Answer::Unknown(_) => None,
        };
        let bucket = self.buckets.entry(key).or_default();
        bucket.answered = true;
        if let Some((limit, remaining, reset_after)) = figures.window {
            bucket.learn(limit, remaining, now + reset_after, now);
        }
        if let Some(until) = blocked {
            bucket.blocked_until = bucket.blocked_until.max(until);
        }
    }

    /// Gives the place of a call back that nobody waits for any more, or that was never answered.
    pub(super) fn unanswered(&mut self, ticket: &Ticket) {
        if let Some(bucket) = self.buckets.get_mut(&ticket.key) {
            bucket.in_flight = bucket.in_flight.saturating_sub(1);
        }
    }

    /// What a refusal says about further calls; answers until when the route is blocked.
    fn refused(&mut self, refusal: &Refusal, now: Duration) -> Option<Duration> {
        let shared = refusal.scope == Some(RateScope::Shared);
        if matches!(refusal.status, 401 | 403) || (refusal.status == 429 && !shared) {
            self.breaker.count(now);
        }
        if refusal.is_of_the_machine() {
            let silence = refusal.retry_after.unwrap_or_default().max(IP_SILENCE);
            // What was under way when the silence began is answered in the same way; it is said once.
            if self.ip_until <= now {
                alert(refusal, silence);
            }
            self.ip_until = self.ip_until.max(now + silence);
            return None;
        }
        if refusal.status != 429 || refusal.is_of_one_message() {
            return None;
        }
        let until = now + refusal.retry_after.unwrap_or(UNNAMED);
        if refusal.scope == Some(RateScope::Global) {
            self.global_until = self.global_until.max(until);
            return None;
        }
        Some(until)
    }
}

/// Only a person can find out what on this address asks so much.
fn alert(refusal: &Refusal, silence: Duration) {
    error!(
        status = refusal.status,
        code = refusal.code,
        minutes = silence.as_secs().div_ceil(60),
        "discord: this machine's address was refused before Discord itself was reached (Cloudflare, or a proxy). Nothing \
         is sent there for that many minutes; what was accepted is kept and goes on by itself then. When it comes again, \
         look for other programs that use Discord from this address or with this token, and whether a proxy or firewall \
         stands between"
    );
}

impl Bucket {
    fn ask(&mut self, lane: Lane, now: Duration) -> Result<(), Hold> {
        if self.blocked_until > now {
            return Err(Hold { delay: (self.blocked_until - now).max(SHORTEST), scope: Scope::Route });
        }
        let Some(window) = &mut self.window else {
            if !self.answered && self.in_flight >= UNKNOWN_IN_FLIGHT {
                return Err(Hold { delay: UNKNOWN_PAUSE, scope: Scope::Message });
            }
            return Ok(());
        };
        if now >= window.reset_at {
            window.remaining = window.limit;
        }
        // What is under way is not in `remaining` yet, or was counted in the window before: then this is too careful
        // for the length of one call.
        let left = window.remaining.saturating_sub(self.in_flight);
        if left > reserve(lane, window.limit) {
            return Ok(());
        }
        let delay = if window.reset_at > now { window.reset_at - now } else { UNKNOWN_PAUSE };
        let scope = if left == 0 { Scope::Route } else { Scope::Message };
        Err(Hold { delay: delay.max(SHORTEST), scope })
    }

    /// Takes the figures of an answer. Answers of one window may overtake each other, and in a window what remains
    /// only falls.
    fn learn(&mut self, limit: u32, remaining: u32, reset_at: Duration, now: Duration) {
        let remaining = match &self.window {
            Some(known) if now < known.reset_at && reset_at <= known.reset_at + SAME_WINDOW => {
                known.remaining.min(remaining)
            }
            Some(_) | None => remaining,
        };
        self.window = Some(Window { limit, remaining, reset_at });
    }

    /// Whether forgetting it would change anything.
    fn matters(&self, now: Duration) -> bool {
        self.in_flight > 0
            || self.blocked_until > now
            || self.window.as_ref().is_some_and(|window| window.reset_at > now)
    }
}

impl Second {
    /// Until when the last second has no room for a lane.
    fn full_until(&mut self, lane: Lane, now: Duration) -> Option<Duration> {
        while self.0.front().is_some_and(|&at| at + SECOND <= now) {
            self.0.pop_front();
        }
        let most = GLOBAL_PER_SECOND - reserve(lane, GLOBAL_PER_SECOND);
        // There is room when so many have left the second that fewer than `most` remain.
        let last_to_leave = self.0.len().checked_sub(most as usize)?;
        self.0.get(last_to_leave).map(|&at| at + SECOND)
    }
}
