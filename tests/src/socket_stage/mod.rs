//! The stage on which scripts speak over a platform on real sockets: the whole bot with its real adapter, before a
//! platform of our own.
//!
//! The other stage runs on tokio's paused time, which would jump over every wait for a socket. Here time is moved by
//! the script alone, in small steps, and after each step whatever can happen happens.

mod ends;

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use wilco_core::desk::{Caller, Desk, FollowupFilter, FollowupView, Health, JobFilter, JobView};
use wilco_core::random::Dice;
use wilco_core::settings::Settings;
use wilco_core::{Clock, Messaging, Shelf, Timestamp, Worker};
use wilco_loop::kinds::{KindMap, Kinds};
use wilco_loop::{Bot, LoopDesk, Parts, StoreShelf};
use wilco_sim::clock::{HandClock, MachineClock, sockets_run};
use wilco_store::Store;

use crate::cast::{CAST, cast_on};
use crate::clock::BEGIN;
use crate::fake::{Fake, Seen};
use crate::puppet::{Puppets, Run};
use crate::stage::{copy_store, open_store};
use crate::wire::{CutClock, Wire};

/// After so much real time a script hangs.
const HANGS: Duration = Duration::from_secs(60);
/// How much real time is waited for something before the script's time passes.
const LINGER: Duration = Duration::from_millis(200);
/// How many turns of the sockets without a call, one after the other, mean that nothing goes on any more.
const QUIET: u32 = 4;
/// The longest piece of time that passes at once. It is shorter than what the loop takes for a suspension.
const STEP: Duration = Duration::from_secs(1);
/// The same where a script waits for very long.
const LONG_STEP: Duration = Duration::from_secs(4);

/// A platform with everybody in it, and how a bot is connected to it.
#[async_trait]
pub trait House: Sized + Send + Sync + 'static {
    /// The platform.
    type Fake: Fake;
    /// The adapter.
    type Adapter: Messaging + 'static;
    /// What scripts may choose.
    type Options: Default + Send;

    /// The account of the connection.
    const ACCOUNT: &'static str;
    /// For how many seconds a message may have to wait for the one before it in the same channel.
    const PACE: u64;

    /// Builds it with these people, and with the channels `general` and `ops`.
    async fn build(options: Self::Options, people: &[String], clock: Arc<dyn Clock>) -> Self;

    /// What people see, and the fault script.
    fn fake(&self) -> &Self::Fake;

    /// The adapter of one process, ready to listen.
    async fn connect(&self, shelf: Arc<dyn Shelf>, clock: Arc<dyn Clock>, dice: Arc<Dice>) -> Arc<Self::Adapter>;

    /// Gives it what it asks while somebody waits.
    fn attach(adapter: &Self::Adapter, desk: Arc<dyn Desk>);
}

/// Builds a stage.
pub struct Builder<H: House> {
    settings: Settings,
    kinds: KindMap,
    people: Vec<String>,
    /// What the platform lets scripts choose.
    pub(crate) options: H::Options,
}

/// The stage itself: a platform with the channels `general` and `ops`, and everybody of the cast in it. Call
/// [`SocketStage::ends`] at the end of every script.
pub struct SocketStage<H: House> {
    dir: tempfile::TempDir,
    generation: u32,
    clock: Arc<HandClock>,
    house: H,
    /// The jobs of the kind `report`.
    pub puppets: Puppets,
    settings: Settings,
    kinds: Arc<Kinds>,
    dice: Arc<Dice>,
    process: Option<Process>,
    ended: bool,
}

struct Process {
    bot: Bot,
    store: Store,
    desk: Arc<LoopDesk>,
    cut: CancellationToken,
}

/// A stage is its platform, and a process before it.
impl<H: House> Deref for SocketStage<H> {
    type Target = H;

    fn deref(&self) -> &H {
        &self.house
    }
}

impl<H: House> Builder<H> {
    /// Other settings.
    #[must_use]
    pub fn settings(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// A further worker kind.
    #[must_use]
    pub fn worker(mut self, name: &str, worker: Arc<dyn Worker>) -> Self {
        self.kinds.insert(name.to_owned(), worker);
        self
    }

    /// Somebody whom no rule names.
    #[must_use]
    pub fn stranger(mut self, name: &str) -> Self {
        self.people.push(name.to_owned());
        self
    }

    /// Opens the curtain: the process runs and listens.
    pub async fn begin(self) -> SocketStage<H> {
        let clock = HandClock::at(BEGIN);
        let house = H::build(self.options, &self.people, Arc::clone(&clock) as Arc<dyn Clock>).await;
        let puppets = Puppets::default();
        let mut kinds = self.kinds;
        kinds.insert("report".to_owned(), Arc::new(puppets.clone()));
        let mut settings = self.settings;
        let id = |name: &str| house.fake().person(name).expect("the cast is there");
        settings.access.rules.extend(cast_on(H::ACCOUNT, id).rules);
        let mut stage = SocketStage {
            dir: tempfile::tempdir().expect("a folder for the store"),
            generation: 0,
            clock,
            house,
            puppets,
            settings,
            kinds: Arc::new(Kinds::new(kinds)),
            dice: Arc::new(Dice::seeded(42)),
            process: None,
            ended: false,
        };
        stage.start().await;
        stage
    }
}

impl<H: House> SocketStage<H> {
    /// A stage with Ana and Dora as operators, Bo as viewer, Cleo as owner. Nobody has to wait between two jobs, and
    /// the platform refuses nothing for its pace.
    pub fn builder() -> Builder<H> {
        let mut settings = Settings::default();
        settings.quotas.cooldown = Duration::ZERO;
        Builder {
            settings,
            kinds: KindMap::new(),
            people: CAST.map(|(name, _)| name.to_owned()).into(),
            options: H::Options::default(),
        }
    }

