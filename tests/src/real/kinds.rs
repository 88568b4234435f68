//! The worker kinds of the program under test: what they do shows in what they say, so that whoever reads the
//! channel can tell whose result stands where.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use wilco::{Cause, Context, Failure, Input, NoAnswer, Output, SystemClock, Worker, async_trait};
use wilco_core::Clock;

/// What a job does besides its steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Nothing.
    Steps,
    /// Asks a person before it ends.
    Asks,
    /// Ends with a text of several parts.
    Parts,
    /// Attaches a file.
    File,
    /// Fails at its first attempt, and ends well at the next.
    Stumbles,
    /// Does not end before [`GO`] lies in the folder in which the program was started.
    Waits,
}

/// How many numbered lines a result of several parts has: three messages where 2,000 characters fit into one,
/// two where 4,000 do.
pub const LINES: usize = 110;
/// The answer that lets an asking job end well.
pub const GO_ON: &str = "Go on";

/// The file that lets every waiting job end.
pub const GO: &str = "go";
/// How often a waiting job looks for it.
const LOOK: Duration = Duration::from_millis(100);

/// `/run <kind> <steps> <millis> <tag>`: as many steps, each so long, then `result of <tag>`.
pub struct Work {
    deed: Deed,
    clock: Arc<dyn Clock>,
}

impl Work {
    /// Work with a deed.
    pub fn new(deed: Deed) -> Self {
        Self { deed, clock: Arc::new(SystemClock::new()) }
    }
}

/// The first line of a result.
pub fn result_of(tag: &str) -> String {
    format!("result of {tag}.")
}

/// A numbered line of a result of several parts.
pub fn line_of(tag: &str, number: usize) -> String {
    format!("{tag} line {number:03} of the long result.")
}

fn understand(text: &str) -> Result<(u32, Duration, &str), String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let [steps, millis, tag] = words.as_slice() else {
        return Err("it takes <steps> <millis> <tag>".to_owned());
    };
    let number = |word: &str| word.parse::<u32>().map_err(|_| format!("{word} is no number"));
    Ok((number(steps)?, Duration::from_millis(u64::from(number(millis)?)), tag))
}

fn failed(code: &str, text: impl ToString) -> Failure {
    Failure::Permanent(Cause::new(code, text.to_string()))
}

#[async_trait]
impl Worker for Work {
    async fn run(&self, ctx: Context, input: Input) -> Result<Output, Failure> {
        let (steps, step, tag) = understand(&input.text).map_err(|why| failed("input", why))?;
        for at in 1..=steps {
            ctx.step(at, steps, format!("{tag} at step {at}"));
            tokio::select! {
                () = self.clock.sleep_until(self.clock.monotonic() + step) => {}
                () = ctx.cancelled() => return Err(failed("stopped", "told to stop")),
            }
        }
        while self.deed == Deed::Waits && !Path::new(GO).exists() {
            ctx.progress(format!("{tag} waits"));
            tokio::select! {
                () = self.clock.sleep_until(self.clock.monotonic() + LOOK) => {}
                () = ctx.cancelled() => return Err(failed("stopped", "told to stop")),
            }
        }
        let mut text = result_of(tag);
        match self.deed {
            Deed::Steps | Deed::Waits => {}
            Deed::Stumbles => {
                let before = ctx.folder().join("stumbled");
                if !before.exists() {
                    std::fs::write(&before, tag).map_err(|error| failed("io", error))?;
                    return Err(Failure::Retryable(Cause::new("stumbled", format!("{tag} has stumbled"))));
                }
            }
            Deed::Asks => {
                let answer = ctx.ask(format!("Shall {tag} go on?"), &[GO_ON, "Stop"]).await;
                match answer {
                    Ok(0) => {}
                    Ok(_) => return Err(failed("stopped", "somebody said stop")),
                    Err(why @ (NoAnswer::Stopped | NoAnswer::Refused(_))) => return Err(failed("no answer", why)),
                }
            }
            Deed::Parts => {
                for number in 1..=LINES {
                    text.push_str("\n\n");
                    text.push_str(&line_of(tag, number));
                }
            }
            Deed::File => {
                let path = ctx.folder().join("attached.txt");
                std::fs::write(&path, format!("the file of {tag}\n")).map_err(|error| failed("io", error))?;
                ctx.attach(format!("{tag}.txt"), path);
            }
        }
        Ok(Output::text(text))
    }

    fn check(&self, input: &Input) -> Result<(), String> {
        understand(&input.text).map(drop)
    }

    fn about(&self) -> String {
        "takes <steps> <millis> <tag>".to_owned()
    }
}
