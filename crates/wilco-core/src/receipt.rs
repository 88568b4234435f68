//! The receipt: the durable record that one message still has to become visible, and the rule that
//! says what follows from each outcome.

mod order;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::outcome::{Cause, DeliveryOutcome, Found, MessageRef, NotSurfaced, Scope};
use crate::schedule;
use crate::time::Timestamp;

pub use order::{InOrder, Standing, ready, standing};

/// What a receipt promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptKind {
    /// The message that later carries content: part 0 is the acknowledgement, others hold parts and files.
    Stub,
    /// The result, or its first part.
    Content,
    /// A further part of the result.
    Part,
    /// A file of the result.
    File,
    /// A question to a person.
    Question,
    /// A short message that notifies.
    Ping,
}

/// Where a receipt stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptState {
    /// Something before it has to settle first.
    Waiting,
    /// Due at its due time.
    Pending,
    /// Claimed; a call may be under way.
    Sending,
    /// A person can see it.
    Surfaced,
    /// It will not be tried again; the reason is stored.
    Failed,
}

impl ReceiptKind {
    /// Every kind, in the order in which a contract delivers them.
    pub const ALL: [Self; 6] = [Self::Stub, Self::Question, Self::Content, Self::Part, Self::File, Self::Ping];

    /// The stored name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stub => "stub",
            Self::Content => "content",
            Self::Part => "part",
            Self::File => "file",
            Self::Question => "question",
            Self::Ping => "ping",
        }
    }

    /// The kind with a stored name; an unknown name is none.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether it carries the result: only these close or fail a contract (requirement W19).
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Content | Self::Part | Self::File => true,
            Self::Stub | Self::Question | Self::Ping => false,
        }
    }

    /// Whether it is delivered by editing a stub. The others create a message.
    pub fn is_fill(self) -> bool {
        match self {
            Self::Content | Self::Part | Self::File | Self::Question => true,
            Self::Stub | Self::Ping => false,
        }
    }
}

impl ReceiptState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Waiting, Self::Pending, Self::Sending, Self::Surfaced, Self::Failed];

    /// The stored name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Pending => "pending",
            Self::Sending => "sending",
            Self::Surfaced => "surfaced",
            Self::Failed => "failed",
        }
    }

    /// The state with a stored name; an unknown name is none.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether nothing more will happen to it by itself.
    pub fn is_settled(self) -> bool {
        match self {
            Self::Surfaced | Self::Failed => true,
            Self::Waiting | Self::Pending | Self::Sending => false,
        }
    }

    /// The next state. An undefined signal answers *stay*.
    #[must_use]
    pub fn step(self, signal: ReceiptSignal) -> Self {
        use ReceiptSignal as On;
        match (self, signal) {
            (Self::Waiting, On::Ready) => Self::Pending,
            (Self::Pending, On::Claimed) => Self::Sending,
            (Self::Sending, On::Again) => Self::Pending,
            (Self::Waiting | Self::Pending | Self::Sending, On::Surfaced) => Self::Surfaced,
            (Self::Waiting | Self::Pending | Self::Sending, On::Failed) => Self::Failed,
            (Self::Failed, On::Retried) => Self::Pending,
            (state, On::Ready | On::Claimed | On::Again | On::Surfaced | On::Failed | On::Retried) => state,
        }
    }
}

/// What can happen to a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReceiptSignal {
    /// Everything before it has settled.
    Ready,
    /// An instance took it under its lease.
    Claimed,
    /// It has to be tried again, or its holder died.
    Again,
    /// A person can see it.
    Surfaced,
    /// It will not be tried again.
    Failed,
    /// An operator asked for it (`wilco receipts retry`).
    Retried,
}

/// How rich the content may still be. A platform that refuses a shape gets the next one, once each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// As rendered.
    Rich,
    /// The same text without any markup.
    Plain,
    /// A short excerpt that says where the whole text is.
    Excerpt,
}

impl Shape {
    /// The stored name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rich => "rich",
            Self::Plain => "plain",
            Self::Excerpt => "excerpt",
        }
    }

    /// The shape with a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Rich, Self::Plain, Self::Excerpt].into_iter().find(|shape| shape.name() == name)
    }

    /// The next plainer shape, if there is one.
    pub fn plainer(self) -> Option<Self> {
        match self {
            Self::Rich => Some(Self::Plain),
            Self::Plain => Some(Self::Excerpt),
            Self::Excerpt => None,
        }
    }
}

/// What was done with a claimed receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Attempt {
    /// A create.
    Post,
    /// An edit of the stub.
    Edit,
}

