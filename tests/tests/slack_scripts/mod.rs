//! What people see on Slack, word for word: the whole bot over a Slack of our own, one script for every message that
//! there is.
//!
//! A transcript shows a channel with the edits folded; threads stand to the right, under their message. `only ana sees`
//! is a private note; a slash command itself is no message, so that it does not show. At its end every script checks
//! that nothing was sent that Slack's tables do not know, that nothing stands there twice, and that only pings notify,
//! one person each. The app in the workspace is made from the manifest that `wilco setup slack` prints.

mod access;
mod commands;
mod ends;
mod followups;
mod looks;
mod roads;
mod rows;
mod steering;
