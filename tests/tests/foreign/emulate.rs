//! The mouth of the Slack adapter before the Slack of the npm package `emulate`, which was made by other hands: whatever
//! the adapter says goes through a parser that is not ours.
//!
//! What that Slack lacks, and is therefore held against our own alone: Socket Mode, commands, buttons, shortcuts and
//! `response_url`; `file_ids` of `chat.update`, so that a file arrives and is not seen; the window and the pages of a
//! history; `invalid_auth`, since it takes every token that it does not know for an administrator's; limits of any kind;
//! the escapes of `&`, `<` and `>`; threads under messages that are not there.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use wilco_core::random::Dice;
use wilco_core::{
    Address, Body, Button, Clock, DeliveryKey, Envelope, EnvelopeKind, FileRef, Found, MessageRef, Messaging,
    NotSurfaced, Person, Press, Reply, StatusUpdate, Timestamp,
};
use wilco_sim::MemoryShelf;
use wilco_sim::clock::HandClock;
use wilco_slack::{Options, Secret, Slack};
use wilco_tests::real::Emulate;

use crate::mouths::{reason, surfaced};

/// Another bot there, as `start.mjs` names it.
const OTHER: &str = "xoxb-emulate-other";

/// That Slack, the adapter, and a client to look at what stands there.
struct Stand {
    slack: Emulate,
    adapter: Arc<Slack>,
    clock: Arc<HandClock>,
    client: reqwest::Client,
}

impl Stand {
    async fn new() -> Option<Self> {
        let slack = Emulate::start().await?;
        let clock = HandClock::new();
        let (bot, app) = (Secret::new(slack.token()), Secret::new("xapp-1-A1-unused"));
        let options = Options { api: slack.api().to_owned(), ..Options::new("slack", bot, app) };
        let dice = Arc::new(Dice::seeded(7));
        let adapter =
            Slack::new(options, Arc::<MemoryShelf>::default(), Arc::clone(&clock) as Arc<dyn Clock>, dice).unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Some(Self { slack, adapter, clock, client })
    }

    /// A call of somebody else.
    async fn call(&self, token: &str, method: &str, body: Value) -> Value {
        let request = self.client.post(format!("{}{method}", self.slack.api())).bearer_auth(token);
        let sent = request.header("content-type", "application/json; charset=utf-8").body(body.to_string()).send();
        serde_json::from_str(&sent.await.unwrap().text().await.unwrap()).unwrap()
    }

    /// What stands in the channel, the newest first.
    async fn history(&self) -> Vec<Value> {
        let body = json!({"channel": self.slack.channel()});
        let mut answer = self.call(self.slack.token(), "conversations.history", body).await;
        answer["messages"].as_array_mut().map(std::mem::take).unwrap_or_default()
    }

    fn place(&self) -> Address {
        Address::channel("slack", self.slack.channel())
    }

    fn envelope(&self, key: &str, kind: EnvelopeKind, body: Body) -> Envelope {
        Envelope { kind, ..Envelope::plain(self.place(), DeliveryKey::new(key), body) }
    }

    /// Posts after the second that a channel takes for one message.
    async fn posted(&self, envelope: &Envelope) -> MessageRef {
        self.clock.advance(Duration::from_secs(1));
        surfaced(self.adapter.post(envelope).await)
    }
}

