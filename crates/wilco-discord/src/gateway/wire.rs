//! What is said on a gateway connection (Discord API, "Gateway", version 10, JSON).

use serde::Deserialize;
use serde_json::{Value, json};

use crate::options::Secret;

/// An event with its number and its name.
pub(crate) const DISPATCH: u8 = 0;
/// A sign of life; Discord may ask for one, too.
pub(crate) const HEARTBEAT: u8 = 1;
const IDENTIFY: u8 = 2;
const RESUME: u8 = 6;
/// Discord asks to connect anew and go on.
pub(crate) const RECONNECT: u8 = 7;
/// The session cannot go on; `d` says whether it is worth asking again.
pub(crate) const INVALID_SESSION: u8 = 9;
/// The first word of a connection.
pub(crate) const HELLO: u8 = 10;
/// The answer to a heartbeat.
pub(crate) const HEARTBEAT_ACK: u8 = 11;

/// Channels, roles and threads of the guilds: who reads along, and what the bot may do there.
const GUILDS: u64 = 1;
const GUILD_MESSAGES: u64 = 1 << 9;
const DIRECT_MESSAGES: u64 = 1 << 12;
const MESSAGE_CONTENT: u64 = 1 << 15;

/// The intents that are needed and no other. Of messages, those that mention the bot and direct ones carry their text
/// without the privileged intent (Discord API, "Message Content Intent").
pub(crate) fn intents(message_content: bool) -> u64 {
    GUILDS | GUILD_MESSAGES | DIRECT_MESSAGES | if message_content { MESSAGE_CONTENT } else { 0 }
}

/// One frame. It has no `Debug`: an interaction holds a token.
#[derive(Deserialize)]
pub(crate) struct Frame {
    pub(crate) op: u8,
    #[serde(default)]
    pub(crate) d: Value,
    #[serde(default)]
    pub(crate) s: Option<u64>,
    #[serde(default)]
    pub(crate) t: Option<String>,
}

/// A session of the gateway: what a new connection needs to go on with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    /// Its id.
    pub(crate) id: String,
    /// Where it goes on.
    pub(crate) resume_url: String,
}

pub(crate) fn heartbeat(received: Option<u64>) -> Value {
    json!({ "op": HEARTBEAT, "d": received })
}

pub(crate) fn identify(token: &Secret, message_content: bool) -> Value {
    json!({ "op": IDENTIFY, "d": {
        "token": token.expose(),
        "intents": intents(message_content),
        "properties": { "os": std::env::consts::OS, "browser": "wilco", "device": "wilco" },
        "compress": false,
        "large_threshold": 50,
    }})
}

pub(crate) fn resume(token: &Secret, session: &Session, sequence: u64) -> Value {
    json!({ "op": RESUME, "d": { "token": token.expose(), "session_id": session.id, "seq": sequence } })
}

/// The address with the version and the encoding that this client speaks; none when it is no WebSocket address, or
/// would carry the token in the clear although the API is reached over TLS.
pub(crate) fn address(url: &str, api: &str) -> Option<String> {
    let secure = url.starts_with("wss://");
    if !(secure || url.starts_with("ws://") && api.starts_with("http://")) {
        return None;
    }
    let url = url.split(['?', '#']).next().unwrap_or(url).trim_end_matches('/');
    Some(format!("{url}/?v=10&encoding=json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_privileged_intent_is_asked_for_unless_it_is_wanted() {
        // Privileged: members (1 << 1), presences (1 << 8), message content (1 << 15).
        let privileged = (1 << 1) | (1 << 8) | (1 << 15);
        assert_eq!(intents(false) & privileged, 0);
        assert_eq!(intents(true) & privileged, 1 << 15);
        assert_eq!(intents(false), 4_609);
    }

    #[test]
    fn a_token_travels_in_the_clear_to_a_local_fake_alone() {
        let api = "https://discord.com/api/v10";
        let own = Some("wss://gateway.discord.gg/?v=10&encoding=json".to_owned());
        assert_eq!(address("wss://gateway.discord.gg", api), own);
        assert_eq!(address("wss://gateway.discord.gg/?v=9&compress=zlib-stream", api), own);
        assert_eq!(address("ws://gateway.discord.gg", api), None);
        assert_eq!(address("https://gateway.discord.gg", api), None);
        let local = Some("ws://127.0.0.1:9/gateway/?v=10&encoding=json".to_owned());
        assert_eq!(address("ws://127.0.0.1:9/gateway", "http://127.0.0.1:9/api/v10"), local);
    }

    #[test]
    fn a_frame_of_any_kind_is_read() {
        let frame: Frame = serde_json::from_str(r#"{"t":null,"s":null,"op":11}"#).unwrap();
        assert_eq!((frame.op, frame.s), (HEARTBEAT_ACK, None));
        let frame: Frame = serde_json::from_str(r#"{"t":"NEW_THING","s":7,"op":0,"d":{"x":1}}"#).unwrap();
        assert_eq!((frame.op, frame.s, frame.t.as_deref()), (DISPATCH, Some(7), Some("NEW_THING")));
    }
}
