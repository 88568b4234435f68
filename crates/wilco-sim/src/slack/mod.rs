//! A Slack that exists only on this machine: the Web API and Socket Mode over real sockets, with a fault script and a
//! hand to act as a person.
//!
//! [`FakeSlack`] is the handle of a test; [`FakeSlack::spawn`] puts it behind a port. A bot is pointed at
//! `http://<address>/api/` and learns the address of its WebSocket from `apps.connections.open`, as it does from the
//! real one. The tables of `methods.rs`, `blocks.rs` and `answers.rs` say what may travel; whatever deviates is counted
//! ([`FakeSlack::deviations`]), and a test holds the tables against Slack's published description, as far as that goes:
//! it is old. What the tables cannot know comes from Slack's reference and is named where it stands.
//!
//! What differs on purpose: a workspace has one app with one bot, and what two workspaces with the same app both hear
//! is told once for each; there are messages, threads, buttons, files and
//! reactions, and no views, canvases, workflows, lists or calls.

mod acts;
mod answers;
mod api;
mod arguments;
pub mod blocks;
mod build;
mod control;
pub mod error;
mod ids;
pub mod interactions;
mod limits;
mod manifest;
mod markup;
pub mod methods;
mod people;
mod pipeline;
mod program;
mod script;
mod server;
pub mod shape;
mod socket;
mod state;
mod transcript;
mod world;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Notify;
use wilco_core::Clock;
use wilco_core::time::Steady;

pub use build::SCOPES;
pub use control::{Done, Order};
pub use ids::{Id, Ts};
pub use methods::Op;
pub use program::{CANCEL_SHORTCUT, run};
pub use script::{Fault, Filter, Limited, Rule};
pub use socket::SocketCounts;
pub use socket::script::{Reason, SocketFault, SocketMoment, SocketRule};
pub use socket::signature;
pub use state::{Deviation, Logged, Settings};
pub use transcript::Shown;
pub use world::{Channel, File, Group, Kind, Message, Team, User, Version, World};

use crate::faults::Chaos;
use crate::server::travel::Outgoing;
use pipeline::Incoming;
use state::State;

/// A Slack of one's own. Cloning gives another handle to the same one.
///
/// Its clock is the one that was handed in: the 3 s of acknowledgements, rate limits, pings, redelivery and the age of
/// connections all move with it.
#[derive(Clone)]
pub struct FakeSlack(Arc<Shared>);

struct Shared {
    clock: Arc<dyn Clock>,
    steady: Steady,
    state: Mutex<State>,
    /// Wakes connections and whoever waits for something to happen.
    changes: Notify,
}

impl fmt::Debug for FakeSlack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("FakeSlack").field("base", &state.base).field("calls", &state.log.len()).finish_non_exhaustive()
    }
}

impl FakeSlack {
    /// An empty Slack: no workspace, no person.
    pub fn new(settings: Settings, clock: Arc<dyn Clock>) -> Self {
        let steady = Steady::start(clock.as_ref());
        let state = Mutex::new(State::new(settings));
        Self(Arc::new(Shared { clock, steady, state, changes: Notify::new() }))
    }

    /// Serves on a listener until the future is dropped.
    ///
    /// # Errors
    /// When the sockets fail.
    pub fn serve(&self, listener: TcpListener) -> impl Future<Output = io::Result<()>> + use<> {
        server::serve(self.clone(), listener)
    }

