//! One binary for every test that needs the whole house.

mod browser;
mod conformance;
mod discord_mouth;
mod discord_scripts;
mod followups;
mod foreign;
mod house;
mod invariants;
mod kill;
mod mouths;
mod process;
mod slack_mouth;
mod slack_scripts;
mod transcripts;
