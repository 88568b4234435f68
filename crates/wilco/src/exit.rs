//! How the process ends: one code for each kind of end, so that a service manager can tell them apart.

use std::process::ExitCode;

use crate::config::Problems;

/// The exit codes; 69, 75 and 78 are those of `sysexits.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Exit {
    /// Everything is fine.
    Fine = 0,
    /// It failed while running, or the check found something.
    Failed = 1,
    /// The command line cannot be understood, or the check itself could not run.
    Usage = 2,
    /// Something that wilco needs is not there, such as the store. Starting again later may help.
    Unavailable = 69,
    /// Another instance holds the store. Starting again helps when that one has ended.
    Held = 75,
    /// The configuration is wrong. Starting again does not help before a person has changed it.
    Config = 78,
}

impl Exit {
    /// Every code, in order.
    pub const ALL: [Self; 6] = [Self::Fine, Self::Failed, Self::Usage, Self::Unavailable, Self::Held, Self::Config];

    /// The number that the shell sees.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The word for the code in errors as JSON, where nothing closer is known.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::Unavailable => "unavailable",
            Self::Held => "held",
            Self::Config => "config",
        }
    }

    /// The code for an error: that of the first [`Ended`], of refused configuration, or of a command line that
    /// was not understood, wherever it is in the chain; otherwise [`Exit::Failed`].
    pub fn of(error: &anyhow::Error) -> Self {
        let known = error.chain().find_map(|cause| {
            let ended = cause.downcast_ref::<Ended>().map(|ended| ended.exit);
            let config = || cause.downcast_ref::<Problems>().map(|_| Self::Config);
            // Help and version end like this, too; they are no mistake.
            let usage = || {
                cause.downcast_ref::<clap::Error>().map(|error| match error.use_stderr() {
                    true => Self::Usage,
                    false => Self::Fine,
                })
            };
            ended.or_else(config).or_else(usage)
        });
        known.unwrap_or(Self::Failed)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// An error that knows how the process ends. Its text is a sentence for the person at the terminal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}")]
pub struct Ended {
    /// The code.
    pub exit: Exit,
    /// What happened and what to do.
    pub sentence: String,
    /// The word for programs, as the API has it where it has one; see [`Ended::word`].
    code: &'static str,
}

impl Ended {
    /// An end of a certain kind.
    pub fn new(exit: Exit, sentence: impl Into<String>) -> Self {
        Self { exit, sentence: sentence.into(), code: exit.name() }
    }

    /// The same end under a closer word than that of its exit code.
    #[must_use]
    pub fn coded(self, code: &'static str) -> Self {
        Self { code, ..self }
    }

    /// The word for an error in JSON: that of the first [`Ended`] in the chain, otherwise that of the exit code.
    pub fn word(error: &anyhow::Error) -> &'static str {
        let known = error.chain().find_map(|cause| cause.downcast_ref::<Self>());
        known.map_or_else(|| Exit::of(error).name(), |ended| ended.code)
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;
    use crate::config::{Origin, Problem};

    #[test]
    fn the_codes_are_those_that_are_documented() {
        assert_eq!(Exit::ALL.map(Exit::code), [0, 1, 2, 69, 75, 78]);
    }

    #[test]
    fn an_error_keeps_its_code_below_any_context() {
        let config = anyhow::Error::from(Problems::from(Problem::new(Origin::Default, "a", "b")));
        assert_eq!(Exit::of(&config.context("while starting")), Exit::Config);
        let held = Err::<(), _>(Ended::new(Exit::Held, "another instance holds the store"));
        assert_eq!(Exit::of(&held.context("opening").unwrap_err()), Exit::Held);
        assert_eq!(Exit::of(&anyhow::anyhow!("anything else")), Exit::Failed);
        assert_eq!(Ended::word(&anyhow::anyhow!("anything else")), "failed");
        let closer = Err::<(), _>(Ended::new(Exit::Failed, "there is no job").coded("not_found"));
        assert_eq!(Ended::word(&closer.context("looking").unwrap_err()), "not_found");
        let usage = crate::cli::Cli::read(["wilco", "--nonsense"]).unwrap_err();
        assert_eq!(Exit::of(&usage.into()), Exit::Usage);
        let version = crate::cli::Cli::read(["wilco", "--version"]).unwrap_err();
        assert_eq!(Exit::of(&version.into()), Exit::Fine);
    }
}
