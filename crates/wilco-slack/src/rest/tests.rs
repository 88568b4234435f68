//! The client against real sockets.

pub(crate) mod stand;

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use wilco_core::Scope;
use wilco_sim::clock::HandClock;

use self::stand::{Reply, Server};
use super::*;

fn rest(address: &str, clock: &Arc<HandClock>) -> Rest {
    Rest::new(
        address,
        &Secret::new("xoxb-1-2-abc"),
        Some(&Secret::new("xapp-1-2-abc")),
        Arc::clone(clock) as Arc<dyn Clock>,
    )
    .unwrap()
}

fn create(lane: Lane) -> Call {
    Call::new(Method::PostMessage, lane).with("channel", "C1").with("text", "hello")
}

fn made() -> Reply {
    Reply::new(200, r#"{"ok":true,"channel":"C1","ts":"1.2"}"#)
}

fn code(answer: &Answer) -> &str {
    match answer {
        Answer::NotSent(cause) | Answer::Unknown(cause) => &cause.code,
        Answer::Done(_) | Answer::Refused(_) | Answer::Held { .. } => panic!("{answer:?}"),
    }
}

#[tokio::test]
async fn a_call_is_one_request() {
    let server = Server::with([made()]).await;
    let answer = rest(&server.address, &HandClock::new()).call(create(Lane::Reserved)).await;
    assert_eq!(answer, Answer::Done(json!({"ok": true, "channel": "C1", "ts": "1.2"})));
    let seen = server.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].method.as_str(), seen[0].path.as_str()), ("POST", "/api/chat.postMessage"));
    assert_eq!(seen[0].header("authorization"), "Bearer xoxb-1-2-abc");
    assert_eq!(seen[0].header("content-type"), "application/json; charset=utf-8");
    assert!(seen[0].header("user-agent").starts_with("wilco/"));
    assert_eq!(seen[0].json(), json!({"channel": "C1", "text": "hello"}));
}

