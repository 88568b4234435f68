//! What people and the loop look at. Nothing here changes anything.

mod due;
mod health;
mod inspect;
mod jobs;
mod receipts;

pub use due::{NextDue, Stopping, Wake};
pub use health::{HealthOf, LastDelivery};
pub use inspect::InspectJob;
pub use jobs::ListJobs;
pub use receipts::ListReceipts;

/// The statements of the reads, by name.
pub(crate) fn hot() -> Vec<(&'static str, &'static str)> {
    vec![
        ("reads.due.NEXT", due::NEXT),
        ("reads.due.STOPPING", due::STOPPING),
        ("reads.health.COUNTS", health::COUNTS),
        ("reads.health.LAST_DELIVERY", health::LAST_DELIVERY),
        ("reads.inspect.EVENTS", inspect::EVENTS),
        ("reads.jobs.ALL", jobs::ALL),
        ("reads.jobs.OPEN", jobs::OPEN),
        ("reads.jobs.HERE", jobs::HERE),
        ("reads.receipts.ALL", receipts::ALL),
        ("reads.receipts.FAILED", receipts::FAILED),
        ("reads.receipts.OPEN", receipts::OPEN),
        ("reads.receipts.SURFACED", receipts::SURFACED),
    ]
}
