//! One binary for every test that needs the whole house.

mod browser;
mod conformance;
mod followups;
mod house;
mod invariants;
mod kill;
mod process;
mod transcripts;
