//! The Events API over HTTP: the same envelopes, as requests to an address of the app's (Slack, "Using the Events API over
//! HTTP" and "Verifying requests from Slack").
//!
//! To the rest of the fake the address is one more connection. An answer of 2xx within three seconds acknowledges, and
//! what a command is answered stands in its body; anything else is a failure, after which events come again.

use std::sync::Arc;
use std::time::Duration;

use ring::hmac;
use serde_json::{Value, json};

use super::{Connection, keep_last};
use crate::PersonError;
use crate::slack::FakeSlack;
use crate::slack::state::State;

/// What a request says of itself besides its body.
struct Letter {
    /// The envelope that it carries.
    envelope: String,
    kind: &'static str,
    body: String,
    /// How often it failed before, and why, of an event that comes again.
    retry: Option<(String, String)>,
}

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

impl Letter {
    fn of(frame: &Value) -> Self {
        let word = |name: &str| frame[name].as_str().unwrap_or_default().to_owned();
        let payload = &frame["payload"];
        let (kind, body) = match frame["type"].as_str() {
            Some("slash_commands") => (FORM, fields(payload)),
            Some("interactive") => (FORM, fields(&json!({"payload": payload.to_string()}))),
            Some(_) | None => (JSON, payload.to_string()),
        };
        let retry = frame["retry_attempt"].as_u64().filter(|attempt| *attempt > 0);
        let retry = retry.map(|attempt| (attempt.to_string(), word("retry_reason")));
        Self { envelope: word("envelope_id"), kind, body, retry }
    }
}

/// An object as a form; whatever is no text travels as JSON.
fn fields(object: &Value) -> String {
    let pairs = object.as_object().into_iter().flatten().map(|(name, value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        format!("{}={}", coded(name), coded(&value))
    });
    pairs.collect::<Vec<_>>().join("&")
}

fn coded(text: &str) -> String {
    let plain = |one: u8| one.is_ascii_alphanumeric() || b"-_.".contains(&one);
    let code = |one: u8| match one {
        b' ' => "+".to_owned(),
        one if plain(one) => char::from(one).to_string(),
        one => format!("%{one:02X}"),
    };
    text.bytes().map(code).collect()
}

/// Slack's signature of a request: `v0=` and the HMAC-SHA256 of `v0:<seconds>:<body>` in hexadecimal digits.
#[must_use]
pub fn signature(secret: &str, seconds: i64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("v0:{seconds}:{body}").as_bytes());
    tag.as_ref().iter().fold("v0=".to_owned(), |hex, byte| format!("{hex}{byte:02x}"))
}

impl FakeSlack {
    /// Has everything that happens in a workspace told to an address, once the address has shown that it is the app's.
    /// Socket Mode of the app should be off: Slack speaks to an app in one of the two ways.
    ///
    /// # Errors
    /// The address did not give the challenge back, or there is no such workspace.
    pub async fn requests_to(&self, team: &str, url: &str) -> Result<(), PersonError> {
        let kept = self.world().teams.get(team).cloned().ok_or_else(|| PersonError("no such workspace".to_owned()))?;
        let courier = Courier {
            slack: self.clone(),
            client: reqwest::Client::builder()
                .no_proxy()
                .pool_max_idle_per_host(0)
                .build()
                .map_err(|why| PersonError(why.to_string()))?,
            url: url.to_owned(),
            secret: kept.signing_secret,
        };
        let challenge = self.with(|state, _| state.world.ids.word());
        let asked = json!({"token": "verification", "challenge": challenge, "type": "url_verification"});
        let letter = Letter { envelope: String::new(), kind: JSON, body: asked.to_string(), retry: None };
        match courier.post(&letter).await {
            Some((true, answer)) if answer == challenge => {}
            Some((_, answer)) => return Err(PersonError(format!("the challenge did not come back: {answer}"))),
            None => return Err(PersonError("nobody answers there".to_owned())),
        }
        let number = self.with(|state, _| state.socket.add(Connection::of(kept.app, true)));
        tokio::spawn(courier.carry(number));
        Ok(())
    }

