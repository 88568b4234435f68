//! Every default of the security page that concerns the web chat.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use serde_json::json;
use wilco_core::{Address, DeliveryOutcome, Envelope, Messaging};

use crate::site::{HOST, Site, envelope};

#[tokio::test]
async fn only_our_own_hosts_are_answered() {
    let site = Site::open().await;
    for path in ["/", "/healthz", "/readyz", "/assets/app.js", "/api/v1/session", "/login/x"] {
        for host in
            ["evil.example:7733", "evil.example", "127.0.0.1", "127.0.0.1:7734", "127.0.0.1:7733.evil.example", ""]
        {
            let mut request = Site::request(Method::GET, path);
            request.headers_mut().insert(header::HOST, host.parse().unwrap());
            request.headers_mut().insert(header::COOKIE, site.cookie().parse().unwrap());
            let answer = site.send(request).await;
            assert_eq!((answer.status, answer.code().as_str()), (StatusCode::FORBIDDEN, "host"), "{path} as {host}");
        }
    }
    let mut none = Site::request(Method::GET, "/healthz");
    none.headers_mut().remove(header::HOST);
    assert_eq!(site.send(none).await.status, StatusCode::FORBIDDEN);
    let mut two = Site::request(Method::GET, "/healthz");
    two.headers_mut().append(header::HOST, "evil.example".parse().unwrap());
    assert_eq!(site.send(two).await.status, StatusCode::FORBIDDEN);
    let mut whole = Site::request(Method::GET, "http://evil.example/healthz");
    whole.headers_mut().insert(header::HOST, HOST.parse().unwrap());
    assert_eq!(site.send(whole).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn another_pages_origin_is_refused_on_changes_and_on_the_stream() {
    let site = Site::open().await;
    for origin in ["http://evil.example", "http://127.0.0.1:9999", "https://localhost:7733", "null", "file://", HOST] {
        let mut change = site.change("/api/v1/workers/k7f2/cancel", &json!({ "as": "ana" }));
        change.headers_mut().insert(header::ORIGIN, origin.parse().unwrap());
        let answer = site.send(change).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::FORBIDDEN, "origin"), "{origin}");

        let mut stream = Site::request(Method::GET, "/api/v1/stream?as=ana");
        stream.headers_mut().insert(header::COOKIE, site.cookie().parse().unwrap());
        stream.headers_mut().insert(header::ORIGIN, origin.parse().unwrap());
        assert_eq!(site.raw(stream).await.status(), StatusCode::FORBIDDEN, "{origin}");
    }
    assert!(site.desk.callers.lock().unwrap().is_empty(), "nothing was done");
}

#[tokio::test]
async fn a_change_needs_the_pages_own_token() {
    let site = Site::open().await;
    for token in ["", "0", site.csrf().to_uppercase().as_str(), &site.csrf()[1..]] {
        let mut change = site.change("/api/v1/workers/k7f2/cancel", &json!({ "as": "ana" }));
        change.headers_mut().insert("x-wilco-csrf", token.parse().unwrap());
        let answer = site.send(change).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::FORBIDDEN, "csrf"));
    }
    let mut bare = site.change("/api/v1/messages", &json!({}));
    bare.headers_mut().remove("x-wilco-csrf");
    assert_eq!(site.send(bare).await.code(), "csrf");
    assert!(site.desk.callers.lock().unwrap().is_empty() && site.inbox.offered.lock().unwrap().is_empty());
    let allowed = site.post("/api/v1/workers/k7f2/cancel", json!({ "as": "ana" })).await;
    assert_eq!(allowed.status, StatusCode::OK, "the same request with the token is followed: {}", allowed.text());
}

