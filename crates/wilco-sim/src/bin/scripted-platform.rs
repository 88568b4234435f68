//! The scripted platform in a process of its own.

use std::process::ExitCode;

use wilco_sim::server::{self, Options};

#[tokio::main(flavor = "current_thread")]
#[allow(clippy::print_stderr, reason = "a program speaks to its terminal")]
async fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(sentence) => {
            eprintln!("scripted-platform: {sentence}");
            return ExitCode::from(2);
        }
    };
    match server::run(options, &mut std::io::stdout()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("scripted-platform: {error}");
            ExitCode::FAILURE
        }
    }
}
