//! One run of a command: everything that can happen to it, and what is done about it.

use std::collections::VecDeque;
use std::future::pending;
use std::process::ExitStatus;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use wilco_core::job::{Ask, Context, NoAnswer};
use wilco_core::time::Clock;

use super::capture::{Capture, Item, Stream};
use super::process::Process;
use crate::launcher::{Order, Report};

/// How long a command has between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(5);
/// How long the system may take to end what was killed before we stop waiting for it.
const KILL_LIMIT: Duration = Duration::from_secs(5);
/// How long output is waited for that a stranger to the job still holds open (a service that the
/// command handed its output to).
const DRAIN: Duration = Duration::from_secs(1);

/// Why a run was stopped from this side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// A person, a limit or a shutdown wants it.
    Cancelled,
    /// It wrote more than may be kept.
    TooMuch,
    /// It asked what cannot be asked.
    Question(String),
}

/// What a run left behind.
pub(super) struct Ran {
    pub(super) capture: Capture,
    pub(super) why: Option<Why>,
    /// The launcher's last word; none when it died without one.
    pub(super) last: Option<Report>,
    /// How the launcher itself exited.
    pub(super) launcher: Option<ExitStatus>,
    /// A process group that SIGKILL did not end in time.
    pub(super) stuck: Option<Option<i32>>,
}

/// What the timer is for.
#[derive(Clone, Copy)]
enum Stage {
    Terminating,
    Killing,
    Draining,
}

enum Event {
    Output(Stream, usize),
    /// The launcher said something or exited.
    Launcher,
    Cancelled,
    Answer(Result<usize, NoAnswer>),
    Timer,
}

type Answer = BoxFuture<'static, Result<usize, NoAnswer>>;

/// A run under way. Dropping it at any point ends the whole job, because its [`Process`] goes, too.
pub(super) struct Run<'a> {
    ctx: &'a Context,
    clock: &'a dyn Clock,
    process: Process,
    capture: Capture,
    /// Whether the command can be answered.
    asks: bool,
    /// Questions that wait for the one that is open.
    queue: VecDeque<Ask>,
    /// The open question's choices, and its answer to come.
    open: Option<(Vec<String>, Answer)>,
    why: Option<Why>,
    timer: Option<(Stage, BoxFuture<'static, ()>)>,
}

impl<'a> Run<'a> {
    pub(super) fn new(ctx: &'a Context, clock: &'a dyn Clock, process: Process, capture: Capture, asks: bool) -> Self {
        Self { ctx, clock, process, capture, asks, queue: VecDeque::new(), open: None, why: None, timer: None }
    }

    /// Drives the command to its end. When it returns without `stuck`, no process of the job is left.
    pub(super) async fn until_the_end(mut self) -> Ran {
        let mut stuck = None;
        while !self.process.is_drained() {
            match self.next().await {
                Event::Output(stream, count) => self.output(stream, count).await,
                Event::Launcher => self.launcher(),
                Event::Cancelled => self.stop(Why::Cancelled).await,
                Event::Answer(answer) => self.answered(answer).await,
                Event::Timer => match self.timer.take() {
                    Some((Stage::Terminating, _)) => self.kill().await,
                    Some((Stage::Killing, _)) => {
                        stuck = Some(self.process.reports.group());
                        break;
                    }
                    Some((Stage::Draining, _)) | None => break,
                },
            }
        }
        for stream in [Stream::Out, Stream::Err] {
            let items = self.capture.end(stream);
            self.act(items).await;
        }
        self.capture.write().await;
        let Process { reports, exit, .. } = &self.process;
        Ran { last: reports.last().cloned(), launcher: exit.status(), capture: self.capture, why: self.why, stuck }
    }

    /// Waits for whatever happens first. Each wait can be dropped without losing anything.
    async fn next(&mut self) -> Event {
        // The end of the command, once told, stands: a cancel that comes later comes too late.
        let stoppable = self.why.is_none() && self.process.reports.last().is_none();
        let Process { out, err, reports, exit, .. } = &mut self.process;
        let (open, timer) = (&mut self.open, &mut self.timer);
        tokio::select! {
            () = self.ctx.cancelled(), if stoppable => Event::Cancelled,
            answer = async { match open { Some((_, answer)) => answer.await, None => pending().await } } => Event::Answer(answer),
            () = async { match timer { Some((_, timer)) => timer.await, None => pending().await } } => Event::Timer,
            count = out.read() => Event::Output(Stream::Out, count),
            count = err.read() => Event::Output(Stream::Err, count),
            () = reports.next() => Event::Launcher,
            () = exit.wait() => Event::Launcher,
        }
    }

