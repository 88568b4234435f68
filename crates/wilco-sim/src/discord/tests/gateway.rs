//! The gateway, met by a bare WebSocket client.

use std::time::Duration;

use flate2::{Decompress, FlushDecompress};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::Stage;
use crate::discord::{GatewayFault, GatewayRule, Moment, Op, Settings, intents};

/// What a client heard.
#[derive(Debug)]
enum Heard {
    Payload(Value),
    Closed(u16),
    /// The socket ended without a close frame.
    Gone,
}

struct Client {
    socket: WebSocketStream<TcpStream>,
    stream: Option<Decompress>,
    seq: Option<u64>,
}

const ALL: u64 = intents::GUILDS | intents::GUILD_MESSAGES | intents::DIRECT_MESSAGES | intents::MESSAGE_CONTENT;

impl Client {
    async fn connect(stage: &Stage, query: &str) -> Self {
        Self::try_connect(stage, query).await.unwrap()
    }

    async fn try_connect(stage: &Stage, query: &str) -> Result<Self, tokio_tungstenite::tungstenite::Error> {
        let address = stage.discord.base().replacen("http://", "", 1);
        let tcp = TcpStream::connect(&address).await.unwrap();
        let (socket, _) = client_async(format!("ws://{address}/?{query}"), tcp).await?;
        let stream = query.contains("zlib-stream").then(|| Decompress::new(true));
        Ok(Self { socket, stream, seq: None })
    }

    /// A client that has said who it is and has heard READY and its guild.
    async fn ready(stage: &Stage, intents: u64) -> (Self, Value) {
        let mut client = Self::connect(stage, "v=10&encoding=json").await;
        let ready = client.identify(stage, intents).await;
        client.event("GUILD_CREATE").await;
        (client, ready)
    }

    async fn say(&mut self, op: u64, data: Value) {
        self.socket.send(Message::Text(json!({"op": op, "d": data}).to_string())).await.unwrap();
    }

