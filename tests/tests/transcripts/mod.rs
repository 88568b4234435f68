//! A script speaks, time is moved by hand, and the snapshot is the channel as a person sees it.

mod basics;
mod delivery;
mod journal;
mod messages;
mod outcomes;
mod receipts;
mod recovery;
