//! The page in a real browser, served by the real program.

mod alone;
mod bot;
mod page;
mod together;
mod trouble;