/// What the rule has to know of a receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// What it promises.
    pub kind: ReceiptKind,
    /// How many attempts were spent, this one not counted.
    pub attempts: u32,
    /// When it first became due.
    pub first_due: Timestamp,
    /// How rich it may be.
    pub shape: Shape,
    /// How many times its message was replaced after it could not be edited.
    pub fallbacks: u32,
    /// Whether a further address follows in the route.
    pub has_next_address: bool,
    /// Whether an edit of the message may still be on its way (a progress edit, or an ambiguous fill).
    pub edit_open: bool,
    /// How long this platform recognises a repeated create by its key.
    pub nonce_window: Option<Duration>,
    /// When the create was first attempted under this key.
    pub first_attempt: Option<Timestamp>,
    /// Whether the platform can look a message up.
    pub look_up: bool,
}

/// What follows from an outcome. The store carries it out in one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Visible. With `reassert` the same edit is repeated once after [`schedule::REASSERT_AFTER`].
    Surfaced {
        /// The message that carries it.
        message: MessageRef,
        /// Whether an earlier edit may still land on top of it.
        reassert: bool,
    },
    /// Try again after a delay, to which the caller adds the jitter.
    Again {
        /// How long to wait.
        delay: Duration,
        /// Whether an attempt was spent.
        spent: bool,
        /// Whether the attempt may have been applied, so that a create is looked up first.
        doubt: bool,
        /// Why.
        cause: Cause,
    },
    /// The platform named a delay: move the due time of the whole scope, spend nothing.
    Park {
        /// What has to wait.
        scope: Scope,
        /// How long.
        delay: Duration,
    },
    /// Nobody can know whether the stub exists: post the next generation; a stray holds no content.
    NextGeneration {
        /// Why.
        cause: Cause,
    },
    /// The message cannot be edited: post a new stub, then fill that.
    Replace {
        /// Why.
        cause: Cause,
    },
    /// Send the same content in a plainer shape, at once.
    Plainer {
        /// The shape.
        shape: Shape,
        /// Why.
        cause: Cause,
    },
    /// Rewrite the address everywhere, then try again at once.
    Moved {
        /// The new address.
        to: Address,
    },
    /// Take the route's next address.
    NextAddress {
        /// Why this one is left.
        cause: Cause,
    },
    /// Pause the whole account; the receipt stays pending and spends nothing.
    PauseAccount {
        /// Why.
        cause: Cause,
    },
    /// Never again by itself; it stands on the operator's list.
    Fail {
        /// Why.
        cause: Cause,
    },
}

/// How often an edit is retried on an address that answers Fallback before the address counts as lost.
const FALLBACKS: u32 = 1;

/// The one rule of deliveries: what follows from an outcome.
///
/// `docs/outcomes.md` shows it as a table.
pub fn judge(facts: &Facts, attempt: Attempt, outcome: DeliveryOutcome, now: Timestamp) -> Verdict {
    let reason = match outcome {
        DeliveryOutcome::Surfaced(message) => {
            return Verdict::Surfaced { message, reassert: attempt == Attempt::Edit && facts.edit_open };
        }
        DeliveryOutcome::NotSurfaced(reason) => reason,
    };
    match reason {
        // A post or an edit always means something visible; an adapter that says otherwise is wrong.
        NotSurfaced::Silent => Verdict::Fail { cause: Cause::new("bug", "the adapter answered silent to a message") },
        NotSurfaced::RetryAfter { delay, scope } => Verdict::Park { scope, delay },
        NotSurfaced::Retry(cause) => again(facts, now, cause, false),
        NotSurfaced::Ambiguous(cause) => again(facts, now, cause, true),
        NotSurfaced::Fallback(cause) => fallback(facts, attempt, cause),
        NotSurfaced::Reshape(cause) => match facts.shape.plainer() {
            Some(shape) => Verdict::Plainer { shape, cause },
            None => Verdict::Fail { cause },
        },
        NotSurfaced::Moved(to) => Verdict::Moved { to },
        NotSurfaced::Gone(cause) => gone(facts, cause),
        NotSurfaced::StopAccount(cause) => Verdict::PauseAccount { cause },
        NotSurfaced::Bug(cause) => match (attempt, facts.shape) {
            // The message that was to be filled stands there already and would say "Working" for ever.
            (Attempt::Edit, Shape::Rich | Shape::Plain) => Verdict::Plainer { shape: Shape::Excerpt, cause },
            (Attempt::Edit, Shape::Excerpt) | (Attempt::Post, _) => Verdict::Fail { cause },
        },
    }
}

