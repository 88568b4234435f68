//! What connections are made from, and the store with its errors as ends of the process.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use wilco_core::random::Dice;
use wilco_core::{AccountId, Clock, Messaging, Shelf};
use wilco_discord::{Discord, SetupError};
use wilco_loop::StoreShelf;
use wilco_loop::clock::SystemClock;
use wilco_slack::Slack;
use wilco_store::{Looked, Mode, Options, Store, StoreError, Synchronous};
use wilco_web::Web;

use crate::bot::MakeAdapter;
use crate::config::{Config, DiscordConfig, SlackConfig};
use crate::exit::{Ended, Exit};
use crate::local;

/// The account of the one connection to Discord.
pub(crate) const DISCORD: &str = "discord";
/// How long a start waits for a lock whose process has ended, and how often it looks. It takes a forked process as long
/// to become another program as the machine takes to let it run.
const LET_GO_WITHIN: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(20);

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

    /// The connections to Slack. One that cannot be made leaves the others as they are.
    pub(crate) fn slack(&self, config: &Config) -> Vec<Arc<Slack>> {
        let make = |wanted: &SlackConfig| {
            let shelf = self.shelf(wanted.account.clone());
            slack(wanted, shelf, Arc::clone(&self.clock), Arc::clone(&self.dice))
                .map_err(|error| {
                    let account = &wanted.account;
                    tracing::error!(%account, %error, "slack is not connected; everything else goes on");
                })
                .ok()
        };
        config.slack.iter().filter_map(make).collect()
    }

    /// All connections: the web chat, the configured platforms and the program's own.
    ///
    /// # Errors
    /// When one of the program's own cannot be made, or two have the same account.
    pub(crate) fn connections(&self, config: &Config, makers: Vec<MakeAdapter>) -> anyhow::Result<Connections> {
        let (web, discord, slack) = (self.web(config), self.discord(config), self.slack(config));
        let mut all: Vec<Arc<dyn Messaging>> = Vec::new();
        all.extend(web.clone().map(|web| web as Arc<dyn Messaging>));
        all.extend(discord.clone().map(|discord| discord as Arc<dyn Messaging>));
        all.extend(slack.iter().map(|slack| Arc::clone(slack) as Arc<dyn Messaging>));
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
        Ok(Connections { web, discord, slack, own, all })
    }
}

/// What there is to speak through.
pub(crate) struct Connections {
    /// The page, when it is served.
    pub(crate) web: Option<Arc<Web>>,
    /// Discord, when it is configured.
    pub(crate) discord: Option<Arc<Discord>>,
    /// Slack, once for each workspace that is configured.
    pub(crate) slack: Vec<Arc<Slack>>,
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

/// A connection to a workspace of Slack over a drawer of one's own.
///
/// # Errors
/// When a token or its address cannot be used at all.
pub(crate) fn slack(
    config: &SlackConfig,
    shelf: Arc<dyn Shelf>,
    clock: Arc<dyn Clock>,
    dice: Arc<Dice>,
) -> Result<Arc<Slack>, wilco_slack::SetupError> {
    let options = wilco_slack::Options {
        api: config.api.clone(),
        assistant: config.assistant,
        join: config.join,
        connect: config.connect,
        variables: crate::config::slack::variables(config.account.as_str().strip_prefix("slack:")),
        ..wilco_slack::Options::new(config.account.clone(), config.bot_token.clone(), config.hears.clone())
    };
    Slack::new(options, shelf, clock, dice)
}

/// Opens the store. `serve` takes the lock that only one process has.
///
/// # Errors
/// A sentence with the fitting exit code: 75 when another process serves it, 78 when its address makes no sense,
/// otherwise 69. A store of a newer wilco counts as one that is not available to this one: 69, too.
pub(crate) async fn open(url: &str, serve: bool) -> Result<Store, Ended> {
    open_by(url, serve, &SystemClock::new()).await
}

/// The same by a clock. The lock of a process that was killed can outlive it by a moment: what it had forked to start a
/// job's command has every file of it open until it becomes that command. So a lock that no living process has put its
/// name to is waited for, and one of a living process is not.
async fn open_by(url: &str, serve: bool, clock: &dyn Clock) -> Result<Store, Ended> {
    let end = clock.monotonic() + LET_GO_WITHIN;
    let mut told = false;
    loop {
        let options = Options { mode: Mode::Threads, instance_lock: serve, synchronous: Synchronous::Full };
        match Store::open(url, options).await {
            Err(StoreError::Locked { pid, .. }) if pid.is_none_or(is_gone) && clock.monotonic() < end => {
                if !told {
                    tracing::info!(?pid, "the store is still locked by a process that has ended; waiting for it");
                    told = true;
                }
                clock.sleep_until(clock.monotonic() + LOOK).await;
            }
            opened => return opened.map_err(|error| unopened(&error)),
        }
    }
}

/// Whether there is no such process here. One of another container that shares the folder is not seen, and then only
/// the refusal comes later.
fn is_gone(pid: u32) -> bool {
    use rustix::process::{Pid, test_kill_process};
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_none_or(|pid| test_kill_process(pid) == Err(rustix::io::Errno::SRCH))
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
    use std::fs::File;
    use std::io::Write;
    use std::process::Command;

    use rustix::fs::{FlockOperation, flock};
    use wilco_sim::clock::HandClock;

    use super::*;

    /// The lock of a database, with somebody's name in it.
    fn locked_by(database: &Path, pid: u32) -> File {
        let mut lock = File::create(database.with_extension("db.lock")).unwrap();
        flock(&lock, FlockOperation::NonBlockingLockExclusive).unwrap();
        writeln!(lock, "{pid}").unwrap();
        lock
    }

    #[tokio::test]
    async fn a_start_waits_for_the_lock_of_a_process_that_has_ended_and_for_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.db");
        let url = format!("sqlite:{}", path.display());
        let mut ended = Command::new("true").spawn().unwrap();
        let gone = ended.id();
        ended.wait().unwrap();

        let clock = HandClock::new();
        let lock = locked_by(&path, gone);
        {
            let mut opening = std::pin::pin!(open_by(&url, true, &*clock));
            assert!(futures::poll!(&mut opening).is_pending(), "it is waited for");
            clock.advance(LOOK);
            assert!(futures::poll!(&mut opening).is_pending(), "again and again");
            drop(lock);
            clock.advance(LOOK);
            opening.await.unwrap().close().await;
        }

        // Not for ever.
        let lock = locked_by(&path, gone);
        {
            let mut opening = std::pin::pin!(open_by(&url, true, &*clock));
            assert!(futures::poll!(&mut opening).is_pending());
            clock.advance(LET_GO_WITHIN);
            assert_eq!(opening.await.err().map(|ended| ended.exit), Some(Exit::Held));
        }
        drop(lock);

        // Who lives is left alone at once.
        let _lock = locked_by(&path, std::process::id());
        assert_eq!(open_by(&url, true, &*clock).await.err().map(|ended| ended.exit), Some(Exit::Held));
    }

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
