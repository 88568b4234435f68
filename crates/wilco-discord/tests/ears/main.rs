//! The ears against the fake Discord, over real sockets and on a clock that only a test moves.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod commands;
mod gateway;
mod house;
mod interactions;
mod messages;
mod recovery;
mod stage;
