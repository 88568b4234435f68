//! The harness: a stage on which a script speaks, time is moved by hand, and the channel is read as
//! a person sees it.

pub mod agent;
pub mod browser;
pub mod cast;
pub mod clock;
pub mod discord_stage;
pub mod disk;
pub mod fake;
pub mod logbook;
pub mod looks;
pub mod people;
pub mod puppet;
pub mod real;
pub mod simulation;
pub mod slack_stage;
pub mod socket_stage;
pub mod stage;
mod wire;

pub use agent::{Agents, Answer};
pub use cast::{Actor, Where};
pub use discord_stage::DiscordStage;
pub use logbook::Logbook;
pub use puppet::Puppets;
pub use slack_stage::SlackStage;
pub use stage::Stage;
