//! The platform behind HTTP, so that it outlives a bot that is killed and counts from outside.
//!
//! Calls go to `/call/<verb>`, the bot listens at `/session`, `/events`, `/answer` and `/note`, and a
//! test steers and looks at `/control`, `/log` and `/channels`. Whatever spoils an answer on its way
//! happens here to real sockets.

pub(crate) mod form;
pub(crate) mod line;
pub(crate) mod program;
pub(crate) mod travel;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::{Response as HttpResponse, StatusCode, header};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use wilco_core::{Accepted, AccountId, Cause, ListenEnd, Reply};

use crate::answer::{Answer, NOT_APPLIED, Travel, render};
use crate::clock::MachineClock;
use crate::ears::BATCH;
use crate::message::Entry;
use crate::platform::{Event, Order, Platform};
use crate::profile::Profile;
use crate::request::Request;
use crate::snapshot::Snapshot;
use line::{Cut, CuttingListener};

/// The longest that one request for events waits.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// Serves until the future is dropped or the listener fails.
///
/// # Errors
/// When the sockets fail.
pub async fn serve(platform: Platform, listener: TcpListener) -> io::Result<()> {
    let app = Router::new()
        .route("/call/{verb}", post(call))
        .route("/session", post(session))
        .route("/events", get(events))
        .route("/answer", post(answer))
        .route("/note", post(note))
        .route("/control", post(control))
        .route("/log", get(log))
        .route("/channels", get(channels))
        .with_state(platform)
        .into_make_service_with_connect_info::<Cut>();
    axum::serve(CuttingListener(listener), app).await
}

/// Binds a free port of this machine and serves there in the background, until the runtime ends.
///
/// # Errors
/// When no port can be bound.
pub async fn spawn(platform: Platform) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(serve(platform, listener));
    Ok(address)
}

// ---- the bot's side ---------------------------------------------------------------------------------

async fn call(
    State(platform): State<Platform>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    Path(verb): Path<String>,
    Json(request): Json<Request>,
) -> HttpResponse<Body> {
    if request.verb().name() != verb {
        return json(&Answer::Malformed(Cause::new("verb", format!("this is no {verb}"))));
    }
    let response = platform.call(request);
    match response.travel {
        Travel::Whole => json(&response.answer),
        Travel::Held => std::future::pending().await,
        Travel::Cut => {
            cut.close();
            json(&response.answer)
        }
        Travel::Half => {
            let (status, text) = render(&response.answer);
            // Cut on a character boundary, and so that what is left can never be a whole document.
            let half = text.floor_char_boundary(text.len() / 2);
            respond(status, "application/json", text[..half].to_owned())
        }
        Travel::Gateway(status) => {
            respond(status, "text/html", format!("<html><body><h1>{status}</h1>the gateway is unhappy</body></html>"))
        }
        Travel::NotTaken => not_taken(),
    }
}

#[derive(Deserialize, Serialize)]
pub(crate) struct Who {
    pub(crate) account: AccountId,
}

