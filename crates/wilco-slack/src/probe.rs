//! Whether an address still takes messages. Nothing is shown.

use serde::Deserialize;
use serde_json::Value;
use wilco_core::{Address, Cause, NotSurfaced};

use crate::outcome::{Called, settle};
use crate::rest::{Call, Lane, Method};
use crate::slack::Slack;

/// A conversation, as far as it is looked at (Slack, "Conversation object").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Conversation {
    pub(crate) is_archived: bool,
    pub(crate) is_member: bool,
    pub(crate) is_im: bool,
    pub(crate) is_mpim: bool,
    pub(crate) is_private: bool,
    pub(crate) is_read_only: bool,
    pub(crate) is_thread_only: bool,
}

impl Slack {
    /// Whether an address takes messages.
    pub(crate) async fn takes_messages(&self, address: &Address) -> Result<(), NotSurfaced> {
        let (channel, thread) = self.place(address)?;
        let body = self.read(Call::new(Method::Info, Lane::Normal).with("channel", channel)).await?;
        let unreadable =
            |error: serde_json::Error| NotSurfaced::Retry(Cause::new("unreadable_answer", error.to_string()));
        let found = body.get("channel").cloned().unwrap_or(Value::Null);
        let found: Conversation = serde_json::from_value(found).map_err(unreadable)?;
        if let Some(cause) = found.objection(thread.is_some(), self.options.join) {
            return Err(NotSurfaced::Gone(cause));
        }
        if let Some(thread) = thread {
            let call = Call::new(Method::Replies, Lane::Normal).with("channel", channel).with("ts", thread);
            self.read(call.with("limit", 1)).await?;
        }
        Ok(())
    }

    /// What a method that shows nothing answers.
    pub(crate) async fn read(&self, call: Call) -> Result<Value, NotSurfaced> {
        settle(self.rest.call(call).await, Called::LIGHT)
    }
}

impl Conversation {
    /// Why the bot cannot speak there.
    pub(crate) fn objection(self, in_thread: bool, joins: bool) -> Option<Cause> {
        let is_direct = self.is_im || self.is_mpim;
        let may_join = joins && !self.is_private;
        if self.is_archived {
            Some(Cause::new("is_archived", "this channel is archived"))
        } else if !is_direct && !self.is_member && !may_join {
            Some(Cause::new("not_in_channel", "the bot is not in this channel; /invite it there"))
        } else if self.is_read_only {
            Some(Cause::new("restricted_action_read_only_channel", "an admin restricts who writes in this channel"))
        } else if self.is_thread_only && !in_thread {
            Some(Cause::new("restricted_action_thread_only_channel", "in this channel people write in threads alone"))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn objection(value: Value, in_thread: bool, joins: bool) -> Option<String> {
        let found: Conversation = serde_json::from_value(value).unwrap();
        found.objection(in_thread, joins).map(|cause| cause.code)
    }

    #[test]
    fn a_channel_is_objected_to_for_what_it_is() {
        let member = json!({"is_channel": true, "is_member": true});
        assert_eq!(objection(member, false, false), None);
        assert_eq!(objection(json!({"is_im": true}), false, false), None, "a direct message has no members");
        let code = |value, in_thread, joins| objection(value, in_thread, joins).unwrap();
        assert_eq!(code(json!({"is_member": true, "is_archived": true}), false, false), "is_archived");
        assert_eq!(code(json!({"is_member": false}), false, false), "not_in_channel");
        assert_eq!(code(json!({"is_member": false, "is_private": true}), false, true), "not_in_channel");
        assert_eq!(objection(json!({"is_member": false}), false, true), None, "it joins when it speaks");
        let only = json!({"is_member": true, "is_thread_only": true});
        assert_eq!(code(only.clone(), false, false), "restricted_action_thread_only_channel");
        assert_eq!(objection(only, true, false), None);
    }
}
