//! `say`: a reminder or a notice. It is a job that is done at once, so that a reminder travels the
//! same road, and has the same promise, as any result.

use async_trait::async_trait;
use wilco_core::job::{Context, Failure, Input, Output, Worker};

/// Says a text.
#[derive(Clone, Copy, Debug, Default)]
pub struct Say;

#[async_trait]
impl Worker for Say {
    async fn run(&self, _ctx: Context, input: Input) -> Result<Output, Failure> {
        Ok(Output::text(input.text.trim()))
    }

    fn check(&self, input: &Input) -> Result<(), String> {
        if input.text.trim().is_empty() {
            return Err("say needs a text, such as `/run say the build machine is back`".to_owned());
        }
        Ok(())
    }

    fn about(&self) -> String {
        "says the text after it, as a reminder or a notice".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::stage::{Recorder, input};

    #[tokio::test]
    async fn the_notice_is_done_at_once_and_an_empty_one_is_refused() {
        let stage = Recorder::stage();
        assert_eq!(Say.run(stage.context(), input(" stand-up! ")).await.unwrap(), Output::text("stand-up!"));
        assert!(Say.check(&input("")).unwrap_err().contains("/run say"));
    }
}
