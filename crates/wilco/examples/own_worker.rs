//! A worker of one's own: `cargo run --example own_worker`, open the link, and type `/run bake 5`.
#![allow(clippy::disallowed_methods, reason = "a worker outside of wilco's own code may wait as it likes")]

use std::time::Duration;

use wilco::{Bot, Cause, Context, Failure, Input, NoAnswer, Output, Worker, async_trait};

struct Bake;

#[async_trait]
impl Worker for Bake {
    async fn run(&self, ctx: Context, input: Input) -> Result<Output, Failure> {
        let loaves: u32 = input.text.trim().parse().unwrap_or(3);
        if ctx.ask("Is the oven hot?", &["Yes", "No"]).await.map_err(unanswered)? != 0 {
            return Ok(Output::text("Nothing was baked: the oven is cold."));
        }
        for loaf in 1..=loaves {
            ctx.step(loaf, loaves, format!("baking loaf {loaf}"));
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(2)) => ctx.partial(format!("{loaf} loaves are done.")),
                () = ctx.cancelled() => return Err(Failure::Permanent(Cause::new("stopped", "the oven is off"))),
            }
        }
        Ok(Output::text(format!("**{loaves} loaves** for {}.", input.person.name)))
    }

    fn check(&self, input: &Input) -> Result<(), String> {
        let known = input.text.trim().is_empty()
            || input.text.trim().parse().is_ok_and(|loaves| (1..100_u32).contains(&loaves));
        known.then_some(()).ok_or_else(|| "bake takes a number from 1 to 99".to_owned())
    }

    fn about(&self) -> String {
        "bakes bread, such as `bake 5`".to_owned()
    }
}

fn unanswered(why: NoAnswer) -> Failure {
    Failure::Permanent(Cause::new("no answer", why.to_string()))
}

fn main() -> std::process::ExitCode {
    Bot::builder().worker("bake", Bake).main()
}
