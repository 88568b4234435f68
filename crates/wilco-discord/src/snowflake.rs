//! Discord's ids. They count upwards with time and say when a thing was made.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use wilco_core::Timestamp;

/// The first moment of Discord's time: 2015-01-01T00:00:00Z (Discord API, "Snowflakes").
const EPOCH: i64 = 1_420_070_400_000;

/// The id of a user, channel, guild, message or interaction. Travels as text, because it does not fit the numbers of
/// JavaScript (Discord API, "Snowflakes").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Snowflake(pub(crate) u64);

impl Snowflake {
    /// When the thing was made, to the millisecond.
    pub(crate) fn made(self) -> Timestamp {
        Timestamp(i64::try_from(self.0 >> 22).unwrap_or(i64::MAX).saturating_add(EPOCH))
    }

    /// An id that comes before everything that is made at this moment or later.
    pub(crate) fn before(moment: Timestamp) -> Self {
        let since = Timestamp(moment.0).since(Timestamp(EPOCH));
        Self(u64::try_from(since.as_millis()).unwrap_or(u64::MAX).saturating_mul(1 << 22).saturating_sub(1))
    }

    /// Whether the thing is younger than an age; one from the future is.
    pub(crate) fn is_younger(self, age: Duration, now: Timestamp) -> bool {
        now.since(self.made()) < age
    }
}

impl fmt::Display for Snowflake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Snowflake {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl Serialize for Snowflake {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Snowflake {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Text(String),
            Number(u64),
        }
        match Form::deserialize(deserializer)? {
            Form::Text(text) => text.parse().map_err(serde::de::Error::custom),
            Form::Number(number) => Ok(Self(number)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_when_its_thing_was_made() {
        // The example of Discord's documentation.
        let id: Snowflake = serde_json::from_str(r#""175928847299117063""#).unwrap();
        assert_eq!(id.made().rfc3339(), "2016-04-30T11:18:25.796Z");
        assert_eq!(serde_json::to_string(&id).unwrap(), r#""175928847299117063""#);
        assert!(Snowflake::before(id.made()) < id);
        assert!(Snowflake::before(id.made().plus(Duration::from_millis(1))) > Snowflake(id.0 & !0x3f_ffff));
        assert_eq!(Snowflake::before(Timestamp(0)), Snowflake(0));
    }

    #[test]
    fn the_age_is_that_of_the_thing() {
        let now = Timestamp(EPOCH).plus(Duration::from_secs(1_000));
        let id = Snowflake::before(now.minus(Duration::from_secs(10)));
        assert!(id.is_younger(Duration::from_secs(11), now));
        assert!(!id.is_younger(Duration::from_secs(9), now));
        assert!(Snowflake(u64::MAX).is_younger(Duration::from_secs(1), now), "a clock that is behind loses nothing");
    }
}
