//! The fault script: what goes wrong, at which call, how often. The same for both transports.

use serde::{Deserialize, Serialize};
use wilco_core::{Address, EnvelopeKind, Scope};

use crate::draw::Draw;
use crate::lines::{self, Line};

/// The calls a bot can make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// Create a message.
    Post,
    /// Replace a message.
    Edit,
    /// Look a message up by its key.
    Find,
    /// Ask whether an address takes messages.
    Probe,
    /// Give a sign or a private note.
    Status,
}

impl Verb {
    /// Every verb, for tables.
    pub const ALL: [Self; 5] = [Self::Post, Self::Edit, Self::Find, Self::Probe, Self::Status];

    /// Its stable name, which is also its path on the server.
    pub fn name(self) -> &'static str {
        match self {
            Self::Post => "post",
            Self::Edit => "edit",
            Self::Find => "find",
            Self::Probe => "probe",
            Self::Status => "status",
        }
    }
}

/// One thing that goes wrong with one call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Fault {
    /// Refused for now, with a time: HTTP 429.
    RetryAfter {
        /// How long to wait, in milliseconds.
        millis: u64,
        /// What has to wait.
        scope: Scope,
    },
    /// No answer, ever: the caller's own time limit has to fire.
    Hang {
        /// Whether the call takes effect all the same.
        applied: bool,
    },
    /// Not taken, and the caller can know it.
    Dropped,
    /// Takes effect, but the connection closes before the answer.
    Lost,
    /// Answered with a gateway time-out now; takes effect later.
    LateApply {
        /// How much later, in milliseconds of the platform's clock.
        millis: u64,
    },
    /// A server error without any word on whether the call took effect: HTTP 502 with a page of HTML.
    ServerError {
        /// Whether it did.
        applied: bool,
    },
    /// Takes effect; the answer is half a JSON document.
    HalfAnswer,
    /// This address takes no messages any more.
    Gone,
    /// This message cannot be edited (on a create: the earlier copy under this key was deleted).
    NotEditable,
    /// The channel has a new id.
    Moved {
        /// Where it is now.
        to: Address,
    },
    /// The content is refused in this shape.
    Reshape,
    /// The account's credentials are refused.
    StopAccount,
    /// The request is refused as malformed.
    Bug,
}

impl Fault {
    /// Its stable name in logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::RetryAfter { .. } => "retry_after",
            Self::Hang { applied: false } => "hang",
            Self::Hang { applied: true } => "hang_applied",
            Self::Dropped => "dropped",
            Self::Lost => "lost",
            Self::LateApply { .. } => "late_apply",
            Self::ServerError { applied: false } => "server_error",
            Self::ServerError { applied: true } => "server_error_applied",
            Self::HalfAnswer => "half_answer",
            Self::Gone => "gone",
            Self::NotEditable => "not_editable",
            Self::Moved { .. } => "moved",
            Self::Reshape => "reshape",
            Self::StopAccount => "stop_account",
            Self::Bug => "bug",
        }
    }
}

/// Which calls a rule means. Empty fields mean any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// The verb.
    #[serde(default)]
    pub verb: Option<Verb>,
    /// What the envelope is for; a call without an envelope never matches a kind.
    #[serde(default)]
    pub kind: Option<EnvelopeKind>,
    /// The channel, whatever the thread.
    #[serde(default)]
    pub channel: Option<String>,
}

impl Filter {
    fn fits(&self, verb: Verb, kind: Option<EnvelopeKind>, channel: &str) -> bool {
        self.verb.is_none_or(|wanted| wanted == verb)
            && (self.kind.is_none() || self.kind == kind)
            && self.channel.as_deref().is_none_or(|wanted| wanted == channel)
    }
}

/// A line of the script.
///
/// The rules are asked in order and the first that fits and has nothing left to skip decides. A rule
/// that skips lets the next ones speak about the same call.
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

    /// Only at calls of this verb.
    #[must_use]
    pub fn on(mut self, verb: Verb) -> Self {
        self.filter.verb = Some(verb);
        self
    }

    /// Only at calls that carry an envelope of this kind.
    #[must_use]
    pub fn kind(mut self, kind: EnvelopeKind) -> Self {
        self.filter.kind = Some(kind);
        self
    }

    /// Only at calls into this channel.
    #[must_use]
    pub fn channel(mut self, channel: impl Into<String>) -> Self {
        self.filter.channel = Some(channel.into());
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

/// Random faults from a seed, for kill tests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chaos {
    /// The same seed and the same calls give the same faults.
    pub seed: u64,
    /// Which calls it may spoil.
    #[serde(default)]
    pub filter: Filter,
    /// How often each fault happens, in thousandths of all calls; together at most 1,000.
    pub per_mille: Vec<(u16, Fault)>,
    /// How often an event is delivered a second time, in thousandths.
    #[serde(default)]
    pub repeat_events: u16,
}

