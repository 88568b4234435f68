//! The ears without a socket: Slack sends a request for everything that happens to an address of the app's (Slack, "Using
//! the Events API over HTTP").
//!
//! It is for whoever may not let a program hold connections to the outside. What comes in goes the same way as what comes
//! by a socket. There are no pongs here: as long as the process stands and its clock goes on, it counts as hearing. What
//! Slack could not bring because the way to the address was broken, it tries again three times within some six minutes;
//! what it gave up while the process stood is noticed by nobody.

mod door;
mod read;
mod signature;

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::info;
use wilco_core::{Cause, Inbox, ListenEnd};

use self::door::Door;
use crate::options::Requests;
use crate::reading::Reading;
use crate::slack::Slack;
use crate::socket::{CLOSING, PROBE_AGAIN, PROBE_EVERY, READ_AGAIN, Without, within};

/// How often it is noted that requests are heard.
const ALIVE_EVERY: Duration = Duration::from_secs(15);

/// When what Slack has held back is read: it says so once a minute while it lasts.
const LIMITED: Duration = Duration::from_secs(90);

/// What came to its end.
enum Over {
    Served(std::io::Result<()>),
    Probe(Result<(), Without>),
    /// A gap was read, or only in part.
    Read(bool),
}

/// Listens until it is stopped or cannot go on.
pub(crate) async fn supervise(
    slack: &Arc<Slack>,
    inbox: &Arc<dyn Inbox>,
    to: &Requests,
    stop: &CancellationToken,
) -> ListenEnd {
    let listener = match TcpListener::bind(to.address).await {
        Ok(listener) => listener,
        Err(why) => {
            let why = format!("requests of Slack's cannot be taken at {}: {why}", to.address);
            return ListenEnd::Lost(Cause::new("bind", why));
        }
    };
    slack.ears.refused.mended();
    info!(account = %slack.options.account, address = %to.address, "slack: requests are taken");
    let close = CancellationToken::new();
    let door = Door::new(slack, inbox, &to.signing_secret);
    let clock = &slack.clock;
    let mut running: FuturesUnordered<BoxFuture<'_, Over>> = FuturesUnordered::new();
    running.push(door::serve(door, listener, close.clone()).map(Over::Served).boxed());
    let mut reading = Reading::default();
    running.push(reading.anew(slack, inbox).map(Over::Read).boxed());
    slack.sign_of_life();
    let (mut alive_at, mut probe_at) = (clock.monotonic() + ALIVE_EVERY, clock.monotonic() + PROBE_EVERY);
    let mut read_at = Duration::MAX;
    let end = loop {
        let now = clock.monotonic();
        if now >= alive_at {
            alive_at = now + ALIVE_EVERY;
            if slack.sign_of_life() {
                // The machine slept: Slack's tries may have come to nothing meanwhile.
                running.push(reading.anew(slack, inbox).map(Over::Read).boxed());
            } else if slack.heard_until_now() {
                // Beside: a store that stalls must not keep anybody from being heard.
                let slack = Arc::clone(slack);
                slack.ears.tasks.clone().spawn(async move { slack.store_alive().await });
            }
        }
        if now >= read_at {
            read_at = Duration::MAX;
            running.push(reading.anew(slack, inbox).map(Over::Read).boxed());
        }
        if now >= probe_at {
            probe_at = Duration::MAX;
            running.push(async move { Over::Probe(slack.try_bot_token().await) }.boxed());
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => break ListenEnd::Stopped,
            Some(over) = running.next() => match over {
                Over::Served(served) => {
                    let why = served.err().map_or_else(|| "the listener ended".to_owned(), |why| why.to_string());
                    break ListenEnd::Lost(Cause::new("listener", why));
                }
                Over::Read(whole) if !whole => read_at = clock.monotonic() + READ_AGAIN,
                Over::Read(_) => {}
                Over::Probe(Err(Without::Person(cause))) => break ListenEnd::NeedsPerson(cause),
                Over::Probe(Err(Without::Later(_, delay))) => probe_at = clock.monotonic() + delay.max(PROBE_AGAIN),
                Over::Probe(Ok(())) => probe_at = clock.monotonic() + PROBE_EVERY,
            },
            () = slack.ears.limited.notified() => read_at = read_at.min(clock.monotonic() + LIMITED),
            () = slack.ears.doubted.notified() => probe_at = probe_at.min(clock.monotonic()),
            () = clock.sleep_until(alive_at.min(read_at).min(probe_at)) => {}
        }
    };
    reading.stop();
    close.cancel();
    // What came is answered before the listener is gone.
    let answered = async {
        while let Some(over) = running.next().await {
            if matches!(over, Over::Served(_)) {
                return;
            }
        }
    };
    within(&**clock, CLOSING, answered).await.unwrap_or_default();
    end
}
