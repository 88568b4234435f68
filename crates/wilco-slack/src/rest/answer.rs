//! What came back, read once.

use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde_json::Value;
use wilco_core::{Cause, Scope};

use super::wire::Raw;
use super::{Kind, Method};

/// The longest words of an error that are kept, in characters.
const MAX_WORDS: usize = 300;
/// The longest wait that is believed.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3_600);

/// What became of one call.
#[must_use]
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    /// Slack did it. A create or edit names its message as `ts`.
    Done(Value),
    /// Slack, or something in between, answered with an error.
    Refused(Refusal),
    /// What is left of a limit is kept for more urgent calls, or its time has not come. Nothing was sent.
    Held {
        /// How long to wait.
        delay: Duration,
        /// What has to wait.
        scope: Scope,
    },
    /// Surely nothing was applied.
    NotSent(Cause),
    /// It may have been applied: no answer, or one that nobody can read.
    Unknown(Cause),
}

impl Answer {
    /// Slack's code of an error.
    pub(crate) fn code(&self) -> Option<&str> {
        match self {
            Self::Refused(refusal) => refusal.code.as_deref(),
            Self::Done(_) | Self::Held { .. } | Self::NotSent(_) | Self::Unknown(_) => None,
        }
    }
}

/// An error as Slack says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The HTTP status; 200 for most of Slack's errors.
    pub(crate) status: u16,
    /// Slack's own code (`error`), where the body has one.
    pub(crate) code: Option<String>,
    /// What else it says; never parsed, and without any secret.
    pub(crate) message: String,
    /// The wait that its header names.
    pub(crate) retry_after: Option<Duration>,
    /// What has to wait, where a limit is what it speaks of.
    pub(crate) scope: Option<Scope>,
}

impl Refusal {
    /// Whether it speaks of a rate limit. Slack says so by HTTP 429, and also by 200 with one of these codes.
    pub(crate) fn is_limit(&self) -> bool {
        let coded = matches!(self.code.as_deref(), Some("ratelimited" | "rate_limited" | "message_limit_exceeded"));
        self.status == 429 || coded
    }

    /// Whether it speaks of all that the workspace's apps say.
    pub(crate) fn is_of_the_workspace(&self) -> bool {
        self.code.as_deref() == Some("message_limit_exceeded")
    }
}

/// Reads an answer.
pub(super) fn read(raw: &Raw, method: Method) -> Answer {
    let status = raw.status.as_u16();
    let body: Option<Value> = serde_json::from_slice(&raw.body).ok().filter(Value::is_object);
    let ok = body.as_ref().and_then(|body| body.get("ok")).and_then(Value::as_bool);
    if raw.status.is_success() {
        return match (body, ok) {
            (Some(body), Some(true)) => done(body, method),
            (Some(body), Some(false)) if body.get("error").is_some_and(Value::is_string) => {
                Answer::Refused(refusal(status, Some(&body), raw, method))
            }
            // A captive portal answers 200, too. So does Slack when its answer is cut off behind a proxy.
            (Some(_) | None, _) => unreadable(status),
        };
    }
    Answer::Refused(refusal(status, body.as_ref(), raw, method))
}

/// Reads the answer to the bytes of a file, which is a few words (`OK - 1234`).
pub(super) fn read_upload(raw: &Raw) -> Answer {
    if raw.status.is_success() {
        return Answer::Done(Value::Null);
    }
    let body: Option<Value> = serde_json::from_slice(&raw.body).ok().filter(Value::is_object);
    Answer::Refused(refusal(raw.status.as_u16(), body.as_ref(), raw, Method::CompleteUpload))
}

/// Reads what a `response_url` says: a word, or a small object, of which only an error counts.
pub(super) fn read_response(raw: &Raw) -> Answer {
    let body: Option<Value> = serde_json::from_slice(&raw.body).ok().filter(Value::is_object);
    let failed = body.as_ref().and_then(|body| body.get("ok")).and_then(Value::as_bool) == Some(false);
    if raw.status.is_success() && !failed {
        return Answer::Done(Value::Null);
    }
    Answer::Refused(refusal(raw.status.as_u16(), body.as_ref(), raw, Method::PostEphemeral))
}

fn done(body: Value, method: Method) -> Answer {
    match method.kind() {
        Kind::Create | Kind::Edit if !body.get("ts").is_some_and(Value::is_string) => unreadable(200),
        Kind::Create | Kind::Edit | Kind::Other => Answer::Done(body),
    }
}

fn unreadable(status: u16) -> Answer {
    Answer::Unknown(Cause::new("unreadable_answer", format!("HTTP {status}, but no answer of Slack's in the body")))
}

fn refusal(status: u16, body: Option<&Value>, raw: &Raw, method: Method) -> Refusal {
    let text = |name: &str| body.and_then(|body| body.get(name)).and_then(Value::as_str);
    let code = text("error").filter(|code| is_code(code)).map(str::to_owned);
    let message = match (&code, body) {
        (Some(code), Some(body)) => words(code, body),
        (None | Some(_), _) => format!("HTTP {status} without an error of Slack's"),
    };
    let mut refusal = Refusal { status, code, message, retry_after: retry_after(&raw.headers), scope: None };
    if refusal.is_limit() {
        refusal.scope = Some(super::limits::scope(method, &refusal));
    }
    refusal
}

/// Slack's codes are short words of letters and underscores; whatever else stands there came from something in between.
fn is_code(code: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b':' | b'.');
    !code.is_empty() && code.len() <= 80 && code.bytes().all(fits)
}

/// The wait that a header names, in seconds (Slack, "Rate limits"). One that cannot be read is as good as absent.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: f64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    if !seconds.is_finite() || seconds < 0.0 {
        return None;
    }
    Some(Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT))
}

/// What an error says beyond its code: the scope that is missing, or what is wrong with which block.
fn words(code: &str, body: &Value) -> String {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let lines = |list: Option<&Value>| -> Vec<String> {
        let list = list.and_then(Value::as_array).into_iter().flatten();
        list.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let mut said = lines(body.get("errors"));
    said.extend(lines(body.get("response_metadata").and_then(|more| more.get("messages"))));
    if let Some(needed) = text("needed") {
        said.push(format!("needed: {needed}"));
    }
    if let Some(provided) = text("provided") {
        said.push(format!("provided: {provided}"));
    }
    let words = if said.is_empty() { code.replace('_', " ") } else { said.join("; ") };
    wilco_core::text::sanitise(&words).chars().take(MAX_WORDS).collect()
}
