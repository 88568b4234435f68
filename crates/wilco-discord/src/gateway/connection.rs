//! The life of one connection: hello, identify or resume, events and heartbeats, and why it ended.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};
use wilco_core::{Cause, Inbox};

use super::budget::Starts;
use super::close::{self, After};
use super::socket::{Incoming, Socket};
use super::wire::{self, Frame, Session};
use super::worker::{KEPT_FREE, Work};
use super::{Directory, Progress};
use crate::discord::Discord;
use crate::payload::{Message, Ready};
use crate::time::within;

/// How long Discord may take for its first word.
const HELLO_LIMIT: Duration = Duration::from_secs(10);
/// How long it may take to begin the session, or to bring it back.
const READY_LIMIT: Duration = Duration::from_secs(30);
/// How long it may take to acknowledge a heartbeat. A socket that is deaf is noticed by this alone: nothing else has
/// to come in when nobody writes.
const ACK_LIMIT: Duration = Duration::from_secs(15);
/// The bounds of a heartbeat interval that is followed; Discord names about 41 s.
const BEATS: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(300));

/// Why a connection ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// It was asked to.
    Stopped,
    /// The session can go on in another connection.
    Again(Cause),
    /// The session is over.
    Over(Cause),
    /// Nothing works until a person has changed something.
    Person(Cause),
}

/// How far a connection came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reached {
    /// Not so far that anything was asked of Discord.
    Nobody,
    /// The session was asked for and was not there.
    Asked,
    /// The session was there.
    Session,
}

pub(crate) struct Connection<'a> {
    discord: &'a Arc<Discord>,
    inbox: &'a Arc<dyn Inbox>,
    work: &'a mpsc::Sender<Work>,
    stop: &'a CancellationToken,
    session: Option<Session>,
    progress: Progress,
    reached: Reached,
    beat: Beat,
}

/// When the next heartbeat is due, and until when the last one has to be acknowledged.
struct Beat {
    interval: Duration,
    next: Duration,
    ack_until: Option<Duration>,
}

impl<'a> Connection<'a> {
    pub(crate) fn new(
        discord: &'a Arc<Discord>,
        inbox: &'a Arc<dyn Inbox>,
        work: &'a mpsc::Sender<Work>,
        stop: &'a CancellationToken,
        kept: Option<(Session, Progress)>,
    ) -> Self {
        let (session, progress) =
            kept.map_or((None, Progress::default()), |(session, progress)| (Some(session), progress));
        let beat = Beat { interval: BEATS.1, next: Duration::MAX, ack_until: None };
        Self { discord, inbox, work, stop, session, progress, reached: Reached::Nobody, beat }
    }

    /// Lives through it. Also answers how far it came.
    pub(crate) async fn live(mut self, url: &str) -> (Ended, Reached) {
        let clock = Arc::clone(&self.discord.clock);
        let opened = tokio::select! {
            biased;
            () = self.stop.cancelled() => return (Ended::Stopped, Reached::Nobody),
            opened = Socket::open(url, clock) => opened,
        };
        let mut socket = match opened {
            Ok(socket) => socket,
            Err(cause) => return (Ended::Again(cause), Reached::Nobody),
        };
        let ended = match self.begin(&mut socket).await {
            Ok(()) => self.go_on(&mut socket).await,
            Err(ended) => ended,
        };
        // A stop ends the session; anything else may bring it back.
        socket.leave(!matches!(ended, Ended::Stopped)).await;
        (ended, self.reached)
    }

    fn now(&self) -> Duration {
        self.discord.clock.monotonic()
    }

