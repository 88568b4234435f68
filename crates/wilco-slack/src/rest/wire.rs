//! The exchange itself: bytes out, bytes in, and how sure it is that nothing left.

use std::error::Error;

use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Map, Value};
use wilco_core::Cause;

use super::Method;

/// The largest answer that is read. A page of 200 long messages takes about 3 MB.
const MAX_ANSWER: usize = 16 * 1024 * 1024;
/// Without the character set, Slack answers with the warning `missing_charset`.
const JSON: &str = "application/json; charset=utf-8";

/// An answer as it came.
pub(super) struct Raw {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

#[cfg(test)]
impl Raw {
    pub(super) fn of(status: u16, headers: &[(&str, &str)], body: &str) -> Self {
        use reqwest::header::{HeaderName, HeaderValue};
        let name = |name: &str| HeaderName::from_bytes(name.as_bytes()).unwrap();
        let value = |value: &str| HeaderValue::from_bytes(value.as_bytes()).unwrap();
        let headers = headers.iter().map(|(header, text)| (name(header), value(text))).collect();
        Self { status: StatusCode::from_u16(status).unwrap(), headers, body: body.as_bytes().to_vec() }
    }
}

/// No answer.
pub(super) enum Failure {
    /// Surely nothing was applied.
    NotSent(Cause),
    /// Something may have been.
    Unknown(Cause),
}

/// Puts the arguments of a method into a request, in the form that it takes.
pub(super) fn arguments(builder: RequestBuilder, method: Method, arguments: &Map<String, Value>) -> RequestBuilder {
    if !method.takes_a_form() {
        return builder.header(CONTENT_TYPE, JSON).body(Value::Object(arguments.clone()).to_string());
    }
    let field = |(name, value): (&String, &Value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (name.clone(), text)
    };
    builder.form(&arguments.iter().map(field).collect::<Vec<(String, String)>>())
}

/// Puts JSON into a request.
pub(super) fn json(builder: RequestBuilder, body: &Value) -> RequestBuilder {
    builder.header(CONTENT_TYPE, JSON).body(body.to_string())
}

/// Puts the bytes of a file into a request.
pub(super) fn bytes(builder: RequestBuilder, bytes: Vec<u8>) -> RequestBuilder {
    builder.header(CONTENT_TYPE, "application/octet-stream").body(bytes)
}

/// Sends a request once and reads the answer whole.
pub(super) async fn exchange(builder: RequestBuilder) -> Result<Raw, Failure> {
    let mut response = builder.send().await.map_err(failure)?;
    let (status, headers) = (response.status(), response.headers().clone());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| Failure::Unknown(broken(error)))? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(Failure::Unknown(Cause::new("answer_too_long", "the answer is longer than 16 MiB")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Raw { status, headers, body })
}

fn failure(error: reqwest::Error) -> Failure {
    // What fails while connecting (name, refusal, TLS, its time limit) or before has sent no request.
    if error.is_builder() {
        Failure::NotSent(Cause::new("request", words(error)))
    } else if error.is_connect() {
        let code = if error.is_timeout() { "connect_timeout" } else { "connect" };
        Failure::NotSent(Cause::new(code, words(error)))
    } else {
        Failure::Unknown(broken(error))
    }
}

fn broken(error: reqwest::Error) -> Cause {
    let code = if error.is_timeout() { "timeout" } else { "connection_lost" };
    Cause::new(code, words(error))
}

/// An error with its reasons, without the address: that of an upload is a secret.
fn words(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut words = error.to_string();
    let mut reason = error.source();
    while let Some(inner) = reason {
        words = format!("{words}: {inner}");
        reason = inner.source();
    }
    words
}
