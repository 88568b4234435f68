//! The life of one connection: an address, the handshake, hello, envelopes and their acknowledgements, pings, and why it
//! ended.
//!
//! Whoever reads the frames waits for nobody: an envelope is handed on at once, and its acknowledgement comes back by a
//! channel. So no slow envelope holds up another one, or a pong.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::warn;
use wilco_core::{Cause, Inbox};

use super::credentials::{Without, link_disabled, too_many};
use super::wire::{Incoming, Socket, within};
use crate::hear::{Ack, Envelope, Leaves, Waiting};
use crate::slack::Slack;

/// How long Slack may take for its first word.
const HELLO_LIMIT: Duration = Duration::from_secs(10);
/// How often a sign of life is asked for.
const PING_EVERY: Duration = Duration::from_secs(15);
/// How long it may take to come. A socket that is deaf is noticed by this alone: nothing else has to come in when nobody
/// writes.
const PONG_LIMIT: Duration = Duration::from_secs(10);
/// How long a connection that is to go waits for the acknowledgements of what it brought.
const LINGER: Duration = Duration::from_secs(3);

/// What a connection tells while it lives.
#[derive(Debug)]
pub(super) enum Word {
    /// It is there; how many sockets the app has now, where Slack says so.
    Ready(u64, Option<u64>),
    /// Slack is about to close it.
    Leaving(u64, Cause),
    /// It was heard of.
    Alive,
}

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ended {
    /// It was asked to.
    Gone,
    /// It was lost, or could not be had; after so long there may be another, where Slack said so.
    Lost(Cause, Duration),
    /// The app has as many as it may have.
    TooMany(Cause),
    /// Nothing works until a person has changed something.
    Person(Cause),
}

impl From<Without> for Ended {
    fn from(without: Without) -> Self {
        match without {
            Without::Person(cause) => Self::Person(cause),
            Without::Later(cause, delay) => Self::Lost(cause, delay),
        }
    }
}

impl From<Cause> for Ended {
    fn from(cause: Cause) -> Self {
        Self::Lost(cause, Duration::ZERO)
    }
}

/// What a disconnect frame asks for.
#[derive(Clone, Debug, PartialEq)]
enum Farewell {
    /// Another connection, before this one closes.
    Another(Cause),
    /// The end.
    End(Ended),
}

pub(super) struct Connection<'a> {
    pub(super) number: u64,
    pub(super) slack: &'a Arc<Slack>,
    pub(super) inbox: &'a Arc<dyn Inbox>,
    /// Where it tells what it is told.
    pub(super) tell: mpsc::UnboundedSender<Word>,
    /// That it is to go.
    pub(super) go: CancellationToken,
    /// How many of its envelopes are not acknowledged.
    pub(super) open: Waiting,
}

