//! Between moments and local time.

use chrono::{DateTime, LocalResult, NaiveDateTime, Offset, TimeZone};
use chrono_tz::{GapInfo, Tz};

use super::Zone;
use crate::Timestamp;

/// The years 1 to 9998. Beyond them the calendar's own arithmetic could overflow, and nobody has an appointment there.
const KNOWN: std::ops::Range<i64> = -62_135_596_800_000..253_370_764_800_000;

/// A moment in a zone; none outside the years 1 to 9998.
pub(super) fn moment_in(at: Timestamp, zone: Zone) -> Option<DateTime<Tz>> {
    if !KNOWN.contains(&at.0) {
        return None;
    }
    Some(DateTime::from_timestamp_millis(at.0)?.with_timezone(&zone.tz()))
}

/// What the clock on the wall shows at a moment.
pub(super) fn wall(at: Timestamp, zone: Zone) -> Option<NaiveDateTime> {
    moment_in(at, zone).map(|moment| moment.naive_local())
}

/// How far local time is ahead of UTC at a moment, in seconds.
pub(super) fn offset(at: Timestamp, zone: Zone) -> Option<i64> {
    moment_in(at, zone).map(|moment| i64::from(moment.offset().fix().local_minus_utc()))
}

/// The moment of a local time: of one that occurs twice the first, for one that is left out the
/// first moment after the gap (F17).
pub(super) fn resolve(wall: NaiveDateTime, zone: Zone) -> Option<Timestamp> {
    let tz = zone.tz();
    // A day inside the known years on either side, as `from_local_datetime` looks around.
    if !KNOWN.contains(&wall.and_utc().timestamp_millis()) {
        return None;
    }
    let moment = match tz.from_local_datetime(&wall) {
        LocalResult::Single(moment) => moment,
        LocalResult::Ambiguous(one, other) => one.min(other),
        LocalResult::None => GapInfo::new(&wall, &tz)?.end?,
    };
    Some(Timestamp(moment.timestamp_millis()))
}

/// Whether a local time occurs twice.
pub(super) fn is_doubled(wall: NaiveDateTime, zone: Zone) -> bool {
    matches!(zone.tz().from_local_datetime(&wall), LocalResult::Ambiguous(..))
}
