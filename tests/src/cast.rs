//! Who speaks on the stage, and where.

use wilco_core::access::{Access, Role, Rule};
use wilco_core::desk::Caller;
use wilco_core::{AccountId, Person, Place};
use wilco_sim::place;

use crate::stage::ACCOUNT;

/// Where somebody speaks.
#[derive(Clone, Copy, Debug)]
pub enum Where<'a> {
    /// A channel that everybody reads.
    Channel(&'a str),
    /// A thread in it.
    Thread(&'a str, &'a str),
    /// A thread that only its members read.
    PrivateThread(&'a str, &'a str),
    /// The direct message with whoever speaks.
    Direct,
}

/// A person of the script.
#[derive(Clone, Debug)]
pub struct Actor(pub Person);

impl Actor {
    /// A person with this name; the id is the name with an `id-` before it.
    pub fn named(name: &str) -> Self {
        Self(Person::new(format!("id-{name}"), name))
    }

    /// Where this person speaks, as the platform describes it.
    pub fn at(&self, place: Where<'_>) -> Place {
        let account = AccountId::new(ACCOUNT);
        match place {
            Where::Channel(channel) => place::public(&account, channel, &self.0),
            Where::Thread(channel, thread) => place::thread(&account, channel, thread, &self.0),
            Where::PrivateThread(channel, thread) => place::private_thread(&account, channel, thread, &self.0),
            Where::Direct => place::direct(&account, &self.0),
        }
    }

    /// This person at the page or the command line, speaking from a place.
    pub fn calls_from(&self, place: Where<'_>) -> Caller {
        self.calls_at(&self.at(place))
    }

    /// The same from a place as the platform describes it.
    pub fn calls_at(&self, place: &Place) -> Caller {
        let Place { address, guild, .. } = place.clone();
        Caller::Person { account: address.account.clone(), person: self.0.clone(), address: Some(address), guild }
    }
}

/// Everybody who has a role in the scripts.
pub(crate) const CAST: [(&str, Role); 4] =
    [("ana", Role::Operator), ("bo", Role::Viewer), ("cleo", Role::Owner), ("dora", Role::Operator)];

/// Everybody whom the scripts know, with their roles.
pub(crate) fn cast() -> Access {
    cast_on(ACCOUNT, |name| format!("id-{name}"))
}

/// The same people on another account, by what their ids are there.
pub(crate) fn cast_on(account: &str, id: impl Fn(&str) -> String) -> Access {
    let rule = |(name, grant): (&str, Role)| Rule {
        account: Some(account.to_owned()),
        user: Some(id(name)),
        ..Rule::granting(grant)
    };
    Access { rules: CAST.map(rule).into() }
}
