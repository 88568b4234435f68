//! Jobs in bad weather, drawn from a seed: the invariants find nothing in what is sound however it went.

use std::time::Duration;

use wilco_sim::{Chaos, Draw, Profile};
use wilco_tests::puppet::Run;
use wilco_tests::{Actor, Where};

use super::{OPS, Watched};

const PLACES: [Where<'static>; 4] =
    [OPS, Where::Thread("ops", "deploy"), Where::PrivateThread("ops", "secret"), Where::Direct];

/// One run: some jobs, what people do to them, and a process that dies now and then.
async fn run(seed: u64, profile: Profile, chaos: Chaos) {
    let mut watched = Watched::begin(profile).await;
    let mut draw = Draw::seeded(seed);
    let (ana, cleo) = (Actor::named("ana"), Actor::named("cleo"));
    watched.stage.platform.chaos(Some(chaos));
    let mut runs: Vec<Run> = Vec::new();
    for _ in 0..40 {
        runs.retain(Run::is_alive);
        let place = PLACES[pick(&mut draw, PLACES.len())];
        let one = pick(&mut draw, runs.len());
        match draw.below(11) {
            0..3 => watched.stage.says(&ana, place, "/run report").await,
            3..5 if !runs.is_empty() => runs[one].step(1, 3, "collecting"),
            5..7 if !runs.is_empty() => {
                let run = runs.remove(one);
                if draw.below(4) == 0 {
                    run.writes("table.csv", b"1;2\n".to_vec());
                }
                let lines = [1, 1, 150][pick(&mut draw, 3)];
                run.ends(&(1..=lines).map(|line| format!("line {line} of the report\n")).collect::<String>());
            }
            7 if !runs.is_empty() => {
                let text = format!("/cancel {} no need", runs[one].short);
                watched.stage.says(&ana, place, &text).await;
            }
            8 if !runs.is_empty() => {
                let text = format!("/watch {}", runs[one].short);
                watched.stage.says(&cleo, Where::Channel("war-room"), &text).await;
            }
            9 => {
                let away = Duration::from_millis(draw.below(20_000));
                watched.dies_for(away).await;
                runs.clear();
            }
            _ if !runs.is_empty() => drop(runs[one].asks("Go on?", &["Yes", "No"])),
            _ => {}
        }
        watched.stage.advance(Duration::from_millis(draw.below(6_000))).await;
        while watched.stage.puppets.waiting() > 0 {
            let run = watched.stage.puppets.next();
            if run.is_alive() {
                runs.push(run);
            }
        }
    }
    for run in runs.into_iter().filter(Run::is_alive) {
        run.ends("42");
    }
    watched.ends_sound().await;
}

fn pick(draw: &mut Draw, of: usize) -> usize {
    usize::try_from(draw.below(of as u64)).unwrap_or(0)
}

#[tokio::test(start_paused = true)]
async fn nothing_is_found_in_bad_weather() {
    for seed in 0..9 {
        let profile = Profile::ALL[pick(&mut Draw::seeded(seed), Profile::ALL.len())];
        println!("seed {seed}, {profile:?}");
        run(seed, profile, Chaos::wild(seed)).await;
    }
}
