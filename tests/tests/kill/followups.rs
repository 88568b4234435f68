//! What people have scheduled comes due while the bot is killed: between claim, injection and settlement, and at
//! random moments. Each due time becomes visible exactly once. Over the scripted platform in a process of its own.

use std::time::Duration;

use futures::{StreamExt, stream};
use wilco_sim::{Chaos, Draw, Entry, Profile, Snapshot};
use wilco_tests::real::count::Tally;
use wilco_tests::real::occurrences::{self, Facts};
use wilco_tests::real::{Crash, Home, Plan, Planners, Running, Stand, draw, under_test, wait};

use super::{FOLLOWUPS, conclude, draw_for, every_passing, platform_program, program};

/// How many random moments there are; the runs go on side by side.
const MOMENTS: u64 = 100;
const RUNS: u64 = WEATHER.len() as u64;
/// How long a process may take to come to its crash point.
const CRASHES_WITHIN: Duration = Duration::from_secs(60);
/// After the last kill, as with jobs: a content receipt that was refused twice, the re-assert, a busy machine.
const SETTLES_WITHIN: Duration = Duration::from_secs(150);
/// How long something that is due every second or two may take to be seen again.
const COMES_WITHIN: Duration = Duration::from_secs(60);
/// How long the platform has to stay quiet before the count.
const QUIET: Duration = Duration::from_millis(1_500);
const AT_ONCE: usize = 12;

/// The nearest times that a configuration may allow, so that something is due in every life.
const SOON: &str = "[web]\nenabled = false\n[followups]\nmin = \"1s\"\nmin_every = \"1s\"\nper_person = 10000\n";

/// A platform, people who plan, and a bot that can die.
struct Scene {
    stand: Stand,
    home: Home,
    people: Planners,
    log: Vec<Entry>,
}

/// Everything that is counted from.
struct Seen {
    snapshot: Snapshot,
    facts: Facts,
}

impl Scene {
    async fn open(profile: Profile) -> Self {
        let stand = Stand::open(platform_program(), profile).await;
        let home = Home::new(program(), SOON)
            .with(under_test::PLATFORM, stand.address())
            .with(under_test::PROFILE, profile.name());
        let people = Planners::new(&stand.control);
        Self { stand, home, people, log: Vec::new() }
    }

    async fn chaos(&self, wild: bool, seed: u64) {
        let chaos = if wild { Chaos::wild(seed) } else { Chaos::mild(seed) };
        self.stand.control.chaos(Some(chaos)).await.expect("the platform answers");
    }

    /// The last start: calm weather, nothing comes again any more, and everything comes to its end. Then the count.
    async fn ends(mut self) -> Result<Tally, String> {
        self.stand.control.calm().await.map_err(|error| error.to_string())?;
        let running = self.home.start(None);
        let counted = async {
            self.comes_again().await?;
            self.people.stop().await;
            self.counts(running).await
        };
        let mut tally = match counted.await {
            Ok(tally) => tally,
            Err(why) => return Err(format!("{why}\n{}", self.report().await)),
        };
        tally.wrong.extend(self.home.panics());
        if !tally.wrong.is_empty() {
            tally.wrong.push(self.report().await);
        }
        Ok(tally)
    }

    /// Waits until what comes again has come again in this life: a kill must not have ended its schedule.
    async fn comes_again(&self) -> Result<(), String> {
        let control = &self.stand.control;
        let before = self.people.ticks(&control.snapshot().await.map_err(|error| error.to_string())?);
        let came = wait::for_some(COMES_WITHIN, async || {
            wait::pause(QUIET / 10).await;
            let now = self.people.ticks(&control.snapshot().await.ok()?);
            now.iter().zip(&before).all(|(now, before)| now > before).then_some(())
        });
        came.await.ok_or_else(|| format!("what comes again has not come again; before that {before:?} times"))
    }

    async fn counts(&mut self, running: Running) -> Result<Tally, String> {
        self.settles().await?;
        let stopped = running.terminate(Duration::from_secs(30)).await?;
        if !stopped.success() {
            return Err(format!("the bot ended with {stopped}"));
        }
        let failed = self.home.failed().await?;
        let log = self.stand.control.log_after(0).await.map_err(|error| error.to_string())?;
        let Seen { snapshot, facts } = self.looks().await?;
        let mut tally = occurrences::tally(&self.people.planned(), &log, &snapshot, &facts, self.stand.profile());
        tally.wrong.extend(failed);
        Ok(tally)
    }

    async fn looks(&self) -> Result<Seen, String> {
        let snapshot = self.stand.control.snapshot().await.map_err(|error| error.to_string())?;
        Ok(Seen { snapshot, facts: occurrences::facts(&self.home).await? })
    }