    async fn hear(&mut self) -> Heard {
        let text = match self.socket.next().await {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Binary(bytes))) => match &mut self.stream {
                Some(stream) => {
                    let mut text = Vec::with_capacity(1 << 16);
                    stream.decompress_vec(&bytes, &mut text, FlushDecompress::Sync).unwrap();
                    String::from_utf8(text).unwrap()
                }
                None => {
                    let mut text = String::new();
                    let mut reader = flate2::read::ZlibDecoder::new(bytes.as_slice());
                    std::io::Read::read_to_string(&mut reader, &mut text).unwrap();
                    text
                }
            },
            Some(Ok(Message::Close(frame))) => return Heard::Closed(frame.map_or(1005, |frame| frame.code.into())),
            Some(Err(_)) | None => return Heard::Gone,
            Some(Ok(other)) => panic!("{other:?}"),
        };
        let payload: Value = serde_json::from_str(&text).unwrap();
        self.seq = payload["s"].as_u64().or(self.seq);
        Heard::Payload(payload)
    }

    async fn payload(&mut self) -> Value {
        match self.hear().await {
            Heard::Payload(payload) => payload,
            other @ (Heard::Closed(_) | Heard::Gone) => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn expect(payload: &Value, name: &str) -> Value {
        assert_eq!((&payload["op"], &payload["t"]), (&json!(0), &json!(name)), "{payload}");
        payload["d"].clone()
    }

    async fn event(&mut self, name: &str) -> Value {
        Self::expect(&self.payload().await, name)
    }

    async fn hello(&mut self) {
        assert_eq!(self.payload().await["op"], 10);
    }

    async fn identify(&mut self, stage: &Stage, intents: u64) -> Value {
        self.hello().await;
        self.say(2, identify(&stage.discord.token(), intents)).await;
        self.event("READY").await
    }

    async fn closed(mut self) -> u16 {
        loop {
            match self.hear().await {
                Heard::Closed(code) => return code,
                Heard::Gone => return 0,
                Heard::Payload(_) => {}
            }
        }
    }
}

fn identify(token: &str, intents: u64) -> Value {
    let properties = json!({"os": "linux", "browser": "test", "device": "test"});
    json!({"token": token, "properties": properties, "intents": intents})
}

fn resume(stage: &Stage, ready: &Value, seq: Option<u64>) -> Value {
    json!({"token": stage.discord.token(), "session_id": ready["session_id"], "seq": seq})
}

#[tokio::test]
async fn a_session_begins_hears_events_and_is_resumed_with_a_replay() {
    let stage = Stage::new().await;
    let (mut client, ready) = Client::ready(&stage, ALL).await;
    assert_eq!((&ready["v"], &ready["user"]["username"]), (&json!(10), &json!("wilco")));
    assert_eq!(ready["guilds"], json!([{"id": stage.guild.to_string(), "unavailable": true}]));
    client.say(1, json!(client.seq)).await;
    assert_eq!(client.payload().await["op"], 11);
    stage.discord.say(stage.ana, stage.general, "one").unwrap();
    let event = client.event("MESSAGE_CREATE").await;
    assert_eq!((&event["content"], &event["guild_id"]), (&json!("one"), &json!(stage.guild.to_string())));
    assert_eq!(event["member"]["roles"], json!([]));
    let seq = client.seq;

    assert_eq!(stage.discord.gateway_now(&GatewayFault::Drop), 1);
    assert!(matches!(client.hear().await, Heard::Gone));
    stage.discord.until(|discord| discord.listening() == 0).await;
    stage.discord.say(stage.ana, stage.general, "two").unwrap();
    stage.discord.say(stage.ana, stage.general, "three").unwrap();
    let mut again = Client::connect(&stage, "v=10&encoding=json").await;
    again.hello().await;
    again.say(6, resume(&stage, &ready, seq)).await;
    assert_eq!(again.event("MESSAGE_CREATE").await["content"], "two");
    assert_eq!(again.event("MESSAGE_CREATE").await["content"], "three");
    again.event("RESUMED").await;
    stage.discord.say(stage.ana, stage.general, "four").unwrap();
    assert_eq!(again.event("MESSAGE_CREATE").await["content"], "four");
    let counts = stage.discord.gateway_counts();
    assert_eq!(
        (counts.identifies, counts.resumes, counts.resumed, counts.replayed, counts.heartbeats),
        (1, 1, 1, 2, 1)
    );
    stage.nothing_deviated();
}

#[tokio::test]
async fn a_session_that_nobody_resumes_in_time_is_gone() {
    let stage = Stage::new().await;
    let (client, ready) = Client::ready(&stage, ALL).await;
    let seq = client.seq;
    drop(client);
    stage.discord.until(|discord| discord.listening() == 0).await;
    stage.pass(121);
    let mut again = Client::connect(&stage, "v=10").await;
    again.hello().await;
    again.say(6, resume(&stage, &ready, seq)).await;
    let answer = again.payload().await;
    assert_eq!((&answer["op"], &answer["d"]), (&json!(9), &json!(false)));
    // The same connection may identify then.
    again.say(2, identify(&stage.discord.token(), ALL)).await;
    again.event("READY").await;

    // A close with 1000 ends the session at once.
    let ready_again = again.event("GUILD_CREATE").await;
    assert!(ready_again["channels"].is_array());
    again.socket.close(Some(close_frame(1000))).await.unwrap();
    stage.discord.until(|discord| discord.listening() == 0).await;
    assert_eq!(stage.discord.with(|state, _| state.gateway.sessions.len()), 0);
}

fn close_frame(code: u16) -> tokio_tungstenite::tungstenite::protocol::CloseFrame<'static> {
    tokio_tungstenite::tungstenite::protocol::CloseFrame { code: code.into(), reason: "".into() }
}

#[tokio::test]
async fn both_ways_of_compression_are_read_back() {
    let stage = Stage::new().await;
    let mut stream = Client::connect(&stage, "v=10&encoding=json&compress=zlib-stream").await;
    stream.identify(&stage, ALL).await;
    assert_eq!(stream.event("GUILD_CREATE").await["name"], "Workshop");
    let mut each = Client::connect(&stage, "v=10&encoding=json").await;
    each.hello().await;
    let mut data = identify(&stage.discord.token(), ALL);
    data["compress"] = json!(true);
    each.say(2, data).await;
    each.event("READY").await;
    assert_eq!(each.event("GUILD_CREATE").await["name"], "Workshop");
    let long = "ü".repeat(1_000);
    stage.discord.say(stage.ana, stage.general, &long).unwrap();
    assert_eq!(stream.event("MESSAGE_CREATE").await["content"], long);
    assert_eq!(each.event("MESSAGE_CREATE").await["content"], long);
    stage.nothing_deviated();
}

