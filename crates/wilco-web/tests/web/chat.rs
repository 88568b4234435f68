//! What people say and press, and what open pages are told.

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::http::{Method, StatusCode, header};
use futures::StreamExt;
use serde_json::{Value, json};
use wilco_core::command::Command;
use wilco_core::desk::Notice;
use wilco_core::followup::{FollowupAct, OccurrenceState};
use wilco_core::inbound::ReplyRow;
use wilco_core::{
    Accepted, Address, Audience, Button, DeliveryOutcome, Messaging, Press, Reply, Short, StatusUpdate, What, WorkerId,
};

use crate::fakes::{START, job, refusal};
use crate::site::{Site, envelope, general};

#[tokio::test]
async fn a_command_is_shown_and_offered_with_its_place() {
    let site = Site::open().await;
    let body = json!({ "as": "ana", "channel": "general", "thread": "deploys", "text": " /run demo a b ", "event": "event-0001" });
    let told = site.post("/api/v1/messages", body).await;
    assert_eq!(told.json(), json!({ "result": "stored", "worker": "k7f2" }));
    let offered = site.inbox.offered.lock().unwrap().clone();
    let [inbound] = offered.as_slice() else { panic!("{offered:?}") };
    assert_eq!(inbound.event, "event-0001");
    assert_eq!(inbound.what, What::Command(Command::Run { worker: "demo".into(), text: "a b".into() }));
    assert_eq!(inbound.place.address, general().in_thread("deploys"));
    assert_eq!(inbound.place.parent, Some(general()));
    assert_eq!(inbound.place.audience, Audience::Public);
    assert_eq!((inbound.person.id.as_str(), inbound.at), ("ana", START));
    let shown = site.get("/api/v1/messages?as=bo&channel=general&thread=deploys").await.json();
    assert_eq!(shown["messages"][0]["text"], "/run demo a b");
    assert_eq!(shown["messages"][0]["author"], json!({ "id": "ana", "name": "Ana" }));
    assert!(site.texts("bo", "general").await.is_empty(), "a thread is not its channel");
}

#[tokio::test]
async fn m13_the_same_event_is_shown_once() {
    let site = Site::open().await;
    site.say("ana", "general", "hello", "event-0001").await;
    site.inbox.answers(Accepted::Duplicate { worker: None });
    assert_eq!(site.say("ana", "general", "hello", "event-0001").await.json()["result"], "duplicate");
    assert_eq!(site.texts("bo", "general").await, ["hello"]);
}

#[tokio::test]
async fn what_is_no_command_is_answered_privately_and_changes_nothing() {
    let site = Site::open().await;
    assert_eq!(site.say("ana", "general", "/run", "event-0001").await.json()["result"], "usage");
    assert_eq!(site.say("ana", "general", "/stats", "event-0002").await.json()["result"], "unknown_command");
    let notes = site.notes("ana", "general").await;
    assert!(notes[0].contains("/run <worker> [text]") && notes[1].contains("/status"), "{notes:?}");
    assert!(site.texts("ana", "general").await.is_empty() && site.inbox.offered.lock().unwrap().is_empty());
}

