//! `command`: a configured program as a job, without a shell anywhere.
//!
//! What a person types becomes whole arguments, checked one by one against the worker's
//! [`ArgSpec`]s, and is never looked at by anything that could take it for something else. The
//! program runs under the [launcher](crate::launcher), in a clean environment and a folder of its
//! own. What it writes drives the job:
//!
//! | it writes | what happens |
//! |---|---|
//! | a line on stdout | progress |
//! | a line on stderr | a sign of life; kept in the log |
//! | `::step 3/7 text` | a numbered step |
//! | `::ask Question? \| Yes \| No` | a question with buttons; the chosen text comes back as a line on stdin |
//! | `::partial text` | what is delivered when the job is stopped now |
//! | `::tool name`, `::tool-done name` | the tool that runs |
//! | a file in `$WILCO_OUT` | delivered with the result |
//!
//! Exit code 0 is success, everything else a failure that shows the last lines.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use wilco_core::job::{Context, Failure, Input, Output, Worker};
use wilco_core::text;
use wilco_core::time::Clock;

mod arguments;
mod capture;
mod directive;
mod finish;
mod lines;
mod process;
mod run;
mod spec;

pub use spec::{ArgSpec, CommandSpec};

use super::{permanent, stopped};
use crate::launcher::Options;
use arguments::Arguments;

/// More output than this, in bytes as they were written to both streams, ends the job.
pub const OUTPUT_CAP: u64 = 10 << 20;
/// Environment variables that every command gets, as far as wilco itself has them.
pub const ENV_DEFAULT: [&str; 4] = ["PATH", "HOME", "LANG", "TZ"];
/// The folder inside the job's own whose files are delivered.
const OUT: &str = "out";
/// The log inside the job's own folder.
const LOG: &str = "output.log";

/// A job that runs a configured program.
pub struct CommandWorker {
    spec: CommandSpec,
    arguments: Arguments,
    launcher: PathBuf,
    clock: Arc<dyn Clock>,
}

impl CommandWorker {
    /// A worker for this specification. `launcher` is the executable whose `main` calls
    /// [`intercept`](crate::launcher::intercept), usually
    /// [`this_executable`](crate::launcher::this_executable).
    ///
    /// # Errors
    ///
    /// The sentence of [`CommandSpec::validate`].
    pub fn new(spec: CommandSpec, launcher: PathBuf, clock: Arc<dyn Clock>) -> Result<Self, String> {
        spec.validate()?;
        let arguments = Arguments::new(&spec)?;
        Ok(Self { spec, arguments, launcher, clock })
    }

    /// The specification that this worker was made from.
    pub fn spec(&self) -> &CommandSpec {
        &self.spec
    }

    /// The whole command line: what is configured, the separator, what the person gave.
    fn argv(&self, values: Vec<String>) -> Result<Vec<OsString>, Failure> {
        let mut argv: Vec<OsString> = self.spec.argv.iter().map(OsString::from).collect();
        if let Some(program) = argv.first_mut() {
            let path = Path::new(program.as_os_str());
            // `./report.sh` is meant where wilco was started, not in the job's empty folder.
            if path.components().count() > 1 && path.is_relative() {
                *program = std::path::absolute(path).map_err(cannot_start)?.into_os_string();
            }
        }
        if !values.is_empty() {
            argv.extend(self.spec.separator.iter().map(OsString::from));
            argv.extend(values.into_iter().map(OsString::from));
        }
        Ok(argv)
    }

    /// The command's environment, complete: nothing else of wilco's own reaches it.
    fn environment(&self, ctx: &Context) -> BTreeMap<OsString, OsString> {
        let allowed = ENV_DEFAULT.into_iter().chain(self.spec.env_allow.iter().map(String::as_str));
        let mut all: BTreeMap<OsString, OsString> =
            allowed.filter_map(|name| Some((name.into(), std::env::var_os(name)?))).collect();
        all.extend(self.spec.env_set.iter().map(|(name, value)| (name.into(), value.into())));
        all.insert("WILCO_JOB".into(), ctx.short().as_str().into());
        all.insert("WILCO_OUT".into(), ctx.folder().join(OUT).into());
        all
    }

    /// What an attempt before this one left behind is no result of this one.
    async fn empty(&self, ctx: &Context) -> std::io::Result<()> {
        let gone = |removed: std::io::Result<()>| match removed {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        };
        let out = ctx.folder().join(OUT);
        gone(tokio::fs::remove_dir_all(&out).await)?;
        if let Some(file) = &self.spec.result_file {
            gone(tokio::fs::remove_file(ctx.folder().join(file)).await)?;
        }
        tokio::fs::create_dir_all(&out).await
    }

    /// The folder that the command starts in.
    fn cwd<'a>(&'a self, ctx: &'a Context) -> Result<&'a Path, Failure> {
        let cwd = self.spec.cwd.as_deref().unwrap_or(ctx.folder());
        if cwd.is_dir() {
            return Ok(cwd);
        }
        Err(permanent(
            "cannot start",
            format!(
                "the working directory {} of `{}` does not exist; create it or change `cwd`",
                cwd.display(),
                self.spec.name
            ),
        ))
    }
}

#[async_trait]
impl Worker for CommandWorker {
    async fn run(&self, ctx: Context, input: Input) -> Result<Output, Failure> {
        // Checked again: the configuration may have changed since the job was accepted.
        let values = self.arguments.read(&input.text).map_err(|text| permanent("argument", text))?;
        if ctx.is_cancelled() {
            return Err(stopped("it had not begun"));
        }
        self.empty(&ctx).await.map_err(cannot_start)?;
        let options = Options { input: self.spec.asks, limits: self.spec.limits, argv: self.argv(values)? };
        let environment = self.environment(&ctx);
        let process =
            process::Process::start(&self.launcher, &options, &environment, self.cwd(&ctx)?).map_err(cannot_start)?;
        let capture = capture::Capture::create(&ctx.folder().join(LOG), self.spec.stderr_progress).await;
        let ran = run::Run::new(&ctx, self.clock.as_ref(), process, capture, self.spec.asks).until_the_end().await;
        finish::finish(&ctx, &self.spec, ran).await
    }

    fn check(&self, input: &Input) -> Result<(), String> {
        self.arguments.read(&input.text).map(|_| ())
    }

    fn about(&self) -> String {
        let usage = self.spec.args.iter().map(ArgSpec::usage).collect::<Vec<_>>().join(" ");
        let parts = [self.spec.about.as_str(), usage.as_str()];
        let shown: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        if shown.is_empty() { format!("runs {}", self.spec.name) } else { shown.join(" · ") }
    }
}

fn cannot_start(error: impl std::fmt::Display) -> Failure {
    permanent("cannot start", format!("the command could not be started: {error}"))
}

/// What a person typed, as it may stand in a sentence: one clean line, cut.
fn quote(raw: &str) -> String {
    let clean = text::sanitise(raw);
    let line = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("`{}`", text::cut(&line, 60, text::Unit::Chars).replace('`', "'"))
}
