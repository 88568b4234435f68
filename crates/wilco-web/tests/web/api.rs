//! The rest of the API: jobs, receipts, files, health.

use axum::http::StatusCode;
use serde_json::json;
use wilco_core::access::Role;
use wilco_core::command::TABLE;
use wilco_core::desk::{AccountHealth, Caller, DeskError, Health};
use wilco_core::{DeliveryOutcome, FileRef, Messaging, Reply, Short};

use crate::fakes::{START, job};
use crate::site::{Site, envelope, general};

#[tokio::test]
async fn the_session_names_who_and_what_there_is() {
    let site = Site::open().await;
    let session = site.get("/api/v1/session").await.json();
    assert_eq!(session["as"], "ana");
    assert_eq!(session["people"][1], json!({ "id": "bo", "name": "Bo", "role": "viewer" }));
    assert_eq!(session["commands"].as_array().unwrap().len(), TABLE.len());
    assert_eq!(session["kinds"][0], json!({ "name": "demo", "about": "a 20-second job" }));
    let bo = site.get("/api/v1/session?as=bo").await.json();
    assert_eq!(bo["channels"][2]["channel"], "dm-bo", "each has a direct message of their own");
    assert_eq!(
        bo["channels"][1],
        json!({ "channel": "general", "thread": "deploys", "name": "deploys", "audience": "public" })
    );
}

#[tokio::test]
async fn a2_j4_a_limit_is_checked() {
    let site = Site::open().await;
    for path in ["workers/k7f2/events", "workers/k7f2", "workers", "receipts", "followups", "followups/f3k9"] {
        for bad in ["0", "-1", "ten", "", "1.5", "99999999999999999999999999999999999999999"] {
            let answer = site.get(&format!("/api/v1/{path}?as=ana&limit={bad}")).await;
            assert_eq!((answer.status, answer.code().as_str()), (StatusCode::BAD_REQUEST, "bad_input"), "{path} {bad}");
        }
        assert!(site.desk.limits.lock().unwrap().is_empty(), "refused before anything was asked");
        for (wish, asked) in [
            ("&limit=1", 1),
            ("", 200),
            ("&limit=5000", 5_000),
            ("&limit=5001", 5_000),
            ("&limit=99999999999999999999", 5_000),
        ] {
            assert_eq!(site.get(&format!("/api/v1/{path}?as=ana{wish}")).await.status, StatusCode::OK);
            assert_eq!(site.desk.limits.lock().unwrap().pop(), Some(asked), "{path} {wish}");
        }
    }
}

#[tokio::test]
async fn a1_events_are_native_json() {
    let site = Site::open().await;
    let events = site.get("/api/v1/workers/k7f2/events?as=ana").await.json();
    assert_eq!(events, json!({ "events": [{ "seq": 1, "at": START, "event": "status", "text": "step 3/7" }] }));
}

#[tokio::test]
async fn a4_one_job_is_shown_whole_but_for_the_places_of_its_files() {
    let site = Site::open().await;
    site.desk.files.lock().unwrap().push(FileRef {
        name: "log.txt".into(),
        path: "/secret/place/log.txt".into(),
        size: 3,
    });
    let answer = site.get("/api/v1/workers/k7f2?as=ana&channel=general").await;
    assert_eq!(answer.json()["job"]["short"], "k7f2");
    assert_eq!(answer.json()["ending"]["files"], json!([{ "name": "log.txt", "size": 3 }]));
    assert!(!answer.text().contains("/secret/place"));
    let callers = site.desk.callers.lock().unwrap().clone();
    let Caller::Person { account, person, address, guild: _ } = &callers[0] else { panic!("{callers:?}") };
    assert_eq!((account.as_str(), person.id.as_str(), address.as_ref()), ("web", "ana", Some(&general())));
}

