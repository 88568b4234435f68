//! The world of one simulation: a platform, a store and one process at a time, on one thread under a
//! clock that jumps.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::executor::block_on;
use tokio_util::sync::CancellationToken;
use wilco_core::access::{Access, Role, Rule};
use wilco_core::random::Dice;
use wilco_core::settings::{KindSettings, Settings};
use wilco_core::worker::OnInterrupt;
use wilco_core::{AccountId, Clock, Limits, Messaging, Timestamp, Worker};
use wilco_loop::kinds::{KindMap, Kinds};
use wilco_loop::{Bot, LoopDesk, Parts};
use wilco_sim::{Draw, Platform, Scripted};
use wilco_store::changes::Platforms;
use wilco_store::{Mode, Options, Store, Synchronous};

use super::acts::Lasting;
use super::doom::Reins;
use super::evidence::{Death, HeldClaim};
use super::late::{Echo, Grave};
use super::performer::{Performer, Tries};
use super::refusals;
use super::runs::Runs;
use super::schedule::{Kind, Schedule, Who};
use super::scratch::Scratch;
use super::wire::{Weather, Wire};
use crate::clock::VirtualClock;

/// The account on which most things happen, and the other one.
pub(super) const ACCOUNTS: [&str; 2] = ["sim", "sim:abroad"];
/// How long after a death or a stop the next process may start at the earliest: until then whatever the
/// dead one was about to do has come to rest.
const REST: Duration = Duration::from_millis(1);

/// A running process.
struct Process {
    bot: Bot,
    store: Store,
    desk: Arc<LoopDesk>,
    cut: CancellationToken,
}

pub(super) struct World {
    pub(super) schedule: Schedule,
    pub(super) scratch: Scratch,
    generation: u32,
    pub(super) clock: VirtualClock,
    pub(super) platform: Platform,
    pub(super) weather: Weather,
    pub(super) grave: Grave,
    pub(super) reins: Reins,
    pub(super) settings: Settings,
    pub(super) limits: Limits,
    dice: Arc<Dice>,
    plans: Arc<Vec<super::schedule::Plan>>,
    tries: Tries,
    /// When the tasks of the jobs ran.
    pub(super) runs: Runs,
    process: Option<Process>,
    restart_at: Option<Duration>,
    away_since: Option<Timestamp>,
    /// When no process ran, or none saw time pass; a reload is one that ends when it begins.
    pub(super) away: Vec<(Timestamp, Timestamp)>,
    /// When the process was there and saw no time pass.
    pub(super) suspended: Vec<(Timestamp, Timestamp)>,
    /// When probes were answered late.
    pub(super) slowed: Vec<(Timestamp, Timestamp)>,
    /// When the wall clock was set, and by how many milliseconds.
    pub(super) clock_steps: Vec<(Timestamp, i64)>,
    /// When an account's credentials were refused, or it could not be reached.
    pub(super) stopped: Vec<(AccountId, Timestamp, Timestamp)>,
    pub(super) stopped_since: Option<Timestamp>,
    pub(super) offline_since: Option<Timestamp>,
    /// What ends by itself, at its time.
    pub(super) lasting: Vec<(Duration, Lasting)>,
    /// What the store held at each death.
    pub(super) deaths: Vec<Death>,
}

