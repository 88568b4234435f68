//! The platform's own rules: keys, look-ups, edits, files and measures.

use wilco_core::{Button, EnvelopeKind as K, FileRef, Found, Press, Reply, StatusUpdate};

use super::*;
use crate::{Fault, Logged, Rule};

#[tokio::test]
async fn a_repeated_create_is_recognised_inside_the_window_only() {
    for transport in TRANSPORTS {
        let world = World::new(transport, Profile::DiscordLike).await;
        let first = world.posted(K::Stub, "k1", "On it").await;
        world.clock.advance(Duration::from_secs(89));
        assert_eq!(world.posted(K::Stub, "k1", "On it").await, first, "{transport}");
        assert_ne!(world.posted(K::Stub, "k2", "On it").await, first, "another key is another message");
        world.clock.advance(Duration::from_secs(1));
        assert_ne!(world.posted(K::Stub, "k1", "On it").await, first);
        assert_eq!(world.texts().len(), 3);
    }
}

#[tokio::test]
async fn w21_a_stepped_wall_clock_does_not_move_the_window() {
    let world = World::new("in process", Profile::DiscordLike).await;
    let first = world.posted(K::Stub, "k1", "On it").await;
    world.clock.step_wall(3_600_000);
    assert_eq!(world.posted(K::Stub, "k1", "On it").await, first);
}

#[tokio::test]
async fn without_a_window_every_create_is_a_new_message() {
    for profile in [Profile::SlackLike, Profile::TelegramLike] {
        let world = World::new("in process", profile).await;
        let first = world.posted(K::Stub, "k1", "On it").await;
        assert_ne!(world.posted(K::Stub, "k1", "On it").await, first);
    }
}

#[tokio::test]
async fn a_create_under_the_key_of_a_deleted_message_answers_fallback() {
    for transport in TRANSPORTS {
        let world = World::new(transport, Profile::DiscordLike).await;
        let first = world.posted(K::Ping, "k1", "done").await;
        world.platform.delete(&first.message).unwrap();
        let again = world.post(K::Ping, "k1", "done").await;
        assert_eq!((again.name(), code(&again)), ("fallback", "deleted"), "{transport}");
    }
}

#[tokio::test]
async fn a_lost_reply_is_cleared_up_by_a_look_up_where_there_is_one() {
    for transport in TRANSPORTS {
        for profile in Profile::ALL {
            let world = World::new(transport, profile).await;
            let since = world.clock.now();
            let stub = envelope(K::Stub, "k1", "On it");
            let before = world.adapter.find(&stub, since).await;
            world.platform.fault(Rule::new(Fault::Lost));
            assert_eq!(world.adapter.post(&stub).await.name(), "ambiguous");
            let after = world.adapter.find(&stub, since).await;
            if profile == Profile::TelegramLike {
                assert_eq!((before, after), (Found::Cannot, Found::Cannot), "{transport}");
                continue;
            }
            let message = world.platform.snapshot().messages[0].reference();
            assert_eq!((before, after), (Found::Absent, Found::Here(message.clone())), "{transport}, {profile:?}");
            let later = since.plus(Duration::from_millis(1));
            assert_eq!(world.adapter.find(&stub, later).await, Found::Absent, "it is older than that");
            world.platform.delete(&message.message).unwrap();
            assert_eq!(world.adapter.find(&stub, since).await, Found::Absent);
        }
    }
}

