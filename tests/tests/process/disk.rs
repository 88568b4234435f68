//! The disk of the store is full, or turns read-only under the running program.

use wilco_core::EnvelopeKind;
use wilco_tests::disk::{ErringDisk, SmallDisk};
use wilco_tests::real::count::Tally;
use wilco_tests::real::page::Page;
use wilco_tests::real::{Form, Running, Scene};

use super::{
    ENDS_WITHIN, Outcome, SOON, answered, are_refused, conclude, concludes, home, hurries, is_unready, logs, outcome,
    page_of, scene, shows,
};

const FULL: &str = "the disk that holds the store is full";
const UNWRITABLE: &str = "the store cannot be written";
const UNREADY: &str = "the store takes no changes";

/// Jobs of every length run, and a reminder is set.
async fn at_work(scene: &Scene) -> Result<(Running, Page), String> {
    let mut running = scene.home.start(None);
    let page = page_of(&mut running).await?;
    for form in [Form::Waits, Form::WaitsOnce, Form::Steady] {
        let said = scene.crowd.says(form).await;
        shows(scene, &said, EnvelopeKind::Progress).await?;
    }
    let later = scene.crowd.says(Form::Later).await;
    answered(scene, &later, SOON).await?;
    Ok((running, page))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r15_a_full_or_read_only_disk_refuses_new_work_at_once_and_loses_nothing() {
    let Some(first) = SmallDisk::mount(12) else { return };
    let Some(second) = SmallDisk::mount(12) else { return };
    let Some(third) = ErringDisk::mount(24) else { return };
    let (full, ended, read_only) = tokio::join!(fills(&first), fills_and_ends(&second), errs(&third));
    conclude([full, ended, read_only]);
}

async fn fills(disk: &SmallDisk) -> Outcome {
    let mut scene = scene(home("").on(disk.path())).await;
    let result = full(&mut scene, disk).await;
    outcome("a full disk", &scene, result, &[("Done", 4), ("Reminder", 1)]).await
}

async fn fills_and_ends(disk: &SmallDisk) -> Outcome {
    let mut scene = scene(home("").on(disk.path())).await;
    let result = ends_while_full(&mut scene, disk).await;
    // The end of the one that is not run again could not be stored: its people are told that it was cut off.
    let ends = [("Done", 2), ("Interrupted", 1), ("Reminder", 1)];
    outcome("told to end on a full disk", &scene, result, &ends).await
}

/// As Linux does it with the files of a running program open: the file system has met an error.
async fn errs(disk: &ErringDisk) -> Outcome {
    let mut scene = scene(home("").on(disk.path())).await;
    let result = read_only(&mut scene, disk).await;
    let ends = [("Done", 3), ("Interrupted", 1), ("Reminder", 1)];
    outcome("a read-only disk", &scene, result, &ends).await
}

async fn full(scene: &mut Scene, disk: &SmallDisk) -> Result<Tally, String> {
    let (running, page) = at_work(scene).await?;
    disk.fill();
    are_refused(scene, FULL).await?;
    // Two jobs end while nothing can be stored, and the reminder comes due.
    scene.home.go();
    logs(scene, "a write waits for the store").await?;
    logs(scene, "follow-ups wait for the store").await?;
    is_unready(&page, Some(UNREADY)).await?;
    disk.free();
    is_unready(&page, None).await?;
    scene.crowd.says(Form::Short).await;
    concludes(scene, running).await
}

async fn ends_while_full(scene: &mut Scene, disk: &SmallDisk) -> Result<Tally, String> {
    let (running, page) = at_work(scene).await?;
    disk.fill();
    scene.home.go();
    is_unready(&page, Some(UNREADY)).await?;
    let status = running.terminate(ENDS_WITHIN).await?;
    if !status.success() {
        return Err(format!("it ended with {status}"));
    }
    disk.free();
    let running = scene.home.start(None);
    concludes(scene, running).await
}

async fn read_only(scene: &mut Scene, disk: &ErringDisk) -> Result<Tally, String> {
    let (running, page) = at_work(scene).await?;
    disk.errs();
    are_refused(scene, UNWRITABLE).await?;
    scene.home.go();
    is_unready(&page, Some(UNREADY)).await?;
    hurries(scene, running, ENDS_WITHIN).await?;
    disk.mends();
    let running = scene.home.start(None);
    scene.crowd.says(Form::Short).await;
    concludes(scene, running).await
}
