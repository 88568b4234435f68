//! What the platform answers, how the answer travels, and what an adapter may conclude from what it
//! receives. This is the only place of the crate where an outcome is made.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use wilco_core::{Address, Cause, DeliveryOutcome, Found, MessageRef, NotSurfaced, Scope};

use crate::faults::Verb;

/// What the platform has to say about one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A person sees it.
    Shown(MessageRef),
    /// The edit would have changed nothing: a person sees it already.
    Unchanged(MessageRef),
    /// Fine, and nothing visible came of it.
    Nothing,
    /// The message that was looked for.
    Found(MessageRef),
    /// There is no such message.
    Absent,
    /// This platform keeps no history that a bot can read.
    CannotLookUp,
    /// Not now.
    RateLimited {
        /// For how long, in milliseconds.
        millis: u64,
        /// What has to wait.
        scope: Scope,
    },
    /// This message cannot be edited.
    NotEditable(Cause),
    /// Not in this shape.
    Shape(Cause),
    /// The channel has a new id.
    Moved(Address),
    /// The address takes nothing any more.
    Gone(Cause),
    /// The credentials are refused.
    Credentials(Cause),
    /// The request makes no sense.
    Malformed(Cause),
}

/// What happens to the answer on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Travel {
    /// It arrives.
    Whole,
    /// It never comes, and the connection stays open.
    Held,
    /// The connection closes instead.
    Cut,
    /// Half of it arrives.
    Half,
    /// A gateway answers in its place with this status and a page of HTML.
    Gateway(u16),
    /// The platform says that it did not take the call.
    NotTaken,
}

/// An answer and its fate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// What the platform said.
    pub answer: Answer,
    /// What became of it.
    pub travel: Travel,
}

/// Why an adapter has no answer to go by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// The call surely had no effect.
    NotTaken(Cause),
    /// It may have had one.
    Unclear(Cause),
}

impl Response {
    /// What an adapter holds in its hands without a wire in between; none while it has to wait.
    pub fn received(self) -> Option<Result<Answer, Doubt>> {
        Some(match self.travel {
            Travel::Whole => Ok(self.answer),
            Travel::Held => return None,
            Travel::Cut => Err(Doubt::Unclear(Cause::new("reset", "the connection closed before the answer"))),
            Travel::Half => Err(Doubt::Unclear(Cause::new("bad_body", "the answer was cut short"))),
            Travel::Gateway(status) => Err(Doubt::Unclear(Cause::new(status.to_string(), "a gateway answered"))),
            Travel::NotTaken => Err(Doubt::NotTaken(Cause::new("not_taken", "the platform did not take the call"))),
        })
    }
}

/// The outcome of a post, an edit, a probe or a status call.
///
/// A doubtful create or edit is ambiguous; a doubtful probe or sign is simply done again, because it
/// leaves nothing behind that could be doubled.
pub fn outcome(verb: Verb, received: Result<Answer, Doubt>) -> DeliveryOutcome {
    let reason = match received {
        Ok(Answer::Shown(message) | Answer::Unchanged(message)) => return DeliveryOutcome::Surfaced(message),
        Ok(Answer::Nothing) => NotSurfaced::Silent,
        Ok(Answer::RateLimited { millis, scope }) => {
            NotSurfaced::RetryAfter { delay: Duration::from_millis(millis), scope }
        }
        Ok(Answer::NotEditable(cause)) => NotSurfaced::Fallback(cause),
        Ok(Answer::Shape(cause)) => NotSurfaced::Reshape(cause),
        Ok(Answer::Moved(to)) => NotSurfaced::Moved(to),
        Ok(Answer::Gone(cause)) => NotSurfaced::Gone(cause),
        Ok(Answer::Credentials(cause)) => NotSurfaced::StopAccount(cause),
        Ok(Answer::Malformed(cause)) => NotSurfaced::Bug(cause),
        Ok(Answer::Found(_) | Answer::Absent | Answer::CannotLookUp) => {
            NotSurfaced::Bug(Cause::new("foreign_answer", "the platform answered a question that was not asked"))
        }
        Err(Doubt::NotTaken(cause)) => NotSurfaced::Retry(cause),
        Err(Doubt::Unclear(cause)) => match verb {
            Verb::Post | Verb::Edit => NotSurfaced::Ambiguous(cause),
            Verb::Find | Verb::Probe | Verb::Status => NotSurfaced::Retry(cause),
        },
    };
    reason.into()
}

