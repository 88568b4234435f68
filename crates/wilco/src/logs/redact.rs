//! Masks what looks like a secret. One table of shapes, each with an example that a test goes through.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Captures, Regex};

/// What stands in place of a secret.
const MASK: &str = "[secret]";

/// One kind of secret. What the first group matches stays; everything else that is matched is masked.
struct Shape {
    /// A piece of text, in lower case, without which the shape cannot be there. Most lines hold none.
    hint: &'static str,
    pattern: &'static str,
}

/// Where a word begins. A colour code ends in a letter, so that no word boundary is behind it: `\x1b[0mxoxb-...`.
macro_rules! word {
    ($rest:literal) => {
        concat!(r"((?:\x1b\[[0-9;]*m|\b))", $rest)
    };
}

/// A value behind its name. Between them may be colours, quotes, `=` or `:`, and the word for a kind of header. What
/// is masked already counts as a value, so that masking twice changes nothing.
macro_rules! named {
    ($names:literal) => {
        concat!(
            r"(?i)((?:\x1b\[[0-9;]*m|\b|_)(?:",
            $names,
            r#")(?:\x1b\[[0-9;]*m|\\?["'])*\s*[=:](?:\x1b\[[0-9;]*m|\\?["'\s])*"#,
            r"(?:(?:basic|bearer|bot)\s+)?)",
            r#"(?:\[secret\]|[^\s"'&,;)}\\\x1b\[\]]+)"#
        )
    };
}

