//! One connection of Socket Mode: the handshake, what is heard, what is sent, and what goes wrong with it.

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

use super::script::{Reason, SocketFault, SocketMoment};
use crate::server::line::Cut;
use crate::server::travel::{plain, read_query};
use crate::slack::FakeSlack;
use crate::slack::ids::Id;

/// Answers the request for a WebSocket, and carries it on in the background.
pub(in crate::slack) async fn upgrade(slack: FakeSlack, cut: Cut, mut request: Request) -> Response<Body> {
    match slack.with(|state, _| state.socket.script.at(SocketMoment::Connect)) {
        Some(SocketFault::Refuse) => return plain(StatusCode::SERVICE_UNAVAILABLE, "no connection here"),
        Some(SocketFault::Stall) => return future::pending().await,
        Some(SocketFault::Drop) => {
            cut.close();
            return plain(StatusCode::SERVICE_UNAVAILABLE, "");
        }
        Some(
            SocketFault::Deaf
            | SocketFault::Ignore
            | SocketFault::Disconnect { .. }
            | SocketFault::Close { .. }
            | SocketFault::Noise,
        )
        | None => {}
    }
    let query = read_query(request.uri().query().unwrap_or_default());
    let ticket = query.into_iter().find(|(name, _)| name == "ticket").map(|(_, value)| value).unwrap_or_default();
    let entered = slack.with(|state, now| {
        let entered = state.socket.enter(&ticket, now.monotonic);
        if entered.is_none() {
            state.deviates("socket", true, "the ticket is not known, was used, or is too old".to_owned());
        }
        entered
    });
    let Some((app, number)) = entered else { return plain(StatusCode::UNAUTHORIZED, "invalid ticket") };
    let key = request.headers().get(header::SEC_WEBSOCKET_KEY).map(|key| derive_accept_key(key.as_bytes()));
    let accept = key.and_then(|key| HeaderValue::try_from(key).ok());
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        if let Ok(upgraded) = upgrade.await {
            let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
            let line = Line {
                slack: slack.clone(),
                cut,
                number,
                app,
                socket,
                old: Duration::MAX,
                ping: Duration::MAX,
                end: None,
            };
            line.run().await;
        }
        slack.with(|state, now| state.connection_gone(number, now));
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
    Over,
}

struct Line {
    slack: FakeSlack,
    cut: Cut,
    number: u64,
    app: Id,
    socket: WebSocketStream<TokioIo<Upgraded>>,
    /// When it is told that it has become old.
    old: Duration,
    /// When the next ping goes.
    ping: Duration,
    /// When it closes, once it was told to go.
    end: Option<Duration>,
}

impl Line {
    async fn run(mut self) {
        // A socket that breaks is over, as one that is closed.
        if let Ok(Next::On) = self.hello().await {
            drop(self.carry().await);
        }
    }

    async fn hello(&mut self) -> Result<Next, Error> {
        let (fault, too_many) = self.slack.with(|state, _| {
            let mine = state.socket.connections.values().filter(|one| one.app == self.app);
            let standing = mine.filter(|one| !one.leaving).count();
            (state.socket.script.at(SocketMoment::Hello), standing > state.settings.most_connections)
        });
        if let Some(fault) = fault {
            return self.suffer(fault).await;
        }
        if too_many {
            self.suffer(SocketFault::Disconnect { reason: Reason::TooManyWebsockets }).await?;
            return Ok(Next::Over);
        }
        let frame = self.slack.with(|state, now| {
            let count = state.socket.connections.values().filter(|one| one.app == self.app).count();
            if let Some(line) = state.socket.connections.get_mut(&self.number) {
                line.ready = true;
            }
            self.old = now.monotonic.saturating_add(state.settings.lifetime);
            self.ping = now.monotonic.saturating_add(state.settings.ping);
            json!({
                "type": "hello", "num_connections": count, "connection_info": {"app_id": self.app},
                "debug_info": {
                    "host": "applink-1", "build_number": 1,
                    "approximate_connection_time": state.settings.lifetime.as_secs(),
                },
            })
        });
        self.send(&frame).await?;
        Ok(Next::On)
    }

    async fn carry(&mut self) -> Result<Next, Error> {
        let clock = Arc::clone(self.slack.clock());
        let shared = Arc::clone(&self.slack.0);
        loop {
            let change = shared.changes.notified();
            tokio::pin!(change);
            change.as_mut().enable();
            let number = self.number;
            // Whatever is due takes effect; then this connection's own part.
            self.slack.look(|_, _| ());
            let (order, refused) = {
                let mut state = self.slack.state();
                let refused = state.world.is_refused(&self.app);
                (state.socket.connections.get_mut(&number).and_then(|one| one.orders.pop_front()), refused)
            };
            if refused {
                self.suffer(SocketFault::Disconnect { reason: Reason::LinkDisabled }).await?;
                return Ok(Next::Over);
            }
            if let Some(order) = order {
                match self.suffer(order).await? {
                    Next::On => continue,
                    Next::Over => return Ok(Next::Over),
                }
            }
            match self.tell().await? {
                Next::On => {}
                Next::Over => return Ok(Next::Over),
            }
            let now = clock.monotonic();
            if self.end.is_some_and(|end| end <= now) {
                return self.close(1000).await;
            }
            if self.old <= now && self.end.is_none() {
                self.suffer(SocketFault::Disconnect { reason: Reason::RefreshRequested }).await?;
                continue;
            }
            if self.ping <= now {
                self.ping = now.saturating_add(self.slack.state().settings.ping);
                self.socket.send(Message::Ping(b"Ping from applink-1".to_vec())).await?;
                continue;
            }
            let due = self.slack.state().socket.next_due();
            let wake = [Some(self.old).filter(|_| self.end.is_none()), Some(self.ping), self.end, due];
            let wake = wake.into_iter().flatten().min().unwrap_or(Duration::MAX);
            tokio::select! {
                biased;
                frame = self.socket.next() => {
                    let Some(frame) = frame else { return Ok(Next::Over) };
                    match self.hear(frame?).await? {
                        Next::On => {}
                        Next::Over => return Ok(Next::Over),
                    }
                }
                () = &mut change => {}
                () = clock.sleep_until(wake) => {}
            }
        }
    }

