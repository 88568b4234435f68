//! The page in a real browser, served by the real program.

mod alone;
mod bot;
pub(crate) mod page;
mod together;
mod trouble;