impl World {
    pub(super) fn new(schedule: &Schedule, trace: bool) -> Self {
        let clock = VirtualClock::start();
        let profile = schedule.profile();
        let mut draw = Draw::seeded(schedule.seed);
        let reins = Reins::take(schedule.deaths.clone(), draw.branch(), trace);
        let weather = Weather::new(schedule.faults.clone(), draw.branch());
        let grave = Grave::new(schedule.late_words.clone(), draw.branch());
        let scratch = Scratch::new();
        std::fs::write(scratch.store(0), super::scratch::empty_store()).expect("the store is written");
        Self {
            scratch,
            generation: 0,
            platform: Platform::new(profile, Arc::new(clock.clone())),
            clock,
            weather,
            grave,
            reins,
            settings: settings(),
            limits: profile.limits(),
            dice: Arc::new(Dice::seeded(draw.bits())),
            plans: Arc::new(schedule.plans.clone()),
            tries: Tries::default(),
            runs: Runs::default(),
            process: None,
            restart_at: Some(Duration::ZERO),
            away_since: None,
            away: Vec::new(),
            suspended: Vec::new(),
            slowed: Vec::new(),
            clock_steps: Vec::new(),
            stopped: Vec::new(),
            stopped_since: None,
            offline_since: None,
            lasting: Vec::new(),
            deaths: Vec::new(),
            schedule: schedule.clone(),
        }
    }

    /// The platform's time, which is never set.
    pub(super) fn now(&self) -> Timestamp {
        crate::clock::BEGIN.plus(self.clock.monotonic())
    }

    pub(super) fn store_path(&self) -> PathBuf {
        self.scratch.store(self.generation)
    }

    pub(super) fn desk(&self) -> Option<&LoopDesk> {
        self.process.as_ref().map(|process| process.desk.as_ref())
    }

    pub(super) fn bot(&self) -> Option<&Bot> {
        self.process.as_ref().map(|process| &process.bot)
    }

    async fn start(&mut self) {
        let cut = CancellationToken::new();
        self.reins.live(&self.store_path(), &self.scratch.store(self.generation + 1), cut.clone());
        let clock = self.clock.of_process(cut.clone());
        let url = format!("sqlite:{}", self.store_path().display());
        // What a dead process was refused is not what its successor is refused.
        for table in self.takes_refusals() {
            block_on(refusals::end(&self.store_path(), table));
        }
        let options = Options { mode: Mode::Inline, instance_lock: false, synchronous: Synchronous::Off };
        let store = Store::open(&url, options).await.expect("the store opens");
        let echo = Arc::new(self.echo(&store));
        let wire = |account: &&str| -> Arc<dyn Messaging> {
            let inner = Scripted::new(&self.platform, *account).with_limits(self.limits);
            let (cut, weather, echo) = (cut.clone(), self.weather.clone(), Arc::clone(&echo));
            Arc::new(Wire { inner, cut, weather, echo, clock: clock.clone() })
        };
        let mut kinds = KindMap::new();
        for kind in Kind::ALL {
            let performer: Arc<dyn Worker> =
                Arc::new(Performer::of(kind, &self.plans, &clock, &self.tries, &self.runs));
            kinds.insert(kind.name().to_owned(), performer);
        }
        let adapters = ACCOUNTS.iter().map(wire).collect();
        let parts = Parts {
            store: store.clone(),
            clock: Arc::new(clock),
            dice: Arc::clone(&self.dice),
            kinds: Arc::new(Kinds::new(kinds)),
            settings: self.settings.clone(),
            adapters,
            folder: self.scratch.files(),
        };
        let bot = Bot::start(parts, true).await.expect("the bot starts");
        let desk = bot.desk();
        self.process = Some(Process { bot, store, desk, cut });
        self.restart_at = None;
        if let Some(since) = self.away_since.take() {
            self.away.push((since, self.now()));
        }
    }

    /// What a process that starts now may hear of those that died.
    fn echo(&self, store: &Store) -> Echo {
        let claims: Vec<HeldClaim> = self.deaths.iter().flat_map(|death| death.claims.clone()).collect();
        let limits = ACCOUNTS.iter().map(|account| (AccountId::new(*account), self.limits)).collect();
        Echo { grave: self.grave.clone(), claims, store: store.clone(), platforms: Platforms::new(limits) }
    }

