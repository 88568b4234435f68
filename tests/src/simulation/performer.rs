//! The jobs of a simulation: each does what the plan with the number in its input says.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use wilco_core::job::{Context, Failure, Input, Output, Progress, Worker};
use wilco_core::{BackendId, Cause, Clock};

use super::runs::Runs;
use super::schedule::{End, Kind, Move, Plan};
use crate::clock::VirtualClock;

/// How long a job that hears that it shall stop takes to do so.
const PUTS_AWAY: Duration = Duration::from_millis(100);

/// Longer than any life, in milliseconds.
const NEVER: u64 = 365 * 24 * 3_600_000;

/// How often the attempts of each job have failed, which is part of the world and not of a process.
#[derive(Clone, Default)]
pub(super) struct Tries(Arc<Mutex<BTreeMap<String, u32>>>);

/// One worker kind of one process.
pub(super) struct Performer {
    pub(super) plans: Arc<Vec<Plan>>,
    pub(super) clock: VirtualClock,
    pub(super) tries: Tries,
    pub(super) runs: Runs,
    pub(super) backend: Option<BackendId>,
}

impl Performer {
    pub(super) fn of(kind: Kind, plans: &Arc<Vec<Plan>>, clock: &VirtualClock, tries: &Tries, runs: &Runs) -> Self {
        let backend = match kind {
            Kind::Agent => Some(BackendId::new("claude")),
            Kind::Work | Kind::Again | Kind::Frail => None,
        };
        let (plans, clock, tries, runs) = (Arc::clone(plans), clock.clone(), tries.clone(), runs.clone());
        Self { plans, clock, tries, runs, backend }
    }

    /// Waits; answers whether the job was told to stop meanwhile.
    async fn waits(&self, ctx: &Context, millis: u64, deaf: bool) -> bool {
        let until = self.clock.sleep_until(self.clock.monotonic() + Duration::from_millis(millis));
        if deaf {
            until.await;
            return false;
        }
        tokio::select! {
            biased;
            () = ctx.cancelled() => {}
            () = until => return false,
        }
        // Nothing stops at once: there is always something to put away.
        self.clock.sleep_until(self.clock.monotonic() + PUTS_AWAY).await;
        true
    }

    async fn moves(&self, ctx: &Context, plan: &Plan, name: &str) -> Result<(), Failure> {
        let mut deaf = false;
        for (at, one) in plan.moves.iter().enumerate() {
            match one {
                Move::Wait(millis) => {
                    if self.waits(ctx, *millis, deaf).await {
                        return Err(stopped());
                    }
                }
                Move::Line => ctx.progress(format!("{name} is at {at}")),
                Move::Tool => {
                    ctx.report(Progress::ToolStarted(format!("tool {at}")));
                    if self.waits(ctx, 500, deaf).await {
                        return Err(stopped());
                    }
                    ctx.report(Progress::ToolCompleted(format!("tool {at}")));
                }
                Move::Partial => ctx.partial(format!("What {name} had by {at}.")),
                Move::File(bytes) => self.file(ctx, name, at, *bytes)?,
                Move::Ask => {
                    let question = format!("{name} asks at {at}: go on?");
                    match ctx.ask(question, &["Yes", "No"]).await {
                        Ok(choice) => ctx.progress(format!("{name} was told {choice}")),
                        Err(no) => return Err(Failure::Permanent(Cause::new("no_answer", no.to_string()))),
                    }
                }
                Move::Deaf => deaf = true,
            }
        }
        Ok(())
    }

    fn file(&self, ctx: &Context, name: &str, at: usize, bytes: u64) -> Result<(), Failure> {
        let file = format!("{name}-{at}.txt");
        let path = ctx.folder().join(&file);
        let line = format!("{name} {at} ");
        let length = usize::try_from(bytes).unwrap_or(usize::MAX);
        let content: String = line.chars().cycle().take(length).collect();
        std::fs::write(&path, content).map_err(|error| Failure::Permanent(Cause::new("io", error.to_string())))?;
        ctx.attach(file, path);
        Ok(())
    }
}

#[async_trait]
impl Worker for Performer {
    async fn run(&self, ctx: Context, input: Input) -> Result<Output, Failure> {
        if self.clock.is_cut() {
            // What a dead process had begun to begin never begins.
            std::future::pending::<()>().await;
        }
        let running = self.runs.begins(ctx.id(), &self.clock);
        let name = input.text.trim();
        let number = name.strip_prefix('p').and_then(|digits| digits.parse::<usize>().ok());
        let Some(plan) = number.and_then(|number| self.plans.get(number)) else {
            return Err(Failure::Permanent(Cause::new("no_plan", format!("there is no plan {name}"))));
        };
        self.moves(&ctx, plan, name).await?;
        match plan.end {
            End::Done(length) => Ok(Output::text(result(name, running.number(), length))),
            End::Fails => Err(Failure::Permanent(Cause::new("exit_2", format!("{name} failed")))),
            End::Shaky(failures) => {
                let mut tries = self.tries.0.lock().unwrap_or_else(PoisonError::into_inner);
                let count = tries.entry(ctx.id().to_string()).or_default();
                *count += 1;
                if *count <= failures {
                    return Err(Failure::Retryable(Cause::new("busy", format!("{name} was busy, try {count}"))));
                }
                Ok(Output::text(result(name, running.number(), 40)))
            }
            End::Expired => Err(Failure::SessionExpired),
            End::Panics => panic!("{name} panics as planned"),
            End::Never => {
                self.waits(&ctx, NEVER, false).await;
                Err(stopped())
            }
        }
    }

    fn backend(&self) -> Option<&BackendId> {
        self.backend.as_ref()
    }

    fn about(&self) -> String {
        "does what its plan says".to_owned()
    }
}

fn stopped() -> Failure {
    Failure::Permanent(Cause::new("stopped", "told to stop"))
}

/// A text in which every line is another one, so that a part cannot pass for its neighbour, and which has
/// few of them, so that the channel of a report stays readable.
/// Each run has a result of its own, so that the result of one cannot pass for that of another.
fn result(name: &str, run: usize, length: usize) -> String {
    let mut text = format!("The result of {name}, run {run}.");
    let mut line = 1;
    while text.chars().count() < length {
        text.push_str(&format!("\nLine {line} of the result of {name}, run {run}.{}", " And so on.".repeat(40)));
        line += 1;
    }
    text
}
