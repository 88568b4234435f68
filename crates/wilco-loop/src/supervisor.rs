//! One task for each running job: it runs the worker, sees it end, and stops it within a bound.

use std::fs::{DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio_util::sync::CancellationToken;
use wilco_core::job::{Context, Failure, Host, Input, Output, Worker};
use wilco_core::{Clock, Short, WorkerId};

/// How long a job that was told to stop may take before its task is taken away. A command worker
/// needs five seconds of it for its own process group.
pub(crate) const GRACE: Duration = Duration::from_secs(10);

/// How a task was seen to end.
#[derive(Debug)]
pub(crate) enum TaskEnd {
    /// It returned. `told` says whether it had been told to stop before.
    Returned { result: Result<Output, Failure>, told: bool },
    /// It panicked with these words.
    Panicked(String),
    /// It did not stop within the grace and was taken away.
    Aborted,
}

/// Everything that a task needs.
pub(crate) struct Task {
    pub(crate) id: WorkerId,
    pub(crate) short: Short,
    pub(crate) folder: PathBuf,
    pub(crate) worker: Arc<dyn Worker>,
    pub(crate) input: Input,
    pub(crate) host: Arc<dyn Host>,
    pub(crate) stop: CancellationToken,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Task {
    /// Runs the worker to its end, or to the end of the grace after it was told to stop.
    pub(crate) async fn run(self) -> TaskEnd {
        if let Err(error) = private_folder(&self.folder) {
            let cause = wilco_core::Cause::new("no folder", format!("{}: {error}", self.folder.display()));
            return TaskEnd::Returned { result: Err(Failure::Retryable(cause)), told: false };
        }
        let context = Context::new(self.id, self.short, self.folder, self.stop.clone(), self.host);
        wilco_store::crash::point("loop.task.started");
        let (worker, input) = (self.worker, self.input);
        let mut task = tokio::spawn(async move {
            // The panic is caught here, so that its words can be shown; a panic is no reason to stop the process.
            std::panic::AssertUnwindSafe(worker.run(context, input)).catch_unwind().await
        });
        tokio::select! {
            biased;
            // A quick job may have stopped before this was polled again: it was told all the same.
            ended = &mut task => return end(ended, self.stop.is_cancelled()),
            () = self.stop.cancelled() => {}
        }
        let limit = self.clock.monotonic() + GRACE;
        tokio::select! {
            biased;
            ended = &mut task => end(ended, true),
            () = self.clock.sleep_until(limit) => {
                task.abort();
                // Only a task that was seen to be gone counts as stopped.
                match (&mut task).await {
                    Ok(result) => end(Ok(result), true),
                    Err(_) => TaskEnd::Aborted,
                }
            }
        }
    }
}

/// A job's own folder is nobody else's business, however open the folder around it is. One that an
/// earlier run left behind is closed as well.
pub(crate) fn private_folder(path: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    std::fs::set_permissions(path, Permissions::from_mode(0o700))
}

type Caught = Result<Result<Output, Failure>, Box<dyn std::any::Any + Send>>;

fn end(ended: Result<Caught, tokio::task::JoinError>, told: bool) -> TaskEnd {
    match ended {
        Ok(Ok(result)) => TaskEnd::Returned { result, told },
        Ok(Err(panic)) => TaskEnd::Panicked(words(panic.as_ref())),
        Err(_) => TaskEnd::Aborted,
    }
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let words = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&'static str>().copied())
        .unwrap_or("no words");
    wilco_core::wording::one_line(words)
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use wilco_core::job::{Ask, NoAnswer, Progress};
    use wilco_core::{Cause, Person};

    use super::*;
    use crate::clock::SystemClock;

    struct Silent;

    #[async_trait]
    impl Host for Silent {
        fn progress(&self, _progress: Progress) {}

        async fn ask(&self, _ask: Ask) -> Result<usize, NoAnswer> {
            Err(NoAnswer::Stopped)
        }

        fn attach(&self, _name: String, _path: PathBuf) {}
    }

    /// Is told to stop and has stopped before anybody looks.
    struct Quick(CancellationToken);

    #[async_trait]
    impl Worker for Quick {
        async fn run(&self, _ctx: Context, _input: Input) -> Result<Output, Failure> {
            self.0.cancel();
            Err(Failure::Permanent(Cause::new("stopped", "told to stop")))
        }
    }

    #[test]
    fn a_jobs_folder_is_its_owners_alone_in_an_open_one_and_when_it_was_open_before() {
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let parent = tempfile::tempdir().unwrap();
        std::fs::set_permissions(parent.path(), Permissions::from_mode(0o777)).unwrap();
        let folder = parent.path().join("w");
        private_folder(&folder).unwrap();
        assert_eq!(mode(&folder), 0o700);
        std::fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        private_folder(&folder).unwrap();
        assert_eq!((mode(&folder), mode(parent.path())), (0o700, 0o777), "the folder around it is not ours to change");
        let missing = parent.path().join("files/w");
        private_folder(&missing).unwrap();
        assert_eq!(mode(&parent.path().join("files")), 0o700);
    }

    #[tokio::test]
    async fn c1_a_job_that_stops_at_once_was_told_to_stop_and_has_not_failed() {
        let (folder, stop) = (tempfile::tempdir().unwrap(), CancellationToken::new());
        let task = Task {
            id: WorkerId::new("w"),
            short: Short::new("k7f2"),
            folder: folder.path().join("w"),
            worker: Arc::new(Quick(stop.clone())),
            input: Input::new(String::new(), Person::new("1", "ana")),
            host: Arc::new(Silent),
            stop,
            clock: Arc::new(SystemClock::new()),
        };
        assert!(matches!(task.run().await, TaskEnd::Returned { result: Err(_), told: true }));
    }
}
