//! Over the scripted platform in a process of its own, with its fault script on; counted from that platform's
//! log and channels.

use std::time::Duration;

use futures::{StreamExt, stream};
use wilco_sim::{Chaos, Draw, Profile};
use wilco_tests::real::count::Tally;
use wilco_tests::real::draw;
use wilco_tests::real::{Crash, Crowd, Form, Home, Scene, wait};

use super::{JOBS, RECOVERY, conclude, draw_for, every_passing, platform_program, program};

/// How many random moments there are, and in how many runs that go on side by side.
const MOMENTS: u64 = 100;
const RUNS: u64 = WEATHER.len() as u64;
/// How long a process may take to come to its crash point.
const CRASHES_WITHIN: Duration = Duration::from_secs(60);
/// After the last kill: the longest pause of a content receipt that was refused twice (36 s), the re-assert
/// (45 s), and what a busy machine adds.
const SETTLES_WITHIN: Duration = Duration::from_secs(150);
/// In every so many lives the moment is counted from the start of a command, so that there are children to leave
/// behind; such a start may take so long.
const EVERY: u64 = 4;
const COMMAND_STARTS_WITHIN: Duration = Duration::from_secs(60);
/// How many scenarios run at once. Most of each is waiting.
const AT_ONCE: usize = 12;

async fn open(profile: Profile) -> Scene {
    Scene::open(platform_program(), profile, Home::new(program(), "[web]\nenabled = false\n")).await
}

async fn weather(scene: &Scene, chaos: Chaos) {
    scene.stand.control.chaos(Some(chaos)).await.expect("the platform answers");
}

async fn says(scene: &Scene, forms: &[Form]) {
    for form in forms {
        scene.crowd.says(*form).await;
    }
}

/// The bot is killed at a moment after its start, or after a command was seen to run, while people keep
/// asking. Answers how many processes of jobs lived then.
async fn dies_after(scene: &Scene, moment: Duration, of_a_command: bool, forms: &[Form]) -> Result<usize, String> {
    let running = scene.home.start(None);
    let killed = async {
        if of_a_command {
            // One that nobody cancels: it lives until the kill, so that whoever looks for it cannot miss it.
            scene.crowd.says(Form::Left).await;
            a_command_runs(scene).await?;
        }
        wait::pause(moment).await;
        running.kill().await
    };
    // What people have begun to say is said, whether somebody listens or not.
    let ((), killed) = tokio::join!(says(scene, forms), killed);
    killed.map(|killed| killed.children)
}

async fn a_command_runs(scene: &Scene) -> Result<(), String> {
    let seen = wait::for_some(COMMAND_STARTS_WITHIN, async || scene.home.has_children().then_some(()));
    seen.await.ok_or_else(|| "no command was ever started".to_owned())
}

/// The last start: calm weather, and everything comes to its end. Then the count.
async fn ends(mut scene: Scene) -> Result<Tally, String> {
    scene.stand.control.calm().await.map_err(|error| error.to_string())?;
    let running = scene.home.start(None);
    match scene.counts(running, SETTLES_WITHIN).await {
        Ok(mut tally) => {
            if !tally.wrong.is_empty() {
                tally.wrong.push(scene.report().await);
            }
            Ok(tally)
        }
        Err(why) => Err(format!("{why}\n{}", scene.report().await)),
    }
}

/// What people ask for in one life: some of everything over the lives of a run, and each time a command with
/// children, so that there is something to leave behind.
fn asked_in_a_life(draw: &mut Draw) -> Vec<Form> {
    let count = 1 + draw.below(3);
    let others = (0..count).map(|_| Form::ALL[usize::try_from(draw.below(9)).unwrap_or(0)]);
    std::iter::once(Form::Spin).chain(others).collect()
}

/// The platform of each run: an ordinary day on all three, bad weather on those that recognise no repeated create.
const WEATHER: [(Profile, bool); 5] = [
    (Profile::DiscordLike, false),
    (Profile::SlackLike, false),
    (Profile::TelegramLike, false),
    (Profile::SlackLike, true),
    (Profile::TelegramLike, true),
];

