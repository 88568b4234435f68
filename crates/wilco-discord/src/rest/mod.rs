//! Our own REST client: one request, one answer, and nothing sent twice.
//!
//! serenity's routes and builders say what is sent; this says how it went. Nothing in here waits for a rate limit and
//! nothing is tried again: a wait is answered as [`Answer::Held`], and whoever asked stores it.

mod answer;
mod limits;
mod path;
#[cfg(test)]
pub(crate) mod tests;
mod wire;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde::Serialize;
use serenity::http::{LightMethod, Request, Route};
use wilco_core::{Cause, Clock};

pub(crate) use self::answer::{Answer, Refusal};
use self::limits::Limiter;
pub(crate) use self::limits::{IP_SILENCE, RateScope};
use self::path::RouteKey;
use crate::discord::SetupError;
use crate::options::{Options, Secret};

/// How long a connection may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How long a whole call may take, from the first byte to the last.
const CALL_LIMIT: Duration = Duration::from_secs(15);
/// What the bot calls itself (Discord API, "Reference", User Agent).
const AGENT: &str = concat!("DiscordBot (https://crates.io/crates/wilco, ", env!("CARGO_PKG_VERSION"), ")");

/// How urgent a call is. What is less urgent leaves the last slots of a rate limit to what is more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lane {
    /// Progress edits: the next picture replaces a lost one.
    Progress,
    /// Typing, look-ups, probes, pings, registrations.
    Normal,
    /// Acknowledgements and the answers to interactions.
    Reserved,
    /// Results: what a job owes people at its end.
    Terminal,
}

/// What a call does, which decides what an answer that nobody can read means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Creates a message: a success names it.
    Create,
    /// Edits a message: a success names it.
    Edit,
    /// Anything else.
    Other,
}

/// A file that travels with a call, as `files[id]` of a multipart body.
#[derive(Clone)]
pub(crate) struct Upload {
    /// The id that the list of attachments names.
    pub(crate) id: u64,
    /// The name that people see.
    pub(crate) name: String,
    /// The bytes.
    pub(crate) bytes: Vec<u8>,
}

/// One call. It has no `Debug`: routes of interactions hold a token.
pub(crate) struct Call<'a> {
    /// Route, method, parameters and JSON body. A multipart of serenity's own is not read: see `files`.
    pub(crate) request: Request<'a>,
    /// Files beside the JSON body.
    pub(crate) files: Vec<Upload>,
    /// How urgent it is.
    pub(crate) lane: Lane,
    /// What it does.
    pub(crate) kind: Kind,
}

impl<'a> Call<'a> {
    /// A call without a body.
    pub(crate) fn bare(method: LightMethod, route: Route<'a>, lane: Lane) -> Self {
        Self { request: Request::new(route, method), files: Vec::new(), lane, kind: Kind::Other }
    }

    /// A `GET` with its parameters, which must need no percent-encoding.
    pub(crate) fn get(route: Route<'a>, params: Vec<(&'static str, String)>) -> Self {
        let mut call = Self::bare(LightMethod::Get, route, Lane::Normal);
        if !params.is_empty() {
            call.request = call.request.params(Some(params));
        }
        call
    }

    /// A call with a JSON body: one of serenity's builders, or anything that serialises.
    ///
    /// # Errors
    /// The body does not serialise; nothing was sent.
    pub(crate) fn json(
        method: LightMethod,
        route: Route<'a>,
        body: &impl Serialize,
        lane: Lane,
    ) -> Result<Self, serde_json::Error> {
        let mut call = Self::bare(method, route, lane);
        call.request = call.request.body(Some(serde_json::to_vec(body)?));
        Ok(call)
    }

    /// The same call as one that creates or edits a message.
    #[must_use]
    pub(crate) fn of_kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// The same call with files.
    #[must_use]
    pub(crate) fn with_files(mut self, files: Vec<Upload>) -> Self {
        self.files = files;
        self
    }
}

/// The client of one account.
pub(crate) struct Rest {
    http: reqwest::Client,
    api: String,
    authorization: HeaderValue,
    clock: Arc<dyn Clock>,
    limiter: Mutex<Limiter>,
}

