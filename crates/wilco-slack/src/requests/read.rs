//! What a request of Slack's carries. Events come as JSON, commands and buttons as forms.

use serde_json::{Map, Value};

use crate::hear::{Carries, Envelope};

/// What a request asks for.
pub(super) enum Asked {
    /// To give a word back, by which Slack sees that the address is the app's.
    Challenge(String),
    /// To show that the certificate is good, with nothing in it.
    Nothing,
    /// To be told that events are held back: they were too many, or too many of them came to nothing.
    Limited,
    /// To take something.
    Take(Envelope),
}

/// Reads a body. None when it is nothing that Slack sends.
pub(super) fn read(kind: &str, body: &[u8]) -> Option<Asked> {
    let take = |carries, payload| Some(Asked::Take(Envelope { carries, payload }));
    if kind.starts_with("application/json") {
        let payload: Value = serde_json::from_slice(body).ok()?;
        return match payload.get("type")?.as_str()? {
            "url_verification" => Some(Asked::Challenge(payload.get("challenge")?.as_str()?.to_owned())),
            "event_callback" => take(Carries::EventsApi, payload),
            "app_rate_limited" => Some(Asked::Limited),
            _ => None,
        };
    }
    let fields: Map<String, Value> = form_urlencoded::parse(body)
        .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
        .collect();
    match (fields.get("payload").and_then(Value::as_str), fields.contains_key("command")) {
        (Some(payload), _) => take(Carries::Interactive, serde_json::from_str(payload).ok()?),
        (None, true) => take(Carries::SlashCommands, Value::Object(fields)),
        (None, false) => fields.contains_key("ssl_check").then_some(Asked::Nothing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &str = "application/x-www-form-urlencoded";
    const JSON: &str = "application/json";

    fn taken(kind: &str, body: &str) -> (Carries, Value) {
        match read(kind, body.as_bytes()) {
            Some(Asked::Take(envelope)) => (envelope.carries, envelope.payload),
            Some(Asked::Challenge(_) | Asked::Nothing | Asked::Limited) | None => panic!("{body}"),
        }
    }

    #[test]
    fn events_commands_and_buttons_are_told_apart() {
        let (carries, payload) = taken(JSON, r#"{"type": "event_callback", "event": {"type": "message"}}"#);
        assert_eq!((carries, payload["event"]["type"].as_str()), (Carries::EventsApi, Some("message")));
        let (carries, payload) = taken(FORM, "command=%2Fwilco&text=run+demo+%26+more&user_id=U1");
        assert_eq!((carries, payload["text"].as_str()), (Carries::SlashCommands, Some("run demo & more")));
        let (carries, payload) = taken(FORM, "payload=%7B%22type%22%3A%22block_actions%22%7D");
        assert_eq!((carries, payload["type"].as_str()), (Carries::Interactive, Some("block_actions")));
    }

    #[test]
    fn a_challenge_is_given_back_and_a_check_of_the_certificate_is_nothing() {
        let challenge = br#"{"type": "url_verification", "challenge": "3eZb", "token": "x"}"#;
        assert!(matches!(read(JSON, challenge), Some(Asked::Challenge(word)) if word == "3eZb"));
        assert!(matches!(read(FORM, b"ssl_check=1&token=x"), Some(Asked::Nothing)));
        assert!(matches!(read(JSON, br#"{"type": "app_rate_limited"}"#), Some(Asked::Limited)));
    }

    #[test]
    fn anything_else_is_nothing_of_slacks() {
        for (kind, body) in [
            (JSON, ""),
            (JSON, "[]"),
            (JSON, r#"{"type": "url_verification"}"#),
            (JSON, r#"{"type": "other"}"#),
            (FORM, ""),
            (FORM, "payload=%7B"),
            (FORM, "a=b"),
        ] {
            assert!(read(kind, body.as_bytes()).is_none(), "{kind} {body}");
        }
    }
}