#[tokio::test]
async fn a_method_that_reads_gets_a_form() {
    let server = Server::with([Reply::new(200, r#"{"ok":true,"messages":[]}"#)]).await;
    let call = Call::new(Method::History, Lane::Normal)
        .with("channel", "C1")
        .with("oldest", "1.000000")
        .with("include_all_metadata", true)
        .with("limit", 200)
        .with("cursor", "dXNlcjpVMDYx=&x");
    assert!(matches!(rest(&server.address, &HandClock::new()).call(call).await, Answer::Done(_)));
    let seen = server.last();
    assert_eq!(seen.header("content-type"), "application/x-www-form-urlencoded");
    let body = String::from_utf8(seen.body.to_vec()).unwrap();
    for field in ["channel=C1", "oldest=1.000000", "include_all_metadata=true", "limit=200"] {
        assert!(body.split('&').any(|one| one == field), "{field} in {body}");
    }
    assert!(body.contains("cursor=dXNlcjpVMDYx%3D%26x"), "{body}");
    assert!(!body.contains("xoxb") && !seen.path.contains("xoxb"), "the token is in its header alone");
}

#[tokio::test]
async fn the_bytes_of_a_file_go_without_the_token_and_to_a_safe_place_alone() {
    let server = Server::with([Reply::new(200, "OK - 9")]).await;
    let rest = rest(&server.address, &HandClock::new());
    let address = format!("{}/upload/v1/secret", server.address);
    assert!(matches!(rest.upload(&address, b"the bytes".to_vec()).await, Answer::Done(_)));
    let seen = server.last();
    assert_eq!((seen.header("authorization"), &seen.body[..]), ("", &b"the bytes"[..]));
    for unsafe_place in [
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "ftp://x.org",
        "",
        "http://127.0.0.1:1/x",
        "https://example.org/upload/v1/x",
        "https://files.slack.com.example.org/x",
        "https://evilslack.com/x",
        "http://files.slack.com/x",
    ] {
        let answer = rest.upload(unsafe_place, b"the bytes".to_vec()).await;
        assert_eq!(code(&answer), "upload_address", "{unsafe_place}");
    }
    assert_eq!(server.seen().len(), 1);
    let slacks = |url: &str| rest.takes_files(&Url::parse(url).unwrap());
    assert!(slacks("https://files.slack.com/upload/v1/x") && slacks("https://files.slack-gov.com/upload/v1/x"));
}

#[tokio::test]
async fn a_message_that_may_stand_there_has_used_its_turn_and_one_that_cannot_has_not() {
    let no = |code: &str| Reply::new(200, format!(r#"{{"ok":false,"error":"{code}"}}"#));
    let server = Server::with([no("msg_too_long"), no("internal_error")]).await;
    let rest = rest(&server.address, &HandClock::new());
    for code_of in ["msg_too_long", "internal_error"] {
        assert_eq!(rest.call(create(Lane::Reserved)).await.code(), Some(code_of));
    }
    let answer = rest.call(create(Lane::Reserved)).await;
    assert!(matches!(answer, Answer::Held { .. }), "{answer:?}");
    assert_eq!(server.seen().len(), 2);
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
    // The turn in the channel was not used.
    assert_eq!(code(&rest.call(create(Lane::Reserved)).await), "connect");
    let answer = rest.upload(&format!("{address}/upload/v1/secret"), b"x".to_vec()).await;
    assert!(matches!(answer, Answer::NotSent(_)) && !format!("{answer:?}").contains("secret"), "{answer:?}");
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
        if String::from_utf8_lossy(&seen).ends_with("\"text\":\"hello\"}") {
            return true;
        }
    }
}

#[tokio::test]
async fn a_lost_reply_is_unknown_and_nothing_is_sent_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // The first request of a connection is answered; the second one is taken, and the line goes dead.
            for nth in 0..2 {
                if !read_request(&mut stream).await {
                    break;
                }
                count.fetch_add(1, Ordering::SeqCst);
                if nth == 0 {
                    let body = r#"{"ok":true,"ts":"1.2"}"#;
                    let reply = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                    stream.write_all(reply.as_bytes()).await.unwrap();
                }
            }
        }
    });
    let clock = HandClock::new();
    let rest = rest(&address, &clock);
    assert!(matches!(rest.call(create(Lane::Reserved)).await, Answer::Done(_)));
    clock.advance(Duration::from_secs(1));
    let answer = rest.call(create(Lane::Reserved)).await;
    assert!(matches!(answer, Answer::Unknown(_)), "{answer:?}");
    assert_eq!((code(&answer), asked.load(Ordering::SeqCst)), ("connection_lost", 2));
}

#[tokio::test]
async fn a_call_ends_after_ten_seconds_and_is_unknown() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Notify::new());
    let told = Arc::clone(&asked);
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        assert!(read_request(&mut stream).await);
        told.notify_one();
        futures::future::pending::<()>().await;
    });
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
async fn a_success_that_cannot_be_read_is_unknown_and_not_sent_again() {
    let server = Server::with([Reply::new(200, "<html>Sign in to the hotel</html>")]).await;
    let answer = rest(&server.address, &HandClock::new()).call(create(Lane::Reserved)).await;
    assert!(matches!(answer, Answer::Unknown(_)), "{answer:?}");
    assert_eq!((code(&answer), server.seen().len()), ("unreadable_answer", 1));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Server::with([made()]).await;
    let server = Server::with([Reply::new(307, "").with("location", elsewhere.address.clone())]).await;
    let answer = rest(&server.address, &HandClock::new()).call(create(Lane::Reserved)).await;
    assert!(matches!(answer, Answer::Refused(_)), "{answer:?}");
    assert!(elsewhere.seen().is_empty(), "it was given the token");
}

