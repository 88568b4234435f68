//! The adapter as the outbox uses it.

use std::time::Duration;

use serde_json::json;
use wilco_core::text::Unit;
use wilco_core::{
    Address, Body, Button, DeliveryOutcome, Envelope, EnvelopeKind, FileRef, Found, MessageRef, Messaging, NotSurfaced,
    Person, Press, Reply, Shelf, StatusUpdate,
};

use crate::fakes::START;
use crate::site::{Site, envelope, general};

fn surfaced(outcome: DeliveryOutcome) -> MessageRef {
    match outcome {
        DeliveryOutcome::Surfaced(message) => message,
        DeliveryOutcome::NotSurfaced(reason) => panic!("not surfaced: {reason:?}"),
    }
}

fn reason(outcome: DeliveryOutcome) -> NotSurfaced {
    match outcome {
        DeliveryOutcome::NotSurfaced(reason) => reason,
        DeliveryOutcome::Surfaced(message) => panic!("surfaced as {message:?}"),
    }
}

#[tokio::test]
async fn d2_surfaced_means_stored_for_the_next_load() {
    let site = Site::open().await;
    let message = surfaced(site.web.post(&envelope("key-1", "On it · demo · k7f2")).await);
    assert_eq!(message, MessageRef { address: general(), message: "key-1".into() });
    let mut later = Site::on(site.shelf.clone(), 9).await;
    later.use_cookie(site.cookie().to_owned()).await;
    assert_eq!(later.texts("ana", "general").await, ["On it · demo · k7f2"]);
}

#[tokio::test]
async fn d13_a_shelf_that_refuses_is_told_as_surely_not_applied() {
    let site = Site::open().await;
    site.shelf.refuse(true);
    assert!(
        matches!(reason(site.web.post(&envelope("key-1", "text")).await), NotSurfaced::Retry(cause) if cause.code == "store")
    );
    assert!(site.texts("ana", "general").await.is_empty());
    site.shelf.refuse(false);
    let message = surfaced(site.web.post(&envelope("key-1", "text")).await);
    site.shelf.refuse(true);
    assert!(matches!(reason(site.web.edit(&message, &envelope("key-1", "other")).await), NotSurfaced::Retry(_)));
    assert!(matches!(site.web.find(&envelope("key-2", ""), START).await, Found::Unknown(_)));
    assert_eq!(site.texts("ana", "general").await, ["text"], "what was not stored is not shown");
}

#[tokio::test]
async fn m2_a_repeated_post_is_one_message() {
    let site = Site::open().await;
    let one = envelope("key-1", "On it");
    let (first, second) = tokio::join!(site.web.post(&one), site.web.post(&one));
    assert_eq!(surfaced(first), surfaced(second));
    surfaced(
        site.web.edit(&MessageRef { address: general(), message: "key-1".into() }, &envelope("key-1", "Done")).await,
    );
    surfaced(site.web.post(&one).await);
    assert_eq!(site.texts("ana", "general").await, ["Done"], "a late repetition changes nothing");

    let later = Site::on(site.shelf.clone(), 9).await;
    surfaced(later.web.post(&one).await);
    assert_eq!(later.shelf.keys("message/"), ["message/key-1"]);
}

#[tokio::test]
async fn m5_editing_goes_on_after_a_restart() {
    let site = Site::open().await;
    let message = surfaced(site.web.post(&envelope("key-1", "On it")).await);
    let mut later = Site::on(site.shelf.clone(), 9).await;
    later.use_cookie(site.cookie().to_owned()).await;
    assert_eq!(surfaced(later.web.edit(&message, &envelope("key-1", "Done · k7f2")).await), message);
    let shown = later.shown("ana", "general").await;
    assert_eq!(shown["messages"][0]["text"], "Done · k7f2");
    assert_eq!(shown["messages"][0]["rev"], 2, "a page that is behind knows which one is newer");
}

#[tokio::test]
async fn m7_an_edit_that_changes_nothing_is_success_and_writes_nothing() {
    let site = Site::open().await;
    let message = surfaced(site.web.post(&envelope("key-1", "On it")).await);
    let writes = site.shelf.writes();
    assert_eq!(surfaced(site.web.edit(&message, &envelope("key-1", "On it")).await), message);
    assert_eq!(site.shelf.writes(), writes);
}

