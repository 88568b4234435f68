//! The sentences of the store, each with the requirement that it keeps. A proof knows only an open
//! engine, so that it says the same of every database behind it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::wildcard_enum_match_arm, reason = "a test names what it expects; everything else is a failure")]

mod attempts;
mod cancel;
#[cfg(feature = "crash-points")]
mod crash;
mod deadlines;
mod edits;
mod finish;
mod followups;
mod gates;
mod indexes;
mod journal;
mod offer;
mod pairing;
mod property;
mod recover;
mod retry;
mod routes;
mod settle;
mod support;
mod upgrade;
mod watch;