#[tokio::test]
async fn what_a_client_does_wrong_closes_with_discords_code() {
    let settings = Settings { privileged: intents::MESSAGE_CONTENT, ..Settings::default() };
    let stage = Stage::with(settings).await;
    let token = stage.discord.token();
    for (query, op, data, code) in [
        ("v=9", 1, json!(null), 4012),
        ("v=10&encoding=etf", 1, json!(null), 4002),
        ("v=10", 99, json!(null), 4001),
        ("v=10", 2, json!({"token": token}), 4002),
        ("v=10", 3, json!({}), 4003),
        ("v=10", 2, identify("wrong", ALL), 4004),
        ("v=10", 2, identify(&token, 1 << 40), 4013),
        ("v=10", 2, identify(&token, ALL | intents::GUILD_PRESENCES), 4014),
        ("v=10", 6, json!({"token": "wrong", "session_id": "x", "seq": 1}), 4004),
    ] {
        let mut client = Client::connect(&stage, query).await;
        client.say(op, data.clone()).await;
        assert_eq!(client.closed().await, code, "{query} {op} {data}");
    }
    let (mut twice, ready) = Client::ready(&stage, ALL).await;
    twice.say(2, identify(&token, ALL)).await;
    assert_eq!(twice.closed().await, 4005);
    let mut ahead = Client::connect(&stage, "v=10").await;
    ahead.say(6, resume(&stage, &ready, Some(1_000))).await;
    assert_eq!(ahead.closed().await, 4007);
    let (mut chatty, _) = Client::ready(&stage, ALL).await;
    for _ in 0..120 {
        chatty.say(1, json!(null)).await;
    }
    assert_eq!(chatty.closed().await, 4008);
    let (silent, _) = Client::ready(&stage, ALL).await;
    stage.pass(83);
    assert_eq!(silent.closed().await, 4009);
    let (listening, _) = Client::ready(&stage, ALL).await;
    stage.discord.revoke(true);
    assert_eq!(listening.closed().await, 4004);
    let codes = [4012, 4002, 4001, 4002, 4003, 4004, 4013, 4014, 4004, 4005, 4007, 4008, 4009, 4004];
    assert_eq!(stage.discord.closes(), codes);
    assert_eq!(stage.discord.forgive().len(), 2, "the IDENTIFY without two fields");
}

#[tokio::test]
async fn sessions_are_told_what_their_intents_allow() {
    let stage = Stage::new().await;
    let (mut bare, _) = Client::ready(&stage, intents::GUILDS).await;
    let (mut deaf, _) = Client::ready(&stage, intents::GUILDS | intents::GUILD_MESSAGES).await;
    let (mut whole, _) = Client::ready(&stage, ALL).await;
    stage.discord.say(stage.ana, stage.general, "secret").unwrap();
    let named = format!("<@{}> hello", stage.discord.bot());
    stage.discord.say(stage.ana, stage.general, &named).unwrap();
    let own = stage.post(&json!({"content": "mine"})).await.id();
    let direct = stage.discord.direct(stage.ana);
    stage.discord.say(stage.ana, direct, "psst").unwrap();
    stage.discord.delete(own);
    for content in ["secret", &named, "mine", "psst"] {
        assert_eq!(whole.event("MESSAGE_CREATE").await["content"], content);
    }
    whole.event("MESSAGE_DELETE").await;
    for content in ["", &named, "mine"] {
        assert_eq!(deaf.event("MESSAGE_CREATE").await["content"], content);
    }
    deaf.event("MESSAGE_DELETE").await;
    // What the bot may not see it is not told, and a channel of the guild is told to everybody else.
    stage.discord.deny_bot(stage.general, crate::discord::permissions::VIEW_CHANNEL);
    stage.discord.say(stage.ana, stage.general, "behind the curtain").unwrap();
    let made = stage.discord.add_channel(stage.guild, "new");
    for client in [&mut bare, &mut deaf, &mut whole] {
        assert_eq!(client.event("CHANNEL_CREATE").await["id"], made.to_string());
    }
    stage.discord.kick_bot(stage.guild);
    assert_eq!(bare.event("GUILD_DELETE").await["id"], stage.guild.to_string());
}

