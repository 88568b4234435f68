//! A script speaks, time is moved by hand, and the snapshot is the channel as a person sees it.

mod access;
mod attempts;
mod basics;
mod cancel;
mod clocks;
mod commands;
mod delivery;
mod desk;
mod disk;
mod gate;
mod journal;
mod limits;
mod logging;
mod messages;
mod outcomes;
mod questions;
mod receipts;
mod recovery;
mod reload;
mod responsive;
mod results;
mod shapes;
mod stalled;
mod watching;
mod wording;
mod workers;
