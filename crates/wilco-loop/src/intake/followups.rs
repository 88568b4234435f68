//! What people say about follow-ups, understood: their words become something that the store can keep.

use wilco_core::access::Role;
use wilco_core::command::{self, Command, Parsed};
use wilco_core::desk::{FollowupFilter, FollowupWish};
use wilco_core::followup::{Task, Wanted};
use wilco_core::job::Input;
use wilco_core::when::{self, Zone};
use wilco_core::wording::{self, ZoneFrom};
use wilco_core::{Accepted, AccountId, FollowupId, Inbound, OccurrenceId, Person, Place, Reply};
use wilco_store::StoreError;
use wilco_store::changes::{Asker, FollowupUnresolved, NewFollowup, SetZone, ZoneOf};
use wilco_store::reads::ListFollowups;

use crate::shared::Shared;

/// How long the text of a follow-up may be, in bytes: more than any platform's message.
const TEXT_LIMIT: usize = 16 << 10;
/// How long a key may be, in characters.
const KEY_LIMIT: usize = 64;

/// Why a wish cannot be fulfilled.
pub(crate) enum Unwanted {
    /// The person is told why, and nothing was changed.
    Refused(Reply),
    /// The store did not say which zone holds.
    Store(StoreError),
}

impl From<StoreError> for Unwanted {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// The zone that holds for a person in a place: their own, else the channel's, else the configured one;
/// never the machine's.
pub(crate) async fn zone_of(
    shared: &Shared,
    account: &AccountId,
    person: &Person,
    place: &Place,
) -> Result<(Zone, ZoneFrom), StoreError> {
    let query = ZoneOf { account: account.clone(), person: person.id.clone(), channel: place.address.channel.clone() };
    let zones = shared.store().read(query).await?;
    let platform = person.zone.as_deref().and_then(|name| Zone::parse(name).ok());
    Ok(match (zones.person, platform, zones.channel) {
        (Some(zone), _, _) => (zone, ZoneFrom::Person),
        (None, Some(zone), _) => (zone, ZoneFrom::Platform),
        (None, None, Some(zone)) => (zone, ZoneFrom::Channel),
        (None, None, None) => (shared.settings().followups.timezone, ZoneFrom::Configuration),
    })
}

/// Reads a wish: the time by the wall clock and the zone that holds, and a task that could run now.
pub(crate) async fn wanted(
    shared: &Shared,
    account: &AccountId,
    person: &Person,
    place: &Place,
    wish: &FollowupWish,
) -> Result<NewFollowup, Unwanted> {
    let (zone, _) = zone_of(shared, account, person, place).await?;
    let settings = shared.settings();
    let limits = &settings.followups;
    let wall = shared.clock().now();
    let when = when::parse(&wish.when, wall, zone, &limits.bounds)
        .map_err(|error| Unwanted::Refused(wording::followup_bad_time(&error)))?;
    if wish.delete_after_run && when.schedule.is_recurring() {
        return Err(Unwanted::Refused(wording::followup_not_forgotten()));
    }
    let task = task(shared, person, wish).map_err(Unwanted::Refused)?;
    let key = wish.key.as_deref().map(clean_key).transpose().map_err(Unwanted::Refused)?;
    let given = wish.reason.as_deref().map(wording::one_line).filter(|reason| !reason.is_empty());
    let reason = given.unwrap_or_else(|| wording::as_scheduled(&wish.when));
    let now = shared.now();
    Ok(NewFollowup {
        id: FollowupId::new(shared.dice().uuid(now)),
        occurrence: OccurrenceId::new(shared.dice().uuid(now)),
        shorts: shared.dice().followup_shorts(),
        wanted: Wanted {
            task,
            schedule: when.schedule,
            first: when.first,
            reason,
            key,
            delete_after_run: wish.delete_after_run,
        },
        pause_after: limits.pause_after,
        per_person: limits.per_person,
        rolled: when.rolled,
    })
}

fn clean_key(key: &str) -> Result<String, Reply> {
    let clean = wording::one_line(key);
    if clean.is_empty() || clean.chars().count() > KEY_LIMIT || clean != key.trim() {
        return Err(Reply::text(format!("Not scheduled: a key is one line of 1 to {KEY_LIMIT} characters.")));
    }
    Ok(clean)
}

/// What shall happen, checked as if it were to happen now: a mistake is told to whoever can mend it,
/// not to an empty channel at night.
fn task(shared: &Shared, person: &Person, wish: &FollowupWish) -> Result<Task, Reply> {
    let text = wish.text.trim();
    if text.len() > TEXT_LIMIT {
        return Err(Reply::text(format!("Not scheduled: the text is longer than {} KiB.", TEXT_LIMIT >> 10)));
    }
    if let Some(name) = &wish.worker {
        let (worker, text) = (name.clone(), text.to_owned());
        let agent = check_worker(shared, person, name, &text)?;
        return Ok(if agent { Task::Agent { worker, text } } else { Task::Command { worker, text } });
    }
    if text.is_empty() {
        return Err(wording::followup_needs_text());
    }
    match command::parse(text) {
        Parsed::Text(_) => {}
        Parsed::Command(given) => check_command(shared, person, &given)?,
        Parsed::Usage(spec) => return Err(wording::usage(spec)),
        Parsed::Unknown { verb, nearest } => return Err(wording::unknown_command(&verb, nearest)),
    }
    Ok(Task::Turn { text: text.to_owned() })
}

fn check_command(shared: &Shared, person: &Person, given: &Command) -> Result<(), Reply> {
    match given {
        Command::Run { worker, text } => check_worker(shared, person, worker, text).map(drop),
        Command::Jobs
        | Command::Status { .. }
        | Command::Cancel { .. }
        | Command::Watch { .. }
        | Command::Followups { .. }
        | Command::Stop => Ok(()),
        // A follow-up that schedules follow-ups could grow without anybody's doing; a code is given by who has read it.
        Command::Followup { .. }
        | Command::Timezone { .. }
        | Command::Pair { .. }
        | Command::Whoami
        | Command::Help => Err(Reply::text(format!("Not scheduled: {}.", wording::followup_cannot(given.spec().verb)))),
    }
}

/// Answers whether the worker depends on a backend.
fn check_worker(shared: &Shared, person: &Person, name: &str, text: &str) -> Result<bool, Reply> {
    let Some(worker) = shared.kinds().offered(name) else {
        let nearest = shared.kinds().nearest(name);
        return Err(wording::unknown_worker(name, nearest.as_deref(), &shared.kinds().names()));
    };
    worker.check(&Input::new(text, person.clone())).map_err(|why| wording::bad_input(name, &why))?;
    Ok(worker.backend().is_some())
}

/// One page of the follow-ups of a place and of whoever asks.
pub(crate) async fn list(shared: &Shared, inbound: &Inbound, asker: &Asker, page: u32) -> Result<Accepted, StoreError> {
    let address = Some(inbound.place.address.clone());
    let filter = FollowupFilter { address, ..FollowupFilter::default() };
    let found = shared.store().read(ListFollowups { asker: asker.clone(), filter }).await?;
    Ok(Accepted::Answered(wording::followups(&found, page, shared.clock().now())))
}

pub(crate) fn unresolved_reply(unresolved: &FollowupUnresolved, name: &str, role: Option<Role>) -> Reply {
    match unresolved {
        FollowupUnresolved::NotFound => wording::followup_not_found(name),
        FollowupUnresolved::Several(candidates) => wording::which_followup(candidates),
        FollowupUnresolved::NotAllowed(short) => wording::followup_not_yours(short, role),
    }
}

/// A zone that somebody wants to set, for themselves or, where they may, for the channel.
pub(crate) fn zone_to_set(
    account: &AccountId,
    person: &Person,
    role: Option<Role>,
    place: &Place,
    name: &str,
    here: bool,
) -> Result<SetZone, Reply> {
    if here && !person.moderator && role < Some(Role::Owner) {
        return Err(wording::timezone_not_allowed(role));
    }
    let zone = Zone::parse(name).map_err(|unknown| wording::timezone_unknown(&unknown))?;
    Ok(SetZone {
        account: account.clone(),
        person: (!here).then(|| person.id.clone()),
        channel: place.address.channel.clone(),
        zone,
    })
}
