//! The stage: one platform, one store, one process at a time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use wilco_core::desk::{Caller, Desk, Inspection, JobFilter, JobView, Limit, ReceiptFilter, ReceiptView};
use wilco_core::random::Dice;
use wilco_core::receipt::ReceiptState;
use wilco_core::settings::Settings;
use wilco_core::{Address, Clock, Limits, Messaging, Worker, WorkerId};
use wilco_loop::kinds::{KindMap, Kinds};
use wilco_loop::{Bot, LoopDesk, Parts};
use wilco_sim::{Fault, Platform, Profile, Rule as FaultRule, Scripted, Snapshot};
use wilco_store::{Mode, Options, Store, Synchronous};

use crate::cast::{Actor, Where, cast};
use crate::clock::VirtualClock;
use crate::puppet::{Puppets, Run};
use crate::wire::Wire;

/// The account that a stage's platform has.
pub const ACCOUNT: &str = "sim";
/// A moment in which everything that is due happens.
const MOMENT: Duration = Duration::from_millis(1);

/// Builds a stage.
pub struct Builder {
    profile: Profile,
    limits: Option<Limits>,
    settings: Settings,
    kinds: KindMap,
    puppets: Puppets,
    folder: Option<PathBuf>,
    accounts: Vec<String>,
}

/// The stage itself. Call [`Stage::ends`] at the end of every script: it lets time run on and holds
/// the promise against what the channel shows.
pub struct Stage {
    dir: tempfile::TempDir,
    generation: u32,
    clock: VirtualClock,
    /// What a person sees, and the fault script.
    pub platform: Platform,
    /// The jobs of the kind `report`.
    pub puppets: Puppets,
    settings: Settings,
    kinds: Arc<Kinds>,
    dice: Arc<Dice>,
    limits: Limits,
    accounts: Vec<String>,
    process: Option<Process>,
    nameless: Arc<AtomicU32>,
    ended: bool,
}

struct Process {
    bot: Bot,
    store: Store,
    desk: Arc<LoopDesk>,
    cut: CancellationToken,
}

impl Builder {
    /// Another set of abilities than Discord's.
    #[must_use]
    pub fn profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// Other measures than the profile's.
    #[must_use]
    pub fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        let mut limits = self.limits.unwrap_or_else(|| self.profile.limits());
        change(&mut limits);
        self.limits = Some(limits);
        self
    }

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

    /// A further account of the same platform, with a connection of its own.
    #[must_use]
    pub fn account(mut self, name: &str) -> Self {
        self.accounts.push(name.to_owned());
        self
    }

    /// Keeps the store and the jobs' folders below this folder.
    #[must_use]
    pub fn on(mut self, folder: &Path) -> Self {
        self.folder = Some(folder.to_owned());
        self
    }

    /// Opens the curtain: the process runs and listens.
    pub async fn begin(self) -> Stage {
        let clock = VirtualClock::start();
        let limits = self.limits.unwrap_or_else(|| self.profile.limits());
        let platform = Platform::with_limits(limits, Arc::new(clock.clone()));
        let mut kinds = self.kinds;
        kinds.insert("report".to_owned(), Arc::new(self.puppets.clone()));
        let mut stage = Stage {
            dir: match self.folder {
                Some(folder) => tempfile::tempdir_in(folder).expect("a folder for the store"),
                None => tempfile::tempdir().expect("a folder for the store"),
            },
            generation: 0,
            clock,
            platform,
            puppets: self.puppets,
            settings: self.settings,
            kinds: Arc::new(Kinds::new(kinds)),
            dice: Arc::new(Dice::seeded(42)),
            limits,
            accounts: self.accounts,
            process: None,
            nameless: Arc::default(),
            ended: false,
        };
        stage.start().await;
        stage
    }
}

impl Stage {
    /// A stage with Discord's abilities, Ana and Dora as operators, Bo as viewer, Cleo as owner. Nobody
    /// has to wait between two jobs.
    pub fn builder() -> Builder {
        let mut settings = Settings { access: cast(), ..Settings::default() };
        settings.quotas.cooldown = Duration::ZERO;
        Builder {
            profile: Profile::DiscordLike,
            limits: None,
            settings,
            kinds: KindMap::new(),
            puppets: Puppets::default(),
            folder: None,
            accounts: vec![ACCOUNT.to_owned()],
        }
    }

    /// The stage of most scripts.
    pub async fn new() -> Self {
        Self::builder().begin().await
    }

    /// The file of the store: that of the running process, or the copy on which the next one will start.
    pub fn store_path(&self) -> PathBuf {
        self.dir.path().join(format!("wilco-{}.db", self.generation))
    }

