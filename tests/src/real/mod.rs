//! Real processes: the program itself, killed and started again, and a platform that outlives it.
//!
//! Nothing here looks into the program. People speak, processes die, and what is counted afterwards is
//! what the platform (or the page) shows.

pub mod count;
pub mod crash;
pub mod crowd;
pub mod deaths;
pub mod draw;
pub mod emulate;
pub mod faketime;
pub mod figures;
pub mod folk;
pub mod guild;
pub mod holder;
pub mod kinds;
pub mod marked;
pub mod occurrences;
pub mod page;
pub mod planners;
pub mod program;
pub mod scene;
pub mod stand;
pub mod under_test;
pub mod visitors;
pub mod wait;
pub mod workspace;

pub use crash::Crash;
pub use crowd::{Crowd, Form};
pub use emulate::Emulate;
pub use folk::{Folk, Ground, Way};
pub use guild::Guild;
pub use planners::{Plan, Planners};
pub use program::{Home, Running};
pub use scene::Scene;
pub use stand::Stand;
pub use workspace::Workspace;
