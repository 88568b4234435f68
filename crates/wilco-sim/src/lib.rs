//! A scripted platform: a chat that exists only to be looked at, and that misbehaves on demand.
//!
//! [`Platform`] holds what a person would see, and a numbered log of every call and every effect.
//! [`Scripted`] speaks to it in process; [`server::serve`] puts the same platform behind HTTP, in a
//! process of its own, where [`Remote`] speaks to it over real sockets. One fault script
//! ([`faults`]) drives both, so a test reads the same whichever transport it runs on.
//!
//! Nothing here knows wilco's store or loop: what a test counts comes from this side of the wire.

pub mod answer;
pub mod clock;
pub mod control;
pub mod discord;
mod draw;
mod ears;
pub mod faults;
pub mod kinds;
mod lines;
pub mod message;
pub mod platform;
pub mod profile;
pub mod remote;
pub mod request;
pub mod scripted;
pub mod server;
pub mod shelf;
pub mod slack;
pub mod snapshot;
mod transcript;

#[cfg(test)]
mod tests;

pub use control::Control;
pub use draw::Draw;
pub use faults::{Chaos, Fault, Rule, Verb};
pub use message::{Author, Call, Entry, Logged, Message, Note, ShownFile, Version};
pub use platform::{PersonError, Platform, place};
pub use profile::Profile;
pub use remote::Remote;
pub use scripted::Scripted;
pub use shelf::MemoryShelf;
pub use snapshot::Snapshot;
