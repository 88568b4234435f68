//! Where people see a message, and the way a payload may take when its first place is gone.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::AccountId;

/// One place where people see messages. Opaque to everyone but the adapter that minted it: stored
/// as columns, never joined to or split from one string.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Address {
    /// The connection that reaches it.
    pub account: AccountId,
    /// The platform's channel, chat or direct-message id.
    pub channel: String,
    /// The thread or forum topic inside the channel, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
}

impl Address {
    /// An address without a thread.
    pub fn channel(account: impl Into<AccountId>, channel: impl Into<String>) -> Self {
        Self { account: account.into(), channel: channel.into(), thread: None }
    }

    /// The same channel, in a thread.
    #[must_use]
    pub fn in_thread(mut self, thread: impl Into<String>) -> Self {
        self.thread = Some(thread.into());
        self
    }
}

impl fmt::Display for Address {
    /// For logs and people only; never parsed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.account, self.channel)?;
        match &self.thread {
            Some(thread) => write!(f, " thread {thread}"),
            None => Ok(()),
        }
    }
}

/// Who can read what is said at an address. The order is the width: later is wider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// One person: a direct message.
    Direct,
    /// Named people: a private thread or a private channel.
    Private,
    /// Everybody in the workspace or guild.
    Public,
}

/// Where a person spoke, as the adapter knows it at that moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The channel or thread in which the person spoke.
    pub address: Address,
    /// Who reads along there.
    pub audience: Audience,
    /// The channel around the thread, when the address is a thread and that channel has the same audience.
    pub parent: Option<Address>,
    /// The direct message with the person who spoke, when the platform has one.
    pub direct: Option<Address>,
    /// The id of the guild or workspace around the channel; none in a direct message, and on a platform that has
    /// none. Only access rules look at it: a person's roles are those of this guild. Where several workspaces share a
    /// channel, it is the one that whoever speaks belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guild: Option<String>,
}

impl Place {
    /// A direct message: its only further address is the operator's list.
    pub fn direct(address: Address) -> Self {
        Self { address, audience: Audience::Direct, parent: None, direct: None, guild: None }
    }

    /// A channel that everybody reads.
    pub fn public(address: Address) -> Self {
        Self { address, audience: Audience::Public, parent: None, direct: None, guild: None }
    }

    /// The same place, in a guild.
    #[must_use]
    pub fn in_guild(mut self, guild: impl Into<String>) -> Self {
        self.guild = Some(guild.into());
        self
    }
}

/// The addresses that a contract may use, in order, fixed when the job is accepted.
///
/// After the last one comes the operator's list (`wilco receipts`), which needs no address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Route(Vec<Address>);

impl Route {
    /// The route of a place: a public thread, then its channel, then the requester's direct message;
    /// a private place falls back to the direct message alone. No step has a wider audience than the
    /// first (requirement D10).
    pub fn from_place(place: &Place) -> Self {
        let mut steps = vec![place.address.clone()];
        if place.audience == Audience::Public
            && let Some(parent) = &place.parent
        {
            steps.push(parent.clone());
        }
        if let Some(direct) = &place.direct {
            steps.push(direct.clone());
        }
        let mut seen = Vec::with_capacity(steps.len());
        for step in steps {
            if !seen.contains(&step) {
                seen.push(step);
            }
        }
        Self(seen)
    }

    /// The steps in order; never empty.
    pub fn steps(&self) -> &[Address] {
        &self.0
    }

    /// The address at a step, or none past the end of the route.
    pub fn step(&self, at: usize) -> Option<&Address> {
        self.0.get(at)
    }

    /// Whether somebody who speaks from `here` reads along at `shown`, where this route shows its job now.
    ///
    /// What stands in a channel is read from its threads, too. What stands in a thread is read from the
    /// channel around it only when the thread is public: the route of a private one has no such step.
    pub fn is_read_from(&self, shown: &Address, here: &Address) -> bool {
        let around = Address { thread: None, ..shown.clone() };
        let same_channel = here.account == shown.account && here.channel == shown.channel;
        same_channel && (shown.thread.is_none() || shown.thread == here.thread || self.0.contains(&around))
    }

    /// The same route after a chat got a new id: every step that named the old one names the new one.
    #[must_use]
    pub fn moved(&self, from: &Address, to: &Address) -> Self {
        Self(self.0.iter().map(|step| if step == from { to.clone() } else { step.clone() }).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thread() -> Address {
        Address::channel("sim", "ops").in_thread("t1")
    }
    fn ops() -> Address {
        Address::channel("sim", "ops")
    }
    fn dm() -> Address {
        Address::channel("sim", "dm-ana")
    }
    fn place(address: Address, audience: Audience, parent: Option<Address>) -> Place {
        Place { address, audience, parent, direct: Some(dm()), guild: None }
    }

    #[test]
    fn a_place_that_was_stored_before_guilds_were_known_has_none() {
        let stored = serde_json::to_string(&Place::public(ops())).unwrap();
        assert!(!stored.contains("guild"), "{stored}");
        let read: Place = serde_json::from_str(&stored).unwrap();
        assert_eq!((read.guild.clone(), read.in_guild("g1").guild.as_deref()), (None, Some("g1")));
    }

    #[test]
    fn d10_a_public_thread_falls_back_to_its_channel_then_to_the_person() {
        let place = place(thread(), Audience::Public, Some(ops()));
        assert_eq!(Route::from_place(&place).steps(), [thread(), ops(), dm()]);
    }

    #[test]
    fn d10_a_private_thread_never_reaches_its_channel() {
        let place = place(thread(), Audience::Private, Some(ops()));
        assert_eq!(Route::from_place(&place).steps(), [thread(), dm()]);
    }

    #[test]
    fn d10_a_direct_message_has_one_step() {
        let place = place(dm(), Audience::Direct, None);
        assert_eq!(Route::from_place(&place).steps(), [dm()]);
    }

    #[test]
    fn a_private_thread_is_read_from_itself_alone_and_a_public_one_from_its_channel() {
        let place = |audience| place(thread(), audience, Some(ops()));
        let (public, private) = (place(Audience::Public), place(Audience::Private));
        let (public, private) = (Route::from_place(&public), Route::from_place(&private));
        let beside = ops().in_thread("t2");
        for (here, by_public, by_private) in
            [(thread(), true, true), (ops(), true, false), (beside.clone(), true, false), (dm(), false, false)]
        {
            assert_eq!(public.is_read_from(&thread(), &here), by_public, "{here}");
            assert_eq!(private.is_read_from(&thread(), &here), by_private, "{here}");
        }
        assert!(private.is_read_from(&ops(), &beside), "what stands in a channel is read from its threads");
        assert!(!public.is_read_from(&ops(), &Address::channel("slack", "ops")), "another account's channel");
    }

    #[test]
    fn a_moved_chat_is_rewritten_at_every_step() {
        let route = Route::from_place(&place(ops(), Audience::Public, None));
        let new = Address::channel("sim", "ops-2");
        assert_eq!(route.moved(&ops(), &new).steps(), [new, dm()]);
    }
}
