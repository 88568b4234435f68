//! Which accounts listen at this moment.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use wilco_core::AccountId;

/// A set of accounts that listen. A handle to what the process does now, not a fact.
#[derive(Debug, Default)]
pub(crate) struct Connections(Mutex<BTreeSet<AccountId>>);

impl Connections {
    pub(crate) fn up(&self, account: &AccountId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(account.clone());
    }

    pub(crate) fn down(&self, account: &AccountId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(account);
    }

    pub(crate) fn is_up(&self, account: &AccountId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(account)
    }
}
