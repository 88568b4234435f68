//! The commands that answer and end. They work beside a running bot and without one.

mod access;
mod check;
mod doctor;
mod followups;
mod gate;
mod jobs;
mod place;
mod platform;
mod receipts;
mod setup;
mod show;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use wilco_core::desk::{DeskError, Limit};
use wilco_core::random::Dice;
use wilco_core::text::duration;
use wilco_core::time::Timestamp;
use wilco_core::{AccountId, Clock};
use wilco_loop::kinds::{KindMap, Kinds};
use wilco_loop::{LoopDesk, Parts, launcher};
use wilco_store::Store;

use crate::bot::Extras;
use crate::config::Config;
use crate::exit::{Ended, Exit};
use crate::wiring::{self, Wiring};
use crate::{kinds, local};

pub(crate) use access::access;
pub(crate) use check::check;
pub(crate) use doctor::doctor;
pub(crate) use followups::followups;
pub(crate) use gate::gate;
pub(crate) use jobs::jobs;
pub(crate) use platform::commands;
pub(crate) use receipts::receipts;
pub(crate) use setup::setup;

/// The desk over the store alone, for the person at the machine's own shell.
struct Counter {
    desk: LoopDesk,
    store: Store,
    clock: Arc<dyn Clock>,
    dice: Arc<Dice>,
    database: PathBuf,
    /// The connections that are configured.
    accounts: Vec<AccountId>,
}

impl Counter {
    /// Opens a store that is there. Looking must not create one.
    async fn open(config: &Config, extras: Extras) -> anyhow::Result<Self> {
        Self::open_as(config, extras, false).await
    }

    /// The same, with the worker kinds that a bot with this configuration has.
    async fn open_with_kinds(config: &Config, extras: Extras) -> anyhow::Result<Self> {
        Self::open_as(config, extras, true).await
    }

    async fn open_as(config: &Config, extras: Extras, with_kinds: bool) -> anyhow::Result<Self> {
        let database = wiring::database(&config.store.url);
        if !database.exists() {
            let sentence = format!(
                "there is no store at {}: nothing was accepted here yet, and nothing was created. Start `wilco` first, or \
                 name another store with --store",
                database.display()
            );
            return Err(Ended::new(Exit::Unavailable, sentence).into());
        }
        Self::over(wiring::open(&config.store.url, false).await?, config, extras, with_kinds)
    }

    /// Over a store that is open already.
    fn over(store: Store, config: &Config, extras: Extras, with_kinds: bool) -> anyhow::Result<Self> {
        let database = wiring::database(&config.store.url);
        let wiring = Wiring::over(store.clone());
        let (makers, additions) = extras.split();
        // They are only made, never connected: a cancel may have to be worded in the measures of a platform.
        let adapters = wiring.connections(config, makers)?.all;
        let accounts = adapters.iter().map(|adapter| adapter.account().clone()).collect();
        let (clock, dice) = (Arc::clone(&wiring.clock), Arc::clone(&wiring.dice));
        let map = if with_kinds {
            let launcher = launcher::this_executable().context("the system does not tell where this program is")?;
            kinds::build(config, &additions.kinds, &launcher, &clock)?
        } else {
            KindMap::new()
        };
        let desk = LoopDesk::over_store(Parts {
            store: wiring.store,
            clock: wiring.clock,
            dice: wiring.dice,
            kinds: Arc::new(Kinds::new(map)),
            settings: local::settings(config, &additions),
            adapters,
            folder: wiring::files(config),
        });
        Ok(Self { desk, store, clock, dice, database, accounts })
    }

    /// How long ago something was.
    fn ago(&self, at: Timestamp) -> String {
        format!("{} ago", duration(self.clock.now().since(at)))
    }

    async fn close(self) {
        self.store.close().await;
    }
}

/// A wished count; out of its range is a mistake of the command line.
fn limit(wish: i64) -> Result<Limit, Ended> {
    Limit::new(wish).map_err(|error| Ended::new(Exit::Usage, error.to_string()))
}

/// What the desk answered, as the end of the process.
fn refused(error: DeskError) -> Ended {
    let exit = match &error {
        DeskError::Store(_) => Exit::Unavailable,
        DeskError::NotFound(_)
        | DeskError::Ambiguous { .. }
        | DeskError::AmbiguousFollowup { .. }
        | DeskError::NotAllowed { .. }
        | DeskError::BadInput(_)
        | DeskError::Refused(_) => Exit::Failed,
    };
    // The words of the API.
    let code = match &error {
        DeskError::NotFound(_) => "not_found",
        DeskError::Ambiguous { .. } | DeskError::AmbiguousFollowup { .. } => "ambiguous",
        DeskError::NotAllowed { .. } => "not_allowed",
        DeskError::BadInput(_) => "bad_input",
        DeskError::Refused(_) => "refused",
        DeskError::Store(_) => "store",
    };
    let sentence = match error {
        // Whoever sits at this machine sees everything, so there is no "that you can see".
        DeskError::NotFound(name) => format!("there is no job or receipt `{name}`"),
        DeskError::Ambiguous { name, candidates } => {
            let lines = candidates.iter().map(|job| format!("\n  {}  {}  {}", job.short, job.kind, job.state.name()));
            format!("`{name}` fits several jobs; give more of the id:{}", lines.collect::<String>())
        }
        DeskError::AmbiguousFollowup { name, candidates } => {
            let ids = candidates.iter().map(|short| format!("\n  {short}"));
            format!("`{name}` fits several follow-ups; give more of the id:{}", ids.collect::<String>())
        }
        other @ (DeskError::NotAllowed { .. }
        | DeskError::BadInput(_)
        | DeskError::Refused(_)
        | DeskError::Store(_)) => other.to_string(),
    };
    Ended::new(exit, sentence).coded(code)
}
