//! What is configured for a command worker, and which configurations make no sense.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::arguments::Arguments;
use crate::launcher::Rlimits;

/// How long one argument may be when nothing else is configured, in characters.
const MAX_CHARS: usize = 200;
/// The largest length that may be configured.
const MAX_CHARS_LIMIT: usize = 4_000;

/// One argument that a person gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArgSpec {
    /// What people read.
    pub name: String,
    /// A regular expression that the whole value has to match; none allows any text.
    #[serde(default)]
    pub pattern: Option<String>,
    /// The longest value, in characters: 1 to 4,000.
    #[serde(default = "max_chars")]
    pub max_chars: usize,
    /// Whether it may be left out. Only optional ones may follow.
    #[serde(default)]
    pub optional: bool,
    /// Whether it takes all that follow, each checked on its own. Only the last one may.
    #[serde(default)]
    pub rest: bool,
}

fn max_chars() -> usize {
    MAX_CHARS
}

impl ArgSpec {
    /// A required argument of any text of at most 200 characters.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), pattern: None, max_chars: MAX_CHARS, optional: false, rest: false }
    }

    /// How it stands in a usage line: `<region>`, `[month]`, `<file>...`.
    pub fn usage(&self) -> String {
        let (open, close) = if self.optional { ('[', ']') } else { ('<', '>') };
        format!("{open}{}{close}{}", self.name, if self.rest { "..." } else { "" })
    }
}

/// A configured program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandSpec {
    /// The worker kind's name.
    pub name: String,
    /// The program and its fixed arguments. A program with a slash is taken from where wilco was
    /// started, one without from `PATH`.
    pub argv: Vec<String>,
    /// What a person may add.
    pub args: Vec<ArgSpec>,
    /// Environment variables that are passed on besides [`ENV_DEFAULT`](super::ENV_DEFAULT).
    pub env_allow: Vec<String>,
    /// Environment variables that are set; these win.
    pub env_set: BTreeMap<String, String>,
    /// Where the command starts; by default the job's own, empty folder.
    pub cwd: Option<PathBuf>,
    /// What stands between the fixed arguments and a person's, so that no value can be an option.
    /// Without one, values that begin with `-` are refused.
    pub separator: Option<String>,
    /// The file whose content is the result: looked for in `$WILCO_OUT`, then in the job's own
    /// folder. Without one the end of stdout is the result.
    pub result_file: Option<String>,
    /// One line for `/help`.
    pub about: String,
    /// Whether the command may ask questions. If not, its stdin is empty, which suits programs that
    /// read it to its end, such as `cat`.
    pub asks: bool,
    /// Whether lines on stderr are shown as progress, too, as suits programs that talk there.
    pub stderr_progress: bool,
    /// Limits on its processes; [`Rlimits::USUAL`] unless configured.
    pub limits: Rlimits,
}

impl CommandSpec {
    /// A program with every other setting at its default.
    pub fn new(name: impl Into<String>, argv: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            name: name.into(),
            argv: argv.into_iter().map(Into::into).collect(),
            args: Vec::new(),
            env_allow: Vec::new(),
            env_set: BTreeMap::new(),
            cwd: None,
            separator: Some("--".to_owned()),
            result_file: None,
            about: String::new(),
            asks: true,
            stderr_progress: false,
            limits: Rlimits::USUAL,
        }
    }

    /// Whether a worker can be made of it.
    ///
    /// # Errors
    ///
    /// A sentence that names the worker, the setting and what is wrong with it.
    pub fn validate(&self) -> Result<(), String> {
        self.problem().map_or(Ok(()), |problem| Err(format!("worker `{}`: {problem}", self.name)))?;
        Arguments::new(self).map(|_| ())
    }

    fn problem(&self) -> Option<String> {
        if self.argv.first().is_none_or(|program| program.trim().is_empty()) {
            return Some("`command` needs a program, such as command = [\"./report.sh\"]".to_owned());
        }
        let texts = self.argv.iter().chain(&self.separator).chain(self.env_set.values());
        if texts.into_iter().any(|text| text.contains('\0')) {
            return Some("a NUL character cannot be passed to a program".to_owned());
        }
        if self.separator.as_deref() == Some("") {
            return Some("`separator` is empty; leave it out for `--`, or switch it off".to_owned());
        }
        if let Some(name) = self.env_allow.iter().chain(self.env_set.keys()).find(|name| !settable(name)) {
            return Some(format!(
                "`{name}` is no environment variable that can be set; WILCO_JOB and WILCO_OUT are wilco's own"
            ));
        }
        if let Some(file) = self.result_file.as_deref().filter(|file| !inside(file)) {
            return Some(format!(
                "`result_file` is {file:?}; it has to be a path inside the job's folder, such as \"report.md\""
            ));
        }
        self.args_problem()
    }

    fn args_problem(&self) -> Option<String> {
        let mut seen = BTreeSet::new();
        let mut optional: Option<&str> = None;
        for (at, arg) in self.args.iter().enumerate() {
            let name = &arg.name;
            if name.trim().is_empty() {
                return Some(format!("argument {} has no name", at + 1));
            }
            if !seen.insert(name) {
                return Some(format!("two arguments are named `{name}`"));
            }
            if !(1..=MAX_CHARS_LIMIT).contains(&arg.max_chars) {
                return Some(format!(
                    "`max_chars` of `{name}` is {}; it has to be 1 to {MAX_CHARS_LIMIT} (default {MAX_CHARS})",
                    arg.max_chars
                ));
            }
            if arg.rest && at + 1 < self.args.len() {
                return Some(format!("`{name}` takes all that follow (`rest`), so it has to be the last argument"));
            }
            match optional {
                Some(earlier) if !arg.optional => {
                    return Some(format!("`{name}` is required but stands after the optional `{earlier}`"));
                }
                Some(_) => {}
                None => optional = arg.optional.then_some(name),
            }
        }
        None
    }
}

