//! What Slack says of the app when it is asked: for whoever sets it up, and for whoever looks what is wrong.
//!
//! Every question is one that changes nothing and is asked once: a person waits for the answer. Asking for a socket's
//! address opens none; nobody uses that address, and it ends within a minute.

use serde_json::Value;

use crate::manifest::{self, Scope, Wanted};
use crate::message::is_channel;
use crate::outcome::is_of_the_token;
use crate::probe::Conversation;
use crate::rest::{Answer, Call, Lane, Method, Refusal};
use crate::slack::Slack;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookError {
    /// The bot token is not one that Slack takes.
    #[error("Slack does not accept the bot token ({0})")]
    BotToken(String),
    /// The app-level token is not one that Slack takes.
    #[error("Slack does not accept the app-level token ({0})")]
    AppToken(String),
    /// The two tokens are those of two apps.
    #[error(
        "the bot token is of the app {bot}, and the app-level token of the app {app}: each would hear nothing of the other"
    )]
    TwoApps {
        /// The app of the bot token.
        bot: String,
        /// The app of the app-level token.
        app: String,
    },
    /// The app has no Socket Mode.
    #[error("Slack opens no socket for this app ({0})")]
    NoSocket(String),
    /// The app lacks a scope for that.
    #[error("Slack refused {what}: the scope {needed} is missing")]
    Scope {
        /// What was asked.
        what: &'static str,
        /// The scope.
        needed: String,
    },
    /// Slack does not let the bot see that.
    #[error("Slack refused {what}: {why}")]
    Refused {
        /// What was asked.
        what: &'static str,
        /// Slack's words.
        why: String,
    },
    /// There was no answer, or none that can be read: nothing can be said.
    #[error("{what} did not work: {why}")]
    Unreachable {
        /// What was asked.
        what: &'static str,
        /// What went wrong.
        why: String,
    },
}

/// The bot, as Slack knows it by its token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bot {
    /// Its id as a person of the workspace.
    pub id: String,
    /// Its id as an integration of its app; empty where Slack did not name it.
    pub integration: String,
    /// What people call it, without the at sign.
    pub name: String,
    /// The workspace's id.
    pub team: String,
    /// What people call the workspace.
    pub team_name: String,
    /// The scopes that the token has, where Slack named them.
    pub scopes: Option<Vec<String>>,
}

impl Bot {
    /// The scopes that are wanted and that the token has not. None is missing where Slack did not name them.
    pub fn missing(&self, wanted: Wanted) -> Vec<&'static Scope> {
        let Some(has) = &self.scopes else { return Vec::new() };
        manifest::scopes(wanted).filter(|scope| !has.iter().any(|one| one == scope.name)).collect()
    }

    /// The scopes that the token has and that nothing uses.
    pub fn unused(&self, wanted: Wanted) -> Vec<&str> {
        let needed = |name: &str| manifest::scopes(wanted).any(|scope| scope.name == name);
        self.scopes.iter().flatten().map(String::as_str).filter(|name| !name.is_empty() && !needed(name)).collect()
    }
}

/// Whose bot token it is, and what it may do.
///
/// # Errors
/// [`LookError`].
pub async fn bot(slack: &Slack) -> Result<Bot, LookError> {
    let what = "asking whose token it is";
    let (answer, scopes) = slack.rest.ask(Method::AuthTest.name(), &slack.options.bot_token, &[]).await;
    let body = done(answer, what, |code| LookError::BotToken(code.to_owned()))?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let bot = Bot {
        id: text("user_id"),
        integration: text("bot_id"),
        name: text("user"),
        team: text("team_id"),
        team_name: text("team"),
        scopes,
    };
    if bot.id.is_empty() || bot.team.is_empty() {
        return Err(LookError::Unreachable { what, why: "Slack names neither the bot nor its workspace".to_owned() });
    }
    Ok(bot)
}

