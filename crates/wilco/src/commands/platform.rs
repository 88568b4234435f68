//! `wilco commands diff|sync`, and what every look at a platform from the command line needs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde_json::{Value, json};
use wilco_core::Shelf;
use wilco_core::random::Dice;
use wilco_core::shelf::ShelfError;
use wilco_discord::Discord;
use wilco_discord::commands::{CommandsError, Difference, diff, sync};
use wilco_loop::clock::SystemClock;
use wilco_slack::Slack;
use wilco_store::{Looked, Store};

use crate::cli::Commands;
use crate::config::{Config, SlackConfig};
use crate::exit::{Ended, Exit};
use crate::out;
use crate::wiring::{self, Wiring};

/// Answers a command about the commands of a platform.
pub(crate) async fn commands(config: &Config, wanted: Commands, json: bool) -> anyhow::Result<Exit> {
    if config.discord.is_none() && !config.slack.is_empty() {
        let sentence = "Slack keeps the command in the app's settings, where only a person changes it; nothing was changed. \
                        `wilco setup slack --manifest` prints what belongs there";
        return Err(Ended::new(Exit::Usage, sentence).coded("not_connected").into());
    }
    if config.discord.is_none() {
        let sentence = "no platform is connected that keeps a list of commands; nothing was changed. `wilco setup \
                        discord` says how to connect one";
        return Err(Ended::new(Exit::Usage, sentence).coded("not_connected").into());
    }
    let (difference, done) = match wanted {
        Commands::Diff => {
            let look = Look::discord(config).await?;
            let found = diff(&look.platform).await;
            look.close().await;
            (found, false)
        }
        // What is registered where has to be remembered, so the store is made when there is none.
        Commands::Sync => {
            let store = wiring::open(&config.store.url, false).await?;
            let made = Wiring::over(store.clone()).discord(config);
            let found = match &made {
                Some(discord) => Ok(sync(discord).await),
                None => Err(unmade("Discord")),
            };
            store.close().await;
            (found?, true)
        }
    };
    let difference = difference.map_err(|error| not_compared(&error, wanted))?;
    if json {
        out::json(&shape(&difference, done))?;
    } else if done && !difference.is_empty() {
        out::answer(&format!("{difference}\nRegistered; they are in step now.\n"))?;
    } else {
        out::answer(&format!("{difference}\n"))?;
    }
    Ok(if done || difference.is_empty() { Exit::Fine } else { Exit::Failed })
}

fn shape(difference: &Difference, done: bool) -> Value {
    let doubled = difference.doubled.iter().map(|(place, names)| json!({ "place": place.to_string(), "names": names }));
    json!({ "platform": wiring::DISCORD, "place": difference.place.to_string(), "in_step": difference.is_empty(),
            "added": difference.added, "changed": difference.changed, "removed": difference.removed,
            "foreign": difference.foreign,
            "doubled": doubled.collect::<Vec<_>>(), "registered": done })
}

/// A comparison that could not be made ends with 2, as a check does; a registration with 1.
fn not_compared(error: &CommandsError, wanted: Commands) -> Ended {
    let exit = match wanted {
        Commands::Diff => Exit::Usage,
        Commands::Sync => Exit::Failed,
    };
    Ended::new(exit, error.to_string()).coded("commands")
}

fn unmade(platform: &str) -> Ended {
    let sentence = format!(
        "the connection to {platform} cannot be made; the line before says why. `wilco check` looks at the configuration"
    );
    Ended::new(Exit::Config, sentence)
}

/// A connection that is looked through and never listens.
pub(super) struct Look<P> {
    pub(super) platform: Arc<P>,
    store: Option<Store>,
}

impl Look<Discord> {
    /// Discord, over the store where there is one.
    pub(super) async fn discord(config: &Config) -> Result<Self, Ended> {
        let Some(wanted) = &config.discord else { return Err(unmade("Discord")) };
        Self::over(config, wiring::DISCORD, |shelf, dice| {
            let made = wiring::discord(wanted, shelf, Arc::new(SystemClock::new()), dice);
            made.map_err(|error| Ended::new(Exit::Config, error.to_string()))
        })
        .await
    }
}

