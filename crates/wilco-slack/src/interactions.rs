//! Slash commands, buttons and shortcuts. The event goes to the inbox at once, and whoever gave it is answered with the
//! acknowledgement; when the store has not answered after two seconds, *Heard* is said. Everything that lasts is said as
//! an ordinary message.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tokio::task::JoinError;
use tracing::{debug, error, info, warn};
use wilco_core::command::Command;
use wilco_core::{Inbox, Press, Reply, Timestamp, What, wording};

use crate::blocks;
use crate::hear::{Ack, Again, Carries, Envelope, HEARD_AFTER, KEPT_WITHIN, OneWaits};
use crate::look::PATIENCE;
use crate::note::Note;
use crate::payload::{Action, Interactive, Slash, response};
use crate::people::Hint;
use crate::place::Spot;
use crate::slack::Slack;
use crate::socket::within;
use crate::spoken;
use crate::tell::{Listener, with_ack};
use crate::ts::Ts;
use crate::understand::{Done, meant, said, words};

/// The callback id of the message shortcut *Cancel this job*, as the app's manifest names it.
pub const CANCEL_SHORTCUT: &str = crate::manifest::CANCEL_CALLBACK;
/// The callback id of the global shortcut that lists the commands, as the app's manifest names it.
pub const HELP_SHORTCUT: &str = crate::manifest::HELP_CALLBACK;
/// What is left of an address for answers when nobody knows what became of a command.
const LAST_WORDS: Duration = Duration::from_secs(30);

/// Something that somebody gave.
#[derive(Clone)]
struct Asked {
    event: String,
    listener: Listener,
    what: Result<What, Reply>,
    name: Option<String>,
    team: Option<String>,
    at: Timestamp,
    /// A command can be answered with its acknowledgement.
    command: bool,
    /// Whoever pressed a button of a message sees what came of it there.
    always_answered: bool,
}

/// What is said of it.
struct Outcome {
    /// At once; nothing where it shows by itself.
    now: Option<Reply>,
    /// After *Heard*.
    later: Reply,
}

impl From<Reply> for Outcome {
    fn from(reply: Reply) -> Self {
        Self { now: Some(reply.clone()), later: reply }
    }
}

impl Slack {
    /// Hears one and answers it. It waits no more once the inbox has answered, however long the person is to be told.
    pub(crate) async fn hear(
        self: Arc<Self>,
        inbox: Arc<dyn Inbox>,
        envelope: Envelope,
        ack: Option<Ack>,
        waits: OneWaits,
    ) {
        let since = self.clock.monotonic();
        let Some(mut asked) = self.read_asked(&envelope, self.clock.now()).await else {
            if let Some(ack) = ack {
                ack.give();
            }
            return;
        };
        // A task of its own, so that nothing that happens here cuts a half-told event off.
        let mut task = self.ears.tasks.spawn(Arc::clone(&self).hand_in(inbox, asked.clone()));
        tokio::select! {
            biased;
            outcome = &mut task => {
                let outcome = told(outcome);
                drop(waits);
                self.answer_now(&mut asked, ack, outcome.now, PATIENCE).await;
            }
            () = self.clock.sleep_until(since + HEARD_AFTER) => {
                let keeping = self.ears.tasks.spawn({
                    let (slack, id, envelope) = (Arc::clone(&self), asked.event.clone(), envelope.clone());
                    async move { slack.keep_heard(&id, &envelope).await }
                });
                let mut keeping = std::pin::pin!(keeping);
                let kept = within(&*self.clock, KEPT_WITHIN, &mut keeping).await;
                // A process that dies now answers only what is kept, and Slack ends no note by itself.
                let heard = if matches!(kept, Some(Ok(true))) { wording::heard() } else { wording::heard_unkept() };
                // What comes of it is worth more than that it was heard.
                self.answer_now(&mut asked, ack, Some(heard), HEARD_AFTER).await;
                let due = self.until(asked.listener.due().minus(LAST_WORDS));
                let outcome = tokio::select! {
                    biased;
                    outcome = &mut task => Some(told(outcome)),
                    () = due => None,
                };
                let ended = match kept {
                    Some(ended) => ended,
                    None => keeping.await,
                };
                if let Err(why) = ended {
                    error!(%why, "slack: keeping what was heard failed");
                }
                match outcome {
                    Some(outcome) => {
                        drop(waits);
                        self.answer_later(&mut asked, &envelope, &outcome.later).await;
                    }
                    None => {
                        self.answer_later(&mut asked, &envelope, &wording::heard_and_lost()).await;
                        // What it asked for is kept until the store has it.
                        drop(task.await);
                        drop(waits);
                    }
                }
                self.forget_heard(&asked.event).await;
            }
        }
    }

