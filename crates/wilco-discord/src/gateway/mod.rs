//! The ears' connection: a session of the gateway, and who looks after it.
//!
//! It is our own and not serenity's, because that one begins sessions without asking (after a heartbeat that was not
//! acknowledged, for example), counts an event before anybody has taken it, has no limit for its handshake, and never
//! tells that it cannot connect. Here an event counts once the inbox has it ([`Progress`]), a session begins only
//! within a stored budget (`budget.rs`), and every wait has an end.

mod budget;
mod close;
mod connection;
mod directory;
mod patience;
mod progress;
mod socket;
mod wire;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serenity::http::Route;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use wilco_core::{Cause, Inbox, ListenEnd, Timestamp};

use self::budget::{DAILY, Starts, Verdict};
use self::connection::{Connection, Ended, Reached};
pub(crate) use self::directory::{Directory, Spot};
pub(crate) use self::patience::{Refused, Resumes};
pub(crate) use self::progress::Progress;
pub(crate) use self::wire::Session;
use self::worker::Work;
pub(crate) use self::worker::{Waiting, Worker};
use crate::discord::Discord;
use crate::rest::{Answer, Call};
use crate::time::within;

/// A connection that ended sooner is not followed by another at once.
const SHORT: Duration = Duration::from_secs(5);
/// The pause before a session that Discord has declared invalid is replaced: 1 to 5 s (Discord API, "Gateway",
/// opcode 9).
const AFTER_INVALID: Duration = Duration::from_secs(3);
/// How long what is under way gets to end after the stop was asked for.
const CLOSING: Duration = Duration::from_secs(5);

/// Listens until it is stopped or cannot go on.
pub(crate) async fn listen(discord: &Discord, inbox: Arc<dyn Inbox>, stop: CancellationToken) -> ListenEnd {
    let Some(discord) = discord.shared() else { return ListenEnd::Stopped };
    if let Some(cause) = discord.ears.refused.holds(discord.clock.monotonic()) {
        return ListenEnd::NeedsPerson(cause);
    }
    discord.ears.tasks.reopen();
    if let Err(why) = discord.load_active().await {
        let why = format!("no session is begun before it is known what was missed: {why}");
        return ListenEnd::Lost(Cause::new("store", why));
    }
    discord.take_up_notes().await;
    let work = discord.ears.worker.at_work(&discord, &inbox);
    let end = supervise(&discord, &inbox, &work, &stop).await;
    drop(work);
    discord.store_alive().await;
    match &end {
        ListenEnd::Stopped => {
            discord.ears.tasks.close();
            let closing = async {
                discord.ears.worker.ends().await;
                discord.ears.tasks.wait().await;
            };
            if within(&*discord.clock, CLOSING, closing).await.is_none() {
                warn!("discord: something was still being handed in or answered five seconds after the stop");
            }
        }
        ListenEnd::NeedsPerson(_) | ListenEnd::Lost(_) => {}
    }
    end
}

async fn supervise(
    discord: &Arc<Discord>,
    inbox: &Arc<dyn Inbox>,
    work: &mpsc::Sender<Work>,
    stop: &CancellationToken,
) -> ListenEnd {
    let ears = &discord.ears;
    loop {
        let kept = ears.session().clone();
        let resumes = kept.is_some();
        let url = match &kept {
            // The address that was named for it; the common one when that cannot be reached.
            Some((session, _)) if ears.resumes.reachable() => Ok(session.resume_url.clone()),
            Some(_) => gateway_url(discord, stop).await.map(|gateway| gateway.url),
            None => may_begin(discord, stop).await,
        };
        let url = match url {
            Ok(url) => url,
            Err(end) => return end,
        };
        let Some(url) = wire::address(&url, &discord.options.api) else {
            *ears.session() = None;
            return ListenEnd::Lost(Cause::new("gateway_url", "Discord named a gateway that is no WebSocket address"));
        };
        let since = discord.clock.monotonic();
        let (ended, reached) = Connection::new(discord, inbox, work, stop, kept).live(&url).await;
        let short = discord.clock.monotonic().saturating_sub(since) < SHORT;
        let ready = reached == Reached::Session;
        match ended {
            Ended::Stopped => {
                *ears.session() = None;
                return ListenEnd::Stopped;
            }
            Ended::Person(cause) => {
                *ears.session() = None;
                ears.refused.again(cause.clone(), discord.clock.monotonic());
                return ListenEnd::NeedsPerson(cause);
            }
            Ended::Again(cause) => {
                if resumes && ears.resumes.ended(reached) {
                    warn!(%cause, "discord: the session does not come back; a new one is begun");
                    *ears.session() = None;
                }
                if !ready || short {
                    return ListenEnd::Lost(cause);
                }
                info!(%cause, "discord: the connection ended; the session goes on in another");
            }
            Ended::Over(cause) => {
                *ears.session() = None;
                info!(%cause, "discord: the session is over; a new one is begun");
                let pause = discord.clock.monotonic() + discord.dice.jitter(AFTER_INVALID);
                tokio::select! {
                    biased;
                    () = stop.cancelled() => return ListenEnd::Stopped,
                    () = discord.clock.sleep_until(pause) => {}
                }
                if !resumes && !ready {
                    return ListenEnd::Lost(cause);
                }
            }
        }
    }
}

