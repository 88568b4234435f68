//! IDENTIFY and RESUME: who may begin or go on with a session, and what it is told first.

use serde_json::{Value, json};

use crate::discord::gateway::intents;
use crate::discord::ids::text;
use crate::discord::objects;
use crate::discord::shape::Kind::{Any, Bool, Int, Object};
use crate::discord::shape::{INT, Shape, TEXT, check, list, may, need};
use crate::discord::state::{Moment, State};

/// Why a session does not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Closed with a code.
    Close(u16),
    /// Opcode 9, which a client may answer with an IDENTIFY.
    Invalid,
}

static IDENTIFY: Shape = Shape {
    name: "Identify",
    fields: &[
        need("token", TEXT),
        need("properties", Object(&PROPERTIES)),
        may("compress", Bool),
        may("large_threshold", Int(50, 250)),
        may("shard", list(&INT)),
        may("presence", Any).or_null(),
        need("intents", INT),
    ],
};
static PROPERTIES: Shape = Shape {
    name: "Identify connection properties",
    fields: &[need("os", TEXT), need("browser", TEXT), need("device", TEXT)],
};
static RESUME: Shape =
    Shape { name: "Resume", fields: &[need("token", TEXT), need("session_id", TEXT), need("seq", Int(0, 1 << 53))] };

impl State {
    /// Notes what is wrong with a payload; whether it can be read at all.
    fn reads(&mut self, shape: &'static Shape, data: &Value) -> bool {
        let mut wrong = Vec::new();
        check(&Object(shape), data, "", &mut wrong);
        let readable = wrong.iter().all(|one| !one.refused);
        for one in wrong {
            self.deviates(&format!("gateway {}", shape.name), true, format!("{}: {}", one.path, one.sentence));
        }
        readable
    }

    /// Begins a session. Returns its id.
    pub(super) fn identify(&mut self, connection: u64, data: &Value, now: Moment) -> Result<String, Refused> {
        self.gateway.counts.identifies += 1;
        if !self.reads(&IDENTIFY, data) {
            return Err(Refused::Close(4002));
        }
        if self.revoked || data["token"].as_str().map(bare) != Some(self.settings.token.as_str()) {
            return Err(Refused::Close(4004));
        }
        if let Some(shard) = data["shard"].as_array() {
            let number = |at: usize| shard.get(at).and_then(Value::as_u64);
            if shard.len() != 2 || number(0) >= number(1) {
                return Err(Refused::Close(4010));
            }
        }
        let wanted = data["intents"].as_u64().unwrap_or(u64::MAX);
        if wanted & !intents::KNOWN != 0 {
            return Err(Refused::Close(4013));
        }
        let privileged = intents::GUILD_MEMBERS | intents::GUILD_PRESENCES | intents::MESSAGE_CONTENT;
        if wanted & privileged & !self.settings.privileged != 0 {
            return Err(Refused::Close(4014));
        }
        let (left, _) = self.starts_left(now);
        let last = self.gateway.starts.back().copied();
        self.gateway.starts.push_back(now.monotonic);
        if left == 0 {
            // Discord resets the token of a bot that starts too many sessions, and tells its owner by mail.
            self.revoked = true;
            return Err(Refused::Close(4004));
        }
        if last.is_some_and(|last| now.monotonic.saturating_sub(last) < self.settings.identify_pace) {
            return Err(Refused::Invalid);
        }
        let id = format!("{:032x}", u128::from(self.world.ids.next(now.wall)) << 64 | u128::from(connection));
        self.gateway.begin(&id, connection, wanted, data["compress"] == true);
        self.welcome(&id, data);
        Ok(id)
    }