    /// Waits for the first word and says who is there.
    async fn begin(&mut self, socket: &mut Socket) -> Result<(), Ended> {
        #[derive(Deserialize)]
        struct Hello {
            heartbeat_interval: u64,
        }
        let first = async {
            loop {
                match socket.next().await {
                    Incoming::Frame(frame) if frame.op == wire::HELLO => return Ok(frame),
                    Incoming::Frame(_) | Incoming::Ping | Incoming::Unreadable(_) => {}
                    Incoming::Closed(code, reason) => return Err(self.closed(code, &reason)),
                    Incoming::Broken(cause) => return Err(Ended::Again(cause)),
                }
            }
        };
        let hello = tokio::select! {
            biased;
            () = self.stop.cancelled() => return Err(Ended::Stopped),
            hello = within(&*self.discord.clock, HELLO_LIMIT, first) => hello,
        };
        let hello = hello.unwrap_or_else(|| {
            Err(Ended::Again(Cause::new("hello_timeout", "the gateway said nothing for 10 s after the handshake")))
        })?;
        let hello = Hello::deserialize(&hello.d)
            .map_err(|why| Ended::Again(Cause::new("hello", format!("its first word does not read: {why}"))))?;
        self.beat.interval = Duration::from_millis(hello.heartbeat_interval).clamp(BEATS.0, BEATS.1);
        // The first one comes at a moment of its own, so that not every bot beats at once after an outage.
        self.beat.next = self.now() + self.discord.dice.jitter(self.beat.interval / 2);
        let token = &self.discord.options.token;
        let word = match (&self.session, self.progress.handled()) {
            (Some(session), Some(sequence)) => wire::resume(token, session, sequence),
            (Some(_), None) | (None, _) => {
                self.session = None;
                let (shelf, now) = (&*self.discord.shelf, self.discord.clock.now());
                let counted = async { Starts::load(shelf, now).await?.spend(shelf, now).await };
                if let Err(why) = counted.await {
                    let why = format!("no session is begun that cannot be counted: {why}");
                    return Err(Ended::Again(Cause::new("store", why)));
                }
                self.discord.begins_to_hear().await;
                wire::identify(token, self.discord.options.message_content)
            }
        };
        socket.say(&word).await.map_err(Ended::Again)?;
        self.reached = Reached::Asked;
        Ok(())
    }

