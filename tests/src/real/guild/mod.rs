//! A guild on the fake Discord, and its people: they give commands, mention the bot, press and answer. What Discord
//! tells them that nobody has taken they give again, and nothing else.

mod count;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use wilco_core::{Clock, EnvelopeKind};
use wilco_sim::clock::MachineClock;
use wilco_sim::discord::interactions::Interaction;
use wilco_sim::discord::{FakeDiscord, Fault, Id, LimitScope, PersonError, Rule, Settings, Shown};
use wilco_sim::{Chaos, Draw};

use super::crowd::Form;
use super::kinds::GO_ON;
use super::wait;

/// How often people look.
const LOOK: Duration = Duration::from_millis(40);
/// How long somebody who pressed waits to see something of it before pressing again.
const PATIENCE: Duration = Duration::from_secs(4);
/// How long somebody looks at "is thinking…". Discord ends it after fifteen minutes, for which no test waits.
const THINKS: Duration = Duration::from_secs(30);
/// Discord takes one session in 5 s; the fake is not as exact as to refuse one for what travels faster than the last.
const IDENTIFY_PACE: Duration = Duration::from_secs(4);
/// Among how many calls the scripted faults are scattered.
const SCATTER: u64 = 30;

/// How something is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// By a slash command.
    Command,
    /// By a message that mentions the bot. It is said once: Discord keeps it, so nobody has a reason to repeat it.
    Mention,
}

/// What became of a request, as far as its person knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// Nothing yet.
    Nothing,
    /// It was accepted.
    Accepted,
    /// It was not, or nobody knows; either way it has to be given again.
    Again,
}

/// One request: an event of its own on Discord.
#[derive(Clone, Debug)]
struct Request {
    /// Stands in everything that its job says.
    tag: String,
    form: Form,
    way: Way,
    person: Id,
    place: Id,
    event: Id,
    told: Told,
}

/// What somebody wants; it is asked for until it is accepted.
#[derive(Clone, Debug)]
struct Wish {
    form: Form,
    way: Way,
    /// The channel, where it is to be a certain one.
    place: Option<Id>,
    /// The last of its requests.
    last: Option<usize>,
}

/// A Discord with one guild, and everybody in it.
pub struct Guild {
    /// The Discord. It lives in this process, so it outlives every bot.
    pub fake: FakeDiscord,
    clock: Arc<MachineClock>,
    api: String,
    guild: Id,
    crew: Id,
    people: Vec<Id>,
    channels: Vec<Id>,
    wishes: Vec<Wish>,
    requests: Vec<Request>,
    /// What was last done to a message, or to the job of a request.
    acts: BTreeMap<Id, Id>,
    /// The messages that say for ever that the application did not respond.
    unanswered: BTreeSet<Id>,
    wrong: Vec<String>,
}

impl Guild {
    /// A guild of three people of the crew, with two channels.
    ///
    /// # Panics
    /// When there is no port for it.
    pub async fn open() -> Self {
        let clock = Arc::new(MachineClock::start());
        let settings = Settings { identify_pace: IDENTIFY_PACE, ..Settings::default() };
        let fake = FakeDiscord::new(settings, Arc::clone(&clock) as Arc<dyn Clock>);
        // Whoever owns the guild does not take part: everybody else has their rights by a role alone.
        let owner = fake.add_person("owner");
        let guild = fake.add_guild("Workshop", owner);
        let crew = fake.add_role(guild, "crew", 0);
        let people = ["ana", "bo", "cleo"].map(|name| {
            let person = fake.add_person(name);
            fake.join(guild, person);
            fake.give_role(guild, person, crew);
            person
        });
        let channels = ["ops", "general"].map(|name| fake.add_channel(guild, name)).to_vec();
        let api = fake.spawn().await.expect("a port for the fake Discord");
        Self {
            fake,
            clock,
            api,
            guild,
            crew,
            people: people.to_vec(),
            channels,
            wishes: Vec::new(),
            requests: Vec::new(),
            acts: BTreeMap::new(),
            unanswered: BTreeSet::new(),
            wrong: Vec::new(),
        }
    }

