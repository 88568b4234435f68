//! What channels are: who reads along there, and whether the bot can speak. It is looked up and kept for a minute.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tracing::{debug, warn};
use wilco_core::{Cause, Reply, wording};

use crate::look::Looked;
use crate::payload::Written;
use crate::probe::Conversation;
use crate::rest::{Answer, Call, Lane, Method};
use crate::slack::{Slack, locked};
use crate::socket::within;

/// How long a channel is not looked up again.
const LIFE: Duration = Duration::from_secs(60);
/// How long somebody who gives a command in a thread waits to learn whether that is locked.
const LOCKED_WITHIN: Duration = Duration::from_secs(1);
/// How many channels are kept.
const KNOWN: usize = 2_048;

/// What is known of channels.
#[derive(Default)]
pub(crate) struct Channels {
    known: Mutex<HashMap<String, (Sight, Duration)>>,
    /// Until when a thread counts as one in which can be written, by its channel and itself.
    open: Mutex<HashMap<(String, String), Duration>>,
    told: AtomicBool,
}

/// What is known of one channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Sight {
    /// What Slack says of it.
    Seen(Conversation),
    /// The bot cannot see it: it is private, and the bot is no member, or it is not there any more.
    Hidden,
    /// Slack told nothing. It counts as one that few can read (requirement D10), and whether the bot can speak there is
    /// found out by speaking.
    Unknown,
}

impl Channels {
    /// It is looked at anew.
    pub(crate) fn forget(&self, channel: &str) {
        locked(&self.known).remove(channel);
    }

    fn fresh(&self, channel: &str, now: Duration) -> Option<Sight> {
        locked(&self.known).get(channel).filter(|(_, until)| now < *until).map(|(sight, _)| *sight)
    }

    fn learn(&self, channel: &str, sight: Sight, now: Duration) {
        let mut known = locked(&self.known);
        make_room(&mut known, KNOWN, now);
        known.insert(channel.to_owned(), (sight, now + LIFE));
    }
}

/// Makes room in what is kept until a moment: what has grown old goes, and else the one that would go next. The others are
/// not asked for again all at once.
pub(crate) fn make_room<T>(known: &mut HashMap<String, (T, Duration)>, most: usize, now: Duration) {
    if known.len() >= most {
        known.retain(|_, (_, until)| now < *until);
    }
    if known.len() >= most {
        let next = known.iter().min_by_key(|(_, (_, until))| *until).map(|(name, _)| name.clone());
        next.map(|name| known.remove(&name));
    }
}

/// Whether a conversation is a direct message (Slack, "Object types": `D…`). The bot hears what is written in its own
/// alone.
pub(crate) fn is_direct(channel: &str) -> bool {
    channel.starts_with('D')
}

impl Slack {
    /// What a channel is in which a person speaks. Commands can be given in any conversation, also between two people
    /// who do not have the bot among them.
    pub(crate) async fn sight(&self, channel: &str, person: &str) -> Sight {
        if self.known_direct(person).is_some_and(|direct| direct.channel == channel) {
            return Sight::Seen(Conversation { is_im: true, is_private: true, ..Conversation::default() });
        }
        if let Some(known) = self.ears.channels.fresh(channel, self.clock.monotonic()) {
            return known;
        }
        let sight = match self.look(&Call::new(Method::Info, Lane::Normal).with("channel", channel)).await {
            Looked::Found(body) => {
                match Conversation::deserialize(body.get("channel").cloned().unwrap_or(Value::Null)) {
                    Ok(conversation) => Sight::Seen(conversation),
                    Err(why) => {
                        warn!(%channel, %why, "slack: a channel does not read");
                        Sight::Unknown
                    }
                }
            }
            Looked::Refused(code) if code == "channel_not_found" => Sight::Hidden,
            Looked::NotAllowed => {
                if !self.ears.channels.told.swap(true, Ordering::SeqCst) {
                    warn!(account = %self.options.account,
                        "slack: who reads along in a channel is not known without the scopes channels:read, groups:read, \
                         im:read and mpim:read, so it counts as private; add them to the app and install it again");
                }
                Sight::Unknown
            }
            // The next one who speaks there asks again.
            Looked::Refused(_) | Looked::Unknown => return Sight::Unknown,
        };
        self.ears.channels.learn(channel, sight, self.clock.monotonic());
        sight
    }

