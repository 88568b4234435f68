//! The fault script of the Web API.

use std::time::Duration;

use serde_json::json;
use wilco_core::{EnvelopeKind, Scope};

use super::Stage;
use crate::faults;
use crate::slack::{Fault, Limited, Op, Order, Rule};

#[tokio::test]
async fn every_fault_spoils_the_answer_and_applies_as_it_says() {
    let stage = Stage::new().await;
    let limited = |how| Fault::RateLimited { millis: 1_500, how };
    for (fault, status, applied) in [
        (limited(Limited::Status), 429, false),
        (limited(Limited::Empty), 429, false),
        (limited(Limited::Page), 429, false),
        (limited(Limited::Body), 200, false),
        (Fault::refused("fatal_error"), 200, false),
        (Fault::Refused { error: "internal_error".to_owned(), applied: true }, 200, true),
        (Fault::Html { status: 502, applied: false }, 502, false),
        (Fault::Html { status: 503, applied: true }, 503, true),
        (Fault::HalfAnswer, 200, true),
        (Fault::OtherShape, 200, true),
    ] {
        let before = stage.slack.snapshot().len();
        stage.slack.fault(Rule::new(fault.clone()).on(Op::PostMessage));
        let got = stage.say("On it · demo · k7f2").await;
        assert_eq!(got.status, status, "{fault:?}");
        assert_ne!(got.error(), "ok", "{fault:?}");
        if status == 429 {
            assert_eq!(got.header("retry-after"), "2", "whole seconds: {fault:?}");
        }
        assert_eq!(stage.slack.snapshot().len() - before, usize::from(applied), "{fault:?}");
        let logged = stage.slack.log().pop().unwrap();
        assert_eq!((logged.fault.as_deref(), logged.kind), (Some(fault.name()), Some(EnvelopeKind::Stub)));
    }
    for (fault, applied) in [(Fault::Dropped, false), (Fault::Lost, true)] {
        let before = stage.slack.snapshot().len();
        stage.slack.fault(Rule::new(fault.clone()));
        let body = json!({"channel": stage.general, "text": "x"});
        let sent = stage.request("chat.postMessage").json(&body).send().await;
        assert!(sent.is_err(), "{fault:?}");
        assert_eq!(stage.slack.snapshot().len() - before, usize::from(applied), "{fault:?}");
    }
    stage.nothing_deviated();
}

#[tokio::test]
async fn what_takes_effect_late_follows_the_clock() {
    let stage = Stage::new().await;
    stage.slack.fault(Rule::new(Fault::LateApply { millis: 5_000 }));
    assert_eq!(stage.say("x").await.status, 504);
    assert_eq!(stage.slack.snapshot().len(), 0);
    stage.pass(5);
    assert_eq!(stage.slack.snapshot().len(), 1);
    stage.slack.fault(Rule::new(Fault::Slow { millis: 3_000 }));
    let body = json!({"channel": stage.general, "text": "y"});
    let slow = tokio::spawn(stage.request("chat.postMessage").json(&body).send());
    stage.slack.until(|slack| slack.log().len() == 2).await;
    assert!(!slow.is_finished());
    stage.clock.advance(Duration::from_secs(3));
    assert_eq!(slow.await.unwrap().unwrap().status(), 200);
}

#[tokio::test]
async fn rules_of_the_scripted_platform_are_taken_and_filtered() {
    let stage = Stage::new().await;
    let edit = faults::Rule::new(faults::Fault::Gone).on(faults::Verb::Edit);
    stage.slack.fault(edit.kind(EnvelopeKind::Content).channel(stage.general.clone()));
    let wait = faults::Fault::RetryAfter { millis: 2_000, scope: Scope::Chat };
    stage.slack.fault(faults::Rule::new(wait).on(faults::Verb::Post).after(1));
    let ts = stage.say("On it · demo · k7f2").await.ts();
    assert_eq!(stage.say("On it · demo · k7f3").await.status, 429);
    let edit = |text: &str| json!({"channel": stage.general, "ts": ts, "text": text});
    assert_eq!(stage.json("chat.update", &edit("Working · k7f2 · 1s")).await.error(), "ok");
    assert_eq!(stage.json("chat.update", &edit("Done · k7f2 · 1s")).await.error(), "channel_not_found");
    assert_eq!(stage.slack.rules_left(), 0);
    let order: Order = serde_json::from_value(json!({
        "order": "fault",
        "rule": {"filter": {"op": "post_message"}, "fault": {"fault": "rate_limited", "millis": 5, "how": "body"}},
    }))
    .unwrap();
    stage.slack.obey(order).unwrap();
    let got = stage.say("x").await;
    assert_eq!((got.status, got.error()), (200, "ratelimited"));
    stage.slack.chaos(Some(faults::Chaos::wild(7)));
    stage.slack.calm();
    assert_eq!(stage.say("x").await.error(), "ok");
}

