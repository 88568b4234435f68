//! The truth: what stands in every channel, and how the platform behaves.

mod apply;
mod order;
mod people;
pub mod place;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use wilco_core::time::Steady;
use wilco_core::{AccountId, Address, Cause, Clock, DeliveryKey, EnvelopeKind, Limits, Place, Timestamp, WorkerId};

pub use order::Order;
pub use people::{Event, PersonError, Saying};

use crate::faults::{Chaos, Rule, Script};
use crate::message::{Author, Entry, Logged, Message, Note};
use crate::profile::Profile;
use crate::request::Request;
use crate::snapshot::Snapshot;
use people::Queued;

/// How long "typing…" is shown when nothing ends it.
const TYPING: Duration = Duration::from_secs(10);

/// A platform that exists only in memory. Cloning gives another handle to the same one, so it outlives
/// every crash of the bot that speaks to it.
///
/// It has a clock of its own and counts steadily on it: a wall clock that is stepped under the bot
/// does not step the platform's.
#[derive(Clone)]
pub struct Platform(Arc<Shared>);

struct Shared {
    clock: Arc<dyn Clock>,
    steady: Steady,
    limits: Limits,
    state: Mutex<State>,
    /// Wakes listeners in the order in which they began to wait; a `watch` channel would wake them by lot.
    changes: Notify,
}

/// Everything behind the lock. Which effects a call has is decided in `apply.rs`, what people do in
/// `people.rs`.
#[derive(Default)]
struct State {
    messages: Vec<Message>,
    position: BTreeMap<String, usize>,
    by_key: BTreeMap<DeliveryKey, Vec<usize>>,
    notes: Vec<Note>,
    log: Vec<Entry>,
    script: Script,
    late: Vec<Late>,
    closed: BTreeMap<Address, Cause>,
    moved: BTreeMap<Address, Address>,
    stopped: BTreeMap<AccountId, Cause>,
    offline: BTreeSet<AccountId>,
    /// Where "typing…" is shown, and since when.
    typing: BTreeMap<Address, Timestamp>,
    places: BTreeMap<Address, Place>,
    names: BTreeMap<String, String>,
    queue: Vec<Queued>,
    last_event: BTreeMap<AccountId, Event>,
    events: u64,
}

/// A call that takes effect after its answer.
struct Late {
    due: Duration,
    call: u64,
    request: Request,
}

impl fmt::Debug for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("Platform")
            .field("messages", &state.messages.len())
            .field("log", &state.log.len())
            .finish_non_exhaustive()
    }
}

impl Platform {
    /// An empty platform with the measures of a profile.
    pub fn new(profile: Profile, clock: Arc<dyn Clock>) -> Self {
        Self::with_limits(profile.limits(), clock)
    }

    /// An empty platform with measures of one's own.
    pub fn with_limits(limits: Limits, clock: Arc<dyn Clock>) -> Self {
        let steady = Steady::start(clock.as_ref());
        Self(Arc::new(Shared { clock, steady, limits, state: Mutex::default(), changes: Notify::new() }))
    }

    /// Its measures.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// What it holds, without the late calls that are due: only for what must not change it.
    fn state(&self) -> MutexGuard<'_, State> {
        // The lock is never held across a panic of ours that leaves half an effect, so a poisoned one
        // comes from a test that failed while looking.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it holds now: late calls that are due have taken effect.
    fn settled(&self) -> (MutexGuard<'_, State>, Moment) {
        let moment = self.moment();
        let mut state = self.state();
        state.settle(&moment, &self.0.limits);
        (state, moment)
    }

    fn moment(&self) -> Moment {
        let monotonic = self.0.clock.monotonic();
        Moment { monotonic, wall: self.0.steady.at(monotonic) }
    }

    fn changed(&self) {
        self.0.changes.notify_waiters();
    }

