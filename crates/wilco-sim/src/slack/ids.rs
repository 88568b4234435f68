//! Names of things: `C0…`, `U0…`, and the time stamps that are the names of messages.

use serde::{Deserialize, Serialize};
use wilco_core::Timestamp;

/// An id: a letter that says of what, and digits and capitals.
pub type Id = String;

/// The name of a message in its channel: microseconds since the epoch, written as `1750000000.000100`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ts(pub u64);

impl Ts {
    /// Reads one; none when it is not six digits behind the point.
    pub fn read(text: &str) -> Option<Self> {
        let (seconds, micros) = text.split_once('.')?;
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|one| one.is_ascii_digit());
        if !digits(seconds) || !digits(micros) || micros.len() != 6 {
            return None;
        }
        seconds.parse::<u64>().ok()?.checked_mul(1_000_000)?.checked_add(micros.parse().ok()?).map(Self)
    }

    /// Reads the bound of a window: a time stamp, or seconds with or without a fraction.
    pub fn bound(text: &str) -> Option<Self> {
        match text.split_once('.') {
            None => text.parse::<u64>().ok()?.checked_mul(1_000_000).map(Self),
            Some((seconds, micros)) => Self::read(&format!("{seconds}.{micros:0<6}")),
        }
    }

    /// The whole seconds.
    pub fn seconds(self) -> u64 {
        self.0 / 1_000_000
    }
}

impl std::fmt::Display for Ts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:010}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
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
        Self::read(&text).ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no time stamp")))
    }
}

/// Draws names that never repeat.
#[derive(Clone, Debug, Default)]
pub(super) struct Ids {
    drawn: u64,
    last: Ts,
}

impl Ids {
    /// The next id of a kind.
    pub(super) fn next(&mut self, letter: &str) -> Id {
        self.drawn += 1;
        format!("{letter}0{}", base36(self.drawn + 36_u64.pow(7), 8))
    }

    /// A long word for a ticket, a trigger or an address.
    pub(super) fn word(&mut self) -> String {
        self.drawn += 1;
        let seed = crate::draw::fnv(&self.drawn.to_be_bytes());
        format!("{seed:016x}{:016x}", seed.rotate_left(23) ^ 0x5bd1_e995_9e37_79b9)
    }

    /// The next envelope's or call's id, which looks like a UUID.
    pub(super) fn uuid(&mut self) -> String {
        let word = self.word();
        format!("{}-{}-4{}-a{}-{}", &word[..8], &word[8..12], &word[13..16], &word[17..20], &word[20..32])
    }

    /// The next message's time stamp. Later calls give greater ones, also when the clock stands or steps back.
    pub(super) fn ts(&mut self, at: Timestamp) -> Ts {
        let micros = u64::try_from(at.0).unwrap_or(0).saturating_mul(1_000);
        self.last = Ts(micros.max(self.last.0 + 100));
        self.last
    }
}

fn base36(mut number: u64, width: usize) -> String {
    let mut digits = Vec::new();
    while number > 0 || digits.len() < width {
        let digit = u32::try_from(number % 36).unwrap_or(0);
        digits.push(char::from_digit(digit, 36).unwrap_or('0').to_ascii_uppercase());
        number /= 36;
    }
    digits.into_iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_stamps_are_read_and_written() {
        let ts = Ts::read("1750000000.000100").unwrap();
        assert_eq!((ts.to_string().as_str(), ts.seconds()), ("1750000000.000100", 1_750_000_000));
        for wrong in ["", "1750000000", "1750000000.1", "x.000100", "1750000000.0001000", "-1.000000"] {
            assert_eq!(Ts::read(wrong), None, "{wrong}");
        }
        assert_eq!(Ts::bound("1750000000"), Ts::bound("1750000000.0"));
        assert_eq!(Ts::bound("soon"), None);
    }

    #[test]
    fn names_never_repeat_and_time_stamps_only_grow() {
        let mut ids = Ids::default();
        let (one, two) = (ids.next("C"), ids.next("C"));
        assert!(one.starts_with("C0") && one.len() == 10 && one != two, "{one} {two}");
        let (first, second) = (ids.ts(Timestamp(5_000)), ids.ts(Timestamp(4_000)));
        assert!(second > first);
        assert_eq!(ids.uuid().len(), 36);
    }
}
