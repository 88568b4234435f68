//! What stands around the ears: the fake Slack, a clock, a shelf and an inbox.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wilco_core::random::Dice;
use wilco_core::shelf::ShelfError;
use wilco_core::{
    Accepted, Address, Body, Button, Clock, DeliveryKey, DeliveryOutcome, Envelope, Inbound, Inbox, ListenEnd,
    MessageRef, Messaging, ReceiptId, Shelf, Timestamp, What,
};
use wilco_sim::MemoryShelf;
use wilco_sim::clock::HandClock;
use wilco_sim::slack::{FakeSlack, Id, Op, Settings, Ts};
use wilco_slack::manifest::{Wanted, manifest};
use wilco_slack::{Options, Secret, Slack};

/// After so much real time a test hangs.
const HANGS: Duration = Duration::from_secs(30);

/// What one process has of the world: once it is killed, no time passes for it and no store answers it. Its tasks cannot
/// be found to be ended, but whatever they still wait for never comes.
struct Life<T> {
    inner: Arc<T>,
    dead: CancellationToken,
}

impl<T> Life<T> {
    fn of(inner: &Arc<T>, dead: &CancellationToken) -> Arc<Self> {
        Arc::new(Self { inner: Arc::clone(inner), dead: dead.clone() })
    }

    async fn lives(&self) {
        if self.dead.is_cancelled() {
            futures::future::pending::<()>().await;
        }
    }
}

impl Clock for Life<HandClock> {
    fn now(&self) -> Timestamp {
        self.inner.now()
    }

    fn monotonic(&self) -> Duration {
        self.inner.monotonic()
    }

    fn sleep_until(&self, at: Duration) -> BoxFuture<'static, ()> {
        let (wait, dead) = (self.inner.sleep_until(at), self.dead.clone());
        async move {
            tokio::select! {
                biased;
                () = dead.cancelled() => futures::future::pending::<()>().await,
                () = wait => {}
            }
        }
        .boxed()
    }
}

#[async_trait]
impl Shelf for Life<MemoryShelf> {
    async fn get(&self, key: &str) -> Result<Option<String>, ShelfError> {
        self.lives().await;
        self.inner.get(key).await
    }

    async fn put(&self, key: &str, value: &str) -> Result<(), ShelfError> {
        self.lives().await;
        self.inner.put(key, value).await
    }

    async fn put_new(&self, key: &str, value: &str) -> Result<bool, ShelfError> {
        self.lives().await;
        self.inner.put_new(key, value).await
    }

    async fn remove(&self, key: &str) -> Result<(), ShelfError> {
        self.lives().await;
        self.inner.remove(key).await
    }

    async fn scan(&self, prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<(String, String)>, ShelfError> {
        self.lives().await;
        self.inner.scan(prefix, after, limit).await
    }
}

/// An inbox that takes every event once, as the store does, and can be slow.
pub(crate) struct Memory {
    /// What an earlier process has stored.
    known: Vec<String>,
    taken: Mutex<Vec<Inbound>>,
    offered: Mutex<Vec<String>>,
    answers: Mutex<VecDeque<Accepted>>,
    open: watch::Sender<bool>,
    changed: Notify,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            known: Vec::new(),
            taken: Mutex::default(),
            offered: Mutex::default(),
            answers: Mutex::default(),
            open: watch::Sender::new(true),
            changed: Notify::new(),
        }
    }
}

impl Memory {
    /// The inbox of the next process over the same store.
    fn next(&self) -> Self {
        let stored = self.taken().into_iter().map(|one| one.event);
        Self { known: self.known.iter().cloned().chain(stored).collect(), ..Self::default() }
    }

    /// Everything that was taken in this process, in order.
    pub(crate) fn taken(&self) -> Vec<Inbound> {
        self.taken.lock().unwrap().clone()
    }

