//! A full disk: new work is refused with a visible reason, and nothing that was accepted is lost.

use wilco_tests::disk::SmallDisk;
use wilco_tests::{Actor, Logbook, Stage, Where};

const OPS: Where<'static> = Where::Channel("ops");

#[tokio::test(start_paused = true)]
async fn a_full_disk_refuses_new_work_at_once_and_a_finished_result_survives_it() {
    let Some(disk) = SmallDisk::mount(4) else { return };
    let log = Logbook::open();
    let stage = Stage::builder().on(disk.path()).begin().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    stage.seconds(1).await;
    disk.fill();
    log.clear();

    job.step(1, 2, "counting");
    job.ends(&"All is well. ".repeat(20));
    stage.says(&ana, OPS, "/run report").await;
    stage.seconds(30).await;
    let shown = stage.sees(OPS);
    assert!(shown.contains("only ana sees | Not accepted: the disk that holds the store is full"), "{shown}");
    assert!(shown.contains("On it · report"), "nothing that did not happen is shown: {shown}");
    assert_eq!(stage.puppets.waiting(), 0, "nothing was started that was not stored");
    let waits = log.said("a write waits for the store").len();
    assert_eq!(waits, 1, "o3: an outage is told once, not at each of its attempts");
    assert!(log.said("ended").is_empty(), "o1: what was not stored has not happened");
    assert!(stage.desk_health().await.store.is_some(), "a6: health says that nothing can be stored");

    disk.free();
    stage.seconds(5).await;
    let shown = stage.sees(OPS);
    assert!(shown.contains("Done · ") && shown.contains("All is well."), "{shown}");
    assert_eq!(log.said("ended").len(), 1);
    assert_eq!(stage.desk_health().await.store, None);
    stage.runs(&ana, OPS).await.ends("again");
    stage.ends().await;
}
