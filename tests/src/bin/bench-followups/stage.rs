//! A store with many pending follow-ups, and a bot over it.

use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use wilco_core::access::{Access, Role, Rule};
use wilco_core::random::Dice;
use wilco_core::settings::Settings;
use wilco_core::{Clock, Messaging};
use wilco_loop::clock::SystemClock;
use wilco_loop::kinds::Kinds;
use wilco_loop::{Bot, Parts};
use wilco_sim::{Platform, Profile, Scripted};
use wilco_store::{Mode, Options, Store, Synchronous};

use crate::fill::{ACCOUNT, CHUNK, CREW, Fill, Refuse};

const DAY: Duration = Duration::from_secs(24 * 3_600);
/// Over how many days the pending ones are spread.
const DAYS: i64 = 30;

/// A store with many pending follow-ups.
pub(crate) struct Stage {
    folder: TempDir,
    /// How many.
    pub(crate) pending: i64,
}

/// A bot over that store, with a platform of its own.
pub(crate) struct Scene {
    /// The facts.
    pub(crate) store: Store,
    /// The time.
    pub(crate) clock: SystemClock,
    /// What people see.
    pub(crate) platform: Platform,
    bot: Bot,
}

impl Stage {
    /// A new store with so many reminders, the first of them due in two days.
    pub(crate) async fn with_pending(pending: i64) -> Self {
        let stage = Self { folder: tempfile::tempdir().expect("a folder for the store"), pending };
        let clock = SystemClock::new();
        // Nothing is promised while it is filled, so nothing has to wait for the disk.
        let store = stage.open(Synchronous::Off).await;
        let now = clock.now();
        let step = i64::try_from(DAY.as_millis()).unwrap_or(i64::MAX) * DAYS / pending.max(1);
        for from in (0..pending).step_by(usize::try_from(CHUNK).unwrap_or(1)) {
            let to = pending.min(from + CHUNK);
            let fill = Fill { prefix: "b".to_owned(), from, to, first: now.plus(2 * DAY), step, refused: 0, now };
            store.write(fill).await.expect("the store takes it");
        }
        store.write(Refuse).await.expect("the store takes it");
        store.close().await;
        let size = std::fs::metadata(stage.folder.path().join("wilco.db")).map_or(0, |file| file.len());
        println!(
            "{pending} pending follow-ups: a store of {} MiB, filled in {:.1} s",
            size >> 20,
            clock.monotonic().as_secs_f64()
        );
        stage
    }

    /// Opens the store.
    pub(crate) async fn open(&self, synchronous: Synchronous) -> Store {
        let url = format!("sqlite:{}", self.folder.path().join("wilco.db").display());
        let options = Options { mode: Mode::Threads, instance_lock: true, synchronous };
        Store::open(&url, options).await.expect("the store opens")
    }

    /// Starts a bot over an open store.
    pub(crate) async fn start(&self, store: Store) -> Scene {
        let clock = SystemClock::new();
        let shared: Arc<dyn Clock> = Arc::new(clock);
        let platform = Platform::new(Profile::DiscordLike, Arc::clone(&shared));
        let rule = Rule { role: Some(CREW.to_owned()), ..Rule::granting(Role::Operator) };
        let adapter: Arc<dyn Messaging> = Arc::new(Scripted::new(&platform, ACCOUNT));
        let parts = Parts {
            store: store.clone(),
            kinds: Arc::new(Kinds::new(Kinds::builtin(&shared))),
            clock: shared,
            dice: Arc::new(Dice::from_os()),
            settings: Settings { access: Access { rules: vec![rule] }, ..Settings::default() },
            adapters: vec![adapter],
            folder: self.folder.path().join("files"),
        };
        let bot = Bot::start(parts, true).await.expect("the bot starts");
        Scene { store, clock, platform, bot }
    }
}

impl Scene {
    /// Stops the bot and closes the store.
    pub(crate) async fn ends(self) {
        assert!(self.bot.drain().await, "the loop ends in order");
        self.store.close().await;
    }
}