    /// The ids of everything that was ever offered, repetitions included.
    pub(crate) fn offered(&self) -> Vec<String> {
        self.offered.lock().unwrap().clone()
    }

    /// What the next event is answered.
    pub(crate) fn answer(&self, accepted: Accepted) {
        self.answers.lock().unwrap().push_back(accepted);
    }

    /// The store answers again.
    pub(crate) fn release(&self) {
        self.open.send_replace(true);
    }

    async fn until(&self, holds: impl Fn(&Self) -> bool) {
        loop {
            let change = self.changed.notified();
            tokio::pin!(change);
            change.as_mut().enable();
            if holds(self) {
                return;
            }
            change.await;
        }
    }
}

#[async_trait]
impl Inbox for Memory {
    async fn offer(&self, batch: Vec<Inbound>) -> Vec<Accepted> {
        self.offered.lock().unwrap().extend(batch.iter().map(|one| one.event.clone()));
        self.changed.notify_waiters();
        let mut open = self.open.subscribe();
        drop(open.wait_for(|open| *open).await.unwrap());
        let mut answers = Vec::new();
        for one in batch {
            let mut taken = self.taken.lock().unwrap();
            if self.known.contains(&one.event) || taken.iter().any(|other| other.event == one.event) {
                answers.push(Accepted::Duplicate { worker: Some("k7f2".into()) });
                continue;
            }
            taken.push(one);
            let stored = Accepted::Stored { worker: Some("k7f2".into()), reply: None };
            answers.push(self.answers.lock().unwrap().pop_front().unwrap_or(stored));
        }
        self.changed.notify_waiters();
        answers
    }
}