impl Rest {
    /// Prepares a client; nothing is sent.
    ///
    /// # Errors
    /// The address, the token or the machine's TLS cannot be used.
    pub(crate) fn new(api: &str, token: &Secret, clock: Arc<dyn Clock>) -> Result<Self, SetupError> {
        let api = api.trim_end_matches('/').to_owned();
        let url = reqwest::Url::parse(&api).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let Some(host) = url.as_ref().and_then(reqwest::Url::host_str) else {
            return Err(SetupError::Api(api));
        };
        let mut authorization =
            HeaderValue::from_str(&format!("Bot {}", token.expose())).map_err(|_| SetupError::Token)?;
        authorization.set_sensitive(true);
        let mut http = reqwest::Client::builder()
            .user_agent(AGENT)
            .connect_timeout(CONNECT_LIMIT)
            // A redirect is no answer of Discord's, and whoever sends one must not be given the token.
            .redirect(reqwest::redirect::Policy::none());
        if matches!(host, "localhost" | "127.0.0.1" | "[::1]") {
            http = http.no_proxy();
        }
        let http = http.build().map_err(|error| SetupError::Client(error.without_url().to_string()))?;
        Ok(Self { http, api, authorization, clock, limiter: Mutex::new(Limiter::default()) })
    }

    /// Makes one call, or says why it was not made. It never waits for a limit and never sends twice.
    pub(crate) async fn call(&self, call: Call<'_>) -> Answer {
        let Call { request, files, lane, kind } = call;
        let method = request.method_ref().reqwest_method();
        let path = request.route_ref().path();
        let path = path.strip_prefix(Options::API).unwrap_or(&path);
        let key = RouteKey::of(&method, path);
        let ticket = match self.limiter().ask(&key, lane, self.clock.monotonic()) {
            Ok(ticket) => Permit { rest: self, ticket: Some(ticket) },
            Err(hold) => return Answer::Held { delay: hold.delay, scope: hold.scope },
        };
        let mut url = format!("{}{path}", self.api);
        for (at, (name, value)) in request.params_ref().unwrap_or_default().iter().enumerate() {
            url.push(if at == 0 { '?' } else { '&' });
            url.push_str(name);
            url.push('=');
            url.push_str(value);
        }
        let mut builder = self.http.request(method, url).header(AUTHORIZATION, self.authorization.clone());
        if let Some(headers) = request.headers_ref() {
            builder = builder.headers(headers.clone());
        }
        builder = match wire::body(request.body_ref(), files) {
            Ok(body) => body.put(builder),
            Err(cause) => return Answer::NotSent(cause),
        };
        let limit = self.clock.sleep_until(self.clock.monotonic() + CALL_LIMIT);
        let answer = tokio::select! {
            biased;
            answer = wire::exchange(builder) => answer,
            () = limit => Err(wire::Failure::Unknown(Cause::new("timeout", "no answer within 15 s"))),
        };
        match answer {
            Ok(raw) => {
                let answer = answer::read(&raw, kind);
                ticket.answered(&raw, &answer);
                answer
            }
            Err(wire::Failure::NotSent(cause)) => Answer::NotSent(cause),
            Err(wire::Failure::Unknown(cause)) => Answer::Unknown(cause),
        }
    }

    fn limiter(&self) -> MutexGuard<'_, Limiter> {
        self.limiter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in a bucket. It is given back when the call is answered, and also when whoever waits for it gives up.
struct Permit<'a> {
    rest: &'a Rest,
    ticket: Option<limits::Ticket>,
}

impl Permit<'_> {
    fn answered(mut self, raw: &wire::Raw, answer: &Answer) {
        if let Some(ticket) = self.ticket.take() {
            self.rest.limiter().answered(ticket, raw, answer, self.rest.clock.monotonic());
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.rest.limiter().unanswered(&ticket);
        }
    }
}

/// An answer as if it had come over the wire, for the tables of what follows from it.
#[cfg(test)]
pub(crate) fn answer_of(status: u16, headers: &[(&str, &str)], body: &str, kind: Kind) -> Answer {
    answer::read(&wire::Raw::of(status, headers, body), kind)
}