    /// The stage of most scripts.
    pub async fn new() -> Self {
        Self::builder().begin().await
    }

    fn store_path(&self) -> PathBuf {
        self.dir.path().join(format!("wilco-{}.db", self.generation))
    }

    /// Starts a process on the store as it is, and waits until it listens.
    pub async fn start(&mut self) {
        assert!(self.process.is_none(), "the process runs already");
        let cut = CancellationToken::new();
        let store = open_store(&self.store_path()).await;
        let inner = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let clock: Arc<dyn Clock> = Arc::new(CutClock { inner, cut: cut.clone() });
        let shelf = Arc::new(StoreShelf::new(store.clone(), H::ACCOUNT.into()));
        // A chance of its own, so that the ids of jobs do not depend on what the sockets do.
        let chance = Arc::new(Dice::seeded(u64::from(self.generation)));
        let adapter = self.house.connect(shelf, Arc::clone(&clock), chance).await;
        let inner = Arc::clone(&adapter) as Arc<dyn Messaging>;
        let wire = Wire { inner, cut: cut.clone(), nameless: Arc::default() };
        let parts = Parts {
            store: store.clone(),
            clock,
            dice: Arc::clone(&self.dice),
            kinds: Arc::clone(&self.kinds),
            settings: self.settings.clone(),
            adapters: vec![Arc::new(wire)],
            folder: self.dir.path().join("files"),
        };
        let bot = Bot::start(parts, true).await.expect("the bot starts");
        let desk = bot.desk();
        H::attach(&adapter, Arc::clone(&desk) as Arc<dyn Desk>);
        self.process = Some(Process { bot, store, desk, cut });
        self.moment().await;
        // A connection that began a moment ago may make the next one wait.
        for _ in 0..120 {
            if self.fake().listening() > 0 {
                // What a connection begins with arrives after that.
                self.moment().await;
                return;
            }
            self.seconds(1).await;
        }
        panic!("the bot does not listen\n{}", self.told());
    }

    fn process(&self) -> &Process {
        self.process.as_ref().expect("the process runs")
    }

    /// The running process's desk.
    pub fn desk(&self) -> &LoopDesk {
        &self.process().desk
    }

    /// Kills the process: nothing of it happens any more but what was on its way. The next one starts on what the
    /// store had on the disk.
    pub async fn crashes(&mut self) {
        let process = self.process.take().expect("the process runs");
        process.cut.cancel();
        let from = self.store_path();
        self.generation += 1;
        copy_store(&from, &self.store_path());
        self.until("its connection is gone", |stage| stage.fake().listening() == 0).await;
    }

    /// Kills the process and starts the next one.
    pub async fn crashes_and_restarts(&mut self) {
        self.crashes().await;
        self.start().await;
    }

    /// Kills the process and starts the next one with other settings.
    pub async fn restarts_with(&mut self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.settings);
        self.crashes_and_restarts().await;
    }

    // ---- time -------------------------------------------------------------------------------------

    /// How far everything has come: every call, message and change of one.
    fn progress(&self) -> (usize, usize) {
        let messages: usize = self.fake().seen().iter().map(|message| 1 + message.edits).sum();
        (self.fake().traffic(), messages)
    }

    /// Lets everything that is due happen, without time passing.
    pub async fn moment(&self) {
        let (mut before, mut quiet) = (self.progress(), 0);
        while quiet < QUIET {
            sockets_run(8).await.expect("this machine has sockets");
            let now = self.progress();
            quiet = if now == before { quiet + 1 } else { 0 };
            before = now;
        }
    }

    /// Lets time pass; whatever falls due meanwhile happens at its time, or within a second of it.
    pub async fn advance(&self, by: Duration) {
        let step = if by > Duration::from_mins(4) { LONG_STEP } else { STEP };
        let mut left = by;
        while !left.is_zero() {
            let piece = left.min(step);
            self.clock.advance(piece);
            self.moment().await;
            left -= piece;
        }
    }

    /// Lets seconds pass.
    pub async fn seconds(&self, seconds: u64) {
        self.advance(Duration::from_secs(seconds)).await;
    }

