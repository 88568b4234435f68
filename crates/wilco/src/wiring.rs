//! What connections are made from, and the store with its errors as ends of the process.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use wilco_core::random::Dice;
use wilco_core::{AccountId, Clock, Messaging, Shelf};
use wilco_discord::{Discord, SetupError};
use wilco_loop::StoreShelf;
use wilco_loop::clock::SystemClock;
use wilco_store::{Looked, Mode, Options, Store, StoreError, Synchronous};
use wilco_web::Web;

use crate::bot::MakeAdapter;
use crate::config::{Config, DiscordConfig};
use crate::exit::{Ended, Exit};
use crate::local;

/// The account of the one connection to Discord.
pub(crate) const DISCORD: &str = "discord";

/// What a connection may be made from: time, chance, and a drawer of its own.
pub struct Wiring {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The chance.
    pub dice: Arc<Dice>,
    pub(crate) store: Store,
}

impl Wiring {
    /// The store with the real clock and the system's chance.
    pub(crate) fn over(store: Store) -> Self {
        Self { clock: Arc::new(SystemClock::new()), dice: Arc::new(Dice::from_os()), store }
    }

    /// The drawer of an account: the only storage that a connection has.
    pub fn shelf(&self, account: impl Into<AccountId>) -> Arc<dyn Shelf> {
        Arc::new(StoreShelf::new(self.store.clone(), account.into()))
    }

    /// The web chat, when it is served.
    pub(crate) fn web(&self, config: &Config) -> Option<Arc<Web>> {
        let options = local::options();
        let shelf = self.shelf(options.account.clone());
        config.web.enabled.then(|| Web::new(options, shelf, Arc::clone(&self.clock), Arc::clone(&self.dice)))
    }

    /// The connection to Discord, when there is a token. One that cannot be made leaves the others as they are.
    pub(crate) fn discord(&self, config: &Config) -> Option<Arc<Discord>> {
        let wanted = config.discord.as_ref()?;
        let made = discord(wanted, self.shelf(DISCORD), Arc::clone(&self.clock), Arc::clone(&self.dice));
        if let Err(error) = &made {
            tracing::error!(%error, "discord is not connected; everything else goes on");
        }
        made.ok()
    }

