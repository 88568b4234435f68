//! One fire of a follow-up: look whether its address still stands and its originator still may, then
//! inject it as if it were said there now.

use std::sync::Arc;

use tokio::sync::Semaphore;
use wilco_core::access::Role;
use wilco_core::command::{self, Parsed};
use wilco_core::followup::{LATE_AFTER, Late, Origin, Scheduled, Task, Trouble};
use wilco_core::job::SAY;
use wilco_core::{Audience, Cause, DeliveryOutcome, Inbound, NotSurfaced, Person, Place, What, wording};
use wilco_store::StoreError;
use wilco_store::changes::{Act, Asker, DispatchFailed, Fire, Fired, FiredHow, Firing, FollowupTold, OfferItem};

use crate::channel_loop::STORE_PAUSE;
use crate::intake::{self, Prepared, Taken};
use crate::shared::Shared;

/// How many injections may be under way at once; the others wait for their turn, the oldest first.
const TURNS: usize = 256;

/// The room for fires.
#[derive(Clone, Debug)]
pub(crate) struct Rooms {
    turns: Arc<Semaphore>,
    /// The room for what is said, which follow-ups share with the adapters.
    places: Arc<Semaphore>,
}

impl Rooms {
    pub(crate) fn beside(places: Arc<Semaphore>) -> Self {
        Self { turns: Arc::new(Semaphore::new(TURNS)), places }
    }
}

/// What a fire leaves for the loop to do.
#[derive(Debug, Default)]
pub(crate) struct Shot {
    /// As after any batch of what people said.
    pub(crate) taken: Taken,
    /// What was settled.
    pub(crate) told: Vec<FollowupTold>,
}

/// Fires one claimed occurrence. It ends when the store has taken what became of it.
pub(crate) async fn fire(shared: Shared, rooms: Rooms, firing: Firing) -> Shot {
    wilco_store::crash::point("loop.fire.claimed");
    let mut shot = Shot::default();
    let place = match standing_address(&shared, &firing).await {
        Ok(place) => place,
        Err(trouble) => {
            shot.told = failed(&shared, &firing, trouble).await;
            return shot;
        }
    };
    wilco_store::crash::point("loop.fire.probed");
    // After the probe: whoever waits for a platform holds nothing that others need.
    let _turn = rooms.turns.acquire().await;
    // As many as any adapter's batches; one that finds no room says so instead of waiting in line. It keeps
    // its place while it waits for the store: an outage must not make it lose its attempts.
    let Ok(_place) = rooms.places.try_acquire() else {
        shot.told = failed(&shared, &firing, Trouble::Busy).await;
        return shot;
    };
    let mut waited = false;
    loop {
        let inbound = inbound(&shared, &firing, &place);
        let item = match turn(&shared, &firing, &inbound).await {
            Ok(item) => item,
            Err(Stopped::Trouble(trouble)) => {
                shot.told = failed(&shared, &firing, trouble).await;
                return shot;
            }
            Err(Stopped::Store(error)) => {
                wait_for_store(&shared, &firing, &error, &mut waited).await;
                continue;
            }
        };
        let change = Fire {
            occurrence: firing.occurrence.clone(),
            fence: firing.fence,
            owner: shared.owner(),
            item,
            now: shared.now(),
            wall: shared.clock().now(),
            platforms: shared.platforms(),
            fresh: shared.fresh(),
        };
        match shared.store().write(change).await {
            Ok(fired) => {
                wilco_store::crash::point("loop.fire.injected");
                take(&shared, &inbound, fired, &mut shot);
                return shot;
            }
            // A store that cannot write spends no attempt: the occurrence is due until it can.
            Err(error) if error.is_transient() => wait_for_store(&shared, &firing, &error, &mut waited).await,
            Err(error) => {
                shot.told = failed(&shared, &firing, Trouble::Error(concrete(error))).await;
                return shot;
            }
        }
    }
}

async fn wait_for_store(shared: &Shared, firing: &Firing, error: &StoreError, waited: &mut bool) {
    // Said once for each outage, not at each attempt (requirement O3).
    if !std::mem::replace(waited, true) {
        tracing::error!(followup_id = %firing.short, %error, "a follow-up waits for the store");
    }
    let clock = shared.clock();
    clock.sleep_until(clock.monotonic() + STORE_PAUSE).await;
}

