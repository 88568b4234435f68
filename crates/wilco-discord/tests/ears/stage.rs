//! What stands around the ears: the fake Discord, a clock, a shelf, an inbox and a desk.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wilco_core::random::Dice;
use wilco_core::{Clock, Inbound, Inbox, ListenEnd, Messaging, Shelf, What};
use wilco_discord::{Discord, Options, Secret, commands};
use wilco_sim::MemoryShelf;
use wilco_sim::clock::HandClock;
use wilco_sim::discord::{FakeDiscord, Id, Op, Settings};

use super::house::Memory;

/// After so much real time a test hangs.
const HANGS: Duration = Duration::from_secs(30);

/// The fake Discord with `ana` and `bo` in a guild, and one process of the bot after another.
pub(crate) struct Stage {
    pub(crate) fake: FakeDiscord,
    pub(crate) clock: Arc<HandClock>,
    pub(crate) shelf: Arc<MemoryShelf>,
    pub(crate) inbox: Arc<Memory>,
    pub(crate) discord: Arc<Discord>,
    pub(crate) options: Options,
    pub(crate) guild: Id,
    pub(crate) general: Id,
    pub(crate) ops: Id,
    pub(crate) ana: Id,
    pub(crate) bo: Id,
    /// How listening ended, each time.
    pub(crate) ends: Arc<Mutex<Vec<ListenEnd>>>,
    stop: CancellationToken,
    listening: Option<JoinHandle<()>>,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::with(Settings { limits: false, ..Settings::default() }).await
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        let clock = HandClock::new();
        let fake = FakeDiscord::new(settings, Arc::clone(&clock) as Arc<dyn Clock>);
        let (ana, bo) = (fake.add_person("ana"), fake.add_person("bo"));
        let guild = fake.add_guild("Workshop", ana);
        fake.join(guild, bo);
        let (general, ops) = (fake.add_channel(guild, "general"), fake.add_channel(guild, "ops"));
        let api = fake.spawn().await.unwrap();
        let options = Options { api, ..Options::new("discord", Secret::new(fake.token())) };
        let shelf = Arc::new(MemoryShelf::default());
        let discord = process(&options, &shelf, &clock);
        Self {
            fake,
            clock,
            shelf,
            inbox: Arc::default(),
            discord,
            options,
            guild,
            general,
            ops,
            ana,
            bo,
            ends: Arc::default(),
            stop: CancellationToken::new(),
            listening: None,
        }
    }

    /// A stage on which commands are registered and the bot listens.
    pub(crate) async fn listening() -> Self {
        let mut stage = Self::new().await;
        commands::sync(&stage.discord).await.unwrap();
        stage.listen();
        stage.until_listening().await;
        stage
    }

    /// A stage on which the bot listens, without its commands.
    pub(crate) async fn hearing() -> Self {
        let mut stage = Self::new().await;
        stage.listen();
        stage.until_listening().await;
        stage
    }

    /// A stage on which the bot was spoken to and has taken it; then it was killed.
    pub(crate) async fn spoken_to_and_killed() -> Self {
        let mut stage = Self::hearing().await;
        stage.mention(stage.bo, stage.general, "before");
        stage.taken(1).await;
        stage.until_a_heartbeat().await;
        stage.kill().await;
        stage
    }

    /// Somebody speaks to the bot.
    pub(crate) fn mention(&self, person: Id, channel: Id, text: &str) -> Id {
        self.fake.say(person, channel, &format!("<@{}> {text}", self.fake.bot())).unwrap()
    }

    /// Waits for a heartbeat, which keeps until when events were heard.
    pub(crate) async fn until_a_heartbeat(&self) {
        let beats = self.fake.gateway_counts().heartbeats;
        let beaten = |fake: &FakeDiscord| fake.gateway_counts().heartbeats > beats;
        self.advance_until("a heartbeat", Duration::from_secs(5), beaten).await;
        self.settle().await;
    }

    /// The next process begins, as soon as Discord lets a session begin again.
    pub(crate) fn begins_again(&mut self) {
        self.advance(Duration::from_secs(5));
        self.listen();
    }

    /// Listens as the bot does: again after a lost connection, without its pauses.
    pub(crate) fn listen(&mut self) {
        self.stop = CancellationToken::new();
        let (discord, stop, ends) = (Arc::clone(&self.discord), self.stop.clone(), Arc::clone(&self.ends));
        let inbox = Arc::clone(&self.inbox) as Arc<dyn Inbox>;
        self.listening = Some(tokio::spawn(async move {
            for _ in 0..50 {
                let end = discord.listen(Arc::clone(&inbox), stop.clone()).await;
                let lost = matches!(end, ListenEnd::Lost(_));
                ends.lock().unwrap().push(end);
                if !lost {
                    return;
                }
            }
        }));
    }

    /// Stops listening in good order.
    pub(crate) async fn stop(&mut self) {
        self.stop.cancel();
        let listening = self.listening.take().unwrap();
        self.patiently("the end of listening", listening).await.unwrap();
    }

    /// Kills the process, whatever it was doing, and prepares the next one over the same shelf. Discord has noticed it.
    pub(crate) async fn kill(&mut self) {
        let listening = self.listening.take().unwrap();
        listening.abort();
        assert!(listening.await.unwrap_err().is_cancelled());
        self.inbox = Arc::default();
        self.discord = process(&self.options, &self.shelf, &self.clock);
        self.until("the end of the connection", |fake| fake.listening() == 0).await;
    }

    /// Moves time.
    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// Moves time in small steps until something of the fake holds.
    pub(crate) async fn advance_until(&self, what: &str, step: Duration, holds: impl Fn(&FakeDiscord) -> bool) {
        for _ in 0..400 {
            if holds(&self.fake) {
                return;
            }
            self.advance(step);
            self.settle().await;
        }
        panic!("never: {what}; {}", self.told());
    }

    /// What the fake and the listener know, for the words of a test that failed.
    fn told(&self) -> String {
        let (ends, counts) = (self.ends.lock().unwrap(), self.fake.gateway_counts());
        let (deviations, transcript) = (self.fake.deviations(), self.fake.whole_transcript());
        let offered = self.inbox.offered();
        format!("offered {offered:?}, ends {ends:?}, counts {counts:?}, deviations {deviations:?}\n{transcript}")
    }

    /// Lets everything run that can run now: a few turns of the sockets, through the system and back.
    pub(crate) async fn settle(&self) {
        wilco_sim::clock::sockets_run(100).await.unwrap();
    }

    #[allow(clippy::disallowed_methods, reason = "a test that hangs has failed")]
    async fn patiently<T>(&self, what: &str, future: impl Future<Output = T>) -> T {
        match tokio::time::timeout(HANGS, future).await {
            Ok(value) => value,
            Err(_) => panic!("never: {what}; {}", self.told()),
        }
    }

    /// Waits until something of the fake holds. It is looked at again after every few turns of the sockets, because
    /// looking at the world wakes whoever waits for a change of it.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&FakeDiscord) -> bool) {
        let looking = async {
            while !holds(&self.fake) {
                self.settle().await;
            }
        };
        self.patiently(what, looking).await;
    }

    pub(crate) async fn until_listening(&self) {
        self.until("a session", |fake| fake.listening() > 0).await;
        // The guild arrives right after it.
        self.settle().await;
    }

    /// Waits until so many events were taken; all of them.
    pub(crate) async fn taken(&self, count: usize) -> Vec<Inbound> {
        self.patiently("events in the inbox", self.inbox.until(|inbox| inbox.taken().len() >= count)).await;
        self.inbox.taken()
    }

    /// Waits until something was offered, whether or not it is taken.
    pub(crate) async fn offered(&self, count: usize) {
        self.patiently("events at the inbox", self.inbox.until(|inbox| inbox.offered().len() >= count)).await;
    }

    /// Waits until listening ended in a way.
    pub(crate) async fn ended(&self, is: impl Fn(&ListenEnd) -> bool) -> ListenEnd {
        let wait = async {
            loop {
                let found = self.ends.lock().unwrap().iter().find(|end| is(end)).cloned();
                if let Some(found) = found {
                    return found;
                }
                self.settle().await;
            }
        };
        self.patiently("an end of listening", wait).await
    }

    /// What a person reads as the answer to an interaction; none while there is none.
    pub(crate) fn answer(&self, interaction: Id) -> Option<String> {
        let original = self.fake.interaction(interaction)?.original?;
        let world = self.fake.world();
        let message = world.messages.get(&original)?;
        message.stands().then(|| message.shown().content.clone())
    }

    /// Waits until the answer to an interaction says something.
    pub(crate) async fn until_answer(&self, interaction: Id, says: &str) -> String {
        self.until(&format!("an answer that says {says:?}"), |_| {
            self.answer(interaction).is_some_and(|text| text.contains(says))
        })
        .await;
        self.answer(interaction).unwrap()
    }

    /// Everything that stands in a channel and was written by the bot.
    pub(crate) fn said(&self, channel: Id) -> Vec<String> {
        let world = self.fake.world();
        let own = world.standing(channel).filter(|message| message.author == world.bot && message.only_for.is_none());
        own.map(|message| message.shown().content.clone()).collect()
    }

    pub(crate) fn calls(&self, op: Op) -> usize {
        self.fake.calls(op)
    }

    /// Nothing of what was sent was other than Discord's description says.
    #[track_caller]
    pub(crate) fn no_deviations(&self) {
        let deviations = self.fake.deviations();
        assert!(deviations.is_empty(), "{deviations:#?}");
    }
}

pub(crate) fn process(options: &Options, shelf: &Arc<MemoryShelf>, clock: &Arc<HandClock>) -> Arc<Discord> {
    let shelf = Arc::clone(shelf) as Arc<dyn Shelf>;
    Discord::new(options.clone(), shelf, Arc::clone(clock) as Arc<dyn Clock>, Arc::new(Dice::seeded(7))).unwrap()
}

/// The text of what was done, for short assertions.
pub(crate) fn what(inbound: &Inbound) -> String {
    match &inbound.what {
        What::Command(command) => format!("/{}", command.spec().verb),
        What::Said(text) => text.clone(),
        What::Press { press, .. } => press.encode(),
    }
}
