//! What Slack brings, from the envelope to whoever reads it, and when it is acknowledged.
//!
//! An envelope wants its acknowledgement within three seconds, else people read that the app did not answer, or Slack
//! brings it again. It is given once the event is stored; where the store takes longer than two seconds, it is given
//! then, and what was heard is kept on the shelf until it is done with (`kept.rs`).

mod kept;
mod lanes;
mod waiting;
mod whose;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tracing::{debug, warn};
use wilco_core::Inbox;

pub(crate) use self::kept::{Again, Heard, OLDEST};
use self::lanes::{Begun, Fate};
pub(crate) use self::lanes::{Lanes, Recent, Work};
pub(crate) use self::waiting::{OneWaits, Waiting};
pub(crate) use self::whose::{Foreign, UnknownKinds};
use crate::options::Hears;
use crate::payload::Written;
use crate::slack::Slack;

/// How long the person waits for the store before they are told *heard* (requirements L2, M12).
pub(crate) const HEARD_AFTER: Duration = Duration::from_secs(2);
/// How long the acknowledgement of what is not stored waits for the shelf to keep it.
pub(crate) const KEPT_WITHIN: Duration = Duration::from_millis(500);
/// How much may be on its way to the inbox. What comes beyond that is not acknowledged: Slack brings an event again, and
/// whoever gave a command reads that it did not work.
const MOST: usize = 1_024;

/// What an envelope carries (Slack, "Using Socket Mode", "Envelopes").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Carries {
    /// Something has happened.
    EventsApi,
    /// A slash command.
    SlashCommands,
    /// A button or a shortcut.
    Interactive,
}

/// What came. It has no `Debug`: it may hold the address for answers.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Envelope {
    pub(crate) carries: Carries,
    pub(crate) payload: Value,
}

impl Envelope {
    /// Reads a frame; the envelope's own id is of use for its acknowledgement alone, because what comes again has
    /// another one.
    pub(crate) fn read(mut frame: Value) -> Option<(String, Self)> {
        let id = frame.get("envelope_id")?.as_str()?.to_owned();
        let carries = match frame.get("type")?.as_str()? {
            "events_api" => Carries::EventsApi,
            "slash_commands" => Carries::SlashCommands,
            "interactive" => Carries::Interactive,
            _ => return None,
        };
        Some((id, Self { carries, payload: frame.get_mut("payload").map(Value::take).unwrap_or_default() }))
    }
}

/// An acknowledgement on its way to Slack: as a frame, or as the answer to a request.
pub(crate) struct Leaves {
    frame: Value,
    /// Told when it has left. Dropped untold, it has not.
    left: Option<oneshot::Sender<()>>,
}

impl Leaves {
    pub(crate) fn frame(&self) -> &Value {
        &self.frame
    }

    /// What a command is answered with it.
    pub(crate) fn answer(&self) -> Option<&Value> {
        self.frame.get("payload")
    }

    /// Notes that it has left.
    pub(crate) fn has_left(self) {
        // Whoever does not wait for that needs no word.
        self.left.map(|left| left.send(())).transpose().unwrap_or_default();
    }
}

/// The right to acknowledge an envelope. Dropped, it is not acknowledged, and comes again.
pub(crate) struct Ack {
    envelope: String,
    way: mpsc::UnboundedSender<Leaves>,
    /// Counts until the acknowledgement is on its way.
    open: OneWaits,
}

impl Ack {
    pub(crate) fn new(envelope: String, way: mpsc::UnboundedSender<Leaves>, open: OneWaits) -> Self {
        Self { envelope, way, open }
    }

    /// Acknowledges. False when the connection is gone.
    pub(crate) fn give(self) -> bool {
        self.say(None, None)
    }

    /// Acknowledges a command with what it is answered. True once that has left; where the socket ends before, whoever
    /// gave the command has not read it.
    pub(crate) async fn carry(self, answer: Value) -> bool {
        let (left, leaves) = oneshot::channel();
        self.say(Some(answer), Some(left)) && leaves.await.is_ok()
    }

    fn say(self, answer: Option<Value>, left: Option<oneshot::Sender<()>>) -> bool {
        let mut frame = json!({ "envelope_id": self.envelope });
        if let Some(answer) = answer {
            frame["payload"] = answer;
        }
        let given = self.way.send(Leaves { frame, left }).is_ok();
        drop(self.open);
        given
    }
}

impl Slack {
    /// Takes an envelope. It waits for nothing: whatever takes time is a task of its own.
    pub(crate) fn take(self: &Arc<Self>, inbox: &Arc<dyn Inbox>, envelope: Envelope, ack: Ack) {
        if let Some(me) = self.mouth.identity.get()
            && let Some(team) = whose::other(&envelope, me)
        {
            self.ears.foreign.note(&self.options.account, team);
            match self.options.hears {
                // Not acknowledged, Slack brings it again, to a socket of whoever it is for; nobody here can answer it.
                Hears::Sockets { .. } => drop(ack),
                // Here it would come again and again, until Slack takes the address for broken.
                Hears::Requests(_) => drop(ack.give()),
            }
            return;
        }
        match envelope.carries {
            Carries::EventsApi => self.take_event(inbox, envelope, ack),
            Carries::SlashCommands | Carries::Interactive => {
                let Some(one) = self.room() else { return };
                let (slack, inbox) = (Arc::clone(self), Arc::clone(inbox));
                self.ears.tasks.spawn(async move {
                    slack.hear(inbox, envelope, Some(ack), one).await;
                });
            }
        }
    }