/// The fake Slack with `ana` and `bo` in a workspace, and one process of the bot after another.
pub(crate) struct Stage {
    pub(crate) fake: FakeSlack,
    pub(crate) clock: Arc<HandClock>,
    pub(crate) shelf: Arc<MemoryShelf>,
    pub(crate) inbox: Arc<Memory>,
    pub(crate) slack: Arc<Slack>,
    pub(crate) options: Options,
    pub(crate) team: Id,
    pub(crate) general: Id,
    pub(crate) ops: Id,
    pub(crate) ana: Id,
    pub(crate) bo: Id,
    /// How listening ended, each time.
    pub(crate) ends: Arc<Mutex<Vec<ListenEnd>>>,
    stop: CancellationToken,
    /// That the process is killed.
    dead: CancellationToken,
    listening: Option<JoinHandle<()>>,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::with(Settings { limits: false, ..Settings::default() }).await
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        let clock = HandClock::new();
        let fake = FakeSlack::new(settings, Arc::clone(&clock) as Arc<dyn Clock>);
        let team = fake.add_team("Workshop");
        let (ana, bo) = (fake.add_person(&team, "ana"), fake.add_person(&team, "bo"));
        let (general, ops) = (fake.add_channel(&team, "general"), fake.add_channel(&team, "ops"));
        // What the manifest forgets, the bot does not hear here either.
        let wanted = Wanted { files: true, groups: true, join: true, assistant: false };
        fake.install(&team, &manifest(wanted)).unwrap();
        let api = fake.spawn().await.unwrap();
        let (bot, app) = (Secret::new(fake.token(&team)), Secret::new(fake.app_token(&team)));
        let options = Options { api, ..Options::new("slack", bot, app) };
        let shelf = Arc::new(MemoryShelf::default());
        let dead = CancellationToken::new();
        let slack = process(&options, &shelf, &clock, &dead);
        Self {
            fake,
            clock,
            shelf,
            inbox: Arc::default(),
            slack,
            options,
            team,
            general,
            ops,
            ana,
            bo,
            ends: Arc::default(),
            stop: CancellationToken::new(),
            dead,
            listening: None,
        }
    }

    /// A stage on which the bot listens with both sockets.
    pub(crate) async fn listening() -> Self {
        Self::new().await.heard().await
    }

    /// The same, on which the bot now listens with both sockets.
    pub(crate) async fn heard(mut self) -> Self {
        self.listen();
        self.until_listening().await;
        self
    }

    /// The next process over the same shelf and store.
    pub(crate) fn next_process(&mut self) {
        self.dead.cancel();
        self.dead = CancellationToken::new();
        self.inbox = Arc::new(self.inbox.next());
        self.slack = process(&self.options, &self.shelf, &self.clock, &self.dead);
    }

    /// The same with other options.
    pub(crate) fn changed(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(&mut self.options);
        self.next_process();
        self
    }

    /// Listens as the bot does: again after a lost connection, without its pauses.
    pub(crate) fn listen(&mut self) {
        self.stop = CancellationToken::new();
        let (slack, stop, ends) = (Arc::clone(&self.slack), self.stop.clone(), Arc::clone(&self.ends));
        let inbox = Arc::clone(&self.inbox) as Arc<dyn Inbox>;
        self.listening = Some(tokio::spawn(async move {
            for _ in 0..50 {
                let end = slack.listen(Arc::clone(&inbox), stop.clone()).await;
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

    /// Kills the process, whatever it was doing, and prepares the next one over the same shelf.
    pub(crate) async fn kill(&mut self) {
        self.dies().await;
        self.until("the end of the connections", |fake| fake.listening() == 0).await;
    }

    /// The same, without waiting until Slack has noticed.
    pub(crate) async fn dies(&mut self) {
        let listening = self.listening.take().unwrap();
        listening.abort();
        assert!(listening.await.unwrap_err().is_cancelled());
        self.next_process();
    }

    /// The next process listens, some seconds later.
    pub(crate) async fn start_again(&mut self) {
        self.advance(Duration::from_secs(5));
        self.listen();
        self.until_listening().await;
    }

    /// Moves time.
    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// Moves time in small steps until something of the fake holds.
    pub(crate) async fn advance_until(&self, what: &str, step: Duration, holds: impl Fn(&FakeSlack) -> bool) {
        for _ in 0..400 {
            if holds(&self.fake) {
                return;
            }
            self.advance(step);
            self.settle().await;
        }
        panic!("never: {what}; {}", self.told());
    }

    /// Lets so much time pass in small steps.
    pub(crate) async fn pass(&self, time: Duration, step: Duration) {
        let mut passed = Duration::ZERO;
        while passed < time {
            self.advance(step);
            self.settle().await;
            passed += step;
        }
    }

    /// What the fake and the listener know, for the words of a test that failed.
    fn told(&self) -> String {
        let (ends, counts) = (self.ends.lock().unwrap(), self.fake.socket_counts());
        let (deviations, transcript) = (self.fake.deviations(), self.fake.whole_transcript());
        let offered = self.inbox.offered();
        format!("offered {offered:?}, ends {ends:?}, counts {counts:?}, deviations {deviations:?}\n{transcript}")
    }

    /// Lets everything run that can run now: a few turns of the sockets, through the system and back.
    pub(crate) async fn settle(&self) {
        wilco_sim::clock::sockets_run(100).await.unwrap();
    }

    #[allow(clippy::disallowed_methods, reason = "a test that hangs has failed")]
    pub(crate) async fn patiently<T>(&self, what: &str, future: impl Future<Output = T>) -> T {
        match tokio::time::timeout(HANGS, future).await {
            Ok(value) => value,
            Err(_) => panic!("never: {what}; {}", self.told()),
        }
    }

    /// Waits until something of the fake holds.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&FakeSlack) -> bool) {
        let looking = async {
            while !holds(&self.fake) {
                self.settle().await;
            }
        };
        self.patiently(what, looking).await;
    }

    pub(crate) async fn until_listening(&self) {
        self.until("two sockets", |fake| fake.listening() == 2).await;
    }

    /// Waits until Slack knows that everything was heard.
    pub(crate) async fn until_acknowledged(&self) {
        self.until("every acknowledgement", |fake| fake.unacknowledged() == 0).await;
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

    /// The store stalls: neither the inbox nor the shelf answers, or both again.
    pub(crate) fn stall(&self, stalls: bool) {
        self.shelf.stall(stalls);
        self.inbox.open.send_replace(!stalls);
    }

    /// The inbox alone is slow, or not any more.
    pub(crate) fn slow(&self, slow: bool) {
        self.inbox.open.send_replace(!slow);
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

    /// A person mentions the bot.
    pub(crate) fn mention(&self, person: &str, channel: &str, text: &str) -> Ts {
        self.fake.say(person, channel, &format!("<@{}> {text}", self.fake.bot(&self.team))).unwrap()
    }

    /// A person mentions the bot in the thread under a message.
    pub(crate) fn mention_under(&self, person: &str, channel: &str, under: Ts, text: &str) -> Ts {
        self.fake.reply(person, channel, under, &format!("<@{}> {text}", self.fake.bot(&self.team))).unwrap()
    }

    /// A person types `/wilco …`.
    pub(crate) fn slash(&self, channel: &str, text: &str) -> Id {
        self.fake.slash(&self.ana, channel, "/wilco", text).unwrap()
    }

    /// The bot posts a message with buttons, as for a job.
    pub(crate) async fn post(&self, address: Address, buttons: Vec<Button>) -> MessageRef {
        let key = DeliveryKey::from(&ReceiptId::new("0123456789abcdef0123456789abcdef"));
        let body = Body::text("On it · report · k7f2").with_buttons(buttons);
        match self.slack.post(&Envelope::plain(address, key, body)).await {
            DeliveryOutcome::Surfaced(message) => message,
            DeliveryOutcome::NotSurfaced(why) => panic!("{why:?}"),
        }
    }

    /// Everything that one person alone reads, oldest first.
    pub(crate) fn told_to(&self, person: &str) -> Vec<String> {
        let world = self.fake.world();
        let own = world.messages.values().filter(|message| message.only_for.as_deref() == Some(person));
        own.map(|message| message.shown().words()).collect()
    }

    /// Waits until a person alone reads something, as the last that they were told.
    pub(crate) async fn until_told(&self, person: &str, says: &str) -> String {
        self.until(&format!("a note that says {says:?}"), |_| {
            self.told_to(person).last().is_some_and(|text| text.contains(says))
        })
        .await;
        self.told_to(person).pop().unwrap()
    }

    /// Everything that stands in a channel for everybody there and was written by the bot.
    pub(crate) fn said(&self, channel: &str) -> Vec<String> {
        let (world, bot) = (self.fake.world(), self.fake.bot(&self.team));
        world.standing(channel).filter(|message| message.author == bot).map(|message| message.shown().words()).collect()
    }

    pub(crate) fn calls(&self, op: Op) -> usize {
        self.fake.calls(op)
    }

    /// Nothing of what was sent was other than Slack's description says.
    #[track_caller]
    pub(crate) fn no_deviations(&self) {
        let deviations = self.fake.deviations();
        assert!(deviations.is_empty(), "{deviations:#?}");
    }
}

fn process(
    options: &Options,
    shelf: &Arc<MemoryShelf>,
    clock: &Arc<HandClock>,
    dead: &CancellationToken,
) -> Arc<Slack> {
    let (shelf, clock) = (Life::of(shelf, dead) as Arc<dyn Shelf>, Life::of(clock, dead) as Arc<dyn Clock>);
    Slack::new(options.clone(), shelf, clock, Arc::new(Dice::seeded(7))).unwrap()
}

pub(crate) fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// The text of what was done, for short assertions.
pub(crate) fn what(inbound: &Inbound) -> String {
    match &inbound.what {
        What::Command(command) => format!("/{}", command.spec().verb),
        What::Said(text) => text.clone(),
        What::Press { press, .. } => press.encode(),
    }
}
