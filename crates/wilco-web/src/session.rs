//! Who may look at the page at all: one login link that works once, and the sessions that it opened.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tracing::{info, warn};
use wilco_core::random::Dice;
use wilco_core::shelf::ShelfError;
use wilco_core::{Clock, Shelf, Timestamp};

const PREFIX: &str = "session/";
/// A browser stays signed in for so long.
const LIFETIME: Duration = Duration::from_secs(30 * 24 * 3_600);
/// More browsers than this are not signed in at once; the one that signed in first is signed out.
const KEPT: usize = 20;

/// The shelf and this map hold hashes only: whoever reads the database cannot sign in with what is there.
pub(crate) struct Sessions {
    shelf: Arc<dyn Shelf>,
    clock: Arc<dyn Clock>,
    dice: Arc<Dice>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    login: Option<String>,
    /// When each session was opened, by the hash of its token.
    open: BTreeMap<String, Timestamp>,
}

impl Sessions {
    pub(crate) fn new(shelf: Arc<dyn Shelf>, clock: Arc<dyn Clock>, dice: Arc<Dice>) -> Self {
        let state = Mutex::new(State { login: Some(dice.token()), open: BTreeMap::new() });
        Self { shelf, clock, dice, state }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The path that signs a browser in; a new one when the last has been used.
    pub(crate) fn login_path(&self) -> String {
        let mut state = self.state();
        let token = state.login.get_or_insert_with(|| self.dice.token());
        format!("/login/{token}")
    }

    /// A new path; the one before stops working.
    pub(crate) fn renew(&self) -> String {
        self.state().login = None;
        self.login_path()
    }

    /// Brings the open sessions back from the shelf.
    pub(crate) async fn load(&self) -> Result<(), ShelfError> {
        let rows = self.shelf.scan(PREFIX, None, 1_000).await?;
        let now = self.clock.now();
        let mut expired = Vec::new();
        for (key, row) in rows {
            let opened = row.parse::<i64>().ok().map(Timestamp).filter(|opened| is_fresh(*opened, now));
            match (opened, key.strip_prefix(PREFIX)) {
                (Some(opened), Some(hash)) => {
                    self.state().open.insert(hash.to_owned(), opened);
                }
                (None | Some(_), _) => expired.push(key),
            }
        }
        for key in expired {
            self.shelf.remove(&key).await?;
        }
        Ok(())
    }

    /// Uses the login token up and answers the token of a new session; none when it does not fit.
    pub(crate) async fn redeem(&self, given: &str) -> Option<String> {
        {
            let mut state = self.state();
            let fits = state.login.as_deref().is_some_and(|token| same(token, given));
            if !fits {
                return None;
            }
            // Taken while the lock is held: of two requests with the same link only one gets in.
            state.login = None;
        }
        let (token, now) = (self.dice.token(), self.clock.now());
        let hash = hash("session", &token);
        let dropped: Vec<String> = {
            let mut state = self.state();
            state.open.insert(hash.clone(), now);
            let mut by_age: Vec<(Timestamp, String)> =
                state.open.iter().map(|(hash, at)| (*at, hash.clone())).collect();
            by_age.sort();
            let surplus = by_age.len().saturating_sub(KEPT);
            by_age.into_iter().take(surplus).map(|(_, hash)| hash).filter(|old| *old != hash).collect()
        };
        for old in dropped {
            self.state().open.remove(&old);
            if let Err(error) = self.shelf.remove(&format!("{PREFIX}{old}")).await {
                warn!(%error, "web: an old session was not removed; it ends by itself after 30 days");
            }
        }
        if let Err(error) = self.shelf.put(&format!("{PREFIX}{hash}"), &now.0.to_string()).await {
            warn!(%error, "web: the session is not stored; after a restart this browser has to sign in again");
        }
        info!("web: a browser signed in");
        Some(token)
    }

    /// Whether a session token is good.
    pub(crate) fn is_open(&self, token: &str) -> bool {
        let (hash, now) = (hash("session", token), self.clock.now());
        let state = self.state();
        // Every entry is compared in full, so that the time taken says nothing about any of them.
        let found = state.open.iter().filter(|(known, _)| same(known, &hash)).map(|(_, opened)| *opened).max();
        found.is_some_and(|opened| is_fresh(opened, now))
    }
}

/// The token that a page has to show with every change. It follows from the session token, which page
/// code cannot read, so it needs no storage and survives a restart.
pub(crate) fn csrf(session: &str) -> String {
    hash("csrf", session)
}

/// Compares in a time that depends on the lengths alone.
pub(crate) fn same(one: &str, two: &str) -> bool {
    one.as_bytes().ct_eq(two.as_bytes()).into()
}

fn hash(purpose: &str, token: &str) -> String {
    let digest =
        Sha256::new().chain_update("wilco ").chain_update(purpose).chain_update(":").chain_update(token).finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A session from the future (the wall clock was put back) counts as new, not as expired.
fn is_fresh(opened: Timestamp, now: Timestamp) -> bool {
    now.since(opened) < LIFETIME
}
