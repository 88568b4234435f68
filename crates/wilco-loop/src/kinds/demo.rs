//! `demo`: a job of 20 seconds that shows everything a job can do, with nothing to configure.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use wilco_core::job::{Context, Failure, Input, NoAnswer, Output, Worker};
use wilco_core::time::Clock;

use super::{permanent, stopped};

/// What the steps are called, and what each says half-way.
const STEPS: [(&str, &str); 5] = [
    ("fetching the numbers", "1,284 rows from 3 regions"),
    ("checking them", "2 rows without a date, left out"),
    ("adding them up", "north and south agree with last week"),
    ("drawing the chart", "12 columns, one colour"),
    ("writing the report", "one page"),
];
/// A step says something new after each of these.
const HALF_STEP: Duration = Duration::from_secs(2);
/// The step at which `demo fail` fails.
const FAILS_AT: u32 = 3;
/// Enough sections for several messages on every platform.
const LONG_SECTIONS: u32 = 60;

/// What the text after the name asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Plain,
    Ask,
    Fail,
    Long,
    File,
}

impl Wish {
    fn read(text: &str) -> Result<Self, String> {
        match text.trim() {
            "" => Ok(Self::Plain),
            "ask" => Ok(Self::Ask),
            "fail" => Ok(Self::Fail),
            "long" => Ok(Self::Long),
            "file" => Ok(Self::File),
            other => Err(format!(
                "demo knows `ask`, `fail`, `long` and `file`, or nothing after its name; it does not know `{}`",
                wilco_core::wording::one_line(other)
            )),
        }
    }
}

/// The built-in demonstration.
pub struct Demo {
    clock: Arc<dyn Clock>,
}

impl Demo {
    /// A demonstration that waits by this clock.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock }
    }

    /// Waits for half a step; a stop ends the wait at once.
    async fn pause(&self, ctx: &Context, step: u32) -> Result<(), Failure> {
        let until = self.clock.monotonic() + HALF_STEP;
        tokio::select! {
            biased;
            () = ctx.cancelled() => Err(stopped(format!("stopped at step {step}"))),
            () = self.clock.sleep_until(until) => Ok(()),
        }
    }
}

#[async_trait]
impl Worker for Demo {
    async fn run(&self, ctx: Context, input: Input) -> Result<Output, Failure> {
        let wish = Wish::read(&input.text).map_err(|text| permanent("argument", text))?;
        if wish == Wish::Ask {
            match ctx.ask("Shall I write the report now?", &["Yes", "No"]).await {
                Ok(0) => {}
                Ok(_) => return Ok(Output::text("You said no, so nothing was done.")),
                Err(NoAnswer::Stopped) => return Err(stopped("stopped before the first step")),
                Err(NoAnswer::Refused(why)) => return Err(permanent("question", why)),
            }
        }
        let of = u32::try_from(STEPS.len()).unwrap_or(u32::MAX);
        for (at, (name, detail)) in (1_u32..).zip(STEPS) {
            ctx.step(at, of, name);
            self.pause(&ctx, at).await?;
            if wish == Wish::Fail && at == FAILS_AT {
                return Err(permanent("demo", format!("step {at} failed, as `demo fail` was asked to")));
            }
            ctx.progress(detail);
            self.pause(&ctx, at).await?;
            ctx.partial(format!("{at} of {of} steps are done."));
        }
        match wish {
            Wish::Plain | Wish::Ask | Wish::Fail => Ok(Output::text(RESULT)),
            Wish::Long => Ok(Output::text(long())),
            Wish::File => attach(&ctx),
        }
    }

    fn check(&self, input: &Input) -> Result<(), String> {
        Wish::read(&input.text).map(|_| ())
    }

    fn about(&self) -> String {
        "a 20-second job in 5 steps; also `demo ask`, `fail`, `long`, `file`".to_owned()
    }
}

const RESULT: &str = "All 5 steps are done: 1,282 rows counted, north and south agree.";

/// A result that no platform shows in one message.
fn long() -> String {
    let mut text = format!("{RESULT}\n");
    for section in 1..=LONG_SECTIONS {
        // Writing into a string cannot fail.
        write!(
            text,
            "\n**Section {section}**\nRows {} to {} were read, checked and added up. ",
            section * 20,
            section * 20 + 19
        )
        .ok();
        text.push_str("Nothing unusual was found, and the sums agree with those of last week.\n");
    }
    text
}