#[tokio::test]
async fn an_edit_replaces_text_buttons_and_file() {
    let site = Site::open().await;
    let mut stub = envelope("key-1", "On it");
    stub.body.buttons = vec![Button::new("Cancel", Press::Cancel { id: "k7f2".into() })];
    let message = surfaced(site.web.post(&stub).await);
    let file = FileRef { name: "report.md".into(), path: "/secret/place/report.md".into(), size: 5 };
    let body = Body { file: Some(file), mention: Some(Person::new("ana", "Ana")), ..Body::text("Done") };
    surfaced(site.web.edit(&message, &Envelope { kind: EnvelopeKind::Content, body, ..stub }).await);
    let shown = site.shown("ana", "general").await;
    let one = &shown["messages"][0];
    assert_eq!(one["buttons"], json!([]));
    assert_eq!(one["file"], json!({ "name": "report.md", "size": 5 }));
    assert_eq!(one["mention"], json!({ "id": "ana", "name": "Ana" }));
    assert_eq!(one["kind"], "content");
    assert!(!shown.to_string().contains("/secret/place"), "the page never learns where a file lies");
}

#[tokio::test]
async fn m3_a_message_that_is_not_kept_any_more_is_replaced() {
    let site = Site::open().await;
    let gone = MessageRef { address: general(), message: "never".into() };
    assert!(matches!(reason(site.web.edit(&gone, &envelope("key-1", "x")).await), NotSurfaced::Fallback(_)));
}

#[tokio::test]
async fn find_knows_what_was_stored_by_a_call_that_was_cut_off() {
    let site = Site::open().await;
    assert_eq!(site.web.find(&envelope("key-1", "x"), START).await, Found::Absent);
    let message = surfaced(site.web.post(&envelope("key-1", "On it")).await);
    assert_eq!(site.web.find(&envelope("key-1", "x"), START).await, Found::Here(message.clone()));

    // Stored by the same platform, but this process never heard so.
    let row = site.shelf.get("message/key-1").await.unwrap().unwrap().replace("key-1", "key-2");
    site.shelf.put("message/key-2", &row).await.unwrap();
    assert!(
        matches!(site.web.find(&envelope("key-2", "x"), START).await, Found::Here(found) if found.message == "key-2")
    );
}

#[tokio::test]
async fn a_stored_row_that_cannot_be_read_hides_no_other_and_is_written_anew() {
    let site = Site::open().await;
    surfaced(site.web.post(&envelope("key-1", "good")).await);
    site.shelf.put("message/key-2", "{broken").await.unwrap();
    let mut later = Site::on(site.shelf.clone(), 9).await;
    later.use_cookie(site.cookie().to_owned()).await;
    assert_eq!(later.texts("ana", "general").await, ["good"]);
    surfaced(later.web.post(&envelope("key-2", "anew")).await);
    assert_eq!(later.texts("ana", "general").await, ["good", "anew"]);
}

#[tokio::test]
async fn d9_nobody_reads_an_unknown_channel_so_its_address_is_gone() {
    let site = Site::open().await;
    for address in [
        Address::channel("web", "nowhere"),
        Address::channel("web", "dm-eve"),
        general().in_thread("nowhere"),
        Address::channel("slack", "general"),
    ] {
        let there = Envelope { address: address.clone(), ..envelope("key-1", "x") };
        assert!(matches!(reason(site.web.post(&there).await), NotSurfaced::Gone(_)), "{address}");
        assert!(matches!(reason(site.web.probe(&address).await), NotSurfaced::Gone(_)), "{address}");
    }
    assert_eq!(reason(site.web.probe(&general().in_thread("deploys")).await), NotSurfaced::Silent);
    assert!(site.shelf.keys("message/").is_empty());
}