    /// Serves on a free port of this machine in the background. Returns what a bot takes as `api`:
    /// `http://127.0.0.1:<port>/api/`.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn spawn(&self) -> io::Result<String> {
        server::spawn(self.clone()).await.map(|address| format!("http://{address}/api/"))
    }

    /// Where it is served: `http://127.0.0.1:<port>`, without a path.
    pub fn base(&self) -> String {
        self.state().base.clone()
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The lock is never held across a panic of ours that leaves half an effect, so a poisoned one comes from a test
        // that failed while looking.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> state::Moment {
        let monotonic = self.0.clock.monotonic();
        state::Moment { monotonic, wall: self.0.steady.at(monotonic) }
    }

    /// Looks at or changes the state, after what is due; then wakes whoever waits.
    fn with<T>(&self, act: impl FnOnce(&mut State, state::Moment) -> T) -> T {
        let now = self.now();
        let mut state = self.state();
        state.settle(now);
        let result = act(&mut state, now);
        drop(state);
        self.0.changes.notify_waiters();
        result
    }

    /// Looks at the state, after what is due. It wakes nobody unless something took effect: whoever waits looks again
    /// and again, and must not wake itself.
    fn look<T>(&self, look: impl FnOnce(&State, state::Moment) -> T) -> T {
        let now = self.now();
        let mut state = self.state();
        let changed = state.settle(now);
        let result = look(&state, now);
        drop(state);
        if changed {
            self.0.changes.notify_waiters();
        }
        result
    }

    fn answer(&self, incoming: &Incoming) -> Outgoing {
        self.with(|state, now| state.answer(incoming, now))
    }

    fn set_base(&self, base: &str) {
        base.clone_into(&mut self.state().base);
    }

    // ---- the script -------------------------------------------------------------------------------

    /// Adds a line to the fault script of the Web API. Rules of [`crate::faults`] are taken as well.
    pub fn fault(&self, rule: impl Into<Rule>) {
        self.state().script.add(rule.into());
    }

    /// Starts random faults in place of earlier ones, or stops them.
    pub fn chaos(&self, chaos: Option<Chaos>) {
        self.state().script.set_chaos(chaos);
    }

    /// Adds a line to the fault script of Socket Mode.
    pub fn socket_fault(&self, rule: SocketRule) {
        self.state().socket.script.add(rule);
    }

    /// Does something to every connection that stands now. Returns how many there are.
    pub fn socket_now(&self, fault: &SocketFault) -> usize {
        self.with(|state, _| state.socket.order(fault))
    }

    /// Ends every fault that is scripted or drawn, of the Web API and of Socket Mode.
    pub fn calm(&self) {
        let mut state = self.state();
        state.script.clear();
        state.socket.script.clear();
    }

    /// How many rules of the Web API's script are not used up.
    pub fn rules_left(&self) -> usize {
        self.state().script.left()
    }

    /// Sets the limit of a method: so many calls in so much time, of one workspace; for posts, of one channel.
    pub fn limit(&self, op: Op, calls: usize, span: Duration) {
        self.state().limits.set.insert(op, (calls, span));
    }

    // ---- what tests look at -----------------------------------------------------------------------

    /// Everything that there is, as it is now.
    pub fn world(&self) -> World {
        self.look(|state, _| state.world.clone())
    }

    /// Every call so far.
    pub fn log(&self) -> Vec<Logged> {
        self.look(|state, _| state.log.clone())
    }

    /// How many calls of a method there were, refused ones included.
    pub fn calls(&self, op: Op) -> usize {
        self.state().log.iter().filter(|entry| entry.op == Some(op)).count()
    }

    /// Everything that was not as the tables say, in order.
    pub fn deviations(&self) -> Vec<Deviation> {
        self.state().deviations.clone()
    }

    /// Forgets the deviations so far: for a test that makes one on purpose.
    pub fn forgive(&self) -> Vec<Deviation> {
        std::mem::take(&mut self.state().deviations)
    }

    /// What Socket Mode counted.
    pub fn socket_counts(&self) -> SocketCounts {
        self.look(|state, _| state.socket.counts)
    }

    /// How often each scripted or drawn fault has met a call or a connection, by its name; those of connections have
    /// their moment before it.
    pub fn faults_met(&self) -> BTreeMap<String, usize> {
        let state = self.state();
        let mut met = state.socket.script.met().clone();
        for name in state.log.iter().filter_map(|entry| entry.fault.clone()) {
            *met.entry(name).or_default() += 1;
        }
        met
    }

    /// How long each acknowledgement took, in order; the last 10,000 of them.
    pub fn acknowledged_after(&self) -> Vec<Duration> {
        self.state().socket.took.iter().copied().collect()
    }

    /// The tickets with which connections were to begin, in order; the last 10,000 of them. They are secrets: a test
    /// looks for them where none may be.
    pub fn tickets(&self) -> Vec<String> {
        self.state().socket.given.iter().cloned().collect()
    }

    /// How many envelopes are not acknowledged yet.
    pub fn unacknowledged(&self) -> usize {
        self.look(|state, _| state.socket.open.len())
    }

    /// How many connections have said hello, and were not told to go.
    pub fn listening(&self) -> usize {
        let state = self.state();
        state.socket.connections.values().filter(|one| one.ready && !one.leaving && !one.deaf).count()
    }

    /// A command, button or shortcut by its trigger id, and what became of it.
    pub fn interaction(&self, id: &str) -> Option<interactions::Interaction> {
        self.look(|state, _| state.interactions.get(id).cloned())
    }

    /// Waits until something holds, looking again whenever anything happened here. It waits without a bound: a test
    /// races it against its own limit.
    pub async fn until(&self, holds: impl Fn(&Self) -> bool) {
        loop {
            let change = self.0.changes.notified();
            tokio::pin!(change);
            change.as_mut().enable();
            if holds(self) {
                return;
            }
            change.await;
        }
    }
}