    /// The settings that hold.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The measures of the adapters.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Starts a process on the store as it is.
    pub async fn start(&mut self) {
        assert!(self.process.is_none(), "the process runs already");
        let cut = CancellationToken::new();
        let store = open_store(&self.store_path()).await;
        let wire = |account: &String| -> Arc<dyn Messaging> {
            let inner = Arc::new(Scripted::new(&self.platform, account.as_str()).with_limits(self.limits));
            Arc::new(Wire { inner, cut: cut.clone(), nameless: Arc::clone(&self.nameless) })
        };
        let parts = Parts {
            store: store.clone(),
            clock: Arc::new(self.clock.of_process(cut.clone())),
            dice: Arc::clone(&self.dice),
            kinds: Arc::clone(&self.kinds),
            settings: self.settings.clone(),
            adapters: self.accounts.iter().map(wire).collect(),
            folder: self.dir.path().join("files"),
        };
        let bot = Bot::start(parts, true).await.expect("the bot starts");
        let desk = bot.desk();
        self.process = Some(Process { bot, store, desk, cut });
        self.moment().await;
    }

    fn process(&self) -> &Process {
        self.process.as_ref().expect("the process runs")
    }

    /// The running process's store.
    pub fn store(&self) -> &Store {
        &self.process().store
    }

    /// The running process's desk.
    pub fn desk(&self) -> &LoopDesk {
        &self.process().desk
    }

    /// The desk of another process on the same store, as the command line has one: it works beside a
    /// running bot and without one.
    pub async fn desk_beside(&self) -> LoopDesk {
        LoopDesk::over_store(Parts {
            store: open_store(&self.store_path()).await,
            clock: Arc::new(self.clock.clone()),
            dice: Arc::new(Dice::seeded(7)),
            kinds: Arc::clone(&self.kinds),
            settings: self.settings.clone(),
            adapters: Vec::new(),
            folder: self.dir.path().join("files"),
        })
    }

    /// The running process.
    pub fn bot(&self) -> &Bot {
        &self.process().bot
    }

    /// The stage's clock.
    pub fn clock(&self) -> &VirtualClock {
        &self.clock
    }

    /// Kills the process: nothing of it happens any more. What it had committed is kept, as a copy,
    /// because whatever still moves inside of the dead process must not reach the next one.
    pub async fn crashes(&mut self) {
        let process = self.process.take().expect("the process runs");
        process.cut.cancel();
        let from = self.store_path();
        self.generation += 1;
        copy_store(&from, &self.store_path());
    }

    /// Kills the process and starts the next one.
    pub async fn crashes_and_restarts(&mut self) {
        self.crashes().await;
        self.start().await;
    }

    /// Stops the process as a service manager does.
    pub async fn drains(&mut self) {
        let process = self.process.take().expect("the process runs");
        assert!(process.bot.drain().await, "the loop ended in order");
        process.store.close().await;
    }

    /// Lets everything that is due happen, without time passing.
    pub async fn moment(&self) {
        self.advance(MOMENT).await;
    }

    /// Lets time pass; whatever falls due meanwhile happens at its time.
    #[allow(clippy::disallowed_methods, reason = "this is how the script moves time")]
    pub async fn advance(&self, by: Duration) {
        tokio::time::sleep(by).await;
    }

    /// Lets seconds pass.
    pub async fn seconds(&self, seconds: u64) {
        self.advance(Duration::from_secs(seconds)).await;
    }

    /// The machine sleeps, or the process is stopped and continued: time passes, and nothing of the
    /// process sees it pass.
    pub async fn suspended_for(&self, by: Duration) {
        tokio::time::advance(by).await;
        self.moment().await;
    }

    /// A person writes.
    pub async fn says(&self, actor: &Actor, place: Where<'_>, text: &str) {
        self.platform.say(&actor.0, &actor.at(place), text).expect("one can write there");
        self.moment().await;
    }

    /// A person presses a button of a message that the bot has written.
    pub async fn presses(&self, actor: &Actor, label: &str) {
        let snapshot = self.platform.snapshot();
        let message = snapshot
            .messages
            .iter()
            .rev()
            .find(|message| !message.deleted && message.shown().buttons.iter().any(|button| button.label == label))
            .unwrap_or_else(|| panic!("no message shows a button {label}"));
        let id = message.id.clone();
        self.platform.press(&actor.0, &id, label).expect("the button is there");
        self.moment().await;
    }

    /// Starts a job of the scripted kind and takes hold of it.
    pub async fn runs(&self, actor: &Actor, place: Where<'_>) -> Run {
        self.says(actor, place, "/run report").await;
        self.puppets.next()
    }

    /// The next creates take effect, but the platform's answers name no message.
    pub fn names_no_message(&self, creates: u32) {
        self.nameless.store(creates, Ordering::SeqCst);
    }

    /// The platform misbehaves.
    pub fn fails_with(&self, fault: Fault) {
        self.platform.fault(FaultRule::new(fault));
    }

    /// The platform misbehaves, precisely.
    pub fn fault(&self, rule: FaultRule) {
        self.platform.fault(rule);
    }

