//! What Slack says when it refuses: HTTP 200, `"ok": false` and a word (Slack's reference, the methods' error tables).

use serde_json::{Value, json};

/// One refusal.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// The word.
    pub error: String,
    /// What is said of it, for `invalid_arguments` and `invalid_blocks`.
    pub messages: Vec<String>,
    /// Further fields of the body, such as `needed`.
    pub more: Vec<(&'static str, Value)>,
}

impl Refusal {
    /// A refusal by its word alone.
    pub fn new(error: &str) -> Self {
        Self { error: error.to_owned(), messages: Vec::new(), more: Vec::new() }
    }

    /// The scope is not there.
    pub(super) fn missing_scope(needed: &[&str], provided: &str) -> Self {
        let more = vec![("needed", json!(needed.join(","))), ("provided", json!(provided))];
        Self { more, ..Self::new("missing_scope") }
    }

    /// The body.
    pub fn body(&self) -> Value {
        let mut body = json!({"ok": false, "error": self.error});
        if !self.messages.is_empty() {
            body["response_metadata"] = json!({"messages": self.messages});
            if self.error == "invalid_blocks" {
                body["errors"] = json!(self.messages);
            }
        }
        for (name, value) in &self.more {
            body[*name] = value.clone();
        }
        body
    }
}

impl From<&str> for Refusal {
    fn from(error: &str) -> Self {
        Self::new(error)
    }
}

/// Every word with which the fake refuses by itself, for tables of tests.
pub const ALL: &[&str] = &[
    "account_inactive",
    "already_reacted",
    "bad_timestamp",
    "cannot_reply_to_message",
    "cant_delete_message",
    "cant_update_message",
    "channel_not_found",
    "expired_url",
    "file_not_found",
    "insecure_request",
    "invalid_arguments",
    "invalid_auth",
    "invalid_blocks",
    "invalid_cursor",
    "invalid_json",
    "invalid_metadata_format",
    "invalid_metadata_schema",
    "invalid_name",
    "invalid_ts_latest",
    "invalid_ts_oldest",
    "invalid_types",
    "is_archived",
    "link_disabled",
    "markdown_text_conflict",
    "message_not_found",
    "metadata_too_large",
    "method_not_supported_for_channel_type",
    "missing_scope",
    "msg_blocks_too_long",
    "msg_too_long",
    "no_reaction",
    "no_text",
    "no_such_subteam",
    "not_allowed_token_type",
    "not_authed",
    "not_in_channel",
    "ratelimited",
    "request_timeout",
    "thread_not_found",
    "token_revoked",
    "unknown_method",
    "used_url",
    "user_not_found",
    "user_not_in_channel",
    "users_list_not_supplied",
];
