//! The web chat: a platform of its own, with the page that shows it and the HTTP API that the page uses.
//!
//! [`Web`] is one adapter among others: the loop posts and edits through [`wilco_core::Messaging`],
//! people's words go to the [`wilco_core::Inbox`], and what people look at beside the conversation
//! comes from the [`wilco_core::desk::Desk`]. What has to outlive the process stands on the
//! [`wilco_core::Shelf`] before anybody is told that it is visible.
//!
//! Wiring, in this order: [`Web::new`], [`Web::load`], [`Web::attach`], then [`Web::serve`] beside the
//! loop that calls `listen`.

mod adapter;
mod api;
mod book;
mod error;
mod guard;
mod hub;
mod intake;
mod message;
mod notes;
mod options;
mod page;
mod session;
mod web;

pub use options::{ChannelSpec, Options, WebPerson};
pub use web::Web;
