//! The ears' connections: two sockets of Socket Mode, and who looks after them (Slack, "Using Socket Mode").
//!
//! They are our own and not a library's, because that one has no limit for its handshake, waits for whoever takes an
//! envelope before it reads the next, tells the ticket to the log, and never says that a token is refused. Slack brings
//! each envelope to one of the sockets, and to another when it is not acknowledged; so one of them is enough, and
//! listening ends only when none can be had.

mod connection;
mod credentials;
mod patience;
mod wire;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use wilco_core::{Cause, Inbox, ListenEnd};

use self::connection::{Connection, Ended, Word};
pub(crate) use self::credentials::Without;
pub(crate) use self::patience::Refused;
use self::patience::{Backoff, TOO_MANY};
pub(crate) use self::wire::within;
use crate::hear::Waiting;
use crate::options::Hears;
use crate::reading::Reading;
use crate::requests;
use crate::slack::Slack;

/// How many sockets are held.
const SOCKETS: usize = 2;
/// A socket that ended sooner is not followed by another at once.
const SHORT: Duration = Duration::from_secs(5);
/// How often it is asked whether Slack still takes the bot token.
pub(crate) const PROBE_EVERY: Duration = Duration::from_secs(600);
/// The first question after one that nobody answered.
pub(crate) const PROBE_AGAIN: Duration = Duration::from_secs(60);
/// When what could not be read of a gap is read anew.
pub(crate) const READ_AGAIN: Duration = Duration::from_secs(600);
/// How long what is under way gets to end after the stop was asked for.
pub(crate) const CLOSING: Duration = Duration::from_secs(5);

/// Listens until it is stopped or cannot go on.
pub(crate) async fn listen(slack: &Slack, inbox: Arc<dyn Inbox>, stop: CancellationToken) -> ListenEnd {
    let Some(slack) = slack.shared() else { return ListenEnd::Stopped };
    if let Some(cause) = slack.ears.refused.holds(slack.clock.monotonic()) {
        return ListenEnd::NeedsPerson(cause);
    }
    slack.ears.tasks.reopen();
    let begun = tokio::select! {
        biased;
        () = stop.cancelled() => return ListenEnd::Stopped,
        begun = begin(&slack) => begun,
    };
    let end = match begun {
        Err(end) => end,
        Ok(()) => {
            slack.take_up_heard(&inbox).await;
            match &slack.options.hears {
                Hears::Sockets { .. } => Sockets::new(&slack, &inbox).supervise(&stop).await,
                Hears::Requests(to) => requests::supervise(&slack, &inbox, to, &stop).await,
            }
        }
    };
    slack.store_alive().await;
    match &end {
        ListenEnd::Stopped => {
            slack.ears.tasks.close();
            if within(&*slack.clock, CLOSING, slack.ears.tasks.wait()).await.is_none() {
                warn!(account = %slack.options.account,
                    "slack: something was still being handed in or answered five seconds after the stop");
            }
        }
        ListenEnd::NeedsPerson(cause) => slack.ears.refused.again(cause.clone(), slack.clock.monotonic()),
        ListenEnd::Lost(_) => {}
    }
    end
}

/// What has to be known before anything is heard.
async fn begin(slack: &Slack) -> Result<(), ListenEnd> {
    if let Err(why) = slack.load_active().await {
        let why = format!("nothing is heard before it is known what was missed: {why}");
        return Err(ListenEnd::Lost(Cause::new("store", why)));
    }
    slack.try_bot_token().await.map_err(|without| match without {
        Without::Person(cause) => ListenEnd::NeedsPerson(cause),
        Without::Later(cause, _) => ListenEnd::Lost(cause),
    })?;
    slack.begins_to_hear().await;
    Ok(())
}

/// What one socket is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Opening,
    Ready,
    /// Slack is about to close it, and it is heard until another one is there.
    Leaving,
}

struct Line {
    state: State,
    /// When it was there.
    since: Option<Duration>,
    go: CancellationToken,
}

/// What came to its end.
enum Over {
    Line(u64, Ended),
    Probe(Result<(), Without>),
    /// A gap was read, or only in part.
    Read {
        whole: bool,
    },
}