fn attach(ctx: &Context) -> Result<Output, Failure> {
    let path = ctx.folder().join("demo.csv");
    let rows: String = (1..=12).map(|month| format!("{month},{}\n", 100 + month * 7 % 12)).collect();
    std::fs::write(&path, format!("month,rows\n{rows}")).map_err(|error| {
        permanent("file", format!("demo.csv could not be written: {error}; run it again when there is room"))
    })?;
    ctx.attach("demo.csv", path);
    Ok(Output::text(format!("{RESULT} The numbers are in demo.csv.")))
}

#[cfg(test)]
mod tests {
    use wilco_core::job::Progress;

    use super::*;
    use crate::kinds::stage::{Jumping, Recorder, Stage, input};

    async fn demo(stage: &Stage, text: &str) -> (Result<Output, Failure>, Duration) {
        let clock = Jumping::default();
        let demo = Demo::new(Arc::new(clock.clone()));
        assert_eq!(demo.check(&input(text)), Ok(()));
        (demo.run(stage.context(), input(text)).await, clock.monotonic())
    }

    #[tokio::test]
    async fn five_steps_take_twenty_seconds_and_each_shows_itself() {
        let stage = Recorder::stage();
        let (result, took) = demo(&stage, "").await;
        assert_eq!((result.unwrap().text.as_str(), took), (RESULT, Duration::from_secs(20)));
        let steps: Vec<u32> = stage
            .host
            .progress
            .lock()
            .unwrap()
            .iter()
            .filter_map(|progress| match progress {
                Progress::Step { at, of: 5, .. } => Some(*at),
                Progress::Step { .. } | Progress::Line(_) | Progress::Partial(_) | Progress::Alive => None,
                Progress::ToolStarted(_) | Progress::ToolCompleted(_) => None,
            })
            .collect();
        assert_eq!(steps, [1, 2, 3, 4, 5]);
    }

    #[tokio::test]
    async fn a_question_comes_first_and_no_means_no() {
        let stage = Recorder { answer: Some(1), ..Recorder::default() }.on_stage();
        let (result, took) = demo(&stage, "ask").await;
        assert!(result.unwrap().text.contains("nothing was done"));
        assert_eq!(took, Duration::ZERO);
        assert_eq!(stage.host.asked.lock().unwrap()[0].choices, ["Yes", "No"]);

        let stage = Recorder { answer: Some(0), ..Recorder::default() }.on_stage();
        assert_eq!(demo(&stage, "ask").await.0.unwrap().text, RESULT);
    }

    #[tokio::test]
    async fn c1_a_stop_is_obeyed_at_once_without_another_step() {
        let stage = Recorder { stop_after: Some(4), ..Recorder::default() }.on_stage();
        let (result, took) = demo(&stage, "").await;
        assert!(matches!(result, Err(Failure::Permanent(cause)) if cause.text == "stopped at step 2"));
        assert_eq!(took, Duration::from_secs(4));
        assert_eq!(stage.host.progress.lock().unwrap().len(), 4);
    }

    #[tokio::test]
    async fn it_can_fail_answer_at_length_and_leave_a_file() {
        let stage = Recorder::stage();
        let (result, took) = demo(&stage, "fail").await;
        assert!(matches!(result, Err(Failure::Permanent(cause)) if cause.text.starts_with("step 3 failed")));
        assert_eq!(took, Duration::from_secs(10));

        assert!(demo(&stage, "long").await.0.unwrap().text.chars().count() > 8_000);

        demo(&stage, "file").await.0.unwrap();
        let (name, path) = stage.host.files.lock().unwrap()[0].clone();
        assert_eq!(name, "demo.csv");
        assert_eq!(std::fs::read_to_string(path).unwrap().lines().count(), 13);
    }

    #[test]
    fn other_text_is_refused_with_what_is_known() {
        let demo = Demo::new(Arc::new(Jumping::default()));
        let refusal = demo.check(&input("explode\u{202e} now")).unwrap_err();
        assert!(refusal.contains("`ask`") && refusal.contains("`explode now`"), "{refusal}");
    }
}
