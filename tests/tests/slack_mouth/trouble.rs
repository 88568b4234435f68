//! Messages that nearly do not arrive: every fault of the script, what it is called, and that nothing is shown twice.

use std::time::Duration;

use wilco_core::{Body, DeliveryOutcome, EnvelopeKind, Found, Messaging, NotSurfaced, Scope};
use wilco_sim::clock::sockets_run;
use wilco_sim::slack::{Fault, Limited, Op, Rule};

use super::{Stand, file};
use crate::mouths::{reason, surfaced};

/// Longer than any call may take.
const LONG: Duration = Duration::from_secs(20);

/// Longer than the bytes of a file may take.
const UPLOAD: Duration = Duration::from_secs(660);

/// Every way in which the answer to a call gets lost or says nothing, and whether it took effect.
fn lost() -> Vec<(Fault, bool)> {
    let refused = |error: &str, applied| Fault::Refused { error: error.to_owned(), applied };
    vec![
        (Fault::Lost, true),
        (Fault::Dropped, false),
        (Fault::HalfAnswer, true),
        (Fault::OtherShape, true),
        (Fault::Html { status: 200, applied: true }, true),
        (Fault::Html { status: 502, applied: true }, true),
        (Fault::Html { status: 502, applied: false }, false),
        (Fault::Html { status: 503, applied: false }, false),
        (refused("internal_error", true), true),
        (refused("internal_error", false), false),
        (refused("fatal_error", true), true),
        (refused("service_unavailable", false), false),
        (Fault::Hang { applied: true }, true),
        (Fault::Hang { applied: false }, false),
    ]
}

/// A call whose answer may never come: time passes once it waits for nothing.
async fn in_time<T>(stand: &Stand, call: impl Future<Output = T>) -> T {
    let passes = async {
        let hangs = |fault: &Option<String>| fault.as_deref().is_some_and(|fault| fault.starts_with("hang"));
        stand.fake.until(|fake| fake.log().iter().any(|call| hangs(&call.fault))).await;
        stand.passes(LONG);
        std::future::pending::<()>().await;
    };
    tokio::select! {
        answer = call => answer,
        () = passes => unreachable!("it never ends"),
    }
}

#[tokio::test]
async fn a_create_whose_answer_is_lost_is_found_again() {
    for (fault, applied) in lost() {
        let stand = Stand::new().await;
        let since = stand.clock().now();
        stand.fake.fault(Rule::new(fault.clone()).on(Op::PostMessage));
        let stub = stand.stub("k1");
        let answer = reason(in_time(&stand, stand.adapter.post(&stub)).await);
        assert!(matches!(answer, NotSurfaced::Ambiguous(_)), "{fault:?}: {answer:?}");
        // Others have spoken since.
        stand.fake.say(&stand.ana, &stand.channel, "still there?").expect("it is said");
        match stand.adapter.find(&stub, since).await {
            Found::Here(message) => {
                assert!(applied, "{fault:?}");
                let fill = stand.envelope("k1", EnvelopeKind::Content, Body::text("Done · k7f2"));
                surfaced(stand.adapter.edit(&message, &fill).await);
            }
            Found::Absent => {
                assert!(!applied, "{fault:?}");
                stand.posted(&stub).await;
            }
            other @ (Found::Cannot | Found::Unknown(_) | Found::Refused(_)) => panic!("{fault:?}: {other:?}"),
        }
        assert_eq!(stand.by_bot(), 1, "{fault:?}");
        stand.agrees();
    }
}

#[tokio::test]
async fn an_edit_whose_answer_is_lost_is_sent_again_and_shows_one_result() {
    for (fault, _) in lost() {
        let stand = Stand::new().await;
        let message = stand.posted(&stand.stub("k1")).await;
        stand.fake.fault(Rule::new(fault.clone()).on(Op::Update));
        let fill = stand.envelope("k2", EnvelopeKind::Content, Body::text("Done · k7f2"));
        let answer = reason(in_time(&stand, stand.adapter.edit(&message, &fill)).await);
        assert!(matches!(answer, NotSurfaced::Ambiguous(_)), "{fault:?}: {answer:?}");
        surfaced(stand.adapter.edit(&message, &fill).await);
        assert_eq!(stand.only().text, "Done · k7f2", "{fault:?}");
        stand.agrees();
    }
}

