//! Follow-ups, in the rows: what is scheduled, what fires, and what became of it.

mod act;
mod alone;
mod claim;
#[cfg(feature = "crash-points")]
mod crash;
mod drops;
mod fire;
mod gate;
mod late;
mod list;
mod retention;
mod schedule;
mod settle;
mod stop;
pub(crate) mod support;
mod zones;