#[tokio::test]
async fn a_form_of_another_page_cannot_change_anything() {
    let site = Site::open().await;
    let mut form = site.change("/api/v1/messages", &json!({ "as": "ana" }));
    form.headers_mut().insert(header::CONTENT_TYPE, "text/plain".parse().unwrap());
    assert_eq!(site.send(form).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn the_login_link_works_once() {
    let site = Site::closed().await;
    let path = site.web.login_path();
    assert_eq!(path, site.web.login_path(), "until it is used it stays the same");
    assert_eq!(path.len(), "/login/".len() + 32, "128 bits");

    let looked = site.send(Site::request(Method::HEAD, &path)).await;
    assert_eq!(looked.status, StatusCode::NO_CONTENT, "a preview does not use it up");

    let first = site.send(Site::request(Method::GET, &path)).await;
    assert_eq!((first.status, first.header("location")), (StatusCode::SEE_OTHER, "/"));
    let second = site.send(Site::request(Method::GET, &path)).await;
    assert_eq!(second.status, StatusCode::FORBIDDEN);
    assert_eq!(second.header("set-cookie"), "");
    assert_ne!(site.web.login_path(), path);
}

#[tokio::test]
async fn of_two_browsers_with_one_link_one_gets_in() {
    let site = Site::closed().await;
    let path = site.web.login_path();
    let (one, two) =
        tokio::join!(site.send(Site::request(Method::GET, &path)), site.send(Site::request(Method::GET, &path)));
    let inside = [one.status, two.status].into_iter().filter(|status| *status == StatusCode::SEE_OTHER).count();
    assert_eq!(inside, 1);
}

#[tokio::test]
async fn a_renewed_link_ends_the_one_before() {
    let site = Site::closed().await;
    let old = site.web.login_path();
    let new = site.web.renew_login();
    assert_ne!(old, new);
    assert_eq!(site.send(Site::request(Method::GET, &old)).await.status, StatusCode::FORBIDDEN);
    assert_eq!(site.send(Site::request(Method::GET, &new)).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn the_cookie_is_kept_from_scripts_and_other_sites() {
    let site = Site::closed().await;
    let answer = site.send(Site::request(Method::GET, &site.web.login_path())).await;
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("wilco_7733="), "{cookie}");
    for flag in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.split("; ").any(|part| part == flag), "{cookie}");
    }
}

#[tokio::test]
async fn without_a_session_there_is_only_the_way_in() {
    let site = Site::closed().await;
    let page = site.send(Site::request(Method::GET, "/")).await;
    assert_eq!(page.status, StatusCode::UNAUTHORIZED);
    assert!(page.text().contains("link that the terminal shows"));
    for path in [
        "session",
        "messages?as=ana&channel=general",
        "workers?as=ana",
        "receipts?as=ana",
        "followups?as=ana",
        "health",
        "stream?as=ana",
        "nothing",
    ] {
        let answer = site.send(Site::request(Method::GET, &format!("/api/v1/{path}"))).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::UNAUTHORIZED, "signed_out"), "{path}");
    }
    for cookie in ["wilco_7733=", "wilco_7733=0", "wilco=x; other=y", "wilco_7733"] {
        let mut request = Site::request(Method::GET, "/api/v1/session");
        request.headers_mut().insert(header::COOKIE, cookie.parse().unwrap());
        assert_eq!(site.send(request).await.status, StatusCode::UNAUTHORIZED, "{cookie}");
    }
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let site = Site::open().await;
    for path in ["/", "/assets/app.js", "/nothing", "/healthz", "/api/v1/session", "/api/v1/nothing", "/login/wrong"] {
        let answer = site.get(path).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
    }
    let mut foreign = Site::request(Method::GET, "/");
    foreign.headers_mut().insert(header::HOST, "evil.example".parse().unwrap());
    assert!(
        site.send(foreign).await.header("content-security-policy").contains("frame-ancestors 'none'"),
        "refusals too"
    );
    assert_eq!(site.get("/api/v1/session").await.header("cache-control"), "no-store");
}

#[tokio::test]
async fn the_page_holds_no_token_and_nothing_that_the_policy_forbids() {
    let site = Site::open().await;
    let secret = site.cookie().split_once('=').unwrap().1.to_owned();
    let page = site.get("/").await.text();
    assert!(page.contains("id=\"composer\""));
    let assets: Vec<&str> = page.split('"').filter(|part| part.starts_with("/assets/")).collect();
    assert!(assets.len() >= 4);
    for path in ["/"].iter().chain(&assets) {
        let answer = site.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        let text = answer.text();
        for hidden in [secret.as_str(), site.csrf(), site.web.login_path().as_str()] {
            assert!(!text.contains(hidden), "{path}");
        }
        for forbidden in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "<style",
            " style=",
            " onclick=",
            "http://cdn",
            "https://cdn",
        ] {
            assert!(!text.contains(forbidden), "{path} has {forbidden}");
        }
    }
    let shelf: String = site.shelf.rows("").into_iter().map(|(key, value)| key + &value).collect();
    assert!(!shelf.contains(&secret), "the shelf holds a hash only");
}

