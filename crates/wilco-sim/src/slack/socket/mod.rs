//! Socket Mode: which connections stand, which envelopes are under way, and what comes again.

pub(super) mod connection;
mod events;
mod requests;
pub(super) mod script;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde_json::{Value, json};

use super::ids::Id;
use super::state::{Moment, State};
pub use requests::signature;
use script::{Reason, SocketFault, SocketScript};

/// How long a ticket is good.
const TICKET: Duration = Duration::from_secs(30);

/// Of how many envelopes is remembered that they were sent, and how long their acknowledgement took: many times what is
/// ever under way, and little for a program that stands for days.
const KEPT: usize = 10_000;

/// Remembers something more, and forgets the oldest where there is too much.
fn keep_last<T>(kept: &mut VecDeque<T>, next: T) {
    if kept.len() == KEPT {
        kept.pop_front();
    }
    kept.push_back(next);
}

/// A connection as others see it: what it is to send and to suffer next.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    /// The app, not a workspace: where several have it, any of its connections carries what comes from any of them.
    pub(super) app: Id,
    pub(super) outbox: VecDeque<Value>,
    pub(super) orders: VecDeque<SocketFault>,
    /// `hello` was sent.
    pub(super) ready: bool,
    /// It was told to go, and gets nothing new while another stands.
    pub(super) leaving: bool,
    pub(super) deaf: bool,
}

impl Connection {
    fn of(app: Id, ready: bool) -> Self {
        Self { app, outbox: VecDeque::new(), orders: VecDeque::new(), ready, leaving: false, deaf: false }
    }
}

/// What an envelope carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carries {
    Event,
    Command,
    Interactive,
}

impl Carries {
    fn word(self) -> &'static str {
        match self {
            Self::Event => "events_api",
            Self::Command => "slash_commands",
            Self::Interactive => "interactive",
        }
    }
}

/// An envelope that nobody has acknowledged yet.
#[derive(Clone, Debug)]
pub(super) struct Open {
    app: Id,
    carries: Carries,
    payload: Value,
    /// The interaction's id.
    interaction: Option<Id>,
    /// How often it failed before.
    attempt: u32,
    reason: &'static str,
    /// The connection that carries it; none while it waits for its next time.
    connection: Option<u64>,
    /// When it was last sent.
    sent: Duration,
    /// Until when it has to be acknowledged, or when it comes again.
    due: Duration,
}

/// What tests count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SocketCounts {
    /// Sockets that asked to become a connection.
    pub connections: u64,
    /// Envelopes that were sent, those sent again included.
    pub envelopes: u64,
    /// Envelopes that were sent again.
    pub redelivered: u64,
    /// Acknowledgements that arrived.
    pub acks: u64,
    /// Acknowledgements of no envelope, or of one that was acknowledged.
    pub stray_acks: u64,
    /// Events that nobody acknowledged to the end.
    pub lost: u64,
    /// Pings of clients.
    pub pings: u64,
    /// Pongs of clients.
    pub pongs: u64,
    /// Disconnect frames that were sent.
    pub disconnects: u64,
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Socket {
    tickets: BTreeMap<String, (Id, Duration)>,
    /// The last tickets that were given out, those that were spent included.
    pub(super) given: VecDeque<String>,
    pub(super) connections: BTreeMap<u64, Connection>,
    pub(super) open: BTreeMap<String, Open>,
    pub(super) counts: SocketCounts,
    pub(super) script: SocketScript,
    /// How long each of the last acknowledgements took, in order.
    pub(super) took: VecDeque<Duration>,
    /// The last envelopes that were sent, so that an acknowledgement that comes too late is told from one of nothing.
    sent: VecDeque<String>,
    next: u64,
    turn: u64,
}

impl Socket {
    /// Gives a ticket out.
    pub(super) fn give(&mut self, ticket: String, app: Id, now: Duration) {
        keep_last(&mut self.given, ticket.clone());
        self.tickets.insert(ticket, (app, now));
    }

    /// Spends a ticket; the app's id and the number of the new connection.
    fn enter(&mut self, ticket: &str, now: Duration) -> Option<(Id, u64)> {
        let (app, drawn) = self.tickets.remove(ticket)?;
        if now.saturating_sub(drawn) > TICKET {
            return None;
        }
        let number = self.add(Connection::of(app.clone(), false));
        Some((app, number))
    }

    /// Counts a connection in; its number.
    fn add(&mut self, one: Connection) -> u64 {
        self.next += 1;
        self.counts.connections += 1;
        self.connections.insert(self.next, one);
        self.next
    }

    /// The connection whose turn it is.
    fn choose(&mut self, app: &str) -> Option<u64> {
        let of = |leaving: bool| -> Vec<u64> {
            let all = self.connections.iter();
            let fits = |one: &Connection| one.app == app && one.ready && one.leaving == leaving;
            all.filter(|(_, one)| fits(one)).map(|(number, _)| *number).collect()
        };
        let staying = of(false);
        let all = if staying.is_empty() { of(true) } else { staying };
        let at = usize::try_from(self.turn).unwrap_or(0).checked_rem(all.len())?;
        self.turn += 1;
        all.get(at).copied()
    }

    /// When something is due next.
    pub(super) fn next_due(&self) -> Option<Duration> {
        self.open.values().map(|open| open.due).min()
    }

    /// Gives every connection that stands something to suffer. Returns how many there are.
    pub(super) fn order(&mut self, fault: &SocketFault) -> usize {
        for one in self.connections.values_mut() {
            one.orders.push_back(fault.clone());
        }
        self.connections.len()
    }
}