#[tokio::test]
async fn an_edit_replaces_text_buttons_and_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.md");
    std::fs::write(&path, "all is well").unwrap();
    for transport in TRANSPORTS {
        let world = World::new(transport, Profile::DiscordLike).await;
        let mut stub = envelope(K::Stub, "k1", "On it");
        stub.body.buttons = vec![Button::new("Cancel", Press::Cancel { id: "k7f2".into() })];
        let message = surfaced(world.adapter.post(&stub).await);

        let mut filled = envelope(K::File, "k2", "report.md");
        filled.body.file = Some(FileRef { name: "report.md".into(), path: path.clone(), size: 11 });
        assert_eq!(surfaced(world.adapter.edit(&message, &filled).await), message, "{transport}");
        assert_eq!(surfaced(world.adapter.edit(&message, &filled).await), message, "m7: the same again is fine");
        let snapshot = world.platform.snapshot();
        let held = &snapshot.messages[0];
        assert_eq!((held.edits(), held.shown().buttons.len()), (1, 0));
        let file = held.shown().file.clone().unwrap();
        // FNV-1a of "all is well", worked out apart from this crate's own code.
        assert_eq!((file.size, file.hash.as_str()), (11, ALL_IS_WELL));

        surfaced(world.adapter.edit(&message, &envelope(K::Content, "k3", "Done")).await);
        assert_eq!(world.platform.snapshot().messages[0].shown().file, None, "an edit lists everything");
    }
}

const ALL_IS_WELL: &str = "0bf2ed7606713ae4";

#[tokio::test]
async fn m7_not_modified_is_success() {
    for transport in TRANSPORTS {
        let world = World::new(transport, Profile::TelegramLike).await;
        let message = world.posted(K::Stub, "k1", "On it").await;
        for _ in 0..2 {
            let outcome = world.adapter.edit(&message, &envelope(K::Content, "k2", "Done")).await;
            assert_eq!(outcome, DeliveryOutcome::Surfaced(message.clone()), "{transport}");
        }
        let unchanged =
            world.platform.log().into_iter().filter(|entry| matches!(entry.what, Logged::Unchanged { .. })).count();
        assert_eq!((unchanged, world.platform.snapshot().messages[0].edits()), (1, 1));
    }
}

#[tokio::test]
async fn what_cannot_be_edited_answers_fallback() {
    for transport in TRANSPORTS {
        let world = World::new(transport, Profile::SlackLike).await;
        let content = envelope(K::Content, "k2", "Done");
        let mine = world.posted(K::Stub, "k1", "On it").await;
        world.platform.say(&ana(), &crate::place::public(&account(), "ops", &ana()), "hello").unwrap();
        let hers = world.platform.snapshot().messages[1].reference();
        world.platform.delete(&mine.message).unwrap();
        let unknown = MessageRef { address: ops(), message: "m99".into() };
        let elsewhere = MessageRef { address: ops().in_thread("t"), message: mine.message.clone() };
        for (target, why) in [(mine, "deleted"), (hers, "foreign"), (unknown, "unknown"), (elsewhere, "unknown")] {
            let outcome = world.adapter.edit(&target, &content).await;
            assert_eq!((outcome.name(), code(&outcome)), ("fallback", why), "{transport}");
        }
    }
}

#[tokio::test]
async fn m9_a_text_is_measured_in_the_platforms_unit_with_its_mention() {
    for transport in TRANSPORTS {
        let world = World::new(transport, Profile::TelegramLike).await;
        assert_eq!(world.post(K::Stub, "k1", &"x".repeat(4_096)).await.name(), "surfaced");
        let long = world.post(K::Stub, "k2", &"😀".repeat(2_049)).await;
        assert_eq!((long.name(), code(&long)), ("reshape", "too_long"), "{transport}");
        let mut ping = envelope(K::Ping, "k3", &"x".repeat(4_092));
        ping.body.mention = Some(ana());
        assert_eq!(code(&world.adapter.post(&ping).await), "too_long");
        assert_eq!(code(&world.post(K::Stub, "k4", " \n").await), "empty");
    }
}