#[tokio::test]
async fn bad_input_gets_a_sentence() {
    let site = Site::open().await;
    for (text, event) in
        [("   ", "event-0001"), ("hello", "short"), ("hello", "no spaces here"), (&*"x".repeat(16_001), "event-0001")]
    {
        let answer = site.say("ana", "general", text, event).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::BAD_REQUEST, "bad_input"));
    }
    let lacking = site.post("/api/v1/messages", json!({ "as": "ana" })).await;
    assert_eq!((lacking.status, lacking.code().as_str()), (StatusCode::BAD_REQUEST, "bad_input"));
    assert!(site.texts("ana", "general").await.is_empty() && site.inbox.offered.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_the_inbox_answers_becomes_a_private_note() {
    let site = Site::open().await;
    let cases = [
        (Accepted::Answered(Reply::text("No jobs here yet.")), "answered", "No jobs here yet."),
        (refusal("Not allowed: run needs role operator."), "refused", "Not allowed: run needs role operator."),
        (Accepted::Busy, "busy", "Not accepted: the store is busy."),
    ];
    for (at, (accepted, result, words)) in cases.into_iter().enumerate() {
        site.inbox.answers(accepted);
        assert_eq!(site.say("bo", "general", "/jobs", &format!("event-000{at}")).await.json()["result"], result);
        assert!(site.notes("bo", "general").await[at].starts_with(words));
    }
    assert!(site.notes("ana", "general").await.is_empty());
}

#[tokio::test]
async fn l2_a_slow_store_is_heard_within_two_seconds_and_the_outcome_follows() {
    let site = Site::open().await;
    site.inbox.stalled.store(true, Ordering::SeqCst);
    let waiting = site.say("ana", "general", "/run demo", "event-0001");
    let slow = async {
        site.inbox.reached.notified().await;
        site.clock.advance(Duration::from_secs(2));
    };
    let (told, ()) = tokio::join!(waiting, slow);
    assert_eq!(told.json()["result"], "heard");
    assert_eq!(site.notes("ana", "general").await, ["Heard, storing…"]);

    let mut stream = Told::open(&site, "ana").await;
    site.inbox.answers(refusal("Not accepted: the disk is full."));
    site.inbox.let_through.notify_one();
    assert_eq!(stream.next("note").await["note"]["text"], "Not accepted: the disk is full.");
    assert_eq!(site.notes("ana", "general").await, ["Not accepted: the disk is full."], "one note, its words replaced");
}

#[tokio::test]
async fn l2_the_heard_note_goes_when_there_is_nothing_more_to_say() {
    let site = Site::open().await;
    site.inbox.stalled.store(true, Ordering::SeqCst);
    let slow = async {
        site.inbox.reached.notified().await;
        site.clock.advance(Duration::from_secs(2));
    };
    tokio::join!(site.say("ana", "general", "/run demo", "event-0001"), slow);
    let mut stream = Told::open(&site, "ana").await;
    site.inbox.let_through.notify_one();
    assert_eq!(stream.next("note").await["note"]["gone"], true);
    assert!(site.notes("ana", "general").await.is_empty());
}

#[tokio::test]
async fn words_that_cannot_be_stored_are_not_acted_upon() {
    let site = Site::open().await;
    site.shelf.refuse(true);
    assert_eq!(site.say("ana", "general", "/run demo", "event-0001").await.json()["result"], "refused");
    // The store's own sentence says what is lost (nothing) and what to do; it is not said twice.
    assert_eq!(site.notes("ana", "general").await, ["Not accepted: the disk is full."]);
    assert!(site.inbox.offered.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_bot_that_does_not_listen_says_so() {
    let mut site = Site::closed().await;
    site.sign_in().await;
    let before = site.say("ana", "general", "/run demo", "event-0001").await;
    assert_eq!((before.status, before.code().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "unavailable"));
    let stop = site.listen().await;
    assert_eq!(site.say("ana", "general", "/run demo", "event-0002").await.status, StatusCode::OK);
    stop.cancel();
    while site.say("ana", "general", "/jobs", "event-0003").await.status == StatusCode::OK {
        tokio::task::yield_now().await;
    }
    assert_eq!(site.texts("ana", "general").await[0], "/run demo");
}

#[tokio::test]
async fn hostile_text_is_shown_as_text() {
    let site = Site::open().await;
    let nasty = "<script>alert(1)</script> \u{1b}[31mred\u{1b}[0m \u{202e}gnp.exe <img src=x onerror=alert(1)>";
    site.say("ana", "general", nasty, "event-0001").await;
    let answer = site.get("/api/v1/messages?as=bo&channel=general").await;
    assert_eq!(answer.header("content-type"), "application/json");
    let text = answer.json()["messages"][0]["text"].as_str().unwrap().to_owned();
    assert_eq!(text, "<script>alert(1)</script> red gnp.exe <img src=x onerror=alert(1)>");
}

#[tokio::test]
async fn a_press_names_its_message_and_its_place() {
    let site = Site::open().await;
    let mut stub = envelope("key-1", "On it");
    stub.body.buttons = vec![Button::new("Cancel", Press::CancelStub { key: stub.key.clone() })];
    let DeliveryOutcome::Surfaced(message) = site.web.post(&stub).await else { panic!("not shown") };
    let payload = site.shown("bo", "general").await["messages"][0]["buttons"][0]["payload"].clone();
    let press = json!({ "as": "bo", "message": message.message, "payload": payload, "event": "event-0001" });
    assert_eq!(site.post("/api/v1/press", press).await.json()["result"], "stored");
    let offered = site.inbox.offered.lock().unwrap().clone();
    assert_eq!(offered[0].what, What::Press { press: Press::CancelStub { key: stub.key }, message: Some(message) });
    assert_eq!(offered[0].place.address, general());

    let note = StatusUpdate::Note { person: "ana".into(), reply: Reply::text("Which one?") };
    let DeliveryOutcome::Surfaced(note) = site.web.status(&general(), &note).await else { panic!("not shown") };
    let press = |who: &str| json!({ "as": who, "message": note.message, "payload": "d:k7f2", "event": "event-0002" });
    assert_eq!(site.post("/api/v1/press", press("bo")).await.status, StatusCode::NOT_FOUND, "not bo's note");
    assert_eq!(site.post("/api/v1/press", press("ana")).await.status, StatusCode::OK);
    let foreign = json!({ "as": "ana", "message": note.message, "payload": "z:1", "event": "event-0003" });
    assert_eq!(site.post("/api/v1/press", foreign).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn f16_each_row_of_a_list_has_its_own_buttons_and_they_are_pressed_like_any() {
    let site = Site::open().await;
    let pause = Press::Followup { act: FollowupAct::Pause, id: "f3k9".into() };
    let rows = vec![
        ReplyRow { text: "`f3k9` · check the deploy".into(), buttons: vec![Button::new("Pause", pause.clone())] },
        ReplyRow { text: "`m7p2` · by Bo".into(), buttons: Vec::new() },
    ];
    site.inbox.answers(Accepted::Answered(Reply { rows, ..Reply::text("2 follow-ups") }));
    site.say("ana", "general", "/followups", "event-0001").await;
    let note = site.shown("ana", "general").await["notes"][0].clone();
    assert_eq!((&note["text"], &note["buttons"]), (&json!("2 follow-ups"), &json!([])));
    let first =
        json!({ "text": "`f3k9` · check the deploy", "buttons": [{ "label": "Pause", "payload": pause.encode() }] });
    assert_eq!(note["rows"], json!([first, { "text": "`m7p2` · by Bo", "buttons": [] }]));

    let press = json!({ "as": "ana", "message": note["id"], "payload": note["rows"][0]["buttons"][0]["payload"], "event": "event-0002" });
    assert_eq!(site.post("/api/v1/press", press).await.status, StatusCode::OK);
    let offered = site.inbox.offered.lock().unwrap().clone();
    assert_eq!(offered[0].what, What::Command(Command::Followups { page: 1 }));
    assert_eq!(offered[1].what, What::Press { press: pause, message: None });
}

/// An open event stream, read event by event.
struct Told {
    body: axum::body::BodyDataStream,
    rest: String,
}

impl Told {
    async fn open(site: &Site, who: &str) -> Self {
        let mut request = Site::request(Method::GET, &format!("/api/v1/stream?as={who}"));
        request.headers_mut().insert(header::COOKIE, site.cookie().parse().unwrap());
        let response = site.raw(request).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        let mut told = Self { body: response.into_body().into_data_stream(), rest: String::new() };
        assert_eq!(told.next("hello").await["as"], who);
        told
    }

    /// The next event, whatever it is.
    async fn any(&mut self) -> (String, Value) {
        loop {
            if let Some((event, rest)) = self.rest.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.rest = rest;
                let line = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
                if let (Some(name), Some(data)) = (line("event: "), line("data: ")) {
                    return (name, serde_json::from_str(&data).unwrap());
                }
                continue;
            }
            let piece = self.body.next().await.expect("the stream is open").unwrap();
            self.rest.push_str(std::str::from_utf8(&piece).unwrap());
        }
    }

    async fn next(&mut self, wanted: &str) -> Value {
        let (name, data) = self.any().await;
        assert_eq!(name, wanted, "{data}");
        data
    }
}

#[tokio::test]
async fn two_windows_see_the_same_and_each_person_only_their_own() {
    let site = Site::open().await;
    let (mut one, mut two, mut bo) =
        (Told::open(&site, "ana").await, Told::open(&site, "ana").await, Told::open(&site, "bo").await);
    let note = StatusUpdate::Note { person: "ana".into(), reply: Reply::text("only you") };
    assert!(matches!(site.web.status(&general(), &note).await, DeliveryOutcome::Surfaced(_)));
    let direct =
        wilco_core::Envelope { address: wilco_core::Address::channel("web", "dm-ana"), ..envelope("key-d", "direct") };
    assert!(matches!(site.web.post(&direct).await, DeliveryOutcome::Surfaced(_)));
    assert!(matches!(site.web.post(&envelope("key-1", "for all")).await, DeliveryOutcome::Surfaced(_)));
    for window in [&mut one, &mut two] {
        assert_eq!(window.next("note").await["note"]["text"], "only you");
        assert_eq!(window.next("message").await["message"]["text"], "direct");
        assert_eq!(window.next("message").await["message"]["text"], "for all");
    }
    assert_eq!(bo.next("message").await["message"]["text"], "for all", "the first thing that bo is told");
}

#[tokio::test]
async fn r12_notices_of_jobs_reach_those_who_see_them() {
    let site = Site::open().await;
    let mut bo = Told::open(&site, "bo").await;
    let hidden = Notice::Job { worker: WorkerId::new("elsewhere"), short: Short::new("a2b3") };
    site.desk.notices.send(hidden).unwrap();
    assert!(matches!(site.web.post(&envelope("key-1", "On it")).await, DeliveryOutcome::Surfaced(_)));
    bo.next("message").await;
    site.desk.notices.send(Notice::Job { worker: job().id, short: job().short }).unwrap();
    assert_eq!(bo.next("worker").await["short"], "k7f2", "the job of another place was never named");
}

#[tokio::test]
async fn f12_what_became_of_a_follow_up_is_told_where_it_fires_and_nowhere_else() {
    let site = Site::open().await;
    let mut bo = Told::open(&site, "bo").await;
    let settled = |address, short: &str, status| Notice::Followup {
        short: Short::new(short),
        address,
        status,
        reason: Some("this thread was deleted".into()),
    };
    let direct = Address::channel("web", "dm-ana");
    site.desk.notices.send(settled(direct, "a2b3", OccurrenceState::Success)).unwrap();
    site.desk.notices.send(settled(general(), "f3k9", OccurrenceState::FailedDropped)).unwrap();
    let told = json!({ "short": "f3k9", "status": "failed_dropped", "reason": "this thread was deleted" });
    assert_eq!(bo.next("followup").await, told, "the one of another person's direct message was never named");
}

#[tokio::test]
async fn a_page_that_does_not_keep_up_is_told_to_load_again() {
    let site = Site::open().await;
    let mut slow = Told::open(&site, "ana").await;
    for at in 0..400 {
        assert!(matches!(site.web.post(&envelope(&format!("key-{at}"), "x")).await, DeliveryOutcome::Surfaced(_)));
    }
    assert_eq!(slow.next("reload").await, json!({}));
    assert_eq!(slow.next("message").await["message"]["id"], "key-144", "and then gets what is still known");
}

#[tokio::test]
async fn typing_is_told_and_ends() {
    let site = Site::open().await;
    let mut ana = Told::open(&site, "ana").await;
    for sign in [StatusUpdate::Thinking, StatusUpdate::StopTyping] {
        assert!(matches!(site.web.status(&general(), &sign).await, DeliveryOutcome::NotSurfaced(_)));
    }
    assert_eq!(ana.next("typing").await["on"], true);
    assert_eq!(ana.next("typing").await["on"], false);
}
