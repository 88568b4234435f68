//! Snowflakes: the ids of everything, in the order of their making.

use serde_json::Value;
use wilco_core::Timestamp;

/// An id. On the wire it is a decimal string.
pub type Id = u64;

/// The first millisecond of 2015, where Discord begins to count (Discord's reference, "Snowflakes").
pub const EPOCH: i64 = 1_420_070_400_000;

/// Draws ids that carry their moment and never repeat.
#[derive(Clone, Debug, Default)]
pub(super) struct Ids {
    last: Id,
}

impl Ids {
    /// The next id at a moment. Later calls give greater ids, also when the clock stands or steps back.
    pub(super) fn next(&mut self, at: Timestamp) -> Id {
        let millis = u64::try_from(at.0.saturating_sub(EPOCH)).unwrap_or(0);
        self.last = (millis << 22).max(self.last + 1);
        self.last
    }
}

/// Reads an id as Discord takes it: a decimal string, or a number.
pub(super) fn read(value: &Value) -> Option<Id> {
    value.as_str().and_then(|text| text.parse().ok()).or_else(|| value.as_u64())
}

/// An id as it travels.
pub(super) fn text(id: Id) -> Value {
    Value::String(id.to_string())
}

/// A list of ids as it travels.
pub(super) fn texts(ids: impl IntoIterator<Item = Id>) -> Value {
    Value::Array(ids.into_iter().map(text).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_carry_their_moment_and_never_repeat() {
        let mut ids = Ids::default();
        // The example of Discord's reference: 175928847299117063 was made at 2016-04-30T11:18:25.796Z.
        let id = ids.next(Timestamp(1_462_015_105_796));
        assert_eq!(id >> 22, 175_928_847_299_117_063 >> 22);
        let mut last = id;
        for at in [1_462_015_105_796, 1_462_015_105_796, 0, 1_462_015_105_795] {
            let next = ids.next(Timestamp(at));
            assert!(next > last);
            last = next;
        }
    }

    #[test]
    fn ids_are_read_as_text_and_as_numbers() {
        assert_eq!(read(&Value::from("42")), Some(42));
        assert_eq!(read(&Value::from(42)), Some(42));
        assert_eq!(read(&Value::from("4x")), None);
        assert_eq!(read(&Value::Null), None);
    }
}
