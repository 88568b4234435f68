//! The fake platforms as the harness looks at them: what people see and do there, whichever it is.
//!
//! Ids are texts here. A *spot* is where a conversation goes on: a channel or a thread, whatever that is called there.

use std::collections::BTreeMap;

use wilco_core::{EnvelopeKind, Timestamp};
use wilco_sim::PersonError;
use wilco_sim::discord::{self, FakeDiscord};
use wilco_sim::slack::{self, FakeSlack, Ts};

/// A message as people see it.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub spot: String,
    /// The same by its name.
    pub place: String,
    /// What a person reads.
    pub text: String,
    /// The same as it was sent.
    pub raw: String,
    /// What it is for now.
    pub kind: Option<EnvelopeKind>,
    /// What it was for when it was created.
    pub first_kind: Option<EnvelopeKind>,
    /// The short id of the job that it speaks of.
    pub job: Option<String>,
    /// How many times it was changed.
    pub edits: usize,
    /// The labels of its buttons.
    pub buttons: Vec<String>,
    /// Whether the bot wrote it.
    pub by_bot: bool,
    /// The only person who sees it, by name.
    pub only_for: Option<String>,
    /// Whether it was deleted.
    pub deleted: bool,
    /// When it appeared.
    pub at: Timestamp,
    /// Whether it says that there will be something.
    pub loading: bool,
    /// Whom it notifies, by name.
    pub notifies: Vec<String>,
    /// Whether it notifies everybody.
    pub everyone: bool,
    /// Addresses in it that are shown with a preview.
    pub previews: Vec<String>,
}

impl Seen {
    /// Whether everybody sees it, and the bot said it.
    pub fn is_public(&self) -> bool {
        self.by_bot && !self.deleted && self.only_for.is_none()
    }

    /// Its first line.
    pub fn line(&self) -> &str {
        self.text.lines().next().unwrap_or_default()
    }
}

/// A platform of our own.
pub trait Fake: Clone + Send + Sync + 'static {
    /// What stands in a channel of a person to whom nobody answered.
    const SILENCE: &'static [&'static str];

    /// Every message of all times.
    fn seen(&self) -> Vec<Seen>;

    /// How many calls and other frames there were.
    fn traffic(&self) -> usize;

    /// The last calls, a line each.
    fn last_calls(&self, count: usize) -> Vec<String>;

    /// How many connections listen.
    fn listening(&self) -> usize;

    /// What is not as the platform's tables say.
    fn deviations(&self) -> Vec<String>;

    /// Pairs of messages of which the later one says again what the earlier one says.
    fn repeated(&self) -> Vec<String>;

    /// Every channel as people see it.
    fn whole_transcript(&self) -> String;

    /// One channel as people see it.
    fn transcript(&self, channel: &str) -> String;

    /// How often each fault has met something, by its name.
    fn faults(&self) -> BTreeMap<String, usize>;

    /// How many creates and look-ups in the channel of a spot a fault has met; none where the platform recognises a create
    /// that is repeated.
    fn spoiled_creates(&self, spot: &str) -> usize;

    /// Ends all faults.
    fn calm(&self);

    /// Somebody by name.
    fn person(&self, name: &str) -> Option<String>;

    /// A channel by name; `@ana` is the direct message with Ana.
    fn channel(&self, name: &str) -> Option<String>;

    /// Somebody presses a button of a message. Answers what that is called.
    ///
    /// # Errors
    /// Why it cannot be pressed.
    fn press(&self, person: &str, message: &str, label: &str) -> Result<String, PersonError>;

    /// Somebody uses the menu of a message. Answers what that is called.
    ///
    /// # Errors
    /// Why that is not there.
    fn menu(&self, person: &str, message: &str, entry: &str) -> Result<String, PersonError>;

    /// Whether somebody has been answered.
    fn is_answered(&self, interaction: &str) -> bool;
}

/// A Discord id that came from there.
fn id(text: &str) -> discord::Id {
    text.parse().unwrap_or_default()
}

impl From<discord::Shown> for Seen {
    fn from(shown: discord::Shown) -> Self {
        Self {
            id: shown.id.to_string(),
            spot: shown.channel.to_string(),
            place: shown.place,
            text: shown.text,
            raw: shown.raw,
            kind: shown.kind,
            first_kind: shown.first_kind,
            job: shown.job,
            edits: shown.edits,
            buttons: shown.buttons.into_iter().map(|button| button.label).collect(),
            by_bot: shown.by_bot,
            only_for: shown.only_for,
            deleted: shown.deleted,
            at: shown.at,
            loading: shown.loading,
            notifies: shown.notifies,
            everyone: shown.everyone,
            previews: shown.previews,
        }
    }
}

