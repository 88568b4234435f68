//! The names of messages, which are the times at which they were written (Slack, "Message", `ts`).

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use wilco_core::Timestamp;

/// Microseconds since 1970. Unique within a channel, and growing there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Ts(u64);

impl Ts {
    /// Reads one: seconds, a point, and six digits.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (seconds, micros) = text.split_once('.')?;
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(seconds) || !digits(micros) || micros.len() > 6 {
            return None;
        }
        let micros: u64 = format!("{micros:0<6}").parse().ok()?;
        seconds.parse::<u64>().ok()?.checked_mul(1_000_000)?.checked_add(micros).map(Self)
    }

    /// The name that a message of this moment would have.
    pub(crate) fn of(at: Timestamp) -> Self {
        Self(u64::try_from(at.0).unwrap_or(0).saturating_mul(1_000))
    }

    /// When the message was written.
    pub(crate) fn made(self) -> Timestamp {
        Timestamp(i64::try_from(self.0 / 1_000).unwrap_or(i64::MAX))
    }

    /// The same, so much earlier.
    pub(crate) fn minus(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(by.as_micros()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Display for Ts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

impl Serialize for Ts {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Ts {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::read(&text).ok_or_else(|| serde::de::Error::custom("no time of a message"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_and_written_as_slack_writes_it() {
        let ts = Ts::read("1750000000.000100").unwrap();
        assert_eq!((ts.to_string().as_str(), ts.made()), ("1750000000.000100", Timestamp(1_750_000_000_000)));
        assert_eq!(Ts::of(Timestamp(1_750_000_000_042)).to_string(), "1750000000.042000");
        assert_eq!(ts.minus(Duration::from_secs(1)).to_string(), "1749999999.000100");
        assert!(Ts::read("9.999999") < Ts::read("10.000000"), "by number, not by letter");
        for odd in ["", "1", "1.", ".5", "-1.000000", "1.0000001", "1.x"] {
            assert_eq!(Ts::read(odd), None, "{odd}");
        }
        assert_eq!(serde_json::from_str::<Ts>(&serde_json::to_string(&ts).unwrap()).unwrap(), ts);
    }
}
