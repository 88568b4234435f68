//! Rate limits and the count of invalid requests.

use std::time::Duration;

use serde_json::json;

use super::Stage;
use crate::discord::{Fault, LimitScope, Op, Rule, Settings};

#[tokio::test]
async fn a_bucket_says_what_is_left_refuses_and_fills_again() {
    let stage = Stage::with(Settings::default()).await;
    stage.discord.limit(Op::CreateMessage, 2, Duration::from_secs(5));
    let hello = json!({"content": "hello"});
    let first = stage.post(&hello).await;
    assert_eq!((first.header("x-ratelimit-limit"), first.header("x-ratelimit-remaining")), ("2", "1"));
    stage.pass(1);
    let second = stage.post(&hello).await;
    assert_eq!((second.header("x-ratelimit-remaining"), second.header("x-ratelimit-reset-after")), ("0", "4.000"));
    assert_eq!(first.header("x-ratelimit-bucket"), second.header("x-ratelimit-bucket"));
    let third = stage.post(&hello).await;
    assert_eq!((third.status, third.header("retry-after"), third.header("x-ratelimit-scope")), (429, "4", "user"));
    assert_eq!(third.body, json!({"message": "You are being rate limited.", "retry_after": 4.0, "global": false}));
    let ops = stage.discord.channel_named("ops").unwrap();
    let other = stage.json("POST", &format!("/channels/{ops}/messages"), &hello).await;
    assert_eq!(other.status, 200, "another channel has a bucket of its own");
    stage.pass(4);
    assert_eq!(stage.post(&hello).await.status, 200);
    assert_eq!(stage.discord.invalid_requests(), (1, 1));
    stage.pass(601);
    assert_eq!(stage.discord.invalid_requests(), (0, 1));
    stage.nothing_deviated();
}

#[tokio::test]
async fn the_global_limit_counts_all_routes_but_interactions() {
    let stage = Stage::with(Settings { global: 3, ..Settings::default() }).await;
    for _ in 0..3 {
        assert_eq!(stage.get("/users/@me").await.status, 200);
    }
    let refused = stage.get("/gateway/bot").await;
    assert_eq!(
        (refused.status, refused.header("x-ratelimit-global"), refused.body["global"].as_bool()),
        (429, "true", Some(true))
    );
    assert_eq!(refused.header("x-ratelimit-scope"), "global");
    let exempt = stage.json("POST", "/interactions/1/t/callback", &json!({"type": 5})).await;
    assert_eq!(exempt.code(), (404, 10062));
    stage.pass(1);
    assert_eq!(stage.get("/gateway/bot").await.status, 200);
}

#[tokio::test]
async fn ten_thousand_invalid_requests_ban_the_address() {
    let stage = Stage::with(Settings { limits: false, ..Settings::default() }).await;
    stage.discord.with(|state, now| (0..9_999).for_each(|_| state.limits.invalid(now.monotonic)));
    stage.discord.revoke(true);
    assert_eq!(stage.get("/users/@me").await.status, 401);
    stage.discord.revoke(false);
    let banned = stage.get("/users/@me").await;
    assert_eq!((banned.status, banned.body.as_str()), (429, Some("error code: 1015")));
    assert_eq!(banned.header("retry-after"), "3600");
    stage.pass(3_601);
    assert_eq!(stage.get("/users/@me").await.status, 200);
}

#[tokio::test]
async fn a_shared_limit_is_not_invalid() {
    let stage = Stage::new().await;
    stage.discord.fault(Rule::new(Fault::RateLimited { millis: 1_337_000, scope: LimitScope::Shared }));
    let shared = stage.post(&json!({"content": "x"})).await;
    assert_eq!(
        (shared.status, shared.header("x-ratelimit-scope"), shared.header("retry-after")),
        (429, "shared", "1337")
    );
    assert_eq!(stage.discord.invalid_requests().1, 0);
}

#[tokio::test]
async fn slow_mode_is_a_refusal_with_a_code_and_a_time() {
    let stage = Stage::new().await;
    stage.discord.slow_mode(stage.general, 30);
    assert_eq!(stage.post(&json!({"content": "one"})).await.status, 200);
    stage.pass(10);
    let refused = stage.post(&json!({"content": "two"})).await;
    assert_eq!(refused.code(), (429, 20016));
    assert_eq!(refused.body["retry_after"], 20.0);
    stage.pass(20);
    assert_eq!(stage.post(&json!({"content": "two"})).await.status, 200);
    stage.nothing_deviated();
}