impl Fake for FakeDiscord {
    const SILENCE: &'static [&'static str] = &["The application did not respond"];

    fn seen(&self) -> Vec<Seen> {
        self.snapshot().into_iter().map(Seen::from).collect()
    }

    fn traffic(&self) -> usize {
        self.log().len()
    }

    fn last_calls(&self, count: usize) -> Vec<String> {
        let log = self.log();
        let last = &log[log.len().saturating_sub(count)..];
        last.iter().map(|call| format!("{} {:?} {} {:?}", call.verb, call.op, call.status, call.fault)).collect()
    }

    fn listening(&self) -> usize {
        Self::listening(self)
    }

    fn deviations(&self) -> Vec<String> {
        Self::deviations(self).iter().map(|one| format!("{one:?}")).collect()
    }

    fn repeated(&self) -> Vec<String> {
        let line = |one: &discord::Shown| one.text.lines().next().unwrap_or_default().to_owned();
        let pair = |(one, two): (discord::Shown, discord::Shown)| {
            format!("shown twice in {}: {} and {}", two.place, line(&one), line(&two))
        };
        self.duplicates().into_iter().map(pair).collect()
    }

    fn whole_transcript(&self) -> String {
        Self::whole_transcript(self)
    }

    fn transcript(&self, channel: &str) -> String {
        Self::transcript(self, id(channel))
    }

    fn faults(&self) -> BTreeMap<String, usize> {
        let mut met = BTreeMap::new();
        for name in self.log().into_iter().filter_map(|call| call.fault) {
            *met.entry(name).or_default() += 1;
        }
        met
    }

    fn spoiled_creates(&self, _: &str) -> usize {
        0
    }

    fn calm(&self) {
        Self::calm(self);
    }

    fn person(&self, name: &str) -> Option<String> {
        self.person_named(name).map(|id| id.to_string())
    }

    fn channel(&self, name: &str) -> Option<String> {
        let found = match name.strip_prefix('@') {
            Some(person) => self.person_named(person).map(|person| self.direct(person)),
            None => self.channel_named(name),
        };
        found.map(|id| id.to_string())
    }

    fn press(&self, person: &str, message: &str, label: &str) -> Result<String, PersonError> {
        Self::press(self, id(person), id(message), label).map(|id| id.to_string())
    }

    fn menu(&self, person: &str, message: &str, entry: &str) -> Result<String, PersonError> {
        self.message_command(id(person), id(message), entry).map(|id| id.to_string())
    }

    fn is_answered(&self, interaction: &str) -> bool {
        self.interaction(id(interaction)).is_some_and(|one| one.original.is_some())
    }
}

/// The time stamp of a message that came from there.
fn ts(text: &str) -> Ts {
    Ts::read(text).unwrap_or_default()
}

impl From<slack::Shown> for Seen {
    fn from(shown: slack::Shown) -> Self {
        Self {
            id: shown.ts.to_string(),
            spot: spot(&shown.channel, shown.thread),
            place: shown.place,
            text: shown.text,
            raw: shown.raw,
            kind: shown.kind,
            first_kind: shown.first_kind,
            job: shown.job,
            edits: shown.edits,
            buttons: shown.buttons.into_iter().map(|button| button.label).collect(),
            by_bot: shown.by_bot,
            only_for: shown.only_for,
            deleted: shown.deleted,
            at: shown.at,
            loading: false,
            notifies: shown.notifies,
            everyone: shown.everyone,
            previews: shown.previews,
        }
    }
}

/// A channel of Slack, or the thread under one of its messages.
pub fn spot(channel: &str, thread: Option<Ts>) -> String {
    thread.map_or_else(|| channel.to_owned(), |root| format!("{channel}/{root}"))
}

/// The channel and the thread of a spot.
pub fn of_spot(spot: &str) -> (&str, Option<Ts>) {
    match spot.split_once('/') {
        Some((channel, root)) => (channel, Some(ts(root))),
        None => (spot, None),
    }
}

impl Fake for FakeSlack {
    const SILENCE: &'static [&'static str] = &["failed because the app did not respond", "] did not work"];

    fn seen(&self) -> Vec<Seen> {
        self.snapshot().into_iter().map(Seen::from).collect()
    }

    fn traffic(&self) -> usize {
        let counts = self.socket_counts();
        let frames = counts.connections + counts.envelopes + counts.acks + counts.disconnects;
        self.log().len() + usize::try_from(frames).unwrap_or(usize::MAX)
    }

    fn last_calls(&self, count: usize) -> Vec<String> {
        let log = self.log();
        let last = &log[log.len().saturating_sub(count)..];
        last.iter().map(|call| format!("{:?} {} {:?} {:?}", call.op, call.status, call.error, call.fault)).collect()
    }

    fn listening(&self) -> usize {
        Self::listening(self)
    }

    fn deviations(&self) -> Vec<String> {
        Self::deviations(self).iter().map(|one| format!("{one:?}")).collect()
    }

    fn repeated(&self) -> Vec<String> {
        let line = |one: &slack::Shown| one.text.lines().next().unwrap_or_default().to_owned();
        let pair = |(one, two): (slack::Shown, slack::Shown)| {
            format!("shown twice in {}: {} and {}", two.place, line(&one), line(&two))
        };
        self.duplicates().into_iter().map(pair).collect()
    }

    fn whole_transcript(&self) -> String {
        Self::whole_transcript(self)
    }

    fn transcript(&self, channel: &str) -> String {
        Self::transcript(self, of_spot(channel).0)
    }

    fn faults(&self) -> BTreeMap<String, usize> {
        self.faults_met()
    }

    fn spoiled_creates(&self, spot: &str) -> usize {
        let channel = of_spot(spot).0;
        let ops = [slack::Op::PostMessage, slack::Op::History, slack::Op::Replies];
        let is_one = |call: &&slack::Logged| {
            call.fault.is_some()
                && call.channel.as_deref() == Some(channel)
                && call.op.is_some_and(|op| ops.contains(&op))
        };
        self.log().iter().filter(is_one).count()
    }

    fn calm(&self) {
        Self::calm(self);
    }

    fn person(&self, name: &str) -> Option<String> {
        self.person_named(name)
    }

    fn channel(&self, name: &str) -> Option<String> {
        match name.strip_prefix('@') {
            Some(person) => self.person_named(person).and_then(|person| self.direct(&person)),
            None => self.channel_named(name),
        }
    }

    fn press(&self, person: &str, message: &str, label: &str) -> Result<String, PersonError> {
        Self::press(self, person, ts(message), label)
    }

    fn menu(&self, person: &str, message: &str, entry: &str) -> Result<String, PersonError> {
        self.shortcut(person, ts(message), entry)
    }

    fn is_answered(&self, interaction: &str) -> bool {
        self.interaction(interaction).is_some_and(|one| one.took.is_some())
    }
}
