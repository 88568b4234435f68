//! What is asked with the tokens, and what follows from a refusal: a token that Slack does not take is mended by a
//! person, and everything else by waiting.

use std::time::Duration;

use serde_json::Value;
use wilco_core::{Cause, NotSurfaced};

use super::wire::is_safe;
use crate::identity::Identity;
use crate::options::Secret;
use crate::outcome::{Called, is_of_the_token, settle};
use crate::rest::{Answer, Call, Lane, Method};
use crate::slack::Slack;

/// Why something could not be had.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Without {
    /// Nothing works until a person has changed something.
    Person(Cause),
    /// It may work later; after so long, where Slack said so.
    Later(Cause, Duration),
}

/// Which token was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Bot,
    App,
}

impl Slack {
    /// Whether Slack takes the bot token. Without this a token that was taken back would be noticed by nobody: sockets
    /// need the other one.
    pub(crate) async fn try_bot_token(&self) -> Result<(), Without> {
        let answer = self.rest.call(Call::new(Method::AuthTest, Lane::Reserved)).await;
        let body = taken(answer, Token::Bot, &self.options.variables)?;
        let identity = Identity::read(body).map_err(|cause| Without::Later(cause, Duration::ZERO))?;
        if self.mouth.identity.get().is_none() {
            // Somebody else may have been faster; both were told the same.
            drop(self.mouth.identity.set(identity));
        }
        Ok(())
    }

    /// Where a socket may be opened. The address holds a ticket that is good once and for seconds.
    pub(super) async fn socket_address(&self) -> Result<Secret, Without> {
        let answer = self.rest.call(Call::new(Method::ConnectionsOpen, Lane::Reserved)).await;
        let body = taken(answer, Token::App, &self.options.variables)?;
        let later = |words: &str| Without::Later(Cause::new("socket_address", words), Duration::ZERO);
        let address = body.get("url").and_then(Value::as_str).ok_or_else(|| later("Slack names no socket"))?;
        if !is_safe(address, &self.options.api) {
            return Err(later("Slack names a socket that is no safe WebSocket address"));
        }
        Ok(Secret::new(address))
    }
}

fn taken(answer: Answer, token: Token, variables: &(String, String)) -> Result<Value, Without> {
    let code = answer.code().map(str::to_owned);
    settle(answer, Called::LIGHT).map_err(|reason| {
        if let Some(words) = code.as_deref().and_then(|code| for_a_person(code, token, variables)) {
            return Without::Person(Cause::new(code.unwrap_or_default(), words));
        }
        match reason {
            NotSurfaced::RetryAfter { delay, .. } => {
                let words = format!("Slack asks for {} s of silence", delay.as_secs());
                Without::Later(Cause::new("held", words), delay)
            }
            NotSurfaced::Silent
            | NotSurfaced::Moved(_)
            | NotSurfaced::Retry(_)
            | NotSurfaced::Ambiguous(_)
            | NotSurfaced::Fallback(_)
            | NotSurfaced::Reshape(_)
            | NotSurfaced::Gone(_)
            | NotSurfaced::StopAccount(_)
            | NotSurfaced::Bug(_) => {
                let cause = reason.cause().cloned().unwrap_or_else(|| Cause::new("slack", reason.name()));
                Without::Later(cause, Duration::ZERO)
            }
        }
    })
}

