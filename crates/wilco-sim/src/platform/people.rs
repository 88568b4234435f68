//! What people do, and how the bot is told: at least once, in order, until it has answered.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use wilco_core::{Accepted, AccountId, Address, Cause, ListenEnd, MessageRef, Person, Place, Press, Reply, Timestamp};

use super::{Moment, Platform, State};
use crate::message::{Author, Logged, Message, Version};

/// How long after "busy" an event comes again.
const AGAIN_AFTER_BUSY: Duration = Duration::from_secs(1);
/// How long the platform waits for an answer before it delivers an event again.
const AGAIN_WITHOUT_ANSWER: Duration = Duration::from_secs(30);

/// What a person did, as the platform tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Saying {
    /// Wrote this line.
    Text(String),
    /// Pressed a button.
    Press {
        /// What travels with it.
        payload: String,
        /// The message under which it stands; none under a private note.
        message: Option<MessageRef>,
    },
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Unique, and the same at every delivery.
    pub id: String,
    /// Where it happened.
    pub place: Place,
    /// Who did it.
    pub person: Person,
    /// What was done.
    pub saying: Saying,
    /// When.
    pub at: Timestamp,
}

/// An event that the bot has not answered.
pub(super) struct Queued {
    event: Event,
    due: Duration,
}

/// A person tried something that nobody can do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonError(pub String);

impl std::fmt::Display for PersonError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PersonError {}

impl Platform {
    /// A person writes a line. It stands in the channel at once, and the bot is told. Returns the event's id.
    ///
    /// # Errors
    /// When the address is gone: nobody can write there.
    pub fn say(&self, person: &Person, place: &Place, text: &str) -> Result<String, PersonError> {
        let (mut state, moment) = self.settled();
        if state.closed.contains_key(&place.address) {
            return Err(PersonError(format!("nobody can write to {}: it is closed", place.address)));
        }
        let event = state.next_event();
        let message = format!("m{}", state.messages.len() + 1);
        let seq = state.note_down(moment.wall, Logged::Said { message, event: event.clone() });
        let first = Version {
            seq,
            at: moment.wall,
            kind: None,
            text: text.to_owned(),
            plain: true,
            buttons: Vec::new(),
            file: None,
            mention: None,
        };
        state.append(|id| Message {
            id,
            address: place.address.clone(),
            author: Author::Person(person.clone()),
            receipt: None,
            worker: None,
            key: None,
            reply_to: None,
            deleted: false,
            reactions: Vec::new(),
            versions: vec![first],
        });
        state.places.insert(place.address.clone(), place.clone());
        state.enqueue(&event, place.clone(), person, Saying::Text(text.to_owned()), &moment);
        drop(state);
        self.changed();
        Ok(event)
    }

    /// A person presses a button that a message shows now. Returns the event's id.
    ///
    /// # Errors
    /// When there is no such message or it shows no such button: nobody can press what is not there.
    pub fn press(&self, person: &Person, message: &str, label: &str) -> Result<String, PersonError> {
        let snapshot = self.snapshot();
        let shown = snapshot.message(message).filter(|message| !message.deleted);
        let shown = shown.ok_or_else(|| PersonError(format!("there is no message {message}")))?;
        let button = shown.shown().buttons.iter().find(|button| button.label == label);
        let button = button.ok_or_else(|| PersonError(format!("message {message} shows no button {label}")))?;
        let place = self.place_of(&shown.address, person);
        Ok(self.press_late(person, &place, Some(message), &button.press))
    }

    /// A press on a button that is perhaps not shown any more, such as one from a client that had not
    /// redrawn, or one under a private note.
    pub fn press_late(&self, person: &Person, place: &Place, message: Option<&str>, press: &Press) -> String {
        let (mut state, moment) = self.settled();
        let event = state.next_event();
        state.note_down(moment.wall, Logged::Pressed { message: message.map(str::to_owned), event: event.clone() });
        let message = message.map(|id| MessageRef { address: place.address.clone(), message: id.to_owned() });
        state.enqueue(&event, place.clone(), person, Saying::Press { payload: press.encode(), message }, &moment);
        drop(state);
        self.changed();
        event
    }

    /// A person removes a message.
    ///
    /// # Errors
    /// When there is no such message.
    pub fn delete(&self, message: &str) -> Result<(), PersonError> {
        let (mut state, moment) = self.settled();
        let position = state.find_message(message).filter(|&at| !state.messages[at].deleted);
        let position = position.ok_or_else(|| PersonError(format!("there is no message {message}")))?;
        state.messages[position].deleted = true;
        state.note_down(moment.wall, Logged::Deleted { message: message.to_owned() });
        drop(state);
        self.changed();
        Ok(())
    }

    /// Delivers the last event of an account once more, under the same id. False when there was none.
    pub fn redeliver_last(&self, account: &AccountId) -> bool {
        let (mut state, moment) = self.settled();
        let Some(event) = state.last_event.get(account).cloned() else {
            return false;
        };
        state.queue.push(Queued { event, due: moment.monotonic });
        drop(state);
        self.changed();
        true
    }

    /// Holds the newest event of an account back, so that later ones overtake it. False when every event
    /// of it has been answered or taken already.
    pub fn postpone_last(&self, account: &AccountId, by: Duration) -> bool {
        let (mut state, moment) = self.settled();
        let own = |queued: &&mut Queued| queued.event.place.address.account == *account;
        let Some(newest) = state.queue.iter_mut().rfind(own).filter(|queued| queued.due <= moment.monotonic) else {
            return false;
        };
        newest.due = moment.monotonic + by;
        true
    }