    /// Hands something in that a process before this one has heard, and answers it.
    pub(crate) async fn hear_again_and_answer(
        self: &Arc<Self>,
        inbox: Arc<dyn Inbox>,
        id: &str,
        envelope: Envelope,
        again: Again,
    ) {
        let Some(mut asked) = self.read_asked(&envelope, again.at).await.filter(|asked| asked.event == id) else {
            return;
        };
        let words = match again.words {
            Some(words) => words,
            None => told(self.ears.tasks.spawn(Arc::clone(self).hand_in(inbox, asked.clone())).await).later,
        };
        self.answer_later(&mut asked, &envelope, &words).await;
    }

    async fn hand_in(self: Arc<Self>, inbox: Arc<dyn Inbox>, asked: Asked) -> Outcome {
        let Asked { event, listener, what, name, team, at, always_answered, .. } = asked;
        let what = match what {
            Ok(what) => what,
            Err(reply) => return reply.into(),
        };
        let hint = Hint { name: name.as_deref(), team: team.as_deref() };
        let done = Done { event: &event, spot: listener.spot(), person: listener.person(), hint, what, at };
        let begun = self.clock.monotonic();
        let inbound = match self.understand(done).await {
            Ok(inbound) => inbound,
            Err(reply) => return reply.into(),
        };
        let known = self.clock.monotonic();
        let taken = self.offer_patiently(&inbox, &inbound).await;
        let (looked, stored) = (known.saturating_sub(begun), self.clock.monotonic().saturating_sub(known));
        if looked + stored >= HEARD_AFTER {
            info!(%event, looked_up_s = looked.as_secs_f32(), stored_s = stored.as_secs_f32(),
                "slack: an event was stored late, because Slack's look-ups or the store took their time");
        }
        self.active_in(listener.spot(), None).await;
        let later = words(taken.clone());
        Outcome { now: if always_answered { Some(later.clone()) } else { said(taken) }, later }
    }

    /// Acknowledges, and says what is to be said at once.
    async fn answer_now(&self, asked: &mut Asked, ack: Option<Ack>, reply: Option<Reply>, patience: Duration) {
        let end = self.clock.monotonic() + patience;
        let (payload, rest) = match reply.as_ref().filter(|_| asked.command) {
            Some(reply) => {
                let (payload, rest) = with_ack(&asked.listener, reply);
                (Some(payload), rest)
            }
            None => (None, Vec::<Note>::new()),
        };
        let carried = match (ack, payload) {
            (Some(ack), Some(payload)) => ack.carry(payload).await,
            (Some(ack), None) => {
                ack.give();
                false
            }
            (None, _) => false,
        };
        if carried {
            self.tell_notes(&mut asked.listener, rest, end).await;
        } else if let Some(reply) = reply {
            self.tell(&mut asked.listener, &reply, end).await;
        }
    }

    /// Says what became of it, as often as it takes. A process that dies meanwhile leaves the words to the next one.
    async fn answer_later(&self, asked: &mut Asked, envelope: &Envelope, reply: &Reply) {
        let event = asked.event.clone();
        let mut keeping = std::pin::pin!(self.keep_words(&event, envelope, asked.listener.since(), reply));
        let kept = within(&*self.clock, HEARD_AFTER, &mut keeping).await;
        if kept.is_none() {
            debug!(%event, "slack: an answer is kept in memory alone");
        }
        let left = asked.listener.due().since(self.clock.now()).max(PATIENCE);
        self.tell(&mut asked.listener, reply, self.clock.monotonic() + left).await;
        if kept.is_none() {
            // Whoever removes the row now must not be overtaken by what writes it.
            keeping.await;
        }
    }

