//! What the scripted platform is able to do, after the three platforms that wilco speaks to.

use std::time::Duration;

use wilco_core::text::Unit;
use wilco_core::{Abilities, Limits};

/// A set of measures and abilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// A repeated create is recognised by its key for 90 s, and a message can be looked up.
    DiscordLike,
    /// No create is recognised, but a message can be looked up.
    SlackLike,
    /// Neither: after a lost reply nobody can tell whether the message exists.
    TelegramLike,
}

impl Profile {
    /// All of them, for tests that run on each.
    pub const ALL: [Self; 3] = [Self::DiscordLike, Self::SlackLike, Self::TelegramLike];

    /// The name that the command line takes.
    pub fn name(self) -> &'static str {
        match self {
            Self::DiscordLike => "discord",
            Self::SlackLike => "slack",
            Self::TelegramLike => "telegram",
        }
    }

    /// The profile of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name() == name)
    }

    /// Its measures; text lengths are those of the platform it is named after.
    pub fn limits(self) -> Limits {
        let (unit, text, file, nonce_window, look_up) = match self {
            Self::DiscordLike => (Unit::Chars, 2_000, 10 << 20, Some(Duration::from_secs(90)), true),
            Self::SlackLike => (Unit::Chars, 4_000, 100 << 20, None, true),
            Self::TelegramLike => (Unit::Utf16, 4_096, 50 << 20, None, false),
        };
        let abilities = Abilities { edit: true, nonce_window, look_up, files: true, buttons: true };
        Limits { unit, text, file, edit_pace: Duration::from_secs(3), abilities }
    }
}
