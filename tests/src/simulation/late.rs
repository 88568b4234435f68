//! The last words of the dead: a process that was suspended, or whose transaction a server still carries out,
//! may speak after its successor has claimed what it was sending. Its claim has an old number by then.

use std::sync::{Arc, Mutex, PoisonError};

use wilco_core::receipt::Attempt;
use wilco_core::{Cause, DeliveryOutcome, InstanceId, NotSurfaced, ReceiptId, Timestamp};
use wilco_sim::{Draw, Verb};
use wilco_store::Store;
use wilco_store::changes::{Fresh, Platforms, Resolution, Settle};

use super::evidence::HeldClaim;
use super::schedule::{LateAnswer, LateWord, LateWords};

/// Far from every id that a process draws.
const IDS: u128 = 0x1a7e_0000_0000_0000_0000_0000_0000_0000;
/// Ids that one change may need.
const APART: u128 = 1 << 16;

/// What the dead still say, whichever process hears it.
#[derive(Clone)]
pub(super) struct Grave(Arc<Mutex<Words>>);

struct Words {
    words: LateWords,
    draw: Draw,
    taken: Vec<LateWord>,
}

impl Grave {
    pub(super) fn new(words: LateWords, draw: Draw) -> Self {
        Self(Arc::new(Mutex::new(Words { words, draw, taken: Vec::new() })))
    }

    fn with<T>(&self, change: impl FnOnce(&mut Words) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on the dead are silent.
    pub(super) fn rests(&self) {
        self.with(|grave| grave.words = LateWords::Listed(Vec::new()));
    }

    /// What was said so far.
    pub(super) fn taken(&self) -> Vec<LateWord> {
        self.with(|grave| grave.taken.clone())
    }

    /// What is said beside a call for something that a dead process was sending.
    fn next(&self, call: u64) -> Option<LateAnswer> {
        self.with(|grave| {
            let answer = match &grave.words {
                LateWords::Drawn(rate) => grave.draw.happens(*rate).then(|| *grave.draw.one_of(&LateAnswer::ALL)),
                LateWords::Listed(list) => list.iter().find(|one| one.call == call).map(|one| one.answer),
            }?;
            grave.taken.push(LateWord { call, answer });
            Some(answer)
        })
    }
}

/// What one process may hear of its dead predecessors.
pub(super) struct Echo {
    pub(super) grave: Grave,
    /// What they were sending.
    pub(super) claims: Vec<HeldClaim>,
    /// The store of the living.
    pub(super) store: Store,
    pub(super) platforms: Platforms,
}

impl Echo {
    /// The living process is about to call for a receipt; whoever held it before may settle it now.
    pub(super) async fn speaks(&self, call: u64, verb: Verb, receipt: &ReceiptId, now: Timestamp) {
        let Some(claim) = self.claims.iter().rfind(|claim| claim.receipt == receipt.as_str()) else { return };
        let attempt = match verb {
            Verb::Post => Attempt::Post,
            Verb::Edit => Attempt::Edit,
            Verb::Find | Verb::Probe | Verb::Status => return,
        };
        let Some(answer) = self.grave.next(call) else { return };
        let cause = Cause::new("late", "the word of a dead process");
        let reason = match answer {
            LateAnswer::NotEditable => NotSurfaced::Fallback(cause),
            LateAnswer::Gone => NotSurfaced::Gone(cause),
            LateAnswer::Bug => NotSurfaced::Bug(cause),
        };
        let change = Settle {
            receipt: receipt.clone(),
            fence: claim.fence,
            owner: InstanceId::new(&claim.owner),
            reassert: false,
            resolution: Resolution::Answered(attempt, DeliveryOutcome::NotSurfaced(reason)),
            now,
            jitter: 1.0,
            platforms: self.platforms.clone(),
            fresh: Fresh::new(&format!("{:032x}", IDS + u128::from(call) * APART)),
        };
        // Whether it was believed is seen by what becomes of the receipt.
        if let Err(error) = self.store.write(change).await {
            tracing::debug!(receipt_id = %receipt, %error, "the word of a dead process was not taken");
        }
    }
}
