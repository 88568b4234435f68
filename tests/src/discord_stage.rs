//! The stage of scripts over a Discord: a guild named Workshop.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use wilco_core::desk::Desk;
use wilco_core::random::Dice;
use wilco_core::{Clock, EnvelopeKind, Shelf};
use wilco_discord::{Discord, Secret, commands};
use wilco_sim::discord::{FakeDiscord, Id, Op, Rule, Settings};

use crate::puppet::Run;
use crate::socket_stage::{Builder, House, SocketStage};

/// The stage of scripts over a Discord.
pub type DiscordStage = SocketStage<Workshop>;

/// A guild, and how a bot is connected to it.
pub struct Workshop {
    /// What people see, and the fault script.
    pub fake: FakeDiscord,
    /// The guild.
    pub guild: Id,
    api: String,
    message_content: bool,
}

/// What scripts may choose.
#[derive(Default)]
pub struct Choice {
    limited: bool,
    message_content: bool,
}

impl Builder<Workshop> {
    /// A Discord that refuses what comes too fast.
    #[must_use]
    pub fn limited(mut self) -> Self {
        self.options.limited = true;
        self
    }

    /// With the intent for the text of messages that do not mention the bot.
    #[must_use]
    pub fn message_content(mut self) -> Self {
        self.options.message_content = true;
        self
    }
}

#[async_trait]
impl House for Workshop {
    type Fake = FakeDiscord;
    type Adapter = Discord;
    type Options = Choice;

    const ACCOUNT: &'static str = "discord";
    const PACE: u64 = 0;

    async fn build(options: Choice, people: &[String], clock: Arc<dyn Clock>) -> Self {
        let fake = FakeDiscord::new(Settings { limits: options.limited, ..Settings::default() }, clock);
        let everybody: Vec<Id> = people.iter().map(|name| fake.add_person(name)).collect();
        let host = fake.add_person("host");
        let guild = fake.add_guild("Workshop", host);
        for person in everybody {
            fake.join(guild, person);
        }
        for channel in ["general", "ops"] {
            fake.add_channel(guild, channel);
        }
        let api = fake.spawn().await.expect("a port is free");
        Self { fake, guild, api, message_content: options.message_content }
    }

    fn fake(&self) -> &FakeDiscord {
        &self.fake
    }

    async fn connect(&self, shelf: Arc<dyn Shelf>, clock: Arc<dyn Clock>, dice: Arc<Dice>) -> Arc<Discord> {
        let options = wilco_discord::Options {
            api: self.api.clone(),
            message_content: self.message_content,
            ..wilco_discord::Options::new(Self::ACCOUNT, Secret::new(self.fake.token()))
        };
        let discord = Discord::new(options, shelf, clock, dice).expect("the adapter is built");
        commands::sync(&discord).await.expect("the commands are registered");
        discord
    }

    fn attach(adapter: &Discord, desk: Arc<dyn Desk>) {
        adapter.attach(desk);
    }
}

impl DiscordStage {
    /// Somebody of the stage.
    pub fn person(&self, name: &str) -> Id {
        self.fake.person_named(name).unwrap_or_else(|| panic!("nobody is called {name}"))
    }

    /// A channel or thread by its name; `@ana` is the direct message with Ana.
    pub fn channel(&self, name: &str) -> Id {
        if let Some(person) = name.strip_prefix('@') {
            return self.fake.direct(self.person(person));
        }
        self.fake.channel_named(name).unwrap_or_else(|| panic!("there is no channel {name}"))
    }

    /// A person begins a thread in a channel.
    pub async fn thread(&self, name: &str, channel: &str, thread: &str, private: bool) -> Id {
        let begun = self.fake.start_thread(self.person(name), self.channel(channel), None, thread, private);
        let id = begun.expect("threads can be begun there");
        self.moment().await;
        id
    }

    /// A person uses a slash command and is answered.
    pub async fn slash(&self, name: &str, channel: &str, command: &str, options: &[(&str, &str)]) {
        let typed: Vec<(&str, Value)> = options.iter().map(|(name, value)| (*name, read(value))).collect();
        let asked = self.fake.slash(self.person(name), self.channel(channel), command, &typed);
        self.answered(&asked.unwrap_or_else(|why| panic!("/{command}: {why}")).to_string()).await;
    }

    /// What a person is offered while they type in an option.
    pub async fn typing(&self, name: &str, channel: &str, command: &str, option: &str, typed: &str) -> Vec<String> {
        let asked = self.fake.type_in(self.person(name), self.channel(channel), command, option, typed);
        let id = asked.expect("the option gives suggestions");
        self.until("suggestions", |stage| stage.fake.interaction(id).is_some_and(|one| one.choices.is_some())).await;
        let choices = self.fake.interaction(id).and_then(|one| one.choices).unwrap_or_default();
        choices.as_array().into_iter().flatten().filter_map(|one| one["name"].as_str().map(str::to_owned)).collect()
    }

    /// A person writes; `@wilco` mentions the bot.
    pub async fn says(&self, name: &str, channel: &str, text: &str) {
        let text = text.replace("@wilco", &format!("<@{}>", self.fake.bot()));
        self.fake.say(self.person(name), self.channel(channel), &text).expect("one can write there");
        self.moment().await;
    }

    /// Starts a job of the scripted kind by a slash command and takes hold of it.
    pub async fn runs(&self, name: &str, channel: &str) -> Run {
        self.slash(name, channel, "run", &[("worker", "report")]).await;
        self.taken().await
    }

    /// Discord misbehaves.
    pub fn fault(&self, rule: Rule) {
        self.fake.fault(rule);
    }

    /// How often the bot has made a call.
    pub fn calls(&self, op: Op, kind: EnvelopeKind) -> usize {
        self.fake.log().iter().filter(|call| call.op == Some(op) && call.kind == Some(kind)).count()
    }
}

/// An option as Discord's client sends it: numbers and flags are no text.
fn read(value: &str) -> Value {
    match value {
        "true" => Value::from(true),
        "false" => Value::from(false),
        _ => value.parse::<u32>().map_or_else(|_| Value::from(value), Value::from),
    }
}
