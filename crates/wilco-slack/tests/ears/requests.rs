//! Slack speaks by requests in place of sockets: what is taken, and what is not.

use std::net::{Ipv4Addr, SocketAddr};

use wilco_core::{Address, Button, ListenEnd, Press};
use wilco_sim::slack::{Op, Settings, Ts, signature};
use wilco_slack::manifest::{Wanted, by_requests, manifest};
use wilco_slack::{Hears, Requests, Secret};

use super::stage::{Stage, seconds, what};

/// A port of this machine that nobody has.
fn free() -> SocketAddr {
    std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

impl Stage {
    /// A stage whose app is told everything by requests; and where the bot takes them.
    async fn told_by_requests(settings: Settings) -> (Self, SocketAddr) {
        let (stage, address) = (Self::with(settings).await, free());
        let wanted = Wanted { files: true, groups: true, join: true, assistant: false };
        let made = by_requests(manifest(wanted), "https://bot.example.com/slack");
        stage.fake.install(&stage.team, &made).unwrap();
        let signing_secret = Secret::new(stage.fake.signing_secret(&stage.team));
        let hears = Hears::Requests(Requests { address, signing_secret });
        (stage.changed(|options| options.hears = hears), address)
    }

    /// The same, once the bot listens and Slack has verified the address.
    async fn requested(settings: Settings) -> (Self, SocketAddr) {
        let (mut stage, address) = Self::told_by_requests(settings).await;
        stage.listen();
        stage.verified(address).await;
        (stage, address)
    }

    async fn verified(&self, address: SocketAddr) {
        let url = format!("http://{address}/slack");
        let verified = async {
            while self.fake.requests_to(&self.team, &url).await.is_err() {
                self.settle().await;
            }
        };
        self.patiently("a verified address", verified).await;
    }
}

fn usual() -> Settings {
    Settings { limits: false, ..Settings::default() }
}

#[tokio::test]
async fn messages_commands_and_buttons_come_by_requests_once_each() {
    let (mut stage, _) = Stage::requested(usual()).await;
    let ts = stage.mention(&stage.ana, &stage.general, "run report");
    let direct = stage.fake.whisper(&stage.bo, "jobs").unwrap();
    let typed = stage.slash(&stage.ops, "run report 50% & more");
    let button = Button::new("Cancel", Press::Cancel { id: "k7f2".into() });
    let message = stage.post(Address::channel("slack", stage.general.as_str()), vec![button]).await;
    let pressed = stage.fake.press(&stage.bo, Ts::read(&message.message).unwrap(), "Cancel").unwrap();
    let mut events: Vec<String> = stage.taken(4).await.into_iter().map(|one| one.event).collect();
    events.sort();
    let mut wanted = vec![
        format!("{}:{ts}", stage.general),
        format!("{}:{direct}", stage.fake.direct(&stage.bo).unwrap()),
        format!("trigger:{typed}"),
        format!("trigger:{pressed}"),
    ];
    wanted.sort();
    assert_eq!(events, wanted);
    stage.until_acknowledged().await;
    // A command is answered by the request itself.
    stage.until_told(&stage.ana, "Accepted").await;
    assert_eq!(stage.calls(Op::ConnectionsOpen), 0, "no socket is opened");
    stage.stop().await;
    assert_eq!(*stage.ends.lock().unwrap(), [ListenEnd::Stopped]);
    stage.no_deviations();
}

#[tokio::test]
async fn a_store_that_stalls_delays_no_answer_and_what_comes_again_is_known() {
    let (stage, _) = Stage::requested(usual()).await;
    stage.stall(true);
    let ts = stage.mention(&stage.ana, &stage.general, "run report");
    let typed = stage.slash(&stage.general, "run report");
    stage.settle().await;
    stage.pass(seconds(4), std::time::Duration::from_millis(100)).await;
    stage.until_acknowledged().await;
    stage.until_told(&stage.ana, "Heard, storing").await;
    let took = stage.fake.acknowledged_after();
    assert!(took.iter().all(|took| *took < seconds(3)), "{took:?}");
    stage.stall(false);
    let mut events: Vec<String> = stage.taken(2).await.into_iter().map(|one| one.event).collect();
    events.sort();
    assert_eq!(events, [format!("{}:{ts}", stage.general), format!("trigger:{typed}")]);
    stage.until_told(&stage.ana, "Accepted").await;
    stage.no_deviations();
}

#[tokio::test]
async fn what_was_written_while_no_process_stood_is_brought_again_or_read() {
    let (mut stage, address) = Stage::requested(Settings { retries: [seconds(1); 3], ..usual() }).await;
    let before = stage.mention(&stage.ana, &stage.general, "before");
    stage.taken(1).await;
    stage.until_acknowledged().await;
    stage.pass(seconds(20), seconds(5)).await;
    stage.dies().await;
    let missed = stage.mention(&stage.ana, &stage.general, "meanwhile");
    // Slack gives up after three more tries.
    stage.advance_until("nothing that comes again", seconds(1), |fake| fake.unacknowledged() == 0).await;
    assert_eq!(stage.fake.socket_counts().lost, 1);
    stage.listen();
    stage.verified(address).await;
    let taken = stage.taken(1).await;
    assert_eq!((taken[0].event.clone(), what(&taken[0])), (format!("{}:{missed}", stage.general), "meanwhile".into()));
    assert!(before < missed);
    stage.no_deviations();
}

#[tokio::test]
async fn what_slack_has_not_signed_is_refused_and_changes_nothing() {
    let (stage, address) = Stage::requested(usual()).await;
    let (client, url) = (reqwest::Client::builder().no_proxy().build().unwrap(), format!("http://{address}/slack"));
    let body = r#"{"type": "url_verification", "challenge": "word"}"#;
    let (now, secret) = (wilco_core::Clock::now(&*stage.clock).0 / 1_000, stage.fake.signing_secret(&stage.team));
    let send = async |at: i64, tag: String, body: String| {
        let request = client.post(&url).header("content-type", "application/json");
        let request = request.header("x-slack-request-timestamp", at.to_string()).header("x-slack-signature", tag);
        let answer = request.body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let good = signature(&secret, now, body);
    assert_eq!(send(now, good.clone(), body.to_owned()).await, (200, "word".to_owned()));
    let refused = (401, "only requests that Slack has signed are taken\n".to_owned());
    assert_eq!(send(now, good.clone(), body.replace("word", "other")).await, refused);
    assert_eq!(send(now + 1, good, body.to_owned()).await, refused);
    assert_eq!(send(now, signature("another", now, body), body.to_owned()).await, refused);
    let old = now - 301;
    assert_eq!(send(old, signature(&secret, old, body), body.to_owned()).await, refused);
    assert_eq!(client.post(&url).body(body).send().await.unwrap().status(), 401);
    assert_eq!(client.get(&url).send().await.unwrap().status(), 405);
    let large = "x".repeat((1 << 20) + 1);
    assert_eq!(client.post(&url).body(large.clone()).send().await.unwrap().status(), 401, "unread");
    assert_eq!(send(now, signature(&secret, now, &large), large).await.0, 413);
    // Signed, and nothing of Slack's, or of another workspace, for which it would come here for ever.
    assert_eq!(send(now, signature(&secret, now, "{}"), "{}".to_owned()).await.0, 400);
    let other = r#"{"type": "event_callback", "team_id": "T9", "event": {"type": "app_uninstalled"},
                    "authorizations": [{"team_id": "T9"}]}"#;
    assert_eq!(send(now, signature(&secret, now, other), other.to_owned()).await.0, 200);
    assert!(stage.inbox.offered().is_empty());
}

#[tokio::test]
async fn a_store_that_stalls_for_minutes_keeps_nobody_from_being_heard() {
    let (mut stage, _) = Stage::requested(usual()).await;
    stage.stall(true);
    stage.pass(seconds(180), seconds(5)).await;
    let typed = stage.slash(&stage.general, "run report");
    stage.pass(seconds(3), std::time::Duration::from_millis(100)).await;
    stage.until_acknowledged().await;
    assert!(stage.fake.interaction(&typed).unwrap().took.is_some_and(|took| took < seconds(3)));
    stage.stall(false);
    stage.taken(1).await;
    stage.stop().await;
    stage.no_deviations();
}

#[tokio::test]
async fn whoever_takes_their_time_holds_nobody_up() {
    let (mut stage, address) = Stage::requested(usual()).await;
    let mut idle = Vec::new();
    for _ in 0..256 {
        idle.push(tokio::net::TcpStream::connect(address).await.unwrap());
    }
    let ts = stage.mention(&stage.ana, &stage.general, "run report");
    stage.pass(seconds(11), seconds(1)).await;
    let taken = stage.taken(1).await;
    assert_eq!(taken[0].event, format!("{}:{ts}", stage.general));
    stage.stop().await;
    drop(idle);
}

#[tokio::test]
async fn events_that_slack_holds_back_are_read() {
    let (stage, address) = Stage::requested(usual()).await;
    stage.mention(&stage.ana, &stage.general, "before");
    stage.taken(1).await;
    stage.until_acknowledged().await;
    let read = stage.calls(Op::History);
    let (now, secret) = (wilco_core::Clock::now(&*stage.clock).0 / 1_000, stage.fake.signing_secret(&stage.team));
    let body = r#"{"type": "app_rate_limited", "minute_rate_limited": 1}"#;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.post(format!("http://{address}/")).header("content-type", "application/json");
    let request = request.header("x-slack-request-timestamp", now.to_string());
    let request = request.header("x-slack-signature", signature(&secret, now, body)).body(body);
    assert_eq!(request.send().await.unwrap().status(), 200);
    stage.advance_until("a look into the history", seconds(10), |fake| fake.calls(Op::History) > read).await;
    stage.no_deviations();
}

#[tokio::test]
async fn an_address_that_somebody_else_has_is_tried_again() {
    let (mut stage, address) = Stage::told_by_requests(usual()).await;
    let taken = std::net::TcpListener::bind(address).unwrap();
    stage.listen();
    let end = stage.ended(|end| matches!(end, ListenEnd::Lost(_))).await;
    let ListenEnd::Lost(cause) = end else { unreachable!("it was just matched") };
    assert_eq!(cause.code, "bind");
    assert!(cause.text.contains(&address.to_string()), "{}", cause.text);
    drop(taken);
}

#[tokio::test]
async fn a_token_that_was_taken_back_is_noticed_without_any_socket() {
    let (stage, _) = Stage::requested(usual()).await;
    stage.fake.refuse_tokens(&stage.team, Some("token_revoked"));
    stage.pass(seconds(660), seconds(30)).await;
    let end = stage.ended(|end| matches!(end, ListenEnd::NeedsPerson(_))).await;
    assert!(format!("{end:?}").contains("SLACK_BOT_TOKEN"), "{end:?}");
}
