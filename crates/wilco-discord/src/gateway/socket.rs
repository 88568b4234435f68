//! One WebSocket. Every word that it waits for has a limit, because neither the library nor TCP gives it one.

use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt, SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};
use tracing::debug;
use wilco_core::{Cause, Clock};

use super::wire::Frame;
use crate::time::within;

/// How long address look-up, TCP, TLS and the WebSocket handshake may take together.
const CONNECT_LIMIT: Duration = Duration::from_secs(15);
/// How long a frame may take to leave.
const SEND_LIMIT: Duration = Duration::from_secs(10);
/// How long Discord gets to take a goodbye.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);
/// The largest frame that is taken, in bytes. The state of a very large guild has a few million.
const LARGEST: usize = 64 << 20;
/// The code of a goodbye after which the session can still be resumed: 1000 and 1001 end it (Discord API, "Gateway",
/// "Disconnecting").
const RESUMABLE: u16 = 4900;
const OVER: u16 = 1000;

/// What came in.
pub(crate) enum Incoming {
    /// A frame of the protocol.
    Frame(Box<Frame>),
    /// Something that is no frame; the number of its bytes.
    Unreadable(usize),
    /// A sign of life below the protocol.
    Ping,
    /// Discord said goodbye.
    Closed(Option<u16>, String),
    /// The connection is gone.
    Broken(Cause),
}

/// An open connection.
pub(crate) struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    clock: Arc<dyn Clock>,
}

impl Socket {
    /// Connects. An address that takes the connection and then says nothing is given up after 15 s.
    pub(crate) async fn open(url: &str, clock: Arc<dyn Clock>) -> Result<Self, Cause> {
        let config =
            WebSocketConfig { max_message_size: Some(LARGEST), max_frame_size: Some(LARGEST), ..Default::default() };
        let connecting = connect_async_with_config(url, Some(config), true);
        let opened = within(&*clock, CONNECT_LIMIT, connecting.boxed()).await;
        match opened {
            Some(Ok((stream, _))) => Ok(Self { stream, clock }),
            Some(Err(why)) => Err(Cause::new("connect", why.to_string())),
            None => Err(Cause::new("handshake_timeout", "the gateway did not finish the handshake within 15 s")),
        }
    }

    /// The next thing that comes in. May be dropped and called again at any moment.
    pub(crate) async fn next(&mut self) -> Incoming {
        match self.stream.next().await {
            Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
                Ok(frame) => Incoming::Frame(Box::new(frame)),
                Err(_) => Incoming::Unreadable(text.len()),
            },
            Some(Ok(Message::Binary(bytes))) => Incoming::Unreadable(bytes.len()),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Incoming::Ping,
            Some(Ok(Message::Close(frame))) => match frame {
                Some(frame) => Incoming::Closed(Some(frame.code.into()), frame.reason.into_owned()),
                None => Incoming::Closed(None, String::new()),
            },
            Some(Err(why)) => Incoming::Broken(Cause::new("socket", why.to_string())),
            None => Incoming::Broken(Cause::new("socket", "the connection ended without a goodbye")),
        }
    }

    /// Says something.
    pub(crate) async fn say(&mut self, what: &Value) -> Result<(), Cause> {
        let sending = self.stream.send(Message::Text(what.to_string()));
        match within(&*self.clock, SEND_LIMIT, sending).await {
            Some(Ok(())) => Ok(()),
            Some(Err(why)) => Err(Cause::new("socket", why.to_string())),
            None => Err(Cause::new("socket_full", "nothing could be sent to the gateway for 10 s")),
        }
    }

    /// Says goodbye, so that the session can go on in another connection or not.
    pub(crate) async fn leave(mut self, resumable: bool) {
        let code = if resumable { RESUMABLE } else { OVER };
        let goodbye = CloseFrame { code: code.into(), reason: "".into() };
        match within(&*self.clock, CLOSE_LIMIT, self.stream.close(Some(goodbye))).await {
            Some(Ok(())) | None => {}
            Some(Err(why)) => debug!(%why, "discord: no goodbye could be said"),
        }
    }
}