#[tokio::test]
async fn a_file_whose_upload_goes_wrong_is_shown_once_in_the_end() {
    let steps = [Op::GetUploadUrl, Op::Upload, Op::CompleteUpload, Op::Update];
    for (op, (fault, _)) in steps.into_iter().flat_map(|op| lost().into_iter().map(move |lost| (op, lost))) {
        let stand = Stand::new().await;
        let dir = tempfile::tempdir().expect("a folder");
        let message = stand.posted(&stand.stub("k1")).await;
        // The bytes are answered with a few words that nobody reads, and never with an error in JSON.
        if op == Op::Upload && matches!(fault, Fault::Refused { .. }) {
            continue;
        }
        stand.fake.fault(Rule::new(fault.clone()).on(op));
        let body =
            Body { file: Some(file(&dir, "report.md", b"all of it")), ..Body::text("File · k7f2 · report.md (9 B)") };
        let fill = stand.envelope("k2", EnvelopeKind::File, body);
        let mut outcome = in_time(&stand, stand.adapter.edit(&message, &fill)).await;
        let mut tries = 0;
        while let DeliveryOutcome::NotSurfaced(why) = outcome {
            let again = matches!(why, NotSurfaced::Ambiguous(_) | NotSurfaced::Retry(_));
            tries += 1;
            assert!(again && tries < 4, "{op:?} {fault:?}: {why:?}");
            // No delivery waits for so long, but what nobody answers is given up then.
            stand.passes(UPLOAD);
            outcome = stand.adapter.edit(&message, &fill).await;
        }
        let shown = stand.only();
        let files: Vec<(&str, u64)> = shown.files.iter().map(|file| (file.name.as_str(), file.size)).collect();
        assert_eq!(files, [("report.md", 9)], "{op:?} {fault:?}");
        stand.fake.forgive();
    }
}

#[tokio::test]
async fn a_look_up_that_goes_wrong_is_no_absence() {
    for (fault, _) in lost() {
        let stand = Stand::new().await;
        let since = stand.clock().now();
        let stub = stand.stub("k1");
        let message = stand.posted(&stub).await;
        stand.fake.fault(Rule::new(fault.clone()).on(Op::History));
        let found = in_time(&stand, stand.adapter.find(&stub, since)).await;
        assert!(matches!(found, Found::Refused(NotSurfaced::Retry(_))), "{fault:?}: {found:?}");
        assert_eq!(stand.adapter.find(&stub, since).await, Found::Here(message), "{fault:?}");
        stand.agrees();
    }
}

#[tokio::test]
async fn an_answer_that_takes_its_time_is_waited_for() {
    let stand = Stand::new().await;
    stand.fake.fault(Rule::new(Fault::Slow { millis: 5_000 }).on(Op::PostMessage));
    let stub = stand.stub("k1");
    let passes = async {
        stand.fake.until(|fake| fake.calls(Op::PostMessage) > 0).await;
        // The answer waits by the same clock; it begins to wait after the call was noted.
        sockets_run(8).await.expect("this machine has sockets");
        stand.passes(Duration::from_secs(5));
    };
    let (outcome, ()) = tokio::join!(stand.adapter.post(&stub), passes);
    surfaced(outcome);
    assert_eq!(stand.by_bot(), 1);
    stand.agrees();
}

