//! What Discord says when it refuses: status, code and sentence (Discord's reference, "JSON Error Codes").

use serde_json::{Value, json};

/// One refusal.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// Discord's code; 0 where it has none.
    pub code: i64,
    /// The sentence.
    pub message: String,
    /// Which field is wrong, for 50035.
    pub errors: Option<Value>,
    /// For how long, in milliseconds, when the refusal names a time.
    pub retry_after: Option<u64>,
}

impl Refusal {
    /// A refusal from its three parts.
    pub fn new(status: u16, code: i64, message: &str) -> Self {
        Self { status, code, message: message.to_owned(), errors: None, retry_after: None }
    }

    /// 50035 with the place of each wrong field: path, name of the error, sentence.
    pub(super) fn form(wrong: &[(String, &str, String)]) -> Self {
        let mut errors = json!({});
        for (path, name, sentence) in wrong {
            let mut at = &mut errors;
            for part in path.split('.').filter(|part| !part.is_empty()) {
                at = &mut at[part];
            }
            let one = json!({"code": name, "message": sentence});
            match at["_errors"].as_array_mut() {
                Some(all) => all.push(one),
                None => at["_errors"] = json!([one]),
            }
        }
        Self { errors: Some(errors), ..INVALID_FORM.refusal() }
    }

    /// The body.
    pub fn body(&self) -> Value {
        let mut body = json!({"message": self.message, "code": self.code});
        if let Some(errors) = &self.errors {
            body["errors"] = errors.clone();
        }
        if let Some(millis) = self.retry_after {
            body["retry_after"] = json!(seconds(millis));
            body["global"] = json!(false);
        }
        body
    }
}

/// Milliseconds as seconds with a fraction.
#[allow(clippy::cast_precision_loss, reason = "times of waiting are far below 2^52 ms")]
pub(super) fn seconds(millis: u64) -> f64 {
    millis as f64 / 1_000.0
}

/// A refusal of Discord's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known(pub u16, pub i64, pub &'static str);

impl Known {
    /// As a value that can be sent.
    pub fn refusal(self) -> Refusal {
        Refusal::new(self.0, self.1, self.2)
    }
}

impl From<Known> for Refusal {
    fn from(known: Known) -> Self {
        known.refusal()
    }
}

macro_rules! known {
    ($($(#[$doc:meta])* $name:ident = $status:literal $code:literal $text:literal;)*) => {
        $($(#[$doc])* pub const $name: Known = Known($status, $code, $text);)*
        /// Every refusal that the fake makes by itself, for tables of tests.
        pub const ALL: &[Known] = &[$($name),*];
    };
}

known! {
    /// The token is wrong or revoked.
    UNAUTHORIZED = 401 0 "401: Unauthorized";
    /// No such route.
    NOT_FOUND = 404 0 "404: Not Found";
    /// The route exists for other verbs.
    METHOD_NOT_ALLOWED = 405 0 "405: Method Not Allowed";
    /// No such application.
    UNKNOWN_APPLICATION = 404 10002 "Unknown Application";
    /// No such channel, or it was deleted.
    UNKNOWN_CHANNEL = 404 10003 "Unknown Channel";
    /// No such guild, or the bot is not in it.
    UNKNOWN_GUILD = 404 10004 "Unknown Guild";
    /// Not a member.
    UNKNOWN_MEMBER = 404 10007 "Unknown Member";
    /// No such message, or it was deleted.
    UNKNOWN_MESSAGE = 404 10008 "Unknown Message";
    /// No such user.
    UNKNOWN_USER = 404 10013 "Unknown User";
    /// No such emoji.
    UNKNOWN_EMOJI = 400 10014 "Unknown Emoji";
    /// No such webhook.
    UNKNOWN_WEBHOOK = 404 10015 "Unknown Webhook";
    /// The interaction is older than 3 s, or there is none.
    UNKNOWN_INTERACTION = 404 10062 "Unknown interaction";
    /// No such command.
    UNKNOWN_COMMAND = 404 10063 "Unknown application command";
    /// Slow mode.
    SLOW_MODE = 429 20016 "This action cannot be performed due to slowmode rate limit";
    /// More than 100 commands in one scope.
    TOO_MANY_COMMANDS = 400 30032 "Maximum number of application commands reached (100)";
    /// The upload is too large.
    TOO_LARGE = 413 40005 "Request entity too large";
    /// A feature is switched off for now.
    DISABLED = 403 40006 "This feature has been temporarily disabled server-side";
    /// A second callback.
    ALREADY_ACKNOWLEDGED = 400 40060 "Interaction has already been acknowledged.";
    /// The bot may not see it.
    MISSING_ACCESS = 403 50001 "Missing Access";
    /// Somebody else's message.
    NOT_THE_AUTHOR = 403 50005 "Cannot edit a message authored by another user";
    /// Neither text nor file nor anything else.
    EMPTY_MESSAGE = 400 50006 "Cannot send an empty message";
    /// A person who takes no direct messages.
    CANNOT_MESSAGE_USER = 403 50007 "Cannot send messages to this user";
    /// The bot may see it and not do that.
    MISSING_PERMISSIONS = 403 50013 "Missing Permissions";
    /// A message that the platform wrote.
    SYSTEM_MESSAGE = 403 50021 "Cannot execute action on a system message";
    /// Not in this kind of channel.
    WRONG_CHANNEL_TYPE = 400 50024 "Cannot execute action on this channel type";
    /// The token of an interaction is wrong or older than 15 minutes.
    INVALID_WEBHOOK_TOKEN = 401 50027 "Invalid Webhook Token";
    /// A field is wrong.
    INVALID_FORM = 400 50035 "Invalid Form Body";
    /// The thread is archived.
    THREAD_ARCHIVED = 400 50083 "Thread is archived";
    /// The body is no JSON.
    INVALID_JSON = 400 50109 "The request body contains invalid JSON.";
    /// A reply where history may not be read.
    NO_HISTORY_TO_REPLY = 400 160002 "Cannot reply without permission to read message history";
    /// The message has a thread.
    HAS_A_THREAD = 400 160004 "A thread has already been created for this message";
    /// The thread is locked.
    THREAD_LOCKED = 400 160005 "Thread is locked";
}