/// The error itself, without the advice around it, for a row and a message.
fn concrete(error: StoreError) -> String {
    match error {
        StoreError::Constraint(text) | StoreError::Refused(text) => text,
        StoreError::Undecodable { what, why } => format!("`{what}` cannot be read: {why}"),
        other @ (StoreError::Full(_)
        | StoreError::Busy(_)
        | StoreError::Io(_)
        | StoreError::Gone(_)
        | StoreError::Newer { .. }
        | StoreError::Locked { .. }
        | StoreError::BadUrl(_)
        | StoreError::Closed) => other.to_string(),
    }
}

/// Whether the address still takes messages. Only what its platform says for certain counts against it:
/// a platform that is down or busy now, or that may not be called now, has three days to show the result.
async fn standing_address(shared: &Shared, firing: &Firing) -> Result<Place, Trouble> {
    let address = &firing.place.address;
    let Some(adapter) = shared.adapter(&address.account) else {
        return Err(Trouble::AccountRemoved(address.account.to_string()));
    };
    let Some(outcome) = shared.probes().ask(shared, adapter, address).await else {
        return Ok(firing.place.clone());
    };
    match outcome {
        DeliveryOutcome::NotSurfaced(NotSurfaced::Gone(cause)) => Err(Trouble::Gone(readable(cause))),
        DeliveryOutcome::NotSurfaced(NotSurfaced::Moved(to)) => {
            tracing::info!(followup_id = %firing.short, channel = %address, to = %to, "follow-up moves with its chat");
            Ok(Place { address: to, ..firing.place.clone() })
        }
        DeliveryOutcome::Surfaced(_)
        | DeliveryOutcome::NotSurfaced(
            NotSurfaced::Silent
            | NotSurfaced::RetryAfter { .. }
            | NotSurfaced::Retry(_)
            | NotSurfaced::Ambiguous(_)
            | NotSurfaced::Fallback(_)
            | NotSurfaced::Reshape(_)
            | NotSurfaced::StopAccount(_)
            | NotSurfaced::Bug(_),
        ) => Ok(firing.place.clone()),
    }
}

/// Every drop names its reason.
fn readable(cause: Cause) -> Cause {
    if cause.text.is_empty() { Cause::new(cause.code.clone(), cause.code) } else { cause }
}

/// The synthetic turn: the originator says the text now, there, and the event names the occurrence, so
/// that the same one can never be taken twice.
fn inbound(shared: &Shared, firing: &Firing, place: &Place) -> Inbound {
    let what = match command::parse(&firing.task.as_typed()) {
        Parsed::Command(command) => What::Command(command),
        Parsed::Text(text) => What::Said(text),
        Parsed::Usage(_) | Parsed::Unknown { .. } => What::Said(firing.task.text().to_owned()),
    };
    Inbound {
        account: place.address.account.clone(),
        event: format!("followup/{}", firing.occurrence),
        place: place.clone(),
        person: firing.person.clone(),
        what,
        at: shared.clock().now(),
    }
}

/// Why there is nothing to inject.
enum Stopped {
    Trouble(Trouble),
    Store(StoreError),
}

