//! What a fake platform sends back over HTTP, and what becomes of it on its way.

use std::future;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use serde_json::Value;
use wilco_core::Clock;

use super::line::Cut;

/// What becomes of an answer on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Travel {
    Whole,
    /// So many milliseconds later.
    Slow(u64),
    /// Never, and the connection stays open.
    Held,
    /// The connection closes instead.
    Cut,
}

/// What goes back.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) travel: Travel,
}

impl Outgoing {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self { status, headers, body: body.to_string().into_bytes(), travel: Travel::Whole }
    }

    pub(crate) fn html(status: u16) -> Self {
        let page = format!(
            "<html><head><title>{status}</title></head><body><center><h1>{status}</h1></center><hr>\
             <center>cloudflare</center></body></html>"
        );
        let headers = vec![("content-type", "text/html; charset=UTF-8".to_owned())];
        Self { status, headers, body: page.into_bytes(), travel: Travel::Whole }
    }

    pub(crate) fn travelling(self, travel: Travel) -> Self {
        Self { travel, ..self }
    }
}

/// Sends an answer as it travels.
pub(crate) async fn travel(clock: &Arc<dyn Clock>, cut: &Cut, outgoing: Outgoing) -> Response<Body> {
    match outgoing.travel {
        Travel::Whole => respond(outgoing),
        Travel::Slow(millis) => {
            clock.sleep_until(clock.monotonic() + Duration::from_millis(millis)).await;
            respond(outgoing)
        }
        Travel::Held => future::pending().await,
        Travel::Cut => {
            cut.close();
            respond(outgoing)
        }
    }
}

fn respond(outgoing: Outgoing) -> Response<Body> {
    let mut response = Response::new(Body::from(outgoing.body));
    *response.status_mut() = StatusCode::from_u16(outgoing.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in outgoing.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// A few words with a status.
pub(crate) fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response
}

/// A query, or a form that is written like one, as pairs in order.
pub(crate) fn read_query(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (percent(&name.replace('+', " ")), percent(&value.replace('+', " ")))
        })
        .collect()
}

/// Undoes percent encoding; what is none is left as it stands.
pub(crate) fn percent(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut result = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let coded = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match coded.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                result.push(byte);
                at += 3;
            }
            None => {
                result.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&result).into_owned()
}
