//! What a starting instance does about the one that is gone, and how a living one keeps its claims.

use async_trait::async_trait;
use wilco_core::job::SAY;
use wilco_core::journal::Event;
use wilco_core::schedule::WORKER_LEASE;
use wilco_core::worker::{EndKind, Ending, OnInterrupt, WorkerSignal, recover};
use wilco_core::{InstanceId, Timestamp, WorkerId, wording};

use super::finish::terminate;
use super::{Fresh, Platforms, aside, followup};
use crate::crash;
use crate::engine::{Change, Tx, args};
use crate::error::StoreError;
use crate::journal;
use crate::rows::{WorkerRow, worker_columns};

pub(super) const LOST: &str =
    concat!(worker_columns!(), "WHERE owner IS NOT NULL AND owner <> $1 AND ($2 = 1 OR lease_until <= $3)");
const REQUEUE: &str = "UPDATE workers SET state = 'queued', owner = NULL, lease_until = NULL, deadline = NULL, \
                       hard_deadline = NULL, ahead = NULL, reruns = reruns + 1, \
                       attempt = CASE WHEN attempt > 0 THEN attempt - 1 ELSE 0 END WHERE id = $1";
const PROGRESS_OFF: &str = "UPDATE contracts SET progress_deadline = NULL WHERE worker = $1";
/// Until when the address of a receipt asked for silence.
macro_rules! silence {
    () => {
        "(SELECT MAX(until) FROM parks WHERE parks.account = receipts.account \
          AND (parks.channel = '' OR parks.channel = receipts.channel) AND until > $1)"
    };
}
pub(super) const IN_DOUBT: &str = concat!(
    "UPDATE receipts SET state = 'pending', due_at = CASE WHEN EXISTS (SELECT 1 FROM \
                        paused_accounts WHERE paused_accounts.account = receipts.account) THEN NULL \
                        ELSE COALESCE(",
    silence!(),
    ", $1) END, parked_until = ",
    silence!(),
    ", \
                        lease_owner = NULL, lease_until = NULL, \
                        doubt = CASE WHEN kind IN ('stub', 'ping') THEN 1 ELSE 0 END, \
                        edit_open = CASE WHEN kind IN ('stub', 'ping') THEN 0 ELSE 1 END \
                        WHERE state = 'sending' AND ((lease_owner <> $2 AND $3 = 1) OR lease_until <= $1)"
);
/// A doubt counts from here on: how old it is can be told by no clock that was set meanwhile.
pub(super) const WINDOWS: &str = "UPDATE contracts SET edit_until = NULL, doubt_at = $1 WHERE edit_open = 1";
pub(super) const WAKE: &str = "UPDATE receipts SET due_at = CASE WHEN parked_until > $1 THEN parked_until ELSE $1 END \
                    WHERE attempts = 0 AND due_at > CASE WHEN parked_until > $1 THEN parked_until ELSE $1 END";
pub(super) const RENEW: &str = "UPDATE workers SET lease_until = $1 WHERE owner = $2";
const RESUME: &str = "DELETE FROM paused_accounts";
/// What was asked of this message alone holds as well.
pub(super) const RELEASE: &str = concat!(
    "UPDATE receipts SET due_at = CASE WHEN parked_until > COALESCE(",
    silence!(),
    ", $1) THEN parked_until ELSE COALESCE(",
    silence!(),
    ", $1) END, parked_until = CASE WHEN parked_until > COALESCE(",
    silence!(),
    ", $1) THEN parked_until ELSE ",
    silence!(),
    " END \
                       WHERE state = 'pending' AND due_at IS NULL AND settled_at IS NULL"
);

/// Takes over what a dead instance has left behind (requirements U1 to U5).
#[derive(Clone, Debug)]
pub struct Recover {
    /// The new instance.
    pub owner: InstanceId,
    /// Whether every other instance is known to be dead, because this one holds the store's lock.
    pub alone: bool,
    /// The steady time.
    pub now: Timestamp,
    /// The wall clock.
    pub wall: Timestamp,
    /// The measures of the accounts.
    pub platforms: Platforms,
    /// Receipt ids.
    pub fresh: Fresh,
}

