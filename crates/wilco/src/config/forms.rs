//! The forms that texts and durations may have.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Component, Path};
use std::time::Duration;

use wilco_core::text::nearest;
use wilco_core::when::{UnknownZone, Zone};

/// What a text has to look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text {
    /// The address of a store.
    Store,
    /// A path of the file system.
    Path,
    /// A loopback address with a port.
    Bind,
    /// Directives for the log.
    Filter,
    /// A stable id of a platform.
    Id,
    /// The name of a recipe.
    WorkerKind,
    /// One argument of a program.
    Argument,
    /// The name of an argument.
    ArgName,
    /// A regular expression.
    Pattern,
    /// The name of an environment variable.
    EnvName,
    /// The name of a file, without a folder.
    FileName,
    /// A short line for people.
    Line,
    /// The IANA name of a time zone.
    Zone,
    /// The token of a bot: a secret, which is shown nowhere.
    Token,
    /// A bot token of Slack: a secret as well.
    SlackBot,
    /// An app-level token of Slack: a secret as well.
    SlackApp,
    /// What Slack signs its requests with.
    SlackSigning,
    /// An address at which this machine listens.
    Listen,
    /// An id of Discord.
    Snowflake,
    /// The address of a service.
    Url,
}

/// How many characters the text of an access rule may have.
const ID_CHARS: usize = 200;
/// How many characters a line of help may have.
const LINE_CHARS: usize = 100;

impl Text {
    /// What is allowed, for people.
    pub fn allowed(self) -> &'static str {
        match self {
            Self::Store => "sqlite: and a path",
            Self::Path => "a path",
            Self::Bind => "a loopback address and port, such as \"127.0.0.1:7733\"",
            Self::Filter => "directives of tracing, such as \"info,wilco=debug\"",
            Self::Id => "1 to 200 characters",
            Self::WorkerKind => "\"command\"",
            Self::Argument => "a text without control characters",
            Self::ArgName => "1 to 32 of a-z, 0-9, - and _, beginning with a letter",
            Self::Pattern => "a regular expression of at most 1000 characters",
            Self::EnvName => "the name of an environment variable",
            Self::FileName => "a file name",
            Self::Line => "1 to 100 characters",
            Self::Zone => "an IANA name, such as \"Europe/Berlin\"",
            Self::Token => "a token, as \"${DISCORD_BOT_TOKEN}\"",
            Self::SlackBot => "a bot token, as \"${SLACK_BOT_TOKEN}\"",
            Self::SlackApp => "an app-level token, as \"${SLACK_APP_TOKEN}\"",
            Self::SlackSigning => "a signing secret, as \"${SLACK_SIGNING_SECRET}\"",
            Self::Listen => "an address and port of this machine, such as \"127.0.0.1:3912\"",
            Self::Snowflake => "an id: digits in quotes, such as \"80351110224678912\"",
            Self::Url => "an address with http or https",
        }
    }

    /// Whether what stands there is shown to nobody.
    pub(super) fn is_secret(self) -> bool {
        matches!(self, Self::Token | Self::SlackBot | Self::SlackApp | Self::SlackSigning)
    }

    /// Looks at a text. The error says what is wrong, without repeating the text.
    pub fn check(self, text: &str) -> Result<(), String> {
        if text.trim().is_empty() && self != Self::Argument {
            return Err("it is empty".to_owned());
        }
        if text.chars().any(char::is_control) {
            return Err("it holds a control character".to_owned());
        }
        match self {
            Self::Store => check_store(text),
            Self::Path | Self::Argument => Ok(()),
            Self::Bind => bind(text).map(drop),
            Self::Filter => tracing_subscriber::EnvFilter::try_new(text).map(drop).map_err(|error| error.to_string()),
            Self::Id => at_most(text, ID_CHARS),
            Self::WorkerKind => check_worker_kind(text),
            Self::ArgName if is_name(text) => Ok(()),
            Self::ArgName => Err("it is no name".to_owned()),
            Self::Pattern => check_pattern(text),
            Self::EnvName if is_env_name(text) => Ok(()),
            Self::EnvName => Err("it is no name of a variable".to_owned()),
            Self::FileName => check_file_name(text),
            Self::Line => at_most(text, LINE_CHARS),
            Self::Token => check_token(text),
            Self::SlackBot => check_slack_bot(text),
            Self::SlackApp => check_slack_app(text),
            Self::SlackSigning => check_slack_signing(text),
            Self::Listen => listen(text).map(drop),
            Self::Snowflake => check_snowflake(text),
            Self::Url => check_url(text),
            Self::Zone => Zone::parse(text).map(drop).map_err(|unknown| no_zone(&unknown)),
        }
    }
}

fn at_most(text: &str, limit: usize) -> Result<(), String> {
    let count = text.chars().count();
    if count > limit { Err(format!("it has {count} characters")) } else { Ok(()) }
}