    /// The refusal where the bot cannot speak: a job that could not be shown is not begun.
    pub(crate) async fn cannot_speak(&self, channel: &str, thread: Option<&str>, sight: Sight) -> Option<Reply> {
        let objection = match sight {
            Sight::Seen(conversation) => conversation.objection(thread.is_some(), self.options.join),
            Sight::Hidden => Some(Cause::new("not_in_channel", "")),
            Sight::Unknown => None,
        };
        if let Some(objection) = objection {
            // Whoever does what they are told is not refused for what was seen before.
            self.ears.channels.forget(channel);
            if is_direct(channel) {
                return Some(wording::cannot_show_here(
                    "the bot is not in this conversation",
                    "write to the bot itself, or give the command in a channel",
                ));
            }
            let (why, todo) = sentence(&objection);
            return Some(wording::cannot_show_here(&why, todo));
        }
        let thread = thread?;
        self.is_locked(channel, thread).await.then(|| {
            wording::cannot_show_here(
                "this thread is locked",
                "ask somebody who administers the workspace to unlock it, or give the command in the channel",
            )
        })
    }

    /// Whether nobody can write in a thread, as far as Slack says at once. Where it does not, the first message tells: it
    /// goes to the channel then, and that is better than to let somebody wait who has asked for something.
    async fn is_locked(&self, channel: &str, thread: &str) -> bool {
        let (name, now) = ((channel.to_owned(), thread.to_owned()), self.clock.monotonic());
        if locked(&self.ears.channels.open).get(&name).is_some_and(|until| now < *until) {
            return false;
        }
        let call =
            Call::new(Method::Replies, Lane::Normal).with("channel", channel).with("ts", thread).with("limit", 1);
        let answer = within(&*self.clock, LOCKED_WITHIN, self.rest.call(call)).await;
        let Some(Answer::Done(body)) = answer else {
            debug!(%channel, ?answer, "slack: whether a thread is locked is not known");
            return false;
        };
        let first = body.pointer("/messages/0").cloned().unwrap_or(Value::Null);
        let is_locked = Written::deserialize(first).is_ok_and(|first| first.is_locked == Some(true));
        if !is_locked {
            let mut open = locked(&self.ears.channels.open);
            if open.len() >= KNOWN {
                open.retain(|_, until| now < *until);
            }
            if open.len() < KNOWN {
                open.insert(name, now + LIFE);
            }
        }
        is_locked
    }
}

/// What an objection means for a person, and what to do.
fn sentence(objection: &Cause) -> (String, &'static str) {
    match objection.code.as_str() {
        "is_archived" => ("this channel is archived".to_owned(), "unarchive it, or give the command elsewhere"),
        "not_in_channel" => {
            ("the bot is not in this channel".to_owned(), "type `/invite @wilco` here and give it again")
        }
        "restricted_action_thread_only_channel" => {
            ("in this channel people write in threads alone".to_owned(), "mention the bot in a thread")
        }
        _ => (
            objection.text.clone(),
            "ask whoever manages the channel to let the bot write, or give the command elsewhere",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_objection_says_what_to_do() {
        let member = Conversation { is_member: true, ..Conversation::default() };
        for (conversation, says, todo) in [
            (Conversation { is_archived: true, ..member }, "archived", "unarchive"),
            (Conversation::default(), "not in this channel", "/invite @wilco"),
            (Conversation { is_thread_only: true, ..member }, "threads alone", "in a thread"),
            (Conversation { is_read_only: true, ..member }, "restricts who writes", "whoever manages"),
        ] {
            let (why, what) = sentence(&conversation.objection(false, false).unwrap());
            assert!(why.contains(says) && what.contains(todo), "{why}: {what}");
            let reply = wording::cannot_show_here(&why, what).text;
            assert!(reply.starts_with("Not accepted") && reply.contains("Nothing was started"), "{reply}");
        }
    }

    #[test]
    fn one_more_than_fits_takes_the_place_of_one() {
        let channels = Channels::default();
        for n in 0..=KNOWN {
            channels.learn(&format!("C{n}"), Sight::Hidden, Duration::from_millis(n as u64));
        }
        assert_eq!(channels.fresh("C0", Duration::ZERO), None);
        assert_eq!(channels.fresh("C1", Duration::ZERO), Some(Sight::Hidden));
        assert_eq!(locked(&channels.known).len(), KNOWN);
    }

    #[test]
    fn what_is_known_grows_old_and_is_forgotten() {
        let channels = Channels::default();
        channels.learn("C1", Sight::Hidden, Duration::ZERO);
        assert_eq!(channels.fresh("C1", Duration::from_secs(59)), Some(Sight::Hidden));
        assert_eq!(channels.fresh("C1", LIFE), None);
        channels.learn("C1", Sight::Hidden, Duration::ZERO);
        channels.forget("C1");
        assert_eq!(channels.fresh("C1", Duration::ZERO), None);
    }
}
