//! What people see on Discord, word for word: the whole bot over a Discord of our own, one script for every message
//! that there is.
//!
//! A transcript shows a channel with the edits folded. `only ana sees` is a private note; a slash command itself is
//! no message, so that it does not show. At its end every script checks that nothing was sent that Discord's
//! description does not know, that nothing stands there twice, and that only pings notify, one person each.

mod commands;
mod ends;
mod followups;
mod looks;
mod roads;
mod rows;
