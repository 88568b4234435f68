//! The transcript, letter by letter, and what tests count.

use wilco_core::{Accepted, Button, EnvelopeKind as K, FileRef, Press, Reply};

use super::*;
use crate::{Snapshot, place};

#[tokio::test]
async fn the_channel_as_a_person_sees_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.md");
    std::fs::write(&path, "x".repeat(38_000)).unwrap();
    let world = World::new("in process", Profile::DiscordLike).await;
    world.platform.say(&ana(), &place::public(&account(), "ops", &ana()), "/run report").unwrap();
    let mut stub = envelope(K::Stub, "k1", "On it · report · k7f2");
    stub.body.buttons = vec![Button::new("Cancel", Press::Cancel { id: "k7f2".into() })];
    let message = surfaced(world.adapter.post(&stub).await);
    let removed = world.posted(K::Stub, "k2", "On it · report · m3p4").await;
    let note = Reply::text("Which one?\nTwo fit.").with_buttons(stub.body.buttons.clone());
    let update = wilco_core::StatusUpdate::Note { person: "u1".into(), reply: note };
    surfaced(world.adapter.status(&ops(), &update).await);
    surfaced(world.adapter.edit(&message, &envelope(K::Progress, "k3", "Working")).await);
    let mut filled = envelope(K::Content, "k4", "Done · k7f2 · 4m 12s\n\nAll is well.");
    filled.body.file = Some(FileRef { name: "report.md".into(), path, size: 38_000 });
    let details = Button::new("Details", Press::Details { id: "k7f2".into() });
    filled.body.buttons = vec![stub.body.buttons[0].clone(), details];
    surfaced(world.adapter.edit(&message, &filled).await);
    world.platform.delete(&removed.message).unwrap();
    let mut ping = envelope(K::Ping, "k5", "done: report (k7f2)");
    ping.body.mention = Some(ana());
    ping.reply_to = Some(message);
    surfaced(world.adapter.post(&ping).await);

    let expected = "\
ana | /run report
bot | Done · k7f2 · 4m 12s

      All is well.
      (file report.md, 38 KB)
      [Cancel] [Details]
bot | — deleted —
only ana sees | Which one?
                Two fit.
                [Cancel]
bot | ↳ @ana done: report (k7f2)
";
    assert_eq!(world.platform.transcript(&ops()), expected);
    let with_edits = world.platform.snapshot().transcript_with_edits(&ops());
    assert!(with_edits.contains("All is well. (edited 2×)\n"), "{with_edits}");
    let other = place::thread(&account(), "ops", "t1", &ana());
    world.platform.say(&ana(), &other, "/jobs").unwrap();
    assert_eq!(world.platform.snapshot().whole_transcript(), format!("# ops\n{expected}\n# ops / t1\nana | /jobs\n"));
}

#[tokio::test]
async fn r15_a_result_that_is_shown_twice_is_marked_and_counted() {
    let world = World::new("in process", Profile::TelegramLike).await;
    for key in ["k1", "k2"] {
        let stub = world.posted(K::Stub, key, "On it").await;
        surfaced(world.adapter.edit(&stub, &envelope(K::Content, key, "Done")).await);
    }
    assert_eq!(world.platform.transcript(&ops()), "bot | Done\nbot | Done\n      ‼ duplicate\n");
    let snapshot = world.platform.snapshot();
    assert_eq!(snapshot.visible_results(&worker()).len(), 2);
    assert_eq!(snapshot.duplicates().len(), 1);

    // A deleted one is no repetition, and neither is a stray that says where to look.
    world.platform.delete("m1").unwrap();
    assert_eq!(world.platform.snapshot().duplicates(), []);
    assert_eq!(world.platform.count_visible(K::Content, &worker()), 1);
}

#[tokio::test]
async fn what_is_no_repetition_is_not_marked() {
    let world = World::new("in process", Profile::TelegramLike).await;
    let show = async |worker: &str, address: Address, kind: K, text: &str| {
        let base = Envelope { worker: Some(WorkerId::new(worker)), address, ..envelope(K::Stub, "k", "place") };
        let stub = surfaced(world.adapter.post(&base).await);
        let filled = Envelope { kind, body: Body::text(text), ..base };
        surfaced(world.adapter.edit(&stub, &filled).await);
    };
    show("w1", ops(), K::Content, "Done").await;
    show("w2", ops(), K::Content, "Done").await;
    show("w1", Address::channel("sim", "dev"), K::Content, "Done").await;
    show("w1", ops(), K::Part, "Part 2 of 3").await;
    show("w1", ops(), K::Part, "Part 3 of 3").await;
    show("w1", ops(), K::Stub, "On it").await;
    let snapshot = world.platform.snapshot();
    assert_eq!(snapshot.duplicates(), []);
    assert_eq!(snapshot.created_with_content(), Vec::<&crate::Message>::new());
    assert_eq!(snapshot.unfinished().len(), 1);
    show("w1", ops(), K::Part, "Part 3 of 3").await;
    assert_eq!(world.platform.snapshot().duplicates().len(), 1);
}

#[tokio::test]
async fn a_snapshot_travels_whole() {
    let world = World::new("in process", Profile::DiscordLike).await;
    world.platform.say(&ana(), &place::direct(&account(), &ana()), "hello").unwrap();
    world.posted(K::Content, "k1", "Done").await;
    let snapshot = world.platform.snapshot();
    let text = serde_json::to_string(&snapshot).unwrap();
    assert_eq!(serde_json::from_str::<Snapshot>(&text).unwrap(), snapshot);
    assert_eq!(snapshot.created_with_content().len(), 1);
    let log = world.platform.log();
    let text = serde_json::to_string(&log).unwrap();
    assert_eq!(serde_json::from_str::<Vec<crate::Entry>>(&text).unwrap(), log);
    let answered = Accepted::Answered(Reply::text("x"));
    assert_eq!(serde_json::from_str::<Accepted>(&serde_json::to_string(&answered).unwrap()).unwrap(), answered);
}
