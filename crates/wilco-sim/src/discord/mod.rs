//! A Discord that exists only on this machine: REST and gateway over real sockets, with a fault script
//! and a hand to act as a person.
//!
//! [`FakeDiscord`] is the handle of a test; [`FakeDiscord::spawn`] puts it behind a port. A bot is pointed
//! at `http://<address>/api/v10` and learns the gateway's address from `GET /gateway/bot`, as it does from
//! the real one. The tables of `requests.rs` and `answers.rs` say what may travel; whatever deviates is
//! counted ([`FakeDiscord::deviations`]), and a test holds the tables against Discord's published
//! description. What the tables cannot know comes from Discord's reference and is named where it stands.
//!
//! What differs on purpose: one process is one application with one bot; there are text channels, threads
//! and direct messages, and no voice, forums, polls or stickers; `compress=zstd-stream` is not offered.

mod answers;
mod build;
mod control;
pub mod error;
mod gateway;
mod ids;
pub mod interactions;
mod limits;
mod objects;
mod people;
pub mod permissions;
mod pipeline;
mod program;
mod requests;
mod rest;
mod routes;
mod rules;
mod script;
mod server;
pub mod shape;
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

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use wilco_core::Clock;
use wilco_core::time::Steady;

pub use crate::kinds;
pub use control::{Done, Order};
pub use gateway::GatewayCounts;
pub use gateway::intents;
pub use gateway::script::{GatewayFault, GatewayRule, Moment};
pub use ids::{EPOCH, Id};
pub use limits::LimitScope;
pub use program::run;
pub use routes::{Gives, Op, ROUTES, Route, Takes};
pub use script::{Fault, Filter, Rule};
pub use state::{Deviation, Logged, Settings};
pub use transcript::Shown;
pub use world::{Attachment, Channel, Guild, Member, Message, Overwrite, Role, Thread, User, Version, World};

use crate::faults::Chaos;
use crate::server::travel::Outgoing;
use pipeline::Incoming;
use state::State;

/// A Discord of one's own. Cloning gives another handle to the same one.
///
/// Its clock is the one that was handed in: the 3 s and 15 min of interactions, rate limits, heartbeats
/// and sessions all move with it.
#[derive(Clone)]
pub struct FakeDiscord(Arc<Shared>);

struct Shared {
    clock: Arc<dyn Clock>,
    steady: Steady,
    state: Mutex<State>,
    /// Wakes connections and whoever waits for something to happen.
    changes: Notify,
}

impl fmt::Debug for FakeDiscord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("FakeDiscord")
            .field("base", &state.base)
            .field("calls", &state.log.len())
            .finish_non_exhaustive()
    }
}

impl FakeDiscord {
    /// An empty Discord: a bot named `wilco`, no guild, no person.
    pub fn new(settings: Settings, clock: Arc<dyn Clock>) -> Self {
        let steady = Steady::start(clock.as_ref());
        let state = Mutex::new(State::new(settings));
        let discord = Self(Arc::new(Shared { clock, steady, state, changes: Notify::new() }));
        discord.with(|state, now| {
            let id = state.world.ids.next(now.wall);
            state.world.bot = id;
            let user = User { id, name: "wilco".to_owned(), bot: true, takes_direct_messages: true };
            state.world.users.insert(id, user);
        });
        discord
    }

    /// Serves on a listener until the future is dropped.
    ///
    /// # Errors
    /// When the sockets fail.
    pub fn serve(&self, listener: TcpListener) -> impl Future<Output = io::Result<()>> + use<> {
        server::serve(self.clone(), listener)
    }

