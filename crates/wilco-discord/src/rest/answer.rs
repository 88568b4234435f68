//! What came back, read once.

use std::time::Duration;

use serde::Deserialize;
use wilco_core::{Cause, Scope};

use super::wire::Raw;
use super::{Kind, RateScope};

/// The longest words of an error that are kept, in characters.
const MAX_WORDS: usize = 300;

/// What became of one call.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Discord did it. A create or edit names its message in `body`; some other calls have none.
    Done {
        /// 200 to 299.
        status: u16,
        /// JSON, or nothing.
        body: Vec<u8>,
    },
    /// Discord, or something in between, answered with an error.
    Refused(Refusal),
    /// A limit is used up, or what is left is kept for more urgent calls. Nothing was sent.
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

/// An error as Discord says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The HTTP status.
    pub(crate) status: u16,
    /// Discord's own code, where the body has one.
    pub(crate) code: Option<i64>,
    /// Its words, with the fields that are wrong; never parsed, and without any secret.
    pub(crate) message: String,
    /// The fields of the request that it names as wrong, such as `message_reference.message_id`.
    pub(crate) fields: Vec<String>,
    /// The wait that it names, from the body or the header.
    pub(crate) retry_after: Option<Duration>,
    /// Which limit it speaks of, when it is one.
    pub(crate) scope: Option<RateScope>,
    /// Whether the body is an error in Discord's shape: a JSON object with a number as its code, or the words or the wait
    /// of a 429. Cloudflare and proxies answer in HTML, or in JSON of their own.
    pub(crate) json: bool,
}

impl Refusal {
    /// Whether it speaks of this machine and not of the bot: Cloudflare and other things before Discord answer a 403
    /// or 429 without Discord's JSON; 40333 is Discord's word for a request that was blocked before it.
    pub(crate) fn is_of_the_machine(&self) -> bool {
        matches!(self.code, Some(CLOUDFLARE | 40_333)) || (matches!(self.status, 403 | 429) && !self.json)
    }

    /// Whether a 429 speaks of one message alone: too many edits of one that is older than an hour.
    pub(crate) fn is_of_one_message(&self) -> bool {
        self.code == Some(30_046)
    }
}

/// Cloudflare's code for a machine that asks too often, which also comes as JSON.
pub(crate) const CLOUDFLARE: i64 = 1015;

/// The longest wait that is believed. Discord's own longest is a day (its limit of command creates).
const LONGEST_WAIT: Duration = Duration::from_secs(48 * 3_600);

#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorBody {
    code: serde_json::Value,
    error_code: serde_json::Value,
    message: serde_json::Value,
    retry_after: serde_json::Value,
    global: serde_json::Value,
    errors: serde_json::Value,
}

/// Reads an answer.
pub(super) fn read(raw: &Raw, kind: Kind) -> Answer {
    let status = raw.status.as_u16();
    if raw.status.is_success() {
        return done(status, raw, kind);
    }
    let body: Option<ErrorBody> = serde_json::from_slice(&raw.body).ok();
    let parsed = body.is_some();
    let body = body.unwrap_or_default();
    let json = body.code.is_number() || (status == 429 && (body.message.is_string() || body.retry_after.is_number()));
    let mut fields = Vec::new();
    collect(&body.errors, &mut String::new(), &mut fields);
    let message = if parsed { words(&body, &fields) } else { format!("HTTP {status} without a JSON body") };
    let cloudflare = || body.error_code.as_i64().filter(|&code| code == CLOUDFLARE);
    Answer::Refused(Refusal {
        status,
        code: body.code.as_i64().filter(|&code| code != 0).or_else(cloudflare),
        message,
        fields: fields.into_iter().map(|(field, _)| field).collect(),
        retry_after: seconds(body.retry_after.as_f64()).or_else(|| super::limits::retry_after(&raw.headers)),
        scope: super::limits::scope(&raw.headers, body.global.as_bool()),
        json,
    })
}

fn done(status: u16, raw: &Raw, kind: Kind) -> Answer {
    #[derive(Deserialize)]
    struct Named {
        #[serde(rename = "id")]
        _id: String,
    }
    let names_a_message = || serde_json::from_slice::<Named>(&raw.body).is_ok();
    match kind {
        // A captive portal answers 200, too. So does Discord when its answer is cut off behind a proxy.
        Kind::Create | Kind::Edit if !names_a_message() => {
            Answer::Unknown(Cause::new("unreadable_answer", format!("HTTP {status}, but no message in the body")))
        }
        Kind::Create | Kind::Edit | Kind::Other => Answer::Done { status, body: raw.body.clone() },
    }
}

/// A number of seconds that a wait can have.
pub(super) fn seconds(number: Option<f64>) -> Option<Duration> {
    let number = number.filter(|number| number.is_finite() && *number >= 0.0)?;
    Some(Duration::try_from_secs_f64(number).unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT))
}

/// The words of an error with the fields that are wrong.
fn words(body: &ErrorBody, fields: &[(String, String)]) -> String {
    let mut words = body.message.as_str().unwrap_or("no message").to_owned();
    if !fields.is_empty() {
        let fields: Vec<String> = fields.iter().map(|(field, code)| format!("{field}: {code}")).collect();
        words = format!("{words} ({})", fields.join("; "));
    }
    wilco_core::text::sanitise(&words).chars().take(MAX_WORDS).collect()
}

/// Every field that a nested `errors` object complains of, with its code (Discord API, "Error Messages").
fn collect(value: &serde_json::Value, path: &mut String, fields: &mut Vec<(String, String)>) {
    let Some(object) = value.as_object() else { return };
    for (name, inner) in object {
        if name == "_errors" {
            for error in inner.as_array().into_iter().flatten() {
                let code = error.get("code").and_then(serde_json::Value::as_str).unwrap_or("?");
                fields.push((path.trim_start_matches('.').to_owned(), code.to_owned()));
            }
            continue;
        }
        let length = path.len();
        path.push('.');
        path.push_str(name);
        collect(inner, path, fields);
        path.truncate(length);
    }
}
