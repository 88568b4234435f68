//! Slash commands, menus, buttons and what is offered while somebody types. They have to be answered within three
//! seconds, so this path does nothing else: the event goes to the inbox at once, and when the store has not answered
//! after two seconds, *Heard* is said, or the answer is deferred. Everything that lasts is said by the bot token, as an
//! ordinary message.

mod answer;
mod heard;
mod note;
mod suggest;
mod understand;

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tokio::task::{JoinError, JoinHandle};
use tracing::{error, info, warn};
use wilco_core::{Accepted, Inbound, Inbox, Reply, wording};

pub(crate) use self::answer::Asked;
use self::answer::First;
pub(crate) use self::heard::Notes;
pub(crate) use self::note::{Shown, bodies};
use self::understand::Understood;
pub(crate) use self::understand::shows_something;
use crate::discord::Discord;
use crate::options::Secret;
use crate::payload::Interaction;
use crate::time::within;

/// How long the person waits for the store before they are told *heard* (requirements L2, M12).
const HEARD_AFTER: Duration = Duration::from_secs(2);

/// How long the store gets to keep that somebody is being told *heard*.
const KEPT_WITHIN: Duration = Duration::from_millis(300);

/// Types of interactions (Discord API, "Interaction Type").
const COMMAND: u64 = 2;
const COMPONENT: u64 = 3;
const AUTOCOMPLETE: u64 = 4;

impl Discord {
    /// Hears one interaction and answers it.
    pub(crate) async fn hear(self: Arc<Self>, inbox: Arc<dyn Inbox>, event: Value) {
        let since = self.clock.monotonic();
        let event = match Interaction::deserialize(event) {
            Ok(event) => event,
            Err(why) => {
                // A token is a text where a text is expected, so it is never among the words of this error.
                warn!(%why, "discord: an interaction does not read and is left out; its person is told so by Discord");
                return;
            }
        };
        let asked = Asked { id: event.id, application: event.application_id, token: Secret::new(event.token.clone()) };
        match event.kind {
            COMMAND | COMPONENT => match self.understand(&event).await {
                Understood::Say(reply) => self.say(&asked, since, &reply).await,
                Understood::Hand(inbound) => {
                    let spot = self.spot_of(&event);
                    let told = Arc::clone(&self).hand_in(inbox, &asked, since, *inbound);
                    told.await;
                    self.active_in(spot.id, spot.guild, None).await;
                }
            },
            AUTOCOMPLETE => {
                let list = self.suggest(&event, since).await;
                self.answer_first(&asked, since, &answer::choices(&list)).await;
            }
            kind => info!(kind, "discord: an interaction of a kind that this bot has no use for"),
        }
    }

    async fn hand_in(self: Arc<Self>, inbox: Arc<dyn Inbox>, asked: &Asked, since: Duration, inbound: Inbound) {
        // A task of its own, so that nothing that happens here cuts a half-told event off.
        let mut task = self.ears.tasks.spawn(async move { inbox.offer(vec![inbound]).await.into_iter().next() });
        tokio::select! {
            biased;
            taken = &mut task => self.say(asked, since, &told(taken)).await,
            () = self.clock.sleep_until(since + HEARD_AFTER) => self.bridge(asked, since, task).await,
        }
    }

    /// The store takes long: the person is told that they were heard, and then what became of it.
    async fn bridge(self: Arc<Self>, asked: &Asked, since: Duration, mut task: JoinHandle<Option<Accepted>>) {
        let mut keeping = self.ears.tasks.spawn({
            let (discord, asked) = (Arc::clone(&self), asked.clone());
            async move { discord.keep_note(&asked).await }
        });
        // Words that nobody keeps would stand for ever when this process dies. A deferral does not: Discord ends it by
        // itself when its token dies, and says that the application did not respond.
        let at_once = within(&*self.clock, KEPT_WITHIN, &mut keeping).await;
        let kept = matches!(at_once, Some(Ok(true)));
        let words = if kept { answer::message(&first(&wording::heard(), asked)) } else { answer::deferral() };
        let heard = self.answer_first(asked, since, &words).await;
        let taken = tokio::select! {
            biased;
            taken = &mut task => told(taken),
            () = self.until(heard::due(asked.id).minus(Duration::from_secs(30))) => wording::heard_and_lost(),
        };
        info!(interaction = %asked.id, ?heard, kept, "discord: the store answered after more than two seconds");
        match heard {
            First::Shown | First::Before => {
                self.keep_words(asked, &taken).await;
                self.resolve(asked, &taken).await;
            }
            First::Late => {}
        }
        let ended = match at_once {
            Some(ended) => ended,
            None => keeping.await,
        };
        if let Err(why) = ended {
            error!(%why, "discord: keeping a note failed");
        }
        // Kept after it was resolved, or never shown: it is not to be found by the next start.
        self.forget_note(asked.id).await;
    }

    /// Answers at once.
    async fn say(&self, asked: &Asked, since: Duration, reply: &Reply) {
        let bodies = bodies(reply, &asked.id.to_string(), Shown::Privately);
        let mut bodies = bodies.iter();
        let Some(first) = bodies.next() else { return };
        match self.answer_first(asked, since, &answer::message(first)).await {
            First::Shown => {}
            // Perhaps this very answer, whose own answer was lost: the same words once more change nothing then.
            First::Before => return self.resolve(asked, reply).await,
            First::Late => return,
        }
        for further in bodies {
            if self.answer_further(asked, further).await != answer::Later::Done {
                warn!(interaction = %asked.id, "discord: a private answer is not complete");
                return;
            }
        }
    }
}

fn first(reply: &Reply, asked: &Asked) -> Value {
    bodies(reply, &asked.id.to_string(), Shown::Privately).into_iter().next().unwrap_or_default()
}

/// What a person is told of what the inbox said. An interaction is always answered.
fn told(taken: Result<Option<Accepted>, JoinError>) -> Reply {
    match taken {
        Ok(taken) => words(taken.unwrap_or(Accepted::Busy)),
        Err(why) => {
            error!(%why, "discord: handing an event in failed");
            wording::heard_and_lost()
        }
    }
}

/// The words for each answer of the inbox.
pub(crate) fn words(taken: Accepted) -> Reply {
    match taken {
        Accepted::Stored { reply: Some(reply), .. } | Accepted::Refused(reply) | Accepted::Answered(reply) => reply,
        Accepted::Stored { worker, reply: None } => wording::accepted(worker.as_ref()),
        Accepted::Duplicate { worker } => wording::accepted_before(worker.as_ref()),
        Accepted::Busy => wording::not_stored("the store is busy"),
    }
}