struct Sockets<'a> {
    slack: &'a Arc<Slack>,
    inbox: &'a Arc<dyn Inbox>,
    lines: BTreeMap<u64, Line>,
    last: u64,
    backoff: Backoff,
    /// When the next socket may be opened.
    next: Duration,
    probe_at: Duration,
    probing: bool,
    /// It was said that another process listens as well.
    others_told: bool,
    /// Who reads what was missed.
    reading: Reading,
    /// When that is to be tried again, because something could not be read.
    read_at: Option<Duration>,
}

impl<'a> Sockets<'a> {
    fn new(slack: &'a Arc<Slack>, inbox: &'a Arc<dyn Inbox>) -> Self {
        let now = slack.clock.monotonic();
        Self {
            slack,
            inbox,
            lines: BTreeMap::new(),
            last: 0,
            backoff: Backoff::default(),
            next: now,
            probe_at: now + PROBE_EVERY,
            probing: false,
            others_told: false,
            reading: Reading::default(),
            read_at: None,
        }
    }

    fn count(&self, is: impl Fn(State) -> bool) -> usize {
        self.lines.values().filter(|line| is(line.state)).count()
    }

    /// Whether a further socket is wanted. One is opened at a time, so that a network that is down costs one try.
    fn wants(&self) -> bool {
        self.count(|state| state != State::Leaving) < SOCKETS && self.count(|state| state == State::Opening) == 0
    }

    /// Whether anything can be heard now.
    fn hears(&self) -> bool {
        self.count(|state| state != State::Opening) > 0
    }

    async fn supervise(mut self, stop: &CancellationToken) -> ListenEnd {
        let (tell, mut told) = mpsc::unbounded_channel();
        let mut running: FuturesUnordered<BoxFuture<'a, Over>> = FuturesUnordered::new();
        let clock = Arc::clone(&self.slack.clock);
        loop {
            let now = clock.monotonic();
            if self.wants() && now >= self.next {
                running.push(self.open(tell.clone()));
            }
            if !self.probing && now >= self.probe_at {
                self.probing = true;
                let slack = self.slack;
                running.push(async move { Over::Probe(slack.try_bot_token().await) }.boxed());
            }
            if self.read_at.is_some_and(|at| now >= at) && self.hears() {
                running.push(self.read_missed());
            }
            let read_at = self.read_at.filter(|_| self.hears()).unwrap_or(Duration::MAX);
            let open_at = if self.wants() { self.next } else { Duration::MAX };
            let probe_at = if self.probing { Duration::MAX } else { self.probe_at };
            tokio::select! {
                biased;
                () = stop.cancelled() => {
                    self.all_go(&mut running).await;
                    return ListenEnd::Stopped;
                }
                Some(word) = told.recv() => {
                    if let Some(reading) = self.hear(word) {
                        running.push(reading);
                    }
                }
                Some(over) = running.next() => {
                    if let Some(end) = self.over(over) {
                        self.all_go(&mut running).await;
                        return end;
                    }
                }
                () = self.slack.ears.doubted.notified() => self.probe_at = now,
                () = clock.sleep_until(open_at.min(probe_at).min(read_at)) => {}
            }
        }
    }

