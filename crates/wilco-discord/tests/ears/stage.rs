//! What stands around the ears: the fake Discord, a clock, a shelf, an inbox and a desk.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{BoxStream, StreamExt};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wilco_core::access::{Grant, Role};
use wilco_core::desk::{
    Caller, CancelResult, Desk, DeskError, FollowupDone, FollowupFilter, FollowupInspection, FollowupSet, FollowupView,
    FollowupWish, Health, Inspection, JobFilter, JobView, Limit, Notice, ReceiptFilter, ReceiptView,
};
use wilco_core::followup::FollowupAct;
use wilco_core::gate::ClosedGate;
use wilco_core::pairing::PairingCode;
use wilco_core::random::Dice;
use wilco_core::shelf::ShelfError;
use wilco_core::{
    Accepted, AccountId, BackendId, Clock, FileRef, Inbound, Inbox, ListenEnd, Messaging, Place, ReceiptId, Shelf, What,
};
use wilco_discord::{Discord, Options, Secret, commands};
use wilco_sim::clock::HandClock;
use wilco_sim::discord::{FakeDiscord, Id, Op, Settings};

/// After so much real time a test hangs.
const HANGS: Duration = Duration::from_secs(30);

/// A shelf in memory. It outlives the process that a test ends.
#[derive(Default)]
pub(crate) struct MemoryShelf(Mutex<BTreeMap<String, String>>, AtomicBool);

impl MemoryShelf {
    /// From now on it answers nothing, or again.
    pub(crate) fn fails(&self, fails: bool) {
        self.1.store(fails, Ordering::SeqCst);
    }

    fn open(&self) -> Result<(), ShelfError> {
        if self.1.load(Ordering::SeqCst) { Err(ShelfError("the disk is gone".to_owned())) } else { Ok(()) }
    }

    pub(crate) fn rows(&self, prefix: &str) -> Vec<(String, String)> {
        let rows = self.0.lock().unwrap();
        rows.iter()
            .filter(|(key, _)| key.starts_with(prefix))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    }
}

#[async_trait]
impl Shelf for MemoryShelf {
    async fn get(&self, key: &str) -> Result<Option<String>, ShelfError> {
        self.open()?;
        Ok(self.0.lock().unwrap().get(key).cloned())
    }

    async fn put(&self, key: &str, value: &str) -> Result<(), ShelfError> {
        self.open()?;
        self.0.lock().unwrap().insert(key.to_owned(), value.to_owned());
        Ok(())
    }

    async fn put_new(&self, key: &str, value: &str) -> Result<bool, ShelfError> {
        self.open()?;
        let mut rows = self.0.lock().unwrap();
        let new = !rows.contains_key(key);
        rows.entry(key.to_owned()).or_insert_with(|| value.to_owned());
        Ok(new)
    }

    async fn remove(&self, key: &str) -> Result<(), ShelfError> {
        self.open()?;
        self.0.lock().unwrap().remove(key);
        Ok(())
    }

    async fn scan(&self, prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<(String, String)>, ShelfError> {
        self.open()?;
        let all = self.rows(prefix).into_iter().filter(|(key, _)| after.is_none_or(|after| key.as_str() > after));
        Ok(all.take(limit as usize).collect())
    }
}

/// An inbox that takes every event once, as the store does, and can be slow.
pub(crate) struct Memory {
    taken: Mutex<Vec<Inbound>>,
    offered: Mutex<Vec<String>>,
    answers: Mutex<VecDeque<Accepted>>,
    open: watch::Sender<bool>,
    changed: Notify,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            taken: Mutex::default(),
            offered: Mutex::default(),
            answers: Mutex::default(),
            open: watch::channel(true).0,
            changed: Notify::new(),
        }
    }
}

impl Memory {
    /// Everything that was taken, in order.
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

