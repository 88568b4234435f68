//! Deterministic simulation: the real core, loop and store in one thread under a clock that jumps, against
//! a scripted platform, with faults, deaths and people drawn from a seed.
//!
//! A [`Schedule`] is a whole life as a value. [`run`] lives it and answers what it left behind: the hash
//! of everything that happened, and every sentence of the promise that did not hold. The same schedule
//! gives the same hash, byte for byte, on every machine.

mod acts;
pub mod crew;
mod doom;
pub mod evidence;
pub mod exhaustive;
mod hash;
pub mod invariants;
mod late;
pub mod ledger;
mod life;
mod luck;
mod panics;
mod performer;
mod refusals;
mod report;
mod runs;
pub mod schedule;
mod scratch;
mod shrink;
mod wire;
mod world;

pub use doom::Passing;
pub use exhaustive::{Breadth, cells};
pub use life::{Figures, Lived, run, run_traced};
pub use report::{commit, report};
pub use schedule::Schedule;
pub use shrink::shrink;
