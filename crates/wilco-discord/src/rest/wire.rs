//! The exchange itself: bytes out, bytes in, and how sure it is that nothing left.

use std::error::Error;

use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::multipart::{Form, Part};
use reqwest::{RequestBuilder, StatusCode};
use wilco_core::Cause;

use super::Upload;

/// The largest answer that is read. A page of 100 long messages takes about 1 MB.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

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

/// What is sent as the body.
pub(super) enum Body {
    Empty,
    Json(Vec<u8>),
    Form(Form),
}

impl Body {
    pub(super) fn put(self, builder: RequestBuilder) -> RequestBuilder {
        match self {
            // Without this, a proxy may wait for a body that never comes.
            Self::Empty => builder.header(reqwest::header::CONTENT_LENGTH, 0),
            Self::Json(bytes) => builder.header(CONTENT_TYPE, "application/json").body(bytes),
            Self::Form(form) => builder.multipart(form),
        }
    }
}

/// The body of a request: files make it a form whose JSON is `payload_json` (Discord API, "Uploading Files").
pub(super) fn body(json: Option<&[u8]>, files: Vec<Upload>) -> Result<Body, Cause> {
    if files.is_empty() {
        return Ok(json.map_or(Body::Empty, |bytes| Body::Json(bytes.to_vec())));
    }
    let mut form = Form::new();
    if let Some(json) = json {
        let part = Part::bytes(json.to_vec()).mime_str("application/json").map_err(unsent)?;
        form = form.part("payload_json", part);
    }
    for file in files {
        let part = Part::bytes(file.bytes).file_name(file.name);
        let part = part.mime_str("application/octet-stream").map_err(unsent)?;
        form = form.part(format!("files[{}]", file.id), part);
    }
    Ok(Body::Form(form))
}

fn unsent(error: reqwest::Error) -> Cause {
    Cause::new("request", words(error))
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
        Failure::NotSent(unsent(error))
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

/// An error with its reasons, without the address: that of an interaction holds a token.
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
