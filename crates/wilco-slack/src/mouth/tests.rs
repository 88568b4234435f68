//! The adapter against a server that answers by a script.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;
use wilco_core::random::Dice;
use wilco_core::{Body, Button, DeliveryKey, EnvelopeKind, FileRef, Person, Press, Reply as Said, Scope};
use wilco_sim::clock::HandClock;

use super::*;
use crate::options::{Options, Secret};
use crate::rest::tests::stand::{Reply, Request, Server};
use crate::slack::SetupError;
use wilco_sim::MemoryShelf;

fn options(api: &str) -> Options {
    Options { api: api.to_owned(), ..Options::new("slack", Secret::new("xoxb-1"), Secret::new("xapp-1")) }
}

fn prepared(options: Options, clock: &Arc<HandClock>) -> Result<Arc<Slack>, SetupError> {
    let clock = Arc::clone(clock) as Arc<dyn wilco_core::Clock>;
    Slack::new(options, Arc::<MemoryShelf>::default(), clock, Arc::new(Dice::seeded(1)))
}

async fn set(
    replies: impl IntoIterator<Item = Reply>,
    change: impl FnOnce(&mut Options),
) -> (Arc<Slack>, Server, Arc<HandClock>) {
    let server = Server::with(replies).await;
    let clock = HandClock::new();
    let mut options = options(&server.address);
    change(&mut options);
    (prepared(options, &clock).unwrap(), server, clock)
}

async fn with(replies: impl IntoIterator<Item = Reply>) -> (Arc<Slack>, Server, Arc<HandClock>) {
    set(replies, |_| ()).await
}

fn place() -> Address {
    Address::channel("slack", "C12")
}

fn envelope(body: Body) -> Envelope {
    Envelope::plain(place(), DeliveryKey::new("k1"), body)
}

fn shown(ts: &str) -> MessageRef {
    MessageRef { address: place(), message: ts.to_owned() }
}

fn ok(body: Value) -> Reply {
    let mut body = body;
    body["ok"] = json!(true);
    Reply::new(200, body.to_string())
}

fn no(code: &str) -> Reply {
    Reply::new(200, json!({"ok": false, "error": code}).to_string())
}

fn made(ts: &str) -> Reply {
    ok(json!({"channel": "C12", "ts": ts}))
}

fn methods(server: &Server) -> Vec<String> {
    server.seen().iter().map(|seen| seen.path.trim_start_matches("/api/").to_owned()).collect()
}

fn form(request: &Request) -> String {
    String::from_utf8(request.body.to_vec()).unwrap()
}

fn reason(outcome: DeliveryOutcome) -> NotSurfaced {
    match outcome {
        DeliveryOutcome::NotSurfaced(reason) => reason,
        DeliveryOutcome::Surfaced(message) => panic!("{message:?}"),
    }
}

fn code(outcome: DeliveryOutcome) -> String {
    outcome.cause().unwrap_or_else(|| panic!("{outcome:?}")).code.clone()
}

#[tokio::test]
async fn a_post_and_its_edits_are_one_message() {
    let (slack, server, _) = with([made("18.1"), made("18.1")]).await;
    let body = Body::text("On it").with_buttons(vec![Button::new("Cancel", Press::StopHere)]);
    assert_eq!(slack.post(&envelope(body)).await, DeliveryOutcome::Surfaced(shown("18.1")));
    let done = Envelope { kind: EnvelopeKind::Content, ..envelope(Body::text("Done")) };
    assert_eq!(slack.edit(&shown("18.1"), &done).await, DeliveryOutcome::Surfaced(shown("18.1")));
    assert_eq!(methods(&server), ["chat.postMessage", "chat.update"]);
    let edit = server.last().json();
    assert_eq!((&edit["channel"], &edit["ts"], &edit["file_ids"]), (&json!("C12"), &json!("18.1"), &json!([])));
    assert_eq!(slack.plain_messages(), 0);
}

#[tokio::test]
async fn a_thread_is_answered_in_the_thread() {
    let (slack, server, _) = with([made("18.1")]).await;
    let address = place().in_thread("17.5");
    let in_thread = Envelope { address: address.clone(), ..envelope(Body::text("On it")) };
    let expected = MessageRef { address, message: "18.1".to_owned() };
    assert_eq!(slack.post(&in_thread).await, DeliveryOutcome::Surfaced(expected));
    assert_eq!(server.last().json()["thread_ts"], json!("17.5"));
}

