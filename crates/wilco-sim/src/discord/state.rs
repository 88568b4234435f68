//! Everything behind the one lock, and the settings.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use wilco_core::{EnvelopeKind, Timestamp};

use super::gateway::{Gateway, intents};
use super::ids::Id;
use super::interactions::Interaction;
use super::kinds;
use super::limits::Limits;
use super::rest::Call;
use super::routes::Op;
use super::script::Script;
use super::world::World;

/// How this Discord behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The bot's token.
    pub token: String,
    /// The privileged intents that the portal's switches allow: bits of [`super::intents`].
    pub privileged: u64,
    /// Whether buckets and the global limit refuse anything. Headers are sent in any case.
    pub limits: bool,
    /// Calls per second over all routes.
    pub global: u64,
    /// How long a nonce is remembered.
    pub nonce_window: Duration,
    /// How often a client has to send a heartbeat.
    pub heartbeat: Duration,
    /// How long a session without a connection can be resumed.
    pub resume_window: Duration,
    /// How many IDENTIFYs a day are allowed before the token is reset.
    pub session_starts: u64,
    /// The least time between two IDENTIFYs; zero takes any pace.
    pub identify_pace: Duration,
    /// Tells from a text what a message is for. By default from wilco's own wording.
    pub kind_of: fn(&str) -> Option<EnvelopeKind>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            token: "fake.token.of-the-fake-discord".to_owned(),
            privileged: intents::MESSAGE_CONTENT | intents::GUILD_MEMBERS,
            limits: true,
            global: 50,
            nonce_window: Duration::from_mins(3),
            heartbeat: Duration::from_millis(41_250),
            resume_window: Duration::from_mins(2),
            session_starts: 1_000,
            identify_pace: Duration::ZERO,
            kind_of: kinds::of,
        }
    }
}

/// A moment on both clocks of the fake.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) monotonic: Duration,
    pub(super) wall: Timestamp,
}

/// A call as the log keeps it. Tokens are left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logged {
    /// From 1, without gaps.
    pub seq: u64,
    /// When it came, by the fake's clock.
    pub at: Timestamp,
    /// What it does; none for a path that is not known.
    pub op: Option<Op>,
    /// The HTTP verb.
    pub verb: String,
    /// The channel or thread, for routes that name one.
    pub channel: Option<Id>,
    /// The message that it made, changed or named.
    pub message: Option<Id>,
    /// What the message is for.
    pub kind: Option<EnvelopeKind>,
    /// The scripted fault that met it.
    pub fault: Option<String>,
    /// The status that was sent or would have been.
    pub status: u16,
    /// Discord's code, when it refused.
    pub code: Option<i64>,
}

/// Something that is not as the tables say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deviation {
    /// The route, or what else was looked at.
    pub at: String,
    /// Whether the bot's request deviates, or the fake's own answer.
    pub of_request: bool,
    /// Where and how.
    pub what: String,
}

/// A call that takes effect after its answer.
pub(super) struct Late {
    pub(super) due: Duration,
    pub(super) call: Call,
}

/// All of it.
pub(super) struct State {
    pub(super) settings: Settings,
    pub(super) world: World,
    pub(super) commands: BTreeMap<Option<Id>, BTreeMap<Id, Value>>,
    pub(super) interactions: BTreeMap<Id, Interaction>,
    pub(super) gateway: Gateway,
    pub(super) limits: Limits,
    pub(super) script: Script,
    pub(super) late: Vec<Late>,
    pub(super) log: Vec<Logged>,
    pub(super) deviations: Vec<Deviation>,
    pub(super) nonces: Vec<(String, Id, Duration)>,
    /// When the bot last wrote into a channel with slow mode.
    pub(super) last_sent: BTreeMap<Id, Duration>,
    /// Until when "typing…" is shown.
    pub(super) typing: BTreeMap<Id, Duration>,
    /// Whether the token was reset.
    pub(super) revoked: bool,
    /// Where the fake is served: `http://127.0.0.1:port`.
    pub(super) base: String,
}

impl State {
    pub(super) fn new(settings: Settings) -> Self {
        let limits = Limits::new(!settings.limits, settings.global);
        Self {
            settings,
            world: World::default(),
            commands: BTreeMap::new(),
            interactions: BTreeMap::new(),
            gateway: Gateway::default(),
            limits,
            script: Script::default(),
            late: Vec::new(),
            log: Vec::new(),
            deviations: Vec::new(),
            nonces: Vec::new(),
            last_sent: BTreeMap::new(),
            typing: BTreeMap::new(),
            revoked: false,
            base: "http://127.0.0.1:0".to_owned(),
        }
    }

    /// Late calls that are due take effect. Whether there were any.
    pub(super) fn settle(&mut self, now: Moment) -> bool {
        self.late.sort_by_key(|late| late.due);
        let due = self.late.partition_point(|late| late.due <= now.monotonic);
        for late in self.late.drain(..due).collect::<Vec<_>>() {
            // Nobody is there any more to be told that it could not be done.
            drop(self.apply(&late.call, now));
        }
        due > 0
    }

    /// Notes a deviation.
    pub(super) fn deviates(&mut self, at: &str, of_request: bool, what: String) {
        self.deviations.push(Deviation { at: at.to_owned(), of_request, what });
    }

    /// How many IDENTIFYs are left today, and when the day is over.
    pub(super) fn starts_left(&mut self, now: Moment) -> (u64, Duration) {
        let day = Duration::from_hours(24);
        let starts: &mut VecDeque<Duration> = &mut self.gateway.starts;
        while starts.front().is_some_and(|at| now.monotonic.saturating_sub(*at) >= day) {
            starts.pop_front();
        }
        let used = starts.len() as u64;
        let reset = starts.front().map_or(day, |first| (*first + day).saturating_sub(now.monotonic));
        (self.settings.session_starts.saturating_sub(used), reset)
    }
}