const SHAPES: &[Shape] = &[
    // Slack: bot, app, user and refresh tokens.
    Shape { hint: "xox", pattern: word!(r"xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{6,}") },
    Shape { hint: "xapp-", pattern: word!(r"xapp-[A-Za-z0-9-]{6,}") },
    // Telegram: the bot's id, a colon, 35 letters; also glued to `bot` in an address.
    Shape { hint: ":", pattern: r"()\d{6,}:[A-Za-z0-9_-]{35,}" },
    // Discord, and signed web tokens: three parts with dots.
    Shape { hint: ".", pattern: word!(r"[A-Za-z0-9_-]{18,}\.[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{27,}") },
    // Addresses that are passwords: Discord webhooks and interactions, Slack response addresses, our login link.
    Shape { hint: "/webhooks/", pattern: r"(/webhooks/\d+/)[A-Za-z0-9_.-]+" },
    Shape { hint: "/interactions/", pattern: r"(/interactions/\d+/)[A-Za-z0-9_.-]+" },
    // Slack writes its JSON with a backslash before each slash, of which a log in JSON makes two.
    Shape { hint: "hooks.slack", pattern: r"(hooks\.slack(?:-gov)?\.com\\*/)(?:[A-Za-z0-9_/.-]|\\+/)+" },
    // The addresses to which files are sent.
    Shape { hint: "/v1", pattern: r"(\bslack(?:-gov)?\.com\\*/upload\\*/v1\\*/)(?:[A-Za-z0-9_/.-]|\\+/)+" },
    Shape { hint: "/login/", pattern: r"(/login/)[A-Za-z0-9_-]{8,}" },
    // Headers and query parameters, also as fields of a log line.
    Shape { hint: "bearer", pattern: r"(?i)((?:\x1b\[[0-9;]*m|\b)bearer\s+)[A-Za-z0-9._~+/=-]{6,}" },
    Shape { hint: "ticket", pattern: named!("ticket") },
    Shape { hint: "token", pattern: named!("token|[a-z_-]*[_-]token") },
    Shape { hint: "secret", pattern: named!("secret|[a-z_-]*[_-]secret") },
    Shape { hint: "passw", pattern: named!("password|passwd") },
    Shape { hint: "key", pattern: named!("api[_-]?key") },
    Shape { hint: "authorization", pattern: named!("authorization") },
    Shape { hint: "cookie", pattern: named!(r#"(?:set-)?cookie["']*\s*[=:][\s"']*[a-z0-9_-]+"#) },
    Shape { hint: "csrf", pattern: named!("x-csrf-token|csrf") },
    // Keys of model services.
    Shape { hint: "sk-", pattern: word!(r"sk-[A-Za-z0-9_-]{16,}") },
];

static COMPILED: LazyLock<Vec<(&'static str, Regex)>> = LazyLock::new(|| {
    // Every pattern is a constant, and a test goes through all of them.
    SHAPES.iter().filter_map(|shape| Some((shape.hint, Regex::new(shape.pattern).ok()?))).collect()
});

static URL_PASSWORD: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(://[^/\s:@]*:)[^/\s@]+@").ok());

/// The text with everything that looks like a secret masked; borrowed when there is nothing.
pub fn redact(text: &str) -> Cow<'_, str> {
    let mut out = Cow::Borrowed(text);
    let lower = text.to_ascii_lowercase();
    for (_, regex) in COMPILED.iter().filter(|(hint, _)| lower.contains(hint)) {
        if let Cow::Owned(masked) = regex.replace_all(&out, |found: &Captures<'_>| format!("{}{MASK}", &found[1])) {
            out = Cow::Owned(masked);
        }
    }
    match out {
        Cow::Borrowed(text) => mask_url(text),
        Cow::Owned(text) => Cow::Owned(mask_url(&text).into_owned()),
    }
}

/// The text with the passwords of addresses masked.
pub fn mask_url(text: &str) -> Cow<'_, str> {
    match URL_PASSWORD.as_ref() {
        Some(regex) if text.contains("://") => {
            regex.replace_all(text, |found: &Captures<'_>| format!("{}{MASK}@", &found[1]))
        }
        Some(_) | None => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_compiles() {
        assert_eq!(COMPILED.len(), SHAPES.len());
        assert!(URL_PASSWORD.is_some());
    }

    #[test]
    fn secrets_are_masked_and_what_is_round_them_stays() {
        let table = [
            ("a xoxb-123456789012-abcDEF b", "a [secret] b"),
            ("xoxe.xoxp-1-Mi0yLTEyMzQ1", "[secret]"),
            ("xapp-1-A0123-456-abcdef", "[secret]"),
            (
                "https://api.telegram.org/bot123456789:AAEhBOweik6ad9r_QXMENQjcrGbqCr4K-bc/getMe",
                "https://api.telegram.org/bot[secret]/getMe",
            ),
            ("MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs-abc", "[secret]"),
            ("wss://x.slack.com/link/?ticket=1234-abc&app_id=5", "wss://x.slack.com/link/?ticket=[secret]&app_id=5"),
            (
                "POST /api/webhooks/123456/aW50ZXJhY3Rpb24_x.y-z?wait=true",
                "POST /api/webhooks/123456/[secret]?wait=true",
            ),
            ("/interactions/12/aW50ZXJh/callback", "/interactions/12/[secret]/callback"),
            ("https://hooks.slack.com/services/T0/B0/XX done", "https://hooks.slack.com/[secret] done"),
            (
                "response_url: \"https://hooks.slack.com/commands/T0/1/aB-c_9\"",
                "response_url: \"https://hooks.slack.com/[secret]\"",
            ),
            (
                r#"{"response_url":"https:\/\/hooks.slack.com\/commands\/T0\/12\/aB"}"#,
                r#"{"response_url":"https:\/\/hooks.slack.com\/[secret]"}"#,
            ),
            (
                r#"{"seen":"{\"response_url\":\"https:\\/\\/hooks.slack.com\\/actions\\/T0\"}"}"#,
                r#"{"seen":"{\"response_url\":\"https:\\/\\/hooks.slack.com\\/[secret]\"}"}"#,
            ),
            ("POST https://files.slack.com/upload/v1/ABC_d-1", "POST https://files.slack.com/upload/v1/[secret]"),
            ("see https://hooks.slack.com/actions/T0/1/xx?a=1", "see https://hooks.slack.com/[secret]?a=1"),
            ("by xoxp-1-2-3-abcdef now", "by [secret] now"),
            (
                "url=wss://wss-primary.slack.com/link/?app_id=2&ticket=abc-def",
                "url=wss://wss-primary.slack.com/link/?app_id=2&ticket=[secret]",
            ),
            ("http://127.0.0.1:7733/login/9c41deadbeef00112233445566778899", "http://127.0.0.1:7733/login/[secret]"),
            ("Authorization: Bearer abc.def-123", "Authorization: Bearer [secret]"),
            ("authorization: \"Bot abcdefgh\"", "authorization: \"Bot [secret]\""),
            ("{\"token\":\"hunter2\",\"a\":1}", "{\"token\":\"[secret]\",\"a\":1}"),
            (r#"Some("{\"bot_token\":\"hunter2\"}")"#, r#"Some("{\"bot_token\":\"[secret]\"}")"#),
            ("password=hunter2, next", "password=[secret], next"),
            (
                "\u{1b}[3mticket\u{1b}[0m\u{1b}[2m=\u{1b}[0m\"hunter2\" x",
                "\u{1b}[3mticket\u{1b}[0m\u{1b}[2m=\u{1b}[0m\"[secret]\" x",
            ),
            ("\u{1b}[0mxoxb-123456789012-a", "\u{1b}[0m[secret]"),
            ("\u{1b}[0mMTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs-abc", "\u{1b}[0m[secret]"),
            ("\u{1b}[0m1234567:AAEhBOweik6ad9r_QXMENQjcrGbqCr4K-bc", "\u{1b}[0m[secret]"),
            ("cookie: wilco=abcdef; theme=dark", "cookie: wilco=[secret]; theme=dark"),
            ("postgres://bot:hunter2@db/wilco", "postgres://bot:[secret]@db/wilco"),
            ("key sk-ant-0123456789abcdef0 end", "key [secret] end"),
        ];
        for (text, expected) in table {
            assert_eq!(redact(text), expected);
            assert_eq!(redact(expected).matches(MASK).count(), 1, "masking twice changes nothing: {expected}");
        }
    }

    #[test]
    fn what_is_no_secret_stays_as_it_is() {
        for text in [
            "worker k7f2 took 4m 12s: done",
            "2026-01-02T03:04:05.678901Z  INFO wilco::config: read again",
            "0193a1b2c3d47e8f9a0b1c2d3e4f5061",
            "GET /login 302 and /webhooks/12",
            "docs.rs/tracing-subscriber/0.3.19/tracing_subscriber",
            "fd00::1:7733, 127.0.0.1:7733",
            "tokens 12, keyboard: us, ticketing",
            "sqlite:wilco.db and http://127.0.0.1:7733/",
        ] {
            assert!(matches!(redact(text), Cow::Borrowed(same) if same == text), "{text}: {}", redact(text));
        }
    }
}