#[tokio::test]
async fn every_desk_error_has_its_status() {
    let site = Site::open().await;
    let cases = [
        (DeskError::NotFound("zz".into()), StatusCode::NOT_FOUND, "not_found"),
        (DeskError::Ambiguous { name: "k".into(), candidates: vec![job()] }, StatusCode::CONFLICT, "ambiguous"),
        (
            DeskError::AmbiguousFollowup { name: "f".into(), candidates: vec![Short::new("f3k9")] },
            StatusCode::CONFLICT,
            "ambiguous",
        ),
        (
            DeskError::NotAllowed { what: "run".into(), needs: Role::Operator, has: Some(Role::Viewer) },
            StatusCode::FORBIDDEN,
            "not_allowed",
        ),
        (DeskError::BadInput("no".into()), StatusCode::BAD_REQUEST, "bad_input"),
        (DeskError::Refused(Reply::text("Not started: too soon.")), StatusCode::CONFLICT, "refused"),
        (DeskError::Store("locked".into()), StatusCode::SERVICE_UNAVAILABLE, "store"),
    ];
    for (error, status, code) in cases {
        let words = error.to_string();
        site.desk.fails_with(error);
        let answer = site.get("/api/v1/workers/k7f2?as=ana").await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code));
        assert_eq!(answer.json()["error"]["message"], words.as_str());
    }
    site.desk.fails_with(DeskError::Ambiguous { name: "k".into(), candidates: vec![job()] });
    assert_eq!(site.get("/api/v1/workers/k?as=ana").await.json()["error"]["candidates"], json!(["k7f2"]));
}

#[tokio::test]
async fn a_job_is_started_listed_and_cancelled() {
    let site = Site::open().await;
    let body = json!({ "as": "ana", "channel": "general", "thread": "deploys", "kind": "echo", "text": "hi", "event": "event-0001" });
    let started = site.post("/api/v1/workers", body).await;
    assert_eq!(started.status, StatusCode::ACCEPTED);
    assert_eq!(started.json()["worker"]["kind"], "echo");
    assert_eq!(started.json()["worker"]["address"]["thread"], "deploys");
    assert_eq!(site.get("/api/v1/workers?as=ana").await.json()["workers"].as_array().unwrap().len(), 1);
    assert_eq!(site.get("/api/v1/workers?as=ana&open=true").await.json()["workers"], json!([]));
    assert_eq!(site.get("/api/v1/workers?as=ana&open=maybe").await.status, StatusCode::BAD_REQUEST);
    let cancelled = site.post("/api/v1/workers/k7f2/cancel", json!({ "as": "ana", "reason": "wrong branch" })).await;
    assert_eq!(
        cancelled.json(),
        json!({ "result": "cancelling", "short": "k7f2", "by": "Ana", "reason": "wrong branch" })
    );
}

#[tokio::test]
async fn receipts_are_listed_by_state_and_retried_by_the_owner() {
    let site = Site::open().await;
    assert_eq!(
        site.get("/api/v1/receipts?as=ana&state=failed").await.json()["receipts"][0]["reason"],
        "attempts used up"
    );
    assert_eq!(site.get("/api/v1/receipts?as=ana&state=surfaced").await.json()["receipts"], json!([]));
    let wrong = site.get("/api/v1/receipts?as=ana&state=lost").await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    assert!(wrong.text().contains("waiting, pending, sending, surfaced, failed"));
    assert_eq!(site.post("/api/v1/receipts/r1/retry", json!({ "as": "bo" })).await.status, StatusCode::FORBIDDEN);
    assert_eq!(
        site.post("/api/v1/receipts/r1/retry", json!({ "as": "ana" })).await.json()["receipt"]["state"],
        "pending"
    );
}

#[tokio::test]
async fn h9_gates_are_listed_and_opened_by_the_owner() {
    let site = Site::open().await;
    let listed = site.get("/api/v1/gates").await;
    let gate = json!({ "backend": "claude", "reason": "session_expired", "closed": START.0, "job": "k7f2" });
    assert_eq!(listed.json(), json!({ "gates": [gate] }));
    let open = async |backend: &str, who: &str| {
        let answer = site.post(&format!("/api/v1/gates/{backend}/open"), json!({ "as": who })).await;
        (answer.status, answer)
    };
    assert_eq!(open("claude", "bo").await.0, StatusCode::FORBIDDEN);
    let (status, answer) = open("codex", "ana").await;
    assert_eq!((status, answer.code().as_str()), (StatusCode::BAD_REQUEST, "bad_input"));
    let (status, answer) = open("claude", "ana").await;
    assert_eq!((status, answer.json()), (StatusCode::OK, json!({ "gate": gate })));
}

