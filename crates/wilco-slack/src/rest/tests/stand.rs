//! What the tests of the wire stand on: servers that do as they are told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// A request as the server saw it.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Request {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// What is answered to one request.
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
    gate: Option<Arc<Notify>>,
}

impl Reply {
    pub(crate) fn new(status: u16, body: impl Into<String>) -> Self {
        Self { status, headers: Vec::new(), body: body.into(), gate: None }
    }

    /// The same, given when the test says so.
    #[must_use]
    pub(crate) fn behind(mut self, gate: &Arc<Notify>) -> Self {
        self.gate = Some(Arc::clone(gate));
        self
    }

    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

#[derive(Default)]
struct Script {
    replies: Mutex<VecDeque<Reply>>,
    seen: Mutex<Vec<Request>>,
}

/// A server that gives its replies in order, and remembers what it was asked.
pub(crate) struct Server {
    pub(crate) address: String,
    script: Arc<Script>,
}

impl Server {
    pub(crate) async fn with(replies: impl IntoIterator<Item = Reply>) -> Self {
        let script = Arc::new(Script { replies: Mutex::new(replies.into_iter().collect()), ..Script::default() });
        let app = axum::Router::new().fallback(answer).with_state(Arc::clone(&script));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/api", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { address, script }
    }

    /// Adds to what is answered.
    pub(crate) fn then(&self, replies: impl IntoIterator<Item = Reply>) {
        self.script.replies.lock().unwrap().extend(replies);
    }

    pub(crate) fn seen(&self) -> Vec<Request> {
        self.script.seen.lock().unwrap().clone()
    }

    pub(crate) fn last(&self) -> Request {
        self.seen().pop().expect("nothing was asked")
    }
}

async fn answer(
    State(script): State<Arc<Script>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, HeaderMap, String) {
    script.seen.lock().unwrap().push(Request { method, path: uri.to_string(), headers, body });
    let reply = script.replies.lock().unwrap().pop_front();
    let reply = reply.unwrap_or_else(|| Reply::new(500, "the script is at its end"));
    if let Some(gate) = &reply.gate {
        gate.notified().await;
    }
    let headers = reply
        .headers
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap()));
    (StatusCode::from_u16(reply.status).unwrap(), headers.collect(), reply.body)
}
