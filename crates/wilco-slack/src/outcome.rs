//! The one table from what Slack answered to what that means for a message.
//!
//! Codes are those of the method pages ("Errors" of `chat.postMessage`, `chat.update`, `conversations.*`, `files.*`).
//! Nothing reads the words of an error. What is settled inside of the adapter (metadata refused, a channel that is
//! joined) is in here too, for the case that it comes up somewhere else.

#[cfg(test)]
mod tests;

use serde_json::Value;
use wilco_core::{Cause, NotSurfaced, Scope};

use crate::rest::{Answer, Lane, Refusal, UNNAMED};

/// What a call was to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Create a message.
    Create,
    /// Edit one.
    Edit,
    /// Give a sign, send the bytes of a file, or read: repeating it does no harm, and it shows nothing that is owed.
    Light,
}

/// The call as far as its outcome depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Called {
    /// What it was to do.
    pub(crate) act: Act,
    /// How urgent it was.
    pub(crate) lane: Lane,
}

impl Called {
    /// A call that shows nothing.
    pub(crate) const LIGHT: Self = Self { act: Act::Light, lane: Lane::Normal };
}

/// The body of a call that succeeded, or what its failure means.
pub(crate) fn settle(answer: Answer, called: Called) -> Result<Value, NotSurfaced> {
    match answer {
        Answer::Done(body) => Ok(body),
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

/// What an error of Slack's means.
pub(crate) fn classify(refusal: &Refusal, called: Called) -> NotSurfaced {
    let cause = cause(refusal);
    if refusal.is_limit() {
        let delay = refusal.retry_after.unwrap_or(UNNAMED);
        return NotSurfaced::RetryAfter { delay, scope: refusal.scope.unwrap_or(Scope::Route) };
    }
    let Some(code) = refusal.code.as_deref() else { return by_status(refusal, called, cause) };
    match code {
        _ if is_of_the_token(code) => NotSurfaced::StopAccount(cause),
        // What the app may do. For a sign or a look-up it is that one feature which is off.
        "missing_scope" | "no_permission" | "access_denied" => match called.act {
            Act::Create | Act::Edit => NotSurfaced::StopAccount(cause),
            Act::Light => NotSurfaced::Retry(cause),
        },

        // Not this channel, not this person, not this thread.
        "channel_not_found"
        | "is_archived"
        | "not_in_channel"
        | "user_not_in_channel"
        | "channel_is_limited_access"
        | "messages_tab_disabled"
        | "ekm_access_denied"
        | "posting_to_channel_denied"
        | "posting_to_general_channel_denied"
        | "is_inactive"
        | "cannot_reply_to_message"
        | "thread_not_found"
        | "invalid_thread_ts"
        | "user_not_found"
        | "user_disabled"
        | "user_not_visible"
        | "users_not_found"
        | "cannot_dm_bot"
        | "team_not_found"
        | "not_in_workspace"
        | "as_user_not_supported"
        | "method_not_supported_for_channel_type"
        | "slack_connect_canvas_sharing_blocked"
        | "external_team_in_migration" => NotSurfaced::Gone(cause),
        // Also a channel in which people write in threads alone: the bot cannot begin a thread of its own there, because
        // its first message would be what is refused. The next address of the route takes it.
        _ if code.starts_with("restricted_action") => NotSurfaced::Gone(cause),

        // Not this message.
        "message_not_found"
        | "cant_update_message"
        | "edit_window_closed"
        | "block_mismatch"
        | "streaming_state_conflict"
        | "no_reaction"
        | "too_many_reactions"
        | "bad_timestamp"
        | "invalid_ts" => NotSurfaced::Fallback(cause),
        // It stands there already.
        "already_reacted" | "already_in_channel" => NotSurfaced::Silent,

        // Not like this.
        "msg_too_long"
        | "msg_blocks_too_long"
        | "too_many_attachments"
        | "no_text"
        | "markdown_text_conflict"
        | "attachment_payload_limit_exceeded"
        | "invalid_attachments"
        | "file_upload_size_restricted"
        | "storage_limit_reached"
        | "file_uploads_disabled"
        | "file_uploads_except_images_disabled"
        | "file_type_not_allowed"
        | "file_update_failed"
        | "file_not_found"
        | "file_deleted"
        | "unknown_snippet_type"
        | "unknown_subtype"
        | "malware_detected"
        | "blocked_file_type"
        | "slack_connect_file_upload_sharing_blocked"
        | "slack_connect_file_link_sharing_blocked"
        | "slack_connect_blocked_file_type"
        | "slack_connect_clip_sharing_blocked" => NotSurfaced::Reshape(cause),
        _ if code.starts_with("invalid_blocks") => NotSurfaced::Reshape(cause),
        // The adapter sends the same without metadata before this is ever seen.
        "metadata_too_large" | "metadata_must_be_sent_from_app" => NotSurfaced::Reshape(cause),
        _ if code.starts_with("invalid_metadata") => NotSurfaced::Reshape(cause),

        // Surely not applied, and another time it may be.
        "update_failed" | "external_channel_migrating" | "request_timeout" | "team_is_migrating" => {
            NotSurfaced::Retry(cause)
        }
        // Slack documents of these that something may have happened before the error.
        "fatal_error"
        | "internal_error"
        | "service_unavailable"
        | "duplicate_message_not_found"
        | "duplicate_channel_not_found" => doubt(cause, called),

        _ => by_status(refusal, called, cause),
    }
}

/// Whether what was to be created may have been, although an error was answered.
pub(crate) fn is_doubtful(refusal: &Refusal) -> bool {
    matches!(classify(refusal, Called { act: Act::Create, lane: Lane::Normal }), NotSurfaced::Ambiguous(_))
}

/// Whether a code speaks of the token: nothing works with it until a person has changed something.
pub(crate) fn is_of_the_token(code: &str) -> bool {
    matches!(
        code,
        "invalid_auth"
            | "not_authed"
            | "account_inactive"
            | "token_revoked"
            | "token_expired"
            | "not_allowed_token_type"
            | "org_login_required"
            | "team_added_to_org"
            | "team_access_not_granted"
            | "two_factor_setup_required"
            | "user_removed_from_team"
            | "accesslimited"
            | "app_access_restricted"
    )
}

/// Whether a create or edit was refused for its metadata alone: the same without it passes.
pub(crate) fn refuses_metadata(answer: &Answer) -> bool {
    let is = |code: &str| code.starts_with("metadata_") || code.starts_with("invalid_metadata");
    answer.code().is_some_and(is)
}

/// Whether the app lacks a right for one feature.
pub(crate) fn lacks_a_right(answer: &Answer) -> bool {
    let codes = ["missing_scope", "no_permission", "access_denied", "not_allowed_token_type", "unknown_method"];
    answer.code().is_some_and(|code| codes.contains(&code))
}

/// A code that is not in the table, or none.
fn by_status(refusal: &Refusal, called: Called, cause: Cause) -> NotSurfaced {
    match refusal.status {
        // Slack has read the request and did not do what it asks, for a reason that is new.
        200..=299 => NotSurfaced::Bug(cause),
        // Slack says its errors in JSON. A page of something in between, such as a proxy that is set up wrongly, cannot
        // say whether Slack saw the request, and it will be put right: looking a create up, or repeating an edit, loses
        // and doubles nothing, while a mistake of the request's own would end a result for good.
        400..=499 if refusal.code.is_none() && refusal.status != 413 => doubt(cause, called),
        401 => NotSurfaced::StopAccount(cause),
        403 => NotSurfaced::Gone(cause),
        408 => doubt(cause, called),
        413 => NotSurfaced::Reshape(cause),
        400..=499 => NotSurfaced::Bug(cause),
        // 5xx, and what Slack never answers, such as the redirect of a captive portal.
        _ => doubt(cause, called),
    }
}

/// The code that logs and the operator's list show: Slack's own, else the status. The words stand in messages that
/// people read; Slack's are for whoever writes a program.
fn cause(refusal: &Refusal) -> Cause {
    let code = refusal.code.clone().unwrap_or_else(|| format!("http_{}", refusal.status));
    let words = in_words(&code).map_or_else(|| refusal.message.clone(), str::to_owned);
    Cause::new(code, words)
}

/// What people call it.
fn in_words(code: &str) -> Option<&'static str> {
    Some(match code {
        "channel_not_found" => "this channel was deleted, or the bot is not in it",
        "is_archived" => "this channel is archived",
        "not_in_channel" => "the bot is not in this channel; /invite it there",
        "message_not_found" => "the message was deleted",
        "thread_not_found" => "this thread was deleted",
        "messages_tab_disabled" => "the app's messages tab is switched off",
        "restricted_action_thread_locked" => "this thread is locked",
        "restricted_action_thread_only_channel" => "in this channel people write in threads alone",
        "restricted_action_non_threadable_channel" => "this channel has no threads",
        "restricted_action" | "restricted_action_read_only_channel" => "an admin restricts who writes in this channel",
        "user_disabled" => "this person's account is switched off",
        "edit_window_closed" => "this workspace lets no message be edited so late",
        _ => return None,
    })
}