#[tokio::test]
async fn files_are_downloads_and_never_shown() {
    let site = Site::open().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.html");
    let bytes: Vec<u8> = (0..200_000_u32).flat_map(|at| at.to_le_bytes()).collect();
    std::fs::write(&path, &bytes).unwrap();
    let file = FileRef { name: "page.html".into(), path: path.clone(), size: 800_000 };
    site.desk.files.lock().unwrap().push(file.clone());
    let mut message = envelope("key-1", "Done");
    message.address = wilco_core::Address::channel("web", "dm-ana");
    message.body.file = Some(file);
    assert!(matches!(site.web.post(&message).await, DeliveryOutcome::Surfaced(_)));

    for from in ["/api/v1/workers/k7f2/files/0?as=ana", "/api/v1/messages/key-1/file?as=ana"] {
        let answer = site.get(from).await;
        assert_eq!(answer.status, StatusCode::OK, "{from}");
        assert_eq!(answer.bytes, bytes);
        assert_eq!(answer.header("content-type"), "application/octet-stream");
        assert!(answer.header("content-disposition").starts_with("attachment; filename=\"page.html\""));
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
    assert_eq!(site.get("/api/v1/messages/key-1/file?as=bo").await.status, StatusCode::NOT_FOUND, "another person's");
    assert_eq!(site.get("/api/v1/workers/k7f2/files/1?as=ana").await.status, StatusCode::NOT_FOUND);
    assert_eq!(site.get("/api/v1/workers/k7f2/files/x?as=ana").await.status, StatusCode::BAD_REQUEST);
    std::fs::remove_file(&path).unwrap();
    let gone = site.get("/api/v1/messages/key-1/file?as=ana").await;
    assert_eq!((gone.status, gone.code().as_str()), (StatusCode::NOT_FOUND, "not_found"));
    std::fs::create_dir(&path).unwrap();
    assert_eq!(
        site.get("/api/v1/messages/key-1/file?as=ana").await.status,
        StatusCode::NOT_FOUND,
        "a folder is no file"
    );
}

fn account(name: &str, connected: bool, paused: Option<&str>) -> AccountHealth {
    let paused = paused.map(str::to_owned);
    AccountHealth { account: name.into(), connected, paused, last_delivery: None, plain: 0 }
}

#[tokio::test]
async fn a6_readiness_follows_store_connections_and_lateness() {
    let site = Site::closed().await;
    let ready = async || {
        let answer = site.send(Site::request(axum::http::Method::GET, "/readyz")).await;
        (answer.status, answer.json()["reasons"].clone())
    };
    assert_eq!(ready().await, (StatusCode::OK, json!([])));

    let set = |health: Health| *site.desk.health.lock().unwrap() = health;
    set(Health { accounts: vec![account("web", true, None), account("slack", false, None)], ..Health::default() });
    assert_eq!(ready().await, (StatusCode::SERVICE_UNAVAILABLE, json!(["slack is not connected"])));
    set(Health { accounts: vec![account("slack", true, Some("token revoked xoxb-secret"))], ..Health::default() });
    assert_eq!(ready().await, (StatusCode::SERVICE_UNAVAILABLE, json!(["slack is paused until a person acts"])));

    set(Health { undelivered: 1, oldest: Some(START), ..Health::default() });
    assert_eq!(ready().await.0, StatusCode::OK);
    site.clock.advance(std::time::Duration::from_secs(299));
    assert_eq!(ready().await.0, StatusCode::OK);
    site.clock.advance(std::time::Duration::from_secs(1));
    assert_eq!(
        ready().await,
        (StatusCode::SERVICE_UNAVAILABLE, json!(["something has been waiting to be delivered for 5m"]))
    );

    site.desk.fails_with(DeskError::Store("locked".into()));
    assert_eq!(ready().await, (StatusCode::SERVICE_UNAVAILABLE, json!(["the store does not answer"])));
    let alive = site.send(Site::request(axum::http::Method::GET, "/healthz")).await;
    assert_eq!(alive.status, StatusCode::OK, "the process is alive all the same");
}

#[tokio::test]
async fn unknown_addresses_and_methods_are_told_in_json() {
    let site = Site::open().await;
    assert_eq!(site.get("/api/v1/nothing").await.code(), "not_found");
    assert_eq!(site.get("/nothing").await.code(), "not_found");
    let answer = site.post("/api/v1/health", json!({})).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::METHOD_NOT_ALLOWED, "method"));
}
