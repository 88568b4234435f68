//! The words and the rules of wilco.
//!
//! Given a state, an event and a time, this crate says what comes next. It does no I/O, starts no
//! task, reads no clock and draws no random number of its own: the time and the [`random::Dice`]
//! are handed in, so that every rule is a plain function a test can call.
//!
//! Start with [`contract`] (what wilco owes an address), [`receipt`] (one message that still has to
//! become visible) and [`outcome`] (what a platform did with it).

pub mod access;
pub mod address;
pub mod classify;
pub mod command;
pub mod contract;
pub mod desk;
pub mod envelope;
pub mod followup;
pub mod gate;
pub mod ids;
pub mod inbound;
pub mod job;
pub mod journal;
pub mod messaging;
pub mod outcome;
pub mod pacing;
pub mod pairing;
pub mod plan;
pub mod question;
pub mod random;
pub mod receipt;
pub mod retry;
pub mod schedule;
pub mod settings;
pub mod shelf;
pub mod text;
pub mod time;
pub mod when;
pub mod wording;
pub mod worker;

pub use address::{Address, Audience, Place, Route};
pub use envelope::{Body, Button, Envelope, EnvelopeKind, FileRef, Press};
pub use ids::{
    AccountId, BackendId, ContractId, DeliveryKey, FollowupId, InstanceId, OccurrenceId, QuestionId, ReceiptId, Short,
    WorkerId,
};
pub use inbound::{Accepted, Inbound, Inbox, Person, Reply, What};
pub use job::{Context, Failure, Input, Output, Worker};
pub use messaging::{Abilities, Limits, ListenEnd, Messaging, StatusUpdate};
pub use outcome::{Cause, DeliveryOutcome, Found, MessageRef, NotSurfaced, Scope};
pub use shelf::Shelf;
pub use time::{Clock, Timestamp};
