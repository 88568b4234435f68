//! The road of one request: method, token, limits, script, tables, effect, tables.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::answers;
use super::api::{Call, Reply};
use super::arguments;
use super::blocks;
use super::error::Refusal;
use super::methods::{self, Method, Op, Token};
use super::script::{Fault, Limited, Seen};
use super::shape::{self, Wrong};
use super::state::{Late, Logged, Moment, State};
use super::world::Team;
use crate::server::form;
use crate::server::travel::{Outgoing, Travel};

/// A request before anybody judged it.
#[derive(Clone, Debug)]
pub(super) struct Incoming {
    pub(super) verb: String,
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) authorization: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) body: Vec<u8>,
}

impl State {
    /// Answers a request, with all its effects.
    pub(super) fn answer(&mut self, incoming: &Incoming, now: Moment) -> Outgoing {
        let mut entry = Logged {
            seq: self.log.len() as u64 + 1,
            at: now.wall,
            op: None,
            path: incoming.path.clone(),
            team: None,
            channel: None,
            message: None,
            kind: None,
            fault: None,
            status: 0,
            error: None,
        };
        let mut outgoing = match incoming.path.strip_prefix("/api/") {
            Some(name) => self.method(name, incoming, now, &mut entry),
            None => self.address(incoming, now, &mut entry),
        };
        entry.status = outgoing.status;
        outgoing.headers.push(("x-slack-req-id", format!("{:032x}", entry.seq)));
        if entry.op.is_none() {
            self.deviates(&incoming.path, true, "the fake does not know it".to_owned());
        }
        self.log.push(entry);
        outgoing
    }

    /// A method of the Web API.
    fn method(&mut self, name: &str, incoming: &Incoming, now: Moment, entry: &mut Logged) -> Outgoing {
        let Some(method) = methods::find(name) else { return refuse(&"unknown_method".into(), entry) };
        entry.op = Some(method.op);
        if incoming.verb != "POST" && !(method.reads && incoming.verb == "GET") {
            self.deviates(name, true, format!("{} where POST is asked for", incoming.verb));
            return refuse(&"insecure_request".into(), entry);
        }
        let read = arguments::read(method, incoming);
        let team = match self.team(method, incoming, read.token.as_deref()) {
            Ok(team) => team,
            Err(refusal) => return refuse(&refusal, entry),
        };
        entry.team = Some(team.id.clone());
        let text = |name: &str| read.args.get(name).and_then(Value::as_str);
        entry.channel = text("channel").or_else(|| text("channel_id")).map(str::to_owned);
        let channel = entry.channel.clone().unwrap_or_default();
        if let Err(wait) = self.limits.take(method, &team.id, &channel, now.monotonic) {
            entry.error = Some("ratelimited".to_owned());
            return limited(wait, Limited::Status);
        }
        let call = Call {
            op: method.op,
            team: team.id.clone(),
            args: read.args.clone(),
            path: String::new(),
            body: Vec::new(),
        };
        entry.kind = self.kind(&call);
        let mut outgoing = self.spoiled(call, Some((method, &team, read.wrong, read.refusal)), now, entry);
        outgoing.headers.push(("x-oauth-scopes", scopes(&team)));
        outgoing.headers.push(("x-accepted-oauth-scopes", method.scopes.join(",")));
        if let Some(warning) = read.warning
            && outgoing.travel == Travel::Whole
            && let Ok(mut body) = serde_json::from_slice::<Value>(&outgoing.body)
            && body["ok"].is_boolean()
        {
            body["warning"] = json!(warning);
            body["response_metadata"]["warnings"] = json!([warning]);
            outgoing.body = body.to_string().into_bytes();
        }
        outgoing
    }

