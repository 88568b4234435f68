//! The stage of scripts over a Slack: a workspace named Workshop.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use wilco_core::desk::Desk;
use wilco_core::random::Dice;
use wilco_core::{Clock, EnvelopeKind, Shelf};
use wilco_sim::slack::{FakeSlack, Id, Op, Rule, Settings, Ts};
use wilco_slack::manifest::{Wanted, manifest};
use wilco_slack::{COMMAND, Options, Secret, Slack};

use crate::fake::{of_spot, spot};
use crate::puppet::Run;
use crate::socket_stage::{Builder, House, SocketStage};

/// The stage of scripts over a Slack.
pub type SlackStage = SocketStage<Workshop>;

/// A workspace, and how a bot is connected to it.
pub struct Workshop {
    /// What people see, and the fault script.
    pub fake: FakeSlack,
    /// The workspace.
    pub team: Id,
    api: String,
    connect: bool,
    /// The threads that have a name here: the words above them.
    threads: Mutex<BTreeMap<String, String>>,
}

/// What scripts may choose.
#[derive(Default)]
pub struct Choice {
    limited: bool,
    connect: bool,
}

impl Builder<Workshop> {
    /// A Slack that refuses what comes too fast.
    #[must_use]
    pub fn limited(mut self) -> Self {
        self.options.limited = true;
        self
    }

    /// A bot that lets in members of other workspaces.
    #[must_use]
    pub fn connect(mut self) -> Self {
        self.options.connect = true;
        self
    }
}

#[async_trait]
impl House for Workshop {
    type Fake = FakeSlack;
    type Adapter = Slack;
    type Options = Choice;

    const ACCOUNT: &'static str = "slack";
    const PACE: u64 = 1;

    async fn build(options: Choice, people: &[String], clock: Arc<dyn Clock>) -> Self {
        let fake = FakeSlack::new(Settings { limits: options.limited, ..Settings::default() }, clock);
        let team = fake.add_team("Workshop");
        // What the manifest forgets, the bot cannot do here either.
        let wanted = Wanted { files: true, groups: true, join: false, assistant: false };
        fake.install(&team, &manifest(wanted)).expect("Slack takes the manifest");
        for name in people {
            let person = fake.add_person(&team, name);
            // The scripts say times of day as the bot's own zone has them.
            fake.change_person(&person, |person| "Etc/UTC".clone_into(&mut person.zone));
        }
        for channel in ["general", "ops"] {
            fake.add_channel(&team, channel);
        }
        let api = fake.spawn().await.expect("a port is free");
        Self { fake, team, api, connect: options.connect, threads: Mutex::default() }
    }

    fn fake(&self) -> &FakeSlack {
        &self.fake
    }

    async fn connect(&self, shelf: Arc<dyn Shelf>, clock: Arc<dyn Clock>, dice: Arc<Dice>) -> Arc<Slack> {
        let (bot, app) = (Secret::new(self.fake.token(&self.team)), Secret::new(self.fake.app_token(&self.team)));
        let (api, connect) = (self.api.clone(), self.connect);
        let options = Options { api, connect, ..Options::new(Self::ACCOUNT, bot, app) };
        Slack::new(options, shelf, clock, dice).expect("the adapter is built")
    }

    fn attach(adapter: &Slack, desk: Arc<dyn Desk>) {
        adapter.attach(desk);
    }
}

impl SlackStage {
    /// A channel, or a thread by the words above it, as a spot; `@ana` is the direct message with Ana.
    pub fn spot(&self, name: &str) -> String {
        let threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        threads.get(name).cloned().unwrap_or_else(|| self.id_of_channel(name))
    }

    /// A person writes something in a channel under which people talk then. Its words name the thread.
    pub async fn thread(&self, name: &str, channel: &str, words: &str) -> Ts {
        let id = self.id_of_channel(channel);
        let root = self.fake.say(&self.id_of(name), &id, words).expect("one can write there");
        let known = spot(&id, Some(root));
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).insert(words.to_owned(), known);
        self.moment().await;
        root
    }

    /// A person types `/wilco …` in a channel and is answered. Slack has no commands inside threads.
    pub async fn slash(&self, name: &str, channel: &str, text: &str) {
        let asked = self.fake.slash(&self.id_of(name), &self.id_of_channel(channel), COMMAND, text);
        self.answered(&asked.unwrap_or_else(|why| panic!("{COMMAND} {text}: {why}"))).await;
    }

    /// A person writes in a channel or a thread; `@wilco` mentions the bot.
    pub async fn says(&self, name: &str, place: &str, text: &str) {
        let (person, place) = (self.id_of(name), self.spot(place));
        let (channel, thread) = of_spot(&place);
        // What is meant for the bot has to be brought to it, where it listens: a bot that is not told is not asked.
        let meant = text.contains("@wilco") || self.fake.is_direct(channel);
        let brought = (meant && self.fake.listening() > 0).then(|| self.fake.socket_counts().envelopes);
        let said = match thread {
            Some(root) => self.fake.reply(&person, channel, root, text),
            None => self.fake.say(&person, channel, text),
        };
        said.expect("one can write there");
        if let Some(before) = brought {
            self.until("it is told", |stage| stage.fake.socket_counts().envelopes > before).await;
        }
        // It is acknowledged once it is stored.
        self.heard().await;
    }

    /// Waits until nothing is on its way to the bot, where it listens.
    async fn heard(&self) {
        let heard = |stage: &Self| stage.fake.unacknowledged() == 0 || stage.fake.listening() == 0;
        self.until("it is heard", heard).await;
        self.moment().await;
    }

    /// Somebody comes into a channel, by their id, and the bot is told.
    pub async fn comes_in(&self, channel: &str, person: &str) {
        self.fake.join(&self.id_of_channel(channel), person);
        self.heard().await;
    }

    /// A person presses the nth of several buttons with one label, of the newest message that shows them.
    pub async fn presses_nth(&self, name: &str, label: &str, nth: usize) {
        let shows = |message: &wilco_sim::slack::Shown| -> Vec<String> {
            let fits = message.buttons.iter().filter(|button| button.label == label);
            fits.map(|button| button.action_id.clone()).collect()
        };
        let all = self.fake.snapshot();
        let (ts, ids) = all
            .iter()
            .rev()
            .map(|message| (message.ts, shows(message)))
            .find(|(_, ids)| ids.len() > nth)
            .unwrap_or_else(|| panic!("no message shows {label} so often"));
        let asked = self.fake.press(&self.id_of(name), ts, &ids[nth]).expect("the button can be pressed");
        self.answered(&asked).await;
    }

    /// Starts a job of the scripted kind by the slash command and takes hold of it.
    pub async fn runs(&self, name: &str, channel: &str) -> Run {
        self.slash(name, channel, "run report").await;
        self.taken().await
    }

    /// Slack misbehaves.
    pub fn fault(&self, rule: Rule) {
        self.fake.fault(rule);
    }

    /// How often the bot has made a call.
    pub fn calls(&self, op: Op, kind: EnvelopeKind) -> usize {
        self.fake.log().iter().filter(|call| call.op == Some(op) && call.kind == Some(kind)).count()
    }
}