/// What Slack does late, after it has said that nobody knows, shows a second acknowledgement without content at worst.
#[tokio::test]
async fn a_create_that_takes_effect_after_the_look_up_leaves_a_stub_and_no_content() {
    let stand = Stand::new().await;
    let since = stand.clock().now();
    stand.fake.fault(Rule::new(Fault::LateApply { millis: 3_000 }).on(Op::PostMessage));
    let stub = stand.stub("k1");
    assert!(matches!(reason(stand.adapter.post(&stub).await), NotSurfaced::Ambiguous(_)));
    assert_eq!(stand.adapter.find(&stub, since).await, Found::Absent);
    let message = stand.posted(&stub).await;
    stand.passes(Duration::from_secs(4));
    let fill = stand.envelope("k1", EnvelopeKind::Content, Body::text("Done · k7f2"));
    surfaced(stand.adapter.edit(&message, &fill).await);
    let texts: Vec<String> = stand.shown().into_iter().map(|one| one.text).collect();
    assert_eq!(texts.iter().filter(|text| *text == "Done · k7f2").count(), 1, "{texts:?}");
    stand.agrees();
}

#[tokio::test]
async fn each_refusal_is_called_what_it_is() {
    for (error, create, edit) in [
        ("channel_not_found", "gone", "gone"),
        ("is_archived", "gone", "gone"),
        ("not_in_channel", "gone", "gone"),
        ("restricted_action", "gone", "gone"),
        ("restricted_action_thread_locked", "gone", "gone"),
        ("posting_to_channel_denied", "gone", "gone"),
        ("messages_tab_disabled", "gone", "gone"),
        ("message_not_found", "fallback", "fallback"),
        ("cant_update_message", "fallback", "fallback"),
        ("edit_window_closed", "fallback", "fallback"),
        ("msg_too_long", "reshape", "reshape"),
        ("no_text", "reshape", "reshape"),
        ("invalid_blocks", "reshape", "reshape"),
        ("invalid_auth", "stop_account", "stop_account"),
        ("token_expired", "stop_account", "stop_account"),
        ("missing_scope", "stop_account", "stop_account"),
        ("ratelimited", "retry_after", "retry_after"),
        ("message_limit_exceeded", "retry_after", "retry_after"),
        ("update_failed", "retry", "retry"),
        ("request_timeout", "retry", "retry"),
        ("internal_error", "ambiguous", "ambiguous"),
        ("invalid_arguments", "bug", "bug"),
        ("a_word_that_nobody_knows", "bug", "bug"),
    ] {
        let stand = Stand::new().await;
        let message = stand.posted(&stand.stub("k1")).await;
        let fill = stand.envelope("k1", EnvelopeKind::Content, Body::text("Done"));
        stand.fake.fault(Rule::new(Fault::refused(error)).on(Op::Update));
        assert_eq!(reason(stand.adapter.edit(&message, &fill).await).name(), edit, "{error}");
        stand.fake.fault(Rule::new(Fault::refused(error)).on(Op::PostMessage));
        stand.passes(Duration::from_secs(1));
        assert_eq!(reason(stand.adapter.post(&stand.stub("k2")).await).name(), create, "{error}");
        assert_eq!(stand.only().text, "On it · report · k7f2", "{error}");
        stand.agrees();
    }
}

#[tokio::test]
async fn a_limit_is_a_wait_that_is_handed_up_and_kept() {
    let wait = Duration::from_secs(40);
    for how in [Limited::Status, Limited::Empty, Limited::Page, Limited::Body] {
        // Without a header, the wait is the adapter's own.
        let wait = if how == Limited::Body { Duration::from_secs(30) } else { wait };
        let stand = Stand::new().await;
        let elsewhere = stand.fake.add_channel(&stand.team, "general");
        let message = stand.posted(&stand.stub("k1")).await;
        stand.passes(Duration::from_secs(1));
        stand.fake.fault(Rule::new(Fault::RateLimited { millis: 40_000, how }).on(Op::PostMessage));
        let expected = NotSurfaced::RetryAfter { delay: wait, scope: Scope::Chat };
        assert_eq!(reason(stand.adapter.post(&stand.stub("k2")).await), expected, "{how:?}");
        // Held without another call, also after half of the time.
        stand.passes(wait / 2);
        let held = reason(stand.adapter.post(&stand.stub("k2")).await);
        assert_eq!(held, NotSurfaced::RetryAfter { delay: wait / 2, scope: Scope::Chat }, "{how:?}");
        assert_eq!(stand.fake.calls(Op::PostMessage), 2, "{how:?}");
        // Neither another channel nor an edit has to wait for it.
        let there =
            wilco_core::Envelope { address: wilco_core::Address::channel("slack", &*elsewhere), ..stand.stub("k3") };
        surfaced(stand.adapter.post(&there).await);
        let fill = stand.envelope("k1", EnvelopeKind::Content, Body::text("Done · k7f2"));
        surfaced(stand.adapter.edit(&message, &fill).await);
        stand.passes(wait / 2);
        surfaced(stand.adapter.post(&stand.stub("k2")).await);
        stand.agrees();
    }
}