/// The text itself stands before it already.
fn no_zone(unknown: &UnknownZone) -> String {
    match unknown.nearest.as_slice() {
        [] => "there is no such time zone".to_owned(),
        near => {
            let near: Vec<String> = near.iter().map(|name| format!("`{name}`")).collect();
            format!("there is no such time zone; perhaps {} is meant", near.join(" or "))
        }
    }
}

/// How long a token may be; Discord's have about 70 characters, Slack's about 60 and 100.
const TOKEN_CHARS: usize = 200;

/// Whether a text can be a bot token at all; what it is worth only its platform knows.
pub(super) fn check_token(token: &str) -> Result<(), String> {
    if ["Bot ", "bot ", "Bearer "].iter().any(|word| token.starts_with(word)) {
        return Err("leave out the word before the token".to_owned());
    }
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("it has characters that no token has; copy it again".to_owned());
    }
    at_most(token, TOKEN_CHARS)
}

/// Whether a text can be a bot token of Slack; one that belongs elsewhere is told apart by how it begins.
pub(super) fn check_slack_bot(token: &str) -> Result<(), String> {
    wilco_slack::bot_token(token).map_err(|error| error.to_string())?;
    at_most(token, TOKEN_CHARS)
}

/// Whether a text can be an app-level token of Slack.
pub(super) fn check_slack_app(token: &str) -> Result<(), String> {
    wilco_slack::app_token(token).map_err(|error| error.to_string())?;
    at_most(token, TOKEN_CHARS)
}

/// Whether a text can be what Slack signs its requests with.
pub(super) fn check_slack_signing(secret: &str) -> Result<(), String> {
    wilco_slack::signing_secret(secret).map_err(|error| error.to_string())?;
    at_most(secret, TOKEN_CHARS)
}

fn check_snowflake(id: &str) -> Result<(), String> {
    let digits = id.bytes().all(|byte| byte.is_ascii_digit());
    match id.parse::<u64>() {
        Ok(1..) if digits => Ok(()),
        Ok(_) | Err(_) => Err("it is no id".to_owned()),
    }
}

fn check_url(url: &str) -> Result<(), String> {
    let rest = ["http://", "https://"].iter().find_map(|scheme| url.strip_prefix(scheme));
    let host = rest.map(|rest| rest.split('/').next().unwrap_or_default());
    match host {
        None => Err("it does not begin with http:// or https://".to_owned()),
        Some("") => Err("the host is missing".to_owned()),
        Some(host) if host.contains('@') => Err("a name or password has no place in it".to_owned()),
        Some(_) if url.contains(['?', '#', ' ']) => Err("it has to end with its path".to_owned()),
        Some(_) => Ok(()),
    }
}

fn check_store(url: &str) -> Result<(), String> {
    if url.starts_with("postgres:") || url.starts_with("postgresql:") {
        return Err("PostgreSQL is not in this version; unset it, or use --store sqlite:wilco.db".to_owned());
    }
    match url.strip_prefix("sqlite:") {
        Some(path) if !path.trim_start_matches('/').is_empty() => Ok(()),
        Some(_) => Err("the path is missing".to_owned()),
        None => Err("it does not begin with sqlite:".to_owned()),
    }
}

/// An address at which this machine listens, on whatever network it is.
pub(super) fn listen(text: &str) -> Result<SocketAddr, String> {
    let address = with_port(text)?;
    if address.port() == 0 {
        return Err("whoever sends something there has to know the port, so it cannot be 0".to_owned());
    }
    Ok(address)
}

/// Reads an address with a port. `localhost` is the loopback of version 4.
fn with_port(text: &str) -> Result<SocketAddr, String> {
    let address = match text.strip_prefix("localhost:") {
        Some(port) => port.parse().ok().map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
        None => text.parse::<SocketAddr>().ok(),
    };
    address.ok_or_else(|| "it is no address with a port".to_owned())
}

/// An address at which the page listens: on this machine alone.
pub(super) fn bind(text: &str) -> Result<SocketAddr, String> {
    let address = with_port(text)?;
    // Whoever reaches the page may run jobs, and this version knows no password.
    if !address.ip().is_loopback() {
        let tunnel = "ssh -L 7733:127.0.0.1:7733 <host>";
        return Err(format!(
            "listening beyond this machine is not in this version; from another one, open a tunnel to the same port with \
             `{tunnel}` and then the link of the terminal"
        ));
    }
    Ok(address)
}

fn check_worker_kind(kind: &str) -> Result<(), String> {
    match kind {
        "command" => Ok(()),
        "agent" => Err("agent workers are not in this version".to_owned()),
        other => Err(match nearest(other, ["command"]) {
            Some(word) => format!("there is no such kind; did you mean `{word}`?"),
            None => "there is no such kind".to_owned(),
        }),
    }
}

