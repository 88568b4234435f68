//! Messages that nearly do not arrive, and places that are gone.

use std::time::Duration;

use wilco_core::{Body, DeliveryOutcome, EnvelopeKind, Found, Messaging, NotSurfaced, Scope};
use wilco_sim::discord::{Fault, LimitScope, Op, Rule, permissions};

use super::Stand;
use crate::mouths::{reason, surfaced};

/// Every way in which an answer to a create gets lost, and whether the message is there then.
fn lost() -> Vec<(Fault, bool)> {
    vec![
        (Fault::Lost, true),
        (Fault::Dropped, false),
        (Fault::HalfAnswer, true),
        (Fault::OtherShape, true),
        (Fault::Html { status: 502, applied: true }, true),
        (Fault::Html { status: 502, applied: false }, false),
        (Fault::Html { status: 503, applied: false }, false),
    ]
}

#[tokio::test]
async fn a_create_whose_answer_is_lost_is_found_again() {
    for (fault, applied) in lost() {
        let stand = Stand::new().await;
        let since = stand.clock().now();
        stand.fake.fault(Rule::new(fault.clone()).on(Op::CreateMessage));
        let stub = stand.stub("k1");
        let answer = reason(stand.adapter.post(&stub).await);
        assert!(matches!(answer, NotSurfaced::Ambiguous(_)), "{fault:?}: {answer:?}");
        // Others have spoken since.
        stand.fake.say(stand.ana, stand.channel, "still there?").expect("it is said");
        match stand.adapter.find(&stub, since).await {
            Found::Here(message) => {
                assert!(applied, "{fault:?}");
                assert_eq!(stand.posted(&stub).await, message, "within the window, the key is recognised");
            }
            Found::Absent => assert!(!applied, "{fault:?}"),
            other @ (Found::Cannot | Found::Unknown(_) | Found::Refused(_)) => panic!("{fault:?}: {other:?}"),
        }
        surfaced(stand.adapter.post(&stub).await);
        let stubs = stand.shown().into_iter().filter(|message| message.by_bot).count();
        assert_eq!(stubs, 1, "{fault:?}");
        stand.agrees();
    }
}

#[tokio::test]
async fn a_create_without_buttons_is_found_by_its_words() {
    let stand = Stand::new().await;
    let since = stand.clock().now();
    stand.fake.fault(Rule::new(Fault::Lost).on(Op::CreateMessage));
    let part = stand.envelope("k1", EnvelopeKind::Stub, Body::text("part 2 of 3 · k7f2"));
    assert!(matches!(reason(stand.adapter.post(&part).await), NotSurfaced::Ambiguous(_)));
    stand.fake.say(stand.ana, stand.channel, "part 2 of 3 · k7f2").expect("it is said");
    let Found::Here(message) = stand.adapter.find(&part, since).await else { panic!("it is there") };
    assert_eq!(message.message, stand.shown()[0].id.to_string());
    let other = stand.envelope("k2", EnvelopeKind::Stub, Body::text("part 3 of 3 · k7f2"));
    assert_eq!(stand.adapter.find(&other, since).await, Found::Absent);
    stand.agrees();
}

#[tokio::test]
async fn an_edit_whose_answer_is_lost_is_sent_again_and_shows_one_result() {
    for (fault, _) in lost() {
        let stand = Stand::new().await;
        let message = stand.posted(&stand.stub("k1")).await;
        stand.fake.fault(Rule::new(fault.clone()).on(Op::EditMessage));
        let fill = stand.envelope("k2", EnvelopeKind::Content, Body::text("Done · k7f2"));
        let answer = reason(stand.adapter.edit(&message, &fill).await);
        assert!(matches!(answer, NotSurfaced::Ambiguous(_)), "{fault:?}: {answer:?}");
        surfaced(stand.adapter.edit(&message, &fill).await);
        assert_eq!(stand.only().text, "Done · k7f2", "{fault:?}");
        stand.agrees();
    }
}

#[tokio::test]
async fn rate_headers_that_are_no_numbers_send_nothing_twice() {
    let stand = Stand::new().await;
    stand.fake.fault(Rule::new(Fault::BadHeaders).always());
    for at in 0..3 {
        stand.posted(&stand.stub(&format!("k{at}"))).await;
    }
    assert_eq!((stand.shown().len(), stand.fake.calls(Op::CreateMessage)), (3, 3));
}

#[tokio::test]
async fn a_limit_is_a_wait_that_is_handed_up_and_kept() {
    for (scope, expected) in [
        (LimitScope::User, Scope::Route),
        (LimitScope::Shared, Scope::Route),
        (LimitScope::Global, Scope::Account),
        (LimitScope::Address, Scope::Ip),
    ] {
        let stand = Stand::new().await;
        stand.fake.fault(Rule::new(Fault::RateLimited { millis: 700_000, scope }).on(Op::CreateMessage));
        let wait = Duration::from_millis(700_000);
        let expected = NotSurfaced::RetryAfter { delay: wait, scope: expected };
        assert_eq!(reason(stand.adapter.post(&stand.stub("k1")).await), expected, "{scope:?}");
        // Held without another call, also after half of the time.
        stand.passes(wait / 2);
        let held = reason(stand.adapter.post(&stand.stub("k1")).await);
        assert!(matches!(held, NotSurfaced::RetryAfter { delay, .. } if delay == wait / 2), "{scope:?}: {held:?}");
        assert_eq!(stand.fake.calls(Op::CreateMessage), 1, "{scope:?}");
        stand.passes(wait / 2);
        stand.posted(&stand.stub("k1")).await;
    }
}

