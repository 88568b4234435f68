//! How the bot is, from what is stored.

use async_trait::async_trait;
use wilco_core::desk::{AccountHealth, Health};
use wilco_core::{AccountId, Timestamp};

use crate::changes::gate;
use crate::engine::{Change, Tx, args};
use crate::error::StoreError;

pub(super) const COUNTS: &str = "SELECT \
    (SELECT COUNT(*) FROM workers WHERE ended_at IS NULL AND state <> 'queued') AS running, \
    (SELECT COUNT(*) FROM workers WHERE state = 'queued') AS queued, \
    (SELECT COUNT(*) FROM receipts WHERE settled_at IS NULL AND state IN ('pending', 'sending')) AS undelivered, \
    (SELECT MIN(first_due) FROM receipts WHERE settled_at IS NULL AND state IN ('pending', 'sending')) AS oldest, \
    (SELECT COUNT(*) FROM receipts WHERE state = 'failed' AND replaced = 0) AS failed, \
    (SELECT MIN(due_at) FROM occurrences WHERE due_at IS NOT NULL) AS followup";
pub(super) const LAST_DELIVERY: &str =
    "SELECT MAX(settled_at) AS at FROM receipts WHERE state = 'surfaced' AND account = $1";
const PAUSED: &str = "SELECT account, reason FROM paused_accounts ORDER BY account";

/// Counts what runs, what waits and what could not be delivered.
#[derive(Clone, Copy, Debug)]
pub struct HealthOf;

#[async_trait]
impl Change for HealthOf {
    /// Its accounts are the paused ones only; who is connected is known to the loop.
    type Out = Health;

    fn name(&self) -> &'static str {
        "health"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<Health, StoreError> {
        let mut health = Health::default();
        if let Some(row) = tx.row(COUNTS, args![]).await? {
            health.running = row.count("running")?;
            health.queued = row.count("queued")?;
            health.undelivered = row.count("undelivered")?;
            health.oldest = row.opt_time("oldest")?;
            health.failed = row.count("failed")?;
            health.next_followup = row.opt_time("followup")?;
        }
        for row in tx.rows(PAUSED, args![]).await? {
            health.accounts.push(AccountHealth {
                account: AccountId::new(row.text("account")?),
                connected: false,
                paused: Some(row.text("reason")?),
                last_delivery: None,
                plain: 0,
            });
        }
        health.gates = gate::all_closed(tx).await?;
        Ok(health)
    }
}

/// When an account last made something visible.
#[derive(Clone, Debug)]
pub struct LastDelivery {
    /// Which account.
    pub account: AccountId,
}

#[async_trait]
impl Change for LastDelivery {
    /// None when it never has, as far as is kept.
    type Out = Option<Timestamp>;

    fn name(&self) -> &'static str {
        "last_delivery"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<Option<Timestamp>, StoreError> {
        match tx.row(LAST_DELIVERY, args![&self.account]).await? {
            Some(row) => row.opt_time("at"),
            None => Ok(None),
        }
    }
}
