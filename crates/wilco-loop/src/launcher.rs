//! The process between wilco and a command, so that nothing of a job outlives the bot.
//!
//! A command is never started by wilco itself. Wilco starts its own executable once more, as
//! `wilco __child <options> -- program arguments…`, and that small process does what has to happen
//! between the two: a session of its own, no new privileges, resource limits, a process group for the
//! command. Then it watches. Its standard input is one end of a socket whose other end only wilco
//! holds: orders come in by it, reports go out by it, and when it closes, because wilco dropped the
//! job or was killed, everything below the launcher is killed at once (requirement C10).
//!
//! The launcher is a *subreaper*: processes that detach themselves (`setsid`, `nohup`, a double fork)
//! become its children instead of leaving. "No child left to wait for" is therefore a proof that no
//! process of the job is alive, and the launcher reports the end only then. This part is Linux's;
//! elsewhere the process group alone is killed.
//!
//! Nothing here uses an async runtime or a second thread, because the process has one thing to do.

use std::ffi::OsString;
use std::path::PathBuf;

mod frame;
mod options;
mod tree;
mod watch;

pub(crate) use frame::order_line;
pub use frame::{Order, Report};
pub use options::{Options, Rlimits};
pub(crate) use tree::strays;

/// The hidden first argument that turns the executable into a launcher.
pub const VERB: &str = "__child";

/// Runs the launcher when this process was started as one, and returns its exit code: that of the
/// command, 128 + n when signal n ended it, 127 when it could not be started, 2 when the options
/// make no sense.
///
/// Call it first in `main`, before any thread or runtime is started:
/// `if let Some(code) = wilco_loop::launcher::intercept() { std::process::exit(code) }`.
pub fn intercept() -> Option<i32> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()?.to_str() != Some(VERB) {
        return None;
    }
    let arguments: Vec<OsString> = arguments.collect();
    Some(match Options::parse(&arguments) {
        Ok(options) => watch::run(&options),
        Err(error) => {
            let report = Report::NotStarted { text: error };
            // Whoever started it wrongly may not be listening; the exit code says it, too.
            drop(watch::tell(&report));
            2
        }
    })
}

/// How to start this very executable again.
///
/// On Linux this is a name for the running program rather than for its file, so that a launcher of
/// the same version starts even after the file was replaced by an upgrade.
///
/// # Errors
///
/// When the system does not tell where the executable is.
pub fn this_executable() -> std::io::Result<PathBuf> {
    let running = PathBuf::from("/proc/self/exe");
    if running.exists() { Ok(running) } else { std::env::current_exe() }
}
