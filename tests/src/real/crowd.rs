//! The people of the scripted platform: they keep asking for jobs, answer questions, and change their minds.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use wilco_core::{AccountId, EnvelopeKind, Person, Place};
use wilco_sim::{Control, Entry, Logged, place};

use super::kinds::{GO_ON, result_of};
use super::under_test::{ACCOUNT, CREW};

/// The channel in whose threads everybody speaks. A thread for each request tells afterwards, from the platform
/// alone, which messages belong to it.
pub const CHANNEL: &str = "ops";
/// How long the watcher lets the platform hold one look at its log.
const LOOK: Duration = Duration::from_secs(2);

/// What somebody asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// A job of a few moments.
    Short,
    /// A job that is long enough for progress edits, which come 3 s after the acknowledgement at the earliest.
    Long,
    /// A job that asks a question; somebody answers it.
    Asks,
    /// A job whose result needs several messages.
    Parts,
    /// A job with a file.
    File,
    /// A job that is not run again after a crash.
    Once,
    /// A job that somebody cancels with a command.
    Cancelled,
    /// A job that somebody cancels with the button.
    Pressed,
    /// A command that never ends, with children; it is cancelled with the button.
    Spin,
    /// The same, but nobody cancels it.
    Left,
    /// A job of twelve seconds that gives a sign of life twice a second.
    Steady,
    /// A job that ends when it is let ([`super::kinds::GO`]), and is run again after a crash.
    Waits,
    /// The same, but it is not run again.
    WaitsOnce,
    /// A command of ten seconds that prints each second, from the configuration ([`COUNTS`]).
    Counts,
    /// A job that gives signs of life for longer than its hard limit allows.
    Endless,
    /// Not a job but a reminder, three seconds later.
    Later,
    /// A reminder half an hour later.
    HalfAnHour,
    /// A reminder every night at half past two in Berlin.
    Nightly,
}

/// The worker that [`Form::Counts`] starts. Its result names its tag.
pub const COUNTS: &str = "[workers.counts]\n\
    command = [\"/bin/sh\", \"-c\", \"for i in 1 2 3 4 5 6 7 8 9 10; do echo $i; sleep 1; done; echo result of $1.\", \"sh\"]\n\
    args = [{ name = \"tag\", pattern = \"[a-z0-9-]+\" }]\n\
    separator = false\n";

impl Form {
    /// Every form that a kill test draws from.
    pub const ALL: [Self; 9] = [
        Self::Short,
        Self::Long,
        Self::Asks,
        Self::Parts,
        Self::File,
        Self::Once,
        Self::Cancelled,
        Self::Pressed,
        Self::Spin,
    ];

    /// What is typed.
    pub fn line(self, tag: &str) -> String {
        match self {
            Self::Short => format!("/run work 2 30 {tag}"),
            Self::Long => format!("/run work 6 800 {tag}"),
            Self::Asks => format!("/run work-asks 1 20 {tag}"),
            Self::Parts => format!("/run work-parts 1 20 {tag}"),
            Self::File => format!("/run work-file 1 20 {tag}"),
            Self::Once => format!("/run work-once 3 40 {tag}"),
            Self::Cancelled | Self::Pressed => format!("/run work 60 100 {tag}"),
            Self::Spin | Self::Left => format!("/run spin {tag}"),
            Self::Steady => format!("/run work 24 500 {tag}"),
            Self::Waits => format!("/run work-waits 1 20 {tag}"),
            Self::WaitsOnce => format!("/run work-waits-once 1 20 {tag}"),
            Self::Counts => format!("/run counts {tag}"),
            Self::Endless => format!("/run work 600 500 {tag}"),
            Self::Later => format!("/followup in 3s {}", result_of(tag)),
            Self::HalfAnHour => format!("/followup in 30m {}", result_of(tag)),
            Self::Nightly => format!("/followup every day 2:30 Europe/Berlin {}", result_of(tag)),
        }
    }
}

/// One request.
#[derive(Clone, Debug)]
pub struct Said {
    /// Stands in everything that the job says, and is the name of its thread.
    pub tag: String,
    /// What was asked for.
    pub form: Form,
    /// Who asked.
    pub person: Person,
    /// Where.
    pub place: Place,
    /// The platform's id of the event.
    pub event: String,
}

/// Everybody. A clone is another handle to the same people.
#[derive(Clone)]
pub struct Crowd {
    control: Control,
    people: Vec<Person>,
    said: Arc<Mutex<Vec<Said>>>,
    count: Arc<AtomicUsize>,
}

