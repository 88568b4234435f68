//! Slack: its mouth and its ears.
//!
//! [`Slack`] is one adapter among others; each workspace is an account of its own. `message.rs`, `render.rs` and
//! `blocks.rs` say what an envelope looks like on Slack, `rest/` how it gets there, `outcome.rs` what became of it,
//! `history.rs` how a message is found by its key, and `files.rs` how a file comes into a message. `manifest.rs` is the app
//! that the adapter needs, and `check.rs` what Slack says of it to whoever sets it up.
//!
//! Its ears are `socket/` (two sockets and who looks after them), `hear/` (when an envelope is acknowledged, and what is
//! kept meanwhile), `messages.rs` and `interactions.rs` (what people write and press), `tell.rs` (what they are answered)
//! and `catchup.rs` (what they wrote while nobody listened).
//!
//! The clients of the Web API and of Socket Mode are our own: a library's would have no time limit, hide waits, send again
//! what was delivered, or hold up one event for another.

mod active;
mod blocks;
mod catchup;
mod channels;
pub mod check;
mod commands;
mod direct;
mod ears;
mod files;
mod hear;
mod history;
mod identity;
pub mod ids;
mod interactions;
mod look;
pub mod manifest;
mod message;
mod messages;
mod mouth;
mod note;
mod options;
mod outcome;
mod payload;
mod people;
mod place;
mod probe;
mod reading;
mod render;
mod requests;
mod rest;
mod seal;
mod slack;
mod socket;
mod spoken;
mod status;
mod tell;
mod ts;
mod understand;
mod unescape;
mod unthreaded;
mod uploads;

pub use interactions::{CANCEL_SHORTCUT, HELP_SHORTCUT};

pub use commands::COMMAND;
pub use options::{Hears, Options, Requests, Secret, TokenError, TokenKind, app_token, bot_token, signing_secret};
pub use slack::{SetupError, Slack};