    async fn read_asked(&self, envelope: &Envelope, heard: Timestamp) -> Option<Asked> {
        match envelope.carries {
            Carries::EventsApi => None,
            Carries::SlashCommands => match Slash::deserialize(&envelope.payload) {
                Ok(slash) => self.of_slash(slash, heard).await,
                Err(why) => {
                    warn!(%why, "slack: a command does not read and is left out; its person is told nothing");
                    None
                }
            },
            Carries::Interactive => match Interactive::deserialize(&envelope.payload) {
                Ok(event) => self.of_interactive(event, heard).await,
                Err(why) => {
                    warn!(%why, "slack: an interaction does not read and is left out");
                    None
                }
            },
        }
    }

    async fn of_slash(&self, slash: Slash, heard: Timestamp) -> Option<Asked> {
        // It stays the same when the command comes again by another socket.
        let event = format!("trigger:{}", slash.trigger_id?);
        let (channel, person) = (slash.channel_id?, slash.user_id?);
        let text = self.as_typed(slash.text.as_deref().unwrap_or_default()).await;
        let address = response(slash.response_url);
        Some(Asked {
            listener: Listener::of_press(event.clone(), Spot::new(channel, None), person, address, heard),
            event,
            what: meant(spoken::of_slash(&text)),
            name: slash.user_name,
            // A command is always one of the person's own workspace; whether that is this one, their profile says.
            team: None,
            at: heard,
            command: true,
            always_answered: true,
        })
    }

    async fn of_interactive(&self, event: Interactive, heard: Timestamp) -> Option<Asked> {
        let (person, trigger) = (event.user.id.clone()?, event.trigger_id.clone()?);
        let id = format!("trigger:{trigger}");
        let action = event.actions.first().cloned().unwrap_or_default();
        let (spot, what) = match event.kind.as_deref().unwrap_or_default() {
            "block_actions" => self.pressed(&event, &action)?,
            "message_action" => self.of_message_menu(&event)?,
            "shortcut" => {
                let what = match event.callback_id.as_deref() {
                    Some(HELP_SHORTCUT) => Ok(What::Command(Command::Help)),
                    Some(_) | None => Err(wording::unknown_button()),
                };
                // It stands in no conversation, so its answer goes to their own. Where that is not known in time they are
                // told there later.
                match within(&*self.clock, KEPT_WITHIN, self.direct(&person)).await {
                    Some(Ok(direct)) => (Spot::new(direct.channel, None), what),
                    Some(Err(_)) | None => {
                        (Spot::new("", None), Err(wording::not_stored("Slack did not open your direct messages")))
                    }
                }
            }
            kind => {
                info!(kind, "slack: an interaction of a kind that this bot has no use for");
                return None;
            }
        };
        let at = action.action_ts.or(event.action_ts).as_deref().and_then(Ts::read).map_or(heard, Ts::made);
        Some(Asked {
            listener: Listener::of_press(id.clone(), spot, person, response(event.response_url), heard),
            event: id,
            what,
            name: event.user.username.or(event.user.name),
            team: event.user.team_id,
            at,
            command: false,
            always_answered: event.kind.as_deref() != Some("block_actions"),
        })
    }

    /// A button: where it stands, and what it means.
    fn pressed(&self, event: &Interactive, action: &Action) -> Option<(Spot, Result<What, Reply>)> {
        let container = event.container.clone().unwrap_or_default();
        let channel = container.channel_id.or_else(|| event.channel.as_ref()?.id.clone())?;
        let ts = container.message_ts;
        let thread = container.thread_ts.filter(|thread| Some(thread) != ts.as_ref());
        let spot = Spot::new(channel, thread.as_deref());
        let press = action.action_id.as_deref().and_then(blocks::press);
        let what = press.ok_or_else(wording::unknown_button).map(|press| {
            // A private note is no message of the channel: nothing can be continued or edited there.
            let shown = ts.filter(|_| container.is_ephemeral != Some(true));
            What::Press { press, message: shown.map(|ts| spot.message(&self.options.account, &ts)) }
        });
        Some((spot, what))
    }

