//! The fault script of the Web API: what goes wrong, at which call, how often.
//!
//! It follows [`crate::faults`], whose rules and chances it takes as well; what it adds are the things that only HTTP
//! and Slack can do wrong.

use serde::{Deserialize, Serialize};
use wilco_core::EnvelopeKind;

use super::methods::Op;
use crate::draw::Draw;
use crate::faults::{self, Chaos, Verb};
use crate::lines::{self, Line};

/// How a call is told to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limited {
    /// HTTP 429 with Retry-After and `ratelimited`.
    Status,
    /// HTTP 429 with Retry-After and an empty body.
    Empty,
    /// HTTP 429 with Retry-After and a page of HTML.
    Page,
    /// HTTP 200 with `ratelimited` and no header.
    Body,
}

/// One thing that goes wrong with one call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Fault {
    /// Refused for now.
    RateLimited {
        /// How long to wait, in milliseconds; the header says whole seconds.
        millis: u64,
        /// How that is said.
        how: Limited,
    },
    /// HTTP 200, `"ok": false` and this word.
    Refused {
        /// The word.
        error: String,
        /// Whether the call took effect all the same, as `internal_error` may.
        #[serde(default)]
        applied: bool,
    },
    /// Answered with a page of HTML.
    Html {
        /// The HTTP status.
        status: u16,
        /// Whether the call took effect.
        applied: bool,
    },
    /// Takes effect at once; the answer comes later.
    Slow {
        /// How much later, in milliseconds of the fake's clock.
        millis: u64,
    },
    /// No answer, ever, while the connection stays open.
    Hang {
        /// Whether the call took effect.
        applied: bool,
    },
    /// Answered 504 now; takes effect later.
    LateApply {
        /// How much later, in milliseconds of the fake's clock.
        millis: u64,
    },
    /// The connection is closed before anything was done.
    Dropped,
    /// Takes effect, and the connection is closed before the answer.
    Lost,
    /// Takes effect; the answer is half a JSON document.
    HalfAnswer,
    /// Takes effect; the answer is JSON of quite another shape.
    OtherShape,
}

impl Fault {
    /// Its stable name in logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::RateLimited { how: Limited::Status, .. } => "rate_limited",
            Self::RateLimited { how: Limited::Empty, .. } => "rate_limited_empty",
            Self::RateLimited { how: Limited::Page, .. } => "rate_limited_page",
            Self::RateLimited { how: Limited::Body, .. } => "rate_limited_body",
            Self::Refused { applied: false, .. } => "refused",
            Self::Refused { applied: true, .. } => "refused_applied",
            Self::Html { applied: false, .. } => "html",
            Self::Html { applied: true, .. } => "html_applied",
            Self::Slow { .. } => "slow",
            Self::Hang { applied: false } => "hang",
            Self::Hang { applied: true } => "hang_applied",
            Self::LateApply { .. } => "late_apply",
            Self::Dropped => "dropped",
            Self::Lost => "lost",
            Self::HalfAnswer => "half_answer",
            Self::OtherShape => "other_shape",
        }
    }

    /// A refusal that did nothing.
    pub fn refused(error: &str) -> Self {
        Self::Refused { error: error.to_owned(), applied: false }
    }
}

/// The faults of the scripted platform, as Slack shows them.
impl From<faults::Fault> for Fault {
    fn from(fault: faults::Fault) -> Self {
        match fault {
            // Slack does not say which limit it was: the scope follows from the method.
            faults::Fault::RetryAfter { millis, .. } => Self::RateLimited { millis, how: Limited::Status },
            faults::Fault::Hang { applied } => Self::Hang { applied },
            // The one refusal that says of itself that the request did not arrive whole.
            faults::Fault::Dropped => Self::refused("request_timeout"),
            faults::Fault::Lost => Self::Lost,
            faults::Fault::LateApply { millis } => Self::LateApply { millis },
            faults::Fault::ServerError { applied } => Self::Html { status: 502, applied },
            faults::Fault::HalfAnswer => Self::HalfAnswer,
            faults::Fault::Gone | faults::Fault::Moved { .. } => Self::refused("channel_not_found"),
            faults::Fault::NotEditable => Self::refused("message_not_found"),
            faults::Fault::Reshape => Self::refused("msg_too_long"),
            faults::Fault::StopAccount => Self::refused("invalid_auth"),
            faults::Fault::Bug => Self::refused("invalid_arguments"),
        }
    }
}

/// What the scripted platform would call this call; none for what an adapter does besides.
fn verb(op: Op) -> Option<Verb> {
    let known = [
        (Op::PostMessage, Verb::Post),
        (Op::Update, Verb::Edit),
        (Op::History, Verb::Find),
        (Op::Replies, Verb::Find),
        (Op::Info, Verb::Probe),
        (Op::PostEphemeral, Verb::Status),
        (Op::SetStatus, Verb::Status),
        (Op::AddReaction, Verb::Status),
        (Op::Respond, Verb::Status),
    ];
    known.iter().find(|(one, _)| *one == op).map(|(_, verb)| *verb)
}

