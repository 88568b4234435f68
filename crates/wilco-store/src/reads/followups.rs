//! Follow-ups and what became of their occurrences.

use async_trait::async_trait;
use wilco_core::contract::ContractState;
use wilco_core::desk::{Caller, FollowupFilter, FollowupInspection, FollowupView, Limit, OccurrenceView};
use wilco_core::{BackendId, Short, Timestamp};

use crate::changes::{Asker, FollowupUnresolved, followup_standing, resolve_followup};
use crate::engine::{Change, Row, Tx, args};
use crate::error::StoreError;
use crate::rows::{FollowupRow, OccurrenceRow, followup_columns};

pub(super) const ALL: &str = concat!(followup_columns!(), "ORDER BY created_at DESC, id DESC LIMIT $1");
pub(super) const OPEN: &str =
    concat!(followup_columns!(), "WHERE ended_at IS NULL ORDER BY created_at DESC, id DESC LIMIT $1");
/// Those that are due next, so that a limit never hides them behind newer ones.
pub(super) const SOON: &str = concat!(
    followup_columns!(),
    "WHERE id IN (SELECT followup FROM occurrences WHERE due_at IS NOT NULL ORDER BY due_at, id LIMIT $1)"
);
/// The order of what is due next, among the few of one place or person; what has no time stands last.
macro_rules! by_next {
    () => {
        "ORDER BY COALESCE((SELECT MIN(due_at) FROM occurrences WHERE occurrences.followup = followups.id \
         AND occurrences.settled_at IS NULL), 9223372036854775807), created_at LIMIT "
    };
}
pub(super) const HERE: &str = concat!(
    followup_columns!(),
    "WHERE account = $1 AND channel = $2 AND ($3 IS NULL OR thread = $3) AND ended_at IS NULL ",
    by_next!(),
    "$4"
);
pub(super) const MINE: &str =
    concat!(followup_columns!(), "WHERE account = $1 AND person_id = $2 AND ended_at IS NULL ", by_next!(), "$3");
pub(super) const NEXT: &str = "SELECT MIN(due_at) AS next, MIN(gate) AS gate FROM occurrences \
                               WHERE followup = $1 AND settled_at IS NULL";
/// An occurrence with its job and what became of that job's promise in the channel.
macro_rules! views {
    () => {
        "SELECT occurrences.id AS id, followup, due, manual, occurrences.state AS state, \
         occurrences.due_at AS due_at, reason, attempts, last_error, fired_at, late, \
         occurrences.worker AS worker, settled_at, \
         workers.short AS job, contracts.state AS delivery FROM occurrences \
         LEFT JOIN workers ON workers.id = occurrences.worker \
         LEFT JOIN contracts ON contracts.worker = occurrences.worker AND contracts.number = 0 "
    };
}
pub(super) const NEWEST: &str = concat!(views!(), "WHERE followup = $1 ORDER BY due DESC, manual DESC LIMIT $2");
pub(super) const LAST: &str = concat!(
    views!(),
    "WHERE followup = $1 AND occurrences.state <> 'scheduled' ORDER BY due DESC, manual DESC LIMIT 1"
);

fn view(row: &Row) -> Result<OccurrenceView, StoreError> {
    let occurrence = OccurrenceRow::decode(row)?;
    Ok(OccurrenceView {
        due: occurrence.due,
        state: occurrence.state,
        // An empty one is past its retention.
        reason: occurrence.reason.filter(|reason| !reason.is_empty()),
        manual: occurrence.manual,
        attempts: occurrence.attempts,
        last_error: occurrence.last_error,
        next: occurrence.due_at,
        fired: occurrence.fired,
        late: occurrence.late,
        settled: occurrence.settled,
        job: row.opt_text("job")?.map(Short::new),
        delivery: row.opt_text("delivery")?.as_deref().and_then(ContractState::from_name),
    })
}

