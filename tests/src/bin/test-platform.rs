//! The scripted platform in a process of its own, which outlives every bot that is killed.

use std::process::ExitCode;

use wilco_sim::server::{self, Options};

#[tokio::main(flavor = "current_thread")]
#[allow(clippy::print_stderr, reason = "a program speaks to its terminal")]
async fn main() -> ExitCode {
    let served = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => server::run(options, &mut std::io::stdout()).await.map_err(|error| error.to_string()),
        Err(sentence) => Err(sentence),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("test-platform: {sentence}");
            ExitCode::FAILURE
        }
    }
}
