//! Messages that arrive.

use std::time::Duration;

use wilco_core::{
    Body, Button, DeliveryOutcome, Envelope, EnvelopeKind, FileRef, MessageRef, Messaging, NotSurfaced, Person, Press,
    Reply, StatusUpdate,
};

use super::Stand;
use crate::mouths::surfaced;

#[tokio::test]
async fn a_stub_is_filled_and_shows_what_a_person_reads() {
    let stand = Stand::new().await;
    let message = stand.posted(&stand.stub("k1")).await;
    let stub = stand.only();
    assert_eq!((stub.text.as_str(), stub.buttons[0].label.as_str()), ("On it · report · k7f2", "Cancel"));
    assert_eq!((message.message.as_str(), stub.by_bot), (stub.id.to_string().as_str(), true));
    let details = Button::new("Details", Press::Details { id: "k7f2".into() });
    let body = Body::text("Done · k7f2\n\n**All** is well").with_buttons(vec![details]);
    let fill = stand.envelope("k2", EnvelopeKind::Content, body);
    for _ in 0..3 {
        assert_eq!(surfaced(stand.adapter.edit(&message, &fill).await), message);
    }
    let done = stand.only();
    assert_eq!(done.raw, "Done · k7f2\n\n**All** is well");
    assert_eq!(done.buttons.iter().map(|button| button.label.as_str()).collect::<Vec<_>>(), ["Details"]);
    stand.agrees();
}

#[tokio::test]
async fn a_repeated_create_under_one_key_is_one_message() {
    let stand = Stand::new().await;
    let first = stand.posted(&stand.stub("k1")).await;
    assert_eq!(stand.posted(&stand.stub("k1")).await, first);
    assert_eq!(stand.shown().len(), 1);
    assert_ne!(stand.posted(&stand.stub("k2")).await, first);
    // The copy was deleted: nothing is posted again behind a person's back.
    stand.fake.delete(stand.shown()[0].id);
    let again = stand.adapter.post(&stand.stub("k1")).await;
    assert!(matches!(again, DeliveryOutcome::NotSurfaced(NotSurfaced::Fallback(_))), "{again:?}");
    stand.agrees();
}

#[tokio::test]
async fn an_edit_repeated_with_a_file_leaves_one_file() {
    let stand = Stand::new().await;
    let dir = tempfile::tempdir().expect("a folder");
    let file = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).expect("it is written");
        FileRef { name: name.to_owned(), path, size: bytes.len() as u64 }
    };
    let message = stand.posted(&stand.stub("k1")).await;
    for (name, bytes) in [("report.md", b"first".as_slice()), ("other name.md", b"second one".as_slice())] {
        let body = Body { file: Some(file(name, bytes)), ..Body::text("report attached") };
        let fill = stand.envelope("k2", EnvelopeKind::File, body);
        for _ in 0..3 {
            stand.passes(Duration::from_secs(2));
            surfaced(stand.adapter.edit(&message, &fill).await);
            let files: Vec<(String, u64)> = stand.only().files.into_iter().map(|file| (file.name, file.size)).collect();
            assert_eq!(files, [(name.to_owned(), bytes.len() as u64)]);
        }
    }
    let plain = stand.envelope("k2", EnvelopeKind::Content, Body::text("Done"));
    surfaced(stand.adapter.edit(&message, &plain).await);
    assert!(stand.only().files.is_empty());
    // A create may carry one, too.
    let body = Body { file: Some(file("new.txt", b"abc")), ..Body::text("with a file") };
    stand.posted(&stand.envelope("k3", EnvelopeKind::File, body)).await;
    assert_eq!(stand.shown()[1].files[0].name, "new.txt");
    stand.agrees();
}

#[tokio::test]
async fn a_ping_notifies_its_person_and_replies_to_the_result() {
    let stand = Stand::new().await;
    let result = stand.posted(&stand.stub("k1")).await;
    let body = Body { mention: Some(Person::new(stand.ana.to_string(), "ana")), ..Body::text("done: report (k7f2)") };
    let ping = Envelope { reply_to: Some(result.clone()), ..stand.envelope("k2", EnvelopeKind::Ping, body) };
    stand.posted(&ping).await;
    let shown = stand.shown();
    assert_eq!(shown[1].notifies, ["ana"]);
    assert_eq!(shown[1].reply_to, Some(shown[0].id));
    // What it answers may be gone by now.
    let lost = MessageRef { message: "999999999".to_owned(), ..result };
    let ping = Envelope { reply_to: Some(lost), ..stand.envelope("k3", EnvelopeKind::Ping, Body::text("↳ done")) };
    stand.posted(&ping).await;
    assert_eq!(stand.shown()[2].reply_to, None);
    stand.agrees();
}

#[tokio::test]
async fn a_thread_takes_messages_and_wakes_up_for_them() {
    let stand = Stand::new().await;
    let thread = stand.fake.start_thread(stand.ana, stand.channel, None, "talk", false).expect("a thread");
    stand.fake.archive(thread, true);
    let address = stand.place().in_thread(thread.to_string());
    let stub = Envelope { address: address.clone(), ..stand.stub("k1") };
    let message = stand.posted(&stub).await;
    assert_eq!(message.address, address);
    let in_thread = stand.fake.snapshot().into_iter().filter(|shown| shown.channel == thread).count();
    assert_eq!(in_thread, 1);
    stand.agrees();
}

#[tokio::test]
async fn signs_stand_nowhere_as_a_message() {
    let stand = Stand::new().await;
    let message = stand.posted(&stand.stub("k1")).await;
    let typing = stand.adapter.status(&stand.place(), &StatusUpdate::Thinking).await;
    assert_eq!(typing, NotSurfaced::Silent.into());
    assert!(stand.fake.is_typing(stand.channel));
    let react = StatusUpdate::React { message: message.clone(), emoji: "👀".to_owned() };
    assert_eq!(stand.adapter.status(&stand.place(), &react).await, DeliveryOutcome::Surfaced(message));
    assert_eq!(stand.only().reactions, ["👀"]);
    let note = StatusUpdate::Note { person: stand.ana.to_string(), reply: Reply::text("Only you see this.") };
    let note = surfaced(stand.adapter.status(&stand.place(), &note).await);
    assert_eq!(note.address.channel, stand.fake.direct(stand.ana).to_string());
    assert_eq!(stand.shown().len(), 1);
    stand.agrees();
}