impl Connection<'_> {
    /// Lives through it.
    pub(super) async fn live(self) -> Ended {
        let opened = tokio::select! {
            biased;
            () = self.go.cancelled() => return Ended::Gone,
            opened = self.connect() => opened,
        };
        let (mut socket, sockets) = match opened {
            Ok(opened) => opened,
            Err(ended) => return ended,
        };
        drop(self.tell.send(Word::Ready(self.number, sockets)));
        // Ends with the last acknowledgement that can still come.
        let (acks, mut given) = mpsc::unbounded_channel();
        let ended = self.go_on(&mut socket, &acks, &mut given).await;
        if ended == Ended::Gone {
            self.linger(&mut socket, &mut given).await;
        }
        socket.leave().await;
        ended
    }

    async fn connect(&self) -> Result<(Socket, Option<u64>), Ended> {
        let address = self.slack.socket_address().await?;
        let clock = Arc::clone(&self.slack.clock);
        let mut socket = Socket::open(&address, Arc::clone(&clock)).await?;
        let first = async {
            loop {
                match socket.next().await {
                    Incoming::Frame(frame) => match kind(&frame) {
                        "hello" => return Ok(frame.get("num_connections").and_then(Value::as_u64)),
                        "disconnect" => match farewell(&frame) {
                            Farewell::Another(cause) => return Err(Ended::from(cause)),
                            Farewell::End(ended) => return Err(ended),
                        },
                        // Nothing is brought before hello.
                        _ => {}
                    },
                    Incoming::Ping | Incoming::Pong | Incoming::Unreadable(_) => {}
                    Incoming::Closed(code) => return Err(closed(code).into()),
                    Incoming::Broken(cause) => return Err(cause.into()),
                }
            }
        };
        let hello = within(&*clock, HELLO_LIMIT, first).await;
        let sockets = hello.unwrap_or_else(|| {
            Err(Cause::new("hello_timeout", "Slack said nothing for 10 s after the handshake").into())
        })?;
        Ok((socket, sockets))
    }

    async fn go_on(
        &self,
        socket: &mut Socket,
        acks: &mpsc::UnboundedSender<Leaves>,
        given: &mut mpsc::UnboundedReceiver<Leaves>,
    ) -> Ended {
        let clock = &self.slack.clock;
        let (mut ping_at, mut pong_until) = (clock.monotonic() + PING_EVERY, None::<Duration>);
        loop {
            let due = ping_at.min(pong_until.unwrap_or(Duration::MAX));
            tokio::select! {
                biased;
                () = self.go.cancelled() => return Ended::Gone,
                Some(ack) = given.recv() => {
                    if let Err(cause) = leave(socket, ack).await {
                        return cause.into();
                    }
                }
                incoming = socket.next() => match incoming {
                    Incoming::Frame(frame) => {
                        if let Some(ended) = self.take(frame, acks) {
                            return ended;
                        }
                    }
                    Incoming::Pong => {
                        pong_until = None;
                        drop(self.tell.send(Word::Alive));
                    }
                    Incoming::Ping => {}
                    Incoming::Unreadable(bytes) => {
                        warn!(bytes, "slack: something came in that is no frame of Slack's; it is left out");
                    }
                    Incoming::Closed(code) => return closed(code).into(),
                    Incoming::Broken(cause) => return cause.into(),
                },
                () = clock.sleep_until(due) => {
                    let now = clock.monotonic();
                    if pong_until.is_some_and(|until| now >= until) {
                        let why = "a ping was not answered within 10 s: the connection is deaf";
                        return Cause::new("deaf", why).into();
                    }
                    ping_at = now + PING_EVERY;
                    // An older one that is still open keeps its limit.
                    pong_until.get_or_insert(now + PONG_LIMIT);
                    if let Err(cause) = socket.ping().await {
                        return cause.into();
                    }
                }
            }
        }
    }

    fn take(&self, frame: Value, acks: &mpsc::UnboundedSender<Leaves>) -> Option<Ended> {
        match kind(&frame) {
            "disconnect" => match farewell(&frame) {
                Farewell::Another(cause) => {
                    drop(self.tell.send(Word::Leaving(self.number, cause)));
                    None
                }
                Farewell::End(ended) => Some(ended),
            },
            "hello" => None,
            kind => {
                let kind = kind.to_owned();
                let named = frame.get("envelope_id").and_then(Value::as_str).map(str::to_owned);
                match Envelope::read(frame) {
                    Some((id, envelope)) => {
                        let ack = Ack::new(id, acks.clone(), self.open.one_more());
                        self.slack.take(self.inbox, envelope, ack);
                    }
                    None => {
                        if self.slack.ears.unknown.is_new(&kind) {
                            warn!(account = %self.slack.options.account, kind,
                                "slack: an envelope of a kind that this bot does not know is left out");
                        }
                        // It would only come again, and again be left out.
                        if let Some(id) = named {
                            Ack::new(id, acks.clone(), self.open.one_more()).give();
                        }
                    }
                }
                None
            }
        }
    }

    /// Gives the acknowledgements of what came in before it was to go. Nothing further is read: Slack brings that by
    /// another connection.
    async fn linger(&self, socket: &mut Socket, given: &mut mpsc::UnboundedReceiver<Leaves>) {
        let clock = &self.slack.clock;
        let until = clock.monotonic() + LINGER;
        loop {
            // What was acknowledged has been put into the channel before it stopped to count.
            let none_open = self.open.is_none();
            while let Ok(ack) = given.try_recv() {
                if leave(socket, ack).await.is_err() {
                    return;
                }
            }
            if none_open {
                return;
            }
            tokio::select! {
                biased;
                Some(ack) = given.recv() => {
                    if leave(socket, ack).await.is_err() {
                        return;
                    }
                }
                () = self.open.until_none() => {}
                () = clock.sleep_until(until) => return,
            }
        }
    }
}

