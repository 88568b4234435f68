//! Private answers: what whoever spoke is told, and nobody else. A command and a press bring an address for it
//! (`response_url`); where there is none, or it is used up, it is an ephemeral message in the conversation, and where
//! the person is no member of that, a direct message.
//!
//! Slack shows an ephemeral message until the person loads the page again, and lets nobody change it: what a command was
//! told first stands, and what it is told later stands below it.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Value, json};
use tracing::{debug, info, warn};
use wilco_core::text::fingerprint;
use wilco_core::{NotSurfaced, Reply, Timestamp};

use crate::channels::is_direct;
use crate::commands::COMMAND;
use crate::look::PAUSE;
use crate::message::is_person;
use crate::note::{Note, notes};
use crate::options::Secret;
use crate::outcome::{Act, Called, settle};
use crate::place::Spot;
use crate::rest::{Answer, Call, Lane, Method, UNSAFE_ADDRESS};
use crate::slack::Slack;

/// For how long an address for answers works, and how often (Slack, "Handling user interaction", `response_url`: 30
/// minutes, 5 times), less what clocks may differ by.
const LIFE: Duration = Duration::from_secs(29 * 60);
const USES: u32 = 5;
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Whoever is told something.
#[derive(Clone, Debug)]
pub(crate) struct Listener {
    /// What they did; tells the buttons of one answer from those of another.
    event: String,
    spot: Spot,
    person: String,
    address: Option<Secret>,
    since: Timestamp,
    used: u32,
}

/// How an answer gets to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// By the address that came with what they did.
    Address,
    /// As an ephemeral message.
    Ephemeral,
    /// As a message in the direct message in which they spoke.
    Here,
    /// As a message in their direct message.
    Direct,
}

/// What became of one note.
enum Told {
    Yes,
    /// Not by this way.
    NotSo,
    /// Perhaps later.
    Again(Option<Duration>),
}

impl Listener {
    /// Whoever wrote a message.
    pub(crate) fn of_message(event: String, spot: Spot, person: String) -> Self {
        Self { event, spot, person, address: None, since: Timestamp::default(), used: 0 }
    }

    /// Whoever gave a command or pressed something, at this moment.
    pub(crate) fn of_press(
        event: String,
        spot: Spot,
        person: String,
        address: Option<Secret>,
        since: Timestamp,
    ) -> Self {
        Self { event, spot, person, address, since, used: 0 }
    }

    pub(crate) fn spot(&self) -> &Spot {
        &self.spot
    }

    pub(crate) fn person(&self) -> &str {
        &self.person
    }

    /// When it was heard.
    pub(crate) fn since(&self) -> Timestamp {
        self.since
    }

    /// When the address dies.
    pub(crate) fn due(&self) -> Timestamp {
        self.since.plus(LIFE)
    }

    fn ways(&self, now: Timestamp) -> VecDeque<Way> {
        let works = self.address.is_some() && self.used < USES && now < self.due();
        let mut ways: VecDeque<Way> = if works { VecDeque::from([Way::Address]) } else { VecDeque::new() };
        if self.spot.channel.is_empty() {
            // What stands in no conversation.
            ways.push_back(Way::Direct);
        } else if is_direct(&self.spot.channel) {
            ways.extend([Way::Here, Way::Direct]);
        } else {
            ways.extend([Way::Ephemeral, Way::Direct]);
        }
        ways
    }

    fn notes(&self, reply: &Reply, before: &str) -> Vec<Note> {
        notes(reply, &format!("n{:016x}", fingerprint(&format!("{}{reply:?}", self.event))), before)
    }
}

/// The first note of an answer as the payload of an acknowledgement, and those that follow it. Only a command is answered
/// so, and there are none in threads.
pub(crate) fn with_ack(listener: &Listener, reply: &Reply) -> (Value, Vec<Note>) {
    let mut notes = listener.notes(reply, COMMAND);
    if notes.is_empty() {
        return (json!({ "response_type": "ephemeral", "text": "·" }), notes);
    }
    let (text, blocks) = notes.remove(0).into_parts();
    (json!({ "response_type": "ephemeral", "text": text, "blocks": blocks }), notes)
}

impl Slack {
    /// Tells a person an answer, as often as it takes up to a moment of the steady clock. False when they do not know it.
    pub(crate) async fn tell(&self, listener: &mut Listener, reply: &Reply, end: Duration) -> bool {
        let notes = listener.notes(reply, &self.before_commands(listener.spot.thread.is_some()));
        self.tell_notes(listener, notes, end).await
    }

    /// Tells what is left of an answer.
    pub(crate) async fn tell_notes(&self, listener: &mut Listener, notes: Vec<Note>, end: Duration) -> bool {
        for note in notes {
            let (text, blocks) = note.into_parts();
            let said = json!({ "text": text, "blocks": blocks });
            if !self.tell_one(listener, &said, end).await {
                warn!(account = %self.options.account, event = %listener.event, "slack: an answer was not told");
                return false;
            }
        }
        true
    }

