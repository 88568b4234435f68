//! Calls that carry no receipt: what a platform has asked for holds for them, and what it answers to them
//! holds for everybody.

use async_trait::async_trait;
use wilco_core::{Address, NotSurfaced, Timestamp};

use super::{contract, verdict};
use crate::engine::{Change, Tx};
use crate::error::StoreError;

/// Asks whether a call into an address may leave now: neither its chat nor its account was told to wait, and
/// the account is not paused. To be read right before the call.
#[derive(Clone, Debug)]
pub struct MayCall {
    /// Into which address.
    pub address: Address,
    /// When.
    pub now: Timestamp,
}

#[async_trait]
impl Change for MayCall {
    type Out = bool;

    fn name(&self) -> &'static str {
        "may_call"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        let due = contract::due(tx, &self.address, self.now).await?;
        Ok(due.at.is_some_and(|at| at <= self.now))
    }
}

/// Keeps what a platform answered to a probe or a sign as far as it concerns other calls: a wait parks its chat or its
/// account, a refusal of the credentials pauses the account. Every other answer changes nothing.
#[derive(Clone, Debug)]
pub struct Probed {
    /// Which address was called.
    pub address: Address,
    /// The answer.
    pub reason: NotSurfaced,
    /// When it came; a wait counts from here.
    pub now: Timestamp,
}

#[async_trait]
impl Change for Probed {
    type Out = ();

    fn name(&self) -> &'static str {
        "probed"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        match &self.reason {
            NotSurfaced::RetryAfter { delay, scope } => {
                verdict::park(tx, &self.address, *scope, self.now.plus(*delay)).await
            }
            NotSurfaced::StopAccount(cause) => verdict::pause_account(tx, &self.address, cause, self.now).await,
            NotSurfaced::Silent
            | NotSurfaced::Retry(_)
            | NotSurfaced::Ambiguous(_)
            | NotSurfaced::Fallback(_)
            | NotSurfaced::Reshape(_)
            | NotSurfaced::Moved(_)
            | NotSurfaced::Gone(_)
            | NotSurfaced::Bug(_) => Ok(()),
        }
    }
}
