//! One gateway connection: the handshake, what is heard, what is sent, and what goes wrong with it.

use std::collections::VecDeque;
use std::future;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, Response, StatusCode, header};
use futures::{SinkExt, StreamExt};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::frames::Packing;
use super::script::{GatewayFault, Moment, at};
use super::start::Refused;
use crate::discord::FakeDiscord;
use crate::server::line::Cut;
use crate::server::travel::{plain, read_query};

/// How many payloads a connection may send in a minute.
const PAYLOADS: usize = 120;

/// Answers the request for a WebSocket, and carries it on in the background.
pub(in crate::discord) async fn upgrade(discord: FakeDiscord, cut: Cut, mut request: Request) -> Response<Body> {
    let (number, fault) = discord.with(|state, _| {
        let fault = at(&mut state.gateway.rules, Moment::Connect);
        (state.gateway.open(), fault)
    });
    let gone = || discord.with(|state, now| state.gateway.closed(number, now.monotonic));
    match fault {
        Some(GatewayFault::Refuse) => {
            gone();
            return plain(StatusCode::SERVICE_UNAVAILABLE, "no gateway here");
        }
        Some(GatewayFault::Stall) => {
            gone();
            return future::pending().await;
        }
        Some(GatewayFault::Drop) => {
            gone();
            cut.close();
            return plain(StatusCode::SERVICE_UNAVAILABLE, "");
        }
        Some(
            fault @ (GatewayFault::Deaf
            | GatewayFault::Reconnect
            | GatewayFault::InvalidSession { .. }
            | GatewayFault::Close { .. }),
        ) => discord.with(|state, _| {
            if let Some(line) = state.gateway.connections.get_mut(&number) {
                line.orders.push_back(fault);
            }
        }),
        None => {}
    }
    let query = read_query(request.uri().query().unwrap_or_default());
    let key = request.headers().get(header::SEC_WEBSOCKET_KEY).map(|key| derive_accept_key(key.as_bytes()));
    let accept = key.and_then(|key| HeaderValue::try_from(key).ok());
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else {
            discord.with(|state, now| state.gateway.closed(number, now.monotonic));
            return;
        };
        let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
        Line::new(discord, cut, number, socket, &query).run().await;
    });
    let mut response = plain(StatusCode::SWITCHING_PROTOCOLS, "");
    let headers = response.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    if let Some(accept) = accept {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    response
}

/// Whether a connection goes on.
enum Next {
    On,
    /// It is over, and the session may be resumed.
    Over,
    /// It is over, and so is its session: the client closed it with 1000 or 1001.
    Finished,
}

struct Line {
    discord: FakeDiscord,
    cut: Cut,
    number: u64,
    socket: WebSocketStream<TokioIo<Upgraded>>,
    packing: Packing,
    version: Option<String>,
    encoding: Option<String>,
    session: Option<String>,
    /// How many events of the session this connection has sent, or need not send.
    sent: usize,
    /// Until when the next heartbeat has to come.
    beat_due: Duration,
    heard: VecDeque<Duration>,
}

impl Line {
    fn new(
        discord: FakeDiscord,
        cut: Cut,
        number: u64,
        socket: WebSocketStream<TokioIo<Upgraded>>,
        query: &[(String, String)],
    ) -> Self {
        let word = |wanted: &str| query.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
        let streams = word("compress").as_deref() == Some("zlib-stream");
        let packing = if streams { Packing::stream() } else { Packing::Plain };
        let (version, encoding) = (word("v"), word("encoding"));
        let mut line = Self {
            discord,
            cut,
            number,
            socket,
            packing,
            version,
            encoding,
            session: None,
            sent: 0,
            beat_due: Duration::MAX,
            heard: VecDeque::new(),
        };
        line.beat();
        line
    }

    /// The next heartbeat may take twice as long as was said.
    fn beat(&mut self) {
        let every = self.discord.state().settings.heartbeat;
        self.beat_due = self.discord.clock().monotonic() + every * 2;
    }

    async fn run(mut self) {
        let next = match self.hello().await {
            Ok(Next::On) => self.carry().await,
            Ok(next) => Ok(next),
            Err(error) => Err(error),
        };
        let finished = matches!(next, Ok(Next::Finished));
        let (number, session) = (self.number, self.session.take());
        self.discord.with(|state, now| {
            state.gateway.closed(number, now.monotonic);
            if finished && let Some(session) = session {
                state.gateway.sessions.remove(&session);
            }
        });
    }

    async fn hello(&mut self) -> Result<Next, Error> {
        if let Some(fault) = self.discord.with(|state, _| at(&mut state.gateway.rules, Moment::Hello)) {
            return self.suffer(fault).await;
        }
        if self.version.as_deref() != Some("10") {
            return self.close(4012).await;
        }
        if self.encoding.as_deref().is_some_and(|encoding| encoding != "json") {
            return self.close(4002).await;
        }
        let every = self.discord.state().settings.heartbeat.as_millis();
        self.send(&json!({"op": 10, "s": null, "t": null, "d": {"heartbeat_interval": every, "_trace": []}})).await?;
        Ok(Next::On)
    }

