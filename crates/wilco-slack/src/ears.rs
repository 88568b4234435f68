//! What the ears keep in memory: handles and views, never a fact that is not on the shelf, too.

use std::sync::{Arc, OnceLock};

use tokio::sync::Notify;
use tokio_util::task::TaskTracker;
use wilco_core::desk::Desk;

use crate::active::Active;
use crate::channels::Channels;
use crate::direct::Directs;
use crate::hear::{Foreign, Heard, Lanes, Recent, UnknownKinds, Waiting};
use crate::people::People;
use crate::socket::Refused;

/// The memory of the ears.
#[derive(Default)]
pub(crate) struct Ears {
    /// Who may do what, for what is done before the inbox is asked.
    pub(crate) desk: OnceLock<Arc<dyn Desk>>,
    /// The direct messages that are known.
    pub(crate) directs: Directs,
    /// Who people are.
    pub(crate) people: People,
    /// What channels are.
    pub(crate) channels: Channels,
    /// The channels and threads in which wilco is spoken to.
    pub(crate) active: Active,
    /// The messages on their way to the inbox.
    pub(crate) lanes: Lanes,
    /// The messages that came last.
    pub(crate) recent: Recent,
    /// What was acknowledged before it was stored.
    pub(crate) heard: Heard,
    /// What came here and is of another workspace.
    pub(crate) foreign: Foreign,
    /// Kinds of envelopes that nobody here knows.
    pub(crate) unknown: UnknownKinds,
    /// How much is on its way to the inbox.
    pub(crate) waiting: Waiting,
    /// Everything that is being handed in or answered.
    pub(crate) tasks: TaskTracker,
    /// Told when the token is in doubt.
    pub(crate) doubted: Notify,
    /// Told when Slack says that it holds events back.
    pub(crate) limited: Notify,
    /// What Slack refuses until a person has changed something.
    pub(crate) refused: Refused,
}