    /// The addresses that Slack hands out: uploads and answers to commands.
    fn address(&mut self, incoming: &Incoming, now: Moment, entry: &mut Logged) -> Outgoing {
        let op = if incoming.path.starts_with("/upload/v1/") {
            Op::Upload
        } else if incoming.path.starts_with("/commands/") || incoming.path.starts_with("/actions/") {
            Op::Respond
        } else {
            return Outgoing::html(404);
        };
        entry.op = Some(op);
        let mut call = Call {
            op,
            team: String::new(),
            args: Map::new(),
            path: incoming.path.clone(),
            body: incoming.body.clone(),
        };
        if op == Op::Upload {
            let boundary = incoming.content_type.as_deref().and_then(form::boundary);
            if let Some(parts) = boundary.and_then(|boundary| form::read(&boundary, &incoming.body)) {
                call.body = parts.into_iter().next().map(|part| part.bytes).unwrap_or_default();
            }
        } else {
            match serde_json::from_slice(&incoming.body) {
                Ok(Value::Object(args)) => call.args = args,
                Ok(_) | Err(_) => {
                    self.deviates("response_url", true, "the body is no JSON object".to_owned());
                    return refuse(&"invalid_payload".into(), entry);
                }
            }
        }
        entry.kind = self.kind(&call);
        self.spoiled(call, None, now, entry)
    }

    /// The workspace whose token the request carries.
    fn team(&self, method: &Method, incoming: &Incoming, argument: Option<&str>) -> Result<Team, Refusal> {
        let header = incoming.authorization.as_deref().and_then(|value| value.strip_prefix("Bearer "));
        let token = match (header, argument) {
            (Some(token), _) => token,
            (None, Some(token)) if method.token == Token::Bot => token,
            (None, _) => return Err("not_authed".into()),
        };
        let mut known = self.world.teams.values().filter(|team| team.token == token || team.app_token == token);
        let first = known.next().ok_or("invalid_auth")?;
        // An app's token is good while any workspace still has the app.
        let team = std::iter::once(first).chain(known).find(|team| team.refused.is_none()).unwrap_or(first);
        if let Some(error) = &team.refused {
            return Err(Refusal::new(error));
        }
        let wanted = match method.token {
            Token::Bot => &team.token,
            Token::App => &team.app_token,
        };
        if wanted != token {
            return Err("not_allowed_token_type".into());
        }
        let has = |scope: &&&str| team.scopes.contains(**scope);
        if !method.scopes.is_empty() && method.scopes.iter().find(has).is_none() {
            return Err(Refusal::missing_scope(method.scopes, &scopes(team)));
        }
        Ok(team.clone())
    }

    /// What the message of a call is for: what it will show, or what the message that it names shows.
    fn kind(&self, call: &Call) -> Option<wilco_core::EnvelopeKind> {
        let words = call.args.get("blocks").and_then(Value::as_array).map(|all| blocks::words(all));
        let by_blocks = words.and_then(|words| (self.settings.kind_of)(&words));
        let by_text = || ["text", "markdown_text"].iter().find_map(|name| (self.settings.kind_of)(call.text(name)));
        let shown = || {
            let ts = (call.op == Op::Update).then(|| call.ts("ts")).flatten()?;
            self.world.messages.get(&ts)?.shown().kind
        };
        by_blocks.or_else(by_text).or_else(shown)
    }

