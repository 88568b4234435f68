//! What people and the loop look at. Nothing here changes anything.

mod due;
mod followups;
mod health;
mod inspect;
mod jobs;
mod receipts;

pub use due::{NextDue, Stopping, Wake};
pub use followups::{InspectFollowup, ListFollowups};
pub use health::{HealthOf, LastDelivery};
pub use inspect::{InspectJob, Requester};
pub use jobs::ListJobs;
pub use receipts::ListReceipts;

/// The statements of the reads, by name.
pub(crate) fn hot() -> Vec<(&'static str, &'static str)> {
    vec![
        ("reads.due.NEXT", due::NEXT),
        ("reads.due.STOPPING", due::STOPPING),
        ("reads.followups.ALL", followups::ALL),
        ("reads.followups.OPEN", followups::OPEN),
        ("reads.followups.SOON", followups::SOON),
        ("reads.followups.HERE", followups::HERE),
        ("reads.followups.MINE", followups::MINE),
        ("reads.followups.NEXT", followups::NEXT),
        ("reads.followups.NEWEST", followups::NEWEST),
        ("reads.followups.LAST", followups::LAST),
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
