//! What one Slack account is configured with. Each workspace is an account of its own, with a name and two tokens.

use std::fmt;
use std::net::SocketAddr;

use wilco_core::AccountId;
use zeroize::Zeroizing;

/// Text that is never shown: not in a log, not in an error, not in what is printed for debugging. Its memory is
/// overwritten when it is dropped; what was made of it, such as the header of a call, is not.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The secret itself, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

/// What a token is for, as its first letters say it (Slack, "Token types").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// `xoxb-`: what the bot says and reads.
    Bot,
    /// `xapp-`: opens the sockets by which Slack speaks to the app.
    App,
    /// `xoxp-`: acts as a person. wilco takes none.
    User,
    /// `xoxe.` and `xoxe-`: a token that expires after twelve hours, or what renews it. wilco takes none.
    Rotated,
    /// Anything else.
    Unknown,
}

impl TokenKind {
    /// What a token is for.
    pub fn of(token: &str) -> Self {
        if token.starts_with("xoxb-") {
            Self::Bot
        } else if token.starts_with("xapp-") {
            Self::App
        } else if token.starts_with("xoxp-") {
            Self::User
        } else if token.starts_with("xoxe.") || token.starts_with("xoxe-") {
            Self::Rotated
        } else {
            Self::Unknown
        }
    }
}

/// Why a token cannot be used. Nothing was sent, and no word of it holds the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The app-level token stands where the bot token belongs.
    #[error("this is the app-level token (xapp-…), but the bot token (xoxb-…) belongs here: swap the two")]
    AppForBot,
    /// The bot token stands where the app-level token belongs.
    #[error("this is the bot token (xoxb-…), but the app-level token (xapp-…) belongs here: swap the two")]
    BotForApp,
    /// A token that acts as a person.
    #[error(
        "this is a user token (xoxp-…), with which wilco would write as a person: take the Bot User OAuth Token \
         (xoxb-…) from \"OAuth & Permissions\""
    )]
    User,
    /// A token that expires.
    #[error(
        "this token expires after twelve hours (xoxe…): turn token rotation off for the app, or make an app without it, \
         and take its xoxb-… token"
    )]
    Rotated,
    /// Not the beginning of a bot token.
    #[error(
        "a bot token begins with xoxb-: copy it again from \"OAuth & Permissions\" of your app at api.slack.com/apps"
    )]
    NoBot,
    /// Not the beginning of an app-level token.
    #[error(
        "an app-level token begins with xapp-: make one with the scope connections:write under \"Basic Information\" of \
         your app at api.slack.com/apps"
    )]
    NoApp,
    /// Not a signing secret.
    #[error(
        "a signing secret is a word of 32 digits and letters: copy it from \"Basic Information\", \"App Credentials\" of \
         your app at api.slack.com/apps"
    )]
    NoSigning,
    /// A character that no token has, such as a line break that was copied with it.
    #[error("the token has characters that no token has: copy it again, without spaces and line breaks")]
    Characters,
}

/// Whether a text can be a bot token.
///
/// # Errors
/// What it is instead, and where the right one is found.
pub fn bot_token(token: &str) -> Result<(), TokenError> {
    match TokenKind::of(token) {
        TokenKind::Bot => characters(token),
        TokenKind::App => Err(TokenError::AppForBot),
        TokenKind::User => Err(TokenError::User),
        TokenKind::Rotated => Err(TokenError::Rotated),
        TokenKind::Unknown => Err(TokenError::NoBot),
    }
}

/// Whether a text can be an app-level token.
///
/// # Errors
/// What it is instead, and where the right one is found.
pub fn app_token(token: &str) -> Result<(), TokenError> {
    match TokenKind::of(token) {
        TokenKind::App => characters(token),
        TokenKind::Bot => Err(TokenError::BotForApp),
        TokenKind::User | TokenKind::Rotated | TokenKind::Unknown => Err(TokenError::NoApp),
    }
}