/// Whether the app-level token is good and Slack gives the app a socket. Of an app to which Slack speaks by requests
/// nothing is asked.
///
/// # Errors
/// [`LookError`]; the address of the socket is a secret and is in none of them.
pub async fn socket(slack: &Slack) -> Result<(), LookError> {
    let what = "asking for a socket";
    let Some(token) = slack.options.app_token() else { return Ok(()) };
    let (answer, _) = slack.rest.ask("apps.connections.open", token, &[]).await;
    let off = ["link_disabled", "socket_mode_not_enabled"];
    if let Some(code) = answer.code().filter(|code| off.contains(code)) {
        return Err(LookError::NoSocket(code.to_owned()));
    }
    let body = done(answer, what, |code| LookError::AppToken(code.to_owned()))?;
    let named = body.get("url").and_then(Value::as_str).is_some_and(|url| url.starts_with("ws"));
    if named {
        Ok(())
    } else {
        Err(LookError::Unreachable { what, why: "Slack names no address of a socket".to_owned() })
    }
}

/// Whether both tokens are of one app. Each is good by itself, and with those of two the bot would speak as one app and
/// hear what is said to the other. Where Slack does not say of which app the bot is, nothing is said of it here either.
///
/// # Errors
/// [`LookError::TwoApps`], and no other.
pub async fn one_app(slack: &Slack, bot: &Bot) -> Result<(), LookError> {
    let Some(app) = app_id(slack).filter(|_| !bot.integration.is_empty()) else { return Ok(()) };
    let (answer, _) = slack.rest.ask("bots.info", &slack.options.bot_token, &[("bot", &bot.integration)]).await;
    let Answer::Done(body) = answer else { return Ok(()) };
    match body.pointer("/bot/app_id").and_then(Value::as_str) {
        Some(of) if !of.is_empty() && of != app => Err(LookError::TwoApps { bot: of.to_owned(), app: app.to_owned() }),
        Some(_) | None => Ok(()),
    }
}

/// Why the bot cannot speak in a channel, in words; none where it can.
///
/// # Errors
/// [`LookError`]; a channel that the bot does not see is [`LookError::Refused`].
pub async fn objection(slack: &Slack, channel: &str) -> Result<Option<String>, LookError> {
    let what = "looking at the channel";
    if !is_channel(channel) {
        let why =
            "this is no id of a channel: it begins with C, G or D, and stands at the end of the channel's details";
        return Err(LookError::Refused { what, why: why.to_owned() });
    }
    let answer = slack.rest.call(Call::new(Method::Info, Lane::Normal).with("channel", channel)).await;
    let body = done(answer, what, |code| LookError::BotToken(code.to_owned()))?;
    let found = body.get("channel").cloned().unwrap_or(Value::Null);
    let found: Conversation =
        serde_json::from_value(found).map_err(|error| LookError::Unreachable { what, why: error.to_string() })?;
    Ok(found.objection(false, slack.options.join).map(|cause| cause.text))
}

fn done(answer: Answer, what: &'static str, token: impl Fn(&str) -> LookError) -> Result<Value, LookError> {
    let unreachable = |why: String| LookError::Unreachable { what, why };
    match answer {
        Answer::Done(body) => Ok(body),
        Answer::Refused(refusal) => Err(refused(&refusal, what, token)),
        Answer::Held { .. } => Err(unreachable("a rate limit is used up; try again in a moment".to_owned())),
        Answer::NotSent(cause) | Answer::Unknown(cause) => Err(unreachable(cause.to_string())),
    }
}