fn settable(name: &str) -> bool {
    !name.is_empty() && !name.contains(['=', '\0']) && !matches!(name, "WILCO_JOB" | "WILCO_OUT")
}

fn inside(file: &str) -> bool {
    let mut parts = Path::new(file).components().peekable();
    parts.peek().is_some() && !file.contains('\0') && parts.all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arg(name: &str, change: impl FnOnce(&mut ArgSpec)) -> ArgSpec {
        let mut arg = ArgSpec::new(name);
        change(&mut arg);
        arg
    }

    #[test]
    fn every_configuration_that_makes_no_sense_is_named() {
        type Spoil = fn(&mut CommandSpec);
        let table: [(&str, Spoil); 14] = [
            ("needs a program", |spec| spec.argv.clear()),
            ("needs a program", |spec| spec.argv[0] = " ".into()),
            ("NUL", |spec| spec.argv.push("a\0b".into())),
            ("`separator` is empty", |spec| spec.separator = Some(String::new())),
            ("`A=B` is no environment variable", |spec| spec.env_allow.push("A=B".into())),
            ("`WILCO_OUT` is no", |spec| drop(spec.env_set.insert("WILCO_OUT".into(), "/".into()))),
            ("\"../x\"", |spec| spec.result_file = Some("../x".into())),
            ("\"/etc/passwd\"", |spec| spec.result_file = Some("/etc/passwd".into())),
            ("argument 1 has no name", |spec| spec.args.push(ArgSpec::new(""))),
            ("two arguments are named `a`", |spec| spec.args.extend([ArgSpec::new("a"), ArgSpec::new("a")])),
            ("1 to 4000", |spec| spec.args.push(arg("a", |arg| arg.max_chars = 0))),
            ("has to be the last", |spec| spec.args.extend([arg("a", |arg| arg.rest = true), ArgSpec::new("b")])),
            ("after the optional `a`", |spec| {
                spec.args.extend([arg("a", |arg| arg.optional = true), ArgSpec::new("b")])
            }),
            ("pattern of `a`", |spec| spec.args.push(arg("a", |arg| arg.pattern = Some("a)|(b".into())))),
        ];
        for (expected, spoil) in table {
            let mut spec = CommandSpec::new("report", ["./report.sh"]);
            assert_eq!(spec.validate(), Ok(()));
            spoil(&mut spec);
            let error = spec.validate().unwrap_err();
            assert!(error.contains(expected) && error.contains("`report`"), "{expected}: {error}");
        }
    }

    #[test]
    fn the_usage_line_shows_what_may_be_left_out() {
        let mut spec = CommandSpec::new("report", ["./report.sh"]);
        spec.args = vec![ArgSpec::new("region"), arg("file", |arg| (arg.optional, arg.rest) = (true, true))];
        assert_eq!(spec.args.iter().map(ArgSpec::usage).collect::<Vec<_>>(), ["<region>", "[file]..."]);
        assert_eq!(spec.validate(), Ok(()));
    }
}
