//! What a command worker needs around it: a folder, a clock, and somebody who listens and answers.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::BoxFuture;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use wilco_core::ids::{Short, WorkerId};
use wilco_core::inbound::Person;
use wilco_core::job::{Ask, Context, Failure, Host, Input, NoAnswer, Output, Progress, Worker};
use wilco_core::outcome::Cause;
use wilco_core::time::{Clock, Timestamp};
use wilco_loop::clock::SystemClock;
use wilco_loop::kinds::{CommandSpec, CommandWorker};

/// The real clock, twenty times as fast: five seconds of grace are a quarter of one.
struct Hurried(SystemClock);

const HURRY: u32 = 20;

impl Clock for Hurried {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn monotonic(&self) -> Duration {
        self.0.monotonic() * HURRY
    }

    fn sleep_until(&self, at: Duration) -> BoxFuture<'static, ()> {
        self.0.sleep_until(at / HURRY)
    }
}

/// Listens, and answers questions as prepared.
struct Listener {
    progress: mpsc::UnboundedSender<Progress>,
    asked: Mutex<Vec<Ask>>,
    answers: tokio::sync::Mutex<mpsc::UnboundedReceiver<Result<usize, NoAnswer>>>,
    files: Mutex<Vec<(String, PathBuf)>>,
}

#[async_trait]
impl Host for Listener {
    fn progress(&self, progress: Progress) {
        // A test that has seen enough does not listen any more.
        self.progress.send(progress).ok();
    }

    async fn ask(&self, ask: Ask) -> Result<usize, NoAnswer> {
        self.asked.lock().unwrap().push(ask);
        match self.answers.lock().await.recv().await {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }

    fn attach(&self, name: String, path: PathBuf) {
        self.files.lock().unwrap().push((name, path));
    }
}

/// One job's surroundings.
pub(crate) struct Stage {
    folder: tempfile::TempDir,
    host: Arc<Listener>,
    heard: mpsc::UnboundedReceiver<Progress>,
    answers: mpsc::UnboundedSender<Result<usize, NoAnswer>>,
    /// Asks the job to stop.
    pub(crate) stop: CancellationToken,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let (progress, heard) = mpsc::unbounded_channel();
        let (answers, given) = mpsc::unbounded_channel();
        let host = Listener { progress, asked: Mutex::default(), answers: given.into(), files: Mutex::default() };
        let stop = CancellationToken::new();
        Self { folder: tempfile::tempdir().unwrap(), host: Arc::new(host), heard, answers, stop }
    }

    /// A stage whose listener gives these answers, in turn, and then none.
    pub(crate) fn answering(answers: impl IntoIterator<Item = Result<usize, NoAnswer>>) -> Self {
        let stage = Self::new();
        answers.into_iter().for_each(|answer| stage.answer(answer));
        stage
    }

    /// Answers the open question, or the next one.
    pub(crate) fn answer(&self, answer: Result<usize, NoAnswer>) {
        self.answers.send(answer).unwrap();
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn context(&self) -> Context {
        let host: Arc<dyn Host> = Arc::clone(&self.host) as Arc<dyn Host>;
        Context::new(WorkerId::new("w1"), Short::new("k7f2"), self.folder().to_owned(), self.stop.clone(), host)
    }

    /// Runs a worker with this text after its name.
    pub(crate) async fn run(&self, spec: CommandSpec, text: &str) -> Result<Output, Failure> {
        worker(spec).run(self.context(), input(text)).await
    }

    /// Runs it beside the test.
    pub(crate) fn spawn(&self, spec: CommandSpec) -> tokio::task::JoinHandle<Result<Output, Failure>> {
        self.beside(worker(spec))
    }

    /// Runs it beside the test, with the time that it has in earnest.
    pub(crate) fn spawn_in_real_time(&self, spec: CommandSpec) -> tokio::task::JoinHandle<Result<Output, Failure>> {
        self.beside(worker_by(spec, Arc::new(SystemClock::new())))
    }

    fn beside(&self, worker: CommandWorker) -> tokio::task::JoinHandle<Result<Output, Failure>> {
        let ctx = self.context();
        tokio::spawn(async move { worker.run(ctx, input("")).await })
    }

    /// Waits for a line of progress that begins with `prefix` and returns the rest of it.
    pub(crate) async fn line(&mut self, prefix: &str) -> String {
        loop {
            if let Progress::Line(line) = self.heard.recv().await.unwrap()
                && let Some(rest) = line.strip_prefix(prefix)
            {
                return rest.to_owned();
            }
        }
    }

    /// All progress so far that shows something.
    pub(crate) fn shown(&mut self) -> Vec<Progress> {
        std::iter::from_fn(|| self.heard.try_recv().ok()).filter(|progress| *progress != Progress::Alive).collect()
    }

    /// What was asked.
    pub(crate) fn asked(&self) -> Vec<Ask> {
        self.host.asked.lock().unwrap().clone()
    }

    /// What was handed over, by name, in its order.
    pub(crate) fn files(&self) -> Vec<String> {
        self.host.files.lock().unwrap().iter().map(|(name, _)| name.clone()).collect()
    }

    /// The content of a file that was handed over.
    pub(crate) fn file(&self, name: &str) -> String {
        let files = self.host.files.lock().unwrap();
        let (_, path) = files.iter().find(|(found, _)| found == name).unwrap();
        std::fs::read_to_string(path).unwrap()
    }
}

fn worker(spec: CommandSpec) -> CommandWorker {
    worker_by(spec, Arc::new(Hurried(SystemClock::new())))
}

fn worker_by(spec: CommandSpec, clock: Arc<dyn Clock>) -> CommandWorker {
    let launcher = wilco_loop::launcher::this_executable().unwrap();
    CommandWorker::new(spec, launcher, clock).unwrap()
}

fn input(text: &str) -> Input {
    Input::new(text.to_owned(), Person::new("u1", "ana"))
}

/// A worker that is a shell script; a person's values are its `$1`, `$2`…
pub(crate) fn script(text: &str) -> CommandSpec {
    CommandSpec { separator: Some("script".to_owned()), ..CommandSpec::new("script", ["sh", "-c", text]) }
}

/// The cause of a failure that is for good.
pub(crate) fn cause(result: Result<Output, Failure>) -> Cause {
    match result {
        Err(Failure::Permanent(cause)) => cause,
        other => panic!("not a permanent failure: {other:?}"),
    }
}

/// The cause of a failure that the next run might not meet.
pub(crate) fn mishap(result: Result<Output, Failure>) -> Cause {
    match result {
        Err(Failure::Retryable(cause)) => cause,
        other => panic!("not a failure that may be tried again: {other:?}"),
    }
}

#[allow(clippy::print_stderr, reason = "a test that was left out has to be seen")]
/// Whether the test has to be left out because a program is missing; in CI that is a failure.
pub(crate) fn lacks(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if std::env::split_paths(&path).any(|folder| folder.join(program).is_file()) {
        return false;
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "this test needs {program}");
    eprintln!("skipped: needs {program}");
    true
}
