//! The one table from what Discord answered to what that means for a message.
//!
//! Codes are those of the Discord API, "Opcodes and Status Codes", "JSON Error Codes". Nothing reads the words of an
//! error. What is settled inside of the adapter (a reply without its reference, a dead interaction) is in here too,
//! for the case that it comes up somewhere else.

#[cfg(test)]
mod tests;

use std::time::Duration;

use wilco_core::{Cause, NotSurfaced, Scope};

use crate::rest::{Answer, IP_SILENCE, Lane, RateScope, Refusal};

/// What a call was to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Create a message.
    Create,
    /// Edit one.
    Edit,
    /// Give a sign (typing, a reaction), remove something, or read: repeating it does no harm.
    Light,
}

/// The call as far as its outcome depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Called {
    /// What it was to do.
    pub(crate) act: Act,
    /// How urgent it was.
    pub(crate) lane: Lane,
    /// Whether the content was already without markup and links.
    pub(crate) plain: bool,
}

impl Called {
    /// A call that shows nothing.
    pub(crate) const LIGHT: Self = Self { act: Act::Light, lane: Lane::Normal, plain: false };
}

/// The wait where an answer asks for one and names none.
const UNNAMED: Duration = Duration::from_secs(5);
/// The longest wait for what Discord has switched off for everybody, and how long it is waited where it names no wait.
/// The delivery's own back-off would grow to hours.
const SWITCHED_OFF: Duration = Duration::from_secs(300);
const SWITCHED_OFF_UNNAMED: Duration = Duration::from_secs(60);
/// A result waits so long for an old message to take edits again; then it gets a new one.
const OLD_MESSAGE: Duration = Duration::from_secs(60);

/// The body of a call that succeeded, or what its failure means.
pub(crate) fn settle(answer: Answer, called: Called) -> Result<Vec<u8>, NotSurfaced> {
    match answer {
        Answer::Done { status: _, body } => Ok(body),
        Answer::Refused(refusal) => Err(classify(&refusal, called)),
        // A picture is drawn anew instead of being waited for, and must not make what is more urgent wait.
        Answer::Held { .. } if called.lane == Lane::Progress => {
            Err(NotSurfaced::Retry(Cause::new("held", "the rate limit's last calls are kept for results")))
        }
        Answer::Held { delay, scope } => Err(NotSurfaced::RetryAfter { delay, scope }),
        Answer::NotSent(cause) => Err(NotSurfaced::Retry(cause)),
        Answer::Unknown(cause) => Err(doubt(cause, called)),
    }
}

/// Nobody knows whether it was applied.
fn doubt(cause: Cause, called: Called) -> NotSurfaced {
    match called.act {
        Act::Create | Act::Edit => NotSurfaced::Ambiguous(cause),
        Act::Light => NotSurfaced::Retry(cause),
    }
}

