//! Keeps a database locked until its standard input ends: another program in the tests of a locked store.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
#[allow(clippy::print_stderr, reason = "a program speaks to its terminal")]
async fn main() -> ExitCode {
    match wilco_tests::real::holder::main(&mut std::io::stdout()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("store-holder: {sentence}");
            ExitCode::FAILURE
        }
    }
}
