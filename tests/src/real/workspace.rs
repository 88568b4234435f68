//! A workspace on the fake Slack.

use std::sync::Arc;
use std::time::Duration;

use wilco_core::Clock;
use wilco_sim::clock::MachineClock;
use wilco_sim::slack::{
    FakeSlack, Fault, Id, Limited, Op, Reason, Rule, Settings, SocketFault, SocketMoment, SocketRule, Ts,
};
use wilco_sim::{Chaos, Draw, PersonError};
use wilco_slack::COMMAND;
use wilco_slack::manifest::{Wanted, manifest};

use super::deaths::Deaths;
use super::folk::{Answered, Ground, Way};
use crate::fake::{of_spot, spot};

/// Among how many calls the scripted faults are scattered.
const SCATTER: u64 = 30;
/// When Slack brings an event again that nobody acknowledged: sooner than the real one, which takes up to five minutes.
const RETRIES: [Duration; 3] = [Duration::ZERO, Duration::from_secs(20), Duration::from_secs(90)];
/// What somebody reads who has pressed a button or cancelled, not who gave a command.
const OF_OTHER_ACTS: [&str; 3] = ["Cancelling", "Already completed", "Answered"];
/// How many people there are. Slack does not tie a private note to the command that it answers, so every request is
/// somebody else's.
const PEOPLE: usize = 120;

/// A Slack with one workspace, and people of a group in it.
pub struct Workspace {
    fake: FakeSlack,
    clock: Arc<MachineClock>,
    api: String,
    team: Id,
    crew: Id,
    people: Vec<Id>,
    channels: [Id; 2],
    deaths: Deaths,
}

impl Ground for Workspace {
    type Fake = FakeSlack;

    const NAME: &'static str = "Slack";
    const NOTES_CHANGE: bool = false;

    async fn open() -> Self {
        let clock = Arc::new(MachineClock::start());
        let fake =
            FakeSlack::new(Settings { retries: RETRIES, ..Settings::default() }, Arc::clone(&clock) as Arc<dyn Clock>);
        let team = fake.add_team("Workshop");
        let wanted = Wanted { files: true, groups: true, join: false, assistant: false };
        fake.install(&team, &manifest(wanted)).expect("Slack takes the manifest");
        let people: Vec<Id> = (0..PEOPLE).map(|at| fake.add_person(&team, &format!("p{at}"))).collect();
        let crew = fake.add_group(&team, "crew", &people.iter().map(String::as_str).collect::<Vec<_>>());
        let channels = ["ops", "general"].map(|name| fake.add_channel(&team, name));
        let api = fake.spawn().await.expect("a port for the fake Slack");
        Self { fake, clock, api, team, crew, people, channels, deaths: Deaths::default() }
    }

    fn fake(&self) -> &FakeSlack {
        &self.fake
    }

    fn config(&self) -> String {
        format!(
            "[web]\nenabled = false\n[followups]\nmin = \"1s\"\n[slack]\napi = \"{}\"\n\
             [[access]]\naccount = \"slack\"\nrole = \"{}\"\ngrant = \"operator\"\n",
            self.api, self.crew
        )
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        vec![("SLACK_BOT_TOKEN", self.fake.token(&self.team)), ("SLACK_APP_TOKEN", self.fake.app_token(&self.team))]
    }

