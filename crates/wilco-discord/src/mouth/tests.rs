//! The adapter against a server that answers by a script.

use std::time::Duration;

use serde_json::{Value, json};
use wilco_core::random::Dice;
use wilco_core::{Body, Button, DeliveryKey, EnvelopeKind, FileRef, Person, Press, Reply as Said, Scope};
use wilco_sim::MemoryShelf;
use wilco_sim::clock::HandClock;

use super::*;
use crate::options::{Options, Secret};
use crate::rest::tests::stand::{Reply, Server};

async fn with(replies: impl IntoIterator<Item = Reply>) -> (Arc<Discord>, Server) {
    let server = Server::with(replies).await;
    let options = Options { api: server.address.clone(), ..Options::new("discord", Secret::new("t")) };
    let discord =
        Discord::new(options, Arc::<MemoryShelf>::default(), HandClock::new(), Arc::new(Dice::seeded(1))).unwrap();
    (discord, server)
}

fn place() -> Address {
    Address::channel("discord", "12")
}

fn envelope(body: Body) -> Envelope {
    Envelope::plain(place(), DeliveryKey::new("k1"), body)
}

fn shown(id: &str) -> MessageRef {
    MessageRef { address: place(), message: id.to_owned() }
}

fn ok(body: Value) -> Reply {
    Reply::new(200, body.to_string())
}

fn refusal(status: u16, code: i64) -> Reply {
    Reply::new(status, json!({"message": "no", "code": code}).to_string())
}

fn name(outcome: &DeliveryOutcome) -> &'static str {
    outcome.name()
}

#[tokio::test]
async fn a_post_surfaces_under_its_id_and_an_edit_keeps_it() {
    let (discord, server) = with([ok(json!({"id": "9"})), ok(json!({"id": "9"}))]).await;
    let stub = envelope(Body::text("On it"));
    assert_eq!(discord.post(&stub).await, DeliveryOutcome::Surfaced(shown("9")));
    let filled = Envelope { kind: EnvelopeKind::Content, body: Body::text("Done"), ..stub };
    assert_eq!(discord.edit(&shown("9"), &filled).await, DeliveryOutcome::Surfaced(shown("9")));
    let edit = server.last();
    assert_eq!((edit.method.as_str(), edit.path.as_str()), ("PATCH", "/api/v10/channels/12/messages/9"));
    assert_eq!(edit.json()["content"], json!("Done"));
}

