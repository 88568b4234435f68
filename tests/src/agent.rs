//! A scripted agent: a worker on a backend's account, which answers every call as the script says.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::Notify;
use wilco_core::job::{Context, Failure, Input, Output, Worker};
use wilco_core::{BackendId, Cause};

/// How the agent ends one call.
#[derive(Clone, Debug)]
pub struct Answer {
    result: Result<String, Failure>,
    output: String,
    held: bool,
}

impl Answer {
    /// With a result.
    pub fn ends(text: &str) -> Self {
        Self { result: Ok(text.to_owned()), output: String::new(), held: false }
    }

    /// With an error in words, which the job cannot tell from any other.
    pub fn fails(code: &str, text: &str) -> Self {
        Self::fails_with(Failure::Retryable(Cause::new(code, text)))
    }

    /// With a failure of any kind.
    pub fn fails_with(failure: Failure) -> Self {
        Self { result: Err(failure), output: String::new(), held: false }
    }

    /// After it has said this.
    #[must_use]
    pub fn after_saying(mut self, output: &str) -> Self {
        output.clone_into(&mut self.output);
        self
    }

    /// Not before [`Agents::let_go`].
    #[must_use]
    pub fn held(mut self) -> Self {
        self.held = true;
        self
    }
}

/// All calls of one backend. Cheap to clone.
#[derive(Clone)]
pub struct Agents {
    backend: BackendId,
    script: Arc<Mutex<Script>>,
    release: Arc<Notify>,
}

#[derive(Default)]
struct Script {
    answers: VecDeque<Answer>,
    calls: usize,
}

impl Agents {
    /// An agent on this account. Without a script every call ends with `42`.
    pub fn of(backend: &str) -> Self {
        let backend = BackendId::new(backend);
        Self { backend, script: Arc::default(), release: Arc::default() }
    }

    fn with<T>(&self, change: impl FnOnce(&mut Script) -> T) -> T {
        change(&mut self.script.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Answers the next call that has no answer yet.
    pub fn answers(&self, answer: Answer) {
        self.with(|script| script.answers.push_back(answer));
    }

    /// How often it was called so far.
    pub fn calls(&self) -> usize {
        self.with(|script| script.calls)
    }

    /// Lets every held call end.
    pub fn let_go(&self) {
        self.release.notify_waiters();
    }
}

#[async_trait]
impl Worker for Agents {
    async fn run(&self, ctx: Context, _input: Input) -> Result<Output, Failure> {
        let released = self.release.notified();
        let answer = self.with(|script| {
            script.calls += 1;
            script.answers.pop_front()
        });
        let answer = answer.unwrap_or_else(|| Answer::ends("42"));
        if !answer.output.is_empty() {
            ctx.partial(answer.output);
        }
        if answer.held {
            tokio::select! {
                () = released => {}
                () = ctx.cancelled() => return Err(Failure::Permanent(Cause::new("stopped", "told to stop"))),
            }
        }
        answer.result.map(Output::text)
    }

    fn backend(&self) -> Option<&BackendId> {
        Some(&self.backend)
    }

    fn about(&self) -> String {
        format!("asks {}", self.backend)
    }
}
