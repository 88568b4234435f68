//! Who hands messages in: one task for the life of the adapter, so that they stay in order whatever becomes of the
//! connections that brought them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};
use wilco_core::Inbox;

use super::progress::Ticket;
use crate::catchup::{Backlog, Gap};
use crate::discord::Discord;
use crate::messages::Taken;
use crate::payload::Message;
use crate::snowflake::Snowflake;
use crate::time::within;

/// How many messages may wait to be handed in. When there are more, the connection is given up and resumed later:
/// Discord keeps what was not taken.
const WAITING: usize = 1_024;
/// How many of these places are kept for what was missed, so that a session that begins always finds room for it.
pub(super) const KEPT_FREE: usize = 8;
/// How long the guilds of a new session may take to arrive before what was missed is read.
const GUILDS: Duration = Duration::from_secs(10);
/// For how long what was missed goes before what is written now; after that what is written now does not wait for it.
const FIRST: Duration = Duration::from_secs(60);

/// What is handed in one after the other.
pub(crate) enum Work {
    /// What was missed has to be read once these guilds are known.
    CatchUp { gap: Gap, guilds: Vec<Snowflake> },
    /// A message that is meant for the bot.
    Message { message: Box<Message>, ticket: Ticket, waiting: OneWaits },
}

/// How many messages wait to be handed in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    /// Counts one until it is dropped.
    pub(super) fn one_more(&self) -> OneWaits {
        self.0.fetch_add(1, Ordering::SeqCst);
        OneWaits(self.clone())
    }

    /// Whether none waits.
    pub(crate) fn is_none(&self) -> bool {
        self.0.load(Ordering::SeqCst) == 0
    }
}

/// A message that waits.
#[derive(Debug)]
pub(crate) struct OneWaits(Waiting);

impl Drop for OneWaits {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The task, when there is one.
#[derive(Default)]
pub(crate) struct Worker(Mutex<Option<Task>>);

struct Task {
    work: mpsc::Sender<Work>,
    /// That it is to end, for what it would only wait for.
    ending: CancellationToken,
    running: JoinHandle<()>,
}

impl Worker {
    fn with<T>(&self, act: impl FnOnce(&mut Option<Task>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The way to it; it is started where there is none.
    pub(super) fn at_work(&self, discord: &Arc<Discord>, inbox: &Arc<dyn Inbox>) -> mpsc::Sender<Work> {
        self.with(|task| match task {
            Some(task) if !task.running.is_finished() => task.work.clone(),
            gone @ (Some(_) | None) => {
                if gone.is_some() {
                    error!("discord: the task that hands messages in is gone; a new session reads what it had to read");
                    *discord.ears.session() = None;
                    discord.forget_gaps();
                }
                let ((work, waiting), ending) = (mpsc::channel(WAITING), CancellationToken::new());
                let handing = hand_in(Arc::downgrade(discord), Arc::clone(inbox), waiting, ending.clone());
                *gone = Some(Task { work: work.clone(), ending, running: tokio::spawn(handing) });
                work
            }
        })
    }

    /// Lets it end with what waits now. Dropped, it ends where it stands: what it has not handed in is read again by the
    /// next process, because its channel says how far it got.
    pub(super) async fn ends(&self) {
        let Some(Task { work, ending, mut running }) = self.with(Option::take) else { return };
        ending.cancel();
        // Without a way to it, it ends after what waits.
        drop(work);
        let abandoned = Abandoned(&mut running);
        if let Err(why) = (&mut *abandoned.0).await {
            error!(%why, "discord: the task that hands messages in did not end well");
        }
    }
}

/// A task that ends when nobody waits for it any more.
struct Abandoned<'a>(&'a mut JoinHandle<()>);

impl Drop for Abandoned<'_> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

enum Step {
    Take(Work),
    ReadOn,
}

/// Hands messages in, one after the other. What was missed is read before what came later, for a while. It ends with
/// the adapter, which it does not keep alive.
async fn hand_in(
    adapter: Weak<Discord>,
    inbox: Arc<dyn Inbox>,
    mut waiting: mpsc::Receiver<Work>,
    ending: CancellationToken,
) {
    let Some(clock) = adapter.upgrade().map(|discord| Arc::clone(&discord.clock)) else { return };
    let mut backlog = Backlog::default();
    let mut first_until = Duration::ZERO;
    loop {
        let step = match backlog.due() {
            None => waiting.recv().await.map(Step::Take),
            // Not while it is to end: what waits is handed in then, and what is not read yet, the next process reads.
            Some(due) if due <= clock.monotonic() && clock.monotonic() < first_until && !ending.is_cancelled() => {
                Some(Step::ReadOn)
            }
            Some(due) => tokio::select! {
                biased;
                work = waiting.recv() => work.map(Step::Take),
                () = clock.sleep_until(due) => Some(Step::ReadOn),
            },
        };
        let (Some(step), Some(discord)) = (step, adapter.upgrade()) else { return };
        match step {
            Step::ReadOn => discord.read_on(&inbox, &mut backlog).await,
            Step::Take(Work::Message { message, ticket, waiting: one }) => {
                if discord.take_message(&inbox, &message).await == Taken::Meant {
                    discord.active_in(message.channel_id, message.guild_id, Some(message.id)).await;
                }
                ticket.done();
                drop(one);
            }
            Step::Take(Work::CatchUp { gap, guilds }) => {
                let since = gap.since;
                // First of all: what is handed in from now on must not hide what was written before.
                discord.begin_to_read(&mut backlog, gap).await;
                let arrived = tokio::select! {
                    biased;
                    () = ending.cancelled() => None,
                    arrived = within(&*clock, GUILDS, discord.ears.guilds_known(&guilds)) => arrived,
                };
                if arrived.is_none() {
                    info!("discord: not every guild has arrived; what was missed is read without them");
                }
                discord.widen(&mut backlog, since).await;
                first_until = clock.monotonic() + FIRST;
            }
        }
    }
}
