//! What people and the loop look at. Nothing here changes anything.

mod due;
mod health;
mod inspect;
mod jobs;
mod receipts;

pub use due::{NextDue, Stopping, Wake};
pub use health::HealthOf;
pub use inspect::InspectJob;
pub use jobs::ListJobs;
pub use receipts::ListReceipts;
