//! The movement of wilco: what runs the jobs and carries their results to the channels.
//!
//! [`Bot`] is the whole of it: one shared loop over one closed event type, a supervisor for each
//! running job, an outbox that delivers what has to become visible, a deadline watch, and recovery
//! at the start. It knows no platform and keeps no fact in memory.

mod bot;
mod channel_loop;
pub mod clock;
mod connections;
mod credentials;
mod delivery;
mod desk;
mod event;
mod firing;
mod host;
mod intake;
pub mod kinds;
pub mod launcher;
mod notices;
mod probes;
mod shared;
mod shelf;
mod supervisor;
mod timeline;

pub use bot::Bot;
pub use channel_loop::DRAIN_LIMIT;
pub use desk::LoopDesk;
pub use shared::Parts;
pub use shelf::StoreShelf;