fn refused(refusal: &Refusal, what: &'static str, token: impl Fn(&str) -> LookError) -> LookError {
    let unreachable = |why: String| LookError::Unreachable { what, why };
    let Some(code) = refusal.code.as_deref() else {
        // What is not in Slack's shape was said by something in between.
        return unreachable(refusal.message.clone());
    };
    if is_of_the_token(code) {
        return token(code);
    }
    if refusal.is_limit() || refusal.status >= 500 {
        return unreachable(code.to_owned());
    }
    match code {
        "missing_scope" => {
            let needed = refusal.message.split("; ").find_map(|part| part.strip_prefix("needed: "));
            LookError::Scope { what, needed: needed.unwrap_or("that it needs").to_owned() }
        }
        "internal_error" | "fatal_error" | "service_unavailable" | "request_timeout" | "team_is_migrating" => {
            unreachable(code.to_owned())
        }
        code => {
            let more = if refusal.message == code.replace('_', " ") { "" } else { refusal.message.as_str() };
            LookError::Refused { what, why: format!("{code} {more}").trim_end().to_owned() }
        }
    }
}

/// Where the app of a connection is changed.
pub fn settings_page(slack: &Slack) -> String {
    match app_id(slack) {
        Some(id) => format!("https://api.slack.com/apps/{id}"),
        None => "https://api.slack.com/apps".to_owned(),
    }
}

