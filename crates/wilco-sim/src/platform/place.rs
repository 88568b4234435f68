//! Shorthands for where somebody speaks.

use wilco_core::{AccountId, Address, Audience, Person, Place};

/// A channel that everybody reads; the person can be reached directly.
pub fn public(account: &AccountId, channel: &str, person: &Person) -> Place {
    let address = Address::channel(account.as_str(), channel);
    Place { direct: Some(direct_address(account, person)), ..Place::public(address) }
}

/// A thread that everybody reads.
pub fn thread(account: &AccountId, channel: &str, thread: &str, person: &Person) -> Place {
    let parent = Address::channel(account.as_str(), channel);
    let address = parent.clone().in_thread(thread);
    Place {
        address,
        audience: Audience::Public,
        parent: Some(parent),
        direct: Some(direct_address(account, person)),
        guild: None,
    }
}

/// A thread that only its members read.
pub fn private_thread(account: &AccountId, channel: &str, name: &str, person: &Person) -> Place {
    Place { audience: Audience::Private, ..thread(account, channel, name, person) }
}

/// The direct message with a person.
pub fn direct(account: &AccountId, person: &Person) -> Place {
    Place::direct(direct_address(account, person))
}

/// The address of the direct message with a person.
pub fn direct_address(account: &AccountId, person: &Person) -> Address {
    Address::channel(account.as_str(), format!("dm-{}", person.id))
}