    /// Resolves at the next change after it was made and enabled.
    pub(crate) fn next_change(&self) -> Notified<'_> {
        self.0.changes.notified()
    }

    // ---- the script -------------------------------------------------------------------------------

    /// Adds a line to the fault script.
    pub fn fault(&self, rule: Rule) {
        self.state().script.add(rule);
    }

    /// Starts random faults in place of earlier ones, or stops them.
    pub fn chaos(&self, chaos: Option<Chaos>) {
        self.state().script.set_chaos(chaos);
    }

    /// Ends every fault that is scripted or drawn. States that last (gone, offline, stopped) stay.
    pub fn calm(&self) {
        self.state().script.clear();
    }

    /// The lines of the script that are not used up: a test that expects its fault to have happened
    /// looks here.
    pub fn faults_left(&self) -> Vec<Rule> {
        self.state().script.left().to_vec()
    }

    // ---- states that last -------------------------------------------------------------------------

    /// Takes an address away; for a channel without a thread, its threads too.
    pub fn remove(&self, address: &Address) {
        self.close(address, Cause::new("deleted", "there is no such channel"));
    }

    /// Closes an address for writing; everything in it stays.
    pub fn archive(&self, address: &Address) {
        self.close(address, Cause::new("archived", "this channel is archived"));
    }

    fn close(&self, address: &Address, cause: Cause) {
        self.settled().0.closed.insert(address.clone(), cause);
        self.changed();
    }

    /// Opens an address that was removed or archived.
    pub fn reopen(&self, address: &Address) {
        self.settled().0.closed.remove(address);
        self.changed();
    }

    /// Gives a chat a new id: calls to the old one are told the new one.
    pub fn move_chat(&self, from: &Address, to: &Address) {
        self.settled().0.moved.insert(from.clone(), to.clone());
    }

    /// The chats that got a new id so far: from and to.
    pub fn moves(&self) -> Vec<(Address, Address)> {
        self.settled().0.moved.iter().map(|(from, to)| (from.clone(), to.clone())).collect()
    }

    /// Cuts an account off, or connects it again. Cut off, no call is taken and listening ends.
    pub fn offline(&self, account: &AccountId, offline: bool) {
        let mut state = self.settled().0;
        if offline {
            state.offline.insert(account.clone());
        } else {
            state.offline.remove(account);
        }
        drop(state);
        self.changed();
    }

    /// Refuses an account's credentials, or with none takes them again.
    pub fn stop_account(&self, account: &AccountId, cause: Option<Cause>) {
        let mut state = self.settled().0;
        match cause {
            Some(cause) => state.stopped.insert(account.clone(), cause),
            None => state.stopped.remove(account),
        };
        drop(state);
        self.changed();
    }

    // ---- what can be seen -------------------------------------------------------------------------

    /// Lets every late call that is due by now take effect. Looking at anything does so, too.
    pub fn settle(&self) {
        drop(self.settled());
    }

    /// How many late calls are still to come.
    pub fn late_calls(&self) -> usize {
        self.settled().0.late.len()
    }

    /// All channels as they are now.
    pub fn snapshot(&self) -> Snapshot {
        let state = self.settled().0;
        Snapshot { messages: state.messages.clone(), notes: state.notes.clone() }
    }

    /// The log after an entry; `0` gives all of it.
    pub fn log_after(&self, seq: u64) -> Vec<Entry> {
        let state = self.settled().0;
        let from = usize::try_from(seq).unwrap_or(usize::MAX);
        state.log.get(from..).unwrap_or_default().to_vec()
    }

    /// The whole log.
    pub fn log(&self) -> Vec<Entry> {
        self.log_after(0)
    }

    /// Waits until the log has an entry after `seq`, at most until `limit` of the platform's clock has
    /// passed; then what there is, perhaps nothing.
    pub async fn log_grows(&self, seq: u64, limit: Duration) -> Vec<Entry> {
        let late = self.clock().sleep_until(self.clock().monotonic() + limit);
        tokio::pin!(late);
        loop {
            // Enabled before looking, so that a change in between ends the wait below.
            let change = self.next_change();
            tokio::pin!(change);
            change.as_mut().enable();
            let entries = self.log_after(seq);
            if !entries.is_empty() {
                return entries;
            }
            tokio::select! {
                biased;
                () = change => {}
                () = &mut late => return self.log_after(seq),
            }
        }
    }

    /// Whether "typing…" is shown at an address.
    pub fn is_typing(&self, address: &Address) -> bool {
        let (state, moment) = self.settled();
        state.typing.get(address).is_some_and(|since| moment.wall.since(*since) < TYPING)
    }

    /// How many messages of an account were ever shown as plain text.
    pub fn plain_messages(&self, account: &AccountId) -> u64 {
        let state = self.settled().0;
        let of = |message: &&Message| message.author == Author::Bot && message.address.account == *account;
        let plain = |message: &&Message| message.versions.iter().any(|version| version.plain);
        state.messages.iter().filter(of).filter(plain).count() as u64
    }

    /// One address as a person sees it.
    pub fn transcript(&self, address: &Address) -> String {
        self.snapshot().transcript(address)
    }

    /// The messages that show a worker's result now.
    pub fn visible_results(&self, worker: &WorkerId) -> Vec<Message> {
        self.snapshot().visible_results(worker).into_iter().cloned().collect()
    }

    /// How many messages about a worker are of a kind now.
    pub fn count_visible(&self, kind: EnvelopeKind, worker: &WorkerId) -> usize {
        self.snapshot().count_visible(kind, worker)
    }
}

/// The platform's two readings of its clock.
#[derive(Clone, Copy, Debug)]
struct Moment {
    monotonic: Duration,
    wall: Timestamp,
}

impl State {
    fn note_down(&mut self, at: Timestamp, what: Logged) -> u64 {
        let seq = u64::try_from(self.log.len()).unwrap_or(u64::MAX) + 1;
        self.log.push(Entry { seq, at, what });
        seq
    }

    fn find_message(&self, id: &str) -> Option<usize> {
        self.position.get(id).copied()
    }

    /// Puts a message at the end; its id is its number.
    fn append(&mut self, make: impl FnOnce(String) -> Message) -> String {
        let id = format!("m{}", self.messages.len() + 1);
        let message = make(id.clone());
        let position = self.messages.len();
        self.position.insert(id.clone(), position);
        if let Some(key) = &message.key {
            self.by_key.entry(key.clone()).or_default().push(position);
        }
        self.messages.push(message);
        id
    }
}