    fn before(&self) -> &'static [&'static str] {
        &[]
    }

    fn storm(&self, draw: &mut Draw) {
        self.fake.chaos(Some(Chaos::mild(draw.below(1 << 32))));
        let limited = |how| Fault::RateLimited { millis: 400, how };
        // A bot that cannot connect makes no other calls, so all that may meet those of a connection meets them in a row, with
        // pauses that double up to a minute. So these faults are three of the twelve.
        let of_connections = draw.below(4);
        for (fault, number) in [
            limited(Limited::Status),
            limited(Limited::Empty),
            limited(Limited::Page),
            Fault::Refused { error: "internal_error".to_owned(), applied: true },
            Fault::refused("request_timeout"),
            Fault::Lost,
            Fault::Dropped,
            Fault::Slow { millis: 700 },
            Fault::HalfAnswer,
            Fault::OtherShape,
            Fault::Html { status: 502, applied: false },
            Fault::Html { status: 503, applied: true },
        ]
        .into_iter()
        .zip(0_u64..)
        {
            let rule = Rule::new(fault).after(u32::try_from(draw.below(SCATTER)).unwrap_or(0));
            let anywhere = number % 4 == of_connections;
            self.fake.fault(if anywhere { rule } else { rule.sparing(Op::AuthTest).sparing(Op::ConnectionsOpen) });
        }
        // What makes the bot wait for long meets messages alone: one that waits so for its connection is not killed, but
        // waited for. An edit alone comes late: a post that takes effect after the look-up for it was in vain stands twice,
        // and nothing that Slack offers prevents it.
        for (op, fault) in [
            (Op::PostMessage, limited(Limited::Body)),
            (Op::PostMessage, Fault::Hang { applied: false }),
            (Op::PostMessage, Fault::Hang { applied: true }),
            (Op::Update, Fault::Hang { applied: true }),
            (Op::Update, Fault::LateApply { millis: 1_500 }),
        ] {
            self.fake.fault(Rule::new(fault).on(op).after(u32::try_from(draw.below(SCATTER)).unwrap_or(0)));
        }
        // Slack does not say whether it brings a command again that nobody acknowledged.
        self.fake.redeliver_commands(draw.below(2) == 0);
        let go = |reason| SocketFault::Disconnect { reason };
        for (moment, fault) in [
            (SocketMoment::Connect, SocketFault::Refuse),
            (SocketMoment::Connect, SocketFault::Stall),
            (SocketMoment::Hello, SocketFault::Drop),
            (SocketMoment::Envelope, SocketFault::Ignore),
            (SocketMoment::Envelope, SocketFault::Drop),
            (SocketMoment::Envelope, SocketFault::Deaf),
            (SocketMoment::Envelope, SocketFault::Close { code: 1_001 }),
            (SocketMoment::Envelope, go(Reason::RefreshRequested)),
            (SocketMoment::Envelope, go(Reason::Warning)),
            (SocketMoment::Ack, go(Reason::TooManyWebsockets)),
            (SocketMoment::Ack, SocketFault::Ignore),
            (SocketMoment::Ack, SocketFault::Drop),
        ] {
            let after = u32::try_from(draw.below(SCATTER)).unwrap_or(0);
            self.fake.socket_fault(SocketRule::new(moment, fault).after(after));
        }
    }

    fn begun(&self) -> u64 {
        self.fake.socket_counts().connections
    }

    fn cut(&self) {
        self.fake.socket_now(&SocketFault::Drop);
    }

    fn new_channel(&self, name: &str) -> String {
        self.fake.add_channel(&self.team, name)
    }

    fn person(&self, number: usize) -> String {
        let person = self.people.get(number);
        person.unwrap_or_else(|| panic!("only {PEOPLE} people are here, and request {number} needs its own")).clone()
    }

    /// Apart is a thread, and a channel of its own for commands: Slack has none inside threads.
    fn place(&self, way: Way, apart: bool, tag: &str, person: &str, number: usize) -> String {
        let channel = &self.channels[number % self.channels.len()];
        match (apart, way) {
            (false, _) => channel.clone(),
            (true, Way::Command) => self.new_channel(tag),
            (true, Way::Mention) => {
                let root = self.fake.say(person, channel, &format!("About {tag}")).expect("everybody may write there");
                spot(channel, Some(root))
            }
        }
    }

    fn command(&self, person: &str, spot: &str, line: &str) -> Result<String, PersonError> {
        self.fake.slash(person, spot, COMMAND, line.trim_start_matches('/'))
    }

    fn mention(&self, person: &str, spot: &str, line: &str) -> Result<String, PersonError> {
        let (channel, thread) = of_spot(spot);
        let text = format!("<@{}> {}", self.fake.bot(&self.team), line.trim_start_matches('/'));
        let said = match thread {
            Some(root) => self.fake.reply(person, channel, root, &text),
            None => self.fake.say(person, channel, &text),
        };
        said.map(|ts| ts.to_string())
    }

    fn cancel(&self, person: &str, spot: &str, job: &str) -> Result<String, PersonError> {
        let line = format!("cancel {job}");
        match of_spot(spot) {
            (_, Some(_)) => self.mention(person, spot, &line),
            (channel, None) => self.command(person, channel, &line),
        }
    }

    /// The first words that this person alone was told since, other than that it was heard.
    fn answered(&self, person: &str, event: &str) -> Answered {
        let Some(asked) = self.fake.interaction(event) else { return Answered::Nothing };
        let world = self.fake.world();
        let is_for_them = |message: &&wilco_sim::slack::Message| {
            let direct = world.direct(&self.team, person).is_some_and(|direct| direct == message.channel);
            let told = message.only_for.as_deref() == Some(person) || (direct && message.author != person);
            let of_others = OF_OTHER_ACTS.iter().any(|begins| message.shown().words().starts_with(begins));
            told && message.ts > asked.shown && !of_others
        };
        let notes: Vec<String> =
            world.messages.values().filter(is_for_them).map(|message| message.shown().words()).collect();
        let more = notes.iter().find(|note| !note.starts_with("Heard"));
        match more.or(notes.first()) {
            Some(note) => Answered::Note(note.clone()),
            None if asked.failed => Answered::Failed,
            None => Answered::Nothing,
        }
    }

    fn is_fresh(&self, event: &str, within: Duration) -> bool {
        match self.fake.interaction(event) {
            Some(act) => !act.failed && self.clock.monotonic().saturating_sub(act.at) < within,
            // A mention: its name says when it was written.
            None => Ts::read(event).is_some_and(|ts| {
                let written = i64::try_from(ts.0 / 1_000).unwrap_or(0);
                self.clock.now().since(wilco_core::Timestamp(written)) < within
            }),
        }
    }

    fn died(&self) {
        self.deaths.note(self.clock.monotonic());
    }

    fn is_orphaned(&self, event: &str) -> bool {
        self.fake.interaction(event).is_some_and(|act| self.deaths.any_since(act.at))
    }

    fn under_way(&self) -> usize {
        self.fake.unacknowledged()
    }

    fn report(&self) -> String {
        let counts = self.fake.socket_counts();
        format!("{counts:?}, {} envelopes are not acknowledged", self.fake.unacknowledged())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_to_play_with_has_the_shortcut_that_the_bot_listens_for() {
        let wanted = Wanted { files: false, groups: false, join: false, assistant: false };
        let manifest = manifest(wanted);
        let shortcuts = manifest["features"]["shortcuts"].as_array().expect("the app has shortcuts");
        let of_messages = shortcuts.iter().find(|one| one["type"] == "message").expect("one for messages");
        let (name, callback) = wilco_sim::slack::CANCEL_SHORTCUT;
        assert_eq!((&of_messages["name"], &of_messages["callback_id"]), (&name.into(), &callback.into()));
    }
}
