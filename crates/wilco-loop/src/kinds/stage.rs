//! What the built-in kinds need around them in a test.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use wilco_core::ids::{Short, WorkerId};
use wilco_core::inbound::Person;
use wilco_core::job::{Ask, Context, Host, Input, NoAnswer, Progress};
use wilco_core::time::{Clock, Timestamp};

/// A clock that is never waited for: each wait moves it to its end.
#[derive(Clone, Default)]
pub(super) struct Jumping(Arc<Mutex<Duration>>);

impl Clock for Jumping {
    fn now(&self) -> Timestamp {
        Timestamp(0).plus(self.monotonic())
    }

    fn monotonic(&self) -> Duration {
        *self.0.lock().unwrap()
    }

    fn sleep_until(&self, at: Duration) -> BoxFuture<'static, ()> {
        let now = Arc::clone(&self.0);
        Box::pin(async move {
            let mut now = now.lock().unwrap();
            *now = (*now).max(at);
        })
    }
}

pub(super) fn input(text: &str) -> Input {
    Input::new(text.to_owned(), Person::new("u1", "ana"))
}

/// A host that keeps what it is told and gives the prepared answer.
#[derive(Default)]
pub(super) struct Recorder {
    pub(super) progress: Mutex<Vec<Progress>>,
    pub(super) asked: Mutex<Vec<Ask>>,
    pub(super) files: Mutex<Vec<(String, PathBuf)>>,
    pub(super) answer: Option<usize>,
    pub(super) stop: CancellationToken,
    /// Cancels when this many signs of progress have come.
    pub(super) stop_after: Option<usize>,
}

pub(super) struct Stage {
    pub(super) host: Arc<Recorder>,
    folder: tempfile::TempDir,
}

impl Recorder {
    pub(super) fn stage() -> Stage {
        Self::default().on_stage()
    }

    pub(super) fn on_stage(self) -> Stage {
        Stage { host: Arc::new(self), folder: tempfile::tempdir().unwrap() }
    }
}

impl Stage {
    pub(super) fn context(&self) -> Context {
        let host: Arc<dyn Host> = Arc::clone(&self.host) as Arc<dyn Host>;
        let (id, short) = (WorkerId::new("w1"), Short::new("k7f2"));
        Context::new(id, short, self.folder.path().to_owned(), self.host.stop.clone(), host)
    }
}

#[async_trait]
impl Host for Recorder {
    fn progress(&self, progress: Progress) {
        let mut all = self.progress.lock().unwrap();
        all.push(progress);
        if self.stop_after == Some(all.len()) {
            self.stop.cancel();
        }
    }

    async fn ask(&self, ask: Ask) -> Result<usize, NoAnswer> {
        self.asked.lock().unwrap().push(ask);
        self.answer.ok_or(NoAnswer::Stopped)
    }

    fn attach(&self, name: String, path: PathBuf) {
        self.files.lock().unwrap().push((name, path));
    }
}