    /// Sends what waits for this connection.
    async fn tell(&mut self) -> Result<Next, Error> {
        loop {
            let number = self.number;
            let next = {
                let mut state = self.slack.state();
                let frame = state.socket.connections.get_mut(&number).and_then(|one| one.outbox.pop_front());
                let fault = frame.as_ref().and_then(|_| state.socket.script.at(SocketMoment::Envelope));
                frame.map(|frame| (frame, fault))
            };
            let Some((frame, fault)) = next else { return Ok(Next::On) };
            match fault {
                None => self.send(&frame).await?,
                Some(fault) => match self.suffer(fault).await? {
                    Next::On => {}
                    Next::Over => return Ok(Next::Over),
                },
            }
        }
    }

    async fn hear(&mut self, frame: Message) -> Result<Next, Error> {
        let text = match frame {
            Message::Text(text) => text,
            Message::Binary(bytes) => String::from_utf8(bytes).unwrap_or_default(),
            Message::Close(_) => {
                // The answer to it waits for the next write.
                drop(self.socket.flush().await);
                return Ok(Next::Over);
            }
            Message::Ping(_) => {
                let fault = self.slack.with(|state, _| {
                    state.socket.counts.pings += 1;
                    state.socket.script.at(SocketMoment::Ping)
                });
                // The pong itself goes out with the next write, so a fault here closes or silences the line.
                return match fault {
                    Some(fault) => self.suffer(fault).await,
                    None => {
                        self.socket.flush().await?;
                        Ok(Next::On)
                    }
                };
            }
            Message::Pong(_) => {
                self.slack.with(|state, _| state.socket.counts.pongs += 1);
                return Ok(Next::On);
            }
            Message::Frame(_) => return Ok(Next::On),
        };
        let fault = self.slack.with(|state, _| state.socket.script.at(SocketMoment::Ack));
        if let Some(fault) = fault {
            return self.suffer(fault).await;
        }
        self.slack.with(|state, now| match serde_json::from_str::<Value>(&text) {
            Ok(frame) => state.ack(&frame, now),
            Err(_) => state.deviates("socket", true, "a frame is no JSON".to_owned()),
        });
        Ok(Next::On)
    }

    /// Something goes wrong with this connection.
    async fn suffer(&mut self, fault: SocketFault) -> Result<Next, Error> {
        match fault {
            SocketFault::Refuse | SocketFault::Stall | SocketFault::Drop => {
                self.cut.close();
                Ok(Next::Over)
            }
            SocketFault::Deaf => self.deaf().await,
            SocketFault::Ignore => Ok(Next::On),
            SocketFault::Noise => {
                self.socket.send(Message::Text("{\"type\": \"half".to_owned())).await?;
                Ok(Next::On)
            }
            SocketFault::Disconnect { reason } => {
                let number = self.number;
                let farewell = self.slack.with(|state, now| {
                    state.socket.counts.disconnects += 1;
                    if let Some(line) = state.socket.connections.get_mut(&number) {
                        line.leaving = true;
                    }
                    now.monotonic.saturating_add(state.settings.farewell)
                });
                let frame = json!({"type": "disconnect", "reason": reason.word(), "debug_info": {"host": "applink-1"}});
                self.send(&frame).await?;
                match reason {
                    Reason::Warning | Reason::RefreshRequested => {
                        self.end = Some(self.end.map_or(farewell, |end| end.min(farewell)));
                        Ok(Next::On)
                    }
                    Reason::LinkDisabled | Reason::TooManyWebsockets => self.close(1000).await,
                }
            }
            SocketFault::Close { code } => self.close(code).await,
        }
    }

    /// Nothing is sent or heard any more, until the other side gives up or the connection is dropped.
    async fn deaf(&mut self) -> Result<Next, Error> {
        let shared = Arc::clone(&self.slack.0);
        let mut buffer = [0_u8; 4_096];
        let number = self.number;
        self.slack.with(|state, _| {
            if let Some(line) = state.socket.connections.get_mut(&number) {
                line.deaf = true;
            }
        });
        loop {
            let change = shared.changes.notified();
            tokio::pin!(change);
            change.as_mut().enable();
            let order = self.slack.state().socket.connections.get_mut(&number).and_then(|one| one.orders.pop_front());
            if order == Some(SocketFault::Drop) {
                self.cut.close();
                return Ok(Next::Over);
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

    async fn send(&mut self, frame: &Value) -> Result<(), Error> {
        self.socket.send(Message::Text(frame.to_string())).await
    }

    async fn close(&mut self, code: u16) -> Result<Next, Error> {
        let frame = CloseFrame { code: CloseCode::from(code), reason: "".into() };
        self.socket.close(Some(frame)).await?;
        // The answer to the close, so that the socket is not reset under it.
        while let Some(Ok(_)) = self.socket.next().await {}
        Ok(Next::Over)
    }
}