/// `GET /gateway/bot` (Discord API, "Get Gateway Bot").
#[derive(Deserialize)]
struct GatewayBot {
    url: String,
    #[serde(default)]
    session_start_limit: Option<StartLimit>,
}

#[derive(Deserialize)]
struct StartLimit {
    remaining: u64,
    /// Milliseconds until there are more.
    #[serde(default)]
    reset_after: u64,
}

/// Waits until a session may begin; where. An error is the end of listening.
async fn may_begin(discord: &Discord, stop: &CancellationToken) -> Result<String, ListenEnd> {
    loop {
        let now = discord.clock.now();
        let starts = Starts::load(&*discord.shelf, now).await.map_err(|why| store(&why))?;
        match starts.verdict(now) {
            Verdict::Now => break,
            Verdict::After(due) => {
                info!(until = %due, "discord: the next session waits, because several were begun lately");
                tokio::select! {
                    biased;
                    () = stop.cancelled() => return Err(ListenEnd::Stopped),
                    () = discord.until(due) => {}
                }
            }
            Verdict::Spent(until) => return Err(ListenEnd::NeedsPerson(spent(until))),
        }
    }
    let gateway = gateway_url(discord, stop).await?;
    match gateway.session_start_limit {
        Some(limit) if limit.remaining == 0 => {
            let until = discord.clock.now().plus(Duration::from_millis(limit.reset_after));
            Err(ListenEnd::NeedsPerson(Cause::new(
                "session_start_limit",
                format!(
                    "Discord lets this bot begin no session before {until}, because too many were begun in 24 hours. \
                     Sending still works and nothing that was accepted is lost. Look whether another program uses the \
                     same token; wilco goes on by itself then"
                ),
            )))
        }
        Some(_) | None => Ok(gateway.url),
    }
}

/// Asks where the gateway is. An error is the end of listening.
async fn gateway_url(discord: &Discord, stop: &CancellationToken) -> Result<GatewayBot, ListenEnd> {
    let asked = tokio::select! {
        biased;
        () = stop.cancelled() => return Err(ListenEnd::Stopped),
        answer = discord.rest.call(Call::get(Route::GatewayBot, Vec::new())) => answer,
    };
    let body = match asked {
        Answer::Done { body, .. } => body,
        Answer::Refused(refusal) if refusal.status == 401 => {
            return Err(match close::after(Some(4004), discord.options.message_content) {
                close::After::Person(cause) => ListenEnd::NeedsPerson(cause),
                close::After::Resume | close::After::Identify => lost("token", "Discord refuses the bot token"),
            });
        }
        Answer::Refused(refusal) => return Err(lost(&refusal.status.to_string(), &refusal.message)),
        Answer::Held { delay, .. } => {
            return Err(lost("held", &format!("a rate limit holds everything for {} s", delay.as_secs())));
        }
        Answer::NotSent(cause) | Answer::Unknown(cause) => return Err(ListenEnd::Lost(cause)),
    };
    serde_json::from_slice(&body).map_err(|why| lost("gateway_url", &format!("no gateway was named: {why}")))
}

fn spent(until: Timestamp) -> Cause {
    Cause::new(
        "identify_budget",
        format!(
            "{DAILY} sessions were begun within 24 hours, so something ends them again and again. wilco begins no further \
         one before {until}, because Discord takes the token away at 1,000. Sending still works and nothing that was \
         accepted is lost. Look for the reason in the log, or whether another program uses the same token"
        ),
    )
}

fn store(why: &wilco_core::shelf::ShelfError) -> ListenEnd {
    ListenEnd::Lost(Cause::new("store", format!("no session is begun that cannot be counted: {why}")))
}

fn lost(code: &str, text: &str) -> ListenEnd {
    ListenEnd::Lost(Cause::new(code, text))
}

impl Discord {
    /// Resolves when the wall clock reaches a moment; a clock that is set meanwhile is looked at again every minute.
    pub(crate) async fn until(&self, moment: Timestamp) {
        loop {
            let left = moment.since(self.clock.now());
            if left.is_zero() {
                return;
            }
            self.clock.sleep_until(self.clock.monotonic() + left.min(Duration::from_secs(60))).await;
        }
    }
}
