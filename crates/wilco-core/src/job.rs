//! How a long job is written: one async function that gets a [`Context`] and returns its result.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::followup::Origin;
use crate::ids::{BackendId, Short, WorkerId};
use crate::inbound::Person;
use crate::outcome::Cause;

/// What a person asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// Everything after the worker's name, as typed.
    pub text: String,
    /// Who asked.
    pub person: Person,
    /// How many times this job was started before and lost in a crash.
    #[serde(default)]
    pub rerun: u32,
    /// How the job came to be.
    #[serde(default, skip_serializing_if = "Origin::is_person")]
    pub origin: Origin,
}

impl Input {
    /// What a person asked for there and then.
    pub fn new(text: impl Into<String>, person: Person) -> Self {
        Self { text: text.into(), person, rerun: 0, origin: Origin::Person }
    }
}

/// The built-in kind that only says its text. It is done at once, so it needs no slot and waits for
/// none: a reminder comes at its time, however many long jobs its person has running.
pub const SAY: &str = "say";

/// The result of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// What people read; Markdown. More than 1 MiB is cut, with head and tail kept.
    pub text: String,
}

impl Output {
    /// A result of text alone.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into() }
    }
}

/// Why a job has no result. Timed out, cancelled, panicked and interrupted are the loop's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The backend's session ended: a person has to sign in again.
    #[error("the session has expired; sign in again")]
    SessionExpired,
    /// The backend wants money.
    #[error("the backend has no credit left")]
    NeedsCredit,
    /// The backend has no key, or refuses the one it was given.
    #[error("the backend needs a valid key")]
    NeedsKey,
    /// It may work the next time.
    #[error("{0}")]
    Retryable(Cause),
    /// It will not work the next time either.
    #[error("{0}")]
    Permanent(Cause),
}

/// How far a job is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// A line of text; the last five are shown.
    Line(String),
    /// A numbered step.
    Step {
        /// The step, from 1.
        at: u32,
        /// How many there are.
        of: u32,
        /// What it is.
        text: String,
    },
    /// A tool began.
    ToolStarted(String),
    /// A tool ended.
    ToolCompleted(String),
    /// What would be delivered if the job were stopped now (requirement W17).
    Partial(String),
    /// A sign of life that shows nothing.
    Alive,
}

/// A question to a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// What is asked.
    pub text: String,
    /// The answers to choose from: 1 to 5, each at most 40 characters.
    pub choices: Vec<String>,
}

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// The job is being stopped.
    #[error("the job is being stopped")]
    Stopped,
    /// The question cannot be asked.
    #[error("the question was refused: {0}")]
    Refused(String),
}

/// What the loop does for a running job.
#[async_trait]
pub trait Host: Send + Sync {
    /// Takes a sign of progress. Never waits: the latest wins.
    fn progress(&self, progress: Progress);

    /// Asks a person and waits for the position of the chosen answer.
    async fn ask(&self, ask: Ask) -> Result<usize, NoAnswer>;

    /// Adds a file to the result.
    fn attach(&self, name: String, path: PathBuf);
}

/// What a job gets: who it is, where it may write, and how to speak.
#[derive(Clone)]
pub struct Context {
    id: WorkerId,
    short: Short,
    folder: PathBuf,
    cancelled: CancellationToken,
    host: Arc<dyn Host>,
}

impl Context {
    /// Made by the loop for each run, and by tests.
    pub fn new(id: WorkerId, short: Short, folder: PathBuf, cancelled: CancellationToken, host: Arc<dyn Host>) -> Self {
        Self { id, short, folder, cancelled, host }
    }

    /// The job's id in the store.
    pub fn id(&self) -> &WorkerId {
        &self.id
    }

    /// The id that people type.
    pub fn short(&self) -> &Short {
        &self.short
    }

    /// A folder of this job's own; it is created when the job starts and removed with its retention.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Shows a line of progress. Cheap to call often: what people see is paced.
    pub fn progress(&self, text: impl Into<String>) {
        self.host.progress(Progress::Line(text.into()));
    }

    /// Shows a numbered step.
    pub fn step(&self, at: u32, of: u32, text: impl Into<String>) {
        self.host.progress(Progress::Step { at, of, text: text.into() });
    }

    /// Reports progress of any form.
    pub fn report(&self, progress: Progress) {
        self.host.progress(progress);
    }

    /// Records what would be delivered if the job were stopped now.
    pub fn partial(&self, text: impl Into<String>) {
        self.host.progress(Progress::Partial(text.into()));
    }

    /// Asks a person and waits; the answer is the position of a choice.
    pub async fn ask(&self, text: impl Into<String>, choices: &[&str]) -> Result<usize, NoAnswer> {
        let choices = choices.iter().map(|&choice| choice.to_owned()).collect();
        self.host.ask(Ask { text: text.into(), choices }).await
    }

    /// Delivers a file with the result, however the job ends. The path has to stay until then.
    pub fn attach(&self, name: impl Into<String>, path: impl Into<PathBuf>) {
        self.host.attach(name.into(), path.into());
    }

    /// Resolves when a person, a limit or a shutdown wants the job to stop.
    pub async fn cancelled(&self) {
        self.cancelled.cancelled().await;
    }

    /// Whether the job should stop.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.is_cancelled()
    }
}

/// A kind of job.
#[async_trait]
pub trait Worker: Send + Sync {
    /// Does the work. A panic inside is caught and reported as a failure.
    async fn run(&self, ctx: Context, input: Input) -> Result<Output, Failure>;

    /// Looks at the input before the job is accepted. The error is a sentence for the person.
    fn check(&self, input: &Input) -> Result<(), String> {
        let _ = input;
        Ok(())
    }

    /// The backend whose gate this job respects; none for jobs that need no account.
    fn backend(&self) -> Option<&BackendId> {
        None
    }

    /// One line for `/help` and completion.
    fn about(&self) -> String {
        String::new()
    }
}