#[tokio::test]
async fn a_limit_is_of_a_method_a_channel_or_a_workspace() {
    let stage = Stage::new().await;
    let other = stage.slack.add_team("Elsewhere");
    let there = stage.slack.add_channel(&other, "there");
    let ops = stage.slack.channel_named("ops").unwrap();
    let limited = || Rule::new(Fault::RateLimited { millis: 1_000, how: Limited::Status }).always();
    let post = async |token: String, channel: &str| {
        let request = stage.client.post(format!("{}chat.postMessage", stage.api)).bearer_auth(token);
        stage.send(request.json(&json!({"channel": channel, "text": "x"}))).await.status
    };
    let mine = || stage.slack.token(&stage.team);
    let test = async || stage.form("auth.test", &[]).await.status;
    stage.slack.fault(limited().on(Op::PostMessage));
    assert_eq!((post(mine(), &stage.general).await, test().await), (429, 200));
    stage.slack.calm();
    stage.slack.fault(limited().channel(&stage.general));
    assert_eq!((post(mine(), &stage.general).await, post(mine(), &ops).await, test().await), (429, 200, 200));
    stage.slack.calm();
    stage.slack.fault(limited().team(&stage.team));
    assert_eq!((post(mine(), &ops).await, test().await), (429, 429));
    assert_eq!(post(stage.slack.token(&other), &there).await, 200);
    stage.slack.calm();
    stage.slack.fault(limited().sparing(Op::AuthTest));
    assert_eq!((post(mine(), &ops).await, test().await), (429, 200));
}

#[tokio::test]
async fn a_call_that_is_never_answered_may_have_taken_effect() {
    let stage = Stage::new().await;
    for (applied, shown) in [(false, 0), (true, 1)] {
        stage.slack.fault(Rule::new(Fault::Hang { applied }));
        let body = json!({"channel": stage.general, "text": "x"});
        let calls = stage.slack.log().len();
        let hanging = tokio::spawn(stage.request("chat.postMessage").json(&body).send());
        stage.slack.until(|slack| slack.log().len() > calls).await;
        stage.pass(3_600);
        // Other calls are answered meanwhile, and this one is not.
        assert_eq!(stage.form("auth.test", &[]).await.error(), "ok");
        assert!(!hanging.is_finished());
        assert_eq!(stage.slack.snapshot().len(), shown);
        hanging.abort();
    }
}

#[tokio::test]
async fn chance_spoils_the_same_calls_for_the_same_seed() {
    let spoiled = async |seed| {
        let stage = Stage::new().await;
        stage.slack.chaos(Some(faults::Chaos::wild(seed)));
        for number in 0..40 {
            // A call that hangs or is cut off is none of this test's business.
            let body = json!({"channel": stage.general, "text": format!("{number}")});
            let sent = tokio::spawn(stage.request("chat.postMessage").json(&body).send());
            stage.slack.until(|slack| slack.log().len() > number).await;
            sent.abort();
        }
        stage.slack.log().into_iter().map(|call| call.fault).collect::<Vec<_>>()
    };
    let first = spoiled(7).await;
    assert_eq!(first, spoiled(7).await);
    assert!(first.iter().any(Option::is_some) && first.iter().any(Option::is_none), "{first:?}");
    assert_ne!(first, spoiled(8).await);
}
