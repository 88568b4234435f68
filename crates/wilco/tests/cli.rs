//! The real program in a folder of its own: its greeting, its commands, its signals, its exit codes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "cli/configured.rs"]
mod configured;
#[path = "cli/discord.rs"]
mod discord;
#[path = "cli/followups.rs"]
mod followups;
#[path = "cli/gates.rs"]
mod gates;
#[path = "cli/home.rs"]
mod home;
#[path = "cli/looking.rs"]
mod looking;
#[path = "cli/road.rs"]
mod road;
#[path = "cli/serving.rs"]
mod serving;
#[path = "cli/slack.rs"]
mod slack;
