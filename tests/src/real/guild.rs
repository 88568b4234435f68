//! A guild on the fake Discord.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use wilco_core::Clock;
use wilco_sim::clock::MachineClock;
use wilco_sim::discord::interactions::Interaction;
use wilco_sim::discord::{FakeDiscord, Fault, GatewayFault, Id, LimitScope, Rule, Settings};
use wilco_sim::{Chaos, Draw, PersonError};

use super::deaths::Deaths;
use super::folk::{Answered, Ground, Way};

/// Discord takes one session in 5 s; the fake is not as exact as to refuse one for what travels faster than the last.
const IDENTIFY_PACE: Duration = Duration::from_secs(4);
/// How long somebody looks at "is thinking…" whose process has died: long enough for the next one to end it. Discord does
/// so after fifteen minutes.
const THINKS: Duration = Duration::from_secs(30);
/// Among how many calls the scripted faults are scattered.
const SCATTER: u64 = 30;

/// A Discord with one guild, and people with a role in it.
pub struct Guild {
    fake: FakeDiscord,
    clock: Arc<MachineClock>,
    api: String,
    guild: Id,
    crew: Id,
    people: [Id; 3],
    channels: [Id; 2],
    deaths: Deaths,
}

fn id(text: &str) -> Id {
    text.parse().unwrap_or_default()
}

impl Guild {
    /// The words of the private note that answers an interaction.
    fn note(&self, interaction: &Interaction) -> Option<String> {
        let world = self.fake.world();
        let message = world.messages.get(&interaction.original?)?;
        Some(if message.loading { String::new() } else { message.shown().content.clone() })
    }
}

impl Ground for Guild {
    type Fake = FakeDiscord;

    const NAME: &'static str = "Discord";
    const NOTES_CHANGE: bool = true;

    async fn open() -> Self {
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
        let channels = ["ops", "general"].map(|name| fake.add_channel(guild, name));
        let api = fake.spawn().await.expect("a port for the fake Discord");
        Self { fake, clock, api, guild, crew, people, channels, deaths: Deaths::default() }
    }

    fn fake(&self) -> &FakeDiscord {
        &self.fake
    }

    fn config(&self) -> String {
        format!(
            "[web]\nenabled = false\n[followups]\nmin = \"1s\"\n[discord]\napi = \"{}\"\nguild = \"{}\"\n\
             [[access]]\naccount = \"discord\"\nrole = \"{}\"\ngrant = \"operator\"\n",
            self.api, self.guild, self.crew
        )
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        vec![("DISCORD_BOT_TOKEN", self.fake.token())]
    }

    fn before(&self) -> &'static [&'static str] {
        &["commands", "sync"]
    }

    /// The one scope that is left out is that of the address: after it wilco keeps silent for ten minutes, which no test
    /// waits for.
    fn storm(&self, draw: &mut Draw) {
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

    fn begun(&self) -> u64 {
        self.fake.gateway_counts().identifies
    }

    fn cut(&self) {
        self.fake.gateway_now(&GatewayFault::Drop);
    }

    fn new_channel(&self, name: &str) -> String {
        self.fake.add_channel(self.guild, name).to_string()
    }

    fn person(&self, number: usize) -> String {
        self.people[number % self.people.len()].to_string()
    }

    fn place(&self, _: Way, apart: bool, tag: &str, person: &str, number: usize) -> String {
        let channel = self.channels[number % self.channels.len()];
        if !apart {
            return channel.to_string();
        }
        let begun = self.fake.start_thread(id(person), channel, None, tag, false);
        begun.expect("everybody may begin threads").to_string()
    }

    /// Typed as a slash command, with what stands in the line as its options.
    fn command(&self, person: &str, spot: &str, line: &str) -> Result<String, PersonError> {
        let (verb, rest) = line.trim_start_matches('/').split_once(' ').unwrap_or((line, ""));
        let options = match verb {
            "run" => {
                let (worker, text) = rest.split_once(' ').unwrap_or((rest, ""));
                [("worker", json!(worker)), ("text", json!(text))]
            }
            "followup" => {
                let (when, text) = rest.split_once(" result").unwrap_or((rest, ""));
                [("when", json!(when)), ("text", json!(format!("result{text}")))]
            }
            _ => return Err(PersonError(format!("nobody here types {line:?}"))),
        };
        self.fake.slash(id(person), id(spot), verb, &options).map(|id| id.to_string())
    }

    fn mention(&self, person: &str, spot: &str, line: &str) -> Result<String, PersonError> {
        let text = format!("<@{}> {line}", self.fake.bot());
        self.fake.say(id(person), id(spot), &text).map(|id| id.to_string())
    }

    fn cancel(&self, person: &str, spot: &str, job: &str) -> Result<String, PersonError> {
        self.fake.slash(id(person), id(spot), "cancel", &[("job", json!(job))]).map(|id| id.to_string())
    }

    fn answered(&self, _: &str, event: &str) -> Answered {
        let Some(interaction) = self.fake.interaction(id(event)) else { return Answered::Nothing };
        let note = self.note(&interaction);
        match note {
            Some(note) if note.is_empty() && !interaction.lives(self.clock.monotonic()) => Answered::Failed,
            Some(note) => Answered::Note(note),
            None if interaction.failed(self.clock.monotonic()) => Answered::Failed,
            None => Answered::Nothing,
        }
    }

    fn is_fresh(&self, event: &str, within: Duration) -> bool {
        let now = self.clock.monotonic();
        let fresh = |act: Interaction| !act.failed(now) && now.saturating_sub(act.at) < within;
        self.fake.interaction(id(event)).is_some_and(fresh)
    }

    fn died(&self) {
        self.deaths.note(self.clock.monotonic());
    }

    fn is_orphaned(&self, event: &str) -> bool {
        self.fake.interaction(id(event)).is_some_and(|act| self.deaths.any_since(act.at))
    }

    fn hasten(&self) {
        let now = self.clock.monotonic();
        for shown in self.fake.snapshot().iter().filter(|shown| shown.loading) {
            let asked = self.fake.world().messages.get(&shown.id).and_then(|message| message.interaction);
            let asked = asked.and_then(|id| self.fake.interaction(id));
            // What a living process has deferred it has to end, however long that takes.
            let left = |asked: &Interaction| now.saturating_sub(asked.at) > THINKS && self.deaths.any_since(asked.at);
            if let Some(asked) = asked.filter(left) {
                self.fake.expire(asked.id);
            }
        }
    }

    fn report(&self) -> String {
        format!("{:?}, closed with {:?}", self.fake.gateway_counts(), self.fake.closes())
    }
}
