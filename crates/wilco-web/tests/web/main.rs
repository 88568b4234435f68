//! The web chat from outside: its routes by requests without a network, its adapter by the same calls
//! that the outbox makes.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test, and it names its line")]

mod adapter;
mod api;
mod chat;
mod fakes;
mod followups;
mod security;
mod site;