    /// A place for something that is on its way to the inbox.
    fn room(&self) -> Option<OneWaits> {
        let room = self.ears.waiting.one_below(MOST);
        if room.is_none() {
            warn!(account = %self.options.account, waiting = MOST,
                "slack: too much waits to be handed in; what comes now is left to Slack, which brings events again");
        }
        room
    }

    fn take_event(self: &Arc<Self>, inbox: &Arc<dyn Inbox>, envelope: Envelope, ack: Ack) {
        let event = envelope.payload.get("event").unwrap_or(&Value::Null);
        match event.get("type").and_then(Value::as_str).unwrap_or_default() {
            "message" | "app_mention" => match Written::deserialize(event) {
                Ok(written) if self.is_for_us(&written) => {
                    self.take_written(inbox, written, envelope, Some(ack));
                }
                Ok(_) => drop(ack.give()),
                Err(why) => {
                    warn!(%why, "slack: a message does not read and is left out");
                    ack.give();
                }
            },
            // Whether the token still works is asked, not believed.
            "tokens_revoked" | "app_uninstalled" => {
                self.ears.doubted.notify_one();
                ack.give();
            }
            kind => {
                // A channel that was archived, renamed, left or joined is looked at anew.
                let named = event.get("channel").and_then(|one| one.as_str().or_else(|| one.get("id")?.as_str()));
                if let Some(channel) = named {
                    self.ears.channels.forget(channel);
                }
                if kind.starts_with("subteam_") {
                    self.ears.people.forget_groups();
                }
                debug!(kind, "slack: an event that nobody has to take");
                ack.give();
            }
        }
    }

    /// Takes a message that is meant for the bot, once, however often it comes. Answers what becomes of it; none when
    /// there is no room for it now.
    pub(crate) fn take_written(
        self: &Arc<Self>,
        inbox: &Arc<dyn Inbox>,
        written: Written,
        envelope: Envelope,
        ack: Option<Ack>,
    ) -> Option<Fate> {
        let (id, channel) = (written.event()?, written.channel.clone()?);
        let (fate, doing) = match self.ears.recent.begin(&id) {
            Begun::Before(fate) => (fate, None),
            Begun::Now(doing) => (doing.fate(), Some(doing)),
        };
        let own = doing.is_some();
        if let Some(doing) = doing {
            // Without room it is forgotten as if it had not come, and no acknowledgement is given.
            let one = self.room()?;
            self.ears.lanes.push(self, inbox, channel, Work { written, envelope: envelope.clone(), doing, one });
        }
        if let Some(ack) = ack {
            let (slack, fate) = (Arc::clone(self), fate.clone());
            self.ears.tasks.spawn(async move { slack.acknowledge(id, envelope, ack, fate, own).await });
        }
        Some(fate)
    }

    /// Acknowledges a message once it is done with, or after two seconds. Until it is done with it is then kept on the
    /// shelf, because Slack does not bring it again. In a channel where wilco was spoken to before, history would bring
    /// it back as well, but not in a thread or a channel of which nothing is known yet.
    async fn acknowledge(&self, id: String, envelope: Envelope, ack: Ack, fate: Fate, own: bool) {
        let heard = self.clock.sleep_until(self.clock.monotonic() + HEARD_AFTER);
        tokio::select! {
            biased;
            done = fate.known() => {
                if done {
                    ack.give();
                }
                // What was given up is not acknowledged: Slack brings it again.
                return;
            }
            () = heard => {}
        }
        // Whoever brought it first keeps it, and what was refused has its words in that place.
        if !own || fate.owes_words() {
            ack.give();
            return;
        }
        let mut keeping = std::pin::pin!(self.keep_heard(&id, &envelope));
        let kept = crate::socket::within(&*self.clock, KEPT_WITHIN, &mut keeping).await;
        ack.give();
        if kept.is_none() {
            keeping.await;
        }
        // What was given up stays for the next start, because Slack does not bring it again any more. So do words that are
        // not said yet.
        if fate.known().await && !fate.owes_words() {
            self.forget_heard(&id).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_is_told_by_what_it_carries() {
        let frame = |kind: &str| json!({"type": kind, "envelope_id": "e1", "payload": {"a": 1}, "retry_attempt": 2});
        for (kind, carries) in [
            ("events_api", Carries::EventsApi),
            ("slash_commands", Carries::SlashCommands),
            ("interactive", Carries::Interactive),
        ] {
            let (id, envelope) = Envelope::read(frame(kind)).unwrap();
            assert_eq!((id.as_str(), envelope.carries, &envelope.payload["a"]), ("e1", carries, &json!(1)));
        }
        assert!(Envelope::read(frame("hello")).is_none());
        assert!(Envelope::read(json!({"type": "events_api"})).is_none());
    }

    #[tokio::test]
    async fn an_acknowledgement_counts_as_open_until_it_is_on_its_way() {
        let (way, mut given) = mpsc::unbounded_channel();
        let open = Waiting::default();
        let (one, two) =
            (Ack::new("e1".into(), way.clone(), open.one_more()), Ack::new("e2".into(), way, open.one_more()));
        assert!(one.give());
        assert_eq!(given.recv().await.map(|leaves| leaves.frame), Some(json!({"envelope_id": "e1"})));
        assert!(!open.is_none());
        drop(two);
        open.until_none().await;
        assert!(given.recv().await.is_none(), "what is dropped is not acknowledged");
        let (way, given) = mpsc::unbounded_channel();
        drop(given);
        assert!(!Ack::new("e3".into(), way, open.one_more()).give());
    }
}