async fn session(State(platform): State<Platform>, Json(who): Json<Who>) -> StatusCode {
    platform.open_session(&who.account);
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
struct Poll {
    account: AccountId,
    wait_ms: u64,
}

async fn events(State(platform): State<Platform>, Query(poll): Query<Poll>) -> HttpResponse<Body> {
    let clock = Arc::clone(platform.clock());
    let limit = Duration::from_millis(poll.wait_ms).min(LONGEST_WAIT);
    let next = platform.next_events(&poll.account, BATCH);
    let events = tokio::select! {
        biased;
        events = next => events,
        () = clock.sleep_until(clock.monotonic() + limit) => Ok(Vec::new()),
    };
    match events {
        Ok(events) => respond(200, "application/json", serde_json::to_string(&events).unwrap_or_default()),
        Err(ListenEnd::NeedsPerson(cause)) => json(&Answer::Credentials(cause)),
        Err(ListenEnd::Lost(_) | ListenEnd::Stopped) => not_taken(),
    }
}

#[derive(Deserialize, Serialize)]
pub(crate) struct Answered {
    pub(crate) event: Event,
    pub(crate) accepted: Accepted,
}

async fn answer(State(platform): State<Platform>, Json(answered): Json<Answered>) -> StatusCode {
    platform.answer_event(&answered.event, &answered.accepted);
    StatusCode::NO_CONTENT
}

#[derive(Deserialize, Serialize)]
pub(crate) struct Noted {
    pub(crate) event: Event,
    pub(crate) reply: Reply,
}

async fn note(State(platform): State<Platform>, Json(noted): Json<Noted>) -> StatusCode {
    platform.note_event(&noted.event, &noted.reply);
    StatusCode::NO_CONTENT
}

// ---- the test's side --------------------------------------------------------------------------------

async fn control(
    State(platform): State<Platform>,
    Json(order): Json<Order>,
) -> Result<Json<Option<String>>, (StatusCode, String)> {
    platform.obey(order).map(Json).map_err(|error| (StatusCode::CONFLICT, error.to_string()))
}

#[derive(Deserialize)]
struct After {
    #[serde(default)]
    after: u64,
    #[serde(default)]
    wait_ms: u64,
}

async fn log(State(platform): State<Platform>, Query(query): Query<After>) -> Json<Vec<Entry>> {
    Json(match query.wait_ms {
        0 => platform.log_after(query.after),
        wait => platform.log_grows(query.after, Duration::from_millis(wait).min(LONGEST_WAIT)).await,
    })
}

async fn channels(State(platform): State<Platform>) -> Json<Snapshot> {
    Json(platform.snapshot())
}

// ---- answers ----------------------------------------------------------------------------------------

fn json(answer: &Answer) -> HttpResponse<Body> {
    let (status, text) = render(answer);
    respond(status, "application/json", text)
}

fn not_taken() -> HttpResponse<Body> {
    let mut response = respond(503, "text/plain", "not taken".to_owned());
    response.headers_mut().insert(NOT_APPLIED, header::HeaderValue::from_static("yes"));
    response
}

fn respond(status: u16, kind: &'static str, text: String) -> HttpResponse<Body> {
    let mut response = HttpResponse::new(Body::from(text));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}

// ---- the program ------------------------------------------------------------------------------------

/// What the program `scripted-platform` is told on its command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// `--profile discord|slack|telegram`; discord by default.
    pub profile: Profile,
    /// `--port N`; 0, the default, takes a free one.
    pub port: u16,
    /// `--until-eof`: ends when standard input closes, so that it never outlives the test that started it.
    pub until_eof: bool,
}

impl Options {
    /// Reads the arguments after the program's name.
    ///
    /// # Errors
    /// A sentence for the person who typed them.
    pub fn parse(args: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut options = Self { profile: Profile::DiscordLike, port: 0, until_eof: false };
        let mut args = args.into_iter();
        while let Some(name) = args.next() {
            match name.as_str() {
                "--until-eof" => options.until_eof = true,
                "--port" => {
                    let value = args.next().unwrap_or_default();
                    options.port =
                        value.parse().map_err(|_| format!("--port takes a number from 0 to 65535, not {value:?}"))?;
                }
                "--profile" => {
                    let value = args.next().unwrap_or_default();
                    let known = "discord, slack or telegram";
                    options.profile =
                        Profile::from_name(&value).ok_or_else(|| format!("--profile is {known}, not {value:?}"))?;
                }
                _ => return Err(format!("unknown argument {name:?}; known are --profile, --port and --until-eof")),
            }
        }
        Ok(options)
    }
}

/// The program: binds a port of this machine, says so by one line `listening <address>`, and serves.
///
/// # Errors
/// When the port cannot be bound, the line cannot be written, or the sockets fail.
pub async fn run(options: Options, out: &mut (dyn io::Write + Send)) -> io::Result<()> {
    let platform = Platform::new(options.profile, Arc::new(MachineClock::start()));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
    writeln!(out, "listening {}", listener.local_addr()?)?;
    out.flush()?;
    if !options.until_eof {
        return serve(platform, listener).await;
    }
    let mut sink = tokio::io::sink();
    let mut input = tokio::io::stdin();
    tokio::select! {
        served = serve(platform, listener) => served,
        ended = tokio::io::copy(&mut input, &mut sink) => ended.map(|_| ()),
    }
}
