//! The page itself: files compiled in, nothing generated, no token in any of them.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use crate::error::ApiError;
use crate::guard;
use crate::web::Web;

const INDEX: &str = include_str!("../assets/index.html");
const SIGN_IN: &str = include_str!("../assets/sign-in.html");

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const IMAGE: &str = "image/svg+xml";

const ASSETS: &[(&str, &str, &str)] = &[
    ("app.css", CSS, include_str!("../assets/app.css")),
    ("chat.css", CSS, include_str!("../assets/chat.css")),
    ("icon.svg", IMAGE, include_str!("../assets/icon.svg")),
    ("app.js", SCRIPT, include_str!("../assets/app.js")),
    ("api.js", SCRIPT, include_str!("../assets/api.js")),
    ("composer.js", SCRIPT, include_str!("../assets/composer.js")),
    ("conversation.js", SCRIPT, include_str!("../assets/conversation.js")),
    ("delivery.js", SCRIPT, include_str!("../assets/delivery.js")),
    ("dom.js", SCRIPT, include_str!("../assets/dom.js")),
    ("elsewhere.js", SCRIPT, include_str!("../assets/elsewhere.js")),
    ("live.js", SCRIPT, include_str!("../assets/live.js")),
    ("markup.js", SCRIPT, include_str!("../assets/markup.js")),
    ("starters.js", SCRIPT, include_str!("../assets/starters.js")),
    ("timeline.js", SCRIPT, include_str!("../assets/timeline.js")),
];

fn file(status: StatusCode, kind: &'static str, text: &'static str) -> Response {
    // Asked for anew each time: the files are small and local, and after an update none may be old.
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")];
    (status, headers, text).into_response()
}

/// The page, or how to get in.
pub(crate) async fn index(State(web): State<Arc<Web>>, headers: HeaderMap) -> Response {
    if is_signed_in(&web, &headers) {
        file(StatusCode::OK, HTML, INDEX)
    } else {
        file(StatusCode::UNAUTHORIZED, HTML, SIGN_IN)
    }
}

/// The link from the terminal.
pub(crate) async fn login(
    State(web): State<Arc<Web>>,
    method: Method,
    headers: HeaderMap,
    Path(token): Path<String>,
) -> Response {
    // Whoever only looks whether the link exists (a mail scanner, a preview) does not use it up.
    if method != Method::GET {
        return StatusCode::NO_CONTENT.into_response();
    }
    let Some(session) = web.sessions.redeem(&token).await else {
        // Opened a second time in the same browser, for instance from its history.
        if is_signed_in(&web, &headers) {
            return Redirect::to("/").into_response();
        }
        return file(StatusCode::FORBIDDEN, HTML, SIGN_IN);
    };
    let cookie =
        format!("{}={session}; HttpOnly; SameSite=Strict; Path=/; Max-Age=2592000", guard::cookie_name(&headers));
    let mut response = Redirect::to("/").into_response();
    match HeaderValue::from_str(&cookie) {
        Ok(cookie) => {
            response.headers_mut().insert(header::SET_COOKIE, cookie);
            response
        }
        Err(_) => file(StatusCode::FORBIDDEN, HTML, SIGN_IN),
    }
}

fn is_signed_in(web: &Web, headers: &HeaderMap) -> bool {
    guard::token(headers).is_some_and(|token| web.sessions.is_open(token))
}

/// Styles, scripts and the icon. They hold nothing private, and the sign-in page needs them, too.
pub(crate) async fn asset(Path(name): Path<String>) -> Response {
    match ASSETS.iter().find(|(known, _, _)| *known == name) {
        Some((_, kind, text)) => file(StatusCode::OK, kind, text),
        None => ApiError::not_found("There is nothing at this address.").into_response(),
    }
}
