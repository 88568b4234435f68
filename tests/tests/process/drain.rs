//! The program is told to end, as a service manager or a person at the terminal does.

use std::time::Duration;

use rustix::process::Signal;
use wilco_core::EnvelopeKind;
use wilco_sim::{Fault, Rule, Verb};
use wilco_tests::real::count::Tally;
use wilco_tests::real::{Form, Scene, wait};

use super::{
    ENDS_WITHIN, Outcome, SOON, answered, conclude, concludes, home, hurries, logs, outcome, scene, sees, shows,
};

/// A second signal is meant by somebody who does not want to wait.
const AT_ONCE: Duration = Duration::from_secs(5);
/// One job of each kind at a time, so that one has to wait.
const ONE: &str = "[defaults]\nmax_running = 1\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w18_c10_told_to_end_it_ends_in_time_and_the_next_start_delivers_everything() {
    let (once, hurried) = tokio::join!(once(), hurried());
    conclude([once, hurried]);
}

async fn once() -> Outcome {
    let mut scene = scene(home(ONE)).await;
    let result = drains(&mut scene).await;
    outcome("told to end", &scene, result, &[("Done", 4), ("Interrupted", 2), ("Reminder", 1)]).await
}

async fn hurried() -> Outcome {
    let mut scene = scene(home(ONE)).await;
    let result = twice(&mut scene).await;
    outcome("told to end twice", &scene, result, &[("Done", 4), ("Interrupted", 2)]).await
}

async fn drains(scene: &mut Scene) -> Result<Tally, String> {
    let running = scene.home.start(None);
    busy(scene).await?;
    let later = scene.crowd.says(Form::Later).await;
    answered(scene, &later, SOON).await?;

    running.signal(Signal::TERM)?;
    logs(scene, "draining").await?;
    // Whoever asks now is told that it will not be done.
    let late = scene.crowd.says(Form::Short).await;
    let told = answered(scene, &late, SOON).await?;
    if !told.notes.iter().any(|note| note.contains("the bot is about to restart")) {
        return Err(format!("new work was answered {told:?}"));
    }
    scene.crowd.forgets(&late.event);
    let status = running.ends(ENDS_WITHIN).await?;
    if !status.success() {
        return Err(format!("it ended with {status}"));
    }
    again(scene).await
}

/// Everything that can be under way: a delivery whose call hangs, jobs that run, one that waits for its turn, one
/// that waits for a person, a command with children.
async fn busy(scene: &Scene) -> Result<(), String> {
    let hang = Rule::new(Fault::Hang { applied: false }).on(Verb::Edit).kind(EnvelopeKind::Content);
    scene.stand.control.fault(hang).await.map_err(|error| error.to_string())?;
    scene.crowd.says(Form::Short).await;
    sees(scene, "a result whose call hangs", |log| {
        log.iter().filter_map(|entry| entry.call()).any(|call| call.kind == Some(EnvelopeKind::Content))
    })
    .await?;
    for (form, kind) in [
        (Form::Waits, EnvelopeKind::Progress),
        (Form::Waits, EnvelopeKind::Stub),
        (Form::WaitsOnce, EnvelopeKind::Progress),
        (Form::Asks, EnvelopeKind::Question),
        (Form::Left, EnvelopeKind::Progress),
    ] {
        let asked = scene.crowd.says(form).await;
        shows(scene, &asked, kind).await?;
    }
    wait::for_some(SOON, async || scene.home.has_children().then_some(()))
        .await
        .ok_or("no command was started".to_owned())
}

/// The next start. From now on the waiting jobs may end.
async fn again(scene: &mut Scene) -> Result<Tally, String> {
    scene.home.go();
    let running = scene.home.start(None);
    concludes(scene, running).await
}

async fn twice(scene: &mut Scene) -> Result<Tally, String> {
    let running = scene.home.start(None);
    busy(scene).await?;
    hurries(scene, running, AT_ONCE).await?;
    again(scene).await
}
