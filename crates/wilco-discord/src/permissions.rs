//! Who may do what in a channel (Discord API, "Permissions": "Permission Overwrites", "Permission Hierarchy").

use std::ops::{BitAnd, BitOr, Not};

use serde::{Deserialize, Deserializer};

use crate::payload::{ChannelKind, Overwrite};
use crate::snowflake::Snowflake;

/// A set of permission bits. Travels as text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Permissions(pub(crate) u64);

impl Permissions {
    pub(crate) const ADMINISTRATOR: Self = Self(1 << 3);
    pub(crate) const MANAGE_GUILD: Self = Self(1 << 5);
    pub(crate) const VIEW_CHANNEL: Self = Self(1 << 10);
    pub(crate) const SEND_MESSAGES: Self = Self(1 << 11);
    pub(crate) const MANAGE_MESSAGES: Self = Self(1 << 13);
    pub(crate) const READ_HISTORY: Self = Self(1 << 16);
    pub(crate) const SEND_IN_THREADS: Self = Self(1 << 38);
    const ALL: Self = Self(u64::MAX);

    /// Whether all of these are in it.
    pub(crate) fn has(self, wanted: Self) -> bool {
        self & wanted == wanted
    }

    /// Whether it moderates: may remove what others wrote, or governs the guild.
    pub(crate) fn moderates(self) -> bool {
        [Self::ADMINISTRATOR, Self::MANAGE_GUILD, Self::MANAGE_MESSAGES].iter().any(|one| self.has(*one))
    }

    /// The names of what is missing for speaking in a channel of this kind, as Discord's settings call them.
    pub(crate) fn missing_to_speak(self, kind: ChannelKind) -> Vec<&'static str> {
        let send = if kind.is_thread() {
            (Self::SEND_IN_THREADS, "Send Messages in Threads")
        } else {
            (Self::SEND_MESSAGES, "Send Messages")
        };
        if self.has(Self::ADMINISTRATOR) {
            return Vec::new();
        }
        [(Self::VIEW_CHANNEL, "View Channel"), send]
            .into_iter()
            .filter(|(bit, _)| !self.has(*bit))
            .map(|(_, name)| name)
            .collect()
    }

    /// What somebody may do in a channel: what their roles give, changed by the channel's overwrites for everybody,
    /// then for their roles together, then for themselves.
    pub(crate) fn in_channel(
        base: Self,
        everyone: Snowflake,
        roles: &[Snowflake],
        user: Option<Snowflake>,
        overwrites: &[Overwrite],
    ) -> Self {
        if base.has(Self::ADMINISTRATOR) {
            return Self::ALL;
        }
        let mut now = base;
        let of = |id: Snowflake, kind: u64| overwrites.iter().find(move |one| one.id == id && one.kind == kind);
        if let Some(one) = of(everyone, 0) {
            now = (now & !one.deny) | one.allow;
        }
        let (mut allow, mut deny) = (Self::default(), Self::default());
        for one in roles.iter().filter_map(|role| of(*role, 0)) {
            allow = allow | one.allow;
            deny = deny | one.deny;
        }
        now = (now & !deny) | allow;
        if let Some(one) = user.and_then(|user| of(user, 1)) {
            now = (now & !one.deny) | one.allow;
        }
        now
    }
}

impl BitAnd for Permissions {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOr for Permissions {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl Not for Permissions {
    type Output = Self;
    fn not(self) -> Self {
        Self(!self.0)
    }
}

impl<'de> Deserialize<'de> for Permissions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The same form as an id: decimal digits in a text.
        Snowflake::deserialize(deserializer).map(|bits| Self(bits.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERYONE: Snowflake = Snowflake(1);
    const CREW: Snowflake = Snowflake(2);
    const ME: Snowflake = Snowflake(9);

    fn overwrite(id: Snowflake, kind: u64, allow: Permissions, deny: Permissions) -> Overwrite {
        Overwrite { id, kind, allow, deny }
    }

    #[test]
    fn overwrites_apply_from_everybody_over_roles_to_the_member() {
        let (see, say, none) = (Permissions::VIEW_CHANNEL, Permissions::SEND_MESSAGES, Permissions::default());
        let at = |overwrites: &[Overwrite], roles: &[Snowflake]| {
            Permissions::in_channel(see | say, EVERYONE, roles, Some(ME), overwrites)
        };
        assert_eq!(at(&[], &[]), see | say);
        let hidden = overwrite(EVERYONE, 0, none, see);
        assert_eq!(at(std::slice::from_ref(&hidden), &[]), say);
        let crew = overwrite(CREW, 0, see, none);
        assert_eq!(at(&[hidden.clone(), crew.clone()], &[CREW]), see | say, "the role sees it again");
        let me = overwrite(ME, 1, none, say);
        assert_eq!(at(&[hidden, crew, me], &[CREW]), see, "what is said of the member counts last");
        let same_number = overwrite(ME, 0, none, see | say);
        assert_eq!(at(&[same_number], &[]), see | say, "a role that has the member's number is another thing");
    }

    #[test]
    fn an_administrator_may_everything() {
        let hidden = overwrite(EVERYONE, 0, Permissions::default(), Permissions::VIEW_CHANNEL);
        let all = Permissions::in_channel(Permissions::ADMINISTRATOR, EVERYONE, &[], None, &[hidden]);
        assert!(all.missing_to_speak(ChannelKind::Text).is_empty() && all.moderates());
        assert!(Permissions::ADMINISTRATOR.missing_to_speak(ChannelKind::PublicThread).is_empty());
    }

    #[test]
    fn what_is_missing_has_the_names_of_the_settings_page() {
        let none = Permissions::default();
        assert_eq!(none.missing_to_speak(ChannelKind::Text), ["View Channel", "Send Messages"]);
        let sees: Permissions = serde_json::from_str(r#""3072""#).unwrap();
        assert!(sees.missing_to_speak(ChannelKind::Text).is_empty());
        assert_eq!(sees.missing_to_speak(ChannelKind::PublicThread), ["Send Messages in Threads"]);
        assert!(!sees.moderates() && Permissions::MANAGE_MESSAGES.moderates());
    }
}