    /// A command from the menu of a message: the job is the one whose buttons the message has.
    fn of_message_menu(&self, event: &Interactive) -> Option<(Spot, Result<What, Reply>)> {
        let channel = event.channel.as_ref()?.id.clone()?;
        let message = event.message.as_ref()?;
        let text = |name: &str| message.get(name).and_then(Value::as_str);
        let ts = event.message_ts.as_deref().or_else(|| text("ts"))?;
        let spot = Spot::new(channel, text("thread_ts").filter(|thread| *thread != ts));
        if event.callback_id.as_deref() != Some(CANCEL_SHORTCUT) {
            return Some((spot, Err(wording::unknown_button())));
        }
        let own = self.mouth.identity.get().is_some_and(|me| me.wrote(message));
        let press = if own { job_of(message) } else { None };
        let shown = spot.message(&self.options.account, ts);
        let what = press.map(|press| What::Press { press, message: Some(shown) }).ok_or_else(wording::not_a_job);
        Some((spot, what))
    }

    /// Resolves when the wall clock reaches a moment; a clock that is set meanwhile is looked at again every minute.
    async fn until(&self, moment: Timestamp) {
        loop {
            let left = moment.since(self.clock.now());
            if left.is_zero() {
                return;
            }
            self.clock.sleep_until(self.clock.monotonic() + left.min(Duration::from_secs(60))).await;
        }
    }
}

/// What is said of an event that was handed in by a task of its own.
fn told(outcome: Result<Outcome, JoinError>) -> Outcome {
    outcome.unwrap_or_else(|why| {
        error!(%why, "slack: handing an event in failed");
        wording::heard_and_lost().into()
    })
}

/// What cancels the job that a message shows; none when it shows none.
fn job_of(message: &Value) -> Option<Press> {
    let blocks = message.get("blocks").and_then(Value::as_array).into_iter().flatten();
    let elements = blocks.filter_map(|block| block.get("elements").and_then(Value::as_array)).flatten();
    let presses = elements.filter_map(|one| one.get("action_id").and_then(Value::as_str)).filter_map(blocks::press);
    let mut named = None;
    for press in presses {
        match press {
            press @ (Press::Cancel { .. } | Press::CancelStub { .. }) => return Some(press),
            Press::Details { id } | Press::RunAgain { id } => named = Some(Press::Cancel { id }),
            Press::Answer { .. } | Press::Followup { .. } | Press::StopHere => {}
        }
    }
    named
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wilco_core::{Button, DeliveryKey};

    use super::*;

    #[test]
    fn the_job_of_a_message_is_the_one_of_its_buttons() {
        let message = |presses: &[Press]| {
            let buttons: Vec<Button> = presses.iter().map(|press| Button::new("x", press.clone())).collect();
            json!({"blocks": blocks::blocks(&[], &buttons, &DeliveryKey::new("k1"))})
        };
        let (details, again) = (Press::Details { id: "k7f2".into() }, Press::RunAgain { id: "k7f2".into() });
        let cancel = Press::CancelStub { key: DeliveryKey::new("d1") };
        assert_eq!(job_of(&message(&[details.clone(), cancel.clone()])), Some(cancel));
        assert_eq!(job_of(&message(&[again, details])), Some(Press::Cancel { id: "k7f2".into() }));
        assert_eq!(job_of(&message(&[Press::StopHere])), None);
        for odd in [json!({}), json!({"blocks": "x"}), json!({"blocks": [{"elements": [{"action_id": "foreign"}]}]})] {
            assert_eq!(job_of(&odd), None, "{odd}");
        }
    }
}