/// Whether a text can be a signing secret. Slack's have 32 hexadecimal digits; it promises no form, so any long word goes.
///
/// # Errors
/// What it is instead, and where the right one is found.
pub fn signing_secret(secret: &str) -> Result<(), TokenError> {
    let token = !matches!(TokenKind::of(secret), TokenKind::Unknown);
    if token || secret.len() < 16 || !secret.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(TokenError::NoSigning);
    }
    Ok(())
}

fn characters(token: &str) -> Result<(), TokenError> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if token.bytes().all(fits) { Ok(()) } else { Err(TokenError::Characters) }
}

/// How Slack speaks to an app. An app has one of the two ways.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hears {
    /// By sockets that the bot opens (Slack, "Socket Mode"): nothing is open to the world.
    Sockets {
        /// The app-level token, `xapp-…`, with the scope `connections:write`.
        app_token: Secret,
    },
    /// By requests to an address of the app's.
    Requests(Requests),
}

/// Where Slack's requests arrive (Slack, "Using the Events API over HTTP").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requests {
    /// Where they are taken, without encryption. The address that Slack knows begins with https; whoever takes its
    /// requests there, such as a reverse proxy, hands them on.
    pub address: SocketAddr,
    /// What Slack signs them with ("Basic Information" of the app).
    pub signing_secret: Secret,
}

impl From<Secret> for Hears {
    /// By sockets, with this app-level token.
    fn from(app_token: Secret) -> Self {
        Self::Sockets { app_token }
    }
}

impl Hears {
    /// The app-level token, where there is one.
    pub fn app_token(&self) -> Option<&Secret> {
        match self {
            Self::Sockets { app_token } => Some(app_token),
            Self::Requests(_) => None,
        }
    }
}

/// One connection to a Slack workspace.
#[derive(Clone, Debug)]
pub struct Options {
    /// The name of the connection, such as `slack` or `slack:ops`.
    pub account: AccountId,
    /// The bot token, `xoxb-…`.
    pub bot_token: Secret,
    /// How Slack speaks to the app.
    pub hears: Hears,
    /// The variables in which its two tokens are looked for, the bot token's first: whoever has to set one anew is told
    /// its name.
    pub variables: (String, String),
    /// Where the Web API is: [`Options::API`], or a proxy or a fake of it. A slash at the end is left out.
    pub api: String,
    /// Whether the app is an assistant (*Agents & AI Apps*), whose threads show what it is doing.
    pub assistant: bool,
    /// Whether the bot joins a public channel where it is to speak and is no member (scope `channels:join`).
    pub join: bool,
    /// Whether people of other workspaces (Slack Connect) count as everybody else does in the channels that are shared
    /// with them. Otherwise they may do nothing, whatever a rule says.
    pub connect: bool,
    /// The largest file that is sent, in bytes.
    pub file: u64,
}

impl Options {
    /// Slack's own Web API (Slack, "Web API", "Basics").
    pub const API: &'static str = "https://slack.com/api";
    /// The largest file where nobody says otherwise, in bytes. Slack names no figure but that of the plan (1 GB and
    /// more); this much leaves within ten minutes also over a slow line (300 kbit/s), and is held in memory meanwhile.
    pub const FILE: u64 = 20 * 1024 * 1024;

    /// A connection to Slack itself with nothing optional.
    pub fn new(account: impl Into<AccountId>, bot_token: Secret, hears: impl Into<Hears>) -> Self {
        Self {
            account: account.into(),
            bot_token,
            hears: hears.into(),
            variables: ("SLACK_BOT_TOKEN".to_owned(), "SLACK_APP_TOKEN".to_owned()),
            api: Self::API.to_owned(),
            assistant: false,
            join: false,
            connect: false,
            file: Self::FILE,
        }
    }

