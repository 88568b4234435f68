//! What Slack says, as far as it is looked at. A field that is missing or null is no error: Slack leaves fields out as
//! it likes, and a message that does not read would be lost.

use serde::Deserialize;
use serde_json::Value;

use crate::options::Secret;
use crate::ts::Ts;

/// A message, as an event tells it and as history does (Slack, "message event").
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Written {
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    pub(crate) subtype: Option<String>,
    /// History does not say it; whoever reads there fills it in.
    pub(crate) channel: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) bot_id: Option<String>,
    pub(crate) text: Option<String>,
    pub(crate) ts: Option<String>,
    pub(crate) thread_ts: Option<String>,
    pub(crate) team: Option<String>,
    /// In a shared channel, the workspace of whoever wrote it.
    pub(crate) user_team: Option<String>,
    pub(crate) hidden: Option<bool>,
    pub(crate) edited: Option<Value>,
    /// The last answer in the thread under it.
    pub(crate) latest_reply: Option<String>,
    /// Nobody can write in the thread under it.
    pub(crate) is_locked: Option<bool>,
}

impl Written {
    /// Where and which, once both are known to be names.
    pub(crate) fn name(&self) -> Option<(&str, Ts)> {
        Some((self.channel.as_deref()?, Ts::read(self.ts.as_deref()?)?))
    }

    /// The id that the inbox knows it by. It is the same for every way by which the message comes: as *message*, as
    /// *app_mention*, a second time, and read from history.
    pub(crate) fn event(&self) -> Option<String> {
        let (channel, _) = self.name()?;
        Some(format!("{channel}:{}", self.ts.as_deref()?))
    }

    /// The thread in which it stands; none for one in the channel itself, also when a thread has begun under it.
    pub(crate) fn thread(&self) -> Option<&str> {
        self.thread_ts.as_deref().filter(|thread| Some(*thread) != self.ts.as_deref())
    }

    /// The workspace of its author, as far as it says.
    pub(crate) fn author_team(&self) -> Option<&str> {
        self.user_team.as_deref().or(self.team.as_deref())
    }
}

/// A slash command (Slack, "Enabling interactivity with slash commands").
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Slash {
    pub(crate) text: Option<String>,
    pub(crate) channel_id: Option<String>,
    pub(crate) user_id: Option<String>,
    pub(crate) user_name: Option<String>,
    pub(crate) trigger_id: Option<String>,
    pub(crate) response_url: Option<String>,
}

/// Something with an id.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Named {
    pub(crate) id: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) username: Option<String>,
    pub(crate) team_id: Option<String>,
}

/// A pressed button, a message shortcut or a global one (Slack, "Interaction payloads").
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Interactive {
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    pub(crate) callback_id: Option<String>,
    pub(crate) trigger_id: Option<String>,
    pub(crate) response_url: Option<String>,
    pub(crate) user: Named,
    pub(crate) channel: Option<Named>,
    pub(crate) container: Option<Container>,
    pub(crate) message: Option<Value>,
    pub(crate) message_ts: Option<String>,
    pub(crate) actions: Vec<Action>,
    pub(crate) action_ts: Option<String>,
}

/// Where a button stands.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Container {
    pub(crate) message_ts: Option<String>,
    pub(crate) channel_id: Option<String>,
    pub(crate) thread_ts: Option<String>,
    pub(crate) is_ephemeral: Option<bool>,
}

/// Which button.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Action {
    pub(crate) action_id: Option<String>,
    pub(crate) action_ts: Option<String>,
}

/// The address for an answer, where there is one.
pub(crate) fn response(url: Option<String>) -> Option<Secret> {
    url.filter(|url| !url.is_empty()).map(Secret::new)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_message_has_one_id_however_it_comes() {
        let read = |value: Value| serde_json::from_value::<Written>(value).unwrap();
        let event = read(json!({"type": "message", "channel": "C1", "channel_type": "channel", "ts": "17.000100"}));
        let mention = read(json!({"type": "app_mention", "channel": "C1", "ts": "17.000100", "event_ts": "17.000100"}));
        let history = read(json!({"type": "message", "ts": "17.000100", "text": null, "reply_count": 3}));
        let history = Written { channel: Some("C1".into()), ..history };
        for one in [&event, &mention, &history] {
            assert_eq!(one.event().as_deref(), Some("C1:17.000100"));
        }
        assert_eq!(read(json!({"channel": "C1", "ts": "soon"})).event(), None);
        assert_eq!(read(json!({"ts": "17.000100"})).event(), None);
    }

    #[test]
    fn the_first_message_of_a_thread_stands_in_its_channel() {
        let written = |thread: &str| Written {
            ts: Some("17.000100".into()),
            thread_ts: Some(thread.into()),
            ..Written::default()
        };
        assert_eq!(written("17.000100").thread(), None);
        assert_eq!(written("16.000100").thread(), Some("16.000100"));
    }
}
