//! Creating a message, and finding it again.

use futures::future::join_all;
use wilco_core::{
    Address, Body, DeliveryKey, Envelope, EnvelopeKind, Found, MessageRef, NotSurfaced, Person, Timestamp,
};

use super::{Subject, button, count, envelope, file, refused, seen, surfaced, text_of};

pub(super) async fn all(subject: &mut dyn Subject) {
    shows_what_it_says(subject).await;
    recognises_its_key(subject).await;
    forgets_its_key_after_the_window(subject).await;
    is_found_by_its_key(subject).await;
    refuses_what_is_too_long(subject).await;
    knows_which_places_are_gone(subject).await;
    does_not_panic_at_anything(subject).await;
}

/// D1, D2: a create that is said to have surfaced is there, whole, under the id that was given.
async fn shows_what_it_says(subject: &dyn Subject) {
    let name = subject.name();
    let body = Body {
        mention: Some(Person::new(subject.person(), "Ana")),
        ..Body::text("On it · report · k7f2").with_buttons(vec![button("Cancel"), button("Details")])
    };
    let message = surfaced(name, subject.adapter().post(&envelope(subject, "shows", body)).await);
    assert_eq!(message.address, subject.place(), "{name}");
    assert!(!message.message.is_empty(), "{name}: surfaced without an id");
    let shown = seen(subject, &message).await;
    assert!(shown.text.contains("On it · report · k7f2"), "{name}: {shown:?}");
    let labels: &[&str] = if subject.adapter().limits().abilities.buttons { &["Cancel", "Details"] } else { &[] };
    assert_eq!(shown.buttons, labels, "{name}");
    // A message that it answers may have been removed; the answer itself must not fail for it.
    let gone = MessageRef { message: subject.nothing(), ..message };
    let reply = Envelope { reply_to: Some(gone), ..envelope(subject, "reply", Body::text("↳ done")) };
    let reply = surfaced(name, subject.adapter().post(&reply).await);
    assert_eq!(seen(subject, &reply).await.text, "↳ done", "{name}");
}

/// A repeated create under one key is one message, as long as the adapter says so, also when several
/// calls of it are under way at once.
async fn recognises_its_key(subject: &dyn Subject) {
    let name = subject.name();
    let one = envelope(subject, "once", Body::text("only once"));
    let other = envelope(subject, "other", Body::text("only once"));
    let before = count(subject).await;
    let first = surfaced(name, subject.adapter().post(&one).await);
    let second = surfaced(name, subject.adapter().post(&other).await);
    assert_ne!(first, second, "{name}: another key is another message, whatever it says");
    assert_eq!(count(subject).await, before + 2, "{name}");
    if subject.adapter().limits().abilities.nonce_window.is_none() {
        return;
    }
    for _ in 0..3 {
        assert_eq!(surfaced(name, subject.adapter().post(&one).await), first, "{name}");
    }
    assert_eq!(count(subject).await, before + 2, "{name}: the key was not recognised");
    let at_once = envelope(subject, "at-once", Body::text("eight at once"));
    let all = join_all((0..8).map(|_| subject.adapter().post(&at_once))).await;
    let first = surfaced(name, all[0].clone());
    assert!(all.into_iter().all(|outcome| surfaced(name, outcome) == first), "{name}");
    assert_eq!(count(subject).await, before + 3, "{name}: eight calls under one key are one message");
}

/// The declared window is not longer than the real one: shortly before its end a key is still recognised.
async fn forgets_its_key_after_the_window(subject: &dyn Subject) {
    let name = subject.name();
    let Some(window) = subject.adapter().limits().abilities.nonce_window else { return };
    let late = envelope(subject, "late", Body::text("late"));
    let first = surfaced(name, subject.adapter().post(&late).await);
    let moment = std::time::Duration::from_secs(1);
    if subject.passes(window - moment) {
        assert_eq!(surfaced(name, subject.adapter().post(&late).await), first, "{name}: before the window's end");
    }
}

/// Looking a message up answers what the adapter declares: here or absent, or that it cannot.
async fn is_found_by_its_key(subject: &dyn Subject) {
    let name = subject.name();
    let known = envelope(subject, "known", Body::text("known"));
    let never = envelope(subject, "never", Body::text("never"));
    let message = surfaced(name, subject.adapter().post(&known).await);
    let (here, absent) =
        (subject.adapter().find(&known, Timestamp(0)).await, subject.adapter().find(&never, Timestamp(0)).await);
    if subject.adapter().limits().abilities.look_up {
        assert_eq!((here, absent), (Found::Here(message), Found::Absent), "{name}");
    } else {
        assert_eq!((here, absent), (Found::Cannot, Found::Cannot), "{name}");
    }
}