    /// What stands in the configuration of a bot that is connected here. The token belongs into its environment.
    pub fn config(&self) -> String {
        format!(
            "[web]\nenabled = false\n[followups]\nmin = \"1s\"\n[discord]\napi = \"{}\"\nguild = \"{}\"\n\
             [[access]]\naccount = \"discord\"\nrole = \"{}\"\ngrant = \"operator\"\n",
            self.api, self.guild, self.crew
        )
    }

    /// Bad weather: one call in fifty goes wrong by chance, and faults of each kind happen once. The one scope that is
    /// left out is that of the address: after it wilco keeps silent for ten minutes, which no test waits for.
    pub fn storm(&self, draw: &mut Draw) {
        self.fake.chaos(Some(Chaos::mild(draw.below(1 << 32))));
        let limited = |millis, scope| Fault::RateLimited { millis, scope };
        for fault in [
            limited(400, LimitScope::User),
            limited(400, LimitScope::Shared),
            limited(400, LimitScope::Global),
            Fault::Refused { status: 500, code: 0, message: "500: Internal Server Error".to_owned() },
            Fault::Lost,
            Fault::Dropped,
            Fault::Slow { millis: 700 },
            Fault::HalfAnswer,
            Fault::Html { status: 502, applied: false },
            Fault::Html { status: 503, applied: true },
        ] {
            self.fake.fault(Rule::new(fault).after(u32::try_from(draw.below(SCATTER)).unwrap_or(0)));
        }
    }

    /// How many sessions of the gateway have begun so far.
    pub fn sessions(&self) -> u64 {
        self.fake.gateway_counts().identifies
    }

    /// A channel in which nobody has ever spoken.
    pub fn new_channel(&mut self) -> Id {
        self.fake.add_channel(self.guild, &format!("quiet-{}", self.wishes.len()))
    }

    /// Somebody wants something. It is asked for as soon as that can be done.
    pub fn want(&mut self, form: Form, way: Way, place: Option<Id>) {
        self.wishes.push(Wish { form, way, place, last: None });
    }

    /// Lives on: asks, answers and presses, until it is dropped.
    pub async fn live(&mut self) {
        loop {
            self.turn();
            wait::pause(LOOK).await;
        }
    }

    /// One look around by everybody.
    pub fn turn(&mut self) {
        for at in 0..self.wishes.len() {
            match self.wishes[at].last {
                Some(last) => self.hears(last),
                None => self.asks(at),
            }
            if let Some(last) = self.wishes[at].last
                && self.requests[last].told == Told::Again
            {
                self.asks(at);
            }
        }
        for shown in self.fake.snapshot() {
            self.acts_on(&shown);
            if shown.loading {
                self.tires_of(&shown);
            }
        }
    }

    /// A deferral of a process that died before anything was stored: Discord ends it, and its person gives it again.
    fn tires_of(&mut self, shown: &Shown) {
        let asked = self.fake.world().messages.get(&shown.id).and_then(|message| message.interaction);
        let asked = asked.and_then(|id| self.fake.interaction(id));
        if let Some(asked) = asked.filter(|asked| self.clock.monotonic().saturating_sub(asked.at) > THINKS) {
            self.fake.expire(asked.id);
            self.unanswered.insert(shown.id);
        }
    }

    fn asks(&mut self, at: usize) {
        let Wish { form, way, place, last } = self.wishes[at];
        // What was written before the bot was ever there nobody has promised to read, and nobody gives commands to it.
        // Who was told that nobody answered looks whether it is there before giving one again.
        if self.sessions() == 0 || (last.is_some() && self.fake.listening() == 0) {
            return;
        }
        let number = self.requests.len();
        let (tag, person) = (format!("t{number}"), self.people[number % self.people.len()]);
        let place = place.unwrap_or_else(|| self.place_for(form, &tag, person, number));
        let line = form.line(&tag);
        let given = match way {
            Way::Command => self.types(person, place, &line),
            Way::Mention => self.fake.say(person, place, &format!("<@{}> {line}", self.fake.bot())),
        };
        let event = given.expect("everybody may speak and use commands there");
        let told = if way == Way::Mention { Told::Accepted } else { Told::Nothing };
        self.requests.push(Request { tag, form, way, person, place, event, told });
        self.wishes[at].last = Some(number);
    }

