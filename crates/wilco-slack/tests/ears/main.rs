//! The ears against the fake Slack, over real sockets and on a clock that only a test moves.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod desk;
mod interactions;
mod messages;
mod people;
mod recovery;
mod requests;
mod slow_store;
mod sockets;
mod stage;