#[tokio::test]
async fn a_message_is_posted_edited_and_found_by_its_key() {
    let Some(stand) = Stand::new().await else { return };
    let cancel = Button::new("Cancel", Press::Cancel { id: "k7f2".into() });
    let body = Body::text("On it · report · k7f2 & <more>").with_buttons(vec![cancel]);
    let stub = stand.envelope("k1", EnvelopeKind::Stub, body);
    let message = stand.posted(&stub).await;
    let shown = stand.history().await.remove(0);
    assert_eq!(shown["ts"], json!(message.message));
    assert_eq!(shown["text"], "On it · report · k7f2 &amp; &lt;more&gt;");
    assert_eq!(shown["blocks"][0]["text"]["text"], shown["text"]);
    assert_eq!(shown["blocks"][1]["elements"][0]["text"]["text"], "Cancel");
    assert_eq!(shown["metadata"]["event_payload"], json!({"k": "k1"}));

    assert_eq!(stand.adapter.find(&stub, Timestamp(0)).await, Found::Here(message.clone()));
    let other = stand.envelope("k2", EnvelopeKind::Stub, Body::text("On it · report · k7f2"));
    assert_eq!(stand.adapter.find(&other, Timestamp(0)).await, Found::Absent);

    let done = stand.envelope("k1", EnvelopeKind::Content, Body::text("Done · k7f2\n\n**All** is well"));
    for _ in 0..2 {
        assert_eq!(surfaced(stand.adapter.edit(&message, &done).await), message);
    }
    let history = stand.history().await;
    let ours: Vec<&Value> = history.iter().filter(|one| one["ts"] == json!(message.message)).collect();
    assert_eq!(ours.len(), 1);
    assert_eq!(ours[0]["blocks"][0]["text"]["text"], "Done · k7f2\n\n*All* is well");
    assert_eq!(ours[0]["blocks"].as_array().map(Vec::len), Some(1), "the button is gone");
    assert_eq!(stand.adapter.find(&stub, Timestamp(0)).await, Found::Here(message));
}

#[tokio::test]
async fn a_ping_names_its_person_and_a_thread_keeps_to_itself() {
    let Some(stand) = Stand::new().await else { return };
    let root = stand.posted(&stand.envelope("k1", EnvelopeKind::Stub, Body::text("On it · report · k7f2"))).await;
    let ana = Person::new(stand.slack.person(), "ana");
    let ping =
        stand.envelope("k2", EnvelopeKind::Ping, Body { mention: Some(ana), ..Body::text("done: report (k7f2)") });
    stand.posted(&ping).await;
    let words = format!("<@{}> done: report (k7f2)", stand.slack.person());
    assert_eq!(stand.history().await[0]["blocks"][0]["text"]["text"], json!(words));

    let thread = stand.place().in_thread(root.message.clone());
    let reply =
        Envelope { address: thread.clone(), ..stand.envelope("k3", EnvelopeKind::Stub, Body::text("On it · p6j8")) };
    let answer = stand.posted(&reply).await;
    assert_eq!(answer.address, thread);
    assert_eq!(stand.adapter.find(&reply, Timestamp(0)).await, Found::Here(answer.clone()));
    let body = json!({"channel": stand.slack.channel(), "ts": root.message});
    let replies = stand.call(stand.slack.token(), "conversations.replies", body).await;
    let of_thread = |one: &&Value| one["ts"] == json!(answer.message);
    let found = replies["messages"].as_array().into_iter().flatten().find(of_thread).expect("it stands in the thread");
    assert_eq!(found["thread_ts"], json!(root.message));
    assert_eq!(reason(stand.adapter.probe(&thread).await), NotSurfaced::Silent);
    assert_eq!(reason(stand.adapter.probe(&stand.place()).await), NotSurfaced::Silent);
}

#[tokio::test]
async fn notes_reactions_and_direct_messages_arrive() {
    let Some(stand) = Stand::new().await else { return };
    let message = stand.posted(&stand.envelope("k1", EnvelopeKind::Stub, Body::text("On it · report · k7f2"))).await;
    let react = StatusUpdate::React { message: message.clone(), emoji: "👀".to_owned() };
    for _ in 0..2 {
        assert_eq!(surfaced(stand.adapter.status(&stand.place(), &react).await), message, "also a second time");
    }
    assert_eq!(stand.history().await[0]["reactions"][0]["name"], "eyes");
    let note = StatusUpdate::Note { person: stand.slack.person().to_owned(), reply: Reply::text("Only you see this.") };
    let before = stand.history().await.len();
    assert_eq!(surfaced(stand.adapter.status(&stand.place(), &note).await).address, stand.place());
    assert_eq!(stand.history().await.len(), before, "nobody else sees it");
    // Where the person is no member they read it in their direct messages.
    let made = stand.call(OTHER, "conversations.create", json!({"name": "elsewhere"})).await;
    let elsewhere = made["channel"]["id"].as_str().unwrap_or_else(|| panic!("{made}"));
    stand.call(stand.slack.token(), "conversations.join", json!({"channel": elsewhere})).await;
    let there = Address::channel("slack", elsewhere);
    let direct = surfaced(stand.adapter.status(&there, &note).await).address;
    assert!(direct.channel.starts_with('D'), "{direct}");
}

