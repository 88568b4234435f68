//! How both adapters listen: events become core's words, the inbox answers, the answers go back.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

use async_trait::async_trait;
use futures::stream::FuturesUnordered;
use futures::{StreamExt, TryStreamExt, stream};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use wilco_core::command::{self, Parsed};
use wilco_core::schedule::HEARD_AFTER;
use wilco_core::{Accepted, AccountId, Clock, Inbound, Inbox, ListenEnd, Press, Reply, What, wording};

use crate::platform::{Event, Saying};

/// The most events that are offered in one transaction: as many as Telegram's `getUpdates` gives at once.
pub(crate) const BATCH: usize = 100;
/// How many answers are on their way at once. Each begins in its turn, so what needs no wire stays in order.
const ANSWERING: usize = 16;

/// A connection that brings events.
#[async_trait]
pub(crate) trait Line: Send + Sync {
    /// Says that a new session begins: unanswered events come again.
    async fn open(&self) -> Result<(), ListenEnd>;
    /// The next events, at least one.
    async fn next(&self) -> Result<Vec<Event>, ListenEnd>;
    /// Answers an event.
    async fn answer(&self, event: &Event, accepted: &Accepted) -> Result<(), ListenEnd>;
    /// Shows a private note about an event that has no answer yet.
    async fn note(&self, event: &Event, reply: &Reply) -> Result<(), ListenEnd>;
}

/// Listens until stopped or cut off.
pub(crate) async fn listen(
    line: &dyn Line,
    account: &AccountId,
    clock: &dyn Clock,
    inbox: &Arc<dyn Inbox>,
    stop: &CancellationToken,
) -> ListenEnd {
    match run(line, account, clock, inbox, stop).await {
        Ok(()) => ListenEnd::Stopped,
        Err(end) => end,
    }
}

async fn run(
    line: &dyn Line,
    account: &AccountId,
    clock: &dyn Clock,
    inbox: &Arc<dyn Inbox>,
    stop: &CancellationToken,
) -> Result<(), ListenEnd> {
    line.open().await?;
    let ears = Ears { line, account, clock, inbox, stop, turn: Mutex::new(()), known: Default::default() };
    let mut under_way = FuturesUnordered::new();
    // Never dropped half way: what the platform has handed out to nobody comes again much later.
    let mut hearing = line.next();
    // Only the waiting can be stopped: a batch that was offered gets its answers.
    while !stop.is_cancelled() {
        let events = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(answered) = under_way.next() => {
                let () = answered?;
                continue;
            }
            events = &mut hearing => events?,
        };
        hearing = line.next();
        let mut offered = Vec::with_capacity(events.len());
        for event in events {
            match understood(&event) {
                Ok(what) if ears.is_new(&event) => offered.push((event, what)),
                // The platform has lost patience and says it again; the first time is about to be answered.
                Ok(_) => {}
                Err(reply) => line.answer(&event, &Accepted::Answered(reply)).await?,
            }
        }
        if !offered.is_empty() {
            under_way.push(ears.offer(offered));
        }
    }
    while let Some(answered) = under_way.next().await {
        answered?;
    }
    Ok(())
}

/// What every batch of one connection needs.
struct Ears<'a> {
    line: &'a dyn Line,
    account: &'a AccountId,
    clock: &'a dyn Clock,
    inbox: &'a Arc<dyn Inbox>,
    stop: &'a CancellationToken,
    /// Batches are offered one after the other, in their order; being heard waits for nobody.
    turn: Mutex<()>,
    /// The events that are with the inbox or wait for their turn.
    known: std::sync::Mutex<BTreeSet<String>>,
}

impl Ears<'_> {
    fn is_new(&self, event: &Event) -> bool {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(event.id.clone())
    }

    /// Offers a batch in its turn and answers it.
    async fn offer(&self, offered: Vec<(Event, What)>) -> Result<(), ListenEnd> {
        // A slow store does not keep people waiting for a sign that they were heard.
        let late = self.clock.sleep_until(self.clock.monotonic() + HEARD_AFTER);
        let told = self.tell(&offered);
        tokio::pin!(told);
        tokio::select! {
            biased;
            told = &mut told => return told,
            () = late => {}
        }
        for (event, _) in &offered {
            self.line.note(event, &wording::heard()).await?;
        }
        told.await
    }

    async fn tell(&self, offered: &[(Event, What)]) -> Result<(), ListenEnd> {
        let turn = self.turn.lock().await;
        if self.stop.is_cancelled() {
            // It was not offered, so it comes again in the next session.
            return Ok(());
        }
        let batch = offered.iter().map(|(event, what)| Inbound {
            account: self.account.clone(),
            event: event.id.clone(),
            place: event.place.clone(),
            person: event.person.clone(),
            what: what.clone(),
            at: event.at,
        });
        let answers = self.inbox.offer(batch.collect()).await;
        drop(turn);
        // From here on the same event is one that comes again, and is answered again.
        let forget =
            |(event, _): &(Event, What)| self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(&event.id);
        let forgotten = offered.iter().filter(|one| forget(one)).count();
        debug_assert_eq!(forgotten, offered.len());
        // An inbox that answers fewer than it was offered has not taken the rest.
        let answers = answers.into_iter().map(Some).chain(std::iter::repeat(None));
        let pairs = offered.iter().zip(answers).map(Ok);
        let told = stream::iter(pairs).try_for_each_concurrent(ANSWERING, |((event, _), accepted)| async move {
            self.line.answer(event, &accepted.unwrap_or(Accepted::Busy)).await
        });
        told.await
    }
}

/// What an event means, or what to say to the person at once.
fn understood(event: &Event) -> Result<What, Reply> {
    match &event.saying {
        Saying::Press { payload, message } => {
            let press = Press::decode(payload).ok_or_else(wording::unknown_button)?;
            Ok(What::Press { press, message: message.clone() })
        }
        Saying::Text(text) => match command::parse(text) {
            Parsed::Command(command) => Ok(What::Command(command)),
            Parsed::Text(text) => Ok(What::Said(text)),
            Parsed::Usage(spec) => Err(wording::usage(spec)),
            Parsed::Unknown { verb, nearest } => Err(wording::unknown_command(&verb, nearest)),
        },
    }
}
