//! One connection to a Slack workspace: what its mouth and its ears share.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::OnceCell;
use tracing::warn;
use wilco_core::desk::Desk;
use wilco_core::random::Dice;
use wilco_core::{Abilities, Clock, Limits, Shelf};

use crate::blocks::UNIT;
use crate::ears::Ears;
use crate::identity::Identity;
use crate::message::TEXT;
use crate::options::{Options, TokenError};
use crate::rest::Rest;
use crate::status::Thinking;
use crate::uploads::Uploads;

/// The pace at which progress is shown.
const EDIT_PACE: Duration = Duration::from_secs(3);

/// Why a connection could not even be prepared. Nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The address of the API is none.
    #[error("the Slack API address {0:?} is not an http or https URL; correct `api` or leave it out")]
    Api(String),
    /// A token is not what belongs into its field.
    #[error("{field}: {error}")]
    Token {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        error: TokenError,
    },
    /// The token cannot stand in a header.
    #[error("the Slack bot token has characters that no token has; copy it again from api.slack.com/apps")]
    Header,
    /// The HTTP client could not be built.
    #[error("no HTTPS client could be prepared for Slack: {0}")]
    Client(String),
}

/// One connection to a Slack workspace.
pub struct Slack {
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

/// What the mouth keeps in memory. Nothing of it is a fact: losing it costs a request.
#[derive(Default)]
pub(crate) struct Mouth {
    /// Whose token this is, once it was asked for.
    pub(crate) identity: OnceCell<Identity>,
    /// The messages that were shown without markup, because it was refused or did not fit.
    plain: Mutex<Plain>,
    /// Files that are sent, or were.
    pub(crate) uploads: Uploads,
    /// Threads under which it says that the bot is thinking.
    pub(crate) thinking: Mutex<Thinking>,
    /// Until when metadata is left out, because it was refused; on the steady clock.
    bare_until: Mutex<Duration>,
    /// Slack refuses the sign to this app; it is not asked again.
    pub(crate) no_status: AtomicBool,
}

/// How many messages are known by their ids, so that an edit of them is not counted again. Nobody edits older ones.
const KNOWN: usize = 4_096;

/// Messages that were shown without their markup.
#[derive(Default)]
struct Plain {
    count: u64,
    /// The newest of them. The `ts` of a message is unique within its channel, and they grow with time.
    known: BTreeSet<(String, String)>,
}

impl Mouth {
    /// Notes a message that a person can see without markup; answers how many there are when it is a new one.
    pub(crate) fn shown_plain(&self, ts: &str, channel: &str) -> Option<u64> {
        let mut plain = locked(&self.plain);
        if !plain.known.insert((ts.to_owned(), channel.to_owned())) {
            return None;
        }
        if plain.known.len() > KNOWN {
            plain.known.pop_first();
        }
        plain.count += 1;
        Some(plain.count)
    }

    /// How many messages were shown without markup.
    pub(crate) fn plain_count(&self) -> u64 {
        locked(&self.plain).count
    }

    /// Whether messages go without metadata at this moment.
    pub(crate) fn is_bare(&self, now: Duration) -> bool {
        now < *locked(&self.bare_until)
    }

    /// Notes until when metadata is left out.
    pub(crate) fn bare_until(&self, until: Duration) {
        *locked(&self.bare_until) = until;
    }
}

/// Nothing behind these locks can be left half done by a panic.
pub(crate) fn locked<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Slack {
    /// Prepares a connection; nothing is sent yet.
    ///
    /// # Errors
    /// [`SetupError`] when the address or a token cannot be used at all.
    pub fn new(
        options: Options,
        shelf: Arc<dyn Shelf>,
        clock: Arc<dyn Clock>,
        dice: Arc<Dice>,
    ) -> Result<Arc<Self>, SetupError> {
        options.check_tokens().map_err(|(field, error)| SetupError::Token { field, error })?;
        let rest = Rest::new(&options.api, &options.bot_token, options.app_token(), Arc::clone(&clock))?;
        let limits = limits(&options);
        Ok(Arc::new_cyclic(|this| Self {
            options,
            rest,
            shelf,
            clock,
            dice,
            limits,
            mouth: Mouth::default(),
            ears: Ears::default(),
            this: this.clone(),
        }))
    }

    /// Gives the ears somebody to ask what people may do, before anything is opened for them. Until then everybody
    /// counts as one who may do something. A second call changes nothing.
    pub fn attach(&self, desk: Arc<dyn Desk>) {
        if self.ears.desk.set(desk).is_err() {
            warn!("slack: a desk is attached already; the first one stays");
        }
    }

    /// Itself, for a task that goes on when its caller does not wait any more.
    pub(crate) fn shared(&self) -> Option<Arc<Self>> {
        self.this.upgrade()
    }
}

fn limits(options: &Options) -> Limits {
    // Slack recognises no repeated create: a message is looked up by its key instead.
    let abilities = Abilities { edit: true, nonce_window: None, look_up: true, files: true, buttons: true };
    Limits { unit: UNIT, text: TEXT, file: options.file, edit_pace: EDIT_PACE, abilities }
}