    /// The time, as everybody on this stage knows it.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Waits until something holds, without time passing.
    ///
    /// # Panics
    /// When it does not hold after a minute of real time.
    pub async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let (real, mut turns) = (MachineClock::start(), 0_u32);
        while !holds(self) {
            sockets_run(4).await.expect("this machine has sockets");
            turns += 1;
            if turns.is_multiple_of(50) && real.monotonic() > HANGS {
                panic!("never: {what}\n{}", self.told());
            }
        }
    }

    /// What somebody needs who looks for the mistake.
    pub(crate) fn told(&self) -> String {
        let fake = self.fake();
        let calls = fake.last_calls(20).join("\n");
        format!("{}\ndeviations {:?}\n{calls}", fake.whole_transcript(), fake.deviations())
    }

    // ---- what people do ---------------------------------------------------------------------------

    /// Somebody of the stage, by their id.
    pub(crate) fn id_of(&self, name: &str) -> String {
        self.fake().person(name).unwrap_or_else(|| panic!("nobody is called {name}"))
    }

    /// A channel or thread, by its id.
    pub(crate) fn id_of_channel(&self, name: &str) -> String {
        self.fake().channel(name).unwrap_or_else(|| panic!("there is no channel {name}"))
    }

    /// A person presses a button of the newest message that shows it to them.
    pub async fn presses(&self, name: &str, label: &str) {
        let shows = |message: &Seen| message.buttons.iter().any(|button| button == label);
        let message = self.newest(&format!("a button {label}"), |message| {
            shows(message) && message.only_for.as_deref().is_none_or(|only| only == name)
        });
        let asked = self.fake().press(&self.id_of(name), &message.id, label).expect("the button can be pressed");
        self.answered(&asked).await;
    }

    /// A person uses the menu of the newest message that begins so.
    pub async fn menu(&self, name: &str, beginning: &str, entry: &str) {
        let message = self.message(beginning);
        let asked = self.fake().menu(&self.id_of(name), &message.id, entry).expect("the menu has it");
        self.answered(&asked).await;
    }

    /// Waits until whoever did something is answered.
    pub(crate) async fn answered(&self, interaction: &str) {
        self.until("an answer", |stage| stage.fake().is_answered(interaction)).await;
        self.moment().await;
    }

    /// Takes hold of a job that was started, once it is shown.
    pub async fn taken(&self) -> Run {
        self.until("a job", |stage| stage.puppets.waiting() > 0).await;
        self.moment().await;
        self.puppets.next()
    }

    // ---- what people see --------------------------------------------------------------------------

    fn newest(&self, what: &str, fits: impl Fn(&Seen) -> bool) -> Seen {
        let all = self.fake().seen().into_iter().rev();
        all.filter(|message| message.by_bot && !message.deleted)
            .find(fits)
            .unwrap_or_else(|| panic!("no message shows {what}\n{}", self.told()))
    }

    /// The newest message of the bot that begins so.
    pub fn message(&self, beginning: &str) -> Seen {
        self.newest(beginning, |message| message.text.starts_with(beginning))
    }

    /// A channel as a person sees it.
    pub fn sees(&self, channel: &str) -> String {
        self.fake().transcript(&self.id_of_channel(channel))
    }

    /// Waits until a channel shows something. Where messages have to wait for one another, time passes meanwhile.
    pub async fn shows(&self, channel: &str, text: &str) {
        let id = self.id_of_channel(channel);
        let shows = |stage: &Self| stage.fake().transcript(&id).contains(text);
        for _ in 0..10 * H::PACE {
            let real = MachineClock::start();
            // A busy machine is given some time before the script's time passes.
            while real.monotonic() < LINGER {
                self.moment().await;
                if shows(self) {
                    return;
                }
            }
            self.seconds(1).await;
        }
        self.until(&format!("{text} in {channel}"), shows).await;
        self.moment().await;
    }

    /// Everybody whom the bot has notified so far, and by which words.
    pub fn notified(&self) -> Vec<String> {
        let all = self.fake().seen().into_iter().filter(|message| message.by_bot);
        all.flat_map(|one| one.notifies.iter().map(|who| format!("{who}: {}", one.line())).collect::<Vec<_>>())
            .collect()
    }

    /// All jobs, newest first.
    pub async fn jobs(&self) -> Vec<JobView> {
        self.desk().jobs(&Caller::Host, &JobFilter::default()).await.expect("the store answers")
    }

    /// All follow-ups.
    pub async fn followups(&self) -> Vec<FollowupView> {
        self.desk().followups(&Caller::Host, &FollowupFilter::default()).await.expect("the store answers")
    }

    /// How the bot says that it is.
    pub async fn health(&self) -> Health {
        self.desk().health().await.expect("the store answers")
    }
}

impl<H: House> Drop for SocketStage<H> {
    fn drop(&mut self) {
        if !self.ended && !std::thread::panicking() {
            panic!("the script has no end: call `stage.ends().await`");
        }
    }
}
