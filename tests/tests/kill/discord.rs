//! Over Discord: the real adapter against the fake one, which lives in this process; counted from its channels.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{StreamExt, stream};
use wilco_sim::Draw;
use wilco_sim::discord::GatewayFault;
use wilco_tests::real::count::Tally;
use wilco_tests::real::draw;
use wilco_tests::real::guild::Way;
use wilco_tests::real::{Crash, Form, Guild, Home, Running, wait};

use super::{JOBS, RECOVERY, SCENARIO, conclude, draw_for, every_passing, program};

/// How many random moments there are. Each run has a bot of its own and is killed a few times only: five sessions in
/// ten minutes are begun at once, and a bot that begins more waits, so that no crash loop costs it its token.
const MOMENTS: u64 = 60;
const LIVES: u64 = 4;
const CRASHES_WITHIN: Duration = Duration::from_secs(60);
/// How long a session may take to begin: the pause between two, and a start on a busy machine.
const BEGINS_WITHIN: Duration = Duration::from_secs(60);
/// After the last kill: the pauses of a refused receipt and of sessions, and what a busy machine adds.
const SETTLES_WITHIN: Duration = Duration::from_secs(150);
const STOPS_WITHIN: Duration = Duration::from_secs(30);
/// How many scenes run at once. Most of each is waiting.
const AT_ONCE: usize = 15;

/// A Discord with its people, and a bot that can die.
struct Scene {
    guild: Guild,
    home: Home,
}

impl Scene {
    async fn open() -> Self {
        let guild = Guild::open().await;
        let home = Home::new(program(), &guild.config()).with("DISCORD_BOT_TOKEN", guild.fake.token());
        home.ask(&["commands", "sync"]).await.expect("the commands are registered");
        Self { guild, home }
    }

    /// The bot dies of itself while people go on.
    async fn crashes(&mut self, crash: &Crash) -> Result<(), String> {
        let running = self.home.start(Some(crash));
        let crashed = tokio::select! {
            crashed = running.crashes(CRASHES_WITHIN) => crashed,
            () = self.guild.live() => Ok(()),
        };
        crashed.map_err(|why| format!("{why}; the scenario has to pass this point"))
    }

    /// What is written while nobody listens, in a channel where the bot was spoken to and in one where it never was.
    fn writes_to_nobody(&mut self, draw: &mut Draw) {
        let quiet = self.guild.new_channel();
        let place = if draw.below(2) == 0 { None } else { Some(quiet) };
        self.guild.want(Form::Short, Way::Mention, place);
        self.guild.turn();
    }

    /// The last start: calm weather, and everything comes to its end. Then the count.
    async fn ends(&mut self) -> Result<Tally, String> {
        self.guild.fake.calm();
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
        self.guild.settles(&self.home, SETTLES_WITHIN).await?;
        let stopped = running.terminate(STOPS_WITHIN).await?;
        if !stopped.success() {
            return Err(format!("the bot ended with {stopped}"));
        }
        self.guild.tally(&self.home).await
    }

    /// What somebody needs who looks for the mistake.
    fn report(&self) -> String {
        let fake = &self.guild.fake;
        let counts = fake.gateway_counts();
        format!(
            "{counts:?}, closed with {:?}\n{}\nthe end of the log:\n{}",
            fake.closes(),
            fake.whole_transcript(),
            self.home.log()
        )
    }
}

/// What somebody may do over a scene, and how a mistake is reported.
async fn played(scene: &mut Scene, play: impl AsyncFnOnce(&mut Scene) -> Result<(), String>) -> Result<Tally, String> {
    let played = match play(scene).await {
        Ok(()) => scene.ends().await,
        Err(why) => Err(why),
    };
    played.map_err(|why| format!("{why}\n{}", scene.report()))
}

/// Some of everything over the lives of a run.
fn wants(guild: &mut Guild, draw: &mut Draw) {
    for _ in 0..1 + draw.below(3) {
        let form = *draw.one_of(&Form::ALL);
        let way = if draw.below(3) == 0 { Way::Mention } else { Way::Command };
        guild.want(form, way, None);
    }
    if draw.below(3) == 0 {
        guild.want(Form::Later, Way::Command, None);
    }
}

/// One life: most are killed at a moment after their session has begun, some before that.
async fn life(scene: &mut Scene, draw: &mut Draw) -> Result<(), String> {
    wants(&mut scene.guild, draw);
    let (begins, drops, moment) = (draw.below(4) > 0, draw.below(4) == 0, draw::moment(draw));
    let (before, fake) = (scene.guild.sessions(), scene.guild.fake.clone());
    let running = scene.home.start(None);
    let dies = async {
        if begins {
            let began = async || (fake.gateway_counts().identifies > before).then_some(());
            wait::for_some(BEGINS_WITHIN, began).await.ok_or("no session was begun")?;
        }
        wait::pause(moment / 2).await;
        if drops {
            fake.gateway_now(&GatewayFault::Drop);
        }
        wait::pause(moment / 2).await;
        running.kill().await.map(drop)
    };
    tokio::select! {
        died = dies => died,
        () = scene.guild.live() => Ok(()),
    }
}

async fn random_moments(seed: u64, run: u64) -> Result<Tally, String> {
    let mut draw = draw_for(seed, 4_000 + run);
    let mut scene = Scene::open().await;
    if run % 2 == 1 {
        scene.guild.storm(&mut draw);
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r15_killed_at_60_random_moments_discord_loses_nothing_and_shows_nothing_twice() {
    let seed = draw::seed_of_this_run();
    let all = stream::iter(0..MOMENTS / LIVES);
    let all = all.map(|run| async move { (format!("run {run}"), random_moments(seed, run).await) });
    let runs: BTreeMap<_, _> = all.buffer_unordered(AT_ONCE).collect().await;
    conclude("60 random moments over Discord", seed, runs);
}

async fn named_point(seed: u64, run: u64, crash: &Crash) -> Result<Tally, String> {
    let mut draw = draw_for(seed, 5_000 + run);
    let mut scene = Scene::open().await;
    if run % 4 == 3 {
        scene.guild.storm(&mut draw);
    }
    played(&mut scene, async |scene| {
        for (at, form) in SCENARIO.into_iter().chain([Form::Pressed, Form::Later]).enumerate() {
            let way = if at % 3 == 1 && form != Form::Later { Way::Mention } else { Way::Command };
            scene.guild.want(form, way, None);
        }
        if crash.point == RECOVERY {
            // A life that leaves work behind, then as many that die while they take it over.
            let running = scene.home.start(None);
            let fake = scene.guild.fake.clone();
            let working = wait::for_some(CRASHES_WITHIN, async || (fake.snapshot().len() >= 30).then_some(()));
            tokio::select! {
                working = working => working.ok_or("nobody was ever answered")?,
                () = scene.guild.live() => {}
            }
            running.kill().await?;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r15_killed_at_every_named_point_discord_loses_nothing_and_shows_nothing_twice() {
    let seed = draw::seed_of_this_run();
    let all = stream::iter((0_u64..).zip(every_passing(&JOBS, &[1, 3]))).map(|(run, crash)| async move {
        let tally = named_point(seed, run, &crash).await;
        (crash.to_string(), tally)
    });
    let runs: BTreeMap<_, _> = all.buffer_unordered(AT_ONCE).collect().await;
    conclude("every named point over Discord", seed, runs);
}
