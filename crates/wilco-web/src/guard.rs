//! What every request has to pass, whatever it asks for.
//!
//! The order is: is it for us (`Host`, against DNS rebinding), does it come from our own page
//! (`Origin`), is the browser signed in (session cookie), and for a change: does it carry the token
//! that only our page can read.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::error::ApiError;
use crate::session;
use crate::web::Web;

/// The header that carries the token of [`session::csrf`].
pub(crate) const CSRF: &str = "x-wilco-csrf";

const POLICY: &str =
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Around everything: host, origin and the security headers of every answer, errors included.
pub(crate) async fn outer(State(web): State<Arc<Web>>, request: Request, next: Next) -> Response {
    let api = request.uri().path().starts_with("/api/");
    let mut response = match check(&web, &request) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    };
    let headers = response.headers_mut();
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    if api || !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

fn check(web: &Web, request: &Request) -> Result<(), ApiError> {
    let host = host(request.headers()).unwrap_or_default();
    // A request line with a whole URL names the host a second time; both have to be ours.
    let agrees = request.uri().authority().is_none_or(|authority| authority.as_str().eq_ignore_ascii_case(host));
    if !agrees || !web.is_allowed_host(host) {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "host",
            "This address is not one of the bot's own. Open the page by the link that the terminal shows.",
        ));
    }
    let Some(origin) = request.headers().get(header::ORIGIN) else { return Ok(()) };
    let own = origin.to_str().ok().and_then(|origin| {
        let rest = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"))?;
        Some(rest.eq_ignore_ascii_case(host))
    });
    if own == Some(true) {
        return Ok(());
    }
    Err(ApiError::new(StatusCode::FORBIDDEN, "origin", "This request comes from another page and was not followed."))
}

/// Around the API: the session, and the token for a change.
pub(crate) async fn signed_in(State(web): State<Arc<Web>>, request: Request, next: Next) -> Response {
    let Some(token) = token(request.headers()).filter(|token| web.sessions.is_open(token)) else {
        return ApiError::new(
            StatusCode::UNAUTHORIZED,
            "signed_out",
            "This browser is not signed in. Open the link that the terminal shows.",
        )
        .into_response();
    };
    let reads = *request.method() == Method::GET || *request.method() == Method::HEAD;
    if !reads {
        let shown = request.headers().get(CSRF).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !session::same(shown, &session::csrf(token)) {
            return ApiError::new(
                StatusCode::FORBIDDEN,
                "csrf",
                "The request lacks the page's own token, so nothing was changed. Load the page again.",
            )
            .into_response();
        }
    }
    next.run(request).await
}

/// The host that a request names.
pub(crate) fn host(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(header::HOST).iter();
    let first = all.next()?.to_str().ok()?;
    // Two of them are a trick: whoever is in between may have looked at the other.
    all.next().is_none().then_some(first)
}

/// The name of the cookie. Browsers share cookies between ports, and two bots on one machine must not
/// sign each other's browsers out.
pub(crate) fn cookie_name(headers: &HeaderMap) -> String {
    let port = host(headers).and_then(|host| host.rsplit_once(':')).map(|(_, port)| port);
    match port.filter(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())) {
        Some(port) => format!("wilco_{port}"),
        None => "wilco".to_owned(),
    }
}

/// The session token that a request carries.
pub(crate) fn token(headers: &HeaderMap) -> Option<&str> {
    let name = cookie_name(headers);
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}