/// What a person has to change; none for what passes by itself.
fn for_a_person(code: &str, token: Token, (bot, app): &(String, String)) -> Option<String> {
    let (name, variable, place) = match token {
        Token::Bot => ("bot token (xoxb-…)", bot, "\"OAuth & Permissions\""),
        Token::App => ("app-level token (xapp-…)", app, "\"Basic Information\", \"App-Level Tokens\""),
    };
    let what = match code {
        "invalid_auth" | "not_authed" | "token_revoked" | "token_expired" | "not_allowed_token_type" => format!(
            "Slack does not take the {name}: {}. Copy it again from {place} of your app at api.slack.com/apps (or install \
             the app again, if it was removed), set it as {variable} (or in its file) and start wilco again",
            code.replace('_', " ")
        ),
        "account_inactive"
        | "user_removed_from_team"
        | "team_access_not_granted"
        | "team_added_to_org"
        | "org_login_required" => format!(
            "The app is not installed in the workspace any more, or the workspace has changed ({}). Install the app again \
             at api.slack.com/apps, set its new {name} as {variable} (or in its file) and start wilco again",
            code.replace('_', " ")
        ),
        "missing_scope" | "no_permission" | "access_denied" => match token {
            Token::App => format!(
                "The {name} lacks the scope connections:write. Make one that has it under {place} of your app at \
                 api.slack.com/apps, set it as {variable} (or in its file) and start wilco again"
            ),
            Token::Bot => return None,
        },
        "link_disabled" | "socket_mode_not_enabled" => return Some(link_disabled().text),
        // What is left of those speaks of the workspace.
        code if is_of_the_token(code) => format!(
            "The workspace does not let this app in ({}). Ask somebody who administers the workspace to allow it",
            code.replace('_', " ")
        ),
        _ => return None,
    };
    Some(format!("{what}. Nothing is lost: what was asked stays stored"))
}

/// Socket Mode is switched off.
pub(super) fn link_disabled() -> Cause {
    Cause::new(
        "link_disabled",
        "Socket Mode is switched off for the app. Switch it on at api.slack.com/apps under \"Socket Mode\"; wilco notices \
         it within minutes. Nothing is lost: what was asked stays stored, and sending may still work",
    )
}

/// The app has too many sockets.
pub(super) fn too_many() -> Cause {
    Cause::new(
        "too_many_websockets",
        "Slack allows ten sockets for an app, and all are taken. Look whether other processes use the same app-level \
         token, and stop those that are not needed; wilco tries again by itself",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rest::answer_of;

    fn variables() -> (String, String) {
        ("SLACK_OPS_BOT_TOKEN".to_owned(), "SLACK_OPS_APP_TOKEN".to_owned())
    }

    fn without(code: &str, token: Token) -> Without {
        let body = format!(r#"{{"ok":false,"error":"{code}"}}"#);
        taken(answer_of(200, &[], &body, Method::AuthTest), token, &variables()).unwrap_err()
    }

    #[test]
    fn what_a_person_mends_says_which_token_and_what_to_do() {
        for code in ["invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive"] {
            for (token, variable) in [(Token::Bot, "SLACK_OPS_BOT_TOKEN"), (Token::App, "SLACK_OPS_APP_TOKEN")] {
                let Without::Person(cause) = without(code, token) else { panic!("{code}") };
                assert_eq!(cause.code, code);
                assert!(cause.text.contains(variable) && cause.text.contains("Nothing is lost"), "{cause}");
            }
        }
        let Without::Person(cause) = without("missing_scope", Token::App) else { panic!("a person is asked") };
        assert!(cause.text.contains("connections:write"), "{cause}");
        let Without::Person(cause) = without("link_disabled", Token::App) else { panic!("a person is asked") };
        assert!(cause.text.contains("Socket Mode") && cause.text.contains("Nothing is lost"), "{cause}");
    }

    #[test]
    fn every_code_that_pauses_sending_asks_a_person_to_mend_it_here() {
        for code in [
            "invalid_auth",
            "org_login_required",
            "two_factor_setup_required",
            "user_removed_from_team",
            "accesslimited",
            "app_access_restricted",
        ] {
            assert!(is_of_the_token(code), "{code}");
            for token in [Token::Bot, Token::App] {
                assert!(matches!(without(code, token), Without::Person(_)), "{code}");
            }
        }
    }

    #[test]
    fn everything_else_passes_by_itself() {
        for code in ["internal_error", "service_unavailable", "request_timeout", "something_new", "missing_scope"] {
            assert!(matches!(without(code, Token::Bot), Without::Later(_, Duration::ZERO)), "{code}");
        }
        let limited =
            answer_of(429, &[("retry-after", "7")], r#"{"ok":false,"error":"ratelimited"}"#, Method::AuthTest);
        assert!(
            matches!(taken(limited, Token::App, &variables()), Err(Without::Later(_, delay)) if delay == Duration::from_secs(7))
        );
        let page = answer_of(502, &[], "<html>", Method::AuthTest);
        assert!(matches!(taken(page, Token::App, &variables()), Err(Without::Later(..))));
    }
}
