//! What a platform did with one call, as a closed type. No other crate may invent a further outcome.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::address::Address;

/// A message that exists on a platform.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MessageRef {
    /// Where it stands.
    pub address: Address,
    /// The platform's id of it.
    pub message: String,
}

/// Why something did not work: a short stable code and the words of whoever said it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// Stable, for logs and tests, such as `timeout` or `10008`.
    pub code: String,
    /// For people; never parsed.
    pub text: String,
}

impl Cause {
    /// A cause from its code and its words.
    pub fn new(code: impl Into<String>, text: impl Into<String>) -> Self {
        Self { code: code.into(), text: text.into() }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.text.is_empty() { f.write_str(&self.code) } else { write!(f, "{}: {}", self.code, self.text) }
    }
}

/// What a RetryAfter stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// This one message.
    Message,
    /// Everything in this channel or chat.
    Chat,
    /// Every call of this kind; treated like the chat, because a route names one channel.
    Route,
    /// Everything this account does.
    Account,
    /// Everything from this machine to this platform; treated like the account.
    Ip,
}

/// The answer of every send and status call.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliveryOutcome {
    /// A person can see it, also when the platform says that it is already so.
    Surfaced(MessageRef),
    /// Nobody can see it, or nobody knows.
    NotSurfaced(NotSurfaced),
}

/// Why a call did not surface anything. `docs/outcomes.md` lists what follows from each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotSurfaced {
    /// Nothing visible was meant, such as a typing signal.
    Silent,
    /// The platform named a delay for a scope. Spends no attempt.
    RetryAfter {
        /// How long to leave the scope alone.
        delay: Duration,
        /// What has to wait.
        scope: Scope,
    },
    /// Surely not applied, such as a refused connection.
    Retry(Cause),
    /// May have been applied. A create is looked up first; an edit is sent again and asserted once more later.
    Ambiguous(Cause),
    /// This message cannot be edited, but its address still works.
    Fallback(Cause),
    /// Too long or bad markup: the same content in a plainer shape may pass.
    Reshape(Cause),
    /// The chat has a new id.
    Moved(Address),
    /// This address is gone, locked or forbidden: the route's next address takes over.
    Gone(Cause),
    /// Credentials or configuration: the account pauses and no attempt is spent.
    StopAccount(Cause),
    /// The request itself is malformed: the operator's list, no retry.
    Bug(Cause),
}

impl DeliveryOutcome {
    /// The stable name that logs, journal and metrics use.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Surfaced(_) => "surfaced",
            Self::NotSurfaced(reason) => reason.name(),
        }
    }

    /// The cause, where the outcome carries one.
    pub fn cause(&self) -> Option<&Cause> {
        match self {
            Self::Surfaced(_) => None,
            Self::NotSurfaced(reason) => reason.cause(),
        }
    }
}

impl NotSurfaced {
    /// The stable name that logs, journal and metrics use.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::RetryAfter { .. } => "retry_after",
            Self::Retry(_) => "retry",
            Self::Ambiguous(_) => "ambiguous",
            Self::Fallback(_) => "fallback",
            Self::Reshape(_) => "reshape",
            Self::Moved(_) => "moved",
            Self::Gone(_) => "gone",
            Self::StopAccount(_) => "stop_account",
            Self::Bug(_) => "bug",
        }
    }

    /// The cause, where there is one.
    pub fn cause(&self) -> Option<&Cause> {
        match self {
            Self::Silent | Self::RetryAfter { .. } | Self::Moved(_) => None,
            Self::Retry(cause)
            | Self::Ambiguous(cause)
            | Self::Fallback(cause)
            | Self::Reshape(cause)
            | Self::Gone(cause)
            | Self::StopAccount(cause)
            | Self::Bug(cause) => Some(cause),
        }
    }
}

impl From<NotSurfaced> for DeliveryOutcome {
    fn from(reason: NotSurfaced) -> Self {
        Self::NotSurfaced(reason)
    }
}

/// The answer when a platform is asked whether a message under a delivery key exists.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It exists.
    Here(MessageRef),
    /// It surely does not, so sending it is no repetition.
    Absent,
    /// This platform cannot look a message up.
    Cannot,
    /// The look-up itself failed; ask again later.
    Unknown(Cause),
    /// The platform refused to answer in a way that holds for every call: it asks for silence, it refuses
    /// the credentials, or the address is not there any more. Any other reason counts as [`Found::Unknown`].
    Refused(NotSurfaced),
}
