//! The client against real sockets.

pub(crate) mod stand;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use serenity::model::id::{ChannelId, InteractionId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use wilco_core::Scope;
use wilco_sim::clock::HandClock;

use self::stand::{Reply, Server};
use super::*;

fn rest(address: &str, clock: &Arc<HandClock>) -> Rest {
    Rest::new(address, &Secret::new("abc.def.ghi"), Arc::clone(clock) as Arc<dyn Clock>).unwrap()
}

fn create(lane: Lane) -> Call<'static> {
    let route = Route::ChannelMessages { channel_id: ChannelId::new(12) };
    Call::json(LightMethod::Post, route, &json!({"content": "hello"}), lane).unwrap().of_kind(Kind::Create)
}

fn made() -> Reply {
    Reply::new(200, r#"{"id":"9"}"#)
}

fn code(answer: &Answer) -> &str {
    match answer {
        Answer::NotSent(cause) | Answer::Unknown(cause) => &cause.code,
        Answer::Done { .. } | Answer::Refused(_) | Answer::Held { .. } => panic!("{answer:?}"),
    }
}

#[tokio::test]
async fn a_call_is_one_request() {
    let server = Server::with([made()]).await;
    let answer = rest(&server.address, &HandClock::new()).call(create(Lane::Reserved)).await;
    assert_eq!(answer, Answer::Done { status: 200, body: br#"{"id":"9"}"#.to_vec() });
    let seen = server.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].method.as_str(), seen[0].path.as_str()), ("POST", "/api/v10/channels/12/messages"));
    assert_eq!(seen[0].header("authorization"), "Bot abc.def.ghi");
    assert!(seen[0].header("user-agent").starts_with("DiscordBot (https://"), "Discord refuses others");
    assert_eq!(seen[0].header("content-type"), "application/json");
    assert_eq!(seen[0].json(), json!({"content": "hello"}));
}

#[tokio::test]
async fn parameters_and_files_travel() {
    let server = Server::with([Reply::new(200, "[]"), made()]).await;
    let rest = rest(&server.address, &HandClock::new());
    let route = Route::ChannelMessages { channel_id: ChannelId::new(12) };
    let params = vec![("after", "5".to_owned()), ("limit", "100".to_owned())];
    assert!(matches!(rest.call(Call::get(route, params)).await, Answer::Done { .. }));
    assert_eq!(server.last().path, "/api/v10/channels/12/messages?after=5&limit=100");
    let file = Upload { id: 0, name: "a \"b\".txt".into(), bytes: b"the bytes".to_vec() };
    assert!(matches!(rest.call(create(Lane::Terminal).with_files(vec![file])).await, Answer::Done { .. }));
    let seen = server.last();
    assert!(seen.header("content-type").starts_with("multipart/form-data; boundary="));
    let body = String::from_utf8_lossy(&seen.body).into_owned();
    assert!(body.contains("name=\"payload_json\"") && body.contains(r#"{"content":"hello"}"#), "{body}");
    assert!(body.contains("name=\"files[0]\"; filename=\"a \\\"b\\\".txt\"") && body.contains("the bytes"), "{body}");
}

#[tokio::test]
async fn what_could_not_connect_was_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let rest = rest(&address, &HandClock::new());
    let answer = rest.call(create(Lane::Reserved)).await;
    assert!(matches!(answer, Answer::NotSent(_)), "{answer:?}");
    assert_eq!(code(&answer), "connect");
    // The address of an interaction's answer holds its token: it is in no word of the error.
    let token = "aW50ZXJhY3Rpb246c2VjcmV0";
    let route = Route::InteractionResponse { interaction_id: InteractionId::new(7), token };
    let answer = rest.call(Call::bare(LightMethod::Post, route, Lane::Reserved)).await;
    assert!(matches!(answer, Answer::NotSent(_)) && !format!("{answer:?}").contains(token), "{answer:?}");
}

/// Reads a request up to the end of its small body.
async fn read_request(stream: &mut TcpStream) -> bool {
    let mut seen = Vec::new();
    let mut buffer = [0; 4_096];
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return false,
            Ok(count) => seen.extend_from_slice(&buffer[..count]),
        }
        if String::from_utf8_lossy(&seen).contains("\r\n\r\n{\"content\":\"hello\"}") {
            return true;
        }
    }
}