    /// READY, and every guild that the bot is in.
    fn welcome(&mut self, id: &str, identify: &Value) {
        let mut user = objects::user_of(&self.world, self.world.bot);
        user["mfa_enabled"] = json!(false);
        user["verified"] = json!(true);
        user["email"] = Value::Null;
        let ours: Vec<_> =
            self.world.guilds.values().filter(|guild| guild.members.contains_key(&self.world.bot)).collect();
        let mut ready = json!({
            "v": 10, "user": user, "session_id": id, "resume_gateway_url": format!("{}/resume", ws(&self.base)),
            "guilds": ours.iter().map(|guild| json!({"id": guild.id.to_string(), "unavailable": true})).collect::<Vec<_>>(),
            "application": {"id": text(self.world.bot), "flags": self.application_flags()},
            "private_channels": [], "presences": [], "relationships": [], "session_type": "normal", "user_settings": {},
        });
        if identify["shard"].is_array() {
            ready["shard"] = identify["shard"].clone();
        }
        let wants_guilds = self.gateway.sessions.get(id).is_some_and(|one| one.intents & intents::GUILDS != 0);
        let guilds: Vec<Value> = ours.iter().map(|guild| objects::whole_guild(&self.world, guild)).collect();
        self.gateway.tell(id, "READY", &ready);
        for guild in guilds.iter().filter(|_| wants_guilds) {
            self.gateway.tell(id, "GUILD_CREATE", guild);
        }
    }

    /// Goes on with a session. Returns its id and how many events the client has.
    pub(super) fn resume(&mut self, connection: u64, data: &Value, now: Moment) -> Result<(String, usize), Refused> {
        self.gateway.counts.resumes += 1;
        if !self.reads(&RESUME, data) {
            return Err(Refused::Close(4002));
        }
        if self.revoked || data["token"].as_str().map(bare) != Some(self.settings.token.as_str()) {
            return Err(Refused::Close(4004));
        }
        let id = data["session_id"].as_str().unwrap_or_default().to_owned();
        let window = self.settings.resume_window;
        let expired = |lost: std::time::Duration| now.monotonic.saturating_sub(lost) > window;
        let found = self.gateway.sessions.get(&id).filter(|session| !session.lost.is_some_and(expired));
        let Some(found) = found else {
            self.gateway.sessions.remove(&id);
            return Err(Refused::Invalid);
        };
        let (known, before) = (found.events.len(), found.connection);
        let seen = usize::try_from(data["seq"].as_u64().unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
        if seen > known {
            self.gateway.sessions.remove(&id);
            return Err(Refused::Close(4007));
        }
        // A connection that still carries the session is dead to its client.
        if let Some(old) = before.and_then(|old| self.gateway.connections.get_mut(&old)) {
            old.session = None;
            old.orders.push_back(super::script::GatewayFault::Drop);
        }
        if let Some(session) = self.gateway.sessions.get_mut(&id) {
            session.connection = Some(connection);
            session.lost = None;
        }
        if let Some(line) = self.gateway.connections.get_mut(&connection) {
            line.session = Some(id.clone());
        }
        self.gateway.counts.resumed += 1;
        self.gateway.counts.replayed += (known - seen) as u64;
        self.gateway.tell(&id, "RESUMED", &json!({"_trace": []}));
        Ok((id, seen))
    }

    /// GUILD_MEMBERS_CHUNK for a request of members (opcode 8).
    pub(super) fn chunk(&mut self, session: &str, data: &Value) {
        let guilds = data["guild_id"].as_array().cloned().unwrap_or_else(|| vec![data["guild_id"].clone()]);
        for guild in guilds {
            let id = crate::discord::ids::read(&guild).unwrap_or(0);
            let Some(place) = self.world.guilds.get(&id).filter(|_| self.world.has_bot(id)) else { continue };
            let named = |user: &u64| match data["user_ids"].as_array() {
                Some(list) => list.iter().any(|one| crate::discord::ids::read(one) == Some(*user)),
                None => {
                    let begins = data["query"].as_str().unwrap_or_default().to_lowercase();
                    self.world.name(*user).to_lowercase().starts_with(&begins)
                }
            };
            let members = place.members.values().filter(|member| named(&member.user));
            let mut chunk = json!({
                "guild_id": id.to_string(), "chunk_index": 0, "chunk_count": 1, "not_found": [],
                "members": members.map(|one| objects::member(&self.world, one)).collect::<Vec<_>>(),
            });
            if !data["nonce"].is_null() {
                chunk["nonce"] = data["nonce"].clone();
            }
            self.gateway.tell(session, "GUILD_MEMBERS_CHUNK", &chunk);
        }
    }
}

/// `ws://…` of an `http://…` address.
fn ws(base: &str) -> String {
    base.replacen("http", "ws", 1)
}

/// A token without the word that REST puts before it, which some libraries send here, too.
fn bare(token: &str) -> &str {
    token.strip_prefix("Bot ").unwrap_or(token)
}
