//! The tests of the fake itself, over real sockets and on a clock that only a test moves.

mod gateway;
mod interactions;
mod limits;
mod messages;
mod published;
mod scripted;
mod transcript;

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use wilco_core::Clock;

use super::{FakeDiscord, Id, Settings};
use crate::clock::HandClock;

/// A guild with `ana` and `bo`, the channels `general` and `ops`, and a bot that knows its token.
pub(super) struct Stage {
    pub(super) discord: FakeDiscord,
    pub(super) clock: Arc<HandClock>,
    pub(super) api: String,
    pub(super) client: reqwest::Client,
    pub(super) guild: Id,
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
    pub(super) fn code(&self) -> (u16, i64) {
        (self.status, self.body["code"].as_i64().unwrap_or(-1))
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(super) fn id(&self) -> Id {
        assert!(self.status < 300, "{self:?}");
        self.body["id"].as_str().unwrap().parse().unwrap()
    }
}

impl Stage {
    pub(super) async fn new() -> Self {
        Self::with(Settings { limits: false, ..Settings::default() }).await
    }

    pub(super) async fn with(settings: Settings) -> Self {
        let clock = HandClock::new();
        clock.step_wall(1_750_000_000_000);
        let discord = FakeDiscord::new(settings, Arc::clone(&clock) as Arc<dyn Clock>);
        let (guild, general) = super::program::furnish(&discord);
        let api = discord.spawn().await.unwrap();
        let ana = discord.person_named("ana").unwrap();
        let client = reqwest::Client::builder().user_agent("DiscordBot (https://example.org, 1)").build().unwrap();
        Self { discord, clock, api, client, guild, general, ana }
    }

    pub(super) fn request(&self, verb: &str, path: &str) -> RequestBuilder {
        let verb: Method = verb.parse().unwrap();
        let token = format!("Bot {}", self.discord.token());
        self.client.request(verb, format!("{}{path}", self.api)).header("authorization", token)
    }

    pub(super) async fn send(&self, request: RequestBuilder) -> Got {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        Got { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
    }

    pub(super) async fn get(&self, path: &str) -> Got {
        self.send(self.request("GET", path)).await
    }

    pub(super) async fn delete(&self, path: &str) -> Got {
        self.send(self.request("DELETE", path)).await
    }

    pub(super) async fn json(&self, verb: &str, path: &str, body: &Value) -> Got {
        self.send(self.request(verb, path).json(body)).await
    }

    /// A create in #general.
    pub(super) async fn post(&self, body: &Value) -> Got {
        self.json("POST", &self.messages(), body).await
    }

    pub(super) async fn edit(&self, message: Id, body: &Value) -> Got {
        self.json("PATCH", &format!("{}/{message}", self.messages()), body).await
    }

    pub(super) fn messages(&self) -> String {
        format!("/channels/{}/messages", self.general)
    }

    /// A form of JSON and files, numbered from 0.
    pub(super) fn form(&self, verb: &str, path: &str, body: &Value, files: &[(&str, &str)]) -> RequestBuilder {
        // reqwest has no feature for forms here, so the form is written by hand.
        let mut text = format!(
            "--edge\r\nContent-Disposition: form-data; name=\"payload_json\"\r\nContent-Type: application/json\r\n\r\n{body}\r\n"
        );
        for (at, (name, content)) in files.iter().enumerate() {
            text.push_str(&format!(
                "--edge\r\nContent-Disposition: form-data; name=\"files[{at}]\"; filename=\"{name}\"\r\n\
                 Content-Type: text/plain\r\n\r\n{content}\r\n"
            ));
        }
        text.push_str("--edge--\r\n");
        self.request(verb, path).header("content-type", "multipart/form-data; boundary=edge").body(text)
    }

    /// What deviated, as lines; a test that expects none says so.
    pub(super) fn deviations(&self) -> Vec<String> {
        self.discord.deviations().into_iter().map(|one| format!("{} {}", one.at, one.what)).collect()
    }

    #[track_caller]
    pub(super) fn nothing_deviated(&self) {
        assert_eq!(self.deviations(), Vec::<String>::new());
    }

    pub(super) fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}
