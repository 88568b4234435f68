//! A worker that does what the script says.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};
use wilco_core::job::{Context, Failure, Input, NoAnswer, Output, Progress, Worker};
use wilco_core::{Cause, Short};

/// What a puppet is told to do next.
enum Order {
    Report(Progress),
    Attach(String, std::path::PathBuf),
    WriteFile(String, Vec<u8>),
    Ask(String, Vec<String>, oneshot::Sender<Result<usize, NoAnswer>>),
    End(Box<Result<Output, Failure>>),
    Panic(String),
    Deaf,
}

/// One run of a puppet, as the script holds it.
pub struct Run {
    /// The short id that people see.
    pub short: Short,
    /// What was asked.
    pub input: Input,
    orders: mpsc::UnboundedSender<Order>,
}

impl Run {
    fn order(&self, order: Order) {
        assert!(self.orders.send(order).is_ok(), "the job {} does not run any more", self.short);
    }

    /// Whether it still runs.
    pub fn is_alive(&self) -> bool {
        !self.orders.is_closed()
    }

    /// Shows a line.
    pub fn says(&self, line: &str) {
        self.order(Order::Report(Progress::Line(line.to_owned())));
    }

    /// Reports progress of any form.
    pub fn reports(&self, progress: Progress) {
        self.order(Order::Report(progress));
    }

    /// Shows a step.
    pub fn step(&self, at: u32, of: u32, text: &str) {
        self.order(Order::Report(Progress::Step { at, of, text: text.to_owned() }));
    }

    /// Attaches a file that exists.
    pub fn attaches(&self, name: &str, path: impl Into<std::path::PathBuf>) {
        self.order(Order::Attach(name.to_owned(), path.into()));
    }

    /// Writes a file into the job's folder and attaches it.
    pub fn writes(&self, name: &str, bytes: impl Into<Vec<u8>>) {
        self.order(Order::WriteFile(name.to_owned(), bytes.into()));
    }

    /// Asks a person; the answer arrives on the receiver.
    pub fn asks(&self, text: &str, choices: &[&str]) -> oneshot::Receiver<Result<usize, NoAnswer>> {
        let (reply, answer) = oneshot::channel();
        let choices = choices.iter().map(|&choice| choice.to_owned()).collect();
        self.order(Order::Ask(text.to_owned(), choices, reply));
        answer
    }

    /// Ends with a result.
    pub fn ends(&self, text: &str) {
        self.order(Order::End(Box::new(Ok(Output::text(text)))));
    }

    /// Ends with a failure.
    pub fn fails(&self, code: &str, text: &str) {
        self.fails_with(Failure::Permanent(Cause::new(code, text)));
    }

    /// Ends with a failure of any kind.
    pub fn fails_with(&self, failure: Failure) {
        self.order(Order::End(Box::new(Err(failure))));
    }

    /// Panics.
    pub fn panics(&self, words: &str) {
        self.order(Order::Panic(words.to_owned()));
    }

    /// From now on it ignores that it was told to stop.
    pub fn becomes_deaf(&self) {
        self.order(Order::Deaf);
    }
}

/// All puppets of a stage. One worker kind, any number of runs.
#[derive(Clone, Default)]
pub struct Puppets(Arc<Mutex<Vec<Run>>>);

impl Puppets {
    /// Takes the oldest run that the script has not taken yet.
    ///
    /// # Panics
    /// When none was started: the script expected one.
    pub fn next(&self) -> Run {
        let mut runs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(!runs.is_empty(), "no job was started");
        runs.remove(0)
    }

    /// How many runs were started that the script has not taken.
    pub fn waiting(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

#[async_trait]
impl Worker for Puppets {
    async fn run(&self, ctx: Context, input: Input) -> Result<Output, Failure> {
        let (orders, mut told) = mpsc::unbounded_channel();
        let run = Run { short: ctx.short().clone(), input, orders };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(run);
        let mut deaf = false;
        loop {
            let order = tokio::select! {
                biased;
                order = told.recv() => order,
                () = ctx.cancelled(), if !deaf => return Err(stopped()),
            };
            match order {
                Some(Order::Report(progress)) => ctx.report(progress),
                Some(Order::Attach(name, path)) => ctx.attach(name, path),
                Some(Order::WriteFile(name, bytes)) => {
                    let path = ctx.folder().join(&name);
                    std::fs::write(&path, bytes)
                        .map_err(|error| Failure::Permanent(Cause::new("io", error.to_string())))?;
                    ctx.attach(name, path);
                }
                Some(Order::Ask(text, choices, reply)) => {
                    let ctx = ctx.clone();
                    tokio::spawn(async move {
                        let choices: Vec<&str> = choices.iter().map(String::as_str).collect();
                        drop(reply.send(ctx.ask(text, &choices).await));
                    });
                }
                Some(Order::End(result)) => return *result,
                Some(Order::Panic(words)) => panic!("{words}"),
                Some(Order::Deaf) => deaf = true,
                // The script has dropped the run and will say nothing more.
                None => {
                    if deaf {
                        std::future::pending::<()>().await;
                    }
                    ctx.cancelled().await;
                    return Err(stopped());
                }
            }
        }
    }

    fn about(&self) -> String {
        "does what the script says".to_owned()
    }
}

fn stopped() -> Failure {
    Failure::Permanent(Cause::new("stopped", "told to stop"))
}