async fn followup_view(tx: &mut Tx<'_>, asker: &Asker, followup: &FollowupRow) -> Result<FollowupView, StoreError> {
    let (next, gate) = match tx.row(NEXT, args![&followup.id]).await? {
        Some(row) => (row.opt_time("next")?, row.opt_text("gate")?.map(BackendId::new)),
        None => (None, None),
    };
    let next = next.filter(|_| followup.state == wilco_core::followup::FollowupState::Pending);
    let last = match tx.row(LAST, args![&followup.id]).await?.map(|row| view(&row)).transpose() {
        Ok(last) => last,
        // One occurrence that cannot be read must not hide its follow-up.
        Err(error) => {
            tracing::warn!(%error, followup_id = %followup.short, "an occurrence is left out of the list");
            None
        }
    };
    let view = followup.view(next, last, followup_standing(asker, followup).may_cancel());
    Ok(FollowupView { gate, ..view })
}

/// Lists follow-ups that somebody may see, the next due first.
#[derive(Clone, Debug)]
pub struct ListFollowups {
    /// Who asks.
    pub asker: Asker,
    /// Which.
    pub filter: FollowupFilter,
}

#[async_trait]
impl Change for ListFollowups {
    type Out = Vec<FollowupView>;

    fn name(&self) -> &'static str {
        "list_followups"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<Vec<FollowupView>, StoreError> {
        let limit = self.filter.limit.get();
        let mut rows = match &self.filter.address {
            Some(here) => {
                let thread = here.thread.as_deref();
                tx.rows(HERE, args![&here.account, &here.channel, thread, limit]).await?
            }
            None => tx.rows(SOON, args![limit]).await?,
        };
        if self.filter.address.is_none() {
            rows.extend(tx.rows(if self.filter.all { ALL } else { OPEN }, args![limit]).await?);
        }
        // Whoever asks from a place sees what is theirs elsewhere, too, and nobody's own is hidden by a limit.
        if let Caller::Person { account, person, .. } = &self.asker.caller {
            rows.extend(tx.rows(MINE, args![account, person.id.as_str(), limit]).await?);
        }
        let mut found: Vec<FollowupView> = Vec::new();
        for row in &rows {
            // One row that cannot be read must not hide the others.
            let followup = match FollowupRow::decode(row) {
                Ok(followup) => followup,
                Err(error) => {
                    tracing::warn!(%error, "a follow-up is left out of the list");
                    continue;
                }
            };
            let known = found.iter().any(|other| other.id == followup.id);
            if !known && followup_standing(&self.asker, &followup).may_read() {
                found.push(followup_view(tx, &self.asker, &followup).await?);
            }
        }
        // Those without a next time, such as paused ones, stand last.
        found.sort_by_key(|one| (one.next.unwrap_or(Timestamp(i64::MAX)), one.created, one.id.clone()));
        found.truncate(limit as usize);
        Ok(found)
    }
}

/// Everything about one follow-up.
#[derive(Clone, Debug)]
pub struct InspectFollowup {
    /// Who asks.
    pub asker: Asker,
    /// Which follow-up.
    pub name: String,
    /// How many of its newest occurrences.
    pub limit: Limit,
}

#[async_trait]
impl Change for InspectFollowup {
    type Out = Result<FollowupInspection, FollowupUnresolved>;

    fn name(&self) -> &'static str {
        "inspect_followup"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<Self::Out, StoreError> {
        let followup = match resolve_followup(tx, &self.asker, &self.name).await? {
            Ok(followup) => followup,
            Err(unresolved) => return Ok(Err(unresolved)),
        };
        let mut occurrences = Vec::new();
        for row in tx.rows(NEWEST, args![&followup.id, self.limit.get()]).await? {
            match view(&row) {
                Ok(occurrence) => occurrences.push(occurrence),
                Err(error) => tracing::warn!(%error, "an occurrence is left out of the list"),
            }
        }
        let followup = followup_view(tx, &self.asker, &followup).await?;
        Ok(Ok(FollowupInspection { followup, occurrences }))
    }
}
