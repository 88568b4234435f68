//! What a press on an answer button means.

use serde::{Deserialize, Serialize};

/// Where a question stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuestionState {
    /// Waits for an answer.
    Open,
    /// Answered; the first press counts.
    Answered,
    /// Its job ended before anybody answered.
    Expired,
}

impl QuestionState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Open, Self::Answered, Self::Expired];

    /// The stored name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Answered => "answered",
            Self::Expired => "expired",
        }
    }

    /// The state with a stored name; an unknown name is none.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}