    /// Waits until nothing is missing in the channels, the store owes nothing, and the platform is quiet.
    async fn settles(&mut self) -> Result<(), String> {
        let mut open = Vec::new();
        let settled = wait::for_some(SETTLES_WITHIN, async || {
            let seen = self.log.last().map_or(0, |entry| entry.seq);
            let grown = self.stand.control.log_grows(seen, QUIET).await.ok()?;
            let quiet = grown.is_empty();
            self.log.extend(grown);
            if !quiet {
                return None;
            }
            let Seen { snapshot, facts } = self.looks().await.ok()?;
            open = occurrences::open(&self.people.planned(), &self.log, &snapshot, &facts, self.stand.profile());
            if open.is_empty() {
                match self.home.owed().await {
                    Ok(0) => {}
                    Ok(owed) => open.push(format!("{owed} receipts are not settled")),
                    Err(why) => open.push(why),
                }
            }
            open.is_empty().then_some(())
        });
        let settled = settled.await;
        settled.ok_or_else(|| format!("not settled within {} s: {open:#?}", SETTLES_WITHIN.as_secs()))
    }

    /// What somebody needs who looks for the mistake.
    async fn report(&self) -> String {
        let snapshot = self.stand.control.snapshot().await.unwrap_or_default();
        format!(
            "profile {}\n{}\nthe end of the log:\n{}",
            self.stand.profile().name(),
            snapshot.whole_transcript(),
            self.home.log()
        )
    }
}

/// The platform of each run: an ordinary day on all three, and bad weather on the one that finds nothing again.
const WEATHER: [(Profile, bool); 4] = [
    (Profile::DiscordLike, false),
    (Profile::SlackLike, false),
    (Profile::TelegramLike, false),
    (Profile::TelegramLike, true),
];

/// One life in which people plan something for the next seconds: some of it is due in this life, the rest while
/// nobody is there, or in the next one.
async fn life(scene: &Scene, draw: &mut Draw) -> Result<(), String> {
    if draw.below(2) == 0 {
        scene.people.writes(&scene.home, Duration::from_millis(draw.below(1_500))).await?;
    }
    let plans: Vec<(Plan, u64)> = (0..1 + draw.below(2))
        .map(|_| ([Plan::Reminder, Plan::Turn][usize::try_from(draw.below(2)).unwrap_or(0)], 1 + draw.below(3)))
        .collect();
    let moment = draw::moment(draw);
    let running = scene.home.start(None);
    let saying = async {
        for (plan, seconds) in plans {
            scene.people.says(plan, seconds).await;
        }
    };
    let killing = async {
        wait::pause(moment).await;
        running.kill().await
    };
    // What people have begun to say is said, whether somebody listens or not.
    let ((), killed) = tokio::join!(saying, killing);
    killed.map(drop)
}

async fn random_moments(seed: u64, run: u64) -> Result<Tally, String> {
    let mut draw = draw_for(seed, 2_000 + run);
    let (profile, wild) = WEATHER[usize::try_from(run).unwrap_or(0)];
    let scene = Scene::open(profile).await;
    scene.chaos(wild, draw.below(1 << 32)).await;
    scene.people.says(Plan::Ticks, 2).await;
    for _ in 0..MOMENTS / RUNS {
        life(&scene, &mut draw).await?;
    }
    scene.ends().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f8_f19_killed_at_100_random_moments_every_due_time_becomes_visible_once() {
    let seed = draw::seed_of_this_run();
    let all = stream::iter(0..RUNS).map(|run| async move { (format!("run {run}"), random_moments(seed, run).await) });
    let runs = all.buffer_unordered(AT_ONCE).collect::<Vec<_>>().await;
    conclude("follow-ups, 100 random moments", seed, runs.into_iter().collect());
}

/// What is said in the life that ends at a named point: enough for every point to be passed four times.
const SAID: [(Plan, u64); 7] = [
    (Plan::Ticks, 1),
    (Plan::Reminder, 1),
    (Plan::Turn, 1),
    (Plan::Reminder, 1),
    (Plan::Turn, 2),
    (Plan::Reminder, 2),
    (Plan::Reminder, 3),
];
/// What was written before that life begins, in milliseconds from then: the first is due when it looks for the
/// first time.
const WRITTEN: [u64; 4] = [0, 200, 600, 1_200];

async fn named_point(seed: u64, run: u64, crash: &Crash) -> Result<Tally, String> {
    let mut draw = draw_for(seed, 3_000 + run);
    let scene = Scene::open(Profile::ALL[usize::try_from(run % 3).unwrap_or(0)]).await;
    scene.chaos(run % 8 == 7, draw.below(1 << 32)).await;
    for after in WRITTEN {
        scene.people.writes(&scene.home, Duration::from_millis(after)).await?;
    }
    let running = scene.home.start(Some(crash));
    for (plan, seconds) in SAID {
        scene.people.says(plan, seconds).await;
    }
    if let Err(why) = running.crashes(CRASHES_WITHIN).await {
        return Err(format!("{why}; the scenario has to pass this point\n{}", scene.report().await));
    }
    scene.ends().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f8_f19_killed_between_claim_injection_and_settlement_every_due_time_becomes_visible_once() {
    let seed = draw::seed_of_this_run();
    let all = stream::iter((0_u64..).zip(every_passing(&FOLLOWUPS, &[1, 2, 4]))).map(|(run, crash)| async move {
        let tally = named_point(seed, run, &crash).await;
        (crash.to_string(), tally)
    });
    let runs = all.buffer_unordered(AT_ONCE).collect::<Vec<_>>().await;
    conclude("follow-ups, every point of theirs", seed, runs.into_iter().collect());
}
