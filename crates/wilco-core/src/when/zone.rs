//! Time zones by their IANA names, and what was probably meant by a name that is none.

use std::fmt;

use chrono_tz::{TZ_VARIANTS, Tz};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::local;
use crate::{Timestamp, text, wording};

/// The longest unknown name that a sentence repeats, in characters.
const SHOWN: usize = 60;

/// A time zone of the IANA database, as it was compiled in. It is written and stored as its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Zone(Tz);

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(Tz::UTC);

    /// The zone of an IANA name such as `Europe/Berlin`, in any case, with blanks around it.
    ///
    /// # Errors
    ///
    /// [`UnknownZone`] with up to two near names when there is no such zone.
    pub fn parse(name: &str) -> Result<Self, UnknownZone> {
        Self::find(name.trim()).ok_or_else(|| UnknownZone::of(name))
    }

    /// The zone of a name, without looking for near ones.
    pub(super) fn find(name: &str) -> Option<Self> {
        TZ_VARIANTS.iter().find(|zone| zone.name().eq_ignore_ascii_case(name)).map(|zone| Self(*zone))
    }

    /// The IANA name.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// Hour and minute of a moment in this zone, such as `17:00`, for short notes beside a date or a zone.
    pub fn clock(self, at: Timestamp) -> String {
        local::wall(at, self).map_or_else(|| at.rfc3339(), |wall| wall.format("%H:%M").to_string())
    }

    /// Weekday, day and month of a moment in this zone, such as `Fri 20 Nov`.
    pub fn day(self, at: Timestamp) -> String {
        local::wall(at, self).map_or_else(|| at.rfc3339(), |wall| wall.format("%a %-d %b").to_string())
    }

    pub(super) fn tz(self) -> Tz {
        self.0
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::parse(&name).map_err(serde::de::Error::custom)
    }
}

/// A name that is no time zone. Its sentence has no capital letter and no full stop, to stand behind a colon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownZone {
    /// What was given, on one line and cut at 60 characters.
    pub given: String,
    /// Up to two zones that were perhaps meant, the likelier one first.
    pub nearest: Vec<&'static str>,
}

impl UnknownZone {
    fn of(name: &str) -> Self {
        let given = text::cut(&wording::one_line(name).replace('`', "'"), SHOWN, text::Unit::Chars).into_owned();
        Self { given, nearest: near(name.trim()) }
    }
}

impl fmt::Display for UnknownZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no time zone `{}`", self.given)?;
        match self.nearest.as_slice() {
            [] => f.write_str(", names are such as `Europe/Berlin` or `America/New_York`"),
            [one] => write!(f, ", perhaps `{one}` is meant"),
            [one, other, ..] => write!(f, ", perhaps `{one}` or `{other}` is meant"),
        }
    }
}

impl std::error::Error for UnknownZone {}

/// What the names of zones by place begin with, in lower case.
pub(super) const REGIONS: [&str; 10] = [
    "africa/",
    "america/",
    "antarctica/",
    "arctic/",
    "asia/",
    "atlantic/",
    "australia/",
    "europe/",
    "indian/",
    "pacific/",
];

/// What people write for a zone that has no such name. Several places share each of these, so they
/// are only ever proposed, never taken.
const HABITS: &[(&str, [&str; 2])] = &[
    ("pst", ["America/Los_Angeles", "America/Vancouver"]),
    ("pdt", ["America/Los_Angeles", "America/Vancouver"]),
    ("pt", ["America/Los_Angeles", "America/Vancouver"]),
    ("mdt", ["America/Denver", "America/Edmonton"]),
    ("cst", ["America/Chicago", "Asia/Shanghai"]),
    ("cdt", ["America/Chicago", "America/Winnipeg"]),
    ("edt", ["America/New_York", "America/Toronto"]),
    ("et", ["America/New_York", "America/Toronto"]),
    ("bst", ["Europe/London", "Asia/Dhaka"]),
    ("cest", ["Europe/Berlin", "Europe/Paris"]),
    ("eest", ["Europe/Athens", "Europe/Helsinki"]),
    ("ist", ["Asia/Kolkata", "Asia/Jerusalem"]),
    ("jst", ["Asia/Tokyo", "Asia/Seoul"]),
    ("sgt", ["Asia/Singapore", "Asia/Kuala_Lumpur"]),
    ("aest", ["Australia/Sydney", "Australia/Brisbane"]),
    ("aedt", ["Australia/Sydney", "Australia/Melbourne"]),
    ("nzst", ["Pacific/Auckland", "Pacific/Fiji"]),
];

/// Up to two zones that a name was perhaps meant for: by habit, by its city, by its spelling.
fn near(name: &str) -> Vec<&'static str> {
    if name.is_empty() || name.chars().count() > SHOWN {
        return Vec::new();
    }
    let wanted = name.to_ascii_lowercase().replace([' ', '-'], "_");
    if let Some((_, zones)) = HABITS.iter().find(|(habit, _)| *habit == wanted) {
        return zones.to_vec();
    }
    let city = wanted.rsplit('/').next().unwrap_or_default();
    // Only names by place: `US/Pacific` and its like are kept for old programs, and compass points
    // are near to any text such as `Africa/South`.
    const COMPASS: [&str; 3] = ["Australia/North", "Australia/South", "Australia/West"];
    let by_place = |name: &&str| {
        REGIONS.iter().any(|region| name.to_ascii_lowercase().starts_with(region)) && !COMPASS.contains(name)
    };
    let names = || TZ_VARIANTS.iter().map(|zone| zone.name()).filter(by_place);
    let city_of = |name: &'static str| name.rsplit('/').next().unwrap_or_default();

    let mut found: Vec<&'static str> = Vec::new();
    let mut add = |name: &'static str| {
        if found.len() < 2 && !found.contains(&name) {
            found.push(name);
        }
    };
    names().filter(|name| city_of(name).eq_ignore_ascii_case(city)).for_each(&mut add);
    if city.len() >= 3 {
        names().filter(|name| city_of(name).to_ascii_lowercase().starts_with(city)).for_each(&mut add);
    }
    let lower: Vec<(String, &'static str)> = names().map(|name| (name.to_ascii_lowercase(), name)).collect();
    if let Some(close) = text::nearest(&wanted, lower.iter().map(|(lower, _)| lower.as_str())) {
        lower.iter().filter(|(lower, _)| lower == close).map(|(_, name)| *name).for_each(&mut add);
    }
    let cities: Vec<(String, &'static str)> = names().map(|name| (city_of(name).to_ascii_lowercase(), name)).collect();
    if let Some(close) = text::nearest(city, cities.iter().map(|(city, _)| city.as_str())) {
        cities.iter().filter(|(city, _)| city == close).map(|(_, name)| *name).for_each(&mut add);
    }
    found
}
