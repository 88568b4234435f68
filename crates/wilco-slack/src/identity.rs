//! Whose token this is.

use serde::Deserialize;
use serde_json::Value;
use wilco_core::{Cause, NotSurfaced};

use crate::outcome::{Called, settle};
use crate::rest::{Call, Lane, Method};
use crate::slack::Slack;

/// What `auth.test` says of a bot token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Identity {
    /// The bot as a person of the workspace.
    pub(crate) user_id: String,
    /// What people call it, without the at sign.
    pub(crate) user: String,
    /// The bot as an app's integration.
    pub(crate) bot_id: String,
    /// The workspace.
    pub(crate) team_id: String,
}

impl Identity {
    /// Reads what `auth.test` answers.
    pub(crate) fn read(body: Value) -> Result<Self, Cause> {
        let unreadable = |words: String| Cause::new("unreadable_answer", words);
        let identity: Self = serde_json::from_value(body).map_err(|error| unreadable(error.to_string()))?;
        if identity.user_id.is_empty() && identity.bot_id.is_empty() {
            return Err(unreadable("Slack names no id of this bot".to_owned()));
        }
        Ok(identity)
    }

    /// Whether a message of the history was written by this bot.
    pub(crate) fn wrote(&self, message: &Value) -> bool {
        let is = |name: &str, id: &str| !id.is_empty() && message.get(name).and_then(Value::as_str) == Some(id);
        is("bot_id", &self.bot_id) || is("user", &self.user_id)
    }
}

impl Slack {
    /// The bot's own ids, asked for once.
    pub(crate) async fn identity(&self) -> Result<&Identity, NotSurfaced> {
        let ask = async {
            let body = settle(self.rest.call(Call::new(Method::AuthTest, Lane::Normal)).await, Called::LIGHT)?;
            Identity::read(body).map_err(NotSurfaced::Retry)
        };
        self.mouth.identity.get_or_try_init(|| ask).await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_is_ours_by_either_id() {
        let me = Identity { user_id: "U1".into(), bot_id: "B1".into(), ..Identity::default() };
        assert!(me.wrote(&json!({"user": "U1"})) && me.wrote(&json!({"bot_id": "B1"})));
        assert!(!me.wrote(&json!({"user": "U2", "bot_id": "B2"})) && !me.wrote(&json!({})));
        // A message without an author is nobody's, least of all that of a bot whose id is not known.
        assert!(!Identity::default().wrote(&json!({"user": "", "bot_id": ""})));
    }
}