    fn spoiled(&mut self, call: Call, judged: Judged<'_>, now: Moment, entry: &mut Logged) -> Outgoing {
        let channel = entry.channel.clone().unwrap_or_default();
        let seen = Seen { op: call.op, kind: entry.kind, channel: &channel, team: &call.team };
        let fault = self.script.fault(seen);
        entry.fault = fault.as_ref().map(|fault| fault.name().to_owned());
        let Some(fault) = fault else { return self.perform(&call, judged, now, entry) };
        match fault {
            Fault::RateLimited { millis, how } => {
                entry.error = Some("ratelimited".to_owned());
                limited(Duration::from_millis(millis), how)
            }
            Fault::Refused { error, applied } => {
                if applied {
                    self.perform(&call, judged, now, entry);
                }
                refuse(&Refusal::new(&error), entry)
            }
            Fault::Html { status, applied } => {
                if applied {
                    self.perform(&call, judged, now, entry);
                }
                Outgoing::html(status)
            }
            Fault::Slow { millis } => self.perform(&call, judged, now, entry).travelling(Travel::Slow(millis)),
            Fault::Hang { applied } => {
                if applied {
                    self.perform(&call, judged, now, entry);
                }
                Outgoing::html(0).travelling(Travel::Held)
            }
            Fault::LateApply { millis } => {
                let due = now.monotonic + Duration::from_millis(millis);
                self.late.push(Late { due, call });
                Outgoing::html(504)
            }
            Fault::Dropped => Outgoing::html(0).travelling(Travel::Cut),
            Fault::Lost => self.perform(&call, judged, now, entry).travelling(Travel::Cut),
            Fault::HalfAnswer => {
                let mut whole = self.perform(&call, judged, now, entry);
                let half = whole.body.len() / 2;
                whole.body.truncate(half);
                whole
            }
            Fault::OtherShape => {
                let done = self.perform(&call, judged, now, entry);
                Outgoing { body: br#"{"surprise": ["another", "shape"]}"#.to_vec(), ..done }
            }
        }
    }

    fn perform(&mut self, call: &Call, judged: Judged<'_>, now: Moment, entry: &mut Logged) -> Outgoing {
        let (at, gives) = match &judged {
            Some((method, ..)) => (method.name.to_owned(), Some(method.gives)),
            None => (format!("{:?}", call.op), None),
        };
        let mut refusal = None;
        if let Some((_, _, wrong, early)) = judged {
            refusal = early.or_else(|| arguments::refusal_of(&wrong));
            for one in wrong {
                self.deviates(&at, true, format!("{}: {}", one.path, one.sentence));
            }
        }
        match refusal.map_or_else(|| self.apply(call, now), Err) {
            Err(refusal) => {
                self.check_answer(&at, &answers::kind(&answers::ERROR), &refusal.body());
                let mut outgoing = refuse(&refusal, entry);
                if call.op == Op::Respond {
                    outgoing.status = 404;
                }
                outgoing
            }
            Ok(Reply { body, message, channel }) => {
                entry.message = message;
                entry.channel = channel.or_else(|| entry.channel.take());
                match gives {
                    Some(shape) => {
                        self.check_answer(&at, &answers::kind(shape), &body);
                        Outgoing::json(200, &body)
                    }
                    None => {
                        let words = body.as_str().unwrap_or("ok").as_bytes().to_vec();
                        let headers = vec![("content-type", "text/html".to_owned())];
                        Outgoing { status: 200, headers, body: words, travel: Travel::Whole }
                    }
                }
            }
        }
    }

    /// Holds the fake's own answer against its table.
    fn check_answer(&mut self, at: &str, kind: &shape::Kind, body: &Value) {
        let mut wrong = Vec::new();
        shape::check(kind, body, "", &mut wrong);
        for one in wrong {
            self.deviates(at, false, format!("{}: {}", one.path, one.sentence));
        }
    }
}

/// What the tables said of a call before it takes effect.
type Judged<'a> = Option<(&'static Method, &'a Team, Vec<Wrong>, Option<Refusal>)>;

fn scopes(team: &Team) -> String {
    team.scopes.iter().cloned().collect::<Vec<_>>().join(",")
}

fn refuse(refusal: &Refusal, entry: &mut Logged) -> Outgoing {
    entry.error = Some(refusal.error.clone());
    Outgoing::json(200, &refusal.body())
}

fn limited(wait: Duration, how: Limited) -> Outgoing {
    let body = json!({"ok": false, "error": "ratelimited"});
    let mut outgoing = match how {
        Limited::Body => return Outgoing::json(200, &body),
        Limited::Status => Outgoing::json(429, &body),
        Limited::Empty => Outgoing { body: Vec::new(), ..Outgoing::json(429, &body) },
        Limited::Page => Outgoing::html(429),
    };
    let seconds = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).div_ceil(1_000).max(1);
    outgoing.headers.push(("retry-after", seconds.to_string()));
    outgoing
}