    /// How many events the bot has not answered.
    pub fn unanswered(&self, account: &AccountId) -> usize {
        self.settled().0.queue.iter().filter(|queued| queued.event.place.address.account == *account).count()
    }

    /// The place of an address as it was last spoken in, from the view of one person.
    fn place_of(&self, address: &Address, person: &Person) -> Place {
        let known = self.state().places.get(address).cloned();
        let place = known.unwrap_or_else(|| Place::public(address.clone()));
        match place.audience {
            wilco_core::Audience::Direct => place,
            wilco_core::Audience::Private | wilco_core::Audience::Public => {
                Place { direct: Some(super::place::direct_address(&address.account, person)), ..place }
            }
        }
    }

    // ---- the bot's ears ---------------------------------------------------------------------------

    /// A new session: what the last one left unanswered is due at once, in its order.
    pub(crate) fn open_session(&self, account: &AccountId) {
        let (mut state, moment) = self.settled();
        for queued in &mut state.queue {
            if queued.event.place.address.account == *account {
                queued.due = moment.monotonic;
            }
        }
    }

    /// Hands out what is due, at most `most` events; they come again when no answer arrives.
    fn take_events(&self, account: &AccountId, most: usize) -> Result<Vec<Event>, ListenEnd> {
        let (mut state, moment) = self.settled();
        if state.offline.contains(account) {
            return Err(ListenEnd::Lost(Cause::new("offline", "the platform cannot be reached")));
        }
        if let Some(cause) = state.stopped.get(account) {
            return Err(ListenEnd::NeedsPerson(cause.clone()));
        }
        let due = state
            .queue
            .iter_mut()
            .filter(|queued| queued.event.place.address.account == *account && queued.due <= moment.monotonic);
        let taken = due.take(most).map(|queued| {
            queued.due = moment.monotonic + AGAIN_WITHOUT_ANSWER;
            queued.event.clone()
        });
        Ok(taken.collect())
    }

    /// When the next event is due that is not yet, by the clock's monotonic time.
    fn next_event_due(&self, account: &AccountId) -> Option<Duration> {
        let state = self.settled().0;
        let own = state.queue.iter().filter(|queued| queued.event.place.address.account == *account);
        own.map(|queued| queued.due).min()
    }

    /// Waits for events of the account, or for the end of its connection.
    pub(crate) async fn next_events(&self, account: &AccountId, most: usize) -> Result<Vec<Event>, ListenEnd> {
        loop {
            // Enabled before looking, so that a change in between ends the wait below.
            let change = self.next_change();
            tokio::pin!(change);
            change.as_mut().enable();
            let events = self.take_events(account, most)?;
            if !events.is_empty() {
                return Ok(events);
            }
            match self.next_event_due(account) {
                Some(due) => tokio::select! {
                    biased;
                    () = change => {}
                    () = self.clock().sleep_until(due) => {}
                },
                None => change.await,
            }
        }
    }

    /// The bot answers an event. "Busy" lets it come again; everything else is the last word, and a
    /// reply appears as a private note.
    pub(crate) fn answer_event(&self, event: &Event, accepted: &Accepted) {
        let (mut state, moment) = self.settled();
        let answer = answer_name(accepted).to_owned();
        state.note_down(moment.wall, Logged::Answered { event: event.id.clone(), answer });
        let position = state.queue.iter().position(|queued| queued.event.id == event.id);
        match accepted {
            Accepted::Busy => {
                if let Some(position) = position {
                    state.queue[position].due = moment.monotonic + AGAIN_AFTER_BUSY;
                }
            }
            Accepted::Stored { .. } | Accepted::Duplicate { .. } | Accepted::Refused(_) | Accepted::Answered(_) => {
                if let Some(position) = position {
                    state.queue.remove(position);
                }
                if state.script.repeats_event() {
                    state.queue.push(Queued { event: event.clone(), due: moment.monotonic });
                }
            }
        }
        let reply = match accepted {
            Accepted::Stored { reply, .. } => reply.as_ref(),
            Accepted::Refused(reply) | Accepted::Answered(reply) => Some(reply),
            Accepted::Duplicate { .. } | Accepted::Busy => None,
        };
        if let Some(reply) = reply {
            state.note(None, &event.place.address, &event.person.id, reply, moment.wall);
        }
        drop(state);
        self.changed();
    }

    /// A private note about an event that is not answered yet (*heard*).
    pub(crate) fn note_event(&self, event: &Event, reply: &Reply) {
        let (mut state, moment) = self.settled();
        state.note(None, &event.place.address, &event.person.id, reply, moment.wall);
        drop(state);
        self.changed();
    }
}

fn answer_name(accepted: &Accepted) -> &'static str {
    match accepted {
        Accepted::Stored { .. } => "stored",
        Accepted::Duplicate { .. } => "duplicate",
        Accepted::Busy => "busy",
        Accepted::Refused(_) => "refused",
        Accepted::Answered(_) => "answered",
    }
}

impl State {
    fn next_event(&mut self) -> String {
        self.events += 1;
        format!("e{}", self.events)
    }

    fn enqueue(&mut self, id: &str, place: Place, person: &Person, saying: Saying, moment: &Moment) {
        self.names.insert(person.id.clone(), person.name.clone());
        let event = Event { id: id.to_owned(), place, person: person.clone(), saying, at: moment.wall };
        self.last_event.insert(event.place.address.account.clone(), event.clone());
        self.queue.push(Queued { event, due: moment.monotonic });
    }
}