#[tokio::test]
async fn an_answer_that_slack_shows_in_the_channel_is_taken_back() {
    let in_thread = Envelope { address: place().in_thread("17.5"), ..envelope(Body::text("On it")) };
    let stray = || ok(json!({"channel": "C12", "ts": "18.1", "message": {"ts": "18.1", "text": "On it"}}));
    for taken_away in [ok(json!({"channel": "C12", "ts": "18.1"})), no("message_not_found")] {
        let (slack, server, _) = with([stray(), taken_away]).await;
        let outcome = reason(slack.post(&in_thread).await);
        assert!(matches!(&outcome, NotSurfaced::Gone(cause) if cause.code == "thread_not_found"), "{outcome:?}");
        assert_eq!(methods(&server), ["chat.postMessage", "chat.delete"]);
        assert_eq!(server.last().json(), json!({"channel": "C12", "ts": "18.1"}));
    }
    // Whether it is gone is not known, so it is looked for.
    let (slack, _, _) = with([stray(), Reply::new(502, "<html>")]).await;
    assert!(matches!(reason(slack.post(&in_thread).await), NotSurfaced::Ambiguous(_)));
    // It has to stay, so it is the message, and stands in the channel.
    let (slack, _, _) = with([stray(), no("is_archived")]).await;
    assert_eq!(slack.post(&in_thread).await, DeliveryOutcome::Surfaced(shown("18.1")));
    // One that stands where it belongs.
    let there = ok(json!({"ts": "18.1", "message": {"ts": "18.1", "thread_ts": "17.5"}}));
    let (slack, server, _) = with([there]).await;
    assert!(matches!(slack.post(&in_thread).await, DeliveryOutcome::Surfaced(_)));
    assert_eq!(methods(&server), ["chat.postMessage"]);
}

