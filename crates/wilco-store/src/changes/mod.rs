//! The sentences of the store. Each is a value with everything that it needs drawn beforehand, so
//! that it can be applied again: load rows, call the rule, save, append the journal, insert receipts.

mod accept;
mod again;
mod answer;
mod aside;
mod ask;
mod begin;
mod cancel;
mod claim;
pub(crate) mod contract;
mod deadlines;
mod edit;
mod finish;
mod followup;
pub(crate) mod gate;
pub(crate) mod hot;
mod offer;
mod pairing;
mod probe;
mod prune;
mod record;
mod recover;
pub(crate) mod resolve;
mod retry;
mod route;
mod settle;
mod shelf;
mod verdict;
mod watch;

pub use accept::{NewJob, Started};
pub use again::RetryLater;
pub use answer::AnswerDone;
pub use ask::{AskQuestion, Asked};
pub use begin::{BeginDue, Run, STARTS};
pub use cancel::{CancelDone, RequestCancel};
pub use claim::{Claim, ClaimDue, Claimed};
pub use deadlines::{DeadlineMissed, Deadlines, ExtendDeadlines, Missed, MissedKind};
pub use edit::{EditClaim, EndEdit, StartEdits, Windows};
pub use finish::Finish;
pub use followup::{
    ChangeFollowup, ClaimOccurrences, ClaimedOccurrences, DispatchFailed, Fire, Fired, FiredHow, Firing, FollowupTold,
    FollowupUnresolved, NewFollowup, Pulse, Risen, ScheduleFollowup, Scheduling, SetZone, Stopped, ZoneOf, Zones,
};
pub(crate) use followup::{followup_standing, resolve_followup};
pub use gate::{CloseGate, Gates, OpenGates};
pub use offer::{Act, Offer, OfferItem, Offered};
pub use pairing::{Grants, OfferPairing, RevokeGrant};
pub use probe::{MayCall, Probed};
pub use prune::{Prune, Pruned};
pub use record::Record;
pub use recover::{Recover, Recovered, RenewLeases, ResumeAccounts};
pub use resolve::{Asker, Unresolved};
pub use retry::RetryReceipt;
pub use settle::{Resolution, Settle, Settled};
pub use shelf::{ShelfGet, ShelfPut, ShelfPutNew, ShelfRemove, ShelfScan};
pub use watch::{NewWatch, WatchDone};

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use wilco_core::messaging::{Abilities, Limits};
use wilco_core::text::Unit;
use wilco_core::{AccountId, ContractId, OccurrenceId, ReceiptId, Short, WorkerId};

/// The measures of every connected account. Planning needs them inside of a transaction.
#[derive(Clone, Debug, Default)]
pub struct Platforms(Arc<BTreeMap<AccountId, Limits>>);

/// What holds for an account that is not connected now: the smallest measures of any platform.
const CAREFUL: Limits = Limits {
    unit: Unit::Utf16,
    text: 2_000,
    file: 0,
    edit_pace: Duration::from_secs(3),
    abilities: Abilities { edit: true, nonce_window: None, look_up: false, files: false, buttons: false },
};

impl Platforms {
    /// The measures by account.
    pub fn new(limits: BTreeMap<AccountId, Limits>) -> Self {
        Self(Arc::new(limits))
    }

    /// The measures of one account.
    pub fn limits(&self, account: &AccountId) -> &Limits {
        self.0.get(account).unwrap_or(&CAREFUL)
    }
}

/// Receipt ids that a change may need, without knowing beforehand how many: a drawn UUID, counted up.
/// Applying the change again starts over and meets the same ids.
#[derive(Clone, Debug)]
pub struct Fresh {
    base: u128,
    used: u128,
}

impl Fresh {
    /// Begins at a UUID of 32 hexadecimal digits, as [`wilco_core::random::Dice::uuid`] draws it.
    pub fn new(uuid: &str) -> Self {
        Self { base: u128::from_str_radix(uuid, 16).unwrap_or_default(), used: 0 }
    }

    /// Begins behind the id of a row that exists, so that no row drawn from here can have it, too.
    pub(crate) fn behind(uuid: &str) -> Self {
        Self { used: 1, ..Self::new(uuid) }
    }

    fn next(&mut self) -> u128 {
        let id = self.base.wrapping_add(self.used);
        self.used += 1;
        id
    }

    pub(crate) fn receipt(&mut self) -> ReceiptId {
        ReceiptId::new(format!("{:032x}", self.next()))
    }

    pub(crate) fn worker(&mut self) -> WorkerId {
        WorkerId::new(format!("{:032x}", self.next()))
    }

    pub(crate) fn contract(&mut self) -> ContractId {
        ContractId::new(format!("{:032x}", self.next()))
    }

    pub(crate) fn occurrence(&mut self) -> OccurrenceId {
        OccurrenceId::new(format!("{:032x}", self.next()))
    }

    /// Candidates for a short id, as [`wilco_core::random::Dice::shorts`] draws them.
    pub(crate) fn shorts(&mut self) -> Vec<Short> {
        [4, 4, 4, 5, 6, 8, 12]
            .into_iter()
            .map(|length| {
                // Neighbouring ids have to spell words that have nothing in common.
                let print = wilco_core::text::fingerprint(&format!("{:032x}", self.next()));
                Short::spelled(u128::from(print), length)
            })
            .collect()
    }
}