fn check_pattern(pattern: &str) -> Result<(), String> {
    at_most(pattern, 1_000)?;
    // Bounded, because a nested repetition such as (a{1000}){1000} would take all memory.
    let built = regex::RegexBuilder::new(pattern).size_limit(1 << 20).build();
    built.map(drop).map_err(|error| {
        let text = error.to_string();
        let last = text.lines().last().unwrap_or_default().trim();
        format!("it is no regular expression: {}", last.trim_start_matches("error: "))
    })
}

fn check_file_name(name: &str) -> Result<(), String> {
    let mut parts = Path::new(name).components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(only)), None) if only == name => at_most(name, 255),
        _ => Err("it may not name a folder".to_owned()),
    }
}

/// Whether a word may name a worker kind or an argument.
pub(crate) fn is_name(word: &str) -> bool {
    (1..=32).contains(&word.len())
        && word.starts_with(|first: char| first.is_ascii_lowercase())
        && word.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
}

/// Whether a word may name an environment variable.
pub(super) fn is_env_name(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Reads a duration: numbers with a unit of `ms`, `s`, `m`, `h` or `d`, one after the other.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut total = Duration::ZERO;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit())?;
        let count: u64 = rest.get(..digits)?.parse().ok()?;
        let after = rest.get(digits..)?;
        let letters = after.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(after.len());
        let millis = match after.get(..letters)? {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        total = total.checked_add(Duration::from_millis(count.checked_mul(millis)?))?;
        rest = after.get(letters..)?.trim_start();
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_numbers_with_units() {
        let table = [
            ("90s", Some(90_000)),
            ("1h 30m", Some(5_400_000)),
            ("1h30m", Some(5_400_000)),
            ("100ms", Some(100)),
            ("30d", Some(2_592_000_000)),
            ("0s", Some(0)),
            ("", None),
            ("90", None),
            ("s", None),
            ("-5s", None),
            ("1.5h", None),
            ("5 s", None),
            ("5 weeks", None),
            ("99999999999999999999d", None),
            ("18446744073709551615d", None),
        ];
        for (text, millis) in table {
            assert_eq!(duration(text), millis.map(Duration::from_millis), "{text:?}");
        }
    }

    #[test]
    fn texts_of_every_form_are_told_from_others() {
        let table = [
            (Text::Store, "sqlite:wilco.db", "sqlite:"),
            (Text::Store, "sqlite:///var/lib/wilco.db", "postgres://a/b"),
            (Text::Path, "a b", " "),
            (Text::Bind, "127.0.0.1:0", "127.0.0.1"),
            (Text::Bind, "[::1]:80", "0.0.0.0:80"),
            (Text::Bind, "localhost:7733", "localhost:x"),
            (Text::Filter, "info,wilco=debug", "wilco=loud"),
            (Text::Id, "C042", "\u{7}"),
            (Text::WorkerKind, "command", "agent"),
            (Text::Argument, "", "a\0b"),
            (Text::ArgName, "branch-2", "2branch"),
            (Text::Pattern, "[a-z]+", "["),
            (Text::Pattern, "a{3}", "(((a{1000}){1000}){1000})"),
            (Text::EnvName, "LC_ALL", "A=B"),
            (Text::FileName, "report.md", "../report.md"),
            (Text::FileName, "a", "a/"),
            (Text::FileName, "..a", ".."),
            (Text::Line, "a report", ""),
            (Text::Zone, "Europe/Berlin", "Europe/Berln"),
            (Text::Zone, "utc", "+02:00"),
            (Text::Token, "abc.def-g_h", "Bot abc.def"),
            (Text::Token, "x", "a b"),
            (Text::SlackBot, "xoxb-1-2-a", "xapp-1-A2-3-b"),
            (Text::SlackBot, "xoxb-1", "xoxp-1-2-a"),
            (Text::SlackApp, "xapp-1-A2-3-b", "xoxb-1-2-a"),
            (Text::SlackApp, "xapp-1", "xapp-1 "),
            (Text::Snowflake, "80351110224678912", "0"),
            (Text::Snowflake, "1", "+1"),
            (Text::Snowflake, "18446744073709551615", "18446744073709551616"),
            (Text::Url, "https://discord.com/api/v10", "discord.com/api"),
            (Text::Url, "http://127.0.0.1:8080", "http://"),
            (Text::Url, "http://proxy/api/", "https://ana:secret@proxy/api"),
            (Text::Url, "http://[::1]:80/v10", "http://proxy/api?x=1"),
        ];
        for (form, good, bad) in table {
            assert_eq!(form.check(good), Ok(()), "{form:?} {good:?}");
            assert!(form.check(bad).is_err(), "{form:?} {bad:?}");
        }
    }
}
