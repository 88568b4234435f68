//! One binary for every test that needs the whole house.

mod house;
mod kill;
mod transcripts;
