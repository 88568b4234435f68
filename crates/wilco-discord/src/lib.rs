//! Discord: its mouth and its ears.
//!
//! [`Discord`] is one adapter among others. Its mouth is `mouth.rs`: what an envelope looks like on Discord
//! (`message.rs`, `render.rs`, `components.rs`), how it gets there (`rest/`), and what became of it (`outcome.rs`).
//! Its ears are `gateway/` and what hangs on it.
//!
//! serenity gives the models, the builders and the routes. No request goes through its HTTP client, because that one
//! sleeps inside of calls, sends again what was delivered, and judges waits by the wall clock.

mod catchup;
pub mod check;
pub mod commands;
mod components;
mod direct;
mod discord;
mod ears;
mod gateway;
mod history;
mod interactions;
mod message;
mod messages;
mod mouth;
mod options;
mod outcome;
mod payload;
mod permissions;
mod place;
mod probe;
mod render;
mod rest;
mod seal;
mod snowflake;
mod time;

pub use discord::{Discord, SetupError};
pub use options::{Options, Secret};
