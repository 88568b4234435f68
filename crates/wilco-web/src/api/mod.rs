//! The HTTP API and the routes around it.

mod chat;
mod download;
mod followups;
mod gates;
mod jobs;
mod probe;
mod receipts;
mod stream;

use std::sync::Arc;

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts};
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use wilco_core::desk::{Caller, Limit};
use wilco_core::{Address, Person, Place};

use crate::error::{ApiError, ApiResult};
use crate::web::Web;
use crate::{guard, page};

/// The largest request body, in bytes.
const BODY: usize = 1 << 20;
/// The longest text that a person may send, in characters.
const SAID: usize = 16_000;

pub(crate) fn router(web: Arc<Web>) -> Router {
    let api = Router::new()
        .route("/session", get(chat::session))
        .route("/login-link", post(chat::login_link))
        .route("/messages", get(chat::messages).post(chat::say))
        .route("/messages/{id}/file", get(download::of_message))
        .route("/press", post(chat::press))
        .route("/workers", get(jobs::list).post(jobs::run))
        .route("/workers/{id}", get(jobs::inspect))
        .route("/workers/{id}/events", get(jobs::events))
        .route("/workers/{id}/files/{n}", get(download::of_worker))
        .route("/workers/{id}/cancel", post(jobs::cancel))
        .route("/followups", get(followups::list).post(followups::schedule))
        .route("/followups/{id}", get(followups::inspect))
        .route("/followups/{id}/{act}", post(followups::act))
        .route("/receipts", get(receipts::list))
        .route("/receipts/{id}/retry", post(receipts::retry))
        .route("/gates", get(gates::list))
        .route("/gates/{backend}/open", post(gates::open))
        .route("/health", get(probe::health))
        .route("/stream", get(stream::stream))
        .method_not_allowed_fallback(no_method)
        .fallback(no_route)
        .layer(from_fn_with_state(web.clone(), guard::signed_in));
    Router::new()
        .route("/", get(page::index))
        .route("/login/{token}", get(page::login))
        .route("/assets/{name}", get(page::asset))
        .route("/healthz", get(probe::alive))
        .route("/readyz", get(probe::ready))
        .nest("/api/v1", api)
        .fallback(no_route)
        .layer(DefaultBodyLimit::max(BODY))
        .layer(from_fn_with_state(web.clone(), guard::outer))
        .with_state(web)
}

async fn no_route() -> Response {
    ApiError::not_found("There is nothing at this address.").into_response()
}

async fn no_method() -> Response {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method", "This address does not take that method.").into_response()
}

/// A JSON body; what does not fit is answered in the API's own form.
#[derive(FromRequest)]
#[from_request(via(Json), rejection(ApiError))]
struct Body<T>(T);

/// The query; what does not fit is answered in the API's own form.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(ApiError))]
struct Query<T>(T);

/// Parts of the path; what does not fit is answered in the API's own form.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(ApiError))]
struct Path<T>(T);

impl From<JsonRejection> for ApiError {
    fn from(rejection: JsonRejection) -> Self {
        match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too_long",
                format!("The request is longer than {BODY} bytes; nothing was done."),
            ),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media_type", "The request has to be application/json.")
            }
            _ => Self::bad(rejection.body_text()),
        }
    }
}

impl From<QueryRejection> for ApiError {
    fn from(rejection: QueryRejection) -> Self {
        Self::bad(rejection.body_text())
    }
}

impl From<PathRejection> for ApiError {
    fn from(rejection: PathRejection) -> Self {
        Self::bad(rejection.body_text())
    }
}

/// Who speaks and where they are, as queries name it.
#[derive(Debug, Default, Deserialize)]
struct Who {
    #[serde(rename = "as")]
    person: Option<String>,
    channel: Option<String>,
    thread: Option<String>,
}

/// The same in a body of which it is a part.
impl Who {
    fn new(person: String, channel: Option<String>, thread: Option<String>) -> Self {
        Self { person: Some(person), channel, thread }
    }

    fn person<'a>(&self, web: &'a Web) -> ApiResult<&'a Person> {
        let Some(id) = &self.person else { return Err(ApiError::bad("`as` is missing: the id of who speaks.")) };
        web.options.person(id).map(|known| &known.person).ok_or_else(|| {
            ApiError::new(
                StatusCode::FORBIDDEN,
                "unknown_person",
                "There is nobody of that id to speak as; nothing was done.",
            )
        })
    }

    /// The conversation that is named; `direct` stands for the person's own direct message.
    fn address(&self, web: &Web, person: &Person) -> ApiResult<Option<Address>> {
        let Some(channel) = &self.channel else { return Ok(None) };
        let address = web.options.named(&person.id, channel, self.thread.as_deref());
        address.map(Some).ok_or_else(|| ApiError::not_found("There is no such channel that you can see."))
    }

    fn place(&self, web: &Web, person: &Person) -> ApiResult<Place> {
        let address = self.address(web, person)?.ok_or_else(|| ApiError::bad("`channel` is missing."))?;
        place(web, person, &address)
    }

    fn caller(&self, web: &Web) -> ApiResult<Caller> {
        let person = self.person(web)?;
        let address = self.address(web, person)?;
        // The page has channels, but no guilds.
        Ok(Caller::Person { account: web.options.account.clone(), person: person.clone(), address, guild: None })
    }
}

fn place(web: &Web, person: &Person, address: &Address) -> ApiResult<Place> {
    web.options
        .place(&person.id, address)
        .ok_or_else(|| ApiError::not_found("There is no such channel that you can see."))
}

/// A `limit` as typed: 200 when absent, refused when it is no number or below 1, clamped at 5,000
/// (requirements A2, J4).
fn limit(typed: Option<&str>) -> ApiResult<Limit> {
    let Some(typed) = typed else { return Ok(Limit::default()) };
    let number: i128 = typed.trim().parse().map_err(|_| {
        ApiError::bad(format!("`limit` has to be a whole number from 1 to {} (200 when absent).", Limit::CAP))
    })?;
    let wish = i64::try_from(number).unwrap_or(if number < 0 { i64::MIN } else { i64::MAX });
    Ok(Limit::new(wish)?)
}

/// An event id that the page made: what makes a repetition of the same request harmless.
fn event(id: &str) -> ApiResult<&str> {
    let fits = (8..=64).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if fits {
        Ok(id)
    } else {
        Err(ApiError::bad("`event` has to be 8 to 64 letters, digits, `-` or `_`, new for each request."))
    }
}
