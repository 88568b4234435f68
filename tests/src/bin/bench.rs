//! The benchmark: `cargo run --release -p wilco-tests --bin bench`, or `just bench`.
//!
//! It prints figures and judges nothing. Each is taken from outside: latencies by the clock of the scripted
//! platform, which runs in a process of its own, processor and memory from `/proc`. The bot is the real program
//! with FULL durability on the disk that `TMPDIR` names.

#![allow(clippy::print_stdout, reason = "a program speaks to its terminal")]

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use futures::future::join_all;
use wilco_core::{AccountId, Clock, EnvelopeKind, Person, Shelf};
use wilco_loop::StoreShelf;
use wilco_sim::clock::MachineClock;
use wilco_sim::{Author, Control, Entry, Fault, Logged, Profile, Rule, Snapshot, Verb, place, server};
use wilco_store::{Mode, Options, Store, Synchronous};
use wilco_tests::real::figures::{memory, percentile, processor};
use wilco_tests::real::{Home, Stand, under_test, wait};

/// Which process this is: the bench itself when it is not set.
const ROLE: &str = "WILCO_BENCH_ROLE";
const BOT: &str = "bot";
/// How many people say something at once, and how often that is done.
const WORKERS: usize = 200;
const ROUNDS: usize = 7;
/// Nothing here takes longer, except on a machine that does something else.
const LIMIT: Duration = Duration::from_secs(120);
const IDLE: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    if let Some(code) = wilco::launcher::intercept() {
        return ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX));
    }
    // The platform is told by its arguments, as a program of its own would be.
    if std::env::args().any(|word| word == "--until-eof") {
        return platform();
    }
    match std::env::var(ROLE).as_deref() {
        Ok(BOT) => under_test::main(),
        _ => bench(),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn platform() -> ExitCode {
    let served = match server::Options::parse(std::env::args().skip(1)) {
        Ok(options) => server::run(options, &mut std::io::stdout()).await.is_ok(),
        Err(_) => false,
    };
    if served { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[tokio::main(flavor = "current_thread")]
async fn bench() -> ExitCode {
    if cfg!(debug_assertions) {
        println!("this is a debug build: the figures mean little, use --release");
    }
    acknowledgements().await;
    idle().await;
    restart().await;
    commits().await;
    ExitCode::SUCCESS
}

/// A platform and a bot that has answered once, so that nothing of its start is measured.
struct Scene {
    stand: Stand,
    home: Home,
}

impl Scene {
    async fn open() -> Self {
        let this = std::env::current_exe().expect("the system tells where this program is");
        let stand = Stand::open(&this, Profile::DiscordLike).await;
        let home = Home::new(this, "[web]\nenabled = false\n")
            .with(ROLE, BOT)
            .with(under_test::PLATFORM, stand.address())
            .with(under_test::PROFILE, Profile::DiscordLike.name());
        Self { stand, home }
    }

    fn control(&self) -> &Control {
        &self.stand.control
    }

    async fn says(&self, tag: &str, line: &str) {
        let ana = Person { roles: vec![under_test::CREW.to_owned()], ..Person::new("id-ana", "ana") };
        let place = place::thread(&AccountId::new(under_test::ACCOUNT), "ops", tag, &ana);
        self.control().say(&ana, &place, line).await.expect("one can write there");
    }

    /// Waits until the log shows so many lines that fit; answers the log.
    async fn sees(&self, count: usize, fits: impl Fn(&Entry) -> bool) -> Vec<Entry> {
        let mut log: Vec<Entry> = Vec::new();
        let clock = MachineClock::start();
        while log.iter().filter(|entry| fits(entry)).count() < count {
            assert!(clock.monotonic() < LIMIT, "it takes too long\n{}", self.home.log());
            let seen = log.last().map_or(0, |entry| entry.seq);
            log.extend(self.control().log_grows(seen, Duration::from_secs(2)).await.expect("the platform answers"));
        }
        log
    }

    async fn warm(&self) {
        self.says("warm", "/run work 1 1 warm").await;
        self.sees(1, |entry| shown(entry, EnvelopeKind::Content).is_some()).await;
    }
}

/// The call whose effect was that somebody sees something of this kind.
fn shown(entry: &Entry, wanted: EnvelopeKind) -> Option<u64> {
    let (Logged::Posted { call, kind, .. } | Logged::Edited { call, kind, .. }) = &entry.what else { return None };
    (*kind == wanted).then_some(*call)
}

async fn acknowledgements() {
    println!("acknowledgement: {WORKERS} jobs asked for at once, from said to the stub that everybody sees, in ms");
    println!("{:>8} {:>6} {:>6} {:>6} {:>6} {:>10}", "round", "p50", "p90", "p99", "max", "memory");
    let mut columns: [Vec<i64>; 4] = Default::default();
    for round in 1..=ROUNDS {
        let scene = Scene::open().await;
        let running = scene.home.start(None);
        scene.warm().await;
        let lines = (0..WORKERS).map(|number| {
            let (scene, tag) = (&scene, format!("t{number}"));
            async move { scene.says(&tag, &format!("/run work 5 300 {tag}")).await }
        });
        join_all(lines).await;
        scene.sees(WORKERS + 1, |entry| shown(entry, EnvelopeKind::Stub).is_some()).await;
        let loaded = memory(running.pid());
        let waits = waits(&scene.control().snapshot().await.expect("the platform answers"));
        let figures = [50, 90, 99, 100].map(|percent| percentile(&waits, percent));
        println!(
            "{round:>8} {:>6} {:>6} {:>6} {:>6} {loaded:>6.1} MiB",
            figures[0], figures[1], figures[2], figures[3]
        );
        columns.iter_mut().zip(figures).for_each(|(column, figure)| column.push(figure));
        running.kill().await.expect("it can be killed");
    }
    let median = columns.map(|mut column| {
        column.sort_unstable();
        column[column.len() / 2]
    });
    println!(
        "{:>8} {:>6} {:>6} {:>6} {:>6}   (aim: p99 under 250)",
        "median", median[0], median[1], median[2], median[3]
    );
}

/// How long each thread waited for its stub, by the platform's clock, shortest first.
fn waits(snapshot: &Snapshot) -> Vec<i64> {
    let mut asked = BTreeMap::new();
    let mut waits = Vec::new();
    // In the order in which they appeared: what was asked for stands before what was answered.
    for message in &snapshot.messages {
        match message.author {
            Author::Person(_) => drop(asked.insert(&message.address, message.created())),
            Author::Bot => {
                let said = asked.remove(&message.address);
                waits.extend(said.map(|said| message.created().0 - said.0));
            }
        }
    }
    waits.sort_unstable();
    waits
}

async fn idle() {
    let scene = Scene::open().await;
    let running = scene.home.start(None);
    scene.warm().await;
    let before = processor(running.pid());
    wait::pause(IDLE).await;
    let share = (processor(running.pid()) - before) / IDLE.as_secs_f64() * 100.0;
    println!(
        "idle for {} s: {share:.2} % of one processor, {:.1} MiB (aim: under 60)",
        IDLE.as_secs(),
        memory(running.pid())
    );
    running.kill().await.expect("it can be killed");
}

async fn restart() {
    let scene = Scene::open().await;
    let running = scene.home.start(None);
    scene.warm().await;
    // Every result is stored, its call hangs, and the process is killed: all of them are pending at the restart.
    let hang = Rule::new(Fault::Hang { applied: false }).on(Verb::Edit).kind(EnvelopeKind::Content).always();
    scene.control().fault(hang).await.expect("the platform answers");
    for number in 0..WORKERS {
        let tag = format!("t{number}");
        scene.says(&tag, &format!("/run work 1 1 {tag}")).await;
    }
    let held = |entry: &Entry| entry.call().is_some_and(|call| call.kind == Some(EnvelopeKind::Content));
    let log = scene.sees(WORKERS + 1, held).await;
    running.kill().await.expect("it can be killed");
    scene.control().calm().await.expect("the platform answers");
    let last = log.last().map_or(0, |entry| entry.seq);
    let start = MachineClock::start().now();
    let running = scene.home.start(None);
    let log = scene.sees(2 * WORKERS + 1, held).await;
    let shown = log.iter().filter(|entry| entry.seq > last && shown(entry, EnvelopeKind::Content).is_some());
    let waits: Vec<i64> = shown.map(|entry| entry.at.0 - start.0).collect();
    println!(
        "restart with {WORKERS} results pending: first visible after {} ms, all after {} ms (aim: first within 2000)",
        waits.first().copied().unwrap_or_default(),
        waits.last().copied().unwrap_or_default()
    );
    running.kill().await.expect("it can be killed");
}

async fn commits() {
    const CALLERS: usize = 64;
    const CHANGES: usize = 200;
    let folder = tempfile::tempdir().expect("a folder for the store");
    let url = format!("sqlite:{}", folder.path().join("wilco.db").display());
    let options = Options { mode: Mode::Threads, instance_lock: true, synchronous: Synchronous::Full };
    let store = Store::open(&url, options).await.expect("the store opens");
    let shelf = StoreShelf::new(store.clone(), AccountId::new("bench"));
    let (clock, before) = (MachineClock::start(), store.commits());
    let callers = (0..CALLERS).map(|caller| {
        let shelf = &shelf;
        async move {
            for change in 0..CHANGES {
                shelf.put(&format!("{caller}-{change}"), "a value").await.expect("the store takes it");
            }
        }
    });
    join_all(callers).await;
    let (seconds, commits) = (clock.monotonic().as_secs_f64(), store.commits() - before);
    let changes = CALLERS * CHANGES;
    println!(
        "store, {CALLERS} callers, FULL: {:.0} changes/s in {:.0} commits/s ({:.1} changes a commit)",
        changes as f64 / seconds,
        commits as f64 / seconds,
        changes as f64 / commits as f64
    );
    store.close().await;
}
