//! Rows as the rules see them. A row that does not decode is an error here, never a default.

mod contract;
mod followup;
mod receipt;
mod worker;

pub(crate) use contract::{CONTRACT_BY_ID, CONTRACTS_OF_WORKER, ContractRow};
pub(crate) use followup::{
    FOLLOWUP_BY_ID, FollowupRow, OCCURRENCE_BY_ID, OccurrenceRow, followup_columns, occurrence_columns,
};
pub(crate) use receipt::{RECEIPT_BY_ID, RECEIPTS_OF_CONTRACT, ReceiptRow, newest};
pub(crate) use worker::{WORKER_BY_ID, WorkerRow, worker_columns};

use wilco_core::{AccountId, Address};

use crate::engine::Row;
use crate::error::StoreError;

/// Reads the three columns of an address.
pub(crate) fn address(row: &Row) -> Result<Address, StoreError> {
    Ok(Address {
        account: AccountId::new(row.text("account")?),
        channel: row.text("channel")?,
        thread: row.opt_text("thread")?,
    })
}

/// A stored name of a closed type; an unknown one is reported with its column.
pub(crate) fn named<T>(row: &Row, column: &str, from_name: impl Fn(&str) -> Option<T>) -> Result<T, StoreError> {
    known(column, &row.text(column)?, from_name)
}

/// As [`named`], where the column may be empty.
pub(crate) fn opt_named<T>(
    row: &Row,
    column: &str,
    from_name: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, StoreError> {
    row.opt_text(column)?.map(|name| known(column, &name, from_name)).transpose()
}

fn known<T>(column: &str, name: &str, from_name: impl Fn(&str) -> Option<T>) -> Result<T, StoreError> {
    from_name(name).ok_or_else(|| StoreError::Undecodable {
        what: column.to_owned(),
        why: format!("`{name}` is no name that this version knows"),
    })
}

/// A value as the JSON text that a column holds.
pub(crate) fn json<T: serde::Serialize>(value: &T) -> String {
    // The types that are stored hold no map with keys that are no strings, which is the only way to fail.
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}
