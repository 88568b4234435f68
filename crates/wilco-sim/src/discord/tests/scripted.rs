//! The fault script of the REST side.

use std::time::Duration;

use serde_json::json;
use wilco_core::{EnvelopeKind, Scope};

use super::Stage;
use crate::discord::{Fault, LimitScope, Op, Order, Rule};
use crate::faults;

#[tokio::test]
async fn every_fault_spoils_the_answer_and_applies_as_it_says() {
    let stage = Stage::new().await;
    let post = json!({"content": "On it · demo · k7f2"});
    for (fault, status, applied) in [
        (Fault::RateLimited { millis: 1_500, scope: LimitScope::User }, 429, false),
        (Fault::RateLimited { millis: 1_500, scope: LimitScope::Address }, 429, false),
        (Fault::Refused { status: 403, code: 50_013, message: "Missing Permissions".to_owned() }, 403, false),
        (Fault::Html { status: 502, applied: false }, 502, false),
        (Fault::Html { status: 503, applied: true }, 503, true),
        (Fault::HalfAnswer, 200, true),
        (Fault::OtherShape, 200, true),
        (Fault::BadHeaders, 200, true),
    ] {
        let before = stage.discord.snapshot().len();
        stage.discord.fault(Rule::new(fault.clone()).on(Op::CreateMessage));
        let got = stage.post(&post).await;
        assert_eq!(got.status, status, "{fault:?}");
        assert_eq!(stage.discord.snapshot().len() - before, usize::from(applied), "{fault:?}");
        if fault == Fault::BadHeaders {
            assert_eq!((got.header("x-ratelimit-remaining"), got.body["content"].is_string()), ("soon", true));
        }
        if fault == Fault::HalfAnswer {
            assert!(got.body.is_string(), "half of a document is none");
        }
        let logged = stage.discord.log().pop().unwrap();
        assert_eq!((logged.fault.as_deref(), logged.kind), (Some(fault.name()), Some(EnvelopeKind::Stub)));
    }
    for (fault, applied) in [(Fault::Dropped, false), (Fault::Lost, true)] {
        let before = stage.discord.snapshot().len();
        stage.discord.fault(Rule::new(fault.clone()));
        let sent = stage.request("POST", &stage.messages()).json(&post).send().await;
        assert!(sent.is_err(), "{fault:?}");
        assert_eq!(stage.discord.snapshot().len() - before, usize::from(applied), "{fault:?}");
    }
    stage.nothing_deviated();
}

#[tokio::test]
async fn an_answer_that_hangs_comes_late_or_takes_effect_late_follows_the_clock() {
    let stage = Stage::new().await;
    let post = json!({"content": "x"});
    stage.discord.fault(Rule::new(Fault::LateApply { millis: 5_000 }));
    assert_eq!(stage.post(&post).await.status, 504);
    assert_eq!(stage.discord.snapshot().len(), 0);
    stage.pass(5);
    assert_eq!(stage.discord.snapshot().len(), 1);

    stage.discord.fault(Rule::new(Fault::Slow { millis: 3_000 }));
    let slow = stage.post(&post);
    tokio::pin!(slow);
    let applied = stage.discord.until(|discord| discord.snapshot().len() == 2);
    tokio::select! {
        biased;
        got = &mut slow => panic!("answered before its time: {got:?}"),
        () = applied => {}
    }
    // The handler waits on the clock by now or will begin to wait after it was moved; both end it.
    loop {
        stage.pass(3);
        tokio::select! {
            biased;
            got = &mut slow => break assert_eq!(got.status, 200),
            () = tokio::task::yield_now() => {}
        }
    }

    for applied in [false, true] {
        let before = stage.discord.snapshot().len();
        stage.discord.fault(Rule::new(Fault::Hang { applied }));
        let hung =
            stage.request("POST", &stage.messages()).json(&post).timeout(Duration::from_millis(200)).send().await;
        assert!(hung.unwrap_err().is_timeout());
        assert_eq!(stage.discord.snapshot().len() - before, usize::from(applied));
    }
}

#[tokio::test]
async fn a_rule_means_a_route_a_channel_a_kind_and_a_count() {
    let stage = Stage::new().await;
    let gone = Fault::refused(crate::discord::error::UNKNOWN_CHANNEL);
    let ops = stage.discord.channel_named("ops").unwrap();
    stage.discord.fault(Rule::new(gone.clone()).on(Op::CreateMessage).channel(ops));
    stage.discord.fault(Rule::new(gone).on(Op::EditMessage).kind(EnvelopeKind::Content).after(1).times(2));
    let id = stage.post(&json!({"content": "On it · demo · k7f2"})).await.id();
    let done = json!({"content": "Done · k7f2 · 1s"});
    let mut seen = Vec::new();
    for body in [&done, &json!({"content": "Working · k7f2 · 1s"}), &done, &done, &done] {
        seen.push(stage.edit(id, body).await.status);
    }
    assert_eq!(seen, [200, 200, 404, 404, 200]);
    assert_eq!(stage.discord.rules_left(), 1);
    let elsewhere = stage.json("POST", &format!("/channels/{ops}/messages"), &json!({"content": "x"})).await;
    assert_eq!(elsewhere.code(), (404, 10003));
    assert_eq!(stage.discord.rules_left(), 0);
}

#[tokio::test]
async fn rules_of_the_scripted_platform_are_taken_as_discord_shows_them() {
    let stage = Stage::new().await;
    for (fault, status, code) in [
        (faults::Fault::RetryAfter { millis: 300, scope: Scope::Account }, 429, -1),
        (faults::Fault::Dropped, 403, 40006),
        (faults::Fault::ServerError { applied: false }, 502, -1),
        (faults::Fault::Gone, 404, 10003),
        (faults::Fault::NotEditable, 404, 10008),
        (faults::Fault::Reshape, 400, 50035),
        (faults::Fault::StopAccount, 401, 0),
        (faults::Fault::Bug, 405, 0),
    ] {
        stage.discord.fault(faults::Rule::new(fault.clone()).on(faults::Verb::Post));
        assert_eq!(stage.get("/users/@me").await.status, 200, "what has no verb is spared");
        assert_eq!(stage.post(&json!({"content": "x"})).await.code(), (status, code), "{fault:?}");
    }
    stage.discord.chaos(Some(faults::Chaos::wild(7)));
    let mut spoiled = 0;
    for _ in 0..60 {
        let sent = stage.request("POST", &stage.messages()).json(&json!({"content": "x"})).send().await;
        spoiled += usize::from(!sent.is_ok_and(|got| got.status() == 200));
    }
    assert!((6..40).contains(&spoiled), "about a third of 60: {spoiled}");
    stage.discord.calm();
    stage.discord.chaos(None);
    assert_eq!(stage.post(&json!({"content": "x"})).await.status, 200);
}

#[tokio::test]
async fn a_rule_travels_as_readable_json() {
    let stage = Stage::new().await;
    let order = json!({"order": "fault", "rule": {
        "filter": {"op": "create_message"}, "fault": {"fault": "rate_limited", "millis": 300, "scope": "global"},
    }});
    let control =
        |order: &serde_json::Value| stage.client.post(format!("{}/control", stage.discord.base())).json(order).send();
    assert_eq!(control(&order).await.unwrap().status(), 200);
    assert_eq!(stage.post(&json!({"content": "x"})).await.header("x-ratelimit-scope"), "global");
    assert_eq!(control(&json!({"order": "fault", "rule": {"fautl": 1}})).await.unwrap().status(), 422);
    let read: Order = serde_json::from_value(order).unwrap();
    assert!(matches!(read, Order::Fault { .. }));
}