    async fn carry(&mut self) -> Result<Next, Error> {
        let clock = Arc::clone(self.discord.clock());
        let shared = Arc::clone(&self.discord.0);
        loop {
            let change = shared.changes.notified();
            tokio::pin!(change);
            change.as_mut().enable();
            let order =
                self.discord.state().gateway.connections.get_mut(&self.number).and_then(|one| one.orders.pop_front());
            if let Some(order) = order {
                match self.suffer(order).await? {
                    Next::On => continue,
                    over @ (Next::Over | Next::Finished) => return Ok(over),
                }
            }
            if self.discord.state().revoked && self.session.is_some() {
                return self.close(4004).await;
            }
            self.tell().await?;
            tokio::select! {
                biased;
                frame = self.socket.next() => {
                    let Some(frame) = frame else { return Ok(Next::Over) };
                    match self.hear(frame?).await? {
                        Next::On => {}
                        over @ (Next::Over | Next::Finished) => return Ok(over),
                    }
                }
                () = &mut change => {}
                () = clock.sleep_until(self.beat_due) => return self.close(4009).await,
            }
        }
    }

    /// Sends what the session was told meanwhile.
    async fn tell(&mut self) -> Result<(), Error> {
        let Some(session) = self.session.clone() else { return Ok(()) };
        loop {
            let next = {
                let state = self.discord.state();
                let known = state.gateway.sessions.get(&session).filter(|one| one.connection == Some(self.number));
                known.and_then(|known| known.events.get(self.sent).cloned())
            };
            let Some(next) = next else { return Ok(()) };
            let frame = self.packing.pack(&next);
            self.socket.send(frame).await?;
            self.sent += 1;
        }
    }

    async fn hear(&mut self, frame: Message) -> Result<Next, Error> {
        let text = match frame {
            Message::Text(text) => text,
            Message::Binary(bytes) => String::from_utf8(bytes).unwrap_or_default(),
            Message::Close(frame) => {
                let code = frame.map(|frame| u16::from(frame.code));
                return Ok(if matches!(code, Some(1000 | 1001)) { Next::Finished } else { Next::Over });
            }
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => return Ok(Next::On),
        };
        let now = self.discord.clock().monotonic();
        while self.heard.front().is_some_and(|at| now.saturating_sub(*at) >= Duration::from_mins(1)) {
            self.heard.pop_front();
        }
        self.heard.push_back(now);
        if self.heard.len() > PAYLOADS {
            return self.close(4008).await;
        }
        if text.len() > 4_096 {
            return self.close(4002).await;
        }
        let Ok(payload) = serde_json::from_str::<Value>(&text) else { return self.close(4002).await };
        match payload["op"].as_u64() {
            Some(1) => self.heartbeat().await,
            Some(2) => self.identify(&payload["d"]).await,
            Some(6) => self.resume(&payload["d"]).await,
            Some(3 | 4 | 8 | 31) if self.session.is_none() => self.close(4003).await,
            Some(8) => {
                let session = self.session.clone().unwrap_or_default();
                self.discord.with(|state, _| state.chunk(&session, &payload["d"]));
                Ok(Next::On)
            }
            // Presence, voice and sounds: taken, and nothing comes of them here.
            Some(3 | 4 | 31) => Ok(Next::On),
            Some(_) | None => self.close(4001).await,
        }
    }

    async fn heartbeat(&mut self) -> Result<Next, Error> {
        self.beat();
        let fault = self.discord.with(|state, _| {
            state.gateway.counts.heartbeats += 1;
            at(&mut state.gateway.rules, Moment::Heartbeat)
        });
        if let Some(fault) = fault {
            return self.suffer(fault).await;
        }
        self.send(&json!({"op": 11, "s": null, "t": null, "d": null})).await?;
        Ok(Next::On)
    }

    async fn identify(&mut self, data: &Value) -> Result<Next, Error> {
        if self.session.is_some() {
            return self.close(4005).await;
        }
        let number = self.number;
        if let Some(fault) = self.discord.with(|state, _| at(&mut state.gateway.rules, Moment::Identify)) {
            self.discord.with(|state, _| state.gateway.counts.identifies += 1);
            return self.suffer(fault).await;
        }
        match self.discord.with(|state, now| state.identify(number, data, now)) {
            Ok(id) => {
                if data["compress"] == true && matches!(self.packing, Packing::Plain) {
                    self.packing = Packing::Each;
                }
                self.session = Some(id);
                self.sent = 0;
                Ok(Next::On)
            }
            Err(refused) => self.refuse(refused).await,
        }
    }