async fn random_moments(seed: u64, run: u64) -> Result<(Tally, u64), String> {
    let mut draw = draw_for(seed, run);
    let (profile, wild) = WEATHER[usize::try_from(run).unwrap_or(0)];
    let scene = open(profile).await;
    let chaos = draw.below(1 << 32);
    weather(&scene, if wild { Chaos::wild(chaos) } else { Chaos::mild(chaos) }).await;
    let lives = async {
        let mut with_children = 0_u64;
        for life in 0..MOMENTS / RUNS {
            let (moment, forms) = (draw::moment(&mut draw), asked_in_a_life(&mut draw));
            let children = dies_after(&scene, moment, life % EVERY == 0, &forms).await?;
            with_children += u64::from(children > 0);
        }
        Ok::<u64, String>(with_children)
    };
    let with_children = tokio::select! {
        with_children = lives => with_children?,
        () = scene.crowd.watches() => 0,
    };
    let watcher = Crowd::clone(&scene.crowd);
    let tally = tokio::select! {
        tally = ends(scene) => tally?,
        () = watcher.watches() => Tally::default(),
    };
    Ok((tally, with_children))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r15_killed_at_100_random_moments_nothing_is_lost_and_nothing_is_shown_twice() {
    let seed = draw::seed_of_this_run();
    let all = stream::iter(0..RUNS).map(|run| async move { (run, random_moments(seed, run).await) });
    let all: Vec<_> = all.buffer_unordered(AT_ONCE).collect().await;
    let with_children: u64 = all.iter().filter_map(|(_, run)| run.as_ref().ok()).map(|(_, count)| count).sum();
    let runs = all.into_iter().map(|(run, result)| (format!("run {run}"), result.map(|(tally, _)| tally)));
    conclude("100 random moments over the scripted platform", seed, runs.collect());
    println!("at {with_children} of {MOMENTS} kills processes of jobs were alive");
    assert!(with_children >= MOMENTS / EVERY, "c10 proves little: only at {with_children} kills a command was running");
}

/// Everything that has to happen for every point to be passed four times by one process.
const SCENARIO: [Form; 17] = [
    Form::Long,
    Form::Long,
    Form::Long,
    Form::Long,
    Form::Asks,
    Form::Asks,
    Form::Asks,
    Form::Asks,
    Form::Parts,
    Form::File,
    Form::Once,
    Form::Cancelled,
    Form::Pressed,
    Form::Spin,
    Form::Short,
    Form::Short,
    Form::Short,
];

async fn named_point(seed: u64, run: u64, crash: &Crash) -> Result<Tally, String> {
    let mut draw = draw_for(seed, 100 + run);
    let profile = Profile::ALL[usize::try_from(run % 3).unwrap_or(0)];
    let scene = open(profile).await;
    let chaos = draw.below(1 << 32);
    weather(&scene, if run % 8 == 7 { Chaos::wild(chaos) } else { Chaos::mild(chaos) }).await;
    let deaths = async {
        if crash.point == RECOVERY {
            // A life that leaves work behind, then as many that die while they take it over.
            let running = scene.home.start(None);
            says(&scene, &SCENARIO).await;
            let working = wait::for_some(CRASHES_WITHIN, async || (scene.stubs().await >= 6).then_some(())).await;
            working.ok_or("no job was ever acknowledged")?;
            running.kill().await?;
            for _ in 0..crash.nth {
                scene.home.start(Some(&Crash::at(RECOVERY, 1))).crashes(CRASHES_WITHIN).await?;
            }
            return Ok::<(), String>(());
        }
        let running = scene.home.start(Some(crash));
        says(&scene, &SCENARIO).await;
        running.crashes(CRASHES_WITHIN).await.map_err(|why| format!("{why}; the scenario has to pass this point"))
    };
    let died = tokio::select! {
        died = deaths => died,
        () = scene.crowd.watches() => Ok(()),
    };
    if let Err(why) = died {
        return Err(format!("{why}\n{}", scene.report().await));
    }
    let watcher = Crowd::clone(&scene.crowd);
    tokio::select! {
        tally = ends(scene) => tally,
        () = watcher.watches() => Err("the watcher has left".to_owned()),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r15_killed_at_every_named_point_nothing_is_lost_and_nothing_is_shown_twice() {
    let seed = draw::seed_of_this_run();
    let points = every_passing(&JOBS, &[1, 2, 4]);
    let all = stream::iter((0_u64..).zip(points)).map(|(run, crash)| async move {
        let tally = named_point(seed, run, &crash).await;
        (crash.to_string(), tally)
    });
    let runs = all.buffer_unordered(AT_ONCE).collect::<Vec<_>>().await;
    conclude("every named point over the scripted platform", seed, runs.into_iter().collect());
}