#[tokio::test]
async fn every_module_that_a_script_names_is_served() {
    let site = Site::open().await;
    let mut waiting = vec!["app.js".to_owned()];
    let mut seen = Vec::new();
    while let Some(name) = waiting.pop() {
        if seen.contains(&name) {
            continue;
        }
        let answer = site.get(&format!("/assets/{name}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{name}");
        assert!(answer.header("content-type").starts_with("text/javascript"), "{name}");
        let text = answer.text();
        let named =
            text.lines().filter(|line| line.starts_with("import ")).filter_map(|line| line.split("\"./").nth(1));
        waiting.extend(named.filter_map(|rest| rest.split('"').next()).map(str::to_owned));
        seen.push(name);
    }
    assert!(seen.len() >= 8, "{seen:?}");
}

#[tokio::test]
async fn a_browser_stays_signed_in_over_a_restart_and_not_for_ever() {
    let first = Site::open().await;
    let cookie = first.cookie().to_owned();
    let mut second = Site::on(first.shelf.clone(), 8).await;
    second.use_cookie(cookie.clone()).await;
    assert_eq!(second.get("/api/v1/session").await.status, StatusCode::OK);
    assert_eq!(second.csrf(), first.csrf(), "an open page goes on working");
    second.clock.advance(Duration::from_secs(31 * 24 * 3_600));
    assert_eq!(second.get("/api/v1/session").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn an_old_session_is_not_kept_when_too_many_browsers_sign_in() {
    let mut site = Site::open().await;
    let first = site.cookie().to_owned();
    for _ in 0..20 {
        site.clock.advance(Duration::from_secs(1));
        site.sign_in().await;
    }
    assert_eq!(site.shelf.keys("session/").len(), 20);
    assert_eq!(site.get("/api/v1/session").await.status, StatusCode::OK);
    site.use_cookie(first).await;
    assert_eq!(site.get("/api/v1/session").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn nobody_can_be_spoken_as_who_is_not_in_the_list() {
    let site = Site::open().await;
    for path in [
        "messages?as=eve&channel=general",
        "workers?as=eve",
        "receipts?as=eve",
        "followups?as=eve",
        "stream?as=eve",
        "session?as=eve",
    ] {
        let answer = site.get(&format!("/api/v1/{path}")).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::FORBIDDEN, "unknown_person"), "{path}");
    }
    assert_eq!(site.say("eve", "general", "/jobs", "event-0001").await.code(), "unknown_person");
    assert_eq!(site.get("/api/v1/workers").await.code(), "bad_input", "`as` has to be given");
    assert!(site.inbox.offered.lock().unwrap().is_empty());
}

#[tokio::test]
async fn another_persons_direct_message_cannot_be_read_or_written() {
    let site = Site::open().await;
    let direct = Address::channel("web", "dm-ana");
    let DeliveryOutcome::Surfaced(message) =
        site.web.post(&Envelope { address: direct, ..envelope("key-direct", "for Ana alone") }).await
    else {
        panic!("not shown")
    };
    assert_eq!(site.texts("ana", "dm-ana").await, ["for Ana alone"]);
    assert_eq!(site.texts("ana", "direct").await, ["for Ana alone"], "`direct` is one's own");
    assert!(site.texts("bo", "direct").await.is_empty());

    let read = site.get("/api/v1/messages?as=bo&channel=dm-ana").await;
    let absent = site.get("/api/v1/messages?as=bo&channel=dm-zoe").await;
    assert_eq!(read.status, StatusCode::NOT_FOUND);
    assert_eq!(read.text(), absent.text(), "it is answered like one that does not exist");
    assert_eq!(site.say("bo", "dm-ana", "hello", "event-0001").await.status, StatusCode::NOT_FOUND);
    let press = json!({ "as": "bo", "message": message.message, "payload": "c:k7f2", "event": "event-0002" });
    assert_eq!(site.post("/api/v1/press", press).await.status, StatusCode::NOT_FOUND);
    assert!(site.inbox.offered.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_long_body_is_refused_unread() {
    let site = Site::open().await;
    let mut request = site.change("/api/v1/messages", &json!({}));
    *request.body_mut() = Body::from(vec![b' '; (1 << 20) + 1]);
    let answer = site.send(request).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::PAYLOAD_TOO_LARGE, "too_long"));
}

#[tokio::test]
async fn the_server_answers_on_the_hosts_of_its_own_address_and_stops_with_streams_open() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (clock, shelf) =
        (wilco_sim::clock::HandClock::at(crate::fakes::START), Arc::new(wilco_sim::MemoryShelf::default()));
    let web = wilco_web::Web::new(
        wilco_web::Options::local("0"),
        shelf,
        clock,
        Arc::new(wilco_core::random::Dice::seeded(1)),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = tokio_util::sync::CancellationToken::new();
    let serving = tokio::spawn(web.clone().serve(listener, stop.clone()));

    let ask = async |head: String| {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream
    };
    let whole = async |head: String| {
        let mut text = String::new();
        ask(head).await.read_to_string(&mut text).await.unwrap();
        text
    };
    let port = address.port();
    assert!(
        whole(format!("GET /healthz HTTP/1.1\r\nhost: localhost:{port}\r\nconnection: close\r\n\r\n"))
            .await
            .starts_with("HTTP/1.1 200")
    );
    assert!(
        whole("GET /healthz HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n".to_owned())
            .await
            .starts_with("HTTP/1.1 403")
    );
    let login =
        whole(format!("GET {} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n", web.login_path())).await;
    let cookie = login.split("set-cookie: ").nth(1).unwrap().split(';').next().unwrap();

    let mut stream =
        ask(format!("GET /api/v1/stream?as=ana HTTP/1.1\r\nhost: {address}\r\ncookie: {cookie}\r\n\r\n")).await;
    let mut head = vec![0; 4_096];
    let mut seen = String::new();
    while !seen.contains("event: hello") {
        let got = stream.read(&mut head).await.unwrap();
        assert_ne!(got, 0, "{seen}");
        seen.push_str(&String::from_utf8_lossy(&head[..got]));
    }
    stop.cancel();
    serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_signed_in_browser_gets_a_link_for_another_one_that_works_once() {
    let mut site = Site::open().await;
    let first_cookie = site.cookie().to_owned();
    let unused = site.post("/api/v1/login-link", json!({})).await.json()["path"].as_str().unwrap().to_owned();
    let answer = site.post("/api/v1/login-link", json!({ "as": "ana" })).await;
    assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::OK, "no-store"));
    let path = answer.json()["path"].as_str().unwrap().to_owned();
    let token = path.strip_prefix("/login/").unwrap();
    assert!(token.len() == 32 && token.bytes().all(|byte| byte.is_ascii_hexdigit()), "128 bits: {path}");

    let older = site.send(Site::request(Method::GET, &unused)).await;
    assert_eq!(older.status, StatusCode::FORBIDDEN, "a newer link takes an older one's place");
    let opened = site.send(Site::request(Method::GET, &path)).await;
    assert_eq!(opened.status, StatusCode::SEE_OTHER);
    let cookie = opened.header("set-cookie").split(';').next().unwrap().to_owned();
    assert_ne!(cookie, first_cookie);
    assert_eq!(site.send(Site::request(Method::GET, &path)).await.status, StatusCode::FORBIDDEN, "it works once");
    assert_eq!(site.get("/api/v1/session").await.status, StatusCode::OK, "the first browser stays signed in");
    site.use_cookie(cookie).await;
    assert_eq!(site.get("/api/v1/session").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_login_link_is_given_to_the_page_of_a_signed_in_browser_only() {
    let site = Site::open().await;
    let before = site.web.login_path();
    let mut stranger = site.change("/api/v1/login-link", &json!({}));
    stranger.headers_mut().remove(header::COOKIE);
    assert_eq!(site.send(stranger).await.code(), "signed_out");
    let mut forged = site.change("/api/v1/login-link", &json!({}));
    forged.headers_mut().remove("x-wilco-csrf");
    assert_eq!(site.send(forged).await.code(), "csrf");
    assert_eq!(site.get("/api/v1/login-link").await.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(site.web.login_path(), before, "nothing was changed");
}