/// Which calls a rule means. Empty fields mean any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// The method.
    #[serde(default)]
    pub op: Option<Op>,
    /// The verb that the method stands for.
    #[serde(default)]
    pub verb: Option<Verb>,
    /// What the message is for, as far as its words tell; a call without a message never matches.
    #[serde(default)]
    pub kind: Option<EnvelopeKind>,
    /// The id of the channel.
    #[serde(default)]
    pub channel: Option<String>,
    /// The id of the workspace whose token the call carries.
    #[serde(default)]
    pub team: Option<String>,
    /// Methods that are not meant, whatever else fits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spared: Vec<Op>,
}

/// What a rule can know of a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    pub(super) op: Op,
    pub(super) kind: Option<EnvelopeKind>,
    pub(super) channel: &'a str,
    pub(super) team: &'a str,
}

impl Filter {
    fn fits(&self, seen: Seen<'_>) -> bool {
        self.op.is_none_or(|wanted| wanted == seen.op)
            && !self.spared.contains(&seen.op)
            && (self.verb.is_none() || self.verb == verb(seen.op))
            && (self.kind.is_none() || self.kind == seen.kind)
            && self.channel.as_deref().is_none_or(|wanted| wanted == seen.channel)
            && self.team.as_deref().is_none_or(|wanted| wanted == seen.team)
    }
}

/// A line of the script. The first that fits and has nothing left to skip decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Which calls it means.
    #[serde(default)]
    pub filter: Filter,
    /// How many fitting calls pass first.
    #[serde(default)]
    pub skip: u32,
    /// How many fitting calls it then spoils.
    #[serde(default = "once")]
    pub times: u32,
    /// What goes wrong.
    pub fault: Fault,
}

fn once() -> u32 {
    1
}

impl Rule {
    /// The fault at the next call, whatever it is, once.
    pub fn new(fault: Fault) -> Self {
        Self { filter: Filter::default(), skip: 0, times: 1, fault }
    }

    /// Only at this method.
    #[must_use]
    pub fn on(mut self, op: Op) -> Self {
        self.filter.op = Some(op);
        self
    }

    /// Never at this method.
    #[must_use]
    pub fn sparing(mut self, op: Op) -> Self {
        self.filter.spared.push(op);
        self
    }

    /// Only at messages that are for this.
    #[must_use]
    pub fn kind(mut self, kind: EnvelopeKind) -> Self {
        self.filter.kind = Some(kind);
        self
    }

    /// Only in this channel.
    #[must_use]
    pub fn channel(mut self, channel: &str) -> Self {
        self.filter.channel = Some(channel.to_owned());
        self
    }

    /// Only with the token of this workspace.
    #[must_use]
    pub fn team(mut self, team: &str) -> Self {
        self.filter.team = Some(team.to_owned());
        self
    }

    /// Lets that many fitting calls pass first.
    #[must_use]
    pub fn after(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }

    /// Spoils that many fitting calls.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// Spoils every fitting call until the script is cleared.
    #[must_use]
    pub fn always(self) -> Self {
        self.times(u32::MAX)
    }
}

impl Line for Rule {
    type Fault = Fault;

    fn counters(&mut self) -> (&mut u32, &mut u32) {
        (&mut self.skip, &mut self.times)
    }

    fn fault(&self) -> Fault {
        self.fault.clone()
    }
}

impl From<faults::Rule> for Rule {
    fn from(rule: faults::Rule) -> Self {
        let faults::Filter { verb, kind, channel } = rule.filter;
        let filter = Filter { verb, kind, channel, ..Filter::default() };
        Self { filter, skip: rule.skip, times: rule.times, fault: rule.fault.into() }
    }
}

/// The script as it stands: rules first, then chance.
#[derive(Clone, Debug, Default)]
pub(super) struct Script {
    rules: Vec<Rule>,
    chaos: Option<(Chaos, Draw)>,
}

impl Script {
    pub(super) fn add(&mut self, rule: Rule) {
        if rule.times > 0 {
            self.rules.push(rule);
        }
    }

    pub(super) fn set_chaos(&mut self, chaos: Option<Chaos>) {
        self.chaos = chaos.map(|chaos| {
            let draw = Draw::seeded(chaos.seed);
            (chaos, draw)
        });
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn left(&self) -> usize {
        self.rules.len()
    }

    /// The fault of one call. Draws once per call that has a verb while there is chaos.
    pub(super) fn fault(&mut self, seen: Seen<'_>) -> Option<Fault> {
        let chance = self.chaos.as_mut().filter(|_| verb(seen.op).is_some()).and_then(|(chaos, draw)| {
            let hit = lines::chance(chaos, draw).cloned();
            let faults::Filter { verb, kind, channel } = chaos.filter.clone();
            hit.filter(|_| Filter { verb, kind, channel, ..Filter::default() }.fits(seen)).map(Fault::from)
        });
        let decided = lines::decide(&mut self.rules, |rule| rule.filter.fits(seen));
        decided.or(chance)
    }

    /// Whether an event that was acknowledged comes again all the same.
    pub(super) fn repeats_event(&mut self) -> bool {
        self.chaos
            .as_mut()
            .is_some_and(|(chaos, draw)| chaos.repeat_events > 0 && draw.happens(u64::from(chaos.repeat_events)))
    }
}