    /// The secret with which Slack signs what it sends to a workspace's app.
    pub fn signing_secret(&self, team: &str) -> String {
        self.state().world.teams.get(team).map(|team| team.signing_secret.clone()).unwrap_or_default()
    }
}

/// Whoever takes the requests to one address.
#[derive(Clone)]
struct Courier {
    slack: FakeSlack,
    client: reqwest::Client,
    url: String,
    secret: String,
}

impl Courier {
    /// Sends what waits, until the connection is forgotten.
    async fn carry(self, number: u64) {
        let (clock, shared) = (Arc::clone(self.slack.clock()), Arc::clone(&self.slack.0));
        loop {
            let change = shared.changes.notified();
            tokio::pin!(change);
            change.as_mut().enable();
            self.slack.look(|_, _| ());
            let waiting = {
                let mut state = self.slack.state();
                let Some(line) = state.socket.connections.get_mut(&number) else { return };
                std::mem::take(&mut line.outbox)
            };
            for frame in waiting {
                tokio::spawn(self.clone().deliver(Letter::of(&frame)));
            }
            let due = self.slack.state().socket.next_due().unwrap_or(Duration::MAX);
            tokio::select! {
                () = &mut change => {}
                () = clock.sleep_until(due) => {}
            }
        }
    }

    async fn deliver(self, letter: Letter) {
        let answered = self.post(&letter).await;
        self.slack.with(|state, now| match answered {
            Some((true, body)) => {
                // A command may be answered with JSON or with a bare text.
                let payload = serde_json::from_str(&body).unwrap_or_else(|_| json!({"text": body}));
                let payload = if body.is_empty() { Value::Null } else { payload };
                state.ack(&json!({"envelope_id": letter.envelope, "payload": payload}), now);
            }
            Some((false, _)) => state.was_refused(&letter.envelope, "http_error", now.monotonic),
            None => state.was_refused(&letter.envelope, "connection_failed", now.monotonic),
        });
    }

    /// Sends a request; whether it was taken, and the body of the answer. None when nobody answered.
    async fn post(&self, letter: &Letter) -> Option<(bool, String)> {
        let seconds = self.slack.now().wall.0 / 1_000;
        let mut request = self
            .client
            .post(&self.url)
            .header("content-type", letter.kind)
            .header("x-slack-request-timestamp", seconds.to_string())
            .header("x-slack-signature", signature(&self.secret, seconds, &letter.body));
        if let Some((attempt, reason)) = &letter.retry {
            request = request.header("x-slack-retry-num", attempt).header("x-slack-retry-reason", reason);
        }
        let answer = request.body(letter.body.clone()).send().await.ok()?;
        let taken = answer.status().is_success();
        Some((taken, answer.text().await.ok()?))
    }
}

impl State {
    /// A request was not taken. What was acknowledged or sent again meanwhile is left alone.
    fn was_refused(&mut self, envelope: &str, reason: &'static str, now: Duration) {
        let Some(mut open) = self.socket.open.remove(envelope) else { return };
        keep_last(&mut self.socket.took, now.saturating_sub(open.sent));
        open.reason = reason;
        self.failed(open, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_slacks_own_example() {
        // Slack, "Verifying requests from Slack", the example of the step-by-step walk-through.
        let body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&\
                    channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&\
                    response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&\
                    trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
        let signed = signature("8f742231b10e8888abcd99yyyzzz85a5", 1_531_420_618, body);
        assert_eq!(signed, "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503");
    }

    #[test]
    fn a_form_holds_every_field_as_a_text() {
        assert_eq!(fields(&json!({"a": "x y&z", "n": 1, "yes": true})), "a=x+y%26z&n=1&yes=true");
    }
}