/// What a look-up found out.
pub fn found(received: Result<Answer, Doubt>) -> Found {
    match received {
        Ok(Answer::Found(message)) => Found::Here(message),
        Ok(Answer::Absent) => Found::Absent,
        Ok(Answer::CannotLookUp) => Found::Cannot,
        Ok(Answer::RateLimited { millis, scope }) => {
            Found::Refused(NotSurfaced::RetryAfter { delay: Duration::from_millis(millis), scope })
        }
        Ok(Answer::Credentials(cause)) => Found::Refused(NotSurfaced::StopAccount(cause)),
        Ok(Answer::Gone(cause)) => Found::Refused(NotSurfaced::Gone(cause)),
        Ok(Answer::Moved(to)) => Found::Refused(NotSurfaced::Moved(to)),
        Ok(Answer::NotEditable(cause) | Answer::Shape(cause) | Answer::Malformed(cause))
        | Err(Doubt::NotTaken(cause) | Doubt::Unclear(cause)) => Found::Unknown(cause),
        Ok(Answer::Shown(_) | Answer::Unchanged(_) | Answer::Nothing) => {
            Found::Unknown(Cause::new("foreign_answer", "the platform answered a question that was not asked"))
        }
    }
}

/// The name under which the log keeps what a sound adapter concludes.
pub(crate) fn outcome_name(verb: Verb, response: &Response) -> &'static str {
    let Some(received) = response.clone().received() else {
        return "hang";
    };
    match verb {
        Verb::Find => match found(received) {
            Found::Here(_) => "here",
            Found::Absent => "absent",
            Found::Cannot => "cannot",
            Found::Unknown(_) => "unknown",
            Found::Refused(reason) => reason.name(),
        },
        Verb::Post | Verb::Edit | Verb::Probe | Verb::Status => outcome(verb, received).name(),
    }
}

/// The JSON of every answer over HTTP.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Body {
    code: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<MessageRef>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<Address>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scope: Option<Scope>,
}

/// The header that says that a 503 was sent before anything was done.
pub const NOT_APPLIED: &str = "x-not-applied";

/// The status and the JSON text of an answer.
pub fn render(answer: &Answer) -> (u16, String) {
    let coded = |code: &str| Body { code: code.to_owned(), ..Body::default() };
    let refused = |class: &str, cause: &Cause| Body {
        code: format!("{class}.{}", cause.code),
        text: cause.text.clone(),
        ..Body::default()
    };
    let shown = |code: &str, message: &MessageRef| Body { message: Some(message.clone()), ..coded(code) };
    let (status, body) = match answer {
        Answer::Shown(message) => (200, shown("shown", message)),
        Answer::Unchanged(message) => (400, shown("not_modified", message)),
        Answer::Nothing => (200, coded("nothing")),
        Answer::Found(message) => (200, shown("found", message)),
        Answer::Absent => (200, coded("absent")),
        Answer::CannotLookUp => (501, coded("cannot_look_up")),
        Answer::RateLimited { millis, scope } => {
            (429, Body { retry_after_ms: Some(*millis), scope: Some(*scope), ..coded("rate_limited") })
        }
        Answer::NotEditable(cause) => (409, refused("not_editable", cause)),
        Answer::Shape(cause) => (422, refused("shape", cause)),
        Answer::Moved(to) => (400, Body { to: Some(to.clone()), ..coded("moved") }),
        Answer::Gone(cause) => (404, refused("gone", cause)),
        Answer::Credentials(cause) => (401, refused("credentials", cause)),
        Answer::Malformed(cause) => (400, refused("malformed", cause)),
    };
    // A struct of strings and numbers always serialises; an empty text would be read as a bad body.
    (status, serde_json::to_string(&body).unwrap_or_default())
}

