//! One connection to Discord: what its mouth and its ears share.

use std::collections::BTreeSet;
use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::OnceCell;
use tracing::warn;
use wilco_core::desk::Desk;
use wilco_core::random::Dice;
use wilco_core::text::Unit;
use wilco_core::{Abilities, Clock, Limits, Shelf};

use crate::ears::Ears;
use crate::options::Options;
use crate::rest::Rest;
use crate::snowflake::Snowflake;

/// The longest text of one message, in characters (Discord API, "Create Message", field `content`).
pub(crate) const TEXT: usize = 2_000;
/// The largest file of a server without boosts, in bytes (Discord API, "Uploading Files").
pub(crate) const FILE: u64 = 10 * 1024 * 1024;
/// How long a nonce is surely recognised. Discord says "the past few minutes" ("Create Message", `enforce_nonce`).
pub(crate) const NONCE_WINDOW: Duration = Duration::from_secs(90);
/// The pace at which progress is shown.
const EDIT_PACE: Duration = Duration::from_secs(3);

/// Why a connection could not even be prepared. Nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The address of the API is none.
    #[error("the Discord API address {0:?} is not an http or https URL; correct `api` or leave it out")]
    Api(String),
    /// The token cannot stand in a header.
    #[error("the Discord bot token has characters that no token has; copy it again from the developer portal")]
    Token,
    /// The HTTP client could not be built.
    #[error("no HTTPS client could be prepared for Discord: {0}")]
    Client(String),
}

/// One connection to Discord.
pub struct Discord {
    pub(crate) options: Options,
    pub(crate) rest: Rest,
    pub(crate) shelf: Arc<dyn Shelf>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) dice: Arc<Dice>,
    pub(crate) limits: Limits,
    /// What its mouth keeps in memory.
    pub(crate) mouth: Mouth,
    /// What its ears keep in memory.
    pub(crate) ears: Ears,
    this: Weak<Self>,
}

/// What the mouth keeps in memory.
#[derive(Default)]
pub(crate) struct Mouth {
    /// The bot's own id, once it was asked for.
    pub(crate) own_id: OnceCell<Snowflake>,
    /// The messages that were shown without markup, because it was refused or did not fit.
    pub(crate) plain: Mutex<Plain>,
}

/// How many messages are known by their ids, so that an edit of them is not counted again. Nobody edits older ones.
const KNOWN: usize = 4_096;

/// Messages that were shown without their markup.
#[derive(Default)]
pub(crate) struct Plain {
    pub(crate) count: u64,
    /// The newest of them; ids grow with time.
    known: BTreeSet<NonZeroU64>,
}

impl Plain {
    /// Notes a message that a person can see; answers how many there are when it is a new one.
    pub(crate) fn shown(&mut self, message: NonZeroU64) -> Option<u64> {
        if !self.known.insert(message) {
            return None;
        }
        if self.known.len() > KNOWN {
            self.known.pop_first();
        }
        self.count += 1;
        Some(self.count)
    }
}

impl Discord {
    /// Prepares a connection; nothing is sent yet.
    ///
    /// # Errors
    /// [`SetupError`] when the address or the token cannot be used at all.
    pub fn new(
        options: Options,
        shelf: Arc<dyn Shelf>,
        clock: Arc<dyn Clock>,
        dice: Arc<Dice>,
    ) -> Result<Arc<Self>, SetupError> {
        let rest = Rest::new(&options.api, &options.token, clock.clone())?;
        Ok(Arc::new_cyclic(|this| Self {
            options,
            rest,
            shelf,
            clock,
            dice,
            limits: limits(),
            mouth: Mouth::default(),
            ears: Ears::default(),
            this: this.clone(),
        }))
    }

    /// Gives the ears what they offer while somebody types. Until then nothing is offered. A second call changes
    /// nothing.
    pub fn attach(&self, desk: Arc<dyn Desk>) {
        if self.ears.desk.set(desk).is_err() {
            warn!("discord: a desk is attached already; the first one stays");
        }
    }

    /// Itself, for a task that goes on when its caller does not wait any more.
    pub(crate) fn shared(&self) -> Option<Arc<Self>> {
        self.this.upgrade()
    }

    pub(crate) fn plain(&self) -> MutexGuard<'_, Plain> {
        // Nothing in here can be left half done by a panic.
        self.mouth.plain.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn limits() -> Limits {
    let abilities =
        Abilities { edit: true, nonce_window: Some(NONCE_WINDOW), look_up: true, files: true, buttons: true };
    Limits { unit: Unit::Chars, text: TEXT, file: FILE, edit_pace: EDIT_PACE, abilities }
}
