//! Who may speak on the page, and where.

use wilco_core::access::Role;
use wilco_core::{AccountId, Address, Audience, Person, Place};

/// Somebody whom the browser may speak as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebPerson {
    /// Who they are to the access rules.
    pub person: Person,
    /// What the page writes beside the name, such as `owner`. It grants nothing: the access rules do.
    pub role: String,
}

impl WebPerson {
    /// A person with the name of the role that the access rules are expected to give.
    pub fn new(id: impl Into<String>, name: impl Into<String>, role: Role) -> Self {
        Self { person: Person::new(id, name), role: role.name().to_owned() }
    }
}

/// One conversation in the list on the left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelSpec {
    /// The channel part of its address. Of a direct message it is replaced by `dm-<person id>`, so that
    /// each person has one of their own.
    pub id: String,
    /// What people read; unique in the list.
    pub name: String,
    /// The thread part of its address. The channel around it is the entry with the same `id` and no thread.
    pub thread: Option<String>,
    /// Who reads along.
    pub audience: Audience,
}

/// What a [`crate::Web`] is made from.
#[derive(Clone, Debug)]
pub struct Options {
    /// The name of this connection, normally `web`.
    pub account: AccountId,
    /// Whom the browser may speak as; the first is the default. Must not be empty to be of use.
    pub people: Vec<WebPerson>,
    /// The conversations, in the order of the list.
    pub channels: Vec<ChannelSpec>,
    /// Whether the page may switch between the people. Without it only the first one may be spoken as.
    pub local: bool,
    /// The `Host` values that are answered, such as `127.0.0.1:7733`. When empty they follow from the
    /// bound address: the address itself, and `localhost`, `127.0.0.1` and `[::1]` where it is loopback.
    pub allowed_hosts: Vec<String>,
    /// The version that the page shows.
    pub version: &'static str,
}

impl Options {
    /// The demo that needs no configuration: Ana (owner) and Bo (viewer), a channel, a thread in it, and a
    /// direct message for each of them.
    pub fn local(version: &'static str) -> Self {
        let channel = |id: &str, name: &str, thread: Option<&str>, audience| ChannelSpec {
            id: id.to_owned(),
            name: name.to_owned(),
            thread: thread.map(str::to_owned),
            audience,
        };
        Self {
            account: "web".into(),
            people: vec![WebPerson::new("ana", "Ana", Role::Owner), WebPerson::new("bo", "Bo", Role::Viewer)],
            channels: vec![
                channel("general", "general", None, Audience::Public),
                channel("general", "deploys", Some("deploys"), Audience::Public),
                channel("direct", "direct", None, Audience::Direct),
            ],
            local: true,
            allowed_hosts: Vec::new(),
            version,
        }
    }

    /// The person with an id, when the browser may speak as them.
    pub(crate) fn person(&self, id: &str) -> Option<&WebPerson> {
        let reachable = if self.local { self.people.len() } else { 1 };
        self.people.iter().take(reachable).find(|known| known.person.id == id)
    }

    /// The address of a conversation as one person sees it.
    pub(crate) fn address(&self, spec: &ChannelSpec, person: &str) -> Address {
        let channel = match spec.audience {
            Audience::Direct => direct_channel(person),
            Audience::Private | Audience::Public => spec.id.clone(),
        };
        Address { account: self.account.clone(), channel, thread: spec.thread.clone() }
    }

    /// The conversation at an address, when the person takes part in it. Another person's direct message
    /// is answered like one that does not exist.
    pub(crate) fn spec(&self, person: &str, address: &Address) -> Option<&ChannelSpec> {
        self.channels.iter().find(|spec| self.address(spec, person) == *address)
    }

    /// The conversation that somebody names by the id of its channel, or by the name in the list; `direct`
    /// is the person's own direct message. None when they take no part in it.
    pub fn named(&self, person: &str, channel: &str, thread: Option<&str>) -> Option<Address> {
        let thread = thread.filter(|thread| !thread.is_empty()).map(str::to_owned);
        let address = Address { account: self.account.clone(), channel: channel.to_owned(), thread };
        if self.spec(person, &address).is_some() {
            return Some(address);
        }
        let own = self.channels.iter().find(|spec| spec.name == channel && address.thread.is_none());
        own.map(|spec| self.address(spec, person))
    }

    /// Where a person speaks: the address with its audience and the ways on from it. None when they take
    /// no part in that conversation.
    pub fn place(&self, person: &str, address: &Address) -> Option<Place> {
        let spec = self.spec(person, address)?;
        let around = self
            .channels
            .iter()
            .find(|other| spec.thread.is_some() && other.thread.is_none() && other.id == spec.id)
            .filter(|other| other.audience == spec.audience);
        let direct = self.channels.iter().find(|other| other.audience == Audience::Direct);
        Some(Place {
            address: address.clone(),
            audience: spec.audience,
            parent: around.map(|other| self.address(other, person)),
            direct: direct.map(|other| self.address(other, person)),
            guild: None,
        })
    }

    /// Whether anybody at all can read what is said at an address.
    pub(crate) fn exists(&self, address: &Address) -> bool {
        self.people.iter().any(|known| self.spec(&known.person.id, address).is_some())
    }
}

/// The channel of a person's direct message.
fn direct_channel(person: &str) -> String {
    format!("dm-{person}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d10_a_thread_knows_its_channel_and_the_direct_message_of_who_spoke() {
        let options = Options::local("0");
        let thread = Address::channel("web", "general").in_thread("deploys");
        let place = options.place("bo", &thread).unwrap();
        assert_eq!(place.audience, Audience::Public);
        assert_eq!(place.parent, Some(Address::channel("web", "general")));
        assert_eq!(place.direct, Some(Address::channel("web", "dm-bo")));
    }

    #[test]
    fn another_persons_direct_message_does_not_exist() {
        let options = Options::local("0");
        assert!(options.place("ana", &Address::channel("web", "dm-ana")).is_some());
        assert!(options.place("bo", &Address::channel("web", "dm-ana")).is_none());
        assert!(options.place("ana", &Address::channel("web", "direct")).is_none());
        assert!(options.exists(&Address::channel("web", "dm-bo")));
        assert!(!options.exists(&Address::channel("web", "dm-eve")));
        assert!(!options.exists(&Address::channel("slack", "general")));
    }

    #[test]
    fn a_conversation_is_named_by_its_channel_or_by_its_name() {
        let options = Options::local("0");
        let general = Address::channel("web", "general");
        assert_eq!(options.named("bo", "general", Some("")), Some(general.clone()));
        let deploys = Some(general.in_thread("deploys"));
        assert_eq!(options.named("bo", "general", Some("deploys")), deploys);
        assert_eq!(options.named("bo", "deploys", None), deploys);
        assert_eq!(options.named("bo", "direct", None), Some(Address::channel("web", "dm-bo")));
        assert_eq!(options.named("bo", "dm-ana", None), None);
        assert_eq!(options.named("bo", "deploys", Some("deploys")), None);
    }

    #[test]
    fn without_the_switch_only_the_first_person_may_be_spoken_as() {
        let mut options = Options::local("0");
        assert!(options.person("bo").is_some());
        options.local = false;
        assert!(options.person("bo").is_none());
        assert!(options.person("ana").is_some());
    }
}