/// What came back over the wire, before anybody judged it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wire<'a> {
    /// No connection was made, so nothing was sent.
    NoConnection(String),
    /// The request limit passed.
    TimedOut,
    /// The connection broke after the request may have been sent.
    Broken(String),
    /// A status and a body.
    Http {
        /// The status.
        status: u16,
        /// Whether the platform vouched that nothing was done.
        not_applied: bool,
        /// The body, complete as far as HTTP can tell.
        body: &'a [u8],
    },
}

/// Reads what came back. The one table of the HTTP client; every row has a test.
pub fn read(wire: Wire<'_>) -> Result<Answer, Doubt> {
    let (status, not_applied, body) = match wire {
        Wire::NoConnection(text) => return Err(Doubt::NotTaken(Cause::new("connect", text))),
        Wire::TimedOut => return Err(Doubt::Unclear(Cause::new("timeout", "no answer within the request limit"))),
        Wire::Broken(text) => return Err(Doubt::Unclear(Cause::new("reset", text))),
        Wire::Http { status, not_applied, body } => (status, not_applied, body),
    };
    if status == 503 && not_applied {
        return Err(Doubt::NotTaken(Cause::new("not_taken", "the platform did not take the call")));
    }
    let body: Body = match serde_json::from_slice(body) {
        Ok(body) => body,
        Err(error) => return unreadable(status, error.is_eof() && !body.is_empty()),
    };
    let (class, code) = body.code.split_once('.').unwrap_or((body.code.as_str(), ""));
    let cause = || Cause::new(if code.is_empty() { class } else { code }, body.text.clone());
    let named = |make: fn(MessageRef) -> Answer| match &body.message {
        Some(message) => Ok(make(message.clone())),
        // Without an id nobody can edit it later: the message may exist, but it is not in our hands.
        None => Err(Doubt::Unclear(Cause::new("no_message", "the answer names no message"))),
    };
    match (status, class) {
        (200, "shown") => named(Answer::Shown),
        (200, "found") => named(Answer::Found),
        (200, "nothing") => Ok(Answer::Nothing),
        (200, "absent") => Ok(Answer::Absent),
        (400, "not_modified") => named(Answer::Unchanged),
        (501, "cannot_look_up") => Ok(Answer::CannotLookUp),
        (429, _) => Ok(Answer::RateLimited {
            millis: body.retry_after_ms.unwrap_or(1_000),
            scope: body.scope.unwrap_or(Scope::Account),
        }),
        (409, "not_editable") => Ok(Answer::NotEditable(cause())),
        (422, "shape") => Ok(Answer::Shape(cause())),
        (400, "moved") => match body.to {
            Some(to) => Ok(Answer::Moved(to)),
            None => Ok(Answer::Malformed(Cause::new("moved", "the answer does not say where to"))),
        },
        (404, "gone") => Ok(Answer::Gone(cause())),
        (401, _) => Ok(Answer::Credentials(cause())),
        (400..=499, _) => Ok(Answer::Malformed(cause())),
        _ => Err(Doubt::Unclear(Cause::new(status.to_string(), body.text))),
    }
}

/// What a status alone says. Half a document was written by the platform itself, so its status is
/// half of a statement that nobody has read: that is doubt, whatever the number.
fn unreadable(status: u16, half: bool) -> Result<Answer, Doubt> {
    if half {
        return Err(Doubt::Unclear(Cause::new("bad_body", "the answer was cut short")));
    }
    match status {
        401 => Ok(Answer::Credentials(Cause::new("401", "the credentials were refused"))),
        // Whoever says 429 without our JSON is a gateway, which speaks for the whole machine.
        429 => Ok(Answer::RateLimited { millis: 60_000, scope: Scope::Ip }),
        400..=499 => Ok(Answer::Malformed(Cause::new(status.to_string(), "refused without a reason that can be read"))),
        200..=299 => Err(Doubt::Unclear(Cause::new("bad_body", "the answer could not be read"))),
        _ => Err(Doubt::Unclear(Cause::new(status.to_string(), "a gateway answered"))),
    }
}
