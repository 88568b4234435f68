//! The facts of wilco: workers, contracts, receipts, the journal.
//!
//! A [`Store`] knows no platform and decides nothing: each sentence loads rows, calls a rule of
//! `wilco-core`, saves what it said, appends the journal, and is one transaction. Sentences are
//! values ([`changes`], [`reads`]), so that many callers can be committed together and a batch
//! that was undone can be applied again.

pub mod changes;
pub mod crash;
pub mod engine;
pub mod error;
#[doc(hidden)]
pub mod hot;
mod journal;
mod lock;
pub mod reads;
mod rows;

pub use engine::{Change, Engine as Store, Looked, Mode, Options, Synchronous};
pub use error::StoreError;