/// What an error of Discord's means.
pub(crate) fn classify(refusal: &Refusal, called: Called) -> NotSurfaced {
    let cause = cause(refusal);
    let wait = |scope| NotSurfaced::RetryAfter { delay: refusal.retry_after.unwrap_or(UNNAMED), scope };
    if refusal.is_of_the_machine() {
        let delay = refusal.retry_after.unwrap_or_default().max(IP_SILENCE);
        return NotSurfaced::RetryAfter { delay, scope: Scope::Ip };
    }
    match refusal.code {
        Some(40_001 | 40_002 | 50_014) => NotSurfaced::StopAccount(cause),

        // Not this channel, not this person.
        Some(
            10_003 | 10_004 | 10_013 | 40_007 | 50_001 | 50_007 | 50_008 | 50_009 | 50_013 | 50_024 | 50_033 | 50_095
            | 50_278 | 90_001 | 160_005 | 160_006,
        ) => NotSurfaced::Gone(cause),
        // The webhook of an interaction is dead. What is durable never goes through one.
        Some(10_015 | 10_062 | 40_094 | 50_027) => NotSurfaced::Gone(cause),
        // The interaction was answered before.
        Some(40_060) => NotSurfaced::Silent,

        // Not this message. On a create it is the earlier copy of the same nonce, which was deleted.
        Some(10_008 | 50_005 | 50_021 | 50_083) => NotSurfaced::Fallback(cause),

        // Not like this.
        Some(40_005 | 50_006 | 50_035 | 50_045 | 50_068 | 50_109 | 50_110 | 50_123 | 50_146 | 400_001) => {
            NotSurfaced::Reshape(cause)
        }
        // Moderation. Without markup and links it may pass; what is still refused then is not wanted there.
        Some(20_009 | 200_000 | 200_001 | 240_000) if called.plain => {
            NotSurfaced::Gone(Cause::new(cause.code, format!("blocked by moderation: {}", cause.text)))
        }
        Some(20_009 | 200_000 | 200_001 | 240_000) => NotSurfaced::Reshape(cause),

        // Not now.
        Some(30_046) => match refusal.retry_after {
            Some(delay) if delay > OLD_MESSAGE && called.lane == Lane::Terminal => NotSurfaced::Fallback(cause),
            Some(_) | None => wait(Scope::Message),
        },
        Some(20_016) => wait(Scope::Chat),
        Some(20_022 | 20_028 | 20_029 | 40_003 | 40_062 | 130_000) => match refusal.retry_after {
            Some(_) => wait(Scope::Route),
            None => NotSurfaced::Retry(cause),
        },
        // Switched off for everybody. A sign that is lost must not make a result wait.
        Some(40_004 | 40_006) => match called.act {
            Act::Light => NotSurfaced::Retry(cause),
            Act::Create | Act::Edit => {
                let delay = refusal.retry_after.unwrap_or(SWITCHED_OFF_UNNAMED).min(SWITCHED_OFF);
                NotSurfaced::RetryAfter { delay, scope: Scope::Route }
            }
        },

        Some(_) | None => by_status(refusal, called, cause, wait),
    }
}

/// A code that is not in the table, or none.
fn by_status(refusal: &Refusal, called: Called, cause: Cause, wait: impl Fn(Scope) -> NotSurfaced) -> NotSurfaced {
    match refusal.status {
        401 => NotSurfaced::StopAccount(cause),
        // Forbidden for a reason that is new: another place of the route may still work.
        403 => NotSurfaced::Gone(cause),
        413 => NotSurfaced::Reshape(cause),
        429 => match refusal.scope {
            Some(RateScope::Global) => wait(Scope::Account),
            Some(RateScope::User | RateScope::Shared) | None => wait(Scope::Route),
        },
        // The server says that it gave up waiting for the request; nobody knows how much of it came.
        408 => doubt(cause, called),
        // A page of something in between, such as a proxy that is set up wrongly. Whether Discord saw the request is not
        // for it to say, and it will be put right: looking a create up, or repeating an edit, loses and doubles nothing,
        // while a mistake of the request's own would end a result for good.
        400..=499 if !refusal.json => doubt(cause, called),
        400..=499 => NotSurfaced::Bug(cause),
        // 5xx, and what Discord never answers, such as the redirect of a captive portal.
        _ => doubt(cause, called),
    }
}

/// The code that logs and the operator's list show: Discord's own, else the status. The words stand in messages that
/// people read, such as that of a follow-up that did not run; Discord's are for whoever writes a program.
fn cause(refusal: &Refusal) -> Cause {
    let code = refusal.code.map_or_else(|| format!("http_{}", refusal.status), |code| code.to_string());
    Cause::new(code, refusal.code.and_then(in_words).map_or_else(|| refusal.message.clone(), str::to_owned))
}

/// What a place or person that takes no messages any more is called by people.
fn in_words(code: i64) -> Option<&'static str> {
    Some(match code {
        10_003 => "this channel or thread was deleted",
        10_004 => "the bot is not in that server any more",
        10_008 => "the message was deleted",
        50_001 => "the bot may not see this channel",
        50_007 | 50_278 => "its person takes no direct messages from the bot",
        50_013 => "the bot lacks a permission in this channel",
        160_005 => "only moderators write in this thread",
        _ => return None,
    })
}
