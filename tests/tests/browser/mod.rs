//! The page in a real browser, served by the real program.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod alone;
mod bot;
mod followups;
mod page;
mod together;
mod trouble;
