//! Answers to a thread that is not there any more. Slack does not refuse them: it shows them in the channel, and says so
//! by leaving `thread_ts` out of the message that it answers. What belonged into a thread is taken away again, so that
//! the route's next address can take it.

use serde_json::Value;
use tracing::{info, warn};
use wilco_core::{Address, Cause, Envelope, MessageRef, NotSurfaced};

use crate::message::lane;
use crate::outcome::{Called, settle};
use crate::rest::{Call, Method};
use crate::slack::Slack;

/// The code that Slack itself gives for such a thread where it is read.
const GONE: &str = "thread_not_found";

/// Whether a message that was to be an answer in a thread stands in the channel itself.
pub(crate) fn left_its_thread(message: Option<&Value>) -> bool {
    // A message that is not described says nothing.
    message.filter(|message| message.is_object()).is_some_and(|message| message["thread_ts"].as_str().is_none())
}

/// Whether a thread is not there any more.
pub(crate) fn is_of_the_thread(reason: &NotSurfaced) -> bool {
    matches!(reason, NotSurfaced::Gone(cause) if cause.code == GONE)
}

impl Slack {
    /// Takes a message away that stands in the channel in place of its thread, and answers that the thread is gone. Where
    /// it has to stay, it is the message, and stands in the channel.
    pub(crate) async fn take_back(&self, envelope: &Envelope, ts: &str) -> Result<MessageRef, NotSurfaced> {
        let channel = envelope.address.channel.as_str();
        let call = Call::new(Method::Delete, lane(envelope.kind)).with("channel", channel).with("ts", ts);
        match settle(self.rest.call(call).await, Called::LIGHT) {
            // Somebody else may have taken it away.
            Ok(_) | Err(NotSurfaced::Fallback(_)) => {
                info!(account = %self.options.account, %channel,
                    "slack: a thread was deleted; what was to be shown there goes to the next address");
                Err(NotSurfaced::Gone(Cause::new(GONE, "this thread was deleted")))
            }
            // It stands there, and the look-up that follows takes it away.
            Err(NotSurfaced::Retry(cause) | NotSurfaced::Ambiguous(cause) | NotSurfaced::StopAccount(cause)) => {
                Err(NotSurfaced::Ambiguous(cause))
            }
            Err(NotSurfaced::RetryAfter { .. }) => {
                Err(NotSurfaced::Ambiguous(Cause::new("limited", "a rate limit keeps it in the channel for now")))
            }
            Err(
                reason @ (NotSurfaced::Silent
                | NotSurfaced::Moved(_)
                | NotSurfaced::Reshape(_)
                | NotSurfaced::Gone(_)
                | NotSurfaced::Bug(_)),
            ) => {
                warn!(account = %self.options.account, %channel, outcome = reason.name(),
                    "slack: a thread was deleted, and what was to be shown there stays in the channel");
                let address = Address { thread: None, ..envelope.address.clone() };
                Ok(MessageRef { address, message: ts.to_owned() })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_has_left_its_thread_only_when_it_says_so() {
        assert!(left_its_thread(Some(&json!({"ts": "18.1", "text": "x"}))));
        assert!(!left_its_thread(Some(&json!({"ts": "18.1", "thread_ts": "17.5"}))));
        assert!(!left_its_thread(None) && !left_its_thread(Some(&Value::Null)));
    }
}
