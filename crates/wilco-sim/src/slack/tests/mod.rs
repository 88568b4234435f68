//! The tests of the fake itself, over real sockets and on a clock that only a test moves.

mod client;
mod events;
mod files;
mod interactions;
mod lookups;
mod messages;
mod published;
mod requests;
mod scripted;
mod socket;
mod transcript;

use std::sync::Arc;
use std::time::Duration;

use reqwest::RequestBuilder;
use reqwest::header::HeaderMap;
use serde_json::Value;
use wilco_core::Clock;

use super::{FakeSlack, Id, Settings, Ts};
use crate::clock::HandClock;

/// A workspace with `ana` and `bo`, the channels `general` and `ops`, and a bot that knows its tokens.
pub(super) struct Stage {
    pub(super) slack: FakeSlack,
    pub(super) clock: Arc<HandClock>,
    pub(super) api: String,
    pub(super) client: reqwest::Client,
    pub(super) team: Id,
    pub(super) general: Id,
    pub(super) ana: Id,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Got {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

impl Got {
    /// Slack's word; `ok` when it did not refuse.
    pub(super) fn error(&self) -> &str {
        if self.body["ok"] == true { "ok" } else { self.body["error"].as_str().unwrap_or("no JSON") }
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[track_caller]
    pub(super) fn ts(&self) -> Ts {
        assert_eq!(self.error(), "ok", "{self:?}");
        Ts::read(self.body["ts"].as_str().unwrap()).unwrap()
    }
}

impl Stage {
    pub(super) async fn new() -> Self {
        Self::with(Settings { limits: false, ..Settings::default() }).await
    }

    pub(super) async fn with(settings: Settings) -> Self {
        let clock = HandClock::new();
        let slack = FakeSlack::new(settings, Arc::clone(&clock) as Arc<dyn Clock>);
        let (team, general) = super::program::furnish(&slack);
        let api = slack.spawn().await.unwrap();
        let ana = slack.person_named("ana").unwrap();
        Self { slack, clock, api, client: reqwest::Client::new(), team, general, ana }
    }

    pub(super) fn request(&self, method: &str) -> RequestBuilder {
        self.client.post(format!("{}{method}", self.api)).bearer_auth(self.slack.token(&self.team))
    }

    pub(super) async fn send(&self, request: RequestBuilder) -> Got {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        Got { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
    }

    /// A method with JSON, as a bot that minds the charset sends it.
    pub(super) async fn json(&self, method: &str, body: &Value) -> Got {
        let request = self.request(method).header("content-type", "application/json; charset=utf-8");
        self.send(request.body(body.to_string())).await
    }

    /// A method with a form.
    pub(super) async fn form(&self, method: &str, pairs: &[(&str, &str)]) -> Got {
        let coded = |text: &str| {
            let plain = |one: u8| one.is_ascii_alphanumeric() || b"-_.".contains(&one);
            text.bytes()
                .map(|one| if plain(one) { char::from(one).to_string() } else { format!("%{one:02X}") })
                .collect()
        };
        let pair = |(name, value): &(&str, &str)| -> String {
            let value: String = coded(value);
            format!("{name}={value}")
        };
        let body = pairs.iter().map(pair).collect::<Vec<_>>().join("&");
        let request = self.request(method).header("content-type", "application/x-www-form-urlencoded");
        self.send(request.body(body)).await
    }

    /// A post of a text in #general.
    pub(super) async fn say(&self, text: &str) -> Got {
        self.json("chat.postMessage", &serde_json::json!({"channel": self.general, "text": text})).await
    }

    /// What deviated, as lines; a test that expects none says so.
    pub(super) fn deviations(&self) -> Vec<String> {
        self.slack.deviations().into_iter().map(|one| format!("{} {}", one.at, one.what)).collect()
    }

    #[track_caller]
    pub(super) fn nothing_deviated(&self) {
        assert_eq!(self.deviations(), Vec::<String>::new());
    }

    pub(super) fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}
