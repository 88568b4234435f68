//! The fake platforms by hand: `cargo run -p wilco-sim -- discord` or `slack`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
#[allow(clippy::print_stderr, reason = "a program speaks to its terminal")]
async fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let done = match args.next().as_deref() {
        Some("discord") => wilco_sim::discord::run(args, &mut std::io::stdout()).await,
        Some("slack") => wilco_sim::slack::run(args, &mut std::io::stdout()).await,
        Some(_) | None => {
            eprintln!("wilco-sim: say which platform: `wilco-sim discord|slack [--port N] [--until-eof]`");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wilco-sim: {error}");
            ExitCode::from(if error.kind() == std::io::ErrorKind::InvalidInput { 2 } else { 1 })
        }
    }
}