    /// Changes the settings of the running process, as a reload does.
    pub async fn configures(&mut self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.settings);
        self.process().bot.set_settings(self.settings.clone());
        self.moment().await;
    }

    /// A channel as a person sees it.
    pub fn sees(&self, place: Where<'_>) -> String {
        self.platform.snapshot().transcript(&Actor::named("ana").at(place).address)
    }

    /// What the platform holds.
    pub fn snapshot(&self) -> Snapshot {
        self.platform.snapshot()
    }

    /// All jobs, newest first.
    pub async fn jobs(&self) -> Vec<JobView> {
        self.desk().jobs(&Caller::Host, &JobFilter::default()).await.expect("the store answers")
    }

    /// Everything about one job.
    pub async fn inspect(&self, job: &str) -> Inspection {
        self.desk().inspect(&Caller::Host, job, Limit::default()).await.expect("the job exists")
    }

    /// How the bot says that it is.
    pub async fn desk_health(&self) -> wilco_core::desk::Health {
        self.desk().health().await.expect("the store answers")
    }

    /// The operator's list.
    pub async fn failed_receipts(&self) -> Vec<ReceiptView> {
        let filter = ReceiptFilter { state: Some(ReceiptState::Failed), limit: Limit::default() };
        self.desk().receipts(&Caller::Host, &filter).await.expect("the store answers")
    }

    /// The names of a job's journal entries, in order.
    pub async fn journal(&self, job: &str) -> Vec<&'static str> {
        self.inspect(job).await.events.iter().map(|entry| entry.event.name()).collect()
    }

    /// Ends the script: faults stop, time runs on, and the promise is held against what is visible:
    /// every accepted job has exactly one visible result, or one recorded failure with its reason.
    pub async fn ends(mut self) {
        self.ended = true;
        self.platform.calm();
        if self.process.is_none() {
            self.start().await;
        }
        self.settles().await;
        let snapshot = self.platform.snapshot();
        let failed = self.failed_receipts().await;
        for job in self.jobs().await {
            if job.state.is_terminal() {
                hold(&snapshot, &failed, &job);
            } else {
                panic!("{} ({}) has not ended: {}", job.short, job.kind, job.state.name());
            }
        }
        assert_eq!(snapshot.duplicates().len(), 0, "shown twice:\n{}", snapshot.whole_transcript());
        assert!(snapshot.created_with_content().is_empty(), "content was created, not edited in");
        self.hold_followups().await;
        self.drains().await;
    }

    /// Lets time run on until nothing is open any more: the longest single wait of the schedules, and a minute.
    pub async fn settles(&self) {
        let end = self.clock.monotonic() + Duration::from_secs(5 * 3_600 + 60);
        while self.clock.monotonic() < end {
            let health = self.desk().health().await.expect("the store answers");
            if health.running + health.queued + health.undelivered == 0 {
                break;
            }
            self.seconds(30).await;
        }
        // The re-assert, and a late edit that it has to overwrite.
        self.seconds(120).await;
    }

    /// As [`Stage::ends`], for scripts that leave jobs running on purpose.
    pub async fn ends_with_running_jobs(mut self) {
        self.ended = true;
        self.platform.calm();
        drop(self.process.take());
    }
}

/// Opens a store that works on the script's own thread, so that its answers come in one order.
pub(crate) async fn open_store(path: &Path) -> Store {
    let url = format!("sqlite:{}", path.display());
    let options = Options { mode: Mode::Inline, instance_lock: false, synchronous: Synchronous::Off };
    Store::open(&url, options).await.expect("the store opens")
}

/// Copies a store as it is on the disk, so that whatever a dead process still does reaches the next one no more.
pub(crate) fn copy_store(from: &Path, to: &Path) {
    std::fs::copy(from, to).expect("the store is copied");
    let log = |path: &Path| PathBuf::from(format!("{}-wal", path.display()));
    if log(from).exists() {
        std::fs::copy(log(from), log(to)).expect("its log is copied");
    }
}

/// The promise, for one job that has ended.
fn hold(snapshot: &Snapshot, failed: &[ReceiptView], job: &JobView) {
    let mut visible: BTreeMap<&Address, usize> = BTreeMap::new();
    for message in snapshot.visible_results(&job.id) {
        *visible.entry(&message.address).or_default() += 1;
    }
    let recorded = failed.iter().any(|receipt| receipt.short == job.short && receipt.kind.is_terminal());
    let shown = visible.values().sum::<usize>() > 0;
    assert!(
        shown || recorded,
        "the result of {} is neither visible nor on the operator's list\n{}",
        job.short,
        snapshot.whole_transcript()
    );
    for (address, count) in visible {
        assert_eq!(
            count,
            1,
            "the result of {} is visible {count} times in {address}\n{}",
            job.short,
            snapshot.whole_transcript()
        );
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if !self.ended && !std::thread::panicking() {
            panic!("the script has no end: call `stage.ends().await`");
        }
    }
}

/// The worker of a view, for look-ups on the platform.
pub fn worker_of(job: &JobView) -> WorkerId {
    job.id.clone()
}
