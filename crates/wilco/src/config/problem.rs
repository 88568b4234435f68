//! What is wrong with a configuration, and where it says so.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use crate::logs::redact;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The compiled-in defaults.
    Default,
    /// A place in a file.
    File {
        /// The file as it was named.
        path: Arc<Path>,
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
    },
    /// An environment variable.
    Env(String),
    /// An option of the command line.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
            Self::Env(name) => write!(f, "environment {name}"),
            Self::Flag(name) => f.write_str(name),
        }
    }
}

impl Serialize for Origin {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One thing that is wrong, or that deserves a warning. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Where it stands.
    pub at: Origin,
    /// The key with its sections, such as `web.bind`; empty when it is about the file as a whole.
    pub key: String,
    /// What is wrong, in words.
    pub what: String,
    /// What is allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed: Option<String>,
    /// What holds when the key is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// What was perhaps meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<String>,
}

impl Problem {
    /// A problem of words alone.
    pub fn new(at: Origin, key: impl Into<String>, what: impl Into<String>) -> Self {
        Self { at, key: key.into(), what: what.into(), allowed: None, default: None, nearest: None }
    }

    /// Adds what was perhaps meant.
    #[must_use]
    pub fn nearest(mut self, word: Option<&str>) -> Self {
        self.nearest = word.map(str::to_owned);
        self
    }
}

/// What is wrong, what is allowed, what holds otherwise, and what was perhaps meant.
struct Sentence<'a>(&'a Problem);

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.at)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "{}", Sentence(self))
    }
}

impl fmt::Display for Sentence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Problem { what, allowed, default, nearest, .. } = self.0;
        f.write_str(what)?;
        if let Some(allowed) = allowed {
            write!(f, "; allowed: {allowed}")?;
        }
        if let Some(default) = default {
            write!(f, "; default: {default}")?;
        }
        if let Some(nearest) = nearest {
            write!(f, "; did you mean `{nearest}`?")?;
        }
        Ok(())
    }
}

/// Everything that is wrong, in the order of the layers and lines. Nothing of such a configuration is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        let things = if count == 1 { "1 problem" } else { &format!("{count} problems") };
        write!(f, "the configuration has {things} and is not used")?;
        for problem in &self.0 {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}

impl Problems {
    /// As it is displayed, with everything masked that looks like a secret. Each part for itself: a key such as
    /// `slack.bot_token` before what is wrong with it looks like a token before its name.
    pub(crate) fn masked(&self) -> String {
        let mut text = self.to_string().lines().next().unwrap_or_default().to_owned();
        for problem in &self.0 {
            let (key, sentence) = (redact(&problem.key), Sentence(problem).to_string());
            let colon = if key.is_empty() { "" } else { ": " };
            text.push_str(&format!("\n  {}: {key}{colon}{}", problem.at, redact(&sentence)));
        }
        text
    }
}

impl std::error::Error for Problems {}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}