/// A server that answers so many requests of a connection and closes it instead of answering the next one.
async fn loses_replies(answered: usize) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            for at in 0..=answered {
                if !read_request(&mut stream).await {
                    break;
                }
                count.fetch_add(1, Ordering::SeqCst);
                if at < answered {
                    let reply = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{\"id\":\"9\"}";
                    stream.write_all(reply.as_bytes()).await.unwrap();
                }
            }
        }
    });
    (address, asked)
}

#[tokio::test]
async fn a_lost_reply_is_unknown_and_nothing_is_sent_again() {
    for answered in [0, 1] {
        let (address, asked) = loses_replies(answered).await;
        let rest = rest(&address, &HandClock::new());
        for _ in 0..answered {
            assert!(matches!(rest.call(create(Lane::Reserved)).await, Answer::Done { .. }));
        }
        let answer = rest.call(create(Lane::Reserved)).await;
        assert!(matches!(answer, Answer::Unknown(_)), "{answer:?}");
        assert_eq!(code(&answer), "connection_lost");
        assert_eq!(asked.load(Ordering::SeqCst), answered + 1);
    }
}

/// A server that takes a request and says nothing.
async fn silent() -> (String, Arc<Notify>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Notify::new());
    let told = Arc::clone(&asked);
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            assert!(read_request(&mut stream).await);
            open.push(stream);
            told.notify_one();
        }
    });
    (address, asked)
}

#[tokio::test]
async fn a_call_ends_after_fifteen_seconds_and_is_unknown() {
    let (address, asked) = silent().await;
    let clock = HandClock::new();
    let rest = Arc::new(rest(&address, &clock));
    let call = tokio::spawn({
        let rest = Arc::clone(&rest);
        async move { rest.call(create(Lane::Reserved)).await }
    });
    asked.notified().await;
    clock.advance(CALL_LIMIT - Duration::from_millis(1));
    tokio::task::yield_now().await;
    assert!(!call.is_finished());
    clock.advance(Duration::from_millis(1));
    let answer = call.await.unwrap();
    assert!(matches!(answer, Answer::Unknown(_)), "{answer:?}");
    assert_eq!(code(&answer), "timeout");
}

#[tokio::test]
async fn whoever_gives_up_leaves_no_place_taken() {
    let (address, asked) = silent().await;
    let rest = Arc::new(rest(&address, &HandClock::new()));
    let mut sent = 0;
    // More than a route without figures takes at once.
    for _ in 0..20 {
        let mut call = tokio::spawn({
            let rest = Arc::clone(&rest);
            async move { rest.call(create(Lane::Reserved)).await }
        });
        tokio::select! {
            () = asked.notified() => sent += 1,
            answer = &mut call => panic!("call {sent} was not sent: {answer:?}"),
        }
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled(), "it was answered");
    }
    assert_eq!(sent, 20, "each went out, because the one before gave its place back");
}

#[tokio::test]
async fn a_success_that_cannot_be_read_is_unknown_and_not_sent_again() {
    let server = Server::with([Reply::new(200, "<html>Sign in to the hotel</html>")]).await;
    let answer = rest(&server.address, &HandClock::new()).call(create(Lane::Reserved)).await;
    assert!(matches!(answer, Answer::Unknown(_)), "{answer:?}");
    assert_eq!((code(&answer), server.seen().len()), ("unreadable_answer", 1));
}

#[tokio::test]
async fn a_page_of_a_gateway_is_a_refusal_without_json() {
    let server = Server::with([Reply::new(502, "<html>Bad Gateway</html>")]).await;
    let answer = rest(&server.address, &HandClock::new()).call(create(Lane::Reserved)).await;
    let Answer::Refused(refusal) = answer else { panic!("{answer:?}") };
    assert_eq!((refusal.status, refusal.code, refusal.json), (502, None, false));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Server::with([made()]).await;
    let server = Server::with([Reply::new(307, "").with("location", elsewhere.address.clone())]).await;
    let answer = rest(&server.address, &HandClock::new()).call(create(Lane::Reserved)).await;
    assert!(matches!(answer, Answer::Refused(_)), "{answer:?}");
    assert!(elsewhere.seen().is_empty(), "it was given the token");
}

