//! `/stop here`: what is pending in a place is called off (requirement F15).

use wilco_core::access::Role;
use wilco_core::desk::{Caller, JobView};
use wilco_core::{Address, Short, Timestamp};

use super::{resolve, settle};
use crate::changes::Asker;
use crate::engine::{Tx, args};
use crate::error::StoreError;
use crate::rows::{FollowupRow, followup_columns};

/// Those of everybody, or of one person alone.
pub(super) const HERE: &str = concat!(
    followup_columns!(),
    "WHERE account = $1 AND channel = $2 AND COALESCE(thread, '') = COALESCE($3, '') AND ended_at IS NULL \
     AND ($4 IS NULL OR person_id = $4) ORDER BY created_at LIMIT 500"
);
pub(super) const LEFT: &str = "SELECT COUNT(*) AS kept FROM followups WHERE account = $1 AND channel = $2 \
                               AND COALESCE(thread, '') = COALESCE($3, '') AND ended_at IS NULL";

/// What was called off, and what is left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stopped {
    /// The follow-ups that were called off.
    pub cancelled: Vec<Short>,
    /// How many stay, because they are other people's.
    pub kept: usize,
    /// The jobs that still run there and that the asker may cancel.
    pub running: Vec<JobView>,
}

/// Calls off every pending follow-up of exactly this place that the asker may change.
pub(crate) async fn stop_here(
    tx: &mut Tx<'_>,
    asker: &Asker,
    here: &Address,
    reason: &str,
    now: Timestamp,
) -> Result<Stopped, StoreError> {
    let mut stopped = Stopped::default();
    // Whoever may change everybody's calls off all of them; anybody else their own, however many there are.
    let whose = match &asker.caller {
        Caller::Host => None,
        Caller::Person { person, .. } if person.moderator || asker.role >= Some(Role::Owner) => None,
        Caller::Person { person, .. } => Some(person.id.as_str()),
    };
    let thread = here.thread.as_deref();
    for row in tx.rows(HERE, args![&here.account, &here.channel, thread, whose]).await? {
        // One row that cannot be read must not keep the others from being called off.
        let mut followup = match FollowupRow::decode(&row) {
            Ok(followup) => followup,
            Err(error) => {
                tracing::warn!(%error, "a follow-up was left as it is");
                continue;
            }
        };
        if resolve::standing(asker, &followup).may_cancel() {
            settle::call_off(tx, &mut followup, reason, now).await?;
            stopped.cancelled.push(followup.short);
        }
    }
    // Whoever does not read along there is not told how much there is.
    if asker.role.is_some()
        && speaks_from(asker, here)
        && let Some(row) = tx.row(LEFT, args![&here.account, &here.channel, thread]).await?
    {
        stopped.kept = row.count("kept")? as usize;
    }
    Ok(stopped)
}

fn speaks_from(asker: &Asker, here: &Address) -> bool {
    match &asker.caller {
        Caller::Host => true,
        Caller::Person { address, .. } => address.as_ref() == Some(here),
    }
}
