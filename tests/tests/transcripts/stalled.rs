//! A store that does not answer: people are told that they were heard, and nothing is promised before it is stored (L2).
//!
//! These scripts run on the real store with its own thread, in real time, because the stall has to be real;
//! only the clock by which wilco waits is moved by hand.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Notify, oneshot};
use wilco_core::access::{Access, Role, Rule};
use wilco_core::random::Dice;
use wilco_core::settings::Settings;
use wilco_core::{Address, Clock};
use wilco_loop::kinds::{Echo, KindMap, Kinds};
use wilco_loop::{Bot, Parts};
use wilco_sim::clock::HandClock;
use wilco_sim::{Platform, Profile, Scripted};
use wilco_store::engine::Tx;
use wilco_store::{Change, Mode, Options, Store, StoreError, Synchronous};
use wilco_tests::clock::BEGIN;
use wilco_tests::{Actor, Where};

const OPS: Where<'static> = Where::Channel("ops");
/// How long a script waits in real time for what has to happen; far more than it ever takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A change that holds the writer until the script lets it go, as a disk that does not answer does.
struct Stall {
    reached: Mutex<Option<oneshot::Sender<()>>>,
    release: Arc<Notify>,
}

#[async_trait]
impl Change for Stall {
    type Out = ();

    fn name(&self) -> &'static str {
        "stall"
    }

    async fn apply(&self, _tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let reached = self.reached.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(reached) = reached {
            reached.send(()).expect("the script waits for the stall");
            self.release.notified().await;
        }
        Ok(())
    }
}

/// A bot on a real store.
struct Rig {
    clock: Arc<HandClock>,
    platform: Platform,
    store: Store,
    bot: Bot,
    _dir: tempfile::TempDir,
}

impl Rig {
    async fn open() -> Self {
        let dir = tempfile::tempdir().expect("a folder for the store");
        let clock = HandClock::at(BEGIN);
        let platform = Platform::new(Profile::DiscordLike, Arc::clone(&clock) as Arc<dyn Clock>);
        let url = format!("sqlite:{}", dir.path().join("wilco.db").display());
        let options = Options { mode: Mode::Threads, instance_lock: false, synchronous: Synchronous::Off };
        let store = Store::open(&url, options).await.expect("the store opens");
        let rule = Rule { user: Some("id-ana".to_owned()), ..Rule::granting(Role::Operator) };
        let mut settings = Settings { access: Access { rules: vec![rule] }, ..Settings::default() };
        settings.quotas.cooldown = Duration::ZERO;
        let mut kinds = KindMap::new();
        kinds.insert("echo".to_owned(), Arc::new(Echo));
        let parts = Parts {
            store: store.clone(),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            dice: Arc::new(Dice::seeded(42)),
            kinds: Arc::new(Kinds::new(kinds)),
            settings,
            adapters: vec![Arc::new(Scripted::new(&platform, "sim"))],
            folder: dir.path().join("files"),
        };
        let bot = Bot::start(parts, true).await.expect("the bot starts");
        Self { clock, platform, store, bot, _dir: dir }
    }

    fn ops() -> Address {
        Actor::named("ana").at(OPS).address
    }

    /// Holds the store until the returned handle is notified.
    async fn stalls(&self) -> Arc<Notify> {
        let (reached, stalled) = oneshot::channel();
        let release = Arc::new(Notify::new());
        let stall = Stall { reached: Mutex::new(Some(reached)), release: Arc::clone(&release) };
        let store = self.store.clone();
        tokio::spawn(async move { store.write(stall).await });
        stalled.await.expect("the writer has come to it");
        release
    }

    /// Lets every task that can go on do so. All of them share the script's thread.
    async fn moment(&self) {
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
    }

    /// Waits until the platform shows what is expected.
    async fn until(&self, what: &str, shown: impl Fn(&str) -> bool) -> String {
        let mut last = 0;
        loop {
            let transcript = self.platform.snapshot().transcript(&Self::ops());
            if shown(&transcript) {
                return transcript;
            }
            let grown = self.platform.log_grows(last, Duration::from_secs(3_600));
            #[allow(
                clippy::disallowed_methods,
                reason = "the script's clock stands still; this ends a script that failed"
            )]
            let entries = tokio::time::timeout(PATIENCE, grown).await.unwrap_or_default();
            assert!(!entries.is_empty(), "waited for {what}:\n{transcript}");
            last = entries.last().map_or(last, |entry| entry.seq);
        }
    }

    fn sees(&self) -> String {
        self.platform.snapshot().transcript(&Self::ops())
    }

    fn says(&self, text: &str) {
        let ana = Actor::named("ana");
        self.platform.say(&ana.0, &ana.at(OPS), text).expect("one can write there");
    }

    async fn ends(self) {
        self.bot.begin_drain();
        // The drain waits by the clock for what it still has to send; nothing is left here.
        self.bot.finish().await;
        self.store.close().await;
    }
}

#[tokio::test]
async fn l2_a_stalled_store_is_heard_after_two_seconds_and_acknowledged_as_soon_as_it_answers() {
    let rig = Rig::open().await;
    let release = rig.stalls().await;
    rig.says("/run echo hello");
    rig.moment().await;
    rig.clock.advance(Duration::from_millis(1_900));
    rig.moment().await;
    assert_eq!(rig.sees(), "ana | /run echo hello\n", "neither a promise nor a note yet");
    rig.clock.advance(Duration::from_millis(100));
    rig.moment().await;
    assert_eq!(rig.sees(), "ana | /run echo hello\nonly ana sees | Heard, storing…\n");
    rig.clock.advance(Duration::from_secs(8));
    rig.moment().await;
    assert_eq!(rig.sees(), "ana | /run echo hello\nonly ana sees | Heard, storing…\n", "said once, nothing promised");
    release.notify_one();
    let shown = rig.until("the result", |shown| shown.contains("Done · ")).await;
    insta::assert_snapshot!(shown, @"
    ana | /run echo hello
    only ana sees | Heard, storing…
    bot | Done · u6b3 · 0s

          hello
          [Details]
    ");
    rig.ends().await;
}

#[tokio::test]
async fn l1_while_the_store_stalls_nothing_is_shown_and_everything_is_taken_afterwards() {
    let rig = Rig::open().await;
    let release = rig.stalls().await;
    for word in ["one", "two", "three"] {
        rig.says(&format!("/run echo {word}"));
        rig.moment().await;
        rig.clock.advance(Duration::from_secs(1));
    }
    rig.moment().await;
    assert!(!rig.sees().contains("bot |"), "{}", rig.sees());
    release.notify_one();
    let shown = rig.until("all results", |shown| shown.matches("Done · ").count() == 3).await;
    for word in ["one", "two", "three"] {
        assert_eq!(shown.matches(&format!("\n      {word}\n")).count(), 1, "{shown}");
    }
    rig.ends().await;
}