impl Crowd {
    /// Three people of the crew.
    pub fn new(control: &Control) -> Self {
        let person = |name: &str| Person { roles: vec![CREW.to_owned()], ..Person::new(format!("id-{name}"), name) };
        Self {
            control: control.clone(),
            people: ["ana", "bo", "cleo"].map(person).to_vec(),
            said: Arc::default(),
            count: Arc::default(),
        }
    }

    /// Everything that was asked for so far.
    pub fn said(&self) -> Vec<Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Somebody asks for something, in a thread of its own. Answers what was said.
    ///
    /// # Panics
    /// When the platform does not take it: people can always write.
    pub async fn says(&self, form: Form) -> Said {
        let number = self.count.fetch_add(1, Ordering::SeqCst);
        let tag = format!("t{number}");
        let person = self.people[number % self.people.len()].clone();
        let place = place::thread(&AccountId::new(ACCOUNT), CHANNEL, &tag, &person);
        // Known before it is said, so that the watcher recognises whatever comes of it.
        let said = Said { tag: tag.clone(), form, person: person.clone(), place: place.clone(), event: String::new() };
        self.said.lock().unwrap_or_else(PoisonError::into_inner).push(said);
        let event = self.control.say(&person, &place, &form.line(&tag)).await.expect("one can write there");
        let event = event.expect("what is said is an event");
        self.heard_as(&tag, &event);
        if form == Form::Cancelled {
            self.control.say(&person, &place, "/cancel").await.expect("one can write there");
        }
        Said { tag, form, person, place, event }
    }

    /// The platform has told what it calls the event.
    fn heard_as(&self, tag: &str, event: &str) {
        let mut all = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter_mut().filter(|said| said.tag == tag).for_each(|said| event.clone_into(&mut said.event));
    }

    /// What was refused is nobody's promise: it is not counted any more.
    pub fn forgets(&self, event: &str) {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).retain(|said| said.event != event);
    }

    /// Somebody who looks on and presses: the answer of every question, and *Cancel* where it is wanted. Runs
    /// until it is dropped.
    pub async fn watches(&self) {
        let mut watcher = Watcher { crowd: self, calls: BTreeMap::new(), threads: BTreeMap::new() };
        let mut seen = 0;
        loop {
            let entries = self.control.log_grows(seq_of(seen), LOOK).await.expect("the platform answers");
            seen += entries.len();
            for entry in entries {
                watcher.sees(entry).await;
            }
        }
    }

    fn in_thread(&self, thread: &str) -> Option<Said> {
        self.said().into_iter().find(|said| said.tag == thread)
    }
}

/// Entries are numbered from 1 without gaps.
fn seq_of(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

struct Watcher<'a> {
    crowd: &'a Crowd,
    /// The thread of each call.
    calls: BTreeMap<u64, String>,
    /// The thread of each message.
    threads: BTreeMap<String, String>,
}

impl Watcher<'_> {
    async fn sees(&mut self, entry: Entry) {
        match entry.what {
            Logged::Call(call) => {
                self.calls.extend(call.address.thread.clone().map(|thread| (entry.seq, thread)));
            }
            Logged::Posted { call, message, kind, .. } => {
                let Some(thread) = self.calls.get(&call).cloned() else { return };
                self.threads.insert(message.clone(), thread);
                self.shown(&message, kind).await;
            }
            Logged::Edited { message, kind, .. } => self.shown(&message, kind).await,
            Logged::Recognised { .. }
            | Logged::Unchanged { .. }
            | Logged::Fizzled { .. }
            | Logged::Signed { .. }
            | Logged::Noted { .. }
            | Logged::Said { .. }
            | Logged::Pressed { .. }
            | Logged::Answered { .. }
            | Logged::Deleted { .. } => {}
        }
    }

    async fn shown(&self, message: &str, kind: EnvelopeKind) {
        let Some(said) = self.threads.get(message).and_then(|thread| self.crowd.in_thread(thread)) else { return };
        let label = match (kind, said.form) {
            (EnvelopeKind::Question, _) => GO_ON,
            (EnvelopeKind::Stub, Form::Pressed) => "Cancel",
            // It may be seen at work for a moment before somebody has enough of it.
            (EnvelopeKind::Progress, Form::Spin) => "Cancel",
            _ => return,
        };
        // The message may show something else by now; then nobody can press it.
        if let Err(refused) = self.crowd.control.press(&said.person, message, label).await {
            assert!(refused.0.contains("shows no button") || refused.0.contains("no message"), "{refused}");
        }
    }
}
