//! `echo`: the smallest job there is, for trying out a channel.

use async_trait::async_trait;
use wilco_core::job::{Context, Failure, Input, Output, Worker};

/// Gives back what it was given.
#[derive(Clone, Copy, Debug, Default)]
pub struct Echo;

#[async_trait]
impl Worker for Echo {
    async fn run(&self, _ctx: Context, input: Input) -> Result<Output, Failure> {
        Ok(Output::text(input.text))
    }

    fn check(&self, input: &Input) -> Result<(), String> {
        if input.text.trim().is_empty() {
            return Err("echo needs a text to give back, such as `/run echo hello`".to_owned());
        }
        Ok(())
    }

    fn about(&self) -> String {
        "gives back the text after it".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::stage::{Recorder, input};

    #[tokio::test]
    async fn the_text_comes_back_unchanged_and_an_empty_one_is_refused() {
        let stage = Recorder::stage();
        assert_eq!(Echo.run(stage.context(), input("two  words")).await.unwrap(), Output::text("two  words"));
        assert!(Echo.check(&input("two  words")).is_ok());
        assert!(Echo.check(&input(" \n")).unwrap_err().contains("/run echo"));
    }
}