#[tokio::test]
async fn m9_limits_are_counted_in_characters() {
    let site = Site::open().await;
    assert_eq!((site.web.limits().unit, site.web.limits().text), (Unit::Chars, 4_000));
    surfaced(site.web.post(&envelope("fits", &"ä".repeat(4_000))).await);
    assert!(matches!(reason(site.web.post(&envelope("long", &"ä".repeat(4_001))).await), NotSurfaced::Reshape(_)));
    let mut big = envelope("big", "x");
    big.body.file = Some(FileRef { name: "a".into(), path: "/a".into(), size: 25 * 1024 * 1024 + 1 });
    assert!(matches!(reason(site.web.post(&big).await), NotSurfaced::Reshape(_)));
}

#[tokio::test]
async fn the_newest_500_messages_of_a_channel_are_kept() {
    let site = Site::open().await;
    for at in 0..505 {
        // The same instant for all of them: their order is still the order of posting.
        surfaced(site.web.post(&envelope(&format!("key-{:03}", (at * 7) % 505), &at.to_string())).await);
    }
    let wanted: Vec<String> = (5..505).map(|at| at.to_string()).collect();
    assert_eq!(site.texts("ana", "general").await, wanted);
    assert_eq!(site.shelf.keys("message/").len(), 500);
    let mut later = Site::on(site.shelf.clone(), 9).await;
    later.use_cookie(site.cookie().to_owned()).await;
    assert_eq!(later.texts("ana", "general").await, wanted, "the same order after a restart");
}

#[tokio::test]
async fn d3_signs_that_show_nothing_are_silent() {
    let site = Site::open().await;
    let signs = [
        StatusUpdate::Thinking,
        StatusUpdate::StopTyping,
        StatusUpdate::ToolStarted { name: "grep".into() },
        StatusUpdate::ToolCompleted { name: "grep".into() },
        StatusUpdate::BranchStarted { label: "look".into() },
    ];
    for sign in signs {
        assert_eq!(reason(site.web.status(&general(), &sign).await), NotSurfaced::Silent, "{sign:?}");
    }
}

#[tokio::test]
async fn a_private_note_is_seen_by_one_person_only() {
    let site = Site::open().await;
    let note = |person: &str, text: &str| StatusUpdate::Note { person: person.into(), reply: Reply::text(text) };
    surfaced(site.web.status(&general(), &note("ana", "for Ana")).await);
    assert_eq!(site.notes("ana", "general").await, ["for Ana"]);
    assert!(site.notes("bo", "general").await.is_empty());
    assert!(matches!(reason(site.web.status(&general(), &note("eve", "x")).await), NotSurfaced::Gone(_)));
    let others = Address::channel("web", "dm-ana");
    assert!(matches!(reason(site.web.status(&others, &note("bo", "x")).await), NotSurfaced::Gone(_)));
    for at in 0..60 {
        surfaced(site.web.status(&general(), &note("ana", &at.to_string())).await);
    }
    let kept = site.notes("ana", "general").await;
    assert_eq!((kept.len(), kept[0].as_str(), kept[49].as_str()), (50, "10", "59"));
    assert!(site.shelf.keys("note").is_empty(), "notes are kept in memory only");
}

#[tokio::test]
async fn a_reaction_stands_once_under_its_message() {
    let site = Site::open().await;
    let message = surfaced(site.web.post(&envelope("key-1", "On it")).await);
    for _ in 0..2 {
        let react = StatusUpdate::React { message: message.clone(), emoji: "👍".into() };
        surfaced(site.web.status(&general(), &react).await);
    }
    assert_eq!(site.shown("ana", "general").await["messages"][0]["reactions"], json!(["👍"]));
}

#[tokio::test]
async fn order_holds_when_the_wall_clock_steps_back() {
    let site = Site::open().await;
    site.clock.advance(Duration::from_secs(3_600));
    surfaced(site.web.post(&envelope("key-1", "first")).await);
    // A restart on a clock that was put back by an hour.
    let mut later = Site::on(site.shelf.clone(), 9).await;
    later.use_cookie(site.cookie().to_owned()).await;
    surfaced(later.web.post(&envelope("key-2", "second")).await);
    assert_eq!(later.texts("ana", "general").await, ["first", "second"]);
}
