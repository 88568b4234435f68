//! Over a platform to which the real adapter is connected; counted from its channels.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{StreamExt, stream};
use wilco_core::Clock;
use wilco_sim::Draw;
use wilco_sim::clock::MachineClock;
use wilco_tests::fake::Fake;
use wilco_tests::real::count::Tally;
use wilco_tests::real::draw;
use wilco_tests::real::{Crash, Folk, Form, Ground, Guild, Home, Running, Way, Workspace};

use super::{JOBS, RECOVERY, SCENARIO, conclude, draw_for, every_passing, program};

/// How many random moments there are. Each run has a bot of its own and is killed a few times only: Discord begins five
/// sessions in ten minutes at once, and a bot that begins more waits, so that no crash loop costs it its token.
const MOMENTS: u64 = 60;
const LIVES: u64 = 4;
/// How long a process may take to come to its crash point; in bad weather connections begin late.
const CRASHES_WITHIN: Duration = Duration::from_secs(120);
/// How long a connection may take to begin: the pause between two, and a start on a busy machine.
const BEGINS_WITHIN: Duration = Duration::from_secs(60);
/// After the last kill: the pauses of a refused receipt and of connections, and what a busy machine adds.
const SETTLES_WITHIN: Duration = Duration::from_secs(150);
const STOPS_WITHIN: Duration = Duration::from_secs(30);
/// How long people live between two looks.
const LOOK: Duration = Duration::from_millis(20);
/// How many scenes run at once. Most of each is waiting.
const AT_ONCE: usize = 15;

/// A platform with its people, and a bot that can die.
struct Scene<G> {
    folk: Folk<G>,
    home: Home,
}

impl<G: Ground> Scene<G> {
    async fn open() -> Self {
        let folk = Folk::<G>::open().await;
        let mut home = Home::new(program(), &folk.ground.config());
        for (name, value) in folk.ground.environment() {
            home = home.with(name, value);
        }
        if !folk.ground.before().is_empty() {
            home.ask(folk.ground.before()).await.expect("what comes before the first start is done");
        }
        Self { folk, home }
    }

    /// The bot dies of itself while people go on.
    async fn crashes(&mut self, crash: &Crash) -> Result<(), String> {
        let running = self.home.start(Some(crash));
        let crashed = tokio::select! {
            crashed = running.crashes(CRASHES_WITHIN) => crashed,
            () = self.folk.live() => Ok(()),
        };
        self.folk.ground.died();
        crashed.map_err(|why| format!("{why}; the scenario has to pass this point"))
    }

    /// The bot is killed.
    async fn kills(&mut self, running: Running) -> Result<(), String> {
        let killed = running.kill().await;
        self.folk.ground.died();
        killed.map(drop)
    }

    /// What is written while nobody listens, in a channel where the bot was spoken to and in one where it never was.
    fn writes_to_nobody(&mut self, draw: &mut Draw) {
        let quiet = self.folk.new_channel();
        let place = if draw.below(2) == 0 { None } else { Some(quiet) };
        self.folk.want(Form::Short, Way::Mention, place);
        self.folk.turn();
    }

    /// The last start: calm weather, and everything comes to its end. Then the count.
    async fn ends(&mut self) -> Result<Tally, String> {
        self.folk.ground.fake().calm();
        let running = self.home.start(None);
        let mut tally = self.counts(running).await?;
        tally.wrong.extend(self.home.failed().await?);
        tally.wrong.extend(self.home.panics());
        if !tally.wrong.is_empty() {
            tally.wrong.push(self.report());
        }
        Ok(tally)
    }

    async fn counts(&mut self, running: Running) -> Result<Tally, String> {
        self.folk.settles(&self.home, SETTLES_WITHIN).await?;
        let stopped = running.terminate(STOPS_WITHIN).await?;
        if !stopped.success() {
            return Err(format!("the bot ended with {stopped}"));
        }
        self.folk.tally(&self.home).await
    }

    /// What somebody needs who looks for the mistake.
    fn report(&self) -> String {
        let ground = &self.folk.ground;
        let (seen, log) = (ground.fake().whole_transcript(), self.home.log());
        format!("{}\n{seen}\nthe end of the log:\n{log}", ground.report())
    }
}

/// What somebody may do over a scene, and how a mistake is reported.
async fn played<G: Ground>(
    scene: &mut Scene<G>,
    play: impl AsyncFnOnce(&mut Scene<G>) -> Result<(), String>,
) -> Result<Tally, String> {
    let played = match play(scene).await {
        Ok(()) => scene.ends().await,
        Err(why) => Err(why),
    };
    played.map_err(|why| format!("{why}\n{}", scene.report()))
}