#[tokio::test]
async fn two_channels_that_have_to_wait_mean_the_whole_workspace() {
    let stand = Stand::new().await;
    let general = stand.fake.add_channel(&stand.team, "general");
    let third = stand.fake.add_channel(&stand.team, "third");
    let into = |channel: &str, key: &str| wilco_core::Envelope {
        address: wilco_core::Address::channel("slack", channel),
        ..stand.stub(key)
    };
    let limited = Fault::RateLimited { millis: 40_000, how: Limited::Status };
    stand.fake.fault(Rule::new(limited).on(Op::PostMessage).times(2));
    let scope = |outcome| {
        let reason = reason(outcome);
        let NotSurfaced::RetryAfter { scope, .. } = reason else { panic!("{reason:?}") };
        scope
    };
    assert_eq!(scope(stand.adapter.post(&into(&stand.channel, "k1")).await), Scope::Chat);
    assert_eq!(scope(stand.adapter.post(&into(&general, "k2")).await), Scope::Account);
    assert_eq!(scope(stand.adapter.post(&into(&third, "k3")).await), Scope::Account);
    assert_eq!(stand.fake.calls(Op::PostMessage), 2, "the third one was not even asked");
    stand.passes(Duration::from_secs(40));
    for (channel, key) in [(&stand.channel, "k1"), (&general, "k2"), (&third, "k3")] {
        surfaced(stand.adapter.post(&into(channel, key)).await);
    }
    stand.agrees();
}

#[tokio::test]
async fn a_burst_meets_no_429() {
    let stand = Stand::new().await;
    let message = stand.posted(&stand.stub("k1")).await;
    let (mut shown, mut held) = (0, 0);
    for at in 0..60 {
        let kind = if at % 5 == 4 { EnvelopeKind::Content } else { EnvelopeKind::Progress };
        let fill = stand.envelope("k2", kind, Body::text(format!("Working · k7f2 · step {at}")));
        match stand.adapter.edit(&message, &fill).await {
            DeliveryOutcome::Surfaced(_) => shown += 1,
            // Progress is drawn anew; it never makes a result wait.
            DeliveryOutcome::NotSurfaced(NotSurfaced::Retry(_)) => {
                assert_eq!(kind, EnvelopeKind::Progress);
                held += 1;
            }
            DeliveryOutcome::NotSurfaced(other) => panic!("{other:?}"),
        }
    }
    assert!(held > 0 && shown <= 50, "{shown} shown, {held} held");
    // Messages of one channel wait for their second, one after the other.
    let mut waits = 0;
    for at in 0..20 {
        let note = stand.envelope(&format!("p{at}"), EnvelopeKind::Part, Body::text(format!("Part {at} · k7f2")));
        loop {
            match stand.adapter.post(&note).await {
                DeliveryOutcome::Surfaced(_) => break,
                DeliveryOutcome::NotSurfaced(NotSurfaced::RetryAfter { delay, .. }) => {
                    waits += 1;
                    stand.passes(delay);
                }
                DeliveryOutcome::NotSurfaced(other) => panic!("{other:?}"),
            }
        }
    }
    assert!((19..=20).contains(&waits), "{waits} waits");
    assert!(stand.fake.log().iter().all(|call| call.status != 429 && call.error.is_none()));
    stand.agrees();
}
