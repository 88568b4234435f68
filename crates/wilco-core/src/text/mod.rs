//! Text that people are shown: made harmless, measured, shortened, split and worded (M9, M10, W14,
//! W15, R16).
//!
//! Everything here is a pure function that takes any string and never panics. A length is always
//! counted in the [`Unit`] of the platform, a cut never goes through a grapheme cluster (what a
//! person takes for one character), and the time needed grows at most linearly with the text.

mod classes;
mod cut;
mod fence;
mod fingerprint;
mod nearest;
mod plain;
mod sanitise;
mod split;
mod unit;
mod words;

pub use cut::{cut, tail_lines};
pub use fence::close_fences;
pub use fingerprint::fingerprint;
pub use nearest::nearest;
pub use plain::plain;
pub use sanitise::sanitise;
pub use split::{Split, head, split};
pub use unit::Unit;
pub use words::{bytes, duration};
