//! Rate limits: a bucket per route and place, the global one, and the count of invalid requests
//! (Discord's reference, "Rate Limits").

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::routes::{Op, Route};
use crate::draw::fnv;

/// Over how long invalid requests are counted.
const INVALID_SPAN: Duration = Duration::from_mins(10);
/// How many invalid requests in that time ban an address.
const INVALID_MOST: usize = 10_000;
/// For how long it is banned then.
const BAN: Duration = Duration::from_hours(1);

/// What a refusal for now holds for, as `X-RateLimit-Scope` says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitScope {
    /// This bot on this route.
    User,
    /// Everybody on this route; does not count as invalid.
    Shared,
    /// This bot on every route.
    Global,
    /// The whole machine: a web page of the network in front of Discord, without any JSON.
    Address,
}

impl LimitScope {
    /// The header's value.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Shared => "shared",
            Self::Global => "global",
            Self::Address => "address",
        }
    }
}

/// What the headers of an answer say about its bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bucket {
    pub(super) hash: u64,
    pub(super) limit: u64,
    pub(super) remaining: u64,
    /// How long until it is full again.
    pub(super) reset_after: Duration,
}

/// What the limits say to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Pass(Option<Bucket>),
    Refuse { scope: LimitScope, wait: Duration, bucket: Option<Bucket> },
}

#[derive(Clone, Debug)]
struct Window {
    began: Duration,
    used: u64,
}

/// The state of all limits.
#[derive(Clone, Debug, Default)]
pub(super) struct Limits {
    /// Whether anything is limited at all.
    off: bool,
    /// Buckets that differ from the table of routes: calls and milliseconds.
    pub(super) set: BTreeMap<Op, (u64, u64)>,
    /// Calls per second over all routes; 50 on Discord.
    global: u64,
    windows: BTreeMap<(Op, String), Window>,
    second: VecDeque<Duration>,
    invalid: VecDeque<Duration>,
    invalid_ever: u64,
    banned_until: Option<Duration>,
}

impl Limits {
    /// Limits that refuse nothing when they are off.
    pub(super) fn new(off: bool, global: u64) -> Self {
        Self { off, global, ..Self::default() }
    }

    /// Judges a call and counts it.
    pub(super) fn take(&mut self, route: &Route, place: &str, now: Duration) -> Verdict {
        if let Some(until) = self.banned_until.filter(|until| *until > now) {
            return Verdict::Refuse { scope: LimitScope::Address, wait: until - now, bucket: None };
        }
        let (limit, millis) = self.set.get(&route.op).copied().unwrap_or(route.bucket);
        let (limit, span) = (if self.off { 1_000_000 } else { limit }, Duration::from_millis(millis));
        if !self.off && !is_exempt(route.op) {
            while self.second.front().is_some_and(|at| now.saturating_sub(*at) >= Duration::from_secs(1)) {
                self.second.pop_front();
            }
            if self.second.len() as u64 >= self.global {
                let first = self.second.front().copied().unwrap_or(now);
                let wait = (first + Duration::from_secs(1)).saturating_sub(now);
                return Verdict::Refuse { scope: LimitScope::Global, wait, bucket: None };
            }
            self.second.push_back(now);
        }
        let window = self.windows.entry((route.op, place.to_owned())).or_insert(Window { began: now, used: 0 });
        if now.saturating_sub(window.began) >= span {
            *window = Window { began: now, used: 0 };
        }
        let reset_after = (window.began + span).saturating_sub(now);
        let hash = fnv(format!("{:?}", route.op).as_bytes());
        let full = window.used >= limit;
        window.used += u64::from(!full);
        let bucket = Bucket { hash, limit, remaining: limit - window.used, reset_after };
        if full {
            return Verdict::Refuse { scope: LimitScope::User, wait: reset_after, bucket: Some(bucket) };
        }
        Verdict::Pass(Some(bucket))
    }

    /// Counts an answer of 401, 403 or 429 that counts as invalid.
    pub(super) fn invalid(&mut self, now: Duration) {
        self.invalid_ever += 1;
        self.invalid.push_back(now);
        while self.invalid.len() > INVALID_MOST {
            self.invalid.pop_front();
        }
        if self.invalid_now(now) >= INVALID_MOST {
            self.banned_until = Some(now + BAN);
        }
    }

    /// How many invalid requests there were in the last ten minutes.
    pub(super) fn invalid_now(&self, now: Duration) -> usize {
        let old = self.invalid.partition_point(|at| now.saturating_sub(*at) >= INVALID_SPAN);
        self.invalid.len() - old
    }

    /// How many there ever were.
    pub(super) fn invalid_ever(&self) -> u64 {
        self.invalid_ever
    }
}

/// Interactions do not count against the global limit.
fn is_exempt(op: Op) -> bool {
    match op {
        Op::Callback
        | Op::FollowUp
        | Op::GetOriginal
        | Op::EditOriginal
        | Op::DeleteOriginal
        | Op::GetFollowUp
        | Op::EditFollowUp
        | Op::DeleteFollowUp => true,
        Op::GetGateway
        | Op::GetGatewayBot
        | Op::GetOwnUser
        | Op::GetOwnGuilds
        | Op::OpenDirect
        | Op::GetUser
        | Op::GetApplication
        | Op::GetOauthApplication
        | Op::GetEmojis
        | Op::GetCommands
        | Op::SetCommands
        | Op::CreateCommand
        | Op::GetCommand
        | Op::EditCommand
        | Op::DeleteCommand
        | Op::GetGuildCommands
        | Op::SetGuildCommands
        | Op::CreateGuildCommand
        | Op::GetGuildCommand
        | Op::EditGuildCommand
        | Op::DeleteGuildCommand
        | Op::GetGuild
        | Op::GetGuildChannels
        | Op::GetGuildRoles
        | Op::GetMembers
        | Op::GetMember
        | Op::GetActiveThreads
        | Op::GetChannel
        | Op::EditChannel
        | Op::DeleteChannel
        | Op::GetMessages
        | Op::CreateMessage
        | Op::GetMessage
        | Op::EditMessage
        | Op::DeleteMessage
        | Op::React
        | Op::Unreact
        | Op::Type
        | Op::ThreadFromMessage
        | Op::CreateThread
        | Op::JoinThread
        | Op::GetRegions => false,
    }
}