    /// All connections: the web chat, the configured platforms and the program's own.
    ///
    /// # Errors
    /// When one of the program's own cannot be made, or two have the same account.
    pub(crate) fn connections(&self, config: &Config, makers: Vec<MakeAdapter>) -> anyhow::Result<Connections> {
        let (web, discord) = (self.web(config), self.discord(config));
        let mut all: Vec<Arc<dyn Messaging>> = Vec::new();
        all.extend(web.clone().map(|web| web as Arc<dyn Messaging>));
        all.extend(discord.clone().map(|discord| discord as Arc<dyn Messaging>));
        let configured = all.len();
        for make in makers {
            all.push(make(self).context("a connection could not be made")?);
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = all.iter().find(|adapter| !seen.insert(adapter.account().clone())) {
            let sentence = format!("two connections have the account `{}`; each needs one of its own", twice.account());
            return Err(Ended::new(Exit::Config, sentence).into());
        }
        let own = all.iter().skip(configured).map(|made| made.account().clone()).collect();
        Ok(Connections { web, discord, own, all })
    }
}

/// What there is to speak through.
pub(crate) struct Connections {
    /// The page, when it is served.
    pub(crate) web: Option<Arc<Web>>,
    /// Discord, when it is configured.
    pub(crate) discord: Option<Arc<Discord>>,
    /// The accounts that the program has added.
    pub(crate) own: Vec<AccountId>,
    /// All of them.
    pub(crate) all: Vec<Arc<dyn Messaging>>,
}

impl Connections {
    /// The accounts on which somebody has to be made owner first: all but the page, which has its own.
    pub(crate) fn ownerless(&self, has_owner: impl Fn(&AccountId) -> bool) -> Vec<AccountId> {
        let page = self.web.as_ref().map(|web| web.account());
        let others = self.all.iter().map(|made| made.account()).filter(|account| Some(*account) != page);
        others.filter(|account| !has_owner(account)).cloned().collect()
    }
}

/// A connection to Discord over a drawer of one's own.
///
/// # Errors
/// When its token or its address cannot be used at all.
pub(crate) fn discord(
    config: &DiscordConfig,
    shelf: Arc<dyn Shelf>,
    clock: Arc<dyn Clock>,
    dice: Arc<Dice>,
) -> Result<Arc<Discord>, SetupError> {
    let options = wilco_discord::Options {
        account: AccountId::new(DISCORD),
        token: config.token.clone(),
        api: config.api.clone(),
        application: config.application,
        guild: config.guild,
        message_content: config.message_content,
    };
    Discord::new(options, shelf, clock, dice)
}

/// Opens the store. `serve` takes the lock that only one process has.
///
/// # Errors
/// A sentence with the fitting exit code: 75 when another process serves it, 78 when its address makes no sense,
/// otherwise 69. A store of a newer wilco counts as one that is not available to this one: 69, too.
pub(crate) async fn open(url: &str, serve: bool) -> Result<Store, Ended> {
    let options = Options { mode: Mode::Threads, instance_lock: serve, synchronous: Synchronous::Full };
    Store::open(url, options).await.map_err(|error| unopened(&error))
}

/// Looks at the store without creating or migrating it.
///
/// # Errors
/// As [`open`].
pub(crate) async fn look(url: &str) -> Result<Looked, Ended> {
    Store::look(url).await.map_err(|error| unopened(&error))
}

/// The end of the process that belongs to an error of the store.
pub(crate) fn unopened(error: &StoreError) -> Ended {
    let exit = match error {
        StoreError::Locked { .. } => Exit::Held,
        StoreError::BadUrl(_) => Exit::Config,
        StoreError::Newer { .. }
        | StoreError::Full(_)
        | StoreError::Busy(_)
        | StoreError::Io(_)
        | StoreError::Gone(_)
        | StoreError::Undecodable { .. }
        | StoreError::Constraint(_)
        | StoreError::Refused(_)
        | StoreError::Closed => Exit::Unavailable,
    };
    Ended::new(exit, error.to_string())
}

/// The database file of a checked address.
pub(crate) fn database(url: &str) -> PathBuf {
    let path = url.strip_prefix("sqlite:").unwrap_or(url);
    PathBuf::from(path.strip_prefix("//").unwrap_or(path))
}

/// The folder of the jobs' folders. Jobs run elsewhere, so it has to be absolute.
pub(crate) fn files(config: &Config) -> PathBuf {
    let files = &config.store.files;
    std::path::absolute(files).unwrap_or_else(|_| files.clone())
}

/// Whether some process serves the database now. A look, not a promise: it may start or end right after.
pub(crate) fn is_served(database: &Path) -> bool {
    use rustix::fs::{FlockOperation, flock};
    // The store's own lock file. Taking the lock shared and letting go at once keeps a starting bot out for microseconds.
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    std::fs::File::open(PathBuf::from(name))
        .is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockShared) == Err(rustix::io::Errno::WOULDBLOCK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_store_says_which_code_its_absence_has_and_whether_somebody_serves_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.db");
        let url = format!("sqlite:{}", path.display());
        assert_eq!(database(&url), path);
        assert_eq!(database("sqlite://w.db"), Path::new("w.db"));
        assert!(!is_served(&path));

        let serving = open(&url, true).await.unwrap();
        assert!(is_served(&path));
        assert_eq!(open(&url, true).await.err().map(|ended| ended.exit), Some(Exit::Held));
        open(&url, false).await.unwrap().close().await;
        assert!(is_served(&path), "the command line beside it takes nothing away");
        serving.close().await;
        assert!(!is_served(&path));

        let nowhere = format!("sqlite:{}/no/such/folder/w.db", folder.path().display());
        assert_eq!(open(&nowhere, true).await.err().map(|ended| ended.exit), Some(Exit::Unavailable));
        assert_eq!(open("mysql:x", true).await.err().map(|ended| ended.exit), Some(Exit::Config));
    }
}
