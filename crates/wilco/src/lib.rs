//! wilco: runs long jobs from chat, and the answer always arrives.
//!
//! The program `wilco` is [`main`]. As a crate it takes workers and connections of one's own:
//!
//! ```no_run
//! use wilco::{Bot, Context, Failure, Input, Output, Worker, async_trait};
//!
//! struct Hello;
//!
//! #[async_trait]
//! impl Worker for Hello {
//!     async fn run(&self, ctx: Context, input: Input) -> Result<Output, Failure> {
//!         ctx.progress("thinking of a greeting");
//!         Ok(Output::text(format!("Hello, {}", input.person.name)))
//!     }
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     Bot::builder().worker("hello", Hello).main()
//! }
//! ```
//!
//! A program made like this has the whole command line of `wilco`, reads the same configuration and
//! opens the same page; `examples/own_worker.rs` shows progress, a question and a cancel.

mod bot;
pub mod cli;
mod commands;
pub mod config;
pub mod exit;
mod greeting;
mod kinds;
mod listen;
mod local;
pub mod logs;
mod out;
mod program;
mod run;
mod wiring;

pub use async_trait::async_trait;
pub use bot::{Bot, Extras, MakeAdapter, Tune};
pub use program::{main, main_with};
pub use wilco_core as core;
pub use wilco_core::{
    Accepted, AccountId, Address, Audience, Cause, Context, DeliveryOutcome, Envelope, Failure, Found, Inbound, Inbox,
    Input, Limits, ListenEnd, MessageRef, Messaging, NotSurfaced, Output, Person, Place, Reply, Shelf, StatusUpdate,
    Worker,
    job::{NoAnswer, Progress},
};
pub use wilco_loop::{clock::SystemClock, launcher};
pub use wiring::Wiring;