/// serenity's limiter sends a delivered message again when it cannot read a rate header.
#[tokio::test]
async fn a_rate_header_that_cannot_be_read_resends_nothing() {
    for (limit, remaining, reset_after) in [
        ("five", "4", "1"),
        ("5", "4.5.6", "1"),
        ("5", "0", "tomorrow"),
        ("5", "0", ""),
        ("99999999999999999999", "0", "1"),
        ("5", "0", "\u{1F914}"),
    ] {
        let server = Server::with([made().limited(limit, remaining, reset_after), made()]).await;
        let rest = rest(&server.address, &HandClock::new());
        let first = rest.call(create(Lane::Reserved)).await;
        assert!(matches!(first, Answer::Done { .. }), "{first:?}");
        assert_eq!(server.seen().len(), 1, "{limit} {remaining} {reset_after}");
        let second = rest.call(create(Lane::Reserved)).await;
        assert!(matches!(second, Answer::Done { .. }), "{second:?}");
        assert_eq!(server.seen().len(), 2, "{limit} {remaining} {reset_after}: one request for each call");
    }
}

/// serenity's limiter parks a bucket for as long as the wall clock was set back.
#[tokio::test]
async fn a_clock_that_is_set_back_parks_nothing() {
    let server = Server::with([made().limited("5", "0", "2"), made()]).await;
    let clock = HandClock::new();
    let rest = rest(&server.address, &clock);
    assert!(matches!(rest.call(create(Lane::Reserved)).await, Answer::Done { .. }));
    clock.step_wall(-3_600_000);
    let held = rest.call(create(Lane::Terminal)).await;
    assert_eq!(held, Answer::Held { delay: Duration::from_secs(2), scope: Scope::Route });
    assert_eq!(server.seen().len(), 1, "what is held is not sent");
    clock.advance(Duration::from_secs(2));
    assert!(matches!(rest.call(create(Lane::Terminal)).await, Answer::Done { .. }));
}

#[tokio::test]
async fn a_429_is_answered_at_once_and_then_respected() {
    for (scope, global, expected) in
        [("user", false, Scope::Route), ("shared", false, Scope::Route), ("global", true, Scope::Account)]
    {
        let body = json!({"message": "You are being rate limited.", "retry_after": 1337.5, "global": global});
        let refused = Reply::new(429, body.to_string()).with("x-ratelimit-scope", scope).with("retry-after", "1338");
        let server = Server::with([refused, made()]).await;
        let clock = HandClock::new();
        let rest = rest(&server.address, &clock);
        let answer = rest.call(create(Lane::Terminal)).await;
        let Answer::Refused(refusal) = answer else { panic!("{answer:?}") };
        assert_eq!(refusal.retry_after, Some(Duration::from_millis(1_337_500)));
        clock.advance(Duration::from_millis(500));
        let held = rest.call(create(Lane::Terminal)).await;
        assert_eq!(held, Answer::Held { delay: Duration::from_secs(1_337), scope: expected }, "{scope}");
        assert_eq!(server.seen().len(), 1);
        clock.advance(Duration::from_secs(1_337));
        assert!(matches!(rest.call(create(Lane::Terminal)).await, Answer::Done { .. }), "{scope}");
    }
}

#[test]
fn an_address_or_a_token_that_cannot_work_is_said_at_once() {
    let new = |api: &str, token: &str| Rest::new(api, &Secret::new(token), HandClock::new() as Arc<dyn Clock>).err();
    for api in ["", "discord.com", "ftp://discord.com", "https://"] {
        assert!(matches!(new(api, "t"), Some(SetupError::Api(_))), "{api}");
    }
    let bad = new("https://discord.com/api/v10", "line\nbreak").expect("refused");
    assert!(!bad.to_string().contains("break"));
    assert!(new("https://discord.com/api/v10/", "t").is_none());
}