#[tokio::test]
async fn a_burst_meets_no_429() {
    let stand = Stand::new().await;
    stand.fake.limit(Op::EditMessage, 5, Duration::from_secs(5));
    let message = stand.posted(&stand.stub("k1")).await;
    let mut waits = 0;
    for at in 0..40 {
        let kind = if at % 4 == 3 { EnvelopeKind::Content } else { EnvelopeKind::Progress };
        let fill = stand.envelope("k2", kind, Body::text(format!("Working · {at}")));
        match stand.adapter.edit(&message, &fill).await {
            DeliveryOutcome::Surfaced(_) => {}
            // Progress is drawn anew; it never makes a result wait.
            DeliveryOutcome::NotSurfaced(NotSurfaced::Retry(_)) => assert_eq!(kind, EnvelopeKind::Progress),
            DeliveryOutcome::NotSurfaced(NotSurfaced::RetryAfter { delay, .. }) => {
                assert_eq!(kind, EnvelopeKind::Content);
                waits += 1;
                stand.passes(delay);
                surfaced(stand.adapter.edit(&message, &fill).await);
            }
            DeliveryOutcome::NotSurfaced(other) => panic!("{other:?}"),
        }
    }
    assert!(waits > 0, "the limit was never reached");
    assert!(stand.fake.log().iter().all(|call| call.status != 429));
    stand.agrees();
}

#[tokio::test]
async fn places_that_are_gone_say_so() {
    let stand = Stand::new().await;
    let message = stand.posted(&stand.stub("k1")).await;
    assert_eq!(reason(stand.adapter.probe(&stand.place()).await), NotSurfaced::Silent);
    stand.fake.deny_bot(stand.channel, permissions::SEND_MESSAGES);
    let NotSurfaced::Gone(cause) = reason(stand.adapter.probe(&stand.place()).await) else { panic!("it may not send") };
    assert!(cause.text.contains("Send Messages"), "{cause}");
    assert!(matches!(reason(stand.adapter.post(&stand.stub("k2")).await), NotSurfaced::Gone(_)));
    stand.fake.deny_bot(stand.channel, permissions::VIEW_CHANNEL);
    assert!(matches!(reason(stand.adapter.probe(&stand.place()).await), NotSurfaced::Gone(_)));
    stand.fake.deny_bot(stand.channel, 0);
    stand.fake.delete(stand.shown()[0].id);
    let fill = stand.envelope("k1", EnvelopeKind::Content, Body::text("Done"));
    assert!(matches!(reason(stand.adapter.edit(&message, &fill).await), NotSurfaced::Fallback(_)));
    stand.fake.delete_channel(stand.channel);
    for outcome in [
        stand.adapter.probe(&stand.place()).await,
        stand.adapter.post(&stand.stub("k3")).await,
        stand.adapter.edit(&message, &fill).await,
    ] {
        assert!(matches!(reason(outcome), NotSurfaced::Gone(_)));
    }
    stand.agrees();
}

#[tokio::test]
async fn a_history_that_must_not_be_read_is_no_absence() {
    let stand = Stand::new().await;
    let since = stand.clock().now();
    stand.fake.deny_bot(stand.channel, permissions::READ_MESSAGE_HISTORY);
    let stub = stand.stub("k1");
    let message = stand.posted(&stub).await;
    assert_eq!(stand.adapter.find(&stub, since).await, Found::Cannot, "nothing to wait for");
    // A reply needs the history, too, and goes without its reference.
    let reply = wilco_core::Envelope { reply_to: Some(message), ..stand.stub("k2") };
    stand.posted(&reply).await;
    assert_eq!(stand.shown()[1].reply_to, None);
    stand.agrees();
}

#[tokio::test]
async fn a_thread_that_is_locked_is_gone_and_a_token_that_is_reset_stops_the_account() {
    let stand = Stand::new().await;
    let thread = stand.fake.start_thread(stand.ana, stand.channel, None, "talk", false).expect("a thread");
    stand.fake.lock(thread, true);
    let address = stand.place().in_thread(thread.to_string());
    let stub = wilco_core::Envelope { address: address.clone(), ..stand.stub("k1") };
    assert!(matches!(reason(stand.adapter.probe(&address).await), NotSurfaced::Gone(_)));
    assert!(matches!(reason(stand.adapter.post(&stub).await), NotSurfaced::Gone(_)));
    assert!(stand.fake.world().guilds.contains_key(&stand.guild));
    stand.fake.revoke(true);
    assert!(matches!(reason(stand.adapter.post(&stand.stub("k2")).await), NotSurfaced::StopAccount(_)));
    stand.fake.revoke(false);
    stand.posted(&stand.stub("k2")).await;
    stand.agrees();
}