fn again(facts: &Facts, now: Timestamp, cause: Cause, doubt: bool) -> Verdict {
    let age = now.since(facts.first_due);
    match schedule::next_attempt(facts.kind, facts.attempts.saturating_add(1), age) {
        Some(delay) => Verdict::Again { delay, spent: true, doubt, cause },
        None => Verdict::Fail {
            cause: Cause::new("exhausted", format!("gave up after {} attempts; last: {cause}", facts.attempts + 1)),
        },
    }
}

fn fallback(facts: &Facts, attempt: Attempt, cause: Cause) -> Verdict {
    match attempt {
        // A create that answers "the earlier copy existed and was deleted": nothing to replace twice.
        Attempt::Post if facts.kind == ReceiptKind::Ping => Verdict::Fail { cause: Cause::new("deleted", cause.text) },
        Attempt::Post | Attempt::Edit if facts.fallbacks < FALLBACKS => Verdict::Replace { cause },
        // A message that was deleted, replaced and deleted again was meant to be gone.
        Attempt::Post | Attempt::Edit => Verdict::Fail { cause: Cause::new("deleted", cause.text) },
    }
}

fn gone(facts: &Facts, cause: Cause) -> Verdict {
    match facts.kind {
        // A ping belongs to a message that is visible already; it does not travel alone.
        ReceiptKind::Ping => Verdict::Fail { cause },
        ReceiptKind::Stub | ReceiptKind::Content | ReceiptKind::Part | ReceiptKind::File | ReceiptKind::Question => {
            if facts.has_next_address {
                Verdict::NextAddress { cause }
            } else {
                Verdict::Fail { cause }
            }
        }
    }
}

/// How to go on with a create that may have been applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reconcile {
    /// Send it again under the same key: the platform recognises it.
    SameKey,
    /// Ask the platform for it first.
    LookUp,
    /// Neither is possible: post the next generation.
    NextGeneration,
}

/// The way to reconcile a create in doubt. The window is taken short by a third, because "the past
/// few minutes" (Discord API, "Create Message", field `enforce_nonce`) is no number.
pub fn reconcile(facts: &Facts, now: Timestamp) -> Reconcile {
    let in_window = match (facts.nonce_window, facts.first_attempt) {
        // By a clock that was set back nobody can tell how long ago it was.
        (Some(window), Some(first)) => now >= first && now.since(first) < window,
        (Some(_) | None, Some(_) | None) => false,
    };
    if in_window {
        Reconcile::SameKey
    } else if facts.look_up {
        Reconcile::LookUp
    } else {
        Reconcile::NextGeneration
    }
}

/// What follows from a look-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookedUp {
    /// It is there: settle it so.
    Settle(MessageRef),
    /// It is not there: send it, which is no repetition.
    SendNow,
    /// Post the next generation.
    NextGeneration(Cause),
    /// Ask again later, as after a failed attempt.
    Later(Cause),
    /// The platform's answer holds for whatever is sent there: it is obeyed, and the doubt stays.
    Refused(NotSurfaced),
}

/// How many attempts, creates and look-ups together, may come to nothing before a failed look-up has a new stub posted: a
/// stray stub holds no content, silence is worse.
const LOOK_UPS: u32 = 4;

/// The rule for the answer of a look-up.
pub fn looked_up(facts: &Facts, found: Found) -> LookedUp {
    let unknown = |cause| {
        if facts.attempts < LOOK_UPS { LookedUp::Later(cause) } else { LookedUp::NextGeneration(cause) }
    };
    match found {
        Found::Here(message) => LookedUp::Settle(message),
        Found::Absent => LookedUp::SendNow,
        Found::Cannot => LookedUp::NextGeneration(Cause::new("no_look_up", "this platform cannot look a message up")),
        Found::Refused(
            reason @ (NotSurfaced::RetryAfter { .. }
            | NotSurfaced::StopAccount(_)
            | NotSurfaced::Moved(_)
            | NotSurfaced::Gone(_)),
        ) => LookedUp::Refused(reason),
        Found::Refused(NotSurfaced::Silent) => unknown(Cause::new("silent", "the look-up was not answered")),
        Found::Refused(
            NotSurfaced::Retry(cause)
            | NotSurfaced::Ambiguous(cause)
            | NotSurfaced::Fallback(cause)
            | NotSurfaced::Reshape(cause)
            | NotSurfaced::Bug(cause),
        )
        | Found::Unknown(cause) => unknown(cause),
    }
}

#[cfg(test)]
mod tests;