impl Chaos {
    /// Bad weather: about one call in three goes wrong, half of the doubtful ones applied. No fault of
    /// it lasts, and none takes an address away, so every result can still arrive.
    pub fn wild(seed: u64) -> Self {
        let per_mille = vec![
            (60, Fault::Dropped),
            (60, Fault::Lost),
            (50, Fault::ServerError { applied: false }),
            (30, Fault::ServerError { applied: true }),
            (30, Fault::HalfAnswer),
            (30, Fault::LateApply { millis: 400 }),
            (40, Fault::RetryAfter { millis: 200, scope: Scope::Chat }),
            (20, Fault::RetryAfter { millis: 200, scope: Scope::Account }),
        ];
        Self { seed, filter: Filter::default(), per_mille, repeat_events: 100 }
    }

    /// An ordinary day: about one call in fifty.
    pub fn mild(seed: u64) -> Self {
        let per_mille = vec![
            (8, Fault::Dropped),
            (4, Fault::Lost),
            (4, Fault::ServerError { applied: false }),
            (4, Fault::RetryAfter { millis: 200, scope: Scope::Chat }),
        ];
        Self { seed, filter: Filter::default(), per_mille, repeat_events: 10 }
    }
}

/// The script as it stands: rules first, then chance.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    rules: Vec<Rule>,
    chaos: Option<(Chaos, Draw)>,
}

impl Script {
    pub(crate) fn add(&mut self, rule: Rule) {
        if rule.times > 0 {
            self.rules.push(rule);
        }
    }

    pub(crate) fn set_chaos(&mut self, chaos: Option<Chaos>) {
        self.chaos = chaos.map(|chaos| {
            let draw = Draw::seeded(chaos.seed);
            (chaos, draw)
        });
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Rules that have not been used up.
    pub(crate) fn left(&self) -> &[Rule] {
        &self.rules
    }

    /// The fault of one call. Draws once per call while there is chaos, whether or not a rule decides,
    /// so that adding a rule does not reshuffle the rest of a seeded run.
    pub(crate) fn fault(&mut self, verb: Verb, kind: Option<EnvelopeKind>, channel: &str) -> Option<Fault> {
        let chance = self.chaos.as_mut().and_then(|(chaos, draw)| {
            let hit = lines::chance(chaos, draw).cloned();
            hit.filter(|_| chaos.filter.fits(verb, kind, channel))
        });
        let decided = lines::decide(&mut self.rules, |rule| rule.filter.fits(verb, kind, channel));
        decided.or(chance)
    }

    /// Whether an event that was just answered comes again.
    pub(crate) fn repeats_event(&mut self) -> bool {
        self.chaos
            .as_mut()
            .is_some_and(|(chaos, draw)| chaos.repeat_events > 0 && thousandth(draw) < chaos.repeat_events)
    }
}

fn thousandth(draw: &mut Draw) -> u16 {
    u16::try_from(draw.below(1_000)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(script: &mut Script) -> Option<Fault> {
        script.fault(Verb::Post, Some(EnvelopeKind::Stub), "ops")
    }

    #[test]
    fn rules_are_used_up_in_order() {
        let mut script = Script::default();
        script.add(Rule::new(Fault::Gone).on(Verb::Edit));
        script.add(Rule::new(Fault::Lost).on(Verb::Post).after(1).times(2));
        script.add(Rule::new(Fault::Bug).channel("ops"));
        assert_eq!(post(&mut script), Some(Fault::Bug), "the second rule skips one and lets the third speak");
        assert_eq!(post(&mut script), Some(Fault::Lost));
        assert_eq!(post(&mut script), Some(Fault::Lost));
        assert_eq!(post(&mut script), None);
        assert_eq!(script.left().len(), 1, "the edit rule still waits");
    }

    #[test]
    fn a_kind_matches_only_envelopes_and_always_lasts() {
        let mut script = Script::default();
        script.add(Rule::new(Fault::Dropped).kind(EnvelopeKind::Content).always());
        for _ in 0..50 {
            assert_eq!(script.fault(Verb::Edit, Some(EnvelopeKind::Content), "ops"), Some(Fault::Dropped));
        }
        assert_eq!(script.fault(Verb::Probe, None, "ops"), None);
    }

    #[test]
    fn the_same_seed_gives_the_same_faults_and_a_rule_does_not_reshuffle_them() {
        let run = |rule: Option<Rule>| {
            let mut script = Script::default();
            script.set_chaos(Some(Chaos::wild(7)));
            rule.into_iter().for_each(|rule| script.add(rule));
            (0..400).map(|_| post(&mut script)).collect::<Vec<_>>()
        };
        let (plain, with_rule) = (run(None), run(Some(Rule::new(Fault::Bug))));
        assert_eq!(plain, run(None));
        assert_eq!(plain[1..], with_rule[1..]);
        let hits = plain.iter().flatten().count();
        assert!((80..180).contains(&hits), "about a third of 400: {hits}");
    }

    #[test]
    fn a_script_is_readable_json() {
        let rule: Rule = serde_json::from_str(
            r#"{"filter":{"verb":"edit","kind":"content"},"fault":{"fault":"retry_after","millis":300,"scope":"chat"}}"#,
        )
        .unwrap();
        let same =
            Rule::new(Fault::RetryAfter { millis: 300, scope: Scope::Chat }).on(Verb::Edit).kind(EnvelopeKind::Content);
        assert_eq!(rule, same);
        assert!(serde_json::from_str::<Rule>(r#"{"fautl":{"fault":"bug"}}"#).is_err());
    }
}