/// What was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Workers that run again.
    pub rerun: u32,
    /// Workers that ended.
    pub ended: u32,
    /// Receipts whose attempt is in doubt.
    pub in_doubt: u64,
    /// Occurrences of follow-ups that were claimed and had not fired.
    pub released: u64,
}

#[async_trait]
impl Change for Recover {
    type Out = Recovered;

    fn name(&self) -> &'static str {
        "recover"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<Recovered, StoreError> {
        let mut fresh = self.fresh.clone();
        let mut found = Recovered {
            in_doubt: tx.run(IN_DOUBT, args![self.now, &self.owner, self.alone]).await?,
            ..Recovered::default()
        };
        super::pairing::end_offer(tx).await?;
        if self.alone {
            // The edits of the dead process may still land; nothing waits for them, the re-assert covers them.
            tx.run(WINDOWS, args![self.now]).await?;
            tx.run(WAKE, args![self.now]).await?;
        }
        found.released = followup::release_lost(tx, &self.owner, self.alone, self.now, self.wall).await?;
        for row in tx.rows(LOST, args![&self.owner, self.alone, self.now]).await? {
            let worker = match WorkerRow::decode(&row) {
                Ok(worker) => worker,
                // One bad row must not keep the bot from starting.
                Err(StoreError::Undecodable { what, why }) => {
                    aside::worker(tx, &WorkerId::new(row.text("id")?), &what, &why, self.now).await?;
                    found.ended += 1;
                    continue;
                }
                Err(other) => return Err(other),
            };
            // A reminder only says something: it brought no process down, and is never given up for one.
            let (rule, reruns) = match worker.kind.as_str() {
                SAY => (OnInterrupt::Rerun, 0),
                _ => (worker.rules.on_interrupt, worker.reruns),
            };
            let signal = recover(worker.state, rule, reruns);
            let rerun = signal == WorkerSignal::Requeue;
            journal::append(tx, &worker.id, self.now, &[Event::Recovered { rerun }]).await?;
            let (id, short) = (worker.id.clone(), worker.short.clone());
            tx.tell(move || tracing::warn!(worker_id = %id, %short, rerun, "worker was lost with its process"));
            if rerun {
                tx.run(REQUEUE, args![&worker.id]).await?;
                tx.run(PROGRESS_OFF, args![&worker.id]).await?;
                found.rerun += 1;
            } else {
                let ending = Ending::bare(EndKind::Interrupted, wording::restarted_at(self.now));
                terminate(tx, worker, &ending, self.now, &self.platforms, &mut fresh).await?;
                found.ended += 1;
            }
        }
        crash::point("store.recover.applied");
        Ok(found)
    }
}

/// Keeps the workers of a living instance.
#[derive(Clone, Debug)]
pub struct RenewLeases {
    /// Whose.
    pub owner: InstanceId,
    /// When.
    pub now: Timestamp,
}

#[async_trait]
impl Change for RenewLeases {
    type Out = ();

    fn name(&self) -> &'static str {
        "renew"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        tx.run(RENEW, args![self.now.plus(WORKER_LEASE), &self.owner]).await?;
        Ok(())
    }
}

/// Lets paused accounts try again: at the start, and when the configuration has changed.
#[derive(Clone, Copy, Debug)]
pub struct ResumeAccounts {
    /// When.
    pub now: Timestamp,
}

#[async_trait]
impl Change for ResumeAccounts {
    /// How many accounts were paused.
    type Out = u64;

    fn name(&self) -> &'static str {
        "resume_accounts"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<u64, StoreError> {
        let paused = tx.run(RESUME, args![]).await?;
        tx.run(RELEASE, args![self.now]).await?;
        Ok(paused)
    }
}
