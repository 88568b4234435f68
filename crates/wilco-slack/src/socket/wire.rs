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

use crate::options::Secret;

/// How long address look-up, TCP, TLS and the WebSocket handshake may take together.
const CONNECT_LIMIT: Duration = Duration::from_secs(15);
/// How long a frame may take to leave.
const SEND_LIMIT: Duration = Duration::from_secs(10);
/// How long Slack gets to take a goodbye. It does not close the connection by itself after one.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);
/// The largest frame that is taken, in bytes.
const LARGEST: usize = 16 << 20;
/// An ordinary goodbye (RFC 6455, 7.4.1).
const OVER: u16 = 1000;

/// What came in.
pub(super) enum Incoming {
    /// A frame of Slack's. It has no `Debug`: a command holds the address for its answers.
    Frame(Value),
    /// Something that is none, with the number of its bytes.
    Unreadable(usize),
    /// A sign of life that was not asked for.
    Ping,
    /// The answer to one of ours.
    Pong,
    /// Slack said goodbye.
    Closed(Option<u16>),
    /// The connection is gone.
    Broken(Cause),
}

/// An open connection.
pub(super) struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    clock: Arc<dyn Clock>,
}

/// What a future gives within a limit; none when it does not.
pub(crate) async fn within<T>(clock: &dyn Clock, limit: Duration, what: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        value = what => Some(value),
        () = clock.sleep_until(clock.monotonic() + limit) => None,
    }
}

/// Whether an address may be used: it carries a ticket, which travels in the clear to a fake on this machine alone.
pub(super) fn is_safe(address: &str, api: &str) -> bool {
    address.starts_with("wss://") || (address.starts_with("ws://") && api.starts_with("http://"))
}

impl Socket {
    /// Connects. An address that takes the connection and then says nothing is given up after 15 s. No error holds the
    /// address.
    pub(super) async fn open(address: &Secret, clock: Arc<dyn Clock>) -> Result<Self, Cause> {
        let config =
            WebSocketConfig { max_message_size: Some(LARGEST), max_frame_size: Some(LARGEST), ..Default::default() };
        let connecting = connect_async_with_config(address.expose(), Some(config), true);
        match within(&*clock, CONNECT_LIMIT, connecting.boxed()).await {
            Some(Ok((stream, _))) => Ok(Self { stream, clock }),
            Some(Err(why)) => Err(Cause::new("connect", without(&why.to_string(), address.expose()))),
            None => Err(Cause::new("handshake_timeout", "Slack did not finish the handshake within 15 s")),
        }
    }

    /// The next thing that comes in. May be dropped and called again at any moment.
    pub(super) async fn next(&mut self) -> Incoming {
        match self.stream.next().await {
            Some(Ok(Message::Text(text))) => match serde_json::from_str::<Value>(&text) {
                Ok(frame) if frame.is_object() => Incoming::Frame(frame),
                Ok(_) | Err(_) => Incoming::Unreadable(text.len()),
            },
            Some(Ok(Message::Binary(bytes))) => Incoming::Unreadable(bytes.len()),
            Some(Ok(Message::Ping(_) | Message::Frame(_))) => Incoming::Ping,
            Some(Ok(Message::Pong(_))) => Incoming::Pong,
            Some(Ok(Message::Close(frame))) => Incoming::Closed(frame.map(|frame| frame.code.into())),
            Some(Err(why)) => Incoming::Broken(Cause::new("socket", why.to_string())),
            None => Incoming::Broken(Cause::new("socket", "the connection ended without a goodbye")),
        }
    }

    /// Says something.
    pub(super) async fn say(&mut self, what: &Value) -> Result<(), Cause> {
        self.send(Message::Text(what.to_string())).await
    }

    /// Asks for a sign of life.
    pub(super) async fn ping(&mut self) -> Result<(), Cause> {
        self.send(Message::Ping(Vec::new())).await
    }

    async fn send(&mut self, what: Message) -> Result<(), Cause> {
        match within(&*self.clock, SEND_LIMIT, self.stream.send(what)).await {
            Some(Ok(())) => Ok(()),
            Some(Err(why)) => Err(Cause::new("socket", why.to_string())),
            None => Err(Cause::new("socket_full", "nothing could be sent to Slack for 10 s")),
        }
    }

    /// Says goodbye.
    pub(super) async fn leave(mut self) {
        let goodbye = CloseFrame { code: OVER.into(), reason: "".into() };
        match within(&*self.clock, CLOSE_LIMIT, self.stream.close(Some(goodbye))).await {
            Some(Ok(())) | None => {}
            Some(Err(why)) => debug!(%why, "slack: no goodbye could be said"),
        }
    }
}

/// Words without a secret, should a library repeat it.
fn without(words: &str, secret: &str) -> String {
    let query = secret.split_once('?').map_or("", |(_, query)| query);
    let words = words.replace(secret, "[address]");
    if query.is_empty() { words } else { words.replace(query, "[ticket]") }
}

#[cfg(test)]
mod tests {
    use wilco_sim::clock::HandClock;

    use super::*;

    #[test]
    fn a_ticket_travels_in_the_clear_to_a_local_fake_alone() {
        let api = "https://slack.com/api";
        assert!(is_safe("wss://wss-primary.slack.com/link/?ticket=1", api));
        assert!(!is_safe("ws://wss-primary.slack.com/link/?ticket=1", api));
        assert!(!is_safe("https://wss-primary.slack.com/link/?ticket=1", api));
        assert!(is_safe("ws://127.0.0.1:9/link/?ticket=1", "http://127.0.0.1:9/api"));
    }

    #[tokio::test]
    async fn no_error_holds_the_ticket() {
        for address in ["ws://127.0.0.1:1/link/?ticket=hidden", "ws://[::bad/?ticket=hidden", "x?ticket=hidden"] {
            let Err(cause) = Socket::open(&Secret::new(address), HandClock::new()).await else { panic!("{address}") };
            assert!(!cause.to_string().contains("hidden"), "{cause}");
        }
        assert_eq!(without("no wss://x/?ticket=1 and ticket=1", "wss://x/?ticket=1"), "no [address] and [ticket]");
    }
}