impl Look<Slack> {
    /// A workspace of Slack, over the store where there is one.
    pub(super) async fn slack(config: &Config, wanted: &SlackConfig) -> Result<Self, Ended> {
        Self::over(config, wanted.account.as_str(), |shelf, dice| {
            let made = wiring::slack(wanted, shelf, Arc::new(SystemClock::new()), dice);
            made.map_err(|error| Ended::new(Exit::Config, error.to_string()))
        })
        .await
    }
}

impl<P> Look<P> {
    /// Over the store, where there is one that this wilco can read: a look creates none and migrates none.
    async fn over(
        config: &Config,
        account: &str,
        make: impl FnOnce(Arc<dyn Shelf>, Arc<Dice>) -> Result<Arc<P>, Ended>,
    ) -> Result<Self, Ended> {
        let store = match wiring::look(&config.store.url).await? {
            Looked::Ready(store) => Some(store),
            Looked::Absent | Looked::Older { .. } => None,
        };
        let shelf: Arc<dyn Shelf> = match &store {
            Some(store) => Wiring::over(store.clone()).shelf(account),
            None => Arc::new(Forgetful::default()),
        };
        match make(shelf, Arc::new(Dice::from_os())) {
            Ok(platform) => Ok(Self { platform, store }),
            Err(ended) => {
                if let Some(store) = store {
                    store.close().await;
                }
                Err(ended)
            }
        }
    }

    pub(super) async fn close(self) {
        if let Some(store) = self.store {
            store.close().await;
        }
    }
}

/// A drawer that is empty at the start and forgotten at the end.
#[derive(Default)]
struct Forgetful(Mutex<BTreeMap<String, String>>);

impl Forgetful {
    fn with<T>(&self, act: impl FnOnce(&mut BTreeMap<String, String>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Shelf for Forgetful {
    async fn get(&self, key: &str) -> Result<Option<String>, ShelfError> {
        Ok(self.with(|all| all.get(key).cloned()))
    }

    async fn put(&self, key: &str, value: &str) -> Result<(), ShelfError> {
        self.with(|all| all.insert(key.to_owned(), value.to_owned()));
        Ok(())
    }

    async fn put_new(&self, key: &str, value: &str) -> Result<bool, ShelfError> {
        Ok(self.with(|all| {
            let new = !all.contains_key(key);
            if new {
                all.insert(key.to_owned(), value.to_owned());
            }
            new
        }))
    }

    async fn remove(&self, key: &str) -> Result<(), ShelfError> {
        self.with(|all| all.remove(key));
        Ok(())
    }

    async fn scan(&self, prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<(String, String)>, ShelfError> {
        let all = self.with(|all| all.clone());
        let wanted =
            all.into_iter().filter(|(key, _)| key.starts_with(prefix) && after.is_none_or(|after| &**key > after));
        Ok(wanted.take(usize::try_from(limit).unwrap_or(usize::MAX)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_has_no_store_keeps_what_it_is_told_until_it_ends() {
        let shelf = Forgetful::default();
        shelf.put("a:1", "x").await.unwrap();
        assert!(!shelf.put_new("a:1", "y").await.unwrap() && shelf.put_new("a:2", "y").await.unwrap());
        shelf.put("b", "z").await.unwrap();
        assert_eq!(shelf.get("a:1").await.unwrap().as_deref(), Some("x"));
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(shelf.scan("a:", None, 9).await.unwrap(), [pair("a:1", "x"), pair("a:2", "y")]);
        assert_eq!(shelf.scan("a:", Some("a:1"), 9).await.unwrap(), [pair("a:2", "y")]);
        assert_eq!(shelf.scan("a:", None, 1).await.unwrap(), [pair("a:1", "x")]);
        shelf.remove("a:1").await.unwrap();
        assert_eq!(shelf.get("a:1").await.unwrap(), None);
    }
}
