//! The disk of the store is full, or turns read-only under the running program.

use wilco_core::EnvelopeKind;
use wilco_tests::disk::{ErringDisk, SmallDisk};
use wilco_tests::real::count::Tally;
use wilco_tests::real::page::Page;
use wilco_tests::real::{Form, Running, Scene};

use super::{
    ENDS_WITHIN, SOON, answered, are_refused, concludes, holds, home, is_unready, logs, page_of, scene, shows,
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
async fn r15_a_full_disk_refuses_new_work_at_once_and_keeps_what_ended_meanwhile() {
    let Some(disk) = SmallDisk::mount(12) else { return };
    let mut scene = scene(home("").on(disk.path())).await;
    let result = full(&mut scene, &disk).await;
    let report = scene.report().await;
    holds("a full disk", &result, &[("Done", 4), ("Reminder", 1)], &report);
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r15_told_to_end_on_a_full_disk_it_ends_in_time_and_the_next_start_tells_everything() {
    let Some(disk) = SmallDisk::mount(12) else { return };
    let mut scene = scene(home("").on(disk.path())).await;
    let result = ends_while_full(&mut scene, &disk).await;
    let report = scene.report().await;
    // The end of the one that is not run again could not be stored: its people are told that it was cut off.
    holds("told to end on a full disk", &result, &[("Done", 2), ("Interrupted", 1), ("Reminder", 1)], &report);
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

/// As Linux does it with the files of a running program open: the file system has met an error.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r15_a_disk_that_turns_read_only_refuses_new_work_at_once_and_loses_nothing() {
    let Some(mut disk) = ErringDisk::mount(24) else { return };
    let mut scene = scene(home("").on(disk.path())).await;
    let result = read_only(&mut scene, &mut disk).await;
    let report = scene.report().await;
    holds("a read-only disk", &result, &[("Done", 3), ("Interrupted", 1), ("Reminder", 1)], &report);
}

async fn read_only(scene: &mut Scene, disk: &mut ErringDisk) -> Result<Tally, String> {
    let (running, page) = at_work(scene).await?;
    disk.errs();
    are_refused(scene, UNWRITABLE).await?;
    scene.home.go();
    is_unready(&page, Some(UNREADY)).await?;
    let status = running.terminate(ENDS_WITHIN).await?;
    if !status.success() {
        return Err(format!("it ended with {status}"));
    }
    disk.mends();
    let running = scene.home.start(None);
    scene.crowd.says(Form::Short).await;
    concludes(scene, running).await
}
