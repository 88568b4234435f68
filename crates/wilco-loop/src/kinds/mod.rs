//! The kinds of jobs: those that are built in, the one that runs a program, and the list of all.

pub mod command;
pub mod demo;
pub mod echo;
pub mod registry;
pub mod say;
#[cfg(test)]
mod stage;

pub use command::{ArgSpec, CommandSpec, CommandWorker};
pub use demo::Demo;
pub use echo::Echo;
pub use registry::{KindMap, Kinds};
pub use say::Say;

use wilco_core::job::Failure;
use wilco_core::outcome::Cause;

/// A failure that another attempt would not change.
fn permanent(code: impl Into<String>, text: impl Into<String>) -> Failure {
    Failure::Permanent(Cause::new(code, text))
}

/// A failure that the next attempt might not meet.
fn retryable(code: impl Into<String>, text: impl Into<String>) -> Failure {
    Failure::Retryable(Cause::new(code, text))
}

/// What a job answers that was told to stop and did. The loop words the end itself.
fn stopped(text: impl Into<String>) -> Failure {
    permanent("cancelled", text)
}
