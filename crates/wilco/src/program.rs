//! The program: one process from its command line to its exit code.

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use tokio::runtime::Runtime;

use crate::bot::Extras;
use crate::cli::{Cli, Command};
use crate::config::{Config, Loader, LogConfig, Problems};
use crate::exit::{Ended, Exit};
use crate::{commands, logs, out, run};

/// How long work that cannot be interrupted, such as a look into a file, may take at the very end.
const LAST: Duration = Duration::from_secs(2);

/// The program `wilco`.
pub fn main() -> ExitCode {
    main_with(Extras::default())
}

/// The program `wilco` with additions: what [`crate::Bot::main`] calls, and what a test's own binary is made of.
///
/// Call it first in `main`. When this process was started as the launcher of a command, it is that and nothing else.
pub fn main_with(extras: Extras) -> ExitCode {
    if let Some(code) = wilco_loop::launcher::intercept() {
        return ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX));
    }
    let words: Vec<OsString> = std::env::args_os().collect();
    // Looked for by hand, because a command line that is not understood has to be answered, too.
    let json = words.iter().take_while(|word| *word != "--").any(|word| word == "--json");
    match perform(words, extras) {
        Ok(exit) => exit.into(),
        Err(error) => {
            explain(&error, json);
            Exit::of(&error).into()
        }
    }
}

fn explain(error: &anyhow::Error, json: bool) {
    // Help and version were asked for and are no error.
    if json && Exit::of(error) != Exit::Fine {
        return out::complain_json(Ended::word(error), format!("{error:#}").trim_end());
    }
    if let Some(problems) = error.downcast_ref::<Problems>() {
        return out::complain_masked(&problems.masked());
    }
    match error.downcast_ref::<clap::Error>() {
        // Help goes to standard output and mistakes to standard error. Where that is closed, the code says it.
        Some(usage) => drop(usage.print()),
        None => out::complain(&format!("{error:#}")),
    }
}

fn perform(words: impl IntoIterator<Item = OsString>, extras: Extras) -> anyhow::Result<Exit> {
    let cli = Cli::read(words)?;
    let loader = Loader::from_process(cli.flags());
    extras.check()?;
    match cli.wanted() {
        Command::Check { show } => commands::check(&loader, &extras, show, cli.json),
        Command::Run => {
            let config = loader.load()?;
            begin_log(&loader, &config.log)?;
            within(run::run(loader, config, extras))?;
            Ok(Exit::Fine)
        }
        Command::Jobs(jobs) => {
            let config = quiet(&loader)?;
            within(commands::jobs(&config, extras, jobs, cli.json))
        }
        Command::Followups(followups) => {
            let config = quiet(&loader)?;
            within(commands::followups(&config, extras, followups, cli.json))
        }
        Command::Gate(gate) => {
            let config = quiet(&loader)?;
            within(commands::gate(&config, extras, gate, cli.json))?;
            Ok(Exit::Fine)
        }
        Command::Access(access) => {
            let config = quiet(&loader)?;
            within(commands::access(&config, extras, access, cli.json))?;
            Ok(Exit::Fine)
        }
        Command::Commands(wanted) => {
            let config = quiet(&loader)?;
            within(commands::commands(&config, wanted, cli.json))
        }
        Command::Setup(setup) => {
            let config = quiet(&loader)?;
            within(commands::setup(&config, &loader, setup, cli.json))
        }
        Command::Doctor { channel } => within(commands::doctor(&loader, extras, channel.as_ref(), cli.json)),
        Command::Receipts(receipts) => {
            let config = quiet(&loader)?;
            within(commands::receipts(&config, extras, receipts, cli.json))?;
            Ok(Exit::Fine)
        }
    }
}

/// The configuration for a command that answers and ends: its log holds warnings only, unless `RUST_LOG` wants more.
fn quiet(loader: &Loader) -> anyhow::Result<Config> {
    let config = loader.load()?;
    begin_log(loader, &LogConfig { filter: "warn".to_owned(), ..config.log.clone() })?;
    Ok(config)
}

fn begin_log(loader: &Loader, config: &LogConfig) -> Result<(), Ended> {
    logs::init(config, loader.variable("RUST_LOG")).map_err(|error| Ended::new(Exit::Config, error.to_string()))
}

/// Runs a future to its end in a runtime of its own. Two threads are enough: jobs are processes and waiting.
fn within<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime: Runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("wilco")
        .enable_all()
        .build()
        .context("the system gives no threads")?;
    let ended = runtime.block_on(work);
    runtime.shutdown_timeout(LAST);
    ended
}
