//! The database file is moved away or removed under the running program. It still holds the file open and could go
//! on writing, but what it promised then would be gone at the next start: so it takes nothing more, and says why.

use std::fs;
use std::path::{Path, PathBuf};

use wilco_core::EnvelopeKind;
use wilco_tests::real::count::Tally;
use wilco_tests::real::crowd::Said;
use wilco_tests::real::{Form, Scene};

use super::{
    ENDS_WITHIN, Outcome, SOON, answered, are_refused, conclude, concludes, home, hurries, is_unready, logs, outcome,
    page_of, scene, shows,
};

const GONE: &str = "the store's file is gone";

fn beside(database: &Path, ending: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r15_a_database_that_is_moved_or_removed_is_told_loudly_and_nothing_more_is_promised() {
    let (moved, removed) = tokio::join!(moves(), removes());
    conclude([moved, removed]);
}

async fn moves() -> Outcome {
    let mut scene = scene(home("")).await;
    let result = moved(&mut scene).await;
    outcome("moved away and back", &scene, result, &[("Done", 3), ("Reminder", 1)]).await
}

async fn removes() -> Outcome {
    let scene = scene(home("")).await;
    let result = removed(&scene).await;
    outcome("removed", &scene, result.map(|()| Tally::default()), &[]).await
}

async fn moved(scene: &mut Scene) -> Result<Tally, String> {
    let mut running = scene.home.start(None);
    let page = page_of(&mut running).await?;
    for form in [Form::Waits, Form::WaitsOnce] {
        let said = scene.crowd.says(form).await;
        shows(scene, &said, EnvelopeKind::Progress).await?;
    }
    let later = scene.crowd.says(Form::Later).await;
    answered(scene, &later, SOON).await?;
    let (database, away) = (scene.home.database().to_owned(), scene.home.path().join("away.db"));
    fs::rename(&database, &away).map_err(|error| error.to_string())?;
    are_refused(scene, GONE).await?;
    logs(scene, GONE).await?;
    is_unready(&page, Some("the store takes no changes")).await?;
    scene.home.go();
    logs(scene, "a write waits for the store").await?;
    fs::rename(&away, &database).map_err(|error| error.to_string())?;
    is_unready(&page, None).await?;
    scene.crowd.says(Form::Short).await;
    concludes(scene, running).await
}

async fn removed(scene: &Scene) -> Result<(), String> {
    let mut running = scene.home.start(None);
    let page = page_of(&mut running).await?;
    let waits = scene.crowd.says(Form::Waits).await;
    shows(scene, &waits, EnvelopeKind::Progress).await?;
    for ending in ["", "-wal", "-shm"] {
        fs::remove_file(beside(scene.home.database(), ending)).map_err(|error| error.to_string())?;
    }
    are_refused(scene, GONE).await?;
    logs(scene, GONE).await?;
    is_unready(&page, Some("the store takes no changes")).await?;
    // Its end is not shown either: it could not be promised to stand there once.
    scene.home.go();
    logs(scene, "a write waits for the store").await?;
    hurries(scene, running, ENDS_WITHIN).await?;
    if scene.home.database().exists() {
        return Err("it has put an empty store in the place of the one that is gone".to_owned());
    }
    // Whoever removed it has a new, empty store at the next start.
    let running = scene.home.start(None);
    let said = scene.crowd.says(Form::Short).await;
    shows(scene, &said, EnvelopeKind::Content).await?;
    let status = running.terminate(ENDS_WITHIN).await?;
    let results = results(scene, &waits).await;
    if status.success() && results == 0 { Ok(()) } else { Err(format!("{status}, {results} results of a lost job")) }
}

async fn results(scene: &Scene, said: &Said) -> usize {
    let snapshot = scene.snapshot().await;
    let there = snapshot.at(&said.place.address).filter(|message| message.is_visible_bot());
    there.filter(|message| message.shown().kind == Some(EnvelopeKind::Content)).count()
}