/// Sends something and tells whoever waits for that.
async fn leave(socket: &mut Socket, leaves: Leaves) -> Result<(), Cause> {
    socket.say(leaves.frame()).await?;
    leaves.has_left();
    Ok(())
}

fn kind(frame: &Value) -> &str {
    frame.get("type").and_then(Value::as_str).unwrap_or_default()
}

fn closed(code: Option<u16>) -> Cause {
    Cause::new(code.map_or_else(|| "closed".to_owned(), |code| code.to_string()), "Slack closed the connection")
}

/// What follows from a disconnect frame (Slack, "Using Socket Mode", "Disconnect messages"). A reason that is not
/// documented means what most of them mean: this connection goes, and another can be had.
fn farewell(frame: &Value) -> Farewell {
    let reason = frame.get("reason").and_then(Value::as_str).unwrap_or("disconnect");
    match reason {
        "link_disabled" => Farewell::End(Ended::Person(link_disabled())),
        "too_many_websockets" => Farewell::End(Ended::TooMany(too_many())),
        reason => {
            let is_word = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
            let known = !reason.is_empty() && reason.len() <= 40 && reason.bytes().all(is_word);
            let code = if known { reason } else { "disconnect" };
            Farewell::Another(Cause::new(code, "Slack asks for a new connection in place of this one"))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wilco_core::random::Dice;
    use wilco_core::{Accepted, Inbound};
    use wilco_sim::MemoryShelf;
    use wilco_sim::clock::HandClock;

    use super::*;
    use crate::options::{Options, Secret};

    /// An inbox that nothing may reach.
    struct Closed;

    #[async_trait::async_trait]
    impl Inbox for Closed {
        async fn offer(&self, batch: Vec<Inbound>) -> Vec<Accepted> {
            panic!("{batch:?}")
        }
    }

    #[tokio::test]
    async fn an_envelope_of_a_kind_that_nobody_knows_is_acknowledged() {
        let options = Options::new("slack", Secret::new("xoxb-1"), Secret::new("xapp-1"));
        let (shelf, clock) = (Arc::<MemoryShelf>::default(), HandClock::new());
        let slack = Slack::new(options, shelf, clock, Arc::new(Dice::seeded(1))).unwrap();
        let inbox: Arc<dyn Inbox> = Arc::new(Closed);
        let (tell, _told) = mpsc::unbounded_channel();
        let (go, open) = (CancellationToken::new(), Waiting::default());
        let connection = Connection { number: 1, slack: &slack, inbox: &inbox, tell, go, open };
        let (acks, mut given) = mpsc::unbounded_channel();
        let frame = json!({"type": "of_next_year", "envelope_id": "e1", "payload": {}});
        assert!(connection.take(frame, &acks).is_none());
        assert_eq!(given.try_recv().ok().map(|leaves| leaves.frame().clone()), Some(json!({"envelope_id": "e1"})));
        assert!(!slack.ears.unknown.is_new("of_next_year"), "the operator is told once");
        assert!(connection.take(json!({"type": "of_next_year"}), &acks).is_none());
        assert!(given.try_recv().is_err() && connection.open.is_none());
    }

    #[test]
    fn a_farewell_says_what_follows() {
        let of = |reason: &str| farewell(&json!({"type": "disconnect", "reason": reason}));
        for reason in ["warning", "refresh_requested", "something_new", "no word at all!", ""] {
            assert!(matches!(of(reason), Farewell::Another(_)), "{reason}");
        }
        assert!(matches!(farewell(&json!({"type": "disconnect"})), Farewell::Another(_)));
        let Farewell::End(Ended::Person(cause)) = of("link_disabled") else { panic!("a person is asked") };
        assert!(cause.text.contains("Socket Mode"), "{cause}");
        let Farewell::End(Ended::TooMany(cause)) = of("too_many_websockets") else { panic!("it is one too many") };
        assert!(cause.text.contains("app-level"), "{cause}");
    }
}