    /// The process is gone; the next one starts on what it has left.
    fn buries(&mut self, down: u64) {
        drop(self.process.take());
        self.runs.all_end(&self.clock);
        self.generation += 1;
        self.away_since.get_or_insert(self.now());
        self.deaths.push(block_on(Death::read(&self.store_path(), self.now())));
        self.restart_at = Some(self.clock.monotonic() + REST.max(Duration::from_millis(down)));
    }

    /// Kills the process between two moments.
    pub(super) fn kill(&mut self, down: u64) {
        if self.process.is_some() {
            self.reins.kill();
            self.buries(down);
        }
    }

    /// Stops the process in order; it may die at a crash point while it ends.
    pub(super) async fn drain(&mut self, down: u64) {
        let Some(process) = self.process.take() else { return };
        let since = self.now();
        let Process { bot, store, desk, cut } = process;
        drop(desk);
        tokio::select! {
            biased;
            () = self.reins.died() => {
                self.buries(self.last_down());
                return;
            }
            in_order = bot.drain() => assert!(in_order, "the loop ended in order"),
        }
        self.reins.ended();
        self.runs.all_end(&self.clock);
        store.close().await;
        cut.cancel();
        self.away_since.get_or_insert(since);
        self.restart_at = Some(self.clock.monotonic() + REST.max(Duration::from_millis(down)));
    }

    fn last_down(&self) -> u64 {
        self.reins.taken().last().map_or(1, |death| death.down)
    }

    /// Lets time pass until a moment; whatever falls due meanwhile happens at its time, deaths and
    /// starts included.
    pub(super) async fn until(&mut self, at: Duration) {
        loop {
            match self.restart_at {
                Some(start) if start <= at => {
                    self.clock.sleep_until(start).await;
                    self.start().await;
                }
                Some(_) => {
                    self.clock.sleep_until(at).await;
                    return;
                }
                None => {}
            }
            let passed = self.clock.sleep_until(at);
            let died = tokio::select! {
                biased;
                () = self.reins.died() => true,
                () = passed => false,
            };
            if !died {
                return;
            }
            self.buries(self.last_down());
        }
    }

    /// Lets time pass.
    pub(super) async fn pass(&mut self, by: Duration) {
        self.until(self.clock.monotonic() + by).await;
    }

    /// A process runs, whatever was before.
    pub(super) async fn is_up(&mut self) {
        if let Some(start) = self.restart_at {
            self.until(start.max(self.clock.monotonic())).await;
        }
    }
}

/// Ana and Dora are operators, Bo is a viewer, Cleo the owner; a person may have two jobs running and
/// three waiting; follow-ups come within seconds, and nothing takes longer than it must.
fn settings() -> Settings {
    let grants = [Role::Operator, Role::Operator, Role::Viewer, Role::Owner];
    let rule = |(who, grant): (Who, Role)| Rule { user: Some(format!("id-{}", who.name())), ..Rule::granting(grant) };
    let rules = Who::ALL.into_iter().zip(grants).map(rule).collect();
    let mut settings = Settings { access: Access { rules }, ..Settings::default() };
    // What has to happen happens at its stored time; a tick would only hide that nobody was woken for it.
    settings.tick.0 = Duration::from_secs(60);
    settings.quotas.cooldown = Duration::ZERO;
    settings.quotas.person_queued = 3;
    settings.followups.bounds.min = Duration::from_secs(5);
    settings.followups.bounds.min_every = Duration::from_secs(30);
    let mut work = KindSettings { question: Duration::from_secs(120), ..KindSettings::default() };
    work.terms.terminal_secs = 240;
    settings.defaults = work;
    settings.kinds.insert(Kind::Again.name().to_owned(), KindSettings { on_interrupt: OnInterrupt::Rerun, ..work });
    let frail = KindSettings { inactivity: Some(Duration::from_secs(30)), max_running: 1, ..work };
    settings.kinds.insert(Kind::Frail.name().to_owned(), frail);
    settings
}

pub(super) fn account(number: usize) -> AccountId {
    AccountId::new(ACCOUNTS[number])
}
