use wilco_core::contract::ContractState;
use wilco_core::schedule::REASSERT_AFTER;
use wilco_core::{Address, ContractId, MessageRef, Person, Route, Timestamp, WorkerId};

use super::{address, named};
use crate::engine::Row;
use crate::error::StoreError;

pub(crate) const CONTRACT_BY_ID: &str = "SELECT * FROM contracts WHERE id = $1";
pub(crate) const CONTRACTS_OF_WORKER: &str = "SELECT * FROM contracts WHERE worker = $1 ORDER BY number";

/// One row of `contracts`.
#[derive(Clone, Debug)]
pub(crate) struct ContractRow {
    pub(crate) id: ContractId,
    pub(crate) worker: WorkerId,
    pub(crate) number: u32,
    pub(crate) state: ContractState,
    pub(crate) person: Person,
    pub(crate) route: Route,
    pub(crate) step: u32,
    pub(crate) address: Address,
    pub(crate) message: Option<MessageRef>,
    pub(crate) ack_deadline: Option<Timestamp>,
    pub(crate) progress_deadline: Option<Timestamp>,
    pub(crate) acked: Option<Timestamp>,
    pub(crate) shown_print: Option<String>,
    pub(crate) shown_at: Option<Timestamp>,
    pub(crate) edit_open: bool,
    pub(crate) edit_until: Option<Timestamp>,
    pub(crate) doubt_at: Option<Timestamp>,
}

impl ContractRow {
    pub(crate) fn decode(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: ContractId::new(row.text("id")?),
            worker: WorkerId::new(row.text("worker")?),
            number: row.count("number")?,
            state: named(row, "state", ContractState::from_name)?,
            person: row.json("person")?,
            route: row.json("route")?,
            step: row.count("step")?,
            address: address(row)?,
            message: row.opt_json("message")?,
            ack_deadline: row.opt_time("ack_deadline")?,
            progress_deadline: row.opt_time("progress_deadline")?,
            acked: row.opt_time("acked_at")?,
            shown_print: row.opt_text("shown_print")?,
            shown_at: row.opt_time("shown_at")?,
            edit_open: row.flag("edit_open")?,
            edit_until: row.opt_time("edit_until")?,
            doubt_at: row.opt_time("doubt_at")?,
        })
    }

    /// Whether an edit of the worker's message may still be on its way: one is open, or one whose
    /// outcome nobody knows was sent a short while ago, even if a later one is certain.
    pub(crate) fn edit_may_land(&self, now: Timestamp) -> bool {
        self.edit_open || self.in_doubt(now)
    }

    /// Whether an edit whose outcome nobody knows was sent a short while ago.
    pub(crate) fn in_doubt(&self, now: Timestamp) -> bool {
        self.doubt_at.is_some_and(|at| now.since(at) < REASSERT_AFTER)
    }

    /// The route's next address, if there is one.
    pub(crate) fn next_address(&self) -> Option<&Address> {
        self.route.step(self.step as usize + 1)
    }
}
