//! Everything behind the one lock, and the settings.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use wilco_core::{EnvelopeKind, Timestamp};

use super::api::Call;
use super::ids::{Id, Ts};
use super::interactions::Interaction;
use super::limits::Limits;
use super::methods::Op;
use super::script::Script;
use super::socket::Socket;
use super::world::World;
use crate::kinds;

/// How this Slack behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether tiers refuse anything.
    pub limits: bool,
    /// The longest text of a message without blocks, in characters. Slack's reference says 40,000 and cuts; apps were
    /// refused above about 4,000 (openharness #135).
    pub longest_text: usize,
    /// Whether a command or a button that was not acknowledged in time comes again, as events do.
    pub redeliver_commands: bool,
    /// How long a bot has to acknowledge an envelope.
    pub patience: Duration,
    /// When an unacknowledged event comes again: after the first, second and third failure.
    pub retries: [Duration; 3],
    /// How often the fake sends a ping.
    pub ping: Duration,
    /// How old a connection gets before it is told to refresh itself.
    pub lifetime: Duration,
    /// How long a connection that was told to go still stands.
    pub farewell: Duration,
    /// How many connections an app may have.
    pub most_connections: usize,
    /// Tells from a text what a message is for. By default from wilco's own wording.
    pub kind_of: fn(&str) -> Option<EnvelopeKind>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: true,
            longest_text: 4_000,
            redeliver_commands: false,
            patience: Duration::from_secs(3),
            retries: [Duration::ZERO, Duration::from_mins(1), Duration::from_mins(5)],
            ping: Duration::from_secs(5),
            lifetime: Duration::from_secs(18_060),
            farewell: Duration::from_secs(10),
            most_connections: 10,
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
    /// What it does; none for a method that is not known.
    pub op: Option<Op>,
    /// The path.
    pub path: String,
    /// The workspace whose token it carried.
    pub team: Option<Id>,
    /// The channel that it named.
    pub channel: Option<Id>,
    /// The message that it made, changed or named.
    pub message: Option<Ts>,
    /// What the message is for.
    pub kind: Option<EnvelopeKind>,
    /// The scripted fault that met it.
    pub fault: Option<String>,
    /// The status that was sent or would have been.
    pub status: u16,
    /// Slack's word, when it refused.
    pub error: Option<String>,
}

/// Something that is not as the tables say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deviation {
    /// The method, or what else was looked at.
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
    pub(super) interactions: BTreeMap<Id, Interaction>,
    pub(super) socket: Socket,
    pub(super) limits: Limits,
    pub(super) script: Script,
    pub(super) late: Vec<Late>,
    /// Until when the status of a thread is shown.
    pub(super) status_ends: BTreeMap<(Id, Ts), Duration>,
    pub(super) log: Vec<Logged>,
    pub(super) deviations: Vec<Deviation>,
    /// Direct messages that the bot has open, for `already_open`.
    pub(super) opened: BTreeSet<Id>,
    /// Where the fake is served: `http://127.0.0.1:port`.
    pub(super) base: String,
}

impl State {
    pub(super) fn new(settings: Settings) -> Self {
        let limits = Limits::new(!settings.limits);
        Self {
            settings,
            world: World::default(),
            interactions: BTreeMap::new(),
            socket: Socket::default(),
            limits,
            script: Script::default(),
            late: Vec::new(),
            status_ends: BTreeMap::new(),
            log: Vec::new(),
            deviations: Vec::new(),
            opened: BTreeSet::new(),
            base: "http://127.0.0.1:0".to_owned(),
        }
    }

    /// What is due takes effect: late calls, the end of a status, and envelopes that nobody acknowledged. Whether there
    /// was anything.
    pub(super) fn settle(&mut self, now: Moment) -> bool {
        self.late.sort_by_key(|late| late.due);
        let due = self.late.partition_point(|late| late.due <= now.monotonic);
        for late in self.late.drain(..due).collect::<Vec<_>>() {
            // Nobody is there any more to be told that it could not be done.
            drop(self.apply(&late.call, now));
        }
        let stale: Vec<(Id, Ts)> =
            self.status_ends.iter().filter(|(_, end)| **end <= now.monotonic).map(|(key, _)| key.clone()).collect();
        for key in &stale {
            self.status_ends.remove(key);
            self.world.statuses.remove(key);
        }
        let redelivered = self.redeliver(now);
        due > 0 || redelivered || !stale.is_empty()
    }

    /// Notes a deviation.
    pub(super) fn deviates(&mut self, at: &str, of_request: bool, what: String) {
        self.deviations.push(Deviation { at: at.to_owned(), of_request, what });
    }
}
