//! Replacing the whole content of a message.

use wilco_core::{Body, Envelope, EnvelopeKind, MessageRef, NotSurfaced};

use super::{Subject, button, count, envelope, file, refused, seen, surfaced};

pub(super) async fn all(subject: &mut dyn Subject) {
    replaces_everything(subject).await;
    succeeds_when_nothing_changes(subject).await;
    falls_back_where_there_is_no_message(subject).await;
}

/// Text, buttons and file are replaced together: what the new content does not have is gone.
async fn replaces_everything(subject: &dyn Subject) {
    let name = subject.name();
    let dir = tempfile::tempdir().expect("a folder");
    let stub = envelope(subject, "edited", Body::text("On it").with_buttons(vec![button("Cancel")]));
    let message = surfaced(name, subject.adapter().post(&stub).await);
    let before = count(subject).await;
    let with = |kind, body| Envelope { kind, body, ..stub.clone() };

    let progress = with(EnvelopeKind::Progress, Body::text("Working · step 1/2").with_buttons(vec![button("Stop")]));
    assert_eq!(surfaced(name, subject.adapter().edit(&message, &progress).await), message, "{name}");
    let shown = seen(subject, &message).await;
    assert_eq!((shown.text.as_str(), &shown.file), ("Working · step 1/2", &None), "{name}");
    let stop: &[&str] = if subject.adapter().limits().abilities.buttons { &["Stop"] } else { &[] };
    assert_eq!(shown.buttons, stop, "{name}: the button before is gone");

    if subject.adapter().limits().abilities.files {
        for (file_name, size) in [("one.txt", 3), ("two.txt", 5)] {
            let body = Body { file: Some(file(&dir, file_name, size)), ..Body::text("File") };
            let filled = with(EnvelopeKind::File, body);
            // Twice, as after an answer that was lost: an edit may not add the file a second time.
            for _ in 0..2 {
                assert_eq!(surfaced(name, subject.adapter().edit(&message, &filled).await), message, "{name}");
            }
            let shown = seen(subject, &message).await;
            assert_eq!(shown.file, Some((file_name.to_owned(), size)), "{name}");
            assert!(shown.buttons.is_empty(), "{name}: {shown:?}");
        }
    }

    let done = with(EnvelopeKind::Content, Body::text("Done"));
    assert_eq!(surfaced(name, subject.adapter().edit(&message, &done).await), message, "{name}");
    let shown = seen(subject, &message).await;
    assert_eq!((shown.text.as_str(), shown.buttons.len(), shown.file), ("Done", 0, None), "{name}");
    assert_eq!(count(subject).await, before, "{name}: an edit is no new message");
}

/// M7: the same content again is success, and nothing is different afterwards.
async fn succeeds_when_nothing_changes(subject: &dyn Subject) {
    let name = subject.name();
    let body = Body::text("Done · k7f2 · 3s\n\nAll is well.").with_buttons(vec![button("Details")]);
    let same = envelope(subject, "same", body);
    let message = surfaced(name, subject.adapter().post(&same).await);
    let before = subject.shown(&subject.place()).await;
    for kind in [EnvelopeKind::Stub, EnvelopeKind::Content, EnvelopeKind::Content] {
        let again = Envelope { kind, ..same.clone() };
        assert_eq!(surfaced(name, subject.adapter().edit(&message, &again).await), message, "{name}");
    }
    assert_eq!(subject.shown(&subject.place()).await, before, "{name}");
}

/// A message that does not stand there any more is a Fallback: the address itself is fine.
async fn falls_back_where_there_is_no_message(subject: &dyn Subject) {
    let name = subject.name();
    let unknown = MessageRef { address: subject.place(), message: subject.nothing() };
    let edit = envelope(subject, "nobody", Body::text("nobody sees this"));
    let before = count(subject).await;
    let reason = refused(name, subject.adapter().edit(&unknown, &edit).await);
    assert!(matches!(reason, NotSurfaced::Fallback(_)), "{name}: {reason:?}");
    assert_eq!(count(subject).await, before, "{name}: an edit never creates");
}