impl State {
    /// Sends something to the app of a workspace.
    pub(super) fn deliver(
        &mut self,
        team: &str,
        carries: Carries,
        payload: Value,
        interaction: Option<Id>,
        now: Moment,
    ) {
        let app = self.world.teams.get(team).map(|team| team.app.clone()).unwrap_or_default();
        let open = Open {
            app,
            carries,
            payload,
            interaction,
            attempt: 0,
            reason: "",
            connection: None,
            sent: now.monotonic,
            due: now.monotonic,
        };
        self.send(open, now);
    }

    fn send(&mut self, mut open: Open, now: Moment) {
        let Some(number) = self.socket.choose(&open.app) else {
            open.reason = "no_connection";
            return self.failed(open, now.monotonic);
        };
        let id = self.world.ids.uuid();
        let mut frame = json!({
            "type": open.carries.word(), "envelope_id": id, "payload": open.payload,
            // Only a command's acknowledgement may carry an answer; that of a modal may, too, but there are none here.
            "accepts_response_payload": open.carries == Carries::Command,
        });
        if open.carries == Carries::Event {
            frame["retry_attempt"] = json!(open.attempt);
            frame["retry_reason"] = json!(open.reason);
        }
        self.socket.counts.envelopes += 1;
        self.socket.counts.redelivered += u64::from(open.attempt > 0);
        open.connection = Some(number);
        open.due = now.monotonic + self.settings.patience;
        open.sent = now.monotonic;
        keep_last(&mut self.socket.sent, id.clone());
        self.socket.open.insert(id, open);
        if let Some(line) = self.socket.connections.get_mut(&number) {
            line.outbox.push_back(frame);
        }
    }

    /// An attempt came to nothing: it comes again at its time, or not at all.
    fn failed(&mut self, mut open: Open, from: Duration) {
        let again = open.carries == Carries::Event || self.settings.redeliver_commands;
        let wait = self.settings.retries.get(usize::try_from(open.attempt).unwrap_or(usize::MAX)).copied();
        match wait.filter(|_| again) {
            Some(mut wait) => {
                if open.reason == "no_connection" {
                    // "At once" is of no use while nobody is there.
                    wait = wait.max(Duration::from_secs(1));
                }
                open.attempt += 1;
                open.connection = None;
                // From the moment at which it failed, which may be a while ago.
                open.due = from + wait;
                let id = self.world.ids.uuid();
                self.socket.open.insert(id, open);
            }
            None => match &open.interaction {
                Some(id) => self.nobody_answered(&id.clone()),
                None => self.socket.counts.lost += 1,
            },
        }
    }

    /// What nobody acknowledged in time comes again, and what waited for its time goes. Whether there was anything.
    pub(super) fn redeliver(&mut self, now: Moment) -> bool {
        let mut any = false;
        loop {
            let due = self.socket.open.iter().find(|(_, open)| open.due <= now.monotonic);
            let Some(id) = due.map(|(id, _)| id.clone()) else { return any };
            let Some(mut open) = self.socket.open.remove(&id) else { return any };
            any = true;
            if open.connection.is_none() {
                self.send(open, now);
            } else {
                open.reason = "timeout";
                let since = open.due;
                self.failed(open, since);
            }
        }
    }

    /// A connection is gone: what it carried goes to another at once.
    pub(super) fn connection_gone(&mut self, number: u64, now: Moment) {
        self.socket.connections.remove(&number);
        let carried = self.socket.open.iter().filter(|(_, open)| open.connection == Some(number));
        let ids: Vec<String> = carried.map(|(id, _)| id.clone()).collect();
        for id in ids {
            let Some(mut open) = self.socket.open.remove(&id) else { continue };
            open.reason = "connection_closed";
            if self.socket.connections.values().any(|one| one.app == open.app && one.ready) {
                open.attempt += 1;
                self.send(open, now);
            } else {
                self.failed(open, now.monotonic);
            }
        }
    }

    /// An acknowledgement arrives.
    pub(super) fn ack(&mut self, frame: &Value, now: Moment) {
        self.socket.counts.acks += 1;
        let id = frame["envelope_id"].as_str().unwrap_or_default();
        let Some(open) = self.socket.open.remove(id) else {
            // One that comes too late is nothing wrong.
            if !self.socket.sent.iter().any(|sent| sent == id) {
                self.deviates("socket", true, format!("an acknowledgement of no envelope: {frame}"));
            }
            self.socket.counts.stray_acks += 1;
            return;
        };
        keep_last(&mut self.socket.took, now.monotonic.saturating_sub(open.sent));
        match &open.interaction {
            Some(interaction) => self.acknowledged(&interaction.clone(), &frame["payload"], now),
            None if frame["payload"].is_null() || frame["payload"] == json!({}) => {}
            None => self.deviates("socket", true, "an event takes no payload in its acknowledgement".to_owned()),
        }
        if open.carries == Carries::Event && self.script.repeats_event() {
            self.send(Open { attempt: 1, reason: "timeout", ..open }, now);
        }
    }

    /// Tells every connection of an app to go.
    pub(super) fn disconnect_all(&mut self, app: &str, reason: Reason) {
        for one in self.socket.connections.values_mut().filter(|one| one.app == app) {
            one.orders.push_back(SocketFault::Disconnect { reason });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_of_envelopes_has_an_end() {
        let mut kept = VecDeque::new();
        for number in 0..KEPT + 3 {
            keep_last(&mut kept, number);
        }
        assert_eq!((kept.len(), kept.front(), kept.back()), (KEPT, Some(&3), Some(&(KEPT + 2))));
    }
}
