//! Our own client of the Web API: one request, one answer, and nothing sent twice.
//!
//! Nothing in here waits for a rate limit and nothing is tried again: a wait is answered as [`Answer::Held`] or in a
//! [`Refusal`], and whoever asked stores it. Slack says most of its errors with HTTP 200 and `ok: false`, and some with
//! a status; both are read into the same [`Refusal`].

mod answer;
mod ask;
mod limits;
mod method;
#[cfg(test)]
pub(crate) mod tests;
mod wire;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{RequestBuilder, Url};
use serde_json::{Map, Value};
use wilco_core::{Cause, Clock};

pub(crate) use self::answer::{Answer, Refusal};
use self::limits::Limiter;
pub(crate) use self::limits::UNNAMED;
pub(crate) use self::method::{Kind, Method};
use crate::options::Secret;
use crate::outcome::is_doubtful;
use crate::slack::SetupError;

/// How long a connection may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How long a whole call may take, from the first byte to the last. A delivery has 15 s for all of its calls.
const CALL_LIMIT: Duration = Duration::from_secs(10);
/// How long the bytes of a file may take. No delivery waits for them.
const UPLOAD_LIMIT: Duration = Duration::from_secs(10 * 60);
/// How long an answer to a command may take to be handed over; it is tried again.
const RESPOND_LIMIT: Duration = Duration::from_secs(5);
/// Where answers to commands and presses go (Slack, "Handling user interaction", `response_url`).
const HOOKS: &str = "hooks.slack.com";
/// Below which names files are taken ("Working with files"; GovSlack has its own).
const UPLOAD_HOSTS: [&str; 2] = [".slack.com", ".slack-gov.com"];
/// Why an answer was not sent to an address.
pub(crate) const UNSAFE_ADDRESS: &str = "response_address";
/// What the bot calls itself.
const AGENT: &str = concat!("wilco/", env!("CARGO_PKG_VERSION"), " (https://crates.io/crates/wilco)");

/// How urgent a call is. What is less urgent leaves the last calls of a rate limit to what is more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lane {
    /// Progress edits: the next picture replaces a lost one.
    Progress,
    /// Signs, look-ups, probes, pings, private notes.
    Normal,
    /// Acknowledgements and questions.
    Reserved,
    /// Results: what a job owes people at its end.
    Terminal,
}

/// One call of a method.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Which method.
    pub(crate) method: Method,
    /// Its arguments.
    pub(crate) arguments: Map<String, Value>,
    /// How urgent it is.
    pub(crate) lane: Lane,
}

impl Call {
    /// A call without arguments.
    pub(crate) fn new(method: Method, lane: Lane) -> Self {
        Self { method, arguments: Map::new(), lane }
    }

    /// The same call with an argument.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.arguments.insert(name.to_owned(), value.into());
        self
    }

    /// The same call with an argument where there is one.
    #[must_use]
    pub(crate) fn with_some(self, name: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The same call without an argument.
    #[must_use]
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.arguments.remove(name);
        self
    }

    /// The channel that it speaks of.
    fn channel(&self) -> Option<&str> {
        self.arguments.get("channel").and_then(Value::as_str)
    }
}

/// The client of one account.
pub(crate) struct Rest {
    http: reqwest::Client,
    api: Url,
    /// The bot token as it travels.
    bot: HeaderValue,
    /// The app-level token, where sockets are opened with it.
    app: Option<HeaderValue>,
    clock: Arc<dyn Clock>,
    limiter: Mutex<Limiter>,
}

