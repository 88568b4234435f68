//! The Events API over HTTP, met by a bare listener.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::Value;
use tokio::net::TcpListener;

use super::Stage;
use crate::server::travel::read_query;
use crate::slack::signature;

/// What came, and how the next ones are answered; without an answer there, with 200 and nothing.
#[derive(Default)]
struct Desk {
    came: Mutex<Vec<(axum::http::HeaderMap, String)>>,
    answers: Mutex<Vec<(StatusCode, &'static str)>>,
}

impl Desk {
    async fn spawn() -> (Arc<Self>, String) {
        let desk = Arc::new(Self::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/slack", listener.local_addr().unwrap());
        let router = Router::new().route("/slack", post(Self::take)).with_state(Arc::clone(&desk));
        tokio::spawn(async move { axum::serve(listener, router).await });
        (desk, url)
    }

    async fn take(State(desk): State<Arc<Self>>, request: Request) -> (StatusCode, String) {
        let (head, body) = request.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        let read: Value = serde_json::from_str(&text).unwrap_or_default();
        desk.came.lock().unwrap().push((head.headers, text));
        if let Some(challenge) = read["challenge"].as_str() {
            return (StatusCode::OK, challenge.to_owned());
        }
        let answer = desk.answers.lock().unwrap().pop();
        answer.map_or((StatusCode::OK, String::new()), |(status, text)| (status, text.to_owned()))
    }

    fn last(&self) -> (axum::http::HeaderMap, String) {
        self.came.lock().unwrap().last().cloned().unwrap()
    }

    fn count(&self) -> usize {
        self.came.lock().unwrap().len()
    }
}

fn header<'a>(headers: &'a axum::http::HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn everything_is_signed_and_the_answer_acknowledges() {
    let stage = Stage::new().await;
    let (desk, url) = Desk::spawn().await;
    stage.slack.requests_to(&stage.team, &url).await.unwrap();
    stage.slack.say(&stage.ana, &stage.general, "hello").unwrap();
    stage.slack.until(|slack| slack.socket_counts().acks == 1).await;
    let (headers, body) = desk.last();
    let seconds: i64 = header(&headers, "x-slack-request-timestamp").parse().unwrap();
    let secret = stage.slack.signing_secret(&stage.team);
    assert_eq!(header(&headers, "x-slack-signature"), signature(&secret, seconds, &body));
    assert_eq!(header(&headers, "x-slack-retry-num"), "");
    let event: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((event["type"].as_str(), event["event"]["text"].as_str()), (Some("event_callback"), Some("hello")));
    desk.answers.lock().unwrap().push((StatusCode::OK, r#"{"text": "only for you"}"#));
    stage.slack.slash(&stage.ana, &stage.general, "/wilco", "a & b").unwrap();
    stage.slack.until(|slack| slack.socket_counts().acks == 2).await;
    let fields = read_query(&desk.last().1);
    assert!(fields.contains(&("text".to_owned(), "a &amp; b".to_owned())), "{fields:?}");
    assert!(stage.slack.transcript(&stage.general).contains("only ana sees | only for you"));
    stage.nothing_deviated();
}

#[tokio::test]
async fn an_event_that_is_not_taken_comes_again_and_says_so() {
    let stage = Stage::new().await;
    let (desk, url) = Desk::spawn().await;
    stage.slack.requests_to(&stage.team, &url).await.unwrap();
    desk.answers.lock().unwrap().push((StatusCode::SERVICE_UNAVAILABLE, ""));
    stage.slack.say(&stage.ana, &stage.general, "hello").unwrap();
    stage.slack.until(|slack| slack.socket_counts().acks == 1).await;
    assert_eq!((desk.count(), stage.slack.socket_counts().redelivered), (3, 1));
    let (headers, _) = desk.last();
    assert_eq!((header(&headers, "x-slack-retry-num"), header(&headers, "x-slack-retry-reason")), ("1", "http_error"));
    stage.nothing_deviated();
}

#[tokio::test]
async fn an_address_that_does_not_give_the_challenge_back_is_none() {
    let stage = Stage::new().await;
    let (_, url) = Desk::spawn().await;
    assert!(stage.slack.requests_to(&stage.team, &url.replace("/slack", "/other")).await.is_err());
    assert!(stage.slack.requests_to("T-none", &url).await.is_err());
    assert_eq!(stage.slack.listening(), 0);
}
