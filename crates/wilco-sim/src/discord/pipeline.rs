//! The road of one request: version, route, token, limits, script, tables, effect, tables, headers.

use std::time::Duration;

use serde_json::Value;
use wilco_core::EnvelopeKind;

use super::answers;
use super::error::{self, Refusal, seconds};
use super::ids::Id;
use super::limits::{Bucket, LimitScope, Verdict};
use super::rest::{Call, Reply, Upload};
use super::routes::{self, Found, Gives, Op, Route, Takes};
use super::script::{Fault, Seen};
use super::shape::{self, Kind, Wrong};
use super::state::{Late, Logged, Moment, State};
use crate::server::form;
use crate::server::travel::{Outgoing, Travel};

/// A request before anybody judged it.
#[derive(Clone, Debug)]
pub(super) struct Incoming {
    pub(super) verb: String,
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) authorization: Option<String>,
    pub(super) agent: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) body: Vec<u8>,
}

/// The name of a mistake that has a refusal of its own.
const NO_JSON: &str = "INVALID_JSON";

impl State {
    /// Answers a request, with all its effects.
    pub(super) fn answer(&mut self, incoming: &Incoming, now: Moment) -> Outgoing {
        let mut entry = Logged {
            seq: self.log.len() as u64 + 1,
            at: now.wall,
            op: None,
            verb: incoming.verb.clone(),
            channel: None,
            message: None,
            kind: None,
            fault: None,
            status: 0,
            code: None,
        };
        let outgoing = self.judge(incoming, now, &mut entry);
        entry.status = outgoing.status;
        let shared = outgoing.headers.iter().any(|(name, value)| *name == "x-ratelimit-scope" && value == "shared");
        if matches!(outgoing.status, 401 | 403 | 429) && !shared {
            self.limits.invalid(now.monotonic);
        }
        self.log.push(entry);
        outgoing
    }

    fn judge(&mut self, incoming: &Incoming, now: Moment, entry: &mut Logged) -> Outgoing {
        let Some(path) = incoming.path.strip_prefix("/api/v10").or_else(|| {
            let rest = incoming.path.strip_prefix("/api")?;
            self.deviates(&incoming.path, true, "the address does not name version 10 of the API".to_owned());
            let version = rest.trim_start_matches('/').split('/').next().unwrap_or_default();
            Some(if version.starts_with('v') { &rest[version.len() + 1..] } else { rest })
        }) else {
            return refuse(&error::NOT_FOUND.refusal(), entry);
        };
        let (route, names) = match routes::find(&incoming.verb, path) {
            Found::Route(route, names) => (route, names),
            Found::OtherVerb => {
                self.deviates(path, true, format!("{} is no verb of this path", incoming.verb));
                return refuse(&error::METHOD_NOT_ALLOWED.refusal(), entry);
            }
            Found::Nothing => {
                self.deviates(path, true, format!("the fake does not know {} on this path", incoming.verb));
                return refuse(&error::NOT_FOUND.refusal(), entry);
            }
        };
        entry.op = Some(route.op);
        if route.path.starts_with("/channels/") {
            entry.channel = names.first().and_then(|id| id.parse().ok());
        }
        if !incoming.agent.as_deref().is_some_and(|agent| agent.starts_with("DiscordBot (")) {
            self.deviates(route.path, true, "User-Agent is not of the form `DiscordBot (url, version)`".to_owned());
        }
        let by_token = route.path.starts_with("/webhooks/") || route.path.starts_with("/interactions/");
        let known = incoming.authorization.as_deref() == Some(&format!("Bot {}", self.settings.token));
        if !by_token && (self.revoked || !known) && route.op != Op::GetGateway {
            return refuse(&error::UNAUTHORIZED.refusal(), entry);
        }
        let bucket = match self.limits.take(route, &place(route, &names), now.monotonic) {
            Verdict::Pass(bucket) => bucket,
            Verdict::Refuse { scope, wait, bucket } => return limited(scope, wait, bucket, now),
        };
        let (call, wrong) = read(route, names, incoming);
        let direct = call.body.get("content").or_else(|| call.body["data"].get("content"));
        let content = direct.and_then(Value::as_str);
        entry.kind = content.and_then(|content| (self.settings.kind_of)(content)).or_else(|| self.shown_kind(&call));
        let fault = self.script.fault(Seen {
            op: route.op,
            kind: entry.kind,
            channel: &entry.channel.map(|id| id.to_string()).unwrap_or_default(),
        });
        entry.fault = fault.as_ref().map(|fault| fault.name().to_owned());
        let mut outgoing = self.spoil(fault, route, &call, wrong, now, entry);
        if outgoing.headers.iter().all(|(name, _)| !name.starts_with("x-ratelimit")) {
            outgoing.headers.extend(bucket.map(|bucket| bucket_headers(bucket, now)).unwrap_or_default());
        }
        if entry.fault.as_deref() == Some("bad_headers") {
            for (name, value) in &mut outgoing.headers {
                if name.starts_with("x-ratelimit") {
                    "soon".clone_into(value);
                }
            }
        }
        outgoing
    }

