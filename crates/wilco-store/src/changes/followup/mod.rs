//! Follow-ups: scheduling them, claiming what is due, injecting it, settling it.
//!
//! Two times are at work. People mean the wall clock, so everything that is due is stored and compared
//! in it; `wall` is its name here. Leases and settlements go by the steady time `now`, as everywhere.

mod act;
mod claim;
mod fire;
mod notice;
mod pulse;
mod resolve;
mod schedule;
mod settle;
mod stop;
mod zone;

pub use act::ChangeFollowup;
pub use claim::{ClaimOccurrences, ClaimedOccurrences, Firing};
pub use fire::{DispatchFailed, Fire, Fired, FiredHow};
pub use pulse::{Pulse, Risen};
pub use resolve::FollowupUnresolved;
pub use schedule::{NewFollowup, ScheduleFollowup, Scheduling};
pub use settle::FollowupTold;
pub use stop::Stopped;
pub use zone::{SetZone, ZoneOf, Zones};

pub(crate) use act::{Acting, act};
pub(crate) use claim::release_lost;
pub(crate) use resolve::{resolve as resolve_followup, standing as followup_standing};
pub(crate) use schedule::{person_seen, schedule};
pub(crate) use settle::{gate_opened, worker_ended, worker_unreadable};
pub(crate) use stop::stop_here;
pub(crate) use zone::set_zone;

/// The statements whose cost must not grow with what is stored.
pub(crate) fn hot() -> Vec<(&'static str, &'static str)> {
    vec![
        ("followup.act.OPEN_OCCURRENCES", act::OPEN_OCCURRENCES),
        ("followup.claim.DUE", claim::DUE),
        ("followup.claim.LATER", claim::LATER),
        ("followup.claim.STILL_RUNS", claim::STILL_RUNS),
        ("followup.claim.WAS_HELD", claim::WAS_HELD),
        ("followup.claim.LOST", claim::LOST),
        ("followup.resolve.BY_SHORT", resolve::BY_SHORT),
        ("followup.resolve.BY_PREFIX", resolve::BY_PREFIX),
        ("followup.resolve.BY_KEY", resolve::BY_KEY),
        ("followup.schedule.SEEN", schedule::SEEN),
        ("followup.schedule.COUNT", schedule::COUNT),
        ("followup.schedule.SAME_KEY", schedule::SAME_KEY),
        ("followup.settle.HOLD", settle::HOLD),
        ("followup.settle.OPEN", settle::OPEN),
        ("followup.settle.CALL_OFF", settle::CALL_OFF),
        ("followup.settle.OPENED", settle::OPENED),
        ("followup.stop.HERE", stop::HERE),
        ("followup.stop.LEFT", stop::LEFT),
    ]
}
