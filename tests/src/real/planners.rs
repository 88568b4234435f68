//! People who schedule things: most of them say it on the scripted platform, some write it into the store
//! beside the bot, as the command line does.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use wilco_core::followup::{FollowupSettings, Task, Wanted};
use wilco_core::random::Dice;
use wilco_core::when::{Rule, Schedule, Zone};
use wilco_core::{AccountId, Clock, FollowupId, OccurrenceId, Person, Place};
use wilco_sim::clock::MachineClock;
use wilco_sim::{Control, Snapshot, place};
use wilco_store::changes::{NewFollowup, ScheduleFollowup, Scheduling};
use wilco_store::{Mode, Options, Store, StoreError};

use super::crowd::CHANNEL;
use super::kinds::result_of;
use super::under_test::{ACCOUNT, CREW};
use super::{Home, wait};

/// How long the store may be held by the bot or by its start.
const STORE_WITHIN: Duration = Duration::from_secs(30);

/// What somebody plans.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Plan {
    /// A reminder, once.
    Reminder,
    /// A job, once, as if it were typed then.
    Turn,
    /// A job that is started directly, once; its first attempt fails, and it is tried again.
    Command,
    /// A reminder again and again, until somebody stops it.
    Ticks,
}

impl Plan {
    /// How many occurrences it has; none when that depends on when it is stopped.
    pub fn occurrences(self) -> Option<usize> {
        match self {
            Self::Reminder | Self::Turn | Self::Command => Some(1),
            Self::Ticks => None,
        }
    }
}

/// Something that was planned.
#[derive(Clone, Debug)]
pub struct Planned {
    /// Stands in everything that comes of it, and is the name of its thread.
    pub tag: String,
    /// What it is.
    pub plan: Plan,
    /// Who planned it.
    pub person: Person,
    /// Where.
    pub place: Place,
    /// The platform's event, when it was said there. What was written into the store is accepted by that.
    pub event: Option<String>,
}

/// Everybody. A clone is another handle to the same people.
#[derive(Clone)]
pub struct Planners {
    control: Control,
    people: Vec<Person>,
    planned: Arc<Mutex<Vec<Planned>>>,
    dice: Arc<Dice>,
    clock: MachineClock,
}

impl Planners {
    /// Three people of the crew.
    pub fn new(control: &Control) -> Self {
        let person = |name: &str| Person { roles: vec![CREW.to_owned()], ..Person::new(format!("id-{name}"), name) };
        Self {
            control: control.clone(),
            people: ["ana", "bo", "cleo"].map(person).to_vec(),
            planned: Arc::default(),
            dice: Arc::new(Dice::from_os()),
            clock: MachineClock::start(),
        }
    }

    /// Everything that was planned so far.
    pub fn planned(&self) -> Vec<Planned> {
        self.planned.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The next plan, in a thread of its own. It is known before anything is done about it.
    fn next(&self, plan: Plan) -> Planned {
        let mut planned = self.planned.lock().unwrap_or_else(PoisonError::into_inner);
        let number = planned.len();
        let tag = format!("t{number}");
        let person = self.people[number % self.people.len()].clone();
        let place = place::thread(&AccountId::new(ACCOUNT), CHANNEL, &tag, &person);
        let next = Planned { tag, plan, person, place, event: None };
        planned.push(next.clone());
        next
    }

    /// Somebody says it: in so many seconds, or every so many.
    ///
    /// # Panics
    /// When the platform does not take it (people can always write), or when it is a plan that nobody can say.
    pub async fn says(&self, plan: Plan, seconds: u64) {
        let next = self.next(plan);
        let (tag, result) = (&next.tag, result_of(&next.tag));
        let line = match plan {
            Plan::Reminder => format!("/followup in {seconds}s {result}"),
            Plan::Turn => format!("/followup in {seconds}s /run work 3 60 {tag}"),
            Plan::Ticks => format!("/followup every {seconds}s {result}"),
            Plan::Command => panic!("a direct job is planned by no command of the chat"),
        };
        let event = self.control.say(&next.person, &next.place, &line).await.expect("one can write there");
        let mut planned = self.planned.lock().unwrap_or_else(PoisonError::into_inner);
        let known = planned.iter_mut().find(|one| one.tag == next.tag).expect("it was planned");
        known.event = Some(event.expect("what is said is an event"));
    }

    /// Somebody writes a direct job into the store of a home, whether a bot runs there or not. It is accepted
    /// when this returns.
    ///
    /// # Errors
    /// Why the store did not take it.
    pub async fn writes(&self, home: &Home, after: Duration) -> Result<(), String> {
        let next = self.next(Plan::Command);
        let now = self.clock.now();
        let first = now.plus(after);
        let limits = FollowupSettings::default();
        let change = ScheduleFollowup {
            account: AccountId::new(ACCOUNT),
            event: format!("written-{}", next.tag),
            person: next.person.clone(),
            place: next.place.clone(),
            new: NewFollowup {
                id: FollowupId::new(self.dice.uuid(now)),
                occurrence: OccurrenceId::new(self.dice.uuid(now)),
                shorts: self.dice.followup_shorts(),
                wanted: Wanted {
                    task: Task::Command { worker: "work-stumbles".to_owned(), text: format!("3 60 {}", next.tag) },
                    schedule: Schedule { zone: Zone::UTC, rule: Rule::Once { at: first } },
                    first,
                    reason: "written beside the bot".to_owned(),
                    key: None,
                    delete_after_run: false,
                },
                pause_after: limits.pause_after,
                per_person: 10_000,
                rolled: false,
            },
            now,
            wall: now,
        };
        let store = open_store(home).await?;
        // The bot may hold the store; the change recognises its own repetition.
        let done = wait::for_some(STORE_WITHIN, async || match store.write(change.clone()).await {
            Err(error) if error.is_transient() => None,
            done => Some(done),
        });
        let done = done.await;
        store.close().await;
        match done {
            Some(Ok(Scheduling::Set(_))) => Ok(()),
            other => Err(format!("{} was not written: {other:?}", next.tag)),
        }
    }

    /// How often each plan that comes again was seen, in the order of their plans.
    pub fn ticks(&self, snapshot: &Snapshot) -> Vec<usize> {
        let planned = self.planned();
        let ticks = planned.iter().filter(|one| one.plan == Plan::Ticks);
        ticks
            .map(|one| {
                let there = snapshot.at(&one.place.address).filter(|message| message.is_visible_bot());
                there.filter(|message| message.shown().text.starts_with("Reminder")).count()
            })
            .collect()
    }

    /// Whoever planned something that comes again has enough of it.
    ///
    /// # Panics
    /// When the platform does not take it.
    pub async fn stop(&self) {
        for one in self.planned().into_iter().filter(|one| one.plan == Plan::Ticks) {
            self.control.say(&one.person, &one.place, "/stop here").await.expect("one can write there");
        }
    }
}

/// The store of a home, opened for a moment beside whatever runs there.
pub(super) async fn open_store(home: &Home) -> Result<Store, String> {
    let url = format!("sqlite:{}", home.database().display());
    let options = Options { mode: Mode::Threads, instance_lock: false, ..Options::default() };
    let opened = wait::for_some(STORE_WITHIN, async || match Store::open(&url, options).await {
        Err(StoreError::Busy(_)) => None,
        opened => Some(opened),
    });
    let opened = opened.await.ok_or("the store stays busy")?;
    opened.map_err(|error| error.to_string())
}
