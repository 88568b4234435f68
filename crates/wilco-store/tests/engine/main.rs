//! The engine over real SQLite files.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod full_disk;
mod grouping;
mod inline;
mod opening;
mod reading;
mod support;
mod trouble;