    async fn output(&mut self, stream: Stream, count: usize) {
        // Two pipes do not tell who wrote first. Programs mostly end with a word on stderr, so what
        // stdout holds by now is taken for the earlier one.
        if stream == Stream::Err
            && let Some(earlier) = self.process.out.read().now_or_never()
        {
            self.take(Stream::Out, earlier).await;
        }
        self.take(stream, count).await;
    }

    async fn take(&mut self, stream: Stream, count: usize) {
        let bytes = match stream {
            Stream::Out => self.process.out.bytes(count),
            Stream::Err => self.process.err.bytes(count),
        };
        let items = self.capture.take(stream, bytes);
        self.capture.write().await;
        self.act(items).await;
        if self.capture.over_cap() {
            self.stop(Why::TooMuch).await;
        }
    }

    async fn act(&mut self, items: Vec<Item>) {
        for item in items {
            match item {
                Item::Progress(progress) => self.ctx.report(progress),
                // A question of a command that is over or being stopped can be of no use any more.
                Item::Ask(_) if self.why.is_some() || self.process.reports.last().is_some() => {}
                Item::Ask(Ok(_)) if !self.asks => {
                    self.stop(Why::Question(
                        "the command asked a question, but `asks = false` is set for it; remove that setting and run it again".to_owned(),
                    ))
                    .await;
                }
                Item::Ask(Ok(ask)) => self.queue.push_back(ask),
                Item::Ask(Err(why)) => self.stop(Why::Question(why)).await,
            }
        }
        self.ask_next();
    }

    fn ask_next(&mut self) {
        if self.open.is_some() || self.why.is_some() {
            return;
        }
        if let Some(Ask { text, choices }) = self.queue.pop_front() {
            let (ctx, offered) = (self.ctx.clone(), choices.clone());
            let answer = async move {
                let offered: Vec<&str> = offered.iter().map(String::as_str).collect();
                ctx.ask(text, &offered).await
            };
            self.open = Some((choices, Box::pin(answer)));
        }
    }

    async fn answered(&mut self, answer: Result<usize, NoAnswer>) {
        let choices = self.open.take().map(|(choices, _)| choices).unwrap_or_default();
        match answer {
            Ok(at) => {
                // A position that was not offered would be the loop's mistake; an empty line is still an answer.
                let chosen = choices.get(at).map(String::as_str).unwrap_or_default();
                self.process.order(&Order::Input(format!("{chosen}\n"))).await;
                self.ask_next();
            }
            Err(NoAnswer::Stopped) => self.stop(Why::Cancelled).await,
            Err(NoAnswer::Refused(why)) => self.stop(Why::Question(why)).await,
        }
    }

    /// Looks at what the launcher said or that it exited.
    fn launcher(&mut self) {
        if self.process.reports.last().is_some() {
            // Nobody waits for the answer any more: the loop closes the question with the job.
            self.open = None;
            self.queue.clear();
        }
        if !self.process.is_over() {
            return;
        }
        if self.process.reports.last().is_none() {
            self.process.kill_strays(&self.ctx.folder().join(super::OUT));
            self.open = None;
        }
        self.arm(Stage::Draining, DRAIN);
    }

    /// Begins to end the command; only the first reason counts.
    async fn stop(&mut self, why: Why) {
        if self.why.is_some() {
            return;
        }
        let patient = why != Why::TooMuch;
        self.why = Some(why);
        self.open = None;
        self.queue.clear();
        if self.process.is_over() {
            return;
        }
        if patient {
            self.process.order(&Order::Terminate).await;
            self.arm(Stage::Terminating, GRACE);
        } else {
            self.kill().await;
        }
    }

    async fn kill(&mut self) {
        self.process.order(&Order::Kill).await;
        self.arm(Stage::Killing, KILL_LIMIT);
    }

    fn arm(&mut self, stage: Stage, after: Duration) {
        self.timer = Some((stage, self.clock.sleep_until(self.clock.monotonic() + after)));
    }
}
