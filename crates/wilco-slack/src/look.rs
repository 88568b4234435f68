//! Asking Slack for something that is only looked at, for as long as a message waits.

use std::time::Duration;

use serde_json::Value;
use tracing::debug;
use wilco_core::NotSurfaced;

use crate::outcome::{Called, lacks_a_right, settle};
use crate::rest::Call;
use crate::slack::Slack;

/// How long a message waits for Slack, or for a store that is busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// The first pause; it doubles.
pub(crate) const PAUSE: Duration = Duration::from_millis(500);

/// What came of a look-up.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Looked {
    /// Slack's answer.
    Found(Value),
    /// Slack has refused it with this code, which does not pass by itself.
    Refused(String),
    /// The app may not look: it lacks a scope.
    NotAllowed,
    /// Nobody knows, although it was asked for patiently.
    Unknown,
}

impl Slack {
    /// Asks once and again, for a minute at most.
    pub(crate) async fn look(&self, call: &Call) -> Looked {
        self.look_for(call, PATIENCE).await
    }

    /// Asks once and again, for so long at most.
    pub(crate) async fn look_for(&self, call: &Call, patience: Duration) -> Looked {
        let end = self.clock.monotonic() + patience;
        let mut pause = PAUSE;
        loop {
            let answer = self.rest.call(call.clone()).await;
            if lacks_a_right(&answer) {
                return Looked::NotAllowed;
            }
            let code = answer.code().map(str::to_owned);
            let wait = match settle(answer, Called::LIGHT) {
                Ok(body) => return Looked::Found(body),
                Err(NotSurfaced::RetryAfter { delay, .. }) => delay,
                Err(NotSurfaced::Retry(_) | NotSurfaced::Ambiguous(_)) => pause,
                // The token: what Slack would say of the person is not known.
                Err(NotSurfaced::StopAccount(cause)) => {
                    debug!(%cause, "slack: nothing can be looked up with this token");
                    self.ears.doubted.notify_one();
                    return Looked::Unknown;
                }
                Err(
                    reason @ (NotSurfaced::Silent
                    | NotSurfaced::Moved(_)
                    | NotSurfaced::Fallback(_)
                    | NotSurfaced::Reshape(_)
                    | NotSurfaced::Gone(_)
                    | NotSurfaced::Bug(_)),
                ) => {
                    debug!(method = call.method.name(), ?code, "slack: a look-up was refused");
                    return Looked::Refused(code.unwrap_or_else(|| reason.name().to_owned()));
                }
            };
            if !self.waits_within(wait, end).await {
                return Looked::Unknown;
            }
            pause *= 2;
        }
    }

    /// Waits; false when the end comes first.
    pub(crate) async fn waits_within(&self, wait: Duration, end: Duration) -> bool {
        let next = self.clock.monotonic() + wait;
        if next > end {
            return false;
        }
        self.clock.sleep_until(next).await;
        true
    }
}
