//! The direct message with a person: the last step of every route. Discord gives it a channel of its own, which is
//! asked for once and then known for ever ("Create DM" answers the same channel every time).

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use serenity::http::{LightMethod, Route};
use tracing::debug;

use crate::discord::Discord;
use crate::rest::{Answer, Call, Lane};
use crate::snowflake::Snowflake;
use crate::time::within;

/// Before the key of a person's channel on the shelf.
const KEY: &str = "dm:";
/// How long somebody waits for the channel before their command is taken without this last step of its route.
const PATIENCE: Duration = Duration::from_millis(700);
/// *You are opening direct messages too fast* (Discord API, "JSON Error Codes").
const TOO_FAST: i64 = 40_003;
/// How long a person's channel is not asked for again after that did not work.
const PAUSE: Duration = Duration::from_secs(60);
/// How many channels are asked for within a minute: whoever types a command has one asked for before anybody has looked
/// at their rights, and Discord stops a bot that opens direct messages too fast (code 40003).
const A_MINUTE: usize = 10;

#[derive(Default)]
pub(crate) struct Directs(Mutex<Known>);

#[derive(Default)]
struct Known {
    channels: BTreeMap<Snowflake, Snowflake>,
    /// Until when a person's channel is not asked for again.
    failed: BTreeMap<Snowflake, Duration>,
    /// When the last ones were asked for.
    asked: VecDeque<Duration>,
    /// Until when nobody's is, because Discord said so.
    held: Duration,
}

/// Why there is no channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoDirect {
    /// Discord opens none with this person.
    Refused { code: Option<i64> },
    /// Not now; after this time, where it is named.
    Later(Option<Duration>),
}

impl Directs {
    fn with<T>(&self, act: impl FnOnce(&mut Known) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Discord {
    /// The channel of the direct message with a person, quickly or not at all.
    pub(crate) async fn direct_soon(&self, person: Snowflake) -> Option<Snowflake> {
        if let Some(known) = self.ears.directs.with(|known| known.channels.get(&person).copied()) {
            return Some(known);
        }
        let now = self.clock.monotonic();
        if !self.ears.directs.with(|known| known.may_ask(person, now)) {
            return None;
        }
        let found = within(&*self.clock, PATIENCE, self.direct(person)).await;
        match found {
            Some(Ok(channel)) => Some(channel),
            Some(Err(_)) | None => {
                self.ears.directs.with(|known| known.failed.insert(person, now + PAUSE));
                None
            }
        }
    }

    /// The channel of the direct message with a person.
    pub(crate) async fn direct(&self, person: Snowflake) -> Result<Snowflake, NoDirect> {
        #[derive(Deserialize)]
        struct Named {
            id: Snowflake,
        }
        if let Some(known) = self.ears.directs.with(|known| known.channels.get(&person).copied()) {
            return Ok(known);
        }
        let key = format!("{KEY}{person}");
        // A store that does not answer is no reason to keep anybody waiting: Discord answers the same.
        let stored = self.shelf.get(&key).await.ok().flatten().and_then(|text| text.parse().ok());
        if let Some(stored) = stored {
            self.ears.directs.with(|known| known.channels.insert(person, stored));
            return Ok(stored);
        }
        let body = json!({ "recipient_id": person });
        let call = Call::json(LightMethod::Post, Route::UserMeDmChannels, &body, Lane::Reserved);
        let Ok(call) = call else { return Err(NoDirect::Refused { code: None }) };
        let channel = match self.rest.call(call).await {
            Answer::Done { body, .. } => match serde_json::from_slice::<Named>(&body) {
                Ok(named) => named.id,
                Err(_) => return Err(NoDirect::Later(None)),
            },
            Answer::Refused(refusal) => {
                debug!(%person, status = refusal.status, code = ?refusal.code, "discord: no direct message can be opened");
                let too_fast = refusal.status == 429 || refusal.code == Some(TOO_FAST);
                if too_fast {
                    let until = self.clock.monotonic() + refusal.retry_after.unwrap_or(PAUSE);
                    self.ears.directs.with(|known| known.held = until);
                }
                return Err(match too_fast || refusal.status >= 500 {
                    true => NoDirect::Later(refusal.retry_after),
                    false => NoDirect::Refused { code: refusal.code },
                });
            }
            Answer::Held { delay, .. } => return Err(NoDirect::Later(Some(delay))),
            Answer::NotSent(_) | Answer::Unknown(_) => return Err(NoDirect::Later(None)),
        };
        self.know_direct(person, channel).await;
        Ok(channel)
    }

    /// Remembers the channel of a direct message, such as one in which a person has just spoken.
    pub(crate) async fn know_direct(&self, person: Snowflake, channel: Snowflake) {
        let new = self.ears.directs.with(|known| known.channels.insert(person, channel) != Some(channel));
        if new && let Err(why) = self.shelf.put(&format!("{KEY}{person}"), &channel.to_string()).await {
            debug!(%why, "discord: a direct message is kept in memory alone");
        }
    }
}

impl Known {
    /// Whether a person's channel may be asked for now; it then counts as asked for.
    fn may_ask(&mut self, person: Snowflake, now: Duration) -> bool {
        self.failed.retain(|_, until| now < *until);
        while self.asked.front().is_some_and(|at| now >= *at + PAUSE) {
            self.asked.pop_front();
        }
        let may = now >= self.held && self.asked.len() < A_MINUTE && !self.failed.contains_key(&person);
        if may {
            self.asked.push_back(now);
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn what_did_not_work_for_one_person_holds_nobody_else_up() {
        let mut known = Known::default();
        known.failed.insert(Snowflake(1), seconds(60));
        assert!(!known.may_ask(Snowflake(1), seconds(59)));
        assert!(known.may_ask(Snowflake(2), seconds(59)));
        assert!(known.may_ask(Snowflake(1), seconds(60)));
    }

    #[test]
    fn a_crowd_of_strangers_has_few_channels_opened() {
        let mut known = Known::default();
        let asked = (0..100).filter(|person| known.may_ask(Snowflake(*person), seconds(person / 10))).count();
        assert_eq!(asked, A_MINUTE);
        assert!(known.may_ask(Snowflake(200), seconds(60)));
        known.held = seconds(90);
        assert!(!known.may_ask(Snowflake(201), seconds(89)), "Discord has asked for silence");
    }
}