impl From<Trouble> for Stopped {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

/// The turn as the store takes it, by the same road as what a person types now.
async fn turn(shared: &Shared, firing: &Firing, inbound: &Inbound) -> Result<OfferItem, Stopped> {
    let role = shared.role_at(&inbound.account, &inbound.person, &inbound.place);
    // Who may not schedule any more may not be spoken for, whatever was scheduled.
    let needs = match &inbound.what {
        What::Command(command) => command.spec().needs.max(Some(Role::Operator)),
        What::Said(_) | What::Press { .. } => Some(Role::Operator),
    };
    if let Some(needs) = needs
        && role < Some(needs)
    {
        return Err(Trouble::NotAllowed(wording::not_allowed_any_more(&inbound.person.name, needs, role)).into());
    }
    let origin = Origin::Scheduled(mark(shared, firing));
    let item = |act: Act| OfferItem {
        event: inbound.event.clone(),
        asker: intake::asker(shared, inbound),
        place: inbound.place.clone(),
        act,
    };
    let say = |text: &str| {
        let job = intake::new_job(shared, inbound, SAY, text, &origin);
        job.map(|job| item(Act::Run(Box::new(job)))).map_err(|refusal| Trouble::Refused(refusal.text).into())
    };
    if let What::Said(text) = &inbound.what {
        return say(text);
    }
    match intake::prepare(shared, inbound, false, &origin).await {
        Prepared::Store(prepared) => Ok(with_retries(shared, firing, *prepared)),
        Prepared::Read(command) => match intake::reading(shared, inbound, &command, &readers(shared, inbound)).await {
            Ok(accepted) => match intake::words_of(&accepted) {
                Ok(words) => say(&words),
                Err(why) => Err(Trouble::Refused(why).into()),
            },
            Err(error) if error.is_transient() => Err(Stopped::Store(error)),
            Err(error) => Err(Trouble::Error(concrete(error)).into()),
        },
        Prepared::Done(accepted) => Err(match intake::words_of(&accepted) {
            Ok(words) | Err(words) => Trouble::Refused(words),
        }
        .into()),
    }
}

/// In whose name a reading is made that everybody at the place will see: what it shows is what any of them
/// may see there, not what its originator may see elsewhere. A direct message has no other reader.
fn readers(shared: &Shared, inbound: &Inbound) -> Asker {
    if inbound.place.audience == Audience::Direct {
        return intake::asker(shared, inbound);
    }
    let (account, address) = (inbound.account.clone(), inbound.place.address.clone());
    let anybody = Person::new("", "whoever reads along");
    Asker::person(account, anybody, Some(address), Some(Role::Viewer))
}

/// A worker that is started directly has its failed attempts made again, as `[retry]` says. A turn is
/// treated like what a person types: only an agent's attempts are.
fn with_retries(shared: &Shared, firing: &Firing, mut item: OfferItem) -> OfferItem {
    if let (Task::Command { worker, .. } | Task::Agent { worker, .. }, Act::Run(job)) = (&firing.task, &mut item.act) {
        job.rules.retry = Some(shared.settings().retry_for(worker));
    }
    item
}

/// What marks the job: who scheduled it, when it was due, and how late it is.
fn mark(shared: &Shared, firing: &Firing) -> Scheduled {
    let fired = shared.clock().now();
    let by = fired.since(firing.due);
    let by_ms = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
    let late = match firing.late {
        // What waited for the store has become later since it was claimed.
        Some(late) => Some(Late { by_ms: late.by_ms.max(by_ms), ..late }),
        None => (by > LATE_AFTER).then_some(Late { by_ms, offline: None, missed: 0 }),
    };
    Scheduled {
        followup: firing.short.clone(),
        due: firing.due,
        fired,
        zone: firing.zone,
        originator: firing.person.name.clone(),
        reason: firing.purpose.clone(),
        manual: firing.manual,
        late,
    }
}

/// What the loop has to do after an injection.
fn take(shared: &Shared, inbound: &Inbound, fired: Fired, shot: &mut Shot) {
    shot.told = fired.told;
    match fired.how {
        FiredHow::Job { worker, short } => shot.taken.accepted.push((worker, short)),
        // Nobody waits for the answer; what it concerns is told to the loop all the same.
        FiredHow::Turn(offered) => drop(intake::told(shared, inbound, offered, &mut shot.taken)),
        FiredHow::Held | FiredHow::Superseded => {}
    }
}

/// Tells the store what kept it, until the store has taken that.
async fn failed(shared: &Shared, firing: &Firing, trouble: Trouble) -> Vec<FollowupTold> {
    let mut waited = false;
    loop {
        let change = DispatchFailed {
            occurrence: firing.occurrence.clone(),
            fence: firing.fence,
            owner: shared.owner(),
            trouble: trouble.clone(),
            now: shared.now(),
            wall: shared.clock().now(),
            fresh: shared.fresh(),
        };
        match shared.store().write(change).await {
            Ok(told) => return told,
            Err(error) if error.is_transient() => wait_for_store(shared, firing, &error, &mut waited).await,
            Err(error) => {
                tracing::error!(followup_id = %firing.short, %error, "a follow-up could not be settled; its claim runs out and it is tried again");
                return Vec::new();
            }
        }
    }
}
