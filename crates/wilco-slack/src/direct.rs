//! The direct message with a person: the last step of every route. Slack gives it a channel of its own, which is asked
//! for once and then known for ever (`conversations.open` answers the same channel every time).

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;
use tracing::debug;
use wilco_core::desk::Caller;
use wilco_core::{Address, Cause, NotSurfaced, Person, Place};

use crate::rest::{Call, Lane, Method};
use crate::slack::{Slack, locked};
use crate::socket::within;

/// Before the key of a person's channel on the shelf.
const KEY: &str = "dm:";
/// How long somebody waits for the channel before their command is taken without this last step of its route.
const PATIENCE: Duration = Duration::from_millis(700);
/// How long a person's channel is not asked for again after that did not work.
const PAUSE: Duration = Duration::from_secs(60);
/// How many channels are asked for within a minute for people who merely speak: other calls want their share of the
/// method's tier.
const A_MINUTE: usize = 10;

#[derive(Default)]
pub(crate) struct Directs(Mutex<Known>);

#[derive(Default)]
struct Known {
    channels: BTreeMap<String, String>,
    /// Until when a person's channel is not asked for again.
    failed: BTreeMap<String, Duration>,
    /// When the last ones were asked for.
    asked: VecDeque<Duration>,
}

impl Slack {
    /// The direct message with a person, quickly or not at all. Nobody who may do nothing here has one opened.
    pub(crate) async fn direct_soon(&self, person: &Person, place: &Place) -> Option<Address> {
        if let Some(known) = self.known_direct(&person.id) {
            return Some(known);
        }
        if let Some(desk) = self.ears.desk.get() {
            let caller = Caller::Person {
                account: self.options.account.clone(),
                person: person.clone(),
                address: Some(place.address.clone()),
                guild: place.guild.clone(),
            };
            desk.role(&caller)?;
        }
        let now = self.clock.monotonic();
        if person.outsider || !locked(&self.ears.directs.0).may_ask(&person.id, now) {
            return None;
        }
        let found = within(&*self.clock, PATIENCE, self.direct(&person.id)).await;
        found.and_then(Result::ok).or_else(|| {
            locked(&self.ears.directs.0).failed.insert(person.id.clone(), now + PAUSE);
            None
        })
    }

    /// The direct message with a person, which is opened where there is none yet.
    pub(crate) async fn direct(&self, person: &str) -> Result<Address, NotSurfaced> {
        if let Some(known) = self.known_direct(person) {
            return Ok(known);
        }
        // A store that does not answer is no reason to keep anybody waiting: Slack answers the same.
        if let Ok(Some(stored)) = self.shelf.get(&format!("{KEY}{person}")).await {
            locked(&self.ears.directs.0).channels.insert(person.to_owned(), stored.clone());
            return Ok(Address::channel(self.options.account.clone(), stored));
        }
        let body = self.read(Call::new(Method::Open, Lane::Normal).with("users", person)).await?;
        let Some(channel) = body.pointer("/channel/id").and_then(Value::as_str) else {
            return Err(NotSurfaced::Retry(Cause::new("unreadable_answer", "Slack names no direct message")));
        };
        self.know_direct(person, channel);
        Ok(Address::channel(self.options.account.clone(), channel))
    }

    /// The same, where it is known.
    pub(crate) fn known_direct(&self, person: &str) -> Option<Address> {
        let known = locked(&self.ears.directs.0);
        known.channels.get(person).map(|channel| Address::channel(self.options.account.clone(), channel.as_str()))
    }

    /// Remembers the channel of a direct message, such as one in which a person has just spoken. Nobody waits for the
    /// store: Slack answers the same.
    pub(crate) fn know_direct(&self, person: &str, channel: &str) {
        let before = locked(&self.ears.directs.0).channels.insert(person.to_owned(), channel.to_owned());
        let Some(slack) = self.shared().filter(|_| before.as_deref() != Some(channel)) else { return };
        let (key, channel) = (format!("{KEY}{person}"), channel.to_owned());
        self.ears.tasks.spawn(async move {
            if let Err(why) = slack.shelf.put(&key, &channel).await {
                debug!(%why, "slack: a direct message is kept in memory alone");
            }
        });
    }
}

impl Known {
    /// Whether a person's channel may be asked for now; it then counts as asked for.
    fn may_ask(&mut self, person: &str, now: Duration) -> bool {
        self.failed.retain(|_, until| now < *until);
        while self.asked.front().is_some_and(|at| now >= *at + PAUSE) {
            self.asked.pop_front();
        }
        let may = self.asked.len() < A_MINUTE && !self.failed.contains_key(person);
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
        known.failed.insert("U1".into(), seconds(60));
        assert!(!known.may_ask("U1", seconds(59)));
        assert!(known.may_ask("U2", seconds(59)) && known.may_ask("U1", seconds(60)));
    }

    #[test]
    fn a_crowd_has_few_channels_opened() {
        let mut known = Known::default();
        let asked = (0..100).filter(|person| known.may_ask(&format!("U{person}"), seconds(person / 10))).count();
        assert_eq!(asked, A_MINUTE);
        assert!(known.may_ask("U200", seconds(60)));
    }
}
