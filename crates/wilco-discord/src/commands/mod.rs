//! Application commands: core's table as Discord registers it, in one guild or globally, never in both, because each
//! command would then stand in the menu twice.

mod calls;
mod memory;
mod normal;
mod sync;
pub(crate) mod table;
#[cfg(test)]
mod tests;

pub use sync::{CommandsError, Difference, Where, diff, register_at_start, sync};
