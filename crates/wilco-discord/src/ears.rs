//! What the ears keep in memory: handles and views, never a fact that is not on the shelf, too.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::Notify;
use tokio_util::task::TaskTracker;
use wilco_core::desk::Desk;

use crate::catchup::Active;
use crate::direct::Directs;
use crate::gateway::{Directory, Progress, Refused, Resumes, Session, Waiting, Worker};
use crate::interactions::Notes;
use crate::snowflake::Snowflake;

/// The memory of the ears.
#[derive(Default)]
pub(crate) struct Ears {
    /// Where the lists come from that are offered while somebody types.
    pub(crate) desk: OnceLock<Arc<dyn Desk>>,
    /// The direct messages that are known.
    pub(crate) directs: Directs,
    /// The channels in which wilco is spoken to.
    pub(crate) active: Active,
    /// The private notes that wait for the store.
    pub(crate) notes: Notes,
    /// Everything that is being handed in or answered.
    pub(crate) tasks: TaskTracker,
    /// Told when something about guilds has come in.
    pub(crate) announced: Notify,
    /// Who hands messages in.
    pub(crate) worker: Worker,
    /// How many messages wait to be handed in.
    pub(crate) waiting: Waiting,
    /// The tries to bring the session back.
    pub(crate) resumes: Resumes,
    /// What Discord refuses until a person has changed something.
    pub(crate) refused: Refused,
    directory: Mutex<Directory>,
    session: Mutex<Option<(Session, Progress)>>,
}

impl Ears {
    /// The view of guilds and channels.
    pub(crate) fn directory(&self) -> MutexGuard<'_, Directory> {
        self.directory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Resolves when all of these guilds are known.
    pub(crate) async fn guilds_known(&self, guilds: &[Snowflake]) {
        loop {
            let next = self.announced.notified();
            if guilds.iter().all(|guild| self.directory().knows(*guild)) {
                return;
            }
            next.await;
        }
    }

    /// The session that can be resumed, if there is one.
    pub(crate) fn session(&self) -> MutexGuard<'_, Option<(Session, Progress)>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