#[tokio::test]
async fn a_limit_is_answered_at_once_and_then_respected() {
    let by_status = || Reply::new(429, r#"{"ok":false,"error":"ratelimited"}"#).with("retry-after", "30");
    let by_code = || Reply::new(200, r#"{"ok":false,"error":"ratelimited"}"#).with("retry-after", "30");
    let empty = || Reply::new(429, "").with("retry-after", "30").with("content-type", "application/json");
    for refused in [by_status(), by_code(), empty()] {
        let server = Server::with([refused, made()]).await;
        let clock = HandClock::new();
        let rest = rest(&server.address, &clock);
        let Answer::Refused(refusal) = rest.call(create(Lane::Terminal)).await else { panic!("it was refused") };
        assert_eq!((refusal.retry_after, refusal.scope), (Some(Duration::from_secs(30)), Some(Scope::Chat)));
        clock.advance(Duration::from_secs(10));
        // A wall clock that is set parks nothing and frees nothing.
        clock.step_wall(-3_600_000);
        let held = rest.call(create(Lane::Terminal)).await;
        assert_eq!(held, Answer::Held { delay: Duration::from_secs(20), scope: Scope::Chat });
        assert_eq!(server.seen().len(), 1, "what is held is not sent");
        clock.advance(Duration::from_secs(20));
        assert!(matches!(rest.call(create(Lane::Terminal)).await, Answer::Done(_)));
    }
}

#[test]
fn an_address_or_a_token_that_cannot_work_is_said_at_once() {
    let new = |api: &str, token: &str| {
        let (bot, app) = (Secret::new(token), Secret::new("xapp-1"));
        Rest::new(api, &bot, Some(&app), HandClock::new() as Arc<dyn Clock>).err()
    };
    for api in ["", "slack.com", "ftp://slack.com", "https://"] {
        assert!(matches!(new(api, "t"), Some(SetupError::Api(_))), "{api}");
    }
    let bad = new("https://slack.com/api", "line\nbreak").expect("refused");
    assert!(!bad.to_string().contains("break"));
    assert!(new("https://slack.com/api/", "t").is_none());
}

#[tokio::test]
async fn an_answer_goes_without_the_token_to_slacks_hooks_or_the_api_itself_alone() {
    let bodies = ["ok", r#"{"ok":true}"#, r#"{"ok":false,"error":"used_url"}"#];
    let server = Server::with(bodies.map(|body| Reply::new(200, body))).await;
    let rest = rest(&server.address, &HandClock::new());
    let address = Secret::new(format!("{}/commands/T1/2/secret", server.address));
    let body = json!({"text": "Accepted", "replace_original": false});
    for _ in 0..2 {
        assert_eq!(rest.respond(&address, &body).await, Answer::Done(Value::Null));
    }
    assert_eq!(rest.respond(&address, &body).await.code(), Some("used_url"));
    let seen = server.last();
    assert_eq!((seen.header("authorization"), seen.json()), ("", body.clone()));
    for (address, safe) in [
        ("https://hooks.slack.com/commands/T1/2/3", true),
        ("http://hooks.slack.com/commands/T1/2/3", false),
        ("https://hooks.slack.com:444/commands/T1/2/3", false),
        ("https://hooks.slack.com.example.org/commands/T1/2/3", false),
        ("https://slack.com/commands/T1/2/3", false),
        ("https://169.254.169.254/latest", false),
    ] {
        assert_eq!(rest.takes_answers(&Url::parse(address).unwrap()), safe, "{address}");
    }
    let unsafe_place = Secret::new("http://127.0.0.1:1/commands/hidden");
    let answer = rest.respond(&unsafe_place, &body).await;
    assert_eq!(code(&answer), UNSAFE_ADDRESS);
    assert!(!format!("{answer:?}").contains("hidden"));
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn a_socket_is_asked_for_with_the_app_level_token() {
    let server = Server::with([Reply::new(200, r#"{"ok":true,"url":"wss://x/link/?ticket=1"}"#)]).await;
    let call = Call::new(Method::ConnectionsOpen, Lane::Reserved);
    assert!(matches!(rest(&server.address, &HandClock::new()).call(call).await, Answer::Done(_)));
    assert_eq!(server.last().header("authorization"), "Bearer xapp-1-2-abc");
}