/// Some of everything over the lives of a run.
fn wants<G: Ground>(folk: &mut Folk<G>, draw: &mut Draw) {
    for _ in 0..1 + draw.below(3) {
        let form = *draw.one_of(&Form::ALL);
        let way = if draw.below(3) == 0 { Way::Mention } else { Way::Command };
        folk.want(form, way, None);
    }
    if draw.below(3) == 0 {
        folk.want(Form::Later, Way::Command, None);
    }
}

/// One life: most are killed at a moment after their connection has begun, some before that.
async fn life<G: Ground>(scene: &mut Scene<G>, draw: &mut Draw) -> Result<(), String> {
    wants(&mut scene.folk, draw);
    let (begins, cuts, moment) = (draw.below(4) > 0, draw.below(4) == 0, draw::moment(draw));
    let before = scene.folk.ground.begun();
    let running = scene.home.start(None);
    if begins {
        let clock = MachineClock::start();
        while scene.folk.ground.begun() == before {
            if clock.monotonic() > BEGINS_WITHIN {
                return Err("no connection was begun".to_owned());
            }
            scene.folk.lives_for(LOOK).await;
        }
    }
    scene.folk.lives_for(moment / 2).await;
    if cuts {
        scene.folk.ground.cut();
    }
    scene.folk.lives_for(moment / 2).await;
    scene.kills(running).await
}

async fn random_moments<G: Ground>(seed: u64, run: u64) -> Result<Tally, String> {
    let mut draw = draw_for(seed, 4_000 + run);
    let mut scene = Scene::<G>::open().await;
    if run % 2 == 1 {
        scene.folk.ground.storm(&mut draw);
    }
    played(&mut scene, async |scene| {
        for _ in 0..LIVES {
            life(scene, &mut draw).await?;
            scene.writes_to_nobody(&mut draw);
        }
        Ok(())
    })
    .await
}

async fn at_60_random_moments<G: Ground>() {
    let seed = draw::seed_of_this_run();
    let all = stream::iter(0..MOMENTS / LIVES);
    let all = all.map(|run| async move { (format!("run {run}"), random_moments::<G>(seed, run).await) });
    let runs: BTreeMap<_, _> = all.buffer_unordered(AT_ONCE).collect().await;
    conclude(&format!("60 random moments over {}", G::NAME), seed, runs);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r15_killed_at_60_random_moments_discord_loses_nothing_and_shows_nothing_twice() {
    at_60_random_moments::<Guild>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r15_killed_at_60_random_moments_slack_loses_nothing_and_shows_nothing_twice() {
    at_60_random_moments::<Workspace>().await;
}

async fn named_point<G: Ground>(seed: u64, run: u64, crash: &Crash) -> Result<Tally, String> {
    let mut draw = draw_for(seed, 5_000 + run);
    let mut scene = Scene::<G>::open().await;
    if run % 4 == 3 {
        scene.folk.ground.storm(&mut draw);
    }
    played(&mut scene, async |scene| {
        for (at, form) in SCENARIO.into_iter().chain([Form::Pressed, Form::Later]).enumerate() {
            let way = if at % 3 == 1 && form != Form::Later { Way::Mention } else { Way::Command };
            scene.folk.want(form, way, None);
        }
        if crash.point == RECOVERY {
            // A life that leaves work behind, then as many that die while they take it over.
            let running = scene.home.start(None);
            let clock = MachineClock::start();
            while scene.folk.ground.fake().seen().len() < 30 {
                if clock.monotonic() > CRASHES_WITHIN {
                    return Err("nobody was ever answered".to_owned());
                }
                scene.folk.lives_for(LOOK).await;
            }
            scene.kills(running).await?;
            for _ in 0..crash.nth {
                scene.crashes(&Crash::at(RECOVERY, 1)).await?;
            }
        } else {
            scene.crashes(crash).await?;
        }
        scene.writes_to_nobody(&mut draw);
        Ok(())
    })
    .await
}

async fn at_every_named_point<G: Ground>() {
    let seed = draw::seed_of_this_run();
    let all = stream::iter((0_u64..).zip(every_passing(&JOBS, &[1, 3]))).map(|(run, crash)| async move {
        let tally = named_point::<G>(seed, run, &crash).await;
        (crash.to_string(), tally)
    });
    let runs: BTreeMap<_, _> = all.buffer_unordered(AT_ONCE).collect().await;
    conclude(&format!("every named point over {}", G::NAME), seed, runs);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r15_killed_at_every_named_point_discord_loses_nothing_and_shows_nothing_twice() {
    at_every_named_point::<Guild>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r15_killed_at_every_named_point_slack_loses_nothing_and_shows_nothing_twice() {
    at_every_named_point::<Workspace>().await;
}
