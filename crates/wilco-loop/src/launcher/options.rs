//! The launcher's own command line. Only wilco writes it, but it is read as if anybody had.

use std::ffi::{OsStr, OsString};

use serde::{Deserialize, Serialize};

/// Limits that the system enforces on every process of a command. Core dumps are always off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rlimits {
    /// The largest file that may be written, in bytes; none leaves the system's limit.
    pub file_size: Option<u64>,
    /// How many files one process may hold open; none leaves the system's limit.
    pub open_files: Option<u64>,
}

impl Rlimits {
    /// What holds for a command for which nothing else is configured: files of 1 GiB, 1,024 of them open.
    pub const USUAL: Self = Self { file_size: Some(1 << 30), open_files: Some(1_024) };
}

/// What a launcher is told at its start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether the command's standard input is a pipe that carries [`Input`](super::Order::Input);
    /// otherwise it is empty.
    pub input: bool,
    /// The limits.
    pub limits: Rlimits,
    /// The program and its arguments.
    pub argv: Vec<OsString>,
}

impl Options {
    /// The command line after the executable, the hidden verb first.
    pub fn to_args(&self) -> Vec<OsString> {
        let mut args: Vec<OsString> = vec![super::VERB.into()];
        if self.input {
            args.push("--input".into());
        }
        if let Some(bytes) = self.limits.file_size {
            args.push(format!("--file-size={bytes}").into());
        }
        if let Some(files) = self.limits.open_files {
            args.push(format!("--open-files={files}").into());
        }
        args.push("--".into());
        args.extend(self.argv.iter().cloned());
        args
    }

    /// Reads what [`Options::to_args`] wrote, without the verb.
    ///
    /// # Errors
    ///
    /// A sentence that names the option that was not understood, or that no program was given.
    pub fn parse(args: &[OsString]) -> Result<Self, String> {
        let mut options = Self { input: false, limits: Rlimits::default(), argv: Vec::new() };
        let end = args.iter().position(|arg| arg == OsStr::new("--")).ok_or("the launcher was given no program")?;
        let (own, argv) = args.split_at(end);
        for arg in own {
            let text = arg.to_str().unwrap_or_default();
            match text.split_once('=') {
                None if text == "--input" => options.input = true,
                Some(("--file-size", bytes)) => options.limits.file_size = Some(number(text, bytes)?),
                Some(("--open-files", files)) => options.limits.open_files = Some(number(text, files)?),
                Some(_) | None => return Err(format!("the launcher does not know the option {arg:?}")),
            }
        }
        options.argv = argv.iter().skip(1).cloned().collect();
        if options.argv.is_empty() {
            return Err("the launcher was given no program".to_owned());
        }
        Ok(options)
    }
}

fn number(option: &str, digits: &str) -> Result<u64, String> {
    digits.parse().map_err(|_| format!("the launcher cannot read the number in {option:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_and_the_program_keeps_its_own_options() {
        let options = Options {
            input: true,
            limits: Rlimits { file_size: Some(7), open_files: Some(64) },
            argv: ["sh", "-c", "x", "--", "--input"].map(OsString::from).to_vec(),
        };
        let args = options.to_args();
        assert_eq!(args[0], OsString::from(super::super::VERB));
        assert_eq!(Options::parse(&args[1..]).unwrap(), options);
    }

    #[test]
    fn nonsense_is_refused() {
        for args in [&["--"][..], &[], &["--input"], &["--what", "--", "sh"], &["--open-files=many", "--", "sh"]] {
            let args: Vec<OsString> = args.iter().map(OsString::from).collect();
            assert!(Options::parse(&args).is_err(), "{args:?}");
        }
    }
}