    /// Whether its secrets stand where they belong.
    ///
    /// # Errors
    /// The name of the first field that is wrong, and why.
    pub fn check_tokens(&self) -> Result<(), (&'static str, TokenError)> {
        bot_token(self.bot_token.expose()).map_err(|error| ("bot_token", error))?;
        match &self.hears {
            Hears::Sockets { app_token: token } => app_token(token.expose()).map_err(|error| ("app_token", error)),
            Hears::Requests(to) => {
                signing_secret(to.signing_secret.expose()).map_err(|error| ("signing_secret", error))
            }
        }
    }

    /// The app-level token, where there is one.
    pub fn app_token(&self) -> Option<&Secret> {
        self.hears.app_token()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(bot: &str, app: &str) -> Options {
        Options::new("slack", Secret::new(bot), Secret::new(app))
    }

    #[test]
    fn a_token_is_overwritten_when_it_is_dropped() {
        fn wiped(_: &impl zeroize::ZeroizeOnDrop) {}
        let secret = Secret::new("xoxb-1");
        wiped(&secret.0);
        assert_eq!((secret.expose(), Secret::from("xoxb-1".to_owned()) == secret), ("xoxb-1", true));
    }

    #[test]
    fn a_token_is_in_no_debug_output() {
        let shown = format!("{:?}", options("xoxb-12-hidden", "xapp-1-hidden"));
        assert!(!shown.contains("hidden") && !shown.contains("xoxb-12"), "{shown}");
    }

    #[test]
    fn tokens_are_told_apart_by_how_they_begin() {
        assert_eq!(options("xoxb-1-2-a", "xapp-1-A2-3-b").check_tokens(), Ok(()));
        for (bot, app, field, error) in [
            ("xapp-1-A2-3-b", "xoxb-1-2-a", "bot_token", TokenError::AppForBot),
            ("xoxb-1-2-a", "xoxb-1-2-a", "app_token", TokenError::BotForApp),
            ("xoxp-1", "xapp-1", "bot_token", TokenError::User),
            ("xoxe.xoxb-1-a", "xapp-1", "bot_token", TokenError::Rotated),
            ("", "xapp-1", "bot_token", TokenError::NoBot),
            ("xoxb-1", "abc", "app_token", TokenError::NoApp),
            ("xoxb-1", "xoxp-1", "app_token", TokenError::NoApp),
            ("xoxb-1\n", "xapp-1", "bot_token", TokenError::Characters),
            ("xoxb-1", "xapp-1 ", "app_token", TokenError::Characters),
        ] {
            assert_eq!(options(bot, app).check_tokens(), Err((field, error)), "{bot} {app}");
        }
    }

    #[test]
    fn requests_need_a_signing_secret_in_place_of_the_app_level_token() {
        let over_http = |secret: &str| {
            let address = SocketAddr::from(([127, 0, 0, 1], 3_912));
            let hears = Hears::Requests(Requests { address, signing_secret: Secret::new(secret) });
            Options { hears, ..options("xoxb-1-2-a", "") }
        };
        assert_eq!(over_http("8f742231b10e8888abcd99yyyzzz85a5").check_tokens(), Ok(()));
        assert_eq!(over_http("8f742231b10e8888abcd99yyyzzz85a5").app_token(), None);
        for wrong in
            ["", "8f742231", "xapp-1-A2-3-abcdefgh", "xoxb-1-2-abcdefghijkl", "8f742231b10e8888 abcd99yyyzzz85"]
        {
            assert_eq!(over_http(wrong).check_tokens(), Err(("signing_secret", TokenError::NoSigning)), "{wrong}");
        }
        let shown = format!("{:?}", over_http("hidden0123456789"));
        assert!(!shown.contains("hidden"), "{shown}");
    }

    #[test]
    fn what_is_said_of_a_token_does_not_repeat_it() {
        let error = bot_token("xapp-1-A2-hidden").unwrap_err();
        assert!(error.to_string().contains("swap") && !error.to_string().contains("hidden"));
    }
}