    /// Serves on a free port of this machine in the background. Returns what a bot takes as `api`:
    /// `http://127.0.0.1:<port>/api/v10`.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn spawn(&self) -> io::Result<String> {
        server::spawn(self.clone()).await.map(|address| format!("http://{address}/api/v10"))
    }

    /// Where it is served: `http://127.0.0.1:<port>`, without a path.
    pub fn base(&self) -> String {
        self.state().base.clone()
    }

    /// The bot's token.
    pub fn token(&self) -> String {
        self.state().settings.token.clone()
    }

    /// The bot's user, which is its application's id, too.
    pub fn bot(&self) -> Id {
        self.state().world.bot
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The lock is never held across a panic of ours that leaves half an effect, so a poisoned one
        // comes from a test that failed while looking.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> state::Moment {
        let monotonic = self.0.clock.monotonic();
        state::Moment { monotonic, wall: self.0.steady.at(monotonic) }
    }

    /// Looks at or changes the state, after late calls that are due; then wakes whoever waits.
    fn with<T>(&self, act: impl FnOnce(&mut State, state::Moment) -> T) -> T {
        let now = self.now();
        let mut state = self.state();
        state.settle(now);
        let result = act(&mut state, now);
        drop(state);
        self.0.changes.notify_waiters();
        result
    }

    /// Looks at the state, after late calls that are due. It wakes nobody unless one took effect: whoever
    /// waits looks again and again, and must not wake itself.
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

    fn file(&self, channel: Id, id: Id) -> Option<Attachment> {
        let state = self.state();
        let mut messages = state.world.messages.values().filter(|message| message.channel == channel);
        messages.find_map(|message| {
            message.versions.iter().flat_map(|version| &version.attachments).find(|file| file.id == id).cloned()
        })
    }

    // ---- the script -------------------------------------------------------------------------------

    /// Adds a line to the fault script of the REST side. Rules of [`crate::faults`] are taken as well.
    pub fn fault(&self, rule: impl Into<Rule>) {
        self.state().script.add(rule.into());
    }

    /// Starts random faults in place of earlier ones, or stops them.
    pub fn chaos(&self, chaos: Option<Chaos>) {
        self.state().script.set_chaos(chaos);
    }

    /// Adds a line to the fault script of the gateway.
    pub fn gateway_fault(&self, rule: GatewayRule) {
        self.state().gateway.rules.push(rule);
    }

    /// Does something to every gateway connection that stands now. Returns how many there are.
    pub fn gateway_now(&self, fault: &GatewayFault) -> usize {
        self.with(|state, _| state.gateway.order(fault))
    }

    /// Ends every fault that is scripted or drawn, of REST and gateway.
    pub fn calm(&self) {
        let mut state = self.state();
        state.script.clear();
        state.gateway.rules.clear();
    }

    /// How many rules of the REST script are not used up.
    pub fn rules_left(&self) -> usize {
        self.state().script.left()
    }

    /// Sets the bucket of a route: so many calls in so much time, for each channel or guild.
    pub fn limit(&self, op: Op, calls: u64, span: Duration) {
        let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        self.state().limits.set.insert(op, (calls, millis));
    }

    /// Resets the token, or makes it valid again: REST answers 401, and the gateway closes with 4004.
    pub fn revoke(&self, revoked: bool) {
        self.with(|state, _| state.revoked = revoked);
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

    /// How many calls there were on a route, refused ones included.
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

    /// What the gateway counted.
    pub fn gateway_counts(&self) -> GatewayCounts {
        self.state().gateway.counts
    }

    /// The codes with which the fake closed gateway connections, in order.
    pub fn closes(&self) -> Vec<u16> {
        self.state().gateway.closes.clone()
    }

    /// How many gateway connections have a session now.
    pub fn listening(&self) -> usize {
        let state = self.state();
        state.gateway.connections.values().filter(|connection| connection.session.is_some()).count()
    }

    /// Answers of 401, 403 and 429 in the last ten minutes, and ever.
    pub fn invalid_requests(&self) -> (usize, u64) {
        self.look(|state, now| (state.limits.invalid_now(now.monotonic), state.limits.invalid_ever()))
    }

    /// The commands of a guild, or those of all guilds.
    pub fn commands(&self, guild: Option<Id>) -> Vec<Value> {
        let state = self.state();
        state.commands.get(&guild).map(|all: &BTreeMap<Id, Value>| all.values().cloned().collect()).unwrap_or_default()
    }

    /// An interaction and what became of it.
    pub fn interaction(&self, id: Id) -> Option<interactions::Interaction> {
        self.state().interactions.get(&id).cloned()
    }

    /// Lets the token of an interaction die now, for a test that cannot wait for fifteen minutes.
    pub fn expire(&self, id: Id) {
        if let Some(interaction) = self.state().interactions.get_mut(&id) {
            interaction.expired = true;
        }
    }

    /// Whether "typing…" is shown in a channel.
    pub fn is_typing(&self, channel: Id) -> bool {
        self.look(|state, now| state.typing.get(&channel).is_some_and(|until| now.monotonic < *until))
    }

    /// Waits until something holds, looking again whenever anything happened here. It waits without a
    /// bound: a test races it against its own limit.
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