#[tokio::test]
async fn a_reply_that_is_refused_is_sent_without_its_reference() {
    let form = json!({"message": "Invalid Form Body", "code": 50_035, "errors": {"message_reference": {"_errors": [
        {"code": "REPLIES_CANNOT_REPLY_TO_SYSTEM_MESSAGE", "message": "Cannot reply to a system message"}]}}});
    for refused in [refusal(400, 160_002), Reply::new(400, form.to_string())] {
        let (discord, server) = with([refused, ok(json!({"id": "9"}))]).await;
        let reply = Envelope { reply_to: Some(shown("8")), ..envelope(Body::text("done")) };
        assert_eq!(discord.post(&reply).await, DeliveryOutcome::Surfaced(shown("9")));
        let seen = server.seen();
        assert_eq!(seen.len(), 2);
        assert_eq!(seen[0].json()["message_reference"]["message_id"], json!("8"));
        assert_eq!(seen[1].json().get("message_reference"), None);
        assert_eq!(seen[0].json()["nonce"], seen[1].json()["nonce"]);
    }
    // Without a reference there is nothing to leave out.
    let (discord, server) = with([refusal(400, 160_002)]).await;
    assert_eq!(name(&discord.post(&envelope(Body::text("x"))).await), "bug");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn what_cannot_be_shown_is_not_even_tried() {
    let (discord, server) = with([]).await;
    let long = envelope(Body::text("x".repeat(2_001)));
    let large = FileRef { name: "a".into(), path: "/nonexistent".into(), size: 11 << 20 };
    let large = envelope(Body { file: Some(large), ..Body::text("x") });
    for odd in [&long, &large] {
        assert_eq!(name(&discord.post(odd).await), "reshape");
        assert_eq!(name(&discord.edit(&shown("9"), odd).await), "reshape");
    }
    for address in [Address::channel("slack", "12"), Address::channel("discord", "ops")] {
        let odd = Envelope { address: address.clone(), ..envelope(Body::text("x")) };
        assert_eq!(name(&discord.post(&odd).await), "gone");
        assert_eq!(name(&discord.probe(&address).await), "gone");
        assert!(matches!(discord.find(&odd, Timestamp(0)).await, Found::Refused(NotSurfaced::Gone(_))));
    }
    assert_eq!(name(&discord.edit(&shown("none"), &envelope(Body::text("x"))).await), "fallback");
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn progress_parks_nobody_when_it_is_held() {
    let full = ok(json!({"id": "9"})).limited("5", "1", "4");
    let (discord, server) = with([full, ok(json!({"id": "9"}))]).await;
    let of = |kind| Envelope { kind, ..envelope(Body::text("x")) };
    assert_eq!(name(&discord.edit(&shown("9"), &of(EnvelopeKind::Progress)).await), "surfaced");
    assert_eq!(name(&discord.edit(&shown("9"), &of(EnvelopeKind::Progress)).await), "retry");
    assert_eq!(server.seen().len(), 1, "the last calls are kept");
    assert_eq!(name(&discord.edit(&shown("9"), &of(EnvelopeKind::Content)).await), "surfaced");
}

#[tokio::test]
async fn an_empty_bucket_is_a_wait_of_the_route() {
    let (discord, server) = with([ok(json!({"id": "9"})).limited("5", "0", "4")]).await;
    let content = Envelope { kind: EnvelopeKind::Content, ..envelope(Body::text("x")) };
    assert_eq!(name(&discord.post(&content).await), "surfaced");
    let wait = NotSurfaced::RetryAfter { delay: Duration::from_secs(4), scope: Scope::Route };
    assert_eq!(discord.post(&content).await, wait.into());
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn plain_messages_are_counted() {
    let (discord, server) = with([ok(json!({"id": "9"})), ok(json!({"id": "10"})), ok(json!({"id": "11"}))]).await;
    assert_eq!(name(&discord.post(&envelope(Body::text("**rich**"))).await), "surfaced");
    assert_eq!(discord.plain_messages(), 0);
    let plain = Body { plain: true, ..Body::text("https://x.org **as it stands**") };
    assert_eq!(name(&discord.post(&envelope(plain)).await), "surfaced");
    assert_eq!(server.last().json()["content"], json!("https[:]//x.org \\*\\*as it stands\\*\\*"));
    assert_eq!(name(&discord.post(&envelope(Body::text("*".repeat(1_500)))).await), "surfaced");
    assert_eq!(server.last().json()["content"], json!("*".repeat(1_500)));
    assert_eq!(discord.plain_messages(), 2);
}

#[tokio::test]
async fn a_plain_message_counts_once_and_only_when_it_was_shown() {
    let id = || ok(json!({"id": "9"}));
    let replies = [refusal(403, 50_001), Reply::new(502, ""), id(), refusal(404, 10_008), id(), id(), id()];
    let (discord, _server) = with(replies).await;
    let plain = |text: &str| envelope(Body { plain: true, ..Body::text(text) });
    assert_eq!(name(&discord.post(&plain("a")).await), "gone");
    assert_eq!(name(&discord.post(&plain("a")).await), "ambiguous");
    assert_eq!(discord.plain_messages(), 0, "nobody knows of a message");
    assert_eq!(name(&discord.post(&envelope(Body::text("On it"))).await), "surfaced");
    assert_eq!(name(&discord.edit(&shown("8"), &plain("a")).await), "fallback");
    assert_eq!(discord.plain_messages(), 0);
    for step in ["Working", "Working on", "Done"] {
        assert_eq!(name(&discord.edit(&shown("9"), &plain(step)).await), "surfaced");
        assert_eq!(discord.plain_messages(), 1, "{step}");
    }
}

fn page(from: u64, count: u64, me: &str) -> Value {
    (from..from + count).rev().map(|id| json!({"id": id.to_string(), "author": {"id": me}, "content": "x"})).collect()
}

#[tokio::test]
async fn a_create_is_found_by_its_mark_page_by_page() {
    let rows = json!([{"type": 1, "components": [{"type": 2, "custom_id": "c:k7f2|k1|0", "label": "Cancel"}]}]);
    let found = json!([{"id": "950", "author": {"id": "1"}, "content": "Working", "components": rows},
        {"id": "940", "author": {"id": "2"}, "content": "On it", "components": rows}]);
    let (discord, server) = with([ok(json!({"id": "1"})), ok(page(800, 100, "2")), ok(found)]).await;
    let cancel = Button::new("Cancel", Press::Cancel { id: "k7f2".into() });
    let stub = envelope(Body::text("On it").with_buttons(vec![cancel]));
    let since = Timestamp(1_772_442_000_000);
    assert_eq!(discord.find(&stub, since).await, Found::Here(shown("950")), "what another author wrote is not ours");
    let seen: Vec<String> = server.seen().into_iter().map(|request| request.path).collect();
    let before = crate::snowflake::Snowflake::before(since.minus(Duration::from_secs(300)));
    assert_eq!(seen[0], "/api/v10/users/@me");
    assert_eq!(seen[1], format!("/api/v10/channels/12/messages?after={before}&limit=100"));
    assert_eq!(seen[2], "/api/v10/channels/12/messages?after=899&limit=100");
}

#[tokio::test]
async fn what_is_not_in_the_history_is_absent_unless_nobody_can_tell() {
    let me = || ok(json!({"id": "1"}));
    let stub = envelope(Body::text("On it"));
    let (discord, _server) = with([me(), ok(page(800, 3, "1"))]).await;
    assert_eq!(discord.find(&stub, Timestamp(0)).await, Found::Absent);
    // An empty history may be one that the bot must not read.
    for (allowed, absent) in [(1_024_u64, false), (1_024 | 65_536, true)] {
        let channel = json!({"id": "12", "type": 0, "guild_id": "5"});
        let guild = json!({"id": "5", "owner_id": "3", "roles": [{"id": "5", "permissions": allowed.to_string()}]});
        let member = json!({"user": {"id": "1"}, "roles": []});
        let (discord, _server) = with([me(), ok(json!([])), ok(channel), ok(guild), ok(member)]).await;
        // A permission that is missing does not come by itself: it is no failure that passes.
        let expected = if absent { Found::Absent } else { Found::Cannot };
        assert_eq!(discord.find(&stub, Timestamp(0)).await, expected);
    }
    // In a direct message everything can be read.
    let (discord, _server) = with([me(), ok(json!([])), ok(json!({"id": "12", "type": 1}))]).await;
    assert_eq!(discord.find(&stub, Timestamp(0)).await, Found::Absent);
    for (reply, refused) in [(refusal(404, 10_003), "gone"), (Reply::new(502, "<html>"), "retry")] {
        let (discord, _server) = with([me(), reply]).await;
        let found = discord.find(&stub, Timestamp(0)).await;
        assert!(matches!(&found, Found::Refused(reason) if reason.name() == refused), "{found:?}");
    }
    let busy = std::iter::once(me()).chain((0..10).map(|at| ok(page(1_000 + at * 100, 100, "2"))));
    let (discord, server) = with(busy).await;
    assert!(matches!(discord.find(&stub, Timestamp(0)).await, Found::Unknown(_)));
    assert_eq!(server.seen().len(), 11);
}

#[tokio::test]
async fn a_probe_shows_nothing_and_names_what_is_missing() {
    let channel = |kind: u64| ok(json!({"id": "12", "type": kind, "guild_id": "5", "permission_overwrites": []}));
    let guild = |allowed: u64| {
        ok(json!({"id": "5", "owner_id": "3", "roles": [{"id": "5", "permissions": allowed.to_string()}]}))
    };
    let rest = |allowed| [ok(json!({"id": "1"})), guild(allowed), ok(json!({"user": {"id": "1"}, "roles": []}))];
    for (allowed, expected) in [(1_024 | 2_048, "silent"), (1_024, "gone")] {
        let (discord, server) = with(std::iter::once(channel(0)).chain(rest(allowed))).await;
        assert_eq!(name(&discord.probe(&place()).await), expected);
        assert!(server.seen().iter().all(|request| request.method == "GET"));
    }
    let (discord, _server) = with([ok(json!({"id": "12", "type": 1}))]).await;
    assert_eq!(name(&discord.probe(&place()).await), "silent", "a direct message");
    for (reply, expected) in [
        (refusal(404, 10_003), "gone"),
        (refusal(403, 50_001), "gone"),
        (refusal(401, 0), "stop_account"),
        (Reply::new(503, ""), "retry"),
        (ok(json!({"id": "12", "type": 15})), "gone"),
    ] {
        let (discord, _server) = with([reply]).await;
        assert_eq!(name(&discord.probe(&place()).await), expected);
    }
}

#[tokio::test]
async fn signs_are_given_and_promise_nothing() {
    let (discord, server) = with([Reply::new(204, ""), Reply::new(204, "")]).await;
    assert_eq!(name(&discord.status(&place(), &StatusUpdate::Thinking).await), "silent");
    assert_eq!(server.last().path, "/api/v10/channels/12/typing");
    let react = StatusUpdate::React { message: shown("9"), emoji: "👀".to_owned() };
    assert_eq!(discord.status(&place(), &react).await, DeliveryOutcome::Surfaced(shown("9")));
    let seen = server.last();
    let expected = "/api/v10/channels/12/messages/9/reactions/%F0%9F%91%80/@me";
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("PUT", expected));
    for quiet in [StatusUpdate::StopTyping, StatusUpdate::BranchStarted { label: "x".into() }] {
        assert_eq!(name(&discord.status(&place(), &quiet).await), "silent");
    }
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_sign_that_has_to_wait_makes_nothing_else_wait() {
    let limited = |scope: &str, global: bool| {
        let body = json!({"message": "You are being rate limited.", "retry_after": 7.0, "global": global});
        Reply::new(429, body.to_string()).with("x-ratelimit-scope", scope).with("retry-after", "7")
    };
    let full = Reply::new(204, "").limited("5", "1", "4");
    let (discord, server) = with([full, ok(json!({"id": "9"}))]).await;
    assert_eq!(name(&discord.status(&place(), &StatusUpdate::Thinking).await), "silent");
    assert_eq!(name(&discord.status(&place(), &StatusUpdate::Thinking).await), "retry", "held here");
    assert_eq!(server.seen().len(), 1);
    for scope in ["user", "shared"] {
        let (discord, _server) = with([limited(scope, false), ok(json!({"id": "9"}))]).await;
        for _ in 0..2 {
            assert_eq!(name(&discord.status(&place(), &StatusUpdate::Thinking).await), "retry", "{scope}");
        }
        assert_eq!(name(&discord.post(&envelope(Body::text("Done"))).await), "surfaced", "{scope}");
    }
    // What holds for the whole account is told, because it holds for messages, too.
    let (discord, _server) = with([limited("global", true)]).await;
    let wait = NotSurfaced::RetryAfter { delay: Duration::from_secs(7), scope: Scope::Account };
    assert_eq!(discord.status(&place(), &StatusUpdate::Thinking).await, wait.into());
}

#[tokio::test]
async fn a_note_is_a_direct_message() {
    let (discord, server) = with([ok(json!({"id": "50", "type": 1})), ok(json!({"id": "9"}))]).await;
    let note = StatusUpdate::Note { person: "77".into(), reply: Said::text("Only you see this.") };
    let expected = MessageRef { address: Address::channel("discord", "50"), message: "9".into() };
    assert_eq!(discord.status(&place(), &note).await, DeliveryOutcome::Surfaced(expected));
    let seen = server.seen();
    assert_eq!((seen[0].path.as_str(), seen[0].json()), ("/api/v10/users/@me/channels", json!({"recipient_id": "77"})));
    assert_eq!(seen[1].path, "/api/v10/channels/50/messages");
    let body = seen[1].json();
    assert_eq!(body["enforce_nonce"], true, "a repetition is recognised: {body}");
    assert!(body["nonce"].as_str().is_some_and(|nonce| (1..=25).contains(&nonce.len())), "{body}");
    let odd = StatusUpdate::Note { person: Person::new("ana", "Ana").id, reply: Said::text("x") };
    assert_eq!(name(&discord.status(&place(), &odd).await), "gone");
}