    /// Lets the store answer, or not.
    pub(crate) fn open(&self, open: bool) {
        self.open.send_replace(open);
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
        open.wait_for(|open| *open).await.unwrap();
        let mut answers = Vec::new();
        for one in batch {
            let mut taken = self.taken.lock().unwrap();
            if taken.iter().any(|other| other.event == one.event) {
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

/// Lists for what is offered while somebody types.
#[derive(Default)]
pub(crate) struct Lists {
    pub(crate) jobs: Vec<JobView>,
    pub(crate) callers: Mutex<Vec<Caller>>,
    pub(crate) hangs: AtomicBool,
    /// What the rules let everybody do.
    pub(crate) role: Mutex<Option<Role>>,
}

impl Lists {
    pub(crate) fn of(jobs: Vec<JobView>) -> Arc<Self> {
        Arc::new(Self { jobs, role: Mutex::new(Some(Role::Viewer)), ..Self::default() })
    }
}

fn no<T>() -> Result<T, DeskError> {
    Err(DeskError::Store("this desk has lists alone".to_owned()))
}

#[async_trait]
impl Desk for Lists {
    async fn jobs(&self, caller: &Caller, filter: &JobFilter) -> Result<Vec<JobView>, DeskError> {
        self.callers.lock().unwrap().push(caller.clone());
        if self.hangs.load(Ordering::SeqCst) {
            futures::future::pending::<()>().await;
        }
        let open = |job: &&JobView| !filter.open_only || !job.state.is_terminal();
        Ok(self.jobs.iter().filter(open).cloned().collect())
    }
    async fn inspect(&self, _: &Caller, _: &str, _: Limit) -> Result<Inspection, DeskError> {
        no()
    }
    async fn run(&self, _: &Caller, _: &Place, _: &str, _: &str, _: &str) -> Result<JobView, DeskError> {
        no()
    }
    async fn cancel(&self, _: &Caller, _: &str, _: Option<&str>) -> Result<CancelResult, DeskError> {
        no()
    }
    async fn followups(&self, _: &Caller, _: &FollowupFilter) -> Result<Vec<FollowupView>, DeskError> {
        Ok(Vec::new())
    }
    async fn followup(&self, _: &Caller, _: &str, _: Limit) -> Result<FollowupInspection, DeskError> {
        no()
    }
    async fn schedule(&self, _: &Caller, _: &Place, _: &str, _: &FollowupWish) -> Result<FollowupSet, DeskError> {
        no()
    }
    async fn change(&self, _: &Caller, _: &str, _: FollowupAct) -> Result<FollowupDone, DeskError> {
        no()
    }
    async fn receipts(&self, _: &Caller, _: &ReceiptFilter) -> Result<Vec<ReceiptView>, DeskError> {
        no()
    }
    async fn retry(&self, _: &Caller, _: &ReceiptId) -> Result<ReceiptView, DeskError> {
        no()
    }
    async fn file(&self, _: &Caller, _: &str, _: usize) -> Result<FileRef, DeskError> {
        no()
    }
    async fn health(&self) -> Result<Health, DeskError> {
        no()
    }
    async fn gates(&self) -> Result<Vec<ClosedGate>, DeskError> {
        no()
    }
    async fn open_gate(&self, _: &Caller, _: &BackendId) -> Result<ClosedGate, DeskError> {
        no()
    }
    async fn grants(&self, _: &Caller) -> Result<Vec<Grant>, DeskError> {
        no()
    }
    async fn revoke(&self, _: &Caller, _: &AccountId, _: &str) -> Result<Grant, DeskError> {
        no()
    }
    async fn offer_pairing(&self, _: &Caller) -> Result<PairingCode, DeskError> {
        no()
    }
    fn role(&self, _: &Caller) -> Option<Role> {
        *self.role.lock().unwrap()
    }
    fn kinds(&self) -> Vec<(String, String)> {
        [("report", "writes the report"), ("demo", "shows what there is"), ("redeploy", "the whole site")]
            .map(|(name, about)| (name.to_owned(), about.to_owned()))
            .to_vec()
    }
    fn subscribe(&self) -> BoxStream<'static, Notice> {
        futures::stream::empty().boxed()
    }
}

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

    /// Kills the process, whatever it was doing, and prepares the next one over the same shelf.
    pub(crate) async fn kill(&mut self) {
        let listening = self.listening.take().unwrap();
        listening.abort();
        assert!(listening.await.unwrap_err().is_cancelled());
        self.inbox = Arc::default();
        self.discord = process(&self.options, &self.shelf, &self.clock);
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
