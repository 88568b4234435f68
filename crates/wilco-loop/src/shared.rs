//! What every part of the movement holds: handles, never facts.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tokio::sync::broadcast;
use wilco_core::access::{Access, Grant, Role};
use wilco_core::desk::Notice;
use wilco_core::random::Dice;
use wilco_core::settings::Settings;
use wilco_core::time::{Clock, Steady};
use wilco_core::{AccountId, InstanceId, Messaging, Person, Place, Short, Timestamp, WorkerId};
use wilco_store::changes::{FollowupTold, Fresh, Grants, Platforms};
use wilco_store::{Store, StoreError};

use crate::credentials::Looks;
use crate::kinds::Kinds;
use crate::probes::Probes;

/// How many notices a slow reader may fall behind before it misses the oldest.
const NOTICES: usize = 1_024;

/// The handles of one process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Arc<dyn Clock>,
    steady: Steady,
    dice: Arc<Dice>,
    kinds: Arc<Kinds>,
    settings: RwLock<Arc<Settings>>,
    granted: Mutex<Granted>,
    adapters: BTreeMap<AccountId, Arc<dyn Messaging>>,
    platforms: Platforms,
    owner: InstanceId,
    folder: PathBuf,
    notices: broadcast::Sender<Notice>,
    probes: Arc<Probes>,
    looks: Arc<Looks>,
}

/// The rights that people were given while the bot ran, as the store last said. It is what is judged by, and every
/// change of the store brings it up to date.
#[derive(Debug, Default)]
struct Granted {
    access: Access,
    /// How often it was changed: a reading that was overtaken by a change is made again.
    changes: u64,
}

/// What a process is built from.
pub struct Parts {
    /// The facts.
    pub store: Store,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The chance.
    pub dice: Arc<Dice>,
    /// The worker kinds.
    pub kinds: Arc<Kinds>,
    /// The numbers that a person can set.
    pub settings: Settings,
    /// The connections.
    pub adapters: Vec<Arc<dyn Messaging>>,
    /// Where jobs have their folders.
    pub folder: PathBuf,
}

impl Shared {
    pub(crate) fn new(parts: Parts) -> Self {
        let limits = parts.adapters.iter().map(|adapter| (adapter.account().clone(), *adapter.limits())).collect();
        let adapters = parts.adapters.into_iter().map(|adapter| (adapter.account().clone(), adapter)).collect();
        let owner = InstanceId::new(parts.dice.uuid(parts.clock.now()));
        Self(Arc::new(Inner {
            steady: Steady::start(parts.clock.as_ref()),
            store: parts.store,
            clock: parts.clock,
            dice: parts.dice,
            kinds: parts.kinds,
            settings: RwLock::new(Arc::new(parts.settings)),
            granted: Mutex::default(),
            adapters,
            platforms: Platforms::new(limits),
            owner,
            folder: parts.folder,
            notices: broadcast::channel(NOTICES).0,
            probes: Arc::default(),
            looks: Arc::default(),
        }))
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    pub(crate) fn steady(&self) -> &Steady {
        &self.0.steady
    }

    /// The time by which everything stored is judged.
    pub(crate) fn now(&self) -> Timestamp {
        self.0.steady.now(self.0.clock.as_ref())
    }

    pub(crate) fn dice(&self) -> &Dice {
        &self.0.dice
    }

    pub(crate) fn fresh(&self) -> Fresh {
        Fresh::new(&self.0.dice.uuid(self.now()))
    }

    pub(crate) fn kinds(&self) -> &Kinds {
        &self.0.kinds
    }

    pub(crate) fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.0.settings.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn set_settings(&self, settings: Arc<Settings>) {
        *self.0.settings.write().unwrap_or_else(PoisonError::into_inner) = settings;
    }

    pub(crate) fn adapter(&self, account: &AccountId) -> Option<&Arc<dyn Messaging>> {
        self.0.adapters.get(account)
    }

    pub(crate) fn adapters(&self) -> impl Iterator<Item = &Arc<dyn Messaging>> {
        self.0.adapters.values()
    }

    pub(crate) fn platforms(&self) -> Platforms {
        self.0.platforms.clone()
    }

    pub(crate) fn owner(&self) -> InstanceId {
        self.0.owner.clone()
    }

    /// The probes that are under way.
    pub(crate) fn probes(&self) -> &Arc<Probes> {
        &self.0.probes
    }

    /// The looks at credentials that are under way.
    pub(crate) fn looks(&self) -> &Arc<Looks> {
        &self.0.looks
    }

    /// The folder of one job.
    pub(crate) fn folder(&self, worker: &WorkerId) -> PathBuf {
        self.0.folder.join(worker.as_str())
    }

    /// The role of a person at this moment, where they speak.
    pub(crate) fn role_at(&self, account: &AccountId, person: &Person, place: &Place) -> Option<Role> {
        self.role(account, person, &place.address.channel, place.guild.as_deref())
    }

    /// The same where less is known of the place.
    pub(crate) fn role(
        &self,
        account: &AccountId,
        person: &Person,
        channel: &str,
        guild: Option<&str>,
    ) -> Option<Role> {
        let configured = self.settings().access.role(account, person, channel, guild);
        configured.max(self.granted().access.role(account, person, channel, guild))
    }

    fn granted(&self) -> MutexGuard<'_, Granted> {
        self.0.granted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads which rights people were given while the bot ran.
    pub(crate) async fn read_grants(&self) -> Result<(), StoreError> {
        loop {
            let before = self.granted().changes;
            let grants = self.store().read(Grants).await?;
            let mut granted = self.granted();
            if granted.changes == before {
                granted.access.rules = grants.iter().map(Grant::rule).collect();
                granted.changes += 1;
                return Ok(());
            }
        }
    }

    /// Somebody was given a right, and the store has it.
    pub(crate) fn grant(&self, grant: &Grant) {
        let mut granted = self.granted();
        granted.access.rules.push(grant.rule());
        granted.changes += 1;
    }

    /// Whether anybody can be owner on a connection.
    pub(crate) fn has_owner(&self, account: &AccountId) -> bool {
        self.settings().access.has_owner(account) || self.granted().access.has_owner(account)
    }

    /// Tells whoever looks that something about a job changed.
    pub(crate) fn notify(&self, worker: &WorkerId, short: &Short) {
        // Nobody looking is no failure.
        drop(self.0.notices.send(Notice::Job { worker: worker.clone(), short: short.clone() }));
    }

    /// Tells whoever looks that an occurrence of a follow-up was settled.
    pub(crate) fn notify_followup(&self, told: &FollowupTold) {
        let FollowupTold { short, address, status, reason } = told.clone();
        // Nobody looking is no failure.
        drop(self.0.notices.send(Notice::Followup { short, address, status, reason }));
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Notice> {
        self.0.notices.subscribe()
    }
}
