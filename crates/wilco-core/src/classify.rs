//! What a failed agent job means: one of two places in wilco where words are read to learn a state.
//!
//! A backend's program says in words that its session has ended. Here, and nowhere else, such words
//! are read; a rule names the form of the line in which the backend itself reports a status, and what
//! has to stand in that line or in the two below it. Both are needed, because an agent's output is
//! full of other services' errors (requirement H3) and of people's own sentences (H4).
//!
//! What goes by by itself, such as a usage limit that resets at three o'clock, is an ordinary failure:
//! nobody has to act.

use serde::{Deserialize, Serialize};

use crate::gate::GateReason;
use crate::ids::BackendId;
use crate::job::Failure;
use crate::outcome::Cause;
use crate::text;

mod rules;
#[cfg(test)]
mod tests;

use rules::{Rule, TABLE};

/// How much of a text is read, in bytes, from its end: a program that gives up says so last.
const TAIL: usize = 8 * 1_024;
/// How many of the last lines of an output are read.
const LINES: usize = 20;
/// How many lines below a status line belong to it: a body may be printed under it.
const BELOW: usize = 2;

/// Whose words a backend speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// Anthropic: Claude Code and the Messages API.
    Claude,
    /// OpenAI: Codex and the Responses API.
    Codex,
    /// Any service whose answers a worker gives with the HTTP status as the code of its
    /// [`Cause`]. Its output is never read.
    Http,
}

impl Service {
    /// Every service, for tables and tests.
    pub const ALL: [Self; 3] = [Self::Claude, Self::Codex, Self::Http];

    /// The name in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Claude => "claude",
            Self::Codex => "codex",
            Self::Http => "http",
        }
    }

    /// The service of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.name() == name)
    }
}

/// The account of a service that a job depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    /// Which account; gates are kept under it.
    pub id: BackendId,
    /// Whose words it speaks.
    pub service: Service,
}

/// What a failure of a job means.
///
/// `raw_error` is what the job gave as its error, `output` what it had said up to then. The error is
/// looked at first and the output second; either alone suffices (requirement H2). Without a backend
/// nothing ever matches (H5). What no rule knows is [`Failure::Retryable`] with the error as it came.
pub fn classify(backend: Option<&Backend>, raw_error: &Cause, output: &str) -> Failure {
    let found = backend.and_then(|backend| {
        in_error(backend.service, raw_error).or_else(|| in_text(backend.service, &lines(output), false))
    });
    match found {
        Some(GateReason::SessionExpired) => Failure::SessionExpired,
        Some(GateReason::NeedsCredit) => Failure::NeedsCredit,
        Some(GateReason::NeedsKey) => Failure::NeedsKey,
        None => Failure::Retryable(raw_error.clone()),
    }
}

/// As [`classify`], for a failure that a job has already put a name to: what it knows better is kept.
pub fn judge(backend: Option<&Backend>, failure: Failure, output: &str) -> Failure {
    match failure {
        Failure::Retryable(cause) => classify(backend, &cause, output),
        Failure::Permanent(cause) => match classify(backend, &cause, output) {
            Failure::Retryable(cause) => Failure::Permanent(cause),
            known @ (Failure::SessionExpired | Failure::NeedsCredit | Failure::NeedsKey | Failure::Permanent(_)) => {
                known
            }
        },
        known @ (Failure::SessionExpired | Failure::NeedsCredit | Failure::NeedsKey) => known,
    }
}

fn in_error(service: Service, cause: &Cause) -> Option<GateReason> {
    if service == Service::Http {
        return match cause.code.trim() {
            "401" => Some(GateReason::SessionExpired),
            "402" => Some(GateReason::NeedsCredit),
            _ => None,
        };
    }
    // A worker may give the status as the code and the body as the words: that is one line of both.
    let is_status = cause.code.len() == 3 && cause.code.bytes().all(|byte| byte.is_ascii_digit());
    let status = if is_status { format!("{} {}", cause.code, cause.text) } else { String::new() };
    in_text(service, &lines(&status), true).or_else(|| in_text(service, &lines(&cause.text), true))
}

/// Looks for the first rule that fits. `error` says that the text is the job's own error, in which a
/// bare status is the backend's; in an output it could be anybody's.
fn in_text(service: Service, lines: &[String], error: bool) -> Option<GateReason> {
    let fits = |rule: &&Rule| {
        (0..lines.len()).any(|at| {
            let Some(line) = lines.get(at) else { return false };
            let said_here = |phrase: &&str| lines.iter().skip(at).take(BELOW + 1).any(|line| has_words(line, phrase));
            let leads = rule.leads.iter().any(|lead| begins(line, lead));
            let bare = error && rule.bare.iter().any(|lead| begins(line, lead));
            (leads || bare) && (rule.says.is_empty() || rule.says.iter().any(said_here))
        })
    };
    TABLE.iter().filter(|rule| rule.service == service).find(fits).map(|rule| rule.reason)
}

/// The last lines of a text in which something stands, as words: small letters, and one space for
/// everything that is no letter, digit or `_`. So the quotes, colons and indents in which a body is
/// printed make no difference.
fn lines(raw: &str) -> Vec<String> {
    let mut from = raw.len().saturating_sub(TAIL);
    while !raw.is_char_boundary(from) {
        from += 1;
    }
    let clean = text::sanitise(raw.get(from..).unwrap_or_default());
    let mut last: Vec<String> = clean.lines().rev().map(words).filter(|line| !line.is_empty()).take(LINES).collect();
    last.reverse();
    last
}

fn words(line: &str) -> String {
    let mut words = String::with_capacity(line.len());
    for letter in line.chars() {
        if letter.is_alphanumeric() || letter == '_' {
            words.extend(letter.to_lowercase());
        } else if !words.is_empty() && !words.ends_with(' ') {
            words.push(' ');
        }
    }
    words.truncate(words.trim_end().len());
    words
}

/// Whether a line of words begins with a phrase, the last word of it whole.
fn begins(line: &str, phrase: &str) -> bool {
    line.strip_prefix(phrase).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

/// Whether a phrase stands in a line of words, its first and last word whole.
fn has_words(line: &str, phrase: &str) -> bool {
    line.match_indices(phrase).any(|(at, _)| {
        (at == 0 || line.get(..at).is_some_and(|before| before.ends_with(' ')))
            && line.get(at..).is_some_and(|rest| begins(rest, phrase))
    })
}