#[tokio::test]
async fn the_gateways_script_refuses_stalls_deafens_and_orders() {
    let stage = Stage::new().await;
    let rule = |moment, fault| stage.discord.gateway_fault(GatewayRule::new(moment, fault));
    rule(Moment::Connect, GatewayFault::Refuse);
    assert!(Client::try_connect(&stage, "v=10").await.is_err());
    rule(Moment::Connect, GatewayFault::Drop);
    assert!(Client::try_connect(&stage, "v=10").await.is_err());
    rule(Moment::Connect, GatewayFault::Stall);
    let stalled = tokio::select! {
        biased;
        _ = Client::try_connect(&stage, "v=10") => false,
        () = stage.discord.until(|discord| discord.gateway_counts().connections == 3) => true,
    };
    assert!(stalled, "the handshake does not end");
    rule(Moment::Hello, GatewayFault::Close { code: 4000 });
    assert_eq!(Client::connect(&stage, "v=10").await.closed().await, 4000);
    rule(Moment::Identify, GatewayFault::InvalidSession { resumable: false });
    let mut client = Client::connect(&stage, "v=10").await;
    client.hello().await;
    client.say(2, identify(&stage.discord.token(), ALL)).await;
    assert_eq!(client.payload().await["op"], 9);
    client.say(2, identify(&stage.discord.token(), ALL)).await;
    client.event("READY").await;
    client.event("GUILD_CREATE").await;

    stage.discord.gateway_now(&GatewayFault::Reconnect);
    assert_eq!(client.payload().await["op"], 7);
    stage.discord.gateway_now(&GatewayFault::Deaf);
    stage.discord.until(|discord| discord.state().gateway.connections.values().any(|one| one.deaf)).await;
    client.say(1, json!(null)).await;
    stage.discord.say(stage.ana, stage.general, "unheard").unwrap();
    let silence = tokio::select! {
        biased;
        heard = client.hear() => panic!("{heard:?}"),
        () = async { for _ in 0..50 { tokio::task::yield_now().await } } => true,
    };
    assert!(silence);
    assert_eq!(stage.discord.gateway_counts().heartbeats, 0);
    drop(client);
    stage.discord.until(|discord| discord.listening() == 0).await;
}

#[tokio::test]
async fn starts_of_sessions_are_paced_counted_and_end_with_a_reset_of_the_token() {
    let settings =
        Settings { session_starts: 3, identify_pace: Duration::from_secs(5), limits: false, ..Settings::default() };
    let stage = Stage::with(settings).await;
    let left = async || stage.get("/gateway/bot").await.body["session_start_limit"]["remaining"].clone();
    assert_eq!(left().await, 3);
    let mut client = Client::connect(&stage, "v=10").await;
    client.identify(&stage, ALL).await;
    assert_eq!(left().await, 2);
    let mut hasty = Client::connect(&stage, "v=10").await;
    hasty.hello().await;
    hasty.say(2, identify(&stage.discord.token(), ALL)).await;
    assert_eq!(hasty.payload().await["op"], 9);
    stage.pass(5);
    hasty.say(2, identify(&stage.discord.token(), ALL)).await;
    hasty.event("READY").await;
    assert_eq!(left().await, 0);
    stage.pass(5);
    let mut last = Client::connect(&stage, "v=10").await;
    last.say(2, identify(&stage.discord.token(), ALL)).await;
    assert_eq!(last.closed().await, 4004);
    assert_eq!(stage.get("/gateway/bot").await.code(), (401, 0));
    assert_eq!(stage.discord.calls(Op::GetGatewayBot), 4);
}

#[tokio::test]
async fn members_are_chunked_on_request() {
    let stage = Stage::new().await;
    let (mut client, _) = Client::ready(&stage, ALL | intents::GUILD_MEMBERS).await;
    client.say(8, json!({"guild_id": stage.guild.to_string(), "query": "", "limit": 0, "nonce": "n"})).await;
    let chunk = client.event("GUILD_MEMBERS_CHUNK").await;
    assert_eq!((chunk["members"].as_array().unwrap().len(), &chunk["nonce"]), (3, &json!("n")));
}