impl Rest {
    /// Prepares a client; nothing is sent.
    ///
    /// # Errors
    /// The address, a token or the machine's TLS cannot be used.
    pub(crate) fn new(
        api: &str,
        bot: &Secret,
        app: Option<&Secret>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SetupError> {
        let text = api.trim_end_matches('/');
        let parsed = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let Some((api, host)) = parsed.and_then(|url| url.host_str().map(str::to_owned).map(|host| (url, host))) else {
            return Err(SetupError::Api(text.to_owned()));
        };
        let (bot, app) = (bearer(bot)?, app.map(bearer).transpose()?);
        let mut http = reqwest::Client::builder()
            .user_agent(AGENT)
            .connect_timeout(CONNECT_LIMIT)
            // A redirect is no answer of Slack's, and whoever sends one must not be given the token.
            .redirect(reqwest::redirect::Policy::none());
        if matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]") {
            http = http.no_proxy();
        }
        let http = http.build().map_err(|error| SetupError::Client(error.without_url().to_string()))?;
        Ok(Self { http, api, bot, app, clock, limiter: Mutex::new(Limiter::default()) })
    }

    /// Makes one call, or says why it was not made. It never waits for a limit and never sends twice.
    pub(crate) async fn call(&self, call: Call) -> Answer {
        let channel = call.channel().map(str::to_owned);
        let now = self.clock.monotonic();
        if let Err(hold) = self.limiter().ask(call.method, channel.as_deref(), call.lane, now) {
            return Answer::Held { delay: hold.delay, scope: hold.scope };
        }
        let url = format!("{}/{}", self.api.as_str().trim_end_matches('/'), call.method.name());
        let token = self.app.as_ref().filter(|_| call.method.is_of_the_app()).unwrap_or(&self.bot);
        let builder = self.http.post(url).header(AUTHORIZATION, token.clone());
        let builder = wire::arguments(builder, call.method, &call.arguments);
        let answer = match self.exchange(builder, CALL_LIMIT).await {
            Ok(raw) => answer::read(&raw, call.method),
            Err(answer) => answer,
        };
        let now = self.clock.monotonic();
        match answer {
            Answer::Refused(mut refusal) if refusal.is_limit() => {
                let scope = self.limiter().refused(call.method, channel.as_deref(), &refusal, now);
                refusal.scope = Some(scope);
                Answer::Refused(refusal)
            }
            // Where it may stand in the channel all the same, it has used up its turn.
            Answer::Refused(refusal) if is_doubtful(&refusal) => Answer::Refused(refusal),
            Answer::Refused(_) | Answer::NotSent(_) => {
                self.limiter().unused(call.method, channel.as_deref(), now);
                answer
            }
            Answer::Done(_) | Answer::Held { .. } | Answer::Unknown(_) => answer,
        }
    }

    /// Sends the bytes of a file where Slack has said that it takes them (`files.getUploadURLExternal`). The address
    /// is a secret of its own, and the token does not go there.
    pub(crate) async fn upload(&self, address: &str, bytes: Vec<u8>) -> Answer {
        let url = Url::parse(address).ok();
        let Some(url) = url.filter(|url| self.takes_files(url)) else {
            return Answer::NotSent(Cause::new("upload_address", "Slack named no safe address for the file"));
        };
        match self.exchange(wire::bytes(self.http.post(url), bytes), UPLOAD_LIMIT).await {
            Ok(raw) => answer::read_upload(&raw),
            Err(answer) => answer,
        }
    }

    /// Answers a command or a press where Slack has said that it can be answered. The address is a secret of its own,
    /// and the token does not go there.
    pub(crate) async fn respond(&self, address: &Secret, body: &Value) -> Answer {
        let Some(url) = Url::parse(address.expose()).ok().filter(|url| self.takes_answers(url)) else {
            return Answer::NotSent(Cause::new(UNSAFE_ADDRESS, "Slack named no safe address for an answer"));
        };
        match self.exchange(wire::json(self.http.post(url), body), RESPOND_LIMIT).await {
            Ok(raw) => answer::read_response(&raw),
            Err(answer) => answer,
        }
    }

    /// A name of Slack's own, or whatever stands for all of Slack here.
    fn takes_files(&self, url: &Url) -> bool {
        let below = |host: &str| UPLOAD_HOSTS.iter().any(|end| host.ends_with(end));
        let slacks = url.scheme() == "https" && url.host_str().is_some_and(below) && url.port().is_none();
        slacks || url.origin() == self.api.origin()
    }

    /// Slack's own hooks, or whatever stands for all of Slack here.
    fn takes_answers(&self, url: &Url) -> bool {
        let hooks = url.scheme() == "https" && url.host_str() == Some(HOOKS) && url.port().is_none();
        hooks || url.origin() == self.api.origin()
    }

    async fn exchange(&self, builder: RequestBuilder, limit: Duration) -> Result<wire::Raw, Answer> {
        let over = self.clock.sleep_until(self.clock.monotonic() + limit);
        let answer = tokio::select! {
            biased;
            answer = wire::exchange(builder) => answer,
            () = over => {
                let words = format!("no answer within {} s", limit.as_secs());
                Err(wire::Failure::Unknown(Cause::new("timeout", words)))
            }
        };
        answer.map_err(|failure| match failure {
            wire::Failure::NotSent(cause) => Answer::NotSent(cause),
            wire::Failure::Unknown(cause) => Answer::Unknown(cause),
        })
    }

    fn limiter(&self) -> MutexGuard<'_, Limiter> {
        self.limiter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bearer(token: &Secret) -> Result<HeaderValue, SetupError> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose())).map_err(|_| SetupError::Header)?;
    value.set_sensitive(true);
    Ok(value)
}

/// An answer as if it had come over the wire, for the tables of what follows from it.
#[cfg(test)]
pub(crate) fn answer_of(status: u16, headers: &[(&str, &str)], body: &str, method: Method) -> Answer {
    answer::read(&wire::Raw::of(status, headers, body), method)
}