    async fn resume(&mut self, data: &Value) -> Result<Next, Error> {
        if self.session.is_some() {
            return self.close(4005).await;
        }
        let number = self.number;
        if let Some(fault) = self.discord.with(|state, _| at(&mut state.gateway.rules, Moment::Resume)) {
            self.discord.with(|state, _| state.gateway.counts.resumes += 1);
            return self.suffer(fault).await;
        }
        match self.discord.with(|state, now| state.resume(number, data, now)) {
            Ok((id, seen)) => {
                let compress = self.discord.state().gateway.sessions.get(&id).is_some_and(|one| one.compress);
                if compress && matches!(self.packing, Packing::Plain) {
                    self.packing = Packing::Each;
                }
                self.session = Some(id);
                self.sent = seen;
                Ok(Next::On)
            }
            Err(refused) => self.refuse(refused).await,
        }
    }

    async fn refuse(&mut self, refused: Refused) -> Result<Next, Error> {
        match refused {
            Refused::Close(code) => self.close(code).await,
            Refused::Invalid => {
                self.send(&json!({"op": 9, "s": null, "t": null, "d": false})).await?;
                Ok(Next::On)
            }
        }
    }

    /// Something goes wrong with this connection.
    async fn suffer(&mut self, fault: GatewayFault) -> Result<Next, Error> {
        match fault {
            GatewayFault::Refuse | GatewayFault::Stall | GatewayFault::Drop => {
                self.cut.close();
                Ok(Next::Over)
            }
            GatewayFault::Deaf => self.deaf().await,
            GatewayFault::Reconnect => {
                self.send(&json!({"op": 7, "s": null, "t": null, "d": null})).await?;
                Ok(Next::On)
            }
            GatewayFault::InvalidSession { resumable } => {
                self.send(&json!({"op": 9, "s": null, "t": null, "d": resumable})).await?;
                let number = self.number;
                let session = self.session.take();
                self.discord.with(|state, now| {
                    if let Some(line) = state.gateway.connections.get_mut(&number) {
                        line.session = None;
                    }
                    let Some(session) = session else { return };
                    if !resumable {
                        state.gateway.sessions.remove(&session);
                    } else if let Some(session) = state.gateway.sessions.get_mut(&session) {
                        session.connection = None;
                        session.lost = Some(now.monotonic);
                    }
                });
                Ok(Next::On)
            }
            GatewayFault::Close { code } => self.close(code).await,
        }
    }

    /// Nothing is sent or heard any more, until the other side gives up or another order comes.
    async fn deaf(&mut self) -> Result<Next, Error> {
        let shared = Arc::clone(&self.discord.0);
        let mut buffer = [0_u8; 4_096];
        let number = self.number;
        self.discord.with(|state, _| {
            if let Some(line) = state.gateway.connections.get_mut(&number) {
                line.deaf = true;
            }
        });
        loop {
            let change = shared.changes.notified();
            tokio::pin!(change);
            change.as_mut().enable();
            let ordered =
                self.discord.state().gateway.connections.get_mut(&self.number).and_then(|one| one.orders.pop_front());
            match ordered {
                Some(GatewayFault::Drop) => {
                    self.cut.close();
                    return Ok(Next::Over);
                }
                Some(
                    GatewayFault::Refuse
                    | GatewayFault::Stall
                    | GatewayFault::Deaf
                    | GatewayFault::Reconnect
                    | GatewayFault::InvalidSession { .. }
                    | GatewayFault::Close { .. },
                )
                | None => {}
            }
            tokio::select! {
                read = self.socket.get_mut().read(&mut buffer) => {
                    if read.is_ok_and(|length| length > 0) {
                        continue;
                    }
                    return Ok(Next::Over);
                }
                () = &mut change => {}
            }
        }
    }

    async fn send(&mut self, payload: &Value) -> Result<(), Error> {
        let frame = self.packing.pack(&payload.to_string());
        self.socket.send(frame).await
    }

    async fn close(&mut self, code: u16) -> Result<Next, Error> {
        // After these codes Discord does not take the session up again.
        let ends = matches!(code, 4004 | 4007 | 4009 | 4010..=4014);
        let session = self.session.clone();
        self.discord.with(|state, _| {
            state.gateway.counts.closed += 1;
            state.gateway.closes.push(code);
            if ends && let Some(session) = session {
                state.gateway.sessions.remove(&session);
            }
        });
        let frame = CloseFrame { code: CloseCode::from(code), reason: reason(code).into() };
        self.socket.close(Some(frame)).await?;
        // The answer to the close, so that the socket is not reset under it.
        while let Some(Ok(_)) = self.socket.next().await {}
        Ok(Next::Over)
    }
}

/// Discord's sentence for a code.
fn reason(code: u16) -> &'static str {
    match code {
        4000 => "Unknown error.",
        4001 => "Unknown opcode.",
        4002 => "Error while decoding payload.",
        4003 => "Not authenticated.",
        4004 => "Authentication failed.",
        4005 => "Already authenticated.",
        4007 => "Invalid seq.",
        4008 => "Rate limited.",
        4009 => "Session timed out.",
        4010 => "Invalid shard.",
        4011 => "Sharding required.",
        4012 => "Invalid API version.",
        4013 => "Invalid intent(s).",
        4014 => "Disallowed intent(s).",
        _ => "",
    }
}