    /// What the message of an edit without a text is for.
    fn shown_kind(&self, call: &Call) -> Option<EnvelopeKind> {
        let message = (call.op == Op::EditMessage).then(|| self.world.messages.get(&call.id(1))).flatten()?;
        message.shown().kind
    }

    fn spoil(
        &mut self,
        fault: Option<Fault>,
        route: &'static Route,
        call: &Call,
        wrong: Vec<Wrong>,
        now: Moment,
        entry: &mut Logged,
    ) -> Outgoing {
        let Some(fault) = fault else { return self.perform(route, call, wrong, now, entry) };
        if let Some(refusal) = fault.refusal() {
            return refuse(&refusal, entry);
        }
        match fault {
            Fault::RateLimited { millis, scope } => limited(scope, Duration::from_millis(millis), None, now),
            Fault::Html { status, applied } => {
                if applied {
                    self.perform(route, call, wrong, now, entry);
                }
                Outgoing::html(status)
            }
            Fault::Slow { millis } => self.perform(route, call, wrong, now, entry).travelling(Travel::Slow(millis)),
            Fault::Hang { applied } => {
                if applied {
                    self.perform(route, call, wrong, now, entry);
                }
                Outgoing::html(0).travelling(Travel::Held)
            }
            Fault::LateApply { millis } => {
                let due = now.monotonic + Duration::from_millis(millis);
                self.late.push(Late { due, call: call.clone() });
                Outgoing::html(504)
            }
            Fault::Dropped => Outgoing::html(0).travelling(Travel::Cut),
            Fault::Lost => self.perform(route, call, wrong, now, entry).travelling(Travel::Cut),
            Fault::HalfAnswer => {
                let mut whole = self.perform(route, call, wrong, now, entry);
                let half = whole.body.len() / 2;
                whole.body.truncate(half);
                whole
            }
            Fault::OtherShape => {
                let done = self.perform(route, call, wrong, now, entry);
                Outgoing { body: br#"{"surprise": ["another", "shape"]}"#.to_vec(), ..done }
            }
            Fault::BadHeaders | Fault::Refused { .. } => self.perform(route, call, wrong, now, entry),
        }
    }

    fn perform(
        &mut self,
        route: &'static Route,
        call: &Call,
        wrong: Vec<Wrong>,
        now: Moment,
        entry: &mut Logged,
    ) -> Outgoing {
        let refused: Vec<(String, &str, String)> = wrong
            .iter()
            .filter(|one| one.refused)
            .map(|one| (one.path.clone(), one.name, one.sentence.clone()))
            .collect();
        let at = format!("{} {}", route.verb, route.path);
        for one in wrong {
            self.deviates(&at, true, format!("{}: {}", one.path, one.sentence));
        }
        let outcome = if refused.is_empty() {
            self.apply(call, now)
        } else if refused.iter().any(|(_, name, _)| *name == NO_JSON) {
            Err(error::INVALID_JSON.into())
        } else {
            Err(Refusal::form(&refused))
        };
        match outcome {
            Err(refusal) => {
                self.check_answer(&at, &Kind::Object(&answers::ERROR), &refusal.body());
                let mut outgoing = refuse(&refusal, entry);
                if let Some(millis) = refusal.retry_after {
                    outgoing.headers.push(("retry-after", millis.div_ceil(1_000).to_string()));
                    outgoing.headers.push(("x-ratelimit-scope", "shared".to_owned()));
                }
                outgoing
            }
            Ok(Reply { body, message }) => {
                entry.message = message;
                match (route.gives, body) {
                    (Gives::Json(status, kind), Some(body)) => {
                        self.check_answer(&at, &kind, &body);
                        Outgoing::json(status, &body)
                    }
                    (Gives::Json(..) | Gives::Nothing, _) => {
                        Outgoing { status: 204, headers: Vec::new(), body: Vec::new(), travel: Travel::Whole }
                    }
                }
            }
        }
    }

    /// Holds the fake's own answer against its table.
    fn check_answer(&mut self, at: &str, kind: &Kind, body: &Value) {
        let mut wrong = Vec::new();
        shape::check(kind, body, "", &mut wrong);
        for one in wrong {
            self.deviates(at, false, format!("{}: {}", one.path, one.sentence));
        }
    }
}

/// The part of a path that has a bucket of its own: channel, guild, or webhook with its token.
fn place(route: &Route, names: &[String]) -> String {
    let parts = match route.path.split('/').nth(1) {
        Some("channels" | "guilds") => 1,
        Some("webhooks" | "interactions") => 2,
        Some(_) | None => 0,
    };
    names.iter().take(parts).cloned().collect::<Vec<_>>().join("/")
}

/// Reads query and body, and notes what is not as the table says.
fn read(route: &Route, names: Vec<String>, incoming: &Incoming) -> (Call, Vec<Wrong>) {
    let mut wrong = Vec::new();
    shape::check_query(route.query, &incoming.query, &mut wrong);
    let mut call = Call { op: route.op, names, query: incoming.query.clone(), body: Value::Null, files: Vec::new() };
    let bad = |sentence: &str| {
        let sentence = sentence.to_owned();
        Wrong { path: "body".to_owned(), name: "CONTENT_TYPE_INVALID", sentence, refused: true }
    };
    let content_type = incoming.content_type.as_deref().unwrap_or_default();
    let kind = match route.takes {
        Takes::Nothing => {
            // Libraries send `{}` or a length of 0 where nothing is asked for; Discord does not look at it.
            return (call, wrong);
        }
        Takes::Json(kind) | Takes::Files(kind) => kind,
    };
    match form::boundary(content_type) {
        Some(_) if matches!(route.takes, Takes::Json(_)) => wrong.push(bad("this route takes no form")),
        Some(boundary) => match form::read(&boundary, &incoming.body) {
            None => wrong.push(bad("the form cannot be read")),
            Some(parts) => {
                for part in parts {
                    if part.name == "payload_json" {
                        match serde_json::from_slice(&part.bytes) {
                            Ok(body) => call.body = body,
                            Err(_) => wrong.push(no_json()),
                        }
                    } else if let Some(number) = file_number(&part.name) {
                        let name = part.file.unwrap_or_else(|| "unknown".to_owned());
                        call.files.push(Upload { number, name, media: part.media, bytes: part.bytes.into() });
                    } else {
                        wrong.push(bad("a part of the form is neither payload_json nor files[n]"));
                    }
                }
                if call.body.is_null() {
                    call.body = Value::Object(serde_json::Map::new());
                }
            }
        },
        None => match serde_json::from_slice(&incoming.body) {
            Ok(body) if content_type.starts_with("application/json") => call.body = body,
            Ok(_) => wrong.push(bad("Expected \"Content-Type\" header to be one of {'application/json'}.")),
            Err(_) => wrong.push(no_json()),
        },
    }
    if !call.body.is_null() {
        shape::check(&kind, &call.body, "", &mut wrong);
    }
    (call, wrong)
}

fn no_json() -> Wrong {
    let sentence = "the body is no JSON".to_owned();
    Wrong { path: "body".to_owned(), name: NO_JSON, sentence, refused: true }
}

/// `files[3]` is `Some(Some(3))`, `file` is `Some(None)`.
fn file_number(name: &str) -> Option<Option<u64>> {
    if name == "file" {
        return Some(None);
    }
    let number = name.strip_prefix("files[")?.strip_suffix(']')?;
    number.parse().ok().map(Some)
}

fn refuse(refusal: &Refusal, entry: &mut Logged) -> Outgoing {
    entry.code = Some(refusal.code);
    Outgoing::json(refusal.status, &refusal.body())
}

fn limited(scope: LimitScope, wait: Duration, bucket: Option<Bucket>, now: Moment) -> Outgoing {
    let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1);
    let after = ("retry-after", millis.div_ceil(1_000).to_string());
    if scope == LimitScope::Address {
        let mut page = Outgoing { body: b"error code: 1015".to_vec(), ..Outgoing::html(429) };
        page.headers.push(after);
        return page;
    }
    let global = scope == LimitScope::Global;
    let body = serde_json::json!({
        "message": "You are being rate limited.", "retry_after": seconds(millis), "global": global,
    });
    let mut outgoing = Outgoing::json(429, &body);
    outgoing.headers.push(after);
    outgoing.headers.push(("x-ratelimit-scope", scope.name().to_owned()));
    if global {
        outgoing.headers.push(("x-ratelimit-global", "true".to_owned()));
    } else {
        let bucket = bucket.unwrap_or(Bucket { hash: 1, limit: 5, remaining: 0, reset_after: wait });
        outgoing.headers.extend(bucket_headers(bucket, now));
    }
    outgoing
}

fn bucket_headers(bucket: Bucket, now: Moment) -> Vec<(&'static str, String)> {
    let after = u64::try_from(bucket.reset_after.as_millis()).unwrap_or(u64::MAX);
    let reset = u64::try_from(now.wall.0).unwrap_or(0).saturating_add(after);
    vec![
        ("x-ratelimit-bucket", format!("{:016x}{:016x}", bucket.hash, bucket.hash.rotate_left(17))),
        ("x-ratelimit-limit", bucket.limit.to_string()),
        ("x-ratelimit-remaining", bucket.remaining.to_string()),
        ("x-ratelimit-reset", format!("{:.3}", seconds(reset))),
        ("x-ratelimit-reset-after", format!("{:.3}", seconds(after))),
    ]
}

impl Logged {
    /// Whether this call went to a channel by a route.
    pub fn is(&self, op: Op, channel: Id) -> bool {
        self.op == Some(op) && self.channel == Some(channel)
    }
}