#[tokio::test]
async fn what_was_to_be_in_a_thread_that_is_gone_is_looked_for_in_the_channel() {
    let in_thread = Envelope { address: place().in_thread("17.5"), ..envelope(Body::text("On it")) };
    let stray = || ok(json!({"messages": [seen("18.1", "B1", "k1")]}));
    let (slack, server, _) = with([me(), no("thread_not_found"), stray(), ok(json!({}))]).await;
    let found = slack.find(&in_thread, Timestamp(0)).await;
    assert!(matches!(found, Found::Refused(NotSurfaced::Gone(_))), "{found:?}");
    let asked = ["auth.test", "conversations.replies", "conversations.history", "chat.delete"];
    assert_eq!(methods(&server), asked);
    let (slack, _, _) = with([me(), no("thread_not_found"), stray(), Reply::new(502, "<html>")]).await;
    let found = slack.find(&in_thread, Timestamp(0)).await;
    assert!(matches!(found, Found::Unknown(_)), "{found:?}");
    let (slack, server, _) = with([me(), no("thread_not_found"), ok(json!({"messages": []}))]).await;
    let found = slack.find(&in_thread, Timestamp(0)).await;
    assert!(matches!(found, Found::Refused(NotSurfaced::Gone(_))), "{found:?}");
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn refused_metadata_is_left_out_and_the_blocks_keep_the_key() {
    let (slack, server, _) = with([no("metadata_must_be_sent_from_app"), made("18.1")]).await;
    assert_eq!(slack.post(&envelope(Body::text("On it"))).await, DeliveryOutcome::Surfaced(shown("18.1")));
    let again = server.last().json();
    assert_eq!((again.get("metadata"), &again["blocks"][0]["block_id"]), (None, &json!("w|k1|0")));
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn metadata_that_was_refused_is_left_out_for_an_hour() {
    let replies = [no("metadata_must_be_sent_from_app"), made("18.1"), made("18.1"), made("18.1")];
    let (slack, server, clock) = with(replies).await;
    assert_eq!(slack.post(&envelope(Body::text("On it"))).await, DeliveryOutcome::Surfaced(shown("18.1")));
    assert_eq!(
        slack.edit(&shown("18.1"), &envelope(Body::text("Done"))).await,
        DeliveryOutcome::Surfaced(shown("18.1"))
    );
    assert_eq!((server.seen().len(), server.last().json().get("metadata")), (3, None), "it is not sent twice again");
    clock.advance(Duration::from_secs(60 * 60));
    assert!(matches!(slack.post(&envelope(Body::text("On it"))).await, DeliveryOutcome::Surfaced(_)));
    assert!(server.last().json()["metadata"].is_object(), "it is tried again");
}

#[tokio::test]
async fn a_channel_is_joined_only_where_that_is_wanted_and_only_once() {
    let (slack, server, _) = with([no("not_in_channel")]).await;
    assert_eq!(code(slack.post(&envelope(Body::text("On it"))).await), "not_in_channel");
    assert_eq!(methods(&server), ["chat.postMessage"]);
    let replies = [no("not_in_channel"), ok(json!({})), made("18.1")];
    let (slack, server, _) = set(replies, |options| options.join = true).await;
    assert_eq!(slack.post(&envelope(Body::text("On it"))).await, DeliveryOutcome::Surfaced(shown("18.1")));
    assert_eq!(methods(&server), ["chat.postMessage", "conversations.join", "chat.postMessage"]);
    let replies = [no("not_in_channel"), no("missing_scope")];
    let (slack, server, _) = set(replies, |options| options.join = true).await;
    let gone = reason(slack.post(&envelope(Body::text("On it"))).await);
    assert!(matches!(gone, NotSurfaced::Gone(_)), "{gone:?}");
    assert_eq!(methods(&server), ["chat.postMessage", "conversations.join"]);
}

#[tokio::test]
async fn a_second_message_within_a_second_waits_for_its_turn() {
    let (slack, server, clock) = with([made("18.1"), made("18.2")]).await;
    assert!(matches!(slack.post(&envelope(Body::text("one"))).await, DeliveryOutcome::Surfaced(_)));
    let held = reason(slack.post(&envelope(Body::text("two"))).await);
    assert_eq!(held, NotSurfaced::RetryAfter { delay: Duration::from_secs(1), scope: Scope::Message });
    clock.advance(Duration::from_secs(1));
    assert!(matches!(slack.post(&envelope(Body::text("two"))).await, DeliveryOutcome::Surfaced(_)));
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn nothing_is_sent_for_what_is_not_ours_or_not_slacks() {
    let (slack, server, _) = with([]).await;
    let foreign = Address::channel("somebody-else", "C12");
    let at = |address: Address| Envelope { address, ..envelope(Body::text("x")) };
    for address in [foreign, Address::channel("slack", "#ops"), place().in_thread("x")] {
        let there = MessageRef { address: address.clone(), message: "1.2".to_owned() };
        for outcome in [
            slack.post(&at(address.clone())).await,
            slack.edit(&there, &at(address.clone())).await,
            slack.probe(&address).await,
        ] {
            assert!(matches!(reason(outcome), NotSurfaced::Gone(_)));
        }
    }
    let blank = reason(slack.post(&envelope(Body::text(" "))).await);
    assert!(matches!(blank, NotSurfaced::Reshape(_)));
    assert!(server.seen().is_empty());
}

fn me() -> Reply {
    ok(json!({"user_id": "U1", "bot_id": "B1", "team_id": "T1"}))
}

fn seen(ts: &str, bot: &str, key: &str) -> Value {
    let metadata = crate::blocks::metadata(&DeliveryKey::new(key));
    json!({"type": "message", "ts": ts, "bot_id": bot, "metadata": metadata})
}

#[tokio::test]
async fn a_message_is_found_by_its_key_over_several_pages() {
    let first = json!({"messages": [seen("9.1", "B1", "k0"), seen("9.2", "B2", "k1")], "has_more": true,
        "response_metadata": {"next_cursor": "abc"}});
    let second = json!({"messages": [seen("8.1", "B1", "k1")], "has_more": false});
    let (slack, server, _) = with([me(), ok(first), ok(second)]).await;
    let since = Timestamp(1_750_000_000_000);
    assert_eq!(slack.find(&envelope(Body::text("x")), since).await, Found::Here(shown("8.1")));
    assert_eq!(methods(&server), ["auth.test", "conversations.history", "conversations.history"]);
    let pages = server.seen();
    let asked = form(&pages[1]);
    for field in ["channel=C12", "oldest=1749999700.000000", "include_all_metadata=true"] {
        assert!(asked.contains(field), "{asked}");
    }
    assert!(form(&pages[2]).contains("cursor=abc"));
}

#[tokio::test]
async fn a_thread_is_searched_as_a_thread_and_what_is_not_there_is_absent() {
    let blocks = json!([{"type": "section", "block_id": "w|k1|0"}]);
    let by_block = json!({"messages": [{"ts": "18.2", "user": "U1", "blocks": blocks}]});
    let (slack, server, _) = with([me(), ok(by_block), ok(json!({"messages": []}))]).await;
    let address = place().in_thread("17.5");
    let in_thread = Envelope { address: address.clone(), ..envelope(Body::text("x")) };
    let found = slack.find(&in_thread, Timestamp(0)).await;
    assert_eq!(found, Found::Here(MessageRef { address, message: "18.2".to_owned() }));
    assert_eq!(methods(&server), ["auth.test", "conversations.replies"]);
    assert!(form(&server.last()).contains("ts=17.5"));
    assert_eq!(slack.find(&envelope(Body::text("x")), Timestamp(0)).await, Found::Absent);
    assert_eq!(server.seen().len(), 3, "whose token it is was asked once");
}

#[tokio::test]
async fn a_look_up_that_failed_does_not_say_absent() {
    let more = || ok(json!({"messages": [], "has_more": true, "response_metadata": {"next_cursor": "x"}}));
    let replies = std::iter::once(me()).chain((0..10).map(|_| more()));
    let (slack, _, _) = with(replies).await;
    assert!(matches!(slack.find(&envelope(Body::text("x")), Timestamp(0)).await, Found::Unknown(_)));
    for (reply, expected) in [
        (no("not_in_channel"), "gone"),
        (no("invalid_auth"), "stop_account"),
        (Reply::new(429, "").with("retry-after", "3"), "retry_after"),
        (Reply::new(502, "<html>"), "retry"),
        (ok(json!({"messages": 7})), "retry"),
    ] {
        let (slack, _, _) = with([me(), reply]).await;
        match slack.find(&envelope(Body::text("x")), Timestamp(0)).await {
            Found::Refused(reason) => assert_eq!(reason.name(), expected),
            other @ (Found::Here(_) | Found::Absent | Found::Cannot | Found::Unknown(_)) => panic!("{other:?}"),
        }
    }
    let (slack, _, _) = with([me(), no("missing_scope")]).await;
    assert_eq!(slack.find(&envelope(Body::text("x")), Timestamp(0)).await, Found::Cannot);
}

#[tokio::test]
async fn a_probe_shows_nothing_and_knows_what_is_gone() {
    let channel = |more: Value| ok(json!({"channel": more}));
    let (slack, server, _) = with([channel(json!({"id": "C12", "is_member": true}))]).await;
    assert_eq!(reason(slack.probe(&place()).await), NotSurfaced::Silent);
    assert_eq!(methods(&server), ["conversations.info"]);
    for (replies, expected) in [
        (vec![no("channel_not_found")], "channel_not_found"),
        (vec![channel(json!({"is_member": true, "is_archived": true}))], "is_archived"),
        (vec![channel(json!({"is_member": false}))], "not_in_channel"),
        (vec![channel(json!({"is_member": true})), no("thread_not_found")], "thread_not_found"),
    ] {
        let (slack, _, _) = with(replies).await;
        let gone = slack.probe(&place().in_thread("17.5")).await;
        assert_eq!(code(gone), expected);
    }
}

fn file(dir: &tempfile::TempDir, name: &str, bytes: &[u8]) -> FileRef {
    let path: PathBuf = dir.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    FileRef { name: name.to_owned(), path, size: bytes.len() as u64 }
}

#[tokio::test]
async fn a_file_is_sent_whole_before_its_message_shows_it() {
    let dir = tempfile::tempdir().unwrap();
    let report = file(&dir, "report.txt", b"all of it");
    let server = Server::with([]).await;
    let place_of_upload = format!("{}/upload/v1/abc", server.address);
    server.then([
        ok(json!({"upload_url": place_of_upload, "file_id": "F1"})),
        Reply::new(200, "OK - 9"),
        ok(json!({"files": [{"id": "F1"}]})),
        made("18.1"),
        made("18.1"),
    ]);
    let slack = prepared(options(&server.address), &HandClock::new()).unwrap();
    let body = Body { file: Some(report), ..Body::text("report attached") };
    let with_file = Envelope { kind: EnvelopeKind::File, ..envelope(body) };
    assert!(matches!(slack.edit(&shown("18.1"), &with_file).await, DeliveryOutcome::Surfaced(_)));
    let names = ["files.getUploadURLExternal", "upload/v1/abc", "files.completeUploadExternal", "chat.update"];
    assert_eq!(methods(&server), names);
    let all = server.seen();
    assert!(form(&all[0]).contains("filename=report.txt") && form(&all[0]).contains("length=9"));
    assert_eq!(&all[1].body[..], b"all of it");
    assert_eq!(all[2].json(), json!({"files": [{"id": "F1", "title": "report.txt"}]}), "no channel: nothing is shown");
    assert_eq!(all[3].json()["file_ids"], json!(["F1"]));
    // Again, as after an answer that was lost: the same file, not a second one.
    assert!(matches!(slack.edit(&shown("18.1"), &with_file).await, DeliveryOutcome::Surfaced(_)));
    assert_eq!(server.seen().len(), 5);
    assert_eq!(server.last().json()["file_ids"], json!(["F1"]));
}

/// Lets everything run until the server was asked so often.
async fn asked(server: &Server, count: usize) {
    for _ in 0..5_000 {
        if server.seen().len() >= count {
            return;
        }
        wilco_sim::clock::sockets_run(1).await.unwrap();
    }
    panic!("{:?}", methods(server));
}

#[tokio::test]
async fn a_file_over_a_slow_line_is_sent_once_however_often_its_message_is_tried() {
    let dir = tempfile::tempdir().unwrap();
    let report = file(&dir, "report.txt", b"all of it");
    let server = Server::with([]).await;
    let (place_of_upload, gate) = (format!("{}/upload/v1/abc", server.address), Arc::new(tokio::sync::Notify::new()));
    server.then([
        ok(json!({"upload_url": place_of_upload, "file_id": "F1"})),
        Reply::new(200, "OK - 9").behind(&gate),
        ok(json!({"files": [{"id": "F1"}]})),
        made("18.1"),
    ]);
    let clock = HandClock::new();
    let slack = prepared(options(&server.address), &clock).unwrap();
    let body = Body { file: Some(report), ..Body::text("report attached") };
    let with_file = Envelope { kind: EnvelopeKind::File, ..envelope(body) };
    for _ in 0..3 {
        let tried = async {
            asked(&server, 2).await;
            clock.advance(Duration::from_secs(20));
        };
        let there = shown("18.1");
        let (outcome, ()) = tokio::join!(slack.edit(&there, &with_file), tried);
        assert_eq!(code(outcome), "upload_under_way");
    }
    gate.notify_one();
    assert!(matches!(slack.edit(&shown("18.1"), &with_file).await, DeliveryOutcome::Surfaced(_)));
    let names = ["files.getUploadURLExternal", "upload/v1/abc", "files.completeUploadExternal", "chat.update"];
    assert_eq!(methods(&server), names);
}

#[tokio::test]
async fn an_upload_that_was_completed_unheard_is_shown_and_not_sent_again() {
    let dir = tempfile::tempdir().unwrap();
    let with_file = Body { file: Some(file(&dir, "report.txt", b"all of it")), ..Body::text("report attached") };
    let with_file = Envelope { kind: EnvelopeKind::File, ..envelope(with_file) };
    for (then, expected) in [(made("18.1"), None), (no("file_not_found"), Some("file_not_found"))] {
        let server = Server::with([]).await;
        server.then([
            ok(json!({"upload_url": format!("{}/upload/v1/abc", server.address), "file_id": "F1"})),
            Reply::new(200, "OK - 9"),
            Reply::new(502, "<html>"),
            no("file_not_found"),
            then,
        ]);
        let slack = prepared(options(&server.address), &HandClock::new()).unwrap();
        match (slack.edit(&shown("18.1"), &with_file).await, expected) {
            (DeliveryOutcome::Surfaced(_), None) => {}
            (DeliveryOutcome::NotSurfaced(NotSurfaced::Reshape(cause)), Some(code)) => assert_eq!(cause.code, code),
            (other, _) => panic!("{other:?}"),
        }
        assert_eq!((server.seen().len(), &server.last().json()["file_ids"]), (5, &json!(["F1"])));
    }
}

#[tokio::test]
async fn a_create_whose_file_was_not_shown_is_found_and_shows_it_then() {
    let dir = tempfile::tempdir().unwrap();
    let body = Body { file: Some(file(&dir, "report.txt", b"all of it")), ..Body::text("report attached") };
    let server = Server::with([]).await;
    server.then([
        ok(json!({"upload_url": format!("{}/upload/v1/abc", server.address), "file_id": "F1"})),
        Reply::new(200, "OK - 9"),
        ok(json!({"files": [{"id": "F1"}]})),
        made("18.1"),
        Reply::new(502, "<html>"),
        me(),
        ok(json!({"messages": [seen("18.1", "B1", "k1")]})),
        made("18.1"),
    ]);
    let slack = prepared(options(&server.address), &HandClock::new()).unwrap();
    assert!(matches!(reason(slack.post(&envelope(body.clone())).await), NotSurfaced::Ambiguous(_)));
    assert_eq!(slack.find(&envelope(body), Timestamp(0)).await, Found::Here(shown("18.1")));
    assert_eq!(methods(&server).last().map(String::as_str), Some("chat.update"));
    assert_eq!(server.last().json()["file_ids"], json!(["F1"]));
}

#[tokio::test]
async fn a_file_that_cannot_be_sent_changes_no_message() {
    let dir = tempfile::tempdir().unwrap();
    let small = file(&dir, "a.txt", b"abc");
    let with_file = |file: FileRef| Envelope {
        kind: EnvelopeKind::File,
        ..envelope(Body { file: Some(file), ..Body::text("File") })
    };
    for (odd, expected) in [
        (FileRef { size: Options::FILE + 1, ..small.clone() }, "file_too_large"),
        (FileRef { path: dir.path().join("gone"), ..small.clone() }, "file_unreadable"),
        (FileRef { path: dir.path().to_owned(), ..small.clone() }, "file_unreadable"),
        (file(&dir, "empty.txt", b""), "file_empty"),
    ] {
        let (slack, server, _) = with([]).await;
        let outcome = reason(slack.edit(&shown("18.1"), &with_file(odd)).await);
        assert!(matches!(&outcome, NotSurfaced::Reshape(cause) if cause.code == expected), "{outcome:?}");
        assert!(server.seen().is_empty());
    }
    let (slack, server, _) = with([no("file_uploads_disabled")]).await;
    let outcome = reason(slack.edit(&shown("18.1"), &with_file(small)).await);
    assert!(matches!(outcome, NotSurfaced::Reshape(_)), "{outcome:?}");
    assert_eq!(methods(&server), ["files.getUploadURLExternal"]);
}

#[tokio::test]
async fn a_note_is_seen_by_one_person() {
    let (slack, server, _) = with([ok(json!({"message_ts": "19.1"}))]).await;
    let note = |person: &str| StatusUpdate::Note { person: person.to_owned(), reply: Said::text("Only <you>") };
    let address = place().in_thread("17.5");
    assert!(matches!(slack.status(&address, &note("U7")).await, DeliveryOutcome::Surfaced(_)));
    assert_eq!(methods(&server), ["chat.postEphemeral"]);
    let said = server.last().json();
    assert_eq!(
        (&said["user"], &said["thread_ts"], &said["text"]),
        (&json!("U7"), &json!("17.5"), &json!("Only &lt;you&gt;"))
    );
    // Whoever is no member of the channel reads it in their direct message.
    let opened = ok(json!({"channel": {"id": "D7"}}));
    let (slack, server, _) = with([no("user_not_in_channel"), opened, ok(json!({"ts": "20.1"}))]).await;
    let direct = MessageRef { address: Address::channel("slack", "D7"), message: "20.1".to_owned() };
    assert_eq!(slack.status(&place(), &note("U7")).await, DeliveryOutcome::Surfaced(direct));
    assert_eq!(methods(&server), ["chat.postEphemeral", "conversations.open", "chat.postMessage"]);
    assert_eq!(code(slack.status(&place(), &note("everybody")).await), "unknown_person");
}

#[tokio::test]
async fn a_reaction_that_stands_there_is_success() {
    let (slack, server, _) = with([ok(json!({})), no("already_reacted")]).await;
    let react = |emoji: &str| StatusUpdate::React { message: shown("18.1"), emoji: emoji.to_owned() };
    for _ in 0..2 {
        assert_eq!(slack.status(&place(), &react("👀")).await, DeliveryOutcome::Surfaced(shown("18.1")));
    }
    assert_eq!(server.last().json(), json!({"channel": "C12", "timestamp": "18.1", "name": "eyes"}));
    assert_eq!(code(slack.status(&place(), &react("🦑")).await), "unknown_emoji");
}

#[tokio::test]
async fn thinking_is_shown_where_the_app_can_and_ends() {
    let thread = place().in_thread("17.5");
    let (slack, server, _) = with([]).await;
    assert_eq!(reason(slack.status(&thread, &StatusUpdate::Thinking).await), NotSurfaced::Silent);
    assert!(server.seen().is_empty(), "this app is no assistant");

    let replies = (0..4).map(|_| ok(json!({})));
    let (slack, server, clock) = set(replies, |options| options.assistant = true).await;
    assert_eq!(reason(slack.status(&place(), &StatusUpdate::Thinking).await), NotSurfaced::Silent);
    assert!(server.seen().is_empty(), "there is no thread to show it under");
    assert_eq!(reason(slack.status(&thread, &StatusUpdate::Thinking).await), NotSurfaced::Silent);
    let said = server.last().json();
    assert_eq!((&said["channel_id"], &said["thread_ts"]), (&json!("C12"), &json!("17.5")));
    assert_ne!(said["status"], json!(""));
    let before = server.seen().len();
    clock.advance(Duration::from_secs(10));
    for _ in 0..1_000 {
        if server.seen().len() > before {
            break;
        }
        wilco_sim::clock::sockets_run(1).await.unwrap();
    }
    assert_eq!(server.last().json()["status"], json!(""), "it ended after ten seconds");
    assert_eq!(reason(slack.status(&thread, &StatusUpdate::Thinking).await), NotSurfaced::Silent);
    assert_eq!(reason(slack.status(&thread, &StatusUpdate::StopTyping).await), NotSurfaced::Silent);
    assert_eq!((server.seen().len(), &server.last().json()["status"]), (4, &json!("")));
}

#[tokio::test]
async fn a_sign_that_is_not_allowed_is_not_asked_for_again() {
    let (slack, server, _) = set([no("missing_scope")], |options| options.assistant = true).await;
    for _ in 0..3 {
        let outcome = slack.status(&place().in_thread("17.5"), &StatusUpdate::Thinking).await;
        assert_eq!(reason(outcome), NotSurfaced::Silent);
    }
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_message_that_lost_its_markup_counts_once() {
    let (slack, _, _) = with([made("18.1"), made("18.1"), made("18.1")]).await;
    let plain = envelope(Body { plain: true, ..Body::text("**a**") });
    for outcome in [slack.post(&plain).await, slack.edit(&shown("18.1"), &plain).await] {
        assert!(matches!(outcome, DeliveryOutcome::Surfaced(_)));
    }
    assert_eq!(slack.plain_messages(), 1);
}

#[tokio::test]
async fn a_ping_mentions_its_person() {
    let (slack, server, _) = with([made("18.1")]).await;
    let body = Body { mention: Some(Person::new("U7", "ana")), ..Body::text("done · k7f2") };
    let ping = Envelope { kind: EnvelopeKind::Ping, ..envelope(body) };
    assert!(matches!(slack.post(&ping).await, DeliveryOutcome::Surfaced(_)));
    assert_eq!(server.last().json()["blocks"][0]["text"]["text"], json!("<@U7> done · k7f2"));
}

#[test]
fn tokens_that_were_swapped_are_refused_before_anything_is_sent() {
    let swapped = Options::new("slack", Secret::new("xapp-1-hidden"), Secret::new("xoxb-1-hidden"));
    let error = prepared(swapped, &HandClock::new()).err().expect("refused").to_string();
    assert!(error.contains("bot_token") && error.contains("swap") && !error.contains("hidden"), "{error}");
}
