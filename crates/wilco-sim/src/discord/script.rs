//! The fault script of the REST side: what goes wrong, at which call, how often.
//!
//! It follows [`crate::faults`], whose rules and chances it takes as well; what it adds are the things
//! that only HTTP and Discord can do wrong.

use serde::{Deserialize, Serialize};
use wilco_core::{EnvelopeKind, Scope};

use super::error::{self, Refusal};
use super::limits::LimitScope;
use super::routes::Op;
use crate::draw::Draw;
use crate::faults::{self, Chaos, Verb};
use crate::lines::{self, Line};

/// One thing that goes wrong with one call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Fault {
    /// Refused for now: HTTP 429 with Discord's headers and body.
    RateLimited {
        /// How long to wait, in milliseconds.
        millis: u64,
        /// What has to wait.
        scope: LimitScope,
    },
    /// Refused with a status, a code and a sentence of one's own; not applied.
    Refused {
        /// The HTTP status.
        status: u16,
        /// Discord's code.
        code: i64,
        /// The sentence.
        message: String,
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
    /// Takes effect; the answer is whole, and its rate-limit headers are not numbers.
    BadHeaders,
}

impl Fault {
    /// Its stable name in logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::RateLimited { .. } => "rate_limited",
            Self::Refused { .. } => "refused",
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
            Self::BadHeaders => "bad_headers",
        }
    }

    /// A refusal of Discord's table.
    pub fn refused(known: error::Known) -> Self {
        Self::Refused { status: known.0, code: known.1, message: known.2.to_owned() }
    }

    /// The refusal that is sent in place of the answer, when the fault is one.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Refused { status, code, message } => Some(Refusal::new(*status, *code, message)),
            Self::RateLimited { .. }
            | Self::Html { .. }
            | Self::Slow { .. }
            | Self::Hang { .. }
            | Self::LateApply { .. }
            | Self::Dropped
            | Self::Lost
            | Self::HalfAnswer
            | Self::OtherShape
            | Self::BadHeaders => None,
        }
    }
}

/// The faults of the scripted platform, as Discord shows them. One that Discord does not know (a channel
/// that has moved) becomes a channel that is gone.
impl From<faults::Fault> for Fault {
    fn from(fault: faults::Fault) -> Self {
        match fault {
            faults::Fault::RetryAfter { millis, scope } => {
                let scope = match scope {
                    Scope::Message | Scope::Route => LimitScope::User,
                    Scope::Chat => LimitScope::Shared,
                    Scope::Account => LimitScope::Global,
                    Scope::Ip => LimitScope::Address,
                };
                Self::RateLimited { millis, scope }
            }
            faults::Fault::Hang { applied } => Self::Hang { applied },
            // The one refusal that says of itself that it is for now and that nothing was done.
            faults::Fault::Dropped => Self::refused(error::DISABLED),
            faults::Fault::Lost => Self::Lost,
            faults::Fault::LateApply { millis } => Self::LateApply { millis },
            faults::Fault::ServerError { applied } => Self::Html { status: 502, applied },
            faults::Fault::HalfAnswer => Self::HalfAnswer,
            faults::Fault::Gone | faults::Fault::Moved { .. } => Self::refused(error::UNKNOWN_CHANNEL),
            faults::Fault::NotEditable => Self::refused(error::UNKNOWN_MESSAGE),
            faults::Fault::Reshape => Self::refused(error::INVALID_FORM),
            faults::Fault::StopAccount => Self::refused(error::UNAUTHORIZED),
            faults::Fault::Bug => Self::refused(error::METHOD_NOT_ALLOWED),
        }
    }
}

/// What the scripted platform would call this call; none for what an adapter does besides.
fn verb(op: Op) -> Option<Verb> {
    // What has no counterpart is not spoiled by a rule that names a verb.
    let known = [
        (Op::CreateMessage, Verb::Post),
        (Op::EditMessage, Verb::Edit),
        (Op::GetMessages, Verb::Find),
        (Op::GetMessage, Verb::Find),
        (Op::GetChannel, Verb::Probe),
        (Op::Type, Verb::Status),
        (Op::React, Verb::Status),
        (Op::Callback, Verb::Status),
        (Op::FollowUp, Verb::Status),
        (Op::EditOriginal, Verb::Status),
    ];
    known.iter().find(|(one, _)| *one == op).map(|(_, verb)| *verb)
}

/// Which calls a rule means. Empty fields mean any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// The route.
    #[serde(default)]
    pub op: Option<Op>,
    /// The verb that the route stands for.
    #[serde(default)]
    pub verb: Option<Verb>,
    /// What the message is for, as far as its text tells; a call without a message never matches.
    #[serde(default)]
    pub kind: Option<EnvelopeKind>,
    /// The id of the channel or thread.
    #[serde(default)]
    pub channel: Option<String>,
}

/// What a rule can know of a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    pub(super) op: Op,
    pub(super) kind: Option<EnvelopeKind>,
    pub(super) channel: &'a str,
}

impl Filter {
    fn fits(&self, seen: Seen<'_>) -> bool {
        self.op.is_none_or(|wanted| wanted == seen.op)
            && (self.verb.is_none() || self.verb == verb(seen.op))
            && (self.kind.is_none() || self.kind == seen.kind)
            && self.channel.as_deref().is_none_or(|wanted| wanted == seen.channel)
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

    /// Only on this route.
    #[must_use]
    pub fn on(mut self, op: Op) -> Self {
        self.filter.op = Some(op);
        self
    }

    /// Only at messages that are for this.
    #[must_use]
    pub fn kind(mut self, kind: EnvelopeKind) -> Self {
        self.filter.kind = Some(kind);
        self
    }

    /// Only in this channel or thread.
    #[must_use]
    pub fn channel(mut self, channel: u64) -> Self {
        self.filter.channel = Some(channel.to_string());
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
        let filter = Filter { op: None, verb, kind, channel };
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

    /// The fault of one call. Draws once per call that has a verb while there is chaos, so that a rule
    /// does not reshuffle the rest of a seeded run.
    pub(super) fn fault(&mut self, seen: Seen<'_>) -> Option<Fault> {
        let chance = self.chaos.as_mut().filter(|_| verb(seen.op).is_some()).and_then(|(chaos, draw)| {
            let hit = lines::chance(chaos, draw).cloned();
            let filter = Filter {
                op: None,
                verb: chaos.filter.verb,
                kind: chaos.filter.kind,
                channel: chaos.filter.channel.clone(),
            };
            hit.filter(|_| filter.fits(seen)).map(Fault::from)
        });
        let decided = lines::decide(&mut self.rules, |rule| rule.filter.fits(seen));
        decided.or(chance)
    }
}
