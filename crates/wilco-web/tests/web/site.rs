//! A web chat with everything around it, asked without a network.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, Response, StatusCode, header};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use wilco_core::random::Dice;
use wilco_core::{Address, DeliveryKey, Envelope, EnvelopeKind, Messaging, WorkerId};
use wilco_sim::clock::HandClock;
use wilco_web::{Options, Web};

use crate::fakes::{OneJobDesk, ScriptedInbox};
use wilco_sim::MemoryShelf;

pub(crate) const HOST: &str = "127.0.0.1:7733";

pub(crate) struct Site {
    pub(crate) web: Arc<Web>,
    pub(crate) shelf: Arc<MemoryShelf>,
    pub(crate) clock: Arc<HandClock>,
    pub(crate) inbox: Arc<ScriptedInbox>,
    pub(crate) desk: Arc<OneJobDesk>,
    router: Router,
    cookie: Option<String>,
    csrf: Option<String>,
}

/// What came back, read whole.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: axum::http::HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    pub(crate) fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub(crate) fn options() -> Options {
    Options { allowed_hosts: vec![HOST.to_owned()], ..Options::local("0.1.0") }
}

impl Site {
    /// A new one, nobody signed in, nothing listening.
    pub(crate) async fn closed() -> Self {
        Self::on(Arc::default(), 7).await
    }

    /// One that starts on a shelf that may hold something.
    pub(crate) async fn on(shelf: Arc<MemoryShelf>, seed: u64) -> Self {
        let (clock, inbox, desk) = (HandClock::at(crate::fakes::START), ScriptedInbox::new(), OneJobDesk::new());
        let web = Web::new(options(), shelf.clone(), clock.clone(), Arc::new(Dice::seeded(seed)));
        web.load().await.unwrap();
        web.attach(desk.clone());
        let router = web.router();
        Self { web, shelf, clock, inbox, desk, router, cookie: None, csrf: None }
    }

    /// A new one that listens, with a signed-in browser.
    pub(crate) async fn open() -> Self {
        let mut site = Self::closed().await;
        site.listen().await;
        site.sign_in().await;
        site
    }

    /// Lets the adapter listen; it holds the inbox when this returns.
    pub(crate) async fn listen(&self) -> CancellationToken {
        let stop = CancellationToken::new();
        let mut listening = Box::pin({
            let (web, inbox, stop) = (self.web.clone(), self.inbox.clone(), stop.clone());
            async move { web.listen(inbox, stop).await }
        });
        // The first poll stores the inbox; the rest only waits for the stop.
        assert!(futures::poll!(&mut listening).is_pending());
        tokio::spawn(listening);
        stop
    }

    pub(crate) async fn sign_in(&mut self) {
        let answer = self.send(Self::request(Method::GET, &self.web.login_path())).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
        self.use_cookie(cookie).await;
    }

    pub(crate) async fn use_cookie(&mut self, cookie: String) {
        self.cookie = Some(cookie);
        let session = self.get("/api/v1/session").await;
        self.csrf = session.json()["csrf"].as_str().map(str::to_owned);
    }

    pub(crate) fn cookie(&self) -> &str {
        self.cookie.as_deref().unwrap_or_default()
    }

    pub(crate) fn csrf(&self) -> &str {
        self.csrf.as_deref().unwrap_or_default()
    }

    pub(crate) fn request(method: Method, path: &str) -> Request<Body> {
        Request::builder().method(method).uri(path).header(header::HOST, HOST).body(Body::empty()).unwrap()
    }

    /// Sends a request as it is.
    pub(crate) async fn raw(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.raw(request).await;
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = to_bytes(response.into_body(), 16 << 20).await.unwrap().to_vec();
        Answer { status, headers, bytes }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        let mut request = Self::request(Method::GET, path);
        request.headers_mut().insert(header::COOKIE, self.cookie().parse().unwrap());
        self.send(request).await
    }

    /// A change as the page makes it.
    pub(crate) fn change(&self, path: &str, body: &Value) -> Request<Body> {
        Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(header::HOST, HOST)
            .header(header::ORIGIN, format!("http://{HOST}"))
            .header(header::COOKIE, self.cookie())
            .header(header::CONTENT_TYPE, "application/json")
            .header("x-wilco-csrf", self.csrf())
            .body(Body::from(body.to_string()))
            .unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.change(path, &body)).await
    }

    pub(crate) async fn say(&self, who: &str, channel: &str, text: &str, event: &str) -> Answer {
        self.post("/api/v1/messages", json!({ "as": who, "channel": channel, "text": text, "event": event })).await
    }

    pub(crate) async fn shown(&self, who: &str, channel: &str) -> Value {
        let answer = self.get(&format!("/api/v1/messages?as={who}&channel={channel}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        answer.json()
    }

    pub(crate) async fn texts(&self, who: &str, channel: &str) -> Vec<String> {
        let shown = self.shown(who, channel).await;
        shown["messages"].as_array().unwrap().iter().map(|one| one["text"].as_str().unwrap().to_owned()).collect()
    }

    pub(crate) async fn notes(&self, who: &str, channel: &str) -> Vec<String> {
        let shown = self.shown(who, channel).await;
        shown["notes"].as_array().unwrap().iter().map(|one| one["text"].as_str().unwrap().to_owned()).collect()
    }
}

pub(crate) fn general() -> Address {
    Address::channel("web", "general")
}

pub(crate) fn envelope(key: &str, text: &str) -> Envelope {
    let body = wilco_core::Body::text(text);
    let worker = Some(WorkerId::new("0190".repeat(8)));
    Envelope { kind: EnvelopeKind::Stub, worker, ..Envelope::plain(general(), DeliveryKey::new(key), body) }
}