    async fn go_on(&mut self, socket: &mut Socket) -> Ended {
        let ready_until = self.now() + READY_LIMIT;
        loop {
            let ready_until = if self.is_there() { Duration::MAX } else { ready_until };
            let ack_until = self.beat.ack_until.unwrap_or(Duration::MAX);
            let due = self.beat.next.min(ack_until).min(ready_until);
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Ended::Stopped,
                incoming = socket.next() => {
                    if let Some(ended) = self.take(socket, incoming).await {
                        return ended;
                    }
                }
                () = self.discord.clock.sleep_until(due) => {
                    let now = self.now();
                    if now >= ack_until {
                        let why = "a heartbeat was not acknowledged within 15 s: the connection is deaf";
                        return Ended::Again(Cause::new("deaf", why));
                    }
                    if now >= ready_until {
                        return Ended::Again(Cause::new("ready_timeout", "no session was there after 30 s"));
                    }
                    if let Err(cause) = self.beat(socket).await {
                        return Ended::Again(cause);
                    }
                }
            }
        }
    }

    async fn beat(&mut self, socket: &mut Socket) -> Result<(), Cause> {
        let now = self.now();
        self.beat.next = now + self.beat.interval;
        // An older one that is still open keeps its limit.
        self.beat.ack_until.get_or_insert(now + ACK_LIMIT);
        socket.say(&wire::heartbeat(self.progress.received())).await
    }

    async fn take(&mut self, socket: &mut Socket, incoming: Incoming) -> Option<Ended> {
        match incoming {
            Incoming::Frame(frame) => self.frame(socket, *frame).await,
            Incoming::Ping => None,
            Incoming::Unreadable(bytes) => {
                warn!(bytes, "discord: something came in that is no frame of the gateway; it is left out");
                None
            }
            Incoming::Closed(code, reason) => Some(self.closed(code, &reason)),
            Incoming::Broken(cause) => Some(Ended::Again(cause)),
        }
    }

    async fn frame(&mut self, socket: &mut Socket, frame: Frame) -> Option<Ended> {
        match frame.op {
            wire::DISPATCH => self.event(frame),
            wire::HEARTBEAT => self.beat(socket).await.err().map(Ended::Again),
            wire::HEARTBEAT_ACK => {
                self.beat.ack_until = None;
                if self.is_there() && self.discord.heard_until_now() {
                    let discord = Arc::clone(self.discord);
                    self.discord.ears.tasks.spawn(async move { discord.store_alive().await });
                }
                None
            }
            wire::RECONNECT => Some(Ended::Again(Cause::new("reconnect", "Discord asks for a new connection"))),
            wire::INVALID_SESSION if frame.d == Value::Bool(true) => {
                Some(Ended::Again(Cause::new("invalid_session", "the session may be asked for again")))
            }
            wire::INVALID_SESSION => {
                Some(Ended::Over(Cause::new("invalid_session", "the session is not known any more")))
            }
            op => {
                debug!(op, "discord: a frame of a kind that is not known");
                None
            }
        }
    }

    fn event(&mut self, frame: Frame) -> Option<Ended> {
        let (sequence, name) = (frame.s?, frame.t?);
        let full = name == "MESSAGE_CREATE" && (self.work.capacity() <= KEPT_FREE || self.work.is_closed());
        if full {
            // It is not counted as received, so that the resumed session brings it again.
            return Some(Ended::Again(Cause::new("backlog", "too many messages wait to be handed in")));
        }
        // One that is done, or on its way since before a lost connection, is not taken a second time.
        let ticket = self.progress.receive(sequence)?;
        match name.as_str() {
            "READY" => {
                let ended = self.begun(&frame.d);
                ticket.done();
                return ended;
            }
            "RESUMED" => {
                info!("discord: the session goes on where it was");
                self.there();
                ticket.done();
            }
            "INTERACTION_CREATE" => {
                let (discord, inbox) = (Arc::clone(self.discord), Arc::clone(self.inbox));
                self.discord.ears.tasks.spawn(async move {
                    discord.hear(inbox, frame.d).await;
                    ticket.done();
                });
            }
            "MESSAGE_CREATE" => match Message::deserialize(frame.d) {
                Ok(message) if self.discord.addressed(&message).is_some() => {
                    let waiting = self.discord.ears.waiting.one_more();
                    let work = Work::Message { message: Box::new(message), ticket, waiting };
                    if self.work.try_send(work).is_err() {
                        return Some(Ended::Again(Cause::new("backlog", "nobody hands messages in any more")));
                    }
                }
                Ok(_) => ticket.done(),
                Err(why) => {
                    warn!(%why, "discord: a message does not read and is left out");
                    ticket.done();
                }
            },
            _ => {
                if self.discord.ears.directory().apply(&name, &frame.d) {
                    self.discord.ears.announced.notify_waiters();
                }
                ticket.done();
            }
        }
        None
    }

    /// A session has begun: nothing is known of guilds yet, and what happened before has to be read.
    fn begun(&mut self, data: &Value) -> Option<Ended> {
        let ready = match Ready::deserialize(data) {
            Ok(ready) => ready,
            Err(why) => return Some(Ended::Over(Cause::new("ready", format!("READY does not read: {why}")))),
        };
        info!(bot = %ready.user.id, guilds = ready.guilds.len(), "discord: a session has begun");
        if self.discord.options.application.is_some_and(|wanted| wanted != ready.application.id.0) {
            let why = format!(
                "The bot token belongs to application {}, but application {} is configured. Nothing is lost; set the \
                 application to {} or leave it out",
                ready.application.id,
                self.discord.options.application.unwrap_or_default(),
                ready.application.id
            );
            return Some(Ended::Person(Cause::new("application", why)));
        }
        *self.discord.ears.directory() = Directory::of(ready.user.id);
        let session = Session { id: ready.session_id, resume_url: ready.resume_gateway_url };
        self.session = Some(session);
        let guilds = ready.guilds.iter().map(|guild| guild.id).collect();
        if self.work.try_send(Work::CatchUp { gap: self.discord.gap(), guilds }).is_err() {
            return Some(Ended::Over(Cause::new("backlog", "nobody hands messages in any more")));
        }
        self.there();
        None
    }

    fn is_there(&self) -> bool {
        self.reached == Reached::Session
    }

    fn there(&mut self) {
        self.reached = Reached::Session;
        self.discord.ears.resumes.succeeded();
        self.discord.ears.refused.mended();
        *self.discord.ears.session() = self.session.clone().map(|session| (session, self.progress.clone()));
    }

    fn closed(&self, code: Option<u16>, reason: &str) -> Ended {
        let cause = || {
            let code = code.map_or_else(|| "closed".to_owned(), |code| code.to_string());
            Cause::new(code, if reason.is_empty() { "Discord closed the connection" } else { reason })
        };
        match close::after(code, self.discord.options.message_content) {
            After::Resume => Ended::Again(cause()),
            After::Identify => Ended::Over(cause()),
            After::Person(cause) => Ended::Person(cause),
        }
    }
}