#[tokio::test]
async fn a_file_is_sent_by_the_three_steps_of_an_upload() {
    let Some(stand) = Stand::new().await else { return };
    let message = stand.posted(&stand.envelope("k1", EnvelopeKind::Stub, Body::text("On it · report · k7f2"))).await;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("report.md");
    std::fs::write(&path, b"all of it").unwrap();
    let file = FileRef { name: "report.md".to_owned(), path, size: 9 };
    let body = Body { file: Some(file), ..Body::text("File · k7f2 · report.md (9 B)") };
    // The edit that names the file passes, although that Slack does not show it.
    let fill = stand.envelope("k2", EnvelopeKind::File, body);
    for _ in 0..2 {
        assert_eq!(surfaced(stand.adapter.edit(&message, &fill).await), message);
    }
    assert_eq!(stand.history().await[0]["text"], "File · k7f2 · report.md (9 B)");
    let files = stand.call(stand.slack.token(), "files.list", json!({})).await;
    let all: Vec<_> = files["files"].as_array().into_iter().flatten().map(|one| (&one["name"], &one["size"])).collect();
    assert_eq!(all, [(&json!("report.md"), &json!(9))], "it was sent once");
}

#[tokio::test]
async fn its_errors_are_called_what_they_are() {
    let Some(stand) = Stand::new().await else { return };
    let text = |key: &str| stand.envelope(key, EnvelopeKind::Stub, Body::text("On it · report · k7f2"));
    let nowhere = Address::channel("slack", "C0NOWHERE");
    let post = |address: &Address| Envelope { address: address.clone(), ..text("k1") };
    for outcome in [stand.adapter.post(&post(&nowhere)).await, stand.adapter.probe(&nowhere).await] {
        let gone = reason(outcome);
        assert!(matches!(&gone, NotSurfaced::Gone(cause) if cause.code == "channel_not_found"), "{gone:?}");
    }
    let made = stand.call(OTHER, "conversations.create", json!({"name": "theirs", "is_private": true})).await;
    let foreign = Address::channel("slack", made["channel"]["id"].as_str().unwrap_or_else(|| panic!("{made}")));
    let gone = reason(stand.adapter.post(&post(&foreign)).await);
    assert!(matches!(&gone, NotSurfaced::Gone(cause) if cause.code == "not_in_channel"), "{gone:?}");

    // Nobody's message, and somebody else's.
    let lost = MessageRef { address: stand.place(), message: "1750000000.000001".to_owned() };
    let said = stand.call(OTHER, "conversations.join", json!({"channel": stand.slack.channel()})).await;
    assert_eq!(said["ok"], true, "{said}");
    let said = stand.call(OTHER, "chat.postMessage", json!({"channel": stand.slack.channel(), "text": "mine"})).await;
    let theirs =
        MessageRef { message: said["ts"].as_str().unwrap_or_else(|| panic!("{said}")).to_owned(), ..lost.clone() };
    for (message, code) in [(lost, "message_not_found"), (theirs, "cant_update_message")] {
        let answer = reason(stand.adapter.edit(&message, &text("k1")).await);
        assert!(matches!(&answer, NotSurfaced::Fallback(cause) if cause.code == code), "{answer:?}");
    }

    let archived = stand.call(OTHER, "conversations.archive", json!({"channel": stand.slack.channel()})).await;
    assert_eq!(archived["ok"], true, "{archived}");
    stand.clock.advance(Duration::from_secs(1));
    for outcome in [stand.adapter.post(&text("k9")).await, stand.adapter.probe(&stand.place()).await] {
        let gone = reason(outcome);
        assert!(matches!(&gone, NotSurfaced::Gone(cause) if cause.code == "is_archived"), "{gone:?}");
    }
}