    async fn tell_one(&self, listener: &mut Listener, said: &Value, end: Duration) -> bool {
        let mut ways = listener.ways(self.clock.now());
        let mut pause = PAUSE;
        while let Some(&way) = ways.front() {
            let told = match way {
                Way::Address => self.tell_by_address(listener, said).await,
                Way::Ephemeral | Way::Here | Way::Direct => self.tell_by_call(listener, way, said).await,
            };
            match told {
                Told::Yes => return true,
                Told::NotSo => {
                    debug!(event = %listener.event, ?way, "slack: an answer does not go this way");
                    ways.pop_front();
                }
                Told::Again(wait) => {
                    if !self.waits_within(wait.unwrap_or(pause), end).await {
                        return false;
                    }
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
        false
    }

    async fn tell_by_address(&self, listener: &mut Listener, said: &Value) -> Told {
        let Some(address) = listener.address.clone() else { return Told::NotSo };
        let mut body = said.clone();
        body["response_type"] = Value::from("ephemeral");
        // The message with the button stays as it is: it belongs to everybody.
        body["replace_original"] = Value::from(false);
        if let Some(thread) = &listener.spot.thread {
            body["thread_ts"] = Value::from(thread.as_str());
        }
        let answer = self.rest.respond(&address, &body).await;
        match answer {
            Answer::Done(_) => {
                listener.used += 1;
                Told::Yes
            }
            // Nobody has read it, or nobody knows; a private answer that is given twice harms less than none.
            Answer::Unknown(_) => {
                listener.used += 1;
                if listener.used < USES { Told::Again(None) } else { Told::NotSo }
            }
            Answer::NotSent(cause) if cause.code == UNSAFE_ADDRESS => {
                warn!(%cause, "slack: an answer was not sent to where its payload asked for it");
                Told::NotSo
            }
            Answer::NotSent(_) => Told::Again(None),
            Answer::Held { delay, .. } => Told::Again(Some(delay)),
            Answer::Refused(refusal) if refusal.is_limit() || refusal.status >= 500 => Told::Again(refusal.retry_after),
            Answer::Refused(refusal) => {
                info!(status = refusal.status, code = ?refusal.code, "slack: an answer goes another way");
                listener.used = USES;
                Told::NotSo
            }
        }
    }

    async fn tell_by_call(&self, listener: &Listener, way: Way, said: &Value) -> Told {
        if !is_person(&listener.person) {
            return Told::NotSo;
        }
        let (channel, thread) = (listener.spot.channel.as_str(), listener.spot.thread.as_deref());
        let post =
            || Call::new(Method::PostMessage, Lane::Normal).with("unfurl_links", false).with("unfurl_media", false);
        let call = match way {
            Way::Address => return Told::NotSo,
            Way::Ephemeral => Call::new(Method::PostEphemeral, Lane::Normal)
                .with("channel", channel)
                .with("user", listener.person.as_str())
                .with_some("thread_ts", thread),
            Way::Here => post().with("channel", channel).with_some("thread_ts", thread),
            Way::Direct => match self.direct(&listener.person).await {
                Ok(direct) => post().with("channel", direct.channel),
                Err(reason) => return not_told(&reason),
            },
        };
        let call = call
            .with("text", said["text"].clone())
            .with("blocks", said["blocks"].clone())
            .with("parse", "none")
            .with("link_names", false);
        match settle(self.rest.call(call).await, Called { act: Act::Create, lane: Lane::Normal }) {
            Ok(_) => Told::Yes,
            // It may stand there, and in a direct message it would stand there twice.
            Err(NotSurfaced::Ambiguous(_)) if way != Way::Ephemeral => Told::Yes,
            Err(reason) => not_told(&reason),
        }
    }
}

fn not_told(reason: &NotSurfaced) -> Told {
    match reason {
        NotSurfaced::RetryAfter { delay, .. } => Told::Again(Some(*delay)),
        NotSurfaced::Retry(_) | NotSurfaced::Ambiguous(_) => Told::Again(None),
        NotSurfaced::Silent
        | NotSurfaced::Moved(_)
        | NotSurfaced::Fallback(_)
        | NotSurfaced::Reshape(_)
        | NotSurfaced::Gone(_)
        | NotSurfaced::StopAccount(_)
        | NotSurfaced::Bug(_) => Told::NotSo,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_goes_by_its_address_while_that_works_and_never_to_everybody() {
        let address = Some(Secret::new("https://hooks.slack.com/commands/1/2/3"));
        let at = |minutes: u64| Timestamp(0).plus(Duration::from_secs(minutes * 60));
        let press = |channel: &str, used| Listener {
            used,
            ..Listener::of_press("trigger:1".into(), Spot::new(channel, None), "U1".into(), address.clone(), at(0))
        };
        assert_eq!(press("C1", 0).ways(at(28)), [Way::Address, Way::Ephemeral, Way::Direct]);
        assert_eq!(press("C1", 0).ways(at(29)), [Way::Ephemeral, Way::Direct]);
        assert_eq!(press("C1", USES).ways(at(0)), [Way::Ephemeral, Way::Direct]);
        assert_eq!(press("D1", USES).ways(at(0)), [Way::Here, Way::Direct]);
        assert_eq!(press("", USES).ways(at(0)), [Way::Direct]);
        let message = Listener::of_message("C1:1.0".into(), Spot::new("C1", Some("1.0")), "U1".into());
        assert_eq!(message.ways(at(0)), [Way::Ephemeral, Way::Direct]);
        assert!(!format!("{:?}", press("C1", 0)).contains("hooks"), "an address is a secret");
    }

    #[test]
    fn a_long_answer_begins_with_the_acknowledgement() {
        let listener = Listener::of_message("x".into(), Spot::new("C1", None), "U1".into());
        let (first, rest) = with_ack(&listener, &Reply::text("Accepted · see /jobs"));
        assert_eq!(
            (first["text"].as_str(), first["response_type"].as_str()),
            (Some("Accepted · see /wilco jobs"), Some("ephemeral"))
        );
        assert!(rest.is_empty() && first["blocks"].as_array().is_some_and(|blocks| blocks.len() == 1));
        let (_, rest) = with_ack(&listener, &Reply::text("word ".repeat(4_000)));
        assert!(!rest.is_empty());
        assert_eq!(with_ack(&listener, &Reply::text("")).0["text"], "·");
    }
}
