//! Where somebody speaks, in core's words.

use wilco_core::{AccountId, Address, Audience, MessageRef, Place};

use crate::channels::{Sight, is_direct};

/// Where something was said or done, as Slack names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) channel: String,
    pub(crate) thread: Option<String>,
}

impl Spot {
    /// A channel or a thread in it.
    pub(crate) fn new(channel: impl Into<String>, thread: Option<&str>) -> Self {
        Self { channel: channel.into(), thread: thread.map(str::to_owned) }
    }

    /// Its address.
    pub(crate) fn address(&self, account: &AccountId) -> Address {
        let channel = Address::channel(account.clone(), self.channel.as_str());
        match &self.thread {
            Some(thread) => channel.in_thread(thread.as_str()),
            None => channel,
        }
    }

    /// A message there.
    pub(crate) fn message(&self, account: &AccountId, ts: &str) -> MessageRef {
        MessageRef { address: self.address(account), message: ts.to_owned() }
    }

    /// Where somebody speaks. Whoever reads a channel reads its threads, so the channel has the audience of the thread.
    /// A channel of which nothing is known counts as one that few can read (requirement D10). `team` is the workspace
    /// that whoever speaks belongs to: a channel that is shared is in several, and a rule for one of them is meant for
    /// its own people.
    pub(crate) fn place(
        &self,
        account: &AccountId,
        sight: Sight,
        team: Option<&str>,
        direct: Option<Address>,
    ) -> Place {
        let here = self.address(account);
        let around = self.thread.as_ref().map(|_| Address::channel(account.clone(), self.channel.as_str()));
        if is_direct(&self.channel) {
            // A thread in a direct message falls back to the conversation around it.
            return Place { direct: around, ..Place::direct(here) };
        }
        let open = matches!(sight, Sight::Seen(channel) if !channel.is_private && !channel.is_mpim && !channel.is_im);
        Place {
            address: here,
            audience: if open { Audience::Public } else { Audience::Private },
            parent: around,
            direct,
            guild: team.filter(|team| !team.is_empty()).map(str::to_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use wilco_core::Route;

    use super::*;
    use crate::probe::Conversation;

    fn seen(change: impl FnOnce(&mut Conversation)) -> Sight {
        let mut conversation = Conversation { is_member: true, ..Conversation::default() };
        change(&mut conversation);
        Sight::Seen(conversation)
    }

    fn steps(spot: &Spot, sight: Sight) -> Vec<String> {
        let account = AccountId::new("slack");
        let direct = Some(Address::channel(account.clone(), "D9"));
        let place = spot.place(&account, sight, Some("T1"), direct);
        Route::from_place(&place)
            .steps()
            .iter()
            .map(|step| step.thread.clone().unwrap_or(step.channel.clone()))
            .collect()
    }

    #[test]
    fn d10_a_public_thread_goes_on_to_its_channel_and_a_private_one_to_the_person_alone() {
        let thread = Spot::new("C1", Some("17.1"));
        assert_eq!(steps(&thread, seen(|_| ())), ["17.1", "C1", "D9"]);
        assert_eq!(steps(&thread, seen(|channel| channel.is_private = true)), ["17.1", "D9"]);
        assert_eq!(steps(&thread, seen(|channel| channel.is_mpim = true)), ["17.1", "D9"]);
        assert_eq!(steps(&thread, Sight::Unknown), ["17.1", "D9"]);
        assert_eq!(steps(&Spot::new("C1", None), seen(|_| ())), ["C1", "D9"]);
    }

    #[test]
    fn a_direct_message_has_no_further_address_and_its_thread_has_it() {
        let account = AccountId::new("slack");
        let direct = Spot::new("D1", None);
        assert_eq!(direct.place(&account, Sight::Unknown, Some("T1"), None).audience, Audience::Direct);
        assert_eq!(steps(&direct, Sight::Unknown), ["D1"]);
        assert_eq!(steps(&Spot::new("D1", Some("17.1")), Sight::Unknown), ["17.1", "D1"]);
        assert_eq!(direct.place(&account, Sight::Unknown, Some("T1"), None).guild, None);
        let channel = Spot::new("C1", None).place(&account, Sight::Unknown, Some("T1"), None);
        assert_eq!((channel.guild.as_deref(), channel.audience), (Some("T1"), Audience::Private));
    }
}
