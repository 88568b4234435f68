//! Names of things. Each id is a type of its own, so that one can never stand where another belongs.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The alphabet of short ids leaves out what people confuse when they read or type: 0/o, 1/i/l.
const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyz";
const DIGITS: &[u8] = b"23456789";

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Wraps the stored or received text; nothing is checked, because only equality matters.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The text as it is stored.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
    };
}

text_id!(
    /// One configured connection of a platform, such as `web` or `slack:ops`.
    AccountId
);
text_id!(
    /// The account of a service that an agent worker depends on; gates are kept per backend.
    BackendId
);
text_id!(
    /// One run of a long job: a UUID version 7 (RFC 9562) as 32 hexadecimal digits.
    WorkerId
);
text_id!(
    /// What wilco owes one route for one worker.
    ContractId
);
text_id!(
    /// One message that has to become visible.
    ReceiptId
);
text_id!(
    /// One question that a worker asked.
    QuestionId
);
text_id!(
    /// One follow-up: a job that is to happen later, once or again and again.
    FollowupId
);
text_id!(
    /// One due time of a follow-up.
    OccurrenceId
);
text_id!(
    /// One running process of wilco; owns leases.
    InstanceId
);
text_id!(
    /// The typeable name of a worker in every message, such as `k7f2`; unique in the store.
    ///
    /// Letters and digits alternate, so that no word can appear by accident.
    Short
);
text_id!(
    /// What makes a repeated create recognisable: at most 25 characters, because a Discord nonce
    /// holds no more (Discord API, "Create Message", field `nonce`).
    DeliveryKey
);

impl Short {
    /// The pattern character at a position: letters first, then digits, in turn.
    pub(crate) fn alphabet_at(position: usize) -> &'static [u8] {
        if position.is_multiple_of(2) { LETTERS } else { DIGITS }
    }

    /// The id that a number spells with so many characters. Different numbers may spell the same.
    pub fn spelled(mut number: u128, length: usize) -> Self {
        let word = (0..length).map(|at| {
            let alphabet = Self::alphabet_at(at);
            let count = alphabet.len() as u128;
            let letter = alphabet[(number % count) as usize];
            number /= count;
            char::from(letter)
        });
        Self(word.collect())
    }

    /// The same id as one of a follow-up: those begin with an `f`, so that people tell them from jobs.
    #[must_use]
    pub fn of_followup(&self) -> Self {
        Self(format!("f{}", self.0.get(1..).unwrap_or_default()))
    }

    /// Whether a word could be a short id or the beginning of one.
    pub fn looks_like(word: &str) -> bool {
        (1..=12).contains(&word.len())
            && word.bytes().enumerate().all(|(at, byte)| Self::alphabet_at(at).contains(&byte.to_ascii_lowercase()))
    }
}

impl From<&ReceiptId> for DeliveryKey {
    /// The receipt's 128 bits in base 36, which fit 25 digits exactly.
    fn from(receipt: &ReceiptId) -> Self {
        let mut number = u128::from_str_radix(receipt.as_str(), 16).unwrap_or_else(|_| {
            // An id that is no UUID (a test, a foreign row) still gets a stable key.
            u128::from(crate::text::fingerprint(receipt.as_str()))
        });
        let mut digits = [b'0'; 25];
        for place in digits.iter_mut().rev() {
            *place = b"0123456789abcdefghijklmnopqrstuvwxyz"[(number % 36) as usize];
            number /= 36;
        }
        Self(digits.iter().map(|&digit| char::from(digit)).collect())
    }
}

impl DeliveryKey {
    /// The receipt that this key belongs to; none for a key that wilco did not make.
    pub fn receipt(&self) -> Option<ReceiptId> {
        if self.0.len() != 25 {
            return None;
        }
        let number = self.0.bytes().try_fold(0_u128, |number, digit| {
            let digit = char::from(digit).to_digit(36)?;
            number.checked_mul(36)?.checked_add(u128::from(digit))
        })?;
        Some(ReceiptId(format!("{number:032x}")))
    }
}

impl AccountId {
    /// The platform part: everything before the first colon.
    pub fn platform(&self) -> &str {
        self.0.split(':').next().unwrap_or(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_key_fits_a_discord_nonce_and_differs_by_receipt() {
        let one = DeliveryKey::from(&ReceiptId::new("ffffffffffffffffffffffffffffffff"));
        let two = DeliveryKey::from(&ReceiptId::new("fffffffffffffffffffffffffffffffe"));
        assert_eq!(one.as_str().len(), 25);
        assert_eq!(one.as_str(), "f5lxx1zz5pnorynqglhzmsp33");
        assert_ne!(one, two);
        assert_eq!(two.receipt(), Some(ReceiptId::new("fffffffffffffffffffffffffffffffe")));
        assert_eq!(DeliveryKey::new("zzzzzzzzzzzzzzzzzzzzzzzzz").receipt(), None, "too large for 128 bits");
        assert_eq!(DeliveryKey::new("hello").receipt(), None);
    }

    #[test]
    fn words_that_people_confuse_are_no_short_ids() {
        assert!(Short::looks_like("k7f2"));
        assert!(Short::looks_like("k7"), "a prefix is accepted");
        assert!(!Short::looks_like("k1f2"));
        assert!(!Short::looks_like("report"));
        assert!(!Short::looks_like(""));
    }
}