/// The id of the app, which stands in its app-level token (`xapp-1-<app>-…`); none in one of another form.
pub fn app_id(slack: &Slack) -> Option<&str> {
    let id = slack.options.app_token()?.expose().split('-').nth(2)?;
    let fits = id.len() > 1 && id.starts_with('A') && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    fits.then_some(id)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use wilco_core::random::Dice;
    use wilco_sim::clock::HandClock;

    use super::*;
    use crate::options::{Options, Secret};
    use crate::rest::tests::stand::{Reply, Server};
    use wilco_sim::MemoryShelf;

    async fn slack(replies: impl IntoIterator<Item = Reply>) -> (Arc<Slack>, Server) {
        let server = Server::with(replies).await;
        let options = Options {
            api: server.address.clone(),
            ..Options::new("slack", Secret::new("xoxb-1"), Secret::new("xapp-1-A02X-3-hidden"))
        };
        let shelf = Arc::new(MemoryShelf::default());
        (Slack::new(options, shelf, HandClock::new(), Arc::new(Dice::seeded(1))).unwrap(), server)
    }

    fn ok(body: &str) -> Reply {
        Reply::new(200, format!(r#"{{"ok":true{body}}}"#))
    }

    fn no(code: &str) -> Reply {
        Reply::new(200, format!(r#"{{"ok":false,"error":"{code}"}}"#))
    }

    const AUTH: &str = r#","user_id":"U1","user":"wilco","team_id":"T1","team":"Harbour","bot_id":"B1""#;
    const ALL: Wanted = Wanted { files: true, groups: true, join: false, assistant: false };

    #[tokio::test]
    async fn the_bot_is_named_with_what_it_lacks_and_what_it_has_too_much() {
        let (slack, server) = slack([ok(AUTH).with("x-oauth-scopes", "chat:write, commands,admin"), ok(AUTH)]).await;
        let bot = bot(&slack).await.unwrap();
        assert_eq!((bot.id.as_str(), bot.name.as_str(), bot.team.as_str()), ("U1", "wilco", "T1"));
        assert_eq!(server.last().header("authorization"), "Bearer xoxb-1");
        let missing: Vec<&str> = bot.missing(ALL).iter().map(|scope| scope.name).collect();
        assert!(missing.contains(&"app_mentions:read") && missing.contains(&"usergroups:read"), "{missing:?}");
        assert!(!missing.contains(&"chat:write") && !missing.contains(&"channels:join"), "{missing:?}");
        assert_eq!(bot.unused(ALL), ["admin"]);
        let silent = super::bot(&slack).await.unwrap();
        assert_eq!((silent.scopes.clone(), silent.missing(ALL)), (None, Vec::new()), "what is not said is not judged");
    }

    #[tokio::test]
    async fn a_socket_is_asked_for_with_the_other_token_and_its_address_is_told_nobody() {
        let (slack, server) = slack([
            ok(r#","url":"wss://x.slack.com/link/?ticket=hidden""#),
            no("invalid_auth"),
            no("link_disabled"),
            no("missing_scope"),
            no("access_denied"),
            ok(""),
        ])
        .await;
        assert_eq!(socket(&slack).await, Ok(()));
        assert_eq!(server.last().header("authorization"), "Bearer xapp-1-A02X-3-hidden");
        assert_eq!(server.last().path, "/api/apps.connections.open");
        let mut said = Vec::new();
        for wanted in
            ["app-level token", "no socket", "scope", "Slack refused asking for a socket: access_denied", "no address"]
        {
            let error = socket(&slack).await.unwrap_err().to_string();
            assert!(error.contains(wanted), "{wanted}: {error}");
            said.push(error);
        }
        assert!(!said.concat().contains("hidden"), "{said:?}");
    }

    #[tokio::test]
    async fn tokens_of_two_apps_are_told_from_those_of_one() {
        let of = |app: &str| ok(&format!(r#","bot":{{"id":"B1","app_id":"{app}"}}"#));
        let (slack, server) = slack([of("A02X"), of("A9"), no("missing_scope"), ok(r#","bot":{"id":"B1"}"#)]).await;
        let bot = Bot { integration: "B1".to_owned(), ..Bot::default() };
        assert_eq!(one_app(&slack, &bot).await, Ok(()));
        let asked = server.last();
        assert_eq!((asked.path.as_str(), &asked.body[..]), ("/api/bots.info", &b"bot=B1"[..]));
        assert_eq!(asked.header("authorization"), "Bearer xoxb-1");
        let error = one_app(&slack, &bot).await.unwrap_err();
        assert_eq!(error, LookError::TwoApps { bot: "A9".to_owned(), app: "A02X".to_owned() });
        for _ in 0..2 {
            assert_eq!(one_app(&slack, &bot).await, Ok(()), "what is not said is not judged");
        }
        let asked = server.seen().len();
        assert_eq!(one_app(&slack, &Bot::default()).await, Ok(()));
        assert_eq!(server.seen().len(), asked);
    }

    #[tokio::test]
    async fn what_is_refused_is_told_from_what_does_not_answer() {
        let (slack, _server) = slack([
            no("account_inactive"),
            Reply::new(503, "<html>"),
            no("internal_error"),
            Reply::new(429, "").with("retry-after", "3"),
            no("something_new"),
        ])
        .await;
        assert_eq!(bot(&slack).await, Err(LookError::BotToken("account_inactive".to_owned())));
        for _ in 0..3 {
            let error = bot(&slack).await.unwrap_err();
            assert!(matches!(error, LookError::Unreachable { .. }), "{error}");
        }
        let error = bot(&slack).await.unwrap_err();
        assert_eq!(error.to_string(), "Slack refused asking whose token it is: something_new");
    }

    #[tokio::test]
    async fn a_channel_is_looked_at_as_a_follow_up_would() {
        let (slack, server) = slack([
            ok(r#","channel":{"id":"C1","is_member":true}"#),
            ok(r#","channel":{"id":"C1","is_member":false}"#),
            no("channel_not_found"),
            Reply::new(200, r#"{"ok":false,"error":"missing_scope","needed":"channels:read","provided":"chat:write"}"#),
        ])
        .await;
        assert_eq!(objection(&slack, "C1").await, Ok(None));
        assert!(objection(&slack, "C1").await.unwrap().unwrap().contains("/invite"));
        assert!(matches!(objection(&slack, "C1").await, Err(LookError::Refused { .. })));
        let error = objection(&slack, "C1").await.unwrap_err().to_string();
        assert!(error.contains("the scope channels:read is missing"), "{error}");
        let asked = server.seen().len();
        assert!(matches!(objection(&slack, "general").await, Err(LookError::Refused { .. })));
        assert_eq!(server.seen().len(), asked, "a name is no id");
    }

    #[tokio::test]
    async fn the_app_is_named_in_its_token() {
        let (slack, _server) = slack([]).await;
        assert_eq!(app_id(&slack), Some("A02X"));
        assert_eq!(settings_page(&slack), "https://api.slack.com/apps/A02X");
    }
}
