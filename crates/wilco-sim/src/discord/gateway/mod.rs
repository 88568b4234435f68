//! The gateway: sessions with everything that they were told, so that a resume can replay it, and the
//! connections that carry them.

pub(super) mod connection;
mod frames;
pub(super) mod script;
mod start;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::ids::Id;
use super::permissions;
use super::world::{Message, World};
use script::{GatewayFault, GatewayRule};

/// The bits of intents (Discord's reference, "Gateway Intents").
pub mod intents {
    /// Guilds, channels, threads.
    pub const GUILDS: u64 = 1;
    /// Members coming, going and changing. Privileged.
    pub const GUILD_MEMBERS: u64 = 1 << 1;
    /// Presences. Privileged.
    pub const GUILD_PRESENCES: u64 = 1 << 8;
    /// Messages of guilds.
    pub const GUILD_MESSAGES: u64 = 1 << 9;
    /// Reactions of guilds.
    pub const GUILD_MESSAGE_REACTIONS: u64 = 1 << 10;
    /// "typing…" of guilds.
    pub const GUILD_MESSAGE_TYPING: u64 = 1 << 11;
    /// Direct messages.
    pub const DIRECT_MESSAGES: u64 = 1 << 12;
    /// Reactions of direct messages.
    pub const DIRECT_MESSAGE_REACTIONS: u64 = 1 << 13;
    /// "typing…" of direct messages.
    pub const DIRECT_MESSAGE_TYPING: u64 = 1 << 14;
    /// What others write. Privileged.
    pub const MESSAGE_CONTENT: u64 = 1 << 15;
    /// Every bit that Discord knows.
    pub(super) const KNOWN: u64 = ((1 << 17) - 1) | 1 << 20 | 1 << 21 | 1 << 24 | 1 << 25;
}

/// Who is told of an event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Audience {
    /// A session needs one of these; 0 stands for everybody.
    pub(super) intents: u64,
    /// Only when the bot sees this channel.
    pub(super) channel: Option<Id>,
    /// Whether somebody's words in it need the intent for message content.
    pub(super) words: bool,
}

impl Audience {
    /// Every session.
    pub(super) fn all() -> Self {
        Self { intents: 0, channel: None, words: false }
    }

    /// Every session that wants guilds.
    pub(super) fn guilds() -> Self {
        Self { intents: intents::GUILDS, channel: None, words: false }
    }
}

/// What a bot was told since it said who it is.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) intents: u64,
    /// Every event, numbered from 1, as it was or will be sent.
    pub(super) events: Vec<Arc<str>>,
    /// The connection that carries it.
    pub(super) connection: Option<u64>,
    /// Since when none does.
    pub(super) lost: Option<Duration>,
    /// Whether each payload is compressed by itself.
    pub(super) compress: bool,
}

/// A connection as others see it: what it is to do next.
#[derive(Clone, Debug, Default)]
pub(super) struct Connection {
    pub(super) session: Option<String>,
    pub(super) orders: VecDeque<GatewayFault>,
    pub(super) deaf: bool,
}

/// What tests count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct GatewayCounts {
    /// Sockets that asked to become a gateway connection.
    pub connections: u64,
    /// IDENTIFYs, refused ones included.
    pub identifies: u64,
    /// RESUMEs, refused ones included.
    pub resumes: u64,
    /// RESUMEs that were taken.
    pub resumed: u64,
    /// Events that a resume replayed.
    pub replayed: u64,
    /// Heartbeats that arrived.
    pub heartbeats: u64,
    /// Connections that the fake closed with a code.
    pub closed: u64,
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Gateway {
    pub(super) sessions: BTreeMap<String, Session>,
    pub(super) connections: BTreeMap<u64, Connection>,
    pub(super) counts: GatewayCounts,
    pub(super) rules: Vec<GatewayRule>,
    /// When each IDENTIFY of the last day came.
    pub(super) starts: VecDeque<Duration>,
    /// The code of every close that the fake sent.
    pub(super) closes: Vec<u16>,
    next: u64,
}

impl Gateway {
    /// A number for a new connection.
    pub(super) fn open(&mut self) -> u64 {
        self.next += 1;
        self.counts.connections += 1;
        self.connections.insert(self.next, Connection::default());
        self.next
    }

    /// A connection ended; its session waits to be resumed.
    pub(super) fn closed(&mut self, connection: u64, now: Duration) {
        let session = self.connections.remove(&connection).and_then(|gone| gone.session);
        if let Some(session) = session.and_then(|id| self.sessions.get_mut(&id))
            && session.connection == Some(connection)
        {
            session.connection = None;
            session.lost = Some(now);
        }
    }

    /// A new session of a connection.
    pub(super) fn begin(&mut self, id: &str, connection: u64, wanted: u64, compress: bool) {
        let session =
            Session { intents: wanted, events: Vec::new(), connection: Some(connection), lost: None, compress };
        self.sessions.insert(id.to_owned(), session);
        if let Some(connection) = self.connections.get_mut(&connection) {
            connection.session = Some(id.to_owned());
        }
    }

    /// Tells one session.
    pub(super) fn tell(&mut self, session: &str, name: &str, data: &Value) {
        if let Some(session) = self.sessions.get_mut(session) {
            session.push(name, data);
        }
    }

    /// Tells every session that may know.
    pub(super) fn emit(&mut self, world: &World, audience: Audience, name: &str, data: &Value) {
        let seen = audience
            .channel
            .and_then(|id| world.channels.get(&id))
            .is_none_or(|channel| permissions::in_channel(world, channel, world.bot) & permissions::VIEW_CHANNEL != 0);
        if !seen {
            return;
        }
        for session in self.sessions.values_mut() {
            if audience.intents != 0 && session.intents & audience.intents == 0 {
                continue;
            }
            if audience.words && session.intents & intents::MESSAGE_CONTENT == 0 {
                let mut hidden = data.clone();
                hide_words(&mut hidden);
                session.push(name, &hidden);
            } else {
                session.push(name, data);
            }
        }
    }

    /// An order for every connection that stands now. Returns how many there are.
    pub(super) fn order(&mut self, fault: &GatewayFault) -> usize {
        for connection in self.connections.values_mut() {
            connection.orders.push_back(fault.clone());
        }
        self.connections.len()
    }
}

impl Session {
    fn push(&mut self, name: &str, data: &Value) {
        let number = self.events.len() + 1;
        self.events.push(json!({"op": 0, "s": number, "t": name, "d": data}).to_string().into());
    }
}

/// Takes away what needs the intent for message content.
pub(super) fn hide_words(message: &mut Value) {
    message["content"] = json!("");
    for list in ["embeds", "attachments", "components"] {
        message[list] = json!([]);
    }
    if message["referenced_message"].is_object() {
        hide_words(&mut message["referenced_message"]);
    }
}

/// Whether the bot may read a message without that intent: its own, a direct one, one that names it.
pub(super) fn may_read(world: &World, message: &Message) -> bool {
    let direct = world.channels.get(&message.channel).is_none_or(|channel| channel.guild.is_none());
    direct || message.author == world.bot || message.shown().mentions.contains(&world.bot)
}
