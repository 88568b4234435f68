//! What people write: mentions of the bot and direct messages.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tracing::{debug, error};
use wilco_core::{Accepted, Inbound, Inbox, Reply, Timestamp};

use crate::channels::is_direct;
use crate::hear::{HEARD_AFTER, OLDEST, Work};
use crate::look::{PATIENCE, PAUSE};
use crate::payload::Written;
use crate::people::Hint;
use crate::place::Spot;
use crate::slack::Slack;
use crate::socket::within;
use crate::spoken;
use crate::tell::Listener;
use crate::understand::{Done, meant, said};
use crate::unescape::{Names, unescape, unnamed};

/// Messages that people write (Slack, "message event", "Message subtypes"): those without a subtype, with a file, and
/// answers that are shown in the channel as well. Everything else says that something happened.
const WRITTEN: [&str; 2] = ["file_share", "thread_broadcast"];
/// How long the names in a text may take.
const NAMES: Duration = Duration::from_secs(1);
/// How many people in a text are looked up.
const NAMED: usize = 5;

/// The names that a text is read with.
struct Called(HashMap<String, String>);

impl Names for Called {
    fn person(&self, id: &str) -> Option<String> {
        self.0.get(id).cloned()
    }
    fn channel(&self, _: &str) -> Option<String> {
        None
    }
}

impl Slack {
    /// Whether a message is meant for the bot: written by a person, in a direct message or with a mention.
    pub(crate) fn is_for_us(&self, written: &Written) -> bool {
        let Some(me) = self.mouth.identity.get() else { return false };
        let (Some((channel, _)), Some(author)) = (written.name(), written.user.as_deref()) else { return false };
        let by_person = written.bot_id.is_none() && author != me.user_id && author != "USLACKBOT";
        let is_written = written.subtype.as_deref().is_none_or(|subtype| WRITTEN.contains(&subtype));
        // Somebody who mentions the bot in what they wrote before: it was said when it was written.
        let changed = written.kind.as_deref() == Some("app_mention") && written.edited.is_some();
        if !by_person || !is_written || changed || written.hidden == Some(true) {
            return false;
        }
        is_direct(channel) || mentions(written.text.as_deref().unwrap_or_default(), &me.user_id)
    }

    /// Takes one message: hands it in, and says what is to be said.
    pub(crate) async fn take_message(self: Arc<Self>, inbox: &Arc<dyn Inbox>, work: Work) {
        let Work { written, envelope, doing, one } = work;
        let (Some(event), Some((channel, ts))) = (written.event(), written.name()) else { return };
        let spot = Spot::new(channel, written.thread());
        let person = written.user.clone().unwrap_or_default();
        if is_direct(channel) {
            self.know_direct(&person, channel);
        }
        let (reply, refused) = match self.understand_message(&written, &event, &spot, &person, ts.made()).await {
            Ok(inbound) => {
                let taken = self.offer_patiently(inbox, &inbound).await;
                let refused = matches!(taken, Accepted::Busy | Accepted::Refused(_));
                (said(taken), refused)
            }
            Err(refusal) => (Some(refusal), true),
        };
        let heard = self.clock.now();
        let mut keeping = None;
        if let Some(words) = reply.clone().filter(|_| refused) {
            // Nothing else will ever show that it was refused, and Slack may not take a word for as long as it could not
            // be asked. So the words are kept until they are said, if need be by the next process.
            doing.owe_words();
            let mut task = self.ears.tasks.spawn({
                let (slack, event) = (Arc::clone(&self), event.clone());
                async move { slack.keep_words(&event, &envelope, heard, &words).await }
            });
            if within(&*self.clock, HEARD_AFTER, &mut task).await.is_none() {
                debug!(%event, "slack: a refusal is kept in memory alone");
                keeping = Some(task);
            }
        }
        self.active_in(&spot, Some(ts)).await;
        doing.finish();
        drop(one);
        if let Some(reply) = reply {
            // The next message does not wait for an answer that has to wait for Slack.
            let slack = Arc::clone(&self);
            self.ears.tasks.spawn(async move {
                if refused {
                    slack.tell_writer(&written, &reply, heard).await;
                    if let Some(Err(why)) = futures::future::OptionFuture::from(keeping).await {
                        error!(%event, %why, "slack: keeping a refusal failed");
                    }
                    slack.forget_heard(&event).await;
                } else {
                    let end = slack.clock.monotonic() + PATIENCE;
                    slack.tell(&mut Listener::of_message(event, spot, person), &reply, end).await;
                }
            });
        }
    }

    /// Tells whoever wrote a message that it was not accepted, as often as it takes.
    pub(crate) async fn tell_writer(&self, written: &Written, words: &Reply, heard: Timestamp) {
        let (Some(event), Some((channel, _))) = (written.event(), written.name()) else { return };
        let person = written.user.clone().unwrap_or_default();
        let mut listener = Listener::of_message(event, Spot::new(channel, written.thread()), person);
        let left = heard.plus(OLDEST).since(self.clock.now()).max(PATIENCE);
        self.tell(&mut listener, words, self.clock.monotonic() + left).await;
    }

    async fn understand_message(
        &self,
        written: &Written,
        event: &str,
        spot: &Spot,
        person: &str,
        at: Timestamp,
    ) -> Result<Inbound, Reply> {
        let me = self.mouth.identity.get().map(|me| me.user_id.clone()).unwrap_or_default();
        let text = self.as_typed(without_mention(written.text.as_deref().unwrap_or_default(), &me)).await;
        let what = meant(spoken::of_message(&text))?;
        let hint = Hint { name: None, team: written.author_team() };
        self.understand(Done { event, spot, person, hint, what, at }).await
    }

