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
        let address = self.at(place).address;
        Caller::Person { account: address.account.clone(), person: self.0.clone(), address: Some(address) }
    }
}

/// Everybody whom the scripts know, with their roles.
pub(crate) fn cast() -> Access {
    let rule = |name: &str, grant| Rule {
        account: Some(ACCOUNT.to_owned()),
        user: Some(format!("id-{name}")),
        role: None,
        channel: None,
        grant,
    };
    Access {
        rules: vec![
            rule("ana", Role::Operator),
            rule("bo", Role::Viewer),
            rule("cleo", Role::Owner),
            rule("dora", Role::Operator),
        ],
    }
}