#[tokio::test]
async fn r17_a_file_must_be_there_whole_and_small_enough() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.txt");
    std::fs::write(&path, "12345").unwrap();
    let limits = wilco_core::Limits { file: 4, ..Profile::DiscordLike.limits() };
    let clock = HandClock::new();
    let platform = Platform::with_limits(limits, clock);
    let adapter = Scripted::new(&platform, "sim");
    let mut envelope = envelope(K::File, "k1", "a.txt");
    for (path, size, expected) in [
        (folder.path().join("none.txt"), 5, ("bug", "file_unreadable")),
        (path.clone(), 6, ("bug", "file_size")),
        (path.clone(), 5, ("reshape", "file_too_large")),
    ] {
        envelope.body.file = Some(FileRef { name: "a.txt".into(), path, size });
        let outcome = adapter.post(&envelope).await;
        assert_eq!((outcome.name(), code(&outcome)), expected);
    }
    assert_eq!(platform.snapshot().messages, []);
}

#[tokio::test]
async fn d9_an_address_of_another_account_is_refused_before_anything_is_sent() {
    for transport in TRANSPORTS {
        let world = World::new(transport, Profile::DiscordLike).await;
        let mut stub = envelope(K::Stub, "k1", "On it");
        stub.address = Address::channel("other", "ops");
        let outcome = world.adapter.post(&stub).await;
        assert_eq!((outcome.name(), code(&outcome)), ("bug", "foreign_address"), "{transport}");
        assert_eq!(world.platform.log(), []);
    }
}

#[tokio::test]
async fn d3_signs_are_silent_and_stop_typing() {
    for transport in TRANSPORTS {
        let world = World::new(transport, Profile::DiscordLike).await;
        let message = world.posted(K::Stub, "k1", "On it").await;
        let tool = || "grep".to_owned();
        for update in [
            StatusUpdate::StopTyping,
            StatusUpdate::ToolStarted { name: tool() },
            StatusUpdate::ToolCompleted { name: tool() },
            StatusUpdate::BranchStarted { label: tool() },
        ] {
            assert_eq!(world.adapter.status(&ops(), &StatusUpdate::Thinking).await.name(), "silent");
            assert!(world.platform.is_typing(&ops()), "{transport}");
            assert_eq!(world.adapter.status(&ops(), &update).await.name(), "silent", "{update:?}");
            assert!(!world.platform.is_typing(&ops()), "{transport}, {update:?}");
        }
        let react = StatusUpdate::React { message: message.clone(), emoji: "👀".into() };
        assert_eq!(surfaced(world.adapter.status(&ops(), &react).await), message);
        let note = StatusUpdate::Note { person: "u1".into(), reply: Reply::text("psst") };
        assert_eq!(world.adapter.status(&ops(), &note).await.name(), "surfaced");
        let snapshot = world.platform.snapshot();
        assert_eq!(
            (snapshot.messages[0].reactions.as_slice(), snapshot.notes[0].text.as_str()),
            (["👀".to_owned()].as_slice(), "psst")
        );
    }
}

#[tokio::test]
async fn the_log_numbers_calls_and_effects_and_ties_them_together() {
    let world = World::new("in process", Profile::DiscordLike).await;
    world.platform.fault(Rule::new(Fault::Lost).after(1));
    let stub = world.posted(K::Stub, "k1", "On it").await;
    drop(world.adapter.edit(&stub, &envelope(K::Content, "k2", "Done")).await);
    let log = world.platform.log();
    assert_eq!(log.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let (first, second) = (log[0].call().unwrap(), log[2].call().unwrap());
    assert_eq!((first.kind, &first.fault, first.outcome.as_str()), (Some(K::Stub), &None, "surfaced"));
    assert!(matches!(&log[1].what, Logged::Posted { call: 1, kind: K::Stub, .. }));
    assert_eq!((&second.fault, second.outcome.as_str()), (&Some(Fault::Lost), "ambiguous"));
    assert!(matches!(&log[3].what, Logged::Edited { call: 3, kind: K::Content, worker: Some(_), .. }));
    assert_eq!(world.platform.log_after(3), log[3..]);
    assert_eq!(world.platform.log_after(99), []);
}
