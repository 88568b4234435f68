//! Who a follow-up of the command line is for, and where it fires.

use wilco_core::desk::{Caller, Desk, Limit};
use wilco_core::{AccountId, Address, Audience, Person, Place, Route};
use wilco_store::reads::Requester;

use super::{Counter, refused};
use crate::cli::Add;
use crate::exit::{Ended, Exit};
use crate::local;

/// The person and the place that somebody named, or those of a job.
///
/// # Errors
/// A sentence that says what is not known. Nothing was scheduled.
pub(super) async fn of(counter: &Counter, add: &Add) -> anyhow::Result<(AccountId, Person, Place)> {
    match &add.like {
        Some(job) => like(counter, job).await,
        None => Ok(named(counter, add)?),
    }
}

fn unknown(sentence: String) -> Ended {
    Ended::new(Exit::Failed, format!("{sentence}; nothing was scheduled")).coded("bad_input")
}

async fn like(counter: &Counter, job: &str) -> anyhow::Result<(AccountId, Person, Place)> {
    let found = counter.desk.inspect(&Caller::Host, job, Limit::default()).await.map_err(refused)?;
    let person = counter.store.read(Requester { worker: found.job.id }).await?;
    let short = &found.job.short;
    let Some(person) = person else {
        return Err(unknown(format!("it is not known any more who asked for {short}: it ended too long ago")).into());
    };
    let route = found.contracts.iter().find(|contract| contract.number == 0).map(|contract| &contract.route);
    let place = route.and_then(place_of).unwrap_or_else(|| narrow(found.job.address.clone()));
    known(counter, &place.address.account)?;
    Ok((place.address.account.clone(), person, place))
}

/// The place from which a route was made: first where it was asked, then the channel around a public thread, last
/// the direct message. The audience of a step is not stored, so it is taken to be as narrow as the route allows.
fn place_of(route: &Route) -> Option<Place> {
    let (address, others) = route.steps().split_first()?;
    let around = |other: &&Address| {
        let channel = Address { thread: None, ..address.clone() };
        address.thread.is_some() && **other == channel
    };
    let parent = others.iter().find(around).cloned();
    let direct = others.last().filter(|last| Some(*last) != parent.as_ref()).cloned();
    let audience = match (&parent, others) {
        (Some(_), _) => Audience::Public,
        (None, []) => Audience::Direct,
        (None, [_, ..]) => Audience::Private,
    };
    Some(Place { address: address.clone(), audience, parent, direct, guild: None })
}

/// A place of which only the address is known: its results have no other way than that and the operator's list.
fn narrow(address: Address) -> Place {
    Place { address, audience: Audience::Private, parent: None, direct: None, guild: None }
}

fn named(counter: &Counter, add: &Add) -> Result<(AccountId, Person, Place), Ended> {
    let wanted = |value: &Option<String>| value.clone().unwrap_or_default();
    let (account, id, channel) = (AccountId::new(wanted(&add.account)), wanted(&add.person), wanted(&add.channel));
    known(counter, &account)?;
    let page = local::options();
    if account == page.account {
        return on_the_page(&page, add, &id, &channel);
    }
    if id.trim().is_empty() || channel.trim().is_empty() {
        return Err(unknown("--person and --channel need a text".to_owned()));
    }
    let name = add.name.clone().unwrap_or_else(|| id.clone());
    let address = Address { account: account.clone(), channel, thread: add.thread.clone() };
    Ok((account, Person::new(id, name), narrow(address)))
}

/// On the page everybody and every place is known, with the ways on from it.
fn on_the_page(
    page: &wilco_web::Options,
    add: &Add,
    id: &str,
    channel: &str,
) -> Result<(AccountId, Person, Place), Ended> {
    let Some(known) = page.people.iter().find(|known| known.person.id == id) else {
        let people: Vec<&str> = page.people.iter().map(|known| known.person.id.as_str()).collect();
        return Err(unknown(format!("there is nobody `{id}` on {}; there are {}", page.account, people.join(", "))));
    };
    let place = page
        .named(id, channel, add.thread.as_deref())
        .and_then(|address| page.place(id, &address))
        .ok_or_else(|| {
            let places = page.channels.iter().map(|spec| match &spec.thread {
                Some(thread) => format!("{} --thread {thread}", spec.id),
                None => spec.name.clone(),
            });
            let places = places.collect::<Vec<_>>().join(", ");
            unknown(format!("`{id}` sees no such channel on {}; there are {places}", page.account))
        })?;
    let name = add.name.clone().unwrap_or_else(|| known.person.name.clone());
    Ok((page.account.clone(), Person { name, ..known.person.clone() }, place))
}

fn known(counter: &Counter, account: &AccountId) -> Result<(), Ended> {
    if counter.accounts.contains(account) {
        return Ok(());
    }
    let names: Vec<&str> = counter.accounts.iter().map(AccountId::as_str).collect();
    let there = if names.is_empty() { "there is none".to_owned() } else { format!("there is {}", names.join(", ")) };
    Err(unknown(format!("no connection is called `{account}`; {there}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d10_a_route_leads_back_to_a_place_with_the_same_route() {
        let channel = || Address::channel("discord", "ops");
        let thread = || channel().in_thread("t1");
        let direct = || Address::channel("discord", "dm-ana");
        let place = |address, audience, parent, direct| Place { address, audience, parent, direct, guild: None };
        for from in [
            place(thread(), Audience::Public, Some(channel()), Some(direct())),
            place(thread(), Audience::Public, Some(channel()), None),
            place(thread(), Audience::Private, Some(channel()), Some(direct())),
            place(channel(), Audience::Public, None, Some(direct())),
            place(channel(), Audience::Private, None, None),
            Place::direct(direct()),
        ] {
            let route = Route::from_place(&from);
            let back = place_of(&route).unwrap();
            assert_eq!(Route::from_place(&back), route, "{from:?}");
            assert!(back.audience <= from.audience, "{from:?}");
        }
    }
}