    fn open(&mut self, tell: mpsc::UnboundedSender<Word>) -> BoxFuture<'a, Over> {
        self.last += 1;
        let (number, go) = (self.last, CancellationToken::new());
        self.lines.insert(number, Line { state: State::Opening, since: None, go: go.clone() });
        let (slack, inbox) = (self.slack, self.inbox);
        let connection = Connection { number, slack, inbox, tell, go, open: Waiting::default() };
        async move { Over::Line(number, connection.live().await) }.boxed()
    }

    /// What a connection tells. Answers what has to be read, when nothing could be heard until now.
    fn hear(&mut self, word: Word) -> Option<BoxFuture<'a, Over>> {
        match word {
            Word::Alive => {
                if self.slack.sign_of_life() {
                    return Some(self.read_missed());
                }
                if self.slack.heard_until_now() {
                    let slack = Arc::clone(self.slack);
                    self.slack.ears.tasks.spawn(async move { slack.store_alive().await });
                }
                None
            }
            Word::Leaving(number, cause) => {
                if let Some(line) = self.lines.get_mut(&number).filter(|line| line.state == State::Ready) {
                    info!(account = %self.slack.options.account, %cause, "slack: a socket is replaced by another");
                    line.state = State::Leaving;
                    self.next = self.slack.clock.monotonic();
                }
                None
            }
            Word::Ready(number, sockets) => {
                // One of them may seem to be there and have heard nothing for as long as the other.
                let deaf_until_now = self.slack.sign_of_life() | !self.hears();
                self.look_for_others(sockets);
                let now = self.slack.clock.monotonic();
                if let Some(line) = self.lines.get_mut(&number) {
                    (line.state, line.since) = (State::Ready, Some(now));
                }
                self.next = now;
                self.slack.ears.refused.mended();
                // There is another one now: those that Slack is about to close may go.
                self.lines.values().filter(|line| line.state == State::Leaving).for_each(|line| line.go.cancel());
                deaf_until_now.then(|| self.read_missed())
            }
        }
    }

    /// Slack gives each event to one of an app's sockets, whoever holds it.
    fn look_for_others(&mut self, sockets: Option<u64>) {
        let own = u64::try_from(self.lines.len()).unwrap_or(u64::MAX);
        if sockets.is_some_and(|sockets| sockets > own) && !std::mem::replace(&mut self.others_told, true) {
            warn!(account = %self.slack.options.account, ?sockets, own,
                "slack: another process listens with the same app-level token, and hears a part of what is said; if this is \
                 no restart, stop it or give it an app of its own");
        }
    }

    fn read_missed(&mut self) -> BoxFuture<'a, Over> {
        info!(account = %self.slack.options.account, "slack: a socket is there");
        self.read_at = None;
        let reading = self.reading.anew(self.slack, self.inbox);
        async move { Over::Read { whole: reading.await } }.boxed()
    }

    /// What follows from an end; the end of listening where there is nothing to go on with.
    fn over(&mut self, over: Over) -> Option<ListenEnd> {
        let now = self.slack.clock.monotonic();
        let (number, ended) = match over {
            Over::Read { whole } => {
                if !whole {
                    self.read_at = Some(now + READ_AGAIN);
                }
                return None;
            }
            Over::Probe(probed) => {
                self.probing = false;
                self.probe_at = now + PROBE_EVERY;
                return match probed {
                    Ok(()) => None,
                    Err(Without::Person(cause)) => Some(ListenEnd::NeedsPerson(cause)),
                    // Whether the token is taken is not known; whatever else is wrong is noticed elsewhere.
                    Err(Without::Later(_, delay)) => {
                        self.probe_at = now + delay.max(PROBE_AGAIN);
                        None
                    }
                };
            }
            Over::Line(number, ended) => (number, ended),
        };
        let line = self.lines.remove(&number);
        let lived = line.and_then(|line| line.since).is_some_and(|since| now.saturating_sub(since) >= SHORT);
        match ended {
            Ended::Gone => {
                self.backoff.succeeded();
                None
            }
            Ended::Person(cause) => Some(ListenEnd::NeedsPerson(cause)),
            Ended::TooMany(cause) => self.later(cause, TOO_MANY, now),
            Ended::Lost(cause, delay) if lived => {
                info!(account = %self.slack.options.account, %cause, sockets = self.lines.len(), "slack: a socket ended");
                // One that ends as soon as it is there is as bad as none.
                self.backoff.succeeded();
                self.next = now + delay;
                None
            }
            Ended::Lost(cause, delay) => self.later(cause, delay, now),
        }
    }

    /// A socket could not be had. While another one stands, or is on its way, that is no loss.
    fn later(&mut self, cause: Cause, at_least: Duration, now: Duration) -> Option<ListenEnd> {
        if self.lines.is_empty() {
            return Some(ListenEnd::Lost(cause));
        }
        let pause = self.backoff.failed(at_least, &self.slack.dice);
        warn!(account = %self.slack.options.account, %cause, pause_s = pause.as_secs(),
            "slack: a second socket cannot be had now; the other one hears everything");
        self.next = now + pause;
        None
    }

    /// Lets every connection give its acknowledgements and go.
    async fn all_go(&mut self, running: &mut FuturesUnordered<BoxFuture<'a, Over>>) {
        self.reading.stop();
        self.lines.values().for_each(|line| line.go.cancel());
        let closing = async {
            while !self.lines.is_empty() {
                match running.next().await {
                    Some(Over::Line(number, _)) => drop(self.lines.remove(&number)),
                    Some(Over::Probe(_) | Over::Read { .. }) => {}
                    None => return,
                }
            }
        };
        within(&*self.slack.clock, CLOSING, closing).await.unwrap_or_default();
    }
}