    /// A thread of its own for what somebody has to steer, and now and then for something else.
    fn place_for(&self, form: Form, tag: &str, person: Id, number: usize) -> Id {
        let channel = self.channels[number % self.channels.len()];
        if !is_steered(form) && !number.is_multiple_of(3) {
            return channel;
        }
        self.fake.start_thread(person, channel, None, tag, false).expect("everybody may begin threads")
    }

    /// Types a line as a slash command, with what stands in it as the options.
    fn types(&self, person: Id, place: Id, line: &str) -> Result<Id, PersonError> {
        let (verb, rest) = line.trim_start_matches('/').split_once(' ').unwrap_or((line, ""));
        match verb {
            "run" => {
                let (worker, text) = rest.split_once(' ').unwrap_or((rest, ""));
                self.fake.slash(person, place, verb, &[("worker", json!(worker)), ("text", json!(text))])
            }
            "followup" => {
                let (when, text) = rest.split_once(" result").unwrap_or((rest, ""));
                let text = format!("result{text}");
                self.fake.slash(person, place, verb, &[("when", json!(when)), ("text", json!(text))])
            }
            _ => Err(PersonError(format!("nobody here types {line:?}"))),
        }
    }

    /// Reads what Discord or the bot has answered.
    fn hears(&mut self, at: usize) {
        let request = &self.requests[at];
        if request.told != Told::Nothing {
            return;
        }
        let Some(interaction) = self.fake.interaction(request.event) else { return };
        let note = self.note(&interaction);
        let told = match note.as_deref() {
            None if interaction.failed(self.clock.monotonic()) => Told::Again,
            None => Told::Nothing,
            Some("") if !interaction.lives(self.clock.monotonic()) => Told::Again,
            Some(note) if note.is_empty() || note.starts_with("Heard") => Told::Nothing,
            Some(note) if note.starts_with("Accepted") => Told::Accepted,
            Some(note) if note.starts_with("Not accepted: the store") || note.starts_with("The bot was") => Told::Again,
            Some(note) if request.form == Form::Later && !note.starts_with("Not ") => Told::Accepted,
            Some(note) => {
                self.wrong.push(format!("{} was answered {note:?}", request.tag));
                Told::Accepted
            }
        };
        self.requests[at].told = told;
    }

    /// The words of the private note that answers an interaction.
    fn note(&self, interaction: &Interaction) -> Option<String> {
        let world = self.fake.world();
        let message = world.messages.get(&interaction.original?)?;
        Some(if message.loading { String::new() } else { message.shown().content.clone() })
    }

    /// Answers a question, or stops what is to be stopped.
    fn acts_on(&mut self, shown: &Shown) {
        if !shown.by_bot || shown.deleted || shown.only_for.is_some() {
            return;
        }
        let Some(request) = self.requests.iter().find(|one| one.place == shown.channel && is_steered(one.form)) else {
            return;
        };
        let person = request.person;
        let button = match (shown.kind, request.form) {
            (Some(EnvelopeKind::Question), _) => Some(GO_ON),
            (Some(EnvelopeKind::Stub | EnvelopeKind::Progress), Form::Cancelled) => None,
            (Some(EnvelopeKind::Stub), Form::Pressed) => Some("Cancel"),
            // It may be seen at work for a moment before somebody has enough of it.
            (Some(EnvelopeKind::Progress), Form::Pressed | Form::Spin) => Some("Cancel"),
            _ => return,
        };
        if self.acts.get(&shown.id).is_some_and(|act| self.is_fresh(*act)) {
            return;
        }
        let act = match (button, &shown.job) {
            (Some(label), _) => self.fake.press(person, shown.id, label),
            (None, Some(job)) => self.fake.slash(person, shown.channel, "cancel", &[("job", json!(job))]),
            (None, None) => return,
        };
        // The message may show something else by now; then nobody can press it.
        if let Ok(act) = act {
            self.acts.insert(shown.id, act);
        }
    }

    /// Whether it is too early to do the same again.
    fn is_fresh(&self, act: Id) -> bool {
        let now = self.clock.monotonic();
        self.fake.interaction(act).is_some_and(|act| !act.failed(now) && now.saturating_sub(act.at) < PATIENCE)
    }
}

/// Whether somebody has to do something about it, which is why it gets a thread of its own.
fn is_steered(form: Form) -> bool {
    matches!(form, Form::Asks | Form::Cancelled | Form::Pressed | Form::Spin | Form::Left)
}