    /// A text as it was typed, with the names of those whom it names.
    pub(crate) async fn as_typed(&self, text: &str) -> String {
        let ids = unnamed(text);
        let ids = ids.get(..NAMED).unwrap_or(&ids);
        if !ids.is_empty() {
            // Without their names they are named by their ids.
            within(&*self.clock, NAMES, self.meet(ids)).await.unwrap_or_default();
        }
        let name = |id: &&str| self.ears.people.name(id).map(|name| ((*id).to_owned(), name));
        unescape(text, &Called(ids.iter().filter_map(name).collect())).trim().to_owned()
    }

    /// Hands an event in. Slack does not bring it again once it is acknowledged, so a store that is busy is waited for.
    pub(crate) async fn offer_patiently(&self, inbox: &Arc<dyn Inbox>, inbound: &Inbound) -> Accepted {
        let end = self.clock.monotonic() + PATIENCE;
        let mut pause = PAUSE;
        loop {
            match inbox.offer(vec![inbound.clone()]).await.into_iter().next().unwrap_or(Accepted::Busy) {
                Accepted::Busy if self.waits_within(pause, end).await => pause *= 2,
                taken @ (Accepted::Stored { .. }
                | Accepted::Duplicate { .. }
                | Accepted::Busy
                | Accepted::Refused(_)
                | Accepted::Answered(_)) => return taken,
            }
        }
    }
}

/// The mention of somebody, up to where their name may follow.
fn mention(id: &str) -> String {
    format!("<@{id}")
}

/// Whether a text mentions somebody.
pub(crate) fn mentions(text: &str, id: &str) -> bool {
    let ends = |rest: &str| rest.starts_with(['>', '|']);
    !id.is_empty() && text.match_indices(&mention(id)).any(|(at, way)| text.get(at + way.len()..).is_some_and(ends))
}

/// The text without the mention of the bot at its beginning.
fn without_mention<'a>(text: &'a str, id: &str) -> &'a str {
    let text = text.trim();
    let rest = text.strip_prefix(&mention(id)).filter(|_| !id.is_empty());
    let behind = rest.and_then(|rest| match rest.split_once('>') {
        Some((name, behind)) if name.is_empty() || name.starts_with('|') => Some(behind),
        Some(_) | None => None,
    });
    // As people write it: `@wilco, run demo`
    behind.map_or(text, |behind| behind.trim_start_matches([',', ':']).trim())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use wilco_core::random::Dice;
    use wilco_sim::clock::HandClock;

    use super::*;
    use crate::identity::Identity;
    use crate::options::{Options, Secret};
    use wilco_sim::MemoryShelf;

    fn slack() -> Arc<Slack> {
        let options = Options::new("slack", Secret::new("xoxb-1"), Secret::new("xapp-1"));
        let slack =
            Slack::new(options, Arc::<MemoryShelf>::default(), HandClock::new(), Arc::new(Dice::seeded(1))).unwrap();
        let me = Identity { user_id: "U0".into(), bot_id: "B0".into(), team_id: "T1".into(), ..Identity::default() };
        slack.mouth.identity.set(me).unwrap();
        slack
    }

    #[test]
    fn mentions_and_direct_messages_of_people_are_meant_and_nothing_else_is() {
        let slack = slack();
        let is = |change: Value| {
            let mut event =
                json!({"type": "message", "channel": "C1", "user": "U1", "ts": "17.000100", "text": "hi <@U0>"});
            event.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            slack.is_for_us(&serde_json::from_value(event).unwrap())
        };
        assert!(is(json!({})) && is(json!({"type": "app_mention"})) && is(json!({"text": "<@U0|wilco> hi"})));
        assert!(is(json!({"channel": "D1", "text": "hi"})) && is(json!({"channel": "D1", "text": null})));
        assert!(is(json!({"subtype": "file_share"})) && is(json!({"subtype": "thread_broadcast"})));
        assert!(is(json!({"edited": {"ts": "18.000000"}})), "read from history, it was changed after it was missed");
        for not in [
            json!({"text": "hi"}),
            json!({"text": "hi <@U01>"}),
            json!({"text": "hi &lt;@U0&gt;"}),
            json!({"user": "U0"}),
            json!({"user": null}),
            json!({"user": "USLACKBOT"}),
            json!({"bot_id": "B7"}),
            json!({"hidden": true}),
            json!({"ts": null}),
            json!({"type": "app_mention", "edited": {"ts": "18.000000"}}),
        ] {
            assert!(!is(not.clone()), "{not}");
        }
        for subtype in ["message_changed", "message_deleted", "channel_join", "bot_message", "tombstone", "me_message"]
        {
            assert!(!is(json!({"subtype": subtype})), "{subtype}");
            assert!(!is(json!({"subtype": subtype, "channel": "D1"})), "{subtype}");
        }
    }

    #[test]
    fn the_mention_at_the_beginning_is_no_part_of_the_text() {
        for (text, rest) in [
            ("<@U0> run demo", "run demo"),
            (" <@U0|wilco>: run demo ", "run demo"),
            ("<@U0>, cancel", "cancel"),
            ("hey <@U0> run", "hey <@U0> run"),
            ("<@U0>", ""),
            ("<@U01> run", "<@U01> run"),
            ("run demo", "run demo"),
        ] {
            assert_eq!(without_mention(text, "U0"), rest, "{text}");
        }
        assert_eq!(without_mention("<@> x", ""), "<@> x");
        assert!(!mentions("<@> x", ""));
    }
}