/// A text fits to the last sign in the adapter's own unit; one more is a Reshape, and shows nothing.
async fn refuses_what_is_too_long(subject: &dyn Subject) {
    let name = subject.name();
    let limits = *subject.adapter().limits();
    let full = envelope(subject, "full", Body::text(text_of(&limits, limits.text)));
    let message = surfaced(name, subject.adapter().post(&full).await);
    let before = count(subject).await;
    let over = envelope(subject, "over", Body::text(text_of(&limits, limits.text + 1)));
    let reason = refused(name, subject.adapter().post(&over).await);
    assert!(matches!(reason, NotSurfaced::Reshape(_)), "{name}: {reason:?}");
    let reason = refused(name, subject.adapter().edit(&message, &over).await);
    assert!(matches!(reason, NotSurfaced::Reshape(_)), "{name}: {reason:?}");
    let dir = tempfile::tempdir().expect("a folder");
    let large = file(&dir, "large.bin", limits.file + 1);
    let over = envelope(subject, "large", Body { file: Some(large), ..Body::text("large") });
    let reason = refused(name, subject.adapter().edit(&message, &over).await);
    assert!(matches!(reason, NotSurfaced::Reshape(_)), "{name}: {reason:?}");
    assert_eq!(count(subject).await, before, "{name}: a refused create is not there");
    assert_eq!(seen(subject, &message).await.text, full.body.text, "{name}: a refused edit changes nothing");
}

/// A place that is gone answers Gone to everything; a place that works is silent when it is probed.
async fn knows_which_places_are_gone(subject: &dyn Subject) {
    let name = subject.name();
    let adapter = subject.adapter();
    let lost = Envelope { address: subject.nowhere(), ..envelope(subject, "lost", Body::text("lost")) };
    let there = MessageRef { address: subject.nowhere(), message: subject.nothing() };
    for outcome in
        [adapter.post(&lost).await, adapter.edit(&there, &lost).await, adapter.probe(&subject.nowhere()).await]
    {
        let reason = refused(name, outcome);
        assert!(matches!(reason, NotSurfaced::Gone(_)), "{name}: {reason:?}");
    }
    let before = subject.shown(&subject.place()).await;
    assert_eq!(refused(name, adapter.probe(&subject.place()).await), NotSurfaced::Silent, "{name}");
    assert_eq!(subject.shown(&subject.place()).await, before, "{name}: a probe shows nothing");
    // What belongs to another connection never reaches this one.
    let foreign = Address { account: "somebody-else".into(), ..subject.place() };
    refused(name, adapter.post(&Envelope { address: foreign.clone(), ..lost }).await);
    refused(name, adapter.probe(&foreign).await);
    assert_eq!(subject.shown(&subject.place()).await, before, "{name}");
}

/// Whatever a job's output holds, there is an outcome; what is said to be visible is.
async fn does_not_panic_at_anything(subject: &dyn Subject) {
    let name = subject.name();
    let texts = [
        "",
        " ",
        "\0",
        "\u{202e}gnp.exe",
        "e\u{301}\u{301}\u{301}",
        "```",
        "**_[](",
        "<@1> @everyone &lt;",
        "\u{feff}",
    ];
    for (number, text) in texts.into_iter().enumerate() {
        for kind in [EnvelopeKind::Stub, EnvelopeKind::Ping] {
            let mut hostile = envelope(subject, &format!("hostile-{number}-{kind:?}"), Body::text(text));
            hostile.kind = kind;
            match subject.adapter().post(&hostile).await {
                wilco_core::DeliveryOutcome::Surfaced(message) => drop(seen(subject, &message).await),
                wilco_core::DeliveryOutcome::NotSurfaced(reason) => {
                    assert!(
                        matches!(reason, NotSurfaced::Reshape(_) | NotSurfaced::Bug(_)),
                        "{name}: {text:?} {reason:?}"
                    );
                }
            }
        }
    }
    let long_key = Envelope { key: DeliveryKey::new("k".repeat(300)), ..envelope(subject, "", Body::text("long key")) };
    let missing = wilco_core::FileRef { name: "gone.txt".into(), path: "/nonexistent/gone.txt".into(), size: 3 };
    let no_file = envelope(subject, "no-file", Body { file: Some(missing), ..Body::text("no file") });
    for odd in [long_key, no_file] {
        match subject.adapter().post(&odd).await {
            wilco_core::DeliveryOutcome::Surfaced(message) => drop(seen(subject, &message).await),
            wilco_core::DeliveryOutcome::NotSurfaced(_) => {}
        }
    }
}
